//! Which grants are in force: one list an owner, signed by its head, for every scheme.
//!
//! A grant that was taken back verifies for as long as it would have lasted: its signature does not go away. So the
//! owner signs what *is* in force, the [`LiveHead`]: a version, and the root of a Merkle tree over the entries in
//! ascending order of id. A server takes heads in order of version and never goes back, and what the highest head
//! does not list is dead. Taking a grant back is leaving it out of the next head.
//!
//! An [`Entry`] is `Live` for a statement of the owner's: a grant, or standing rules under which others may make
//! grants (trustees in an emergency, a doctor who refers). Grants made under standing rules are not listed. To take
//! one back, the owner lists it as `Barred` until it would have ended.
//!
//! Heads travel in a [`LiveUpdate`]: the changes since a version that the server has, or the complete list. Owner and
//! server both keep a [`LiveSet`].
//!
//! Where the owner's key has [generations](crate::kac::Rotate), a head also says which is the lowest that is served. It
//! never falls. So while stored capsules are updated, grants of both generations are listed and served, and once they are,
//! one head ends whatever is left under the old one, also what others made in the owner's name.
//!
//! **What it does not protect.** A server that is never told, or that does not care, goes on with the head that it
//! has until that expires: make heads short-lived. A server restored from a backup has an older head, and takes the
//! current one when it is sent [again](LiveSet::complete). What was read stays read.

mod set;
#[cfg(test)]
mod tests;
mod update;

use core::fmt;

use crate::context::Timestamp;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::pre::GrantId;
pub use set::LiveSet;
pub use update::LiveUpdate;

/// What a head says of one id. 33 or 9 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The statement of this digest is in force: a grant, or standing rules under which others may make grants.
    Live {
        /// The digest of the signed statement.
        digest: Digest,
    },
    /// A grant that somebody made under standing rules and that the owner takes back.
    Barred {
        /// Until when the grant would have been valid. Later heads drop the entry.
        not_after: Timestamp,
    },
}

impl Entry {
    /// The least bytes that an id and its entry take.
    const MIN_LEN: usize = 16 + 1 + 8;

    fn ended(&self, at: Timestamp) -> bool {
        matches!(self, Self::Barred { not_after } if *not_after < at)
    }

    fn write(&self, id: &GrantId, sink: &mut dyn Sink) {
        sink.put(id.as_bytes());
        match self {
            Self::Live { digest } => {
                sink.put(&[0]);
                sink.put(digest.as_bytes());
            }
            Self::Barred { not_after } => {
                sink.put(&[1]);
                sink.put(&not_after.0.to_be_bytes());
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<(GrantId, Self), DecodeError> {
        let id = GrantId::from_array(reader.array()?);
        let entry = match reader.array()? {
            [0] => Self::Live { digest: Digest::from_array(reader.array()?) },
            [1] => Self::Barred { not_after: Timestamp(reader.u64()?) },
            _ => return Err(DecodeError::Value),
        };
        Ok((id, entry))
    }
}

/// The owner's word on which grants are in force; travels as [`Signed<LiveHead>`](crate::identity::Signed).
///
/// Encoded length: 4 + 8 + 4 + 8 + 8 + 8 + 32 + 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveHead {
    version: u64,
    generation: u32,
    at: Timestamp,
    not_after: Timestamp,
    size: u64,
    root: Digest,
    previous: Digest,
}

impl LiveHead {
    /// The owner's counter of heads, from one on.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The lowest generation of the owner's key that is served: what is under an earlier one is dead, listed or not. Zero
    /// where a scheme does not rotate.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// When the owner signed.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The last second in which grants are carried out under this head.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// How many entries there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over the entries.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// The digest of the signed head before; [`Digest::NONE`] for the first.
    pub fn previous(&self) -> Digest {
        self.previous
    }
}

impl Message for LiveHead {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::LIVE_HEAD;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.version.to_be_bytes());
        sink.put(&self.generation.to_be_bytes());
        sink.put(&self.at.0.to_be_bytes());
        sink.put(&self.not_after.0.to_be_bytes());
        sink.put(&self.size.to_be_bytes());
        sink.put(self.root.as_bytes());
        sink.put(self.previous.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let head = Self {
            version: reader.u64()?,
            generation: reader.u32()?,
            at: Timestamp(reader.u64()?),
            not_after: Timestamp(reader.u64()?),
            size: reader.u64()?,
            root: Digest::from_array(reader.array()?),
            previous: Digest::from_array(reader.array()?),
        };
        // Version zero is that of no head, and the first head alone follows none.
        let place = head.version > 0 && (head.version == 1) == (head.previous == Digest::NONE);
        let bounds = head.at <= head.not_after && head.size <= LiveSet::MAX as u64;
        if place && bounds { Ok(head) } else { Err(DecodeError::Value) }
    }
}

public_encoding!(LiveHead);

/// Why a head was not made or not taken, or a grant is not in force. Nothing has changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LiveError {
    /// The head is not signed by the owner, or the set is another owner's.
    Signature,
    /// A newer head is known, or the head's time or lowest generation is before that of the head it follows.
    Rollback,
    /// The owner signed two heads that exclude each other, or there is no way from the known one to this one.
    Fork,
    /// The changes apply to another version: a complete list is needed.
    Behind,
    /// The changes contradict each other, or do not lead to the entries that the head is over.
    Mismatch,
    /// The head would end before it begins.
    Time,
    /// There would be more than [`LiveSet::MAX`] entries.
    Full,
    /// The counter of versions has reached its end.
    Exhausted,
    /// There is no head, or it has expired.
    Stale,
    /// The grant or its authority is not in force.
    NotLive,
    /// The grant is under a generation of the owner's key that is served no longer.
    Generation,
}

impl fmt::Display for LiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signature => "the head is not signed by the owner",
            Self::Rollback => "a newer head is known",
            Self::Fork => "the owner signed two heads that exclude each other",
            Self::Behind => "the changes apply to another version",
            Self::Mismatch => "the changes do not lead to the signed entries",
            Self::Time => "the head would end before it begins",
            Self::Full => "there are too many entries",
            Self::Exhausted => "the counter of heads has reached its end",
            Self::Stale => "there is no head of live grants, or it has expired",
            Self::NotLive => "the grant is not in force",
            Self::Generation => "the grant is under a former generation of the owner's key",
        })
    }
}

impl core::error::Error for LiveError {}
