//! Attacks on referrals: what a doctor, a specialist and the server can do beyond the owner's rules, alone and together.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::kapre::*;
use crate::common::{NOW, TestRng, fails_until, party, rng, validity};
use sesphr::context::{Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::OpenError;
use sesphr::hazmat::pairing::{Scalar, mul_p, mul_q, pairing};
use sesphr::identity::Signed;
use sesphr::kapre::*;
use sesphr::pre::{DelegateError, Entry, GrantError, GrantTerms, LiveError, LiveSet, Pre, ReencryptError};
use sesphr::role::{Role, RoleCert, RoleError};

const OWNER: u8 = 1;
const DOCTOR: u8 = 2;
const SPECIALIST: u8 = 5;

/// An owner, a doctor with a grant of classes 0 to 2 that allows to refer doctors to 0 and 1 for 5 seconds, and a
/// specialist.
struct Scene {
    kit: Kit,
    doctor: Reader,
    held: Held,
    specialist: Reader,
}

impl Scene {
    fn new() -> Self {
        Self::with(HpkeKem::X25519, "0-2", Some(admission("0-1", 5)))
    }

    fn with(kem: HpkeKem, classes: &str, referral: Option<Admission>) -> Self {
        let (kit, doctor) = (Kit::new(OWNER, 2), Reader::with(DOCTOR, kem));
        let (grant, rekey) = kit.delegate(&doctor, Scope { set: set(classes), referral }, &validity());
        let held = Held::new(&kit, &doctor, &grant, &rekey);
        Self { kit, doctor, held, specialist: Reader::with(SPECIALIST, kem) }
    }

    fn cert(&self) -> Signed<RoleCert> {
        doctor(&self.specialist.signer.id())
    }

    fn try_refer(
        &self,
        cert: &Signed<RoleCert>,
        classes: &str,
        validity: &Validity,
    ) -> Result<(VerifiedGrant, ReferralKey), DelegateError> {
        let Self { doctor, held, specialist, .. } = self;
        let rng = &mut rng(8);
        held.user.refer(&doctor.signer, &specialist.key, cert, &set(classes), validity, rng)
    }

    /// Why the doctor cannot refer: rules.
    fn refused(&self, cert: &Signed<RoleCert>, classes: &str, validity: &Validity) -> GrantError {
        match self.try_refer(cert, classes, validity).unwrap_err() {
            DelegateError::Rules(error) => error,
            other => panic!("{other:?}"),
        }
    }

    /// The specialist's grant of classes, for seconds 12 to 17.
    fn refer(&self, classes: &str) -> (Held, ReferralKey) {
        let (grant, key) = self.try_refer(&self.cert(), classes, &during(12, 17)).unwrap();
        let key = ReferralKey::from_bytes(&key.to_secret_bytes()).unwrap();
        let rekey = key.apply(&self.held.server);
        (Held::new(&self.kit, &self.specialist, grant.grant(), &rekey), key)
    }

    fn verify(&self, grant: &Grant) -> Result<VerifiedGrant, GrantError> {
        Kapre::verify_grant(&self.kit.params, &self.kit.generation, grant, NOW)
    }
}

/// The doctor's statement in a referral.
fn statement(grant: &Grant) -> Vec<u8> {
    let Grant::Referral(referral) = grant else { panic!("no referral") };
    let bytes = referral.to_bytes();
    let signed = &bytes[4 + referral.parent().encoded_len()..];
    signed[36..signed.len() - 64].to_vec()
}

/// A referral from a parent and a signed statement.
fn assemble(parent: &Signed<OwnerGrant>, signed: &[u8]) -> Grant {
    let referral = [&[1, 2, 0, 0x57][..], &parent.to_bytes(), signed].concat();
    Grant::Referral(Box::new(Referral::from_bytes(&referral).unwrap()))
}

/// Offsets in a statement of one range.
const ID: usize = 4;
const ORIGIN: usize = ID + 16;
const USER: usize = ORIGIN + 32;
const USER_KEY: usize = USER + 32;
const SET: usize = USER_KEY + 32;
const NOT_BEFORE: usize = SET + 16;
const NOT_AFTER: usize = NOT_BEFORE + 8;
const PARENT: usize = NOT_AFTER + 8;
const ROLE: usize = PARENT + 32;
const ROLE_LEN: usize = 4 + 32 + (4 + 32 + 1 + 16) + 64;
const MASK: usize = ROLE + ROLE_LEN;
const ENC: usize = MASK + 48 + 4;
const SEAL: usize = ENC + 32;

#[test]
fn a_specialist_opens_what_it_was_referred_to_and_nothing_else() {
    for kem in [HpkeKem::X25519, HpkeKem::XWing] {
        let s = Scene::with(kem, "0-2", Some(admission("0-1", 5)));
        for classes in ["0", "1", "0-1"] {
            let (held, _) = s.refer(classes);
            assert_eq!((held.verified.user(), held.verified.validity()), (s.specialist.signer.id(), during(12, 17)));
            assert_eq!(held.verified.set(), &set(classes));
            // It stands on the owner's grant.
            assert_eq!(held.verified.authority(), names(&s.held.verified));
            let Grant::Referral(referral) = &held.grant else { panic!("no referral") };
            assert_eq!((referral.by(), referral.parent()), (s.doctor.signer.id(), s.held.owner_grant()));
            for class in 0..4 {
                let ctx = s.kit.ctx(class, 7);
                let (capsule, shared) = s.kit.seal(&ctx);
                let result = s.kit.try_reencrypt(&held, &capsule, &ctx);
                if !set(classes).contains(class) {
                    assert_eq!(result, Err(ReencryptError::Scope));
                    continue;
                }
                let part = result.unwrap();
                assert_eq!(s.kit.read(&held, &capsule, &part, &ctx).as_ref(), Some(shared.hazmat_bytes()));
                // What is for the one does not open for the other.
                assert!(s.kit.read(&s.held, &capsule, &part, &ctx).is_none());
                let part = s.kit.reencrypt(&s.held, &capsule, &ctx);
                assert!(s.kit.read(&held, &capsule, &part, &ctx).is_none());
            }
        }
    }
}

// Rules ---------------------------------------------------------------------------------------------------------------

#[test]
fn whom_the_rules_do_not_name() {
    let s = Scene::new();
    let (id, time, hospital) = (s.specialist.signer.id(), during(12, 17), hospital());
    let check = |cert: &Signed<RoleCert>| match s.refused(cert, "0", &time) {
        GrantError::Role(error) => error,
        other => panic!("{other:?}"),
    };
    let forever = during(0, 1000);
    // By itself, by the doctor, in the hospital's name, for another role, about somebody else.
    assert_eq!(check(&cert(&id, Role::Doctor, forever, &s.specialist.signer)), RoleError::Issuer);
    assert_eq!(check(&cert(&id, Role::Doctor, forever, &s.doctor.signer)), RoleError::Issuer);
    let forged = cert(&id, Role::Doctor, forever, &s.doctor.signer);
    assert_eq!(check(&patched(&forged, 4, hospital.verifying_key().as_bytes())), RoleError::Signature);
    assert_eq!(check(&cert(&id, Role::Pharmacist, forever, &hospital)), RoleError::Issuer);
    assert_eq!(check(&doctor(&s.doctor.signer.id())), RoleError::Subject);
    // For the whole of the time.
    for (begin, end) in [(13, 1000), (0, 16), (0, 11), (18, 1000), (13, 16)] {
        assert_eq!(check(&cert(&id, Role::Doctor, during(begin, end), &hospital)), RoleError::Time, "{begin} {end}");
    }
    assert!(s.try_refer(&cert(&id, Role::Doctor, time, &hospital), "0", &time).is_ok());
}

#[test]
fn nothing_beyond_rules_and_grant() {
    let s = Scene::new();
    let (cert, time) = (s.cert(), during(12, 17));
    // Beyond the rules, beyond both, nothing.
    for classes in ["2", "0-2", "3", "0,3", ""] {
        assert_eq!(s.refused(&cert, classes, &time), GrantError::Scope, "{classes}");
    }
    assert_eq!(s.refused(&cert, "0", &during(12, 18)), GrantError::TooLong);
    assert!(s.try_refer(&cert, "0-1", &during(15, 20)).is_ok());
    assert_eq!(s.refused(&cert, "0", &during(16, 21)), GrantError::TooLong);
    assert_eq!(s.refused(&cert, "0", &during(9, 14)), GrantError::TooLong);
    // Rules for more classes and time than the grant has give neither.
    let wide = Scene::with(HpkeKem::X25519, "0-2", Some(admission("0-3", 1000)));
    for classes in ["3", "0-3", "0,3"] {
        assert_eq!(wide.refused(&cert, classes, &time), GrantError::Scope, "{classes}");
    }
    assert_eq!(wide.refused(&cert, "2", &during(12, 21)), GrantError::TooLong);
    assert_eq!(wide.refused(&cert, "2", &during(9, 12)), GrantError::TooLong);
    assert!(wide.try_refer(&cert, "2", &during(10, 20)).is_ok());
    // No rules, and rules that name nobody.
    assert_eq!(Scene::with(HpkeKem::X25519, "0-2", None).refused(&cert, "0", &time), GrantError::Rules);
    let nobody = Scene::with(HpkeKem::X25519, "0-2", Some(Admission::new(set("0-1"), 5)));
    assert_eq!(nobody.refused(&cert, "0", &time), GrantError::Role(RoleError::Issuer));
    // Somebody else with the doctor's grant.
    let rng = &mut rng(8);
    let made = s.held.user.refer(&party(66), &s.specialist.key, &cert, &set("0"), &time, rng);
    assert_eq!(made.unwrap_err(), DelegateError::Signer);
}

#[test]
fn a_referral_is_not_referred_on() {
    let s = Scene::with(HpkeKem::X25519, "0-2", Some(admission("0-2", 10)));
    let (held, _) = s.refer("0-1");
    let third = Reader::new(6);
    let (cert, time) = (doctor(&third.signer.id()), during(13, 16));
    let by = &s.specialist.signer;
    let made = held.user.refer(by, &third.key, &cert, &set("0"), &time, &mut rng(8));
    assert_eq!(made.unwrap_err(), DelegateError::Rules(GrantError::Rules));
    // By hand: under the owner's grant the specialist is nobody, and a referral is no parent.
    let (genuine, _) = s.try_refer(&s.cert(), "0", &time).unwrap();
    let on = assemble(s.held.owner_grant(), &sign_raw(SPECIALIST, &statement(genuine.grant())));
    assert_eq!(s.verify(&on).unwrap_err(), GrantError::Signature);
    let Grant::Referral(referral) = &held.grant else { panic!("no referral") };
    let bytes = referral.to_bytes();
    let signed = &bytes[4 + referral.parent().encoded_len()..];
    assert!(Referral::from_bytes(&[&[1, 2, 0, 0x57][..], signed, signed].concat()).is_err());
}

// Statements ----------------------------------------------------------------------------------------------------------

#[test]
fn every_field_of_a_referral_is_signed_and_binds_the_mask() {
    let s = Scene::new();
    let (held, key) = s.refer("0-0");
    let (parent, genuine) = (s.held.owner_grant(), statement(&held.grant));
    assert_eq!(genuine.len(), SEAL + 48);
    let other = cert(&s.specialist.signer.id(), Role::Doctor, during(0, 999), &hospital()).to_bytes();
    let strange = cert(&s.specialist.signer.id(), Role::Doctor, during(0, 999), &party(66)).to_bytes();
    let range = |a: u32, b: u32| [a.to_be_bytes(), b.to_be_bytes()].concat();
    let point = mul_p(&Scalar::from_u64(3)).to_affine().to_bytes();
    let id = s.held.verified.id();
    for (what, at, value, error) in [
        ("id", ID, vec![9; 16], None),
        ("name of the owner's grant", ID, id.as_bytes().to_vec(), Some(GrantError::Rules)),
        ("origin", ORIGIN, vec![9; 32], Some(GrantError::WrongKey)),
        ("user", USER, party(6).id().as_bytes().to_vec(), Some(GrantError::Role(RoleError::Subject))),
        ("key", USER_KEY, vec![9; 32], None),
        ("more classes", SET + 8, range(0, 1), None),
        ("another class", SET + 8, range(1, 1), None),
        ("class beyond the rules", SET + 8, range(2, 2), Some(GrantError::Scope)),
        ("class beyond the grid", SET + 8, range(4, 4), Some(GrantError::Scope)),
        ("begin", NOT_BEFORE, 13u64.to_be_bytes().to_vec(), None),
        ("end", NOT_AFTER, 18u64.to_be_bytes().to_vec(), Some(GrantError::TooLong)),
        ("parent", PARENT, vec![9; 32], Some(GrantError::WrongKey)),
        ("role", ROLE, other, None),
        ("strange role", ROLE, strange, Some(GrantError::Role(RoleError::Issuer))),
        ("commitment", MASK, point.to_vec(), None),
        ("encapsulation", ENC, vec![9; 32], None),
        ("seal", SEAL, vec![9; 48], None),
    ] {
        let mut changed = genuine.clone();
        changed[at..at + value.len()].copy_from_slice(&value);
        // The doctor's signature over the genuine one, and everybody else's.
        let mut kept = sign_raw(DOCTOR, &genuine);
        kept[36..36 + changed.len()].copy_from_slice(&changed);
        assert_eq!(s.verify(&assemble(parent, &kept)).unwrap_err(), GrantError::Signature, "{what}");
        for eve in [OWNER, SPECIALIST, 66] {
            let mut forged = sign_raw(eve, &changed);
            assert_eq!(s.verify(&assemble(parent, &forged)).unwrap_err(), GrantError::Signature, "{what}");
            forged[4..36].copy_from_slice(s.doctor.signer.verifying_key().as_bytes());
            assert_eq!(s.verify(&assemble(parent, &forged)).unwrap_err(), GrantError::Signature, "{what}");
        }
        // The doctor itself, who bypasses the library: held to the rules, and the mask stays with its transcript.
        let result = s.verify(&assemble(parent, &sign_raw(DOCTOR, &changed)));
        assert_eq!(result.as_ref().err(), error.as_ref(), "{what}");
        let Ok(verified) = result else { continue };
        let rekey = key.apply(&s.held.server);
        let taken = Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &verified, &rekey);
        assert_eq!(taken.unwrap_err(), GrantError::ReKey, "{what}");
        let held = Kapre::accept_grant(&s.kit.params, &s.specialist.secret, &verified);
        assert_eq!(held.unwrap_err(), OpenError, "{what}");
    }
}

/// A doctor with two grants whose rules differ.
#[test]
fn referral_moved_to_another_parent() {
    let s = Scene::new();
    let other = {
        let (grant, rekey) = s.kit.delegate(&s.doctor, referable("0-3", admission("0-3", 9)), &validity());
        Held::new(&s.kit, &s.doctor, &grant, &rekey)
    };
    let (held, key) = s.refer("0-0");
    let genuine = statement(&held.grant);
    let moved = assemble(other.owner_grant(), &sign_raw(DOCTOR, &genuine));
    assert_eq!(s.verify(&moved).unwrap_err(), GrantError::WrongKey);
    // With the parent's name changed too, it is another statement: the mask is not for it, nor is δ.
    let mut renamed = genuine;
    renamed[PARENT..PARENT + 32].copy_from_slice(other.verified.digest().as_bytes());
    let verified = s.verify(&assemble(other.owner_grant(), &sign_raw(DOCTOR, &renamed))).unwrap();
    for server in [&s.held.server, &other.server] {
        let rk = rk_of(&key.apply(server));
        for digest in [verified.digest(), held.verified.digest()] {
            let taken = Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &verified, &rekey_of(&digest, &rk));
            assert_eq!(taken.unwrap_err(), GrantError::ReKey);
        }
    }
    assert_eq!(Kapre::accept_grant(&s.kit.params, &s.specialist.secret, &verified).unwrap_err(), OpenError);
    // Somebody else's grant, or a parent with more rights that the owner did not sign.
    let theirs = s.kit.delegate(&Reader::new(6), referable("0-3", admission("0-3", 9)), &validity()).0;
    let Grant::Owner(theirs) = theirs else { unreachable!() };
    let moved = assemble(&theirs, &sign_raw(DOCTOR, &statement(&held.grant)));
    assert_eq!(s.verify(&moved).unwrap_err(), GrantError::Signature);
    let signed = Signed::new(&s.doctor.signer, s.held.owner_grant().unverified().clone());
    let moved = assemble(&signed, &sign_raw(DOCTOR, &statement(&held.grant)));
    assert_eq!(s.verify(&moved).unwrap_err(), GrantError::Signature);
}

#[test]
fn referral_outside_its_time_or_under_another_key() {
    let s = Scene::new();
    let (held, _) = s.refer("0-1");
    for (now, error) in [(11, Some(GrantError::NotYetValid)), (12, None), (17, None), (18, Some(GrantError::Expired))] {
        let verified = Kapre::verify_grant(&s.kit.params, &s.kit.generation, &held.grant, Timestamp(now));
        assert_eq!(verified.err(), error);
    }
    let other = Kit::new(9, 2);
    let verified = Kapre::verify_grant(&other.params, &other.generation, &held.grant, NOW);
    assert_eq!(verified.unwrap_err(), GrantError::Signature);
}

#[test]
fn key_of_another_referral() {
    let s = Scene::new();
    let ((held, key), (other, _)) = (s.refer("0-1"), s.refer("0-1"));
    let refused = |rekey: &ReKey| {
        let taken = Kapre::verify_rekey(&s.kit.params, &s.kit.generation, &other.verified, rekey);
        assert_eq!(taken.unwrap_err(), GrantError::ReKey);
    };
    refused(&key.apply(&s.held.server));
    refused(&rekey_of(&other.verified.digest(), &held.rk()));
    // Applied to another key, and twice.
    refused(&key.apply(&other.server));
    refused(&key.apply(&held.server));
    refused(&rekey_of(&other.verified.digest(), &s.held.rk()));
}

// What is live --------------------------------------------------------------------------------------------------------

#[test]
fn a_referral_dies_with_the_grant_and_can_be_barred_alone() {
    let s = Scene::new();
    let (held, _) = s.refer("0-1");
    let (id, digest) = names(&s.held.verified);
    let at = Timestamp;
    let mut live = LiveSet::new();
    let admits = |live: &LiveSet, grant: &VerifiedGrant| {
        let (by, digest) = grant.authority();
        live.admits(&grant.id(), (&by, &digest), NOW)
    };
    live.advance(&s.kit.signer, [], [(id, Entry::Live { digest })], at(10), at(30)).unwrap();
    assert_eq!([admits(&live, &s.held.verified), admits(&live, &held.verified)], [Ok(()), Ok(())]);
    let bar = (held.verified.id(), Entry::Barred { not_after: at(17) });
    live.advance(&s.kit.signer, [], [bar], at(11), at(30)).unwrap();
    let (granted, referred) = (admits(&live, &s.held.verified), admits(&live, &held.verified));
    assert_eq!((granted, referred), (Ok(()), Err(LiveError::NotLive)));
    // Again, and without the owner's grant.
    live.advance(&s.kit.signer, [bar.0, id], [], at(12), at(30)).unwrap();
    assert_eq!(admits(&live, &held.verified), Err(LiveError::NotLive));
}

// Collusion -----------------------------------------------------------------------------------------------------------

/// Documented: the classes are narrowed by the server's good will. Whoever was referred reaches with the server what the
/// doctor reaches with it.
#[test]
fn specialist_and_server_together_reach_the_doctors_set() {
    let s = Scene::new();
    let (held, key) = s.refer("0-0");
    assert_eq!(s.kit.keys_among_all_sets(&held.collude()), ["0-2"]);
    assert_eq!(held.collude(), s.held.collude());
    // The server alone has rk, rk' and δ.
    let delta = crate::common::scene::g2(&key.to_secret_bytes()[36..]);
    assert_eq!(delta, minus2(&held.rk(), &s.held.rk()));
    for point in [held.rk(), s.held.rk(), delta, plus2(&held.rk(), &s.held.rk()), minus2(&s.held.rk(), &delta)] {
        assert!(s.kit.keys_among_all_sets(&point).is_empty());
    }
}

/// A server that does not narrow: what it answers opens by hand. The specialist's own library refuses it.
#[test]
fn class_of_the_doctors_that_the_specialist_was_not_referred_to() {
    let s = Scene::new();
    let (held, _) = s.refer("0-0");
    for class in [1, 2] {
        let ctx = s.kit.ctx(class, 7);
        let (capsule, shared) = s.kit.seal(&ctx);
        let part = s.kit.answer(&held.rk(), &set("0-2"), &capsule, class, &Scalar::from_u64(7));
        let z_n_t = s.kit.unchecked(held.m(), &set("0-2"), &capsule, &part);
        assert_eq!(unmask(&z_n_t, &capsule, &ctx).0, *shared.hazmat_bytes());
        assert!(s.kit.read(&held, &capsule, &part, &ctx).is_none());
        // Not those that the doctor has not got either.
        assert!(s.kit.read(&s.held, &capsule, &part, &ctx).is_none());
    }
}

/// Documented: δ is not for who was referred. With it and m' the doctor's answers open.
#[test]
fn key_of_a_referral_in_the_specialists_hands() {
    let s = Scene::new();
    let (held, key) = s.refer("0-0");
    let delta = crate::common::scene::g2(&key.to_secret_bytes()[36..]);
    let mask = minus2(&mul_q(held.m()).to_affine(), &delta);
    assert_eq!(mask, mul_q(s.held.m()).to_affine());
    let ctx = s.kit.ctx(2, 7);
    let (capsule, shared) = s.kit.seal(&ctx);
    let part = s.kit.reencrypt(&s.held, &capsule, &ctx);
    let ((c1, c2), (c, e)) = (points_of(&capsule), points(&part));
    let left = pairing(&c2, &s.kit.sum(&set("0-2"), 0).to_affine()).mul(&pairing(&c1, &mask));
    assert_eq!(unmask(&left.mul(&pairing(&c.neg(), &e)), &capsule, &ctx).0, *shared.hazmat_bytes());
}

// Generators ----------------------------------------------------------------------------------------------------------

#[test]
fn generator_that_fails_or_repeats() {
    let s = Scene::new();
    let (cert, time) = (s.cert(), during(12, 17));
    let refer = |held: &Held, cert: &Signed<RoleCert>, classes: &str, rng: &mut TestRng| {
        let (doctor, user) = (party(DOCTOR), &s.specialist.key);
        held.user.refer(&doctor, user, cert, &set(classes), &time, rng)
    };
    fails_until(3, |rng| refer(&s.held, &cert, "0", rng).map_err(|error| error == DelegateError::Rng));
    let other = Scene::with(HpkeKem::X25519, "0-2", Some(admission("0-1", 6)));
    let another = crate::common::kapre::cert(&s.specialist.signer.id(), Role::Doctor, during(0, 999), &hospital());
    let made: Vec<_> =
        [(&s.held, &cert, "0"), (&s.held, &cert, "1"), (&s.held, &another, "0"), (&other.held, &cert, "0")]
            .into_iter()
            .map(|(held, cert, classes)| {
                let (grant, _) = refer(held, cert, classes, &mut TestRng::constant(7)).unwrap();
                (grant.id(), statement(grant.grant())[MASK..].to_vec())
            })
            .collect();
    for (i, a) in made.iter().enumerate() {
        assert!(made[..i].iter().all(|b| a.0 != b.0 && a.1[..48] != b.1[..48] && a.1[100..] != b.1[100..]));
    }
}
