//! Departures from groups of several sizes, with what they mean for the owner, the server and the cloud.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use sesphr::context::{Partition, RecordId, Timestamp};
use sesphr::encoding::{Encoding, SecretEncoding};
use sesphr::hazmat::pairing::BACKEND;
use sesphr::identity::SigningKey;
use sesphr::kac::{Params, params};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerRoot;
use sesphr::record::Sealer;
use sesphr::sharing::{
    AccessPolicy, Cloud, Level, MemoryStorage, Owner, Role, Server, Storage, Update, User, VerifiedDirectory,
};

use crate::common::report::{Run, head, row, time};
use crate::common::{LIFE, NOW, rng};

const MEDICAL: Partition = Partition::MEDICAL;
/// Who stays, and how much is stored.
const GROUPS: [(usize, u32); 4] = [(10, 1_000), (100, 1_000), (1_000, 1_000), (10, 100_000)];
/// How much of what is stored goes through the owner's hands at a time.
const PAGE: usize = 1_000;

struct World {
    owner: Owner,
    server: Server<Kapre, MemoryStorage>,
    cloud: Cloud<Kapre, MemoryStorage>,
    gone: User,
}

fn later(seconds: u64) -> Timestamp {
    Timestamp(NOW.0 + seconds)
}

impl World {
    /// Members who each have the one past epoch of a partition, in which all that is stored was written: 1 KiB each.
    fn new(members: usize, records: u32) -> Self {
        let rng = &mut rng(90);
        let params = Params::generate(8, &SigningKey::generate(rng), rng, params::unwatched).unwrap();
        let params = Arc::new(params);
        let mut policy = AccessPolicy::new(LIFE);
        policy.set_access(Role::Researcher, []);
        let root = OwnerRoot::generate(rng);
        let mut owner = Owner::<Kapre>::new(params.clone(), root, policy, [MEDICAL], LIFE, NOW).unwrap();
        let mut server = Server::load(params.clone(), SigningKey::generate(rng), MemoryStorage::new()).unwrap();
        server.enroll(owner.id()).unwrap();
        let mut cloud = Cloud::new(params.clone(), MemoryStorage::new()).unwrap();
        let update = owner.publish(NOW, rng).unwrap();
        cloud.publish(&owner.id(), &update.directory, NOW).unwrap();
        cloud = stored(&owner, cloud, &params, records);
        let join = |owner: &mut Owner, rng: &mut _| {
            let user = User::<Kapre>::new(params.clone(), SigningKey::generate(rng), rng).unwrap();
            let role = owner.certify(user.id(), Role::Researcher, crate::common::validity());
            let _ = owner.join(&user.bundle(1, later(LIFE)), &role, NOW, NOW, rng).unwrap();
            user
        };
        let gone = join(&mut owner, rng);
        // Who reads it now makes a new epoch, so that the first one is past.
        let _ = owner.allow(&gone.id(), MEDICAL, NOW, rng).unwrap();
        let _ = owner.grant_history(&gone.id(), MEDICAL, 0..=0, NOW, rng).unwrap();
        for _ in 0..members {
            let user = join(&mut owner, rng);
            let update = owner.grant_history(&user.id(), MEDICAL, 0..=0, NOW, rng).unwrap();
            drop(update);
        }
        server.update(&owner.id(), &owner.live().unwrap(), NOW).unwrap();
        Self { owner, server, cloud, gone }
    }
}

/// A cloud with so many records of one author, sealed on every core.
fn stored(
    owner: &Owner,
    mut cloud: Cloud<Kapre, MemoryStorage>,
    params: &Arc<Params>,
    records: u32,
) -> Cloud<Kapre, MemoryStorage> {
    let directory = VerifiedDirectory::<Kapre>::new(params, cloud.directory(&owner.id()).unwrap(), &owner.id(), 0, NOW);
    let (directory, threads) = (directory.unwrap(), std::thread::available_parallelism().map_or(1, |n| n.get() as u32));
    let place = directory.place(&MEDICAL).unwrap();
    // The cloud names the first one; the others are called alike, and its checks are left out.
    let sealer = Sealer::<Kapre>::new(params, place.key(), place.label(), owner.signing());
    let first = sealer.seal(RecordId::from_array([0; 16]), 1, &[1; 1024], &mut rng(92)).unwrap();
    cloud.upload(&first, NOW).unwrap();
    let name = cloud.storage().keys(b"record/").unwrap().remove(0);
    let seal = |first: u32| {
        let rng = &mut rng(first as u8);
        let sealer = Sealer::<Kapre>::new(params, place.key(), place.label(), owner.signing());
        let records = (first + 1..records).step_by(threads as usize);
        let one = |n: u32| {
            let record = RecordId::from_array((u128::from(n) << 64).to_be_bytes());
            let sealed = sealer.seal(record, 1, &[1; 1024], rng).unwrap();
            let mut name = name.clone();
            name[39..55].copy_from_slice(record.as_bytes());
            (name, sealed.to_bytes())
        };
        records.map(one).collect::<Vec<_>>()
    };
    let all: Vec<_> = std::thread::scope(|scope| {
        let seal = &seal;
        let parts: Vec<_> = (0..threads).map(|first| scope.spawn(move || seal(first))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    let mut storage = cloud.storage().clone();
    all.iter().for_each(|(name, bytes)| storage.put(name, bytes).unwrap());
    Cloud::new(params.clone(), storage).unwrap()
}

/// What a step takes, once: it changes what it works on.
fn timed<T>(f: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = black_box(f());
    (result, start.elapsed().as_secs_f64())
}

fn bytes(update: &Update) -> usize {
    let delegations = update.delegations.iter().map(|delegation| delegation.to_secret_bytes().len());
    let layers = update.layer_grants.iter().map(|grant| grant.to_bytes().len());
    update.live.to_bytes().len() + update.directory.to_bytes().len() + delegations.chain(layers).sum::<usize>()
}

pub(crate) fn table() {
    let rayon = if cfg!(feature = "rayon") { "with" } else { "without" };
    head(
        &format!("Departure with `Kapre` on `{BACKEND}` {rayon} `rayon`, once each"),
        &["who stays", "records", "level", "owner", "bytes", "server", "orders", "bytes", "cloud", "settle"],
    );
    for (members, records) in GROUPS {
        if !Run::measures() {
            continue;
        }
        for level in [Level::Headers, Level::Bodies] {
            depart(World::new(members, records), members, records, level);
        }
    }
}

fn depart(mut w: World, members: usize, records: u32, level: Level) {
    let (rng, now, id) = (&mut rng(91), later(10), w.owner.id());
    let (update, owner) = timed(|| w.owner.depart(&w.gone.id(), level, now, rng).unwrap());
    let ((), server) = timed(|| {
        w.server.update(&id, &update.live, now).unwrap();
        update.delegations.iter().for_each(|delegation| w.server.accept(&id, delegation, now).unwrap());
    });
    assert_eq!(update.delegations.len(), members);
    w.cloud.publish(&id, &update.directory, now).unwrap();
    let (mut ordering, mut carrying, mut length, mut rotated) = (0.0, 0.0, 0, 0);
    let mut after = None;
    loop {
        let headers = w.cloud.headers(&id, after.as_ref(), PAGE).unwrap();
        let Some(ctx) = headers.last().map(|last| last.context()) else { break };
        after = Some((ctx.record, ctx.partition, ctx.version));
        let (orders, took) = timed(|| w.owner.orders(&headers).unwrap().unwrap());
        ordering += took;
        length += orders.to_secret_bytes().len();
        let (progress, took) = timed(|| w.cloud.carry_out(&id, &orders).unwrap());
        carrying += took;
        rotated += progress.rotated;
    }
    assert_eq!(rotated, records as usize);
    let (_, settling) = timed(|| w.owner.settle(now, rng).unwrap());
    let level = format!("{level:?}").to_lowercase();
    let [owner, server, ordering, carrying, settling] = [owner, server, ordering, carrying, settling].map(time);
    let (sent, length) = (bytes(&update).to_string(), length.to_string());
    row([members.to_string(), records.to_string(), level, owner, sent, server, ordering, length, carrying, settling]);
}
