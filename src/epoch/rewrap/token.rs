//! Tokens: how a cloud moves the wrapped keys of one epoch to another generation.

use alloc::vec::Vec;
use core::fmt;
use core::slice;

use rand_core::TryCryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::wrapped::rho;
use super::{EpochSecret, Location, Wrapped};
use crate::encoding::{Kind, Message, Reader, SecretEncoding, Sink, SuiteId, kind, public_encoding};
use crate::epoch::tree::EpochTree;
use crate::epoch::{TokenCheckError, TokenError, UpdateError};
use crate::error::{DecodeError, RngError};
use crate::hash::{Digest, label};
use crate::identity::{PartyId, Signed, SigningKey};
use crate::ristretto::{Element, Point, Scalar, Table};

/// Wrapped keys whose new points are encoded at once; with `rayon`, what one core takes.
const BATCH: usize = 64;

/// What is drawn for one call, for however many wrapped keys.
type Seed = Zeroizing<[u8; 64]>;

/// What a token does, said by the owner: from which generation of which tree to which one, in which epoch, and the
/// points of both. It is public.
///
/// Encoded length: 4 + 32 + (4 + partition) + 4 + 1 + 4 + 4 + 32 + 32 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTerms {
    from: EpochTree,
    to: u32,
    epoch: u32,
    old: Point,
    new: Point,
}

impl TokenTerms {
    /// The tree of the generation that it leads from.
    pub fn from(&self) -> &EpochTree {
        &self.from
    }

    /// The generation that it leads to.
    pub fn to(&self) -> u32 {
        self.to
    }

    /// The epoch.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }
}

impl Message for TokenTerms {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::TOKEN_TERMS;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.from.write(sink);
        sink.put(&self.to.to_be_bytes());
        sink.put(&self.epoch.to_be_bytes());
        sink.put(self.old.as_bytes());
        sink.put(self.new.as_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (from, to, epoch) = (EpochTree::read(reader)?, reader.u32()?, reader.u32()?);
        if to <= from.generation() || epoch > from.last_epoch() {
            return Err(DecodeError::Value);
        }
        Ok(Self { from, to, epoch, old: Point::read(reader)?, new: Point::read(reader)? })
    }
}

public_encoding!(TokenTerms);

/// Δ = x'·x⁻¹ with the owner's signed statement of what it is. A secret: with it and either generation's secret of the
/// epoch one has the other's.
///
/// Encoded length: 4 + the signed terms + 32 bytes.
#[derive(ZeroizeOnDrop)]
pub struct Token {
    #[zeroize(skip)]
    terms: Signed<TokenTerms>,
    delta: Scalar,
}

impl Token {
    /// The terms, unchecked: for routing and display, never for a decision.
    pub fn terms(&self) -> &Signed<TokenTerms> {
        &self.terms
    }

    pub(super) fn new(old: &EpochSecret, new: &EpochSecret, owner: &SigningKey) -> Result<Self, TokenError> {
        let (from, to) = (*old.tree(), new.tree().generation());
        if owner.id() != from.owner() {
            return Err(TokenError::Signer);
        }
        if old.location() != new.location() {
            return Err(TokenError::Location);
        }
        if to <= from.generation() {
            return Err(TokenError::Generation);
        }
        let terms = TokenTerms { from, to, epoch: old.epoch(), old: *old.y(), new: *new.y() };
        Ok(Self { terms: Signed::new(owner, terms), delta: new.x() * old.inverse() })
    }

    pub(super) fn verify_token(&self, owner: &PartyId) -> Result<VerifiedToken, TokenCheckError> {
        let terms = self.terms.verify(owner).map_err(|_| TokenCheckError::Signature)?;
        if terms.from.owner() != *owner {
            return Err(TokenCheckError::Owner);
        }
        if !bool::from(terms.old.mul(&self.delta).ct_eq(&terms.new.element())) {
            return Err(TokenCheckError::Factor);
        }
        Ok(VerifiedToken {
            digest: terms.digest(),
            from: terms.from,
            to: terms.to,
            epoch: terms.epoch,
            delta: self.delta.clone(),
            new: Table::new(&terms.new),
        })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("terms", &self.terms).finish_non_exhaustive()
    }
}

impl Message for Token {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::TOKEN;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.terms.write(sink);
        sink.put(&*self.delta.to_bytes());
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { terms: Signed::read(reader)?, delta: Scalar::read_nonzero(reader)? })
    }
}

impl SecretEncoding for Token {}

/// A token whose signature was checked, and that Δ leads from the one point to the other. It cannot be decoded. It has
/// multiples of the new point with it, 30 KiB. A secret; drop it as soon as the epoch is done.
#[derive(ZeroizeOnDrop)]
pub struct VerifiedToken {
    #[zeroize(skip)]
    digest: Digest,
    #[zeroize(skip)]
    from: EpochTree,
    #[zeroize(skip)]
    to: u32,
    #[zeroize(skip)]
    epoch: u32,
    delta: Scalar,
    #[zeroize(skip)]
    new: Table,
}

impl VerifiedToken {
    /// The tree of the generation that it leads from.
    pub fn from(&self) -> &EpochTree {
        &self.from
    }

    /// The generation that it leads to.
    pub fn to(&self) -> u32 {
        self.to
    }

    /// Of what it is, apart from the generations.
    pub fn location(&self) -> Location {
        Location::new(&self.from, self.epoch)
    }

    fn check(&self, location: &Location, wrapped: &Wrapped) -> Result<(), UpdateError> {
        if *location != self.location() {
            Err(UpdateError::Location)
        } else if wrapped.generation != self.from.generation() {
            Err(UpdateError::Generation)
        } else {
            Ok(())
        }
    }

    /// A secret from which ρ' of each wrapped key follows.
    fn seed<R: TryCryptoRng + ?Sized>(&self, cloud: &SigningKey, rng: &mut R) -> Result<Seed, RngError> {
        cloud.draw(label::REWRAP_UPDATE, &[self.digest.as_bytes()], rng).map(|drawn| drawn.wide())
    }

    /// C1' = Δ·C1 + ρ'Y', C2' = C2 + ρ'B. The new C1 are encoded together, from their halves; all of them are public.
    fn apply(&self, seed: &Seed, wrapped: &[Wrapped]) -> Result<Vec<Wrapped>, RngError> {
        let half = self.delta.halve();
        // Growing would leave a copy behind.
        let mut rhos = Vec::with_capacity(wrapped.len());
        for wrapped in wrapped {
            // The points are in it: a seed that repeats gives others their own.
            rhos.push(rho(&**seed, &wrapped.c1, &wrapped.c2).nonzero()?);
        }
        let both = || wrapped.iter().zip(&rhos);
        let halves: Vec<_> = both().map(|(old, rho)| old.c1.mul(&half) + self.new.mul(&rho.halve())).collect();
        let new = both().zip(Point::doubles(&halves)).map(|((old, rho), c1)| {
            let c2 = (old.c2.element() + Element::base(rho)).encode();
            Wrapped { generation: self.to, c1, c2, ..*old }
        });
        Ok(new.collect())
    }

    pub(super) fn update<R: TryCryptoRng + ?Sized>(
        &self,
        location: &Location,
        wrapped: &Wrapped,
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Wrapped, UpdateError> {
        let updated = self.update_many(location, slice::from_ref(wrapped), cloud, rng)?;
        // As many as there were.
        updated.into_iter().next().ok_or(UpdateError::Rng)
    }

    pub(super) fn update_many<R: TryCryptoRng + ?Sized>(
        &self,
        location: &Location,
        wrapped: &[Wrapped],
        cloud: &SigningKey,
        rng: &mut R,
    ) -> Result<Vec<Wrapped>, UpdateError> {
        wrapped.iter().try_for_each(|wrapped| self.check(location, wrapped))?;
        let seed = self.seed(cloud, rng)?;
        #[cfg(feature = "rayon")]
        let updated: Result<Vec<_>, RngError> = {
            use rayon::prelude::*;
            wrapped.par_chunks(BATCH).map(|wrapped| self.apply(&seed, wrapped)).collect()
        };
        #[cfg(not(feature = "rayon"))]
        let updated: Result<Vec<_>, RngError> =
            wrapped.chunks(BATCH).map(|wrapped| self.apply(&seed, wrapped)).collect();
        Ok(updated?.into_iter().flatten().collect())
    }
}

impl fmt::Debug for VerifiedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("VerifiedToken");
        out.field("from", &self.from).field("to", &self.to).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}
