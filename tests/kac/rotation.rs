//! Attacks on the rotation of `Kac`'s capsules and on the chains of its generations, each a test named after what the attacker
//! does. Those on tokens are in `tokens.rs`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use crate::common::kac::*;
use crate::common::kapre::*;
use crate::common::{party, rng};
use sesphr::context::{Context, Partition, RecordId, Slot};
use sesphr::encoding::{Encoding, Message, SecretEncoding, SuiteId};
use sesphr::error::DecodeError;
use sesphr::hazmat::pairing::{G1Affine, Scalar, mul_p};
use sesphr::identity::Signed;
use sesphr::kac::params::Params;
use sesphr::kac::*;
use sesphr::kapre::{Kapre, Lineage};
use sesphr::kem::{CapsuleError, OwnerRoot, OwnerTerms};
use sesphr::pre::{KeyError, Pre, ReencryptError};
use sesphr::record::{Expected, Opener, SealedHeader, SealedPartition, Sealer, Versions};

/// The same owner with the generation after.
pub(crate) fn next(kit: &Kit) -> Kit {
    let params = Params::hazmat_from_alpha(kit.params.classes(), &alpha()).unwrap();
    let signer = sesphr::identity::SigningKey::from_bytes(&kit.signer.to_secret_bytes()).unwrap();
    let root = OwnerRoot::from_bytes(&kit.root.to_secret_bytes()).unwrap();
    let (grid, before) = (kit.generation.grid(), Some(&kit.generation));
    let (secret, cert) = Kac::keygen(&params, grid, &root, &signer, before, &mut rng(8)).unwrap();
    let generation = kit.generation.succeeded_by(&params, &cert).unwrap();
    Kit { points: kit.points.clone(), params, signer, root, secret, cert, generation }
}

/// An owner of four classes with so many generations.
pub(crate) fn generations(count: usize) -> Vec<Kit> {
    let mut kits = vec![Kit::new(1, 2)];
    (1..count).for_each(|_| kits.push(next(kits.last().unwrap())));
    kits
}

pub(crate) fn token(from: &Kit, to: &Kit) -> RotationToken {
    let token = Kac::token(&from.secret, &to.secret).unwrap();
    RotationToken::from_bytes(&token.to_secret_bytes()).unwrap()
}

pub(crate) fn verified(from: &Kit, to: &Kit) -> VerifiedToken {
    Kac::verify_token(&to.generation, &token(from, to)).unwrap()
}

pub(crate) fn delta(from: &Kit, to: &Kit) -> Scalar {
    delta_of(&token(from, to))
}

pub(crate) fn delta_of(token: &RotationToken) -> Scalar {
    Scalar::from_bytes(token.to_secret_bytes()[68..].try_into().unwrap()).unwrap()
}

/// Alone; the result as it travels.
pub(crate) fn rotate(
    kit: &Kit,
    token: &VerifiedToken,
    capsule: &Capsule,
    ctx: &Context<'_>,
) -> Result<Capsule, RotateError> {
    let mut results = Kac::rotate(&kit.params, token, &[(capsule, ctx)]);
    assert_eq!(results.len(), 1);
    results.pop().unwrap().map(|capsule| Capsule::from_bytes(&capsule.to_bytes()).unwrap())
}

/// The same capsule with another number and another c2.
pub(crate) fn with(capsule: &Capsule, generation: u32, c2: &G1Affine) -> Capsule {
    patched(&patched(capsule, 148, &generation.to_be_bytes()), 152, &c2.to_bytes())
}

/// c2 + kΔc1.
pub(crate) fn moved_by(capsule: &Capsule, delta: &Scalar) -> G1Affine {
    let (c1, c2) = points_of(capsule);
    c1.mul(delta).add_affine(&c2).to_affine()
}

/// As the owner, and with the aggregate key of all classes.
pub(crate) fn opens(kit: &Kit, capsule: &Capsule, ctx: &Context<'_>) -> Option<[u8; 32]> {
    kit.open(&kit.key("0-3"), capsule, ctx)
}

/// What server and delegatee of a grant of class 0 compute by hand, whatever the library says.
fn through_by_hand(kit: &Kit, held: &Held, capsule: &Capsule, ctx: &Context<'_>) -> [u8; 32] {
    let reach = set("0");
    let part = kit.answer(&held.rk(), &reach, capsule, 0, &Scalar::from_u64(77));
    unmask(&kit.unchecked(held.m(), &reach, capsule, &part), capsule, ctx).0
}

// Who opens -----------------------------------------------------------------------------------------------------------

#[test]
fn keys_of_the_new_generation_open_and_old_ones_do_not() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let (user, token) = (Reader::new(20), verified(&old, &new));
    assert_eq!((token.from(), token.to()), (&old.generation, &new.generation));
    let (before, after) = (old.grant(&user, "0"), new.grant(&user, "0"));
    for class in 0..4 {
        let ctx = old.ctx(class, 7);
        let (capsule, shared) = old.seal(&ctx);
        let key = Some(bytes(shared));
        assert_eq!(opens(&old, &capsule, &ctx), key);
        assert_eq!(opens(&new, &capsule, &ctx), None);
        let moved = rotate(&old, &token, &capsule, &ctx).unwrap();
        assert_eq!(sesphr::kem::CapsuleParts::generation(&moved), 1);
        // Owner and aggregate key.
        assert!(new.verifies(&moved, &ctx) && !old.verifies(&moved, &ctx));
        assert_eq!(opens(&new, &moved, &ctx), key);
        assert_eq!(opens(&old, &moved, &ctx), None);
        // The number put back: nothing but the number.
        let (_, c2) = points_of(&moved);
        let dressed = with(&moved, 0, &c2);
        assert!(!old.verifies(&dressed, &ctx));
        assert_eq!(opens(&old, &dressed, &ctx), None);
        let by_hand = |kit: &Kit, capsule| {
            let weights: Vec<_> = (0..4).map(|c| i64::from(c == class)).collect();
            let key = kit.key_point(&set(&class.to_string()));
            unmask(&kit.combine(&weights, &key, capsule, class), capsule, &ctx).0
        };
        assert_eq!(Some(by_hand(&old, &capsule)), key);
        assert_eq!(Some(by_hand(&new, &moved)), key);
        assert_ne!(Some(by_hand(&old, &moved)), key);
        assert_ne!(Some(by_hand(&new, &capsule)), key);
        if class != 0 {
            assert!(matches!(new.try_reencrypt(&after, &moved, &ctx), Err(ReencryptError::Scope)));
            continue;
        }
        // Re-encryption, under the grant of the new generation.
        let part = new.reencrypt(&after, &moved, &ctx);
        assert_eq!(new.read(&after, &moved, &part, &ctx), key);
        // Under the old one the server refuses, and the delegatee, and by hand they get nothing.
        assert!(new.try_reencrypt(&before, &moved, &ctx).is_err());
        assert_eq!(
            Kapre::verify_capsule(&old.params, &old.generation, &moved, &ctx).unwrap_err(),
            CapsuleError::Mutable
        );
        assert_eq!(old.read(&before, &moved, &part, &ctx), None);
        assert_eq!(old.read(&before, &dressed, &part, &ctx), None);
        assert_eq!(Some(through_by_hand(&old, &before, &capsule, &ctx)), key);
        assert_eq!(Some(through_by_hand(&new, &after, &moved, &ctx)), key);
        assert_ne!(Some(through_by_hand(&old, &before, &moved, &ctx)), key);
        // Half an update: the old server with the new mask, and the other way round.
        let mixed = |held: &Held, m: &Scalar| {
            let part = new.answer(&held.rk(), &set("0"), &moved, 0, &Scalar::from_u64(78));
            unmask(&new.unchecked(m, &set("0"), &moved, &part), &moved, &ctx).0
        };
        assert_ne!(Some(mixed(&before, after.m())), key);
        assert_ne!(Some(mixed(&after, before.m())), key);
    }
}

/// The keys inside, and all that is signed or hashed, are as they were.
#[test]
fn nothing_but_number_and_c2_changes() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let (ctx, token) = (old.ctx(2, 7), verified(&old, &new));
    let (capsule, _) = old.seal(&ctx);
    let moved = rotate(&old, &token, &capsule, &ctx).unwrap();
    let (before, after) = (capsule.to_bytes(), moved.to_bytes());
    assert_eq!(before[..148], after[..148]);
    assert_eq!((&before[148..152], &after[148..152]), (&[0; 4][..], &[0, 0, 0, 1][..]));
    assert_ne!(before[152..], after[152..]);
    // It is the capsule that the author would have made under the new key.
    let sigma: [u8; 32] = std::array::from_fn(|k| k as u8);
    let t = old.t(&sigma, 2, &ctx);
    let [before, after] = [&old, &new].map(|kit| kit.handmade(&ctx, 2, &sigma, &t));
    assert_eq!(rotate(&old, &token, &before, &ctx).unwrap(), after);
    // The old one is not touched.
    assert_eq!(Capsule::from_bytes(&capsule.to_bytes()).unwrap(), capsule);
}

#[test]
fn author_of_a_rotated_record_is_who_it_was() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let (token, author) = (verified(&old, &new), party(3));
    let label = sesphr::kapre::ClassLabel::new(old.generation.grid(), &crate::common::medical(1)).unwrap();
    let seal = |record: u8| {
        let sealer = Sealer::<Kapre>::new(&old.params, &old.generation, &label, &author);
        sealer.seal(RecordId::from_array([record; 16]), 1, b"a record", &mut rng(record)).unwrap()
    };
    let (mut sealed, other) = (seal(7), seal(8));
    let authors = [author.id()];
    let expected = Expected {
        owner: old.signer.id(),
        record: RecordId::from_array([7; 16]),
        partition: Partition::MEDICAL,
        authors: &authors,
        versions: Versions::Exactly(1),
    };
    let read = |kit: &Kit, sealed: &SealedPartition| {
        let opened = Opener::<Kapre>::owner(&kit.params, &kit.secret).open(&expected, sealed);
        opened.ok().map(|text| text.to_vec())
    };
    let capsule_of = |sealed: &SealedPartition| sealed.header().capsule::<Kapre>().unwrap();
    let rotated =
        |sealed: &SealedPartition| rotate(&old, &token, &capsule_of(sealed), &sealed.header().context()).unwrap();
    assert_eq!(read(&old, &sealed).unwrap(), b"a record");

    // The capsule of another record, or of none, is refused and leaves the header alone.
    let genuine = sealed.clone();
    let moved = rotated(&sealed);
    for at in [4, 52, 84, 116] {
        let mut bytes = moved.to_bytes();
        // Another c1, c3, challenge and response.
        let end = at + if at == 4 { 48 } else { 32 };
        bytes[at..end].copy_from_slice(&rotated(&other).to_bytes()[at..end]);
        let stranger = Capsule::from_bytes(&bytes).unwrap();
        assert_eq!(sealed.header_mut().set_rotated(&stranger), Err(DecodeError::Value), "{at}");
    }
    assert_eq!(sealed.header_mut().set_rotated(&rotated(&other)), Err(DecodeError::Value));
    assert_eq!(sealed, genuine);

    sealed.header_mut().set_rotated(&moved).unwrap();
    let (before, after): (&SealedHeader, &SealedHeader) = (genuine.header(), sealed.header());
    assert_eq!(before.immutable(), after.immutable());
    assert_eq!(before.seal(), after.seal());
    assert_eq!((before.mutable().generation(), after.mutable().generation()), (0, 1));
    assert_eq!(before.mutable().layer(), after.mutable().layer());
    assert_eq!(capsule_of(&sealed), moved);
    assert_eq!(genuine.body(), sealed.body());
    let sealed = SealedPartition::from_bytes(&sealed.to_bytes()).unwrap();
    assert_eq!(read(&new, &sealed).unwrap(), b"a record");
    assert_eq!((read(&old, &sealed), read(&new, &genuine)), (None, None));
}

// Updates in the wrong place ------------------------------------------------------------------------------------------

#[test]
fn update_that_is_repeated() {
    let kits = generations(3);
    let (token, ctx) = (verified(&kits[0], &kits[1]), kits[0].ctx(1, 7));
    let (capsule, shared) = kits[0].seal(&ctx);
    let moved = rotate(&kits[0], &token, &capsule, &ctx).unwrap();
    assert_eq!(rotate(&kits[0], &token, &moved, &ctx), Err(RotateError::Generation));
    // The number put back.
    let dressed = with(&moved, 0, &points_of(&moved).1);
    assert_eq!(rotate(&kits[0], &token, &dressed, &ctx), Err(RotateError::Capsule));
    // c2 + 2Δc1 by hand.
    let delta = delta(&kits[0], &kits[1]);
    assert_eq!(moved_by(&capsule, &delta), points_of(&moved).1);
    let twice = moved_by(&moved, &delta);
    assert_eq!(twice, moved_by(&capsule, &(&delta + &delta)));
    for (kit, number) in kits.iter().zip(0..) {
        let doubled = with(&capsule, number, &twice);
        assert!(!kit.verifies(&doubled, &ctx), "{number}");
        assert_eq!(opens(kit, &doubled, &ctx), None, "{number}");
        let key = kit.key_point(&set("1"));
        let opened = unmask(&kit.combine(&[0, 1, 0, 0], &key, &doubled, 1), &doubled, &ctx).0;
        assert_ne!(opened, *shared.hazmat_bytes(), "{number}");
    }
}

#[test]
fn token_over_several_generations() {
    let kits = generations(4);
    let ctx = kits[0].ctx(3, 7);
    let (capsule, shared) = kits[0].seal(&ctx);
    let [by_one, by_two, by_three] = [1, 2, 3].map(|to| verified(&kits[0], &kits[to]));
    let first = rotate(&kits[0], &by_one, &capsule, &ctx).unwrap();
    let second = rotate(&kits[0], &verified(&kits[1], &kits[2]), &first, &ctx).unwrap();
    assert_eq!(rotate(&kits[0], &by_two, &capsule, &ctx).unwrap(), second);
    let third = rotate(&kits[0], &verified(&kits[2], &kits[3]), &second, &ctx).unwrap();
    assert_eq!(rotate(&kits[0], &by_three, &capsule, &ctx).unwrap(), third);
    assert_eq!(rotate(&kits[0], &verified(&kits[1], &kits[3]), &first, &ctx).unwrap(), third);
    assert_eq!(opens(&kits[2], &second, &ctx), Some(*shared.hazmat_bytes()));
    assert_eq!(opens(&kits[3], &third, &ctx), Some(bytes(shared)));
    // Another way round, and a step that is missing or was taken.
    let refused = Err(RotateError::Generation);
    assert_eq!(rotate(&kits[0], &verified(&kits[1], &kits[2]), &capsule, &ctx), refused);
    assert_eq!(rotate(&kits[0], &by_two, &first, &ctx), refused);
    assert_eq!(rotate(&kits[0], &by_one, &third, &ctx), refused);
    // What was made in between.
    let ctx = kits[1].ctx(0, 9);
    let (capsule, shared) = kits[1].seal(&ctx);
    assert_eq!(rotate(&kits[0], &by_two, &capsule, &ctx), refused);
    let moved = rotate(&kits[0], &verified(&kits[1], &kits[3]), &capsule, &ctx).unwrap();
    assert_eq!(opens(&kits[3], &moved, &ctx), Some(bytes(shared)));
}

// Capsules ------------------------------------------------------------------------------------------------------------

/// A capsule that is well-formed under a kit's generation as far as a cloud looks: t alone, without key or proof.
fn light(kit: &Kit, class: u32, t: u64) -> Capsule {
    let t = Scalar::from_u64(t);
    let c2 = kit.base(class).mul(&t).to_affine();
    assemble(&mul_p(&t).to_affine(), &[9; 32], &[1; 64], kit.generation.generation(), &c2)
}

fn shifted(capsule: &Capsule, by: &G1Affine, plus: bool) -> Capsule {
    let (_, c2) = points_of(capsule);
    let c2 = if plus { plus1(&c2, by) } else { minus1(&c2, by) };
    with(capsule, sesphr::kem::CapsuleParts::generation(capsule), &c2)
}

#[test]
fn capsule_with_another_c2_is_refused_alone() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let (token, ctx) = (verified(&old, &new), old.ctx(1, 7));
    let (capsule, _) = old.seal(&ctx);
    let (c1, c2) = points_of(&capsule);
    let (other, _) = old.seal(&old.ctx(1, 8));
    for (what, c2) in [
        ("another's", points_of(&other).1),
        ("negated", c2.neg()),
        ("the generator", G1Affine::generator()),
        ("c1", c1),
        ("of the next generation already", new.base(1).mul(&Scalar::from_u64(5)).to_affine()),
        ("moved on", moved_by(&capsule, &delta(&old, &new))),
        ("one more", plus1(&c2, &G1Affine::generator())),
    ] {
        let bad = with(&capsule, 0, &c2);
        assert_eq!(rotate(&old, &token, &bad, &ctx), Err(RotateError::Capsule), "{what}");
    }
    // Another c1.
    let bad = patched(&capsule, 4, &plus1(&c1, &G1Affine::generator()).to_bytes());
    assert_eq!(rotate(&old, &token, &bad, &ctx), Err(RotateError::Capsule));
    // Where c2 has no part in the check, the new one would not open either.
    assert!(!new.verifies(&with(&bad, 1, &moved_by(&bad, &delta(&old, &new))), &ctx));
}

#[test]
fn bad_capsules_among_hundreds_are_refused_and_no_others() {
    let [old, new] = [Kit::full(1, 7), next(&Kit::full(1, 7))];
    let (token, count) = (verified(&old, &new), 600);
    // Classes in no order, with runs of one class and one that is there once.
    let class = |k: usize| if k == 300 { 6 } else { u32::try_from((k * k + k / 7) % 6).unwrap() };
    let good: Vec<_> = (0..count).map(|k| (light(&old, class(k), 1000 + k as u64), old.ctx(class(k), 7))).collect();
    let expected: Vec<_> = (0..count).map(|k| light(&new, class(k), 1000 + k as u64)).collect();
    // Where each one is when they are sorted by class, in batches of 256.
    let mut sorted: Vec<_> = (0..count).collect();
    sorted.sort_by_key(|k| class(*k));
    let at = |places: &[usize]| places.iter().map(|place| sorted[*place]).collect::<Vec<_>>();
    let border = |class_: u32| sorted.iter().position(|k| class(*k) == class_).unwrap();
    let cases = [
        vec![],
        at(&[0]),
        at(&[255, 512]),
        at(&[256]),
        at(&[511, 599]),
        at(&[border(3) - 1, border(3), border(6)]),
        (0..count).collect(),
    ];
    let x = mul_p(&Scalar::from_u64(4321)).to_affine();
    for bad in &cases {
        let mut capsules = good.clone();
        // X added to one and taken from the next: alone each is wrong, their sum is not.
        bad.iter().enumerate().for_each(|(k, i)| capsules[*i].0 = shifted(&good[*i].0, &x, k % 2 == 0));
        let pairs: Vec<_> = capsules.iter().map(|(capsule, ctx)| (capsule, ctx)).collect();
        let results = Kac::rotate(&old.params, &token, &pairs);
        assert_eq!(results.len(), count);
        for (k, result) in results.iter().enumerate() {
            let expected = if bad.contains(&k) { Err(&RotateError::Capsule) } else { Ok(&expected[k]) };
            assert_eq!(result.as_ref(), expected, "{k} of {} bad", bad.len());
        }
    }
    // Cancelling pairs in one class, in neighbouring ones and in different batches.
    for pair in [[10, 11], [border(1) - 1, border(1)], [255, 256]] {
        let bad = at(&pair);
        let mut capsules = good.clone();
        capsules[bad[0]].0 = shifted(&good[bad[0]].0, &x, true);
        capsules[bad[1]].0 = shifted(&good[bad[1]].0, &x, false);
        let pairs: Vec<_> = capsules.iter().map(|(capsule, ctx)| (capsule, ctx)).collect();
        let results = Kac::rotate(&old.params, &token, &pairs);
        let refused: Vec<_> = (0..count).filter(|k| results[*k].is_err()).collect();
        let mut bad = bad;
        bad.sort_unstable();
        assert_eq!(refused, bad, "{pair:?}");
    }
    // Two capsules under each other's class: each alone fits neither.
    let [a, b] = at(&[border(2), border(3)])[..] else { unreachable!() };
    let mut pairs: Vec<_> = good.iter().map(|(capsule, ctx)| (capsule, ctx)).collect();
    (pairs[a].0, pairs[b].0) = (&good[b].0, &good[a].0);
    let results = Kac::rotate(&old.params, &token, &pairs);
    assert!((0..count).all(|k| results[k].is_err() == (k == a || k == b)));
}

#[test]
fn context_that_is_not_one_under_the_owners_key() {
    let [old, new]: [Kit; 2] = generations(2).try_into().ok().unwrap();
    let (token, ctx) = (verified(&old, &new), old.ctx(1, 7));
    let (capsule, shared) = old.seal(&ctx);
    let (other, long) = (Kit::new(5, 2), vec![0; Context::MAX_AAD + 1]);
    let foreign = Params::hazmat_from_alpha(5, &Scalar::from_u64(9)).unwrap();
    let third = next(&new);
    for (what, ctx) in [
        ("another owner", Context { owner: other.signer.id(), ..ctx }),
        ("all of another owner's", other.ctx(1, 7)),
        ("another origin", Context { origin: other.generation.origin(), ..ctx }),
        ("a generation of the future", third.ctx(1, 7)),
        ("other parameters", Context { params: foreign.digest(), ..ctx }),
        ("another scheme", Context { suite: SuiteId::Afgh, ..ctx }),
        ("an epoch", Context { slot: Slot::Epoch(1), ..ctx }),
        ("a class outside of the grid", Context { slot: Slot::Class(4), ..ctx }),
        ("a class of another partition", Context { slot: Slot::Class(2), ..ctx }),
        ("another partition", Context { partition: Partition::PERSONAL, ..ctx }),
        ("too much data", Context { aad: &long, ..ctx }),
    ] {
        assert_eq!(rotate(&old, &token, &capsule, &ctx), Err(RotateError::Context), "{what}");
    }
    assert_eq!(
        Kac::rotate(&foreign, &token, &[(&capsule, &ctx)]).pop().unwrap(),
        Err(RotateError::Context),
        "under other parameters"
    );
    for class in [0, 2, 3] {
        assert_eq!(rotate(&old, &token, &capsule, &old.ctx(class, 7)), Err(RotateError::Capsule), "class {class}");
    }
    // Of what else is in a context the rotating part knows nothing: the capsule opens under its own afterwards.
    for same in [old.ctx(1, 8), Context { version: 2, ..ctx }, new.ctx(1, 7)] {
        let moved = rotate(&old, &token, &capsule, &same).unwrap();
        assert_eq!(opens(&new, &moved, &ctx), Some(*shared.hazmat_bytes()));
        assert_eq!(opens(&new, &moved, &same), None);
    }
}

#[test]
fn capsules_of_several_generations_in_one_call() {
    let kits = generations(3);
    let token = verified(&kits[0], &kits[2]);
    assert!(Kac::rotate(&kits[0].params, &token, &[]).is_empty());
    let mut items = Vec::new();
    for record in 0..12u8 {
        let kit = &kits[usize::from(record) % 3];
        let ctx = kit.ctx(u32::from(3 - record % 4), record);
        let (mut capsule, shared) = kit.seal(&ctx);
        // One of each generation with a c2 that is not its own.
        if record >= 9 {
            capsule = shifted(&capsule, &G1Affine::generator(), true);
        }
        items.push((capsule, ctx, bytes(shared)));
    }
    let pairs: Vec<_> = items.iter().map(|(capsule, ctx, _)| (capsule, ctx)).collect();
    for results in [Kac::rotate(&kits[0].params, &token, &pairs), Kapre::rotate(&kits[0].params, &token, &pairs)] {
        assert_eq!(results.len(), items.len());
        for (record, ((capsule, ctx, key), result)) in items.iter().zip(results).enumerate() {
            match record % 3 {
                0 if record < 9 => assert_eq!(opens(&kits[2], &result.unwrap(), ctx), Some(*key), "{record}"),
                0 => assert_eq!(result, Err(RotateError::Capsule), "{record}"),
                _ => assert_eq!(result, Err(RotateError::Generation), "{record}"),
            }
            assert_eq!(opens(&kits[record % 3], capsule, ctx), (record < 9).then_some(*key), "{record}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(20)))]

    /// However many, and whatever is wrong with some, a batch does what each by itself does.
    #[test]
    fn batch_is_as_one_by_one(items in prop::collection::vec((0u32..4, 0u32..3, 0u32..4, 0u8..8, any::<u16>()), 0..40)) {
        let kits = generations(3);
        let token = verified(&kits[0], &kits[2]);
        let x = G1Affine::generator();
        let items: Vec<_> = items.into_iter().map(|(class, generation, said, flaw, t)| {
            let kit = &kits[generation as usize * usize::from(flaw < 6)];
            let capsule = light(kit, class, u64::from(t) + 1);
            match flaw {
                0 => (shifted(&capsule, &x, true), kit.ctx(class, 7)),
                1 => (shifted(&capsule, &x, false), kit.ctx(class, 7)),
                2 => (capsule, kit.ctx(said, 7)),
                3 => (capsule, Context { version: 9, slot: Slot::Class(said), ..kit.ctx(class, 7) }),
                _ => (capsule, kit.ctx(class, 7)),
            }
        }).collect();
        let pairs: Vec<_> = items.iter().map(|(capsule, ctx)| (capsule, ctx)).collect();
        let batch = Kac::rotate(&kits[0].params, &token, &pairs);
        let alone: Vec<_> = items.iter().map(|(capsule, ctx)| rotate(&kits[0], &token, capsule, ctx)).collect();
        prop_assert_eq!(batch, alone);
    }
}

// Chains --------------------------------------------------------------------------------------------------------------

/// The lineage that continues the generations of some kits.
fn lineage(kits: &[Kit]) -> Lineage {
    Lineage::after(&kits[0].params, chain(kits), &kits[0].signer.id()).unwrap()
}

fn chain(kits: &[Kit]) -> GenerationChain {
    let mut chain = GenerationChain::new(kits[0].cert.clone());
    kits[1..].iter().for_each(|kit| chain.push(kit.cert.clone()));
    GenerationChain::from_bytes(&chain.to_bytes()).unwrap()
}

#[test]
fn every_generation_of_a_lineage_derives_again() {
    let kits = generations(4);
    let (last, params) = (lineage(&kits[..3]), &kits[0].params);
    assert_eq!(last.generation(), 3);
    for (number, kit) in (0..).zip(&kits) {
        let ancestor = last.ancestor(number).unwrap();
        assert_eq!(ancestor.generation(), number);
        assert_eq!(ancestor.grid(), kit.generation.grid());
        let previous = (number as usize).checked_sub(1).map(|before| &kits[before].generation);
        assert_eq!(ancestor.previous(), previous);
        assert_eq!(ancestor.chain(), previous.map(|_| chain(&kits[..number as usize])).as_ref());
        let expected =
            if number == 0 { Lineage::first(kit.generation.grid().clone()) } else { lineage(&kits[..number as usize]) };
        assert_eq!(ancestor, expected);
        let (secret, made) = Kapre::owner_keygen(params, &kit.root, &kit.signer, &ancestor, &mut rng(1)).unwrap();
        assert_eq!(secret.generation(), &kit.generation);
        assert_eq!(made.certs().len(), number as usize + 1);
        assert_eq!(Kapre::verify_owner(params, &made, &kit.signer.id()).unwrap(), kit.generation);
        // What a cloud finds of it.
        assert_eq!(kits[3].generation.ancestor(number), Some(&kit.generation));
    }
    assert!(last.ancestor(4).is_none() && last.ancestor(u32::MAX).is_none());
    assert_eq!(kits[3].generation.ancestor(4), None);
    assert_eq!(kits[1].generation.ancestor(2), None);
    let first = Lineage::first(kits[0].generation.grid().clone());
    assert_eq!(first.ancestor(0), Some(first.clone()));
    assert!(first.ancestor(1).is_none() && first.chain().is_none() && first.previous().is_none());
}

/// The generation after the last would have no place in an encoded chain.
#[test]
fn nothing_comes_after_the_longest_chain() {
    let kit = Kit::new(1, 2);
    let foreign = Kit::new(5, 2).cert;
    let after = |count: usize| {
        let mut chain = GenerationChain::new(foreign.clone());
        (1..count).for_each(|_| chain.push(foreign.clone()));
        Lineage::after(&kit.params, chain, &kit.signer.id()).unwrap_err()
    };
    // Told before anything of a chain is checked, which would take seconds.
    assert_eq!(after(GenerationChain::MAX), KeyError::from(GenerationError::Chain));
    assert_eq!(after(GenerationChain::MAX + 1), KeyError::from(GenerationError::Chain));
    assert_eq!(after(GenerationChain::MAX - 1), KeyError::from(GenerationError::Signature));
}

/// A chain is continued by who can verify it, and that is its owner's alone.
#[test]
fn lineage_after_a_chain_of_somebody_else() {
    let kits = generations(2);
    let other = Kit::new(5, 2);
    let error = Lineage::after(&kits[0].params, chain(&kits), &other.signer.id()).unwrap_err();
    assert_eq!(error, KeyError::from(GenerationError::Signature));
    let mut gap = GenerationChain::new(kits[1].cert.clone());
    let error = Lineage::after(&kits[0].params, gap.clone(), &kits[0].signer.id()).unwrap_err();
    assert_eq!(error, KeyError::from(GenerationError::Chain));
    gap.push(Signed::clone(&kits[0].cert));
    assert!(Lineage::after(&kits[0].params, gap, &kits[0].signer.id()).is_err());
}
