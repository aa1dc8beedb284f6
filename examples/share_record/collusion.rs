//! Some pool what they have, with a server among them that forgets nothing and obeys nobody.
//!
//! The server re-encrypts every capsule with every delegation that it ever got, at whatever time suits it, and the
//! others try all their keys and masks on all of it. That is as far as the crate's interface carries them; why no other
//! combination carries them further is in the documentation of [`sesphr::kapre`].

use getrandom::SysRng;
use sesphr::context::{Context, Partition};
use sesphr::pre::{GrantTerms, Pre};
use sesphr::record::{Opener, SealedPartition};
use sesphr::sharing::{MemoryStorage, Server};

use crate::attempts::{Pieces, Tally, answer, asks, disguised, expected, is_read};
use crate::matrix::{Cell, Matrix, Moment, Pool, Who};
use crate::world::{DAY, Scheme, StoryError, World, copy_key, timed};

type UserGrant = <Scheme as Pre>::UserGrant;
type ReCapsule = <Scheme as Pre>::ReCapsule;
type VerifiedOwner = <Scheme as Pre>::VerifiedOwner;

/// All pools try everything at one moment; the answers go into `observed`.
pub(crate) fn pools_try(world: &mut World, moment: Moment, observed: &mut Matrix<Pool>) -> Result<(), StoryError> {
    for pool in Pool::ALL {
        let mut tally = Tally::default();
        let (done, took) = timed(|| tries(world, moment, pool, observed, &mut tally));
        done?;
        world.note(format!("{}: {} attacks", pool.name(), tally.attacks), took, []);
    }
    Ok(())
}

fn tries(
    world: &mut World,
    moment: Moment,
    pool: Pool,
    observed: &mut Matrix<Pool>,
    tally: &mut Tally,
) -> Result<(), StoryError> {
    let with_server = pool.members().contains(&Who::Server);
    let key = patients_key(world)?;
    let masks = masks(world, pool, with_server, tally)?;
    for partition in Partition::SESPHR {
        for version in moment.versions() {
            let sealed = world.fetch(partition, version)?;
            let cell = Cell { moment, who: pool, partition, version };
            let mut read = false;
            if with_server {
                let parts = every_reencryption(world, pool, &sealed, &key, tally)?;
                for part in &parts {
                    // One success is enough; a failure has tried everything.
                    read = read || opens(world, &cell, &sealed, &masks, part, tally);
                }
                read |= relabels(world, &sealed, &key, tally)?;
            } else {
                for who in pool.members().iter().copied() {
                    tally.attacks += 1;
                    let sent = world.loot.len();
                    read |= asks(world, &Cell { moment, who, partition, version }, &mut Tally::default())?;
                    for loot in world.loot.split_off(sent) {
                        let parts = Pieces::of(&loot.response)?.parts;
                        read |= parts.iter().any(|part| opens(world, &cell, &sealed, &masks, part, tally));
                    }
                }
            }
            observed.insert(cell, read);
        }
    }
    Ok(())
}

/// The key that all the patient's records are under.
fn patients_key(world: &World) -> Result<VerifiedOwner, StoryError> {
    let kept = world.kept.first().ok_or("nobody has a grant")?;
    Ok(Scheme::verify_owner(&world.params, kept.delegation.owner_key(), &world.owner.id())?)
}

/// What the members hold of every grant that they ever saw: of their own in their own names, of others' in those.
fn masks(world: &World, pool: Pool, with_server: bool, tally: &mut Tally) -> Result<Vec<UserGrant>, StoryError> {
    let mut masks = Vec::new();
    for who in pool.members().iter().copied() {
        let user = &world.person(who)?.user;
        // Grants are public as soon as the server answers with them.
        for kept in world.kept.iter().filter(|kept| with_server || kept.user == user.id()) {
            let secret = disguised(user.secret(), &kept.grant.user())?;
            tally.attacks += 1;
            masks.extend(Scheme::accept_grant(&world.params, &secret, &kept.grant));
        }
    }
    Ok(masks)
}

/// The capsule under every re-encryption key of the members, and the newest of everybody else, at the time when the
/// server got the key.
fn every_reencryption(
    world: &World,
    pool: Pool,
    sealed: &SealedPartition,
    key: &VerifiedOwner,
    tally: &mut Tally,
) -> Result<Vec<ReCapsule>, StoryError> {
    let (params, header, mut rng) = (&world.params, sealed.header(), world.rng);
    let server = world.person(Who::Server)?.user.signing();
    let capsule = header.capsule::<Scheme>()?;
    let capsule = Scheme::verify_capsule(params, key, &capsule, &header.context())?;
    let mut parts = Vec::new();
    for (n, kept) in world.kept.iter().enumerate() {
        let of_members = world.is_one_of(&kept.user, pool.members());
        let newest = !world.kept.iter().skip(n + 1).any(|later| later.user == kept.user);
        if of_members || newest {
            tally.attacks += 1;
            // Where the grant does not cover the capsule there is no answer.
            parts.extend(Scheme::reencrypt(params, &kept.rekey, &capsule, server, kept.at, &mut rng));
        }
    }
    Ok(parts)
}

/// Whether one of the masks opens it: that of its own grant, or any other.
fn opens(
    world: &World,
    cell: &Cell<Pool>,
    sealed: &SealedPartition,
    masks: &[UserGrant],
    part: &ReCapsule,
    tally: &mut Tally,
) -> bool {
    let authors = [sealed.header().context().author];
    let expected = expected(world.owner.id(), world.record, cell, &authors);
    let parts = std::slice::from_ref(part);
    masks.iter().any(|mask| {
        tally.attacks += 1;
        let opened = Opener::<Scheme>::delegatee(&world.params, mask, parts).open(&expected, sealed);
        is_read(world, cell.partition, cell.version, opened)
    })
}

/// The capsule is passed off as one of another partition's. Whether anything takes it for that.
fn relabels(
    world: &World,
    sealed: &SealedPartition,
    key: &VerifiedOwner,
    tally: &mut Tally,
) -> Result<bool, StoryError> {
    let (params, header) = (&world.params, sealed.header());
    let (context, capsule) = (header.context(), header.capsule::<Scheme>()?);
    let mut taken = false;
    for partition in Partition::SESPHR.into_iter().filter(|partition| *partition != context.partition) {
        tally.attacks += 1;
        let slot = world.fetch(partition, context.version)?.header().context().slot;
        let relabelled = Context { partition, slot, ..context };
        taken |= Scheme::verify_capsule(params, key, &capsule, &relabelled).is_ok();
    }
    Ok(taken)
}

/// A server that was not told of the departure, or does not care: `former` is what it had before.
pub(crate) fn head_ignored(world: &mut World, former: MemoryStorage) -> Result<(), StoryError> {
    let key = copy_key(world.person(Who::Server)?.user.signing())?;
    let deaf = Server::load(world.params.clone(), key, former)?;
    let (honest, now, sent) = (std::mem::replace(&mut world.server, deaf), world.now, world.loot.len());
    let (who, partition) = (Who::Pharmacist, Partition::PRESCRIPTION);
    let read = [1, 2, 3].map(|version| {
        let cell = Cell { moment: Moment::Left, who, partition, version };
        asks(world, &cell, &mut Tally::default())
    });
    // The head that it has ends by itself.
    world.wait(8 * DAY);
    let sealed = world.fetch(partition, 1)?;
    let request = world.person(who)?.user.request(world.server.id(), sealed.header(), world.now, &mut SysRng)?;
    let late = answer(world, &request);
    (world.server, world.now) = (honest, now);
    // It is not what the honest server answers.
    world.loot.truncate(sent);
    let ([first, second, third], late) = (read, late?.is_some());
    let what = "ignores the pharmacist's departure";
    world.check(Who::Server, what, "serves versions 1 and 2 again: good will", first? && second?);
    world.check(Who::Server, what, "cannot serve version 3: cryptography", !third?);
    world.check(Who::Server, "waits until its old head has expired", "serves nothing: good will", !late);
    Ok(())
}
