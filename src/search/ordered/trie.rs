//! The index: a trie over U whose siblings are in order by V.

use alloc::vec::Vec;
use core::fmt;

use super::form::{DIGEST, PAIR, pairs};
use super::{Ordered, Trapdoor};
use crate::identity::PartyId;
use crate::search::{Conflict, End, Path, Space, Store};

/// No node, or no entry.
const NONE: u32 = u32::MAX;
/// The node above the first bit.
const ROOT: u32 = 0;

/// U and V of one bit.
type Pair = ([u8; DIGEST], [u8; DIGEST]);

/// One prefix: 44 bytes.
#[derive(Clone, Copy)]
pub(super) struct Node {
    pair: Pair,
    /// For a free node, the next one.
    parent: u32,
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

/// The values of a space in order: a node of 44 bytes for each prefix that any of them has, and 16 bytes for each value.
/// Equal values share all of their nodes. Numbers of entries should be dense: the table of entries is as long as the
/// greatest.
///
/// Insertion, removal and the search for a bound take one step a bit; each answer takes a step, and at most two a bit to the
/// next one.
pub struct Trie {
    bits: u8,
    pub(super) nodes: Vec<Node>,
    /// The first free node.
    free: u32,
    entries: Vec<Entry>,
}

impl fmt::Debug for Trie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Trie");
        out.field("bits", &self.bits).field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl Trie {
    fn node(&self, at: u32) -> &Node {
        self.nodes.get(at as usize).unwrap_or(const { &Node::NEW })
    }

    fn change(&mut self, at: u32, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(at as usize) {
            change(node);
        }
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

    /// Puts a node below another, before or after the child that may be there.
    fn put(&mut self, parent: u32, pair: Pair, before: bool) -> u32 {
        let node = Node { pair, parent, below: [NONE; 2] };
        let at = if self.free == NONE {
            self.nodes.push(node);
            // There was room for it.
            (self.nodes.len() - 1) as u32
        } else {
            let at = self.free;
            self.free = self.node(at).parent;
            self.change(at, |free| *free = node);
            at
        };
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
        while at != ROOT && level > 0 {
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
    fn seek(&self, bound: &[u8], from: End) -> Option<u32> {
        if bound.len() != PAIR * usize::from(self.bits) {
            return None;
        }
        let mut at = ROOT;
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
        Self { bits: space.shape().bits(), nodes: Vec::from([Node::NEW]), free: NONE, entries: Vec::new() }
    }

    /// A number that is taken contradicts whatever has it.
    fn insert(&mut self, entry: u32, provider: u32, bytes: &[u8]) -> Result<(), Conflict> {
        let depth = usize::from(self.bits);
        // No entry has the last number, and no node.
        if bytes.len() != PAIR * depth || entry == NONE || self.nodes.len().saturating_add(depth) >= NONE as usize {
            return Err(Conflict { level: 0, against: Vec::new() });
        }
        if self.entry(entry).leaf != NONE {
            return Err(Conflict { level: 0, against: Vec::from([entry]) });
        }
        let mut at = ROOT;
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
        while at != ROOT && self.node(at).below == [NONE; 2] {
            let parent = self.node(at).parent;
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
        while at != ROOT {
            let node = self.node(at);
            levels.push(node.pair);
            at = node.parent;
        }
        for (u, v) in levels.iter().rev() {
            out.extend_from_slice(u);
            out.extend_from_slice(v);
        }
    }

    /// In order, from the end that is asked for. Values that are equal come in the order in which they were inserted.
    fn query(&self, providers: &[Path], trapdoor: &Trapdoor) -> Vec<u32> {
        let mut found = Vec::new();
        if self.node(ROOT).below == [NONE; 2] || trapdoor.limit == 0 {
            return found;
        }
        let leaf = |bound: &Option<Vec<u8>>, from| match bound {
            Some(bound) => self.seek(bound, from),
            None => Some(self.outermost(ROOT, 0, from)),
        };
        let ends = leaf(&trapdoor.lower, End::Smallest).zip(leaf(&trapdoor.upper, End::Greatest));
        let Some((low, high)) = ends.filter(|(low, high)| self.up_to(*low, *high)) else { return found };
        let (mut at, last) = match trapdoor.end {
            End::Smallest => (low, high),
            End::Greatest => (high, low),
        };
        let limit = usize::try_from(trapdoor.limit).unwrap_or(usize::MAX);
        let within = within(providers, &trapdoor.scope);
        loop {
            let [mut number, _] = self.node(at).below;
            while number != NONE {
                let entry = self.entry(number);
                if within.get(entry.provider as usize).is_some_and(|within| *within) {
                    found.push(number);
                    if found.len() == limit {
                        return found;
                    }
                }
                number = entry.after;
            }
            if at == last {
                return found;
            }
            let Some(next) = self.beyond(at, self.bits, trapdoor.end) else { return found };
            at = next;
        }
    }
}
