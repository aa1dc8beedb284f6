//! What a ciphertext is about. The canonical encoding of a [`Context`] enters every hash of every scheme, so a
//! capsule moved to another record, version, partition, period, owner, author or attachment does not open.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::encoding::{Hex, Reader, Sink, SuiteId, put_var};
#[cfg(feature = "alloc")]
use crate::encoding::{Kind, Message, kind};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, Hasher, label};
use crate::identity::PartyId;

/// Seconds since 1970-01-01T00:00:00Z. Nothing in the crate reads a clock: callers say what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

#[cfg(feature = "serde")]
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <u64 as serde::Deserialize>::deserialize(deserializer).map(Self)
    }
}

/// From when until when something holds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    /// `None` if it would end before it starts.
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Option<Self> {
        (not_before <= not_after).then_some(Self { not_before, not_after })
    }

    /// The first second.
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last second.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether `now` lies inside.
    pub fn contains(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// Whether all of it lies inside `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        other.not_before <= self.not_before && self.not_after <= other.not_after
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&self.not_before.0.to_be_bytes());
        sink.put(&self.not_after.0.to_be_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (not_before, not_after) = (Timestamp(reader.u64()?), Timestamp(reader.u64()?));
        Self::new(not_before, not_after).ok_or(DecodeError::Value)
    }
}

/// The name of a record: 16 bytes, unique within an owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// From an identifier that the application assigned, a UUID for example.
    pub const fn from_array(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A random name.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn try_generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        let mut bytes = [0; 16];
        rng.try_fill_bytes(&mut bytes).map_err(|_| RngError)?;
        Ok(Self(bytes))
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

crate::encoding::serde_name!(RecordId);

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// The label of a part of a record: 1 to 32 characters of `a–z`, `0–9`, `-`, `_`, `.`.
///
/// The alphabet is small on purpose: two labels that look alike are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    // Zero-padded, so that derived equality and order are those of the text.
    bytes: [u8; Partition::MAX_LEN],
}

impl Partition {
    /// Longest label in bytes.
    pub const MAX_LEN: usize = 32;
    /// Name, address, contacts.
    pub const PERSONAL: Self = Self::literal(b"personal");
    /// Conditions, observations, documents.
    pub const MEDICAL: Self = Self::literal(b"medical");
    /// Coverage, claims, payments.
    pub const INSURANCE: Self = Self::literal(b"insurance");
    /// Medication requests and dispenses.
    pub const PRESCRIPTION: Self = Self::literal(b"prescription");
    /// The four partitions of the SeSPHR paper.
    pub const SESPHR: [Self; 4] = [Self::PERSONAL, Self::MEDICAL, Self::INSURANCE, Self::PRESCRIPTION];

    // Runs at compile time, over literals.
    #[allow(clippy::indexing_slicing)]
    const fn literal<const N: usize>(text: &[u8; N]) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        let mut i = 0;
        while i < N {
            bytes[i] = text[i];
            i += 1;
        }
        Self { bytes }
    }

    /// A label of the caller's; `None` if a character or the length is outside the rule.
    pub fn new(text: &str) -> Option<Self> {
        let allowed = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.');
        let mut bytes = [0; Self::MAX_LEN];
        let slot = bytes.get_mut(..text.len())?;
        if text.is_empty() || !text.as_bytes().iter().all(allowed) {
            return None;
        }
        slot.copy_from_slice(text.as_bytes());
        Some(Self { bytes })
    }

    /// The label's text.
    pub fn as_str(&self) -> &str {
        let len = self.bytes.iter().position(|b| *b == 0).unwrap_or(Self::MAX_LEN);
        // Only ASCII is ever stored.
        self.bytes.get(..len).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default()
    }

    /// The text padded with zeros to its greatest length.
    #[cfg(feature = "alloc")]
    pub(crate) fn padded(&self) -> &[u8; Self::MAX_LEN] {
        &self.bytes
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn from_padded(bytes: [u8; Self::MAX_LEN]) -> Result<Self, DecodeError> {
        let partition = Self::new(Self { bytes }.as_str()).ok_or(DecodeError::Value)?;
        if partition.bytes == bytes { Ok(partition) } else { Err(DecodeError::Value) }
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        put_var(sink, self.as_str().as_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let text = core::str::from_utf8(reader.var(Self::MAX_LEN)?).map_err(|_| DecodeError::Value)?;
        Self::new(text).ok_or(DecodeError::Value)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Partition {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Partition {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text: alloc::string::String = serde::Deserialize::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom("not a partition label"))
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A partition in one epoch: which of an owner's key pairs, or what a class of a
/// [`ClassGrid`](crate::kac::ClassGrid) stands for.
///
/// The period bounds what a server and a delegatee who collude can reach, and is what rolls when a member leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// The partition.
    pub partition: Partition,
    /// The number of the period, counted by the owner.
    pub epoch: u32,
}

impl Period {
    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        self.partition.write(sink);
        sink.put(&self.epoch.to_be_bytes());
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { partition: Partition::read(reader)?, epoch: reader.u32()? })
    }

    /// The parts that stand for the period in a hash.
    pub(crate) fn with_parts<T>(&self, f: impl FnOnce(&[u8], &[u8]) -> T) -> T {
        f(self.partition.as_str().as_bytes(), &self.epoch.to_be_bytes())
    }
}

/// Where within a partition's life a ciphertext stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Slot {
    /// A period with a key of its own.
    Epoch(u32),
    /// A record class of an aggregate scheme.
    Class(u32),
}

impl Slot {
    fn parts(self) -> (u8, u32) {
        match self {
            Self::Epoch(n) => (0, n),
            Self::Class(n) => (1, n),
        }
    }

    #[cfg(feature = "alloc")]
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match (reader.array()?, reader.u32()?) {
            ([0], n) => Ok(Self::Epoch(n)),
            ([1], n) => Ok(Self::Class(n)),
            _ => Err(DecodeError::Value),
        }
    }
}

/// What the application knows about a ciphertext; the scheme adds the rest from the owner's key, so that the two
/// cannot disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The record.
    pub record: RecordId,
    /// The record's version, counted by the application.
    pub version: u64,
    /// Who writes: the party whose signature the sealed record will carry.
    pub author: PartyId,
    /// Free data that is authenticated and not encrypted, at most [`Context::MAX_AAD`] bytes.
    pub aad: &'a [u8],
}

/// What a ciphertext is about.
///
/// Encoded length: 4 + 1 + 32 + 16 + 8 + (4 + partition) + 5 + 32 + 32 + 32 + (4 + AAD) bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context<'a> {
    /// The scheme of the capsule.
    pub suite: SuiteId,
    /// The owner: whose record it is.
    pub owner: PartyId,
    /// The record.
    pub record: RecordId,
    /// The record's version.
    pub version: u64,
    /// The partition.
    pub partition: Partition,
    /// Epoch or class.
    pub slot: Slot,
    /// Digest of the scheme's parameters; [`Digest::NONE`] where it has none.
    pub params: Digest,
    /// Digest of the certified key that the capsule was made under.
    pub origin: Digest,
    /// The author.
    pub author: PartyId,
    /// Free data.
    pub aad: &'a [u8],
}

impl<'a> Context<'a> {
    /// Longest free data in bytes.
    pub const MAX_AAD: usize = 4096;

    /// The digest that stands for the context in every hash: of the label and then the fields as they are encoded,
    /// which delimit themselves, without a length in front.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(label::CONTEXT);
        self.write_body(&mut hasher);
        hasher.digest()
    }

    fn write_body(&self, sink: &mut dyn Sink) {
        let (tag, number) = self.slot.parts();
        sink.put(&[self.suite as u8]);
        sink.put(self.owner.as_bytes());
        sink.put(self.record.as_bytes());
        sink.put(&self.version.to_be_bytes());
        self.partition.write(sink);
        sink.put(&[tag]);
        sink.put(&number.to_be_bytes());
        sink.put(self.params.as_bytes());
        sink.put(self.origin.as_bytes());
        sink.put(self.author.as_bytes());
        put_var(sink, self.aad);
    }
}

/// A [`Context`] that owns its free data.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextBuf {
    fixed: Context<'static>,
    aad: Vec<u8>,
}

#[cfg(feature = "alloc")]
impl ContextBuf {
    /// The context.
    pub fn get(&self) -> Context<'_> {
        Context { aad: &self.aad, ..self.fixed }
    }
}

#[cfg(feature = "alloc")]
impl TryFrom<&Context<'_>> for ContextBuf {
    type Error = DecodeError;

    /// Refuses free data beyond [`Context::MAX_AAD`], which would encode to bytes that do not decode.
    fn try_from(context: &Context<'_>) -> Result<Self, DecodeError> {
        if context.aad.len() > Context::MAX_AAD {
            return Err(DecodeError::Length);
        }
        Ok(Self { fixed: Context { aad: &[], ..*context }, aad: context.aad.to_vec() })
    }
}

#[cfg(feature = "alloc")]
impl Message for ContextBuf {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::CONTEXT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.get().write_body(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [suite] = reader.array()?;
        let fixed = Context {
            suite: SuiteId::from_byte(suite)?,
            owner: PartyId::from_array(reader.array()?),
            record: RecordId(reader.array()?),
            version: reader.u64()?,
            partition: Partition::read(reader)?,
            slot: Slot::read(reader)?,
            params: Digest::from_array(reader.array()?),
            origin: Digest::from_array(reader.array()?),
            author: PartyId::from_array(reader.array()?),
            aad: &[],
        };
        Ok(Self { fixed, aad: reader.var(Context::MAX_AAD)?.to_vec() })
    }
}

#[cfg(feature = "alloc")]
crate::encoding::public_encoding!(ContextBuf);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_to_their_alphabet() {
        for bad in ["", "Personal", "a b", "médical", "a\0", &"x".repeat(33)] {
            assert_eq!(Partition::new(bad), None, "{bad:?}");
        }
        let longest = "x".repeat(32);
        assert_eq!(Partition::new(&longest).unwrap().as_str(), longest);
        assert_eq!(Partition::new("medical"), Some(Partition::MEDICAL));
    }

    #[test]
    fn validity_includes_both_ends() {
        let t = Timestamp;
        assert_eq!(Validity::new(t(2), t(1)), None);
        let v = Validity::new(t(5), t(7)).unwrap();
        assert_eq!([4, 5, 7, 8].map(|n| v.contains(t(n))), [false, true, true, false]);
        assert!(Validity::new(t(u64::MAX), t(u64::MAX)).unwrap().contains(t(u64::MAX)));
    }
}
