//! What the secrets of `Threshold` give away by themselves: umbral-pre 0.11 prints the scalar of a share.

use crate::common::threshold::*;
use crate::common::{assert_silent, medical};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::kem::SharedKey;
use sesphr::pre::threshold::*;
use zeroize::ZeroizeOnDrop;

#[test]
fn secrets_do_not_print() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let (a, b) = (s.owner.a().to_bytes(), s.user.b().to_bytes());
    let d = s.user.factor(&s.owner, &s.held.signed).to_bytes();
    let part = s.part(1, &capsule, &ctx);
    let checked = s.held.check(&capsule, &part, &ctx).unwrap();
    let claim = Claim { grant: &s.held.grant, capsule: &capsule, ctx: &ctx, part: &part };
    let shares: Vec<_> = (1..=3).map(|k| s.held.share(k).to_bytes()).collect();
    let everything: [&dyn std::fmt::Debug; 17] = [
        &s.owner.secret,
        &s.owner.public,
        &s.owner.key,
        &s.owner.key.clone().precompute(),
        &s.owner.tree,
        &s.owner.tree.label(&medical(3)),
        &s.user.secret,
        &s.user.key,
        &s.held.signed,
        &s.held.grant,
        &s.held.fragments,
        &s.held.verified,
        &s.held.user,
        &capsule,
        &part,
        &checked,
        &claim,
    ];
    for value in everything {
        for secret in [&a, &b, &d].into_iter().chain(&shares) {
            assert_silent(value, &secret[..]);
        }
        assert_silent(value, &key);
        assert_silent(value, &s.owner.root.to_secret_bytes()[4..]);
    }
    // The control: what prints, prints.
    assert!(format!("{:?}", s.held.fragments[0]).contains("index: 1"));
    assert!(s.held.fragments[0].to_secret_bytes().ends_with(&shares[0][..]));
}

assert_not!(
    OwnerSecret: Clone, UserSecret: Clone, UserGrant: Clone, Fragment: Clone, VerifiedFragment: Clone, SharedKey: Clone,
    OwnerSecret: PartialEq, UserSecret: PartialEq, UserGrant: PartialEq, Fragment: PartialEq, VerifiedFragment: PartialEq,
    OwnerSecret: Encoding, UserSecret: Encoding, Fragment: Encoding, VerifiedFragment: Message, UserGrant: Message,
    VerifiedGrant: Message, VerifiedOwner: Message, VerifiedUser: Message, VerifiedCapsule: Message, VerifiedPart: Message,
    sesphr::hazmat::ristretto::Scalar: Copy, sesphr::hazmat::ristretto::Scalar: PartialEq,
);

/// Each is wiped when dropped: their scalars wipe themselves, and they say so.
#[test]
fn secrets_are_wiped() {
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<OwnerSecret>();
    wiped::<UserSecret>();
    wiped::<UserGrant>();
    wiped::<Fragment>();
    wiped::<VerifiedFragment>();
    wiped::<sesphr::hazmat::ristretto::Scalar>();
    let mut scalar = small(7);
    zeroize::Zeroize::zeroize(&mut scalar);
    assert!(bool::from(scalar.is_zero()));
}

/// A secret comes back from its bytes.
#[test]
fn secrets_survive_their_encoding() {
    let s = Scene::new(2, 3);
    let owner = OwnerSecret::from_bytes(&s.owner.secret.to_secret_bytes()).unwrap();
    assert_eq!(owner.period(), medical(3));
    let zero = |bytes: &[u8]| [&bytes[..bytes.len() - 32], &[0; 32]].concat();
    assert!(OwnerSecret::from_bytes(&zero(&s.owner.secret.to_secret_bytes())).is_err());
    assert!(UserSecret::from_bytes(&zero(&s.user.secret.to_secret_bytes())).is_err());
    assert!(Fragment::from_bytes(&zero(&s.held.fragments[0].to_secret_bytes())).is_err());
    let user = UserSecret::from_bytes(&s.user.secret.to_secret_bytes()).unwrap();
    assert_eq!(user.to_secret_bytes(), s.user.secret.to_secret_bytes());
}
