//! What is no token of a rotation, each a test named after what the attacker does; and what a token gives to whom.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::kapre::*;
use crate::common::scene::message;
use crate::common::{NOW, assert_silent};
use crate::rotation::{delta, delta_of, generations, moved_by, next, rotate, token, verified, with};
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::hazmat::pairing::{Scalar, mul_p};
use sesphr::kac::params::Params;
use sesphr::kac::*;
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerTerms;
use sesphr::pre::{GrantTerms, Pre};

/// A token from its fields.
fn token_of(from: &VerifiedGeneration, to: &VerifiedGeneration, delta: &Scalar) -> RotationToken {
    message(&[from.origin().as_bytes(), to.origin().as_bytes(), &delta.to_bytes()[..]])
}

// Tokens --------------------------------------------------------------------------------------------------------------

#[test]
fn token_between_keys_that_do_not_follow_each_other() {
    let kits = generations(3);
    let other = Kit::new(5, 2);
    let other = [next(&other), other];
    let [other_next, other] = &other;
    let foreign = Params::hazmat_from_alpha(5, &Scalar::from_u64(9)).unwrap();
    let elsewhere = Kit::with(1, foreign, kits[0].generation.grid());
    let narrow = Kit::with(
        1,
        Params::hazmat_from_alpha(5, &alpha()).unwrap(),
        &ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], 1).unwrap(),
    );
    for (what, from, to) in [
        ("backwards", &kits[1], &kits[0]),
        ("backwards over one", &kits[2], &kits[0]),
        ("to itself", &kits[1], &kits[1]),
        ("the first to itself", &kits[0], &kits[0]),
        ("to another owner", &kits[0], other_next),
        ("from another owner", other, &kits[1]),
        ("from other parameters", &elsewhere, &kits[1]),
        ("from another grid", &narrow, &kits[1]),
    ] {
        assert_eq!(Kac::token(&from.secret, &to.secret).unwrap_err(), RotateError::Chain, "{what}");
        assert_eq!(Kapre::token(&from.secret, &to.secret).unwrap_err(), RotateError::Chain, "{what}");
        // With the right difference in it, which is 0 from a key to itself.
        let difference = token_of(&from.generation, &to.generation, &Scalar::from_u64(7));
        for newest in [&kits[0], &kits[1], &kits[2], to] {
            let refused = Kac::verify_token(&newest.generation, &difference).unwrap_err();
            assert_eq!(refused, RotateError::Chain, "{what}");
        }
    }
    // To a generation before or after that of the cloud's directory.
    let genuine = token(&kits[0], &kits[1]);
    assert_eq!(Kac::verify_token(&kits[2].generation, &genuine).unwrap_err(), RotateError::Chain);
    assert_eq!(Kac::verify_token(&kits[0].generation, &genuine).unwrap_err(), RotateError::Chain);
    assert_eq!(Kac::verify_token(&other_next.generation, &genuine).unwrap_err(), RotateError::Chain);
    assert!(Kac::verify_token(&kits[1].generation, &genuine).is_ok());
    assert!(Kapre::verify_token(&kits[1].generation, &genuine).is_ok());
}

#[test]
fn token_that_was_tampered_with() {
    let kits = generations(3);
    let delta = delta(&kits[0], &kits[1]);
    let check = |from: &Kit, to: &VerifiedGeneration, delta: &Scalar| {
        let error = Kac::verify_token(to, &token_of(&from.generation, to, delta)).err();
        assert_eq!(Kapre::verify_token(to, &token_of(&from.generation, to, delta)).err(), error);
        error
    };
    assert_eq!(check(&kits[0], &kits[1].generation, &delta), None);
    let wrong = [
        &delta + &Scalar::one(),
        &delta + &delta,
        -&delta,
        Scalar::one(),
        delta_of(&token(&kits[1], &kits[2])),
        delta_of(&token(&kits[0], &kits[2])),
    ];
    for (k, wrong) in wrong.iter().enumerate() {
        assert_eq!(check(&kits[0], &kits[1].generation, wrong), Some(RotateError::Token), "{k}");
    }
    // The right difference under other names.
    assert_eq!(check(&kits[0], &kits[2].generation, &delta), Some(RotateError::Token));
    assert_eq!(check(&kits[1], &kits[2].generation, &delta), Some(RotateError::Token));
    for minus in [&delta, &-&delta] {
        let swapped = token_of(&kits[1].generation, &kits[0].generation, minus);
        for kit in &kits {
            assert_eq!(Kac::verify_token(&kit.generation, &swapped).unwrap_err(), RotateError::Chain);
        }
    }
    let mut bytes = token(&kits[0], &kits[1]).to_secret_bytes().to_vec();
    bytes[68..].fill(0);
    assert_eq!(RotationToken::from_bytes(&bytes).unwrap_err(), DecodeError::Scalar);
    // A fork: another second generation, signed by the same owner. It takes its own token and no other.
    let gamma = Scalar::from_u64(99);
    let cert = Cert::second(&kits[0], &gamma).sign(&kits[0].signer, &gamma);
    let fork = kits[0].generation.succeeded_by(&kits[0].params, &cert).unwrap();
    assert_eq!(Kac::verify_token(&fork, &token(&kits[0], &kits[1])).unwrap_err(), RotateError::Chain);
    assert_eq!(check(&kits[0], &fork, &delta), Some(RotateError::Token));
    assert_eq!(check(&kits[1], &fork, &delta), Some(RotateError::Chain));
    let (root, grid) = (kits[0].root.to_secret_bytes(), kits[0].generation.grid().to_bytes());
    let (id, digest) = (kits[0].signer.id(), kits[0].params.digest());
    let parts: [&[u8]; 5] = [&root[4..], id.as_bytes(), digest.as_bytes(), &grid, &[0; 4]];
    let first = sesphr::hazmat::hash::scalar("sesphr v1 kac gamma", &parts);
    assert_eq!(mul_p(&first).to_affine(), kits[0].v1());
    assert_eq!(check(&kits[0], &fork, &(&gamma - &first)), None);
    // A cloud that moved capsules by the wrong difference would notice before it stores one.
    let ctx = kits[0].ctx(1, 7);
    let (capsule, _) = kits[0].seal(&ctx);
    let wrong = with(&capsule, 1, &moved_by(&capsule, &wrong[0]));
    assert!(!kits[1].verifies(&wrong, &ctx));
}

// What a token gives whom ---------------------------------------------------------------------------------------------

/// Δ and an old key for S undo the rotation for S: the documented loss, and no more than that.
#[test]
fn stolen_token_and_old_key_open_that_set_and_no_other_class() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let (delta, user) = (delta(&old, &new), Reader::new(20));
    for classes in ["0", "1,3", "0-2"] {
        let set = set(classes);
        let update = new.sum(&set, 0).mul(&delta).to_affine();
        let updated = plus2(&old.key_point(&set), &update);
        // Readable: it is the key of S in the new generation.
        assert_eq!(updated, new.key_point(&set));
        // Closed: of no other set, in neither generation, and what is updated opens by it as the rest does not.
        assert_eq!(new.keys_among_all_sets(&updated), [classes]);
        assert!(old.keys_among_all_sets(&updated).is_empty());
        // The token alone is the key of nothing.
        assert!(new.keys_among_all_sets(&update).is_empty() && old.keys_among_all_sets(&update).is_empty());
        // A former delegatee with its server.
        let held = old.grant(&user, classes);
        assert_eq!(plus2(&held.collude(), &update), new.key_point(&set));
        // Stored capsules: what was moved, back and forth.
        for class in 0..4 {
            let ctx = old.ctx(class, 7);
            let (capsule, shared) = old.seal(&ctx);
            let moved = rotate(&old, &verified(&old, &new), &capsule, &ctx).unwrap();
            let undone = with(&moved, 0, &moved_by(&moved, &-&delta));
            assert_eq!(undone, capsule);
            let key = old.key(classes);
            assert_eq!(old.open(&key, &undone, &ctx), set.contains(class).then(|| bytes(shared)));
            assert_eq!(old.open(&key, &moved, &ctx), None);
        }
    }
}

/// Why grants are made anew: a re-encryption key and its update under one mask differ by Δ·D_S.
#[test]
fn updated_grant_would_hand_the_new_key_to_who_kept_the_old_one() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let (user, set) = (Reader::new(20), set("1-2"));
    let (before, after) = (old.grant(&user, "1-2"), new.grant(&user, "1-2"));
    let updated = plus2(&before.rk(), &new.sum(&set, 0).mul(&delta(&old, &new)).to_affine());
    let gained = plus2(&old.key_point(&set), &minus2(&updated, &before.rk()));
    assert_eq!(new.keys_among_all_sets(&gained), ["1-2"]);
    // Under fresh masks the difference is none.
    assert_ne!(before.m().to_bytes(), after.m().to_bytes());
    let gained = plus2(&old.key_point(&set), &minus2(&after.rk(), &before.rk()));
    assert!(new.keys_among_all_sets(&gained).is_empty());
    // An updated key is no key of the new grant, nor an old grant one of the new generation.
    assert!(Kapre::verify_grant(&new.params, &new.generation, &before.grant, NOW).is_err());
    let rekey = rekey_of(&after.verified.digest(), &updated);
    assert!(Kapre::verify_rekey(&new.params, &new.generation, &after.verified, &rekey).is_err());
    let rekey = rekey_of(&after.verified.digest(), &after.rk());
    assert!(Kapre::verify_rekey(&new.params, &new.generation, &after.verified, &rekey).is_ok());
}

/// Nothing is taken back from who keeps the old capsule, or the key that was in it.
#[test]
fn old_capsule_still_opens_with_old_keys() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let ctx = old.ctx(1, 7);
    let (capsule, shared) = old.seal(&ctx);
    let moved = rotate(&old, &verified(&old, &new), &capsule, &ctx).unwrap();
    let kept = old.open(&old.key("1"), &capsule, &ctx).unwrap();
    assert_eq!(kept, bytes(shared));
    assert_eq!(new.open(&new.key("1"), &moved, &ctx), Some(kept));
}

#[test]
fn tokens_do_not_print() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let token = token(&old, &new);
    let secret = token.to_secret_bytes()[68..].to_vec();
    assert_silent(&token, &secret);
    assert_silent(&verified(&old, &new), &secret);
    assert!(format!("{token:?}").contains("RotationToken"));
}

assert_not!(RotationToken: Clone, VerifiedToken: Clone, RotationToken: Copy, VerifiedToken: Copy);
