//! What a cloud is ordered to do, and what it takes for orders.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::convert::Infallible;

use super::{INSURANCE, MEDICAL, Story};
use crate::common::*;
use sesphr::context::{Partition, Timestamp};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::kac::RotateError;
use sesphr::kapre::Kapre;
use sesphr::record::{Layer, LayerStep, SealedPartition, Versions};
use sesphr::sharing::*;

impl Story {
    fn all_headers(&self) -> Vec<sesphr::record::SealedHeader> {
        self.w.cloud.headers(&self.w.id(), None, usize::MAX).unwrap()
    }

    fn ordered(&self) -> Option<Vec<u8>> {
        let orders = self.w.owner.orders(&self.all_headers()).unwrap();
        orders.map(|orders| orders.to_secret_bytes().to_vec())
    }

    fn obey(&mut self, orders: &[u8]) -> Result<Progress, CloudError<Infallible>> {
        let orders = Orders::from_bytes(orders).unwrap();
        self.w.cloud.carry_out(&self.w.owner.id(), &orders)
    }

    fn everything(&self) -> Vec<SealedPartition> {
        let entries = self.w.cloud.list(&self.w.id()).unwrap();
        let fetch = |(record, partition, version): &Entry| {
            let sealed = self.w.cloud.fetch(&self.w.id(), record, partition, *version).unwrap();
            assert!(self.w.owner.open(*record, *partition, Versions::Exactly(*version), &sealed).is_ok());
            sealed
        };
        entries.iter().map(fetch).collect()
    }

    /// Generation and layer of a stored partition.
    fn state(&self, partition: Partition, version: u64) -> (u32, Option<u32>) {
        let sealed = self.stored(partition, version);
        (sealed.header().mutable().generation(), sealed.header().mutable().layer().generation())
    }

    fn send_to_dan(&mut self, update: &Update, now: Timestamp) {
        self.send(update, now);
    }
}

#[test]
fn several_departures_are_brought_to_the_end_at_once() {
    use Role::{Insurer, Researcher};
    for (role, first_pass) in [(Insurer, 0), (Insurer, 3), (Researcher, 3), (Researcher, usize::MAX)] {
        let mut s = Story::new();
        let eve = user::<Kapre>(13);
        s.w.join(&eve, role, at(4), at(4));
        s.write(3, at(5));
        s.depart(Level::Bodies, at(6));
        s.write(4, at(7));
        s.page(None, first_pass);
        s.leave(&eve.id(), Level::Bodies, at(8));
        s.write(5, at(9));
        // Generations 0, 1 and 2, and layers 1 and 2, of one partition or of two.
        let check = |s: &mut Story, now| {
            for version in 1..=5 {
                for partition in [MEDICAL, INSURANCE] {
                    let reads = [false, true, version > 1];
                    assert_eq!(s.read(partition, version, now), reads, "{partition:?} {version}");
                }
            }
            assert_eq!(s.everything().len(), 20);
        };
        let half = s.w.cloud.headers(&s.w.id(), None, 7).unwrap();
        let orders = s.w.owner.orders(&half).unwrap().unwrap();
        assert!(!orders.is_empty() && orders.len() <= 7);
        check(&mut s, at(10));
        assert_eq!(s.w.cloud.carry_out(&s.w.owner.id(), &orders).unwrap().refused, []);
        check(&mut s, at(11));
        assert_eq!(s.carry_out().refused, []);
        check(&mut s, at(12));
        for version in 1..=5 {
            // Each has the newest layer of its partition, if it was written before.
            let first = (version <= 3).then_some(1);
            let second = (version <= 4).then_some(2);
            let (medical, insurance) = if role == Insurer { (first, second) } else { (second, None) };
            assert_eq!(s.state(MEDICAL, version), (2, medical));
            assert_eq!(s.state(INSURANCE, version), (2, insurance));
        }
        assert_eq!(s.ordered(), None);
        s.settle(at(13));
        check(&mut s, at(14));
    }
}

#[test]
fn orders_that_come_again_or_late_change_nothing() {
    let mut s = Story::new();
    let eve = user::<Kapre>(13);
    s.w.join(&eve, Role::Researcher, at(4), at(4));
    s.depart(Level::Bodies, at(6));
    let first = s.ordered().unwrap();
    // In part, and then again in full: what was done is left alone.
    let (part, _) = s.page(None, 2);
    assert!(part.unwrap().rotated == 2);
    let done = s.obey(&first).unwrap();
    assert_eq!((done.rotated, done.covered), (6, 2 - part_covered(&s, &first)));
    let stored = s.everything();
    assert_eq!(s.obey(&first), Ok(Progress::default()));
    assert_eq!(s.everything(), stored);
    // Layers alone, with no token.
    s.leave(&eve.id(), Level::Bodies, at(8));
    // Of a generation that is not the directory's any more.
    assert_eq!(s.obey(&first), Err(CloudError::Rotate(RotateError::Chain)));
    assert_eq!(s.everything(), stored);
    let second = s.ordered().unwrap();
    assert_eq!(s.obey(&second).unwrap().rotated, 8);
    let stored = s.everything();
    for orders in [&first, &second, &first, &second] {
        assert!(!matches!(s.obey(orders), Ok(progress) if progress != Progress::default()));
        assert_eq!(s.everything(), stored);
    }
    s.settle(at(9));
    assert_eq!(s.obey(&second), Ok(Progress::default()));
    assert_eq!(s.everything(), stored);
    assert_eq!(s.read(MEDICAL, 2, at(10)), [false, true, true]);
}

/// None of the first two is a medical one, in the order of the cloud: insurance comes first.
fn part_covered(s: &Story, _: &[u8]) -> usize {
    let names = s.w.cloud.list(&s.w.id()).unwrap();
    names[..2].iter().filter(|(_, partition, _)| *partition == MEDICAL).count()
}

/// Before the directory that has the certificate there is nothing to check a token with.
#[test]
fn orders_wait_for_the_directory() {
    let mut s = Story::new();
    let gone = s.w.owner.depart(&s.bob.id(), Level::Bodies, at(6), &mut s.w.rng).unwrap();
    let (orders, stored) = (s.ordered().unwrap(), s.everything());
    assert_eq!(s.obey(&orders), Err(CloudError::Rotate(RotateError::Chain)));
    assert_eq!(s.everything(), stored);
    s.send_to_dan(&gone, at(6));
    assert_eq!(s.obey(&orders).unwrap().rotated, 8);
}

#[test]
fn orders_of_others_and_altered_ones_are_refused() {
    let mut s = Story::new();
    s.depart(Level::Bodies, at(6));
    let stored = s.everything();
    let good = s.ordered().unwrap();
    let refused = |s: &mut Story, orders: &[u8]| {
        let Ok(orders) = Orders::from_bytes(orders) else { return };
        let done = s.w.cloud.carry_out(&s.w.owner.id(), &orders);
        assert_eq!(done, Err(CloudError::Orders));
    };
    // Every byte: terms, signature, tokens, entries, keys.
    let mut decoded = 0;
    for place in 4..good.len() {
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        decoded += usize::from(Orders::from_bytes(&bytes).is_ok());
        refused(&mut s, &bytes);
    }
    assert!(decoded > good.len() / 2, "{decoded} of {}", good.len());
    // Another owner's, whole; and under this owner's name.
    let mut other = Story::new();
    other.w = World::<Kapre>::of(2);
    let bob = user::<Kapre>(10);
    other.w.join(&bob, Role::Researcher, at(0), at(1));
    other.write(1, at(2));
    let theirs = other.w.owner.depart(&bob.id(), Level::Bodies, at(6), &mut other.w.rng).unwrap();
    other.w.send(&theirs, at(6));
    let theirs = other.ordered().unwrap();
    refused(&mut s, &theirs);
    assert_eq!(s.everything(), stored);
    let id = other.w.id();
    let orders = Orders::from_bytes(&theirs).unwrap();
    assert_eq!(s.w.cloud.carry_out(&id, &orders), Err(CloudError::UnknownOwner));
    // The owner's word for another owner's headers.
    let mut headers = s.all_headers();
    headers.push(other.all_headers()[0].clone());
    assert_eq!(s.w.owner.orders(&headers).unwrap_err(), OwnerError::NoSuchPeriod);
    // Nor more than there is room for.
    let many = vec![headers[0].clone(); Orders::MAX + 1];
    assert_eq!(s.w.owner.orders(&many).unwrap_err(), OwnerError::Exhausted);
    assert_eq!(s.w.owner.orders(&[]).unwrap().map(|orders| orders.len()), None);
    assert_eq!(s.obey(&good).unwrap().rotated, 8);
}

/// One that was signed, with a token from another chain than the directory's.
#[test]
fn tokens_of_another_chain_are_refused() {
    let mut s = Story::new();
    let fork = s.w.owner.membership();
    s.depart(Level::Headers, at(6));
    let stored = s.everything();
    // Two generations on, so that the newest of it is not the cloud's.
    let mut other = s.w.reopen(&fork);
    for seconds in [6, 7] {
        let member = if seconds == 6 { s.bob.id() } else { s.dan.id() };
        let _ = other.depart(&member, Level::Headers, at(seconds), &mut rng(70)).unwrap();
    }
    let orders = other.orders(&s.all_headers()).unwrap().unwrap().to_secret_bytes().to_vec();
    assert_eq!(s.obey(&orders), Err(CloudError::Rotate(RotateError::Chain)));
    assert_eq!(s.everything(), stored);
}

#[test]
fn headers_come_in_pages() {
    let mut s = Story::new();
    s.depart(Level::Headers, at(6));
    let all = s.all_headers();
    assert_eq!(all.len(), 8);
    let entries = s.w.cloud.list(&s.w.id()).unwrap();
    for (i, entry) in entries.iter().enumerate() {
        let page = s.w.cloud.headers(&s.w.id(), Some(entry), 2).unwrap();
        assert_eq!(page[..], all[i + 1..all.len().min(i + 3)]);
    }
    // From behind one that is not there.
    let (record, partition, version) = entries[1];
    let page = s.w.cloud.headers(&s.w.id(), Some(&(record, partition, version + 9)), 1).unwrap();
    assert_eq!(page[..], all[2..3]);
}

impl Story {
    fn put(&mut self, partition: Partition, version: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let entries = self.w.cloud.list(&self.w.id()).unwrap();
        let place = entries.iter().position(|entry| *entry == (RECORD, partition, version)).unwrap();
        let name = self.w.cloud.storage().keys(b"record/").unwrap()[place].clone();
        let mut storage = self.w.cloud.storage().clone();
        let mut value = storage.get(&name).unwrap().unwrap().to_vec();
        change(&mut value);
        storage.put(&name, &value).unwrap();
        self.w.cloud = Cloud::new(Kapre::params(), storage).unwrap();
    }
}

#[test]
fn what_is_broken_is_left_and_named_and_the_rest_moves() {
    let mut s = Story::new();
    s.depart(Level::Bodies, at(6));
    let stored = s.stored(MEDICAL, 1);
    // The rotating part of another capsule: a point, and not the right one.
    let other = s.stored(MEDICAL, 2).header().mutable().capsule_mutable().to_vec();
    let own = stored.header().mutable().capsule_mutable().to_vec();
    s.put(MEDICAL, 1, |value| {
        let place = value.windows(own.len()).position(|window| window == own).unwrap();
        value[place..place + own.len()].copy_from_slice(&other);
    });
    // No point at all.
    let own = s.stored(INSURANCE, 1).header().mutable().capsule_mutable().to_vec();
    s.put(INSURANCE, 1, |value| {
        let place = value.windows(own.len()).position(|window| window == own).unwrap();
        value[place..place + own.len()].fill(0xff);
    });
    let broken = [s.stored(MEDICAL, 1), s.stored(INSURANCE, 1)];
    // No record at all, once the owner has seen its header.
    let orders = s.ordered().unwrap();
    s.put(INSURANCE, 2, |value| value.truncate(9));
    let progress = s.obey(&orders).unwrap();
    let names = [(RECORD, INSURANCE, 1), (RECORD, INSURANCE, 2), (RECORD, MEDICAL, 1)];
    let mut refused = progress.refused.clone();
    refused.sort_unstable();
    assert_eq!(refused, names);
    assert_eq!((progress.rotated, progress.covered), (5, 1));
    assert_eq!([s.stored(MEDICAL, 1), s.stored(INSURANCE, 1)], broken);
    assert_eq!((s.state(MEDICAL, 2), s.state(MEDICAL, 1)), ((1, Some(1)), (0, None)));
    assert_eq!(s.read(MEDICAL, 2, at(8)), [false, true, true]);
    // Nor does it keep the owner from what comes behind it.
    assert_eq!(s.all_headers().len(), 7);
    // Repaired from a backup, it follows.
    let bytes = stored.to_bytes();
    s.put(MEDICAL, 1, |value| *value = bytes);
    let progress = s.carry_out();
    assert_eq!((progress.rotated, progress.covered, progress.refused), (1, 1, vec![(RECORD, INSURANCE, 1)]));
    assert_eq!(s.read(MEDICAL, 1, at(9)), [false, true, false]);
}

#[test]
fn uploads_have_no_layer_and_the_newest_generation() {
    let mut s = Story::new();
    let sealed = s.w.seal(Partition::PERSONAL, 3, at(5));
    let stale = s.w.seal(MEDICAL, 3, at(5));
    // In a layer, as a cloud would have it: a reader has no key for it, and the name would be taken.
    let mut layered = sealed.clone();
    let key = || sesphr::record::LayerKey::derive(&leaf_key(), &sealed.header().immutable().digest());
    layered.relayer(&LayerStep::new(None, (1, key())).unwrap()).unwrap();
    assert_eq!(layered.header().mutable().layer(), Layer::Stream { generation: 1 });
    assert!(matches!(s.w.cloud.upload(&layered, at(5)), Err(CloudError::Open(_))));
    // The field alone, over a body that is as it was sealed.
    let named = SealedPartition::from_parts(layered.header().clone(), sealed.body().to_vec()).unwrap();
    assert!(matches!(s.w.cloud.upload(&named, at(5)), Err(CloudError::Open(_))));
    s.w.cloud.upload(&sealed, at(5)).unwrap();
    let open = s.w.seal(Partition::PERSONAL, 4, at(5));
    s.depart(Level::Headers, at(6));
    // Sealed before: in a partition with a new epoch, and in one without.
    assert_eq!(s.w.cloud.upload(&stale, at(7)), Err(CloudError::OldKey));
    assert_eq!(s.w.cloud.upload(&open, at(7)), Err(CloudError::OldKey));
    s.write(5, at(7));
}

fn leaf_key() -> sesphr::epoch::tree::LeafKey {
    use sesphr::epoch::KeyTree;
    use sesphr::epoch::tree::{EpochKeys, EpochTree};
    let tree = EpochTree::new(party(1).id(), MEDICAL, 1, 16).unwrap();
    EpochKeys::derive(&World::<Kapre>::root(1), &tree).leaf(1).unwrap().key()
}

/// Nobody signs the rotating part of a header, and the owner believes it: until everything is settled, and afterwards only
/// where it is asked for what was left out.
#[test]
fn who_speaks_for_the_cloud_is_given_tokens_again_until_all_is_settled() {
    for level in [Level::Headers, Level::Bodies] {
        let mut s = Story::new();
        let before = s.all_headers();
        s.depart(level, at(6));
        let first = s.ordered().unwrap();
        assert_eq!(s.obey(&first).unwrap().rotated, 8);
        assert!(s.ordered().is_none() && s.w.owner.orders(&before).unwrap().is_some());
        let covered = s.all_headers();
        s.settle(at(7));
        assert!(s.w.owner.orders(&covered).unwrap().is_none());
        assert_eq!(s.w.owner.orders(&before).unwrap_err(), OwnerError::Settled);
        let again = s.w.owner.orders_for_left_out(&before).unwrap().unwrap();
        assert!(again.to_secret_bytes()[..] == first[..]);
        // A header of the newest generation that is said to be without its layer.
        let mut bare = covered[0].clone();
        let capsule = bare.capsule::<Kapre>().unwrap();
        bare = before[0].clone();
        bare.set_rotated(&capsule).unwrap();
        let ordered = s.w.owner.orders(std::slice::from_ref(&bare)).map(|orders| orders.is_some());
        let covers = covered[0].mutable().layer() != bare.mutable().layer();
        assert_eq!(ordered, if covers { Err(OwnerError::Settled) } else { Ok(false) });
    }
}
