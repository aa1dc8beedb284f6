//! `Kapre` against an independent implementation: see `kapre.py`. Nothing here knows which backend is active.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};
use crate::common::kac::open_ended;
use crate::common::kapre::{approval_key_point, inverse, points, rk_of};
use serde_json::Value;
use sesphr::context::{Context, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::epoch::KeyTree;
use sesphr::epoch::tree::{EpochKeys, EpochTree};
use sesphr::hazmat::{hash, pairing};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::trustees::{Committee, Sharing, deal};
use sesphr::kac::*;
use sesphr::kapre::*;
use sesphr::kem::{OwnerRoot, OwnerTerms, SharedKey};
use sesphr::pre::{GrantTerms, Pre};
use sesphr::role::{Role, RoleCert};
use sesphr::sharing::{KeyGrantError, LayerGrant, User};

use pairing::{G1Affine, G2Affine, G2Projective, Scalar, mul_p, mul_q};

const NOW: Timestamp = Timestamp(15);

fn vectors() -> Value {
    serde_json::from_str(include_str!("kapre.json")).unwrap()
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

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn set(value: &Value) -> ClassSet {
    value.as_str().unwrap().parse().unwrap()
}

fn fresh(v: &Value, names: &[&str]) -> TestRng {
    TestRng::replay(names.iter().map(|name| bytes(&v["inputs"][*name])))
}

fn validity(v: &Value) -> Validity {
    let [begin, end] = [0, 1].map(|i| Timestamp(v["validity"][i].as_u64().unwrap()));
    Validity::new(begin, end).unwrap()
}

fn seed(v: &Value, name: &str) -> SigningKey {
    SigningKey::from_seed(&array(&v["inputs"][name]))
}

/// What the file says once: owner, parameters, capsules with their contexts.
struct World {
    params: Params,
    owner: SigningKey,
    server: SigningKey,
    issuer: SigningKey,
    secret: OwnerSecret,
    generation: VerifiedGeneration,
    capsules: Vec<(u32, Capsule, SharedKey, Context<'static>)>,
}

impl World {
    fn new(v: &Value) -> Self {
        let params = Params::hazmat_from_alpha(number(&v["n"]), &scalar(&v["alpha"])).unwrap();
        let [owner, author] = ["owner_seed", "author_seed"].map(|name| seed(v, name));
        let partitions: Vec<_> =
            list(v, "partitions").iter().map(|name| Partition::new(name.as_str().unwrap()).unwrap()).collect();
        let grid = ClassGrid::new(&partitions, number(&v["epochs"])).unwrap();
        let root = OwnerRoot::from_bytes(&[&[1, 0, 0, 4][..], &bytes(&v["inputs"]["root"])].concat()).unwrap();
        let mut rng = fresh(&v["generation"], &["fresh_proof"]);
        let (secret, cert) = Kac::keygen(&params, &grid, &root, &owner, None, &mut rng).unwrap();
        assert_eq!(cert.to_bytes(), bytes(&v["generation"]["messages"]["cert"]));
        let generation = Kac::verify_owner(&params, &cert, &owner.id(), None).unwrap();
        let capsules = list(v, "capsules").iter().map(|v| {
            let aad: &[u8] = Box::leak(bytes(&v["inputs"]["aad"]).into_boxed_slice());
            let record = RecordId::from_array(array(&v["inputs"]["record"]));
            let subject = Subject { record, version: v["version"].as_u64().unwrap(), author: author.id(), aad };
            let partition = Partition::new(v["partition"].as_str().unwrap()).unwrap();
            let period = Period { partition, epoch: number(&v["epoch"]) };
            let label = ClassLabel::new(&grid, &period).unwrap();
            let ctx = Kapre::context(&params, &generation, &label, &subject);
            let mut rng = fresh(v, &["fresh_sigma", "fresh_proof"]);
            let (capsule, shared) = Kapre::encapsulate(&params, &generation, &ctx, &author, &mut rng).unwrap();
            assert_eq!(capsule.to_bytes(), bytes(&v["states"][0]["message"]));
            assert_eq!(shared.hazmat_bytes()[..], bytes(&v["intermediates"]["K"]));
            (number(&v["class"]), capsule, shared, ctx)
        });
        let capsules = capsules.collect();
        let [server, issuer] = ["server_seed", "issuer_seed"].map(|name| seed(v, name));
        Self { params, owner, server, issuer, secret, generation, capsules }
    }

    fn admission(&self, v: &Value) -> Admission {
        let rules = Admission::new(set(&v["set"]), v["seconds"].as_u64().unwrap());
        rules.trust(Role::Doctor, self.issuer.id()).unwrap()
    }

    /// Checks grant and key as their parties do, against what the file has of them.
    fn held(&self, v: &Value, grant: &Grant, rekey: &ReKey, user: &UserSecret) -> (VerifiedReKey, UserGrant) {
        assert_eq!(grant.to_bytes(), bytes(&v["messages"]["grant"]));
        assert_eq!(rekey.to_secret_bytes()[..], bytes(&v["messages"]["rekey"]));
        let grant = Grant::from_bytes(&bytes(&v["messages"]["grant"])).unwrap();
        let verified = Kapre::verify_grant(&self.params, &self.generation, &grant, NOW).unwrap();
        assert_eq!(verified.id().as_bytes()[..], bytes(&v["intermediates"]["id"]));
        assert_eq!(verified.digest().as_bytes()[..], bytes(&v["intermediates"]["digest"]));
        assert_eq!((verified.set(), verified.validity()), (&set(&v["set"]), validity(v)));
        let server = Kapre::verify_rekey(&self.params, &self.generation, &verified, rekey).unwrap();
        let held = Kapre::accept_grant(&self.params, user, &verified).unwrap();
        assert_eq!(held.hazmat_mask().to_bytes()[..], bytes(&v["intermediates"]["m"]));
        (server, held)
    }

    /// The answers to all requests for capsules of the grant, and their opening.
    fn answers(&self, v: &Value, rekey: &VerifiedReKey, held: &UserGrant) {
        let mut answers = list(v, "answers").iter();
        for (class, capsule, shared, ctx) in &self.capsules {
            let checked = Kapre::verify_capsule(&self.params, &self.generation, capsule, ctx).unwrap();
            if !set(&v["set"]).contains(*class) {
                continue;
            }
            let v = answers.next().unwrap();
            assert_eq!(number(&v["class"]), *class);
            let mut rng = fresh(v, &["fresh_tau"]);
            let part = Kapre::reencrypt(&self.params, rekey, &checked, &self.server, NOW, &mut rng).unwrap();
            assert!(rng.is_used_up());
            assert_eq!(part.to_bytes(), bytes(&v["messages"]["recapsule"]), "{class}");
            assert_eq!(points(&part), (g1(&v["intermediates"]["C"]), g2(&v["intermediates"]["E"])));
            let opened = Kapre::open_reencrypted(&self.params, held, capsule, &[part], ctx).unwrap();
            assert_eq!(opened.hazmat_bytes(), shared.hazmat_bytes());
        }
        assert!(answers.next().is_none());
    }
}

/// A delegatee from its seed and fresh bytes.
fn user(v: &Value) -> (SigningKey, UserSecret, Signed<UserKey>) {
    let signer = seed(v, "seed");
    assert_eq!(signer.id().as_bytes()[..], bytes(&v["intermediates"]["id"]));
    let (secret, public) = UserSecret::generate(HpkeKem::X25519, &signer, &mut fresh(v, &["fresh_key"])).unwrap();
    assert_eq!(public.to_bytes(), bytes(&v["messages"]["user_key"]));
    assert_eq!(public.digest().as_bytes()[..], bytes(&v["intermediates"]["key_name"]));
    assert_eq!(secret.to_secret_bytes()[..], bytes(&v["messages"]["user_secret"]));
    (signer, secret, public)
}

/// The public API, given the same seeds and fresh bytes, makes the same messages and opens them to the same keys. The order
/// is that of the file, whose parties count their draws.
#[test]
fn every_message() {
    let v = &vectors();
    let w = World::new(v);
    let (params, owner) = (&w.params, &w.owner);
    let ((doctor, doctor_secret, doctor_key), (specialist, specialist_secret, specialist_key)) =
        (user(&v["doctor"]), user(&v["specialist"]));
    let role = RoleCert {
        subject: specialist.id(),
        role: Role::Doctor,
        validity: Validity::new(Timestamp(0), Timestamp(1000)).unwrap(),
    };
    let role = Signed::new(&w.issuer, role);
    assert_eq!(role.to_bytes(), bytes(&v["role"]));
    let draws = ["fresh_id", "fresh_x", "fresh_hpke"];

    // Two grants of the owner's, without and with rules for referrals.
    let key = Kapre::verify_user(params, &doctor_key, &doctor.id()).unwrap();
    let mut granted = [&v["grant"], &v["referable_grant"]].map(|v| {
        let rules = &v["referral"];
        let scope = Scope { set: set(&v["set"]), referral: (!rules.is_null()).then(|| w.admission(rules)) };
        let mut rng = fresh(v, &draws);
        let (grant, [rekey]) = Kapre::delegate(params, &w.secret, owner, &key, &scope, &validity(v), &mut rng).unwrap();
        assert!(rng.is_used_up());
        Some((v, w.held(v, &grant, &rekey, &doctor_secret)))
    });

    // The doctor refers the specialist.
    let referred = {
        let v = &v["referral"];
        let key = Kapre::verify_user(params, &specialist_key, &specialist.id()).unwrap();
        let (_, (parent, held)) = granted[1].as_ref().unwrap();
        let mut rng = fresh(v, &draws);
        let made = held.refer(&doctor, &key, &role, &set(&v["set"]), &validity(v), &mut rng);
        let (grant, key) = made.unwrap();
        assert!(rng.is_used_up());
        assert_eq!(key.to_secret_bytes()[..], bytes(&v["messages"]["referral_key"]));
        (v, w.held(v, grant.grant(), &key.apply(parent), &specialist_secret))
    };

    // Two of three trustees let the specialist in.
    let let_in = {
        let v = &v["emergency"];
        let trustees: Vec<_> = list(v, "trustee_seeds").iter().map(|v| SigningKey::from_seed(&array(v))).collect();
        let ids: Vec<_> = trustees.iter().map(SigningKey::id).collect();
        let committee = Committee::new(2, &ids).unwrap();
        let (dealing, sub_shares) = deal(&w.secret, owner, &committee, &mut fresh(v, &["fresh_polynomial"])).unwrap();
        assert_eq!(dealing.to_bytes(), bytes(&v["messages"]["dealing"]));
        let start = Sharing::of_owner(&w.generation);
        let step = start.reshare(&[start.verify_dealing(&dealing).unwrap()]).unwrap();
        let sharing = step.sharing();
        assert_eq!(sharing.digest().as_bytes()[..], bytes(&v["intermediates"]["sharing"]));

        let admission = w.admission(&v["rules"]);
        let rules = EmergencyRules::new(owner, sharing, admission, &mut fresh(v, &["fresh_rules"])).unwrap();
        assert_eq!(rules.to_bytes(), bytes(&v["messages"]["rules"]));
        let mut rng = fresh(v, &["fresh_request"]);
        let request =
            EmergencyRequest::new(&specialist, &specialist_key, &role, &rules, &set(&v["set"]), &validity(v), &mut rng);
        let request = request.unwrap();
        assert_eq!(request.to_bytes(), bytes(&v["messages"]["request"]));
        let parts: Vec<_> = list(v, "parts")
            .iter()
            .map(|part| {
                let trustee = &trustees[number(&part["trustee"]) as usize - 1];
                let share = step.share(&trustee.id(), &sub_shares).unwrap();
                assert_eq!(share.hazmat_scalar().to_bytes()[..], bytes(&part["intermediates"]["share"]));
                let at = validity(v).not_before();
                let appeal = Appeal { request: request.digest(), trustee: trustee.id(), at };
                let appeal = Signed::new(&specialist, appeal);
                assert_eq!(appeal.to_bytes(), bytes(&part["messages"]["appeal"]));
                let mut rng = fresh(part, &["fresh_x", "fresh_hpke"]);
                let made = approve(params, &share, trustee, &rules, &request, &appeal, NOW, &mut rng).unwrap();
                assert!(rng.is_used_up());
                assert_eq!(made.0.to_bytes(), bytes(&part["messages"]["approval"]));
                assert_eq!(made.1.to_secret_bytes()[..], bytes(&part["messages"]["approval_key"]));
                assert_eq!(approval_key_point(&made.1), g2(&part["intermediates"]["rk"]));
                made
            })
            .collect();
        let combined = combine(params, sharing, &rules, &request, &parts).unwrap();
        assert!(combined.culprits.is_empty());
        (v, w.held(v, &combined.grant, &combined.rekey, &specialist_secret))
    };
    let all = granted.iter_mut().filter_map(Option::take).chain([referred, let_in]);
    for (v, (rekey, held)) in all {
        w.answers(v, &rekey, &held);
    }
}

/// What a party draws: hash(label, fresh, hedge, count, parts…).
fn draw(label: &'static str, fresh: &Value, hedge: &[u8], count: u64, part: &[&[u8]]) -> [u8; 64] {
    let (fresh, count) = (bytes(fresh), count.to_be_bytes());
    let all: Vec<&[u8]> = [&fresh[..], hedge, &count].into_iter().chain(part.iter().copied()).collect();
    *hash::wide(label, &all)
}

/// x, m and M, from the transcript on.
fn check_mask(v: &Value, hedge: &[u8], count: u64) {
    let (m, transcript) = (&v["intermediates"], bytes(&v["intermediates"]["transcript"]));
    let x = draw("sesphr v1 kapre x", &v["inputs"]["fresh_x"], hedge, count, &[&transcript]);
    assert_eq!(x[..32], bytes(&m["x"]));
    let mask = hash::scalar("sesphr v1 kapre mask", &[&x[..32], &transcript]);
    assert_eq!(mask.to_bytes()[..], bytes(&m["m"]));
    assert_eq!(mul_p(&mask).to_affine(), g1(&m["M"]));
    let seed = draw("sesphr v1 kapre hpke", &v["inputs"]["fresh_hpke"], hedge, count + 1, &[&transcript]);
    assert_eq!(hash::wide("sesphr v1 hash generator", &[&seed, &1u64.to_be_bytes()])[..32], bytes(&m["ephemeral_ikm"]));
}

/// The statement inside a signed message.
fn statement(signed: &[u8]) -> &[u8] {
    &signed[36..signed.len() - 64]
}

/// Transcript and name of a statement that ends with a mask of an X25519 key.
fn check_name(v: &Value, label: &'static str, statement: &[u8], hedge: &[u8], count: u64) {
    let (body, m) = (&statement[4..], &v["intermediates"]);
    let stated = &body[..body.len() - if label.is_empty() { 0 } else { 48 + 4 + 32 + 48 }];
    if !label.is_empty() {
        assert_eq!(open_ended(label, stated).as_bytes()[..], bytes(&m["transcript"]));
    }
    assert_eq!(stated[..16], bytes(&m["id"]));
    let unnamed = open_ended("sesphr v1 kapre unnamed", &[&[0; 16], &stated[16..]].concat());
    let expected = if label.is_empty() { &m["unnamed_request"] } else { &m["unnamed"] };
    assert_eq!(unnamed.as_bytes()[..], bytes(expected));
    let fresh = if label.is_empty() { &v["inputs"]["fresh_request"] } else { &v["inputs"]["fresh_id"] };
    let id = draw("sesphr v1 kapre grant id", fresh, hedge, count, &[unnamed.as_bytes()]);
    assert_eq!(id[..16], bytes(&m["id"]));
}

/// The values in between, recomputed with the crate's hashes and groups.
#[test]
fn every_intermediate() {
    let v = &vectors();
    let gamma = scalar(&v["generation"]["intermediates"]["gamma"]);
    let w = World::new(v);
    let points = crate::common::kac::Points::of(&w.params);
    let n = points.n();
    // Σ Q_{n+1−j+shift}, class by class.
    let sum = |set: &ClassSet, shift: u32| {
        let indices = set.iter().map(|class| n - class as usize + shift as usize).filter(|k| *k != n + 1);
        indices.fold(G2Projective::identity(), |sum, k| sum.add_affine(&points.q_at(k)))
    };
    let hedge = |v: &Value, name: &str| hash::kdf("sesphr v1 hedge key", &bytes(&v["inputs"][name]), &[]).to_vec();
    let (owner, server) = (hedge(v, "owner_seed"), hedge(v, "server_seed"));
    assert_eq!(
        (&owner, &server),
        (&bytes(&v["intermediates"]["owner_hedge"]), &bytes(&v["intermediates"]["server_hedge"]))
    );
    let count = |value: &Value| value.as_u64().unwrap();

    for v in [&v["doctor"], &v["specialist"]] {
        let (hedge, m) = (hedge(v, "seed"), &v["intermediates"]);
        let seed = draw("sesphr v1 kapre user secret", &v["inputs"]["fresh_key"], &hedge, 0, &[&[0]]);
        assert_eq!(seed[..32], bytes(&m["hpke_seed"]));
    }
    for v in [&v["grant"], &v["referable_grant"]] {
        let (m, at) = (&v["intermediates"], count(&v["owner_draws"]));
        check_name(v, "sesphr v1 kapre terms", statement(&bytes(&v["messages"]["grant"])[5..]), &owner, at);
        check_mask(v, &owner, at + 1);
        let d = sum(&set(&v["set"]), 0);
        assert_eq!((d.to_affine(), d.mul(&gamma).to_affine()), (g2(&m["D"]), g2(&m["K"])));
        assert_eq!(d.mul(&gamma).add(&mul_q(&scalar(&m["m"]))).to_affine(), g2(&m["rk"]));
    }
    let parent = &v["referable_grant"]["intermediates"];
    {
        let (v, hedge) = (&v["referral"], hedge(&v["doctor"], "seed"));
        let (m, at) = (&v["intermediates"], count(&v["delegatee_draws"]));
        // Behind the grant's tag and the owner's grant, which stands in its own message as well.
        let whole = bytes(&v["messages"]["grant"]);
        let parent_len = bytes(&vectors()["referable_grant"]["messages"]["grant"]).len() - 5;
        check_name(v, "sesphr v1 kapre referral", statement(&whole[9 + parent_len..]), &hedge, at);
        check_mask(v, &hedge, at + 1);
        let delta = mul_q(&(&scalar(&m["m"]) - &scalar(&parent["m"])));
        assert_eq!(delta.to_affine(), g2(&m["delta"]));
        assert_eq!(delta.add_affine(&g2(&parent["rk"])).to_affine(), g2(&m["rk"]));
    }
    {
        let user = hedge(&v["specialist"], "seed");
        let v = &v["emergency"];
        let m = &v["intermediates"];
        check_name(v, "", statement(&bytes(&v["messages"]["request"])), &user, count(&v["user_draws"]));
        // Rules, name by name.
        let mut rules = statement(&bytes(&v["messages"]["rules"])).to_vec();
        assert_eq!(rules[4..20], bytes(&m["rules_id"]));
        rules[4..20].fill(0);
        let unnamed = hash::wide("sesphr v1 kapre unnamed", &[&rules]);
        assert_eq!(unnamed[..32], bytes(&m["unnamed_rules"]));
        let (fresh, at) = (&v["inputs"]["fresh_rules"], count(&v["owner_draws"]) + 1);
        let id = draw("sesphr v1 kapre grant id", fresh, &owner, at, &[&unnamed[..32]]);
        assert_eq!(id[..16], bytes(&m["rules_id"]));
        let d = sum(&set(&v["set"]), 0);
        assert_eq!((d.to_affine(), d.mul(&gamma).to_affine()), (g2(&m["D"]), g2(&m["K"])));
        let (mut rk, mut mask) = (G2Projective::identity(), Scalar::zero());
        for part in list(v, "parts") {
            let (k, p) = (number(&part["trustee"]), &part["intermediates"]);
            let seed = bytes(&v["trustee_seeds"][k as usize - 1]);
            let parts = [bytes(&m["request_digest"]), bytes(&m["sharing"]), vec![u8::try_from(k).unwrap()]];
            let transcript = hash::wide("sesphr v1 kapre approval", &parts.each_ref().map(|part| &part[..]));
            assert_eq!(transcript[..32], bytes(&p["transcript"]));
            check_mask(part, &hash::kdf("sesphr v1 hedge key", &seed, &[])[..], 0);
            let share = &gamma + &(&scalar(&m["slope"]) * &Scalar::from_u64(k.into()));
            assert_eq!(share.to_bytes()[..], bytes(&p["share"]));
            let masked = d.mul(&share).add(&mul_q(&scalar(&p["m"])));
            assert_eq!(masked.to_affine(), g2(&p["rk"]));
            let key_hash = hash::wide("sesphr v1 kapre approval key", &[&bytes(&p["rk"])]);
            assert_eq!(key_hash[..32], bytes(&p["key_hash"]));
            // Trustees 1 and 3: 3 / (3 − 1) and 1 / (1 − 3).
            let lambda = &Scalar::from_u64(u64::from(4 - k)) * &inverse(&Scalar::from_u64(2));
            let lambda = if k == 1 { lambda } else { -&lambda };
            assert_eq!(lambda.to_bytes()[..], bytes(&p["lambda"]));
            rk = rk.add(&masked.mul(&lambda));
            mask = &mask + &(&scalar(&p["m"]) * &lambda);
        }
        assert_eq!((rk.to_affine(), mask.to_bytes().to_vec()), (g2(&m["rk"]), bytes(&m["m"])));
        assert_eq!(mul_p(&mask).to_affine(), g1(&m["M"]));
        let grant = hash::wide("sesphr v1 kapre emergency grant", &[&bytes(&v["messages"]["grant"])[5..]]);
        assert_eq!(grant[..32], bytes(&m["digest"]));
        let key = rk_of(&ReKey::from_bytes(&bytes(&v["messages"]["rekey"])).unwrap());
        assert_eq!(key, g2(&m["rk"]));
    }
    for (v, reach) in [
        ("grant", "grant"),
        ("referable_grant", "referable_grant"),
        ("referral", "referable_grant"),
        ("emergency", "emergency"),
    ]
    .map(|(name, reach)| (&v[name], set(&v[reach]["set"])))
    {
        let (rk, mask) = (g2(&v["intermediates"]["rk"]), scalar(&v["intermediates"]["m"]));
        for answer in list(v, "answers") {
            let m = &answer["intermediates"];
            let (class, capsule, _, ctx) =
                w.capsules.iter().find(|(class, ..)| *class == number(&answer["class"])).unwrap();
            let (c1, c2) = crate::common::kac::points_of(capsule);
            let parts = [&rk.to_bytes()[..], &c1.to_bytes(), ctx.digest().as_bytes()].map(<[u8]>::to_vec);
            let parts = parts.each_ref().map(|part| &part[..]);
            let tau = draw(
                "sesphr v1 kapre blind",
                &answer["inputs"]["fresh_tau"],
                &server,
                count(&answer["server_draws"]),
                &parts,
            );
            let tau = Scalar::from_wide(&tau);
            assert_eq!(tau.to_bytes()[..], bytes(&m["tau"]));
            let f = sum(&reach, class + 1);
            assert_eq!((f.to_affine(), f.add_affine(&rk).to_affine()), (g2(&m["F"]), g2(&m["rk_plus_F"])));
            let (c, e) = (c1.mul(&tau).to_affine(), f.add_affine(&rk).mul(&inverse(&tau)).to_affine());
            assert_eq!((c, e), (g1(&m["C"]), g2(&m["E"])));
            let above = pairing::pairing(&c2, &sum(&reach, 0).to_affine());
            let above = above.mul(&pairing::pairing(&c1, &mul_q(&mask).to_affine()));
            let z_n_t = above.mul(&pairing::pairing(&c.neg(), &e)).to_hash_bytes();
            assert_eq!(z_n_t[..], bytes(&m["z_n_t"]));
        }
    }
    assert_eq!(w.generation.origin().as_bytes()[..], bytes(&v["generation"]["intermediates"]["origin"]));
}

/// Keys of layers for the doctor: what the file seals, the doctor opens, and they are the owner's.
#[test]
fn layer_grants() {
    let v = vectors();
    let owner = seed(&v, "owner_seed");
    let [doctor, specialist] = ["doctor", "specialist"].map(|name| {
        let secret = UserSecret::from_bytes(&bytes(&v[name]["messages"]["user_secret"])).unwrap();
        let public = Signed::<UserKey>::from_bytes(&bytes(&v[name]["messages"]["user_key"])).unwrap();
        let params = Params::hazmat_from_alpha(1, &Scalar::from_u64(5)).unwrap();
        User::<Kapre>::from_keys(Arc::new(params), seed(&v[name], "seed"), secret, public)
    });
    let (mut doctor, mut specialist) = (doctor, specialist);
    let root = OwnerRoot::from_bytes(&[&[1, 0, 0, 4][..], &bytes(&v["inputs"]["root"])].concat()).unwrap();
    for v in list(&v, "layers") {
        let encoded = bytes(&v["messages"]["grant"]);
        let grant = Signed::<LayerGrant>::from_bytes(&encoded).unwrap();
        assert_eq!(grant.to_bytes(), encoded);
        let stated = grant.verify(&owner.id()).unwrap();
        assert_eq!((stated.user(), stated.version()), (doctor.id(), v["version"].as_u64().unwrap()));
        let version = stated.version().to_be_bytes();
        let info = hash::wide("sesphr v1 layer grant", &[owner.id().as_bytes(), doctor.id().as_bytes(), &version]);
        assert_eq!(info[..32], bytes(&v["intermediates"]["info"]));

        let granted = list(v, "granted");
        let mut plaintext = u32::try_from(granted.len()).unwrap().to_be_bytes().to_vec();
        for keys in granted {
            let partition = Partition::new(keys["partition"].as_str().unwrap()).unwrap();
            let tree = EpochTree::new(owner.id(), partition, number(&keys["generation"]), 16).unwrap();
            let range = number(&keys["first"])..=number(&keys["last"]);
            let made = EpochKeys::derive(&root, &tree).grant(range).unwrap().to_secret_bytes();
            assert_eq!(made[..], bytes(&keys["keys"]));
            plaintext.extend(&made[..]);
        }
        assert_eq!(plaintext, bytes(&v["intermediates"]["plaintext"]));
        assert_eq!(doctor.take_layers(&owner.id(), &grant), Ok(()));
        assert_eq!(specialist.take_layers(&owner.id(), &grant), Err(KeyGrantError::OtherUser));

        // Under another version they do not open, nor for another member: both are in what was sealed.
        let statement = stated.to_bytes();
        let signed = |statement: &[u8]| Signed::new(&owner, LayerGrant::from_bytes(statement).unwrap());
        assert_eq!(doctor.take_layers(&owner.id(), &signed(&statement)), Ok(()));
        let mut other = statement.clone();
        other[43] += 1;
        assert_eq!(doctor.take_layers(&owner.id(), &signed(&other)), Err(KeyGrantError::Open));
        let mut other = statement;
        other[4..36].copy_from_slice(specialist.id().as_bytes());
        assert_eq!(specialist.take_layers(&owner.id(), &signed(&other)), Err(KeyGrantError::Open));
    }
}
