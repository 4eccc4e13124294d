//! One simulated server: what its handlers share.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    dialect::Dialect,
    engine::{runner::RunnerOptions, scheduler::Scheduler},
    fault_book::FaultBook,
    gpu::simulated::SimulatedGpu,
    seed::SeedStream,
    spec::{fleet::full_name, model::ModelSpec, server::ServerSpec},
    wire::options::Options,
};

/// The shared parts of one server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) spec: ServerSpec,
    pub(crate) gpu: Arc<SimulatedGpu>,
    pub(crate) models: BTreeMap<String, Arc<ModelSpec>>,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) faults: FaultBook,
    /// How many times faster than life.
    pub(crate) speed: f64,
    /// Spread of single decode steps, 0 to 0.5.
    pub(crate) jitter: f64,
    seed: Mutex<SeedStream>,
    requests: AtomicU64,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// Scalars of a server that come from the fleet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) speed: f64,
    pub(crate) jitter: f64,
    pub(crate) seed: u64,
}

impl Server {
    /// A server with nothing loaded.
    pub(crate) fn new(
        spec: ServerSpec,
        gpu: Arc<SimulatedGpu>,
        models: BTreeMap<String, Arc<ModelSpec>>,
        tuning: Tuning,
        stop: CancellationToken,
    ) -> Self {
        Self {
            scheduler: Arc::new(Scheduler::new(&spec, Arc::clone(&gpu), tuning.speed)),
            faults: FaultBook::new(&spec.faults, tuning.seed),
            spec,
            gpu,
            models,
            speed: tuning.speed,
            jitter: tuning.jitter,
            seed: Mutex::new(SeedStream::named(tuning.seed, "answers")),
            requests: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            stop,
        }
    }

    /// The dialect it speaks.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.spec.dialect
    }

    /// A model by name, with or without `:latest`.
    pub(crate) fn model(&self, name: &str) -> Option<&Arc<ModelSpec>> {
        self.models.get(&full_name(name))
    }

    /// A key for an answer whose request gives no seed.
    pub(crate) fn random_key(&self) -> u64 {
        self.seed.lock().unwrap_or_else(PoisonError::into_inner).next_u64()
    }

    /// A number for each generation, for streams of jitter.
    pub(crate) fn next_request(&self) -> u64 {
        self.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// The runner options of a request to a model.
    pub(crate) fn runner_options(&self, options: &Options, shift: bool, model: &ModelSpec) -> RunnerOptions {
        let default = self.spec.default_context(self.gpu.spec().vram_bytes);
        RunnerOptions::of(options, shift, model, self.dialect(), default)
    }
}
