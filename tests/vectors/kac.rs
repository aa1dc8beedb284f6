//! `Kac` against an independent implementation: see `kac.py`. Nothing here knows which backend is active.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};
use serde_json::Value;
use sesphr::context::{ContextBuf, Partition, Period, RecordId, Subject};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::{hash, pairing};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::{EncodedParams, Pins, PointForm, Transcript, VerifiedTranscript, unwatched};
use sesphr::kac::*;
use sesphr::kem::{CapsuleParts, OwnerRoot, OwnerTerms};
use sha2::{Digest, Sha512};

use pairing::{G1Affine, G1Projective, G2Affine, G2Projective, Scalar};

const FORMS: [(PointForm, &str); 2] = [(PointForm::Compact, "compact"), (PointForm::Uncompressed, "uncompressed")];

fn vectors() -> Value {
    serde_json::from_str(include_str!("kac.json")).unwrap()
}

fn scalar(value: &Value) -> Scalar {
    Scalar::from_bytes(&array(value)).unwrap()
}

fn g1(value: &Value) -> G1Affine {
    G1Affine::from_bytes(&array(value)).unwrap()
}

fn g2(value: &Value) -> G2Affine {
    G2Affine::from_bytes(&array(value)).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn fresh(v: &Value, names: &[&str]) -> TestRng {
    TestRng::replay(names.iter().map(|name| bytes(&v["inputs"][*name])))
}

fn pow(x: &Scalar, k: u32) -> Scalar {
    (0..k).fold(Scalar::one(), |power, _| &power * x)
}

/// Makes `party` draw this many values.
fn burn(party: &SigningKey, draws: &Value) {
    for _ in 0..draws.as_u64().unwrap() {
        Params::generate(1, party, &mut TestRng::constant(9), unwatched).unwrap();
    }
}

/// What a party draws: hash(label, fresh, hedge, count, parts…).
fn draw(label: &'static str, fresh: &Value, hedge: &Value, count: &Value, parts: &[&[u8]]) -> [u8; 64] {
    let (fresh, hedge, count) = (bytes(fresh), bytes(hedge), count.as_u64().unwrap().to_be_bytes());
    let all: Vec<&[u8]> = [&fresh[..], &hedge, &count].into_iter().chain(parts.iter().copied()).collect();
    *hash::wide(label, &all)
}

/// A digest of one part and of bytes behind it that have no length of their own.
fn open_ended(label: &str, part: &[u8], rest: &[u8]) -> Vec<u8> {
    let mut hasher = Sha512::new();
    for part in [label.as_bytes(), part] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.update(rest);
    hasher.finalize()[..32].to_vec()
}

/// Nonce, commitment, challenge and response of a proof in G1, whose names in `m` all proofs share.
fn check_proof(label: &'static str, witness: &Scalar, base: &G1Affine, fresh: &Value, message: &[&[u8]], m: &Value) {
    let (image, secret) = (base.mul(witness).to_affine().to_bytes(), witness.to_bytes());
    let (base_bytes, fresh) = (base.to_bytes(), bytes(fresh));
    let parts = [label.as_bytes(), &secret[..], &base_bytes, &image, &fresh];
    let parts: Vec<_> = parts.into_iter().chain(message.iter().copied()).collect();
    let nonce = hash::scalar("sesphr v1 proof nonce", &parts);
    assert_eq!(nonce.to_bytes()[..], bytes(&m["proof_nonce"]));
    let commitment = base.mul(&nonce).to_affine();
    assert_eq!(commitment, g1(&m["proof_commitment"]));
    let commitment = commitment.to_bytes();
    let parts: Vec<_> = [&base_bytes[..], &image, &commitment].into_iter().chain(message.iter().copied()).collect();
    let challenge = hash::scalar(label, &parts);
    assert_eq!(challenge.to_bytes()[..], bytes(&m["challenge"]));
    assert_eq!((&nonce + &(&challenge * witness)).to_bytes()[..], bytes(&m["response"]));
}

/// The points of compact parameters, by their indices.
struct Points {
    n: u32,
    p: BTreeMap<u32, G1Affine>,
    q: BTreeMap<u32, G2Affine>,
}

impl Points {
    fn new(compact: &[u8]) -> Self {
        let n = u32::from_be_bytes(compact[5..9].try_into().unwrap());
        let (p, q) = compact[9..].split_at(48 * n as usize);
        let decode_p = |x: &[u8]| G1Affine::from_bytes(x.try_into().unwrap()).unwrap();
        let decode_q = |x: &[u8]| G2Affine::from_bytes(x.try_into().unwrap()).unwrap();
        let p: BTreeMap<_, _> = (1..=n).zip(p.chunks(48).map(decode_p)).collect();
        let q: BTreeMap<_, _> = (1..=2 * n).filter(|k| *k != n + 1).zip(q.chunks(96).map(decode_q)).collect();
        assert_eq!((p.len(), q.len()), (n as usize, 2 * n as usize - 1));
        Self { n, p, q }
    }

    /// Σ Q_{n+1−j+shift} over the set, term by term and without the one of j = `shift`.
    fn sum(&self, set: &ClassSet, shift: u32) -> G2Affine {
        let indices = set.iter().map(|class| class + 1).filter(|j| *j != shift).map(|j| self.n + 1 - j + shift);
        indices.fold(G2Projective::identity(), |sum, k| sum.add_affine(&self.q[&k])).to_affine()
    }
}

#[test]
fn parameters() {
    let vectors = vectors();
    let mut pins = Pins::new();
    for v in list(&vectors, "params") {
        let (n, m) = (number(&v["n"]), &v["intermediates"]);
        let alpha = scalar(&m["alpha"]);
        let wide = draw(
            "sesphr v1 kac alpha",
            &v["inputs"]["fresh_alpha"],
            &m["owner_hedge"],
            &v["owner_draws"],
            &[&n.to_be_bytes()],
        );
        assert_eq!(Scalar::from_wide(&wide).to_bytes(), alpha.to_bytes());

        let owner = SigningKey::from_seed(&array(&v["inputs"]["owner_seed"]));
        burn(&owner, &v["owner_draws"]);
        let mut rng = fresh(v, &["fresh_alpha"]);
        let params = Params::generate(n, &owner, &mut rng, unwatched).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(params, Params::hazmat_from_alpha(n, &alpha).unwrap());
        assert_eq!(params.digest().as_bytes()[..], bytes(&m["digest"]));
        for (form, name) in FORMS {
            let encoded = bytes(&v["messages"][name]);
            assert_eq!(params.encode(form).to_bytes(), encoded, "{n} {name}");
            let encoded = EncodedParams::from_bytes(&encoded).unwrap();
            assert_eq!(encoded.verify(&mut TestRng::constant(1), unwatched).unwrap(), params);
            assert_eq!(encoded.load(&params.digest(), unwatched).unwrap(), params);
        }
        pins.pin(&params).unwrap();
        let uncompressed = bytes(&v["messages"]["uncompressed"]);
        let digest = open_ended("sesphr v1 kac params", &n.to_be_bytes(), &uncompressed[9..]);
        assert_eq!(digest, bytes(&m["digest"]));

        let points = Points::new(&bytes(&v["messages"]["compact"]));
        for (k, point) in &points.p {
            assert_eq!(pairing::mul_p(&pow(&alpha, *k)).to_affine(), *point);
        }
        for (k, point) in &points.q {
            assert_eq!(pairing::mul_q(&pow(&alpha, *k)).to_affine(), *point);
        }
        let z_n = pairing::pairing(&points.p[&1], &points.q[&n]).to_hash_bytes();
        assert_eq!(z_n[..], bytes(&m["z_n"]));
        assert_eq!(pairing::z_pow(&pow(&alpha, n + 1)).to_hash_bytes(), z_n);

        // Where the file lists the points too, it lists these.
        let listed = |name: &str| v[name].as_array().cloned().unwrap_or_default();
        assert!(n > 5 || (listed("P").len(), listed("Q").len()) == (points.p.len(), points.q.len()));
        for item in listed("P") {
            let point = points.p[&number(&item["k"])];
            assert_eq!(point.to_bytes()[..], bytes(&item["compact"]));
            assert_eq!(point.to_uncompressed()[..], bytes(&item["uncompressed"]));
        }
        for item in listed("Q") {
            let point = points.q[&number(&item["k"])];
            assert_eq!(point.to_bytes()[..], bytes(&item["compact"]));
            assert_eq!(point.to_uncompressed()[..], bytes(&item["uncompressed"]));
        }
    }
    assert_eq!(pins.to_bytes(), bytes(&vectors["pins"]));
    assert_eq!(Pins::from_bytes(&bytes(&vectors["pins"])).unwrap(), pins);
}

#[test]
fn sets_of_classes() {
    let vectors = &vectors()["class_sets"];
    for v in list(vectors, "sets") {
        let set: ClassSet = text(&v["text"]).parse().unwrap();
        assert_eq!(set.to_string(), text(&v["normal"]));
        assert_eq!(set.count(), number(&v["count"]));
        let ranges: Vec<_> = set.ranges().iter().map(|range| vec![range.first(), range.last()]).collect();
        assert_eq!(serde_json::to_value(ranges).unwrap(), v["ranges"]);
        assert_eq!(set.to_bytes(), bytes(&v["message"]));
        assert_eq!(ClassSet::from_bytes(&bytes(&v["message"])), Ok(set));
    }
    for v in list(vectors, "operations") {
        let [a, b]: [ClassSet; 2] = ["a", "b"].map(|name| text(&v[name]).parse().unwrap());
        let both = [(a.union(&b), "union"), (a.intersection(&b), "intersection")];
        for (set, name) in both.into_iter().chain([(a.difference(&b), "a_minus_b"), (b.difference(&a), "b_minus_a")]) {
            assert_eq!(set.to_string(), text(&v[name]), "{a} {b} {name}");
        }
        assert_eq!(a.is_subset_of(&b), v["a_within_b"].as_bool().unwrap(), "{a} {b}");
        assert_eq!(a.is_disjoint_from(&b), v["disjoint"].as_bool().unwrap(), "{a} {b}");
    }
    for v in list(vectors, "refused_texts") {
        assert!(text(v).parse::<ClassSet>().is_err(), "{v}");
    }
    for v in list(vectors, "refused_messages") {
        assert!(ClassSet::from_bytes(&bytes(v)).is_err(), "{v}");
    }
}

fn grid(v: &Value) -> ClassGrid {
    let partitions: Vec<_> = list(v, "partitions").iter().map(|name| Partition::new(text(name)).unwrap()).collect();
    ClassGrid::new(&partitions, number(&v["epochs"])).unwrap()
}

#[test]
fn grids() {
    let vectors = &vectors()["grids"];
    for v in list(vectors, "grids") {
        let grid = grid(v);
        assert_eq!(grid.to_bytes(), bytes(&v["message"]));
        assert_eq!(ClassGrid::from_bytes(&bytes(&v["message"])).unwrap(), grid);
        assert_eq!(grid.classes(), number(&v["classes"]));
        let partition = |v: &Value| Partition::new(text(&v["partition"])).unwrap();
        for v in list(v, "periods") {
            let (class, period) = (number(&v["class"]), Period { partition: partition(v), epoch: number(&v["epoch"]) });
            assert_eq!((grid.class(&period), grid.period(class)), (Some(class), Some(period)));
        }
        for v in list(v, "ranges") {
            let set = grid.range(&partition(v), number(&v["first"])..=number(&v["last"])).unwrap();
            assert_eq!(set.to_string(), text(&v["set"]));
        }
    }
    for v in list(vectors, "refused_messages") {
        assert!(ClassGrid::from_bytes(&bytes(v)).is_err(), "{v}");
    }
}

fn params_of(vectors: &Value, run: &Value) -> (Params, Points) {
    let v = list(vectors, "params").iter().find(|v| v["n"] == run["params"]).unwrap();
    let params = Params::hazmat_from_alpha(number(&v["n"]), &scalar(&v["intermediates"]["alpha"])).unwrap();
    (params, Points::new(&bytes(&v["messages"]["compact"])))
}

/// The public API, given the same seeds and fresh bytes, makes the same messages and opens them to the same keys.
#[test]
fn every_message() {
    let vectors = vectors();
    for run in list(&vectors, "runs") {
        let (params, _) = params_of(&vectors, run);
        let party = |name: &str| SigningKey::from_seed(&array(&run["inputs"][name]));
        let (owner, author) = (party("owner_seed"), party("author_seed"));
        assert_eq!(owner.id().as_bytes()[..], bytes(&run["intermediates"]["owner_id"]));
        assert_eq!(author.id().as_bytes()[..], bytes(&run["intermediates"]["author_id"]));
        let root = OwnerRoot::from_bytes(&bytes(&run["messages"]["owner_root"])).unwrap();
        let grid = grid(run);
        assert_eq!(grid.to_bytes(), bytes(&run["messages"]["grid"]));

        let (mut secrets, mut generations) = (Vec::new(), Vec::<VerifiedGeneration>::new());
        for v in list(run, "generations") {
            let mut rng = fresh(v, &["fresh_proof"]);
            let (secret, cert) = Kac::keygen(&params, &grid, &root, &owner, generations.last(), &mut rng).unwrap();
            assert!(rng.is_used_up());
            assert_eq!(cert.to_bytes(), bytes(&v["messages"]["cert"]));
            let cert = Signed::<GenerationCert>::from_bytes(&bytes(&v["messages"]["cert"])).unwrap();
            assert_eq!(cert.unverified().to_bytes(), bytes(&v["messages"]["statement"]));
            let verified = Kac::verify_owner(&params, &cert, &owner.id(), generations.last()).unwrap();
            assert_eq!(&verified, secret.generation());
            assert_eq!(verified.generation(), number(&v["generation"]));
            assert_eq!(verified.origin().as_bytes()[..], bytes(&v["intermediates"]["origin"]));
            secrets.push(secret);
            generations.push(verified);
        }
        let chain = GenerationChain::from_bytes(&bytes(&run["messages"]["chain"])).unwrap();
        assert_eq!(&chain.verify(&params, &owner.id()).unwrap(), generations.last().unwrap());
        let mut made = GenerationChain::new(chain.certs()[0].clone());
        chain.certs()[1..].iter().for_each(|cert| made.push(cert.clone()));
        assert_eq!(made.to_bytes(), bytes(&run["messages"]["chain"]));

        // By capsule and generation.
        let (mut capsules, mut contexts) = (BTreeMap::new(), Vec::new());
        for (index, v) in list(run, "capsules").iter().enumerate() {
            let (input, generation) = (&v["inputs"], &generations[number(&v["made_under"]) as usize]);
            assert_eq!(v["author_draws"], index);
            let aad: &[u8] = Box::leak(bytes(&input["aad"]).into_boxed_slice());
            let record = RecordId::from_array(array(&input["record"]));
            let subject = Subject { record, version: v["version"].as_u64().unwrap(), author: author.id(), aad };
            let partition = Partition::new(text(&v["partition"])).unwrap();
            let period = Period { partition, epoch: number(&v["epoch"]) };
            let ctx = Kac::context(generation, &period, &subject).unwrap();
            assert_eq!(ctx.digest().as_bytes()[..], bytes(&v["intermediates"]["ctx"]));
            assert_eq!(ContextBuf::try_from(&ctx).unwrap().to_bytes(), bytes(&v["messages"]["context"]));

            let mut rng = fresh(v, &["fresh_sigma", "fresh_proof"]);
            let (capsule, shared) = Kac::encapsulate(&params, generation, &ctx, &author, &mut rng).unwrap();
            assert!(rng.is_used_up());
            assert_eq!(shared.hazmat_bytes()[..], bytes(&v["intermediates"]["K"]));
            assert_eq!(capsule.to_bytes(), bytes(&v["states"][0]["message"]));
            for state in list(v, "states") {
                let under = number(&state["generation"]);
                let capsule = Capsule::from_bytes(&bytes(&state["message"])).unwrap();
                assert_eq!(capsule.generation(), under);
                let checked = Kac::verify_capsule(&params, &generations[under as usize], &capsule, &ctx).unwrap();
                assert_eq!((checked.class(), checked.context()), (number(&v["class"]), ctx.digest()));
                let opened = Kac::open(&params, &secrets[under as usize], &capsule, &ctx).unwrap();
                assert_eq!(opened.hazmat_bytes(), shared.hazmat_bytes());
                capsules.insert((index, under), capsule);
            }
            contexts.push(ctx);
        }

        let token = Kac::token(&secrets[0], &secrets[1]).unwrap();
        assert_eq!(token.to_secret_bytes()[..], bytes(&run["token"]["messages"]["token"]));
        let token = RotationToken::from_bytes(&bytes(&run["token"]["messages"]["token"])).unwrap();
        let token = Kac::verify_token(&generations[1], &token).unwrap();
        let made = capsules.range(..).filter(|((_, generation), _)| *generation == 0);
        let (indices, pairs): (Vec<_>, Vec<_>) =
            made.map(|((index, _), capsule)| (*index, (capsule, &contexts[*index]))).unzip();
        assert!(!pairs.is_empty());
        for (index, moved) in indices.iter().zip(Kac::rotate(&params, &token, &pairs)) {
            assert_eq!(moved.unwrap().to_bytes(), bytes(&run["capsules"][index]["states"][1]["message"]), "{index}");
        }

        for v in list(run, "keys") {
            let under = number(&v["generation"]);
            let set: ClassSet = text(&v["set"]).parse().unwrap();
            assert_eq!(set.to_bytes(), bytes(&v["messages"]["set"]));
            let key = Kac::extract(&params, &secrets[under as usize], &set).unwrap();
            assert_eq!(key.to_secret_bytes()[..], bytes(&v["messages"]["key"]));
            let key = AggregateKey::from_bytes(&bytes(&v["messages"]["key"])).unwrap();
            let key = Kac::verify_key(&params, &generations[under as usize], &set, &key).unwrap();
            let openings = list(v, "openings");
            let mut items = Vec::new();
            for ((index, _), capsule) in capsules.iter().filter(|((_, generation), _)| *generation == under) {
                let shared = &run["capsules"][index]["intermediates"]["K"];
                let opened = Kac::open_aggregate(&params, &key, capsule, &contexts[*index]);
                let expected = openings.iter().any(|opening| opening["capsule"] == *index);
                assert_eq!(opened.is_ok(), expected, "{set} {index}");
                assert!(opened.is_err() || opened.unwrap().hazmat_bytes()[..] == bytes(shared));
                items.push((capsule, &contexts[*index], expected.then(|| bytes(shared))));
            }
            let batch: Vec<_> = items.iter().map(|(capsule, ctx, _)| (*capsule, *ctx)).collect();
            let opened = Kac::open_batch(&params, &key, &batch);
            let opened = opened.iter().map(|key| key.as_ref().ok().map(|key| key.hazmat_bytes().to_vec()));
            assert!(opened.eq(items.iter().map(|(.., expected)| expected.clone())), "{set}");
        }
    }
}

/// The values in between, recomputed with the crate's hashes and groups.
#[test]
fn every_intermediate() {
    let vectors = vectors();
    for run in list(&vectors, "runs") {
        let (params, points) = params_of(&vectors, run);
        let (params, base) = (params.digest(), G1Affine::generator());
        let m = &run["intermediates"];
        let (owner, author_hedge) = (bytes(&m["owner_id"]), &m["author_hedge"]);
        let hedge = hash::kdf("sesphr v1 hedge key", &bytes(&run["inputs"]["author_seed"]), &[]);
        assert_eq!(hedge[..], bytes(author_hedge));
        assert_eq!(hash::wide("sesphr v1 party id", &[&bytes(&m["owner_public"])])[..32], owner);

        let (grid, root) = (bytes(&run["messages"]["grid"]), bytes(&run["inputs"]["root"]));
        let mut previous = vec![0; 32];
        for v in list(run, "generations") {
            let (m, count) = (&v["intermediates"], number(&v["generation"]).to_be_bytes());
            let gamma = hash::scalar("sesphr v1 kac gamma", &[&root, &owner, params.as_bytes(), &grid, &count]);
            assert_eq!(gamma.to_bytes()[..], bytes(&m["gamma"]));
            assert_eq!(pairing::mul_p(&gamma).to_affine(), g1(&m["V1"]));
            assert_eq!(pairing::mul_q(&gamma).to_affine(), g2(&m["V2"]));
            assert_eq!(previous, bytes(&m["previous"]));
            let terms = [&params.as_bytes()[..], &count, &grid, &previous, &bytes(&m["V1"]), &bytes(&m["V2"])].concat();
            let origin = open_ended("sesphr v1 kac origin", &owner, &terms);
            assert_eq!(origin, bytes(&m["origin"]));
            let (label, fresh) = ("sesphr v1 kac generation proof", &v["inputs"]["fresh_proof"]);
            check_proof(label, &gamma, &base, fresh, &[&origin], m);
            let proof = [bytes(&m["challenge"]), bytes(&m["response"])].concat();
            assert_eq!([&[1, 2, 0, 0x46][..], &terms, &proof].concat(), bytes(&v["messages"]["statement"]));
            previous = origin;
        }
        let token = &run["token"];
        let [before, after] =
            ["from", "to"].map(|end| &run["generations"][number(&token[end]) as usize]["intermediates"]);
        let delta = &scalar(&after["gamma"]) - &scalar(&before["gamma"]);
        assert_eq!(delta.to_bytes()[..], bytes(&token["intermediates"]["delta"]));
        let origins = [bytes(&before["origin"]), bytes(&after["origin"])].concat();
        let message = [&[1, 2, 0, 0x4e][..], &origins, &delta.to_bytes()[..]].concat();
        assert_eq!(message, bytes(&token["messages"]["token"]));
        let gamma_of = |v: &Value| scalar(&run["generations"][number(v) as usize]["intermediates"]["gamma"]);

        for v in list(run, "capsules") {
            let (m, i) = (&v["intermediates"], number(&v["class"]) + 1);
            let (ctx, fresh) = (bytes(&m["ctx"]), &v["inputs"]["fresh_sigma"]);
            let sigma = draw("sesphr v1 kac sigma", fresh, author_hedge, &v["author_draws"], &[&ctx]);
            assert_eq!(sigma[..32], bytes(&m["sigma"]));
            let number_i = i.to_be_bytes();
            let t = hash::scalar("sesphr v1 kac t", &[&sigma[..32], params.as_bytes(), &owner, &number_i, &ctx]);
            assert_eq!(t.to_bytes()[..], bytes(&m["t"]));
            let (c1, c3) = (pairing::mul_p(&t).to_affine(), bytes(&m["c3"]));
            assert_eq!(c1, g1(&m["c1"]));
            let z_n = pairing::pairing(&points.p[&1], &points.q[&points.n]);
            let z_n_t = z_n.pow(&t).to_hash_bytes();
            assert_eq!(z_n_t[..], bytes(&m["z_n_t"]));
            let mask = hash::kdf("sesphr v1 kac mask", &z_n_t[..], &[]);
            assert_eq!(mask[..], bytes(&m["mask"]));
            assert!(c3.len() == 32 && c3.iter().zip(&sigma[..32]).zip(&mask[..]).all(|((c, s), m)| *c == s ^ m));
            let (label, fresh) = ("sesphr v1 kac capsule proof", &v["inputs"]["fresh_proof"]);
            check_proof(label, &t, &base, fresh, &[params.as_bytes(), &owner, &number_i, &c3, &ctx], m);
            let key = hash::kdf("sesphr v1 kac key", &sigma[..32], &[&c1.to_bytes(), &c3, &ctx]);
            assert_eq!(key[..], bytes(&m["K"]));

            let core = [&c1.to_bytes()[..], &c3, &bytes(&m["challenge"]), &bytes(&m["response"])].concat();
            for state in list(v, "states") {
                let gamma = gamma_of(&state["generation"]);
                let v1_and_p: G1Projective = pairing::mul_p(&gamma).add_affine(&points.p[&i]);
                let c2 = v1_and_p.mul(&t).to_affine();
                assert_eq!(c2, g1(&state["c2"]));
                let count = number(&state["generation"]).to_be_bytes();
                let capsule = [&[1, 2, 0, 0x49][..], &core, &count, &c2.to_bytes()].concat();
                assert_eq!(capsule, bytes(&state["message"]));
                let point = c2.to_projective().sub(&c1.mul(&gamma)).to_affine();
                assert_eq!(point, g1(&state["t_P_i"]));
                assert_eq!(pairing::pairing(&point, &points.q[&(points.n + 1 - i)]).to_hash_bytes(), z_n_t);
            }
        }

        for v in list(run, "keys") {
            let (m, set) = (&v["intermediates"], text(&v["set"]).parse().unwrap());
            let sum = points.sum(&set, 0);
            assert_eq!(sum, g2(&m["D"]));
            let key = sum.mul(&gamma_of(&v["generation"])).to_affine();
            assert_eq!(key, g2(&m["K"]));
            assert_eq!([&[1, 2, 0, 0x48][..], &key.to_bytes()].concat(), bytes(&v["messages"]["key"]));
            for opening in list(v, "openings") {
                let capsule = &run["capsules"][number(&opening["capsule"]) as usize];
                let f = points.sum(&set, number(&capsule["class"]) + 1);
                assert_eq!(f, g2(&opening["F"]));
                let right = f.to_projective().add_affine(&key).to_affine();
                assert_eq!(right, g2(&opening["K_plus_F"]));
                let state = list(capsule, "states").iter().find(|state| state["generation"] == v["generation"]);
                let above = pairing::pairing(&g1(&state.unwrap()["c2"]), &sum);
                let below = pairing::pairing(&g1(&capsule["intermediates"]["c1"]), &right);
                let z_n_t = above.mul(&below.invert()).to_hash_bytes();
                assert_eq!(z_n_t[..], bytes(&capsule["intermediates"]["z_n_t"]));
                if !opening["numerator"].is_null() {
                    assert_eq!(above.to_hash_bytes()[..], bytes(&opening["numerator"]));
                    assert_eq!(below.to_hash_bytes()[..], bytes(&opening["denominator"]));
                }
            }
        }
    }
}

#[test]
fn a_ceremony() {
    let v = &vectors()["ceremony"];
    let n = number(&v["n"]);
    let mut ceremony = VerifiedTranscript::start(n).unwrap();
    let check = |ceremony: &VerifiedTranscript, messages: &Value| {
        for (form, name) in FORMS {
            let encoded = bytes(&messages[name]);
            assert_eq!(ceremony.transcript(form).to_bytes(), encoded);
            let verified = Transcript::from_bytes(&encoded).unwrap().verify(&mut TestRng::constant(1), unwatched);
            assert_eq!(verified.unwrap().transcript(form).to_bytes(), encoded);
        }
    };
    check(&ceremony, &v["start"]["messages"]);
    let (mut before, mut alpha) = (bytes(&v["start"]["digest"]), Scalar::one());
    for (index, step) in list(v, "contributions").iter().enumerate() {
        let (input, m) = (&step["inputs"], &step["intermediates"]);
        let contributor = SigningKey::from_seed(&array(&input["seed"]));
        assert_eq!(contributor.id().as_bytes()[..], bytes(&m["contributor"]));
        burn(&contributor, &step["contributor_draws"]);
        let mut rng = fresh(step, &["fresh_beta", "fresh_proof"]);
        ceremony.contribute(&contributor, &mut rng, unwatched).unwrap();
        assert!(rng.is_used_up());
        check(&ceremony, &step["transcripts"]);
        let transcript = ceremony.transcript(PointForm::Compact);
        let signed = &transcript.contributions()[index];
        assert_eq!(signed.to_bytes(), bytes(&step["messages"]["contribution"]));
        assert_eq!(signed.unverified().to_bytes(), bytes(&step["messages"]["statement"]));

        let draws = &step["contributor_draws"];
        let beta = draw("sesphr v1 kac beta", &input["fresh_beta"], &m["hedge"], draws, &[&before]);
        let beta = Scalar::from_wide(&beta);
        assert_eq!(beta.to_bytes()[..], bytes(&m["beta"]));
        let base = pairing::mul_p(&alpha).to_affine();
        assert_eq!(base, g1(&m["P_1_before"]));
        let after = bytes(&m["digest_after"]);
        let (label, id) = ("sesphr v1 kac contribution proof", bytes(&m["contributor"]));
        check_proof(label, &beta, &base, &input["fresh_proof"], &[&n.to_be_bytes(), &before, &after, &id], m);
        (before, alpha) = (after, &alpha * &beta);
        assert_eq!(pairing::mul_p(&alpha).to_affine(), g1(&m["P_1_after"]));
    }
    assert_eq!(alpha.to_bytes()[..], bytes(&v["alpha"]));
    let params = ceremony.finish().unwrap();
    assert_eq!(params.digest().as_bytes()[..], before);
    assert_eq!(params, Params::hazmat_from_alpha(n, &alpha).unwrap());
}
