//! The answer: token after token until a limit, a stop string, an end token or a mishap.

use std::ops::ControlFlow;

use crate::{
    engine::{
        assembler::{Assembler, Hold, Shown, Step},
        forced,
        generation::{Run, nanos},
        logprobs,
        prompt::is_native,
        relay::{Over, Relay},
        repeat_guard::RepeatGuard,
        timing::SAMPLING_SHARE,
        tokens::tokenize,
        voice::Source,
    },
    gpu::activity::{ActivityGuard, Work},
    seed::{SeedStream, fingerprint},
    spec::{fault::FaultAction, model::Capability},
    wire::{
        call::Route,
        records::{DoneReason, Line},
    },
};

/// Tokens of an answer without any limit, at most: every generation ends.
const ABSOLUTE_BUDGET: u32 = 1 << 22;
/// Longest text kept for the `context` array, bytes.
const KEPT_TEXT: usize = 8 << 20;

/// The state of one answer.
#[derive(Debug)]
pub(crate) struct Answer {
    source: Source,
    assembler: Assembler,
    guard: Option<RepeatGuard>,
    jitter: SeedStream,
    chances: SeedStream,
    budget: u32,
    /// Tokens that are reasoning, from the first on.
    thinking: u32,
    produced: u32,
    eval_ns: u64,
    text: String,
}

enum End {
    Reason(DoneReason),
    /// No final record: guard, or an error that the server swallows.
    Silent,
}

impl Answer {
    /// An answer not yet begun.
    pub(crate) fn new(run: &Run) -> Self {
        let (call, model) = (&run.job.call, &run.job.model);
        let key = key(run);
        let native = is_native(call, model, run.server.dialect());
        let format = call.format.as_ref().filter(|_| !native);
        let forced = format.and_then(|format| forced::pieces(format, run.server.dialect()).ok());
        let source = match forced {
            Some(pieces) => Source::forced(model, key, pieces),
            None => Source::voiced(model, key),
        };
        let thinks = model.can(Capability::Thinking) && call.think != Some(false);
        Self {
            source,
            assembler: Assembler::new(&run.job.options.stop),
            guard: (!native).then(RepeatGuard::default),
            jitter: SeedStream::named(key ^ run.server.next_request(), "jitter"),
            chances: SeedStream::named(key, "logprobs"),
            budget: run.prompt.budget.unwrap_or(ABSOLUTE_BUDGET).min(ABSOLUTE_BUDGET),
            thinking: if thinks { model.answer_tokens.clamp(3, 1_000) / 3 } else { 0 },
            produced: 0,
            eval_ns: 0,
            text: String::new(),
        }
    }

    /// Writes the answer and its final record.
    pub(crate) async fn write(mut self, run: &mut Run, relay: &mut Relay) -> ControlFlow<Over> {
        let Some(working) = run.begin(Work::Decode) else {
            return ControlFlow::Break(relay.engine_died().await);
        };
        let end = loop {
            self.take_step(run, relay, &working).await?;
            if let Some(end) = self.next_token(run, relay).await? {
                break end;
            }
        };
        drop(working);
        match end {
            End::Silent => ControlFlow::Continue(()),
            End::Reason(reason) => self.finish(run, relay, reason).await,
        }
    }

    /// Lets one decode step pass. The first belongs to the prompt, the others to the evaluation.
    async fn take_step(
        &mut self,
        run: &mut Run,
        relay: &mut Relay,
        working: &ActivityGuard,
    ) -> ControlFlow<Over> {
        let pid = run.lease.runner.memory.pid;
        let Some(pace) = run.server.gpu.pace(working.id, pid).filter(|_| !run.lease.runner.is_dead()) else {
            return ControlFlow::Break(relay.engine_died().await);
        };
        let jitter = self.jitter.around_one(run.server.jitter);
        let step = run.gait().decode_step(pace, jitter);
        let with_sampling = step.mul_f64(1.0 + SAMPLING_SHARE);
        let counted = if run.server.dialect().is_newer() { with_sampling } else { step };
        if self.produced == 0 {
            run.prefill_ns += nanos(counted);
        } else {
            self.eval_ns += nanos(counted);
        }
        run.pass(with_sampling).await;
        if relay.is_gone() {
            ControlFlow::Break(Over { engine_died: false })
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Samples one token and shows what it completes; the end of the answer, if this is it.
    async fn next_token(&mut self, run: &Run, relay: &mut Relay) -> ControlFlow<Over, Option<End>> {
        self.produced += 1;
        let Some(piece) = self.source.next_piece() else {
            return ControlFlow::Continue(Some(End::Reason(DoneReason::Stop)));
        };
        let step = self.assembler.push(piece);
        let newer = run.server.dialect().is_newer();
        let end = match step {
            Step::Held(Hold::StopString) if newer && self.trips("") => Some(End::Silent),
            Step::Held(_) => None,
            // The newer server takes the engine's complaint about such bytes for an empty event.
            Step::Broken => newer.then_some(End::Silent),
            Step::Stopped(before) => {
                self.show(run, relay, before).await?;
                Some(End::Reason(DoneReason::Stop))
            }
            Step::Show(shown) if self.trips(&shown.text) => Some(End::Silent),
            Step::Show(shown) => {
                self.show(run, relay, Some(shown)).await?;
                None
            }
        };
        let spent = self.produced >= self.budget;
        ControlFlow::Continue(end.or_else(|| spent.then_some(End::Reason(DoneReason::Length))))
    }

    fn trips(&mut self, line: &str) -> bool {
        self.guard.as_mut().is_some_and(|guard| guard.trips(line))
    }

    async fn show(&mut self, run: &Run, relay: &mut Relay, shown: Option<Shown>) -> ControlFlow<Over> {
        let Some(shown) = shown else {
            return ControlFlow::Continue(());
        };
        if self.text.len() < KEPT_TEXT {
            self.text.push_str(&shown.text);
        }
        let call = &run.job.call;
        let logprobs = if call.logprobs {
            let top = usize::try_from(call.top_logprobs).unwrap_or(0);
            logprobs::of_line(&shown, run.server.dialect(), top, &mut self.chances, &mut self.source)
        } else {
            Vec::new()
        };
        let tokens = u32::try_from(shown.pieces.len()).unwrap_or(u32::MAX);
        let mut line = Line { created_at: relay.stamp(), logprobs, ..Line::default() };
        if self.produced <= self.thinking {
            line.thinking = shown.text;
        } else {
            line.content = shown.text;
        }
        relay.line(line, tokens).await
    }

    async fn finish(&mut self, run: &Run, relay: &mut Relay, reason: DoneReason) -> ControlFlow<Over> {
        if reason == DoneReason::Length {
            let rest = self.assembler.finish();
            self.show(run, relay, rest).await?;
        }
        relay.strike().await?;
        let mut counters = run.counters(self.produced, self.eval_ns);
        match relay.fault() {
            Some(FaultAction::NoFinalRecord) => return ControlFlow::Continue(()),
            Some(FaultAction::WrongEvalCount { value }) => counters.eval_count = u64::from(*value),
            Some(FaultAction::AbsentEvalCount) => counters.eval_count = 0,
            _ => {}
        }
        let context = self.context(run);
        let line = Line {
            created_at: relay.stamp(),
            done: true,
            done_reason: Some(reason),
            context,
            counters,
            ..Line::default()
        };
        relay.line(line, 0).await
    }

    /// The whole prompt, uncut, and the answer; only for rendered generations.
    fn context(&self, run: &Run) -> Vec<u32> {
        let call = &run.job.call;
        if call.raw || call.route == Route::Chat {
            return Vec::new();
        }
        let text = format!("{}{}", run.prompt.text, self.text);
        call.context.iter().copied().chain(tokenize(run.job.model.tokenizer, &text)).collect()
    }
}

/// Cached prompts of this length and more can change a seeded answer of the newer engine.
const CACHE_CHANGES_FROM: usize = 300;

/// What decides the text: model, prompt and sampling; the seed too, unless the temperature is 0.
fn key(run: &Run) -> u64 {
    let options = &run.job.options;
    let temperature = options.temperature.unwrap_or(0.8);
    let chance = if temperature > 0.0 {
        let seed = options.seed.filter(|seed| *seed >= 0);
        let cached = run.server.dialect().is_newer() && run.cached >= CACHE_CHANGES_FROM;
        let chosen = seed.map_or_else(|| run.server.random_key().to_string(), |seed| format!("s{seed}"));
        format!("{temperature};{cached};{chosen}")
    } else {
        String::new()
    };
    let text = format!("{};{};{};{chance}", run.job.model.blob, run.prompt.text, options.sampling);
    fingerprint(text.as_bytes())
}
