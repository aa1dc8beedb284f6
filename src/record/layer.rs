//! The layer that a cloud puts around a body so that those who kept its data key no longer open it: what it is, and
//! what it is good for, stands in the documentation of [`record`](super#layers).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use aes::Aes256Enc;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher};
use ctr::{Ctr128BE, CtrCore};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::body::{self, ChunkSize};
use super::error::LayerError;
use super::header::{Layer, SealedHeader, SealedPartition};
use crate::encoding::{Reader, Sink};
use crate::epoch::tree::LeafKey;
use crate::error::DecodeError;
use crate::hash::{Digest, kdf, label};

/// The key of the layer around one body, 32 bytes. It is wiped on drop and cannot be printed or copied.
///
/// Whoever holds it can remove that layer, and put it on; it opens nothing by itself.
pub struct LayerKey(Zeroizing<[u8; 32]>);

impl LayerKey {
    /// The key for the body under the immutable header with digest `header`
    /// ([`ImmutableHeader::digest`](super::ImmutableHeader::digest)), from the `leaf` of the body's epoch in the
    /// generation that the layer is of.
    ///
    /// The digest is the whole of what keeps keystreams apart: that of another version of a record is another.
    pub fn derive(leaf: &LeafKey, header: &Digest) -> Self {
        Self(kdf(label::BODY_LAYER, leaf.as_bytes(), &[header.as_bytes()]))
    }

    /// A second holder of the key, for tests.
    #[cfg(feature = "hazmat")]
    #[must_use]
    pub fn hazmat_clone(&self) -> Self {
        Self(self.0.clone())
    }

    /// The bytes, into a message that is a secret.
    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&*self.0);
    }

    /// From such a message.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().map(|bytes| Self(Zeroizing::new(bytes)))
    }
}

impl ZeroizeOnDrop for LayerKey {}

impl ConstantTimeEq for LayerKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl fmt::Debug for LayerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayerKey").finish_non_exhaustive()
    }
}

/// A layer's key schedule. Wiped on drop by its member; in a box, so that moving it leaves no copy.
pub(crate) struct Keystream(Box<Aes256Enc>);

impl Keystream {
    pub(super) fn new(key: &LayerKey) -> Self {
        Self(Box::new(Aes256Enc::new((&*key.0).into())))
    }

    /// XORs `bytes`, which begin at byte `at` of the body, with their part of the keystream.
    fn apply(&self, at: u64, bytes: &mut [u8]) {
        // Batches and ranges begin with a chunk, and chunks are of 2^n + 16 bytes: no block is ever cut.
        debug_assert!(at.is_multiple_of(16));
        let block = u128::from(at >> 4).to_be_bytes();
        let core = CtrCore::inner_iv_init(&*self.0, &block.into());
        // What goes unchecked is that the counter does not return to its start, after 2^128 blocks.
        Ctr128BE::from_core(core).unchecked_apply_keystream(bytes);
    }
}

impl ZeroizeOnDrop for Keystream {}

impl fmt::Debug for Keystream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keystream").finish_non_exhaustive()
    }
}

/// From so many bytes on, waking another core up costs less than it saves.
const SPREAD: usize = 512 << 10;

/// XORs `bytes`, which begin at byte `at` of a body, with all `keystreams`; on every core with `rayon`.
pub(super) fn apply(keystreams: &[Keystream], at: u64, bytes: &mut [u8]) {
    if keystreams.is_empty() {
        return;
    }
    // Small enough that the second keystream finds the piece in the cache.
    let piece = ChunkSize::DEFAULT;
    let apply = |(at, bytes): (u64, &mut [u8])| {
        keystreams.iter().for_each(|keystream| keystream.apply(at, bytes));
        Some(())
    };
    let few = bytes.len() < SPREAD;
    let items = (at..).step_by(piece.bytes()).zip(bytes.chunks_mut(piece.bytes()));
    let done = if few { items.map(apply).collect() } else { body::each(piece, items.collect(), apply) };
    // The job always gives a result.
    debug_assert!(done.is_some());
}

/// From one layer around a body to the next: what an owner gives the cloud, for one body, so that it puts a layer on or
/// replaces the one that is there. It is a secret: whoever holds it can undo it.
///
/// The cloud is to forget it once the step is taken; dropping it wipes it.
///
/// It revokes what the [module](crate::record#layers) says, as long as the cloud keeps neither the former body nor the
/// step.
#[derive(Debug)]
pub struct LayerStep {
    from: Option<(u32, LayerKey)>,
    to: (u32, LayerKey),
}

impl LayerStep {
    /// From the layer of a generation and key, or from none, to the layer of another.
    ///
    /// `None` unless the generation of `to` is the greater one and its key another. Both keys are to be those of one
    /// body; whether they are shows when somebody opens it.
    pub fn new(from: Option<(u32, LayerKey)>, to: (u32, LayerKey)) -> Option<Self> {
        if let Some((generation, key)) = &from {
            if *generation >= to.0 || bool::from(key.ct_eq(&to.1)) {
                return None;
            }
        }
        Some(Self { from, to })
    }

    /// The layer that it begins at.
    pub fn from(&self) -> Layer {
        self.from.as_ref().map_or(Layer::None, |(generation, _)| Layer::Stream { generation: *generation })
    }

    /// The layer that it leads to.
    pub fn to(&self) -> Layer {
        Layer::Stream { generation: self.to.0 }
    }

    /// Whether the step can be taken with the body under `header`: only once, and only from the layer that it begins at.
    ///
    /// # Errors
    /// [`LayerError::Layer`].
    pub fn check(&self, header: &SealedHeader) -> Result<(), LayerError> {
        if header.mutable().layer() == self.from() { Ok(()) } else { Err(LayerError::Layer) }
    }

    /// Into a message that is a secret: 1 byte, 36 where there is a former layer, and 36.
    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&[u8::from(self.from.is_some())]);
        for (generation, key) in self.from.iter().chain([&self.to]) {
            sink.put(&generation.to_be_bytes());
            key.write(sink);
        }
    }

    /// From such a message.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let layer = |reader: &mut Reader<'_>| Ok::<_, DecodeError>((reader.u32()?, LayerKey::read(reader)?));
        let (from, to) = match reader.array()? {
            [0] => (None, layer(reader)?),
            [1] => (Some(layer(reader)?), layer(reader)?),
            _ => return Err(DecodeError::Value),
        };
        Self::new(from, to).ok_or(DecodeError::Value)
    }

    pub(super) fn keystreams(&self) -> Vec<Keystream> {
        // The new one first: in between the body is in both layers, not in none.
        core::iter::once(&self.to).chain(&self.from).map(|(_, key)| Keystream::new(key)).collect()
    }
}

impl ZeroizeOnDrop for LayerStep {}

impl SealedPartition {
    /// Takes a step: the body gets the new layer in place of the old, and the header names it.
    ///
    /// Costs AES-256-CTR over the body, twice where a layer is replaced; on every core with `rayon`. Needs no memory.
    ///
    /// # Errors
    /// [`LayerError::Layer`] when the body has another layer than the step begins at. Nothing is changed then.
    pub fn relayer(&mut self, step: &LayerStep) -> Result<(), LayerError> {
        step.check(self.header())?;
        let (header, body) = self.parts_mut();
        apply(&step.keystreams(), 0, body);
        header.set_layer(step.to());
        Ok(())
    }
}
