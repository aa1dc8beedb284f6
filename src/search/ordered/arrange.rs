//! The order of values of several providers, and who contradicts it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::form::DIGEST;
use super::trie::{Pair, Trie};
use super::{Ordered, Trapdoor};
use crate::identity::PartyId;
use crate::search::{Column, End, Found, Match, Path};

/// Sides of one U that are looked at.
const WAYS: usize = 8;

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

/// What several values have at a bit.
struct Side {
    pair: Pair,
    items: Vec<Item>,
    /// The hospitals that they are from.
    tops: BTreeSet<Option<PartyId>>,
}

/// How many hospitals, the first of them, and whether there are two sides.
type Score = (usize, Reverse<Option<Option<PartyId>>>, bool);

/// Which sides stand at a bit, the lower first: the two that fit each other, or the one, of which most hospitals are. Where as
/// many say one thing as another, the first by name decides.
fn standing(sides: &[Side]) -> (usize, Option<usize>) {
    let mut by_u: BTreeMap<&[u8; DIGEST], Vec<usize>> = BTreeMap::new();
    for (at, side) in sides.iter().enumerate() {
        let same = by_u.entry(&side.pair.0).or_default();
        // Sides of one U are lies but for one: those of most hospitals are enough to look at.
        if same.len() < WAYS {
            same.push(at);
        }
    }
    let mut best: Option<(Score, usize, Option<usize>)> = None;
    for (at, side) in sides.iter().enumerate() {
        let above = by_u.get(&side.pair.1).into_iter().flatten().copied();
        let fits = |other: &usize| sides.get(*other).is_some_and(|other| before(&side.pair, &other.pair) == Some(true));
        for other in above.filter(fits).map(Some).chain([None]) {
            let both = other.and_then(|other| sides.get(other)).into_iter().flat_map(|other| &other.tops);
            let tops: BTreeSet<_> = side.tops.iter().chain(both).collect();
            let score = (tops.len(), Reverse(tops.first().copied().copied()), other.is_some());
            if best.as_ref().is_none_or(|(most, ..)| *most < score) {
                best = Some((score, at, other));
            }
        }
    }
    best.map_or((0, None), |(_, at, other)| (at, other))
}

impl Arranged<'_> {
    /// Puts values in order that are the same in the bits before. Where more than two sides claim a bit, or two that do not
    /// fit, those of most hospitals stand, whoever is below them: nobody can tell from here who lies.
    ///
    /// It recurses once for each bit at most.
    fn arrange(&mut self, items: Vec<Item>) {
        if items.len() < 2 || items.iter().all(|item| item.nodes.is_empty()) {
            return self.order.extend(items.iter().map(|item| item.entry));
        }
        let mut by_pair: BTreeMap<Pair, Vec<Item>> = BTreeMap::new();
        for mut item in items {
            if let Some(node) = item.nodes.pop() {
                by_pair.entry(self.trie.node(node).pair).or_default().push(item);
            }
        }
        let side = |(pair, items): (Pair, Vec<Item>)| {
            let tops = items.iter().map(|item| item.top).collect();
            Side { pair, items, tops }
        };
        let mut sides: Vec<_> = by_pair.into_iter().map(side).collect();
        sides.sort_by_key(|side| Reverse(side.tops.len()));
        let (lower, upper) = standing(&sides);
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for (at, side) in sides.into_iter().enumerate() {
            if at == lower {
                low = side.items;
            } else if Some(at) == upper {
                high = side.items;
            } else {
                self.aside.extend(side.items.iter().map(|item| item.entry));
            }
        }
        self.arrange(low);
        self.arrange(high);
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
    /// Values that contradict those of most hospitals, of all values: which of those that are asked for stand behind the order is
    /// decided among what each provider has at that end. It takes up to 0.5 KiB of memory for each value of the column.
    ///
    /// It is no verdict: the owner [tells](super::inspect) who encrypted otherwise than the scheme does.
    #[must_use]
    pub fn contradicting(&self) -> Vec<Match> {
        let entries = self.store().contradicting(&self.paths());
        entries.into_iter().filter_map(|entry| self.found(entry)).collect()
    }
}
