//! A doctor leaves who has read a lot: what closes, what stays open, and who sees to it.
//!
//! ```text
//! cargo run --release --example revoke_member
//! ```
//!
//! * Before and after the departure: old records and new ones, by who stays and by who left.
//! * Old delegations and old heads of live grants do not bring the doctor back.
//! * A server that is restored from a backup does, for old records; the patient's auditor refuses its log.
//! * The doctor and a server that deletes nothing: which classes they still reach, and which not.
//! * Whoever stays is renewed, and the doctor returns.
//! * The doctor leaves for good, at the level of bodies: the cloud updates what it stores, and what was open is closed.
//! * The patient recovers from a lost device.
//!
//! Exit code 1 if anything comes out otherwise than written down here.
//!
//! What it does not show: that plaintext which somebody read is taken back, since nothing does; and that a server which
//! hides a part of its log from the beginning is found out, since it is not.

#[path = "common/mod.rs"]
mod common;

use std::process::ExitCode;

use common::{DAY, HOUR, MINUTE, START, Story, StoryError, World, clock, copy_key};
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerRoot;
use sesphr::pre::LiveError;
use sesphr::record::Versions;
use sesphr::sharing::log::{AuditError, Auditor, Event, LogError, Rule};
use sesphr::sharing::{
    Backup, BundleError, Level, MemoryStorage, Owner, OwnerError, Role, Server, ServerError, Update, User,
};

const MEDICAL: Partition = Partition::MEDICAL;
const PRESCRIPTION: Partition = Partition::PRESCRIPTION;

const TEXTS: [(Partition, &str); 4] = [
    (Partition::PERSONAL, r#"{"resourceType":"Patient","name":[{"family":"Example","given":["Marta"]}]}"#),
    (MEDICAL, r#"{"resourceType":"Condition","code":{"text":"Essential hypertension"}}"#),
    (Partition::INSURANCE, r#"{"resourceType":"Coverage","status":"active","subscriberId":"SUB-0042"}"#),
    (PRESCRIPTION, r#"{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"Ramipril 5 mg"}}"#),
];

fn main() -> ExitCode {
    common::run(play)
}

fn play(story: &mut Story) -> Result<(), StoryError> {
    // Grants last three months, heads of live grants and directories a week.
    let mut world = World::new(90 * DAY, 7 * DAY, |policy, chamber| policy.trust(Role::Doctor, chamber))?;
    let mut amari = world.user()?;
    let mut brother = world.user()?;

    story.chapter("1. Marta writes, and shares with her brother and with Dr. Amari");
    for (partition, text) in TEXTS {
        world.write(None, partition, 1, text)?;
    }
    world.wait(MINUTE);
    let cert = world.owner.certify(brother.id(), Role::FamilyAndFriends, world.validity(365 * DAY)?);
    let bundle = brother.bundle(1, world.later(365 * DAY));
    let update = world.owner.join(&bundle, &cert, START, world.now, &mut world.rng)?;
    world.send(&update)?;
    world.wait(MINUTE);
    let joined = world.join(&amari, Role::Doctor, START)?;
    story.says("           personal  medical  insurance  prescription");
    table(story, &mut world, "brother", &mut brother, 1, [true; 4])?;
    table(story, &mut world, "Dr. Amari", &mut amari, 1, [true, true, false, true])?;
    let (receipts, signed) = world.audit()?;
    let readings = receipts.iter().filter(|receipt| matches!(receipt.event, Event::Reencrypted { .. })).count();
    story.check(format!("Marta finds all {readings} readings in the server's log"), readings == 7 && signed);
    let nightly = world.server.storage().clone();
    let early_backup = world.owner.export(&mut world.rng)?;

    story.chapter("2. Dr. Amari leaves, and Marta writes on");
    world.wait(DAY);
    let departed = world.owner.depart(&amari.id(), Level::Epochs, world.now, &mut world.rng)?;
    world.send(&departed)?;
    for (partition, text) in TEXTS {
        world.write(None, partition, 2, text)?;
    }
    for version in [1, 2] {
        story.says(format_args!("version {version}  personal  medical  insurance  prescription"));
        table(story, &mut world, "brother", &mut brother, version, [true; 4])?;
        table(story, &mut world, "Dr. Amari", &mut amari, version, [false; 4])?;
    }
    let (receipts, signed) = world.audit()?;
    let gone = |event: &Event| matches!(event, Event::Revoked { user, .. } if *user == amari.id());
    let denied =
        |event: &Event| matches!(event, Event::Denied { user, rule: Rule::NoGrant, .. } if *user == amari.id());
    let told = receipts.iter().any(|receipt| gone(&receipt.event))
        && receipts.iter().filter(|receipt| denied(&receipt.event)).count() == 8;
    story.check("Marta finds the end of the grants in the log, and eight denials", told && signed);

    replays(story, &mut world, &joined)?;
    restored(story, &mut world, &mut amari, nightly)?;
    collusion(story, &world, &amari)?;
    renewal(story, &mut world, &mut amari, &mut brother)?;
    return_of_the_doctor(story, &mut world, &mut amari)?;
    for_good(story, &mut world, &mut amari, &mut brother)?;
    lost_device(story, &mut world, &early_backup, &brother)
}

/// One row: who reads which partitions of a version.
fn table(
    story: &mut Story,
    world: &mut World,
    name: &str,
    user: &mut User,
    version: u64,
    expected: [bool; 4],
) -> Result<(), StoryError> {
    let mut observed = [false; 4];
    for (partition, read) in Partition::SESPHR.into_iter().zip(&mut observed) {
        *read = world.reads(user, partition, version)?;
    }
    let [personal, medical, insurance, prescription] = observed.map(|read| if read { "reads" } else { "-" });
    let row = format!("{name:<10} {personal:<9} {medical:<8} {insurance:<10} {prescription}");
    story.check(row, observed == expected);
    Ok(())
}

fn replays(story: &mut Story, world: &mut World, joined: &Update) -> Result<(), StoryError> {
    story.chapter("3. Somebody sends the server what Marta sent when Dr. Amari joined");
    let (owner, now) = (world.owner.id(), world.now);
    let ends = joined.delegations.iter().map(|old| world.server.accept(&owner, old, now));
    let dead = ends.filter(|end| *end == Err(ServerError::Live(LiveError::NotLive))).count();
    // The brother's grant of that day is in force still.
    let what = "the old delegations: the doctor's is dead, since the newest head does not list it";
    story.check(what, (joined.delegations.len(), dead) == (2, 1));
    let end = world.server.update(&owner, &joined.live, now);
    story.check("the old head: the server has a newer one", end == Err(ServerError::Live(LiveError::Rollback)));
    Ok(())
}

fn restored(story: &mut Story, world: &mut World, amari: &mut User, nightly: MemoryStorage) -> Result<(), StoryError> {
    story.chapter("4. The server's operator restores the backup from before the departure");
    let old = Server::load(world.params.clone(), copy_key(&world.server_key)?, nightly)?;
    let running = std::mem::replace(&mut world.server, old);
    let (one, two) = (world.reads(amari, MEDICAL, 1)?, world.reads(amari, MEDICAL, 2)?);
    story.check("Dr. Amari reads the old record again: that was the server's good will", one);
    story.check("and not the new one: that is cryptography", !two);

    let query = world.owner.ask_audit(&world.auditor, world.now);
    let short = matches!(world.server.audit(&query, world.now), Err(ServerError::Log(LogError::Position)));
    story.check("Marta asks where she left off: its log has not come as far", short);
    world.wait(1);
    let fresh = Auditor::new(world.owner.id(), world.server.id());
    let page = world.server.audit(&world.owner.ask_audit(&fresh, world.now), world.now)?;
    let refused = world.auditor.follow(&page) == Err(AuditError::Truncated);
    story.check("it shows the log that it has: her auditor refuses it as cut off", refused);
    let seen = world.auditor.head().ok_or("no head was seen")?.verify(&world.server.id())?;
    let shown = page.head().verify(&world.server.id())?;
    let later = shown.at > seen.at && shown.size < seen.size;
    story.check("a later head over a shorter log, both signed by the server: evidence for everybody", later);

    // Whether or not she trusts it any longer, its list of live grants can be put right.
    let live = world.owner.live().ok_or("there is no head")?;
    world.server.update(&world.owner.id(), &live, world.now)?;
    story.check("she sends the complete list: Dr. Amari is denied here, too", !world.reads(amari, MEDICAL, 1)?);
    world.server = running;
    Ok(())
}

fn collusion(story: &mut Story, world: &World, amari: &User) -> Result<(), StoryError> {
    story.chapter("5. Dr. Amari and a server that deletes nothing and obeys nobody");
    let mut reached = Vec::new();
    for version in [1, 2] {
        for partition in Partition::SESPHR {
            let read = world.read_together(amari, partition, version)?;
            story.says(format_args!(
                "{:<12} version {version}: {}",
                partition.as_str(),
                if read { "they read it" } else { "closed" }
            ));
            if read {
                reached.push((partition, version));
            }
        }
    }
    let old = [(Partition::PERSONAL, 1), (MEDICAL, 1), (PRESCRIPTION, 1)];
    story.check("exactly the classes that were granted, and nothing that was written since", reached == old);
    Ok(())
}

fn renewal(story: &mut Story, world: &mut World, amari: &mut User, brother: &mut User) -> Result<(), StoryError> {
    story.chapter("6. Eighty days later: whoever stays is renewed");
    world.wait(80 * DAY);
    story.check("the head of live grants has expired: nobody is served", world.ask(brother, MEDICAL, 1)?.is_none());
    let ending = world.owner.grant_ending(world.later(30 * DAY), world.now, &mut world.rng)?;
    world.send(&ending)?;
    let alone = ending.delegations.len() == 1 && ending.lapsed.is_empty();
    let far = world.owner.grants(&brother.id()).all(|(_, _, end)| end == world.later(90 * DAY));
    story.check("Marta grants again what ends within a month: to the brother alone, for 90 days", alone && far);
    story.check("he reads old and new", world.reads(brother, MEDICAL, 1)? && world.reads(brother, MEDICAL, 2)?);
    story.check("Dr. Amari reads nothing", !world.reads(amari, MEDICAL, 1)? && !world.reads(amari, MEDICAL, 2)?);
    Ok(())
}

fn return_of_the_doctor(story: &mut Story, world: &mut World, amari: &mut User) -> Result<(), StoryError> {
    story.chapter("7. Dr. Amari returns");
    world.wait(HOUR);
    let cert = world.cert(amari, Role::Doctor)?;
    let update =
        world.owner.join(&amari.bundle(2, world.later(365 * DAY)), &cert, world.now, world.now, &mut world.rng)?;
    world.send(&update)?;
    world.write(None, MEDICAL, 3, r#"{"resourceType":"Observation","code":{"text":"Blood pressure 128/82"}}"#)?;
    let read = [1, 2, 3].map(|version| world.reads(amari, MEDICAL, version));
    let [one, two, three] = read;
    story.check("reads what is written from now on, and nothing from before", !one? && !two? && three?);
    // The departure began an epoch; what the doctor once read is in those before it.
    let left = world.owner.epoch(&MEDICAL)?.checked_sub(2).ok_or("no epoch before the departure")?;
    let update = world.owner.grant_history(&amari.id(), MEDICAL, 0..=left, world.now, &mut world.rng)?;
    world.send(&update)?;
    let [one, two, three] = [1, 2, 3].map(|version| world.reads(amari, MEDICAL, version));
    story.check("Marta opens the old epochs again: reads 1 and 3, and not 2 from in between", one? && !two? && three?);
    Ok(())
}

fn for_good(story: &mut Story, world: &mut World, amari: &mut User, brother: &mut User) -> Result<(), StoryError> {
    story.chapter("8. Dr. Amari leaves for good, and Marta reaches what is stored: new headers, layers around bodies");
    let before = world.read_together(amari, MEDICAL, 1)?;
    story.check("until then the doctor and a server that obeys nobody read the old record", before);
    let kept = world.sealed(MEDICAL, 1)?;
    let update = world.owner.depart(&amari.id(), Level::Bodies, world.now, &mut world.rng)?;
    world.send(&update)?;
    let meanwhile = world.reads(brother, MEDICAL, 1)? && world.reads(brother, PRESCRIPTION, 2)?;
    story.check("the cloud has done nothing yet: the brother reads as before", meanwhile);
    let (rotated, covered) = world.carry_out(4)?;
    // Version 3 is of the medical partition alone; a doctor reads three of the four.
    let all = (rotated, covered) == (9, 7) && world.carry_out(100)? == (0, 0);
    story.check(format!("the cloud rotates {rotated} headers and puts layers around {covered} bodies, once"), all);
    let settled = world.owner.settle(world.now, &mut world.rng)?;
    world.send(&settled)?;
    let layers = world.cloud.layers(&world.owner.id(), &brother.id())?.ok_or("no keys of layers for the brother")?;
    story.check("without the keys of layers nobody opens a body in one", !world.reads(brother, MEDICAL, 1)?);
    brother.take_layers(&world.owner.id(), &layers)?;
    for version in [1, 2] {
        story.says(format_args!("version {version}  personal  medical  insurance  prescription"));
        table(story, world, "brother", brother, version, [true; 4])?;
        table(story, world, "Dr. Amari", amari, version, [false; 4])?;
    }
    let mut reached = false;
    for partition in Partition::SESPHR {
        reached |= world.read_together(amari, partition, 1)? || world.read_together(amari, partition, 2)?;
    }
    story.check("the doctor and the server, with all they ever had: nothing of what the cloud has now", !reached);
    let old = world.read_together_of(amari, &kept)?;
    story.check("with a cloud that kept the old state they read it: nothing undoes that", old);

    let cert = world.cert(amari, Role::Doctor)?;
    let again = world.owner.join(&amari.bundle(1, world.later(365 * DAY)), &cert, world.now, world.now, &mut world.rng);
    let refused = matches!(again, Err(OwnerError::Bundle(BundleError::Rollback)));
    story.check("the doctor does not come back with the key bundle from before", refused);
    Ok(())
}

fn lost_device(story: &mut Story, world: &mut World, early: &Backup, brother: &User) -> Result<(), StoryError> {
    story.chapter("9. Marta loses her device; she has her root on paper, and the cloud her sealed backup");
    let backup = Backup::from_bytes(&world.owner.export(&mut world.rng)?.to_bytes())?;
    let seen = world.cloud.directory(&world.owner.id())?.unverified().version();
    let paper = || OwnerRoot::from_bytes(&world.paper.to_secret_bytes());
    let old = Owner::<Kapre>::recover(world.params.clone(), paper()?, early, seen);
    story.check(
        "an old backup: it would count epochs again that members have",
        matches!(old, Err(OwnerError::Rollback)),
    );
    let other = OwnerRoot::try_generate(&mut world.rng.clone())?;
    let other = Owner::<Kapre>::recover(world.params.clone(), other, &backup, seen);
    story.check("another root: nothing opens", matches!(other, Err(OwnerError::Backup)));
    let recovered = Owner::recover(world.params.clone(), paper()?, &backup, seen)?;
    let same = recovered.id() == world.owner.id() && recovered.members().map(|(id, ..)| id).eq([brother.id()]);
    story.check("root and newest backup: the same patient, the same members", same);
    world.owner = recovered;
    let sealed = world.sealed(MEDICAL, 1)?;
    let opened = world.owner.open(world.record, MEDICAL, Versions::Exactly(1), &sealed)?;
    let Some((_, text)) = TEXTS.get(1) else { return Err("no text".into()) };
    story.check("she opens her first record", &*opened == text.as_bytes());
    let (receipts, signed) = world.audit()?;
    story.check(format!("she knows every head in {} new receipts as her own", receipts.len()), signed);
    let update = world.owner.publish(world.now, &mut world.rng)?;
    world.send(&update)?;
    story.check(format!("and signs the next head, on {}", clock(world.now)), world.owner.live().is_some());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_comes_out() {
        let story = common::told(play);
        assert_eq!(story.failed, 0, "{}", story.text);
        for part in
            ["medical      version 1: they read it", "medical      version 2: closed", "insurance    version 1: closed"]
        {
            assert!(story.text.contains(part), "{}", story.text);
        }
        assert!(story.text.lines().all(|line| line.chars().count() <= 100), "{}", story.text);
    }
}
