//! Runs criterion and prints what it found as Markdown.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use criterion::Criterion;

/// One run of a bench binary.
pub struct Run {
    pub criterion: Criterion,
    directory: PathBuf,
    started: SystemTime,
}

impl Run {
    pub fn new() -> Self {
        let home = env::var_os("CRITERION_HOME").map(PathBuf::from);
        // The binary is in target/<profile>/deps.
        let target = || env::current_exe().unwrap().ancestors().nth(3).unwrap().join("criterion");
        let directory = home.unwrap_or_else(target);
        let criterion = Criterion::default()
            .output_directory(&directory)
            .sample_size(20)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1500))
            .configure_from_args();
        Self { criterion, directory, started: SystemTime::now() }
    }

    /// Whether this run measures, and not merely tests or lists the benches.
    pub fn measures() -> bool {
        let any = |names: &[&str]| env::args().any(|argument| names.contains(&argument.as_str()));
        any(&["--bench"]) && !any(&["--test", "--list", "--profile-time"])
    }

    /// The median of a bench of this run, in seconds; nothing where a filter left it out.
    fn median(&self, id: &str) -> Option<f64> {
        let file = self.directory.join(id).join("new").join("estimates.json");
        if fs::metadata(&file).ok()?.modified().ok()? < self.started {
            return None;
        }
        let estimates: serde_json::Value = serde_json::from_slice(&fs::read(&file).ok()?).ok()?;
        Some(estimates.get("median")?.get("point_estimate")?.as_f64()? / 1e9)
    }

    /// A bench's median as a cell.
    pub fn cell(&self, id: &str) -> String {
        self.median(id).map_or("–".into(), time)
    }

    /// The last words of a bench: criterion's summary, then the tables.
    pub fn finish(self, tables: impl FnOnce(&Self)) {
        self.criterion.final_summary();
        if Self::measures() {
            println!();
            tables(&self);
        }
    }
}

/// Three significant digits and a unit.
pub fn time(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 1e-3 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    let digits = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.digits$} {unit}")
}

/// One line of a Markdown table.
pub fn row<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) {
    let cells: Vec<_> = cells.into_iter().collect();
    let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
    println!("| {} |", cells.join(" | "));
}

/// A heading, the head of a table, and its rule.
pub fn head(title: &str, cells: &[&str]) {
    println!("\n**{title}**\n");
    row(cells);
    println!("|{}", "---|".repeat(cells.len()));
}
