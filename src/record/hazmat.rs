//! Sealing and opening under a key that the caller chose. **Sealing two bodies under one key, context and salt
//! repeats nonces and reveals both.** For test vectors and for benchmarks of the record layer without a scheme.

use alloc::vec::Vec;
use core::ops::Range;
#[cfg(feature = "std")]
use std::io::{Read, Seek, Write};

use zeroize::Zeroizing;

#[cfg(feature = "std")]
use super::error::{OpenStreamError, SealStreamError};
use super::header::MutableHeader;
use super::open::{Expected, Unlocked, unlock};
use super::seal::Draft;
use super::{Aead, ChunkSize, LayerKey, Plaintext, SealError, SealedHeader, SealedRange};
use crate::context::{Context, ContextBuf};
use crate::error::OpenError;
use crate::identity::SigningKey;
use crate::kem::{EncapsulateError, SharedKey};

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

    fn draft(&self) -> Result<Draft, SealError> {
        let context = ContextBuf::try_from(&self.context).map_err(|_| EncapsulateError::Context)?;
        Ok(Draft::new(
            &self.key(),
            context,
            self.capsule.to_vec(),
            MutableHeader::default(),
            self.aead,
            self.chunk_size,
            self.salt,
        ))
    }

    /// As [`Sealer::seal_into`](super::Sealer::seal_into), after the encapsulation.
    ///
    /// # Errors
    /// [`SealError::TooLong`].
    pub fn seal_into(
        &self,
        author: &SigningKey,
        plaintext: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<SealedHeader, SealError> {
        self.draft()?.seal(author, plaintext, body)
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
        self.draft()?.seal_stream(author, self.chunk_size, plaintext, body)
    }
}

fn under(
    key: &[u8; 32],
    layer: Option<&LayerKey>,
    expected: &Expected<'_>,
    header: &SealedHeader,
) -> Result<Unlocked, OpenError> {
    unlock(header, header.context().suite, expected, layer, |_| Ok(SharedKey::new(Zeroizing::new(*key))))
}

/// As [`Opener::open_into`](super::Opener::open_into), with the key in place of the capsule.
///
/// # Errors
/// [`OpenError`].
pub fn open_into(
    key: &[u8; 32],
    expected: &Expected<'_>,
    header: &SealedHeader,
    body: &[u8],
    out: &mut Plaintext,
) -> Result<(), OpenError> {
    out.hide();
    under(key, None, expected, header)?.open(body, out)
}

/// As [`Opener::open_into`](super::Opener::open_into) with a [`LayerKey`], with the shared key in place of the capsule.
///
/// # Errors
/// [`OpenError`].
pub fn open_layered_into(
    key: &[u8; 32],
    layer: &LayerKey,
    expected: &Expected<'_>,
    header: &SealedHeader,
    body: &[u8],
    out: &mut Plaintext,
) -> Result<(), OpenError> {
    out.hide();
    under(key, Some(layer), expected, header)?.open(body, out)
}

/// As [`Opener::open_range`](super::Opener::open_range), with the key in place of the capsule.
///
/// # Errors
/// [`OpenError`].
pub fn open_range(
    key: &[u8; 32],
    expected: &Expected<'_>,
    sealed: &SealedRange,
    wanted: Range<u64>,
) -> Result<Plaintext, OpenError> {
    under(key, None, expected, sealed.header())?.open_range(sealed, &wanted)
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
    under(key, None, expected, header)?.open_stream(body, plaintext)
}
