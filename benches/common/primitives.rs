//! What operations are made of: the primitives, their sums, and the table that sets an operation beside its sum.
//!
//! Counted is what an operation has to compute, whatever it in fact does: every different point is encoded once, every
//! different value hashed once. Generators, moves, comparisons, encoding of scalars, drawing 32 bytes from the generator
//! and wiping are not counted.

use std::hint::black_box;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use criterion::Criterion;
use ed25519_dalek::Signer;
use hkdf::Hkdf;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sesphr::hazmat::pairing::{
    BACKEND, G1Affine, G1Projective, G1Table, G2Affine, G2Prepared, G2Projective, Gt, GtTable, Scalar, mul_p, mul_q,
    multi_pairing, pairing, q_prepared, vartime_lincomb2_g1, vartime_lincomb2_g2, vartime_msm_g1, vartime_pairing_eq,
    z_pow,
};
use sha2::{Digest, Sha512};

use super::report::{head, row, time};
use super::ristretto::Ristretto;

#[derive(Clone, Copy, Debug)]
pub enum Primitive {
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
    /// A sum with an affine point.
    G1Add,
    G2Add,
    /// A sum of so many public points with public 128-bit scalars.
    G1Msm(usize),
    /// From computing coordinates to affine ones: a field inversion.
    G1Affine,
    G2Affine,
    /// The same for so many points at once.
    G1AffineOf(usize),
    /// Z to a secret power, through its table.
    ZPow,
    /// Another element of GT to a secret power, through its table.
    GtTable,
    Pairing,
    /// Whether two pairings are equal: one product of two.
    PairingEq,
    /// The same where one point of G2 is the generator.
    PairingEqQ,
    /// The lines through a point of G2, to be kept.
    Prepare,
    /// A product of two pairings, one point of G2 prepared beforehand and one in the call.
    Product,
    /// A product of two pairings, both points of G2 prepared beforehand.
    ProductPrepared,
    /// A product of three pairings, all points of G2 prepared beforehand.
    Product3Prepared,
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
    /// An X25519 key pair from a seed.
    HpkeKeygen,
    /// 32 bytes sealed to an encoded X25519 key, with an encapsulation.
    HpkeSeal,
    /// The same opened.
    HpkeOpen,
    /// A point of ristretto255 times a secret scalar.
    RMul,
    /// The same through a table of the point.
    RTable,
    /// Building that table.
    RNewTable,
    /// The generator of ristretto255 times a secret scalar, through its table.
    RFixed,
    /// A sum of so many points with secret scalars.
    RSum(usize),
    /// The equation of a Schnorr proof: a public point with a challenge of 128 bits, and the generator with a public scalar.
    RDouble,
    /// The same where another public point has the place of the generator.
    RVarDouble,
    /// A sum of two points.
    RAdd,
    /// The 32 bytes of a point.
    REncode,
    /// The same for so many points at once.
    REncodeOf(usize),
    RDecode,
    /// The inverse of a scalar of ristretto255.
    RInverse,
    /// A hash, and the reduction of its 64 bytes to a scalar of ristretto255.
    RHashToScalar,
    /// 64 bytes of a hash to an element of ristretto255, without the hash.
    RMap,
    /// BLAKE3 over the 64 bytes of a node of a Merkle tree.
    Node,
}

/// HPKE as delegatees' keys use it.
type HpkeSecret = <X25519HkdfSha256 as Kem>::PrivateKey;
type HpkePublic = <X25519HkdfSha256 as Kem>::PublicKey;
type HpkeEncapped = <X25519HkdfSha256 as Kem>::EncappedKey;

/// How often each primitive is in an operation.
pub type Parts = &'static [(Primitive, u32)];

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
    /// e(ba·P, Q) = e(p, q).
    pq: G1Affine,
    prepared: G2Prepared,
    gt: Gt,
    table: G1Table,
    gt_table: GtTable,
    many: Vec<G1Projective>,
    many_affine: Vec<G1Affine>,
    weights: Vec<Scalar>,
    signing: ed25519_dalek::SigningKey,
    signature: ed25519_dalek::Signature,
    digest: [u8; 64],
    /// Encoded, as keys are kept and grants arrive.
    hpke_secret: [u8; 32],
    hpke_public: [u8; 32],
    hpke_sealed: ([u8; 32], Vec<u8>),
    ristretto: Ristretto,
}

impl Primitives {
    /// The longest sum that is measured.
    const MANY: usize = 2048;

    fn new() -> Self {
        let scalar = |seed: u8| Scalar::from_wide(&Sha512::digest([seed]).into());
        let (k, x, a, b) = (scalar(1), scalar(2), scalar(3), scalar(4));
        let signing = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
        let digest: [u8; 64] = Sha512::digest([6]).into();
        let (p, p2) = (mul_p(&a).to_affine(), mul_p(&b).to_affine());
        let q = mul_q(&b).to_affine();
        let many: Vec<_> =
            std::iter::successors(Some(mul_p(&x)), |point| Some(point.double())).take(Self::MANY).collect();
        let weight = |i: usize| {
            let digest = Sha512::digest(i.to_be_bytes());
            Scalar::from_u128(digest.iter().take(16).fold(0, |value, byte| value << 8 | u128::from(*byte)))
        };
        let (hpke_secret, hpke_public) = X25519HkdfSha256::derive_keypair(&[7; 32]);
        let hpke_public = hpke_public.to_bytes().into();
        Self {
            hpke_secret: hpke_secret.to_bytes().into(),
            hpke_sealed: Self::hpke_seal(&hpke_public),
            hpke_public,
            ristretto: Ristretto::new(),
            many_affine: G1Projective::batch_to_affine(&many),
            many,
            weights: (0..Self::MANY).map(weight).collect(),
            p,
            q,
            pp: mul_p(&x),
            qq: mul_q(&x),
            p2,
            q2: mul_q(&a).to_affine(),
            pq: mul_p(&(&a * &b)).to_affine(),
            prepared: G2Prepared::from(&q),
            gt: z_pow(&x),
            table: G1Table::new(&p),
            gt_table: GtTable::new(&z_pow(&a)),
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

    fn hpke_seal(public: &[u8; 32]) -> ([u8; 32], Vec<u8>) {
        let public = HpkePublic::from_bytes(black_box(public)).unwrap();
        let (encapped, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            &[0; 32],
            &[0; 32],
            &[],
            &mut ChaCha20Rng::from_seed([8; 32]),
        )
        .unwrap();
        (encapped.to_bytes().into(), sealed)
    }

    fn hpke_open(&self) -> Vec<u8> {
        let (encapped, sealed) = black_box(&self.hpke_sealed);
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &HpkeSecret::from_bytes(black_box(&self.hpke_secret)).unwrap(),
            &HpkeEncapped::from_bytes(encapped).unwrap(),
            &[0; 32],
            sealed,
            &[],
        )
        .unwrap()
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
            Primitive::G1Add => drop(black_box(black_box(&self.pp).add_affine(p))),
            Primitive::G2Add => drop(black_box(black_box(&self.qq).add_affine(q))),
            Primitive::G1Msm(n) => {
                let terms: Vec<_> = self.many_affine.iter().zip(&self.weights).take(n).collect();
                drop(black_box(vartime_msm_g1(black_box(&terms))));
            }
            Primitive::G1Affine => _ = black_box(black_box(&self.pp).to_affine()),
            Primitive::G2Affine => _ = black_box(black_box(&self.qq).to_affine()),
            Primitive::G1AffineOf(n) => {
                drop(black_box(G1Projective::batch_to_affine(black_box(&self.many).get(..n).unwrap())));
            }
            Primitive::ZPow => drop(black_box(z_pow(k))),
            Primitive::GtTable => drop(black_box(self.gt_table.pow(k))),
            Primitive::Pairing => drop(black_box(pairing(p, q))),
            Primitive::PairingEq => assert!(vartime_pairing_eq(p, q, &self.p2, &self.q2)),
            Primitive::PairingEqQ => {
                // Unprepared points are the faster ones with `blst`.
                let equal = if BACKEND == "blst" {
                    vartime_pairing_eq(black_box(&self.pq), &G2Affine::generator(), p, q)
                } else {
                    let terms = [(black_box(&self.pq), &*q_prepared()), (&p.neg(), &G2Prepared::from(q))];
                    multi_pairing(&terms).is_identity().into()
                };
                assert!(equal);
            }
            Primitive::Prepare => drop(black_box(G2Prepared::from(q))),
            Primitive::Product => {
                let terms = [(p, black_box(&self.prepared)), (&self.p2, &G2Prepared::from(&self.q2))];
                drop(black_box(multi_pairing(&terms)));
            }
            Primitive::ProductPrepared => {
                let prepared = black_box(&self.prepared);
                drop(black_box(multi_pairing(&[(p, prepared), (&self.p2, prepared)])));
            }
            Primitive::Product3Prepared => {
                let prepared = black_box(&self.prepared);
                drop(black_box(multi_pairing(&[(p, prepared), (&self.p2, prepared), (&self.pq, prepared)])));
            }
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
            Primitive::HpkeKeygen => drop(black_box(X25519HkdfSha256::derive_keypair(black_box(&[7; 32])))),
            Primitive::HpkeSeal => drop(black_box(Self::hpke_seal(&self.hpke_public))),
            Primitive::HpkeOpen => drop(black_box(self.hpke_open())),
            Primitive::Node => _ = black_box(blake3::keyed_hash(black_box(&[0; 32]), black_box(&[0; 64]))),
            other => self.ristretto.run(other),
        }
    }

    fn sum(&self, parts: Parts) {
        for (primitive, count) in parts {
            for _ in 0..*count {
                self.run(*primitive);
            }
        }
    }
}

/// An operation and what is counted for it.
pub struct Operation<'a> {
    name: &'static str,
    parts: Parts,
    /// Parts of another count that the table gives in a row of its own.
    also: Option<(&'static str, Parts)>,
    /// How many results a run gives: times are for one of them.
    results: u32,
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Operation<'a> {
    pub fn new<O>(name: &'static str, parts: Parts, mut f: impl FnMut() -> O + 'a) -> Self {
        Self { name, parts, also: None, results: 1, run: Box::new(move || _ = black_box(f())) }
    }

    pub fn also(mut self, name: &'static str, parts: Parts) -> Self {
        self.also = Some((name, parts));
        self
    }

    /// The parts stay those of the whole run.
    pub fn results(mut self, results: u32) -> Self {
        self.results = results;
        self
    }
}

/// Criterion's benches of the operations of a scheme, which computes on a library.
pub fn benches(scheme: &str, on: &str, c: &mut Criterion, operations: &mut [Operation<'_>]) {
    let mut group = c.benchmark_group(format!("{scheme}/{on}"));
    for operation in operations {
        group.bench_function(operation.name, |b| b.iter(&mut operation.run));
    }
    group.finish();
}

/// Processor time where one thread does it all: what else runs on the machine then counts little.
fn seconds(iterations: u32, f: &mut dyn FnMut()) -> f64 {
    let (start, thread) = (Instant::now(), ThreadTime::now());
    (0..iterations).for_each(|_| f());
    let elapsed = if cfg!(feature = "rayon") { start.elapsed() } else { thread.elapsed() };
    elapsed.as_secs_f64() / f64::from(iterations)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Two functions timed in turns: the median of the time of each, in seconds, and that of the ratio.
#[derive(Clone, Copy)]
pub struct Turns {
    pub first: f64,
    pub second: f64,
    pub ratio: f64,
}

const ROUNDS: f64 = 150.0;
const FEWEST_ROUNDS: f64 = 5.0;
/// Each of the two takes at least this long at a time.
const TURN: Duration = Duration::from_millis(2);
/// A slow function's partner is repeated until here.
const LONG_TURN: Duration = Duration::from_millis(500);
/// What slow functions may take in all.
const BUDGET: Duration = Duration::from_secs(3);

impl Turns {
    pub fn new(first: &mut dyn FnMut(), second: &mut dyn FnMut()) -> Self {
        let turn = |f: &mut dyn FnMut()| {
            let warm = seconds(1, f);
            let once = if warm < TURN.as_secs_f64() { seconds(3, f) } else { warm }.max(1e-7);
            let iterations = (TURN.as_secs_f64() / once).ceil();
            (iterations as u32, iterations * once)
        };
        let ((mut n, mut a), (mut m, mut b)) = (turn(first), turn(second));
        // Turns of about one length see about the same of what else runs.
        let length = a.max(b).min(LONG_TURN.as_secs_f64());
        for (n, total) in [(&mut n, &mut a), (&mut m, &mut b)] {
            let more = (length / *total).floor().max(1.0);
            (*n, *total) = (*n * more as u32, *total * more);
        }
        let rounds = (BUDGET.as_secs_f64() / (a + b)).clamp(FEWEST_ROUNDS, ROUNDS) as u32;
        let (mut firsts, mut seconds_, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            // Neither is always the one that finds the caches cold.
            let (a, b) = if round % 2 == 0 {
                let a = seconds(n, first);
                (a, seconds(m, second))
            } else {
                let b = seconds(m, second);
                (seconds(n, first), b)
            };
            firsts.push(a);
            seconds_.push(b);
            ratios.push(a / b);
        }
        Self { first: median(firsts), second: median(seconds_), ratio: median(ratios) }
    }
}

/// The table of operations beside the sums of their primitives.
pub fn ratios(scheme: &str, on: &str, operations: &mut [Operation<'_>]) {
    let primitives = Primitives::new();
    head(
        &format!("{scheme} on `{on}`: operations and the sums of their primitives, in turns"),
        &["operation", "primitives", "operation takes", "primitives take", "ratio"],
    );
    for Operation { name, parts, also, results, run } in operations {
        for (name, parts) in [(*name, *parts)].into_iter().chain(*also) {
            let turns = Turns::new(run, &mut || primitives.sum(parts));
            let parts: Vec<_> = parts.iter().map(|(primitive, count)| format!("{count} {primitive:?}")).collect();
            let each = |seconds: f64| time(seconds / f64::from(*results));
            let ratio = format!("{:.2}", turns.ratio);
            row([name.into(), parts.join(", "), each(turns.first), each(turns.second), ratio]);
        }
    }
}
