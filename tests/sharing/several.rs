//! Several servers, of which any three carry out a grant.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use sesphr::context::{Partition, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message};
use sesphr::identity::{PartyId, SigningKey};
use sesphr::pre::threshold::{Servers, Threshold};
use sesphr::record::{SealedPartition, Sealer, Versions};
use sesphr::sharing::*;

use crate::common::{RECORD, World as Single, YEAR, at, party, rng, user};

const MEDICAL: Partition = Partition::MEDICAL;
const NEEDED: u8 = 3;

type Node = Server<Threshold, MemoryStorage>;
type Answers = Vec<(PartyId, Response<Threshold>)>;

struct World {
    owner: Owner<Threshold>,
    nodes: Vec<Node>,
    cloud: Cloud<Threshold, MemoryStorage>,
    doctor: User<Threshold>,
    rng: ChaCha20Rng,
}

fn ids(keys: &[SigningKey]) -> Vec<PartyId> {
    keys.iter().map(SigningKey::id).collect()
}

fn keys(seeds: impl IntoIterator<Item = u8>) -> Vec<SigningKey> {
    seeds.into_iter().map(party).collect()
}

fn node(key: SigningKey, owner: &PartyId) -> Node {
    let mut node = Server::new(key, MemoryStorage::new()).unwrap();
    node.enroll(*owner).unwrap();
    node
}

impl World {
    /// Five servers, and a doctor who has joined.
    fn new() -> Self {
        let keys = keys(101..=105);
        let mut policy = AccessPolicy::new(YEAR);
        policy.set_servers(Servers::new(NEEDED, ids(&keys)).unwrap());
        let root = Single::<Threshold>::root(1);
        let owner = Owner::new(Arc::new(()), root, policy, Partition::SESPHR, YEAR, at(0)).unwrap();
        let nodes = keys.into_iter().map(|key| node(key, &owner.id())).collect();
        let cloud = Cloud::new(Arc::new(()), MemoryStorage::new()).unwrap();
        let mut world = Self { owner, nodes, cloud, doctor: user(10), rng: rng(1) };
        let validity = Validity::new(at(0), at(YEAR)).unwrap();
        let cert = world.owner.certify(world.doctor.id(), Role::Doctor, validity);
        let bundle = world.doctor.bundle(1, at(YEAR));
        let update = world.owner.join(&bundle, &cert, at(1), at(1), &mut world.rng).unwrap();
        world.send(&update, at(1));
        world
    }

    fn send(&mut self, update: &Update<Threshold>, now: Timestamp) {
        let (owner, live) = (self.owner.id(), self.owner.live().unwrap());
        self.cloud.publish(&owner, &update.directory, now).unwrap();
        for node in &mut self.nodes {
            node.update(&owner, &live, now).unwrap();
            let id = Some(node.id());
            let own = update.delegations.iter().filter(|delegation| delegation.server() == id);
            own.for_each(|delegation| node.accept(&owner, delegation, now).unwrap());
        }
    }

    fn directory(&self, now: Timestamp) -> VerifiedDirectory<Threshold> {
        let owner = self.owner.id();
        VerifiedDirectory::new(&(), self.cloud.directory(&owner).unwrap(), &owner, 0, now).unwrap()
    }

    fn write(&mut self, version: u64, now: Timestamp) -> SealedPartition {
        let directory = self.directory(now);
        let place = directory.place(&MEDICAL).unwrap();
        let sealer = Sealer::<Threshold>::new(&(), place.key(), place.label(), self.owner.signing());
        let sealed = sealer.seal(RECORD, version, b"0+", &mut self.rng).unwrap();
        self.cloud.upload(&sealed, now).unwrap();
        sealed
    }

    fn ask(&mut self, sealed: &SealedPartition, now: Timestamp) -> Answers {
        let ask = |node: &mut Node| {
            let request = self.doctor.request(node.id(), sealed.header(), now, &mut self.rng).unwrap();
            node.reencrypt(&request, now, &mut self.rng).ok().map(|answer| (node.id(), answer))
        };
        self.nodes.iter_mut().filter_map(ask).collect()
    }

    /// Who is named, whether it opened or not.
    fn open(
        &mut self,
        sealed: &SealedPartition,
        answers: &[(PartyId, Response<Threshold>)],
        now: Timestamp,
    ) -> Result<BTreeSet<PartyId>, BTreeSet<PartyId>> {
        let versions = Versions::Exactly(sealed.header().context().version);
        match self.doctor.open_with(&self.directory(now), RECORD, MEDICAL, versions, sealed, answers, now) {
            Ok(opened) => {
                assert_eq!(&opened.text[..], b"0+");
                Ok(opened.culprits)
            }
            Err(refused) => Err(refused.culprits),
        }
    }
}

fn named(answers: &[&(PartyId, Response<Threshold>)]) -> BTreeSet<PartyId> {
    answers.iter().map(|(server, _)| *server).collect()
}

const NOBODY: BTreeSet<PartyId> = BTreeSet::new();

/// An answer with some of its bytes changed: the last 133 are the part.
fn altered(answer: &Response<Threshold>, change: impl FnOnce(&mut [u8])) -> Response<Threshold> {
    let mut bytes = answer.to_bytes();
    change(&mut bytes);
    Response::from_bytes(&bytes).unwrap()
}

#[test]
fn three_open_and_two_do_not_whoever_they_are() {
    let mut w = World::new();
    let sealed = w.write(1, at(2));
    let answers = w.ask(&sealed, at(3));
    for subset in 0_u32..32 {
        let chosen: Answers = (0..5).filter(|i| subset >> i & 1 == 1).map(|i| answers[i].clone()).collect();
        let expected = if subset.count_ones() >= 3 { Ok(NOBODY) } else { Err(NOBODY) };
        assert_eq!(w.open(&sealed, &chosen, at(3)), expected, "{subset:05b}");
    }
    // One server's answer again and again is one answer.
    assert_eq!(w.open(&sealed, &vec![answers[0].clone(); 5], at(3)), Err(NOBODY));
    let repeated = [vec![answers[0].clone(); 3], answers[1..3].to_vec()].concat();
    assert_eq!(w.open(&sealed, &repeated, at(3)), Ok(NOBODY));
    assert_eq!(w.open(&sealed, &[], at(3)), Err(NOBODY));
}

#[test]
fn liars_are_named_and_stop_nothing() {
    let mut w = World::new();
    let (sealed, other) = (w.write(1, at(2)), w.write(2, at(2)));
    let (answers, others) = (w.ask(&sealed, at(3)), w.ask(&other, at(3)));
    let part = answers[0].1.encoded_len() - 129;
    let twice = {
        let mut bytes = [&answers[0].1.to_bytes()[..], &answers[0].1.to_bytes()[part - 4..]].concat();
        bytes[part - 5] = 2;
        Response::from_bytes(&bytes).unwrap()
    };
    let lies: [(&str, Response<Threshold>); 5] = [
        ("two parts", twice),
        ("another record", others[0].1.clone()),
        ("another server's part", answers[3].1.clone()),
        (
            "another point",
            altered(&answers[0].1, |bytes| {
                let e = others[0].1.to_bytes()[part + 1..part + 33].to_vec();
                bytes[part + 1..part + 33].copy_from_slice(&e);
            }),
        ),
        // The signature of the grant.
        ("a grant that nobody signed", altered(&answers[0].1, |bytes| bytes[part - 12] ^= 1)),
    ];
    for (lie, answer) in lies {
        let mut lying = answers.clone();
        lying[0].1 = answer;
        let liar = named(&[&answers[0]]);
        assert_eq!(w.open(&sealed, &lying, at(3)), Ok(liar.clone()), "{lie}");
        assert_eq!(w.open(&sealed, &lying[..3], at(3)), Err(liar), "{lie}");
    }
    // As many as it takes are honest, wherever they stand.
    for (a, b) in [(0, 1), (0, 4), (2, 3)] {
        let mut lying = answers.clone();
        (lying[a].1, lying[b].1) = (others[a].1.clone(), others[b].1.clone());
        let opened = w.open(&sealed, &lying, at(3)).unwrap();
        assert!(opened.is_subset(&named(&[&answers[a], &answers[b]])));
        // One of them too many.
        let third = (0..5).find(|i| ![a, b].contains(i)).unwrap();
        lying[third].1 = others[third].1.clone();
        assert_eq!(w.open(&sealed, &lying, at(3)), Err(named(&[&answers[a], &answers[b], &answers[third]])));
    }
    // Who is no server of the grant has nothing to say.
    let stranger = party(150).id();
    let mut lying = answers.clone();
    lying[0].0 = stranger;
    assert_eq!(w.open(&sealed, &lying, at(3)), Ok([stranger].into()));
    // All told the truth about another record: nobody is to blame.
    assert_eq!(w.open(&sealed, &others, at(3)).map_err(|culprits| culprits.len()), Err(5));
    let mut later = sealed.to_bytes();
    *later.last_mut().unwrap() ^= 1;
    let tampered = SealedPartition::from_bytes(&later).unwrap();
    assert_eq!(w.open(&tampered, &answers, at(3)), Err(NOBODY));
}

#[test]
fn a_server_takes_its_own_fragment_alone() {
    let mut w = World::new();
    let owner = w.owner.id();
    let update = w.owner.grant_again(&w.doctor.id(), at(2), &mut w.rng).unwrap();
    for node in &mut w.nodes {
        node.update(&owner, &update.live, at(2)).unwrap();
        for delegation in &update.delegations {
            let own = delegation.server() == Some(node.id());
            let taken = node.accept(&owner, delegation, at(2));
            assert_eq!(taken, if own { Ok(()) } else { Err(ServerError::OtherServer) });
        }
    }
}

#[test]
fn without_servers_nobody_joins_and_nothing_changes() {
    let policy = AccessPolicy::new(YEAR);
    let root = Single::<Threshold>::root(1);
    let mut owner = Owner::<Threshold>::new(Arc::new(()), root, policy, Partition::SESPHR, YEAR, at(0)).unwrap();
    let doctor = user::<Threshold>(10);
    let cert = owner.certify(doctor.id(), Role::Doctor, Validity::new(at(0), at(YEAR)).unwrap());
    let join = |owner: &mut Owner<Threshold>| {
        owner.join(&doctor.bundle(1, at(YEAR)), &cert, at(1), at(1), &mut rng(1)).map(|update| update.delegations.len())
    };
    let before = owner.membership().to_bytes();
    assert_eq!(join(&mut owner), Err(OwnerError::NoServers));
    assert_eq!(owner.membership().to_bytes(), before);
    owner.policy_mut().set_servers(Servers::new(2, ids(&keys(101..=104))).unwrap());
    let periods = 3;
    assert_eq!(join(&mut owner), Ok(periods * 4));
}

#[test]
fn servers_come_back_with_the_owner() {
    let mut w = World::new();
    let servers = w.owner.policy().servers().cloned();
    assert_eq!(servers.as_ref().map(|servers| (servers.threshold(), servers.ids().len())), Some((3, 5)));
    let backup = w.owner.export(&mut w.rng).unwrap();
    let recovered = Owner::<Threshold>::recover(Arc::new(()), Single::<Threshold>::root(1), &backup, 0).unwrap();
    assert_eq!(recovered.policy().servers().cloned(), servers);
    w.owner = recovered;
    let sealed = w.write(1, at(2));
    let answers = w.ask(&sealed, at(3));
    assert_eq!(w.open(&sealed, &answers, at(3)), Ok(NOBODY));
}

#[test]
fn a_lost_server_is_replaced_without_the_member() {
    let mut w = World::new();
    let sealed = w.write(1, at(2));
    let before = w.ask(&sealed, at(3));
    // The first is lost and the sixth comes; the threshold falls to two.
    w.nodes.remove(0);
    w.nodes.push(node(party(106), &w.owner.id()));
    let servers = Servers::new(2, w.nodes.iter().map(Server::id)).unwrap();
    w.owner.policy_mut().set_servers(servers);
    let update = w.owner.grant_ending(Timestamp(u64::MAX), at(4), &mut w.rng).unwrap();
    w.send(&update, at(4));
    let after = w.ask(&sealed, at(5));
    assert_eq!(after.len(), 5);
    for pair in after.windows(2) {
        assert_eq!(w.open(&sealed, pair, at(5)), Ok(NOBODY));
    }
    // What was answered before has kept its threshold of three.
    assert_eq!(w.open(&sealed, &before[..3], at(5)), Ok(NOBODY));
    let mixed = [&before[..2], &after[..1]].concat();
    assert_eq!(w.open(&sealed, &mixed, at(5)), Err(NOBODY));
    // A server that is behind is no liar, and nothing that it says is in the way.
    let behind = [&before[1..3], &after[2..]].concat();
    assert_eq!(w.open(&sealed, &behind, at(5)), Ok(NOBODY));
}

#[test]
fn fewer_than_three_keep_nobody_who_left() {
    let mut w = World::new();
    let old = w.write(1, at(2));
    let kept: Vec<_> = w.nodes.iter().map(|node| node.storage().clone()).collect();
    let update = w.owner.depart(&w.doctor.id(), Level::Epochs, at(3), &mut w.rng).unwrap();
    w.send(&update, at(3));
    let new = w.write(2, at(4));
    assert!(w.ask(&old, at(5)).is_empty() && w.ask(&new, at(5)).is_empty());
    // Servers that deleted nothing.
    let hoard = |(node, storage): (&Node, MemoryStorage)| {
        let seed = (101..=105).find(|seed| party(*seed).id() == node.id()).unwrap();
        Server::load(Arc::new(()), party(seed), storage).unwrap()
    };
    w.nodes = w.nodes.iter().zip(kept).map(hoard).collect();
    let answers = w.ask(&old, at(5));
    assert_eq!(w.open(&old, &answers[..2], at(5)), Err(NOBODY));
    assert_eq!(w.open(&old, &answers[..3], at(5)), Ok(NOBODY));
    // No grant of the new epoch was ever made for her.
    assert!(w.ask(&new, at(5)).is_empty());
    assert_eq!(w.open(&new, &answers, at(5)).map_err(|culprits| culprits.len()), Err(5));
    // All five with anybody else.
    w.doctor = user(11);
    assert!(w.open(&old, &answers, at(5)).is_err());
}

#[test]
fn retired_directories_and_strange_authors_open_nothing() {
    let mut w = World::new();
    let sealed = w.write(1, at(2));
    let answers = w.ask(&sealed, at(3));
    let (directory, versions) = (w.directory(at(3)), Versions::Exactly(1));
    let late = at(2 * YEAR);
    let mut open = |directory: &VerifiedDirectory<Threshold>, sealed, now| {
        w.doctor.open_with(directory, RECORD, MEDICAL, versions, sealed, &answers, now).map(drop)
    };
    assert_eq!(open(&directory, &sealed, at(3)), Ok(()));
    assert_eq!(open(&directory, &sealed, late), Err(NotOpened { culprits: NOBODY }));
    let place = directory.place(&MEDICAL).unwrap();
    let stranger = party(77);
    let sealer = Sealer::<Threshold>::new(&(), place.key(), place.label(), &stranger);
    let foreign = sealer.seal(RECORD, 1, b"0+", &mut rng(7)).unwrap();
    assert_eq!(open(&directory, &foreign, at(3)), Err(NotOpened { culprits: NOBODY }));
}
