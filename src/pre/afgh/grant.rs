//! Grants: the owner's signed permission, and the re-encryption key that it fixes.

use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::keys::{KeyName, OwnerSecret, UserSecret, VerifiedOwner, VerifiedUser};
use crate::context::{Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, label};
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::pairing::{G1Affine, G2Affine, Scalar, vartime_pairing_eq};
use crate::pok::read_g2;
use crate::pre::{DelegateError, GrantError, GrantId, GrantTerms, check_time};

/// The owner's permission that a user may read what is under one of the owner's keys. It travels as
/// [`Signed<Grant>`].
///
/// It names the key, the user and the user's point, and those fix the re-encryption key: e(A, rk) = e(P, B) has one
/// solution. So rk itself is neither signed nor logged, and no field is unsigned.
///
/// Encoded length: 4 + 16 + 32 + 32 + 96 + 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    id: GrantId,
    origin: Digest,
    user: PartyId,
    point: G2Affine,
    validity: Validity,
}

impl Grant {
    /// The grant's name.
    pub fn id(&self) -> GrantId {
        self.id
    }

    /// The owner's key that it is under.
    pub fn origin(&self) -> Digest {
        self.origin
    }

    /// Who may read.
    pub fn user(&self) -> PartyId {
        self.user
    }

    /// When.
    pub fn validity(&self) -> Validity {
        self.validity
    }
}

impl Message for Grant {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::GRANT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.id.as_bytes());
        sink.put(self.origin.as_bytes());
        sink.put(self.user.as_bytes());
        sink.put(&self.point.to_bytes());
        self.validity.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: GrantId::from_array(reader.array()?),
            origin: Digest::from_array(reader.array()?),
            user: PartyId::from_array(reader.array()?),
            point: read_g2(reader)?,
            validity: Validity::read(reader)?,
        })
    }
}

public_encoding!(Grant);

/// A grant whose signature, key and time were checked.
#[derive(Clone, Debug)]
pub struct VerifiedGrant {
    grant: Verified<Grant>,
    key: KeyName,
}

impl VerifiedGrant {
    /// The grant.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(crate) fn key(&self) -> &KeyName {
        &self.key
    }
}

impl GrantTerms for VerifiedGrant {
    fn id(&self) -> GrantId {
        self.grant.id
    }

    fn user(&self) -> PartyId {
        self.grant.user
    }

    fn origin(&self) -> Digest {
        self.grant.origin
    }

    fn validity(&self) -> Validity {
        self.grant.validity
    }

    fn digest(&self) -> Digest {
        self.grant.digest()
    }

    fn authority(&self) -> (GrantId, Digest) {
        (self.grant.id, self.grant.digest())
    }
}

/// A grant with its delegatee's secret.
pub struct UserGrant {
    grant: VerifiedGrant,
    b_inverse: Scalar,
}

impl UserGrant {
    /// Takes a grant of `user`'s.
    ///
    /// # Errors
    /// [`OpenError`] when it is another party's.
    pub(super) fn new(user: &UserSecret, grant: &VerifiedGrant) -> Result<Self, OpenError> {
        if grant.grant.user != user.user() {
            return Err(OpenError);
        }
        Ok(Self { grant: grant.clone(), b_inverse: user.b_inverse().clone() })
    }

    pub(super) fn grant(&self) -> &VerifiedGrant {
        &self.grant
    }

    pub(super) fn b_inverse(&self) -> &Scalar {
        &self.b_inverse
    }
}

impl ZeroizeOnDrop for UserGrant {}

impl fmt::Debug for UserGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserGrant").field("grant", &self.grant.id()).finish_non_exhaustive()
    }
}

/// The re-encryption key rk = a⁻¹B: a secret between owner and server, 4 + 32 + 96 bytes. Together with the
/// delegatee's secret it gives a⁻¹Q, and with that everything under the owner's key.
pub struct ReKey {
    grant: Digest,
    rk: Zeroizing<G2Affine>,
}

impl ZeroizeOnDrop for ReKey {}

impl fmt::Debug for ReKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReKey").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl Message for ReKey {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::REKEY;

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
    pub fn grant(&self) -> &Grant {
        self.grant.grant()
    }

    pub(crate) fn point(&self) -> &G2Affine {
        &self.rk
    }
}

impl ZeroizeOnDrop for VerifiedReKey {}

impl fmt::Debug for VerifiedReKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedReKey").field("grant", &self.grant.grant().id).finish_non_exhaustive()
    }
}

pub(super) fn delegate<R: TryCryptoRng + ?Sized>(
    owner: &OwnerSecret,
    signer: &SigningKey,
    user: &VerifiedUser,
    validity: &Validity,
    rng: &mut R,
) -> Result<(Signed<Grant>, [ReKey; 1]), DelegateError> {
    if signer.id() != owner.name().owner {
        return Err(DelegateError::Signer);
    }
    let origin = owner.name().origin;
    // The whole grant goes in: should the generator repeat across restarts, two different grants still have two names.
    let (start, end) = (validity.not_before().0.to_be_bytes(), validity.not_after().0.to_be_bytes());
    let (id, point) = (user.user(), user.point().to_bytes());
    let parts = [origin.as_bytes(), id.as_bytes(), point.as_slice(), &start, &end];
    let id = GrantId::from_array(signer.draw(label::AFGH_GRANT_ID, &parts, rng)?.digest().half());
    let grant = Grant { id, origin, user: user.user(), point: *user.point(), validity: *validity };
    let grant = Signed::new(signer, grant);
    let rk = Zeroizing::new(user.point().mul(owner.a_inverse()).to_affine());
    let rekey = ReKey { grant: grant.digest(), rk };
    Ok((grant, [rekey]))
}

pub(super) fn verify(
    owner: &VerifiedOwner,
    grant: &Signed<Grant>,
    now: Timestamp,
) -> Result<VerifiedGrant, GrantError> {
    let grant = grant.verify(&owner.name().owner).map_err(|_| GrantError::Signature)?;
    if grant.origin != owner.name().origin {
        return Err(GrantError::WrongKey);
    }
    check_time(&grant.validity, now)?;
    Ok(VerifiedGrant { grant, key: *owner.name() })
}

pub(super) fn verify_rekey(
    owner: &VerifiedOwner,
    grant: &VerifiedGrant,
    rekey: &ReKey,
) -> Result<VerifiedReKey, GrantError> {
    if grant.grant.origin != owner.name().origin {
        return Err(GrantError::WrongKey);
    }
    let fixed = rekey.grant == grant.grant.digest()
        && vartime_pairing_eq(&owner.name().point, &rekey.rk, &G1Affine::generator(), &grant.grant.point);
    if !fixed {
        return Err(GrantError::ReKey);
    }
    Ok(VerifiedReKey { grant: grant.clone(), rk: rekey.rk.clone() })
}
