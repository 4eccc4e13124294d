//! Listening, with scripted outages, until told to stop.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

use crate::{
    engine::server::Server,
    http::{body::ResetSwitch, connection::Connection, router},
    spec::fault::Outage,
};

/// Connections at a time; more wait in the backlog.
const MAX_CONNECTIONS: usize = 4_096;
/// Pause after a failed accept or bind, so that a lasting error does not spin.
const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Serves until the server is stopped. At an outage the port closes, connections drop, and the port comes back.
pub(crate) async fn serve(server: Arc<Server>, listener: TcpListener, address: SocketAddr, started: Instant) {
    let mut outages = server.spec.outages.clone();
    outages.sort_by_key(|outage| std::cmp::Reverse(outage.at_ms));
    let mut listener = Some(listener);
    while let Some(open) = listener.take() {
        let next = outages.pop();
        let connections = server.stop.child_token();
        tokio::select! {
            () = server.stop.cancelled() => {}
            () = accept_all(&server, &open, &connections) => {}
            () = begin_of(next, started) => {
                drop(open);
                connections.cancel();
                listener = reopen(&server, address, next).await;
            }
        }
    }
}

async fn begin_of(outage: Option<Outage>, started: Instant) {
    match outage {
        Some(outage) => {
            tokio::time::sleep_until((started + Duration::from_millis(outage.at_ms)).into()).await;
        }
        None => std::future::pending().await,
    }
}

async fn reopen(server: &Server, address: SocketAddr, outage: Option<Outage>) -> Option<TcpListener> {
    let length = Duration::from_millis(outage.map_or(0, |outage| outage.for_ms));
    let bind = async {
        tokio::time::sleep(length).await;
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(error) => tracing::warn!(%address, %error, "port is taken after an outage; trying again"),
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    };
    tokio::select! {
        listener = bind => Some(listener),
        () = server.stop.cancelled() => None,
    }
}

async fn accept_all(server: &Arc<Server>, listener: &TcpListener, connections: &CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                server.tasks.spawn(converse(Arc::clone(server), stream, connections.clone(), place));
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed; trying again");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

async fn converse(
    server: Arc<Server>,
    stream: TcpStream,
    connections: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "delay of small packets stays on");
    }
    let reset = ResetSwitch::default();
    let io = TokioIo::new(Connection::new(stream, reset.clone()));
    let service = service_fn(move |request| router::answer(Arc::clone(&server), reset.clone(), request));
    let conversation =
        http1::Builder::new().title_case_headers(true).timer(TokioTimer::new()).serve_connection(io, service);
    tokio::select! {
        () = connections.cancelled() => {}
        outcome = conversation => {
            if let Err(error) = outcome {
                tracing::trace!(%error, "connection ended early");
            }
        }
    }
}
