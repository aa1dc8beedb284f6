//! Servers that answer wrongly: where t honest parts are there the capsule opens, and exactly the liars are named.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::common::kapre::patched;
use crate::common::scene::message;
use crate::common::threshold::*;
use crate::common::{TestRng, rng};
use sesphr::context::Context;
use sesphr::encoding::{Encoding, Message};
use sesphr::error::{DecodeError, RngError};
use sesphr::hazmat::ristretto::{Element, Point, Scalar};
use sesphr::pre::threshold::*;

/// Where a part's fields stand.
const E: usize = 5;
const R1: usize = 37;
const R2: usize = 69;
const Z: usize = 101;

/// A scene with everything that a liar could answer with instead.
struct Lies {
    scene: Scene,
    other_grant: Held,
    newer: Held,
}

const WAYS: usize = 14;

impl Lies {
    fn new(t: u8, n: u8) -> Self {
        let scene = Scene::new(t, n);
        let other_grant = scene.owner.delegate(&scene.user, &committee(t, 1..=n));
        let newer = scene.owner.refresh(&scene.user, &scene.held, &committee(t, 1..=n));
        Self { scene, other_grant, newer }
    }

    /// What server `k` may say in place of the truth, which `part` is.
    fn lie(&self, way: usize, k: u8, capsule: &Capsule, ctx: &Context<'_>) -> Part {
        let s = &self.scene;
        let part = s.part(k, capsule, ctx);
        let honest = Statement::of(&s.owner, &s.held, k, capsule, ctx);
        let share = s.held.share(k);
        let bytes = part.to_bytes();
        match way {
            // Another E under the old proof; its negative; another one, proven as if it were right.
            0 => patched(&part, E, shifted(&honest.e, &Element::base(&small(1))).as_bytes()),
            1 => patched(&part, E, (-honest.e.element()).encode().as_bytes()),
            2 => Statement { e: shifted(&honest.e, &Element::base(&small(k))), ..honest }.prove(&share),
            // The capsule itself, and a share of its own making.
            3 => Statement { e: honest.c1, ..honest }.prove(&small(1)),
            4 => Statement { e: honest.c1.mul(&small(77)).encode(), ..honest }.prove(&small(77)),
            // Of another capsule, another context, another grant, another round.
            5 => s.part(k, &s.owner.seal(ctx, &s.author).0, ctx),
            6 => {
                let other = s.owner.ctx(&s.author, 8, 1, b"ab");
                s.part(k, &s.owner.seal(&other, &s.author).0, &other)
            }
            7 => self.other_grant.part(&s.owner, k, capsule, ctx),
            8 => self.newer.part(&s.owner, k, capsule, ctx),
            // Another server's answer as its own.
            9 => patched(&s.part(k % s.held.n() + 1, capsule, ctx), 4, &[k]),
            // The right E with a proof that is none: another response, other commitments, commitments that are no points.
            10 => patched(&part, Z, &*(&scalar(&bytes[Z..]) + &small(1)).to_bytes()),
            11 => patched(&part, R1, Point::generator().as_bytes()),
            12 => patched(&part, R2, &[0; 32]),
            _ => patched(&part, R1, &[0xff; 32]),
        }
    }

    /// Whether E is right whatever the proof.
    fn is_right(way: usize) -> bool {
        way >= 10
    }
}

#[test]
fn every_lie_of_every_server_is_found_and_named() {
    let lies = Lies::new(2, 3);
    let s = &lies.scene;
    let (ctx, capsule, key) = s.seal();
    let honest = s.parts(&capsule, &ctx);
    for (way, k) in (0..WAYS).flat_map(|way| (1..=3).map(move |k| (way, k))) {
        let lie = lies.lie(way, k, &capsule, &ctx);
        assert_eq!(lie.index(), k);
        assert!(!s.held.accepts(&capsule, &lie, &ctx), "{way}");
        let others: Vec<_> = honest.iter().filter(|part| part.index() != k).cloned().collect();
        for at in 0..=others.len() {
            let mut parts = others.clone();
            parts.insert(at, lie.clone());
            assert_eq!(s.held.open(&capsule, &parts, &ctx), Some(key), "{way} {k} {at}");
            assert_eq!(s.held.culprits(&capsule, &parts, &ctx), [k], "{way} {k} {at}");
        }
        // With one honest part it depends on E alone: nobody looks at a proof while the capsule opens.
        let few = [lie.clone(), others[0].clone()];
        assert_eq!(s.held.open(&capsule, &few, &ctx), Lies::is_right(way).then_some(key), "{way}");
        assert_eq!(s.held.culprits(&capsule, &few, &ctx), [k]);
        // Lies in front of the same server's truth, and many of them.
        let mut parts = vec![lie.clone(); 5];
        parts.extend([honest[usize::from(k) - 1].clone(), others[1].clone(), lie]);
        assert_eq!(s.held.open(&capsule, &parts, &ctx), Some(key), "{way}");
        assert_eq!(s.held.culprits(&capsule, &parts, &ctx), [k], "{way}");
    }
}

/// A lie under an honest server's number, in front of its part. It opens; the blame falls on the number, so numbers are to be
/// checked where parts come in.
#[test]
fn part_under_another_servers_number_stops_nothing() {
    let lies = Lies::new(3, 4);
    let s = &lies.scene;
    let (ctx, capsule, key) = s.seal();
    let honest = s.parts(&capsule, &ctx);
    // Another server's answer, under that server's own number again, would be no lie.
    for way in (0..WAYS).filter(|way| *way != 9) {
        let lie = lies.lie(way, 4, &capsule, &ctx);
        let mut parts: Vec<_> = (1..=3).map(|k| patched(&lie, 4, &[k])).collect();
        parts.extend(honest[..3].iter().cloned());
        assert_eq!(s.held.open(&capsule, &parts, &ctx), Some(key), "{way}");
        assert_eq!(s.held.culprits(&capsule, &parts, &ctx), [1, 2, 3], "{way}");
    }
}

/// Numbers that are no server's: never counted, and there is nobody to name.
#[test]
fn part_of_no_server() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let honest = s.parts(&capsule, &ctx);
    // f(4), which two servers together can compute, with a proof of all that it says.
    let share = {
        let weight = |k: u8, j: u8| &(&small(4) - &small(j)) * &(&small(k) - &small(j)).invert();
        &(&weight(1, 2) * &s.held.share(1)) + &(&weight(2, 1) * &s.held.share(2))
    };
    let third = {
        let weight = |k: u8, j: u8| &(&small(3) - &small(j)) * &(&small(k) - &small(j)).invert();
        &(&weight(1, 2) * &s.held.share(1)) + &(&weight(2, 1) * &s.held.share(2))
    };
    assert_eq!(third.to_bytes(), s.held.share(3).to_bytes());
    let c1 = c1_of(&capsule);
    let statement = Statement {
        index: 4,
        e: c1.mul(&share).encode(),
        image: Element::base(&share).encode(),
        ..Statement::of(&s.owner, &s.held, 1, &capsule, &ctx)
    };
    let extra = statement.prove(&share);
    assert!(!s.held.accepts(&capsule, &extra, &ctx));
    assert_eq!(s.held.open(&capsule, &[extra.clone(), honest[0].clone()], &ctx), None);
    assert_eq!(s.held.open(&capsule, &[extra.clone(), honest[0].clone(), honest[1].clone()], &ctx), Some(key));
    assert!(s.held.culprits(&capsule, &[extra, honest[0].clone()], &ctx).is_empty());
    // The control: under a number that is a server's, the same construction is a part.
    let honest = Statement::of(&s.owner, &s.held, 3, &capsule, &ctx).prove(&third);
    assert!(s.held.accepts(&capsule, &honest, &ctx));
    let zero = [&honest.to_bytes()[..4], &[0], &honest.to_bytes()[5..]].concat();
    assert_eq!(Part::from_bytes(&zero), Err(DecodeError::Value));
}

/// Errors that cancel in the sum of the points open the capsule; in a batch of proofs they do not cancel.
#[test]
fn two_parts_whose_errors_cancel() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let honest = s.parts(&capsule, &ctx);
    let delta = Element::base(&small(99)).encode();
    // λ_1·λ_2·δ − λ_2·λ_1·δ = 0.
    let shift = |k: u8, by: Scalar| {
        let part = &honest[usize::from(k) - 1];
        patched(part, E, shifted(&point(&part.to_bytes()[E..]), &delta.mul(&by)).as_bytes())
    };
    let pair = [shift(1, lambda(2, &[1, 2])), shift(2, -&lambda(1, &[1, 2]))];
    assert_eq!(s.held.open(&capsule, &pair, &ctx), Some(key));
    assert_eq!(s.held.culprits(&capsule, &pair, &ctx), [1, 2]);
    // With a third part in front they do not cancel any more, and too few are honest.
    let [one, two] = pair;
    assert_eq!(s.held.open(&capsule, &[honest[2].clone(), two.clone(), one.clone()], &ctx), None);
    assert_eq!(s.held.culprits(&capsule, &[honest[2].clone(), two, one], &ctx), [1, 2]);

    // z + δ and z − δ: both sums stay zero where nothing is weighted.
    let moved = |k: usize, by: Scalar| patched(&honest[k], Z, &*(&scalar(&honest[k].to_bytes()[Z..]) + &by).to_bytes());
    let delta = hashed("some difference", &[]);
    let pair = [moved(0, delta.clone()), moved(1, -&delta)];
    assert_eq!(s.held.culprits(&capsule, &pair, &ctx), [1, 2]);
}

/// Both equations of a proof with one weight would be one equation: for any κ, E = κ(c1 + B) − U has a proof of the sum.
#[test]
fn proof_of_the_sum_of_both_equations() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let honest = Statement::of(&s.owner, &s.held, 1, &capsule, &ctx);
    let forged = hashed("a share that nobody was given", &[]);
    let both = shifted(&honest.c1, &Point::generator().element());
    let e = both.mul(&forged) + -honest.image.element();
    let statement = Statement { e: e.encode(), ..honest };
    let part = statement.prove(&forged);
    let (bytes, z) = (part.to_bytes(), scalar(&part.to_bytes()[Z..]));
    let (first, second) = (point(&bytes[R1..]), point(&bytes[R2..]));
    let challenge = statement.challenge(&[first, second]);
    let right = both.mul(&z).encode();
    assert_eq!(right, shifted(&first, &(second.element() + (e + honest.image.element()).encode().mul(&challenge))));
    assert!(!s.held.accepts(&capsule, &part, &ctx));
}

/// A commitment that is the identity has no encoding among points: one check and many refuse it alike.
#[test]
fn proof_with_a_nonce_of_zero() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let statement = Statement::of(&s.owner, &s.held, 1, &capsule, &ctx);
    let share = s.held.share(1);
    assert!(s.held.accepts(&capsule, &statement.prove(&share), &ctx));
    let zero = statement.prove_on(&Point::generator(), &share, &small(0));
    assert_eq!(zero.to_bytes()[R1..Z], [0; 64]);
    assert!(!s.held.accepts(&capsule, &zero, &ctx));
}

/// The statement of a proof has ten parts, and a proof for one that differs in any of them is none.
#[test]
fn proof_of_another_statement() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let (honest, share) = (Statement::of(&s.owner, &s.held, 1, &capsule, &ctx), s.held.share(1));
    assert!(s.held.accepts(&capsule, &honest.prove(&share), &ctx));
    let other = Element::base(&small(5)).encode();
    let digest = sesphr::Digest::from_array([5; 32]);
    for (what, statement) in [
        ("the owner's key", Statement { a: other, ..honest }),
        ("the delegatee's key", Statement { user: other, ..honest }),
        ("the grant", Statement { grant: digest, ..honest }),
        ("the number", Statement { index: 2, ..honest }),
        ("the context", Statement { ctx: digest, ..honest }),
        ("c1", Statement { c1: other, ..honest }),
        ("E", Statement { e: other, ..honest }),
        ("U", Statement { image: other, ..honest }),
    ] {
        let part = statement.prove(&share);
        // What travels is as it should be: number and E.
        let part = patched(&patched(&part, 4, &[1]), E, honest.e.as_bytes());
        assert!(!s.held.accepts(&capsule, &part, &ctx), "{what}");
    }
    // The commitments: the two of them in the other order.
    let nonce = Scalar::from_u64(31337);
    let commitments = [honest.c1.mul(&nonce).encode(), Element::base(&nonce).encode()];
    for (said, holds) in [([commitments[0], commitments[1]], true), ([commitments[1], commitments[0]], false)] {
        let z = &nonce + &(&honest.challenge(&said) * &share);
        let fields: [&[u8]; 5] =
            [&[1], honest.e.as_bytes(), commitments[0].as_bytes(), commitments[1].as_bytes(), &*z.to_bytes()];
        assert_eq!(s.held.accepts(&capsule, &message(&fields), &ctx), holds);
    }
}

/// A server that holds its proof to one equation only, with what the challenge leaves it to choose.
#[test]
fn proof_of_one_equation_of_two() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let (honest, share) = (Statement::of(&s.owner, &s.held, 1, &capsule, &ctx), s.held.share(1));
    let nonce = Scalar::from_u64(31337);
    for (e, witness) in [
        (honest.e, &share),
        (honest.c1.mul(&small(9)).encode(), &share),
        (honest.c1.mul(&small(9)).encode(), &small(9)),
    ] {
        let statement = Statement { e, ..honest };
        // Holds for U whatever E, or for E whatever U.
        let part = statement.prove_on(&Point::generator(), witness, &nonce);
        let right = e == honest.e;
        assert_eq!(s.held.accepts(&capsule, &part, &ctx), right);
    }
}

#[test]
fn batches_without_parts_and_generators_that_fail() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let parts = s.parts(&capsule, &ctx);
    let claims: Vec<_> =
        parts.iter().map(|part| Claim { grant: &s.held.grant, capsule: &capsule, ctx: &ctx, part }).collect();
    assert!(Threshold::vartime_verify_parts(&[], &mut rng(1)).unwrap().is_empty());
    for mut bad in [TestRng::fail_after(0), TestRng::constant(0)] {
        assert_eq!(Threshold::vartime_verify_parts(&claims, &mut bad).unwrap_err(), RngError);
    }
    let verified = Threshold::vartime_verify_parts(&claims, &mut rng(1)).unwrap();
    assert!(verified.iter().zip(1..).all(|(part, k)| part.as_ref().is_some_and(|part| part.index() == k)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Exactly t honest parts among any lies, in any order: it opens, and exactly the liars are named.
    #[test]
    fn t_honest_parts_always_open(
        t in 1u8..=4, ways in prop::collection::vec(0..WAYS, 1..=4), order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let n = t + ways.len() as u8;
        let lies = Lies::new(t, n);
        let s = &lies.scene;
        let (ctx, capsule, key) = s.seal();
        let liar = |k: u8| ways.get(usize::from(k).wrapping_sub(usize::from(t) + 1)).copied();
        // A polynomial of degree zero has one value: there the next server's answer is the right E, and so is that of the
        // next round.
        let all: Vec<_> = (1..=n).map(|k| match liar(k) {
            Some(way) => lies.lie(way, k, &capsule, &ctx),
            None => s.part(k, &capsule, &ctx),
        }).collect();
        let parts: Vec<_> = order.iter().filter_map(|at| all.get(*at).cloned()).collect();
        prop_assert_eq!(s.held.open(&capsule, &parts, &ctx), Some(key));
        prop_assert_eq!(s.held.culprits(&capsule, &parts, &ctx), (t + 1..=n).collect::<Vec<_>>());
    }

    /// Many at once are accepted as each by itself, whatever capsules, contexts and grants they are of.
    #[test]
    fn batch_says_what_single_checks_say(
        choices in prop::collection::vec((0..2 * WAYS, 1u8..=3, any::<[bool; 2]>()), 0..24),
    ) {
        let lies = Lies::new(2, 3);
        let s = &lies.scene;
        let contexts = [s.ctx(), s.owner.ctx(&s.author, 9, 2, b"")];
        let capsules = contexts.map(|ctx| s.owner.seal(&ctx, &s.author).0);
        let parts: Vec<_> = choices.iter().map(|(way, k, [at, other])| {
            let (ctx, capsule) = (&contexts[usize::from(*at)], &capsules[usize::from(*at)]);
            let held = if *other { &lies.other_grant } else { &s.held };
            let part = if *way < WAYS { lies.lie(*way, *k, capsule, ctx) } else { held.part(&s.owner, *k, capsule, ctx) };
            (held, capsule, ctx, part)
        }).collect();
        let claims: Vec<_> =
            parts.iter().map(|(held, capsule, ctx, part)| Claim { grant: &held.grant, capsule, ctx, part }).collect();
        let many = Threshold::vartime_verify_parts(&claims, &mut rng(8)).unwrap();
        let single: Vec<_> = claims.iter().map(|claim| Threshold::vartime_verify_part(claim).is_some()).collect();
        prop_assert_eq!(many.iter().map(Option::is_some).collect::<Vec<_>>(), single);
        let expected: BTreeSet<_> = choices.iter().enumerate().filter(|(_, (way, ..))| *way >= WAYS).map(|(i, _)| i).collect();
        let accepted: BTreeSet<_> = many.iter().enumerate().filter(|(_, part)| part.is_some()).map(|(i, _)| i).collect();
        // A lie in this grant may be the truth in the other one.
        prop_assert!(accepted.is_superset(&expected));
        let lied = accepted.difference(&expected).all(|i| choices[*i].0 == 7 && choices[*i].2[1]);
        prop_assert!(lied);
    }
}
