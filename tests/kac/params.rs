//! Attacks on the parameters of `Kac` and on their ceremony, each a test named after what the attacker does. What
//! cannot be defended is in `limits_kac.rs`.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use crate::common::kac::*;
use crate::common::scene::message;
use crate::common::{TestRng, party, rng};
use sesphr::Digest;
use sesphr::encoding::{Encoding, Message};
use sesphr::error::DecodeError;
use sesphr::hazmat::hash;
use sesphr::hazmat::pairing::{
    G1Affine, G1Projective, G2Affine, G2Projective, Scalar, mul_p, mul_q, pairing, vartime_pairing_eq,
};
use sesphr::identity::{Signed, SigningKey};
use sesphr::kac::params::*;

fn verify(points: &Points) -> Result<Params, ParamsError> {
    let [compact, uncompressed] = FORMS.map(|form| points.encode(form).verify(&mut rng(1), unwatched));
    assert_eq!(compact, uncompressed);
    compact
}

fn well_formed(n: usize) -> Points {
    Points::powers(1..=n, (1..=2 * n).filter(|k| *k != n + 1))
}

// The form ------------------------------------------------------------------------------------------------------------

#[test]
fn control_a_well_formed_set_passes() {
    for n in 1..=6 {
        let points = well_formed(n);
        assert_eq!(verify(&points).unwrap().digest(), points.digest(), "{n}");
    }
}

/// Whoever may choose the exponents tries every set with Q_{n+1} in it that keeps its length.
#[test]
fn missing_element_put_in_the_place_of_another() {
    for n in 2..=5 {
        let exponents: Vec<_> = (1..=2 * n).filter(|k| *k != n + 1).collect();
        for place in 0..exponents.len() {
            let mut exponents = exponents.clone();
            exponents[place] = n + 1;
            assert_eq!(verify(&Points::powers(1..=n, exponents)).unwrap_err(), ParamsError::Structure, "{n} {place}");
        }
        // A run without the gap, at either end.
        for first in [0, 1, 2] {
            let run = Points::powers(1..=n, first..first + 2 * n - 1);
            assert_eq!(verify(&run).unwrap_err(), ParamsError::Structure, "{n} {first}");
        }
    }
}

/// All consecutive powers, as other systems publish them, do not even have the length.
#[test]
fn powers_of_tau_string() {
    for (p, q) in [(5, 10), (10, 10), (4, 9), (6, 8)] {
        let string = Points::powers(1..=p, 1..=q);
        for form in FORMS {
            let (n, points) = (5u32.to_be_bytes(), string.encode_points(form));
            let bytes = [&[1, 2, 0, 0x40, form as u8][..], &n, &points].concat();
            let error = EncodedParams::from_bytes(&bytes).unwrap_err();
            assert!(matches!(error, DecodeError::TrailingBytes | DecodeError::Truncated), "{p} {q}");
        }
    }
}

/// P_k = α^{k+1}P and the like satisfy every equation between neighbours; the one with P and Q themselves is for them.
#[test]
fn exponents_shifted() {
    for n in [2, 4] {
        let hole = |k: &usize| *k != n + 1;
        for (p, q) in [(1, 0), (0, 1), (1, 1), (2, 2)] {
            let points = Points::powers((1..=n).map(|k| k + p), (1..=2 * n).filter(hole).map(|k| k + q));
            assert_eq!(verify(&points).unwrap_err(), ParamsError::Structure, "{n} {p} {q}");
        }
        // Every second power: another secret, whose hole is where none is.
        let thinned = Points::powers((1..=n).map(|k| 2 * k), (1..=2 * n).filter(hole));
        assert_eq!(verify(&thinned).unwrap_err(), ParamsError::Structure, "{n}");
    }
}

#[test]
fn another_secret_from_some_element_on() {
    let (n, beta) = (4, Scalar::from_u64(3));
    let good = well_formed(n);
    let scale1 = |point: &mut G1Affine| *point = point.mul(&beta).to_affine();
    let scale2 = |point: &mut G2Affine| *point = point.mul(&beta).to_affine();
    for from in 0..n {
        // Every tail and every single element, scaled.
        let (mut tail, mut one) = (good.clone(), good.clone());
        tail.p[from..].iter_mut().for_each(scale1);
        scale1(&mut one.p[from]);
        for points in [tail, one] {
            assert_eq!(verify(&points).unwrap_err(), ParamsError::Structure, "P from {from}");
        }
    }
    // The one from index 4 begins right behind the hole: only the equation across it tells.
    for from in 0..2 * n - 1 {
        let (mut tail, mut one) = (good.clone(), good.clone());
        tail.q[from..].iter_mut().for_each(scale2);
        scale2(&mut one.q[from]);
        for points in [tail, one] {
            assert_eq!(verify(&points).unwrap_err(), ParamsError::Structure, "Q from {from}");
        }
    }
    // Two sets under two secrets, half of each.
    let other = Points::of(&Params::hazmat_from_alpha(4, &beta).unwrap());
    let mixed = Points { p: good.p.clone(), q: other.q };
    assert_eq!(verify(&mixed).unwrap_err(), ParamsError::Structure);
}

/// Errors that the sum of all equations does not show: only the weights tell.
#[test]
fn errors_that_cancel_without_weights() {
    let (n, q) = (5, G2Affine::generator());
    let (e1, e2) = (mul_p(&Scalar::from_u64(77)).to_affine(), mul_q(&Scalar::from_u64(77)).to_affine());
    let mut points = well_formed(n);
    // P_1 and P_2 stand in other equations as well.
    points.p[2] = plus1(&points.p[2], &e1);
    points.p[3] = minus1(&points.p[3], &e1);
    let sum = |p: &[G1Affine]| p.iter().fold(G1Projective::identity(), |sum, p| sum.add_affine(p));
    let (left, right) = (sum(&points.p), sum(&points.p[..n - 1]).add_affine(&G1Affine::generator()));
    assert!(vartime_pairing_eq(&left.to_affine(), &q, &right.to_affine(), &points.q_at(1)));
    assert_eq!(verify(&points).unwrap_err(), ParamsError::Structure);

    // On either side of the hole.
    for (a, b) in [(1, 2), (n, n + 1), (n + 1, n + 2)] {
        let mut points = well_formed(n);
        points.q[a] = plus2(&points.q[a], &e2);
        points.q[b] = minus2(&points.q[b], &e2);
        assert_eq!(verify(&points).unwrap_err(), ParamsError::Structure, "{a} {b}");
    }
    // An error in P_2 and one in Q_{n+2} cancel across the hole and show beside it.
    let mut points = well_formed(n);
    let x = Scalar::from_u64(5);
    points.p[1] = plus1(&points.p[1], &mul_p(&x).to_affine());
    points.q[n] = plus2(&points.q[n], &points.q_at(n).mul(&x).to_affine());
    assert!(vartime_pairing_eq(&G1Affine::generator(), &points.q_at(n + 2), &points.p_at(2), &points.q_at(n)));
    assert_eq!(verify(&points).unwrap_err(), ParamsError::Structure);
}

/// The generator is dead and its output known: the weights then follow from the points, and an attacker who fits the
/// points to the weights changes them by that.
#[test]
fn errors_fitted_to_weights_that_the_attacker_knows() {
    let mut points = well_formed(4);
    let weight = |points: &Points, k: u64| {
        let seed = hash::wide("sesphr v1 kac params check", &[&[0; 32], points.digest().as_bytes()]);
        let weight = hash::wide("sesphr v1 kac weight", &[&seed[..32], &[0], &k.to_be_bytes()]);
        Scalar::from_u128(u128::from_be_bytes(weight[..16].try_into().unwrap()))
    };
    for _ in 0..3 {
        // P_4 stands in the last equation alone, P_3 in the last two: x and y for 0 = w_2·x + w_3·(y − αx).
        let (w2, w3) = (weight(&points, 2), weight(&points, 3));
        let x = Scalar::from_u64(9);
        let y = &(&alpha() * &x) - &(&(&w2 * &x) * &w3.invert().unwrap());
        let good = well_formed(4);
        points.p[2] = plus1(&good.p[2], &mul_p(&x).to_affine());
        points.p[3] = plus1(&good.p[3], &mul_p(&y).to_affine());
        let result = points.encode(PointForm::Compact).verify(&mut TestRng::constant(0), unwatched);
        assert_eq!(result.unwrap_err(), ParamsError::Structure);
        let zero = &(&w2 * &x) + &(&w3 * &(&y - &(&alpha() * &x)));
        assert!(bool::from(zero.is_zero()), "under the weights before, it would have passed");
    }
}

// Points --------------------------------------------------------------------------------------------------------------

#[test]
fn identity_among_the_points() {
    let n = 3;
    for place in 0..3 * n - 1 {
        let mut points = well_formed(n);
        match place.checked_sub(n) {
            None => points.p[place] = G1Affine::identity(),
            Some(place) => points.q[place] = G2Affine::identity(),
        }
        assert_eq!(verify(&points).unwrap_err(), ParamsError::Point, "{place}");
        // Not even under a digest that somebody vouches for.
        for form in FORMS {
            let loaded = points.encode(form).load(&points.digest(), unwatched);
            assert_eq!(loaded.unwrap_err(), ParamsError::Point, "{place}");
        }
    }
    // α = 0.
    let zero = Points { p: vec![G1Affine::identity(); n], q: vec![G2Affine::identity(); 2 * n - 1] };
    assert_eq!(verify(&zero).unwrap_err(), ParamsError::Point);
}

/// A point of order 3 on the curve of G1, and one of the curve of G2 outside the subgroup.
fn outside() -> (G1Affine, G2Affine) {
    let mut t1 = [0; 48];
    t1[0] = 0x80;
    let t1 = G1Affine::from_bytes_trusted(&t1).unwrap();
    let candidates = (0..=255u8).filter_map(|x| {
        let mut bytes = [0; 96];
        (bytes[0], bytes[95]) = (0x80, x);
        let point = G2Affine::from_bytes_trusted(&bytes)?;
        // Times r: what is left has an order that divides the cofactor.
        let bits = group_order().into_iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        let left = bits.fold(G2Projective::identity(), |sum, bit| {
            let double = sum.double();
            if bit == 1 { double.add_affine(&point) } else { double }
        });
        (!bool::from(left.is_identity())).then(|| left.to_affine())
    });
    let t2 = candidates.into_iter().next().unwrap();
    assert_eq!((G1Affine::from_bytes(&t1.to_bytes()), G2Affine::from_bytes(&t2.to_bytes())), (None, None));
    (t1, t2)
}

/// The pairing does not see what lies outside the subgroup, so every equation holds.
#[test]
fn points_outside_the_subgroup() {
    let (t1, t2) = outside();
    let n = 3;
    for place in 0..3 * n - 1 {
        let mut points = well_formed(n);
        match place.checked_sub(n) {
            None => points.p[place] = plus1(&points.p[place], &t1),
            Some(place) => points.q[place] = plus2(&points.q[place], &t2),
        }
        assert_eq!(verify(&points).unwrap_err(), ParamsError::Point, "{place}");
        // Neither under the digest of the right ones.
        for form in FORMS {
            let loaded = points.encode(form).load(&well_formed(n).digest(), unwatched);
            assert_eq!(loaded.unwrap_err(), ParamsError::NotPinned, "{place}");
        }
    }
    // In pairs that cancel in the sums.
    let mut points = well_formed(n);
    (points.p[0], points.p[1]) = (plus1(&points.p[0], &t1), minus1(&points.p[1], &t1));
    assert_eq!(verify(&points).unwrap_err(), ParamsError::Point);
    let one = plus1(&mul_p(&alpha()).to_affine(), &t1);
    assert_eq!(
        pairing(&one, &G2Affine::generator()).to_hash_bytes(),
        pairing(&mul_p(&alpha()).to_affine(), &G2Affine::generator()).to_hash_bytes()
    );
}

#[test]
fn bytes_that_are_altered_do_not_load() {
    let good = well_formed(2);
    let params = verify(&good).unwrap();
    let mut pins = Pins::new();
    pins.pin(&params).unwrap();
    for form in FORMS {
        let bytes = params.encode(form).to_bytes();
        let (g1_len, g2_len) = if form == PointForm::Compact { (48, 96) } else { (96, 192) };
        let starts = [9, 9 + g1_len, 9 + 2 * g1_len, 9 + 2 * g1_len + g2_len, 9 + 2 * g1_len + 2 * g2_len];
        for start in starts {
            // The sign of y, the flags, x, the last byte.
            for (at, mask) in [(0, 0x20), (0, 0x40), (0, 0x80), (0, 0x01), (5, 0x10), (g1_len - 1, 1)] {
                let mut bytes = bytes.clone();
                bytes[start + at] ^= mask;
                let altered = EncodedParams::from_bytes(&bytes).unwrap();
                assert!(altered.load(&params.digest(), unwatched).is_err(), "{form:?} {start} {at}");
                assert!(pins.load(&altered, unwatched).is_err(), "{form:?} {start} {at}");
                assert!(altered.verify(&mut rng(1), unwatched).is_err(), "{form:?} {start} {at}");
            }
        }
    }
    // (x, −y) everywhere: −P_k and −Q_k, in place of one or of all.
    for place in 0..5 {
        let mut points = good.clone();
        match place {
            0 | 1 => points.p[place] = points.p[place].neg(),
            _ => points.q[place - 2] = points.q[place - 2].neg(),
        }
        for form in FORMS {
            let encoded = points.encode(form);
            assert_eq!(encoded.load(&params.digest(), unwatched).unwrap_err(), ParamsError::NotPinned);
            assert!(pins.load(&encoded, unwatched).is_err());
        }
        assert_eq!(verify(&points).unwrap_err(), ParamsError::Structure, "{place}");
    }
}

#[test]
fn one_form_of_the_points_cannot_pass_for_the_other() {
    // 2 uncompressed points of G1 are as long as 4 compressed ones.
    let params = verify(&well_formed(2)).unwrap();
    for (form, other) in [(0, 1), (1, 0)] {
        let mut bytes = params.encode(FORMS[form]).to_bytes();
        bytes[4] = u8::try_from(other).unwrap();
        assert!(EncodedParams::from_bytes(&bytes).is_err());
        bytes[4] = 2;
        assert_eq!(EncodedParams::from_bytes(&bytes), Err(DecodeError::Value));
    }
    for n in [0, (1 << 16) + 1, u32::MAX] {
        let bytes = [&[1, 2, 0, 0x40, 0][..], &n.to_be_bytes()].concat();
        assert_eq!(EncodedParams::from_bytes(&bytes), Err(DecodeError::Length), "{n}");
    }
}

// Secrets that are not secret -----------------------------------------------------------------------------------------

/// Powers of such an α satisfy every equation, and Q_{n+1} is one of the published points.
#[test]
fn secret_of_small_order() {
    for (d, sizes) in [
        (1, &[1, 2, 3][..]),
        (2, &[1, 2, 3, 4]),
        (3, &[2, 3, 4, 7]),
        (4, &[3, 4, 5]),
        (6, &[5, 6, 8]),
        (8, &[7, 8]),
        (11, &[10, 11, 12, 23]),
        (12, &[11, 12]),
        (19, &[18, 19]),
        (22, &[21]),
    ] {
        let root = root_of_unity(d);
        assert_eq!(power(&root, d as usize).to_bytes(), Scalar::one().to_bytes());
        for n in sizes {
            let points = Points::of(&Params::hazmat_from_alpha(*n, &root).unwrap());
            let missing = mul_q(&power(&root, *n as usize + 1)).to_affine();
            assert!(points.q.contains(&missing) || missing == G2Affine::generator(), "{d} {n}");
            assert_eq!(verify(&points).unwrap_err(), ParamsError::SmallOrder, "{d} {n}");
        }
    }
}

// Pins ----------------------------------------------------------------------------------------------------------------

#[test]
fn smaller_and_larger_sets_under_a_pinned_secret() {
    let set = |n: usize| verify(&well_formed(n)).unwrap();
    let mut pins = Pins::new();
    pins.pin(&set(4)).unwrap();
    pins.pin(&set(4)).unwrap();
    assert!(pins.contains(&set(4).digest()));
    let pins = Pins::from_bytes(&pins.to_bytes()).unwrap();
    for n in [1, 2, 3, 5] {
        // Each is well-formed by itself.
        let other = set(n);
        assert_eq!(pins.clone().pin(&other).unwrap_err(), ParamsError::KnownAlpha, "{n}");
        assert!(!pins.contains(&other.digest()));
        for form in FORMS {
            assert_eq!(pins.load(&other.encode(form), unwatched).unwrap_err(), ParamsError::KnownAlpha, "{n}");
        }
    }
    let unknown = Params::hazmat_from_alpha(4, &Scalar::from_u64(5)).unwrap();
    for form in FORMS {
        assert_eq!(pins.load(&unknown.encode(form), unwatched).unwrap_err(), ParamsError::NotPinned);
        let loaded = unknown.encode(form).load(&set(4).digest(), unwatched);
        assert_eq!(loaded.unwrap_err(), ParamsError::NotPinned);
    }
}

#[test]
fn pins_have_one_encoding() {
    let mut pins = Pins::new();
    for seed in 2..5 {
        pins.pin(&Params::hazmat_from_alpha(1, &Scalar::from_u64(seed)).unwrap()).unwrap();
    }
    let bytes = pins.to_bytes();
    assert_eq!(Pins::from_bytes(&bytes), Ok(pins));
    let items: Vec<_> = bytes[8..].chunks(80).collect();
    for order in [[0, 2, 1], [1, 0, 2], [0, 0, 1], [0, 1, 1]] {
        let fields = order.map(|i| items[i]).concat();
        let bytes = [&bytes[..8], &fields].concat();
        assert_eq!(Pins::from_bytes(&bytes), Err(DecodeError::Value), "{order:?}");
    }
}

// Ceremony ------------------------------------------------------------------------------------------------------------

/// A step that a contributor made with its own tools: whatever it says, signed.
struct Step {
    n: u32,
    before: Digest,
    after: Digest,
    base: G1Affine,
    first: G1Affine,
}

impl Step {
    fn sign(&self, contributor: &SigningKey, beta: &Scalar) -> Signed<Contribution> {
        let (n, id) = (self.n.to_be_bytes(), contributor.id());
        let parts: [&[u8]; 4] = [&n, self.before.as_bytes(), self.after.as_bytes(), id.as_bytes()];
        let proof = schnorr("sesphr v1 kac contribution proof", &self.base, beta, &parts);
        let (before, after) = (self.before.as_bytes(), self.after.as_bytes());
        Signed::new(contributor, message(&[before, after, &self.first.to_bytes(), &proof]))
    }
}

fn transcript(steps: &[Signed<Contribution>], points: &Points) -> Transcript {
    let mut fields = u32::try_from(steps.len()).unwrap().to_be_bytes().to_vec();
    steps.iter().for_each(|step| fields.extend(step.to_bytes()));
    message(&[&fields, &points.encode(PointForm::Compact).to_bytes()])
}

fn check(transcript: &Transcript) -> Result<VerifiedTranscript, CeremonyError> {
    let bytes = transcript.to_bytes();
    Transcript::from_bytes(&bytes).unwrap().verify(&mut rng(8), unwatched)
}

fn contribute(ceremony: &mut VerifiedTranscript, seed: u8) {
    ceremony.contribute(&party(seed), &mut rng(seed), unwatched).unwrap();
}

fn trivial(n: usize) -> Points {
    Points { p: vec![G1Affine::generator(); n], q: vec![G2Affine::generator(); 2 * n - 1] }
}

/// A first step under a β that is known, so that the set is the one for α = β.
fn known_start(n: u32, beta: &Scalar, seed: u8) -> (Signed<Contribution>, Points) {
    let points = Points::of(&Params::hazmat_from_alpha(n, beta).unwrap());
    let (before, after) = (trivial(n as usize).digest(), points.digest());
    let step = Step { n, before, after, base: G1Affine::generator(), first: points.p_at(1) };
    (step.sign(&party(seed), beta), points)
}

#[test]
fn control_a_step_by_other_tools_passes() {
    let (step, points) = known_start(3, &alpha(), 1);
    let checked = check(&transcript(&[step], &points)).unwrap();
    assert_eq!(checked.contributors().collect::<Vec<_>>(), [party(1).id()]);
    assert_eq!(checked.finish().unwrap().digest(), points.digest());
}

/// The others run a ceremony for 6 classes, to which the honest one contributes. They put what it signed into the
/// transcript of another one, for 3 classes, between steps of theirs that name digests of sets of 6, and cut off what is
/// too much in the last step. Q_4 of the result is in public.
#[test]
fn honest_contribution_moved_into_a_ceremony_of_another_size() {
    let beta = Scalar::from_u64(11);
    let (step, points) = known_start(6, &beta, 1);
    let mut large = check(&transcript(&[step], &points)).unwrap();
    contribute(&mut large, 2);
    let honest = large.transcript(PointForm::Compact).contributions()[1].clone();
    let large = Points::of(&large.finish().unwrap());

    let cut = Points { p: large.p[..3].to_vec(), q: [1, 2, 3, 5, 6].map(|k| large.q_at(k)).to_vec() };
    let missing = large.q_at(4);
    assert!(verify(&cut).is_ok());
    assert!(vartime_pairing_eq(&cut.p_at(1), &cut.q_at(3), &G1Affine::generator(), &missing));

    let p = G1Affine::generator();
    let (before, after) = (trivial(3).digest(), points.digest());
    let first = Step { n: 3, before, after, base: p, first: points.p_at(1) };
    let (before, after) = (large.digest(), cut.digest());
    let last = Step { n: 3, before, after, base: large.p_at(1), first: cut.p_at(1) };
    let steps = [first.sign(&party(1), &beta), honest, last.sign(&party(3), &Scalar::one())];
    assert_eq!(check(&transcript(&steps, &cut)).unwrap_err(), CeremonyError::Proof(1));
}

#[test]
fn transcript_with_steps_dropped_reordered_or_replaced() {
    let mut ceremony = VerifiedTranscript::start(2).unwrap();
    (1..=3).for_each(|seed| contribute(&mut ceremony, seed));
    let points = Points::of(&ceremony.clone().finish().unwrap());
    let steps = ceremony.transcript(PointForm::Compact).contributions().to_vec();
    let take = |order: &[usize]| order.iter().map(|i| steps[*i].clone()).collect::<Vec<_>>();
    assert!(check(&transcript(&steps, &points)).is_ok());
    for (order, error) in [
        (&[][..], CeremonyError::End),
        (&[0], CeremonyError::End),
        (&[0, 1], CeremonyError::End),
        (&[1, 2], CeremonyError::Chain(0)),
        (&[0, 2], CeremonyError::Chain(1)),
        (&[1, 0, 2], CeremonyError::Chain(0)),
        (&[0, 2, 1], CeremonyError::Chain(1)),
        (&[0, 0, 1, 2], CeremonyError::Chain(1)),
        (&[0, 1, 2, 2], CeremonyError::Chain(3)),
    ] {
        assert_eq!(check(&transcript(&take(order), &points)).unwrap_err(), error, "{order:?}");
    }
    // A step that somebody else signs, with or without the name of its maker.
    for i in 0..3 {
        let mut stolen = steps.clone();
        stolen[i] = Signed::new(&party(9), steps[i].unverified().clone());
        assert_eq!(check(&transcript(&stolen, &points)).unwrap_err(), CeremonyError::Proof(i));
        let mut bytes = stolen[i].to_bytes();
        bytes[4..36].copy_from_slice(steps[i].signer().as_bytes());
        stolen[i] = Signed::from_bytes(&bytes).unwrap();
        assert_eq!(check(&transcript(&stolen, &points)).unwrap_err(), CeremonyError::Signature(i));
    }
    // Other parameters at the end: of another ceremony, of a step before, not well-formed.
    let mut other = VerifiedTranscript::start(2).unwrap();
    contribute(&mut other, 5);
    let other = Points::of(&other.finish().unwrap());
    assert_eq!(check(&transcript(&steps, &other)).unwrap_err(), CeremonyError::End);
    let mut broken = points.clone();
    broken.q[2] = broken.q[1];
    let error = check(&transcript(&steps, &broken)).unwrap_err();
    assert_eq!(error, CeremonyError::Params(ParamsError::Structure));
    // And of another size, which begins elsewhere.
    assert_eq!(check(&transcript(&steps, &well_formed(3))).unwrap_err(), CeremonyError::Chain(0));
}

#[test]
fn last_contributor_replaces_the_set_by_its_own() {
    let mut ceremony = VerifiedTranscript::start(3).unwrap();
    contribute(&mut ceremony, 1);
    let honest = Points::of(&ceremony.clone().finish().unwrap());
    let mut steps = ceremony.transcript(PointForm::Compact).contributions().to_vec();
    // It knows α of its set, and no β that leads there.
    let own = well_formed(3);
    let step = Step { n: 3, before: honest.digest(), after: own.digest(), base: honest.p_at(1), first: own.p_at(1) };
    steps.push(step.sign(&party(2), &alpha()));
    assert_eq!(check(&transcript(&steps, &own)).unwrap_err(), CeremonyError::Proof(1));
    // It proves what it knows, for another base.
    let step = Step { base: G1Affine::generator(), ..step };
    steps[1] = step.sign(&party(2), &alpha());
    assert_eq!(check(&transcript(&steps, &own)).unwrap_err(), CeremonyError::Proof(1));
    // It proves a β and goes on with other points: P_1 or the digest give it away.
    let beta = Scalar::from_u64(5);
    let first = honest.p_at(1).mul(&beta).to_affine();
    let step = Step { n: 3, before: honest.digest(), after: own.digest(), base: honest.p_at(1), first };
    steps[1] = step.sign(&party(2), &beta);
    assert_eq!(check(&transcript(&steps, &own)).unwrap_err(), CeremonyError::End);
    let raised = Points {
        p: (1..=3).map(|k| honest.p_at(k).mul(&power(&beta, k)).to_affine()).collect(),
        q: [1, 2, 3, 5, 6].map(|k| honest.q_at(k).mul(&power(&beta, k)).to_affine()).to_vec(),
    };
    assert_eq!(check(&transcript(&steps, &raised)).unwrap_err(), CeremonyError::End);
    let step = Step { after: raised.digest(), ..step };
    steps[1] = step.sign(&party(2), &beta);
    assert!(check(&transcript(&steps, &raised)).is_ok());
}

/// What the next contributor verifies before it contributes.
#[test]
fn contributor_hands_on_points_outside_the_subgroup() {
    let (t1, t2) = outside();
    for group in 0..2 {
        let (_, mut points) = known_start(3, &alpha(), 1);
        if group == 0 {
            points.p[2] = plus1(&points.p[2], &t1);
        } else {
            points.q[4] = plus2(&points.q[4], &t2);
        }
        let (before, after) = (trivial(3).digest(), points.digest());
        let step = Step { n: 3, before, after, base: G1Affine::generator(), first: points.p_at(1) };
        let transcript = transcript(&[step.sign(&party(1), &alpha())], &points);
        assert_eq!(check(&transcript).unwrap_err(), CeremonyError::Params(ParamsError::Point));
    }
}

#[test]
fn ceremony_in_which_nobody_contributed() {
    let empty = VerifiedTranscript::start(3).unwrap();
    assert_eq!(empty.clone().finish().unwrap_err(), CeremonyError::Empty);
    let checked = check(&empty.transcript(PointForm::Compact)).unwrap();
    assert_eq!(checked.finish().unwrap_err(), CeremonyError::Empty);
    for points in [well_formed(3), well_formed(2)] {
        assert_eq!(check(&transcript(&[], &points)).unwrap_err(), CeremonyError::End);
    }
    // Nor one in which all contributions amount to nothing.
    let (step, points) = known_start(3, &Scalar::one(), 1);
    let error = check(&transcript(&[step], &points)).unwrap_err();
    assert_eq!(error, CeremonyError::Params(ParamsError::SmallOrder));
    for n in [0, (1 << 16) + 1] {
        assert_eq!(VerifiedTranscript::start(n).unwrap_err(), ParamsError::Classes);
    }
}
