//! The `blst` backend: the same groups and the same bytes from a C and assembly library, two to five
//! times faster.
//!
//! # Edge cases of the library
//! - Infinity is Z = 0 in Jacobian and X = Y = 0 in affine coordinates. Additions use the complete
//!   `add_or_double` forms.
//! - The Miller loops do not handle infinity (the single-pair one does, with a branch), so pairs with an
//!   identity are paired as generators and the result replaced, without a branch.
//! - Multi-scalar multiplication gets no identities and no zero scalars: they are dropped before.
//! - `blst_p*_mult` asks whether the scalar is reduced and not zero before it takes its constant-time path; a
//!   zero scalar therefore shows in the time. Nothing else does.
//! - Its field inversion checks its result and branches on whether it is right, which it is.
//! - `blst_p*_affine_compress` and `_serialize` branch on infinity.

#![allow(unsafe_code)]

use super::group::{Backend, Curve, Group, Target};
use super::scalar::Scalar;
use super::{GT_HASH_LEN, window};
use alloc::boxed::Box;
use alloc::{vec, vec::Vec};
use blst::{BLST_ERROR, blst_fp, blst_fp2, blst_fp6, blst_fp12, blst_p1, blst_p1_affine, blst_p2, blst_p2_affine};
use core::ptr;
use subtle::{Choice, ConditionallySelectable};
use zeroize::{Zeroize, ZeroizeOnDrop};

#[cfg(feature = "std")]
use super::table::Table;
#[cfg(feature = "std")]
use std::sync::OnceLock;

/// The `blst` library as a backend.
#[derive(Clone, Copy, Debug)]
pub struct Blst;
/// G1 of the `blst` library.
#[derive(Clone, Copy, Debug)]
pub struct G1;
/// G2 of the `blst` library.
#[derive(Clone, Copy, Debug)]
pub struct G2;
/// GT of the `blst` library.
#[derive(Clone, Copy, Debug)]
pub struct Gt;

/// Masked assignment and wiping over the limbs of the library's types.
trait Limbs {
    fn assign(&mut self, other: &Self, choice: Choice);
    fn wipe(&mut self);
}

impl Limbs for blst_fp {
    #[inline(always)]
    fn assign(&mut self, other: &Self, choice: Choice) {
        for (a, b) in self.l.iter_mut().zip(&other.l) {
            a.conditional_assign(b, choice);
        }
    }
    fn wipe(&mut self) {
        self.l.zeroize();
    }
}

macro_rules! limbs_of_array {
    ($type:ident, $field:ident) => {
        impl Limbs for $type {
            #[inline(always)]
            fn assign(&mut self, other: &Self, choice: Choice) {
                for (a, b) in self.$field.iter_mut().zip(&other.$field) {
                    a.assign(b, choice);
                }
            }
            fn wipe(&mut self) {
                self.$field.iter_mut().for_each(Limbs::wipe);
            }
        }
    };
}

macro_rules! limbs_of_fields {
    ($type:ident, $($field:ident),*) => {
        impl Limbs for $type {
            #[inline(always)]
            fn assign(&mut self, other: &Self, choice: Choice) {
                $(self.$field.assign(&other.$field, choice);)*
            }
            fn wipe(&mut self) {
                $(self.$field.wipe();)*
            }
        }
    };
}

limbs_of_array!(blst_fp2, fp);
limbs_of_array!(blst_fp6, fp2);
limbs_of_array!(blst_fp12, fp6);
limbs_of_fields!(blst_p1, x, y, z);
limbs_of_fields!(blst_p2, x, y, z);
limbs_of_fields!(blst_p1_affine, x, y);
limbs_of_fields!(blst_p2_affine, x, y);

fn fp_cneg(a: &blst_fp, negate: bool) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: both pointers come from references to initialised field elements.
    unsafe { blst::blst_fp_cneg(&mut out, a, negate) };
    out
}

fn fp_mul(a: &blst_fp, b: &blst_fp) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: all pointers come from references to initialised field elements.
    unsafe { blst::blst_fp_mul(&mut out, a, b) };
    out
}

fn fp_double(a: &blst_fp) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: all pointers come from references to initialised field elements.
    unsafe { blst::blst_fp_add(&mut out, a, a) };
    out
}

fn fp2_neg(a: &blst_fp2) -> blst_fp2 {
    let mut out = blst_fp2::default();
    // SAFETY: both pointers come from references to initialised field elements.
    unsafe { blst::blst_fp2_cneg(&mut out, a, true) };
    out
}

/// Whether a decoder found a point on the curve. Of those outside the subgroup it reports the ones with
/// x = 0, and has decoded them.
fn on_curve(error: BLST_ERROR) -> bool {
    matches!(error, BLST_ERROR::BLST_SUCCESS | BLST_ERROR::BLST_POINT_NOT_IN_GROUP)
}

/// The flag of compressed encodings, in their first byte.
const COMPRESSED: u8 = 0x80;
/// Bytes of an encoded field element.
const FP_LEN: usize = 48;

macro_rules! curve {
    ($marker:ident, $element:ident, $entry:ident, $len:literal, $uncompressed:literal, $name:literal,
     window $window:literal, stride $stride:literal, neg $neg:expr,
     $add:ident, $add_affine:ident, $double:ident, $cneg:ident, $is_equal:ident, $from_jacobian:ident,
     $batch:ident, $from_affine:ident, $affine_generator:ident, $affine_is_equal:ident, $affine_is_inf:ident,
     $compress:ident, $uncompress:ident, $serialize:ident, $deserialize:ident, $in_group:ident, $mult:ident, $scratch:ident, $pippenger:ident) => {
        impl Group for $marker {
            type Element = $element;
            type Entry = $entry;
            const TABLE_WINDOW: usize = $window;
            const TABLE_STRIDE: usize = $stride;

            fn identity() -> Self::Element {
                $element::default()
            }
            fn add(a: &Self::Element, b: &Self::Element) -> Self::Element {
                let mut out = $element::default();
                // SAFETY: all pointers come from references to initialised points.
                unsafe { blst::$add(&mut out, a, b) };
                out
            }
            fn add_entry(a: &Self::Element, b: &Self::Entry) -> Self::Element {
                let mut out = $element::default();
                // SAFETY: all pointers come from references to initialised points.
                unsafe { blst::$add_affine(&mut out, a, b) };
                out
            }
            fn double(a: &Self::Element) -> Self::Element {
                let mut out = $element::default();
                // SAFETY: both pointers come from references to initialised points.
                unsafe { blst::$double(&mut out, a) };
                out
            }
            fn neg(a: &Self::Element) -> Self::Element {
                let mut out = *a;
                // SAFETY: the pointer comes from a reference to an initialised point.
                unsafe { blst::$cneg(&mut out, true) };
                out
            }
            fn equal(a: &Self::Element, b: &Self::Element) -> Choice {
                // SAFETY: both pointers come from references to initialised points.
                let equal = unsafe { blst::$is_equal(a, b) };
                Choice::from(u8::from(equal))
            }
            fn assign(a: &mut Self::Element, b: &Self::Element, choice: Choice) {
                Limbs::assign(a, b, choice);
            }
            fn wipe(a: &mut Self::Element) {
                Limbs::wipe(a);
            }
            fn entry_identity() -> Self::Entry {
                $entry::default()
            }
            fn entry_neg(a: &Self::Entry) -> Self::Entry {
                let neg = $neg;
                $entry { x: a.x, y: neg(&a.y) }
            }
            fn entry_assign(a: &mut Self::Entry, b: &Self::Entry, choice: Choice) {
                Limbs::assign(a, b, choice);
            }
            fn wipe_entry(a: &mut Self::Entry) {
                Limbs::wipe(a);
            }
            fn to_entry(a: &Self::Element) -> Self::Entry {
                // Not `to_affine`, which branches on whether Z is one. Infinity becomes X = Y = 0, because
                // the inverse of zero is computed as zero.
                let mut out = $element::default();
                // SAFETY: both pointers come from references to initialised points.
                unsafe { blst::$from_jacobian(&mut out, a) };
                $entry { x: out.x, y: out.y }
            }
            fn from_entry(a: &Self::Entry) -> Self::Element {
                let mut out = $element::default();
                // SAFETY: both pointers come from references to initialised points.
                unsafe { blst::$from_affine(&mut out, a) };
                out
            }
            fn batch_to_entry(elements: &[Self::Element]) -> Vec<Self::Entry> {
                let mut entries = vec![Self::entry_identity(); elements.len()];
                if elements.is_empty() {
                    // The function below reads the first point in any case.
                    return entries;
                }
                let points = [elements.as_ptr(), ptr::null()];
                // SAFETY: a first pointer followed by null means that the points are contiguous; there
                // are `len` of them, and room for as many results.
                unsafe { blst::$batch(entries.as_mut_ptr(), points.as_ptr(), elements.len()) };
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
                // SAFETY: the function returns a pointer to a constant.
                unsafe { *blst::$affine_generator() }
            }
            fn entry_equal(a: &Self::Entry, b: &Self::Entry) -> Choice {
                // SAFETY: both pointers come from references to initialised points.
                let equal = unsafe { blst::$affine_is_equal(a, b) };
                Choice::from(u8::from(equal))
            }
            fn entry_is_identity(a: &Self::Entry) -> Choice {
                // SAFETY: the pointer comes from a reference to an initialised point.
                let infinite = unsafe { blst::$affine_is_inf(a) };
                Choice::from(u8::from(infinite))
            }
            fn encode(a: &Self::Entry) -> Self::Encoding {
                let mut out = [0; $len];
                // SAFETY: the function writes as many bytes as the array has.
                unsafe { blst::$compress(out.as_mut_ptr(), a) };
                out
            }
            fn decode(bytes: &Self::Encoding) -> Option<Self::Entry> {
                let mut point = $entry::default();
                // SAFETY: the function reads as many bytes as the array has.
                let error = unsafe { blst::$uncompress(&mut point, bytes.as_ptr()) };
                on_curve(error).then_some(point)
            }
            fn encode_uncompressed(a: &Self::Entry) -> Self::Uncompressed {
                let mut out = [0; $uncompressed];
                // SAFETY: the function writes as many bytes as the array has.
                unsafe { blst::$serialize(out.as_mut_ptr(), a) };
                out
            }
            fn decode_uncompressed(bytes: &Self::Uncompressed) -> Option<Self::Entry> {
                let [first, ..] = bytes;
                // The function takes compressed bytes too and ignores what follows them.
                if first & COMPRESSED != 0 {
                    return None;
                }
                let mut point = $entry::default();
                // SAFETY: the function reads as many bytes as the array has.
                let error = unsafe { blst::$deserialize(&mut point, bytes.as_ptr()) };
                on_curve(error).then_some(point)
            }
            fn in_subgroup(a: &Self::Entry) -> bool {
                // SAFETY: the pointer comes from a reference to a point that is on the curve.
                unsafe { blst::$in_group(a) }
            }
            fn mul(a: &Self::Element, k: &Scalar) -> Self::Element {
                let bytes = k.to_bytes();
                let mut out = $element::default();
                // SAFETY: the function reads 255 bits, that is 32 bytes, of the scalar.
                unsafe { blst::$mult(&mut out, a, bytes.as_ptr(), window::BITS) };
                out
            }
            // The library splits scalars along an endomorphism; twice that is as fast as one run of
            // doublings for both in G1, and faster in G2.
            fn vartime_lincomb2(x: &Scalar, a: &Self::Entry, y: &Scalar, b: &Self::Entry) -> Self::Element {
                let first = Self::mul(&Self::from_entry(a), x);
                Self::add(&first, &Self::mul(&Self::from_entry(b), y))
            }
            fn vartime_msm(terms: &[(&Self::Entry, &Scalar)]) -> Self::Element {
                let mut out = $element::default();
                let bits = terms.iter().map(|(_, k)| k.vartime_bits()).max().unwrap_or(0);
                let mut points = Vec::with_capacity(terms.len());
                let mut scalars = Vec::with_capacity(terms.len() * bits.div_ceil(8));
                for (point, k) in terms {
                    if !bool::from(Self::entry_is_identity(point) | k.is_zero()) {
                        points.push(**point);
                        scalars.extend(k.to_bytes().iter().take(bits.div_ceil(8)));
                    }
                }
                if points.is_empty() {
                    return out;
                }
                // SAFETY: the function only computes a size.
                let scratch_len = unsafe { blst::$scratch(points.len()) };
                let mut scratch = vec![0u64; scratch_len.div_ceil(size_of::<u64>())];
                let point_list = [points.as_ptr(), ptr::null()];
                let scalar_list = [scalars.as_ptr(), ptr::null()];
                // SAFETY: a first pointer followed by null means contiguous: `len` points, at least one,
                // and as many scalars of the bytes that `bits` takes, all of whose bits above are zero;
                // the scratch space has the size that the library asked for and is aligned to its limbs.
                unsafe {
                    blst::$pippenger(
                        &mut out,
                        point_list.as_ptr(),
                        points.len(),
                        scalar_list.as_ptr(),
                        bits,
                        scratch.as_mut_ptr(),
                    );
                }
                out
            }
            #[cfg(feature = "std")]
            fn generator_table() -> &'static Table<Self> {
                static TABLE: OnceLock<Table<$marker>> = OnceLock::new();
                TABLE.get_or_init(|| Table::build(&Self::from_entry(&Self::generator())))
            }
        }
    };
}

curve!(
    G1, blst_p1, blst_p1_affine, 48, 96, "G1Affine",
    window 5, stride 2, neg |y| fp_cneg(y, true),
    blst_p1_add_or_double, blst_p1_add_or_double_affine, blst_p1_double, blst_p1_cneg,
    blst_p1_is_equal, blst_p1_from_jacobian, blst_p1s_to_affine, blst_p1_from_affine,
    blst_p1_affine_generator, blst_p1_affine_is_equal, blst_p1_affine_is_inf, blst_p1_affine_compress,
    blst_p1_uncompress, blst_p1_affine_serialize, blst_p1_deserialize, blst_p1_affine_in_g1, blst_p1_mult, blst_p1s_mult_pippenger_scratch_sizeof,
    blst_p1s_mult_pippenger
);

curve!(
    G2, blst_p2, blst_p2_affine, 96, 192, "G2Affine",
    window 5, stride 2, neg fp2_neg,
    blst_p2_add_or_double, blst_p2_add_or_double_affine, blst_p2_double, blst_p2_cneg,
    blst_p2_is_equal, blst_p2_from_jacobian, blst_p2s_to_affine, blst_p2_from_affine,
    blst_p2_affine_generator, blst_p2_affine_is_equal, blst_p2_affine_is_inf, blst_p2_affine_compress,
    blst_p2_uncompress, blst_p2_affine_serialize, blst_p2_deserialize, blst_p2_affine_in_g2, blst_p2_mult, blst_p2s_mult_pippenger_scratch_sizeof,
    blst_p2s_mult_pippenger
);

impl Group for Gt {
    type Element = blst_fp12;
    type Entry = blst_fp12;
    const TABLE_WINDOW: usize = 5;
    const TABLE_STRIDE: usize = 2;

    fn identity() -> Self::Element {
        // SAFETY: the function returns a pointer to a constant.
        unsafe { *blst::blst_fp12_one() }
    }
    fn add(a: &Self::Element, b: &Self::Element) -> Self::Element {
        let mut out = blst_fp12::default();
        // SAFETY: all pointers come from references to initialised elements.
        unsafe { blst::blst_fp12_mul(&mut out, a, b) };
        out
    }
    fn add_entry(a: &Self::Element, b: &Self::Entry) -> Self::Element {
        Self::add(a, b)
    }
    fn double(a: &Self::Element) -> Self::Element {
        let mut out = blst_fp12::default();
        // Elements of GT are in the cyclotomic subgroup, where squaring is cheaper.
        // SAFETY: both pointers come from references to initialised elements.
        unsafe { blst::blst_fp12_cyclotomic_sqr(&mut out, a) };
        out
    }
    fn neg(a: &Self::Element) -> Self::Element {
        let mut out = *a;
        // SAFETY: the pointer comes from a reference to an initialised element.
        unsafe { blst::blst_fp12_conjugate(&mut out) };
        out
    }
    fn equal(a: &Self::Element, b: &Self::Element) -> Choice {
        // SAFETY: both pointers come from references to initialised elements.
        let equal = unsafe { blst::blst_fp12_is_equal(a, b) };
        Choice::from(u8::from(equal))
    }
    fn assign(a: &mut Self::Element, b: &Self::Element, choice: Choice) {
        Limbs::assign(a, b, choice);
    }
    fn wipe(a: &mut Self::Element) {
        Limbs::wipe(a);
        *a = Self::identity();
    }
    fn entry_identity() -> Self::Entry {
        Self::identity()
    }
    fn entry_neg(a: &Self::Entry) -> Self::Entry {
        Self::neg(a)
    }
    fn entry_assign(a: &mut Self::Entry, b: &Self::Entry, choice: Choice) {
        Limbs::assign(a, b, choice);
    }
    fn wipe_entry(a: &mut Self::Entry) {
        Self::wipe(a);
    }
    fn to_entry(a: &Self::Element) -> Self::Entry {
        *a
    }
    fn from_entry(a: &Self::Entry) -> Self::Element {
        *a
    }
    fn batch_to_entry(elements: &[Self::Element]) -> Vec<Self::Entry> {
        elements.to_vec()
    }
}

impl Target for Gt {
    fn generator() -> Self::Element {
        let compute = || Blst::pairing(&G1::generator(), &G2::generator());
        #[cfg(feature = "std")]
        {
            static Z: OnceLock<blst_fp12> = OnceLock::new();
            *Z.get_or_init(compute)
        }
        #[cfg(not(feature = "std"))]
        compute()
    }

    // Not `blst_bendian_from_fp12`, which writes the coordinates in another order.
    fn hash_bytes(a: &Self::Element, out: &mut [u8; GT_HASH_LEN]) {
        let coordinates = a.fp6.iter().flat_map(|fp6| &fp6.fp2).flat_map(|fp2| &fp2.fp);
        for (fp, chunk) in coordinates.zip(out.chunks_exact_mut(FP_LEN)) {
            // SAFETY: the function writes 48 bytes, the length of every chunk.
            unsafe { blst::blst_bendian_from_fp(chunk.as_mut_ptr(), fp) };
        }
    }

    #[cfg(feature = "std")]
    fn generator_table() -> &'static Table<Self> {
        static TABLE: OnceLock<Table<Gt>> = OnceLock::new();
        TABLE.get_or_init(|| Table::build(&Self::generator()))
    }
}

/// Lines of a Miller loop.
const LINES: usize = 68;
/// The bits of the loop count 0xd201000000010000: doublings between additions, after the first doubling.
const RUNS: [usize; 5] = [2, 3, 9, 32, 16];

/// A point of G2 with its lines, which tell the point and are wiped on drop. For the identity they are the
/// generator's, and never used.
#[derive(Clone, Debug)]
pub struct Prepared {
    lines: Box<[blst_fp6]>,
    infinity: Choice,
}

impl Zeroize for Prepared {
    fn zeroize(&mut self) {
        self.lines.iter_mut().for_each(Limbs::wipe);
        self.infinity = Choice::from(1);
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for Prepared {}

/// A point of G1 as the lines take it, −2x and 2y, or zeros for a pair that counts as one.
struct Evaluation<'a> {
    x: blst_fp,
    y: blst_fp,
    skip: Choice,
    lines: core::slice::Iter<'a, blst_fp6>,
}

impl Drop for Evaluation<'_> {
    fn drop(&mut self) {
        self.x.wipe();
        self.y.wipe();
    }
}

/// The product of the next line of every pair onto `f`.
fn multiply_lines(f: &mut blst_fp12, pairs: &mut [Evaluation<'_>], one: &blst_fp2) {
    for pair in pairs {
        let Some(line) = pair.lines.next() else {
            continue;
        };
        let [mut c0, c1, c2] = line.fp2;
        // With zeros in the other two coordinates this makes the line one.
        c0.assign(one, pair.skip);
        let line = blst_fp6 {
            fp2: [
                c0,
                blst_fp2 { fp: c1.fp.map(|c| fp_mul(&c, &pair.x)) },
                blst_fp2 { fp: c2.fp.map(|c| fp_mul(&c, &pair.y)) },
            ],
        };
        let factor = *f;
        // SAFETY: all pointers come from references to initialised elements.
        unsafe { blst::blst_fp12_mul_by_xy00z0(f, &factor, &line) };
    }
}

fn final_exponentiation(f: &blst_fp12) -> blst_fp12 {
    let mut out = blst_fp12::default();
    // SAFETY: both pointers come from references to initialised elements.
    unsafe { blst::blst_final_exp(&mut out, f) };
    out
}

/// The product of the Miller loops of pairs without identities. At least one pair.
fn miller_loop(qs: &[&blst_p2_affine], ps: &[&blst_p1_affine]) -> blst_fp12 {
    let mut out = Gt::identity();
    let n = qs.len().min(ps.len());
    if n == 0 {
        return out;
    }
    // SAFETY: references have the representation of pointers, there are at least `n` of each, none is
    // null, and all point to initialised points.
    unsafe {
        blst::blst_miller_loop_n(&mut out, qs.as_ptr().cast(), ps.as_ptr().cast(), n);
    }
    out
}

impl Backend for Blst {
    type G1 = G1;
    type G2 = G2;
    type Gt = Gt;
    type Prepared = Prepared;
    const NAME: &'static str = "blst";

    fn pairing(p: &blst_p1_affine, q: &blst_p2_affine) -> blst_fp12 {
        let infinity = G1::entry_is_identity(p) | G2::entry_is_identity(q);
        let (mut p, mut q) = (*p, *q);
        p.assign(&G1::generator(), infinity);
        q.assign(&G2::generator(), infinity);
        let mut out = final_exponentiation(&miller_loop(&[&q], &[&p]));
        out.assign(&Gt::identity(), infinity);
        out
    }

    fn pairing_eq(a1: &blst_p1_affine, a2: &blst_p2_affine, b1: &blst_p1_affine, b2: &blst_p2_affine) -> Choice {
        let minus_b1 = G1::entry_neg(b1);
        let one = |p, q| bool::from(G1::entry_is_identity(p) | G2::entry_is_identity(q));
        let loops = match (one(a1, a2), one(b1, b2)) {
            (false, false) => miller_loop(&[a2, b2], &[a1, &minus_b1]),
            (a, b) => return Choice::from(u8::from(a && b)),
        };
        Gt::equal(&final_exponentiation(&loops), &Gt::identity())
    }

    fn prepare(q: &blst_p2_affine) -> Prepared {
        let infinity = G2::entry_is_identity(q);
        let mut q = *q;
        q.assign(&G2::generator(), infinity);
        let mut lines = vec![blst_fp6::default(); LINES].into_boxed_slice();
        // SAFETY: the function writes 68 lines, for which there is room.
        unsafe { blst::blst_precompute_lines(lines.as_mut_ptr(), &q) };
        Prepared { lines, infinity }
    }

    // The library's own loop over prepared lines takes one pair; this one shares the squarings between
    // all pairs.
    fn multi_pairing(terms: &[(&blst_p1_affine, &Prepared)]) -> blst_fp12 {
        let mut pairs: Vec<_> = terms
            .iter()
            .map(|(p, q)| {
                let skip = G1::entry_is_identity(p) | q.infinity;
                let mut x = fp_cneg(&fp_double(&p.x), true);
                let mut y = fp_double(&p.y);
                x.assign(&blst_fp::default(), skip);
                y.assign(&blst_fp::default(), skip);
                Evaluation { x, y, skip, lines: q.lines.iter() }
            })
            .collect();
        let mut f = Gt::identity();
        let [fp6, _] = f.fp6;
        let [one, ..] = fp6.fp2;
        multiply_lines(&mut f, &mut pairs, &one);
        for doublings in RUNS {
            multiply_lines(&mut f, &mut pairs, &one);
            for _ in 0..doublings {
                let square = f;
                // SAFETY: both pointers come from references to initialised elements.
                unsafe { blst::blst_fp12_sqr(&mut f, &square) };
                multiply_lines(&mut f, &mut pairs, &one);
            }
        }
        // The loop count is negative.
        // SAFETY: the pointer comes from a reference to an initialised element.
        unsafe { blst::blst_fp12_conjugate(&mut f) };
        final_exponentiation(&f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wiped() {
        let mut prepared = Blst::prepare(&G2::generator());
        assert!(prepared.lines.iter().all(|line| *line != blst_fp6::default()));
        prepared.zeroize();
        assert!(prepared.lines.iter().all(|line| *line == blst_fp6::default()));
        // Dropping has something to do.
        fn on_drop<T: ZeroizeOnDrop>(_: T) {}
        on_drop(prepared);
    }
}
