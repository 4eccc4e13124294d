//! Loading, sharing, replacing and unloading models on one server.
//!
//! A request whose model is loaded with fitting options is served at once, whoever else waits. All others
//! queue: one at a time makes room and loads, in order of arrival. That gives what was recorded: requests with
//! the old options overtake a reload, other cold models wait behind it, and the queue has a bound.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};

use crate::{
    dialect::Dialect,
    engine::{
        runner::{Runner, RunnerOptions},
        timing::{Placement, place},
    },
    gpu::{activity::Work, simulated::SimulatedGpu},
    spec::{model::ModelSpec, server::ServerSpec},
    wire::{
        keep_alive::KeepAlive,
        listing::{self, Loaded},
        refusal::Refusal,
        stamp::rfc3339,
    },
};

/// The right to use a runner; leaving happens on drop.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) runner: Arc<Runner>,
    scheduler: Arc<Scheduler>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.runner.leave();
        self.scheduler.changed.notify_waiters();
    }
}

/// What one request wants from the scheduler.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    pub(crate) model: Arc<ModelSpec>,
    pub(crate) options: RunnerOptions,
    pub(crate) keep: Option<KeepAlive>,
    /// A load of this request hangs for this long and then fails.
    pub(crate) hang: Option<Duration>,
}

/// The scheduler of one server.
#[derive(Debug)]
pub(crate) struct Scheduler {
    gpu: Arc<SimulatedGpu>,
    dialect: Dialect,
    slots: u32,
    max_loaded: usize,
    speed: f64,
    roster: Mutex<Vec<Arc<Runner>>>,
    changed: Notify,
    turn: AsyncMutex<()>,
    queue: Semaphore,
}

/// The newer engine cannot start with batches of one token.
const BATCH_OF_ONE: &str = "llama-server process has terminated: GGML_ASSERT(n_tokens_all <= cparams.n_batch) failed: \
                            GGML_ASSERT(n_tokens_all <= cparams.n_batch) failed";

enum Step {
    Use(Lease),
    Wait,
    Load,
}

impl Scheduler {
    /// A scheduler with nothing loaded.
    pub(crate) fn new(spec: &ServerSpec, gpu: Arc<SimulatedGpu>, speed: f64) -> Self {
        let places = usize::try_from(spec.max_queue).unwrap_or(512) + 1;
        Self {
            gpu,
            dialect: spec.dialect,
            slots: spec.num_parallel,
            max_loaded: usize::try_from(spec.max_loaded_models).unwrap_or(1),
            speed,
            roster: Mutex::new(Vec::new()),
            changed: Notify::new(),
            turn: AsyncMutex::new(()),
            queue: Semaphore::new(places),
        }
    }

    /// Waits until the wished model is loaded with the wished options. Dropping the future gives up: a load is
    /// then aborted, a place in the queue is freed.
    pub(crate) async fn acquire(self: &Arc<Self>, wish: &Wish) -> Result<Lease, Refusal> {
        if let Some(lease) = self.join(wish) {
            self.pause(wish.model.warm_load_ms).await;
            return Ok(lease);
        }
        let _place = self.queue.try_acquire().map_err(|_| Refusal::busy())?;
        let _turn = self.turn.lock().await;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.step(wish) {
                Step::Use(lease) => return Ok(lease),
                Step::Wait => changed.await,
                Step::Load => return self.load(wish).await,
            }
        }
    }

    /// Unloads a model: at once when idle, after its last user when busy. Unknown ones are no error.
    pub(crate) fn unload(&self, model: &ModelSpec) {
        for runner in self.roster().iter().filter(|runner| runner.model.blob == model.blob) {
            runner.dismiss();
        }
        self.changed.notify_waiters();
    }

    /// The body of `/api/ps`: longest remaining first.
    pub(crate) fn listing(&self) -> String {
        let mut runners = self.roster().clone();
        runners.sort_by_key(|runner| std::cmp::Reverse(runner.expires_unix()));
        let loaded: Vec<Loaded<'_>> = runners
            .iter()
            .map(|runner| Loaded {
                model: &runner.model,
                size: runner.placement.size,
                size_vram: runner.placement.size_vram,
                expires_at: rfc3339(runner.expires_unix()),
                context_length: runner.options.num_ctx,
            })
            .collect();
        listing::processes(&loaded)
    }

    /// Removes models whose time is over, until cancelled by drop.
    pub(crate) async fn reap(&self) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let next = self.remove_expired(Instant::now());
            let idle = Instant::now() + Duration::from_hours(1);
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep_until(next.unwrap_or(idle).into()) => {}
            }
        }
    }

    fn roster(&self) -> MutexGuard<'_, Vec<Arc<Runner>>> {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self, milliseconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(milliseconds / 1_000.0 / self.speed)).await;
    }

    /// A lease on the loaded model, if it fits the wish.
    fn join(self: &Arc<Self>, wish: &Wish) -> Option<Lease> {
        let now = Instant::now();
        let roster = self.roster();
        let runner = roster.iter().find(|runner| {
            runner.model.blob == wish.model.blob
                && !runner.is_dead()
                && !runner.is_expired(now)
                && runner.options.serves(&wish.options)
        })?;
        runner.join(wish.keep);
        Some(Lease { runner: Arc::clone(runner), scheduler: Arc::clone(self) })
    }

    fn step(self: &Arc<Self>, wish: &Wish) -> Step {
        if let Some(lease) = self.join(wish) {
            return Step::Use(lease);
        }
        let mut roster = self.roster();
        if let Some(index) = roster.iter().position(|runner| runner.model.blob == wish.model.blob) {
            if roster.get(index).is_some_and(|runner| runner.is_busy()) {
                return Step::Wait;
            }
            roster.remove(index);
        }
        while roster.len() >= self.max_loaded || (!roster.is_empty() && !self.fits(wish)) {
            let idle = roster.iter().enumerate().filter(|(_, runner)| !runner.is_busy());
            let soonest = idle.min_by_key(|(_, runner)| runner.expires_unix()).map(|(index, _)| index);
            match soonest {
                Some(index) => drop(roster.remove(index)),
                None => return Step::Wait,
            }
        }
        Step::Load
    }

    fn fits(&self, wish: &Wish) -> bool {
        let on_cpu = wish.options.num_gpu == Some(0) || self.gpu.spec().vram_bytes == 0;
        on_cpu || self.size_of(wish) <= self.gpu.free_bytes()
    }

    fn size_of(&self, wish: &Wish) -> u64 {
        wish.model.memory_bytes(self.dialect.real_context(wish.options.num_ctx), self.slots)
    }

    fn placement(&self, wish: &Wish) -> Placement {
        let has_gpu = self.gpu.spec().vram_bytes > 0;
        place(&wish.model, self.size_of(wish), self.gpu.free_bytes(), has_gpu, wish.options.num_gpu)
    }

    async fn load(self: &Arc<Self>, wish: &Wish) -> Result<Lease, Refusal> {
        if self.dialect.is_newer() && wish.options.num_batch == Some(1) {
            return Err(Refusal::handler(500, BATCH_OF_ONE));
        }
        let placement = self.placement(wish);
        let process = if self.dialect.is_newer() { "llama-server" } else { "ollama" };
        let memory = self.gpu.spawn_process(process, placement.size_vram);
        let working = self.gpu.begin(memory.pid, Work::Load).ok_or_else(|| self.load_failure())?;
        if let Some(hang) = wish.hang {
            tokio::time::sleep(hang).await;
            return Err(Refusal::handler(
                500,
                "timed out waiting for llama runner to start - progress 0.00 - ",
            ));
        }
        self.pause(wish.model.load_ms).await;
        drop(working);
        let slots = usize::try_from(self.slots).unwrap_or(1);
        let (model, options) = (Arc::clone(&wish.model), wish.options.clone());
        let runner = Arc::new(Runner::new(model, options, placement, memory, slots, self.dialect));
        runner.join(wish.keep);
        self.roster().push(Arc::clone(&runner));
        self.changed.notify_waiters();
        Ok(Lease { runner, scheduler: Arc::clone(self) })
    }

    fn load_failure(&self) -> Refusal {
        let text = match self.dialect {
            Dialect::V0_24 => "llama runner process has terminated with exit code -1",
            Dialect::V0_33 => "llama-server process has terminated: signal: killed",
        };
        Refusal::handler(500, text)
    }

    /// Removes what has expired (and lingered); the time of the next expiry, if any.
    fn remove_expired(&self, now: Instant) -> Option<Instant> {
        let linger = self.dialect.listing_linger();
        let mut roster = self.roster();
        let due = |runner: &Arc<Runner>| runner.idle_deadline().map(|deadline| deadline + linger);
        roster.retain(|runner| due(runner).is_none_or(|at| at > now));
        roster.iter().filter_map(due).min()
    }
}
