//! A patient, a re-encryption server and a cloud, for the tests of sharing.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::error::RngError;
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::{Params, params};
use sesphr::kapre::Kapre;
use sesphr::kem::OwnerRoot;
use sesphr::pre::LiveError;
use sesphr::pre::afgh::Afgh;
use sesphr::pre::threshold::{Servers, Threshold};
use sesphr::record::{SealedPartition, Sealer, Versions};
use sesphr::sharing::log::{Auditor, Event, Receipt, Rule};
use sesphr::sharing::*;

pub const YEAR: u64 = 365 * 86_400;
pub const RECORD: RecordId = RecordId::from_array([7; 16]);

/// Seconds into the story.
pub fn at(seconds: u64) -> Timestamp {
    Timestamp(1_000_000_000 + seconds)
}

pub fn party(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

/// A scheme that the tests of sharing run on.
pub trait Tested: SharingScheme + PartialEq {
    /// Whether the partitions that there are at the beginning are all there can be.
    const FIXED: bool;
    /// Whether all periods are under one key.
    const ONE_KEY: bool;
    /// Whether the owner's keys follow from the root without a draw.
    const DRAWLESS: bool;
    /// Length of one part of an answer.
    const PART: usize;
    /// Whether a part too many does no harm.
    const SPARE: bool;

    fn params() -> Arc<Self::Params>;

    /// How many grants it takes to give a member so many periods at once.
    fn grants(periods: usize) -> usize;
}

impl Tested for Afgh {
    const ONE_KEY: bool = false;
    const FIXED: bool = false;
    const DRAWLESS: bool = false;
    const PART: usize = 148;
    const SPARE: bool = false;

    fn params() -> Arc<()> {
        Arc::new(())
    }

    fn grants(periods: usize) -> usize {
        periods
    }
}

impl Tested for Kapre {
    const ONE_KEY: bool = true;
    const FIXED: bool = true;
    const DRAWLESS: bool = false;
    const PART: usize = 148;
    const SPARE: bool = false;

    /// Room for the four partitions with 16 epochs each.
    fn params() -> Arc<Params> {
        static PARAMS: OnceLock<Arc<Params>> = OnceLock::new();
        let generate = || Arc::new(Params::generate(64, &party(250), &mut rng(250), params::unwatched).unwrap());
        PARAMS.get_or_init(generate).clone()
    }

    fn grants(periods: usize) -> usize {
        periods.min(1)
    }
}

/// With one server, which it takes: what several bring with them is tested apart.
impl Tested for Threshold {
    const ONE_KEY: bool = false;
    const FIXED: bool = true;
    const DRAWLESS: bool = true;
    const PART: usize = 133;
    const SPARE: bool = true;

    fn params() -> Arc<()> {
        Arc::new(())
    }

    fn grants(periods: usize) -> usize {
        periods
    }
}

/// Makes a test of each function for every scheme.
#[macro_export]
macro_rules! on_every_scheme {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => {
        mod afgh {
            $($(#[$meta])* #[test] fn $name() { super::$name::<sesphr::pre::afgh::Afgh>(); })+
        }
        mod kapre {
            $($(#[$meta])* #[test] fn $name() { super::$name::<sesphr::kapre::Kapre>(); })+
        }
        mod threshold {
            $($(#[$meta])* #[test] fn $name() { super::$name::<sesphr::pre::threshold::Threshold>(); })+
        }
    };
}

pub fn user<S: Tested>(seed: u8) -> User<S> {
    User::new(S::params(), party(seed), &mut rng(seed)).unwrap()
}

/// A generator that works some times and then fails.
pub struct FailAfter(pub usize, ChaCha20Rng);

impl FailAfter {
    pub fn new(draws: usize) -> Self {
        Self(draws, rng(99))
    }
}

impl TryRng for FailAfter {
    type Error = RngError;

    fn try_next_u32(&mut self) -> Result<u32, RngError> {
        Err(RngError)
    }

    fn try_next_u64(&mut self) -> Result<u64, RngError> {
        Err(RngError)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), RngError> {
        self.0 = self.0.checked_sub(1).ok_or(RngError)?;
        self.1.try_fill_bytes(dst).map_err(|error| match error {})
    }
}

impl TryCryptoRng for FailAfter {}

/// Why a member did not read.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    ByServer(RequestError),
    ByReader,
}

/// An update that everybody has got.
pub struct Sent<S: Tested>(Update<S>);

impl<S: Tested> Deref for Sent<S> {
    type Target = Update<S>;

    fn deref(&self) -> &Update<S> {
        &self.0
    }
}

pub struct World<S: Tested> {
    pub params: Arc<S::Params>,
    pub owner: Owner<S>,
    pub server: Server<S, MemoryStorage>,
    pub cloud: Cloud<S, MemoryStorage>,
    /// Trusted with every role.
    pub chamber: SigningKey,
    pub auditor: Auditor,
    pub rng: ChaCha20Rng,
}

impl<S: Tested> World<S> {
    pub fn new() -> Self {
        Self::of(1)
    }

    /// The world of another owner, with a server and a cloud of its own.
    pub fn of(seed: u8) -> Self {
        Self::with_partitions(seed, Partition::SESPHR)
    }

    pub fn with_partitions(seed: u8, partitions: impl IntoIterator<Item = Partition>) -> Self {
        let params = S::params();
        let chamber = party(200);
        let mut policy = AccessPolicy::new(YEAR);
        Role::ALL.into_iter().for_each(|role| policy.trust(role, chamber.id()));
        policy.set_servers(Servers::new(1, [party(201).id()]).unwrap());
        let owner = Owner::new(params.clone(), Self::root(seed), policy, partitions, YEAR, at(0)).unwrap();
        let mut server = Server::load(params.clone(), party(201), MemoryStorage::new()).unwrap();
        server.enroll(owner.id()).unwrap();
        let cloud = Cloud::new(params.clone(), MemoryStorage::new()).unwrap();
        let auditor = Auditor::new(owner.id(), server.id());
        let mut world = Self { params, owner, server, cloud, chamber, auditor, rng: rng(seed) };
        let update = world.owner.publish(at(0), &mut world.rng).unwrap();
        world.send(&update, at(0));
        world
    }

    pub fn root(seed: u8) -> OwnerRoot {
        OwnerRoot::generate(&mut rng(seed))
    }

    /// The same owner on another device, with what it exported.
    pub fn reopen(&self, membership: &Signed<Membership<S>>) -> Owner<S> {
        Owner::import(self.params.clone(), Self::root(1), membership, 0).unwrap()
    }

    pub fn id(&self) -> PartyId {
        self.owner.id()
    }

    /// Delivers what the owner changed, and all that is live to a server that missed something.
    pub fn send(&mut self, update: &Update<S>, now: Timestamp) {
        let owner = self.id();
        match self.server.update(&owner, &update.live, now) {
            Err(ServerError::Live(LiveError::Behind)) => self.catch_up(now),
            updated => updated.unwrap(),
        }
        self.cloud.publish(&owner, &update.directory, now).unwrap();
        update.delegations.iter().for_each(|delegation| self.server.accept(&owner, delegation, now).unwrap());
        update.layer_grants.iter().for_each(|grant| self.cloud.keep_layers(&owner, grant).unwrap());
    }

    /// Tells the server all that is live.
    pub fn catch_up(&mut self, now: Timestamp) {
        self.server.update(&self.owner.id(), &self.owner.live().unwrap(), now).unwrap();
    }

    pub fn cert(&self, subject: &User<S>, role: Role) -> Signed<RoleCert> {
        let validity = Validity::new(at(0), at(YEAR)).unwrap();
        Signed::new(&self.chamber, RoleCert { subject: subject.id(), role, validity })
    }

    pub fn try_join(
        &mut self,
        user: &User<S>,
        role: Role,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<Update<S>, OwnerError> {
        let cert = self.cert(user, role);
        self.owner.join(&user.bundle(1, at(YEAR)), &cert, from, now, &mut self.rng)
    }

    pub fn join(&mut self, user: &User<S>, role: Role, from: Timestamp, now: Timestamp) -> Sent<S> {
        let update = self.try_join(user, role, from, now).unwrap();
        self.send(&update, now);
        Sent(update)
    }

    pub fn depart(&mut self, user: &User<S>, now: Timestamp) -> Sent<S> {
        let update = self.owner.depart(&user.id(), Level::Epochs, now, &mut self.rng).unwrap();
        self.send(&update, now);
        Sent(update)
    }

    pub fn directory(&self, now: Timestamp) -> VerifiedDirectory<S> {
        let directory = self.cloud.directory(&self.id()).unwrap();
        VerifiedDirectory::<S>::new(&self.params, directory, &self.id(), 0, now).unwrap()
    }

    pub fn seal_as(
        &mut self,
        author: &SigningKey,
        partition: Partition,
        version: u64,
        now: Timestamp,
    ) -> SealedPartition {
        let directory = self.directory(now);
        let place = directory.place(&partition).unwrap();
        let sealer = Sealer::<S>::new(&self.params, place.key(), place.label(), author);
        sealer.seal(RECORD, version, b"0+", &mut self.rng).unwrap()
    }

    /// The owner writes a version of a partition of the record.
    pub fn seal(&mut self, partition: Partition, version: u64, now: Timestamp) -> SealedPartition {
        let directory = self.directory(now);
        let place = directory.place(&partition).unwrap();
        let sealer = Sealer::<S>::new(&self.params, place.key(), place.label(), self.owner.signing());
        sealer.seal(RECORD, version, b"0+", &mut self.rng).unwrap()
    }

    /// The owner writes a version of a partition of the record and stores it.
    pub fn write(&mut self, partition: Partition, version: u64, now: Timestamp) -> SealedPartition {
        let sealed = self.seal(partition, version, now);
        self.cloud.upload(&sealed, now).unwrap();
        sealed
    }

    pub fn ask(
        &mut self,
        user: &User<S>,
        sealed: &SealedPartition,
        now: Timestamp,
    ) -> Result<Response<S>, RequestError> {
        let request = user.request(self.server.id(), sealed.header(), now, &mut self.rng).unwrap();
        self.server.reencrypt(&request, now, &mut self.rng)
    }

    pub fn open(
        &self,
        user: &mut User<S>,
        sealed: &SealedPartition,
        response: &Response<S>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let ctx = sealed.header().context();
        let versions = Versions::Exactly(ctx.version);
        match user.open(&self.directory(now), RECORD, ctx.partition, versions, sealed, response, now) {
            Ok(text) => {
                assert_eq!(&text[..], b"0+");
                Ok(())
            }
            Err(_) => Err(Refused::ByReader),
        }
    }

    pub fn read(&mut self, user: &mut User<S>, sealed: &SealedPartition, now: Timestamp) -> Result<(), Refused> {
        let response = self.ask(user, sealed, now).map_err(Refused::ByServer)?;
        self.open(user, sealed, &response, now)
    }

    pub fn reads(&mut self, user: &mut User<S>, sealed: &SealedPartition, now: Timestamp) -> bool {
        self.read(user, sealed, now).is_ok()
    }

    /// What the server's log says that the owner has not read yet.
    pub fn receipts(&mut self, now: Timestamp) -> Vec<Receipt> {
        let mut receipts = Vec::new();
        loop {
            let query = self.owner.ask_audit(&self.auditor, now);
            let audit = self.server.audit(&query, now).unwrap();
            let page = self.auditor.follow(&audit).unwrap();
            receipts.extend(page);
            if self.auditor.unread() == 0 {
                return receipts;
            }
        }
    }

    /// Which rules denied since the owner asked last.
    pub fn rules(&mut self, now: Timestamp) -> Vec<Rule> {
        let denied = |receipt: Receipt| match receipt.event {
            Event::Denied { rule, .. } => Some(rule),
            _ => None,
        };
        self.receipts(now).into_iter().filter_map(denied).collect()
    }

    /// The same server after a restart.
    pub fn restart(&mut self) {
        self.server = Server::load(self.params.clone(), party(201), self.server.storage().clone()).unwrap();
    }
}

pub const DENIED: Result<(), Refused> = Err(Refused::ByServer(RequestError::Denied(Denied)));

#[path = "emergency.rs"]
pub mod emergency;
