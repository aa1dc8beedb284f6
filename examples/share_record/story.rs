//! The story, in order.

use sesphr::context::{Partition, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed};
use sesphr::kem::OwnerRoot;
use sesphr::pre::afgh::Afgh;
use sesphr::record::Versions;
use sesphr::sharing::{
    AccessPolicy, Author, BundleError, CloudError, Delegation, Directory, DirectoryError, MemoryStorage, Owner,
    OwnerError, Role, RoleCert, RoleError, Rule, Server, ServerError, Update, VerifiedDirectory,
};

use crate::attempts::{answer, everybody_tries};
use crate::fhir::Bundle;
use crate::matrix::{Matrix, Moment, Who};
use crate::report::{Denied, Report};
use crate::tampering;
use crate::world::{DAY, MINUTE, START, StoryError, World, copy_key, timed};

/// Plays the story with this record and compares what happened with `expected`.
pub(crate) fn play(file: String, bundle: &Bundle, expected: Matrix) -> Result<Report, StoryError> {
    let mut world = World::new(bundle)?;
    let mut observed = Matrix::new();

    world.wait(MINUTE);
    world.open_step("Upload: the patient writes version 1");
    let directory = patients_view(&world)?;
    world.write(Who::Patient, 1, &directory)?;

    let pharmacist = grants(&mut world)?;
    world.open_step("Everybody tries to read");
    everybody_tries(&mut world, Moment::Granted, &mut observed)?;

    world.wait(DAY);
    second_doctor(&mut world)?;
    world.wait(MINUTE);
    world.open_step("The hospital writes version 2");
    let former = world.look_up(Who::Hospital)?;
    world.write(Who::Hospital, 2, &former)?;
    world.wait(MINUTE);
    world.open_step("Everybody tries to read");
    everybody_tries(&mut world, Moment::Joined, &mut observed)?;

    world.wait(DAY);
    let old_directory = world.cloud.directory(&world.owner.id())?.clone();
    departure(&mut world, &pharmacist)?;
    world.wait(MINUTE);
    third_version(&mut world, &former)?;
    world.wait(MINUTE);
    world.open_step("Everybody tries to read");
    everybody_tries(&mut world, Moment::Left, &mut observed)?;

    world.wait(MINUTE);
    world.open_step("Server and cloud tamper");
    stale_directory(&mut world, &old_directory)?;
    tampering::tamper(&mut world)?;
    restart_and_limits(&mut world)?;

    world.wait(MINUTE);
    world.open_step("The patient asks which requests were denied, and why");
    let denials = denials(&mut world)?;
    let told = denials.iter().any(|denied| denied.who == Who::Pharmacist.name() && denied.rule == Rule::Revoked);
    world.check(Who::Patient, "asks why the pharmacist was denied", "learns of the revoked grant", told);
    world.close_step();
    Ok(Report::new(file, bundle, &mut world, expected, observed, denials))
}

/// The directory as the patient's own devices see it.
fn patients_view(world: &World) -> Result<VerifiedDirectory, StoryError> {
    let owner = world.owner.id();
    Ok(VerifiedDirectory::new(world.cloud.directory(&owner)?, &owner, 0, world.now)?)
}

/// Members join with the past opened to them; the hospital may write. Returns what the server got for the pharmacist.
fn grants(world: &mut World) -> Result<Vec<Delegation<Afgh>>, StoryError> {
    world.wait(MINUTE);
    world.open_step("Grants: six members join and may read what is there");
    let mut kept = Vec::new();
    for (who, role) in [
        (Who::Family, Role::FamilyAndFriends),
        (Who::Doctor, Role::Doctor),
        (Who::Insurer, Role::Insurer),
        (Who::Pharmacist, Role::Pharmacist),
        (Who::Researcher, Role::Researcher),
        (Who::Hospital, Role::Provider),
    ] {
        world.wait(MINUTE);
        let delegations = join(world, who, role, START)?;
        if who == Who::Pharmacist {
            kept = delegations;
        }
    }
    world.wait(MINUTE);
    let hospital = world.id(Who::Hospital)?;
    let update = world.owner.set_author(hospital, Author::Active, world.now, &mut world.rng)?;
    world.send("hospital may write", &update)?;
    impostor(world)?;
    world.wait(MINUTE);
    Ok(kept)
}

/// Returns copies of what the server got for the one who joins.
pub(crate) fn join(
    world: &mut World,
    who: Who,
    role: Role,
    from: Timestamp,
) -> Result<Vec<Delegation<Afgh>>, StoryError> {
    let (bundle, cert) = (world.bundle_of(who)?, world.certificate(who, role)?);
    let (now, mut rng) = (world.now, world.rng);
    let (update, took) = timed(|| world.owner.join(&bundle, &cert, from, now, &mut rng));
    let update = update?;
    let sizes = [("bundle", bundle.encoded_len()), ("certificate", cert.encoded_len())];
    world.note(format!("{} joins, patient makes grants", who.name()), took, sizes);
    world.send(who.name(), &update)?;
    copies(&update, &world.id(who)?)
}

/// Delegations for one user, as a listener on the channel to the server would have them.
fn copies(update: &Update, user: &PartyId) -> Result<Vec<Delegation<Afgh>>, StoryError> {
    let of = |delegation: &&Delegation<Afgh>| delegation.grant().unverified().user() == *user;
    let copy = |delegation: &Delegation<Afgh>| Ok(Delegation::from_bytes(&delegation.to_secret_bytes())?);
    update.delegations.iter().filter(of).map(copy).collect()
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
    let signing = copy_key(world.person(Who::Impostor)?.user.signing())?;
    let mut self_made = Owner::new(signing, root, policy, Partition::SESPHR, DAY, now);
    let cert = self_made.certify(subject, Role::FamilyAndFriends, validity);
    let update = self_made.join(&bundle, &cert, now, now, &mut rng)?;
    world.server.enroll(subject)?;
    let patient = world.owner.id();
    let mut held = true;
    for delegation in &update.delegations {
        held &= matches!(world.server.accept(&patient, delegation, now), Err(ServerError::Key(_)));
        world.server.accept(&subject, delegation, now)?;
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

fn departure(world: &mut World, kept: &[Delegation<Afgh>]) -> Result<(), StoryError> {
    world.open_step("The pharmacist leaves");
    let pharmacist = world.id(Who::Pharmacist)?;
    let (now, mut rng) = (world.now, world.rng);
    let (update, took) = timed(|| world.owner.depart(&pharmacist, now, &mut rng));
    world.note("patient revokes, makes new keys and grants", took, []);
    world.send("departure", &update?)?;
    let owner = world.owner.id();
    let refused = |delegation| matches!(world.server.accept(&owner, delegation, now), Err(ServerError::Tombstone));
    let held = !kept.is_empty() && kept.iter().all(refused);
    world.check(Who::Pharmacist, "sends the server its revoked grants again", "the server knows them", held);
    Ok(())
}

/// The hospital has not heard of the departure, is refused, looks up the new keys and writes.
fn third_version(world: &mut World, former: &VerifiedDirectory) -> Result<(), StoryError> {
    world.open_step("The hospital writes version 3");
    let sealed = world.seal(Who::Hospital, Partition::PRESCRIPTION, 3, former)?;
    let held = matches!(world.cloud.upload(&sealed, world.now), Err(CloudError::OldKey));
    world.check(Who::Hospital, "seals under the key that the pharmacist had", "the cloud wants the new key", held);
    let directory = world.look_up(Who::Hospital)?;
    world.write(Who::Hospital, 3, &directory)
}

fn stale_directory(world: &mut World, old: &Signed<Directory>) -> Result<(), StoryError> {
    let (owner, now) = (world.owner.id(), world.now);
    let seen = world.look_up(Who::Family)?.version();
    let old = Signed::from_bytes(&old.to_bytes())?;
    let held = matches!(VerifiedDirectory::new(&old, &owner, seen, now), Err(DirectoryError::Rollback));
    world.check(Who::Cloud, "brings back the directory from before", "the reader has seen a newer one", held);
    Ok(())
}

fn restart_and_limits(world: &mut World) -> Result<(), StoryError> {
    let (owner, now) = (world.owner.id(), world.now);
    let sealed = world.fetch(Partition::PRESCRIPTION, 1)?;
    let key = copy_key(world.person(Who::Server)?.user.signing())?;
    let restarted = Server::<_, MemoryStorage>::new(key, world.server.storage().clone())?;
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
    let directory = VerifiedDirectory::new(world.cloud.directory(&owner)?, &owner, 0, now)?;
    let user = &world.person(Who::Pharmacist)?.user;
    let held = kept.is_some_and(|loot| {
        let versions = Versions::Exactly(1);
        let prescription = Partition::PRESCRIPTION;
        user.open(&directory, world.record, prescription, versions, &sealed, &loot.response, now).is_ok()
    });
    world.check(Who::Pharmacist, "opens what it got before it left", "opens: what was read stays read", held);
    Ok(())
}

/// What the server denied, by requester and rule.
fn denials(world: &mut World) -> Result<Vec<Denied>, StoryError> {
    let query = world.owner.ask_denials(world.server.id(), world.now);
    let now = world.now;
    let (answered, took) =
        timed(|| world.server.denials(&query, now).map(|denials| denials.copied().collect::<Vec<_>>()));
    let mut counted: Vec<Denied> = Vec::new();
    let mut total = 0;
    for denial in answered? {
        total += 1;
        let who = world.who(&denial.requester);
        match counted.iter_mut().find(|denied| denied.who == who && denied.rule == denial.rule) {
            Some(denied) => denied.count += 1,
            None => counted.push(Denied { who, rule: denial.rule, count: 1 }),
        }
    }
    // The server forgets the oldest beyond this.
    let limit = Server::<Afgh, MemoryStorage>::MAX_DENIALS;
    let all = if total < limit { "all" } else { "the latest" };
    world.note(format!("{all} {total} denials"), took, [("query", query.encoded_len())]);
    counted.sort_by_key(|denied| Who::ALL.iter().position(|who| who.name() == denied.who));
    Ok(counted)
}
