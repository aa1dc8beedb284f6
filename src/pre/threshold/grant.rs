//! Grants: the owner's signed permission, divided among servers, and what its delegatee makes of it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::fragment::Fragment;
use super::labels::{KeyName, OwnerSecret, VerifiedOwner};
use super::servers::{Servers, Terms};
use super::user::{UserSecret, VerifiedUser};
use crate::context::{Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, OpenError, RngError};
use crate::hash::{Digest, hash, label};
use crate::identity::{PartyId, Signed, SigningKey, Verified};
use crate::pre::{DelegateError, GrantError, GrantId, GrantTerms, check_time};
use crate::ristretto::{Element, Point, Scalar};

/// The owner's permission that a user may read what is under one of the owner's keys, with the help of any t of n servers.
/// It travels as [`Signed<Grant>`], and every byte of it is signed.
///
/// The commitments F_0 … F_{t−1} fix the fragments: f(k)·B = Σ kʲF_j has one solution, so a server checks what it gets, and
/// anybody what it answers.
///
/// Encoded length: 4 + 16 + 4 + 32 + 32 + 32 + 32 + 16 + 6 bytes, and 32 for each server and for each of the t commitments;
/// 136 − 36 more when signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    id: GrantId,
    round: u32,
    origin: Digest,
    user: PartyId,
    point: Point,
    x: Point,
    validity: Validity,
    servers: Servers,
    commitments: Vec<Point>,
}

impl Grant {
    /// The grant's name.
    pub fn id(&self) -> GrantId {
        self.id
    }

    /// How often its fragments were [refreshed](super::Threshold::refresh).
    pub fn round(&self) -> u32 {
        self.round
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

    /// With whose help.
    pub fn servers(&self) -> &Servers {
        &self.servers
    }

    /// B_pk, the delegatee's key.
    pub(super) fn point(&self) -> &Point {
        &self.point
    }

    /// U_k = f(k)·B, by Horner's rule in the exponent.
    pub(super) fn vartime_image(&self, index: u8) -> Point {
        let step = |sum: Option<Element>, commitment: &Point| match sum {
            Some(sum) => Some(sum.vartime_mul_small(index) + commitment.element()),
            None => Some(commitment.element()),
        };
        match self.commitments.as_slice() {
            // A polynomial of degree zero has one value, which is encoded already.
            [only] => *only,
            // There is at least one commitment: the threshold is not zero.
            all => all.iter().rev().fold(None, step).unwrap_or_else(|| Element::base(&Scalar::from_u64(0))).encode(),
        }
    }
}

impl Message for Grant {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_GRANT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.id.as_bytes());
        sink.put(&self.round.to_be_bytes());
        sink.put(self.origin.as_bytes());
        sink.put(self.user.as_bytes());
        sink.put(self.point.as_bytes());
        sink.put(self.x.as_bytes());
        self.validity.write(sink);
        self.servers.write(sink);
        self.commitments.iter().for_each(|commitment| sink.put(commitment.as_bytes()));
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (id, round) = (GrantId::from_array(reader.array()?), reader.u32()?);
        let (origin, user) = (Digest::from_array(reader.array()?), PartyId::from_array(reader.array()?));
        let (point, x) = (Point::read(reader)?, Point::read(reader)?);
        let (validity, servers) = (Validity::read(reader)?, Servers::read(reader)?);
        let commitments = (0..servers.threshold()).map(|_| Point::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { id, round, origin, user, point, x, validity, servers, commitments })
    }
}

public_encoding!(Grant);

/// A grant whose signature, key and time were checked.
#[derive(Clone, Debug)]
pub struct VerifiedGrant(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    grant: Verified<Grant>,
    key: KeyName,
}

impl VerifiedGrant {
    /// The grant.
    pub fn grant(&self) -> &Grant {
        &self.0.grant
    }

    pub(super) fn key(&self) -> &KeyName {
        &self.0.key
    }
}

impl GrantTerms for VerifiedGrant {
    fn id(&self) -> GrantId {
        self.grant().id
    }

    fn user(&self) -> PartyId {
        self.grant().user
    }

    fn origin(&self) -> Digest {
        self.grant().origin
    }

    fn validity(&self) -> Validity {
        self.grant().validity
    }

    fn digest(&self) -> Digest {
        self.0.grant.digest()
    }

    fn authority(&self) -> (GrantId, Digest) {
        (self.id(), self.digest())
    }
}

/// A grant with what its delegatee needs to combine the servers' answers: d, which is nobody else's but the owner's.
pub struct UserGrant {
    grant: VerifiedGrant,
    d: Scalar,
}

impl UserGrant {
    pub(super) fn new(user: &UserSecret, grant: &VerifiedGrant) -> Result<Self, OpenError> {
        let terms = grant.grant();
        if terms.user != user.user() || terms.point != *user.point() {
            return Err(OpenError);
        }
        let shared = Zeroizing::new(terms.x.mul(user.b()));
        let d = factor(&shared, grant.key(), terms.user, &terms.point, terms.id, &terms.x);
        let d = d.nonzero().map_err(|_| OpenError)?;
        // Otherwise honest servers would answer, and nothing would open, and nobody would be to blame.
        let first = terms.commitments.first().ok_or(OpenError)?;
        if !bool::from(first.mul(&d).ct_eq(&grant.key().point.element())) {
            return Err(OpenError);
        }
        Ok(Self { grant: grant.clone(), d })
    }

    /// The grant.
    pub fn grant(&self) -> &VerifiedGrant {
        &self.grant
    }

    pub(super) fn d(&self) -> &Scalar {
        &self.d
    }
}

impl ZeroizeOnDrop for UserGrant {}

impl fmt::Debug for UserGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserGrant").field("grant", &self.grant.id()).finish_non_exhaustive()
    }
}

/// d = H_s(x'·B_pk, X, A, B_pk, owner, user, grant id), the same in every round of a grant.
fn factor(shared: &Element, key: &KeyName, user: PartyId, point: &Point, id: GrantId, x: &Point) -> Scalar {
    let shared = Zeroizing::new(shared.encode());
    let parts: [&[u8]; 7] = [
        shared.as_bytes(),
        x.as_bytes(),
        key.point.as_bytes(),
        point.as_bytes(),
        key.origin.as_bytes(),
        user.as_bytes(),
        id.as_bytes(),
    ];
    Scalar::of(hash(label::THRESHOLD_D, &parts))
}

/// What stays the same when fragments are refreshed.
struct Core {
    id: GrantId,
    user: PartyId,
    point: Point,
    validity: Validity,
}

impl Core {
    /// x', which the owner can make again from the grant: whoever has the root needs to keep nothing else.
    fn ephemeral(&self, owner: &OwnerSecret) -> Result<Scalar, RngError> {
        let (a, origin) = (owner.a().to_bytes(), owner.name().origin);
        let parts: [&[u8]; 5] =
            [&*a, origin.as_bytes(), self.user.as_bytes(), self.point.as_bytes(), self.id.as_bytes()];
        Scalar::of(hash(label::THRESHOLD_X, &parts)).nonzero()
    }

    /// Divides a·d⁻¹ among the servers.
    fn deal<R: TryCryptoRng + ?Sized>(
        self,
        owner: &OwnerSecret,
        signer: &SigningKey,
        servers: &Servers,
        round: u32,
        rng: &mut R,
    ) -> Result<(Signed<Grant>, Vec<Fragment>), RngError> {
        let (key, ephemeral) = (owner.name(), self.ephemeral(owner)?);
        let x = Element::base(&ephemeral).encode();
        let shared = Zeroizing::new(self.point.mul(&ephemeral));
        let d = factor(&shared, key, self.user, &self.point, self.id, &x).nonzero()?;
        let mut coefficients = Vec::with_capacity(servers.threshold().into());
        coefficients.push(owner.a() * &d.invert());
        for j in 1..servers.threshold() {
            // Hedged by the owner's secret; round, degree and servers keep a dead generator's values apart: one polynomial
            // for two committees would let fragments of both combine.
            let parts: [&[u8]; 3] = [self.id.as_bytes(), &round.to_be_bytes(), &[j]];
            let drawn = signer.draw(label::THRESHOLD_COEFFICIENT, &parts, rng)?.message(servers);
            coefficients.push(Scalar::of(drawn).nonzero()?);
        }
        let Self { id, user, point, validity } = self;
        let (origin, commitments) = (key.origin, Point::bases(&coefficients));
        let servers = servers.clone();
        let grant = Grant { id, round, origin, user, point, x, validity, servers, commitments };
        let grant = Signed::new(signer, grant);
        let (digest, servers) = (grant.digest(), grant.unverified().servers());
        // Room for all at once: growing would leave copies behind.
        let mut fragments = Vec::with_capacity(servers.ids().len());
        for index in servers.indices() {
            fragments.push(Fragment::new(digest, index, evaluate(&coefficients, index).nonzero()?));
        }
        Ok((grant, fragments))
    }
}

/// f(index), by Horner's rule.
fn evaluate(coefficients: &[Scalar], index: u8) -> Scalar {
    let at = Scalar::from_u64(index.into());
    coefficients.iter().rev().fold(Scalar::from_u64(0), |sum, coefficient| &(&sum * &at) + coefficient)
}

pub(super) fn delegate<R: TryCryptoRng + ?Sized>(
    owner: &OwnerSecret,
    signer: &SigningKey,
    user: &VerifiedUser,
    terms: &Terms,
    rng: &mut R,
) -> Result<(Signed<Grant>, Vec<Fragment>), DelegateError> {
    if signer.id() != owner.name().owner {
        return Err(DelegateError::Signer);
    }
    let (start, end) = (terms.validity.not_before().0.to_be_bytes(), terms.validity.not_after().0.to_be_bytes());
    let (origin, party) = (owner.name().origin, user.user());
    let parts: [&[u8]; 5] = [origin.as_bytes(), party.as_bytes(), user.point().as_bytes(), &start, &end];
    // Two grants of one name would share d. The parts keep different ones apart, whatever the generator does.
    let drawn = signer.draw(label::THRESHOLD_GRANT_ID, &parts, rng)?.message(&terms.servers);
    let id = GrantId::from_array(drawn.digest().half());
    let core = Core { id, user: party, point: *user.point(), validity: terms.validity };
    Ok(core.deal(owner, signer, &terms.servers, 0, rng)?)
}

pub(super) fn refresh<R: TryCryptoRng + ?Sized>(
    owner: &OwnerSecret,
    signer: &SigningKey,
    grant: &VerifiedGrant,
    servers: &Servers,
    rng: &mut R,
) -> Result<(Signed<Grant>, Vec<Fragment>), DelegateError> {
    if signer.id() != owner.name().owner {
        return Err(DelegateError::Signer);
    }
    if *grant.key() != *owner.name() {
        return Err(DelegateError::Scope);
    }
    let former = grant.grant();
    let core = Core { id: former.id, user: former.user, point: former.point, validity: former.validity };
    let round = former.round.checked_add(1).ok_or(DelegateError::Scope)?;
    Ok(core.deal(owner, signer, servers, round, rng)?)
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
    Ok(VerifiedGrant(Arc::new(Checked { grant, key: *owner.name() })))
}
