//! Search over encrypted index values, beside the bare cipher that it is made of.
//!
//! `cargo bench --bench search`, and with `--features rayon` for every core.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;

mod federated;

use common::report::Run;

fn main() {
    let mut run = Run::new();
    federated::benches(&mut run.criterion);
    run.finish(|_| federated::tables());
}
