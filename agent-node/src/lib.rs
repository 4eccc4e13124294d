//! The node daemon: runs attempts on a GPU host and streams what it measured to the coordinator.
//!
//! ```text
//! session ── offers ──> bench ──> executor (one task per slot) ──> ollama
//!    ^                               │ entries           sampler ──> gpu
//!    └── batches <── spool <── batcher <──────────────────┘
//! ```
//! The session follows the spool; measuring touches memory and the spool only. Building is split from serving:
//! [`Node::build`] finds everything that can be wrong with the host, [`Node::serve`] runs until it is told to end.

mod batcher;
mod bench;
mod cancel;
pub mod clock;
pub mod config;
mod executor;
pub mod gpu;
mod host;
mod idle;
mod inventory;
mod ollama;
mod recorder;
mod sampler;
mod session;
pub mod shutdown;
pub mod spool;

use std::sync::Arc;
use std::time::Duration;

use chimera_core::node::NodeFacts;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use bench::{Bench, BenchEnds};
use cancel::CancelCause;
use clock::NodeClock;
use config::{Config, ConfigError};
use executor::{PromptHeads, SlotWorker};
use gpu::ProbeFactory;
use inventory::Inventory;
use ollama::api::Api;
use session::{Heartbeats, Offset, Session};
use spool::{Spool, SpoolError};

pub use session::Timing;
pub use shutdown::Shutdown;

/// Longest wait for attempts to close after they were told to end.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for the first answers of the model servers before the coordinator is dialled.
const FIRST_LOOK_LIMIT: Duration = Duration::from_secs(5);
/// Longest wait for the session to end after it was told to.
const SESSION_END_LIMIT: Duration = Duration::from_secs(10);

/// What whoever builds a node may bring along.
#[derive(Default)]
pub struct Parts {
    /// GPU probes instead of those of the configuration: simulated GPUs, test doubles.
    pub probes: Option<ProbeFactory>,
    /// Waits instead of the usual ones.
    pub timing: Option<Timing>,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is not valid.
    #[error("the configuration is not valid")]
    Config(#[from] ConfigError),
    /// The spool cannot be used.
    #[error("the spool cannot be used")]
    Spool(#[from] SpoolError),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// A node, ready to serve.
pub struct Node {
    config: Config,
    timing: Timing,
    clock: NodeClock,
    spool: Spool,
    probes: ProbeFactory,
    inventory: Inventory,
    heads: Arc<PromptHeads>,
    nonce: u64,
}

impl Node {
    /// Opens the spool, looks at host and GPUs, draws the process nonce.
    ///
    /// # Errors
    /// [`StartError`] when the configuration or the spool cannot be used.
    pub fn build(config: Config, parts: Parts) -> Result<Self, StartError> {
        config.check()?;
        let clock = NodeClock::start();
        let spool = Spool::open(&config.data_dir, config.spool_quota, clock)?;
        let probes = parts.probes.unwrap_or_else(|| gpu::factory(&config));
        let inventory = Inventory::new(&config, host::read(), Arc::clone(&probes), clock);
        let heads = Arc::new(PromptHeads::new().map_err(StartError::Random)?);
        let nonce = getrandom::u64().map_err(StartError::Random)?;
        let timing = parts.timing.unwrap_or_else(|| Timing::of(&config));
        Ok(Self { config, timing, clock, spool, probes, inventory, heads, nonce })
    }

    /// What the node says about itself as far as it is known before serving.
    #[must_use]
    pub fn facts(&self) -> Arc<NodeFacts> {
        self.inventory.subscribe().borrow().clone()
    }

    /// Serves until `shutdown` asks for the end: drains, then stops, says goodbye and returns. Dropping the future ends
    /// everything at once.
    pub async fn serve(self, shutdown: Shutdown) {
        let drain_limit = Duration::from_secs(self.config.drain_seconds);
        let flush = self.timing.flush;
        let (bench, BenchEnds { inboxes, lost }) = Bench::new(self.config.slots.len(), self.spool.clone());
        let bench = Arc::new(bench);
        let heartbeats = Heartbeats::default();
        let mut workers = JoinSet::new();
        for (index, inbox) in inboxes.into_iter().enumerate() {
            workers.spawn(self.worker(index, &bench, heartbeats.offset()).run(inbox));
        }
        let finish = CancellationToken::new();
        let mut inventory = self.inventory;
        let session = Session {
            coordinator: self.config.coordinator,
            nonce: self.nonce,
            clock: self.clock,
            spool: self.spool,
            bench: Arc::clone(&bench),
            facts: inventory.subscribe(),
            lost,
            heartbeats,
            timing: self.timing.clone(),
            finish: finish.clone(),
        };
        // A slow model server must not keep the node from registering.
        let _ = tokio::time::timeout(FIRST_LOOK_LIMIT, inventory.refresh(&bench)).await;
        let watching = inventory.run(Arc::clone(&bench), self.timing.inventory);
        let _inventory = AbortOnDropHandle::new(tokio::spawn(watching));
        let session = AbortOnDropHandle::new(tokio::spawn(session.run()));
        shutdown.draining().await;
        drain(&bench, &shutdown, drain_limit).await;
        finish.cancel();
        // What was not acknowledged by then stays in the spool for the next start.
        let _ = tokio::time::timeout(flush + SESSION_END_LIMIT, session).await;
    }

    fn worker(&self, index: usize, bench: &Arc<Bench>, offset: Offset) -> SlotWorker {
        SlotWorker {
            // A configuration has at most 64 slots.
            index: u16::try_from(index).unwrap_or(u16::MAX),
            api: Api { endpoint: self.config.slots[index].endpoint.clone(), clock: self.clock },
            spool: self.spool.clone(),
            bench: Arc::clone(bench),
            facts: self.inventory.subscribe(),
            offset,
            probes: Arc::clone(&self.probes),
            sample_hz: self.config.sample_hz,
            heads: Arc::clone(&self.heads),
            eyes: None,
            loaded: None,
            warmed: false,
        }
    }
}

/// Lets running attempts finish; a stop or the limit ends them.
async fn drain(bench: &Bench, shutdown: &Shutdown, limit: Duration) {
    bench.refuse_offers();
    tracing::info!(?limit, "draining: no new attempts; ask again to stop at once");
    tokio::select! {
        () = bench.idle() => return,
        () = shutdown.stopped() => tracing::warn!("stopping: running attempts are ended"),
        () = tokio::time::sleep(limit) => tracing::warn!("the drain took too long: running attempts are ended"),
    }
    bench.cancel_all(CancelCause::Shutdown);
    let _ = tokio::time::timeout(CLOSE_LIMIT, bench.idle()).await;
}
