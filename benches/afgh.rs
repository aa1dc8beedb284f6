//! Every operation of `Afgh`, and what it costs above the primitives that it is made of; at most a quarter more is the
//! aim. Besides criterion's benches this times each operation and the sum of its primitives in turns, so that a noisy
//! machine disturbs both alike, and prints the ratios as a table.
//!
//! `cargo bench --bench afgh`, and with `--features blst` for the other backend.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::hint::black_box;

use common::primitives::{Operation, Parts, benches, ratios};
use common::report::Run;
use common::{Keys, NOW, rng, validity};
use sesphr::hazmat::pairing::BACKEND;
use sesphr::pre::Pre;
use sesphr::pre::afgh::Afgh;

/// What the operations have to compute, counted as [`common::primitives`] says.
fn primitives_of(operation: &str) -> Parts {
    use common::primitives::Primitive::*;
    match operation {
        // A; the proof's commitment. Hashes: party id, secret, name of the key, nonce, challenge, statement.
        "owner_keygen" => {
            &[(G1Fixed, 2), (G1Affine, 2), (G1Bytes, 2), (Inverse, 1), (Hash, 3), (HashToScalar, 3), (Sign, 1)]
        }
        // Hashes: party id, statement, its name, name of the key; challenge.
        "verify_owner" => {
            &[(G1Double, 1), (G1Affine, 1), (G1Bytes, 2), (Hash, 4), (HashToScalar, 1), (VerifySignature, 1)]
        }
        // B; the proof's commitment. Hashes: party id, statement; secret, nonce, challenge.
        "user_keygen" => {
            &[(G2Fixed, 2), (G2Affine, 2), (G2Bytes, 2), (Inverse, 1), (Hash, 2), (HashToScalar, 3), (Sign, 1)]
        }
        // Hashes: party id, statement, its name; challenge.
        "verify_user" => {
            &[(G2Double, 1), (G2Affine, 1), (G2Bytes, 2), (Hash, 3), (HashToScalar, 1), (VerifySignature, 1)]
        }
        // c1; the proof's commitment, whose nonce depends on c1: no shared inversion. Hashes: context, party id, σ; ρ,
        // nonce, challenge. Derivations: mask, key.
        "encapsulate" => &[
            (G1Mul, 2),
            (G1Affine, 2),
            (ZPow, 1),
            (GtBytes, 1),
            (G1Bytes, 3),
            (Hash, 3),
            (HashToScalar, 3),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        "encapsulate, precomputed owner" => &[
            (G1Table, 2),
            (G1Affine, 2),
            (ZPow, 1),
            (GtBytes, 1),
            (G1Bytes, 3),
            (Hash, 3),
            (HashToScalar, 3),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        // Hashes: context; challenge.
        "verify_capsule" => &[(G1Double, 1), (G1Affine, 1), (G1Bytes, 3), (Hash, 1), (HashToScalar, 1)],
        // a⁻¹c1; ρA = (ρa)P. Hashes: context; ρ. Derivations: mask, key.
        "open" => &[
            (G1Mul, 1),
            (G1Fixed, 1),
            (G1Affine, 1),
            (Pairing, 1),
            (GtBytes, 1),
            (G1Bytes, 2),
            (Hash, 1),
            (HashToScalar, 1),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        // Hashes: party id, name of the grant, statement, its name.
        "delegate" => &[(G2Mul, 1), (G2Affine, 1), (G2Bytes, 1), (Hash, 4), (Sign, 1)],
        // Hashes: party id, statement, its name.
        "verify_grant" => &[(G2Bytes, 1), (Hash, 3), (VerifySignature, 1)],
        "verify_rekey" => &[(PairingEq, 1)],
        // Hashes: τ.
        "reencrypt" => &[
            (G1Mul, 1),
            (G2Mul, 1),
            (G1Affine, 1),
            (G2Affine, 1),
            (Inverse, 1),
            (G1Bytes, 1),
            (G2Bytes, 1),
            (HashToScalar, 1),
        ],
        // b⁻¹C; ρA; the rest as above.
        "open_reencrypted" => &[
            (G1Mul, 2),
            (G1Affine, 1),
            (Pairing, 1),
            (GtBytes, 1),
            (G1Bytes, 2),
            (Hash, 1),
            (HashToScalar, 1),
            (KdfGt, 1),
            (Kdf, 1),
        ],
        _ => unreachable!("no count for {operation}"),
    }
}

/// Every operation, on objects past every check.
fn operations<'a>(keys: &'a Keys<Afgh>) -> Vec<Operation<'a>> {
    let ctx = keys.context();
    let (capsule, _) = Afgh::encapsulate(&(), &keys.owner, &ctx, &keys.author, &mut rng(3)).unwrap();
    let checked = Afgh::verify_capsule(&(), &keys.owner, &capsule, &ctx).unwrap();
    let parts = keys.reencrypt(&capsule, &ctx);
    let (capsule2, capsule3) = (capsule.clone(), capsule.clone());
    let (owner, precomputed) = (&keys.owner, keys.owner.clone().precompute());
    let (signer, policy) = (&keys.signer, validity());
    let (owner_id, user_id) = (keys.signer.id(), keys.user.id());
    let [rekey] = &keys.rekeys;
    let [verified_rekey] = keys.verified_rekeys.as_slice() else { unreachable!("one server") };
    fn boxed<'a, O>(name: &'static str, f: impl FnMut() -> O + 'a) -> Operation<'a> {
        Operation::new(name, primitives_of(name), f)
    }
    let (mut r1, mut r2, mut r3, mut r4, mut r5, mut r6) = (rng(4), rng(5), rng(6), rng(7), rng(8), rng(9));
    vec![
        boxed("owner_keygen", move || {
            Afgh::owner_keygen(&(), &keys.root, signer, black_box(&keys.key_label), &mut r1).unwrap()
        }),
        boxed("verify_owner", move || Afgh::verify_owner(&(), black_box(&keys.owner_public), &owner_id).unwrap()),
        boxed("user_keygen", move || Afgh::user_keygen(&(), black_box(&keys.user), &mut r2).unwrap()),
        boxed("verify_user", move || Afgh::verify_user(&(), black_box(&keys.user_public), &user_id).unwrap()),
        boxed("encapsulate", move || Afgh::encapsulate(&(), owner, black_box(&ctx), &keys.author, &mut r3).unwrap()),
        boxed("encapsulate, precomputed owner", move || {
            Afgh::encapsulate(&(), &precomputed, black_box(&ctx), &keys.author, &mut r4).unwrap()
        }),
        boxed("verify_capsule", move || Afgh::verify_capsule(&(), owner, black_box(&capsule), &ctx).unwrap()),
        boxed("open", move || Afgh::open(&(), &keys.owner_secret, black_box(&capsule2), &ctx).unwrap()),
        boxed("delegate", move || {
            let user = black_box(&keys.verified_user);
            Afgh::delegate(&(), &keys.owner_secret, signer, user, &(), &policy, &mut r5).unwrap()
        }),
        boxed("verify_grant", move || Afgh::verify_grant(&(), owner, black_box(&keys.grant), NOW).unwrap()),
        boxed("verify_rekey", move || Afgh::verify_rekey(&(), owner, &keys.verified_grant, black_box(rekey)).unwrap()),
        boxed("reencrypt", move || {
            Afgh::reencrypt(&(), verified_rekey, black_box(&checked), &keys.server, NOW, &mut r6).unwrap()
        }),
        boxed("open_reencrypted", move || {
            Afgh::open_reencrypted(&(), &keys.user_grant, black_box(&capsule3), &parts, &ctx).unwrap()
        }),
    ]
}

fn main() {
    let mut run = Run::new();
    let keys = Keys::<Afgh>::new();
    let mut operations = operations(&keys);
    benches("afgh", BACKEND, &mut run.criterion, &mut operations);
    run.finish(|_| ratios("Afgh", BACKEND, &mut operations));
}
