//! The default backend: the `bls12_381` crate. Pure Rust, no allocation needed, constant time.
//!
//! Three things are done here rather than by that crate. Multiplication runs over signed windows instead
//! of one bit at a time. The fixed generators have tables. And the bytes of a GT element are read from
//! its `Display`, because the crate offers no other way out of `Gt`.

use super::group::{Backend, Curve, Group, Target};
use super::scalar::Scalar;
use super::{GT_HASH_LEN, window};
use core::fmt::{self, Write};
use group::Group as _;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroize;

#[cfg(feature = "std")]
use super::table::Table;
#[cfg(feature = "alloc")]
use alloc::{vec, vec::Vec};
#[cfg(feature = "std")]
use std::sync::OnceLock;

/// The `bls12_381` crate as a backend.
#[derive(Clone, Copy, Debug)]
pub struct Zkcrypto;
/// G1 of the `bls12_381` crate.
#[derive(Clone, Copy, Debug)]
pub struct G1;
/// G2 of the `bls12_381` crate.
#[derive(Clone, Copy, Debug)]
pub struct G2;
/// GT of the `bls12_381` crate.
#[derive(Clone, Copy, Debug)]
pub struct Gt;

macro_rules! curve {
    ($marker:ident, $projective:ident, $affine:ident, $len:literal, $uncompressed:literal, $name:literal,
     $window:literal, $stride:literal) => {
        impl Group for $marker {
            type Element = bls12_381::$projective;
            type Entry = bls12_381::$affine;
            const TABLE_WINDOW: usize = $window;
            const TABLE_STRIDE: usize = $stride;

            fn identity() -> Self::Element {
                bls12_381::$projective::identity()
            }
            fn add(a: &Self::Element, b: &Self::Element) -> Self::Element {
                a + b
            }
            fn add_entry(a: &Self::Element, b: &Self::Entry) -> Self::Element {
                a + b
            }
            fn double(a: &Self::Element) -> Self::Element {
                a.double()
            }
            fn neg(a: &Self::Element) -> Self::Element {
                -a
            }
            fn equal(a: &Self::Element, b: &Self::Element) -> Choice {
                a.ct_eq(b)
            }
            fn assign(a: &mut Self::Element, b: &Self::Element, choice: Choice) {
                a.conditional_assign(b, choice);
            }
            fn wipe(a: &mut Self::Element) {
                a.zeroize();
            }
            fn entry_identity() -> Self::Entry {
                bls12_381::$affine::identity()
            }
            fn entry_neg(a: &Self::Entry) -> Self::Entry {
                -a
            }
            fn entry_assign(a: &mut Self::Entry, b: &Self::Entry, choice: Choice) {
                a.conditional_assign(b, choice);
            }
            fn wipe_entry(a: &mut Self::Entry) {
                a.zeroize();
            }
            fn to_entry(a: &Self::Element) -> Self::Entry {
                a.into()
            }
            fn from_entry(a: &Self::Entry) -> Self::Element {
                a.into()
            }
            #[cfg(feature = "alloc")]
            fn batch_to_entry(elements: &[Self::Element]) -> Vec<Self::Entry> {
                let mut entries = vec![Self::entry_identity(); elements.len()];
                bls12_381::$projective::batch_normalize(elements, &mut entries);
                entries
            }
        }

        impl Curve for $marker {
            type Encoding = [u8; $len];
            const ENCODED_LEN: usize = $len;
            type Uncompressed = [u8; $uncompressed];
            const UNCOMPRESSED_LEN: usize = $uncompressed;
            const NAME: &'static str = $name;

            fn generator() -> Self::Entry {
                bls12_381::$affine::generator()
            }
            fn entry_equal(a: &Self::Entry, b: &Self::Entry) -> Choice {
                a.ct_eq(b)
            }
            fn entry_is_identity(a: &Self::Entry) -> Choice {
                a.is_identity()
            }
            fn encode(a: &Self::Entry) -> Self::Encoding {
                a.to_compressed()
            }
            fn decode(bytes: &Self::Encoding) -> Option<Self::Entry> {
                bls12_381::$affine::from_compressed_unchecked(bytes).into()
            }
            fn encode_uncompressed(a: &Self::Entry) -> Self::Uncompressed {
                a.to_uncompressed()
            }
            fn decode_uncompressed(bytes: &Self::Uncompressed) -> Option<Self::Entry> {
                let point: Option<Self::Entry> = bls12_381::$affine::from_uncompressed_unchecked(bytes).into();
                point.filter(|point| point.is_on_curve().into())
            }
            fn in_subgroup(a: &Self::Entry) -> bool {
                a.is_torsion_free().into()
            }
            fn mul(a: &Self::Element, k: &Scalar) -> Self::Element {
                window::mul::<Self>(a, k)
            }
            #[cfg(feature = "std")]
            fn generator_table() -> &'static Table<Self> {
                static TABLE: OnceLock<Table<$marker>> = OnceLock::new();
                TABLE.get_or_init(|| Table::build(&bls12_381::$projective::generator()))
            }
        }
    };
}

curve!(G1, G1Projective, G1Affine, 48, 96, "G1Affine", 5, 2);
curve!(G2, G2Projective, G2Affine, 96, 192, "G2Affine", 5, 2);

impl Group for Gt {
    type Element = bls12_381::Gt;
    type Entry = bls12_381::Gt;
    const TABLE_WINDOW: usize = 5;
    const TABLE_STRIDE: usize = 2;

    fn identity() -> Self::Element {
        bls12_381::Gt::identity()
    }
    fn add(a: &Self::Element, b: &Self::Element) -> Self::Element {
        a + b
    }
    fn add_entry(a: &Self::Element, b: &Self::Entry) -> Self::Element {
        a + b
    }
    fn double(a: &Self::Element) -> Self::Element {
        a.double()
    }
    fn neg(a: &Self::Element) -> Self::Element {
        -a
    }
    fn equal(a: &Self::Element, b: &Self::Element) -> Choice {
        a.ct_eq(b)
    }
    fn assign(a: &mut Self::Element, b: &Self::Element, choice: Choice) {
        a.conditional_assign(b, choice);
    }
    fn wipe(a: &mut Self::Element) {
        a.zeroize();
    }
    fn entry_identity() -> Self::Entry {
        bls12_381::Gt::identity()
    }
    fn entry_neg(a: &Self::Entry) -> Self::Entry {
        -a
    }
    fn entry_assign(a: &mut Self::Entry, b: &Self::Entry, choice: Choice) {
        a.conditional_assign(b, choice);
    }
    fn wipe_entry(a: &mut Self::Entry) {
        a.zeroize();
    }
    fn to_entry(a: &Self::Element) -> Self::Entry {
        *a
    }
    fn from_entry(a: &Self::Entry) -> Self::Element {
        *a
    }
    #[cfg(feature = "alloc")]
    fn batch_to_entry(elements: &[Self::Element]) -> Vec<Self::Entry> {
        elements.to_vec()
    }
}

impl Target for Gt {
    fn generator() -> Self::Element {
        bls12_381::Gt::generator()
    }

    /// # Panics
    /// If `bls12_381` prints `Gt` in another form than the one this crate was written against. That is a
    /// changed dependency, not an input, and hashing anything else would derive other keys: it must stop.
    fn hash_bytes(a: &Self::Element, out: &mut [u8; GT_HASH_LEN]) {
        let mut parser = DisplayParser::new(out);
        let printed = write!(parser, "{a}");
        #[allow(clippy::panic)] // see above
        if printed.is_err() || !parser.complete() {
            panic!("bls12_381 prints Gt in an unknown form");
        }
    }

    #[cfg(feature = "std")]
    fn generator_table() -> &'static Table<Self> {
        static TABLE: OnceLock<Table<Gt>> = OnceLock::new();
        TABLE.get_or_init(|| Table::build(&bls12_381::Gt::generator()))
    }
}

impl Backend for Zkcrypto {
    type G1 = G1;
    type G2 = G2;
    type Gt = Gt;
    #[cfg(feature = "alloc")]
    type Prepared = bls12_381::G2Prepared;
    const NAME: &'static str = "bls12_381";

    fn pairing(p: &bls12_381::G1Affine, q: &bls12_381::G2Affine) -> bls12_381::Gt {
        bls12_381::pairing(p, q)
    }

    #[cfg(feature = "alloc")]
    fn pairing_eq(
        a1: &bls12_381::G1Affine,
        a2: &bls12_381::G2Affine,
        b1: &bls12_381::G1Affine,
        b2: &bls12_381::G2Affine,
    ) -> Choice {
        Self::multi_pairing(&[(a1, &(*a2).into()), (&-b1, &(*b2).into())]).ct_eq(&bls12_381::Gt::identity())
    }

    // Without a heap the crate cannot prepare points, and without prepared points it has no product.
    #[cfg(not(feature = "alloc"))]
    fn pairing_eq(
        a1: &bls12_381::G1Affine,
        a2: &bls12_381::G2Affine,
        b1: &bls12_381::G1Affine,
        b2: &bls12_381::G2Affine,
    ) -> Choice {
        bls12_381::pairing(a1, a2).ct_eq(&bls12_381::pairing(b1, b2))
    }

    #[cfg(feature = "alloc")]
    fn prepare(q: &bls12_381::G2Affine) -> Self::Prepared {
        (*q).into()
    }

    #[cfg(feature = "alloc")]
    fn multi_pairing(terms: &[(&bls12_381::G1Affine, &Self::Prepared)]) -> bls12_381::Gt {
        bls12_381::multi_miller_loop(terms).final_exponentiation()
    }
}

/// How `bls12_381` 0.9 prints a `Gt`, with `#` for 96 lowercase hexadecimal digits.
const FORMAT: &[u8] = b"Gt(0x# + 0x#*u + (0x# + 0x#*u)*v + (0x# + 0x#*u)*v^2 + \
    (0x# + 0x#*u + (0x# + 0x#*u)*v + (0x# + 0x#*u)*v^2)*w)";
/// Digits of one field element.
const DIGITS: usize = 96;

/// Reads the printed form as it is written, without a heap. Anything but [`FORMAT`] is an error.
///
/// This side treats the digits without branches. The other side does not: `core::fmt` branches on
/// whether a byte is below 16 when it pads it to two digits.
struct DisplayParser<'a> {
    out: &'a mut [u8; GT_HASH_LEN],
    /// What is still expected.
    format: &'static [u8],
    /// Digits read of the current field element.
    digits: usize,
    /// Digits read in all.
    total: usize,
}

impl<'a> DisplayParser<'a> {
    fn new(out: &'a mut [u8; GT_HASH_LEN]) -> Self {
        Self { out, format: FORMAT, digits: 0, total: 0 }
    }

    fn complete(&self) -> bool {
        self.format.is_empty() && self.total == 2 * GT_HASH_LEN
    }

    fn push(&mut self, byte: u8) -> fmt::Result {
        let (expected, rest) = self.format.split_first().ok_or(fmt::Error)?;
        if *expected != b'#' {
            self.format = rest;
            return if byte == *expected { Ok(()) } else { Err(fmt::Error) };
        }
        let (nibble, valid) = hex_digit(byte);
        let slot = self.out.get_mut(self.total / 2).ok_or(fmt::Error)?;
        *slot = (*slot << 4) | nibble;
        self.total += 1;
        self.digits += 1;
        if self.digits == DIGITS {
            self.digits = 0;
            self.format = rest;
        }
        // Always taken unless the dependency changed.
        if bool::from(valid) { Ok(()) } else { Err(fmt::Error) }
    }
}

impl Write for DisplayParser<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        s.bytes().try_for_each(|byte| self.push(byte))
    }
}

/// The value of a lowercase hexadecimal digit and whether it was one.
fn hex_digit(byte: u8) -> (u8, Choice) {
    let byte = u16::from(byte);
    let within = |low: u8, high: u8| {
        // 1 if low ≤ byte ≤ high: neither difference borrows.
        let below = byte.wrapping_sub(u16::from(low)) >> 15;
        let above = u16::from(high).wrapping_sub(byte) >> 15;
        (below | above) ^ 1
    };
    let (number, letter) = (within(b'0', b'9'), within(b'a', b'f'));
    let value = number.wrapping_neg() & byte.wrapping_sub(u16::from(b'0'))
        | letter.wrapping_neg() & byte.wrapping_sub(u16::from(b'a') - 10);
    ((value & 15) as u8, Choice::from((number | letter) as u8))
}

#[cfg(test)]
#[cfg(feature = "std")]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    fn parse(text: &str) -> bool {
        let mut out = [0; GT_HASH_LEN];
        let mut parser = DisplayParser::new(&mut out);
        parser.write_str(text).is_ok() && parser.complete()
    }

    #[test]
    fn only_the_known_form_is_read() {
        let good = bls12_381::Gt::generator().to_string();
        assert!(parse(&good));
        for at in 0..good.len() {
            let (head, tail) = (&good[..at], &good[at + 1..]);
            assert!(!parse(head));
            assert!(!parse(&format!("{head}{tail}")));
            assert!(!parse(&format!("{head} {}", &good[at..])));
            for other in ["g", "A", "/", ":", "`", "@", "\u{e9}", "\0"] {
                assert!(!parse(&format!("{head}{other}{tail}")));
            }
        }
        assert!(!parse(&format!("{good})")));
        assert!(!parse(&good.replace(" + ", "+")));
        assert!(!parse(&good.to_uppercase()));
        assert!(!parse(""));
    }

    #[test]
    fn hex_digits() {
        for byte in 0..=255u8 {
            let expected = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
            let (value, valid) = hex_digit(byte);
            assert_eq!(bool::from(valid), expected.is_some());
            assert!(expected.is_none_or(|v| v == u32::from(value)));
        }
    }
}
