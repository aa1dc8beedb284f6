//! Nodes of the tree: where they are, and how one follows from another.

use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::encoding::{Reader, Sink};
use crate::error::DecodeError;
use crate::hash::{Digest, Label, hash, label};

/// The greatest height of a tree: epochs are `u32`.
pub(super) const MAX_HEIGHT: u8 = 32;

/// The last of 2^`level` epochs from 0 on, for levels up to 32.
pub(super) fn last_of(level: u8) -> u32 {
    let unused = MAX_HEIGHT.saturating_sub(level);
    // Shifting all 32 bits out is none to the standard library.
    u32::MAX.checked_shr(u32::from(unused)).unwrap_or(0)
}

/// Where a node is: its level, leaves being at 0, and its number among the nodes of that level, from the left.
///
/// Nothing here is secret, and nothing of it constant in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::epoch) struct Place {
    level: u8,
    index: u32,
}

impl Place {
    /// Encoded length.
    pub(in crate::epoch) const LEN: usize = 1 + 4;

    /// The root of a tree.
    pub(super) fn root(height: u8) -> Self {
        Self { level: height, index: 0 }
    }

    pub(in crate::epoch) fn level(self) -> u8 {
        self.level
    }

    /// The first epoch under the node.
    pub(in crate::epoch) fn first(self) -> u32 {
        // The root of the highest tree is its only node that is 32 bits up, and has index 0.
        self.index.checked_shl(u32::from(self.level)).unwrap_or(0)
    }

    /// The last epoch under the node.
    pub(in crate::epoch) fn last(self) -> u32 {
        self.first() | last_of(self.level)
    }

    /// Whether `other` is this node or below it.
    pub(super) fn spans(self, other: Self) -> bool {
        self.first() <= other.first() && other.last() <= self.last()
    }

    /// Orders nodes from left to right, and above before below.
    pub(super) fn order(self) -> (u32, core::cmp::Reverse<u8>) {
        (self.first(), core::cmp::Reverse(self.level))
    }

    /// The greatest node that starts with `first` and ends before `end`, which comes after it.
    pub(in crate::epoch) fn greatest(first: u32, end: u32) -> Self {
        let fits = end.saturating_sub(first).checked_ilog2().unwrap_or(0);
        let level = fits.min(first.trailing_zeros());
        // A level is at most 31 here, as an end is a `u32`.
        Self { level: level as u8, index: first >> level }
    }

    /// The node of `level` above a leaf.
    pub(in crate::epoch) fn above(leaf: u32, level: u8) -> Self {
        Self { level, index: leaf.checked_shr(u32::from(level)).unwrap_or(0) }
    }

    /// Whether the two hang from one node.
    pub(in crate::epoch) fn is_sibling(self, other: Self) -> bool {
        self.level == other.level && self.index ^ 1 == other.index
    }

    /// The two below, for a level above 0.
    fn children(self) -> (Self, Self) {
        let (level, left) = (self.level.saturating_sub(1), self.index << 1);
        (Self { level, index: left }, Self { level, index: left | 1 })
    }

    /// Level and index, in one and four bytes.
    pub(in crate::epoch) fn to_array(self) -> [u8; Self::LEN] {
        let [a, b, c, d] = self.index.to_be_bytes();
        [self.level, a, b, c, d]
    }

    /// Reads where a node of a tree of this height is.
    pub(in crate::epoch) fn read(reader: &mut Reader<'_>, height: u8) -> Result<Self, DecodeError> {
        let ([level], index) = (reader.array()?, reader.u32()?);
        // How far below the root it is, and so how many nodes there are beside it.
        let depth = height.checked_sub(level).ok_or(DecodeError::Value)?;
        if index > last_of(depth) { Err(DecodeError::Value) } else { Ok(Self { level, index }) }
    }
}

/// A node and its key. Everything below follows from it, nothing above or beside it.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Node {
    #[zeroize(skip)]
    place: Place,
    key: [u8; 32],
}

impl Node {
    /// Encoded length.
    pub(super) const LEN: usize = Place::LEN + 32;

    /// `key` has 32 bytes.
    pub(super) fn new(place: Place, key: &[u8]) -> Self {
        let mut node = Self { place, key: [0; 32] };
        node.key.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        node
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// A second one. Copies are made by name alone.
    pub(super) fn duplicate(&self) -> Self {
        Self { place: self.place, key: self.key }
    }

    /// 64 bytes for the purpose that `label` names, in one call of the compression function.
    pub(super) fn expand(&self, label: Label, tree: &Digest) -> Zeroizing<[u8; 64]> {
        #[cfg(test)]
        count::one();
        let mut place = [0; 32 + Place::LEN];
        let (id, rest) = place.split_at_mut(32);
        id.copy_from_slice(tree.as_bytes());
        rest.copy_from_slice(&self.place.to_array());
        hash(label, &[&self.key, &place]).wide()
    }

    /// The two below, for a level above 0.
    pub(super) fn children(&self, tree: &Digest) -> (Self, Self) {
        let (keys, (left, right)) = (self.expand(label::GGM_NODE, tree), self.place.children());
        let (left_key, right_key) = keys.split_at(32);
        (Self::new(left, left_key), Self::new(right, right_key))
    }

    /// The node of `level` above `epoch`, which is under this one. What is beside the way to the right goes to `right`,
    /// higher ones first.
    pub(super) fn descend(&self, tree: &Digest, epoch: u32, level: u8, mut right: impl FnMut(Self)) -> Self {
        let mut node = self.duplicate();
        while node.place.level > level {
            let (left, other) = node.children(tree);
            node = if epoch <= left.place.last() {
                right(other);
                left
            } else {
                other
            };
        }
        node
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&self.place.to_array());
        sink.put(&self.key);
    }

    /// Reads a node of a tree of this height.
    pub(super) fn read(reader: &mut Reader<'_>, height: u8) -> Result<Self, DecodeError> {
        Ok(Self::new(Place::read(reader, height)?, reader.take(32)?))
    }
}

impl ConstantTimeEq for Node {
    /// Of the keys: whoever compares knows that the places are one.
    fn ct_eq(&self, other: &Self) -> Choice {
        self.key.ct_eq(&other.key)
    }
}

/// Counts hash calls, for the tests that bound them.
#[cfg(test)]
pub(super) mod count {
    use core::cell::Cell;

    std::thread_local!(static CALLS: Cell<usize> = const { Cell::new(0) });

    pub(super) fn one() {
        CALLS.with(|calls| calls.set(calls.get() + 1));
    }

    /// How many calls `f` makes.
    pub(in crate::epoch::tree) fn of<T>(f: impl FnOnce() -> T) -> (usize, T) {
        let before = CALLS.with(Cell::get);
        let out = f();
        (CALLS.with(Cell::get) - before, out)
    }
}
