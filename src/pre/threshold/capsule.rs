//! Capsules: encapsulation, the public check, opening by the owner.

use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::labels::{KeyName, OwnerSecret, VerifiedOwner};
use crate::context::Context;
use crate::encoding::{Hex, Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError, RngError};
use crate::hash::{Digest, Hasher, hash, kdf, label};
use crate::identity::SigningKey;
use crate::kem::{CapsuleError, CapsuleParts, EncapsulateError, SharedKey};
use crate::ristretto::{Element, Point, Scalar};

/// Bytes of a challenge: a proof holds by accident, or by 2¹²⁸ hashes.
pub(super) const CHALLENGE_LEN: usize = 16;
/// Bytes of the tag by which a wrong opening is noticed.
const TAG_LEN: usize = 14;

/// The challenge of a proof: the first half of a digest.
pub(super) fn challenge(hasher: Hasher) -> [u8; CHALLENGE_LEN] {
    hasher.digest().half()
}

/// An encapsulated key: c1, the tag of the key, and the proof π, 4 + 32 + 14 + 48 = 98 bytes. Nothing in it rotates.
#[derive(Clone, PartialEq, Eq)]
pub struct Capsule {
    c1: Point,
    tag: [u8; TAG_LEN],
    challenge: [u8; CHALLENGE_LEN],
    /// Public; as bytes, since no two capsules are compared in secret.
    response: [u8; 32],
}

impl Capsule {
    pub(super) fn c1(&self) -> &Point {
        &self.c1
    }
}

impl fmt::Debug for Capsule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capsule").field("c1", &self.c1).field("tag", &Hex(&self.tag)).finish_non_exhaustive()
    }
}

impl Message for Capsule {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_CAPSULE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.write_core(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (c1, tag, challenge) = (Point::read(reader)?, reader.array()?, reader.array()?);
        Ok(Self { c1, tag, challenge, response: *Scalar::read(reader)?.to_bytes() })
    }
}

impl CapsuleParts for Capsule {
    const CORE_LEN: usize = Point::LEN + TAG_LEN + CHALLENGE_LEN + 32;
    const MUTABLE_LEN: usize = 0;

    fn generation(&self) -> u32 {
        0
    }

    fn write_core(&self, sink: &mut dyn Sink) {
        sink.put(self.c1.as_bytes());
        sink.put(&self.tag);
        sink.put(&self.challenge);
        sink.put(&self.response);
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

public_encoding!(Capsule);

/// A capsule whose proof holds under the key and context that it was checked with. It cannot be decoded: whoever holds a
/// fragment checks for itself.
#[derive(Clone, Debug)]
pub struct VerifiedCapsule {
    c1: Point,
    origin: Digest,
    ctx: Digest,
}

impl VerifiedCapsule {
    pub(super) fn c1(&self) -> &Point {
        &self.c1
    }

    pub(super) fn origin(&self) -> Digest {
        self.origin
    }

    pub(super) fn ctx(&self) -> &Digest {
        &self.ctx
    }
}

/// The key and its tag, from ρA: K = KDF(ρA; c1, ctx), and another label for the tag.
struct Derived {
    key: Zeroizing<[u8; 32]>,
    tag: [u8; TAG_LEN],
}

fn derive(shared: &Element, c1: &Point, ctx: &Digest) -> Derived {
    let shared = Zeroizing::new(shared.encode());
    let parts = [c1.as_bytes().as_slice(), ctx.as_bytes()];
    let wide = kdf(label::THRESHOLD_TAG, shared.as_bytes(), &parts);
    let mut tag = [0; TAG_LEN];
    tag.iter_mut().zip(wide.iter()).for_each(|(to, from)| *to = *from);
    Derived { key: kdf(label::THRESHOLD_KEY, shared.as_bytes(), &parts), tag }
}

/// The key of a capsule from ρA, however it was come by: accepted only with the capsule's tag. A wrong key, a lying
/// server and a capsule that was changed all end here.
pub(super) fn finish(shared: &Element, capsule: &Capsule, ctx: &Digest) -> Result<SharedKey, OpenError> {
    let derived = derive(shared, &capsule.c1, ctx);
    if bool::from(derived.tag.ct_eq(&capsule.tag)) { Ok(SharedKey::new(derived.key)) } else { Err(OpenError) }
}

/// e = H(c1, R, A, tag, ctx).
fn proof_challenge(
    name: &KeyName,
    c1: &Point,
    commitment: &Point,
    tag: &[u8; TAG_LEN],
    ctx: &Digest,
) -> [u8; CHALLENGE_LEN] {
    let parts: [&[u8]; 5] = [c1.as_bytes(), commitment.as_bytes(), name.point.as_bytes(), tag, ctx.as_bytes()];
    challenge(hash(label::THRESHOLD_CAPSULE_PROOF, &parts))
}

pub(super) fn encapsulate<R: TryCryptoRng + ?Sized>(
    owner: &VerifiedOwner,
    ctx: &Context<'_>,
    author: &SigningKey,
    rng: &mut R,
) -> Result<(Capsule, SharedKey), EncapsulateError> {
    let name = owner.name();
    if !name.covers(ctx) {
        return Err(EncapsulateError::Context);
    }
    if ctx.author != author.id() {
        return Err(EncapsulateError::Author);
    }
    let ctx = ctx.digest();
    let rho = Scalar::of(author.draw(label::THRESHOLD_RHO, &[ctx.as_bytes()], rng)?).nonzero()?;
    // One draw for both: two proofs with one nonce have one ρ and one context, and with them are one proof.
    let nonce = Scalar::of(hash(label::THRESHOLD_CAPSULE_NONCE, &[&*rho.to_bytes(), ctx.as_bytes()])).nonzero()?;
    let halves = [&rho, &nonce].map(|k| Element::base(&k.halve()));
    let [c1, commitment] = *Point::doubles(&halves) else { return Err(RngError.into()) };
    let Derived { key, tag } = derive(&Zeroizing::new(owner.mul(&rho)), &c1, &ctx);
    let challenge = proof_challenge(name, &c1, &commitment, &tag, &ctx);
    let response = *(&nonce + &(&Scalar::from_half(&challenge) * &rho)).to_bytes();
    Ok((Capsule { c1, tag, challenge, response }, SharedKey::new(key)))
}

pub(super) fn verify(
    owner: &VerifiedOwner,
    capsule: &Capsule,
    ctx: &Context<'_>,
) -> Result<VerifiedCapsule, CapsuleError> {
    let name = owner.name();
    if !name.covers(ctx) {
        return Err(CapsuleError::Context);
    }
    let ctx = ctx.digest();
    let response = Scalar::read(&mut Reader::new(&capsule.response))?;
    let e = Scalar::from_half(&capsule.challenge);
    let commitment = Element::vartime_with_base(&e, &-capsule.c1.element(), &response).encode();
    // Recomputing R binds its encoding without decoding it.
    if proof_challenge(name, &capsule.c1, &commitment, &capsule.tag, &ctx) != capsule.challenge {
        return Err(CapsuleError::Proof);
    }
    Ok(VerifiedCapsule { c1: capsule.c1, origin: name.origin, ctx })
}

pub(super) fn open(owner: &OwnerSecret, capsule: &Capsule, ctx: &Context<'_>) -> Result<SharedKey, OpenError> {
    if !owner.name().covers(ctx) {
        return Err(OpenError);
    }
    finish(&Zeroizing::new(capsule.c1.mul(owner.a())), capsule, &ctx.digest())
}
