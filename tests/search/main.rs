//! Search as its parties do it: owners, providers and those below them, users, switchers and clouds.

#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, unreachable_pub)]

mod batches;
#[path = "../common/mod.rs"]
mod common;
mod leakage;
mod oracle;
mod persistence;
mod quarantine;
mod revocation;
mod rosters;
mod scene;
mod scopes;
mod story;
mod tokens;
