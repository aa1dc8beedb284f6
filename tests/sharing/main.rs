//! Sharing, with every scheme. One program, because each one has to be linked.
#![cfg(feature = "alloc")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/sharing.rs"]
#[macro_use]
mod common;

mod cloud;
mod departure;
mod emergency;
mod faults;
mod faulty;
mod heads;
mod messages;
mod oracle;
mod receipts;
mod recovery;
mod referral;
mod search;
mod server;
mod several;
mod story;
mod time;
