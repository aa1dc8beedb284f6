//! What a writer needs to know: the point of each partition's current epoch, signed by the owner.

use alloc::vec::Vec;

use super::{EpochSecret, Location};
use crate::context::{Partition, Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::epoch::EpochDirectoryError;
use crate::epoch::tree::EpochTree;
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed};
use crate::ristretto::Point;

/// The public point Y of the epoch that a partition is written to now. It comes out of a [`VerifiedEpochDirectory`] and
/// has no encoding of its own: a point that nobody signed is not written under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochPublic {
    tree: EpochTree,
    epoch: u32,
    y: Point,
}

impl EpochPublic {
    /// Owner, partition with its length, generation, height, epoch, point.
    const MIN_LEN: usize = 32 + 5 + 4 + 1 + 4 + Point::LEN;

    /// The tree, with the generation.
    pub fn tree(&self) -> &EpochTree {
        &self.tree
    }

    /// The epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Of what it is, apart from the generation.
    pub fn location(&self) -> Location {
        Location::new(&self.tree, self.epoch)
    }

    pub(super) fn y(&self) -> &Point {
        &self.y
    }

    fn write(&self, sink: &mut dyn Sink) {
        self.tree.write(sink);
        sink.put(&self.epoch.to_be_bytes());
        sink.put(self.y.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (tree, epoch, y) = (EpochTree::read(reader)?, reader.u32()?, Point::read(reader)?);
        if epoch > tree.last_epoch() { Err(DecodeError::Value) } else { Ok(Self { tree, epoch, y }) }
    }
}

/// The current epoch of every partition and its point; signed by the owner as `Signed<EpochDirectory>` and counted, so
/// that a cloud cannot bring back an old one to a writer who has seen a newer. One who has seen none is protected by the
/// validity alone: keep it short.
///
/// Encoded length: 4 + 8 + 16 + 4 bytes, and 77 + partition for each partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochDirectory {
    version: u64,
    validity: Validity,
    // In ascending order of partition.
    entries: Vec<EpochPublic>,
}

impl EpochDirectory {
    /// Most partitions in a directory.
    pub const MAX_PARTITIONS: usize = 1024;

    /// The directory that has the points of these secrets, in whatever order they come. `version` is the owner's counter,
    /// one more than the last directory's.
    ///
    /// # Errors
    /// [`EpochDirectoryError::Partition`] if two are of one partition, or there are more than
    /// [`MAX_PARTITIONS`](Self::MAX_PARTITIONS).
    pub fn new<'a>(
        version: u64,
        validity: Validity,
        current: impl IntoIterator<Item = &'a EpochSecret>,
    ) -> Result<Self, EpochDirectoryError> {
        let public = |secret: &EpochSecret| EpochPublic { tree: *secret.tree(), epoch: secret.epoch(), y: *secret.y() };
        let mut entries: Vec<_> = current.into_iter().map(public).collect();
        entries.sort_by_key(|entry| entry.tree.partition());
        if entries.len() > Self::MAX_PARTITIONS || !ascend(&entries) {
            return Err(EpochDirectoryError::Partition);
        }
        Ok(Self { version, validity, entries })
    }

    /// The owner's counter of directories.
    pub fn version(&self) -> u64 {
        self.version
    }
}

/// One order, and nothing twice: a set has one encoding.
fn ascend(entries: &[EpochPublic]) -> bool {
    entries.is_sorted_by(|a, b| a.tree.partition() < b.tree.partition())
}

impl Message for EpochDirectory {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::EPOCH_DIRECTORY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.version.to_be_bytes());
        self.validity.write(sink);
        put_count(sink, self.entries.len());
        self.entries.iter().for_each(|entry| entry.write(sink));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (version, validity) = (reader.u64()?, Validity::read(reader)?);
        let count = reader.count(Self::MAX_PARTITIONS, EpochPublic::MIN_LEN)?;
        let entries: Vec<_> = (0..count).map(|_| EpochPublic::read(reader)).collect::<Result<_, _>>()?;
        if ascend(&entries) { Ok(Self { version, validity, entries }) } else { Err(DecodeError::Value) }
    }
}

public_encoding!(EpochDirectory);

/// A directory whose signature, time and trees were checked.
#[derive(Clone, Debug)]
pub struct VerifiedEpochDirectory {
    owner: PartyId,
    directory: EpochDirectory,
}

impl VerifiedEpochDirectory {
    /// Checks a directory of `owner`, whose id the caller knows from elsewhere. `seen` is the highest version that the
    /// caller has seen, zero at first.
    ///
    /// Cost: one signature check.
    ///
    /// # Errors
    /// [`EpochDirectoryError`] naming the check that failed.
    pub fn new(
        directory: &Signed<EpochDirectory>,
        owner: &PartyId,
        seen: u64,
        now: Timestamp,
    ) -> Result<Self, EpochDirectoryError> {
        let directory = directory.verify(owner).map_err(|_| EpochDirectoryError::Signature)?;
        if !directory.validity.contains(now) {
            return Err(EpochDirectoryError::Time);
        }
        if directory.version < seen {
            return Err(EpochDirectoryError::Rollback);
        }
        if directory.entries.iter().any(|entry| entry.tree.owner() != *owner) {
            return Err(EpochDirectoryError::Owner);
        }
        Ok(Self { owner: *owner, directory: EpochDirectory::clone(&directory) })
    }

    /// Whose directory it is.
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// The owner's counter of directories.
    pub fn version(&self) -> u64 {
        self.directory.version
    }

    /// When it is valid.
    pub fn validity(&self) -> Validity {
        self.directory.validity
    }

    /// Under which point to write a partition now. Ask for each record anew: it is here that a directory which was verified
    /// yesterday is found to have expired.
    ///
    /// # Errors
    /// [`EpochDirectoryError::Time`] if the directory is not valid at `now`, [`EpochDirectoryError::Partition`] if it does
    /// not have the partition.
    pub fn key(&self, partition: &Partition, now: Timestamp) -> Result<&EpochPublic, EpochDirectoryError> {
        let EpochDirectory { validity, entries, .. } = &self.directory;
        if !validity.contains(now) {
            return Err(EpochDirectoryError::Time);
        }
        let at = entries.binary_search_by_key(partition, |entry| entry.tree.partition()).ok();
        at.and_then(|at| entries.get(at)).ok_or(EpochDirectoryError::Partition)
    }
}
