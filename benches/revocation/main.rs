//! Revocation: what it takes to put someone who left behind. Every operation beside the sum of its primitives, timed in turns.
//!
//! `cargo bench --bench revocation`, and with `--features rayon` for one core beside two. It has no other backend.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod rewrap;

use common::report::Run;

fn main() {
    let mut run = Run::new();
    let setting = rewrap::Setting::new();
    let mut operations = rewrap::operations(&setting);
    common::primitives::benches("rewrap", rewrap::ON, &mut run.criterion, &mut operations);
    run.finish(|_| {
        common::primitives::ratios("Rise", rewrap::ON, &mut operations);
        rewrap::many(&setting);
        rewrap::sizes(&setting);
    });
}
