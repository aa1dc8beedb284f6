//! `Threshold` with broken generators, and what cannot be defended: there the test is that the loss is the documented one and
//! no greater.

use crate::common::threshold::*;
use crate::common::{NOW, TestRng, fails_until, medical, party, validity};
use sesphr::context::{Context, Partition, Period};
use sesphr::encoding::{Encoding, SecretEncoding};
use sesphr::hazmat::hash;
use sesphr::hazmat::ristretto::{Element, Scalar};
use sesphr::identity::SigningKey;
use sesphr::kem::EncapsulateError;
use sesphr::pre::threshold::*;
use sesphr::pre::{DelegateError, Pre, ReencryptError};

// Collusion -----------------------------------------------------------------------------------------------------------

/// a opens everything under the label, granted or not, now and later, and nothing else of the owner's.
#[test]
fn t_servers_and_the_delegatee_have_one_label_and_no_other() {
    let s = Scene::new(2, 4);
    let d = s.user.factor(&s.owner, &s.held.signed);
    let a = &d * &interpolate(&[(2, s.held.share(2)), (4, s.held.share(4))]);
    assert_eq!(a.to_bytes(), s.owner.a().to_bytes());
    let steal = |owner: &Owner, author: &SigningKey, record| {
        let ctx = owner.ctx(author, record, 1, b"never asked for");
        let (capsule, key) = owner.seal(&ctx, author);
        unlock(&c1_of(&capsule).mul(&a), &capsule, &ctx) == Some(key)
    };
    for author in [&s.author, &party(44)] {
        assert!((0..5).all(|record| steal(&s.owner, author, record)));
    }
    for epoch in [0, 2, 4] {
        assert!(!steal(&Owner::new(1, medical(epoch)), &s.author, 7));
    }
    for partition in [Partition::PERSONAL, Partition::INSURANCE, Partition::PRESCRIPTION] {
        assert!(!steal(&Owner::new(1, Period { partition, epoch: 3 }), &s.author, 7));
    }
    assert!(!steal(&Owner::new(5, medical(3)), &s.author, 7));
}

/// All that t − 1 servers and the delegatee have: shares, images, F_j, d, E_k of themselves. None of it is ρA.
#[test]
fn fewer_than_t_servers_and_the_delegatee_open_nothing() {
    for (t, n) in [(2, 2), (2, 3), (3, 4), (4, 4)] {
        let s = Scene::new(t, n);
        let (ctx, capsule, key) = s.seal();
        let (c1, d) = (c1_of(&capsule), s.user.factor(&s.owner, &s.held.signed));
        let corrupt: Vec<u8> = (1..t).collect();
        let shares: Vec<_> = corrupt.iter().map(|k| (*k, s.held.share(*k))).collect();
        let mut tried: Vec<Element> = Vec::new();
        // Interpolation with a share too few, and with a made-up one for the next server.
        let zero = interpolate(&shares);
        assert_ne!((&d * &zero).to_bytes(), s.owner.a().to_bytes());
        tried.push(c1.mul(&(&d * &zero)));
        for guess in [small(0), small(1), d.clone(), shares[0].1.clone()] {
            let more: Vec<_> = shares.iter().cloned().chain([(t, guess)]).collect();
            tried.push(c1.mul(&(&d * &interpolate(&more))));
        }
        // The commitments in place of what is missing: f(t)B instead of f(t)c1, F_0 instead of f(0)c1.
        let among: Vec<u8> = (1..=t).collect();
        let known =
            shares.iter().map(|(k, share)| c1.mul(&(share * &lambda(*k, &among)))).reduce(|a, b| a + b).unwrap();
        let image = Element::base(&s.held.share(t)).encode();
        tried.push((known + image.mul(&lambda(t, &among))).encode().mul(&d));
        tried.extend((0..usize::from(t)).map(|j| s.held.commitment(j).mul(&d)));
        tried.push(s.held.commitment(0).element());
        tried.push(s.owner.point().element());
        tried.push(c1.mul(&d));
        tried.push(c1.element());
        for (k, share) in &shares {
            tried.push(c1.mul(share));
            tried.push(c1.mul(&(share * &d)));
            tried.push(c1.mul(&(&(share * &d) * &lambda(*k, &among))));
        }
        assert!(tried.iter().all(|shared| unlock(shared, &capsule, &ctx).is_none()), "{t} of {n}");
        // One answer more, of one capsule, opens that one and no other.
        let parts = s.parts(&capsule, &ctx);
        let missing = point(&parts[usize::from(t) - 1].to_bytes()[5..]).mul(&lambda(t, &among));
        let shared = (known + missing).encode().mul(&d);
        assert_eq!(unlock(&shared, &capsule, &ctx), Some(key));
        let (_, next, _) = s.seal();
        assert_eq!(unlock(&shared, &next, &ctx), None);
        let known = shares.iter().map(|(k, share)| c1_of(&next).mul(&(share * &lambda(*k, &among))));
        let mixed = (known.reduce(|a, b| a + b).unwrap() + missing).encode().mul(&d);
        assert_eq!(unlock(&mixed, &next, &ctx), None);
    }
}

/// All n servers have a/d, and so ρA/d. Without d that is a point like any other.
#[test]
fn all_servers_without_the_delegatee_open_nothing() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let c1 = c1_of(&capsule);
    let quotient = interpolate(&[1, 2, 3].map(|k| (k, s.held.share(k))));
    assert_eq!(Element::base(&quotient).encode(), s.held.commitment(0));
    // Under another delegatee's name, and under another grant of the same one, d is another.
    let (eve, again) = (Delegatee::new(6), s.owner.delegate(&s.user, &committee(2, 1..=3)));
    let eves = s.owner.delegate(&eve, &committee(2, 1..=3));
    let others = [eve.factor(&s.owner, &eves.signed), s.user.factor(&s.owner, &again.signed), s.user.b(), eve.b()];
    let statement = s.held.signed.unverified().to_bytes();
    // What hashing public values in place of x'·bB gives.
    let guesses = [X, POINT].map(|at| {
        let point = &statement[at..at + 32];
        let owner = s.owner.point();
        let parts: [&[u8]; 7] = [
            point,
            &statement[X..X + 32],
            owner.as_bytes(),
            &statement[POINT..POINT + 32],
            &statement[ORIGIN..ORIGIN + 32],
            &statement[USER..USER + 32],
            &statement[ID..ID + 16],
        ];
        hashed("sesphr v1 threshold d", &parts)
    });
    for d in others.iter().chain(&guesses).chain([&small(1), &quotient, &quotient.invert()]) {
        assert_eq!(unlock(&c1.mul(&(&quotient * d)), &capsule, &ctx), None);
    }
    let d = s.user.factor(&s.owner, &s.held.signed);
    assert_eq!(unlock(&c1.mul(&(&quotient * &d)), &capsule, &ctx), Some(key));
}

/// The tag is the author's to choose. An author who is in league with a server makes a capsule that opens for the delegatee
/// through that server, and neither for the owner nor through others. Who looks at the proofs first is not deceived.
#[test]
fn author_and_server_open_a_capsule_that_is_not_the_owners() {
    let s = Scene::new(2, 3);
    let ctx = s.ctx();
    let (a, rho, other) = (s.owner.point(), Scalar::from_u64(4711), Scalar::from_u64(31337));
    let capsule = handmade(&a, &rho, &a.mul(&other), &ctx);
    assert!(Threshold::verify_capsule(&(), &s.owner.key, &capsule, &ctx).is_ok());
    let honest = s.parts(&capsule, &ctx);
    // E_1 + (ρ' − ρ)/λ_1·F_0.
    let by = &(&other - &rho) * &lambda(1, &[1, 2]).invert();
    let e = shifted(&point(&honest[0].to_bytes()[5..]), &s.held.commitment(0).mul(&by));
    let bent = crate::common::kapre::patched(&honest[0], 5, e.as_bytes());
    let parts = [bent, honest[1].clone()];
    assert_eq!(s.held.open(&capsule, &parts, &ctx), Some(derive(&a.mul(&other), &c1_of(&capsule), &ctx).0));
    assert_eq!(s.owner.open(&capsule, &ctx), None);
    assert_eq!(s.held.open(&capsule, &honest, &ctx), None);
    assert!(s.held.culprits(&capsule, &honest, &ctx).is_empty());
    let checked: Vec<_> = parts.iter().chain(&honest).filter_map(|part| s.held.check(&capsule, part, &ctx)).collect();
    assert!(Threshold::open_verified(&s.held.user, &capsule, &checked, &ctx).is_err());
    assert_eq!(s.held.culprits(&capsule, &parts, &ctx), [1]);
}

// Broken generators ---------------------------------------------------------------------------------------------------

#[test]
fn generator_that_fails_at_any_draw() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let checked = Threshold::verify_capsule(&(), &s.owner.key, &capsule, &ctx).unwrap();
    let label = s.owner.tree.label(&medical(3)).unwrap();
    fails_until(0, |rng| Threshold::owner_keygen(&(), &s.owner.root, &s.owner.signer, &label, rng).map_err(|_| true));
    fails_until(1, |rng| Threshold::user_keygen(&(), &s.user.signer, rng).map_err(|_| true));
    fails_until(1, |rng| {
        Threshold::encapsulate(&(), &s.owner.key, &ctx, &s.author, rng).map_err(|e| e == EncapsulateError::Rng)
    });
    // The name, and every coefficient but the first.
    for t in 1..=3 {
        let terms = Terms { validity: validity(), servers: committee(t, 1..=3) };
        fails_until(usize::from(t), |rng| {
            let made = Threshold::delegate(&(), &s.owner.secret, &s.owner.signer, &s.user.key, &(), &terms, rng);
            made.map_err(|e| e == DelegateError::Rng)
        });
    }
    fails_until(1, |rng| {
        let made = Threshold::reencrypt(&(), &s.held.verified[0], &checked, &party(101), NOW, rng);
        made.map_err(|e| e == ReencryptError::Rng)
    });
}

/// Zeros from the generator, and a party's secret beside them: everything works, and nothing is zero or known.
#[test]
fn generator_of_zeros() {
    let dead = &mut TestRng::constant(0);
    let owner = Owner::new(1, medical(3));
    let (secret, public) = Threshold::user_keygen(&(), &party(2), dead).unwrap();
    let key = Threshold::verify_user(&(), &public, &party(2).id()).unwrap();
    assert!(!bool::from(scalar(&secret.to_secret_bytes()[36..]).is_zero()));
    let terms = Terms { validity: validity(), servers: committee(2, 1..=3) };
    let made = Threshold::delegate(&(), &owner.secret, &owner.signer, &key, &(), &terms, dead).unwrap();
    let user = Delegatee { signer: party(2), secret, public, key };
    let held = Held::new(&owner, &user, made);
    let ctx = owner.ctx(&party(3), 7, 1, b"");
    let (capsule, key) = Threshold::encapsulate(&(), &owner.key, &ctx, &party(3), dead).unwrap();
    let parts = held.parts(&owner, &capsule, &ctx);
    assert_eq!(held.open(&capsule, &parts, &ctx), Some(bytes(&key)));
}

/// A generator that repeats, in two processes that run from one snapshot, makes the same thing twice or two things apart: no
/// two proofs share a nonce.
#[test]
fn generator_that_repeats_gives_no_two_challenges_under_one_nonce() {
    let s = Scene::new(2, 3);
    let other_grant = s.owner.delegate(&s.user, &committee(2, 1..=3));
    let newer = s.owner.refresh(&s.user, &s.held, &committee(2, 1..=3));
    let (ctx, capsule, _) = s.seal();
    let dead = || TestRng::constant(7);
    let answer = |fragment: &VerifiedFragment, capsule: &Capsule, ctx: &Context<'_>, server: &SigningKey| {
        let checked = Threshold::verify_capsule(&(), &s.owner.key, capsule, ctx).unwrap();
        Threshold::reencrypt(&(), fragment, &checked, server, NOW, &mut dead()).unwrap().to_bytes()
    };
    let fresh = |fragment, capsule: &Capsule, ctx: &Context<'_>| answer(fragment, capsule, ctx, &party(90));
    let first = fresh(&s.held.verified[0], &capsule, &ctx);
    assert_eq!(first, fresh(&s.held.verified[0], &capsule, &ctx));
    let (_, second, _) = s.seal();
    let other = s.owner.ctx(&s.author, 8, 1, b"");
    // One ρ in two contexts: c1 is the same, the context is not.
    let (a, rho) = (s.owner.point(), Scalar::from_u64(4711));
    let hand = [&ctx, &other].map(|ctx| handmade(&a, &rho, &a.mul(&rho), ctx));
    let server = party(90);
    let answers = [
        first,
        fresh(&s.held.verified[1], &capsule, &ctx),
        fresh(&other_grant.verified[0], &capsule, &ctx),
        fresh(&newer.verified[0], &capsule, &ctx),
        fresh(&s.held.verified[0], &second, &ctx),
        fresh(&s.held.verified[0], &hand[0], &ctx),
        fresh(&s.held.verified[0], &hand[1], &other),
        answer(&s.held.verified[0], &capsule, &ctx, &party(91)),
        answer(&s.held.verified[0], &capsule, &ctx, &server),
        answer(&s.held.verified[0], &capsule, &ctx, &server),
    ];
    // The one before the last is the first again: a new object of the same seed.
    let commitments: std::collections::BTreeSet<_> = answers.iter().map(|part| part[69..101].to_vec()).collect();
    assert_eq!(commitments.len(), answers.len() - 1);

    // Capsules: c1 tells ρ, and the nonce follows from ρ and the context.
    let seal = |ctx: &Context<'_>, author: &SigningKey| {
        Threshold::encapsulate(&(), &s.owner.key, ctx, author, &mut dead()).unwrap().0.to_bytes()
    };
    assert_eq!(seal(&ctx, &party(3)), seal(&ctx, &party(3)));
    let author = party(3);
    let capsules = [seal(&ctx, &author), seal(&ctx, &author), seal(&other, &party(3)), seal(&s.ctx(), &author)];
    let points: std::collections::BTreeSet<_> = capsules.iter().map(|capsule| capsule[4..36].to_vec()).collect();
    assert_eq!(points.len(), capsules.len());
}

/// What a known nonce gives, and what it takes to know it.
#[test]
fn known_nonce_reveals_the_fragment() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, _) = s.seal();
    let checked = Threshold::verify_capsule(&(), &s.owner.key, &capsule, &ctx).unwrap();
    let mut dead = TestRng::constant(7);
    let part = Threshold::reencrypt(&(), &s.held.verified[0], &checked, &party(90), NOW, &mut dead).unwrap().to_bytes();
    let nonce = |seed: u8, share: &Scalar| {
        let (hedge, c1) = (hash::kdf("sesphr v1 hedge key", &[seed; 32], &[]), c1_of(&capsule));
        let (grant, digest) = (sesphr::pre::GrantTerms::digest(&s.held.grant), ctx.digest());
        let share = share.to_bytes();
        let parts: [&[u8]; 7] =
            [&[7; 32], &hedge[..], &[0; 8], &share[..], grant.as_bytes(), c1.as_bytes(), digest.as_bytes()];
        hashed("sesphr v1 threshold part nonce", &parts)
    };
    let reveal = |nonce: &Scalar| {
        let statement = Statement::of(&s.owner, &s.held, 1, &capsule, &ctx);
        let e = statement.challenge(&[point(&part[37..]), point(&part[69..])]);
        *(&(&scalar(&part[101..]) - nonce) * &e.invert()).to_bytes()
    };
    let share = s.held.share(1);
    assert_eq!(reveal(&nonce(90, &share)), *share.to_bytes());
    // Generator and server's secret together do not tell it: the fragment is in it.
    assert_ne!(reveal(&nonce(90, &s.held.share(2))), *share.to_bytes());
    assert_ne!(reveal(&nonce(91, &share)), *share.to_bytes());
}

/// ρ is a hash of fresh bytes, the author's secret and the context; the nonce one of ρ and the context.
#[test]
fn capsule_is_derived_as_documented() {
    let s = Scene::new(1, 1);
    let ctx = s.ctx();
    let made = Threshold::encapsulate(&(), &s.owner.key, &ctx, &party(3), &mut TestRng::constant(7)).unwrap().0;
    let (hedge, digest) = (hash::kdf("sesphr v1 hedge key", &[3; 32], &[]), ctx.digest());
    let rho = hashed("sesphr v1 threshold rho", &[&[7; 32], &hedge[..], &[0; 8], digest.as_bytes()]);
    let (capsule, secret) = (made.to_bytes(), rho.to_bytes());
    assert_eq!(Element::base(&rho).encode().as_bytes(), &capsule[4..36]);
    let nonce = hashed("sesphr v1 threshold capsule nonce", &[&secret[..], digest.as_bytes()]);
    let e = Scalar::from_half(&capsule[50..66].try_into().unwrap());
    assert_eq!((&nonce + &(&e * &rho)).to_bytes()[..], capsule[66..]);
}
