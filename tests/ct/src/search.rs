//! Search in both modes. Roots, keys, factors, and what is encrypted and asked for are secret; paths, spaces, lengths of
//! codes, and which bounds there are, are not. What comes out is published: entries, tokens, signed terms.

use std::hint::black_box;

use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::search::{code, number, point, prefix, range};
use sesphr::hazmat::search_ordered;
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;
use sesphr::search::ordered::{Switch, SwitchCheckError, SwitchKey, SwitchRotation, inspect};
use sesphr::search::{
    Attribute, Encoder, Federated, Ordered, Path, Queries, Query, Search, SearchRoot, Space, Step, Trapdoor, Value,
};

use crate::Case;
use crate::memcheck::{declassify_bytes, is_secret, poison, running, text};
use crate::world::{AUTHOR, OWNER, Toy, USER, decode_marked, secret_signer};

pub const CASES: &[Case] = &[
    ("search-federated-keys", || keys(&numbers::<Federated>(Queries::RangesAndPoints))),
    ("search-federated-encrypt", || encrypt(&numbers::<Federated>(Queries::RangesAndPoints), a_number)),
    ("search-federated-encrypt-code", || encrypt(&codes(), a_code)),
    ("search-federated-decrypt", federated_decrypt),
    ("search-federated-decrypt-others", federated_decrypt_others),
    ("search-federated-reencrypt", federated_reencrypt),
    ("search-federated-question-range", || question(&numbers::<Federated>(Queries::RangesAndPoints), a_range)),
    ("search-federated-question-point", || question(&numbers::<Federated>(Queries::RangesAndPoints), a_point)),
    ("search-federated-question-code", || question(&codes(), |secret| point(a_code(secret)))),
    ("search-federated-question-prefix", || question(&codes(), |secret| prefix(&text("E11", secret)))),
    ("search-ordered-keys", || keys(&numbers::<Ordered>(Queries::Ranges))),
    ("search-ordered-encrypt", || encrypt(&numbers::<Ordered>(Queries::Ranges), a_number)),
    ("search-ordered-question-range", || question(&numbers::<Ordered>(Queries::Ranges), a_range)),
    ("search-ordered-question-point", || question(&numbers::<Ordered>(Queries::Ranges), a_point)),
    ("search-ordered-inspect", ordered_inspect),
    ("search-switch-keys", switch_keys),
    ("search-switch-others-key", switch_others_key),
    ("search-switch", switch),
    ("search-switch-rotation", switch_rotation),
];

fn space<M: Search>(encoder: Encoder, queries: Queries) -> Space<M> {
    let (owner, name) = (SigningKey::from_seed(&OWNER).id(), Attribute::new("name").unwrap());
    Space::new(owner, Partition::MEDICAL, name, encoder, queries).unwrap()
}

fn numbers<M: Search>(queries: Queries) -> Space<M> {
    space(Encoder::integer(16).unwrap(), queries)
}

fn codes() -> Space<Federated> {
    space(Encoder::code(&[1, 3, 8]).unwrap(), Queries::Points)
}

fn clear_root() -> OwnerRoot {
    OwnerRoot::try_generate(&mut Toy::clear()).unwrap()
}

fn root(secret: bool) -> SearchRoot {
    let root = clear_root();
    SearchRoot::new(&if secret { decode_marked(&root, |bytes| &mut bytes[4..]) } else { root })
}

fn step(seed: [u8; 32]) -> Step {
    Step { party: SigningKey::from_seed(&seed).id(), generation: 0 }
}

fn hospital() -> Path {
    Path::new(step(AUTHOR))
}

const NUMBER: u64 = 0x1234;

fn a_u64(clear: u64, secret: bool) -> u64 {
    let mut bytes = black_box(clear.to_be_bytes());
    if secret {
        poison(&mut bytes);
    }
    u64::from_be_bytes(bytes)
}

fn a_number(secret: bool) -> Value {
    number(a_u64(NUMBER, secret))
}

fn a_code(secret: bool) -> Value {
    code(&text("E11.9", secret))
}

fn a_range(secret: bool) -> Query {
    range(Some(a_u64(NUMBER, secret)), Some(a_u64(NUMBER + 5, secret)))
}

fn a_point(secret: bool) -> Query {
    point(a_number(secret))
}

fn write_key<M: Search>(space: &Space<M>, secret: bool) -> M::WriteKey {
    M::write_key(&root(secret), space, &hospital())
}

fn query_key<M: Search>(space: &Space<M>, secret: bool) -> M::QueryKey {
    M::query_key(&root(secret), space, step(USER), &[hospital()]).unwrap()
}

fn last(bytes: &mut [u8]) -> &mut [u8] {
    bytes.last_chunk_mut::<32>().unwrap()
}

/// The bytes are secret, and after they are published those of another run in the clear.
fn assert_published(bytes: &[u8], clear: &[u8]) {
    assert_eq!(is_secret(bytes), running());
    declassify_bytes(bytes);
    declassify_bytes(clear);
    assert!(bytes == clear);
}

/// The key at the end is secret, nothing else is, and it is the one that it should be. So it is when it was decoded.
fn assert_key<K: SecretEncoding>(key: &K, clear: &K) {
    let (bytes, expected) = (key.to_secret_bytes(), clear.to_secret_bytes());
    assert!(!is_secret(&bytes[..bytes.len() - 32]));
    assert_published(&bytes, &expected);
    let again = decode_marked(clear, last);
    assert_published(&again.to_secret_bytes(), &expected);
}

/// Of a hospital, of a department below it, and of a user.
fn keys<M: Search>(space: &Space<M>) {
    let (marked, clear) = (write_key(space, true), write_key(space, false));
    assert_key(&marked, &clear);
    let child = |key: &M::WriteKey| M::child_key(key, step(USER)).unwrap();
    assert_key(&child(&marked), &child(&clear));
    assert_key(&query_key(space, true), &query_key(space, false));
    assert_key(&M::narrow(&query_key(space, true), |_| true).unwrap(), &query_key(space, false));
}

/// What is drawn is secret too.
fn encrypted<M: Search>(key: &M::WriteKey, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    M::encrypt(key, value, &mut Toy::secret(), &mut out).unwrap();
    out
}

fn encrypt<M: Search>(space: &Space<M>, value: fn(bool) -> Value) {
    let clear = encrypted::<M>(&write_key(space, false), &value(false));
    assert_published(&encrypted::<M>(&write_key(space, true), &value(true)), &clear);
}

fn question<M: Search>(space: &Space<M>, query: fn(bool) -> Query) {
    let asked = |secret| {
        let mut out = Vec::new();
        M::question(&query_key(space, secret), &query(secret)).unwrap().write(&mut out);
        out
    };
    assert_published(&asked(true), &asked(false));
}

/// An entry that is published.
fn entry<M: Search>(space: &Space<M>) -> Vec<u8> {
    let entry = encrypted::<M>(&write_key(space, false), &a_number(false));
    declassify_bytes(&entry);
    entry
}

fn assert_number(number: u64) {
    assert_published(&number.to_be_bytes(), &NUMBER.to_be_bytes());
}

fn federated_decrypt() {
    let space = numbers::<Federated>(Queries::RangesAndPoints);
    assert_number(*write_key(&space, true).decrypt(&entry(&space)).unwrap());
    assert_number(*query_key(&space, true).decrypt(&hospital(), &entry(&space)).unwrap());
}

/// That the key is another's is told, and no more.
fn federated_decrypt_others() {
    let space = numbers::<Federated>(Queries::RangesAndPoints);
    let other = Federated::write_key(&root(true), &space, &Path::new(step(USER)));
    assert!(other.decrypt(&entry(&space)).is_err());
}

fn federated_reencrypt() {
    let space = numbers::<Federated>(Queries::RangesAndPoints);
    let next = |secret| Federated::write_key(&root(secret), &space, &Path::new(Step { generation: 1, ..step(AUTHOR) }));
    let mut out = Vec::new();
    write_key(&space, true).reencrypt(&next(true), &entry(&space), &mut Toy::secret(), &mut out).unwrap();
    assert_published(&out, &encrypted::<Federated>(&next(false), &a_number(false)));
}

fn ordered_inspect() {
    let space = numbers::<Ordered>(Queries::Ranges);
    let read = inspect(&root(true), &space, &hospital(), &entry(&space)).unwrap();
    assert_number(search_ordered::number(&read).unwrap());
}

fn signer(seed: [u8; 32], secret: bool) -> SigningKey {
    if secret { secret_signer(seed) } else { SigningKey::from_seed(&seed) }
}

fn provider(secret: bool) -> SwitchKey {
    let owner = signer(OWNER, secret);
    SwitchKey::provider(&root(secret), &numbers(Queries::Ranges), &hospital(), &owner).unwrap()
}

fn querier(secret: bool) -> SwitchKey {
    let owner = signer(OWNER, secret);
    SwitchKey::querier(&root(secret), &numbers(Queries::Ranges), step(USER), &[hospital()], &owner).unwrap()
}

fn child(secret: bool) -> SwitchKey {
    let key = write_key(&numbers::<Ordered>(Queries::Ranges), secret);
    SwitchKey::child(&key, step(USER), &signer(AUTHOR, secret)).unwrap()
}

fn switch_keys() {
    for key in [provider, querier, child] {
        let (bytes, expected) = (key(true).to_secret_bytes(), key(false).to_secret_bytes());
        assert_published(&bytes, &expected);
        decode_marked(&key(false), last).verify(&signer(OWNER, false).id()).unwrap();
    }
}

/// Another factor under these terms.
fn switch_others_key() {
    let mut bytes = provider(false).to_secret_bytes();
    let at = bytes.len() - 32;
    bytes[at] ^= 1;
    let key = decode_marked(&SwitchKey::from_bytes(&bytes).unwrap(), last);
    assert_eq!(key.verify(&signer(OWNER, false).id()).unwrap_err(), SwitchCheckError::Factor);
}

/// Factors are secret; what is uploaded and asked is not.
fn switch() {
    let space = numbers::<Ordered>(Queries::Ranges);
    let below = hospital().child(step(USER)).unwrap();
    let switched = |secret: bool| {
        let mut switch = Switch::new(&space, 0);
        for key in [provider, child, querier] {
            let key = if secret { decode_marked(&key(false), last) } else { key(false) };
            switch.add(&key.verify(&signer(OWNER, false).id()).unwrap()).unwrap();
        }
        let state = switch.to_secret_bytes();
        assert_eq!(is_secret(&state), running() && secret);
        // As it comes back from where it is kept, with its marks.
        let mut switch = Switch::from_bytes(&state).unwrap();
        let mut out = Vec::new();
        switch.switch_value(&hospital(), &entry(&space), &mut out).unwrap();
        let points = encrypted::<Ordered>(&Ordered::write_key(&root(false), &space, &below), &a_number(false));
        switch.switch_value(&below, &points, &mut out).unwrap();
        let asked = Ordered::question(&query_key(&space, false), &a_range(false)).unwrap();
        switch.switch_question(step(USER), &asked).unwrap().write(&mut out);
        let rotation = rotation(false);
        let rotation = if secret { decode_marked(&rotation, last) } else { rotation };
        switch.rotate(&rotation.verify(&signer(OWNER, false).id()).unwrap()).unwrap();
        switch.switch_stored_value(&hospital(), &entry(&space), &mut out).unwrap();
        out
    };
    assert_published(&switched(true), &switched(false));
}

fn rotation(secret: bool) -> SwitchRotation {
    let owner = signer(OWNER, secret);
    SwitchRotation::new(&root(secret), &numbers(Queries::Ranges), 0, 1, &owner).unwrap()
}

fn switch_rotation() {
    let terms = |secret| rotation(secret).terms().to_bytes();
    assert_published(&terms(true), &terms(false));
    assert_published(&rotation(true).to_secret_bytes(), &rotation(false).to_secret_bytes());
    let mut other = rotation(false).to_secret_bytes();
    let at = other.len() - 32;
    other[at] ^= 1;
    let other = decode_marked(&SwitchRotation::from_bytes(&other).unwrap(), last);
    assert_eq!(other.verify(&signer(OWNER, false).id()).unwrap_err(), SwitchCheckError::Factor);
}
