//! What a keeper shows of its log.

use alloc::vec::Vec;

use crate::context::Timestamp;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed};
use crate::merkle::MAX_PROOF;
use crate::sharing::log::Receipt;

/// The keeper's word on its log of one owner; travels as [`Signed<LogHead>`]. 4 + 32 + 8 + 32 + 8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogHead {
    /// Whose grants the log is about.
    pub owner: PartyId,
    /// How many receipts there are.
    pub size: u64,
    /// The Merkle root over the signed receipts, in order.
    pub root: Digest,
    /// When the keeper signed.
    pub at: Timestamp,
}

impl Message for LogHead {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::LOG_HEAD;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.owner.as_bytes());
        sink.put(&self.size.to_be_bytes());
        sink.put(self.root.as_bytes());
        sink.put(&self.at.0.to_be_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            owner: PartyId::from_array(reader.array()?),
            size: reader.u64()?,
            root: Digest::from_array(reader.array()?),
            at: Timestamp(reader.u64()?),
        })
    }
}

public_encoding!(LogHead);

/// How far an auditor has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// How many receipts it has read: the next page starts here.
    pub read: u64,
    /// The size of the head that it has taken: the next must be shown to continue it. Never below `read`.
    pub size: u64,
}

/// A signed head, a page of receipts under it, and the proofs that they are and that the head continues an earlier
/// one. Made by [`Log::audit`](crate::sharing::log::Log::audit), taken by
/// [`Auditor::follow`](crate::sharing::log::Auditor::follow).
///
/// Encoded length: 4 + the signed head + 16 + 3·4 + the signed receipts + 32 for each hash of the two proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub(super) head: Signed<LogHead>,
    pub(super) position: Position,
    pub(super) entries: Vec<Signed<Receipt>>,
    pub(super) inclusion: Vec<Digest>,
    pub(super) consistency: Vec<Digest>,
}

impl Audit {
    /// Most receipts in a page.
    pub const MAX_PAGE: usize = 1024;
    /// Most hashes in a proof: enough for 2^32 receipts.
    const MAX_PROOF: usize = MAX_PROOF;

    /// The head, unchecked. One that an [`Auditor`](crate::sharing::log::Auditor) refused is evidence against its
    /// keeper, together with the head that the auditor has.
    pub fn head(&self) -> &Signed<LogHead> {
        &self.head
    }

    /// What was asked for.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The receipts, unchecked.
    pub fn entries(&self) -> &[Signed<Receipt>] {
        &self.entries
    }
}

fn write_proof(sink: &mut dyn Sink, proof: &[Digest]) {
    put_count(sink, proof.len());
    proof.iter().for_each(|hash| sink.put(hash.as_bytes()));
}

fn read_proof(reader: &mut Reader<'_>) -> Result<Vec<Digest>, DecodeError> {
    let count = reader.count(Audit::MAX_PROOF, Digest::LEN)?;
    (0..count).map(|_| reader.array().map(Digest::from_array)).collect()
}

impl Message for Audit {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::AUDIT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.head.write(sink);
        sink.put(&self.position.read.to_be_bytes());
        sink.put(&self.position.size.to_be_bytes());
        put_count(sink, self.entries.len());
        self.entries.iter().for_each(|entry| entry.write(sink));
        write_proof(sink, &self.inclusion);
        write_proof(sink, &self.consistency);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let head = Signed::<LogHead>::read(reader)?;
        let position = Position { read: reader.u64()?, size: reader.u64()? };
        // A signed receipt of the shortest event.
        let count = reader.count(Self::MAX_PAGE, 4 + 32 + 93 + 64)?;
        let entries = (0..count).map(|_| Signed::<Receipt>::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { head, position, entries, inclusion: read_proof(reader)?, consistency: read_proof(reader)? })
    }
}

public_encoding!(Audit);
