//! What revocation costs the cloud.
//!
//! `cargo bench --bench revocation`, and again with `--features rayon`.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;

mod layer;

use common::report::Run;

fn main() {
    let mut run = Run::new();
    layer::benches(&mut run.criterion);
    run.finish(layer::tables);
}
