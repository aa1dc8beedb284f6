//! The crate against an independent implementation: see `afgh.py`. Nothing here knows which backend is active.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use crate::common::TestRng;
use crate::common::json::{array, bytes, list};
use ed25519_dalek::{Signature, Signer};
use hkdf::Hkdf;
use serde_json::Value;
use sesphr::context::{ContextBuf, Partition, Period, RecordId, Subject, Timestamp, Validity};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::{hash, pairing};
use sesphr::identity::{Signed, SigningKey, VerifyingKey};
use sesphr::kem::{OwnerRoot, OwnerTerms};
use sesphr::pre::Pre;
use sesphr::pre::afgh::*;
use sha2::Sha512;

fn vectors() -> Value {
    serde_json::from_str(include_str!("afgh.json")).unwrap()
}

fn label(value: &Value) -> &'static str {
    Box::leak(value["label"].as_str().unwrap().to_owned().into_boxed_str())
}

fn scalar(value: &Value) -> pairing::Scalar {
    pairing::Scalar::from_bytes(&array(value)).unwrap()
}

fn g1(value: &Value) -> pairing::G1Affine {
    pairing::G1Affine::from_bytes(&array(value)).unwrap()
}

fn g2(value: &Value) -> pairing::G2Affine {
    pairing::G2Affine::from_bytes(&array(value)).unwrap()
}

#[test]
fn hashes_and_derived_keys() {
    let vectors = vectors();
    let parts = |value: &Value| value["parts"].as_array().unwrap().iter().map(bytes).collect::<Vec<_>>();
    for v in list(&vectors, "hash") {
        let parts = parts(v);
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        assert_eq!(hash::wide(label(v), &parts)[..], bytes(&v["wide"]));
        assert_eq!(hash::scalar(label(v), &parts).to_bytes()[..], bytes(&v["scalar"]));
    }
    for v in list(&vectors, "kdf") {
        let parts = parts(v);
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        assert_eq!(hash::kdf(label(v), &bytes(&v["secret"]), &parts)[..], bytes(&v["okm"]));
    }
    for v in list(&vectors, "scalar") {
        assert_eq!(pairing::Scalar::from_wide(&array(&v["wide"])).to_bytes()[..], bytes(&v["reduced"]));
    }
}

#[test]
fn wrapped_hkdf_and_ed25519() {
    let vectors = vectors();
    for v in list(&vectors, "hkdf") {
        let mut okm = vec![0; bytes(&v["okm"]).len()];
        Hkdf::<Sha512>::new(Some(&bytes(&v["salt"])), &bytes(&v["ikm"])).expand(&bytes(&v["info"]), &mut okm).unwrap();
        assert_eq!(okm, bytes(&v["okm"]));
    }
    for v in list(&vectors, "ed25519") {
        let (seed, message) = (array(&v["seed"]), bytes(&v["message"]));
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        assert_eq!(key.sign(&message), Signature::from_bytes(&array(&v["signature"])));
        assert_eq!(SigningKey::from_seed(&seed).verifying_key().as_bytes()[..], bytes(&v["public"]));
    }
}

#[test]
fn pairings() {
    for v in list(&vectors(), "gt") {
        let (p, q) = (pairing::mul_p(&scalar(&v["a"])).to_affine(), pairing::mul_q(&scalar(&v["b"])).to_affine());
        assert_eq!(pairing::pairing(&p, &q).to_hash_bytes()[..], bytes(&v["bytes"]));
        let ab = &scalar(&v["a"]) * &scalar(&v["b"]);
        assert_eq!(pairing::z_pow(&ab).to_hash_bytes()[..], bytes(&v["bytes"]));
    }
}

/// The public API, given the same seeds and fresh bytes, makes the same messages and opens them to the same key.
#[test]
fn every_message() {
    for v in list(&vectors(), "cases") {
        let (input, middle, message) = (&v["inputs"], &v["intermediates"], &v["messages"]);
        let fresh = |names: &[&str]| TestRng::replay(names.iter().map(|name| bytes(&input[*name])));
        let party = |name: &str| SigningKey::from_seed(&array(&input[name]));
        let (owner, author) = (party("owner_seed"), party("author_seed"));
        let (user, server) = (party("user_seed"), party("server_seed"));
        for (party, name) in [(&owner, "owner_id"), (&author, "author_id"), (&user, "user_id"), (&server, "server_id")]
        {
            assert_eq!(party.id().as_bytes()[..], bytes(&middle[name]));
        }
        assert_eq!(owner.verifying_key().to_bytes(), bytes(&message["verifying_key"]));

        let root = OwnerRoot::from_bytes(&bytes(&message["owner_root"])).unwrap();
        let partition = Partition::new(v["partition"].as_str().unwrap()).unwrap();
        let period = Period { partition, epoch: u32::try_from(v["epoch"].as_u64().unwrap()).unwrap() };
        let mut rng = fresh(&["fresh_owner_proof"]);
        let (secret, public) = Afgh::owner_keygen(&(), &root, &owner, &period, &mut rng).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(secret.to_secret_bytes()[..], bytes(&message["owner_secret"]));
        assert_eq!(public.to_bytes(), bytes(&message["owner_public"]));
        let public = Signed::<OwnerKey>::from_bytes(&bytes(&message["owner_public"])).unwrap();
        let key = Afgh::verify_owner(&(), &public, &owner.id()).unwrap();
        assert_eq!(key.origin().as_bytes()[..], bytes(&middle["origin"]));

        let mut rng = fresh(&["fresh_user_secret", "fresh_user_proof"]);
        let (user_secret, user_public) = Afgh::user_keygen(&(), &user, &mut rng).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(user_secret.to_secret_bytes()[..], bytes(&message["user_secret"]));
        assert_eq!(user_public.to_bytes(), bytes(&message["user_public"]));
        let user_key = Afgh::verify_user(&(), &user_public, &user.id()).unwrap();

        let aad = bytes(&input["aad"]);
        let record = RecordId::from_array(array(&input["record"]));
        let subject = Subject { record, version: v["version"].as_u64().unwrap(), author: author.id(), aad: &aad };
        let ctx = Afgh::context(&(), &key, &(), &subject);
        assert_eq!(ctx.digest().as_bytes()[..], bytes(&middle["ctx"]));
        assert_eq!(ContextBuf::try_from(&ctx).unwrap().to_bytes(), bytes(&message["context"]));

        for _ in 0..v["author_draws"].as_u64().unwrap() {
            Afgh::encapsulate(&(), &key, &ctx, &author, &mut TestRng::constant(9)).unwrap();
        }
        let mut rng = fresh(&["fresh_sigma", "fresh_capsule_proof"]);
        let (capsule, shared) = Afgh::encapsulate(&(), &key, &ctx, &author, &mut rng).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(capsule.to_bytes(), bytes(&message["capsule"]));
        assert_eq!(shared.hazmat_bytes()[..], bytes(&middle["K"]));
        let opened = Afgh::open(&(), &secret, &capsule, &ctx).unwrap();
        assert_eq!(opened.hazmat_bytes()[..], bytes(&middle["K"]));

        let (start, end) = (v["not_before"].as_u64().unwrap(), v["not_after"].as_u64().unwrap());
        let (validity, now) = (Validity::new(Timestamp(start), Timestamp(end)).unwrap(), Timestamp(start));
        let mut rng = fresh(&["fresh_grant_id"]);
        let (grant, [rekey]) = Afgh::delegate(&(), &secret, &owner, &user_key, &(), &validity, &mut rng).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(grant.unverified().id().as_bytes()[..], bytes(&middle["grant_id"]));
        assert_eq!(grant.digest().as_bytes()[..], bytes(&middle["grant_digest"]));
        assert_eq!(grant.to_bytes(), bytes(&message["grant"]));
        assert_eq!(rekey.to_secret_bytes()[..], bytes(&message["rekey"]));

        let grant = Afgh::verify_grant(&(), &key, &grant, now).unwrap();
        let rekey = Afgh::verify_rekey(&(), &key, &grant, &rekey).unwrap();
        let checked = Afgh::verify_capsule(&(), &key, &capsule, &ctx).unwrap();
        let mut rng = fresh(&["fresh_tau"]);
        let part = Afgh::reencrypt(&(), &rekey, &checked, &server, now, &mut rng).unwrap();
        assert!(rng.is_used_up());
        assert_eq!(part.to_bytes(), bytes(&message["recapsule"]));
        let opened = Afgh::accept_grant(&(), &user_secret, &grant)
            .and_then(|grant| Afgh::open_reencrypted(&(), &grant, &capsule, &[part], &ctx))
            .unwrap();
        assert_eq!(opened.hazmat_bytes()[..], bytes(&middle["K"]));
        for (name, encoded) in message.as_object().unwrap() {
            assert_eq!(bytes(encoded)[0], sesphr::encoding::VERSION, "{name}");
        }
        assert!(VerifyingKey::from_bytes(&bytes(&message["verifying_key"])).is_ok());
    }
}

/// The values in between, recomputed with the crate's hashes and groups.
#[test]
fn every_intermediate() {
    for v in list(&vectors(), "cases") {
        let (input, m) = (&v["inputs"], &v["intermediates"]);
        let count = |n: u64| n.to_be_bytes();
        for who in ["owner", "author", "user", "server"] {
            let hedge = hash::kdf("sesphr v1 hedge key", &bytes(&input[format!("{who}_seed")]), &[]);
            assert_eq!(hedge[..], bytes(&m[format!("{who}_hedge")]));
        }
        let draw = |label, fresh: &str, who: &str, n: u64, parts: &[&[u8]]| {
            let (fresh, hedge, n) = (bytes(&input[fresh]), bytes(&m[format!("{who}_hedge")]), count(n));
            let all: Vec<&[u8]> = [&fresh[..], &hedge, &n].into_iter().chain(parts.iter().copied()).collect();
            hash::wide(label, &all)
        };
        let (a_point, ctx) = (g1(&m["A"]), bytes(&m["ctx"]));
        assert_eq!(pairing::mul_p(&scalar(&m["a"])).to_affine(), a_point);
        assert_eq!(pairing::mul_q(&scalar(&m["b"])).to_affine(), g2(&m["B"]));

        let sigma = draw("sesphr v1 afgh sigma", "fresh_sigma", "author", v["author_draws"].as_u64().unwrap(), &[&ctx]);
        assert_eq!(sigma[..32], bytes(&m["sigma"]));
        let rho = hash::scalar("sesphr v1 afgh rho", &[&sigma[..32], &a_point.to_bytes(), &ctx]);
        assert_eq!(rho.to_bytes()[..], bytes(&m["rho"]));
        let (c1, c3) = (a_point.mul(&rho).to_affine(), bytes(&m["c3"]));
        assert_eq!(c1, g1(&m["c1"]));
        let z_rho = pairing::z_pow(&rho).to_hash_bytes();
        assert_eq!(z_rho[..], bytes(&m["z_rho"]));
        let mask = hash::kdf("sesphr v1 afgh mask", &z_rho[..], &[]);
        assert_eq!(mask[..], bytes(&m["mask"]));
        assert!(c3.iter().zip(&sigma[..32]).zip(&mask[..]).all(|((c, s), m)| *c == s ^ m));
        let key = hash::kdf("sesphr v1 afgh key", &sigma[..32], &[&c1.to_bytes(), &c3, &ctx]);
        assert_eq!(key[..], bytes(&m["K"]));

        // The proof's equation, with the nonce and commitment that the other side wrote down.
        let nonce = hash::scalar(
            "sesphr v1 proof nonce",
            &[
                b"sesphr v1 afgh capsule proof",
                &rho.to_bytes()[..],
                &a_point.to_bytes(),
                &c1.to_bytes(),
                &bytes(&input["fresh_capsule_proof"]),
                &c3,
                &ctx,
            ],
        );
        assert_eq!(nonce.to_bytes()[..], bytes(&m["capsule_proof_nonce"]));
        assert_eq!(a_point.mul(&nonce).to_affine(), g1(&m["capsule_proof_commitment"]));
        let challenge = scalar(&m["challenge"]);
        assert_eq!((&nonce + &(&challenge * &rho)).to_bytes()[..], bytes(&m["response"]));

        let rk = g2(&m["rk"]);
        assert_eq!(g2(&m["B"]).mul(&scalar(&m["a"]).invert().unwrap()).to_affine(), rk);
        assert!(pairing::vartime_pairing_eq(&a_point, &rk, &pairing::G1Affine::generator(), &g2(&m["B"])));
        let tau = draw("sesphr v1 afgh blind", "fresh_tau", "server", 0, &[&rk.to_bytes(), &c1.to_bytes(), &ctx]);
        let tau = pairing::Scalar::from_wide(&tau);
        assert_eq!(tau.to_bytes()[..], bytes(&m["tau"]));
        let (c, e) = (c1.mul(&tau).to_affine(), rk.mul(&tau.invert().unwrap()).to_affine());
        assert_eq!((c, e), (g1(&m["C"]), g2(&m["E"])));
        let unblinded = c.mul(&scalar(&m["b"]).invert().unwrap()).to_affine();
        assert_eq!(pairing::pairing(&unblinded, &e).to_hash_bytes()[..], bytes(&m["z_rho"]));
        assert_eq!(bytes(&m["opened_sigma"]), bytes(&m["sigma"]));
    }
}
