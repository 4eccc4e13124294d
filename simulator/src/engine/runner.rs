//! A loaded model and what decides whether a request can use it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::{
    dialect::Dialect,
    engine::{cache::PromptCache, timing::Placement},
    gpu::activity::MemoryGuard,
    spec::model::ModelSpec,
    wire::{
        keep_alive::KeepAlive,
        options::Options,
        stamp::{UnixNs, unix_now},
    },
};

/// The options a runner is started with; a change of them reloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunnerOptions {
    /// As compared: requested in the older dialect, clamped in the newer.
    compared_ctx: u32,
    /// As used and listed: raised to 4, cut to the trained context.
    pub(crate) num_ctx: u32,
    pub(crate) num_batch: Option<i64>,
    /// `None`: as many layers as fit; never forces a reload.
    pub(crate) num_gpu: Option<u32>,
    main_gpu: Option<i64>,
    num_thread: i64,
    use_mmap: Option<bool>,
    draft_num_predict: Option<i64>,
    shift: bool,
}

const SMALLEST_CONTEXT: u32 = 4;

impl RunnerOptions {
    /// The runner options of a request.
    pub(crate) fn of(
        options: &Options,
        shift: bool,
        model: &ModelSpec,
        dialect: Dialect,
        default_ctx: u32,
    ) -> Self {
        let fallback = if model.num_ctx > 0 { model.num_ctx } else { default_ctx };
        let requested = options.num_ctx.map_or(fallback, |ctx| u32::try_from(ctx.max(0)).unwrap_or(u32::MAX));
        let raised = requested.max(SMALLEST_CONTEXT);
        let num_ctx = raised.min(model.context_length);
        let newer = dialect.is_newer();
        Self {
            compared_ctx: if newer { num_ctx } else { raised },
            num_ctx,
            num_batch: if newer { options.num_batch } else { Some(options.num_batch.unwrap_or(512)) },
            num_gpu: options.num_gpu.and_then(|layers| u32::try_from(layers).ok()),
            main_gpu: if newer { options.main_gpu } else { Some(options.main_gpu.unwrap_or(0)) },
            num_thread: options.num_thread.unwrap_or(0),
            use_mmap: options.use_mmap,
            draft_num_predict: options.draft_num_predict.filter(|_| newer),
            shift: shift || !newer,
        }
    }

    /// Whether a runner with these options can serve a request that wants others.
    pub(crate) fn serves(&self, wanted: &Self) -> bool {
        let mut comparable = wanted.clone();
        if comparable.num_gpu.is_none() {
            comparable.num_gpu = self.num_gpu;
        }
        comparable.num_ctx = self.num_ctx;
        *self == comparable
    }

    /// Prompt tokens evaluated per batch.
    pub(crate) fn batch_tokens(&self, dialect: Dialect) -> u32 {
        let automatic = match (dialect, self.num_ctx) {
            (Dialect::V0_24, _) | (_, ..=4_096) => 512,
            (_, ..=32_768) => 1_024,
            _ => 2_048,
        };
        self.num_batch
            .and_then(|batch| u32::try_from(batch).ok())
            .filter(|batch| *batch > 0)
            .unwrap_or(automatic)
    }
}

/// Who uses a runner, and when it goes.
#[derive(Debug)]
struct Usage {
    leases: u32,
    keep: KeepAlive,
    deadline: Option<Instant>,
    expires_unix: UnixNs,
}

/// A model in memory.
#[derive(Debug)]
pub(crate) struct Runner {
    pub(crate) model: Arc<ModelSpec>,
    pub(crate) options: RunnerOptions,
    pub(crate) placement: Placement,
    pub(crate) memory: MemoryGuard,
    /// Places for requests decoded at the same time; waiting is first come, first served.
    pub(crate) slots: Arc<Semaphore>,
    cache: Mutex<PromptCache>,
    usage: Mutex<Usage>,
    dead: AtomicBool,
}

impl Runner {
    /// A runner that nobody uses yet.
    pub(crate) fn new(
        model: Arc<ModelSpec>,
        options: RunnerOptions,
        placement: Placement,
        memory: MemoryGuard,
        slots: usize,
        dialect: Dialect,
    ) -> Self {
        let usage = Usage { leases: 0, keep: KeepAlive::DEFAULT, deadline: None, expires_unix: unix_now() };
        Self {
            model,
            options,
            placement,
            memory,
            slots: Arc::new(Semaphore::new(slots)),
            cache: Mutex::new(PromptCache::new(dialect.cached_prompts(slots))),
            usage: Mutex::new(usage),
            dead: AtomicBool::new(false),
        }
    }

    /// The prompt cache.
    pub(crate) fn cache(&self) -> MutexGuard<'_, PromptCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more user. A request without a keep-alive keeps the former value.
    pub(crate) fn join(&self, keep: Option<KeepAlive>) {
        let mut usage = self.usage();
        usage.leases += 1;
        if let Some(keep) = keep {
            usage.keep = keep;
        }
    }

    /// One user less; the last one sets the time of expiry.
    pub(crate) fn leave(&self) {
        let mut usage = self.usage();
        usage.leases = usage.leases.saturating_sub(1);
        if usage.leases == 0 {
            usage.restart_clock();
        }
    }

    /// Asks the runner to go: at once when idle, else after its last user.
    pub(crate) fn dismiss(&self) {
        let mut usage = self.usage();
        usage.keep = KeepAlive::For(Duration::ZERO);
        usage.restart_clock();
    }

    /// Whether anybody uses it.
    pub(crate) fn is_busy(&self) -> bool {
        self.usage().leases > 0
    }

    /// When it goes if nobody uses it before; `None` while busy or kept for ever.
    pub(crate) fn idle_deadline(&self) -> Option<Instant> {
        let usage = self.usage();
        usage.deadline.filter(|_| usage.leases == 0)
    }

    /// Whether it is idle and its time is over.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.idle_deadline().is_some_and(|deadline| deadline <= now)
    }

    /// The listed time of expiry: that of the last end of a request, so it may lie in the past.
    pub(crate) fn expires_unix(&self) -> UnixNs {
        self.usage().expires_unix
    }

    /// Marks the process as gone. It stays listed until the next request reloads it.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::Release);
    }

    /// Whether the process is gone.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Acquire)
    }
}

impl Usage {
    fn restart_clock(&mut self) {
        match self.keep {
            KeepAlive::For(duration) => {
                self.deadline = Instant::now().checked_add(duration);
                self.expires_unix = unix_now() + i128::try_from(duration.as_nanos()).unwrap_or(0);
            }
            KeepAlive::Forever => {
                self.deadline = None;
                self.expires_unix = unix_now() + i128::from(i64::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::catalogue::catalogue;

    fn options(dialect: Dialect, value: &serde_json::Value) -> RunnerOptions {
        let tiny = catalogue().into_iter().find(|model| model.name == "tiny:latest").unwrap();
        let parsed = Options::parse(value.as_object().unwrap()).unwrap();
        RunnerOptions::of(&parsed, true, &tiny, dialect, 4_096)
    }

    #[test]
    fn contexts_are_clamped_and_compared_per_dialect() {
        for (requested, shown) in [(0, 4), (2, 4), (3, 4), (100_000, 8_192), (2_048, 2_048)] {
            assert_eq!(options(Dialect::V0_24, &json!({"num_ctx": requested})).num_ctx, shown);
        }
        let far = |dialect, ctx: i64| options(dialect, &json!({"num_ctx": ctx}));
        assert!(
            !far(Dialect::V0_24, 100_000).serves(&far(Dialect::V0_24, 200_000)),
            "requested values differ"
        );
        assert!(far(Dialect::V0_33, 100_000).serves(&far(Dialect::V0_33, 200_000)), "clamped values agree");
        assert!(options(Dialect::V0_24, &json!({})).serves(&far(Dialect::V0_24, 4_096)));
    }

    #[test]
    fn automatic_layers_never_reload_and_explicit_ones_do() {
        let with = |value| options(Dialect::V0_24, &value);
        assert!(with(json!({"num_gpu": 0})).serves(&with(json!({}))));
        assert!(with(json!({"num_gpu": 99})).serves(&with(json!({"num_gpu": -1}))));
        assert!(!with(json!({})).serves(&with(json!({"num_gpu": 0}))));
        assert!(!with(json!({})).serves(&with(json!({"num_gpu": -1, "num_ctx": 512}))));
    }

    #[test]
    fn the_other_runner_options_reload_and_sampling_does_not() {
        let with = |value| options(Dialect::V0_24, &value);
        for changed in [
            json!({"num_batch": 256}),
            json!({"main_gpu": 1}),
            json!({"num_thread": 1}),
            json!({"use_mmap": false}),
        ] {
            assert!(!with(json!({})).serves(&with(changed)));
        }
        assert!(
            with(json!({}))
                .serves(&with(json!({"temperature": 0.1, "seed": 5, "num_keep": 7, "main_gpu": 0})))
        );
        assert!(
            !options(Dialect::V0_33, &json!({})).serves(&options(Dialect::V0_33, &json!({"main_gpu": 0})))
        );
    }
}
