//! Everything that a command prints with `--output json`. `chimera schema output` prints the schema of [`Document`].
//!
//! The shapes are stable: fields are added, never renamed; `kind` tells which one it is.

use schemars::JsonSchema;
use serde::Serialize;

use super::{ImportView, NodeView, PlanView, SweepView};

/// One JSON document. Commands that follow something print one per line.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Document {
    /// `sweep plan`, and the first line of `sweep run` and `dev`.
    Plan(PlanView),
    /// `sweep run --detach`.
    Submitted(PlanView),
    /// `sweep show`.
    Sweep {
        /// Its progress.
        status: SweepView,
        /// Its plan.
        plan: Option<PlanView>,
    },
    /// `sweep cancel`, and each line while a sweep is followed.
    Progress(SweepView),
    /// `sweep list`.
    Sweeps {
        /// Oldest first.
        sweeps: Vec<SweepView>,
    },
    /// `nodes list`.
    Nodes {
        /// Sorted by name.
        nodes: Vec<NodeView>,
    },
    /// `nodes show`, `nodes drain`, `nodes undrain`.
    Node(NodeView),
    /// Something happened that is not progress, such as a lost connection that is tried again.
    Notice {
        /// What.
        text: String,
    },
    /// The last line of a followed sweep that was left by Ctrl-C: the sweep goes on.
    Detached {
        /// The sweep.
        sweep: String,
    },
    /// First line of `dev`: what was found.
    Found(Found),
    /// Last line of `dev`: what came of it.
    Finished(Finished),
    /// Line of `dev --serve` and `simulate` before they wait for Ctrl-C.
    Announced(Announced),
    /// `simulate`.
    Simulation(Simulation),
    /// `import`.
    Imported(ImportView),
    /// `report --out`.
    Written {
        /// The file.
        path: String,
    },
    /// On stderr: the command failed.
    Error(Problem),
}

/// What `dev` found to run on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Found {
    /// Whether servers and GPUs are simulated: then no figure is of a real device.
    pub simulated: bool,
    /// Why these servers were taken.
    pub origin: String,
    /// Address of the coordinator in this process.
    pub coordinator: String,
    /// The nodes.
    pub nodes: Vec<NodeView>,
}

/// What came of a `dev` run.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Finished {
    /// The sweep at its end.
    pub status: SweepView,
    /// Where everything is.
    pub files: Files,
    /// The result in one sentence.
    pub verdict: String,
}

/// Files of a `dev` run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Files {
    /// Report for people.
    pub markdown: String,
    /// Report as data.
    pub json: String,
    /// Report as rows.
    pub csv: String,
    /// The sweep as it ran, as a file to change and run again.
    pub sweep: Option<String>,
    /// Folder of Parquet files, if the coordinator has sealed the sweep.
    pub dataset: Option<String>,
}

/// An address at which something listens until Ctrl-C.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Announced {
    /// The address.
    pub coordinator: String,
}

/// Simulated servers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Simulation {
    /// One per server.
    pub servers: Vec<SimulatedServer>,
}

/// A simulated server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SimulatedServer {
    /// Its simulated host.
    pub host: String,
    /// Product name of its GPU.
    pub gpu: String,
    /// UUID of its GPU.
    pub gpu_uuid: String,
    /// Its address.
    pub url: String,
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Problem {
    /// Exit code of the command.
    pub exit_code: u8,
    /// What failed.
    pub message: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}
