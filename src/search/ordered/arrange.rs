//! The order of values of several providers, and who contradicts it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::trie::{Pair, Trie};
use super::{Ordered, Trapdoor};
use crate::identity::PartyId;
use crate::search::{Column, End, Found, Match, Path};

/// A value: its entry, who is directly below the owner on the way to who wrote it, and its nodes from the last bit to the
/// first.
struct Item {
    entry: u32,
    top: Option<PartyId>,
    nodes: Vec<u32>,
}

/// Values in order, and those that contradict it.
struct Arranged<'a> {
    trie: &'a Trie,
    order: Vec<u32>,
    aside: Vec<u32>,
}

/// Whether one bit comes before another; `None` if they contradict each other. No bit comes before itself: its U is not V.
fn before(a: &Pair, b: &Pair) -> Option<bool> {
    match (a.1 == b.0, b.1 == a.0) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

impl Arranged<'_> {
    /// Puts values in order that are the same in the bits before. Where more than two sides claim a bit, or two that do not
    /// fit, those of most hospitals stand, whoever is below them: nobody can tell from here who lies, and one that does is
    /// one.
    ///
    /// It recurses once for each bit at most.
    fn arrange(&mut self, items: Vec<Item>) {
        if items.len() < 2 || items.iter().all(|item| item.nodes.is_empty()) {
            return self.order.extend(items.iter().map(|item| item.entry));
        }
        let mut sides: BTreeMap<Pair, Vec<Item>> = BTreeMap::new();
        for mut item in items {
            if let Some(node) = item.nodes.pop() {
                sides.entry(self.trie.node(node).pair).or_default().push(item);
            }
        }
        let mut sides: Vec<_> = sides.into_iter().collect();
        sides.sort_by_cached_key(|(_, items)| {
            let tops: BTreeSet<_> = items.iter().map(|item| item.top).collect();
            (usize::MAX - tops.len(), tops.first().copied())
        });
        let mut sides = sides.into_iter();
        let Some((pair, most)) = sides.next() else { return };
        let mut other = None;
        for (next, items) in sides {
            match before(&next, &pair) {
                Some(first) if other.is_none() => other = Some((first, items)),
                _ => self.aside.extend(items.iter().map(|item| item.entry)),
            }
        }
        match other {
            Some((true, other)) => {
                self.arrange(other);
                self.arrange(most);
            }
            Some((false, other)) => {
                self.arrange(most);
                self.arrange(other);
            }
            None => self.arrange(most),
        }
    }
}

impl Trie {
    fn arranged(&self, providers: &[Path], mut entries: Vec<u32>) -> Arranged<'_> {
        entries.sort_unstable();
        let item = |entry| {
            let (mut at, provider) = self.leaf(entry);
            let mut nodes = Vec::with_capacity(usize::from(self.bits));
            for _ in 0..self.bits {
                nodes.push(at);
                at = self.node(at).parent;
            }
            let top = providers.get(provider as usize).and_then(|path| path.parties().next());
            Item { entry, top, nodes }
        };
        let items = entries.into_iter().map(item).collect();
        let mut arranged = Arranged { trie: self, order: Vec::new(), aside: Vec::new() };
        arranged.arrange(items);
        arranged
    }

    /// The first of what was found, in order from the end that is asked for, and behind them what contradicts the order.
    pub(super) fn first(&self, providers: &[Path], found: Vec<u32>, trapdoor: &Trapdoor) -> Found {
        let Arranged { order: mut entries, aside, .. } = self.arranged(providers, found);
        if trapdoor.end == End::Greatest {
            entries.reverse();
        }
        entries.truncate(usize::try_from(trapdoor.limit).unwrap_or(usize::MAX));
        let in_order = entries.len();
        entries.extend(aside);
        Found { entries, in_order }
    }

    /// What contradicts the values of most hospitals: it has no place in the order over all. `providers` are the paths by
    /// number.
    #[must_use]
    pub fn contradicting(&self, providers: &[Path]) -> Vec<u32> {
        self.arranged(providers, self.all()).aside
    }
}

impl Column<Ordered> {
    /// Values that contradict those of most hospitals, whatever their own provider's others say: what stands behind the order
    /// when the smallest or greatest are asked for. It takes up to 0.5 KiB of memory for each value of the column.
    ///
    /// It is no verdict: the owner [tells](super::inspect) who encrypted otherwise than the scheme does.
    #[must_use]
    pub fn contradicting(&self) -> Vec<Match> {
        let entries = self.store().contradicting(&self.paths());
        entries.into_iter().filter_map(|entry| self.found(entry)).collect()
    }
}
