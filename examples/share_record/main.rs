//! A patient shares a health record through a server and a cloud that nobody trusts: the whole story, from keys to
//! departure, with the access matrix that it must end with and the one that was observed; the same for those who pool
//! their keys, with the server and without; and the server's log, as the patient reads it.
//!
//! ```text
//! cargo run --release --example share_record [-- [--json] [FILE]]
//! ```
//!
//! Colluders are carried as far as the crate's interface goes: every key and every mask on every re-encryption. That no
//! other combination of what they have leads further is a claim about the scheme, and no example can show it. Nor does
//! this one show emergencies, referrals, or a patient who loses the device: see the other examples.
//!
//! Exit code 0 when everything came out as expected, 1 when something did not, 2 when there is nothing to tell: no
//! such file, no bundle in it, a wrong argument.

mod args;
mod attempts;
mod auditing;
mod collusion;
mod fhir;
mod matrix;
mod report;
mod story;
mod tampering;
mod world;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use args::{Command, UsageError};
use fhir::LoadError;
use report::Report;
use world::StoryError;

/// Why the program ends early.
#[derive(Debug)]
enum Failure {
    Usage(UsageError),
    Load { file: PathBuf, error: LoadError },
    Story(StoryError),
    Write(io::Error),
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            // A step that must succeed did not: a difference like any other.
            Self::Story(_) => 1,
            Self::Usage(_) | Self::Load { .. } | Self::Write(_) => 2,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            // The debug form of a path stays on one line, whatever the name.
            Self::Load { file, error } => write!(f, "{file:?}: {error}"),
            Self::Story(error) => write!(f, "the story broke off: {error}"),
            Self::Write(error) => write!(f, "cannot write the output: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

fn main() -> ExitCode {
    // `println!` would panic when the reader of a pipe has seen enough.
    let (out, err) = (&mut io::stdout().lock(), &mut io::stderr().lock());
    ExitCode::from(code(tell(std::env::args_os().skip(1), out), err))
}

/// The exit code; what went wrong is one line in `err`.
fn code(told: Result<bool, Failure>, err: &mut dyn Write) -> u8 {
    match told {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(failure) => {
            // Where standard error is closed, the exit code has to do.
            let _ = writeln!(err, "share_record: {failure}");
            failure.code()
        }
    }
}

/// Whether everything came out as expected.
fn tell(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> Result<bool, Failure> {
    let (file, json) = match args::parse(arguments).map_err(Failure::Usage)? {
        Command::Help => {
            out.write_all(args::HELP.as_bytes())?;
            out.flush()?;
            return Ok(true);
        }
        Command::Share { file, json } => (file, json),
    };
    let bundle = fhir::load(&file).map_err(|error| Failure::Load { file: file.clone(), error })?;
    let report = story::play(file_name(&file), &bundle, matrix::tables()).map_err(Failure::Story)?;
    show(&report, json, out)
}

fn show(report: &Report, json: bool, out: &mut dyn Write) -> Result<bool, Failure> {
    let written = if json { report.write_json(out) } else { report.write_text(out) };
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough; the verdict stands.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(report.agrees()),
    }
}

// The folders of whoever runs the example are nobody's business in its output.
fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::atomic::{AtomicUsize, Ordering};

    use matrix::{Cell, Moment, Pool, Who};
    use serde_json::Value;
    use sesphr::context::Partition;

    /// A file that is gone when the test is over.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(content: &[u8]) -> Self {
            static COUNT: AtomicUsize = AtomicUsize::new(0);
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("share-record-{}-{n}", std::process::id()));
            std::fs::write(&path, content).unwrap();
            Self(path)
        }

        fn path(&self) -> &str {
            self.0.to_str().unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    /// Exit code, output and errors.
    fn outcome(body: impl FnOnce(&mut Vec<u8>) -> Result<bool, Failure>) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = code(body(&mut out), &mut err);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    fn program(arguments: &[&str]) -> (u8, String, String) {
        outcome(|out| tell(arguments.iter().map(OsString::from), out))
    }

    /// Marks of a table of the text: one row for each party, expected and observed.
    fn tables(text: &str) -> Vec<(Vec<&str>, Vec<&str>)> {
        let names = Who::ALL.map(Who::name);
        let row = |line: &'_ str| names.contains(&line.split('|').next().unwrap().trim());
        text.lines()
            .filter(|line| line.contains('|') && row(line))
            .map(|line| {
                let mut columns = line.split('|').skip(1).map(|column| column.split_whitespace().collect());
                (columns.next().unwrap(), columns.next().unwrap())
            })
            .collect()
    }

    #[test]
    fn the_shipped_bundle() {
        let (code, text, err) = program(&[]);
        assert_eq!((code, &*err), (0, ""), "{text}");
        for part in ["personal", "medical", "insurance", "prescription", "medical: Basic (1)", "2 taken back"] {
            assert!(text.contains(part), "{text}");
        }
        for pool in Pool::ALL {
            assert_eq!(text.lines().filter(|line| line.starts_with(&format!("{:<31}|", pool.name()))).count(), 3);
        }
        assert!(text.contains("\nserver + pharmacist            | --- --- --- rr-  | --- --- --- rr-\n"), "{text}");
        // The log tells of the pharmacist's readings, and of none after the departure on day 3.
        let of_pharmacist = |line: &&str| line.starts_with("  pharmacist     prescription version");
        let readings: Vec<_> = text.lines().filter(of_pharmacist).collect();
        assert_eq!(readings.len(), 2, "{text}");
        assert!(readings.iter().all(|line| line.contains("to day 2")), "{text}");
        let tables = tables(&text);
        assert_eq!(tables.len(), 12 * 3);
        assert!(tables.iter().all(|(expected, observed)| expected == observed && expected.len() == 4), "{text}");
        assert!(text.contains("\nAs expected: 288 of 288 cells of the matrix, 144 of 144 of those who\n"), "{text}");
        assert!(!text.contains(env!("CARGO_MANIFEST_DIR")));
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }

    #[test]
    fn one_resource_as_json() {
        let bundle =
            br#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Coverage"}}]}"#;
        let (code, json, err) = program(&["--json", Scratch::new(bundle).path()]);
        assert_eq!((code, &*err), (0, ""), "{json}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["as_expected"], true);
        assert_eq!(json["resources"], 1);
        assert!(json["steps"].as_array().unwrap().iter().all(|step| step["nanoseconds"].as_u64().unwrap() > 0));
    }

    /// One story, which takes long, in both forms.
    #[test]
    fn a_difference_is_marked_and_counted() {
        let bundle = br#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Wish"}}]}"#;
        let bundle = fhir::load(Path::new(Scratch::new(bundle).path())).unwrap();
        let mut wrong = matrix::tables();
        let (moment, partition, version) = (Moment::Left, Partition::MEDICAL, 3);
        wrong.alone.insert(Cell { moment, who: Who::Cloud, partition, version }, true);
        wrong.alone.insert(Cell { moment, who: Who::Family, partition, version }, false);
        wrong.together.insert(Cell { moment, who: Pool::ServerPharmacist, partition, version }, true);
        let report = story::play("wish.json".to_owned(), &bundle, wrong).unwrap();
        let (code, text, err) = outcome(|out| show(&report, false, out));
        assert_eq!((code, &*err), (1, ""), "{text}");
        assert!(text.contains("NOT as expected: 3 cells of the matrices and 0 other outcomes differ."), "{text}");
        assert!(text.contains("---!") && text.contains("rrr!") && text.contains("| --- --- --- rr- !"), "{text}");
        let (code, json, err) = outcome(|out| show(&report, true, out));
        assert_eq!((code, &*err), (1, ""), "{json}");
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["as_expected"], false);

        // The same matrix, cell by cell, as the table of the text.
        let mut tables = tables(&text).into_iter();
        let cells = json["matrix"].as_array().unwrap();
        let mark = |field: &str, moment: Moment, who: Who, partition: Partition| -> String {
            let of = |cell: &&Value| {
                cell["moment"] == moment.name() && cell["who"] == who.name() && cell["partition"] == partition.as_str()
            };
            let letter = |cell: &Value| if cell[field].as_bool().unwrap() { 'r' } else { '-' };
            cells.iter().filter(of).map(letter).collect()
        };
        for moment in Moment::ALL {
            for who in Who::ALL {
                let (expected, observed) = tables.next().unwrap();
                let observed: Vec<_> = observed.iter().map(|marks| marks.trim_end_matches('!')).collect();
                assert_eq!(expected, Partition::SESPHR.map(|p| mark("expected", moment, who, p)));
                assert_eq!(observed, Partition::SESPHR.map(|p| mark("observed", moment, who, p)));
            }
        }
    }

    #[test]
    fn what_is_no_record_is_one_line_and_code_two() {
        let directory = std::env::temp_dir();
        let (empty, text, patient) =
            (Scratch::new(b""), Scratch::new(b"{\"resourceType\":"), Scratch::new(br#"{"resourceType":"Patient"}"#));
        for (arguments, message) in [
            (vec![empty.path()], "is empty"),
            (vec!["--json", text.path()], "not JSON: EOF while parsing a value at line 1 column 16"),
            (vec![patient.path()], "JSON, but not a FHIR bundle: its resourceType is Patient"),
            (vec!["no/such\nfile"], r#""no/such\nfile": no such file"#),
            (vec![directory.to_str().unwrap()], "is a directory"),
            (vec!["--nonsense"], "try --help"),
            (vec!["a", "b"], "try --help"),
        ] {
            let (code, out, err) = program(&arguments);
            assert_eq!((code, &*out), (2, ""), "{arguments:?}");
            assert!(err.ends_with('\n') && err.lines().count() == 1, "{err:?}");
            assert!(err.trim_end().ends_with(message), "{err:?}");
        }
    }

    #[test]
    fn help_is_no_failure() {
        let (code, out, err) = program(&["--help"]);
        assert_eq!((code, &*out, &*err), (0, args::HELP, ""));
    }
}
