//! Leaves: the secrets of single epochs, and the keys that follow from them.

use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;
use core::ops::RangeInclusive;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::node::Node;
use crate::hash::{Digest, label};

/// The secret of one epoch. Keys follow from it by separate labels, and it does not follow from them.
pub struct Leaf {
    tree: Digest,
    node: Node,
}

impl Leaf {
    /// The epoch.
    pub fn epoch(&self) -> u32 {
        self.node.place().first()
    }

    /// The epoch's symmetric key.
    pub fn key(&self) -> LeafKey {
        let mut key = LeafKey(Zeroizing::new([0; 32]));
        key.0.iter_mut().zip(&*self.node.expand(label::GGM_KEY, &self.tree)).for_each(|(to, from)| *to = *from);
        key
    }

    /// 64 uniform bytes for the epoch's scalar: as a little-endian integer modulo the order of a group of 256 bits, such
    /// as ristretto255. Tells nothing of [`Leaf::key`].
    pub fn scalar_bytes(&self) -> Zeroizing<[u8; 64]> {
        self.node.expand(label::GGM_WIDE, &self.tree)
    }
}

impl ZeroizeOnDrop for Leaf {}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf").field("tree", &self.tree).field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

/// The symmetric key of one epoch, 32 bytes. It is wiped on drop and cannot be printed or copied.
pub struct LeafKey(Zeroizing<[u8; 32]>);

impl LeafKey {
    /// The bytes, to derive from or for a cipher.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ZeroizeOnDrop for LeafKey {}

impl ConstantTimeEq for LeafKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl fmt::Debug for LeafKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeafKey").finish_non_exhaustive()
    }
}

/// The leaves of consecutive epochs, from [`KeyTree::leaves`](crate::epoch::KeyTree::leaves). It keeps the path to where
/// it is, and so derives no node twice: n leaves take at most n + 2h hash calls in a tree of height h.
pub struct Leaves<'a> {
    tree: Digest,
    epochs: RangeInclusive<u32>,
    // The held nodes that were not begun, and of the one that was, what is to the right of the path, highest first.
    held: core::slice::Iter<'a, Node>,
    pub(super) right: Zeroizing<Vec<Node>>,
}

impl<'a> Leaves<'a> {
    /// `held` begins with the node above the first of `epochs` and has no gap before the last.
    pub(super) fn new(tree: Digest, height: u8, epochs: RangeInclusive<u32>, held: &'a [Node]) -> Self {
        // One a level at most: growing would leave a copy behind.
        let right = Zeroizing::new(Vec::with_capacity(usize::from(height)));
        Self { tree, epochs, held: held.iter(), right }
    }
}

impl Iterator for Leaves<'_> {
    type Item = Leaf;

    fn next(&mut self) -> Option<Leaf> {
        let (epoch, begun) = (self.epochs.next()?, self.right.pop());
        let above = begun.as_ref().or_else(|| self.held.next())?;
        let node = above.descend(&self.tree, epoch, 0, |right| self.right.push(right));
        Some(Leaf { tree: self.tree, node })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.epochs.size_hint()
    }
}

impl FusedIterator for Leaves<'_> {}

impl ZeroizeOnDrop for Leaves<'_> {}

impl fmt::Debug for Leaves<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaves").field("tree", &self.tree).field("epochs", &self.epochs).finish_non_exhaustive()
    }
}
