//! Storages that fail, before or after they did what they were asked for, at every call there is.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "common/sharing.rs"]
mod common;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use common::*;
use sesphr::context::{Partition, Timestamp};
use sesphr::identity::SigningKey;
use sesphr::pre::afgh::Afgh;
use sesphr::record::SealedPartition;
use sesphr::sharing::*;
use zeroize::Zeroizing;

const MEDICAL: Partition = Partition::MEDICAL;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing happened.
    Before,
    /// It happened, and the caller hears that it did not.
    After,
}

#[derive(Debug, PartialEq, Eq)]
struct Broken;

impl core::fmt::Display for Broken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("broken")
    }
}

impl core::error::Error for Broken {}

/// Clones share everything, so that the test keeps a hand on what the server has.
#[derive(Clone)]
struct Faulty {
    values: Rc<RefCell<BTreeMap<Vec<u8>, Vec<u8>>>>,
    /// How many calls still succeed.
    left: Rc<Cell<usize>>,
    fault: Fault,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        Self { values: Rc::default(), left: Rc::new(Cell::new(usize::MAX)), fault }
    }

    fn fork(&self) -> Self {
        let values = self.values.borrow().clone();
        Self { values: Rc::new(RefCell::new(values)), left: Rc::new(Cell::new(usize::MAX)), fault: self.fault }
    }

    fn call<T>(&self, body: impl FnOnce(&mut BTreeMap<Vec<u8>, Vec<u8>>) -> T) -> Result<T, Broken> {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        if left == 0 && self.fault == Fault::Before {
            return Err(Broken);
        }
        let done = body(&mut self.values.borrow_mut());
        if left == 0 { Err(Broken) } else { Ok(done) }
    }
}

impl Storage for Faulty {
    type Error = Broken;

    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Broken> {
        self.call(|values| values.get(key).map(|value| Zeroizing::new(value.clone())))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Broken> {
        self.call(|values| drop(values.insert(key.to_vec(), value.to_vec())))
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Broken> {
        self.call(|values| drop(values.remove(key)))
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Broken> {
        self.call(|values| values.keys().filter(|key| key.starts_with(prefix)).cloned().collect())
    }
}

type Faulting = Server<Afgh, Faulty>;

fn load(storage: &Faulty) -> Faulting {
    Server::new(party(201), storage.clone()).unwrap()
}

/// What the story needs of the owner: two members, and the departure of the first.
struct Script {
    w: World,
    bob: User<Afgh>,
    carol: User<Afgh>,
    joined: Vec<Update>,
    gone: Update,
    sealed: SealedPartition,
}

impl Script {
    fn new() -> Self {
        let mut w = World::new();
        let (bob, carol) = (user(10), user(11));
        let joined = vec![
            w.try_join(&bob, Role::Researcher, at(0), at(1)).unwrap(),
            w.try_join(&carol, Role::Researcher, at(0), at(1)).unwrap(),
        ];
        w.cloud.publish(&w.owner.id(), &joined[1].directory, at(1)).unwrap();
        let sealed = w.write(MEDICAL, 1, at(2));
        let gone = w.owner.depart(&bob.id(), at(3), &mut w.rng).unwrap();
        Self { w, bob, carol, joined, gone, sealed }
    }

    fn serves(&self, server: &mut Faulting, user: &User<Afgh>, now: Timestamp) -> bool {
        let request = user.request(server.id(), self.sealed.header(), now, &mut rng(8)).unwrap();
        server.reencrypt(&request, now, &mut rng(8)).is_ok()
    }

    fn accept(&self, server: &mut Faulting) -> Result<(), ServerError<Broken>> {
        let delegations = self.joined.iter().flat_map(|update| &update.delegations);
        delegations.into_iter().try_for_each(|delegation| server.accept(&self.w.id(), delegation, at(2)))
    }

    fn revoke(&self, server: &mut Faulting) -> Result<(), ServerError<Broken>> {
        self.gone.revocations.iter().try_for_each(|revocation| server.revoke(&self.w.id(), revocation))
    }
}

/// Runs `operation` with the storage failing at each call in turn; `check` sees the server that failed, and one that
/// was loaded from what it left.
fn at_every_call(
    start: &Faulty,
    operation: impl Fn(&mut Faulting) -> Result<(), ServerError<Broken>>,
    check: impl Fn(&mut Faulting, bool),
) {
    for calls in 0.. {
        let storage = start.fork();
        let mut server = load(&storage);
        storage.left.set(calls);
        let done = operation(&mut server);
        storage.left.set(usize::MAX);
        if done.is_ok() {
            assert!(calls > 0);
            check(&mut server, true);
            check(&mut load(&storage), true);
            return;
        }
        assert_eq!(done, Err(ServerError::Storage(Broken)));
        let left = storage.fork();
        check(&mut server, false);
        check(&mut load(&left), false);
        // Asked again it is done, by the server that failed as by its successor.
        for (mut server, storage) in [(server, storage.clone()), (load(&left), left.clone())] {
            operation(&mut server).unwrap();
            check(&mut server, true);
            check(&mut load(&storage), true);
        }
    }
}

#[test]
fn no_grant_is_lost_and_none_comes_back() {
    for fault in [Fault::Before, Fault::After] {
        let script = Script::new();
        let empty = Faulty::new(fault);
        at_every_call(&empty, |server| server.enroll(script.w.id()), |_, _| {});
        load(&empty).enroll(script.w.id()).unwrap();
        at_every_call(
            &empty,
            |server| script.accept(server),
            |server, done| {
                let served = [&script.bob, &script.carol].map(|user| script.serves(server, user, at(3)));
                assert!(!done || served == [true, true], "{fault:?}");
            },
        );
        let full = empty.fork();
        script.accept(&mut load(&full)).unwrap();
        at_every_call(
            &full,
            |server| script.revoke(server),
            |server, done| {
                assert!(script.serves(server, &script.carol, at(4)), "{fault:?}");
                assert!(!done || !script.serves(server, &script.bob, at(4)), "{fault:?}");
            },
        );
        // Every state that an interrupted revocation leaves keeps a grant out that it has buried.
        for calls in 0..4 {
            let storage = full.fork();
            let mut server = load(&storage);
            storage.left.set(calls);
            let _ = script.revoke(&mut server);
            storage.left.set(usize::MAX);
            for mut server in [server, load(&storage)] {
                let served = script.serves(&mut server, &script.bob, at(5));
                let _ = script.accept(&mut server);
                assert_eq!(script.serves(&mut server, &script.bob, at(6)), served, "{fault:?} {calls}");
            }
            // And no re-encryption key outlives its tombstone in the storage.
            let dead = storage.keys(b"tombstone/").unwrap();
            for name in dead {
                let grant = [b"grant/".as_slice(), &name[b"tombstone/".len()..]].concat();
                assert_eq!(storage.get(&grant).unwrap(), None);
            }
        }
    }
}

#[test]
fn an_interrupted_purge_revives_nothing() {
    for fault in [Fault::Before, Fault::After] {
        let script = Script::new();
        let start = Faulty::new(fault);
        let mut server = load(&start);
        server.enroll(script.w.id()).unwrap();
        script.accept(&mut server).unwrap();
        script.revoke(&mut server).unwrap();
        let end = at(YEAR + 10);
        at_every_call(
            &start,
            |server| server.purge(end),
            |server, done| {
                assert!(!script.serves(server, &script.bob, at(4)));
                // Sent again, by clocks that went back.
                let bobs = &script.joined[0].delegations;
                assert!(bobs.iter().all(|delegation| server.accept(&script.w.id(), delegation, at(4)).is_err()));
                assert!(!script.serves(server, &script.bob, at(5)));
                if done {
                    let left = server.storage().keys(b"").unwrap();
                    assert_eq!(left.len(), 2, "owner and purge time");
                }
            },
        );
        // Before their time nothing goes.
        server.purge(at(YEAR - 1)).unwrap();
        assert!(script.serves(&mut server, &script.carol, at(6)));
        assert_eq!(start.keys(b"tombstone/").unwrap().len(), script.gone.revocations.len());
    }
}

#[test]
fn loading_needs_every_answer() {
    let script = Script::new();
    let storage = Faulty::new(Fault::Before);
    let mut server = load(&storage);
    server.enroll(script.w.id()).unwrap();
    script.accept(&mut server).unwrap();
    script.revoke(&mut server).unwrap();
    let mut calls = 0;
    loop {
        storage.left.set(calls);
        match Faulting::new(party(201), storage.clone()) {
            Ok(_) => break,
            Err(error) => assert_eq!(error, ServerError::Storage(Broken)),
        }
        calls += 1;
    }
    assert!(calls > 5);
    storage.left.set(usize::MAX);
    // A clock plays no part: what was accepted is there, and waits for its time.
    assert!(!script.serves(&mut load(&storage), &script.carol, Timestamp(5)));
    assert!(script.serves(&mut load(&storage), &script.carol, at(4)));

    let tamper = |name: &[u8], change: &dyn Fn(&mut Vec<u8>)| {
        let storage = storage.fork();
        let key = storage.keys(name).unwrap()[0].clone();
        change(storage.values.borrow_mut().get_mut(&key).unwrap());
        Faulting::new(party(201), storage).map(drop)
    };
    let swap = |from: &[u8], to: &[u8]| {
        let mut storage = storage.fork();
        let name = storage.keys(from).unwrap()[0].clone();
        let value = storage.get(&name).unwrap().unwrap();
        storage.put(&[to, &name[from.len()..]].concat(), &value).unwrap();
        Faulting::new(party(201), storage).map(drop)
    };
    assert!(matches!(tamper(b"tombstone/", &|value| value.truncate(7)), Err(ServerError::Corrupt(_))));
    assert!(matches!(tamper(b"tombstone/", &|value| value.push(0)), Err(ServerError::Corrupt(_))));
    assert!(matches!(tamper(b"grant/", &|value| value.truncate(7)), Err(ServerError::Corrupt(_))));
    assert!(matches!(tamper(b"grant/", &|value| value.push(0)), Err(ServerError::Corrupt(_))));
    assert!(matches!(tamper(b"grant/", &|value| value[60] ^= 1), Err(ServerError::Key(_) | ServerError::Corrupt(_))));
    assert!(matches!(swap(b"grant/", b"grant/x"), Err(ServerError::Corrupt(_))));
    assert!(matches!(swap(b"owner/", b"owner/x"), Err(ServerError::Corrupt(_))));
    assert!(matches!(swap(b"tombstone/", b"tombstone/x"), Err(ServerError::Corrupt(_))));
    // A grant under the name of another.
    let mut mixed = storage.fork();
    let name = mixed.keys(b"grant/").unwrap()[0].clone();
    let value = mixed.get(&name).unwrap().unwrap();
    let other = [&name[..name.len() - 16], &[9; 16]].concat();
    mixed.put(&other, &value).unwrap();
    assert!(matches!(Faulting::new(party(201), mixed).map(drop), Err(ServerError::Corrupt(_))));
    let mut purged = storage.fork();
    purged.put(b"purged", b"x").unwrap();
    assert!(matches!(Faulting::new(party(201), purged).map(drop), Err(ServerError::Corrupt(_))));
    let mut homeless = storage.fork();
    let owners = homeless.keys(b"owner/").unwrap();
    homeless.delete(&owners[0]).unwrap();
    assert!(matches!(Faulting::new(party(201), homeless).map(drop), Err(ServerError::UnknownOwner)));
}

#[test]
fn the_cloud_stores_all_or_nothing() {
    for fault in [Fault::Before, Fault::After] {
        let mut w = World::new();
        let id = w.id();
        let first = w.cloud.directory(&id).unwrap().clone();
        let sealed = w.seal_as(&party(1), MEDICAL, 1, at(1));
        let author: SigningKey = party(60);
        let update = w.owner.set_author(author.id(), Author::Active, at(2), &mut w.rng).unwrap();
        for calls in 0..3 {
            let storage = Faulty::new(fault);
            let mut cloud = Cloud::new(storage.clone()).unwrap();
            cloud.publish(&id, &first, at(1)).unwrap();
            storage.left.set(calls);
            let stored = cloud.upload(&sealed, at(1));
            storage.left.set(usize::MAX);
            assert_eq!(stored.is_ok(), calls == 2);
            let found = cloud.latest(&id, &RECORD, &MEDICAL).ok();
            assert_eq!(found.is_some(), calls == 2 || (calls == 1 && fault == Fault::After));
            assert_eq!(cloud.upload(&sealed, at(1)), Ok(()));
            assert_eq!(cloud.latest(&id, &RECORD, &MEDICAL).unwrap(), sealed);

            storage.left.set(0);
            assert_eq!(cloud.publish(&id, &update.directory, at(2)), Err(CloudError::Storage(Broken)));
            storage.left.set(usize::MAX);
            let version = |cloud: &Cloud<Faulty>| cloud.directory(&id).unwrap().unverified().version();
            assert_eq!(version(&cloud), first.unverified().version());
            let reloaded = Cloud::new(storage.clone()).unwrap();
            assert!([1, 2].contains(&version(&reloaded)));
            assert_eq!(cloud.publish(&id, &update.directory, at(2)), Ok(()));
            assert_eq!(version(&Cloud::new(storage.clone()).unwrap()), 2);
            storage.left.set(0);
            assert!(cloud.fetch(&id, &RECORD, &MEDICAL, 1).is_err());
            storage.left.set(0);
            assert!(cloud.list(&id).is_err());
            storage.left.set(0);
            assert!(Cloud::new(storage.clone()).is_err());
        }
    }
}
