//! Sharing, with every scheme. One program, because each one has to be linked.
#![cfg(feature = "alloc")]

#[path = "../common/sharing.rs"]
#[macro_use]
mod common;

mod cloud;
mod emergency;
mod faults;
mod faulty;
mod heads;
mod messages;
mod oracle;
mod receipts;
mod recovery;
mod referral;
mod server;
mod story;
mod time;
