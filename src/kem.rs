//! What the encapsulations of all schemes have in common: the owner's root secret, the key that a capsule holds, and
//! a capsule's two parts.

use core::fmt;

use rand_core::TryCryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::encoding::{Encoding, Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, kdf, label};
use crate::identity::{PartyId, SigningKey, fresh_secret};

/// A capsule, divided into what its author's signature covers and what a cloud may update when keys rotate.
pub trait CapsuleParts: Clone + fmt::Debug + Encoding {
    /// Length of the part that never changes.
    const CORE_LEN: usize;
    /// Length of the part that rotation updates; zero where a scheme does not rotate.
    const MUTABLE_LEN: usize;

    /// The generation of the owner's key that the part which rotates is under; zero where a scheme does not rotate.
    fn generation(&self) -> u32;

    /// Writes the part that never changes: `CORE_LEN` bytes.
    fn write_core(&self, sink: &mut dyn Sink);

    /// Writes the part that rotation updates: `MUTABLE_LEN` bytes.
    fn write_mutable(&self, sink: &mut dyn Sink);

    /// Puts the two together again.
    ///
    /// # Errors
    /// [`DecodeError`] when either is malformed.
    fn from_parts(core: &[u8], mutable: &[u8]) -> Result<Self, DecodeError>;
}

/// What every checked owner key says, whatever its scheme.
pub trait OwnerTerms {
    /// Who owns the key.
    fn owner(&self) -> PartyId;
    /// The key's name in contexts and grants.
    fn origin(&self) -> Digest;
    /// The key's generation: that of the capsules under it. Zero where a scheme does not rotate.
    fn generation(&self) -> u32 {
        0
    }
}

/// Why no key was encapsulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncapsulateError {
    /// The context is not one under the owner's key, or its free data is too long.
    Context,
    /// The context names another author.
    Author,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for EncapsulateError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for EncapsulateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Context => "the context is not one of this owner key's",
            Self::Author => "the context names another author",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for EncapsulateError {}

/// Why a capsule is not well-formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CapsuleError {
    /// The bytes are not a capsule.
    Decode(DecodeError),
    /// The context is not one under the owner's key.
    Context,
    /// The proof of knowledge does not verify for this context.
    Proof,
    /// The part that rotates is of another generation, or not that of the capsule's class.
    Mutable,
}

impl From<DecodeError> for CapsuleError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl fmt::Display for CapsuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => error.fmt(f),
            Self::Context => f.write_str("the context is not one of this owner key's"),
            Self::Proof => f.write_str("the capsule's proof does not verify"),
            Self::Mutable => f.write_str("the capsule's rotating part does not fit its class and generation"),
        }
    }
}

impl core::error::Error for CapsuleError {}

/// A 32-byte key that a capsule encapsulates. [`record`](crate::record) turns it into body keys; it is wiped on drop
/// and cannot be printed or copied.
pub struct SharedKey(Zeroizing<[u8; 32]>);

impl SharedKey {
    pub(crate) fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    #[cfg(any(feature = "alloc", feature = "hazmat"))]
    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes, for vectors.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_bytes(&self) -> &[u8; 32] {
        self.expose()
    }
}

impl ZeroizeOnDrop for SharedKey {}

impl ConstantTimeEq for SharedKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKey").finish_non_exhaustive()
    }
}

/// The 32-byte secret from which all key pairs of an owner derive. Back it up: it is the only thing that must not be
/// lost, and whoever has it reads everything.
pub struct OwnerRoot(Zeroizing<[u8; 32]>);

impl OwnerRoot {
    /// A new root.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn try_generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        fresh_secret(rng).map(Self)
    }

    /// A new root, from a generator that cannot fail.
    pub fn generate<R: rand_core::CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        Self(bytes)
    }

    /// The owner's signature key, which derives from the root like everything else: the root is all that has to be kept.
    pub fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&kdf(label::OWNER_SIGNING, &*self.0, &[]))
    }

    /// The root of the trees from which the keys of layers come. Applications derive trees of their own from this root, by
    /// numbers of their own: those must not be these. `counts` names that by which generations and epochs are counted.
    #[cfg(feature = "alloc")]
    pub(crate) fn layers(&self, counts: &[&[u8]]) -> Self {
        Self(kdf(label::LAYER_ROOT, &*self.0, counts))
    }

    /// The root of the keys for search.
    #[cfg(feature = "alloc")]
    pub(crate) fn search(&self) -> Zeroizing<[u8; 32]> {
        kdf(label::SEARCH_ROOT, &*self.0, &[])
    }

    pub(crate) fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ZeroizeOnDrop for OwnerRoot {}

impl ConstantTimeEq for OwnerRoot {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl fmt::Debug for OwnerRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerRoot").finish_non_exhaustive()
    }
}

impl Message for OwnerRoot {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::OWNER_ROOT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&*self.0);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(Zeroizing::new(reader.array()?)))
    }
}

impl SecretEncoding for OwnerRoot {}
