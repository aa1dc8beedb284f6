//! The cloud: what it takes, and what a malicious one can make readers believe.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::*;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::error::OpenError;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kapre::Kapre;
use sesphr::kem::CapsuleError;
use sesphr::record::{ImmutableHeader, Seal, SealedPartition, Sealer, Versions};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
const PERSONAL: Partition = Partition::PERSONAL;

on_every_scheme! {
    nothing_is_overwritten_and_versions_are_found,
    only_authors_write,
    only_the_current_key_counts,
    no_byte_may_change_on_the_way_to_the_cloud,
    a_capsule_without_its_proof_is_not_stored,
    a_malicious_cloud_hands_out_something_else,
    directories_do_not_go_back,
    an_expired_directory_lets_nobody_write_or_read,
    a_storage_that_mixes_up_its_values_is_noticed,
}

type Uploaded = Result<(), CloudError<core::convert::Infallible>>;

fn at_author<S: Tested>(w: &mut World<S>, author: &SigningKey, standing: Author, now: Timestamp) {
    let update = w.owner.set_author(author.id(), standing, now, &mut w.rng).unwrap();
    w.send(&update, now);
}

/// `sealed` with another byte string in the place of its mutable header's generation.
fn with_generation(sealed: &SealedPartition, generation: u32) -> SealedPartition {
    let mut bytes = sealed.to_bytes();
    let start = 8 + sealed.header().immutable().encoded_len() + 4;
    bytes[start..start + 4].copy_from_slice(&generation.to_be_bytes());
    SealedPartition::from_bytes(&bytes).unwrap()
}

fn nothing_is_overwritten_and_versions_are_found<S: Tested>() {
    let mut w = World::<S>::new();
    let one = w.write(MEDICAL, 1, at(1));
    let three = w.write(MEDICAL, 3, at(1));
    let personal = w.write(PERSONAL, 2, at(1));
    let id = w.id();
    assert_eq!(w.cloud.upload(&one, at(2)), Ok(()));
    let other = w.seal(MEDICAL, 1, at(2));
    assert_ne!(other, one);
    assert_eq!(w.cloud.upload(&other, at(2)), Err(CloudError::Exists));
    assert_eq!(w.cloud.fetch(&id, &RECORD, &MEDICAL, 1).unwrap(), one);
    assert_eq!(w.cloud.latest(&id, &RECORD, &MEDICAL).unwrap(), three);
    assert_eq!(w.cloud.latest(&id, &RECORD, &PERSONAL).unwrap(), personal);
    assert_eq!(w.cloud.fetch(&id, &RECORD, &MEDICAL, 2), Err(CloudError::NotFound));
    assert_eq!(w.cloud.latest(&id, &RECORD, &Partition::INSURANCE), Err(CloudError::NotFound));
    assert_eq!(w.cloud.latest(&party(2).id(), &RECORD, &MEDICAL), Err(CloudError::NotFound));
    assert_eq!(w.cloud.list(&id).unwrap(), [(RECORD, MEDICAL, 1), (RECORD, MEDICAL, 3), (RECORD, PERSONAL, 2)]);
    assert!(w.cloud.list(&party(2).id()).unwrap().is_empty());
}

fn only_authors_write<S: Tested>() {
    let mut w = World::<S>::new();
    let (author, mut bob) = (party(60), user::<S>(10));
    w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.seal_as(&author, MEDICAL, 1, at(2));
    assert_eq!(w.cloud.upload(&sealed, at(2)), Err(CloudError::Author));
    // A cloud that takes it anyway: neither member nor owner does.
    assert_eq!(w.read(&mut bob, &sealed, at(3)), Err(Refused::ByReader));
    let open =
        |w: &World<S>, sealed: &SealedPartition| w.owner.open(RECORD, MEDICAL, Versions::Exactly(1), sealed).is_ok();
    assert!(!open(&w, &sealed));
    at_author(&mut w, &author, Author::Active, at(4));
    assert_eq!(w.cloud.upload(&sealed, at(5)), Ok(()));
    assert!(w.reads(&mut bob, &sealed, at(5)) && open(&w, &sealed));
    // What a retired author wrote counts; the cloud takes nothing new.
    at_author(&mut w, &author, Author::Retired, at(6));
    let late = w.seal_as(&author, MEDICAL, 2, at(7));
    assert_eq!(w.cloud.upload(&late, at(7)), Err(CloudError::Author));
    assert!(w.reads(&mut bob, &sealed, at(7)) && open(&w, &sealed));
    // What cannot be defended: a malicious cloud takes it, and readers cannot tell when it was written.
    assert!(w.reads(&mut bob, &late, at(7)));
    // Unless the author is removed altogether.
    let update = w.owner.remove_author(&author.id(), at(8), &mut w.rng).unwrap();
    w.send(&update, at(8));
    for sealed in [&sealed, &late] {
        assert_eq!(w.read(&mut bob, sealed, at(9)), Err(Refused::ByReader));
    }
    assert!(!open(&w, &sealed));
}

fn only_the_current_key_counts<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let old = w.seal(MEDICAL, 1, at(2));
    w.join(&user(11), Role::Researcher, at(3), at(3));
    assert_eq!(w.cloud.upload(&old, at(4)), Err(CloudError::OldKey));
    // A malicious cloud takes it; a member of that epoch cannot know when it was written.
    assert!(w.reads(&mut bob, &old, at(5)));
    // The same owner, with partitions of which this cloud has not heard.
    let dental = Partition::new("dental").unwrap();
    let unknown = World::<S>::with_partitions(1, [dental]).seal(dental, 1, at(2));
    assert_eq!(w.cloud.upload(&unknown, at(4)), Err(CloudError::OldKey));
    let mut other = World::<S>::of(2);
    let theirs = other.write(MEDICAL, 1, at(1));
    assert_eq!(w.cloud.upload(&theirs, at(4)), Err(CloudError::UnknownOwner));
    assert!(matches!(w.cloud.directory(&party(2).id()), Err(CloudError::UnknownOwner)));
}

fn no_byte_may_change_on_the_way_to_the_cloud<S: Tested>() {
    let mut w = World::<S>::new();
    let sealed = w.seal(MEDICAL, 1, at(1));
    let bytes = sealed.to_bytes();
    for at_byte in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at_byte] ^= 1;
        if let Ok(tampered) = SealedPartition::from_bytes(&bytes) {
            assert!(w.cloud.upload(&tampered, at(2)).is_err(), "byte {at_byte}");
        }
    }
    // The generation above all: no signature covers it, and taken once it would keep the good one out.
    let refused: Uploaded = w.cloud.upload(&with_generation(&sealed, 7), at(2));
    assert_eq!(refused, Err(CloudError::Open(OpenError)));
    assert_eq!(w.cloud.upload(&with_generation(&sealed, 0), at(2)), Ok(()));
}

fn a_capsule_without_its_proof_is_not_stored<S: Tested>() {
    let mut w = World::<S>::new();
    let sealed = w.seal(MEDICAL, 1, at(1));
    // An author signs a header with a capsule that nobody can open.
    let immutable = sealed.header().immutable();
    let mut broken = immutable.to_bytes();
    let core = immutable.capsule_core();
    let place = broken.windows(core.len()).position(|window| window == core).unwrap();
    broken[place + 48] ^= 1;
    let broken = ImmutableHeader::from_bytes(&broken).unwrap();
    let mut seal = sealed.header().seal().unverified().to_bytes();
    seal[4..36].copy_from_slice(broken.digest().as_bytes());
    let seal = Signed::new(w.owner.signing(), Seal::from_bytes(&seal).unwrap());
    let mut bytes = sealed.to_bytes()[..8].to_vec();
    bytes.extend(broken.to_bytes());
    bytes.extend(sealed.header().mutable().to_bytes());
    bytes.extend(seal.to_bytes());
    bytes.extend(sealed.body());
    let broken = SealedPartition::from_bytes(&bytes).unwrap();
    broken.verify().unwrap();
    assert_eq!(w.cloud.upload(&broken, at(2)), Err(CloudError::Capsule(CapsuleError::Proof)));
}

fn a_malicious_cloud_hands_out_something_else<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::FamilyAndFriends, at(0), at(1));
    let wanted = w.write(MEDICAL, 2, at(2));
    let older = w.write(MEDICAL, 1, at(2));
    let personal = w.write(PERSONAL, 2, at(2));
    let directory = w.directory(at(2));
    let (place, params) = (directory.place(&MEDICAL).unwrap(), S::params());
    let sealer = Sealer::<S>::new(&params, place.key(), place.label(), w.owner.signing());
    let another = sealer.seal(RecordId::from_array([8; 16]), 2, b"0+", &mut w.rng).unwrap();
    w.cloud.upload(&another, at(2)).unwrap();
    let answers: Vec<_> = [&wanted, &older, &personal, &another]
        .map(|sealed| (sealed.clone(), w.ask(&bob, sealed, at(3)).unwrap()))
        .into();
    let open = |bob: &mut User<S>, versions, (sealed, answer): &(SealedPartition, Response<S>)| {
        let user = bob.open(&directory, RECORD, MEDICAL, versions, sealed, answer, at(3)).is_ok();
        assert_eq!(user, w.owner.open(RECORD, MEDICAL, versions, sealed).is_ok());
        user
    };
    let seen: Vec<_> = answers.iter().map(|answer| open(&mut bob, Versions::Exactly(2), answer)).collect();
    assert_eq!(seen, [true, false, false, false]);
    let seen: Vec<_> = answers.iter().map(|answer| open(&mut bob, Versions::AtLeast(2), answer)).collect();
    assert_eq!(seen, [true, false, false, false]);
    // What cannot be defended: an old version for who knows of no newer one.
    let seen: Vec<_> = answers.iter().map(|answer| open(&mut bob, Versions::AtLeast(0), answer)).collect();
    assert_eq!(seen, [true, true, false, false]);
    // Another owner's record, with that owner's grants.
    let mut other = World::<S>::of(2);
    other.join(&bob, Role::Researcher, at(0), at(1));
    let theirs = other.write(MEDICAL, 2, at(2));
    let answer = other.ask(&bob, &theirs, at(3)).unwrap();
    assert_eq!(other.open(&mut bob, &theirs, &answer, at(3)), Ok(()));
    assert!(!open(&mut bob, Versions::Exactly(2), &(theirs.clone(), answer.clone())));
    assert_eq!(w.open(&mut bob, &theirs, &answer, at(3)), Err(Refused::ByReader));
}

fn directories_do_not_go_back<S: Tested>() {
    let mut w = World::<S>::new();
    let (author, id) = (party(60), w.id());
    at_author(&mut w, &author, Author::Active, at(1));
    let active = w.cloud.directory(&id).unwrap().clone();
    at_author(&mut w, &author, Author::Retired, at(2));
    let retired = w.cloud.directory(&id).unwrap().clone();
    let rollback = Err(CloudError::Directory(DirectoryError::Rollback));
    assert_eq!(w.cloud.publish(&id, &active, at(3)), rollback);
    assert_eq!(w.cloud.publish(&id, &retired, at(3)), Ok(()));
    // Nor does a cloud forget when it restarts.
    w.cloud = Cloud::new(S::params(), w.cloud.storage().clone()).unwrap();
    assert_eq!(w.cloud.publish(&id, &active, at(3)), rollback);
    let sealed = w.seal_as(&author, MEDICAL, 1, at(3));
    assert_eq!(w.cloud.upload(&sealed, at(3)), Err(CloudError::Author));
    // A reader who has seen the newer one does not take the older; one who has not does.
    let params = S::params();
    let verify = |directory, seen, now| VerifiedDirectory::<S>::new(&params, directory, &id, seen, now);
    let seen = verify(&retired, 0, at(3)).unwrap().version();
    assert_eq!(verify(&active, seen, at(3)).unwrap_err(), DirectoryError::Rollback);
    assert_eq!(verify(&active, 0, at(3)).unwrap().author(&author.id()), Some(Author::Active));
    assert_eq!(verify(&retired, seen, at(3)).unwrap().author(&author.id()), Some(Author::Retired));
    // Time, signature, owner.
    assert_eq!(verify(&retired, 0, at(YEAR + 3)).unwrap_err(), DirectoryError::Time);
    assert_eq!(verify(&retired, 0, Timestamp(at(1).0 - Owner::<S>::EARLY)).unwrap_err(), DirectoryError::Time);
    let foreign = VerifiedDirectory::<S>::new(&params, &retired, &author.id(), 0, at(3));
    assert_eq!(foreign.unwrap_err(), DirectoryError::Signature);
    let mut forged = retired.to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    let forged = Signed::<Directory<S>>::from_bytes(&forged).unwrap();
    assert_eq!(w.cloud.publish(&id, &forged, at(3)), Err(CloudError::Directory(DirectoryError::Signature)));
    // Another owner's keys in it, which that owner certified.
    let theirs = World::<S>::of(2);
    let theirs = theirs.cloud.directory(&theirs.id()).unwrap().clone();
    let (from, to) = (theirs.unverified().to_bytes_(), retired.unverified().to_bytes_());
    let mixed = [&to[..28], &from[28..]].concat();
    let mixed = Signed::new(w.owner.signing(), Directory::<S>::from_bytes(&mixed).unwrap());
    assert!(matches!(verify(&mixed, 0, at(3)).unwrap_err(), DirectoryError::Key(_)));
}

/// A directory says of each partition under which key it is, and names no key for nothing.
#[test]
fn a_directory_has_the_keys_of_its_periods_and_no_others() {
    let w = World::<Kapre>::new();
    let bytes = w.cloud.directory(&w.id()).unwrap().unverified().to_bytes_();
    let verify = |directory: &[u8]| {
        let directory = Signed::new(w.owner.signing(), Directory::<Kapre>::from_bytes(directory).unwrap());
        VerifiedDirectory::<Kapre>::new(&w.params, &directory, &w.id(), 0, at(1)).map(|_| ())
    };
    assert_eq!(verify(&bytes), Ok(()));
    // The first partition's name, which no grid of this owner has.
    let first = 28 + 4 + 4;
    let mut renamed = bytes.clone();
    assert_eq!(&renamed[first..first + 9], b"insurance");
    renamed[first] = b'a';
    assert_eq!(verify(&renamed), Err(DirectoryError::Period));
    // An epoch beyond the grid.
    let mut beyond = bytes.clone();
    beyond[first + 9 + 3] = 16;
    assert_eq!(verify(&beyond), Err(DirectoryError::Period));
    // A key twice: one of them is of none of the periods.
    let names = Partition::SESPHR.iter().map(|partition| 8 + partition.as_str().len()).sum::<usize>();
    let (count, authors) = (28 + 4 + names, bytes.len() - 4);
    assert_eq!(bytes[count..count + 4], [0, 0, 0, 1]);
    let twice = [&bytes[..count], &[0, 0, 0, 2], &bytes[count + 4..authors], &bytes[count + 4..]].concat();
    assert_eq!(verify(&twice), Err(DirectoryError::Period));
    // And none at all.
    let none = [&bytes[..count], &[0; 4], &bytes[authors..]].concat();
    assert_eq!(verify(&none), Err(DirectoryError::Period));
}

trait PlainBytes: Message {
    fn to_bytes_(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }
}

impl<T: Message> PlainBytes for T {}

fn an_expired_directory_lets_nobody_write_or_read<S: Tested>() {
    let mut w = World::<S>::new();
    let mut bob = user::<S>(10);
    w.join(&bob, Role::Researcher, at(1), at(1));
    let sealed = w.write(MEDICAL, 1, at(2));
    let directory = w.directory(at(2));
    let next = w.seal(MEDICAL, 2, at(2));
    let expired = Err(CloudError::Directory(DirectoryError::Time));
    assert_eq!(w.cloud.upload(&next, at(YEAR + 2)), expired);
    w.cloud = Cloud::new(S::params(), w.cloud.storage().clone()).unwrap();
    assert_eq!(w.cloud.upload(&next, at(YEAR + 2)), expired);
    assert_eq!(w.cloud.upload(&next, at(YEAR)), Ok(()));
    // A grant that outlives the directory.
    let cert = w.owner.certify(bob.id(), Role::Researcher, Validity::new(at(0), at(3 * YEAR)).unwrap());
    let update = w.owner.renew(&bob.bundle(2, at(3 * YEAR)), &cert, at(100), &mut w.rng).unwrap();
    w.send(&update, at(100));
    let answer = w.ask(&bob, &sealed, at(100)).unwrap();
    let mut open = |directory: &VerifiedDirectory<S>, now| {
        bob.open(directory, RECORD, MEDICAL, Versions::Exactly(1), &sealed, &answer, now).is_ok()
    };
    assert!(open(&directory, at(YEAR)));
    assert!(!open(&directory, at(YEAR + 50)));
    assert!(open(&w.directory(at(100)), at(YEAR + 50)));
}

fn a_storage_that_mixes_up_its_values_is_noticed<S: Tested>() {
    let mut w = World::<S>::new();
    w.write(MEDICAL, 1, at(1));
    w.write(MEDICAL, 2, at(1));
    let mut storage = w.cloud.storage().clone();
    let names = storage.keys(b"record/").unwrap();
    let value = storage.get(&names[0]).unwrap().unwrap();
    storage.put(&names[1], &value).unwrap();
    let cloud = Cloud::<S, _>::new(S::params(), storage.clone()).unwrap();
    let id = w.id();
    assert!(cloud.fetch(&id, &RECORD, &MEDICAL, 1).is_ok());
    assert!(matches!(cloud.fetch(&id, &RECORD, &MEDICAL, 2), Err(CloudError::Corrupt(_))));
    assert!(matches!(cloud.latest(&id, &RECORD, &MEDICAL), Err(CloudError::Corrupt(_))));
    storage.put(b"record/x", b"").unwrap();
    storage.put(&[b"record/".as_slice(), id.as_bytes(), b"x"].concat(), b"").unwrap();
    assert!(matches!(Cloud::<S, _>::new(S::params(), storage.clone()).unwrap().list(&id), Err(CloudError::Corrupt(_))));
    let name = [b"directory/".as_slice(), party(2).id().as_bytes()].concat();
    let directory = w.cloud.directory(&id).unwrap().to_bytes();
    storage.put(&name, &directory).unwrap();
    assert!(matches!(
        Cloud::<S, _>::new(S::params(), storage.clone()),
        Err(CloudError::Directory(DirectoryError::Signature))
    ));
    storage.put(&name, b"x").unwrap();
    assert!(matches!(Cloud::<S, _>::new(S::params(), storage), Err(CloudError::Corrupt(_))));
}
