//! A scripted coordinator: hands every session to the test, which answers itself.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use chimera_proto::v1::fleet_service_server::{FleetService, FleetServiceServer};
use chimera_proto::v1::{self, session_request::Kind as Out, session_response::Kind as In};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// Longest wait of a test for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// One session as a test sees it.
pub(crate) struct Session {
    pub(crate) hello: v1::Hello,
    frames: Streaming<v1::SessionRequest>,
    pub(crate) to_node: mpsc::Sender<Result<v1::SessionResponse, Status>>,
}

/// A running coordinator.
pub(crate) struct Coordinator {
    pub(crate) address: String,
    sessions: mpsc::Receiver<Session>,
}

struct Service {
    sessions: mpsc::Sender<Session>,
}

#[tonic::async_trait]
impl FleetService for Service {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<v1::SessionResponse, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<v1::SessionRequest>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let mut frames = request.into_inner();
        let Some(Out::Hello(hello)) = frames.message().await?.and_then(|frame| frame.kind) else {
            return Err(Status::invalid_argument("the first frame is not a hello"));
        };
        let (to_node, responses) = mpsc::channel(16);
        self.sessions
            .send(Session { hello, frames, to_node })
            .await
            .map_err(|_| Status::unavailable("over"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(responses))))
    }
}

impl Coordinator {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (sender, sessions) = mpsc::channel(4);
        let service = FleetServiceServer::new(Service { sessions: sender });
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        Self { address, sessions }
    }

    /// The next session, not yet welcomed.
    pub(crate) async fn next(&mut self) -> Session {
        tokio::time::timeout(PATIENCE, self.sessions.recv()).await.expect("no session").unwrap()
    }

    /// The next session, welcomed with resume positions.
    pub(crate) async fn welcome(&mut self, resume: Vec<v1::Resume>) -> Session {
        let session = self.next().await;
        session.welcome(1, resume).await;
        session
    }
}

impl Session {
    pub(crate) async fn welcome(&self, protocol: u32, resume: Vec<v1::Resume>) {
        let welcome = v1::Welcome {
            protocol,
            incarnation: 1,
            heartbeat_ms: 200,
            resume,
            coordinator_version: "test".to_owned(),
        };
        self.send(In::Welcome(welcome)).await;
    }

    pub(crate) async fn send(&self, kind: In) {
        self.to_node.send(Ok(v1::SessionResponse { kind: Some(kind) })).await.unwrap();
    }

    /// The next frame that is not a heartbeat or an inventory; `None` at the end of the session.
    pub(crate) async fn frame(&mut self) -> Option<Out> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.frames.message()).await.expect("no frame");
            match frame.ok().flatten()?.kind {
                Some(Out::Heartbeat(_) | Out::Facts(_)) => {}
                other => return other,
            }
        }
    }

    /// The next frame, whatever it is.
    pub(crate) async fn any_frame(&mut self) -> Option<Out> {
        let frame = tokio::time::timeout(PATIENCE, self.frames.message()).await.expect("no frame");
        frame.ok().flatten()?.kind
    }
}
