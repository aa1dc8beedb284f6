//! Sealed records against an independent implementation: see `record.py`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::HashMap;

use crate::common::json::{array, bytes, list};
use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use serde_json::Value;
use sesphr::Digest;
use sesphr::context::{Context, ContextBuf, Partition, RecordId, Slot};
use sesphr::encoding::{Encoding, Message, SuiteId};
use sesphr::epoch::KeyTree;
use sesphr::epoch::tree::EpochKeys;
use sesphr::hazmat::hash;
use sesphr::hazmat::record::{Fixed, open_into, open_layered_into, open_range};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::record::{
    Aead, ChunkSize, Expected, LayerKey, LayerStep, Plaintext, Seal, SealedHeader, SealedPartition, SealedRange,
    Versions,
};
use sha2::{Digest as _, Sha512};

fn vectors() -> Value {
    serde_json::from_str(include_str!("record.json")).unwrap()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap().try_into().unwrap()
}

/// As the other side writes bytes: what is long by its hash.
fn shown(bytes: &[u8]) -> String {
    let (mark, bytes) =
        if bytes.len() <= 1024 { ("", bytes.to_vec()) } else { ("sha512:", Sha512::digest(bytes).to_vec()) };
    bytes.iter().fold(mark.to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn plaintext(v: &Value) -> Vec<u8> {
    (0..number(&v["length"])).map(|i| (i % 251) as u8).collect()
}

fn aead(v: &Value) -> Aead {
    if v["aead"] == "AES-256-GCM" { Aead::Aes256Gcm } else { Aead::ChaCha20Poly1305 }
}

fn author(v: &Value) -> SigningKey {
    SigningKey::from_seed(&array(&v["inputs"]["author_seed"]))
}

fn context<'a>(v: &Value, aad: &'a [u8]) -> Context<'a> {
    let (input, slot) = (&v["inputs"], u32::try_from(number(&v["slot_number"])).unwrap());
    Context {
        suite: SuiteId::Afgh,
        owner: PartyId::from_array(array(&input["owner"])),
        record: RecordId::from_array(array(&input["record"])),
        version: v["version"].as_u64().unwrap(),
        partition: Partition::new(v["partition"].as_str().unwrap()).unwrap(),
        slot: if v["slot"] == "class" { Slot::Class(slot) } else { Slot::Epoch(slot) },
        params: Digest::from_array(array(&input["params"])),
        origin: Digest::from_array(array(&input["origin"])),
        author: author(v).id(),
        aad,
    }
}

/// Seals the case with the crate, and hands over what it was sealed from.
fn seal<T>(v: &Value, then: impl FnOnce(&Fixed<'_>, SealedHeader, Vec<u8>) -> T) -> T {
    let (input, mut body) = (&v["inputs"], Vec::new());
    let (aad, capsule, key) = (bytes(&input["aad"]), bytes(&input["capsule"]), array(&input["key"]));
    let fixed = Fixed {
        key: &key,
        context: context(v, &aad),
        capsule: &capsule,
        aead: aead(v),
        chunk_size: ChunkSize::new(number(&v["chunk_size"])).unwrap(),
        salt: array(&input["salt"]),
    };
    let header = fixed.seal_into(&author(v), &plaintext(v), &mut body).unwrap();
    then(&fixed, header, body)
}

#[test]
fn sealing_makes_the_same_bytes() {
    for v in list(&vectors(), "cases") {
        let (middle, message) = (&v["intermediates"], &v["messages"]);
        seal(v, |fixed, header, body| {
            assert_eq!(fixed.context.digest().as_bytes()[..], bytes(&middle["context_digest"]));
            assert_eq!(ContextBuf::try_from(&fixed.context).unwrap().to_bytes(), bytes(&message["context"]));
            assert_eq!(header.immutable().to_bytes(), bytes(&message["immutable_header"]));
            assert_eq!(header.immutable().digest().as_bytes()[..], bytes(&middle["header_digest"]));
            assert_eq!(header.mutable().to_bytes(), bytes(&message["mutable_header"]));
            assert_eq!(header.seal().unverified().to_bytes(), bytes(&message["seal_statement"]));
            assert_eq!(header.seal().unverified().root().as_bytes()[..], bytes(&middle["root"]));
            assert_eq!(header.seal().digest().as_bytes()[..], bytes(&middle["statement_id"]));
            assert_eq!(header.seal().to_bytes(), bytes(&message["seal"]));
            assert_eq!(header.to_bytes(), bytes(&message["sealed_header"]));
            let chunks: Vec<_> = body.chunks(number(&v["chunk_size"]) + 16).map(shown).collect();
            assert!(list(v, "chunks").iter().map(|chunk| &chunk["sealed"]).eq(&chunks));
            assert_eq!(v["body"], shown(&body));
            #[cfg(feature = "std")]
            {
                let mut streamed = Vec::new();
                let same = fixed.seal_stream(&author(v), &mut &plaintext(v)[..], &mut streamed).unwrap();
                assert!(same == header && streamed == body);
            }
            let partition = SealedPartition::from_parts(header, body).unwrap();
            assert_eq!(v["sealed_partition"], shown(&partition.to_bytes()));
            for range in list(v, "ranges") {
                let (start, end) = (range["start"].as_u64().unwrap(), range["end"].as_u64().unwrap());
                let cut = partition.range(start..end).unwrap().to_bytes();
                let proof: Vec<u8> = range["proof"].as_array().unwrap().iter().flat_map(bytes).collect();
                assert!(cut.ends_with(&proof));
                assert_eq!(range["sealed_range"], shown(&cut));
            }
        });
    }
}

/// What the other side wrote opens. Where it wrote only a hash, the bytes are those that have this hash.
#[test]
fn opening_takes_the_other_sides_bytes() {
    let given = |value: &Value, own: Vec<u8>| {
        if !value.as_str().unwrap().starts_with("sha512:") {
            return bytes(value);
        }
        assert_eq!(*value, shown(&own));
        own
    };
    for v in list(&vectors(), "cases") {
        let own = seal(v, |_, header, body| SealedPartition::from_parts(header, body).unwrap());
        let partition = SealedPartition::from_bytes(&given(&v["sealed_partition"], own.to_bytes())).unwrap();
        let ctx = partition.header().context();
        let expected = Expected {
            owner: ctx.owner,
            record: ctx.record,
            partition: ctx.partition,
            authors: &[ctx.author],
            versions: Versions::Exactly(ctx.version),
        };
        let (key, text, mut out) = (array(&v["inputs"]["key"]), plaintext(v), Plaintext::new());
        partition.verify().unwrap();
        open_into(&key, &expected, partition.header(), partition.body(), &mut out).unwrap();
        assert_eq!(out[..], text);
        #[cfg(feature = "std")]
        {
            let (mut body, mut out) = (std::io::Cursor::new(partition.body()), Vec::new());
            sesphr::hazmat::record::open_stream(&key, &expected, partition.header(), &mut body, &mut out).unwrap();
            assert_eq!(out, text);
        }
        for range in list(v, "ranges") {
            let (start, end) = (range["start"].as_u64().unwrap(), range["end"].as_u64().unwrap());
            let cut = given(&range["sealed_range"], own.range(start..end).unwrap().to_bytes());
            let cut = SealedRange::from_bytes(&cut).unwrap();
            let opened = open_range(&key, &expected, &cut, start..end).unwrap();
            assert_eq!(opened[..], text[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]);
        }
    }
}

/// One layer after another, each from what the last one left.
#[test]
fn layers_are_the_same_bytes() {
    let (vectors, mut count) = (vectors(), 0);
    for v in list(&vectors, "cases") {
        let mut partition = seal(v, |_, header, body| SealedPartition::from_parts(header, body).unwrap());
        let digest = partition.header().immutable().digest();
        let mut from: Option<(u32, EpochKeys)> = None;
        for layer in v["layers"].as_array().unwrap() {
            let (generation, epoch) = (number(&layer["generation"]) as u32, number(&layer["epoch"]) as u32);
            let keys = EpochKeys::from_bytes(&bytes(&layer["epoch_keys"])).unwrap();
            let leaf_key = keys.leaf(epoch).unwrap().key();
            assert_eq!(leaf_key.as_bytes()[..], bytes(&layer["leaf_key"]));
            let derived = hash::kdf("sesphr v1 body layer", leaf_key.as_bytes(), &[digest.as_bytes()]);
            assert_eq!(derived[..], bytes(&layer["layer_key"]));

            let key = |keys: &EpochKeys| LayerKey::derive(&keys.leaf(epoch).unwrap().key(), &digest);
            let before = from.as_ref().map(|(generation, keys)| (*generation, key(keys)));
            partition.relayer(&LayerStep::new(before, (generation, key(&keys))).unwrap()).unwrap();
            assert_eq!(partition.header().mutable().to_bytes(), bytes(&layer["mutable_header"]));
            assert_eq!(layer["body"], shown(partition.body()));
            assert_eq!(layer["sealed_partition"], shown(&partition.to_bytes()));

            let (ctx, mut out) = (partition.header().context(), Plaintext::new());
            let expected = Expected {
                owner: ctx.owner,
                record: ctx.record,
                partition: ctx.partition,
                authors: &[ctx.author],
                versions: Versions::Exactly(ctx.version),
            };
            let shared = array(&v["inputs"]["key"]);
            open_layered_into(&shared, &key(&keys), &expected, partition.header(), partition.body(), &mut out).unwrap();
            assert_eq!(out[..], plaintext(v));
            from = Some((generation, keys));
            count += 1;
        }
    }
    assert_eq!(count, 6);
}

/// The values in between that no message shows, recomputed with the crate's hashes and what it stands on.
#[test]
fn every_intermediate() {
    let vectors = vectors();
    let tree_key = |name: &str, domain| {
        let key: [u8; 32] = hash::wide("sesphr v1 merkle body", &[domain])[..32].try_into().unwrap();
        assert_eq!(key[..], bytes(&vectors[name]));
        key
    };
    let (leaf_key, node_key) = (tree_key("leaf_key", b"leaf"), tree_key("node_key", b"node"));
    for v in list(&vectors, "cases") {
        let (m, key, salt) = (&v["intermediates"], bytes(&v["inputs"]["key"]), bytes(&v["inputs"]["salt"]));
        let commitment = hash::kdf("sesphr v1 body commitment", &key, &[&salt]);
        assert_eq!(commitment[..], bytes(&m["commitment"]));
        assert!(bytes(&v["messages"]["immutable_header"]).ends_with(&commitment[..]));
        let body_key = hash::kdf("sesphr v1 body key", &key, &[&salt, &bytes(&m["header_digest"])]);
        assert_eq!(body_key[..], bytes(&m["body_key"]));

        let (mut hashes, text) = (HashMap::new(), plaintext(v));
        for (i, chunk) in list(v, "chunks").iter().enumerate() {
            let mut sealed = text.chunks(number(&v["chunk_size"])).nth(i).unwrap_or_default().to_vec();
            let (nonce, inout) = (array::<12>(&chunk["nonce"]).into(), sealed.as_mut_slice().into());
            let tag = match aead(v) {
                Aead::Aes256Gcm => {
                    Aes256Gcm::new((&*body_key).into()).encrypt_inout_detached(&nonce, &[], inout).unwrap()
                }
                _ => ChaCha20Poly1305::new((&*body_key).into()).encrypt_inout_detached(&nonce, &[], inout).unwrap(),
            };
            sealed.extend_from_slice(&tag);
            assert_eq!(chunk["sealed"], shown(&sealed));
            let leaf = *blake3::keyed_hash(&leaf_key, &sealed).as_bytes();
            assert_eq!(leaf[..], bytes(&chunk["leaf"]));
            hashes.insert((i, i + 1), leaf);
        }
        for node in v["nodes"].as_array().unwrap() {
            let (first, split, end) = (number(&node["first"]), number(&node["split"]), number(&node["end"]));
            let both = [hashes[&(first, split)], hashes[&(split, end)]].concat();
            let value = *blake3::keyed_hash(&node_key, &both).as_bytes();
            assert_eq!(value[..], bytes(&node["hash"]));
            hashes.insert((first, end), value);
        }
        assert_eq!(hashes[&(0, list(v, "chunks").len())][..], bytes(&m["root"]));

        let (author, statement) = (author(v), bytes(&v["messages"]["seal_statement"]));
        assert_eq!(author.id().as_bytes()[..], bytes(&m["author"]));
        assert_eq!(author.verifying_key().as_bytes()[..], bytes(&m["author_public"]));
        let message = hash::wide("sesphr v1 signed statement", &[author.verifying_key().as_bytes(), &statement]);
        assert_eq!(message[..], bytes(&m["signed_message"]));
        let seal = Signed::new(&author, Seal::from_bytes(&statement).unwrap()).to_bytes();
        assert!(seal.ends_with(&bytes(&m["signature"])));
    }
}
