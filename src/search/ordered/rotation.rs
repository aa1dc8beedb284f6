//! From one generation of r to a later one.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::key::r;
use super::{Ordered, SwitchCheckError, SwitchKeyError};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::ristretto::{Element, Point, Scalar};
use crate::search::{SearchRoot, Space, SpaceId};

/// What a rotation does, said by the owner: in which space, from which generation of r to which, and rB of both.
///
/// Encoded length: 4 + 32 + 4 + 4 + 32 + 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchRotationTerms {
    pub(super) space: SpaceId,
    pub(super) from: u32,
    pub(super) to: u32,
    old: Point,
    new: Point,
}

impl SwitchRotationTerms {
    /// In which space.
    #[must_use]
    pub fn space(&self) -> &SpaceId {
        &self.space
    }

    /// The generation that it leads from.
    #[must_use]
    pub fn from(&self) -> u32 {
        self.from
    }

    /// The generation that it leads to.
    #[must_use]
    pub fn to(&self) -> u32 {
        self.to
    }
}

impl Message for SwitchRotationTerms {
    const SUITE: SuiteId = SuiteId::Ordered;
    const KIND: Kind = kind::SWITCH_ROTATION_TERMS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.space.as_bytes());
        sink.put(&self.from.to_be_bytes());
        sink.put(&self.to.to_be_bytes());
        sink.put(self.old.as_bytes());
        sink.put(self.new.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (space, from, to) = (SpaceId::from_array(reader.array()?), reader.u32()?, reader.u32()?);
        if to <= from {
            return Err(DecodeError::Value);
        }
        Ok(Self { space, from, to, old: Point::read(reader)?, new: Point::read(reader)? })
    }
}

public_encoding!(SwitchRotationTerms);

/// δ = r'·r⁻¹ with the owner's signed statement of what it is. A secret of the switcher's: with either r one has the other.
///
/// It revokes every key of the former generation towards who has the new index and not δ. Somebody who left with a key and
/// gets hold of the switcher's state reads the new generation as the old one.
///
/// Encoded length: 4 + the signed terms + 32 bytes.
#[derive(ZeroizeOnDrop)]
pub struct SwitchRotation {
    #[zeroize(skip)]
    terms: Signed<SwitchRotationTerms>,
    delta: Scalar,
}

impl SwitchRotation {
    /// From one generation to a later one.
    ///
    /// # Errors
    /// [`SwitchKeyError::Signer`] if the signer is not the space's owner, [`SwitchKeyError::Generation`].
    pub fn new(
        root: &SearchRoot,
        space: &Space<Ordered>,
        from: u32,
        to: u32,
        owner: &SigningKey,
    ) -> Result<Self, SwitchKeyError> {
        if owner.id() != space.owner() {
            return Err(SwitchKeyError::Signer);
        }
        if to <= from {
            return Err(SwitchKeyError::Generation);
        }
        let space = space.id();
        let (old, new) = (r(root, &space, from).nonzero()?, r(root, &space, to).nonzero()?);
        let delta = &new * &old.invert();
        let [old, new] = [old, new].map(|r| Element::base(&r).encode());
        Ok(Self { terms: Signed::new(owner, SwitchRotationTerms { space, from, to, old, new }), delta })
    }

    /// The terms, unchecked: for routing and display, never for a decision.
    #[must_use]
    pub fn terms(&self) -> &Signed<SwitchRotationTerms> {
        &self.terms
    }

    /// Checks that the owner signed, and that δ leads from the one point to the other.
    ///
    /// # Errors
    /// [`SwitchCheckError`].
    pub fn verify(&self, owner: &PartyId) -> Result<VerifiedSwitchRotation, SwitchCheckError> {
        let terms = self.terms.verify(owner).map_err(|_| SwitchCheckError::Signature)?;
        if !bool::from(terms.old.mul(&self.delta).ct_eq(&terms.new.element())) {
            return Err(SwitchCheckError::Factor);
        }
        Ok(VerifiedSwitchRotation { owner: *owner, terms: (*terms).clone(), delta: self.delta.clone() })
    }
}

impl fmt::Debug for SwitchRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchRotation").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl Message for SwitchRotation {
    const SUITE: SuiteId = SuiteId::Ordered;
    const KIND: Kind = kind::SWITCH_ROTATION;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.terms.write(sink);
        sink.put(&*self.delta.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { terms: Signed::read(reader)?, delta: Scalar::read_nonzero(reader)? })
    }
}

impl SecretEncoding for SwitchRotation {}

/// A rotation whose signature and δ were checked. It cannot be decoded. A secret; drop it as soon as it is applied.
#[derive(ZeroizeOnDrop)]
pub struct VerifiedSwitchRotation {
    #[zeroize(skip)]
    pub(super) owner: PartyId,
    #[zeroize(skip)]
    pub(super) terms: SwitchRotationTerms,
    pub(super) delta: Scalar,
}

impl VerifiedSwitchRotation {
    /// What it does.
    #[must_use]
    pub fn terms(&self) -> &SwitchRotationTerms {
        &self.terms
    }
}

impl fmt::Debug for VerifiedSwitchRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedSwitchRotation").field("terms", &self.terms).finish_non_exhaustive()
    }
}
