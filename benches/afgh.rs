//! Every operation of `Afgh`, and what it costs above the primitives that it is made of; at most a quarter more is the
//! aim. Besides criterion's benches this times each operation and the sum of its primitives in turns, so that a noisy
//! machine disturbs both alike, and prints the ratios as a table.
//!
//! `cargo bench --bench afgh`, and with `--features blst` for the other backend.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use common::report::{Run, head, row, time};
use common::{Keys, NOW, Scheme, rng, validity};
use criterion::Criterion;
use ed25519_dalek::Signer;
use hkdf::Hkdf;
use sesphr::hazmat::pairing::{
    BACKEND, G1Affine, G1Projective, G1Table, G2Affine, G2Projective, Gt, Scalar, mul_p, mul_q, pairing,
    vartime_lincomb2_g1, vartime_lincomb2_g2, vartime_pairing_eq, z_pow,
};
use sesphr::pre::Pre;
use sesphr::pre::afgh::Afgh;
use sha2::{Digest, Sha512};

#[derive(Clone, Copy, Debug)]
enum Primitive {
    /// A point of G1 times a secret scalar.
    G1Mul,
    /// The same through a table of the point.
    G1Table,
    /// The generator of G1 times a secret scalar, through its table.
    G1Fixed,
    /// The generator of G2 times a secret scalar, through its table.
    G2Fixed,
    /// A point of G2 times a secret scalar.
    G2Mul,
    /// The equation of a Schnorr proof in G1.
    G1Double,
    /// The equation of a Schnorr proof in G2.
    G2Double,
    /// From computing coordinates to affine ones: a field inversion.
    G1Affine,
    G2Affine,
    /// Z to a secret power, through its table.
    ZPow,
    Pairing,
    /// Whether two pairings are equal: one product of two.
    PairingEq,
    /// The 576 bytes of an element of GT.
    GtBytes,
    /// The inverse of a secret scalar.
    Inverse,
    G1Bytes,
    G2Bytes,
    /// A labelled hash: SHA-512 over 250 bytes, about a proof's challenge.
    Hash,
    /// A hash, and the reduction of its 64 bytes to a scalar.
    HashToScalar,
    /// HKDF-SHA-512 of 32 bytes to 32, with the hash of its info.
    Kdf,
    /// The same of the 576 bytes of an element of GT.
    KdfGt,
    Sign,
    VerifySignature,
}

/// What an operation has to compute, whatever it in fact does: every different point is encoded once, every different
/// value hashed once. Moves, comparisons, encoding of scalars, drawing 32 bytes from the generator and wiping are not
/// in it.
fn primitives_of(operation: &str) -> &'static [(Primitive, u32)] {
    use Primitive::*;
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

/// Operands for the primitives.
struct Primitives {
    k: Scalar,
    x: Scalar,
    p: G1Affine,
    q: G2Affine,
    pp: G1Projective,
    qq: G2Projective,
    /// e(p, q) = e(p2, q2).
    p2: G1Affine,
    q2: G2Affine,
    gt: Gt,
    table: G1Table,
    signing: ed25519_dalek::SigningKey,
    signature: ed25519_dalek::Signature,
    digest: [u8; 64],
}

impl Primitives {
    fn new() -> Self {
        let scalar = |seed: u8| Scalar::from_wide(&Sha512::digest([seed]).into());
        let (k, x, a, b) = (scalar(1), scalar(2), scalar(3), scalar(4));
        let signing = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
        let digest: [u8; 64] = Sha512::digest([6]).into();
        let (p, p2) = (mul_p(&a).to_affine(), mul_p(&b).to_affine());
        Self {
            p,
            q: mul_q(&b).to_affine(),
            pp: mul_p(&x),
            qq: mul_q(&x),
            p2,
            q2: mul_q(&a).to_affine(),
            gt: z_pow(&x),
            table: G1Table::new(&p),
            signature: signing.sign(&digest),
            signing,
            digest,
            k,
            x,
        }
    }

    fn hash(bytes: &[u8]) -> [u8; 64] {
        Sha512::digest(black_box(bytes)).into()
    }

    fn kdf(secret: &[u8]) {
        let mut out = [0; 32];
        let info = Self::hash(&[0; 150]);
        Hkdf::<Sha512>::new(Some(b"a label of some length"), black_box(secret)).expand(&info, &mut out).unwrap();
        black_box(out);
    }

    fn run(&self, primitive: Primitive) {
        let (k, x) = (black_box(&self.k), black_box(&self.x));
        let (p, q) = (black_box(&self.p), black_box(&self.q));
        match primitive {
            Primitive::G1Mul => drop(black_box(p.mul(k))),
            Primitive::G1Table => drop(black_box(self.table.mul(k))),
            Primitive::G1Fixed => drop(black_box(mul_p(k))),
            Primitive::G2Fixed => drop(black_box(mul_q(k))),
            Primitive::G2Mul => drop(black_box(q.mul(k))),
            Primitive::G1Double => drop(black_box(vartime_lincomb2_g1(k, p, x, &self.p2))),
            Primitive::G2Double => drop(black_box(vartime_lincomb2_g2(k, q, x, &self.q2))),
            Primitive::G1Affine => _ = black_box(black_box(&self.pp).to_affine()),
            Primitive::G2Affine => _ = black_box(black_box(&self.qq).to_affine()),
            Primitive::ZPow => drop(black_box(z_pow(k))),
            Primitive::Pairing => drop(black_box(pairing(p, q))),
            Primitive::PairingEq => assert!(vartime_pairing_eq(p, q, &self.p2, &self.q2)),
            Primitive::GtBytes => drop(black_box(black_box(&self.gt).to_hash_bytes())),
            Primitive::Inverse => _ = black_box(k.invert()),
            Primitive::G1Bytes => _ = black_box(p.to_bytes()),
            Primitive::G2Bytes => _ = black_box(q.to_bytes()),
            Primitive::Hash => _ = black_box(Self::hash(&[0; 250])),
            Primitive::HashToScalar => drop(black_box(Scalar::from_wide(&Self::hash(&[0; 250])))),
            Primitive::Kdf => Self::kdf(&[0; 32]),
            Primitive::KdfGt => Self::kdf(&[0; 576]),
            Primitive::Sign => _ = black_box(self.signing.sign(black_box(&self.digest))),
            Primitive::VerifySignature => {
                self.signing.verifying_key().verify_strict(black_box(&self.digest), &self.signature).unwrap();
            }
        }
    }

    fn sum(&self, parts: &[(Primitive, u32)]) {
        for (primitive, count) in parts {
            for _ in 0..*count {
                self.run(*primitive);
            }
        }
    }
}

type Operation<'a> = (&'static str, Box<dyn FnMut() + 'a>);

/// Every operation, on objects past every check.
fn operations<'a>(keys: &'a Keys<Afgh>) -> Vec<Operation<'a>> {
    let ctx = keys.context();
    let (capsule, _) = Afgh::encapsulate(&(), &keys.owner, &ctx, &keys.author, &mut rng(3)).unwrap();
    let checked = Afgh::verify_capsule(&(), &keys.owner, &capsule, &ctx).unwrap();
    let parts = keys.reencrypt(&capsule, &ctx);
    let (capsule2, capsule3) = (capsule.clone(), capsule.clone());
    let (owner, precomputed) = (&keys.owner, keys.owner.clone().precompute());
    let (signer, policy) = (&keys.signer, Afgh::policy(validity()));
    let (owner_id, user_id) = (keys.signer.id(), keys.user.id());
    let [rekey] = &keys.rekeys;
    let [verified_rekey] = keys.verified_rekeys.as_slice() else { unreachable!("one server") };
    fn boxed<'a, O>(name: &'static str, mut f: impl FnMut() -> O + 'a) -> Operation<'a> {
        (name, Box::new(move || _ = black_box(f())))
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
            let (user, grant) = (&keys.user_secret, &keys.verified_grant);
            Afgh::open_reencrypted(&(), user, grant, black_box(&capsule3), &parts, &ctx).unwrap()
        }),
    ]
}

fn benches(c: &mut Criterion, operations: &mut [Operation<'_>]) {
    let mut group = c.benchmark_group(format!("afgh/{BACKEND}"));
    for (name, operation) in operations {
        group.bench_function(*name, |b| b.iter(&mut *operation));
    }
    group.finish();
}

fn seconds(iterations: u32, mut f: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..iterations).for_each(|_| f());
    start.elapsed().as_secs_f64() / f64::from(iterations)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

const ROUNDS: usize = 150;
const TURN: Duration = Duration::from_millis(2);

fn ratios(operations: &mut [Operation<'_>]) {
    let primitives = Primitives::new();
    head(
        &format!("Afgh on `{BACKEND}`: operations and the sums of their primitives, in turns"),
        &["operation", "primitives", "operation takes", "primitives take", "ratio"],
    );
    for (name, operation) in operations {
        let parts = primitives_of(name);
        let once = seconds(3, &mut *operation).max(1e-6);
        let iterations = (TURN.as_secs_f64() / once).ceil() as u32;
        let (mut whole, mut sum, mut ratio) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Neither is always the one that finds the caches cold.
            let (a, b) = if round % 2 == 0 {
                let a = seconds(iterations, &mut *operation);
                (a, seconds(iterations, || primitives.sum(parts)))
            } else {
                let b = seconds(iterations, || primitives.sum(parts));
                (seconds(iterations, &mut *operation), b)
            };
            whole.push(a);
            sum.push(b);
            ratio.push(a / b);
        }
        let parts: Vec<_> = parts.iter().map(|(primitive, count)| format!("{count} {primitive:?}")).collect();
        let (whole, sum) = (time(median(whole)), time(median(sum)));
        row([(*name).into(), parts.join(", "), whole, sum, format!("{:.2}", median(ratio))]);
    }
}

fn main() {
    let mut run = Run::new();
    let keys = Keys::<Afgh>::new();
    let mut operations = operations(&keys);
    benches(&mut run.criterion, &mut operations);
    run.finish(|_| ratios(&mut operations));
}
