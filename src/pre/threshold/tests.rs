use alloc::sync::Arc;
use alloc::vec::Vec;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use subtle::ConstantTimeEq;

use super::*;
use crate::context::{Partition, Period, RecordId, Validity};
use crate::encoding::{Encoding, Message};

/// The bytes that the documentation names.
#[test]
fn everything_has_its_length() {
    let rng = &mut ChaCha20Rng::from_seed([1; 32]);
    let (owner, user) = (SigningKey::generate(rng), SigningKey::generate(rng));
    let servers: Vec<_> = (0..3).map(|_| SigningKey::generate(rng)).collect();
    let root = OwnerRoot::generate(rng);
    let tree = Arc::new(LabelTree::derive(&root, owner.id(), Partition::SESPHR, 4).unwrap());
    let label = tree.label(&Period { partition: Partition::MEDICAL, epoch: 3 }).unwrap();
    let (secret, public) = Threshold::owner_keygen(&(), &root, &owner, &label, rng).unwrap();
    assert_eq!(public.encoded_len(), 4 + 140 + 4 + (4 + 7) + 4 + 32 + 4 + 4 * 32);
    let key = Threshold::verify_owner(&(), &public, &owner.id()).unwrap();
    let (user_secret, user_public) = Threshold::user_keygen(&(), &user, rng).unwrap();
    let user_key = Threshold::verify_user(&(), &user_public, &user.id()).unwrap();
    let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: owner.id(), aad: b"x" };
    let ctx = Threshold::context(&(), &key, &(), &subject);
    let (capsule, shared) = Threshold::encapsulate(&(), &key, &ctx, &owner, rng).unwrap();
    assert_eq!(capsule.encoded_len(), 98);
    let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
    let terms = Terms { validity, servers: Servers::new(2, servers.iter().map(SigningKey::id)).unwrap() };
    let (grant, fragments) = Threshold::delegate(&(), &secret, &owner, &user_key, &(), &terms, rng).unwrap();
    assert_eq!(grant.encoded_len(), 100 + 174 + 3 * 32 + 2 * 32);
    let grant = Threshold::verify_grant(&(), &key, &grant, Timestamp(15)).unwrap();
    let held = Threshold::accept_grant(&(), &user_secret, &grant).unwrap();
    let checked = Threshold::verify_capsule(&(), &key, &capsule, &ctx).unwrap();
    let mut parts = Vec::new();
    for (server, fragment) in servers.iter().zip(&fragments) {
        assert_eq!(fragment.encoded_len(), 69);
        let fragment = Threshold::verify_rekey(&(), &key, &grant, fragment).unwrap();
        let part = Threshold::reencrypt(&(), &fragment, &checked, server, Timestamp(15), rng).unwrap();
        assert_eq!(part.to_bytes().len(), 133);
        parts.push(part);
    }
    assert!(bool::from(Threshold::open(&(), &secret, &capsule, &ctx).unwrap().ct_eq(&shared)));
    for chosen in [[0, 1], [2, 0], [1, 2]] {
        let parts = chosen.map(|i: usize| parts[i].clone());
        let opened = Threshold::open_reencrypted(&(), &held, &capsule, &parts, &ctx).unwrap();
        assert!(bool::from(opened.ct_eq(&shared)));
    }
    let verified: Vec<_> = parts
        .iter()
        .map(|part| {
            Threshold::vartime_verify_part(&Claim { grant: &grant, capsule: &capsule, ctx: &ctx, part }).unwrap()
        })
        .collect();
    assert!(bool::from(Threshold::open_verified(&held, &capsule, &verified, &ctx).unwrap().ct_eq(&shared)));
    let claims: Vec<_> = parts.iter().map(|part| Claim { grant: &grant, capsule: &capsule, ctx: &ctx, part }).collect();
    assert!(Threshold::vartime_verify_parts(&claims, rng).unwrap().iter().all(Option::is_some));
}
