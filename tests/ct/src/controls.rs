//! What valgrind has to report, written as people write it.

use std::hint::black_box;

use crate::Case;
use crate::memcheck::{is_secret, poison, running};

pub const CASES: &[Case] = &[
    ("control-branch", branch),
    ("control-index", index),
    ("control-early-exit", early_exit),
    ("control-memcmp", memcmp),
    ("control-square-and-multiply", square_and_multiply),
    ("control-derived", derived),
];

fn secret() -> [u8; 32] {
    let mut secret = black_box([7; 32]);
    poison(&mut secret);
    assert_eq!(is_secret(&secret), running());
    secret
}

#[inline(never)]
fn called() {
    black_box(());
}

fn branch() {
    if secret()[3] & 1 == 1 {
        called();
    }
}

fn index() {
    static TABLE: [u8; 256] = [1; 256];
    black_box(black_box(&TABLE)[usize::from(secret()[3])]);
}

fn early_exit() {
    let other = black_box([7; 32]);
    black_box(secret().iter().zip(&other).all(|(a, b)| black_box(*a) == black_box(*b)));
}

fn memcmp() {
    black_box(black_box(&secret()[..]) == black_box(&[7u8; 32][..]));
}

fn square_and_multiply() {
    let mut acc = black_box(1u64);
    for byte in secret() {
        for bit in 0..8 {
            acc = acc.wrapping_mul(acc);
            if byte >> bit & 1 == 1 {
                called();
                acc = acc.wrapping_mul(3);
            }
        }
    }
    black_box(acc);
}

/// The mark survives arithmetic: a scalar of the library, made from secret bytes, is secret.
fn derived() {
    let mut wide = black_box([7; 64]);
    poison(&mut wide);
    let scalar = sesphr::hazmat::pairing::Scalar::from_wide(&wide);
    if (&scalar * &scalar).to_bytes()[0] & 1 == 1 {
        called();
    }
}
