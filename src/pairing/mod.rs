//! BLS12-381 behind one interface.
//!
//! The pairing e: G1 × G2 → GT between groups of prime order r, with generators P and Q and
//! Z = e(P, Q). G1 and G2 are written additively, GT multiplicatively. The default backend is the
//! `bls12_381` crate; feature `blst` puts the `blst` C library under the same interface. Both give the
//! same bytes for everything that has bytes, which the tests check against each other.
//!
//! # What is constant time
//! Everything that takes a [`Scalar`] or produces a [`Gt`], unless its name says `vartime_`. Decoding is
//! for public bytes. What is not protected: that a point is the identity, that a scalar is zero (where
//! `blst` is used), and, with the default backend, the bytes of a `Gt` while they are formatted (see [`Gt`]'s
//! [`to_hash_bytes`](TargetElement::to_hash_bytes)).
//!
//! # Which pairing
//! Both libraries compute the optimal ate pairing to the power −3 when measured against the shortest final
//! exponent and a loop count without its sign. That is as good a pairing, but whoever recomputes
//! [`z`] with another library may have to raise to −3 first.
//!
//! # Costs
//! Multiplying a fixed point through a table costs a fifth of multiplying any point; a pairing costs
//! several multiplications; an exponentiation in GT costs more than a pairing unless it has a table.
//! Hence [`mul_p`], [`mul_q`], [`z_pow`], and [`G1Table`], [`G2Table`], [`GtTable`] for the points of
//! one's own.

#[cfg(feature = "blst")]
mod blst;
mod engine;
mod group;
mod msm;
mod scalar;
#[cfg(feature = "alloc")]
mod table;
mod types;
mod window;
mod zkcrypto;

#[cfg(feature = "blst")]
pub use self::blst::Blst;
pub use self::engine::Engine;
#[allow(unused_imports)] // named by the bounds of the types below, in what `hazmat` exports
pub use self::group::{Backend, Curve, Group, Target};
pub use self::scalar::Scalar;
#[cfg(feature = "alloc")]
#[allow(unused_imports)] // as above
pub use self::table::Table;
pub use self::types::{Affine, Projective, TargetElement};
#[cfg(feature = "alloc")]
pub use self::types::{PointTable, Prepared, TargetTable};
#[allow(unused_imports)] // with `blst` only the tests use it
pub use self::zkcrypto::Zkcrypto;

#[cfg(feature = "alloc")]
use alloc::borrow::Cow;
#[cfg(feature = "std")]
use std::sync::OnceLock;
#[cfg(feature = "alloc")]
use zeroize::{ZeroizeOnDrop, Zeroizing};

/// Length of the bytes that stand for a [`Gt`] in a hash.
pub const GT_HASH_LEN: usize = 576;

/// The backend in use.
#[cfg(feature = "blst")]
pub type Active = Blst;
/// The backend in use.
#[cfg(not(feature = "blst"))]
pub type Active = Zkcrypto;

/// The name of the backend in use.
pub const BACKEND: &str = <Active as Backend>::NAME;

/// A point of G1, affine. 48 bytes encoded.
pub type G1Affine = Affine<<Active as Backend>::G1>;
/// A point of G2, affine. 96 bytes encoded.
pub type G2Affine = Affine<<Active as Backend>::G2>;
/// A point of G1, for computing.
pub type G1Projective = Projective<<Active as Backend>::G1>;
/// A point of G2, for computing.
pub type G2Projective = Projective<<Active as Backend>::G2>;
/// An element of GT.
pub type Gt = TargetElement<<Active as Backend>::Gt>;
/// A fixed-base table of a point of G1: 42 kB, made in three multiplications, two and a half (`blst`) to
/// four times faster than a plain multiplication.
#[cfg(feature = "alloc")]
pub type G1Table = PointTable<<Active as Backend>::G1>;
/// A fixed-base table of a point of G2: 82 kB, made in four to nine multiplications, two (`blst`) to four
/// times faster than a plain multiplication.
#[cfg(feature = "alloc")]
pub type G2Table = PointTable<<Active as Backend>::G2>;
/// A fixed-base table of an element of GT: 240 kB, made in two to three exponentiations, three
/// (`blst`) to three and a half times faster than a plain exponentiation.
#[cfg(feature = "alloc")]
pub type GtTable = TargetTable<<Active as Backend>::Gt>;
/// A point of G2 prepared for pairing.
#[cfg(feature = "alloc")]
pub type G2Prepared = Prepared<Active>;

/// k·P, in constant time. Under `std` through a table that the first call in a process builds.
#[must_use]
pub fn mul_p(k: &Scalar) -> G1Projective {
    Engine::<Active>::mul_p(k)
}

/// k·Q, in constant time. Under `std` through a table that the first call in a process builds.
#[must_use]
pub fn mul_q(k: &Scalar) -> G2Projective {
    Engine::<Active>::mul_q(k)
}

/// Z = e(P, Q).
#[must_use]
pub fn z() -> Gt {
    Engine::<Active>::z()
}

/// Z^k, in constant time. Under `std` through a table that the first call in a process builds; without
/// it this is a plain exponentiation, and whoever has `alloc` should keep a [`GtTable`] of [`z`].
#[must_use]
pub fn z_pow(k: &Scalar) -> Gt {
    Engine::<Active>::z_pow(k)
}

/// e(p, q), in constant time; one if either is the identity.
#[must_use]
pub fn pairing(p: &G1Affine, q: &G2Affine) -> Gt {
    Engine::<Active>::pairing(p, q)
}

/// Π e(pᵢ, qᵢ) with one final exponentiation, in constant time. One for no terms; a term with an
/// identity counts as one.
#[cfg(feature = "alloc")]
#[must_use]
pub fn multi_pairing(terms: &[(&G1Affine, &G2Prepared)]) -> Gt {
    Engine::<Active>::multi_pairing(terms)
}

/// Q, prepared: under `std` by the first call in a process, without it by every call.
#[cfg(feature = "alloc")]
#[must_use]
pub fn q_prepared() -> Cow<'static, G2Prepared> {
    let prepare = || G2Prepared::from(&G2Affine::generator());
    #[cfg(feature = "std")]
    {
        static Q: OnceLock<G2Prepared> = OnceLock::new();
        Cow::Borrowed(Q.get_or_init(prepare))
    }
    #[cfg(not(feature = "std"))]
    Cow::Owned(prepare())
}

/// mQ for a secret m, to be paired with many points: what can be computed once is.
///
/// Lines through mQ tell it. Where a backend can wipe them they are kept, 20 kB; where it cannot there are none, and m
/// is multiplied onto the other point each time.
#[cfg(feature = "alloc")]
pub struct SecretMultipleOfQ {
    m: Scalar,
    #[cfg(feature = "blst")]
    lines: G2Prepared,
}

#[cfg(feature = "alloc")]
impl SecretMultipleOfQ {
    /// mQ.
    #[must_use]
    pub fn new(m: Scalar) -> Self {
        #[cfg(feature = "blst")]
        let lines = G2Prepared::from(&*Zeroizing::new(mul_q(&m).to_affine()));
        Self {
            m,
            #[cfg(feature = "blst")]
            lines,
        }
    }

    /// m.
    #[must_use]
    pub fn scalar(&self) -> &Scalar {
        &self.m
    }

    /// A pair of points whose pairing is e(point, mQ).
    #[must_use]
    pub fn pair(&self, point: &G1Affine) -> (Zeroizing<G1Affine>, Cow<'_, G2Prepared>) {
        #[cfg(feature = "blst")]
        return (Zeroizing::new(*point), Cow::Borrowed(&self.lines));
        #[cfg(not(feature = "blst"))]
        (Zeroizing::new(point.mul(&self.m).to_affine()), q_prepared())
    }
}

#[cfg(feature = "alloc")]
impl ZeroizeOnDrop for SecretMultipleOfQ {}

#[cfg(feature = "alloc")]
impl core::fmt::Debug for SecretMultipleOfQ {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SecretMultipleOfQ").finish_non_exhaustive()
    }
}

/// Whether e(a1, a2) = e(b1, b2), for public points.
#[must_use]
pub fn vartime_pairing_eq(a1: &G1Affine, a2: &G2Affine, b1: &G1Affine, b2: &G2Affine) -> bool {
    Engine::<Active>::vartime_pairing_eq(a1, a2, b1, b2)
}

/// Σ kᵢ·Aᵢ in G1 for secret scalars, in constant time. Only the number of terms shows; the points are public,
/// because their multiples stay on the heap as they were.
///
/// From a few dozen terms on, one costs about half of [`G1Affine::mul`] with `blst` and a third without. Beside the
/// terms it takes 150 kB, however many there are.
#[cfg(feature = "alloc")]
#[must_use]
pub fn msm_g1(terms: &[(&G1Affine, &Scalar)]) -> G1Projective {
    Engine::<Active>::msm_g1(terms)
}

/// Σ kᵢ·Aᵢ in G1 for public points and scalars. The cost of a term is in proportion to the bits of the longest
/// scalar, and falls with the number of terms.
#[must_use]
pub fn vartime_msm_g1(terms: &[(&G1Affine, &Scalar)]) -> G1Projective {
    Engine::<Active>::vartime_msm_g1(terms)
}

/// Σ kᵢ·Aᵢ in G2 for public points and scalars, at the same terms as [`vartime_msm_g1`].
#[must_use]
pub fn vartime_msm_g2(terms: &[(&G2Affine, &Scalar)]) -> G2Projective {
    Engine::<Active>::vartime_msm_g2(terms)
}

/// x·a + y·b in G1 for public points and scalars: the equation of a Schnorr proof.
#[must_use]
pub fn vartime_lincomb2_g1(x: &Scalar, a: &G1Affine, y: &Scalar, b: &G1Affine) -> G1Projective {
    Engine::<Active>::vartime_lincomb2_g1(x, a, y, b)
}

/// x·a + y·b in G2 for public points and scalars.
#[must_use]
pub fn vartime_lincomb2_g2(x: &Scalar, a: &G2Affine, y: &Scalar, b: &G2Affine) -> G2Projective {
    Engine::<Active>::vartime_lincomb2_g2(x, a, y, b)
}

#[cfg(test)]
#[cfg(all(feature = "std", feature = "blst"))]
mod differential;
#[cfg(test)]
#[cfg(feature = "std")]
mod tests;
