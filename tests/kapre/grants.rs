//! Attacks on the owner's grants of `Kapre`, and what a colluding server gets. Those on re-encryption are in
//! `attacks_kapre_answers.rs`, on referrals in `attacks_kapre_referral.rs`, on emergencies in `attacks_kapre_emergency.rs` and
//! `attacks_kapre_requests.rs`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::kapre::*;
use crate::common::{NOW, TestRng, fails_until, party, rng, validity};
use sesphr::Digest;
use sesphr::context::Timestamp;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::error::OpenError;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G2Affine, Scalar, mul_p, mul_q};
use sesphr::identity::Signed;
use sesphr::kac::{ClassSet, Kac, KeyAggregate, Params};
use sesphr::kapre::*;
use sesphr::pre::{DelegateError, GrantError, GrantTerms, KeyError, Pre, ReencryptError};

fn verify(kit: &Kit, grant: &Grant) -> Result<VerifiedGrant, GrantError> {
    Kapre::verify_grant(&kit.params, &kit.generation, grant, NOW)
}

fn owners(grant: Signed<OwnerGrant>) -> Grant {
    Grant::Owner(Box::new(grant))
}

// What is granted -----------------------------------------------------------------------------------------------------

#[test]
fn every_grant_opens_exactly_its_classes() {
    let kit = Kit::new(1, 2);
    let sealed: Vec<_> = (0..4).map(|class| (kit.ctx(class, 7), kit.seal(&kit.ctx(class, 7)))).collect();
    let users = [Reader::new(2), Reader::with(5, HpkeKem::XWing)];
    for mask in 1..16u32 {
        let classes = ClassSet::try_from_classes((0..4).filter(|c| mask >> c & 1 == 1)).unwrap();
        let user = &users[usize::from(mask % 5 == 0)];
        let held = kit.grant(user, &classes.to_string());
        assert_eq!((held.verified.user(), held.verified.validity()), (user.signer.id(), validity()));
        assert_eq!((held.verified.set(), held.verified.owner()), (&classes, &kit.generation));
        // The owner's grant stands on itself.
        assert_eq!(held.verified.authority(), names(&held.verified));
        for (class, (ctx, (capsule, shared))) in (0..4).zip(&sealed) {
            match kit.try_reencrypt(&held, capsule, ctx) {
                Ok(part) => {
                    assert_eq!(kit.read(&held, capsule, &part, ctx).as_ref(), Some(shared.hazmat_bytes()));
                    assert!(classes.contains(class));
                }
                Err(error) => assert!(error == ReencryptError::Scope && !classes.contains(class)),
            }
        }
    }
}

#[test]
fn server_that_reencrypts_what_was_not_granted() {
    let kit = Kit::new(1, 2);
    let user = Reader::new(2);
    let held = kit.grant(&user, "1-2");
    for class in [0, 3] {
        let ctx = kit.ctx(class, 7);
        let (capsule, shared) = kit.seal(&ctx);
        // With all that the server has, and with the delegatee's m.
        for reach in ["0", "3", "1-2", "0-3"] {
            let part = kit.answer(&held.rk(), &set(reach), &capsule, class, &Scalar::from_u64(5));
            assert!(kit.read(&held, &capsule, &part, &ctx).is_none());
            let z_n_t = kit.unchecked(held.m(), &set(reach), &capsule, &part);
            assert_ne!(unmask(&z_n_t, &capsule, &ctx).0, *shared.hazmat_bytes());
        }
    }
}

// Collusion -----------------------------------------------------------------------------------------------------------

/// Server and delegatee have K_S: every class of the set, requested or not, now and later, and no other class.
#[test]
fn server_and_delegatee_together_reach_exactly_the_set() {
    let kit = Kit::new(1, 2);
    let user = Reader::new(2);
    for classes in ["0", "3", "1-2", "0,2", "0-3"] {
        let held = kit.grant(&user, classes);
        let key = held.collude();
        assert_eq!(key, kit.key_point(&set(classes)));
        assert_eq!(kit.keys_among_all_sets(&key), [classes]);
        // Neither of them alone.
        assert!(kit.keys_among_all_sets(&held.rk()).is_empty());
        assert!(kit.keys_among_all_sets(&mul_q(held.m()).to_affine()).is_empty());
    }
}

#[test]
fn several_colluding_pairs_reach_unions_and_differences() {
    let kit = Kit::new(1, 2);
    let held = ["0-2", "1", "3"].map(|classes| kit.grant(&Reader::new(2), classes));
    let [a, b, c] = held.each_ref().map(Held::collude);
    for (key, expected) in [
        (minus2(&a, &b), Some("0,2")),
        (plus2(&a, &c), Some("0-3")),
        (plus2(&b, &c), Some("1,3")),
        (minus2(&plus2(&a, &c), &b), Some("0,2-3")),
        // Neither a class twice nor one that is taken away without being there is a key of a set.
        (plus2(&a, &b), None),
        (minus2(&a, &c), None),
        (minus2(&b, &a), None),
    ] {
        assert_eq!(kit.keys_among_all_sets(&key), expected.into_iter().collect::<Vec<_>>());
    }
    // The server alone, with the keys of three grants, has differences of masked keys.
    let [a, b, c] = held.each_ref().map(Held::rk);
    for key in [minus2(&a, &b), plus2(&a, &c), minus2(&b, &a), minus2(&plus2(&a, &c), &b)] {
        assert!(kit.keys_among_all_sets(&key).is_empty());
    }
}

/// Why one m must never serve two grants, on an owner who ignores the library: the server opens the difference, without
/// any delegatee.
#[test]
fn one_mask_in_two_grants_shows_their_difference_to_the_server() {
    let kit = Kit::new(1, 2);
    let user = Reader::new(2);
    let (first, other) = (kit.grant(&user, "0-2"), kit.grant(&user, "0-1"));
    // The second statement with the commitment of the first, signed by the owner.
    let commitment = mul_p(first.m()).to_affine().to_bytes();
    let second = owners(resigned(other.owner_grant(), MASK, &commitment, &kit.signer));
    let verified = verify(&kit, &second).unwrap();
    let rk = plus2(&kit.key_point(&set("0-1")), &mul_q(first.m()).to_affine());
    assert!(Kapre::verify_rekey(&kit.params, &kit.generation, &verified, &rekey_of(&verified.digest(), &rk)).is_ok());
    assert_eq!(kit.keys_among_all_sets(&minus2(&first.rk(), &rk)), ["2"]);
    // What the library made in its place.
    assert!(kit.keys_among_all_sets(&minus2(&first.rk(), &other.rk())).is_empty());
}

/// The library cannot be led to it, whatever the generator gives and with the owner's counter at the same place. And
/// should x repeat, m is another one as long as anything in the transcript is.
#[test]
fn broken_generator_gives_no_mask_to_two_grants() {
    let kit = Kit::new(1, 2);
    let users = [Reader::new(2), Reader::new(5)];
    let scopes = [
        Scope::from(set("0-2")),
        set("0-1").into(),
        referable("0-2", admission("0", 5)),
        referable("0-2", admission("1", 5)),
    ];
    let mut made = Vec::new();
    for (user, scope) in users.iter().flat_map(|user| scopes.iter().map(move |scope| (user, scope))) {
        for validity in [during(10, 20), during(10, 21)] {
            let (owner, dead) = (party(1), &mut TestRng::constant(7));
            let (grant, [rekey]) =
                Kapre::delegate(&kit.params, &kit.secret, &owner, &user.key, scope, &validity, dead).unwrap();
            let verified = verify(&kit, &grant).unwrap();
            let Grant::Owner(signed) = &grant else { unreachable!() };
            let statement = signed.unverified().to_bytes();
            let at = statement.len() - SEALED;
            made.push((verified.id(), statement[at..at + 48].to_vec(), rk_of(&rekey)));
        }
    }
    for (i, a) in made.iter().enumerate() {
        for b in &made[..i] {
            assert!(a.0 != b.0 && a.1 != b.1);
            assert!(kit.keys_among_all_sets(&minus2(&a.2, &b.2)).is_empty());
        }
    }
}

// Statements ----------------------------------------------------------------------------------------------------------

/// Offsets in the statement of a grant of one range without referrals.
const ID: usize = 4;
const ORIGIN: usize = ID + 16;
const USER: usize = ORIGIN + 32;
const USER_KEY: usize = USER + 32;
const SET: usize = USER_KEY + 32;
const NOT_BEFORE: usize = SET + 16;
const NOT_AFTER: usize = NOT_BEFORE + 8;
const MASK: usize = NOT_AFTER + 8 + 1;
const ENC: usize = MASK + 48 + 4;
const SEAL: usize = ENC + 32;
/// The mask at the end of a statement.
const SEALED: usize = 48 + 4 + 32 + 48;

/// Each field with another value, that decodes.
fn changes() -> Vec<(&'static str, usize, Vec<u8>)> {
    let range = |a: u32, b: u32| [a.to_be_bytes(), b.to_be_bytes()].concat();
    vec![
        ("id", ID, vec![9; 16]),
        ("origin", ORIGIN, vec![9; 32]),
        ("user", USER, party(5).id().as_bytes().to_vec()),
        ("key", USER_KEY, vec![9; 32]),
        ("more classes", SET + 8, range(1, 3)),
        ("fewer classes", SET + 8, range(1, 1)),
        ("begin", NOT_BEFORE, 9u64.to_be_bytes().to_vec()),
        ("end", NOT_AFTER, 21u64.to_be_bytes().to_vec()),
        ("commitment", MASK, mul_p(&Scalar::from_u64(3)).to_affine().to_bytes().to_vec()),
        ("encapsulation", ENC, vec![9; 32]),
        ("seal", SEAL, vec![9; 48]),
    ]
}

#[test]
fn every_field_of_a_grant_is_signed_and_binds_the_mask() {
    let kit = Kit::new(1, 2);
    let user = Reader::new(2);
    let held = kit.grant(&user, "1-2");
    let genuine = held.owner_grant();
    assert_eq!(genuine.unverified().encoded_len(), SEAL + 48);
    for (what, at, value) in changes() {
        // Kept signature, a stranger's, the delegatee's, the server's, and these in the owner's name.
        let kept = owners(patched(genuine, 36 + at, &value));
        assert_eq!(verify(&kit, &kept).unwrap_err(), GrantError::Signature, "{what}");
        for eve in [party(66), party(2), party(90)] {
            let forged = resigned(genuine, at, &value, &eve);
            assert_eq!(verify(&kit, &owners(forged.clone())).unwrap_err(), GrantError::Signature, "{what}");
            let named = patched(&forged, 4, kit.signer.verifying_key().as_bytes());
            assert_eq!(verify(&kit, &owners(named)).unwrap_err(), GrantError::Signature, "{what}");
        }
        // The owner's own signature under another transcript: neither the server's key nor the delegatee's mask moves.
        let verified = match verify(&kit, &owners(resigned(genuine, at, &value, &kit.signer))) {
            Ok(verified) => verified,
            Err(error) => {
                assert_eq!((what, error), ("origin", GrantError::WrongKey));
                continue;
            }
        };
        for digest in [held.verified.digest(), verified.digest()] {
            let rekey = rekey_of(&digest, &held.rk());
            let taken = Kapre::verify_rekey(&kit.params, &kit.generation, &verified, &rekey);
            // Of the point, only set and commitment decide.
            let fits = digest == verified.digest() && !what.contains("classes") && what != "commitment";
            assert_eq!(taken.err(), (!fits).then_some(GrantError::ReKey), "{what}");
        }
        // Who has the sealed x, as the right party under any name.
        let names = [user.signer.id(), verified.user()];
        for name in names {
            let secret = patched(&user.secret, 4, name.as_bytes());
            assert_eq!(Kapre::accept_grant(&kit.params, &secret, &verified).unwrap_err(), OpenError, "{what}");
        }
    }
    // A flag that says that rules follow, or nothing that is defined.
    let mut statement = genuine.unverified().to_bytes();
    for flag in 1..=255 {
        statement[MASK - 1] = flag;
        assert!(OwnerGrant::from_bytes(&statement).is_err());
    }
}

#[test]
fn grant_of_another_delegatee() {
    let kit = Kit::new(1, 2);
    let (user, other) = (Reader::new(2), Reader::new(5));
    let held = kit.grant(&user, "1-2");
    // Another party; the same party with another key; another key of the same kind under the party's name; the right key
    // under another name.
    let (newer, _) = UserSecret::generate(HpkeKem::X25519, &user.signer, &mut rng(77)).unwrap();
    let (kind, _) = UserSecret::generate(HpkeKem::XWing, &user.signer, &mut rng(77)).unwrap();
    let renamed = patched(&other.secret, 4, user.signer.id().as_bytes());
    let named = patched(&user.secret, 4, other.signer.id().as_bytes());
    for secret in [&other.secret, &newer, &kind, &renamed, &named] {
        assert_eq!(Kapre::accept_grant(&kit.params, secret, &held.verified).unwrap_err(), OpenError);
    }
    assert!(Kapre::accept_grant(&kit.params, &user.secret, &held.verified).is_ok());
}

/// A mask that opens but is none that the grant commits to: the delegatee would see it only when nothing opens.
#[test]
fn commitment_to_another_mask_than_the_sealed_one() {
    let kit = Kit::new(1, 2);
    let user = Reader::new(2);
    let held = kit.grant(&user, "1-2");
    // The commitment is no part of what HPKE binds, so the seal opens.
    for commitment in [held.m() + &Scalar::one(), -held.m()] {
        let point = mul_p(&commitment).to_affine().to_bytes();
        let verified = verify(&kit, &owners(resigned(held.owner_grant(), MASK, &point, &kit.signer))).unwrap();
        assert_eq!(Kapre::accept_grant(&kit.params, &user.secret, &verified).unwrap_err(), OpenError);
    }
}

#[test]
fn grant_outside_its_time_even_when_it_was_verified_inside() {
    let kit = Kit::new(1, 2);
    let held = kit.grant(&Reader::new(2), "1-2");
    let ctx = kit.ctx(1, 7);
    let checked = kit.checked(&kit.seal(&ctx).0, &ctx);
    let early = (GrantError::NotYetValid, ReencryptError::NotYetValid);
    let late = (GrantError::Expired, ReencryptError::Expired);
    for (now, error) in
        [(0, Some(early)), (9, Some(early)), (10, None), (20, None), (21, Some(late)), (u64::MAX, Some(late))]
    {
        let now = Timestamp(now);
        let grant = Kapre::verify_grant(&kit.params, &kit.generation, &held.grant, now);
        assert_eq!(grant.err(), error.map(|e| e.0), "{now:?}");
        let part = Kapre::reencrypt(&kit.params, &held.server, &checked, &party(90), now, &mut rng(9));
        assert_eq!(part.err(), error.map(|e| e.1), "{now:?}");
    }
}

#[test]
fn grant_under_another_generation_owner_or_parameters() {
    let (kit, other) = (Kit::new(1, 2), Kit::new(5, 2));
    let user = Reader::new(2);
    let held = kit.grant(&user, "1-2");
    let (_, cert) =
        Kac::keygen(&kit.params, kit.generation.grid(), &kit.root, &kit.signer, Some(&kit.generation), &mut rng(8))
            .unwrap();
    let next = kit.generation.succeeded_by(&kit.params, &cert).unwrap();
    let foreign = Params::hazmat_from_alpha(5, &Scalar::from_u64(9)).unwrap();
    let small = Params::hazmat_from_alpha(1, &alpha()).unwrap();

    let check = |params, owner| Kapre::verify_grant(params, owner, &held.grant, NOW).map(|_| ());
    assert_eq!(check(&kit.params, &next), Err(GrantError::WrongKey));
    assert_eq!(check(&kit.params, &other.generation), Err(GrantError::Signature));
    let rekey = |owner| Kapre::verify_rekey(&kit.params, owner, &held.verified, &held.rekey).map(|_| ());
    assert_eq!(rekey(&next), Err(GrantError::WrongKey));
    assert_eq!(rekey(&other.generation), Err(GrantError::WrongKey));

    // The capsule of another owner, or under the next generation, under this grant.
    let ctx = other.ctx(1, 7);
    let checked = other.checked(&other.seal(&ctx).0, &ctx);
    let server = party(90);
    let reencrypt = |params, checked| Kapre::reencrypt(params, &held.server, checked, &server, NOW, &mut rng(9));
    assert_eq!(reencrypt(&kit.params, &checked), Err(ReencryptError::Scope));
    let period = next.grid().period(1).unwrap();
    let own = kit.ctx(1, 7);
    let subject = sesphr::context::Subject { record: own.record, version: 1, author: own.author, aad: own.aad };
    let newer = Kac::context(&next, &period, &subject).unwrap();
    let (capsule, _) = Kac::encapsulate(&kit.params, &next, &newer, &kit.author(), &mut rng(3)).unwrap();
    let checked = Kapre::verify_capsule(&kit.params, &next, &capsule, &newer).unwrap();
    assert_eq!(reencrypt(&kit.params, &checked), Err(ReencryptError::Scope));

    // Parameters of the same size, and too few of them: everything that uses any compares them.
    let (capsule, _) = kit.seal(&own);
    let (checked, part) = (kit.checked(&capsule, &own), kit.reencrypt(&held, &capsule, &own));
    for params in [&foreign, &small] {
        assert_eq!(check(params, &kit.generation), Err(GrantError::Scope));
        assert_eq!(reencrypt(params, &checked), Err(ReencryptError::Scope));
        let opened = Kapre::open_reencrypted(params, &held.user, &capsule, std::slice::from_ref(&part), &own);
        assert_eq!(opened.unwrap_err(), OpenError);
        let scope = set("1").into();
        let made = Kapre::delegate(params, &kit.secret, &kit.signer, &user.key, &scope, &validity(), &mut rng(1));
        assert_eq!(made.unwrap_err(), DelegateError::Scope);
    }
    // The owner's key with a stranger's signature, and sets that are none of the grid's.
    let make = |signer, scope: ClassSet| {
        let made =
            Kapre::delegate(&kit.params, &kit.secret, signer, &user.key, &scope.into(), &validity(), &mut rng(1));
        made.unwrap_err()
    };
    assert_eq!(make(&other.signer, set("1")), DelegateError::Signer);
    assert_eq!([make(&kit.signer, set("")), make(&kit.signer, set("1-4"))], [DelegateError::Scope; 2]);
    // Nor does an owner who signs such a set by hand get it past the server.
    let wide = [3u32.to_be_bytes(), 4u32.to_be_bytes()].concat();
    let wide = owners(resigned(held.owner_grant(), SET + 8, &wide, &kit.signer));
    assert_eq!(verify(&kit, &wide).unwrap_err(), GrantError::Scope);
}

// Re-encryption keys --------------------------------------------------------------------------------------------------

#[test]
fn rekey_that_is_not_the_one_of_the_grant() {
    let kit = Kit::new(1, 2);
    let users = [Reader::new(2), Reader::new(5)];
    let (held, others) = (
        kit.grant(&users[0], "1-2"),
        [kit.grant(&users[0], "1-2"), kit.grant(&users[1], "1-2"), kit.grant(&users[0], "1")],
    );
    let refused = |rekey: &ReKey| {
        let result = Kapre::verify_rekey(&kit.params, &kit.generation, &held.verified, rekey);
        assert_eq!(result.unwrap_err(), GrantError::ReKey);
    };
    let digest = held.verified.digest();
    for other in &others {
        refused(&other.rekey);
        refused(&rekey_of(&digest, &other.rk()));
        // The right point under another's name: the server would file it with the wrong grant.
        refused(&rekey_of(&other.verified.digest(), &held.rk()));
    }
    // Unmasked, masked for other sets, with another mask.
    let mask = mul_q(held.m()).to_affine();
    for classes in ["1", "2", "1-3", "0-3", "0,3"] {
        refused(&rekey_of(&digest, &plus2(&kit.key_point(&set(classes)), &mask)));
    }
    let key = kit.key_point(&set("1-2"));
    for point in [key, mask, plus2(&held.rk(), &G2Affine::generator()), held.rk().neg(), minus2(&key, &mask)] {
        refused(&rekey_of(&digest, &point));
    }
    assert!(Kapre::verify_rekey(&kit.params, &kit.generation, &held.verified, &rekey_of(&digest, &held.rk())).is_ok());
}

#[test]
fn answer_of_one_grant_opened_with_another() {
    let kit = Kit::new(1, 2);
    let users = [Reader::new(2), Reader::new(5)];
    let held = [
        kit.grant(&users[0], "1-2"),
        kit.grant(&users[0], "1-2"),
        kit.grant(&users[1], "1-2"),
        kit.grant(&users[0], "1"),
    ];
    let ctx = kit.ctx(1, 7);
    let (capsule, shared) = kit.seal(&ctx);
    for (i, by) in held.iter().enumerate() {
        let part = kit.reencrypt(by, &capsule, &ctx);
        for (j, with) in held.iter().enumerate() {
            let expected = (i == j).then_some(shared.hazmat_bytes());
            assert_eq!(kit.read(with, &capsule, &part, &ctx).as_ref(), expected, "{i} {j}");
        }
    }
}

// Delegatees' keys ----------------------------------------------------------------------------------------------------

#[test]
fn key_that_is_not_the_delegatees_own() {
    let kit = Kit::new(1, 2);
    let (user, eve) = (Reader::new(2), party(66));
    // The server's key under the delegatee's name.
    let swapped = Signed::new(&eve, Reader::new(90).public.unverified().clone());
    for signed in [&swapped, &patched(&swapped, 4, user.signer.verifying_key().as_bytes())] {
        let checked = Kapre::verify_user(&kit.params, signed, &user.signer.id());
        assert_eq!(checked.unwrap_err(), KeyError::Signature);
    }
    // Whoever signs another's key as its own gives its grants away, and to who has the key they say whose they are.
    let public = Signed::new(&eve, user.public.unverified().clone());
    let key = Kapre::verify_user(&kit.params, &public, &eve.id()).unwrap();
    assert_eq!(key.user(), eve.id());
    let (grant, _) =
        Kapre::delegate(&kit.params, &kit.secret, &kit.signer, &key, &set("1").into(), &validity(), &mut rng(1))
            .unwrap();
    let verified = verify(&kit, &grant).unwrap();
    assert_eq!(Kapre::accept_grant(&kit.params, &user.secret, &verified).unwrap_err(), OpenError);
}

/// To a point of small order everybody has the shared secret.
#[test]
fn nothing_is_sealed_to_a_point_of_small_order() {
    let kit = Kit::new(1, 2);
    let user = Reader::new(2);
    let mut one = [0; 32];
    one[0] = 1;
    for point in [[0; 32], one] {
        let public = resigned(&user.public, 5, &point, &user.signer);
        let Ok(key) = Kapre::verify_user(&kit.params, &public, &user.signer.id()) else { continue };
        let scope = set("1").into();
        let made = Kapre::delegate(&kit.params, &kit.secret, &kit.signer, &key, &scope, &validity(), &mut rng(1));
        assert_eq!(made.unwrap_err(), DelegateError::User);
    }
}

// Generators ----------------------------------------------------------------------------------------------------------

#[test]
fn generator_that_fails_at_any_draw() {
    let kit = Kit::new(1, 2);
    let user = Reader::new(2);
    let held = kit.grant(&user, "1");
    let ctx = kit.ctx(1, 7);
    let checked = kit.checked(&kit.seal(&ctx).0, &ctx);
    let scope = set("1").into();
    for kem in [HpkeKem::X25519, HpkeKem::XWing] {
        fails_until(1, |rng| UserSecret::generate(kem, &user.signer, rng).map_err(|_| true));
    }
    fails_until(1, |rng| Kapre::user_keygen(&kit.params, &user.signer, rng).map_err(|_| true));
    // Name, x, and the seed of HPKE.
    fails_until(3, |rng| {
        Kapre::delegate(&kit.params, &kit.secret, &kit.signer, &user.key, &scope, &validity(), rng)
            .map_err(|e| e == DelegateError::Rng)
    });
    fails_until(1, |rng| {
        Kapre::reencrypt(&kit.params, &held.server, &checked, &party(90), NOW, rng)
            .map_err(|e| e == ReencryptError::Rng)
    });
}

/// x is a hash of fresh bytes, the owner's secret and the transcript; m is one of x and the transcript.
#[test]
fn mask_is_derived_as_documented() {
    let kit = Kit::new(1, 2);
    let (user, owner, dead) = (Reader::new(2), party(1), &mut TestRng::constant(7));
    let (grant, [rekey]) =
        Kapre::delegate(&kit.params, &kit.secret, &owner, &user.key, &set("1-2").into(), &validity(), dead).unwrap();
    let held = Held::new(&kit, &user, &grant, &rekey);
    let statement = held.owner_grant().unverified().to_bytes();
    let transcript = open_ended("sesphr v1 kapre terms", &statement[4..MASK]);
    let hedge = hash::kdf("sesphr v1 hedge key", &[1; 32], &[]);
    let drawn = hash::wide("sesphr v1 kapre x", &[&[7; 32], &hedge[..], &1u64.to_be_bytes(), transcript.as_bytes()]);
    let m = |transcript: &Digest| hash::scalar("sesphr v1 kapre mask", &[&drawn[..32], transcript.as_bytes()]);
    assert_eq!(m(&transcript).to_bytes(), held.m().to_bytes());
    // With this x, each bit of the transcript gives another m.
    for at in 4..MASK {
        let mut other = statement[4..MASK].to_vec();
        other[at - 4] ^= 1;
        assert_ne!(m(&open_ended("sesphr v1 kapre terms", &other)).to_bytes(), held.m().to_bytes());
    }
    assert!(held.rekey.to_secret_bytes().ends_with(&held.rk().to_bytes()));
}
