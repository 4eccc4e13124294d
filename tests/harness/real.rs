//! The real parts: used when installed, named when missing, required under `tests/run.sh --real`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::process::{Running, free_port};
use crate::wait::until;

/// How long a real server may take to start and to make its models.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long it may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(10);

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("real")
}

/// The path of an installed real part, by the name that `install.sh` gives it. `None` says loudly what is skipped.
///
/// # Panics
/// When it is missing although `CHIMERA_REAL=required`.
fn installed(part: &str, what_is_skipped: &str) -> Option<PathBuf> {
    let output =
        Command::new(scripts().join("install.sh")).args(["--print", part]).output().expect("install.sh runs");
    if output.status.success() {
        return Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    let required = std::env::var("CHIMERA_REAL").is_ok_and(|value| value == "required");
    assert!(!required, "{part} is required and not installed: run tests/real/install.sh {part}");
    eprintln!(
        "SKIPPED: {what_is_skipped}: {part} is not installed; get it with tests/real/install.sh {part}"
    );
    None
}

/// A Python interpreter that can `import duckdb`.
#[must_use]
pub fn duckdb(what_is_skipped: &str) -> Option<PathBuf> {
    installed("python", what_is_skipped)
}

/// A real Ollama server with tiny models, ended with the value.
pub struct RealOllama {
    server: Running,
    folder: PathBuf,
    /// Its address.
    pub url: String,
}

impl RealOllama {
    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.server.id()
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("serve.log")).unwrap_or_default()
    }
}

impl Drop for RealOllama {
    /// A server that is killed leaves the processes that run its models; one that is asked to end does not. What still
    /// runs after that is ended by the script.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.id().to_string()).status();
        let _ = until("the end of the server", STOP_LIMIT, || self.server.has_ended().then_some(()));
        let _ = Command::new(scripts().join("serve.sh")).arg("--stop").arg(&self.folder).output();
    }
}

/// Starts a real Ollama on a free port with the named models (`tiny`, `medium`, `slow`), its files under `folder`.
///
/// # Panics
/// When it is installed and does not start.
#[must_use]
pub fn real_ollama(folder: &Path, models: &[&str], what_is_skipped: &str) -> Option<RealOllama> {
    installed("ollama", what_is_skipped)?;
    installed("python", what_is_skipped)?;
    let port = free_port().to_string();
    let own = folder.join("ollama");
    let own_text = own.to_string_lossy().into_owned();
    let mut arguments = vec![port.as_str(), own_text.as_str()];
    arguments.extend_from_slice(models);
    let mut server = Running::start(&scripts().join("serve.sh"), &arguments, &folder.join("serve.log"));
    server.wait_for("ready 127.0.0.1:", START_LIMIT);
    Some(RealOllama { server, folder: own, url: format!("http://127.0.0.1:{port}") })
}
