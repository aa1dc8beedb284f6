//! Server and cloud do not keep to the rules; readers have to notice.

use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message};
use sesphr::record::{SealedPartition, Versions};
use sesphr::sharing::Response;

use crate::attempts::answer;
use crate::matrix::Who;
use crate::world::{Scheme, StoryError, World, timed};

const WANTED: Partition = Partition::MEDICAL;
const LATEST: u64 = 3;

/// The family wants the latest medical record and gets something else; it may read everything, so no missing grant
/// hides a missing check.
pub(crate) fn tamper(world: &mut World) -> Result<(), StoryError> {
    let (rejected, took) = timed(|| cloud(world));
    world.note(format!("cloud: {} false answers", rejected?), took, []);
    let (rejected, took) = timed(|| server(world));
    world.note(format!("server: {} false answers", rejected?), took, []);
    Ok(())
}

/// Asks for a re-encryption of whatever came.
fn ask(world: &mut World, sealed: &SealedPartition) -> Result<Option<Response<Scheme>>, StoryError> {
    let (server, now, mut rng) = (world.server.id(), world.now, world.rng);
    let request = world.person(Who::Family)?.user.request(server, sealed.header(), now, &mut rng)?;
    answer(world, &request)
}

/// Whether the family takes this for what it wanted.
fn accepted(
    world: &mut World,
    versions: Versions,
    sealed: &SealedPartition,
    response: &Response<Scheme>,
) -> Result<bool, StoryError> {
    let (record, now) = (world.record, world.now);
    let family = world.person_mut(Who::Family)?;
    let directory = family.directory.as_ref().ok_or("the family has no directory")?;
    Ok(family.user.open(directory, record, WANTED, versions, sealed, response, now).is_ok())
}

fn cloud(world: &mut World) -> Result<usize, StoryError> {
    let latest = Versions::Exactly(LATEST);
    let sealed = world.fetch(WANTED, LATEST)?;
    let response = ask(world, &sealed)?.ok_or("the family is denied")?;
    let honest = accepted(world, latest, &sealed, &response)?;
    world.check(Who::Cloud, "serves what was asked for", "opens", honest);

    let mut tries = 0;
    for (partition, version, versions, what) in [
        (Partition::PRESCRIPTION, LATEST, latest, "serves another partition"),
        (WANTED, 2, latest, "serves an older version"),
        (WANTED, 1, Versions::AtLeast(2), "serves a version older than one seen before"),
    ] {
        let other = world.fetch(partition, version)?;
        let re = ask(world, &other)?.ok_or("the family is denied")?;
        tries += 1;
        let held = !accepted(world, versions, &other, &re)?;
        world.check(Who::Cloud, what, "the reader rejects it", held);
    }

    // One byte in every place of the header and in some of the body; the answer is for the true record.
    let bytes = sealed.to_bytes();
    let header = sealed.header().encoded_len();
    let body = (header..bytes.len()).step_by(((bytes.len() - header) / 16).max(1));
    let mut held = true;
    for place in (0..header).chain(body).chain([bytes.len() - 1]) {
        let mut changed = bytes.clone();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1;
        }
        tries += 1;
        held &= rejects(world, latest, &changed, &response)?;
    }
    world.check(Who::Cloud, "changes a bit, anywhere in the header and in the body", "the reader rejects it", held);

    let (short, mut long) = (bytes.get(..bytes.len() - 1).unwrap_or_default(), bytes.clone());
    long.push(0);
    let held = rejects(world, latest, short, &response)? && rejects(world, latest, &long, &response)?;
    world.check(Who::Cloud, "cuts the record short, or makes it longer", "the reader rejects it", held);

    // Header of one version, body of another: as long as each other, since only the version's digit differs.
    let (head, _) = sealed.clone().into_parts();
    let (_, body) = world.fetch(WANTED, 2)?.into_parts();
    let held = match SealedPartition::from_parts(head, body) {
        Ok(mixed) => !accepted(world, latest, &mixed, &response)?,
        Err(_) => true,
    };
    world.check(Who::Cloud, "puts the body of one version under another's header", "the reader rejects it", held);

    let directory = world.look_up(Who::Cloud)?;
    let forged = world.seal(Who::Cloud, WANTED, LATEST, &directory)?;
    let re = ask(world, &forged)?.ok_or("the family is denied")?;
    let held = !accepted(world, latest, &forged, &re)?;
    world.check(Who::Cloud, "writes a record itself, under the patient's key", "no author of the patient's", held);
    Ok(tries + 4)
}

fn rejects(
    world: &mut World,
    versions: Versions,
    bytes: &[u8],
    response: &Response<Scheme>,
) -> Result<bool, StoryError> {
    match SealedPartition::from_bytes(bytes) {
        Ok(sealed) => Ok(!accepted(world, versions, &sealed, response)?),
        Err(_) => Ok(true),
    }
}

fn server(world: &mut World) -> Result<usize, StoryError> {
    let latest = Versions::Exactly(LATEST);
    let sealed = world.fetch(WANTED, LATEST)?;
    let response = ask(world, &sealed)?.ok_or("the family is denied")?;

    let (mut held, mut tries) = (true, 0);
    let others = world.loot.iter().filter(|loot| loot.partition != WANTED || loot.version != LATEST);
    let others: Vec<_> = others.map(|loot| loot.response.clone()).collect();
    for other in &others {
        tries += 1;
        held &= !accepted(world, latest, &sealed, other)?;
    }
    world.check(Who::Server, "answers with what belongs to another request", "the reader rejects it", held);

    let bytes = response.to_bytes();
    let mut held = true;
    // The digest of the request comes first: an answer is found by it, and nothing is read by it.
    for place in 36..bytes.len() {
        let mut changed = bytes.clone();
        if let Some(byte) = changed.get_mut(place) {
            *byte ^= 1;
        }
        tries += 1;
        if let Ok(changed) = Response::from_bytes(&changed) {
            held &= !accepted(world, latest, &sealed, &changed)?;
        }
    }
    world.check(Who::Server, "changes a bit, anywhere in its answer", "the reader rejects it", held);
    Ok(tries)
}
