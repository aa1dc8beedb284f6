//! Who holds shares, and how many of them are needed.

use alloc::vec::Vec;

use super::CommitteeError;
use crate::encoding::{Reader, Sink, put_count};
use crate::error::DecodeError;
use crate::identity::PartyId;

/// m trustees, of whom t have to act together: 1 ≤ t ≤ m ≤ 255. The first has number 1.
///
/// With a threshold of 1, every trustee has the whole secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    threshold: u8,
    trustees: Vec<PartyId>,
}

impl Committee {
    /// Most trustees of a committee.
    pub const MAX: usize = 255;

    /// The committee of these trustees, numbered in the order given.
    ///
    /// # Errors
    /// [`CommitteeError::Threshold`] when it is 0 or above the number of trustees, [`CommitteeError::TooMany`] above
    /// [`Committee::MAX`] of them, [`CommitteeError::Duplicate`] when one is named twice.
    pub fn new(threshold: u8, trustees: &[PartyId]) -> Result<Self, CommitteeError> {
        if trustees.len() > Self::MAX {
            return Err(CommitteeError::TooMany);
        }
        if threshold == 0 || usize::from(threshold) > trustees.len() {
            return Err(CommitteeError::Threshold);
        }
        let mut sorted = trustees.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != trustees.len() {
            return Err(CommitteeError::Duplicate);
        }
        Ok(Self { threshold, trustees: trustees.to_vec() })
    }

    /// The committee that is `owner` alone.
    pub(super) fn alone(owner: PartyId) -> Self {
        Self { threshold: 1, trustees: Vec::from([owner]) }
    }

    /// How many trustees have to act together.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The trustees. The one at position p has number p + 1.
    pub fn trustees(&self) -> &[PartyId] {
        &self.trustees
    }

    /// The number of `trustee`, from 1; `None` if it is no member.
    pub fn index(&self, trustee: &PartyId) -> Option<u8> {
        self.indices().zip(&self.trustees).find(|(_, member)| *member == trustee).map(|(index, _)| index)
    }

    /// The trustee of this number.
    pub(super) fn trustee(&self, index: u8) -> Option<&PartyId> {
        self.trustees.get(usize::from(index).checked_sub(1)?)
    }

    /// All numbers. A `u8` has one for every member.
    pub(super) fn indices(&self) -> impl Iterator<Item = u8> + use<> {
        (1..=u8::MAX).take(self.trustees.len())
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&[self.threshold]);
        put_count(sink, self.trustees.len());
        self.trustees.iter().for_each(|trustee| sink.put(trustee.as_bytes()));
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [threshold] = reader.array()?;
        let count = reader.count(Self::MAX, 32)?;
        let trustees = (0..count).map(|_| reader.array().map(PartyId::from_array)).collect::<Result<Vec<_>, _>>()?;
        Self::new(threshold, &trustees).map_err(|_| DecodeError::Value)
    }
}
