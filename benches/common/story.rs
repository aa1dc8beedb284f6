//! The roles around a record: owner, author, cloud, server, user, ready to upload and to ask.

use std::convert::Infallible;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use sesphr::context::{Partition, Timestamp};
use sesphr::identity::{PartyId, SigningKey};
use sesphr::kem::OwnerRoot;
use sesphr::pre::Pre;
use sesphr::pre::afgh::Afgh;
use sesphr::record::SealedPartition;
use sesphr::sharing::{
    AccessPolicy, Author, Cloud, MemoryStorage, Owner, Role, Server, Storage, User, VerifiedDirectory,
};
use zeroize::Zeroizing;

use super::{LIFE, NOW, RECORD, validity};

/// The roles of a scheme. `Owner`, `Directory` and `Cloud` may be of a scheme's own; `Server` and `User` are not.
pub trait Sharing: Pre {
    type Cloud;
    fn story(rng: &mut ChaCha20Rng) -> Story<Self>
    where
        Self: Sized;
    /// The cloud's checks, and storing.
    fn upload(cloud: &mut Self::Cloud, sealed: &SealedPartition);
    fn fetch(cloud: &Self::Cloud, owner: &PartyId, version: u64) -> SealedPartition;
}

/// Everybody, with a doctor who may read what `author` writes from now on.
pub struct Story<S: Sharing> {
    pub params: Arc<S::Params>,
    pub owner: PartyId,
    pub directory: VerifiedDirectory,
    pub key: S::VerifiedOwner,
    pub author: SigningKey,
    pub cloud: S::Cloud,
    pub server: Server<S, MemoryStorage>,
    pub user: User<S>,
}

impl Sharing for Afgh {
    type Cloud = Cloud<Newest>;

    fn story(rng: &mut ChaCha20Rng) -> Story<Self> {
        let (signing, author) = (SigningKey::generate(rng), SigningKey::generate(rng));
        let root = OwnerRoot::generate(rng);
        let mut owner = Owner::new(signing, root, AccessPolicy::new(LIFE), Partition::SESPHR, LIFE, NOW);
        let id = owner.id();
        let mut server = Server::new(SigningKey::generate(rng), MemoryStorage::new()).unwrap();
        server.enroll(id).unwrap();
        let user = User::new(SigningKey::generate(rng), rng).unwrap();
        let role = owner.certify(user.id(), Role::Doctor, validity());
        let bundle = user.bundle(1, Timestamp(NOW.0 + LIFE));
        let _ = owner.set_author(author.id(), Author::Active, NOW, rng).unwrap();
        let update = owner.join(&bundle, &role, NOW, NOW, rng).unwrap();
        for delegation in &update.delegations {
            server.accept(&id, delegation, NOW).unwrap();
        }
        let mut cloud = Cloud::new(Newest::default()).unwrap();
        cloud.publish(&id, &update.directory, NOW).unwrap();
        let directory = VerifiedDirectory::new(&update.directory, &id, 0, NOW).unwrap();
        let key = directory.key(&Partition::MEDICAL).unwrap().clone();
        Story { params: Arc::new(()), owner: id, directory, key, author, cloud, server, user }
    }

    fn upload(cloud: &mut Self::Cloud, sealed: &SealedPartition) {
        cloud.upload(sealed, NOW).unwrap();
    }

    fn fetch(cloud: &Self::Cloud, owner: &PartyId, version: u64) -> SealedPartition {
        cloud.fetch(owner, &RECORD, &Partition::MEDICAL, version).unwrap()
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
