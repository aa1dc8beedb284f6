//! Fragments of `Threshold` that are not the grant's. Both faults of umbral-pre 0.11 are here: a parameter that no signature
//! covers lets whoever holds no fragment make one that is accepted; and what its checks of numbers leave out.

use crate::common::kapre::patched;
use crate::common::scene::message;
use crate::common::threshold::*;
use crate::common::{NOW, medical, party, rng};
use sesphr::Digest;
use sesphr::context::Timestamp;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::DecodeError;
use sesphr::hazmat::ristretto::{Element, Scalar};
use sesphr::identity::Signed;
use sesphr::kem::CapsuleError;
use sesphr::pre::threshold::*;
use sesphr::pre::{GrantError, GrantTerms, Pre, ReencryptError};

fn fragment(grant: &Digest, index: u8, share: &Scalar) -> Fragment {
    message(&[grant.as_bytes(), &[index], &*share.to_bytes()])
}

fn check(s: &Scene, fragment: &Fragment) -> Result<(), GrantError> {
    Threshold::verify_rekey(&(), &s.owner.key, &s.held.grant, fragment).map(|_| ())
}

/// In umbral-pre the generator under a fragment's proof travels with the parameters, outside of the signature. Take any share
/// s', and the generator u' = s'⁻¹·U_k: the commitment that was signed is right, and every proof holds. Here the generator is a
/// constant, and what is signed is f.
#[test]
fn forged_fragment_under_a_generator_of_its_own() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let (digest, forged) = (s.held.grant.digest(), hashed("a share that nobody was given", &[]));
    for k in 1..=3 {
        // U_k follows from what is signed, so anybody can do this.
        let honest = Statement::of(&s.owner, &s.held, k, &capsule, &ctx);
        let own = honest.image.mul(&forged.invert()).encode();
        assert_eq!(own.mul(&forged).encode(), honest.image);
        assert_eq!(check(&s, &fragment(&digest, k, &forged)), Err(GrantError::ReKey));

        let statement = Statement { e: honest.c1.mul(&forged).encode(), ..honest };
        let nonce = Scalar::from_u64(31337);
        let part = statement.prove_on(&own, &forged, &nonce);
        // Both equations hold, if only u' were the generator: z·c1 = R1 + e·E and z·u' = R2 + e·U.
        let (bytes, z) = (part.to_bytes(), scalar(&part.to_bytes()[101..]));
        let (first, second) = (point(&bytes[37..]), point(&bytes[69..]));
        let e = statement.challenge(&[first, second]);
        assert_eq!(statement.c1.mul(&z).encode(), shifted(&first, &statement.e.mul(&e)));
        assert_eq!(own.mul(&z).encode(), shifted(&second, &statement.image.mul(&e)));
        assert!(!s.held.accepts(&capsule, &part, &ctx));
        // In front of t honest parts it changes nothing but the blame.
        let mut parts = vec![part];
        parts.extend((1..=3).filter(|j| *j != k).map(|j| s.part(j, &capsule, &ctx)));
        assert_eq!(s.held.open(&capsule, &parts, &ctx), Some(key));
        assert_eq!(s.held.culprits(&capsule, &parts, &ctx), [k]);
        // The control: with the server's share on the group's generator the same construction is accepted.
        assert!(s.held.accepts(&capsule, &honest.prove(&s.held.share(k)), &ctx));
    }
}

#[test]
fn fragment_that_is_not_the_grants() {
    let s = Scene::new(2, 3);
    let other_user = Delegatee::new(6);
    let others = [
        s.owner.delegate(&s.user, &committee(2, 1..=3)),
        s.owner.delegate(&other_user, &committee(2, 1..=3)),
        s.owner.delegate(&s.user, &committee(1, 1..=3)),
        s.owner.refresh(&s.user, &s.held, &committee(2, 1..=3)),
    ];
    let digest = s.held.grant.digest();
    for k in 1..=3 {
        let share = s.held.share(k);
        assert_eq!(check(&s, &fragment(&digest, k, &share)), Ok(()));
        for other in &others {
            assert_ne!(other.grant.digest(), digest);
            assert_eq!(check(&s, &other.fragments[usize::from(k) - 1]), Err(GrantError::ReKey));
            // Its share under this grant's name, and this grant's share under its name.
            assert_eq!(check(&s, &fragment(&digest, k, &other.share(k))), Err(GrantError::ReKey));
            assert_eq!(check(&s, &fragment(&other.grant.digest(), k, &share)), Err(GrantError::ReKey));
        }
        for j in (1..=3).filter(|j| *j != k) {
            assert_eq!(check(&s, &fragment(&digest, j, &share)), Err(GrantError::ReKey), "{k} as {j}");
        }
        for wrong in [-&share, share.invert(), &share + &small(1), s.owner.a(), small(1)] {
            assert_eq!(check(&s, &fragment(&digest, k, &wrong)), Err(GrantError::ReKey));
        }
        for bit in 0..8 * 69 {
            let mut bytes = s.held.fragments[usize::from(k) - 1].to_secret_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let Ok(bent) = Fragment::from_bytes(&bytes) else { continue };
            assert_eq!(check(&s, &bent), Err(GrantError::ReKey), "bit {bit}");
        }
    }
}

/// f(0) opens everything by itself, and f(n + 1) would be one server more than the owner named.
#[test]
fn fragment_with_a_number_that_is_no_servers() {
    let s = Scene::new(2, 3);
    let digest = s.held.grant.digest();
    let zero = interpolate(&[(1, s.held.share(1)), (2, s.held.share(2))]);
    // f(4) = 2f(3) − f(2): the line goes on.
    let fourth = &(&s.held.share(3) + &s.held.share(3)) - &s.held.share(2);
    let image = shifted(&s.held.commitment(0), &s.held.commitment(1).mul(&small(4)));
    assert_eq!(Element::base(&fourth).encode(), image);
    assert_eq!(check(&s, &fragment(&digest, 4, &fourth)), Err(GrantError::ReKey));
    let bytes = [&[1, 3, 0, 0x86], &digest.as_bytes()[..], &[0], &*zero.to_bytes()].concat();
    assert_eq!(Fragment::from_bytes(&bytes).unwrap_err(), DecodeError::Value);
    let bytes = [&[1, 3, 0, 0x86], &digest.as_bytes()[..], &[1], &[0; 32]].concat();
    assert_eq!(Fragment::from_bytes(&bytes).unwrap_err(), DecodeError::Scalar);
    let bytes = [&[1, 3, 0, 0x86], &digest.as_bytes()[..], &[1], &[0xff; 32]].concat();
    assert_eq!(Fragment::from_bytes(&bytes).unwrap_err(), DecodeError::Scalar);
}

#[test]
fn fragment_checked_under_another_key() {
    let s = Scene::new(2, 3);
    for other in [Owner::new(1, medical(4)), Owner::new(5, medical(3))] {
        let result = Threshold::verify_rekey(&(), &other.key, &s.held.grant, &s.held.fragments[0]);
        assert_eq!(result.unwrap_err(), GrantError::WrongKey);
    }
}

/// Every bit of a part, and of the capsule that it is a part of.
#[test]
fn part_and_capsule_with_any_bit_changed() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let part = s.part(1, &capsule, &ctx);
    let bytes = part.to_bytes();
    for bit in 0..8 * bytes.len() {
        let mut bent = bytes.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        if let Ok(bent) = Part::from_bytes(&bent) {
            assert!(!s.held.accepts(&capsule, &bent, &ctx), "bit {bit}");
        }
    }
    let bytes = capsule.to_bytes();
    for bit in 0..8 * bytes.len() {
        let mut bent = bytes.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        let Ok(bent) = Capsule::from_bytes(&bent) else { continue };
        let checked = Threshold::verify_capsule(&(), &s.owner.key, &bent, &ctx);
        assert_eq!(checked.unwrap_err(), CapsuleError::Proof, "bit {bit}");
        // A part is one of c1; tag and proof are for others to see to.
        assert_eq!(s.held.accepts(&bent, &part, &ctx), bit >= 8 * 36, "bit {bit}");
    }
}

/// Every bit of the grant, and every field by the hand of another signer: an owner's signature is over all of them.
#[test]
fn grant_with_any_bit_changed() {
    let s = Scene::new(2, 3);
    let bytes = s.held.signed.to_bytes();
    for bit in 0..8 * bytes.len() {
        let mut bent = bytes.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        let Ok(bent) = Signed::<Grant>::from_bytes(&bent) else { continue };
        let checked = Threshold::verify_grant(&(), &s.owner.key, &bent, NOW);
        assert_eq!(checked.unwrap_err(), GrantError::Signature, "bit {bit}");
    }
}

/// A grant to the attacker with commitments of its own polynomial: fragments and parts fit it, the signature is missing.
#[test]
fn forged_grant_with_fragments_that_fit() {
    let (s, eve) = (Scene::new(1, 2), Delegatee::new(66));
    let share = hashed("a share that nobody was given", &[]);
    let mut statement = s.held.signed.unverified().to_bytes();
    let at = statement.len() - 32;
    statement[at..].copy_from_slice(Element::base(&share).encode().as_bytes());
    statement[USER..USER + 32].copy_from_slice(eve.signer.id().as_bytes());
    statement[POINT..POINT + 32].copy_from_slice(Element::base(&eve.b()).encode().as_bytes());
    let forged = Grant::from_bytes(&statement).unwrap();
    let mut kept = s.held.signed.to_bytes();
    kept[36..36 + statement.len()].copy_from_slice(&statement);
    let named = patched(&Signed::new(&eve.signer, forged.clone()), 4, s.owner.signer.verifying_key().as_bytes());
    for signed in [Signed::new(&eve.signer, forged.clone()), named, Signed::from_bytes(&kept).unwrap()] {
        let checked = Threshold::verify_grant(&(), &s.owner.key, &signed, NOW);
        assert_eq!(checked.unwrap_err(), GrantError::Signature);
        assert_eq!(check(&s, &fragment(&signed.digest(), 1, &share)), Err(GrantError::ReKey));
        assert_eq!(check(&s, &fragment(&s.held.grant.digest(), 1, &share)), Err(GrantError::ReKey));
    }
    // The control: with the owner's signature all of it would be carried out.
    let signed = Signed::new(&s.owner.signer, forged);
    let grant = Threshold::verify_grant(&(), &s.owner.key, &signed, NOW).unwrap();
    assert!(Threshold::verify_rekey(&(), &s.owner.key, &grant, &fragment(&grant.digest(), 1, &share)).is_ok());
}

#[test]
fn fragment_used_on_what_it_is_not_for() {
    let s = Scene::new(2, 3);
    let server = party(101);
    for other in [Owner::new(1, medical(4)), Owner::new(5, medical(3))] {
        let ctx = other.ctx(&s.author, 7, 1, b"ab");
        let (capsule, _) = other.seal(&ctx, &s.author);
        let checked = Threshold::verify_capsule(&(), &other.key, &capsule, &ctx).unwrap();
        let part = Threshold::reencrypt(&(), &s.held.verified[0], &checked, &server, NOW, &mut rng(9));
        assert_eq!(part.unwrap_err(), ReencryptError::Scope);
    }
    let (ctx, capsule, _) = s.seal();
    let checked = Threshold::verify_capsule(&(), &s.owner.key, &capsule, &ctx).unwrap();
    for (now, error) in [
        (0, Some((GrantError::NotYetValid, ReencryptError::NotYetValid))),
        (9, Some((GrantError::NotYetValid, ReencryptError::NotYetValid))),
        (10, None),
        (20, None),
        (21, Some((GrantError::Expired, ReencryptError::Expired))),
        (u64::MAX, Some((GrantError::Expired, ReencryptError::Expired))),
    ] {
        let now = Timestamp(now);
        let grant = Threshold::verify_grant(&(), &s.owner.key, &s.held.signed, now);
        assert_eq!(grant.err(), error.map(|e| e.0), "{now:?}");
        let part = Threshold::reencrypt(&(), &s.held.verified[0], &checked, &server, now, &mut rng(9));
        assert_eq!(part.err(), error.map(|e| e.1), "{now:?}");
    }
}

/// Points that are the identity, and scalars outside their range, in parts and capsules.
#[test]
fn malformed_points_and_scalars_do_not_decode() {
    let s = Scene::new(1, 1);
    let (ctx, capsule, _) = s.seal();
    let part = s.part(1, &capsule, &ctx).to_bytes();
    let with = |bytes: &[u8], at: usize, value: [u8; 32]| [&bytes[..at], &value, &bytes[at + 32..]].concat();
    let capsule = capsule.to_bytes();
    let order = { *(&small(0) - &small(1)).to_bytes() };
    let mut above = order;
    above[0] += 1;
    for bad in [[0; 32], [0xff; 32]] {
        assert_eq!(Part::from_bytes(&with(&part, 5, bad)), Err(DecodeError::Point));
        assert_eq!(Capsule::from_bytes(&with(&capsule, 4, bad)), Err(DecodeError::Point));
    }
    for bad in [above, [0xff; 32]] {
        assert_eq!(Part::from_bytes(&with(&part, 101, bad)), Err(DecodeError::Scalar));
        assert_eq!(Capsule::from_bytes(&with(&capsule, 66, bad)), Err(DecodeError::Scalar));
    }
    // Zero and the largest are responses like any other.
    for fine in [[0; 32], order] {
        assert!(Part::from_bytes(&with(&part, 101, fine)).is_ok());
        assert!(Capsule::from_bytes(&with(&capsule, 66, fine)).is_ok());
    }
    let statement = s.held.signed.unverified().to_bytes();
    for at in [POINT, X, statement.len() - 32] {
        assert_eq!(Grant::from_bytes(&with(&statement, at, [0; 32])), Err(DecodeError::Point));
    }
}

/// What umbral-pre lets through: a threshold of zero, one above the number of shares, one server twice.
#[test]
fn committees_that_cannot_be() {
    let ids: Vec<_> = (1..=3).map(|k| party(k).id()).collect();
    let refused = |threshold, ids: &[sesphr::identity::PartyId], error| {
        assert_eq!(Servers::new(threshold, ids.iter().copied()), Err(error));
        if let Ok(count) = u8::try_from(ids.len()) {
            let ids: Vec<_> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
            let bytes = [&[1, 3, 0, 0x89, threshold, count], &ids[..]].concat();
            assert_eq!(Servers::from_bytes(&bytes), Err(DecodeError::Value));
        }
    };
    refused(0, &ids, ServersError::NoThreshold);
    refused(0, &[], ServersError::NoThreshold);
    refused(4, &ids, ServersError::TooFew);
    refused(255, &ids, ServersError::TooFew);
    refused(1, &[], ServersError::TooFew);
    refused(2, &[ids[0], ids[1], ids[0]], ServersError::Duplicate);
    refused(1, &[ids[2], ids[2]], ServersError::Duplicate);
    let many: Vec<_> = (0..=255).map(|k| sesphr::identity::PartyId::from_array([k; 32])).collect();
    refused(2, &many, ServersError::TooMany);
    assert_eq!(Servers::new(255, many[..255].iter().copied()).unwrap().ids().len(), Servers::MAX);
    // Without end.
    let endless = (0u64..).map(|k| {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&k.to_be_bytes());
        sesphr::identity::PartyId::from_array(id)
    });
    assert_eq!(Servers::new(2, endless), Err(ServersError::TooMany));
    for threshold in 1..=3 {
        let servers = Servers::new(threshold, ids.iter().copied()).unwrap();
        assert_eq!(Servers::from_bytes(&servers.to_bytes()), Ok(servers));
    }
    // The same inside of a grant.
    let s = Scene::new(2, 3);
    let statement = s.held.signed.unverified().to_bytes();
    for (threshold, count) in [(0, 3), (4, 3), (2, 1)] {
        let mut bytes = statement.clone();
        bytes[SERVERS + 4..SERVERS + 6].copy_from_slice(&[threshold, count]);
        assert_eq!(Grant::from_bytes(&bytes), Err(DecodeError::Value));
    }
    let mut twice = statement.clone();
    twice.copy_within(SERVERS + 6..SERVERS + 38, SERVERS + 38);
    assert_eq!(Grant::from_bytes(&twice), Err(DecodeError::Value));
    // As many commitments as the threshold says, neither more nor fewer.
    assert_eq!(Grant::from_bytes(&statement[..statement.len() - 32]), Err(DecodeError::Truncated));
    assert_eq!(Grant::from_bytes(&[&statement[..], &[7; 32]].concat()), Err(DecodeError::TrailingBytes));
}
