//! Loading and unloading on the server, with what it then really uses read back.

use std::time::Duration;

use chimera_core::entry::{Entry, LoadCause, LoadObserved};
use chimera_core::outcome::ValidityReason;
use chimera_core::unit::{Bytes, Nanos};

use super::generation::{self, Ended};
use super::job::{Interrupt, Job};
use super::load::{self, Loaded};
use super::room::Room;
use super::verdict::Verdict;
use super::{SlotWorker, outcome};
use crate::ollama::api::{Api, ApiError, Listed, Running};
use crate::ollama::request::{load_body, unload_body};
use crate::sampler::OwnMemory;

/// Longest wait for a model to leave. An unload waits for what runs: on 0.24 a cancelled prefill is not aborted.
const UNLOAD_LIMIT: Duration = Duration::from_secs(120);
/// Pause between two looks whether it left.
const UNLOAD_POLL: Duration = Duration::from_millis(50);
/// Longest wait for a sample of every GPU after a load.
const MEMORY_LIMIT: Duration = Duration::from_millis(500);
/// Longest wait for the answer to an unload; it comes at once.
const UNLOAD_ANSWER_LIMIT: Duration = Duration::from_secs(10);

impl SlotWorker {
    /// Brings the server to the cell's model with the cell's load options, and records how. Tells the room it has then.
    pub(super) async fn make_loaded(&mut self, job: &Job) -> Result<(LoadCause, Room), Verdict> {
        let wanted = Loaded::new(&job.offer.cell.model, &job.offer.cell.options);
        let began = job.recorder.now();
        let deadline = deadline(job);
        let loading = self.load_as_planned(job, &wanted);
        let loaded = job.within(deadline, loading).await.map_err(|interrupt| interrupted(job, interrupt))?;
        let (cause, at, elapsed) = loaded.map_err(|error| Verdict::of_api_error(&error))?;
        self.loaded = Some(wanted);
        let at = if elapsed.is_some() { at } else { began };
        Ok((cause, observe(job, cause, at, elapsed).await))
    }

    async fn load_as_planned(
        &mut self,
        job: &Job,
        wanted: &Loaded,
    ) -> Result<(LoadCause, Nanos, Option<Nanos>), ApiError> {
        let running = self.api.running().await?;
        let plan = load::plan(self.loaded.as_ref(), &running, wanted);
        for model in &plan.unload {
            unload(&self.api, model).await?;
        }
        let at = job.recorder.now();
        if plan.cause == LoadCause::AlreadyLoaded {
            return Ok((plan.cause, at, None));
        }
        // Whatever happens from here on, the former state is gone.
        self.loaded = None;
        let body = load_body(wanted.model.as_str(), &job.offer.cell.options);
        let limit = Duration::from_nanos(job.offer.workload.limits.load.0);
        self.api.generate(body, limit).await?;
        Ok((plan.cause, at, Some(job.recorder.now().saturating_sub(at))))
    }

    /// Cold generations: each follows an unload of everything, one at a time.
    pub(super) async fn cold(&mut self, job: &Job) -> Vec<Ended> {
        let mut all = Vec::new();
        for index in 0..job.offer.workload.generations {
            let emptied = job.within(deadline(job), unload_all(&self.api)).await;
            self.loaded = None;
            let mut ended = match emptied {
                Ok(Ok(())) => generation::run(job, job.measured(index, 0)).await,
                Ok(Err(error)) => {
                    Ended::before_sending(outcome::of_api_error_of_generation(&error), error.to_string())
                }
                Err(interrupt) => Ended::interrupted(interrupt),
            };
            if let Some(sent_at) = ended.sent_at {
                self.loaded = Some(Loaded::new(&job.offer.cell.model, &job.offer.cell.options));
                let room = observe(job, LoadCause::ColdStart, sent_at, None).await;
                ended.measure_against(&room, job);
            }
            let halts = ended.halts();
            all.push(ended);
            if halts {
                break;
            }
        }
        all
    }
}

/// Unloads everything and waits until it is gone.
pub(super) async fn unload_all(api: &Api) -> Result<(), ApiError> {
    for model in api.running().await? {
        unload(api, &model.name).await?;
    }
    Ok(())
}

async fn unload(api: &Api, model: &str) -> Result<(), ApiError> {
    api.generate(unload_body(model), UNLOAD_ANSWER_LIMIT).await?;
    let gone = async {
        while api.running().await?.iter().any(|one| one.name == model) {
            tokio::time::sleep(UNLOAD_POLL).await;
        }
        Ok(())
    };
    let late = ApiError::Late { path: "/api/ps (waiting for an unload)", limit: UNLOAD_LIMIT };
    tokio::time::timeout(UNLOAD_LIMIT, gone).await.unwrap_or(Err(late))
}

/// Notes what changed under the attempt: another model behind the name.
pub(super) async fn look_again(job: &Job, model: &Listed) {
    if job.cancel.is_raised() {
        return;
    }
    let Some(now) = find(&job.api, job).await.and_then(|running| running.digest) else { return };
    if now != model.digest {
        let text = format!("the model's digest changed from {} to {now}", model.digest);
        job.recorder.note(Some(ValidityReason::ModelChanged), &text).await;
    }
}

/// Records a load with what the server then shows, and tells the room it has.
async fn observe(job: &Job, cause: LoadCause, at: Nanos, elapsed: Option<Nanos>) -> Room {
    let shown = find(&job.api, job).await;
    let shown = shown.as_ref();
    // A sample must be waited for: between two trials of a loaded model nothing is.
    let memory = if cause == LoadCause::AlreadyLoaded { None } else { process_memory(job).await };
    let observed = LoadObserved {
        at,
        cause,
        elapsed,
        context_length: shown.and_then(|model| model.context_length),
        size: shown.and_then(|model| model.size).map(Bytes),
        size_vram: shown.and_then(|model| model.size_vram).map(Bytes),
        digest: shown.and_then(|model| model.digest.clone()),
        process_memory: memory,
    };
    let room = Room::of(job.dialect, observed.context_length, &job.offer.cell.options);
    job.recorder.write(Entry::Loaded(observed)).await;
    room
}

/// Memory of the server's processes on all GPUs of the slot, by samples that were taken from now on; absent when one of
/// them does not tell, or when none comes soon.
async fn process_memory(job: &Job) -> Option<Bytes> {
    let (mut seen, now) = (job.memory.clone()?, job.recorder.now());
    if seen.borrow().is_empty() {
        return None;
    }
    let fresh = |memory: &OwnMemory| memory.values().all(|(at, _)| *at >= now);
    let memory = tokio::time::timeout(MEMORY_LIMIT, seen.wait_for(fresh)).await.ok()?.ok()?;
    let told: Option<u64> = memory.values().map(|(_, own)| own.map(|bytes| bytes.0)).sum();
    told.map(Bytes)
}

async fn find(api: &Api, job: &Job) -> Option<Running> {
    let running = api.running().await.ok()?;
    running.into_iter().find(|one| job.offer.cell.model.matches(&one.name))
}

/// A load may wait for an unload first.
fn deadline(job: &Job) -> Nanos {
    let unload = u64::try_from(UNLOAD_LIMIT.as_nanos()).unwrap_or(u64::MAX);
    Nanos(job.api.clock.now().0.saturating_add(job.offer.workload.limits.load.0).saturating_add(unload))
}

fn interrupted(job: &Job, interrupt: Interrupt) -> Verdict {
    match interrupt {
        Interrupt::Cancelled => Verdict::cancelled(job.cancel.cause(), true),
        Interrupt::Late => Verdict::load_late(job.offer.workload.limits.load),
    }
}
