//! What can go wrong with a fleet on this machine.

use std::path::PathBuf;

use chimera_agent_node::config::InvalidEndpoint;

/// What can go wrong with a fleet on this machine.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// An address of a model server is none.
    #[error("an Ollama address cannot be used")]
    Address(#[source] InvalidEndpoint),
    /// A server that was named does not answer.
    #[error("no Ollama answers at {url}")]
    NoAnswer {
        /// Its address.
        url: String,
        /// Why, if known.
        source: std::io::Error,
    },
    /// The servers have no model that could be measured.
    #[error("the Ollama at {url} has no model that can be measured")]
    NoModel {
        /// Its address.
        url: String,
    },
    /// The folder for everything cannot be used.
    #[error("the folder {} cannot be used", path.display())]
    DataDir {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The name of a simulated host is no name of a node.
    #[error("a simulated host cannot be a node")]
    HostName(#[source] chimera_core::id::InvalidName),
    /// The simulated servers cannot start.
    #[error("the simulated servers cannot start")]
    Simulator(#[source] chimera_simulator::FleetError),
    /// The coordinator cannot start.
    #[error("the coordinator cannot start in {}", path.display())]
    Coordinator {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A node cannot start.
    #[error("the node '{node}' cannot start")]
    Node {
        /// Its name.
        node: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Nodes did not become ready.
    #[error("after {seconds} s these nodes are not ready: {}", missing.join(", "))]
    NotReady {
        /// How long they were waited for.
        seconds: u64,
        /// Their names.
        missing: Vec<String>,
    },
    /// The store cannot be read.
    #[error("the store in {} cannot be read", path.display())]
    Store {
        /// Its folder.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There is no store.
    #[error("there is no store of a coordinator in {}", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
}

impl DevError {
    /// Whether an argument is wrong, and not the world.
    #[must_use]
    pub const fn is_usage(&self) -> bool {
        matches!(self, Self::Address(_) | Self::HostName(_) | Self::NoStore { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        let words = match self {
            Self::Address(_) => "write it as http://127.0.0.1:11434, in --ollama or OLLAMA_HOST",
            Self::NoAnswer { .. } => {
                "start it with `ollama serve`, or simulate a fleet: chimera dev --simulate"
            }
            Self::NoModel { .. } => "give it a small one: ollama pull gemma3:1b",
            Self::DataDir { .. } => "choose another folder with --data-dir",
            Self::HostName(_) => "name simulated hosts with a-z, 0-9 and '-'",
            Self::Simulator(_) => "free the ports or set port = 0 in the fleet file",
            Self::Coordinator { .. } => {
                "if another `chimera dev` or coordinator uses this folder, end it, ask it with --coordinator URL, or \
                 choose another folder with --data-dir"
            }
            Self::Node { .. } => "choose another folder with --data-dir, or look closer with -v",
            Self::NotReady { .. } => "look closer with -v",
            Self::Store { .. } => "do what the cause says; the store itself was not touched",
            Self::NoStore { .. } => "--data-dir takes the folder of `chimera dev` or of a coordinator",
        };
        Some(words.to_owned())
    }
}
