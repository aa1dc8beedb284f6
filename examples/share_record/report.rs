//! What happened, for people and for machines.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};
use sesphr::context::{Partition, Timestamp};
use sesphr::sharing::Rule;

use crate::fhir::Bundle;
use crate::matrix::{Cell, Matrix, Moment, Who, marks};
use crate::world::{Check, DAY, Event, START, Step, World};

/// How often the server refused somebody by one rule.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    pub(crate) who: &'static str,
    pub(crate) rule: Rule,
    pub(crate) count: usize,
}

/// Everything that is printed.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    resources: usize,
    partitions: Vec<(Partition, usize, usize)>,
    unrouted: BTreeMap<String, usize>,
    steps: Vec<Step>,
    expected: Matrix,
    observed: Matrix,
    checks: Vec<Check>,
    denials: Vec<Denied>,
}

impl Report {
    pub(crate) fn new(
        file: String,
        bundle: &Bundle,
        world: &mut World,
        expected: Matrix,
        observed: Matrix,
        denials: Vec<Denied>,
    ) -> Self {
        let partitions = bundle.partitions();
        let partitions = partitions.iter().map(|p| (p.partition(), p.resources().len(), p.to_bytes_of(1).len()));
        Self {
            file,
            resources: bundle.resources().len(),
            partitions: partitions.collect(),
            unrouted: bundle.unrouted().into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect(),
            steps: std::mem::take(&mut world.steps),
            expected,
            observed,
            checks: std::mem::take(&mut world.checks),
            denials,
        }
    }

    /// Whether everything came out as expected.
    pub(crate) fn agrees(&self) -> bool {
        self.expected == self.observed && self.checks.iter().all(|check| check.held)
    }

    /// Cells that one matrix has otherwise than the other.
    fn differences(&self) -> usize {
        let differs = |cell: &Cell| self.expected.get(cell) != self.observed.get(cell);
        let missing = self.expected.keys().filter(|cell| !self.observed.contains_key(cell)).count();
        missing + self.observed.keys().filter(|cell| differs(cell)).count()
    }

    pub(crate) fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:?}: {} resources", self.file, self.resources)?;
        for (partition, count, bytes) in &self.partitions {
            writeln!(out, "  {:<12} {count:>6} resources {bytes:>9} bytes", partition.as_str())?;
        }
        for (kind, count) in &self.unrouted {
            writeln!(out, "  of no known partition, kept as medical: {kind} ({count})")?;
        }
        for (n, step) in self.steps.iter().enumerate() {
            writeln!(out, "\n{:>2}. {:<66}{} {:>10}", n + 1, step.title, clock(step.at), duration(step.took))?;
            step.events.iter().try_for_each(|event| write_event(event, out))?;
        }
        for moment in Moment::ALL {
            self.write_matrix(moment, out)?;
        }
        writeln!(out, "\nWhat else must come out in one way")?;
        for check in &self.checks {
            let mark = if check.held { "ok" } else { "! " };
            writeln!(out, "  {mark} {} {}: {}", check.by.name(), check.what, check.outcome)?;
        }
        writeln!(out, "\nDenials, as the patient sees them")?;
        for denied in &self.denials {
            writeln!(out, "  {:<14} {:>5}  {}", denied.who, denied.count, denied.rule)?;
        }
        let (cells, checks) = (self.expected.len(), self.checks.len());
        let failed = self.checks.iter().filter(|check| !check.held).count();
        if self.agrees() {
            writeln!(out, "\nAs expected: {cells} of {cells} cells of the matrix, {checks} of {checks} other outcomes.")
        } else {
            let cells = self.differences();
            writeln!(out, "\nNOT as expected: {cells} cells of the matrix and {failed} other outcomes differ.")
        }
    }

    fn write_matrix(&self, moment: Moment, out: &mut dyn Write) -> io::Result<()> {
        let count = moment.versions().count();
        let letters = if count == 1 { "version 1".to_owned() } else { format!("versions 1 to {count}") };
        writeln!(out, "\nWho reads what {}: {letters}; r reads, - does not, ! differs", moment.name())?;
        let heads =
            Partition::SESPHR.map(|partition| format!("{:<width$}", partition.as_str(), width = width(partition)));
        let heads = heads.concat();
        writeln!(out, "{:<14}| {:<41}| observed", "", "expected")?;
        writeln!(out, "{:<14}| {heads:<41}| {}", "", heads.trim_end())?;
        for who in Who::ALL {
            let row = |matrix: &Matrix| {
                let marked = |partition| {
                    let marks = marks(matrix, moment, who, partition);
                    let differs = marks != self::marks(&self.expected, moment, who, partition);
                    format!("{:<width$}", marks + if differs { "!" } else { "" }, width = width(partition))
                };
                Partition::SESPHR.map(marked).concat()
            };
            let (expected, observed) = (row(&self.expected), row(&self.observed));
            writeln!(out, "{:<14}| {expected:<41}| {}", who.name(), observed.trim_end())?;
        }
        Ok(())
    }

    pub(crate) fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let partitions = self.partitions.iter().map(
            |(partition, count, bytes)| json!({ "partition": partition.as_str(), "resources": count, "bytes": bytes }),
        );
        let steps = self.steps.iter().map(|step| {
            let events = step.events.iter().map(|event| {
                let sizes: BTreeMap<_, _> = event.sizes.iter().copied().collect();
                json!({ "what": event.what, "nanoseconds": nanoseconds(event.took), "bytes": sizes })
            });
            json!({
                "title": step.title,
                "clock": step.at.0,
                "nanoseconds": nanoseconds(step.took),
                "events": events.collect::<Value>(),
            })
        });
        let matrix = self.expected.iter().map(|(cell, expected)| {
            json!({
                "moment": cell.moment.name(),
                "who": cell.who.name(),
                "partition": cell.partition.as_str(),
                "version": cell.version,
                "expected": expected,
                "observed": self.observed.get(cell),
            })
        });
        let checks = self.checks.iter().map(
            |check| json!({ "by": check.by.name(), "what": check.what, "outcome": check.outcome, "held": check.held }),
        );
        let denials = self
            .denials
            .iter()
            .map(|denied| json!({ "who": denied.who, "rule": denied.rule.to_string(), "count": denied.count }));
        let report = json!({
            "file": self.file,
            "resources": self.resources,
            "partitions": partitions.collect::<Value>(),
            "unrouted": self.unrouted,
            "steps": steps.collect::<Value>(),
            "matrix": matrix.collect::<Value>(),
            "checks": checks.collect::<Value>(),
            "denials": denials.collect::<Value>(),
            "as_expected": self.agrees(),
        });
        writeln!(out, "{report:#}")
    }
}

fn width(partition: Partition) -> usize {
    partition.as_str().len().max(8) + 1
}

fn write_event(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let sizes: Vec<String> = event.sizes.iter().map(|(what, bytes)| format!("{what} {bytes}")).collect();
    let took = if event.took.is_zero() { String::new() } else { duration(event.took) };
    let line = format!("   {:<42}{took:>10} {}", event.what, sizes.join(" "));
    writeln!(out, "{}", line.trim_end())
}

/// Day of the story and time of the day.
fn clock(at: Timestamp) -> String {
    let (day, second) = (at.0.saturating_sub(START.0) / DAY + 1, at.0 % DAY);
    format!("day {day} {:02}:{:02}", second / 3600, second / 60 % 60)
}

fn duration(took: Duration) -> String {
    let micros = took.as_micros();
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}

fn nanoseconds(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}
