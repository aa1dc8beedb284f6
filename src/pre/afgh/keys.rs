//! Key pairs of owners and delegatees.

use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::ZeroizeOnDrop;

use crate::context::{Context, Period, Slot};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, hash, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kem::{OwnerRoot, OwnerTerms};
#[cfg(feature = "alloc")]
use crate::pairing::G1Table;
use crate::pairing::{G1Affine, G2Affine, Scalar, mul_p, mul_q};
use crate::pok::{Proof, nonzero, read_g1, read_g2, read_nonzero_scalar};
use crate::pre::{KeyError, inverse};

/// What identifies an owner's key in contexts and grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyName {
    pub(crate) owner: PartyId,
    pub(crate) period: Period,
    pub(crate) point: G1Affine,
    /// H(owner, period, A). The certificate's proof is left out, so that a key derived again from the root has its
    /// old name.
    pub(crate) origin: Digest,
}

impl KeyName {
    fn new(owner: PartyId, period: Period, point: G1Affine) -> Self {
        let origin = period.with_parts(|partition, epoch| {
            hash(label::AFGH_ORIGIN, &[owner.as_bytes(), partition, epoch, &point.to_bytes()]).digest()
        });
        Self { owner, period, point, origin }
    }

    /// Whether `ctx` is one of this key's. Capsules are bound to owner, partition and period by this equality.
    pub(crate) fn covers(&self, ctx: &Context<'_>) -> bool {
        ctx.suite == SuiteId::Afgh
            && ctx.owner == self.owner
            && ctx.partition == self.period.partition
            && ctx.slot == Slot::Epoch(self.period.epoch)
            && ctx.params == Digest::NONE
            && ctx.origin == self.origin
            && ctx.aad.len() <= Context::MAX_AAD
    }
}

/// An owner's public key for one partition and period, with a proof that the owner knows its secret. It is published
/// as [`Signed<OwnerKey>`]; writers use it as [`VerifiedOwner`] only, since a cloud that serves a key of its own would
/// read what is written.
///
/// Encoded length: 4 + (4 + partition) + 4 + 48 + 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerKey {
    period: Period,
    point: G1Affine,
    proof: Proof,
}

impl OwnerKey {
    /// The partition and period that the key is for.
    pub fn period(&self) -> Period {
        self.period
    }
}

impl Message for OwnerKey {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::OWNER_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.period.write(sink);
        sink.put(&self.point.to_bytes());
        self.proof.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { period: Period::read(reader)?, point: read_g1(reader)?, proof: Proof::read(reader)? })
    }
}

public_encoding!(OwnerKey);

/// An owner's public key whose certificate and proof were checked.
#[derive(Clone)]
pub struct VerifiedOwner {
    name: KeyName,
    #[cfg(feature = "alloc")]
    table: Option<alloc::sync::Arc<G1Table>>,
}

impl VerifiedOwner {
    fn new(name: KeyName) -> Self {
        Self {
            name,
            #[cfg(feature = "alloc")]
            table: None,
        }
    }

    pub(crate) fn name(&self) -> &KeyName {
        &self.name
    }

    /// The partition and period that the key is for.
    pub fn period(&self) -> Period {
        self.name.period
    }

    /// Builds a table of multiples of the key, for writers of many records: it costs about as much as three
    /// encapsulations save. Clones share it.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn precompute(mut self) -> Self {
        self.table = Some(alloc::sync::Arc::new(G1Table::new(&self.name.point)));
        self
    }

    /// kA in constant time.
    pub(crate) fn mul(&self, k: &Scalar) -> G1Affine {
        #[cfg(feature = "alloc")]
        if let Some(table) = &self.table {
            return table.mul(k).to_affine();
        }
        self.name.point.mul(k).to_affine()
    }
}

impl OwnerTerms for VerifiedOwner {
    fn owner(&self) -> PartyId {
        self.name.owner
    }

    fn origin(&self) -> Digest {
        self.name.origin
    }
}

impl fmt::Debug for VerifiedOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("VerifiedOwner").field(&self.name).finish()
    }
}

/// An owner's secret key for one partition and period.
pub struct OwnerSecret {
    name: KeyName,
    a: Scalar,
    a_inverse: Scalar,
}

impl OwnerSecret {
    fn new(owner: PartyId, period: Period, a: Scalar) -> Result<Self, RngError> {
        let a_inverse = inverse(&a)?;
        Ok(Self { name: KeyName::new(owner, period, mul_p(&a).to_affine()), a, a_inverse })
    }

    /// The key pair that `root` determines, without its certificate.
    ///
    /// # Errors
    /// [`RngError`] in the one case in 2²⁵⁵ that the scalar is zero.
    pub fn derive(root: &OwnerRoot, owner: PartyId, period: &Period) -> Result<Self, RngError> {
        let a = period.with_parts(|partition, epoch| {
            hash(label::AFGH_OWNER_SECRET, &[root.expose(), owner.as_bytes(), partition, epoch]).scalar()
        });
        Self::new(owner, *period, nonzero(a)?)
    }

    pub(crate) fn name(&self) -> &KeyName {
        &self.name
    }

    pub(crate) fn a(&self) -> &Scalar {
        &self.a
    }

    pub(crate) fn a_inverse(&self) -> &Scalar {
        &self.a_inverse
    }

    /// The partition and period that the key is for.
    pub fn period(&self) -> Period {
        self.name.period
    }
}

impl ZeroizeOnDrop for OwnerSecret {}

impl fmt::Debug for OwnerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerSecret").field("period", &self.name.period).finish_non_exhaustive()
    }
}

/// Export of one key pair; the owner's [`OwnerRoot`] is the usual thing to keep.
impl Message for OwnerSecret {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::OWNER_SECRET;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.name.owner.as_bytes());
        self.name.period.write(sink);
        sink.put(&*self.a.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, period) = (PartyId::from_array(reader.array()?), Period::read(reader)?);
        Self::new(owner, period, read_nonzero_scalar(reader)?).map_err(|_| DecodeError::Scalar)
    }
}

impl SecretEncoding for OwnerSecret {}

fn owner_proof_message<T>(owner: &PartyId, period: &Period, f: impl FnOnce(&[&[u8]]) -> T) -> T {
    period.with_parts(|partition, epoch| f(&[owner.as_bytes(), partition, epoch]))
}

pub(super) fn owner_keygen<R: TryCryptoRng + ?Sized>(
    root: &OwnerRoot,
    signer: &SigningKey,
    period: &Period,
    rng: &mut R,
) -> Result<(OwnerSecret, Signed<OwnerKey>), RngError> {
    let owner = signer.id();
    let secret = OwnerSecret::derive(root, owner, period)?;
    let point = secret.name.point;
    let proof = owner_proof_message(&owner, period, |message| {
        let mul = |k: &Scalar| mul_p(k).to_affine();
        Proof::new(label::AFGH_OWNER_PROOF, &secret.a, &G1Affine::generator(), &point, message, mul, rng)
    })?;
    let certificate = Signed::new(signer, OwnerKey { period: *period, point, proof });
    Ok((secret, certificate))
}

pub(super) fn verify_owner(public: &Signed<OwnerKey>, owner: &PartyId) -> Result<VerifiedOwner, KeyError> {
    let key = public.verify(owner).map_err(|_| KeyError::Signature)?;
    let holds = owner_proof_message(owner, &key.period, |message| {
        key.proof.vartime_verify(label::AFGH_OWNER_PROOF, &G1Affine::generator(), &key.point, message)
    });
    if !holds {
        return Err(KeyError::Proof);
    }
    Ok(VerifiedOwner::new(KeyName::new(*owner, key.period, key.point)))
}

/// A delegatee's public key with a proof, bound to its id, that it knows the secret: 4 + 96 + 64 bytes. It is published
/// as [`Signed<UserKey>`]: anyone can make a key and prove it for any id, so the proof says whoever made the key knows
/// its secret, and only the signature says who that is. An owner who granted to a key that a server made up would hand
/// the server everything under the granted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserKey {
    point: G2Affine,
    proof: Proof,
}

impl Message for UserKey {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::USER_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&self.point.to_bytes());
        self.proof.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { point: read_g2(reader)?, proof: Proof::read(reader)? })
    }
}

public_encoding!(UserKey);

/// A delegatee's public key whose certificate and proof were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedUser {
    user: PartyId,
    point: G2Affine,
}

impl VerifiedUser {
    /// Whose key it is.
    pub fn user(&self) -> PartyId {
        self.user
    }

    pub(crate) fn point(&self) -> &G2Affine {
        &self.point
    }
}

/// A delegatee's secret key.
pub struct UserSecret {
    user: PartyId,
    b: Scalar,
    b_inverse: Scalar,
}

impl UserSecret {
    fn new(user: PartyId, b: Scalar) -> Result<Self, RngError> {
        let b_inverse = inverse(&b)?;
        Ok(Self { user, b, b_inverse })
    }

    pub(crate) fn user(&self) -> PartyId {
        self.user
    }

    pub(crate) fn b_inverse(&self) -> &Scalar {
        &self.b_inverse
    }
}

impl ZeroizeOnDrop for UserSecret {}

impl fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSecret").field("user", &self.user).finish_non_exhaustive()
    }
}

impl Message for UserSecret {
    const SUITE: SuiteId = SuiteId::Afgh;
    const KIND: Kind = kind::USER_SECRET;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.user.as_bytes());
        sink.put(&*self.b.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let user = PartyId::from_array(reader.array()?);
        Self::new(user, read_nonzero_scalar(reader)?).map_err(|_| DecodeError::Scalar)
    }
}

impl SecretEncoding for UserSecret {}

pub(super) fn user_keygen<R: TryCryptoRng + ?Sized>(
    signer: &SigningKey,
    rng: &mut R,
) -> Result<(UserSecret, Signed<UserKey>), RngError> {
    let user = signer.id();
    let b = nonzero(signer.draw(label::AFGH_USER_SECRET, &[], rng)?.scalar())?;
    let point = mul_q(&b).to_affine();
    let mul = |k: &Scalar| mul_q(k).to_affine();
    let message = [user.as_bytes().as_slice()];
    let proof = Proof::new(label::AFGH_USER_PROOF, &b, &G2Affine::generator(), &point, &message, mul, rng)?;
    let certificate = Signed::new(signer, UserKey { point, proof });
    Ok((UserSecret::new(user, b)?, certificate))
}

pub(super) fn verify_user(public: &Signed<UserKey>, user: &PartyId) -> Result<VerifiedUser, KeyError> {
    let key = public.verify(user).map_err(|_| KeyError::Signature)?;
    let message = [user.as_bytes().as_slice()];
    if !key.proof.vartime_verify(label::AFGH_USER_PROOF, &G2Affine::generator(), &key.point, &message) {
        return Err(KeyError::Proof);
    }
    Ok(VerifiedUser { user: *user, point: key.point })
}
