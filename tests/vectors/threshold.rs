//! `Threshold` against an independent implementation: see `threshold.py`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::sync::Arc;

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};
use serde_json::Value;
use sesphr::context::{Context, ContextBuf, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::hash;
use sesphr::hazmat::ristretto::{Element, Point, Scalar};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kem::{OwnerRoot, OwnerTerms, SharedKey};
use sesphr::pre::threshold::*;
use sesphr::pre::{GrantTerms, Pre};

const NOW: Timestamp = Timestamp(15);

fn vectors() -> Value {
    serde_json::from_str(include_str!("threshold.json")).unwrap()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap().try_into().unwrap()
}

fn fresh(values: &[&Value]) -> TestRng {
    TestRng::replay(values.iter().map(|value| bytes(value)))
}

fn period(v: &Value) -> Period {
    let partition = Partition::new(v["partition"].as_str().unwrap()).unwrap();
    Period { partition, epoch: u32::try_from(number(&v["epoch"])).unwrap() }
}

fn validity(v: &Value) -> Validity {
    let [begin, end] = [0, 1].map(|i| Timestamp(v["validity"][i].as_u64().unwrap()));
    Validity::new(begin, end).unwrap()
}

fn party(seed: &Value) -> SigningKey {
    SigningKey::from_seed(&array(seed))
}

/// The owner, one of its keys, and the capsules under it.
struct World {
    owner: SigningKey,
    secret: OwnerSecret,
    key: VerifiedOwner,
    user_secret: UserSecret,
    user: VerifiedUser,
    capsules: Vec<(Capsule, VerifiedCapsule, SharedKey, Context<'static>)>,
    /// By seed: each counts its draws over all grants.
    servers: HashMap<String, SigningKey>,
}

impl World {
    fn new(v: &Value) -> Self {
        let [owner, author] = ["owner_seed", "author_seed"].map(|name| party(&v["inputs"][name]));
        let root = OwnerRoot::from_bytes(&[&[1, 0, 0, 4][..], &bytes(&v["inputs"]["root"])].concat()).unwrap();
        let mut trees: Vec<Vec<_>> = list(v, "trees").iter().map(|v| tree(v, &root, &owner)).collect();
        let (secret, key) = trees.swap_remove(number(&v["key"]["tree"])).swap_remove(number(&v["key"]["index"]));

        let u = &v["user"];
        let (user, mut rng) = (party(&u["inputs"]["seed"]), fresh(&[&u["inputs"]["fresh_key"]]));
        let (user_secret, public) = Threshold::user_keygen(&(), &user, &mut rng).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(public.to_bytes(), bytes(&u["messages"]["user_key"]));
        assert_eq!(user_secret.to_secret_bytes()[..], bytes(&u["messages"]["user_secret"]));
        let public = Signed::<UserKey>::from_bytes(&bytes(&u["messages"]["user_key"])).unwrap();
        let user = Threshold::verify_user(&(), &public, &user.id()).unwrap();
        let user_secret = UserSecret::from_bytes(&bytes(&u["messages"]["user_secret"])).unwrap();

        let capsules = list(v, "capsules").iter().map(|v| capsule(v, &author, &secret, &key)).collect();
        Self { owner, secret, key, user_secret, user, capsules, servers: HashMap::new() }
    }

    /// One grant, round after round.
    fn grant(&mut self, v: &Value) {
        let mut former: Option<VerifiedGrant> = None;
        for round in list(v, "rounds") {
            let seeds = list(round, "server_seeds");
            for seed in seeds {
                self.servers.entry(seed.to_string()).or_insert_with(|| party(seed));
            }
            let ids = seeds.iter().map(|seed| self.servers[&seed.to_string()].id());
            let servers = Servers::new(u8::try_from(number(&round["threshold"])).unwrap(), ids).unwrap();
            assert_eq!(servers.to_bytes(), bytes(&round["messages"]["servers"]));
            let coefficients = round["inputs"]["fresh_coefficients"].as_array().unwrap().iter();
            let (grant, fragments) = match &former {
                None => {
                    let draws: Vec<_> = [&v["inputs"]["fresh_id"]].into_iter().chain(coefficients).collect();
                    let (terms, mut rng) = (Terms { validity: validity(v), servers }, fresh(&draws));
                    let (secret, owner) = (&self.secret, &self.owner);
                    let made = Threshold::delegate(&(), secret, owner, &self.user, &(), &terms, &mut rng).unwrap();
                    assert!(rng.is_used_up());
                    made
                }
                Some(former) => {
                    let mut rng = fresh(&coefficients.collect::<Vec<_>>());
                    let made = Threshold::refresh(&self.secret, &self.owner, former, &servers, &mut rng).unwrap();
                    assert!(rng.is_used_up());
                    made
                }
            };
            assert_eq!(grant.to_bytes(), bytes(&round["messages"]["grant"]));
            let grant = Signed::<Grant>::from_bytes(&bytes(&round["messages"]["grant"])).unwrap();
            let grant = Threshold::verify_grant(&(), &self.key, &grant, NOW).unwrap();
            assert_eq!(grant.id().as_bytes()[..], bytes(&v["intermediates"]["id"]));
            assert_eq!(grant.digest().as_bytes()[..], bytes(&round["intermediates"]["digest"]));
            assert_eq!(grant.grant().round() as usize, number(&round["round"]));
            self.answers(round, &grant, &fragments);
            former = Some(grant);
        }
    }

    /// The servers' answers, and what they open.
    fn answers(&self, v: &Value, grant: &VerifiedGrant, fragments: &[Fragment]) {
        let all = list(v, "fragments");
        assert_eq!(all.len(), fragments.len());
        let fragments: Vec<_> = all
            .iter()
            .zip(fragments)
            .map(|(v, fragment)| {
                let bytes = bytes(&v["messages"]["fragment"]);
                assert_eq!(fragment.to_secret_bytes()[..], bytes);
                assert_eq!(usize::from(fragment.index()), number(&v["server"]));
                let fragment = Fragment::from_bytes(&bytes).unwrap();
                Threshold::verify_rekey(&(), &self.key, grant, &fragment).unwrap()
            })
            .collect();
        let held = Threshold::accept_grant(&(), &self.user_secret, grant).unwrap();
        for answer in list(v, "answers") {
            let (capsule, checked, shared, ctx) = &self.capsules[number(&answer["capsule"])];
            let same = |key: SharedKey| assert_eq!(key.hazmat_bytes(), shared.hazmat_bytes());
            let parts: Vec<_> = list(answer, "parts")
                .iter()
                .zip(&fragments)
                .zip(list(v, "server_seeds"))
                .map(|((v, fragment), seed)| {
                    let (server, mut rng) = (&self.servers[&seed.to_string()], fresh(&[&v["inputs"]["fresh_nonce"]]));
                    let part = Threshold::reencrypt(&(), fragment, checked, server, NOW, &mut rng).unwrap();
                    assert!(rng.is_used_up());
                    assert_eq!(part.to_bytes(), bytes(&v["messages"]["part"]), "{}", v["server"]);
                    Part::from_bytes(&bytes(&v["messages"]["part"])).unwrap()
                })
                .collect();
            assert_eq!(parts.len(), fragments.len());
            let claims: Vec<_> = parts.iter().map(|part| Claim { grant, capsule, ctx, part }).collect();
            let one_by_one: Vec<_> = claims.iter().map(Threshold::vartime_verify_part).collect();
            let at_once = Threshold::vartime_verify_parts(&claims, &mut fresh(&[&v["server_seeds"][0]])).unwrap();
            assert!(one_by_one.iter().chain(&at_once).all(Option::is_some));
            for opening in list(answer, "openings") {
                let chosen: Vec<_> = list(opening, "servers").iter().map(|k| number(k) - 1).collect();
                let some: Vec<_> = chosen.iter().map(|k| parts[*k].clone()).collect();
                same(Threshold::open_reencrypted(&(), &held, capsule, &some, ctx).unwrap());
                let verified: Vec<_> = chosen.iter().map(|k| one_by_one[*k].clone().unwrap()).collect();
                same(Threshold::open_verified(&held, capsule, &verified, ctx).unwrap());
                assert!(Threshold::open_reencrypted(&(), &held, capsule, &some[1..], ctx).is_err());
            }
        }
    }
}

/// The keys of a tree, each with its path.
fn tree(v: &Value, root: &OwnerRoot, owner: &SigningKey) -> Vec<(OwnerSecret, VerifiedOwner)> {
    let partitions = list(v, "partitions").iter().map(|name| Partition::new(name.as_str().unwrap()).unwrap());
    let epochs = u32::try_from(number(&v["epochs"])).unwrap();
    let tree = Arc::new(LabelTree::derive(root, owner.id(), partitions.clone(), epochs).unwrap());
    let keys = list(v, "keys");
    assert_eq!(keys.len(), partitions.len() * epochs as usize);
    keys.iter()
        .map(|v| {
            let label = tree.label(&period(v)).unwrap();
            let made = Threshold::owner_keygen(&(), root, owner, &label, &mut fresh(&[])).unwrap();
            let (secret, public) = (bytes(&v["messages"]["owner_secret"]), bytes(&v["messages"]["owner_key"]));
            assert_eq!((&made.0.to_secret_bytes()[..], made.1.to_bytes()), (&secret[..], public.clone()));
            let public = OwnerKey::from_bytes(&public).unwrap();
            let key = Threshold::verify_owner(&(), &public, &owner.id()).unwrap();
            assert_eq!(key.origin().as_bytes()[..], bytes(&v["intermediates"]["origin"]));
            (OwnerSecret::from_bytes(&secret).unwrap(), key)
        })
        .collect()
}

fn capsule(
    v: &Value,
    author: &SigningKey,
    secret: &OwnerSecret,
    key: &VerifiedOwner,
) -> (Capsule, VerifiedCapsule, SharedKey, Context<'static>) {
    let aad: &[u8] = Box::leak(bytes(&v["inputs"]["aad"]).into_boxed_slice());
    let record = RecordId::from_array(array(&v["inputs"]["record"]));
    let subject = Subject { record, version: v["version"].as_u64().unwrap(), author: author.id(), aad };
    let ctx = Threshold::context(&(), key, &(), &subject);
    assert_eq!(ContextBuf::try_from(&ctx).unwrap().to_bytes(), bytes(&v["messages"]["context"]));
    assert_eq!(ctx.digest().as_bytes()[..], bytes(&v["intermediates"]["ctx"]));
    let mut rng = fresh(&[&v["inputs"]["fresh_rho"]]);
    let (capsule, shared) = Threshold::encapsulate(&(), key, &ctx, author, &mut rng).unwrap();
    assert!(rng.is_used_up());
    assert_eq!(capsule.to_bytes(), bytes(&v["messages"]["capsule"]));
    assert_eq!(shared.hazmat_bytes()[..], bytes(&v["intermediates"]["K"]));
    let capsule = Capsule::from_bytes(&bytes(&v["messages"]["capsule"])).unwrap();
    let checked = Threshold::verify_capsule(&(), key, &capsule, &ctx).unwrap();
    let opened = Threshold::open(&(), secret, &capsule, &ctx).unwrap();
    assert_eq!(opened.hazmat_bytes(), shared.hazmat_bytes());
    (capsule, checked, shared, ctx)
}

#[test]
fn every_message_and_key() {
    let v = &vectors();
    let mut world = World::new(v);
    for grant in list(v, "grants") {
        world.grant(grant);
    }
}

/// `name` of a case's intermediates.
fn of(v: &Value, name: &str) -> Vec<u8> {
    bytes(&v["intermediates"][name])
}

fn scalar(bytes: &[u8]) -> Scalar {
    let mut reader = sesphr::encoding::Reader::new(bytes);
    let scalar = Scalar::read(&mut reader).unwrap();
    reader.finish().unwrap();
    scalar
}

fn point(bytes: &[u8]) -> Point {
    Point::from_bytes(bytes.try_into().unwrap()).unwrap()
}

fn base(k: &[u8]) -> Vec<u8> {
    encoded(Element::base(&scalar(k)))
}

fn encoded(element: Element) -> Vec<u8> {
    element.encode().as_bytes().to_vec()
}

fn h_s(label: &'static str, parts: &[&[u8]]) -> Vec<u8> {
    Scalar::from_wide(&hash::wide(label, parts)).to_bytes().to_vec()
}

/// What a party draws: the parts of hash(label, fresh, hedge, count, parts…).
fn drawn(fresh: &Value, hedge: &[u8], count: u64, parts: &[&[u8]]) -> Vec<Vec<u8>> {
    let count = count.to_be_bytes();
    let head = [bytes(fresh), hedge.to_vec(), count.to_vec()];
    head.into_iter().chain(parts.iter().map(|part| part.to_vec())).collect()
}

fn h_s_drawn(label: &'static str, parts: &[Vec<u8>]) -> Vec<u8> {
    h_s(label, &parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

/// e = the first half of hash(label, parts…), and z = nonce + e·witness.
fn check_proof(v: &Value, label: &'static str, parts: &[&[u8]], witness: &[u8]) {
    let e = hash::wide(label, parts)[..16].to_vec();
    let half = Scalar::from_half(&e[..].try_into().unwrap());
    let z = &scalar(&of(v, "nonce")) + &(&half * &scalar(witness));
    assert_eq!((e, z.to_bytes().to_vec()), (of(v, "e"), of(v, "z")));
}

fn hedge(seed: &Value) -> Vec<u8> {
    hash::kdf("sesphr v1 hedge key", &bytes(seed), &[]).to_vec()
}

/// The values in between, recomputed with the crate's hashes and group.
#[test]
fn every_intermediate() {
    let v = &vectors();
    for (name, key) in [("leaf", "leaf_key"), ("node", "node_key")] {
        assert_eq!(hash::wide("sesphr v1 merkle labels", &[name.as_bytes()])[..32], bytes(&v[key]));
    }
    let owner = hedge(&v["inputs"]["owner_seed"]);
    let author = hedge(&v["inputs"]["author_seed"]);
    assert_eq!((&owner, &author), (&of(v, "owner_hedge"), &of(v, "author_hedge")));
    let owner_id = of(v, "owner_id");
    for key in list(v, "trees").iter().flat_map(|tree| list(tree, "keys")) {
        let period = period(key);
        let (partition, epoch) = (period.partition.as_str().as_bytes(), period.epoch.to_be_bytes());
        let root = bytes(&v["inputs"]["root"]);
        assert_eq!(h_s("sesphr v1 threshold owner secret", &[&root, &owner_id, partition, &epoch]), of(key, "a"));
        assert_eq!(base(&of(key, "a")), of(key, "A"));
        let origin = hash::wide("sesphr v1 threshold origin", &[&owner_id, partition, &epoch, &of(key, "A")]);
        assert_eq!(origin[..32], of(key, "origin"));
    }
    for tree in list(v, "trees") {
        check_tree(tree, [&v["leaf_key"], &v["node_key"]].map(array));
    }
    let key = &v["trees"][number(&v["key"]["tree"])]["keys"][number(&v["key"]["index"])];
    let user = &v["user"];
    {
        let hedge = hedge(&user["inputs"]["seed"]);
        let parts = drawn(&user["inputs"]["fresh_key"], &hedge, 0, &[]);
        assert_eq!(h_s_drawn("sesphr v1 threshold user secret", &parts), of(user, "b"));
        assert_eq!((hedge, base(&of(user, "b"))), (of(user, "hedge"), of(user, "B_pk")));
    }
    for v in list(v, "capsules") {
        check_capsule(v, key, &author);
    }
    for grant in list(v, "grants") {
        check_grant(grant, key, user, &owner);
        for (round, answer) in list(grant, "rounds")
            .iter()
            .flat_map(|round| list(round, "answers").iter().map(move |answer| (round, answer)))
        {
            check_answer(round, answer, &v["capsules"][number(&answer["capsule"])], grant, key, user);
        }
    }
}

/// Leaves and nodes, and that every path is made of them.
fn check_tree(v: &Value, [leaf_key, node_key]: [[u8; 32]; 2]) {
    let keys = list(v, "keys");
    let mut hashes = HashMap::new();
    for (i, key) in keys.iter().enumerate() {
        let partition = key["partition"].as_str().unwrap().as_bytes();
        let (length, epoch) = ((partition.len() as u32).to_be_bytes(), period(key).epoch.to_be_bytes());
        let leaf = blake3::keyed_hash(&leaf_key, &[&length, partition, &epoch, &of(key, "A")].concat());
        assert_eq!(leaf.as_bytes()[..], of(key, "leaf"));
        hashes.insert((i, i + 1), of(key, "leaf"));
    }
    for node in v["nodes"].as_array().unwrap() {
        let [first, split, end] = ["first", "split", "end"].map(|name| number(&node[name]));
        let pair = [&hashes[&(first, split)][..], &hashes[&(split, end)]].concat();
        assert_eq!(blake3::keyed_hash(&node_key, &pair).as_bytes()[..], bytes(&node["hash"]));
        hashes.insert((first, end), bytes(&node["hash"]));
    }
    assert_eq!((hashes.len(), &hashes[&(0, keys.len())]), (2 * keys.len() - 1, &bytes(&v["root"])));
    for (i, key) in keys.iter().enumerate() {
        // What stands beside the nodes on the way from the root to the leaf, left to right.
        let mut beside: Vec<_> = v["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| ["first", "split", "end"].map(|name| number(&node[name])))
            .filter(|[first, _, end]| (*first..*end).contains(&i))
            .map(|[first, split, end]| if i < split { (split, end) } else { (first, split) })
            .collect();
        beside.sort_unstable();
        let path: Vec<_> = key["intermediates"]["path"].as_array().unwrap().iter().map(bytes).collect();
        assert_eq!(path, beside.iter().map(|at| hashes[at].clone()).collect::<Vec<_>>());
    }
}

fn check_capsule(v: &Value, key: &Value, hedge: &[u8]) {
    let (ctx, c1, shared) = (of(v, "ctx"), of(v, "c1"), of(v, "rho_A"));
    let parts = drawn(&v["inputs"]["fresh_rho"], hedge, v["author_draws"].as_u64().unwrap(), &[&ctx]);
    assert_eq!(h_s_drawn("sesphr v1 threshold rho", &parts), of(v, "rho"));
    assert_eq!(h_s("sesphr v1 threshold capsule nonce", &[&of(v, "rho"), &ctx]), of(v, "nonce"));
    assert_eq!((base(&of(v, "rho")), base(&of(v, "nonce"))), (c1.clone(), of(v, "R")));
    assert_eq!(encoded(point(&of(key, "A")).mul(&scalar(&of(v, "rho")))), shared);
    assert_eq!(hash::kdf("sesphr v1 threshold key", &shared, &[&c1, &ctx])[..], of(v, "K"));
    assert_eq!(hash::kdf("sesphr v1 threshold tag", &shared, &[&c1, &ctx])[..14], of(v, "tag"));
    let parts = [&c1[..], &of(v, "R"), &of(key, "A"), &of(v, "tag"), &ctx].map(<[u8]>::to_vec);
    let parts = parts.each_ref().map(Vec::as_slice);
    check_proof(v, "sesphr v1 threshold capsule proof", &parts, &of(v, "rho"));
}

fn check_grant(v: &Value, key: &Value, user: &Value, hedge: &[u8]) {
    let [begin, end] = [0, 1].map(|i| v["validity"][i].as_u64().unwrap().to_be_bytes());
    let (a, origin, id) = (of(key, "a"), of(key, "origin"), of(v, "id"));
    let (user_id, b_pk) = (of(user, "id"), of(user, "B_pk"));
    let count = v["owner_draws"].as_u64().unwrap();
    let servers = bytes(&list(v, "rounds")[0]["messages"]["servers"]);
    let parts = [&origin[..], &user_id, &b_pk, &begin, &end, &servers];
    let parts = drawn(&v["inputs"]["fresh_id"], hedge, count, &parts);
    let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
    assert_eq!(hash::wide("sesphr v1 threshold grant id", &parts)[..16], id);
    assert_eq!(h_s("sesphr v1 threshold x", &[&a, &origin, &user_id, &b_pk, &id]), of(v, "x"));
    let (x, shared) = (of(v, "X"), of(v, "x_B_pk"));
    assert_eq!((base(&of(v, "x")), encoded(point(&b_pk).mul(&scalar(&of(v, "x"))))), (x.clone(), shared.clone()));
    let d = h_s("sesphr v1 threshold d", &[&shared, &x, &of(key, "A"), &b_pk, &origin, &user_id, &id]);
    assert_eq!(d, of(v, "d"));
    for round in list(v, "rounds") {
        let servers = bytes(&round["messages"]["servers"]);
        let f: Vec<_> = list(&round["intermediates"], "f").iter().map(bytes).collect();
        let commitments: Vec<_> = list(&round["intermediates"], "F").iter().map(bytes).collect();
        let first = (&scalar(&a) * &scalar(&d).invert()).to_bytes().to_vec();
        assert_eq!((f.len(), &f[0]), (number(&round["threshold"]), &first));
        for ((j, fresh), count) in (1..=u8::MAX)
            .zip(round["inputs"]["fresh_coefficients"].as_array().unwrap())
            .zip(round["owner_draws"].as_u64().unwrap()..)
        {
            let number = u32::try_from(number(&round["round"])).unwrap().to_be_bytes();
            let parts = drawn(fresh, hedge, count, &[&id, &number, &[j], &servers]);
            assert_eq!(h_s_drawn("sesphr v1 threshold coefficient", &parts), f[usize::from(j)]);
        }
        assert_eq!(f.iter().map(|f| base(f)).collect::<Vec<_>>(), commitments);
        for fragment in list(round, "fragments") {
            let k = Scalar::from_u64(number(&fragment["server"]) as u64);
            let share = f.iter().rev().fold(Scalar::from_u64(0), |sum, f| &(&sum * &k) + &scalar(f));
            assert_eq!(share.to_bytes()[..], of(fragment, "share"));
            assert_eq!(base(&of(fragment, "share")), of(fragment, "U"));
        }
    }
}

fn check_answer(round: &Value, v: &Value, capsule: &Value, grant: &Value, key: &Value, user: &Value) {
    let (c1, ctx, digest) = (of(capsule, "c1"), of(capsule, "ctx"), of(round, "digest"));
    for ((part, fragment), seed) in
        list(v, "parts").iter().zip(list(round, "fragments")).zip(list(round, "server_seeds"))
    {
        let share = of(fragment, "share");
        let count = part["server_draws"].as_u64().unwrap();
        let parts = drawn(&part["inputs"]["fresh_nonce"], &hedge(seed), count, &[&share, &digest, &c1, &ctx]);
        assert_eq!(h_s_drawn("sesphr v1 threshold part nonce", &parts), of(part, "nonce"));
        let times = |k: &[u8]| encoded(point(&c1).mul(&scalar(k)));
        assert_eq!(times(&share), of(part, "E"));
        assert_eq!((times(&of(part, "nonce")), base(&of(part, "nonce"))), (of(part, "R1"), of(part, "R2")));
        let index = [u8::try_from(number(&part["server"])).unwrap()];
        let names = ["E", "R1", "R2"].map(|name| of(part, name));
        let [e, first, second] = names.each_ref().map(Vec::as_slice);
        let (a, b_pk, image) = (of(key, "A"), of(user, "B_pk"), of(fragment, "U"));
        let parts = [&a[..], &b_pk, &digest, &index, &ctx, &c1, e, &image, first, second];
        check_proof(part, "sesphr v1 threshold part proof", &parts, &share);
    }
    for opening in list(v, "openings") {
        let chosen: Vec<_> = list(opening, "servers").iter().map(number).collect();
        let mut sum = Element::base(&Scalar::from_u64(0));
        for (k, weight) in chosen.iter().zip(list(&opening["intermediates"], "lambda")) {
            let mut expected = Scalar::from_u64(1);
            for j in chosen.iter().filter(|j| *j != k) {
                let [j, k] = [*j, *k].map(|n| Scalar::from_u64(n as u64));
                expected = &(&expected * &j) * &(&j - &k).invert();
            }
            assert_eq!(expected.to_bytes()[..], bytes(weight));
            sum = sum + point(&of(&v["parts"][k - 1], "E")).mul(&expected);
        }
        assert_eq!(encoded(sum), of(opening, "combined"));
        assert_eq!(encoded(sum.encode().mul(&scalar(&of(grant, "d")))), of(capsule, "rho_A"));
    }
}
