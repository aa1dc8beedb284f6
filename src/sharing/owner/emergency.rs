//! What the owner prepares for the time when it cannot act.

use alloc::vec::Vec;

use rand_core::TryCryptoRng;

use super::{Owner, Update};
use crate::context::Timestamp;
use crate::identity::Signed;
use crate::kac::trustees::{Committee, SharingChain, SubShare, deal};
use crate::kac::{ClassSet, GenerationChain};
use crate::kapre::{EmergencyRules, Kapre};
use crate::pre::{DelegateError, Entry, Pre};
use crate::sharing::{AdmissionRule, OwnerError};

/// What trustees need to act. All but the sub-shares is public, and for the re-encryption server and whoever may ask as
/// well: keep it where an emergency doctor finds it.
#[derive(Debug)]
pub struct EmergencyPlan {
    /// The owner's key.
    pub owner_key: GenerationChain,
    /// Which trustees may let in whom.
    pub rules: Signed<EmergencyRules>,
    /// How the owner's secret is shared.
    pub sharing: SharingChain,
    /// The secret shares in the order of the trustees, each for its trustee alone.
    pub sub_shares: Vec<SubShare>,
}

impl Owner<Kapre> {
    /// Shares the owner's secret among trustees, of whom as many as their threshold may let others in by `rule`. Former
    /// rules end: with them ends what was granted under them.
    ///
    /// A server carries out nothing under a head of live grants that has expired, and readers take no directory that has:
    /// the owner's `seconds` have to be longer than an emergency may last. Bodies in a layer, which a departure at
    /// [`Level::Bodies`](super::Level::Bodies) leaves, stay closed to whom trustees let in.
    ///
    /// The trustees' shares of before stay good for nothing that the server carries out, but as many of the former
    /// trustees as their threshold have the secret still if they collude: only a new generation of it, by a
    /// [departure](Self::depart) at the level of headers, ends that.
    ///
    /// # Errors
    /// [`OwnerError::NoSuchPeriod`] for a partition that does not exist, and others; the state is unchanged then.
    pub fn prepare_emergency<R: TryCryptoRng + ?Sized>(
        &mut self,
        committee: &Committee,
        rule: &AdmissionRule,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<(Update, EmergencyPlan), OwnerError> {
        let mut set = ClassSet::empty();
        for partition in &rule.partitions {
            set = set.union(&self.plan.grid().partition(partition).ok_or(OwnerError::NoSuchPeriod)?);
        }
        let admission = rule.admission(set, &self.policy.issuers).ok_or(OwnerError::Exhausted)?;
        let (secret, owner_key) = Kapre::owner_keygen(&self.params, &self.root, &self.signing, &self.plan, rng)?;
        let (dealing, sub_shares) = deal(&secret, &self.signing, committee, rng).map_err(|_| OwnerError::Rng)?;
        let sharing = SharingChain::new(dealing);
        let shared = sharing.verify(secret.generation()).map_err(|_| OwnerError::Delegate(DelegateError::Rng))?;
        let rules = EmergencyRules::new(&self.signing, &shared, admission, rng)?;
        let (id, digest) = (rules.unverified().id(), rules.digest());
        let generation = self.plan.generation();
        let update = self.change(now, rng, |_, state, step| {
            state.emergency.replace((generation, id)).into_iter().for_each(|(_, former)| step.unlist(former));
            step.list(id, Entry::Live { digest });
            Ok(())
        })?;
        Ok((update, EmergencyPlan { owner_key, rules, sharing, sub_shares }))
    }

    /// Whether there are rules for emergencies in force. They end when the owner's key has a [new
    /// generation](Self::settle), of which trustees have no share.
    pub fn is_prepared(&self) -> bool {
        self.state.emergency.is_some()
    }

    /// Ends the rules for emergencies, and with them what was granted under them.
    ///
    /// # Errors
    /// [`OwnerError`]; the state is unchanged then.
    pub fn end_emergency<R: TryCryptoRng + ?Sized>(
        &mut self,
        now: Timestamp,
        rng: &mut R,
    ) -> Result<Update, OwnerError> {
        self.change(now, rng, |_, state, step| {
            state.emergency.take().into_iter().for_each(|(_, former)| step.unlist(former));
            Ok(())
        })
    }
}
