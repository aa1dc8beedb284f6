//! Sealing and opening under a key that the caller chose. **Sealing two bodies under one key, context and salt
//! repeats nonces and reveals both.** For test vectors and for benchmarks of the record layer without a scheme.

#[cfg(feature = "std")]
use std::io::{Read, Seek, Write};

use zeroize::Zeroizing;

#[cfg(feature = "std")]
use super::error::{OpenStreamError, SealStreamError};
use super::header::MutableHeader;
#[cfg(feature = "std")]
use super::open::unlock;
use super::open::{Expected, open_under};
use super::seal::Draft;
use super::{Aead, ChunkSize, Plaintext, SealError, SealedHeader, SealedPartition};
use crate::context::{Context, ContextBuf};
use crate::error::OpenError;
use crate::identity::SigningKey;
use crate::pre::SharedKey;

/// Everything that a sealed partition follows from, but author and plaintext.
#[derive(Clone, Copy)]
#[allow(missing_debug_implementations, reason = "holds a key")]
pub struct Fixed<'a> {
    /// The shared key.
    pub key: &'a [u8; 32],
    /// The context.
    pub context: Context<'a>,
    /// The capsule's fixed part, at most [`ImmutableHeader::MAX_CAPSULE`](super::ImmutableHeader::MAX_CAPSULE) bytes.
    pub capsule: &'a [u8],
    /// The cipher.
    pub aead: Aead,
    /// The chunk size.
    pub chunk_size: ChunkSize,
    /// The salt.
    pub salt: [u8; 32],
}

impl Fixed<'_> {
    fn key(&self) -> SharedKey {
        SharedKey::new(Zeroizing::new(*self.key))
    }

    fn draft(&self) -> Draft {
        Draft::new(
            &self.key(),
            ContextBuf::from(&self.context),
            self.capsule.to_vec(),
            MutableHeader::default(),
            self.aead,
            self.chunk_size,
            self.salt,
        )
    }

    /// As [`Sealer::seal`](super::Sealer::seal), after the encapsulation.
    ///
    /// # Errors
    /// [`SealError::TooLong`].
    pub fn seal(&self, author: &SigningKey, plaintext: &[u8]) -> Result<SealedPartition, SealError> {
        self.draft().seal(author, plaintext)
    }

    /// As [`Sealer::seal_stream`](super::Sealer::seal_stream), after the encapsulation.
    ///
    /// # Errors
    /// [`SealStreamError`].
    #[cfg(feature = "std")]
    pub fn seal_stream<In: Read + ?Sized, Out: Write + ?Sized>(
        &self,
        author: &SigningKey,
        plaintext: &mut In,
        body: &mut Out,
    ) -> Result<SealedHeader, SealStreamError> {
        self.draft().seal_stream(author, self.chunk_size, plaintext, body)
    }
}

/// As [`Opener::open_parts`](super::Opener::open_parts), with the key in place of the capsule.
///
/// # Errors
/// [`OpenError`].
pub fn open(
    key: &[u8; 32],
    expected: &Expected<'_>,
    header: &SealedHeader,
    body: &[u8],
) -> Result<Plaintext, OpenError> {
    open_under(&SharedKey::new(Zeroizing::new(*key)), expected, header, body)
}

/// As [`Opener::open_stream`](super::Opener::open_stream), with the key in place of the capsule.
///
/// # Errors
/// [`OpenStreamError`].
#[cfg(feature = "std")]
pub fn open_stream<In: Read + Seek + ?Sized, Out: Write + ?Sized>(
    key: &[u8; 32],
    expected: &Expected<'_>,
    header: &SealedHeader,
    body: &mut In,
    plaintext: &mut Out,
) -> Result<u64, OpenStreamError> {
    let key = || SharedKey::new(Zeroizing::new(*key));
    unlock(header, header.context().suite, expected, |_, _, _| Ok(key()))?.open_stream(body, plaintext)
}
