//! Unstable entry points for benchmarks and test vectors. Nothing here is for applications, and anything
//! here may change in any release.

/// The BLS12-381 facade.
pub mod pairing {
    pub use crate::pairing::*;
}
