//! The points of a parameter set, and what can be computed over all of them: powers, encodings, digest, the check of
//! their form.

use alloc::vec;
use alloc::vec::Vec;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;

use super::super::weights::Weights;
use super::encoded::PointForm;
use super::progress::Meter;
use super::{MAX_CLASSES, ParamsError};
use crate::encoding::{Reader, Sink};
use crate::error::RngError;
use crate::hash::{Digest, Hasher, hash, label};
use crate::pairing::{
    G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective, Scalar, mul_p, mul_q, multi_pairing, pairing,
    vartime_msm_g1, vartime_msm_g2, z,
};

/// Points between two reports of progress; also what is brought to affine coordinates at once.
const CHUNK: usize = 256;
/// Terms of one multi-scalar sum: enough for its buckets, and a report now and then.
const MSM_CHUNK: usize = 4096;

/// Whose word there is for encoded points.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Nobody's: each is checked for the subgroup.
    Foreign,
    /// Their digest is known as that of points which were checked.
    Pinned,
}

/// P_1, …, P_n and Q_1, …, Q_n, Q_{n+2}, …, Q_{2n}, none the identity, for an n that [`check_classes`] let through.
#[derive(Clone)]
pub(super) struct Points {
    n: u32,
    p: Vec<G1Affine>,
    q: Vec<G2Affine>,
}

/// The exponents k of the Q_k that exist.
fn exponents(n: u32) -> impl Iterator<Item = u32> {
    (1..=2 * n).filter(move |k| *k != n + 1)
}

/// Refuses numbers of classes that no parameters have.
pub(super) fn check_classes(n: u32) -> Result<(), ParamsError> {
    if n == 0 || n > MAX_CLASSES { Err(ParamsError::Classes) } else { Ok(()) }
}

impl Points {
    /// Points of both groups.
    pub(super) const fn count(n: u32) -> usize {
        3 * n as usize - 1
    }

    /// The set for α = 1. It is where a ceremony begins and it never verifies.
    pub(super) fn trivial(n: u32) -> Self {
        let (p, q) = (vec![G1Affine::generator(); n as usize], vec![G2Affine::generator(); 2 * n as usize - 1]);
        Self { n, p, q }
    }

    /// P_k = α^k P, Q_k = α^k Q.
    pub(super) fn from_alpha(n: u32, alpha: &Scalar, meter: &mut Meter<'_>) -> Result<Self, ParamsError> {
        let p = powers(alpha, 1..=n, mul_p, G1Projective::batch_to_affine, meter)?;
        let q = powers(alpha, exponents(n), mul_q, G2Projective::batch_to_affine, meter)?;
        Ok(Self { n, p, q })
    }

    /// β^k P_k and β^k Q_k.
    pub(super) fn raise(&self, beta: &Scalar, meter: &mut Meter<'_>) -> Result<Self, ParamsError> {
        let (mut p, mut q) = (self.p.iter(), self.q.iter());
        let p_next = |power: &Scalar| p.next().map_or_else(G1Projective::identity, |point| point.mul(power));
        let p = powers(beta, 1..=self.n, p_next, G1Projective::batch_to_affine, meter)?;
        let q_next = |power: &Scalar| q.next().map_or_else(G2Projective::identity, |point| point.mul(power));
        let q = powers(beta, exponents(self.n), q_next, G2Projective::batch_to_affine, meter)?;
        Ok(Self { n: self.n, p, q })
    }

    pub(super) fn n(&self) -> u32 {
        self.n
    }

    pub(super) fn p(&self) -> &[G1Affine] {
        &self.p
    }

    /// α in the exponent: P_1.
    pub(super) fn first(&self) -> G1Affine {
        self.p.first().copied().unwrap_or_else(G1Affine::identity)
    }

    /// Q_k; `None` for k = n + 1, which does not exist, and outside 1..=2n.
    pub(super) fn q_at(&self, k: u32) -> Option<&G2Affine> {
        let hole = self.n + 1;
        let index = match k {
            0 => return None,
            k if k < hole => k - 1,
            k if k > hole => k - 2,
            _ => return None,
        };
        self.q.get(index as usize)
    }

    pub(super) fn write(&self, form: PointForm, sink: &mut dyn Sink) {
        match form {
            PointForm::Compact => {
                self.p.iter().for_each(|point| sink.put(&point.to_bytes()));
                self.q.iter().for_each(|point| sink.put(&point.to_bytes()));
            }
            PointForm::Uncompressed => {
                self.p.iter().for_each(|point| sink.put(&point.to_uncompressed()));
                self.q.iter().for_each(|point| sink.put(&point.to_uncompressed()));
            }
        }
    }

    /// hash(n, every point uncompressed, as they are encoded). Uncompressed, because a compressed point says half of
    /// what a decoder that trusts it would take from elsewhere.
    pub(super) fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(label::KAC_PARAMS).part(&self.n.to_be_bytes());
        self.write(PointForm::Uncompressed, &mut hasher);
        hasher.digest()
    }

    /// The same from the uncompressed bytes of the points.
    pub(super) fn digest_of(n: u32, uncompressed: &[u8]) -> Digest {
        let mut hasher = Hasher::new(label::KAC_PARAMS).part(&n.to_be_bytes());
        hasher.put(uncompressed);
        hasher.digest()
    }

    /// Reads points that are canonically encoded, not the identity, on the curve and, where they are foreign, in the
    /// subgroup. The message's decoder made sure that there are as many bytes as n asks for.
    pub(super) fn read(
        n: u32,
        form: PointForm,
        bytes: &[u8],
        source: Source,
        meter: &mut Meter<'_>,
    ) -> Result<Self, ParamsError> {
        let (p, q) = bytes.split_at_checked(n as usize * form.g1_len()).ok_or(ParamsError::Length)?;
        use {PointForm::*, Source::*};
        let p = match (form, source) {
            (Compact, Foreign) => read_points(p, G1Affine::from_bytes, meter)?,
            (Compact, Pinned) => read_points(p, G1Affine::from_bytes_trusted, meter)?,
            (Uncompressed, Foreign) => read_points(p, G1Affine::from_uncompressed, meter)?,
            (Uncompressed, Pinned) => read_points(p, G1Affine::from_uncompressed_trusted, meter)?,
        };
        let q = match (form, source) {
            (Compact, Foreign) => read_points(q, G2Affine::from_bytes, meter)?,
            (Compact, Pinned) => read_points(q, G2Affine::from_bytes_trusted, meter)?,
            (Uncompressed, Foreign) => read_points(q, G2Affine::from_uncompressed, meter)?,
            (Uncompressed, Pinned) => read_points(q, G2Affine::from_uncompressed_trusted, meter)?,
        };
        let points = Self { n, p, q };
        if points.p.iter().any(|point| point.is_identity().into())
            || points.q.iter().any(|point| point.is_identity().into())
        {
            return Err(ParamsError::Point);
        }
        Ok(points)
    }

    /// Checks that there is an α with P_k = α^k P and Q_k = α^k Q, whose powers up to the (n+1)st are not one.
    ///
    /// With P_0 = P and Q_0 = Q, the equations
    ///
    /// * e(P_{k+1}, Q) = e(P_k, Q_1) for k = 0, …, n−1,
    /// * e(P, Q_{k+1}) = e(P_1, Q_k) for k = 0, …, n−1 and n+2, …, 2n−1,
    /// * e(P, Q_{n+2}) = e(P_2, Q_n)
    ///
    /// are checked as one product with 128-bit coefficients that are drawn after the points are fixed: a set that
    /// breaks one of them passes with probability 2⁻¹²⁸. An α of small order satisfies all of them and makes Q_{n+1}
    /// one of the published points, so α^k = 1 is excluded for k ≤ n by P_k ≠ P and for k = n+1 by Z_n ≠ e(P, Q). Orders
    /// somewhat above that make it a short sum of them; who chose such an α alone knows it anyway, and a ceremony with
    /// an honest contributor does not end in one.
    pub(super) fn verify<R: TryCryptoRng + ?Sized>(
        &self,
        digest: &Digest,
        rng: &mut R,
        meter: &mut Meter<'_>,
    ) -> Result<(), ParamsError> {
        let weights = draw_weights(digest, rng)?;
        let (p0, q0) = (G1Affine::generator(), G2Affine::generator());
        let n = self.n as usize;
        let weights_of =
            |equation: u8, count: usize| (0..count).map(|k| weights.get(equation, k as u64)).collect::<Vec<_>>();

        let p: Vec<_> = core::iter::once(&p0).chain(&self.p).collect();
        let r = weights_of(0, n);
        let p_left = weighted_g1(p.get(1..).unwrap_or(&[]), &r, meter)?;
        let p_right = weighted_g1(&p, &r, meter)?;

        // Neighbours on either side of the hole: Q_0, …, Q_n and Q_{n+2}, …, Q_{2n}.
        let below: Vec<_> = core::iter::once(&q0).chain(self.q.iter().take(n)).collect();
        let above: Vec<_> = self.q.iter().skip(n).collect();
        let (s, u) = (weights_of(1, n), weights_of(2, above.len().saturating_sub(1)));
        let mut q_left = weighted_g2(below.get(1..).unwrap_or(&[]), &s, meter)?;
        q_left = q_left.add(&weighted_g2(above.get(1..).unwrap_or(&[]), &u, meter)?);
        let q_right = weighted_g2(&below, &s, meter)?.add(&weighted_g2(&above, &u, meter)?);

        // Across the hole. With n = 1 there is nothing above it, and the term is one.
        let qn = below.last().map_or(q0, |point| **point);
        let mut across = G1Affine::identity();
        if let (Some(first_above), Some(p2)) = (above.first(), self.p.get(1)) {
            let weight = weights.get(3, 0);
            q_left = q_left.add(&first_above.mul(&weight));
            across = p2.mul(&weight).to_affine();
        }

        let q1 = self.q.first().map_or(q0, |point| *point);
        let product = multi_pairing(&[
            (&p_left.to_affine(), &G2Prepared::from(&q0)),
            (&p_right.to_affine().neg(), &G2Prepared::from(&q1)),
            (&p0, &G2Prepared::from(&q_left.to_affine())),
            (&self.first().neg(), &G2Prepared::from(&q_right.to_affine())),
            (&across.neg(), &G2Prepared::from(&qn)),
        ]);
        if !bool::from(product.is_identity()) {
            return Err(ParamsError::Structure);
        }
        let z_n = pairing(&self.first(), &qn);
        if self.p.contains(&p0) || bool::from(z_n.ct_eq(&z())) {
            return Err(ParamsError::SmallOrder);
        }
        Ok(())
    }

    /// Points that [`Points::verify`] reports.
    pub(super) const fn verify_count(n: u32) -> usize {
        let n = n as usize;
        2 * (2 * n + n.saturating_sub(2))
    }
}

/// Coefficients that whoever made the points did not know: from the verifier's randomness, and from the digest of the
/// points in case that is known.
fn draw_weights<R: TryCryptoRng + ?Sized>(digest: &Digest, rng: &mut R) -> Result<Weights, RngError> {
    let mut fresh = [0; 32];
    rng.try_fill_bytes(&mut fresh).map_err(|_| RngError)?;
    Ok(Weights::new(hash(label::KAC_PARAMS_CHECK, &[&fresh, digest.as_bytes()])))
}

/// `point(x^k)` for every exponent k, which rise.
fn powers<P, A>(
    x: &Scalar,
    exponents: impl Iterator<Item = u32>,
    mut point: impl FnMut(&Scalar) -> P,
    normalize: impl Fn(&[P]) -> Vec<A>,
    meter: &mut Meter<'_>,
) -> Result<Vec<A>, ParamsError> {
    let (mut out, mut chunk) = (Vec::new(), Vec::with_capacity(CHUNK));
    let (mut power, mut at) = (Scalar::one(), 0);
    for k in exponents {
        while at < k {
            power = &power * x;
            at += 1;
        }
        chunk.push(point(&power));
        if chunk.len() == CHUNK {
            out.extend(normalize(&chunk));
            chunk.clear();
            meter.step(CHUNK)?;
        }
    }
    out.extend(normalize(&chunk));
    meter.step(chunk.len())?;
    Ok(out)
}

fn read_points<const N: usize, A>(
    bytes: &[u8],
    decode: impl Fn(&[u8; N]) -> Option<A>,
    meter: &mut Meter<'_>,
) -> Result<Vec<A>, ParamsError> {
    let mut out = Vec::with_capacity(bytes.len() / N);
    for chunk in bytes.chunks(N * CHUNK) {
        let mut reader = Reader::new(chunk);
        while reader.remaining() > 0 {
            let point = reader.array().map_err(|_| ParamsError::Point)?;
            out.push(decode(&point).ok_or(ParamsError::Point)?);
        }
        meter.step(chunk.len() / N)?;
    }
    Ok(out)
}

/// Σ weight·point, in pieces that report.
macro_rules! weighted_sum {
    ($name:ident, $affine:ty, $projective:ty, $msm:ident) => {
        fn $name(points: &[&$affine], weights: &[Scalar], meter: &mut Meter<'_>) -> Result<$projective, ParamsError> {
            let mut sum = <$projective>::identity();
            for (points, weights) in points.chunks(MSM_CHUNK).zip(weights.chunks(MSM_CHUNK)) {
                let terms: Vec<_> = points.iter().copied().zip(weights).collect();
                sum = sum.add(&$msm(&terms));
                meter.step(terms.len())?;
            }
            Ok(sum)
        }
    };
}

weighted_sum!(weighted_g1, G1Affine, G1Projective, vartime_msm_g1);
weighted_sum!(weighted_g2, G2Affine, G2Projective, vartime_msm_g2);

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn weights_depend_on_randomness_points_equation_and_place() {
        let weight = |seed: u8, digest: u8, equation, k| {
            let rng = &mut ChaCha20Rng::from_seed([seed; 32]);
            draw_weights(&Digest::from_array([digest; 32]), rng).unwrap().get(equation, k).to_bytes()
        };
        let one = weight(1, 1, 0, 0);
        assert_eq!(one, weight(1, 1, 0, 0));
        for other in [weight(2, 1, 0, 0), weight(1, 2, 0, 0), weight(1, 1, 1, 0), weight(1, 1, 0, 1)] {
            assert_ne!(one, other);
        }
    }
}
