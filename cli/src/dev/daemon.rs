//! The two daemons, started in this process. The one place that knows how they are built, served and stopped.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chimera_agent_node::config::Config as NodeConfig;
use chimera_agent_node::gpu::ProbeFactory;
use chimera_agent_node::{Node, Parts as NodeParts, Shutdown};
use chimera_coordinator::{Config, Coordinator, DATABASE_FILE, OfflineError, Parts, ServeError, Stopped};
use chimera_core::report::Report;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::DevError;
use crate::client::{ClientError, Thing};
use crate::error::Failure;

/// Longer than the graces of each daemon together; it only guards against a daemon that hangs.
const STOP: Duration = Duration::from_secs(25);

/// A coordinator in this process. Dropping it ends it at once; its journal is made for that.
pub(super) struct RunningCoordinator {
    address: SocketAddr,
    stop: CancellationToken,
    task: AbortOnDropHandle<Result<Stopped, ServeError>>,
}

impl RunningCoordinator {
    /// Starts a coordinator with its files in `folder`, on a free port of the loopback.
    pub(super) async fn start(folder: &Path) -> Result<Self, DevError> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let config = Config { listen, data_dir: folder.to_owned(), ..Config::default() };
        let failed = |error| DevError::Coordinator { path: folder.to_owned(), source: Box::new(error) };
        let coordinator = Coordinator::build(config, Parts::default()).await.map_err(failed)?;
        let (address, stop) = (coordinator.local_addr(), CancellationToken::new());
        let task = AbortOnDropHandle::new(tokio::spawn(coordinator.serve(stop.clone().cancelled_owned())));
        Ok(Self { address, stop, task })
    }

    /// Its address.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it, within its own graces.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if let Ok(Ok(Err(error))) = timeout(STOP, self.task).await {
            tracing::warn!(%error, "the coordinator did not stop cleanly; nothing acknowledged is lost");
        }
    }
}

/// A node in this process. Dropping it ends it at once; its spool is made for that.
pub(super) struct RunningNode {
    shutdown: Shutdown,
    task: AbortOnDropHandle<()>,
}

impl RunningNode {
    /// Starts a node; `probes` replace those of the configuration.
    pub(super) async fn start(config: NodeConfig, probes: Option<ProbeFactory>) -> Result<Self, DevError> {
        let name = config.node.to_string();
        // Opening the spool and the driver's library may block.
        let build = move || Node::build(config, NodeParts { probes, ..NodeParts::default() });
        let failed = |source| DevError::Node { node: name.clone(), source };
        let built = tokio::task::spawn_blocking(build).await.map_err(|error| failed(error.into()))?;
        let node = built.map_err(|error| failed(error.into()))?;
        let shutdown = Shutdown::new();
        let task = AbortOnDropHandle::new(tokio::spawn(node.serve(shutdown.clone())));
        Ok(Self { shutdown, task })
    }

    /// Asks it to stop: what still runs is ended.
    pub(super) fn ask_to_stop(&self) {
        self.shutdown.stop();
    }

    /// Waits until it has stopped.
    pub(super) async fn stopped(self) {
        if timeout(STOP, self.task).await.is_err() {
            tracing::warn!("a node did not stop in time and is left behind");
        }
    }
}

/// Computes the report of a sweep from the store in `data_dir`, which is the folder of `chimera dev` or of a
/// coordinator. The store is only read, also while a coordinator uses it.
///
/// # Errors
/// When there is no store, it cannot be read, or it does not know the sweep.
pub async fn stored_report(data_dir: &Path, sweep: &str) -> Result<Report, Failure> {
    let folder = store_folder(data_dir)?;
    chimera_coordinator::stored_report(&folder, sweep).await.map_err(|error| match error {
        OfflineError::Unknown { sweep, known } => ClientError::unknown(Thing::Sweep, &sweep, &known).into(),
        error => DevError::Store { path: folder, source: Box::new(error) }.into(),
    })
}

/// The folder of the store in `data_dir`. Looked for before anything is started: a coordinator would make an empty one.
///
/// # Errors
/// When there is no store.
pub fn store_folder(data_dir: &Path) -> Result<PathBuf, DevError> {
    let candidates = [data_dir.join("coordinator"), data_dir.to_owned()];
    let found = candidates.into_iter().find(|folder| folder.join(DATABASE_FILE).is_file());
    found.ok_or_else(|| DevError::NoStore { path: data_dir.to_owned() })
}
