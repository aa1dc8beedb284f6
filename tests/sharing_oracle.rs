//! Random stories against a plaintext oracle of who may read what.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/sharing.rs"]
mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::*;
use proptest::prelude::*;
use sesphr::context::Partition;
use sesphr::pre::afgh::Afgh;
use sesphr::record::SealedPartition;
use sesphr::sharing::*;

const PARTITIONS: [Partition; 2] = [Partition::MEDICAL, Partition::INSURANCE];

#[derive(Clone, Debug)]
enum Event {
    Join { user: usize, role: Role, since: u64 },
    Depart(usize),
    Allow(usize, usize),
    Disallow(usize, usize),
    History(usize, usize),
    Again(usize),
    Write(usize),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let role = prop::sample::select(vec![Role::Researcher, Role::Insurer, Role::FamilyAndFriends]);
    prop_oneof![
        3 => (0..3_usize, role, 0..40_u64).prop_map(|(user, role, since)| Event::Join { user, role, since }),
        2 => (0..3_usize).prop_map(Event::Depart),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::Allow(user, partition)),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::Disallow(user, partition)),
        1 => (0..3_usize, 0..2_usize).prop_map(|(user, partition)| Event::History(user, partition)),
        1 => (0..3_usize).prop_map(Event::Again),
        4 => (0..2_usize).prop_map(Event::Write),
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
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn members_read_what_the_oracle_says(events in prop::collection::vec(event(), 1..14)) {
        let mut w = World::new();
        let mut oracle = Oracle::default();
        PARTITIONS.iter().for_each(|partition| drop(oracle.epochs.insert(*partition, vec![0])));
        let users: Vec<User<Afgh>> = (0..3).map(|i| user(10 + i)).collect();
        let mut written: Vec<(SealedPartition, Partition, usize)> = Vec::new();
        for (event, seconds) in events.iter().zip((10..).step_by(3)) {
            let now = at(seconds);
            let update = match *event {
                Event::Join { user, role, since } => {
                    let from = since.min(seconds);
                    let update = w.try_join(&users[user], role, at(from), now);
                    prop_assert_eq!(update.is_ok(), !oracle.members.contains_key(&user));
                    if update.is_ok() {
                        let reads: BTreeSet<_> = role.default_partitions().iter().copied().filter(|p| PARTITIONS.contains(p)).collect();
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
                    let update = w.owner.depart(&users[user].id(), now, &mut w.rng);
                    prop_assert_eq!(update.is_ok(), oracle.members.remove(&user).is_some());
                    oracle.close(user, |_| true, seconds);
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
                    let update = w.owner.disallow(&users[user].id(), PARTITIONS[partition], now, &mut w.rng);
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
                Event::Again(user) => w.owner.grant_again(&users[user].id(), now, &mut w.rng).ok(),
                Event::Write(partition) => {
                    let version = written.len() as u64;
                    let sealed = w.write(PARTITIONS[partition], version, now);
                    written.push((sealed, PARTITIONS[partition], oracle.epochs[&PARTITIONS[partition]].len() - 1));
                    None
                }
                Event::Restart => {
                    w.restart();
                    w.cloud = Cloud::new(w.cloud.storage().clone()).unwrap();
                    let (root, state) = (sesphr::kem::OwnerRoot::generate(&mut rng(1)), w.owner.export());
                    w.owner = Owner::import(party(1), root, &state, 0).unwrap();
                    None
                }
            };
            update.iter().for_each(|update| w.send(update, now));
        }
        for (user, member) in users.iter().enumerate() {
            for (sealed, partition, epoch) in &written {
                let reads = w.reads(member, sealed, at(100));
                prop_assert_eq!(reads, oracle.open.contains(&(user, *partition, *epoch)), "{} {} {}", user, partition, epoch);
            }
        }
        for (sealed, partition, _) in &written {
            let versions = sesphr::record::Versions::Exactly(sealed.header().context().version);
            prop_assert!(w.owner.open(RECORD, *partition, versions, sealed).is_ok());
        }
    }
}
