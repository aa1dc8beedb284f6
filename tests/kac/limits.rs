//! `Kac` with broken generators, and what cannot be defended: there the test is that the loss is the documented one and
//! no greater.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::scene::message;
use crate::common::{TestRng, party, rng};
use sesphr::context::Partition;
use sesphr::encoding::SecretEncoding;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G1Affine, G2Affine, G2Projective, Scalar, mul_q, pairing, vartime_pairing_eq};
use sesphr::identity::Signed;
use sesphr::kac::params::*;
use sesphr::kac::*;

fn set(text: &str) -> ClassSet {
    text.parse().unwrap()
}

/// Whoever has Q_{n+1} opens every capsule with c1 alone.
fn opens_with(missing: &G2Affine, kit: &Kit) -> bool {
    (0..kit.generation.grid().classes()).all(|class| {
        let ctx = kit.ctx(class, 7);
        let (capsule, shared) = kit.seal(&ctx);
        unmask(&pairing(&points_of(&capsule).0, missing), &capsule, &ctx).0 == *shared.hazmat_bytes()
    })
}

fn kit_under(n: u32, params: Params) -> Kit {
    Kit::with(1, params, &ClassGrid::new(&[Partition::MEDICAL], n).unwrap())
}

// Parameters ----------------------------------------------------------------------------------------------------------

#[test]
fn whoever_knows_alpha_opens_everything() {
    let kit = Kit::full(1, 3);
    assert!(opens_with(&mul_q(&power(&alpha(), 4)).to_affine(), &kit));
    assert!(!opens_with(&mul_q(&power(&alpha(), 5)).to_affine(), &kit));
}

/// Verification shows the form. An α that anybody can guess has it.
#[test]
fn parameters_under_a_guessable_secret_pass() {
    let params = Params::hazmat_from_alpha(3, &Scalar::from_u64(2)).unwrap();
    assert!(params.encode(PointForm::Compact).verify(&mut rng(1), unwatched).is_ok());
    assert!(opens_with(&mul_q(&Scalar::from_u64(16)).to_affine(), &kit_under(3, params)));
}

/// Verification refuses an α whose order is at most n + 1, which makes Q_{n+1} one of the published points. An α of a
/// somewhat larger order d makes it a sum of them: α satisfies the d-th cyclotomic polynomial, whose degree is at most
/// n + 1. Only who chose α by itself can bring this about, and that party knows α anyway.
#[test]
fn secret_of_a_somewhat_larger_order_passes_and_gives_the_missing_element_away() {
    for (d, n) in [(3, 1), (4, 2), (6, 2), (6, 4), (8, 4), (11, 9), (22, 10), (12, 4)] {
        let root = root_of_unity(d);
        let params = Params::hazmat_from_alpha(n, &root).unwrap();
        assert!(params.encode(PointForm::Compact).verify(&mut rng(1), unwatched).is_ok(), "{d} {n}");
        let points = Points::of(&params);
        let q = |k: u32| points.q_at(k as usize);
        let sum = |signs: &[(u32, i64)]| {
            signs.iter().fold(G2Projective::identity(), |sum, (k, sign)| sum.add(&times(&q(*k), *sign))).to_affine()
        };
        let missing = match d {
            // 1 + α + … + α^{d−1} = 0, times α^{n+2−d}.
            3 | 11 => sum(&(n + 2 - d..=n).map(|k| (k, -1)).collect::<Vec<_>>()),
            // α² − α + 1 = 0.
            6 => sum(&[(n, 1), (n - 1, -1)]),
            // α^{d/2} = −1.
            4 | 8 | 22 => sum(&[(n + 1 - d / 2, -1)]),
            // α⁴ − α² + 1 = 0.
            _ => sum(&[(n - 1, 1), (n - 3, -1)]),
        };
        assert_eq!(missing, mul_q(&power(&root, n as usize + 1)).to_affine(), "{d} {n}");
        assert!(opens_with(&missing, &kit_under(n, params)), "{d} {n}");
    }
}

/// A part of a set is well-formed by itself, and its missing element is in the whole. It takes n' ≤ n/2 to make it
/// without α, since the larger set has a gap as well. `Pins` refuse the second of the two; a client that never saw the
/// larger one cannot.
#[test]
fn part_of_a_larger_set_passes_where_the_larger_is_unknown() {
    let large = Points::powers(1..=6, (1..=12).filter(|k| *k != 7));
    let cut = Points { p: large.p[..3].to_vec(), q: [1, 2, 3, 5, 6].map(|k| large.q_at(k)).to_vec() };
    let params = cut.encode(PointForm::Compact).verify(&mut rng(1), unwatched).unwrap();
    assert!(opens_with(&large.q_at(4), &kit_under(3, params)));
}

/// Nor do `Pins` know a part under another secret that is made from α by anybody: cα, or α². So a digest has to come
/// from somebody who is trusted, not from where the parameters come from.
#[test]
fn part_of_a_pinned_set_under_a_derived_secret_passes_the_pins() {
    let large = Points::powers(1..=6, (1..=12).filter(|k| *k != 7));
    let mut pins = Pins::new();
    pins.pin(&large.encode(PointForm::Compact).verify(&mut rng(1), unwatched).unwrap()).unwrap();
    let c = Scalar::from_u64(5);
    let scaled = Points {
        p: (1..=3).map(|k| large.p_at(k).mul(&power(&c, k)).to_affine()).collect(),
        q: [1, 2, 3, 5, 6].map(|k| large.q_at(k).mul(&power(&c, k)).to_affine()).to_vec(),
    };
    let squared = Points {
        p: (1..=3).map(|k| large.p_at(2 * k)).collect(),
        q: [1, 2, 3, 5, 6].map(|k| large.q_at(2 * k)).to_vec(),
    };
    let missing = [large.q_at(4).mul(&power(&c, 4)).to_affine(), large.q_at(8)];
    for (points, missing) in [scaled, squared].iter().zip(missing) {
        let params = points.encode(PointForm::Compact).verify(&mut rng(1), unwatched).unwrap();
        assert!(pins.pin(&params).is_ok());
        assert!(opens_with(&missing, &kit_under(3, params)));
    }
}

/// One party may contribute twice, and under two names. Those who contributed know α together.
#[test]
fn contributors_who_are_one_party() {
    let mut ceremony = VerifiedTranscript::start(2).unwrap();
    for seed in [1, 1, 2] {
        ceremony.contribute(&party(seed), &mut rng(seed), unwatched).unwrap();
        ceremony = ceremony.transcript(PointForm::Compact).verify(&mut rng(9), unwatched).unwrap();
    }
    assert_eq!(ceremony.contributors().collect::<Vec<_>>(), [1, 1, 2].map(|seed| party(seed).id()));
    assert!(ceremony.finish().is_ok());
}

// Keys ----------------------------------------------------------------------------------------------------------------

#[test]
fn difference_of_a_key_and_a_key_of_a_subset_is_a_key() {
    let kit = Kit::full(1, 4);
    let [all, part] = ["0-2", "1"].map(|text| kit.key_point(&set(text)));
    let difference: AggregateKey = message(&[&minus2(&all, &part).to_bytes()]);
    let key = Kac::verify_key(&kit.params, &kit.generation, &set("0,2"), &difference).unwrap();
    for class in 0..4 {
        let ctx = kit.ctx(class, 7);
        assert_eq!(kit.open(&key, &kit.seal(&ctx).0, &ctx).is_some(), class == 0 || class == 2);
    }
    // And the sum of disjoint ones is the key of both.
    let sum: AggregateKey = message(&[&plus2(&part, &kit.key_point(&set("3"))).to_bytes()]);
    assert!(Kac::verify_key(&kit.params, &kit.generation, &set("1,3"), &sum).is_ok());
    // Where sets overlap, the sum is the key of no set, and still opens with the formula.
    let overlap = plus2(&all, &part);
    for text in ["0-2", "0,2", "1"] {
        let key: AggregateKey = message(&[&overlap.to_bytes()]);
        assert!(Kac::verify_key(&kit.params, &kit.generation, &set(text), &key).is_err());
    }
    let ctx = kit.ctx(0, 7);
    let (capsule, shared) = kit.seal(&ctx);
    let z_n_t = kit.combine(&[1, 2, 1, 0], &overlap, &capsule, 0);
    assert_eq!(unmask(&z_n_t, &capsule, &ctx).0, *shared.hazmat_bytes());
}

/// A key is a point: it opens what is written later, and a copy is as good.
#[test]
fn copied_key_opens_what_is_written_later() {
    let kit = Kit::new(1, 2);
    let bytes = kit.extract(&set("1")).to_secret_bytes();
    let copy: AggregateKey = message(&[&bytes[4..]]);
    let copy = Kac::verify_key(&kit.params, &kit.generation, &set("1"), &copy).unwrap();
    for record in 1..4 {
        let ctx = kit.ctx(1, record);
        let (capsule, shared) = kit.seal(&ctx);
        assert_eq!(kit.open(&copy, &capsule, &ctx), Some(*shared.hazmat_bytes()));
    }
}

/// What the proof in a certificate prevents: whoever has V1 = γP − P_i accepted makes keys for every class but i, and
/// nobody, itself included, opens class i with what is published.
#[test]
fn rogue_key_without_its_proof_would_have_keys_for_all_classes_but_one() {
    let kit = Kit::full(1, 4);
    let (gamma, i) = (Scalar::from_u64(99), 2);
    let v1 = minus1(&G1Affine::generator().mul(&gamma).to_affine(), &kit.points.p_at(i));
    for j in [1, 3, 4] {
        // (γ − α^i)·Q_{n+1−j}, from γ and public points.
        let d = kit.points.q_at(5 - j);
        let key = minus2(&d.mul(&gamma).to_affine(), &kit.points.q_at(5 - j + i));
        assert!(vartime_pairing_eq(&G1Affine::generator(), &key, &v1, &d), "{j}");
    }
    // For i itself it would take Q_{n+1}.
    let d = kit.points.q_at(5 - i);
    let missing = mul_q(&power(&alpha(), 5)).to_affine();
    let key = minus2(&d.mul(&gamma).to_affine(), &missing);
    assert!(vartime_pairing_eq(&G1Affine::generator(), &key, &v1, &d));
}

/// An owner whose device signs two certificates for one place: each is accepted by who sees it alone.
#[test]
fn two_certificates_of_an_owner_for_one_place_are_both_accepted() {
    let kit = Kit::new(1, 2);
    let certs = [98, 99].map(|gamma| {
        let gamma = Scalar::from_u64(gamma);
        Cert::second(&kit, &gamma).sign(&kit.signer, &gamma)
    });
    let verified = certs.each_ref().map(|cert| kit.generation.succeeded_by(&kit.params, cert).unwrap());
    assert_ne!(verified[0], verified[1]);
    // No context of one is known to the other.
    let chain = |cert: &Signed<GenerationCert>| {
        let mut chain = GenerationChain::new(kit.cert.clone());
        chain.push(cert.clone());
        chain.verify(&kit.params, &kit.signer.id()).unwrap()
    };
    assert_eq!([chain(&certs[0]), chain(&certs[1])], verified);
}

// Generators ----------------------------------------------------------------------------------------------------------

/// A generator that repeats, from a fresh key object, still gives two sizes two secrets: a truncated set would open.
#[test]
fn dead_generator_gives_two_sizes_two_secrets() {
    for byte in [0, 7] {
        let dead = || TestRng::constant(byte);
        let generate = |n| Params::generate(n, &party(1), &mut dead(), unwatched).unwrap();
        assert_ne!(Points::of(&generate(2)).p_at(1), Points::of(&generate(3)).p_at(1));
        let contribute = |n| {
            let mut ceremony = VerifiedTranscript::start(n).unwrap();
            ceremony.contribute(&party(1), &mut dead(), unwatched).unwrap();
            Points::of(&ceremony.finish().unwrap()).p_at(1)
        };
        assert_ne!(contribute(2), contribute(3));
    }
}

/// Whoever knows the author's secret and what the generator gave has σ, and with it the key. The generator alone does
/// not tell.
#[test]
fn known_generator_and_author_secret_give_the_key() {
    let kit = Kit::new(1, 2);
    let ctx = kit.ctx(1, 7);
    let mut rng = TestRng::constant(7);
    let (capsule, shared) = Kac::encapsulate(&kit.params, &kit.generation, &ctx, &kit.author(), &mut rng).unwrap();
    let sigma = |seed: u8| -> [u8; 32] {
        let hedge = hash::kdf("sesphr v1 hedge key", &[seed; 32], &[]);
        let digest = ctx.digest();
        let parts: [&[u8]; 4] = [&[7; 32], &hedge[..], &[0; 8], digest.as_bytes()];
        hash::wide("sesphr v1 kac sigma", &parts)[..32].try_into().unwrap()
    };
    let key = |sigma: &[u8; 32]| {
        let z_n_t = kit.points.z_n().pow(&kit.t(sigma, 1, &ctx));
        unmask(&z_n_t, &capsule, &ctx).0
    };
    assert_eq!(key(&sigma(3)), *shared.hazmat_bytes());
    assert_ne!(key(&sigma(4)), *shared.hazmat_bytes());
}
