//! The story, in order.

use sesphr::context::{Partition, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::Signed;
use sesphr::kem::OwnerRoot;
use sesphr::pre::{LiveError, LiveUpdate};
use sesphr::record::Versions;
use sesphr::sharing::{
    AccessPolicy, Author, BundleError, CloudError, Directory, DirectoryError, Level, MemoryStorage, Owner, OwnerError,
    Role, RoleCert, RoleError, Server, ServerError, VerifiedDirectory,
};

use crate::attempts::{answer, everybody_tries};
use crate::auditing;
use crate::collusion::{head_ignored, pools_try};
use crate::fhir::Bundle;
use crate::matrix::{Moment, Tables, Who};
use crate::report::Report;
use crate::tampering;
use crate::world::{DAY, MINUTE, START, Scheme, StoryError, World, copy_key, timed};

/// Plays the story with this record and compares what happened with `expected`.
pub(crate) fn play(file: String, bundle: &Bundle, expected: Tables) -> Result<Report, StoryError> {
    let mut world = World::new(bundle)?;
    let mut observed = Tables::default();

    world.wait(MINUTE);
    world.open_step("Upload: the patient writes version 1");
    let directory = patients_view(&world)?;
    world.write(Who::Patient, 1, &directory)?;

    grants(&mut world)?;
    tries(&mut world, Moment::Granted, &mut observed)?;

    world.wait(DAY);
    second_doctor(&mut world)?;
    world.wait(MINUTE);
    world.open_step("The hospital writes version 2");
    let former = world.look_up(Who::Hospital)?;
    world.write(Who::Hospital, 2, &former)?;
    world.wait(MINUTE);
    tries(&mut world, Moment::Joined, &mut observed)?;

    world.wait(DAY);
    let old_directory = world.cloud.directory(&world.owner.id())?.clone();
    let old_storage = world.server.storage().clone();
    departure(&mut world)?;
    world.wait(MINUTE);
    third_version(&mut world, &former)?;
    world.wait(MINUTE);
    tries(&mut world, Moment::Left, &mut observed)?;
    head_ignored(&mut world, old_storage)?;

    world.wait(MINUTE);
    world.open_step("Server and cloud tamper");
    false_directories(&mut world, &old_directory)?;
    tampering::tamper(&mut world)?;
    restart_and_limits(&mut world)?;

    world.wait(MINUTE);
    world.open_step("The patient reads the server's log");
    let audit = auditing::audit(&mut world)?;
    world.close_step();
    Ok(Report::new(file, bundle, &mut world, expected, observed, audit))
}

fn tries(world: &mut World, moment: Moment, observed: &mut Tables) -> Result<(), StoryError> {
    world.open_step("Everybody tries to read");
    everybody_tries(world, moment, &mut observed.alone)?;
    world.wait(MINUTE);
    world.open_step("Some pool everything they have, and try together");
    pools_try(world, moment, &mut observed.together)
}

/// The directory as the patient's own devices see it.
fn patients_view(world: &World) -> Result<VerifiedDirectory<Scheme>, StoryError> {
    let owner = world.owner.id();
    Ok(VerifiedDirectory::<Scheme>::new(&world.params, world.cloud.directory(&owner)?, &owner, 0, world.now)?)
}

/// Members join with the past opened to them; the hospital may write.
fn grants(world: &mut World) -> Result<(), StoryError> {
    world.wait(MINUTE);
    world.open_step("Grants: six members join and may read what is there");
    for (who, role) in [
        (Who::Family, Role::FamilyAndFriends),
        (Who::Doctor, Role::Doctor),
        (Who::Insurer, Role::Insurer),
        (Who::Pharmacist, Role::Pharmacist),
        (Who::Researcher, Role::Researcher),
        (Who::Hospital, Role::Provider),
    ] {
        world.wait(MINUTE);
        join(world, who, role, START)?;
    }
    world.wait(MINUTE);
    let hospital = world.id(Who::Hospital)?;
    let update = world.owner.set_author(hospital, Author::Active, world.now, &mut world.rng)?;
    world.send("hospital may write", &update)?;
    impostor(world)?;
    world.wait(MINUTE);
    Ok(())
}

pub(crate) fn join(world: &mut World, who: Who, role: Role, from: Timestamp) -> Result<(), StoryError> {
    let (bundle, cert) = (world.bundle_of(who)?, world.certificate(who, role)?);
    let (now, mut rng) = (world.now, world.rng);
    let (update, took) = timed(|| world.owner.join(&bundle, &cert, from, now, &mut rng));
    let update = update?;
    let sizes = [("bundle", bundle.encoded_len()), ("certificate", cert.encoded_len())];
    world.note(format!("{} joins, patient makes grants", who.name()), took, sizes);
    world.send(who.name(), &update)
}

/// Somebody says that it is a doctor, and gets nothing by any door.
fn impostor(world: &mut World) -> Result<(), StoryError> {
    let (now, mut rng) = (world.now, world.rng);
    let bundle = world.bundle_of(Who::Impostor)?;
    let validity = Validity::new(now, world.until(DAY)).ok_or("time runs backwards")?;
    let subject = world.id(Who::Impostor)?;
    let claim = RoleCert { subject, role: Role::Doctor, validity };
    let claim = Signed::new(world.person(Who::Impostor)?.user.signing(), claim);
    let refused = world.owner.join(&bundle, &claim, now, now, &mut rng);
    let held = matches!(refused, Err(OwnerError::Role(RoleError::Issuer)));
    world.check(Who::Impostor, "certifies itself as a doctor", "the policy knows no such issuer", held);

    let cert = world.certificate(Who::Doctor, Role::Doctor)?;
    let refused = world.owner.join(&bundle, &cert, now, now, &mut rng);
    let held = matches!(refused, Err(OwnerError::Bundle(BundleError::Signature)));
    world.check(Who::Impostor, "shows the doctor's certificate with its own key", "the key is not the doctor's", held);

    // As an owner in its own right, it may grant itself what it likes of its own.
    let (root, policy) = (OwnerRoot::try_generate(&mut rng)?, AccessPolicy::new(DAY));
    let mut self_made = Owner::<Scheme>::new(world.params.clone(), root, policy, Partition::SESPHR, DAY, now)?;
    let cert = self_made.certify(subject, Role::FamilyAndFriends, validity);
    let update = self_made.join(&bundle, &cert, now, now, &mut rng)?;
    let (patient, other) = (world.owner.id(), self_made.id());
    world.server.enroll(other)?;
    let foreign = world.server.update(&patient, &update.live, now);
    let mut held = matches!(foreign, Err(ServerError::Live(LiveError::Signature)));
    world.server.update(&other, &update.live, now)?;
    for delegation in &update.delegations {
        held &= matches!(world.server.accept(&patient, delegation, now), Err(ServerError::Key(_)));
        world.server.accept(&other, delegation, now)?;
    }
    world.check(Who::Impostor, "sends the server grants that it signed itself", "not the patient's", held);

    let directory = world.look_up(Who::Impostor)?;
    let forged = world.seal(Who::Impostor, Partition::MEDICAL, 2, &directory)?;
    let held = matches!(world.cloud.upload(&forged, now), Err(CloudError::Author));
    world.check(Who::Impostor, "uploads a record of the patient's", "no author of the patient's", held);
    Ok(())
}

fn second_doctor(world: &mut World) -> Result<(), StoryError> {
    world.open_step("A second doctor joins, without the past");
    join(world, Who::SecondDoctor, Role::Doctor, world.now)?;
    Ok(())
}

fn departure(world: &mut World) -> Result<(), StoryError> {
    world.open_step("The pharmacist leaves");
    let pharmacist = world.id(Who::Pharmacist)?;
    let (now, mut rng) = (world.now, world.rng);
    let (update, took) = timed(|| world.owner.depart(&pharmacist, Level::Epochs, now, &mut rng));
    world.note("patient begins an epoch and grants it", took, []);
    world.send("departure", &update?)?;
    let owner = world.owner.id();
    let server = &mut world.server;
    let old = world.kept.iter().filter(|kept| kept.user == pharmacist);
    let refused = old.map(|kept| server.accept(&owner, &kept.delegation, now));
    let refused: Vec<_> = refused.map(|end| matches!(end, Err(ServerError::Live(LiveError::NotLive)))).collect();
    let held = !refused.is_empty() && refused.iter().all(|refused| *refused);
    world.check(Who::Pharmacist, "sends the server its old grants again", "the newest head does not list them", held);

    let server = &mut world.server;
    let old = world.heads.split_last().map(|(_, old)| old).unwrap_or_default();
    let back =
        |head: &LiveUpdate| matches!(server.update(&owner, head, now), Err(ServerError::Live(LiveError::Rollback)));
    let held = !old.is_empty() && old.iter().all(back);
    world.check(Who::Pharmacist, "sends the server every old head of live grants", "the server has a newer one", held);
    Ok(())
}

/// The hospital has not heard of the departure, is refused, looks up the new epochs and writes.
fn third_version(world: &mut World, former: &VerifiedDirectory<Scheme>) -> Result<(), StoryError> {
    world.open_step("The hospital writes version 3");
    let sealed = world.seal(Who::Hospital, Partition::PRESCRIPTION, 3, former)?;
    let held = matches!(world.cloud.upload(&sealed, world.now), Err(CloudError::OldKey));
    world.check(Who::Hospital, "seals into the epoch that the pharmacist had", "the cloud wants the new one", held);
    let directory = world.look_up(Who::Hospital)?;
    world.write(Who::Hospital, 3, &directory)
}

fn false_directories(world: &mut World, old: &Signed<Directory<Scheme>>) -> Result<(), StoryError> {
    let (owner, now, mut rng) = (world.owner.id(), world.now, world.rng);
    let seen = world.look_up(Who::Family)?.version();
    let old = Signed::from_bytes(&old.to_bytes())?;
    let refused = VerifiedDirectory::<Scheme>::new(&world.params, &old, &owner, seen, now);
    let held = matches!(refused, Err(DirectoryError::Rollback));
    world.check(Who::Cloud, "brings back the directory from before", "the reader has seen a newer one", held);

    // What is written under a key of the cloud's own the cloud would read.
    let (root, policy) = (OwnerRoot::try_generate(&mut rng)?, AccessPolicy::new(DAY));
    let mut cloud = Owner::<Scheme>::new(world.params.clone(), root, policy, Partition::SESPHR, DAY, now)?;
    let update = cloud.publish(now, &mut rng)?;
    let refused = VerifiedDirectory::<Scheme>::new(&world.params, &update.directory, &owner, 0, now);
    let held = matches!(refused, Err(DirectoryError::Signature));
    world.check(Who::Cloud, "serves writers a key of its own", "the patient did not sign it", held);
    Ok(())
}

fn restart_and_limits(world: &mut World) -> Result<(), StoryError> {
    let (owner, now) = (world.owner.id(), world.now);
    let sealed = world.fetch(Partition::PRESCRIPTION, 1)?;
    let key = copy_key(world.person(Who::Server)?.user.signing())?;
    let restarted = Server::<_, MemoryStorage>::load(world.params.clone(), key, world.server.storage().clone())?;
    let running = std::mem::replace(&mut world.server, restarted);
    let (server, mut rng) = (world.server.id(), world.rng);
    let family = world.person(Who::Family)?.user.request(server, sealed.header(), now, &mut rng)?;
    let pharmacist = world.person(Who::Pharmacist)?.user.request(server, sealed.header(), now, &mut rng)?;
    let held = answer(world, &family)?.is_some() && answer(world, &pharmacist)?.is_none();
    // The owner will ask the one that has seen everything.
    world.server = running;
    world.check(Who::Server, "restarts from its storage", "still serves the family, not the pharmacist", held);

    // Said in the crate's documentation, and so shown here: what was read stays read.
    let kept = world
        .loot
        .iter()
        .find(|loot| loot.who == Who::Pharmacist && loot.partition == Partition::PRESCRIPTION && loot.version == 1);
    let kept = kept.map(|loot| loot.response.clone()).ok_or("the pharmacist kept nothing")?;
    let directory = VerifiedDirectory::<Scheme>::new(&world.params, world.cloud.directory(&owner)?, &owner, 0, now)?;
    let (record, versions) = (world.record, Versions::Exactly(1));
    let user = &mut world.person_mut(Who::Pharmacist)?.user;
    let held = user.open(&directory, record, Partition::PRESCRIPTION, versions, &sealed, &kept, now).is_ok();
    world.check(Who::Pharmacist, "opens what it got before it left", "opens: what was read stays read", held);
    Ok(())
}
