//! A simulated GPU in virtual time: the engine's own steps, heat and clocks, without a server, a clock or a wait.
//!
//! Proofs over thousands of sweeps use it: what a served answer takes seconds for is computed here in microseconds, by the
//! same functions.

use std::time::Duration;

use crate::{
    engine::timing::{Gait, Placement, SAMPLING_SHARE, place},
    gpu::{
        activity::{Crowd, Work},
        physics::{Demand, Physics},
        simulated::Pace,
    },
    seed::SeedStream,
    spec::{gpu::GpuSpec, model::ModelSpec},
};

/// A GPU that runs one generation after the other, alone, and remembers its heat in between.
#[derive(Debug, Clone)]
pub struct VirtualGpu {
    spec: GpuSpec,
    physics: Physics,
    /// Spread of single decode steps, as a share.
    jitter: f64,
    steps: SeedStream,
}

/// What a server counts of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VirtualGeneration {
    /// Tokens generated: the `eval_count`.
    pub tokens: u32,
    /// Prompt and first token: the `prompt_eval_duration`.
    pub prompt: Duration,
    /// The other steps, `tokens − 1` of them: the `eval_duration`.
    pub eval: Duration,
}

impl VirtualGpu {
    /// A GPU that has been idle for long. `jitter_percent` is the spread of single decode steps, as in a fleet file;
    /// equal seeds give equal steps.
    #[must_use]
    pub fn new(spec: GpuSpec, jitter_percent: f64, seed: u64) -> Self {
        let physics = Physics::resting(&spec);
        Self { spec, physics, jitter: jitter_percent / 100.0, steps: SeedStream::named(seed, "jitter") }
    }

    /// Runs one generation of a loaded model with nothing cached. Events of the GPU's description play no part.
    pub fn generate(&mut self, model: &ModelSpec, prompt_tokens: u32, tokens: u32) -> VirtualGeneration {
        let model = model.clone().completed();
        let placement = self.placement(&model);
        let mut prompt =
            self.pass(Work::Prefill, |gait, pace, _| gait.prefill(prompt_tokens, pace), (&model, placement));
        let mut eval = Duration::ZERO;
        for produced in 0..tokens {
            let step = |gait: &Gait<'_>, pace: Pace, jitter: f64| {
                gait.decode_step(pace, jitter).mul_f64(1.0 + SAMPLING_SHARE)
            };
            let took = self.pass(Work::Decode, step, (&model, placement));
            *(if produced == 0 { &mut prompt } else { &mut eval }) += took;
        }
        VirtualGeneration { tokens, prompt, eval }
    }

    /// Lets the GPU idle.
    pub fn rest(&mut self, time: Duration) {
        self.physics.advance(&self.spec, Demand::of(std::iter::empty(), 0.0, 1.0), time.as_secs_f64(), 1.0);
    }

    fn placement(&self, model: &ModelSpec) -> Placement {
        let size = model.memory_bytes(model.context_length, 1);
        place(model, size, self.spec.vram_bytes, self.spec.vram_bytes > 0, None)
    }

    /// Lets one step pass, alone on the GPU, and says how long it took.
    fn pass(
        &mut self,
        work: Work,
        step: impl Fn(&Gait<'_>, Pace, f64) -> Duration,
        (model, placement): (&ModelSpec, Placement),
    ) -> Duration {
        let demand = Demand::of(std::iter::once(work), 0.0, 1.0);
        self.physics.settle_clock(&self.spec, demand);
        let crowd = Crowd { processes: 1.0, batch_mates: 0, prefilling_mates: 0 };
        let pace = Pace { clock: self.physics.clock_factor, crowd };
        let jitter = self.steps.around_one(self.jitter);
        let took = step(&Gait { model, gpu: &self.spec, placement, speed: 1.0 }, pace, jitter);
        self.physics.advance(&self.spec, demand, took.as_secs_f64(), 1.0);
        took
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::catalogue::catalogue;

    fn gemma() -> ModelSpec {
        catalogue().into_iter().find(|model| model.name == "gemma3:latest").unwrap()
    }

    fn rate(of: VirtualGeneration) -> f64 {
        f64::from(of.tokens - 1) / of.eval.as_secs_f64()
    }

    #[test]
    fn without_jitter_the_rate_is_the_calibrated_one_less_sampling() {
        let mut gpu = VirtualGpu::new(GpuSpec { speed_factor: 1.0, ..GpuSpec::default() }, 0.0, 1);
        let found = rate(gpu.generate(&gemma(), 100, 65));
        assert!((found - 110.0 / (1.0 + SAMPLING_SHARE)).abs() < 1e-3, "{found}");
        assert_eq!(gpu.generate(&gemma(), 100, 1).eval, Duration::ZERO, "one token is no step");
    }

    #[test]
    fn equal_seeds_repeat_and_others_scatter_within_the_jitter() {
        let run = |seed| rate(VirtualGpu::new(GpuSpec::default(), 5.0, seed).generate(&gemma(), 10, 100));
        assert!((run(1) - run(1)).abs() < f64::EPSILON);
        assert!((run(1) / run(2) - 1.0).abs() < 0.05 && (run(1) - run(2)).abs() > 1e-6);
    }

    #[test]
    fn a_hot_gpu_slows_down_and_recovers_at_rest() {
        let spec = GpuSpec { ambient_c: 55.0, heating_c_per_w: 0.1, ..GpuSpec::default() };
        let mut gpu = VirtualGpu::new(spec, 0.0, 1);
        let cold = rate(gpu.generate(&gemma(), 10, 50));
        for _ in 0..100 {
            gpu.generate(&gemma(), 10, 200);
        }
        let hot = rate(gpu.generate(&gemma(), 10, 50));
        assert!(hot < 0.97 * cold, "{hot} is not below {cold}");
        gpu.rest(Duration::from_secs(600));
        assert!((rate(gpu.generate(&gemma(), 10, 50)) - cold).abs() < 0.01 * cold);
    }
}
