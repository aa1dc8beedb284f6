//! The owner's directory: under which keys to write now, and whose writing counts.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::context::{Partition, Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed};
use crate::pre::Pre;
use crate::pre::afgh::{Afgh, OwnerKey, VerifiedOwner};
use crate::sharing::DirectoryError;

/// Whether an author's records count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum Author {
    /// What was written counts; the cloud takes nothing new. Readers cannot tell new from old.
    Retired = 0,
    /// May write.
    Active = 1,
}

/// The current key of every partition, and the parties whose signatures make a record the owner's; signed by the
/// owner as [`Signed<Directory>`] and counted, so that a cloud cannot bring back an old one to a reader or writer who
/// has seen a newer. One who has seen none is protected by the validity alone: keep it short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    pub(crate) version: u64,
    pub(crate) validity: Validity,
    pub(crate) keys: Vec<Signed<OwnerKey>>,
    // In ascending order of id.
    pub(crate) authors: Vec<(PartyId, Author)>,
}

impl Directory {
    /// Most partitions in a directory.
    pub const MAX_PARTITIONS: usize = 1024;
    /// Most authors in a directory.
    pub const MAX_AUTHORS: usize = 65_536;

    /// The owner's counter of directories.
    pub fn version(&self) -> u64 {
        self.version
    }
}

pub(super) fn write_author(sink: &mut dyn Sink, author: &PartyId, standing: Author) {
    sink.put(author.as_bytes());
    sink.put(&[standing as u8]);
}

pub(super) fn read_author(reader: &mut Reader<'_>) -> Result<(PartyId, Author), DecodeError> {
    let author = PartyId::from_array(reader.array()?);
    match reader.array()? {
        [0] => Ok((author, Author::Retired)),
        [1] => Ok((author, Author::Active)),
        _ => Err(DecodeError::Value),
    }
}

impl Message for Directory {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::DIRECTORY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.version.to_be_bytes());
        self.validity.write(sink);
        put_count(sink, self.keys.len());
        self.keys.iter().for_each(|key| key.write(sink));
        put_count(sink, self.authors.len());
        self.authors.iter().for_each(|(author, standing)| write_author(sink, author, *standing));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (version, validity) = (reader.u64()?, Validity::read(reader)?);
        let count = reader.count(Self::MAX_PARTITIONS, 100)?;
        let keys: Vec<_> = (0..count).map(|_| Signed::<OwnerKey>::read(reader)).collect::<Result<_, _>>()?;
        let count = reader.count(Self::MAX_AUTHORS, 33)?;
        let authors: Vec<_> = (0..count).map(|_| read_author(reader)).collect::<Result<_, _>>()?;
        // One order, and nothing twice: a set has one encoding.
        let keys_ascend =
            keys.is_sorted_by(|a, b| a.unverified().period().partition < b.unverified().period().partition);
        if !keys_ascend || !authors.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(DecodeError::Value);
        }
        Ok(Self { version, validity, keys, authors })
    }
}

public_encoding!(Directory);

/// A directory whose signature, time and keys were checked.
#[derive(Clone, Debug)]
pub struct VerifiedDirectory {
    owner: PartyId,
    version: u64,
    validity: Validity,
    keys: BTreeMap<Partition, VerifiedOwner>,
    authors: BTreeMap<PartyId, Author>,
}

impl VerifiedDirectory {
    /// Checks a directory of `owner`, whose id the caller knows from elsewhere. `seen` is the highest version that
    /// the caller has seen, zero at first.
    ///
    /// Cost: one signature check and one double multiplication per partition.
    ///
    /// # Errors
    /// [`DirectoryError`] naming the check that failed.
    pub fn new(
        directory: &Signed<Directory>,
        owner: &PartyId,
        seen: u64,
        now: Timestamp,
    ) -> Result<Self, DirectoryError> {
        let directory = directory.verify(owner).map_err(|_| DirectoryError::Signature)?;
        if !directory.validity.contains(now) {
            return Err(DirectoryError::Time);
        }
        if directory.version < seen {
            return Err(DirectoryError::Rollback);
        }
        let keys = directory.keys.iter().map(|key| {
            let key = Afgh::verify_owner(&(), key, owner).map_err(DirectoryError::Key)?;
            Ok((key.period().partition, key))
        });
        Ok(Self {
            owner: *owner,
            version: directory.version,
            validity: directory.validity,
            keys: keys.collect::<Result<_, _>>()?,
            authors: directory.authors.iter().copied().collect(),
        })
    }

    /// Whose directory it is.
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// The owner's counter of directories.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When it is valid.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// The key to write under now.
    pub fn key(&self, partition: &Partition) -> Option<&VerifiedOwner> {
        self.keys.get(partition)
    }

    /// All current keys.
    pub fn keys(&self) -> impl Iterator<Item = &VerifiedOwner> {
        self.keys.values()
    }

    /// Whether what `author` wrote counts. The owner is an author.
    pub fn author(&self, author: &PartyId) -> Option<Author> {
        if *author == self.owner { Some(Author::Active) } else { self.authors.get(author).copied() }
    }
}
