//! What the roles need of a scheme beyond re-encryption: how an owner's periods become keys, and a member's grants.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rand_core::TryCryptoRng;
use zeroize::Zeroizing;

use crate::context::{Context, Partition, Period, Slot, Validity};
use crate::encoding::Encoding;
use crate::error::OpenError;
use crate::hash::Digest;
use crate::identity::{PartyId, Signed, SigningKey};
use crate::kac::{self, ClassGrid, ClassSet, GenerationChain, GenerationError, Params};
use crate::kapre::{self, ClassLabel, Grant, Kapre, Lineage, Scope};
use crate::kem::{OwnerRoot, OwnerTerms};
use crate::pre::afgh::{self, Afgh};
use crate::pre::threshold::{self, KeyLabel, LabelTree, Servers, Terms, Threshold};
use crate::pre::{DelegateError, GrantId, KeyError, Pre};
use crate::role::Role;
use crate::sharing::AdmissionRule;

/// How many epochs of a partition [`Threshold`] has label keys for: a change of members a week, for twenty years.
const EPOCHS: u32 = 1024;

/// A scheme that the roles can run on.
pub trait SharingScheme: Pre {
    /// Which periods there can be, and of which generation the keys are. It follows from parameters, partitions and the
    /// generations before.
    type Plan: Clone + fmt::Debug;

    /// The plan of the owner with this root for these partitions; `None` when the parameters have no room for them.
    fn plan(
        params: &Self::Params,
        root: &OwnerRoot,
        owner: &PartyId,
        partitions: &BTreeSet<Partition>,
    ) -> Option<Self::Plan>;

    /// The plan with the generation of keys that continues `chain`; `None` where a scheme does not rotate.
    ///
    /// # Errors
    /// [`KeyError`] when the chain does not verify, is of another plan, or is as long as one can be.
    fn after(
        _params: &Self::Params,
        _plan: &Self::Plan,
        _chain: &Self::OwnerPublic,
        _owner: &PartyId,
    ) -> Result<Option<Self::Plan>, KeyError> {
        Ok(None)
    }

    /// The generation of the keys of a plan; zero where a scheme does not rotate.
    fn generation(_plan: &Self::Plan) -> u32 {
        0
    }

    /// The plan as it was in an earlier generation, or as it is.
    fn of_generation(plan: &Self::Plan, generation: u32) -> Option<Self::Plan> {
        (generation == 0).then(|| plan.clone())
    }

    /// The root of the keys of layers. Where generations and epochs are counted anew, it is another one.
    fn layers(_params: &Self::Params, _plan: &Self::Plan, root: &OwnerRoot) -> OwnerRoot {
        root.layers(&[])
    }

    /// Seals a message to a member; only where a scheme rotates.
    ///
    /// # Errors
    /// [`DelegateError`] when the member's key cannot be used or the generator fails.
    fn seal_to<R: TryCryptoRng + ?Sized>(
        _user: &Self::VerifiedUser,
        _message: &[u8],
        _info: &Digest,
        _sender: &SigningKey,
        _rng: &mut R,
    ) -> Result<Vec<u8>, DelegateError> {
        Err(DelegateError::User)
    }

    /// Opens what was sealed to a member.
    ///
    /// # Errors
    /// [`OpenError`], whatever the cause.
    fn open_sealed(_user: &Self::UserSecret, _sealed: &[u8], _info: &Digest) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        Err(OpenError)
    }

    /// The epoch of a context that is one under a key.
    fn epoch(_key: &Self::VerifiedOwner, ctx: &Context<'_>) -> Option<u32> {
        match ctx.slot {
            Slot::Epoch(epoch) => Some(epoch),
            Slot::Class(_) => None,
        }
    }

    /// How many epochs a partition has room for.
    fn epochs(plan: &Self::Plan) -> u32;

    /// Whether the plan has room for a period.
    fn has(plan: &Self::Plan, period: &Period) -> bool;

    /// Which of the owner's keys a period is under; `None` when the plan has no room for it.
    fn key_label(plan: &Self::Plan, period: &Period) -> Option<Self::KeyLabel>;

    /// On which terms a grant is made; `None` where it takes servers and there are none.
    fn policy(servers: Option<&Servers>, validity: Validity) -> Option<Self::Policy>;

    /// The one server that a re-encryption key is for; `None` where the grant does not say.
    fn server(grant: &Self::Grant, rekey: &Self::ReKey) -> Option<PartyId>;

    /// The owner's secret under a label, for opening the owner's own records.
    ///
    /// # Errors
    /// [`KeyError`] when the label does not fit the parameters.
    fn secret(
        params: &Self::Params,
        root: &OwnerRoot,
        owner: &PartyId,
        label: &Self::KeyLabel,
    ) -> Result<Self::OwnerSecret, KeyError>;

    /// The label of capsules of a period under a key; `None` when the period is not one of the key's.
    fn label(key: &Self::VerifiedOwner, period: &Period) -> Option<Self::Label>;

    /// Whether a context is one under a key, or under one that it continues.
    fn covers(params: &Self::Params, key: &Self::VerifiedOwner, ctx: &Context<'_>) -> bool;

    /// The period that a context is of.
    fn period(plan: &Self::Plan, ctx: &Context<'_>) -> Option<Period>;

    /// Name and digest of a grant that the caller made: unchecked.
    fn name(grant: &Self::Grant) -> (GrantId, Digest);

    /// Divides periods into such as one grant covers.
    fn divide(plan: &Self::Plan, periods: BTreeSet<Period>) -> Vec<BTreeSet<Period>>;

    /// What a grant for such periods covers. Whom the member may refer, where the scheme has referrals: certified by one
    /// of the issuers of the rule's roles.
    fn scope(
        plan: &Self::Plan,
        periods: &BTreeSet<Period>,
        referral: Option<(&AdmissionRule, &BTreeSet<(Role, PartyId)>)>,
    ) -> Option<Self::Scope>;
}

/// One key pair and one grant for each period; no referrals.
impl SharingScheme for Afgh {
    type Plan = ();

    fn plan((): &(), _: &OwnerRoot, _: &PartyId, _: &BTreeSet<Partition>) -> Option<()> {
        Some(())
    }

    fn epochs((): &()) -> u32 {
        u32::MAX
    }

    fn has((): &(), _: &Period) -> bool {
        true
    }

    fn key_label((): &(), period: &Period) -> Option<Period> {
        Some(*period)
    }

    fn policy(_: Option<&Servers>, validity: Validity) -> Option<Validity> {
        Some(validity)
    }

    fn server(_: &Signed<afgh::Grant>, _: &afgh::ReKey) -> Option<PartyId> {
        None
    }

    fn secret((): &(), root: &OwnerRoot, owner: &PartyId, label: &Period) -> Result<afgh::OwnerSecret, KeyError> {
        Ok(afgh::OwnerSecret::derive(root, *owner, label)?)
    }

    fn label(key: &afgh::VerifiedOwner, period: &Period) -> Option<()> {
        (key.period() == *period).then_some(())
    }

    fn covers((): &(), key: &afgh::VerifiedOwner, ctx: &Context<'_>) -> bool {
        key.origin() == ctx.origin
    }

    fn period((): &(), ctx: &Context<'_>) -> Option<Period> {
        match ctx.slot {
            Slot::Epoch(epoch) => Some(Period { partition: ctx.partition, epoch }),
            Slot::Class(_) => None,
        }
    }

    fn name(grant: &Signed<afgh::Grant>) -> (GrantId, Digest) {
        (grant.unverified().id(), grant.digest())
    }

    fn divide((): &(), periods: BTreeSet<Period>) -> Vec<BTreeSet<Period>> {
        periods.into_iter().map(|period| BTreeSet::from([period])).collect()
    }

    fn scope((): &(), _: &BTreeSet<Period>, _: Option<(&AdmissionRule, &BTreeSet<(Role, PartyId)>)>) -> Option<()> {
        Some(())
    }
}

/// One key pair and one grant for each period, divided among servers; no referrals.
///
/// The plan is a tree of label keys with 1,024 epochs of each partition, under one root that the owner signs. It
/// takes the [servers](crate::sharing::AccessPolicy::set_servers) of the owner's policy.
impl SharingScheme for Threshold {
    type Plan = Arc<LabelTree>;

    fn plan((): &(), root: &OwnerRoot, owner: &PartyId, partitions: &BTreeSet<Partition>) -> Option<Arc<LabelTree>> {
        LabelTree::derive(root, *owner, partitions.iter().copied(), EPOCHS).ok().map(Arc::new)
    }

    fn epochs(tree: &Arc<LabelTree>) -> u32 {
        tree.epochs()
    }

    fn has(tree: &Arc<LabelTree>, period: &Period) -> bool {
        tree.has(period)
    }

    fn key_label(tree: &Arc<LabelTree>, period: &Period) -> Option<KeyLabel> {
        tree.label(period)
    }

    fn policy(servers: Option<&Servers>, validity: Validity) -> Option<Terms> {
        Some(Terms { validity, servers: servers?.clone() })
    }

    fn server(grant: &Signed<threshold::Grant>, rekey: &threshold::Fragment) -> Option<PartyId> {
        grant.unverified().servers().server(rekey.index())
    }

    fn secret(
        (): &(),
        root: &OwnerRoot,
        owner: &PartyId,
        label: &KeyLabel,
    ) -> Result<threshold::OwnerSecret, KeyError> {
        Ok(threshold::OwnerSecret::derive(root, *owner, &label.period())?)
    }

    fn label(key: &threshold::VerifiedOwner, period: &Period) -> Option<()> {
        (key.period() == *period).then_some(())
    }

    fn covers((): &(), key: &threshold::VerifiedOwner, ctx: &Context<'_>) -> bool {
        key.origin() == ctx.origin
    }

    fn period(tree: &Arc<LabelTree>, ctx: &Context<'_>) -> Option<Period> {
        match ctx.slot {
            Slot::Epoch(epoch) => Some(Period { partition: ctx.partition, epoch }).filter(|period| tree.has(period)),
            Slot::Class(_) => None,
        }
    }

    fn name(grant: &Signed<threshold::Grant>) -> (GrantId, Digest) {
        (grant.unverified().id(), grant.digest())
    }

    fn divide(_: &Arc<LabelTree>, periods: BTreeSet<Period>) -> Vec<BTreeSet<Period>> {
        periods.into_iter().map(|period| BTreeSet::from([period])).collect()
    }

    fn scope(
        _: &Arc<LabelTree>,
        _: &BTreeSet<Period>,
        _: Option<(&AdmissionRule, &BTreeSet<(Role, PartyId)>)>,
    ) -> Option<()> {
        Some(())
    }
}

fn classes<'a>(grid: &ClassGrid, periods: impl IntoIterator<Item = &'a Period>) -> Option<ClassSet> {
    let classes: Option<Vec<_>> = periods.into_iter().map(|period| grid.class(period)).collect();
    ClassSet::try_from_classes(classes?).ok()
}

/// One key pair for all periods, of which each is a class, and one grant for any of them.
///
/// The plan is a grid of the partitions in ascending order, with as many epochs each as the parameters have room for, and
/// the generations of the key that were before.
impl SharingScheme for Kapre {
    type Plan = Lineage;

    fn plan(params: &Params, _: &OwnerRoot, _: &PartyId, partitions: &BTreeSet<Partition>) -> Option<Lineage> {
        let partitions: Vec<_> = partitions.iter().copied().collect();
        let epochs = params.classes().checked_div(u32::try_from(partitions.len()).ok()?)?;
        ClassGrid::new(&partitions, epochs).ok().map(Lineage::first)
    }

    fn after(
        params: &Params,
        plan: &Lineage,
        chain: &GenerationChain,
        owner: &PartyId,
    ) -> Result<Option<Lineage>, KeyError> {
        let after = Lineage::after(params, chain.clone(), owner)?;
        // Another grid would give the classes of what is stored another meaning.
        if after.grid() != plan.grid() {
            return Err(GenerationError::Grid.into());
        }
        Ok(Some(after))
    }

    fn generation(plan: &Lineage) -> u32 {
        plan.generation()
    }

    fn of_generation(plan: &Lineage, generation: u32) -> Option<Lineage> {
        plan.ancestor(generation)
    }

    fn layers(params: &Params, plan: &Lineage, root: &OwnerRoot) -> OwnerRoot {
        root.layers(&[params.digest().as_bytes(), &plan.grid().to_bytes()])
    }

    fn seal_to<R: TryCryptoRng + ?Sized>(
        user: &kapre::VerifiedUser,
        message: &[u8],
        info: &Digest,
        sender: &SigningKey,
        rng: &mut R,
    ) -> Result<Vec<u8>, DelegateError> {
        user.seal_message(message, info, sender, rng)
    }

    fn open_sealed(user: &kapre::UserSecret, sealed: &[u8], info: &Digest) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        user.open_message(sealed, info)
    }

    fn epoch(key: &kac::VerifiedGeneration, ctx: &Context<'_>) -> Option<u32> {
        match ctx.slot {
            Slot::Class(class) => Some(key.grid().period(class)?.epoch),
            Slot::Epoch(_) => None,
        }
    }

    fn epochs(plan: &Lineage) -> u32 {
        plan.grid().epochs()
    }

    fn has(plan: &Lineage, period: &Period) -> bool {
        plan.grid().class(period).is_some()
    }

    fn key_label(plan: &Lineage, _: &Period) -> Option<Lineage> {
        Some(plan.clone())
    }

    fn policy(_: Option<&Servers>, validity: Validity) -> Option<Validity> {
        Some(validity)
    }

    fn server(_: &Grant, _: &kapre::ReKey) -> Option<PartyId> {
        None
    }

    fn secret(
        params: &Params,
        root: &OwnerRoot,
        owner: &PartyId,
        label: &Lineage,
    ) -> Result<kac::OwnerSecret, KeyError> {
        Ok(kac::OwnerSecret::derive(params, label.grid(), root, owner, label.previous())?)
    }

    fn label(key: &kac::VerifiedGeneration, period: &Period) -> Option<ClassLabel> {
        ClassLabel::new(key.grid(), period)
    }

    fn covers(params: &Params, key: &kac::VerifiedGeneration, ctx: &Context<'_>) -> bool {
        key.class_of(params, ctx).is_some()
    }

    fn period(plan: &Lineage, ctx: &Context<'_>) -> Option<Period> {
        match ctx.slot {
            Slot::Class(class) => plan.grid().period(class).filter(|period| period.partition == ctx.partition),
            Slot::Epoch(_) => None,
        }
    }

    fn name(grant: &Grant) -> (GrantId, Digest) {
        (grant.id(), grant.digest())
    }

    fn divide(_: &Lineage, periods: BTreeSet<Period>) -> Vec<BTreeSet<Period>> {
        if periods.is_empty() { Vec::new() } else { Vec::from([periods]) }
    }

    fn scope(
        plan: &Lineage,
        periods: &BTreeSet<Period>,
        referral: Option<(&AdmissionRule, &BTreeSet<(Role, PartyId)>)>,
    ) -> Option<Scope> {
        let grid = plan.grid();
        let admission = |(rule, issuers): (&AdmissionRule, &BTreeSet<(Role, PartyId)>)| {
            let referable = periods.iter().filter(|period| rule.partitions.contains(&period.partition));
            let set = classes(grid, referable).filter(|set| !set.is_empty())?;
            rule.admission(set, issuers)
        };
        Some(Scope { set: classes(grid, periods)?, referral: referral.and_then(admission) })
    }
}
