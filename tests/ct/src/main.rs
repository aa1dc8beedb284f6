//! `sesphr-ct CASE` runs one case; without an argument it prints the names. run.sh runs them all under valgrind.
//!
//! A case makes its inputs in the clear, marks the secrets, calls one function, declassifies what the protocol
//! publishes and checks the result. To add one, write a function and add a line to [`CASES`]. `controls` holds
//! functions that leak on purpose: what valgrind does not report there it would not report anywhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod controls;
mod epoch;
mod kac;
mod kapre;
mod memcheck;
mod pairing;
mod pre;
mod record;
mod rewrap;
mod rotation;
mod search;
mod threshold;
mod trustees;
mod world;

use std::process::ExitCode;

/// Name and function.
type Case = (&'static str, fn());

/// Every case. `control-…` must be reported, everything else must not.
const CASES: &[&[Case]] = &[
    controls::CASES,
    pairing::CASES,
    epoch::CASES,
    kac::CASES,
    kapre::CASES,
    pre::CASES,
    record::CASES,
    rewrap::CASES,
    rotation::CASES,
    search::CASES,
    threshold::CASES,
    trustees::CASES,
];

fn main() -> ExitCode {
    let cases = || CASES.iter().copied().flatten();
    let Some(name) = std::env::args().nth(1) else {
        cases().for_each(|(name, _)| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let Some((_, case)) = cases().find(|(known, _)| **known == name) else {
        eprintln!("no case of that name: {name}");
        return ExitCode::from(2);
    };
    if !memcheck::running() {
        // Useful for debugging a case; as a test it says nothing.
        eprintln!("not under valgrind: nothing is checked");
    }
    case();
    ExitCode::SUCCESS
}
