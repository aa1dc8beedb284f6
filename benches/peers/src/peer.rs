//! `recrypt`, in a process of its own: it cannot be linked into this one.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::Timed;

/// The one in `recrypt/Cargo.lock`.
pub const VERSION: &str = "0.16";

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/recrypt/Cargo.toml");

pub struct Peer {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Builds and starts it.
    pub fn start() -> Self {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut child = Command::new(cargo)
            .args(["run", "--release", "--locked", "--quiet", "--manifest-path", MANIFEST])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("cargo starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().expect("piped"));
        Self { child, input, output: BufReader::new(output) }
    }
}

impl Timed for Peer {
    fn time(&mut self, operation: &str, count: u32) -> Option<f64> {
        // Timed by the peer itself: what passes between the processes is not counted.
        writeln!(self.input.as_mut().expect("open until dropped"), "{operation} {count}").expect("the peer reads");
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the peer answers");
        match line.trim() {
            "-" => None,
            nanos => Some(nanos.parse::<f64>().expect("the peer answers with a number") / 1e9 / f64::from(count)),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The end of its input is its end.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
