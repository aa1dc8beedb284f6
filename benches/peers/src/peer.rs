//! A peer, in a process of its own: it cannot be linked into this one.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::str::FromStr;

use sesphr_peers_timing::{ANSWER, Timed};

pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Builds and starts the program of a package beside this one.
    pub fn start(package: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut child = Command::new(cargo)
            .args(["run", "--release", "--locked", "--quiet", "--manifest-path", &file_of(package, "Cargo.toml")])
            .args(["--", ANSWER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output) }
    }

    fn ask<T: FromStr>(&mut self, request: &str) -> Option<T> {
        writeln!(self.input.as_mut().expect("open until dropped"), "{request}").expect("the peer reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the peer answers");
        match line.trim() {
            "-" => None,
            answer => Some(answer.parse().ok().expect("the peer answers with a number")),
        }
    }
}

fn file_of(package: &str, file: &str) -> String {
    format!("{}/{package}/{file}", env!("CARGO_MANIFEST_DIR"))
}

/// The version that the lock file of a package has of a crate.
pub fn version(package: &str, of: &str) -> String {
    let lock = fs::read_to_string(file_of(package, "Cargo.lock")).expect("a lock file");
    let (_, entry) = lock.split_once(&format!("name = \"{of}\"\nversion = \"")).expect("a dependency");
    entry.split('"').next().expect("a version").into()
}

impl Timed for Peer {
    /// Timed by the peer itself: what passes between the processes is not counted.
    fn time(&mut self, operation: &str, count: u32) -> Option<f64> {
        self.ask(&format!("time {operation} {count}"))
    }

    fn size(&mut self, encoding: &str) -> Option<usize> {
        self.ask(&format!("size {encoding}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
