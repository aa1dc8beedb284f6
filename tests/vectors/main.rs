//! Vectors from an independent implementation. One program, because each one has to be linked.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
#[macro_use]
mod common;

mod afgh;
mod broadcast;
mod epoch;
mod kac;
mod kapre;
mod record;
mod rewrap;
mod ristretto;
mod search_federated;
mod search_ordered;
mod threshold;
