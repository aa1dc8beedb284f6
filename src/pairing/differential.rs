//! The two backends against each other: every operation, bytes equal.

use super::group::Curve;
use super::tests::{edge_scalars, malformed, malformed_uncompressed, outside_subgroup, random_scalar, rng};
use super::*;
use proptest::prelude::*;
use std::vec::Vec;
use subtle::ConstantTimeEq;

type Z = Zkcrypto;
type Bl = Blst;

fn points<const N: usize, A, B>(k: &Scalar) -> (Affine<A>, Affine<B>)
where
    A: Curve<Encoding = [u8; N]>,
    B: Curve<Encoding = [u8; N], Uncompressed = A::Uncompressed>,
{
    let (a, b) = (Affine::<A>::generator().mul(k).to_affine(), Affine::<B>::generator().mul(k).to_affine());
    assert_eq!(a.to_bytes(), b.to_bytes());
    assert_eq!(a.to_uncompressed(), b.to_uncompressed());
    (a, b)
}

fn equal<const N: usize, A, B>(a: &Projective<A>, b: &Projective<B>)
where
    A: Curve<Encoding = [u8; N]>,
    B: Curve<Encoding = [u8; N]>,
{
    assert_eq!(a.to_affine().to_bytes(), b.to_affine().to_bytes());
}

fn curve<const N: usize, const M: usize, A, B>()
where
    A: Curve<Encoding = [u8; N], Uncompressed = [u8; M]>,
    B: Curve<Encoding = [u8; N], Uncompressed = [u8; M]>,
{
    let mut rng = rng(20);
    let mut scalars = edge_scalars();
    scalars.extend((0..8).map(|_| random_scalar(&mut rng)));
    let x = random_scalar(&mut rng);
    let (base_a, base_b) = points::<N, A, B>(&x);
    let (table_a, table_b) = (PointTable::new(&base_a), PointTable::new(&base_b));
    let mut pairs = Vec::new();
    for k in &scalars {
        let (a, b) = (base_a.mul(k), base_b.mul(k));
        equal(&a, &b);
        equal(&table_a.mul(k), &b);
        equal(&a, &table_b.mul(k));
        equal(&a.double(), &b.double());
        equal(&a.neg(), &b.neg());
        equal(&a.add(&a), &b.add(&b));
        equal(&a.add_affine(&base_a), &b.add_affine(&base_b));
        equal(&a.sub_affine(&base_a), &b.sub_affine(&base_b));
        equal(&a.sub(&base_a.to_projective()), &b.sub(&base_b.to_projective()));
        equal(&a.mul(k), &b.mul(k));
        pairs.push((a.to_affine(), b.to_affine()));
        assert_eq!(a.is_identity().unwrap_u8(), b.is_identity().unwrap_u8());
    }
    for n in [0, 1, 2, 3, 10, 31, 32, 40, pairs.len()] {
        let a: Vec<_> = pairs.iter().zip(&scalars).take(n).map(|(p, k)| (&p.0.0, k)).collect();
        let b: Vec<_> = pairs.iter().zip(&scalars).take(n).map(|(p, k)| (&p.1.0, k)).collect();
        equal(&Projective::<A>(A::vartime_msm(&a)), &Projective::<B>(B::vartime_msm(&b)));
    }
    let generator = Affine::<A>::generator();
    malformed(generator.to_bytes()).iter().chain(&outside_subgroup()).for_each(agree::<N, A, B>);
    malformed_uncompressed(generator.to_uncompressed(), &generator.to_bytes())
        .iter()
        .for_each(agree_uncompressed::<M, A, B>);
}

#[test]
fn g1() {
    curve::<48, 96, <Z as Backend>::G1, <Bl as Backend>::G1>();
}

#[test]
fn g2() {
    curve::<96, 192, <Z as Backend>::G2, <Bl as Backend>::G2>();
}

#[test]
fn pairings_and_target() {
    let mut rng = rng(21);
    let mut scalars = edge_scalars();
    scalars.truncate(16);
    scalars.extend((0..8).map(|_| random_scalar(&mut rng)));
    for pair in scalars.chunks(2) {
        let (x, y) = (&pair[0], &pair[1]);
        let (p, bp) = points::<48, <Z as Backend>::G1, <Bl as Backend>::G1>(x);
        let (q, bq) = points::<96, <Z as Backend>::G2, <Bl as Backend>::G2>(y);
        let (g, bg) = (Affine::generator(), Affine::generator());
        let (e, be) = (Engine::<Z>::pairing(&p, &q), Engine::<Bl>::pairing(&bp, &bq));
        assert_eq!(e.to_hash_bytes(), be.to_hash_bytes());
        assert_eq!(e.pow(x).to_hash_bytes(), be.pow(x).to_hash_bytes());
        assert_eq!(e.invert().to_hash_bytes(), be.invert().to_hash_bytes());
        let (z, bz) = (Engine::<Z>::z_pow(y), Engine::<Bl>::z_pow(y));
        assert_eq!(z.to_hash_bytes(), bz.to_hash_bytes());
        assert_eq!(e.mul(&z).to_hash_bytes(), be.mul(&bz).to_hash_bytes());
        assert_eq!(TargetTable::new(&e).pow(y).to_hash_bytes(), TargetTable::new(&be).pow(y).to_hash_bytes());
        let (prepared, bprepared) = (Prepared::<Z>::from(&q), Prepared::<Bl>::from(&bq));
        assert_eq!(
            Engine::<Z>::multi_pairing(&[(&p, &prepared), (&g, &prepared)]).to_hash_bytes(),
            Engine::<Bl>::multi_pairing(&[(&bp, &bprepared), (&bg, &bprepared)]).to_hash_bytes()
        );
        assert_eq!(
            Engine::<Z>::vartime_pairing_eq(&p, &q, &g, &q),
            Engine::<Bl>::vartime_pairing_eq(&bp, &bq, &bg, &bq)
        );
    }
}

/// Both accept the same bytes as the same point, with the subgroup check and without.
fn agree<const N: usize, A, B>(bytes: &[u8; N])
where
    A: Curve<Encoding = [u8; N]>,
    B: Curve<Encoding = [u8; N], Uncompressed = A::Uncompressed>,
{
    let (a, b) = (Affine::<A>::from_bytes(bytes), Affine::<B>::from_bytes(bytes));
    assert_eq!(a.map(|p| p.to_bytes()), b.map(|p| p.to_bytes()));
    let (c, d) = (Affine::<A>::from_bytes_trusted(bytes), Affine::<B>::from_bytes_trusted(bytes));
    assert_eq!(c.map(|p| p.to_uncompressed()), d.map(|p| p.to_uncompressed()));
    assert!(a.is_none() || a == c);
    if let Some(point) = c {
        // Canonical: there is one encoding.
        assert_eq!(point.to_bytes(), *bytes);
        assert!(!bool::from(point.ct_eq(&point.neg()) & !point.is_identity()));
        assert_eq!(Affine::<B>::from_uncompressed(&point.to_uncompressed()), b);
    }
}

/// As [`agree`], of uncompressed bytes.
fn agree_uncompressed<const M: usize, A, B>(bytes: &[u8; M])
where
    A: Curve<Uncompressed = [u8; M]>,
    B: Curve<Uncompressed = [u8; M]>,
{
    let (a, b) = (Affine::<A>::from_uncompressed(bytes), Affine::<B>::from_uncompressed(bytes));
    assert_eq!(a.map(|p| p.to_uncompressed()), b.map(|p| p.to_uncompressed()));
    let (c, d) = (Affine::<A>::from_uncompressed_trusted(bytes), Affine::<B>::from_uncompressed_trusted(bytes));
    assert_eq!(c.map(|p| p.to_uncompressed()), d.map(|p| p.to_uncompressed()));
    assert!(a.is_none() || a == c);
    assert!(c.is_none_or(|p| p.to_uncompressed() == *bytes));
}

/// A few changes to what `encode` makes of a scalar, or random bytes.
fn mutated<const N: usize>(encode: fn(&Scalar) -> [u8; N]) -> impl Strategy<Value = [u8; N]> {
    let seed = any::<u64>();
    let changes = prop::collection::vec((0..N, any::<u8>(), 0..4u8), 0..4);
    (seed, changes, any::<bool>()).prop_map(move |(seed, changes, random)| {
        let mut bytes = if random {
            use rand_chacha::rand_core::Rng;
            let mut bytes = [0; N];
            rng(seed).fill_bytes(&mut bytes);
            bytes
        } else {
            encode(&random_scalar(&mut rng(seed)))
        };
        for (at, byte, how) in changes {
            match how {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte & 7),
                2 => bytes[0] = bytes[0] & 0x1f | byte & 0xe0,
                _ => bytes[0] = bytes[0] & 0x0f | 0x80,
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_g1(bytes in mutated(|k| mul_p(k).to_affine().to_bytes())) {
        agree::<48, <Z as Backend>::G1, <Bl as Backend>::G1>(&bytes);
    }

    #[test]
    fn mutated_g2(bytes in mutated(|k| mul_q(k).to_affine().to_bytes())) {
        agree::<96, <Z as Backend>::G2, <Bl as Backend>::G2>(&bytes);
    }

    #[test]
    fn mutated_uncompressed_g1(bytes in mutated(|k| mul_p(k).to_affine().to_uncompressed())) {
        agree_uncompressed::<96, <Z as Backend>::G1, <Bl as Backend>::G1>(&bytes);
    }

    #[test]
    fn mutated_uncompressed_g2(bytes in mutated(|k| mul_q(k).to_affine().to_uncompressed())) {
        agree_uncompressed::<192, <Z as Backend>::G2, <Bl as Backend>::G2>(&bytes);
    }
}
