//! `/api/generate` and `/api/chat`: checks, start of the engine, form of the answer.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::{
    engine::{
        generation::{self, Job},
        relay::{Abort, Event, RELAY_DEPTH},
        server::Server,
    },
    http::{
        body::{LineBody, ResetSwitch},
        inquiry,
        respond::{self, Answer},
        router::GivenUp,
    },
    spec::{
        fault::FaultAction,
        model::{Capability, ModelSpec},
    },
    wire::{
        call::{Call, Route},
        keep_alive::KeepAlive,
        options::Options,
        records::{DoneReason, Line},
        refusal::Refusal,
        stamp::{rfc3339, unix_now},
    },
};

/// Serves one request for an answer.
pub(crate) async fn admit(
    server: &Arc<Server>,
    reset: ResetSwitch,
    route: Route,
    body: &Bytes,
    fault: Option<FaultAction>,
) -> Result<Answer, GivenUp> {
    let began = Instant::now();
    match check(server, route, body) {
        Err(refusal) => Ok(respond::refusal(&refusal, false)),
        Ok((call, model, _)) if call.is_empty() && call.keep_alive.is_some_and(KeepAlive::is_unload) => {
            server.scheduler.unload(&model);
            Ok(unloaded(&call))
        }
        Ok((call, model, options)) => start(server, reset, Job { call, options, model, fault, began }).await,
    }
}

fn check(server: &Server, route: Route, body: &Bytes) -> Result<(Call, Arc<ModelSpec>, Options), Refusal> {
    let call = Call::parse(route, body)?;
    if !call.model.is_empty() && !is_model_name(&call.model) {
        return Err(Refusal::handler(400, "invalid model name"));
    }
    let model = server.model(&call.model).ok_or_else(|| inquiry::missing(&call.model))?;
    if call.raw && (!call.template.is_empty() || !call.system.is_empty() || !call.context.is_empty()) {
        return Err(Refusal::handler(400, "raw mode does not support template, system, or context"));
    }
    check_capabilities(&call, model)?;
    let options = Options::parse(&call.options)?;
    Ok((call, Arc::clone(model), options))
}

fn is_model_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    name.len() <= 350
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn check_capabilities(call: &Call, model: &ModelSpec) -> Result<(), Refusal> {
    let lacks = |capability, asked| asked && !model.can(capability);
    if lacks(Capability::Thinking, call.think == Some(true)) {
        return Err(Refusal::handler(400, format!("{:?} does not support thinking", call.model)));
    }
    let missing = if lacks(Capability::Tools, call.tools) {
        "tools"
    } else if lacks(Capability::Insert, !call.suffix.is_empty()) {
        "insert"
    } else {
        return Ok(());
    };
    let text = format!("registry.ollama.ai/library/{} does not support {missing}", model.name);
    Err(Refusal::handler(400, text))
}

/// Unloading is answered at once, loaded or not, busy or not.
fn unloaded(call: &Call) -> Answer {
    let line = Line {
        created_at: rfc3339(unix_now()),
        done: true,
        done_reason: Some(DoneReason::Unload),
        ..Line::default()
    };
    respond::json(200, line.encode(call.route, &call.model))
}

async fn start(server: &Arc<Server>, reset: ResetSwitch, job: Job) -> Result<Answer, GivenUp> {
    let (sender, mut events) = mpsc::channel(RELAY_DEPTH);
    let (route, model) = (job.call.route, job.call.model.clone());
    let stream = job.call.stream && !job.call.is_empty();
    server.tasks.spawn(generation::serve(Arc::clone(server), job, sender));
    if !stream {
        return collect(events, route, &model, &reset).await;
    }
    match events.recv().await {
        Some(Event::Refused(refusal)) => Ok(respond::refusal(&refusal, true)),
        Some(Event::Abort(abort)) => Err(give_up(abort, &reset)),
        first => Ok(respond::lines(LineBody { first, rest: events, route, model, reset })),
    }
}

fn give_up(abort: Abort, reset: &ResetSwitch) -> GivenUp {
    if abort == Abort::Reset {
        reset.set();
    }
    GivenUp
}

/// The whole answer as one object. Without a final record it has `"done":false` and no counters.
async fn collect(
    mut events: mpsc::Receiver<Event>,
    route: Route,
    model: &str,
    reset: &ResetSwitch,
) -> Result<Answer, GivenUp> {
    let mut whole = Line { created_at: rfc3339(unix_now()), ..Line::default() };
    while let Some(event) = events.recv().await {
        match event {
            Event::Line(line) => append(&mut whole, *line),
            Event::Refused(refusal) => return Ok(respond::refusal(&refusal, false)),
            Event::ErrorLine(text) => return Ok(respond::refusal(&Refusal::handler(500, text), false)),
            Event::Raw(bytes) => whole.content.push_str(&String::from_utf8_lossy(&bytes)),
            Event::Abort(abort) => return Err(give_up(abort, reset)),
        }
    }
    Ok(respond::json(200, whole.encode(route, model)))
}

fn append(whole: &mut Line, line: Line) {
    whole.content.push_str(&line.content);
    whole.thinking.push_str(&line.thinking);
    whole.logprobs.extend(line.logprobs);
    whole.created_at = line.created_at;
    whole.done = line.done;
    whole.done_reason = line.done_reason;
    whole.context = line.context;
    whole.counters = line.counters;
}
