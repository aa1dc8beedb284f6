//! What a server keeps for one owner.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::context::Timestamp;
use crate::identity::PartyId;
use crate::kem::OwnerTerms;
use crate::pre::{GrantId, GrantTerms, LiveError, LiveSet};
use crate::sharing::SharingScheme;
use crate::sharing::log::Log;

/// A grant that the server carries out.
pub(super) struct Carried<S: SharingScheme> {
    pub(super) owner: S::VerifiedOwner,
    pub(super) owner_key: S::OwnerPublic,
    pub(super) grant: S::Grant,
    pub(super) terms: S::VerifiedGrant,
    pub(super) rekey: S::VerifiedReKey,
}

/// Nothing of it is reachable through another owner's statements.
pub(super) struct Account<S: SharingScheme> {
    pub(super) live: LiveSet,
    pub(super) log: Log,
    pub(super) grants: BTreeMap<GrantId, Carried<S>>,
    by_user: BTreeMap<PartyId, BTreeSet<GrantId>>,
    /// Parties that have a grant, or had one since the server started.
    known: BTreeSet<PartyId>,
    /// Denials that were logged since the last audit: of each known party, and of all strangers together. Strangers cost
    /// nothing to make, and must not be able to push out what the owner wants to know about a member, nor anybody fill
    /// the storage.
    denials: BTreeMap<Option<PartyId>, usize>,
}

impl<S: SharingScheme> Account<S> {
    pub(super) fn new(live: LiveSet, log: Log) -> Self {
        let (grants, by_user) = (BTreeMap::new(), BTreeMap::new());
        Self { live, log, grants, by_user, known: BTreeSet::new(), denials: BTreeMap::new() }
    }

    pub(super) fn carry(&mut self, carried: Carried<S>) {
        let (id, user) = (carried.terms.id(), carried.terms.user());
        self.known.insert(user);
        self.by_user.entry(user).or_default().insert(id);
        self.grants.insert(id, carried);
    }

    pub(super) fn drop(&mut self, id: &GrantId) {
        let Some(carried) = self.grants.remove(id) else { return };
        let user = carried.terms.user();
        if let Some(ids) = self.by_user.get_mut(&user) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_user.remove(&user);
            }
        }
    }

    /// The grants of a user.
    pub(super) fn of(&self, user: &PartyId) -> impl Iterator<Item = &Carried<S>> {
        self.by_user.get(user).into_iter().flatten().filter_map(|id| self.grants.get(id))
    }

    /// Whether the grant is live.
    pub(super) fn admits(&self, carried: &Carried<S>, now: Timestamp) -> Result<(), LiveError> {
        if carried.owner.generation() < self.live.generation() {
            return Err(LiveError::Generation);
        }
        let (id, (by, digest)) = (carried.terms.id(), carried.terms.authority());
        self.live.admits(&id, (&by, &digest), now)
    }

    /// Grants that the head does not list, whether or not it has expired.
    pub(super) fn dead(&self) -> Vec<(GrantId, PartyId)> {
        let listed = |carried: &&Carried<S>| self.admits(carried, Timestamp(0)).is_err();
        self.grants.values().filter(listed).map(|carried| (carried.terms.id(), carried.terms.user())).collect()
    }

    pub(super) fn ended(&self, now: Timestamp) -> Vec<GrantId> {
        let ended = self.grants.values().filter(|carried| carried.terms.validity().not_after() < now);
        ended.map(|carried| carried.terms.id()).collect()
    }

    /// The party, if it is known.
    pub(super) fn knows(&self, user: &PartyId) -> Option<PartyId> {
        self.known.get(user).copied()
    }

    /// Counts a denial of a known party or a stranger, unless there were too many.
    pub(super) fn may_log_denial(&mut self, member: Option<PartyId>, max: usize) -> bool {
        let count = self.denials.entry(member).or_default();
        *count += 1;
        *count <= max
    }

    pub(super) fn audited(&mut self) {
        self.denials.clear();
    }
}

pub(super) fn storage_key(prefix: &[u8], owner: &PartyId, id: &[u8]) -> Vec<u8> {
    [prefix, owner.as_bytes(), id].concat()
}
