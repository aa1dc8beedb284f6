//! A patient is unconscious, and trustees let an emergency doctor in: what they need for it, what they cannot do, and
//! what the patient finds afterwards.
//!
//! ```text
//! cargo run --release --example emergency_access
//! ```
//!
//! * Marta shares her secret among three trustees, of whom two have to act: doctors whom the chamber certifies, her
//!   medical data and prescriptions, six hours.
//! * An emergency doctor asks; one trustee alone does not suffice, one cheats and is named, two suffice.
//! * Who and what fails: quacks, other roles, other partitions, more time, requests that somebody passes on.
//! * Marta reads the logs of trustees and server, ends a second access early, and the trustees' shares are renewed.
//!
//! Exit code 1 if anything comes out otherwise than written down here.
//!
//! What it does not show: that there is an emergency, which people have to find out before they approve. As many
//! trustees as the threshold have Marta's secret if they collude, and nobody notices. The doctor and a server that
//! obeys nobody read the classes of the request for as long as the secret lives.

#[path = "../common/mod.rs"]
mod common;
mod trustees;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::process::ExitCode;

use common::{DAY, HOUR, MINUTE, Story, StoryError, World, clock};
use sesphr::context::Partition;
use sesphr::encoding::Message;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kapre::{Appeal, EmergencyError, EmergencyRequest};
use sesphr::pre::{DelegateError, GrantError, LiveError};
use sesphr::role::{RoleCert, RoleError};
use sesphr::sharing::log::{Event, Rule};
use sesphr::sharing::{EmergencyPlan, Role, ServerError, TrusteeError, User};
use trustees::{Keeper, Part, approval, asks, cheat, combined, copied, entrusted, log_of, prepare, second};

const MEDICAL: Partition = Partition::MEDICAL;
const PRESCRIPTION: Partition = Partition::PRESCRIPTION;

const TEXTS: [(Partition, &str); 4] = [
    (Partition::PERSONAL, r#"{"resourceType":"Patient","name":[{"family":"Example","given":["Marta"]}]}"#),
    (MEDICAL, r#"{"resourceType":"AllergyIntolerance","criticality":"high","code":{"text":"Penicillin"}}"#),
    (Partition::INSURANCE, r#"{"resourceType":"Coverage","status":"active","subscriberId":"SUB-0042"}"#),
    (PRESCRIPTION, r#"{"resourceType":"MedicationStatement","medicationCodeableConcept":{"text":"Phenprocoumon"}}"#),
];

const NAMES: [&str; 3] = ["the sister", "the family doctor", "the notary"];

fn main() -> ExitCode {
    common::run(play)
}

fn play(story: &mut Story) -> Result<(), StoryError> {
    let mut world = World::new(90 * DAY, 30 * DAY, |policy, chamber| {
        policy.trust(Role::Doctor, chamber);
        policy.trust(Role::Pharmacist, chamber);
    })?;
    story.chapter("1. Marta prepares");
    for (partition, text) in TEXTS {
        world.write(None, partition, 1, text)?;
    }
    let mut key = || SigningKey::try_generate(&mut world.rng);
    let keys = [key()?, key()?, key()?];
    let mut plan = prepare(&mut world, keys.each_ref().map(SigningKey::id))?;
    let mut keepers = Vec::new();
    for (key, n) in keys.iter().zip(0..) {
        keepers.push(entrusted(&world, &plan, key, n)?);
    }
    let sizes = (plan.rules.encoded_len(), plan.sharing.encoded_len());
    story.says(format_args!("rules of {} bytes and a sharing of {} are public; a share is 69 bytes", sizes.0, sizes.1));
    let alien = plan.sub_shares.get(1..2).ok_or("no sub-share")?;
    let mixed = keepers.first_mut().ok_or("no keeper")?;
    let mixed = mixed.trustee.entrust(&world.owner.id(), &plan.owner_key, &plan.rules, &plan.sharing, alien);
    story.check("each trustee checks its share; another's is refused", matches!(mixed, Err(TrusteeError::Share(_))));

    let mut okafor = world.user()?;
    world.wait(10 * DAY);
    what_fails(story, &mut world, &plan, &mut keepers, &okafor)?;
    let request = emergency(story, &mut world, &plan, &mut keepers, &mut okafor)?;
    afterwards(story, &mut world, &mut keepers, &okafor, &request)?;
    ended_early(story, &mut world, &plan, &mut keepers)?;
    refreshed(story, &mut world, &mut plan, &mut keepers)?;
    prepared_anew(story, &mut world, &plan, &mut keepers)
}

fn refuses(part: Result<Part, TrusteeError<Infallible>>, why: &GrantError) -> bool {
    part.err() == Some(TrusteeError::Emergency(EmergencyError::Grant(*why)))
}

fn what_fails(
    story: &mut Story,
    world: &mut World,
    plan: &EmergencyPlan,
    keepers: &mut [Keeper],
    okafor: &User,
) -> Result<(), StoryError> {
    story.chapter("2. What no trustee approves");
    let [sister, doctor, _] = keepers else { return Err("three trustees".into()) };
    let (both, hours) = ([MEDICAL, PRESCRIPTION], world.validity(6 * HOUR)?);
    let cert = world.cert(okafor, Role::Doctor)?;

    let quack = world.user()?;
    let claim = RoleCert { subject: quack.id(), role: Role::Doctor, validity: world.validity(DAY)? };
    let claim = Signed::new(quack.signing(), claim);
    let request = asks(world, plan, &quack, &claim, &both, &hours)?;
    let held = refuses(approval(world, sister, &quack, &request), &GrantError::Role(RoleError::Issuer));
    story.check("a quack with a certificate of his own making: the rules name no such issuer", held);
    let request = asks(world, plan, &quack, &cert, &both, &hours)?;
    let held = refuses(approval(world, sister, &quack, &request), &GrantError::Role(RoleError::Subject));
    story.check("a quack with Dr. Okafor's certificate: it is about somebody else", held);

    let pharmacist = world.user()?;
    let role = world.cert(&pharmacist, Role::Pharmacist)?;
    let request = asks(world, plan, &pharmacist, &role, &both, &hours)?;
    let held = refuses(approval(world, sister, &pharmacist, &request), &GrantError::Role(RoleError::Issuer));
    story.check("a certified pharmacist: the rules are for doctors", held);

    for partition in [Partition::PERSONAL, Partition::INSURANCE] {
        let request = asks(world, plan, okafor, &cert, &[MEDICAL, partition], &hours)?;
        let held = refuses(approval(world, sister, okafor, &request), &GrantError::Scope);
        story.check(format_args!("Dr. Okafor asks for {partition} data as well: beyond the rules"), held);
    }
    let longer = world.validity(6 * HOUR + 1)?;
    let request = asks(world, plan, okafor, &cert, &both, &longer)?;
    let held = refuses(approval(world, sister, okafor, &request), &GrantError::TooLong);
    story.check("one second more than six hours: beyond the rules", held);

    let request = asks(world, plan, okafor, &cert, &both, &hours)?;
    let appeal = okafor.appeal(&request, sister.trustee.id(), world.now);
    let owner = world.owner.id();
    let mut rng = world.rng;
    let mut passed_on = |appeal: &Signed<Appeal>, now| -> Result<(), TrusteeError<Infallible>> {
        doctor.trustee.approve(&owner, &request, appeal, now, &mut rng).map(|_| ())
    };
    let not_meant = Err(TrusteeError::Emergency(EmergencyError::Appeal));
    let held = passed_on(&appeal, world.now) == not_meant;
    story.check("the server passes the sister's appeal on to the family doctor: not meant for her", held);
    let appeal = okafor.appeal(&request, doctor.key.id(), world.now);
    let late = world.later(10 * MINUTE);
    let held = passed_on(&appeal, late) == not_meant;
    story.check("the server keeps an appeal for ten minutes: too old", held);
    let forged = Appeal { request: request.digest(), trustee: doctor.key.id(), at: world.now };
    let forged = Signed::new(&world.server_key, forged);
    let held = passed_on(&forged, world.now) == not_meant;
    story.check("the server signs an appeal itself: it is not who asks", held);
    let late = world.later(7 * HOUR);
    let appeal = okafor.appeal(&request, doctor.key.id(), late);
    let end = doctor.trustee.approve(&owner, &request, &appeal, late, &mut world.rng);
    story.check("the next day's trustee sees yesterday's request: it has ended", refuses(end, &GrantError::Expired));
    Ok(())
}

fn emergency(
    story: &mut Story,
    world: &mut World,
    plan: &EmergencyPlan,
    keepers: &mut [Keeper],
    okafor: &mut User,
) -> Result<Signed<EmergencyRequest>, StoryError> {
    story.chapter("3. Marta is unconscious; Dr. Okafor asks, and appeals to each trustee");
    world.wait(HOUR);
    let [sister, doctor, notary] = keepers else { return Err("three trustees".into()) };
    let (cert, hours) = (world.cert(okafor, Role::Doctor)?, world.validity(6 * HOUR)?);
    let request = asks(world, plan, okafor, &cert, &[MEDICAL, PRESCRIPTION], &hours)?;
    story.check("before anybody approved, she reads nothing", !world.reads(okafor, MEDICAL, 1)?);

    let from_sister = approval(world, sister, okafor, &request)?;
    let alone = combined(world, plan, &plan.sharing, &request, &copied(&[&from_sister])?);
    let missing = |good, culprits| Err(ServerError::Emergency(EmergencyError::Missing { good, need: 2, culprits }));
    story.check("the sister alone: one of two", alone == missing(1, Vec::new()));
    let twice = combined(world, plan, &plan.sharing, &request, &copied(&[&from_sister, &from_sister])?);
    story.check("the sister twice: still one", twice == missing(1, Vec::new()));

    let bad = cheat(world, notary, okafor, &request)?;
    let named = Vec::from([notary.key.id()]);
    let spoilt = combined(world, plan, &plan.sharing, &request, &copied(&[&from_sister, &bad])?);
    story.check(
        "the notary signs for a key that is not its share's: the server names it",
        spoilt == missing(1, named.clone()),
    );
    let from_doctor = approval(world, doctor, okafor, &request)?;
    let parts = copied(&[&bad, &from_doctor, &from_sister])?;
    let done = combined(world, plan, &plan.sharing, &request, &parts);
    story.check("with the family doctor's part two are good, and the notary is named again", done == Ok(named));
    world.hoard()?;

    for (partition, text) in TEXTS {
        let may = partition == MEDICAL || partition == PRESCRIPTION;
        let read = world.reads(okafor, partition, 1)?;
        story.check(format_args!("{:<12} {}", partition.as_str(), if may { text } else { "closed" }), read == may);
    }
    let beyond =
        world.read_together(okafor, Partition::PERSONAL, 1)? || world.read_together(okafor, Partition::INSURANCE, 1)?;
    story.check("nor do she and a server that obeys nobody read more", !beyond);
    world.wait(6 * HOUR - 1);
    story.check(format_args!("{}: she reads for six hours", clock(world.now)), world.reads(okafor, MEDICAL, 1)?);
    world.wait(2);
    story.check(format_args!("{}: and not two seconds more", clock(world.now)), !world.reads(okafor, MEDICAL, 1)?);
    let still = world.read_together(okafor, MEDICAL, 1)?;
    story.check("(with a server that obeys nobody she would read on: good will)", still);
    Ok(request)
}

fn afterwards(
    story: &mut Story,
    world: &mut World,
    keepers: &mut [Keeper],
    okafor: &User,
    request: &Signed<EmergencyRequest>,
) -> Result<(), StoryError> {
    story.chapter("4. Marta is back, and reads the logs");
    world.wait(2 * DAY);
    let (receipts, signed) = world.audit()?;
    let (mut readings, mut late, mut approved) = (0, 0, BTreeSet::new());
    for receipt in &receipts {
        let at = clock(receipt.at);
        match &receipt.event {
            Event::Emergency { user, approvers, request: named, .. } if *user == okafor.id() => {
                let names = keepers.iter().zip(NAMES).filter(|(keeper, _)| approvers.contains(&keeper.key.id()));
                let names: Vec<_> = names.map(|(_, name)| name).collect();
                story.says(format_args!("{at} server: Dr. Okafor was let in by {}", names.join(" and ")));
                if *named == request.digest() {
                    approved.extend(approvers.iter().copied());
                }
            }
            Event::Reencrypted { user, partition, .. } if *user == okafor.id() => {
                story.says(format_args!("{at} server: Dr. Okafor reads {partition}"));
                readings += 1;
            }
            Event::Denied { user, partition, rule, .. } if *user == okafor.id() => {
                story.says(format_args!("{at} server: Dr. Okafor is denied {partition}: {rule}"));
                late += usize::from(*rule == Rule::Expired);
            }
            _ => {}
        }
    }
    story.check("three readings, and the one that came too late", (readings, late) == (3, 1) && signed);
    let mut told = BTreeSet::new();
    for (keeper, name) in keepers.iter_mut().zip(NAMES) {
        let log = log_of(world, &mut keeper.trustee)?;
        for receipt in &log {
            if let Event::Approved { user, request: named, .. } = receipt.event {
                story.says(format_args!("{} {name}: approved", clock(receipt.at)));
                if user == okafor.id() && named == request.digest() {
                    told.insert(keeper.key.id());
                }
            }
        }
    }
    story.check("the logs of the two who approved say the same", told == approved && told.len() == 2);
    story.says("The notary's log is empty: of a trustee who cheats, the server's word is what there is.");
    Ok(())
}

fn ended_early(
    story: &mut Story,
    world: &mut World,
    plan: &EmergencyPlan,
    keepers: &mut [Keeper],
) -> Result<(), StoryError> {
    story.chapter("5. Another emergency, and Marta wakes up after an hour");
    world.wait(DAY);
    let [sister, doctor, _] = keepers else { return Err("three trustees".into()) };
    let (mut user, request, parts) = second(world, plan, &plan.sharing, [sister, doctor])?;
    story.check("the doctor reads", world.reads(&mut user, MEDICAL, 1)?);
    world.wait(HOUR);
    let (receipts, _) = world.audit()?;
    let mut grants = receipts.iter().filter_map(|receipt| match &receipt.event {
        Event::Emergency { grant, validity, .. } => Some((*grant, validity.not_after())),
        _ => None,
    });
    let (grant, end) = grants.next_back().ok_or("no receipt of an emergency")?;
    let update = world.owner.bar(grant, end, world.now, &mut world.rng)?;
    world.send(&update)?;
    story.check("Marta bars the grant by its name: the doctor reads no more", !world.reads(&mut user, MEDICAL, 1)?);
    let again = combined(world, plan, &plan.sharing, &request, &parts);
    story.check("the trustees' parts come again: barred", again == Err(ServerError::Live(LiveError::NotLive)));
    Ok(())
}

fn refreshed(
    story: &mut Story,
    world: &mut World,
    plan: &mut EmergencyPlan,
    keepers: &mut [Keeper],
) -> Result<(), StoryError> {
    story.chapter("6. The trustees renew their shares; Marta need not be there");
    world.wait(DAY);
    let (owner, old) = (world.owner.id(), plan.sharing.clone());
    let [sister, doctor, _] = &*keepers else { return Err("three trustees".into()) };
    let (by_sister, from_sister) = sister.trustee.deal(&owner, &mut world.rng)?;
    let (by_doctor, from_doctor) = doctor.trustee.deal(&owner, &mut world.rng)?;
    let mut sharing = old.clone();
    sharing.push([by_sister, by_doctor]);
    // The notary does not hear of it and keeps its old share.
    let mut received = from_sister.into_iter().zip(from_doctor);
    for keeper in keepers.iter_mut().take(2) {
        let (one, two) = received.next().ok_or("no sub-share")?;
        keeper.trustee.entrust(&owner, &plan.owner_key, &plan.rules, &sharing, &[one, two])?;
    }
    let [sister, doctor, notary] = keepers else { return Err("three trustees".into()) };
    let user = world.user()?;
    let (cert, hours) = (world.cert(&user, Role::Doctor)?, world.validity(6 * HOUR)?);
    let request = asks(world, plan, &user, &cert, &[MEDICAL], &hours)?;
    let parts = [approval(world, sister, &user, &request)?, approval(world, notary, &user, &request)?];
    let end = combined(world, plan, &sharing, &request, &parts);
    let missing = Err(ServerError::Emergency(EmergencyError::Missing { good: 1, need: 2, culprits: Vec::new() }));
    story.check("an old share and a new one do not combine, and nobody is blamed", end == missing);
    let end = combined(world, plan, &old, &request, &parts);
    story.check("nor under the old sharing", end == missing);
    let (mut user, ..) = second(world, plan, &sharing, [sister, doctor])?;
    story.check("two new ones do, under the same rules", world.reads(&mut user, MEDICAL, 1)?);
    plan.sharing = sharing;
    Ok(())
}

fn prepared_anew(
    story: &mut Story,
    world: &mut World,
    plan: &EmergencyPlan,
    keepers: &mut [Keeper],
) -> Result<(), StoryError> {
    story.chapter("7. Marta prepares anew, with a neighbour in the notary's place");
    let [sister, doctor, _] = keepers else { return Err("three trustees".into()) };
    let (mut user, request, parts) = second(world, plan, &plan.sharing, [sister, doctor])?;
    story.check("somebody reads under the old rules", world.reads(&mut user, MEDICAL, 1)?);
    let neighbour = SigningKey::try_generate(&mut world.rng)?;
    let keys = [&sister.key, &doctor.key, &neighbour];
    let anew = prepare(world, keys.map(SigningKey::id))?;
    story.check("with the old rules ends what was granted under them", !world.reads(&mut user, MEDICAL, 1)?);
    let again = combined(world, plan, &plan.sharing, &request, &parts);
    story.check("the parts of before do nothing", again == Err(ServerError::Live(LiveError::NotLive)));
    let mut two = [entrusted(world, &anew, &doctor.key, 1)?, entrusted(world, &anew, &neighbour, 2)?];
    let [doctor, neighbour] = &mut two;
    let (mut user, ..) = second(world, &anew, &anew.sharing, [doctor, neighbour])?;
    story.check("family doctor and neighbour let somebody in", world.reads(&mut user, MEDICAL, 1)?);
    let directory = world.directory()?;
    let nowhere = Partition::new("genome").ok_or("no label")?;
    let (cert, hours) = (world.cert(&user, Role::Doctor)?, world.validity(HOUR)?);
    let end = user.ask_trustees(&directory, &anew.rules, &cert, &[nowhere], &hours, &mut world.rng);
    story.check("there is no asking for what Marta does not have", end.err() == Some(DelegateError::Scope));
    story.says(format_args!("From day 1 to {}, everything in Marta's absence left its receipt.", clock(world.now)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_comes_out() {
        let story = common::told(play);
        assert_eq!(story.failed, 0, "{}", story.text);
        for part in ["Penicillin", "let in by the sister and the family doctor", "denied medical: the grant has ended"]
        {
            assert!(story.text.contains(part), "{}", story.text);
        }
        assert!(!story.text.contains("SUB-0042"), "{}", story.text);
    }
}
