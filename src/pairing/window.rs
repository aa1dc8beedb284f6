//! Signed windows of a scalar and the constant-time multiplication with them.
//!
//! A digit of width w is read with one bit of overlap (Booth): it lies in −2^(w−1)..=2^(w−1), there is no
//! carry to propagate, and because negation is free the table needs only the 2^(w−1) positive multiples.

use super::group::Group;
use super::scalar::Scalar;
use core::array;
use subtle::{Choice, ConstantTimeEq};

/// Bits of a scalar.
pub(crate) const BITS: usize = 255;

/// Number of windows of width `w` that cover `bits` bits and the sign of the last digit.
pub(crate) const fn windows(bits: usize, w: usize) -> usize {
    (bits + 1).div_ceil(w)
}

/// Digit `i` of width `w` (at most 16): its absolute value and whether it is negative. Which bytes are read depends
/// on `i` alone.
pub(crate) fn digit(bytes: &[u8; 32], i: usize, w: usize) -> (u32, Choice) {
    let offset = i * w;
    // One bit below the window takes part; below bit 0 there is a zero.
    let (start, pad) = match offset.checked_sub(1) {
        Some(start) => (start, 0),
        None => (0, 1),
    };
    let byte = |k: usize| u32::from(bytes.get(start / 8 + k).copied().unwrap_or(0));
    let raw = ((byte(0) | byte(1) << 8 | byte(2) << 16) >> (start % 8)) << pad;
    let raw = raw & ((1 << (w + 1)) - 1);
    let sign = (raw >> w) & 1;
    let mask = 0u32.wrapping_sub(sign);
    let half = (raw + 1) >> 1;
    let magnitude = (half ^ mask).wrapping_sub(mask) & ((1 << w) - 1);
    (magnitude, Choice::from(sign as u8))
}

/// The multiple of a row B, 2B, … that a digit asks for: all of the row is read and masks keep what is wanted.
#[cfg(feature = "alloc")]
pub(crate) fn lookup<G: Group>(row: &[G::Entry], (magnitude, negative): (u32, Choice)) -> G::Entry {
    let mut term = G::entry_identity();
    for (j, entry) in (1u32..).zip(row) {
        G::entry_assign(&mut term, entry, magnitude.ct_eq(&j));
    }
    let opposite = G::entry_neg(&term);
    G::entry_assign(&mut term, &opposite, negative);
    term
}

/// Width of the windows of [`mul`] and [`multi_mul`]: wider ones save fewer additions than their multiples cost.
const W: usize = 4;

/// `k·base` in constant time: eight multiples on the stack, every one of them read for every digit.
pub(crate) fn mul<G: Group>(base: &G::Element, k: &Scalar) -> G::Element {
    let bytes = k.to_bytes();
    let mut next = *base;
    let multiples: [G::Element; 1 << (W - 1)] = array::from_fn(|_| {
        let current = next;
        next = G::add(&current, base);
        current
    });
    let mut acc = G::identity();
    for i in (0..windows(BITS, W)).rev() {
        if i + 1 != windows(BITS, W) {
            for _ in 0..W {
                acc = G::double(&acc);
            }
        }
        let (magnitude, negative) = digit(&bytes, i, W);
        let mut term = G::identity();
        for (j, multiple) in (1u32..).zip(&multiples) {
            G::assign(&mut term, multiple, magnitude.ct_eq(&j));
        }
        let opposite = G::neg(&term);
        G::assign(&mut term, &opposite, negative);
        acc = G::add(&acc, &term);
    }
    acc
}

/// Terms of [`multi_mul`] that share their doublings: as many as have their multiples in the processor's cache.
#[cfg(feature = "alloc")]
const SHARED: usize = 64;

/// Σ kᵢ·Bᵢ in constant time for secret scalars: Straus's method, the windows of [`mul`] with one run of doublings
/// for 64 terms. Beside the terms it needs memory for the multiples of 64 points, however many terms there are.
#[cfg(feature = "alloc")]
pub(crate) fn multi_mul<G: Group>(terms: &[(&G::Entry, &Scalar)]) -> G::Element {
    use alloc::vec::Vec;

    let mut sum = G::identity();
    for terms in terms.chunks(SHARED) {
        let mut multiples = Vec::with_capacity(terms.len() << (W - 1));
        for (point, _) in terms {
            let mut multiple = G::from_entry(point);
            for _ in 0..1 << (W - 1) {
                multiples.push(multiple);
                multiple = G::add_entry(&multiple, point);
            }
        }
        let multiples = G::batch_to_entry(&multiples);
        // On the heap like the rest, but wiped.
        let scalars: Vec<_> = terms.iter().map(|(_, k)| k.to_bytes()).collect();
        let mut acc = G::identity();
        for i in (0..windows(BITS, W)).rev() {
            if i + 1 != windows(BITS, W) {
                for _ in 0..W {
                    acc = G::double(&acc);
                }
            }
            for (row, bytes) in multiples.chunks_exact(1 << (W - 1)).zip(&scalars) {
                acc = G::add_entry(&acc, &lookup::<G>(row, digit(bytes, i, W)));
            }
        }
        sum = G::add(&sum, &acc);
    }
    sum
}
