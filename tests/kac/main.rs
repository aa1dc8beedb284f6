//! Key aggregation: attacks, limits, secrets, trustees. One program, because each one has to be linked.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
#[macro_use]
mod common;

mod attacks;
mod generations;
mod limits;
mod params;
mod rotation;
mod secrets;
mod tokens;
mod trustees;
