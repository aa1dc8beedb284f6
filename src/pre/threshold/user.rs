//! Key pairs of delegatees.

use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, RngError};
use crate::hash::label;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::pre::KeyError;
use crate::ristretto::{Element, Point, Scalar};

/// A delegatee's public key bB, 4 + 32 bytes, published as [`Signed<UserKey>`]: an owner who granted to a key that a
/// server made up would hand that server everything under the granted key.
///
/// It needs no proof that its maker knows b. Whatever point it is, an owner multiplies it by a fresh secret and hashes the
/// result, and whoever does not know b learns nothing from that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserKey {
    point: Point,
}

impl Message for UserKey {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_USER_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.point.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { point: Point::read(reader)? })
    }
}

public_encoding!(UserKey);

/// A delegatee's public key whose signature was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedUser {
    user: PartyId,
    point: Point,
}

impl VerifiedUser {
    /// Whose key it is.
    pub fn user(&self) -> PartyId {
        self.user
    }

    pub(super) fn point(&self) -> &Point {
        &self.point
    }
}

/// A delegatee's secret key.
pub struct UserSecret {
    user: PartyId,
    point: Point,
    b: Scalar,
}

impl UserSecret {
    fn new(user: PartyId, b: Scalar) -> Self {
        Self { user, point: Element::base(&b).encode(), b }
    }

    pub(super) fn user(&self) -> PartyId {
        self.user
    }

    pub(super) fn point(&self) -> &Point {
        &self.point
    }

    pub(super) fn b(&self) -> &Scalar {
        &self.b
    }
}

impl ZeroizeOnDrop for UserSecret {}

impl fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSecret").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Message for UserSecret {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_USER_SECRET;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.user.as_bytes());
        sink.put(&*self.b.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::new(PartyId::from_array(reader.array()?), Scalar::read_nonzero(reader)?))
    }
}

impl SecretEncoding for UserSecret {}

pub(super) fn user_keygen<R: TryCryptoRng + ?Sized>(
    signer: &SigningKey,
    rng: &mut R,
) -> Result<(UserSecret, Signed<UserKey>), RngError> {
    let b = Scalar::of(signer.draw(label::THRESHOLD_USER_SECRET, &[], rng)?).nonzero()?;
    let secret = UserSecret::new(signer.id(), b);
    let public = Signed::new(signer, UserKey { point: secret.point });
    Ok((secret, public))
}

pub(super) fn verify_user(public: &Signed<UserKey>, user: &PartyId) -> Result<VerifiedUser, KeyError> {
    let key = public.verify(user).map_err(|_| KeyError::Signature)?;
    Ok(VerifiedUser { user: *user, point: key.point })
}
