//! Every operation of the group facade, for the backend in use:
//! `cargo bench --features hazmat --bench primitives`, and with `blst` for the other one.
#![allow(missing_docs)] // criterion's macros make undocumented functions
#![allow(clippy::indexing_slicing)] // over lists made here

use criterion::{Criterion, criterion_group, criterion_main};
use sesphr::hazmat::pairing::{
    Affine, BACKEND, Curve, G1Affine, G2Affine, G2Prepared, Gt, GtTable, PointTable, Projective, Scalar, msm_g1, mul_p,
    mul_q, multi_pairing, pairing, vartime_lincomb2_g1, vartime_lincomb2_g2, vartime_msm_g1, vartime_msm_g2,
    vartime_pairing_eq, z_pow,
};
use std::hint::black_box;
use std::time::Duration;

fn wide(seed: u8) -> [u8; 64] {
    std::array::from_fn(|i| (i as u8).wrapping_mul(73).wrapping_add(seed).wrapping_mul(151))
}

fn scalar(seed: u8) -> Scalar {
    Scalar::from_wide(&wide(seed))
}

fn name(operation: &str) -> String {
    format!("primitives/{BACKEND}/{operation}")
}

fn bench<O>(c: &mut Criterion, operation: &str, mut f: impl FnMut() -> O) {
    c.bench_function(&name(operation), |b| b.iter(&mut f));
}

fn scalars(c: &mut Criterion) {
    let (a, b, w) = (scalar(1), scalar(2), wide(3));
    bench(c, "scalar_mul", || black_box(&a) * black_box(&b));
    bench(c, "scalar_invert", || black_box(&a).invert());
    bench(c, "scalar_from_wide", || Scalar::from_wide(black_box(&w)));
}

#[allow(clippy::type_complexity)] // signatures of the facade
fn curve<C: Curve>(
    c: &mut Criterion,
    g: &str,
    fixed: fn(&Scalar) -> Projective<C>,
    msm: fn(&[(&Affine<C>, &Scalar)]) -> Projective<C>,
    lincomb2: fn(&Scalar, &Affine<C>, &Scalar, &Affine<C>) -> Projective<C>,
) {
    let (k, x) = (scalar(4), scalar(5));
    let p = fixed(&scalar(6)).to_affine();
    let (pp, q) = (fixed(&scalar(7)), fixed(&scalar(8)));
    let table = PointTable::new(&p);
    bench(c, &format!("{g}_mul"), || black_box(&p).mul(black_box(&k)));
    bench(c, &format!("{g}_mul_generator"), || fixed(black_box(&k)));
    bench(c, &format!("{g}_table_mul"), || table.mul(black_box(&k)));
    bench(c, &format!("{g}_table_new"), || PointTable::new(black_box(&p)));
    bench(c, &format!("{g}_add"), || black_box(&pp).add(black_box(&q)));
    bench(c, &format!("{g}_add_affine"), || black_box(&pp).add_affine(black_box(&p)));
    bench(c, &format!("{g}_double"), || black_box(&pp).double());
    bench(c, &format!("{g}_to_affine"), || black_box(&pp).to_affine());
    let many: Vec<_> = (0..64).map(|i| fixed(&scalar(i))).collect();
    bench(c, &format!("{g}_batch_to_affine_64"), || Projective::batch_to_affine(black_box(&many)));
    bench(c, &format!("{g}_compress"), || black_box(&p).to_bytes());
    let bytes = p.to_bytes();
    bench(c, &format!("{g}_decode"), || Affine::<C>::from_bytes(black_box(&bytes)));
    bench(c, &format!("{g}_decode_trusted"), || Affine::<C>::from_bytes_trusted(black_box(&bytes)));
    let bytes = p.to_uncompressed();
    bench(c, &format!("{g}_decode_uncompressed"), || Affine::<C>::from_uncompressed(black_box(&bytes)));
    bench(c, &format!("{g}_decode_uncompressed_trusted"), || Affine::<C>::from_uncompressed_trusted(black_box(&bytes)));
    bench(c, &format!("{g}_lincomb2"), || lincomb2(black_box(&k), &p, black_box(&x), &p));
    let points: Vec<_> = many.iter().map(Projective::to_affine).collect();
    let ks: Vec<_> = (0..64).map(|i| scalar(i + 100)).collect();
    let terms: Vec<_> = points.iter().zip(&ks).collect();
    for n in [2, 16, 64] {
        bench(c, &format!("{g}_msm_{n}"), || msm(black_box(&terms[..n])));
    }
}

/// A sum of as many terms as a batch verification has, with its 128-bit coefficients.
#[allow(clippy::type_complexity)] // as above
fn batch<C: Curve>(c: &mut Criterion, g: &str, msm: fn(&[(&Affine<C>, &Scalar)]) -> Projective<C>) {
    let mut point = Projective::<C>::generator();
    let points: Vec<_> = std::iter::repeat_with(|| {
        point = point.double();
        point.clone()
    })
    .take(4096)
    .collect();
    let points = Projective::batch_to_affine(&points);
    let mut k = scalar(12);
    let ks: Vec<_> = std::iter::repeat_with(|| {
        k = &k * &k;
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&k.to_bytes()[..16]);
        Scalar::from_bytes(&bytes).unwrap()
    })
    .take(4096)
    .collect();
    let terms: Vec<_> = points.iter().zip(&ks).collect();
    bench(c, &format!("{g}_msm_4096_of_128_bits"), || msm(black_box(&terms)));
}

fn curves(c: &mut Criterion) {
    curve(c, "g1", mul_p, vartime_msm_g1, vartime_lincomb2_g1);
    curve(c, "g2", mul_q, vartime_msm_g2, vartime_lincomb2_g2);
    batch(c, "g1", vartime_msm_g1);
    batch(c, "g2", vartime_msm_g2);
    let points: Vec<_> = (0..=255).map(|i| mul_p(&scalar(i)).to_affine()).collect();
    let ks: Vec<_> = (0..=255).map(scalar).collect();
    let terms: Vec<_> = points.iter().zip(&ks).cycle().take(1000).collect();
    for n in [1, 64, 1000] {
        bench(c, &format!("g1_msm_secret_{n}"), || msm_g1(black_box(&terms[..n])));
    }
}

fn pairings(c: &mut Criterion) {
    let p: Vec<G1Affine> = (0..3).map(|i| mul_p(&scalar(i)).to_affine()).collect();
    let q: Vec<G2Affine> = (0..3).map(|i| mul_q(&scalar(i)).to_affine()).collect();
    let prepared: Vec<_> = q.iter().map(G2Prepared::from).collect();
    bench(c, "pairing", || pairing(black_box(&p[0]), black_box(&q[0])));
    bench(c, "pairing_eq", || vartime_pairing_eq(&p[0], &q[0], black_box(&p[1]), &q[1]));
    bench(c, "prepare", || G2Prepared::from(black_box(&q[0])));
    let terms: Vec<_> = p.iter().zip(&prepared).collect();
    for n in 1..=3 {
        bench(c, &format!("multi_pairing_{n}"), || multi_pairing(black_box(&terms[..n])));
    }
}

fn target(c: &mut Criterion) {
    let k = scalar(9);
    let (a, b): (Gt, Gt) = (z_pow(&scalar(10)), z_pow(&scalar(11)));
    let table = GtTable::new(&a);
    bench(c, "gt_mul", || black_box(&a).mul(black_box(&b)));
    bench(c, "gt_pow", || black_box(&a).pow(black_box(&k)));
    bench(c, "gt_table_pow", || table.pow(black_box(&k)));
    bench(c, "gt_table_new", || GtTable::new(black_box(&a)));
    bench(c, "z_pow", || z_pow(black_box(&k)));
    bench(c, "gt_hash_bytes", || black_box(&a).to_hash_bytes());
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = scalars, curves, pairings, target
}
criterion_main!(benches);
