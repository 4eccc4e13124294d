//! Where people and their tools come in. Handlers convert, ask, convert; refusals become statuses in [`refusal`] alone.
//!
//! | question | file |
//! |---|---|
//! | what would run? | [`plan`] |
//! | how is progress pushed? | [`watch`] |
//! | how is a report computed? | [`report`] |
//! | which status does a refusal get? | [`refusal`] |

mod plan;
mod refusal;
pub(crate) mod report;
mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chimera_core::entry::CAUSE_MAX_BYTES;
use chimera_core::id::{NodeId, SweepId};
use chimera_core::scheduler::event::Event;
use chimera_core::scheduler::view::NodeView;
use chimera_proto::convert::{check, node_status, sweep_status};
use chimera_proto::v1;
use chimera_proto::v1::operator_service_server::OperatorService;
use futures_util::stream::BoxStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::config::Limits;
use crate::driver::DriverHandle;
use crate::driver::snapshot::Snapshot;
use crate::gateway::clocks::Clocks;
use crate::store::Store;
use refusal::Refusal;

/// How long a report waits for its turn.
const REPORT_WAIT: Duration = Duration::from_secs(30);

/// A stream of answers.
type Stream<T> = BoxStream<'static, Result<T, Status>>;

/// What every call uses.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    driver: DriverHandle,
    store: Store,
    clocks: Clocks,
    data_dir: Arc<PathBuf>,
    watchers: Arc<Semaphore>,
    reports: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Operator {
    /// Answers operators until `stop`.
    pub(crate) fn new(
        driver: DriverHandle,
        store: Store,
        clocks: Clocks,
        data_dir: PathBuf,
        limits: &Limits,
        stop: CancellationToken,
    ) -> Self {
        let (watchers, reports) = (Semaphore::new(limits.watchers), Semaphore::new(limits.reports));
        let (watchers, reports, data_dir) = (Arc::new(watchers), Arc::new(reports), Arc::new(data_dir));
        Self { driver, store, clocks, data_dir, watchers, reports, stop }
    }

    /// The status of a sweep in a snapshot.
    fn status(&self, snapshot: &Snapshot, id: &SweepId) -> Result<v1::SweepStatus, Refusal> {
        let (view, entry) = snapshot.sweep(id).ok_or_else(|| Refusal::UnknownSweep(id.clone()))?;
        let dataset = entry.dataset.as_ref().map(|folder| self.data_dir.join(folder).display().to_string());
        Ok(sweep_status(view, snapshot.at, entry.submitted, &entry.sweep.description, dataset.as_deref()))
    }

    /// The status of a node in the latest snapshot.
    fn node(&self, id: &NodeId) -> Result<v1::NodeStatus, Refusal> {
        let snapshot = self.driver.snapshot();
        let view = snapshot.node(id).ok_or_else(|| Refusal::UnknownNode(id.clone()))?;
        Ok(self.node_status(view, &snapshot))
    }

    fn node_status(&self, view: &NodeView, snapshot: &Snapshot) -> v1::NodeStatus {
        node_status(view, snapshot.at, self.clocks.of(&view.id).as_ref())
    }

    async fn fresh(&self) -> Result<Arc<Snapshot>, Refusal> {
        Ok(self.driver.fresh().await?)
    }

    /// Passes an event on and waits until it has taken effect.
    async fn happened(&self, event: Event) -> Result<(), Refusal> {
        Ok(self.driver.happened(event, None).await?)
    }
}

#[tonic::async_trait]
impl OperatorService for Operator {
    type WatchSweepStream = Stream<v1::WatchSweepResponse>;
    type FetchReportStream = Stream<v1::FetchReportResponse>;

    async fn plan_sweep(
        &self,
        request: Request<v1::PlanSweepRequest>,
    ) -> Result<Response<v1::PlanSweepResponse>, Status> {
        let sweep = check::required("sweep", request.into_inner().sweep).map_err(Refusal::Invalid)?;
        let outline = plan::outline(self.fresh().await?, sweep).await?;
        Ok(Response::new(v1::PlanSweepResponse { plan: Some((&outline).into()) }))
    }

    async fn submit_sweep(
        &self,
        request: Request<v1::SubmitSweepRequest>,
    ) -> Result<Response<v1::SubmitSweepResponse>, Status> {
        let entry = plan::submit(&self.driver, self.store.disk(), request.into_inner()).await?;
        let outline = plan::outline_of(entry.clone()).await?;
        Ok(Response::new(v1::SubmitSweepResponse { plan: Some((&outline).into()) }))
    }

    async fn get_sweep(
        &self,
        request: Request<v1::GetSweepRequest>,
    ) -> Result<Response<v1::GetSweepResponse>, Status> {
        let (id, snapshot) = (sweep_id(&request.into_inner().sweep)?, self.fresh().await?);
        let (_, entry) = snapshot.sweep(&id).ok_or_else(|| Refusal::UnknownSweep(id.clone()))?;
        let outline = plan::outline_of(entry.clone()).await?;
        let (status, plan) = (Some(self.status(&snapshot, &id)?), Some((&outline).into()));
        Ok(Response::new(v1::GetSweepResponse { status, plan }))
    }

    async fn list_sweeps(
        &self,
        _request: Request<v1::ListSweepsRequest>,
    ) -> Result<Response<v1::ListSweepsResponse>, Status> {
        let snapshot = self.fresh().await?;
        let all = snapshot.view.sweeps.iter().map(|sweep| self.status(&snapshot, &sweep.id));
        let sweeps = all.collect::<Result<_, _>>()?;
        Ok(Response::new(v1::ListSweepsResponse { sweeps }))
    }

    async fn watch_sweep(
        &self,
        request: Request<v1::WatchSweepRequest>,
    ) -> Result<Response<Self::WatchSweepStream>, Status> {
        let id = sweep_id(&request.into_inner().sweep)?;
        self.status(&self.driver.snapshot(), &id)?;
        let place = self.watchers.clone().try_acquire_owned().map_err(|_| Refusal::TooManyWatchers)?;
        Ok(Response::new(watch::stream(self.clone(), id, place)))
    }

    async fn cancel_sweep(
        &self,
        request: Request<v1::CancelSweepRequest>,
    ) -> Result<Response<v1::CancelSweepResponse>, Status> {
        let id = sweep_id(&request.into_inner().sweep)?;
        self.status(&self.driver.snapshot(), &id)?;
        self.happened(Event::SweepCancelled { sweep: id.clone() }).await?;
        let status = Some(self.status(&self.driver.snapshot(), &id)?);
        Ok(Response::new(v1::CancelSweepResponse { status }))
    }

    async fn list_nodes(
        &self,
        _request: Request<v1::ListNodesRequest>,
    ) -> Result<Response<v1::ListNodesResponse>, Status> {
        let snapshot = self.fresh().await?;
        let nodes = snapshot.view.nodes.iter().map(|node| self.node_status(node, &snapshot)).collect();
        Ok(Response::new(v1::ListNodesResponse { nodes }))
    }

    async fn drain_node(
        &self,
        request: Request<v1::DrainNodeRequest>,
    ) -> Result<Response<v1::DrainNodeResponse>, Status> {
        let v1::DrainNodeRequest { node, reason } = request.into_inner();
        let (id, reason) = (node_id(&node)?, check::text("reason", reason, 0..=CAUSE_MAX_BYTES));
        let reason = reason.map_err(Refusal::Invalid)?;
        self.fresh().await?;
        self.node(&id)?;
        self.happened(Event::DrainRequested { node: id.clone(), reason }).await?;
        Ok(Response::new(v1::DrainNodeResponse { node: Some(self.node(&id)?) }))
    }

    async fn undrain_node(
        &self,
        request: Request<v1::UndrainNodeRequest>,
    ) -> Result<Response<v1::UndrainNodeResponse>, Status> {
        let id = node_id(&request.into_inner().node)?;
        self.fresh().await?;
        self.node(&id)?;
        self.happened(Event::UndrainRequested { node: id.clone() }).await?;
        Ok(Response::new(v1::UndrainNodeResponse { node: Some(self.node(&id)?) }))
    }

    async fn fetch_report(
        &self,
        request: Request<v1::FetchReportRequest>,
    ) -> Result<Response<Self::FetchReportStream>, Status> {
        let id = sweep_id(&request.into_inner().sweep)?;
        let turn = tokio::time::timeout(REPORT_WAIT, self.reports.acquire()).await;
        let _turn = turn.map_err(|_| Refusal::TooManyReports)?.map_err(|_| Refusal::Stopping)?;
        let json = report::json(&self.driver, &self.store, &id).await?;
        Ok(Response::new(report::stream(json)))
    }
}

fn sweep_id(text: &str) -> Result<SweepId, Refusal> {
    check::named("sweep", SweepId::new(text)).map_err(Refusal::Invalid)
}

fn node_id(text: &str) -> Result<NodeId, Refusal> {
    check::named("node", NodeId::new(text)).map_err(Refusal::Invalid)
}
