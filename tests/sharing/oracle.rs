//! Random stories against a plaintext oracle of who may read what.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};

use crate::common::*;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sesphr::context::{Partition, Timestamp};
use sesphr::identity::PartyId;
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
    Depart(usize),
    Suspend(usize),
    Allow(usize, usize),
    Disallow(usize, usize),
    History(usize, usize),
    Again(usize),
    Publish,
    Write(usize),
    /// A member asks for a record that was written.
    Read(usize, prop::sample::Index),
    /// What the owner changed last reaches the server late: after another change.
    Late,
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let role = prop::sample::select(vec![Role::Researcher, Role::Insurer, Role::FamilyAndFriends]);
    prop_oneof![
        3 => (0..3_usize, role, 0..40_u64).prop_map(|(user, role, since)| Event::Join { user, role, since }),
        2 => (0..3_usize).prop_map(Event::Depart),
        1 => (0..3_usize).prop_map(Event::Suspend),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::Allow(user, partition)),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::Disallow(user, partition)),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::History(user, partition)),
        1 => (0..3_usize).prop_map(Event::Again),
        1 => Just(Event::Publish),
        4 => (0..2_usize).prop_map(Event::Write),
        2 => (0..3_usize, any::<prop::sample::Index>()).prop_map(|(user, record)| Event::Read(user, record)),
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
    /// Epochs that a member reads.
    open: BTreeSet<(usize, Partition, usize)>,
}

impl Oracle {
    fn roll(&mut self, partition: Partition, now: u64) {
        let epochs = self.epochs.get_mut(&partition).unwrap();
        epochs.push(now);
        let epoch = epochs.len() - 1;
        let readers = self.members.iter().filter(|(_, partitions)| partitions.contains(&partition));
        self.open.extend(readers.map(|(user, _)| (*user, partition, epoch)));
    }

    fn close(&mut self, user: usize, concerned: impl Fn(&Partition) -> bool, now: u64) {
        let touched: BTreeSet<_> =
            self.open.iter().filter(|(u, p, _)| *u == user && concerned(p)).map(|(_, p, _)| *p).collect();
        self.open.retain(|(u, p, _)| *u != user || !concerned(p));
        touched.into_iter().for_each(|partition| self.roll(partition, now));
    }

    fn reads(&self, user: usize, (_, partition, epoch): &Written) -> bool {
        self.open.contains(&(user, *partition, *epoch))
    }
}

/// A record, its partition and its epoch.
type Written = (SealedPartition, Partition, usize);

/// What the receipts have to say in the end: who read which version when.
type Log = Vec<(PartyId, u64, Timestamp)>;

fn story<S: Tested>(events: &[Event]) -> Result<(), TestCaseError> {
    let mut w = World::<S>::new();
    let mut oracle = Oracle::default();
    PARTITIONS.iter().for_each(|partition| drop(oracle.epochs.insert(*partition, vec![0])));
    let mut users: Vec<User<S>> = (0..3).map(|i| user(10 + i)).collect();
    let mut written: Vec<Written> = Vec::new();
    let (mut log, mut receipts): (Log, Vec<Receipt>) = (Vec::new(), Vec::new());
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
                        oracle.open.extend(began.map(|(epoch, _)| (user, *partition, epoch)));
                    }
                    oracle.members.insert(user, reads.clone());
                    reads.iter().for_each(|partition| oracle.roll(*partition, seconds));
                }
                update.ok()
            }
            Event::Depart(user) => {
                let update = w.owner.depart(&users[user].id(), Level::Epochs, now, &mut w.rng);
                prop_assert_eq!(update.is_ok(), oracle.members.remove(&user).is_some());
                oracle.close(user, |_| true, seconds);
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
            Event::Disallow(user, partition) => {
                let update = w.owner.disallow(&users[user].id(), PARTITIONS[partition], Level::Epochs, now, &mut w.rng);
                prop_assert_eq!(update.is_ok(), oracle.members.contains_key(&user));
                if let Some(reads) = oracle.members.get_mut(&user) {
                    reads.remove(&PARTITIONS[partition]);
                    oracle.close(user, |p| *p == PARTITIONS[partition], seconds);
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
                    oracle.open.extend((0..past).map(|epoch| (user, partition, epoch)));
                }
                update.ok()
            }
            Event::Again(user) => {
                let update = w.owner.grant_again(&users[user].id(), now, &mut w.rng).ok();
                if let Some(partitions) = oracle.members.get(&user) {
                    let current = |partition: &Partition| (user, *partition, oracle.epochs[partition].len() - 1);
                    oracle.open.extend(partitions.iter().map(current).collect::<Vec<_>>());
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
                    prop_assert_eq!(w.reads(&mut users[user], &wanted.0, now), oracle.reads(user, wanted));
                    if oracle.reads(user, wanted) {
                        log.push((users[user].id(), wanted.0.header().context().version, now));
                    }
                }
                None
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
    for (user, member) in users.iter_mut().enumerate() {
        for wanted @ (sealed, partition, epoch) in &written {
            let reads = w.reads(member, sealed, at(100));
            prop_assert_eq!(reads, oracle.reads(user, wanted), "{} {} {}", user, partition, epoch);
            if reads {
                log.push((member.id(), sealed.header().context().version, at(100)));
            }
        }
    }
    for (sealed, partition, _) in &written {
        let versions = Versions::Exactly(sealed.header().context().version);
        prop_assert!(w.owner.open(RECORD, *partition, versions, sealed).is_ok());
    }
    // The owner sees all of it, in order, under heads that it signed.
    receipts.extend(w.receipts(at(101)));
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
    fn members_read_what_the_oracle_says_under_one_aggregate_key(events in prop::collection::vec(event(), 1..14)) {
        story::<Kapre>(&events)?;
    }
}
