//! Coefficients of batched checks.

use crate::hash::{Digest, Hasher, hash, label};
use crate::pairing::Scalar;

/// 128-bit coefficients from a hash of everything that a check covers, and of the checker's randomness where it has
/// any: whoever made what is checked had to fix it before. A batch with a bad member passes with probability 2⁻¹²⁸.
pub(super) struct Weights(Digest);

impl Weights {
    pub(super) fn new(covered: Hasher) -> Self {
        Self(covered.digest())
    }

    /// The coefficient of member `k` in one of several equations.
    pub(super) fn get(&self, equation: u8, k: u64) -> Scalar {
        let hash = hash(label::KAC_WEIGHT, &[self.0.as_bytes(), &[equation], &k.to_be_bytes()]);
        Scalar::from_u128(u128::from_be_bytes(hash.digest().half()))
    }
}
