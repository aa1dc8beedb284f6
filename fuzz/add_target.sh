#!/usr/bin/env bash
# Writes fuzz_targets/NAME.rs and its entry in Cargo.toml for a function that src/checks.rs has.
set -euo pipefail
cd "$(dirname "$0")"
for name in "$@"; do
    cat >"fuzz_targets/$name.rs" <<RUST
#![no_main]

#[path = "../src/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::$name(data));
RUST
    grep -q "^name = \"$name\"$" Cargo.toml || cat >>Cargo.toml <<TOML
[[bin]]
name = "$name"
path = "fuzz_targets/$name.rs"
test = false
doc = false
bench = false

TOML
    mkdir -p "corpus/$name"
done
