//! Commands that run to their end, within a bound.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::rig::Told;
use crate::wait::until;

impl Told {
    /// Asserts that the command ended with exit code 0.
    ///
    /// # Panics
    /// When it did not; with all that it said.
    #[must_use]
    #[track_caller]
    pub fn well(self) -> Self {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The JSON documents that it printed, one per line.
    ///
    /// # Panics
    /// When a line is no JSON.
    #[must_use]
    pub fn documents(&self) -> Vec<Value> {
        let parse =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in: {line}"));
        self.out.lines().map(parse).collect()
    }
}

/// Runs any command to its end, at most for `limit`.
///
/// # Panics
/// When it cannot be started or does not end in time; it is killed then.
#[must_use]
pub fn run(mut command: Command, limit: Duration) -> Told {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (out, err) = (folder.path().join("out"), folder.path().join("err"));
    let file = |path: &Path| File::create(path).expect("a file for output");
    command.stdin(Stdio::null()).stdout(file(&out)).stderr(file(&err));
    let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let status = end_of(child, limit);
    let read = |path: &Path| String::from_utf8_lossy(&fs::read(path).expect("its output")).into_owned();
    let (out, err) = (read(&out), read(&err));
    let status = status.unwrap_or_else(|| panic!("{command:?} did not end within {limit:?}:\n{out}\n{err}"));
    Told { code: status.code().unwrap_or(-1), out, err }
}

/// How a child ended; absent when it had to be killed.
fn end_of(mut child: Child, limit: Duration) -> Option<ExitStatus> {
    let ended = until("the end of a command", limit, || child.try_wait().transpose());
    match ended {
        Ok(status) => Some(status.expect("a child has a status")),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            None
        }
    }
}
