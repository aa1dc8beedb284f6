//! Grants: the owner's own, and what is common to all.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::admission::Admission;
use super::emergency::EmergencyGrant;
use super::mask::SealedMask;
use super::referral::Referral;
use super::rekey::ReKey;
use super::user::{UserSecret, VerifiedUser};
use crate::context::{Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError};
use crate::hash::{Digest, Hasher, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kac::{self, ClassSet, OwnerSecret, Params, VerifiedGeneration};
use crate::kem::OwnerTerms;
use crate::pairing::{G1Affine, G2Affine, G2Prepared, Scalar, SecretMultipleOfQ, mul_q};
use crate::pre::{Basis, DelegateError, GrantError, GrantId, GrantTerms, check_time};

/// What every grant says, whoever makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) id: GrantId,
    /// The origin of the owner's generation, which names owner, parameters, grid and generation.
    pub(super) origin: Digest,
    pub(super) user: PartyId,
    /// The name of the user's signed key.
    pub(super) user_key: Digest,
    /// What the server re-encrypts.
    pub(super) set: ClassSet,
    pub(super) validity: Validity,
}

impl Terms {
    /// Terms for `user`, with a name that never repeats: the whole of what is stated goes into it, so should the maker's
    /// generator repeat across restarts, two different grants still have two names. `write` writes the terms and what is
    /// stated beside them.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new<R: TryCryptoRng + ?Sized>(
        maker: &SigningKey,
        origin: Digest,
        user: &VerifiedUser,
        set: &ClassSet,
        validity: &Validity,
        write: impl FnOnce(&Self, &mut dyn Sink),
        rng: &mut R,
    ) -> Result<Self, DelegateError> {
        let unnamed = GrantId::from_array([0; 16]);
        let (set, validity) = (set.clone(), *validity);
        let mut terms = Self { id: unnamed, origin, user: user.user(), user_key: user.name(), set, validity };
        let mut hasher = Hasher::new(label::KAPRE_UNNAMED);
        write(&terms, &mut hasher);
        let drawn = maker.draw(label::KAPRE_GRANT_ID, &[hasher.digest().as_bytes()], rng)?;
        terms.id = GrantId::from_array(drawn.digest().half());
        Ok(terms)
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.id.as_bytes());
        sink.put(self.origin.as_bytes());
        sink.put(self.user.as_bytes());
        sink.put(self.user_key.as_bytes());
        self.set.write(sink);
        self.validity.write(sink);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: GrantId::from_array(reader.array()?),
            origin: Digest::from_array(reader.array()?),
            user: PartyId::from_array(reader.array()?),
            user_key: Digest::from_array(reader.array()?),
            set: ClassSet::read(reader)?,
            validity: Validity::read(reader)?,
        })
    }
}

/// An owner's permission that a user reads the classes of a set, for a time, and may refer others if the owner says so;
/// public, as `Signed<OwnerGrant>`.
///
/// It carries M = mP, which fixes the re-encryption key rk = K_S + mQ without showing it, and x, from which m follows,
/// sealed to the user's HPKE key.
///
/// Encoded length: 4 + 16 + 32 + 32 + 32 + set + 16 + 1 (+ rules for referrals) + 48 + (4 + 32 or 1120) + 48 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerGrant {
    pub(super) terms: Terms,
    pub(super) referral: Option<Admission>,
    mask: SealedMask,
}

impl OwnerGrant {
    /// Everything but the mask: what the mask is bound to.
    fn transcript(terms: &Terms, referral: Option<&Admission>) -> Digest {
        let mut hasher = Hasher::new(label::KAPRE_TERMS);
        write_statement(terms, referral, &mut hasher);
        hasher.digest()
    }

    /// The classes that it covers.
    pub fn set(&self) -> &ClassSet {
        &self.terms.set
    }
}

fn write_statement(terms: &Terms, referral: Option<&Admission>, sink: &mut dyn Sink) {
    terms.write(sink);
    sink.put(&[u8::from(referral.is_some())]);
    if let Some(referral) = referral {
        referral.write(sink);
    }
}

impl Message for OwnerGrant {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_OWNER_GRANT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        write_statement(&self.terms, self.referral.as_ref(), sink);
        self.mask.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let terms = Terms::read(reader)?;
        let referral = match reader.array()? {
            [0] => None,
            [1] => Some(Admission::read(reader)?),
            _ => return Err(DecodeError::Value),
        };
        Ok(Self { terms, referral, mask: SealedMask::read(reader)? })
    }
}

public_encoding!(OwnerGrant);

/// A permission to read, with all the signatures that it stands on: public.
///
/// Encoded length: 4 + 1 bytes + the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// By the owner.
    Owner(Box<Signed<OwnerGrant>>),
    /// By a delegatee, under rules in the owner's grant.
    Referral(Box<Referral>),
    /// By trustees, under the owner's rules for emergencies.
    Emergency(Box<EmergencyGrant>),
}

impl Grant {
    /// Its name, unchecked.
    pub fn id(&self) -> GrantId {
        match self {
            Self::Owner(grant) => grant.unverified().terms.id,
            Self::Referral(grant) => grant.id(),
            Self::Emergency(grant) => grant.request().unverified().id(),
        }
    }

    /// The name of the whole statement, the same for every signature over it.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Owner(grant) => grant.digest(),
            Self::Referral(grant) => grant.digest(),
            Self::Emergency(grant) => grant.digest(),
        }
    }
}

impl Message for Grant {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_GRANT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        match self {
            Self::Owner(grant) => {
                sink.put(&[0]);
                grant.write(sink);
            }
            Self::Referral(grant) => {
                sink.put(&[1]);
                grant.write(sink);
            }
            Self::Emergency(grant) => {
                sink.put(&[2]);
                grant.write(sink);
            }
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.array()? {
            [0] => Ok(Self::Owner(Box::new(Signed::read(reader)?))),
            [1] => Ok(Self::Referral(Box::new(Referral::read(reader)?))),
            [2] => Ok(Self::Emergency(Box::new(EmergencyGrant::read(reader)?))),
            _ => Err(DecodeError::Value),
        }
    }
}

public_encoding!(Grant);

/// A grant whose signatures, generation, classes, rules and time were checked.
///
/// Whether it is still live is not in it: that is for [`LiveSet::admits`](crate::pre::LiveSet::admits).
#[derive(Clone)]
pub struct VerifiedGrant(pub(super) Arc<Checked>);

/// A part of the mask: its transcript, and what it is multiplied by in m = Σ λm_k.
pub(super) struct MaskPart {
    pub(super) lambda: Scalar,
    pub(super) transcript: Digest,
    pub(super) mask: SealedMask,
}

/// What is left of a grant of any kind once it is checked.
pub(super) struct Checked {
    pub(super) grant: Grant,
    pub(super) owner: VerifiedGeneration,
    pub(super) terms: Terms,
    /// The classes that rk reaches: those of the terms, or more where a referral narrows them.
    pub(super) reach: ClassSet,
    /// D_S of these.
    pub(super) sum: G2Affine,
    /// M = Σ λM_k.
    pub(super) commitment: G1Affine,
    pub(super) masks: Vec<MaskPart>,
    /// The owner's statement that the grant stands on.
    pub(super) authority: (GrantId, Digest),
    pub(super) digest: Digest,
}

impl VerifiedGrant {
    /// The grant.
    pub fn grant(&self) -> &Grant {
        &self.0.grant
    }

    /// The classes that it covers.
    pub fn set(&self) -> &ClassSet {
        &self.0.terms.set
    }

    /// The owner's generation that it is under.
    pub fn owner(&self) -> &VerifiedGeneration {
        &self.0.owner
    }
}

impl fmt::Debug for VerifiedGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("VerifiedGrant");
        out.field("terms", &self.0.terms).field("authority", &self.0.authority).finish_non_exhaustive()
    }
}

impl GrantTerms for VerifiedGrant {
    fn id(&self) -> GrantId {
        self.0.terms.id
    }

    fn user(&self) -> PartyId {
        self.0.terms.user
    }

    fn origin(&self) -> Digest {
        self.0.terms.origin
    }

    fn validity(&self) -> Validity {
        self.0.terms.validity
    }

    fn digest(&self) -> Digest {
        self.0.digest
    }

    fn authority(&self) -> (GrantId, Digest) {
        self.0.authority
    }

    fn basis(&self) -> Basis {
        match &self.0.grant {
            Grant::Owner(_) => Basis::Owner,
            Grant::Referral(grant) => Basis::Referral { parent: self.0.authority.0, by: grant.by() },
            Grant::Emergency(grant) => {
                Basis::Emergency { request: grant.request().digest(), approvers: grant.approvers().collect() }
            }
        }
    }
}

/// A grant as its delegatee holds it: m recovered and D_S prepared, once for all openings. About 20 kB, or 40 where the
/// backend can wipe lines through a secret point.
pub struct UserGrant {
    grant: VerifiedGrant,
    mask: SecretMultipleOfQ,
    sum: G2Prepared,
}

impl UserGrant {
    /// Opens the grant's mask with the delegatee's key and checks it against the commitment.
    ///
    /// # Errors
    /// [`OpenError`] when the grant is another user's, or its mask is not the one that it commits to.
    pub fn new(user: &UserSecret, grant: &VerifiedGrant) -> Result<Self, OpenError> {
        let checked = &*grant.0;
        if checked.terms.user != user.user() {
            return Err(OpenError);
        }
        let mut m = Scalar::zero();
        for part in &checked.masks {
            m = &m + &(&part.lambda * &part.mask.open(user, &part.transcript)?);
        }
        let (mask, sum) = (SecretMultipleOfQ::new(m), G2Prepared::from(&checked.sum));
        Ok(Self { grant: grant.clone(), mask, sum })
    }

    /// The grant.
    pub fn grant(&self) -> &VerifiedGrant {
        &self.grant
    }

    pub(super) fn mask(&self) -> &SecretMultipleOfQ {
        &self.mask
    }

    /// m, for tests of what it gives away. Together with the server's key it is K_S.
    #[cfg(feature = "hazmat")]
    pub fn hazmat_mask(&self) -> &Scalar {
        self.mask.scalar()
    }

    pub(super) fn sum(&self) -> &G2Prepared {
        &self.sum
    }
}

impl ZeroizeOnDrop for UserGrant {}

impl fmt::Debug for UserGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserGrant").field("grant", &self.grant.id()).finish_non_exhaustive()
    }
}

/// What an owner grants: which classes, when, and on which rules the user may refer others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The classes.
    pub set: ClassSet,
    /// Whom the user may refer, to which of them; nobody by default.
    pub referral: Option<Admission>,
}

impl From<ClassSet> for Scope {
    fn from(set: ClassSet) -> Self {
        Self { set, referral: None }
    }
}

pub(super) fn delegate<R: TryCryptoRng + ?Sized>(
    params: &Params,
    owner: &OwnerSecret,
    signer: &SigningKey,
    user: &VerifiedUser,
    scope: &Scope,
    validity: &Validity,
    rng: &mut R,
) -> Result<(Grant, [ReKey; 1]), DelegateError> {
    let generation = owner.generation();
    if signer.id() != generation.owner() {
        return Err(DelegateError::Signer);
    }
    let sum = kac::sum(params, generation, &scope.set).map_err(|_| DelegateError::Scope)?;
    let referral = scope.referral.as_ref();
    let write = |terms: &Terms, sink: &mut dyn Sink| write_statement(terms, referral, sink);
    let terms = Terms::new(signer, generation.origin(), user, &scope.set, validity, write, rng)?;
    let transcript = OwnerGrant::transcript(&terms, referral);
    let (mask, m) = SealedMask::new(signer, user, &transcript, rng)?;
    let grant = Signed::new(signer, OwnerGrant { terms, referral: scope.referral.clone(), mask });
    let rk = Zeroizing::new(sum.mul(owner.gamma()).add(&mul_q(&m)).to_affine());
    let rekey = ReKey::new(grant.digest(), rk);
    Ok((Grant::Owner(Box::new(grant)), [rekey]))
}

pub(super) fn verify(
    params: &Params,
    owner: &VerifiedGeneration,
    grant: &Grant,
    now: Timestamp,
) -> Result<VerifiedGrant, GrantError> {
    let checked = match grant {
        Grant::Owner(grant) => verify_owner_grant(params, owner, grant)?,
        Grant::Referral(referral) => referral.verify(params, owner)?,
        Grant::Emergency(emergency) => emergency.verify(params, owner)?,
    };
    check_time(&checked.terms.validity, now)?;
    Ok(VerifiedGrant(Arc::new(checked)))
}

/// Everything but the time.
pub(super) fn verify_owner_grant(
    params: &Params,
    owner: &VerifiedGeneration,
    signed: &Signed<OwnerGrant>,
) -> Result<Checked, GrantError> {
    let grant = signed.verify(&owner.owner()).map_err(|_| GrantError::Signature)?;
    let OwnerGrant { terms, referral, mask } = OwnerGrant::clone(&grant);
    if terms.origin != owner.origin() {
        return Err(GrantError::WrongKey);
    }
    let sum = kac::sum(params, owner, &terms.set).map_err(|_| GrantError::Scope)?.to_affine();
    let transcript = OwnerGrant::transcript(&terms, referral.as_ref());
    Ok(Checked {
        grant: Grant::Owner(Box::new(signed.clone())),
        owner: owner.clone(),
        reach: terms.set.clone(),
        sum,
        commitment: *mask.commitment(),
        masks: Vec::from([MaskPart { lambda: Scalar::one(), transcript, mask }]),
        authority: (terms.id, grant.digest()),
        digest: grant.digest(),
        terms,
    })
}
