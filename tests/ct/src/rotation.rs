//! Rotation and what goes with it. The difference of two keys, the owner's root and the keys of layers are secret; the
//! capsules that come out are stored and served to whoever asks.

use std::sync::Arc;

use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::mul_p;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::{Params, unwatched};
use sesphr::kac::*;
use sesphr::kapre::{HpkeKem, Kapre, UserKey, UserSecret};
use sesphr::kem::OwnerRoot;
use sesphr::pre::Pre;
use sesphr::record::{SealedHeader, Sealer};
use sesphr::sharing::{
    AccessPolicy, Cloud, LayerGrant, Level, MemoryStorage, Orders, Owner, Role, SharingScheme, Update, User,
    VerifiedDirectory,
};

use crate::Case;
use crate::kac::{World, assert_same};
use crate::memcheck::{declassify_bytes, is_secret, poison, poison_fields, running};
use crate::world::{AUTHOR, OWNER, Toy, USER, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("rotation-token", token),
    ("rotation-token-decode", token_decode),
    ("rotation-verify-token", verify_token),
    ("rotation-rotate", || rotate(false)),
    ("rotation-rotate-one-bad", || rotate(true)),
    ("rotation-seal-message", || seal(HpkeKem::X25519)),
    ("rotation-seal-message-x-wing", || seal(HpkeKem::XWing)),
    ("rotation-open-message", || open(HpkeKem::X25519)),
    ("rotation-open-message-x-wing", || open(HpkeKem::XWing)),
    ("rotation-take-layers", take_layers),
    ("rotation-orders", orders),
];

// Tokens and capsules -------------------------------------------------------------------------------------------------

/// In the clear.
fn clear_token(w: &World) -> RotationToken {
    Kac::token(&w.secret, &w.next()).unwrap()
}

fn marked_token(w: &World) -> RotationToken {
    decode_marked(&clear_token(w), |bytes| bytes.last_chunk_mut::<32>().unwrap())
}

fn token() {
    let mut w = World::new();
    let (expected, next) = (clear_token(&w).to_secret_bytes(), w.marked_next());
    w.mark_gamma();
    let token = Kac::token(&w.secret, &next).unwrap().to_secret_bytes();
    assert_eq!((is_secret(&token[..68]), is_secret(&token[68..])), (false, running()));
    declassify_bytes(&token);
    assert_eq!(token, expected);
}

fn token_decode() {
    marked_token(&World::new());
}

fn verify_token() {
    let w = World::new();
    let next = w.next();
    assert!(Kac::verify_token(next.generation(), &marked_token(&w)).is_ok());
    // Another difference.
    let mut bytes = clear_token(&w).to_secret_bytes();
    bytes[68] ^= 1;
    poison(&mut bytes[68..]);
    let other = RotationToken::from_bytes(&bytes).unwrap();
    assert!(Kac::verify_token(next.generation(), &other).is_err());
}

/// Three capsules of two classes, and perhaps one with the c2 of another.
fn rotate(one_bad: bool) {
    let w = World::new();
    let next = w.next();
    let token = Kac::verify_token(next.generation(), &marked_token(&w)).unwrap();
    let contexts = [(2, 7), (0, 8), (2, 9)].map(|(class, record)| w.context(class, record));
    let mut sealed = contexts.each_ref().map(|ctx| w.capsule(ctx));
    if one_bad {
        let mut bytes = sealed[1].0.to_bytes();
        bytes[152..200].copy_from_slice(&mul_p(&hash::scalar("ct", &[])).to_affine().to_bytes());
        sealed[1].0 = Capsule::from_bytes(&bytes).unwrap();
    }
    let items: Vec<_> = sealed.iter().map(|(capsule, _)| capsule).zip(&contexts).collect();
    let moved = Kac::rotate(&w.params, &token, &items);
    assert_eq!(moved.len(), 3);
    for (i, (moved, (_, expected))) in moved.into_iter().zip(&sealed).enumerate() {
        assert_eq!(moved.is_err(), one_bad && i == 1);
        let Ok(moved) = moved else { continue };
        let bytes = moved.to_bytes();
        assert_eq!((is_secret(&bytes[..152]), is_secret(&bytes[152..])), (false, running()));
        declassify_bytes(&bytes);
        let moved = Capsule::from_bytes(&bytes).unwrap();
        assert_same(&Kac::open(&w.params, &next, &moved, &contexts[i]).unwrap(), expected);
    }
}

// Messages to members -------------------------------------------------------------------------------------------------

/// As long as some keys of layers.
const LEN: usize = 300;

fn user(kem: HpkeKem) -> (UserSecret, Signed<UserKey>) {
    UserSecret::generate(kem, &SigningKey::from_seed(&USER), &mut Toy::clear()).unwrap()
}

fn marked(secret: &UserSecret) -> UserSecret {
    decode_marked(secret, |bytes| bytes.last_chunk_mut::<32>().unwrap())
}

fn seal(kem: HpkeKem) {
    let (secret, public) = user(kem);
    let params = Params::generate(1, &SigningKey::from_seed(&OWNER), &mut Toy::clear(), unwatched).unwrap();
    let key = Kapre::verify_user(&params, &public, &SigningKey::from_seed(&USER).id()).unwrap();
    let (info, mut message) = (params.digest(), vec![7; LEN]);
    poison(&mut message);
    let sealed = Kapre::seal_to(&key, &message, &info, &secret_signer(OWNER), &mut Toy::secret()).unwrap();
    declassify_bytes(&sealed);
    assert_eq!(&Kapre::open_sealed(&secret, &sealed, &info).unwrap()[..], [7; LEN]);
}

fn open(kem: HpkeKem) {
    let (secret, public) = user(kem);
    let params = Params::generate(1, &SigningKey::from_seed(&OWNER), &mut Toy::clear(), unwatched).unwrap();
    let key = Kapre::verify_user(&params, &public, &SigningKey::from_seed(&USER).id()).unwrap();
    let owner = SigningKey::from_seed(&OWNER);
    let sealed = Kapre::seal_to(&key, &[7; LEN], &params.digest(), &owner, &mut Toy::clear()).unwrap();
    let opened = Kapre::open_sealed(&marked(&secret), &sealed, &params.digest()).unwrap();
    assert_eq!(is_secret(&opened), running());
    declassify_bytes(&opened);
    assert_eq!(opened[..], [7; LEN]);
    let other = Kapre::open_sealed(&marked(&secret), &sealed, &other_digest());
    assert!(other.is_err());
}

/// Some other digest.
fn other_digest() -> sesphr::Digest {
    sesphr::Digest::from_array([9; 32])
}

// Owner and member ----------------------------------------------------------------------------------------------------

const NOW: Timestamp = Timestamp(9);

/// In the clear: an owner whom a member left, one who stays, and what the cloud stores.
struct Departure {
    owner: Owner<Kapre>,
    root: OwnerRoot,
    params: Arc<Params>,
    stays: (SigningKey, UserSecret, Signed<UserKey>),
    headers: Vec<SealedHeader>,
    layers: Signed<LayerGrant>,
    cloud: Cloud<Kapre, MemoryStorage>,
}

impl Departure {
    fn new() -> Self {
        let rng = &mut Toy::clear();
        let [bob, carol] = [AUTHOR, USER].map(|seed| SigningKey::from_seed(&seed));
        let params = Arc::new(Params::generate(4, &bob, rng, unwatched).unwrap());
        let root = OwnerRoot::try_generate(rng).unwrap();
        let again = || OwnerRoot::from_bytes(&root.to_secret_bytes()).unwrap();
        let policy = AccessPolicy::new(99);
        let mut owner = Owner::<Kapre>::new(params.clone(), again(), policy, [Partition::MEDICAL], 99, NOW).unwrap();
        let mut cloud = Cloud::<Kapre, _>::new(params.clone(), MemoryStorage::new()).unwrap();
        let (id, validity) = (owner.id(), Validity::new(NOW, Timestamp(99)).unwrap());
        let bob = User::<Kapre>::new(params.clone(), bob, rng).unwrap();
        let (secret, public) = UserSecret::generate(HpkeKem::X25519, &carol, rng).unwrap();
        let stays = (SigningKey::from_seed(&USER), secret, public);
        let (secret, public) = (UserSecret::from_bytes(&stays.1.to_secret_bytes()).unwrap(), stays.2.clone());
        let carol = User::<Kapre>::from_keys(params.clone(), carol, secret, public);
        for user in [&bob, &carol] {
            let cert = owner.certify(user.id(), Role::Researcher, validity);
            let update: Update = owner.join(&user.bundle(1, NOW), &cert, NOW, NOW, rng).unwrap();
            cloud.publish(&id, &update.directory, NOW).unwrap();
        }
        let directory = cloud.directory(&id).unwrap();
        let directory = VerifiedDirectory::<Kapre>::new(&params, directory, &id, 0, NOW).unwrap();
        let place = directory.place(&Partition::MEDICAL).unwrap();
        let sealer = Sealer::<Kapre>::new(&params, place.key(), place.label(), owner.signing());
        let sealed = sealer.seal(RecordId::from_array([7; 16]), 1, b"a record", rng).unwrap();
        cloud.upload(&sealed, NOW).unwrap();
        let mut update = owner.depart(&bob.id(), Level::Bodies, NOW, rng).unwrap();
        cloud.publish(&id, &update.directory, NOW).unwrap();
        let (headers, layers) = (cloud.headers(&id, None, 9).unwrap(), update.layer_grants.pop().unwrap());
        Self { owner, root, params, stays, headers, layers, cloud }
    }
}

fn take_layers() {
    let d = Departure::new();
    let (signing, secret, public) = d.stays;
    let mut stays = User::<Kapre>::from_keys(d.params, signing, marked(&secret), public);
    assert!(stays.take_layers(&d.owner.id(), &d.layers).is_ok());
    // How many there are of these keys came out of a ciphertext: nothing is learnt from how they are freed.
    core::mem::forget(stays);
}

fn orders() {
    let mut d = Departure::new();
    let (id, expected) = (d.owner.id(), d.owner.orders(&d.headers).unwrap().unwrap().to_secret_bytes());
    poison_fields(&mut d.owner, &[&d.root.to_secret_bytes()[4..]]);
    let orders = d.owner.orders(&d.headers).unwrap().unwrap();
    let bytes = orders.to_secret_bytes();
    assert_eq!(is_secret(&bytes), running());
    declassify_bytes(&bytes);
    assert_eq!(bytes, expected);
    let orders = Orders::from_bytes(&bytes).unwrap();
    assert_eq!(d.cloud.carry_out(&id, &orders).unwrap().covered, 1);
}
