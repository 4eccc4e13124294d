//! `chimera dev` on a simulated fleet, run once to its end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chimera_simulator::Fleet;
use serde_json::Value;

use crate::command::run;
use crate::process::binary;
use crate::rig::Told;

/// Longest wait for a run.
pub const RUN_LIMIT: Duration = Duration::from_secs(120);

/// How a run ended, and where its files are.
#[derive(Debug)]
pub struct DevRun {
    /// What it printed, one document per line.
    pub documents: Vec<Value>,
    /// Its data folder.
    pub data_dir: PathBuf,
}

impl DevRun {
    /// Runs `chimera dev --output json` on the simulated fleet of a file, with more arguments, and expects it to end well.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn new(data_dir: &Path, fleet: &Path, arguments: &[&str]) -> Self {
        let ran = run_dev(data_dir, fleet, &[arguments, &["--output", "json"]].concat()).well();
        Self { documents: ran.documents(), data_dir: data_dir.to_path_buf() }
    }

    /// The first document of a kind.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn document(&self, kind: &str) -> &Value {
        let found = self.documents.iter().find(|document| document["kind"] == kind);
        found.unwrap_or_else(|| panic!("no document of kind '{kind}' in {:#?}", self.documents))
    }

    /// Name of the sweep.
    ///
    /// # Panics
    /// When the run did not tell.
    #[must_use]
    pub fn sweep(&self) -> &str {
        self.document("finished")["status"]["sweep"].as_str().expect("a name")
    }

    /// A file or folder that the run named: `markdown`, `json`, `csv`, `sweep` or `dataset`.
    ///
    /// # Panics
    /// When it named none.
    #[must_use]
    pub fn file(&self, which: &str) -> PathBuf {
        let path = self.document("finished")["files"][which].as_str();
        PathBuf::from(path.unwrap_or_else(|| panic!("no file '{which}'")))
    }

    /// The report that it wrote as JSON.
    ///
    /// # Panics
    /// When it wrote none.
    #[must_use]
    pub fn report(&self) -> Value {
        let bytes = std::fs::read(self.file("json")).expect("report.json");
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// The database of its coordinator.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data_dir.join("coordinator").join(chimera_coordinator::DATABASE_FILE)
    }
}

/// Runs `chimera dev` on the simulated fleet of a file.
#[must_use]
pub fn run_dev(data_dir: &Path, fleet: &Path, arguments: &[&str]) -> Told {
    let mut command = Command::new(binary("chimera"));
    command.arg("dev").arg("--simulate").arg(fleet).arg("--data-dir").arg(data_dir).args(arguments);
    for variable in ["CHIMERA_COORDINATOR", "OLLAMA_HOST", "RUST_LOG"] {
        command.env_remove(variable);
    }
    run(command, RUN_LIMIT)
}

/// Writes the default simulated fleet to `folder`, so many times faster than life.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn fleet_file(folder: &Path, speed: f64) -> PathBuf {
    let path = folder.join("fleet.toml");
    let fleet = Fleet { speed, ..Fleet::default_fleet() };
    std::fs::write(&path, toml::to_string(&fleet).expect("a fleet as TOML")).expect("a fleet file");
    path
}
