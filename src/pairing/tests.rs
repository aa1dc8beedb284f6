//! What every backend must do, written once and run on each.

use super::group::{Curve, Group};
use super::*;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::format;
use std::vec::Vec;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// p, big-endian.
const P: [u8; 48] = [
    0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7, 0x64, 0x77, 0x4b,
    0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24, 0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53,
    0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];

pub(super) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(super) fn random_scalar(rng: &mut impl Rng) -> Scalar {
    let mut bytes = [0; 64];
    rng.fill_bytes(&mut bytes);
    Scalar::from_wide(&bytes)
}

/// Scalars at every boundary that a window, a digit or a decomposition has.
pub(super) fn edge_scalars() -> Vec<Scalar> {
    let mut out: Vec<Scalar> = [0, 1, 2, 3, 15, 16, 17, 31, 32, 33, u64::MAX].map(Scalar::from_u64).into();
    out.extend([1, 2, 3, 16, 17].map(|k| -&Scalar::from_u64(k)));
    // (r − 1)/2 and (r + 1)/2.
    let half = Scalar::from_u64(2).invert().unwrap();
    out.push(&half - &Scalar::one());
    out.push(half);
    let mut bit = Scalar::one();
    for i in 0..255 {
        if i % 5 == 4 || i % 64 > 61 || i % 4 == 3 && i > 240 {
            out.push(bit.clone());
            out.push(&bit - &Scalar::one());
        }
        bit = &bit + &bit;
    }
    // All windows at their extremes: 0b10000, 0b01111, 0b11111, …
    for pattern in [0x10u8, 0x0f, 0xf0, 0x88, 0x77, 0x84, 0x21, 0xff] {
        let mut bytes = [pattern; 32];
        bytes[31] &= 0x3f;
        out.push(Scalar::from_bytes(&bytes).unwrap());
    }
    out
}

pub(super) fn same<T: ConstantTimeEq>(a: &T, b: &T) -> bool {
    a.ct_eq(b).into()
}

fn affine_of<C: Curve>(k: &Scalar) -> Affine<C> {
    Affine::generator().mul(k).to_affine()
}

/// Double-and-add over the facade's own addition, as plain as it can be.
fn naive_mul<C: Curve>(base: &Affine<C>, k: &Scalar) -> Projective<C> {
    let bytes = k.to_bytes();
    let mut acc = Projective::identity();
    for i in (0..256).rev() {
        acc = acc.double();
        if bytes[i / 8] >> (i % 8) & 1 == 1 {
            acc = acc.add_affine(base);
        }
    }
    acc
}

fn group_laws<C: Curve>() {
    let mut rng = rng(1);
    let (x, y) = (random_scalar(&mut rng), random_scalar(&mut rng));
    let (a, b) = (affine_of::<C>(&x), affine_of::<C>(&y));
    let (pa, pb) = (a.to_projective(), b.to_projective());
    let (zero, inf) = (Projective::<C>::identity(), Affine::<C>::identity());
    assert!(same(&pa.add(&pb), &pb.add(&pa)));
    assert!(same(&pa.add(&pb), &pa.add_affine(&b)));
    assert!(same(&pa.add(&pb), &a.mul(&Scalar::one()).add(&pb)));
    assert!(same(&pa.add(&pb), &Affine::generator().mul(&(&x + &y))));
    assert!(same(&pa.sub(&pb), &Affine::generator().mul(&(&x - &y))));
    assert!(same(&pa.sub(&pb), &pa.sub_affine(&b)));
    assert!(same(&pa.neg(), &Affine::generator().mul(&-&x)));
    assert_eq!(pa.neg().to_affine(), a.neg());
    // Equal operands, opposite operands, the identity on either side or both.
    assert!(same(&pa.add(&pa), &pa.double()));
    assert!(same(&pa.add_affine(&a), &pa.double()));
    let scaled = pb.add(&pa).sub(&pb);
    assert!(same(&scaled.add(&pa), &pa.double()));
    assert!(same(&scaled.add_affine(&a), &pa.double()));
    for nothing in [
        pa.sub(&pa),
        pa.sub_affine(&a),
        scaled.sub(&pa),
        scaled.sub_affine(&a),
        zero.double(),
        zero.neg(),
        zero.add(&zero),
        zero.add_affine(&inf),
        zero.sub_affine(&inf),
        inf.to_projective(),
        inf.neg().to_projective(),
        zero.mul(&x),
        pa.mul(&Scalar::zero()),
    ] {
        assert!(bool::from(nothing.is_identity()));
        assert!(same(&nothing, &zero));
        assert!(bool::from(nothing.to_affine().is_identity()));
        assert_eq!(nothing.to_affine(), inf);
        assert_eq!(nothing.to_affine().to_bytes(), inf.to_bytes());
        assert!(same(&nothing.add(&pa), &pa));
        assert!(same(&pa.add(&nothing), &pa));
    }
    assert!(same(&zero.add_affine(&a), &pa));
    assert!(same(&pa.add_affine(&inf), &pa));
    assert!(!same(&pa, &pb));
    assert!(!same(&pa, &zero));
    assert!(!same(&zero, &pa));
    assert_ne!(a, inf);
    assert_ne!(a, a.neg());
    assert!(!same(&pa, &pa.neg()));
    // Batches, with identities at every place.
    for points in [
        Vec::new(),
        Vec::from([zero.clone()]),
        Vec::from([zero.clone(), pa.clone(), zero.clone(), scaled.double(), zero.clone()]),
    ] {
        let one_by_one: Vec<_> = points.iter().map(Projective::to_affine).collect();
        assert_eq!(Projective::batch_to_affine(&points), one_by_one);
    }
    // Wiping.
    let (mut wiped, mut wiped_affine) = (pa.clone(), a);
    wiped.zeroize();
    wiped_affine.zeroize();
    assert!(bool::from(wiped.is_identity()));
    assert!(bool::from(wiped_affine.is_identity()));
}

fn multiplication<C: Curve>() {
    let mut rng = rng(2);
    let base = affine_of::<C>(&random_scalar(&mut rng));
    let table = PointTable::new(&base);
    let of_identity = PointTable::new(&Affine::<C>::identity());
    let of_generator = PointTable::new(&Affine::<C>::generator());
    let mut scalars = edge_scalars();
    scalars.extend((0..8).map(|_| random_scalar(&mut rng)));
    for k in &scalars {
        let expected = naive_mul(&base, k);
        assert!(same(&base.mul(k), &expected));
        assert!(same(&base.to_projective().double().mul(k), &expected.double()));
        assert!(same(&table.mul(k), &expected));
        assert!(bool::from(of_identity.mul(k).is_identity()));
        assert!(bool::from(Affine::<C>::identity().mul(k).is_identity()));
        assert!(same(&of_generator.mul(k), &Affine::generator().mul(k)));
        assert!(same(&Projective(C::generator_table().multiply(k)), &of_generator.mul(k)));
        // The generic window multiplication, which `blst` does not use for curves.
        assert!(same(&Projective::<C>(window::mul::<C>(&C::from_entry(&base.0), k)), &expected));
    }
}

/// The sum by every way there is to it.
fn all_sums<C: Curve>(terms: &[(&C::Entry, &Scalar)], expected: &Projective<C>) {
    let n = terms.len();
    assert!(same(&Projective::<C>(C::vartime_msm(terms)), expected), "backend, {n}");
    assert!(same(&Projective::<C>(msm::vartime_msm::<C>(terms)), expected), "shared, {n}");
    assert!(same(&Projective::<C>(msm::sliding_windows::<C>(terms)), expected), "sliding windows, {n}");
    let bits = terms.iter().map(|(_, k)| k.vartime_bits()).max().unwrap_or(0);
    for (bits, w) in [(bits, msm::bucket_width(n, bits)), (bits, 7), (bits + 1, 2), (window::BITS, 5)] {
        assert!(same(&Projective::<C>(msm::buckets::<C>(terms, bits, w)), expected), "buckets, {n}, {bits}, {w}");
    }
    assert!(same(&Projective::<C>(window::multi_mul::<C>(terms)), expected), "constant time, {n}");
}

/// A scalar of `bits` bits.
fn scalar_of_bits(rng: &mut impl Rng, bits: usize) -> Scalar {
    let Some(top) = bits.checked_sub(1) else { return Scalar::zero() };
    let mut bytes = [0; 32];
    rng.fill_bytes(&mut bytes);
    for i in bits..256 {
        bytes[i / 8] &= !(1 << (i % 8));
    }
    bytes[top / 8] |= 1 << (top % 8);
    if top == 254 {
        bytes[31] = 0x60 | bytes[31] & 0x0f;
    }
    Scalar::from_bytes(&bytes).unwrap()
}

/// Terms whose points have known logarithms, zero among them, and the sum from these.
struct Known<C: Curve> {
    points: Vec<Affine<C>>,
    scalars: Vec<Scalar>,
    sum: Projective<C>,
}

impl<C: Curve> Known<C> {
    fn new(rng: &mut impl Rng, scalars: Vec<Scalar>) -> Self {
        let mut points = Vec::new();
        let mut log = Scalar::zero();
        // Multiples of one random point, cheap to make; equal, opposite and neutral ones are among them.
        let unit = random_scalar(rng);
        let multiples: Vec<_> = (0..16).map(|i| &(&unit * &Scalar::from_u64(i)) - &(&unit + &unit)).collect();
        let made: Vec<_> = multiples.iter().map(affine_of::<C>).collect();
        for (i, k) in scalars.iter().enumerate() {
            let at = (i + i / 16 * 7) % 16;
            points.push(made[at]);
            log = &log + &(k * &multiples[at]);
        }
        Self { points, scalars, sum: Affine::generator().mul(&log) }
    }

    fn check(&self) {
        let terms: Vec<_> = self.points.iter().map(|p| &p.0).zip(&self.scalars).collect();
        all_sums::<C>(&terms, &self.sum);
    }
}

/// The longest scalar has so many bits, the others any number up to that.
fn sums_of_length<C: Curve>() {
    let mut rng = rng(9);
    for bits in (0..=12).chain([15, 16, 17, 63, 64, 127, 128, 129, 248, 254, 255]) {
        for n in [1, 2, 33] {
            let scalars = (0..n).map(|i| scalar_of_bits(&mut rng, [bits, bits / 2, bits, 0][i % 4])).collect();
            Known::<C>::new(&mut rng, scalars).check();
        }
    }
    // Around where the shared code turns from sliding windows to buckets.
    for bits in [64, 128] {
        let turn = (1..).find(|n| msm::prefers_buckets(*n, bits)).unwrap();
        assert!((20..400).contains(&turn), "{turn}");
        for n in turn - 1..=turn + 1 {
            let scalars = (0..n).map(|_| scalar_of_bits(&mut rng, bits)).collect();
            Known::<C>::new(&mut rng, scalars).check();
        }
    }
    // Widths of buckets, on both sides of a bit length that they divide.
    for w in 2..=12 {
        for bits in [w - 1, w, 2 * w - 1, 2 * w] {
            let scalars: Vec<_> = (0..5).map(|_| scalar_of_bits(&mut rng, bits)).collect();
            let known = Known::<C>::new(&mut rng, scalars);
            let terms: Vec<_> = known.points.iter().map(|p| &p.0).zip(&known.scalars).collect();
            assert!(same(&Projective::<C>(msm::buckets::<C>(&terms, bits, w)), &known.sum), "{bits}, {w}");
        }
    }
}

/// Lengths of scalars; above 255 stands for r − 1.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    let length = |longest: usize| prop_oneof![4 => 0..=longest, 1 => 0..2_usize, 1 => Just(longest)];
    (prop_oneof![0..256_usize, Just(128), Just(256)]).prop_flat_map(move |n| prop::collection::vec(length(n), 0..80))
}

fn sums_of_any<C: Curve>(seed: u64, lengths: &[usize]) {
    let mut rng = rng(seed);
    let scalars = lengths
        .iter()
        .map(|bits| if *bits > window::BITS { -&Scalar::one() } else { scalar_of_bits(&mut rng, *bits) })
        .collect();
    Known::<C>::new(&mut rng, scalars).check();
}

/// The chosen width is in range and grows with the number of terms.
#[test]
fn bucket_widths() {
    for bits in [0, 1, 16, 128, 255] {
        let widths: Vec<_> = (0..24).map(|log| msm::bucket_width(1 << log, bits)).collect();
        assert!(widths.iter().all(|w| (2..=16).contains(w)));
    }
    assert_eq!([1 << 8, 1 << 12, 1 << 16].map(|n| msm::bucket_width(n, 128)), [6, 10, 13]);
}

fn sums<C: Curve>() {
    let mut rng = rng(3);
    let points: Vec<Affine<C>> = (0..150)
        .map(|i| match i % 10 {
            7 => Affine::identity(),
            8 => Affine::generator(),
            9 => Affine::generator().neg(),
            _ => affine_of(&random_scalar(&mut rng)),
        })
        .collect();
    let mut scalars = edge_scalars();
    scalars.truncate(20);
    while scalars.len() < points.len() {
        scalars.push(random_scalar(&mut rng));
    }
    scalars.rotate_left(7);
    let terms: Vec<_> = points.iter().zip(&scalars).collect();
    let raw: Vec<_> = terms.iter().map(|(p, k)| (&p.0, *k)).collect();
    for n in [0, 1, 2, 3, 5, 8, 31, 32, 33, 64, 65, 150] {
        let expected = terms[..n].iter().fold(Projective::identity(), |acc, (p, k)| acc.add(&p.mul(k)));
        all_sums::<C>(&raw[..n], &expected);
    }
    // One point over and over, with a scalar and its opposite: doublings and cancellations in buckets.
    for n in [1, 2, 3, 40, 100] {
        for (x, y) in [(Scalar::from_u64(5), -&Scalar::from_u64(5)), (Scalar::zero(), Scalar::one())] {
            let g = Affine::<C>::generator();
            let terms: Vec<_> = (0..n).flat_map(|_| [(&g.0, &x), (&g.0, &y)]).collect();
            let expected = g.mul(&(&Scalar::from_u64(n) * &(&x + &y)));
            all_sums::<C>(&terms, &expected);
        }
    }
    let edges = edge_scalars();
    for (x, y) in edges.iter().zip(edges.iter().rev()).chain(edges.iter().zip(&edges)) {
        for (a, b) in [(0, 1), (0, 0), (8, 9), (7, 0), (0, 7), (7, 17)] {
            let (a, b) = (&points[a], &points[b]);
            let expected = a.mul(x).add(&b.mul(y));
            let got = Projective::<C>(msm::vartime_lincomb2::<C>(x, &a.0, y, &b.0));
            assert!(same(&got, &expected));
            let got = Projective::<C>(C::vartime_lincomb2(x, &a.0, y, &b.0));
            assert!(same(&got, &expected));
        }
    }
}

/// On the curve, not in the subgroup, encoded: found by trying small x, with `bls12_381`'s own test.
pub(super) fn outside_subgroup<const N: usize>() -> Vec<[u8; N]> {
    let mut out = Vec::new();
    for x in 0..40u8 {
        let mut bytes = [0; N];
        bytes[0] = 0x80;
        bytes[N - 1] = x;
        let outside = if N == 48 {
            let bytes = bytes[..48].try_into().unwrap();
            let point: Option<_> = bls12_381::G1Affine::from_compressed_unchecked(&bytes).into();
            point.is_some_and(|p: bls12_381::G1Affine| bool::from(p.is_on_curve() & !p.is_torsion_free()))
        } else {
            let bytes = bytes[..96].try_into().unwrap();
            let point: Option<_> = bls12_381::G2Affine::from_compressed_unchecked(&bytes).into();
            point.is_some_and(|p: bls12_381::G2Affine| bool::from(p.is_on_curve() & !p.is_torsion_free()))
        };
        if outside {
            out.push(bytes);
        }
    }
    out
}

/// Encodings that nobody may accept, of every kind.
pub(super) fn malformed<const N: usize>(generator: [u8; N]) -> Vec<[u8; N]> {
    let mut out = Vec::new();
    let with = |base: [u8; N], index: usize, byte: u8| {
        let mut bytes = base;
        bytes[index] = byte;
        bytes
    };
    let mut infinity = [0; N];
    infinity[0] = 0xc0;
    // The flags: not compressed, infinity set on a point, the three of them on infinity.
    out.push(with(generator, 0, generator[0] & 0x7f));
    out.push(with(generator, 0, generator[0] | 0x40));
    out.push(with(generator, 0, generator[0] & 0x3f | 0x40));
    out.extend([0x00, 0x20, 0x40, 0x60, 0xe0].map(|flags| with(infinity, 0, flags)));
    // Bits in infinity.
    for i in 0..8 * N {
        if i >= 3 {
            out.push(with(infinity, i / 8, infinity[i / 8] | 0x80 >> (i % 8)));
        }
    }
    // x = p, x = p + the generator's x, x as large as it gets.
    for start in (0..N).step_by(48) {
        let mut x = generator;
        x[start..start + 48].copy_from_slice(&P);
        x[0] |= 0x80;
        out.push(x);
        let mut x = [0; N];
        x[start..start + 48].copy_from_slice(&P);
        x[0] |= 0x80;
        out.push(x);
        let mut x = generator;
        let mut carry = 0;
        for i in (0..48).rev() {
            let digit = if start + i == 0 { x[0] & 0x1f } else { x[start + i] };
            let sum = u16::from(digit) + u16::from(P[i]) + carry;
            (x[start + i], carry) = (sum as u8, sum >> 8);
        }
        if carry == 0 && (start > 0 || x[0] < 0x20) {
            x[0] |= generator[0] & 0xe0;
            out.push(x);
        }
    }
    out.extend([[0xff; N], with([0xff; N], 0, 0x9f), with([0xff; N], 0, 0xbf), [0; N]]);
    // Not on the curve: x below 40 that neither decodes nor is outside the subgroup.
    for x in 0..40u8 {
        let bytes = with(with([0; N], 0, 0x80), N - 1, x);
        let on_curve = if N == 48 {
            bls12_381::G1Affine::from_compressed_unchecked(bytes[..48].try_into().unwrap()).is_some()
        } else {
            bls12_381::G2Affine::from_compressed_unchecked(bytes[..96].try_into().unwrap()).is_some()
        };
        if !bool::from(on_curve) {
            out.push(bytes);
        }
    }
    out
}

/// Uncompressed encodings that nobody may accept, of every kind.
pub(super) fn malformed_uncompressed<const M: usize>(generator: [u8; M], compressed: &[u8]) -> Vec<[u8; M]> {
    let mut out = Vec::new();
    let mut infinity = [0; M];
    infinity[0] = 0x40;
    // Every set of flags but the right one.
    for flags in (0x20..=0xe0).step_by(0x20) {
        let mut bytes = generator;
        bytes[0] |= flags;
        out.push(bytes);
        let mut bytes = [0; M];
        bytes[0] = flags;
        if flags != 0x40 {
            out.push(bytes);
        }
    }
    // Bits in infinity.
    for i in 3..8 * M {
        let mut bytes = infinity;
        bytes[i / 8] |= 0x80 >> (i % 8);
        out.push(bytes);
    }
    // A compressed point with anything behind it.
    for filler in [0, 1, 0xff] {
        let mut bytes = [filler; M];
        bytes[..compressed.len()].copy_from_slice(compressed);
        out.push(bytes);
        bytes[..compressed.len()].fill(0);
        bytes[0] = 0xc0;
        out.push(bytes);
    }
    // Coordinates of p, of p more than they should be where that fits, and as large as they get.
    for start in (0..M).step_by(48) {
        let mut bytes = generator;
        bytes[start..start + 48].copy_from_slice(&P);
        out.push(bytes);
        let mut bytes = [0; M];
        bytes[start..start + 48].copy_from_slice(&P);
        out.push(bytes);
        let mut bytes = generator;
        bytes[start..start + 48].fill(0xff);
        bytes[0] &= 0x1f;
        out.push(bytes);
        let mut bytes = generator;
        let mut carry = 0;
        for i in (0..48).rev() {
            let sum = u16::from(bytes[start + i]) + u16::from(P[i]) + carry;
            (bytes[start + i], carry) = (sum as u8, sum >> 8);
        }
        assert!(bytes[start] < 0x40);
        if start > 0 || bytes[0] < 0x20 {
            out.push(bytes);
        }
    }
    // Not on the curve: the origin, every coordinate with a bit off, the halves exchanged.
    out.push([0; M]);
    for at in 1..M {
        let mut bytes = generator;
        bytes[at] ^= 1 << (at % 8);
        out.push(bytes);
    }
    let mut bytes = generator;
    bytes.rotate_left(M / 2);
    out.push(bytes);
    out
}

/// Points with uncompressed encodings, those outside the subgroup too: decoders that skip that check accept
/// what the others refuse, and give it back as it was.
fn uncompressed<const N: usize, const M: usize, C: Curve<Encoding = [u8; N], Uncompressed = [u8; M]>>() {
    assert_eq!((Affine::<C>::UNCOMPRESSED_LEN, M), (M, 2 * N));
    let mut infinity = [0; M];
    infinity[0] = 0x40;
    assert_eq!(Affine::<C>::identity().to_uncompressed(), infinity);
    let mut rng = rng(8);
    let mut points = Vec::from([Affine::<C>::identity(), Affine::generator(), Affine::generator().neg()]);
    points.extend((0..16).map(|_| affine_of::<C>(&random_scalar(&mut rng))));
    for point in points {
        let (short, long) = (point.to_bytes(), point.to_uncompressed());
        assert_eq!(Affine::<C>::from_uncompressed(&long), Some(point));
        assert_eq!(Affine::<C>::from_uncompressed_trusted(&long), Some(point));
        assert_eq!(Affine::<C>::from_bytes_trusted(&short), Some(point));
        // The same x in both, and the other y is the opposite point.
        assert_eq!((short[0] & 0x1f, &short[1..]), (long[0] & 0x1f, &long[1..N]));
        assert_eq!(Affine::<C>::from_uncompressed(&point.neg().to_uncompressed()), Some(point.neg()));
    }
    let outside = outside_subgroup::<N>();
    assert!(outside.len() > 5);
    for short in outside {
        assert!(Affine::<C>::from_bytes(&short).is_none());
        let point = Affine::<C>::from_bytes_trusted(&short).unwrap();
        assert_eq!(point.to_bytes(), short);
        let long = point.to_uncompressed();
        assert!(Affine::<C>::from_uncompressed(&long).is_none());
        assert_eq!(Affine::<C>::from_uncompressed_trusted(&long), Some(point));
    }
    let generator = Affine::<C>::generator();
    for bytes in malformed_uncompressed(generator.to_uncompressed(), &generator.to_bytes()) {
        assert!(Affine::<C>::from_uncompressed(&bytes).is_none(), "{bytes:02x?}");
        assert!(Affine::<C>::from_uncompressed_trusted(&bytes).is_none(), "{bytes:02x?}");
    }
    for bytes in malformed(generator.to_bytes()) {
        assert!(Affine::<C>::from_bytes_trusted(&bytes).is_none(), "{bytes:02x?}");
    }
}

fn encodings<const N: usize, C: Curve<Encoding = [u8; N]>>() {
    assert_eq!(Affine::<C>::ENCODED_LEN, N);
    let mut infinity = [0; N];
    infinity[0] = 0xc0;
    assert_eq!(Affine::<C>::identity().to_bytes(), infinity);
    assert!(bool::from(Affine::<C>::from_bytes(&infinity).unwrap().is_identity()));
    assert!(Affine::<C>::from_bytes_nonidentity(&infinity).is_none());
    let mut rng = rng(4);
    for _ in 0..16 {
        let point = affine_of::<C>(&random_scalar(&mut rng));
        let bytes = point.to_bytes();
        assert_eq!(Affine::<C>::from_bytes(&bytes), Some(point));
        assert_eq!(Affine::<C>::from_bytes_nonidentity(&bytes), Some(point));
        // The sign bit is the sign.
        let mut flipped = bytes;
        flipped[0] ^= 0x20;
        assert_eq!(Affine::<C>::from_bytes(&flipped), Some(point.neg()));
    }
    for bytes in malformed(Affine::<C>::generator().to_bytes()).into_iter().chain(outside_subgroup()) {
        assert!(Affine::<C>::from_bytes(&bytes).is_none(), "{bytes:02x?}");
    }
    let shown = format!("{:?}", Affine::<C>::identity());
    assert_eq!(shown, format!("{}(c0{})", C::NAME, "00".repeat(N - 1)));
}

fn bilinearity<B: Backend>() {
    let mut rng = rng(5);
    let (x, y) = (random_scalar(&mut rng), random_scalar(&mut rng));
    let (g, h) = (Affine::<B::G1>::generator(), Affine::<B::G2>::generator());
    let (a, b) = (affine_of::<B::G1>(&x), affine_of::<B::G2>(&y));
    let (i, j) = (Affine::<B::G1>::identity(), Affine::<B::G2>::identity());
    let z = Engine::<B>::z();
    assert!(same(&z, &Engine::<B>::pairing(&g, &h)));
    assert!(!bool::from(z.is_identity()));
    let e = Engine::<B>::pairing(&a, &b);
    assert!(same(&e, &z.pow(&(&x * &y))));
    assert!(same(&e, &Engine::<B>::z_pow(&(&x * &y))));
    assert!(same(&e, &Engine::<B>::pairing(&affine_of(&(&x * &y)), &h)));
    assert!(same(&e.invert(), &Engine::<B>::pairing(&a.neg(), &b)));
    assert!(same(&e.invert(), &Engine::<B>::pairing(&a, &b.neg())));
    assert!(bool::from(e.mul(&e.invert()).is_identity()));
    assert!(same(&e.mul(&z), &Engine::<B>::z_pow(&(&(&x * &y) + &Scalar::one()))));
    for (p, q) in [(&i, &b), (&a, &j), (&i, &j)] {
        assert!(bool::from(Engine::<B>::pairing(p, q).is_identity()));
    }
    // Products, prepared, with identities anywhere.
    let prepare = |q: &Affine<B::G2>| Prepared::<B>::from(q);
    let (pa, pb, pj) = (prepare(&h), prepare(&b), prepare(&j));
    let plain = [Engine::<B>::pairing(&g, &h), e.clone(), Engine::<B>::pairing(&a, &h)];
    let choices = [(&g, &pa), (&a, &pb), (&a, &pa)];
    let nothing = [(&i, &pa), (&a, &pj), (&i, &pj)];
    assert!(bool::from(Engine::<B>::multi_pairing(&[]).is_identity()));
    for n in 1..=3 {
        let expected = plain[..n].iter().fold(TargetElement::identity(), |acc, e| acc.mul(e));
        assert!(same(&Engine::<B>::multi_pairing(&choices[..n]), &expected));
        for m in 1..=3 {
            let mut terms = Vec::from(&choices[..n]);
            for (k, empty) in nothing[..m].iter().enumerate() {
                terms.insert(k.min(terms.len()), *empty);
            }
            assert!(same(&Engine::<B>::multi_pairing(&terms), &expected));
            terms.rotate_left(1);
            assert!(same(&Engine::<B>::multi_pairing(&terms), &expected));
            assert!(bool::from(Engine::<B>::multi_pairing(&nothing[..m]).is_identity()));
        }
    }
    let many: Vec<_> = (0..40).map(|_| (&a, &pb)).collect();
    assert!(same(&Engine::<B>::multi_pairing(&many), &e.pow(&Scalar::from_u64(40))));
    assert!(same(&Engine::<B>::multi_pairing(&[(&a, &pa.clone())]), &plain[2]));
    // Equations.
    let eq = Engine::<B>::vartime_pairing_eq;
    let xy = affine_of::<B::G1>(&(&x * &y));
    assert!(eq(&a, &b, &xy, &h));
    assert!(eq(&a, &b, &a, &b));
    assert!(!eq(&a, &b, &xy.neg(), &h));
    assert!(!eq(&a, &b, &a, &h));
    assert!(eq(&i, &b, &a, &j));
    assert!(eq(&i, &j, &a, &j));
    assert!(!eq(&i, &b, &a, &h));
    assert!(!eq(&a, &b, &a, &j));
    assert!(!eq(&a, &h, &i, &b));
}

fn target<B: Backend>() {
    let z = Engine::<B>::z();
    let mut rng = rng(6);
    let base = Engine::<B>::z_pow(&random_scalar(&mut rng));
    let table = TargetTable::new(&base);
    let mut scalars = edge_scalars();
    scalars.extend((0..4).map(|_| random_scalar(&mut rng)));
    for k in &scalars {
        let expected = base.pow(k);
        assert!(same(&table.pow(k), &expected));
        let bytes = k.to_bytes();
        let mut naive = <B::Gt as Group>::identity();
        let mut naive_z = naive;
        for i in (0..256).rev() {
            naive = <B::Gt as Group>::double(&naive);
            naive_z = <B::Gt as Group>::double(&naive_z);
            if bytes[i / 8] >> (i % 8) & 1 == 1 {
                naive = <B::Gt as Group>::add(&naive, &base.0);
                naive_z = <B::Gt as Group>::add(&naive_z, &z.0);
            }
        }
        assert!(same(&TargetElement(naive), &expected));
        assert!(same(&TargetElement(naive_z), &Engine::<B>::z_pow(k)));
    }
    let one = TargetElement::<B::Gt>::identity();
    assert!(bool::from(TargetTable::new(&one).pow(&scalars[20]).is_identity()));
    // The bytes: Z pinned, one by hand, equal elements with equal bytes.
    let mut expected = [0; GT_HASH_LEN];
    expected[47] = 1;
    assert_eq!(*one.to_hash_bytes(), expected);
    // Computed by py_ecc, whose pairing this one is to the power −3 (see the module's documentation).
    assert_eq!(z.to_hash_bytes().as_slice(), unhex(include_str!("z.hex")));
    let other = base.mul(&z).mul(&base.invert());
    assert_eq!(other.to_hash_bytes(), z.to_hash_bytes());
    assert_ne!(base.to_hash_bytes(), z.to_hash_bytes());
    let mut wiped = base.clone();
    wiped.zeroize();
    assert!(bool::from(wiped.is_identity()));
    assert_eq!(format!("{base:?}"), "Gt { .. }");
}

pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

macro_rules! suite {
    ($name:ident, $backend:ty) => {
        mod $name {
            use super::*;
            type B = $backend;
            #[test]
            fn group_laws() {
                super::group_laws::<<B as Backend>::G1>();
                super::group_laws::<<B as Backend>::G2>();
            }
            #[test]
            fn multiplication() {
                super::multiplication::<<B as Backend>::G1>();
                super::multiplication::<<B as Backend>::G2>();
            }
            #[test]
            fn sums() {
                super::sums::<<B as Backend>::G1>();
                super::sums::<<B as Backend>::G2>();
            }
            #[test]
            fn sums_of_length() {
                super::sums_of_length::<<B as Backend>::G1>();
                super::sums_of_length::<<B as Backend>::G2>();
            }
            proptest! {
                #![proptest_config(ProptestConfig {
                    cases: ProptestConfig::default().cases.div_ceil(10),
                    failure_persistence: None,
                    ..ProptestConfig::default()
                })]
                #[test]
                fn sums_of_any((seed, lengths) in (any::<u64>(), lengths())) {
                    super::sums_of_any::<<B as Backend>::G1>(seed, &lengths);
                    super::sums_of_any::<<B as Backend>::G2>(seed, &lengths);
                }
            }
            #[test]
            fn encodings() {
                super::encodings::<48, <B as Backend>::G1>();
                super::encodings::<96, <B as Backend>::G2>();
            }
            #[test]
            fn uncompressed() {
                super::uncompressed::<48, 96, <B as Backend>::G1>();
                super::uncompressed::<96, 192, <B as Backend>::G2>();
            }
            #[test]
            fn bilinearity() {
                super::bilinearity::<B>();
            }
            #[test]
            fn target() {
                super::target::<B>();
            }
        }
    };
}

suite!(on_zkcrypto, Zkcrypto);
#[cfg(feature = "blst")]
suite!(on_blst, Blst);

#[test]
fn prepared_generator() {
    let p = mul_p(&Scalar::from_u64(3)).to_affine();
    assert!(same(&multi_pairing(&[(&p, &q_prepared())]), &z_pow(&Scalar::from_u64(3))));
    assert!(same(&multi_pairing(&[(&p, &q_prepared()), (&p, &q_prepared())]), &z_pow(&Scalar::from_u64(6))));
}

/// The digits are in range and sum up to the scalar, for every width.
#[test]
fn digits_recompose() {
    for k in edge_scalars() {
        let bytes = k.to_bytes();
        for w in 2..=16 {
            let mut acc = Scalar::zero();
            for i in (0..window::windows(window::BITS, w)).rev() {
                for _ in 0..w {
                    acc = &acc + &acc;
                }
                let (magnitude, negative) = window::digit(&bytes, i, w);
                assert!(magnitude <= 1 << (w - 1));
                let digit = Scalar::from_u64(u64::from(magnitude));
                acc = if bool::from(negative) { &acc - &digit } else { &acc + &digit };
            }
            assert!(same(&acc, &k), "{w}");
        }
    }
}
