//! The sample sweep, and how it is fitted to a real server.

use crate::view::{ModelView, NodeView};

/// The sample for the simulated fleet: a sweep file to read, change and run again.
pub(super) const SAMPLE: &str = include_str!("../sample.toml");

/// Models that the fitted sample compares at most.
const MODELS: usize = 2;

/// First line of a fitted sample.
const HEAD: &str = "# The sample sweep of `chimera dev`, fitted to the models that were found.";
/// Its description.
const DESCRIPTION: &str = "description = \"A first look: small models at two temperatures.\"";
/// Why it has other limits, as a line of the file.
const LIMITS: &str = "# Limits are left at their defaults: a real server loads for seconds to minutes.";

/// The smallest models that every slot has, smallest first: a first look should not take an hour. Embedding models
/// generate no text.
pub(super) fn models(nodes: &[NodeView]) -> Vec<String> {
    let mut slots = nodes.iter().flat_map(|node| &node.slots);
    let Some(first) = slots.next() else { return Vec::new() };
    let rest: Vec<_> = slots.collect();
    let everywhere =
        |model: &&ModelView| rest.iter().all(|slot| slot.models.iter().any(|other| other.name == model.name));
    let mut found: Vec<&ModelView> =
        first.models.iter().filter(|model| generates(model)).filter(everywhere).collect();
    found.sort_by_key(|model| (model.size_bytes.unwrap_or(u64::MAX), model.name.clone()));
    found.into_iter().take(MODELS).map(|model| model.name.clone()).collect()
}

/// The sample file with other models and without the simulated fleet's short limits.
pub(super) fn fitted(models: &[String]) -> String {
    let quoted: Vec<String> =
        models.iter().map(|model| format!("\"{}\"", model.replace(['"', '\\'], ""))).collect();
    let axis = format!("model = [{}]", quoted.join(", "));
    let (mut lines, mut in_limits) = (vec![HEAD.to_owned()], false);
    for line in SAMPLE.lines().skip_while(|line| line.starts_with('#')) {
        if line.starts_with('[') {
            in_limits = line == "[workload.limits]";
        }
        let fitted = match line {
            "[workload.limits]" => LIMITS,
            _ if in_limits && !line.is_empty() => continue,
            _ if line.starts_with("model = ") => &axis,
            _ if line.starts_with("description = ") => DESCRIPTION,
            _ => line,
        };
        lines.push(fitted.to_owned());
    }
    lines.join("\n") + "\n"
}

fn generates(model: &ModelView) -> bool {
    let embeds =
        model.name.contains("embed") || model.family.as_ref().is_some_and(|family| family.contains("bert"));
    !embeds
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use chimera_core::axis::{AxisName, AxisValue};
    use chimera_core::sweep::ModelName;
    use chimera_core::workload::Limits;

    use super::*;
    use crate::sweep_file;

    #[test]
    fn the_sample_is_a_sweep_file() {
        assert_eq!(sweep_file::parse(SAMPLE, Path::new("sample.toml")).unwrap().name.as_str(), "sample");
    }

    #[test]
    fn the_fitted_sample_has_the_models_found_and_patient_limits() {
        let models = ["gemma3:1b".to_owned(), "hf.co/a/b:Q4".to_owned()];
        let sweep = sweep_file::parse(&fitted(&models), Path::new("sample.toml")).unwrap();
        let axis = sweep.axes.product.iter().find(|axis| axis.name == AxisName::Model).unwrap();
        let expected: Vec<AxisValue> =
            models.iter().map(|model| AxisValue::Model(ModelName::new(model).unwrap())).collect();
        assert_eq!(axis.values, expected);
        assert_eq!(sweep.workload.limits, Limits::default());
    }

    #[test]
    fn small_text_models_are_taken() {
        let model = |name: &str, size, family: &str| ModelView {
            name: name.to_owned(),
            size_bytes: Some(size),
            family: Some(family.to_owned()),
            parameters: None,
            quantization: None,
        };
        let all = [
            model("big", 9, "llama"),
            model("mid", 5, "llama"),
            model("bge", 1, "bert"),
            model("tiny", 2, "qwen"),
        ];
        let slot = crate::view::SlotView {
            index: 0,
            endpoint: String::new(),
            probe: "none".to_owned(),
            probe_note: None,
            gpus: Vec::new(),
            server_version: None,
            server_error: None,
            models: all.to_vec(),
            running: None,
        };
        let node = NodeView {
            node: "a".to_owned(),
            state: "ready".to_owned(),
            note: String::new(),
            in_state_s: 0.0,
            hostname: String::new(),
            os: None,
            kernel: None,
            arch: String::new(),
            cpu: None,
            cpus: None,
            memory_bytes: None,
            daemon_version: String::new(),
            clock_offset_ns: None,
            clock_bound_ns: None,
            slots: vec![slot],
        };
        assert_eq!(models(&[node]), ["tiny", "mid"]);
    }
}
