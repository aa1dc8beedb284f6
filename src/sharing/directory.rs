//! The owner's directory: under which keys to write now, and whose writing counts.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use crate::context::{Partition, Period, Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed};
use crate::kapre::Kapre;
use crate::sharing::{DirectoryError, SharingScheme};

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
#[derive(Clone, PartialEq, Eq)]
pub struct Directory<S: SharingScheme = Kapre> {
    pub(crate) version: u64,
    pub(crate) validity: Validity,
    // In ascending order of partition.
    pub(crate) current: Vec<Period>,
    /// The keys that these periods are under, each once.
    pub(crate) keys: Vec<S::OwnerPublic>,
    // In ascending order of id.
    pub(crate) authors: Vec<(PartyId, Author)>,
}

impl Directory {
    /// Most partitions in a directory.
    pub const MAX_PARTITIONS: usize = 1024;
    /// Most authors in a directory.
    pub const MAX_AUTHORS: usize = 65_536;
}

impl<S: SharingScheme> fmt::Debug for Directory<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Directory");
        out.field("version", &self.version).field("validity", &self.validity).field("current", &self.current);
        out.field("authors", &self.authors.len()).finish_non_exhaustive()
    }
}

impl<S: SharingScheme> Directory<S> {
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

impl<S: SharingScheme> Message for Directory<S> {
    const SUITE: SuiteId = S::SUITE;
    const KIND: Kind = kind::DIRECTORY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.version.to_be_bytes());
        self.validity.write(sink);
        put_count(sink, self.current.len());
        self.current.iter().for_each(|period| period.write(sink));
        put_count(sink, self.keys.len());
        self.keys.iter().for_each(|key| key.write(sink));
        put_count(sink, self.authors.len());
        self.authors.iter().for_each(|(author, standing)| write_author(sink, author, *standing));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (version, validity) = (reader.u64()?, Validity::read(reader)?);
        let count = reader.count(Directory::MAX_PARTITIONS, 9)?;
        let current: Vec<_> = (0..count).map(|_| Period::read(reader)).collect::<Result<_, _>>()?;
        let count = reader.count(current.len(), 8)?;
        let keys: Vec<_> = (0..count).map(|_| S::OwnerPublic::read(reader)).collect::<Result<_, _>>()?;
        let count = reader.count(Directory::MAX_AUTHORS, 33)?;
        let authors: Vec<_> = (0..count).map(|_| read_author(reader)).collect::<Result<_, _>>()?;
        // One order, and nothing twice: a set has one encoding.
        let periods_ascend = current.is_sorted_by(|a, b| a.partition < b.partition);
        if !periods_ascend || !authors.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(DecodeError::Value);
        }
        Ok(Self { version, validity, current, keys, authors })
    }
}

public_encoding!(Directory<S> where [S: SharingScheme]);

/// A directory whose signature, time and keys were checked.
#[derive(Clone, Debug)]
pub struct VerifiedDirectory<S: SharingScheme = Kapre> {
    owner: PartyId,
    version: u64,
    validity: Validity,
    places: BTreeMap<Partition, Place<S>>,
    authors: BTreeMap<PartyId, Author>,
}

/// Where a partition is written to now.
#[derive(Clone, Debug)]
pub struct Place<S: SharingScheme = Kapre> {
    period: Period,
    key: S::VerifiedOwner,
    label: S::Label,
}

impl<S: SharingScheme> Place<S> {
    /// The partition and its epoch.
    pub fn period(&self) -> Period {
        self.period
    }

    /// The owner's key.
    pub fn key(&self) -> &S::VerifiedOwner {
        &self.key
    }

    /// The label under that key.
    pub fn label(&self) -> &S::Label {
        &self.label
    }
}

impl<S: SharingScheme> VerifiedDirectory<S> {
    /// Checks a directory of `owner`, whose id the caller knows from elsewhere. `seen` is the highest version that
    /// the caller has seen, zero at first.
    ///
    /// Cost: one signature check, and the scheme's check of each key: one a partition, or one in all.
    ///
    /// # Errors
    /// [`DirectoryError`] naming the check that failed.
    pub fn new(
        params: &S::Params,
        directory: &Signed<Directory<S>>,
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
        let keys = directory.keys.iter().map(|key| S::verify_owner(params, key, owner).map_err(DirectoryError::Key));
        let mut keys: Vec<_> = keys.map(|key| Ok((key?, false))).collect::<Result<_, _>>()?;
        let mut places = BTreeMap::new();
        for period in &directory.current {
            let place = keys.iter_mut().find_map(|(key, used)| {
                let label = S::label(key, period)?;
                *used = true;
                Some(Place { period: *period, key: key.clone(), label })
            });
            places.insert(period.partition, place.ok_or(DirectoryError::Period)?);
        }
        if keys.iter().any(|(_, used)| !used) {
            return Err(DirectoryError::Period);
        }
        Ok(Self {
            owner: *owner,
            version: directory.version,
            validity: directory.validity,
            places,
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

    /// Where to write a partition now.
    pub fn place(&self, partition: &Partition) -> Option<&Place<S>> {
        self.places.get(partition)
    }

    /// Where to write each of the partitions now.
    pub fn places(&self) -> impl Iterator<Item = &Place<S>> {
        self.places.values()
    }

    /// Whether what `author` wrote counts. The owner is an author.
    pub fn author(&self, author: &PartyId) -> Option<Author> {
        if *author == self.owner { Some(Author::Active) } else { self.authors.get(author).copied() }
    }
}
