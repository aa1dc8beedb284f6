//! Epoch keys as the leaves of a binary tree: a range of any length is handed out as a few nodes.
//!
//! # Construction
//!
//! The tree of Goldreich, Goldwasser and Micali (*Journal of the ACM* 33(4), 1986) over 2^h epochs, 1 ≤ h ≤ 32. A
//! node is named by its level, leaves being at 0 and the root at h, and by its index on that level from the left.
//!
//! * **Tree**: one per owner, partition and generation g. id = H(owner id, partition, g, h), h as one byte.
//! * **Root**: master = KDF(root secret, owner id, partition); root_g = KDF(master, id).
//! * **Nodes**: left child ‖ right child = H(key, id ‖ level ‖ index), 32 bytes each, with level and index those of the
//!   parent, as one and four bytes.
//! * **Leaves**: the symmetric key is the first 32 bytes of H(leaf, id ‖ 0 ‖ epoch) under a label of its own, and the 64
//!   bytes for a scalar are that hash under a third.
//! * **Grant**: the keys of the largest nodes that lie within the range, [as few as can be](#covers).
//!
//! H is the crate's labelled hash, SHA-512, in its usual framing. Its 64 bytes are just two children, and the labels are
//! so short that 111 bytes or less are hashed: one call of the compression function for both. All inputs under these
//! labels are of one length, so that what extends one of them is none of them.
//!
//! Why not another: keyed BLAKE3 takes less than half the time (0.12 µs against 0.3 µs on one x86-64 core), which nobody
//! notices beside the ciphers and points that the keys are for, and every key would rest on a second function; bodies
//! are hashed with it, but no secret is derived. HKDF takes eight calls, and what it does has no use here: the keys are
//! uniform, and there is one block to expand to.
//!
//! id, level and index are in every hash, so that a guess at a key can be tested against one node of one owner, and not
//! against all there are.
//!
//! # Covers
//!
//! A range of epochs is granted as its *cover*: the nodes whose epochs all lie in the range while their parent's do not.
//! There are at most max(1, 2h − 2) of them, found with at most 2h hash calls. (Kiayias, Papadopoulos,
//! Triandopoulos and Zacharias, *CCS* 2013, call this the best range cover.)
//!
//! [`EpochKeys`] are a set of nodes none of which lies below another, in the order of their epochs. That is the one normal
//! form of what somebody knows: each node that is held follows from none of the others, and every node that can be
//! derived follows from exactly one. It is what is encoded, and decoding takes nothing else.
//!
//! **It is minimal for what is known, not for which epochs are open.** A parent's key cannot be computed from its
//! children's: that is what makes a grant safe. So whoever merges the grants of 0–1 and 2–3 holds two nodes for ever,
//! where the grant of 0–3 would have been one, and both are normal forms: they open the same epochs, but they are not the
//! same knowledge. Two siblings are therefore no fault in an encoding, a node and one below it are. What keeps a
//! holder's keys few is a grant of the whole range from somebody who holds the node above: merging it in replaces them.
//!
//! When a node that is held and one below it meet in a merge, the lower one is derived and compared, in constant time,
//! and only the upper one is kept.
//!
//! # What it rests on
//!
//! Keys of epochs outside of everything that was granted are as good as random to all holders together, if a node's
//! hash is a pseudorandom function of its key: of SHA-512 that is the assumption which HMAC makes of it when it is keyed
//! through its message. With epochs chosen late the standard proof loses a factor of their number; in the random oracle model
//! an attacker who computes q hashes succeeds with probability q/2^256. No structure is left to a quantum computer: 128
//! bits by search.
//!
//! Unlike two hash chains that run against each other (“dual key regression”), where holders of 1–3 and 7–9 together open
//! 4–6 too, holders here gain nothing by meeting.
//!
//! # Generations
//!
//! The next generation's tree ([`EpochTree::next_generation`]) has a root of its own, independent of all nodes of this one.
//! It is derived from the [`OwnerRoot`], which therefore undoes a puncture wherever it lies: a device that is to forget
//! keeps [`EpochKeys`] alone, and the root lives elsewhere.
//!
//! # Cost
//!
//! In hash calls, for a tree of height h:
//!
//! | operation | cost |
//! |---|---|
//! | derive | 2 KDF |
//! | grant, puncture | at most 2h |
//! | merge | the levels between each node that both have and the one above it |
//! | one leaf | at most h |
//! | n consecutive leaves | at most n + 2h |
//! | key or scalar of a leaf | 1 |

mod leaf;
pub(super) mod node;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{EpochError, KeyTree, MergeError, TreeError};
use crate::context::Partition;
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, hash, kdf, label};
use crate::identity::PartyId;
use crate::kem::OwnerRoot;
pub use leaf::{Leaf, LeafKey, Leaves};
use node::{MAX_HEIGHT, Node, Place, last_of};

/// Which tree: an owner's, for one partition and generation, over 2^height epochs. It is public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochTree {
    owner: PartyId,
    partition: Partition,
    generation: u32,
    height: u8,
    id: Digest,
}

impl EpochTree {
    /// The greatest height.
    pub const MAX_HEIGHT: u8 = MAX_HEIGHT;

    /// The tree of an owner's partition, in its `generation`, over 2^`height` epochs. The height is part of its name:
    /// another height is another tree.
    ///
    /// # Errors
    /// [`TreeError::Height`] unless it is from 1 to [`MAX_HEIGHT`](Self::MAX_HEIGHT).
    pub fn new(owner: PartyId, partition: Partition, generation: u32, height: u8) -> Result<Self, TreeError> {
        if !(1..=MAX_HEIGHT).contains(&height) {
            return Err(TreeError::Height);
        }
        let parts: [&[u8]; 4] = [owner.as_bytes(), partition.as_str().as_bytes(), &generation.to_be_bytes(), &[height]];
        Ok(Self { owner, partition, generation, height, id: hash(label::EPOCH_TREE, &parts).digest() })
    }

    /// The tree of the same partition and height whose keys are independent of this one's.
    ///
    /// # Errors
    /// [`TreeError::Generation`] if this is the last one that has a number.
    pub fn next_generation(&self) -> Result<Self, TreeError> {
        let next = self.generation.checked_add(1).ok_or(TreeError::Generation)?;
        Self::new(self.owner, self.partition, next, self.height)
    }

    /// Whose it is.
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// The partition.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The generation, counted from 0.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The height: there are 2^height epochs.
    pub fn height(&self) -> u8 {
        self.height
    }

    /// The number of the last epoch: the first is 0.
    pub fn last_epoch(&self) -> u32 {
        last_of(self.height)
    }

    /// The tree's name, which enters the derivation of every node.
    pub fn id(&self) -> Digest {
        self.id
    }

    fn check(&self, epochs: &RangeInclusive<u32>) -> Result<(), EpochError> {
        // A range that was iterated to its end is empty, though its bounds may not show it.
        if epochs.is_empty() {
            Err(EpochError::Empty)
        } else if *epochs.end() > self.last_epoch() {
            Err(EpochError::OutOfTree)
        } else {
            Ok(())
        }
    }

    pub(in crate::epoch) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.owner.as_bytes());
        self.partition.write(sink);
        sink.put(&self.generation.to_be_bytes());
        sink.put(&[self.height]);
    }

    pub(in crate::epoch) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, partition) = (PartyId::from_array(reader.array()?), Partition::read(reader)?);
        let (generation, [height]) = (reader.u32()?, reader.array()?);
        Self::new(owner, partition, generation, height).map_err(|_| DecodeError::Value)
    }
}

/// The keys of some epochs of an [`EpochTree`], possibly none: nodes none of which lies below another.
///
/// Of the owner's tree, [`grant`](KeyTree::grant) gives the minimal cover of a range, at most max(1, 2·height − 2) nodes.
/// [`merge`](KeyTree::merge) and [`puncture`](KeyTree::puncture) with ranges of every kind may leave as many nodes as
/// there are epochs; memory follows what was received or kept, and never what a message announces.
///
/// Encoded length: 4 + 32 + (4 + partition) + 4 + 1 + 4 bytes + 37 for each node.
pub struct EpochKeys {
    tree: EpochTree,
    // Disjoint, in the order of their epochs. Keys are copied into a vector of their own size and never moved out, so
    // that wiping the vector wipes the only place where they are.
    nodes: Zeroizing<Vec<Node>>,
}

/// What stays of the keys when some epochs are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    These,
    Others,
}

impl EpochKeys {
    /// The highest nodes that follow from those held and under which all epochs are to be kept.
    fn restrict(&self, epochs: &RangeInclusive<u32>, keep: Keep) -> Self {
        // Each end of the range cuts at most one node in two on each level.
        let most = self.nodes.len().saturating_add(2 * usize::from(self.tree.height));
        let mut out = Self { tree: self.tree, nodes: Zeroizing::new(Vec::with_capacity(most)) };
        self.nodes.iter().for_each(|node| out.take(node, epochs, keep));
        out
    }

    /// Adds what is to be kept of a node. Recursion is as deep as the tree: at most 32 levels.
    fn take(&mut self, node: &Node, epochs: &RangeInclusive<u32>, keep: Keep) {
        let (first, last) = (node.place().first(), node.place().last());
        if epochs.contains(&first) && epochs.contains(&last) {
            self.nodes.extend((keep == Keep::These).then(|| node.duplicate()));
        } else if last < *epochs.start() || *epochs.end() < first {
            self.nodes.extend((keep == Keep::Others).then(|| node.duplicate()));
        } else {
            // Some of its epochs are in the range and some are not, so it is no leaf.
            let (left, right) = node.children(&self.tree.id);
            self.take(&left, epochs, keep);
            self.take(&right, epochs, keep);
        }
    }

    /// The held nodes from the one above the first of `epochs` on, if all of them are held.
    fn above(&self, epochs: &RangeInclusive<u32>) -> Result<&[Node], EpochError> {
        self.tree.check(epochs)?;
        let start = self.nodes.partition_point(|node| node.place().last() < *epochs.start());
        let nodes = self.nodes.get(start..).unwrap_or_default();
        let mut next = *epochs.start();
        for place in nodes.iter().map(Node::place) {
            if next < place.first() {
                break;
            }
            if *epochs.end() <= place.last() {
                return Ok(nodes);
            }
            // No overflow: the range goes on behind this node.
            next = place.last() + 1;
        }
        Err(EpochError::NotHeld)
    }
}

impl KeyTree for EpochKeys {
    type Tree = EpochTree;
    type Leaf = Leaf;
    type Leaves<'a> = Leaves<'a>;

    fn derive(root: &OwnerRoot, tree: &EpochTree) -> Self {
        let owner: [&[u8]; 2] = [tree.owner.as_bytes(), tree.partition.as_str().as_bytes()];
        let master = kdf(label::EPOCH_MASTER, root.expose(), &owner);
        let key = kdf(label::EPOCH_ROOT, &*master, &[tree.id.as_bytes()]);
        let mut nodes = Zeroizing::new(Vec::with_capacity(1));
        nodes.push(Node::new(Place::root(tree.height), &*key));
        Self { tree: *tree, nodes }
    }

    fn tree(&self) -> &EpochTree {
        &self.tree
    }

    fn epochs(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        let mut places = self.nodes.iter().map(Node::place).peekable();
        core::iter::from_fn(move || {
            let place = places.next()?;
            let mut last = place.last();
            // No overflow: where there is a next node, this one is not at the end.
            while let Some(next) = places.next_if(|next| last + 1 == next.first()) {
                last = next.last();
            }
            Some(place.first()..=last)
        })
    }

    fn grant(&self, epochs: RangeInclusive<u32>) -> Result<Self, EpochError> {
        self.above(&epochs)?;
        Ok(self.restrict(&epochs, Keep::These))
    }

    fn puncture(&mut self, epochs: RangeInclusive<u32>) -> Result<(), EpochError> {
        self.tree.check(&epochs)?;
        *self = self.restrict(&epochs, Keep::Others);
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        if self.tree != other.tree {
            return Err(MergeError::Tree);
        }
        let most = self.nodes.len().saturating_add(other.nodes.len());
        let mut nodes: Zeroizing<Vec<Node>> = Zeroizing::new(Vec::with_capacity(most));
        let (mut a, mut b) = (self.nodes.iter().peekable(), other.nodes.iter().peekable());
        let ordered = core::iter::from_fn(|| match (a.peek(), b.peek()) {
            (Some(x), Some(y)) if y.place().order() < x.place().order() => b.next(),
            (None, _) => b.next(),
            _ => a.next(),
        });
        let mut agree = Choice::from(1);
        for node in ordered {
            let place = node.place();
            match nodes.last() {
                // Two nodes are apart, or one spans the other, and then it came first.
                Some(upper) if upper.place().spans(place) => {
                    let derived = upper.descend(&self.tree.id, place.first(), place.level(), drop);
                    agree &= derived.ct_eq(node);
                }
                _ => nodes.push(node.duplicate()),
            }
        }
        if !bool::from(agree) {
            return Err(MergeError::Inconsistent);
        }
        self.nodes = nodes;
        Ok(())
    }

    fn leaves(&self, epochs: RangeInclusive<u32>) -> Result<Leaves<'_>, EpochError> {
        let held = self.above(&epochs)?;
        Ok(Leaves::new(self.tree.id, self.tree.height, epochs, held))
    }
}

impl ZeroizeOnDrop for EpochKeys {}

impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epochs: Vec<_> = self.epochs().collect();
        f.debug_struct("EpochKeys").field("tree", &self.tree).field("epochs", &epochs).finish_non_exhaustive()
    }
}

impl Message for EpochKeys {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::EPOCH_KEYS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.tree.write(sink);
        put_count(sink, self.nodes.len());
        self.nodes.iter().for_each(|node| node.write(sink));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tree = EpochTree::read(reader)?;
        // As many as there are epochs; the greatest tree has one more than a count can say.
        let most = usize::try_from(tree.last_epoch()).map_or(usize::MAX, |last| last.saturating_add(1));
        let count = reader.count(most, Node::LEN)?;
        let mut nodes: Zeroizing<Vec<Node>> = Zeroizing::new(Vec::with_capacity(count));
        for _ in 0..count {
            let node = Node::read(reader, tree.height)?;
            // Out of order, twice, or one below the other.
            if nodes.last().is_some_and(|last| node.place().first() <= last.place().last()) {
                return Err(DecodeError::Value);
            }
            nodes.push(node);
        }
        Ok(Self { tree, nodes })
    }
}

impl SecretEncoding for EpochKeys {}
