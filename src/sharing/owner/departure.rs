//! Taking back: who leaves, wholly or in part, and how far that reaches.

use alloc::collections::{BTreeMap, BTreeSet};

use rand_core::TryCryptoRng;

use super::{Owner, Update};
use crate::context::{Partition, Timestamp};
use crate::identity::PartyId;
use crate::pre::{Entry, GrantId};
use crate::sharing::{OwnerError, SharingScheme};

/// How far a [departure](Owner::depart) reaches into what is stored. Each level does what the ones before do.
///
/// None recalls a plaintext that was read, and none holds against a cloud that keeps what it had before: whoever has the
/// old state and old keys reads the old records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// New epochs: what is written from now on is closed to who left, whatever it kept and whoever helps it. What is stored
    /// is closed by the server's good will: who left, together with the server, reads what it was granted.
    Epochs,
    /// Level 1, headers: the owner's key has a new generation, and stored capsules are brought to it. Who left cannot open
    /// what the cloud has from then on with any *keys* that it kept, its own, those of the server, or both.
    Headers,
    /// Level 2, bodies: around what is stored in the partitions concerned, the cloud puts a layer under keys that who left
    /// never gets. That stops who kept the *keys inside* capsules, or of bodies, as well.
    ///
    /// Members are given the keys of layers, and nobody else: **whom trustees let in, or somebody refers, does not read
    /// bodies in a layer**.
    Bodies,
}

impl<S: SharingScheme> Owner<S> {
    /// Takes a partition back from a member: all its grants there are revoked and the partition begins a new epoch. It
    /// reaches what is stored as [`depart`](Self::depart) does. What the member may read besides, it reads on.
    ///
    /// # Errors
    /// As [`depart`](Self::depart).
    pub fn disallow<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        partition: Partition,
        level: Level,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            let last = state.current(&partition).map(|period| period.epoch);
            let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
            member.partitions.remove(&partition);
            let (mut touched, others) = step.take_back(member, |_, period| period.partition == partition);
            member.kept.extend(touched.iter().copied().zip(last));
            if member.owed.remove(&partition) {
                touched.insert(partition);
            }
            let kept = member.kept.iter().filter(|(of, _)| **of == partition).map(|(of, last)| (*of, *last)).collect();
            step.restore(user, others);
            step.leave_spaces(state, user, Some(level), |of| of == partition)?;
            step.close(owner, state, level, &touched, kept)
        })
    }

    /// A member leaves: its grants are revoked, and every partition in which it had one begins a new epoch, whose key
    /// it never gets. `level` says how far that reaches into what is stored.
    ///
    /// It is one step of the owner's; servers and cloud follow it in any pace. Keep the owner's state
    /// ([`export`](Self::export)), then send the [`Update`]: from then on the member is denied everything. At
    /// [`Level::Headers`] and above, go through what the cloud stores with [`orders`](Self::orders), and
    /// [`settle`](Self::settle). Whatever is cut short can be done again: until it is settled, members read what is
    /// updated and what is not, with grants of both generations. Another departure may come before that.
    ///
    /// What is undone is access to what is written from now on, the server's help with what was written before, and by
    /// level the use of what the member kept. What the member has read stays read. Its role certificate stays as valid as
    /// it is: whoever lets [`join`](Self::join) run unasked takes it in again.
    ///
    /// What it may ask and write of [indexes](crate::search), it loses too. Keys that it could ask with are replaced: in the
    /// federated mode at every level, in the ordered mode, where the whole index follows, at [`Level::Headers`] and above. The
    /// index values that are stored, providers or the switcher bring to the new keys.
    ///
    /// Partitions that the member lost before, by [`disallow`](Self::disallow) or [`suspend`](Self::suspend), are concerned as
    /// those that it loses now. A level that was too low is raised by [`renew_keys`](Self::renew_keys).
    ///
    /// Cost: for each partition concerned and each of its members a delegation; above [`Level::Epochs`], a delegation for
    /// all members and all they have.
    ///
    /// # Errors
    /// [`OwnerError::NoRotation`] above [`Level::Epochs`] where the scheme does not rotate, and others; the state is
    /// unchanged then.
    pub fn depart<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        level: Level,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            let mut member = state.members.remove(user).ok_or(OwnerError::NotMember)?;
            let (mut touched, _) = step.take_back(&mut member, |_, _| true);
            // What suspension could not begin, nobody has to wait for.
            let (owed, stuck): (BTreeSet<_>, BTreeSet<_>) =
                member.owed.into_iter().partition(|partition| step.has_room(state, partition));
            touched.extend(owed);
            // What it lost before is as far within reach of the level as what it loses now.
            let mut kept = member.kept;
            for partition in stuck {
                // A layer goes around what is written there later as well, as long as the cloud is given orders.
                kept.insert(partition, state.current(&partition)?.epoch);
            }
            step.leave_spaces(state, user, Some(level), |_| true)?;
            step.close(owner, state, level, &touched, kept)
        })
    }

    /// Closes partitions at a level without anybody leaving: where a departure did not reach far enough, or a key may have
    /// been lost. The partitions begin new epochs; at [`Level::Headers`] and above everything that is stored gets a new
    /// generation, and at [`Level::Bodies`] what is stored in these partitions a layer. Keys for [search](crate::search) in
    /// these partitions are replaced as by a departure.
    ///
    /// # Errors
    /// As [`depart`](Self::depart); [`OwnerError::NoSuchPeriod`] for a partition that does not exist.
    pub fn renew_keys<R: TryCryptoRng + ?Sized>(
        &mut self,
        partitions: &BTreeSet<Partition>,
        level: Level,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |owner, state, step| {
            step.renew_spaces(state, partitions, level)?;
            step.close(owner, state, level, partitions, BTreeMap::new())
        })
    }

    /// A member's grants are taken back and it gets no others; no epoch begins. It asks and writes no
    /// [index values](crate::search) any more, and no keys are replaced.
    ///
    /// That undoes the server's help, and nothing else: a member that colludes with the server reads what is written
    /// in the running epochs too. It is what there is when [`depart`](Self::depart) has no epoch to begin; when it has again,
    /// departing begins the epochs that were left out.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn suspend<R: TryCryptoRng + ?Sized>(
        &mut self,
        user: &PartyId,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, state, step| {
            let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
            member.partitions.clear();
            let (touched, _) = step.take_back(member, |_, _| true);
            let mut kept = BTreeMap::new();
            for partition in &touched {
                kept.insert(*partition, state.current(partition)?.epoch);
            }
            let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
            member.kept.extend(kept);
            member.owed.extend(touched);
            step.leave_spaces(state, user, None, |_| true)
        })
    }

    /// Takes back a grant that somebody else made in the owner's name, in an emergency or by referral. `not_after` is
    /// the end of its validity, as the receipt of it says; the grant is barred until then.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn bar<R: TryCryptoRng + ?Sized>(
        &mut self,
        grant: GrantId,
        not_after: Timestamp,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update<S>, OwnerError> {
        self.change(now, rng, |_, _, step| {
            step.list(grant, Entry::Barred { not_after });
            Ok(())
        })
    }
}
