//! Attacks on the keys and capsules of `Kac`, each a test named after what the attacker does. Those on its parameters are
//! in `attacks_kac_params.rs`, on certificates in `attacks_kac_generations.rs`; what cannot be defended is in
//! `limits_kac.rs`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::scene::message;
use crate::common::{TestRng, party, rng};
use sesphr::Digest;
use sesphr::context::{Context, Partition, Slot};
use sesphr::encoding::{Encoding, Message, SecretEncoding, SuiteId};
use sesphr::error::{DecodeError, OpenError};
use sesphr::hazmat::pairing::{G1Affine, G2Affine, Gt, Scalar, mul_p, pairing, vartime_pairing_eq};
use sesphr::kac::params::Params;
use sesphr::kac::*;
use sesphr::kem::{CapsuleError, EncapsulateError};

fn set(text: &str) -> ClassSet {
    text.parse().unwrap()
}

/// The set whose classes are the bits of `mask`.
fn bits(mask: u32) -> ClassSet {
    ClassSet::try_from_classes((0..32).filter(|c| mask >> c & 1 == 1)).unwrap()
}

// One t in two classes ------------------------------------------------------------------------------------------------

/// Why one t must never serve two classes, on a writer who ignores the library: two public capsules and two public
/// points give the key, with no key at all.
#[test]
fn one_t_in_two_classes_shows_the_mask_to_everybody() {
    let kit = Kit::new(1, 2);
    let n = kit.points.n();
    let (sigma, t) = ([42; 32], Scalar::from_u64(987_654_321));
    for (i, j) in [(1, 2), (2, 1), (1, 4), (4, 2)] {
        let class = |i: usize| u32::try_from(i - 1).unwrap();
        let ctx = kit.ctx(class(i), 7);
        let first = kit.honest(&ctx, class(i), &sigma);
        let second = kit.handmade(&kit.ctx(class(j), 7), class(j), &[1; 32], &kit.t(&sigma, class(i), &ctx));
        let opened = kit.open(&kit.key("0-3"), &first, &ctx).unwrap();
        let ((c1, c2), (_, other)) = (points_of(&first), points_of(&second));
        // t(P_i − P_j) with Q_{n+1−i}, less what j leaves.
        let left = pairing(&minus1(&c2, &other), &kit.points.q_at(n + 1 - i));
        let mask = left.mul(&pairing(&c1, &kit.points.q_at(n + 1 - i + j)));
        assert_eq!(unmask(&mask, &first, &ctx).0, opened, "{i} {j}");
        // With two t's the same computation gives nothing.
        let second = kit.handmade(&kit.ctx(class(j), 7), class(j), &[1; 32], &t);
        let left = pairing(&minus1(&c2, &points_of(&second).1), &kit.points.q_at(n + 1 - i));
        let mask = left.mul(&pairing(&c1, &kit.points.q_at(n + 1 - i + j)));
        assert_ne!(unmask(&mask, &first, &ctx).0, opened, "{i} {j}");
    }
}

/// The library cannot be led to it: whatever the generator gives, and with the author's counter at the same place, t
/// differs from class to class and from context to context.
#[test]
fn broken_generator_gives_no_t_to_two_contexts() {
    let kit = Kit::new(1, 2);
    let other = Kit::new(5, 2);
    let long = [7; 40];
    let mut contexts: Vec<_> = (0..4).map(|class| (&kit, kit.ctx(class, 7))).collect();
    contexts.push((&kit, kit.ctx(0, 8)));
    contexts.push((&kit, Context { version: 2, ..kit.ctx(0, 7) }));
    contexts.push((&kit, Context { aad: &long, ..kit.ctx(0, 7) }));
    contexts.push((&other, other.ctx(0, 7)));
    for byte in [0, 7, 255] {
        let capsules: Vec<_> = contexts
            .iter()
            .map(|(kit, ctx)| {
                let rng = &mut TestRng::constant(byte);
                let (capsule, _) = Kac::encapsulate(&kit.params, &kit.generation, ctx, &kit.author(), rng).unwrap();
                capsule.to_bytes()
            })
            .collect();
        for (i, a) in capsules.iter().enumerate() {
            for b in &capsules[..i] {
                assert!(a[4..52] != b[4..52] && a[52..84] != b[52..84] && a[116..148] != b[116..148]);
            }
        }
    }
}

// Sets ----------------------------------------------------------------------------------------------------------------

#[test]
fn key_of_every_set_opens_exactly_its_classes() {
    for n in 1..=6 {
        let kit = Kit::full(1, n);
        let sealed: Vec<_> = (0..n).map(|class| (kit.ctx(class, 7), kit.seal(&kit.ctx(class, 7)))).collect();
        for mask in 1..1 << n {
            let key = kit.key(&bits(mask).to_string());
            for (class, (ctx, (capsule, shared))) in (0..n).zip(&sealed) {
                let opened = Kac::open_aggregate(&kit.params, &key, capsule, ctx).ok();
                let expected = (mask >> class & 1 == 1).then_some(shared.hazmat_bytes());
                assert_eq!(opened.as_ref().map(|key| key.hazmat_bytes()), expected, "{n} {mask:b} {class}");
            }
        }
    }
}

/// In the exponent, what opens class i from c1 = tP and c2 = t(γ + α^i)P is an x and a y with
/// x + (γ + α^i)y = α^{n+1}, from what the attacker has: the α^k that are published, γ, and γD_S for its sets. Comparing
/// the powers of γ, y is a combination of the D_S, and comparing α^{n+1}, it has the term of i. So a combination of keys
/// opens the classes in which its weights do not add up to zero, and gives one, not the mask, where they do.
#[test]
fn combinations_of_two_keys_open_what_their_weights_say() {
    let n = 4;
    let kit = Kit::full(1, n);
    let sealed: Vec<_> = (0..n).map(|class| (kit.ctx(class, 7), kit.seal(&kit.ctx(class, 7)))).collect();
    let masks: Vec<_> = sealed
        .iter()
        .map(|(ctx, (capsule, shared))| {
            let class = set(&match ctx.slot {
                Slot::Class(class) => class.to_string(),
                _ => unreachable!(),
            });
            let weights: Vec<_> = (0..n).map(|c| i64::from(class.contains(c))).collect();
            let z_n_t = kit.combine(&weights, &kit.key_point(&class), capsule, class.last().unwrap());
            assert_eq!(unmask(&z_n_t, capsule, ctx).0, *shared.hazmat_bytes());
            z_n_t
        })
        .collect();
    let keys: Vec<_> = (1..1 << n).map(|mask| (mask, kit.key_point(&bits(mask)))).collect();
    for (i, (s1, k1)) in keys.iter().enumerate() {
        for (s2, k2) in &keys[..i] {
            for (a, b) in [(1, -1), (2, 3)] {
                let key = times(k1, a).add(&times(k2, b)).to_affine();
                let weight = |c: u32| a * i64::from(s1 >> c & 1) + b * i64::from(s2 >> c & 1);
                let weights: Vec<_> = (0..n).map(weight).collect();
                for (class, ((_, (capsule, _)), mask)) in (0..n).zip(sealed.iter().zip(&masks)) {
                    let got = kit.combine(&weights, &key, capsule, class);
                    let expected = raised(mask, weight(class));
                    assert_eq!(got.to_hash_bytes(), expected.to_hash_bytes(), "{s1:b} {s2:b} {a} {b} {class}");
                    assert_eq!(bool::from(got.is_identity()), weight(class) == 0);
                }
            }
        }
    }
}

#[test]
fn sets_that_no_key_can_have() {
    // Parameters for 5 classes, a grid of 4.
    let kit = Kit::new(1, 2);
    assert!(kit.params.classes() == 5 && kit.generation.grid().classes() == 4);
    let good = kit.extract(&set("3"));
    for text in ["", "4", "0-4", "3,5", "65535", "0-65535"] {
        let error = AggregateKeyError::Set;
        assert_eq!(Kac::extract(&kit.params, &kit.secret, &set(text)).unwrap_err(), error, "{text}");
        let result = Kac::verify_key(&kit.params, &kit.generation, &set(text), &good);
        assert_eq!(result.unwrap_err(), error, "{text}");
    }
    // Nor is there a capsule of the class in between.
    let ctx = Context { slot: Slot::Class(4), ..kit.ctx(3, 7) };
    let made = Kac::encapsulate(&kit.params, &kit.generation, &ctx, &kit.author(), &mut rng(1));
    assert_eq!(made.unwrap_err(), EncapsulateError::Context);
}

#[test]
fn key_of_another_set_owner_generation_or_of_nobody() {
    let (kit, other) = (Kit::new(1, 2), Kit::new(5, 2));
    let verify = |text: &str, key: &AggregateKey| Kac::verify_key(&kit.params, &kit.generation, &set(text), key).err();
    let wrong = Some(AggregateKeyError::Key);
    let key = kit.extract(&set("0-2"));
    assert_eq!(verify("0-2", &key), None);
    for text in ["0-3", "0-1", "1-2", "3", "0,2"] {
        assert_eq!(verify(text, &key), wrong, "{text}");
    }
    assert_eq!(verify("0-2", &other.extract(&set("0-2"))), wrong);
    let next =
        Kac::keygen(&kit.params, kit.generation.grid(), &kit.root, &kit.signer, Some(&kit.generation), &mut rng(9));
    let (secret, cert) = next.unwrap();
    let next = kit.generation.succeeded_by(&kit.params, &cert).unwrap();
    let newer = Kac::extract(&kit.params, &secret, &set("0-2")).unwrap();
    assert_eq!(verify("0-2", &newer), wrong);
    assert_eq!(Kac::verify_key(&kit.params, &next, &set("0-2"), &key).err(), wrong);
    // Made up, or a public point.
    let point = kit.key_point(&set("0-2"));
    for forged in [point.neg(), times(&point, 2).to_affine(), kit.points.q_at(1), kit.v2(), G2Affine::generator()] {
        assert_eq!(verify("0-2", &message(&[&forged.to_bytes()])), wrong);
    }
    let identity = [&key.to_secret_bytes()[..4], &G2Affine::identity().to_bytes()].concat();
    assert_eq!(AggregateKey::from_bytes(&identity).unwrap_err(), DecodeError::Point);
    // Other parameters than those of the owner's key.
    let params = Params::hazmat_from_alpha(5, &Scalar::from_u64(9)).unwrap();
    let error = AggregateKeyError::Params;
    assert_eq!(Kac::extract(&params, &kit.secret, &set("0")).unwrap_err(), error);
    assert_eq!(Kac::verify_key(&params, &kit.generation, &set("0"), &key).unwrap_err(), error);
}

#[test]
fn key_of_another_owner_or_generation_on_a_capsule() {
    let (kit, other) = (Kit::new(1, 2), Kit::new(5, 2));
    let ctx = kit.ctx(1, 7);
    let (capsule, _) = kit.seal(&ctx);
    for key in [kit.key("0"), kit.key("2-3"), other.key("0-3")] {
        assert!(kit.open(&key, &capsule, &ctx).is_none(), "{key:?}");
    }
    let root = &kit.root;
    let next = Kac::keygen(&kit.params, kit.generation.grid(), root, &kit.signer, Some(&kit.generation), &mut rng(9));
    let (secret, cert) = next.unwrap();
    let next = kit.generation.succeeded_by(&kit.params, &cert).unwrap();
    // The context is known to the newer generation, the rotating part is of the older one: with its number or without.
    for number in [0u32, 1] {
        let mut bytes = capsule.to_bytes();
        bytes[148..152].copy_from_slice(&number.to_be_bytes());
        let capsule = Capsule::from_bytes(&bytes).unwrap();
        let checked = Kac::verify_capsule(&kit.params, &next, &capsule, &ctx);
        assert_eq!(checked.unwrap_err(), CapsuleError::Mutable);
        assert!(Kac::open(&kit.params, &secret, &capsule, &ctx).is_err());
        let key = Kac::extract(&kit.params, &secret, &set("0-3")).unwrap();
        let key = Kac::verify_key(&kit.params, &next, &set("0-3"), &key).unwrap();
        assert!(kit.open_with(&key, &capsule, &ctx).is_none());
        assert_eq!(kit.open(&kit.key("0-3"), &capsule, &ctx).is_some(), number == 0);
        assert_eq!(kit.verifies(&capsule, &ctx), number == 0);
    }
    // A writer that knows the newer one writes under it, not under the name of the older.
    let made = Kac::encapsulate(&kit.params, &next, &ctx, &kit.author(), &mut rng(1));
    assert_eq!(made.unwrap_err(), EncapsulateError::Context);
    // And the older generation knows no context of the newer.
    let period = kit.generation.grid().period(1).unwrap();
    let subject = sesphr::context::Subject { record: ctx.record, version: 1, author: ctx.author, aad: ctx.aad };
    let newer = Kac::context(&next, &period, &subject).unwrap();
    let honest = kit.honest(&newer, 1, &[42; 32]);
    assert!(!kit.verifies(&honest, &newer) && kit.open(&kit.key("0-3"), &honest, &newer).is_none());
}

// Contexts ------------------------------------------------------------------------------------------------------------

#[test]
fn capsule_moved_to_another_context() {
    let (kit, other) = (Kit::new(1, 2), Kit::new(5, 2));
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
    let keys = contexts.each_ref().map(|(kit, _)| kit.key("0-3"));
    for (i, (maker, ctx)) in contexts.iter().enumerate() {
        let Slot::Class(class) = ctx.slot else { unreachable!() };
        let capsule = maker.honest(ctx, class, &[42; 32]);
        for (j, (kit, ctx)) in contexts.iter().enumerate() {
            assert_eq!(kit.verifies(&capsule, ctx), i == j, "verify {i} as {j}");
            assert_eq!(kit.open(&keys[j], &capsule, ctx).is_some(), i == j, "open {i} as {j}");
        }
    }
}

/// Contexts that are none of this key's, with capsules that are otherwise perfect for them: only the comparison with
/// the key refuses these.
#[test]
fn capsule_for_a_context_of_another_key_is_refused_although_it_is_consistent() {
    let kit = Kit::new(1, 2);
    let (base, key, long) = (kit.ctx(1, 7), kit.key("0-3"), vec![0; Context::MAX_AAD + 1]);
    let good = kit.honest(&base, 1, &[42; 32]);
    assert!(kit.verifies(&good, &base) && kit.open(&key, &good, &base).is_some());
    for (what, class, ctx) in [
        ("suite", 1, Context { suite: SuiteId::Afgh, ..base }),
        ("owner", 1, Context { owner: party(8).id(), ..base }),
        ("partition", 1, Context { partition: Partition::INSURANCE, ..base }),
        ("partition outside the grid", 1, Context { partition: Partition::PERSONAL, ..base }),
        ("class of the other partition", 2, Context { slot: Slot::Class(2), ..base }),
        ("class beyond the grid", 4, Context { slot: Slot::Class(4), ..base }),
        ("epoch instead of class", 1, Context { slot: Slot::Epoch(1), ..base }),
        ("params", 1, Context { params: Digest::from_array([1; 32]), ..base }),
        ("origin", 1, Context { origin: Digest::from_array([1; 32]), ..base }),
        ("no origin", 1, Context { origin: Digest::NONE, ..base }),
        ("aad beyond its bound", 1, Context { aad: &long, ..base }),
    ] {
        let capsule = kit.honest(&ctx, class, &[42; 32]);
        let checked = Kac::verify_capsule(&kit.params, &kit.generation, &capsule, &ctx);
        assert_eq!(checked.unwrap_err(), CapsuleError::Context, "{what}");
        assert_eq!(Kac::open(&kit.params, &kit.secret, &capsule, &ctx).unwrap_err(), OpenError, "{what}");
        assert!(kit.open(&key, &capsule, &ctx).is_none(), "{what}");
        let made = Kac::encapsulate(&kit.params, &kit.generation, &ctx, &kit.author(), &mut rng(1));
        assert_eq!(made.unwrap_err(), EncapsulateError::Context, "{what}");
    }
    let made = Kac::encapsulate(&kit.params, &kit.generation, &base, &party(4), &mut rng(1));
    assert_eq!(made.unwrap_err(), EncapsulateError::Author);
    // The same keys under other parameters of the same size: every function compares them.
    let params = Params::hazmat_from_alpha(5, &Scalar::from_u64(9)).unwrap();
    assert!(Kac::encapsulate(&params, &kit.generation, &base, &kit.author(), &mut rng(1)).is_err());
    assert!(Kac::verify_capsule(&params, &kit.generation, &good, &base).is_err());
    assert!(Kac::open(&params, &kit.secret, &good, &base).is_err());
    assert!(Kac::open_aggregate(&params, &key, &good, &base).is_err());
    assert!(Kac::open_batch(&params, &key, &[(&good, &base)])[0].is_err());
}

/// A capsule of class i says class j in its context, and everything that can be adapted without t, or with it, is.
#[test]
fn capsule_relabelled_to_another_class() {
    let kit = Kit::new(1, 2);
    let (from, to) = (kit.ctx(0, 7), kit.ctx(1, 7));
    let (sigma, key) = ([42; 32], kit.key("0-1"));
    let t = kit.t(&sigma, 0, &from);
    let capsule = kit.handmade(&from, 0, &sigma, &t);
    assert!(kit.open(&key, &capsule, &from).is_some());
    let (c1, c2) = points_of(&capsule);
    let bytes = capsule.to_bytes();
    let (c3, proof) = (bytes[52..84].try_into().unwrap(), bytes[84..148].try_into().unwrap());
    let difference = minus1(&kit.points.p_at(2), &kit.points.p_at(1));
    // Without t.
    for c2 in [c2, plus1(&c2, &difference), minus1(&c2, &difference)] {
        let moved = assemble(&c1, &c3, &proof, 0, &c2);
        assert!(!kit.verifies(&moved, &to) && kit.open(&key, &moved, &to).is_none());
    }
    // A reader knows t, and proves and shifts as it must be: public checks pass, opening does not.
    let c2 = plus1(&c2, &difference.mul(&t).to_affine());
    let moved = assemble(&c1, &c3, &prove(&kit, &to, 1, &t, &c3), 0, &c2);
    assert!(kit.verifies(&moved, &to));
    assert!(kit.open(&key, &moved, &to).is_none());
}

// Capsules ------------------------------------------------------------------------------------------------------------

#[test]
fn components_swapped_between_capsules() {
    let kit = Kit::new(1, 2);
    let ctx = kit.ctx(1, 7);
    let key = kit.key("1");
    // Two of one context, one of another record.
    let all = [kit.honest(&ctx, 1, &[1; 32]), kit.honest(&ctx, 1, &[2; 32]), kit.seal(&kit.ctx(1, 8)).0];
    let all = all.map(|capsule| capsule.to_bytes());
    for i in 0..81 {
        let (c1, c3, proof, c2) = (i % 3, i / 3 % 3, i / 9 % 3, i / 27);
        let parts = [&all[c1][4..52], &all[c3][52..84], &all[proof][84..148], &all[c2][148..]];
        let mixed: Capsule = message(&parts);
        let whole = c1 == c3 && c1 == c2 && c1 < 2;
        assert_eq!(kit.verifies(&mixed, &ctx), whole && proof == c1, "verify {c1}{c3}{proof}{c2}");
        // Opening recomputes the points and does not need π, which is there for those who have no key to do so.
        assert_eq!(kit.open(&key, &mixed, &ctx).is_some(), whole, "open {c1}{c3}{proof}{c2}");
    }
}

#[test]
fn mauled_capsule() {
    let kit = Kit::new(1, 2);
    let (ctx, key) = (kit.ctx(1, 7), kit.key("0-3"));
    let capsule = kit.seal(&ctx).0;
    let (bytes, (c1, c2)) = (capsule.to_bytes(), points_of(&capsule));
    let base = kit.base(1);
    let keep: [u8; 32] = bytes[52..84].try_into().unwrap();
    let proof = bytes[84..148].try_into().unwrap();
    // a·c + b·base satisfies the pairing equation as c does. Only π is in the way of a server.
    for (a, b) in [(7, 3), (7, 0), (1, 1), (0, 5)] {
        let [a, b] = [a, b].map(Scalar::from_u64);
        let mauled1 = c1.mul(&a).add(&mul_p(&b)).to_affine();
        let mauled2 = c2.mul(&a).add(&base.mul(&b)).to_affine();
        let right = plus2(&kit.v2(), &kit.points.q_at(2));
        assert!(vartime_pairing_eq(&mauled2, &G2Affine::generator(), &mauled1, &right));
        let mauled = assemble(&mauled1, &keep, &proof, 0, &mauled2);
        let checked = Kac::verify_capsule(&kit.params, &kit.generation, &mauled, &ctx);
        assert_eq!(checked.unwrap_err(), CapsuleError::Proof);
        assert!(kit.open(&key, &mauled, &ctx).is_none());
    }
    // The rotating part alone, which no proof covers.
    for c2 in [c2.neg(), plus1(&c2, &G1Affine::generator()), plus1(&c2, &kit.v1()), c1, base] {
        let mauled = assemble(&c1, &keep, &proof, 0, &c2);
        let checked = Kac::verify_capsule(&kit.params, &kit.generation, &mauled, &ctx);
        assert_eq!(checked.unwrap_err(), CapsuleError::Mutable);
        assert!(kit.open(&key, &mauled, &ctx).is_none());
    }
    let mut identity = bytes.clone();
    for at in [4, 152] {
        identity[at..at + 48].copy_from_slice(&G1Affine::identity().to_bytes());
        assert_eq!(Capsule::from_bytes(&identity), Err(DecodeError::Point));
    }
}

/// A reader has t, and with it makes capsules for other content that pass the public check. All who open agree that they
/// are none.
#[test]
fn capsule_that_a_reader_makes_with_a_known_t() {
    let kit = Kit::new(1, 2);
    let ctx = kit.ctx(1, 7);
    let (sigma, keys) = ([42; 32], ["1", "0-1", "1,3", "0-3"].map(|set| kit.key(set)));
    let t = kit.t(&sigma, 1, &ctx);
    for other in [[43; 32], [0; 32]] {
        let forged = kit.handmade(&ctx, 1, &other, &t);
        assert!(kit.verifies(&forged, &ctx));
        for key in &keys {
            assert!(kit.open(key, &forged, &ctx).is_none());
        }
    }
    // For another record.
    let ctx = kit.ctx(1, 8);
    let forged = kit.handmade(&ctx, 1, &sigma, &t);
    assert!(kit.verifies(&forged, &ctx) && keys.iter().all(|key| kit.open(key, &forged, &ctx).is_none()));
}

/// Whoever holds a key of S can choose wrong points so that its own decryption gives the right σ: one for each of c1 and
/// c2. Without the comparison of both, holders of different keys would see different things.
#[test]
fn points_chosen_so_that_decryption_succeeds() {
    let kit = Kit::new(1, 2);
    for text in ["1", "0-2"] {
        let key = kit.key(text);
        for wrong in Wrong::ALL {
            let (capsule, ctx) = insider(&kit, &set(text), 7, &Scalar::from_u64(3), wrong);
            let weights: Vec<_> = (0..5).map(|c| i64::from(set(text).contains(c))).collect();
            let z_n_t = kit.combine(&weights, &kit.key_point(&set(text)), &capsule, 1);
            assert_eq!(unmask(&z_n_t, &capsule, &ctx).1, [42; 32], "the attack is none");
            assert!(kit.open(&key, &capsule, &ctx).is_none(), "{text} {wrong:?}");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    C1,
    C2,
    Both,
}

impl Wrong {
    const ALL: [Self; 3] = [Self::C1, Self::C2, Self::Both];
}

/// A capsule of class 1 whose points are off by a multiple of P and of the class's base, and decrypt to σ = 42… with the
/// key of `set`.
fn insider(kit: &Kit, set: &ClassSet, record: u8, error: &Scalar, wrong: Wrong) -> (Capsule, Context<'static>) {
    let ctx = kit.ctx(1, record);
    let sigma = [42; 32];
    let t = kit.t(&sigma, 1, &ctx);
    let off = &t + error;
    let (x1, x2) = match wrong {
        Wrong::C1 => (&off, &t),
        Wrong::C2 => (&t, &off),
        Wrong::Both => (&off, &off),
    };
    let (c1, c2) = (mul_p(x1).to_affine(), kit.base(1).mul(x2).to_affine());
    let draft = assemble(&c1, &sigma, &[0; 64], 0, &c2);
    let weights: Vec<_> = (0..5).map(|c| i64::from(set.contains(c))).collect();
    let c3 = masked(&kit.combine(&weights, &kit.key_point(set), &draft, 1), &sigma);
    (assemble(&c1, &c3, &prove(kit, &ctx, 1, x1, &c3), 0, &c2), ctx)
}

// Batches -------------------------------------------------------------------------------------------------------------

#[test]
fn errors_that_cancel_in_a_batch() {
    let kit = Kit::new(1, 2);
    let key = kit.key("0-2");
    for wrong in Wrong::ALL {
        let error = Scalar::from_u64(3);
        let (a, ctx_a) = insider(&kit, key.set(), 7, &error, wrong);
        let (b, ctx_b) = insider(&kit, key.set(), 8, &-&error, wrong);
        let (good_ctx, other_ctx) = (kit.ctx(1, 9), kit.ctx(2, 9));
        let ((good, _), (other, _)) = (kit.seal(&good_ctx), kit.seal(&other_ctx));
        let items = [(&a, &ctx_a), (&good, &good_ctx), (&b, &ctx_b), (&other, &other_ctx)];
        let opened: Vec<_> = Kac::open_batch(&kit.params, &key, &items).iter().map(Result::is_ok).collect();
        assert_eq!(opened, [false, true, false, true], "{wrong:?}");
    }
}

#[test]
fn batch_with_nothing_twice_the_same_or_foreign_capsules() {
    let kit = Kit::new(1, 2);
    let key = kit.key("0-2");
    assert!(Kac::open_batch(&kit.params, &key, &[]).is_empty());
    let contexts: Vec<_> = (0..4).rev().map(|class| kit.ctx(class, 7)).collect();
    let sealed: Vec<_> = contexts.iter().map(|ctx| kit.seal(ctx)).collect();
    // Classes 3, 2, 1, 0, of which 3 is not in the set, in this order, twice, and each with its neighbour's context.
    let own = sealed.iter().zip(&contexts).map(|((capsule, _), ctx)| (capsule, ctx));
    let crossed = sealed.iter().zip(contexts.iter().skip(1)).map(|((capsule, _), ctx)| (capsule, ctx));
    let items: Vec<_> = own.clone().chain(crossed).chain(own).collect();
    let opened = Kac::open_batch(&kit.params, &key, &items);
    assert_eq!(opened.len(), 11);
    for (i, result) in opened.into_iter().enumerate() {
        let expected = match i {
            1..=3 => Some(i),
            8..=10 => Some(i - 7),
            _ => None,
        };
        let expected = expected.map(|i| *sealed[i].1.hazmat_bytes());
        assert_eq!(result.ok().map(|key| *key.hazmat_bytes()), expected, "{i}");
    }
}

/// More capsules than are checked at once: a bad one in the second round concerns neither the first nor its neighbours.
#[test]
fn bad_capsule_among_more_than_a_batch() {
    let kit = Kit::new(1, 2);
    let key = kit.key("0-1");
    let (ctx, last) = (kit.ctx(0, 7), kit.ctx(1, 7));
    let ((capsule, shared), (end, _)) = (kit.seal(&ctx), kit.seal(&last));
    let (bad, bad_ctx) = insider(&kit, key.set(), 7, &Scalar::one(), Wrong::C2);
    let mut items = vec![(&bad, &bad_ctx), (&end, &last)];
    items.extend(std::iter::repeat_n((&capsule, &ctx), 1024));
    let opened = Kac::open_batch(&kit.params, &key, &items);
    assert!(opened[0].is_err() && opened[1].is_ok());
    assert!(opened[2..].iter().all(|key| key.as_ref().is_ok_and(|key| key.hazmat_bytes() == shared.hazmat_bytes())));
}

#[test]
fn gt_of_a_capsule_is_not_in_its_public_points() {
    // No pairing of a capsule's points with a published one is the mask.
    let kit = Kit::full(1, 4);
    let ctx = kit.ctx(1, 7);
    let (capsule, shared) = kit.seal(&ctx);
    let (c1, c2) = points_of(&capsule);
    let mut published: Vec<G2Affine> = kit.points.q.clone();
    published.extend([kit.v2(), G2Affine::generator()]);
    let all: Vec<Gt> = [c1, c2].iter().flat_map(|c| published.iter().map(move |q| pairing(c, q))).collect();
    let products = all.iter().enumerate().flat_map(|(i, a)| {
        let with_others = all[..i].iter().flat_map(move |b| [a.mul(b), a.mul(&b.invert()), b.mul(&a.invert())]);
        with_others.chain([a.clone(), a.invert()])
    });
    for z in products {
        assert_ne!(unmask(&z, &capsule, &ctx).0, *shared.hazmat_bytes());
    }
}
