//! A coordinator, its nodes and perhaps simulated servers, in this process on loopback.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chimera_agent_node::config::{Config, DEFAULT_DRAIN_SECONDS, DEFAULT_QUOTA, DEFAULT_SAMPLE_HZ};
use chimera_agent_node::config::{
    DEFAULT_RECONNECT_MAX_SECONDS, Endpoint, GpuChoice, GpuRef, ProbeChoice, SlotConfig,
};
use chimera_core::id::NodeId;
use chimera_simulator::{Fleet, RunningFleet, SimulatedSlot};

use super::daemon::{RunningCoordinator, RunningNode};
use super::{DevError, Servers, probe};
use crate::client::Client;
use crate::error::Failure;
use crate::view::NodeView;

/// How long nodes may take to register.
const READY: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long simulated servers may take to stop.
const SIMULATOR_STOP: Duration = Duration::from_secs(2);
/// Name of the node on real servers.
const REAL_NODE: &str = "local";

/// A fleet in this process.
pub struct LocalFleet {
    url: String,
    origin: String,
    names: Vec<String>,
    nodes: Vec<RunningNode>,
    coordinator: RunningCoordinator,
    simulator: Option<RunningFleet>,
}

/// A node to start.
struct Plan {
    config: Config,
    probe: Option<chimera_agent_node::gpu::ProbeFactory>,
}

impl LocalFleet {
    /// Starts everything; files go under `data_dir`.
    ///
    /// # Errors
    /// When a part cannot start. What has started by then is stopped.
    pub async fn start(servers: Servers, data_dir: &Path) -> Result<Self, DevError> {
        let data_dir = made(data_dir)?;
        let coordinator = RunningCoordinator::start(&data_dir.join("coordinator")).await?;
        let url = coordinator.url();
        let (origin, simulator, plans) = match servers {
            Servers::Real { endpoints, origin } => (origin, None, vec![real(&endpoints, &url, &data_dir)?]),
            Servers::Simulated { fleet, origin } => {
                let running = simulate(*fleet).await?;
                let plans = simulated(running.slots(), &url, &data_dir)?;
                (origin, Some(running), plans)
            }
        };
        let names = plans.iter().map(|plan| plan.config.node.to_string()).collect();
        let mut fleet = Self { url, origin, names, nodes: Vec::new(), coordinator, simulator };
        for Plan { config, probe } in plans {
            fleet.nodes.push(RunningNode::start(config, probe).await?);
        }
        Ok(fleet)
    }

    /// Address of the coordinator.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Why these servers were taken.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether servers and GPUs are simulated.
    #[must_use]
    pub const fn is_simulated(&self) -> bool {
        self.simulator.is_some()
    }

    /// Waits until every node of this fleet is registered and ready, and gives them.
    ///
    /// # Errors
    /// When one is not ready in time.
    pub async fn wait_until_ready(&self, client: &Client) -> Result<Vec<NodeView>, Failure> {
        let wait = async {
            loop {
                let nodes = self.own(client.nodes().await?);
                if self.missing(&nodes).is_empty() {
                    return Ok::<_, Failure>(nodes);
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        match tokio::time::timeout(READY, wait).await {
            Ok(nodes) => nodes,
            Err(_) => {
                let missing = self.missing(&self.own(client.nodes().await?));
                Err(DevError::NotReady { seconds: READY.as_secs(), missing }.into())
            }
        }
    }

    /// Stops everything, nodes first, within the grace of each part.
    pub async fn stop(self) {
        for node in &self.nodes {
            node.ask_to_stop();
        }
        for node in self.nodes {
            node.stopped().await;
        }
        self.coordinator.stop().await;
        if let Some(simulator) = self.simulator {
            simulator.shutdown(SIMULATOR_STOP).await;
        }
    }

    /// Drops everything at once. Journal and spools are made for that: nothing acknowledged is lost.
    pub fn abandon(self) {
        drop(self);
    }

    /// The coordinator may remember nodes of earlier runs in the same folder.
    fn own(&self, mut nodes: Vec<NodeView>) -> Vec<NodeView> {
        nodes.retain(|node| self.names.contains(&node.node));
        nodes
    }

    fn missing(&self, nodes: &[NodeView]) -> Vec<String> {
        let ready = |name: &String| nodes.iter().any(|node| node.node == *name && node.state == "ready");
        self.names.iter().filter(|name| !ready(name)).cloned().collect()
    }
}

/// A random id for one submission.
pub(super) fn request_id() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(Failure::Random)?;
    Ok(format!("dev-{:032x}", u128::from_be_bytes(bytes)))
}

fn made(data_dir: &Path) -> Result<PathBuf, DevError> {
    let unusable = |source| DevError::DataDir { path: data_dir.to_owned(), source };
    std::fs::create_dir_all(data_dir).map_err(unusable)?;
    data_dir.canonicalize().map_err(unusable)
}

async fn simulate(fleet: Fleet) -> Result<RunningFleet, DevError> {
    fleet.start(Ipv4Addr::LOCALHOST.into()).await.map_err(DevError::Simulator)
}

/// One node for all real servers. GPUs are read only when it is clear which ones: one server, on this machine.
fn real(endpoints: &[Endpoint], url: &str, data_dir: &Path) -> Result<Plan, DevError> {
    let here = matches!(endpoints, [one] if is_local(one));
    let gpus = || if here { GpuChoice::Auto } else { GpuChoice::These(Vec::new()) };
    let slots =
        endpoints.iter().map(|endpoint| SlotConfig { endpoint: endpoint.clone(), gpus: gpus() }).collect();
    let probe = if here { ProbeChoice::Auto } else { ProbeChoice::None };
    Ok(Plan { config: config(REAL_NODE, url, data_dir, slots, probe)?, probe: None })
}

fn is_local(endpoint: &Endpoint) -> bool {
    let authority = endpoint.authority();
    let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// One node per simulated host, one slot per server.
fn simulated(slots: &[SimulatedSlot], url: &str, data_dir: &Path) -> Result<Vec<Plan>, DevError> {
    let mut hosts: BTreeMap<&str, Vec<SimulatedSlot>> = BTreeMap::new();
    for slot in slots {
        hosts.entry(&slot.host).or_default().push(slot.clone());
    }
    let plan = |(host, slots): (&str, Vec<SimulatedSlot>)| {
        let configured = slots.iter().map(slot_config).collect::<Result<_, _>>()?;
        let config = config(host, url, data_dir, configured, ProbeChoice::Simulated)?;
        Ok(Plan { config, probe: Some(probe::factory(&slots)) })
    };
    hosts.into_iter().map(plan).collect()
}

fn slot_config(slot: &SimulatedSlot) -> Result<SlotConfig, DevError> {
    let endpoint = Endpoint::parse(&slot.url).map_err(DevError::Address)?;
    let gpus = probe::uuid(slot).map(GpuRef::Uuid).into_iter().collect();
    Ok(SlotConfig { endpoint, gpus: GpuChoice::These(gpus) })
}

fn config(
    node: &str,
    url: &str,
    data_dir: &Path,
    slots: Vec<SlotConfig>,
    probe: ProbeChoice,
) -> Result<Config, DevError> {
    Ok(Config {
        node: NodeId::new(node).map_err(DevError::HostName)?,
        coordinator: url.to_owned(),
        data_dir: data_dir.join("nodes").join(node),
        slots,
        probe,
        nvml_library: None,
        spool_quota: DEFAULT_QUOTA,
        sample_hz: DEFAULT_SAMPLE_HZ,
        drain_seconds: DEFAULT_DRAIN_SECONDS,
        reconnect_max_seconds: DEFAULT_RECONNECT_MAX_SECONDS,
        insecure_network: false,
    })
}
