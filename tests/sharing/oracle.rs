//! Random stories against a plaintext oracle of who may read what.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use crate::common::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sesphr::context::{Partition, Timestamp};
use sesphr::encoding::{Message, SecretEncoding};
use sesphr::identity::PartyId;
use sesphr::kac::RotateError;
use sesphr::kapre::Kapre;
use sesphr::pre::afgh::Afgh;
use sesphr::record::{SealedPartition, Versions};
use sesphr::sharing::log::{Receipt, reads};
use sesphr::sharing::*;

const PARTITIONS: [Partition; 2] = [Partition::MEDICAL, Partition::INSURANCE];

#[derive(Clone, Debug)]
enum Event {
    Join {
        user: usize,
        role: Role,
        since: u64,
    },
    Depart(usize, Level),
    Suspend(usize),
    Allow(usize, usize),
    Disallow(usize, usize, Level),
    History(usize, usize),
    Again(usize),
    Publish,
    Write(usize),
    /// A member asks for a record that was written.
    Read(usize, prop::sample::Index),
    /// The owner makes orders for a part of what the cloud has.
    Order(prop::sample::Index, usize),
    /// The cloud carries out orders, new or old ones, once or again.
    Obey(prop::sample::Index),
    Settle,
    /// What the owner changed last reaches the server late: after another change.
    Late,
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let level = || prop::sample::select(vec![Level::Epochs, Level::Headers, Level::Bodies]);
    let index = any::<prop::sample::Index>;
    let role = prop::sample::select(vec![Role::Researcher, Role::Insurer, Role::FamilyAndFriends]);
    prop_oneof![
        3 => (0..3_usize, role, 0..40_u64).prop_map(|(user, role, since)| Event::Join { user, role, since }),
        2 => (0..3_usize, level()).prop_map(|(user, level)| Event::Depart(user, level)),
        1 => (0..3_usize).prop_map(Event::Suspend),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::Allow(user, partition)),
        1 => (0..3_usize, 0..2_usize, level()).prop_map(|(user, partition, level)| {
            Event::Disallow(user, partition, level)
        }),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::History(user, partition)),
        1 => (0..3_usize).prop_map(Event::Again),
        1 => Just(Event::Publish),
        4 => (0..2_usize).prop_map(Event::Write),
        2 => (0..3_usize, any::<prop::sample::Index>()).prop_map(|(user, record)| Event::Read(user, record)),
        2 => (index(), 1..4_usize).prop_map(|(start, count)| Event::Order(start, count)),
        2 => index().prop_map(Event::Obey),
        1 => Just(Event::Settle),
        1 => Just(Event::Late),
        1 => Just(Event::Restart),
    ]
}

/// Who may read what, in the plainest terms.
#[derive(Default)]
struct Oracle {
    /// When each epoch began.
    epochs: BTreeMap<Partition, Vec<u64>>,
    /// Partitions that a member reads from now on.
    members: BTreeMap<usize, BTreeSet<Partition>>,
    /// Epochs that a member reads, by the generation of what is stored.
    open: BTreeSet<(usize, u32, Partition, usize)>,
    /// The generation of what is written.
    generation: u32,
}

impl Oracle {
    fn open(&mut self, user: usize, partition: Partition, epochs: impl IntoIterator<Item = usize>) {
        let generation = self.generation;
        self.open.extend(epochs.into_iter().map(|epoch| (user, generation, partition, epoch)));
    }

    fn roll(&mut self, partition: Partition, now: u64) {
        let epochs = self.epochs.get_mut(&partition).unwrap();
        epochs.push(now);
        let epoch = epochs.len() - 1;
        let readers: Vec<_> = self.members.iter().filter(|(_, reads)| reads.contains(&partition)).collect();
        let readers: Vec<_> = readers.into_iter().map(|(user, _)| *user).collect();
        readers.into_iter().for_each(|user| self.open(user, partition, [epoch]));
    }

    fn close(&mut self, user: usize, concerned: impl Fn(&Partition) -> bool, level: Level, now: u64) {
        let touched: BTreeSet<_> =
            self.open.iter().filter(|(u, _, p, _)| *u == user && concerned(p)).map(|(_, _, p, _)| *p).collect();
        self.open.retain(|(u, _, p, _)| *u != user || !concerned(p));
        if level > Level::Epochs {
            self.generation += 1;
            let again = self.open.iter().map(|(u, _, p, e)| (*u, self.generation, *p, *e)).collect::<Vec<_>>();
            self.open.extend(again);
        }
        touched.into_iter().for_each(|partition| self.roll(partition, now));
    }

    fn settle(&mut self) {
        self.open.retain(|(_, generation, ..)| *generation == self.generation);
    }

    fn reads(&self, user: usize, stored: &SealedPartition, (_, partition, epoch): &Written) -> bool {
        self.open.contains(&(user, stored.header().mutable().generation(), *partition, *epoch))
    }
}

/// A scheme whose keys rotate, or do not.
trait Rotating: Tested {
    /// As far as a scheme goes.
    fn level(_: Level) -> Level {
        Level::Epochs
    }

    fn order(_: &World<Self>, _: usize, _: usize) -> Option<Vec<u8>> {
        None
    }

    fn obey(_: &mut World<Self>, _: &[u8]) {}

    fn settle(_: &mut World<Self>, _: Timestamp) -> Option<Update<Self>> {
        None
    }
}

impl Rotating for Afgh {}

impl Rotating for Kapre {
    fn level(level: Level) -> Level {
        level
    }

    fn order(w: &World<Kapre>, start: usize, count: usize) -> Option<Vec<u8>> {
        let entries = w.cloud.list(&w.id()).unwrap();
        let after = start.checked_sub(1).map(|after| &entries[after]);
        let headers = w.cloud.headers(&w.id(), after, count).unwrap();
        let orders = match w.owner.orders(&headers) {
            // The owner settled before the cloud had done all of it.
            Err(OwnerError::Settled) => w.owner.orders_for_left_out(&headers),
            orders => orders,
        };
        orders.unwrap().map(|orders| orders.to_secret_bytes().to_vec())
    }

    fn obey(w: &mut World<Kapre>, orders: &[u8]) {
        match w.cloud.carry_out(&w.owner.id(), &Orders::from_bytes(orders).unwrap()) {
            Ok(progress) => assert_eq!(progress.refused, []),
            // They are of before the last departure.
            Err(error) => assert_eq!(error, CloudError::Rotate(RotateError::Chain)),
        }
    }

    fn settle(w: &mut World<Kapre>, now: Timestamp) -> Option<Update> {
        w.owner.settle(now, &mut w.rng).ok()
    }
}

/// What the cloud has of a record now.
fn stored<S: Tested>(w: &World<S>, (sealed, partition, _): &Written) -> SealedPartition {
    let stored = w.cloud.fetch(&w.id(), &RECORD, partition, sealed.header().context().version).unwrap();
    assert_eq!(stored.header().immutable(), sealed.header().immutable());
    stored
}

/// With the keys of layers that there are for the user.
fn opens<S: Tested>(w: &mut World<S>, user: &mut User<S>, sealed: &SealedPartition, now: Timestamp) -> bool {
    if let Some(grant) = w.cloud.layers(&w.id(), &user.id()).unwrap() {
        user.take_layers(&w.id(), &grant).unwrap();
    }
    w.reads(user, sealed, now)
}

/// A record, its partition and its epoch.
type Written = (SealedPartition, Partition, usize);

/// What the receipts have to say in the end: who read which version when.
type Log = Vec<(PartyId, u64, Timestamp)>;

fn story<S: Rotating>(events: &[Event]) -> Result<(), TestCaseError> {
    let mut w = World::<S>::new();
    let mut oracle = Oracle::default();
    PARTITIONS.iter().for_each(|partition| drop(oracle.epochs.insert(*partition, vec![0])));
    let mut users: Vec<User<S>> = (0..3).map(|i| user(10 + i)).collect();
    let mut written: Vec<Written> = Vec::new();
    let (mut log, mut receipts): (Log, Vec<Receipt>) = (Vec::new(), Vec::new());
    let mut orders: Vec<Vec<u8>> = Vec::new();
    for (event, seconds) in events.iter().zip((10..).step_by(3)) {
        let now = at(seconds);
        let update = match *event {
            Event::Join { user, role, since } => {
                let from = since.min(seconds);
                let update = w.try_join(&users[user], role, at(from), now);
                prop_assert_eq!(update.is_ok(), !oracle.members.contains_key(&user));
                if update.is_ok() {
                    let reads = role.default_partitions().iter().copied().filter(|p| PARTITIONS.contains(p));
                    let reads: BTreeSet<_> = reads.collect();
                    for partition in &reads {
                        let began = oracle.epochs[partition].iter().enumerate().filter(|(_, began)| **began >= from);
                        let began: Vec<_> = began.map(|(epoch, _)| epoch).collect();
                        oracle.open(user, *partition, began);
                    }
                    oracle.members.insert(user, reads.clone());
                    reads.iter().for_each(|partition| oracle.roll(*partition, seconds));
                }
                update.ok()
            }
            Event::Depart(user, level) => {
                let level = S::level(level);
                let update = w.owner.depart(&users[user].id(), level, now, &mut w.rng);
                prop_assert_eq!(update.is_ok(), oracle.members.contains_key(&user));
                if oracle.members.remove(&user).is_some() {
                    oracle.close(user, |_| true, level, seconds);
                }
                update.ok()
            }
            Event::Suspend(user) => {
                let update = w.owner.suspend(&users[user].id(), now, &mut w.rng);
                prop_assert_eq!(update.is_ok(), oracle.members.contains_key(&user));
                oracle.members.entry(user).and_modify(BTreeSet::clear);
                oracle.open.retain(|(open, ..)| *open != user);
                update.ok()
            }
            Event::Allow(user, partition) => {
                let update = w.owner.allow(&users[user].id(), PARTITIONS[partition], now, &mut w.rng);
                prop_assert_eq!(update.is_ok(), oracle.members.contains_key(&user));
                if oracle.members.get_mut(&user).is_some_and(|reads| reads.insert(PARTITIONS[partition])) {
                    oracle.roll(PARTITIONS[partition], seconds);
                }
                update.ok()
            }
            Event::Disallow(user, partition, level) => {
                let level = S::level(level);
                let update = w.owner.disallow(&users[user].id(), PARTITIONS[partition], level, now, &mut w.rng);
                prop_assert_eq!(update.is_ok(), oracle.members.contains_key(&user));
                if let Some(reads) = oracle.members.get_mut(&user) {
                    reads.remove(&PARTITIONS[partition]);
                    oracle.close(user, |p| *p == PARTITIONS[partition], level, seconds);
                }
                update.ok()
            }
            Event::History(user, partition) => {
                let partition = PARTITIONS[partition];
                let past = oracle.epochs[&partition].len() - 1;
                let range = 0..=u32::try_from(past.saturating_sub(1)).unwrap();
                let update = w.owner.grant_history(&users[user].id(), partition, range, now, &mut w.rng);
                prop_assert_eq!(update.is_ok(), past > 0 && oracle.members.contains_key(&user));
                if update.is_ok() {
                    oracle.open(user, partition, 0..past);
                }
                update.ok()
            }
            Event::Again(user) => {
                let update = w.owner.grant_again(&users[user].id(), now, &mut w.rng).ok();
                for partition in oracle.members.get(&user).cloned().unwrap_or_default() {
                    let current = oracle.epochs[&partition].len() - 1;
                    oracle.open(user, partition, [current]);
                }
                update
            }
            Event::Publish => w.owner.publish(now, &mut w.rng).ok(),
            Event::Write(partition) => {
                let version = written.len() as u64;
                let sealed = w.write(PARTITIONS[partition], version, now);
                written.push((sealed, PARTITIONS[partition], oracle.epochs[&PARTITIONS[partition]].len() - 1));
                None
            }
            Event::Read(user, record) => {
                if !written.is_empty() {
                    let wanted = record.get(&written);
                    let stored = stored(&w, wanted);
                    let expected = oracle.reads(user, &stored, wanted);
                    prop_assert_eq!(opens(&mut w, &mut users[user], &stored, now), expected);
                    if expected {
                        log.push((users[user].id(), wanted.0.header().context().version, now));
                    }
                }
                None
            }
            Event::Order(start, count) => {
                orders.extend(S::order(&w, start.index(written.len().max(1)), count));
                None
            }
            Event::Obey(which) => {
                if !orders.is_empty() {
                    S::obey(&mut w, &orders[which.index(orders.len())]);
                }
                None
            }
            Event::Settle => {
                oracle.settle();
                S::settle(&mut w, now)
            }
            Event::Late => {
                let late = w.owner.publish(now, &mut w.rng).unwrap();
                let next = w.owner.publish(now, &mut w.rng).unwrap();
                w.send(&next, now);
                prop_assert!(w.server.update(&w.owner.id(), &late.live, now).is_err());
                None
            }
            Event::Restart => {
                w.restart();
                w.cloud = Cloud::new(S::params(), w.cloud.storage().clone()).unwrap();
                let backup = w.owner.export(&mut w.rng).unwrap();
                let seen = w.directory(now).version();
                w.owner = Owner::recover(S::params(), World::<S>::root(1), &backup, seen).unwrap();
                receipts.extend(w.receipts(now));
                None
            }
        };
        update.iter().for_each(|update| w.send(update, now));
    }
    // As it is, and when everything is brought to its end.
    for seconds in [100, 102] {
        for (user, member) in users.iter_mut().enumerate() {
            for wanted @ (sealed, partition, epoch) in &written {
                let stored = stored(&w, wanted);
                let expected = oracle.reads(user, &stored, wanted);
                let reads = opens(&mut w, member, &stored, at(seconds));
                prop_assert_eq!(reads, expected, "{} {} {}", user, partition, epoch);
                if reads {
                    log.push((member.id(), sealed.header().context().version, at(seconds)));
                }
            }
        }
        for wanted @ (sealed, partition, _) in &written {
            let versions = Versions::Exactly(sealed.header().context().version);
            prop_assert!(w.owner.open(RECORD, *partition, versions, &stored(&w, wanted)).is_ok());
        }
        let all = (0..written.len()).filter_map(|i| S::order(&w, i, 1)).collect::<Vec<_>>();
        all.iter().for_each(|orders| S::obey(&mut w, orders));
        let settled = S::settle(&mut w, at(101));
        settled.iter().for_each(|update| w.send(update, at(101)));
        oracle.settle();
    }
    // The owner sees all of it, in order, under heads that it signed.
    receipts.extend(w.receipts(at(103)));
    let read: Log = reads(&receipts).map(|read| (read.user, read.version, read.at)).collect();
    prop_assert_eq!(read, log);
    prop_assert_eq!(w.owner.check_live(&receipts), Ok(()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.div_ceil(10)))]

    #[test]
    fn members_read_what_the_oracle_says_under_a_key_a_period(events in prop::collection::vec(event(), 1..14)) {
        story::<Afgh>(&events)?;
    }

    #[test]
    fn members_read_what_the_oracle_says_under_one_aggregate_key(events in prop::collection::vec(event(), 1..16)) {
        story::<Kapre>(&events)?;
    }
}
