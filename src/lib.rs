//! Share encrypted health records through servers that nobody trusts.
#![no_std]
#![cfg_attr(not(feature = "blst"), forbid(unsafe_code))]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod context;
pub mod encoding;
pub mod error;
mod hash;
#[cfg(feature = "hazmat")]
pub mod hazmat;
pub mod identity;
#[cfg(feature = "alloc")]
mod merkle;
// The facade is a whole; what is reachable of it depends on the features.
#[cfg_attr(not(feature = "hazmat"), allow(dead_code, unreachable_pub))]
mod pairing;
mod pok;
pub mod pre;
#[cfg(feature = "alloc")]
pub mod record;

#[cfg(feature = "alloc")]
pub mod sharing;

pub use hash::Digest;
