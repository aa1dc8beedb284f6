//! Public parameters for n classes, and how nobody has to be trusted with them.
//!
//! With a secret α that is deleted: P_k = αᵏP for k = 1, …, n and Q_k = αᵏQ for k = 1, …, n, n+2, …, 2n. **Q_{n+1}
//! does not exist**; whoever has it opens everything. Z_n = e(P_1, Q_n) = Z^(α^(n+1)) masks what is encapsulated.
//!
//! # Who may have made them
//!
//! Whoever knows α opens every capsule under the parameters. So there are three ways to come by them:
//!
//! * [`Params::generate`]: an owner makes its own, and nobody else's records are under them.
//! * A [ceremony](Transcript): several parties contribute, and α is unknown as long as one of them deleted its share.
//! * [`EncodedParams::verify`] takes foreign ones, after a check of their **form**. No check shows that nobody knows
//!   α: use them if you trust who made them or the contributors of their ceremony.
//!
//! # Digests and pins
//!
//! The digest covers n and every coordinate of every point, and enters every certificate, context and capsule. Loading
//! parameters whose digest is known ([`EncodedParams::load`]) skips the checks of their points, which takes nearly all
//! of the time of verifying them. [`Pins`] keeps digests, and refuses a second set under a known α:
//!
//! **n can neither grow nor shrink under one α.** For n' < n the element Q_{n'+1} that must not exist is published in
//! the larger set, so whoever is led to use a truncated set encapsulates for everybody. (The larger set has a gap too, so
//! it takes n' ≤ n/2, or α.) For the same reason a powers-of-tau string of some other system cannot be used: it contains
//! the missing element.
//!
//! What neither verification nor pins recognise: a set of somebody who chose α with a property (a somewhat larger order
//! makes Q_{n+1} a short sum of the others; a small number can be guessed), and a part of a larger set under a secret
//! derived from α (cα, α²). Both take a maker who means harm, and such a maker could as well keep α. So **a digest has to
//! come from somebody who is trusted with the choice of α, not from where the parameters come from.** Tests:
//! `tests/kac/limits.rs`.
//!
//! # Cost
//!
//! | | time | memory |
//! |---|---|---|
//! | generate | 3n − 1 multiplications of a generator | 0.9 kB a class |
//! | contribute | verification, and 3n − 1 multiplications of a point | |
//! | verify | 3n − 1 subgroup checks, 4 sums of n (G1) and 2n (G2) terms with 128-bit coefficients | |
//! | load, uncompressed | 480 bytes a class to hash, 2n additions for the prefix sums | |
//! | load, compact | as before and 3n − 1 square roots | |

mod ceremony;
mod encoded;
mod points;
mod progress;

use alloc::vec::Vec;
use core::fmt;
use core::ops::ControlFlow;

use rand_core::TryCryptoRng;

pub use ceremony::{CeremonyError, Contribution, Transcript, VerifiedTranscript};
pub use encoded::{EncodedParams, Pins, PointForm};
pub use progress::{Progress, unwatched};

use super::{ClassRange, ClassSet, MAX_CLASSES};
use crate::error::RngError;
use crate::hash::{Digest, label};
use crate::identity::SigningKey;
use crate::pairing::{G1Affine, G2Affine, G2Projective, Gt, GtTable, Scalar, pairing};
use crate::pok::nonzero;
use points::Points;
use progress::Meter;

/// Why there are no parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamsError {
    /// The number of classes is zero or above [`MAX_CLASSES`].
    Classes,
    /// The bytes are not as many as the number of classes asks for.
    Length,
    /// A point is not canonically encoded, not on the curve, outside the subgroup, or the identity.
    Point,
    /// The points are not powers of one α.
    Structure,
    /// A power of α up to the (n+1)st is one, so the missing element is among the points.
    SmallOrder,
    /// The digest is not the pinned one, or none is pinned.
    NotPinned,
    /// Another set under the same α is pinned: one of the two contains the missing element of the other.
    KnownAlpha,
    /// The watcher broke the computation off.
    Cancelled,
    /// The random number generator failed.
    Rng,
}

impl From<RngError> for ParamsError {
    fn from(_: RngError) -> Self {
        Self::Rng
    }
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classes => "the number of classes is out of range",
            Self::Length => "the parameters have a wrong length",
            Self::Point => "a point of the parameters is invalid",
            Self::Structure => "the points are not powers of one secret",
            Self::SmallOrder => "the secret of the parameters has a small order",
            Self::NotPinned => "the digest of the parameters is not pinned",
            Self::KnownAlpha => "parameters of another size are known under the same secret",
            Self::Cancelled => "the computation was broken off",
            Self::Rng => "the random number generator failed",
        })
    }
}

impl core::error::Error for ParamsError {}

/// Parameters for n classes that were generated, verified or loaded under a pinned digest. See the
/// [module](crate::kac::params) for what that means.
///
/// They are large (0.9 kB a class in memory) and immutable: share them behind a reference or an `Arc`.
pub struct Params {
    points: Points,
    /// A_k = Σ_{l ≤ k, l ≠ n+1} Q_l for k = 0, …, 2n: a sum over a range of classes is a difference of two of them.
    sums: Vec<G2Affine>,
    z_n: GtTable,
    digest: Digest,
}

impl Params {
    /// Makes parameters for `n` classes, numbered from 0, under a secret that is drawn here, hedged with `owner`'s, and
    /// wiped before this returns. Whoever generates knows for itself alone that it forgot α: parameters for several
    /// owners come from a [ceremony](Transcript).
    ///
    /// `watch` is called about every 256 points; see [`unwatched`].
    ///
    /// # Errors
    /// [`ParamsError::Classes`] when `n` is 0 or above [`MAX_CLASSES`]; [`ParamsError::Cancelled`];
    /// [`ParamsError::Rng`].
    pub fn generate<R: TryCryptoRng + ?Sized>(
        n: u32,
        owner: &SigningKey,
        rng: &mut R,
        mut watch: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Self, ParamsError> {
        points::check_classes(n)?;
        let alpha = nonzero(owner.draw(label::KAC_ALPHA, &[&n.to_be_bytes()], rng)?.scalar())?;
        let mut meter = Meter::new(Points::count(n), &mut watch);
        let points = Points::from_alpha(n, &alpha, &mut meter)?;
        let digest = points.digest();
        Ok(Self::new(points, digest))
    }

    /// The parameters under a chosen α, for vectors. Whoever knows α opens everything.
    ///
    /// # Errors
    /// [`ParamsError::Classes`].
    #[cfg(feature = "hazmat")]
    pub fn hazmat_from_alpha(n: u32, alpha: &Scalar) -> Result<Self, ParamsError> {
        points::check_classes(n)?;
        let points = Points::from_alpha(n, alpha, &mut Meter::new(Points::count(n), &mut unwatched))?;
        let digest = points.digest();
        Ok(Self::new(points, digest))
    }

    /// From points that are well-formed, and their digest.
    fn new(points: Points, digest: Digest) -> Self {
        let z_n = points.q_at(points.n()).map_or_else(Gt::identity, |qn| pairing(&points.first(), qn));
        Self { sums: prefix_sums(&points), z_n: GtTable::new(&z_n), points, digest }
    }

    /// The number of classes: 0, …, n−1.
    pub fn classes(&self) -> u32 {
        self.points.n()
    }

    /// The name of the parameters.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The message that carries the parameters, compact (48 + 192 bytes a class) or uncompressed (twice that, and the
    /// form that loads fast).
    pub fn encode(&self, form: PointForm) -> EncodedParams {
        EncodedParams::new(&self.points, form)
    }

    /// P_i for class i − 1; `None` outside.
    pub(crate) fn p(&self, class: u32) -> Option<&G1Affine> {
        self.points.p().get(class as usize)
    }

    /// Q_k; `None` for the element that does not exist and outside 1..=2n.
    pub(crate) fn q(&self, k: u32) -> Option<&G2Affine> {
        self.points.q_at(k)
    }

    /// Z_n^t in constant time.
    pub(crate) fn z_n_pow(&self, t: &Scalar) -> Gt {
        self.z_n.pow(t)
    }

    /// Σ_{j ∈ S} Q_{n+1−j+shift}, without Q_{n+1}: D_S for shift 0, and F_{S,i} for shift i ∈ S, where the hole drops
    /// j = i by itself. Two additions a range at most, one less where the range or the gap before it is a single class.
    /// For public sets of classes below n and shifts of at most n.
    pub(crate) fn sum_over(&self, set: &ClassSet, shift: u32) -> G2Projective {
        let n = self.classes();
        // Class c stands for j = c + 1. From the highest k down, A_k is added and subtracted in turns.
        let ends = |range: &ClassRange| [n - range.first() + shift, n - range.last() + shift - 1];
        let mut ends = set.ranges().iter().flat_map(ends).peekable();
        let (mut sum, mut adds) = (None::<G2Projective>, true);
        while let Some(k) = ends.next() {
            // A_k − A_{k−1} = Q_k, which is nothing at the hole.
            let both = ends.next_if(|next| next + 1 == k).is_some();
            let point = if both { self.q(k) } else { self.sums.get(k as usize) };
            if let Some(point) = point {
                sum = Some(match sum {
                    Some(sum) if adds => sum.add_affine(point),
                    Some(sum) => sum.sub_affine(point),
                    // Nothing is subtracted before something was added.
                    None => point.to_projective(),
                });
            }
            adds ^= !both;
        }
        sum.unwrap_or_else(G2Projective::identity)
    }
}

fn prefix_sums(points: &Points) -> Vec<G2Affine> {
    /// Bounds what lies in memory in the coordinates for computing.
    const CHUNK: usize = 1024;
    let mut sums = Vec::with_capacity(2 * points.n() as usize + 1);
    let (mut last, mut chunk) = (G2Projective::identity(), Vec::with_capacity(CHUNK));
    for k in 0..=2 * points.n() {
        if let Some(point) = points.q_at(k) {
            last = last.add_affine(point);
        }
        chunk.push(last.clone());
        if chunk.len() == CHUNK {
            sums.extend(G2Projective::batch_to_affine(&chunk));
            chunk.clear();
        }
    }
    sums.extend(G2Projective::batch_to_affine(&chunk));
    sums
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Params").field("classes", &self.classes()).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl PartialEq for Params {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Params {}
