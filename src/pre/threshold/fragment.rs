//! Fragments: what each server holds of a grant, and what it answers with.

use core::fmt;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::capsule::{CHALLENGE_LEN, VerifiedCapsule, challenge};
use super::grant::VerifiedGrant;
use super::labels::VerifiedOwner;
use crate::context::Timestamp;
use crate::encoding::{Hex, Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, hash, label};
use crate::identity::SigningKey;
use crate::pre::{GrantError, GrantTerms, ReencryptError, check_time};
use crate::ristretto::{Element, Point, Scalar};

/// A server's fragment f(k) of a grant: a secret between owner and server, 4 + 32 + 1 + 32 bytes. As many as the threshold,
/// together with the delegatee's secret, are the owner's secret for the label; fewer are nothing.
pub struct Fragment {
    grant: Digest,
    index: u8,
    share: Scalar,
}

impl Fragment {
    pub(super) fn new(grant: Digest, index: u8, share: Scalar) -> Self {
        Self { grant, index, share }
    }

    /// Its number, from 1 on: which of the grant's [servers](super::Servers::server) it is for.
    pub fn index(&self) -> u8 {
        self.index
    }
}

impl ZeroizeOnDrop for Fragment {}

impl fmt::Debug for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fragment").field("grant", &self.grant).field("index", &self.index).finish_non_exhaustive()
    }
}

fn read_index(reader: &mut Reader<'_>) -> Result<u8, DecodeError> {
    match reader.array()? {
        [0] => Err(DecodeError::Value),
        [index] => Ok(index),
    }
}

impl Message for Fragment {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_FRAGMENT;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.grant.as_bytes());
        sink.put(&[self.index]);
        sink.put(&*self.share.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (grant, index) = (Digest::from_array(reader.array()?), read_index(reader)?);
        Ok(Self { grant, index, share: Scalar::read_nonzero(reader)? })
    }
}

impl SecretEncoding for Fragment {}

/// A fragment that was checked against its grant.
pub struct VerifiedFragment {
    grant: VerifiedGrant,
    index: u8,
    share: Scalar,
    /// U_k = f(k)·B.
    image: Point,
}

impl VerifiedFragment {
    /// The grant that it carries out.
    pub fn grant(&self) -> &VerifiedGrant {
        &self.grant
    }

    /// Its number.
    pub fn index(&self) -> u8 {
        self.index
    }
}

impl ZeroizeOnDrop for VerifiedFragment {}

impl fmt::Debug for VerifiedFragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("VerifiedFragment");
        out.field("grant", &self.grant.id()).field("index", &self.index).finish_non_exhaustive()
    }
}

pub(super) fn verify(
    owner: &VerifiedOwner,
    grant: &VerifiedGrant,
    fragment: &Fragment,
) -> Result<VerifiedFragment, GrantError> {
    if grant.origin() != owner.name().origin {
        return Err(GrantError::WrongKey);
    }
    let known = fragment.grant == grant.digest() && grant.grant().servers().server(fragment.index).is_some();
    let image = grant.grant().vartime_image(fragment.index);
    if !known || !bool::from(Element::base(&fragment.share).ct_eq(&image.element())) {
        return Err(GrantError::ReKey);
    }
    Ok(VerifiedFragment { grant: grant.clone(), index: fragment.index, share: fragment.share.clone(), image })
}

/// A server's part of a re-encrypted capsule, 4 + 1 + 128 bytes: E_k = f(k)·c1, with a proof (R1, R2, z) that this is what
/// its fragment makes of the capsule.
///
/// It is no capsule, so it cannot be re-encrypted again:
///
/// ```compile_fail,E0308
/// # use sesphr::{context::Context, pre::{Pre, threshold::*}};
/// fn second_hop(owner: &VerifiedOwner, part: &Part, ctx: &Context<'_>) {
///     let _ = Threshold::verify_capsule(&(), owner, part, ctx);
/// }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Part {
    index: u8,
    e: Point,
    /// Encoded: needed as points only where many proofs are checked at once.
    commitments: [[u8; Point::LEN]; 2],
    response: [u8; 32],
}

impl Part {
    /// The number of the fragment that is said to have made it.
    pub fn index(&self) -> u8 {
        self.index
    }

    pub(super) fn e(&self) -> &Point {
        &self.e
    }

    /// The commitments of the proof as points.
    pub(super) fn commitments(&self) -> Option<[Point; 2]> {
        let [first, second] = &self.commitments;
        Some([Point::from_bytes(first)?, Point::from_bytes(second)?])
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("index", &self.index).field("e", &Hex(self.e.as_bytes())).finish_non_exhaustive()
    }
}

impl Message for Part {
    const SUITE: SuiteId = SuiteId::Threshold;
    const KIND: Kind = kind::THRESHOLD_PART;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(&[self.index]);
        sink.put(self.e.as_bytes());
        self.commitments.iter().for_each(|commitment| sink.put(commitment));
        sink.put(&self.response);
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (index, e, commitments) = (read_index(reader)?, Point::read(reader)?, [reader.array()?, reader.array()?]);
        Ok(Self { index, e, commitments, response: *Scalar::read(reader)?.to_bytes() })
    }
}

public_encoding!(Part);

/// What a proof is about: log_{c1} E = log_B U, for this grant, this fragment, this capsule and its context.
pub(super) struct Statement<'a> {
    pub(super) grant: &'a VerifiedGrant,
    pub(super) c1: &'a Point,
    pub(super) ctx: Digest,
    pub(super) image: Point,
}

impl Statement<'_> {
    fn challenge(&self, index: u8, e: &Point, commitments: [&[u8; Point::LEN]; 2]) -> [u8; CHALLENGE_LEN] {
        let ([first, second], grant) = (commitments, self.grant.digest());
        let parts: [&[u8]; 10] = [
            self.grant.key().point.as_bytes(),
            self.grant.grant().point().as_bytes(),
            grant.as_bytes(),
            &[index],
            self.ctx.as_bytes(),
            self.c1.as_bytes(),
            e.as_bytes(),
            self.image.as_bytes(),
            first,
            second,
        ];
        challenge(hash(label::THRESHOLD_PART_PROOF, &parts))
    }

    /// e and z of a part's proof.
    pub(super) fn scalars(&self, part: &Part) -> Option<(Scalar, Scalar)> {
        let [first, second] = &part.commitments;
        let challenge = self.challenge(part.index, &part.e, [first, second]);
        Some((Scalar::from_half(&challenge), Scalar::read(&mut Reader::new(&part.response)).ok()?))
    }

    /// Whether R1 = z·c1 − e·E and R2 = z·B − e·U.
    pub(super) fn vartime_verify(&self, part: &Part) -> bool {
        let Some((e, z)) = self.scalars(part) else { return false };
        let first = Element::vartime_sum([(&z, self.c1.element()), (&e, -part.e.element())].into_iter());
        let second = Element::vartime_with_base(&e, &-self.image.element(), &z);
        let mut found = [first, second].into_iter().zip(&part.commitments);
        found.all(|(found, said)| !found.is_identity() && found.encode().as_bytes() == said)
    }
}

pub(super) fn reencrypt<R: TryCryptoRng + ?Sized>(
    fragment: &VerifiedFragment,
    capsule: &VerifiedCapsule,
    server: &SigningKey,
    now: Timestamp,
    rng: &mut R,
) -> Result<Part, ReencryptError> {
    let (grant, c1) = (&fragment.grant, capsule.c1());
    if grant.origin() != capsule.origin() {
        return Err(ReencryptError::Scope);
    }
    // A fragment that was verified yesterday may have ended since.
    check_time(&grant.validity(), now)?;
    let (share, digest) = (fragment.share.to_bytes(), grant.digest());
    let parts: [&[u8]; 4] = [&*share, digest.as_bytes(), c1.as_bytes(), capsule.ctx().as_bytes()];
    // A known nonce reveals the fragment, and so do two answers under one: it takes the server's secret, this fragment
    // and a dead generator, and then both answers are the same.
    let nonce = Scalar::of(server.draw(label::THRESHOLD_PART_NONCE, &parts, rng)?).nonzero()?;
    let half = nonce.halve();
    let halves = [c1.mul(&fragment.share.halve()), c1.mul(&half), Element::base(&half)];
    let [e, first, second] = *Point::doubles(&halves) else { return Err(RngError.into()) };
    let statement = Statement { grant, c1, ctx: *capsule.ctx(), image: fragment.image };
    let commitments = [*first.as_bytes(), *second.as_bytes()];
    let challenge = statement.challenge(fragment.index, &e, [first.as_bytes(), second.as_bytes()]);
    let response = *(&nonce + &(&Scalar::from_half(&challenge) * &fragment.share)).to_bytes();
    Ok(Part { index: fragment.index, e, commitments, response })
}
