//! Storages that fail, before or after they did what they were asked for, at every call there is.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use super::faulty::{Broken, Fault, Faulty};
use crate::common::emergency::{self, Emergency};
use crate::common::*;
use sesphr::context::{Partition, Timestamp};
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::{PartyId, SigningKey};
use sesphr::kapre::Kapre;
use sesphr::pre::{GrantId, LiveError, LiveSet};
use sesphr::record::SealedPartition;
use sesphr::sharing::log::{Auditor, Event, LogError, Receipt};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;

on_every_scheme! {
    no_grant_is_lost_and_none_comes_back,
    no_answer_without_a_receipt_and_no_receipt_lost,
    an_interrupted_purge_deletes_what_ended_and_nothing_else,
    loading_needs_every_answer,
    a_server_that_died_half_way_is_brought_to_the_end_when_it_loads,
    storages_that_lie_are_found_out,
    the_cloud_stores_all_or_nothing,
}

type Faulting<S> = Server<S, Faulty>;

fn try_load<S: Tested>(storage: &Faulty) -> Result<Faulting<S>, ServerError<Broken>> {
    Server::load(S::params(), party(201), storage.clone())
}

fn load<S: Tested>(storage: &Faulty) -> Faulting<S> {
    try_load(storage).unwrap()
}

/// What the story needs of the owner: two members, and the departure of the first.
struct Script<S: Tested> {
    w: World<S>,
    bob: User<S>,
    carol: User<S>,
    joined: [Update<S>; 2],
    gone: Update<S>,
    sealed: SealedPartition,
}

impl<S: Tested> Script<S> {
    fn new() -> Self {
        let mut w = World::<S>::new();
        let (bob, carol) = (user::<S>(10), user::<S>(11));
        let joined = [&bob, &carol].map(|member| w.try_join(member, Role::Researcher, at(0), at(1)).unwrap());
        w.cloud.publish(&w.owner.id(), &joined[1].directory, at(1)).unwrap();
        let sealed = w.write(MEDICAL, 1, at(2));
        let gone = w.owner.depart(&bob.id(), Level::Epochs, at(3), &mut w.rng).unwrap();
        Self { w, bob, carol, joined, gone, sealed }
    }

    fn id(&self) -> PartyId {
        self.w.id()
    }

    fn ask(&self, server: &mut Faulting<S>, user: &User<S>, now: Timestamp) -> Result<Response<S>, RequestError> {
        let request = user.request(server.id(), self.sealed.header(), now, &mut rng(8)).unwrap();
        server.reencrypt(&request, now, &mut rng(8))
    }

    fn serves(&self, server: &mut Faulting<S>, user: &User<S>, now: Timestamp) -> bool {
        self.ask(server, user, now).is_ok()
    }

    /// Everything that leads to two members.
    fn accept(&self, server: &mut Faulting<S>) -> Result<(), ServerError<Broken>> {
        let before = self.w.server_live();
        for live in [&before, &self.joined[0].live, &self.joined[1].live] {
            match server.update(&self.id(), live, at(2)) {
                // Sent again, after later ones arrived.
                Ok(()) | Err(ServerError::Live(LiveError::Rollback)) => {}
                Err(error) => return Err(error),
            }
        }
        let delegations = self.joined.iter().flat_map(|update| &update.delegations);
        // The first of bob's were replaced by nothing, so all are live.
        delegations.into_iter().try_for_each(|delegation| server.accept(&self.id(), delegation, at(2)))
    }

    fn revoke(&self, server: &mut Faulting<S>) -> Result<(), ServerError<Broken>> {
        server.update(&self.id(), &self.gone.live, at(3))?;
        self.gone.delegations.iter().try_for_each(|delegation| server.accept(&self.id(), delegation, at(3)))
    }

    /// A server with both members.
    fn full(&self, fault: Fault) -> Faulty {
        let storage = Faulty::new(fault);
        let mut server = load::<S>(&storage);
        server.enroll(self.id()).unwrap();
        self.accept(&mut server).unwrap();
        storage
    }

    /// Follows the server's log to its end.
    fn follow(&self, server: &mut Faulting<S>, auditor: &mut Auditor, now: Timestamp) -> Vec<Receipt> {
        let query = self.w.owner.ask_audit(auditor, now);
        let receipts = auditor.follow(&server.audit(&query, now).unwrap()).unwrap();
        assert_eq!(auditor.unread(), 0);
        receipts
    }

    /// The log from the beginning, which is in order, and under heads that the owner signed.
    fn log(&self, server: &mut Faulting<S>, now: Timestamp) -> Vec<Receipt> {
        let receipts = self.follow(server, &mut Auditor::new(self.id(), server.id()), now);
        assert_eq!(self.w.owner.check_live(&receipts), Ok(()));
        receipts
    }

    /// The grants in the storage are such as the list next to them has, each with its receipt.
    fn consistent(&self, storage: &Faulty) {
        let name = [b"live/".as_slice(), self.id().as_bytes()].concat();
        let live = storage.get(&name).unwrap();
        let live = live.map_or(LiveSet::new(), |bytes| LiveSet::from_bytes(&bytes).unwrap());
        let mut server = load::<S>(storage);
        let carried: BTreeSet<GrantId> = storage.keys(b"grant/").unwrap().iter().map(|name| id_of(name)).collect();
        assert!(carried.iter().all(|id| live.contains(id)), "a dead grant is kept");
        let (mut granted, mut revoked) = (BTreeSet::new(), BTreeSet::new());
        for receipt in self.log(&mut server, at(9)) {
            match receipt.event {
                Event::Granted { grant, .. } => drop(granted.insert(grant)),
                Event::Revoked { grant, .. } => drop(revoked.insert(grant)),
                _ => {}
            }
        }
        assert!(carried.is_subset(&granted) && carried.is_disjoint(&revoked) && revoked.is_subset(&granted));
    }
}

fn id_of(name: &[u8]) -> GrantId {
    GrantId::from_array(name[name.len() - 16..].try_into().unwrap())
}

trait FirstHead {
    fn server_live(&self) -> sesphr::pre::LiveUpdate;
}

/// What the world's own server took when the world began.
impl<S: Tested> FirstHead for World<S> {
    fn server_live(&self) -> sesphr::pre::LiveUpdate {
        let name = [b"live/".as_slice(), self.id().as_bytes()].concat();
        let bytes = self.server.storage().get(&name).unwrap().unwrap();
        LiveSet::from_bytes(&bytes).unwrap().complete().unwrap()
    }
}

/// Runs `operation` with the storage failing at each call in turn; `check` sees the server that failed, and one that
/// was loaded from what it left.
fn at_every_call<S: Tested>(
    start: &Faulty,
    operation: impl Fn(&mut Faulting<S>) -> Result<(), ServerError<Broken>>,
    check: impl Fn(&mut Faulting<S>, bool),
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

fn no_grant_is_lost_and_none_comes_back<S: Tested>() {
    for fault in [Fault::Before, Fault::After] {
        let script = Script::<S>::new();
        let empty = Faulty::new(fault);
        at_every_call::<S>(&empty, |server| server.enroll(script.id()), |_, _| {});
        load::<S>(&empty).enroll(script.id()).unwrap();
        at_every_call::<S>(
            &empty,
            |server| script.accept(server),
            |server, done| {
                let served = [&script.bob, &script.carol].map(|user| script.serves(server, user, at(3)));
                assert!(!done || served == [true, true], "{fault:?}");
                script.consistent(server.storage());
            },
        );
        let full = script.full(fault);
        at_every_call::<S>(
            &full,
            |server| script.revoke(server),
            |server, done| {
                assert!(script.serves(server, &script.carol, at(4)), "{fault:?}");
                assert!(!done || !script.serves(server, &script.bob, at(4)), "{fault:?}");
                // What a server loads is what the list says, whatever was done of it: it serves him or it forgot how.
                script.consistent(server.storage());
            },
        );
        // Every state that an interrupted revocation leaves keeps a grant out that is no longer listed.
        for calls in 0..8 {
            let storage = full.fork();
            let mut server = load::<S>(&storage);
            storage.left.set(calls);
            let _ = script.revoke(&mut server);
            storage.left.set(usize::MAX);
            for mut server in [server, load(&storage)] {
                let served = script.serves(&mut server, &script.bob, at(5));
                let _ = script.accept(&mut server);
                assert_eq!(script.serves(&mut server, &script.bob, at(6)), served, "{fault:?} {calls}");
            }
        }
    }
}

fn no_answer_without_a_receipt_and_no_receipt_lost<S: Tested>() {
    for fault in [Fault::Before, Fault::After] {
        let script = Script::<S>::new();
        let full = script.full(fault);
        let stranger = user::<S>(30);
        for (who, denied) in [(&script.carol, false), (&stranger, true)] {
            let storage = full.fork();
            let mut server = load::<S>(&storage);
            // What the owner has read stays.
            let mut auditor = Auditor::new(script.id(), server.id());
            let before = script.follow(&mut server, &mut auditor, at(3)).len();
            let request = who.request(server.id(), script.sealed.header(), at(4), &mut rng(8)).unwrap();
            let receipts = |server: &mut Faulting<S>, now| {
                let of = |receipt: Receipt| match receipt.event {
                    Event::Reencrypted { request, .. } | Event::Denied { request, .. } => Some(request),
                    _ => None,
                };
                script.log(server, now).into_iter().filter_map(of).filter(|named| *named == request.digest()).count()
            };
            // One call: the receipt. Without it there is neither an answer nor a refusal.
            storage.left.set(0);
            let answer = server.reencrypt(&request, at(4), &mut rng(8));
            assert_eq!(answer.unwrap_err(), RequestError::Unavailable);
            storage.left.set(usize::MAX);
            assert_eq!(receipts(&mut server, at(4)), 0);
            // A receipt of what was not answered may be left, never the other way round.
            let left = storage.fork();
            let mut reloaded = load::<S>(&left);
            assert_eq!(receipts(&mut reloaded, at(4)), usize::from(fault == Fault::After));
            for (mut server, storage) in [(server, storage), (reloaded, left)] {
                // The request was not used up.
                let answer = server.reencrypt(&request, at(4), &mut rng(9));
                assert_eq!(answer.is_err(), denied);
                assert_ne!(answer.err(), Some(RequestError::Unavailable));
                assert!(receipts(&mut server, at(5)) >= 1);
                let mut auditor = auditor.clone();
                assert!(!script.follow(&mut server, &mut auditor, at(5)).is_empty());
                assert!(before > 0);
                // Nor does a crash after the answer lose the receipt.
                let mut crashed = load::<S>(&storage.fork());
                assert!(script.follow(&mut crashed, &mut auditor, at(6)).is_empty());
                assert!(receipts(&mut crashed, at(6)) >= 1);
            }
        }
        // An audit that fails was not answered: the same query may come again.
        let storage = full.fork();
        let mut server = load::<S>(&storage);
        let mut auditor = Auditor::new(script.id(), server.id());
        let query = script.w.owner.ask_audit(&auditor, at(7));
        let receipts = storage.keys(b"log/").unwrap().len();
        for calls in 0..receipts {
            storage.left.set(calls);
            assert_eq!(server.audit(&query, at(7)), Err(ServerError::Storage(Broken)));
        }
        storage.left.set(usize::MAX);
        assert_eq!(auditor.follow(&server.audit(&query, at(7)).unwrap()).unwrap().len(), receipts);
        assert_eq!(server.audit(&query, at(7)), Err(ServerError::Stale));
    }
}

fn an_interrupted_purge_deletes_what_ended_and_nothing_else<S: Tested>() {
    for fault in [Fault::Before, Fault::After] {
        let script = Script::<S>::new();
        let start = script.full(fault);
        let grants = start.keys(b"grant/").unwrap().len();
        // Before their time nothing goes.
        load::<S>(&start).purge(at(YEAR)).unwrap();
        assert_eq!(start.keys(b"grant/").unwrap().len(), grants);
        at_every_call::<S>(
            &start,
            |server| server.purge(at(YEAR + 10)),
            |server, done| {
                script.consistent(server.storage());
                assert!(!done || server.storage().keys(b"grant/").unwrap().is_empty());
                // Sent again by clocks that went back it is as live as the head says.
                let mut again = load::<S>(&server.storage().fork());
                script.accept(&mut again).unwrap();
                assert!(script.serves(&mut again, &script.bob, at(5)));
                script.revoke(&mut again).unwrap();
                assert!(script.accept(&mut again).is_err());
                assert!(!script.serves(&mut again, &script.bob, at(6)));
            },
        );
    }
}

fn loading_needs_every_answer<S: Tested>() {
    let script = Script::<S>::new();
    let storage = script.full(Fault::Before);
    script.revoke(&mut load(&storage)).unwrap();
    let mut calls = 0;
    loop {
        storage.left.set(calls);
        match try_load::<S>(&storage) {
            Ok(_) => break,
            Err(error) => assert_eq!(error, ServerError::Storage(Broken)),
        }
        calls += 1;
    }
    assert!(calls > 8);
    storage.left.set(usize::MAX);
    // A clock plays no part: what was accepted is there, and waits for its time.
    assert!(!script.serves(&mut load(&storage), &script.carol, Timestamp(5)));
    assert!(script.serves(&mut load(&storage), &script.carol, at(4)));
}

/// The list is written first. Whoever loads it finds grants that are dead, and says so in the log.
fn a_server_that_died_half_way_is_brought_to_the_end_when_it_loads<S: Tested>() {
    for fault in [Fault::Before, Fault::After] {
        let script = Script::<S>::new();
        let full = script.full(fault);
        // After the list, before any receipt.
        let half = full.fork();
        let mut server = load::<S>(&half);
        half.left.set(if fault == Fault::Before { 1 } else { 0 });
        assert_eq!(script.revoke(&mut server), Err(ServerError::Storage(Broken)));
        half.left.set(usize::MAX);
        drop(server);
        let dead = script.gone.live.removed().len();
        let before = half.keys(b"grant/").unwrap().len();
        for calls in 0.. {
            let storage = half.fork();
            storage.left.set(calls);
            let loaded = try_load::<S>(&storage);
            storage.left.set(usize::MAX);
            let done = loaded.is_ok();
            assert!(done || loaded.err() == Some(ServerError::Storage(Broken)));
            let mut server = load::<S>(&storage);
            assert!(!script.serves(&mut server, &script.bob, at(4)));
            assert!(script.serves(&mut server, &script.carol, at(4)));
            script.consistent(&storage);
            assert_eq!(storage.keys(b"grant/").unwrap().len(), before - dead);
            let revoked = |receipt: &Receipt| matches!(receipt.event, Event::Revoked { .. });
            let receipts = script.log(&mut server, at(5));
            assert!(receipts.iter().filter(|receipt| revoked(receipt)).count() >= dead);
            if done {
                assert!(calls > 8);
                break;
            }
        }
    }
}

fn storages_that_lie_are_found_out<S: Tested>() {
    let script = Script::<S>::new();
    let full = script.full(Fault::Before);
    let storage = full.fork();
    script.revoke(&mut load(&storage)).unwrap();
    let tampered = |change: &dyn Fn(&mut Faulty)| {
        let mut storage = storage.fork();
        change(&mut storage);
        try_load::<S>(&storage).map(drop)
    };
    let tamper = |name: &[u8], change: &dyn Fn(&mut Vec<u8>)| {
        tampered(&|storage| {
            let key = storage.keys(name).unwrap()[0].clone();
            change(storage.values.borrow_mut().get_mut(&key).unwrap());
        })
    };
    let swap = |from: &[u8], to: &[u8]| {
        tampered(&|storage| {
            let name = storage.keys(from).unwrap()[0].clone();
            let value = storage.get(&name).unwrap().unwrap();
            storage.put(&[to, &name[from.len()..]].concat(), &value).unwrap();
        })
    };
    assert!(matches!(tamper(b"grant/", &|value| value.truncate(7)), Err(ServerError::Corrupt(_))));
    assert!(matches!(tamper(b"grant/", &|value| value.push(0)), Err(ServerError::Corrupt(_))));
    assert!(matches!(tamper(b"grant/", &|value| value[60] ^= 1), Err(ServerError::Key(_) | ServerError::Corrupt(_))));
    let last = |value: &mut Vec<u8>| *value.last_mut().unwrap() ^= 1;
    assert!(matches!(tamper(b"grant/", &last), Err(ServerError::Grant(_) | ServerError::Corrupt(_))));
    assert!(matches!(swap(b"grant/", b"grant/x"), Err(ServerError::Corrupt(_))));
    assert!(matches!(swap(b"owner/", b"owner/x"), Err(ServerError::Corrupt(_))));
    // A grant under the name of another, and one of an owner who is not served.
    let renamed = tampered(&|storage| {
        let name = storage.keys(b"grant/").unwrap()[0].clone();
        let value = storage.get(&name).unwrap().unwrap();
        storage.put(&[&name[..name.len() - 16], &[9; 16]].concat(), &value).unwrap();
    });
    assert!(matches!(renamed, Err(ServerError::Corrupt(_))));
    let homeless = tampered(&|storage| {
        let owners = storage.keys(b"owner/").unwrap();
        storage.delete(&owners[0]).unwrap();
    });
    assert!(matches!(homeless, Err(ServerError::UnknownOwner)));
    // The list of live grants: altered, another owner's, an older one, none.
    assert!(matches!(tamper(b"live/", &|value| value.truncate(9)), Err(ServerError::Corrupt(_))));
    let time = |value: &mut Vec<u8>| value[4 + 1 + 4 + 32 + 4 + 19] ^= 1;
    assert_eq!(tamper(b"live/", &time), Err(ServerError::Live(LiveError::Signature)));
    let live = |set: Option<Vec<u8>>| {
        tampered(&|storage| {
            let name = storage.keys(b"live/").unwrap()[0].clone();
            match &set {
                Some(set) => storage.put(&name, set).unwrap(),
                None => storage.delete(&name).unwrap(),
            }
        })
    };
    let mut theirs = LiveSet::new();
    let other = World::<S>::of(2);
    theirs.apply(&other.owner.live().unwrap(), &other.id()).unwrap();
    assert_eq!(live(Some(theirs.to_bytes())), Err(ServerError::Live(LiveError::Signature)));
    let old = full.get(&full.keys(b"live/").unwrap()[0]).unwrap().unwrap().to_vec();
    assert_eq!(live(Some(old)), Err(ServerError::Log(LogError::Live)));
    assert_eq!(live(None), Err(ServerError::Log(LogError::Live)));
    // The log: a receipt altered, moved, gone, and another owner's.
    assert_eq!(tamper(b"log/", &last), Err(ServerError::Log(LogError::Signature)));
    assert!(matches!(tamper(b"log/", &|value| value.truncate(9)), Err(ServerError::Log(LogError::Corrupt(_)))));
    let log = |change: &dyn Fn(&mut Faulty, &[Vec<u8>])| {
        tampered(&|storage| {
            let names = storage.keys(b"log/").unwrap();
            change(storage, &names);
        })
    };
    let gone = log(&|storage, names| storage.delete(&names[1]).unwrap());
    assert_eq!(gone, Err(ServerError::Log(LogError::Gap)));
    let moved = log(&|storage, names| {
        let value = storage.get(&names[1]).unwrap().unwrap();
        storage.put(&names[2], &value).unwrap();
    });
    assert_eq!(moved, Err(ServerError::Log(LogError::Misplaced)));
}

fn the_cloud_stores_all_or_nothing<S: Tested>() {
    for fault in [Fault::Before, Fault::After] {
        let mut w = World::<S>::new();
        let id = w.id();
        let first = w.cloud.directory(&id).unwrap().clone();
        let sealed = w.seal(MEDICAL, 1, at(1));
        let author: SigningKey = party(60);
        let update = w.owner.set_author(author.id(), Author::Active, at(2), &mut w.rng).unwrap();
        for calls in 0..3 {
            let storage = Faulty::new(fault);
            let mut cloud = Cloud::<S, _>::new(S::params(), storage.clone()).unwrap();
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
            let version = |cloud: &Cloud<S, Faulty>| cloud.directory(&id).unwrap().unverified().version();
            assert_eq!(version(&cloud), first.unverified().version());
            let reloaded = Cloud::<S, _>::new(S::params(), storage.clone()).unwrap();
            assert!([1, 2].contains(&version(&reloaded)));
            assert_eq!(cloud.publish(&id, &update.directory, at(2)), Ok(()));
            assert_eq!(version(&Cloud::<S, _>::new(S::params(), storage.clone()).unwrap()), 2);
            storage.left.set(0);
            assert!(cloud.fetch(&id, &RECORD, &MEDICAL, 1).is_err());
            storage.left.set(0);
            assert!(cloud.list(&id).is_err());
            storage.left.set(0);
            assert!(Cloud::<S, _>::new(S::params(), storage.clone()).is_err());
        }
    }
}

type Keeper = Trustee<Faulty>;

fn trustee(storage: &Faulty) -> Result<Keeper, TrusteeError<Broken>> {
    Trustee::load(Kapre::params(), emergency::trustee_key(0), storage.clone())
}

/// A trustee has what it was entrusted with or what it had, and approves nothing without a receipt.
#[test]
fn a_trustee_stores_all_or_nothing() {
    for fault in [Fault::Before, Fault::After] {
        let mut w = World::<Kapre>::new();
        let scene = Emergency::new(&mut w);
        let owner = w.id();
        let entrust = |keeper: &mut Keeper| {
            let plan = &scene.plan;
            keeper.entrust(&owner, &plan.owner_key, &plan.rules, &plan.sharing, &plan.sub_shares)
        };
        let (request, doctor) = scene.request(&w, at(10));
        let approve = |keeper: &mut Keeper, now| {
            let appeal = doctor.appeal(&request, keeper.id(), now);
            keeper.approve(&owner, &request, &appeal, now, &mut rng(9)).map(drop)
        };
        let mut auditor = Auditor::new(owner, emergency::trustee_key(0).id());
        let receipts = |keeper: &mut Keeper, auditor: &mut Auditor, now| {
            let audit = keeper.audit(&w.owner.ask_audit(auditor, now), now).unwrap();
            auditor.follow(&audit).unwrap().len()
        };

        let storage = Faulty::new(fault);
        let mut keeper = trustee(&storage).unwrap();
        // Two calls: the share is written, and the log is read.
        for calls in 0..2 {
            storage.left.set(calls);
            assert_eq!(entrust(&mut keeper), Err(TrusteeError::Storage(Broken)));
            assert_eq!(approve(&mut keeper, at(10)), Err(TrusteeError::Unknown));
            storage.left.set(usize::MAX);
            let kept = approve(&mut trustee(&storage.fork()).unwrap(), at(10)).is_ok();
            assert_eq!(kept, calls == 1 || fault == Fault::After);
        }
        entrust(&mut keeper).unwrap();
        // One call: the receipt.
        storage.left.set(0);
        assert_eq!(approve(&mut keeper, at(10)), Err(TrusteeError::Storage(Broken)));
        storage.left.set(usize::MAX);
        approve(&mut keeper, at(10)).unwrap();
        assert_eq!(receipts(&mut keeper, &mut auditor, at(11)), 1);
        // Entrusted anew it keeps its log.
        entrust(&mut keeper).unwrap();
        approve(&mut keeper, at(12)).unwrap();
        assert_eq!(receipts(&mut keeper, &mut auditor, at(12)), 1);
        let mut keeper = trustee(&storage).unwrap();
        approve(&mut keeper, at(13)).unwrap();
        assert_eq!(receipts(&mut keeper, &mut auditor, at(13)), 1);
        // An audit that fails was not answered.
        let mut again = Auditor::new(owner, keeper.id());
        let query = w.owner.ask_audit(&again, at(14));
        storage.left.set(1);
        assert_eq!(keeper.audit(&query, at(14)), Err(TrusteeError::Storage(Broken)));
        storage.left.set(usize::MAX);
        assert_eq!(again.follow(&keeper.audit(&query, at(14)).unwrap()).unwrap().len(), 3);
        assert_eq!(keeper.audit(&query, at(14)), Err(TrusteeError::Stale));

        let mut calls = 0;
        loop {
            storage.left.set(calls);
            match trustee(&storage) {
                Ok(_) => break,
                Err(error) => assert_eq!(error, TrusteeError::Storage(Broken)),
            }
            calls += 1;
        }
        assert!(calls > 3);
        storage.left.set(usize::MAX);
    }
}
