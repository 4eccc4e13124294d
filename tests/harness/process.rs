//! Processes of a test: started from the binaries that cargo built beside the test, ended by their own id.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait::until;

/// Longest wait for a process to end by itself.
const END_LIMIT: Duration = Duration::from_secs(30);

/// The path of a binary of this workspace, built by `cargo build --workspace --bins`.
///
/// # Panics
/// When it was not built; the message says how to.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.ancestors().find(|folder| folder.join(name).is_file());
    folder.map(|folder| folder.join(name)).unwrap_or_else(|| {
        panic!("{name} is not built: run `cargo build --workspace --bins` or tests/run.sh")
    })
}

/// A TCP port of 127.0.0.1 that was free a moment ago.
///
/// # Panics
/// When the machine has none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// A running process. Dropping it kills it.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts `program` with output into `log` (appended).
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start<A: AsRef<OsStr>>(program: &Path, arguments: &[A], log: &Path) -> Self {
        Self::start_with(program, arguments, &[], log)
    }

    /// The same, with environment variables.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start_with<A: AsRef<OsStr>>(
        program: &Path,
        arguments: &[A],
        variables: &[(&str, &str)],
        log: &Path,
    ) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        let child = Command::new(program)
            .args(arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle of the log"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        Self { child, log: log.to_path_buf() }
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it has printed `text`.
    ///
    /// # Panics
    /// When it ends, or `limit` passes, before that.
    pub fn wait_for(&mut self, text: &str, limit: Duration) {
        let log = self.log.clone();
        let child = &mut self.child;
        let found = until(&format!("'{text}' in {}", log.display()), limit, || {
            let printed = fs::read_to_string(&log).unwrap_or_default();
            let ended = child.try_wait().ok().flatten();
            (printed.contains(text) || ended.is_some()).then_some(printed)
        });
        let printed = found.unwrap_or_else(|error| panic!("{error}:\n{}", self.output()));
        assert!(printed.contains(text), "the process ended without printing '{text}':\n{printed}");
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
    }

    /// Sends a signal by name, such as `TERM`.
    ///
    /// # Panics
    /// When the system refuses.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.id().to_string()]).status();
        assert!(status.expect("kill runs").success(), "cannot signal {}", self.id());
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// When it does not within 30 s.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status: Result<io::Result<ExitStatus>, _> =
            until("the end of a process", END_LIMIT, || child.try_wait().transpose());
        match status {
            Ok(status) => status.expect("a child has a status"),
            Err(error) => panic!("{error}:\n{}", self.output()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
