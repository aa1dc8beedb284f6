//! A tree that leaves are appended to, and that proves at any time at the cost of its height.

use alloc::vec::Vec;
use core::ops::Range;

use crate::hash::Digest;
use crate::merkle::{Tree, split};

/// The tree of a log: all leaf hashes, and the roots of all full subtrees, twice the leaves' memory.
///
/// A full subtree never changes, so that roots and proofs, of the whole or of an earlier size, take as many hashes as
/// the tree is high.
#[derive(Clone, Debug)]
pub(crate) struct Growing {
    tree: Tree,
    // By height: the roots of the full subtrees of 1, 2, 4, … leaves, from left to right.
    levels: Vec<Vec<Digest>>,
}

impl Growing {
    pub(crate) fn new(tree: Tree) -> Self {
        Self { tree, levels: Vec::new() }
    }

    /// What hashes its leaves and checks its proofs.
    pub(crate) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// How many leaves there are.
    pub(crate) fn len(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf hash.
    pub(crate) fn push(&mut self, leaf: Digest) {
        let mut node = Some(leaf);
        for level in &mut self.levels {
            let Some(this) = node else { return };
            level.push(this);
            // The second of a pair completes the subtree above.
            node = match level.as_slice() {
                [.., left, right] if level.len() % 2 == 0 => Some(self.tree.node(left, right)),
                _ => None,
            };
        }
        self.levels.extend(node.map(|top| [top].to_vec()));
    }

    /// The hash of one leaf.
    pub(crate) fn leaf(&self, at: u64) -> Option<&Digest> {
        self.levels.first()?.get(usize::try_from(at).ok()?)
    }

    /// The root over all leaves.
    pub(crate) fn root(&self) -> Digest {
        self.root_of(0, self.len()).unwrap_or_else(|| self.tree.empty())
    }

    /// The root of the subtree over `size` leaves from `at` on, which is one of the shape; `None` outside the tree.
    fn root_of(&self, at: u64, size: u64) -> Option<Digest> {
        if size.is_power_of_two() {
            let level = self.levels.get(usize::try_from(size.trailing_zeros()).ok()?)?;
            return level.get(usize::try_from(at.checked_div(size)?).ok()?).copied();
        }
        // No leaves have no subtree.
        let split = (size > 0).then(|| split(size))?;
        let right = self.root_of(at.checked_add(split)?, size.checked_sub(split)?)?;
        Some(self.tree.node(&self.root_of(at, split)?, &right))
    }

    /// As [`Tree::prove`], over all leaves.
    pub(crate) fn prove(&self, range: &Range<u64>) -> Option<Vec<Digest>> {
        let mut proof = Vec::new();
        if range.start > range.end || range.end > self.len() {
            return None;
        }
        if self.len() > 0 {
            self.prove_in(0, self.len(), range, &mut proof)?;
        }
        Some(proof)
    }

    fn prove_in(&self, at: u64, size: u64, range: &Range<u64>, proof: &mut Vec<Digest>) -> Option<()> {
        let end = at.checked_add(size)?;
        if end <= range.start || range.end <= at || range.is_empty() {
            proof.push(self.root_of(at, size)?);
        } else if size > 1 {
            let split = split(size);
            self.prove_in(at, split, range, proof)?;
            self.prove_in(at.checked_add(split)?, size.checked_sub(split)?, range, proof)?;
        }
        Some(())
    }

    /// What shows that the first `new` leaves start with the first `old`, see [`Tree::consistent`]; `None` when there
    /// are not as many.
    pub(crate) fn prove_consistency(&self, old: u64, new: u64) -> Option<Vec<Digest>> {
        let mut proof = Vec::new();
        if old > new || new > self.len() {
            return None;
        }
        if old > 0 {
            self.consistency_in(0, old, new, &mut proof)?;
        }
        Some(proof)
    }

    /// Over the subtree of `size` leaves from `at` on, of which the old tree has the first `old`.
    fn consistency_in(&self, at: u64, old: u64, size: u64, proof: &mut Vec<Digest>) -> Option<()> {
        if old == size {
            // The verifier has the old root, where it is that of a subtree.
            if at > 0 {
                proof.push(self.root_of(at, size)?);
            }
            return Some(());
        }
        let split = split(size);
        let (middle, rest) = (at.checked_add(split)?, size.checked_sub(split)?);
        if old <= split {
            self.consistency_in(at, old, split, proof)?;
            proof.push(self.root_of(middle, rest)?);
        } else {
            self.consistency_in(middle, old.checked_sub(split)?, rest, proof)?;
            proof.push(self.root_of(at, split)?);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::label;

    fn grown(n: u64) -> (Growing, Vec<Digest>) {
        let mut growing = Growing::new(Tree::new(label::MERKLE_LOG));
        let leaves: Vec<_> = (0..n).map(|i| growing.tree().leaf(&i.to_be_bytes())).collect();
        leaves.iter().for_each(|leaf| growing.push(*leaf));
        (growing, leaves)
    }

    #[test]
    fn equals_the_tree_over_all_leaves() {
        for n in 0..=70 {
            let (growing, leaves) = grown(n);
            let tree = growing.tree();
            assert_eq!((growing.len(), growing.root()), (n, tree.root(&leaves)));
            assert_eq!((growing.leaf(n), growing.leaf(n.saturating_sub(1))), (None, leaves.last()));
            let step = if n > 20 { 7 } else { 1 };
            for start in 0..=n as usize {
                for end in (start..=n as usize).step_by(step) {
                    let proof = growing.prove(&(start as u64..end as u64));
                    assert_eq!(proof, tree.prove(&leaves, &(start..end)), "{n} {start} {end}");
                }
            }
            assert_eq!(growing.prove(&(0..n + 1)), None);
            #[expect(clippy::reversed_empty_ranges)]
            let reversed = 2..1;
            assert_eq!(growing.prove(&reversed), None);
        }
    }

    #[test]
    fn proves_that_it_grew_from_each_size_to_each() {
        let (growing, leaves) = grown(70);
        let tree = growing.tree();
        let root = |n: u64| tree.root(&leaves[..n as usize]);
        for new in 0..=70 {
            for old in 0..=new {
                let proof = growing.prove_consistency(old, new).unwrap();
                assert!(tree.consistent((old, &root(old)), (new, &root(new)), &proof), "{old} {new}");
            }
            assert_eq!(growing.prove_consistency(new + 1, new), None);
            assert_eq!(growing.prove_consistency(new, 71), None);
        }
    }

    #[test]
    fn costs_twice_the_leaves_and_short_proofs() {
        let (growing, _) = grown(5000);
        assert!(growing.levels.iter().map(Vec::len).sum::<usize>() < 10_000);
        for (old, new) in [(1, 5000), (4096, 5000), (4097, 5000), (4999, 5000), (2047, 4999)] {
            assert!(growing.prove_consistency(old, new).unwrap().len() <= 14);
        }
    }
}
