//! Unstable entry points for benchmarks and test vectors. Nothing here is for applications, and anything
//! here may change in any release.

/// The BLS12-381 facade.
pub mod pairing {
    pub use crate::pairing::*;
}

/// The ristretto255 facade.
#[cfg(feature = "alloc")]
pub mod ristretto {
    pub use crate::ristretto::{Element, Point, Scalar, Table};
}

/// Sealed partitions under chosen keys.
#[cfg(feature = "alloc")]
pub mod record {
    pub use crate::record::hazmat::*;
}

/// The ordered mode of search from numbers and from chosen digests.
#[cfg(feature = "alloc")]
pub mod search_ordered {
    pub use crate::search::ordered::hazmat::*;
}

/// Index values without an encoder, and right ciphertexts with a chosen nonce.
#[cfg(feature = "alloc")]
pub mod search {
    pub use crate::search::hazmat::*;
}

/// The labelled hashes, so that vectors can be followed step by step.
pub mod hash {
    use zeroize::Zeroizing;

    use crate::hash::{self, Label};
    use crate::pairing::Scalar;

    /// `hash(label, parts…)`, 64 bytes.
    pub fn wide(label: &'static str, parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
        hash::hash(Label::hazmat(label), parts).wide()
    }

    /// `H_s(label, parts…)`.
    pub fn scalar(label: &'static str, parts: &[&[u8]]) -> Scalar {
        hash::hash(Label::hazmat(label), parts).scalar()
    }

    /// `KDF(label, secret, parts…)`.
    pub fn kdf(label: &'static str, secret: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        hash::kdf(Label::hazmat(label), secret, parts)
    }
}
