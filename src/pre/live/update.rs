//! What an owner sends its servers when the live grants have changed.

use alloc::vec::Vec;

use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::identity::Signed;
use crate::pre::{Entry, GrantId, LiveHead, LiveSet};

/// A head of live grants and how to get there: changes to an earlier version, or all entries. Made by
/// [`LiveSet::advance`] and [`LiveSet::complete`], taken by [`LiveSet::apply`].
///
/// It is signed through its head: the entries that result must have the head's size and root. It says which
/// statements are in force, by digest, and not what they say.
///
/// Encoded length: 4 + the signed head + 8 + 4 + 16 for each id removed + 4 + 49 or 25 for each entry set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveUpdate {
    pub(super) head: Signed<LiveHead>,
    pub(super) base: u64,
    // Both in ascending order of id, and no id in both.
    pub(super) removed: Vec<GrantId>,
    pub(super) set: Vec<(GrantId, Entry)>,
}

impl LiveUpdate {
    /// The head, unchecked.
    pub fn head(&self) -> &Signed<LiveHead> {
        &self.head
    }

    /// The version that the changes apply to; zero for a complete list.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The ids that are no longer listed, in ascending order.
    pub fn removed(&self) -> &[GrantId] {
        &self.removed
    }

    /// The entries that are new or other than before, in ascending order of id.
    pub fn set(&self) -> &[(GrantId, Entry)] {
        &self.set
    }
}

pub(super) fn write_entries<'a>(sink: &mut dyn Sink, entries: impl ExactSizeIterator<Item = (&'a GrantId, &'a Entry)>) {
    put_count(sink, entries.len());
    entries.for_each(|(id, entry)| entry.write(id, sink));
}

/// Entries in ascending order of id, each id once: a set has one encoding.
pub(super) fn read_entries(reader: &mut Reader<'_>) -> Result<Vec<(GrantId, Entry)>, DecodeError> {
    let count = reader.count(LiveSet::MAX, Entry::MIN_LEN)?;
    let entries: Vec<_> = (0..count).map(|_| Entry::read(reader)).collect::<Result<_, _>>()?;
    if entries.is_sorted_by(|a, b| a.0 < b.0) { Ok(entries) } else { Err(DecodeError::Value) }
}

impl Message for LiveUpdate {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::LIVE_UPDATE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.head.write(sink);
        sink.put(&self.base.to_be_bytes());
        put_count(sink, self.removed.len());
        self.removed.iter().for_each(|id| sink.put(id.as_bytes()));
        write_entries(sink, self.set.iter().map(|(id, entry)| (id, entry)));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (head, base) = (Signed::<LiveHead>::read(reader)?, reader.u64()?);
        let count = reader.count(LiveSet::MAX, 16)?;
        let removed: Vec<_> = (0..count).map(|_| reader.array().map(GrantId::from_array)).collect::<Result<_, _>>()?;
        let set = read_entries(reader)?;
        let apart = set.iter().all(|(id, _)| removed.binary_search(id).is_err());
        // Changes lead forward, and from nothing there is nothing to remove.
        let forward = base < head.unverified().version() && (base > 0 || removed.is_empty());
        if forward && apart && removed.is_sorted_by(|a, b| a < b) {
            Ok(Self { head, base, removed, set })
        } else {
            Err(DecodeError::Value)
        }
    }
}

public_encoding!(LiveUpdate);
