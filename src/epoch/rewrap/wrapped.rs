//! Wrapping a data key, and unwrapping it.

use core::fmt;

use rand_core::TryCryptoRng;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{EpochPublic, EpochSecret, Location, RecordVersion};
use crate::encoding::{Hex, Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError, RngError};
use crate::hash::{hash, kdf, label};
use crate::identity::{SigningKey, fresh_secret};
use crate::ristretto::{Element, Point, Scalar};

/// The key of a record's data, 32 bytes. It is wiped on drop and cannot be printed or copied.
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A new one.
    ///
    /// # Errors
    /// [`RngError`] when the generator fails.
    pub fn try_generate<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, RngError> {
        fresh_secret(rng).map(Self)
    }

    /// One that is in use already. The caller wipes its own copy.
    pub fn from_array(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes, to derive from or for a cipher.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ZeroizeOnDrop for DataKey {}

impl ConstantTimeEq for DataKey {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&*other.0)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").finish_non_exhaustive()
    }
}

/// A wrapped data key: the generation, C1, C2, the data key under its pad, and the tag, 4 + 4 + 4 · 32 = 136 bytes.
///
/// It says neither whose it is nor of which epoch or record: what is kept beside it says so, and another does not open it.
/// Nobody signed it. Who knows the point Y can wrap a data key of its own, and can randomise C1 and C2 of a wrapped one
/// anew; that opens as before. Which author's data key it is, a signature elsewhere has to say.
#[derive(Clone, PartialEq, Eq)]
pub struct Wrapped {
    pub(super) generation: u32,
    pub(super) c1: Point,
    pub(super) c2: Point,
    pub(super) sealed: [u8; 32],
    pub(super) tag: [u8; 32],
}

impl Wrapped {
    /// The generation that it is under.
    pub fn generation(&self) -> u32 {
        self.generation
    }
}

impl fmt::Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Wrapped");
        out.field("generation", &self.generation).field("c1", &self.c1).field("c2", &self.c2);
        out.field("tag", &Hex(&self.tag)).finish_non_exhaustive()
    }
}

impl Message for Wrapped {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::WRAPPED;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.generation.to_be_bytes());
        sink.put(self.c1.as_bytes());
        sink.put(self.c2.as_bytes());
        sink.put(&self.sealed);
        sink.put(&self.tag);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (generation, c1, c2) = (reader.u32()?, Point::read(reader)?, Point::read(reader)?);
        Ok(Self { generation, c1, c2, sealed: reader.array()?, tag: reader.array()? })
    }
}

public_encoding!(Wrapped);

/// What follows from M and from what is wrapped where: the pad of the data key, and the key of the tag.
struct Derived(Zeroizing<[u8; 32]>);

impl Derived {
    /// K. The generation is not in it: K stays when the generation changes.
    fn new(m: &Element, location: &Location, subject: &RecordVersion) -> Self {
        let m = Zeroizing::new(m.encode());
        Self(with_parts(location, subject, |parts| kdf(label::REWRAP_KEY, m.as_bytes(), parts)))
    }

    /// The data key sealed, or the sealed one opened.
    fn pad(&self, bytes: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        let mut out = kdf(label::REWRAP_PAD, &*self.0, &[]);
        out.iter_mut().zip(bytes).for_each(|(to, byte)| *to ^= byte);
        out
    }

    /// Whole, since it commits: a shorter one would have collisions.
    fn tag(&self, sealed: &[u8; 32]) -> [u8; 32] {
        *kdf(label::REWRAP_TAG, &*self.0, &[sealed])
    }
}

/// Owner, partition, epoch, height, record and version: the parts that stand for these in a hash.
fn with_parts<T>(location: &Location, subject: &RecordVersion, f: impl FnOnce(&[&[u8]]) -> T) -> T {
    let Location { owner, period, height } = location;
    period.with_parts(|partition, epoch| {
        let (record, version) = (subject.record.as_bytes(), subject.version.to_be_bytes());
        f(&[owner.as_bytes(), partition, epoch, &[*height], record, &version])
    })
}

/// ρ for two points, from a secret that was drawn for them.
pub(super) fn rho(secret: &[u8], first: &Point, second: &Point) -> Scalar {
    Scalar::of(hash(label::REWRAP_RHO, &[secret, first.as_bytes(), second.as_bytes()]))
}

pub(super) fn wrap<R: TryCryptoRng + ?Sized>(
    public: &EpochPublic,
    subject: &RecordVersion,
    data_key: &DataKey,
    author: &SigningKey,
    rng: &mut R,
) -> Result<Wrapped, RngError> {
    let location = public.location();
    // Of the data key too: a generator that repeats must not give two data keys one pad.
    let drawn = author.draw(label::REWRAP_M, &[public.y().as_bytes(), data_key.as_bytes()], rng)?;
    let m = Scalar::of(with_parts(&location, subject, |parts| parts.iter().fold(drawn, |d, part| d.part(part))));
    let m = m.nonzero()?;
    let point = Zeroizing::new(Element::base(&m));
    // No second draw: where ρ is repeated M is the same, and then it is one wrapped key twice.
    let rho = rho(&*m.to_bytes(), public.y(), &Point::generator()).nonzero()?;
    let derived = Derived::new(&point, &location, subject);
    let sealed = *derived.pad(data_key.as_bytes());
    Ok(Wrapped {
        generation: public.tree().generation(),
        c1: public.y().mul(&rho).encode(),
        c2: (Element::base(&rho) + *point).encode(),
        tag: derived.tag(&sealed),
        sealed,
    })
}

pub(super) fn unwrap_key(
    secret: &EpochSecret,
    wrapped: &Wrapped,
    subject: &RecordVersion,
) -> Result<DataKey, OpenError> {
    // The number is in no hash, so that an update can change it. Here it must be the right one.
    if wrapped.generation != secret.tree().generation() {
        return Err(OpenError);
    }
    let m = Zeroizing::new(wrapped.c2.element() + -wrapped.c1.mul(secret.inverse()));
    let derived = Derived::new(&m, &secret.location(), subject);
    if !bool::from(derived.tag(&wrapped.sealed).ct_eq(&wrapped.tag)) {
        return Err(OpenError);
    }
    Ok(DataKey(derived.pad(&wrapped.sealed)))
}
