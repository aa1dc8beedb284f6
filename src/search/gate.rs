//! Who lets values and questions in.

use core::fmt;

use super::{BatchHead, Duty, GateError, Path, Rosters, Search, Space, Step, Token, Trapdoor};
use crate::context::Timestamp;
use crate::encoding::{Reader, Sink};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed, Verified};

/// By whose word an index takes batches and answers tokens.
pub trait Gate<M: Search>: Clone + Eq + fmt::Debug + Send + Sync {
    /// Whose signature counts on a batch of this provider's.
    fn signer(&self, provider: &Path) -> PartyId;

    /// Whether the provider may write now.
    ///
    /// # Errors
    /// [`GateError`].
    fn writes(&self, provider: &Path, now: Timestamp) -> Result<(), GateError>;

    /// Whether what the provider wrote is to be kept.
    fn keeps(&self, provider: &Path) -> bool;

    /// Whether the token counts now.
    ///
    /// # Errors
    /// [`GateError`].
    fn asks(&self, token: &Signed<Token<M, M::Trapdoor>>, now: Timestamp) -> Result<(), GateError>;

    /// Whether a user may now ask this of the space.
    ///
    /// # Errors
    /// [`GateError`].
    fn answers(&self, user: &PartyId, trapdoor: &M::Trapdoor, now: Timestamp) -> Result<(), GateError>;

    /// Writes it.
    fn write(&self, sink: &mut dyn Sink);

    /// Reads one of a space.
    ///
    /// # Errors
    /// [`DecodeError`].
    fn read(space: &Space<M>, reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

impl Rosters {
    /// Checks that a batch is signed by its provider, who may write now.
    ///
    /// # Errors
    /// [`GateError`].
    pub(super) fn batch(&self, head: &Signed<BatchHead>, now: Timestamp) -> Result<Verified<BatchHead>, GateError> {
        let provider = &head.unverified().provider;
        match self.duty(provider, now)? {
            Duty::Writer => head.verify(&provider.last().party).map_err(|_| GateError::Signature),
            _ => Err(GateError::Unlisted),
        }
    }

    /// Checks that a token is signed by who asks, who may do so now. Returns which of its keys are live.
    ///
    /// # Errors
    /// [`GateError`].
    pub(super) fn token<M: Search, T: Trapdoor>(
        &self,
        token: &Signed<Token<M, T>>,
        now: Timestamp,
    ) -> Result<(Verified<Token<M, T>>, Step), GateError> {
        let step = self.querier(&token.unverified().asker, now)?;
        let verified = token.verify(&step.party).map_err(|_| GateError::Signature)?;
        if verified.not_after < now { Err(GateError::Time) } else { Ok((verified, step)) }
    }
}

impl<M: Search> Gate<M> for Rosters {
    fn signer(&self, provider: &Path) -> PartyId {
        provider.last().party
    }

    fn writes(&self, provider: &Path, now: Timestamp) -> Result<(), GateError> {
        match self.duty(provider, now)? {
            Duty::Writer => Ok(()),
            _ => Err(GateError::Unlisted),
        }
    }

    fn keeps(&self, provider: &Path) -> bool {
        !self.has_owners() || self.is_listed(provider)
    }

    fn asks(&self, token: &Signed<Token<M, M::Trapdoor>>, now: Timestamp) -> Result<(), GateError> {
        self.token(token, now).map(|_| ())
    }

    /// What has no bounds is found without a key: the scope is what its user was given, and a cloud holds users to it.
    fn answers(&self, user: &PartyId, trapdoor: &M::Trapdoor, now: Timestamp) -> Result<(), GateError> {
        let scope = self.scope(user, now)?;
        let within = trapdoor.scope().all(|path| scope.binary_search(path).is_ok());
        if within { Ok(()) } else { Err(GateError::Scope) }
    }

    fn write(&self, sink: &mut dyn Sink) {
        Self::write(self, sink);
    }

    fn read(space: &Space<M>, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::read(space, reader)
    }
}
