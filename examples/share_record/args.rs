//! What the command line asks for.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// The record that the example works on unless told otherwise: a person who does not exist.
pub(crate) const SHIPPED_BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/patient-bundle.json");

/// Printed for `--help`.
pub(crate) const HELP: &str = "\
Usage: share_record [--json] [FILE]

Shares a patient's FHIR R4 bundle through an untrusted server and cloud: keys, upload, grants, reading, a member who
joins later, one who leaves, and everybody's attacks, alone and together. Prints who may read what, who could, and who
did, by the server's log.

Exit code 0: as expected; 1: some outcome differs; 2: no bundle, or a wrong argument.

Arguments:
  FILE        the bundle; without it, the made-up one that comes with the example

Options:
  --json      print one JSON object instead of text
  -h, --help  print this text
";

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Share { file: PathBuf, json: bool },
}

/// An argument that has no meaning.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum UsageError {
    UnknownOption(OsString),
    SecondFile(OsString),
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Arguments need not be text; their debug form is, and stays on one line.
        match self {
            Self::UnknownOption(option) => write!(f, "unknown option {option:?}; try --help"),
            Self::SecondFile(file) => write!(f, "one file at a time, and {file:?} is the second; try --help"),
        }
    }
}

impl std::error::Error for UsageError {}

/// Reads the arguments that follow the program's name. After `--`, everything is a file.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, UsageError> {
    let (mut json, mut help, mut options_end) = (false, false, false);
    let mut file = None;
    for argument in arguments {
        let is_option = !options_end && argument.as_encoded_bytes().starts_with(b"-");
        match argument.to_str() {
            Some("--json") if is_option => json = true,
            Some("--help" | "-h") if is_option => help = true,
            Some("--") if is_option => options_end = true,
            _ if is_option => return Err(UsageError::UnknownOption(argument)),
            _ if file.is_some() => return Err(UsageError::SecondFile(argument)),
            _ => file = Some(PathBuf::from(argument)),
        }
    }
    if help {
        return Ok(Command::Help);
    }
    Ok(Command::Share { file: file.unwrap_or_else(|| SHIPPED_BUNDLE.into()), json })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(arguments: &[&str]) -> Result<Command, UsageError> {
        parse(arguments.iter().map(OsString::from))
    }

    fn share(file: &str, json: bool) -> Result<Command, UsageError> {
        Ok(Command::Share { file: file.into(), json })
    }

    #[test]
    fn every_form() {
        assert_eq!(of(&[]), share(SHIPPED_BUNDLE, false));
        assert_eq!(of(&["--json"]), share(SHIPPED_BUNDLE, true));
        assert_eq!(of(&["a.json", "--json"]), share("a.json", true));
        assert_eq!(of(&["--", "--json"]), share("--json", false));
        assert_eq!(of(&[""]), share("", false));
        for help in [&["--help"][..], &["-h"], &["a", "--json", "-h"]] {
            assert_eq!(of(help), Ok(Command::Help));
        }
    }

    #[test]
    fn refusals_are_one_line() {
        for (arguments, message) in [
            (&["--jsn"][..], r#"unknown option "--jsn"; try --help"#),
            (&["-"], r#"unknown option "-"; try --help"#),
            (&["--help", "--a\nb"], r#"unknown option "--a\nb"; try --help"#),
            (&["a", "b"], r#"one file at a time, and "b" is the second; try --help"#),
        ] {
            assert_eq!(of(arguments).unwrap_err().to_string(), message);
        }
    }
}
