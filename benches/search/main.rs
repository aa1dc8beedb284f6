//! Search over encrypted index values.
//!
//! `cargo bench --bench search`, and with `--features rayon` for every core.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;

mod ordered;

use common::report::Run;

fn main() {
    let mut run = Run::new();
    ordered::benches(&mut run.criterion);
    run.finish(|_| ordered::tables());
}
