//! A patient, a re-encryption server and a cloud, for the tests of sharing.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::ops::Deref;

use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::error::RngError;
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::pre::afgh::Afgh;
use sesphr::record::{SealedPartition, Sealer, Versions};
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

pub fn user(seed: u8) -> User<Afgh> {
    User::new(party(seed), &mut rng(seed)).unwrap()
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
pub struct Sent(Update);

impl Deref for Sent {
    type Target = Update;

    fn deref(&self) -> &Update {
        &self.0
    }
}

pub struct World {
    pub owner: Owner,
    pub server: Server<Afgh, MemoryStorage>,
    pub cloud: Cloud<MemoryStorage>,
    /// Trusted with every role.
    pub chamber: SigningKey,
    pub rng: ChaCha20Rng,
}

impl World {
    pub fn new() -> Self {
        Self::of(1)
    }

    /// The world of another owner, with a server and a cloud of its own.
    pub fn of(seed: u8) -> Self {
        Self::with_partitions(seed, Partition::SESPHR)
    }

    pub fn with_partitions(seed: u8, partitions: impl IntoIterator<Item = Partition>) -> Self {
        let chamber = party(200);
        let mut policy = AccessPolicy::new(YEAR);
        Role::ALL.into_iter().for_each(|role| policy.trust(role, chamber.id()));
        let root = OwnerRoot::generate(&mut rng(seed));
        let owner = Owner::new(party(seed), root, policy, partitions, YEAR, at(0));
        let mut server = Server::new(party(201), MemoryStorage::new()).unwrap();
        server.enroll(owner.id()).unwrap();
        let cloud = Cloud::new(MemoryStorage::new()).unwrap();
        let mut world = Self { owner, server, cloud, chamber, rng: rng(seed) };
        let directory = world.owner.publish(at(0), &mut world.rng).unwrap();
        world.cloud.publish(&world.owner.id(), &directory, at(0)).unwrap();
        world
    }

    pub fn id(&self) -> PartyId {
        self.owner.id()
    }

    /// Delivers what the owner changed.
    pub fn send(&mut self, update: &Update, now: Timestamp) {
        let owner = self.id();
        update.revocations.iter().for_each(|revocation| self.server.revoke(&owner, revocation).unwrap());
        self.cloud.publish(&owner, &update.directory, now).unwrap();
        update.delegations.iter().for_each(|delegation| self.server.accept(&owner, delegation, now).unwrap());
    }

    pub fn cert(&self, subject: &User<Afgh>, role: Role) -> Signed<RoleCert> {
        let validity = Validity::new(at(0), at(YEAR)).unwrap();
        Signed::new(&self.chamber, RoleCert { subject: subject.id(), role, validity })
    }

    pub fn try_join(
        &mut self,
        user: &User<Afgh>,
        role: Role,
        from: Timestamp,
        now: Timestamp,
    ) -> Result<Update, OwnerError> {
        let cert = self.cert(user, role);
        self.owner.join(&user.bundle(1, at(YEAR)), &cert, from, now, &mut self.rng)
    }

    pub fn join(&mut self, user: &User<Afgh>, role: Role, from: Timestamp, now: Timestamp) -> Sent {
        let update = self.try_join(user, role, from, now).unwrap();
        self.send(&update, now);
        Sent(update)
    }

    pub fn depart(&mut self, user: &User<Afgh>, now: Timestamp) -> Sent {
        let update = self.owner.depart(&user.id(), now, &mut self.rng).unwrap();
        self.send(&update, now);
        Sent(update)
    }

    pub fn directory(&self, now: Timestamp) -> VerifiedDirectory {
        VerifiedDirectory::new(self.cloud.directory(&self.id()).unwrap(), &self.id(), 0, now).unwrap()
    }

    pub fn seal_as(
        &mut self,
        author: &SigningKey,
        partition: Partition,
        version: u64,
        now: Timestamp,
    ) -> SealedPartition {
        let directory = self.directory(now);
        let key = directory.key(&partition).unwrap();
        Sealer::<Afgh>::new(&(), key, &(), author).seal(RECORD, version, b"0+", &mut self.rng).unwrap()
    }

    /// The owner writes a version of a partition of the record and stores it.
    pub fn write(&mut self, partition: Partition, version: u64, now: Timestamp) -> SealedPartition {
        let directory = self.directory(now);
        let key = directory.key(&partition).unwrap();
        let sealer = Sealer::<Afgh>::new(&(), key, &(), self.owner.signing());
        let sealed = sealer.seal(RECORD, version, b"0+", &mut self.rng).unwrap();
        self.cloud.upload(&sealed, now).unwrap();
        sealed
    }

    pub fn ask(
        &mut self,
        user: &User<Afgh>,
        sealed: &SealedPartition,
        now: Timestamp,
    ) -> Result<Response<Afgh>, RequestError> {
        let request = user.request(self.server.id(), sealed.header(), now, &mut self.rng).unwrap();
        self.server.reencrypt(&request, now, &mut self.rng)
    }

    pub fn open(
        &self,
        user: &User<Afgh>,
        sealed: &SealedPartition,
        response: &Response<Afgh>,
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

    pub fn read(&mut self, user: &User<Afgh>, sealed: &SealedPartition, now: Timestamp) -> Result<(), Refused> {
        let response = self.ask(user, sealed, now).map_err(Refused::ByServer)?;
        self.open(user, sealed, &response, now)
    }

    pub fn reads(&mut self, user: &User<Afgh>, sealed: &SealedPartition, now: Timestamp) -> bool {
        self.read(user, sealed, now).is_ok()
    }

    /// Which rules denied since the server started.
    pub fn rules(&mut self, now: Timestamp) -> Vec<Rule> {
        let query = self.owner.ask_denials(self.server.id(), now);
        self.server.denials(&query, now).unwrap().map(|denial| denial.rule).collect()
    }

    /// The same server after a restart.
    pub fn restart(&mut self) {
        self.server = Server::new(party(201), self.server.storage().clone()).unwrap();
    }
}

pub const DENIED: Result<(), Refused> = Err(Refused::ByServer(RequestError::Denied(Denied)));
