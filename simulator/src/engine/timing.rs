//! How long steps take: model, GPU, company, heat and offload.

use std::time::Duration;

use crate::{
    gpu::simulated::Pace,
    spec::{gpu::GpuSpec, model::ModelSpec},
};

/// Where the layers of a loaded model are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placement {
    /// Layers on the GPU, the output layer included.
    pub(crate) gpu_layers: u32,
    /// Memory in all, bytes.
    pub(crate) size: u64,
    /// Of it on the GPU, bytes.
    pub(crate) size_vram: u64,
}

/// What the steps of one run depend on besides the moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gait<'a> {
    pub(crate) model: &'a ModelSpec,
    pub(crate) gpu: &'a GpuSpec,
    pub(crate) placement: Placement,
    /// How many times faster than life.
    pub(crate) speed: f64,
}

/// Sampling takes this share of a step; the older dialect leaves it out of `eval_duration`.
pub(crate) const SAMPLING_SHARE: f64 = 0.005;

impl Gait<'_> {
    /// One decode step.
    pub(crate) fn decode_step(&self, pace: Pace, jitter: f64) -> Duration {
        let pair = self.model.decode_tok_s / self.model.overlapped_tok_s;
        let seconds = pace.crowd.slowdown(pair) * jitter / self.model.decode_tok_s;
        self.scaled(seconds, pace)
    }

    /// The evaluation of some prompt tokens.
    pub(crate) fn prefill(&self, tokens: u32, pace: Pace) -> Duration {
        let seconds = f64::from(tokens) * pace.crowd.slowdown(1.9) / self.model.prefill_tok_s;
        self.scaled(seconds, pace)
    }

    fn scaled(&self, seconds: f64, pace: Pace) -> Duration {
        let hardware = self.offload_slowdown() / (self.gpu.speed_factor * pace.clock.max(0.01));
        Duration::from_secs_f64((seconds * hardware / self.speed).clamp(0.0, 3_600.0))
    }

    /// Layers on the CPU take longer. Without a GPU the model's rates are those of the CPU.
    fn offload_slowdown(&self) -> f64 {
        if self.gpu.vram_bytes == 0 {
            return 1.0;
        }
        let share = f64::from(self.placement.gpu_layers) / f64::from(self.model.layer_count());
        (1.0 - share.min(1.0)).mul_add(self.gpu.cpu_layer_slowdown - 1.0, 1.0)
    }
}

/// Where a model goes: as many layers on the GPU as asked for, or as fit.
pub(crate) fn place(
    model: &ModelSpec,
    size: u64,
    free: u64,
    has_gpu: bool,
    num_gpu: Option<u32>,
) -> Placement {
    let total = model.layer_count();
    let per_layer = size.div_ceil(u64::from(total)).max(1);
    let fitting = u32::try_from(free / per_layer).unwrap_or(total).min(total);
    let gpu_layers = if has_gpu { num_gpu.unwrap_or(fitting).min(fitting) } else { 0 };
    let size_vram = if gpu_layers == total { size } else { per_layer * u64::from(gpu_layers) };
    Placement { gpu_layers, size, size_vram }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gpu::activity::Crowd, spec::catalogue::catalogue};

    fn gemma() -> ModelSpec {
        catalogue().into_iter().find(|model| model.name == "gemma3:latest").unwrap()
    }

    fn rate(processes: f64, clock: f64, gpu_layers: u32) -> f64 {
        let (model, gpu) = (gemma(), GpuSpec { speed_factor: 1.0, ..GpuSpec::default() });
        let gait = Gait {
            model: &model,
            gpu: &gpu,
            placement: Placement { gpu_layers, size: 1, size_vram: 1 },
            speed: 1.0,
        };
        let crowd = Crowd { processes, batch_mates: 0, prefilling_mates: 0 };
        1.0 / gait.decode_step(Pace { clock, crowd }, 1.0).as_secs_f64()
    }

    #[test]
    fn rates_are_the_calibrated_ones() {
        assert!((rate(1.0, 1.0, 35) - 110.0).abs() < 0.1);
        assert!((rate(2.0, 1.0, 35) - 39.5).abs() < 0.1);
        assert!((rate(1.0, 0.5, 35) - 55.0).abs() < 0.1, "half the clock, half the rate");
        assert!(rate(1.0, 1.0, 20) < 30.0, "layers on the CPU slow it down");
    }

    #[test]
    fn layers_go_where_they_fit() {
        let model = gemma();
        assert_eq!(place(&model, 3_500, 9_000, true, None).size_vram, 3_500);
        assert_eq!(place(&model, 3_500, 1_000, true, None).gpu_layers, 10);
        assert_eq!(place(&model, 3_500, 9_000, true, Some(999)).gpu_layers, 35);
        assert_eq!(place(&model, 3_500, 9_000, true, Some(0)).size_vram, 0);
        assert_eq!(place(&model, 3_500, 0, false, None).size_vram, 0);
    }
}
