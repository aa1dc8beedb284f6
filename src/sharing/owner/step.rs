//! One change of the owner's in the making.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::state::{Issued, Member, State};
use super::{Owner, Update};
use crate::context::{Partition, Period, Timestamp, Validity};
use crate::identity::{PartyId, Signed};
use crate::pre::Pre;
use crate::pre::afgh::{Afgh, VerifiedUser};
use crate::sharing::{Delegation, Directory, OwnerError, Revocation};

pub(super) struct Step<'a, R: ?Sized> {
    pub(super) now: Timestamp,
    pub(super) rng: &'a mut R,
    revocations: Vec<Signed<Revocation>>,
    delegations: Vec<Delegation<Afgh>>,
    lapsed: BTreeSet<(PartyId, Period)>,
}

impl<'a, R: TryCryptoRng + ?Sized> Step<'a, R> {
    pub(super) fn new(now: Timestamp, rng: &'a mut R) -> Self {
        Self { now, rng, revocations: Vec::new(), delegations: Vec::new(), lapsed: BTreeSet::new() }
    }

    pub(super) fn into_update(self, directory: Signed<Directory>) -> Update {
        let Self { revocations, delegations, lapsed, .. } = self;
        Update { revocations, directory, delegations, lapsed: lapsed.into_iter().collect() }
    }

    /// Begins a new epoch of each partition and grants it to every member who may read the partition.
    pub(super) fn roll(
        &mut self,
        owner: &Owner,
        state: &mut State<VerifiedUser>,
        partitions: &BTreeSet<Partition>,
    ) -> Result<(), OwnerError> {
        for partition in partitions {
            let period = state.roll(partition, self.now)?;
            let readers = state.members.iter().filter(|(_, member)| member.partitions.contains(partition));
            let readers: Vec<_> = readers.map(|(id, _)| *id).collect();
            readers.iter().try_for_each(|user| self.grant(owner, state, user, period))?;
        }
        Ok(())
    }

    /// Grants a period to a member, in the place of the grant that the member has of it.
    pub(super) fn grant(
        &mut self,
        owner: &Owner,
        state: &mut State<VerifiedUser>,
        user: &PartyId,
        period: Period,
    ) -> Result<(), OwnerError> {
        let member = state.members.get_mut(user).ok_or(OwnerError::NotMember)?;
        let end = Timestamp(self.now.0.saturating_add(owner.policy.grant_seconds()));
        let not_after = end.min(member.until).min(member.bundle.unverified().not_after);
        if not_after < self.now {
            // The certificate or the key has run out: the member stays without until it is renewed.
            self.lapsed.insert((*user, period));
            return Ok(());
        }
        let validity = Validity::new(Owner::early(self.now), not_after).ok_or(OwnerError::Time)?;
        let (secret, owner_key) = Afgh::owner_keygen(&(), &owner.root, &owner.signing, &period, self.rng)?;
        let (grant, [rekey]) = Afgh::delegate(&(), &secret, &owner.signing, &member.key, &(), &validity, self.rng)?;
        let issued = Issued { id: grant.unverified().id(), not_after };
        let replaced = member.issued.insert(period, issued);
        self.delegations.push(Delegation { owner_key, grant, rekey });
        replaced.into_iter().for_each(|old| self.revoke(owner, state, old));
        Ok(())
    }

    /// Grants everything again that a member has: its periods, and what is current of its partitions.
    pub(super) fn grant_again(
        &mut self,
        owner: &Owner,
        state: &mut State<VerifiedUser>,
        user: &PartyId,
    ) -> Result<(), OwnerError> {
        let member = state.members.get(user).ok_or(OwnerError::NotMember)?;
        let mut periods: BTreeSet<_> = member.issued.keys().copied().collect();
        for partition in &member.partitions {
            periods.insert(state.current(partition)?);
        }
        periods.into_iter().try_for_each(|period| self.grant(owner, state, user, period))
    }

    /// Takes grants from a member, and returns the partitions that they were of.
    pub(super) fn take_back(
        &mut self,
        owner: &Owner,
        state: &mut State<VerifiedUser>,
        member: &mut Member<VerifiedUser>,
        concerned: impl Fn(&Period) -> bool,
    ) -> BTreeSet<Partition> {
        let mut touched = BTreeSet::new();
        let issued = core::mem::take(&mut member.issued);
        for (period, issued) in issued {
            if concerned(&period) {
                self.revoke(owner, state, issued);
                touched.insert(period.partition);
            } else {
                member.issued.insert(period, issued);
            }
        }
        touched
    }

    /// Revokes a grant unless it has ended by itself.
    fn revoke(&mut self, owner: &Owner, state: &mut State<VerifiedUser>, issued: Issued) {
        if issued.not_after >= self.now {
            state.revoked.insert(issued.id, issued.not_after);
            self.revocations.push(owner.revocation(issued.id, issued.not_after));
        }
    }
}
