//! Tokens: what a user asks, for one space or for several at once.

use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use rand_core::TryCryptoRng;

use super::{Query, Search, Shape, SpaceId, TokenError, Trapdoor};
use crate::context::Timestamp;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::{Digest, label};
use crate::identity::{PartyId, Signed, SigningKey};

/// What is asked of one space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause<T> {
    pub(super) space: SpaceId,
    pub(super) shape: Shape,
    pub(super) trapdoor: T,
}

/// A question, signed by who asks as `Signed<Token<…>>`: records for which everything holds that it asks for, each of one
/// space.
///
/// It lets a cloud find what was asked for, under the keys that it names, until those keys are replaced: a cloud that keeps
/// it can ask the same again at any time. `not_after` binds the honest.
///
/// Encoded length: 4 + 32 + 8 + 16 + 32 + 4 bytes, and for each space 34 bytes and what is asked of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token<M, T> {
    pub(super) asker: PartyId,
    pub(super) not_after: Timestamp,
    pub(super) nonce: [u8; 16],
    /// The signed token of which this is the switched form; [`Digest::NONE`] for what a user made.
    pub(super) source: Digest,
    pub(super) clauses: Vec<Clause<T>>,
    pub(super) mode: PhantomData<M>,
}

/// The most spaces that one token asks.
pub const MAX_CLAUSES: usize = 8;

impl<M: Search> Token<M, M::Question> {
    /// Asks for the records for which all of `queries` hold, at most [`MAX_CLAUSES`] of them, each of another space.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn new<R: TryCryptoRng + ?Sized>(
        queries: &[(&M::QueryKey, &Query)],
        not_after: Timestamp,
        signer: &SigningKey,
        rng: &mut R,
    ) -> Result<Signed<Self>, TokenError> {
        if queries.is_empty() || queries.len() > MAX_CLAUSES {
            return Err(TokenError::Clauses);
        }
        // The greatest ten of everything are not the greatest ten of what else is asked for.
        if queries.len() > 1 && queries.iter().any(|(_, query)| query.is_top()) {
            return Err(TokenError::TopOfSeveral);
        }
        let clause = |(key, query): &(&M::QueryKey, &Query)| {
            let (space, _) = M::asker(key);
            let trapdoor = M::question(key, query).map_err(TokenError::Query)?;
            Ok(Clause { space: space.id(), shape: space.shape(), trapdoor })
        };
        let mut clauses = queries.iter().map(clause).collect::<Result<Vec<_>, TokenError>>()?;
        clauses.sort_unstable_by_key(|clause| clause.space);
        if clauses.windows(2).any(|pair| matches!(pair, [a, b] if a.space == b.space)) {
            return Err(TokenError::Clauses);
        }
        let nonce = signer.draw(label::SEARCH_NONCE, &[], rng).map_err(|_| TokenError::Rng)?.digest().half();
        let (asker, source) = (signer.id(), Digest::NONE);
        Ok(Signed::new(signer, Self { asker, not_after, nonce, source, clauses, mode: PhantomData }))
    }
}

impl<M, T: Trapdoor> Token<M, T> {
    /// Who asks.
    #[must_use]
    pub fn asker(&self) -> PartyId {
        self.asker
    }

    /// Until when it counts.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// What it asks of a space.
    #[must_use]
    pub fn trapdoor(&self, space: &SpaceId) -> Option<&T> {
        self.clauses.iter().find(|clause| clause.space == *space).map(|clause| &clause.trapdoor)
    }

    /// Which spaces it asks.
    pub fn spaces(&self) -> impl ExactSizeIterator<Item = SpaceId> + '_ {
        self.clauses.iter().map(|clause| clause.space)
    }
}

impl<M, T> fmt::Debug for Token<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("asker", &self.asker)
            .field("not_after", &self.not_after)
            .field("clauses", &self.clauses.len())
            .finish_non_exhaustive()
    }
}

impl<M: Search, T: Trapdoor> Message for Token<M, T> {
    const SUITE: SuiteId = M::SUITE;
    const KIND: Kind = T::TOKEN;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.asker.as_bytes());
        sink.put(&self.not_after.0.to_be_bytes());
        sink.put(&self.nonce);
        sink.put(self.source.as_bytes());
        put_count(sink, self.clauses.len());
        for clause in &self.clauses {
            sink.put(clause.space.as_bytes());
            clause.shape.write(sink);
            clause.trapdoor.write(sink);
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (asker, not_after) = (PartyId::from_array(reader.array()?), Timestamp(reader.u64()?));
        let (nonce, source) = (reader.array()?, Digest::from_array(reader.array()?));
        let mut clauses: Vec<Clause<T>> = Vec::new();
        for _ in 0..reader.count(MAX_CLAUSES, 34)? {
            let (space, shape) = (Digest::from_array(reader.array()?), Shape::read(reader)?);
            if clauses.last().is_some_and(|last| last.space >= space) {
                return Err(DecodeError::Value);
            }
            clauses.push(Clause { space, shape, trapdoor: T::read(&shape, reader)? });
        }
        if clauses.is_empty() {
            return Err(DecodeError::Value);
        }
        Ok(Self { asker, not_after, nonce, source, clauses, mode: PhantomData })
    }
}

public_encoding!(Token<M, T> where [M: Search, T: Trapdoor]);
