//! `chimera nodes …`.

use clap::Subcommand;

/// See the nodes of the fleet, take them out and back in.
#[derive(Debug, Clone, Subcommand)]
pub enum NodesCommand {
    /// List all nodes with their slots, GPUs and model servers.
    #[command(visible_alias = "ls")]
    List,
    /// Show all that one node says about itself.
    Show {
        /// Name of the node.
        name: String,
    },
    /// Take a node out: what runs there finishes, nothing new starts.
    Drain {
        /// Name of the node.
        name: String,
        /// Why; shown to everyone who lists nodes.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Take a node back in.
    Undrain {
        /// Name of the node.
        name: String,
    },
}
