//! Broadcasts to groups against an independent implementation: see `broadcast.py`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use sesphr::Digest;
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::epoch::BroadcastEncryption;
use sesphr::epoch::broadcast::{Broadcast, CommonKey, Group, GroupKeys, Recipients, SeatKeys};
use sesphr::hazmat::hash;
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::OwnerRoot;
use zeroize::Zeroizing;

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};

fn vectors() -> Value {
    serde_json::from_str(include_str!("broadcast.json")).unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

/// The owner, and its keys of the group.
fn derive(v: &Value) -> (SigningKey, GroupKeys) {
    let (owner, name) = (SigningKey::from_seed(&array(&v["inputs"]["owner_seed"])), array(&v["inputs"]["name"]));
    let group = Group::new(owner.id(), Digest::from_array(name), number(&v["height"]).try_into().unwrap()).unwrap();
    let root = OwnerRoot::from_bytes(&bytes(&v["messages"]["owner_root"])).unwrap();
    (owner, GroupKeys::derive(&root, &group))
}

#[test]
fn seats_have_the_same_keys() {
    for v in list(&vectors(), "cases") {
        let (_, keys) = derive(v);
        assert_eq!(keys.group().id().as_bytes()[..], bytes(&v["intermediates"]["id"]));
        for seat in list(v, "seats") {
            let encoded = bytes(&seat["message"]);
            assert_eq!(keys.seat(number(&seat["seat"])).unwrap().to_secret_bytes()[..], encoded);
            assert_eq!(SeatKeys::from_bytes(&encoded).unwrap().to_secret_bytes()[..], encoded);
            assert!(encoded.ends_with(&list(seat, "keys").iter().flat_map(bytes).collect::<Vec<_>>()));
        }
    }
}

#[test]
fn broadcasts_are_the_same_and_open_for_the_same() {
    for v in list(&vectors(), "cases") {
        let (owner, keys) = derive(v);
        for broadcast in list(v, "broadcasts") {
            let (common, encoded) = (array(&broadcast["common"]), bytes(&broadcast["message"]));
            let revoked: Vec<_> = broadcast["revoked"].as_array().unwrap().iter().map(number).collect();
            let recipients = Recipients { seats: number(&broadcast["seats"]), revoked: &revoked };
            let (count, common_key) = (broadcast["number"].as_u64().unwrap(), CommonKey::new(Zeroizing::new(common)));
            let mut rng = TestRng::replay([bytes(&broadcast["fresh_salt"])]);
            let sent = keys.broadcast(&owner, count, &common_key, &recipients, &mut rng).unwrap();
            assert!(rng.is_used_up());
            assert_eq!(sent.to_bytes(), encoded);
            let received = Signed::<Broadcast>::from_bytes(&encoded).unwrap().verify(&owner.id()).unwrap();
            assert_eq!((received.number(), received.nodes()), (count, list(broadcast, "cover").len()));
            for seat in list(v, "seats") {
                let seat = SeatKeys::from_bytes(&bytes(&seat["message"])).unwrap();
                let to = seat.seat() < recipients.seats && !revoked.contains(&seat.seat());
                assert_eq!(received.is_to(seat.seat()), to);
                assert_eq!(seat.open(&received).ok().map(|opened| *opened.as_bytes()), to.then_some(common));
            }
        }
    }
}

/// What no message shows, recomputed with the crate's hashes.
#[test]
fn every_intermediate() {
    for v in list(&vectors(), "cases") {
        let (inputs, id) = (&v["inputs"], bytes(&v["intermediates"]["id"]));
        let owner = SigningKey::from_seed(&array(&inputs["owner_seed"])).id();
        let parts = [owner.as_bytes(), &bytes(&inputs["name"])[..], &[number(&v["height"]) as u8]];
        assert_eq!(hash::wide("sesphr v1 broadcast group", &parts)[..32], id);
        let master = hash::kdf("sesphr v1 broadcast master", &bytes(&inputs["root"]), &[&id]);
        assert_eq!(master[..], bytes(&v["intermediates"]["master"]));
        for broadcast in list(v, "broadcasts") {
            let (count, salt) = (broadcast["number"].as_u64().unwrap().to_be_bytes(), bytes(&broadcast["salt"]));
            for node in list(broadcast, "cover") {
                let place = [&[number(&node["level"]) as u8][..], &number(&node["index"]).to_be_bytes()].concat();
                let (key, sealed) = (bytes(&node["key"]), bytes(&node["sealed"]));
                assert_eq!(hash::kdf("sesphr v1 broadcast node", &master[..], &[&id, &place])[..], key);
                let pad = hash::kdf("sesphr v1 broadcast pad", &key, &[&id, &count, &salt, &place]);
                assert_eq!(pad[..], bytes(&node["pad"]));
                assert!(pad.iter().zip(&sealed).map(|(a, b)| a ^ b).eq(bytes(&broadcast["common"])));
                let tag = hash::kdf("sesphr v1 broadcast tag", &key, &[&id, &count, &salt, &place, &sealed]);
                assert_eq!(tag[..], bytes(&node["tag"]));
            }
        }
    }
}
