//! Scalars: integers modulo the group order
//! r = 0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001.
//!
//! There is one implementation for both backends. Multiplying scalars is a thousandth of the cost of
//! multiplying a point, so a second one would be a second thing to get wrong for nothing.

use core::fmt;
use core::ops::{Add, Mul, Neg, Sub};
use subtle::{Choice, ConstantTimeEq, CtOption};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// An integer modulo the group order. 32 bytes encoded, little-endian.
///
/// Every operation is constant time. The value is wiped on drop, is not `Copy`, does not print, and is
/// compared with [`ConstantTimeEq`] only. Temporaries that the compiler spills are not wiped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Scalar(pub(crate) bls12_381::Scalar);

impl Scalar {
    /// Length of [`Scalar::to_bytes`].
    pub const ENCODED_LEN: usize = 32;

    /// The additive identity.
    #[must_use]
    pub fn zero() -> Self {
        Self(bls12_381::Scalar::zero())
    }

    /// The multiplicative identity.
    #[must_use]
    pub fn one() -> Self {
        Self(bls12_381::Scalar::one())
    }

    /// The scalar of a small integer.
    #[must_use]
    pub fn from_u64(value: u64) -> Self {
        Self(bls12_381::Scalar::from(value))
    }

    /// Reduces a 512-bit little-endian integer: the way from 64 uniform bytes to a scalar whose distance
    /// from uniform is below 2^-256.
    #[must_use]
    pub fn from_wide(bytes: &[u8; 64]) -> Self {
        Self(bls12_381::Scalar::from_bytes_wide(bytes))
    }

    /// Decodes 32 little-endian bytes. `None` unless the integer is below r. Zero decodes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> CtOption<Self> {
        let inner = bls12_381::Scalar::from_bytes(bytes);
        let valid = inner.is_some();
        CtOption::new(Self(inner.unwrap_or(bls12_381::Scalar::zero())), valid)
    }

    /// The 32 canonical little-endian bytes, wiped when the caller drops them.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Bits of the integer: 0 for zero, 255 at most. For public scalars.
    #[cfg(feature = "alloc")]
    pub(crate) fn vartime_bits(&self) -> usize {
        let bytes = self.to_bytes();
        let bits = |(i, byte): (usize, &u8)| 8 * i + 8 - byte.leading_zeros() as usize;
        bytes.iter().enumerate().rfind(|(_, byte)| **byte != 0).map_or(0, bits)
    }

    /// Whether this is zero.
    #[must_use]
    pub fn is_zero(&self) -> Choice {
        self.0.ct_eq(&bls12_381::Scalar::zero())
    }

    /// The multiplicative inverse, `None` for zero. Constant time, by Fermat's little theorem.
    #[must_use]
    pub fn invert(&self) -> CtOption<Self> {
        let inverse = self.0.invert();
        let valid = inverse.is_some();
        CtOption::new(Self(inverse.unwrap_or(bls12_381::Scalar::zero())), valid)
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

#[cfg(test)]
#[cfg(feature = "std")]
mod tests {
    use super::super::tests::{random_scalar, rng, same, unhex};
    use super::*;
    use std::format;

    /// r, little-endian.
    const R: [u8; 32] = [
        0x01, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x5b, 0xfe, 0xff, 0x02, 0xa4, 0xbd, 0x53, 0x05, 0xd8,
        0xa1, 0x09, 0x08, 0xd8, 0x39, 0x33, 0x48, 0x7d, 0x9d, 0x29, 0x53, 0xa7, 0xed, 0x73,
    ];

    #[test]
    fn scalar_encoding_is_canonical() {
        let mut above = R;
        above[0] = 2;
        for bytes in [R, above, [0xff; 32]] {
            assert!(bool::from(Scalar::from_bytes(&bytes).is_none()));
        }
        let mut below = R;
        below[0] = 0;
        let minus_one = Scalar::from_bytes(&below).unwrap();
        assert!(same(&minus_one, &-&Scalar::one()));
        assert_eq!(*minus_one.to_bytes(), below);
        assert_eq!(*Scalar::zero().to_bytes(), [0; 32]);
        assert!(bool::from(Scalar::zero().is_zero()));
        assert!(!bool::from(minus_one.is_zero()));
        assert_eq!(format!("{minus_one:?}"), "Scalar { .. }");
    }

    #[test]
    fn wide_reduction() {
        let wide = |low: [u8; 32], high: [u8; 32]| {
            let mut bytes = [0; 64];
            bytes[..32].copy_from_slice(&low);
            bytes[32..].copy_from_slice(&high);
            Scalar::from_wide(&bytes)
        };
        let mut one = [0; 32];
        one[0] = 1;
        assert!(bool::from(wide(R, [0; 32]).is_zero()));
        assert!(bool::from(wide([0; 32], R).is_zero()));
        assert!(same(&wide(one, R), &Scalar::one()));
        // 2^256 by doubling, and 2^512 − 1 from it.
        let mut power = Scalar::one();
        for _ in 0..256 {
            power = &power + &power;
        }
        assert!(same(&wide([0; 32], one), &power));
        assert!(same(&wide([0xff; 32], [0xff; 32]), &(&(&power * &power) - &Scalar::one())));
        // 2^512 − 1 modulo r, computed elsewhere.
        assert_eq!(
            wide([0xff; 32], [0xff; 32]).to_bytes().as_slice(),
            unhex("6c9cf2f390e999c9235c9287cbed6c2b8f3954729614d30511ff599fd9d94807")
        );
    }

    #[test]
    fn scalar_arithmetic() {
        let mut rng = rng(7);
        for _ in 0..32 {
            let (a, b) = (random_scalar(&mut rng), random_scalar(&mut rng));
            assert!(same(&(&(&a + &b) - &b), &a));
            assert!(same(&(&a * &b), &(&b * &a)));
            assert!(bool::from((&a + &-&a).is_zero()));
            assert!(same(&(&a * &a.invert().unwrap()), &Scalar::one()));
            assert!(same(&Scalar::from_bytes(&a.to_bytes()).unwrap(), &a));
        }
        assert!(bool::from(Scalar::zero().invert().is_none()));
        assert!(same(&(&Scalar::from_u64(6) * &Scalar::from_u64(7)), &Scalar::from_u64(42)));
        let bits = |value| Scalar::from_u64(value).vartime_bits();
        assert_eq!([0, 1, 2, 3, 255, 256, u64::MAX].map(bits), [0, 1, 2, 2, 8, 9, 64]);
        assert_eq!((-&Scalar::one()).vartime_bits(), 255);
        let mut wiped = Scalar::from_u64(5);
        wiped.zeroize();
        assert!(bool::from(wiped.is_zero()));
    }
}
