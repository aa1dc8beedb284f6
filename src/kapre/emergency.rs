//! Break-glass: t of m trustees let somebody in while the owner cannot act.
//!
//! The owner has dealt its secret γ to [trustees](crate::kac::trustees) and signed [`EmergencyRules`] in advance. Whoever
//! needs access signs an [`EmergencyRequest`], and for each trustee a fresh [`Appeal`]. Trustee k who approves draws m_k,
//! sends rk_k = γ_k·D_S + m_k·Q to the re-encryption server and m_k, sealed, to who asks; M_k = m_k·P is public and signed.
//! The server checks each part by e(P, rk_k) = e(V1^(k), D_S) · e(M_k, Q), names the trustees whose parts are bad, and
//! with Lagrange coefficients λ_k at 0 has rk = Σ λ_k·rk_k = K_S + mQ for m = Σ λ_k·m_k: a grant like any other, with a
//! name, an end and a server that serves it. Neither γ nor K_S nor m nor an unmasked part of any of them exists anywhere
//! but with the owner, for K_S and γ, and with who was let in, for m.
//!
//! # Who is to blame
//!
//! Approvals are signed and public, their keys are neither: so an approval carries the hash of its key, and the name of
//! the state that the share is of.
//!
//! * A key with another hash than the signed one is not the trustee's: anybody can send it. It is passed over, and the
//!   genuine one counts whenever it comes. So is a part of another state: trustee or server missed a refresh.
//! * A key that has the signed hash and does not fit the share's image proves to everybody that the trustee cheated:
//!   [`Combined::culprits`].
//! * A mask that does not open, or is not the committed one, only who asks can see: [`VerifiedGrant::faulty`]. It is one's
//!   word against the other's. The way on is another quorum.
//! * A trustee that sends nothing is not told from a channel that loses it.
//!
//! # What ends it
//!
//! A grant of this kind stands on the rules: it dies when they are not [live](crate::pre::LiveSet) any more, and it
//! can be barred by its name.
//!
//! # What it does not protect
//!
//! As many trustees as the threshold have γ if they collude. Server and who was let in reach the classes of the request
//! for as long as γ lives, as with every grant.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::admission::Admission;
use super::grant::{Checked, Grant, MaskPart, Terms, VerifiedGrant};
use super::mask::SealedMask;
use super::rekey::{ReKey, fits};
use super::user::{UserKey, UserSecret, VerifiedUser, verify_user};
use crate::context::{Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, Hasher, hash, label};
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::kac::trustees::{Committee, Sharing, VerifiedShare, weights};
use crate::kac::{self, ClassSet, Params, VerifiedGeneration};
use crate::kem::OwnerTerms;
use crate::pairing::{G1Projective, G2Affine, G2Projective, Scalar, mul_q, vartime_msm_g1};
use crate::pok::read_g2;
use crate::pre::{DelegateError, GrantError, GrantId, check_time};
use crate::role::RoleCert;

use super::EmergencyError;

/// The owner's rules for emergencies: which trustees act, whom they may let in, to which classes, for how long; public,
/// as `Signed<EmergencyRules>`. They are in force while they are [live](crate::pre::LiveSet) under their name.
///
/// They name the committee and not its shares, so they outlive a refresh of the shares; with the owner's next generation
/// they end, as the shares do.
///
/// Encoded length: 4 + 16 + 32 + 5 + 32 for each trustee + rules of admission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyRules {
    id: GrantId,
    origin: Digest,
    committee: Committee,
    admission: Admission,
}

impl EmergencyRules {
    /// Rules for the owner's generation that is shared.
    ///
    /// # Errors
    /// [`DelegateError::Signer`] when `owner` is not its owner, [`DelegateError::Rng`] when the generator fails.
    pub fn new<R: TryCryptoRng + ?Sized>(
        owner: &SigningKey,
        sharing: &Sharing,
        admission: Admission,
        rng: &mut R,
    ) -> Result<Signed<Self>, DelegateError> {
        if owner.id() != sharing.generation().owner() {
            return Err(DelegateError::Signer);
        }
        let (origin, committee) = (sharing.generation().origin(), sharing.committee().clone());
        let mut rules = Self { id: GrantId::from_array([0; 16]), origin, committee, admission };
        let unnamed = Hasher::new(label::KAPRE_UNNAMED).message(&rules).digest();
        let drawn = owner.draw(label::KAPRE_GRANT_ID, &[unnamed.as_bytes()], rng)?;
        rules.id = GrantId::from_array(drawn.digest().half());
        Ok(Signed::new(owner, rules))
    }

    /// Their name in the head of live grants.
    pub fn id(&self) -> GrantId {
        self.id
    }

    /// The trustees.
    pub fn committee(&self) -> &Committee {
        &self.committee
    }

    /// Whom they may let in, to what, and for how long.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    fn verify(signed: &Signed<Self>, owner: &VerifiedGeneration) -> Result<Verified<Self>, GrantError> {
        let rules = signed.verify(&owner.owner()).map_err(|_| GrantError::Signature)?;
        if rules.origin == owner.origin() { Ok(rules) } else { Err(GrantError::WrongKey) }
    }
}

impl Message for EmergencyRules {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_EMERGENCY_RULES;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.id.as_bytes());
        sink.put(self.origin.as_bytes());
        self.committee.write(sink);
        self.admission.write(sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: GrantId::from_array(reader.array()?),
            origin: Digest::from_array(reader.array()?),
            committee: Committee::read(reader)?,
            admission: Admission::read(reader)?,
        })
    }
}

public_encoding!(EmergencyRules);

/// Somebody asks to be let in: for which classes and when, under which rules, with key and role; public, as
/// `Signed<EmergencyRequest>`. Its name is the name of the grant that comes of it.
///
/// Encoded length: 4 + 128 + set + 32 + key + certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyRequest {
    terms: Terms,
    rules: Digest,
    key: Signed<UserKey>,
    role: Signed<RoleCert>,
}

impl EmergencyRequest {
    /// Asks for the classes of `set`, for `validity`, under `rules`.
    ///
    /// # Errors
    /// [`DelegateError::User`] when `key` is not `user`'s own, [`DelegateError::Rng`] when the generator fails.
    pub fn new<R: TryCryptoRng + ?Sized>(
        user: &SigningKey,
        key: &Signed<UserKey>,
        role: &Signed<RoleCert>,
        rules: &Signed<EmergencyRules>,
        set: &ClassSet,
        validity: &Validity,
        rng: &mut R,
    ) -> Result<Signed<Self>, DelegateError> {
        let verified = verify_user(key, &user.id()).map_err(|_| DelegateError::User)?;
        let origin = rules.unverified().origin;
        let rules = rules.digest();
        let write = |terms: &Terms, sink: &mut dyn Sink| write_request(terms, &rules, key, role, sink);
        let terms = Terms::new(user, origin, &verified, set, validity, write, rng)?;
        Ok(Signed::new(user, Self { terms, rules, key: key.clone(), role: role.clone() }))
    }

    /// The name of the grant that comes of it.
    pub fn id(&self) -> GrantId {
        self.terms.id
    }

    /// The classes.
    pub fn set(&self) -> &ClassSet {
        &self.terms.set
    }

    /// When.
    pub fn validity(&self) -> Validity {
        self.terms.validity
    }

    /// Everything but the time: who asks, with which key and role, and whether the rules allow it. That there are such
    /// classes is for who sums over them. With the request, the key that it is made with.
    fn verify(
        signed: &Signed<Self>,
        rules: &Verified<EmergencyRules>,
    ) -> Result<(Verified<Self>, VerifiedUser), GrantError> {
        let request = signed.verify(&signed.signer().id()).map_err(|_| GrantError::Signature)?;
        let Self { terms, rules: named, key, role } = &*request;
        if *named != rules.digest() || terms.origin != rules.origin {
            return Err(GrantError::Rules);
        }
        // Under the name of the rules the grant could not be barred without the rules.
        if terms.id == rules.id {
            return Err(GrantError::Rules);
        }
        // Who is let in is who signed, with a key that is his own.
        let key = verify_user(key, &request.signer()).map_err(|_| GrantError::Signature)?;
        if terms.user != request.signer() || terms.user_key != key.name() {
            return Err(GrantError::Signature);
        }
        rules.admission.check(&terms.user, role, &terms.set, &terms.validity)?;
        Ok((request, key))
    }
}

fn write_request(terms: &Terms, rules: &Digest, key: &Signed<UserKey>, role: &Signed<RoleCert>, sink: &mut dyn Sink) {
    terms.write(sink);
    sink.put(rules.as_bytes());
    key.write(sink);
    role.write(sink);
}

impl Message for EmergencyRequest {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_EMERGENCY_REQUEST;

    fn encode_body(&self, sink: &mut dyn Sink) {
        write_request(&self.terms, &self.rules, &self.key, &self.role, sink);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            terms: Terms::read(reader)?,
            rules: Digest::from_array(reader.array()?),
            key: Signed::read(reader)?,
            role: Signed::read(reader)?,
        })
    }
}

public_encoding!(EmergencyRequest);

/// Who asks says to one trustee, now, that the request is meant; as `Signed<Appeal>`. A request that somebody passes on
/// moves no other trustee. 4 + 32 + 32 + 8 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appeal {
    /// The name of the signed request.
    pub request: Digest,
    /// The trustee.
    pub trustee: PartyId,
    /// When.
    pub at: Timestamp,
}

impl Message for Appeal {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_APPEAL;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.request.as_bytes());
        sink.put(self.trustee.as_bytes());
        sink.put(&self.at.0.to_be_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (request, trustee) = (Digest::from_array(reader.array()?), PartyId::from_array(reader.array()?));
        Ok(Self { request, trustee, at: Timestamp(reader.u64()?) })
    }
}

public_encoding!(Appeal);

/// A trustee's public part of a grant, as `Signed<Approval>`: which request, with the share of which state, the
/// commitment to m_k and its sealed seed, and the hash of rk_k. 4 + 32 + 32 + 1 + 48 + (4 + 32 or 1120) + 48 + 32 bytes.
///
/// The hash makes the key the trustee's own: whoever sends another key beside the approval gets nobody blamed, and a
/// trustee that signed for a key that does not fit cannot deny it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    request: Digest,
    /// The name of the state that the share is of.
    sharing: Digest,
    index: u8,
    mask: SealedMask,
    /// The hash of rk_k.
    key: Digest,
}

impl Approval {
    /// The name of the signed request.
    pub fn request(&self) -> Digest {
        self.request
    }

    /// What the mask is bound to: all that comes before it.
    fn transcript(request: &Digest, sharing: &Digest, index: u8) -> Digest {
        hash(label::KAPRE_APPROVAL, &[request.as_bytes(), sharing.as_bytes(), &[index]]).digest()
    }
}

impl Message for Approval {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_APPROVAL;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.request.as_bytes());
        sink.put(self.sharing.as_bytes());
        sink.put(&[self.index]);
        self.mask.write(sink);
        sink.put(self.key.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [request, sharing] = [Digest::from_array(reader.array()?), Digest::from_array(reader.array()?)];
        let [index] = reader.array()?;
        let mask = SealedMask::read(reader)?;
        Ok(Self { request, sharing, index, mask, key: Digest::from_array(reader.array()?) })
    }
}

public_encoding!(Approval);

/// rk_k = γ_k·D_S + m_k·Q: a secret between a trustee and the server, 4 + 96 bytes. Which approval it belongs to, the
/// approval says.
pub struct ApprovalKey(Zeroizing<G2Affine>);

impl ApprovalKey {
    /// The hash that the approval carries. The key has the entropy of m_k, so its hash says nothing.
    fn digest(&self) -> Digest {
        hash(label::KAPRE_APPROVAL_KEY, &[&*Zeroizing::new(self.0.to_bytes())]).digest()
    }
}

impl ZeroizeOnDrop for ApprovalKey {}

impl fmt::Debug for ApprovalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApprovalKey").finish_non_exhaustive()
    }
}

impl Message for ApprovalKey {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_APPROVAL_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&*Zeroizing::new(self.0.to_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(Zeroizing::new(read_g2(reader)?)))
    }
}

impl SecretEncoding for ApprovalKey {}

/// How far the time of an [`Appeal`] may lie from the trustee's, in seconds.
pub const APPEAL_WINDOW: u64 = 300;

/// A trustee approves a request: the approval for everybody, and the key for the server.
///
/// Whoever calls this checks first that the rules are [live](crate::pre::LiveSet), and keeps a record where the owner will
/// find it.
///
/// Cost: 5 signatures checked, 1 G2, 1 G1 and 1 G2 fixed base, 2m G2 additions for m ranges, 1 HPKE seal.
///
/// # Errors
/// [`EmergencyError`] naming the check that failed.
#[allow(clippy::too_many_arguments)]
pub fn approve<R: TryCryptoRng + ?Sized>(
    params: &Params,
    share: &VerifiedShare,
    trustee: &SigningKey,
    rules: &Signed<EmergencyRules>,
    request: &Signed<EmergencyRequest>,
    appeal: &Signed<Appeal>,
    now: Timestamp,
    rng: &mut R,
) -> Result<(Signed<Approval>, ApprovalKey), EmergencyError> {
    let (sharing, index) = (share.sharing(), share.index());
    let owner = sharing.generation();
    if sharing.committee().index(&trustee.id()) != Some(index) {
        return Err(EmergencyError::Trustee);
    }
    let rules = EmergencyRules::verify(rules, owner)?;
    // The share of another committee is not the one that the owner meant.
    if rules.committee != *sharing.committee() {
        return Err(EmergencyError::Committee);
    }
    let (request, user) = EmergencyRequest::verify(request, &rules)?;
    check_time(&request.terms.validity, now).map_err(GrantError::from)?;
    let appeal = appeal.verify(&request.signer()).map_err(|_| EmergencyError::Appeal)?;
    let meant = appeal.request == request.digest() && appeal.trustee == trustee.id();
    if !meant || appeal.at.0.abs_diff(now.0) > APPEAL_WINDOW {
        return Err(EmergencyError::Appeal);
    }
    let sum = kac::sum(params, owner, &request.terms.set).map_err(|_| GrantError::Scope)?;
    let (named, state) = (request.digest(), sharing.digest());
    let transcript = Approval::transcript(&named, &state, index);
    let (mask, m) = SealedMask::new(trustee, &user, &transcript, rng).map_err(EmergencyError::Delegate)?;
    let key = ApprovalKey(Zeroizing::new(sum.mul(share.scalar()).add(&mul_q(&m)).to_affine()));
    let approval = Approval { request: named, sharing: state, index, mask, key: key.digest() };
    Ok((Signed::new(trustee, approval), key))
}

/// What came of the trustees' parts.
#[derive(Debug)]
pub struct Combined {
    /// The grant: public.
    pub grant: Grant,
    /// Its re-encryption key.
    pub rekey: ReKey,
    /// Trustees who signed for a key that does not fit their share. Approval and key prove it to everybody.
    pub culprits: Vec<PartyId>,
}

/// The server combines the parts of as many trustees as the threshold. What is too much is left out, what is bad is named.
///
/// In whatever order the parts come, and whatever else is among them: parts that no trustee signed, of another request or
/// of another state of the shares, and keys other than the signed ones blame nobody and are passed over.
///
/// What a trustee sealed to who asks, the server cannot see: should the grant not open, leave out the
/// [trustees](VerifiedGrant::faulty) that the user names.
///
/// Cost: for each part a three-pairing product and a signature; a G2 multiplication for each of the threshold.
///
/// # Errors
/// [`EmergencyError::Missing`] with the culprits when fewer good parts are there than the threshold; the others name
/// the check of rules or request that failed.
pub fn combine(
    params: &Params,
    sharing: &Sharing,
    rules: &Signed<EmergencyRules>,
    request: &Signed<EmergencyRequest>,
    parts: &[(Signed<Approval>, ApprovalKey)],
) -> Result<Combined, EmergencyError> {
    let owner = sharing.generation();
    let checked_rules = EmergencyRules::verify(rules, owner)?;
    if checked_rules.committee != *sharing.committee() {
        return Err(EmergencyError::Committee);
    }
    let (checked, _) = EmergencyRequest::verify(request, &checked_rules)?;
    let sum = kac::sum(params, owner, &checked.terms.set).map_err(|_| GrantError::Scope)?.to_affine();
    let (mut good, mut culprits) = (Vec::<(u8, &Signed<Approval>, &ApprovalKey)>::new(), Vec::new());
    for (approval, key) in parts {
        // What is not signed by a trustee, or for something else, blames nobody: anybody can send it.
        let Ok(part) = verify_approval(approval, &checked_rules.committee, &checked.digest()) else { continue };
        // Nor does a key that somebody sends in the trustee's name, or one of a share that was renewed in between.
        if !bool::from(part.key.ct_eq(&key.digest())) || part.sharing != sharing.digest() {
            continue;
        }
        let image = sharing.v1_of(part.index).ok_or(EmergencyError::Committee)?;
        if !fits(&key.0, image, &sum, part.mask.commitment()) {
            if !culprits.contains(&part.signer()) {
                culprits.push(part.signer());
            }
        } else if !good.iter().any(|(index, ..)| *index == part.index) {
            good.push((part.index, approval, key));
        }
    }
    good.sort_by_key(|(index, ..)| *index);
    let need = usize::from(checked_rules.committee.threshold());
    if good.len() < need {
        return Err(EmergencyError::Missing { good: good.len(), need, culprits });
    }
    good.truncate(need);
    let indices: Vec<_> = good.iter().map(|(index, ..)| *index).collect();
    let lambdas = weights(&indices).ok_or(EmergencyError::Committee)?;
    let rk = good
        .iter()
        .zip(&lambdas)
        .fold(G2Projective::identity(), |sum, ((.., key), lambda)| sum.add(&key.0.mul(lambda)));
    let approvals = good.iter().map(|(_, approval, _)| Signed::clone(approval)).collect();
    let grant = EmergencyGrant { rules: rules.clone(), request: request.clone(), approvals };
    let rekey = ReKey::new(grant.digest(), Zeroizing::new(rk.to_affine()));
    Ok(Combined { grant: Grant::Emergency(Box::new(grant)), rekey, culprits })
}

/// That a trustee of the committee signed the approval of this request, in its own place.
fn verify_approval(
    signed: &Signed<Approval>,
    committee: &Committee,
    request: &Digest,
) -> Result<Verified<Approval>, GrantError> {
    let approval = signed.verify(&signed.signer().id()).map_err(|_| GrantError::Signature)?;
    if committee.index(&approval.signer()) != Some(approval.index) {
        return Err(GrantError::Signature);
    }
    if approval.request == *request { Ok(approval) } else { Err(GrantError::WrongKey) }
}

impl VerifiedGrant {
    /// The trustees whose sealed part its user cannot open, or does not find to be what they committed to; nobody, if
    /// trustees did not make the grant. It is the user's word against theirs: that a part was sealed badly, only the user
    /// can see. To any other user all of them seem faulty.
    ///
    /// Costs 1 HPKE open and 1 G1 fixed base for each trustee.
    pub fn faulty(&self, user: &UserSecret) -> Vec<PartyId> {
        let Grant::Emergency(grant) = &self.0.grant else { return Vec::new() };
        // One mask for each approval, in their order.
        let parts = grant.approvers().zip(&self.0.masks);
        parts.filter(|(_, part)| part.mask.open(user, &part.transcript).is_err()).map(|(trustee, _)| trustee).collect()
    }
}

/// A grant by trustees: the owner's rules, the request, and the approvals of exactly as many trustees as the threshold,
/// whose signatures stand for the owner's.
///
/// Encoded length: 4 bytes + the statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyGrant {
    rules: Signed<EmergencyRules>,
    request: Signed<EmergencyRequest>,
    /// In ascending order of the trustees' numbers.
    approvals: Vec<Signed<Approval>>,
}

impl EmergencyGrant {
    /// The owner's rules, unchecked.
    pub fn rules(&self) -> &Signed<EmergencyRules> {
        &self.rules
    }

    /// The request, unchecked.
    pub fn request(&self) -> &Signed<EmergencyRequest> {
        &self.request
    }

    /// The trustees who approved, unchecked.
    pub fn approvers(&self) -> impl Iterator<Item = PartyId> + '_ {
        self.approvals.iter().map(|approval| approval.signer().id())
    }

    pub(super) fn digest(&self) -> Digest {
        Hasher::new(label::KAPRE_EMERGENCY).message(self).digest()
    }

    /// Everything but the time, and whether the rules are live.
    pub(super) fn verify(&self, params: &Params, owner: &VerifiedGeneration) -> Result<Checked, GrantError> {
        let rules = EmergencyRules::verify(&self.rules, owner)?;
        let (request, _) = EmergencyRequest::verify(&self.request, &rules)?;
        let terms = request.terms.clone();
        // In ascending order by their decoder: no trustee counts twice.
        if self.approvals.len() != usize::from(rules.committee.threshold()) {
            return Err(GrantError::Signature);
        }
        let approvals = self.approvals.iter().map(|approval| {
            let approval = verify_approval(approval, &rules.committee, &request.digest())?;
            let transcript = Approval::transcript(&approval.request, &approval.sharing, approval.index);
            Ok((approval.index, transcript, approval.mask.clone()))
        });
        let approvals = approvals.collect::<Result<Vec<_>, GrantError>>()?;
        let indices: Vec<_> = approvals.iter().map(|(index, ..)| *index).collect();
        let lambdas: Vec<Scalar> = weights(&indices).ok_or(GrantError::Signature)?;
        let commitments = approvals.iter().map(|(.., mask)| mask.commitment()).zip(&lambdas);
        let commitment: G1Projective = vartime_msm_g1(&commitments.collect::<Vec<_>>());
        let masks = approvals.into_iter().zip(lambdas);
        Ok(Checked {
            grant: Grant::Emergency(Box::new(self.clone())),
            owner: owner.clone(),
            reach: terms.set.clone(),
            sum: kac::sum(params, owner, &terms.set).map_err(|_| GrantError::Scope)?.to_affine(),
            commitment: commitment.to_affine(),
            masks: masks.map(|((_, transcript, mask), lambda)| MaskPart { lambda, transcript, mask }).collect(),
            authority: (rules.id, rules.digest()),
            digest: self.digest(),
            terms,
        })
    }
}

impl Message for EmergencyGrant {
    const SUITE: SuiteId = SuiteId::Kac;
    const KIND: Kind = kind::KAPRE_EMERGENCY_GRANT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.rules.write(sink);
        self.request.write(sink);
        put_count(sink, self.approvals.len());
        self.approvals.iter().for_each(|approval| approval.write(sink));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (rules, request) = (Signed::read(reader)?, Signed::read(reader)?);
        let count = reader.count(Committee::MAX, 200)?;
        let approvals: Vec<Signed<Approval>> = (0..count).map(|_| Signed::read(reader)).collect::<Result<_, _>>()?;
        if approvals.is_sorted_by(|a, b| a.unverified().index < b.unverified().index) {
            Ok(Self { rules, request, approvals })
        } else {
            Err(DecodeError::Value)
        }
    }
}

public_encoding!(EmergencyGrant);
