//! What happened, for people and for machines.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};
use sesphr::context::{Partition, Timestamp};

use crate::auditing::Findings;
use crate::fhir::Bundle;
use crate::matrix::{Cell, Matrix, Moment, Pool, Tables, Who, marks};
use crate::world::{Check, DAY, Event, START, Step, World};

/// What stands behind the matrices.
const ENFORCED: [(&str, &[&str]); 2] = [
    (
        "By cryptography, whatever the server does",
        &[
            "nobody reads what is in a period of which no grant exists for them, the server least of all;",
            "who pools reads the union of what was granted to each, with the server's help or without;",
            "what is written after a departure is closed to who left.",
        ],
    ),
    (
        "By the server's good will",
        &[
            "that a grant which was taken back or has ended is not carried out for what was written before:",
            "the rows with the server show what is read without it;",
            "that there is a receipt of every answer.",
        ],
    ),
];

/// Everything that is printed.
#[derive(Debug)]
pub(crate) struct Report {
    file: String,
    resources: usize,
    partitions: Vec<(Partition, usize, usize)>,
    unrouted: BTreeMap<String, usize>,
    steps: Vec<Step>,
    expected: Tables,
    observed: Tables,
    checks: Vec<Check>,
    audit: Findings,
}

impl Report {
    pub(crate) fn new(
        file: String,
        bundle: &Bundle,
        world: &mut World,
        expected: Tables,
        observed: Tables,
        audit: Findings,
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
            audit,
        }
    }

    /// Whether everything came out as expected.
    pub(crate) fn agrees(&self) -> bool {
        self.expected == self.observed && self.checks.iter().all(|check| check.held)
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
        Moment::ALL.iter().try_for_each(|moment| self.write_together(*moment, out))?;
        for (by, what) in ENFORCED {
            writeln!(out, "\n{by}")?;
            what.iter().try_for_each(|line| writeln!(out, "  {line}"))?;
        }
        writeln!(out, "\nWhat else must come out in one way")?;
        for check in &self.checks {
            let mark = if check.held { "ok" } else { "! " };
            writeln!(out, "  {mark} {} {}: {}", check.by.name(), check.what, check.outcome)?;
        }
        writeln!(out, "\nWho read what, as the patient finds it in the server's log")?;
        for read in &self.audit.reads {
            let (partition, first, last) = (read.partition.as_str(), clock(read.first), clock(read.last));
            let version = read.version;
            writeln!(
                out,
                "  {:<14} {partition:<12} version {version} {:>3}×, {first} to {last}",
                read.who, read.count
            )?;
        }
        writeln!(out, "\nDenials, as the patient finds them there")?;
        for denied in &self.audit.denials {
            writeln!(out, "  {:<14} {:>5}  {}", denied.who, denied.count, denied.rule)?;
        }
        let failed = self.checks.iter().filter(|check| !check.held).count();
        if self.agrees() {
            let (cells, together, checks) =
                (self.expected.alone.len(), self.expected.together.len(), self.checks.len());
            writeln!(
                out,
                "\nAs expected: {cells} of {cells} cells of the matrix, {together} of {together} of those who"
            )?;
            writeln!(out, "collude, {checks} of {checks} other outcomes.")
        } else {
            let cells = differences(&self.expected.alone, &self.observed.alone)
                + differences(&self.expected.together, &self.observed.together);
            writeln!(out, "\nNOT as expected: {cells} cells of the matrices and {failed} other outcomes differ.")
        }
    }

    fn write_together(&self, moment: Moment, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\nWho reads what by pooling {}: personal, medical, insurance, prescription", moment.name())?;
        writeln!(out, "{:<31}| {:<17}| observed", "", "expected")?;
        for pool in Pool::ALL {
            let row = |matrix: &Matrix<Pool>| {
                Partition::SESPHR.map(|partition| marks(matrix, moment, pool, partition)).join(" ")
            };
            let (expected, observed) = (row(&self.expected.together), row(&self.observed.together));
            let differs = if expected == observed { "" } else { " !" };
            writeln!(out, "{:<31}| {expected:<17}| {observed}{differs}", pool.name())?;
        }
        Ok(())
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
                    let differs = marks != self::marks(&self.expected.alone, moment, who, partition);
                    format!("{:<width$}", marks + if differs { "!" } else { "" }, width = width(partition))
                };
                Partition::SESPHR.map(marked).concat()
            };
            let (expected, observed) = (row(&self.expected.alone), row(&self.observed.alone));
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
        let name = |who: &Who| who.name().to_owned();
        let matrix = cells(&self.expected.alone, &self.observed.alone, name);
        let together = cells(&self.expected.together, &self.observed.together, |pool| pool.name());
        let checks = self.checks.iter().map(
            |check| json!({ "by": check.by.name(), "what": check.what, "outcome": check.outcome, "held": check.held }),
        );
        let reads = self.audit.reads.iter().map(|read| {
            json!({
                "who": read.who,
                "partition": read.partition.as_str(),
                "version": read.version,
                "count": read.count,
                "first": read.first.0,
                "last": read.last.0,
            })
        });
        let denials = self.audit.denials.iter();
        let denials =
            denials.map(|denied| json!({ "who": denied.who, "rule": denied.rule.to_string(), "count": denied.count }));
        let report = json!({
            "file": self.file,
            "resources": self.resources,
            "partitions": partitions.collect::<Value>(),
            "unrouted": self.unrouted,
            "steps": steps.collect::<Value>(),
            "matrix": matrix,
            "together": together,
            "checks": checks.collect::<Value>(),
            "reads": reads.collect::<Value>(),
            "denials": denials.collect::<Value>(),
            "as_expected": self.agrees(),
        });
        writeln!(out, "{report:#}")
    }
}

/// Cells that one matrix has otherwise than the other.
fn differences<W: Ord>(expected: &Matrix<W>, observed: &Matrix<W>) -> usize {
    let missing = expected.keys().filter(|cell| !observed.contains_key(cell)).count();
    missing + observed.iter().filter(|(cell, read)| expected.get(cell) != Some(read)).count()
}

fn cells<W: Ord>(expected: &Matrix<W>, observed: &Matrix<W>, name: impl Fn(&W) -> String) -> Value {
    let cell = |(cell, expected): (&Cell<W>, &bool)| {
        json!({
            "moment": cell.moment.name(),
            "who": name(&cell.who),
            "partition": cell.partition.as_str(),
            "version": cell.version,
            "expected": expected,
            "observed": observed.get(cell),
        })
    };
    expected.iter().map(cell).collect()
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
