//! Asks the coordinator. One channel with explicit limits; every call has a deadline; every refusal becomes a
//! [`ClientError`] that says what to do.

mod error;
mod refusal;

use std::time::Duration;

use chimera_proto::v1;
use chimera_proto::v1::operator_service_client::OperatorServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status, Streaming};

pub use error::{ClientError, Thing};

use crate::view::{NodeView, PlanView, SweepView};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest wait for an ordinary answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Longest wait for a plan: a million trials are expanded and sorted.
const PLAN: Duration = Duration::from_secs(60);
/// Longest silence while a report comes: the first part follows after all records are read.
const REPORT_PART: Duration = Duration::from_secs(120);
/// Largest accepted report in bytes. The form is bounded by design; this keeps a broken coordinator from our memory.
const REPORT_MAX_BYTES: usize = 256 * 1024 * 1024;
/// Time between signs of life on an idle connection; a dead coordinator is noticed within this plus [`PING_ANSWER`].
const PING: Duration = Duration::from_secs(10);
const PING_ANSWER: Duration = Duration::from_secs(5);

/// A connection to a coordinator.
#[derive(Debug, Clone)]
pub struct Client {
    url: String,
    service: OperatorServiceClient<Channel>,
}

impl Client {
    /// Connects to the coordinator at `url`.
    ///
    /// # Errors
    /// When `url` is not an `http://` address, or nothing answers there within 3 s.
    pub async fn connect(url: &str) -> Result<Self, ClientError> {
        let channel = endpoint(url)?
            .connect()
            .await
            .map_err(|source| ClientError::Unreachable { url: url.to_owned(), source })?;
        let service = OperatorServiceClient::new(channel)
            .max_decoding_message_size(chimera_proto::FRAME_MAX_BYTES)
            .max_encoding_message_size(chimera_proto::FRAME_MAX_BYTES);
        Ok(Self { url: url.to_owned(), service })
    }

    /// Address of the coordinator.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What `sweep` would run.
    ///
    /// # Errors
    /// When the coordinator refuses it or does not answer.
    pub async fn plan(&self, sweep: v1::Sweep) -> Result<PlanView, ClientError> {
        let mut service = self.service.clone();
        let request = v1::PlanSweepRequest { sweep: Some(sweep) };
        let answer = self.within("plan a sweep", PLAN, service.plan_sweep(request)).await?;
        self.present(answer.plan, "plan")
    }

    /// Submits `sweep`; the same `request_id` submits once.
    ///
    /// # Errors
    /// When the coordinator refuses it or does not answer.
    pub async fn submit(&self, sweep: v1::Sweep, request_id: String) -> Result<PlanView, ClientError> {
        let mut service = self.service.clone();
        let request = v1::SubmitSweepRequest { sweep: Some(sweep), request_id };
        let answer = self.within("submit a sweep", PLAN, service.submit_sweep(request)).await?;
        self.present(answer.plan, "plan")
    }

    /// One sweep, with its plan where the coordinator still knows it.
    ///
    /// # Errors
    /// When there is no such sweep, or the coordinator does not answer.
    pub async fn sweep(&self, name: &str) -> Result<(SweepView, Option<PlanView>), ClientError> {
        let mut service = self.service.clone();
        let request = v1::GetSweepRequest { sweep: name.to_owned() };
        let found = self.within("show a sweep", ANSWER, service.get_sweep(request)).await;
        let v1::GetSweepResponse { status, plan } = self.or_near_sweep(name, found).await?;
        Ok((self.present(status, "status")?, plan.map(PlanView::from)))
    }

    /// All sweeps, oldest first.
    ///
    /// # Errors
    /// When the coordinator does not answer.
    pub async fn sweeps(&self) -> Result<Vec<SweepView>, ClientError> {
        let mut service = self.service.clone();
        let answer =
            self.within("list sweeps", ANSWER, service.list_sweeps(v1::ListSweepsRequest {})).await?;
        Ok(answer.sweeps.into_iter().map(SweepView::from).collect())
    }

    /// Cancels a sweep.
    ///
    /// # Errors
    /// When there is no such sweep, or the coordinator does not answer.
    pub async fn cancel(&self, name: &str) -> Result<SweepView, ClientError> {
        let mut service = self.service.clone();
        let request = v1::CancelSweepRequest { sweep: name.to_owned() };
        let found = self.within("cancel a sweep", ANSWER, service.cancel_sweep(request)).await;
        let answer = self.or_near_sweep(name, found).await?;
        self.present(answer.status, "status")
    }

    /// Follows a sweep.
    ///
    /// # Errors
    /// When there is no such sweep, or the coordinator does not answer.
    pub async fn watch(&self, name: &str) -> Result<Watch, ClientError> {
        let mut service = self.service.clone();
        let request = v1::WatchSweepRequest { sweep: name.to_owned() };
        let found = self.within("watch a sweep", ANSWER, service.watch_sweep(request)).await;
        let stream = self.or_near_sweep(name, found).await?;
        Ok(Watch { client: self.clone(), stream })
    }

    /// All nodes, sorted by name.
    ///
    /// # Errors
    /// When the coordinator does not answer.
    pub async fn nodes(&self) -> Result<Vec<NodeView>, ClientError> {
        let mut service = self.service.clone();
        let answer = self.within("list nodes", ANSWER, service.list_nodes(v1::ListNodesRequest {})).await?;
        Ok(answer.nodes.into_iter().map(NodeView::from).collect())
    }

    /// One node.
    ///
    /// # Errors
    /// When there is no such node, or the coordinator does not answer.
    pub async fn node(&self, name: &str) -> Result<NodeView, ClientError> {
        let nodes = self.nodes().await?;
        let names: Vec<String> = nodes.iter().map(|node| node.node.clone()).collect();
        let unknown = || ClientError::unknown(Thing::Node, name, &names);
        nodes.into_iter().find(|node| node.node == name).ok_or_else(unknown)
    }

    /// Takes a node out.
    ///
    /// # Errors
    /// When there is no such node, or the coordinator does not answer.
    pub async fn drain(&self, name: &str, reason: &str) -> Result<NodeView, ClientError> {
        let mut service = self.service.clone();
        let request = v1::DrainNodeRequest { node: name.to_owned(), reason: reason.to_owned() };
        let found = self.within("drain a node", ANSWER, service.drain_node(request)).await;
        let answer = self.or_near_node(name, found).await?;
        self.present(answer.node, "node")
    }

    /// Takes a node back in.
    ///
    /// # Errors
    /// When there is no such node, or the coordinator does not answer.
    pub async fn undrain(&self, name: &str) -> Result<NodeView, ClientError> {
        let mut service = self.service.clone();
        let request = v1::UndrainNodeRequest { node: name.to_owned() };
        let found = self.within("undrain a node", ANSWER, service.undrain_node(request)).await;
        let answer = self.or_near_node(name, found).await?;
        self.present(answer.node, "node")
    }

    /// The report of a sweep, computed now, as JSON text.
    ///
    /// # Errors
    /// When there is no such sweep, the coordinator does not answer, or sends too much.
    pub async fn report(&self, name: &str) -> Result<Vec<u8>, ClientError> {
        let mut service = self.service.clone();
        let request = v1::FetchReportRequest { sweep: name.to_owned() };
        let found = self.within("fetch a report", REPORT_PART, service.fetch_report(request)).await;
        let mut stream = self.or_near_sweep(name, found).await?;
        let mut report = Vec::new();
        while let Some(part) = self.next_part(&mut stream).await? {
            if report.len() + part.len() > REPORT_MAX_BYTES {
                return Err(self.garbled(format!("a report of more than {} MiB", REPORT_MAX_BYTES >> 20)));
            }
            report.extend(part);
        }
        Ok(report)
    }

    async fn next_part(
        &self,
        stream: &mut Streaming<v1::FetchReportResponse>,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let call = "fetch a report";
        match tokio::time::timeout(REPORT_PART, stream.message()).await {
            Err(_) => Err(self.late(call, REPORT_PART)),
            Ok(Err(status)) => Err(self.refused(call, &status)),
            Ok(Ok(part)) => Ok(part.map(|v1::FetchReportResponse { report_json }| report_json)),
        }
    }

    async fn within<T>(
        &self,
        call: &'static str,
        limit: Duration,
        answer: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, ClientError> {
        match tokio::time::timeout(limit, answer).await {
            Err(_) => Err(self.late(call, limit)),
            Ok(Err(status)) => Err(self.refused(call, &status)),
            Ok(Ok(response)) => Ok(response.into_inner()),
        }
    }

    async fn or_near_sweep<T>(&self, name: &str, found: Result<T, ClientError>) -> Result<T, ClientError> {
        let Err(ClientError::Unknown { .. }) = found else { return found };
        let names: Vec<String> = self.sweeps().await?.into_iter().map(|sweep| sweep.sweep).collect();
        Err(ClientError::unknown(Thing::Sweep, name, &names))
    }

    async fn or_near_node<T>(&self, name: &str, found: Result<T, ClientError>) -> Result<T, ClientError> {
        let Err(ClientError::Unknown { .. }) = found else { return found };
        let names: Vec<String> = self.nodes().await?.into_iter().map(|node| node.node).collect();
        Err(ClientError::unknown(Thing::Node, name, &names))
    }

    /// Converts a part of an answer that must be there.
    fn present<W, V: From<W>>(&self, part: Option<W>, name: &'static str) -> Result<V, ClientError> {
        part.map(V::from).ok_or_else(|| self.garbled(format!("an answer without its {name}")))
    }

    fn refused(&self, call: &'static str, status: &Status) -> ClientError {
        refusal::client_error(&self.url, call, status)
    }

    fn late(&self, call: &'static str, limit: Duration) -> ClientError {
        ClientError::Late { url: self.url.clone(), call, seconds: limit.as_secs() }
    }

    fn garbled(&self, what: String) -> ClientError {
        ClientError::Garbled { url: self.url.clone(), what }
    }
}

/// A followed sweep.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    stream: Streaming<v1::WatchSweepResponse>,
}

impl Watch {
    /// The next state of the sweep; absent when the stream has ended. Waits as long as nothing changes: a dead
    /// coordinator is noticed by the connection's own signs of life.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<SweepView>, ClientError> {
        let broken = |status: Status| self.client.refused("watch a sweep", &status);
        match self.stream.message().await.map_err(broken)? {
            None => Ok(None),
            Some(v1::WatchSweepResponse { status }) => self.client.present(status, "status").map(Some),
        }
    }
}

fn endpoint(url: &str) -> Result<Endpoint, ClientError> {
    let wrong = |why: &str| ClientError::Address { url: url.to_owned(), why: why.to_owned() };
    if url.starts_with("https://") {
        return Err(wrong("this build speaks plain HTTP/2 on loopback and trusted networks only"));
    }
    if !url.starts_with("http://") {
        return Err(wrong("it does not start with http://"));
    }
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| wrong(&error.to_string()))?;
    Ok(endpoint
        .connect_timeout(CONNECT)
        .http2_keep_alive_interval(PING)
        .keep_alive_timeout(PING_ANSWER)
        .keep_alive_while_idle(true))
}
