//! Five re-encryption servers of which any three carry out a grant: some are down, some lie, some collude, one is replaced.
//!
//! ```text
//! cargo run --release --example several_servers
//! ```
//!
//! * Any three answers open a record, no two do, and the order does not matter.
//! * Two servers are down: nobody notices. Three are: nobody reads.
//! * Two servers lie: the record opens all the same, and the reader knows who they are.
//! * The doctor leaves. Two servers that deleted nothing help her on, in vain; with a third they reach what she had, and
//!   nothing that was written since. All five without her reach nothing.
//! * A server is replaced: the doctor has no part in it, and what the old one kept does not combine with the new.
//!
//! Exit code 1 if anything comes out otherwise than written down here.
//!
//! What it does not show: that servers which refuse are made to answer, since nothing does that.

#![allow(clippy::indexing_slicing, reason = "a story of five servers")]

#[path = "common/mod.rs"]
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::Arc;

use common::{DAY, MINUTE, START, Story, StoryError, copy_key};
use getrandom::SysRng;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::pre::threshold::{Servers, Threshold};
use sesphr::record::{SealedPartition, Sealer, Versions};
use sesphr::sharing::log::{Auditor, Event};
use sesphr::sharing::{
    AccessPolicy, Cloud, Delegation, Level, MemoryStorage, NotOpened, Opened, Owner, Response, Role, Server,
    ServerError, Update, User, VerifiedDirectory,
};

const MEDICAL: Partition = Partition::MEDICAL;
const TEXT: &[u8] = br#"{"resourceType":"Condition","code":{"text":"Essential hypertension"}}"#;
const NEEDED: u8 = 3;

type Answers = Vec<(PartyId, Response<Threshold>)>;

/// A server, and its operator's copy of the key.
struct Node {
    server: Server<Threshold, MemoryStorage>,
    key: SigningKey,
}

/// Marta, her cloud, her servers, and Dr. Amari.
struct World {
    rng: SysRng,
    now: Timestamp,
    owner: Owner<Threshold>,
    cloud: Cloud<Threshold, MemoryStorage>,
    nodes: Vec<Node>,
    amari: User<Threshold>,
    record: RecordId,
}

fn main() -> ExitCode {
    common::run(play)
}

fn play(story: &mut Story) -> Result<(), StoryError> {
    let mut world = World::new(5)?;
    story.chapter("1. Marta shares with Dr. Amari, and divides the grant among five servers");
    let joined = world.join(1)?;
    world.send(&joined)?;
    let fragments: BTreeSet<_> = joined.delegations.iter().filter_map(Delegation::server).collect();
    story.check("every server gets a fragment of its own", fragments == world.ids().into_iter().collect());
    let (owner, now, other) = (world.owner.id(), world.now, &joined.delegations[1]);
    let refused = world.nodes[0].server.accept(&owner, other, now) == Err(ServerError::OtherServer);
    story.check("and takes nobody else's", refused);
    world.write(1)?;

    combinations(story, &mut world)?;
    vanished(story, &mut world)?;
    liars(story, &mut world)?;
    let backups: Vec<_> = world.nodes.iter().map(|node| node.server.storage().clone()).collect();
    colluders(story, &mut world, &backups)?;
    replaced(story, &mut world)?;
    receipts(story, &mut world)
}

fn combinations(story: &mut Story, world: &mut World) -> Result<(), StoryError> {
    story.chapter("2. Dr. Amari asks all of them");
    let answers = world.ask(1)?;
    let (mut three, mut two) = (Vec::new(), Vec::new());
    for subset in 0_u32..1 << answers.len() {
        let chosen = (0..answers.len()).rev().filter(|i| subset >> i & 1 == 1).map(|i| answers[i].clone());
        let chosen: Answers = chosen.collect();
        match subset.count_ones() {
            3 => three.push(world.open(1, &chosen)?.is_ok()),
            2 => two.push(world.open(1, &chosen)?.is_ok()),
            _ => {}
        }
    }
    story.check("each of the ten sets of three answers opens the record", three == [true; 10]);
    story.check("none of the ten sets of two does", two == [false; 10]);
    let length = answers.first().map_or(0, |(_, answer)| answer.encoded_len());
    story.says(format_args!("An answer is {length} bytes, grant and Marta's key with its path included."));
    Ok(())
}

fn vanished(story: &mut Story, world: &mut World) -> Result<(), StoryError> {
    story.chapter("3. Servers are down");
    let answers = world.ask(1)?;
    story.check("with two of five down she reads", world.open(1, &answers[2..])?.is_ok());
    let refused = world.open(1, &answers[3..])?.err().is_some_and(|refused| refused.culprits.is_empty());
    story.check("with three down she does not, and nobody is blamed", refused);
    Ok(())
}

fn liars(story: &mut Story, world: &mut World) -> Result<(), StoryError> {
    story.chapter("4. Servers lie");
    world.write(2)?;
    let (honest, older) = (world.ask(2)?, world.ask(1)?);
    // The first answers for another record, the second with what the third said.
    let mut answers = honest.clone();
    answers[0].1 = older[0].1.clone();
    answers[1].1 = honest[2].1.clone();
    let liars: BTreeSet<_> = [answers[0].0, answers[1].0].into();
    let opened = world.open(2, &answers)?.is_ok_and(|opened| opened.culprits == liars);
    story.check("two of five lie: the record opens, and both are named", opened);
    let refused = world.open(2, &answers[..4])?.err().is_some_and(|refused| refused.culprits == liars);
    story.check("two of four lie: it does not open, and both are named", refused);
    let late = [&honest[2..], &answers[..2]].concat();
    let opened = world.open(2, &late)?.is_ok_and(|opened| opened.culprits.len() == 1);
    story.check("behind three honest ones a wrong part is not even looked at", opened);
    Ok(())
}

fn colluders(story: &mut Story, world: &mut World, backups: &[MemoryStorage]) -> Result<(), StoryError> {
    story.chapter("5. Dr. Amari leaves, and servers that deleted nothing go on helping her");
    world.now = world.later(DAY);
    let update = world.owner.depart(&world.amari.id(), Level::Epochs, world.now, &mut world.rng)?;
    world.send(&update)?;
    world.write(3)?;
    story.check("honest servers deny", world.ask(1)?.is_empty());
    let mut hoarders = Vec::new();
    for (node, backup) in world.nodes.iter().zip(backups) {
        let server = Server::load(Arc::new(()), copy_key(&node.key)?, backup.clone())?;
        hoarders.push(Node { server, key: copy_key(&node.key)? });
    }
    let honest = std::mem::replace(&mut world.nodes, hoarders);
    let (old, new) = (world.ask(2)?, world.ask(3)?);
    story.check("two that obey nobody help her to nothing", world.open(2, &old[..2])?.is_err());
    story.check("three help her to what she had before: that is the threshold", world.open(2, &old[..3])?.is_ok());
    story.check("and all five to nothing that was written since", new.is_empty());
    let mut stranger = User::new(Arc::new(()), SigningKey::try_generate(&mut world.rng)?, &mut world.rng)?;
    std::mem::swap(&mut world.amari, &mut stranger);
    story.check("all five without her key open nothing", world.open(2, &old)?.is_err());
    std::mem::swap(&mut world.amari, &mut stranger);
    world.nodes = honest;
    Ok(())
}

fn replaced(story: &mut Story, world: &mut World) -> Result<(), StoryError> {
    story.chapter("6. Dr. Amari comes back, and a server is replaced");
    world.now = world.later(DAY);
    // Who comes back brings a newer bundle.
    let joined = world.join(2)?;
    world.send(&joined)?;
    world.write(4)?;
    let before = world.ask(4)?;
    let lost = world.nodes.remove(0);
    world.add_node()?;
    let servers = Servers::new(NEEDED, world.ids())?;
    world.owner.policy_mut().set_servers(servers);
    let update = world.owner.grant_ending(Timestamp(u64::MAX), world.now, &mut world.rng)?;
    world.send(&update)?;
    let after = world.ask(4)?;
    let new = world.nodes.last().map(|node| node.key.id());
    let with_new: Answers = after.iter().rev().take(NEEDED.into()).cloned().collect();
    let includes = with_new.iter().any(|(server, _)| Some(*server) == new);
    story.check("she reads with the new server's help, and did nothing for it", {
        world.open(4, &with_new)?.is_ok() && includes
    });
    let mixed: Answers = before.iter().take(2).chain(after.iter().take(2)).cloned().collect();
    let refused = world.open(4, &mixed)?.err().is_some_and(|refused| refused.culprits.is_empty());
    story.check("two old answers and two new ones make no three, and none is a lie", refused);
    story.check("the old server is nobody's any more", !world.ids().contains(&lost.key.id()));
    Ok(())
}

fn receipts(story: &mut Story, world: &mut World) -> Result<(), StoryError> {
    story.chapter("7. Marta reads the logs");
    let mut readings = BTreeMap::new();
    for node in &mut world.nodes {
        let mut auditor = Auditor::new(world.owner.id(), node.key.id());
        loop {
            let query = world.owner.ask_audit(&auditor, world.now);
            let receipts = auditor.follow(&node.server.audit(&query, world.now)?)?;
            let read = receipts.iter().filter(|receipt| matches!(receipt.event, Event::Reencrypted { .. })).count();
            *readings.entry(node.key.id()).or_insert(0) += read;
            world.now = Timestamp(world.now.0 + 1);
            if auditor.unread() == 0 {
                break;
            }
        }
    }
    let mut counts: Vec<_> = readings.into_values().collect();
    counts.sort_unstable();
    story.check("four servers answered six times, the new one once", counts == [1, 6, 6, 6, 6]);
    Ok(())
}

impl World {
    fn new(servers: usize) -> Result<Self, StoryError> {
        let (mut rng, now) = (SysRng, START);
        let root = OwnerRoot::try_generate(&mut rng)?;
        let amari = User::new(Arc::new(()), SigningKey::try_generate(&mut rng)?, &mut rng)?;
        let keys: Vec<_> = (0..servers).map(|_| SigningKey::try_generate(&mut rng)).collect::<Result<_, _>>()?;
        let mut policy = AccessPolicy::new(90 * DAY);
        policy.set_servers(Servers::new(NEEDED, keys.iter().map(SigningKey::id))?);
        let owner = Owner::new(Arc::new(()), root, policy, Partition::SESPHR, 7 * DAY, now)?;
        let cloud = Cloud::new(Arc::new(()), MemoryStorage::new())?;
        let record = RecordId::try_generate(&mut rng)?;
        let mut world = Self { rng, now, owner, cloud, nodes: Vec::new(), amari, record };
        keys.into_iter().try_for_each(|key| world.enroll(key))?;
        let update = world.owner.publish(now, &mut rng)?;
        world.send(&update)?;
        Ok(world)
    }

    fn enroll(&mut self, key: SigningKey) -> Result<(), StoryError> {
        let mut server = Server::new(copy_key(&key)?, MemoryStorage::new())?;
        server.enroll(self.owner.id())?;
        self.nodes.push(Node { server, key });
        Ok(())
    }

    fn add_node(&mut self) -> Result<(), StoryError> {
        let key = SigningKey::try_generate(&mut self.rng)?;
        self.enroll(key)
    }

    fn ids(&self) -> Vec<PartyId> {
        self.nodes.iter().map(|node| node.key.id()).collect()
    }

    fn later(&self, seconds: u64) -> Timestamp {
        Timestamp(self.now.0.saturating_add(seconds))
    }

    /// Sends an update: the head of live grants to all servers first, then each its fragments.
    fn send(&mut self, update: &Update<Threshold>) -> Result<(), StoryError> {
        let (owner, now) = (self.owner.id(), self.now);
        self.cloud.publish(&owner, &update.directory, now)?;
        for node in &mut self.nodes {
            // A new server needs all that is live.
            if node.server.update(&owner, &update.live, now).is_err() {
                node.server.update(&owner, &self.owner.live().ok_or("no head")?, now)?;
            }
            for delegation in update.delegations.iter().filter(|one| one.server() == Some(node.key.id())) {
                node.server.accept(&owner, &Delegation::from_bytes(&delegation.to_secret_bytes())?, now)?;
            }
        }
        Ok(())
    }

    fn join(&mut self, serial: u64) -> Result<Update<Threshold>, StoryError> {
        self.now = self.later(MINUTE);
        let validity = Validity::new(self.now, self.later(365 * DAY)).ok_or("time runs backwards")?;
        let cert = self.owner.certify(self.amari.id(), Role::Doctor, validity);
        let bundle = self.amari.bundle(serial, self.later(365 * DAY));
        Ok(self.owner.join(&bundle, &cert, self.now, self.now, &mut self.rng)?)
    }

    fn directory(&self) -> Result<VerifiedDirectory<Threshold>, StoryError> {
        let owner = self.owner.id();
        Ok(VerifiedDirectory::new(&(), self.cloud.directory(&owner)?, &owner, 0, self.now)?)
    }

    fn write(&mut self, version: u64) -> Result<(), StoryError> {
        let directory = self.directory()?;
        let place = directory.place(&MEDICAL).ok_or("no such partition")?;
        let sealer = Sealer::<Threshold>::new(&(), place.key(), place.label(), self.owner.signing());
        let sealed = sealer.seal(self.record, version, TEXT, &mut self.rng)?;
        Ok(self.cloud.upload(&sealed, self.now)?)
    }

    fn sealed(&self, version: u64) -> Result<SealedPartition, StoryError> {
        Ok(self.cloud.fetch(&self.owner.id(), &self.record, &MEDICAL, version)?)
    }

    /// What the servers answer that do not deny.
    fn ask(&mut self, version: u64) -> Result<Answers, StoryError> {
        let sealed = self.sealed(version)?;
        let mut answers = Vec::new();
        self.now = self.later(1);
        for node in &mut self.nodes {
            let request = self.amari.request(node.key.id(), sealed.header(), self.now, &mut self.rng)?;
            let request = Signed::from_bytes(&request.to_bytes())?;
            if let Ok(answer) = node.server.reencrypt(&request, self.now, &mut self.rng) {
                answers.push((node.key.id(), Response::from_bytes(&answer.to_bytes())?));
            }
        }
        Ok(answers)
    }

    fn open(
        &mut self,
        version: u64,
        answers: &[(PartyId, Response<Threshold>)],
    ) -> Result<Result<Opened, NotOpened>, StoryError> {
        let (directory, sealed, versions) = (self.directory()?, self.sealed(version)?, Versions::Exactly(version));
        let opened = self.amari.open_with(&directory, self.record, MEDICAL, versions, &sealed, answers, self.now);
        if opened.as_ref().is_ok_and(|opened| opened.text[..] != *TEXT) {
            return Err("another text".into());
        }
        Ok(opened)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_comes_out_as_written_down() {
        let story = common::told(play);
        assert!(story.failed == 0 && story.held == 18, "{}", story.text);
    }
}
