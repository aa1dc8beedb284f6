//! Renewal, clocks that differ, restarts, and generators that fail.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::story::ids;
use crate::common::*;
use sesphr::context::{Partition, Validity};
use sesphr::pre::{GrantError, GrantId};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const INSURANCE: Partition = Partition::INSURANCE;
const PRESCRIPTION: Partition = Partition::PRESCRIPTION;

on_every_scheme! {
    members_are_renewed_in_time,
    a_policy_change_applies_to_who_joins_later,
    a_clock_that_ran_ahead_does_not_keep_the_owner_from_revoking,
    clocks_may_differ_by_some_minutes,
    a_restarted_owner_goes_on,
    when_the_generator_fails_nothing_changes,
}

fn members_are_renewed_in_time<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Researcher, at(0), at(1));
    w.join(&carol, Role::Insurer, at(0), at(1000));
    let sealed = w.write(MEDICAL, 1, at(1001));
    let kept = ids(&w, &carol);
    // Certificates and keys end at YEAR: the grants of nobody can last longer.
    let none = w.owner.grant_ending(at(YEAR), at(2000), &mut w.rng).unwrap();
    assert!(none.delegations.is_empty() && none.live.removed().is_empty());
    let cert = w.owner.certify(bob.id(), Role::Researcher, Validity::new(at(0), at(9 * YEAR)).unwrap());
    let update = w.owner.renew(&bob.bundle(2, at(9 * YEAR)), &cert, at(2000), &mut w.rng).unwrap();
    w.send(&update, at(2000));
    let old = ids(&w, &bob);
    // Carol's end before bob's.
    let update = w.owner.grant_ending(at(YEAR + 1), at(YEAR - 10), &mut w.rng).unwrap();
    w.send(&update, at(YEAR - 10));
    assert_eq!((ids(&w, &bob), ids(&w, &carol) == kept), (old.clone(), false));
    let update = w.owner.grant_ending(at(YEAR + 2001), at(YEAR - 9), &mut w.rng).unwrap();
    w.send(&update, at(YEAR - 9));
    assert_ne!(ids(&w, &bob), old);
    assert!(w.reads(&mut bob, &sealed, at(YEAR + 3000)));
}

fn a_policy_change_applies_to_who_joins_later<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, mut carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Insurer, at(1), at(1));
    w.owner.policy_mut().set_access(Role::Insurer, [MEDICAL, Partition::new("dental").unwrap()]);
    w.join(&carol, Role::Insurer, at(2), at(2));
    let (insurance, medical) = (w.write(INSURANCE, 1, at(3)), w.write(MEDICAL, 1, at(3)));
    assert_eq!([&insurance, &medical].map(|sealed| w.reads(&mut bob, sealed, at(4))), [true, false]);
    assert_eq!([&insurance, &medical].map(|sealed| w.reads(&mut carol, sealed, at(4))), [false, true]);
}

fn a_clock_that_ran_ahead_does_not_keep_the_owner_from_revoking<S: Tested>() {
    let mut w = World::<S>::new();
    let (bob, mut carol) = (user::<S>(10), user::<S>(11));
    let old = w.write(MEDICAL, 1, at(1));
    // The phone believes that it is half a year later.
    let update = w.try_join(&bob, Role::Researcher, at(1), at(YEAR / 2)).unwrap();
    w.cloud.publish(&w.owner.id(), &update.directory, at(YEAR / 2)).unwrap();
    let written = w.write(MEDICAL, 2, at(YEAR / 2));
    let update = w.owner.depart(&bob.id(), Level::Epochs, at(10), &mut w.rng).unwrap();
    assert_eq!(update.live.removed().len(), 1);
    w.send(&update, at(10));
    // The epoch that was begun then counts as begun too early rather than too late: no history by date.
    w.join(&carol, Role::Researcher, at(9), at(20));
    assert_eq!([&old, &written].map(|sealed| w.reads(&mut carol, sealed, at(21))), [false, false]);
}

fn clocks_may_differ_by_some_minutes<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    let update = w.try_join(&bob, Role::Researcher, at(1000), at(1000)).unwrap();
    let early = Owner::<S>::EARLY;
    // Server, cloud and reader are behind.
    w.send(&update, at(1000 - early));
    let sealed = w.write(MEDICAL, 1, at(1000 - early));
    assert!(w.reads(&mut bob, &sealed, at(1000 - early)));
    let late = at(999 - early);
    let refused = w.server.accept(&w.owner.id(), &update.delegations[0], late);
    // Known already, but looked at again first.
    assert_eq!(refused, Err(ServerError::Grant(GrantError::NotYetValid)));
    let refused = w.cloud.publish(&w.owner.id(), &update.directory, late);
    assert_eq!(refused, Err(CloudError::Directory(DirectoryError::Time)));
}

fn a_restarted_owner_goes_on<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, mut carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Doctor, at(1), at(1));
    w.join(&carol, Role::Doctor, at(1), at(2));
    let old = w.write(MEDICAL, 1, at(3));
    let stale = w.owner.membership();
    let lost = w.owner.depart(&bob.id(), Level::Epochs, at(4), &mut w.rng).unwrap();
    w.cloud.publish(&w.owner.id(), &lost.directory, at(4)).unwrap();
    let kept = w.owner.membership();
    let seen = w.directory(at(4)).version();
    let import = |root, state, seen| Owner::<S>::import(S::params(), World::<S>::root(root), state, seen);
    assert_eq!(import(1, &stale, seen).unwrap_err(), OwnerError::Rollback);
    assert_eq!(import(2, &kept, seen).unwrap_err(), OwnerError::Signature);
    w.owner = import(1, &kept, seen).unwrap();
    assert_eq!(w.owner.membership(), kept);
    // The head never left the old device.
    assert!(w.reads(&mut bob, &old, at(5)));
    w.catch_up(at(5));
    assert_eq!(w.read(&mut bob, &old, at(5)), DENIED);
    let again = w.owner.grant_again(&carol.id(), at(6), &mut w.rng).unwrap();
    w.send(&again, at(6));
    let new = w.write(MEDICAL, 2, at(7));
    assert_eq!([&old, &new].map(|sealed| w.reads(&mut carol, sealed, at(8))), [true, true]);
}

fn when_the_generator_fails_nothing_changes<S: Tested>() {
    let mut w = World::<S>::new();
    let (bob, carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Pharmacist, at(1), at(1));
    w.join(&user(12), Role::Pharmacist, at(1), at(1));
    let cert = w.cert(&carol, Role::Pharmacist);
    let (id, newer) = (bob.id(), User::<S>::new(S::params(), party(10), &mut rng(77)).unwrap());
    let of_bob = w.cert(&bob, Role::Pharmacist);
    type Operation<'a, S> = Box<dyn Fn(&mut Owner<S>, &mut FailAfter) -> Result<(), OwnerError> + 'a>;
    let mut operations: Vec<Operation<'_, S>> = vec![
        Box::new(|o, r| o.publish(at(2), r).map(drop)),
        Box::new(|o, r| o.set_author(id, Author::Active, at(2), r).map(drop)),
        Box::new(|o, r| o.remove_author(&id, at(2), r).map(drop)),
        Box::new(|o, r| o.join(&carol.bundle(1, at(YEAR)), &cert, at(0), at(2), r).map(drop)),
        Box::new(|o, r| o.renew(&newer.bundle(2, at(YEAR)), &of_bob, at(2), r).map(drop)),
        Box::new(|o, r| o.grant_again(&id, at(2), r).map(drop)),
        Box::new(|o, r| o.grant_history(&id, PRESCRIPTION, 0..=1, at(2), r).map(drop)),
        Box::new(|o, r| o.allow(&id, INSURANCE, at(2), r).map(drop)),
        Box::new(|o, r| o.disallow(&id, PRESCRIPTION, Level::Epochs, at(2), r).map(drop)),
        Box::new(|o, r| o.depart(&id, Level::Epochs, at(2), r).map(drop)),
        Box::new(|o, r| o.suspend(&id, at(2), r).map(drop)),
        Box::new(|o, r| o.grant_ending(at(2 * YEAR), at(2), r).map(drop)),
        Box::new(|o, r| o.bar(GrantId::from_array([1; 16]), at(9), at(2), r).map(drop)),
    ];
    if !S::FIXED {
        operations.push(Box::new(|o, r| o.add_partition(Partition::new("dental").unwrap(), at(2), r).map(drop)));
    }
    let before = w.owner.membership();
    for (i, operation) in operations.iter().enumerate() {
        let mut draws = 0;
        while let Err(error) = operation(&mut w.owner, &mut FailAfter::new(draws)) {
            assert_eq!(error, OwnerError::Rng, "operation {i} at draw {draws}");
            assert_eq!(w.owner.membership(), before, "operation {i} at draw {draws}");
            draws += 1;
        }
        // Keys and grants are drawn, or grants alone.
        let grants = (3..=9).contains(&i) || i == 11;
        assert_eq!(draws > 0, grants || !S::DRAWLESS, "operation {i}");
        w.owner = w.reopen(&before);
    }
    let sealed = w.write(MEDICAL, 1, at(3));
    let request = bob.request(w.server.id(), sealed.header(), at(3), &mut FailAfter::new(0));
    assert_eq!(request.unwrap_err(), RequestFailure::Rng);
    assert!(User::<S>::new(S::params(), party(3), &mut FailAfter::new(0)).is_err());
}
