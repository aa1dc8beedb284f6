//! From a question to the records that answer it, and what becomes of keys for search when somebody leaves.

use std::collections::BTreeSet;

use crate::common::*;
use sesphr::context::{Partition, RecordId, Timestamp};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed};
use sesphr::kapre::Kapre;
use sesphr::pre::afgh::Afgh;
use sesphr::pre::threshold::Threshold;
use sesphr::record::Sealer;
use sesphr::search::ordered::{Switch, SwitchError, Switched, Switcher, SwitcherError};
use sesphr::search::{
    Answer, Attribute, Column, Draft, Encoder, Federated, GateError, Index, Ordered, Path, Queries, Query, QueryError,
    RegistrarError, Rosters, Space, SpaceId, Step, Token,
};
use sesphr::sharing::*;

const MEDICAL: Partition = Partition::MEDICAL;
/// Hospitals, by the seeds of their keys.
const HOSPITALS: [u8; 2] = [60, 61];

fn record(number: u8) -> RecordId {
    RecordId::from_array([number; 16])
}

fn space<M: SharedSearch>(owner: PartyId, queries: Queries) -> Space<M> {
    let attribute = Attribute::new("4548-4").unwrap();
    Space::new(owner, MEDICAL, attribute, Encoder::decimal(1, 16).unwrap(), queries).unwrap()
}

/// A patient, two hospitals that write, and a doctor who reads and asks.
struct Scene {
    w: World<Kapre>,
    hospitals: [User<Kapre>; 2],
    doctor: User<Kapre>,
    index: Index<Federated>,
    space: Space<Federated>,
    sequence: u64,
}

impl Scene {
    fn new() -> Self {
        let mut w = World::<Kapre>::new();
        let (hospitals, doctor) = (HOSPITALS.map(user::<Kapre>), user::<Kapre>(10));
        let space = space::<Federated>(w.id(), Queries::RangesAndPoints);
        let mut index = Index::new();
        index.set(Column::new(space.clone(), Rosters::new(&space)));
        for hospital in &hospitals {
            let update = w.owner.set_author(hospital.id(), Author::Active, at(0), &mut w.rng).unwrap();
            w.send(&update, at(0));
        }
        w.join(&doctor, Role::Doctor, at(0), at(1));
        let update = w.owner.open_space(space.clone(), at(1), &mut w.rng).unwrap();
        w.send(&update, at(1));
        let mut scene = Self { w, hospitals, doctor, index, space, sequence: 0 };
        let id = scene.space.id();
        let hospitals = HOSPITALS.map(|seed| party(seed).id());
        let doctor = scene.doctor.id();
        let change = |registrar: &mut sesphr::search::Registrar<Federated>| {
            let scope = hospitals.map(|hospital| registrar.enroll(hospital));
            registrar.admit(doctor, &scope.into_iter().collect::<Result<Vec<_>, _>>()?)
        };
        let (update, ()) = scene.w.owner.change_space(&id, at(1), &mut scene.w.rng, change).unwrap();
        scene.sent(&update, at(1));
        scene
    }

    /// Everybody has an update, and keys for search.
    fn sent(&mut self, update: &Update<Kapre>, now: Timestamp) {
        self.w.send(update, now);
        for roster in &update.rosters {
            self.index.column_mut(&self.space.id()).unwrap().gate_mut().update(roster, now).unwrap();
        }
        let owner = self.w.id();
        for user in self.hospitals.iter_mut().chain([&mut self.doctor]) {
            let grant = keys(&mut self.w, user, now);
            user.take_search_keys(&owner, &grant).unwrap();
        }
    }

    /// A hospital writes a record, and its value into the index.
    fn write(&mut self, hospital: usize, number: u8, value: &str, now: Timestamp) {
        let author = &self.hospitals[hospital];
        let directory = self.w.directory(now);
        let place = directory.place(&MEDICAL).unwrap();
        let sealer = Sealer::<Kapre>::new(&self.w.params, place.key(), place.label(), author.signing());
        let sealed = sealer.seal(record(number), 1, value.as_bytes(), &mut self.w.rng).unwrap();
        self.w.cloud.upload(&sealed, now).unwrap();
        self.point(hospital, number, value, now);
    }

    /// A hospital says in the index what a record contains.
    fn point(&mut self, hospital: usize, number: u8, value: &str, now: Timestamp) {
        self.sequence += 1;
        let author = &self.hospitals[hospital];
        let key = author.write_key::<Federated>(&self.w.id(), &self.space.id()).unwrap();
        let mut draft = Draft::<Federated>::new(key);
        draft.add(record(number), &self.space.encoder().parse(value).unwrap(), &mut self.w.rng).unwrap();
        let batch = draft.sign(self.sequence, author.signing()).unwrap();
        assert_eq!(self.index.column_mut(&self.space.id()).unwrap().insert(&batch, now).unwrap().added, 1);
    }

    fn search(&mut self, now: Timestamp) -> Result<Answer, QueryError> {
        let query = Query::range(self.space.encoder(), "7.0"..).unwrap();
        let key = self.doctor.query_key::<Federated>(&self.w.id(), &self.space.id()).unwrap();
        let token = Token::<Federated, _>::new(&[(key, &query)], at(YEAR), self.doctor.signing(), &mut self.w.rng);
        self.index.query(&token.unwrap(), now)
    }

    /// What the doctor, or somebody in its place, reads of an answer.
    fn read(
        &mut self,
        reader: Option<&mut User<Kapre>>,
        answer: &Answer,
        now: Timestamp,
    ) -> Vec<(u8, Result<String, NotRead>)> {
        let (directory, server) = (self.w.directory(now), self.w.server.id());
        let World { server: srs, cloud, rng, .. } = &mut self.w;
        let mut other = common_rng();
        let reencrypt = |request: &Signed<Request<Kapre>>| srs.reencrypt(request, now, &mut other);
        let reader = reader.unwrap_or(&mut self.doctor);
        let read = reader.read_found(&directory, &self.space, answer, cloud, server, reencrypt, now, rng);
        let text = |text: sesphr::record::Plaintext| String::from_utf8(text.to_vec()).unwrap();
        read.into_iter().map(|(found, read)| (found.record.as_bytes()[0], read.map(text))).collect()
    }
}

fn common_rng() -> rand_chacha::ChaCha20Rng {
    rng(77)
}

fn keys(w: &mut World<Kapre>, user: &User<Kapre>, now: Timestamp) -> Signed<SearchGrant> {
    w.owner.search_keys(&user.id(), &user.bundle(1, at(YEAR)), now, &mut w.rng).unwrap()
}

#[test]
fn what_is_found_is_read_by_who_may_read_it() {
    let mut s = Scene::new();
    s.write(0, 1, "7.6", at(2));
    s.write(0, 2, "5.0", at(2));
    s.write(1, 3, "9.1", at(2));
    let answer = s.search(at(3)).unwrap();
    let read = s.read(None, &answer, at(3));
    assert_eq!(read, [(1, Ok("7.6".into())), (3, Ok("9.1".into()))]);
    assert_eq!(answer.by_provider().len(), 2);

    // Whoever has the answer and no grant reads nothing of it.
    let mut stranger = user::<Kapre>(11);
    assert_eq!(s.read(Some(&mut stranger), &answer, at(3)), [(1, Err(NotRead::Denied)), (3, Err(NotRead::Denied))]);
    let mut insurer = user::<Kapre>(12);
    s.w.join(&insurer, Role::Insurer, at(3), at(3));
    assert_eq!(s.read(Some(&mut insurer), &answer, at(3)), [(1, Err(NotRead::Denied)), (3, Err(NotRead::Denied))]);
}

#[test]
fn an_index_value_leads_to_records_of_its_provider_and_no_other() {
    let mut s = Scene::new();
    s.write(0, 1, "5.0", at(2));
    // The other hospital says of that record what it likes, and of one that is not there.
    s.point(1, 1, "9.9", at(2));
    s.point(1, 4, "9.8", at(2));
    let answer = s.search(at(3)).unwrap();
    assert_eq!(s.read(None, &answer, at(3)), [(1, Err(NotRead::Author)), (4, Err(NotRead::Missing))]);
}

#[test]
fn a_record_that_does_not_open_is_not_read() {
    let mut s = Scene::new();
    s.write(0, 1, "7.6", at(2));
    let answer = s.search(at(3)).unwrap();
    // An author who does not count any more.
    let update = s.w.owner.remove_author(&s.hospitals[0].id(), at(3), &mut s.w.rng).unwrap();
    s.w.send(&update, at(3));
    assert_eq!(s.read(None, &answer, at(4)), [(1, Err(NotRead::Open))]);
}

#[test]
fn who_departs_asks_no_more_and_its_keys_are_replaced() {
    let mut s = Scene::new();
    s.write(0, 1, "7.6", at(2));
    let owner = s.w.id();
    let old = s.doctor.query_key::<Federated>(&owner, &s.space.id()).unwrap().to_secret_bytes();
    let update = s.w.owner.depart(&s.doctor.id(), Level::Epochs, at(3), &mut s.w.rng).unwrap();
    assert_eq!(update.rekeyed, HOSPITALS.map(|seed| party(seed).id()).into());
    s.sent(&update, at(3));
    assert!(s.doctor.query_key::<Federated>(&owner, &s.space.id()).is_none());
    s.write(0, 2, "8.0", at(4));

    // With the key that it kept it is turned away; and a cloud that obeys finds the old value and not the new one.
    let key = <Federated as sesphr::search::Search>::QueryKey::from_bytes(&old).unwrap();
    let query = Query::range(s.space.encoder(), "7.0"..).unwrap();
    let token = Token::<Federated, _>::new(&[(&key, &query)], at(YEAR), s.doctor.signing(), &mut s.w.rng).unwrap();
    assert_eq!(s.index.query(&token, at(4)), Err(QueryError::Gate(GateError::Unlisted)));
    let mut obedient = Rosters::new(&s.space);
    let (mut registrar, root) = (s.w.owner.space::<Federated>(&s.space.id()).unwrap().clone(), s.w.owner.search_root());
    let scope: Vec<_> = registrar.providers().map(|(step, _)| Path::new(step)).collect();
    registrar.admit(s.doctor.id(), &scope).unwrap();
    let validity = sesphr::context::Validity::new(at(0), at(YEAR)).unwrap();
    obedient.update(&registrar.roster(validity, s.w.owner.signing()).unwrap(), at(4)).unwrap();
    *s.index.column_mut(&s.space.id()).unwrap().gate_mut() = obedient;
    let found = |answer: Answer| answer.matches().iter().map(|found| found.record).collect::<Vec<_>>();
    assert_eq!(found(s.index.query(&token, at(4)).unwrap()), [record(1)]);
    // With the new keys, which it does not get, both are found.
    let key = registrar.query_key(&root, &s.doctor.id()).unwrap();
    let token = Token::<Federated, _>::new(&[(&key, &query)], at(YEAR), s.doctor.signing(), &mut s.w.rng).unwrap();
    assert_eq!(found(s.index.query(&token, at(4)).unwrap()), [record(1), record(2)]);
}

#[test]
fn spaces_of_other_partitions_are_not_concerned_when_one_is_taken_back() {
    let mut s = Scene::new();
    let (doctor, id) = (s.doctor.id(), s.space.id());
    let asks = |w: &World<Kapre>| w.owner.space::<Federated>(&id).unwrap().askers().any(|(user, _)| *user == doctor);
    let update = s.w.owner.disallow(&doctor, Partition::PERSONAL, Level::Epochs, at(2), &mut s.w.rng).unwrap();
    assert!(update.rekeyed.is_empty() && asks(&s.w));
    let update = s.w.owner.disallow(&doctor, MEDICAL, Level::Epochs, at(3), &mut s.w.rng).unwrap();
    assert!(!update.rekeyed.is_empty() && !asks(&s.w));
}

#[test]
fn suspension_ends_asking_and_replaces_no_keys() {
    let mut s = Scene::new();
    let update = s.w.owner.suspend(&s.doctor.id(), at(2), &mut s.w.rng).unwrap();
    assert!(update.rekeyed.is_empty());
    for roster in &update.rosters {
        s.index.column_mut(&s.space.id()).unwrap().gate_mut().update(roster, at(2)).unwrap();
    }
    assert_eq!(s.search(at(3)), Err(QueryError::Gate(GateError::Unlisted)));
}

/// Whatever came before it, a departure replaces the keys that who leaves still has.
#[test]
fn who_was_suspended_and_departs_has_no_live_keys() {
    let hospitals: BTreeSet<_> = HOSPITALS.map(|seed| party(seed).id()).into();
    let mut s = Scene::new();
    let doctor = s.doctor.id();
    drop(s.w.owner.suspend(&doctor, at(2), &mut s.w.rng).unwrap());
    let update = s.w.owner.depart(&doctor, Level::Epochs, at(3), &mut s.w.rng).unwrap();
    assert_eq!(update.rekeyed, hospitals);
    // And without anybody leaving.
    let mut s = Scene::new();
    let partitions = BTreeSet::from([MEDICAL]);
    let update = s.w.owner.renew_keys(&partitions, Level::Epochs, at(2), &mut s.w.rng).unwrap();
    assert!(update.rekeyed.is_superset(&hospitals) && update.rekeyed.contains(&doctor));
    let partitions = BTreeSet::from([Partition::PERSONAL]);
    assert!(s.w.owner.renew_keys(&partitions, Level::Epochs, at(3), &mut s.w.rng).unwrap().rekeyed.is_empty());
}

#[test]
fn a_hospital_that_departs_writes_no_more_and_what_it_wrote_is_found() {
    let mut s = Scene::new();
    s.write(0, 1, "7.6", at(2));
    let key = s.hospitals[0].write_key::<Federated>(&s.w.id(), &s.space.id()).unwrap();
    let mut draft = Draft::<Federated>::new(key);
    draft.add(record(2), &s.space.encoder().parse("9").unwrap(), &mut s.w.rng).unwrap();
    let late = draft.sign(99, s.hospitals[0].signing()).unwrap();
    // It is a member too.
    let hospital = s.hospitals[0].id();
    let cert = s.w.cert(&s.hospitals[0], Role::Provider);
    let bundle = s.hospitals[0].bundle(1, at(YEAR));
    let update = s.w.owner.join(&bundle, &cert, at(2), at(2), &mut s.w.rng).unwrap();
    s.w.send(&update, at(2));
    let update = s.w.owner.depart(&hospital, Level::Epochs, at(3), &mut s.w.rng).unwrap();
    s.sent(&update, at(3));
    assert!(s.hospitals[0].write_key::<Federated>(&s.w.id(), &s.space.id()).is_none());
    let column = s.index.column_mut(&s.space.id()).unwrap();
    assert_eq!(column.insert(&late, at(4)), Err(sesphr::search::InsertError::Gate(GateError::Unlisted)));
    assert_eq!(s.search(at(4)).unwrap().matches().len(), 1);
}

#[test]
fn keys_are_for_whom_they_were_sealed() {
    let mut s = Scene::new();
    let owner = s.w.id();
    let grant = keys(&mut s.w, &s.hospitals[0], at(2));
    assert_eq!(s.doctor.take_search_keys(&owner, &grant), Err(KeyGrantError::OtherUser));
    let mut forged = grant.to_bytes();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let forged = Signed::<SearchGrant>::from_bytes(&forged).unwrap();
    assert_eq!(s.hospitals[0].take_search_keys(&owner, &forged), Err(KeyGrantError::Signature));
    // Sealed by somebody else than the owner.
    let mut other = World::<Kapre>::of(2);
    let theirs = keys(&mut other, &s.hospitals[0], at(2));
    assert_eq!(s.hospitals[0].take_search_keys(&owner, &theirs), Err(KeyGrantError::Signature));
    // An older grant does not come back.
    let old = keys(&mut s.w, &s.hospitals[0], at(2));
    let update = s.w.owner.publish(at(3), &mut s.w.rng).unwrap();
    s.sent(&update, at(3));
    assert_eq!(s.hospitals[0].take_search_keys(&owner, &old), Err(KeyGrantError::Rollback));
    // Nobody gets what it was not given.
    assert!(s.hospitals[0].query_key::<Federated>(&owner, &s.space.id()).is_none());
    assert!(s.doctor.write_key::<Federated>(&owner, &s.space.id()).is_none());
    assert!(s.doctor.query_key::<Ordered>(&owner, &s.space.id()).is_none());
    // A bundle of somebody else's is refused.
    let bundle = s.doctor.bundle(1, at(YEAR));
    let sealed = s.w.owner.search_keys(&s.hospitals[0].id(), &bundle, at(3), &mut s.w.rng);
    assert_eq!(sealed.err(), Some(OwnerError::Bundle(BundleError::Signature)));
}

#[test]
fn schemes_that_do_not_seal_say_so() {
    let mut w = World::<Afgh>::new();
    let user = user::<Afgh>(10);
    let sealed = w.owner.search_keys(&user.id(), &user.bundle(1, at(YEAR)), at(1), &mut w.rng);
    assert!(matches!(sealed, Err(OwnerError::Delegate(_))));
}

#[test]
fn spaces_are_the_owners_and_opened_once() {
    let mut w = World::<Kapre>::new();
    let mine = space::<Federated>(w.id(), Queries::Ranges);
    let open = |w: &mut World<Kapre>, space: Space<Federated>| w.owner.open_space(space, at(1), &mut w.rng).err();
    assert_eq!(open(&mut w, space(party(9).id(), Queries::Ranges)), Some(OwnerError::NotOwner));
    let nowhere = Partition::new("dental").unwrap();
    let attribute = Attribute::new("4548-4").unwrap();
    let nowhere = Space::new(w.id(), nowhere, attribute, Encoder::date(), Queries::Ranges).unwrap();
    assert_eq!(open(&mut w, nowhere), Some(OwnerError::NoSuchPeriod));
    assert_eq!(open(&mut w, mine.clone()), None);
    assert_eq!(open(&mut w, mine.clone()), Some(OwnerError::SpaceExists));
    let change = |w: &mut World<Kapre>, id: &SpaceId| {
        w.owner
            .change_space::<Federated, _, _>(id, at(1), &mut w.rng, |registrar| registrar.retire(&party(3).id()))
            .err()
    };
    assert_eq!(change(&mut w, &mine.id()), Some(OwnerError::Search(RegistrarError::Unknown)));
    let other = space::<Federated>(w.id(), Queries::Points);
    assert_eq!(change(&mut w, &other.id()), Some(OwnerError::NoSuchSpace));
    // They are part of what is kept.
    let membership = w.owner.membership();
    let membership = Signed::<Membership<Kapre>>::from_bytes(&membership.to_bytes()).unwrap();
    assert_eq!(w.reopen(&membership).space::<Federated>(&mine.id()), w.owner.space(&mine.id()));
}

#[test]
fn an_owner_has_room_for_so_many_spaces() {
    let mut w = World::<Threshold>::new();
    let owner = w.id();
    let mut open = |at: u16| {
        let attribute = Attribute::new(&format!("{at}")).unwrap();
        let space = Space::<Federated>::new(owner, MEDICAL, attribute, Encoder::date(), Queries::Ranges).unwrap();
        w.owner.open_space(space, at_once(), &mut w.rng).map(|_| ())
    };
    for at in 0..256 {
        open(at).unwrap();
    }
    assert_eq!(open(256), Err(OwnerError::Exhausted));
}

fn at_once() -> Timestamp {
    at(1)
}

#[test]
fn spaces_are_kept_in_one_order() {
    let mut w = World::<Kapre>::new();
    let spaces = ["a", "b"].map(|name| {
        let attribute = Attribute::new(name).unwrap();
        Space::<Federated>::new(w.id(), MEDICAL, attribute, Encoder::date(), Queries::Ranges).unwrap()
    });
    for space in &spaces {
        let update = w.owner.open_space(space.clone(), at(1), &mut w.rng).unwrap();
        w.send(&update, at(1));
    }
    let bytes = w.owner.membership().to_bytes();
    let [a, b] = spaces.map(|space| w.owner.space::<Federated>(&space.id()).unwrap().to_bytes());
    let place = |part: &[u8]| bytes.windows(part.len()).position(|window| window == part).unwrap();
    let (first, second) = (place(&a).min(place(&b)), place(&a).max(place(&b)));
    assert_eq!(second, first + a.len());
    let mut swapped = bytes.clone();
    swapped[first..first + 2 * a.len()].rotate_left(a.len());
    assert!(Signed::<Membership<Kapre>>::from_bytes(&bytes).is_ok());
    assert!(Signed::<Membership<Kapre>>::from_bytes(&swapped).is_err());
}

#[test]
fn in_the_ordered_mode_the_index_follows_a_departure_by_level() {
    let mut w = World::<Kapre>::new();
    let (hospital, doctor) = (user::<Kapre>(60), user::<Kapre>(10));
    w.join(&doctor, Role::Doctor, at(0), at(1));
    let space = space::<Ordered>(w.id(), Queries::Ranges);
    let id = space.id();
    let update = w.owner.open_space(space.clone(), at(1), &mut w.rng).unwrap();
    w.send(&update, at(1));
    let enroll = |registrar: &mut sesphr::search::Registrar<Ordered>| {
        let path = registrar.enroll(hospital.id())?;
        registrar.admit(doctor.id(), &[path])
    };
    let (update, ()) = w.owner.change_space(&id, at(1), &mut w.rng, enroll).unwrap();

    let mut switch = Switch::new(&space, 0);
    for key in w.owner.switch_keys(&id).unwrap() {
        switch.add(&key.verify(&w.id()).unwrap()).unwrap();
    }
    let mut switcher = Switcher::new(party(70));
    switcher.serve(switch);
    update.rosters.iter().for_each(|roster| switcher.rosters_mut(&id).unwrap().update(roster, at(1)).unwrap());

    let (root, owner) = (w.owner.search_root(), w.id());
    let registrar = |w: &World<Kapre>| w.owner.space::<Ordered>(&id).unwrap().clone();
    let write_key = registrar(&w).write_key(&root, &hospital.id()).unwrap();
    let mut draft = Draft::<Ordered>::new(&write_key);
    for (number, value) in [(1, "5.0"), (2, "7.6"), (3, "9.1")] {
        draft.add(record(number), &space.encoder().parse(value).unwrap(), &mut w.rng).unwrap();
    }
    let uploaded = draft.sign(1, hospital.signing()).unwrap();
    let taken = switcher.switch(&uploaded, at(2)).unwrap();
    let key = registrar(&w).query_key(&root, &doctor.id()).unwrap();
    let query = Query::range(space.encoder(), "7.0"..).unwrap();
    let token = Token::<Ordered, _>::new(&[(&key, &query)], at(YEAR), doctor.signing(), &mut w.rng).unwrap();
    let column = |generation| Column::new(space.clone(), Switched::new(&space, switcher.id(), generation));
    let mut index = Index::new();
    index.set(column(0));
    let hear = |index: &mut Index<Ordered>, update: &Update<Kapre>, now| {
        let gate = index.column_mut(&id).unwrap().gate_mut();
        update.rosters.iter().for_each(|roster| gate.rosters_mut().update(roster, now).unwrap());
    };
    hear(&mut index, &update, at(2));
    index.column_mut(&id).unwrap().insert(&taken, at(2)).unwrap();
    assert_eq!(index.query(&switcher.ask(&token, at(2)).unwrap(), at(2)).unwrap().matches().len(), 2);

    // Who has retired gets no factor.
    let mut twin = w.reopen(&w.owner.membership());
    assert_eq!(twin.switch_keys(&id).unwrap().len(), 2);
    let retire = |registrar: &mut sesphr::search::Registrar<Ordered>| registrar.retire(&hospital.id());
    drop(twin.change_space(&id, at(3), &mut w.rng, retire).unwrap());
    assert_eq!(twin.switch_keys(&id).unwrap().len(), 1);
    // At the level of epochs the switcher alone turns it away.
    let mut twin = w.reopen(&w.owner.membership());
    let low = twin.depart(&doctor.id(), Level::Epochs, at(3), &mut w.rng).unwrap();
    assert!(low.rekeyed.is_empty() && twin.space::<Ordered>(&id).unwrap().generation() == 0);
    // At the level of headers all keys are replaced, and what is stored follows.
    let update = w.owner.depart(&doctor.id(), Level::Headers, at(3), &mut w.rng).unwrap();
    assert_eq!(update.rekeyed, BTreeSet::from([hospital.id()]));
    assert_eq!(registrar(&w).generation(), 1);
    update.rosters.iter().for_each(|roster| switcher.rosters_mut(&id).unwrap().update(roster, at(3)).unwrap());
    assert_eq!(switcher.ask(&token, at(3)), Err(SwitcherError::Gate(GateError::Unlisted)));
    assert_eq!(w.owner.switch_rotation(&id, 1).err(), Some(OwnerError::Search(RegistrarError::Renew)));
    let rotation = w.owner.switch_rotation(&id, 0).unwrap().verify(&owner).unwrap();
    switcher.switch_mut(&id).unwrap().rotate(&rotation).unwrap();
    for key in w.owner.switch_keys(&id).unwrap() {
        switcher.switch_mut(&id).unwrap().add(&key.verify(&owner).unwrap()).unwrap();
    }
    let again = switcher.switch_again(&uploaded, taken.head()).unwrap();
    let mut after = Index::new();
    after.set(Column::new(space.clone(), Switched::new(&space, switcher.id(), 1)));
    hear(&mut after, &update, at(4));
    assert_eq!(after.column_mut(&id).unwrap().insert(&again, at(4)).unwrap().added, 3);

    // The next doctor finds what was there; the key of the first one is of no use to it.
    let next = user::<Kapre>(11);
    let scope = [Path::new(Step { party: hospital.id(), generation: 1 })];
    let (update, ()) = w
        .owner
        .change_space::<Ordered, _, _>(&id, at(4), &mut w.rng, |registrar| registrar.admit(next.id(), &scope))
        .unwrap();
    update.rosters.iter().for_each(|roster| switcher.rosters_mut(&id).unwrap().update(roster, at(4)).unwrap());
    hear(&mut after, &update, at(4));
    for key in w.owner.switch_keys(&id).unwrap() {
        let added = switcher.switch_mut(&id).unwrap().add(&key.verify(&owner).unwrap());
        assert!(matches!(added, Ok(()) | Err(SwitchError::Known)));
    }
    let key = registrar(&w).query_key(&root, &next.id()).unwrap();
    let token = Token::<Ordered, _>::new(&[(&key, &query)], at(YEAR), next.signing(), &mut w.rng).unwrap();
    let answer = after.query(&switcher.ask(&token, at(4)).unwrap(), at(4)).unwrap();
    let found: Vec<_> = answer.matches().iter().map(|found| found.record).collect();
    assert_eq!(found, [record(2), record(3)]);
}
