//! Wrapped keys and their updates against an independent implementation: see `rewrap.py`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use sesphr::context::{Partition, RecordId, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::epoch::rewrap::*;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::epoch::{KeyTree, Rewrap};
use sesphr::hazmat::hash;
use sesphr::hazmat::ristretto::{Element, Point, Scalar};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::OwnerRoot;

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};

const NOW: Timestamp = Timestamp(15);

fn vectors() -> Value {
    serde_json::from_str(include_str!("rewrap.json")).unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn party(v: &Value, name: &str) -> SigningKey {
    SigningKey::from_seed(&array(&v["inputs"][name]))
}

fn fresh(value: &Value) -> TestRng {
    TestRng::replay([bytes(value)])
}

/// `name` of a case's intermediates.
fn of(v: &Value, name: &str) -> Vec<u8> {
    bytes(&v["intermediates"][name])
}

fn partition(case: &Value) -> Partition {
    Partition::new(case["partition"].as_str().unwrap()).unwrap()
}

/// The secrets of a case's generations.
fn secrets(v: &Value, case: &Value) -> Vec<EpochSecret> {
    let owner = party(v, "owner_seed").id();
    let root = OwnerRoot::from_bytes(&[&[1, 0, 0, 4][..], &bytes(&v["inputs"]["root"])].concat()).unwrap();
    let of = |secret: &Value| {
        let height = number(&case["height"]).try_into().unwrap();
        let tree = EpochTree::new(owner, partition(case), number(&secret["generation"]), height).unwrap();
        Rise::secret(&EpochKeys::derive(&root, &tree), number(&case["epoch"])).unwrap()
    };
    list(case, "secrets").iter().map(of).collect()
}

fn subject(wrap: &Value) -> RecordVersion {
    let record = RecordId::from_array(array(&wrap["inputs"]["record"]));
    RecordVersion { record, version: wrap["version"].as_u64().unwrap() }
}

/// The crate's wrapped key is the other side's, to the byte, and opens.
fn assert_same(wrapped: &Wrapped, v: &Value, wrap: &Value, secret: &EpochSecret) {
    let encoded = bytes(&v["messages"]["wrapped"]);
    assert_eq!(wrapped.to_bytes(), encoded);
    assert_eq!(Wrapped::from_bytes(&encoded).as_ref(), Ok(wrapped));
    let opened = Rise::unwrap(secret, wrapped, &subject(wrap)).unwrap();
    assert_eq!(opened.as_bytes()[..], bytes(&wrap["inputs"]["data_key"]));
}

fn scalar(bytes: &[u8]) -> Scalar {
    Scalar::read(&mut Reader::new(bytes)).unwrap()
}

fn point(bytes: &[u8]) -> Point {
    Point::from_bytes(bytes.try_into().unwrap()).unwrap()
}

fn encoded(element: Element) -> Vec<u8> {
    element.encode().as_bytes().to_vec()
}

#[test]
fn every_message_and_key() {
    let v = &vectors();
    let (owner, author, cloud) = (party(v, "owner_seed"), party(v, "author_seed"), party(v, "cloud_seed"));
    let cases: Vec<_> = list(v, "cases").iter().map(|case| (case, secrets(v, case))).collect();

    let validity = Validity::new(Timestamp(10), Timestamp(20)).unwrap();
    let current = cases.iter().map(|(_, secrets)| &secrets[0]);
    let directory = Signed::new(&owner, EpochDirectory::new(4, validity, current).unwrap());
    let expected = bytes(&v["directory"]["messages"]["directory"]);
    assert_eq!(directory.to_bytes(), expected);
    let directory = Signed::<EpochDirectory>::from_bytes(&expected).unwrap();
    let directory = VerifiedEpochDirectory::new(&directory, &owner.id(), 4, NOW).unwrap();

    for (case, secrets) in &cases {
        let public = directory.key(&partition(case), NOW).unwrap();
        let wrap = |wrap: &Value| {
            let data_key = DataKey::from_array(&array(&wrap["inputs"]["data_key"]));
            let mut rng = fresh(&wrap["inputs"]["fresh_m"]);
            let wrapped = Rise::wrap(public, &subject(wrap), &data_key, &author, &mut rng).unwrap();
            assert!(rng.is_used_up());
            assert_same(&wrapped, wrap, wrap, &secrets[0]);
            wrapped
        };
        let wraps = list(case, "wraps");
        let mut held: Vec<_> = wraps.iter().map(wrap).collect();
        for (step, pair) in list(case, "steps").iter().zip(secrets.windows(2)) {
            let [old, new] = pair else { unreachable!("pairs") };
            let token = Rise::token(old, new, &owner).unwrap();
            assert_eq!(token.terms().to_bytes(), bytes(&step["messages"]["terms"]));
            assert_eq!(token.to_secret_bytes()[..], bytes(&step["messages"]["token"]));
            let token = Token::from_bytes(&bytes(&step["messages"]["token"])).unwrap();
            let token = Rise::verify_token(&token, &owner.id()).unwrap();
            let (at, mut rng) = (token.location(), fresh(&step["inputs"]["fresh_many"]));
            let many = Rise::update_many(&token, &at, &held, &cloud, &mut rng).unwrap();
            assert!(rng.is_used_up());
            let mut rng = fresh(&step["inputs"]["fresh_one"]);
            let one = Rise::update(&token, &at, &held[0], &cloud, &mut rng).unwrap();
            assert!(rng.is_used_up());
            assert_same(&one, &step["one"], &wraps[0], new);
            for ((wrapped, expected), wrap) in many.iter().zip(list(step, "many")).zip(wraps) {
                assert_same(wrapped, expected, wrap, new);
                assert!(Rise::unwrap(old, wrapped, &subject(wrap)).is_err());
            }
            held = many;
        }
        assert_eq!(list(case, "steps").len() + 1, secrets.len());
    }
}

/// H_s(label, parts…) of this group.
fn h_s(label: &'static str, parts: &[&[u8]]) -> Vec<u8> {
    Scalar::from_wide(&hash::wide(label, parts)).to_bytes().to_vec()
}

/// What no message shows, recomputed with the crate's hashes and group.
#[test]
fn every_intermediate() {
    let v = &vectors();
    let hedge = |name: &str| hash::kdf("sesphr v1 hedge key", &bytes(&v["inputs"][name]), &[]).to_vec();
    let (author, cloud) = (hedge("author_seed"), hedge("cloud_seed"));
    assert_eq!((&author, &cloud), (&of(v, "author_hedge"), &of(v, "cloud_hedge")));
    let owner = *party(v, "owner_seed").id().as_bytes();
    for case in list(v, "cases") {
        let secrets = list(case, "secrets");
        for secret in secrets {
            let x = scalar(&of(secret, "x"));
            assert_eq!(x.invert().to_bytes()[..], of(secret, "inverse"));
            assert_eq!(encoded(Element::base(&x)), of(secret, "Y"));
        }
        let (name, epoch) = (partition(case), number(&case["epoch"]).to_be_bytes());
        let (name, height, y) = (name.as_str().as_bytes(), [number(&case["height"]) as u8], of(&secrets[0], "Y"));
        for wrap in list(case, "wraps") {
            let (record, key) = (bytes(&wrap["inputs"]["record"]), bytes(&wrap["inputs"]["data_key"]));
            let version = wrap["version"].as_u64().unwrap().to_be_bytes();
            let count = wrap["author_draws"].as_u64().unwrap().to_be_bytes();
            let subject: [&[u8]; 6] = [&owner, name, &epoch, &height, &record, &version];
            let fresh = bytes(&wrap["inputs"]["fresh_m"]);
            let head: [&[u8]; 5] = [&fresh, &author, &count, &y, &key];
            assert_eq!(h_s("sesphr v1 rewrap m", &[&head[..], &subject].concat()), of(wrap, "m"));
            let m = scalar(&of(wrap, "m"));
            assert_eq!(encoded(Element::base(&m)), of(wrap, "M"));
            let base = Point::generator();
            assert_eq!(h_s("sesphr v1 rewrap rho", &[&m.to_bytes()[..], &y, base.as_bytes()]), of(wrap, "rho"));
            let rho = scalar(&of(wrap, "rho"));
            assert_eq!(encoded(point(&y).mul(&rho)), of(wrap, "C1"));
            assert_eq!(encoded(Element::base(&rho) + Element::base(&m)), of(wrap, "C2"));
            let k = hash::kdf("sesphr v1 rewrap key", &of(wrap, "M"), &subject);
            let pad = hash::kdf("sesphr v1 rewrap pad", &*k, &[]);
            assert_eq!((k[..].to_vec(), pad[..].to_vec()), (of(wrap, "K"), of(wrap, "pad")));
            let sealed: Vec<_> = key.iter().zip(&*pad).map(|(a, b)| a ^ b).collect();
            assert_eq!(sealed, of(wrap, "sealed"));
            assert_eq!(hash::kdf("sesphr v1 rewrap tag", &*k, &[&sealed])[..], of(wrap, "tag"));
        }
        for (step, pair) in list(case, "steps").iter().zip(secrets.windows(2)) {
            let delta = &scalar(&of(&pair[1], "x")) * &scalar(&of(&pair[0], "inverse"));
            assert_eq!(delta.to_bytes()[..], of(step, "delta"));
            let first = step["cloud_draws"].as_u64().unwrap();
            for (count, fresh, seed) in [(first, "fresh_many", "seed_many"), (first + 1, "fresh_one", "seed_one")] {
                let (fresh, count) = (bytes(&step["inputs"][fresh]), count.to_be_bytes());
                let parts: [&[u8]; 4] = [&fresh, &cloud, &count, &of(step, "digest")];
                assert_eq!(hash::wide("sesphr v1 rewrap update", &parts)[..], of(step, seed));
            }
        }
        // ρ' of each, from the points before.
        let mut points: Vec<_> = list(case, "wraps").iter().map(|wrap| (of(wrap, "C1"), of(wrap, "C2"))).collect();
        for step in list(case, "steps") {
            let rho = |seed, (c1, c2): &(Vec<u8>, Vec<u8>)| h_s("sesphr v1 rewrap rho", &[&of(step, seed), c1, c2]);
            assert_eq!(rho("seed_one", &points[0]), of(&step["one"], "rho"));
            let many = list(step, "many");
            for (point, update) in points.iter().zip(many) {
                assert_eq!(rho("seed_many", point), of(update, "rho"));
            }
            points = many.iter().map(|update| (of(update, "C1"), of(update, "C2"))).collect();
        }
    }
}
