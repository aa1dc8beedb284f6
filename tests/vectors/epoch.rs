//! Trees of epoch keys against an independent implementation: see `epoch.py`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use sesphr::context::Partition;
use sesphr::encoding::{Message, SecretEncoding};
use sesphr::epoch::KeyTree;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::hazmat::hash;
use sesphr::identity::PartyId;
use sesphr::kem::OwnerRoot;

use crate::common::json::{array, bytes, list};

fn vectors() -> Value {
    serde_json::from_str(include_str!("epoch.json")).unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

/// The tree, and the owner's keys of it.
fn derive(v: &Value) -> (EpochTree, EpochKeys) {
    let (owner, partition) = (PartyId::from_array(array(&v["inputs"]["owner"])), v["partition"].as_str().unwrap());
    let height = number(&v["height"]).try_into().unwrap();
    let tree = EpochTree::new(owner, Partition::new(partition).unwrap(), number(&v["generation"]), height).unwrap();
    (tree, EpochKeys::derive(&OwnerRoot::from_bytes(&bytes(&v["messages"]["owner_root"])).unwrap(), &tree))
}

/// The crate's keys are those of the other side, to the byte, and are what the other side's bytes decode to.
fn assert_same(keys: &EpochKeys, v: &Value) {
    let encoded = bytes(&v["keys"]);
    assert_eq!(keys.to_secret_bytes()[..], encoded);
    assert_eq!(EpochKeys::from_bytes(&encoded).unwrap().to_secret_bytes()[..], encoded);
    let nodes = v["nodes"].as_array().unwrap().iter().flat_map(|node| {
        let place = [&[number(&node["level"]) as u8][..], &number(&node["index"]).to_be_bytes()].concat();
        [place, bytes(&node["key"])].concat()
    });
    assert!(encoded.ends_with(&nodes.collect::<Vec<_>>()));
}

#[test]
fn trees_derive_the_same_keys() {
    for v in list(&vectors(), "cases") {
        let ((tree, keys), middle) = (derive(v), &v["intermediates"]);
        assert_eq!(tree.id().as_bytes()[..], bytes(&middle["id"]));
        assert_eq!(keys.to_secret_bytes()[..], bytes(&v["messages"]["all"]));
        assert!(keys.to_secret_bytes().ends_with(&bytes(&middle["root"])));
        for leaf in list(v, "leaves") {
            let derived = keys.leaf(number(&leaf["epoch"])).unwrap();
            assert_eq!(derived.key().as_bytes()[..], bytes(&leaf["key"]));
            assert_eq!(derived.scalar_bytes()[..], bytes(&leaf["scalar_bytes"]));
        }
    }
}

#[test]
fn grants_merges_and_punctures_give_the_same_bytes() {
    for v in list(&vectors(), "cases") {
        let (_, all) = derive(v);
        let range = |v: &Value| number(&v["first"])..=number(&v["last"]);
        for grant in list(v, "grants") {
            assert_same(&all.grant(range(grant)).unwrap(), grant);
        }
        // Nothing to begin with.
        let mut held = all.grant(0..=0).unwrap();
        held.puncture(0..=0).unwrap();
        for step in list(v, "story") {
            match step["step"].as_str() {
                Some("merge") => held.merge(&all.grant(range(step)).unwrap()).unwrap(),
                _ => held.puncture(range(step)).unwrap(),
            }
            assert_same(&held, step);
            for leaf in list(v, "leaves") {
                let (epoch, key) = (number(&leaf["epoch"]), bytes(&leaf["key"]));
                let open = held.epochs().any(|run| run.contains(&epoch));
                assert_eq!(held.leaf(epoch).ok().map(|leaf| leaf.key().as_bytes().to_vec()), open.then_some(key));
            }
        }
    }
}

/// What no message shows, recomputed with the crate's hashes.
#[test]
fn every_intermediate() {
    for v in list(&vectors(), "cases") {
        let (m, height) = (&v["intermediates"], number(&v["height"]) as u8);
        let (owner, partition) = (bytes(&v["inputs"]["owner"]), v["partition"].as_str().unwrap().as_bytes());
        let (id, generation) = (bytes(&m["id"]), number(&v["generation"]).to_be_bytes());
        assert_eq!(hash::wide("sesphr v1 epoch tree", &[&owner, partition, &generation, &[height]])[..32], id);
        let master = hash::kdf("sesphr v1 epoch master", &bytes(&v["inputs"]["root"]), &[&owner, partition]);
        assert_eq!(master[..], bytes(&m["master"]));
        assert_eq!(hash::kdf("sesphr v1 epoch root", &master[..], &[&id])[..], bytes(&m["root"]));
        for leaf in list(v, "leaves") {
            let place = [&id[..], &[0], &number(&leaf["epoch"]).to_be_bytes()].concat();
            let expand = |label| hash::wide(label, &[&bytes(&leaf["leaf"]), &place]);
            assert_eq!(expand("sesphr v1 ggm key")[..32], bytes(&leaf["key"]));
            assert_eq!(expand("sesphr v1 ggm wide")[..], bytes(&leaf["scalar_bytes"]));
        }
    }
}
