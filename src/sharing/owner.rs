//! The owner: a patient and the device that holds the patient's keys.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;

use crate::context::{Partition, RecordId, Slot, Timestamp, Validity};
use crate::error::OpenError;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::pre::afgh::{Afgh, OwnerKey, OwnerSecret, Period, VerifiedUser};
use crate::pre::{GrantId, OwnerRoot, Pre};
use crate::record::{Expected, Opener, Plaintext, SealedPartition, Versions};
use crate::sharing::{
    AccessPolicy, Author, Delegation, DenialQuery, Directory, KeyBundle, OwnerError, Revocation, Role, RoleCert,
    VerifiedBundle,
};

/// What changed, and who has to hear of it.
///
/// Send the revocations first and the delegations last; each may be sent again.
#[derive(Debug)]
#[must_use = "nothing happens until the servers have it"]
pub struct Update {
    /// For the re-encryption server: what it must no longer carry out.
    pub revocations: Vec<Signed<Revocation>>,
    /// For the cloud and all writers and readers.
    pub directory: Signed<Directory>,
    /// For the re-encryption server, over a confidential channel.
    pub delegations: Vec<Delegation<Afgh>>,
}

#[derive(Clone, Debug)]
struct Issued {
    id: GrantId,
    period: Period,
    not_after: Timestamp,
}

#[derive(Clone, Debug)]
struct Member {
    bundle: VerifiedBundle<Afgh>,
    role: Option<Role>,
    /// End of the role certificate, for members who have one.
    until: Timestamp,
    partitions: BTreeSet<Partition>,
    issued: Vec<Issued>,
}

/// What changes as members come and go; replaced as a whole, so that a step that fails leaves no trace.
#[derive(Clone, Debug, Default)]
struct State {
    version: u64,
    changed: Option<Timestamp>,
    /// When each epoch of a partition began.
    epochs: BTreeMap<Partition, BTreeMap<u32, Timestamp>>,
    members: BTreeMap<PartyId, Member>,
    authors: BTreeMap<PartyId, Author>,
}

impl State {
    fn at(&self, now: Timestamp) -> Result<Self, OwnerError> {
        if self.changed.is_some_and(|changed| now < changed) {
            return Err(OwnerError::Time);
        }
        let version = self.version.checked_add(1).ok_or(OwnerError::Exhausted)?;
        Ok(Self { version, changed: Some(now), ..self.clone() })
    }

    fn current(&self, partition: &Partition) -> Result<Period, OwnerError> {
        let epochs = self.epochs.get(partition).ok_or(OwnerError::NoSuchPeriod)?;
        let (epoch, _) = epochs.last_key_value().ok_or(OwnerError::NoSuchPeriod)?;
        Ok(Period { partition: *partition, epoch: *epoch })
    }

    fn roll(&mut self, partition: &Partition, now: Timestamp) -> Result<Period, OwnerError> {
        let last = self.current(partition)?;
        let epoch = last.epoch.checked_add(1).ok_or(OwnerError::Exhausted)?;
        self.epochs.entry(*partition).or_default().insert(epoch, now);
        Ok(Period { partition: *partition, epoch })
    }
}

/// A patient: the root secret, the policy, and the state of who may read what.
///
/// Access is divided into periods: each partition counts epochs, each epoch has a key pair of its own, and a member
/// has a grant per epoch. Whoever [joins](Self::join) begins a new epoch and so cannot read what was written before,
/// and whoever [departs](Self::depart) ends one and cannot read what is written after.
pub struct Owner {
    signing: SigningKey,
    root: OwnerRoot,
    policy: AccessPolicy,
    directory_seconds: u64,
    state: State,
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owner")
            .field("id", &self.id())
            .field("members", &self.state.members.len())
            .finish_non_exhaustive()
    }
}

impl Owner {
    /// A patient with `partitions`, none of whom anybody else can read yet. Directories are valid for
    /// `directory_seconds`.
    ///
    /// The owner's own word on roles counts: families rarely have certificates.
    pub fn new(
        signing: SigningKey,
        root: OwnerRoot,
        mut policy: AccessPolicy,
        partitions: impl IntoIterator<Item = Partition>,
        directory_seconds: u64,
        now: Timestamp,
    ) -> Self {
        for role in Role::ALL {
            policy.trust(role, signing.id());
        }
        let epochs = partitions.into_iter().map(|partition| (partition, BTreeMap::from([(0, now)])));
        let state = State { epochs: epochs.collect(), changed: Some(now), ..State::default() };
        Self { signing, root, policy, directory_seconds, state }
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
    pub fn members(&self) -> impl Iterator<Item = (PartyId, Option<Role>, impl Iterator<Item = Partition> + '_)> + '_ {
        self.state.members.iter().map(|(id, member)| (*id, member.role, member.partitions.iter().copied()))
    }

    /// The current epoch of a partition.
    ///
    /// # Errors
    /// [`OwnerError::NoSuchPeriod`].
    pub fn epoch(&self, partition: &Partition) -> Result<u32, OwnerError> {
        Ok(self.state.current(partition)?.epoch)
    }

    /// Says that `subject` has `role`: for members whom the owner knows in person.
    pub fn certify(&self, subject: PartyId, role: Role, validity: Validity) -> Signed<RoleCert> {
        Signed::new(&self.signing, RoleCert { subject, role, validity })
    }

    /// The current directory, for the cloud, writers and readers. Publish a new one before it expires.
    ///
    /// # Errors
    /// [`OwnerError::Time`] or [`OwnerError::Exhausted`]; [`OwnerError::Rng`] when the generator fails.
    pub fn publish<R: TryCryptoRng + ?Sized>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Signed<Directory>, OwnerError> {
        self.change(now, rng, |_, _, _| Ok(())).map(|update| update.directory)
    }

    /// Adds a partition.
    ///
    /// # Errors
    /// [`OwnerError::PartitionExists`]; [`OwnerError::Exhausted`] beyond [`Directory::MAX_PARTITIONS`].
    pub fn add_partition<R: TryCryptoRng + ?Sized>(
        &mut self,
        partition: Partition,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |_, state, _| {
            if state.epochs.contains_key(&partition) {
                return Err(OwnerError::PartitionExists);
            }
            state.epochs.insert(partition, BTreeMap::from([(0, now)]));
            Ok(())
        })
    }

    /// Lets `author` write records for the owner, or takes that back for what is still to come.
    ///
    /// # Errors
    /// [`OwnerError::Exhausted`] beyond [`Directory::MAX_AUTHORS`].
    pub fn set_author<R: TryCryptoRng + ?Sized>(
        &mut self,
        author: PartyId,
        standing: Author,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |_, state, _| {
            state.authors.insert(author, standing);
            Ok(())
        })
    }

    /// Takes a member in by role: it reads what the policy gives the role, in epochs that begin at `from` or later.
    ///
    /// The partitions concerned begin a new epoch, so what was written before `now` stays closed unless `from` lies
    /// earlier; then every epoch that began at `from` or later is opened too. The epoch that was running at `from`
    /// stays closed, since it holds older records.
    ///
    /// Cost: per partition and member one delegation; the new epoch concerns all its members.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn join<R: TryCryptoRng + ?Sized>(
        &mut self,
        bundle: &Signed<KeyBundle<Afgh>>,
        role: &Signed<RoleCert>,
        from: Timestamp,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        let cert = self.policy.check(&role.unverified().subject, role, now)?;
        let bundle = VerifiedBundle::new(&(), bundle, &cert.subject, now)?;
        let partitions: BTreeSet<_> =
            self.policy.access(cert.role).filter(|partition| self.state.epochs.contains_key(partition)).collect();
        if from > now {
            return Err(OwnerError::Time);
        }
        self.change(now, rng, |owner, state, step| {
            if state.members.contains_key(&cert.subject) {
                return Err(OwnerError::AlreadyMember);
            }
            let history = epochs_since(state, &partitions, from);
            let member = Member {
                bundle,
                role: Some(cert.role),
                until: cert.validity.not_after(),
                partitions: partitions.clone(),
                issued: Vec::new(),
            };
            state.members.insert(cert.subject, member);
            step.roll(owner, state, &partitions)?;
            history.into_iter().try_for_each(|period| step.grant(owner, state, &cert.subject, period))
        })
    }

    /// Opens past epochs of a partition to a member.
    ///
    /// # Errors
    /// [`OwnerError::NotMember`], [`OwnerError::NoSuchPeriod`] if an epoch in the range does not exist, and others;
    /// the state is unchanged then.
    pub fn grant_history<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        partition: Partition,
        epochs: core::ops::RangeInclusive<u32>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            let known = state.epochs.get(&partition).ok_or(OwnerError::NoSuchPeriod)?;
            // Ends first, so that a range of 2³² costs nothing.
            if !known.contains_key(epochs.start()) || !known.contains_key(epochs.end()) || epochs.is_empty() {
                return Err(OwnerError::NoSuchPeriod);
            }
            epochs.clone().try_for_each(|epoch| step.grant(owner, state, user, Period { partition, epoch }))
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
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            state.current(&partition)?;
            let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
            if member.partitions.insert(partition) {
                step.roll(owner, state, &BTreeSet::from([partition]))
            } else {
                Ok(())
            }
        })
    }

    /// Takes a partition back from a member: all its grants there are revoked and the partition begins a new epoch.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn disallow<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        partition: Partition,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
            member.partitions.remove(&partition);
            let touched = step.revoke(owner, member, |issued| issued.period.partition == partition);
            step.roll(owner, state, &touched)
        })
    }

    /// A member leaves: its grants are revoked, and every partition in which it had one begins a new epoch, whose key
    /// it never gets.
    ///
    /// What is undone is access to what is written from now on, and the server's help with what was written before.
    /// What the member has read stays read. A member that colludes with the server keeps the epochs it had.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn depart<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            let mut member = state.members.remove(user).ok_or(OwnerError::NotMember)?;
            let touched = step.revoke(owner, &mut member, |_| true);
            step.roll(owner, state, &touched)
        })
    }

    /// Asks a server why it denied requests for the owner's records.
    pub fn ask_denials(&self, server: PartyId, now: Timestamp) -> Signed<DenialQuery> {
        Signed::new(&self.signing, DenialQuery { server, at: now })
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
        let Slot::Epoch(epoch) = ctx.slot else { return Err(OpenError) };
        let period = Period { partition, epoch };
        let secret = OwnerSecret::derive(&self.root, self.id(), &period).map_err(|_| OpenError)?;
        let expected = Expected { owner: self.id(), record, partition, authors: &[ctx.author], versions };
        Opener::<Afgh>::owner(&(), &secret).open(&expected, sealed)
    }

    fn certificate<R: TryCryptoRng + ?Sized>(
        &self,
        period: &Period,
        rng: &mut R,
    ) -> Result<Signed<OwnerKey>, OwnerError> {
        Ok(Afgh::owner_keygen(&(), &self.root, &self.signing, period, rng)?.1)
    }

    /// Runs one step on a copy of the state and keeps the copy only if all of it succeeds.
    fn change<R: TryCryptoRng + ?Sized>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
        body: impl FnOnce(&Self, &mut State, &mut Step<'_, R>) -> Result<(), OwnerError>,
    ) -> Result<Update, OwnerError> {
        let mut state = self.state.at(now)?;
        let mut step = Step { now, rng, revocations: Vec::new(), delegations: Vec::new() };
        body(self, &mut state, &mut step)?;
        let Step { rng, revocations, delegations, .. } = step;
        let directory = self.directory(&state, now, rng)?;
        self.state = state;
        Ok(Update { revocations, directory, delegations })
    }

    fn directory<R: TryCryptoRng + ?Sized>(
        &self,
        state: &State,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Signed<Directory>, OwnerError> {
        if state.epochs.len() > Directory::MAX_PARTITIONS || state.authors.len() > Directory::MAX_AUTHORS {
            return Err(OwnerError::Exhausted);
        }
        let keys = state.epochs.keys().map(|partition| self.certificate(&state.current(partition)?, rng));
        let end = Timestamp(now.0.checked_add(self.directory_seconds).ok_or(OwnerError::Exhausted)?);
        let directory = Directory {
            version: state.version,
            validity: Validity::new(now, end).ok_or(OwnerError::Time)?,
            keys: keys.collect::<Result<_, _>>()?,
            authors: state.authors.iter().map(|(author, standing)| (*author, *standing)).collect(),
        };
        Ok(Signed::new(&self.signing, directory))
    }
}

/// One change in the making.
struct Step<'a, R: ?Sized> {
    now: Timestamp,
    rng: &'a mut R,
    revocations: Vec<Signed<Revocation>>,
    delegations: Vec<Delegation<Afgh>>,
}

impl<R: TryCryptoRng + ?Sized> Step<'_, R> {
    /// Begins a new epoch of each partition and grants it to every member who may read the partition.
    fn roll(&mut self, owner: &Owner, state: &mut State, partitions: &BTreeSet<Partition>) -> Result<(), OwnerError> {
        for partition in partitions {
            let period = state.roll(partition, self.now)?;
            let readers: Vec<_> = state
                .members
                .iter()
                .filter(|(_, member)| member.partitions.contains(partition))
                .map(|(id, _)| *id)
                .collect();
            readers.iter().try_for_each(|user| self.grant(owner, state, user, period))?;
        }
        Ok(())
    }

    fn grant(&mut self, owner: &Owner, state: &mut State, user: &PartyId, period: Period) -> Result<(), OwnerError> {
        let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
        let end = self.now.0.saturating_add(owner.policy.grant_seconds());
        let not_after = Timestamp(end).min(member.until).min(member.bundle.not_after());
        let validity = match Validity::new(self.now, not_after) {
            Some(validity) => validity,
            // The member's certificate or key has run out: it stays without a grant until it joins again.
            None => return Ok(()),
        };
        let (secret, owner_key) = Afgh::owner_keygen(&(), &owner.root, &owner.signing, &period, self.rng)?;
        let key: &VerifiedUser = member.bundle.key();
        let (grant, [rekey]) = Afgh::delegate(&(), &secret, &owner.signing, key, &(), &validity, self.rng)?;
        member.issued.push(Issued { id: grant.unverified().id(), period, not_after });
        self.delegations.push(Delegation { owner_key, grant, rekey });
        Ok(())
    }

    /// Revokes those of a member's grants that have not ended by themselves; returns the partitions of all of them.
    fn revoke(
        &mut self,
        owner: &Owner,
        member: &mut Member,
        concerned: impl Fn(&Issued) -> bool,
    ) -> BTreeSet<Partition> {
        let (gone, kept) = member.issued.drain(..).partition(|issued| concerned(issued));
        member.issued = kept;
        let gone: Vec<Issued> = gone;
        for issued in gone.iter().filter(|issued| issued.not_after >= self.now) {
            let revocation = Revocation { id: issued.id, not_after: issued.not_after };
            self.revocations.push(Signed::new(&owner.signing, revocation));
        }
        gone.iter().map(|issued| issued.period.partition).collect()
    }
}

/// The epochs of `partitions` that began at `from` or later.
fn epochs_since(state: &State, partitions: &BTreeSet<Partition>, from: Timestamp) -> Vec<Period> {
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
