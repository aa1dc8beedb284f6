//! Grants that others make in the owner's name: referrals and break-glass.

use alloc::vec::Vec;

use super::Server;
use crate::context::Timestamp;
use crate::identity::{PartyId, Signed};
use crate::kac::GenerationChain;
use crate::kac::trustees::SharingChain;
use crate::kapre::{Approval, ApprovalKey, EmergencyRequest, EmergencyRules, Grant, Kapre, ReferralKey, combine};
use crate::pre::{GrantError, GrantTerms, Pre};
use crate::sharing::{Delegation, ServerError, Storage};

impl<St: Storage> Server<Kapre, St> {
    /// Takes a referral: a delegatee of `owner`'s passes on some of what it may read, under the owner's rules. The server
    /// carries it out for as long as it carries out the grant that it stands on.
    ///
    /// # Errors
    /// As [`accept`](Self::accept); [`GrantError::Rules`] when the server has no such grant to stand on.
    pub fn refer(
        &mut self,
        owner: &PartyId,
        grant: &Grant,
        key: &ReferralKey,
        now: Timestamp,
    ) -> Result<(), ServerError<St::Error>> {
        let account = self.accounts.get(owner).ok_or(ServerError::UnknownOwner)?;
        let Grant::Referral(referral) = grant else { return Err(ServerError::Grant(GrantError::Rules)) };
        let parent = account.grants.values().find(|carried| carried.terms.digest() == referral.parent().digest());
        let parent = parent.ok_or(ServerError::Grant(GrantError::Rules))?;
        let rekey = key.apply(&parent.rekey);
        let delegation = Delegation { owner_key: parent.owner_key.clone(), grant: grant.clone(), rekey };
        self.accept(owner, &delegation, now)
    }

    /// Takes the parts of trustees who let somebody in while the owner cannot act. The result names the trustees who
    /// signed a part that does not fit their share.
    ///
    /// # Errors
    /// As [`accept`](Self::accept); [`ServerError::Sharing`] when the owner's secret is not shared as `sharing` says,
    /// [`ServerError::Emergency`] when too few parts are good, with the trustees to blame.
    #[allow(clippy::too_many_arguments)]
    pub fn break_glass(
        &mut self,
        owner: &PartyId,
        owner_key: &GenerationChain,
        sharing: &SharingChain,
        rules: &Signed<EmergencyRules>,
        request: &Signed<EmergencyRequest>,
        parts: &[(Signed<Approval>, ApprovalKey)],
        now: Timestamp,
    ) -> Result<Vec<PartyId>, ServerError<St::Error>> {
        let generation = Kapre::verify_owner(&self.params, owner_key, owner).map_err(ServerError::Key)?;
        let sharing = sharing.verify(&generation).map_err(ServerError::Sharing)?;
        let combined = combine(&self.params, &sharing, rules, request, parts).map_err(ServerError::Emergency)?;
        let delegation = Delegation { owner_key: owner_key.clone(), grant: combined.grant, rekey: combined.rekey };
        self.accept(owner, &delegation, now)?;
        Ok(combined.culprits)
    }
}
