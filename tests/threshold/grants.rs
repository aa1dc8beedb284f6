//! Attacks on the owner's grants of `Threshold`.

use crate::common::kapre::{patched, resigned};
use crate::common::threshold::*;
use crate::common::{NOW, TestRng, medical, party, rng, validity};
use sesphr::context::{Partition, Period, Timestamp, Validity};
use sesphr::encoding::{Encoding, SecretEncoding};
use sesphr::error::OpenError;
use sesphr::hazmat::hash;
use sesphr::hazmat::ristretto::Element;
use sesphr::identity::Signed;
use sesphr::pre::threshold::*;
use sesphr::pre::{DelegateError, GrantError, GrantId, GrantTerms, Pre};

fn terms(servers: Servers) -> Terms {
    Terms { validity: validity(), servers }
}

#[test]
fn grant_signed_by_someone_else_or_under_another_key() {
    let s = Scene::new(2, 3);
    for eve in [&s.user.signer, &party(90), &party(101)] {
        let signed = Signed::new(eve, s.held.signed.unverified().clone());
        let named = patched(&signed, 4, s.owner.signer.verifying_key().as_bytes());
        for signed in [&signed, &named] {
            let checked = Threshold::verify_grant(&(), &s.owner.key, signed, NOW);
            assert_eq!(checked.unwrap_err(), GrantError::Signature);
        }
        let terms = terms(committee(2, 1..=3));
        let made = Threshold::delegate(&(), &s.owner.secret, eve, &s.user.key, &(), &terms, &mut rng(1));
        assert_eq!(made.unwrap_err(), DelegateError::Signer);
    }
    let check = |owner: &Owner| Threshold::verify_grant(&(), &owner.key, &s.held.signed, NOW).map(|_| ());
    assert_eq!(check(&Owner::new(1, medical(4))), Err(GrantError::WrongKey));
    assert_eq!(check(&Owner::new(1, Period { partition: Partition::PERSONAL, epoch: 3 })), Err(GrantError::WrongKey));
    assert_eq!(check(&Owner::new(5, medical(3))), Err(GrantError::Signature));
}

/// Also with the right d in reach: the grant names one user and one of its keys.
#[test]
fn grant_accepted_by_someone_else() {
    let s = Scene::new(2, 3);
    let accept = |secret: &UserSecret, grant: &VerifiedGrant| Threshold::accept_grant(&(), secret, grant).map(|_| ());
    assert_eq!(accept(&s.user.secret, &s.held.grant), Ok(()));
    assert_eq!(accept(&Delegatee::new(6).secret, &s.held.grant), Err(OpenError));
    // The same party's next key.
    let (next, public) = Threshold::user_keygen(&(), &s.user.signer, &mut rng(200)).unwrap();
    assert_eq!(accept(&next, &s.held.grant), Err(OpenError));
    // Eve shows the user's point as her own: the grant is then in her name, and the user's secret does not take it.
    let eve = party(66);
    let stolen = Signed::new(&eve, s.user.public.unverified().clone());
    let key = Threshold::verify_user(&(), &stolen, &eve.id()).unwrap();
    let terms = terms(committee(2, 1..=3));
    let delegate = |key| {
        let made = Threshold::delegate(&(), &s.owner.secret, &s.owner.signer, key, &(), &terms, &mut rng(1)).unwrap();
        Threshold::verify_grant(&(), &s.owner.key, &made.0, NOW).unwrap()
    };
    assert_eq!(accept(&s.user.secret, &delegate(&key)), Err(OpenError));
    // The control: a grant to the next key is for the next secret.
    let public = Threshold::verify_user(&(), &public, &s.user.signer.id()).unwrap();
    assert_eq!(accept(&next, &delegate(&public)), Ok(()));
    assert_eq!(accept(&s.user.secret, &delegate(&public)), Err(OpenError));
}

/// x' from a and the names; d from x'·bB and the names; F_0 = A/d. Each name makes another d.
#[test]
fn grant_is_derived_as_documented() {
    let s = Scene::new(2, 3);
    let statement = s.held.signed.unverified().to_bytes();
    let field = |at: usize, len: usize| &statement[at..at + len];
    let a = s.owner.a().to_bytes();
    let names = [field(ORIGIN, 32), field(USER, 32), field(POINT, 32), field(ID, 16)];
    let x = hashed("sesphr v1 threshold x", &[&[&a[..]], &names[..]].concat());
    assert_eq!(Element::base(&x).encode().as_bytes(), field(X, 32));
    let shared = point(field(POINT, 32)).mul(&x).encode();
    let owner = s.owner.point();
    let parts = [shared.as_bytes(), field(X, 32), owner.as_bytes(), names[2], names[0], names[1], names[3]];
    let d = hashed("sesphr v1 threshold d", &parts);
    assert_eq!(d.to_bytes(), s.user.factor(&s.owner, &s.held.signed).to_bytes());
    assert_eq!(s.held.commitment(0).mul(&d).encode(), owner);
    for at in 0..parts.len() {
        let mut other = parts;
        let changed: Vec<_> = parts[at].iter().map(|byte| byte ^ 1).collect();
        other[at] = &changed;
        assert_ne!(hashed("sesphr v1 threshold d", &other).to_bytes(), d.to_bytes(), "{at}");
    }
}

/// An owner who signs by hand what the library would not make: d, and with it the opening, belongs to each name in the grant.
#[test]
fn signed_fields_that_are_not_those_of_the_dealing() {
    let s = Scene::new(1, 2);
    let (ctx, capsule, key) = s.seal();
    let made = |at: usize, bytes: &[u8]| resigned(&s.held.signed, at, bytes, &s.owner.signer);
    let open = |signed: &Signed<Grant>| {
        let grant = Threshold::verify_grant(&(), &s.owner.key, signed, NOW).unwrap();
        let user = Threshold::accept_grant(&(), &s.user.secret, &grant).ok()?;
        let share = s.held.share(1);
        let fragment: Fragment = crate::common::scene::message(&[grant.digest().as_bytes(), &[1], &*share.to_bytes()]);
        let fragment = Threshold::verify_rekey(&(), &s.owner.key, &grant, &fragment).unwrap();
        let checked = Threshold::verify_capsule(&(), &s.owner.key, &capsule, &ctx).unwrap();
        let part = Threshold::reencrypt(&(), &fragment, &checked, &party(90), NOW, &mut rng(9)).unwrap();
        Threshold::open_reencrypted(&(), &user, &capsule, &[part], &ctx).ok().map(|key| bytes(&key))
    };
    assert_eq!(open(&s.held.signed), Some(key));
    // Round and validity are none of d's.
    assert_eq!(open(&made(ROUND, &[0, 0, 0, 9])), Some(key));
    assert_eq!(open(&made(ID, &[7; 16])), None);
    assert_eq!(open(&made(X, Element::base(&small(7)).encode().as_bytes())), None);
    assert_eq!(open(&made(USER, party(9).id().as_bytes())), None);
    assert_eq!(open(&made(POINT, Element::base(&small(7)).encode().as_bytes())), None);
}

/// F_0 is for the delegatee to check, and the others are for the servers.
#[test]
fn commitments_that_are_not_those_of_the_dealing() {
    let s = Scene::new(2, 3);
    for j in 0..2 {
        let other = shifted(&s.held.commitment(j), &Element::base(&small(1)));
        let at = SERVERS + 6 + 32 * 3 + 32 * j;
        let signed = resigned(&s.held.signed, at, other.as_bytes(), &s.owner.signer);
        let grant = Threshold::verify_grant(&(), &s.owner.key, &signed, NOW).unwrap();
        assert_eq!(Threshold::accept_grant(&(), &s.user.secret, &grant).is_ok(), j == 1);
        let share = s.held.share(1);
        let fragment: Fragment = crate::common::scene::message(&[grant.digest().as_bytes(), &[1], &*share.to_bytes()]);
        let verified = Threshold::verify_rekey(&(), &s.owner.key, &grant, &fragment);
        assert_eq!(verified.err(), Some(GrantError::ReKey));
    }
}

/// Revocation goes by name, and d by name as well: grants that differ must not share one even then.
#[test]
fn two_grants_have_two_names_although_generator_and_counter_repeat() {
    let s = Scene::new(2, 3);
    let second = Threshold::user_keygen(&(), &s.user.signer, &mut rng(200)).unwrap().1;
    let second = Threshold::verify_user(&(), &second, &s.user.signer.id()).unwrap();
    // Eve shows the user's point as her own.
    let eve = Signed::new(&party(66), s.user.public.unverified().clone());
    let eve = Threshold::verify_user(&(), &eve, &party(66).id()).unwrap();
    let id = |owner: &Owner, user: &VerifiedUser, from, to, servers: Servers| -> GrantId {
        let validity = Validity::new(Timestamp(from), Timestamp(to)).unwrap();
        let (signer, rng) = (party(1), &mut TestRng::constant(7));
        let terms = Terms { validity, servers };
        let made = Threshold::delegate(&(), &owner.secret, &signer, user, &(), &terms, rng).unwrap();
        made.0.unverified().id()
    };
    let servers = || committee(2, 1..=3);
    let first = id(&s.owner, &s.user.key, 10, 20, servers());
    assert_eq!(first, id(&s.owner, &s.user.key, 10, 20, servers()));
    let others = [
        id(&s.owner, &s.user.key, 11, 20, servers()),
        id(&s.owner, &s.user.key, 10, 21, servers()),
        id(&s.owner, &second, 10, 20, servers()),
        id(&s.owner, &Delegatee::new(6).key, 10, 20, servers()),
        id(&s.owner, &eve, 10, 20, servers()),
        id(&Owner::new(1, medical(4)), &s.user.key, 10, 20, servers()),
        id(&s.owner, &s.user.key, 10, 20, committee(3, 1..=3)),
        id(&s.owner, &s.user.key, 10, 20, committee(2, 1..=4)),
        id(&s.owner, &s.user.key, 10, 20, committee(2, [1, 3, 2])),
        id(&s.owner, &s.user.key, 10, 20, committee(2, 4..=6)),
    ];
    let all: std::collections::BTreeSet<_> = others.iter().chain([&first]).collect();
    assert_eq!(all.len(), others.len() + 1);
}

/// The polynomials of a dead generator and a repeated counter: apart by round, degree and servers. Two committees with one
/// polynomial would be one committee.
#[test]
fn two_dealings_have_two_polynomials_although_generator_and_counter_repeat() {
    let s = Scene::new(2, 3);
    let refresh = |grant: &VerifiedGrant, servers: Servers| {
        let made = Threshold::refresh(&s.owner.secret, &party(1), grant, &servers, &mut TestRng::constant(7)).unwrap();
        Held::new(&s.owner, &s.user, made)
    };
    let first = refresh(&s.held.grant, committee(4, 1..=5));
    let dealings = [
        refresh(&s.held.grant, committee(4, 1..=6)),
        refresh(&s.held.grant, committee(4, 6..=10)),
        refresh(&s.held.grant, committee(4, [2, 1, 3, 4, 5])),
        refresh(&s.held.grant, committee(5, 1..=5)),
        refresh(&first.grant, committee(4, 1..=5)),
    ];
    let coefficients = |held: &Held| (1..4).map(|j| *held.commitment(j).as_bytes()).collect::<Vec<_>>();
    let all: Vec<_> = dealings.iter().chain([&first]).flat_map(coefficients).collect();
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    assert!(dealings.iter().all(|held| held.commitment(0) == first.commitment(0)));
    // The control: what is the same is the same.
    assert_eq!(refresh(&s.held.grant, committee(4, 1..=5)).signed, first.signed);
}

/// Coefficients are hashes of fresh bytes, the owner's secret and what they are for.
#[test]
fn polynomial_is_hedged() {
    let s = Scene::new(3, 3);
    let dead = &mut TestRng::constant(7);
    let terms = terms(committee(3, 1..=3));
    let (grant, fragments) =
        Threshold::delegate(&(), &s.owner.secret, &party(1), &s.user.key, &(), &terms, dead).unwrap();
    let (id, hedge) = (grant.unverified().id(), hash::kdf("sesphr v1 hedge key", &[1; 32], &[]));
    let (servers, d) = (terms.servers.to_bytes(), s.user.factor(&s.owner, &grant));
    // The name was the first draw.
    let coefficient = |j: u8| {
        let count = u64::from(j).to_be_bytes();
        let parts: [&[u8]; 7] = [&[7; 32], &hedge[..], &count, id.as_bytes(), &[0; 4], &[j], &servers];
        hashed("sesphr v1 threshold coefficient", &parts)
    };
    let f = |k: u8| {
        let terms = [&s.owner.a() * &d.invert(), coefficient(1), coefficient(2)];
        terms.iter().rev().fold(small(0), |sum, c| &(&sum * &small(k)) + c)
    };
    for fragment in &fragments {
        let share = scalar(&fragment.to_secret_bytes()[37..]);
        assert_eq!(share.to_bytes(), f(fragment.index()).to_bytes());
    }
}
