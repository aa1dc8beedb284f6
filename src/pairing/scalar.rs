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
