//! Signed windows of a scalar and the constant-time multiplication with them.
//!
//! A digit of width w is read with one bit of overlap (Booth): it lies in −2^(w−1)..=2^(w−1), there is no
//! carry to propagate, and because negation is free the table needs only the 2^(w−1) positive multiples.

use super::group::Group;
use super::scalar::Scalar;
use core::array;
use subtle::{Choice, ConstantTimeEq};

/// Number of windows of width `w` that cover a scalar (255 bits and the sign of the last digit).
pub(crate) const fn windows(w: usize) -> usize {
    256_usize.div_ceil(w)
}

/// Digit `i` of width `w` (at most 8): its absolute value and whether it is negative. Which bytes are read depends
/// on `i` alone.
pub(crate) fn digit(bytes: &[u8; 32], i: usize, w: usize) -> (u32, Choice) {
    let offset = i * w;
    // One bit below the window takes part; below bit 0 there is a zero.
    let (start, pad) = match offset.checked_sub(1) {
        Some(start) => (start, 0),
        None => (0, 1),
    };
    let byte = |k: usize| u32::from(bytes.get(start / 8 + k).copied().unwrap_or(0));
    let raw = ((byte(0) | byte(1) << 8) >> (start % 8)) << pad;
    let raw = raw & ((1 << (w + 1)) - 1);
    let sign = (raw >> w) & 1;
    let mask = 0u32.wrapping_sub(sign);
    let half = (raw + 1) >> 1;
    let magnitude = (half ^ mask).wrapping_sub(mask) & ((1 << w) - 1);
    (magnitude, Choice::from(sign as u8))
}

/// Width of the windows of [`mul`].
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
    for i in (0..windows(W)).rev() {
        if i + 1 != windows(W) {
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
