//! A fleet of real processes on this machine: a coordinator, nodes and the command, in one folder, on loopback only.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Running, binary, free_port};
use crate::wait::until;

/// Longest wait for a daemon, a registration or the end of a sweep.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// What a coordinator logs once it serves.
const READY: &str = "the coordinator is ready";

/// A daemon with the file that it logs to.
pub struct Daemon {
    /// The process.
    pub process: Running,
    /// What it prints.
    pub log: PathBuf,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Told {
    /// Its exit code.
    pub code: i32,
    /// Its stdout.
    pub out: String,
    /// Its stderr.
    pub err: String,
}

impl Told {
    /// Its stdout as one JSON document.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(self.out.trim()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// How a node is configured.
#[derive(Debug, Clone)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// Addresses of its model servers, one slot each.
    pub servers: Vec<String>,
    /// Further keys, as TOML, before the slots.
    pub keys: String,
    /// `gpus` of each slot, as TOML; slots beyond the list have none.
    pub gpus: Vec<String>,
    /// `RUST_LOG` of the daemon.
    pub log: &'static str,
}

impl NodePlan {
    /// A node without GPUs that comes back quickly.
    #[must_use]
    pub fn new(name: &str, servers: &[String]) -> Self {
        Self {
            name: name.to_owned(),
            servers: servers.to_vec(),
            keys: "probe = \"none\"\nreconnect_max_seconds = 1\n".to_owned(),
            gpus: Vec::new(),
            log: "info",
        }
    }

    fn toml(&self, coordinator: &str, data_dir: &Path) -> String {
        let mut text = format!(
            "node = \"{}\"\ncoordinator = \"{coordinator}\"\ndata_dir = '{}'\n{}",
            self.name,
            data_dir.display(),
            self.keys
        );
        for (index, server) in self.servers.iter().enumerate() {
            let gpus = self.gpus.get(index).map_or("[]", String::as_str);
            writeln!(text, "[[slots]]\nendpoint = \"{server}\"\ngpus = {gpus}").expect("a text grows");
        }
        text
    }
}

/// The folder and the port of a fleet.
pub struct Rig {
    folder: TempDir,
    port: u16,
    starts: Cell<u32>,
}

impl Default for Rig {
    fn default() -> Self {
        Self::new()
    }
}

impl Rig {
    /// An empty folder and a free port.
    ///
    /// # Panics
    /// When the machine has none.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder, port: free_port(), starts: Cell::new(0) }
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The coordinator's data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.path().join("coordinator")
    }

    /// The data directory of a node.
    #[must_use]
    pub fn spool_of(&self, node: &str) -> PathBuf {
        self.path().join(format!("spool-{node}"))
    }

    /// The coordinator's address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A log file that no process has written yet.
    #[must_use]
    pub fn fresh_log(&self, name: &str) -> PathBuf {
        self.starts.set(self.starts.get() + 1);
        self.path().join(format!("{name}-{}.log", self.starts.get()))
    }

    /// Starts the coordinator and waits until it serves.
    #[must_use]
    pub fn coordinator(&self) -> Daemon {
        let mut daemon = self.coordinator_at(&self.data_dir());
        daemon.process.wait_for(READY, PATIENCE);
        daemon
    }

    /// Starts a coordinator on another data directory and does not wait.
    #[must_use]
    pub fn coordinator_at(&self, data_dir: &Path) -> Daemon {
        let listen = format!("127.0.0.1:{}", self.port);
        let arguments = ["--listen", &listen, "--data-dir", &data_dir.to_string_lossy()].map(str::to_owned);
        self.start("chimera-coordinator", "coordinator", &arguments, &[("RUST_LOG", "info")])
    }

    /// Starts a node and does not wait.
    ///
    /// # Panics
    /// When its configuration cannot be written.
    #[must_use]
    pub fn node(&self, plan: &NodePlan) -> Daemon {
        self.node_with(plan, &[])
    }

    /// The same, with environment variables.
    ///
    /// # Panics
    /// When its configuration cannot be written.
    #[must_use]
    pub fn node_with(&self, plan: &NodePlan, variables: &[(&str, String)]) -> Daemon {
        let path = self.path().join(format!("{}.toml", plan.name));
        fs::write(&path, plan.toml(&self.url(), &self.spool_of(&plan.name))).expect("a configuration");
        let arguments = ["--config".to_owned(), path.to_string_lossy().into_owned()];
        let further = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let variables: Vec<(&str, &str)> = [("RUST_LOG", plan.log)].into_iter().chain(further).collect();
        self.start("chimera-node", &plan.name, &arguments, &variables)
    }

    fn start(&self, program: &str, name: &str, arguments: &[String], variables: &[(&str, &str)]) -> Daemon {
        let log = self.fresh_log(name);
        let variables = [variables, &[("NO_COLOR", "1")]].concat();
        Daemon { process: Running::start_with(&binary(program), arguments, &variables, &log), log }
    }

    /// Runs `chimera` to its end.
    #[must_use]
    pub fn chimera(&self, arguments: &[&str]) -> Told {
        chimera(&[&["--coordinator", &self.url()], arguments].concat())
    }

    /// Waits until the coordinator knows `slots` slots whose model server answers.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub fn wait_for_slots(&self, slots: usize) {
        let answering = |nodes: &Value| {
            let all = nodes["nodes"].as_array().into_iter().flatten();
            let ready = all.filter(|node| node["state"] == "ready");
            let slots = ready.flat_map(|node| node["slots"].as_array().into_iter().flatten());
            slots.filter(|slot| slot["server_version"].is_string()).count()
        };
        let found = until(&format!("{slots} slots"), PATIENCE, || {
            let told = self.chimera(&["nodes", "list", "--output", "json"]);
            (told.code == 0 && answering(&told.json()) >= slots).then_some(())
        });
        found.unwrap_or_else(|error| panic!("{error}\n{}", self.chimera(&["nodes", "list"]).out));
    }

    /// Submits a sweep and returns its name.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    pub fn submit(&self, sweep: &str) -> String {
        let path = self.path().join("sweep.toml");
        fs::write(&path, sweep).expect("a sweep file");
        let path = path.to_string_lossy();
        let told = self.chimera(&["sweep", "run", "--detach", "--output", "json", &path]);
        assert_eq!(told.code, 0, "{told:?}");
        told.json()["sweep"].as_str().expect("a submitted sweep has a name").to_owned()
    }

    /// Waits until a sweep has ended and returns its progress.
    ///
    /// # Panics
    /// When it does not end in time.
    #[must_use]
    pub fn finish(&self, sweep: &str) -> Value {
        let mut last = Value::Null;
        let ended = until(&format!("the end of {sweep}"), PATIENCE, || {
            let told = self.chimera(&["sweep", "show", sweep, "--output", "json"]);
            if told.code == 0 {
                last = told.json()["status"].clone();
            }
            (last["ended"] == true && last["dataset"].is_string()).then_some(())
        });
        ended.unwrap_or_else(|error| panic!("{error}: {last}"));
        last
    }

    /// The report of a sweep.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn report(&self, sweep: &str) -> Value {
        let told = self.chimera(&["report", sweep, "--format", "json"]);
        assert_eq!(told.code, 0, "{told:?}");
        told.json()
    }
}

/// Runs `chimera` to its end, without the environment's own settings.
///
/// # Panics
/// When it is not built.
#[must_use]
pub fn chimera(arguments: &[&str]) -> Told {
    let mut command = Command::new(binary("chimera"));
    command.args(arguments).env("NO_COLOR", "1");
    for variable in ["CHIMERA_COORDINATOR", "OLLAMA_HOST", "RUST_LOG"] {
        command.env_remove(variable);
    }
    let output = command.output().expect("chimera runs");
    Told {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
