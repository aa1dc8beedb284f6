//! The parties, the clock, and what they send each other.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use getrandom::SysRng;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::{Params, params};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerRoot;
use sesphr::pre::{GrantTerms, LiveUpdate, Pre};
use sesphr::record::{SealedPartition, Sealer};
use sesphr::sharing::{
    AccessPolicy, Cloud, Delegation, Directory, KeyBundle, MemoryStorage, Owner, Request, Response, Role, RoleCert,
    Server, Update, User, VerifiedDirectory,
};

use crate::fhir::{self, Bundle, LoadError};
use crate::matrix::Who;

/// Why the story broke off.
pub(crate) type StoryError = Box<dyn Error>;

/// The scheme that everything runs on. Only the parameters below know which.
pub(crate) type Scheme = Kapre;

/// Room for four partitions with 16 epochs each.
const CLASSES: u32 = 4 * 16;

/// 2 March 2026, 08:00 UTC. Nothing here reads the clock of the machine but to measure durations.
pub(crate) const START: Timestamp = Timestamp(1_772_438_400);
pub(crate) const MINUTE: u64 = 60;
pub(crate) const DAY: u64 = 86_400;

/// What happened, how long it took, and what was how large.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) what: String,
    pub(crate) took: Duration,
    pub(crate) sizes: Vec<(&'static str, usize)>,
}

/// A chapter.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) title: &'static str,
    pub(crate) at: Timestamp,
    pub(crate) took: Duration,
    pub(crate) events: Vec<Event>,
}

/// One thing beside the matrix that has to come out in one way.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    pub(crate) by: Who,
    pub(crate) what: &'static str,
    pub(crate) outcome: &'static str,
    pub(crate) held: bool,
}

/// A request and its answer, as somebody who listens or receives keeps them.
#[derive(Clone)]
pub(crate) struct Loot {
    pub(crate) who: Who,
    pub(crate) partition: Partition,
    pub(crate) version: u64,
    pub(crate) request: Signed<Request<Scheme>>,
    pub(crate) response: Response<Scheme>,
}

/// A delegation that the server once got, and may have kept against the owner's word.
pub(crate) struct Kept {
    pub(crate) user: PartyId,
    /// When the server took it.
    pub(crate) at: Timestamp,
    pub(crate) delegation: Delegation<Scheme>,
    pub(crate) grant: <Scheme as Pre>::VerifiedGrant,
    pub(crate) rekey: <Scheme as Pre>::VerifiedReKey,
}

/// Somebody with a key pair, and the owner's directory as last seen.
pub(crate) struct Person {
    pub(crate) user: User<Scheme>,
    pub(crate) directory: Option<VerifiedDirectory<Scheme>>,
}

/// What was sealed.
struct Text {
    bytes: Vec<u8>,
    resources: usize,
}

pub(crate) struct World {
    pub(crate) params: Arc<<Scheme as Pre>::Params>,
    pub(crate) now: Timestamp,
    pub(crate) rng: SysRng,
    pub(crate) owner: Owner<Scheme>,
    pub(crate) server: Server<Scheme, MemoryStorage>,
    pub(crate) cloud: Cloud<Scheme, MemoryStorage>,
    /// Certifies doctors and the like; the patient's policy names it.
    pub(crate) authority: SigningKey,
    pub(crate) record: RecordId,
    pub(crate) people: BTreeMap<Who, Person>,
    pub(crate) loot: Vec<Loot>,
    /// Everything that the server ever got, as one that deletes nothing has it.
    pub(crate) kept: Vec<Kept>,
    /// Every head of live grants that the patient ever sent.
    pub(crate) heads: Vec<LiveUpdate>,
    pub(crate) steps: Vec<Step>,
    pub(crate) checks: Vec<Check>,
    texts: BTreeMap<(Partition, u64), Text>,
    began: Instant,
}

/// Runs and measures.
pub(crate) fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = run();
    (result, start.elapsed())
}

/// A second holder of one party's key.
pub(crate) fn copy_key(key: &SigningKey) -> Result<SigningKey, StoryError> {
    Ok(SigningKey::from_bytes(&key.to_secret_bytes())?)
}

impl World {
    /// Everybody makes keys; the patient has a policy and an empty record.
    pub(crate) fn new(bundle: &Bundle) -> Result<Self, StoryError> {
        let (mut rng, now, began) = (SysRng, START, Instant::now());
        let authority = SigningKey::try_generate(&mut rng)?;
        let mut policy = AccessPolicy::new(90 * DAY);
        for role in [Role::Doctor, Role::Insurer, Role::Pharmacist, Role::Researcher, Role::Provider] {
            policy.trust(role, authority.id());
        }
        // Whoever makes the parameters could keep what reads everything: a ceremony of several is better.
        let (params, params_took) = timed(|| Params::generate(CLASSES, &authority, &mut rng, params::unwatched));
        let params = Arc::new(params?);
        let root = OwnerRoot::try_generate(&mut rng)?;
        let (owner, owner_took) = timed(|| Owner::new(params.clone(), root, policy, Partition::SESPHR, 7 * DAY, now));
        let owner = owner?;

        let server_key = SigningKey::try_generate(&mut rng)?;
        let mut people = BTreeMap::new();
        let (made, people_took) = timed(|| {
            for who in Who::ALL.into_iter().filter(|who| *who != Who::Patient) {
                // The server asks in its own name when it tries to read.
                let signing =
                    if who == Who::Server { copy_key(&server_key)? } else { SigningKey::try_generate(&mut rng)? };
                people.insert(who, Person { user: User::new(params.clone(), signing, &mut rng)?, directory: None });
            }
            Ok::<_, StoryError>(())
        });
        made?;
        let mut server = Server::load(params.clone(), server_key, MemoryStorage::new())?;
        server.enroll(owner.id())?;
        let record = RecordId::try_generate(&mut rng)?;
        let cloud = Cloud::new(params.clone(), MemoryStorage::new())?;
        let mut world = Self {
            params,
            now,
            rng,
            owner,
            server,
            cloud,
            authority,
            record,
            people,
            loot: Vec::new(),
            kept: Vec::new(),
            heads: Vec::new(),
            steps: Vec::new(),
            checks: Vec::new(),
            texts: BTreeMap::new(),
            began,
        };
        for version in 1..=3 {
            for part in bundle.partitions() {
                let text = Text { bytes: part.to_bytes_of(version), resources: part.resources().len() };
                world.texts.insert((part.partition(), version), text);
            }
        }
        world.open_step("Keys: everybody makes their own");
        world.began = began;
        let sizes = [("compact", params::PointForm::Compact), ("uncompressed", params::PointForm::Uncompressed)];
        let sizes = sizes.map(|(name, form)| (name, world.params.encode(form).encoded_len()));
        world.note(format!("parameters for {CLASSES} classes, once for all"), params_took, sizes);
        world.note("patient: root, signature key, policy", owner_took, []);
        let bundle = world.bundle_of(Who::Family)?.encoded_len();
        world.note("eleven key pairs, each signed by its party", people_took, [("key bundle", bundle)]);
        let (update, took) = timed(|| world.owner.publish(now, &mut world.rng));
        let update = update?;
        let sizes = [("directory", update.directory.encoded_len()), ("head", update.live.encoded_len())];
        world.note("patient publishes key and authors", took, sizes);
        world.send("", &update)?;
        Ok(world)
    }

    pub(crate) fn open_step(&mut self, title: &'static str) {
        self.close_step();
        self.began = Instant::now();
        self.steps.push(Step { title, at: self.now, took: Duration::ZERO, events: Vec::new() });
    }

    pub(crate) fn close_step(&mut self) {
        let took = self.began.elapsed();
        if let Some(step) = self.steps.last_mut() {
            step.took = took;
        }
        self.began = Instant::now();
    }

    pub(crate) fn note(
        &mut self,
        what: impl Into<String>,
        took: Duration,
        sizes: impl IntoIterator<Item = (&'static str, usize)>,
    ) {
        if let Some(step) = self.steps.last_mut() {
            step.events.push(Event { what: what.into(), took, sizes: sizes.into_iter().collect() });
        }
    }

    pub(crate) fn check(&mut self, by: Who, what: &'static str, outcome: &'static str, held: bool) {
        self.checks.push(Check { by, what, outcome, held });
    }

    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = Timestamp(self.now.0.saturating_add(seconds));
    }

    pub(crate) fn until(&self, seconds: u64) -> Timestamp {
        Timestamp(self.now.0.saturating_add(seconds))
    }

    pub(crate) fn person(&self, who: Who) -> Result<&Person, StoryError> {
        self.people.get(&who).ok_or_else(|| format!("nobody plays the {}", who.name()).into())
    }

    pub(crate) fn person_mut(&mut self, who: Who) -> Result<&mut Person, StoryError> {
        self.people.get_mut(&who).ok_or_else(|| format!("nobody plays the {}", who.name()).into())
    }

    pub(crate) fn id(&self, who: Who) -> Result<PartyId, StoryError> {
        if who == Who::Patient { Ok(self.owner.id()) } else { Ok(self.person(who)?.user.id()) }
    }

    /// The name of a party in the story.
    pub(crate) fn who(&self, id: &PartyId) -> &'static str {
        let is = |(_, person): &(&Who, &Person)| person.user.id() == *id;
        self.people.iter().find(is).map_or("somebody else", |(who, _)| who.name())
    }

    pub(crate) fn is_one_of(&self, id: &PartyId, members: &[Who]) -> bool {
        members.iter().any(|who| self.people.get(who).is_some_and(|person| person.user.id() == *id))
    }

    pub(crate) fn bundle_of(&self, who: Who) -> Result<Signed<KeyBundle<Scheme>>, StoryError> {
        Ok(self.person(who)?.user.bundle(1, self.until(365 * DAY)))
    }

    /// The authority's word on a role; the patient's own for the family.
    pub(crate) fn certificate(&self, who: Who, role: Role) -> Result<Signed<RoleCert>, StoryError> {
        let subject = self.id(who)?;
        let validity = Validity::new(self.now, self.until(365 * DAY)).ok_or("time runs backwards")?;
        Ok(match role {
            Role::FamilyAndFriends => self.owner.certify(subject, role, validity),
            _ => Signed::new(&self.authority, RoleCert { subject, role, validity }),
        })
    }

    fn publish(&mut self, directory: &Signed<Directory<Scheme>>) -> Result<(), StoryError> {
        let directory = Signed::from_bytes(&directory.to_bytes())?;
        Ok(self.cloud.publish(&self.owner.id(), &directory, self.now)?)
    }

    /// Sends an update to server and cloud, as bytes: the head of live grants first, delegations last.
    pub(crate) fn send(&mut self, what: &str, update: &Update<Scheme>) -> Result<(), StoryError> {
        let owner = self.owner.id();
        if !update.lapsed.is_empty() {
            return Err("somebody's certificate ran out".into());
        }
        let (taken, head_took) = timed(|| {
            self.server.update(&owner, &LiveUpdate::from_bytes(&update.live.to_bytes())?, self.now)?;
            Ok::<_, StoryError>(())
        });
        taken?;
        self.heads.push(update.live.clone());
        self.publish(&update.directory)?;
        let (taken, took) = timed(|| {
            for delegation in &update.delegations {
                let delegation = Delegation::from_bytes(&delegation.to_secret_bytes())?;
                self.server.accept(&owner, &delegation, self.now)?;
            }
            Ok::<_, StoryError>(())
        });
        taken?;
        if let Some(delegation) = update.delegations.first() {
            let removed = update.live.removed().len();
            let head = update.live.encoded_len();
            self.note(format!("{what}: new head, {removed} taken back"), head_took, [("head", head)]);
            let sizes = [("delegation", delegation.encoded_len()), ("grant", delegation.grant().encoded_len())];
            self.note(format!("{what}: server takes {}", counted(update.delegations.len(), "grant")), took, sizes);
        }
        for delegation in &update.delegations {
            let kept = self.kept(delegation)?;
            self.kept.push(kept);
        }
        Ok(())
    }

    /// What a server that deletes nothing keeps of a delegation.
    fn kept(&self, delegation: &Delegation<Scheme>) -> Result<Kept, StoryError> {
        let delegation = Delegation::<Scheme>::from_bytes(&delegation.to_secret_bytes())?;
        let (params, at) = (&self.params, self.now);
        let key = Scheme::verify_owner(params, delegation.owner_key(), &self.owner.id())?;
        let grant = Scheme::verify_grant(params, &key, delegation.grant(), at)?;
        let rekey = Scheme::verify_rekey(params, &key, &grant, delegation.rekey())?;
        Ok(Kept { user: grant.user(), at, delegation, grant, rekey })
    }

    /// `who` takes the directory that the cloud has, if it is no older than the one seen before.
    pub(crate) fn look_up(&mut self, who: Who) -> Result<VerifiedDirectory<Scheme>, StoryError> {
        let seen = self.person(who)?.directory.as_ref().map_or(0, VerifiedDirectory::<Scheme>::version);
        let owner = self.owner.id();
        let directory =
            VerifiedDirectory::<Scheme>::new(&self.params, self.cloud.directory(&owner)?, &owner, seen, self.now)?;
        if let Some(person) = self.people.get_mut(&who) {
            person.directory = Some(directory.clone());
        }
        Ok(directory)
    }

    /// Seals one version of all partitions as `who` and uploads it.
    pub(crate) fn write(
        &mut self,
        who: Who,
        version: u64,
        directory: &VerifiedDirectory<Scheme>,
    ) -> Result<(), StoryError> {
        for partition in Partition::SESPHR {
            let (sealed, seal_took) = timed(|| self.seal(who, partition, version, directory));
            let sealed = sealed?;
            let bytes = sealed.to_bytes();
            let (stored, upload_took) =
                timed(|| self.cloud.upload(&SealedPartition::from_bytes(&bytes)?, self.now).map_err(StoryError::from));
            stored?;
            let plain = self.text(partition, version)?.len();
            self.note(
                format!("{} seals {partition}, version {version}", who.name()),
                seal_took,
                [("plain", plain), ("sealed", bytes.len()), ("overhead", bytes.len() - plain)],
            );
            self.note(format!("cloud checks and stores {partition}"), upload_took, []);
        }
        Ok(())
    }

    pub(crate) fn seal(
        &self,
        who: Who,
        partition: Partition,
        version: u64,
        directory: &VerifiedDirectory<Scheme>,
    ) -> Result<SealedPartition, StoryError> {
        let signing = match who {
            Who::Patient => self.owner.signing(),
            _ => self.person(who)?.user.signing(),
        };
        let place = directory.place(&partition).ok_or("the directory has no such partition")?;
        let sealer = Sealer::<Scheme>::new(&self.params, place.key(), place.label(), signing);
        Ok(sealer.seal(self.record, version, self.text(partition, version)?, &mut SysRng)?)
    }

    pub(crate) fn fetch(&self, partition: Partition, version: u64) -> Result<SealedPartition, StoryError> {
        Ok(self.cloud.fetch(&self.owner.id(), &self.record, &partition, version)?)
    }

    fn text(&self, partition: Partition, version: u64) -> Result<&[u8], StoryError> {
        Ok(&self.texts.get(&(partition, version)).ok_or("no such text")?.bytes)
    }

    /// Whether these are the partition's bytes, all of them and no others, and FHIR again.
    pub(crate) fn is_text(&self, partition: Partition, version: u64, bytes: &[u8]) -> bool {
        let Some(text) = self.texts.get(&(partition, version)) else { return false };
        let readable = match fhir::parse(bytes) {
            Ok(bundle) => bundle.resources().len() == text.resources,
            Err(LoadError::NoEntries) => text.resources == 0,
            Err(_) => false,
        };
        readable && bytes == text.bytes
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
