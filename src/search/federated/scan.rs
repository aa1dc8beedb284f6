//! Where right ciphertexts stand, and how a token is held against all of them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use aes::cipher::BlockCipherEncrypt;
use aes::{Aes128Enc, Block};
#[cfg(feature = "rayon")]
use rayon::prelude::*;

use super::Federated;
use super::left::{Left, Part, Trapdoor};
use super::prf::{cipher, mask, tag};
use super::right::Parts;
use crate::search::{Conflict, Found, Path, Shape, Space, Store};

/// Entries that are decided together: enough to keep AES busy, few enough to stay in the nearest cache.
const CHUNK: usize = 256;
/// Entries that one core takes at once.
#[cfg(feature = "rayon")]
const JOB: usize = 16 * CHUNK;

/// The entries of one provider, in arrays of their parts.
struct Lane {
    entries: Vec<u32>,
    nonces: Vec<Block>,
    /// For each block, those of all entries.
    words: Vec<Vec<u32>>,
    /// For each tag, those of all entries.
    tags: Vec<Vec<u64>>,
}

impl Lane {
    fn new(shape: &Shape) -> Self {
        Self {
            entries: Vec::new(),
            nonces: Vec::new(),
            words: (0..super::prf::blocks(shape.bits())).map(|_| Vec::new()).collect(),
            tags: (0..shape.tags()).map(|_| Vec::new()).collect(),
        }
    }

    fn push(&mut self, entry: u32, parts: &Parts<'_>) {
        self.entries.push(entry);
        self.nonces.push(parts.nonce.into());
        self.words.iter_mut().zip(parts.words()).for_each(|(column, word)| column.push(word));
        self.tags.iter_mut().zip(parts.tags()).for_each(|(column, tag)| column.push(tag));
    }

    /// Takes an entry away, and gives the one that is in its place now.
    fn swap_remove(&mut self, at: usize) -> Option<u32> {
        if at >= self.entries.len() {
            return None;
        }
        self.entries.swap_remove(at);
        self.nonces.swap_remove(at);
        self.words.iter_mut().for_each(|column| {
            column.swap_remove(at);
        });
        self.tags.iter_mut().for_each(|column| {
            column.swap_remove(at);
        });
        self.entries.get(at).copied()
    }

    fn get(&self, at: usize, out: &mut Vec<u8>) {
        let Some(nonce) = self.nonces.get(at) else { return };
        out.extend(nonce);
        self.words.iter().filter_map(|column| column.get(at)).for_each(|word| out.extend(word.to_be_bytes()));
        self.tags.iter().filter_map(|column| column.get(at)).for_each(|tag| out.extend(tag.to_be_bytes()));
    }
}

/// All right ciphertexts of a space, by provider. A query is held against each entry of the providers that it is for: at
/// most one AES block for each block of each bound.
///
/// Its room grows with the greatest number of an entry, besides the entries themselves.
pub struct Scan {
    shape: Shape,
    lanes: Vec<Lane>,
    /// Where the entry of each number is: lane, and position in it.
    places: Vec<Option<(u32, u32)>>,
}

impl Scan {
    fn place(&self, entry: u32) -> Option<(usize, usize)> {
        let (lane, at) = (*self.places.get(usize::try_from(entry).ok()?)?)?;
        Some((usize::try_from(lane).ok()?, usize::try_from(at).ok()?))
    }

    fn set(&mut self, entry: u32, place: Option<(u32, u32)>) {
        let Ok(entry) = usize::try_from(entry) else { return };
        if place.is_some() && entry >= self.places.len() {
            self.places.resize(entry.saturating_add(1), None);
        }
        if let Some(to) = self.places.get_mut(entry) {
            *to = place;
        }
    }
}

impl Store<Federated> for Scan {
    fn new(space: &Space<Federated>) -> Self {
        Self { shape: space.shape(), lanes: Vec::new(), places: Vec::new() }
    }

    /// No entry contradicts another. One whose number is taken already replaces it.
    fn insert(&mut self, entry: u32, provider: u32, bytes: &[u8]) -> Result<(), Conflict> {
        let parts = Parts::read(&self.shape, bytes);
        debug_assert!(parts.is_ok(), "checked before");
        let (Ok(parts), Ok(lane)) = (parts, usize::try_from(provider)) else { return Ok(()) };
        self.remove(entry);
        while self.lanes.len() <= lane {
            self.lanes.push(Lane::new(&self.shape));
        }
        if let Some(lane) = self.lanes.get_mut(lane) {
            // Numbers of entries have 32 bits.
            let at = lane.entries.len() as u32;
            lane.push(entry, &parts);
            self.set(entry, Some((provider, at)));
        }
        Ok(())
    }

    fn remove(&mut self, entry: u32) {
        let Some((lane, at)) = self.place(entry) else { return };
        let moved = self.lanes.get_mut(lane).and_then(|lane| lane.swap_remove(at));
        if let Some(moved) = moved {
            self.set(moved, Some((lane as u32, at as u32)));
        }
        self.set(entry, None);
    }

    fn get(&self, entry: u32, out: &mut Vec<u8>) {
        let Some((lane, at)) = self.place(entry) else { return };
        if let Some(lane) = self.lanes.get(lane) {
            lane.get(at, out);
        }
    }

    fn query(&self, providers: &[Path], trapdoor: &Trapdoor) -> Found {
        let asked = |(lane, path): (_, &Path)| Some((lane, Test::new(trapdoor.part(path)?)));
        let lanes: Vec<(&Lane, Test)> = self.lanes.iter().zip(providers).filter_map(asked).collect();
        let ranges = |job: usize| {
            lanes.iter().flat_map(move |(lane, test)| {
                let starts = (0..lane.entries.len()).step_by(job);
                starts.map(move |start| (*lane, test, start, start.saturating_add(job).min(lane.entries.len())))
            })
        };
        #[cfg(feature = "rayon")]
        if lanes.iter().map(|(lane, _)| lane.entries.len()).sum::<usize>() > JOB {
            let jobs: Vec<_> = ranges(JOB).collect();
            let found = jobs.into_par_iter().map(|(lane, test, start, end)| {
                let mut found = Vec::new();
                test.run(lane, start, end, &mut found);
                found
            });
            return Found { entries: found.collect::<Vec<_>>().concat(), in_order: 0 };
        }
        let mut found = Vec::new();
        ranges(usize::MAX).for_each(|(lane, test, start, end)| test.run(lane, start, end, &mut found));
        // The order is not known.
        Found { entries: found, in_order: 0 }
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: usize = self.lanes.iter().map(|lane| lane.entries.len()).sum();
        let mut out = f.debug_struct("Scan");
        out.field("providers", &self.lanes.len()).field("entries", &entries).finish_non_exhaustive()
    }
}

/// A left ciphertext with the key schedules of its blocks.
struct Bound {
    blocks: Vec<(Aes128Enc, u8)>,
    /// The outcome of a comparison with which an entry is outside.
    outside: u8,
}

impl Bound {
    fn new(left: &Left, outside: u8) -> Self {
        Self { blocks: left.blocks().iter().map(|(key, slot)| (cipher(key), *slot)).collect(), outside }
    }
}

/// What a provider's entries are held against.
enum Test {
    Range(Vec<Bound>),
    Tag(u8, Box<Aes128Enc>),
}

/// Room to decide about a chunk.
struct Room {
    buffer: [Block; CHUNK],
    /// Entries that are not known to be outside; at first all.
    inside: [u16; CHUNK],
    /// Those of them that equal the bound so far.
    open: [u16; CHUNK],
    /// Of each entry, the last outcome.
    outcome: [u8; CHUNK],
}

impl Test {
    fn new(part: &Part) -> Self {
        match part {
            Part::Range { lower, upper } => {
                let lower = lower.iter().map(|left| Bound::new(left, super::GREATER));
                Self::Range(lower.chain(upper.iter().map(|left| Bound::new(left, super::LESS))).collect())
            }
            Part::Tag { position, key } => Self::Tag(*position, Box::new(cipher(key))),
        }
    }

    /// Appends the entries from `start` to `end` that pass.
    fn run(&self, lane: &Lane, start: usize, end: usize, found: &mut Vec<u32>) {
        let room =
            &mut Room { buffer: [Block::default(); CHUNK], inside: [0; CHUNK], open: [0; CHUNK], outcome: [0; CHUNK] };
        for start in (start..end).step_by(CHUNK) {
            let range = start..end.min(start + CHUNK);
            let (Some(entries), Some(nonces)) = (lane.entries.get(range.clone()), lane.nonces.get(range.clone()))
            else {
                continue;
            };
            match self {
                Self::Range(bounds) => {
                    (0..).zip(&mut room.inside).for_each(|(i, to)| *to = i);
                    let mut count = entries.len();
                    for bound in bounds {
                        let words = lane.words.iter().filter_map(|column| column.get(range.clone()));
                        count = room.keep(bound, nonces, words, count);
                    }
                    let inside = room.inside.iter().take(count);
                    found.extend(inside.filter_map(|at| entries.get(usize::from(*at))));
                }
                Self::Tag(position, cipher) => {
                    let tags = lane.tags.get(usize::from(*position)).and_then(|column| column.get(range));
                    let Some(buffer) = room.buffer.get_mut(..nonces.len()) else { continue };
                    buffer.copy_from_slice(nonces);
                    cipher.encrypt_blocks(buffer);
                    let all = entries.iter().zip(tags.unwrap_or_default()).zip(&*buffer);
                    found.extend(all.filter(|((_, have), block)| **have == tag(block)).map(|((entry, _), _)| *entry));
                }
            }
        }
    }
}

impl Room {
    /// Takes away from the `count` entries inside those that are beyond the bound, and gives how many are left.
    fn keep<'a>(
        &mut self,
        bound: &Bound,
        nonces: &[Block],
        words: impl Iterator<Item = &'a [u32]>,
        count: usize,
    ) -> usize {
        let Self { buffer, inside, open, outcome } = self;
        open.copy_from_slice(inside);
        let mut left = count;
        for ((cipher, slot), words) in bound.blocks.iter().zip(words) {
            if left == 0 {
                break;
            }
            let Some(buffer) = buffer.get_mut(..left) else { break };
            if left == nonces.len() {
                buffer.copy_from_slice(nonces);
            } else {
                for (to, at) in buffer.iter_mut().zip(open.iter()) {
                    *to = nonces.get(usize::from(*at)).copied().unwrap_or_default();
                }
            }
            cipher.encrypt_blocks(buffer);
            let mut still = 0;
            for (i, block) in buffer.iter().enumerate() {
                let at = open.get(i).copied().unwrap_or_default();
                let word = words.get(usize::from(at)).copied().unwrap_or_default();
                let result = ((word >> (2 * slot) & 3) + 3 - mask(block)) % 3;
                if let Some(to) = outcome.get_mut(usize::from(at)) {
                    *to = result as u8;
                }
                if let Some(to) = open.get_mut(still) {
                    *to = at;
                }
                still += usize::from(result == 0);
            }
            left = still;
        }
        let mut kept = 0;
        for i in 0..count {
            let at = inside.get(i).copied().unwrap_or_default();
            let is = outcome.get(usize::from(at)).is_some_and(|outcome| *outcome != bound.outside);
            if let Some(to) = inside.get_mut(kept) {
                *to = at;
            }
            kept += usize::from(is);
        }
        kept
    }
}
