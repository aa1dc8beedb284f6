//! Keys of epochs: their decoder, and holders who are granted, merge and erase, against a list of what is open. Broadcasts
//! and the keys of seats: their decoders.

use std::ops::RangeInclusive;
use std::sync::OnceLock;

use sesphr::Digest;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Message, SecretEncoding};
use sesphr::epoch::broadcast::{Broadcast, CommonKey, Group, GroupKeys, Recipients, SeatKeys};
use sesphr::epoch::rewrap::{
    DataKey, EpochDirectory, RecordVersion, Rise, Token, TokenTerms, VerifiedEpochDirectory, Wrapped,
};
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{BroadcastEncryption, EpochError, KeyTree, MergeError, Rewrap};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::OwnerRoot;

use super::{bytes, identity};

pub fn decode_epoch(data: &[u8]) {
    family!(
        data,
        EpochKeys,
        Signed<EpochDirectory>,
        Wrapped,
        Signed<TokenTerms>,
        Token,
        Broadcast,
        Signed<Broadcast>,
        SeatKeys
    );
    decoded_broadcast(data);
    let Ok(keys) = EpochKeys::from_bytes(data) else { return };
    let runs: Vec<_> = keys.epochs().collect();
    assert!(runs.iter().all(|run| !run.is_empty() && *run.end() <= keys.tree().last_epoch()));
    assert!(runs.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
    for run in runs.iter().take(4) {
        // Each end opens, what is beside it does not, and the run is a grant that is merged in without a trace.
        let (first, last) = (*run.start(), *run.end());
        assert!(keys.leaf(first).is_ok() && keys.leaf(last).is_ok());
        assert!(first == 0 || keys.leaf(first - 1).is_err());
        assert!(last == u32::MAX || keys.leaf(last + 1).is_err());
        let mut same = EpochKeys::from_bytes(data).unwrap();
        same.merge(&keys.grant(run.clone()).unwrap()).unwrap();
        assert!(*same.to_secret_bytes() == *data);
    }
}

/// A cover is the smallest for whom it is to, and nobody opens what the owner did not wrap.
fn decoded_broadcast(data: &[u8]) {
    if let Ok(seat) = SeatKeys::from_bytes(data) {
        assert!(seat.seat() < seat.group().seats());
    }
    let Ok(broadcast) = Broadcast::from_bytes(data) else { return };
    let (group, (owner, root)) = (*broadcast.group(), group_owner());
    assert!(broadcast.nodes() > 0 && !broadcast.is_to(group.seats()) && !broadcast.is_to(u32::MAX));
    // Great ones take too long to list.
    if group.owner() != owner.id() || group.height() > 8 {
        return;
    }
    let keys = GroupKeys::derive(&root, &group);
    let revoked: Vec<_> = (0..group.seats()).filter(|seat| !broadcast.is_to(*seat)).collect();
    let recipients = Recipients { seats: group.seats(), revoked: &revoked };
    let again = keys.broadcast(&owner, 5, &common(), &recipients, &mut super::Toy(7)).unwrap();
    assert_eq!(again.unverified().nodes(), broadcast.nodes());
    let sent = Signed::new(&owner, broadcast).verify(&owner.id()).unwrap();
    for seat in 0..group.seats() {
        let opened = keys.seat(seat).unwrap().open(&sent);
        assert!(opened.is_err() || (sent.is_to(seat) && opened.unwrap().as_bytes() == common().as_bytes()));
    }
}

fn common() -> CommonKey {
    CommonKey::new([7; 32].into())
}

fn group_owner() -> (SigningKey, OwnerRoot) {
    (SigningKey::from_seed(&[6; 32]), OwnerRoot::try_generate(&mut super::Toy(6)).unwrap())
}

/// The owner's keys of trees of height 5 and 32: what a list can hold, and what cannot be listed.
fn owners() -> &'static [EpochKeys; 2] {
    static OWNERS: OnceLock<[EpochKeys; 2]> = OnceLock::new();
    OWNERS.get_or_init(|| {
        let (owner, root) = (SigningKey::from_seed(&[6; 32]), OwnerRoot::try_generate(&mut super::Toy(6)).unwrap());
        [5, 32].map(|height| {
            let tree = EpochTree::new(owner.id(), Partition::MEDICAL, 2, height).unwrap();
            EpochKeys::derive(&root, &tree)
        })
    })
}

/// The epochs that are looked at: all 32 of the small tree, and 16 at each end of the great one. A run of numbers here
/// is a run there but for the middle.
fn epoch(owner: &EpochKeys, number: u8) -> u32 {
    let number = u32::from(number % 32);
    if number < 16 { number } else { owner.tree().last_epoch() - (31 - number) }
}

/// Three bytes are one step: which, from where, and how far. Two holders, and which epochs are open to each.
pub fn epoch_keys(data: &[u8]) {
    let Some((tree, steps)) = data.split_first() else { return };
    let owner = &owners()[usize::from(tree & 1)];
    let range = |a: u8, b: u8| -> RangeInclusive<u32> { epoch(owner, a)..=epoch(owner, b) };
    let listed = |a: u8, b: u8| (0..32).filter(move |number| (a % 32..=b % 32).contains(number));
    let nothing = || {
        let mut none = owner.grant(0..=0).unwrap();
        none.puncture(0..=0).unwrap();
        none
    };
    let (mut keys, mut other) = (nothing(), nothing());
    let (mut open, mut open_other) = ([false; 32], [false; 32]);
    for step in steps.chunks_exact(3).take(48) {
        let (a, b) = (step[1], step[2]);
        if a % 32 > b % 32 {
            assert_eq!(keys.puncture(range(a, b)), Err(EpochError::Empty));
            assert!(matches!(owner.grant(range(a, b)), Err(EpochError::Empty)));
            continue;
        }
        match step[0] % 6 {
            // From the owner, and from the other holder if it can.
            0 => {
                keys.merge(&owner.grant(range(a, b)).unwrap()).unwrap();
                listed(a, b).for_each(|number| open[usize::from(number)] = true);
            }
            1 => match other.grant(range(a, b)) {
                Ok(grant) => {
                    assert!(listed(a, b).all(|number| open_other[usize::from(number)]));
                    keys.merge(&grant).unwrap();
                    listed(a, b).for_each(|number| open[usize::from(number)] = true);
                }
                // In the great tree the middle may be missing.
                Err(error) => {
                    assert_eq!(error, EpochError::NotHeld);
                    assert!(tree & 1 == 1 || listed(a, b).any(|number| !open_other[usize::from(number)]));
                }
            },
            2 | 3 => {
                keys.puncture(range(a, b)).unwrap();
                let once = bytes(&keys);
                keys.puncture(range(a, b)).unwrap();
                assert!(bytes(&keys) == once);
                listed(a, b).for_each(|number| open[usize::from(number)] = false);
            }
            4 => {
                keys.merge(&other).unwrap();
                open.iter_mut().zip(&open_other).for_each(|(open, other)| *open |= other);
            }
            _ => {
                (keys, other) = (other, keys);
                (open, open_other) = (open_other, open);
            }
        }
    }
    check(owner, &keys, &open);
    check(owner, &other, &open_other);

    // A key that is not the owner's is noticed where both have one, and changes nothing.
    let mut forged = bytes(&keys);
    if forged.len() > bytes(&nothing()).len() {
        *forged.last_mut().unwrap() ^= 1;
        let before = bytes(&keys);
        assert_eq!(keys.merge(&EpochKeys::from_bytes(&forged).unwrap()), Err(MergeError::Inconsistent));
        assert!(bytes(&keys) == before);
    }
}

fn check(owner: &EpochKeys, keys: &EpochKeys, open: &[bool; 32]) {
    identity::<EpochKeys>(&bytes(keys));
    for (number, open) in (0..).zip(open) {
        let epoch = epoch(owner, number);
        let leaf = keys.leaf(epoch);
        assert_eq!(leaf.is_ok(), *open);
        assert_eq!(keys.epochs().any(|run| run.contains(&epoch)), *open);
        assert!(leaf.is_err() || leaf.unwrap().key().as_bytes() == owner.leaf(epoch).unwrap().key().as_bytes());
    }
    // The leaves of a run, as far as it is short, are those that were looked up.
    for run in keys.epochs().filter(|run| run.end() - run.start() < 32) {
        for (epoch, leaf) in run.clone().zip(keys.leaves(run).unwrap()) {
            assert_eq!(leaf.epoch(), epoch);
            assert!(leaf.scalar_bytes() == keys.leaf(epoch).unwrap().scalar_bytes());
        }
    }
}

/// A directory, a wrapped key, and the token that leads to the next generation.
fn rewrap() -> (Signed<EpochDirectory>, Wrapped, Token) {
    let (owner, rng) = (SigningKey::from_seed(&[6; 32]), &mut super::Toy(7));
    let root = OwnerRoot::try_generate(rng).unwrap();
    let [old, new] = [0, 1].map(|generation| {
        let tree = EpochTree::new(owner.id(), Partition::MEDICAL, generation, 5).unwrap();
        Rise::secret(&EpochKeys::derive(&root, &tree), 9).unwrap()
    });
    let (now, validity) = (Timestamp(15), Validity::new(Timestamp(10), Timestamp(20)).unwrap());
    let directory = Signed::new(&owner, EpochDirectory::new(1, validity, [&old]).unwrap());
    let checked = VerifiedEpochDirectory::new(&directory, &owner.id(), 0, now).unwrap();
    let subject = RecordVersion { record: RecordId::from_array([7; 16]), version: 1 };
    let key = checked.key(&Partition::MEDICAL, now).unwrap();
    let wrapped = Rise::wrap(key, &subject, &DataKey::from_array(&[9; 32]), &owner, rng).unwrap();
    (directory, wrapped, Rise::token(&old, &new, &owner).unwrap())
}

/// Seeds: what is granted and held, and some steps; what is wrapped and moves it.
pub fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let [small, great] = owners();
    let mut parts = small.grant(1..=6).unwrap();
    parts.merge(&small.grant(7..=30).unwrap()).unwrap();
    parts.puncture(10..=11).unwrap();
    let (owner, root) = group_owner();
    let group = GroupKeys::derive(&root, &Group::new(owner.id(), Digest::from_array([6; 32]), 3).unwrap());
    let recipients = Recipients { seats: 7, revoked: &[2] };
    let broadcast = group.broadcast(&owner, 5, &common(), &recipients, &mut super::Toy(7)).unwrap();
    let (directory, wrapped, token) = rewrap();
    vec![
        ("decode_epoch", "broadcast", bytes(broadcast.unverified())),
        ("decode_epoch", "broadcast-signed", bytes(&broadcast)),
        ("decode_epoch", "seat-keys", bytes(&group.seat(5).unwrap())),
        ("decode_epoch", "directory", bytes(&directory)),
        ("decode_epoch", "wrapped", bytes(&wrapped)),
        ("decode_epoch", "terms", bytes(token.terms())),
        ("decode_epoch", "token", bytes(&token)),
        ("decode_epoch", "all", bytes(small)),
        ("decode_epoch", "grant", bytes(&great.grant(1..=u32::MAX - 1).unwrap())),
        ("decode_epoch", "parts", bytes(&parts)),
        (
            "epoch_keys",
            "small",
            [[0].as_slice(), &[0, 1, 14], &[5, 0, 0], &[0, 3, 30], &[1, 2, 9], &[2, 0, 7]].concat(),
        ),
        (
            "epoch_keys",
            "great",
            [[1].as_slice(), &[0, 0, 31], &[2, 8, 20], &[5, 0, 0], &[0, 15, 16], &[4, 0, 0]].concat(),
        ),
        ("epoch_keys", "reversed", vec![0, 0, 9, 3]),
    ]
}
