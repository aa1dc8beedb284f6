//! Search over encrypted index values: each mode beside the primitives that it is made of, and whole columns.
//!
//! `cargo bench --bench search`, and with `--features rayon` for every core.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;

mod federated;
mod index;
mod ordered;

use common::report::Run;

fn main() {
    let mut run = Run::new();
    federated::benches(&mut run.criterion);
    ordered::benches(&mut run.criterion);
    run.finish(|_| {
        federated::tables();
        index::tables();
        ordered::tables();
    });
}
