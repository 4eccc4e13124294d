//! Runs attempts: one task per slot. Check the server, load, warm up, measure, close; cancelled anywhere within a
//! second, and drained before the slot takes the next offer.

mod drain;
mod generation;
mod heads;
mod job;
mod load;
mod loading;
mod outcome;
mod room;
mod streams;
mod transcript;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use chimera_core::entry::{AttemptClosed, AttemptOpened, CAUSE_MAX_BYTES, ClockSource, Entry, LoadCause};
use chimera_core::gpu::{Gpu, GpuIdle};
use chimera_core::id::GpuUuid;
use chimera_core::node::NodeFacts;
use chimera_core::workload::Start;
use chimera_proto::convert::Offer;
use tokio::sync::{mpsc, watch};

use crate::batcher;
use crate::bench::{Assignment, Bench};
use crate::cancel::{Cancel, CancelCause};
use crate::gpu::ProbeFactory;
use crate::gpu::owner::Owner;
use crate::ollama::api::{Api, ApiError, Listed};
use crate::ollama::dialect::{self, Dialect};
use crate::recorder::{Recorder, cut};
use crate::sampler::{Eyes, Sampler};
use crate::session::Offset;
use crate::spool::Spool;
use generation::Ended;
use heads::Heads;
use job::Job;
use load::Loaded;
use verdict::Verdict;

/// A cancelled attempt closes its entries within this time, else it is dropped where it stands.
const CANCEL_GRACE: Duration = Duration::from_millis(800);

/// All that a slot needs to run attempts.
pub(crate) struct SlotWorker {
    /// Position of the slot.
    pub(crate) index: u16,
    /// Its model server.
    pub(crate) api: Api,
    /// Where records go.
    pub(crate) spool: Spool,
    /// The slots of this node.
    pub(crate) bench: Arc<Bench>,
    /// What is known of this node, the slot's GPUs included.
    pub(crate) facts: watch::Receiver<Arc<NodeFacts>>,
    /// How right this node's wall clock is.
    pub(crate) offset: Offset,
    /// Makes GPU probes.
    pub(crate) probes: ProbeFactory,
    /// Samples per second.
    pub(crate) sample_hz: u32,
    /// Prompt heads.
    pub(crate) heads: Arc<Heads>,
    /// What looks at GPUs and processes, between attempts.
    pub(crate) eyes: Option<Eyes>,
    /// What this slot loaded last, if it still stands.
    pub(crate) loaded: Option<Loaded>,
    /// Whether warm-ups have run since that load.
    pub(crate) warmed: bool,
}

pub(crate) use heads::Heads as PromptHeads;

/// What the check of the server found.
struct Checked {
    version: Option<String>,
    dialect: &'static Dialect,
    dialect_note: Option<String>,
    model: Result<Listed, Verdict>,
}

impl SlotWorker {
    /// Runs attempts until the bench is gone.
    pub(crate) async fn run(mut self, mut inbox: mpsc::Receiver<Assignment>) {
        while let Some(assignment) = inbox.recv().await {
            let attempt = assignment.offer.attempt.clone();
            let disturbed = self.execute(assignment).await;
            self.bench.ended(self.index);
            if disturbed {
                tracing::info!(%attempt, slot = self.index, "draining the model server");
                self.drain().await;
            }
            self.bench.free(self.index);
        }
    }

    /// Runs one attempt; returns whether the server may still work on a request of it.
    async fn execute(&mut self, assignment: Assignment) -> bool {
        let Assignment { offer, cancel } = assignment;
        let attempt = offer.attempt.clone();
        tracing::info!(%attempt, slot = self.index, cell = %offer.cell, "attempt begins");
        let (recorder, entries) = Recorder::start(self.api.clock);
        let full = cancel.clone();
        let on_full = Box::new(move || full.raise(CancelCause::Spool));
        let broken = cancel.clone();
        let writing = batcher::run(self.spool.clone(), attempt.clone(), entries, on_full);
        let batches = tokio::spawn(async move {
            let written = writing.await;
            if written.is_err() {
                broken.raise(CancelCause::Spool);
            }
            written
        });
        let verdict = self.perform(offer, &recorder, &cancel).await;
        tracing::info!(%attempt, outcome = %verdict.outcome, cause = verdict.cause.as_deref(), "attempt ended");
        let cause = verdict.cause.map(|cause| cut(&cause, CAUSE_MAX_BYTES).to_owned());
        let closed = AttemptClosed { outcome: verdict.outcome, cause, at: recorder.now() };
        recorder.write(Entry::Closed(closed)).await;
        drop(recorder);
        let lost = match batches.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panicked) => Some(panicked.to_string()),
        };
        if let Some(error) = lost {
            tracing::error!(%attempt, error, "the record could not be written; the attempt is dropped");
            self.bench.lost(attempt).await;
        }
        verdict.disturbed
    }

    async fn perform(&mut self, offer: Offer, recorder: &Recorder, cancel: &Cancel) -> Verdict {
        let checked = tokio::select! {
            checked = check(&self.api, &offer) => checked,
            () = cancel.raised() => Checked::cancelled(cancel),
        };
        recorder.write(Entry::Opened(self.opened(&offer, &checked, recorder))).await;
        let model = match checked.model {
            Ok(model) => model,
            Err(verdict) => return verdict,
        };
        if let Some(note) = checked.dialect_note {
            recorder.note(None, &note).await;
        }
        let sampler = self.start_sampler(recorder).await;
        let job = Arc::new(Job {
            offer,
            recorder: recorder.clone(),
            api: self.api.clone(),
            dialect: checked.dialect,
            cancel: cancel.clone(),
            heads: Arc::clone(&self.heads),
            memory: sampler.as_ref().map(Sampler::memory),
        });
        let verdict = self.within_limits(&job, &model).await;
        if let Some(sampler) = sampler {
            self.eyes = sampler.stop().await;
        }
        verdict
    }

    /// The work under the attempt's time limit. A cancelled one gets a moment to close its entries.
    async fn within_limits(&mut self, job: &Arc<Job>, model: &Listed) -> Verdict {
        let limit = Duration::from_nanos(job.offer.workload.limits.attempt.0);
        let ended_early = async {
            let late = tokio::time::timeout(limit, job.cancel.raised()).await.is_err();
            if late {
                job.cancel.raise(CancelCause::AttemptLimit);
            }
            tokio::time::sleep(CANCEL_GRACE).await;
        };
        tokio::select! {
            verdict = self.work(job, model) => verdict,
            () = ended_early => Verdict::cancelled(job.cancel.cause(), true),
        }
    }

    async fn work(&mut self, job: &Arc<Job>, model: &Listed) -> Verdict {
        let ended = match job.offer.workload.start {
            Start::Warm => {
                let (cause, room) = match self.make_loaded(job).await {
                    Ok(loaded) => loaded,
                    Err(verdict) => return verdict,
                };
                // Set again only when the warm-ups have run: an attempt that is cut off leaves a cold model.
                let warm = std::mem::take(&mut self.warmed) && cause == LoadCause::AlreadyLoaded;
                let ended = streams::warm(job, warm, room).await;
                self.warmed = !ended.iter().any(Ended::halts);
                ended
            }
            Start::Cold => self.cold(job).await,
        };
        loading::look_again(job, model).await;
        verdict::of(&ended, job.offer.workload.generations, job.cancel.cause())
    }

    fn opened(&self, offer: &Offer, checked: &Checked, recorder: &Recorder) -> AttemptOpened {
        // The label belongs to offset 0: the check took some time already.
        let since = i64::try_from(recorder.now().0).unwrap_or(i64::MAX);
        let wall = recorder.clock().wall().0.saturating_sub(since);
        AttemptOpened {
            attempt: offer.attempt.clone(),
            started_at: chimera_core::unit::UnixNanos(wall),
            server_version: checked.version.clone(),
            dialect: checked.dialect.name.to_owned(),
            model_digest: checked.model.as_ref().ok().map(|model| model.digest.clone()),
            clock: ClockSource::UserMonotonic,
            daemon_version: env!("CARGO_PKG_VERSION").to_owned(),
            clock_offset: self.offset.now(recorder.clock()),
            idle: self.idle(),
        }
    }

    fn idle(&self) -> Vec<GpuIdle> {
        let facts = self.facts.borrow();
        let gpus = facts.slots.get(usize::from(self.index)).into_iter().flat_map(|slot| &slot.gpus);
        let known = |gpu: &Gpu| Some(GpuIdle { uuid: gpu.uuid.clone(), power: gpu.idle_power? });
        gpus.filter_map(known).collect()
    }

    async fn start_sampler(&mut self, recorder: &Recorder) -> Option<Sampler> {
        let slot = usize::from(self.index);
        let gpus: Vec<GpuUuid> = {
            let facts = self.facts.borrow();
            facts.slots.get(slot).map(|slot| slot.gpus.iter().map(|gpu| gpu.uuid.clone()).collect())?
        };
        let eyes = match self.eyes.take() {
            Some(eyes) => eyes,
            None => {
                let probes = Arc::clone(&self.probes);
                // Opening a probe loads a library and asks a driver.
                let probe = tokio::task::spawn_blocking(move || probes()).await.ok()?;
                Eyes { probe, owner: Owner::of(&self.api.endpoint) }
            }
        };
        Sampler::start(eyes, gpus, recorder, self.sample_hz)
    }
}

async fn check(api: &Api, offer: &Offer) -> Checked {
    let version = api.version().await;
    let (dialect, note) = dialect::of_version(version.as_deref().ok());
    let model = match &version {
        Ok(_) => find_model(api, offer).await,
        Err(error) => Err(Verdict::of_api_error(error)),
    };
    let reached = version.is_ok();
    Checked { version: version.ok(), dialect, dialect_note: note.filter(|_| reached), model }
}

async fn find_model(api: &Api, offer: &Offer) -> Result<Listed, Verdict> {
    let models = api.models().await.map_err(|error| Verdict::of_api_error(&error))?;
    let wanted = &offer.cell.model;
    let found = models.into_iter().find(|model| wanted.matches(&model.name));
    found.ok_or_else(|| Verdict::model_missing(wanted, &api.endpoint))
}

impl Checked {
    fn cancelled(cancel: &Cancel) -> Self {
        let (dialect, _) = dialect::of_version(None);
        let model = Err(Verdict::cancelled(cancel.cause(), false));
        Self { version: None, dialect, dialect_note: None, model }
    }
}

impl Verdict {
    fn of_api_error(error: &ApiError) -> Self {
        let outcome = outcome::of_api_error(error);
        Self { disturbed: matches!(error, ApiError::Late { .. }), ..Self::failed(outcome, error.to_string()) }
    }
}
