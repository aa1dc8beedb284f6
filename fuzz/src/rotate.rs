//! Rotation: capsules on their way through the generations of an owner's key, against what they should be; and what an
//! owner sends so that they get there.

use std::sync::{Arc, OnceLock};

use sesphr::context::{Context, ContextBuf, Partition, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::{Params, unwatched};
use sesphr::kac::*;
use sesphr::kapre::Kapre;
use sesphr::kem::{OwnerRoot, SharedKey};
use sesphr::record::Sealer;
use sesphr::sharing::{
    AccessPolicy, Cloud, Level, MemoryStorage, OrderTerms, Owner, Role, Update, User, VerifiedDirectory,
};
use subtle::ConstantTimeEq;

use super::{Toy, bytes};

const GENERATIONS: u8 = 3;

/// An owner with all its generations, and the tokens from each to each later one.
struct World {
    owner: SigningKey,
    params: Params,
    secrets: Vec<OwnerSecret>,
    keys: Vec<VerifiedKey>,
    tokens: Vec<VerifiedToken>,
}

impl World {
    fn get() -> &'static Self {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(Self::new)
    }

    fn new() -> Self {
        let (rng, owner) = (&mut Toy(5), SigningKey::from_seed(&[5; 32]));
        let params = Params::generate(4, &owner, rng, unwatched).unwrap();
        let grid = ClassGrid::new(&[Partition::MEDICAL], 4).unwrap();
        let root = OwnerRoot::try_generate(rng).unwrap();
        let mut secrets: Vec<OwnerSecret> = Vec::new();
        for _ in 0..GENERATIONS {
            let before = secrets.last().map(OwnerSecret::generation).cloned();
            secrets.push(Kac::keygen(&params, &grid, &root, &owner, before.as_ref(), rng).unwrap().0);
        }
        let set: ClassSet = "0,2-3".parse().unwrap();
        let key = |secret: &OwnerSecret| {
            let key = Kac::extract(&params, secret, &set).unwrap();
            Kac::verify_key(&params, secret.generation(), &set, &key).unwrap()
        };
        let keys = secrets.iter().map(key).collect();
        let mut tokens = Vec::new();
        for (from, to) in [(0, 1), (1, 2), (0, 2)] {
            let token = Kac::token(&secrets[from], &secrets[to]).unwrap();
            let token = RotationToken::from_bytes(&token.to_secret_bytes()).unwrap();
            tokens.push(Kac::verify_token(secrets[to].generation(), &token).unwrap());
            assert!(Kac::token(&secrets[to], &secrets[from]).is_err());
        }
        Self { owner, params, secrets, keys, tokens }
    }
}

fn same(a: &SharedKey, b: &SharedKey) -> bool {
    a.ct_eq(b).into()
}

/// A stored capsule, and what is known of it.
struct Stored {
    capsule: Capsule,
    ctx: ContextBuf,
    shared: SharedKey,
    class: u32,
    made: u32,
    /// Whose c2 it has, and of which generation that is.
    c2: (usize, u32),
    /// The generation that it states.
    stated: u32,
}

impl Stored {
    fn is_good(&self, index: usize) -> bool {
        self.c2 == (index, self.stated)
    }

    fn with(&mut self, generation: u32, c2: &[u8]) {
        let mut out = bytes(&self.capsule);
        out[148..152].copy_from_slice(&generation.to_be_bytes());
        out[152..].copy_from_slice(c2);
        self.capsule = Capsule::from_bytes(&out).unwrap();
        self.stated = generation;
    }
}

/// Two bytes are a step: to make a capsule, to rotate all, to open one, to change the number or the c2 of one, or to
/// rotate one under the context of another.
pub fn rotate(data: &[u8]) {
    let w = World::get();
    let mut store: Vec<Stored> = Vec::new();
    for step in data.chunks_exact(2).take(24) {
        let (low, high) = (usize::from(step[1] & 15), step[1] >> 4);
        let at = |n: usize| n % store.len().max(1);
        let (index, other) = (at(low), at(usize::from(high)));
        match step[0] % 6 {
            0 if store.len() < 5 => {
                let stored = make(w, high % GENERATIONS, low as u32 % 4, store.len());
                store.push(stored);
            }
            1 => rotate_all(w, &mut store, &w.tokens[low % w.tokens.len()]),
            2 if !store.is_empty() => open(w, &store[index], index, usize::from(high % GENERATIONS)),
            3 if !store.is_empty() => {
                let c2 = bytes(&store[index].capsule)[152..].to_vec();
                store[index].with(u32::from(high % (GENERATIONS + 1)), &c2);
            }
            4 if !store.is_empty() => {
                let (c2, from) = (bytes(&store[other].capsule)[152..].to_vec(), store[other].c2);
                let stated = store[index].stated;
                store[index].with(stated, &c2);
                store[index].c2 = from;
            }
            5 if !store.is_empty() => {
                let token = &w.tokens[low % w.tokens.len()];
                let (stored, ctx) = (&store[index], &store[other]);
                let result = Kac::rotate(&w.params, token, &[(&stored.capsule, &ctx.ctx.get())]).pop().unwrap();
                assert_eq!(result.err(), expected(stored, index, ctx, token));
            }
            _ => {}
        }
    }
    for (index, stored) in store.iter().enumerate() {
        (0..w.secrets.len()).for_each(|generation| open(w, stored, index, generation));
    }
}

fn make(w: &World, generation: u8, class: u32, index: usize) -> Stored {
    let made = w.secrets[usize::from(generation)].generation();
    let record = RecordId::from_array([index as u8; 16]);
    let subject = Subject { record, version: 1, author: w.owner.id(), aad: b"" };
    let ctx = Kac::context(made, &made.grid().period(class).unwrap(), &subject).unwrap();
    let (capsule, shared) = Kac::encapsulate(&w.params, made, &ctx, &w.owner, &mut Toy(7)).unwrap();
    let (made, ctx) = (u32::from(generation), ContextBuf::try_from(&ctx).unwrap());
    Stored { capsule, ctx, shared, class, made, c2: (index, made), stated: made }
}

/// Why a capsule is refused under the context of another, if it is.
fn expected(stored: &Stored, index: usize, ctx: &Stored, token: &VerifiedToken) -> Option<RotateError> {
    if ctx.made > token.to().generation() {
        Some(RotateError::Context)
    } else if stored.stated != token.from().generation() {
        Some(RotateError::Generation)
    } else if stored.is_good(index) && stored.class == ctx.class {
        None
    } else {
        Some(RotateError::Capsule)
    }
}

fn rotate_all(w: &World, store: &mut [Stored], token: &VerifiedToken) {
    let contexts: Vec<Context<'_>> = store.iter().map(|stored| stored.ctx.get()).collect();
    let pairs: Vec<_> = store.iter().map(|stored| &stored.capsule).zip(&contexts).collect();
    let results = Kac::rotate(&w.params, token, &pairs);
    assert_eq!(results.len(), pairs.len());
    for (index, (stored, result)) in store.iter_mut().zip(results).enumerate() {
        assert_eq!(result.as_ref().err().copied(), expected(stored, index, stored, token));
        let Ok(moved) = result else { continue };
        let (before, after) = (bytes(&stored.capsule), bytes(&moved));
        assert!(before[..148] == after[..148], "what never changes has changed");
        (stored.capsule, stored.stated) = (moved, token.to().generation());
        stored.c2 = (index, stored.stated);
    }
}

/// It opens with the keys of the generation that it states, unless somebody meddled with it.
fn open(w: &World, stored: &Stored, index: usize, generation: usize) {
    let opens = stored.is_good(index) && stored.stated as usize == generation;
    let (secret, ctx) = (&w.secrets[generation], stored.ctx.get());
    let owner = Kac::open(&w.params, secret, &stored.capsule, &ctx);
    assert_eq!(owner.is_ok(), opens);
    assert!(owner.is_err() || same(&owner.unwrap(), &stored.shared));
    assert_eq!(Kac::verify_capsule(&w.params, secret.generation(), &stored.capsule, &ctx).is_ok(), opens);
    let key = &w.keys[generation];
    let opened = Kac::open_aggregate(&w.params, key, &stored.capsule, &ctx);
    assert_eq!(opened.is_ok(), opens && key.set().contains(stored.class));
    assert!(opened.is_err() || same(&opened.unwrap(), &stored.shared));
}

pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let w = World::get();
    let token = Kac::token(&w.secrets[0], &w.secrets[1]).unwrap();
    // Two capsules, of class 0 of generation 0 and of class 2 of generation 1.
    let two = [[0, 0x00], [0, 0x12]].concat();
    let steps = |steps: &[[u8; 2]]| [two.as_slice(), &steps.concat()].concat();
    let mut seeds = vec![
        ("decode_kac", "rotation-token", bytes(&token)),
        ("rotate", "one-after-the-other", steps(&[[1, 0], [2, 0x10], [2, 0x01], [1, 1], [2, 0x20]])),
        ("rotate", "over-one", steps(&[[1, 2], [2, 0x20], [2, 0x00]])),
        ("rotate", "twice", steps(&[[1, 0], [1, 0], [3, 0x00], [1, 0]])),
        ("rotate", "number-changed", steps(&[[3, 0x10], [1, 1], [3, 0x31], [1, 1], [2, 0x10]])),
        ("rotate", "c2-of-another", steps(&[[4, 0x10], [1, 0], [1, 2], [4, 0x01]])),
        ("rotate", "context-of-another", steps(&[[5, 0x10], [5, 0x01], [5, 0x11]])),
    ];
    seeds.extend(sent());
    seeds
}

/// What goes to cloud and members at a departure, and what is stored after.
fn sent() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    const NOW: Timestamp = Timestamp(9);
    let rng = &mut Toy(11);
    let [bob, carol] = [31, 32].map(|seed| SigningKey::from_seed(&[seed; 32]));
    let params = Arc::new(Params::generate(8, &bob, rng, unwatched).unwrap());
    let root = OwnerRoot::try_generate(rng).unwrap();
    let policy = AccessPolicy::new(99);
    let mut owner = Owner::<Kapre>::new(params.clone(), root, policy, [Partition::MEDICAL], 99, NOW).unwrap();
    let mut cloud = Cloud::<Kapre, _>::new(params.clone(), MemoryStorage::new()).unwrap();
    let id = owner.id();
    let [bob, carol] = [bob, carol].map(|signing| User::<Kapre>::new(params.clone(), signing, rng).unwrap());
    for user in [&bob, &carol] {
        let cert = owner.certify(user.id(), Role::Researcher, Validity::new(NOW, Timestamp(99)).unwrap());
        let update: Update = owner.join(&user.bundle(1, NOW), &cert, NOW, NOW, rng).unwrap();
        cloud.publish(&id, &update.directory, NOW).unwrap();
    }
    let directory = cloud.directory(&id).unwrap();
    let directory = VerifiedDirectory::<Kapre>::new(&params, directory, &id, 0, NOW).unwrap();
    let place = directory.place(&Partition::MEDICAL).unwrap();
    let sealer = Sealer::<Kapre>::new(&params, place.key(), place.label(), owner.signing());
    let sealed = sealer.seal(RecordId::from_array([7; 16]), 1, b"a record", rng).unwrap();
    cloud.upload(&sealed, NOW).unwrap();

    let update = owner.depart(&bob.id(), Level::Bodies, NOW, rng).unwrap();
    cloud.publish(&id, &update.directory, NOW).unwrap();
    let orders = owner.orders(&cloud.headers(&id, None, 9).unwrap()).unwrap().unwrap();
    let encoded = bytes(&orders);
    let terms = Signed::<OrderTerms>::from_bytes(&encoded[4..140]).unwrap();
    let _ = cloud.carry_out(&id, &orders).unwrap();
    let moved = cloud.fetch(&id, &RecordId::from_array([7; 16]), &Partition::MEDICAL, 1).unwrap();
    assert!(moved.header().mutable().layer().generation().is_some());
    vec![
        ("decode_sharing", "orders", encoded),
        ("decode_sharing", "order-terms", terms.to_bytes()),
        ("decode_sharing", "layer-grant", update.layer_grants[0].to_bytes()),
        ("decode_sharing", "membership-departed", bytes(&owner.membership())),
        ("decode_record", "mutable-layered", bytes(moved.header().mutable())),
        ("decode_record", "header-layered", bytes(moved.header())),
        ("decode_record", "partition-layered", bytes(&moved)),
    ]
}
