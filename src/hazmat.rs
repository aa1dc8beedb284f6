//! Unstable entry points for benchmarks and test vectors. Nothing here is for applications, and anything
//! here may change in any release.

/// The BLS12-381 facade.
pub mod pairing {
    pub use crate::pairing::*;
}

/// Sealed partitions under chosen keys.
#[cfg(feature = "alloc")]
pub mod record {
    pub use crate::record::hazmat::*;
}
