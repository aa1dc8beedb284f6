//! What stands before a body: the part that never changes, the part that a cloud updates when keys rotate, and the
//! author's seal.

use alloc::vec::Vec;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::body::{Aead, ChunkSize, Cipher, Layout};
use crate::context::{Context, ContextBuf};
use crate::encoding::{Hex, Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_var};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, Hasher, kdf, label};
use crate::identity::Signed;
use crate::kem::{CapsuleParts, SharedKey};
use crate::pre::Pre;

/// The part of a header that never changes. Its digest is in the body's key and in the author's [`Seal`].
///
/// The author's key is not repeated here: the context names the author by the key's hash, and the seal carries the
/// key that has to match it.
///
/// Encoded, after the 4 header bytes: context, capsule (4 + length), cipher (1 byte: 1 is AES-256-GCM, 2
/// ChaCha20-Poly1305), binary logarithm of the chunk size (1), salt (32), commitment (32).
#[derive(Clone, PartialEq, Eq)]
pub struct ImmutableHeader {
    context: ContextBuf,
    capsule: Vec<u8>,
    aead: Aead,
    chunk: ChunkSize,
    salt: [u8; 32],
    commitment: [u8; 32],
}

impl ImmutableHeader {
    /// Longest fixed part of a capsule in bytes.
    pub const MAX_CAPSULE: usize = 1024;

    pub(crate) fn context_buf(&self) -> &ContextBuf {
        &self.context
    }

    /// What the body is about. Unverified until the partition was opened.
    pub fn context(&self) -> Context<'_> {
        self.context.get()
    }

    /// The part of the capsule that never changes, as [`CapsuleParts::from_parts`](crate::kem::CapsuleParts) takes
    /// it.
    pub fn capsule_core(&self) -> &[u8] {
        &self.capsule
    }

    /// The body's cipher.
    pub fn aead(&self) -> Aead {
        self.aead
    }

    /// The body's chunk size.
    pub fn chunk_size(&self) -> ChunkSize {
        self.chunk
    }

    /// The name of this header: a hash of its encoding as one part.
    pub fn digest(&self) -> Digest {
        Hasher::new(label::IMMUTABLE_HEADER).message(self).digest()
    }

    /// A header for a body under `key`, and the cipher of that body.
    pub(super) fn create(
        key: &SharedKey,
        context: ContextBuf,
        capsule: Vec<u8>,
        aead: Aead,
        chunk: ChunkSize,
        salt: [u8; 32],
    ) -> (Self, Cipher) {
        let commitment = *commit(key, &salt);
        let header = Self { context, capsule, aead, chunk, salt, commitment };
        let cipher = header.cipher(key);
        (header, cipher)
    }

    /// The cipher of the body under `key`, once it is certain that this is the key the author used: an AEAD alone
    /// lets one ciphertext open under two keys.
    pub(super) fn unlock(&self, key: &SharedKey) -> Result<Cipher, OpenError> {
        if !bool::from(self.commitment.ct_eq(&*commit(key, &self.salt))) {
            return Err(OpenError);
        }
        Ok(self.cipher(key))
    }

    fn cipher(&self, key: &SharedKey) -> Cipher {
        let body_key = kdf(label::BODY_KEY, key.expose(), &[&self.salt, self.digest().as_bytes()]);
        Cipher::new(self.aead, &body_key)
    }
}

/// Names one key: finding another one with the same commitment is finding a collision of HKDF-SHA-512 at 32 bytes.
fn commit(key: &SharedKey, salt: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    kdf(label::BODY_COMMITMENT, key.expose(), &[salt])
}

impl core::fmt::Debug for ImmutableHeader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ImmutableHeader")
            .field("context", &self.context.get())
            .field("capsule", &Hex(&self.capsule))
            .field("aead", &self.aead)
            .field("chunk", &self.chunk)
            .field("salt", &Hex(&self.salt))
            .field("commitment", &Hex(&self.commitment))
            .finish()
    }
}

impl Message for ImmutableHeader {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::IMMUTABLE_HEADER;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.context.write(sink);
        put_var(sink, &self.capsule);
        sink.put(&[self.aead.number(), self.chunk.log2()]);
        sink.put(&self.salt);
        sink.put(&self.commitment);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let context = ContextBuf::read(reader)?;
        let capsule = reader.var(Self::MAX_CAPSULE)?.to_vec();
        let [aead, chunk] = reader.array()?;
        Ok(Self {
            context,
            capsule,
            aead: Aead::from_number(aead)?,
            chunk: ChunkSize::from_log2(chunk)?,
            salt: reader.array()?,
            commitment: reader.array()?,
        })
    }
}

/// What a cloud puts around a body beyond the author's encryption.
///
/// Nothing signs it. It says which key the reader has to have, and with another one the body does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Layer {
    /// Nothing.
    #[default]
    None,
    /// The keystream of a [`LayerKey`](super::LayerKey).
    Stream {
        /// The generation of the owner's epoch tree that the key is from.
        generation: u32,
    },
}

impl Layer {
    /// The generation of its key, if there is a layer.
    pub fn generation(&self) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Stream { generation } => Some(*generation),
        }
    }
}

/// The part of a header that a cloud updates when keys rotate. The author's seal does not cover it: the scheme checks
/// the capsule that it completes when it opens it.
///
/// Encoded, after the 4 header bytes: generation (4 bytes), capsule (4 + length), layer (1 byte: 0
/// is none; 1 is a keystream, and the generation of its key follows, 4 bytes).
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MutableHeader {
    generation: u32,
    capsule: Vec<u8>,
    layer: Layer,
}

impl MutableHeader {
    /// Longest updatable part of a capsule in bytes.
    pub const MAX_CAPSULE: usize = 1024;

    /// As it is when sealed.
    pub(super) fn create(generation: u32, capsule: Vec<u8>) -> Self {
        Self { generation, capsule, layer: Layer::None }
    }

    /// The generation of the owner's key that the capsule is under.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The part of the capsule that rotation updates.
    pub fn capsule_mutable(&self) -> &[u8] {
        &self.capsule
    }

    /// What the cloud put around the body.
    pub fn layer(&self) -> Layer {
        self.layer
    }
}

impl core::fmt::Debug for MutableHeader {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("MutableHeader")
            .field("generation", &self.generation)
            .field("capsule", &Hex(&self.capsule))
            .field("layer", &self.layer)
            .finish()
    }
}

impl Message for MutableHeader {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::MUTABLE_HEADER;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.generation.to_be_bytes());
        put_var(sink, &self.capsule);
        match self.layer {
            Layer::None => sink.put(&[0]),
            Layer::Stream { generation } => {
                sink.put(&[1]);
                sink.put(&generation.to_be_bytes());
            }
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let generation = reader.u32()?;
        let capsule = reader.var(Self::MAX_CAPSULE)?.to_vec();
        let layer = match reader.array()? {
            [0] => Layer::None,
            [1] => Layer::Stream { generation: reader.u32()? },
            _ => return Err(DecodeError::Value),
        };
        Ok(Self { generation, capsule, layer })
    }
}

/// What the author signs: which header, which chunks, how many bytes. Every reader holds the body's key and could
/// make chunks that decrypt; this is what keeps them from passing for the author's.
///
/// Encoded, after the 4 header bytes: digest of the immutable header (32 bytes), Merkle root (32), length (8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub(super) header: Digest,
    pub(super) root: Digest,
    pub(super) length: u64,
}

impl Seal {
    /// Digest of the immutable header.
    pub fn header(&self) -> Digest {
        self.header
    }

    /// Merkle root over the chunks of the body.
    pub fn root(&self) -> Digest {
        self.root
    }

    /// Length of the plaintext. With the header's chunk size it fixes the length of the body and of every chunk.
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Message for Seal {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEAL;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.header.as_bytes());
        sink.put(self.root.as_bytes());
        sink.put(&self.length.to_be_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            header: Digest::from_array(reader.array()?),
            root: Digest::from_array(reader.array()?),
            length: reader.u64()?,
        })
    }
}

/// Everything about a sealed partition but its body: a few hundred bytes, enough to re-encrypt for a reader.
///
/// Encoded, after the 4 header bytes: immutable header, mutable header, signed seal (176 bytes), each a message with
/// its own 4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedHeader {
    immutable: ImmutableHeader,
    mutable: MutableHeader,
    seal: Signed<Seal>,
    // Follows from the other fields; computed once because decoding has to check that it exists.
    layout: Layout,
}

impl SealedHeader {
    /// `None` when a body of the sealed length cannot be.
    pub(super) fn assemble(immutable: ImmutableHeader, mutable: MutableHeader, seal: Signed<Seal>) -> Option<Self> {
        let layout = Layout::new(immutable.chunk, seal.unverified().length)?;
        Some(Self { immutable, mutable, seal, layout })
    }

    /// The part that never changes.
    pub fn immutable(&self) -> &ImmutableHeader {
        &self.immutable
    }

    /// The part that rotation updates.
    pub fn mutable(&self) -> &MutableHeader {
        &self.mutable
    }

    /// The author's signature.
    pub fn seal(&self) -> &Signed<Seal> {
        &self.seal
    }

    /// What the body is about. Unverified until the partition was opened.
    pub fn context(&self) -> Context<'_> {
        self.immutable.context()
    }

    /// Length of the plaintext that the seal states. Unverified until the partition was opened.
    pub fn plaintext_len(&self) -> u64 {
        self.layout.length()
    }

    /// Length of the body that belongs to this header: plaintext and 16 bytes a chunk.
    pub fn body_len(&self) -> u64 {
        self.layout.sealed_len()
    }

    /// The capsule, for whom re-encrypts it; [`Pre::verify_capsule`] comes first.
    ///
    /// # Errors
    /// [`DecodeError`] when the header is of another scheme or its parts are no capsule.
    pub fn capsule<S: Pre>(&self) -> Result<S::Capsule, DecodeError> {
        let suite = self.context().suite;
        if suite != S::SUITE {
            return Err(DecodeError::Suite(suite as u8));
        }
        S::Capsule::from_parts(self.immutable.capsule_core(), self.mutable.capsule_mutable())
    }

    pub(super) fn layout(&self) -> Layout {
        self.layout
    }

    /// To be called by what changes the body alike.
    pub(super) fn set_layer(&mut self, layer: Layer) {
        self.mutable.layer = layer;
    }
}

impl Message for SealedHeader {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEALED_HEADER;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.immutable.write(sink);
        self.mutable.write(sink);
        self.seal.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (immutable, mutable) = (ImmutableHeader::read(reader)?, MutableHeader::read(reader)?);
        Self::assemble(immutable, mutable, Signed::read(reader)?).ok_or(DecodeError::Length)
    }
}

/// A sealed partition in memory: header and body.
///
/// Encoded, after the 4 header bytes: [`SealedHeader`] and body; the length of the body follows from the header.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPartition {
    header: SealedHeader,
    body: Vec<u8>,
}

impl SealedPartition {
    /// Puts a header and a body together that were kept apart.
    ///
    /// # Errors
    /// [`DecodeError::Length`] when the body does not have the length that the header states.
    pub fn from_parts(header: SealedHeader, body: Vec<u8>) -> Result<Self, DecodeError> {
        if header.body_len() != body.len() as u64 {
            return Err(DecodeError::Length);
        }
        Ok(Self { header, body })
    }

    /// Header and body.
    pub fn into_parts(self) -> (SealedHeader, Vec<u8>) {
        (self.header, self.body)
    }

    /// The header.
    pub fn header(&self) -> &SealedHeader {
        &self.header
    }

    /// The encrypted chunks, within the layer that the header names.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Header and body, to be changed together.
    pub(super) fn parts_mut(&mut self) -> (&mut SealedHeader, &mut [u8]) {
        (&mut self.header, &mut self.body)
    }
}

impl core::fmt::Debug for SealedPartition {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SealedPartition").field("header", &self.header).finish_non_exhaustive()
    }
}

impl Message for SealedPartition {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEALED_PARTITION;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.header.write(sink);
        sink.put(&self.body);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = SealedHeader::read(reader)?;
        let length = usize::try_from(header.body_len()).map_err(|_| DecodeError::Length)?;
        // `take` comes before the copy: a length that the bytes do not bear out allocates nothing.
        let body = reader.take(length)?.to_vec();
        Ok(Self { header, body })
    }
}

public_encoding!(ImmutableHeader, MutableHeader, Seal, SealedHeader, SealedPartition);
