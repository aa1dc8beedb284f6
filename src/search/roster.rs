//! Who may write and who may ask: lists that the owner signs of hospitals and users, and each provider of those below it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::path::{read_scope, write_scope};
use super::{GateError, Path, RosterError, Search, Space, SpaceId, Step, scope_of};
use crate::context::{Timestamp, Validity};
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, Verified};

/// What somebody may do in a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Duty {
    /// Writes, and lists who writes below it.
    Writer = 0,
    /// What it wrote stays, and it writes no more: a provider that left, or whose key was replaced.
    Former = 1,
    /// Asks, within a [scope](Roster::with_scope). Only the owner lists who does.
    Querier = 2,
}

impl Duty {
    pub(super) fn from_byte(byte: u8) -> Result<Self, DecodeError> {
        match byte {
            0 => Ok(Self::Writer),
            1 => Ok(Self::Former),
            2 => Ok(Self::Querier),
            _ => Err(DecodeError::Value),
        }
    }
}

/// Who may write and ask directly below the owner or a provider, in one space, while it is valid. It travels as
/// [`Signed<Roster>`]. Who is left out of the newest one is out.
///
/// What it revokes: **what an honest cloud or switcher does** for who is left out. Keys stay keys: see
/// [`Registrar`](super::Registrar) for new ones.
///
/// Encoded length: 4 + 32 + 1 + 36 for each step + 8 + 16 + 4 + 37 for each member + 4 + 40 and the paths for each scope bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    space: SpaceId,
    above: Option<Path>,
    version: u64,
    validity: Validity,
    members: BTreeSet<(Step, Duty)>,
    scopes: BTreeMap<Step, Vec<Path>>,
    /// In all scopes together.
    paths: usize,
}

impl Roster {
    /// The most members.
    pub const MAX_MEMBERS: usize = 4096;
    /// The most providers in all scopes together.
    pub const MAX_SCOPES: usize = 1 << 18;

    /// A list of who is below `above`; without it, below the owner.
    ///
    /// # Errors
    /// [`RosterError::TooMany`], [`RosterError::Querier`] if a provider's list names one, [`RosterError::Depth`] if nobody
    /// can be below.
    pub fn new(
        space: SpaceId,
        above: Option<Path>,
        version: u64,
        validity: Validity,
        members: impl IntoIterator<Item = (Step, Duty)>,
    ) -> Result<Self, RosterError> {
        let (members, scopes) = (members.into_iter().collect(), BTreeMap::new());
        let roster = Self { space, above, version, validity, members, scopes, paths: 0 };
        if roster.members.len() > Self::MAX_MEMBERS {
            return Err(RosterError::TooMany);
        }
        roster.check()
    }

    /// Says whom a user who is listed as [`Duty::Querier`] may ask; without it, nobody.
    ///
    /// # Errors
    /// [`RosterError::Querier`] if it is not so listed, [`RosterError::TooMany`] if there are too many paths or none.
    pub fn with_scope(mut self, user: Step, scope: &[Path]) -> Result<Self, RosterError> {
        if !self.members.contains(&(user, Duty::Querier)) {
            return Err(RosterError::Querier);
        }
        let scope = scope_of(scope).map_err(|_| RosterError::TooMany)?;
        self.paths = self.paths.saturating_add(scope.len());
        let former = self.scopes.insert(user, scope);
        self.paths = self.paths.saturating_sub(former.map_or(0, |former| former.len()));
        if self.paths > Self::MAX_SCOPES { Err(RosterError::TooMany) } else { Ok(self) }
    }

    fn check(self) -> Result<Self, RosterError> {
        let Some(above) = &self.above else { return Ok(self) };
        if above.steps().len() >= Path::MAX_DEPTH {
            return Err(RosterError::Depth);
        }
        if self.members.iter().any(|(_, duty)| *duty == Duty::Querier) {
            return Err(RosterError::Querier);
        }
        Ok(self)
    }

    /// For which space.
    #[must_use]
    pub fn space(&self) -> SpaceId {
        self.space
    }

    /// Whose list it is; `None` for the owner's.
    #[must_use]
    pub fn above(&self) -> Option<&Path> {
        self.above.as_ref()
    }

    /// Its number, counted by who signs.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    /// While it counts.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Who is on it.
    pub fn members(&self) -> impl ExactSizeIterator<Item = (Step, Duty)> + '_ {
        self.members.iter().copied()
    }
}

impl Message for Roster {
    const SUITE: SuiteId = SuiteId::Common;
    const KIND: Kind = kind::SEARCH_ROSTER;

    fn encode_body(&self, sink: &mut dyn Sink) {
        sink.put(self.space.as_bytes());
        Path::write_optional(self.above.as_ref(), sink);
        sink.put(&self.version.to_be_bytes());
        self.validity.write(sink);
        put_count(sink, self.members.len());
        for (step, duty) in &self.members {
            step.write(sink);
            sink.put(&[*duty as u8]);
        }
        put_count(sink, self.scopes.len());
        for (user, scope) in &self.scopes {
            user.write(sink);
            write_scope(scope, sink);
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (space, above) = (Digest::from_array(reader.array()?), Path::read_optional(reader)?);
        let (version, validity) = (reader.u64()?, Validity::read(reader)?);
        let mut members = BTreeSet::new();
        for _ in 0..reader.count(Self::MAX_MEMBERS, Step::LEN + 1)? {
            let (step, [duty]) = (Step::read(reader)?, reader.array()?);
            let member = (step, Duty::from_byte(duty)?);
            if members.last().is_some_and(|last| *last >= member) {
                return Err(DecodeError::Value);
            }
            members.insert(member);
        }
        let roster = Self { space, above, version, validity, members, scopes: BTreeMap::new(), paths: 0 };
        let mut roster = roster.check().map_err(|_| DecodeError::Value)?;
        for _ in 0..reader.count(Self::MAX_MEMBERS, Step::LEN + 4 + 37)? {
            let (user, scope) = (Step::read(reader)?, read_scope(reader)?);
            if roster.scopes.last_key_value().is_some_and(|(last, _)| *last >= user) {
                return Err(DecodeError::Value);
            }
            roster = roster.with_scope(user, &scope).map_err(|_| DecodeError::Value)?;
        }
        Ok(roster)
    }
}

public_encoding!(Roster);

/// The newest rosters of a space that somebody knows: what a cloud lets in by, and in the ordered mode the switcher.
///
/// Encoded as their number and the signed rosters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rosters {
    owner: PartyId,
    space: SpaceId,
    known: BTreeMap<Option<Path>, (Signed<Roster>, Verified<Roster>)>,
}

impl Rosters {
    /// The most lists below one provider of the owner's, and members of them together, those of everybody who was ever below
    /// it included.
    pub const MAX_BELOW: usize = 65_536;

    /// None yet: nobody may do anything.
    #[must_use]
    pub fn new<M: Search>(space: &Space<M>) -> Self {
        Self { owner: space.owner(), space: space.id(), known: BTreeMap::new() }
    }

    /// Takes a roster in the place of an older one.
    ///
    /// # Errors
    /// [`RosterError`]; nothing is changed then.
    pub fn update(&mut self, roster: &Signed<Roster>, now: Timestamp) -> Result<(), RosterError> {
        let verified = self.verify(roster)?;
        if !verified.validity.contains(now) {
            return Err(RosterError::Time);
        }
        // Whoever could leave rosters here without being on one could fill the memory.
        if verified.above.as_ref().is_some_and(|above| self.duty(above, now) != Ok(Duty::Writer)) {
            return Err(RosterError::Unlisted);
        }
        let newer = self.known.get(&verified.above).is_none_or(|(_, known)| {
            known.version < verified.version
                || (known.version == verified.version && known.digest() == verified.digest())
        });
        if !newer {
            return Err(RosterError::Rollback);
        }
        // Who may list may list who lists in turn.
        if self.others_below(&verified).saturating_add(verified.members.len()) >= Self::MAX_BELOW {
            return Err(RosterError::TooMany);
        }
        self.known.insert(verified.above.clone(), (roster.clone(), verified));
        // What was below somebody who is out stays: if it comes back, its old rosters must not.
        Ok(())
    }

    /// How much there is below the same provider of the owner's, besides the roster's former form; nothing for the owner's.
    fn others_below(&self, roster: &Roster) -> usize {
        let Some(top) = roster.above.as_ref().and_then(|above| above.steps().first()) else { return 0 };
        let below = self.known.range(Some(Path::new(*top))..);
        let below = below.take_while(|(above, _)| above.as_ref().and_then(|above| above.steps().first()) == Some(top));
        let others = below.filter(|(above, _)| **above != roster.above);
        others.map(|(_, (_, other))| other.members.len().saturating_add(1)).sum()
    }

    /// Those that somebody [handed on](Self::signed) or kept, whatever the time.
    ///
    /// # Errors
    /// [`RosterError::Signature`], [`RosterError::Space`], [`RosterError::Rollback`] if there are two of one provider.
    pub fn restore<M: Search>(
        space: &Space<M>,
        rosters: impl IntoIterator<Item = Signed<Roster>>,
    ) -> Result<Self, RosterError> {
        let mut restored = Self::new(space);
        for roster in rosters {
            let verified = restored.verify(&roster)?;
            if restored.known.insert(verified.above.clone(), (roster, verified)).is_some() {
                return Err(RosterError::Rollback);
            }
        }
        Ok(restored)
    }

    fn verify(&self, roster: &Signed<Roster>) -> Result<Verified<Roster>, RosterError> {
        let signer = roster.unverified().above.as_ref().map_or(self.owner, |above| above.last().party);
        let verified = roster.verify(&signer).map_err(|_| RosterError::Signature)?;
        if verified.space == self.space { Ok(verified) } else { Err(RosterError::Space) }
    }

    /// What a provider may do now: [`Duty::Writer`] or [`Duty::Former`].
    ///
    /// # Errors
    /// [`GateError::Unlisted`], [`GateError::Time`] if a roster on the way is not valid now.
    pub fn duty(&self, path: &Path, now: Timestamp) -> Result<Duty, GateError> {
        self.listed(path, |roster| roster.validity.contains(now))
    }

    /// Whether a provider is listed at all, whatever the time.
    pub(super) fn is_listed(&self, path: &Path) -> bool {
        self.listed(path, |_| true).is_ok()
    }

    /// Whether the owner, or somebody on the way whose list is here, leaves a provider out. Below whoever has no list here
    /// nobody is out.
    pub(super) fn is_out(&self, path: &Path) -> bool {
        // A list of before the keys above were replaced counts until there is a newer one.
        let newest = |above: &Option<Path>| {
            let same = |(other, _): &(&Option<Path>, _)| match (other, above) {
                (Some(other), Some(above)) => other.same_place(above),
                (other, above) => other.is_none() && above.is_none(),
            };
            self.known.get(above).or_else(|| self.known.iter().rev().find(same).map(|(_, known)| known))
        };
        path.prefixes().any(|(above, step)| match newest(&above) {
            Some((_, roster)) => {
                ![Duty::Writer, Duty::Former].iter().any(|duty| roster.members.contains(&(step, *duty)))
            }
            None => above.is_none(),
        })
    }

    fn listed(&self, path: &Path, counts: impl Fn(&Roster) -> bool) -> Result<Duty, GateError> {
        let mut duty = Duty::Writer;
        for (path, step) in path.prefixes() {
            let (_, roster) = self.known.get(&path).ok_or(GateError::Unlisted)?;
            if !counts(roster) {
                return Err(GateError::Time);
            }
            // Below somebody who left nobody writes any more.
            if roster.members.contains(&(step, Duty::Former)) {
                duty = Duty::Former;
            } else if !roster.members.contains(&(step, Duty::Writer)) {
                return Err(GateError::Unlisted);
            }
        }
        Ok(duty)
    }

    /// The generation of a user who may ask now: the highest that is listed.
    ///
    /// # Errors
    /// [`GateError::Unlisted`], [`GateError::Time`].
    pub fn querier(&self, user: &PartyId, now: Timestamp) -> Result<Step, GateError> {
        let (_, roster) = self.known.get(&None).ok_or(GateError::Unlisted)?;
        if !roster.validity.contains(now) {
            return Err(GateError::Time);
        }
        let asks = roster.members.iter().rev().find(|(step, duty)| step.party == *user && *duty == Duty::Querier);
        asks.map(|(step, _)| *step).ok_or(GateError::Unlisted)
    }

    /// Whom a user may ask now.
    ///
    /// # Errors
    /// [`GateError::Unlisted`], [`GateError::Time`].
    pub fn scope(&self, user: &PartyId, now: Timestamp) -> Result<&[Path], GateError> {
        let step = self.querier(user, now)?;
        let scope = self.known.get(&None).and_then(|(_, roster)| roster.scopes.get(&step));
        Ok(scope.map_or(&[], Vec::as_slice))
    }

    /// All providers that are listed, whatever the time, from the top.
    pub fn providers(&self) -> impl Iterator<Item = Path> + '_ {
        let listed = |(above, _): &(&Option<Path>, _)| above.as_ref().is_none_or(|above| self.is_listed(above));
        self.known.iter().filter(listed).flat_map(|(above, (_, roster))| {
            roster.members.iter().filter(|(_, duty)| *duty != Duty::Querier).filter_map(move |(step, _)| match above {
                Some(above) => above.child(*step).ok(),
                None => Some(Path::new(*step)),
            })
        })
    }

    /// Whether the owner's list is here at all.
    pub(super) fn has_owners(&self) -> bool {
        self.known.contains_key(&None)
    }

    /// When the owner's list ends, and with it the word of everybody on it.
    pub(super) fn end(&self) -> Option<Timestamp> {
        self.known.get(&None).map(|(_, roster)| roster.validity.not_after())
    }

    /// The rosters, to hand on.
    pub fn signed(&self) -> impl ExactSizeIterator<Item = &Signed<Roster>> {
        self.known.values().map(|(signed, _)| signed)
    }

    pub(super) fn write(&self, sink: &mut dyn Sink) {
        put_count(sink, self.known.len());
        self.signed().for_each(|roster| roster.write(sink));
    }

    pub(super) fn read<M: Search>(space: &Space<M>, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut rosters = Self::new(space);
        for _ in 0..reader.count(usize::MAX, 4 + 32 + 4 + 64)? {
            let signed = Signed::<Roster>::read(reader)?;
            let verified = rosters.verify(&signed).map_err(|_| DecodeError::Value)?;
            let above = verified.above.clone();
            if rosters.known.last_key_value().is_some_and(|(last, _)| *last >= above) {
                return Err(DecodeError::Value);
            }
            rosters.known.insert(above, (signed, verified));
        }
        Ok(rosters)
    }
}
