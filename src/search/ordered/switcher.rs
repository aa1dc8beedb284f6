//! The switcher as a party: it looks at rosters and signatures, switches, and signs what comes out for the cloud.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::{Digests, Ordered, Points, Question, Switch, SwitchError, Trapdoor};
use crate::context::Timestamp;
use crate::encoding::{Reader, Sink};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::search::token::Clause;
use crate::search::{Batch, BatchError, BatchHead, Gate, GateError, Path, Rosters, Space, SpaceId, Token};

/// The gate of a column in the ordered mode: what one switcher signed, of one generation of the space, from and for those whom
/// the rosters list. The switcher looks at rosters too; the cloud's are for what the switcher signed before it heard that
/// somebody is out, and somebody kept back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switched {
    switcher: PartyId,
    generation: u32,
    rosters: Rosters,
}

impl Switched {
    /// For a column of this space: values of another generation have no order among its.
    #[must_use]
    pub fn new(space: &Space<Ordered>, switcher: PartyId, generation: u32) -> Self {
        Self { switcher, generation, rosters: Rosters::new(space) }
    }

    /// The rosters, to bring newer ones.
    pub fn rosters_mut(&mut self) -> &mut Rosters {
        &mut self.rosters
    }
}

impl Gate<Ordered> for Switched {
    fn signer(&self, _: &Path) -> PartyId {
        self.switcher
    }

    fn writes(&self, provider: &Path, now: Timestamp) -> Result<(), GateError> {
        if provider.generation() != self.generation {
            return Err(GateError::Space);
        }
        // Values of who has retired come over from former generations; who may write now the switcher looks at.
        self.rosters.duty(&provider.top(), now)?;
        if self.keeps(provider) { Ok(()) } else { Err(GateError::Unlisted) }
    }

    fn keeps(&self, provider: &Path) -> bool {
        !self.rosters.has_owners() || !self.rosters.is_out(provider)
    }

    fn asks(&self, token: &Signed<Token<Ordered, Trapdoor>>, now: Timestamp) -> Result<(), GateError> {
        let verified = token.verify(&self.switcher).map_err(|_| GateError::Signature)?;
        if verified.not_after < now { Err(GateError::Time) } else { Ok(()) }
    }

    /// Without a bound there is nothing in a trapdoor but its scope that is of one generation.
    fn answers(&self, user: &PartyId, trapdoor: &Trapdoor, now: Timestamp) -> Result<(), GateError> {
        if !of_generation(trapdoor, self.generation) {
            return Err(GateError::Space);
        }
        let scope = self.rosters.scope(user, now)?;
        if within(trapdoor, scope) { Ok(()) } else { Err(GateError::Scope) }
    }

    fn write(&self, sink: &mut dyn Sink) {
        sink.put(self.switcher.as_bytes());
        sink.put(&self.generation.to_be_bytes());
        self.rosters.write(sink);
    }

    fn read(space: &Space<Ordered>, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (switcher, generation) = (PartyId::from_array(reader.array()?), reader.u32()?);
        Ok(Self { switcher, generation, rosters: Rosters::read(space, reader)? })
    }
}

/// Whether all providers that are asked are of one generation.
fn of_generation(asked: &impl crate::search::Trapdoor, generation: u32) -> bool {
    asked.scope().all(|path| path.generation() == generation)
}

/// Whether all providers that are asked are within a scope.
fn within(asked: &impl crate::search::Trapdoor, scope: &[Path]) -> bool {
    asked.scope().all(|path| scope.iter().any(|allowed| path.is_within(allowed)))
}

/// A space as the switcher serves it.
struct Desk {
    switch: Switch,
    rosters: Rosters,
}

/// The key-switcher: it stands between providers and users on one side and the cloud on the other, and sees what uploads
/// share, who asks, and no value. Run it apart from the cloud: read [what it does not protect](super).
pub struct Switcher {
    signing: SigningKey,
    desks: BTreeMap<SpaceId, Desk>,
}

/// Why a switcher refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SwitcherError {
    /// It does not serve this space.
    Space,
    /// Who writes or asks may not.
    Gate(GateError),
    /// The batch is not what its head says.
    Batch(BatchError),
    /// The value at this place in the batch is none.
    Value(u32, DecodeError),
    /// The factors do not allow it.
    Switch(SwitchError),
    /// What was switched before is not what this batch became.
    Source,
}

impl fmt::Display for SwitcherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Space => f.write_str("the switcher does not serve this space"),
            Self::Gate(error) => error.fmt(f),
            Self::Batch(error) => error.fmt(f),
            Self::Value(at, error) => write!(f, "value {at} of the batch: {error}"),
            Self::Switch(error) => error.fmt(f),
            Self::Source => f.write_str("the batch is not what was switched before"),
        }
    }
}

impl core::error::Error for SwitcherError {}

impl Switcher {
    /// A switcher that serves nothing yet.
    #[must_use]
    pub fn new(signing: SigningKey) -> Self {
        Self { signing, desks: BTreeMap::new() }
    }

    /// Its name, by which clouds know what it signs.
    #[must_use]
    pub fn id(&self) -> PartyId {
        self.signing.id()
    }

    /// Serves a space, with factors that it has, and rosters that it hears of. Those that it has of the space it keeps;
    /// after a restart they are [restored](Rosters::restore).
    pub fn serve(&mut self, switch: Switch) {
        let space = switch.space().id();
        let rosters = self.desks.remove(&space).map_or_else(|| Rosters::new(switch.space()), |desk| desk.rosters);
        self.desks.insert(space, Desk { switch, rosters });
    }

    fn desk(&self, space: &SpaceId) -> Result<&Desk, SwitcherError> {
        self.desks.get(space).ok_or(SwitcherError::Space)
    }

    /// The factors of a space: to register, remove and rotate, and to keep.
    pub fn switch_mut(&mut self, space: &SpaceId) -> Option<&mut Switch> {
        self.desks.get_mut(space).map(|desk| &mut desk.switch)
    }

    /// The rosters of a space, to bring newer ones.
    pub fn rosters_mut(&mut self, space: &SpaceId) -> Option<&mut Rosters> {
        self.desks.get_mut(space).map(|desk| &mut desk.rosters)
    }

    /// Switches a batch of a provider that may write now, for the cloud. Keep the batch itself, at the cloud for example: it
    /// is what is switched [again](Self::switch_again) after a rotation.
    ///
    /// # Errors
    /// [`SwitcherError`]; one value that is none keeps out the whole batch, which its provider signed.
    pub fn switch(
        &self,
        batch: &Batch<Ordered, Points>,
        now: Timestamp,
    ) -> Result<Batch<Ordered, Digests>, SwitcherError> {
        let desk = self.desk(&batch.head().unverified().space)?;
        let head = desk.rosters.batch(batch.head(), now).map_err(SwitcherError::Gate)?;
        let values = |values: &[&[u8]]| desk.switch.switch_values(&head.provider, values);
        self.switched(desk, batch, head.provider.clone(), values)
    }

    /// Switches a batch again, that was switched in a former generation, to the present one, if nobody leaves its provider
    /// out.
    /// `taken` is the head that this switcher signed then: what it never let in, it does not let in by this way.
    ///
    /// A new column takes all batches of a provider in the order of their numbers, those that only remove among them: what is
    /// left out comes back, or does not.
    ///
    /// # Errors
    /// [`SwitcherError`].
    pub fn switch_again(
        &self,
        batch: &Batch<Ordered, Points>,
        taken: &Signed<BatchHead>,
    ) -> Result<Batch<Ordered, Digests>, SwitcherError> {
        let desk = self.desk(&batch.head().unverified().space)?;
        let taken = taken.verify(&self.id()).map_err(|_| SwitcherError::Source)?;
        let head = batch.head();
        // The digest covers who signed what, of which space; the signature was checked when it came.
        if taken.source != head.digest() {
            return Err(SwitcherError::Source);
        }
        let provider = &head.unverified().provider;
        let now = provider.of_generation(desk.switch.generation());
        if desk.rosters.is_out(&now) {
            return Err(SwitcherError::Gate(GateError::Unlisted));
        }
        let values = |values: &[&[u8]]| desk.switch.switch_stored_values(provider, values);
        self.switched(desk, batch, now, values)
    }

    fn switched(
        &self,
        desk: &Desk,
        batch: &Batch<Ordered, Points>,
        provider: Path,
        switch: impl FnOnce(&[&[u8]]) -> Result<Vec<Result<Vec<u8>, DecodeError>>, SwitchError>,
    ) -> Result<Batch<Ordered, Digests>, SwitcherError> {
        let head = batch.head().unverified();
        if head.shape != desk.switch.space().shape() {
            return Err(SwitcherError::Space);
        }
        batch.leaves().map_err(SwitcherError::Batch)?;
        let values: Vec<_> = batch.entries().map(|(_, value)| value).collect();
        let mut bytes = Vec::new();
        for (value, at) in switch(&values).map_err(SwitcherError::Switch)?.into_iter().zip(0..) {
            bytes.extend(value.map_err(|error| SwitcherError::Value(at, error))?);
        }
        let switched = BatchHead { provider, source: batch.head().digest(), ..head.clone() };
        Batch::new(&self.signing, switched, batch.records.clone(), bytes).map_err(SwitcherError::Batch)
    }

    /// Switches what a user asks who may ask now, for the cloud. It counts no longer than the owner's list that names the
    /// user: the cloud may hear of no later one.
    ///
    /// # Errors
    /// [`SwitcherError`].
    pub fn ask(
        &self,
        token: &Signed<Token<Ordered, Question>>,
        now: Timestamp,
    ) -> Result<Signed<Token<Ordered, Trapdoor>>, SwitcherError> {
        let Token { asker, mut not_after, nonce, .. } = *token.unverified();
        let mut clauses = Vec::new();
        for clause in &token.unverified().clauses {
            let desk = self.desk(&clause.space)?;
            let (_, user) = desk.rosters.token(token, now).map_err(SwitcherError::Gate)?;
            if clause.shape != desk.switch.space().shape() {
                return Err(SwitcherError::Space);
            }
            // Or somebody who leaves has a token for the next one.
            if !of_generation(&clause.trapdoor, desk.switch.generation()) {
                return Err(SwitcherError::Switch(SwitchError::Generation));
            }
            let scope = desk.rosters.scope(&user.party, now).map_err(SwitcherError::Gate)?;
            if !within(&clause.trapdoor, scope) {
                return Err(SwitcherError::Gate(GateError::Scope));
            }
            let trapdoor = desk.switch.switch_question(user, &clause.trapdoor).map_err(SwitcherError::Switch)?;
            clauses.push(Clause { space: clause.space, shape: clause.shape, trapdoor });
            not_after = desk.rosters.end().map_or(not_after, |end| not_after.min(end));
        }
        let switched = Token { asker, not_after, nonce, source: token.digest(), clauses, mode: PhantomData };
        Ok(Signed::new(&self.signing, switched))
    }
}

impl fmt::Debug for Switcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Switcher").field("id", &self.id()).field("spaces", &self.desks.len()).finish_non_exhaustive()
    }
}
