//! A real node daemon in this process, with one slot.

use std::path::Path;

use chimera_agent_node::config::{
    Config, DEFAULT_DRAIN_SECONDS, DEFAULT_QUOTA, DEFAULT_SAMPLE_HZ, Endpoint, GpuChoice, ProbeChoice,
    SlotConfig,
};
use chimera_agent_node::{Node, Parts, Shutdown};
use chimera_core::id::NodeId;
use tokio::task::JoinHandle;

/// A serving node.
pub struct Daemon {
    shutdown: Shutdown,
    serving: JoinHandle<()>,
}

impl Daemon {
    /// Starts a node without GPUs on a model server, with its spool in `folder`.
    pub fn start(name: &str, coordinator: String, server: &str, folder: &Path) -> Self {
        let endpoint = Endpoint::parse(server).expect("an address");
        let config = Config {
            node: NodeId::new(name).expect("a name"),
            coordinator,
            data_dir: folder.join(name),
            slots: vec![SlotConfig { endpoint, gpus: GpuChoice::These(Vec::new()) }],
            probe: ProbeChoice::None,
            nvml_library: None,
            spool_quota: DEFAULT_QUOTA,
            sample_hz: DEFAULT_SAMPLE_HZ,
            drain_seconds: DEFAULT_DRAIN_SECONDS,
            insecure_network: false,
        };
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
