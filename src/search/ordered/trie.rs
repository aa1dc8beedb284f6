//! The index: for each provider a trie over U whose siblings are in order by V, and the order over all of them.
//!
//! A provider contradicts itself or nobody. In one trie for all, the first who lies about a prefix would keep everybody's
//! values out that have it, and would see by what is kept out what others have.

use alloc::vec::Vec;
use core::fmt;

use super::form::{DIGEST, PAIR, pairs};
use super::{Ordered, Trapdoor};
use crate::identity::PartyId;
use crate::search::{Conflict, End, Found, Path, Space, Store};

/// No node, or no entry.
const NONE: u32 = u32::MAX;

/// U and V of one bit.
pub(super) type Pair = ([u8; DIGEST], [u8; DIGEST]);

/// One prefix: 44 bytes.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) pair: Pair,
    /// None above the first bit. For a free node, the next one.
    pub(super) parent: u32,
    /// The lower child, or the only one, and the upper child. At the last bit, the first and the last entry.
    pub(super) below: [u32; 2],
}

impl Node {
    const NEW: Self = Self { pair: ([0; DIGEST], [0; DIGEST]), parent: NONE, below: [NONE; 2] };
}

const _: () = assert!(size_of::<Node>() <= 48);

/// One value: who it is from, at which leaf it hangs, and between which others.
#[derive(Clone, Copy)]
struct Entry {
    leaf: u32,
    provider: u32,
    before: u32,
    after: u32,
}

impl Entry {
    const NONE: Self = Self { leaf: NONE, provider: NONE, before: NONE, after: NONE };
}

/// Where a value goes from a node.
enum Way {
    /// To a child.
    Child(u32),
    /// There is no child.
    Empty,
    /// Before the only child, or after it.
    Beside { child: u32, before: bool },
    /// It contradicts one child, or two.
    Conflict([u32; 2]),
}

/// The values of a space, those of each provider in order: a node of 44 bytes for each prefix that any of a provider's values
/// has, and 16 bytes for each value. Equal values share all of their nodes. Numbers of entries should be dense: the table of
/// entries is as long as the greatest.
///
/// Insertion and removal take one step a bit, and so does the search for a bound, for each provider; each answer takes a
/// step, and at most two a bit to the next one.
pub struct Trie {
    pub(super) bits: u8,
    pub(super) nodes: Vec<Node>,
    /// The node above the first bit of each provider's values.
    roots: Vec<u32>,
    /// The first free node.
    free: u32,
    entries: Vec<Entry>,
}

impl fmt::Debug for Trie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Trie");
        out.field("bits", &self.bits).field("providers", &self.roots.len()).field("nodes", &self.nodes.len());
        out.finish_non_exhaustive()
    }
}

impl Trie {
    pub(super) fn node(&self, at: u32) -> &Node {
        self.nodes.get(at as usize).unwrap_or(const { &Node::NEW })
    }

    fn change(&mut self, at: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            change(node);
        }
    }

    /// The leaf of an entry that is there, and its provider.
    pub(super) fn leaf(&self, number: u32) -> (u32, u32) {
        let Entry { leaf, provider, .. } = self.entry(number);
        (leaf, provider)
    }

    fn entry(&self, number: u32) -> Entry {
        self.entries.get(number as usize).copied().unwrap_or(Entry::NONE)
    }

    fn change_entry(&mut self, number: u32, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(number as usize) {
            change(entry);
        }
    }

    fn way(&self, at: u32, (u, v): &Pair) -> Way {
        let [first, second] = self.node(at).below;
        if first == NONE {
            return Way::Empty;
        }
        for child in [first, second] {
            let pair = &self.node(child).pair;
            if child != NONE && pair.0 == *u {
                return if pair.1 == *v { Way::Child(child) } else { Way::Conflict([child, NONE]) };
            }
        }
        if second != NONE {
            return Way::Conflict([first, second]);
        }
        let pair = &self.node(first).pair;
        match (*v == pair.0, pair.1 == *u) {
            (true, false) => Way::Beside { child: first, before: true },
            (false, true) => Way::Beside { child: first, before: false },
            _ => Way::Conflict([first, NONE]),
        }
    }

    fn take(&mut self, node: Node) -> u32 {
        if self.free == NONE {
            self.nodes.push(node);
            // There was room for it.
            return (self.nodes.len() - 1) as u32;
        }
        let at = self.free;
        self.free = self.node(at).parent;
        self.change(at, |free| *free = node);
        at
    }

    /// The node above a provider's values.
    fn root(&mut self, provider: u32) -> u32 {
        while self.roots.len() <= provider as usize {
            let root = self.take(Node::NEW);
            self.roots.push(root);
        }
        self.roots.get(provider as usize).copied().unwrap_or(NONE)
    }

    /// Puts a node below another, before or after the child that may be there.
    fn put(&mut self, parent: u32, pair: Pair, before: bool) -> u32 {
        let at = self.take(Node { pair, parent, below: [NONE; 2] });
        self.change(parent, |parent| {
            let [only, _] = parent.below;
            parent.below = if before { [at, only] } else { [only, at] };
        });
        at
    }

    /// The first or last leaf below a node at that many bits.
    fn outermost(&self, mut at: u32, mut level: u8, end: End) -> u32 {
        while level < self.bits {
            let [first, second] = self.node(at).below;
            at = if end == End::Greatest && second != NONE { second } else { first };
            level += 1;
        }
        at
    }

    /// The next leaf beyond all that is below a node at that many bits, in the order that starts from an end.
    fn beyond(&self, mut at: u32, mut level: u8, from: End) -> Option<u32> {
        while level > 0 {
            let parent = self.node(at).parent;
            let [first, second] = self.node(parent).below;
            let next = match from {
                End::Smallest if at == first && second != NONE => Some(second),
                End::Greatest if at == second => Some(first),
                _ => None,
            };
            if let Some(next) = next {
                return Some(self.outermost(next, level, from));
            }
            (at, level) = (parent, level - 1);
        }
        None
    }

    /// The first leaf that is not below a bound, or the last one that is not above it. Nothing also for a bound that
    /// contradicts what is there.
    fn seek(&self, root: u32, bound: &[u8], from: End) -> Option<u32> {
        if bound.len() != PAIR * usize::from(self.bits) {
            return None;
        }
        let mut at = root;
        for (level, pair) in (1..=self.bits).zip(pairs(bound)) {
            match self.way(at, &pair) {
                Way::Child(child) => at = child,
                Way::Empty | Way::Conflict(_) => return None,
                Way::Beside { child, before } if before == (from == End::Smallest) => {
                    return Some(self.outermost(child, level, from));
                }
                Way::Beside { child, .. } => return self.beyond(child, level, from),
            }
        }
        Some(at)
    }

    /// Appends what is found of one provider's, in order from the end that is asked for.
    fn find(&self, root: u32, trapdoor: &Trapdoor, found: &mut Vec<u32>) {
        let leaf = |bound: &Option<Vec<u8>>, from| match bound {
            Some(bound) => self.seek(root, bound, from),
            None => Some(self.outermost(root, 0, from)),
        };
        if self.node(root).below == [NONE; 2] {
            return;
        }
        let ends = leaf(&trapdoor.lower, End::Smallest).zip(leaf(&trapdoor.upper, End::Greatest));
        let Some((low, high)) = ends.filter(|(low, high)| self.up_to(*low, *high)) else { return };
        let (mut at, last) = match trapdoor.end {
            End::Smallest => (low, high),
            End::Greatest => (high, low),
        };
        let limit = found.len().saturating_add(usize::try_from(trapdoor.limit).unwrap_or(usize::MAX));
        loop {
            let [mut number, _] = self.node(at).below;
            while number != NONE && found.len() < limit {
                found.push(number);
                number = self.entry(number).after;
            }
            if at == last || found.len() >= limit {
                return;
            }
            let Some(next) = self.beyond(at, self.bits, trapdoor.end) else { return };
            at = next;
        }
    }

    /// All entries.
    pub(super) fn all(&self) -> Vec<u32> {
        let entries = self.entries.iter().zip(0..).filter(|(entry, _)| entry.leaf != NONE);
        entries.map(|(_, number)| number).collect()
    }

    /// Whether a leaf is another or before it.
    fn up_to(&self, mut leaf: u32, mut other: u32) -> bool {
        while leaf != other {
            let (parent, others) = (self.node(leaf).parent, self.node(other).parent);
            if parent == others {
                return self.node(parent).below == [leaf, other];
            }
            (leaf, other) = (parent, others);
        }
        true
    }
}

/// Whether providers are in a scope, by number.
fn within(providers: &[Path], scope: &[Path]) -> Vec<bool> {
    let mut places: Vec<Vec<PartyId>> = scope.iter().map(|path| path.parties().collect()).collect();
    places.sort_unstable();
    let is_within = |path: &Path| {
        let parties: Vec<_> = path.parties().collect();
        (1..=parties.len()).filter_map(|depth| parties.get(..depth)).any(|place| {
            let order = |other: &Vec<PartyId>| other.as_slice().cmp(place);
            places.binary_search_by(order).is_ok()
        })
    };
    providers.iter().map(is_within).collect()
}

impl Store<Ordered> for Trie {
    fn new(space: &Space<Ordered>) -> Self {
        let (nodes, roots, entries) = (Vec::new(), Vec::new(), Vec::new());
        Self { bits: space.shape().bits(), nodes, roots, free: NONE, entries }
    }

    /// A value contradicts others of its provider's alone. A number that is taken contradicts whatever has it.
    fn insert(&mut self, entry: u32, provider: u32, bytes: &[u8]) -> Result<(), Conflict> {
        let depth = usize::from(self.bits);
        // No entry has the last number, and no node.
        let new = depth.saturating_add((provider as usize).saturating_sub(self.roots.len())).saturating_add(1);
        if bytes.len() != PAIR * depth || entry == NONE || self.nodes.len().saturating_add(new) >= NONE as usize {
            return Err(Conflict { level: 0, against: Vec::new() });
        }
        if self.entry(entry).leaf != NONE {
            return Err(Conflict { level: 0, against: Vec::from([entry]) });
        }
        let mut at = self.root(provider);
        for (level, pair) in (0..self.bits).zip(pairs(bytes)) {
            at = match self.way(at, &pair) {
                Way::Child(child) => child,
                // From here on all is new, and nothing can contradict it.
                Way::Empty => self.put(at, pair, true),
                Way::Beside { before, .. } => self.put(at, pair, before),
                Way::Conflict(children) => {
                    let sides = children.into_iter().filter(|child| *child != NONE);
                    let first = |child| {
                        let [first, _] = self.node(self.outermost(child, level + 1, End::Smallest)).below;
                        first
                    };
                    return Err(Conflict { level, against: sides.map(first).collect() });
                }
            };
        }
        if self.entries.len() <= entry as usize {
            self.entries.resize(entry as usize + 1, Entry::NONE);
        }
        let [first, last] = self.node(at).below;
        self.change_entry(entry, |new| *new = Entry { leaf: at, provider, before: last, after: NONE });
        self.change_entry(last, |last| last.after = entry);
        self.change(at, |leaf| leaf.below = [if first == NONE { entry } else { first }, entry]);
        Ok(())
    }

    fn remove(&mut self, entry: u32) {
        let Entry { leaf, before, after, .. } = self.entry(entry);
        if leaf == NONE {
            return;
        }
        self.change_entry(entry, |entry| *entry = Entry::NONE);
        self.change_entry(before, |before| before.after = after);
        self.change_entry(after, |after| after.before = before);
        self.change(leaf, |leaf| {
            let [first, last] = leaf.below;
            leaf.below = [if first == entry { after } else { first }, if last == entry { before } else { last }];
        });
        let mut at = leaf;
        loop {
            let Node { parent, below, .. } = *self.node(at);
            if parent == NONE || below != [NONE; 2] {
                return;
            }
            self.change(parent, |parent| {
                let [first, second] = parent.below;
                parent.below = [if first == at { second } else { first }, NONE];
            });
            let free = self.free;
            self.change(at, |node| *node = Node { parent: free, ..Node::NEW });
            self.free = at;
            at = parent;
        }
    }

    fn get(&self, entry: u32, out: &mut Vec<u8>) {
        let mut at = self.entry(entry).leaf;
        if at == NONE {
            return;
        }
        let mut levels = Vec::with_capacity(usize::from(self.bits));
        while self.node(at).parent != NONE {
            let node = self.node(at);
            levels.push(node.pair);
            at = node.parent;
        }
        for (u, v) in levels.iter().rev() {
            out.extend_from_slice(u);
            out.extend_from_slice(v);
        }
    }

    /// A range gives each provider's values in order, one provider after the other. The smallest or greatest come in order
    /// over all of them, and behind them what has no place in it.
    fn query(&self, providers: &[Path], trapdoor: &Trapdoor) -> Found {
        let within = within(providers, &trapdoor.scope);
        let asked = self.roots.iter().zip(&within).filter(|(_, within)| **within);
        let mut found = Vec::new();
        asked.for_each(|(root, _)| self.find(*root, trapdoor, &mut found));
        // A range has no limit, and asks for no order over all.
        if trapdoor.limit == u32::MAX {
            Found { entries: found, in_order: 0 }
        } else {
            self.first(providers, found, trapdoor)
        }
    }
}
