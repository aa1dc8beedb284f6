use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subtle::ConstantTimeEq;

use super::*;
use crate::context::{Partition, RecordId};

#[test]
fn owner_and_delegatee_open() {
    let rng = &mut ChaCha20Rng::from_seed([1; 32]);
    let (owner, author, user, server) =
        (SigningKey::generate(rng), SigningKey::generate(rng), SigningKey::generate(rng), SigningKey::generate(rng));
    let root = OwnerRoot::generate(rng);
    let period = Period { partition: Partition::MEDICAL, epoch: 3 };
    let (secret, public) = Afgh::owner_keygen(&(), &root, &owner, &period, rng).unwrap();
    let key = Afgh::verify_owner(&(), &public, &owner.id()).unwrap();
    let (user_secret, user_public) = Afgh::user_keygen(&(), &user, rng).unwrap();
    let user_key = Afgh::verify_user(&(), &user_public, &user.id()).unwrap();
    let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: author.id(), aad: b"x" };
    let ctx = Afgh::context(&(), &key, &(), &subject);
    let (capsule, shared) = Afgh::encapsulate(&(), &key, &ctx, &author, rng).unwrap();
    assert!(bool::from(Afgh::open(&(), &secret, &capsule, &ctx).unwrap().ct_eq(&shared)));

    let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
    let (grant, [rekey]) = Afgh::delegate(&(), &secret, &owner, &user_key, &(), &validity, rng).unwrap();
    let now = Timestamp(15);
    let grant = Afgh::verify_grant(&(), &key, &grant, now).unwrap();
    let rekey = Afgh::verify_rekey(&(), &key, &grant, &rekey).unwrap();
    let checked = Afgh::verify_capsule(&(), &key, &capsule, &ctx).unwrap();
    let part = Afgh::reencrypt(&(), &rekey, &checked, &server, now, rng).unwrap();
    let opened = Afgh::open_reencrypted(&(), &user_secret, &grant, &capsule, &[part], &ctx).unwrap();
    assert!(bool::from(opened.ct_eq(&shared)));
}
