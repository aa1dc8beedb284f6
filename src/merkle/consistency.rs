//! That one tree is another with leaves appended: what keeps a log from being rewritten.

use crate::hash::Digest;
use crate::merkle::{Tree, split};

impl Tree {
    /// Whether `proof` shows that the tree of `new_size` leaves with root `new_root` starts with the `old_size` leaves
    /// under `old_root`. Any tree starts with no leaves. The proof must be used up exactly.
    ///
    /// Recursion is as deep as the tree: at most 64 levels, whatever the input.
    pub(crate) fn consistent(&self, old: (u64, &Digest), new: (u64, &Digest), proof: &[Digest]) -> bool {
        let ((old_size, old_root), (new_size, new_root)) = (old, new);
        if old_size > new_size {
            return false;
        }
        if old_size == 0 {
            // Nothing to show; but a tree of no leaves has one root.
            let empty = self.empty();
            return proof.is_empty() && *old_root == empty && (new_size > 0 || *new_root == empty);
        }
        let mut proof = proof.iter();
        let roots = self.both_in(old_size, new_size, Some(old_root), &mut proof);
        proof.next().is_none() && roots == Some((*old_root, *new_root))
    }

    /// The roots over the first `old` and over all `size` leaves of a subtree. `whole` is the old tree's root while
    /// the subtree starts the whole tree: a verifier has it, so the proof leaves it out.
    fn both_in<'a>(
        &self,
        old: u64,
        size: u64,
        whole: Option<&Digest>,
        proof: &mut impl Iterator<Item = &'a Digest>,
    ) -> Option<(Digest, Digest)> {
        if old == size {
            let root = whole.or_else(|| proof.next())?;
            return Some((*root, *root));
        }
        let split = split(size);
        if old <= split {
            let (before, left) = self.both_in(old, split, whole, proof)?;
            let right = proof.next()?;
            return Some((before, self.node(&left, right)));
        }
        let (before, after) = self.both_in(old.checked_sub(split)?, size.checked_sub(split)?, None, proof)?;
        let left = proof.next()?;
        Some((self.node(left, &before), self.node(left, &after)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::hash::label;

    fn tree() -> Tree {
        Tree::new(label::MERKLE_LOG)
    }

    fn leaves(n: usize) -> Vec<Digest> {
        (0..n).map(|i| tree().leaf(&i.to_be_bytes())).collect()
    }

    /// PROOF(m, D[n]) of RFC 6962, section 2.1.2, word for word.
    fn definition(m: usize, d: &[Digest]) -> Vec<Digest> {
        fn subproof(m: usize, d: &[Digest], b: bool) -> Vec<Digest> {
            let n = d.len();
            if m == n {
                return if b { Vec::new() } else { [tree().root(d)].to_vec() };
            }
            let k = (0..).map(|i| 1 << i).take_while(|k| *k < n).last().unwrap();
            let (mut proof, other) = if m <= k {
                (subproof(m, &d[..k], b), tree().root(&d[k..]))
            } else {
                (subproof(m - k, &d[k..], false), tree().root(&d[..k]))
            };
            proof.push(other);
            proof
        }
        if m == 0 { Vec::new() } else { subproof(m, d, true) }
    }

    /// The verifier of RFC 9162, section 2.1.4.2, word for word.
    fn rfc9162(first: u64, second: u64, roots: [Digest; 2], path: &[Digest]) -> bool {
        let t = tree();
        let mut path = path.to_vec();
        if path.is_empty() {
            return false;
        }
        if first.is_power_of_two() {
            path.insert(0, roots[0]);
        }
        let (mut f, mut s) = (first - 1, second - 1);
        while f & 1 == 1 {
            (f, s) = (f >> 1, s >> 1);
        }
        let (mut fr, mut sr) = (path[0], path[0]);
        for c in &path[1..] {
            if s == 0 {
                return false;
            }
            if f & 1 == 1 || f == s {
                (fr, sr) = (t.node(c, &fr), t.node(c, &sr));
                while f & 1 == 0 && f != 0 {
                    (f, s) = (f >> 1, s >> 1);
                }
            } else {
                sr = t.node(&sr, c);
            }
            (f, s) = (f >> 1, s >> 1);
        }
        s == 0 && [fr, sr] == roots
    }

    #[test]
    fn every_pair_of_small_trees_is_consistent_by_the_definition() {
        let (t, all) = (tree(), leaves(40));
        for n in 0..=all.len() {
            let new = t.root(&all[..n]);
            for m in 0..=n {
                let (old, proof) = (t.root(&all[..m]), definition(m, &all[..n]));
                assert!(t.consistent((m as u64, &old), (n as u64, &new), &proof), "{m} {n}");
                if 0 < m && m < n {
                    assert!(rfc9162(m as u64, n as u64, [old, new], &proof), "{m} {n}");
                }
            }
        }
    }

    /// Another size, another root, another proof: each alone is refused, as by the verifier of RFC 9162.
    #[test]
    fn nothing_else_is_consistent() {
        let (t, all) = (tree(), leaves(18));
        let roots: Vec<_> = (0..=17).map(|n| t.root(&all[..n])).collect();
        for n in 0..=17_usize {
            for m in 0..=n {
                let proof = definition(m, &all[..n]);
                let check = |m: usize, old: &Digest, n: usize, new: &Digest, proof: &[Digest]| {
                    let holds = t.consistent((m as u64, old), (n as u64, new), proof);
                    if 0 < m && m < n {
                        assert_eq!(holds, rfc9162(m as u64, n as u64, [*old, *new], proof));
                    }
                    holds
                };
                assert!(check(m, &roots[m], n, &roots[n], &proof));
                for other in (0..=17).filter(|other| *other != m) {
                    assert!(!check(m, &roots[other], n, &roots[n], &proof), "{m} {n} {other}");
                    assert!(!check(other, &roots[m], n, &roots[n], &proof), "{m} {n} {other}");
                }
                // Of no leaves there is nothing to show, so any tree that has leaves will do.
                for other in (0..=17).filter(|other| *other != n) {
                    let any = m == 0 && n > 0;
                    assert_eq!(check(m, &roots[m], n, &roots[other], &proof), any, "{m} {n} {other}");
                }
                assert!(!check(m, &Digest::NONE, n, &roots[n], &proof));
                assert!(!check(m, &roots[m], n, &roots[n], &[&*proof, &[roots[1]]].concat()));
                assert!(!check(m, &roots[m], n, &roots[n], &[&[roots[1]], &*proof].concat()));
                if let Some((_, short)) = proof.split_last() {
                    assert!(!check(m, &roots[m], n, &roots[n], short));
                    assert!(!check(m, &roots[m], n, &roots[n], &proof[1..]));
                }
                for i in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[i] = Digest::NONE;
                    assert!(!check(m, &roots[m], n, &roots[n], &bad), "{m} {n} {i}");
                    bad = proof.clone();
                    bad.swap(i, 0);
                    assert_eq!(check(m, &roots[m], n, &roots[n], &bad), bad == proof);
                }
            }
        }
    }

    /// A log that changed, lost or swapped a leaf that was there.
    #[test]
    fn a_rewritten_log_has_no_proof() {
        let (t, all) = (tree(), leaves(13));
        for m in 1..=12 {
            let old = t.root(&all[..m]);
            let refused = |other: &[Digest]| {
                let new = t.root(other);
                let proof = definition(m.min(other.len()), other);
                assert!(!t.consistent((m as u64, &old), (other.len() as u64, &new), &proof), "{m}");
            };
            for at in 0..m {
                let mut other = all.clone();
                other[at] = Digest::NONE;
                refused(&other);
                other = all.clone();
                other.remove(at);
                refused(&other);
                other = all.clone();
                other.swap(at, at + 1);
                refused(&other);
            }
        }
    }

    #[test]
    fn huge_sizes_cost_nothing_to_refuse() {
        let (t, root) = (tree(), Digest::NONE);
        for (old, new) in [(1, u64::MAX), (u64::MAX - 1, u64::MAX), (u64::MAX, u64::MAX - 1), (1 << 63, u64::MAX)] {
            assert!(!t.consistent((old, &root), (new, &root), &[root]));
            assert!(!t.consistent((old, &root), (new, &root), &[root; 65]));
        }
    }
}
