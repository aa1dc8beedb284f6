//! The public types, written once over the backend's groups.

#[cfg(feature = "alloc")]
use super::group::Backend;
use super::group::{Curve, Target};
use super::scalar::Scalar;
use super::{GT_HASH_LEN, window};
use core::fmt;
use subtle::{Choice, ConstantTimeEq};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

#[cfg(feature = "alloc")]
use super::table::Table;
#[cfg(feature = "alloc")]
use alloc::vec::Vec;

/// A point in affine coordinates: how points are stored, encoded and paired.
///
/// Always on the curve and in the subgroup of order r, unless it came through one of the decoders named
/// `_trusted` and the trust was wrong. It may be the identity: where a protocol excludes
/// that, decode with [`Affine::from_bytes_nonidentity`] or ask [`Affine::is_identity`].
///
/// Points are public as a rule, hence `Copy` and printing. A point that is a secret (a re-encryption
/// key, an aggregate key) belongs in a type of its own that wipes it ([`Zeroize`]) and does not print.
pub struct Affine<C: Curve>(pub(crate) C::Entry);

#[allow(clippy::wrong_self_convention)] // 200 bytes: by reference, like `Projective`
impl<C: Curve> Affine<C> {
    /// Bytes of [`Affine::to_bytes`].
    pub const ENCODED_LEN: usize = C::ENCODED_LEN;
    /// Bytes of [`Affine::to_uncompressed`].
    pub const UNCOMPRESSED_LEN: usize = C::UNCOMPRESSED_LEN;

    /// The standard generator: P in G1, Q in G2.
    #[must_use]
    pub fn generator() -> Self {
        Self(C::generator())
    }

    /// The identity.
    #[must_use]
    pub fn identity() -> Self {
        Self(C::entry_identity())
    }

    /// Whether this is the identity.
    #[must_use]
    pub fn is_identity(&self) -> Choice {
        C::entry_is_identity(&self.0)
    }

    /// The compressed encoding of the BLS signature drafts and Zcash: big-endian x with three flag bits.
    #[must_use]
    pub fn to_bytes(&self) -> C::Encoding {
        C::encode(&self.0)
    }

    /// Decodes. `None` unless the bytes are the one canonical encoding of a point on the curve and in
    /// the subgroup. The identity decodes.
    #[must_use]
    pub fn from_bytes(bytes: &C::Encoding) -> Option<Self> {
        C::decode(bytes).filter(C::in_subgroup).map(Self)
    }

    /// Like [`Affine::from_bytes`], but `None` for the identity too.
    #[must_use]
    pub fn from_bytes_nonidentity(bytes: &C::Encoding) -> Option<Self> {
        Self::from_bytes(bytes).filter(|point| !bool::from(point.is_identity()))
    }

    /// The uncompressed encoding of Zcash: big-endian x and y, the flag bits all clear but for the
    /// identity. Twice as long as [`Affine::to_bytes`], and decoding it needs no square root.
    #[must_use]
    pub fn to_uncompressed(&self) -> C::Uncompressed {
        C::encode_uncompressed(&self.0)
    }

    /// [`Affine::from_bytes`] of the uncompressed encoding, with the same checks. Most of the time goes
    /// into the subgroup.
    #[must_use]
    pub fn from_uncompressed(bytes: &C::Uncompressed) -> Option<Self> {
        C::decode_uncompressed(bytes).filter(C::in_subgroup).map(Self)
    }

    /// [`Affine::from_bytes`] **without the subgroup check**: `None` unless the bytes are the canonical
    /// encoding of a point on the curve, the identity included.
    ///
    /// Only for bytes that were checked once and whose digest is pinned since, such as a parameter set.
    /// From bytes of anyone else this makes points of small order, for which no promise of this module
    /// holds, and multiplying one by a secret tells the secret modulo that order.
    #[must_use]
    pub fn from_bytes_trusted(bytes: &C::Encoding) -> Option<Self> {
        C::decode(bytes).map(Self)
    }

    /// [`Affine::from_uncompressed`] **without the subgroup check**: the fastest way in, a few
    /// multiplications in the field for the curve equation. On the conditions of
    /// [`Affine::from_bytes_trusted`].
    #[must_use]
    pub fn from_uncompressed_trusted(bytes: &C::Uncompressed) -> Option<Self> {
        C::decode_uncompressed(bytes).map(Self)
    }

    /// `k` times this point, in constant time. For many scalars and one point a table is several times
    /// faster.
    #[must_use]
    pub fn mul(&self, k: &Scalar) -> Projective<C> {
        self.to_projective().mul(k)
    }

    /// The opposite point.
    #[must_use]
    pub fn neg(&self) -> Self {
        Self(C::entry_neg(&self.0))
    }

    /// The same point, for computing. Free.
    #[must_use]
    pub fn to_projective(&self) -> Projective<C> {
        Projective(C::from_entry(&self.0))
    }
}

impl<C: Curve> Clone for Affine<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C: Curve> Copy for Affine<C> {}

impl<C: Curve> ConstantTimeEq for Affine<C> {
    fn ct_eq(&self, other: &Self) -> Choice {
        C::entry_equal(&self.0, &other.0)
    }
}

impl<C: Curve> PartialEq for Affine<C> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl<C: Curve> Eq for Affine<C> {}

impl<C: Curve> fmt::Debug for Affine<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(C::NAME)?;
        f.write_str("(")?;
        for byte in self.to_bytes().as_ref() {
            write!(f, "{byte:02x}")?;
        }
        f.write_str(")")
    }
}

impl<C: Curve> Zeroize for Affine<C> {
    fn zeroize(&mut self) {
        C::wipe_entry(&mut self.0);
    }
}

impl<C: Curve> From<Affine<C>> for Projective<C> {
    fn from(point: Affine<C>) -> Self {
        point.to_projective()
    }
}

impl<C: Curve> From<&Projective<C>> for Affine<C> {
    fn from(point: &Projective<C>) -> Self {
        point.to_affine()
    }
}

/// A point in the coordinates for computing. All operations are constant time and accept any operands.
///
/// Not `Copy`, silent in `Debug` and wiped on drop, because intermediate results are often secret.
#[derive(Clone)]
pub struct Projective<C: Curve>(pub(crate) C::Element);

impl<C: Curve> Projective<C> {
    /// The identity.
    #[must_use]
    pub fn identity() -> Self {
        Self(C::identity())
    }

    /// The standard generator.
    #[must_use]
    pub fn generator() -> Self {
        Affine::generator().to_projective()
    }

    /// Whether this is the identity.
    #[must_use]
    pub fn is_identity(&self) -> Choice {
        C::equal(&self.0, &C::identity())
    }

    /// The sum.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        Self(C::add(&self.0, &other.0))
    }

    /// The sum with an affine point, cheaper than [`Projective::add`].
    #[must_use]
    pub fn add_affine(&self, other: &Affine<C>) -> Self {
        Self(C::add_entry(&self.0, &other.0))
    }

    /// The difference.
    #[must_use]
    pub fn sub(&self, other: &Self) -> Self {
        Self(C::add(&self.0, &C::neg(&other.0)))
    }

    /// The difference with an affine point.
    #[must_use]
    pub fn sub_affine(&self, other: &Affine<C>) -> Self {
        Self(C::add_entry(&self.0, &C::entry_neg(&other.0)))
    }

    /// The opposite.
    #[must_use]
    pub fn neg(&self) -> Self {
        Self(C::neg(&self.0))
    }

    /// The double.
    #[must_use]
    pub fn double(&self) -> Self {
        Self(C::double(&self.0))
    }

    /// `k` times this point, in constant time.
    #[must_use]
    pub fn mul(&self, k: &Scalar) -> Self {
        Self(C::mul(&self.0, k))
    }

    /// The same point in affine coordinates, for one field inversion.
    #[must_use]
    pub fn to_affine(&self) -> Affine<C> {
        Affine(C::to_entry(&self.0))
    }

    /// [`Projective::to_affine`] of many points for one inversion and six multiplications a point.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn batch_to_affine(points: &[Self]) -> Vec<Affine<C>> {
        let elements: Vec<_> = points.iter().map(|point| point.0).collect();
        C::batch_to_entry(&elements).into_iter().map(Affine).collect()
    }
}

impl<C: Curve> ConstantTimeEq for Projective<C> {
    fn ct_eq(&self, other: &Self) -> Choice {
        C::equal(&self.0, &other.0)
    }
}

impl<C: Curve> fmt::Debug for Projective<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projective").finish_non_exhaustive()
    }
}

impl<C: Curve> Zeroize for Projective<C> {
    fn zeroize(&mut self) {
        C::wipe(&mut self.0);
    }
}

impl<C: Curve> Drop for Projective<C> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<C: Curve> ZeroizeOnDrop for Projective<C> {}

/// An element of the target group, written multiplicatively.
///
/// These are masks, so they are secrets: wiped on drop, not `Copy`, silent in `Debug`, compared in
/// constant time. An element always comes out of a pairing; there is no decoding.
pub struct TargetElement<T: Target>(pub(crate) T::Element);

impl<T: Target> TargetElement<T> {
    /// The identity.
    #[must_use]
    pub fn identity() -> Self {
        Self(T::identity())
    }

    /// Whether this is the identity.
    #[must_use]
    pub fn is_identity(&self) -> Choice {
        T::equal(&self.0, &T::identity())
    }

    /// The product.
    #[must_use]
    pub fn mul(&self, other: &Self) -> Self {
        Self(T::add(&self.0, &other.0))
    }

    /// The inverse: a conjugation, nearly free.
    #[must_use]
    pub fn invert(&self) -> Self {
        Self(T::neg(&self.0))
    }

    /// This element to the power `k`, in constant time. For a base that is used again take a table.
    #[must_use]
    pub fn pow(&self, k: &Scalar) -> Self {
        Self(window::mul::<T>(&self.0, k))
    }

    /// The 576 bytes that are hashed in place of the element: its twelve coordinates in the tower
    /// Fp2 = Fp\[u\], Fp6 = Fp2\[v\], Fp12 = Fp6\[w\], lowest power first with u innermost and w outermost, each
    /// 48 bytes big-endian. Canonical, and the same on both backends. They are never decoded.
    ///
    /// On the default backend the bytes come from `bls12_381`'s `Display`, the only way out of that
    /// crate's type; the standard library's formatting branches on whether a byte needs a leading zero,
    /// so this one step is not constant time there. It is on `blst`.
    ///
    /// # Panics
    /// Never with the versions of `bls12_381` this was tested with; a version that prints `Gt` in another
    /// form would derive other keys in silence, so that stops here.
    #[must_use]
    pub fn to_hash_bytes(&self) -> Zeroizing<[u8; GT_HASH_LEN]> {
        let mut out = Zeroizing::new([0; GT_HASH_LEN]);
        T::hash_bytes(&self.0, &mut out);
        out
    }
}

impl<T: Target> Clone for TargetElement<T> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<T: Target> ConstantTimeEq for TargetElement<T> {
    fn ct_eq(&self, other: &Self) -> Choice {
        T::equal(&self.0, &other.0)
    }
}

impl<T: Target> fmt::Debug for TargetElement<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gt").finish_non_exhaustive()
    }
}

impl<T: Target> Zeroize for TargetElement<T> {
    fn zeroize(&mut self) {
        T::wipe(&mut self.0);
    }
}

impl<T: Target> Drop for TargetElement<T> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<T: Target> ZeroizeOnDrop for TargetElement<T> {}

/// A fixed-base table of a public point.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct PointTable<C: Curve>(Table<C>);

#[cfg(feature = "alloc")]
impl<C: Curve> PointTable<C> {
    /// Bytes on the heap.
    pub const BYTES: usize = Table::<C>::BYTES;

    /// Computes the table, for the price of a few multiplications.
    #[must_use]
    pub fn new(point: &Affine<C>) -> Self {
        Self(Table::build(&C::from_entry(&point.0)))
    }

    /// `k` times the point, in constant time.
    #[must_use]
    pub fn mul(&self, k: &Scalar) -> Projective<C> {
        Projective(self.0.multiply(k))
    }
}

/// A fixed-base table of a public element of GT.
#[cfg(feature = "alloc")]
#[derive(Clone, Debug)]
pub struct TargetTable<T: Target>(Table<T>);

#[cfg(feature = "alloc")]
impl<T: Target> TargetTable<T> {
    /// Bytes on the heap.
    pub const BYTES: usize = Table::<T>::BYTES;

    /// Computes the table, for the price of one or two exponentiations.
    #[must_use]
    pub fn new(base: &TargetElement<T>) -> Self {
        Self(Table::build(&base.0))
    }

    /// The base to the power `k`, in constant time.
    #[must_use]
    pub fn pow(&self, k: &Scalar) -> TargetElement<T> {
        TargetElement(self.0.multiply(k))
    }
}

/// A point of G2 with the lines of its Miller loop: worth it for a point that is paired again. About 20 kB.
///
/// With `blst` the lines are wiped on drop. The default backend keeps them in private fields of `bls12_381`'s
/// type, out of reach: prepare only points that are public, or blinded by a secret that is itself wiped.
#[cfg(feature = "alloc")]
pub struct Prepared<B: Backend>(pub(crate) B::Prepared);

#[cfg(feature = "alloc")]
impl<B: Backend> Clone for Prepared<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(feature = "alloc")]
impl<B: Backend> fmt::Debug for Prepared<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("G2Prepared").finish_non_exhaustive()
    }
}

#[cfg(feature = "alloc")]
impl<B: Backend> From<&Affine<B::G2>> for Prepared<B> {
    fn from(q: &Affine<B::G2>) -> Self {
        Self(B::prepare(&q.0))
    }
}
