//! Refreshed grants of `Threshold`: fragments of two rounds never combine, and the delegatee has no part in it.

use crate::common::kapre::resigned;
use crate::common::threshold::*;
use crate::common::{NOW, TestRng, fails_until, medical, rng};
use sesphr::encoding::Encoding;
use sesphr::pre::threshold::*;
use sesphr::pre::{DelegateError, GrantTerms, Pre};

/// What stays, and what does not.
#[test]
fn refreshed_grant_is_the_same_grant_with_another_polynomial() {
    let s = Scene::new(2, 3);
    let newer = s.owner.refresh(&s.user, &s.held, &committee(2, 1..=3));
    let (old, new) = (s.held.grant.grant(), newer.grant.grant());
    assert_eq!((new.id(), new.round()), (old.id(), 1));
    assert_eq!((new.user(), new.origin(), new.validity()), (old.user(), old.origin(), old.validity()));
    let field = |held: &Held, at: usize| held.signed.unverified().to_bytes()[at..at + 32].to_vec();
    for at in [POINT, X] {
        assert_eq!(field(&newer, at), field(&s.held, at));
    }
    assert_eq!(newer.commitment(0), s.held.commitment(0));
    assert_ne!(newer.commitment(1), s.held.commitment(1));
    assert_ne!(newer.grant.digest(), s.held.grant.digest());
    assert_ne!(newer.grant.authority().1, s.held.grant.authority().1);
    let d = |held: &Held| s.user.factor(&s.owner, &held.signed).to_bytes();
    assert_eq!(d(&newer), d(&s.held));
    for k in 1..=3 {
        assert_ne!(newer.share(k).to_bytes(), s.held.share(k).to_bytes());
    }
    let third = s.owner.refresh(&s.user, &newer, &committee(2, 1..=3));
    assert_eq!(third.grant.grant().round(), 2);
    // Out of the owner's secret and the grant alone: the generator decides about the polynomial only.
    let again = Threshold::refresh(&s.owner.secret, &s.owner.signer, &s.held.grant, &committee(2, 1..=3), &mut rng(77));
    let again = Held::new(&s.owner, &s.user, again.unwrap());
    assert_eq!((field(&again, X), again.commitment(0)), (field(&newer, X), newer.commitment(0)));
    assert_ne!(again.commitment(1), newer.commitment(1));
}

/// Every choice of a round for each of three servers, opened with the grant of each round.
#[test]
fn rounds_do_not_combine() {
    let s = Scene::new(2, 3);
    let second = s.owner.refresh(&s.user, &s.held, &committee(2, 1..=3));
    let third = s.owner.refresh(&s.user, &second, &committee(2, 1..=3));
    let rounds = [&s.held, &second, &third];
    let (ctx, capsule, key) = s.seal();
    let parts = rounds.map(|held| held.parts(&s.owner, &capsule, &ctx));
    for choice in 0..64usize {
        // 3 stands for a server that does not answer.
        let picked: Vec<_> = (0..3).map(|k| choice >> (2 * k) & 3).collect();
        let some: Vec<_> = picked
            .iter()
            .enumerate()
            .filter(|(_, round)| **round < 3)
            .map(|(k, round)| parts[*round][k].clone())
            .collect();
        for (round, held) in rounds.iter().enumerate() {
            // What is tried first are the first two; after that those of the grant's own round.
            let first: Vec<_> = picked.iter().filter(|round| **round < 3).take(2).collect();
            let own = picked.iter().filter(|picked| **picked == round).count();
            let opens = first.len() == 2 && (first[0] == first[1] || own >= 2);
            assert_eq!(held.open(&capsule, &some, &ctx), opens.then_some(key), "{picked:?} in round {round}");
            let named: Vec<_> = (1..=3u8).filter(|k| ![round, 3].contains(&picked[usize::from(*k) - 1])).collect();
            assert_eq!(held.culprits(&capsule, &some, &ctx), named, "{picked:?} in round {round}");
        }
        // By hand, with d: one share of each of two rounds is on no line with a/d.
        let shares: Vec<_> = picked
            .iter()
            .zip(1..)
            .filter(|(round, _)| **round < 3)
            .map(|(round, k)| (*round, (k, rounds[*round].share(k))))
            .collect();
        for pair in shares.windows(2) {
            let a = &s.user.factor(&s.owner, &s.held.signed) * &interpolate(&[pair[0].1.clone(), pair[1].1.clone()]);
            assert_eq!(a.to_bytes() == s.owner.a().to_bytes(), pair[0].0 == pair[1].0);
        }
    }
}

/// Fewer than t of each of many rounds add up to nothing.
#[test]
fn one_server_of_each_of_many_rounds() {
    let s = Scene::new(2, 3);
    let mut rounds = vec![s.owner.refresh(&s.user, &s.held, &committee(2, 1..=3))];
    for _ in 0..5 {
        rounds.push(s.owner.refresh(&s.user, rounds.last().unwrap(), &committee(2, 1..=3)));
    }
    let (d, a) = (s.user.factor(&s.owner, &s.held.signed), s.owner.a().to_bytes());
    let stolen: Vec<_> = rounds.iter().zip([1, 2, 3].into_iter().cycle()).map(|(held, k)| (k, held.share(k))).collect();
    for (i, one) in stolen.iter().enumerate() {
        for two in stolen[i + 1..].iter().filter(|two| two.0 != one.0) {
            let sum = interpolate(&[one.clone(), two.clone()]);
            assert_ne!((&d * &sum).to_bytes(), a);
        }
    }
}

/// A fragment goes with the grant of its round, and with no other.
#[test]
fn fragment_of_another_round_is_refused() {
    let s = Scene::new(2, 3);
    let newer = s.owner.refresh(&s.user, &s.held, &committee(2, 1..=3));
    for (fragment, grant, fits) in [
        (&s.held.fragments[0], &s.held.grant, true),
        (&newer.fragments[0], &newer.grant, true),
        (&newer.fragments[0], &s.held.grant, false),
        (&s.held.fragments[0], &newer.grant, false),
    ] {
        assert_eq!(Threshold::verify_rekey(&(), &s.owner.key, grant, fragment).is_ok(), fits);
    }
}

/// Servers replaced, more of them, fewer of them, another threshold.
#[test]
fn other_servers_take_over() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    let old = s.parts(&capsule, &ctx);
    for servers in [
        committee(2, [1, 2, 4]),
        committee(2, [3, 2, 1]),
        committee(3, 4..=8),
        committee(1, [1]),
        committee(1, 1..=3),
        committee(4, 1..=4),
    ] {
        let newer = s.owner.refresh(&s.user, &s.held, &servers);
        assert_eq!(newer.grant.grant().servers(), &servers);
        let parts = newer.parts(&s.owner, &capsule, &ctx);
        let t = newer.threshold();
        assert_eq!(newer.open(&capsule, &parts[..t], &ctx), Some(key));
        assert_eq!(newer.open(&capsule, &parts[1..], &ctx), (parts.len() > t).then_some(key));
        assert_eq!(newer.open(&capsule, &parts[..t - 1], &ctx), None);
        // The old round's answers are none in the new one, whoever gave them. What opens is what was true anyway.
        for part in &old {
            assert!(!newer.accepts(&capsule, part, &ctx), "{servers:?}");
        }
        for part in &parts {
            assert!(!s.held.accepts(&capsule, part, &ctx), "{servers:?}");
        }
    }
}

/// The delegatee's grant of the old round has the right d, so right answers of the new round open with it where the number of
/// servers that it takes has not grown. To know who lied it takes the grant that the servers carry out.
#[test]
fn grant_of_the_old_round_in_the_delegatees_hands() {
    let s = Scene::new(2, 3);
    let (ctx, capsule, key) = s.seal();
    for (threshold, opens) in [(1, true), (2, true), (3, false)] {
        let newer = s.owner.refresh(&s.user, &s.held, &committee(threshold, 1..=3));
        let parts = newer.parts(&s.owner, &capsule, &ctx);
        assert_eq!(s.held.open(&capsule, &parts, &ctx), opens.then_some(key), "{threshold}");
        assert_eq!(s.held.culprits(&capsule, &parts, &ctx), [1, 2, 3]);
        assert!(newer.culprits(&capsule, &parts, &ctx).is_empty());
        assert_eq!(newer.open(&capsule, &parts, &ctx), Some(key));
    }
}

#[test]
fn refresh_with_the_wrong_key_or_signer() {
    let s = Scene::new(2, 3);
    let refresh = |owner: &Owner, signer| {
        Threshold::refresh(&owner.secret, signer, &s.held.grant, &committee(2, 1..=3), &mut rng(1)).map(|_| ())
    };
    assert_eq!(refresh(&s.owner, &s.owner.signer), Ok(()));
    assert_eq!(refresh(&s.owner, &s.user.signer), Err(DelegateError::Signer));
    // A grant under another of the owner's keys, and another owner's.
    let (later, other) = (Owner::new(1, medical(4)), Owner::new(5, medical(3)));
    assert_eq!(refresh(&later, &later.signer), Err(DelegateError::Scope));
    assert_eq!(refresh(&other, &other.signer), Err(DelegateError::Scope));
    assert_eq!(refresh(&other, &s.owner.signer), Err(DelegateError::Signer));
}

#[test]
fn rounds_end() {
    let s = Scene::new(1, 1);
    let at = |round: u32| {
        let signed = resigned(&s.held.signed, ROUND, &round.to_be_bytes(), &s.owner.signer);
        let grant = Threshold::verify_grant(&(), &s.owner.key, &signed, NOW).unwrap();
        let made = Threshold::refresh(&s.owner.secret, &s.owner.signer, &grant, &committee(1, [1]), &mut rng(1));
        made.map(|(grant, _)| grant.unverified().round())
    };
    assert_eq!(at(0), Ok(1));
    assert_eq!(at(u32::MAX - 1), Ok(u32::MAX));
    assert_eq!(at(u32::MAX), Err(DelegateError::Scope));
}

/// f(0) is a/d in every round, so a threshold of one has nothing to refresh: each server holds all of it, for ever.
#[test]
fn threshold_of_one_has_one_fragment() {
    let s = Scene::new(1, 2);
    let newer = s.owner.refresh(&s.user, &s.held, &committee(1, 3..=4));
    let later = s.owner.refresh(&s.user, &newer, &committee(2, 3..=4));
    let first = s.held.share(1).to_bytes();
    assert_eq!([s.held.share(2), newer.share(1), newer.share(2)].map(|share| *share.to_bytes()), [*first; 3]);
    let both = interpolate(&[(1, later.share(1)), (2, later.share(2))]);
    assert_eq!((both.to_bytes(), later.share(1).to_bytes() == first), (first, false));
}

#[test]
fn generator_that_fails_at_any_draw() {
    let s = Scene::new(2, 3);
    for t in 1..=4 {
        fails_until(usize::from(t) - 1, |rng| {
            let made = Threshold::refresh(&s.owner.secret, &s.owner.signer, &s.held.grant, &committee(t, 1..=4), rng);
            made.map_err(|e| e == DelegateError::Rng)
        });
    }
    let dead = Threshold::refresh(
        &s.owner.secret,
        &s.owner.signer,
        &s.held.grant,
        &committee(2, 1..=3),
        &mut TestRng::constant(0),
    );
    let held = Held::new(&s.owner, &s.user, dead.unwrap());
    assert_ne!(held.signed.to_bytes(), s.held.signed.to_bytes());
}
