//! Re-encryption keys, and the check that a grant fixes them.

use core::fmt;

use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::grant::VerifiedGrant;
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind};
use crate::error::DecodeError;
use crate::hash::{Digest, hash, label};
use crate::kac::VerifiedGeneration;
use crate::kem::OwnerTerms;
use crate::pairing::{G1Affine, G2Affine, G2Prepared, mul_p, mul_q, multi_pairing, q_prepared};
use crate::pok::read_g2;
use crate::pre::{GrantError, GrantTerms};

/// rk = K_S + mQ: a secret between owner and server, 4 + 32 + 96 bytes whatever the set. Together with the delegatee's
/// m it gives K_S, and with that the classes of the set, requested or not, for as long as γ lives.
pub struct ReKey {
    grant: Digest,
    rk: Zeroizing<G2Affine>,
}

impl ReKey {
    /// Bytes of the key itself.
    pub const KEY_LEN: usize = 96;

    pub(super) fn new(grant: Digest, rk: Zeroizing<G2Affine>) -> Self {
        Self { grant, rk }
    }
}

impl ZeroizeOnDrop for ReKey {}

impl fmt::Debug for ReKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReKey").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl Message for ReKey {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_REKEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.grant.as_bytes());
        sink.put(&*Zeroizing::new(self.rk.to_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { grant: Digest::from_array(reader.array()?), rk: Zeroizing::new(read_g2(reader)?) })
    }
}

impl SecretEncoding for ReKey {}

/// A re-encryption key that was checked against its grant.
pub struct VerifiedReKey {
    grant: VerifiedGrant,
    rk: Zeroizing<G2Affine>,
}

impl VerifiedReKey {
    /// The grant that the key carries out.
    pub fn grant(&self) -> &VerifiedGrant {
        &self.grant
    }

    pub(super) fn point(&self) -> &G2Affine {
        &self.rk
    }
}

impl ZeroizeOnDrop for VerifiedReKey {}

impl fmt::Debug for VerifiedReKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedReKey").field("grant", &self.grant.id()).finish_non_exhaustive()
    }
}

/// Whether e(P, rk) = e(v1, sum) · e(commitment, Q).
///
/// rk and the commitment are shifted by one multiple of the generators: lines through rk itself would stay in memory
/// that not every backend can wipe.
pub(super) fn fits(rk: &G2Affine, v1: &G1Affine, sum: &G2Affine, commitment: &G1Affine) -> bool {
    let shift = hash(label::KAPRE_SHIFT, &[&*Zeroizing::new(rk.to_bytes())]).scalar();
    let shifted = Zeroizing::new(mul_q(&shift).add_affine(rk).to_affine());
    let commitment = Zeroizing::new(mul_p(&shift).add_affine(commitment).to_affine());
    let product = multi_pairing(&[
        (&G1Affine::generator().neg(), &G2Prepared::from(&*shifted)),
        (v1, &G2Prepared::from(sum)),
        (&commitment, &q_prepared()),
    ]);
    product.is_identity().into()
}

pub(super) fn verify(
    owner: &VerifiedGeneration,
    grant: &VerifiedGrant,
    rekey: &ReKey,
) -> Result<VerifiedReKey, GrantError> {
    let checked = &*grant.0;
    if checked.owner.origin() != owner.origin() {
        return Err(GrantError::WrongKey);
    }
    if rekey.grant != checked.digest || !fits(&rekey.rk, owner.v1(), &checked.sum, &checked.commitment) {
        return Err(GrantError::ReKey);
    }
    Ok(VerifiedReKey { grant: grant.clone(), rk: rekey.rk.clone() })
}
