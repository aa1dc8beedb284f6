//! How operations are timed, ours and a peer's alike, and how the program of a peer is asked for them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Display;
use std::io::{BufRead, Write};

use cpu_time::ThreadTime;

/// A turn takes about this long, and at least one run.
const TURN: f64 = 0.05;
const ROUNDS: usize = 51;

/// The argument with which the program of a peer answers requests, a line each: `time OPERATION COUNT` with the seconds
/// that one run took, `size ENCODING` with bytes, and with a dash where it knows no such name.
pub const ANSWER: &str = "answer";

/// Functions, each under its name.
pub type Named<F> = &'static [(&'static str, F)];

/// Everybody of one scheme, past every check, with what they can do and what they can send. An operation leaves the
/// world as it was.
pub trait World: Sized + 'static {
    const OPERATIONS: Named<fn(&mut Self)>;
    /// How many bytes an encoding has.
    const SIZES: Named<fn(&Self) -> usize> = &[];
}

/// What can be asked, here and in another process; `None` where there is nothing of this name.
pub trait Timed {
    /// Runs an operation so often, and says how many seconds one took.
    fn time(&mut self, operation: &str, count: u32) -> Option<f64>;
    fn size(&mut self, encoding: &str) -> Option<usize>;
}

impl<W: World> Timed for W {
    fn time(&mut self, operation: &str, count: u32) -> Option<f64> {
        let run = find(W::OPERATIONS, operation)?;
        let start = ThreadTime::now();
        (0..count).for_each(|_| run(self));
        Some(start.elapsed().as_secs_f64() / f64::from(count))
    }

    fn size(&mut self, encoding: &str) -> Option<usize> {
        find(W::SIZES, encoding).map(|size| size(self))
    }
}

fn find<F: Copy>(table: Named<F>, wanted: &str) -> Option<F> {
    table.iter().find(|(name, _)| *name == wanted).map(|(_, function)| *function)
}

/// Medians of the times of each in seconds, and of the ratios to the first in the same round.
pub struct Medians {
    pub times: Vec<Option<f64>>,
    pub ratios: Vec<Option<f64>>,
}

/// Times everybody in turns, each at the operation that has this name there.
pub fn measure(all: &mut [(&str, &mut dyn Timed)]) -> Medians {
    let fill_a_turn = |(name, timed): &mut (&str, &mut dyn Timed)| {
        // The first run warms up; the others say how many fill a turn.
        let _ = timed.time(name, 1);
        timed.time(name, 3).map(|once| (TURN / once).ceil() as u32)
    };
    let counts: Vec<_> = all.iter_mut().map(fill_a_turn).collect();
    let mut rounds = vec![Vec::new(); all.len()];
    for round in 0..ROUNDS {
        for turn in 0..all.len() {
            // Nobody is always the first, or always after the same other.
            let turn = (turn + round) % all.len();
            let who = if round % 2 == 0 { turn } else { all.len() - 1 - turn };
            if let Some(count) = counts[who] {
                let (name, timed) = &mut all[who];
                rounds[who].push(timed.time(name, count).expect("it could before"));
            }
        }
    }
    let to_first = |times: &Vec<f64>| median(times.iter().zip(&rounds[0]).map(|(time, first)| time / first).collect());
    Medians { ratios: rounds.iter().map(to_first).collect(), times: rounds.iter().cloned().map(median).collect() }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What a table shows where there is no value.
pub fn or_dash(value: Option<impl Display>) -> String {
    value.map_or("–".into(), |value| value.to_string())
}

/// Three significant digits and a unit.
pub fn time(seconds: Option<f64>) -> String {
    or_dash(seconds.map(|seconds| {
        let (value, unit) = if seconds >= 1e-3 { (seconds * 1e3, "ms") } else { (seconds * 1e6, "µs") };
        let digits = 2 - (value.log10().floor() as usize).min(2);
        format!("{value:.digits$} {unit}")
    }))
}

/// The whole program of a peer: answers requests if it is told to, or else prints a table of everything.
pub fn run_peer<W: World>(mut world: W) {
    if std::env::args().any(|argument| argument == ANSWER) { answer(&mut world) } else { print(&mut world) }
}

fn answer(world: &mut impl Timed) {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let answer = match line.split(' ').collect::<Vec<_>>()[..] {
            ["time", operation, count] => {
                world.time(operation, count.parse().expect("a count")).map(|seconds| seconds.to_string())
            }
            ["size", encoding] => world.size(encoding).map(|bytes| bytes.to_string()),
            _ => None,
        };
        writeln!(out, "{}", answer.as_deref().unwrap_or("-")).and_then(|()| out.flush()).unwrap();
    }
}

fn print<W: World>(world: &mut W) {
    println!("| operation | time |\n|---|---|");
    for (operation, _) in W::OPERATIONS {
        println!("| {operation} | {} |", time(measure(&mut [(*operation, world as &mut dyn Timed)]).times[0]));
    }
    if !W::SIZES.is_empty() {
        println!("\n| encoding | bytes |\n|---|---|");
    }
    for (encoding, size) in W::SIZES {
        println!("| {encoding} | {} |", size(world));
    }
}
