//! Keys of epochs, and broadcasts to groups. The owner's root and every key that follows from it are secret; which epochs
//! or seats they are of is not, nor who is revoked.

use sesphr::Digest;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::epoch::broadcast::{Broadcast, CommonKey, Group, GroupKeys, Recipients, SeatKeys};
use sesphr::epoch::tree::{EpochKeys, EpochTree, Leaf};
use sesphr::epoch::{BroadcastEncryption, KeyTree, MergeError};
use sesphr::identity::{Signed, SigningKey, Verified};
use sesphr::kem::OwnerRoot;

use crate::Case;
use crate::memcheck::{declassify_bytes, is_secret, poison, running};
use crate::world::{OWNER, Toy, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("epoch-derive", derive),
    ("epoch-keys-decode", keys_decode),
    ("epoch-grant", grant),
    ("epoch-puncture", puncture),
    ("epoch-leaves", leaves),
    ("epoch-merge", merge),
    ("epoch-merge-other-keys", merge_other_keys),
    ("broadcast-seat", broadcast_seat),
    ("broadcast", broadcast),
    ("broadcast-open", broadcast_open),
    ("broadcast-open-other-keys", broadcast_open_other_keys),
];

/// Header, owner, “medical” with its length, generation, height, count.
const HEAD: usize = 4 + 32 + 4 + 7 + 4 + 1 + 4;
/// Level, index, key.
const NODE: usize = 1 + 4 + 32;

fn tree() -> EpochTree {
    EpochTree::new(SigningKey::from_seed(&OWNER).id(), Partition::MEDICAL, 1, 8).unwrap()
}

fn root() -> OwnerRoot {
    OwnerRoot::try_generate(&mut Toy::clear()).unwrap()
}

/// In the clear.
pub fn all() -> EpochKeys {
    EpochKeys::derive(&root(), &tree())
}

/// The keys among the bytes of an encoding.
fn secrets(bytes: &mut [u8]) -> impl Iterator<Item = &mut [u8]> {
    bytes[HEAD..].chunks_exact_mut(NODE).map(|node| &mut node[5..])
}

/// The same keys, marked.
pub fn marked(keys: &EpochKeys) -> EpochKeys {
    let mut bytes = keys.to_secret_bytes();
    secrets(&mut bytes).for_each(poison);
    EpochKeys::from_bytes(&bytes).unwrap()
}

/// Every key is secret, everything else is not, and they are those of `expected`.
fn assert_keys(keys: &EpochKeys, expected: &EpochKeys) {
    let mut bytes = keys.to_secret_bytes();
    secrets(&mut bytes).for_each(|key| {
        assert_eq!(is_secret(key), running());
        declassify_bytes(key);
    });
    assert!(!is_secret(&bytes) && *bytes == *expected.to_secret_bytes());
}

fn assert_leaf(leaf: &Leaf) {
    let expected = all().leaf(leaf.epoch()).unwrap();
    let (key, wide) = (leaf.key(), leaf.scalar_bytes());
    for bytes in [&key.as_bytes()[..], &wide[..]] {
        assert_eq!(is_secret(bytes), running());
        declassify_bytes(bytes);
    }
    assert!(key.as_bytes() == expected.key().as_bytes() && *wide == *expected.scalar_bytes());
}

fn derive() {
    let root = decode_marked(&root(), |bytes| &mut bytes[4..]);
    assert_keys(&EpochKeys::derive(&root, &tree()), &all());
}

fn keys_decode() {
    let keys = all().grant(3..=200).unwrap();
    assert_keys(&marked(&keys), &keys);
}

fn grant() {
    assert_keys(&marked(&all()).grant(3..=200).unwrap(), &all().grant(3..=200).unwrap());
}

fn puncture() {
    let mut keys = marked(&all());
    keys.puncture(0..=99).unwrap();
    assert_keys(&keys, &all().grant(100..=255).unwrap());
}

fn leaves() {
    let keys = marked(&all().grant(3..=200).unwrap());
    keys.leaves(15..=17).unwrap().for_each(|leaf| assert_leaf(&leaf));
}

fn merge() {
    let mut keys = marked(&all().grant(3..=3).unwrap());
    keys.merge(&marked(&all().grant(0..=127).unwrap())).unwrap();
    assert_keys(&keys, &all().grant(0..=127).unwrap());
}

/// That they disagree is told, and no more.
fn merge_other_keys() {
    let mut bytes = all().grant(3..=3).unwrap().to_secret_bytes();
    bytes.last_mut().into_iter().for_each(|byte| *byte ^= 8);
    let mut keys = marked(&EpochKeys::from_bytes(&bytes).unwrap());
    assert_eq!(keys.merge(&marked(&all())), Err(MergeError::Inconsistent));
}

/// Bytes of the keys of a seat before the first: header, group, seat.
const SEAT: usize = 4 + 65 + 4;

fn group() -> Group {
    Group::new(SigningKey::from_seed(&OWNER).id(), Digest::from_array([5; 32]), 8).unwrap()
}

/// In the clear.
fn group_keys() -> GroupKeys {
    GroupKeys::derive(&root(), &group())
}

fn common() -> [u8; 32] {
    [0x3c; 32]
}

/// Seat 5 opens it on level 2.
const TO: Recipients<'static> = Recipients { seats: 200, revoked: &[0, 77] };

/// In the clear.
fn sent() -> Verified<Broadcast> {
    let owner = SigningKey::from_seed(&OWNER);
    let sent = group_keys().broadcast(&owner, 3, &CommonKey::new(common().into()), &TO, &mut Toy::clear());
    sent.unwrap().verify(&owner.id()).unwrap()
}

fn assert_common(opened: &CommonKey) {
    assert_eq!(is_secret(opened.as_bytes()), running());
    declassify_bytes(opened.as_bytes());
    assert!(opened.as_bytes() == &common());
}

fn broadcast_seat() {
    let root = decode_marked(&root(), |bytes| &mut bytes[4..]);
    let bytes = GroupKeys::derive(&root, &group()).seat(5).unwrap().to_secret_bytes();
    for key in bytes[SEAT..].chunks_exact(32) {
        assert_eq!(is_secret(key), running());
        declassify_bytes(key);
    }
    assert!(!is_secret(&bytes) && *bytes == *group_keys().seat(5).unwrap().to_secret_bytes());
}

fn broadcast() {
    let (owner, root) = (secret_signer(OWNER), decode_marked(&root(), |bytes| &mut bytes[4..]));
    let mut marked = common();
    poison(&mut marked);
    let marked = CommonKey::new(marked.into());
    let sent = GroupKeys::derive(&root, &group()).broadcast(&owner, 3, &marked, &TO, &mut Toy::secret()).unwrap();
    let bytes = sent.to_bytes();
    assert_eq!(is_secret(&bytes), running());
    declassify_bytes(&bytes);
    let sent = Signed::<Broadcast>::from_bytes(&bytes).unwrap().verify(&group().owner()).unwrap();
    assert!(group_keys().seat(5).unwrap().open(&sent).unwrap().as_bytes() == &common());
    assert!(group_keys().seat(77).unwrap().open(&sent).is_err());
}

fn broadcast_open() {
    let seat: SeatKeys = decode_marked(&group_keys().seat(5).unwrap(), |bytes| &mut bytes[SEAT..]);
    assert_common(&seat.open(&sent()).unwrap());
}

/// That they are others is told, and no more.
fn broadcast_open_other_keys() {
    let mut bytes = group_keys().seat(5).unwrap().to_secret_bytes();
    bytes[SEAT..].chunks_exact_mut(32).for_each(|key| key[31] ^= 8);
    poison(&mut bytes[SEAT..]);
    assert!(SeatKeys::from_bytes(&bytes).unwrap().open(&sent()).is_err());
}
