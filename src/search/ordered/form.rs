//! Encrypted values: as points where they are made, as digests where they are compared.

use alloc::vec::Vec;
use core::cmp::Ordering;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::key::write_scalar;
use super::{Inconsistent, Malformed, Ordered};
use crate::encoding::{Kind, Reader, kind};
use crate::error::DecodeError;
use crate::hash::{hash, label};
use crate::ristretto::{Element, Point, Scalar};
use crate::search::value::{Plain, fits};
use crate::search::{Form, Path, SearchRoot, Shape, Space, SpaceId, Value};

/// A value as providers encrypt it: for each bit, from the most significant, the points U and V; 64 bytes for each bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Points;

/// A value as it stands in an index: for each bit the digests of the switched U and V; 32 bytes for each bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests;

/// Length of one digest.
pub(super) const DIGEST: usize = 16;
/// Length of both digests of a bit.
pub(super) const PAIR: usize = 2 * DIGEST;

impl Form for Points {
    const BATCH: Kind = kind::POINT_BATCH;

    fn len(shape: &Shape) -> usize {
        usize::from(shape.bits()) * 2 * Point::LEN
    }

    /// Points are canonical and not the identity, and those of one bit differ; there is at least one bit. Takes two
    /// decodings a bit.
    fn check(shape: &Shape, bytes: &[u8]) -> Result<(), DecodeError> {
        decode(shape, bytes).map(drop)
    }
}

impl Form for Digests {
    const BATCH: Kind = kind::DIGEST_BATCH;

    fn len(shape: &Shape) -> usize {
        usize::from(shape.bits()) * PAIR
    }

    /// The digests of one bit differ, and there is at least one bit.
    fn check(shape: &Shape, bytes: &[u8]) -> Result<(), DecodeError> {
        of_length(bytes, Self::len(shape))?;
        if pairs(bytes).any(|(u, v)| u == v) { Err(DecodeError::Value) } else { Ok(()) }
    }
}

/// Whether a value has this length. A shape without bits is another mode's: of its values, a batch would have none to write.
fn of_length(bytes: &[u8], len: usize) -> Result<(), DecodeError> {
    match len {
        0 => Err(DecodeError::Value),
        _ if bytes.len() == len => Ok(()),
        _ => Err(DecodeError::Length),
    }
}

/// The points of a value, checked.
pub(super) fn decode(shape: &Shape, bytes: &[u8]) -> Result<Vec<Point>, DecodeError> {
    of_length(bytes, Points::len(shape))?;
    let mut reader = Reader::new(bytes);
    let mut points = Vec::with_capacity(bytes.len() / Point::LEN);
    for _ in 0..shape.bits() {
        let (u, v) = (Point::read(&mut reader)?, Point::read(&mut reader)?);
        if u == v {
            return Err(DecodeError::Value);
        }
        points.extend([u, v]);
    }
    Ok(points)
}

/// U and V of each bit of a value in the form of digests.
pub(super) fn pairs(bytes: &[u8]) -> impl Iterator<Item = ([u8; DIGEST], [u8; DIGEST])> + '_ {
    bytes.chunks_exact(PAIR).filter_map(|pair| {
        let (u, v) = pair.split_first_chunk()?;
        Some((*u, *v.first_chunk()?))
    })
}

/// Appends the digests of switched points, which bind the space and the bit.
pub(super) fn digests(sid: &SpaceId, points: &[Point], out: &mut Vec<u8>) {
    for (level, pair) in (0..=u8::MAX).zip(points.chunks_exact(2)) {
        for point in pair {
            let digest = hash(label::ORDERED_DIGEST, &[sid.as_bytes(), &[level], point.as_bytes()]).digest();
            out.extend_from_slice(&digest.half());
        }
    }
}

/// H2G of a bit's value, 0, 1 or 2, behind the bits before it, as a number.
fn target(sid: &SpaceId, level: u8, prefix: u64, value: u8) -> Zeroizing<Element> {
    let prefix = Zeroizing::new(prefix.to_be_bytes());
    let value = Zeroizing::new([value]);
    let wide = hash(label::ORDERED_POINT, &[sid.as_bytes(), &[level], &*prefix, &*value]).wide();
    Zeroizing::new(Element::from_wide(&wide))
}

/// The first `level` bits of a number as a number, and the bit after them.
pub(super) fn split(number: u64, bits: u8, level: u8) -> (u64, u8) {
    // What is shifted by is public.
    let rest = u32::from(bits.saturating_sub(level));
    let bit = number.checked_shr(rest.saturating_sub(1)).unwrap_or(0) & 1;
    (number.checked_shr(rest).unwrap_or(0), bit as u8)
}

/// Appends the points of a number. What is multiplied is public, but for k and before it is.
pub(super) fn encrypt(sid: &SpaceId, bits: u8, k: &Scalar, number: u64, out: &mut Vec<u8>) {
    let half = k.halve();
    let mut halves = Vec::with_capacity(usize::from(bits) * 2);
    for level in 0..bits {
        let (prefix, bit) = split(number, bits, level);
        halves.extend([bit, bit + 1].map(|value| target(sid, level, prefix, value).mul(&half)));
    }
    Point::doubles(&halves).iter().for_each(|point| out.extend_from_slice(point.as_bytes()));
}

/// The number that a space of so many bits has for a value. By value: a reference that is there or not would be secret.
pub(super) fn number(bits: u8, value: &Value) -> Option<u64> {
    match &value.0 {
        Plain::Number(number) if fits(bits, **number) => Some(**number),
        _ => None,
    }
}

/// The order of two values of one space in the form of digests.
///
/// U of the first bit at which they differ is another one, and V of the smaller one is U of the greater one. It takes some
/// ten nanoseconds.
///
/// # Errors
/// [`Inconsistent`]: no honest values, or not of one space and generation.
pub fn compare(a: &[u8], b: &[u8]) -> Result<Ordering, Inconsistent> {
    if a.len() != b.len() || !a.len().is_multiple_of(PAIR) {
        return Err(Inconsistent);
    }
    let mut both = a.chunks_exact(PAIR).zip(b.chunks_exact(PAIR));
    let Some((a, b)) = both.find(|(a, b)| a != b) else { return Ok(Ordering::Equal) };
    let ((ua, va), (ub, vb)) = (a.split_at(DIGEST), b.split_at(DIGEST));
    match (ua == ub, va == ub, vb == ua) {
        (false, true, false) => Ok(Ordering::Less),
        (false, false, true) => Ok(Ordering::Greater),
        _ => Err(Inconsistent),
    }
}

/// Reads what a provider uploaded, as the owner, from whose secret every key derives: so a [conflict](crate::search::Conflict)
/// is attributed. It takes three multiplications a bit.
///
/// # Errors
/// [`Malformed`] if the provider did not encrypt any value.
pub fn inspect(root: &SearchRoot, space: &Space<Ordered>, path: &Path, points: &[u8]) -> Result<Value, Malformed> {
    let (sid, shape) = (space.id(), space.shape());
    if points.len() != Points::len(&shape) {
        return Err(Malformed { level: 0 });
    }
    let half = write_scalar(root, &sid, path).halve();
    let mut number = Zeroizing::new(0);
    for (level, pair) in (0..shape.bits()).zip(points.chunks_exact(2 * Point::LEN)) {
        let (u, v) = pair.split_at(Point::LEN);
        let halves = [0, 1, 2].map(|value| target(&sid, level, *number, value).mul(&half));
        // One of them is none of the provider's: which one is as secret as the bit.
        let [zero, one, two] = &*Point::doubles(&halves) else { return Err(Malformed { level }) };
        let is = |low: &Point, high: &Point| u.ct_eq(low.as_bytes()) & v.ct_eq(high.as_bytes());
        let set = is(one, two);
        if !bool::from(is(zero, one) | set) {
            return Err(Malformed { level });
        }
        *number = *number << 1 | u64::from(set.unwrap_u8());
    }
    Ok(Value(Plain::Number(number)))
}
