//! The cloud: stores sealed partitions, and can read none.

mod rotation;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::context::{Context, Partition, RecordId, Subject, Timestamp};
use crate::encoding::{Encoding, Message, Reader};
use crate::error::{DecodeError, OpenError};
use crate::identity::{PartyId, Signed};
use crate::kem::CapsuleParts;
use crate::record::{Layer, SealedHeader, SealedPartition};
use crate::sharing::{Author, CloudError, Directory, DirectoryError, SharingScheme, Storage, VerifiedDirectory};

pub use rotation::Progress;

/// A store of sealed partitions.
///
/// It checks what it can without a key, for the sake of its clients: that the owner lets the author write, that the
/// record is sealed under the partition's current key, and that signature, Merkle root and capsule are well-formed.
/// Nobody has to trust it to do so: readers check everything again but the two that time decides, the epoch and an
/// author's retirement. What it can do is withhold, hand out an older version than the reader knows of, and let a
/// retired author write. It sees sizes, times, authors, owners, partitions.
pub struct Cloud<S: SharingScheme, St: Storage> {
    params: Arc<S::Params>,
    storage: St,
    directories: BTreeMap<PartyId, (Signed<Directory<S>>, VerifiedDirectory<S>)>,
}

impl<S: SharingScheme, St: Storage> fmt::Debug for Cloud<S, St> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("owners", &self.directories.len()).finish_non_exhaustive()
    }
}

/// What a cloud has: record, partition, version.
pub type Entry = (RecordId, Partition, u64);

const RECORD: &[u8] = b"record/";
const DIRECTORY: &[u8] = b"directory/";

/// Owner, record, partition, version: all of fixed length, so that versions of one partition are neighbours in order.
fn storage_key(ctx: &Context<'_>) -> Vec<u8> {
    [partition_key(&ctx.owner, &ctx.record, &ctx.partition), ctx.version.to_be_bytes().to_vec()].concat()
}

fn partition_key(owner: &PartyId, record: &RecordId, partition: &Partition) -> Vec<u8> {
    [RECORD, owner.as_bytes(), record.as_bytes(), partition.padded()].concat()
}

impl<S: SharingScheme, St: Storage> Cloud<S, St> {
    /// A cloud with what `storage` holds.
    ///
    /// # Errors
    /// [`CloudError::Corrupt`] and [`CloudError::Directory`] when the storage returns something else than was stored.
    pub fn new(params: Arc<S::Params>, storage: St) -> Result<Self, CloudError<St::Error>> {
        let mut directories = BTreeMap::new();
        for name in storage.keys(DIRECTORY).map_err(CloudError::Storage)? {
            let owner = name.get(DIRECTORY.len()..).and_then(|owner| owner.try_into().ok());
            let owner = PartyId::from_array(owner.ok_or(CloudError::Corrupt(DecodeError::Length))?);
            let bytes = storage.get(&name).map_err(CloudError::Storage)?.unwrap_or_default();
            let directory = Signed::<Directory<S>>::from_bytes(&bytes).map_err(CloudError::Corrupt)?;
            // Its time is looked at when it is used.
            let time = directory.unverified().validity.not_before();
            let verified =
                VerifiedDirectory::<S>::new(&params, &directory, &owner, 0, time).map_err(CloudError::Directory)?;
            directories.insert(owner, (directory, verified));
        }
        Ok(Self { params, storage, directories })
    }

    /// Takes the directory of an owner whom the cloud serves, and puts it in the place of an older one.
    ///
    /// # Errors
    /// [`CloudError::Directory`], [`CloudError::Storage`].
    pub fn publish(
        &mut self,
        owner: &PartyId,
        directory: &Signed<Directory<S>>,
        now: Timestamp,
    ) -> Result<(), CloudError<St::Error>> {
        let seen = self.directories.get(owner).map_or(0, |(_, verified)| verified.version());
        let verified =
            VerifiedDirectory::<S>::new(&self.params, directory, owner, seen, now).map_err(CloudError::Directory)?;
        let name = [DIRECTORY, owner.as_bytes()].concat();
        self.storage.put(&name, &directory.to_bytes()).map_err(CloudError::Storage)?;
        self.directories.insert(*owner, (directory.clone(), verified));
        Ok(())
    }

    /// An owner's directory.
    ///
    /// # Errors
    /// [`CloudError::UnknownOwner`].
    pub fn directory(&self, owner: &PartyId) -> Result<&Signed<Directory<S>>, CloudError<St::Error>> {
        self.directories.get(owner).map(|(directory, _)| directory).ok_or(CloudError::UnknownOwner)
    }

    /// Stores a sealed partition. Nothing is ever overwritten; the same record may come again.
    ///
    /// # Errors
    /// [`CloudError`]; nothing was stored then.
    pub fn upload(&mut self, sealed: &SealedPartition, now: Timestamp) -> Result<(), CloudError<St::Error>> {
        let header = sealed.header();
        let ctx = header.context();
        let (_, directory) = self.directories.get(&ctx.owner).ok_or(CloudError::UnknownOwner)?;
        // Somebody may be keeping a newer one from this cloud.
        if !directory.validity().contains(now) {
            return Err(CloudError::Directory(DirectoryError::Time));
        }
        if directory.author(&ctx.author) != Some(Author::Active) {
            return Err(CloudError::Author);
        }
        let place = directory.place(&ctx.partition).ok_or(CloudError::OldKey)?;
        let subject = Subject { record: ctx.record, version: ctx.version, author: ctx.author, aad: ctx.aad };
        if S::context(&self.params, place.key(), place.label(), &subject) != ctx {
            return Err(CloudError::OldKey);
        }
        sealed.verify().map_err(CloudError::Open)?;
        let capsule = header.capsule::<S>().map_err(|_| CloudError::Open(OpenError))?;
        // What no signature covers: with another value no reader opens the record, and it would keep the good one out.
        if header.mutable().generation() != capsule.generation() || header.mutable().layer() != Layer::None {
            return Err(CloudError::Open(OpenError));
        }
        S::verify_capsule(&self.params, place.key(), &capsule, &ctx).map_err(CloudError::Capsule)?;

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
        self.stored(&name)
    }

    fn stored(&self, name: &[u8]) -> Result<SealedPartition, CloudError<St::Error>> {
        let bytes = self.storage.get(name).map_err(CloudError::Storage)?.ok_or(CloudError::NotFound)?;
        let sealed = SealedPartition::from_bytes(&bytes).map_err(CloudError::Corrupt)?;
        if storage_key(&sealed.header().context()) == name {
            Ok(sealed)
        } else {
            Err(CloudError::Corrupt(DecodeError::Value))
        }
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
        self.stored(names.last().ok_or(CloudError::NotFound)?)
    }

    /// What there is of an owner.
    ///
    /// # Errors
    /// [`CloudError::Corrupt`], [`CloudError::Storage`].
    pub fn list(&self, owner: &PartyId) -> Result<Vec<Entry>, CloudError<St::Error>> {
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

    /// The headers of at most `limit` stored partitions of an owner, in the order of [`list`](Self::list) from behind
    /// `after` on: for the owner, who [says](crate::sharing::Owner::orders) what is to be done with them. What does not
    /// decode any more is left out, so that it keeps nothing else from being updated; [`fetch`](Self::fetch) says so.
    ///
    /// # Errors
    /// [`CloudError::Storage`].
    pub fn headers(
        &self,
        owner: &PartyId,
        after: Option<&Entry>,
        limit: usize,
    ) -> Result<Vec<SealedHeader>, CloudError<St::Error>> {
        let names = self.storage.keys(&[RECORD, owner.as_bytes()].concat()).map_err(CloudError::Storage)?;
        let after = after.map(|(record, partition, version)| {
            [partition_key(owner, record, partition), version.to_be_bytes().to_vec()].concat()
        });
        let start = after.map_or(0, |after| names.partition_point(|name| *name <= after));
        let stored = names.get(start..).unwrap_or_default().iter().map(|name| self.stored(name));
        let whole = stored.filter(|stored| !matches!(stored, Err(CloudError::Corrupt(_))));
        whole.take(limit).map(|stored| Ok(stored?.into_parts().0)).collect()
    }

    /// The storage, for backups and tests.
    pub fn storage(&self) -> &St {
        &self.storage
    }
}
