//! Departures that reach what is stored: headers, and bodies.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod ends;
mod faults;
mod keys;
mod orders;
mod owner;

use std::collections::BTreeSet;

use crate::common::*;
use sesphr::context::{Partition, Timestamp};
use sesphr::identity::PartyId;
use sesphr::kapre::Kapre;
use sesphr::record::{Layer, SealedHeader, SealedPartition};
use sesphr::sharing::log::Event;
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const INSURANCE: Partition = Partition::INSURANCE;

/// Bob leaves, carol stays, dan came late.
struct Story {
    w: World<Kapre>,
    bob: User<Kapre>,
    carol: User<Kapre>,
    dan: User<Kapre>,
}

impl Story {
    /// Versions 1 and 2 of each partition: before and after dan came.
    fn new() -> Self {
        let mut w = World::<Kapre>::new();
        let [bob, carol, dan] = [10, 11, 12].map(user::<Kapre>);
        w.join(&bob, Role::Researcher, at(0), at(1));
        w.join(&carol, Role::FamilyAndFriends, at(0), at(1));
        let mut story = Self { w, bob, carol, dan };
        story.write(1, at(2));
        story.w.join(&story.dan, Role::FamilyAndFriends, at(3), at(3));
        story.write(2, at(4));
        story
    }

    fn write(&mut self, version: u64, now: Timestamp) {
        for partition in Partition::SESPHR {
            self.w.write(partition, version, now);
        }
    }

    fn stored(&self, partition: Partition, version: u64) -> SealedPartition {
        self.w.cloud.fetch(&self.w.id(), &RECORD, &partition, version).unwrap()
    }

    fn depart(&mut self, level: Level, now: Timestamp) {
        self.leave(&self.bob.id(), level, now);
    }

    fn leave(&mut self, user: &PartyId, level: Level, now: Timestamp) {
        let update = self.w.owner.depart(user, level, now, &mut self.w.rng).unwrap();
        self.send(&update, now);
    }

    fn send(&mut self, update: &Update, now: Timestamp) {
        self.w.send(update, now);
        // Bob too takes what there is for him.
        for user in [&mut self.bob, &mut self.carol, &mut self.dan] {
            if let Some(grant) = self.w.cloud.layers(&self.w.owner.id(), &user.id()).unwrap() {
                user.take_layers(&self.w.owner.id(), &grant).unwrap();
            }
        }
    }

    /// Carries out what the owner orders of a page of headers.
    fn page(&mut self, after: Option<&Entry>, limit: usize) -> (Option<Progress>, Vec<SealedHeader>) {
        let headers = self.w.cloud.headers(&self.w.id(), after, limit).unwrap();
        let orders = self.w.owner.orders(&headers).unwrap();
        (orders.map(|orders| self.w.cloud.carry_out(&self.w.owner.id(), &orders).unwrap()), headers)
    }

    fn carry_out(&mut self) -> Progress {
        self.page(None, usize::MAX).0.unwrap_or_default()
    }

    fn settle(&mut self, now: Timestamp) {
        let update = self.w.owner.settle(now, &mut self.w.rng).unwrap();
        self.send(&update, now);
    }

    /// Who reads what: bob, carol, dan.
    fn read(&mut self, partition: Partition, version: u64, now: Timestamp) -> [bool; 3] {
        let sealed = self.stored(partition, version);
        [&mut self.bob, &mut self.carol, &mut self.dan].map(|user| self.w.reads(user, &sealed, now))
    }
}

#[test]
fn who_stays_reads_before_during_and_after() {
    for level in [Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        assert_eq!(s.read(MEDICAL, 1, at(5)), [true, true, false]);
        assert_eq!(s.read(MEDICAL, 2, at(5)), [true, true, true]);
        s.depart(level, at(6));
        s.write(3, at(6));
        assert!(!s.w.owner.is_settled());
        let check = |s: &mut Story, now| {
            assert_eq!(s.read(MEDICAL, 1, now), [false, true, false], "{level:?}");
            assert_eq!(s.read(MEDICAL, 2, now), [false, true, true], "{level:?}");
            assert_eq!(s.read(MEDICAL, 3, now), [false, true, true], "{level:?}");
            assert_eq!(s.read(INSURANCE, 1, now), [false, true, false], "{level:?}");
            for version in 1..=3 {
                let sealed = s.stored(MEDICAL, version);
                let opened = s.w.owner.open(RECORD, MEDICAL, sesphr::record::Versions::Exactly(version), &sealed);
                assert_eq!(&opened.unwrap()[..], b"0+");
            }
        };
        check(&mut s, at(7));
        // One page after the other: half is done, and everybody reads everything all the time.
        let mut after = None;
        let mut total = Progress::default();
        loop {
            let (progress, headers) = s.page(after.as_ref(), 3);
            let Some(last) = headers.last() else { break };
            let ctx = last.context();
            after = Some((ctx.record, ctx.partition, ctx.version));
            let progress = progress.unwrap_or_default();
            total.rotated += progress.rotated;
            total.covered += progress.covered;
            assert!(progress.refused.is_empty());
            check(&mut s, at(8));
        }
        // Everything of before rotates; the bodies of what a researcher reads get a layer.
        let bodies = if level == Level::Bodies { 2 } else { 0 };
        assert_eq!((total.rotated, total.covered), (8, bodies), "{level:?}");
        assert_eq!(s.carry_out(), Progress::default());
        let layer = if level == Level::Bodies { Layer::Stream { generation: 1 } } else { Layer::None };
        assert_eq!(s.stored(MEDICAL, 2).header().mutable().layer(), layer);
        assert_eq!(s.stored(MEDICAL, 3).header().mutable().layer(), Layer::None);
        check(&mut s, at(9));
        s.settle(at(10));
        assert!(s.w.owner.is_settled());
        check(&mut s, at(11));
        let advanced = |event: &Event| matches!(event, Event::Advanced { generation: 1 });
        assert!(s.w.receipts(at(12)).iter().any(|receipt| advanced(&receipt.event)));
    }
}

/// What a member lost before it leaves, it may have kept the keys of: the level is that of the departure.
#[test]
fn bodies_of_what_was_lost_before_get_a_layer() {
    let eve = user::<Kapre>(13);
    type Loss = fn(&mut World<Kapre>, &User<Kapre>) -> Update;
    let losses: [Loss; 2] = [
        |w, bob| w.owner.suspend(&bob.id(), at(5), &mut w.rng).unwrap(),
        |w, bob| w.owner.disallow(&bob.id(), MEDICAL, Level::Epochs, at(5), &mut w.rng).unwrap(),
    ];
    for (i, lose) in losses.into_iter().enumerate() {
        for (exported, wholly) in [(false, true), (true, true), (false, false)] {
            let mut s = Story::new();
            let update = lose(&mut s.w, &s.bob);
            s.send(&update, at(5));
            // An epoch begins for another reason, and nothing is owed to anybody.
            s.w.join(&eve, Role::FamilyAndFriends, at(6), at(6));
            s.write(3, at(6));
            if exported {
                s.w.owner = s.w.reopen(&s.w.owner.membership());
            }
            if wholly {
                s.depart(Level::Bodies, at(7));
            } else {
                let bob = s.bob.id();
                let update = s.w.owner.disallow(&bob, MEDICAL, Level::Bodies, at(7), &mut s.w.rng).unwrap();
                s.send(&update, at(7));
            }
            let progress = s.carry_out();
            // Versions 1 and 2 of what a researcher reads. The third is of an epoch that bob had no grant of.
            assert_eq!((progress.rotated, progress.covered), (12, 2), "{i} {exported}");
            let layers = [1, 2, 3].map(|version| s.stored(MEDICAL, version).header().mutable().layer().generation());
            assert_eq!(layers, [Some(1), Some(1), None], "{i} {exported}");
            s.settle(at(8));
            let reads = [1, 2, 3].map(|version| s.read(MEDICAL, version, at(9)));
            assert_eq!(reads, [[false, true, false], [false, true, true], [false, true, true]]);
        }
    }
}

/// A layer that somebody else's departure brought is one for who was suspended as well; and what has a layer keeps having
/// one that members have the key of.
#[test]
fn a_layer_is_for_all_who_lost_a_partition_before() {
    let mut s = Story::new();
    let suspended = s.w.owner.suspend(&s.bob.id(), at(5), &mut s.w.rng).unwrap();
    s.send(&suspended, at(5));
    let gone = s.w.owner.depart(&s.dan.id(), Level::Bodies, at(6), &mut s.w.rng).unwrap();
    s.send(&gone, at(6));
    assert_eq!(s.carry_out().covered, 8);
    s.settle(at(7));
    s.depart(Level::Bodies, at(8));
    assert_eq!((s.carry_out().covered, s.stored(MEDICAL, 1).header().mutable().layer().generation()), (0, Some(1)));
    s.settle(at(9));
    assert_eq!(s.read(MEDICAL, 1, at(10)), [false, true, false]);
}

/// A layer that reaches as far as one lost a partition is none for who lost it later.
#[test]
fn a_layer_for_one_does_not_count_for_who_lost_more() {
    let mut s = Story::new();
    let eve = user::<Kapre>(13);
    let [bob, dan] = [&s.bob, &s.dan].map(User::id);
    let lost = s.w.owner.suspend(&bob, at(5), &mut s.w.rng).unwrap();
    s.send(&lost, at(5));
    s.w.join(&eve, Role::FamilyAndFriends, at(6), at(6));
    s.write(3, at(6));
    let lost = s.w.owner.disallow(&dan, MEDICAL, Level::Epochs, at(7), &mut s.w.rng).unwrap();
    s.send(&lost, at(7));
    s.depart(Level::Bodies, at(8));
    let layers = |s: &Story| [1, 2, 3].map(|v| s.stored(MEDICAL, v).header().mutable().layer().generation());
    let _ = s.carry_out();
    assert_eq!(layers(&s), [Some(1), Some(1), None]);
    let gone = s.w.owner.depart(&dan, Level::Bodies, at(9), &mut s.w.rng).unwrap();
    s.send(&gone, at(9));
    let _ = s.carry_out();
    assert_eq!(layers(&s), [Some(2); 3]);
    s.settle(at(10));
    assert_eq!([1, 2, 3].map(|version| s.read(MEDICAL, version, at(11))), [[false, true, false]; 3]);
}

/// An owner that went back to a state of before a departure is told so by what is stored.
#[test]
fn an_old_state_orders_nothing_of_what_is_ahead_of_it() {
    for level in [Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        let before = s.w.owner.membership();
        s.depart(level, at(6));
        let _ = s.carry_out();
        let headers = s.w.cloud.headers(&s.w.id(), None, usize::MAX).unwrap();
        assert_eq!(s.w.owner.orders(&headers).map(|orders| orders.is_none()), Ok(true));
        let owner = s.w.reopen(&before);
        assert_eq!(owner.orders(&headers).unwrap_err(), OwnerError::Rollback);
    }
}

/// A grant of several partitions is taken back as a whole, and what is left of it granted again under both generations.
#[test]
fn who_loses_one_partition_reads_the_others_all_the_time() {
    let mut s = Story::new();
    let carol = s.carol.id();
    let update = s.w.owner.disallow(&carol, MEDICAL, Level::Headers, at(6), &mut s.w.rng).unwrap();
    s.send(&update, at(6));
    for now in [7, 8] {
        assert_eq!(s.read(INSURANCE, 2, at(now)), [false, true, true]);
        assert_eq!(s.read(MEDICAL, 2, at(now)), [true, false, true]);
        let _ = s.carry_out();
    }
}

/// A level that was too low is raised later: what the departed and the server could read together is closed then.
#[test]
fn keys_are_renewed_without_a_departure() {
    for level in [Level::Epochs, Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        s.depart(Level::Epochs, at(6));
        let before = s.w.owner.membership();
        let nowhere = BTreeSet::from([Partition::new("nowhere").unwrap()]);
        let refused = s.w.owner.renew_keys(&nowhere, level, at(7), &mut s.w.rng);
        assert_eq!(refused.unwrap_err(), OwnerError::NoSuchPeriod);
        assert_eq!(s.w.owner.membership(), before);
        let epoch = s.w.owner.epoch(&MEDICAL).unwrap();
        let update = s.w.owner.renew_keys(&BTreeSet::from([MEDICAL]), level, at(7), &mut s.w.rng).unwrap();
        s.send(&update, at(7));
        assert_eq!(s.w.owner.epoch(&MEDICAL), Ok(epoch + 1));
        let done = s.carry_out();
        let expected = [(0, 0), (8, 0), (8, 2)][level as usize];
        assert_eq!((done.rotated, done.covered), expected, "{level:?}");
        s.settle(at(8));
        s.write(3, at(9));
        for version in 1..=3 {
            assert_eq!(s.read(MEDICAL, version, at(9)), [false, true, version > 1], "{level:?}");
        }
    }
}
