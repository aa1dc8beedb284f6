//! Batches: what a provider writes into an index, signed as a whole.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use rand_core::TryCryptoRng;

use super::{BatchError, EncryptError, Form, Path, Search, Shape, Space, SpaceId, Value};
use crate::context::RecordId;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, label};
use crate::identity::{Signed, SigningKey};
use crate::merkle::{MAX_PROOF, Tree};

/// What a provider says of a batch. It travels as `Signed<BatchHead>`.
///
/// Encoded length: 4 + 32 + path + 8 + 32 + 2 + (4 + 16 for each record that is removed) + 4 + 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchHead {
    pub(super) space: SpaceId,
    pub(super) provider: Path,
    pub(super) sequence: u64,
    /// The signed head of what was switched; [`Digest::NONE`] for what a provider made.
    pub(super) source: Digest,
    pub(super) shape: Shape,
    pub(super) removed: BTreeSet<RecordId>,
    pub(super) count: u32,
    pub(super) root: Digest,
}

impl BatchHead {
    /// For which space.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// Whose values.
    #[must_use]
    pub fn provider(&self) -> &Path {
        &self.provider
    }

    /// The provider's count of its batches in this space: an index takes them in ascending order, each once.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Records whose values are taken out before the new ones are put in.
    pub fn removed(&self) -> impl ExactSizeIterator<Item = &RecordId> {
        self.removed.iter()
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }
}

impl Message for BatchHead {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEARCH_BATCH_HEAD;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.space.as_bytes());
        self.provider.write(sink);
        sink.put(&self.sequence.to_be_bytes());
        sink.put(self.source.as_bytes());
        self.shape.write(sink);
        put_count(sink, self.removed.len());
        self.removed.iter().for_each(|record| sink.put(record.as_bytes()));
        sink.put(&self.count.to_be_bytes());
        sink.put(self.root.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (space, provider) = (Digest::from_array(reader.array()?), Path::read(reader)?);
        let (sequence, source) = (reader.u64()?, Digest::from_array(reader.array()?));
        let (shape, mut removed) = (Shape::read(reader)?, BTreeSet::new());
        for _ in 0..reader.count(MAX_BATCH, 16)? {
            let record = RecordId::from_array(reader.array()?);
            if removed.last().is_some_and(|last| *last >= record) {
                return Err(DecodeError::Value);
            }
            removed.insert(record);
        }
        let (count, root) = (reader.u32()?, Digest::from_array(reader.array()?));
        if count as usize > MAX_BATCH {
            return Err(DecodeError::Length);
        }
        Ok(Self { space, provider, sequence, source, shape, removed, count, root })
    }
}

public_encoding!(BatchHead);

/// The most values in a batch, and the most records that one removes.
pub const MAX_BATCH: usize = 65_536;

/// Encrypted values of records, with the signed head that covers them: by the root of a Merkle tree, so that each can be
/// [shown](super::Column::evidence) to be the provider's by itself.
///
/// Encoded length: 4 + signed head + (16 + length of a value) for each value.
#[derive(Clone, PartialEq, Eq)]
pub struct Batch<M, F> {
    pub(super) head: Signed<BatchHead>,
    pub(super) records: Vec<RecordId>,
    pub(super) bytes: Vec<u8>,
    pub(super) form: PhantomData<(M, F)>,
}

pub(super) fn leaf(tree: &Tree, record: &RecordId, value: &[u8]) -> Digest {
    tree.leaf(&[record.as_bytes(), value].concat())
}

pub(super) fn tree() -> Tree {
    Tree::new(label::MERKLE_ENTRIES)
}

impl<M: Search, F: Form> Batch<M, F> {
    pub(super) fn new(
        signer: &SigningKey,
        mut head: BatchHead,
        records: Vec<RecordId>,
        bytes: Vec<u8>,
    ) -> Result<Self, BatchError> {
        if records.len() > MAX_BATCH || head.removed.len() > MAX_BATCH {
            return Err(BatchError::TooMany);
        }
        head.count = u32::try_from(records.len()).map_err(|_| BatchError::TooMany)?;
        head.root = tree().root(&leaves::<F>(&head.shape, &records, &bytes));
        Ok(Self { head: Signed::new(signer, head), records, bytes, form: PhantomData })
    }

    /// The signed head, unchecked: for routing and display, never for a decision.
    #[must_use]
    pub fn head(&self) -> &Signed<BatchHead> {
        &self.head
    }

    /// Records and encrypted values.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = (&RecordId, &[u8])> {
        self.records.iter().zip(self.bytes.chunks_exact(F::len(&self.head.unverified().shape).max(1)))
    }

    /// The hashes of the entries, if they are those that the head covers.
    pub(super) fn leaves(&self) -> Result<Vec<Digest>, BatchError> {
        let head = self.head.unverified();
        let leaves = leaves::<F>(&head.shape, &self.records, &self.bytes);
        if leaves.len() == head.count as usize && tree().root(&leaves) == head.root {
            Ok(leaves)
        } else {
            Err(BatchError::Entries)
        }
    }
}

fn leaves<F: Form>(shape: &Shape, records: &[RecordId], bytes: &[u8]) -> Vec<Digest> {
    let tree = tree();
    let values = bytes.chunks_exact(F::len(shape).max(1));
    records.iter().zip(values).map(|(record, value)| leaf(&tree, record, value)).collect()
}

impl<M, F> fmt::Debug for Batch<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("head", &self.head).finish_non_exhaustive()
    }
}

impl<M: Search, F: Form> Message for Batch<M, F> {
    const SUITE: SuiteId = M::SUITE;
    const KIND: Kind = F::BATCH;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.head.write(sink);
        for (record, value) in self.entries() {
            sink.put(record.as_bytes());
            sink.put(value);
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let head = Signed::<BatchHead>::read(reader)?;
        let (shape, count) = (head.unverified().shape, head.unverified().count as usize);
        let len = F::len(&shape);
        if count.saturating_mul(len.saturating_add(16)) > reader.remaining() {
            return Err(DecodeError::Truncated);
        }
        let (mut records, mut bytes) = (Vec::with_capacity(count), Vec::with_capacity(count.saturating_mul(len)));
        for _ in 0..count {
            records.push(RecordId::from_array(reader.array()?));
            let value = reader.take(len)?;
            F::check(&shape, value)?;
            bytes.extend_from_slice(value);
        }
        Ok(Self { head, records, bytes, form: PhantomData })
    }
}

public_encoding!(Batch<M, F> where [M: Search, F: Form]);

/// A batch in the making.
#[derive(Debug)]
pub struct Draft<'a, M: Search> {
    key: &'a M::WriteKey,
    removed: BTreeSet<RecordId>,
    records: Vec<RecordId>,
    bytes: Vec<u8>,
}

impl<'a, M: Search> Draft<'a, M> {
    /// An empty one, of the provider whose key this is.
    #[must_use]
    pub fn new(key: &'a M::WriteKey) -> Self {
        Self { key, removed: BTreeSet::new(), records: Vec::new(), bytes: Vec::new() }
    }

    /// Adds a value of a record. A record may have several.
    ///
    /// # Errors
    /// [`EncryptError`]; nothing is added then.
    pub fn add<R: TryCryptoRng + ?Sized>(
        &mut self,
        record: RecordId,
        value: &Value,
        rng: &mut R,
    ) -> Result<&mut Self, EncryptError> {
        M::encrypt(self.key, value, rng, &mut self.bytes)?;
        self.records.push(record);
        Ok(self)
    }

    /// Adds a value of a record that is encrypted already, with the same key: so what was
    /// [encrypted again](super::federated::WriteKey::reencrypt) comes into an index.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no encrypted value of the space; nothing is added then. Whether it was made with this key it
    /// does not see.
    pub fn add_encrypted(&mut self, record: RecordId, value: &[u8]) -> Result<&mut Self, DecodeError> {
        let (space, _) = M::writer(self.key);
        M::Upload::check(&space.shape(), value)?;
        self.bytes.extend_from_slice(value);
        self.records.push(record);
        Ok(self)
    }

    /// Takes out all values of a record that the provider wrote in earlier batches, under whichever of its keys. Those of
    /// this batch stay: so a value is replaced.
    pub fn remove(&mut self, record: RecordId) -> &mut Self {
        self.removed.insert(record);
        self
    }

    /// Signs the batch, as the provider whose key it was made with. Its values stand in the order of their encrypted bytes,
    /// which says nothing of that in which they were added. `sequence` has to be greater than that of every batch
    /// that the provider made in this space before.
    ///
    /// # Errors
    /// [`BatchError::Signer`], [`BatchError::TooMany`].
    pub fn sign(self, sequence: u64, signer: &SigningKey) -> Result<Batch<M, M::Upload>, BatchError> {
        let (space, provider) = M::writer(self.key);
        if provider.last().party != signer.id() {
            return Err(BatchError::Signer);
        }
        let head = BatchHead {
            space: space.id(),
            provider: provider.clone(),
            sequence,
            source: Digest::NONE,
            shape: space.shape(),
            removed: self.removed,
            count: 0,
            root: Digest::NONE,
        };
        let values = self.bytes.chunks_exact(M::Upload::len(&space.shape()).max(1));
        let mut entries: Vec<_> = values.zip(&self.records).collect();
        entries.sort_unstable();
        let (bytes, records) = (entries.iter().flat_map(|(value, _)| *value).copied(), entries.iter());
        Batch::new(signer, head, records.map(|(_, record)| **record).collect(), bytes.collect())
    }
}

/// That a provider wrote a value, apart from the rest of its batch: a cloud shows it to a user.
///
/// It proves who wrote it and of which record it is. It does not prove that the provider did not take it out again, nor
/// that nothing else matches.
///
/// Encoded length: 4 + signed head + 4 + 16 + length of a value + (4 + 32 for each level of the batch's tree).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence<M, F> {
    pub(super) head: Signed<BatchHead>,
    pub(super) position: u32,
    pub(super) record: RecordId,
    pub(super) value: Vec<u8>,
    pub(super) proof: Vec<Digest>,
    pub(super) form: PhantomData<(M, F)>,
}

impl<M: Search, F: Form> Evidence<M, F> {
    /// Checks that who signed the batch, the provider in the federated mode and the switcher in the ordered one, put this
    /// value there for this record. Returns the encrypted value.
    ///
    /// Whether there is such a [provider](Self::provider) it does not say: anybody signs as the last step of a path that
    /// nobody else knows of. Compare it with the scope that was asked.
    ///
    /// # Errors
    /// [`BatchError::Space`], [`BatchError::Signer`], [`BatchError::Entries`].
    pub fn verify(&self, space: &Space<M>, signer: &crate::identity::PartyId) -> Result<&[u8], BatchError> {
        let head = self.head.verify(signer).map_err(|_| BatchError::Signer)?;
        if head.space != space.id() || head.shape != space.shape() {
            return Err(BatchError::Space);
        }
        let tree = tree();
        let leaf = leaf(&tree, &self.record, &self.value);
        let root = tree.root_of_range(head.count.into(), self.position.into(), &[leaf], &self.proof);
        if root == Some(head.root) { Ok(&self.value) } else { Err(BatchError::Entries) }
    }

    /// Who is said to have written it: checked by [`verify`](Self::verify).
    #[must_use]
    pub fn provider(&self) -> &Path {
        &self.head.unverified().provider
    }

    /// Of which record it is.
    #[must_use]
    pub fn record(&self) -> RecordId {
        self.record
    }
}

impl<M: Search, F: Form> Message for Evidence<M, F> {
    const SUITE: SuiteId = M::SUITE;
    const KIND: Kind = kind::SEARCH_EVIDENCE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.head.write(sink);
        sink.put(&self.position.to_be_bytes());
        sink.put(self.record.as_bytes());
        sink.put(&self.value);
        put_count(sink, self.proof.len());
        self.proof.iter().for_each(|hash| sink.put(hash.as_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (head, position) = (Signed::<BatchHead>::read(reader)?, reader.u32()?);
        let (record, shape) = (RecordId::from_array(reader.array()?), head.unverified().shape);
        let value = reader.take(F::len(&shape))?.to_vec();
        F::check(&shape, &value)?;
        let hashes = reader.count(MAX_PROOF, Digest::LEN)?;
        let proof = (0..hashes).map(|_| reader.array().map(Digest::from_array)).collect::<Result<_, _>>()?;
        Ok(Self { head, position, record, value, proof, form: PhantomData })
    }
}

public_encoding!(Evidence<M, F> where [M: Search, F: Form]);
