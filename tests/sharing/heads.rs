//! Which grants are in force: what is not under the owner's highest head is dead, whatever is sent again.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::server::{ServerOf, not_live, with_reader};
use crate::common::*;
use sesphr::context::{Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::pre::{Entry, GrantError, LiveError, LiveUpdate};
use sesphr::sharing::log::Rule;
use sesphr::sharing::*;

on_every_scheme! {
    a_revoked_grant_stays_revoked,
    a_head_may_come_before_the_grants_that_it_no_longer_lists,
    heads_do_not_go_back_and_do_not_fork,
    without_a_head_in_force_nobody_is_served,
    what_the_owner_bars_is_not_taken,
}

fn a_revoked_grant_stays_revoked<S: Tested>() {
    let (mut w, mut bob, sealed, update) = with_reader::<S>();
    let owner = w.id();
    let before = w.owner.live().unwrap();
    let gone = w.depart(&bob, at(3));
    // Nor does the storage keep what carried it out.
    assert!(w.server.storage().keys(b"grant/").unwrap().is_empty());
    for seconds in [4, 5] {
        for delegation in &update.delegations {
            assert_eq!(w.server.accept(&owner, delegation, at(seconds)), not_live());
        }
        // Neither the head that listed it nor all that was live then.
        for old in [&update.live, &before] {
            assert_eq!(w.server.update(&owner, old, at(seconds)), Err(ServerError::Live(LiveError::Rollback)));
        }
        assert_eq!(w.read(&mut bob, &sealed, at(seconds)), DENIED);
        assert_eq!(w.rules(at(seconds)), [Rule::NoGrant]);
        w.restart();
        // Sent again it takes nothing away.
        w.server.update(&owner, &gone.live, at(seconds)).unwrap();
        w.restart();
    }
    // To the end of its time, and then it is refused for that.
    w.server.purge(at(YEAR + 2)).unwrap();
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(YEAR)), not_live());
    let expired = Err(ServerError::Grant(GrantError::Expired));
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(YEAR + 2)), expired);
    // Also by a clock that goes back, and after a restart.
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(4)), not_live());
    w.restart();
    assert_eq!(w.server.accept(&owner, &update.delegations[0], at(4)), not_live());
    assert_eq!(w.read(&mut bob, &sealed, at(4)), DENIED);
}

fn a_head_may_come_before_the_grants_that_it_no_longer_lists<S: Tested>() {
    let mut w = World::<S>::new();
    let bob = user::<S>(10);
    let update = w.try_join(&bob, Role::Researcher, at(1), at(1)).unwrap();
    // Nor is a grant taken before the head that lists it.
    assert_eq!(w.server.accept(&w.owner.id(), &update.delegations[0], at(1)), not_live());
    let gone = w.owner.depart(&bob.id(), Level::Epochs, at(2), &mut w.rng).unwrap();
    assert_eq!(w.server.update(&w.owner.id(), &gone.live, at(2)), Err(ServerError::Live(LiveError::Behind)));
    w.catch_up(at(2));
    for _ in 0..2 {
        assert_eq!(w.server.accept(&w.owner.id(), &update.delegations[0], at(3)), not_live());
        w.restart();
    }
}

fn heads_do_not_go_back_and_do_not_fork<S: Tested>() {
    let (mut w, mut bob, sealed, _) = with_reader::<S>();
    let owner = w.id();
    // Two devices with one state.
    let kept = w.owner.membership();
    let mut other = w.reopen(&kept);
    let gone = w.owner.depart(&bob.id(), Level::Epochs, at(3), &mut w.rng).unwrap();
    let fork = other.publish(at(3), &mut rng(77)).unwrap();
    assert_eq!(gone.live.head().unverified().version(), fork.live.head().unverified().version());
    w.send(&gone, at(3));
    let mut refuse = |w: &mut World<S>, live: &LiveUpdate, error| {
        assert_eq!(w.server.update(&owner, live, at(4)), Err(ServerError::Live(error)));
        assert_eq!(w.read(&mut bob, &sealed, at(4)), DENIED);
    };
    refuse(&mut w, &fork.live, LiveError::Fork);
    refuse(&mut w, &other.live().unwrap(), LiveError::Fork);
    // What follows the fork names a head that the server never saw.
    let next = other.publish(at(4), &mut rng(78)).unwrap();
    refuse(&mut w, &next.live, LiveError::Fork);
    w.restart();
    refuse(&mut w, &fork.live, LiveError::Fork);
    // A head that is not the owner's, and one that was altered.
    let forged = World::<S>::of(2).owner.live().unwrap();
    refuse(&mut w, &forged, LiveError::Signature);
    let mut bytes = w.owner.live().unwrap().to_bytes();
    bytes[4 + 4 + 32 + 4 + 19] ^= 1;
    refuse(&mut w, &LiveUpdate::from_bytes(&bytes).unwrap(), LiveError::Signature);
    // The entries are those that the head is over.
    let carol = user::<S>(11);
    let update = w.try_join(&carol, Role::Researcher, at(5), at(5)).unwrap();
    let mut bytes = update.live.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    refuse(&mut w, &LiveUpdate::from_bytes(&bytes).unwrap(), LiveError::Mismatch);
    w.send(&update, at(5));
}

fn without_a_head_in_force_nobody_is_served<S: Tested>() {
    let (mut w, mut bob, sealed, update) = with_reader::<S>();
    let owner = w.id();
    // A grant and a key that outlive the head.
    let cert = w.owner.certify(bob.id(), Role::Researcher, Validity::new(at(0), at(9 * YEAR)).unwrap());
    let renewed = w.owner.renew(&bob.bundle(2, at(9 * YEAR)), &cert, at(100), &mut w.rng).unwrap();
    w.send(&renewed, at(100));
    let end = update.live.head().unverified().not_after();
    assert_eq!(end, at(YEAR + 1));
    let end = renewed.live.head().unverified().not_after();
    assert!(w.reads(&mut bob, &sealed, end));
    let late = Timestamp(end.0 + 1);
    assert_eq!(w.ask(&bob, &sealed, late).unwrap_err(), RequestError::Denied(Denied));
    // A stranger learns as much as before, and so does the owner about him.
    assert_eq!(w.ask(&user(30), &sealed, late).unwrap_err(), RequestError::Denied(Denied));
    assert_eq!(w.rules(late), [Rule::NoHead, Rule::NoGrant]);
    let refused = w.server.accept(&owner, &renewed.delegations[0], late);
    // The grant has ended in the same second.
    assert!(matches!(refused, Err(ServerError::Live(LiveError::Stale) | ServerError::Grant(GrantError::Expired))));
    w.restart();
    assert_eq!(w.ask(&bob, &sealed, late).unwrap_err(), RequestError::Denied(Denied));
    // The next head, and all goes on: nothing was deleted.
    let update = w.owner.grant_again(&bob.id(), late, &mut w.rng).unwrap();
    w.send(&update, late);
    assert!(w.reads(&mut bob, &sealed, Timestamp(late.0 + 1)));

    // A server that never heard of a head takes no grant.
    let mut fresh = ServerOf::<S>::load(S::params(), party(201), MemoryStorage::new()).unwrap();
    fresh.enroll(owner).unwrap();
    let stale = fresh.accept(&owner, &update.delegations[0], late);
    assert_eq!(stale, Err(ServerError::Live(LiveError::Stale)));
}

fn what_the_owner_bars_is_not_taken<S: Tested>() {
    let (mut w, mut bob, sealed, update) = with_reader::<S>();
    let owner = w.id();
    let (_, id, end) = w.owner.grants(&bob.id()).next().unwrap();
    let barred = w.owner.bar(id, end, at(3), &mut w.rng).unwrap();
    assert_eq!(barred.live.set(), [(id, Entry::Barred { not_after: end })]);
    w.send(&barred, at(3));
    assert_eq!(w.read(&mut bob, &sealed, at(4)), DENIED);
    for _ in 0..2 {
        assert_eq!(w.server.accept(&owner, &update.delegations[0], at(4)), not_live());
        w.restart();
    }
    // The entry goes when the grant would have ended.
    let late = w.owner.publish(Timestamp(end.0 + 1), &mut w.rng).unwrap();
    assert_eq!(late.live.removed(), [id]);
}
