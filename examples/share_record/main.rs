//! A patient's health record, cut into partitions.
//!
//! ```text
//! cargo run --example share_record
//! ```

mod args;
mod fhir;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use args::{Command, UsageError};
use fhir::{Bundle, LoadError};

/// Why the program ends early.
#[derive(Debug)]
enum Failure {
    Usage(UsageError),
    Load { file: PathBuf, error: LoadError },
    Write(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            // The debug form of a path stays on one line, whatever the name.
            Self::Load { file, error } => write!(f, "{file:?}: {error}"),
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
    match run(std::env::args_os().skip(1), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            // Where standard error is closed, the exit code has to do.
            let _ = writeln!(io::stderr(), "share_record: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut dyn Write) -> Result<(), Failure> {
    match args::parse(arguments).map_err(Failure::Usage)? {
        Command::Help => out.write_all(args::HELP.as_bytes())?,
        Command::Share { file, json } => match fhir::load(&file) {
            Ok(bundle) if json => write_json(&file, &bundle, out)?,
            Ok(bundle) => write_text(&file, &bundle, out)?,
            Err(error) => return Err(Failure::Load { file, error }),
        },
    }
    Ok(out.flush()?)
}

fn write_text(file: &Path, bundle: &Bundle, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:?}: {} resources", file_name(file), bundle.resources().len())?;
    for part in bundle.partitions() {
        let (partition, count, bytes) = (part.partition(), part.resources().len(), part.to_bytes().len());
        writeln!(out, "  {:<12} {count:>6} resources {bytes:>9} bytes", partition.as_str())?;
    }
    for (kind, count) in bundle.unrouted() {
        writeln!(out, "  of no known partition, kept as medical: {kind} ({count})")?;
    }
    Ok(())
}

fn write_json(file: &Path, bundle: &Bundle, out: &mut dyn Write) -> io::Result<()> {
    let partitions = bundle.partitions().map(|part| {
        serde_json::json!({
            "partition": part.partition().as_str(),
            "resources": part.resources().len(),
            "bytes": part.to_bytes().len(),
        })
    });
    let report = serde_json::json!({
        "file": file_name(file),
        "resources": bundle.resources().len(),
        "partitions": partitions,
        "unrouted": bundle.unrouted(),
    });
    writeln!(out, "{report:#}")
}

// The folders of whoever runs the example are nobody's business in its output.
fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(arguments: &[&str]) -> Result<String, Failure> {
        let mut out = Vec::new();
        run(arguments.iter().map(OsString::from), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn text_names_partitions_and_undecided_types() {
        let text = output(&[]).unwrap();
        for part in ["personal", "medical", "insurance", "prescription", "medical: Basic (1)"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains(env!("CARGO_MANIFEST_DIR")));
    }

    #[test]
    fn json_is_json() {
        let report: serde_json::Value = serde_json::from_str(&output(&["--json"]).unwrap()).unwrap();
        assert_eq!(report["resources"], 33);
        assert_eq!(report["partitions"][1]["partition"], "medical");
        assert_eq!(report["unrouted"]["Basic"], 1);
    }

    #[test]
    fn failures_name_the_file() {
        let failure = output(&["no/such\nfile"]).unwrap_err();
        assert_eq!(failure.to_string(), r#""no/such\nfile": no such file"#);
    }
}
