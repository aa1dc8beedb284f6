//! Attacks on rules for emergencies, on requests and on appeals, and what ends what they lead to.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::emergency::*;
use crate::common::kac::*;
use crate::common::kapre::*;
use crate::common::{NOW, TestRng, fails_until, party, rng, validity};
use sesphr::context::Timestamp;
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::trustees::Sharing;
use sesphr::kac::{Kac, KeyAggregate, Params};
use sesphr::kapre::*;
use sesphr::pre::{DelegateError, Entry, GrantError, GrantTerms, LiveError, LiveSet, Pre};
use sesphr::role::{Role, RoleCert, RoleError};

/// The first trustee, asked for this with this at this time.
fn first(
    s: &Scene,
    rules: &Signed<EmergencyRules>,
    request: &Signed<EmergencyRequest>,
    appeal: &Signed<Appeal>,
    now: u64,
) -> Result<(), EmergencyError> {
    let (share, key) = (&s.trustees.shares[0], &s.trustees.keys[0]);
    approve(&s.kit.params, share, key, rules, request, appeal, Timestamp(now), &mut rng(9)).map(|_| ())
}

// Rules ---------------------------------------------------------------------------------------------------------------

#[test]
fn whom_the_rules_do_not_name() {
    let s = Scene::new(1, 1);
    let (id, time, hospital) = (s.user.signer.id(), during(12, 17), hospital());
    let check = |cert: &Signed<RoleCert>| match s.refused(&s.ask(cert, "0", &time)) {
        GrantError::Role(error) => error,
        other => panic!("{other:?}"),
    };
    let forever = during(0, 1000);
    // By itself, by a trustee, in the hospital's name, for another role, about somebody else.
    assert_eq!(check(&cert(&id, Role::Doctor, forever, &s.user.signer)), RoleError::Issuer);
    assert_eq!(check(&cert(&id, Role::Doctor, forever, &s.trustees.keys[0])), RoleError::Issuer);
    let forged = cert(&id, Role::Doctor, forever, &s.user.signer);
    assert_eq!(check(&patched(&forged, 4, hospital.verifying_key().as_bytes())), RoleError::Signature);
    assert_eq!(check(&cert(&id, Role::Pharmacist, forever, &hospital)), RoleError::Issuer);
    assert_eq!(check(&doctor(&party(6).id())), RoleError::Subject);
    for (begin, end) in [(13, 1000), (0, 16), (0, 11), (18, 1000)] {
        assert_eq!(check(&cert(&id, Role::Doctor, during(begin, end), &hospital)), RoleError::Time, "{begin} {end}");
    }
}

#[test]
fn nothing_beyond_the_rules() {
    let s = Scene::with(1, 1, HpkeKem::X25519, admission("0-2,9", 5));
    let (cert, time) = (s.cert(), during(12, 17));
    for classes in ["3", "0-3", "10", ""] {
        assert_eq!(s.refused(&s.ask(&cert, classes, &time)), GrantError::Scope, "{classes}");
    }
    // What the rules allow and the grid does not have.
    let beyond = s.ask(&cert, "9", &time);
    assert_eq!(s.refused(&beyond), GrantError::Scope);
    let genuine = s.approve(0, &s.request("0")).0;
    let renamed = resigned(&genuine, 4, beyond.digest().as_bytes(), &s.trustees.keys[0]);
    assert_eq!(s.verify(&assemble_grant(&s, &beyond, &[&renamed]).unwrap()).unwrap_err(), GrantError::Scope);
    for time in [during(12, 18), during(15, 21), during(0, u64::MAX)] {
        let cert = crate::common::kapre::cert(&s.user.signer.id(), Role::Doctor, during(0, u64::MAX), &hospital());
        assert_eq!(s.refused(&s.ask(&cert, "0", &time)), GrantError::TooLong);
    }
    // Trustees look at the time, and so does who verifies the grant.
    assert_eq!(s.refused(&s.ask(&cert, "0", &during(16, 17))), GrantError::NotYetValid);
    assert_eq!(s.refused(&s.ask(&cert, "0", &during(10, 14))), GrantError::Expired);
    let held = s.grant("0", &[0]);
    for (now, error) in [(11, Some(GrantError::NotYetValid)), (12, None), (17, None), (18, Some(GrantError::Expired))] {
        let verified = Kapre::verify_grant(&s.kit.params, &s.kit.generation, &held.grant, Timestamp(now));
        assert_eq!(verified.err(), error);
    }
}

#[test]
fn rules_that_are_not_the_owners_or_for_others() {
    let s = Scene::new(2, 3);
    let request = s.request("0");
    let appeal = s.appeal(&request, &s.trustees.keys[0].id(), NOW.0);
    let parts = s.parts(&request, &[0, 1]);
    let check = |rules: &Signed<EmergencyRules>, request: &Signed<EmergencyRequest>, error: EmergencyError| {
        let appeal = s.appeal(request, &s.trustees.keys[0].id(), NOW.0);
        assert_eq!(first(&s, rules, request, &appeal, NOW.0).unwrap_err(), error);
        let combined = combine(&s.kit.params, &s.trustees.sharing, rules, request, &parts);
        assert_eq!(combined.unwrap_err(), error);
    };
    assert_eq!(first(&s, &s.rules, &request, &appeal, NOW.0), Ok(()));
    // By the trustees, who asks, the server, also in the owner's name.
    for eve in [&s.trustees.keys[0], &s.user.signer, &party(90)] {
        let forged = Signed::new(eve, s.rules.unverified().clone());
        check(&forged, &request, GrantError::Signature.into());
        let named = patched(&forged, 4, s.kit.signer.verifying_key().as_bytes());
        check(&named, &request, GrantError::Signature.into());
        let grant = |rules: &Signed<EmergencyRules>| {
            let scene = Scene { rules: rules.clone(), ..Scene::new(2, 3) };
            scene.verify(&assemble_grant(&scene, &request, &[&parts[0].0, &parts[1].0]).unwrap())
        };
        assert_eq!(grant(&forged).unwrap_err(), GrantError::Signature);
        assert_eq!(grant(&named).unwrap_err(), GrantError::Signature);
    }
    // Every byte is signed.
    let bytes = s.rules.to_bytes();
    for at in (36..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        if let Ok(rules) = Signed::from_bytes(&bytes) {
            check(&rules, &request, GrantError::Signature.into());
        }
    }
    // Another committee of the same trustees.
    let same = |keys: &[SigningKey]| keys.iter().map(|key| SigningKey::from_seed(&seed_of(key))).collect::<Vec<_>>();
    let mut reversed = same(&s.trustees.keys);
    reversed.reverse();
    for other in [Trustees::of(&s.kit, 1, same(&s.trustees.keys)), Trustees::of(&s.kit, 2, reversed)] {
        let rules = EmergencyRules::new(&s.kit.signer, &other.sharing, admission("0-2", 5), &mut rng(7)).unwrap();
        let scene = Scene { rules: rules.clone(), ..Scene::new(2, 3) };
        check(&rules, &scene.request("0"), EmergencyError::Committee);
    }
    // Other rules than those that the request names, if only by their own name.
    let wider = EmergencyRules::new(&s.kit.signer, &s.trustees.sharing, admission("0-3", 50), &mut rng(7)).unwrap();
    check(&wider, &request, GrantError::Rules.into());
    let renamed = resigned(&s.rules, 4, &[9; 16], &s.kit.signer);
    check(&renamed, &request, GrantError::Rules.into());
    let scene = Scene { rules: wider, ..Scene::new(2, 3) };
    let swapped = assemble_grant(&scene, &request, &[&parts[0].0, &parts[1].0]).unwrap();
    assert_eq!(s.verify(&swapped).unwrap_err(), GrantError::Rules);
    // Only the owner makes rules for its shares.
    let made = EmergencyRules::new(&party(66), &s.trustees.sharing, admission("0-2", 5), &mut rng(7));
    assert_eq!(made.unwrap_err(), DelegateError::Signer);
}

fn seed_of(key: &SigningKey) -> [u8; 32] {
    use sesphr::encoding::SecretEncoding;
    key.to_secret_bytes()[4..].try_into().unwrap()
}

// Requests ------------------------------------------------------------------------------------------------------------

/// Offsets in a request for one range.
const ID: usize = 4;
const ORIGIN: usize = ID + 16;
const USER_ID: usize = ORIGIN + 32;
const USER_KEY: usize = USER_ID + 32;
const SET: usize = USER_KEY + 32;
const NOT_BEFORE: usize = SET + 16;
const RULES: usize = NOT_BEFORE + 16;
const KEY: usize = RULES + 32;
const KEY_LEN: usize = 4 + 32 + (4 + 1 + 32) + 64;
const ROLE: usize = KEY + KEY_LEN;

#[test]
fn every_field_of_a_request_is_signed_and_binds_what_comes_of_it() {
    let s = Scene::new(1, 1);
    let request = s.request("1-2");
    let part = s.approve(0, &request);
    let eve = Reader::new(66);
    let eves = doctor(&eve.signer.id());
    assert_eq!(request.unverified().encoded_len(), ROLE + s.cert().encoded_len());
    let newer = UserSecret::generate(HpkeKem::X25519, &s.user.signer, &mut rng(77)).unwrap().1;
    let range = [1u32.to_be_bytes(), 1u32.to_be_bytes()].concat();
    for (what, at, value, error) in [
        ("id", ID, vec![9; 16], None),
        ("name of the rules", ID, s.rules.unverified().id().as_bytes().to_vec(), Some(GrantError::Rules)),
        ("origin", ORIGIN, vec![9; 32], Some(GrantError::Rules)),
        ("user", USER_ID, eve.signer.id().as_bytes().to_vec(), Some(GrantError::Signature)),
        ("name of the key", USER_KEY, vec![9; 32], Some(GrantError::Signature)),
        ("set", SET + 8, range, None),
        ("time", NOT_BEFORE, 13u64.to_be_bytes().to_vec(), None),
        ("rules", RULES, vec![9; 32], Some(GrantError::Rules)),
        ("another's key", KEY, eve.public.to_bytes(), Some(GrantError::Signature)),
        ("another key", KEY, newer.to_bytes(), Some(GrantError::Signature)),
        ("another's role", ROLE, eves.to_bytes(), Some(GrantError::Role(RoleError::Subject))),
    ] {
        let kept = patched(&request, 36 + at, &value);
        assert_eq!(s.refused(&kept), GrantError::Signature, "{what}");
        for other in [&eve.signer, &s.kit.signer, &s.trustees.keys[0]] {
            let forged = resigned(&request, at, &value, other);
            let refused = s.refused(&forged);
            assert!(refused == GrantError::Signature || Some(refused) == error, "{what} {refused:?}");
            let named = patched(&forged, 4, s.user.signer.verifying_key().as_bytes());
            assert_eq!(s.refused(&named), GrantError::Signature, "{what}");
        }
        // Who asks, again: another request, or none. What the trustee approved is not for it.
        let changed = resigned(&request, at, &value, &s.user.signer);
        let verified = s.verify(&assemble_grant(&s, &changed, &[&part.0]).unwrap());
        match error {
            Some(error) => {
                assert_eq!((s.refused(&changed), verified.unwrap_err()), (error, error), "{what}");
            }
            None => {
                assert_eq!(verified.unwrap_err(), GrantError::WrongKey, "{what}");
                assert_eq!(s.combine(&changed, &[again(&part)]).unwrap_err(), missing(0, 1, vec![]), "{what}");
            }
        }
    }
}

/// Somebody with a doctor's certificate, which is public, and with the doctor's key, which is too.
#[test]
fn request_in_another_partys_role() {
    let s = Scene::new(1, 1);
    let eve = Reader::new(66);
    let (genuine, time) = (s.request("0"), during(12, 17));
    // Its own name and key, the doctor's role.
    let ask = |public: &Signed<UserKey>, cert: &Signed<RoleCert>| {
        EmergencyRequest::new(&eve.signer, public, cert, &s.rules, &set("0"), &time, &mut rng(8))
    };
    let request = ask(&eve.public, &s.cert()).unwrap();
    assert_eq!(s.refused(&request), GrantError::Role(RoleError::Subject));
    // The doctor's name and role, its own key and signature.
    let named = resigned(&request, USER_ID, s.user.signer.id().as_bytes(), &eve.signer);
    assert_eq!(s.refused(&named), GrantError::Signature);
    // The doctor's name and role under a key of its own, and its own under the doctor's key: under the right name of the key.
    let swap = |request: &Signed<EmergencyRequest>, public: &Signed<UserKey>, signer: &SigningKey| {
        let named = resigned(request, USER_KEY, public.digest().as_bytes(), signer);
        s.refused(&resigned(&named, KEY, &public.to_bytes(), signer))
    };
    assert_eq!(swap(&genuine, &eve.public, &s.user.signer), GrantError::Signature);
    let own = ask(&eve.public, &doctor(&eve.signer.id())).unwrap();
    assert_eq!(swap(&own, &s.user.public, &eve.signer), GrantError::Signature);
    // All is the doctor's but the signature.
    let copied = Signed::new(&eve.signer, genuine.unverified().clone());
    assert_eq!(s.refused(&copied), GrantError::Signature);
    // The library does not ask with a key of somebody else.
    assert_eq!(ask(&s.user.public, &s.cert()).unwrap_err(), DelegateError::User);
    // With a certificate of its own it is a doctor like any.
    let request = ask(&eve.public, &doctor(&eve.signer.id())).unwrap();
    let trustee = s.trustees.keys[0].id();
    let appeal = Appeal { request: request.digest(), trustee, at: NOW };
    assert_eq!(first(&s, &s.rules, &request, &Signed::new(&eve.signer, appeal), NOW.0), Ok(()));
}

#[test]
fn trustee_with_anothers_share() {
    let s = Scene::new(2, 3);
    let request = s.request("0");
    for (k, key) in [(0, &s.trustees.keys[1]), (1, &s.trustees.keys[0]), (0, &party(66)), (0, &s.kit.signer)] {
        let appeal = s.appeal(&request, &key.id(), NOW.0);
        let share = &s.trustees.shares[k];
        let made = approve(&s.kit.params, share, key, &s.rules, &request, &appeal, NOW, &mut rng(9));
        assert_eq!(made.unwrap_err(), EmergencyError::Trustee);
    }
    let params = Params::hazmat_from_alpha(5, &sesphr::hazmat::pairing::Scalar::from_u64(9)).unwrap();
    let (share, key) = (&s.trustees.shares[0], &s.trustees.keys[0]);
    let appeal = s.appeal(&request, &key.id(), NOW.0);
    let made = approve(&params, share, key, &s.rules, &request, &appeal, NOW, &mut rng(9));
    assert_eq!(made.unwrap_err(), GrantError::Scope.into());
    let parts = s.parts(&request, &[0, 1]);
    let made = combine(&params, &s.trustees.sharing, &s.rules, &request, &parts);
    assert_eq!(made.unwrap_err(), GrantError::Scope.into());
}

// Appeals -------------------------------------------------------------------------------------------------------------

#[test]
fn appeal_that_is_replayed_or_passed_on() {
    let s = Scene::new(1, 2);
    let (request, other) = (s.request("0"), s.request("0"));
    let [one, two] = [0, 1].map(|k| s.trustees.keys[k].id());
    let check = |appeal: &Signed<Appeal>| first(&s, &s.rules, &request, appeal, NOW.0);
    assert_eq!(check(&s.appeal(&request, &one, NOW.0)), Ok(()));
    // To the other trustee, for another request, by somebody else.
    assert_eq!(check(&s.appeal(&request, &two, NOW.0)), Err(EmergencyError::Appeal));
    assert_eq!(check(&s.appeal(&other, &one, NOW.0)), Err(EmergencyError::Appeal));
    for eve in [party(66), party(90), party(200), party(1)] {
        let forged = Signed::new(&eve, s.appeal(&request, &one, NOW.0).unverified().clone());
        assert_eq!(check(&forged), Err(EmergencyError::Appeal));
        let named = patched(&forged, 4, s.user.signer.verifying_key().as_bytes());
        assert_eq!(check(&named), Err(EmergencyError::Appeal));
    }
    // Long ago, or from the future.
    let s = Scene::with(1, 1, HpkeKem::X25519, admission("0", 2000));
    let cert = cert(&s.user.signer.id(), Role::Doctor, during(0, 2000), &hospital());
    let request = s.ask(&cert, "0", &during(0, 2000));
    for (at, good) in [(700, true), (1300, true), (699, false), (1301, false), (0, false), (u64::MAX, false)] {
        let made = first(&s, &s.rules, &request, &s.appeal(&request, &s.trustees.keys[0].id(), at), 1000);
        assert_eq!(made, if good { Ok(()) } else { Err(EmergencyError::Appeal) }, "{at}");
    }
    assert_eq!(APPEAL_WINDOW, 300);
}

// What ends it --------------------------------------------------------------------------------------------------------

#[test]
fn the_next_generation_ends_rules_shares_and_grants() {
    let old = Scene::new(2, 3);
    let held = old.grant("0", &[0, 1]);
    let mut kit = Kit::new(1, 2);
    let grid = kit.generation.grid().clone();
    let (secret, cert) =
        Kac::keygen(&kit.params, &grid, &kit.root, &kit.signer, Some(&kit.generation), &mut rng(8)).unwrap();
    kit.generation = kit.generation.succeeded_by(&kit.params, &cert).unwrap();
    (kit.secret, kit.cert) = (secret, cert);
    assert_eq!(Kapre::verify_grant(&kit.params, &kit.generation, &held.grant, NOW).unwrap_err(), GrantError::WrongKey);
    let taken = Kapre::verify_rekey(&kit.params, &kit.generation, &held.verified, &held.rekey);
    assert_eq!(taken.unwrap_err(), GrantError::WrongKey);

    let trustees = Trustees::new(&kit, 2, 3);
    let rules = EmergencyRules::new(&kit.signer, &trustees.sharing, admission("0-2", 5), &mut rng(7)).unwrap();
    let new = Scene { kit, trustees, rules, user: Reader::new(USER) };
    // Old rules with new shares, new rules with old shares; the same for the server.
    let wrong = || EmergencyError::Grant(GrantError::WrongKey);
    for (rules_of, shares_of) in [(&old, &new), (&new, &old)] {
        let request = rules_of.request("0");
        assert_eq!(rules_of.approve_with(&shares_of.trustees, 0, &request).unwrap_err(), wrong());
        let parts = rules_of.parts(&request, &[0, 1]);
        let combined = rules_of.combine_at(&shares_of.trustees.sharing, &request, &parts);
        assert_eq!(combined.unwrap_err(), wrong());
        let combined = rules_of.combine_at(&Sharing::of_owner(&shares_of.kit.generation), &request, &parts);
        assert_eq!(combined.unwrap_err(), wrong());
    }
    // The new dealing works.
    let held = new.grant("0", &[1, 2]);
    assert_eq!(held.verified.set(), &set("0"));
    assert!(held.verified.faulty(&new.user.secret).is_empty());
}

#[test]
fn a_grant_dies_with_the_rules_and_can_be_barred_alone() {
    let s = Scene::new(2, 3);
    let [one, two] = [[0, 1], [1, 2]].map(|quorum| s.grant("0", &quorum));
    let (id, digest) = (s.rules.unverified().id(), s.rules.digest());
    let at = Timestamp;
    let mut live = LiveSet::new();
    let admits = |live: &LiveSet, grant: &Held| {
        let (by, digest) = grant.verified.authority();
        live.admits(&grant.verified.id(), (&by, &digest), NOW)
    };
    live.advance(&s.kit.signer, [], [(id, Entry::Live { digest })], at(10), at(30)).unwrap();
    assert_eq!([admits(&live, &one), admits(&live, &two)], [Ok(()), Ok(())]);
    let bar = (one.verified.id(), Entry::Barred { not_after: at(17) });
    live.advance(&s.kit.signer, [], [bar], at(11), at(30)).unwrap();
    assert_eq!([admits(&live, &one), admits(&live, &two)], [Err(LiveError::NotLive), Ok(())]);
    live.advance(&s.kit.signer, [id], [], at(12), at(30)).unwrap();
    assert_eq!(admits(&live, &two), Err(LiveError::NotLive));
}

#[test]
fn who_was_let_in_refers_nobody() {
    let s = Scene::new(1, 1);
    let (held, third) = (s.grant("0-1", &[0]), Reader::new(6));
    let (cert, rng) = (doctor(&third.signer.id()), &mut rng(8));
    let made = held.user.refer(&s.user.signer, &third.key, &cert, &set("0"), &during(13, 16), rng);
    assert_eq!(made.unwrap_err(), DelegateError::Rules(GrantError::Rules));
}

#[test]
fn generator_that_fails_or_repeats() {
    let s = Scene::new(1, 1);
    let (kit, user) = (&s.kit, &s.user);
    let rules =
        |admission: Admission, rng: &mut TestRng| EmergencyRules::new(&party(1), &s.trustees.sharing, admission, rng);
    fails_until(1, |rng| rules(admission("0", 5), rng).map_err(|e| e == DelegateError::Rng));
    let ask = |cert: &Signed<RoleCert>, rules: &Signed<EmergencyRules>, rng: &mut TestRng| {
        EmergencyRequest::new(&party(USER), &user.public, cert, rules, &set("0"), &validity(), rng)
    };
    fails_until(1, |rng| ask(&s.cert(), &s.rules, rng).map_err(|e| e == DelegateError::Rng));
    let request = s.request("0");
    let trustee = || SigningKey::from_seed(&[200; 32]);
    let id: PartyId = trustee().id();
    let appeal = s.appeal(&request, &id, NOW.0);
    // x, and the seed of HPKE.
    fails_until(2, |rng| {
        approve(&kit.params, &s.trustees.shares[0], &trustee(), &s.rules, &request, &appeal, NOW, rng)
            .map_err(|e| e == EmergencyError::Delegate(DelegateError::Rng))
    });
    // Other rules and other requests have other names.
    let dead = || TestRng::constant(7);
    let made = ["0", "1"].map(|classes| rules(admission(classes, 5), &mut dead()).unwrap());
    let ids = made.each_ref().map(|rules| rules.unverified().id());
    assert_ne!(ids[0], ids[1]);
    let other = cert(&user.signer.id(), Role::Doctor, during(0, 999), &hospital());
    let asked = [(&s.cert(), &made[0]), (&s.cert(), &made[1]), (&other, &made[0])];
    let ids = asked.map(|(cert, rules)| ask(cert, rules, &mut dead()).unwrap().unverified().id());
    assert!(ids[0] != ids[1] && ids[0] != ids[2] && ids[1] != ids[2]);
}
