//! One space's part of an index.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

#[cfg(feature = "rayon")]
use rayon::prelude::*;

use super::{Answer, Match};
use crate::context::{RecordId, Timestamp};
use crate::hash::Digest;
use crate::identity::Signed;
use crate::search::batch::tree;
use crate::search::{
    Batch, BatchHead, Conflict, Evidence, Form, Found, Gate, GateError, InsertError, Path, Search, Space, Store, Token,
};

/// The encrypted values of one space, of all providers, as a cloud holds them.
///
/// Encoded it is everything that was let in and is not removed, with the gate, the counts of the providers, and what stands
/// in quarantine.
pub struct Column<M: Search> {
    pub(super) space: Space<M>,
    pub(super) gate: M::Gate,
    /// By number, which stays; the last sequence that was taken.
    pub(super) providers: Vec<(Path, u64)>,
    pub(super) numbers: BTreeMap<Path, u32>,
    pub(super) written: BTreeMap<u32, Written>,
    pub(super) next: u32,
    pub(super) entries: Vec<Option<Place>>,
    pub(super) free: Vec<u32>,
    /// Provider, record, entry.
    pub(super) by_record: BTreeSet<(u32, RecordId, u32)>,
    pub(super) quarantine: Vec<Aside>,
    pub(super) store: M::Store,
}

/// A batch of which something is left.
pub(super) struct Written {
    pub(super) head: Signed<BatchHead>,
    pub(super) leaves: Vec<Digest>,
    pub(super) left: u32,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) provider: u32,
    pub(super) record: RecordId,
    pub(super) batch: u32,
    pub(super) position: u32,
}

/// A value that stands in quarantine.
pub(super) struct Aside {
    pub(super) place: Place,
    pub(super) value: Vec<u8>,
    level: u8,
    /// The values that it contradicts, by entry: as long as all of them are there, so does it.
    against: Vec<u32>,
}

/// A value that contradicts others of its own provider's, and stands aside until they or it are gone: nobody finds it. The
/// provider did not keep to the scheme; which value is not what the scheme makes, the owner can
/// [tell](crate::search::ordered::inspect).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined<'a> {
    /// Whose value it is.
    pub provider: &'a Path,
    /// Of which record.
    pub record: RecordId,
    /// The encrypted value.
    pub value: &'a [u8],
    /// At which bit it contradicts others, from the most significant.
    pub level: u8,
    /// What it contradicts: one value of each side.
    pub against: Vec<Match>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inserted {
    /// Values that are found from now on.
    pub added: u32,
    /// Values that were put into quarantine.
    pub quarantined: u32,
    /// Values that were removed.
    pub removed: u32,
}

impl<M: Search> Column<M> {
    /// An empty one.
    #[must_use]
    pub fn new(space: Space<M>, gate: M::Gate) -> Self {
        let store = M::Store::new(&space);
        Self {
            space,
            gate,
            providers: Vec::new(),
            numbers: BTreeMap::new(),
            written: BTreeMap::new(),
            next: 0,
            entries: Vec::new(),
            free: Vec::new(),
            by_record: BTreeSet::new(),
            quarantine: Vec::new(),
            store,
        }
    }

    /// Which space.
    #[must_use]
    pub fn space(&self) -> &Space<M> {
        &self.space
    }

    /// By whose word it takes values and answers.
    #[must_use]
    pub fn gate(&self) -> &M::Gate {
        &self.gate
    }

    /// To bring newer rosters.
    pub fn gate_mut(&mut self) -> &mut M::Gate {
        &mut self.gate
    }

    /// How many values are found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_record.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_record.is_empty()
    }

    /// How many values each provider has, under each of its keys.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&Path, usize> {
        let mut counts = BTreeMap::new();
        for (provider, ..) in &self.by_record {
            if let Some((path, _)) = self.providers.get(*provider as usize) {
                *counts.entry(path).or_insert(0) += 1;
            }
        }
        counts
    }

    /// What stands in quarantine.
    pub fn quarantine(&self) -> impl Iterator<Item = Quarantined<'_>> {
        self.quarantine.iter().filter_map(|aside| {
            let (provider, _) = self.providers.get(aside.place.provider as usize)?;
            let Aside { place, value, level, against } = aside;
            let against = against.iter().filter_map(|entry| self.found(*entry)).collect();
            Some(Quarantined { provider, record: place.record, value, level: *level, against })
        })
    }

    /// Every value that is found, encrypted, with its provider and record: what a cloud sees, and what a provider fetches to
    /// encrypt it again under a new key.
    pub fn entries(&self) -> impl Iterator<Item = (Match, Vec<u8>)> + '_ {
        self.by_record.iter().filter_map(|(_, _, entry)| {
            let mut value = Vec::with_capacity(M::Stored::len(&self.space.shape()));
            self.store.get(*entry, &mut value);
            Some((self.found(*entry)?, value))
        })
    }

    /// The store, to see what a cloud sees.
    #[must_use]
    pub fn store(&self) -> &M::Store {
        &self.store
    }

    /// Takes a batch: removes what it removes, then adds what it adds.
    ///
    /// # Errors
    /// [`InsertError`]; nothing is changed then.
    pub fn insert(&mut self, batch: &Batch<M, M::Stored>, now: Timestamp) -> Result<Inserted, InsertError> {
        let leaves = self.check(batch, now)?;
        self.apply(batch, leaves)
    }

    /// Takes the batches of several providers, each for itself: what is wrong with one keeps none of the others out. With
    /// the feature `rayon` signatures and hashes are checked on every core.
    pub fn merge(&mut self, batches: &[Batch<M, M::Stored>], now: Timestamp) -> Vec<Result<Inserted, InsertError>> {
        #[cfg(feature = "rayon")]
        let checked: Vec<_> = batches.par_iter().map(|batch| self.check(batch, now)).collect();
        #[cfg(not(feature = "rayon"))]
        let checked: Vec<_> = batches.iter().map(|batch| self.check(batch, now)).collect();
        batches.iter().zip(checked).map(|(batch, leaves)| self.apply(batch, leaves?)).collect()
    }

    /// Whether a batch is what it says, by somebody who may write now.
    fn check(&self, batch: &Batch<M, M::Stored>, now: Timestamp) -> Result<Vec<Digest>, InsertError> {
        let head = batch.head().unverified();
        if head.space != self.space.id() || head.shape != self.space.shape() {
            return Err(InsertError::Space);
        }
        self.gate.writes(&head.provider, now).map_err(InsertError::Gate)?;
        let signer = self.gate.signer(&head.provider);
        batch.head().verify(&signer).map_err(|_| InsertError::Gate(GateError::Signature))?;
        batch.leaves().map_err(|_| InsertError::Entries)
    }

    fn apply(&mut self, batch: &Batch<M, M::Stored>, leaves: Vec<Digest>) -> Result<Inserted, InsertError> {
        let head = batch.head().unverified();
        let number = self.numbers.get(&head.provider).copied();
        let last = number.and_then(|number| self.providers.get(number as usize)).map(|(_, sequence)| *sequence);
        if last.is_some_and(|last| head.sequence <= last) {
            return Err(InsertError::Replayed);
        }
        let most = u32::MAX as usize;
        if self.providers.len() >= most
            || self.next == u32::MAX
            || self.entries.len().saturating_add(leaves.len()) >= most
        {
            return Err(InsertError::Full);
        }
        // From here on nothing fails.
        let provider = self.number(&head.provider, head.sequence);
        let (removed, freed) = self.remove_records(&head.provider, &head.removed);
        let id = self.next;
        // Of a batch that only removes nothing is left to keep.
        if head.count > 0 {
            self.next = self.next.saturating_add(1);
            self.written.insert(id, Written { head: batch.head().clone(), leaves, left: head.count });
        }
        let mut inserted = Inserted { added: 0, quarantined: 0, removed };
        for ((record, value), position) in batch.entries().zip(0u32..) {
            let place = Place { provider, record: *record, batch: id, position };
            match self.place(place, value) {
                None => inserted.added = inserted.added.saturating_add(1),
                Some(aside) => {
                    self.quarantine.push(aside);
                    inserted.quarantined = inserted.quarantined.saturating_add(1);
                }
            }
        }
        self.retry(&freed);
        Ok(inserted)
    }

    /// The number of a provider, who wrote its batch of this number last.
    pub(super) fn number(&mut self, provider: &Path, sequence: u64) -> u32 {
        if let Some(number) = self.numbers.get(provider) {
            if let Some((_, last)) = self.providers.get_mut(*number as usize) {
                *last = sequence;
            }
            return *number;
        }
        // There are fewer than u32::MAX.
        let number = self.providers.len() as u32;
        self.providers.push((provider.clone(), sequence));
        self.numbers.insert(provider.clone(), number);
        number
    }

    /// Puts a value where it is found, or says what it contradicts.
    pub(super) fn place(&mut self, place: Place, value: &[u8]) -> Option<Aside> {
        let entry = self.free.last().copied().unwrap_or(self.entries.len() as u32);
        match self.store.insert(entry, place.provider, value) {
            Ok(()) => {
                self.by_record.insert((place.provider, place.record, entry));
                match self.free.pop() {
                    Some(_) => {
                        self.entries.get_mut(entry as usize).into_iter().for_each(|slot| *slot = Some(place.clone()))
                    }
                    None => self.entries.push(Some(place)),
                }
                None
            }
            Err(Conflict { level, against }) => Some(Aside { value: value.to_vec(), level, against, place }),
        }
    }

    pub(in crate::search) fn found(&self, entry: u32) -> Option<Match> {
        let place = self.entries.get(entry as usize)?.as_ref()?;
        let (provider, _) = self.providers.get(place.provider as usize)?;
        Some(Match { provider: provider.clone(), record: place.record })
    }

    /// One value less of a batch.
    fn release(&mut self, batch: u32) {
        if let Some(written) = self.written.get_mut(&batch) {
            written.left = written.left.saturating_sub(1);
            if written.left == 0 {
                self.written.remove(&batch);
            }
        }
    }

    /// Removes values that are found, and those in quarantine for which `aside` holds. Returns how many that were, and the
    /// numbers of the former, which may be others' from now on.
    fn remove(&mut self, found: &[(u32, RecordId, u32)], aside: impl Fn(&Place) -> bool) -> (u32, BTreeSet<u32>) {
        for key @ (_, _, entry) in found {
            self.by_record.remove(key);
            self.store.remove(*entry);
            if let Some(place) = self.entries.get_mut(*entry as usize).and_then(Option::take) {
                self.free.push(*entry);
                self.release(place.batch);
            }
        }
        let (dropped, kept): (Vec<_>, _) =
            core::mem::take(&mut self.quarantine).into_iter().partition(|other| aside(&other.place));
        self.quarantine = kept;
        dropped.iter().for_each(|aside: &Aside| self.release(aside.place.batch));
        let count = (found.len() as u32).saturating_add(dropped.len() as u32);
        (count, found.iter().map(|(_, _, entry)| *entry).collect())
    }

    /// What a provider wrote of records, under whichever of its keys.
    fn remove_records(&mut self, provider: &Path, records: &BTreeSet<RecordId>) -> (u32, BTreeSet<u32>) {
        if records.is_empty() {
            return (0, BTreeSet::new());
        }
        let same = self.providers.iter().zip(0u32..).filter(|((path, _), _)| path.same_place(provider));
        let same: BTreeSet<_> = same.map(|(_, number)| number).collect();
        let by_record = &self.by_record;
        let of = |record: RecordId| {
            let of = move |number: &u32| by_record.range((*number, record, 0)..=(*number, record, u32::MAX));
            same.iter().flat_map(of)
        };
        let found: Vec<_> = records.iter().flat_map(|record| of(*record)).copied().collect();
        self.remove(&found, |place| same.contains(&place.provider) && records.contains(&place.record))
    }

    /// Removes everything that was written under keys for which `gone` holds, and returns how many values that were. What
    /// it kept in quarantine comes out.
    ///
    /// The providers' counts stay, so that what was removed does not come back by a batch from before.
    pub fn remove_where(&mut self, gone: impl Fn(&Path) -> bool) -> u32 {
        let paths = self.providers.iter().zip(0u32..).filter(|((path, _), _)| gone(path));
        let providers: BTreeSet<_> = paths.map(|(_, number)| number).collect();
        let found: Vec<_> =
            self.by_record.iter().filter(|(provider, ..)| providers.contains(provider)).copied().collect();
        let (removed, freed) = self.remove(&found, |place| providers.contains(&place.provider));
        self.retry(&freed);
        removed
    }

    /// Removes what is under keys that nobody lists any more: of providers that were expelled, and of former generations.
    /// Nothing as long as the owner's list is not here.
    pub fn sweep(&mut self) -> u32 {
        let gate = self.gate.clone();
        self.remove_where(|path| !gate.keeps(path))
    }

    /// Puts what stands in quarantine where it belongs, if nothing contradicts it any more. Whoever fills the quarantine
    /// does not make removals of others dear: only what contradicts one of those that went is looked at.
    fn retry(&mut self, freed: &BTreeSet<u32>) {
        if freed.is_empty() {
            return;
        }
        for aside in core::mem::take(&mut self.quarantine) {
            let holds = !aside.against.is_empty() && !aside.against.iter().any(|entry| freed.contains(entry));
            let still = if holds { Some(aside) } else { self.place(aside.place, &aside.value) };
            self.quarantine.extend(still);
        }
    }

    /// Whether a token counts now, and what it asks of this space.
    pub(super) fn asks(
        &self,
        token: &Signed<Token<M, M::Trapdoor>>,
        trapdoor: &M::Trapdoor,
        now: Timestamp,
    ) -> Result<(), GateError> {
        self.gate.asks(token, now)?;
        self.gate.answers(&token.unverified().asker, trapdoor, now)
    }

    /// What a trapdoor finds, without asking whose it is.
    pub(super) fn find(&self, trapdoor: &M::Trapdoor) -> Answer {
        let Found { entries, in_order } = self.store.query(&self.paths(), trapdoor);
        let (ordered, others) = entries.split_at_checked(in_order).unwrap_or((&entries, &[]));
        let found = |entries: &[u32]| entries.iter().filter_map(|entry| self.found(*entry)).collect::<Vec<_>>();
        Answer::new(found(ordered), found(others))
    }

    /// The paths of providers by number.
    pub(in crate::search) fn paths(&self) -> Vec<Path> {
        self.providers.iter().map(|(path, _)| path.clone()).collect()
    }

    /// The evidence that a provider wrote of a record: for each value that is found. Each takes a hash for every value of
    /// its batch, when it is asked for.
    pub fn evidence(&self, found: &Match) -> impl Iterator<Item = Evidence<M, M::Stored>> + use<'_, M> {
        let (provider, record) = (self.numbers.get(&found.provider).copied(), found.record);
        let of = move |number| self.by_record.range((number, record, 0)..=(number, record, u32::MAX));
        provider.into_iter().flat_map(of).filter_map(|(_, _, entry)| self.show(*entry))
    }

    fn show(&self, entry: u32) -> Option<Evidence<M, M::Stored>> {
        let place = self.entries.get(entry as usize)?.as_ref()?;
        let written = self.written.get(&place.batch)?;
        let position = place.position as usize;
        let proof = tree().prove(&written.leaves, &(position..position.saturating_add(1)))?;
        let mut value = Vec::with_capacity(M::Stored::len(&self.space.shape()));
        self.store.get(entry, &mut value);
        let (head, position, record) = (written.head.clone(), place.position, place.record);
        Some(Evidence { head, position, record, value, proof, form: PhantomData })
    }
}

impl<M: Search> fmt::Debug for Column<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Column")
            .field("space", &self.space)
            .field("providers", &self.providers.len())
            .field("values", &self.by_record.len())
            .field("quarantine", &self.quarantine.len())
            .finish_non_exhaustive()
    }
}
