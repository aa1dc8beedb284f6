//! An owner of the key-aggregate scheme with as many classes as wanted, and its keys and capsules.

use sesphr::context::{Context, Partition, RecordId, Subject};
use sesphr::encoding::Encoding;
use sesphr::hazmat::pairing::BACKEND;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::unwatched;
use sesphr::kac::{
    AggregateKey, Capsule, ClassGrid, ClassSet, GenerationCert, Kac, KeyAggregate, OwnerSecret, Params,
    VerifiedGeneration, VerifiedKey,
};
use sesphr::kem::OwnerRoot;

use super::rng;

/// A bench's id.
pub fn id(operation: &str, parameter: impl std::fmt::Display) -> String {
    format!("kac_{operation}/{BACKEND}/{parameter}")
}

pub fn params(n: u32) -> Params {
    Params::generate(n, &SigningKey::generate(&mut rng(10)), &mut rng(11), unwatched).unwrap()
}

pub struct World {
    pub params: Params,
    pub grid: ClassGrid,
    pub root: OwnerRoot,
    pub signer: SigningKey,
    pub secret: OwnerSecret,
    pub cert: Signed<GenerationCert>,
    pub generation: VerifiedGeneration,
}

/// A set, its key, and a capsule of one of its classes.
pub struct Delegation {
    pub set: ClassSet,
    pub key: AggregateKey,
    pub verified: VerifiedKey,
    pub capsule: Capsule,
    pub ctx: Context<'static>,
}

impl World {
    pub fn new(n: u32) -> Self {
        let rng = &mut rng(12);
        let (params, signer, root) = (params(n), SigningKey::generate(rng), OwnerRoot::generate(rng));
        let grid = ClassGrid::new(&[Partition::MEDICAL], n).unwrap();
        let (secret, cert) = Kac::keygen(&params, &grid, &root, &signer, None, rng).unwrap();
        let generation = Kac::verify_owner(&params, &cert, &signer.id(), None).unwrap();
        Self { params, grid, root, signer, secret, cert, generation }
    }

    pub fn classes(&self) -> u32 {
        self.params.classes()
    }

    pub fn context(&self, class: u32, record: u32) -> Context<'static> {
        let period = self.grid.period(class).unwrap();
        let record = RecordId::from_array((u128::from(record) << 64).to_be_bytes());
        let subject = Subject { record, version: 1, author: self.signer.id(), aad: &[] };
        Kac::context(&self.generation, &period, &subject).unwrap()
    }

    pub fn encapsulate(&self, ctx: &Context<'_>) -> Capsule {
        Kac::encapsulate(&self.params, &self.generation, ctx, &self.signer, &mut rng(13)).unwrap().0
    }

    /// One range of so many classes, in the middle.
    pub fn range(&self, count: u32) -> ClassSet {
        let first = (self.classes() - count) / 2;
        ClassSet::range(first..=first + count - 1).unwrap()
    }

    /// So many classes, each as likely as the other.
    pub fn scattered(&self, count: u32) -> ClassSet {
        use rand_core::Rng;
        let (mut classes, mut rng): (Vec<_>, _) = ((0..self.classes()).collect(), rng(14));
        for at in 0..count {
            let from = at + rng.next_u32() % (self.classes() - at);
            classes.swap(at as usize, from as usize);
        }
        ClassSet::try_from_classes(classes.into_iter().take(count as usize)).unwrap()
    }

    pub fn delegate(&self, set: ClassSet) -> Delegation {
        let key = Kac::extract(&self.params, &self.secret, &set).unwrap();
        let verified = Kac::verify_key(&self.params, &self.generation, &set, &key).unwrap();
        // Not at an end.
        let class = set.iter().nth(set.count() as usize / 2).unwrap();
        let ctx = self.context(class, 0);
        Delegation { key, verified, capsule: self.encapsulate(&ctx), ctx, set }
    }

    /// So many capsules, in turn of the first so many classes of a set.
    pub fn capsules(&self, set: &ClassSet, classes: usize, count: u32) -> Vec<(Capsule, Context<'static>)> {
        let classes: Vec<_> = set.iter().take(classes).collect();
        let one = |(record, class): (u32, &u32)| {
            let ctx = self.context(*class, record);
            (self.encapsulate(&ctx), ctx)
        };
        (0..count).zip(classes.iter().cycle()).map(one).collect()
    }

    pub fn extract(&self, set: &ClassSet) -> AggregateKey {
        Kac::extract(&self.params, &self.secret, set).unwrap()
    }

    pub fn open(&self, delegation: &Delegation) {
        let Delegation { verified, capsule, ctx, .. } = delegation;
        let _ = std::hint::black_box(Kac::open_aggregate(&self.params, verified, capsule, ctx).unwrap());
    }

    pub fn verify_key(&self, delegation: &Delegation) -> VerifiedKey {
        Kac::verify_key(&self.params, &self.generation, &delegation.set, &delegation.key).unwrap()
    }

    pub fn open_batch(&self, key: &VerifiedKey, capsules: &[(Capsule, Context<'_>)]) {
        let capsules: Vec<_> = capsules.iter().map(|(capsule, ctx)| (capsule, ctx)).collect();
        let opened = Kac::open_batch(&self.params, key, &capsules);
        assert!(opened.iter().all(Result::is_ok));
    }
}

/// Bytes of an encoding, for a table.
pub fn len(message: &impl Encoding) -> String {
    message.to_bytes().len().to_string()
}
