//! Replays every committed fuzzing input through the check of its target: seeds, and whatever was once found.

#[path = "../fuzz/src/checks.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets use it too")]
mod checks;

use std::fs;
use std::path::Path;

fn corpus(target: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

#[test]
fn every_input_passes() {
    for (target, check) in checks::TARGETS {
        let inputs: Vec<_> = fs::read_dir(corpus(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{target} has no seeds: run `cargo test --test corpus -- --ignored`");
        for input in &inputs {
            let outcome = std::panic::catch_unwind(|| check(&fs::read(input).unwrap()));
            assert!(outcome.is_ok(), "{}", input.display());
        }
        println!("corpus: {target}: {} inputs", inputs.len());
    }
}

/// The decoders' seeds decode: a seed of an old format reaches nothing. A change of format fails here until the seeds
/// are written again.
#[test]
fn seeds_are_current() {
    for (target, name, bytes) in checks::seeds() {
        let committed = fs::read(corpus(target).join(name)).unwrap_or_default();
        assert!(committed == bytes, "{target}/{name} is not current: run `cargo test --test corpus -- --ignored`");
    }
}

#[test]
#[ignore = "writes the seeds"]
fn write_seeds() {
    for (target, name, bytes) in checks::seeds() {
        fs::create_dir_all(corpus(target)).unwrap();
        fs::write(corpus(target).join(name), bytes).unwrap();
    }
}
