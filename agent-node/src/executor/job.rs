//! What the parts of an attempt share.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chimera_core::entry::Phase;
use chimera_core::seed::Seed;
use chimera_core::unit::Nanos;
use chimera_core::workload::Start;
use chimera_proto::convert::Offer;
use tokio::sync::watch;

use super::heads::Heads;
use crate::cancel::Cancel;
use crate::ollama::api::Api;
use crate::ollama::dialect::Dialect;
use crate::recorder::Recorder;
use crate::sampler::OwnMemory;

/// One attempt.
pub(super) struct Job {
    pub(super) offer: Offer,
    pub(super) recorder: Recorder,
    pub(super) api: Api,
    pub(super) dialect: &'static Dialect,
    pub(super) cancel: Cancel,
    pub(super) heads: Arc<Heads>,
    /// What the sampler sees of the server's memory, where there is one.
    pub(super) memory: Option<watch::Receiver<OwnMemory>>,
}

/// One generation that is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) ordinal: u32,
    pub(super) phase: Phase,
    pub(super) start: Start,
    pub(super) stream: u16,
    /// Index of the prompt in the workload.
    pub(super) prompt: u32,
    pub(super) seed: i64,
}

/// Why a wait ended before its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupt {
    Cancelled,
    Late,
}

impl Job {
    /// Warm-up number `index` of the attempt.
    pub(super) fn warmup(&self, index: u32) -> Spec {
        self.spec(index, Phase::Warmup, 0, index, self.offer.seed.child("warmup"))
    }

    /// Measured generation number `index`, on a stream. Its prompt and seed do not depend on the stream, so that
    /// records with other concurrency stay comparable.
    pub(super) fn measured(&self, index: u32, stream: u16) -> Spec {
        let workload = &self.offer.workload;
        let before = if workload.start == Start::Warm { workload.warmups } else { 0 };
        self.spec(before + index, Phase::Measured, stream, index, self.offer.seed.child("sampling"))
    }

    fn spec(&self, ordinal: u32, phase: Phase, stream: u16, index: u32, seeds: Seed) -> Spec {
        let workload = &self.offer.workload;
        let prompts = u32::try_from(workload.prompts.len()).unwrap_or(u32::MAX).max(1);
        let derived = i64::try_from(seeds.nth(index.into()).stream().next_u64() >> 33).unwrap_or_default();
        let seed = self.offer.cell.options.integer("seed").unwrap_or(derived);
        Spec { ordinal, phase, start: workload.start, stream, prompt: index % prompts, seed }
    }

    /// Work with a deadline on the node's clock, given up when the attempt is cancelled. The work is polled first:
    /// nothing stands between a readable socket and its stamp.
    pub(super) async fn within<T>(
        &self,
        deadline: Nanos,
        work: impl Future<Output = T>,
    ) -> Result<T, Interrupt> {
        if self.cancel.is_raised() {
            return Err(Interrupt::Cancelled);
        }
        let left = Duration::from_nanos(deadline.saturating_sub(self.api.clock.now()).0);
        tokio::select! {
            biased;
            done = tokio::time::timeout(left, work) => done.map_err(|_| Interrupt::Late),
            () = self.cancel.raised() => Err(Interrupt::Cancelled),
        }
    }
}
