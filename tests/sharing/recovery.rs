//! One root and what was exported: the owner on another device, and what must not come back with it.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use crate::common::*;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message};
use sesphr::error::RngError;
use sesphr::identity::Signed;
use sesphr::kac::{Params, params};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerTerms;
use sesphr::pre::LiveError;
use sesphr::record::Versions;
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const VERSION_ONE: Versions = Versions::Exactly(1);

on_every_scheme! {
    everything_derives_from_the_root,
    a_recovered_owner_is_the_owner,
    a_recovered_owner_signs_the_next_head,
    another_root_recovers_nothing,
    no_byte_of_a_backup_may_change,
    every_backup_is_sealed_afresh,
    an_older_backup_is_refused_by_who_knows_of_a_newer_directory,
    what_was_kept_is_checked_whoever_signed_it,
    policy_and_authors_come_back,
}

fn recover<S: Tested>(root: u8, backup: &Backup, seen: u64) -> Result<Owner<S>, OwnerError> {
    Owner::recover(S::params(), World::<S>::root(root), backup, seen)
}

fn export<S: Tested>(w: &mut World<S>) -> Backup {
    w.owner.export(&mut w.rng).unwrap()
}

fn everything_derives_from_the_root<S: Tested>() {
    let (w, other) = (World::<S>::new(), World::<S>::of(2));
    let key = World::<S>::root(1).signing_key();
    assert_eq!((w.owner.id(), w.owner.signing().verifying_key()), (key.id(), key.verifying_key()));
    assert_ne!(w.owner.id(), other.owner.id());
    // A new owner of the same root and partitions has the same keys.
    let mut again = World::<S>::new();
    let update = again.owner.publish(at(1), &mut rng(99)).unwrap();
    again.send(&update, at(1));
    for place in w.directory(at(1)).places() {
        let same = again.directory(at(1)).place(&place.period().partition).unwrap().key().origin();
        assert_eq!(place.key().origin(), same);
        let foreign = other.directory(at(1)).place(&place.period().partition).unwrap().key().origin();
        assert_ne!(place.key().origin(), foreign);
    }
}

fn a_recovered_owner_is_the_owner<S: Tested>() {
    let mut w = World::<S>::new();
    let (mut bob, carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Doctor, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    w.join(&carol, Role::Insurer, at(3), at(3));
    let (backup, kept, epoch) = (export(&mut w), w.owner.membership(), w.owner.epoch(&MEDICAL));
    let backup = Backup::from_bytes(&backup.to_bytes()).unwrap();
    let seen = w.directory(at(3)).version();
    w.owner = recover(1, &backup, seen).unwrap();
    assert_eq!((w.owner.membership(), w.owner.epoch(&MEDICAL)), (kept, epoch));
    assert_eq!(&w.owner.open(RECORD, MEDICAL, VERSION_ONE, &sealed).unwrap()[..], b"0+");
    // Nobody has to be granted anything again.
    assert!(w.reads(&mut bob, &sealed, at(4)));
    // And it goes on as before: a member departs, another joins, records are written.
    w.depart(&bob, at(5));
    let mut dave = user::<S>(12);
    w.join(&dave, Role::Doctor, at(5), at(6));
    let new = w.write(MEDICAL, 2, at(7));
    assert_eq!(w.read(&mut bob, &new, at(8)), DENIED);
    assert_eq!([&sealed, &new].map(|sealed| w.reads(&mut dave, sealed, at(8))), [false, true]);
    assert_eq!(w.owner.members().count(), 2);
    // What receipts name was signed before and after.
    let receipts = w.receipts(at(9));
    assert_eq!(w.owner.check_live(&receipts), Ok(()));
    let fresh = World::<S>::new();
    assert!(fresh.owner.check_live(&receipts).is_err());
}

fn a_recovered_owner_signs_the_next_head<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    // The device was lost after it kept its state and before it sent what it changed.
    let lost = w.owner.depart(&bob.id(), Level::Epochs, at(3), &mut w.rng).unwrap();
    let backup = export(&mut w);
    w.owner = recover(1, &backup, 0).unwrap();
    assert!(w.owner.live().unwrap().head() == lost.live.head());
    assert!(w.reads(&mut bob, &sealed, at(4)));
    let next = w.owner.publish(at(5), &mut w.rng).unwrap();
    let (last, head) = (lost.live.head(), next.live.head().unverified());
    assert_eq!((head.version(), head.previous()), (last.unverified().version() + 1, last.digest()));
    w.send(&next, at(5));
    assert_eq!(w.read(&mut bob, &sealed, at(6)), DENIED);
    // It can be sent late.
    let id = w.id();
    assert_eq!(w.server.update(&id, &lost.live, at(6)), Err(ServerError::Live(LiveError::Rollback)));
}

fn another_root_recovers_nothing<S: Tested>() {
    let mut w = World::<S>::new();
    let backup = export(&mut w);
    assert_eq!(recover::<S>(2, &backup, 0).unwrap_err(), OwnerError::Backup);
    // Nor does a state under one's own root that another owner signed.
    let theirs = World::<S>::of(2).owner.membership();
    let import = |root| Owner::<S>::import(S::params(), World::<S>::root(root), &theirs, 0);
    assert_eq!(import(1).unwrap_err(), OwnerError::Signature);
    assert!(import(2).is_ok());
}

fn no_byte_of_a_backup_may_change<S: Tested>() {
    let mut w = World::<S>::with_partitions(1, [MEDICAL]);
    let bytes = export(&mut w).to_bytes();
    let mut refused = 0;
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 1;
        if let Ok(backup) = Backup::from_bytes(&bytes) {
            assert_eq!(recover::<S>(1, &backup, 0).unwrap_err(), OwnerError::Backup, "byte {place}");
            refused += 1;
        }
    }
    // All but header and length: the salt as well.
    assert_eq!(refused, bytes.len() - 8);
    // Shortened, with the length put right; and nothing at all.
    for len in [0, 15, 16, bytes.len() - 41] {
        let short = [&bytes[..36], &u32::try_from(len).unwrap().to_be_bytes(), &bytes[40..40 + len]].concat();
        let backup = Backup::from_bytes(&short).unwrap();
        assert_eq!(recover::<S>(1, &backup, 0).unwrap_err(), OwnerError::Backup, "{len} bytes");
    }
}

fn every_backup_is_sealed_afresh<S: Tested>() {
    let mut w = World::<S>::new();
    let first = export(&mut w).to_bytes();
    let second = export(&mut w).to_bytes();
    // Neither salt nor ciphertext, also when the generator repeats itself.
    assert!(first[4..36] != second[4..36] && first[40..] != second[40..]);
    let [third, fourth] = [(); 2].map(|()| w.owner.export(&mut rng(5)).unwrap().to_bytes());
    assert_ne!(third[4..36], fourth[4..36]);
    for bytes in [first, second, third, fourth] {
        let owner = recover::<S>(1, &Backup::from_bytes(&bytes).unwrap(), 0).unwrap();
        assert_eq!(owner.membership(), w.owner.membership());
    }
    assert_eq!(w.owner.export(&mut FailAfter::new(0)), Err(RngError));
}

fn an_older_backup_is_refused_by_who_knows_of_a_newer_directory<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let old = export(&mut w);
    let version = w.directory(at(1)).version();
    w.depart(&bob, at(2));
    let seen = w.directory(at(2)).version();
    assert_eq!(seen, version + 1);
    assert_eq!(recover::<S>(1, &old, seen).unwrap_err(), OwnerError::Rollback);
    assert!(recover::<S>(1, &old, version).is_ok());
    // Whoever does not look goes back in time. The epoch that it counts again is one whose key the member does not have,
    // and neither server nor cloud follows.
    w.owner = recover(1, &old, 0).unwrap();
    let again = w.owner.publish(at(3), &mut w.rng).unwrap();
    let id = w.id();
    assert_eq!(w.server.update(&id, &again.live, at(3)), Err(ServerError::Live(LiveError::Fork)));
    let older = w.owner.publish(at(4), &mut w.rng).unwrap();
    assert_eq!(w.server.update(&id, &older.live, at(4)), Err(ServerError::Live(LiveError::Fork)));
    let sealed = w.write(MEDICAL, 1, at(4));
    assert_eq!(w.read(&mut bob, &sealed, at(5)), DENIED);
}

/// `bytes` with one string in the place of another.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}

fn plain(message: &impl Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write(&mut bytes);
    bytes
}

/// A device that went mad, or a thief of the signature key alone, signs what does not hold.
fn what_was_kept_is_checked_whoever_signed_it<S: Tested>() {
    let mut w = World::<S>::new();
    let (bob, carol) = (user::<S>(10), user::<S>(11));
    w.join(&bob, Role::Researcher, at(1), at(1));
    let state = plain(w.owner.membership().unverified());
    let import = |bytes: &[u8]| {
        let membership = Signed::new(w.owner.signing(), Membership::<S>::from_bytes(bytes).unwrap());
        Owner::<S>::import(S::params(), World::<S>::root(1), &membership, 0).map(drop)
    };
    assert_eq!(import(&state), Ok(()));
    // Another owner's list of live grants.
    let live = |w: &World<S>| {
        let name = [b"live/".as_slice(), w.id().as_bytes()].concat();
        w.server.storage().get(&name).unwrap().unwrap().to_vec()
    };
    let other = World::<S>::of(2);
    let foreign = replaced(&state, &live(&w), &live(&other));
    assert_eq!(import(&foreign), Err(OwnerError::Live(LiveError::Signature)));
    // Another member's key.
    let bundle = |user: &User<S>| user.bundle(1, at(YEAR)).to_bytes();
    let swapped = replaced(&state, &bundle(&bob), &bundle(&carol));
    assert_eq!(import(&swapped), Err(OwnerError::Bundle(BundleError::Signature)));
    // Altered on the way.
    let mut bytes = w.owner.membership().to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    let altered = Signed::<Membership<S>>::from_bytes(&bytes).unwrap();
    let import = Owner::<S>::import(S::params(), World::<S>::root(1), &altered, 0);
    assert_eq!(import.unwrap_err(), OwnerError::Signature);
}

fn policy_and_authors_come_back<S: Tested>() {
    let mut w = World::<S>::new();
    let rule = AdmissionRule { roles: [Role::Doctor].into(), partitions: [MEDICAL].into(), seconds: 9 };
    let policy = w.owner.policy_mut();
    policy.set_access(Role::Insurer, [MEDICAL]);
    policy.set_referral(Role::Doctor, Some(rule));
    policy.trust(Role::Doctor, party(33).id());
    policy.distrust(Role::Pharmacist, party(200).id());
    let author = party(60);
    let update = w.owner.set_author(author.id(), Author::Active, at(1), &mut w.rng).unwrap();
    w.send(&update, at(1));
    let sealed = w.seal_as(&author, MEDICAL, 1, at(2));
    let policy = w.owner.policy().clone();
    let backup = export(&mut w);
    w.owner = recover(1, &backup, 0).unwrap();
    assert_eq!(*w.owner.policy(), policy);
    assert!(w.owner.open(RECORD, MEDICAL, VERSION_ONE, &sealed).is_ok());
    // Who is pinned stays pinned.
    let bob = user::<S>(10);
    let cert = w.cert(&bob, Role::Doctor);
    let update = w.owner.join(&bob.bundle(2, at(YEAR)), &cert, at(3), at(3), &mut w.rng).unwrap();
    w.send(&update, at(3));
    w.depart(&bob, at(4));
    let backup = export(&mut w);
    w.owner = recover(1, &backup, 0).unwrap();
    let older = w.owner.join(&bob.bundle(1, at(YEAR)), &cert, at(5), at(5), &mut w.rng);
    assert_eq!(older.unwrap_err(), OwnerError::Bundle(BundleError::Rollback));
}

#[test]
fn other_parameters_have_no_room_for_it() {
    let mut w = World::<Kapre>::new();
    let backup = export(&mut w);
    let small = Arc::new(Params::generate(2, &party(250), &mut rng(250), params::unwatched).unwrap());
    let recovered = Owner::<Kapre>::recover(small, World::<Kapre>::root(1), &backup, 0);
    assert_eq!(recovered.unwrap_err(), OwnerError::Exhausted);
}
