//! One generation: its own connection, its request, its lines with their times, its end.

use bytes::Bytes;
use chimera_core::entry::{Arrivals, CAUSE_MAX_BYTES, Entry, GenerationClosed, GenerationOpened, Phase};
use chimera_core::id::Digest;
use chimera_core::outcome::GenerationOutcome;
use chimera_core::unit::Nanos;
use chimera_core::workload::{Limits, PromptCache, TextStorage};
use http::{Method, StatusCode};

use super::heads;
use super::job::{Interrupt, Job, Spec};
use super::outcome::Ending;
use super::room::Room;
use super::transcript::Transcript;
use crate::ollama::exchange::{Exchange, ExchangeError, request};
use crate::ollama::line::error_of_body;
use crate::ollama::request::GenerationCall;
use crate::recorder::{Outlet, cut};

/// Most bytes of an error answer that are read.
const ERROR_BODY_MAX_BYTES: usize = 64 * 1024;

/// The end of a generation, as far as the attempt needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) outcome: GenerationOutcome,
    pub(super) cause: Option<String>,
    /// Status of an error answer.
    pub(super) error_status: Option<u16>,
    /// Whether the server may still work on it.
    pub(super) disturbed: bool,
    /// Offset of its send from the start of the attempt, if it was sent.
    pub(super) sent_at: Option<Nanos>,
    unreachable: bool,
    spec: Option<Spec>,
    /// Tokens of its prompt, as the server counted them.
    prompt_tokens: Option<u64>,
    /// Why its prompt does not fit.
    pub(super) excess: Option<String>,
}

impl Ended {
    pub(super) fn of(ending: &Ending, sent_at: Option<Nanos>) -> Self {
        Self {
            outcome: ending.outcome(),
            cause: ending.cause(),
            error_status: ending.error_status(),
            disturbed: ending.disturbs(),
            sent_at,
            unreachable: matches!(ending, Ending::Unreachable(_)),
            spec: None,
            prompt_tokens: None,
            excess: None,
        }
    }

    /// It was never sent, because a short call before it failed.
    pub(super) fn before_sending(outcome: GenerationOutcome, cause: String) -> Self {
        let unreachable = outcome == GenerationOutcome::ServerError;
        Self { outcome, cause: Some(cause), unreachable, ..Self::of(&Ending::Final, None) }
    }

    /// It was never sent, because the wait before it was interrupted.
    pub(super) fn interrupted(interrupt: Interrupt) -> Self {
        Self::of(if interrupt == Interrupt::Cancelled { &Ending::Cancelled } else { &Ending::Late }, None)
    }

    /// Says so when its prompt, as the server counted it, does not fit. A measured generation tells of its own prompt. A
    /// warm-up tells of the same text behind another head, whose digits may be fewer tokens: it is only refused when no
    /// head would make it fit.
    pub(super) fn measure_against(&mut self, room: &Room, job: &Job) {
        let Some((spec, tokens)) = self.spec.zip(self.prompt_tokens) else { return };
        let by_heads = if spec.phase == Phase::Warmup { head_bytes(job) } else { 0 };
        if room.excess(tokens.saturating_sub(by_heads)).is_some() {
            let (cell, number, prompt) = (&job.offer.cell, job.offer.cell_index + 1, spec.prompt + 1);
            let told = room.excess(tokens).unwrap_or_default();
            self.excess = Some(format!("prompt {prompt} of cell {number} ({cell}) {told}"));
        }
    }

    /// Whether further generations are pointless.
    pub(super) fn halts(&self) -> bool {
        use GenerationOutcome as G;
        self.unreachable
            || self.excess.is_some()
            || matches!(self.outcome, G::ModelMissing | G::OutOfMemory | G::Cancelled)
    }
}

/// What is sent.
struct Wording {
    head: Option<String>,
    digest: Digest,
    path: &'static str,
    body: Bytes,
}

/// An open generation.
struct Open<'a> {
    job: &'a Job,
    exchange: Exchange,
    outlet: Outlet,
    transcript: Transcript,
    spec: Spec,
    sent: Nanos,
}

/// Runs a generation to its end and records it.
pub(super) async fn run(job: &Job, spec: Spec) -> Ended {
    let wording = wording(job, spec);
    let began = job.api.clock.now();
    let deadline = Nanos(began.0.saturating_add(job.offer.workload.limits.generation.0));
    let connected = job.within(deadline, Exchange::open(&job.api.endpoint, job.api.clock)).await;
    match connected {
        Ok(Ok(exchange)) => talk(job, spec, &wording, exchange).await,
        Ok(Err(error)) => {
            never_connected(job, spec, &wording, began, Ending::Unreachable(error.to_string())).await
        }
        Err(interrupt) => {
            never_connected(job, spec, &wording, began, ending_of(interrupt, Ending::Late)).await
        }
    }
}

async fn talk(job: &Job, spec: Spec, wording: &Wording, mut exchange: Exchange) -> Ended {
    let limits = &job.offer.workload.limits;
    let began = job.api.clock.now();
    let (first_limit, late) = next_deadline(limits, began, false, None);
    let answered = match request(&job.api.endpoint, Method::POST, wording.path, wording.body.clone()) {
        Ok(request) => job.within(first_limit, exchange.send(request)).await,
        Err(error) => Ok(Err(ExchangeError::Broken(error.to_string()))),
    };
    let sent = exchange.written_at().max(began);
    let mut outlet = job.recorder.outlet();
    outlet.push(Entry::GenerationOpened(opened(job, spec, wording, sent, exchange.connect)));
    let keep_text = job.offer.workload.texts == TextStorage::Full;
    let transcript = Transcript::new(job.dialect, keep_text);
    let mut open = Open { job, exchange, outlet, transcript, spec, sent };
    let (status, ending) = match answered {
        Ok(Ok(status)) if status == StatusCode::OK => (Some(status), open.read_stream().await),
        Ok(Ok(status)) => (Some(status), open.read_error(status).await),
        Ok(Err(error)) => (None, Ending::NoAnswer(error.to_string())),
        Err(interrupt) => (None, ending_of(interrupt, late)),
    };
    open.close(status, &ending).await
}

impl Open<'_> {
    async fn read_stream(&mut self) -> Ending {
        let mut heard = None;
        loop {
            let limits = &self.job.offer.workload.limits;
            let (deadline, late) = next_deadline(limits, self.sent, self.transcript.spoke, heard);
            let read = match self.job.within(deadline, self.exchange.next_read()).await {
                Err(interrupt) => return ending_of(interrupt, late),
                Ok(Err(error)) => return Ending::Cut(error.to_string()),
                Ok(Ok(None)) => return self.transcript.finish(),
                Ok(Ok(Some(read))) => read,
            };
            let brought = self.transcript.take(read.stamp.at.saturating_sub(self.sent), &read.parts);
            if !brought.arrivals.is_empty() {
                heard = Some(read.stamp.at);
                let lines = Arrivals { ordinal: self.spec.ordinal, arrivals: brought.arrivals };
                if !self.outlet.push(Entry::Arrivals(lines)) {
                    return Ending::Protocol("lines came faster than they could be recorded".to_owned());
                }
            }
            if let Some(ending) = brought.ending {
                return ending;
            }
        }
    }

    async fn read_error(&mut self, status: StatusCode) -> Ending {
        let mut body = Vec::new();
        let deadline = Nanos(self.sent.0.saturating_add(self.job.offer.workload.limits.first_token.0));
        while body.len() < ERROR_BODY_MAX_BYTES {
            match self.job.within(deadline, self.exchange.next_read()).await {
                Ok(Ok(Some(read))) => read.parts.iter().for_each(|part| body.extend_from_slice(part)),
                Err(Interrupt::Cancelled) => return Ending::Cancelled,
                // The status is the evidence; the words are for people.
                Ok(Ok(None) | Err(_)) | Err(Interrupt::Late) => break,
            }
        }
        body.truncate(ERROR_BODY_MAX_BYTES);
        Ending::Status(status.as_u16(), error_of_body(&body))
    }

    async fn close(mut self, status: Option<StatusCode>, ending: &Ending) -> Ended {
        let now = self.job.api.clock.now();
        // A generation that ended by a line or by the end of the stream ended when that was read.
        let by_read = status.is_some()
            && !matches!(ending, Ending::Stalled | Ending::FirstTokenLate | Ending::Late | Ending::Cancelled);
        let ended = if by_read { self.exchange.last_read_at() } else { now };
        let ended_at = ended.saturating_sub(self.sent);
        let keep = self.job.offer.workload.texts == TextStorage::Full;
        let (server, done_reason) = self.transcript.last.unzip();
        let prompt_tokens = server.and_then(|record| record.prompt_tokens);
        let closed = GenerationClosed {
            ordinal: self.spec.ordinal,
            outcome: ending.outcome(),
            cause: ending.cause().map(|cause| cut(&cause, CAUSE_MAX_BYTES).to_owned()),
            http_status: status.map(|status| status.as_u16()),
            ended_at,
            server,
            done_reason: done_reason.flatten(),
            answer_digest: self.transcript.digest(),
            answer_bytes: self.transcript.answer_bytes,
            answer: keep.then_some(std::mem::take(&mut self.transcript.answer)),
        };
        self.outlet.push(Entry::GenerationClosed(closed));
        self.outlet.settle().await;
        let sent_at = Some(self.job.recorder.offset(self.sent));
        Ended { spec: Some(self.spec), prompt_tokens, ..Ended::of(ending, sent_at) }
    }
}

async fn never_connected(job: &Job, spec: Spec, wording: &Wording, began: Nanos, ending: Ending) -> Ended {
    let now = job.api.clock.now();
    let connect = now.saturating_sub(began);
    job.recorder.write(Entry::GenerationOpened(opened(job, spec, wording, now, connect))).await;
    let closed = GenerationClosed {
        ordinal: spec.ordinal,
        outcome: ending.outcome(),
        cause: ending.cause(),
        http_status: None,
        ended_at: Nanos::ZERO,
        server: None,
        done_reason: None,
        answer_digest: Digest::of(b""),
        answer_bytes: 0,
        answer: None,
    };
    job.recorder.write(Entry::GenerationClosed(closed)).await;
    Ended::of(&ending, None)
}

/// Bytes of the heads in one request, and so the most tokens that they can be.
fn head_bytes(job: &Job) -> u64 {
    let workload = &job.offer.workload;
    let heads = 1 + u64::from(workload.system.is_some());
    if workload.cache == PromptCache::Bust { heads * heads::BYTES } else { 0 }
}

/// The words of a generation. The head stands before everything that the workload says, so that nothing of it can be
/// in the server's cache.
fn wording(job: &Job, spec: Spec) -> Wording {
    let workload = &job.offer.workload;
    let head = (workload.cache == PromptCache::Bust).then(|| job.heads.fresh());
    let with_head = |text: &str| format!("{}{text}", head.as_deref().unwrap_or_default());
    let prompt = workload.prompts.get(spec.prompt as usize).map_or("", |prompt| prompt.text.as_str());
    let prompt = with_head(prompt);
    let system = workload.system.as_deref().map(with_head);
    let call = GenerationCall {
        route: workload.endpoint,
        model: job.offer.cell.model.as_str(),
        system: system.as_deref(),
        prompt: &prompt,
        options: &job.offer.cell.options,
        seed: spec.seed,
        think: workload.think,
    };
    Wording { digest: Digest::of(prompt.as_bytes()), path: call.path(), body: call.body(), head }
}

fn opened(job: &Job, spec: Spec, wording: &Wording, sent: Nanos, connect: Nanos) -> GenerationOpened {
    GenerationOpened {
        ordinal: spec.ordinal,
        phase: spec.phase,
        start: spec.start,
        stream: spec.stream,
        agent: "main".to_owned(),
        step: "prompt".to_owned(),
        seed: spec.seed,
        prompt: spec.prompt,
        prompt_digest: wording.digest,
        prompt_head: wording.head.clone(),
        sent_at: job.recorder.offset(sent),
        connect,
    }
}

fn ending_of(interrupt: Interrupt, late: Ending) -> Ending {
    match interrupt {
        Interrupt::Cancelled => Ending::Cancelled,
        Interrupt::Late => late,
    }
}

/// The next deadline of a generation, and what it means when it passes.
fn next_deadline(limits: &Limits, sent: Nanos, spoke: bool, heard: Option<Nanos>) -> (Nanos, Ending) {
    let after = |from: Nanos, span: Nanos| Nanos(from.0.saturating_add(span.0));
    let whole = (after(sent, limits.generation), Ending::Late);
    let first = (!spoke).then(|| (after(sent, limits.first_token), Ending::FirstTokenLate));
    let silence = heard.map(|heard| (after(heard, limits.stall), Ending::Stalled));
    [first, silence].into_iter().flatten().fold(whole, |best, next| if next.0 < best.0 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_deadline_holds() {
        let limits =
            Limits { first_token: Nanos(50), stall: Nanos(30), generation: Nanos(100), ..Limits::default() };
        assert_eq!(next_deadline(&limits, Nanos(10), false, None), (Nanos(60), Ending::FirstTokenLate));
        assert_eq!(next_deadline(&limits, Nanos(10), true, Some(Nanos(40))), (Nanos(70), Ending::Stalled));
        assert_eq!(next_deadline(&limits, Nanos(10), true, Some(Nanos(90))), (Nanos(110), Ending::Late));
        assert_eq!(next_deadline(&limits, Nanos(10), false, Some(Nanos(20))).1, Ending::Stalled);
    }

    #[test]
    fn only_what_makes_the_rest_pointless_halts() {
        assert!(Ended::of(&Ending::Unreachable("refused".into()), None).halts());
        assert!(Ended::of(&Ending::Cancelled, None).halts());
        assert!(!Ended::of(&Ending::Stalled, None).halts());
        assert!(!Ended::of(&Ending::Final, None).halts());
    }
}
