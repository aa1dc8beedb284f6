//! Revocation: attacks, and what cannot be defended. One program, because each one has to be linked.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
#[macro_use]
mod common;

// The parties.
#[path = "../common/sharing.rs"]
#[macro_use]
mod roles;

mod rewrap;
mod table;
