//! Reports from records that are small enough to be computed by hand.

use proptest::prelude::*;

use super::*;
use crate::axis::{Axes, CellSpec};
use crate::gpu::GpuSample;
use crate::id::{Digest, Name, NodeId, SlotId, SweepId};
use crate::option::{OptionValue, Options};
use crate::outcome::{AttemptOutcome, FailureClass, GenerationOutcome, ValidityReason};
use crate::plan::{Plan, PlannedTrial, TrialRole};
use crate::quantity::Quantity;
use crate::quantity::attempt::GoodputLimits;
use crate::quantity::generation::GenerationQuantities;
use crate::quantity::scene::{attempt, gpu_sample, ms, record, sample_generation};
use crate::record::{AttemptRecord, GenerationRecord};
use crate::scheduler::view::{SweepState, TrialCounts};
use crate::seed::Seed;
use crate::stats::Sample;
use crate::sweep::{ModelName, Placement, Sweep};
use crate::unit::Nanos;
use crate::workload::{Endpoint, Limits, Prompt, PromptCache, Start, TextStorage, Workload};

pub(super) fn sweep() -> Sweep {
    Sweep {
        name: Name::new("s").unwrap(),
        description: String::new(),
        axes: Axes::default(),
        defaults: Options::default(),
        workload: Workload {
            endpoint: Endpoint::Chat,
            system: None,
            prompts: vec![Prompt { text: "p".into() }],
            generations: 2,
            warmups: 0,
            concurrency: 1,
            start: Start::Warm,
            cache: PromptCache::Bust,
            texts: TextStorage::Hash,
            think: None,
            limits: Limits::default(),
        },
        placement: Placement::EachGpu,
        predicate: None,
        repetitions: 2,
        seed: None,
        design: crate::design::Design::default(),
    }
}

/// Two cells; trial i is of cell i mod 2.
fn plan(trials: u32) -> Plan {
    let cell = |context| {
        let mut options = Options::default();
        options.set("num_ctx", OptionValue::Integer(context)).unwrap();
        CellSpec { model: ModelName::new("tiny").unwrap(), options }
    };
    let trial = |ordinal: u32| PlannedTrial {
        cell: ordinal % 2,
        block: 0,
        slot: None,
        role: TrialRole::Measured,
        seed: Seed(0),
    };
    Plan {
        sweep: SweepId::new("s").unwrap(),
        seed: Seed(1),
        cells: vec![cell(2_048), cell(4_096)],
        slots: Vec::new(),
        trials: (0..trials).map(trial).collect(),
        digest: Digest::of(b""),
    }
}

fn slot(node: &str) -> SlotId {
    SlotId { node: NodeId::new(node).unwrap(), index: 0 }
}

fn counts(counted: u32, failed: u32) -> TrialCounts {
    TrialCounts { admitted: counted + failed, counted, failed, ..TrialCounts::default() }
}

/// The sample generation with N tokens over `eval` ms, `nth` in its attempt.
fn generation(nth: u64, tokens: u64, eval: u64) -> GenerationRecord {
    let mut generation = sample_generation();
    generation.opened.ordinal = u32::try_from(nth).unwrap();
    generation.opened.sent_at = ms(1_000 * (nth + 1));
    let server = generation.closed.as_mut().unwrap().server.as_mut().unwrap();
    (server.tokens, server.eval) = (Some(tokens), Some(ms(eval)));
    generation
}

struct Case {
    sweep: Sweep,
    plan: Plan,
    counts: TrialCounts,
}

impl Case {
    fn new(counts: TrialCounts) -> Self {
        Self { sweep: sweep(), plan: plan(counts.admitted.max(4)), counts }
    }

    fn report(&self, records: &[RecordInput<'_>]) -> Report {
        let context = ReportContext {
            sweep: &self.sweep,
            plan: &self.plan,
            state: SweepState::Done,
            counts: self.counts,
            nodes: &[],
            labels: Labels::default(),
        };
        Report::from_records(context, records.iter().cloned())
    }
}

fn counted<'r>(node: &str, record: &'r AttemptRecord) -> RecordInput<'r> {
    RecordInput::Counted { slot: slot(node), record }
}

fn pooled(tally: &Tally, quantity: Quantity) -> Option<f64> {
    tally.figure(quantity).and_then(|figure| figure.pooled)
}

#[test]
fn pooled_rates_are_sums_over_sums() {
    // Cell 0: attempt 0 with (11 tokens, 100 ms) and (2 tokens, 50 ms), attempt 2 with (21 tokens, 100 ms).
    // Pooled: (10 + 1 + 20) / 0.250 s = 124 tok/s. Per call: 100, 20, 200. Per attempt: 11/0.15 and 20/0.1.
    let first = record(0, [generation(0, 11, 100), generation(1, 2, 50)]);
    let second = record(2, [generation(0, 21, 100)]);
    let other = record(1, [generation(0, 5, 32)]);
    let report =
        Case::new(counts(3, 0)).report(&[counted("a", &first), counted("b", &second), counted("a", &other)]);
    let cell = &report.cells[0].tally;
    let figure = cell.figure(Quantity::DecodeRate).unwrap();
    assert_eq!((figure.pooled, figure.n, cell.rated), (Some(124.0), 3, 3));
    let spread = figure.spread.unwrap();
    assert_eq!((spread.min, spread.p50, spread.max, spread.p90), (20.0, Some(100.0), 200.0, None));
    assert!((spread.mean - 320.0 / 3.0).abs() < 1e-9);
    assert_eq!(figure.interval, None, "two attempts have no interval");
    assert_eq!(pooled(&report.slots[1].tally, Quantity::DecodeRate), Some(200.0), "slot b of cell 0");
    assert_eq!(pooled(&report.cells[1].tally, Quantity::DecodeRate), Some(125.0));
    assert!(report.conservation.holds);
}

#[test]
fn a_lost_final_record_is_counted_and_in_no_figure() {
    let mut generations =
        [generation(0, 11, 100), generation(1, 11, 1), generation(2, 11, 1), generation(3, 11, 1)];
    let close = |found: &mut GenerationRecord, outcome| found.closed.as_mut().unwrap().outcome = outcome;
    close(&mut generations[1], GenerationOutcome::Truncated);
    generations[1].closed.as_mut().unwrap().server = None;
    generations[2].closed.as_mut().unwrap().server = None;
    generations[3].closed = None;
    let lossy = record(0, generations);
    let report = Case::new(counts(1, 0)).report(&[counted("a", &lossy)]);
    let tally = &report.cells[0].tally;
    assert_eq!((tally.generations.sent, tally.generations.ok), (4, 1));
    let expected = [("final_record_lost", 1), ("truncated", 1), ("unfinished", 1)];
    assert!(tally.generations.not_ok.iter().map(|(name, n)| (name.as_str(), *n)).eq(expected));
    assert_eq!(pooled(tally, Quantity::DecodeRate), Some(100.0));
    assert!(report.conservation.holds);
    assert!(
        report
            .warnings
            .iter()
            .any(|told| matches!(told.warning, Warning::GenerationsNotOk { n: 3, of: 4, .. }))
    );
}

#[test]
fn cold_and_warm_never_meet() {
    let mut cold = generation(1, 11, 1_000);
    cold.opened.start = Start::Cold;
    let both = record(0, [generation(0, 11, 100), cold]);
    let report = Case::new(counts(1, 0)).report(&[counted("a", &both)]);
    let rows: Vec<_> = report.cells.iter().filter(|cell| cell.cell == 0).collect();
    assert_eq!(rows.len(), 2);
    let rate = |start: &str| {
        pooled(&rows.iter().find(|row| row.start == start).unwrap().tally, Quantity::DecodeRate)
    };
    assert_eq!((rate("warm"), rate("cold")), (Some(100.0), Some(10.0)));
    let warm = &rows.iter().find(|row| row.start == "warm").unwrap().tally;
    assert!(warm.figure(Quantity::OutputRate).is_none(), "a window over both would mix them");
    let cold = &rows.iter().find(|row| row.start == "cold").unwrap().tally;
    assert!(cold.figure(Quantity::TtftWarm).is_none());
}

#[test]
fn an_untrusted_record_counts_for_its_trial_and_for_no_figure() {
    let good = record(0, [generation(0, 11, 100)]);
    let mut hot = record(2, [generation(0, 11, 1)]);
    hot.notes.push(crate::entry::Note {
        at: ms(1),
        reason: Some(ValidityReason::ThrottledThermal),
        text: "hot".into(),
    });
    let report = Case::new(counts(2, 0)).report(&[counted("a", &good), counted("a", &hot)]);
    assert_eq!(pooled(&report.cells[0].tally, Quantity::DecodeRate), Some(100.0));
    assert_eq!((report.cells[0].tally.attempts, report.cells[0].tally.excluded), (1, 1));
    assert_eq!(report.excluded.listed[0].reasons, ["throttled_thermal"]);
    assert_eq!(report.conservation.counted_but_excluded, 1);
    assert!(
        report.conservation.holds && report.verdict.contains("1 of 2 trials are in the figures"),
        "{}",
        report.verdict
    );
}

#[test]
fn all_failed_says_so() {
    let mut broken = record(0, []);
    let closed = broken.closed.as_mut().unwrap();
    closed.outcome = AttemptOutcome::Failed(FailureClass::Config);
    closed.cause = Some("model 'tiny' not found".into());
    let how = UncountedReason::Failed(FailureClass::Config);
    let inputs = [0, 1].map(|trial| RecordInput::Uncounted {
        slot: slot("a"),
        attempt: attempt(trial),
        record: (trial == 0).then_some(&broken),
        how: how.clone(),
    });
    let report = Case::new(counts(0, 2)).report(&inputs);
    assert_eq!(
        report.verdict,
        "Ended with failures: 0 of 2 trials are in the figures; no decode rate could be measured."
    );
    assert_eq!(report.failed.listed[0].cause.as_deref(), Some("model 'tiny' not found"));
    assert_eq!(report.failed.listed[1].cause, None);
    assert_eq!(report.missing[0].text, "no figure at all: no valid generation (2 of 2 rows)");
    assert!(report.conservation.holds && report.formulas.is_empty());
    assert!(report.cells.iter().all(|cell| cell.tally.figures.is_empty()), "absent, not zero");
}

#[test]
fn an_empty_sweep_is_a_report() {
    let report = Case::new(counts(0, 0)).report(&[]);
    assert!(report.verdict.starts_with("Nothing was planned"));
    assert_eq!(report.cells.len(), 2, "each planned cell has its row");
    assert!(report.conservation.holds && report.slots.is_empty());
}

#[test]
fn books_that_do_not_add_up_are_said_first() {
    let report = Case::new(counts(1, 0)).report(&[]);
    assert!(!report.conservation.holds && report.verdict.starts_with("The books do not add up"));
    assert!(report.conservation.line.contains("DOES NOT ADD UP"));
    assert!(matches!(report.warnings[0].warning, Warning::BooksDoNotAddUp));
}

#[test]
fn an_allowed_cache_hides_the_prompt_rate() {
    let mut case = Case::new(counts(1, 0));
    let one = record(0, [generation(0, 11, 100)]);
    let rate = |report: &Report| pooled(&report.cells[0].tally, Quantity::PrefillRate);
    assert_eq!(rate(&case.report(&[counted("a", &one)])), Some(500.0));
    case.sweep.workload.cache = PromptCache::Allow;
    let report = case.report(&[counted("a", &one)]);
    assert_eq!(rate(&report), None);
    assert!(report.missing.iter().any(|missing| missing.why == WhyAbsent::PromptCacheAllowed));
}

#[test]
fn energy_per_token_by_hand() {
    // One generation of 11 tokens from 1.000 to 1.165 s at 200 W: 33 J, 3 J/tok.
    let mut one = record(0, [generation(0, 11, 100)]);
    one.gpu_samples = (0..30).map(|tick| gpu_sample(0, 100 * tick, 200, 20 * tick)).collect();
    let report = Case::new(counts(1, 0)).report(&[counted("a", &one)]);
    let tally = &report.cells[0].tally;
    assert!((pooled(tally, Quantity::EnergyPerToken).unwrap() - 3.0).abs() < 1e-9);
    assert!((pooled(tally, Quantity::TokensPerJoule).unwrap() - 1.0 / 3.0).abs() < 1e-9);
    assert!((tally.figure(Quantity::Energy).unwrap().spread.unwrap().mean - 33.0).abs() < 1e-9);
    assert!(tally.energy_disagreement.unwrap() < 1e-9 && tally.energy_from_power == 0);
    assert!((report.gpus[0].energy_j.unwrap() - 33.0).abs() < 1e-9);
    one.gpu_samples.iter_mut().for_each(|sample| sample.energy = None);
    let estimated = Case::new(counts(1, 0)).report(&[counted("a", &one)]);
    assert!((pooled(&estimated.cells[0].tally, Quantity::EnergyPerToken).unwrap() - 3.0).abs() < 1e-9);
    assert!(estimated.warnings.iter().any(|told| told.warning == Warning::EnergyFromPower { n: 1 }));
    assert_eq!((report.gpus[0].uuid.as_str(), report.gpus[0].slot.as_deref()), ("GPU-0", None));
}

#[test]
fn goodput_exists_only_with_declared_limits() {
    let one = record(0, [generation(0, 11, 100), generation(1, 11, 100)]);
    let mut case = Case::new(counts(1, 0));
    assert!(pooled(&case.report(&[counted("a", &one)]).cells[0].tally, Quantity::Goodput).is_none());
    case.sweep.design.goodput = Some(GoodputLimits { ttft: Some(ms(120)), ..GoodputLimits::default() });
    let report = case.report(&[counted("a", &one)]);
    // Two good ones in a window from 1.000 to 2.165 s.
    assert!((pooled(&report.cells[0].tally, Quantity::Goodput).unwrap() - 2.0 / 1.165).abs() < 1e-9);
    assert_eq!(pooled(&report.cells[0].tally, Quantity::GoodputShare), Some(1.0));
}

#[test]
fn rates_that_disagree_are_marked() {
    // Server: 4 / 0.032 = 125; wall: 4 / 0.040 = 100: a fifth below.
    let one = record(0, [sample_generation()]);
    let report = Case::new(counts(1, 0)).report(&[counted("a", &one)]);
    let told =
        report.warnings.iter().find(|told| matches!(told.warning, Warning::RatesDisagree { .. })).unwrap();
    assert_eq!(told.message, "num_ctx=2048 on a/0: the wall rate lies 20.0 % below the server's decode rate");
}

#[test]
fn labels_say_only_what_differs() {
    let report = Case::new(counts(0, 0)).report(&[]);
    assert_eq!(report.header.common, ["model=tiny"]);
    assert_eq!(report.cells[1].label, "num_ctx=4096");
    assert_eq!(report.cells[1].options, ["num_ctx=4096"]);
}

#[test]
fn an_attempt_of_no_trial_is_in_no_figure() {
    let stray = record(99, [generation(0, 11, 100)]);
    let report = Case::new(counts(1, 0)).report(&[counted("a", &stray)]);
    assert!(report.slots.is_empty() && !report.conservation.holds);
    assert!(report.warnings.iter().any(|told| told.warning == Warning::UnknownTrials { n: 1 }));
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let attempts: Vec<_> = (0..150).rev().map(attempt).collect();
    let inputs = attempts.into_iter().map(|attempt| RecordInput::Uncounted {
        slot: slot("a"),
        attempt,
        record: None,
        how: UncountedReason::Abandoned,
    });
    let report = Case::new(counts(0, 150)).report(&inputs.collect::<Vec<_>>());
    assert_eq!((report.failed.listed.len(), report.failed.left_out), (listing::LISTED_MAX, 50));
    assert_eq!(report.failed.listed[0].attempt, "s#0.1");
}

#[test]
fn a_report_survives_json() {
    let one = record(0, [generation(0, 11, 100)]);
    let report = Case::new(counts(1, 0)).report(&[counted("a", &one)]);
    let text = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
}

fn arbitrary_record(trial: u32, tokens: &[(u64, u64)], watts: u32) -> AttemptRecord {
    let generations = tokens.iter().enumerate().map(|(nth, (n, eval))| generation(nth as u64, *n, *eval));
    let mut made = record(trial, generations);
    let sample =
        |tick: u64| -> GpuSample { gpu_sample(trial % 3, 100 * tick, watts, u64::from(watts) * tick / 10) };
    made.gpu_samples = (0..100).map(sample).collect();
    made.opened.attempt = attempt(trial);
    made
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_order_of_records_changes_nothing(
        shapes in prop::collection::vec((prop::collection::vec((0_u64..40, 1_u64..500), 1..6), 1_u32..400), 1..12),
        seed in any::<u64>(),
    ) {
        let records: Vec<AttemptRecord> = shapes
            .iter()
            .zip(0..)
            .map(|((tokens, watts), trial)| arbitrary_record(trial, tokens, *watts))
            .collect();
        let mut inputs: Vec<RecordInput<'_>> = records
            .iter()
            .zip(["a", "b", "c"].into_iter().cycle())
            .map(|(record, node)| counted(node, record))
            .collect();
        let case = Case::new(counts(u32::try_from(records.len()).unwrap(), 0));
        let before = serde_json::to_string(&case.report(&inputs)).unwrap();
        Seed(seed).stream().shuffle(&mut inputs);
        prop_assert_eq!(before, serde_json::to_string(&case.report(&inputs)).unwrap());
    }

    /// Every node's records at once are the union of their raw rows: merging nodes is pooling.
    #[test]
    fn merging_nodes_is_pooling_their_rows(
        shapes in prop::collection::vec(prop::collection::vec((2_u64..40, 1_u64..500), 1..6), 1..12),
    ) {
        let trials = (0..).step_by(2);
        let records: Vec<AttemptRecord> =
            shapes.iter().zip(trials).map(|(tokens, trial)| arbitrary_record(trial, tokens, 100)).collect();
        let inputs: Vec<RecordInput<'_>> = records
            .iter()
            .zip(["a", "b", "c"].into_iter().cycle())
            .map(|(record, node)| counted(node, record))
            .collect();
        let report = Case { plan: plan(24), ..Case::new(counts(u32::try_from(records.len()).unwrap(), 0)) }.report(&inputs);
        let rows: Vec<GenerationQuantities> =
            records.iter().flat_map(|record| &record.generations).filter_map(GenerationQuantities::of).collect();
        let tally = &report.cells[0].tally;
        let spread = |of: fn(&GenerationQuantities) -> Option<f64>| Spread::of(&Sample::new(rows.iter().filter_map(of).collect()));
        let found = |quantity| tally.figure(quantity).and_then(|figure| figure.spread);
        prop_assert_eq!(found(Quantity::DecodeRate), spread(GenerationQuantities::decode_rate));
        prop_assert_eq!(found(Quantity::Ttft), spread(|row| row.ttft.map(Nanos::as_secs_f64)));
        prop_assert_eq!(found(Quantity::E2e), spread(|row| Some(row.e2e.as_secs_f64())));
        let steps: u64 = rows.iter().filter_map(GenerationQuantities::steps).sum();
        let decode = Nanos(rows.iter().filter_map(|row| row.decode).map(|span| span.0).sum());
        prop_assert_eq!(pooled(tally, Quantity::DecodeRate), Some(steps as f64 / decode.as_secs_f64()));
        let of_slots: u64 = report.slots.iter().filter(|row| row.cell == 0).map(|row| row.tally.generations.ok).sum();
        prop_assert_eq!((tally.generations.ok, rows.len() as u64), (of_slots, of_slots));
    }

    #[test]
    fn pooled_rates_lie_between_their_rows_and_no_figure_is_odd(
        tokens in prop::collection::vec((2_u64..40, 1_u64..500), 1..20),
    ) {
        let one = arbitrary_record(0, &tokens, 100);
        let report = Case::new(counts(1, 0)).report(&[counted("a", &one)]);
        let figure = report.cells[0].tally.figure(Quantity::DecodeRate).unwrap();
        let (pooled, spread) = (figure.pooled.unwrap(), figure.spread.unwrap());
        prop_assert!(spread.min <= pooled * (1.0 + 1e-12) && pooled <= spread.max * (1.0 + 1e-12));
        let steps: u64 = tokens.iter().map(|(n, _)| n - 1).sum();
        let decode: Nanos = Nanos(tokens.iter().map(|(_, eval)| ms(*eval).0).sum());
        prop_assert!((pooled - steps as f64 / decode.as_secs_f64()).abs() < 1e-9);
        // NaN and infinities become null in JSON and would not be read back.
        let text = serde_json::to_string(&report).unwrap();
        prop_assert!(serde_json::from_str::<Report>(&text).is_ok());
    }
}
