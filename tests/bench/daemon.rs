//! A real node daemon in this process, with one slot.

use std::path::Path;

use chimera_agent_node::config::Config;
use chimera_agent_node::{Node, Parts, Shutdown};
use tokio::task::JoinHandle;

/// A serving node.
pub struct Daemon {
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl Daemon {
    /// Starts a node without GPUs on a model server, with its spool in `folder`.
    pub fn start(name: &str, coordinator: &str, server: &str, folder: &Path) -> Self {
        let text = format!(
            "node = '{name}'\ncoordinator = '{coordinator}'\ndata_dir = '{}'\nprobe = 'none'\n\
             [[slots]]\nendpoint = '{server}'\ngpus = []\n",
            folder.join(name).display()
        );
        let config = Config::from_toml(&text).expect("a configuration");
        let node = Node::build(config, Parts::default()).expect("a node");
        let shutdown = Shutdown::new();
        Self { serving: tokio::spawn(node.serve(shutdown.clone())), shutdown }
    }

    /// Stops in order.
    pub async fn stop(self) {
        self.shutdown.stop();
        self.serving.await.expect("a task that ends");
    }
}
