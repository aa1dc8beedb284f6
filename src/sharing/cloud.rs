//! The cloud: stores sealed partitions, and can read none.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use crate::context::{Context, Partition, RecordId, Timestamp};
use crate::encoding::{Encoding, Message, Reader};
use crate::error::OpenError;
use crate::identity::{PartyId, Signed};
use crate::pre::afgh::{self, Afgh};
use crate::pre::{CapsuleParts, OwnerTerms, Pre};
use crate::record::SealedPartition;
use crate::sharing::{Author, CloudError, Directory, Storage, VerifiedDirectory};

/// A store of sealed partitions.
///
/// It checks what it can without a key, for the sake of its clients: that the owner lets the author write, that the
/// record is sealed under the partition's current key, and that signature, Merkle root and capsule are well-formed.
/// Nobody has to trust it to do so: readers check everything again. What it can do is withhold, and hand out an
/// older version than the reader knows of. It sees sizes, times, authors, owners, partitions.
pub struct Cloud<St: Storage> {
    storage: St,
    directories: BTreeMap<PartyId, (Signed<Directory>, VerifiedDirectory)>,
}

impl<St: Storage> fmt::Debug for Cloud<St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("owners", &self.directories.len()).finish_non_exhaustive()
    }
}

const RECORD: &[u8] = b"record/";

/// Owner, record, partition, version: all of fixed length, so that versions of one partition are neighbours in order.
fn storage_key(ctx: &Context<'_>) -> Vec<u8> {
    [partition_key(&ctx.owner, &ctx.record, &ctx.partition), ctx.version.to_be_bytes().to_vec()].concat()
}

fn partition_key(owner: &PartyId, record: &RecordId, partition: &Partition) -> Vec<u8> {
    [RECORD, owner.as_bytes(), record.as_bytes(), partition.padded()].concat()
}

impl<St: Storage> Cloud<St> {
    /// A cloud on this storage. Owners publish their directories anew.
    pub fn new(storage: St) -> Self {
        Self { storage, directories: BTreeMap::new() }
    }

    /// Takes an owner's directory and puts it in the place of an older one.
    ///
    /// # Errors
    /// [`CloudError::Directory`].
    pub fn publish(
        &mut self,
        owner: &PartyId,
        directory: &Signed<Directory>,
        now: Timestamp,
    ) -> Result<(), CloudError<St::Error>> {
        let seen = self.directories.get(owner).map_or(0, |(_, verified)| verified.version());
        let verified = VerifiedDirectory::new(directory, owner, seen, now).map_err(CloudError::Directory)?;
        self.directories.insert(*owner, (directory.clone(), verified));
        Ok(())
    }

    /// An owner's directory.
    ///
    /// # Errors
    /// [`CloudError::UnknownOwner`].
    pub fn directory(&self, owner: &PartyId) -> Result<&Signed<Directory>, CloudError<St::Error>> {
        self.directories.get(owner).map(|(directory, _)| directory).ok_or(CloudError::UnknownOwner)
    }

    /// Stores a sealed partition. Nothing is ever overwritten; the same record may come again.
    ///
    /// # Errors
    /// [`CloudError`]; nothing was stored then.
    pub fn upload(&mut self, sealed: &SealedPartition) -> Result<(), CloudError<St::Error>> {
        let header = sealed.header();
        let ctx = header.context();
        let (_, directory) = self.directories.get(&ctx.owner).ok_or(CloudError::UnknownOwner)?;
        if directory.author(&ctx.author) != Some(Author::Active) {
            return Err(CloudError::Author);
        }
        let key = directory.key(&ctx.partition).filter(|key| key.origin() == ctx.origin).ok_or(CloudError::OldKey)?;
        sealed.verify().map_err(CloudError::Open)?;
        let (core, mutable) = (header.immutable().capsule_core(), header.mutable().capsule_mutable());
        let capsule = afgh::Capsule::from_parts(core, mutable).map_err(|_| CloudError::Open(OpenError))?;
        Afgh::verify_capsule(&(), key, &capsule, &ctx).map_err(CloudError::Capsule)?;

        let (name, bytes) = (storage_key(&ctx), sealed.to_bytes());
        match self.storage.get(&name).map_err(CloudError::Storage)? {
            Some(stored) if *stored == bytes => Ok(()),
            Some(_) => Err(CloudError::Exists),
            None => self.storage.put(&name, &bytes).map_err(CloudError::Storage),
        }
    }

    /// One version of a partition.
    ///
    /// # Errors
    /// [`CloudError::NotFound`], [`CloudError::Corrupt`], [`CloudError::Storage`].
    pub fn fetch(
        &self,
        owner: &PartyId,
        record: &RecordId,
        partition: &Partition,
        version: u64,
    ) -> Result<SealedPartition, CloudError<St::Error>> {
        let name = [partition_key(owner, record, partition), version.to_be_bytes().to_vec()].concat();
        let bytes = self.storage.get(&name).map_err(CloudError::Storage)?.ok_or(CloudError::NotFound)?;
        SealedPartition::from_bytes(&bytes).map_err(CloudError::Corrupt)
    }

    /// The latest version of a partition that this cloud admits to.
    ///
    /// # Errors
    /// [`CloudError::NotFound`], [`CloudError::Corrupt`], [`CloudError::Storage`].
    pub fn latest(
        &self,
        owner: &PartyId,
        record: &RecordId,
        partition: &Partition,
    ) -> Result<SealedPartition, CloudError<St::Error>> {
        let names = self.storage.keys(&partition_key(owner, record, partition)).map_err(CloudError::Storage)?;
        let name = names.last().ok_or(CloudError::NotFound)?;
        let bytes = self.storage.get(name).map_err(CloudError::Storage)?.ok_or(CloudError::NotFound)?;
        SealedPartition::from_bytes(&bytes).map_err(CloudError::Corrupt)
    }

    /// What there is of an owner: record, partition, version.
    ///
    /// # Errors
    /// [`CloudError::Corrupt`], [`CloudError::Storage`].
    pub fn list(&self, owner: &PartyId) -> Result<Vec<(RecordId, Partition, u64)>, CloudError<St::Error>> {
        let prefix = [RECORD, owner.as_bytes()].concat();
        let names = self.storage.keys(&prefix).map_err(CloudError::Storage)?;
        let parse = |name: &Vec<u8>| {
            let mut reader = Reader::new(name.get(prefix.len()..).unwrap_or_default());
            let record = RecordId::from_array(reader.array()?);
            let partition = Partition::from_padded(reader.array()?)?;
            let version = reader.u64()?;
            reader.finish().map(|()| (record, partition, version))
        };
        names.iter().map(parse).collect::<Result<_, _>>().map_err(CloudError::Corrupt)
    }

    /// The storage, for backups and tests.
    pub fn storage(&self) -> &St {
        &self.storage
    }
}
