//! One change of the owner's in the making.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::state::{Issued, MAX, Member, State};
use super::{Level, Owner, Update, layer};
use crate::context::{Partition, Period, Timestamp, Validity};
use crate::identity::{PartyId, Signed};
use crate::pre::{DelegateError, Entry, GrantId};
use crate::sharing::{Delegation, Directory, LayerGrant, OwnerError, SharingScheme};

/// One of the owner's key pairs.
struct Keys<S: SharingScheme> {
    label: S::KeyLabel,
    secret: S::OwnerSecret,
    public: S::OwnerPublic,
}

pub(super) struct Step<'a, S: SharingScheme, R: ?Sized> {
    pub(super) now: Timestamp,
    pub(super) rng: &'a mut R,
    /// What is to be granted once everything else is settled: one grant may cover all that a member gets.
    wanted: BTreeMap<PartyId, BTreeSet<Period>>,
    /// What is to be granted under former generations of keys as well, since not all that is stored is updated.
    former: BTreeMap<(PartyId, u32), BTreeSet<Period>>,
    /// What is no longer in force.
    removed: BTreeSet<GrantId>,
    /// What is in force from now on.
    entries: BTreeMap<GrantId, Entry>,
    delegations: Vec<Delegation<S>>,
    lapsed: BTreeSet<(PartyId, Period)>,
    /// The key pair that was needed last: members get grants of one period one after the other.
    keys: Option<Keys<S>>,
    /// The owner's plan after this change.
    plan: S::Plan,
    /// The lowest generation that is served from now on.
    lowest: u32,
    layer_grants: Vec<Signed<LayerGrant>>,
    /// Whose keys for search were replaced.
    pub(super) rekeyed: BTreeSet<PartyId>,
}

impl<'a, S: SharingScheme, R: TryCryptoRng + ?Sized> Step<'a, S, R> {
    pub(super) fn new(owner: &Owner<S>, state: &State<S, S::VerifiedUser>, now: Timestamp, rng: &'a mut R) -> Self {
        let (wanted, former) = (BTreeMap::new(), BTreeMap::new());
        let (entries, lapsed) = (BTreeMap::new(), BTreeSet::new());
        let (removed, plan) = (state.ended(now), owner.plan.clone());
        let (delegations, layer_grants) = (Vec::new(), Vec::new());
        let (lowest, rekeyed) = (state.live.generation(), BTreeSet::new());
        Self {
            now,
            rng,
            wanted,
            former,
            removed,
            entries,
            delegations,
            lapsed,
            keys: None,
            plan,
            lowest,
            layer_grants,
            rekeyed,
        }
    }

    /// Closes partitions to who lost a grant in them, as far as a level reaches, and the bodies of what it lost before.
    pub(super) fn close(
        &mut self,
        owner: &Owner<S>,
        state: &mut State<S, S::VerifiedUser>,
        level: Level,
        partitions: &BTreeSet<Partition>,
        kept: BTreeMap<Partition, u32>,
    ) -> Result<(), OwnerError> {
        if level > Level::Epochs {
            self.rotate(owner, state)?;
        }
        if level > Level::Headers {
            self.cover(state, partitions, kept)?;
        }
        self.roll(state, partitions)
    }

    /// Begins the next generation of keys: everybody is granted again what it has, under new keys. What was granted under
    /// the old ones stays listed until everything that is stored has been [updated](Owner::settle).
    fn rotate(&mut self, owner: &Owner<S>, state: &mut State<S, S::VerifiedUser>) -> Result<(), OwnerError> {
        let partition = state.epochs.keys().next().copied().ok_or(OwnerError::NoSuchPeriod)?;
        let chain = self.take_keys(owner, &owner.plan, &state.current(&partition)?)?.public;
        self.plan = S::after(&owner.params, &self.plan, &chain, &owner.id())?.ok_or(OwnerError::NoRotation)?;
        state.chain = Some(chain);
        for (user, member) in &state.members {
            member.issued.keys().for_each(|(_, period)| self.want(user, *period));
        }
        Ok(())
    }

    /// A new layer around the bodies of everything that was written in some partitions until now, and in others up to an
    /// epoch.
    fn cover(
        &self,
        state: &mut State<S, S::VerifiedUser>,
        partitions: &BTreeSet<Partition>,
        mut until: BTreeMap<Partition, u32>,
    ) -> Result<(), OwnerError> {
        for partition in partitions {
            until.insert(*partition, state.current(partition)?.epoch);
        }
        for (partition, epoch) in until {
            // It reaches at least as far as the one before: what was lost up to there is no longer kept track of.
            state.layers.entry(partition).or_default().insert(S::generation(&self.plan), epoch);
            for member in state.members.values_mut() {
                member.kept.retain(|of, last| *of != partition || *last > epoch);
            }
        }
        Ok(())
    }

    /// Ends the generations of keys and layers before the current ones.
    pub(super) fn settle(&mut self, state: &mut State<S, S::VerifiedUser>) {
        let generation = S::generation(&self.plan);
        self.lowest = generation;
        for member in state.members.values_mut() {
            // Each period is there under the current generation too: granted, or to be granted on renewal.
            let former = member.issued.iter().filter(|((of, _), _)| *of < generation);
            self.removed.extend(former.map(|(_, issued)| issued.id));
            member.issued.retain(|(of, _), _| *of >= generation);
        }
        if let Some((_, rules)) = state.emergency.take_if(|(of, _)| *of < generation) {
            self.unlist(rules);
        }
        for layers in state.layers.values_mut() {
            while layers.len() > 1 {
                layers.pop_first();
            }
        }
    }

    /// Whether there is a new epoch to begin.
    pub(super) fn has_room(&self, state: &State<S, S::VerifiedUser>, partition: &Partition) -> bool {
        let next = state.current(partition).ok().and_then(|period| period.epoch.checked_add(1));
        next.is_some_and(|epoch| S::has(&self.plan, &Period { partition: *partition, epoch }))
    }

    /// Begins a new epoch of each partition, and lets every member have it who may read the partition.
    pub(super) fn roll(
        &mut self,
        state: &mut State<S, S::VerifiedUser>,
        partitions: &BTreeSet<Partition>,
    ) -> Result<(), OwnerError> {
        for partition in partitions {
            let period = state.roll(partition, self.now)?;
            if !S::has(&self.plan, &period) {
                return Err(OwnerError::Exhausted);
            }
            for member in state.members.values_mut() {
                member.owed.remove(partition);
            }
            let readers = state.members.iter().filter(|(_, member)| member.partitions.contains(partition));
            readers.for_each(|(user, _)| self.want(user, period));
        }
        Ok(())
    }

    /// Lets a member have a period, by a new grant in the place of any that the member has of it.
    pub(super) fn want(&mut self, user: &PartyId, period: Period) {
        self.wanted.entry(*user).or_default().insert(period);
    }

    /// Lets a member have again what was taken back with something else, also under the generation that it was under.
    pub(super) fn restore(&mut self, user: &PartyId, taken: BTreeSet<(u32, Period)>) {
        for (generation, period) in taken {
            self.want(user, period);
            self.former.entry((*user, generation)).or_default().insert(period);
        }
    }

    /// Grants everything again that a member has: its periods, and what is current of its partitions.
    pub(super) fn want_again(&mut self, state: &State<S, S::VerifiedUser>, user: &PartyId) -> Result<(), OwnerError> {
        let member = state.members.get(user).ok_or(OwnerError::NotMember)?;
        member.issued.keys().for_each(|(_, period)| self.want(user, *period));
        for partition in &member.partitions {
            self.want(user, state.current(partition)?);
        }
        Ok(())
    }

    /// Takes from a member the grants that cover one of the periods concerned, by generation and period. Returns the
    /// partitions of these, and what else the grants covered, by generation.
    pub(super) fn take_back(
        &mut self,
        member: &mut Member<S, S::VerifiedUser>,
        concerned: impl Fn(u32, &Period) -> bool,
    ) -> (BTreeSet<Partition>, BTreeSet<(u32, Period)>) {
        let issued = member.issued.iter();
        let ids =
            issued.filter(|((generation, period), _)| concerned(*generation, period)).map(|(_, issued)| issued.id);
        let ids: BTreeSet<_> = ids.collect();
        let (mut touched, mut others) = (BTreeSet::new(), BTreeSet::new());
        for ((generation, period), issued) in core::mem::take(&mut member.issued) {
            if !ids.contains(&issued.id) {
                member.issued.insert((generation, period), issued);
            } else if concerned(generation, &period) {
                touched.insert(period.partition);
            } else {
                others.insert((generation, period));
            }
        }
        self.removed.extend(ids);
        (touched, others)
    }

    /// Puts an entry into the next head of live grants.
    pub(super) fn list(&mut self, id: GrantId, entry: Entry) {
        self.entries.insert(id, entry);
    }

    /// Leaves an entry out of the next head of live grants.
    pub(super) fn unlist(&mut self, id: GrantId) {
        self.removed.insert(id);
    }

    /// Makes the grants, the directory and the head of live grants.
    pub(super) fn finish(
        mut self,
        owner: &Owner<S>,
        state: &mut State<S, S::VerifiedUser>,
    ) -> Result<(Update<S>, S::Plan), OwnerError> {
        let plan = self.plan.clone();
        for ((user, generation), periods) in core::mem::take(&mut self.former) {
            let member = state.members.get_mut(&user).filter(|_| generation < S::generation(&plan));
            if let Some(member) = member {
                let plan = S::of_generation(&plan, generation).ok_or(OwnerError::NoRotation)?;
                self.grant(owner, &plan, &user, member, periods)?;
            }
        }
        for (user, periods) in core::mem::take(&mut self.wanted) {
            // Who is no member any more gets nothing.
            if let Some(member) = state.members.get_mut(&user) {
                self.grant(owner, &plan, &user, member, periods)?;
                let keys = layer::grant(owner, (state.version, &state.layers), &user, member, self.now, self.rng)?;
                self.layer_grants.extend(keys);
            }
        }
        let (directory, rosters) = (self.directory(owner, state)?, self.rosters(owner, state)?);
        // A head from the future was made by a clock that ran ahead; the next one follows it all the same.
        let at = state.live.at().map_or(self.now, |former| former.max(self.now));
        let not_after = Timestamp(at.0.checked_add(owner.seconds).ok_or(OwnerError::Exhausted)?);
        let live = state.live.advance_to(&owner.signing, self.lowest, self.removed, self.entries, at, not_after)?;
        state.heads.insert(state.live.version(), state.live.digest());
        // An export has room for so many; receipts older than the oldest were checked long ago.
        if state.heads.len() > MAX {
            state.heads.pop_first();
        }
        let lapsed = self.lapsed.into_iter().collect();
        let Self { delegations, layer_grants, rekeyed, .. } = self;
        Ok((Update { live, directory, delegations, layer_grants, rosters, rekeyed, lapsed }, self.plan))
    }

    fn grant(
        &mut self,
        owner: &Owner<S>,
        plan: &S::Plan,
        user: &PartyId,
        member: &mut Member<S, S::VerifiedUser>,
        mut periods: BTreeSet<Period>,
    ) -> Result<(), OwnerError> {
        let generation = S::generation(plan);
        let end = Timestamp(self.now.0.saturating_add(owner.policy.grant_seconds()));
        let not_after = end.min(member.until).min(member.bundle.unverified().not_after);
        if not_after < self.now {
            // The certificate or the key has run out: the member stays without until it is renewed.
            for period in periods {
                self.lapsed.insert((*user, period));
                member.issued.entry((generation, period)).or_insert(Issued::NONE);
            }
            return Ok(());
        }
        let validity = Validity::new(Owner::<S>::early(self.now), not_after).ok_or(OwnerError::Time)?;
        // A grant is replaced as a whole.
        let (_, others) = self.take_back(member, |of, period| of == generation && periods.contains(period));
        periods.extend(others.into_iter().map(|(_, period)| period));
        let referral = owner.policy.referral(member.role).map(|rule| (rule, &owner.policy.issuers));
        for periods in S::divide(plan, periods) {
            let Some(period) = periods.first() else { continue };
            let scope = S::scope(plan, &periods, referral).ok_or(DelegateError::Scope)?;
            let keys = self.take_keys(owner, plan, period)?;
            let policy = S::policy(owner.policy.servers.as_ref(), validity).ok_or(OwnerError::NoServers)?;
            let (params, signer) = (&*owner.params, &owner.signing);
            let (grant, rekeys) = S::delegate(params, &keys.secret, signer, &member.key, &scope, &policy, self.rng)?;
            let (id, digest) = S::name(&grant);
            member.issued.extend(periods.iter().map(|period| ((generation, *period), Issued { id, not_after })));
            self.list(id, Entry::Live { digest });
            let delegation = |rekey| Delegation { owner_key: keys.public.clone(), grant: grant.clone(), rekey };
            self.delegations.extend(rekeys.into_iter().map(delegation));
            self.keys = Some(keys);
        }
        Ok(())
    }

    /// The key pair that a period is under; whoever takes it puts it back.
    fn take_keys(&mut self, owner: &Owner<S>, plan: &S::Plan, period: &Period) -> Result<Keys<S>, OwnerError> {
        let label = S::key_label(plan, period).ok_or(OwnerError::Exhausted)?;
        if let Some(keys) = self.keys.take_if(|keys| keys.label == label) {
            return Ok(keys);
        }
        let (secret, public) = S::owner_keygen(&owner.params, &owner.root, &owner.signing, &label, self.rng)?;
        Ok(Keys { label, secret, public })
    }

    fn directory(
        &mut self,
        owner: &Owner<S>,
        state: &State<S, S::VerifiedUser>,
    ) -> Result<Signed<Directory<S>>, OwnerError> {
        if state.epochs.len() > Directory::MAX_PARTITIONS || state.authors.len() > Directory::MAX_AUTHORS {
            return Err(OwnerError::Exhausted);
        }
        let current = state.epochs.keys().map(|partition| state.current(partition));
        let current = current.collect::<Result<Vec<_>, _>>()?;
        let (mut labels, mut public, plan) = (Vec::new(), Vec::new(), self.plan.clone());
        for period in &current {
            let label = S::key_label(&plan, period).ok_or(OwnerError::Exhausted)?;
            if !labels.contains(&label) {
                let keys = self.take_keys(owner, &plan, period)?;
                public.push(keys.public.clone());
                labels.push(label);
                self.keys = Some(keys);
            }
        }
        let end = Timestamp(self.now.0.checked_add(owner.seconds).ok_or(OwnerError::Exhausted)?);
        let directory = Directory {
            version: state.version,
            validity: Validity::new(Owner::<S>::early(self.now), end).ok_or(OwnerError::Time)?,
            current,
            keys: public,
            authors: state.authors.iter().map(|(author, standing)| (*author, *standing)).collect(),
        };
        Ok(Signed::new(&owner.signing, directory))
    }
}
