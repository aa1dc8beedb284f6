//! Keys for a switcher, each said by whoever is above.

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

use super::key::{provider, querier, tau};
use super::{Ordered, SwitchCheckError, SwitchKeyError, WriteKey};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::ristretto::{Element, Point, Scalar};
use crate::search::path::{read_scope, write_scope};
use crate::search::{Path, SearchRoot, Space, SpaceId, Step, scope_of};

/// For whom a switcher gets a factor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Somebody who encrypts values.
    Provider(Path),
    /// Somebody who asks, and for which providers.
    Querier(Step, Vec<Path>),
}

/// What a factor is for: which space, for whom, and the factor times B. Signed by the owner, or by the provider directly
/// above.
///
/// Encoded length: 4 + 32 + 1 + the path or user and scope + 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchTerms {
    pub(super) space: SpaceId,
    pub(super) subject: Subject,
    image: Point,
}

impl SwitchTerms {
    /// In which space.
    #[must_use]
    pub fn space(&self) -> &SpaceId {
        &self.space
    }

    /// For whom.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }
}

impl Message for SwitchTerms {
    const SUITE: SuiteId = SuiteId::Ordered;
    const KIND: Kind = kind::SWITCH_TERMS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.space.as_bytes());
        match &self.subject {
            Subject::Provider(path) => {
                sink.put(&[0]);
                path.write(sink);
            }
            Subject::Querier(user, scope) => {
                sink.put(&[1]);
                user.write(sink);
                write_scope(scope, sink);
            }
        }
        sink.put(self.image.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (space, [subject]) = (SpaceId::from_array(reader.array()?), reader.array()?);
        let subject = match subject {
            0 => Subject::Provider(Path::read(reader)?),
            1 => Subject::Querier(Step::read(reader)?, read_scope(reader)?),
            _ => return Err(DecodeError::Value),
        };
        Ok(Self { space, subject, image: Point::read(reader)? })
    }
}

public_encoding!(SwitchTerms);

/// A factor with the signed statement of what it is for. A secret of the switcher's: with the key of whom it is for it is r.
///
/// Encoded length: 4 + the signed terms + 32 bytes.
#[derive(ZeroizeOnDrop)]
pub struct SwitchKey {
    #[zeroize(skip)]
    terms: Signed<SwitchTerms>,
    factor: Scalar,
}

impl SwitchKey {
    /// c of a provider directly below the owner.
    ///
    /// # Errors
    /// [`SwitchKeyError::Signer`] if the signer is not the space's owner, [`SwitchKeyError::Depth`] if the path is longer.
    pub fn provider(
        root: &SearchRoot,
        space: &Space<Ordered>,
        path: &Path,
        owner: &SigningKey,
    ) -> Result<Self, SwitchKeyError> {
        if path.parent().is_some() {
            return Err(SwitchKeyError::Depth);
        }
        let factor = provider(root, &space.id(), path);
        Self::new(space.id(), Subject::Provider(path.clone()), factor, &space.owner(), owner)
    }

    /// τ⁻¹ of somebody below a provider, made by that provider.
    ///
    /// # Errors
    /// [`SwitchKeyError::Signer`] if the signer is not the provider whose key it is, [`SwitchKeyError::Depth`].
    pub fn child(parent: &WriteKey, child: Step, signer: &SigningKey) -> Result<Self, SwitchKeyError> {
        let (path, sid) = (parent.path.child(child).map_err(|_| SwitchKeyError::Depth)?, parent.space.id());
        let factor = tau(&parent.k, &sid, &path).nonzero()?.invert();
        Self::new(sid, Subject::Provider(path), factor, &parent.path.last().party, signer)
    }

    /// c of a user, who may ask for the values of certain providers.
    ///
    /// # Errors
    /// [`SwitchKeyError::Signer`] if the signer is not the space's owner, [`SwitchKeyError::Scope`].
    pub fn querier(
        root: &SearchRoot,
        space: &Space<Ordered>,
        user: Step,
        scope: &[Path],
        owner: &SigningKey,
    ) -> Result<Self, SwitchKeyError> {
        let scope = scope_of(scope).map_err(|_| SwitchKeyError::Scope)?;
        let factor = querier(root, &space.id(), user);
        Self::new(space.id(), Subject::Querier(user, scope), factor, &space.owner(), owner)
    }

    fn new(
        space: SpaceId,
        subject: Subject,
        factor: Scalar,
        above: &PartyId,
        signer: &SigningKey,
    ) -> Result<Self, SwitchKeyError> {
        if signer.id() != *above {
            return Err(SwitchKeyError::Signer);
        }
        let factor = factor.nonzero()?;
        let terms = SwitchTerms { space, subject, image: Element::base(&factor).encode() };
        Ok(Self { terms: Signed::new(signer, terms), factor })
    }

    /// The terms, unchecked: for routing and display, never for a decision.
    #[must_use]
    pub fn terms(&self) -> &Signed<SwitchTerms> {
        &self.terms
    }

    /// Checks who signed, the owner or who is directly above, and that the factor is the one of the terms.
    ///
    /// # Errors
    /// [`SwitchCheckError`].
    pub fn verify(&self, owner: &PartyId) -> Result<VerifiedSwitchKey, SwitchCheckError> {
        let above = match &self.terms.unverified().subject {
            Subject::Provider(path) => path.parent().map(|parent| parent.last().party),
            Subject::Querier(..) => None,
        };
        let terms = self.terms.verify(&above.unwrap_or(*owner)).map_err(|_| SwitchCheckError::Signature)?;
        if !bool::from(Element::base(&self.factor).ct_eq(&terms.image.element())) {
            return Err(SwitchCheckError::Factor);
        }
        Ok(VerifiedSwitchKey { owner: *owner, terms: (*terms).clone(), factor: self.factor.clone() })
    }
}

impl fmt::Debug for SwitchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchKey").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl Message for SwitchKey {
    const SUITE: SuiteId = SuiteId::Ordered;
    const KIND: Kind = kind::SWITCH_KEY;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.terms.write(sink);
        sink.put(&*self.factor.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { terms: Signed::read(reader)?, factor: Scalar::read_nonzero(reader)? })
    }
}

impl SecretEncoding for SwitchKey {}

/// A key for a switcher whose signature and factor were checked. It cannot be decoded. A secret.
#[derive(ZeroizeOnDrop)]
pub struct VerifiedSwitchKey {
    #[zeroize(skip)]
    pub(super) owner: PartyId,
    #[zeroize(skip)]
    pub(super) terms: SwitchTerms,
    pub(super) factor: Scalar,
}

impl VerifiedSwitchKey {
    /// What it is for.
    #[must_use]
    pub fn terms(&self) -> &SwitchTerms {
        &self.terms
    }
}

impl fmt::Debug for VerifiedSwitchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedSwitchKey").field("terms", &self.terms).finish_non_exhaustive()
    }
}
