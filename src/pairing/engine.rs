//! The functions that need more than one group or a table that lives as long as the process, over any
//! backend. The module above names them for the backend in use.

use super::group::{Backend, Curve, Target};
use super::scalar::Scalar;
use super::types::{Affine, Projective, TargetElement};
use core::marker::PhantomData;

#[cfg(feature = "alloc")]
use super::types::Prepared;
#[cfg(feature = "alloc")]
use super::window;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// The operations of backend `B`.
#[derive(Clone, Copy, Debug)]
pub struct Engine<B: Backend>(PhantomData<B>);

impl<B: Backend> Engine<B> {
    /// See [`super::mul_p`].
    #[must_use]
    pub fn mul_p(k: &Scalar) -> Projective<B::G1> {
        generator_mul::<B::G1>(k)
    }

    /// See [`super::mul_q`].
    #[must_use]
    pub fn mul_q(k: &Scalar) -> Projective<B::G2> {
        generator_mul::<B::G2>(k)
    }

    /// See [`super::z`].
    #[must_use]
    pub fn z() -> TargetElement<B::Gt> {
        TargetElement(B::Gt::generator())
    }

    /// See [`super::z_pow`].
    #[must_use]
    pub fn z_pow(k: &Scalar) -> TargetElement<B::Gt> {
        #[cfg(feature = "std")]
        return TargetElement(<B::Gt as Target>::generator_table().multiply(k));
        #[cfg(not(feature = "std"))]
        return Self::z().pow(k);
    }

    /// See [`super::pairing`].
    #[must_use]
    pub fn pairing(p: &Affine<B::G1>, q: &Affine<B::G2>) -> TargetElement<B::Gt> {
        TargetElement(B::pairing(&p.0, &q.0))
    }

    /// See [`super::multi_pairing`].
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn multi_pairing(terms: &[(&Affine<B::G1>, &Prepared<B>)]) -> TargetElement<B::Gt> {
        let terms: Vec<_> = terms.iter().map(|(p, q)| (&p.0, &q.0)).collect();
        TargetElement(B::multi_pairing(&terms))
    }

    /// See [`super::vartime_pairing_eq`].
    #[must_use]
    pub fn vartime_pairing_eq(a1: &Affine<B::G1>, a2: &Affine<B::G2>, b1: &Affine<B::G1>, b2: &Affine<B::G2>) -> bool {
        B::pairing_eq(&a1.0, &a2.0, &b1.0, &b2.0).into()
    }

    /// See [`super::msm_g1`].
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn msm_g1(terms: &[(&Affine<B::G1>, &Scalar)]) -> Projective<B::G1> {
        let terms: Vec<_> = terms.iter().map(|(point, k)| (&point.0, *k)).collect();
        Projective(window::multi_mul::<B::G1>(&terms))
    }

    /// See [`super::vartime_msm_g1`].
    #[must_use]
    pub fn vartime_msm_g1(terms: &[(&Affine<B::G1>, &Scalar)]) -> Projective<B::G1> {
        vartime_msm(terms)
    }

    /// See [`super::vartime_msm_g2`].
    #[must_use]
    pub fn vartime_msm_g2(terms: &[(&Affine<B::G2>, &Scalar)]) -> Projective<B::G2> {
        vartime_msm(terms)
    }

    /// See [`super::vartime_lincomb2_g1`].
    #[must_use]
    pub fn vartime_lincomb2_g1(x: &Scalar, a: &Affine<B::G1>, y: &Scalar, b: &Affine<B::G1>) -> Projective<B::G1> {
        Projective(B::G1::vartime_lincomb2(x, &a.0, y, &b.0))
    }

    /// See [`super::vartime_lincomb2_g2`].
    #[must_use]
    pub fn vartime_lincomb2_g2(x: &Scalar, a: &Affine<B::G2>, y: &Scalar, b: &Affine<B::G2>) -> Projective<B::G2> {
        Projective(B::G2::vartime_lincomb2(x, &a.0, y, &b.0))
    }
}

fn generator_mul<C: Curve>(k: &Scalar) -> Projective<C> {
    #[cfg(feature = "std")]
    return Projective(C::generator_table().multiply(k));
    #[cfg(not(feature = "std"))]
    return Projective::generator().mul(k);
}

#[cfg(feature = "alloc")]
fn vartime_msm<C: Curve>(terms: &[(&Affine<C>, &Scalar)]) -> Projective<C> {
    let terms: Vec<_> = terms.iter().map(|(point, k)| (&point.0, *k)).collect();
    Projective(C::vartime_msm(&terms))
}

#[cfg(not(feature = "alloc"))]
fn vartime_msm<C: Curve>(terms: &[(&Affine<C>, &Scalar)]) -> Projective<C> {
    terms.chunks(2).fold(Projective::identity(), |acc, pair| {
        let [(a, x), rest @ ..] = pair else {
            return acc;
        };
        let next = match rest {
            [(b, y)] => Projective(C::vartime_lincomb2(x, &a.0, y, &b.0)),
            _ => a.mul(x),
        };
        acc.add(&next)
    })
}
