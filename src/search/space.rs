//! Spaces: what values may be compared with each other.

use core::fmt;
use core::marker::PhantomData;

use super::encoder::Encoder;
use super::{Search, SpaceError};
use crate::context::Partition;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::hash::{Digest, Hasher, label};
use crate::identity::PartyId;

/// Which of the two constructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Mode {
    /// [`Federated`](super::Federated).
    Federated = 1,
    /// [`Ordered`](super::Ordered).
    Ordered = 2,
}

/// The name of an attribute: 1 to 32 characters of `a–z`, `0–9`, `-`, `_`, `.`. A LOINC code, for example.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attribute(Partition);

impl Attribute {
    /// `None` if a character or the length is outside the rule.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        Partition::new(text).map(Self)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What can be asked of a space in the federated mode. Less to ask is less to learn, and shorter entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Queries {
    /// Equality, and prefixes of codes: 8 bytes for a number, 8 for a code and 8 for each length of prefix.
    Points = 1,
    /// Ranges of numbers, and equality as a range of one: 4 bytes for every 4 bits.
    Ranges = 2,
    /// Both.
    RangesAndPoints = 3,
}

impl Queries {
    fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            1 => Ok(Self::Points),
            2 => Ok(Self::Ranges),
            3 => Ok(Self::RangesAndPoints),
            _ => Err(DecodeError::Value),
        }
    }

    /// Whether ranges can be asked for.
    #[must_use]
    pub fn ranges(self) -> bool {
        self != Self::Points
    }

    /// Whether points can be asked for by tag.
    #[must_use]
    pub fn points(self) -> bool {
        self != Self::Ranges
    }
}

/// From which the length of an encrypted value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// Bits that are compared by order: a multiple of 4 up to 64, or 0.
    pub(super) bits: u8,
    /// Tags for equality: at most [`Encoder::MAX_PREFIXES`] + 1.
    pub(super) tags: u8,
}

impl Shape {
    /// Bits that are compared by order: a multiple of 4 up to 64, or 0.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// How many tags for equality there are.
    #[must_use]
    pub fn tags(&self) -> u8 {
        self.tags
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) {
        sink.put(&[self.bits, self.tags]);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [bits, tags] = reader.array()?;
        let within = bits <= 64 && bits % 4 == 0 && usize::from(tags) <= Encoder::MAX_PREFIXES + 1;
        if within && (bits, tags) != (0, 0) { Ok(Self { bits, tags }) } else { Err(DecodeError::Value) }
    }
}

/// The name of a space.
pub type SpaceId = Digest;

/// The values of one attribute of one owner's records, encoded in one way, in one mode. Only values of one space can be
/// compared; everything else is bound to it by its [id](Self::id): keys, uploads, tokens, indexes.
///
/// The partition says where the records are that an answer leads to.
///
/// Encoded length: 4 + 32 + (4 + partition) + (4 + attribute) + encoder + 1 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space<M> {
    owner: PartyId,
    partition: Partition,
    attribute: Attribute,
    encoder: Encoder,
    queries: Queries,
    mode: PhantomData<M>,
}

impl<M: Search> Space<M> {
    /// A space of `owner`'s.
    ///
    /// # Errors
    /// [`SpaceError`] if the mode does not allow what the encoder makes, or the encoder not what is to be asked.
    pub fn new(
        owner: PartyId,
        partition: Partition,
        attribute: Attribute,
        encoder: Encoder,
        queries: Queries,
    ) -> Result<Self, SpaceError> {
        M::check(&encoder, queries)?;
        Self::unchecked(owner, partition, attribute, encoder, queries)
    }

    /// What every mode asks of its spaces.
    pub(super) fn unchecked(
        owner: PartyId,
        partition: Partition,
        attribute: Attribute,
        encoder: Encoder,
        queries: Queries,
    ) -> Result<Self, SpaceError> {
        if encoder.bits().is_none() && queries != Queries::Points {
            return Err(SpaceError::CodeByOrder);
        }
        Ok(Self { owner, partition, attribute, encoder, queries, mode: PhantomData })
    }

    /// Its name, which binds the mode too.
    #[must_use]
    pub fn id(&self) -> SpaceId {
        Hasher::new(label::SEARCH_SPACE).message(self).digest()
    }

    /// Whose records.
    #[must_use]
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// In which partition the records are.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Which attribute.
    #[must_use]
    pub fn attribute(&self) -> Attribute {
        self.attribute
    }

    /// How values are encoded.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// What can be asked.
    #[must_use]
    pub fn queries(&self) -> Queries {
        self.queries
    }

    /// From which the length of an encrypted value follows.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let bits = if self.queries.ranges() { self.encoder.bits().unwrap_or(0) } else { 0 };
        let tags = if self.queries.points() { self.encoder.tags() } else { 0 };
        Shape { bits, tags }
    }
}

impl<M: Search> Message for Space<M> {
    const SUITE: SuiteId = M::SUITE;
    const KIND: Kind = kind::SEARCH_SPACE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.owner.as_bytes());
        self.partition.write(sink);
        self.attribute.0.write(sink);
        self.encoder.write(sink);
        sink.put(&[self.queries as u8]);
    }

    /// A decoded space keeps to every rule but the one that [a mode may be forced to break](super::Ordered::forced_space).
    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, partition) = (PartyId::from_array(reader.array()?), Partition::read(reader)?);
        let (attribute, encoder) = (Attribute(Partition::read(reader)?), Encoder::read(reader)?);
        let [queries] = reader.array()?;
        let queries = Queries::from_byte(queries)?;
        match M::check(&encoder, queries) {
            Ok(()) | Err(SpaceError::SmallDomain) => {}
            Err(_) => return Err(DecodeError::Value),
        }
        Self::unchecked(owner, partition, attribute, encoder, queries).map_err(|_| DecodeError::Value)
    }
}

public_encoding!(Space<M> where [M: Search]);
