//! Capsules: encapsulation, the public check, re-encryption, opening.

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::grant::{UserGrant, VerifiedReKey};
use super::keys::{KeyName, OwnerSecret, VerifiedOwner};
use crate::context::{Context, Timestamp};
use crate::encoding::{Hex, Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, hash, kdf, label};
use crate::identity::SigningKey;
use crate::kem::{CapsuleError, CapsuleParts, EncapsulateError, SharedKey};
use crate::pairing::{G1Affine, G1Projective, G2Affine, Gt, Scalar, mul_p, pairing, z_pow};
use crate::pok::{Proof, nonzero, read_g1, read_g2};
use crate::pre::{ReencryptError, check_time, inverse};

/// An encapsulated key: c1 ∈ G1, the masked σ, and the proof π, 4 + 48 + 32 + 64 bytes. Nothing in it rotates.
#[derive(Clone, PartialEq, Eq)]
pub struct Capsule {
    c1: G1Affine,
    c3: [u8; 32],
    proof: Proof,
}

impl core::fmt::Debug for Capsule {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Capsule").field("c1", &self.c1).field("c3", &Hex(&self.c3)).finish_non_exhaustive()
    }
}

impl Message for Capsule {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::CAPSULE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.write_core(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { c1: read_g1(reader)?, c3: reader.array()?, proof: Proof::read(reader)? })
    }
}

impl CapsuleParts for Capsule {
    const CORE_LEN: usize = 48 + 32 + Proof::LEN;
    const MUTABLE_LEN: usize = 0;

    fn generation(&self) -> u32 {
        0
    }

    fn write_core(&self, sink: &mut dyn Sink) {
        sink.put(&self.c1.to_bytes());
        sink.put(&self.c3);
        self.proof.write(sink);
    }

    fn write_mutable(&self, _: &mut dyn Sink) {}

    fn from_parts(core: &[u8], mutable: &[u8]) -> Result<Self, DecodeError> {
        Reader::new(mutable).finish()?;
        let mut reader = Reader::new(core);
        let capsule = Self::decode_body(&mut reader)?;
        reader.finish()?;
        Ok(capsule)
    }
}

/// A capsule whose proof holds under the key and context that it was checked with. It cannot be decoded: whoever
/// holds a re-encryption key checks for itself.
#[derive(Clone, Debug)]
pub struct VerifiedCapsule {
    capsule: Capsule,
    origin: Digest,
    ctx: Digest,
}

/// A capsule re-encrypted for one delegatee: (τc1, τ⁻¹rk), 4 + 48 + 96 bytes, without a GT element.
///
/// It is no capsule, so it cannot be re-encrypted again:
///
/// ```compile_fail,E0308
/// # use sesphr::{context::Context, pre::{Pre, afgh::*}};
/// fn second_hop(owner: &VerifiedOwner, part: &ReCapsule, ctx: &Context<'_>) {
///     let _ = Afgh::verify_capsule(&(), owner, part, ctx);
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReCapsule {
    c: G1Affine,
    e: G2Affine,
}

impl Message for ReCapsule {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::RECAPSULE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.c.to_bytes());
        sink.put(&self.e.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { c: read_g1(reader)?, e: read_g2(reader)? })
    }
}

public_encoding!(Capsule, ReCapsule);

/// ρ = H_s(σ, A, ctx).
fn rho(sigma: &[u8; 32], key: &KeyName, ctx: &Digest) -> Scalar {
    hash(label::AFGH_RHO, &[sigma, &key.point.to_bytes(), ctx.as_bytes()]).scalar()
}

/// σ ⊕ KDF(Z^ρ), which is its own inverse.
fn mask(sigma: &[u8; 32], z_rho: &Gt) -> Zeroizing<[u8; 32]> {
    let mut out = kdf(label::AFGH_MASK, &*z_rho.to_hash_bytes(), &[]);
    out.iter_mut().zip(sigma).for_each(|(byte, s)| *byte ^= s);
    out
}

/// K = KDF(σ, c1, c3, ctx).
fn shared_key(sigma: &[u8; 32], c1: &G1Affine, c3: &[u8; 32], ctx: &Digest) -> SharedKey {
    SharedKey::new(kdf(label::AFGH_KEY, sigma, &[&c1.to_bytes(), c3, ctx.as_bytes()]))
}

pub(super) fn encapsulate<R: TryCryptoRng + ?Sized>(
    owner: &VerifiedOwner,
    ctx: &Context<'_>,
    author: &SigningKey,
    rng: &mut R,
) -> Result<(Capsule, SharedKey), EncapsulateError> {
    if !owner.name().covers(ctx) {
        return Err(EncapsulateError::Context);
    }
    if ctx.author != author.id() {
        return Err(EncapsulateError::Author);
    }
    let ctx = ctx.digest();
    let sigma = Zeroizing::new(*author.draw(label::AFGH_SIGMA, &[ctx.as_bytes()], rng)?.digest().as_bytes());
    let rho = nonzero(rho(&sigma, owner.name(), &ctx))?;
    let c1 = owner.mul(&rho);
    let c3 = *mask(&sigma, &z_pow(&rho));
    let message = [c3.as_slice(), ctx.as_bytes()];
    let mul = |k: &Scalar| owner.mul(k);
    let proof = Proof::new(label::AFGH_CAPSULE_PROOF, &rho, &owner.name().point, &c1, &message, mul, rng)?;
    let key = shared_key(&sigma, &c1, &c3, &ctx);
    Ok((Capsule { c1, c3, proof }, key))
}

pub(super) fn verify(
    owner: &VerifiedOwner,
    capsule: &Capsule,
    ctx: &Context<'_>,
) -> Result<VerifiedCapsule, CapsuleError> {
    if !owner.name().covers(ctx) {
        return Err(CapsuleError::Context);
    }
    let digest = ctx.digest();
    let message = [capsule.c3.as_slice(), digest.as_bytes()];
    let (base, image) = (&owner.name().point, &capsule.c1);
    if !capsule.proof.vartime_verify(label::AFGH_CAPSULE_PROOF, base, image, &message) {
        return Err(CapsuleError::Proof);
    }
    Ok(VerifiedCapsule { capsule: capsule.clone(), origin: owner.name().origin, ctx: digest })
}

pub(super) fn reencrypt<R: TryCryptoRng + ?Sized>(
    rekey: &VerifiedReKey,
    capsule: &VerifiedCapsule,
    server: &SigningKey,
    now: Timestamp,
    rng: &mut R,
) -> Result<ReCapsule, ReencryptError> {
    if rekey.grant().origin() != capsule.origin {
        return Err(ReencryptError::Scope);
    }
    // A key that was verified yesterday may have expired since.
    check_time(&rekey.grant().validity(), now)?;
    let rk = Zeroizing::new(rekey.point().to_bytes());
    let c1 = capsule.capsule.c1.to_bytes();
    // A known τ reveals rk, a repeated one relates two answers: both need the server's secret and a dead generator.
    let tau = nonzero(server.draw(label::AFGH_BLIND, &[&*rk, &c1, capsule.ctx.as_bytes()], rng)?.scalar())?;
    let c = capsule.capsule.c1.mul(&tau).to_affine();
    let e = rekey.point().mul(&inverse(&tau)?).to_affine();
    Ok(ReCapsule { c, e })
}

pub(super) fn open(owner: &OwnerSecret, capsule: &Capsule, ctx: &Context<'_>) -> Result<SharedKey, OpenError> {
    // ρP, which must not outlive this call: with it, Z^ρ is public.
    let point = Zeroizing::new(capsule.c1.mul(owner.a_inverse()).to_affine());
    // ρA = (ρa)P, through the generator's table.
    let mul = |rho: &Scalar| mul_p(&(rho * owner.a()));
    finish(owner.name(), &pairing(&point, &G2Affine::generator()), mul, capsule, ctx)
}

pub(super) fn open_reencrypted(
    grant: &UserGrant,
    capsule: &Capsule,
    parts: &[ReCapsule],
    ctx: &Context<'_>,
) -> Result<SharedKey, OpenError> {
    let [part] = parts else { return Err(OpenError) };
    let point = Zeroizing::new(part.c.mul(grant.b_inverse()).to_affine());
    let key = grant.grant().key();
    finish(key, &pairing(&point, &part.e), |rho| key.point.mul(rho), capsule, ctx)
}

/// From Z^ρ to the key: unmask σ, and accept it only if the capsule is the one that σ makes under this key and
/// context; `mul` multiplies A in constant time. A wrong key, a lying server and a tampered capsule all end here, in the same error.
fn finish(
    key: &KeyName,
    z_rho: &Gt,
    mul: impl FnOnce(&Scalar) -> G1Projective,
    capsule: &Capsule,
    ctx: &Context<'_>,
) -> Result<SharedKey, OpenError> {
    if !key.covers(ctx) {
        return Err(OpenError);
    }
    let ctx = ctx.digest();
    let sigma = mask(&capsule.c3, z_rho);
    // Compared in the coordinates for computing: an inversion costs more than the rest of this function.
    let c1 = mul(&rho(&sigma, key, &ctx));
    if !bool::from(c1.ct_eq(&capsule.c1.to_projective())) {
        return Err(OpenError);
    }
    Ok(shared_key(&sigma, &capsule.c1, &capsule.c3, &ctx))
}
