//! The owner's side of a space: who has which key.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use super::path::{read_scope, write_scope};
use super::{Duty, MAX_SCOPE, Mode, Path, RegistrarError, Roster, Search, SearchRoot, Space, Step, scope_of};
use crate::context::Validity;
use crate::encoding::{Kind, Message, Reader, Sink, SuiteId, kind, public_encoding, put_count};
use crate::error::DecodeError;
use crate::identity::{PartyId, Signed, SigningKey};

/// What the owner keeps of a space: the hospitals below it and the users who ask, with the generations of their keys. It
/// holds no secret: keys follow from the [`SearchRoot`].
///
/// What it revokes, and what not:
///
/// * **Who is left out of a [roster](Self::roster)** is turned away by an honest cloud, or switcher, from the moment that
///   it has the roster; by any, when the last roster that names it has ended, if it keeps to ends.
/// * **[`renew`](Self::renew) replaces keys.** In the federated mode a user who left does not find what is written under the
///   new ones, whatever the cloud does for it. What was written under the old ones it finds as long as the cloud, or anybody,
///   has a copy: providers [encrypt](super::federated::WriteKey::reencrypt) it again, and [`settle`](Self::settle) ends the old ones.
///   In the ordered mode all keys of the space are replaced, and the switcher brings the stored values over.
/// * In the ordered mode **nothing** is revoked for who has the switcher's factors, or gets them.
/// * Answers that somebody had, it keeps.
///
/// Encoded length: 4 + space + 8 + 4 + (4 + 37 for each) + (4 + 36 for each) + (4 + 40 and the scope for each) + (4 + 32
/// for each) + (4 + 36 and 32 for each that it holds) bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Registrar<M> {
    space: Space<M>,
    version: u64,
    /// Of the keys of the ordered mode, all of which are of one; in the federated mode 0.
    generation: u32,
    members: BTreeMap<Step, Duty>,
    /// The highest generation that each provider ever had: none comes again.
    last: BTreeMap<PartyId, u32>,
    askers: BTreeMap<PartyId, Asker>,
    /// The ordered mode: who had a key to ask with in this generation.
    asked: BTreeSet<PartyId>,
    /// Whose values users have present keys for, whether or not they may still ask.
    held: BTreeMap<PartyId, BTreeSet<PartyId>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Asker {
    generation: u32,
    scope: Vec<Path>,
}

impl<M: Search> Registrar<M> {
    /// For a space that nobody uses yet.
    #[must_use]
    pub fn new(space: Space<M>) -> Self {
        let (members, last, askers) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (asked, held) = (BTreeSet::new(), BTreeMap::new());
        Self { space, version: 0, generation: 0, members, last, askers, asked, held }
    }

    /// Which space.
    #[must_use]
    pub fn space(&self) -> &Space<M> {
        &self.space
    }

    /// The generation of all keys in the ordered mode.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    fn all_of_one() -> bool {
        M::MODE == Mode::Ordered
    }

    /// Takes a provider in, directly below the owner. One that left comes back under a new key: in the ordered mode after
    /// [renewal](Self::renew), since until then its key would be the old one.
    ///
    /// # Errors
    /// [`RegistrarError::Already`], [`RegistrarError::Full`], [`RegistrarError::Renew`].
    pub fn enroll(&mut self, party: PartyId) -> Result<Path, RegistrarError> {
        if self.writer(&party).is_some() {
            return Err(RegistrarError::Already);
        }
        let generation = match self.last.get(&party) {
            Some(last) if Self::all_of_one() && *last == self.generation => {
                let step = Step { party, generation: *last };
                // Who retired still has its key, and the switcher its factor.
                return match self.members.get_mut(&step) {
                    Some(duty) => {
                        *duty = Duty::Writer;
                        Ok(Path::new(step))
                    }
                    None => Err(RegistrarError::Renew),
                };
            }
            _ if Self::all_of_one() => self.generation,
            Some(last) => last.checked_add(1).ok_or(RegistrarError::Full)?,
            None => 0,
        };
        let step = Step { party, generation };
        if self.members.len().saturating_add(self.askers.len()) >= Roster::MAX_MEMBERS {
            return Err(RegistrarError::Full);
        }
        self.members.insert(step, Duty::Writer);
        self.last.insert(party, generation);
        Ok(Path::new(step))
    }

    fn writer(&self, party: &PartyId) -> Option<Step> {
        // Of one key at most is it written.
        let of = |generation| Step { party: *party, generation };
        let mut of = self.members.range(of(0)..=of(u32::MAX)).filter(|(_, duty)| **duty == Duty::Writer);
        of.next().map(|(step, _)| *step)
    }

    /// A provider writes no more. What it wrote stays.
    ///
    /// # Errors
    /// [`RegistrarError::Unknown`].
    pub fn retire(&mut self, party: &PartyId) -> Result<(), RegistrarError> {
        let step = self.writer(party).ok_or(RegistrarError::Unknown)?;
        self.members.insert(step, Duty::Former);
        Ok(())
    }

    /// A provider is out with everything that it and those below it wrote: columns that hear of it [sweep](super::Column::sweep)
    /// it out. Returns the users whose scope is smaller from now on, as [`settle`](Self::settle) does.
    ///
    /// # Errors
    /// [`RegistrarError::Unknown`].
    pub fn expel(&mut self, party: &PartyId) -> Result<BTreeSet<PartyId>, RegistrarError> {
        let (members, askers) = (self.members.len(), self.askers.clone());
        self.members.retain(|step, _| step.party != *party);
        if self.members.len() == members {
            return Err(RegistrarError::Unknown);
        }
        for asker in self.askers.values_mut() {
            asker.scope.retain(|path| path.parties().next() != Some(*party));
        }
        // Who may ask nobody any more does not ask.
        self.askers.retain(|_, asker| !asker.scope.is_empty());
        self.forget_held(|gone| gone == party);
        Ok(self.changed_since(&askers))
    }

    /// Lets a user ask certain providers, instead of those that it could ask before. In the federated mode these are exactly
    /// those, not what is below them; in the ordered mode everything below them too.
    ///
    /// In the ordered mode a user asks what it was admitted to first, until [renewal](Self::renew): its key would be the same
    /// with another scope.
    ///
    /// A cloud that has the next roster holds the user to the new scope. The key that the user has stays what it is, for a
    /// cloud that does not, until those providers' keys are [renewed](Self::renew).
    ///
    /// # Errors
    /// [`RegistrarError::Scope`] if there are none or too many, [`RegistrarError::Unknown`] if one is below nobody whose
    /// values there are, [`RegistrarError::Full`], [`RegistrarError::Renew`].
    pub fn admit(&mut self, user: PartyId, scope: &[Path]) -> Result<(), RegistrarError> {
        let scope = scope_of(scope).map_err(|_| RegistrarError::Scope)?;
        let known = |path: &Path| path.steps().first().is_some_and(|step| self.members.contains_key(step));
        if !scope.iter().all(known) {
            return Err(RegistrarError::Unknown);
        }
        let listed = self.members.len().saturating_add(self.askers.len());
        if !self.askers.contains_key(&user) && listed >= Roster::MAX_MEMBERS {
            return Err(RegistrarError::Full);
        }
        let others = self.askers.iter().filter(|(other, _)| **other != user).map(|(_, asker)| asker.scope.len());
        if others.sum::<usize>().saturating_add(scope.len()) > Roster::MAX_SCOPES {
            return Err(RegistrarError::Full);
        }
        if Self::all_of_one() && !self.asked.insert(user) {
            return Err(RegistrarError::Renew);
        }
        let tops = scope.iter().filter_map(|path| path.parties().next());
        self.held.entry(user).or_default().extend(tops);
        self.askers.insert(user, Asker { generation: self.generation, scope });
        Ok(())
    }

    /// A user asks no more. Returns whose values it [holds](Self::held) keys for: [`renew`](Self::renew) their keys.
    ///
    /// # Errors
    /// [`RegistrarError::Unknown`].
    pub fn dismiss(&mut self, user: &PartyId) -> Result<BTreeSet<PartyId>, RegistrarError> {
        self.askers.remove(user).ok_or(RegistrarError::Unknown)?;
        Ok(self.held(user))
    }

    /// Whose values a user has present keys for, also if it asks them no more: from when it was admitted until their keys are
    /// [renewed](Self::renew).
    #[must_use]
    pub fn held(&self, user: &PartyId) -> BTreeSet<PartyId> {
        self.held.get(user).cloned().unwrap_or_default()
    }

    /// After keys were replaced, nobody holds present ones but who asks.
    fn forget_held(&mut self, renewed: impl Fn(&PartyId) -> bool) {
        for (user, held) in &mut self.held {
            let scope = self.askers.get(user).map(|asker| asker.scope.as_slice()).unwrap_or_default();
            let asks = |party: &PartyId| scope.iter().any(|path| path.parties().next() == Some(*party));
            held.retain(|party| !renewed(party) || asks(party));
        }
        self.held.retain(|_, held| !held.is_empty());
    }

    /// Whose scope is another one than before.
    fn changed_since(&self, before: &BTreeMap<PartyId, Asker>) -> BTreeSet<PartyId> {
        let changed = before.iter().filter(|(user, asker)| self.askers.get(*user) != Some(asker));
        changed.map(|(user, _)| *user).collect()
    }

    /// Who may ask.
    pub fn askers(&self) -> impl ExactSizeIterator<Item = (&PartyId, &[Path])> {
        self.askers.iter().map(|(user, asker)| (user, asker.scope.as_slice()))
    }

    /// The providers directly below the owner, with all their generations.
    pub fn providers(&self) -> impl ExactSizeIterator<Item = (Step, Duty)> + '_ {
        self.members.iter().map(|(step, duty)| (*step, *duty))
    }

    /// Replaces the keys of providers, and with them of everybody below; in the ordered mode of everybody in the space,
    /// whoever is named. Returns whose keys are to be handed out again: providers' write keys, and the keys of all who ask
    /// them.
    ///
    /// It does not wait for room: where a roster or a scope has none for former keys, they end at once, as by
    /// [`settle`](Self::settle), and what was not encrypted again is found no more.
    ///
    /// # Errors
    /// [`RegistrarError::Full`] after 2³² generations; nothing is changed then.
    pub fn renew(&mut self, parties: &BTreeSet<PartyId>) -> Result<BTreeSet<PartyId>, RegistrarError> {
        let mut next = self.clone();
        let mut renewed = if Self::all_of_one() { next.renew_all()? } else { next.renew_some(parties)? };
        // Where former keys ended at once, that concerns others too.
        renewed.extend(next.changed_since(&self.askers));
        next.forget_held(|party| Self::all_of_one() || parties.contains(party));
        *self = next;
        Ok(renewed)
    }

    /// The ordered mode: one generation for all. The switcher brings what is stored over, so nothing of the former one stays.
    fn renew_all(&mut self) -> Result<BTreeSet<PartyId>, RegistrarError> {
        self.generation = self.generation.checked_add(1).ok_or(RegistrarError::Full)?;
        let generation = self.generation;
        let renewed = |(step, duty): (&Step, &Duty)| (Step { generation, ..*step }, *duty);
        self.members = self.members.iter().map(renewed).collect();
        self.last = self.members.keys().map(|step| (step.party, generation)).collect();
        self.asked = self.askers.keys().copied().collect();
        for asker in self.askers.values_mut() {
            asker.generation = generation;
            asker.scope = asker.scope.iter().map(|path| path.of_generation(generation)).collect();
        }
        // Who has retired writes nothing new.
        let writers = self.members.iter().filter(|(_, duty)| **duty == Duty::Writer).map(|(step, _)| step.party);
        Ok(writers.chain(self.askers.keys().copied()).collect())
    }

    fn renew_some(&mut self, parties: &BTreeSet<PartyId>) -> Result<BTreeSet<PartyId>, RegistrarError> {
        let mut renewed = BTreeSet::new();
        for party in parties {
            // Who has retired writes nothing new.
            let Some(step) = self.writer(party) else { continue };
            let generation = self.last.get(party).and_then(|last| last.checked_add(1)).ok_or(RegistrarError::Full)?;
            self.members.insert(step, Duty::Former);
            self.members.insert(Step { party: *party, generation }, Duty::Writer);
            self.last.insert(*party, generation);
            renewed.insert(*party);
            for (user, asker) in &mut self.askers {
                let of = |path: &&Path| path.steps().first() == Some(&step);
                let new: Vec<_> = asker.scope.iter().filter(of).map(|path| path.of_generation(generation)).collect();
                if !new.is_empty() {
                    renewed.insert(*user);
                    asker.scope.extend(new);
                    asker.scope.sort_unstable();
                }
            }
            if !self.has_room() {
                self.settle();
            }
        }
        Ok(renewed)
    }

    /// Whether a roster can say everything.
    fn has_room(&self) -> bool {
        let mut scopes = self.askers.values().map(|asker| asker.scope.len());
        self.members.len().saturating_add(self.askers.len()) <= Roster::MAX_MEMBERS
            && scopes.clone().all(|scope| scope <= MAX_SCOPE)
            && scopes.by_ref().sum::<usize>() <= Roster::MAX_SCOPES
    }

    /// Ends the former keys of providers that have newer ones: everything under them was encrypted again, or is given up.
    /// Columns [sweep](super::Column::sweep) it out. Returns the users whose scope is smaller from now on: clouds refuse tokens
    /// made with the keys that they have, until they [narrow](Search::narrow) them or get new ones.
    pub fn settle(&mut self) -> BTreeSet<PartyId> {
        let (last, before) = (self.last.clone(), self.askers.clone());
        let over = |step: &Step| last.get(&step.party).is_some_and(|last| step.generation < *last);
        self.members.retain(|step, duty| *duty != Duty::Former || !over(step));
        let members = &self.members;
        for asker in self.askers.values_mut() {
            asker.scope.retain(|path| path.steps().first().is_some_and(|step| members.contains_key(step)));
        }
        self.askers.retain(|_, asker| !asker.scope.is_empty());
        self.changed_since(&before)
    }

    /// Whether its parts fit together, as every operation leaves them.
    fn is_whole(&self) -> bool {
        let of_all = |generation| !Self::all_of_one() || generation == self.generation;
        let counted = |step: &Step| self.last.get(&step.party).is_some_and(|last| step.generation <= *last);
        let member = |path: &Path| path.steps().first().is_some_and(|step| self.members.contains_key(step));
        let has_asked = |user: &PartyId| self.asked.contains(user) == Self::all_of_one();
        self.members.keys().all(|step| counted(step) && of_all(step.generation))
            && self.askers.iter().all(|(user, asker)| {
                let held = self.held.get(user);
                let holds =
                    |path: &Path| path.parties().next().is_some_and(|top| held.is_some_and(|held| held.contains(&top)));
                let fits = asker.scope.iter().all(|path| member(path) && holds(path));
                has_asked(user) && asker.generation == self.generation && fits
            })
            && (Self::all_of_one() || (self.generation == 0 && self.asked.is_empty()))
            && self.has_room()
    }

    /// The owner's roster as things stand, under the next number.
    ///
    /// # Errors
    /// [`RegistrarError::Signer`], [`RegistrarError::Full`].
    pub fn roster(&mut self, validity: Validity, owner: &SigningKey) -> Result<Signed<Roster>, RegistrarError> {
        if owner.id() != self.space.owner() {
            return Err(RegistrarError::Signer);
        }
        let version = self.version.checked_add(1).ok_or(RegistrarError::Full)?;
        let asker =
            |(user, asker): (&PartyId, &Asker)| (Step { party: *user, generation: asker.generation }, Duty::Querier);
        let members = self.providers().chain(self.askers.iter().map(asker));
        let mut roster = Roster::new(self.space.id(), None, version, validity, members);
        for (user, asker) in &self.askers {
            let step = Step { party: *user, generation: asker.generation };
            roster = roster.and_then(|roster| roster.with_scope(step, &asker.scope));
        }
        let roster = roster.map_err(|_| RegistrarError::Full)?;
        self.version = version;
        Ok(Signed::new(owner, roster))
    }

    /// The path to a provider that writes.
    ///
    /// # Errors
    /// [`RegistrarError::Unknown`].
    pub fn path(&self, party: &PartyId) -> Result<Path, RegistrarError> {
        self.writer(party).map(Path::new).ok_or(RegistrarError::Unknown)
    }

    /// The key of a provider that writes, for its eyes only.
    ///
    /// # Errors
    /// [`RegistrarError::Unknown`].
    pub fn write_key(&self, root: &SearchRoot, party: &PartyId) -> Result<M::WriteKey, RegistrarError> {
        Ok(M::write_key(root, &self.space, &self.path(party)?))
    }

    /// The key of a user who asks, for its eyes only.
    ///
    /// # Errors
    /// [`RegistrarError::Unknown`], [`RegistrarError::Scope`].
    pub fn query_key(&self, root: &SearchRoot, user: &PartyId) -> Result<M::QueryKey, RegistrarError> {
        let asker = self.askers.get(user).ok_or(RegistrarError::Unknown)?;
        let step = Step { party: *user, generation: asker.generation };
        M::query_key(root, &self.space, step, &asker.scope).map_err(|_| RegistrarError::Scope)
    }
}

impl<M: Search> fmt::Debug for Registrar<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registrar")
            .field("space", &self.space)
            .field("version", &self.version)
            .field("providers", &self.members)
            .field("askers", &self.askers.len())
            .finish_non_exhaustive()
    }
}

impl<M: Search> Message for Registrar<M> {
    const SUITE: SuiteId = M::SUITE;
    const KIND: Kind = kind::SEARCH_REGISTRAR;

    fn encode_body(&self, sink: &mut dyn Sink) {
        self.space.write(sink);
        sink.put(&self.version.to_be_bytes());
        sink.put(&self.generation.to_be_bytes());
        put_count(sink, self.members.len());
        for (step, duty) in &self.members {
            step.write(sink);
            sink.put(&[*duty as u8]);
        }
        put_count(sink, self.last.len());
        self.last.iter().for_each(|(party, generation)| Step { party: *party, generation: *generation }.write(sink));
        put_count(sink, self.askers.len());
        for (user, asker) in &self.askers {
            Step { party: *user, generation: asker.generation }.write(sink);
            write_scope(&asker.scope, sink);
        }
        put_count(sink, self.asked.len());
        self.asked.iter().for_each(|user| sink.put(user.as_bytes()));
        put_count(sink, self.held.len());
        for (user, held) in &self.held {
            sink.put(user.as_bytes());
            put_count(sink, held.len());
            held.iter().for_each(|party| sink.put(party.as_bytes()));
        }
    }

    fn decode_body(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut registrar = Self::new(Space::read(reader)?);
        (registrar.version, registrar.generation) = (reader.u64()?, reader.u32()?);
        for _ in 0..reader.count(Roster::MAX_MEMBERS, Step::LEN + 1)? {
            let (step, [duty]) = (Step::read(reader)?, reader.array()?);
            let duty = Duty::from_byte(duty)?;
            if duty == Duty::Querier || registrar.members.last_key_value().is_some_and(|(last, _)| *last >= step) {
                return Err(DecodeError::Value);
            }
            // Nobody writes under two keys.
            if duty == Duty::Writer && registrar.writer(&step.party).is_some() {
                return Err(DecodeError::Value);
            }
            registrar.members.insert(step, duty);
        }
        for _ in 0..reader.count(usize::MAX, Step::LEN)? {
            let Step { party, generation } = Step::read(reader)?;
            if registrar.last.last_key_value().is_some_and(|(last, _)| *last >= party) {
                return Err(DecodeError::Value);
            }
            registrar.last.insert(party, generation);
        }
        for _ in 0..reader.count(Roster::MAX_MEMBERS, Step::LEN + 4 + 37)? {
            let Step { party, generation } = Step::read(reader)?;
            if registrar.askers.last_key_value().is_some_and(|(last, _)| *last >= party) {
                return Err(DecodeError::Value);
            }
            let scope = read_scope(reader)?;
            registrar.askers.insert(party, Asker { generation, scope });
        }
        for _ in 0..reader.count(usize::MAX, 32)? {
            let user = PartyId::from_array(reader.array()?);
            if registrar.asked.last().is_some_and(|last| *last >= user) {
                return Err(DecodeError::Value);
            }
            registrar.asked.insert(user);
        }
        for _ in 0..reader.count(usize::MAX, 32 + 4 + 32)? {
            let (user, mut held) = (PartyId::from_array(reader.array()?), BTreeSet::new());
            for _ in 0..reader.count(usize::MAX, 32)? {
                let party = PartyId::from_array(reader.array()?);
                if held.last().is_some_and(|last| *last >= party) {
                    return Err(DecodeError::Value);
                }
                held.insert(party);
            }
            if held.is_empty() || registrar.held.last_key_value().is_some_and(|(last, _)| *last >= user) {
                return Err(DecodeError::Value);
            }
            registrar.held.insert(user, held);
        }
        if registrar.is_whole() { Ok(registrar) } else { Err(DecodeError::Value) }
    }
}

public_encoding!(Registrar<M> where [M: Search]);
