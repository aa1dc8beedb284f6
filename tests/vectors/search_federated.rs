//! Search in the federated mode against an independent implementation: see `search_federated.py`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::slice::from_ref;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Block};
use serde_json::Value;
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::hazmat::{hash, search as hazmat};
use sesphr::identity::PartyId;
use sesphr::kem::OwnerRoot;
use sesphr::search::federated::{Federated, QueryKey, Right, Scan, Trapdoor, WriteKey};
use sesphr::search::{Form, Path, Query, Search, SearchRoot, Space, Step, Store, Trapdoor as _};

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};

fn vectors() -> Value {
    serde_json::from_str(include_str!("search_federated.json")).unwrap()
}

fn root(v: &Value) -> SearchRoot {
    let root = [&[1, 0, 0, 4][..], &bytes(&v["inputs"]["owner_root"])].concat();
    SearchRoot::new(&OwnerRoot::from_bytes(&root).unwrap())
}

fn space(case: &Value) -> Space<Federated> {
    Space::from_bytes(&bytes(&case["space"])).unwrap()
}

fn path(case: &Value) -> Path {
    let encoded = bytes(&case["path"]);
    let steps = encoded[1..].chunks_exact(36).map(|step| Step {
        party: PartyId::from_array(step[..32].try_into().unwrap()),
        generation: u32::from_be_bytes(step[32..].try_into().unwrap()),
    });
    let path = steps.fold(None, |path: Option<Path>, step| {
        Some(path.map_or_else(|| Path::new(step), |path| path.child(step).unwrap()))
    });
    path.unwrap()
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap()
}

fn number(value: &Value) -> Option<u64> {
    value.as_str().map(|text| text.parse().unwrap())
}

/// The numbers in a list.
fn small<T: TryFrom<u64>>(list: &Value) -> Vec<T> {
    list.as_array().unwrap().iter().filter_map(|item| item.as_u64()?.try_into().ok()).collect()
}

/// A value as the space has it, and its bytes.
fn value(space: &Space<Federated>, value: &Value) -> (sesphr::search::Value, Vec<u8>) {
    let text = value.as_str().unwrap();
    match space.encoder().bits() {
        None => (hazmat::code(text), text.as_bytes().to_vec()),
        Some(_) => (hazmat::number(text.parse().unwrap()), number(value).unwrap().to_be_bytes().to_vec()),
    }
}

fn decode(space: &Space<Federated>, token: &[u8]) -> Trapdoor {
    let mut reader = Reader::new(token);
    let trapdoor = Trapdoor::read(&space.shape(), &mut reader).unwrap();
    reader.finish().unwrap();
    trapdoor
}

#[test]
fn every_key_and_message() {
    let v = &vectors();
    for case in list(v, "cases") {
        let (space, path) = (space(case), path(case));
        assert_eq!(space.to_bytes(), bytes(&case["space"]));
        assert_eq!(space.id().as_bytes()[..], bytes(&case["space_id"]));
        let key = Federated::write_key(&root(v), &space, &path);
        assert_eq!(key.to_secret_bytes()[..], bytes(&case["write_key"]));
        let key = WriteKey::from_bytes(&bytes(&case["write_key"])).unwrap();
        let asker = Federated::query_key(&root(v), &space, path.last(), from_ref(&path)).unwrap();
        assert_eq!(asker.to_secret_bytes()[..], bytes(&case["query_key"]));
        let asker = QueryKey::from_bytes(&bytes(&case["query_key"])).unwrap();

        let mut scan = Scan::new(&space);
        for (entry, expected) in (0..).zip(list(case, "entries")) {
            let (plain, _) = value(&space, &expected["value"]);
            let (right, nonce) = (bytes(&expected["right"]), array(&expected["nonce"]));
            let (mut made, mut rng) = (Vec::new(), TestRng::replay([bytes(&expected["fresh"])]));
            Federated::encrypt(&key, &plain, &mut rng, &mut made).unwrap();
            assert!(rng.is_used_up());
            assert_eq!(made, right);
            made.clear();
            hazmat::encrypt_with(&key, &plain, nonce, &mut made).unwrap();
            assert_eq!(made, right);
            assert_eq!(Right::check(&space.shape(), &right), Ok(()));
            if space.queries().ranges() {
                assert_eq!(key.decrypt(&right).map(|n| *n).ok(), number(&expected["value"]));
                assert_eq!(asker.decrypt(&path, &right).map(|n| *n).ok(), number(&expected["value"]));
            }
            scan.insert(entry, 0, &right).unwrap();
        }
        let asks = |query: &Query, expected: &Value| {
            let token = bytes(&expected["token"]);
            let (trapdoor, mut encoded) = (Federated::question(&asker, query).unwrap(), Vec::new());
            trapdoor.write(&mut encoded);
            assert_eq!(encoded, token);
            assert_eq!(decode(&space, &token), trapdoor);
            assert_eq!(scan.query(from_ref(&path), &trapdoor).entries, small::<u32>(&expected["found"]));
        };
        for range in items(case, "ranges") {
            asks(&hazmat::range(number(&range["lower"]), number(&range["upper"])), range);
        }
        for point in items(case, "points") {
            asks(&hazmat::point(value(&space, &point["value"]).0), point);
        }
        for prefix in items(case, "prefixes") {
            asks(&hazmat::prefix(prefix["value"].as_str().unwrap()), prefix);
        }
    }
}

fn aes(key: &[u8], block: [u8; 16]) -> [u8; 16] {
    let mut block = Block::from(block);
    Aes128Enc::new_from_slice(&key[..16]).unwrap().encrypt_block(&mut block);
    block.into()
}

/// What no message shows, recomputed with the crate's hashes.
#[test]
fn every_intermediate() {
    let v = &vectors();
    let kdf = |label, key: &[u8], parts: &[&[u8]]| hash::kdf(label, key, parts).to_vec();
    let search_root = kdf("sesphr v1 search root", &bytes(&v["inputs"]["owner_root"]), &[]);
    assert_eq!(search_root, bytes(&v["search_root"]));
    for case in list(v, "cases") {
        let (id, path) = (bytes(&case["space_id"]), path(case));
        let mut chain = vec![kdf("sesphr v1 federated chain", &search_root, &[&id])];
        for step in path.steps() {
            let (party, generation) = (step.party.as_bytes(), step.generation.to_be_bytes());
            let last = chain.last().unwrap();
            chain.push(kdf("sesphr v1 federated child", last, &[party, &generation]));
        }
        assert_eq!(chain, list(case, "chain").iter().map(bytes).collect::<Vec<_>>());
        let data = kdf("sesphr v1 federated data key", chain.last().unwrap(), &[&id]);
        assert_eq!(data, bytes(&case["data"]));
        let [k1, k2, k_eq] = [
            ("sesphr v1 federated blocks", "k1", 16),
            ("sesphr v1 federated slots", "k2", 16),
            ("sesphr v1 federated tags", "k_eq", 32),
        ]
        .map(|(label, name, len)| {
            let key = kdf(label, &data, &[])[..len].to_vec();
            assert_eq!(key, bytes(&case[name]), "{name}");
            key
        });
        let key = WriteKey::from_bytes(&bytes(&case["write_key"])).unwrap();
        for permutation in items(case, "permutations") {
            let (index, prefix) =
                (permutation["index"].as_u64().unwrap() as u8, number(&permutation["prefix"]).unwrap());
            let slots = small::<u8>(&permutation["slots"]);
            assert_eq!(hazmat::permutation(&key, index, prefix)[..], slots);
            let block = |number: u8| {
                let mut block = [0; 16];
                (block[0], block[1]) = (index, number);
                block[8..].copy_from_slice(&prefix.to_be_bytes());
                block
            };
            let stream: Vec<u8> = (0..8).flat_map(|counter| aes(&k2, block(counter))).collect();
            let mut order: Vec<_> = stream.chunks_exact(8).zip(0..16_u8).collect();
            order.sort_unstable();
            let ranked: Vec<_> =
                (0..16).map(|v| order.iter().position(|(_, other)| *other == v).unwrap() as u8).collect();
            assert_eq!(ranked, slots);
            let keys: Vec<_> = (0..16).map(|slot| aes(&k1, block(slot)).to_vec()).collect();
            assert_eq!(keys, list(permutation, "slot_keys").iter().map(bytes).collect::<Vec<_>>());
        }
        let space = space(case);
        for entry in list(case, "entries") {
            let (_, text) = value(&space, &entry["value"]);
            let nonce = hash::wide("sesphr v1 federated nonce", &[&bytes(&entry["fresh"]), &data, &text]);
            assert_eq!(nonce[..16], bytes(&entry["nonce"]));
            if space.queries().points() {
                let key = hash::wide("sesphr v1 federated tag", &[&k_eq, &[255], &text]);
                let right = bytes(&entry["right"]);
                assert_eq!(aes(&*key, array(&entry["nonce"]))[..8], right[right.len() - 8..]);
            }
        }
        for range in items(case, "ranges") {
            compare(case, range);
        }
    }
}

/// The outcome and the block of every comparison, from the token and the entries alone.
fn compare(case: &Value, range: &Value) {
    let (shape, token) = (space(case).shape(), bytes(&range["token"]));
    let count = usize::from(shape.bits() / 4);
    let len = 16 * count + count.div_ceil(2);
    let mut rest = &token[1 + 4 + bytes(&case["path"]).len()..];
    for (bound, name) in ["lower", "upper"].into_iter().enumerate() {
        if range[name].is_null() {
            continue;
        }
        let (left, after) = rest.split_at(len);
        rest = after;
        for (entry, orders) in list(case, "entries").iter().zip(list(range, "orders")) {
            let (right, nonce) = (bytes(&entry["right"]), array(&entry["nonce"]));
            let outcome = |i: usize| {
                let slot = left[16 * count + i / 2] >> (4 * (1 - i % 2)) & 0xf;
                let masked = aes(&left[16 * i..16 * i + 16], nonce);
                let mask = (u64::from(u32::from_be_bytes(masked[..4].try_into().unwrap())) * 3) >> 32;
                let word = u32::from_be_bytes(right[16 + 4 * i..20 + 4 * i].try_into().unwrap());
                (u64::from(word >> (2 * slot) & 3) + 3 - mask) % 3
            };
            let first = (0..count).map(|i| (outcome(i), i)).find(|(outcome, _)| *outcome != 0);
            let (outcome, at) = first.unwrap_or((0, count));
            assert_eq!(small::<u64>(&orders[bound]), [outcome, at as u64]);
        }
    }
    assert!(rest.is_empty());
}
