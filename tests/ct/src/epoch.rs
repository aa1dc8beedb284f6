//! Keys of epochs. The owner's root and every key that follows from it are secret; which epochs they are of is not.

use sesphr::context::Partition;
use sesphr::encoding::{Message, SecretEncoding};
use sesphr::epoch::tree::{EpochKeys, EpochTree, Leaf};
use sesphr::epoch::{KeyTree, MergeError};
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;

use crate::Case;
use crate::memcheck::{declassify_bytes, is_secret, poison, running};
use crate::world::{OWNER, Toy, decode_marked};

pub const CASES: &[Case] = &[
    ("epoch-derive", derive),
    ("epoch-keys-decode", keys_decode),
    ("epoch-grant", grant),
    ("epoch-puncture", puncture),
    ("epoch-leaves", leaves),
    ("epoch-merge", merge),
    ("epoch-merge-other-keys", merge_other_keys),
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
