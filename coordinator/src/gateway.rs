//! Where nodes come in: one bidirectional stream per session.
//!
//! ```text
//!   stream ──reader──> inbox ──session loop──> store (batches), driver (events)
//!      ▲                            │
//!      └────────── wire <───────────┴── outbox <── driver (offers, stops)
//! ```
//!
//! The reader never stops draining, because h2 closes a whole connection over small frames that nobody reads: a node that
//! sends more than the inbox holds breaks its credit and loses its session instead. Nothing waits for the wire either.
//!
//! | question | file |
//! |---|---|
//! | who may open a session? | [`hello`] |
//! | who reads the stream? | [`inbox`] |
//! | what does a session do? | [`session`] |
//! | when is a batch acknowledged? | [`upload`] |
//! | when is a record complete? | [`finish`], [`assemble`] |
//! | may it be trusted? | [`judge`] |
//! | how right is a node's clock? | [`clocks`] |

pub(crate) mod assemble;
pub(crate) mod clocks;
mod finish;
mod hello;
mod inbox;
pub(crate) mod judge;
mod session;
mod upload;

use std::sync::Arc;

use chimera_proto::v1::fleet_service_server::FleetService;
use chimera_proto::v1::{SessionRequest, SessionResponse};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming};

use crate::clock::Clock;
use crate::driver::DriverHandle;
use crate::store::Store;
use clocks::Clocks;

/// Frames that may wait for the network, per session.
const WIRE_QUEUE: usize = 1_024;
/// Records put together at the same time; each is held in memory whole.
const ASSEMBLIES: usize = 4;

/// What every session uses.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    driver: DriverHandle,
    store: Store,
    clock: Clock,
    clocks: Clocks,
    /// Free sessions.
    free: Arc<Semaphore>,
    assemblies: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Gateway {
    /// A gateway for at most `sessions` nodes; its sessions run on `tasks` and end with `stop`.
    pub(crate) fn new(
        driver: DriverHandle,
        store: Store,
        clock: Clock,
        clocks: Clocks,
        sessions: usize,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Self {
        let (free, assemblies) = (Arc::new(Semaphore::new(sessions)), Arc::new(Semaphore::new(ASSEMBLIES)));
        Self { driver, store, clock, clocks, free, assemblies, stop, tasks }
    }
}

#[tonic::async_trait]
impl FleetService for Gateway {
    type SessionStream = ReceiverStream<Result<SessionResponse, Status>>;

    /// Answers at once and speaks on the stream: a node may wait for the answer before it sends its hello.
    async fn session(
        &self,
        request: Request<Streaming<SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let full =
            |_| Status::resource_exhausted("the coordinator has no free session: raise limits.sessions");
        let place = self.free.clone().try_acquire_owned().map_err(full)?;
        let (wire, frames) = mpsc::channel(WIRE_QUEUE);
        let (gateway, stream) = (self.clone(), request.into_inner());
        self.tasks.spawn(async move {
            session::run(gateway, stream, wire).await;
            drop(place);
        });
        Ok(Response::new(ReceiverStream::new(frames)))
    }
}
