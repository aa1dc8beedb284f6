use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subtle::ConstantTimeEq;

use super::*;
use crate::Digest;
use crate::context::RecordId;
use crate::encoding::{Encoding, Message, SecretEncoding};
use crate::kac::ClassSet;
use crate::kac::params::unwatched;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn same(a: &SharedKey, b: &SharedKey) -> bool {
    a.ct_eq(b).into()
}

const NOW: Timestamp = Timestamp(15);

#[test]
fn the_delegatee_opens_what_was_granted() {
    let rng = &mut rng(1);
    let [owner, user, server] = [(); 3].map(|()| SigningKey::generate(rng));
    let grid = ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], 4).unwrap();
    let params = Params::generate(grid.classes(), &owner, rng, unwatched).unwrap();
    let root = OwnerRoot::generate(rng);
    let (secret, chain) = Kapre::owner_keygen(&params, &root, &owner, &Lineage::first(grid.clone()), rng).unwrap();
    let key = Kapre::verify_owner(&params, &chain, &owner.id()).unwrap();
    let set: ClassSet = "1-2,5".parse().unwrap();
    let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
    for kem in [HpkeKem::X25519, HpkeKem::XWing] {
        let (user_secret, user_public) = UserSecret::generate(kem, &user, rng).unwrap();
        let user_public = Signed::from_bytes(&user_public.to_bytes()).unwrap();
        let user_secret = UserSecret::from_bytes(&user_secret.to_secret_bytes()).unwrap();
        let user_key = Kapre::verify_user(&params, &user_public, &user.id()).unwrap();
        let (grant, [rekey]) =
            Kapre::delegate(&params, &secret, &owner, &user_key, &set.clone().into(), &validity, rng).unwrap();
        let grant = Grant::from_bytes(&grant.to_bytes()).unwrap();
        let rekey = ReKey::from_bytes(&rekey.to_secret_bytes()).unwrap();
        let grant = Kapre::verify_grant(&params, &key, &grant, NOW).unwrap();
        let rekey = Kapre::verify_rekey(&params, &key, &grant, &rekey).unwrap();
        let held = Kapre::accept_grant(&params, &user_secret, &grant).unwrap();
        for class in 0..8 {
            let label = ClassLabel::new(&grid, &grid.period(class).unwrap()).unwrap();
            let record = RecordId::from_array([7; 16]);
            let subject = Subject { record, version: 1, author: owner.id(), aad: b"x" };
            let ctx = Kapre::context(&params, &key, &label, &subject);
            let (capsule, shared) = Kapre::encapsulate(&params, &key, &ctx, &owner, rng).unwrap();
            let checked = Kapre::verify_capsule(&params, &key, &capsule, &ctx).unwrap();
            let part = Kapre::reencrypt(&params, &rekey, &checked, &server, NOW, rng);
            if !set.contains(class) {
                assert_eq!(part, Err(ReencryptError::Scope));
                continue;
            }
            let part = ReCapsule::from_bytes(&part.unwrap().to_bytes()).unwrap();
            let parts = [part];
            let opened = Kapre::open_reencrypted(&params, &held, &capsule, &parts, &ctx).unwrap();
            assert!(same(&opened, &shared));
            assert!(same(&Kapre::open(&params, &secret, &capsule, &ctx).unwrap(), &shared));
        }
    }
}

/// Two processes of one snapshot with a generator that repeats must not seal two messages under one key and nonce.
#[test]
fn another_message_is_sealed_under_another_key() {
    let signer = || SigningKey::from_seed(&[1; 32]);
    let rng = || ChaCha20Rng::from_seed([2; 32]);
    let (_, key) = UserSecret::generate(HpkeKem::X25519, &signer(), &mut rng()).unwrap();
    let key = user::verify_user(&key, &signer().id()).unwrap();
    let seal = |message: &[u8]| key.seal_message(message, &Digest::NONE, &signer(), &mut rng()).unwrap();
    assert_eq!(seal(b"one"), seal(b"one"));
    let (one, two) = (seal(b"one"), seal(b"two"));
    assert_ne!(one[..32], two[..32]);
}
