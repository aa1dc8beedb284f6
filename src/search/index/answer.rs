//! Answers.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::context::RecordId;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::identity::PartyId;
use crate::search::Path;

/// A record, and which provider's value led to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// Under which key the value was.
    pub provider: Path,
    /// The record.
    pub record: RecordId,
}

impl Match {
    /// Provider and record, whatever the generation of keys.
    fn place(&self) -> (Vec<PartyId>, RecordId) {
        (self.provider.parties().collect(), self.record)
    }
}

/// What was found. Nobody signs it: see [`Evidence`](crate::search::Evidence).
///
/// Encoded length: 4 + 4 + path for each provider + 4 + 4 + 20 for each record bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    matches: Vec<Match>,
    in_order: u32,
}

impl Answer {
    /// Each record once for a provider: those in order, and then others.
    pub(super) fn new(ordered: Vec<Match>, others: Vec<Match>) -> Self {
        let mut seen = BTreeSet::new();
        let mut once = |matches: Vec<Match>| -> Vec<_> {
            matches.into_iter().filter(|found| seen.insert(found.place())).collect()
        };
        let (mut matches, others) = (once(ordered), once(others));
        // Entries have numbers of 32 bits.
        let in_order = matches.len() as u32;
        matches.extend(others);
        Self { matches, in_order }
    }

    /// What is in both.
    pub(super) fn and(self, other: Self) -> Self {
        let other: BTreeSet<_> = other.matches.iter().map(Match::place).collect();
        let matches = self.matches.into_iter().filter(|found| other.contains(&found.place())).collect();
        Self { matches, in_order: 0 }
    }

    /// The records.
    #[must_use]
    pub fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// How many of them, from the front, are in the order of their values: the smallest or greatest, when those were asked
    /// for in the ordered mode. What follows contradicts that order, and might belong anywhere in it.
    #[must_use]
    pub fn in_order(&self) -> usize {
        self.in_order as usize
    }

    /// The records of each provider.
    #[must_use]
    pub fn by_provider(&self) -> BTreeMap<&Path, Vec<RecordId>> {
        let mut records: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for found in &self.matches {
            records.entry(&found.provider).or_default().push(found.record);
        }
        records
    }
}

impl Message for Answer {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEARCH_ANSWER;

    fn encode_body(&self, sink: &mut dyn Sink) {
        let providers: BTreeSet<_> = self.matches.iter().map(|found| &found.provider).collect();
        let numbers: BTreeMap<_, _> = providers.iter().zip(0u32..).collect();
        put_count(sink, providers.len());
        providers.iter().for_each(|provider| provider.write(sink));
        sink.put(&self.in_order.to_be_bytes());
        put_count(sink, self.matches.len());
        for found in &self.matches {
            sink.put(&numbers.get(&&found.provider).copied().unwrap_or_default().to_be_bytes());
            sink.put(found.record.as_bytes());
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut providers: Vec<Path> = Vec::new();
        for _ in 0..reader.count(usize::MAX, 37)? {
            let provider = Path::read(reader)?;
            if providers.last().is_some_and(|last| *last >= provider) {
                return Err(DecodeError::Value);
            }
            providers.push(provider);
        }
        let (in_order, mut matches, mut named) = (reader.u32()?, Vec::new(), BTreeSet::new());
        for _ in 0..reader.count(usize::MAX, 20)? {
            let (number, record) = (reader.u32()?, RecordId::from_array(reader.array()?));
            let provider = providers.get(number as usize).ok_or(DecodeError::Value)?.clone();
            named.insert(number);
            matches.push(Match { provider, record });
        }
        let Some((ordered, others)) = matches.split_at_checked(in_order as usize) else {
            return Err(DecodeError::Value);
        };
        let answer = Self::new(ordered.to_vec(), others.to_vec());
        if answer.matches == matches && named.len() == providers.len() { Ok(answer) } else { Err(DecodeError::Value) }
    }
}

public_encoding!(Answer);
