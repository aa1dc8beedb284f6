//! The tools of an attacker on `Kac`, and an owner to use them on.

use sesphr::Digest;
use sesphr::context::{Context, Partition, RecordId, Subject};
use sesphr::encoding::Encoding;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G1Affine, G1Projective, G2Affine, G2Projective, Gt, Scalar, mul_p, mul_q, pairing};
use sesphr::identity::{PartyId, Signed, SigningKey};
use sesphr::kac::params::{EncodedParams, Params, PointForm};
use sesphr::kac::*;
use sesphr::kem::{OwnerRoot, OwnerTerms, SharedKey};
use sha2::{Digest as _, Sha512};

use super::scene::{g1, g2, message};
use super::{party, rng};

pub const FORMS: [PointForm; 2] = [PointForm::Compact, PointForm::Uncompressed];

/// The secret of the parameters in these tests.
pub fn alpha() -> Scalar {
    hash::scalar("alpha of the tests", &[])
}

pub fn power(x: &Scalar, k: usize) -> Scalar {
    (0..k).fold(Scalar::one(), |power, _| &power * x)
}

/// x to an exponent in big-endian bytes.
fn power_bytes(x: &Scalar, exponent: &[u8]) -> Scalar {
    let bits = exponent.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    bits.fold(Scalar::one(), |power, bit| {
        let square = &power * &power;
        if bit == 1 { &square * x } else { square }
    })
}

/// The order of the groups, big-endian.
pub fn group_order() -> Vec<u8> {
    let mut bytes: Vec<u8> = (-&Scalar::one()).to_bytes().iter().rev().copied().collect();
    // r − 1 ends in zero.
    *bytes.last_mut().unwrap() += 1;
    bytes
}

/// An element of the scalars whose order is `d`, a divisor of r − 1; 7 generates them.
pub fn root_of_unity(d: u32) -> Scalar {
    let mut rest = 0;
    let minus_one: Vec<u8> = (-&Scalar::one()).to_bytes().iter().rev().copied().collect();
    let quotient: Vec<_> = minus_one
        .iter()
        .map(|byte| {
            let at = rest << 8 | u32::from(*byte);
            rest = at % d;
            u8::try_from(at / d).unwrap()
        })
        .collect();
    assert_eq!(rest, 0, "{d} does not divide r - 1");
    power_bytes(&Scalar::from_u64(7), &quotient)
}

pub fn plus1(a: &G1Affine, b: &G1Affine) -> G1Affine {
    a.to_projective().add_affine(b).to_affine()
}

pub fn minus1(a: &G1Affine, b: &G1Affine) -> G1Affine {
    a.to_projective().sub_affine(b).to_affine()
}

pub fn plus2(a: &G2Affine, b: &G2Affine) -> G2Affine {
    a.to_projective().add_affine(b).to_affine()
}

pub fn minus2(a: &G2Affine, b: &G2Affine) -> G2Affine {
    a.to_projective().sub_affine(b).to_affine()
}

/// The points of parameters, well-formed or not: P_1, …, P_n and Q_1, …, Q_n, Q_{n+2}, …, Q_{2n}.
#[derive(Clone)]
pub struct Points {
    pub p: Vec<G1Affine>,
    pub q: Vec<G2Affine>,
}

impl Points {
    pub fn of(params: &Params) -> Self {
        let bytes = params.encode(PointForm::Compact).to_bytes();
        let (p, q) = bytes[9..].split_at(48 * params.classes() as usize);
        Self { p: p.chunks(48).map(g1).collect(), q: q.chunks(96).map(g2).collect() }
    }

    /// α^kP and α^kQ for any exponents at all.
    pub fn powers(p: impl IntoIterator<Item = usize>, q: impl IntoIterator<Item = usize>) -> Self {
        let p = p.into_iter().map(|k| mul_p(&power(&alpha(), k)).to_affine()).collect();
        Self { p, q: q.into_iter().map(|k| mul_q(&power(&alpha(), k)).to_affine()).collect() }
    }

    pub fn n(&self) -> usize {
        self.p.len()
    }

    /// P_i, where P_0 = P.
    pub fn p_at(&self, i: usize) -> G1Affine {
        if i == 0 { G1Affine::generator() } else { self.p[i - 1] }
    }

    /// Q_k, where Q_0 = Q. There is none for k = n + 1.
    pub fn q_at(&self, k: usize) -> G2Affine {
        assert_ne!(k, self.n() + 1, "the element that must not exist");
        if k == 0 { G2Affine::generator() } else { self.q[k - if k <= self.n() { 1 } else { 2 }] }
    }

    pub fn encode(&self, form: PointForm) -> EncodedParams {
        let n = u32::try_from(self.n()).unwrap().to_be_bytes();
        message(&[&[form as u8], &n, &self.encode_points(form)])
    }

    pub fn encode_points(&self, form: PointForm) -> Vec<u8> {
        match form {
            PointForm::Compact => {
                let p = self.p.iter().flat_map(G1Affine::to_bytes);
                p.chain(self.q.iter().flat_map(G2Affine::to_bytes)).collect()
            }
            PointForm::Uncompressed => {
                let p = self.p.iter().flat_map(G1Affine::to_uncompressed);
                p.chain(self.q.iter().flat_map(G2Affine::to_uncompressed)).collect()
            }
        }
    }

    /// The digest that names them.
    pub fn digest(&self) -> Digest {
        let n = u32::try_from(self.n()).unwrap().to_be_bytes();
        digest(&[b"sesphr v1 kac params", &n], &self.encode_points(PointForm::Uncompressed))
    }

    /// Z_n.
    pub fn z_n(&self) -> Gt {
        pairing(&self.p_at(1), &self.q_at(self.n()))
    }
}

/// A digest of parts, of which the first is the label, and of a tail without a length.
fn digest(parts: &[&[u8]], tail: &[u8]) -> Digest {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(tail);
    Digest::from_array(hash.finalize()[..32].try_into().unwrap())
}

/// A digest of bytes behind the label that have no length of their own.
pub fn open_ended(label: &str, bytes: &[u8]) -> Digest {
    digest(&[label.as_bytes()], bytes)
}

/// What Z_n^t gives of a capsule: the key, and σ. Nothing but hashes from here on, and no check.
pub fn unmask(z_n_t: &Gt, capsule: &Capsule, ctx: &Context<'_>) -> ([u8; 32], [u8; 32]) {
    let bytes = capsule.to_bytes();
    let sigma = masked(z_n_t, bytes[52..84].try_into().unwrap());
    let digest = ctx.digest();
    let parts: [&[u8]; 3] = [&bytes[4..52], &bytes[52..84], digest.as_bytes()];
    (*hash::kdf("sesphr v1 kac key", &sigma, &parts), sigma)
}

/// σ ⊕ KDF(Z_n^t).
pub fn masked(z_n_t: &Gt, sigma: &[u8; 32]) -> [u8; 32] {
    let mut out = *hash::kdf("sesphr v1 kac mask", &z_n_t.to_hash_bytes()[..], &[]);
    out.iter_mut().zip(sigma).for_each(|(o, s)| *o ^= s);
    out
}

/// The points of a capsule: c1, c2.
pub fn points_of(capsule: &Capsule) -> (G1Affine, G1Affine) {
    let bytes = capsule.to_bytes();
    (g1(&bytes[4..]), g1(&bytes[152..]))
}

/// A capsule from its parts.
pub fn assemble(c1: &G1Affine, c3: &[u8; 32], proof: &[u8; 64], generation: u32, c2: &G1Affine) -> Capsule {
    message(&[&c1.to_bytes(), c3, proof, &generation.to_be_bytes(), &c2.to_bytes()])
}

/// PoK{t: c1 = tP} over what a capsule's proof covers.
pub fn prove(kit: &Kit, ctx: &Context<'_>, class: u32, t: &Scalar, c3: &[u8; 32]) -> [u8; 64] {
    let (params, owner, digest) = (kit.params.digest(), kit.signer.id(), ctx.digest());
    let i = (class + 1).to_be_bytes();
    let p = G1Affine::generator();
    schnorr("sesphr v1 kac capsule proof", &p, t, &[params.as_bytes(), owner.as_bytes(), &i, c3, digest.as_bytes()])
}

/// PoK{x: X = x·base} for any label and message.
pub fn schnorr(label: &'static str, base: &G1Affine, x: &Scalar, message: &[&[u8]]) -> [u8; 64] {
    let nonce = Scalar::from_u64(1_234_567);
    let [y, image, commitment] = [&Scalar::one(), x, &nonce].map(|k| base.mul(k).to_affine().to_bytes());
    let parts: Vec<&[u8]> = [&y[..], &image, &commitment].into_iter().chain(message.iter().copied()).collect();
    let challenge = hash::scalar(label, &parts);
    let response = &nonce + &(&challenge * x);
    [*challenge.to_bytes(), *response.to_bytes()].concat().try_into().unwrap()
}

/// An owner with parameters under a known α and one class more than its grid.
pub struct Kit {
    pub params: Params,
    pub points: Points,
    pub signer: SigningKey,
    pub root: OwnerRoot,
    pub secret: OwnerSecret,
    pub cert: Signed<GenerationCert>,
    pub generation: VerifiedGeneration,
}

impl Kit {
    /// Medical and insurance, with so many epochs each.
    pub fn new(seed: u8, epochs: u32) -> Self {
        let params = Params::hazmat_from_alpha(2 * epochs + 1, &alpha()).unwrap();
        Self::with(seed, params, &ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], epochs).unwrap())
    }

    pub fn with(seed: u8, params: Params, grid: &ClassGrid) -> Self {
        let (signer, root) = (party(seed), OwnerRoot::generate(&mut rng(seed)));
        let (secret, cert) = Kac::keygen(&params, grid, &root, &signer, None, &mut rng(seed)).unwrap();
        let generation = Kac::verify_owner(&params, &cert, &signer.id(), None).unwrap();
        Self { points: Points::of(&params), params, signer, root, secret, cert, generation }
    }

    /// One partition whose epochs are all classes of the parameters.
    pub fn full(seed: u8, n: u32) -> Self {
        let grid = ClassGrid::new(&[Partition::MEDICAL], n).unwrap();
        Self::with(seed, Params::hazmat_from_alpha(n, &alpha()).unwrap(), &grid)
    }

    pub fn author(&self) -> SigningKey {
        party(3)
    }

    pub fn ctx(&self, class: u32, record: u8) -> Context<'static> {
        let record = RecordId::from_array([record; 16]);
        let subject = Subject { record, version: 1, author: self.author().id(), aad: b"ab" };
        let period = self.generation.grid().period(class).unwrap();
        Kac::context(&self.generation, &period, &subject).unwrap()
    }

    /// Under a generator that differs from record to record.
    pub fn seal(&self, ctx: &Context<'_>) -> (Capsule, SharedKey) {
        let mut rng = rng(ctx.record.as_bytes()[0]);
        Kac::encapsulate(&self.params, &self.generation, ctx, &self.author(), &mut rng).unwrap()
    }

    pub fn extract(&self, set: &ClassSet) -> AggregateKey {
        Kac::extract(&self.params, &self.secret, set).unwrap()
    }

    /// The verified key of a set, as text.
    pub fn key(&self, set: &str) -> VerifiedKey {
        let set: ClassSet = set.parse().unwrap();
        Kac::verify_key(&self.params, &self.generation, &set, &self.extract(&set)).unwrap()
    }

    pub fn verifies(&self, capsule: &Capsule, ctx: &Context<'_>) -> bool {
        Kac::verify_capsule(&self.params, &self.generation, capsule, ctx).is_ok()
    }

    /// Opens with a key, alone and in a batch, which must agree.
    pub fn open_with(&self, key: &VerifiedKey, capsule: &Capsule, ctx: &Context<'_>) -> Option<[u8; 32]> {
        let bytes = |key: SharedKey| *key.hazmat_bytes();
        let alone = Kac::open_aggregate(&self.params, key, capsule, ctx).ok().map(bytes);
        let batch = Kac::open_batch(&self.params, key, &[(capsule, ctx)]).pop().unwrap().ok().map(bytes);
        assert_eq!(alone, batch, "alone and in a batch");
        alone
    }

    /// Opens with a key of this generation, and as the owner when the key has the class, which must agree.
    pub fn open(&self, key: &VerifiedKey, capsule: &Capsule, ctx: &Context<'_>) -> Option<[u8; 32]> {
        let alone = self.open_with(key, capsule, ctx);
        if *key.generation() == self.generation
            && matches!(ctx.slot, sesphr::context::Slot::Class(class) if key.set().contains(class))
        {
            let owner = Kac::open(&self.params, &self.secret, capsule, ctx).ok().map(|key| *key.hazmat_bytes());
            assert_eq!(alone, owner, "with a key and as the owner");
        }
        alone
    }

    pub fn v1(&self) -> G1Affine {
        let bytes = self.cert.to_bytes();
        g1(&bytes[bytes.len() - 64 - 64 - 96 - 48..])
    }

    pub fn v2(&self) -> G2Affine {
        let bytes = self.cert.to_bytes();
        g2(&bytes[bytes.len() - 64 - 64 - 96..])
    }

    /// V1 + P_i.
    pub fn base(&self, class: u32) -> G1Affine {
        plus1(&self.v1(), &self.points.p_at(class as usize + 1))
    }

    /// H_s(σ, params digest, owner id, i, ctx).
    pub fn t(&self, sigma: &[u8; 32], class: u32, ctx: &Context<'_>) -> Scalar {
        let (params, owner, digest) = (self.params.digest(), self.signer.id(), ctx.digest());
        let i = (class + 1).to_be_bytes();
        hash::scalar("sesphr v1 kac t", &[sigma, params.as_bytes(), owner.as_bytes(), &i, digest.as_bytes()])
    }

    /// A capsule of a class for any σ, t and context at all, proof included: what a writer who ignores the library
    /// can make.
    pub fn handmade(&self, ctx: &Context<'_>, class: u32, sigma: &[u8; 32], t: &Scalar) -> Capsule {
        let c3 = masked(&self.points.z_n().pow(t), sigma);
        let c2 = self.base(class).mul(t).to_affine();
        let proof = prove(self, ctx, class, t, &c3);
        assemble(&mul_p(t).to_affine(), &c3, &proof, self.generation.generation(), &c2)
    }

    /// The same, with the t that belongs to σ.
    pub fn honest(&self, ctx: &Context<'_>, class: u32, sigma: &[u8; 32]) -> Capsule {
        self.handmade(ctx, class, sigma, &self.t(sigma, class, ctx))
    }

    /// K_S, which its holder knows.
    pub fn key_point(&self, set: &ClassSet) -> G2Affine {
        use sesphr::encoding::SecretEncoding;
        g2(&self.extract(set).to_secret_bytes()[4..])
    }

    /// Z_n^t to the power of `weights[i]`, for weights of classes and the same combination of keys of sets: what the
    /// decryption formula gives, in hand computation and without a check.
    pub fn combine(&self, weights: &[i64], key: &G2Affine, capsule: &Capsule, class: u32) -> Gt {
        let n = self.points.n();
        let sum = |shift: usize| {
            weights.iter().enumerate().fold(G2Projective::identity(), |sum, (c, weight)| {
                let at = n - c + shift;
                if *weight == 0 || at == n + 1 { sum } else { sum.add(&times(&self.points.q_at(at), *weight)) }
            })
        };
        let (c1, c2) = points_of(capsule);
        let right = sum(class as usize + 1).add_affine(key).to_affine();
        pairing(&c2, &sum(0).to_affine()).mul(&pairing(&c1.neg(), &right))
    }
}

fn small(k: i64) -> Scalar {
    let scalar = Scalar::from_u64(k.unsigned_abs());
    if k < 0 { -&scalar } else { scalar }
}

/// kA for a small k.
pub fn times(point: &G2Affine, k: i64) -> G2Projective {
    point.mul(&small(k))
}

/// x to a small k.
pub fn raised(x: &Gt, k: i64) -> Gt {
    x.pow(&small(k))
}

/// What a certificate says, to be signed by anybody.
#[derive(Clone)]
pub struct Cert {
    pub owner: PartyId,
    pub params: Digest,
    pub generation: u32,
    pub grid: ClassGrid,
    pub previous: Digest,
    pub v1: G1Projective,
    pub v2: G2Projective,
}

impl Cert {
    /// The first generation of `kit`'s owner under another secret.
    pub fn first(kit: &Kit, gamma: &Scalar) -> Self {
        let (params, grid) = (kit.params.digest(), kit.generation.grid().clone());
        let (owner, previous) = (kit.signer.id(), Digest::NONE);
        Self { owner, params, generation: 0, grid, previous, v1: mul_p(gamma), v2: mul_q(gamma) }
    }

    /// The generation after `kit`'s.
    pub fn second(kit: &Kit, gamma: &Scalar) -> Self {
        Self { generation: 1, previous: kit.generation.origin(), ..Self::first(kit, gamma) }
    }

    /// Signed by `signer`, with a proof by who knows `gamma`.
    pub fn sign(&self, signer: &SigningKey, gamma: &Scalar) -> Signed<GenerationCert> {
        let mut terms = self.params.as_bytes().to_vec();
        terms.extend(self.generation.to_be_bytes());
        terms.extend(self.grid.to_bytes());
        terms.extend(self.previous.as_bytes());
        terms.extend(self.v1.to_affine().to_bytes());
        terms.extend(self.v2.to_affine().to_bytes());
        let origin = digest(&[b"sesphr v1 kac origin", self.owner.as_bytes()], &terms);
        let p = G1Affine::generator();
        let proof = schnorr("sesphr v1 kac generation proof", &p, gamma, &[origin.as_bytes()]);
        Signed::new(signer, message(&[&terms, &proof]))
    }
}
