//! Wrapped keys. Points, directories, terms and wrapped keys are published; x, data keys, Δ and the generators are secret.

use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::epoch::rewrap::*;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{KeyTree, Rewrap};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use subtle::ConstantTimeEq;

use crate::Case;
use crate::memcheck::{declassify, declassify_bytes, is_secret, poison, running};
use crate::world::{AUTHOR, NOW, OWNER, SERVER, Toy, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("rewrap-secret", secret),
    ("rewrap-wrap", wrap),
    ("rewrap-unwrap", unwrap),
    ("rewrap-unwrap-other-record", unwrap_other_record),
    ("rewrap-token", token),
    ("rewrap-token-decode", token_decode),
    ("rewrap-verify-token", verify_token),
    ("rewrap-verify-others-token", verify_others_token),
    ("rewrap-update", update),
    ("rewrap-update-many", update_many),
];

const EPOCH: u32 = 5;
const SUBJECT: RecordVersion = RecordVersion { record: RecordId::from_array([7; 16]), version: 1 };

/// The keys of the epoch alone: one node.
fn keys(generation: u32) -> EpochKeys {
    let tree = EpochTree::new(SigningKey::from_seed(&OWNER).id(), Partition::MEDICAL, generation, 8).unwrap();
    let root = OwnerRoot::try_generate(&mut Toy::clear()).unwrap();
    EpochKeys::derive(&root, &tree).grant(EPOCH..=EPOCH).unwrap()
}

/// In the clear.
fn clear(generation: u32) -> EpochSecret {
    Rise::secret(&keys(generation), EPOCH).unwrap()
}

/// The same, marked.
fn marked(generation: u32) -> EpochSecret {
    let keys = decode_marked(&keys(generation), |bytes| bytes.last_chunk_mut::<32>().unwrap());
    Rise::secret(&keys, EPOCH).unwrap()
}

/// The same object, published.
fn publish<T: Encoding>(object: &T) -> T {
    let bytes = object.to_bytes();
    declassify_bytes(&bytes);
    T::from_bytes(&bytes).unwrap()
}

fn directory(secret: &EpochSecret) -> EpochDirectory {
    EpochDirectory::new(1, Validity::new(Timestamp(10), Timestamp(20)).unwrap(), [secret]).unwrap()
}

fn public() -> EpochPublic {
    let owner = SigningKey::from_seed(&OWNER);
    let signed = Signed::new(&owner, directory(&clear(0)));
    let checked = VerifiedEpochDirectory::new(&signed, &owner.id(), 0, NOW).unwrap();
    checked.key(&Partition::MEDICAL, NOW).unwrap().clone()
}

fn data_key() -> DataKey {
    DataKey::try_generate(&mut Toy::clear()).unwrap()
}

fn wrapped() -> Wrapped {
    let author = SigningKey::from_seed(&AUTHOR);
    Rise::wrap(&public(), &SUBJECT, &data_key(), &author, &mut Toy::clear()).unwrap()
}

/// The data key is secret, and it is the right one.
fn assert_opened(key: &DataKey) {
    assert_eq!(is_secret(key.as_bytes()), running());
    assert_eq!(declassify(key.ct_eq(&data_key()).unwrap_u8()), 1);
}

fn clear_token() -> Token {
    Rise::token(&clear(0), &clear(1), &SigningKey::from_seed(&OWNER)).unwrap()
}

fn marked_token() -> Token {
    decode_marked(&clear_token(), |bytes| bytes.last_chunk_mut::<32>().unwrap())
}

fn verified() -> VerifiedToken {
    Rise::verify_token(&marked_token(), &SigningKey::from_seed(&OWNER).id()).unwrap()
}

fn secret() {
    let published = publish(&Signed::new(&secret_signer(OWNER), directory(&marked(0))));
    assert!(*published.unverified() == directory(&clear(0)));
}

fn wrap() {
    let mut bytes = *data_key().as_bytes();
    poison(&mut bytes);
    let (data_key, author) = (DataKey::from_array(&bytes), secret_signer(AUTHOR));
    let wrapped = Rise::wrap(&public(), &SUBJECT, &data_key, &author, &mut Toy::secret()).unwrap();
    let opened = Rise::unwrap(&clear(0), &publish(&wrapped), &SUBJECT).unwrap();
    assert!(opened.as_bytes() == self::data_key().as_bytes());
}

fn unwrap() {
    assert_opened(&Rise::unwrap(&marked(0), &wrapped(), &SUBJECT).unwrap());
}

fn unwrap_other_record() {
    let other = RecordVersion { version: 2, ..SUBJECT };
    assert!(Rise::unwrap(&marked(0), &wrapped(), &other).is_err());
}

fn token() {
    let token = Rise::token(&marked(0), &marked(1), &secret_signer(OWNER)).unwrap();
    let bytes = token.to_secret_bytes();
    assert_eq!(is_secret(bytes.last_chunk::<32>().unwrap()), running());
    declassify_bytes(&bytes);
    assert!(*bytes == *clear_token().to_secret_bytes());
}

fn token_decode() {
    marked_token();
}

fn verify_token() {
    verified();
}

/// Another factor under these terms.
fn verify_others_token() {
    let mut bytes = clear_token().to_secret_bytes();
    let last = bytes.len() - 32;
    bytes[last] ^= 1;
    let token = Token::from_bytes(&bytes).unwrap();
    let token = decode_marked(&token, |bytes| bytes.last_chunk_mut::<32>().unwrap());
    assert!(Rise::verify_token(&token, &SigningKey::from_seed(&OWNER).id()).is_err());
}

fn assert_moved(moved: &Wrapped) {
    let opened = Rise::unwrap(&clear(1), &publish(moved), &SUBJECT).unwrap();
    assert!(opened.as_bytes() == data_key().as_bytes());
}

fn update() {
    let (token, cloud, rng) = (verified(), secret_signer(SERVER), &mut Toy::secret());
    assert_moved(&Rise::update(&token, &token.location(), &wrapped(), &cloud, rng).unwrap());
}

fn update_many() {
    let (token, cloud, rng) = (verified(), secret_signer(SERVER), &mut Toy::secret());
    let moved = Rise::update_many(&token, &token.location(), &[wrapped(), wrapped()], &cloud, rng).unwrap();
    moved.iter().for_each(assert_moved);
}
