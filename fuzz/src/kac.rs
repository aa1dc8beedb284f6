//! The key-aggregate cryptosystem: its decoders, and what tampering with parameters, sets, keys and capsules gives.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use sesphr::context::{Context, ContextBuf, Partition, RecordId, Subject};
use sesphr::encoding::Message;
use sesphr::hazmat::pairing::{Scalar, mul_p, mul_q};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::*;
use sesphr::kac::trustees::{Dealing, Share, SharingChain, SubShare};
use sesphr::kac::*;
use sesphr::kem::{CapsuleParts, OwnerRoot, SharedKey};
use subtle::ConstantTimeEq;

use super::{Changes, Toy, bytes, identity, trustees};

pub fn decode_kac(data: &[u8]) {
    family!(
        data,
        EncodedParams,
        Pins,
        Contribution,
        Signed<Contribution>,
        Transcript,
        ClassSet,
        ClassGrid,
        GenerationCert,
        Signed<GenerationCert>,
        GenerationChain,
        AggregateKey,
        Capsule,
        RotationToken,
        Dealing,
        Signed<Dealing>,
        SubShare,
        Share,
        SharingChain,
    );
    if let Ok(capsule) = Capsule::from_bytes(data) {
        let (core, mutable) = parts(&capsule);
        assert_eq!((core.len(), mutable.len()), (Capsule::CORE_LEN, Capsule::MUTABLE_LEN));
        assert!(Capsule::from_parts(&core, &mutable).is_ok_and(|again| again == capsule));
    }
    if let Ok(set) = ClassSet::from_bytes(data) {
        assert!(set.to_string().parse::<ClassSet>().is_ok_and(|again| again == set));
        assert!(ClassSet::try_from_classes(set.iter()).is_ok_and(|again| again == set));
    }
    if let Ok(grid) = ClassGrid::from_bytes(data) {
        let last = grid.period(grid.classes() - 1).unwrap();
        assert_eq!((grid.class(&last), grid.period(grid.classes())), (Some(grid.classes() - 1), None));
    }
    // The text of a set: what parses is printed in the normal form.
    let Ok(set) = core::str::from_utf8(data).unwrap_or_default().parse::<ClassSet>() else { return };
    assert!(ClassSet::from_bytes(&bytes(&set)).is_ok_and(|again| again == set));
    assert!(set.to_string().parse::<ClassSet>().is_ok_and(|again| again == set));
}

fn parts(capsule: &Capsule) -> (Vec<u8>, Vec<u8>) {
    let (mut core, mut mutable) = (Vec::new(), Vec::new());
    capsule.write_core(&mut core);
    capsule.write_mutable(&mut mutable);
    (core, mutable)
}

// ---- Sets of classes against the sets of the standard library.

/// Classes from both ends of what there can be, so that a set stays small enough to be listed.
fn class(byte: u8) -> u32 {
    let low = u32::from(byte & 0x7f);
    if byte < 0x80 { low } else { MAX_CLASSES - 1 - low }
}

fn naive_parse(text: &str) -> Option<BTreeSet<u32>> {
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // The standard library knows what overflows.
        text.parse::<u32>().ok().filter(|class| digits && *class < MAX_CLASSES)
    };
    let mut set = BTreeSet::new();
    for item in text.split(',').filter(|_| !text.is_empty()) {
        let (first, last) = item.split_once('-').unwrap_or((item, item));
        let (first, last) = (number(first)?, number(last)?);
        set.extend(Some(first..=last).filter(|range| !range.is_empty())?);
    }
    Some(set)
}

fn assert_equal(set: &ClassSet, naive: &BTreeSet<u32>) {
    assert!(set.iter().eq(naive.iter().copied()) && set.iter().rev().eq(naive.iter().rev().copied()));
    assert_eq!(set.count() as usize, naive.len());
    assert_eq!((set.is_empty(), set.last()), (naive.is_empty(), naive.last().copied()));
    for class in (0..=255).map(class) {
        assert_eq!(set.contains(class), naive.contains(&class));
    }
    // A class lies between any two ranges.
    assert!(set.ranges().windows(2).all(|pair| pair[0].last() + 1 < pair[1].first()));
    assert!(set.to_string().parse::<ClassSet>().is_ok_and(|again| again == *set));
    assert!(naive_parse(&set.to_string()).is_some_and(|again| again == *naive));
    assert!(ClassSet::from_bytes(&bytes(set)).is_ok_and(|again| again == *set));
}

/// Two sets, changed as three bytes a step say, and the input itself as text.
pub fn class_set(data: &[u8]) {
    let text = core::str::from_utf8(data).unwrap_or_default();
    // Listing a few ranges is fast, however long they are.
    if text.split(',').count() <= 8 {
        let (set, naive) = (text.parse::<ClassSet>(), naive_parse(text));
        assert_eq!(set.is_ok(), naive.is_some());
        assert!(set.is_err() || set.unwrap().iter().eq(naive.unwrap()));
    }

    let (mut set, mut other) = (ClassSet::empty(), ClassSet::empty());
    let (mut naive, mut naive_other) = (BTreeSet::new(), BTreeSet::new());
    for step in data.chunks_exact(3).take(64) {
        // A range within one end.
        let (first, last) = (class(step[1]), class(step[1] & 0x80 | step[2] & 0x7f));
        let range = ClassSet::range(first..=last);
        assert_eq!(range.is_ok(), first <= last);
        let range = range.unwrap_or_else(|_| ClassSet::single(class(step[2])).unwrap());
        let listed: BTreeSet<_> = range.iter().collect();
        match step[0] & 7 {
            0 | 1 => (set, naive) = (set.union(&range), &naive | &listed),
            2 => (set, naive) = (set.difference(&range), &naive - &listed),
            3 => (set, naive) = (set.intersection(&range), &naive & &listed),
            4 => (set, naive) = (set.union(&other), &naive | &naive_other),
            5 => (set, naive) = (set.difference(&other), &naive - &naive_other),
            6 => (set, naive) = (set.intersection(&other), &naive & &naive_other),
            _ => ((set, other), (naive, naive_other)) = ((other, set), (naive_other, naive)),
        }
        for (b, naive_b) in [(&other, &naive_other), (&range, &listed)] {
            assert_eq!(set.is_subset_of(b), naive.is_subset(naive_b));
            assert_eq!(b.is_subset_of(&set), naive_b.is_subset(&naive));
            assert_eq!(set.is_disjoint_from(b), naive.is_disjoint(naive_b));
            assert_eq!(set == *b, naive == *naive_b);
        }
    }
    assert_equal(&set, &naive);
    assert_equal(&other, &naive_other);
    // As a list in any order.
    let classes: BTreeSet<_> = data.iter().copied().map(class).collect();
    assert_equal(&ClassSet::try_from_classes(data.iter().copied().map(class)).unwrap(), &classes);
}

// ---- Parameters.

/// An α by number; some are of small order.
fn alpha(byte: u8) -> Scalar {
    // A third root of one, and a fourth.
    const ROOT_3: [u64; 4] = [0x0000_0000_ffff_ffff, 0xac45_a401_0001_a402, 0, 0];
    const ROOT_4: [u64; 4] = [0x0001_0000_0000_0000, 0xec03_0002_7603_0000, 0x8d51_ccce_7603_04d0, 0];
    let root = |limbs: [u64; 4]| {
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).zip(limbs).for_each(|(to, limb)| to.copy_from_slice(&limb.to_le_bytes()));
        Option::<Scalar>::from(Scalar::from_bytes(&bytes)).unwrap()
    };
    match byte {
        251 => root(ROOT_3),
        252 => root(ROOT_4),
        253 => -&Scalar::one(),
        254 => Scalar::zero(),
        byte => Scalar::from_u64(u64::from(byte) + 1),
    }
}

fn power(x: &Scalar, k: u32) -> Scalar {
    (0..k).fold(Scalar::one(), |power, _| &power * x)
}

fn equal(a: &Scalar, b: &Scalar) -> bool {
    a.ct_eq(b).into()
}

fn encode(n: u32, form: PointForm, p: &[Scalar], q: &[Scalar]) -> Vec<u8> {
    let mut out = vec![1, EncodedParams::SUITE as u8];
    out.extend(EncodedParams::KIND.number().to_be_bytes());
    out.push(form as u8);
    out.extend(n.to_be_bytes());
    let p = p.iter().map(|k| mul_p(k).to_affine());
    let q = q.iter().map(|k| mul_q(k).to_affine());
    match form {
        PointForm::Compact => {
            p.for_each(|point| out.extend(point.to_bytes()));
            q.for_each(|point| out.extend(point.to_bytes()));
        }
        PointForm::Uncompressed => {
            p.for_each(|point| out.extend(point.to_uncompressed()));
            q.for_each(|point| out.extend(point.to_uncompressed()));
        }
    }
    out
}

/// The first byte chooses the form and whether bytes or points are changed.
pub fn kac_params(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let form = if first & 1 == 0 { PointForm::Compact } else { PointForm::Uncompressed };
    if first & 2 == 0 { changed_bytes(form, rest) } else { changed_points(form, rest) }
}

/// Whatever is done to the bytes: taken if they are the genuine ones, or those for −α, which are a few signs away.
fn changed_bytes(form: PointForm, data: &[u8]) {
    static GENUINE: OnceLock<[Params; 2]> = OnceLock::new();
    let [genuine, opposite] = GENUINE.get_or_init(|| {
        let alpha = Scalar::from_u64(0x5e59);
        [alpha.clone(), -&alpha].map(|alpha| Params::hazmat_from_alpha(3, &alpha).unwrap())
    });
    let (changed, encoded) = Changes(data).apply(&genuine.encode(form), 0, 1);
    let Some(encoded) = encoded else { return };
    let mut pins = Pins::new();
    pins.pin(genuine).unwrap();
    let verified = encoded.verify(&mut Toy(1), unwatched);
    match &verified {
        Ok(params) => assert!(params == if changed { opposite } else { genuine }),
        Err(_) => assert!(changed),
    }
    for loaded in [encoded.load(&genuine.digest(), unwatched), pins.load(&encoded, unwatched)] {
        assert_eq!(loaded.is_err(), changed);
        assert!(loaded.is_err() || verified == loaded);
    }
}

/// Points whose discrete logarithms are known here. Two bytes say n and α; then three are one change: of which point,
/// how, and with what. Taken if and only if the logarithms are the powers of one α of no small order.
fn changed_points(form: PointForm, data: &[u8]) {
    let Some(([n, start], rest)) = data.split_first_chunk::<2>() else { return };
    let (n, start) = (u32::from(n % 3) + 1, alpha(*start));
    let exponents: Vec<_> = (1..=n).chain(1..=n).chain(n + 2..=2 * n).collect();
    let mut logs: Vec<_> = exponents.iter().map(|k| power(&start, *k)).collect();
    for change in rest.chunks_exact(3).take(8) {
        let (at, value) = (usize::from(change[0]) % logs.len(), alpha(change[2]));
        match change[1] & 7 {
            0 => logs[at] = value,
            1 => logs[at] = &logs[at] + &value,
            2 => logs[at] = &logs[at] * &value,
            3 => logs[at] = -&logs[at],
            4 => logs[at] = logs[usize::from(change[2]) % exponents.len()].clone(),
            5 => logs.swap(at, usize::from(change[2]) % exponents.len()),
            // Every point as it should be under another secret, or of one group alone.
            6 => logs.iter_mut().zip(&exponents).for_each(|(log, k)| *log = &*log * &power(&value, *k)),
            _ => logs.iter_mut().zip(&exponents).take(n as usize).for_each(|(log, k)| *log = power(&value, *k)),
        }
    }
    let (p, q) = logs.split_at(n as usize);
    let powers = exponents.iter().zip(&logs).all(|(k, log)| equal(log, &power(&p[0], *k)));
    let small = (1..=n + 1).any(|k| equal(&power(&p[0], k), &Scalar::one()));
    let identity = logs.iter().any(|log| bool::from(log.is_zero()));

    let encoded = EncodedParams::from_bytes(&encode(n, form, p, q)).unwrap();
    let verified = encoded.verify(&mut Toy(1), unwatched);
    match verified {
        Ok(params) => {
            assert!(powers && !small && !identity);
            assert!(params == Params::hazmat_from_alpha(n, &p[0]).unwrap());
            assert!(encoded.load(&params.digest(), unwatched).is_ok_and(|loaded| loaded == params));
        }
        Err(ParamsError::Point) => assert!(identity),
        Err(ParamsError::Structure) => assert!(!powers && !identity),
        Err(ParamsError::SmallOrder) => assert!(small && powers && !identity),
        Err(error) => panic!("{error}"),
    }
}

// ---- A story, and what tampering with it gives.

struct Story {
    owner: SigningKey,
    params: Params,
    secret: OwnerSecret,
    certs: [Signed<GenerationCert>; 2],
    set: ClassSet,
    key: AggregateKey,
    verified: VerifiedKey,
    /// Classes 2 and 0, both in the set.
    contexts: [ContextBuf; 2],
    capsules: [Capsule; 2],
    shared: [SharedKey; 2],
}

impl Story {
    fn get() -> &'static Self {
        static STORY: OnceLock<Story> = OnceLock::new();
        STORY.get_or_init(Self::new)
    }

    fn new() -> Self {
        let (rng, owner) = (&mut Toy(5), SigningKey::from_seed(&[5; 32]));
        let params = Params::generate(4, &owner, rng, unwatched).unwrap();
        let grid = ClassGrid::new(&[Partition::MEDICAL, Partition::INSURANCE], 2).unwrap();
        let root = OwnerRoot::try_generate(rng).unwrap();
        let (secret, cert) = Kac::keygen(&params, &grid, &root, &owner, None, rng).unwrap();
        let generation = secret.generation();
        let (_, next) = Kac::keygen(&params, &grid, &root, &owner, Some(generation), rng).unwrap();
        let set: ClassSet = "0,2-3".parse().unwrap();
        let key = Kac::extract(&params, &secret, &set).unwrap();
        let verified = Kac::verify_key(&params, generation, &set, &key).unwrap();
        let contexts = [2, 0].map(|class| {
            let record = RecordId::from_array([class as u8; 16]);
            let subject = Subject { record, version: 1, author: owner.id(), aad: b"free" };
            Kac::context(generation, &grid.period(class).unwrap(), &subject).unwrap()
        });
        let mut seal = |ctx: &Context<'_>| Kac::encapsulate(&params, generation, ctx, &owner, rng).unwrap();
        let [(first, first_key), (second, second_key)] = contexts.each_ref().map(&mut seal);
        Self {
            certs: [cert, next],
            set,
            key,
            verified,
            contexts: contexts.map(|ctx| ContextBuf::try_from(&ctx).unwrap()),
            capsules: [first, second],
            shared: [first_key, second_key],
            owner,
            params,
            secret,
        }
    }
}

/// Whatever is done to capsule, context, key and set: every way to open says the same, and what opens is the original.
pub fn kac_open(data: &[u8]) {
    let (story, changes) = (Story::get(), Changes(data));
    let params = &story.params;
    let (capsule_changed, capsule) = changes.apply(&story.capsules[0], 0, 4);
    let (ctx_changed, ctx) = changes.apply(&story.contexts[0], 1, 4);
    let (key_changed, key) = changes.apply(&story.key, 2, 4);
    let (set_changed, set) = changes.apply(&story.set, 3, 4);
    if let (Some(key), Some(set)) = (key, set) {
        let verified = Kac::verify_key(params, story.secret.generation(), &set, &key);
        assert_eq!(verified.is_err(), key_changed || set_changed);
    }
    let (Some(capsule), Some(ctx)) = (capsule, ctx) else { return };
    let (ctx, other) = (ctx.get(), story.contexts[1].get());

    // Opening does not look at the proof; the public check looks at everything.
    let ((core, mutable), (true_core, true_mutable)) = (parts(&capsule), parts(&story.capsules[0]));
    let same = core[..80] == true_core[..80] && mutable == true_mutable && !ctx_changed;
    let checked = Kac::verify_capsule(params, story.secret.generation(), &capsule, &ctx);
    assert_eq!(checked.is_ok(), !capsule_changed && !ctx_changed);

    let right = |key: &SharedKey, number: usize| bool::from(key.ct_eq(&story.shared[number]));
    let items = [(&capsule, &ctx), (&story.capsules[1], &other), (&capsule, &other), (&capsule, &ctx)];
    let mut batch = Kac::open_batch(params, &story.verified, &items).into_iter();
    let mut next = || batch.next().unwrap();
    let (first, second, crossed, last) = (next(), next(), next(), next());
    assert!(second.is_ok_and(|key| right(&key, 1)) && crossed.is_err());
    let by_owner = Kac::open(params, &story.secret, &capsule, &ctx);
    let by_key = Kac::open_aggregate(params, &story.verified, &capsule, &ctx);
    for opened in [by_owner, by_key, first, last] {
        assert_eq!(opened.is_ok(), same);
        assert!(opened.is_err() || right(&opened.unwrap(), 0));
    }
}

// ---- Seeds.

pub(super) fn seeds() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let story = Story::get();
    let mut ceremony = VerifiedTranscript::start(2).unwrap();
    ceremony.contribute(&story.owner, &mut Toy(6), unwatched).unwrap();
    let transcript = ceremony.transcript(PointForm::Compact);
    let contribution = &transcript.contributions()[0];
    let mut chain = GenerationChain::new(story.certs[0].clone());
    chain.push(story.certs[1].clone());
    let mut pins = Pins::new();
    pins.pin(&story.params).unwrap();
    let (dealing, sub_share, share, sharing) = trustees::messages();
    let change = |changes: &[[u8; 4]]| changes.concat();
    vec![
        ("class_set", "text", b"36-47,24,0-11,5-9,48".to_vec()),
        ("class_set", "text-refused", b"5-3".to_vec()),
        ("class_set", "both-ends", vec![0, 0, 20, 0, 0x90, 0x80, 7, 0, 0, 1, 10, 30, 4, 0, 0, 2, 3, 5]),
        ("class_set", "each-step", vec![0, 1, 9, 7, 0, 0, 0, 5, 20, 5, 0, 0, 2, 6, 7, 6, 0, 0, 3, 0, 127]),
        ("decode_kac", "set", bytes(&"0-11,24,36-47".parse::<ClassSet>().unwrap())),
        ("decode_kac", "set-text", b"36-47,24,0-11,5-9,48".to_vec()),
        ("decode_kac", "dealing", bytes(dealing.unverified())),
        ("decode_kac", "dealing-signed", bytes(&dealing)),
        ("decode_kac", "sub-share", bytes(&sub_share)),
        ("decode_kac", "share", bytes(&share)),
        ("decode_kac", "sharing", bytes(&sharing)),
        ("decode_kac", "grid", bytes(&ClassGrid::new(&Partition::SESPHR, 12).unwrap())),
        ("decode_kac", "params", bytes(&ceremony.finish().unwrap().encode(PointForm::Uncompressed))),
        ("decode_kac", "pins", bytes(&pins)),
        ("decode_kac", "contribution", bytes(contribution.unverified())),
        ("decode_kac", "contribution-signed", bytes(contribution)),
        ("decode_kac", "transcript", bytes(&transcript)),
        ("decode_kac", "generation", bytes(story.certs[0].unverified())),
        ("decode_kac", "generation-signed", bytes(&story.certs[0])),
        ("decode_kac", "chain", bytes(&chain)),
        ("decode_kac", "aggregate-key", bytes(&story.key)),
        ("decode_kac", "capsule", bytes(&story.capsules[0])),
        ("kac_open", "untouched", vec![]),
        ("kac_open", "each", change(&[[0, 9, 1, 0], [0, 9, 1, 1], [0, 9, 1, 2], [0, 11, 1, 3]])),
        ("kac_open", "c2-sign", change(&[[0, 152, 0x20, 0]])),
        ("kac_open", "proof", change(&[[0, 90, 1, 0]])),
        ("kac_open", "generation", change(&[[0, 151, 1, 0]])),
        ("kac_open", "context-version", change(&[[0, 60, 1, 1]])),
        ("kac_open", "key-sign", change(&[[0, 4, 0x20, 2]])),
        ("kac_open", "set-class", change(&[[0, 15, 1, 3]])),
        ("kac_params", "compact", vec![0]),
        ("kac_params", "uncompressed", vec![1]),
        ("kac_params", "sign", [&[0][..], &change(&[[0, 9, 0x20, 0]])].concat()),
        // P_1, P_3, Q_1, Q_3, Q_5.
        (
            "kac_params",
            "opposite",
            [
                &[0][..],
                &change(&[9, 105, 153, 345, 441].map(|at: u16| {
                    let [high, low] = at.to_be_bytes();
                    [high, low, 0x20, 0]
                })),
            ]
            .concat(),
        ),
        ("kac_params", "powers", vec![2, 1, 7]),
        ("kac_params", "order-two", vec![2, 1, 253]),
        ("kac_params", "order-three", vec![3, 1, 251]),
        ("kac_params", "order-four", vec![2, 2, 252]),
        ("kac_params", "raised", vec![3, 2, 7, 0, 6, 9]),
        ("kac_params", "one-group", vec![2, 2, 7, 0, 7, 9]),
        ("kac_params", "swapped", vec![2, 2, 7, 4, 5, 6]),
    ]
}
