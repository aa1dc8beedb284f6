//! Attacks on re-encryption by `Kapre`: capsules out of place, cheating servers, batches.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::kapre::*;
use crate::common::scene::message;
use crate::common::{NOW, TestRng, fails_until, party, rng};
use sesphr::context::{Context, Slot, Timestamp};
use sesphr::encoding::Encoding;
use sesphr::error::OpenError;
use sesphr::hazmat::pairing::{G1Affine, G2Affine, Scalar, mul_p};
use sesphr::kac::Capsule;
use sesphr::kapre::*;
use sesphr::kem::CapsuleError;
use sesphr::pre::{Pre, ReencryptError};

// Capsules -----------------------------------------------------------------------------------------------

#[test]
fn capsule_moved_to_another_context() {
    let (kit, other) = (Kit::new(1, 2), Kit::new(5, 2));
    let user = Reader::new(2);
    let base = kit.ctx(1, 7);
    let contexts = [
        (&kit, base),
        (&kit, kit.ctx(1, 8)),
        (&kit, Context { version: 2, ..base }),
        (&kit, Context { aad: b"", ..base }),
        (&kit, Context { aad: b"ab\0", ..base }),
        (&kit, Context { author: party(4).id(), ..base }),
        (&kit, kit.ctx(0, 7)),
        (&kit, kit.ctx(3, 7)),
        (&other, other.ctx(1, 7)),
    ];
    let held = [kit.grant(&user, "0-3"), other.grant(&user, "0-3")];
    for (i, (maker, ctx)) in contexts.iter().enumerate() {
        let Slot::Class(class) = ctx.slot else { unreachable!() };
        let capsule = maker.honest(ctx, class, &[42; 32]);
        let part = maker.reencrypt(&held[i / 8], &capsule, ctx);
        for (j, (kit, ctx)) in contexts.iter().enumerate() {
            assert_eq!(kit.verifies(&capsule, ctx), i == j, "verify {i} as {j}");
            assert_eq!(kit.read(&held[j / 8], &capsule, &part, ctx).is_some(), i == j, "open {i} as {j}");
        }
    }
}

/// What the public check refuses does not become a `VerifiedCapsule`, and the secret is used on nothing else.
#[test]
fn malformed_capsules_reach_no_secret() {
    let kit = Kit::new(1, 2);
    let held = kit.grant(&Reader::new(2), "0-3");
    let (ctx, to) = (kit.ctx(1, 7), kit.ctx(0, 7));
    let (capsule, _) = kit.seal(&ctx);
    let (bytes, (c1, c2)) = (capsule.to_bytes(), points_of(&capsule));
    let [c3, proof]: [&[u8]; 2] = [&bytes[52..84], &bytes[84..148]];
    let part = kit.reencrypt(&held, &capsule, &ctx);
    let build = |c1: &G1Affine, proof: &[u8], c2: &G1Affine| -> Capsule {
        message(&[&c1.to_bytes(), c3, proof, &[0; 4], &c2.to_bytes()])
    };
    let [seven, three] = [7, 3].map(Scalar::from_u64);
    let mauled1 = c1.mul(&seven).add(&mul_p(&three)).to_affine();
    let mauled2 = c2.mul(&seven).add(&kit.base(1).mul(&three)).to_affine();
    let shifted = plus1(&c2, &minus1(&kit.points.p_at(1), &kit.points.p_at(2)));
    for (what, capsule, ctx, error) in [
        ("proof", build(&c1, &[1; 64], &c2), &ctx, CapsuleError::Proof),
        ("7c1 + 3P", build(&mauled1, proof, &mauled2), &ctx, CapsuleError::Proof),
        ("c2", build(&c1, proof, &c2.neg()), &ctx, CapsuleError::Mutable),
        ("generation", patched(&capsule, 148, &[0, 0, 0, 1]), &ctx, CapsuleError::Mutable),
        ("relabelled", build(&c1, proof, &shifted), &to, CapsuleError::Proof),
    ] {
        let checked = Kapre::verify_capsule(&kit.params, &kit.generation, &capsule, ctx);
        assert_eq!(checked.unwrap_err(), error, "{what}");
        // A server that does not check gives the delegatee nothing by it, but where only π, which is for the server, is bad.
        assert_eq!(kit.read(&held, &capsule, &part, ctx).is_some(), what == "proof", "{what}");
        let class = if what == "relabelled" { 0 } else { 1 };
        let part = kit.answer(&held.rk(), &set("0-3"), &capsule, class, &seven);
        assert_eq!(kit.read(&held, &capsule, &part, ctx).is_some(), what == "proof", "{what}");
    }
}

// Answers -------------------------------------------------------------------------------------------------------------

#[test]
fn malicious_answers_are_noticed() {
    let kit = Kit::new(1, 2);
    let held = kit.grant(&Reader::new(2), "0-2");
    let (ctx, near) = (kit.ctx(1, 7), kit.ctx(2, 7));
    let ((capsule, shared), (other, _)) = (kit.seal(&ctx), kit.seal(&near));
    let (c, e) = points(&kit.reencrypt(&held, &capsule, &ctx));
    let (c_again, e_again) = points(&kit.reencrypt(&held, &capsule, &ctx));
    let (c_other, e_other) = points(&kit.reencrypt(&held, &other, &near));
    let [seven, three] = [7, 3].map(Scalar::from_u64);
    let mauled = c.mul(&seven).add(&mul_p(&three)).to_affine();
    for (what, c, e) in [
        ("7C + 3P", mauled, e),
        ("-C", c.neg(), e),
        ("-E", c, e.neg()),
        ("E + Q", c, plus2(&e, &G2Affine::generator())),
        ("2E", c, plus2(&e, &e)),
        ("C of another answer", c_again, e),
        ("E of another answer", c, e_again),
        ("another capsule's", c_other, e_other),
        ("C of another capsule", c_other, e),
        ("E of another capsule", c, e_other),
        ("generators", G1Affine::generator(), G2Affine::generator()),
    ] {
        assert!(kit.read(&held, &capsule, &recapsule(&c, &e), &ctx).is_none(), "{what}");
    }
    // Documented: anyone makes another answer of an answer, and it opens the same.
    let again = recapsule(&c.mul(&seven).to_affine(), &e.mul(&inverse(&seven)).to_affine());
    let expected = Some(*shared.hazmat_bytes());
    assert_eq!(kit.read(&held, &capsule, &again, &ctx), expected);
    assert_eq!(kit.read(&held, &capsule, &recapsule(&c.neg(), &e.neg()), &ctx), expected);
    // One part, no more and no less.
    let parts = [recapsule(&c, &e), recapsule(&c, &e)];
    for parts in [&parts[..0], &parts] {
        let opened = Kapre::open_reencrypted(&kit.params, &held.user, &capsule, parts, &ctx);
        assert_eq!(opened.unwrap_err(), OpenError);
    }
}

/// Documented: c2 is in no hash, so a server that makes up for a changed one opens the same key. Nobody else can.
#[test]
fn a_changed_c2_takes_the_server_and_gives_nothing_else() {
    let kit = Kit::new(1, 2);
    let (held, reach) = (kit.grant(&Reader::new(2), "0-2"), set("0-2"));
    let ctx = kit.ctx(1, 7);
    let (capsule, shared) = kit.seal(&ctx);
    let (bytes, (c1, c2)) = (capsule.to_bytes(), points_of(&capsule));
    let [s, tau] = [3, 7].map(Scalar::from_u64);
    let changed: Capsule = message(&[&bytes[4..148], &[0; 4], &plus1(&c2, &c1.mul(&s).to_affine()).to_bytes()]);
    let honest = kit.answer(&held.rk(), &reach, &changed, 1, &tau);
    assert!(kit.read(&held, &changed, &honest, &ctx).is_none());
    let shifted = plus2(&held.rk(), &kit.sum(&reach, 0).mul(&s).to_affine());
    let part = kit.answer(&shifted, &reach, &changed, 1, &tau);
    assert_eq!(kit.read(&held, &changed, &part, &ctx), Some(*shared.hazmat_bytes()));
    assert!(!kit.verifies(&changed, &ctx) && kit.open(&kit.key("0-2"), &changed, &ctx).is_none());
}

#[test]
fn answers_to_one_request_differ_even_with_a_dead_generator() {
    let kit = Kit::new(1, 2);
    let held = kit.grant(&Reader::new(2), "0-2");
    let contexts = [kit.ctx(1, 7), kit.ctx(1, 8), kit.ctx(2, 7)];
    let sealed = contexts.each_ref().map(|ctx| kit.seal(ctx).0);
    let one = party(90);
    let mut seen = Vec::new();
    for (capsule, ctx) in sealed.iter().zip(&contexts) {
        // A server with a counter, and one that always starts anew; the same capsule twice with the former.
        for server in [&one, &one, &party(90)] {
            let checked = kit.checked(capsule, ctx);
            let part =
                Kapre::reencrypt(&kit.params, &held.server, &checked, server, NOW, &mut TestRng::constant(0)).unwrap();
            assert!(kit.read(&held, capsule, &part, ctx).is_some());
            let (c, e) = points(&part);
            // τ = 1 would show rk + F.
            assert!(c != points_of(capsule).0 && e != kit.sum(&set("0-2"), 3).add_affine(&held.rk()).to_affine());
            seen.push(part);
        }
    }
    for (i, part) in seen.iter().enumerate() {
        // The first answer of a server that starts anew is the one exception: same state, same generator, same request.
        assert!(seen[..i].iter().filter(|other| *other == part).count() <= usize::from(i == 2));
    }
}

/// A known τ shows rk + F_{S,i}, and with that rk: the server's own secret, to whoever knows the τ.
#[test]
fn known_blinding_shows_the_servers_key_and_no_more() {
    let kit = Kit::new(1, 2);
    let held = kit.grant(&Reader::new(2), "0-2");
    let (capsule, tau) = (kit.seal(&kit.ctx(1, 7)).0, Scalar::from_u64(99));
    let (_, e) = points(&kit.answer(&held.rk(), &set("0-2"), &capsule, 1, &tau));
    let rk = minus2(&e.mul(&tau).to_affine(), &kit.sum(&set("0-2"), 2).to_affine());
    assert_eq!(rk, held.rk());
    assert!(kit.keys_among_all_sets(&rk).is_empty());
}

// Batches -------------------------------------------------------------------------------------------------------------

#[test]
fn many_at_once_are_what_one_after_another_are() {
    let kit = Kit::new(1, 2);
    let users = [Reader::new(2), Reader::new(5)];
    let held = [kit.grant(&users[0], "0-2"), kit.grant(&users[1], "1"), kit.grant(&users[0], "1-3")];
    let contexts: Vec<_> = [(1, 7), (1, 8), (2, 7), (0, 9)].into_iter().map(|(c, r)| kit.ctx(c, r)).collect();
    let sealed: Vec<_> = contexts.iter().map(|ctx| kit.seal(ctx)).collect();
    let checked: Vec<_> = sealed.iter().zip(&contexts).map(|((capsule, _), ctx)| kit.checked(capsule, ctx)).collect();
    // Many capsules under one grant, one capsule for many grants, and one pair twice.
    let pairs = [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (0, 0)];
    let refs: Vec<_> = pairs.iter().map(|(g, c)| (&held[*g].server, &checked[*c])).collect();
    let (server, generator) = (party(90), &mut rng(9));
    let batch = Kapre::reencrypt_many(&kit.params, &refs, &server, NOW, generator).unwrap();
    let (server, generator) = (party(90), &mut rng(9));
    let single: Vec<_> = refs
        .iter()
        .map(|(rekey, capsule)| Kapre::reencrypt(&kit.params, rekey, capsule, &server, NOW, generator).unwrap())
        .collect();
    assert_eq!(batch, single);
    assert_ne!(batch[0], batch[6]);
    for ((g, c), part) in pairs.iter().zip(&batch) {
        let opened = kit.read(&held[*g], &sealed[*c].0, part, &contexts[*c]);
        assert_eq!(opened.as_ref(), Some(sealed[*c].1.hazmat_bytes()));
    }
    assert_eq!(Kapre::reencrypt_many(&kit.params, &[], &server, NOW, &mut TestRng::fail_after(0)), Ok(vec![]));

    // An error anywhere gives nothing, and asks the generator for nothing.
    for at in 0..=refs.len() {
        let mut bad = refs.clone();
        bad.insert(at, (&held[1].server, &checked[2]));
        let made = Kapre::reencrypt_many(&kit.params, &bad, &server, NOW, &mut TestRng::fail_after(0));
        assert_eq!(made, Err(ReencryptError::Scope));
    }
    for (now, error) in [(9, ReencryptError::NotYetValid), (21, ReencryptError::Expired)] {
        let made = Kapre::reencrypt_many(&kit.params, &refs, &server, Timestamp(now), &mut TestRng::fail_after(0));
        assert_eq!(made, Err(error));
    }
    fails_until(refs.len(), |rng| {
        Kapre::reencrypt_many(&kit.params, &refs, &server, NOW, rng).map_err(|e| e == ReencryptError::Rng)
    });
}
