//! Attacks on the capsules of `Threshold`, each a test named after what the attacker does.

use proptest::prelude::*;

use crate::common::scene::message;
use crate::common::threshold::*;
use crate::common::{medical, party, rng};
use sesphr::Digest;
use sesphr::context::{Context, Partition, Period, Slot};
use sesphr::encoding::{Encoding, SuiteId};
use sesphr::hazmat::ristretto::{Element, Scalar};
use sesphr::kem::{CapsuleError, CapsuleParts, EncapsulateError};
use sesphr::pre::Pre;
use sesphr::pre::threshold::*;

fn verify(owner: &Owner, capsule: &Capsule, ctx: &Context<'_>) -> Result<VerifiedCapsule, CapsuleError> {
    Threshold::verify_capsule(&(), &owner.key, capsule, ctx)
}

// Contexts ------------------------------------------------------------------------------------------------------------

#[test]
fn capsule_moved_to_another_context_fails_everywhere() {
    let user = Delegatee::new(2);
    let (author, other_author) = (party(3), party(4));
    let owners = [
        Owner::new(1, medical(3)),
        Owner::new(1, medical(4)),
        Owner::new(1, Period { partition: Partition::PERSONAL, epoch: 3 }),
        Owner::new(5, medical(3)),
    ];
    let [base, next_period, other_partition, other_owner] = &owners;
    let cells = [
        (base, &author, base.ctx(&author, 7, 1, b"ab")),
        (base, &author, base.ctx(&author, 8, 1, b"ab")),
        (base, &author, base.ctx(&author, 7, 2, b"ab")),
        (base, &author, base.ctx(&author, 7, 1, b"")),
        (base, &author, base.ctx(&author, 7, 1, b"ab\0")),
        (base, &other_author, base.ctx(&other_author, 7, 1, b"ab")),
        (next_period, &author, next_period.ctx(&author, 7, 1, b"ab")),
        (other_partition, &author, other_partition.ctx(&author, 7, 1, b"ab")),
        (other_owner, &author, other_owner.ctx(&author, 7, 1, b"ab")),
    ];
    let grants = cells.each_ref().map(|(owner, ..)| owner.delegate(&user, &committee(2, 1..=3)));
    for (i, (owner, author, ctx)) in cells.iter().enumerate() {
        let (capsule, key) = owner.seal(ctx, author);
        let parts = grants[i].parts(owner, &capsule, ctx);
        for (j, (owner, _, ctx)) in cells.iter().enumerate() {
            let expected = (i == j).then_some(key);
            assert_eq!(verify(owner, &capsule, ctx).is_ok(), i == j, "verify {i} as {j}");
            assert_eq!(owner.open(&capsule, ctx), expected, "open {i} as {j}");
            assert_eq!(grants[j].open(&capsule, &parts, ctx), expected, "open re-encrypted {i} as {j}");
            for part in &parts {
                assert_eq!(grants[j].accepts(&capsule, part, ctx), i == j, "accept {i} as {j}");
            }
        }
    }
}

/// Contexts that are none of this key's, with capsules and parts that are otherwise perfect for them: only the comparison
/// with the key refuses these.
#[test]
fn capsule_for_a_context_of_another_key_is_refused_although_it_is_consistent() {
    let s = Scene::new(2, 3);
    let (a, rho) = (s.owner.point(), Scalar::from_u64(4711));
    let long = vec![0; Context::MAX_AAD + 1];
    let base = s.ctx();
    let make = |ctx: &Context<'_>| handmade(&a, &rho, &a.mul(&rho), ctx);
    // What servers that ignore the library send.
    let parts = |capsule: &Capsule, ctx: &Context<'_>| -> Vec<Part> {
        let prove = |k| Statement::of(&s.owner, &s.held, k, capsule, ctx).prove(&s.held.share(k));
        (1..=2).map(prove).collect()
    };
    // The control: the same capsule for the right context passes.
    let good = make(&base);
    assert!(verify(&s.owner, &good, &base).is_ok());
    assert!(s.owner.open(&good, &base).is_some());
    assert_eq!(s.held.open(&good, &parts(&good, &base), &base), s.owner.open(&good, &base));
    assert!(s.held.accepts(&good, &parts(&good, &base)[0], &base));
    for (what, ctx) in [
        ("suite", Context { suite: SuiteId::Afgh, ..base }),
        ("owner", Context { owner: party(8).id(), ..base }),
        ("partition", Context { partition: Partition::INSURANCE, ..base }),
        ("period", Context { slot: Slot::Epoch(4), ..base }),
        ("class instead of period", Context { slot: Slot::Class(3), ..base }),
        ("params", Context { params: Digest::from_array([1; 32]), ..base }),
        ("origin", Context { origin: Digest::from_array([1; 32]), ..base }),
        ("aad beyond its bound", Context { aad: &long, ..base }),
    ] {
        let capsule = make(&ctx);
        assert_eq!(verify(&s.owner, &capsule, &ctx).unwrap_err(), CapsuleError::Context, "{what}");
        assert_eq!(s.owner.open(&capsule, &ctx), None, "{what}");
        let parts = parts(&capsule, &ctx);
        assert_eq!(s.held.open(&capsule, &parts, &ctx), None, "{what}");
        assert!(!s.held.accepts(&capsule, &parts[0], &ctx), "{what}");
        let made = Threshold::encapsulate(&(), &s.owner.key, &ctx, &s.author, &mut rng(1));
        assert_eq!(made.unwrap_err(), EncapsulateError::Context, "{what}");
    }
    let made = Threshold::encapsulate(&(), &s.owner.key, &base, &party(4), &mut rng(1));
    assert_eq!(made.unwrap_err(), EncapsulateError::Author);
}

// Capsules ------------------------------------------------------------------------------------------------------------

#[test]
fn components_swapped_between_capsules() {
    let s = Scene::new(2, 3);
    let (ctx, first, key) = s.seal();
    let (_, second, _) = s.seal();
    let other = s.owner.ctx(&s.author, 8, 1, b"ab");
    let (third, _) = s.owner.seal(&other, &s.author);
    let parts = s.parts(&first, &ctx);
    let all = [&first, &second, &third].map(|capsule| capsule.to_bytes());
    for i in 0..81 {
        let (w, x, y, z) = (i % 3, i / 3 % 3, i / 9 % 3, i / 27);
        let mixed: Capsule = message(&[&all[w][4..36], &all[x][36..50], &all[y][50..66], &all[z][66..]]);
        let whole = w == x && x == y && y == z;
        assert_eq!(verify(&s.owner, &mixed, &ctx).is_ok(), whole && w < 2, "verify {w}{x}{y}{z}");
        // An opening goes by the tag. The proof is for the servers, who have none to go by.
        let opened = s.owner.open(&mixed, &ctx);
        assert_eq!(opened.is_some(), w == x && w < 2, "open {w}{x}{y}{z}");
        let expected = (w == 0 && x == 0).then_some(key);
        assert!(w > 0 || opened == expected);
        assert_eq!(s.held.open(&mixed, &parts, &ctx), expected, "open re-encrypted {w}{x}{y}{z}");
    }
}

/// What a delegatee whose grant has ended would have a server multiply, so as to take the multiple off again.
#[test]
fn mauled_capsule_given_to_the_servers() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let (bytes, c1, a) = (capsule.to_bytes(), c1_of(&capsule), s.owner.point());
    for mauled in [
        c1.mul(&small(7)) + Element::base(&small(3)),
        c1.mul(&small(7)),
        c1.mul(&small(7)) + a.mul(&small(3)),
        -c1.element(),
        a.element(),
        Element::base(&small(3)),
        s.held.commitment(0).element(),
    ] {
        let mauled: Capsule = message(&[mauled.encode().as_bytes(), &bytes[36..]]);
        assert_eq!(verify(&s.owner, &mauled, &ctx).unwrap_err(), CapsuleError::Proof);
        assert_eq!(s.owner.open(&mauled, &ctx), None);
        assert_eq!(s.held.open(&mauled, &s.parts(&capsule, &ctx), &ctx), None);
    }
}

/// c1 of somebody's capsule in one of the attacker's own: without ρ there is no proof for it, under another context, as
/// another author, or for another owner whose key the attacker made from this one's.
#[test]
fn anothers_c1_in_a_capsule_of_ones_own() {
    let s = Scene::new(2, 3);
    let (_, capsule, _) = s.seal();
    let c1 = c1_of(&capsule);
    let eve = s.owner.ctx(&party(66), 9, 1, b"");
    let a = s.owner.point();
    // A capsule whose ρ Eve knows, and what she can say of c1 = c1' + ρB.
    for rho in [Scalar::from_u64(5), hashed("anything", &[])] {
        let own = handmade(&a, &rho, &a.mul(&rho), &eve).to_bytes();
        assert!(verify(&s.owner, &message(&[&own[4..]]), &eve).is_ok());
        for point in [c1, shifted(&c1, &Element::base(&rho)), c1.mul(&rho).encode()] {
            let (_, tag) = derive(&a.mul(&rho), &point, &eve);
            for tag in [&tag[..], &own[36..50]] {
                let forged: Capsule = message(&[point.as_bytes(), tag, &own[50..]]);
                assert_eq!(verify(&s.owner, &forged, &eve).unwrap_err(), CapsuleError::Proof);
            }
        }
    }
}

#[test]
fn parts_mixed_between_users_and_grants() {
    let s = Scene::new(2, 3);
    let eve = Delegatee::new(6);
    let (ctx, capsule, key) = s.seal();
    let grants = [
        s.owner.delegate(&s.user, &committee(2, 1..=3)),
        s.owner.delegate(&s.user, &committee(2, 1..=3)),
        s.owner.delegate(&eve, &committee(2, 1..=3)),
    ];
    let parts = grants.each_ref().map(|held| held.parts(&s.owner, &capsule, &ctx));
    for (i, j, with) in (0..27).map(|i| (i % 3, i / 3 % 3, i / 9)) {
        let mixed = [parts[i][0].clone(), parts[j][1].clone()];
        let expected = (i == with && j == with).then_some(key);
        assert_eq!(grants[with].open(&capsule, &mixed, &ctx), expected, "{i} {j} in {with}");
    }
    // Eve with everything that was answered to the user, and her own d.
    let d = eve.factor(&s.owner, &grants[2].signed);
    let e = |k: usize| point(&parts[0][k].to_bytes()[5..]).mul(&lambda(k as u8 + 1, &[1, 2]));
    assert_eq!(unlock(&(e(0) + e(1)).encode().mul(&d), &capsule, &ctx), None);
    let own = s.user.factor(&s.owner, &grants[0].signed);
    assert_eq!(unlock(&(e(0) + e(1)).encode().mul(&own), &capsule, &ctx), Some(key));
}

#[test]
fn capsule_in_its_two_parts() {
    let s = Scene::new(1, 1);
    let (_, capsule, _) = s.seal();
    let (mut core, mut rest) = (Vec::new(), Vec::new());
    capsule.write_core(&mut core);
    capsule.write_mutable(&mut rest);
    assert_eq!((core.len(), rest.len(), capsule.generation()), (Capsule::CORE_LEN, Capsule::MUTABLE_LEN, 0));
    assert_eq!(Capsule::from_parts(&core, &rest), Ok(capsule.clone()));
    assert!(Capsule::from_parts(&core, &[0]).is_err());
    assert!(Capsule::from_parts(&core[1..], &rest).is_err());
    assert!(Capsule::from_parts(&[&core[..], &[0]].concat(), &rest).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_context_opens_as_itself_alone(
        records: [u8; 2], versions: [u64; 2], aads in prop::array::uniform2(prop::collection::vec(any::<u8>(), 0..40)),
    ) {
        let s = Scene::new(1, 1);
        let [a, b] = [0, 1].map(|i| s.owner.ctx(&s.author, records[i], versions[i], &aads[i]));
        let (capsule, key) = s.owner.seal(&a, &s.author);
        let parts = s.parts(&capsule, &a);
        prop_assert_eq!(s.owner.open(&capsule, &a), Some(key));
        prop_assert_eq!(s.held.open(&capsule, &parts, &a), Some(key));
        prop_assert_eq!(s.owner.open(&capsule, &b).is_some(), a == b);
        prop_assert_eq!(s.held.open(&capsule, &parts, &b).is_some(), a == b);
        prop_assert_eq!(verify(&s.owner, &capsule, &b).is_ok(), a == b);
    }
}
