//! What runs on a GPU at a moment, and how much each run slows the others.

use std::sync::Arc;

use crate::gpu::simulated::SimulatedGpu;

/// A kind of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Weights are copied in.
    Load,
    /// A prompt is evaluated.
    Prefill,
    /// Tokens are generated.
    Decode,
}

/// One piece of work of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activity {
    pub(crate) id: u64,
    pub(crate) pid: u32,
    pub(crate) work: Work,
}

/// Ends its activity when dropped.
#[derive(Debug)]
pub(crate) struct ActivityGuard {
    pub(crate) gpu: Arc<SimulatedGpu>,
    pub(crate) id: u64,
}

impl Drop for ActivityGuard {
    fn drop(&mut self) {
        self.gpu.end_activity(self.id);
    }
}

/// Frees its memory when dropped.
#[derive(Debug)]
pub(crate) struct MemoryGuard {
    pub(crate) gpu: Arc<SimulatedGpu>,
    pub(crate) pid: u32,
}

impl Drop for MemoryGuard {
    fn drop(&mut self) {
        self.gpu.release_memory(self.pid);
    }
}

/// Who shares the GPU with one run, at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Crowd {
    /// Processes at work, the run's own included; foreign load counts by its share.
    pub(crate) processes: f64,
    /// Other decodes in the run's own process.
    pub(crate) batch_mates: u32,
    /// Prefills of others in the run's own process.
    pub(crate) prefilling_mates: u32,
}

/// Each further sequence in a batch reads the same weights: cheap, but not free. Not calibrated, the
/// recordings hold no batched runs on a GPU.
const BATCH_COST: f64 = 0.15;
/// A prefill in the same batch stretches everybody's steps.
const PREFILL_COST: f64 = 1.5;

impl Crowd {
    /// How many times longer a step takes than alone. `pair_slowdown` is the calibrated factor of two
    /// overlapped processes; total throughput stays that of two when more join.
    pub(crate) fn slowdown(self, pair_slowdown: f64) -> f64 {
        let others = (self.processes - 1.0).max(0.0);
        let by_process = if others <= 1.0 {
            others.mul_add(pair_slowdown - 1.0, 1.0)
        } else {
            pair_slowdown * self.processes / 2.0
        };
        let mates = f64::from(self.batch_mates).mul_add(BATCH_COST, 1.0);
        by_process * f64::from(self.prefilling_mates).mul_add(PREFILL_COST, mates)
    }

    /// The crowd around one run of process `pid`.
    pub(crate) fn around(activities: &[Activity], own: u64, pid: u32, foreign_load: f64) -> Self {
        let mut other_pids: Vec<u32> = activities
            .iter()
            .filter(|activity| activity.pid != pid && activity.work != Work::Load)
            .map(|activity| activity.pid)
            .collect();
        other_pids.sort_unstable();
        other_pids.dedup();
        let mates = |work: Work| {
            let count = activities.iter().filter(|a| a.pid == pid && a.id != own && a.work == work).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let others = u32::try_from(other_pids.len()).unwrap_or(u32::MAX);
        Self {
            processes: 1.0 + f64::from(others) + foreign_load,
            batch_mates: mates(Work::Decode),
            prefilling_mates: mates(Work::Prefill),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_overlapped_processes_slow_each_other_by_the_calibrated_factor() {
        let pair = Crowd { processes: 2.0, batch_mates: 0, prefilling_mates: 0 };
        assert!((pair.slowdown(110.0 / 39.5) - 110.0 / 39.5).abs() < 1e-9);
        let alone = Crowd { processes: 1.0, batch_mates: 0, prefilling_mates: 0 };
        assert!((alone.slowdown(2.8) - 1.0).abs() < 1e-9);
        let four = Crowd { processes: 4.0, batch_mates: 0, prefilling_mates: 0 };
        assert!((four.slowdown(2.8) - 5.6).abs() < 1e-9);
    }
}
