//! Start and stop: [`Coordinator::build`] takes everything that can be refused, [`Coordinator::serve`] runs.

use std::net::SocketAddr;
use std::time::Duration;

use chimera_core::scheduler::lease::LEASE_TTL;
use chimera_core::scheduler::policy::Policy;
use chimera_core::unit::Nanos;
use chimera_proto::v1::fleet_service_server::FleetServiceServer;
use chimera_proto::v1::operator_service_server::OperatorServiceServer;
use tokio::task::JoinError;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tonic::transport::server::TcpIncoming;

use crate::blocks::BlockJudge;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::dataset::seal::Sealer;
use crate::driver::{Driver, DriverHandle, DriverParts, RecoverError, Wakes, recover};
use crate::gateway::Gateway;
use crate::gateway::clocks::Clocks;
use crate::operator::Operator;
use crate::server::{Services, serve};
use crate::store::lock::{FolderLock, LockError};
use crate::store::{Store, StoreError, Writer};

/// How long connections and sessions may take to end once the coordinator stops.
const DRAIN_GRACE: Duration = Duration::from_secs(10);
/// How long the driver may take for its last turn then.
const DRIVER_GRACE: Duration = Duration::from_secs(5);
/// How long the writer may take for what is queued then.
const FLUSH_GRACE: Duration = Duration::from_secs(10);

/// What tests replace.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The scheduler's limits. They belong to the journal: one written under other limits replays differently.
    pub policy: Policy,
    /// How long a session lives after the last sign of life.
    pub lease_ttl: Nanos,
}

impl Default for Parts {
    fn default() -> Self {
        Self { policy: Policy::default(), lease_ttl: LEASE_TTL }
    }
}

/// Why a coordinator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be replayed.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {listen}: another program may use the port; stop it, or set another listen address"
    )]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Why a coordinator stopped by itself. Everything that was acknowledged is durable.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gRPC server failed.
    #[error("the gRPC server failed")]
    Server(#[from] tonic::transport::Error),
    /// A task died.
    #[error("a task of the coordinator died: this is a bug, please report it with the log")]
    Died(#[from] JoinError),
}

/// How a wished stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every connection was closed in time.
    Drained,
    /// Some connections had to be cut; nodes repeat what was not acknowledged.
    Cut,
}

/// A coordinator that is ready to serve: its data directory is locked, its journal replayed, its port bound.
#[derive(Debug)]
pub struct Coordinator {
    config: Config,
    address: SocketAddr,
    incoming: TcpIncoming,
    driver: Driver,
    handle: DriverHandle,
    clock: Clock,
    store: Store,
    wakes: Wakes,
    writing: Writing,
    lock: FolderLock,
}

/// The writer's task. It is aborted when it is dropped, so that a coordinator that is dropped leaves nothing behind.
#[derive(Debug)]
struct Writing {
    task: Task<StoreError>,
    stop: CancellationToken,
}

/// A task that is aborted when its handle is dropped.
type Task<E> = AbortOnDropHandle<Result<(), E>>;

/// Tasks of a serving coordinator, in the order in which they stop.
struct Tasks {
    /// Node sessions and the sealer.
    sessions: TaskTracker,
    server: Task<tonic::transport::Error>,
    /// Stops the two above.
    stop: CancellationToken,
    driver: Task<StoreError>,
    stop_driver: CancellationToken,
    writing: Writing,
    /// Held to the end.
    _lock: FolderLock,
}

impl Coordinator {
    /// Checks the configuration, locks the data directory, opens the store, replays the journal and binds the port.
    ///
    /// # Errors
    /// [`StartError`] says what to do; nothing was changed but the data directory's own files.
    pub async fn build(config: Config, parts: Parts) -> Result<Self, StartError> {
        config.check()?;
        let lock = FolderLock::take(&config.data_dir)?;
        let bound = |source| StartError::Bind { listen: config.listen, source };
        let incoming = TcpIncoming::bind(config.listen).map_err(bound)?;
        let address = incoming.local_addr().map_err(bound)?;
        let (store, writer) = Store::open(&config.data_dir).await?;
        let writing = Writing::start(writer);
        let wakes = Wakes::default();
        let Parts { policy, lease_ttl } = parts;
        let running_sweeps_max = config.limits.running_sweeps;
        let parts = DriverParts { policy, lease_ttl, running_sweeps_max };
        let (driver, handle, clock) = recover(store.clone(), parts, wakes.clone()).await?;
        Ok(Self { config, address, incoming, driver, handle, clock, store, wakes, writing, lock })
    }

    /// The address that is listened on, with the real port.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown`, then closes sessions and connections, flushes the store and says how that went.
    ///
    /// # Errors
    /// [`ServeError`] when the coordinator cannot go on; what was acknowledged is durable all the same.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) -> Result<Stopped, ServeError> {
        self.announce();
        let mut tasks = self.start().await;
        let failed = tokio::select! {
            () = shutdown => return tasks.stop_all().await,
            ended = &mut tasks.writing.task => flat(ended),
            ended = &mut tasks.driver => flat(ended),
            ended = &mut tasks.server => flat(ended),
        };
        tasks.fail(failed).await
    }

    fn announce(&self) {
        let data_dir = self.config.data_dir.display();
        tracing::info!(address = %self.address, %data_dir, "the coordinator is ready");
        if self.config.insecure_network {
            tracing::warn!(
                address = %self.address,
                "insecure_network is set: traffic is not encrypted, and everybody who reaches the port can run and \
                 cancel sweeps and read records; this is interim until mutual TLS"
            );
        }
    }

    async fn start(self) -> Tasks {
        let Self { config, incoming, driver, handle, clock, store, wakes, writing, lock, address: _ } = self;
        let (stop, stop_driver, sessions) =
            (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let Config { data_dir, limits, .. } = config;
        let places = limits.sessions;
        let clocks = Clocks::default();
        let (told, halt, tasks) = (clocks.clone(), stop.clone(), sessions.clone());
        let gateway = Gateway::new(handle.clone(), store.clone(), clock, told, places, halt, tasks);
        let (folder, halt) = (data_dir.clone(), stop.clone());
        let operator = Operator::new(handle.clone(), store.clone(), clocks, folder, &limits, halt);
        let judge = BlockJudge::new(handle.clone(), store.clone(), wakes.judge);
        sessions.spawn(judge.run(stop.clone()));
        sessions.spawn(Sealer { driver: handle, store, data_dir, wake: wakes.seal }.run(stop.clone()));
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<FleetServiceServer<Gateway>>().await;
        reporter.set_serving::<OperatorServiceServer<Operator>>().await;
        let services = Services { gateway, operator, health };
        let server = own(serve(services, incoming, stop.clone()));
        let driver = own(driver.run(stop_driver.clone()));
        Tasks { sessions, server, stop, driver, stop_driver, writing, _lock: lock }
    }
}

impl Writing {
    fn start(writer: Writer) -> Self {
        let stop = CancellationToken::new();
        Self { task: own(writer.run(stop.clone())), stop }
    }
}

impl Tasks {
    /// Stops in order: sessions and connections, then the driver, then the writer, each within its grace.
    async fn stop_all(mut self) -> Result<Stopped, ServeError> {
        tracing::info!("stopping: sessions and connections are closed");
        let stopped = self.drain().await?;
        self.stop_driver.cancel();
        // On a full disk the driver waits for the writer, which only gives up when it is stopped itself.
        let driven = timeout(DRIVER_GRACE, &mut self.driver).await;
        self.flush().await?;
        driven.map_or(Ok(()), flat)?;
        tracing::info!(?stopped, "the coordinator has stopped");
        Ok(stopped)
    }

    async fn drain(&mut self) -> Result<Stopped, ServeError> {
        self.stop.cancel();
        self.sessions.close();
        let closed = async {
            self.sessions.wait().await;
            (&mut self.server).await
        };
        match timeout(DRAIN_GRACE, closed).await {
            Ok(ended) => flat(ended).map(|()| Stopped::Drained),
            Err(_) => {
                self.server.abort();
                Ok(Stopped::Cut)
            }
        }
    }

    async fn flush(&mut self) -> Result<(), ServeError> {
        self.writing.stop.cancel();
        match timeout(FLUSH_GRACE, &mut self.writing.task).await {
            Ok(ended) => flat(ended),
            Err(_) => {
                tracing::error!("the store was not flushed in time; nothing acknowledged is lost");
                Ok(())
            }
        }
    }

    /// A task ended by itself. What others saw of a failed store is only that it stopped: its own error says why.
    async fn fail(mut self, failed: Result<(), ServeError>) -> Result<Stopped, ServeError> {
        self.stop.cancel();
        match failed {
            Ok(()) => Ok(Stopped::Cut),
            Err(ServeError::Store(StoreError::Stopped)) => {
                flat((&mut self.writing.task).await).map(|()| Stopped::Cut)
            }
            Err(error) => Err(error),
        }
    }
}

fn own<E: Send + 'static>(task: impl Future<Output = Result<(), E>> + Send + 'static) -> Task<E> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

fn flat<E>(ended: Result<Result<(), E>, JoinError>) -> Result<(), ServeError>
where
    ServeError: From<E>,
{
    Ok(ended??)
}

impl Drop for Tasks {
    /// Sessions are not aborted but told to end: they hold nothing that must survive.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
