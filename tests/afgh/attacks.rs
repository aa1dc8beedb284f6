//! Attacks on `Afgh`, each a test named after what the attacker does. What cannot be defended is in `limits_afgh.rs`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::scene::*;
use crate::common::{NOW, Owner, User, medical, party, rng, same, validity};
use proptest::prelude::*;
use sesphr::Digest;
use sesphr::context::{Context, Partition, Period, Slot, Timestamp};
use sesphr::encoding::{Encoding, Message, SuiteId};
use sesphr::error::OpenError;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G1Affine, G2Affine, Scalar, mul_p, mul_q, vartime_pairing_eq};
use sesphr::identity::Signed;
use sesphr::kem::{CapsuleError, EncapsulateError};
use sesphr::pre::afgh::*;
use sesphr::pre::{DelegateError, GrantError, GrantTerms, KeyError, Pre, ReencryptError};

// Contexts ------------------------------------------------------------------------------------------------------------

#[test]
fn capsule_moved_to_another_context_fails_everywhere() {
    let user = User::new(2);
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
    let grants = cells.each_ref().map(|(owner, ..)| owner.grant(&user, validity(), NOW));
    for (i, (owner, author, ctx)) in cells.iter().enumerate() {
        let (capsule, key) = owner.seal(ctx, author);
        let part = reencrypt(owner, &grants[i], &capsule, ctx);
        for (j, (owner, _, ctx)) in cells.iter().enumerate() {
            assert_eq!(verify(owner, &capsule, ctx).is_ok(), i == j, "verify {i} as {j}");
            let opened = open(owner, &capsule, ctx);
            assert_eq!(opened.is_ok_and(|opened| same(&opened, &key)), i == j, "open {i} as {j}");
            let opened = read(&user, &grants[j], &capsule, &part, ctx);
            assert_eq!(opened.is_some(), i == j, "open re-encrypted {i} as {j}");
        }
    }
}

/// Contexts that are none of this key's, with capsules that are otherwise perfect for them: only the comparison with
/// the key refuses these.
#[test]
fn capsule_for_a_context_of_another_key_is_refused_although_it_is_consistent() {
    let s = Scene::new();
    let point = point_of(&s.owner);
    let long = vec![0; Context::MAX_AAD + 1];
    let base = s.ctx();
    let part = {
        // τ = 1: what a server that ignores the library sends.
        let capsule = |ctx: &Context<'_>| handmade(&point, ctx);
        let rk = rk_of(&s.granted).to_bytes();
        move |ctx: &Context<'_>| message::<ReCapsule>(&[&capsule(ctx).to_bytes()[4..52], &rk])
    };
    // The control: the same capsule for the right context passes.
    let good = handmade(&point, &base);
    assert!(verify(&s.owner, &good, &base).is_ok());
    assert!(open(&s.owner, &good, &base).is_ok());
    assert!(read(&s.user, &s.granted, &good, &part(&base), &base).is_some());
    for (what, ctx) in [
        ("suite", Context { suite: SuiteId::Common, ..base }),
        ("owner", Context { owner: party(8).id(), ..base }),
        ("partition", Context { partition: Partition::INSURANCE, ..base }),
        ("period", Context { slot: Slot::Epoch(4), ..base }),
        ("class instead of period", Context { slot: Slot::Class(3), ..base }),
        ("params", Context { params: Digest::from_array([1; 32]), ..base }),
        ("origin", Context { origin: Digest::from_array([1; 32]), ..base }),
        ("aad beyond its bound", Context { aad: &long, ..base }),
    ] {
        let capsule = handmade(&point, &ctx);
        assert_eq!(verify(&s.owner, &capsule, &ctx).unwrap_err(), CapsuleError::Context, "{what}");
        assert_eq!(open(&s.owner, &capsule, &ctx).unwrap_err(), OpenError, "{what}");
        assert!(read(&s.user, &s.granted, &capsule, &part(&ctx), &ctx).is_none(), "{what}");
        let made = Afgh::encapsulate(&(), &s.owner.key, &ctx, &s.author, &mut rng(1));
        assert_eq!(made.unwrap_err(), EncapsulateError::Context, "{what}");
    }
    let made = Afgh::encapsulate(&(), &s.owner.key, &base, &party(4), &mut rng(1));
    assert_eq!(made.unwrap_err(), EncapsulateError::Author);
}

// Capsules ------------------------------------------------------------------------------------------------------------

#[test]
fn components_swapped_between_capsules() {
    let s = Scene::new();
    let (ctx, first, key) = s.seal();
    // The same context, and another one.
    let (_, second, _) = s.seal();
    let other = s.owner.ctx(&s.author, 8, 1, b"ab");
    let (third, _) = s.owner.seal(&other, &s.author);
    let all = [first, second, third].map(|capsule| capsule.to_bytes());
    for i in 0..27 {
        let (x, y, z) = (i % 3, i / 3 % 3, i / 9);
        let mixed: Capsule = message(&[&all[x][4..52], &all[y][52..84], &all[z][84..]]);
        let whole = x == y && y == z;
        assert_eq!(verify(&s.owner, &mixed, &ctx).is_ok(), whole && x < 2, "verify {x}{y}{z}");
        // An opening recomputes c1 and does not need π, which is there for the server that has no key to do so.
        let opened = open(&s.owner, &mixed, &ctx);
        assert_eq!(opened.is_ok(), x == y && x < 2, "open {x}{y}{z}");
        if x == 0 && y == 0 {
            assert!(same(&opened.unwrap(), &key));
        }
    }
}

#[test]
fn mauled_capsule_given_to_the_server() {
    let s = Scene::new();
    let (ctx, capsule, _) = s.seal();
    let bytes = capsule.to_bytes();
    let c1 = g1(&bytes[4..]);
    let (three, seven) = (Scalar::from_u64(3), Scalar::from_u64(7));
    let point = point_of(&s.owner);
    for mauled in [
        c1.mul(&seven).add(&mul_p(&three)),
        c1.mul(&seven),
        c1.mul(&seven).add(&point.mul(&three)),
        c1.neg().to_projective(),
        point.to_projective(),
        mul_p(&three),
    ] {
        let mauled: Capsule = message(&[&mauled.to_affine().to_bytes(), &bytes[52..]]);
        assert_eq!(verify(&s.owner, &mauled, &ctx).unwrap_err(), CapsuleError::Proof);
        assert_eq!(open(&s.owner, &mauled, &ctx).unwrap_err(), OpenError);
    }
}

#[test]
fn capsule_of_another_owner_or_period_under_this_grant() {
    let s = Scene::new();
    for other in [Owner::new(5, medical(3)), Owner::new(1, medical(4))] {
        let ctx = other.ctx(&s.author, 7, 1, b"ab");
        let (capsule, _) = other.seal(&ctx, &s.author);
        let checked = verify(&other, &capsule, &ctx).unwrap();
        let result = Afgh::reencrypt(&(), &s.granted.verified, &checked, &party(90), NOW, &mut rng(9));
        assert_eq!(result.unwrap_err(), ReencryptError::Scope);
    }
}

// Keys ----------------------------------------------------------------------------------------------------------------

#[test]
fn key_that_the_server_made_up_for_a_user() {
    // The proof holds for the victim's id: the server knows the secret. Only the signature is not the victim's.
    let (server, victim) = (party(90), party(2).id());
    let b = Scalar::from_u64(99);
    let point = mul_q(&b).to_affine().to_bytes();
    let nonce = Scalar::from_u64(5);
    let q = G2Affine::generator().to_bytes();
    let commitment = mul_q(&nonce).to_affine().to_bytes();
    let parts: [&[u8]; 4] = [&q, &point, &commitment, victim.as_bytes()];
    let challenge = hash::scalar("sesphr v1 afgh user proof", &parts);
    let response = &nonce + &(&challenge * &b);
    let forged: UserKey = message(&[&point, &challenge.to_bytes()[..], &response.to_bytes()[..]]);
    let signed = Signed::new(&server, forged.clone());
    assert_eq!(Afgh::verify_user(&(), &signed, &victim).unwrap_err(), KeyError::Signature);
    assert_eq!(Afgh::verify_user(&(), &signed, &server.id()).unwrap_err(), KeyError::Proof);
    // The control: were the victim to sign it, all would hold.
    assert!(Afgh::verify_user(&(), &Signed::new(&party(2), forged), &victim).is_ok());
}

#[test]
fn proof_of_possession_taken_from_another_party() {
    let (owner, user) = (Owner::new(1, medical(3)), User::new(2));
    let eve = party(66);
    let stolen = Signed::new(&eve, user.public.unverified().clone());
    assert_eq!(Afgh::verify_user(&(), &stolen, &eve.id()).unwrap_err(), KeyError::Proof);
    let stolen = Signed::new(&eve, owner.public.unverified().clone());
    assert_eq!(Afgh::verify_owner(&(), &stolen, &eve.id()).unwrap_err(), KeyError::Proof);
    assert_eq!(Afgh::verify_owner(&(), &stolen, &owner.signer.id()).unwrap_err(), KeyError::Signature);
}

#[test]
fn owner_certificate_with_a_swapped_point_or_period() {
    let owner = Owner::new(1, medical(3));
    let later = Owner::new(1, medical(4));
    let (a, b) = (owner.public.to_bytes(), later.public.to_bytes());
    // Fields of two genuine certificates of one owner: period, point, proof.
    let cuts = [36..55, 55..103, 103..167];
    for mask in 1..7 {
        let fields: Vec<&[u8]> = cuts
            .iter()
            .enumerate()
            .map(|(i, cut)| if mask >> i & 1 == 0 { &a } else { &b }[cut.clone()].as_ref())
            .collect();
        let mixed = OwnerKey::from_bytes(&fields.concat()).unwrap();
        let mut kept = a[..36].to_vec();
        kept.extend(fields.concat());
        kept.extend(&a[167..]);
        let kept = Signed::from_bytes(&kept).unwrap();
        assert_eq!(Afgh::verify_owner(&(), &kept, &owner.signer.id()).unwrap_err(), KeyError::Signature);
        let signed = Signed::new(&owner.signer, mixed);
        assert_eq!(Afgh::verify_owner(&(), &signed, &owner.signer.id()).unwrap_err(), KeyError::Proof);
    }
}

// Grants and re-encryption keys ---------------------------------------------------------------------------------------

#[test]
fn grant_signed_by_someone_else_or_under_another_key() {
    let s = Scene::new();
    let grant = s.granted.signed.unverified().clone();
    for eve in [&s.user.signer, &party(90)] {
        let signed = Signed::new(eve, grant.clone());
        let result = Afgh::verify_grant(&(), &s.owner.key, &signed, NOW);
        assert_eq!(result.unwrap_err(), GrantError::Signature);
        // With the owner's name on it.
        let mut bytes = signed.to_bytes();
        bytes[4..36].copy_from_slice(s.owner.signer.verifying_key().as_bytes());
        let result = Afgh::verify_grant(&(), &s.owner.key, &Signed::from_bytes(&bytes).unwrap(), NOW);
        assert_eq!(result.unwrap_err(), GrantError::Signature);
        let made = Afgh::delegate(&(), &s.owner.secret, eve, &s.user.key, &(), &validity(), &mut rng(1));
        assert_eq!(made.unwrap_err(), DelegateError::Signer);
    }
    let later = Owner::new(1, medical(4));
    let result = Afgh::verify_grant(&(), &later.key, &s.granted.signed, NOW);
    assert_eq!(result.unwrap_err(), GrantError::WrongKey);
    let result = Afgh::verify_rekey(&(), &later.key, &s.granted.grant, &s.granted.rekey);
    assert_eq!(result.unwrap_err(), GrantError::WrongKey);
}

#[test]
fn grant_outside_its_time_even_when_it_was_verified_inside() {
    let s = Scene::new();
    let (ctx, capsule, _) = s.seal();
    let checked = verify(&s.owner, &capsule, &ctx).unwrap();
    for (now, error) in [
        (0, Some((GrantError::NotYetValid, ReencryptError::NotYetValid))),
        (9, Some((GrantError::NotYetValid, ReencryptError::NotYetValid))),
        (10, None),
        (20, None),
        (21, Some((GrantError::Expired, ReencryptError::Expired))),
        (u64::MAX, Some((GrantError::Expired, ReencryptError::Expired))),
    ] {
        let now = Timestamp(now);
        let grant = Afgh::verify_grant(&(), &s.owner.key, &s.granted.signed, now);
        assert_eq!(grant.err(), error.map(|e| e.0), "{now:?}");
        let part = Afgh::reencrypt(&(), &s.granted.verified, &checked, &party(90), now, &mut rng(9));
        assert_eq!(part.err(), error.map(|e| e.1), "{now:?}");
    }
}

#[test]
fn re_key_of_another_grant_or_user() {
    let s = Scene::new();
    let (again, other) = (s.owner.grant(&s.user, validity(), NOW), s.owner.grant(&User::new(6), validity(), NOW));
    // The same user, so the same point: only the name of the grant differs.
    assert_eq!(rk_of(&again), rk_of(&s.granted));
    assert_ne!(again.grant.id(), s.granted.grant.id());
    let name = s.granted.signed.digest();
    let renamed: ReKey = message(&[name.as_bytes(), &rk_of(&other).to_bytes()]);
    for rekey in [&again.rekey, &other.rekey, &renamed] {
        let result = Afgh::verify_rekey(&(), &s.owner.key, &s.granted.grant, rekey);
        assert_eq!(result.unwrap_err(), GrantError::ReKey);
    }
}

/// Whoever knows rk' for B' knows x·rk' for xB', and the public equation holds. The owner's signature is what does not.
#[test]
fn framing_with_a_multiple_of_a_re_key() {
    let s = Scene::new();
    let x = Scalar::from_u64(31337);
    let rk = rk_of(&s.granted).mul(&x).to_affine();
    let grant = s.granted.signed.to_bytes();
    let point = g2(&grant[120..]).mul(&x).to_affine();
    assert!(vartime_pairing_eq(&point_of(&s.owner), &rk, &G1Affine::generator(), &point));

    let framed: Grant = message(&[&grant[40..120], &point.to_bytes(), &grant[216..232]]);
    let mut kept = s.granted.signed.to_bytes();
    kept[120..216].copy_from_slice(&point.to_bytes());
    for signed in [Signed::new(&party(90), framed), Signed::from_bytes(&kept).unwrap()] {
        let result = Afgh::verify_grant(&(), &s.owner.key, &signed, NOW);
        assert_eq!(result.unwrap_err(), GrantError::Signature);
        let rekey: ReKey = message(&[signed.digest().as_bytes(), &rk.to_bytes()]);
        let result = Afgh::verify_rekey(&(), &s.owner.key, &s.granted.grant, &rekey);
        assert_eq!(result.unwrap_err(), GrantError::ReKey);
    }
    let rekey: ReKey = message(&[s.granted.signed.digest().as_bytes(), &rk.to_bytes()]);
    let result = Afgh::verify_rekey(&(), &s.owner.key, &s.granted.grant, &rekey);
    assert_eq!(result.unwrap_err(), GrantError::ReKey);
}

// Answers of the server -----------------------------------------------------------------------------------------------

#[test]
fn parts_mixed_between_capsules_users_and_grants() {
    let s = Scene::new();
    let other = User::new(6);
    let other_granted = s.owner.grant(&other, validity(), NOW);
    let (ctx, first, key) = s.seal();
    let (_, second, _) = s.seal();
    let parts = [
        reencrypt(&s.owner, &s.granted, &first, &ctx),
        reencrypt(&s.owner, &s.granted, &first, &ctx),
        reencrypt(&s.owner, &s.granted, &second, &ctx),
        reencrypt(&s.owner, &other_granted, &first, &ctx),
    ];
    let bytes = parts.each_ref().map(Encoding::to_bytes);
    for i in 0..16 {
        let (x, y) = (i % 4, i / 4);
        let mixed: ReCapsule = message(&[&bytes[x][4..52], &bytes[y][52..]]);
        let opened = read(&s.user, &s.granted, &first, &mixed, &ctx);
        assert_eq!(opened.is_some(), x == y && x < 2, "C of {x}, E of {y}");
        assert!(opened.is_none_or(|opened| same(&opened, &key)));
    }
    // A part for the right user, under a grant that is another user's: the mathematics would open it.
    assert!(read(&s.user, &other_granted, &first, &parts[0], &ctx).is_none());
    assert!(read(&other, &s.granted, &first, &parts[3], &ctx).is_none());
    assert!(read(&other, &other_granted, &first, &parts[3], &ctx).is_some());
    for parts in [&parts[..0], &parts[..2], &parts[..]] {
        let opened = Afgh::accept_grant(&(), &s.user.secret, &s.granted.grant)
            .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &first, parts, &ctx));
        assert_eq!(opened.unwrap_err(), OpenError, "{} parts", parts.len());
    }
}

#[test]
fn all_failures_of_opening_are_one_value() {
    assert_eq!(size_of::<OpenError>(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(4)))]

    /// Whatever multiples a server answers with, the capsule opens to its key or not at all.
    #[test]
    fn server_answers_with_any_multiples(x in 1u64.., y in 1u64.., honest: bool) {
        let s = Scene::new();
        let (ctx, capsule, key) = s.seal();
        let x = Scalar::from_u64(x);
        let y = if honest { x.invert().unwrap() } else { Scalar::from_u64(y) };
        let c = g1(&capsule.to_bytes()[4..]).mul(&x).to_affine().to_bytes();
        let e = rk_of(&s.granted).mul(&y).to_affine().to_bytes();
        let opened = read(&s.user, &s.granted, &capsule, &message(&[&c, &e]), &ctx);
        let one: bool = Scalar::one().to_bytes() == (&x * &y).to_bytes();
        prop_assert_eq!(opened.is_some(), one);
        prop_assert!(opened.is_none_or(|opened| same(&opened, &key)));
    }

    #[test]
    fn any_context_opens_as_itself_alone(
        records: [u8; 2], versions: [u64; 2], aads in prop::array::uniform2(prop::collection::vec(any::<u8>(), 0..40)),
    ) {
        let owner = Owner::new(1, medical(3));
        let author = party(3);
        let [a, b] = [0, 1].map(|i| owner.ctx(&author, records[i], versions[i], &aads[i]));
        let (capsule, key) = owner.seal(&a, &author);
        prop_assert!(same(&open(&owner, &capsule, &a).unwrap(), &key));
        prop_assert_eq!(open(&owner, &capsule, &b).is_ok(), a == b);
        prop_assert_eq!(verify(&owner, &capsule, &b).is_ok(), a == b);
    }

    #[test]
    fn decoders_survive_anything(kind in 0u16..0x20, signed: bool, suite in 0u8..2, body in prop::collection::vec(any::<u8>(), 0..400)) {
        let kind = kind | if signed { 0x8000 } else { 0 };
        let mut bytes = vec![1, suite];
        bytes.extend(kind.to_be_bytes());
        bytes.extend(body);
        fn check<M: Encoding>(bytes: &[u8]) -> Result<(), TestCaseError> {
            if let Ok(message) = M::from_bytes(bytes) {
                prop_assert_eq!(message.to_bytes(), bytes);
            }
            Ok(())
        }
        check::<Capsule>(&bytes)?;
        check::<ReCapsule>(&bytes)?;
        check::<Signed<Grant>>(&bytes)?;
        check::<Signed<OwnerKey>>(&bytes)?;
        check::<Signed<UserKey>>(&bytes)?;
        check::<sesphr::context::ContextBuf>(&bytes)?;
    }
}
