//! The key-aggregate cryptosystem. Parameters, certificates and capsules are what the protocol publishes; α, β, γ, K_S
//! and what masks a capsule are secret.

use sesphr::context::{Context, Partition, RecordId, Subject};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::mul_p;
use sesphr::identity::SigningKey;
use sesphr::kac::params::{EncodedParams, Params, PointForm, Transcript, VerifiedTranscript, unwatched};
use sesphr::kac::*;
use sesphr::kem::{OwnerRoot, SharedKey};
use subtle::ConstantTimeEq;

use crate::Case;
use crate::memcheck::{declassify, declassify_bytes, image, is_secret, poison_fields, running};
use crate::world::{AUTHOR, OWNER, Toy, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("kac-generate", generate),
    ("kac-contribute", contribute),
    ("kac-keygen", keygen),
    ("kac-encapsulate", encapsulate),
    ("kac-open", open),
    ("kac-open-other-context", open_other_context),
    ("kac-extract", extract),
    ("kac-aggregate-key-decode", aggregate_key_decode),
    ("kac-verify-key", verify_key),
    ("kac-open-aggregate", open_aggregate),
    ("kac-open-batch", || open_batch(false)),
    ("kac-open-batch-one-bad", || open_batch(true)),
];

/// Everything in the clear, for four classes.
pub struct World {
    pub owner: SigningKey,
    pub author: SigningKey,
    pub params: Params,
    grid: ClassGrid,
    root: OwnerRoot,
    pub secret: OwnerSecret,
}

impl World {
    pub fn new() -> Self {
        let rng = &mut Toy::clear();
        let [owner, author] = [OWNER, AUTHOR].map(|seed| SigningKey::from_seed(&seed));
        let params = Params::generate(4, &owner, rng, unwatched).unwrap();
        let grid = ClassGrid::new(&[Partition::MEDICAL], 4).unwrap();
        let root = OwnerRoot::try_generate(rng).unwrap();
        let (secret, _) = Kac::keygen(&params, &grid, &root, &owner, None, rng).unwrap();
        Self { owner, author, params, grid, root, secret }
    }

    pub fn public(&self) -> VerifiedGeneration {
        self.secret.generation().clone()
    }

    pub fn context(&self, class: u32, record: u8) -> Context<'static> {
        let record = RecordId::from_array([record; 16]);
        let subject = Subject { record, version: 1, author: self.author.id(), aad: b"constant time" };
        Kac::context(&self.public(), &self.grid.period(class).unwrap(), &subject).unwrap()
    }

    pub fn capsule(&self, ctx: &Context<'_>) -> (Capsule, SharedKey) {
        Kac::encapsulate(&self.params, &self.public(), ctx, &self.author, &mut Toy::clear()).unwrap()
    }

    /// Marks γ, computed here as the library does.
    pub fn mark_gamma(&mut self) {
        let image = self.gamma_image(0);
        poison_fields(&mut self.secret, &[&image]);
    }

    fn gamma_image(&self, generation: u32) -> Vec<u8> {
        let (root, grid) = (self.root.to_secret_bytes(), self.grid.to_bytes());
        let (id, digest) = (self.owner.id(), self.params.digest());
        let parts: [&[u8]; 5] = [&root[4..], id.as_bytes(), digest.as_bytes(), &grid, &generation.to_be_bytes()];
        image(&hash::scalar("sesphr v1 kac gamma", &parts))
    }

    /// The generation after, in the clear.
    pub fn next(&self) -> OwnerSecret {
        OwnerSecret::derive(&self.params, &self.grid, &self.root, &self.owner.id(), Some(&self.public())).unwrap()
    }

    /// The same with its γ marked.
    pub fn marked_next(&self) -> OwnerSecret {
        let mut next = self.next();
        poison_fields(&mut next, &[&self.gamma_image(1)]);
        next
    }

    /// The key of a set, with K_S marked.
    fn marked_key(&self, set: &ClassSet) -> AggregateKey {
        let key = Kac::extract(&self.params, &self.secret, set).unwrap();
        decode_marked(&key, |bytes| bytes.last_chunk_mut::<96>().unwrap())
    }

    fn marked_verified_key(&self, set: &str) -> VerifiedKey {
        let set = set.parse().unwrap();
        Kac::verify_key(&self.params, &self.public(), &set, &self.marked_key(&set)).unwrap()
    }
}

fn published(bytes: Vec<u8>) -> Vec<u8> {
    declassify_bytes(&bytes);
    bytes
}

/// The key is the other one.
pub fn assert_same(key: &SharedKey, other: &SharedKey) {
    assert_eq!(declassify(key.ct_eq(other).unwrap_u8()), 1);
}

/// A key that was opened: secret, as far as that can be seen. On the default backend the mask comes out of a table that
/// is looked up with secret digits, see known.supp, and what memcheck reads there it takes as public.
pub fn assert_opened(key: &SharedKey, expected: &SharedKey) {
    assert!(is_secret(key.hazmat_bytes()) || !running() || !cfg!(feature = "blst"));
    assert_same(key, expected);
}

fn generate() {
    let params = Params::generate(4, &secret_signer(OWNER), &mut Toy::secret(), unwatched).unwrap();
    let bytes = published(params.encode(PointForm::Uncompressed).to_bytes());
    assert!(EncodedParams::from_bytes(&bytes).unwrap().verify(&mut Toy::clear(), unwatched).is_ok());
}

fn contribute() {
    let mut ceremony = VerifiedTranscript::start(4).unwrap();
    ceremony.contribute(&secret_signer(OWNER), &mut Toy::secret(), unwatched).unwrap();
    let bytes = published(ceremony.transcript(PointForm::Uncompressed).to_bytes());
    assert!(Transcript::from_bytes(&bytes).unwrap().verify(&mut Toy::clear(), unwatched).is_ok());
}

fn keygen() {
    let w = World::new();
    let root = decode_marked(&w.root, |bytes| &mut bytes[4..]);
    let (_, cert) = Kac::keygen(&w.params, &w.grid, &root, &secret_signer(OWNER), None, &mut Toy::secret()).unwrap();
    let cert = declassify(cert);
    assert!(Kac::verify_owner(&w.params, &cert, &w.owner.id(), None).is_ok());
}

fn encapsulate() {
    let w = World::new();
    let ctx = w.context(2, 7);
    let author = secret_signer(AUTHOR);
    let (capsule, key) = Kac::encapsulate(&w.params, &w.public(), &ctx, &author, &mut Toy::secret()).unwrap();
    let capsule = declassify(capsule);
    assert_eq!(is_secret(key.hazmat_bytes()), running());
    assert!(Kac::verify_capsule(&w.params, &w.public(), &capsule, &ctx).is_ok());
    assert_same(&key, &Kac::open(&w.params, &w.secret, &capsule, &ctx).unwrap());
}

fn open() {
    let mut w = World::new();
    let ctx = w.context(2, 7);
    let (capsule, key) = w.capsule(&ctx);
    w.mark_gamma();
    assert_opened(&Kac::open(&w.params, &w.secret, &capsule, &ctx).unwrap(), &key);
}

fn open_other_context() {
    let mut w = World::new();
    let ctx = w.context(2, 7);
    let (capsule, _) = w.capsule(&ctx);
    w.mark_gamma();
    let other = Context { version: 2, ..ctx };
    assert!(Kac::open(&w.params, &w.secret, &capsule, &other).is_err());
}

fn extract() {
    let mut w = World::new();
    w.mark_gamma();
    let set = "0,2-3".parse().unwrap();
    let key = Kac::extract(&w.params, &w.secret, &set).unwrap();
    let bytes = key.to_secret_bytes();
    assert_eq!(is_secret(&bytes[4..]), running());
    declassify_bytes(&bytes);
    let key = AggregateKey::from_bytes(&bytes).unwrap();
    assert!(Kac::verify_key(&w.params, &w.public(), &set, &key).is_ok());
}

fn aggregate_key_decode() {
    let w = World::new();
    w.marked_key(&"0,2-3".parse().unwrap());
}

fn verify_key() {
    let w = World::new();
    w.marked_verified_key("0,2-3");
    // The key of one class more.
    let (set, other) = ("0,2".parse().unwrap(), "0,2-3".parse().unwrap());
    assert!(Kac::verify_key(&w.params, &w.public(), &set, &w.marked_key(&other)).is_err());
}

fn open_aggregate() {
    let w = World::new();
    let ctx = w.context(2, 7);
    let (capsule, expected) = w.capsule(&ctx);
    let key = w.marked_verified_key("0,2-3");
    assert_opened(&Kac::open_aggregate(&w.params, &key, &capsule, &ctx).unwrap(), &expected);
}

/// Three capsules of two classes, and perhaps one with the c2 of another.
fn open_batch(one_bad: bool) {
    let w = World::new();
    let contexts = [(2, 7), (0, 8), (2, 9)].map(|(class, record)| w.context(class, record));
    let mut sealed = contexts.each_ref().map(|ctx| w.capsule(ctx));
    if one_bad {
        let mut bytes = sealed[1].0.to_bytes();
        bytes[152..200].copy_from_slice(&mul_p(&hash::scalar("ct", &[])).to_affine().to_bytes());
        sealed[1].0 = Capsule::from_bytes(&bytes).unwrap();
    }
    let key = w.marked_verified_key("0,2-3");
    let items: Vec<_> = sealed.iter().map(|(capsule, _)| capsule).zip(&contexts).collect();
    let opened = Kac::open_batch(&w.params, &key, &items);
    for (i, (opened, (_, expected))) in opened.iter().zip(&sealed).enumerate() {
        match opened {
            Ok(key) => assert_opened(key, expected),
            Err(_) => assert!(one_bad && i == 1),
        }
    }
    assert_eq!(opened.iter().filter(|opened| opened.is_err()).count(), usize::from(one_bad));
}
