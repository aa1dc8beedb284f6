//! What a backend has to provide. Everything that the two backends can share (windows, tables, sums,
//! the public types) is written once over these traits.
//!
//! The traits name no methods of values: a backend's points are foreign types, so a backend is a set of
//! marker types (`G1`, `G2`, `Gt`) that carry the functions.

use super::scalar::Scalar;
use core::fmt::Debug;
use subtle::Choice;

#[cfg(feature = "std")]
use super::table::Table;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// A group of order r, written additively, in two representations: `Element` for computing and `Entry`
/// for storing (affine for curves; the same type in GT).
///
/// All functions are constant time and complete: any two operands, equal, opposite or the identity.
pub trait Group: Copy + Debug + 'static {
    /// An element ready for computing.
    type Element: Copy + Send + Sync + 'static;
    /// An element as tables store it.
    type Entry: Copy + Send + Sync + 'static;

    /// Bits of one window of a fixed-base table.
    const TABLE_WINDOW: usize;
    /// A table keeps every `TABLE_STRIDE`th window and doubles in between.
    const TABLE_STRIDE: usize;

    /// The neutral element.
    fn identity() -> Self::Element;
    /// The sum.
    fn add(a: &Self::Element, b: &Self::Element) -> Self::Element;
    /// The sum with a stored element.
    fn add_entry(a: &Self::Element, b: &Self::Entry) -> Self::Element;
    /// The double.
    fn double(a: &Self::Element) -> Self::Element;
    /// The opposite.
    fn neg(a: &Self::Element) -> Self::Element;
    /// Whether both are the same element.
    fn equal(a: &Self::Element, b: &Self::Element) -> Choice;
    /// `a` becomes `b` if `choice`.
    fn assign(a: &mut Self::Element, b: &Self::Element, choice: Choice);
    /// Overwrites with the identity, for good.
    fn wipe(a: &mut Self::Element);

    /// The neutral element, stored.
    fn entry_identity() -> Self::Entry;
    /// The opposite of a stored element.
    fn entry_neg(a: &Self::Entry) -> Self::Entry;
    /// `a` becomes `b` if `choice`.
    fn entry_assign(a: &mut Self::Entry, b: &Self::Entry, choice: Choice);
    /// Overwrites with the identity, for good.
    fn wipe_entry(a: &mut Self::Entry);
    /// Brings an element into the form for storing.
    fn to_entry(a: &Self::Element) -> Self::Entry;
    /// Brings a stored element into the form for computing.
    fn from_entry(a: &Self::Entry) -> Self::Element;
    /// [`Group::to_entry`] of many at the cost of one inversion.
    #[cfg(feature = "alloc")]
    fn batch_to_entry(elements: &[Self::Element]) -> Vec<Self::Entry>;
}

/// One of the two source groups.
pub trait Curve: Group {
    /// The compressed encoding, an array of bytes.
    type Encoding: Copy + Debug + Eq + AsRef<[u8]> + AsMut<[u8]> + Send + Sync + 'static;
    /// Length of the encoding.
    const ENCODED_LEN: usize;
    /// The uncompressed encoding, an array of bytes.
    type Uncompressed: Copy + Debug + Eq + AsRef<[u8]> + AsMut<[u8]> + Send + Sync + 'static;
    /// Length of the uncompressed encoding.
    const UNCOMPRESSED_LEN: usize;
    /// What `Debug` calls the affine type.
    const NAME: &'static str;

    /// The standard generator.
    fn generator() -> Self::Entry;
    /// Whether both are the same point.
    fn entry_equal(a: &Self::Entry, b: &Self::Entry) -> Choice;
    /// Whether this is the identity.
    fn entry_is_identity(a: &Self::Entry) -> Choice;
    /// The compressed encoding.
    fn encode(a: &Self::Entry) -> Self::Encoding;
    /// Decodes: canonical and on the curve, but maybe outside the subgroup.
    fn decode(bytes: &Self::Encoding) -> Option<Self::Entry>;
    /// The uncompressed encoding.
    fn encode_uncompressed(a: &Self::Entry) -> Self::Uncompressed;
    /// As [`Curve::decode`], from the uncompressed encoding.
    fn decode_uncompressed(bytes: &Self::Uncompressed) -> Option<Self::Entry>;
    /// Whether a point of the curve is in the subgroup of order r.
    fn in_subgroup(a: &Self::Entry) -> bool;
    /// `k·a` in constant time.
    fn mul(a: &Self::Element, k: &Scalar) -> Self::Element;
    /// Σ kᵢ·aᵢ, not in constant time.
    fn vartime_msm(terms: &[(&Self::Entry, &Scalar)]) -> Self::Element {
        super::msm::vartime_msm::<Self>(terms)
    }
    /// x·a + y·b, not in constant time.
    fn vartime_lincomb2(x: &Scalar, a: &Self::Entry, y: &Scalar, b: &Self::Entry) -> Self::Element {
        super::msm::vartime_lincomb2::<Self>(x, a, y, b)
    }
    /// The table of the generator, built at the first call in a process.
    #[cfg(feature = "std")]
    fn generator_table() -> &'static Table<Self>;
}

/// The target group. The trait is additive like [`Group`]; the public type writes it multiplicatively.
pub trait Target: Group<Entry = <Self as Group>::Element> {
    /// Z = e(P, Q).
    fn generator() -> Self::Element;
    /// The twelve coordinates over the base field, each 48 bytes big-endian.
    fn hash_bytes(a: &Self::Element, out: &mut [u8; 576]);
    /// The table of Z, built at the first call in a process.
    #[cfg(feature = "std")]
    fn generator_table() -> &'static Table<Self>;
}

/// A backend: three groups and the pairing.
pub trait Backend: Copy + Debug + 'static {
    /// The group of 48-byte points.
    type G1: Curve<Encoding = [u8; 48], Uncompressed = [u8; 96]>;
    /// The group of 96-byte points.
    type G2: Curve<Encoding = [u8; 96], Uncompressed = [u8; 192]>;
    /// The target group.
    type Gt: Target;
    /// A point of G2 with the lines of its Miller loop.
    #[cfg(feature = "alloc")]
    type Prepared: Clone + Send + Sync + 'static;
    /// The name that benchmarks print.
    const NAME: &'static str;

    /// e(p, q).
    fn pairing(p: &<Self::G1 as Group>::Entry, q: &<Self::G2 as Group>::Entry) -> <Self::Gt as Group>::Element;
    /// Whether e(a1, a2) = e(b1, b2).
    fn pairing_eq(
        a1: &<Self::G1 as Group>::Entry,
        a2: &<Self::G2 as Group>::Entry,
        b1: &<Self::G1 as Group>::Entry,
        b2: &<Self::G2 as Group>::Entry,
    ) -> Choice;
    /// Computes the lines.
    #[cfg(feature = "alloc")]
    fn prepare(q: &<Self::G2 as Group>::Entry) -> Self::Prepared;
    /// Π e(pᵢ, qᵢ) with one final exponentiation.
    #[cfg(feature = "alloc")]
    fn multi_pairing(terms: &[(&<Self::G1 as Group>::Entry, &Self::Prepared)]) -> <Self::Gt as Group>::Element;
}
