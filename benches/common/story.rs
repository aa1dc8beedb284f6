//! The roles around a record: owner, author, cloud, server, user, ready to upload and to ask.

use std::convert::Infallible;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use sesphr::context::{Partition, Timestamp};
use sesphr::identity::{PartyId, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::pre::threshold::Servers;
use sesphr::record::SealedPartition;
use sesphr::sharing::{
    AccessPolicy, Author, Cloud, MemoryStorage, Owner, Place, Role, Server, Storage, User, VerifiedDirectory,
};
use zeroize::Zeroizing;

use super::{LIFE, NOW, RECORD, Scheme, validity};

/// Everybody, with a doctor who may read what `author` writes from now on.
pub struct Story<S: Scheme> {
    pub params: Arc<S::Params>,
    pub owner: PartyId,
    pub directory: VerifiedDirectory<S>,
    pub place: Place<S>,
    pub author: SigningKey,
    pub cloud: Cloud<S, Newest>,
    pub server: Server<S, MemoryStorage>,
    pub user: User<S>,
}

impl<S: Scheme> Story<S> {
    pub fn new(rng: &mut ChaCha20Rng) -> Self {
        let (params, author) = (S::params(), SigningKey::generate(rng));
        let (root, server) = (OwnerRoot::generate(rng), SigningKey::generate(rng));
        let mut policy = AccessPolicy::new(LIFE);
        policy.set_servers(Servers::new(1, [server.id()]).unwrap());
        let mut owner = Owner::<S>::new(params.clone(), root, policy, Partition::SESPHR, LIFE, NOW).unwrap();
        let id = owner.id();
        let mut server = Server::load(params.clone(), server, MemoryStorage::new()).unwrap();
        server.enroll(id).unwrap();
        let user = User::new(params.clone(), SigningKey::generate(rng), rng).unwrap();
        let role = owner.certify(user.id(), Role::Doctor, validity());
        let bundle = user.bundle(1, Timestamp(NOW.0 + LIFE));
        let update = owner.set_author(author.id(), Author::Active, NOW, rng).unwrap();
        server.update(&id, &update.live, NOW).unwrap();
        let update = owner.join(&bundle, &role, NOW, NOW, rng).unwrap();
        server.update(&id, &update.live, NOW).unwrap();
        for delegation in &update.delegations {
            server.accept(&id, delegation, NOW).unwrap();
        }
        let mut cloud = Cloud::new(params.clone(), Newest::default()).unwrap();
        cloud.publish(&id, &update.directory, NOW).unwrap();
        let directory = VerifiedDirectory::<S>::new(&params, &update.directory, &id, 0, NOW).unwrap();
        let place = directory.place(&Partition::MEDICAL).unwrap().clone();
        Self { params, owner: id, directory, place, author, cloud, server, user }
    }

    /// The cloud's checks, and storing.
    pub fn upload(&mut self, sealed: &SealedPartition) {
        self.cloud.upload(sealed, NOW).unwrap();
    }

    pub fn fetch(&self, version: u64) -> SealedPartition {
        self.cloud.fetch(&self.owner, &RECORD, &Partition::MEDICAL, version).unwrap()
    }
}

/// A store that keeps the newest value only: clouds never overwrite, and a bench uploads without end.
#[derive(Default)]
pub struct Newest {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Storage for Newest {
    type Error = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Infallible> {
        Ok((self.key == key).then(|| Zeroizing::new(self.value.clone())))
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), Infallible> {
        (self.key, self.value) = (key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), Infallible> {
        if self.key == key {
            *self = Self::default();
        }
        Ok(())
    }

    fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, Infallible> {
        Ok(Some(self.key.clone()).filter(|key| key.starts_with(prefix)).into_iter().collect())
    }
}
