//! Sums of multiples of public points by public scalars. Nothing here is constant time.

use super::group::Group;
use super::scalar::Scalar;
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

/// Σ kᵢ·Bᵢ: sliding windows with shared doublings for few terms, buckets for many.
#[cfg(feature = "alloc")]
pub(crate) fn vartime_msm<G: Group>(terms: &[(&G::Entry, &Scalar)]) -> G::Element {
    use alloc::vec::Vec;

    if terms.len() >= BUCKETS_FROM {
        return buckets::<G>(terms);
    }
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

/// From how many terms on buckets win over sliding windows.
#[cfg(feature = "alloc")]
const BUCKETS_FROM: usize = 256;

/// Pippenger's method with signed windows: 2^(w−1) buckets, one mixed addition a term and window.
#[cfg(feature = "alloc")]
pub(crate) fn buckets<G: Group>(terms: &[(&G::Entry, &Scalar)]) -> G::Element {
    use super::window;
    use alloc::vec;
    use alloc::vec::Vec;

    // About log2(n) − 1, the balance between n additions and 2^w for emptying the buckets.
    let w = (terms.len().max(1).ilog2() as usize).saturating_sub(1).clamp(4, 8);
    let scalars: Vec<_> = terms.iter().map(|(_, k)| k.to_bytes()).collect();
    let mut acc = G::identity();
    for i in (0..window::windows(w)).rev() {
        for _ in 0..w {
            acc = G::double(&acc);
        }
        let mut sums = vec![G::identity(); 1 << (w - 1)];
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
        for sum in sums.iter().rev() {
            running = G::add(&running, sum);
            acc = G::add(&acc, &running);
        }
    }
    acc
}
