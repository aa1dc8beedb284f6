//! Times proxy re-encryption by our schemes and by peers, side by side in one run, and prints Markdown tables of medians
//! and of ratios: `recrypt` (256-bit curve) beside `Afgh` and `Kapre`, and `umbral-pre` beside `Threshold`.
//!
//! `cargo run --release` here, and with `--features blst` for the other backend. It builds and starts `recrypt/` and
//! `umbral/`. Arguments choose peers and operations: `cargo run --release -- recrypt turnaround`. It fails when a claim
//! does not hold.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod comparisons;
mod ours;
mod peer;

use std::process::ExitCode;

use comparisons::{COMPARISONS, Comparison, Row};
use peer::Peer;
use sesphr_peers_timing::{Timed, measure, or_dash, time};

/// Prints one line of a table.
fn line(cells: impl IntoIterator<Item = String>) {
    println!("| {} |", cells.into_iter().collect::<Vec<_>>().join(" | "));
}

/// Prints the head of a table.
fn head(cells: Vec<String>) {
    let rule = cells.iter().map(|_| "---").collect::<Vec<_>>().join("|");
    line(cells);
    println!("|{rule}|");
}

fn three_digits(ratio: Option<f64>) -> String {
    or_dash(ratio.map(|ratio| format!("{ratio:.3}")))
}

/// Prints what is measured and returns what is claimed, with whether it holds.
fn compare(comparison: &Comparison, rows: &[&Row]) -> Vec<(bool, String)> {
    let peer = comparison.peer;
    let mut started = Peer::start(comparison.package);
    let mut ours = (comparison.ours)();
    let names: Vec<_> = ours.iter().map(|(name, _)| *name).collect();
    let beside = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let beside = if names.is_empty() { beside } else { format!(", and {beside} on `{}`, in turns", comparison.on) };
    println!("**Peers: {peer} {}{beside}**\n", peer::version(comparison.package, peer));
    let titles = names.iter().flat_map(|name| [name.to_string(), format!("{name} / {peer}")]);
    head(["operation".into(), peer.into()].into_iter().chain(titles).collect());
    let mut claims = Vec::new();
    for Row { operation, peers, title, most } in rows {
        let mut all: Vec<(&str, &mut dyn Timed)> = vec![(peers, &mut started)];
        all.extend(ours.iter_mut().map(|(_, ours)| (*operation, &mut **ours as &mut dyn Timed)));
        let medians = measure(&mut all);
        let ours = medians.times.iter().zip(&medians.ratios).skip(1);
        let cells = ours.flat_map(|(&seconds, &ratio)| [time(seconds), three_digits(ratio)]);
        line([title.to_string(), time(medians.times[0])].into_iter().chain(cells));
        if let (Some(most), Some(name)) = (most, names.last()) {
            // Where one of the two has no such operation, nothing holds.
            let ratio = medians.ratios.last().copied().flatten();
            let holds = ratio.is_some_and(|ratio| ratio <= *most);
            let (verdict, found) = (if holds { "holds" } else { "DOES NOT HOLD" }, three_digits(ratio));
            claims.push((holds, format!("`{operation}` of `{name}` at most {most} of {peer}'s: {verdict}, {found}.")));
        }
    }
    if !comparison.encodings.is_empty() {
        println!();
        head(["bytes", peer].into_iter().chain(names).map(String::from).collect());
    }
    for (encoding, title) in comparison.encodings {
        let bytes = ours.iter_mut().map(|(_, ours)| or_dash(ours.size(encoding)));
        let bytes: Vec<_> = [title.to_string(), or_dash(started.size(encoding))].into_iter().chain(bytes).collect();
        line(bytes);
    }
    println!();
    claims
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (peers, operations): (Vec<_>, Vec<_>) =
        arguments.iter().partition(|argument| COMPARISONS.iter().any(|one| one.package == **argument));
    let wanted = |all: &[&String], name: &str| all.is_empty() || all.iter().any(|wanted| *wanted == name);
    let chosen = COMPARISONS.iter().filter(|one| wanted(&peers, one.package)).map(|one| {
        let rows = one.rows.iter().filter(|row| wanted(&operations, row.operation));
        (one, rows.collect::<Vec<_>>())
    });
    let chosen: Vec<_> = chosen.filter(|(_, rows)| !rows.is_empty()).collect();
    assert!(!chosen.is_empty(), "no such operation");
    let claims: Vec<_> = chosen.iter().flat_map(|(comparison, rows)| compare(comparison, rows)).collect();
    claims.iter().for_each(|(_, claim)| println!("{claim}"));
    if claims.iter().all(|(holds, _)| *holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
