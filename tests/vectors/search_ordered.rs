//! The ordered mode of search against an independent implementation: see `search_ordered.py`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use serde_json::Value;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message, Reader, SecretEncoding};
use sesphr::hazmat::hash;
use sesphr::hazmat::ristretto::{Element, Scalar};
use sesphr::hazmat::search_ordered::{number, range, top, value};
use sesphr::identity::SigningKey;
use sesphr::kem::OwnerRoot;
use sesphr::search::ordered::*;
use sesphr::search::{Attribute, Encoder, End, Ordered, Path, Search, SearchRoot, Space, Step, Trapdoor as _};

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};

fn vectors() -> Value {
    serde_json::from_str(include_str!("search_ordered.json")).unwrap()
}

fn small(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn party(v: &Value, name: &str) -> SigningKey {
    SigningKey::from_seed(&array(&v["inputs"][format!("{name}_seed")]))
}

fn root(v: &Value) -> SearchRoot {
    let root = OwnerRoot::from_bytes(&[&[1, 0, 0, 4][..], &bytes(&v["inputs"]["root"])].concat()).unwrap();
    SearchRoot::new(&root)
}

/// The ways of a case's four providers, and of the one that comes after the rotation.
const PROVIDERS: [&[&str]; 4] = [&["a"], &["b"], &["a", "clinic"], &["a", "clinic", "physician"]];

fn path(v: &Value, names: &[&str], provider: &Value) -> Path {
    let generations = list(provider, "generations");
    assert_eq!(generations.len(), names.len());
    let mut steps = names
        .iter()
        .zip(generations)
        .map(|(name, generation)| Step { party: party(v, name).id(), generation: small(generation) });
    let first = Path::new(steps.next().unwrap());
    steps.fold(first, |path, step| path.child(step).unwrap())
}

fn space(v: &Value, case: &Value) -> Space<Ordered> {
    let attribute = Attribute::new(case["attribute"].as_str().unwrap()).unwrap();
    let encoder = Encoder::integer(small(&case["bits"]).try_into().unwrap()).unwrap();
    let space = Ordered::forced_space(party(v, "owner").id(), Partition::MEDICAL, attribute, encoder).unwrap();
    assert_eq!(space.to_bytes(), bytes(&case["messages"]["space"]));
    assert_eq!(space.id().as_bytes()[..], bytes(&case["intermediates"]["space"]));
    space
}

/// Whether a provider's messages and values are the other side's; its verified key for the switcher, and its values.
fn provider(v: &Value, space: &Space<Ordered>, names: &[&str], made: &Value) -> (WriteKey, VerifiedSwitchKey) {
    let (owner, path) = (party(v, "owner"), path(v, names, made));
    let key = Ordered::write_key(&root(v), space, &path);
    assert_eq!(key.to_secret_bytes()[..], bytes(&made["messages"]["write_key"]));
    let switch_key = match path.parent() {
        None => SwitchKey::provider(&root(v), space, &path, &owner),
        Some(parent) => {
            let above = Ordered::write_key(&root(v), space, &parent);
            let child = Ordered::child_key(&above, path.last()).unwrap();
            assert_eq!(child.to_secret_bytes(), key.to_secret_bytes());
            SwitchKey::child(&above, path.last(), &party(v, names[names.len() - 2]))
        }
    };
    let switch_key = switch_key.unwrap();
    assert_eq!(switch_key.to_secret_bytes()[..], bytes(&made["messages"]["switch_key"]));
    let switch_key = SwitchKey::from_bytes(&bytes(&made["messages"]["switch_key"])).unwrap();
    for expected in list(made, "values") {
        let (mut points, n) = (Vec::new(), expected["number"].as_u64().unwrap());
        Ordered::encrypt(&key, &value(n), &mut TestRng::replay([]), &mut points).unwrap();
        assert_eq!(points, bytes(&expected["points"]));
        assert_eq!(number(&inspect(&root(v), space, &path, &points).unwrap()), Some(n));
    }
    (key, switch_key.verify(&owner.id()).unwrap())
}

#[test]
fn every_message_and_value() {
    let v = &vectors();
    let owner = party(v, "owner").id();
    for case in list(v, "cases") {
        let (space, generation) = (space(v, case), small(&case["generation"]));
        let mut switch = Switch::new(&space, generation);
        let mut stored: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut cold = Vec::new();
        for (names, made) in PROVIDERS.iter().zip(list(case, "providers")) {
            let (key, switch_key) = provider(v, &space, names, made);
            switch.add(&switch_key).unwrap();
            for expected in list(made, "values") {
                let (points, mut out) = (bytes(&expected["points"]), Vec::new());
                let (_, path) = Ordered::writer(&key);
                switch.switch_value(path, &points, &mut out).unwrap();
                assert_eq!(out, bytes(&expected["stored"]));
                stored.push((expected["number"].as_u64().unwrap(), out));
                cold.push((path.clone(), points));
            }
        }
        for (a, x) in &stored {
            stored.iter().for_each(|(b, y)| assert_eq!(compare(x, y), Ok(a.cmp(b))));
        }

        let (asker, user) = (&case["querier"], Step { party: party(v, "user").id(), generation });
        let scope: Vec<_> = cold.iter().map(|(path, _)| path.clone()).filter(|path| path.parent().is_none()).collect();
        let key = Ordered::query_key(&root(v), &space, user, &scope).unwrap();
        assert_eq!(key.to_secret_bytes()[..], bytes(&asker["messages"]["query_key"]));
        let switch_key = SwitchKey::querier(&root(v), &space, user, &scope, &party(v, "owner")).unwrap();
        assert_eq!(switch_key.to_secret_bytes()[..], bytes(&asker["messages"]["switch_key"]));
        switch.add(&switch_key.verify(&owner).unwrap()).unwrap();
        for asked in list(asker, "asked") {
            let query = match asked["end"].as_str().unwrap() {
                "smallest" => range(asked["lower"].as_u64(), asked["upper"].as_u64()),
                _ => top(End::Greatest, small(&asked["limit"])),
            };
            let question = Ordered::question(&key, &query).unwrap();
            let mut out = Vec::new();
            question.write(&mut out);
            assert_eq!(out, bytes(&asked["messages"]["question"]));
            assert_eq!(Question::read(&space.shape(), &mut Reader::new(&out)).as_ref(), Ok(&question));
            out.clear();
            switch.switch_question(user, &question).unwrap().write(&mut out);
            assert_eq!(out, bytes(&asked["messages"]["trapdoor"]));
        }

        let expected = &case["rotation"];
        let (from, to) = (small(&expected["from"]), small(&expected["to"]));
        let rotation = SwitchRotation::new(&root(v), &space, from, to, &party(v, "owner")).unwrap();
        assert_eq!(rotation.to_secret_bytes()[..], bytes(&expected["messages"]["rotation"]));
        switch.rotate(&rotation.verify(&owner).unwrap()).unwrap();
        let (fresh, switch_key) = provider(v, &space, &["b"], &case["fresh"]);
        switch.add(&switch_key).unwrap();
        let mut now = Vec::new();
        for value in list(&case["fresh"], "values") {
            let mut out = Vec::new();
            switch.switch_value(Ordered::writer(&fresh).1, &bytes(&value["points"]), &mut out).unwrap();
            assert_eq!(out, bytes(&value["stored"]));
            now.push((value["number"].as_u64().unwrap(), out));
        }
        assert_eq!(list(expected, "moved").len(), cold.len());
        for (((path, points), moved), (n, before)) in cold.iter().zip(list(expected, "moved")).zip(&stored) {
            let mut out = Vec::new();
            switch.switch_stored_value(path, points, &mut out).unwrap();
            assert_eq!(out, bytes(moved));
            assert_eq!(compare(&out, before), Err(Inconsistent));
            now.iter().for_each(|(other, value)| assert_eq!(compare(&out, value), Ok(n.cmp(other))));
        }
    }
}

/// H_s(label, parts…) of this group.
fn h_s(label: &'static str, parts: &[&[u8]]) -> Scalar {
    Scalar::from_wide(&hash::wide(label, parts))
}

/// What no message shows, recomputed with the crate's hashes and group.
#[test]
fn every_intermediate() {
    let v = &vectors();
    for case in list(v, "cases") {
        let of = |name: &str| bytes(&case["intermediates"][name]);
        let (root, sid) = (hash::kdf("sesphr v1 search root", &bytes(&v["inputs"]["root"]), &[]), of("space"));
        assert_eq!((root[..].to_vec(), sid.clone()), (of("search_root"), space(v, case).id().as_bytes().to_vec()));
        let r = h_s("sesphr v1 ordered r", &[&*root, &sid, &small(&case["generation"]).to_be_bytes()]);
        assert_eq!(r.to_bytes()[..], of("r"));
        for (names, made) in PROVIDERS.iter().zip(list(case, "providers")) {
            let scalar = |value: &Value| Scalar::read(&mut Reader::new(&bytes(value))).unwrap();
            let (path, inner) = (path(v, names, made), &made["intermediates"]);
            let name = |depth: usize| {
                let steps = &path.steps()[..depth];
                let step = |step: &Step| [&step.party.as_bytes()[..], &step.generation.to_be_bytes()].concat();
                [vec![depth as u8], steps.iter().flat_map(step).collect()].concat()
            };
            let mut c = h_s("sesphr v1 ordered c", &[&*root, &sid, b"provider", &name(1)]);
            let mut k = &r * &c.invert();
            for (depth, tau) in (2..).zip(inner["tau"].as_array().unwrap()) {
                let found = h_s("sesphr v1 ordered tau", &[&*k.to_bytes(), &sid, &name(depth)]);
                assert_eq!(found.to_bytes()[..], bytes(tau));
                (c, k) = (&c * &found.invert(), &k * &found);
            }
            assert_eq!((c.to_bytes(), k.to_bytes()), (scalar(&inner["c"]).to_bytes(), scalar(&inner["k"]).to_bytes()));
            // The first bit of a value, of which one point is k times a hash and one digest is of c times that.
            for value in list(made, "values") {
                let bits = small(&case["bits"]);
                let bit = (value["number"].as_u64().unwrap() >> (bits - 1)) as u8;
                let element = hash::wide("sesphr v1 ordered point", &[&sid, &[0], &[0; 8], &[bit]]);
                let point = Element::from_wide(&element).mul(&k).encode();
                assert_eq!(point.as_bytes()[..], bytes(&value["points"])[..32]);
                let switched = point.mul(&c).encode();
                let digest = hash::wide("sesphr v1 ordered digest", &[&sid, &[0], switched.as_bytes()]);
                assert_eq!(digest[..16], bytes(&value["stored"])[..16]);
            }
        }
        let asker = &case["querier"]["intermediates"];
        let user = party(v, "user").id();
        let user = [&user.as_bytes()[..], &small(&case["generation"]).to_be_bytes()].concat();
        let c = h_s("sesphr v1 ordered c", &[&*root, &sid, b"querier", &user]);
        assert_eq!(c.to_bytes()[..], bytes(&asker["c"]));
        assert_eq!((&r * &c.invert()).to_bytes()[..], bytes(&asker["k"]));
        let rotation = &case["rotation"];
        let inner = |name: &str| bytes(&rotation["intermediates"][name]);
        let new = h_s("sesphr v1 ordered r", &[&*root, &sid, &small(&rotation["to"]).to_be_bytes()]);
        assert_eq!((r.to_bytes().to_vec(), new.to_bytes().to_vec()), (inner("old"), inner("new")));
        assert_eq!((&new * &r.invert()).to_bytes()[..], inner("delta"));
    }
}
