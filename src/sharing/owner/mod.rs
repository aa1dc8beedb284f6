//! The owner: a patient and the device that holds the patient's keys.

mod backup;
mod departure;
mod emergency;
mod layer;
mod rotation;
mod search;
mod state;
mod step;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;

use rand_core::TryCryptoRng;

use crate::context::{Partition, Period, RecordId, Timestamp, Validity};
use crate::error::OpenError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kapre::Kapre;
use crate::kem::OwnerRoot;
use crate::pre::{GrantId, LiveUpdate};
use crate::record::{Expected, Opener, Plaintext, SealedPartition, Versions};
use crate::role::{Role, RoleCert};
use crate::search::Roster;
use crate::sharing::log::{AuditError, Auditor, Receipt};
use crate::sharing::{
    AccessPolicy, AuditQuery, Author, Delegation, Directory, KeyBundle, LayerGrant, OwnerError, SharingScheme,
    VerifiedBundle,
};
pub use backup::Backup;
pub use departure::Level;
pub use emergency::EmergencyPlan;
pub use state::Membership;
use state::{Issued, Member, State};
use step::Step;

/// What changed, and who has to hear of it.
///
/// Send the head of live grants first and the delegations last; each may be sent again. The keys of layers reach the cloud
/// before any [orders](Owner::orders): a body in a layer opens with them alone.
#[derive(Debug)]
#[must_use = "nothing happens until the servers have it"]
pub struct Update<S: SharingScheme = Kapre> {
    /// For the re-encryption server: which grants are in force from now on. All others are dead.
    pub live: LiveUpdate,
    /// For the cloud and all writers and readers.
    pub directory: Signed<Directory<S>>,
    /// For the re-encryption server, over a confidential channel.
    pub delegations: Vec<Delegation<S>>,
    /// For the cloud, which [keeps](crate::sharing::Cloud::keep_layers) them for the members.
    pub layer_grants: Vec<Signed<LayerGrant>>,
    /// For who lets values and questions into indexes: the cloud in both modes of [search](crate::search), and the switcher in
    /// the ordered one. Of every space; they last as long as the directory.
    pub rosters: Vec<Signed<Roster>>,
    /// Whose keys for search were replaced by a departure: [seal](Owner::search_keys) them the new ones.
    pub rekeyed: BTreeSet<PartyId>,
    /// Members who should have got a grant and did not, because their certificate or key has run out: they read
    /// nothing of these periods until they are [renewed](Owner::renew).
    pub lapsed: Vec<(PartyId, Period)>,
}

/// A patient: the root secret, the policy, and the state of who may read what.
///
/// Access is divided into periods: each partition counts epochs, and what is written in one is under a class or a key of
/// its own. A member has grants of periods. Whoever [joins](Self::join) begins a new epoch and so cannot read what was written before,
/// and whoever [departs](Self::depart) ends one and cannot read what is written after.
///
/// The [`OwnerRoot`] is the one secret: signature key and encryption keys derive from it. With the root and what
/// [`export`](Self::export) gave, [`recover`](Self::recover) restores everything on another device.
pub struct Owner<S: SharingScheme = Kapre> {
    params: Arc<S::Params>,
    plan: S::Plan,
    signing: SigningKey,
    root: OwnerRoot,
    policy: AccessPolicy,
    /// How long directories and heads of live grants last.
    seconds: u64,
    state: State<S, S::VerifiedUser>,
}

impl<S: SharingScheme> fmt::Debug for Owner<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner")
            .field("id", &self.id())
            .field("members", &self.state.members.len())
            .finish_non_exhaustive()
    }
}

impl<S: SharingScheme> Owner<S> {
    /// How long before they are made grants and directories are valid, in seconds: for those whose clock is behind
    /// the owner's.
    pub const EARLY: u64 = 300;

    /// A patient with `partitions`, none of whom anybody else can read yet. Directories and heads of live grants are
    /// valid for `seconds`: whoever keeps the newest of them from a server or a reader wins that long, so make it days,
    /// and [publish](Self::publish) before they end.
    ///
    /// The owner's own word on roles counts: families rarely have certificates.
    ///
    /// # Errors
    /// [`OwnerError::Exhausted`] when the parameters have no room for the partitions.
    pub fn new(
        params: Arc<S::Params>,
        root: OwnerRoot,
        mut policy: AccessPolicy,
        partitions: impl IntoIterator<Item = Partition>,
        seconds: u64,
        now: Timestamp,
    ) -> Result<Self, OwnerError> {
        let signing = root.signing_key();
        for role in Role::ALL {
            policy.trust(role, signing.id());
        }
        let state = State::new(partitions, now);
        let plan = S::plan(&params, &root, &signing.id(), &state.partitions()).ok_or(OwnerError::Exhausted)?;
        Ok(Self { params, plan, signing, root, policy, seconds, state })
    }

    /// The owner's name.
    pub fn id(&self) -> PartyId {
        self.signing.id()
    }

    /// The signature key: as an author, the owner seals records with it.
    pub fn signing(&self) -> &SigningKey {
        &self.signing
    }

    /// The access-control list.
    pub fn policy(&self) -> &AccessPolicy {
        &self.policy
    }

    /// The access-control list, for changes; they apply to who joins later.
    pub fn policy_mut(&mut self) -> &mut AccessPolicy {
        &mut self.policy
    }

    /// The members, with their roles and the partitions they may read from now on.
    pub fn members(&self) -> impl Iterator<Item = (PartyId, Role, impl Iterator<Item = Partition> + '_)> + '_ {
        self.state.members.iter().map(|(id, member)| (*id, member.role, member.partitions.iter().copied()))
    }

    /// The periods that a member has, each with its grant and the last second of that: what ends soon wants
    /// [granting again](Self::grant_again).
    pub fn grants(&self, user: &PartyId) -> impl Iterator<Item = (Period, GrantId, Timestamp)> + '_ {
        let issued = self.state.members.get(user).into_iter().flat_map(|member| &member.issued);
        let held = issued.filter(|(_, issued)| **issued != Issued::NONE);
        held.map(|((_, period), issued)| (*period, issued.id, issued.not_after))
    }

    /// Which grants are in force, in full: for a server that is new or lost something. `None` before the first change.
    pub fn live(&self) -> Option<LiveUpdate> {
        self.state.live.complete()
    }

    /// Whether the owner signed this head of live grants: for what receipts say.
    pub fn signed_head(&self, version: u64, head: &Digest) -> bool {
        self.state.heads.get(&version) == Some(head)
    }

    /// Checks that every head of live grants that receipts name is one that the owner signed.
    ///
    /// # Errors
    /// [`AuditError::Live`].
    pub fn check_live<'a>(&self, receipts: impl IntoIterator<Item = &'a Receipt>) -> Result<(), AuditError> {
        Auditor::check_live(receipts, |version| self.state.heads.get(&version).copied())
    }

    fn early(now: Timestamp) -> Timestamp {
        Timestamp(now.0.saturating_sub(Self::EARLY))
    }

    /// The current epoch of a partition.
    ///
    /// # Errors
    /// [`OwnerError::NoSuchPeriod`].
    pub fn epoch(&self, partition: &Partition) -> Result<u32, OwnerError> {
        Ok(self.state.current(partition)?.epoch)
    }

    /// How many more epochs of a partition can begin. With none left nobody can join or [depart](Self::depart): see to new
    /// parameters in time. [`suspend`](Self::suspend) works to the end.
    ///
    /// # Errors
    /// [`OwnerError::NoSuchPeriod`].
    pub fn epochs_left(&self, partition: &Partition) -> Result<u32, OwnerError> {
        let used = self.state.current(partition)?.epoch;
        Ok(S::epochs(&self.plan).saturating_sub(1).saturating_sub(used))
    }

    /// Says that `subject` has `role`: for members whom the owner knows in person.
    pub fn certify(&self, subject: PartyId, role: Role, validity: Validity) -> Signed<RoleCert> {
        Signed::new(&self.signing, RoleCert { subject, role, validity })
    }

    /// A new directory and a new head of live grants: before those that are out there expire.
    ///
    /// # Errors
    /// [`OwnerError::Exhausted`]; [`OwnerError::Rng`] when the generator fails.
    pub fn publish<R: TryCryptoRng + ?Sized>(&mut self, now: Timestamp, rng: &mut R) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, _, _| Ok(()))
    }

    /// Adds a partition. Members do not read it until they are [allowed](Self::allow) to.
    ///
    /// # Errors
    /// [`OwnerError::PartitionExists`]; [`OwnerError::Exhausted`] beyond [`Directory::MAX_PARTITIONS`], and in schemes whose
    /// parameters fix the partitions: name them all at the beginning there.
    pub fn add_partition<R: TryCryptoRng + ?Sized>(
        &mut self,
        partition: Partition,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |owner, state, _| {
            if state.epochs.contains_key(&partition) {
                return Err(OwnerError::PartitionExists);
            }
            // Where the plan fixes the partitions there is no room for another one.
            if !S::has(&owner.plan, &Period { partition, epoch: 0 }) {
                return Err(OwnerError::Exhausted);
            }
            state.epochs.insert(partition, BTreeMap::from([(0, now)]));
            Ok(())
        })
    }

    /// Lets `author` write records for the owner, or takes that back for what is still to come.
    ///
    /// Readers cannot tell when a record was written: that a retired author writes nothing new is for the cloud to
    /// enforce. [`remove_author`](Self::remove_author) takes back what was written as well.
    ///
    /// # Errors
    /// [`OwnerError::Exhausted`] beyond [`Directory::MAX_AUTHORS`].
    pub fn set_author<R: TryCryptoRng + ?Sized>(
        &mut self,
        author: PartyId,
        standing: Author,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, state, _| {
            state.authors.insert(author, standing);
            Ok(())
        })
    }

    /// Nothing that `author` wrote counts any more: for an author whose key was stolen.
    ///
    /// # Errors
    /// [`OwnerError::Exhausted`], [`OwnerError::Rng`].
    pub fn remove_author<R: TryCryptoRng + ?Sized>(
        &mut self,
        author: &PartyId,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, state, _| {
            state.authors.remove(author);
            Ok(())
        })
    }

    /// Takes a member in by role: it reads what the policy gives the role, in epochs that begin at `from` or later.
    ///
    /// The partitions concerned begin a new epoch, so what was written before `now` stays closed unless `from` lies
    /// earlier; then every epoch that began at `from` or later is opened too. The epoch that was running at `from`
    /// stays closed, since it holds older records.
    ///
    /// A former member may come back, with the key it had or a newer one. Its old grants stay revoked. What is stored and not
    /// yet [brought](Self::settle) to the newest generation of the owner's key, whoever joins reads when it is.
    ///
    /// Cost: per partition and member one delegation; the new epoch concerns all its members.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn join<R: TryCryptoRng + ?Sized>(
        &mut self,
        bundle: &Signed<KeyBundle<S>>,
        role: &Signed<RoleCert>,
        from: Timestamp,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        let cert = self.policy.check(&role.unverified().subject, role, now)?;
        let verified = VerifiedBundle::<S>::new(&self.params, bundle, &cert.subject, now)?;
        let partitions: BTreeSet<_> =
            self.policy.access(cert.role).filter(|partition| self.state.epochs.contains_key(partition)).collect();
        if from > now {
            return Err(OwnerError::Time);
        }
        self.change(now, rng, |_, state, step| {
            if state.members.contains_key(&cert.subject) {
                return Err(OwnerError::AlreadyMember);
            }
            state.pin(&verified)?;
            let history = epochs_since(state, &partitions, from);
            let member = Member {
                key: verified.key().clone(),
                bundle: bundle.clone(),
                role: cert.role,
                until: cert.validity.not_after(),
                partitions: partitions.clone(),
                issued: BTreeMap::new(),
                owed: BTreeSet::new(),
                kept: BTreeMap::new(),
            };
            state.members.insert(cert.subject, member);
            step.roll(state, &partitions)?;
            history.into_iter().for_each(|period| step.want(&cert.subject, period));
            Ok(())
        })
    }

    /// Takes a newer key or certificate from a member. Everything that the member has is granted again, under the new
    /// key and to the new date, and its old grants are revoked. That takes from who stole the old key what the server does
    /// for it; what the thief kept besides, keys of layers too, a [departure](Self::depart) takes away. What is stored and not yet
    /// [brought](Self::settle) to the newest generation of the owner's key, the member reads when it is.
    ///
    /// # Errors
    /// [`OwnerError::Bundle`] with [`Rollback`](crate::sharing::BundleError::Rollback) for an older key,
    /// [`OwnerError::OtherRole`] when the role is another one, and others; the state is unchanged then.
    pub fn renew<R: TryCryptoRng + ?Sized>(
        &mut self,
        bundle: &Signed<KeyBundle<S>>,
        role: &Signed<RoleCert>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        let cert = self.policy.check(&role.unverified().subject, role, now)?;
        let verified = VerifiedBundle::<S>::new(&self.params, bundle, &cert.subject, now)?;
        self.change(now, rng, |_, state, step| {
            let member = state.members.get_mut(&cert.subject).ok_or(OwnerError::NotMember)?;
            if member.role != cert.role {
                return Err(OwnerError::OtherRole);
            }
            member.key = verified.key().clone();
            member.bundle = bundle.clone();
            member.until = cert.validity.not_after();
            state.pin(&verified)?;
            step.want_again(state, &cert.subject)?;
            // The key may be a new one because the old one was stolen.
            state.members.get_mut(&cert.subject).into_iter().for_each(|member| {
                step.take_back(member, |_, _| true);
            });
            Ok(())
        })
    }

    /// Grants everything again that a member has, and the current epoch of its partitions if it has not: before
    /// grants end, or when a delegation was lost. The old grants are revoked.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn grant_again<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, state, step| step.want_again(state, user))
    }

    /// Grants everything again to all members of whom a grant ends before `end`: renewal in time; and at the end of time,
    /// of everybody: division among other [servers](AccessPolicy::set_servers), or anew among the same.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn grant_ending<R: TryCryptoRng + ?Sized>(
        &mut self,
        end: Timestamp,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, state, step| {
            let ending = |member: &Member<_, _>| member.issued.values().any(|issued| issued.not_after < end);
            let users: Vec<_> = state.members.iter().filter(|(_, member)| ending(member)).map(|(id, _)| *id).collect();
            users.iter().try_for_each(|user| step.want_again(state, user))
        })
    }

    /// Opens past epochs of a partition to a member, whether or not it reads the partition from now on.
    ///
    /// # Errors
    /// [`OwnerError::NotMember`], [`OwnerError::NoSuchPeriod`] if an epoch in the range does not exist,
    /// [`OwnerError::Running`] if one has not ended, and others; the state is unchanged then.
    pub fn grant_history<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        partition: Partition,
        epochs: RangeInclusive<u32>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, state, step| {
            if !state.members.contains_key(user) {
                return Err(OwnerError::NotMember);
            }
            let known = state.epochs.get(&partition).ok_or(OwnerError::NoSuchPeriod)?;
            // Ends first, so that a range of 2³² costs nothing.
            if epochs.is_empty() || !known.contains_key(epochs.start()) || !known.contains_key(epochs.end()) {
                return Err(OwnerError::NoSuchPeriod);
            }
            // What is still to be written in a running epoch is no history.
            if *epochs.end() == state.current(&partition)?.epoch {
                return Err(OwnerError::Running);
            }
            epochs.clone().for_each(|epoch| step.want(user, Period { partition, epoch }));
            Ok(())
        })
    }

    /// Gives a member a partition beyond its role, from now on.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn allow<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        partition: Partition,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, state, step| {
            state.current(&partition)?;
            let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
            if member.partitions.insert(partition) { step.roll(state, &BTreeSet::from([partition])) } else { Ok(()) }
        })
    }

    /// Asks the keeper of a log, a server or a trustee, for what the auditor has not seen.
    pub fn ask_audit(&self, auditor: &Auditor, now: Timestamp) -> Signed<AuditQuery> {
        let (keeper, position) = (auditor.keeper(), auditor.position());
        Signed::new(&self.signing, AuditQuery { keeper, at: now, position })
    }

    /// Opens a record of the owner's, whichever epoch it is from.
    ///
    /// Record, partition and version are what the owner wants, not what the cloud says that it sent.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause; that includes an author whom the owner never let write.
    pub fn open(
        &self,
        record: RecordId,
        partition: Partition,
        versions: Versions,
        sealed: &SealedPartition,
    ) -> Result<Plaintext, OpenError> {
        let ctx = sealed.header().context();
        if ctx.author != self.id() && !self.state.authors.contains_key(&ctx.author) {
            return Err(OpenError);
        }
        // That the record is of `partition` is for the opener to check.
        let period = S::period(&self.plan, &ctx).ok_or(OpenError)?;
        let mutable = sealed.header().mutable();
        let plan = S::of_generation(&self.plan, mutable.generation()).ok_or(OpenError)?;
        let label = S::key_label(&plan, &period).ok_or(OpenError)?;
        let secret = S::secret(&self.params, &self.root, &self.id(), &label).map_err(|_| OpenError)?;
        let layer = mutable.layer().generation().map(|generation| {
            let keys = layer::keys(self, period.partition, generation)?;
            layer::key(&keys, period.epoch, &sealed.header().immutable().digest())
        });
        let layer = layer.transpose().map_err(|_| OpenError)?;
        let expected = Expected { owner: self.id(), record, partition, authors: &[ctx.author], versions };
        let opener = Opener::<S>::owner(&self.params, &secret);
        layer.iter().fold(opener, |opener, key| opener.layer(key)).open(&expected, sealed)
    }

    /// Runs one step on a copy of the state and keeps the copy only if all of it succeeds.
    fn change<R: TryCryptoRng + ?Sized>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
        body: impl FnOnce(&Self, &mut State<S, S::VerifiedUser>, &mut Step<'_, S, R>) -> Result<(), OwnerError>,
    ) -> Result<Update<S>, OwnerError> {
        let mut state = self.state.at(now)?;
        let mut step = Step::new(self, &state, now, rng);
        body(self, &mut state, &mut step)?;
        let (update, plan) = step.finish(self, &mut state)?;
        (self.state, self.plan) = (state, plan);
        Ok(update)
    }
}

/// The epochs of `partitions` that began at `from` or later.
fn epochs_since<S: SharingScheme, K>(
    state: &State<S, K>,
    partitions: &BTreeSet<Partition>,
    from: Timestamp,
) -> Vec<Period> {
    let of = |partition: &Partition| state.epochs.get(partition).map(|epochs| (*partition, epochs));
    partitions
        .iter()
        .filter_map(of)
        .flat_map(|(partition, epochs)| {
            let since = epochs.iter().filter(move |(_, began)| **began >= from);
            since.map(move |(epoch, _)| Period { partition, epoch: *epoch })
        })
        .collect()
}
