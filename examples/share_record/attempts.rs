//! Everybody tries to read everything: first by asking, then, where that is refused, by every other way at hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding, VERSION};
use sesphr::error::{DecodeError, OpenError};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::pre::{GrantTerms, Pre};
use sesphr::record::{Expected, Opener, Plaintext, SealedPartition, Versions};
use sesphr::sharing::{Delegation, Request, RequestError, Response, SharingScheme, Storage, VerifiedBundle};

use crate::matrix::{Cell, Matrix, Moment, Who};
use crate::world::{Loot, Scheme, StoryError, World, copy_key, timed};

pub(crate) type UserSecret = <Scheme as Pre>::UserSecret;

/// What the tries at one moment cost.
#[derive(Default)]
pub(crate) struct Tally {
    asked: u32,
    answered: u32,
    refused: u32,
    pub(crate) attacks: u32,
    request_took: Duration,
    answer_took: Duration,
    refuse_took: Duration,
    open_took: Duration,
    attack_took: Duration,
    request_size: usize,
    response_size: usize,
    /// Owners' keys that were checked already.
    keys: BTreeMap<Vec<u8>, <Scheme as Pre>::VerifiedOwner>,
}

/// What a response is made of, as anybody sees it on the wire.
pub(crate) struct Pieces {
    pub(crate) owner_key: <Scheme as Pre>::OwnerPublic,
    pub(crate) grant: <Scheme as Pre>::Grant,
    pub(crate) parts: Vec<<Scheme as Pre>::ReCapsule>,
}

impl Pieces {
    pub(crate) fn of(response: &Response<Scheme>) -> Result<Self, DecodeError> {
        let bytes = response.to_bytes();
        let mut reader = Reader::new(&bytes);
        // Header and digest of the request.
        reader.take(4 + 32)?;
        let (owner_key, grant) = (Message::read(&mut reader)?, Message::read(&mut reader)?);
        let parts = (0..reader.u32()?).map(|_| Message::read(&mut reader)).collect::<Result<_, _>>()?;
        Ok(Self { owner_key, grant, parts })
    }
}

/// A secret key under somebody else's name: gets past every check that compares names.
pub(crate) fn disguised(secret: &UserSecret, name: &PartyId) -> Result<UserSecret, DecodeError> {
    let mut bytes = secret.to_secret_bytes();
    bytes.get_mut(4..36).ok_or(DecodeError::Truncated)?.copy_from_slice(name.as_bytes());
    UserSecret::from_bytes(&bytes)
}

/// An old request of the attacker's own with a fresh time, around the capsule of another record.
fn spliced(old: &Request<Scheme>, sealed: &SealedPartition, at: Timestamp) -> Result<Request<Scheme>, DecodeError> {
    let mut bytes = Vec::with_capacity(old.encoded_len());
    old.write(&mut bytes);
    bytes.get_mut(36..44).ok_or(DecodeError::Truncated)?.copy_from_slice(&at.0.to_be_bytes());
    let capsule = sealed.header().capsule::<Scheme>()?.to_bytes();
    // The request ends with the capsule, and all capsules are equally long.
    let start = bytes.len().checked_sub(capsule.len()).ok_or(DecodeError::Truncated)?;
    bytes.get_mut(start..).ok_or(DecodeError::Truncated)?.copy_from_slice(&capsule);
    Request::from_bytes(&bytes)
}

/// Everybody's tries at one moment; the answers go into `observed`.
pub(crate) fn everybody_tries(world: &mut World, moment: Moment, observed: &mut Matrix) -> Result<(), StoryError> {
    let mut tally = Tally::default();
    let mut refused = Vec::new();
    for who in Who::ALL {
        for partition in Partition::SESPHR {
            for version in moment.versions() {
                let cell = Cell { moment, who, partition, version };
                let read = match who {
                    Who::Patient => owner_reads(world, partition, version)?,
                    _ => asks(world, &cell, &mut tally)?,
                };
                observed.insert(cell, read);
                if !read {
                    refused.push(cell);
                }
            }
        }
    }
    world.wait(1);
    let delegations = stored(world)?;
    for cell in refused {
        let (read, took) = timed(|| breaks_in(world, &cell, &delegations, &mut tally));
        tally.attack_took += took;
        if read? {
            observed.insert(cell, true);
        }
    }

    let each = |total: Duration, count: u32| total.checked_div(count).unwrap_or_default();
    let Tally { asked, answered, refused, attacks, .. } = tally;
    let sizes = [("request", tally.request_size), ("response", tally.response_size)];
    world.note(format!("{asked} requests, time to make one"), each(tally.request_took, asked), sizes);
    world.note(format!("{answered} answered, time to re-encrypt"), each(tally.answer_took, answered), []);
    world.note(format!("{refused} denied, time to deny"), each(tally.refuse_took, refused), []);
    world.note("what was answered is opened, time for one", each(tally.open_took, answered), []);
    world.note(format!("{attacks} attacks where asking failed, all"), tally.attack_took, []);
    Ok(())
}

fn owner_reads(world: &World, partition: Partition, version: u64) -> Result<bool, StoryError> {
    let sealed = world.fetch(partition, version)?;
    let opened = world.owner.open(world.record, partition, Versions::Exactly(version), &sealed);
    Ok(is_read(world, partition, version, opened))
}

pub(crate) fn is_read(world: &World, partition: Partition, version: u64, opened: Result<Plaintext, OpenError>) -> bool {
    opened.is_ok_and(|plaintext| world.is_text(partition, version, &plaintext))
}

/// The honest way: fetch, ask the server, open.
pub(crate) fn asks(world: &mut World, cell: &Cell, tally: &mut Tally) -> Result<bool, StoryError> {
    let Cell { who, partition, version, .. } = *cell;
    let directory = world.look_up(who)?;
    let sealed = world.fetch(partition, version)?;
    let server = world.server.id();
    let (now, mut rng) = (world.now, world.rng);
    let (request, took) =
        timed(|| world.person(who)?.user.request(server, sealed.header(), now, &mut rng).map_err(StoryError::from));
    let request = request?;
    tally.asked += 1;
    tally.request_took += took;
    tally.request_size = request.encoded_len();
    let (response, took) = timed(|| answer(world, &request));
    let Some(response) = response? else {
        tally.refused += 1;
        tally.refuse_took += took;
        return Ok(false);
    };
    tally.answered += 1;
    tally.answer_took += took;
    tally.response_size = response.encoded_len();
    let (record, versions) = (world.record, Versions::Exactly(version));
    let user = &mut world.person_mut(who)?.user;
    let (opened, took) = timed(|| user.open(&directory, record, partition, versions, &sealed, &response, now));
    tally.open_took += took;
    let read = is_read(world, partition, version, opened);
    world.loot.push(Loot { who, partition, version, request, response });
    Ok(read)
}

/// The server's answer, both ways through bytes; `None` when it denies.
pub(crate) fn answer(
    world: &mut World,
    request: &Signed<Request<Scheme>>,
) -> Result<Option<Response<Scheme>>, StoryError> {
    let request = Signed::from_bytes(&request.to_bytes())?;
    match world.server.reencrypt(&request, world.now, &mut world.rng) {
        Ok(response) => Ok(Some(Response::from_bytes(&response.to_bytes())?)),
        Err(RequestError::Denied(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What somebody who was refused can still do with its own key and with what it overheard or kept.
///
/// Not among it: the answer that it once got for this very record. It has read that, and nothing undoes it.
fn breaks_in(
    world: &mut World,
    cell: &Cell,
    delegations: &[Delegation<Scheme>],
    tally: &mut Tally,
) -> Result<bool, StoryError> {
    let Cell { who, partition, version, .. } = *cell;
    let sealed = world.fetch(partition, version)?;
    let here = |loot: &&Loot| loot.partition == partition && loot.version == version;
    // Newest first: of others the newest of each and the oldest of all, of one's own the newest of each partition.
    let mut overheard: Vec<Loot> = Vec::new();
    for loot in world.loot.iter().rev().filter(|loot| loot.who != who).filter(here) {
        if overheard.iter().all(|other| other.who != loot.who) {
            overheard.push(loot.clone());
        }
    }
    overheard.extend(world.loot.iter().filter(|loot| loot.who != who).find(here).cloned());
    let mut kept: Vec<Loot> = Vec::new();
    for loot in world.loot.iter().rev().filter(|loot| loot.who == who && !here(loot)) {
        if kept.iter().all(|other| other.partition != loot.partition) {
            kept.push(loot.clone());
        }
    }
    let mut responses: Vec<Response<Scheme>> =
        overheard.iter().chain(&kept).map(|loot| loot.response.clone()).collect();

    // The newest and the oldest request of others, sent again.
    for loot in overheard.first().into_iter().chain(overheard.last()) {
        tally.attacks += 1;
        responses.extend(answer(world, &loot.request)?);
    }
    // An old grant of one's own for the new record.
    if let Some(loot) = kept.iter().find(|loot| loot.partition == partition).or(kept.first()) {
        tally.attacks += 1;
        let user = &world.person(who)?.user;
        let request = Signed::new(user.signing(), spliced(loot.request.unverified(), &sealed, world.now)?);
        responses.extend(answer(world, &request)?);
    }
    let mut read = false;
    for response in &responses {
        read |= opens_with(world, cell, &sealed, &Pieces::of(response)?, tally)?;
        tally.attacks += 1;
        let (record, versions, now) = (world.record, Versions::Exactly(version), world.now);
        let person = world.person_mut(who)?;
        if let Some(directory) = &person.directory {
            let opened = person.user.open(directory, record, partition, versions, &sealed, response, now);
            read |= is_read(world, partition, version, opened);
        }
    }
    match who {
        Who::Server => Ok(read | server_breaks_in(world, cell, &sealed, delegations, tally)?),
        Who::Cloud => Ok(read | cloud_breaks_in(world, cell, &sealed, tally)?),
        _ => Ok(read),
    }
}

pub(crate) fn expected<'a, W>(
    owner: PartyId,
    record: RecordId,
    cell: &Cell<W>,
    authors: &'a [PartyId],
) -> Expected<'a> {
    Expected { owner, record, partition: cell.partition, authors, versions: Versions::Exactly(cell.version) }
}

/// Checks a key as if whoever signed it were the owner: what fails has to fail further on.
fn believed(
    world: &World,
    key: &<Scheme as Pre>::OwnerPublic,
    tally: &mut Tally,
) -> Result<<Scheme as Pre>::VerifiedOwner, StoryError> {
    let bytes = key.to_bytes();
    if let Some(known) = tally.keys.get(&bytes) {
        return Ok(known.clone());
    }
    let owner = key.certs().first().ok_or("a key without certificates")?.signer().id();
    let verified = Scheme::verify_owner(&world.params, key, &owner)?;
    tally.keys.insert(bytes, verified.clone());
    Ok(verified)
}

/// Opens with somebody's own key, under the name of whomever the grant is for.
fn opens_with(
    world: &World,
    cell: &Cell,
    sealed: &SealedPartition,
    pieces: &Pieces,
    tally: &mut Tally,
) -> Result<bool, StoryError> {
    tally.attacks += 1;
    let params = &world.params;
    let key = believed(world, &pieces.owner_key, tally)?;
    let Ok(grant) = Scheme::verify_grant(params, &key, &pieces.grant, world.now) else { return Ok(false) };
    let secret = disguised(world.person(cell.who)?.user.secret(), &grant.user())?;
    let authors = [sealed.header().context().author];
    let expected = expected(world.owner.id(), world.record, cell, &authors);
    let Ok(grant) = Scheme::accept_grant(params, &secret, &grant) else { return Ok(false) };
    let opened = Opener::<Scheme>::delegatee(params, &grant, &pieces.parts).open(&expected, sealed);
    Ok(is_read(world, cell.partition, cell.version, opened))
}

/// Every delegation that the server stores.
fn stored(world: &World) -> Result<Vec<Delegation<Scheme>>, StoryError> {
    let storage = world.server.storage();
    let mut delegations = Vec::new();
    for name in storage.keys(b"grant/")? {
        if let Some(bytes) = storage.get(&name)? {
            // Behind the eight bytes of the time when the server accepted it.
            let mut reader = Reader::new(bytes.get(8..).unwrap_or_default());
            delegations.push(Delegation::read(&mut reader)?);
        }
    }
    Ok(delegations)
}

/// The server carries out every grant that it stores for itself.
fn server_breaks_in(
    world: &World,
    cell: &Cell,
    sealed: &SealedPartition,
    delegations: &[Delegation<Scheme>],
    tally: &mut Tally,
) -> Result<bool, StoryError> {
    let signing = world.person(Who::Server)?.user.signing();
    let mut read = false;
    for delegation in delegations {
        read |= carries_out(world, cell, sealed, delegation, signing, tally)?;
    }
    Ok(read)
}

/// Re-encrypts with a delegation and opens the result with one's own key.
fn carries_out(
    world: &World,
    cell: &Cell,
    sealed: &SealedPartition,
    delegation: &Delegation<Scheme>,
    signing: &SigningKey,
    tally: &mut Tally,
) -> Result<bool, StoryError> {
    tally.attacks += 1;
    let (params, header) = (&world.params, sealed.header());
    let (owner_key, grant) = (delegation.owner_key(), delegation.grant());
    let key = believed(world, owner_key, tally)?;
    let Ok(verified) = Scheme::verify_grant(params, &key, grant, world.now) else { return Ok(false) };
    let capsule = header.capsule::<Scheme>()?;
    let Ok(capsule) = Scheme::verify_capsule(params, &key, &capsule, &header.context()) else { return Ok(false) };
    let rekey = Scheme::verify_rekey(params, &key, &verified, delegation.rekey())?;
    let Ok(part) = Scheme::reencrypt(params, &rekey, &capsule, signing, world.now, &mut world.rng.clone()) else {
        return Ok(false);
    };
    let pieces = Pieces { owner_key: owner_key.clone(), grant: grant.clone(), parts: vec![part] };
    opens_with(world, cell, sealed, &pieces, tally)
}

/// The cloud plays the owner: with a root of its own under the patient's name, and with a grant of its own making.
fn cloud_breaks_in(
    world: &World,
    cell: &Cell,
    sealed: &SealedPartition,
    tally: &mut Tally,
) -> Result<bool, StoryError> {
    let (mut rng, params) = (world.rng, &world.params);
    let cloud = &world.person(Who::Cloud)?.user;
    let root = OwnerRoot::try_generate(&mut rng)?;
    let context = sealed.header().context();
    let (owner, partitions) = (world.owner.id(), BTreeSet::from(Partition::SESPHR));
    let plan = Scheme::plan(params, &root, &owner, &partitions).ok_or("the parameters have no room")?;
    let period = Scheme::period(&plan, &context).ok_or("a record of no period")?;
    let label = Scheme::key_label(&plan, &period).ok_or("the parameters have no room")?;
    let authors = [context.author];
    let expected = expected(world.owner.id(), world.record, cell, &authors);

    tally.attacks += 1;
    let secret = Scheme::secret(params, &root, &world.owner.id(), &label)?;
    let opened = Opener::<Scheme>::owner(params, &secret).open(&expected, sealed);
    let read = is_read(world, cell.partition, cell.version, opened);

    let signing = copy_key(cloud.signing())?;
    let (secret, owner_key) = Scheme::owner_keygen(params, &root, &signing, &label, &mut rng)?;
    let bundle = cloud.bundle(1, world.until(60));
    let user = VerifiedBundle::<Scheme>::new(params, &bundle, &cloud.id(), world.now)?;
    let validity = Validity::new(world.now, world.until(60)).ok_or("time runs backwards")?;
    let scope = Scheme::scope(&plan, &BTreeSet::from([period]), None).ok_or("no such scope")?;
    let (grant, [rekey]) = Scheme::delegate(params, &secret, &signing, user.key(), &scope, &validity, &mut rng)?;
    let mut bytes = Vec::new();
    // A delegation as the server would store it: header, key, grant, re-encryption key.
    bytes.extend_from_slice(&[VERSION, Delegation::<Scheme>::SUITE as u8]);
    bytes.extend_from_slice(&Delegation::<Scheme>::KIND.number().to_be_bytes());
    owner_key.write(&mut bytes);
    grant.write(&mut bytes);
    rekey.write(&mut bytes);
    let delegation = Delegation::from_bytes(&bytes)?;
    Ok(read | carries_out(world, cell, sealed, &delegation, &signing, tally)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Moment;
    use crate::world::START;
    use sesphr::sharing::{Role, VerifiedDirectory};

    /// An attack that fails for a slip of its own proves nothing: each one works where it may.
    #[test]
    fn attacks_open_for_whoever_may_read() {
        let bundle = br#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Goal"}}]}"#;
        let mut world = World::new(&crate::fhir::parse(bundle).unwrap()).unwrap();
        let owner = world.owner.id();
        let directory = world.cloud.directory(&owner).unwrap();
        let directory = VerifiedDirectory::<Scheme>::new(&world.params, directory, &owner, 0, world.now).unwrap();
        world.write(Who::Patient, 1, &directory).unwrap();
        crate::story::join(&mut world, Who::Family, Role::FamilyAndFriends, START).unwrap();
        let delegations = stored(&world).unwrap();
        let (partition, version) = (Partition::MEDICAL, 1);
        let cell = |who| Cell { moment: Moment::Granted, who, partition, version };
        let tally = &mut Tally::default();
        assert!(asks(&mut world, &cell(Who::Family), tally).unwrap());
        assert!(!asks(&mut world, &cell(Who::Stranger), tally).unwrap());

        let sealed = world.fetch(partition, version).unwrap();
        let loot = world.loot.pop().unwrap();
        let pieces = Pieces::of(&loot.response).unwrap();
        assert!(opens_with(&world, &cell(Who::Family), &sealed, &pieces, tally).unwrap());
        assert!(!opens_with(&world, &cell(Who::Stranger), &sealed, &pieces, tally).unwrap());

        let server = copy_key(world.person(Who::Server).unwrap().user.signing()).unwrap();
        let mut carried = |who| {
            let carry = |d| carries_out(&world, &cell(who), &sealed, d, &server, tally).unwrap();
            delegations.iter().map(carry).filter(|read| *read).count()
        };
        assert_eq!((carried(Who::Family), carried(Who::Server)), (1, 0));

        world.wait(1);
        let request = spliced(loot.request.unverified(), &sealed, world.now).unwrap();
        let family = copy_key(world.person(Who::Family).unwrap().user.signing()).unwrap();
        assert!(answer(&mut world, &Signed::new(&family, request)).unwrap().is_some());
        let disguise = disguised(world.person(Who::Stranger).unwrap().user.secret(), &owner).unwrap();
        assert!(format!("{disguise:?}").contains(&format!("{owner:?}")));
    }
}
