//! `Kac` with broken generators, what its secrets give away by themselves, and how large its objects get.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use crate::common::{TestRng, assert_silent, fails_until, party, rng, same};
use sesphr::context::{Context, Partition, RecordId, Subject};
use sesphr::encoding::{Encoding, Message, SecretEncoding};
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{G1Affine, Scalar, mul_p};
use sesphr::identity::SigningKey;
use sesphr::kac::params::*;
use sesphr::kac::*;
use sesphr::kem::{EncapsulateError, OwnerRoot};

/// An owner who has all classes of its parameters, and is the author too.
struct World {
    params: Params,
    owner: SigningKey,
    root: OwnerRoot,
    grid: ClassGrid,
    secret: OwnerSecret,
}

impl World {
    fn new(n: u32) -> Self {
        let (rng, owner) = (&mut rng(1), party(1));
        let params = Params::generate(n, &owner, rng, unwatched).unwrap();
        let (root, grid) = (OwnerRoot::generate(rng), ClassGrid::new(&[Partition::MEDICAL], n).unwrap());
        let (secret, _) = Kac::keygen(&params, &grid, &root, &owner, None, rng).unwrap();
        Self { params, owner, root, grid, secret }
    }

    fn public(&self) -> &VerifiedGeneration {
        self.secret.generation()
    }

    fn context(&self, class: u32) -> Context<'static> {
        let record = RecordId::from_array([7; 16]);
        let subject = Subject { record, version: 1, author: self.owner.id(), aad: b"" };
        Kac::context(self.public(), &self.grid.period(class).unwrap(), &subject).unwrap()
    }
}

// Broken generators ---------------------------------------------------------------------------------------------------

#[test]
fn generator_that_fails_at_any_draw() {
    let w = World::new(2);
    let ctx = w.context(1);
    let encoded = w.params.encode(PointForm::Compact);
    fails_until(1, |rng| Params::generate(2, &w.owner, rng, unwatched).map_err(|e| e == ParamsError::Rng));
    fails_until(1, |rng| encoded.verify(rng, unwatched).map_err(|e| e == ParamsError::Rng));
    fails_until(1, |rng| {
        Kac::keygen(&w.params, &w.grid, &w.root, &w.owner, None, rng).map_err(|e| e == GenerationError::Rng)
    });
    fails_until(2, |rng| {
        Kac::encapsulate(&w.params, w.public(), &ctx, &w.owner, rng).map_err(|e| e == EncapsulateError::Rng)
    });

    let rng_error = |e| e == CeremonyError::Params(ParamsError::Rng);
    fails_until(2, |rng| {
        let mut ceremony = VerifiedTranscript::start(2).unwrap();
        let result = ceremony.contribute(&w.owner, rng, unwatched).map_err(rng_error);
        // All of it or nothing.
        assert_eq!(ceremony.contributors().count(), usize::from(result.is_ok()));
        let transcript = ceremony.transcript(PointForm::Compact);
        let again = transcript.verify(&mut crate::common::rng(2), unwatched).unwrap();
        assert_eq!(again.finish().is_ok(), result.is_ok());
        result
    });
    let mut ceremony = VerifiedTranscript::start(2).unwrap();
    ceremony.contribute(&w.owner, &mut rng(3), unwatched).unwrap();
    let transcript = ceremony.transcript(PointForm::Compact);
    fails_until(1, |rng| transcript.verify(rng, unwatched).map_err(rng_error));
}

/// The parties' secrets make up for it.
#[test]
fn generator_of_zeros_makes_no_zero() {
    let w = World::new(2);
    let dead = || TestRng::constant(0);
    let params = Params::generate(2, &w.owner, &mut dead(), unwatched).unwrap();
    let mut ceremony = VerifiedTranscript::start(2).unwrap();
    ceremony.contribute(&w.owner, &mut dead(), unwatched).unwrap();
    let contributed = ceremony.finish().unwrap();
    for params in [&params, &contributed] {
        // Coefficients from nothing but the points still find a forgery: P_2 and Q_1 of other parameters.
        let good = params.encode(PointForm::Compact).to_bytes();
        assert_eq!(&EncodedParams::from_bytes(&good).unwrap().verify(&mut dead(), unwatched).unwrap(), params);
        for point in [57..105, 105..201] {
            let mut bad = good.clone();
            bad[point.clone()].copy_from_slice(&w.params.encode(PointForm::Compact).to_bytes()[point]);
            let refused = EncodedParams::from_bytes(&bad).unwrap().verify(&mut dead(), unwatched);
            assert_eq!(refused.unwrap_err(), ParamsError::Structure);
        }
    }
    let (secret, cert) = Kac::keygen(&w.params, &w.grid, &w.root, &w.owner, None, &mut dead()).unwrap();
    assert_eq!(&Kac::verify_owner(&w.params, &cert, &w.owner.id(), None).unwrap(), secret.generation());
    let ctx = w.context(1);
    let (capsule, shared) = Kac::encapsulate(&w.params, w.public(), &ctx, &w.owner, &mut dead()).unwrap();
    assert!(Kac::verify_capsule(&w.params, w.public(), &capsule, &ctx).is_ok());
    assert!(same(&Kac::open(&w.params, &secret, &capsule, &ctx).unwrap(), &shared));
    assert_ne!(shared.hazmat_bytes(), &[0; 32]);
}

#[test]
fn generator_that_repeats_repeats_nothing_within_one_key_object() {
    let w = World::new(2);
    let dead = || TestRng::constant(7);
    let generate = |owner: &SigningKey| Params::generate(2, owner, &mut dead(), unwatched).unwrap();
    assert_ne!(generate(&w.owner), generate(&w.owner));
    let contribute = |owner: &SigningKey| {
        let mut ceremony = VerifiedTranscript::start(2).unwrap();
        ceremony.contribute(owner, &mut dead(), unwatched).unwrap();
        ceremony.finish().unwrap()
    };
    assert_ne!(contribute(&w.owner), contribute(&w.owner));
    let ctx = w.context(0);
    let seal =
        |author: &SigningKey| Kac::encapsulate(&w.params, w.public(), &ctx, author, &mut dead()).unwrap().0.to_bytes();
    let (a, b) = (seal(&w.owner), seal(&w.owner));
    // c1, c3, the proof's challenge and response, c2.
    for field in [4..52, 52..84, 84..116, 116..148, 152..200] {
        assert_ne!(a[field.clone()], b[field]);
    }
    // The documented limit: two objects of one seed, and the generator repeats as well.
    assert_eq!(generate(&party(1)), generate(&party(1)));
    assert_eq!(seal(&party(1)), seal(&party(1)));
}

// Secrets -------------------------------------------------------------------------------------------------------------

/// What `party(seed)` draws first under `label` with a generator of sevens.
fn drawn(seed: u8, label: &'static str, part: &[u8]) -> Scalar {
    let hedge = hash::kdf("sesphr v1 hedge key", &[seed; 32], &[]);
    hash::scalar(label, &[&[7; 32], &hedge[..], &[0; 8], part])
}

#[test]
fn secrets_do_not_print() {
    let w = World::new(2);
    // γ, which is nowhere but in the secret: it is the right one if γP is V1, behind the grid in the certificate.
    let (_, cert) = Kac::keygen(&w.params, &w.grid, &w.root, &w.owner, None, &mut rng(2)).unwrap();
    let (root, grid) = (w.root.to_secret_bytes(), w.grid.to_bytes());
    let (id, digest) = (w.owner.id(), w.params.digest());
    let parts: [&[u8]; 5] = [&root[4..], id.as_bytes(), digest.as_bytes(), &grid, &[0; 4]];
    let gamma = hash::scalar("sesphr v1 kac gamma", &parts);
    let v1 = mul_p(&gamma).to_affine().to_bytes();
    assert!(cert.to_bytes().windows(48).any(|window| window == v1));
    assert_silent(&w.secret, &gamma.to_bytes()[..]);

    let set: ClassSet = "1".parse().unwrap();
    let key = Kac::extract(&w.params, &w.secret, &set).unwrap();
    let bytes = key.to_secret_bytes();
    assert_silent(&key, &bytes[4..]);
    let verified = Kac::verify_key(&w.params, w.public(), &set, &key).unwrap();
    assert_silent(&verified, &bytes[4..]);
    // D_S = Q_{n+1−2} = Q_1, behind both points of G1.
    let d_s = &w.params.encode(PointForm::Compact).to_bytes()[105..201];
    let m = hash::scalar("sesphr v1 kac key blind", &[&bytes[4..], d_s]);
    assert_silent(&verified, &m.to_bytes()[..]);

    // α and β are gone before anything can print; the test is that nothing kept them.
    let params = Params::generate(2, &party(5), &mut TestRng::constant(7), unwatched).unwrap();
    let alpha = drawn(5, "sesphr v1 kac alpha", &2u32.to_be_bytes());
    assert_eq!(first_point(&params), mul_p(&alpha).to_affine());
    assert_silent(&params, &alpha.to_bytes()[..]);
    let mut ceremony = VerifiedTranscript::start(2).unwrap();
    ceremony.contribute(&party(6), &mut TestRng::constant(7), unwatched).unwrap();
    let transcript = ceremony.transcript(PointForm::Compact);
    let before = transcript.contributions()[0].unverified().before();
    let beta = drawn(6, "sesphr v1 kac beta", before.as_bytes());
    assert_silent(&ceremony, &beta.to_bytes()[..]);
    assert_silent(&transcript, &beta.to_bytes()[..]);
    assert_eq!(first_point(&ceremony.finish().unwrap()), mul_p(&beta).to_affine());
}

/// P_1.
fn first_point(params: &Params) -> G1Affine {
    let bytes = params.encode(PointForm::Compact).to_bytes();
    G1Affine::from_bytes(bytes[9..57].try_into().unwrap()).unwrap()
}

assert_not!(
    OwnerSecret: Clone, AggregateKey: Clone, VerifiedKey: Clone, OwnerSecret: PartialEq, AggregateKey: PartialEq,
    VerifiedKey: PartialEq, AggregateKey: Encoding, OwnerSecret: Message, VerifiedKey: Message, Params: Message,
    VerifiedGeneration: Message, VerifiedCapsule: Message, VerifiedTranscript: Message,
);

// Sizes ---------------------------------------------------------------------------------------------------------------

/// One class, one range of many, hundreds of scattered ones, all of them.
#[test]
fn keys_and_capsules_are_as_long_for_any_set() {
    const N: u32 = 512;
    let w = World::new(N);
    let scattered = ClassSet::try_from_classes((0..N).filter(|class| class % 2 == 1)).unwrap();
    assert_eq!(scattered.ranges().len(), 256);
    let sets = [ClassSet::single(0), ClassSet::single(N - 1), ClassSet::range(1..=300), ClassSet::range(0..=N - 1)];
    let mut lengths = BTreeSet::new();
    for set in sets.into_iter().map(Result::unwrap).chain([scattered]) {
        let key = Kac::extract(&w.params, &w.secret, &set).unwrap();
        assert_eq!(key.to_secret_bytes().len(), 4 + AggregateKey::KEY_LEN);
        let again = AggregateKey::from_bytes(&key.to_secret_bytes()).unwrap();
        let key = Kac::verify_key(&w.params, w.public(), &set, &again).unwrap();
        let class = set.last().unwrap();
        let ctx = w.context(class);
        let (capsule, shared) = Kac::encapsulate(&w.params, w.public(), &ctx, &w.owner, &mut rng(3)).unwrap();
        assert!(same(&Kac::open_aggregate(&w.params, &key, &capsule, &ctx).unwrap(), &shared), "{set}");
        lengths.insert((again.encoded_len(), capsule.encoded_len()));
    }
    assert_eq!(AggregateKey::KEY_LEN, 96);
    assert!(lengths.iter().all(|(_, capsule)| *capsule <= 4 + 208));
    assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [(4 + 96, 4 + 196)]);
}
