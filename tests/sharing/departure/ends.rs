//! What ends when a departure is settled, and what comes after.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use super::{INSURANCE, MEDICAL, Story};
use crate::common::*;
use sesphr::encoding::{Message, SecretEncoding};
use sesphr::kapre::Kapre;
use sesphr::pre::{Entry, GrantId, LiveError, LiveSet};
use sesphr::sharing::log::{Event, Rule};
use sesphr::sharing::*;

type Kept = Vec<Vec<u8>>;

fn kept(update: &Update) -> Kept {
    update.delegations.iter().map(|delegation| delegation.to_secret_bytes().to_vec()).collect()
}

fn delegation(bytes: &[u8]) -> Delegation<Kapre> {
    Delegation::from_bytes(bytes).unwrap()
}

fn carried(s: &Story) -> BTreeSet<GrantId> {
    let names = s.w.server.storage().keys(b"grant/").unwrap();
    names.iter().map(|name| GrantId::from_array(name[name.len() - 16..].try_into().unwrap())).collect()
}

fn live_set(update: &sesphr::pre::LiveUpdate, s: &Story) -> LiveSet {
    let mut set = LiveSet::new();
    set.apply(update, &s.w.id()).unwrap();
    set
}

#[test]
fn former_grants_headers_and_heads_are_dead() {
    let mut s = Story::new();
    // Carol's grant of the first generation, and a header that she kept.
    let again = s.w.owner.grant_again(&s.carol.id(), at(5), &mut s.w.rng).unwrap();
    s.send(&again, at(5));
    let former = kept(&again);
    let header = s.stored(MEDICAL, 1);
    s.depart(Level::Headers, at(6));
    let old: BTreeSet<_> = carried(&s);
    assert_eq!(s.carry_out().rotated, 8);
    s.w.receipts(at(7));
    let (unsettled, id) = (s.w.owner.live().unwrap(), s.w.id());
    // Until then both are served.
    let mut carol = user::<Kapre>(11);
    assert!(s.w.reads(&mut carol, &header, at(7)));
    s.w.server.accept(&id, &delegation(&former[0]), at(7)).unwrap();
    s.settle(at(8));
    let new = carried(&s);
    let receipts = s.w.receipts(at(9));
    let advanced = receipts.iter().filter(|receipt| receipt.event == Event::Advanced { generation: 1 }).count();
    let revoked = receipts.iter().filter_map(|receipt| match receipt.event {
        Event::Revoked { grant, .. } => Some(grant),
        _ => None,
    });
    assert_eq!((advanced, revoked.collect::<BTreeSet<_>>()), (1, old.difference(&new).copied().collect()));
    assert!(!new.is_empty() && new.is_subset(&old) && new != old);
    // Each member has one grant of what it had, and one of the new epoch is part of it.
    assert_eq!(new.len(), 2);
    assert_eq!(s.w.owner.live().unwrap().set().len(), 2, "what is dead is not listed for ever");
    let id_of_carol = carol.id();
    let periods: Vec<_> = s.w.owner.grants(&id_of_carol).map(|(period, ..)| period).collect();
    assert_eq!(periods.len(), periods.iter().collect::<BTreeSet<_>>().len(), "one for each");
    let restart = |s: &mut Story| s.w.restart();
    for step in [None, Some(restart)] {
        step.into_iter().for_each(|step| step(&mut s));
        assert_eq!(s.w.read(&mut carol, &header, at(10)), DENIED);
        assert_eq!(s.w.rules(at(10)), [Rule::Generation]);
        for bytes in &former {
            let refused = s.w.server.accept(&id, &delegation(bytes), at(10));
            assert_eq!(refused, Err(ServerError::Live(LiveError::Generation)));
        }
    }
    // Heads with another lowest generation, made by the owner's own key: on from before it was settled.
    let mut set = live_set(&unsettled, &s);
    for _ in 0..3 {
        assert!(set.advance(s.w.owner.signing(), [], [], at(11), at(YEAR)).is_ok());
    }
    let lower = set.complete().unwrap();
    assert!(lower.head().unverified().version() > s.w.owner.live().unwrap().head().unverified().version());
    assert_eq!(s.w.server.update(&id, &lower, at(11)), Err(ServerError::Live(LiveError::Rollback)));
    assert_eq!(s.read(MEDICAL, 2, at(12)), [false, true, true]);
    // And one of the right generation that lists the old grant: by mistake, or by a device that went back.
    let mut set = live_set(&s.w.owner.live().unwrap(), &s);
    assert_eq!(set.advance_to(s.w.owner.signing(), 0, [], [], at(13), at(YEAR)), Err(LiveError::Rollback));
    let bytes = &former[0];
    let digest = delegation(bytes).grant().digest();
    let listed = [(delegation(bytes).grant().id(), Entry::Live { digest })];
    let update = set.advance_to(s.w.owner.signing(), 1, [], listed, at(13), at(YEAR)).unwrap();
    s.w.server.update(&id, &update, at(13)).unwrap();
    let refused = s.w.server.accept(&id, &delegation(bytes), at(13));
    assert_eq!(refused, Err(ServerError::Live(LiveError::Generation)));
    assert_eq!(s.w.read(&mut carol, &header, at(14)), DENIED);
}

/// Listed again before the server dropped it: it is dead by its generation alone.
#[test]
fn a_head_of_a_new_generation_ends_what_it_still_lists() {
    let mut s = Story::new();
    s.depart(Level::Headers, at(6));
    assert_eq!(s.carry_out().refused, []);
    let header = s.stored(MEDICAL, 2);
    let before = carried(&s);
    let mut set = live_set(&s.w.owner.live().unwrap(), &s);
    let update = set.advance_to(s.w.owner.signing(), 1, [], [], at(7), at(YEAR)).unwrap();
    assert!(update.removed().is_empty());
    s.w.server.update(&s.w.owner.id(), &update, at(7)).unwrap();
    assert!(carried(&s).len() < before.len() && carried(&s).len() == 2);
    assert!(s.w.reads(&mut user(11), &header, at(8)));
}

#[test]
fn a_server_from_a_backup_catches_up() {
    let mut s = Story::new();
    let (backup, header) = (s.w.server.storage().clone(), s.stored(MEDICAL, 1));
    let gone = s.w.owner.depart(&s.bob.id(), Level::Bodies, at(6), &mut s.w.rng).unwrap();
    s.send(&gone, at(6));
    assert_eq!(s.carry_out().refused, []);
    let settled = s.w.owner.settle(at(8), &mut s.w.rng).unwrap();
    s.send(&settled, at(8));
    let id = s.w.id();
    s.w.server = Server::load(Kapre::params(), party(201), backup).unwrap();
    // By its old head it serves whoever has the old header, and nobody of what is stored.
    assert!(s.w.reads(&mut s.bob, &header, at(9)));
    assert_eq!(s.read(MEDICAL, 2, at(9)), [false; 3]);
    assert_eq!(s.w.server.update(&id, &settled.live, at(10)), Err(ServerError::Live(LiveError::Behind)));
    s.w.catch_up(at(10));
    assert_eq!(s.w.read(&mut s.bob, &header, at(11)), DENIED);
    for delegation in &gone.delegations {
        s.w.server.accept(&id, delegation, at(11)).unwrap();
    }
    for version in [1, 2] {
        assert_eq!(s.read(MEDICAL, version, at(12)), [false, true, version == 2]);
        assert_eq!(s.read(INSURANCE, version, at(12)), [false, true, version == 2]);
    }
    // Or, where delegations are lost, the owner makes them again.
    s.w.server = Server::load(Kapre::params(), party(201), s.w.server.storage().clone()).unwrap();
    let again = s.w.owner.grant_again(&s.dan.id(), at(13), &mut s.w.rng).unwrap();
    s.send(&again, at(13));
    assert_eq!(s.read(MEDICAL, 2, at(14)), [false, true, true]);
}

/// What the cloud left behind is the owner's alone, until it is ordered again.
#[test]
fn settled_too_early_nothing_is_lost() {
    for level in [Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        s.depart(level, at(6));
        let (done, _) = s.page(None, 5);
        assert_eq!(done.unwrap().rotated, 5);
        s.settle(at(7));
        let entries = s.w.cloud.list(&s.w.id()).unwrap();
        for (i, (_, partition, version)) in entries.into_iter().enumerate() {
            let reads = s.read(partition, version, at(8));
            assert_eq!(reads, [false, i < 5, i < 5 && version == 2], "{partition:?} {version}");
            let sealed = s.stored(partition, version);
            let versions = sesphr::record::Versions::Exactly(version);
            assert!(s.w.owner.open(RECORD, partition, versions, &sealed).is_ok());
        }
        let headers = s.w.cloud.headers(&s.w.id(), None, usize::MAX).unwrap();
        assert_eq!(s.w.owner.orders(&headers).unwrap_err(), OwnerError::Settled);
        let orders = s.w.owner.orders_for_left_out(&headers).unwrap().unwrap();
        assert_eq!(s.w.cloud.carry_out(&s.w.owner.id(), &orders).unwrap().rotated, 3);
        for version in [1, 2] {
            assert_eq!(s.read(MEDICAL, version, at(9)), [false, true, version == 2]);
        }
        assert!(s.w.owner.is_settled());
    }
}

#[test]
fn only_kapre_rotates() {
    fn story<S: Tested>() {
        let mut w = World::<S>::new();
        let mut bob = user::<S>(10);
        w.join(&bob, Role::Researcher, at(0), at(1));
        let sealed = w.write(MEDICAL, 1, at(2));
        let before = w.owner.membership();
        for level in [Level::Headers, Level::Bodies] {
            let gone = w.owner.depart(&bob.id(), level, at(3), &mut w.rng);
            assert_eq!(gone.unwrap_err(), OwnerError::NoRotation);
            let gone = w.owner.disallow(&bob.id(), MEDICAL, level, at(3), &mut w.rng);
            assert_eq!(gone.unwrap_err(), OwnerError::NoRotation);
            assert_eq!(w.owner.membership(), before);
            assert!(w.reads(&mut bob, &sealed, at(3)));
        }
        let gone = w.owner.depart(&bob.id(), Level::Epochs, at(4), &mut w.rng).unwrap();
        assert!(gone.layer_grants.is_empty());
        w.send(&gone, at(4));
        assert_eq!(w.read(&mut bob, &sealed, at(5)), DENIED);
    }
    story::<sesphr::pre::afgh::Afgh>();
    story::<sesphr::pre::threshold::Threshold>();
}
