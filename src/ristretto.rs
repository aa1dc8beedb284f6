//! The prime-order group ristretto255 (RFC 9496) behind types that cannot be misused: points that carry their encoding and
//! are never the identity when decoded, scalars that wipe themselves and neither copy nor print. The arithmetic is
//! curve25519-dalek's.
//!
//! Everything is constant time unless its name says `vartime`.

use alloc::vec::Vec;
use core::fmt;
use core::ops::{Add, Mul, Neg, Sub};

use curve25519_dalek::constants::{
    RISTRETTO_BASEPOINT_COMPRESSED, RISTRETTO_BASEPOINT_POINT, RISTRETTO_BASEPOINT_TABLE,
};
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::scalar::Scalar as Inner;
use curve25519_dalek::traits::{Identity, IsIdentity, MultiscalarMul, VartimeMultiscalarMul};
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::encoding::{Hex, Reader};
use crate::error::{DecodeError, RngError};
use crate::hash::Hasher;

/// An integer modulo the group order ℓ = 2²⁵² + 27742317777372353535851937790883648493; 32 bytes, little-endian.
///
/// Wiped on drop, not `Copy`, compared with [`ConstantTimeEq`] only. Temporaries that the compiler spills are not wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Scalar(Inner);

impl Scalar {
    /// The scalar of a small integer.
    #[must_use]
    pub fn from_u64(value: u64) -> Self {
        Self(Inner::from(value))
    }

    /// The scalar of a 128-bit integer, little-endian: a challenge, or the weight of a batched check.
    #[must_use]
    pub fn from_half(bytes: &[u8; 16]) -> Self {
        Self(Inner::from(u128::from_le_bytes(*bytes)))
    }

    /// Reduces a 512-bit little-endian integer.
    #[must_use]
    pub fn from_wide(bytes: &[u8; 64]) -> Self {
        Self(Inner::from_bytes_mod_order_wide(bytes))
    }

    /// `H_s` of this group: a scalar from the 64 bytes of a hash.
    pub(crate) fn of(hasher: Hasher) -> Self {
        Self::from_wide(&hasher.wide())
    }

    /// The 32 canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Whether this is zero.
    #[must_use]
    pub fn is_zero(&self) -> Choice {
        self.0.ct_eq(&Inner::ZERO)
    }

    /// The inverse; of zero, zero.
    #[must_use]
    pub fn invert(&self) -> Self {
        Self(self.0.invert())
    }

    /// Half of it.
    #[must_use]
    pub fn halve(&self) -> Self {
        Self(self.0.div_by_2())
    }

    /// A scalar that has to be invertible. Zero comes up with probability 2⁻²⁵² or from a broken machine; either way
    /// nothing is made from it.
    pub(crate) fn nonzero(self) -> Result<Self, RngError> {
        if self.is_zero().into() { Err(RngError) } else { Ok(self) }
    }

    /// Reads a canonical scalar, which may be zero.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = Zeroizing::new(reader.array()?);
        Option::from(Inner::from_canonical_bytes(*bytes)).map(Self).ok_or(DecodeError::Scalar)
    }

    /// Reads a scalar that may not be zero: a key, never a proof's field.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn read_nonzero(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let scalar = Self::read(reader)?;
        if scalar.is_zero().into() { Err(DecodeError::Scalar) } else { Ok(scalar) }
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scalar").finish_non_exhaustive()
    }
}

impl ConstantTimeEq for Scalar {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Add for &Scalar {
    type Output = Scalar;
    fn add(self, rhs: &Scalar) -> Scalar {
        Scalar(self.0 + rhs.0)
    }
}

impl Sub for &Scalar {
    type Output = Scalar;
    fn sub(self, rhs: &Scalar) -> Scalar {
        Scalar(self.0 - rhs.0)
    }
}

impl Mul for &Scalar {
    type Output = Scalar;
    fn mul(self, rhs: &Scalar) -> Scalar {
        Scalar(self.0 * rhs.0)
    }
}

impl Neg for &Scalar {
    type Output = Scalar;
    fn neg(self) -> Scalar {
        Scalar(-self.0)
    }
}

/// An element of the group in coordinates for computing.
#[derive(Clone, Copy, Zeroize)]
pub struct Element(RistrettoPoint);

impl Element {
    /// kB, for the generator B.
    #[must_use]
    pub fn base(k: &Scalar) -> Self {
        Self(RISTRETTO_BASEPOINT_TABLE * &k.0)
    }

    /// The element that a hash names: RFC 9496, section 4.3.4. Nobody knows its logarithm.
    #[must_use]
    pub fn from_wide(bytes: &[u8; 64]) -> Self {
        Self(RistrettoPoint::from_uniform_bytes(bytes))
    }

    /// k times this.
    #[must_use]
    pub fn mul(&self, k: &Scalar) -> Self {
        Self(self.0 * k.0)
    }

    /// Encodes.
    #[must_use]
    pub fn encode(&self) -> Point {
        Point { element: *self, bytes: self.0.compress() }
    }

    /// k times this, for a small public k.
    #[must_use]
    pub fn vartime_mul_small(&self, k: u8) -> Self {
        let Some(bits) = k.checked_ilog2() else { return Self(RistrettoPoint::identity()) };
        let step = |sum: RistrettoPoint, bit| if k >> bit & 1 == 1 { sum + sum + self.0 } else { sum + sum };
        Self((0..bits).rev().fold(self.0, step))
    }

    /// xA + yB, for public scalars and the generator B.
    #[must_use]
    pub fn vartime_with_base(x: &Scalar, a: &Self, y: &Scalar) -> Self {
        Self(RistrettoPoint::vartime_double_scalar_mul_basepoint(&x.0, &a.0, &y.0))
    }

    /// Σ kA for public scalars.
    #[must_use]
    pub fn vartime_sum<'a>(terms: impl Iterator<Item = (&'a Scalar, Self)>) -> Self {
        let terms: Vec<_> = terms.collect();
        let (scalars, points) = (terms.iter().map(|(k, _)| &k.0), terms.iter().map(|(_, a)| &a.0));
        Self(RistrettoPoint::vartime_multiscalar_mul(scalars, points))
    }

    /// Σ kA.
    #[must_use]
    pub fn sum<'a>(terms: impl Iterator<Item = (&'a Scalar, Self)>) -> Self {
        let terms: Vec<_> = terms.collect();
        let (scalars, points) = (terms.iter().map(|(k, _)| &k.0), terms.iter().map(|(_, a)| &a.0));
        Self(RistrettoPoint::multiscalar_mul(scalars, points))
    }

    /// Whether this is the identity.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.0.is_identity()
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Element").finish_non_exhaustive()
    }
}

impl ConstantTimeEq for Element {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl Add for Element {
    type Output = Element;
    fn add(self, rhs: Element) -> Element {
        Element(self.0 + rhs.0)
    }
}

impl Neg for Element {
    type Output = Element;
    fn neg(self) -> Element {
        Element(-self.0)
    }
}

/// An element with its encoding, 32 bytes: what is hashed or sent.
#[derive(Clone, Copy, Zeroize)]
pub struct Point {
    element: Element,
    bytes: CompressedRistretto,
}

impl Point {
    /// Length of the encoding.
    pub const LEN: usize = 32;

    /// The generator B.
    #[must_use]
    pub fn generator() -> Self {
        Self { element: Element(RISTRETTO_BASEPOINT_POINT), bytes: RISTRETTO_BASEPOINT_COMPRESSED }
    }

    /// The canonical encoding.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::LEN] {
        self.bytes.as_bytes()
    }

    /// Decodes a canonical encoding of a point that is not the identity.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Option<Self> {
        let bytes = CompressedRistretto(*bytes);
        let element = Element(bytes.decompress()?);
        (!element.is_identity()).then_some(Self { element, bytes })
    }

    /// Reads a point that is not the identity.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`], [`DecodeError::Point`].
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_bytes(&reader.array()?).ok_or(DecodeError::Point)
    }

    /// Twice each element, encoded: encodings share their inversion when what is halved goes in. What is computed on the
    /// way is not wiped, so no secret may be among them.
    #[must_use]
    pub fn doubles(halves: &[Element]) -> Vec<Self> {
        let bytes = RistrettoPoint::double_and_compress_batch(halves.iter().map(|half| &half.0));
        halves.iter().zip(bytes).map(|(half, bytes)| Self { element: *half + *half, bytes }).collect()
    }

    /// kB for each k, encoded. As [`doubles`](Self::doubles).
    #[must_use]
    pub fn bases(scalars: &[Scalar]) -> Vec<Self> {
        Self::doubles(&scalars.iter().map(|k| Element::base(&k.halve())).collect::<Vec<_>>())
    }

    /// k times this point.
    #[must_use]
    pub fn mul(&self, k: &Scalar) -> Element {
        Element(self.element.0 * k.0)
    }

    /// In coordinates for computing.
    #[must_use]
    pub fn element(&self) -> Element {
        self.element
    }
}

impl PartialEq for Point {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Point {}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(self.as_bytes()).fmt(f)
    }
}

/// Multiples of one point: 30 KiB, built in the time of some fifty multiplications; each then takes half its time.
pub struct Table(RistrettoBasepointTable);

impl Table {
    /// For a point.
    #[must_use]
    pub fn new(point: &Point) -> Self {
        Self(RistrettoBasepointTable::create(&point.element.0))
    }

    /// k times the point.
    #[must_use]
    pub fn mul(&self, k: &Scalar) -> Element {
        Element(&self.0 * &k.0)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").finish_non_exhaustive()
    }
}

/// Inverts public scalars, none of them zero, with one inversion.
pub(crate) fn vartime_invert_all(scalars: &[Scalar]) -> Vec<Scalar> {
    let mut inverses: Vec<_> = scalars.iter().map(|scalar| scalar.0).collect();
    Inner::invert_batch_alloc(&mut inverses);
    inverses.into_iter().map(Scalar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9496, appendix A.1: the first multiples of the generator.
    #[test]
    fn small_multiples_are_those_of_the_rfc() {
        let expected = [
            "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
            "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
            "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
        ];
        let scalars: Vec<_> = (1..=3).map(Scalar::from_u64).collect();
        for ((k, other), expected) in scalars.iter().zip(Point::bases(&scalars)).zip(expected) {
            let point = Element::base(k).encode();
            assert_eq!(point, other);
            assert!(bool::from(point.element().ct_eq(&other.element())));
            assert_eq!(std::format!("{point:?}"), expected);
        }
    }

    #[test]
    fn every_way_to_multiply_agrees() {
        let base = Element::base(&Scalar::from_u64(77)).encode();
        let table = Table::new(&base);
        for k in (0..=255).chain([u64::MAX]) {
            let scalar = Scalar::from_u64(k);
            let expected = base.mul(&scalar);
            let same = |other: Element| bool::from(expected.ct_eq(&other));
            assert!(same(table.mul(&scalar)));
            assert!(same(Element::sum([(&scalar, base.element())].into_iter())));
            assert!(same(Element::vartime_sum([(&scalar, base.element())].into_iter())));
            assert!(same(Element::vartime_with_base(&scalar, &base.element(), &Scalar::from_u64(0))));
            assert!(same(Element::base(&(&scalar * &Scalar::from_u64(77)))));
            if let Ok(small) = u8::try_from(k) {
                assert!(same(base.element().vartime_mul_small(small)));
            }
        }
    }

    /// curve25519-dalek sums up to 189 points in one way, and more in another.
    #[test]
    fn sums_of_any_length_agree() {
        let terms: Vec<_> = (1..=200).map(|k| (Scalar::from_u64(k * k), Element::base(&Scalar::from_u64(k)))).collect();
        for n in [0, 1, 2, 189, 190, 200] {
            let terms = || terms.iter().take(n).map(|(k, element)| (k, *element));
            let expected = Element::base(&Scalar::from_u64((1..=n as u64).map(|k| k * k * k).sum()));
            assert!(bool::from(Element::vartime_sum(terms()).ct_eq(&expected)));
            assert!(bool::from(Element::sum(terms()).ct_eq(&expected)));
        }
    }

    #[test]
    fn the_identity_and_what_is_not_canonical_do_not_decode() {
        assert!(Point::from_bytes(&[0; 32]).is_none());
        // The field's order: another encoding of zero.
        let mut p = [0xff; 32];
        (p[0], p[31]) = (0xed, 0x7f);
        assert!(Point::from_bytes(&p).is_none());
        // A negative coordinate.
        assert!(Point::from_bytes(&core::array::from_fn(|i| u8::from(i == 0))).is_none());
        let order: [u8; 32] = *(&Scalar::from_u64(0) - &Scalar::from_u64(1)).to_bytes();
        assert!(Scalar::read(&mut Reader::new(&order)).is_ok());
        let mut above = order;
        above[0] += 1;
        assert!(matches!(Scalar::read(&mut Reader::new(&above)), Err(DecodeError::Scalar)));
        assert!(matches!(Scalar::read_nonzero(&mut Reader::new(&[0; 32])), Err(DecodeError::Scalar)));
        assert!(Scalar::read(&mut Reader::new(&[0; 32])).is_ok());
    }

    #[test]
    fn inverses() {
        let scalars: Vec<_> = [1, 2, 255, u64::MAX].into_iter().map(Scalar::from_u64).collect();
        let one = Scalar::from_u64(1);
        for (k, inverse) in scalars.iter().zip(vartime_invert_all(&scalars)) {
            assert!(bool::from((k * &inverse).ct_eq(&one) & inverse.ct_eq(&k.invert())));
            assert!(bool::from((&k.halve() + &k.halve()).ct_eq(k)));
        }
    }
}
