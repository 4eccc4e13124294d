//! One request and its answer on one freshly opened connection.
//!
//! The task that reads the answer also drives the connection, one step at a time: hyper hands over at most one frame
//! and reads the socket only when it has nothing buffered. So the last stamp belongs to the frame in hand, and frames
//! with the same read number came in one read.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chimera_core::unit::Nanos;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::stamp::{ReadStamp, Stamped, Stamps};
use crate::clock::NodeClock;
use crate::config::Endpoint;

/// Longest wait for a connection.
pub(crate) const CONNECT_LIMIT: Duration = Duration::from_secs(5);

type Driver = Pin<Box<Connection<TokioIo<Stamped<TcpStream>>, Full<Bytes>>>>;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExchangeError {
    /// No connection.
    #[error("{endpoint} cannot be reached ({reason}); is Ollama running there?")]
    Connect {
        /// The server.
        endpoint: Endpoint,
        /// Why.
        reason: String,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
}

/// The bytes of one read of the socket, as far as they are body.
#[derive(Debug)]
pub(crate) struct BodyRead {
    /// When the read returned.
    pub(crate) stamp: ReadStamp,
    /// Its parts in order.
    pub(crate) parts: Vec<Bytes>,
}

/// A connection with a request on it.
pub(crate) struct Exchange {
    sender: SendRequest<Full<Bytes>>,
    connection: Option<Driver>,
    stamps: Arc<Stamps>,
    body: Option<Incoming>,
    /// First part of a read that was met while the one before was collected.
    ahead: Option<BodyRead>,
    /// Time that the connection took.
    pub(crate) connect: Nanos,
}

impl Exchange {
    /// Opens a connection.
    pub(crate) async fn open(endpoint: &Endpoint, clock: NodeClock) -> Result<Self, ExchangeError> {
        let refused = |reason: String| ExchangeError::Connect { endpoint: endpoint.clone(), reason };
        let began = clock.now();
        let socket = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(endpoint.authority()))
            .await
            .map_err(|_| refused("no answer within 5 s".to_owned()))?
            .map_err(|error| refused(error.to_string()))?;
        socket.set_nodelay(true).map_err(|error| refused(error.to_string()))?;
        let (stamped, stamps) = Stamped::new(socket, clock);
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stamped))
            .await
            .map_err(|error| refused(told(&error)))?;
        let connect = clock.now().saturating_sub(began);
        Ok(Self { sender, connection: Some(Box::pin(connection)), stamps, body: None, ahead: None, connect })
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<StatusCode, ExchangeError> {
        let mut response = Box::pin(self.sender.send_request(request));
        let connection = &mut self.connection;
        let answered = poll_fn(|cx| {
            if let Poll::Ready(answer) = response.as_mut().poll(cx) {
                return Poll::Ready(answer);
            }
            drive(connection, cx);
            response.as_mut().poll(cx)
        });
        let response = answered.await.map_err(|error| ExchangeError::Broken(told(&error)))?;
        let status = response.status();
        self.body = Some(response.into_body());
        Ok(status)
    }

    /// When the write of the last bytes of the request began.
    pub(crate) fn written_at(&self) -> Nanos {
        self.stamps.written_at()
    }

    /// When the socket was last read.
    pub(crate) fn last_read_at(&self) -> Nanos {
        self.stamps.last_read().at
    }

    /// The next read that carries body; `None` at the end of the answer.
    pub(crate) async fn next_read(&mut self) -> Result<Option<BodyRead>, ExchangeError> {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<BodyRead>, ExchangeError>> {
        let mut current = self.ahead.take();
        let mut driven = false;
        loop {
            match self.poll_part(cx) {
                Poll::Ready(Some(Ok((stamp, part)))) => {
                    driven = false;
                    match &mut current {
                        Some(read) if read.stamp.number == stamp.number => read.parts.push(part),
                        Some(_) => {
                            self.ahead = Some(BodyRead { stamp, parts: vec![part] });
                            return Poll::Ready(Ok(current));
                        }
                        None => current = Some(BodyRead { stamp, parts: vec![part] }),
                    }
                }
                // What was read before the end is handed out first; the end is met again on the next call.
                Poll::Ready(Some(Err(error))) if current.is_none() => return Poll::Ready(Err(error)),
                Poll::Ready(_) => return Poll::Ready(Ok(current)),
                Poll::Pending if driven && current.is_some() => return Poll::Ready(Ok(current)),
                Poll::Pending if driven => return Poll::Pending,
                Poll::Pending => {
                    drive(&mut self.connection, cx);
                    driven = true;
                }
            }
        }
    }

    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(ReadStamp, Bytes), ExchangeError>>> {
        let Some(body) = self.body.as_mut() else { return Poll::Ready(None) };
        loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(ExchangeError::Broken(told(&error)))));
                }
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(part) => return Poll::Ready(Some(Ok((self.stamps.last_read(), part)))),
                    Err(_trailers) => {}
                },
            }
        }
    }
}

/// Lets the connection make progress; its own end shows in the answer.
fn drive(connection: &mut Option<Driver>, cx: &mut Context<'_>) {
    if let Some(running) = connection
        && running.as_mut().poll(cx).is_ready()
    {
        *connection = None;
    }
}

/// A request as Ollama expects it.
pub(crate) fn request(
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, http::Error> {
    Request::builder()
        .method(method)
        .uri(path)
        .header(http::header::HOST, endpoint.authority())
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::USER_AGENT, concat!("chimera-node/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(body))
}

/// hyper's own message says only what kind of error it is; the cause says what happened.
fn told(error: &hyper::Error) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
