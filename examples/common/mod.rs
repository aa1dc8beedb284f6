//! What the stories of one patient have in common: the parties, the way things are sent, and what is printed.

// No story needs all of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use getrandom::SysRng;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::{Params, params};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerRoot;
use sesphr::pre::{GrantTerms, LiveUpdate, Pre};
use sesphr::record::{Expected, Opener, SealedPartition, Sealer, Versions};
use sesphr::sharing::log::{Audit, Auditor, LiveRef, Receipt};
use sesphr::sharing::{
    AccessPolicy, Cloud, Delegation, MemoryStorage, Orders, Owner, RequestError, Response, Role, RoleCert, Server,
    Storage, Update, User, VerifiedDirectory,
};

/// Why a story broke off.
pub(crate) type StoryError = Box<dyn Error>;

/// 2 March 2026, 08:00 UTC. No story reads the clock of the machine.
pub(crate) const START: Timestamp = Timestamp(1_772_438_400);
pub(crate) const MINUTE: u64 = 60;
pub(crate) const HOUR: u64 = 3_600;
pub(crate) const DAY: u64 = 86_400;

/// What was told, and whether it came out as written down.
#[derive(Default)]
pub(crate) struct Story {
    pub(crate) text: String,
    pub(crate) held: usize,
    pub(crate) failed: usize,
}

impl Story {
    pub(crate) fn chapter(&mut self, title: &str) {
        self.line(format_args!("\n{title}"));
    }

    pub(crate) fn says(&mut self, text: impl Display) {
        self.line(format_args!("     {text}"));
    }

    /// Something that has to be so.
    pub(crate) fn check(&mut self, what: impl Display, held: bool) {
        *if held { &mut self.held } else { &mut self.failed } += 1;
        self.line(format_args!("  {} {what}", if held { "ok" } else { "!!" }));
    }

    fn line(&mut self, line: impl Display) {
        // Writing into a string does not fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn end(&mut self, end: Result<(), StoryError>) {
        let (held, failed) = (self.held, self.failed);
        match end {
            Ok(()) if failed == 0 => self.line(format_args!("\nAs expected, all {held} times.")),
            Ok(()) => self.line(format_args!("\nNOT as expected: {failed} of {}.", failed + held)),
            Err(error) => {
                self.failed += 1;
                self.line(format_args!("\nThe story broke off: {error}"));
            }
        }
    }
}

/// Plays a story to its end.
pub(crate) fn told(play: impl FnOnce(&mut Story) -> Result<(), StoryError>) -> Story {
    let mut story = Story::default();
    let end = play(&mut story);
    story.end(end);
    story
}

/// Plays a story and prints it: exit code 1 if anything came out otherwise.
pub(crate) fn run(play: impl FnOnce(&mut Story) -> Result<(), StoryError>) -> ExitCode {
    let story = told(play);
    // `print!` would panic when the reader of a pipe has seen enough; the verdict stands.
    let _ = io::stdout().lock().write_all(story.text.as_bytes());
    if story.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A delegation that the server got, and when.
struct Kept {
    at: Timestamp,
    delegation: Delegation<Kapre>,
}

/// One patient, a server, a cloud, and a chamber that certifies roles.
pub(crate) struct World {
    pub(crate) params: Arc<Params>,
    pub(crate) rng: SysRng,
    pub(crate) now: Timestamp,
    pub(crate) owner: Owner,
    pub(crate) server: Server<Kapre, MemoryStorage>,
    /// The server's key, as its operator has it.
    pub(crate) server_key: SigningKey,
    pub(crate) cloud: Cloud<Kapre, MemoryStorage>,
    pub(crate) chamber: SigningKey,
    pub(crate) record: RecordId,
    /// The patient's memory of the server's log.
    pub(crate) auditor: Auditor,
    /// The patient's root, on paper in a drawer.
    pub(crate) paper: OwnerRoot,
    /// What a server has that deletes nothing.
    kept: Vec<Kept>,
    texts: BTreeMap<(Partition, u64), Vec<u8>>,
}

impl World {
    /// Grants last `grant_seconds`, directories and heads of live grants `seconds`. `rules` completes the patient's
    /// policy; the chamber's name is its second argument.
    pub(crate) fn new(
        grant_seconds: u64,
        seconds: u64,
        rules: impl FnOnce(&mut AccessPolicy, PartyId),
    ) -> Result<Self, StoryError> {
        let (mut rng, now) = (SysRng, START);
        let chamber = SigningKey::try_generate(&mut rng)?;
        // Room for four partitions with 16 epochs each. A ceremony of several makes better ones.
        let params = Arc::new(Params::generate(64, &chamber, &mut rng, params::unwatched)?);
        let mut policy = AccessPolicy::new(grant_seconds);
        rules(&mut policy, chamber.id());
        let root = OwnerRoot::try_generate(&mut rng)?;
        let paper = OwnerRoot::from_bytes(&root.to_secret_bytes())?;
        let owner = Owner::new(params.clone(), root, policy, Partition::SESPHR, seconds, now)?;
        let server_key = SigningKey::try_generate(&mut rng)?;
        let mut server = Server::load(params.clone(), copy_key(&server_key)?, MemoryStorage::new())?;
        server.enroll(owner.id())?;
        let cloud = Cloud::new(params.clone(), MemoryStorage::new())?;
        let (record, auditor) = (RecordId::try_generate(&mut rng)?, Auditor::new(owner.id(), server.id()));
        let (kept, texts) = (Vec::new(), BTreeMap::new());
        let mut world =
            Self { params, rng, now, owner, server, server_key, cloud, chamber, record, auditor, paper, kept, texts };
        let update = world.owner.publish(now, &mut rng)?;
        world.send(&update)?;
        Ok(world)
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = self.later(seconds);
    }

    pub(crate) fn later(&self, seconds: u64) -> Timestamp {
        Timestamp(self.now.0.saturating_add(seconds))
    }

    /// From now on, for so long.
    pub(crate) fn validity(&self, seconds: u64) -> Result<Validity, StoryError> {
        Ok(Validity::new(self.now, self.later(seconds)).ok_or("time runs backwards")?)
    }

    /// Somebody with a key pair of its own.
    pub(crate) fn user(&mut self) -> Result<User, StoryError> {
        Ok(User::new(self.params.clone(), SigningKey::try_generate(&mut self.rng)?, &mut self.rng)?)
    }

    /// The chamber's word on somebody's role, for a year.
    pub(crate) fn cert(&self, user: &User, role: Role) -> Result<Signed<RoleCert>, StoryError> {
        let validity = self.validity(365 * DAY)?;
        Ok(Signed::new(&self.chamber, RoleCert { subject: user.id(), role, validity }))
    }

    /// Sends an update to server and cloud: the head of live grants first, delegations last.
    pub(crate) fn send(&mut self, update: &Update) -> Result<(), StoryError> {
        let (owner, now) = (self.owner.id(), self.now);
        self.server.update(&owner, &LiveUpdate::from_bytes(&update.live.to_bytes())?, now)?;
        self.cloud.publish(&owner, &update.directory, now)?;
        for delegation in &update.delegations {
            self.server.accept(&owner, &Delegation::from_bytes(&delegation.to_secret_bytes())?, now)?;
        }
        for grant in &update.layer_grants {
            self.cloud.keep_layers(&owner, &Signed::from_bytes(&grant.to_bytes())?)?;
        }
        self.hoard()
    }

    /// The cloud does what the patient orders, a page of `limit` stored partitions at a time: how many capsules it rotated,
    /// and around how many bodies it put a layer.
    pub(crate) fn carry_out(&mut self, limit: usize) -> Result<(usize, usize), StoryError> {
        let (owner, mut after, mut done) = (self.owner.id(), None, (0, 0));
        loop {
            let headers = self.cloud.headers(&owner, after.as_ref(), limit)?;
            let Some(last) = headers.last() else { return Ok(done) };
            let ctx = last.context();
            after = Some((ctx.record, ctx.partition, ctx.version));
            let Some(orders) = self.owner.orders(&headers)? else { continue };
            let orders = Orders::from_bytes(&orders.to_secret_bytes())?;
            let progress = self.cloud.carry_out(&owner, &orders)?;
            done = (done.0 + progress.rotated, done.1 + progress.covered);
        }
    }

    /// Takes a member in who reads what was written since `from`.
    pub(crate) fn join(&mut self, user: &User, role: Role, from: Timestamp) -> Result<Update, StoryError> {
        let (bundle, cert) = (user.bundle(1, self.later(365 * DAY)), self.cert(user, role)?);
        let update = self.owner.join(&bundle, &cert, from, self.now, &mut self.rng)?;
        self.send(&update)?;
        Ok(update)
    }

    /// The directory that the cloud shows.
    pub(crate) fn directory(&self) -> Result<VerifiedDirectory, StoryError> {
        let owner = self.owner.id();
        Ok(VerifiedDirectory::<Kapre>::new(&self.params, self.cloud.directory(&owner)?, &owner, 0, self.now)?)
    }

    /// Somebody whom the patient lets write seals a version of a partition.
    pub(crate) fn write(
        &mut self,
        author: Option<&User>,
        partition: Partition,
        version: u64,
        text: &str,
    ) -> Result<(), StoryError> {
        let directory = self.directory()?;
        let place = directory.place(&partition).ok_or("no such partition")?;
        let signing = author.map_or(self.owner.signing(), User::signing);
        let sealer = Sealer::<Kapre>::new(&self.params, place.key(), place.label(), signing);
        let sealed = sealer.seal(self.record, version, text.as_bytes(), &mut self.rng)?;
        self.cloud.upload(&sealed, self.now)?;
        self.texts.insert((partition, version), text.as_bytes().to_vec());
        Ok(())
    }

    pub(crate) fn sealed(&self, partition: Partition, version: u64) -> Result<SealedPartition, StoryError> {
        Ok(self.cloud.fetch(&self.owner.id(), &self.record, &partition, version)?)
    }

    fn is_text(&self, partition: Partition, version: u64, bytes: &[u8]) -> bool {
        self.texts.get(&(partition, version)).is_some_and(|text| text == bytes)
    }

    /// The server's answer; `None` when it denies.
    pub(crate) fn ask(
        &mut self,
        user: &User,
        partition: Partition,
        version: u64,
    ) -> Result<Option<Response<Kapre>>, StoryError> {
        let sealed = self.sealed(partition, version)?;
        let request = user.request(self.server.id(), sealed.header(), self.now, &mut self.rng)?;
        match self.server.reencrypt(&Signed::from_bytes(&request.to_bytes())?, self.now, &mut self.rng) {
            Ok(response) => Ok(Some(Response::from_bytes(&response.to_bytes())?)),
            Err(RequestError::Denied(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether somebody reads a record: fetches it, asks the server, opens.
    pub(crate) fn reads(&mut self, user: &mut User, partition: Partition, version: u64) -> Result<bool, StoryError> {
        let Some(response) = self.ask(user, partition, version)? else { return Ok(false) };
        let (directory, sealed) = (self.directory()?, self.sealed(partition, version)?);
        let versions = Versions::Exactly(version);
        let opened = user.open(&directory, self.record, partition, versions, &sealed, &response, self.now);
        Ok(opened.is_ok_and(|text| self.is_text(partition, version, &text)))
    }

    /// A server that deletes nothing looks what is new in its storage.
    pub(crate) fn hoard(&mut self) -> Result<(), StoryError> {
        let storage = self.server.storage();
        for name in storage.keys(b"grant/")? {
            let Some(bytes) = storage.get(&name)? else { continue };
            let mut reader = Reader::new(&bytes);
            // The time when it was taken stands in front.
            let (at, delegation) = (Timestamp(reader.u64()?), Delegation::<Kapre>::read(&mut reader)?);
            if self.kept.iter().all(|kept| kept.delegation.grant().id() != delegation.grant().id()) {
                self.kept.push(Kept { at, delegation });
            }
        }
        Ok(())
    }

    /// Whether somebody reads a record with the help of a server that obeys nobody: it carries out every delegation that it
    /// ever got, at the time when it got it.
    pub(crate) fn read_together(&self, user: &User, partition: Partition, version: u64) -> Result<bool, StoryError> {
        self.read_together_of(user, &self.sealed(partition, version)?)
    }

    /// The same of a record that somebody kept.
    pub(crate) fn read_together_of(&self, user: &User, sealed: &SealedPartition) -> Result<bool, StoryError> {
        let (params, owner, mut rng) = (&self.params, self.owner.id(), self.rng);
        let server = SigningKey::try_generate(&mut rng)?;
        let (partition, version) = (sealed.header().context().partition, sealed.header().context().version);
        let (ctx, capsule) = (sealed.header().context(), sealed.header().capsule::<Kapre>()?);
        let (authors, record) = ([ctx.author], self.record);
        let expected = Expected { owner, record, partition, authors: &authors, versions: Versions::Exactly(version) };
        let mut read = false;
        for Kept { at, delegation } in &self.kept {
            let key = Kapre::verify_owner(params, delegation.owner_key(), &owner)?;
            let grant = Kapre::verify_grant(params, &key, delegation.grant(), *at)?;
            if grant.user() != user.id() {
                continue;
            }
            let rekey = Kapre::verify_rekey(params, &key, &grant, delegation.rekey())?;
            // Neither of a capsule of another generation nor beyond the grant's classes is there an answer to be made.
            let Ok(capsule) = Kapre::verify_capsule(params, &key, &capsule, &ctx) else { continue };
            let Ok(part) = Kapre::reencrypt(params, &rekey, &capsule, &server, *at, &mut rng) else { continue };
            let grant = Kapre::accept_grant(params, user.secret(), &grant)?;
            let opened = Opener::<Kapre>::delegatee(params, &grant, &[part]).open(&expected, sealed);
            read |= opened.is_ok_and(|text| self.is_text(partition, version, &text));
        }
        Ok(read)
    }

    /// What is new in the server's log, checked; the second is whether each receipt names a head that the patient signed.
    pub(crate) fn audit(&mut self) -> Result<(Vec<Receipt>, bool), StoryError> {
        let mut receipts = Vec::new();
        loop {
            let query = self.owner.ask_audit(&self.auditor, self.now);
            let page = Audit::from_bytes(&self.server.audit(&query, self.now)?.to_bytes())?;
            receipts.extend(self.auditor.follow(&page)?);
            // Each question is answered once.
            self.wait(1);
            if self.auditor.unread() == 0 {
                break;
            }
        }
        let signed = |live: &LiveRef| *live == LiveRef::NONE || self.owner.signed_head(live.version, &live.head);
        let held = receipts.iter().all(|receipt| signed(&receipt.live));
        Ok((receipts, held))
    }
}

/// A second holder of one party's key.
pub(crate) fn copy_key(key: &SigningKey) -> Result<SigningKey, StoryError> {
    Ok(SigningKey::from_bytes(&key.to_secret_bytes())?)
}

/// Day of the story and time of the day.
pub(crate) fn clock(at: Timestamp) -> String {
    let (day, second) = (at.0.saturating_sub(START.0 - START.0 % DAY) / DAY + 1, at.0 % DAY);
    format!("day {day} {:02}:{:02}", second / 3600, second / 60 % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_otherwise_is_said() {
        let good = told(|story| {
            story.check("water is wet", true);
            Ok(())
        });
        assert_eq!((good.failed, good.held), (0, 1));
        assert!(good.text.ends_with("As expected, all 1 times.\n"));
        let bad = told(|story| {
            story.check("water is dry", false);
            Ok(())
        });
        assert!(
            bad.failed == 1 && bad.text.contains("!! water is dry") && bad.text.contains("NOT as expected: 1 of 1")
        );
        let broken = told(|_| Err("no water".into()));
        assert!(broken.failed == 1 && broken.text.ends_with("The story broke off: no water\n"));
    }
}
