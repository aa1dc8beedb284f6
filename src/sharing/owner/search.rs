//! The owner's spaces: who writes index values, and who may ask for them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::state::State;
use super::step::Step;
use super::{Level, Owner, Update};
use crate::context::{Partition, Timestamp, Validity};
use crate::identity::{PartyId, Signed};
use crate::search::ordered::{SwitchKey, SwitchRotation};
use crate::search::{
    Duty, Ordered, Path, Registrar, RegistrarError, Roster, SearchRoot, Space, SpaceId, Step as Place,
};
use crate::sharing::search::{AllSpaces, SearchGrant, SharedSearch, Spaces};
use crate::sharing::{KeyBundle, OwnerError, SharingScheme, VerifiedBundle};

impl<S: SharingScheme> Owner<S> {
    /// Opens a space for search, that nobody writes into or asks yet.
    ///
    /// # Errors
    /// [`OwnerError::NotOwner`] for a space of somebody else's, [`OwnerError::NoSuchPeriod`] if there is no such partition,
    /// [`OwnerError::SpaceExists`], and others; the state is unchanged then.
    pub fn open_space<M: SharedSearch, R: TryCryptoRng + ?Sized>(
        &mut self,
        space: Space<M>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |owner, state, _| {
            state.current(&space.partition())?;
            if space.owner() != owner.id() {
                return Err(OwnerError::NotOwner);
            }
            let spaces = M::spaces_mut(&mut state.spaces);
            if spaces.len() >= AllSpaces::MAX {
                return Err(OwnerError::Exhausted);
            }
            match spaces.insert(space.id(), Registrar::new(space)) {
                Some(_) => Err(OwnerError::SpaceExists),
                None => Ok(()),
            }
        })
    }

    /// Changes who writes into a space and who asks it, in whatever way the [`Registrar`] knows. New rosters are in the
    /// [`Update`]; keys are [handed out](Self::search_keys) afterwards.
    ///
    /// # Errors
    /// [`OwnerError::NoSuchSpace`], [`OwnerError::Search`], and others; the state is unchanged then.
    pub fn change_space<M: SharedSearch, T, R: TryCryptoRng + ?Sized>(
        &mut self,
        space: &SpaceId,
        now: Timestamp,
        rng: &mut R,
        change: impl FnOnce(&mut Registrar<M>) -> Result<T, RegistrarError>,
    ) -> Result<(Update<S>, T), OwnerError> {
        let mut made = None;
        let update = self.change(now, rng, |_, state, _| {
            let registrar = M::spaces_mut(&mut state.spaces).get_mut(space).ok_or(OwnerError::NoSuchSpace)?;
            made = Some(change(registrar)?);
            Ok(())
        })?;
        made.map(|made| (update, made)).ok_or(OwnerError::NoSuchSpace)
    }

    /// Who writes into a space and who asks it.
    pub fn space<M: SharedSearch>(&self, space: &SpaceId) -> Option<&Registrar<M>> {
        M::spaces(&self.state.spaces).get(space)
    }

    /// The secret from which the keys for search derive: for keys that reach their holders in another way than
    /// [sealed](Self::search_keys).
    pub fn search_root(&self) -> SearchRoot {
        SearchRoot::new(&self.root)
    }

    /// All keys for search that a party has now, sealed to it: as a provider directly below the owner, and as a user who
    /// asks. They take the place of those that it had. Only where the scheme seals to members, as
    /// [`Kapre`](crate::kapre::Kapre) does.
    ///
    /// # Errors
    /// [`OwnerError::Bundle`], [`OwnerError::Delegate`] where the scheme does not seal, [`OwnerError::Exhausted`] beyond 16 MiB
    /// of keys, and others.
    pub fn search_keys<R: TryCryptoRng + ?Sized>(
        &self,
        party: &PartyId,
        bundle: &Signed<KeyBundle<S>>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Signed<SearchGrant>, OwnerError> {
        let bundle = VerifiedBundle::<S>::new(&self.params, bundle, party, now)?;
        let (root, mut keys) = (self.search_root(), Vec::new());
        collect(&self.state.spaces.federated, &root, party, &mut keys)?;
        collect(&self.state.spaces.ordered, &root, party, &mut keys)?;
        // Or it would not be read again.
        if !SearchGrant::fits(&keys) {
            return Err(OwnerError::Exhausted);
        }
        let seal = |message: &[u8], info: &_| S::seal_to(bundle.key(), message, info, &self.signing, rng);
        let grant = SearchGrant::seal(&self.id(), *party, self.state.version, &keys, seal)?;
        Ok(Signed::new(&self.signing, grant))
    }

    /// What the switcher of a space in the ordered mode needs of everybody who is directly below the owner or asks, as things
    /// stand: a secret message for each, over a confidential channel. It refuses those that it has.
    ///
    /// # Errors
    /// [`OwnerError::NoSuchSpace`], [`OwnerError::Search`].
    pub fn switch_keys(&self, space: &SpaceId) -> Result<Vec<SwitchKey>, OwnerError> {
        let (registrar, root) = (self.space::<Ordered>(space).ok_or(OwnerError::NoSuchSpace)?, self.search_root());
        // Who has retired uploads no more, and what it uploaded follows by rotation.
        let writes = registrar.providers().filter(|(_, duty)| *duty == Duty::Writer);
        let provider = |(step, _)| SwitchKey::provider(&root, registrar.space(), &Path::new(step), &self.signing);
        let asker = |(user, scope): (&PartyId, &[Path])| {
            let step = Place { party: *user, generation: registrar.generation() };
            SwitchKey::querier(&root, registrar.space(), step, scope, &self.signing)
        };
        let keys = writes.map(provider).chain(registrar.askers().map(asker));
        keys.collect::<Result<_, _>>().map_err(|_| OwnerError::Search(RegistrarError::Scope))
    }

    /// What brings the switcher of a space in the ordered mode from a former generation of its keys to the present one: a
    /// secret, over a confidential channel.
    ///
    /// # Errors
    /// [`OwnerError::NoSuchSpace`], [`OwnerError::Search`] if there is no such former generation.
    pub fn switch_rotation(&self, space: &SpaceId, from: u32) -> Result<SwitchRotation, OwnerError> {
        let registrar = self.space::<Ordered>(space).ok_or(OwnerError::NoSuchSpace)?;
        let to = registrar.generation();
        SwitchRotation::new(&self.search_root(), registrar.space(), from, to, &self.signing)
            .map_err(|_| OwnerError::Search(RegistrarError::Renew))
    }
}

fn collect<M: SharedSearch>(
    spaces: &Spaces<M>,
    root: &SearchRoot,
    party: &PartyId,
    keys: &mut Vec<crate::sharing::SearchKey>,
) -> Result<(), OwnerError> {
    for registrar in spaces.values() {
        match registrar.write_key(root, party) {
            Ok(key) => keys.push(M::granted_write(key)),
            Err(RegistrarError::Unknown) => {}
            Err(error) => return Err(error.into()),
        }
        match registrar.query_key(root, party) {
            Ok(key) => keys.push(M::granted_query(key)),
            Err(RegistrarError::Unknown) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl<S: SharingScheme, R: ?Sized> Step<'_, S, R> {
    /// Takes from who leaves what it may ask and write in the spaces of some partitions, and replaces the keys that it had to
    /// ask with: at once where that concerns what is written from now on, which is the federated mode; in the ordered mode,
    /// where everything that is stored follows, at the levels that reach what is stored.
    pub(super) fn leave_spaces(
        &mut self,
        state: &mut State<S, S::VerifiedUser>,
        user: &PartyId,
        level: Option<Level>,
        concerned: impl Fn(Partition) -> bool,
    ) -> Result<(), OwnerError> {
        let AllSpaces { federated, ordered } = &mut state.spaces;
        let renew_ordered = level > Some(Level::Epochs);
        close(federated, user, level.is_some(), &concerned, &mut self.rekeyed)?;
        close(ordered, user, renew_ordered, &concerned, &mut self.rekeyed)
    }

    /// Replaces the keys of all who write and ask in the spaces of some partitions; in the ordered mode only at the levels that
    /// reach what is stored.
    pub(super) fn renew_spaces(
        &mut self,
        state: &mut State<S, S::VerifiedUser>,
        partitions: &BTreeSet<Partition>,
        level: Level,
    ) -> Result<(), OwnerError> {
        let AllSpaces { federated, ordered } = &mut state.spaces;
        renew(federated, partitions, &mut self.rekeyed)?;
        if level > Level::Epochs { renew(ordered, partitions, &mut self.rekeyed) } else { Ok(()) }
    }

    /// The owner's roster of each space as it is now.
    pub(super) fn rosters(
        &self,
        owner: &Owner<S>,
        state: &mut State<S, S::VerifiedUser>,
    ) -> Result<Vec<Signed<Roster>>, OwnerError> {
        let end = Timestamp(self.now.0.checked_add(owner.seconds).ok_or(OwnerError::Exhausted)?);
        let validity = Validity::new(Owner::<S>::early(self.now), end).ok_or(OwnerError::Time)?;
        let AllSpaces { federated, ordered } = &mut state.spaces;
        let federated = federated.values_mut().map(|registrar| registrar.roster(validity, &owner.signing));
        let ordered = ordered.values_mut().map(|registrar| registrar.roster(validity, &owner.signing));
        federated.chain(ordered).map(|roster| roster.map_err(OwnerError::Search)).collect()
    }
}

fn close<M: SharedSearch>(
    spaces: &mut Spaces<M>,
    user: &PartyId,
    renew: bool,
    concerned: &impl Fn(Partition) -> bool,
    rekeyed: &mut BTreeSet<PartyId>,
) -> Result<(), OwnerError> {
    for registrar in spaces.values_mut().filter(|registrar| concerned(registrar.space().partition())) {
        match registrar.retire(user) {
            Ok(()) | Err(RegistrarError::Unknown) => {}
            Err(error) => return Err(error.into()),
        }
        match registrar.dismiss(user) {
            Ok(_) | Err(RegistrarError::Unknown) => {}
            Err(error) => return Err(error.into()),
        }
        // It may have been dismissed before, and have its keys still.
        let held = registrar.held(user);
        if renew && !held.is_empty() {
            rekeyed.extend(registrar.renew(&held)?);
        }
    }
    Ok(())
}

/// Replaces all keys of spaces.
fn renew<M: SharedSearch>(
    spaces: &mut Spaces<M>,
    partitions: &BTreeSet<Partition>,
    rekeyed: &mut BTreeSet<PartyId>,
) -> Result<(), OwnerError> {
    for registrar in spaces.values_mut().filter(|registrar| partitions.contains(&registrar.space().partition())) {
        let parties = registrar.providers().map(|(step, _)| step.party).collect();
        rekeyed.extend(registrar.renew(&parties)?);
    }
    Ok(())
}
