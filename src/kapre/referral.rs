//! Referral: a delegatee passes on some of what it may read, under rules that the owner set in advance.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::grant::{Checked, Grant, MaskPart, OwnerGrant, Terms, UserGrant, VerifiedGrant, verify_owner_grant};
use super::mask::SealedMask;
use super::rekey::{ReKey, VerifiedReKey};
use super::user::VerifiedUser;
use crate::context::Validity;
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::hash::{Digest, Hasher, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kac::{ClassSet, Params, VerifiedGeneration};
use crate::kem::OwnerTerms;
use crate::pairing::{G2Affine, Scalar, mul_q};
use crate::pok::read_g2;
use crate::pre::{DelegateError, GrantError, GrantId};
use crate::role::RoleCert;

/// What a delegatee states when it refers somebody: the terms, which grant they stand on, the role certificate of who is
/// referred, and the mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReferralTerms {
    terms: Terms,
    /// The name of the owner's grant.
    parent: Digest,
    role: Signed<RoleCert>,
    mask: SealedMask,
}

impl ReferralTerms {
    /// Everything but the mask: what the mask is bound to.
    fn transcript(terms: &Terms, parent: &Digest, role: &Signed<RoleCert>) -> Digest {
        let mut hasher = Hasher::new(label::KAPRE_REFERRAL);
        write_statement(terms, parent, role, &mut hasher);
        hasher.digest()
    }
}

fn write_statement(terms: &Terms, parent: &Digest, role: &Signed<RoleCert>, sink: &mut dyn Sink) {
    terms.write(sink);
    sink.put(parent.as_bytes());
    role.write(sink);
}

impl Message for ReferralTerms {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_REFERRAL_TERMS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        write_statement(&self.terms, &self.parent, &self.role, sink);
        self.mask.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            terms: Terms::read(reader)?,
            parent: Digest::from_array(reader.array()?),
            role: Signed::read(reader)?,
            mask: SealedMask::read(reader)?,
        })
    }
}

public_encoding!(ReferralTerms);

/// A referral with all that it stands on: the owner's grant to the delegatee who refers, and that one's signed terms with
/// the role certificate of who is referred.
///
/// The owner's [rules](super::Admission) say who may be referred, to which classes and for how long. Nothing is granted
/// beyond the owner's grant: neither other classes nor a longer time, and it dies with that grant. It cannot be
/// referred on.
///
/// **What it does not protect**: the classes are narrowed by the server's good will. Whoever was referred reaches,
/// together with the server, all classes of the owner's grant: what the delegatee who referred reaches with it.
///
/// Encoded length: 4 bytes + the two statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referral {
    parent: Signed<OwnerGrant>,
    terms: Signed<ReferralTerms>,
}

impl Referral {
    /// The owner's grant that it stands on, unchecked.
    pub fn parent(&self) -> &Signed<OwnerGrant> {
        &self.parent
    }

    pub(super) fn id(&self) -> GrantId {
        self.terms.unverified().terms.id
    }

    pub(super) fn digest(&self) -> Digest {
        self.terms.digest()
    }

    /// Who refers, unchecked.
    pub fn by(&self) -> PartyId {
        self.terms.signer().id()
    }

    /// Everything but the time, and whether the owner's grant is live.
    pub(super) fn verify(&self, params: &Params, owner: &VerifiedGeneration) -> Result<Checked, GrantError> {
        let parent = verify_owner_grant(params, owner, &self.parent)?;
        let signed = self.terms.verify(&parent.terms.user).map_err(|_| GrantError::Signature)?;
        if signed.terms.origin != owner.origin() || signed.parent != parent.digest {
            return Err(GrantError::WrongKey);
        }
        // Under the name of the owner's grant the referral could not be barred without that grant.
        if signed.terms.id == parent.terms.id {
            return Err(GrantError::Rules);
        }
        self.stand(&parent)
    }

    /// What becomes of it on `parent`, which it names: whether the rules there allow it.
    fn stand(&self, parent: &Checked) -> Result<Checked, GrantError> {
        let rules = self.parent.unverified().referral.as_ref().ok_or(GrantError::Rules)?;
        let ReferralTerms { terms, parent: named, role, mask } = self.terms.unverified().clone();
        rules.check(&terms.user, &role, &terms.set, &terms.validity)?;
        // An empty set says nothing; and nobody gives what it has not got.
        if terms.set.is_empty() || !terms.set.is_subset_of(&parent.terms.set) {
            return Err(GrantError::Scope);
        }
        if !terms.validity.is_within(&parent.terms.validity) {
            return Err(GrantError::TooLong);
        }
        let transcript = ReferralTerms::transcript(&terms, &named, &role);
        Ok(Checked {
            grant: Grant::Referral(Box::new(self.clone())),
            owner: parent.owner.clone(),
            terms,
            reach: parent.reach.clone(),
            sum: parent.sum,
            commitment: *mask.commitment(),
            masks: Vec::from([MaskPart { lambda: Scalar::one(), transcript, mask }]),
            authority: parent.authority,
            digest: self.digest(),
        })
    }
}

impl Message for Referral {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_REFERRAL;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.parent.write(sink);
        self.terms.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { parent: Signed::read(reader)?, terms: Signed::read(reader)? })
    }
}

public_encoding!(Referral);

/// δ = (m' − m)Q: turns the server's key for the delegatee who refers into the one for who is referred. A secret
/// between the two of them, 4 + 32 + 96 bytes. In the hands of who is referred, it opens what is re-encrypted for the
/// delegatee who refers.
pub struct ReferralKey {
    grant: Digest,
    delta: Zeroizing<G2Affine>,
}

impl ReferralKey {
    /// rk' = rk + δ, for the server, which then [checks](crate::pre::Pre::verify_rekey) it like any other.
    pub fn apply(&self, parent: &VerifiedReKey) -> ReKey {
        let rk = Zeroizing::new(parent.point().to_projective().add_affine(&self.delta).to_affine());
        ReKey::new(self.grant, rk)
    }
}

impl ZeroizeOnDrop for ReferralKey {}

impl fmt::Debug for ReferralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReferralKey").field("grant", &self.grant).finish_non_exhaustive()
    }
}

impl Message for ReferralKey {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_REFERRAL_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.grant.as_bytes());
        sink.put(&*Zeroizing::new(self.delta.to_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { grant: Digest::from_array(reader.array()?), delta: Zeroizing::new(read_g2(reader)?) })
    }
}

impl SecretEncoding for ReferralKey {}

impl UserGrant {
    /// Refers `user`, who has the role of `role`, to the classes of `set` for `validity`: the grant for everybody, and
    /// the key for the server. The owner need not be there.
    ///
    /// Cost: 1 G1 and 1 G2 fixed base, 1 HPKE seal, 2 signatures checked.
    ///
    /// # Errors
    /// [`DelegateError::Signer`] when `delegatee` is not the signing key of the grant's user,
    /// [`DelegateError::Rules`] when the owner's rules do not allow it, [`DelegateError::Rng`].
    #[allow(clippy::too_many_arguments)]
    pub fn refer<R: TryCryptoRng + ?Sized>(
        &self,
        delegatee: &SigningKey,
        user: &VerifiedUser,
        role: &Signed<RoleCert>,
        set: &ClassSet,
        validity: &Validity,
        rng: &mut R,
    ) -> Result<(VerifiedGrant, ReferralKey), DelegateError> {
        let checked = &*self.grant().0;
        let Grant::Owner(parent) = &checked.grant else { return Err(DelegateError::Rules(GrantError::Rules)) };
        if delegatee.id() != checked.terms.user {
            return Err(DelegateError::Signer);
        }
        let write = |terms: &Terms, sink: &mut dyn Sink| write_statement(terms, &checked.digest, role, sink);
        let terms = Terms::new(delegatee, checked.terms.origin, user, set, validity, write, rng)?;
        let transcript = ReferralTerms::transcript(&terms, &checked.digest, role);
        let (mask, m) = SealedMask::new(delegatee, user, &transcript, rng)?;
        let terms = Signed::new(delegatee, ReferralTerms { terms, parent: checked.digest, role: role.clone(), mask });
        let referral = Referral { parent: Signed::clone(parent), terms };
        // What the server will check of the rules, checked here: nobody is sent away with a referral that does not hold.
        let verified = referral.stand(checked).map_err(DelegateError::Rules)?;
        let delta = Zeroizing::new(mul_q(&(&m - self.mask().scalar())).to_affine());
        let key = ReferralKey { grant: verified.digest, delta };
        Ok((VerifiedGrant(alloc::sync::Arc::new(verified)), key))
    }
}
