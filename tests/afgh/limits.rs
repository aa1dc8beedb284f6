//! `Afgh` with broken generators, what its secrets give away by themselves, and what cannot be defended: there the test
//! is that the loss is the documented one and no greater.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::scene::*;
use crate::common::{NOW, Owner, TestRng, User, assert_silent, fails_until, medical, party, rng, validity};
use sesphr::context::{Partition, Period, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::RngError;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G1Affine, Scalar, mul_q, pairing, vartime_pairing_eq};
use sesphr::identity::SigningKey;
use sesphr::kem::{EncapsulateError, OwnerRoot, SharedKey};
use sesphr::pre::afgh::*;
use sesphr::pre::{DelegateError, KeyError, Pre, ReencryptError};

// Broken generators ---------------------------------------------------------------------------------------------------

#[test]
fn generator_that_fails_at_any_draw() {
    let s = Scene::new();
    let (ctx, capsule, _) = s.seal();
    let checked = verify(&s.owner, &capsule, &ctx).unwrap();
    let rng_error = |e| e == RngError;
    fails_until(1, |rng| OwnerRoot::try_generate(rng).map_err(rng_error));
    fails_until(1, |rng| SigningKey::try_generate(rng).map_err(rng_error));
    fails_until(1, |rng| RecordId::try_generate(rng).map_err(rng_error));
    fails_until(1, |rng| {
        Afgh::owner_keygen(&(), &s.owner.root, &s.owner.signer, &medical(3), rng).map_err(|e| e == KeyError::Rng)
    });
    fails_until(2, |rng| Afgh::user_keygen(&(), &s.user.signer, rng).map_err(rng_error));
    fails_until(2, |rng| {
        Afgh::encapsulate(&(), &s.owner.key, &ctx, &s.author, rng).map_err(|e| e == EncapsulateError::Rng)
    });
    fails_until(1, |rng| {
        Afgh::delegate(&(), &s.owner.secret, &s.owner.signer, &s.user.key, &(), &validity(), rng)
            .map_err(|e| e == DelegateError::Rng)
    });
    fails_until(1, |rng| {
        Afgh::reencrypt(&(), &s.granted.verified, &checked, &party(90), NOW, rng).map_err(|e| e == ReencryptError::Rng)
    });
}

#[test]
fn generator_of_zeros_makes_no_root_and_no_party() {
    assert_eq!(OwnerRoot::try_generate(&mut TestRng::constant(0)).unwrap_err(), RngError);
    assert_eq!(SigningKey::try_generate(&mut TestRng::constant(0)).unwrap_err(), RngError);
    // A key from a good party is good.
    let (secret, public) = Afgh::user_keygen(&(), &party(2), &mut TestRng::constant(0)).unwrap();
    assert!(Afgh::verify_user(&(), &public, &party(2).id()).is_ok());
    assert!(!bool::from(scalar(&secret.to_secret_bytes()[36..]).is_zero()));
}

#[test]
fn generator_that_repeats_repeats_nothing_within_one_key_object() {
    let s = Scene::new();
    let ctx = s.ctx();
    let dead = || TestRng::constant(7);
    let seal = |author: &SigningKey| Afgh::encapsulate(&(), &s.owner.key, &ctx, author, &mut dead()).unwrap().0;
    let (first, second) = (seal(&s.author), seal(&s.author));
    let (a, b) = (first.to_bytes(), second.to_bytes());
    assert_ne!(a[4..52], b[4..52]);
    assert_ne!(a[52..84], b[52..84]);

    let checked = verify(&s.owner, &first, &ctx).unwrap();
    let server = party(90);
    let blind = |server: &SigningKey| {
        Afgh::reencrypt(&(), &s.granted.verified, &checked, server, NOW, &mut dead()).unwrap().to_bytes()
    };
    let (a, b) = (blind(&server), blind(&server));
    assert_ne!(a[4..52], b[4..52]);
    assert_ne!(a[52..], b[52..]);

    // The documented limit: two objects of one seed, and the generator repeats as well.
    assert_eq!(seal(&party(3)).to_bytes(), seal(&party(3)).to_bytes());
    assert_eq!(blind(&party(90)), blind(&party(90)));
}

/// Revocation goes by name, so grants that differ must not share one even then.
#[test]
fn two_grants_have_two_names_although_generator_and_counter_repeat() {
    let s = Scene::new();
    let second_key = Afgh::user_keygen(&(), &s.user.signer, &mut rng(200)).unwrap().1;
    let second_key = Afgh::verify_user(&(), &second_key, &s.user.signer.id()).unwrap();
    let id = |user: &VerifiedUser, from, to| {
        let validity = Validity::new(Timestamp(from), Timestamp(to)).unwrap();
        let mut rng = TestRng::constant(7);
        let (grant, _) = Afgh::delegate(&(), &s.owner.secret, &party(1), user, &(), &validity, &mut rng).unwrap();
        grant.unverified().id()
    };
    let first = id(&s.user.key, 10, 20);
    assert_eq!(first, id(&s.user.key, 10, 20));
    assert_ne!(first, id(&s.user.key, 11, 20));
    assert_ne!(first, id(&s.user.key, 10, 21));
    assert_ne!(first, id(&second_key, 10, 20));
    assert_ne!(first, id(&User::new(6).key, 10, 20));
}

// Secrets -------------------------------------------------------------------------------------------------------------

#[test]
fn secrets_do_not_print() {
    let s = Scene::new();
    let (_, _, shared) = s.seal();
    let (owner, user) = (s.owner.secret.to_secret_bytes(), s.user.secret.to_secret_bytes());
    let (root, party) = (s.owner.root.to_secret_bytes(), s.author.to_secret_bytes());
    let rekey = s.granted.rekey.to_secret_bytes();
    assert_silent(&s.owner.secret, &owner[owner.len() - 32..]);
    assert_silent(&s.user.secret, &user[36..]);
    assert_silent(&s.owner.root, &root[4..]);
    assert_silent(&s.author, &party[4..]);
    assert_silent(&s.granted.rekey, &rekey[36..]);
    assert_silent(&s.granted.verified, &rekey[36..]);
    assert_silent(&shared, &shared.hazmat_bytes()[..]);
}

assert_not!(
    SigningKey: Clone, OwnerRoot: Clone, OwnerSecret: Clone, UserSecret: Clone, ReKey: Clone, VerifiedReKey: Clone,
    SharedKey: Clone, OwnerSecret: PartialEq, UserSecret: PartialEq, ReKey: PartialEq, SharedKey: PartialEq,
    OwnerRoot: PartialEq, SigningKey: Encoding, OwnerSecret: Encoding, UserSecret: Encoding, ReKey: Encoding,
    OwnerRoot: Encoding, VerifiedCapsule: Message, VerifiedGrant: Message, VerifiedReKey: Message,
    VerifiedOwner: Message, VerifiedUser: Message,
);

// What cannot be defended, and how far it goes ------------------------------------------------------------------------

#[test]
fn server_and_delegatee_together_read_one_period_and_no_other() {
    let s = Scene::new();
    let b = scalar(&s.user.secret.to_secret_bytes()[36..]);
    // b⁻¹·rk = a⁻¹Q.
    let key = rk_of(&s.granted).mul(&b.invert().unwrap()).to_affine();
    let steal = |owner: &Owner, record| {
        let ctx = owner.ctx(&s.author, record, 1, b"never granted");
        let (capsule, shared) = owner.seal(&ctx, &s.author);
        let bytes = capsule.to_bytes();
        let z_rho = pairing(&g1(&bytes[4..]), &key);
        let mut sigma = *hash::kdf("sesphr v1 afgh mask", &z_rho.to_hash_bytes()[..], &[]);
        sigma.iter_mut().zip(&bytes[52..84]).for_each(|(s, c)| *s ^= c);
        let digest = ctx.digest();
        let parts: [&[u8]; 3] = [&bytes[4..52], &bytes[52..84], digest.as_bytes()];
        *hash::kdf("sesphr v1 afgh key", &sigma, &parts) == *shared.hazmat_bytes()
    };
    assert!(steal(&s.owner, 200));
    assert!(!steal(&Owner::new(1, medical(4)), 200));
    assert!(!steal(&Owner::new(1, Period { partition: Partition::PERSONAL, epoch: 3 }), 200));
    // It mints re-keys for anybody as well: a⁻¹Q·x carries out B = xQ.
    let x = Scalar::from_u64(17);
    let (rk, point) = (key.mul(&x).to_affine(), mul_q(&x).to_affine());
    assert!(vartime_pairing_eq(&point_of(&s.owner), &rk, &G1Affine::generator(), &point));
}

#[test]
fn known_blinding_reveals_the_re_key() {
    let s = Scene::new();
    let (ctx, capsule, _) = s.seal();
    let checked = verify(&s.owner, &capsule, &ctx).unwrap();
    let mut rng = TestRng::constant(7);
    let part = Afgh::reencrypt(&(), &s.granted.verified, &checked, &party(90), NOW, &mut rng).unwrap().to_bytes();
    let rk = rk_of(&s.granted);
    let tau = |seed: u8| {
        let hedge = hash::kdf("sesphr v1 hedge key", &[seed; 32], &[]);
        let (rk, capsule, digest) = (rk.to_bytes(), capsule.to_bytes(), ctx.digest());
        let parts: [&[u8]; 6] = [&[7; 32], &hedge[..], &[0; 8], &rk, &capsule[4..52], digest.as_bytes()];
        hash::scalar("sesphr v1 afgh blind", &parts)
    };
    assert_eq!(g2(&part[52..]).mul(&tau(90)).to_affine(), rk);
    // The generator alone does not tell it.
    assert_ne!(g2(&part[52..]).mul(&tau(91)).to_affine(), rk);
}
