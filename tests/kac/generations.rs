//! Attacks on the certificates of `Kac`'s generations and on their chain, each a test named after what the attacker does.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::{party, rng};
use sesphr::Digest;
use sesphr::context::Partition;
use sesphr::encoding::{Encoding, Message};
use sesphr::hazmat::pairing::{Scalar, mul_p, mul_q};
use sesphr::identity::Signed;
use sesphr::kac::params::Params;
use sesphr::kac::*;
use sesphr::kem::OwnerTerms;

fn check(kit: &Kit, cert: &Signed<GenerationCert>, previous: Option<&VerifiedGeneration>) -> Option<GenerationError> {
    let cert = Signed::from_bytes(&cert.to_bytes()).unwrap();
    Kac::verify_owner(&kit.params, &cert, &kit.signer.id(), previous).err()
}

#[test]
fn certificate_with_a_key_of_the_cloud_or_of_nobody() {
    let kit = Kit::new(1, 2);
    let (cloud, gamma) = (party(90), Scalar::from_u64(99));
    let cert = Cert::first(&kit, &gamma);
    // The control: were the owner to sign it, all would hold.
    assert_eq!(check(&kit, &cert.sign(&kit.signer, &gamma), None), None);
    let signed = cert.sign(&cloud, &gamma);
    assert_eq!(check(&kit, &signed, None), Some(GenerationError::Signature));
    let mut bytes = signed.to_bytes();
    bytes[4..36].copy_from_slice(kit.signer.verifying_key().as_bytes());
    assert_eq!(check(&kit, &Signed::from_bytes(&bytes).unwrap(), None), Some(GenerationError::Signature));
    // The owner's own certificate as the cloud's.
    let stolen = Signed::new(&cloud, kit.cert.unverified().clone());
    let result = Kac::verify_owner(&kit.params, &stolen, &cloud.id(), None);
    assert_eq!(result.unwrap_err(), GenerationError::Proof);

    // Halves that do not belong together, with a proof for the first.
    let halves = Cert { v2: mul_q(&Scalar::from_u64(98)), ..cert.clone() };
    assert_eq!(check(&kit, &halves.sign(&kit.signer, &gamma), None), Some(GenerationError::Halves));
    let halves = Cert { v1: mul_p(&Scalar::from_u64(98)), ..cert.clone() };
    let signed = halves.sign(&kit.signer, &Scalar::from_u64(98));
    assert_eq!(check(&kit, &signed, None), Some(GenerationError::Halves));
    // A rogue key, made so that class 1 has the base γP: nobody knows γ − α², so nobody proves it.
    let (p, q) = (kit.points.p_at(2), kit.points.q_at(2));
    let rogue = Cert { v1: cert.v1.sub_affine(&p), v2: cert.v2.sub_affine(&q), ..cert };
    assert_eq!(check(&kit, &rogue.sign(&kit.signer, &gamma), None), Some(GenerationError::Proof));
}

#[test]
fn certificate_in_a_place_that_is_not_its_own() {
    use GenerationError::{Chain, Grid, Params as Parameters, Proof, Signature};
    let (kit, other) = (Kit::new(1, 2), Kit::new(5, 2));
    let gamma = Scalar::from_u64(99);
    let (first, second) = (Cert::first(&kit, &gamma), Cert::second(&kit, &gamma));
    let sign = |cert: &Cert| cert.sign(&kit.signer, &gamma);
    let before = Some(&kit.generation);
    assert_eq!(check(&kit, &sign(&second), before), None);
    let grid = |partitions: &[Partition], epochs| ClassGrid::new(partitions, epochs).unwrap();
    let params = Params::hazmat_from_alpha(5, &Scalar::from_u64(9)).unwrap();
    let base = [Partition::MEDICAL, Partition::INSURANCE];
    for (what, error, cert, previous) in [
        ("the second as the first", Chain, sign(&second), None),
        ("the first as the second", Chain, kit.cert.clone(), before),
        ("another first as the second", Chain, sign(&first), before),
        ("a gap", Chain, sign(&Cert { generation: 2, ..second.clone() }), before),
        ("the same number again", Chain, sign(&Cert { generation: 0, ..second.clone() }), before),
        ("a first with a number", Chain, sign(&Cert { generation: 1, ..first.clone() }), None),
        ("a first with a past", Chain, sign(&Cert { generation: 0, ..second.clone() }), None),
        ("a fork", Chain, sign(&Cert { previous: other.generation.origin(), ..second.clone() }), before),
        ("no past", Chain, sign(&Cert { previous: Digest::NONE, ..second.clone() }), before),
        ("after another owner's", Chain, sign(&Cert::second(&other, &gamma)), Some(&other.generation)),
        ("more epochs", Grid, sign(&Cert { grid: grid(&base[..1], 5), ..second.clone() }), before),
        ("rows in another order", Grid, sign(&Cert { grid: grid(&[base[1], base[0]], 2), ..second.clone() }), before),
        ("more classes than parameters", Grid, sign(&Cert { grid: grid(&base, 3), ..first.clone() }), None),
        ("other parameters", Parameters, sign(&Cert { params: params.digest(), ..first.clone() }), None),
        ("a proof for another owner", Proof, sign(&Cert { owner: other.signer.id(), ..first.clone() }), None),
        ("another owner's", Signature, other.cert.clone(), None),
    ] {
        assert_eq!(check(&kit, &cert, previous), Some(error), "{what}");
    }
    // The same through the chain, and as parameters that the reader has.
    let mut chain = GenerationChain::new(kit.cert.clone());
    chain.push(sign(&second));
    assert_eq!(chain.verify(&kit.params, &kit.signer.id()).unwrap().generation(), 1);
    chain.push(sign(&second));
    assert_eq!(chain.verify(&kit.params, &kit.signer.id()).unwrap_err(), Chain);
    assert_eq!(GenerationChain::new(sign(&second)).verify(&kit.params, &kit.signer.id()).unwrap_err(), Chain);
    assert_eq!(kit.generation.succeeded_by(&params, &sign(&second)).unwrap_err(), Parameters);
    // The maker of keys refuses as well.
    for (grid, previous, error) in [
        (grid(&base, 3), None, Grid),
        (grid(&base[..1], 5), before, Grid),
        (grid(&base, 2), Some(&other.generation), Chain),
    ] {
        let made = Kac::keygen(&kit.params, &grid, &kit.root, &kit.signer, previous, &mut rng(1));
        assert_eq!(made.unwrap_err(), error);
    }
    let made = Kac::keygen(&params, &grid(&base, 2), &kit.root, &kit.signer, before, &mut rng(1));
    assert_eq!(made.unwrap_err(), Chain);
}

/// Nothing that a party derives is the same under other parameters, another grid, another party or another number.
#[test]
fn secret_of_an_owner_differs_wherever_its_meaning_does() {
    let kit = Kit::new(1, 2);
    let grid = |partitions: &[Partition], epochs| ClassGrid::new(partitions, epochs).unwrap();
    let base = [Partition::MEDICAL, Partition::INSURANCE];
    let (params, other) = (&kit.params, Params::hazmat_from_alpha(5, &Scalar::from_u64(9)).unwrap());
    let key = |params: &Params, grid: &ClassGrid, signer: u8, previous: Option<&VerifiedGeneration>, seed| {
        let (signer, rng) = (party(signer), &mut rng(seed));
        let (_, cert) = Kac::keygen(params, grid, &kit.root, &signer, previous, rng).unwrap();
        let bytes = cert.to_bytes();
        bytes[bytes.len() - 64 - 64 - 96 - 48..][..48].to_vec()
    };
    let same = key(params, &grid(&base, 2), 1, None, 1);
    assert_eq!(key(params, &grid(&base, 2), 1, None, 2), same);
    let keys = [
        same,
        key(&other, &grid(&base, 2), 1, None, 1),
        key(params, &grid(&[base[1], base[0]], 2), 1, None, 1),
        key(params, &grid(&base[..1], 2), 1, None, 1),
        key(params, &grid(&base, 1), 1, None, 1),
        key(params, &grid(&base, 2), 2, None, 1),
        key(params, &grid(&base, 2), 1, Some(&kit.generation), 1),
    ];
    for (i, a) in keys.iter().enumerate() {
        assert!(keys[..i].iter().all(|b| a != b), "{i}");
    }
}
