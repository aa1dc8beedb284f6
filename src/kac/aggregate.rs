//! Aggregate keys: extraction, the public check, opening one capsule and many.

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::capsule::{Binding, Capsule, accept, c2_base, finish, mask};
use super::weights::Weights;
use super::{AggregateKeyError, ClassSet, OwnerSecret, Params, VerifiedGeneration};
use crate::context::Context;
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Hasher, hash, label};
use crate::kem::SharedKey;
use crate::pairing::{
    G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective, Scalar, msm_g1, mul_p, multi_pairing, vartime_msm_g1,
};
use crate::pok::read_g2;

/// K_S = γ·D_S with D_S = Σ_{j∈S} Q_{n+1−j}: opens every capsule of the classes in S, present and future, for as long
/// as γ lives. 4 + 96 bytes whatever S is; the set travels beside it.
///
/// It is a bearer token: whoever has it reads, copies of it cannot be told apart, and it cannot be taken back. It
/// belongs on the owner's own devices; everybody else gets a grant.
pub struct AggregateKey(Zeroizing<G2Affine>);

impl AggregateKey {
    /// Bytes of the key itself.
    pub const KEY_LEN: usize = 96;
}

impl ZeroizeOnDrop for AggregateKey {}

impl fmt::Debug for AggregateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateKey").finish_non_exhaustive()
    }
}

impl Message for AggregateKey {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::AGGREGATE_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&*Zeroizing::new(self.0.to_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(Zeroizing::new(read_g2(reader)?)))
    }
}

impl SecretEncoding for AggregateKey {}

/// An aggregate key that was checked for its set, with what opening needs of the set computed once: about 20 kB.
///
/// It holds K_S + mD_S and m, with m a hash of K_S, instead of K_S. Pairing computes lines through a point of G2 in
/// memory that not every backend can wipe; those lines are then through a point that says nothing without m.
pub struct VerifiedKey {
    generation: VerifiedGeneration,
    set: ClassSet,
    /// D_S.
    sum: G2Prepared,
    m: Scalar,
    blinded: Zeroizing<G2Affine>,
}

impl VerifiedKey {
    /// The classes that the key opens.
    pub fn set(&self) -> &ClassSet {
        &self.set
    }

    /// The generation of the owner's key that it is under.
    pub fn generation(&self) -> &VerifiedGeneration {
        &self.generation
    }

    /// Everything that can be said about a capsule without the key.
    fn binding(&self, params: &Params, capsule: &Capsule, ctx: &Context<'_>) -> Option<Binding> {
        let binding = Binding::of_capsule(params, &self.generation, capsule, ctx)?;
        self.set.contains(binding.class()).then_some(binding)
    }

    /// c2 + mc1.
    fn left(&self, capsule: &Capsule) -> G1Projective {
        capsule.c1().mul(&self.m).add_affine(capsule.c2())
    }

    /// K_S + mD_S + F_{S,i}.
    fn right(&self, params: &Params, class: u32) -> G2Projective {
        params.sum_over(&self.set, class + 1).add_affine(&self.blinded)
    }
}

impl ZeroizeOnDrop for VerifiedKey {}

impl fmt::Debug for VerifiedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("VerifiedKey");
        out.field("generation", &self.generation).field("set", &self.set).finish_non_exhaustive()
    }
}

/// D_S, if the set is one of this generation's: not empty, and within the grid.
pub(crate) fn sum(
    params: &Params,
    generation: &VerifiedGeneration,
    set: &ClassSet,
) -> Result<G2Projective, AggregateKeyError> {
    if params.digest() != generation.params() {
        return Err(AggregateKeyError::Params);
    }
    if set.last().is_none_or(|last| last >= generation.grid().classes()) {
        return Err(AggregateKeyError::Set);
    }
    Ok(params.sum_over(set, 0))
}

pub(super) fn extract(
    params: &Params,
    secret: &OwnerSecret,
    set: &ClassSet,
) -> Result<AggregateKey, AggregateKeyError> {
    let sum = sum(params, secret.generation(), set)?;
    Ok(AggregateKey(Zeroizing::new(sum.mul(secret.gamma()).to_affine())))
}

/// e(P, K_S) = e(V1, D_S), in the blinded form e(P, K_S + mD_S) = e(V1 + mP, D_S).
pub(super) fn verify(
    params: &Params,
    generation: &VerifiedGeneration,
    set: &ClassSet,
    key: &AggregateKey,
) -> Result<VerifiedKey, AggregateKeyError> {
    let sum = sum(params, generation, set)?.to_affine();
    let bytes = Zeroizing::new(key.0.to_bytes());
    let m = hash(label::KAC_KEY_BLIND, &[&*bytes, &sum.to_bytes()]).scalar();
    let blinded = Zeroizing::new(sum.mul(&m).add_affine(&key.0).to_affine());
    let left = Zeroizing::new(mul_p(&m).add_affine(generation.v1()).to_affine());
    // The lines through D_S are needed again for every capsule.
    let sum = G2Prepared::from(&sum);
    let product = multi_pairing(&[(&left, &sum), (&G1Affine::generator().neg(), &G2Prepared::from(&*blinded))]);
    if !bool::from(product.is_identity()) {
        return Err(AggregateKeyError::Key);
    }
    let (generation, set) = (generation.clone(), set.clone());
    Ok(VerifiedKey { generation, set, sum, m, blinded })
}

/// Z_n^t = e(c2, D_S) / e(c1, K_S + F_{S,i}) = e(c2 + mc1, D_S) · e(−c1, K_S + mD_S + F_{S,i}).
pub(super) fn open(
    params: &Params,
    key: &VerifiedKey,
    capsule: &Capsule,
    ctx: &Context<'_>,
) -> Result<SharedKey, OpenError> {
    let binding = key.binding(params, capsule, ctx).ok_or(OpenError)?;
    let left = Zeroizing::new(key.left(capsule).to_affine());
    let right = Zeroizing::new(key.right(params, binding.class()).to_affine());
    let z_n_t = multi_pairing(&[(&left, &key.sum), (&capsule.c1().neg(), &G2Prepared::from(&*right))]);
    finish(params, &key.generation, &binding, capsule, &z_n_t)
}

/// Capsules whose points are brought to affine coordinates, and checked, at once; with `rayon`, what one core takes.
const BATCH: usize = 256;

/// A capsule on its way through a batch.
struct Item<'a> {
    index: usize,
    capsule: &'a Capsule,
    binding: Binding,
}

/// What decryption gave and the check has yet to accept.
struct Candidate {
    sigma: Zeroizing<[u8; 32]>,
    t: Scalar,
}

pub(super) fn open_batch(
    params: &Params,
    key: &VerifiedKey,
    capsules: &[(&Capsule, &Context<'_>)],
) -> Vec<Result<SharedKey, OpenError>> {
    let mut results: Vec<_> = capsules.iter().map(|_| Err(OpenError)).collect();
    let mut items: Vec<_> = capsules
        .iter()
        .enumerate()
        .filter_map(|(index, (capsule, ctx))| {
            Some(Item { index, capsule, binding: key.binding(params, capsule, ctx)? })
        })
        .collect();
    // Capsules of one class share F_{S,i} and its lines.
    items.sort_by_key(|item| item.binding.class());
    #[cfg(feature = "rayon")]
    let opened: Vec<_> = {
        use rayon::prelude::*;
        items.par_chunks(BATCH).flat_map_iter(|items| open_items(params, key, items)).collect()
    };
    #[cfg(not(feature = "rayon"))]
    let opened: Vec<_> = items.chunks(BATCH).flat_map(|items| open_items(params, key, items)).collect();
    for (index, result) in opened {
        if let Some(slot) = results.get_mut(index) {
            *slot = result;
        }
    }
    results
}

/// The results of one batch, sorted by class, with their places.
fn open_items(params: &Params, key: &VerifiedKey, items: &[Item<'_>]) -> Vec<(usize, Result<SharedKey, OpenError>)> {
    let candidates = decrypt(params, key, items);
    let pairs = items.iter().zip(&candidates);
    if check(params, key, items, &candidates) {
        pairs.map(|(item, c)| (item.index, Ok(item.binding.shared_key(&c.sigma, item.capsule)))).collect()
    } else {
        // Somebody's capsule is bad; whose, a check of each tells.
        let generation = &key.generation;
        let each =
            |item: &Item<'_>, c: &Candidate| accept(params, generation, &item.binding, item.capsule, &c.sigma, &c.t);
        pairs.map(|(item, candidate)| (item.index, each(item, candidate))).collect()
    }
}

/// The capsules' σ and t, for capsules sorted by class.
fn decrypt(params: &Params, key: &VerifiedKey, items: &[Item<'_>]) -> Vec<Candidate> {
    let lefts: Vec<_> = items.iter().map(|item| key.left(item.capsule)).collect();
    let lefts = Zeroizing::new(G1Projective::batch_to_affine(&lefts));
    let by_class = || items.chunk_by(|a, b| a.binding.class() == b.binding.class());
    let rights: Vec<_> =
        by_class().flat_map(<[_]>::first).map(|item| key.right(params, item.binding.class())).collect();
    let rights = Zeroizing::new(G2Projective::batch_to_affine(&rights));
    let mut lefts = lefts.iter();
    let mut candidates = Vec::with_capacity(items.len());
    for (group, right) in by_class().zip(rights.iter()) {
        let right = G2Prepared::from(right);
        for (item, left) in group.iter().zip(&mut lefts) {
            let z_n_t = multi_pairing(&[(left, &key.sum), (&item.capsule.c1().neg(), &right)]);
            let sigma = mask(&item.capsule.c3, &z_n_t);
            candidates.push(Candidate { t: item.binding.t(&sigma), sigma });
        }
    }
    candidates
}

/// Whether c1 = tP and c2 = t(V1 + P_i) for all of them, as one equation with 128-bit weights:
/// Σ wc1 + w'c2 = (Σ wt)P + Σ_i (Σ w't)(V1 + P_i), where the inner sum is over the capsules of a class.
///
/// The weights are a hash of all that is checked, so whoever made the capsules had to fix them before.
fn check(params: &Params, key: &VerifiedKey, items: &[Item<'_>], candidates: &[Candidate]) -> bool {
    let mut seed = Hasher::new(label::KAC_BATCH);
    for item in items {
        seed = seed.message(item.capsule).part(item.binding.ctx().as_bytes());
    }
    let weights = Weights::new(seed);
    let mut public = Vec::with_capacity(2 * items.len());
    let (mut of_p, mut bases, mut of_bases) = (Scalar::zero(), Vec::new(), Vec::new());
    let mut pairs = (0u64..).zip(items.iter().zip(candidates)).peekable();
    while let Some((_, (first, _))) = pairs.peek() {
        let class = first.binding.class();
        let mut of_base = Scalar::zero();
        while let Some((i, (item, candidate))) = pairs.next_if(|(_, (item, _))| item.binding.class() == class) {
            let (w1, w2) = (weights.get(0, i), weights.get(1, i));
            of_p = &of_p + &(&w1 * &candidate.t);
            of_base = &of_base + &(&w2 * &candidate.t);
            public.extend([(item.capsule.c1(), w1), (item.capsule.c2(), w2)]);
        }
        bases.push(c2_base(params, &key.generation, class));
        of_bases.push(of_base);
    }
    let terms: Vec<_> = public.iter().map(|(point, weight)| (*point, weight)).collect();
    let bases = G1Projective::batch_to_affine(&bases);
    let secret: Vec<_> = bases.iter().zip(&of_bases).collect();
    let expected = mul_p(&of_p).add(&msm_g1(&secret));
    vartime_msm_g1(&terms).ct_eq(&expected).into()
}
