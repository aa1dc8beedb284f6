//! What Marta, her trustees, whoever asks and the server do, one step each.

use std::collections::BTreeSet;
use std::convert::Infallible;

use sesphr::context::{Partition, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::trustees::{Committee, SharingChain};
use sesphr::kapre::{Approval, ApprovalKey, EmergencyRequest};
use sesphr::role::RoleCert;
use sesphr::sharing::log::{Auditor, Receipt};
use sesphr::sharing::{AdmissionRule, EmergencyPlan, MemoryStorage, Role, ServerError, Trustee, TrusteeError, User};

use crate::common::{HOUR, StoryError, World, copy_key};
use crate::{MEDICAL, PRESCRIPTION};

/// What a trustee sends the server.
pub(crate) type Part = (Signed<Approval>, ApprovalKey);

/// A trustee, and its key for what it does beside the rules.
pub(crate) struct Keeper {
    pub(crate) trustee: Trustee<MemoryStorage>,
    pub(crate) key: SigningKey,
}

/// Two of three trustees let in doctors for six hours.
pub(crate) fn prepare(world: &mut World, trustees: [PartyId; 3]) -> Result<EmergencyPlan, StoryError> {
    let rule = AdmissionRule {
        roles: BTreeSet::from([Role::Doctor]),
        partitions: BTreeSet::from([MEDICAL, PRESCRIPTION]),
        seconds: 6 * HOUR,
    };
    let committee = Committee::new(2, &trustees)?;
    let (update, plan) = world.owner.prepare_emergency(&committee, &rule, world.now, &mut world.rng)?;
    world.send(&update)?;
    Ok(plan)
}

/// The trustee with the number `n` takes Marta into care.
pub(crate) fn entrusted(world: &World, plan: &EmergencyPlan, key: &SigningKey, n: usize) -> Result<Keeper, StoryError> {
    let owner = world.owner.id();
    let mine = plan.sub_shares.get(n..n + 1).ok_or("no such trustee")?;
    let mut trustee = Trustee::load(world.params.clone(), copy_key(key)?, MemoryStorage::new())?;
    trustee.entrust(&owner, &plan.owner_key, &plan.rules, &plan.sharing, mine)?;
    Ok(Keeper { trustee, key: copy_key(key)? })
}

/// Somebody asks for partitions.
pub(crate) fn asks(
    world: &mut World,
    plan: &EmergencyPlan,
    user: &User,
    cert: &Signed<RoleCert>,
    partitions: &[Partition],
    validity: &Validity,
) -> Result<Signed<EmergencyRequest>, StoryError> {
    let directory = world.directory()?;
    Ok(user.ask_trustees(&directory, &plan.rules, cert, partitions, validity, &mut world.rng)?)
}

/// Somebody appeals to a trustee, who approves what the rules allow.
pub(crate) fn approval(
    world: &mut World,
    keeper: &mut Keeper,
    user: &User,
    request: &Signed<EmergencyRequest>,
) -> Result<Part, TrusteeError<Infallible>> {
    let appeal = user.appeal(request, keeper.trustee.id(), world.now);
    keeper.trustee.approve(&world.owner.id(), request, &appeal, world.now, &mut world.rng)
}

/// The server combines what trustees sent.
pub(crate) fn combined(
    world: &mut World,
    plan: &EmergencyPlan,
    sharing: &SharingChain,
    request: &Signed<EmergencyRequest>,
    parts: &[Part],
) -> Result<Vec<PartyId>, ServerError<Infallible>> {
    let (owner, now) = (world.owner.id(), world.now);
    world.server.break_glass(&owner, &plan.owner_key, sharing, &plan.rules, request, parts, now)
}

/// The same, of parts that come over the network.
pub(crate) fn copied(parts: &[&Part]) -> Result<Vec<Part>, StoryError> {
    let copy = |(approval, key): &&Part| {
        Ok((Signed::from_bytes(&approval.to_bytes())?, ApprovalKey::from_bytes(&key.to_secret_bytes())?))
    };
    parts.iter().map(copy).collect()
}

/// The notary draws two masks, and signs for the key of one beside the commitment of the other; off its log.
pub(crate) fn cheat(
    world: &mut World,
    notary: &Keeper,
    user: &User,
    request: &Signed<EmergencyRequest>,
) -> Result<Part, StoryError> {
    let storage = notary.trustee.storage().clone();
    let trustee = Trustee::load(world.params.clone(), copy_key(&notary.key)?, storage)?;
    let mut aside = Keeper { trustee, key: copy_key(&notary.key)? };
    let (one, _) = approval(world, &mut aside, user, request)?;
    let (other, key) = approval(world, &mut aside, user, request)?;
    let (mut one, other) = (one.unverified().to_bytes(), other.unverified().to_bytes());
    // The hash of the key comes last.
    let (start, hash) = (one.len() - 32, other.get(other.len() - 32..).ok_or("a short approval")?);
    one.get_mut(start..).ok_or("a short approval")?.copy_from_slice(hash);
    Ok((Signed::new(&notary.key, Approval::from_bytes(&one)?), key))
}

/// All receipts of a trustee about Marta.
pub(crate) fn log_of(world: &mut World, trustee: &mut Trustee<MemoryStorage>) -> Result<Vec<Receipt>, StoryError> {
    let mut auditor = Auditor::new(world.owner.id(), trustee.id());
    world.wait(1);
    let page = trustee.audit(&world.owner.ask_audit(&auditor, world.now), world.now)?;
    Ok(auditor.follow(&page)?)
}

/// A second emergency, up to the grant. Who asks and whether it reads.
pub(crate) fn second(
    world: &mut World,
    plan: &EmergencyPlan,
    sharing: &SharingChain,
    keepers: [&mut Keeper; 2],
) -> Result<(User, Signed<EmergencyRequest>, Vec<Part>), StoryError> {
    let user = world.user()?;
    let (cert, hours) = (world.cert(&user, Role::Doctor)?, world.validity(6 * HOUR)?);
    let request = asks(world, plan, &user, &cert, &[MEDICAL], &hours)?;
    let mut parts = Vec::new();
    for keeper in keepers {
        parts.push(approval(world, keeper, &user, &request)?);
    }
    combined(world, plan, sharing, &request, &parts)?;
    Ok((user, request, parts))
}
