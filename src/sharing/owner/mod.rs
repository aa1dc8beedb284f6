//! The owner: a patient and the device that holds the patient's keys.

mod state;
mod step;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::convert::Infallible;
use core::fmt;
use core::ops::RangeInclusive;

use rand_core::TryCryptoRng;

use crate::context::{Partition, Period, RecordId, Slot, Timestamp, Validity};
use crate::error::OpenError;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kem::OwnerRoot;
use crate::pre::afgh::{Afgh, OwnerKey, OwnerSecret, VerifiedUser};
use crate::pre::{GrantId, Pre};
use crate::record::{Expected, Opener, Plaintext, SealedPartition, Versions};
use crate::sharing::{
    AccessPolicy, Author, Delegation, DenialQuery, Directory, KeyBundle, OwnerError, Revocation, Role, RoleCert,
    VerifiedBundle,
};
pub use state::Membership;
use state::{Member, State};
use step::Step;

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
    /// Members who should have got a grant and did not, because their certificate or key has run out: they read
    /// nothing of these periods until they are [renewed](Owner::renew).
    pub lapsed: Vec<(PartyId, Period)>,
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
    state: State<VerifiedUser>,
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
    /// How long before they are made grants and directories are valid, in seconds: for those whose clock is behind
    /// the owner's.
    pub const EARLY: u64 = 300;

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
        Self { signing, root, policy, directory_seconds, state: State::new(partitions, now) }
    }

    /// The owner's state, to be kept with the signing key and the root, best after every change and before its
    /// [`Update`] is sent.
    pub fn export(&self) -> Signed<Membership> {
        let Ok(state) = self.state.clone().try_map(|_, _| Ok::<_, Infallible>(()));
        let (policy, directory_seconds) = (self.policy.clone(), self.directory_seconds);
        Signed::new(&self.signing, Membership { state, policy, directory_seconds })
    }

    /// The owner with the state that was [exported](Self::export).
    ///
    /// `seen` is the version of the latest [`Directory`] that the owner finds at the cloud. An older state would
    /// count the same epochs again, under keys for which former members have grants, so it is refused.
    ///
    /// The last [`Update`] may not have reached the servers: send [`revocations`](Self::revocations), then
    /// [grant again](Self::grant_again) where members lack something.
    ///
    /// # Errors
    /// [`OwnerError::Signature`], [`OwnerError::Rollback`], [`OwnerError::Bundle`] or [`OwnerError::Key`].
    pub fn import(
        signing: SigningKey,
        root: OwnerRoot,
        membership: &Signed<Membership>,
        seen: u64,
    ) -> Result<Self, OwnerError> {
        let membership = membership.verify(&signing.id()).map_err(|_| OwnerError::Signature)?;
        if membership.version() < seen {
            return Err(OwnerError::Rollback);
        }
        let state = membership.state.clone().try_map(|id, member| {
            // Who has run out stays a member; grants look at the time themselves.
            let bundle = VerifiedBundle::new(&(), &member.bundle, id, member.bundle.unverified().not_after)?;
            Ok::<_, OwnerError>(*bundle.key())
        })?;
        let (policy, directory_seconds) = (membership.policy.clone(), membership.directory_seconds);
        Ok(Self { signing, root, policy, directory_seconds, state })
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
        issued.map(|(period, issued)| (*period, issued.id, issued.not_after))
    }

    /// All revocations of grants that have not ended by themselves, for a server that lost its memory or may not
    /// have received them.
    pub fn revocations(&self, now: Timestamp) -> Vec<Signed<Revocation>> {
        let live = self.state.revoked.iter().filter(|(_, not_after)| **not_after >= now);
        live.map(|(id, not_after)| self.revocation(*id, *not_after)).collect()
    }

    fn revocation(&self, id: GrantId, not_after: Timestamp) -> Signed<Revocation> {
        Signed::new(&self.signing, Revocation { id, not_after })
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

    /// Says that `subject` has `role`: for members whom the owner knows in person.
    pub fn certify(&self, subject: PartyId, role: Role, validity: Validity) -> Signed<RoleCert> {
        Signed::new(&self.signing, RoleCert { subject, role, validity })
    }

    /// The current directory, for the cloud, writers and readers. Publish a new one before it expires.
    ///
    /// # Errors
    /// [`OwnerError::Exhausted`]; [`OwnerError::Rng`] when the generator fails.
    pub fn publish<R: TryCryptoRng + ?Sized>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Signed<Directory>, OwnerError> {
        self.change(now, rng, |_, _, _| Ok(())).map(|update| update.directory)
    }

    /// Adds a partition. Members do not read it until they are [allowed](Self::allow) to.
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
    ) -> Result<Update, OwnerError> {
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
    ) -> Result<Update, OwnerError> {
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
    /// A former member may come back, with the key it had or a newer one. Its old grants stay revoked.
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
        let verified = VerifiedBundle::new(&(), bundle, &cert.subject, now)?;
        let partitions: BTreeSet<_> =
            self.policy.access(cert.role).filter(|partition| self.state.epochs.contains_key(partition)).collect();
        if from > now {
            return Err(OwnerError::Time);
        }
        self.change(now, rng, |owner, state, step| {
            if state.members.contains_key(&cert.subject) {
                return Err(OwnerError::AlreadyMember);
            }
            state.pin(&verified)?;
            let history = epochs_since(state, &partitions, from);
            let member = Member {
                key: *verified.key(),
                bundle: bundle.clone(),
                role: cert.role,
                until: cert.validity.not_after(),
                partitions: partitions.clone(),
                issued: BTreeMap::new(),
            };
            state.members.insert(cert.subject, member);
            step.roll(owner, state, &partitions)?;
            history.into_iter().try_for_each(|period| step.grant(owner, state, &cert.subject, period))
        })
    }

    /// Takes a newer key or certificate from a member. Everything that the member has is granted again, under the new
    /// key and to the new date, and its old grants are revoked.
    ///
    /// # Errors
    /// [`OwnerError::Bundle`] with [`Rollback`](crate::sharing::BundleError::Rollback) for an older key,
    /// [`OwnerError::OtherRole`] when the role is another one, and others; the state is unchanged then.
    pub fn renew<R: TryCryptoRng + ?Sized>(
        &mut self,
        bundle: &Signed<KeyBundle<Afgh>>,
        role: &Signed<RoleCert>,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        let cert = self.policy.check(&role.unverified().subject, role, now)?;
        let verified = VerifiedBundle::new(&(), bundle, &cert.subject, now)?;
        self.change(now, rng, |owner, state, step| {
            let member = state.members.get_mut(&cert.subject).ok_or(OwnerError::NotMember)?;
            if member.role != cert.role {
                return Err(OwnerError::OtherRole);
            }
            member.key = *verified.key();
            member.bundle = bundle.clone();
            member.until = cert.validity.not_after();
            state.pin(&verified)?;
            step.grant_again(owner, state, &cert.subject)
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
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |owner, state, step| step.grant_again(owner, state, user))
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
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            let known = state.epochs.get(&partition).ok_or(OwnerError::NoSuchPeriod)?;
            // Ends first, so that a range of 2³² costs nothing.
            if epochs.is_empty() || !known.contains_key(epochs.start()) || !known.contains_key(epochs.end()) {
                return Err(OwnerError::NoSuchPeriod);
            }
            // What is still to be written in a running epoch is no history.
            if *epochs.end() == state.current(&partition)?.epoch {
                return Err(OwnerError::Running);
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
            let mut member = state.members.remove(user).ok_or(OwnerError::NotMember)?;
            member.partitions.remove(&partition);
            let touched = step.take_back(owner, state, &mut member, |period| period.partition == partition);
            state.members.insert(*user, member);
            step.roll(owner, state, &touched)
        })
    }

    /// A member leaves: its grants are revoked, and every partition in which it had one begins a new epoch, whose key
    /// it never gets.
    ///
    /// What is undone is access to what is written from now on, and the server's help with what was written before.
    /// What the member has read stays read. A member that colludes with the server keeps the epochs it had. Its role
    /// certificate stays as valid as it is: whoever lets [`join`](Self::join) run unasked takes it in again.
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
            let touched = step.take_back(owner, state, &mut member, |_| true);
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
        body: impl FnOnce(&Self, &mut State<VerifiedUser>, &mut Step<'_, R>) -> Result<(), OwnerError>,
    ) -> Result<Update, OwnerError> {
        let mut state = self.state.at(now)?;
        let mut step = Step::new(now, rng);
        body(self, &mut state, &mut step)?;
        let directory = self.directory(&state, now, step.rng)?;
        self.state = state;
        Ok(step.into_update(directory))
    }

    fn directory<R: TryCryptoRng + ?Sized>(
        &self,
        state: &State<VerifiedUser>,
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
            validity: Validity::new(Self::early(now), end).ok_or(OwnerError::Time)?,
            keys: keys.collect::<Result<_, _>>()?,
            authors: state.authors.iter().map(|(author, standing)| (*author, *standing)).collect(),
        };
        Ok(Signed::new(&self.signing, directory))
    }
}

/// The epochs of `partitions` that began at `from` or later.
fn epochs_since(state: &State<VerifiedUser>, partitions: &BTreeSet<Partition>, from: Timestamp) -> Vec<Period> {
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
