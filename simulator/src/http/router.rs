//! Paths and methods to handlers, and the scripted faults that strike before any work.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use thiserror::Error;

use crate::{
    engine::server::Server,
    http::{
        admission,
        body::{AnswerBody, ResetSwitch},
        gate, inquiry, library,
        respond::{self, Answer},
    },
    spec::fault::FaultAction,
    wire::{call::Route, refusal::Refusal},
};

/// The connection is given up without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("connection given up on purpose")]
pub(crate) struct GivenUp;

/// Longest request body, bytes.
const BODY_LIMIT: usize = 64 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Root,
    Version,
    Status,
    Tags,
    Processes,
    Show,
    Generate,
    Chat,
    Create,
    Pull,
    Embed,
    /// Not of the protocol: the reading of the server's GPU, for probes in other processes.
    Gpu,
}

impl Target {
    fn of(path: &str) -> Option<Self> {
        Some(match path {
            "/" => Self::Root,
            "/api/version" => Self::Version,
            "/api/status" => Self::Status,
            "/api/tags" => Self::Tags,
            "/api/ps" => Self::Processes,
            "/api/show" => Self::Show,
            "/api/generate" => Self::Generate,
            "/api/chat" => Self::Chat,
            "/api/create" => Self::Create,
            "/api/pull" => Self::Pull,
            "/api/embed" => Self::Embed,
            "/simulated/gpu" => Self::Gpu,
            _ => return None,
        })
    }

    const fn methods(self) -> &'static str {
        match self {
            Self::Root | Self::Version | Self::Tags => "HEAD, GET",
            Self::Status | Self::Processes | Self::Gpu => "GET",
            Self::Show | Self::Generate | Self::Chat | Self::Create | Self::Pull | Self::Embed => "POST",
        }
    }

    fn allows(self, method: &Method) -> bool {
        self.methods().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// Answers one request.
pub(crate) async fn answer(
    server: Arc<Server>,
    reset: ResetSwitch,
    request: Request<Incoming>,
) -> Result<Answer, GivenUp> {
    let (head, body) = request.into_parts();
    let target = Target::of(head.uri.path());
    let wrong_method = target.filter(|target| !target.allows(&head.method));
    if !gate::admits(&head.headers) {
        return Ok(with_allow(respond::empty(403), wrong_method));
    }
    let Some(target) = target else {
        return Ok(respond::text(404, "text/plain", "404 page not found"));
    };
    if wrong_method.is_some() {
        return Ok(with_allow(respond::text(405, "text/plain", "405 method not allowed"), wrong_method));
    }
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await.map(http_body_util::Collected::to_bytes)
    else {
        return Ok(respond::json(413, Refusal::handler(413, "http: request body too large").body()));
    };
    let answer = dispatch(&server, reset, target, head.uri.path(), &body).await?;
    Ok(if head.method == Method::HEAD { without_body(answer) } else { answer })
}

fn with_allow(mut answer: Answer, target: Option<Target>) -> Answer {
    if let Some(target) = target {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(target.methods()));
    }
    answer
}

/// A head alone has a length only where the whole answer would.
fn without_body(answer: Answer) -> Answer {
    answer.map(|body| match body {
        AnswerBody::Chunked(_) => AnswerBody::Chunked(None),
        other => other,
    })
}

async fn dispatch(
    server: &Arc<Server>,
    reset: ResetSwitch,
    target: Target,
    path: &str,
    body: &Bytes,
) -> Result<Answer, GivenUp> {
    let model = inquiry::model_of(body);
    let fault = server.faults.draw(path, model.as_deref());
    match &fault {
        Some(FaultAction::RefuseConnection) => {
            reset.set();
            return Err(GivenUp);
        }
        Some(FaultAction::HttpError { status, text }) => {
            return Ok(respond::refusal(&Refusal::handler(*status, text.clone()), false));
        }
        Some(FaultAction::ModelMissing) => {
            return Ok(respond::refusal(&inquiry::missing(&model.unwrap_or_default()), false));
        }
        Some(FaultAction::SlowHeaders { delay_ms }) => {
            tokio::time::sleep(Duration::from_millis(*delay_ms)).await;
        }
        _ => {}
    }
    match target {
        Target::Generate => admission::admit(server, reset, Route::Generate, body, fault).await,
        Target::Chat => admission::admit(server, reset, Route::Chat, body, fault).await,
        _ => Ok(simple(server, target, body)),
    }
}

fn simple(server: &Server, target: Target, body: &Bytes) -> Answer {
    match target {
        Target::Root => respond::text(200, "text/plain; charset=utf-8", "Ollama is running"),
        Target::Version => inquiry::version(server),
        Target::Status => {
            respond::json(200, "{\"cloud\":{\"disabled\":false,\"source\":\"none\"}}".to_owned())
        }
        Target::Tags => inquiry::tags(server),
        Target::Processes => respond::json(200, server.scheduler.listing()),
        Target::Show => inquiry::show(server, body),
        Target::Gpu => inquiry::gpu(server),
        Target::Create => library::create(body),
        Target::Pull => library::pull(body),
        Target::Embed | Target::Generate | Target::Chat => inquiry::no_embeddings(),
    }
}
