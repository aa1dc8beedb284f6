use super::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn scalar(rng: &mut ChaCha20Rng) -> Scalar {
    let mut b = [0; 64];
    rng.fill_bytes(&mut b);
    Scalar::from_wide(&b)
}

#[test]
fn smoke() {
    use subtle::ConstantTimeEq;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (a, b) = (scalar(&mut rng), scalar(&mut rng));
    let (pa, qb) = (mul_p(&a).to_affine(), mul_q(&b).to_affine());
    assert!(bool::from(pa.to_projective().ct_eq(&G1Projective::generator().mul(&a))));
    assert_eq!(pa.to_projective().0, bls12_381::G1Affine::generator() * a.0);
    let e = pairing(&pa, &qb);
    assert!(bool::from(e.ct_eq(&z_pow(&(&a * &b)))));
    assert!(bool::from(e.ct_eq(&z().pow(&(&a * &b)))));
    assert!(vartime_pairing_eq(&pa, &qb, &mul_p(&(&a * &b)).to_affine(), &G2Affine::generator()));
    let lc = vartime_lincomb2_g1(&a, &pa, &b, &G1Affine::generator());
    assert!(bool::from(lc.ct_eq(&mul_p(&(&(&a * &a) + &b)))));
    let m = vartime_msm_g1(&[(&pa, &a), (&G1Affine::generator(), &b)]);
    assert!(bool::from(lc.ct_eq(&m)));
    let _ = e.to_hash_bytes();
}
