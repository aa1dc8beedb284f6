//! What was done, and why a request was denied.

use alloc::vec::Vec;
use core::fmt;

use crate::context::{Partition, RecordId, Validity};
use crate::encoding::{Reader, Sink, put_count};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::PartyId;
use crate::pre::GrantId;

/// The rule that denied a request: for the owner's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Rule {
    /// The request was made out to another server.
    OtherServer = 0,
    /// The request is too old, or from the future.
    Stale = 1,
    /// The request was seen before.
    Replayed = 2,
    /// No live grant lets the requester read this.
    NoGrant = 3,
    /// The grant does not cover the capsule.
    Scope = 4,
    /// The grant is not valid yet.
    NotYetValid = 5,
    /// The grant has ended.
    Expired = 6,
    /// The capsule did not pass its public checks.
    Capsule = 7,
    /// There is no head of live grants, or it has expired.
    NoHead = 8,
    /// The capsule is of a former generation of the owner's key: the record was updated since.
    Generation = 9,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 10] = [
        Self::OtherServer,
        Self::Stale,
        Self::Replayed,
        Self::NoGrant,
        Self::Scope,
        Self::NotYetValid,
        Self::Expired,
        Self::Capsule,
        Self::NoHead,
        Self::Generation,
    ];

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [byte] = reader.array()?;
        Self::ALL.into_iter().find(|rule| *rule as u8 == byte).ok_or(DecodeError::Value)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherServer => "the request was made out to another server",
            Self::Stale => "the request is too old or from the future",
            Self::Replayed => "the request was seen before",
            Self::NoGrant => "no live grant lets the requester read this",
            Self::Scope => "the grant does not cover the capsule",
            Self::NotYetValid => "the grant is not valid yet",
            Self::Expired => "the grant has ended",
            Self::Capsule => "the capsule did not pass its public checks",
            Self::NoHead => "there is no head of live grants, or it has expired",
            Self::Generation => "the capsule is of a former generation of the owner's key",
        })
    }
}

/// What was done. One tag byte, and the fields in the order in which they stand here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A grant of the owner's was taken.
    Granted {
        /// The grant.
        grant: GrantId,
        /// Who may read.
        user: PartyId,
        /// The digest of the signed grant.
        terms: Digest,
        /// When.
        validity: Validity,
    },
    /// A grant ended by the owner's word.
    Revoked {
        /// The grant.
        grant: GrantId,
        /// Who may read no longer.
        user: PartyId,
    },
    /// A new head of live grants was taken: the one that the receipt names.
    Advanced {
        /// The lowest generation of the owner's key that is served under it.
        generation: u32,
    },
    /// A capsule was re-encrypted.
    Reencrypted {
        /// Under which grant.
        grant: GrantId,
        /// For whom.
        user: PartyId,
        /// The digest of the signed request.
        request: Digest,
        /// The record.
        record: RecordId,
        /// The record's version.
        version: u64,
        /// The partition.
        partition: Partition,
        /// The digest of the capsule's context.
        context: Digest,
    },
    /// A request was denied.
    Denied {
        /// Who asked.
        user: PartyId,
        /// The digest of the signed request.
        request: Digest,
        /// For which record.
        record: RecordId,
        /// For which partition.
        partition: Partition,
        /// Why.
        rule: Rule,
    },
    /// An emergency grant was taken, which trustees made in the owner's place.
    Emergency {
        /// The grant.
        grant: GrantId,
        /// Who may read.
        user: PartyId,
        /// The digest of the signed request for it.
        request: Digest,
        /// The trustees who approved, at most [`Event::MAX_APPROVERS`], each once and in ascending order.
        approvers: Vec<PartyId>,
        /// When.
        validity: Validity,
    },
    /// The keeper, a trustee, approved a request for an emergency grant.
    Approved {
        /// The grant.
        grant: GrantId,
        /// Who may read.
        user: PartyId,
        /// The digest of the signed request for it.
        request: Digest,
        /// When.
        validity: Validity,
    },
    /// A grant was taken that a delegatee passed on.
    Referred {
        /// The new grant.
        grant: GrantId,
        /// The grant that it stands on.
        parent: GrantId,
        /// Who may read.
        user: PartyId,
        /// Who passed it on.
        by: PartyId,
        /// When.
        validity: Validity,
    },
}

impl Event {
    /// Most approvers of an emergency grant.
    pub const MAX_APPROVERS: usize = 256;

    /// Whether the approvers are in the one order in which they are encoded, and no more than there may be.
    pub(super) fn well_formed(&self) -> bool {
        match self {
            Self::Emergency { approvers, .. } => {
                approvers.len() <= Self::MAX_APPROVERS && approvers.is_sorted_by(|a, b| a < b)
            }
            _ => true,
        }
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        match self {
            Self::Granted { grant, user, terms, validity } => {
                sink.put(&[0]);
                sink.put(grant.as_bytes());
                sink.put(user.as_bytes());
                sink.put(terms.as_bytes());
                validity.write(sink);
            }
            Self::Revoked { grant, user } => {
                sink.put(&[1]);
                sink.put(grant.as_bytes());
                sink.put(user.as_bytes());
            }
            Self::Advanced { generation } => {
                sink.put(&[2]);
                sink.put(&generation.to_be_bytes());
            }
            Self::Reencrypted { grant, user, request, record, version, partition, context } => {
                sink.put(&[3]);
                sink.put(grant.as_bytes());
                sink.put(user.as_bytes());
                sink.put(request.as_bytes());
                sink.put(record.as_bytes());
                sink.put(&version.to_be_bytes());
                partition.write(sink);
                sink.put(context.as_bytes());
            }
            Self::Denied { user, request, record, partition, rule } => {
                sink.put(&[4]);
                sink.put(user.as_bytes());
                sink.put(request.as_bytes());
                sink.put(record.as_bytes());
                partition.write(sink);
                sink.put(&[*rule as u8]);
            }
            Self::Emergency { grant, user, request, approvers, validity } => {
                sink.put(&[5]);
                sink.put(grant.as_bytes());
                sink.put(user.as_bytes());
                sink.put(request.as_bytes());
                put_count(sink, approvers.len());
                approvers.iter().for_each(|approver| sink.put(approver.as_bytes()));
                validity.write(sink);
            }
            Self::Approved { grant, user, request, validity } => {
                sink.put(&[6]);
                sink.put(grant.as_bytes());
                sink.put(user.as_bytes());
                sink.put(request.as_bytes());
                validity.write(sink);
            }
            Self::Referred { grant, parent, user, by, validity } => {
                sink.put(&[7]);
                sink.put(grant.as_bytes());
                sink.put(parent.as_bytes());
                sink.put(user.as_bytes());
                sink.put(by.as_bytes());
                validity.write(sink);
            }
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [tag] = reader.array()?;
        // Fields are read in the order in which they are named here.
        Ok(match tag {
            0 => Self::Granted {
                grant: grant(reader)?,
                user: party(reader)?,
                terms: digest(reader)?,
                validity: Validity::read(reader)?,
            },
            1 => Self::Revoked { grant: grant(reader)?, user: party(reader)? },
            2 => Self::Advanced { generation: reader.u32()? },
            3 => Self::Reencrypted {
                grant: grant(reader)?,
                user: party(reader)?,
                request: digest(reader)?,
                record: record(reader)?,
                version: reader.u64()?,
                partition: Partition::read(reader)?,
                context: digest(reader)?,
            },
            4 => Self::Denied {
                user: party(reader)?,
                request: digest(reader)?,
                record: record(reader)?,
                partition: Partition::read(reader)?,
                rule: Rule::read(reader)?,
            },
            5 => Self::Emergency {
                grant: grant(reader)?,
                user: party(reader)?,
                request: digest(reader)?,
                approvers: {
                    let count = reader.count(Self::MAX_APPROVERS, 32)?;
                    (0..count).map(|_| party(reader)).collect::<Result<_, _>>()?
                },
                validity: Validity::read(reader)?,
            },
            6 => Self::Approved {
                grant: grant(reader)?,
                user: party(reader)?,
                request: digest(reader)?,
                validity: Validity::read(reader)?,
            },
            7 => Self::Referred {
                grant: grant(reader)?,
                parent: grant(reader)?,
                user: party(reader)?,
                by: party(reader)?,
                validity: Validity::read(reader)?,
            },
            _ => return Err(DecodeError::Value),
        })
    }
}

fn grant(reader: &mut Reader<'_>) -> Result<GrantId, DecodeError> {
    reader.array().map(GrantId::from_array)
}

fn party(reader: &mut Reader<'_>) -> Result<PartyId, DecodeError> {
    reader.array().map(PartyId::from_array)
}

fn digest(reader: &mut Reader<'_>) -> Result<Digest, DecodeError> {
    reader.array().map(Digest::from_array)
}

fn record(reader: &mut Reader<'_>) -> Result<RecordId, DecodeError> {
    reader.array().map(RecordId::from_array)
}
