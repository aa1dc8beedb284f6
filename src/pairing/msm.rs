//! Sums of multiples of public points by public scalars. Nothing here is constant time.

use super::group::Group;
use super::scalar::Scalar;
#[cfg(feature = "alloc")]
use super::window;
use core::array;

/// Width of the sliding windows: odd multiples up to 15.
const W: usize = 5;
/// Number of odd multiples.
const ODD: usize = 1 << (W - 2);

/// The signed sliding-window form of a scalar, least significant digit first: odd digits between −15 and
/// 15, at least four zeros after each.
fn sliding(k: &Scalar) -> [i8; 256] {
    let bytes = k.to_bytes();
    let bit = |i: usize| bytes.get(i / 8).map_or(0, |b| i32::from(b >> (i % 8) & 1));
    let mut digits = [0i8; 256];
    let mut carry = 0;
    let mut skip = 0;
    for (i, out) in digits.iter_mut().enumerate() {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if bit(i) + carry != 1 {
            // An even position: 0 or 2 (a carry meeting a one moves on).
            continue;
        }
        let mut value = carry;
        for j in 0..W {
            value += bit(i + j) << j;
        }
        carry = value >> (W - 1);
        let value = value - (carry << W);
        // |value| ≤ 15.
        *out = value as i8;
        skip = W - 1;
    }
    digits
}

/// B, 3B, …, 15B.
fn odd_multiples<G: Group>(base: &G::Entry) -> [G::Element; ODD] {
    let mut next = G::from_entry(base);
    let twice = G::double(&next);
    array::from_fn(|_| {
        let current = next;
        next = G::add(&current, &twice);
        current
    })
}

fn add_digit<G: Group>(acc: &G::Element, odd: &[G::Element; ODD], digit: i8) -> G::Element {
    let magnitude = usize::from(digit.unsigned_abs());
    match odd.get(magnitude / 2) {
        Some(multiple) if digit > 0 => G::add(acc, multiple),
        Some(multiple) if digit < 0 => G::add(acc, &G::neg(multiple)),
        _ => *acc,
    }
}

/// x·a + y·b with one run of doublings.
pub(crate) fn vartime_lincomb2<G: Group>(x: &Scalar, a: &G::Entry, y: &Scalar, b: &G::Entry) -> G::Element {
    let (dx, dy) = (sliding(x), sliding(y));
    let (oa, ob) = (odd_multiples::<G>(a), odd_multiples::<G>(b));
    let mut acc = G::identity();
    let mut started = false;
    for (i, j) in dx.iter().zip(&dy).rev() {
        if started {
            acc = G::double(&acc);
        }
        started |= *i != 0 || *j != 0;
        acc = add_digit::<G>(&acc, &oa, *i);
        acc = add_digit::<G>(&acc, &ob, *j);
    }
    acc
}

/// Σ kᵢ·Bᵢ with sliding windows or with buckets, whichever takes fewer additions. The cost of a term is in
/// proportion to the bits of the longest scalar.
#[cfg(feature = "alloc")]
pub(crate) fn vartime_msm<G: Group>(terms: &[(&G::Entry, &Scalar)]) -> G::Element {
    let bits = terms.iter().map(|(_, k)| k.vartime_bits()).max().unwrap_or(0);
    if prefers_buckets(terms.len(), bits) {
        buckets::<G>(terms, bits, bucket_width(terms.len(), bits))
    } else {
        sliding_windows::<G>(terms)
    }
}

/// Σ kᵢ·Bᵢ with one run of doublings for all terms.
#[cfg(feature = "alloc")]
pub(crate) fn sliding_windows<G: Group>(terms: &[(&G::Entry, &Scalar)]) -> G::Element {
    use alloc::vec::Vec;

    let prepared: Vec<_> = terms.iter().map(|(point, k)| (odd_multiples::<G>(point), sliding(k))).collect();
    let mut acc = G::identity();
    let mut started = false;
    for i in (0..256).rev() {
        if started {
            acc = G::double(&acc);
        }
        for (odd, digits) in &prepared {
            let digit = digits.get(i).copied().unwrap_or(0);
            if digit != 0 {
                started = true;
                acc = add_digit::<G>(&acc, odd, digit);
            }
        }
    }
    acc
}

/// Σ kᵢ·Bᵢ in pairs: without a heap there is no place for the digits of more.
#[cfg(not(feature = "alloc"))]
pub(crate) fn vartime_msm<G: Group>(terms: &[(&G::Entry, &Scalar)]) -> G::Element {
    let nothing = (&G::entry_identity(), &Scalar::zero());
    terms.chunks(2).fold(G::identity(), |acc, pair| {
        let (a, x) = pair.first().copied().unwrap_or(nothing);
        let (b, y) = pair.get(1).copied().unwrap_or(nothing);
        G::add(&acc, &vartime_lincomb2::<G>(x, a, y, b))
    })
}

/// Additions of [`buckets`]: in every window one for each term and two to empty each bucket.
#[cfg(feature = "alloc")]
const fn bucket_additions(terms: usize, bits: usize, w: usize) -> usize {
    window::windows(bits, w) * (terms + (1 << w))
}

/// Whether buckets take fewer additions than sliding windows, in which a digit is followed by five zeros on
/// average.
#[cfg(feature = "alloc")]
pub(crate) fn prefers_buckets(terms: usize, bits: usize) -> bool {
    bucket_additions(terms, bits, bucket_width(terms, bits)) < terms * (ODD + bits / (W + 1))
}

/// The width of windows with which [`buckets`] is cheapest, between 2 and 16.
#[cfg(feature = "alloc")]
pub(crate) fn bucket_width(terms: usize, bits: usize) -> usize {
    (2..=16).min_by_key(|w| bucket_additions(terms, bits, *w)).unwrap_or(2)
}

/// Pippenger's method with signed windows of `w` bits: 2^(w−1) buckets, one mixed addition a term and window.
/// `bits` is that of the longest scalar or more.
#[cfg(feature = "alloc")]
pub(crate) fn buckets<G: Group>(terms: &[(&G::Entry, &Scalar)], bits: usize, w: usize) -> G::Element {
    use alloc::vec;
    use alloc::vec::Vec;

    let scalars: Vec<_> = terms.iter().map(|(_, k)| k.to_bytes()).collect();
    let mut sums = vec![G::identity(); 1 << (w - 1)];
    let mut acc = G::identity();
    for i in (0..window::windows(bits, w)).rev() {
        for _ in 0..w {
            acc = G::double(&acc);
        }
        for ((point, _), bytes) in terms.iter().zip(&scalars) {
            let (magnitude, negative) = window::digit(bytes, i, w);
            let bucket = (magnitude as usize).checked_sub(1).and_then(|j| sums.get_mut(j));
            if let Some(bucket) = bucket {
                *bucket = if bool::from(negative) {
                    G::add_entry(bucket, &G::entry_neg(point))
                } else {
                    G::add_entry(bucket, point)
                };
            }
        }
        // Σ d·sums[d] as a sum of partial sums.
        let mut running = G::identity();
        for sum in sums.iter_mut().rev() {
            running = G::add(&running, sum);
            acc = G::add(&acc, &running);
            *sum = G::identity();
        }
    }
    acc
}
