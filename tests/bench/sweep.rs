//! Sweeps as small as the coordinator accepts them: one model, crossed with contexts and `top_k`.

use chimera_core::axis::{Axes, Axis, AxisName, AxisValue};
use chimera_core::design::{Design, Sentinel};
use chimera_core::id::Name;
use chimera_core::option::{OptionValue, Options};
use chimera_core::seed::Seed;
use chimera_core::sweep::{ModelName, Placement, Sweep};
use chimera_core::workload::{Endpoint, Limits, Prompt, PromptCache, Start, TextStorage, Workload};

/// The model that every benchmark runs.
pub const MODEL: &str = "bench:latest";

/// A sweep of `contexts` times `tops` cells, each with one generation of `budget` tokens.
pub fn sweep(name: &str, (contexts, tops): (i64, i64), repetitions: u32, budget: i64) -> Sweep {
    let model = AxisValue::Model(ModelName::new(MODEL).expect("a model name"));
    let mut defaults = Options::default();
    defaults.set("num_predict", OptionValue::Integer(budget)).expect("an option");
    let product = vec![
        Axis { name: AxisName::Model, values: vec![model] },
        integers("num_ctx", (1..=contexts).map(|n| n * 512)),
        integers("top_k", 1..=tops),
    ];
    Sweep {
        name: Name::new(name).expect("a name"),
        description: String::new(),
        axes: Axes { product, ..Axes::default() },
        defaults,
        workload: workload(),
        placement: Placement::EachGpu,
        predicate: None,
        repetitions,
        seed: Some(Seed(7)),
        design: Design { sentinel: Sentinel::Off, ..Design::default() },
    }
}

fn integers(name: &'static str, values: impl Iterator<Item = i64>) -> Axis {
    let values = values.map(|value| AxisValue::Option(OptionValue::Integer(value))).collect();
    Axis { name: AxisName::Option(name), values }
}

fn workload() -> Workload {
    Workload {
        endpoint: Endpoint::Chat,
        system: None,
        prompts: vec![Prompt { text: "Why is the sky blue?".to_owned() }],
        generations: 1,
        warmups: 0,
        concurrency: 1,
        start: Start::Warm,
        cache: PromptCache::Bust,
        texts: TextStorage::Hash,
        think: None,
        limits: Limits::default(),
    }
}
