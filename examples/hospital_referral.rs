//! A doctor in a hospital refers a specialist to part of a record, under rules that the patient signed before; the
//! patient is not there.
//!
//! ```text
//! cargo run --release --example hospital_referral
//! ```
//!
//! * Marta lets her doctor refer other doctors to her medical data, for two weeks each time.
//! * Dr. Amari refers Dr. Cho, who reads what is there and what the hospital writes meanwhile.
//! * What fails: more partitions, more time, other roles, a referral on, and all of it once Dr. Amari leaves.
//! * What a specialist and a server that obeys nobody reach together, and who referred whom in the server's log.
//!
//! Exit code 1 if anything comes out otherwise than written down here.
//!
//! What it does not show: that Dr. Cho together with such a server is kept to the medical partition, since they are not.
//! A referral is narrowed by the server's good will; cryptography holds them to what Dr. Amari reads.

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::process::ExitCode;

use common::{DAY, MINUTE, START, Story, StoryError, World, clock};
use sesphr::context::{Partition, Slot, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed};
use sesphr::kapre::{Grant, Kapre, ReferralKey};
use sesphr::pre::{DelegateError, GrantError, LiveError};
use sesphr::role::{RoleCert, RoleError};
use sesphr::sharing::log::{Event, Rule};
use sesphr::sharing::{AdmissionRule, Author, Level, Response, Role, ServerError, User, VerifiedBundle};

const MEDICAL: Partition = Partition::MEDICAL;
const PRESCRIPTION: Partition = Partition::PRESCRIPTION;
const WEEK: u64 = 7 * DAY;

const TEXTS: [(Partition, &str); 4] = [
    (Partition::PERSONAL, r#"{"resourceType":"Patient","name":[{"family":"Example","given":["Marta"]}]}"#),
    (MEDICAL, r#"{"resourceType":"Observation","code":{"text":"ECG: atrial fibrillation"}}"#),
    (Partition::INSURANCE, r#"{"resourceType":"Coverage","status":"active","subscriberId":"SUB-0042"}"#),
    (PRESCRIPTION, r#"{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"Bisoprolol"}}"#),
];
const LATER: &str = r#"{"resourceType":"DiagnosticReport","code":{"text":"Echocardiography"},"status":"final"}"#;

/// What Dr. Amari sends the server.
type Referred = (Grant, ReferralKey);

fn main() -> ExitCode {
    common::run(play)
}

fn play(story: &mut Story) -> Result<(), StoryError> {
    let mut world = World::new(4 * WEEK, 60 * DAY, |policy, chamber| {
        for role in [Role::Doctor, Role::Pharmacist, Role::Provider] {
            policy.trust(role, chamber);
        }
        let (roles, partitions) = (BTreeSet::from([Role::Doctor]), BTreeSet::from([MEDICAL]));
        policy.set_referral(Role::Doctor, Some(AdmissionRule { roles, partitions, seconds: 2 * WEEK }));
    })?;
    story.chapter("1. Marta lets the hospital write, Dr. Amari read, and doctors refer doctors");
    for (partition, text) in TEXTS {
        world.write(None, partition, 1, text)?;
    }
    let hospital = world.user()?;
    let update = world.owner.set_author(hospital.id(), Author::Active, world.now, &mut world.rng)?;
    world.send(&update)?;
    world.wait(MINUTE);
    let mut amari = world.user()?;
    drop(world.join(&amari, Role::Doctor, START)?);
    for (partition, _) in TEXTS {
        let may = partition != Partition::INSURANCE;
        let read = world.reads(&mut amari, partition, 1)?;
        story.check(format_args!("Dr. Amari {} {partition}", if may { "reads" } else { "does not read" }), read == may);
    }
    story.says("Then Marta's device is off.");
    world.wait(DAY);

    let mut cho = world.user()?;
    let referred = referral(story, &mut world, &mut amari, &mut cho, &hospital)?;
    what_fails(story, &mut world, &mut amari, &mut cho, &referred)?;
    together(story, &world, &amari, &cho, &referred)?;
    two_weeks_later(story, &mut world, &mut amari, &mut cho)?;
    the_doctor_leaves(story, &mut world, &mut amari)?;
    the_log(story, &mut world, &amari, &cho)
}

/// Dr. Amari refers somebody to some partitions.
fn refers(
    world: &mut World,
    by: &mut User,
    to: &User,
    cert: &Signed<RoleCert>,
    partitions: &[Partition],
    validity: &Validity,
) -> Result<Result<Referred, DelegateError>, StoryError> {
    // With the grant of an answer that the doctor got.
    let response = world.ask(by, MEDICAL, 1)?.ok_or("the doctor is denied")?;
    refers_with(world, by, &response, to, cert, partitions, validity)
}

#[allow(clippy::too_many_arguments)]
fn refers_with(
    world: &mut World,
    by: &mut User,
    response: &Response<Kapre>,
    to: &User,
    cert: &Signed<RoleCert>,
    partitions: &[Partition],
    validity: &Validity,
) -> Result<Result<Referred, DelegateError>, StoryError> {
    let bundle = to.bundle(1, world.later(365 * DAY));
    let to = VerifiedBundle::<Kapre>::new(&world.params, &bundle, &to.id(), world.now)?;
    let owner = world.owner.id();
    Ok(by.refer(&owner, response, &to, cert, partitions, validity, world.now, &mut world.rng))
}

/// The server takes a referral, as bytes.
fn takes(
    world: &mut World,
    (grant, key): &Referred,
) -> Result<Result<(), ServerError<std::convert::Infallible>>, StoryError> {
    let (grant, key) = (Grant::from_bytes(&grant.to_bytes())?, ReferralKey::from_bytes(&key.to_secret_bytes())?);
    let owner = world.owner.id();
    let end = world.server.refer(&owner, &grant, &key, world.now);
    world.hoard()?;
    Ok(end)
}

fn referral(
    story: &mut Story,
    world: &mut World,
    amari: &mut User,
    cho: &mut User,
    hospital: &User,
) -> Result<Referred, StoryError> {
    story.chapter("2. Dr. Amari refers Dr. Cho, a cardiologist, for two weeks");
    story.check("before, Dr. Cho reads nothing", !world.reads(cho, MEDICAL, 1)?);
    let (cert, weeks) = (world.cert(cho, Role::Doctor)?, world.validity(2 * WEEK)?);
    let referred = refers(world, amari, cho, &cert, &[MEDICAL], &weeks)??;
    story.check("the server takes it, with nobody asked", takes(world, &referred)?.is_ok());
    for (partition, text) in TEXTS {
        let (may, read) = (partition == MEDICAL, world.reads(cho, partition, 1)?);
        story.check(format_args!("{:<12} {}", partition.as_str(), if may { text } else { "closed" }), read == may);
    }
    world.wait(DAY);
    world.write(Some(hospital), MEDICAL, 2, LATER)?;
    story.check("the hospital writes, and Dr. Cho reads that as well", world.reads(cho, MEDICAL, 2)?);
    Ok(referred)
}

fn what_fails(
    story: &mut Story,
    world: &mut World,
    amari: &mut User,
    cho: &mut User,
    referred: &Referred,
) -> Result<(), StoryError> {
    story.chapter("3. What Marta's rules do not allow");
    let (cert, weeks) = (world.cert(cho, Role::Doctor)?, world.validity(2 * WEEK)?);
    let rules = |end: Result<Referred, DelegateError>, why: GrantError| end.err() == Some(DelegateError::Rules(why));

    let end = refers(world, amari, cho, &cert, &[MEDICAL, PRESCRIPTION], &weeks)?;
    story.check("prescriptions as well, which Dr. Amari reads: beyond the rules", rules(end, GrantError::Scope));
    let end = refers(world, amari, cho, &cert, &[Partition::INSURANCE], &weeks)?;
    story.check("insurance data, which Dr. Amari does not read: nothing to give", rules(end, GrantError::Scope));
    let longer = world.validity(2 * WEEK + 1)?;
    let end = refers(world, amari, cho, &cert, &[MEDICAL], &longer)?;
    story.check("a second more than two weeks", rules(end, GrantError::TooLong));

    let pharmacist = world.user()?;
    let role = world.cert(&pharmacist, Role::Pharmacist)?;
    let end = refers(world, amari, &pharmacist, &role, &[MEDICAL], &weeks)?;
    story.check("a pharmacist: the rules name doctors", rules(end, GrantError::Role(RoleError::Issuer)));
    let quack = world.user()?;
    let claim = RoleCert { subject: quack.id(), role: Role::Doctor, validity: weeks };
    let claim = Signed::new(amari.signing(), claim);
    let end = refers(world, amari, &quack, &claim, &[MEDICAL], &weeks)?;
    story.check("a quack whom Dr. Amari certifies: no such issuer", rules(end, GrantError::Role(RoleError::Issuer)));

    let response = world.ask(cho, MEDICAL, 1)?.ok_or("Dr. Cho is denied")?;
    let friend = world.user()?;
    let theirs = world.cert(&friend, Role::Doctor)?;
    let end = refers_with(world, cho, &response, &friend, &theirs, &[MEDICAL], &weeks)?;
    story.check("Dr. Cho refers on: nobody said so", rules(end, GrantError::Rules));

    // Past the crate's own checks: what the server makes of it.
    let other = refers(world, amari, &friend, &theirs, &[MEDICAL], &weeks)??;
    let mut fresh = Grant::from_bytes(&other.0.to_bytes())?;
    let end = takes(world, &(fresh.clone(), ReferralKey::from_bytes(&referred.1.to_secret_bytes())?))?;
    story.check("the key of one referral under the name of another", end == Err(ServerError::Grant(GrantError::ReKey)));
    if let Grant::Referral(referral) = &fresh {
        fresh = Grant::Owner(Box::new(referral.parent().clone()));
    }
    let end = takes(world, &(fresh, ReferralKey::from_bytes(&referred.1.to_secret_bytes())?))?;
    story.check("the owner's grant passed off as a referral", end == Err(ServerError::Grant(GrantError::Rules)));
    story.check("nobody of them reads", !world.reads(&mut { friend }, MEDICAL, 1)?);
    Ok(())
}

fn together(story: &mut Story, world: &World, amari: &User, cho: &User, referred: &Referred) -> Result<(), StoryError> {
    story.chapter("4. Dr. Cho and a server that obeys nobody");
    let Grant::Referral(referral) = &referred.0 else { return Err("no referral".into()) };
    // The server's key for Dr. Cho is the one for Dr. Amari under another mask: it reaches the same classes.
    let reach = referral.parent().unverified().set();
    let (mut bound, mut observed) = (Vec::new(), Vec::new());
    for (partition, version) in TEXTS.map(|(partition, _)| (partition, 1)).into_iter().chain([(MEDICAL, 2)]) {
        let Slot::Class(class) = world.sealed(partition, version)?.header().context().slot else {
            return Err("a record without a class".into());
        };
        let how = match (reach.contains(class), partition == MEDICAL) {
            (false, _) => "closed: cryptography",
            (true, true) => "referred",
            (true, false) => "closed by the server's good will alone",
        };
        story.says(format_args!("{:<12} version {version}: {how}", partition.as_str()));
        bound.push(reach.contains(class));
        observed.push(world.read_together(amari, partition, version)?);
    }
    story
        .check("the bound is every class that Dr. Amari reads, and no other", bound == [true, true, false, true, true]);
    story.check("Dr. Amari and that server read exactly so much", observed == bound);
    story.check("Dr. Cho and that server read what was referred", world.read_together(cho, MEDICAL, 2)?);
    story.says("This program stops there: no function of the crate re-encrypts beyond a referral's classes.");
    Ok(())
}

fn two_weeks_later(story: &mut Story, world: &mut World, amari: &mut User, cho: &mut User) -> Result<(), StoryError> {
    story.chapter("5. Two weeks later");
    world.wait(2 * WEEK);
    story.check("Dr. Cho no longer reads", !world.reads(cho, MEDICAL, 1)?);
    story.check("Dr. Amari does", world.reads(amari, MEDICAL, 1)?);
    // Dr. Amari's own grant ends on day 29.
    let (cert, weeks) = (world.cert(cho, Role::Doctor)?, world.validity(2 * WEEK)?);
    let end = refers(world, amari, cho, &cert, &[MEDICAL], &weeks)?;
    let held = end.err() == Some(DelegateError::Rules(GrantError::TooLong));
    story.check("two weeks more would be longer than Dr. Amari reads", held);
    let week = world.validity(WEEK)?;
    let referred = refers(world, amari, cho, &cert, &[MEDICAL], &week)??;
    story.check("a week would not", takes(world, &referred)?.is_ok() && world.reads(cho, MEDICAL, 1)?);
    Ok(())
}

fn the_doctor_leaves(story: &mut Story, world: &mut World, amari: &mut User) -> Result<(), StoryError> {
    story.chapter("6. Marta is back: she ends one referral, and then Dr. Amari leaves");
    let mut diaz = world.user()?;
    let (cert, week) = (world.cert(&diaz, Role::Doctor)?, world.validity(WEEK)?);
    let referred = refers(world, amari, &diaz, &cert, &[MEDICAL], &week)??;
    story.check(
        "Dr. Diaz, referred as well, reads",
        takes(world, &referred)?.is_ok() && world.reads(&mut diaz, MEDICAL, 1)?,
    );
    let update = world.owner.bar(referred.0.id(), week.not_after(), world.now, &mut world.rng)?;
    world.send(&update)?;
    story
        .check("Marta bars this one referral", !world.reads(&mut diaz, MEDICAL, 1)? && world.reads(amari, MEDICAL, 1)?);

    let mut eder = world.user()?;
    let (cert, day) = (world.cert(&eder, Role::Doctor)?, world.validity(DAY)?);
    let referred = refers(world, amari, &eder, &cert, &[MEDICAL], &day)??;
    let unused = refers(world, amari, &eder, &cert, &[MEDICAL], &day)??;
    story.check("Dr. Eder, referred, reads", takes(world, &referred)?.is_ok() && world.reads(&mut eder, MEDICAL, 1)?);
    let update = world.owner.depart(&amari.id(), Level::Epochs, world.now, &mut world.rng)?;
    world.send(&update)?;
    world.write(None, MEDICAL, 3, LATER)?;
    let closed = [1, 2, 3].map(|version| world.reads(&mut eder, MEDICAL, version));
    let [one, two, three] = closed;
    story.check("Dr. Amari leaves, and with the grant ends what stood on it", !one? && !two? && !three?);
    let end = takes(world, &unused)?;
    // The server has deleted the key that the referral changes.
    let dead = matches!(end, Err(ServerError::Grant(GrantError::Rules) | ServerError::Live(LiveError::NotLive)));
    story.check("a referral from before, kept in a drawer, comes too late", dead);
    let new = world.read_together(&eder, MEDICAL, 3)?;
    story.check("what was written since is closed, whatever the server does", !new);
    Ok(())
}

fn the_log(story: &mut Story, world: &mut World, amari: &User, cho: &User) -> Result<(), StoryError> {
    story.chapter("7. Who referred whom, in the server's log");
    let (receipts, signed) = world.audit()?;
    let name = |id: &PartyId| match id {
        id if *id == amari.id() => "Dr. Amari",
        id if *id == cho.id() => "Dr. Cho",
        _ => "another doctor",
    };
    let (mut parents, mut referred, mut by_cho) = (BTreeSet::new(), Vec::new(), 0);
    for receipt in &receipts {
        match &receipt.event {
            Event::Granted { grant, user, .. } if *user == amari.id() => {
                parents.insert(*grant);
            }
            Event::Referred { parent, user, by, validity, .. } => {
                let (at, end) = (clock(receipt.at), clock(validity.not_after()));
                story.says(format_args!("{at} {} refers {}, until {end}", name(by), name(user)));
                referred.push((*by, *user, parents.contains(parent)));
            }
            Event::Reencrypted { user, .. } if *user == cho.id() => by_cho += 1,
            _ => {}
        }
    }
    let all = referred.len() == 4 && referred.iter().all(|(by, _, parent)| *by == amari.id() && *parent);
    story.check("four referrals, all by Dr. Amari, each on a grant that Marta made", all && signed);
    story.check(format_args!("Dr. Cho was served {by_cho} times"), by_cho == 4);
    let expired = |event: &Event| matches!(event, Event::Denied { user, rule: Rule::Expired, .. } if *user == cho.id());
    let expired = receipts.iter().filter(|receipt| expired(&receipt.event)).count();
    story.check("and denied once because the time was over", expired == 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_comes_out() {
        let story = common::told(play);
        assert_eq!(story.failed, 0, "{}", story.text);
        for part in [
            "prescription version 1: closed by the server's good will alone",
            "insurance    version 1: closed: cryptography",
            "Dr. Amari refers Dr. Cho",
        ] {
            assert!(story.text.contains(part), "{}", story.text);
        }
        assert!(!story.text.contains("SUB-0042"), "{}", story.text);
    }
}
