//! Re-encryption of aggregate capsules, one and many, and opening what was re-encrypted.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use super::grant::UserGrant;
use super::rekey::VerifiedReKey;
use crate::context::{Context, Timestamp};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError};
use crate::hash::label;
use crate::identity::SigningKey;
use crate::kac::{Binding, Capsule, Params, VerifiedCapsule, finish_without_c2};
use crate::kem::SharedKey;
use crate::pairing::{G1Affine, G1Projective, G2Affine, G2Prepared, G2Projective, Scalar, multi_pairing};
use crate::pok::{nonzero, read_g1, read_g2};
use crate::pre::{GrantTerms, ReencryptError, check_time, inverse};

/// A capsule re-encrypted for one delegatee: (C, E) = (τc1, τ⁻¹(rk + F_{S,i})), 4 + 48 + 96 bytes, without a GT element.
///
/// It is no capsule, so it cannot be re-encrypted again. Anyone can re-randomise it: recognise repeats by the capsule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReCapsule {
    c: G1Affine,
    e: G2Affine,
}

impl Message for ReCapsule {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_RECAPSULE;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.c.to_bytes());
        sink.put(&self.e.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { c: read_g1(reader)?, e: read_g2(reader)? })
    }
}

public_encoding!(ReCapsule);

/// Whether the grant covers the capsule at this time, under these parameters.
fn check(
    params: &Params,
    rekey: &VerifiedReKey,
    capsule: &VerifiedCapsule,
    now: Timestamp,
) -> Result<(), ReencryptError> {
    let grant = rekey.grant();
    if grant.owner().params() != params.digest() {
        return Err(ReencryptError::Scope);
    }
    if grant.origin() != capsule.origin() || !grant.set().contains(capsule.class()) {
        return Err(ReencryptError::Scope);
    }
    // A key that was verified yesterday may have expired since.
    Ok(check_time(&grant.validity(), now)?)
}

pub(super) fn reencrypt<R: TryCryptoRng + ?Sized>(
    params: &Params,
    pairs: &[(&VerifiedReKey, &VerifiedCapsule)],
    server: &SigningKey,
    now: Timestamp,
    rng: &mut R,
) -> Result<Vec<ReCapsule>, ReencryptError> {
    pairs.iter().try_for_each(|(rekey, capsule)| check(params, rekey, capsule, now))?;
    // All randomness before all else, in order: many at once draw what one after another would.
    let draws = pairs.iter().map(|(rekey, capsule)| blinding(rekey, capsule, server, rng));
    let draws = draws.collect::<Result<Vec<_>, _>>()?;
    #[cfg(feature = "rayon")]
    let blinded: Vec<_> = {
        use rayon::prelude::*;
        pairs.par_iter().zip(&draws).map(|(pair, draw)| blind(params, pair, draw)).collect()
    };
    #[cfg(not(feature = "rayon"))]
    let blinded: Vec<_> = pairs.iter().zip(&draws).map(|(pair, draw)| blind(params, pair, draw)).collect();
    let (c, e): (Vec<_>, Vec<_>) = blinded.into_iter().unzip();
    let points = G1Projective::batch_to_affine(&c).into_iter().zip(G2Projective::batch_to_affine(&e));
    Ok(points.map(|(c, e)| ReCapsule { c, e }).collect())
}

/// τ and its inverse. A known τ reveals rk + F, a repeated one relates two answers: both need the server's secret and a
/// dead generator.
fn blinding<R: TryCryptoRng + ?Sized>(
    rekey: &VerifiedReKey,
    capsule: &VerifiedCapsule,
    server: &SigningKey,
    rng: &mut R,
) -> Result<(Scalar, Scalar), ReencryptError> {
    let rk = Zeroizing::new(rekey.point().to_bytes());
    let (c1, ctx) = (capsule.capsule().c1().to_bytes(), capsule.context());
    let parts = [&rk[..], &c1, ctx.as_bytes()];
    let tau = nonzero(server.draw(label::KAPRE_BLIND, &parts, rng)?.scalar())?;
    let inverse = inverse(&tau)?;
    Ok((tau, inverse))
}

fn blind(
    params: &Params,
    (rekey, capsule): &(&VerifiedReKey, &VerifiedCapsule),
    (tau, inverse): &(Scalar, Scalar),
) -> (G1Projective, G2Projective) {
    let key = params.sum_over(&rekey.grant().0.reach, capsule.class() + 1).add_affine(rekey.point());
    (capsule.capsule().c1().mul(tau), key.mul(inverse))
}

/// Z_n^t = e(c2, D_S) · e(c1, mQ) / e(C, E).
pub(super) fn open(
    params: &Params,
    grant: &UserGrant,
    capsule: &Capsule,
    part: &ReCapsule,
    ctx: &Context<'_>,
) -> Result<SharedKey, OpenError> {
    let owner = grant.grant().owner();
    let binding = Binding::of_capsule(params, owner, capsule, ctx).ok_or(OpenError)?;
    if !grant.grant().set().contains(binding.class()) {
        return Err(OpenError);
    }
    let (c1, mq) = grant.mask().pair(capsule.c1());
    let z_n_t = multi_pairing(&[(capsule.c2(), grant.sum()), (&c1, &mq), (&part.c.neg(), &G2Prepared::from(&part.e))]);
    finish_without_c2(&binding, capsule, &z_n_t)
}
