//! Every rule with constructed evidence: found, not found, not checked. And what the rules must never see.

use proptest::prelude::*;

use super::*;
use crate::entry::{ClockSource, LoadCause, LoadObserved, Note};
use crate::gpu::{GpuProcess, GpuSample, ThrottleReasons};
use crate::outcome::ValidityReason as Reason;
use crate::quantity::scene::{gpu_sample, ms, record, sample_generation};
use crate::record::AttemptRecord;
use crate::unit::{Bytes, Milliwatts, Nanos, UnixNanos};
use crate::workload::Start;

/// One warm generation from 1 to 3 s, sampled ten times a second by a device that tells everything and a server that
/// stamps its lines: nothing is wrong.
fn healthy() -> AttemptRecord {
    let mut record = record(0, [sample_generation()]);
    let generation = &mut record.generations[0];
    generation.closed.as_mut().unwrap().ended_at = ms(2_000);
    for line in &mut generation.arrivals {
        // The server's clock is 7 s ahead.
        line.created_at = Some(UnixNanos(i64::try_from(ms(1_000).0 + line.at.0 + ms(7_000).0).unwrap()));
    }
    record.loads.push(load());
    record.gpu_samples = (0..40).map(|tenth| sample(100 * tenth)).collect();
    record
}

fn load() -> LoadObserved {
    LoadObserved {
        at: Nanos(0),
        cause: LoadCause::NotLoaded,
        elapsed: Some(ms(500)),
        context_length: Some(2_048),
        size: Some(Bytes(1_000)),
        size_vram: Some(Bytes(1_000)),
        digest: Some("ab".into()),
        process_memory: None,
    }
}

fn sample(at: u64) -> GpuSample {
    let own = GpuProcess { pid: 7, memory: Some(Bytes(1 << 30)), own: Some(true) };
    GpuSample {
        sm_clock_mhz: Some(1_980),
        utilisation_percent: Some(95),
        power_limit: Some(Milliwatts(700_000)),
        throttle: Some(ThrottleReasons(0)),
        ecc_uncorrected: Some(3),
        xid_events: Some(0),
        mig: Some(false),
        processes: Some(vec![own]),
        ..gpu_sample(0, at, 300, 0)
    }
}

const ALL_LAYERS: Asked = Asked { num_gpu: Some(99), layers: Some(33) };

/// Limits at which records of a few seconds can be judged.
fn tight() -> Rules {
    Rules { sample_gap_max: ms(1_000), client_lag_max: ms(500), ..Rules::default() }
}

fn judged_as(record: &AttemptRecord, asked: Asked) -> Verdict {
    judge(&Evidence::of(record, asked), &tight())
}

fn judged(record: &AttemptRecord) -> Verdict {
    judged_as(record, ALL_LAYERS)
}

/// The verdict on the healthy record after a change.
fn changed(change: impl FnOnce(&mut AttemptRecord)) -> Verdict {
    let mut record = healthy();
    change(&mut record);
    judged(&record)
}

/// The same after a change of every sample from a moment on.
fn from(at: u64, change: impl Fn(&mut GpuSample)) -> Verdict {
    changed(|record| record.gpu_samples.iter_mut().filter(|sample| sample.at >= ms(at)).for_each(change))
}

fn why(verdict: &Verdict, reason: Reason) -> Option<WhyNotChecked> {
    verdict.not_checked.iter().find(|one| one.reason == reason).map(|one| one.why)
}

/// The one reason, and words that its detail must hold.
#[track_caller]
fn assert_invalid(verdict: &Verdict, reason: Reason, words: &str) {
    assert_eq!(verdict.reasons(), [reason], "{verdict:?}");
    assert!(verdict.invalid[0].detail.contains(words), "{:?} lacks '{words}'", verdict.invalid[0]);
    assert_eq!(why(verdict, reason), None);
}

#[track_caller]
fn assert_not_checked(verdict: &Verdict, reason: Reason, expected: WhyNotChecked) {
    assert_eq!((verdict.reasons(), why(verdict, reason)), (vec![], Some(expected)), "{verdict:?}");
}

#[test]
fn a_healthy_record_has_no_finding_and_every_rule_is_checked() {
    let verdict = judged(&healthy());
    assert_eq!((verdict.reasons(), verdict.marks.len()), (vec![], 0), "{verdict:?}");
    assert_eq!(verdict.not_checked, []);
}

#[test]
fn an_xid_event_is_found_with_its_number_where_the_node_noted_it() {
    assert_invalid(
        &from(2_000, |sample| sample.xid_events = Some(1)),
        Reason::Xid,
        "1 critical Xid event during",
    );
    let noted = changed(|record| {
        record.gpu_samples.iter_mut().for_each(|sample| sample.xid_events = Some(2));
        let (at, reason, text) = (ms(1), Some(Reason::Xid), "GPU GPU-0 reported Xid 79".to_owned());
        record.notes.push(Note { at, reason, text });
    });
    assert_invalid(&noted, Reason::Xid, "reported Xid 79");
    assert_eq!(noted.invalid.len(), 1);
    let silent = from(0, |sample| sample.xid_events = None);
    assert_not_checked(&silent, Reason::Xid, WhyNotChecked::Unsupported);
}

#[test]
fn foreign_processes_count_by_memory_and_owner() {
    let process = |memory: Option<u64>, own| GpuProcess { pid: 9, memory: memory.map(Bytes), own };
    let with = |at, process: GpuProcess| {
        from(at, move |sample| sample.processes.as_mut().unwrap().push(process.clone()))
    };
    assert_invalid(
        &with(2_000, process(Some(1 << 30), Some(false))),
        Reason::ForeignProcess,
        "process 9 (memory: 1024 MiB)",
    );
    assert_invalid(&with(2_000, process(None, Some(false))), Reason::ForeignProcess, "unknown");
    assert_eq!(with(2_000, process(Some(1 << 20), Some(false))).reasons(), [], "too small to matter");
    assert_eq!(
        with(3_500, process(Some(1 << 30), Some(false))).reasons(),
        [],
        "it came after the measurement"
    );
    assert_not_checked(
        &with(0, process(Some(1 << 30), None)),
        Reason::ForeignProcess,
        WhyNotChecked::OwnersUnknown,
    );
    assert_not_checked(
        &from(0, |one| one.processes = None),
        Reason::ForeignProcess,
        WhyNotChecked::Unsupported,
    );
}

#[test]
fn heat_counts_by_its_share_of_the_measured_windows() {
    let hot = |at| from(at, |sample| sample.throttle = Some(ThrottleReasons(ThrottleReasons::SW_THERMAL)));
    assert_invalid(&hot(2_000), Reason::ThrottledThermal, "heat in 11 of 21 samples");
    assert_eq!(hot(2_900).reasons(), [], "2 of 21 samples are accepted");
    assert_eq!(hot(3_100).reasons(), [], "after the measurement");
    assert_not_checked(
        &from(0, |one| one.throttle = None),
        Reason::ThrottledThermal,
        WhyNotChecked::Unsupported,
    );
    let short = changed(|record| {
        record.generations[0].opened.sent_at = ms(1_010);
        record.generations[0].closed.as_mut().unwrap().ended_at = ms(50);
    });
    assert_not_checked(&short, Reason::ThrottledThermal, WhyNotChecked::NoSampleInWindow);
}

#[test]
fn a_power_limit_marks_and_a_power_brake_invalidates() {
    let with = |reasons| from(0, move |sample| sample.throttle = Some(ThrottleReasons(reasons)));
    let capped = with(ThrottleReasons::SW_POWER_CAP);
    assert_eq!((capped.reasons(), capped.marks.len()), (vec![], 1));
    assert!(
        capped.marks[0].to_string().starts_with("throttled_power: GPU GPU-0 had clocks lowered by its power")
    );
    assert_invalid(&with(ThrottleReasons::HW_POWER_BRAKE), Reason::ThrottledPower, "slowdown in 21 of 21");
    assert_invalid(&with(ThrottleReasons::HW_SLOWDOWN), Reason::ThrottledPower, "other hardware slowdown");
    let heat = with(ThrottleReasons::HW_SLOWDOWN | ThrottleReasons::HW_THERMAL);
    assert_invalid(&heat, Reason::ThrottledThermal, "heat");
    let strict = Rules { power_cap: Effect::Invalidate, ..Rules::default() };
    let mut record = healthy();
    record
        .gpu_samples
        .iter_mut()
        .for_each(|one| one.throttle = Some(ThrottleReasons(ThrottleReasons::SW_POWER_CAP)));
    assert_eq!(judge(&Evidence::of(&record, ALL_LAYERS), &strict).reasons(), [Reason::ThrottledPower]);
}

#[test]
fn rising_clocks_are_unsettled_and_falling_ones_are_not() {
    let early = |clock| {
        changed(move |record| {
            let early = record.gpu_samples.iter_mut().filter(|sample| sample.at < ms(2_000));
            early.for_each(|sample| sample.sm_clock_mhz = Some(clock));
        })
    };
    assert_invalid(&early(1_200), Reason::ClocksUnsettled, "1200 MHz and went on at 1980 MHz");
    assert_eq!((early(1_900).reasons(), early(2_400).reasons()), (vec![], vec![]));
    let idle = from(0, |sample| sample.utilisation_percent = Some(3));
    assert_not_checked(&idle, Reason::ClocksUnsettled, WhyNotChecked::TooFewSamples);
    let cold = changed(|record| record.generations[0].opened.start = Start::Cold);
    assert_not_checked(&cold, Reason::ClocksUnsettled, WhyNotChecked::ColdStart);
    assert_not_checked(
        &from(0, |one| one.sm_clock_mhz = None),
        Reason::ClocksUnsettled,
        WhyNotChecked::Unsupported,
    );
}

#[test]
fn a_changed_power_limit_counts() {
    let limit = |milliwatts| from(2_000, move |sample| sample.power_limit = Some(Milliwatts(milliwatts)));
    assert_invalid(&limit(500_000), Reason::PowerLimitChanged, "from 500 W to 700 W");
    assert_eq!(limit(699_500).reasons(), [], "half a watt is a reading, not a change");
    assert_not_checked(
        &from(0, |one| one.power_limit = None),
        Reason::PowerLimitChanged,
        WhyNotChecked::Unsupported,
    );
}

#[test]
fn memory_errors_count_as_a_rise() {
    assert_invalid(&from(2_000, |one| one.ecc_uncorrected = Some(5)), Reason::Ecc, "counted 2 uncorrected");
    assert_eq!(judged(&healthy()).reasons(), [], "three errors of last week are no errors of now");
    assert_not_checked(&from(0, |one| one.ecc_uncorrected = None), Reason::Ecc, WhyNotChecked::Unsupported);
}

#[test]
fn a_lost_gpu_and_a_missing_trace_are_told_apart() {
    assert_invalid(&from(2_500, |one| one.lost = true), Reason::GpuLost, "fell off the bus, seen at 2.5 s");
    let unseen = changed(|record| record.gpu_samples.clear());
    assert_eq!(unseen.reasons(), []);
    for rule in [
        Reason::ForeignProcess,
        Reason::ThrottledThermal,
        Reason::ThrottledPower,
        Reason::ClocksUnsettled,
        Reason::PowerLimitChanged,
        Reason::Ecc,
        Reason::GpuLost,
        Reason::SampleGap,
    ] {
        assert_eq!(why(&unseen, rule), Some(WhyNotChecked::NoSample), "{rule}");
    }
}

#[test]
fn a_gap_counts_inside_measured_windows_only() {
    let without = |from: u64, to: u64| {
        changed(move |record| {
            record.gpu_samples.retain(|sample| !(ms(from)..ms(to)).contains(&sample.at));
        })
    };
    assert_invalid(&without(1_500, 2_700), Reason::SampleGap, "1.3 s of a measured window");
    assert_eq!(without(1_500, 2_400).reasons(), [], "1 s is accepted");
    assert_eq!(without(0, 900).reasons(), [], "before the measurement");
    let open = changed(|record| record.generations[0].closed = None);
    assert_eq!(why(&open, Reason::SampleGap), Some(WhyNotChecked::NoWindow));
}

#[test]
fn placement_is_checked_for_all_layers_and_for_none() {
    let mut record = healthy();
    let asked = |num_gpu, layers| Asked { num_gpu, layers };
    let none = judged_as(&record, asked(Some(0), None));
    assert_invalid(&none, Reason::PlacementMismatch, "num_gpu 0 was asked for");
    record.loads[0].size_vram = Some(Bytes(400));
    assert_invalid(&judged(&record), Reason::PlacementMismatch, "num_gpu 99 was asked for");
    let decides = [asked(None, None), asked(Some(-1), Some(33))];
    assert!(decides.iter().all(|asked| judged_as(&record, *asked).reasons().is_empty()));
    assert_not_checked(
        &judged_as(&record, asked(Some(4), Some(33))),
        Reason::PlacementMismatch,
        WhyNotChecked::PartOfLayers,
    );
    assert_not_checked(
        &judged_as(&record, asked(Some(4), None)),
        Reason::PlacementMismatch,
        WhyNotChecked::LayersUnknown,
    );
    record.loads[0].size = None;
    assert_not_checked(&judged(&record), Reason::PlacementMismatch, WhyNotChecked::ServerSilent);
}

#[test]
fn a_warm_generation_that_loads_was_reloaded() {
    let load = |load: Option<u64>, start| {
        changed(move |record| {
            let generation = &mut record.generations[0];
            generation.opened.start = start;
            generation.closed.as_mut().unwrap().server.as_mut().unwrap().load = load.map(ms);
        })
    };
    assert_invalid(
        &load(Some(2_000), Start::Warm),
        Reason::ReloadInWindow,
        "loaded for 2.0 s before generation 0",
    );
    assert_eq!(load(Some(60), Start::Warm).reasons(), []);
    assert_eq!(load(Some(2_000), Start::Cold).reasons(), [], "a cold start is there to load");
    assert_not_checked(&load(None, Start::Warm), Reason::ReloadInWindow, WhyNotChecked::ServerSilent);
}

#[test]
fn a_prompt_that_fills_the_context_was_cut() {
    let context = |tokens| changed(move |record| record.loads[0].context_length = tokens);
    assert_invalid(&context(Some(50)), Reason::PromptTruncated, "50 of 50 tokens");
    assert_eq!(context(Some(51)).reasons(), []);
    assert_not_checked(&context(None), Reason::PromptTruncated, WhyNotChecked::ServerSilent);
}

#[test]
fn a_line_that_was_read_late_stalls_the_client() {
    let later = |by: u64| {
        changed(move |record| {
            record.generations[0].arrivals.last_mut().unwrap().at.0 += ms(by).0;
        })
    };
    assert_invalid(&later(800), Reason::ClientStalled, "read 800.0 ms after");
    assert_eq!(later(400).reasons(), []);
    let unstamped = changed(|record| {
        record.generations[0].arrivals.iter_mut().for_each(|line| line.created_at = None);
    });
    assert_not_checked(&unstamped, Reason::ClientStalled, WhyNotChecked::NoServerStamps);
}

#[test]
fn what_the_node_noted_counts_and_is_told_once() {
    let note = |reason, text: &str| Note { at: ms(1), reason: Some(reason), text: text.to_owned() };
    for reason in [Reason::ClockStepped, Reason::ServerRestarted, Reason::ModelChanged, Reason::Xid] {
        let verdict = changed(|record| record.notes.push(note(reason, "as noted")));
        assert_invalid(&verdict, reason, "as noted");
    }
    let both = changed(|record| {
        record.gpu_samples[20].lost = true;
        record.notes.push(note(Reason::GpuLost, "as noted"));
    });
    assert_invalid(&both, Reason::GpuLost, "fell off the bus");
    assert_eq!(both.invalid.len(), 1);
    let marking = Rules { marked: vec![Reason::ClockStepped], ..Rules::default() };
    let mut record = healthy();
    record.notes.push(note(Reason::ClockStepped, "as noted"));
    let verdict = judge(&Evidence::of(&record, ALL_LAYERS), &marking);
    assert_eq!((verdict.reasons(), verdict.marks.len()), (vec![], 1));
}

#[test]
fn a_model_of_another_digest_is_another_model() {
    let verdict = changed(|record| record.loads[0].digest = Some("cd".into()));
    assert_invalid(&verdict, Reason::ModelChanged, "from ab to cd");
    let silent = changed(|record| record.opened.model_digest = None);
    assert_not_checked(&silent, Reason::ModelChanged, WhyNotChecked::ServerSilent);
}

#[test]
fn a_server_whose_process_is_not_seen_may_have_restarted() {
    let unseen = from(0, |sample| sample.processes = None);
    assert_not_checked(&unseen, Reason::ServerRestarted, WhyNotChecked::ServerProcessUnseen);
}

#[test]
fn an_imported_record_is_not_judged_by_rules_that_it_never_knew() {
    let verdict = changed(|record| {
        record.opened.clock = ClockSource::Imported;
        record.gpu_samples[20].lost = true;
    });
    assert_eq!(verdict.reasons(), []);
    assert_eq!(verdict.not_checked.len(), Reason::ALL.len());
}

/// A record with a finding of most rules, so that a verdict has something to lose.
fn sick() -> AttemptRecord {
    let mut record = healthy();
    for sample in record.gpu_samples.iter_mut().filter(|sample| sample.at > ms(1_400)) {
        sample.throttle = Some(ThrottleReasons(ThrottleReasons::SW_THERMAL | ThrottleReasons::SW_POWER_CAP));
        sample.ecc_uncorrected = Some(4);
    }
    record.generations[0].arrivals[4].at.0 += ms(600).0;
    record
}

proptest! {
    /// Arrival times move with the server's stamps of the lines, so that no line is read later than it was; every duration and count
    /// of the answer changes; what rules may see stays: the verdict stays.
    #[test]
    fn measured_values_never_change_a_verdict(
        shifts in prop::collection::vec(0_u64..10_000_000_000, 5),
        counters in prop::collection::vec(prop::option::of(0_u64..1 << 40), 4),
        bytes in any::<u32>(),
        ill in any::<bool>(),
    ) {
        let before = if ill { sick() } else { healthy() };
        let mut after = before.clone();
        let generation = &mut after.generations[0];
        for (line, shift) in generation.arrivals.iter_mut().zip(&shifts) {
            line.at.0 += shift;
            line.created_at = line.created_at.map(|stamp| UnixNanos(stamp.0 + i64::try_from(*shift).unwrap()));
            line.text_bytes = bytes;
        }
        let closed = generation.closed.as_mut().unwrap();
        closed.answer_bytes = bytes.into();
        let server = closed.server.as_mut().unwrap();
        (server.total, server.prompt) = (counters[0].map(Nanos), counters[1].map(Nanos));
        (server.eval, server.tokens) = (counters[2].map(Nanos), counters[3]);
        prop_assert_eq!(judged(&before), judged(&after));
    }

    /// The order in which samples were stored is not evidence.
    #[test]
    fn the_order_of_samples_changes_nothing(shuffled in Just(sick().gpu_samples).prop_shuffle()) {
        let mut record = sick();
        record.gpu_samples = shuffled;
        prop_assert_eq!(judged(&record), judged(&sick()));
    }
}
