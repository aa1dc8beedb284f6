//! Sealing.

use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use super::body::{self, Aead, ChunkSize, Cipher, Layout, Run};
use super::error::SealError;
use super::header::{ImmutableHeader, MutableHeader, Seal, SealedHeader, SealedPartition};
use crate::context::{Context, ContextBuf, RecordId, Subject};
use crate::error::RngError;
use crate::hash::{Digest, label};
use crate::identity::{Signed, SigningKey};
use crate::kem::{CapsuleParts, EncapsulateError, SharedKey};
use crate::pre::Pre;

/// Seals partitions under one owner key and label, as one author.
///
/// Every call makes a fresh key, and no function takes an existing one: two bodies never share a key, so nonces
/// cannot repeat. The author is whose [`SigningKey`] this holds; the context says so, and nobody can be named instead.
///
/// [The module](crate::record) has an example.
pub struct Sealer<'a, S: Pre> {
    params: &'a S::Params,
    owner: &'a S::VerifiedOwner,
    label: &'a S::Label,
    author: &'a SigningKey,
    aad: &'a [u8],
    aead: Aead,
    chunk: ChunkSize,
}

impl<S: Pre> Clone for Sealer<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Pre> Copy for Sealer<'_, S> {}

impl<S: Pre> fmt::Debug for Sealer<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("author", &self.author)
            .field("aead", &self.aead)
            .field("chunk", &self.chunk)
            .finish_non_exhaustive()
    }
}

impl<'a, S: Pre> Sealer<'a, S> {
    /// Capsules must fit into a header: checked when a scheme is first used here, at compile time.
    const FITS: () = assert!(
        S::Capsule::CORE_LEN <= ImmutableHeader::MAX_CAPSULE && S::Capsule::MUTABLE_LEN <= MutableHeader::MAX_CAPSULE
    );

    /// For what `author` writes into the partition of `owner` that `label` and the owner's key name; with
    /// AES-256-GCM, 64 KiB chunks and no free data.
    pub fn new(
        params: &'a S::Params,
        owner: &'a S::VerifiedOwner,
        label: &'a S::Label,
        author: &'a SigningKey,
    ) -> Self {
        Self { params, owner, label, author, aad: &[], aead: Aead::default(), chunk: ChunkSize::default() }
    }

    /// With free data that is authenticated and not encrypted, at most [`Context::MAX_AAD`] bytes.
    #[must_use]
    pub fn aad(mut self, aad: &'a [u8]) -> Self {
        self.aad = aad;
        self
    }

    /// With another cipher.
    #[must_use]
    pub fn aead(mut self, aead: Aead) -> Self {
        self.aead = aead;
        self
    }

    /// With another chunk size.
    #[must_use]
    pub fn chunk_size(mut self, chunk: ChunkSize) -> Self {
        self.chunk = chunk;
        self
    }

    /// Seals `plaintext` as this version of the record's partition.
    ///
    /// The result is as long as the plaintext, 16 bytes a chunk and a header of some hundred bytes. Costs one
    /// encapsulation, one signature, and one pass of cipher and BLAKE3; on every core with `rayon`.
    ///
    /// # Errors
    /// [`SealError`]; nothing was produced then.
    pub fn seal<R: TryCryptoRng + ?Sized>(
        &self,
        record: RecordId,
        version: u64,
        plaintext: &[u8],
        rng: &mut R,
    ) -> Result<SealedPartition, SealError> {
        let mut body = Vec::new();
        let header = self.seal_into(record, version, plaintext, &mut body, rng)?;
        SealedPartition::from_parts(header, body).map_err(|_| SealError::TooLong)
    }

    /// The same into the caller's buffer, which the body replaces the content of. A buffer that held a body of this
    /// length before is used as it is: nothing is allocated.
    ///
    /// # Errors
    /// [`SealError`]; what `body` holds is of no use then.
    pub fn seal_into<R: TryCryptoRng + ?Sized>(
        &self,
        record: RecordId,
        version: u64,
        plaintext: &[u8],
        body: &mut Vec<u8>,
        rng: &mut R,
    ) -> Result<SealedHeader, SealError> {
        // Before any work: whether there are enough chunk numbers.
        Layout::new(self.chunk, plaintext.len() as u64).ok_or(SealError::TooLong)?;
        self.draft(record, version, rng)?.seal(self.author, plaintext, body)
    }

    /// Everything that comes before the first byte: all randomness is drawn here.
    pub(super) fn draft<R: TryCryptoRng + ?Sized>(
        &self,
        record: RecordId,
        version: u64,
        rng: &mut R,
    ) -> Result<Draft, SealError> {
        let () = Self::FITS;
        let subject = Subject { record, version, author: self.author.id(), aad: self.aad };
        let ctx = S::context(self.params, self.owner, self.label, &subject);
        let context = ContextBuf::try_from(&ctx).map_err(|_| EncapsulateError::Context)?;
        let (capsule, key) = S::encapsulate(self.params, self.owner, &ctx, self.author, rng)?;
        let mut core = Vec::with_capacity(S::Capsule::CORE_LEN);
        capsule.write_core(&mut core);
        let mut mutable = Vec::with_capacity(S::Capsule::MUTABLE_LEN);
        capsule.write_mutable(&mut mutable);
        let salt = draw_salt(self.author, &ctx, rng)?;
        let mutable = MutableHeader::create(capsule.generation(), mutable);
        Ok(Draft::new(&key, context, core, mutable, self.aead, self.chunk, salt))
    }

    #[cfg(feature = "std")]
    pub(super) fn author(&self) -> &'a SigningKey {
        self.author
    }

    #[cfg(feature = "std")]
    pub(super) fn chunk(&self) -> ChunkSize {
        self.chunk
    }
}

/// The salt keeps body keys apart even if a scheme gave out the same key twice.
pub(super) fn draw_salt<R: TryCryptoRng + ?Sized>(
    author: &SigningKey,
    ctx: &Context<'_>,
    rng: &mut R,
) -> Result<[u8; 32], RngError> {
    Ok(*author.draw(label::BODY_SALT, &[ctx.digest().as_bytes()], rng)?.digest().as_bytes())
}

/// A header that waits for its body, and the body's cipher.
#[derive(Debug)]
pub(super) struct Draft {
    immutable: ImmutableHeader,
    mutable: MutableHeader,
    cipher: Cipher,
}

impl Draft {
    pub(super) fn new(
        key: &SharedKey,
        context: ContextBuf,
        core: Vec<u8>,
        mutable: MutableHeader,
        aead: Aead,
        chunk: ChunkSize,
        salt: [u8; 32],
    ) -> Self {
        let (immutable, cipher) = ImmutableHeader::create(key, context, core, aead, chunk, salt);
        Self { immutable, mutable, cipher }
    }

    #[cfg(feature = "std")]
    pub(super) fn cipher(&self) -> &Cipher {
        &self.cipher
    }

    /// Encrypts the whole body into `sealed`. Taken by value: one draft, one body.
    pub(super) fn seal(
        self,
        author: &SigningKey,
        plaintext: &[u8],
        sealed: &mut Vec<u8>,
    ) -> Result<SealedHeader, SealError> {
        let length = plaintext.len() as u64;
        let chunk = self.immutable.chunk_size();
        let layout = Layout::new(chunk, length).ok_or(SealError::TooLong)?;
        let sealed_len = usize::try_from(layout.sealed_len()).map_err(|_| SealError::TooLong)?;
        if sealed.capacity() < sealed_len {
            // The allocator has zeroed pages; `resize` would write the zeros again.
            *sealed = alloc::vec![0; sealed_len];
        } else {
            sealed.resize(sealed_len, 0);
        }
        let tree = body::body_tree();
        let leaves =
            body::seal_run(&self.cipher, &tree, Run::whole(chunk), plaintext, sealed).ok_or(SealError::TooLong)?;
        self.finish(author, tree.root(&leaves), length)
    }

    /// Signs what was written.
    pub(super) fn finish(self, author: &SigningKey, root: Digest, length: u64) -> Result<SealedHeader, SealError> {
        let seal = Seal { header: self.immutable.digest(), root, length };
        SealedHeader::assemble(self.immutable, self.mutable, Signed::new(author, seal)).ok_or(SealError::TooLong)
    }
}
