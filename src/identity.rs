//! Who somebody is, and the one mechanism for statements that somebody signed.
//!
//! A party is its Ed25519 key: [`PartyId`] is the key's hash, so every hash that contains the id binds the key. A
//! [`Signed`] statement carries the signer's key and verifies into [`Verified`], which has no decoder: code that asks
//! for a `Verified<T>` cannot be handed an unchecked one.
//!
//! Signatures are verified strictly (no small-order keys, canonical encodings). They can be shown to third parties:
//! whoever leaks a signed record leaks a proof of who wrote it.

use core::fmt;
use core::ops::Deref;
use core::sync::atomic::{AtomicUsize, Ordering};

use ed25519_dalek::Signer;
use rand_core::{CryptoRng, TryCryptoRng};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::encoding::{Encoding, Hex, Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, RngError, SignatureError};
use crate::hash::{Digest, Hasher, Label, hash, kdf, label};

/// The name of a party: the hash of its Ed25519 key, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartyId([u8; 32]);

impl PartyId {
    /// From the bytes of a known id.
    pub const fn from_array(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

crate::encoding::serde_name!(PartyId);

impl fmt::Debug for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// A party's public signature key, 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey(ed25519_dalek::VerifyingKey);

impl VerifyingKey {
    /// The party that this key makes.
    pub fn id(&self) -> PartyId {
        PartyId(*hash(label::PARTY_ID, &[self.as_bytes()]).digest().as_bytes())
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    pub(crate) fn read_raw(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.array()?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| DecodeError::VerifyingKey)?;
        // One key, one encoding, one id; and no key under which everything verifies.
        if key.is_weak() || key.to_edwards().compress().as_bytes() != &bytes {
            return Err(DecodeError::VerifyingKey);
        }
        Ok(Self(key))
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.as_bytes()).fmt(f)
    }
}

impl Message for VerifyingKey {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::VERIFYING_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::read_raw(reader)
    }
}

/// A party's long-term secret: an Ed25519 key, and a key derived from it that hedges the party's randomness.
///
/// Everything random that the party makes is a hash over fresh randomness, this secret, a counter and what the value
/// is for: a generator that repeats or is known does not by itself reveal or repeat it. What remains: two processes
/// that run from one snapshot, with a generator that repeats as well, make the same value for the same purpose.
pub struct SigningKey {
    ed25519: ed25519_dalek::SigningKey,
    hedge: Zeroizing<[u8; 32]>,
    draws: AtomicUsize,
}

/// 32 bytes for a secret with nothing to hedge it. A generator that leaves the buffer at zero is broken.
pub(crate) fn fresh_secret<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Zeroizing<[u8; 32]>, RngError> {
    let mut bytes = Zeroizing::new([0; 32]);
    rng.try_fill_bytes(&mut *bytes).map_err(|_| RngError)?;
    if bytes.ct_eq(&[0; 32]).into() { Err(RngError) } else { Ok(bytes) }
}

impl SigningKey {
    /// A new party.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn try_generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        fresh_secret(rng).map(|seed| Self::from_seed(&seed))
    }

    /// A new party, from a generator that cannot fail.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// The party whose 32-byte Ed25519 seed this is.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self {
            ed25519: ed25519_dalek::SigningKey::from_bytes(seed),
            hedge: kdf(label::HEDGE_KEY, seed, &[]),
            draws: AtomicUsize::new(0),
        }
    }

    /// The public key.
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey(self.ed25519.verifying_key())
    }

    /// The party's name.
    pub fn id(&self) -> PartyId {
        self.verifying_key().id()
    }

    /// Hedged randomness for one purpose: hash(fresh, this party's secret, draw counter, parts…).
    pub(crate) fn draw<R: TryCryptoRng + ?Sized>(
        &self,
        label: Label,
        parts: &[&[u8]],
        rng: &mut R,
    ) -> Result<Hasher, RngError> {
        let mut fresh = Zeroizing::new([0; 32]);
        rng.try_fill_bytes(&mut *fresh).map_err(|_| RngError)?;
        let count = self.draws.fetch_add(1, Ordering::Relaxed) as u64;
        let hasher = hash(label, &[&*fresh, &*self.hedge, &count.to_be_bytes()]);
        Ok(parts.iter().fold(hasher, |hasher, part| hasher.part(part)))
    }

    fn sign(&self, digest: &[u8; 64]) -> [u8; 64] {
        self.ed25519.sign(digest).to_bytes()
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        // The Ed25519 key and the hedge wipe themselves.
        self.draws.get_mut().zeroize();
    }
}

impl ZeroizeOnDrop for SigningKey {}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("id", &self.id()).finish_non_exhaustive()
    }
}

impl Message for SigningKey {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SIGNING_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.ed25519.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::from_seed(&Zeroizing::new(reader.array()?)))
    }
}

impl SecretEncoding for SigningKey {}

public_encoding!(VerifyingKey);

/// A statement, who signed it, and the signature over every byte of its encoding. Statements are public: a secret
/// cannot be one.
///
/// The signature is Ed25519 over the 64 bytes of hash("sesphr v1 signed statement", key, encoding of the statement).
///
/// Encoded length: 4 header bytes, 32 for the key, the statement, 64 for the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    signer: VerifyingKey,
    statement: T,
    signature: [u8; 64],
}

impl<T: Encoding> Signed<T> {
    /// Signs `statement`. Ed25519 signatures are deterministic, so no randomness can go wrong here.
    pub fn new(key: &SigningKey, statement: T) -> Self {
        let signer = key.verifying_key();
        let signature = key.sign(&Self::message(&signer, &statement));
        Self { signer, statement, signature }
    }

    /// What is signed: the hash of the signer's key and of the whole encoding, whose header separates the kinds.
    fn message(signer: &VerifyingKey, statement: &T) -> [u8; 64] {
        *Hasher::new(label::STATEMENT).part(signer.as_bytes()).message(statement).wide()
    }

    /// Checks that `signer` signed.
    ///
    /// # Errors
    /// [`SignatureError`] when the key is another party's or the signature does not verify.
    pub fn verify(&self, signer: &PartyId) -> Result<Verified<T>, SignatureError>
    where
        T: Clone,
    {
        if self.signer.id() != *signer {
            return Err(SignatureError);
        }
        self.signer
            .0
            .verify_strict(
                &Self::message(&self.signer, &self.statement),
                &ed25519_dalek::Signature::from_bytes(&self.signature),
            )
            .map_err(|_| SignatureError)?;
        Ok(Verified { signer: *signer, digest: self.digest(), statement: self.statement.clone() })
    }

    /// The key that is said to have signed.
    pub fn signer(&self) -> &VerifyingKey {
        &self.signer
    }

    /// The statement, unchecked: for routing and display, never for a decision.
    pub fn unverified(&self) -> &T {
        &self.statement
    }

    /// The name of the statement: a hash of the signer and the encoding, the same for every signature over it.
    pub fn digest(&self) -> Digest {
        Hasher::new(label::STATEMENT_ID).part(self.signer.as_bytes()).message(&self.statement).digest()
    }
}

impl<T: Encoding> Message for Signed<T> {
    const SUITE: SuiteId = T::SUITE;
    const KIND: Kind = T::KIND.signed();

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.signer.as_bytes());
        self.statement.write(sink);
        sink.put(&self.signature);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { signer: VerifyingKey::read_raw(reader)?, statement: T::read(reader)?, signature: reader.array()? })
    }
}

impl<T: Encoding> Encoding for Signed<T> {}

#[cfg(feature = "serde")]
impl<T: Encoding> serde::Serialize for Signed<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::encoding::serde_form::serialize(self, serializer)
    }
}

#[cfg(feature = "serde")]
impl<'de, T: Encoding> serde::Deserialize<'de> for Signed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::encoding::serde_form::deserialize(deserializer)
    }
}

/// A statement whose signature was checked. Made by [`Signed::verify`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    signer: PartyId,
    digest: Digest,
    statement: T,
}

impl<T> Verified<T> {
    /// Who signed.
    pub fn signer(&self) -> PartyId {
        self.signer
    }

    /// The statement's name.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.statement
    }
}
