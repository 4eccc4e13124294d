//! One request from admission to its last line.

use std::{
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{
    engine::{
        decode::Answer,
        prompt::{self, Prompt},
        relay::{Abort, Event, Over, Relay},
        scheduler::{Lease, Wish},
        server::Server,
        timing::Gait,
    },
    gpu::activity::{ActivityGuard, Work},
    spec::{fault::FaultAction, model::ModelSpec},
    wire::{
        call::Call,
        options::Options,
        records::{Counters, DoneReason, Line},
        refusal::Refusal,
    },
};

/// An admitted request.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) call: Call,
    pub(crate) options: Options,
    pub(crate) model: Arc<ModelSpec>,
    pub(crate) fault: Option<FaultAction>,
    /// When the handler began: the zero of `total_duration`.
    pub(crate) began: Instant,
}

/// A running request: its server, its lease and the clocks of its parts.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) server: Arc<Server>,
    pub(crate) job: Job,
    pub(crate) lease: Lease,
    pub(crate) prompt: Prompt,
    pub(crate) cached: usize,
    /// The moment the schedule has reached; it does not drift with late wake-ups.
    pub(crate) due: Instant,
    pub(crate) load_ns: u64,
    pub(crate) prefill_ns: u64,
}

/// Serves one request; what the client sees goes through the channel.
pub(crate) async fn serve(server: Arc<Server>, job: Job, sender: mpsc::Sender<Event>) {
    let stop = server.stop.clone();
    let relay = Relay::new(sender.clone(), server.dialect(), job.fault.clone());
    tokio::select! {
        // A stopped server does not end its answers cleanly. With a full channel the connection's own end does it.
        () = stop.cancelled() => drop(sender.try_send(Event::Abort(Abort::Cut))),
        () = work(server, job, relay) => {}
    }
}

async fn work(server: Arc<Server>, job: Job, mut relay: Relay) {
    let wish = wish(&server, &job);
    let scheduler = Arc::clone(&server.scheduler);
    let outcome = tokio::select! {
        outcome = scheduler.acquire(&wish) => outcome,
        () = relay.gone() => return,
    };
    match outcome {
        Err(refusal) => relay.refuse(refusal).await,
        Ok(lease) if job.call.is_empty() => loaded(lease, relay).await,
        Ok(lease) => match admit(server, job, lease) {
            Ok(run) => generate(run, &mut relay).await,
            Err(refusal) => relay.refuse(refusal).await,
        },
    }
}

fn wish(server: &Server, job: &Job) -> Wish {
    let hang = match &job.fault {
        Some(FaultAction::LoadHang { for_ms }) => Some(Duration::from_millis(*for_ms)),
        _ => None,
    };
    Wish {
        model: Arc::clone(&job.model),
        options: server.runner_options(&job.options, job.call.shift, &job.model),
        keep: job.call.keep_alive,
        hang,
    }
}

/// A request without a prompt only loads; its record has no durations.
async fn loaded(lease: Lease, mut relay: Relay) {
    drop(lease);
    let line = Line {
        created_at: relay.stamp(),
        done: true,
        done_reason: Some(DoneReason::Load),
        ..Line::default()
    };
    // Nothing follows, so it does not matter whether the client is still there.
    let _ = relay.line(line, 0).await;
}

fn admit(server: Arc<Server>, job: Job, lease: Lease) -> Result<Run, Refusal> {
    let load_ns = nanos(job.began.elapsed());
    let num_ctx = lease.runner.options.num_ctx;
    let prompt = prompt::prepare(&job.call, &job.options, &job.model, server.dialect(), num_ctx)?;
    if let Some(format) = &job.call.format {
        crate::engine::forced::pieces(format, server.dialect())?;
    }
    let due = Instant::now();
    Ok(Run { server, job, lease, prompt, cached: 0, due, load_ns, prefill_ns: 0 })
}

async fn generate(mut run: Run, relay: &mut Relay) {
    let slots = Arc::clone(&run.lease.runner.slots);
    let _slot = tokio::select! {
        slot = slots.acquire_owned() => slot,
        () = relay.gone() => return,
    };
    let answered = match run.prefill(relay).await {
        ControlFlow::Continue(()) => Answer::new(&run).write(&mut run, relay).await,
        ControlFlow::Break(over) => ControlFlow::Break(over),
    };
    if let ControlFlow::Break(Over { engine_died: true }) = answered {
        run.lease.runner.kill();
    }
}

impl Run {
    /// The step times of this run.
    pub(crate) fn gait(&self) -> Gait<'_> {
        Gait {
            model: &self.job.model,
            gpu: self.server.gpu.spec(),
            placement: self.lease.runner.placement,
            speed: self.server.speed,
        }
    }

    /// Marks the GPU as busy with this run.
    pub(crate) fn begin(&self, work: Work) -> Option<ActivityGuard> {
        self.server.gpu.begin(self.lease.runner.memory.pid, work)
    }

    /// Evaluates what of the prompt is not cached, batch by batch. A client that hangs up stops it at the next
    /// batch in the newer dialect, and not at all in the older.
    async fn prefill(&mut self, relay: &mut Relay) -> ControlFlow<Over> {
        let Some(working) = self.begin(Work::Prefill) else {
            return ControlFlow::Break(relay.engine_died().await);
        };
        self.cached = self.lease.runner.cache().reusable(&self.prompt.tokens);
        let mut left = u32::try_from(self.prompt.tokens.len() - self.cached).unwrap_or(u32::MAX);
        let batch = self.lease.runner.options.batch_tokens(self.server.dialect());
        let stops_early = self.server.dialect().prefill_abort_grain(batch).is_some();
        self.due = Instant::now();
        while left > 0 {
            let tokens = left.min(batch);
            let Some(pace) = self.server.gpu.pace(working.id, self.lease.runner.memory.pid) else {
                return ControlFlow::Break(relay.engine_died().await);
            };
            let time = self.gait().prefill(tokens, pace);
            self.pass(time).await;
            self.prefill_ns += nanos(time);
            left -= tokens;
            if stops_early && relay.is_gone() {
                return ControlFlow::Break(Over { engine_died: false });
            }
        }
        self.lease.runner.cache().store(self.prompt.tokens.clone());
        if relay.is_gone() {
            ControlFlow::Break(Over { engine_died: false })
        } else {
            ControlFlow::Continue(())
        }
    }

    /// Lets planned time pass. Late wake-ups are made good by the next steps.
    pub(crate) async fn pass(&mut self, time: Duration) {
        self.due += time;
        if self.due > Instant::now() {
            tokio::time::sleep_until(self.due.into()).await;
        }
    }

    /// The counters of the final record, before any fault falsifies them.
    pub(crate) fn counters(&self, eval_count: u32, eval_ns: u64) -> Counters {
        let dialect = self.server.dialect();
        Counters {
            total_duration: nanos(self.job.began.elapsed()),
            load_duration: self.load_ns.max(1),
            prompt_eval_count: u64::try_from(self.prompt.tokens.len()).unwrap_or(u64::MAX),
            prompt_eval_duration: dialect.reported_prompt_ns(self.prefill_ns),
            eval_count: u64::from(eval_count),
            eval_duration: dialect.reported_eval_ns(eval_count, eval_ns),
        }
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
