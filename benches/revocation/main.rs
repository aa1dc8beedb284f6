//! Revocation: what it takes to put someone who left behind. Operations beside the sum of their primitives, timed in turns;
//! what a cloud does to what it stores, beside the bare cipher; and a departure from groups of three sizes.
//!
//! `cargo bench --bench revocation`, and with `--features rayon` for one core beside two.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;

mod broadcast;
mod depart;
mod layer;
mod rewrap;
mod rotate;

use common::report::Run;

fn main() {
    let mut run = Run::new();
    let setting = rewrap::Setting::new();
    let mut operations = rewrap::operations(&setting);
    common::primitives::benches("rewrap", rewrap::ON, &mut run.criterion, &mut operations);
    let rotation = rotate::Setting::new();
    let mut rotations = rotate::operations(&rotation);
    common::primitives::benches("rotate", rotate::ON, &mut run.criterion, &mut rotations);
    layer::benches(&mut run.criterion);
    run.finish(|run| {
        common::primitives::ratios("Rise", rewrap::ON, &mut operations);
        rewrap::many(&setting);
        rewrap::sizes(&setting);
        common::primitives::ratios("Kapre", rotate::ON, &mut rotations);
        rotate::many(&rotation);
        layer::tables(run);
        broadcast::broadcasts();
        depart::table();
    });
}
