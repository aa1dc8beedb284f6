//! A column as bytes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Column;
use super::column::{Place, Written};
use crate::context::RecordId;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::Signed;
use crate::search::batch::{leaf, tree};
use crate::search::{BatchHead, Form, Gate, Path, Search, Space, Store};

/// Written: the space, the gate, the providers with their counts, the batches of which something is left with the hashes of
/// their entries, the values that are found, and those in quarantine. What is read is checked as when it came, but for the
/// time.
impl<M: Search> Message for Column<M> {
    const SUITE: SuiteId = M::SUITE;
    const KIND: Kind = kind::SEARCH_COLUMN;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.space.write(sink);
        self.gate.write(sink);
        put_count(sink, self.numbers.len());
        for (path, number) in &self.numbers {
            path.write(sink);
            let sequence = self.providers.get(*number as usize).map(|(_, sequence)| *sequence);
            sink.put(&sequence.unwrap_or_default().to_be_bytes());
        }
        put_count(sink, self.written.len());
        for written in self.written.values() {
            written.head.write(sink);
            written.leaves.iter().for_each(|leaf| sink.put(leaf.as_bytes()));
        }
        let batches: BTreeMap<_, _> = self.written.keys().zip(0u32..).collect();
        let put = |sink: &mut dyn Sink, place: &Place, value: &[u8]| {
            sink.put(&batches.get(&place.batch).copied().unwrap_or_default().to_be_bytes());
            sink.put(&place.position.to_be_bytes());
            sink.put(place.record.as_bytes());
            sink.put(value);
        };
        put_count(sink, self.by_record.len());
        let mut value = Vec::new();
        for (entry, place) in
            self.entries.iter().zip(0u32..).filter_map(|(place, entry)| Some((entry, place.as_ref()?)))
        {
            value.clear();
            self.store.get(entry, &mut value);
            put(sink, place, &value);
        }
        put_count(sink, self.quarantine.len());
        self.quarantine.iter().for_each(|aside| put(sink, &aside.place, &aside.value));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let space = Space::read(reader)?;
        let gate = M::Gate::read(&space, reader)?;
        let mut column = Self::new(space, gate);
        for _ in 0..reader.count(usize::MAX, 45)? {
            let (path, sequence) = (Path::read(reader)?, reader.u64()?);
            if column.numbers.last_key_value().is_some_and(|(last, _)| *last >= path) {
                return Err(DecodeError::Value);
            }
            column.number(&path, sequence);
        }
        let mut last = BTreeMap::new();
        for _ in 0..reader.count(usize::MAX, 200)? {
            column.read_batch(reader, &mut last)?;
        }
        let len = M::Stored::len(&column.space.shape());
        let mut seen = BTreeSet::new();
        for in_quarantine in [false, true] {
            for _ in 0..reader.count(usize::MAX, len.saturating_add(24))? {
                let (place, value) = column.read_entry(reader, len)?;
                if !seen.insert((place.batch, place.position)) {
                    return Err(DecodeError::Value);
                }
                match column.place(place, value) {
                    None if !in_quarantine => {}
                    Some(aside) if in_quarantine => column.quarantine.push(aside),
                    _ => return Err(DecodeError::Value),
                }
            }
        }
        // A batch of which nothing is left is not kept.
        if column.written.values().all(|written| written.left > 0) { Ok(column) } else { Err(DecodeError::Value) }
    }
}

impl<M: Search> Column<M> {
    /// A batch. `last` are the counts of those before, by provider: each was taken once, in ascending order.
    fn read_batch(&mut self, reader: &mut Reader<'_>, last: &mut BTreeMap<u32, u64>) -> Result<(), DecodeError> {
        let head = Signed::<BatchHead>::read(reader)?;
        let said = head.unverified();
        let number = self.numbers.get(&said.provider).ok_or(DecodeError::Value)?;
        let (_, sequence) = self.providers.get(*number as usize).ok_or(DecodeError::Value)?;
        let newer = last.insert(*number, said.sequence).is_none_or(|last| last < said.sequence);
        let fits = said.space == self.space.id() && said.shape == self.space.shape() && said.sequence <= *sequence;
        if !fits || !newer || head.verify(&self.gate.signer(&said.provider)).is_err() {
            return Err(DecodeError::Value);
        }
        let hashes = reader.take((said.count as usize).saturating_mul(Digest::LEN))?.chunks_exact(Digest::LEN);
        let leaves = hashes.map(|hash| Reader::new(hash).array().map(Digest::from_array));
        let leaves: Vec<_> = leaves.collect::<Result<_, _>>()?;
        if tree().root(&leaves) != said.root {
            return Err(DecodeError::Value);
        }
        self.written.insert(self.next, Written { head, leaves, left: 0 });
        self.next = self.next.checked_add(1).ok_or(DecodeError::Length)?;
        Ok(())
    }

    /// An entry that is one of its batch's.
    fn read_entry<'a>(&mut self, reader: &mut Reader<'a>, len: usize) -> Result<(Place, &'a [u8]), DecodeError> {
        let (batch, position) = (reader.u32()?, reader.u32()?);
        let (record, value) = (RecordId::from_array(reader.array()?), reader.take(len)?);
        M::Stored::check(&self.space.shape(), value)?;
        let written = self.written.get_mut(&batch).ok_or(DecodeError::Value)?;
        if written.leaves.get(position as usize) != Some(&leaf(&tree(), &record, value)) {
            return Err(DecodeError::Value);
        }
        written.left = written.left.saturating_add(1);
        let provider = self.numbers.get(&written.head.unverified().provider).copied().ok_or(DecodeError::Value)?;
        Ok((Place { provider, record, batch, position }, value))
    }
}

public_encoding!(Column<M> where [M: Search]);
