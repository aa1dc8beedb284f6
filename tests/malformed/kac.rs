//! The messages of the key-aggregate cryptosystem, and what the common suite cannot ask of parameters: decoding looks
//! at no point of theirs.

use sesphr::context::{Context, Partition, RecordId, Subject};
use sesphr::encoding::{Encoding, Message};
use sesphr::error::DecodeError;
use sesphr::hazmat::pairing::{G1Affine, G2Affine, Scalar, mul_p, mul_q};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::*;
use sesphr::kac::*;
use sesphr::kem::OwnerRoot;

use super::common::{party, rng};
use super::points::{bad_g1, bad_g2};
use super::{Layout, Sample};

/// Two classes: the least with points on either side of the element that must not exist.
const N: u32 = 2;
const FORMS: [PointForm; 2] = [PointForm::Compact, PointForm::Uncompressed];

/// An owner with two generations of a key.
struct World {
    params: Params,
    owner: SigningKey,
    secret: OwnerSecret,
    first: VerifiedGeneration,
    chain: GenerationChain,
    set: ClassSet,
}

impl World {
    fn new() -> Self {
        let (rng, owner) = (&mut rng(41), party(41));
        let params = Params::generate(N, &owner, rng, unwatched).unwrap();
        let grid = ClassGrid::new(&[Partition::MEDICAL], N).unwrap();
        let root = OwnerRoot::generate(rng);
        let (secret, cert) = Kac::keygen(&params, &grid, &root, &owner, None, rng).unwrap();
        let first = secret.generation().clone();
        let (_, next) = Kac::keygen(&params, &grid, &root, &owner, Some(&first), rng).unwrap();
        let mut chain = GenerationChain::new(cert);
        chain.push(next);
        Self { params, owner, secret, first, chain, set: "1".parse().unwrap() }
    }

    fn context(&self) -> Context<'static> {
        let record = RecordId::from_array([7; 16]);
        let subject = Subject { record, version: 1, author: self.owner.id(), aad: b"free" };
        Kac::context(&self.first, &self.first.grid().period(1).unwrap(), &subject).unwrap()
    }
}

/// Whoever takes foreign parameters and whoever pinned them refuse the same bytes.
fn refused(encoded: &EncodedParams, genuine: &Params) -> bool {
    let verified = encoded.verify(&mut rng(42), unwatched);
    let loaded = encoded.load(&genuine.digest(), unwatched);
    assert_eq!(verified.is_ok(), loaded.is_ok());
    verified.is_err()
}

pub(super) fn samples() -> Vec<Sample> {
    let (set, grid): (ClassSet, _) =
        ("0-11,24,36-47".parse().unwrap(), ClassGrid::new(&Partition::SESPHR, 12).unwrap());
    let none = Layout::default();
    let w: &'static World = Box::leak(Box::new(World::new()));
    let [compact, uncompressed] = FORMS.map(|form| w.params.encode(form));

    let mut pins = Pins::new();
    let other = Params::generate(1, &w.owner, &mut rng(43), unwatched).unwrap();
    [&w.params, &other].into_iter().for_each(|params| pins.pin(params).unwrap());
    // The smaller one first: it is loaded whenever what is wrong is about the other.
    let pinned = [other.encode(PointForm::Uncompressed), w.params.encode(PointForm::Compact)];

    let mut ceremony = VerifiedTranscript::start(N).unwrap();
    ceremony.contribute(&w.owner, &mut rng(44), unwatched).unwrap();
    let transcript = ceremony.transcript(PointForm::Compact);
    let contribution = transcript.contributions()[0].clone();
    // A contribution is checked where it stands.
    let (around, at) = (transcript.to_bytes(), 8..8 + contribution.encoded_len());

    let ctx = w.context();
    let (capsule, _) = Kac::encapsulate(&w.params, &w.first, &ctx, &w.owner, &mut rng(45)).unwrap();
    let key = Kac::extract(&w.params, &w.secret, &w.set).unwrap();
    let first = w.chain.certs()[0].clone();
    vec![
        Sample::public("class set", &set.clone(), none, move |m: ClassSet| m != set),
        Sample::public("class grid", &grid.clone(), Layout { lengths: &[12, 24], ..none }, move |m: ClassGrid| {
            m != grid
        }),
        Sample::public("parameters", &compact, none, |m| refused(&m, &w.params)),
        Sample::public("parameters", &uncompressed, none, |m| refused(&m, &w.params)),
        Sample::public("pins", &pins, none, move |m: Pins| pinned.iter().any(|set| m.load(set, unwatched).is_err())),
        Sample::public(
            "contribution",
            &contribution,
            Layout { g1: &[104], scalars: &[152, 184], ..none },
            move |m: Signed<Contribution>| {
                let mut bytes = around.clone();
                bytes[at.clone()].copy_from_slice(&m.to_bytes());
                Transcript::from_bytes(&bytes).unwrap().verify(&mut rng(42), unwatched).is_err()
            },
        ),
        Sample::public(
            "transcript",
            &transcript,
            Layout { g1: &[112], scalars: &[160, 192], ..none },
            |m: Transcript| m.verify(&mut rng(42), unwatched).is_err(),
        ),
        Sample::public(
            "generation",
            &first,
            Layout { lengths: &[88], g1: &[131], g2: &[179], scalars: &[275, 307], ..none },
            |m| Kac::verify_owner(&w.params, &m, &w.owner.id(), None).is_err(),
        ),
        Sample::public(
            "generation chain",
            &w.chain,
            Layout { lengths: &[96, 499], g1: &[139, 542], g2: &[187, 590], scalars: &[283, 315, 686, 718], ..none },
            // What the chain does, with the first certificate checked once for all.
            |m: GenerationChain| match m.certs() {
                [first, next] if first == &w.chain.certs()[0] => w.first.succeeded_by(&w.params, next).is_err(),
                _ => m.verify(&w.params, &w.owner.id()).is_err(),
            },
        ),
        Sample::secret("aggregate key", &key, Layout { g2: &[4], ..none }, |m: AggregateKey| {
            Kac::verify_key(&w.params, &w.first, &w.set, &m).is_err()
        }),
        Sample::public(
            "aggregate capsule",
            &capsule,
            Layout { g1: &[4, 152], scalars: &[84, 116], ..none },
            move |m: Capsule| Kac::verify_capsule(&w.params, &w.first, &m, &ctx).is_err(),
        ),
    ]
}

/// Name of a sample, where its count is, and the bound.
pub(super) const COUNTS: [(&str, usize, u32); 6] = [
    ("class set", 4, 1 << 15),
    ("class grid", 8, 1 << 16),
    ("parameters", 5, 1 << 16),
    ("pins", 4, 1 << 16),
    ("transcript", 4, 1024),
    ("generation chain", 4, 1 << 12),
];

#[test]
fn no_parameters_without_classes_or_of_another_form() {
    let params = World::new().params;
    for form in FORMS {
        let bytes = params.encode(form).to_bytes();
        let patched = |at: usize, patch: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[at..at + patch.len()].copy_from_slice(patch);
            EncodedParams::from_bytes(&bytes).unwrap_err()
        };
        for other in 2..=255 {
            assert_eq!(patched(4, &[other]), DecodeError::Value, "form {other}");
        }
        assert_eq!(patched(5, &[0; 4]), DecodeError::Length);
        assert_eq!(patched(5, &1u32.to_be_bytes()), DecodeError::TrailingBytes);
        assert_eq!(patched(5, &3u32.to_be_bytes()), DecodeError::Truncated);
    }
    for n in [0, MAX_CLASSES + 1, 1 << 31, u32::MAX] {
        let generated = Params::generate(n, &party(1), &mut rng(1), |_| panic!("begins {n} classes"));
        assert_eq!(generated.unwrap_err(), ParamsError::Classes);
        assert_eq!(VerifiedTranscript::start(n).unwrap_err(), ParamsError::Classes);
    }
}

/// One encoding of one set of pins, and never two digests for an α.
#[test]
fn pins_are_sorted_and_name_each_secret_once() {
    let sample = super::samples().iter().find(|s| s.name == "pins").unwrap();
    let (head, items) = sample.bytes.split_at(8);
    let (first, second) = items.split_at(80);
    assert!(first < second);
    for items in [[second, first], [first, first]] {
        let bytes = [head, &items.concat()].concat();
        assert_eq!(Pins::from_bytes(&bytes).unwrap_err(), DecodeError::Value);
    }
}

#[test]
fn a_chain_has_a_beginning() {
    let sample = super::samples().iter().find(|s| s.name == "generation chain").unwrap();
    let empty = [&sample.bytes[..4], &[0; 4]].concat();
    assert_eq!(GenerationChain::from_bytes(&empty).unwrap_err(), DecodeError::Length);
}

/// Encodings of both coordinates that are no point of the subgroup: the point of `compact`, and what breaks the form.
fn bad_uncompressed<const N: usize>(
    compact: &[(&'static str, Vec<u8>)],
    double: fn(&[u8; N]) -> Vec<u8>,
) -> Vec<Vec<u8>> {
    let (_, outside) = compact.iter().find(|(what, _)| *what == "outside the subgroup").unwrap();
    let fill = |first: u8, byte: u8| [&[first][..], &vec![byte; 2 * N - 1]].concat();
    // Zeros, ones, the identity, its flag with a sign, with that of the compressed form, and with a coordinate.
    let bad = [fill(0, 0), fill(0xff, 0xff), fill(0x40, 0), fill(0x60, 0), fill(0xc0, 0), fill(0x40, 1)];
    bad.into_iter().chain([double(outside.as_slice().try_into().unwrap())]).collect()
}

/// Puts every bad point in the place of every point.
#[test]
fn no_point_of_parameters_but_of_the_subgroup_in_its_one_encoding() {
    let params = World::new().params;
    let mut pins = Pins::new();
    pins.pin(&params).unwrap();
    let (g1, g2) = (mul_p(&Scalar::from_u64(8)).to_affine(), mul_q(&Scalar::from_u64(8)).to_affine());
    let (bad1, bad2) = (bad_g1(), bad_g2());
    let both1 = bad_uncompressed::<48>(&bad1, |b| G1Affine::from_bytes_trusted(b).unwrap().to_uncompressed().to_vec());
    let both2 = bad_uncompressed::<96>(&bad2, |b| G2Affine::from_bytes_trusted(b).unwrap().to_uncompressed().to_vec());
    let bytes_of = |points: Vec<(_, Vec<u8>)>| points.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    let forms = [
        (PointForm::Compact, [g1.to_bytes().to_vec(), g2.to_bytes().to_vec()], [bytes_of(bad1), bytes_of(bad2)]),
        (PointForm::Uncompressed, [g1.to_uncompressed().to_vec(), g2.to_uncompressed().to_vec()], [both1, both2]),
    ];
    for (form, good, bad) in &forms {
        let bytes = params.encode(*form).to_bytes();
        let mut at = 9;
        for group in [0, 0, 1, 1, 1] {
            let put = |point: &[u8]| {
                let mut bytes = bytes.clone();
                bytes[at..at + point.len()].copy_from_slice(point);
                EncodedParams::from_bytes(&bytes).unwrap()
            };
            let verify = |encoded: &EncodedParams| encoded.verify(&mut rng(42), unwatched).unwrap_err();
            // A good point of another secret: the equations notice, and the digest.
            let other = put(&good[group]);
            assert_eq!(verify(&other), ParamsError::Structure, "{form:?} at {at}");
            assert_eq!(other.load(&params.digest(), unwatched), Err(ParamsError::NotPinned));
            for point in &bad[group] {
                let encoded = put(point);
                assert_eq!(verify(&encoded), ParamsError::Point, "{form:?} at {at}: {point:02x?}");
                assert!(encoded.load(&params.digest(), unwatched).is_err());
                assert!(pins.load(&encoded, unwatched).is_err());
            }
            at += good[group].len();
        }
        assert_eq!(at, bytes.len());
    }
}

/// What the fields of all messages add up to is what their documentation says.
#[test]
fn documented_lengths() {
    let w = World::new();
    let mut pins = Pins::new();
    for n in [1, 2, 3, 7] {
        let params = Params::generate(n, &w.owner, &mut rng(46), unwatched).unwrap();
        let points = 5 * n as usize - 2;
        assert_eq!(params.encode(PointForm::Compact).encoded_len(), 4 + 1 + 4 + 48 * points);
        assert_eq!(params.encode(PointForm::Uncompressed).encoded_len(), 4 + 1 + 4 + 96 * points);
        pins.pin(&params).unwrap();
        assert_eq!(pins.encoded_len(), 4 + 4 + 80 * [0, 1, 2, 3, 3, 3, 3, 4][n as usize]);
    }
    let mut ceremony = VerifiedTranscript::start(N).unwrap();
    for contributions in 0..3 {
        for form in FORMS {
            let set = w.params.encode(form).encoded_len();
            assert_eq!(ceremony.transcript(form).encoded_len(), 4 + 4 + 280 * contributions + set);
        }
        ceremony.contribute(&w.owner, &mut rng(47), unwatched).unwrap();
    }
    let transcript = ceremony.transcript(PointForm::Compact);
    let contribution = &transcript.contributions()[0];
    assert_eq!(contribution.unverified().encoded_len(), 4 + 32 + 32 + 48 + 64);
    assert_eq!(contribution.encoded_len(), 280);

    for labels in [&["a"][..], &["medical", "x-ray"]] {
        let partitions: Vec<_> = labels.iter().map(|label| Partition::new(label).unwrap()).collect();
        let grid = ClassGrid::new(&partitions, 1).unwrap();
        let len = 4 + 4 + 4 + labels.iter().map(|label| 4 + label.len()).sum::<usize>();
        assert_eq!(grid.encoded_len(), len);
        let root = OwnerRoot::generate(&mut rng(48));
        let (_, cert) = Kac::keygen(&w.params, &grid, &root, &w.owner, None, &mut rng(48)).unwrap();
        let body = 4 + 32 + 4 + len + 32 + 48 + 96 + 64;
        assert_eq!(cert.unverified().encoded_len(), body);
        assert_eq!(cert.encoded_len(), 4 + 32 + body + 64);
        assert_eq!(GenerationChain::new(cert.clone()).encoded_len(), 4 + 4 + cert.encoded_len());
    }
    assert_eq!(w.chain.encoded_len(), 4 + 4 + w.chain.certs().iter().map(Message::encoded_len).sum::<usize>());
    for (text, ranges) in [("", 0), ("0-65535", 1), ("0-11,24,36-47", 3)] {
        assert_eq!(text.parse::<ClassSet>().unwrap().encoded_len(), 4 + 4 + 8 * ranges);
    }
}
