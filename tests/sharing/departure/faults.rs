//! Departures through storages that fail at every call there is.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::cell::RefCell;

use crate::common::*;
use crate::faulty::{Broken, Fault, Faulty};
use rand_chacha::ChaCha20Rng;
use sesphr::context::{Partition, Timestamp};
use sesphr::encoding::Message;
use sesphr::identity::PartyId;
use sesphr::kapre::Kapre;
use sesphr::pre::LiveError;
use sesphr::record::{Layer, SealedPartition, Versions};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const INSURANCE: Partition = Partition::INSURANCE;

type FaultyCloud = Cloud<Kapre, Faulty>;
type FaultyServer = Server<Kapre, Faulty>;

fn load_cloud(storage: &Faulty) -> FaultyCloud {
    Cloud::new(Kapre::params(), storage.clone()).unwrap()
}

fn load_server(storage: &Faulty) -> FaultyServer {
    Server::load(Kapre::params(), party(201), storage.clone()).unwrap()
}

/// A copy of a storage that fails in its own way.
fn copy(storage: &MemoryStorage, fault: Fault) -> Faulty {
    let copy = Faulty::new(fault);
    for key in storage.keys(b"").unwrap() {
        copy.values.borrow_mut().insert(key.clone(), storage.get(&key).unwrap().unwrap().to_vec());
    }
    copy
}

/// All messages of a story, in the order in which they are made: each goes to cloud and server.
struct Script {
    owner: Owner<Kapre>,
    /// What cloud and server had before.
    start: World<Kapre>,
    updates: Vec<(Update, Timestamp)>,
    /// A record that is written after the first of them.
    new: SealedPartition,
    /// Whether the cloud goes through everything that it has.
    ordered: bool,
    /// No request comes twice.
    draws: RefCell<ChaCha20Rng>,
}

/// Bob leaves, carol stays: versions 1 of two partitions.
fn scene() -> World<Kapre> {
    let mut w = World::<Kapre>::new();
    w.join(&user(10), Role::Researcher, at(0), at(1));
    w.join(&user(11), Role::FamilyAndFriends, at(0), at(1));
    w.write(MEDICAL, 1, at(2));
    w.write(INSURANCE, 1, at(2));
    w
}

/// The same owner, so that one goes on and one stays.
fn twin(w: &World<Kapre>) -> Owner<Kapre> {
    w.reopen(&w.owner.membership())
}

fn seal_new(w: &World<Kapre>, update: &Update, now: Timestamp) -> SealedPartition {
    let mut cloud = load_cloud(&copy(w.cloud.storage(), Fault::Before));
    cloud.publish(&w.id(), &update.directory, now).unwrap();
    let directory = VerifiedDirectory::<Kapre>::new(&w.params, &update.directory, &w.id(), 0, now).unwrap();
    let place = directory.place(&MEDICAL).unwrap();
    let sealer = sesphr::record::Sealer::<Kapre>::new(&w.params, place.key(), place.label(), w.owner.signing());
    sealer.seal(RECORD, 2, b"0+", &mut rng(33)).unwrap()
}

fn departure(level: Level) -> Script {
    let start = scene();
    let mut owner = twin(&start);
    let gone = owner.depart(&user::<Kapre>(10).id(), level, at(3), &mut rng(40)).unwrap();
    let new = seal_new(&start, &gone, at(3));
    Script { owner, start, updates: vec![(gone, at(3))], new, ordered: true, draws: rng(50).into() }
}

/// Somebody joins with all there was, and carol gets what she lacks, after there are layers.
fn newcomer() -> Script {
    let mut start = scene();
    let gone = start.owner.depart(&user::<Kapre>(10).id(), Level::Bodies, at(3), &mut start.rng).unwrap();
    start.send(&gone, at(3));
    let headers = start.cloud.headers(&start.id(), None, 9).unwrap();
    let orders = start.owner.orders(&headers).unwrap().unwrap();
    let id = start.id();
    assert_eq!(start.cloud.carry_out(&id, &orders).unwrap().rotated, 2);
    let settled = start.owner.settle(at(4), &mut start.rng).unwrap();
    start.send(&settled, at(4));
    let mut owner = twin(&start);
    let dan = user::<Kapre>(12);
    let cert = start.cert(&dan, Role::Researcher);
    let joined = owner.join(&dan.bundle(1, at(YEAR)), &cert, at(5), at(5), &mut rng(41)).unwrap();
    let new = seal_new(&start, &joined, at(5));
    let history = owner.grant_history(&dan.id(), MEDICAL, 0..=2, at(6), &mut rng(42)).unwrap();
    assert_eq!((joined.layer_grants.len(), history.layer_grants.len()), (1, 1), "carol's, and then dan's");
    Script {
        owner,
        start,
        updates: vec![(joined, at(5)), (history, at(6))],
        new,
        ordered: false,
        draws: rng(50).into(),
    }
}

impl Script {
    fn id(&self) -> PartyId {
        self.owner.id()
    }

    fn now(&self) -> Timestamp {
        at(9)
    }

    /// All that the cloud is sent. Sent again, what is older is refused and does no harm.
    fn cloud(&self, cloud: &mut FaultyCloud) -> Result<(), CloudError<Broken>> {
        for (update, now) in &self.updates {
            match cloud.publish(&self.id(), &update.directory, *now) {
                Ok(()) | Err(CloudError::Directory(DirectoryError::Rollback)) => {}
                Err(error) => return Err(error),
            }
            for grant in &update.layer_grants {
                match cloud.keep_layers(&self.id(), grant) {
                    Ok(()) | Err(CloudError::Orders) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        cloud.upload(&self.new, at(7))?;
        if !self.ordered {
            return Ok(());
        }
        // In pages of one and two.
        let mut after = None;
        loop {
            let headers = cloud.headers(&self.id(), after.as_ref(), if after.is_none() { 1 } else { 2 })?;
            let Some(last) = headers.last().map(|header| header.context()) else { return Ok(()) };
            let last = (last.record, last.partition, last.version);
            if let Some(orders) = self.owner.orders(&headers).unwrap() {
                assert_eq!(cloud.carry_out(&self.id(), &orders)?.refused, []);
            }
            after = Some(last);
        }
    }

    fn server(&self, server: &mut FaultyServer) -> Result<(), ServerError<Broken>> {
        for (update, now) in &self.updates {
            match server.update(&self.id(), &update.live, *now) {
                Ok(()) | Err(ServerError::Live(LiveError::Rollback)) => {}
                Err(error) => return Err(error),
            }
            for delegation in &update.delegations {
                match server.accept(&self.id(), delegation, *now) {
                    // Taken back by a later one.
                    Ok(()) | Err(ServerError::Live(LiveError::NotLive)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    fn read(&self, cloud: &FaultyCloud, server: &mut FaultyServer, seed: u8, sealed: &SealedPartition) -> bool {
        let (mut user, now) = (user::<Kapre>(seed), self.now());
        if let Some(grant) = cloud.layers(&self.id(), &user.id()).unwrap() {
            user.take_layers(&self.id(), &grant).unwrap();
        }
        let directory = cloud.directory(&self.id()).unwrap();
        let directory = VerifiedDirectory::<Kapre>::new(&self.start.params, directory, &self.id(), 0, now).unwrap();
        let request = user.request(server.id(), sealed.header(), now, &mut *self.draws.borrow_mut()).unwrap();
        let Ok(response) = server.reencrypt(&request, now, &mut rng(51)) else { return false };
        let ctx = sealed.header().context();
        let versions = Versions::Exactly(ctx.version);
        user.open(&directory, RECORD, ctx.partition, versions, sealed, &response, now).is_ok()
    }

    /// Nothing is lost and nothing is half of one thing and half of another: the owner opens all of it.
    fn whole(&self, cloud: &FaultyCloud) -> Vec<SealedPartition> {
        let entries = cloud.list(&self.id()).unwrap();
        assert!(entries.len() >= 2);
        let fetch = |(record, partition, version): &Entry| {
            let sealed = cloud.fetch(&self.id(), record, partition, *version).unwrap();
            let opened = self.owner.open(*record, *partition, Versions::Exactly(*version), &sealed).unwrap();
            assert_eq!(&opened[..], b"0+");
            let capsule = sealed.header().capsule::<Kapre>().unwrap();
            assert_eq!(sesphr::kem::CapsuleParts::generation(&capsule), sealed.header().mutable().generation());
            sealed
        };
        entries.iter().map(fetch).collect()
    }
}

/// The cloud fails at each call; `check` sees the one that failed and the one that is loaded from what it left.
fn cloud_at_every_call(script: &Script, fault: Fault, mut check: impl FnMut(&FaultyCloud, bool)) {
    for calls in 0.. {
        let storage = copy(script.start.cloud.storage(), fault);
        let mut cloud = load_cloud(&storage);
        storage.left.set(calls);
        let done = script.cloud(&mut cloud);
        storage.left.set(usize::MAX);
        if done.is_ok() {
            assert!(calls > 6, "{calls}");
            check(&load_cloud(&storage), true);
            return;
        }
        assert_eq!(done, Err(CloudError::Storage(Broken)));
        let left = storage.fork();
        check(&load_cloud(&left), false);
        for mut cloud in [cloud, load_cloud(&left)] {
            script.cloud(&mut cloud).unwrap();
            check(&cloud, true);
        }
    }
}

fn full_server(script: &Script) -> Faulty {
    let storage = copy(script.start.server.storage(), Fault::Before);
    script.server(&mut load_server(&storage)).unwrap();
    storage
}

#[test]
fn a_cloud_that_fails_during_a_departure_loses_nothing_and_closes_nobody_out() {
    for level in [Level::Headers, Level::Bodies] {
        let script = departure(level);
        let mut server = load_server(&full_server(&script));
        let mut settled = load_server(&full_server(&script));
        let mut owner = script.start.reopen(&script.owner.membership());
        let end = owner.settle(at(8), &mut rng(60)).unwrap();
        settled.update(&script.id(), &end.live, at(8)).unwrap();
        let layer = if level == Level::Bodies { Layer::Stream { generation: 1 } } else { Layer::None };
        for fault in [Fault::Before, Fault::After] {
            let mut halves = 0;
            cloud_at_every_call(&script, fault, |cloud, done| {
                let stored = script.whole(cloud);
                let moved = stored.iter().filter(|sealed| sealed.header().mutable().generation() == 1).count();
                halves += usize::from(moved == 2 && !done);
                for sealed in &stored {
                    // The keys of layers are with the cloud before it has any orders.
                    assert!(script.read(cloud, &mut server, 11, sealed), "{level:?} {fault:?} {done}");
                    assert!(!script.read(cloud, &mut server, 10, sealed), "{level:?} {fault:?} {done}");
                    let mutable = sealed.header().mutable();
                    // One write: a medical record has both or neither.
                    let old = sealed.header().context().version == 1 && sealed.header().context().partition == MEDICAL;
                    let wanted = if old && mutable.generation() == 1 { layer } else { Layer::None };
                    assert_eq!(mutable.layer(), wanted);
                    if done {
                        assert!(script.read(cloud, &mut settled, 11, sealed));
                        assert!(!script.read(cloud, &mut settled, 10, sealed));
                    }
                }
                assert!(!done || (stored.len(), moved) == (3, 3));
            });
            assert!(halves > 0);
        }
    }
}

#[test]
fn a_server_that_fails_during_a_departure_serves_who_stays() {
    for level in [Level::Headers, Level::Bodies] {
        let mut script = departure(level);
        let moved = |cloud: &FaultyCloud| {
            let stored = script.whole(cloud);
            stored.iter().filter(|sealed| sealed.header().mutable().generation() == 1).count()
        };
        // Clouds that have moved nothing, half, and all of it.
        let mut clouds: Vec<FaultyCloud> = Vec::new();
        for calls in 4.. {
            let storage = copy(script.start.cloud.storage(), Fault::Before);
            storage.left.set(calls);
            let _ = script.cloud(&mut Cloud::new(Kapre::params(), storage.clone()).unwrap());
            storage.left.set(usize::MAX);
            let cloud = load_cloud(&storage);
            if moved(&cloud) == clouds.len() + 1 {
                clouds.push(cloud);
            }
            if clouds.len() == 3 {
                break;
            }
        }
        let mut owner = script.start.reopen(&script.owner.membership());
        let unsettled = script.updates.len();
        script.updates.push((owner.settle(at(8), &mut rng(60)).unwrap(), at(8)));
        for fault in [Fault::Before, Fault::After] {
            for calls in 0.. {
                let storage = copy(script.start.server.storage(), fault);
                let mut server = load_server(&storage);
                storage.left.set(calls);
                let done = script.server(&mut server);
                storage.left.set(usize::MAX);
                let finished = done.is_ok();
                let left = storage.fork();
                for mut server in [server, load_server(&left)] {
                    // What is in force as the failing server and its successor know it.
                    let live = server.storage().get(&[b"live/", &script.id().as_bytes()[..]].concat()).unwrap();
                    let live = sesphr::pre::LiveSet::from_bytes(&live.unwrap()).unwrap();
                    let before = script.start.owner.live().unwrap().head().unverified().version();
                    let old = script.start.cloud.fetch(&script.id(), &RECORD, &MEDICAL, 1).unwrap();
                    let served = script.read(&clouds[0], &mut server, 10, &old);
                    assert!(!served || finished || live.version() <= before + 1);
                    script.server(&mut server).unwrap();
                    for sealed in script.whole(&clouds[2]) {
                        assert!(script.read(&clouds[2], &mut server, 11, &sealed), "{level:?} {fault:?} {calls}");
                        assert!(!script.read(&clouds[2], &mut server, 10, &sealed));
                    }
                }
                // Before it is settled, whatever the cloud has come to.
                if calls % 4 == 0 {
                    let storage = copy(script.start.server.storage(), fault);
                    let mut server = load_server(&storage);
                    let settle = script.updates.pop().unwrap();
                    assert_eq!(script.updates.len(), unsettled);
                    storage.left.set(calls);
                    let _ = script.server(&mut server);
                    storage.left.set(usize::MAX);
                    let mut server = load_server(&storage);
                    script.server(&mut server).unwrap();
                    for cloud in &clouds {
                        for sealed in script.whole(cloud) {
                            assert!(script.read(cloud, &mut server, 11, &sealed), "{level:?} {fault:?} {calls}");
                            assert!(!script.read(cloud, &mut server, 10, &sealed));
                        }
                    }
                    script.updates.push(settle);
                }
                if finished {
                    assert!(calls > 8);
                    break;
                }
                assert_eq!(done, Err(ServerError::Storage(Broken)));
            }
        }
    }
}

#[test]
fn who_comes_after_a_layer_gets_all_of_it_through_storages_that_fail() {
    let script = newcomer();
    let mut server = load_server(&full_server(&script));
    for fault in [Fault::Before, Fault::After] {
        cloud_at_every_call(&script, fault, |cloud, done| {
            for sealed in script.whole(cloud) {
                let ctx = sealed.header().context();
                assert!(script.read(cloud, &mut server, 11, &sealed), "{fault:?}");
                assert!(!script.read(cloud, &mut server, 10, &sealed));
                // Nobody granted him more than the medical partition.
                let may = ctx.partition == MEDICAL;
                let reads = script.read(cloud, &mut server, 12, &sealed);
                assert!(if done { reads == may } else { !reads || may });
            }
        });
        let cloud = load_cloud(&{
            let storage = copy(script.start.cloud.storage(), fault);
            script.cloud(&mut load_cloud(&storage)).unwrap();
            storage
        });
        for calls in 0.. {
            let storage = copy(script.start.server.storage(), fault);
            let mut server = load_server(&storage);
            storage.left.set(calls);
            let done = script.server(&mut server).is_ok();
            storage.left.set(usize::MAX);
            let left = storage.fork();
            for mut server in [server, load_server(&left)] {
                script.server(&mut server).unwrap();
                for sealed in script.whole(&cloud) {
                    let may = sealed.header().context().partition == MEDICAL;
                    let reads = [10, 11, 12].map(|seed| script.read(&cloud, &mut server, seed, &sealed));
                    assert_eq!(reads, [false, true, may], "{fault:?} {calls}");
                }
            }
            if done {
                assert!(calls > 6);
                break;
            }
        }
    }
}
