//! Rotation: a cloud that opens nothing moves capsules to a later generation of the owner's key.
//!
//! With Δ = γ' − γ, c2' = c2 + Δc1 = t(V1' + P_i). Nothing else of a capsule changes: neither t, π, c3, the key inside nor
//! the author's signature over a record.
//!
//! The idea is that of updatable encryption (Boneh, Lewi, Montgomery, Raghunathan, *CRYPTO* 2013); that the rotating part is
//! in no hash, and what Δ gives to whom, is ours.

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::capsule::{Capsule, same_multiple};
use super::weights::Weights;
use super::{Kac, OwnerSecret, Params, RotateError, VerifiedGeneration};
use crate::context::Context;
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind};
use crate::error::DecodeError;
use crate::hash::{Digest, Hasher, label};
use crate::kem::OwnerTerms;
use crate::pairing::{
    G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective, Scalar, mul_p, multi_pairing, q_prepared,
    vartime_msm_g1,
};
use crate::pok::read_nonzero_scalar;

/// A key-aggregate scheme whose stored capsules move to later generations of the owner's key.
///
/// What it revokes: **keys of earlier generations, for what is stored.** Aggregate keys, and re-encryption keys with their
/// masks, that somebody kept open nothing that was moved and nothing that is made after; who stays is given keys of the new
/// generation.
///
/// What it does not revoke:
///
/// * What was opened stays open: neither plaintexts nor the keys inside capsules change. Who kept such a key opens the body
///   still, unless a [layer](crate::record::Layer) is put around it.
/// * A cloud that keeps the old capsules hands them to whom it likes: for these, old keys are as good as before.
/// * Who has Δ besides an old key for a set opens that set in the new generation, and no other class.
///
/// New grants, never updated ones: an old and a new re-encryption key under one mask differ by Δ·D_S, which gives who holds
/// the old aggregate key the new one. [`Pre::delegate`](crate::pre::Pre::delegate) draws a fresh mask each time.
pub trait Rotate: Copy + fmt::Debug + 'static {
    /// Public parameters that all parties share.
    type Params: ?Sized;
    /// An owner's secret of one generation.
    type OwnerSecret: ZeroizeOnDrop + fmt::Debug;
    /// A generation whose certificate was checked.
    type VerifiedOwner: Clone + fmt::Debug;
    /// What is stored.
    type Capsule: Clone + fmt::Debug;
    /// What a cloud needs to move capsules. A secret.
    type Token: SecretEncoding + ZeroizeOnDrop + fmt::Debug;
    /// A token that was checked against the certificates of the two generations.
    type VerifiedToken: ZeroizeOnDrop + fmt::Debug;

    /// The token from one generation to a later one, of which there may be others in between.
    ///
    /// # Errors
    /// [`RotateError::Chain`] when the second does not come after the first.
    fn token(from: &Self::OwnerSecret, to: &Self::OwnerSecret) -> Result<Self::Token, RotateError>;

    /// Checks that the token leads to `newest` from a generation before it: ΔP = V1' − V1.
    ///
    /// Cost: 1 G1 fixed base.
    ///
    /// # Errors
    /// [`RotateError::Chain`], [`RotateError::Token`].
    fn verify_token(newest: &Self::VerifiedOwner, token: &Self::Token) -> Result<Self::VerifiedToken, RotateError>;

    /// Updates capsules, in the order given, and checks what comes out before anybody stores it: a capsule that was not one
    /// of its class and generation is refused, and the old one stays as it is. With the feature `rayon` on every core.
    ///
    /// Cost: 1 G1 and 2 terms of a sum in G1 each; in each 256, sorted by class, 1 pairing of a product and 1 G2 preparation
    /// a class. If one of them is bad, a two-pairing product for each.
    ///
    /// # Errors
    /// For each capsule by itself: [`RotateError::Generation`] unless it is of the token's old generation, so that nothing is
    /// updated twice; [`RotateError::Context`], [`RotateError::Capsule`].
    fn rotate(
        params: &Self::Params,
        token: &Self::VerifiedToken,
        capsules: &[(&Self::Capsule, &Context<'_>)],
    ) -> Vec<Result<Self::Capsule, RotateError>>;
}

impl Rotate for Kac {
    type Params = Params;
    type OwnerSecret = OwnerSecret;
    type VerifiedOwner = VerifiedGeneration;
    type Capsule = Capsule;
    type Token = RotationToken;
    type VerifiedToken = VerifiedToken;

    fn token(from: &OwnerSecret, to: &OwnerSecret) -> Result<RotationToken, RotateError> {
        let (from_origin, to_origin) = (from.generation().origin(), to.generation().origin());
        former(to.generation(), &from_origin)?;
        Ok(RotationToken { from: from_origin, to: to_origin, delta: to.gamma() - from.gamma() })
    }

    fn verify_token(newest: &VerifiedGeneration, token: &RotationToken) -> Result<VerifiedToken, RotateError> {
        if token.to != newest.origin() {
            return Err(RotateError::Chain);
        }
        let from = former(newest, &token.from)?;
        let difference = newest.v1().to_projective().sub(&from.v1().to_projective());
        if !bool::from(mul_p(&token.delta).ct_eq(&difference)) {
            return Err(RotateError::Token);
        }
        Ok(VerifiedToken { from: from.clone(), to: newest.clone(), delta: token.delta.clone() })
    }

    fn rotate(
        params: &Params,
        token: &VerifiedToken,
        capsules: &[(&Capsule, &Context<'_>)],
    ) -> Vec<Result<Capsule, RotateError>> {
        rotate(params, token, capsules)
    }
}

/// Δ = γ' − γ between two generations of one owner's key: a secret between owner and cloud, which erases it when its
/// capsules are updated. Encoded length: 4 + 32 + 32 + 32 bytes.
///
/// It opens nothing by itself. With an aggregate key or a re-encryption key and mask of the old generation for a set S it
/// gives that of the new one, for S and no other class: K'_S = K_S + Δ·D_S. So whoever is to be shut out must not get it.
pub struct RotationToken {
    from: Digest,
    to: Digest,
    delta: Scalar,
}

impl ZeroizeOnDrop for RotationToken {}

impl fmt::Debug for RotationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RotationToken").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

impl Message for RotationToken {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::ROTATION_TOKEN;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.from.as_bytes());
        sink.put(self.to.as_bytes());
        sink.put(&*self.delta.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (from, to) = (Digest::from_array(reader.array()?), Digest::from_array(reader.array()?));
        Ok(Self { from, to, delta: read_nonzero_scalar(reader)? })
    }
}

impl SecretEncoding for RotationToken {}

/// A token that was checked against the certificates of the two generations.
pub struct VerifiedToken {
    from: VerifiedGeneration,
    to: VerifiedGeneration,
    delta: Scalar,
}

impl VerifiedToken {
    /// The generation of the capsules that it updates.
    pub fn from(&self) -> &VerifiedGeneration {
        &self.from
    }

    /// The generation that they are under afterwards.
    pub fn to(&self) -> &VerifiedGeneration {
        &self.to
    }
}

impl ZeroizeOnDrop for VerifiedToken {}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedToken").field("from", &self.from).field("to", &self.to).finish_non_exhaustive()
    }
}

/// The generation before `newest` that has this origin.
fn former<'a>(newest: &'a VerifiedGeneration, origin: &Digest) -> Result<&'a VerifiedGeneration, RotateError> {
    newest.lineage().skip(1).find(|former| former.origin() == *origin).ok_or(RotateError::Chain)
}

/// Capsules that are checked at once; with `rayon`, what one core takes.
const BATCH: usize = 256;

/// A capsule on its way through a batch.
struct Item<'a> {
    index: usize,
    capsule: &'a Capsule,
    class: u32,
}

fn rotate(
    params: &Params,
    token: &VerifiedToken,
    capsules: &[(&Capsule, &Context<'_>)],
) -> Vec<Result<Capsule, RotateError>> {
    let mut results: Vec<_> = capsules.iter().map(|_| Err(RotateError::Capsule)).collect();
    let mut items = Vec::with_capacity(capsules.len());
    for (index, ((capsule, ctx), result)) in capsules.iter().zip(&mut results).enumerate() {
        match token.to.class_of(params, ctx) {
            None => *result = Err(RotateError::Context),
            // Another update was here, or is missing: c2 + 2Δc1 would open nothing.
            Some(_) if capsule.generation != token.from.generation() => *result = Err(RotateError::Generation),
            Some(class) => items.push(Item { index, capsule, class }),
        }
    }
    // Capsules of one class share a pairing.
    items.sort_by_key(|item| item.class);
    #[cfg(feature = "rayon")]
    let moved: Vec<_> = {
        use rayon::prelude::*;
        items.par_chunks(BATCH).flat_map_iter(|items| rotate_items(params, token, items)).collect()
    };
    #[cfg(not(feature = "rayon"))]
    let moved: Vec<_> = items.chunks(BATCH).flat_map(|items| rotate_items(params, token, items)).collect();
    for (index, capsule) in moved {
        if let (Some(result), Some(capsule)) = (results.get_mut(index), capsule) {
            *result = Ok(capsule);
        }
    }
    results
}

/// The updated capsules of one batch, sorted by class, with their places; none where the old one was not of its class.
fn rotate_items(params: &Params, token: &VerifiedToken, items: &[Item<'_>]) -> Vec<(usize, Option<Capsule>)> {
    let moved = |item: &Item<'_>| item.capsule.c1().mul(&token.delta).add_affine(item.capsule.c2());
    let moved = G1Projective::batch_to_affine(&items.iter().map(moved).collect::<Vec<_>>());
    let generation = token.to.generation();
    let updated = |(item, c2): (&Item<'_>, G1Affine)| item.capsule.moved(generation, c2);
    let updated: Vec<_> = items.iter().zip(moved).map(updated).collect();
    checked(params, &token.to, items, updated)
}

/// Those that are of their class in this generation. It is not given the token: what comes here is what is stored.
fn checked(
    params: &Params,
    generation: &VerifiedGeneration,
    items: &[Item<'_>],
    updated: Vec<Capsule>,
) -> Vec<(usize, Option<Capsule>)> {
    let fit = fit(params, generation, items, &updated);
    let fits = |item: &Item<'_>, capsule: &Capsule| {
        fit || base(params, generation, item.class)
            .is_some_and(|base| same_multiple(capsule.c2(), capsule.c1(), &base.to_affine()))
    };
    let pairs = items.iter().zip(updated);
    pairs.map(|(item, capsule)| (item.index, fits(item, &capsule).then_some(capsule))).collect()
}

/// V2 + Q_i, which c2 is a multiple of on the other side.
fn base(params: &Params, generation: &VerifiedGeneration, class: u32) -> Option<G2Projective> {
    Some(generation.v2().to_projective().add_affine(params.q(class + 1)?))
}

/// Whether e(c2, Q) = e(c1, V2 + Q_i) for all of them, as one equation with 128-bit weights: e(Σ wc2, Q) = Π_i e(Σ wc1,
/// V2 + Q_i), where the inner sum is over the capsules of a class.
fn fit(params: &Params, generation: &VerifiedGeneration, items: &[Item<'_>], updated: &[Capsule]) -> bool {
    let mut seed = Hasher::new(label::KAC_ROTATION);
    for (item, capsule) in items.iter().zip(updated) {
        seed = seed.part(&item.class.to_be_bytes()).message(capsule);
    }
    let weights = Weights::new(seed);
    let weights: Vec<_> = (0u64..).zip(updated).map(|(k, _)| weights.get(0, k)).collect();
    let of_c2: Vec<_> = updated.iter().map(Capsule::c2).zip(&weights).collect();
    let (mut sums, mut bases, mut rest) = (Vec::from([vartime_msm_g1(&of_c2).neg()]), Vec::new(), &weights[..]);
    for class in items.chunk_by(|a, b| a.class == b.class) {
        let Some((of_class, after)) = rest.split_at_checked(class.len()) else { return false };
        let Some(base) = class.first().and_then(|item| base(params, generation, item.class)) else { return false };
        sums.push(vartime_msm_g1(&class.iter().map(|item| item.capsule.c1()).zip(of_class).collect::<Vec<_>>()));
        bases.push(base);
        rest = after;
    }
    let bases: Vec<_> =
        G2Projective::batch_to_affine(&bases).iter().map(|base: &G2Affine| G2Prepared::from(base)).collect();
    let sums = G1Projective::batch_to_affine(&sums);
    let q = q_prepared();
    let terms: Vec<_> = sums.iter().zip(core::iter::once(&*q).chain(&bases)).collect();
    multi_pairing(&terms).is_identity().into()
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;
    use crate::context::{Partition, RecordId, Subject};
    use crate::identity::SigningKey;
    use crate::kac::params::unwatched;
    use crate::kac::{ClassGrid, KeyAggregate};
    use crate::kem::OwnerRoot;

    /// What rotation gives is the same where the batch is refused for nothing, and every capsule checked by itself.
    #[test]
    fn a_batch_fits_if_all_of_it_does_and_nobody_knows_its_weights_before() {
        let rng = &mut ChaCha20Rng::from_seed([1; 32]);
        let (signer, root) = (SigningKey::generate(rng), OwnerRoot::generate(rng));
        let grid = ClassGrid::new(&[Partition::MEDICAL], 3).unwrap();
        let params = Params::generate(3, &signer, rng, unwatched).unwrap();
        let (secret, _) = Kac::keygen(&params, &grid, &root, &signer, None, rng).unwrap();
        let generation = secret.generation();
        let classes = [0, 0, 1, 2, 2];
        let capsules = classes.map(|class| {
            let subject = Subject { record: RecordId::from_array([7; 16]), version: 1, author: signer.id(), aad: b"" };
            let ctx = Kac::context(generation, &grid.period(class).unwrap(), &subject).unwrap();
            Kac::encapsulate(&params, generation, &ctx, &signer, rng).unwrap().0
        });
        let items = (0..).zip(&capsules).zip(classes);
        let items: Vec<_> = items.map(|((index, capsule), class)| Item { index, capsule, class }).collect();
        assert!(fit(&params, generation, &items, &capsules));
        assert!(fit(&params, generation, &[], &[]));
        // Shifts of two c2 that cancel out under weights that somebody expects.
        let shifted = |weights: &Weights| {
            let mut shifted = capsules.clone();
            for (to, by) in [(0, weights.get(0, 3)), (3, -&weights.get(0, 0))] {
                let c2 = mul_p(&by).add_affine(capsules[to].c2()).to_affine();
                shifted[to] = capsules[to].moved(0, c2);
            }
            shifted
        };
        let seed = || Hasher::new(label::KAC_ROTATION);
        let of_classes = items.iter().fold(seed(), |seed, item| seed.part(&item.class.to_be_bytes()));
        let of_good =
            items.iter().fold(seed(), |seed, item| seed.part(&item.class.to_be_bytes()).message(item.capsule));
        for weights in [of_classes, of_good, seed()].map(Weights::new) {
            assert!(!fit(&params, generation, &items, &shifted(&weights)));
        }
        for bad in 0..classes.len() {
            let mut changed = capsules.clone();
            changed[bad] = changed[bad].moved(0, mul_p(&Scalar::from_u64(5)).to_affine());
            assert!(!fit(&params, generation, &items, &changed), "{bad}");
        }
    }
}
