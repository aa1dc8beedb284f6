//! Receipts.

use crate::context::{Partition, RecordId, Timestamp};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::PartyId;
use crate::pre::LiveSet;
use crate::sharing::log::Event;

/// The head of live grants that was in force. 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveRef {
    /// Its version; zero before the first.
    pub version: u64,
    /// The digest of the signed head; [`Digest::NONE`] before the first.
    pub head: Digest,
}

impl LiveRef {
    /// Before the first head.
    pub const NONE: Self = Self { version: 0, head: Digest::NONE };

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&self.version.to_be_bytes());
        sink.put(self.head.as_bytes());
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { version: reader.u64()?, head: Digest::from_array(reader.array()?) })
    }

    /// Whether there is a head if and only if there is a version.
    pub(super) fn well_formed(&self) -> bool {
        (self.version == 0) == (self.head == Digest::NONE)
    }

    /// Whether this may stand in a log after `former`: a later head, or the same.
    pub(super) fn follows(&self, former: &Self) -> bool {
        self.version > former.version || self == former
    }
}

impl From<&LiveSet> for LiveRef {
    fn from(set: &LiveSet) -> Self {
        Self { version: set.version(), head: set.digest() }
    }
}

/// One act, as whoever acted signs it: [`Signed<Receipt>`](crate::identity::Signed).
///
/// Encoded length: 4 + 32 + 8 + 8 + 40 + the event: 1 to 173 bytes, or 101 + 32 for each approver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whose grants it is about.
    pub owner: PartyId,
    /// Where it stands in the keeper's log of this owner.
    pub number: u64,
    /// When, by the keeper's clock.
    pub at: Timestamp,
    /// The head of live grants that was in force.
    pub live: LiveRef,
    /// What was done.
    pub event: Event,
}

impl Message for Receipt {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::RECEIPT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.owner.as_bytes());
        sink.put(&self.number.to_be_bytes());
        sink.put(&self.at.0.to_be_bytes());
        self.live.write(sink);
        self.event.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let owner = PartyId::from_array(reader.array()?);
        let (number, at) = (reader.u64()?, Timestamp(reader.u64()?));
        let receipt = Self { owner, number, at, live: LiveRef::read(reader)?, event: Event::read(reader)? };
        // One order of approvers: a receipt has one encoding.
        if receipt.live.well_formed() && receipt.event.well_formed() { Ok(receipt) } else { Err(DecodeError::Value) }
    }
}

public_encoding!(Receipt);

/// Somebody could read a record from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Who.
    pub user: PartyId,
    /// Which record.
    pub record: RecordId,
    /// Which version of it.
    pub version: u64,
    /// Which partition.
    pub partition: Partition,
    /// When the server re-encrypted.
    pub at: Timestamp,
}

/// Who could read what, among `receipts`, in their order.
pub fn reads<'a>(receipts: impl IntoIterator<Item = &'a Receipt>) -> impl Iterator<Item = Read> {
    receipts.into_iter().filter_map(|receipt| match receipt.event {
        Event::Reencrypted { user, record, version, partition, .. } => {
            Some(Read { user, record, version, partition, at: receipt.at })
        }
        _ => None,
    })
}
