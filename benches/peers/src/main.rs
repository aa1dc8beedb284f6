//! Times proxy re-encryption by `recrypt` (256-bit curve) and by `Afgh` and `Kapre` of this crate, side by side in one
//! run, and prints a Markdown table of medians and of ratios.
//!
//! `cargo run --release` here, and with `--features blst` for the other backend. It builds and starts `recrypt/`.
//! Arguments choose operations: `cargo run --release -- turnaround`. It fails when a claim on `Kapre` does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ours;
mod peer;

use std::collections::BTreeMap;
use std::process::ExitCode;

use ours::Ours;
use peer::Peer;
use sesphr::hazmat::pairing::BACKEND;
use sesphr::kapre::Kapre;
use sesphr::pre::afgh::Afgh;

/// Something that runs an operation so often and says how many seconds one took; `None` where it has no such operation.
pub trait Timed {
    fn time(&mut self, operation: &str, count: u32) -> Option<f64>;
}

/// What is timed, and what it is called in the table.
const OPERATIONS: [(&str, &str); 11] = [
    ("owner_keygen", "an owner's key pair"),
    ("user_keygen", "a delegatee's key pair"),
    ("encapsulate", "a fresh key, encrypted"),
    ("open", "decryption by the owner"),
    ("delegate", "transform key, or grant"),
    ("accept", "check of a grant and its key by server and delegatee, once a grant"),
    ("reencrypt", "re-encryption"),
    ("open_reencrypted", "decryption by the delegatee"),
    ("turnaround", "**turnaround**: re-encryption and decryption"),
    ("verify_capsule", "public check of a capsule"),
    ("checked_turnaround", "**turnaround** with the public check of the capsule"),
];

/// What `recrypt` is compared with where it has no operation of this name: it checks signatures where it transforms,
/// and has no check beyond.
fn peers_name(operation: &str) -> &str {
    if operation == "checked_turnaround" { "turnaround" } else { operation }
}

/// A turn takes about this long, and at least one run.
const TURN: f64 = 0.05;
const ROUNDS: usize = 51;

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Medians of the times of each in seconds, and of the ratios of ours to the peer's of the same round.
#[derive(Default)]
struct Row {
    times: [Option<f64>; 3],
    ratios: [Option<f64>; 3],
}

fn measure(operation: &str, all: &mut [Box<dyn Timed>; 3]) -> Row {
    let name = |who: usize| if who == 0 { peers_name(operation) } else { operation };
    let mut counts = [None; 3];
    for (who, timed) in all.iter_mut().enumerate() {
        // The first run warms up; the second says how many fill a turn.
        let _ = timed.time(name(who), 1);
        counts[who] = timed.time(name(who), 3).map(|once| (TURN / once).ceil() as u32);
    }
    let mut rounds = [(); 3].map(|()| Vec::new());
    for round in 0..ROUNDS {
        // Nobody is always the first, or always after the same other.
        let order = if round % 2 == 0 { [0, 1, 2] } else { [2, 1, 0] };
        for turn in 0..3 {
            let who = order[(turn + round) % 3];
            if let Some(count) = counts[who] {
                rounds[who].push(all[who].time(name(who), count).expect("it could before"));
            }
        }
    }
    let ratios = |who: usize| rounds[who].iter().zip(&rounds[0]).map(|(ours, peer)| ours / peer).collect();
    Row { ratios: [None, median(ratios(1)), median(ratios(2))], times: rounds.clone().map(median) }
}

/// Three significant digits and a unit.
fn time(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "–".into() };
    let (value, unit) = if seconds >= 1e-3 { (seconds * 1e3, "ms") } else { (seconds * 1e6, "µs") };
    let digits = 2 - (value.log10().floor() as usize).min(2);
    format!("{value:.digits$} {unit}")
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or("–".into(), |ratio| format!("{ratio:.3}"))
}

fn main() -> ExitCode {
    let wanted: Vec<_> = std::env::args().skip(1).collect();
    let mut all: [Box<dyn Timed>; 3] =
        [Box::new(Peer::start()), Box::new(Ours::<Afgh>::new()), Box::new(Ours::<Kapre>::new())];
    println!("**Peers: recrypt {}, and `Afgh` and `Kapre` on `{BACKEND}`, in turns**\n", peer::VERSION);
    println!("| operation | recrypt | Afgh | Afgh / recrypt | Kapre | Kapre / recrypt |");
    println!("|---|---|---|---|---|---|");
    let mut rows = BTreeMap::new();
    for (operation, title) in OPERATIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == operation) {
            let row = measure(operation, &mut all);
            let ([peer, afgh, kapre], [_, to_afgh, to_kapre]) = (row.times.map(time), row.ratios.map(ratio));
            println!("| {title} | {peer} | {afgh} | {to_afgh} | {kapre} | {to_kapre} |");
            rows.insert(operation, row);
        }
    }
    let Some(claimed) = rows.get("turnaround").and_then(|row| row.ratios[2]) else { return ExitCode::SUCCESS };
    let most = if BACKEND == "blst" { 0.06 } else { 0.15 };
    let holds = claimed <= most;
    let verdict = if holds { "holds" } else { "DOES NOT HOLD" };
    println!("\nTurnaround of `Kapre` at most {most} of recrypt's: {verdict}, {claimed:.3}.");
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
