//! Whether a report, as JSON, says what the test computed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Figures;
use super::numbers::{interval, mean_and_sd, percentile, printable, upper_bound};
use super::seen::Trial;

/// Largest relative difference of two numbers that are the same.
pub const RELATIVE: f64 = 1e-9;
/// Differences below this, in any unit of a report, are rounding: times are of the order of seconds, in nanoseconds.
const ABSOLUTE: f64 = 1e-12;
/// Student's t is integrated by hand, so ends of intervals agree to fewer digits.
const INTERVAL_RELATIVE: f64 = 1e-6;

/// Asserts that every row of the report holds what follows from `trials`, and nothing else. Gives the number of figures
/// that were compared.
///
/// # Panics
/// When a number differs, is missing, or should not be there; the message names it.
pub fn assert_report(report: &Value, trials: &[Trial], fresh_heads: bool) -> usize {
    let mut compared = 0;
    for row in report["cells"].as_array().expect("cells") {
        let of_row = trials.iter().filter(|trial| row["cell"] == trial.cell);
        compared += assert_tally(&row["label"], &row["tally"], of_row, fresh_heads);
    }
    for row in report["slots"].as_array().expect("slots") {
        let of_row = trials.iter().filter(|trial| row["cell"] == trial.cell && row["slot"] == *trial.slot);
        compared += assert_tally(&row["slot"], &row["tally"], of_row, fresh_heads);
    }
    compared
}

fn assert_tally<'t>(
    label: &Value,
    tally: &Value,
    trials: impl Iterator<Item = &'t Trial>,
    fresh_heads: bool,
) -> usize {
    let trials: Vec<&Trial> = trials.collect();
    assert_eq!(tally["attempts"], trials.len(), "attempts of {label}");
    let figures = Figures::of(trials, fresh_heads);
    let counts = (&tally["generations"]["sent"], &tally["generations"]["ok"]);
    assert_eq!(counts, (&figures.counts.0.into(), &figures.counts.1.into()), "generations of {label}");
    assert_eq!((&tally["gaps"], &tally["gaps_bound"]), (&figures.gaps.0.into(), &figures.gaps.1.into()));
    let told = tally["figures"].as_array().expect("figures");
    let names: BTreeSet<&str> = told.iter().filter_map(|figure| figure["quantity"].as_str()).collect();
    let expected: BTreeSet<&str> =
        figures.rows.iter().filter(|(_, rows)| !rows.is_empty()).map(|(name, _)| *name).collect();
    assert_eq!(names, expected, "figures of {label}");
    for figure in told {
        assert_figure(label, figure, &figures);
    }
    told.len()
}

fn assert_figure(label: &Value, figure: &Value, figures: &Figures) {
    let name = figure["quantity"].as_str().expect("a name");
    let mut rows = figures.rows[name].clone();
    rows.sort_by(f64::total_cmp);
    let say = |part: &str| format!("{part} of {name} of {label}");
    assert_eq!(figure["n"], rows.len(), "{}", say("n"));
    same(&say("pooled"), &figure["pooled"], figures.pooled(name), RELATIVE);
    assert_spread(&say, &figure["spread"], &rows);
    let of_trials = interval(&figures.trial_rates).filter(|_| name == "decode_rate");
    for (end, value) in [("low", of_trials.map(|ends| ends.0)), ("high", of_trials.map(|ends| ends.1))] {
        same(&say(end), &figure["interval"][end], value, INTERVAL_RELATIVE);
    }
}

fn assert_spread(say: &dyn Fn(&str) -> String, spread: &Value, sorted: &[f64]) {
    let (mean, sd) = mean_and_sd(sorted);
    let equal = |part: &str, value: Option<f64>| same(&say(part), &spread[part], value, RELATIVE);
    equal("mean", Some(mean));
    equal("sd", sd);
    equal("min", sorted.first().copied());
    equal("max", sorted.last().copied());
    for (part, bound, p) in
        [("p50", "", 0.5), ("p90", "p90_upper", 0.9), ("p95", "p95_upper", 0.95), ("p99", "p99_upper", 0.99)]
    {
        equal(part, printable(sorted.len(), p).then(|| percentile(sorted, p)));
        if !bound.is_empty() {
            equal(bound, upper_bound(sorted, p));
        }
    }
}

/// Asserts that two numbers are the same, or that both are absent.
///
/// # Panics
/// When they are not.
#[track_caller]
pub fn same(what: &str, told: &Value, computed: Option<f64>, relative: f64) {
    match (told.as_f64(), computed) {
        (None, None) => {}
        (Some(told), Some(computed)) => {
            let limit = ABSOLUTE + relative * told.abs().max(computed.abs());
            assert!(
                (told - computed).abs() <= limit,
                "{what}: the report says {told}, recomputed {computed}"
            );
        }
        (told, computed) => panic!("{what}: the report says {told:?}, recomputed {computed:?}"),
    }
}
