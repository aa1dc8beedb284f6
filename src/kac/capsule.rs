//! Capsules: encapsulation, the public check, opening by the owner.

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{OwnerSecret, Params, VerifiedGeneration};
use crate::context::Context;
use crate::encoding::{Hex, Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, hash, kdf, label};
use crate::identity::SigningKey;
use crate::kem::{CapsuleError, CapsuleParts, EncapsulateError, OwnerTerms, SharedKey};
use crate::pairing::{
    G1Affine, G1Projective, G2Affine, G2Prepared, Gt, Scalar, mul_p, multi_pairing, pairing, q_prepared,
};
use crate::pok::{Proof, nonzero, read_g1};

/// An encapsulated key of one class, 4 + 196 bytes.
///
/// c1 ∈ G1, the masked σ and the proof π never change. The generation and c2 ∈ G1 do when the owner's key rotates: no
/// hash and no signature covers them, and the pairing e(c2, Q) = e(c1, V2 + Q_i) fixes them.
#[derive(Clone, PartialEq, Eq)]
pub struct Capsule {
    c1: G1Affine,
    pub(super) c3: [u8; 32],
    proof: Proof,
    pub(super) generation: u32,
    pub(super) c2: G1Affine,
}

impl Capsule {
    pub(crate) fn c1(&self) -> &G1Affine {
        &self.c1
    }

    pub(crate) fn c2(&self) -> &G1Affine {
        &self.c2
    }

    /// With another rotating part.
    pub(super) fn moved(&self, generation: u32, c2: G1Affine) -> Self {
        Self { generation, c2, ..self.clone() }
    }
}

impl core::fmt::Debug for Capsule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut out = f.debug_struct("Capsule");
        out.field("c1", &self.c1).field("c3", &Hex(&self.c3)).field("generation", &self.generation);
        out.field("c2", &self.c2).finish_non_exhaustive()
    }
}

impl Message for Capsule {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::AGGREGATE_CAPSULE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.write_core(sink);
        self.write_mutable(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            c1: read_g1(reader)?,
            c3: reader.array()?,
            proof: Proof::read(reader)?,
            generation: reader.u32()?,
            c2: read_g1(reader)?,
        })
    }
}

impl CapsuleParts for Capsule {
    const CORE_LEN: usize = 48 + 32 + Proof::LEN;
    const MUTABLE_LEN: usize = 4 + 48;

    fn generation(&self) -> u32 {
        self.generation
    }

    fn write_core(&self, sink: &mut dyn Sink) {
        sink.put(&self.c1.to_bytes());
        sink.put(&self.c3);
        self.proof.write(sink);
    }

    fn write_mutable(&self, sink: &mut dyn Sink) {
        sink.put(&self.generation.to_be_bytes());
        sink.put(&self.c2.to_bytes());
    }

    fn from_parts(core: &[u8], mutable: &[u8]) -> Result<Self, DecodeError> {
        if core.len() != Self::CORE_LEN {
            return Err(DecodeError::Length);
        }
        let (mut core, mut mutable) = (Reader::new(core), Reader::new(mutable));
        let capsule = Self {
            c1: read_g1(&mut core)?,
            c3: core.array()?,
            proof: Proof::read(&mut core)?,
            generation: mutable.u32()?,
            c2: read_g1(&mut mutable)?,
        };
        mutable.finish()?;
        Ok(capsule)
    }
}

public_encoding!(Capsule);

/// A capsule that passed its public checks under a generation and a context. It cannot be decoded: whoever uses a
/// secret on a capsule checks for itself.
#[derive(Clone, Debug)]
pub struct VerifiedCapsule {
    capsule: Capsule,
    origin: Digest,
    class: u32,
    ctx: Digest,
}

impl VerifiedCapsule {
    /// The capsule.
    pub fn capsule(&self) -> &Capsule {
        &self.capsule
    }

    /// The origin of the generation that it was checked under: that of its mutable part.
    pub fn origin(&self) -> Digest {
        self.origin
    }

    /// Its class.
    pub fn class(&self) -> u32 {
        self.class
    }

    /// The digest of the context that it was checked with.
    pub fn context(&self) -> Digest {
        self.ctx
    }
}

/// What capsules of a class and context are bound to: the parts of every hash.
pub(crate) struct Binding {
    params: Digest,
    owner: [u8; 32],
    class: u32,
    ctx: Digest,
}

impl Binding {
    /// `None` unless `ctx` is a context of `generation` or of one before, under these parameters.
    pub(super) fn new(params: &Params, generation: &VerifiedGeneration, ctx: &Context<'_>) -> Option<Self> {
        let class = generation.class_of(params, ctx)?;
        let (params, owner) = (params.digest(), *generation.owner().as_bytes());
        Some(Self { params, owner, class, ctx: ctx.digest() })
    }

    /// The same, and `None` for a capsule whose mutable part is under another generation.
    pub(crate) fn of_capsule(
        params: &Params,
        generation: &VerifiedGeneration,
        capsule: &Capsule,
        ctx: &Context<'_>,
    ) -> Option<Self> {
        Self::new(params, generation, ctx).filter(|_| capsule.generation == generation.generation())
    }

    /// The class.
    pub(crate) fn class(&self) -> u32 {
        self.class
    }

    /// The digest of the context.
    pub(super) fn ctx(&self) -> &Digest {
        &self.ctx
    }

    /// t = H_s(σ, params digest, owner id, i, ctx). The class is in it, so one t never serves two classes.
    pub(super) fn t(&self, sigma: &[u8; 32]) -> Scalar {
        let i = (self.class + 1).to_be_bytes();
        hash(label::KAC_T, &[sigma, self.params.as_bytes(), &self.owner, &i, self.ctx.as_bytes()]).scalar()
    }

    /// What π is bound to.
    fn with_message<T>(&self, c3: &[u8; 32], f: impl FnOnce(&[&[u8]]) -> T) -> T {
        let i = (self.class + 1).to_be_bytes();
        f(&[self.params.as_bytes(), &self.owner, &i, c3, self.ctx.as_bytes()])
    }

    /// K = KDF(σ, c1, c3, ctx).
    pub(super) fn shared_key(&self, sigma: &[u8; 32], capsule: &Capsule) -> SharedKey {
        let parts = [&capsule.c1.to_bytes()[..], &capsule.c3, self.ctx.as_bytes()];
        SharedKey::new(kdf(label::KAC_KEY, sigma, &parts))
    }
}

/// σ ⊕ KDF(Z_n^t), which is its own inverse.
pub(super) fn mask(sigma: &[u8; 32], z_n_t: &Gt) -> Zeroizing<[u8; 32]> {
    let mut out = kdf(label::KAC_MASK, &*z_n_t.to_hash_bytes(), &[]);
    out.iter_mut().zip(sigma).for_each(|(byte, s)| *byte ^= s);
    out
}

/// V1 + P_i, which c2 is a multiple of. The class is one of the grid's, which fits the parameters.
pub(super) fn c2_base(params: &Params, generation: &VerifiedGeneration, class: u32) -> G1Projective {
    params.p(class).map_or_else(G1Projective::identity, |p| generation.v1().to_projective().add_affine(p))
}

/// Whether e(a, Q) = e(b, q).
pub(super) fn same_multiple(a: &G1Affine, b: &G1Affine, q: &G2Affine) -> bool {
    multi_pairing(&[(a, &q_prepared()), (&b.neg(), &G2Prepared::from(q))]).is_identity().into()
}

pub(super) fn encapsulate<R: TryCryptoRng + ?Sized>(
    params: &Params,
    generation: &VerifiedGeneration,
    ctx: &Context<'_>,
    author: &SigningKey,
    rng: &mut R,
) -> Result<(Capsule, SharedKey), EncapsulateError> {
    let binding = Binding::new(params, generation, ctx).ok_or(EncapsulateError::Context)?;
    if ctx.origin != generation.origin() {
        return Err(EncapsulateError::Context);
    }
    if ctx.author != author.id() {
        return Err(EncapsulateError::Author);
    }
    let sigma = author.draw(label::KAC_SIGMA, &[binding.ctx.as_bytes()], rng)?.digest();
    let sigma = Zeroizing::new(*sigma.as_bytes());
    let t = nonzero(binding.t(&sigma))?;
    let c1 = mul_p(&t).to_affine();
    let c2 = c2_base(params, generation, binding.class).mul(&t).to_affine();
    let c3 = *mask(&sigma, &params.z_n_pow(&t));
    let (base, mul) = (G1Affine::generator(), |k: &Scalar| mul_p(k).to_affine());
    let proof =
        binding.with_message(&c3, |message| Proof::new(label::KAC_CAPSULE_PROOF, &t, &base, &c1, message, mul, rng))?;
    let capsule = Capsule { c1, c3, proof, generation: generation.generation(), c2 };
    let key = binding.shared_key(&sigma, &capsule);
    Ok((capsule, key))
}

pub(super) fn verify(
    params: &Params,
    generation: &VerifiedGeneration,
    capsule: &Capsule,
    ctx: &Context<'_>,
) -> Result<VerifiedCapsule, CapsuleError> {
    let binding = Binding::new(params, generation, ctx).ok_or(CapsuleError::Context)?;
    if capsule.generation != generation.generation() {
        return Err(CapsuleError::Mutable);
    }
    let base = G1Affine::generator();
    let holds = binding.with_message(&capsule.c3, |message| {
        capsule.proof.vartime_verify(label::KAC_CAPSULE_PROOF, &base, &capsule.c1, message)
    });
    if !holds {
        return Err(CapsuleError::Proof);
    }
    // The grid fits the parameters, so the class has its Q_i.
    let q_i = params.q(binding.class + 1).ok_or(CapsuleError::Context)?;
    let right = generation.v2().to_projective().add_affine(q_i).to_affine();
    if !same_multiple(&capsule.c2, &capsule.c1, &right) {
        return Err(CapsuleError::Mutable);
    }
    let (origin, Binding { class, ctx, .. }) = (generation.origin(), binding);
    Ok(VerifiedCapsule { capsule: capsule.clone(), origin, class, ctx })
}

pub(super) fn open(
    params: &Params,
    secret: &OwnerSecret,
    capsule: &Capsule,
    ctx: &Context<'_>,
) -> Result<SharedKey, OpenError> {
    let generation = secret.generation();
    let binding = Binding::of_capsule(params, generation, capsule, ctx).ok_or(OpenError)?;
    // Q_{n+1−i}
    let q = params.q(params.classes() - binding.class).ok_or(OpenError)?;
    let point = capsule.c2.to_projective().sub(&capsule.c1.mul(secret.gamma()));
    // tP_i, which must not outlive this call: with it, Z_n^t is public.
    let point = Zeroizing::new(point.to_affine());
    finish(params, generation, &binding, capsule, &pairing(&point, q))
}

/// From Z_n^t to the key: unmask σ, and [`accept`] it.
pub(super) fn finish(
    params: &Params,
    generation: &VerifiedGeneration,
    binding: &Binding,
    capsule: &Capsule,
    z_n_t: &Gt,
) -> Result<SharedKey, OpenError> {
    let sigma = mask(&capsule.c3, z_n_t);
    let t = binding.t(&sigma);
    accept(params, generation, binding, capsule, &sigma, &t)
}

/// The same without c2, for who got Z_n^t with a server's help: c2 is in no hash, and a server that makes up for a
/// changed one in its answer opens the same key.
pub(crate) fn finish_without_c2(binding: &Binding, capsule: &Capsule, z_n_t: &Gt) -> Result<SharedKey, OpenError> {
    let sigma = mask(&capsule.c3, z_n_t);
    let c1 = mul_p(&binding.t(&sigma)).ct_eq(&capsule.c1.to_projective());
    if bool::from(c1) { Ok(binding.shared_key(&sigma, capsule)) } else { Err(OpenError) }
}

/// The key, if the capsule is the one that σ makes for this class, context and generation. Wrong keys and tampered
/// capsules all end here, in the same error.
pub(super) fn accept(
    params: &Params,
    generation: &VerifiedGeneration,
    binding: &Binding,
    capsule: &Capsule,
    sigma: &[u8; 32],
    t: &Scalar,
) -> Result<SharedKey, OpenError> {
    // Compared in the coordinates for computing: an inversion costs more than the comparison.
    let c1 = mul_p(t).ct_eq(&capsule.c1.to_projective());
    let c2 = c2_base(params, generation, binding.class).mul(t).ct_eq(&capsule.c2.to_projective());
    if bool::from(c1 & c2) { Ok(binding.shared_key(sigma, capsule)) } else { Err(OpenError) }
}
