//! Which time is which.

use chimera_core::entry::{Arrival, ArrivalKind, Phase};
use chimera_core::quantity::Quantity;
use chimera_core::quantity::generation::GenerationQuantities;
use chimera_core::record::{AttemptRecord, GenerationRecord};
use chimera_core::report::Report;
use chimera_core::validity::{Asked, Evidence, Rules, judge};
use chimera_core::workload::Start;

use crate::proof::{Finding, expect, prove, same};
use crate::scene::{counted, generation, ms, record, server};

/// A generation whose first text came after so many ms in a queue and in a load, and 100 ms of prompt.
fn waiting(queue: u64, load: u64) -> GenerationRecord {
    let mut waiting = generation(0, 11, 100);
    let first = queue + load + 100;
    let line = |at| Arrival {
        at: ms(at),
        bound: false,
        kind: ArrivalKind::Content,
        text_bytes: 3,
        tokens: None,
        created_at: None,
    };
    waiting.arrivals = (0..11).map(|n| line(first + 10 * n)).collect();
    server(&mut waiting).load = Some(ms(load));
    waiting.closed.as_mut().expect("an end").ended_at = ms(first + 101);
    waiting
}

#[test]
fn f06_queue_load_and_prompt_are_three_times_and_not_one() {
    /// Queue, load, and what a warm idle server needs until the first token, in seconds.
    type Split = dyn Fn(&GenerationRecord) -> [Option<f64>; 3];
    fn check(split: &Split) -> Finding {
        for (queue, load) in [(0, 1), (3_000, 1), (20, 4_800)] {
            let found = split(&waiting(queue, load));
            let expected = [queue, load, 100].map(|millis| Some(ms(millis).as_secs_f64()));
            for (index, what) in ["queue", "load", "warm TTFT"].into_iter().enumerate() {
                let (found, expected) = (found[index], expected[index]);
                // A queue of 0 has no relative error.
                same(what, found.map(|found| 1.0 + found), expected.map(|expected| 1.0 + expected))?;
            }
        }
        Ok(())
    }
    let product = |one: &GenerationRecord| {
        let found = GenerationQuantities::of(one).expect("figures");
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let queue = found.queue.map(|nanos| nanos as f64 / 1e9);
        [queue, found.load.map(|load| seconds(load.0)), found.ttft_warm.map(|ttft| seconds(ttft.0))]
    };
    let all_in_one = |one: &GenerationRecord| {
        let ttft = GenerationQuantities::of(one).and_then(|found| found.ttft).map(|ttft| ttft.as_secs_f64());
        [Some(0.0), Some(0.0), ttft]
    };
    prove::<Split>(check, &product, &[("everything until the first text is one time", &all_in_one)]);
}

fn cold(ordinal: u32) -> GenerationRecord {
    let mut cold = waiting(0, 4_900);
    cold.opened.ordinal = ordinal;
    cold.opened.start = Start::Cold;
    cold
}

#[test]
fn f07_cold_and_warm_are_never_pooled() {
    /// Mean TTFT per row of a report, in seconds.
    type Means = dyn Fn(&AttemptRecord) -> Vec<f64>;
    fn check(means: &Means) -> Finding {
        let mut warm = waiting(0, 1);
        warm.opened.ordinal = 1;
        let mut found = means(&record(0, [cold(0), warm]));
        found.sort_by(f64::total_cmp);
        let near = |expected: f64| found.iter().any(|mean| (mean - expected).abs() < 1e-9);
        expect(found.len() == 2 && near(0.101) && near(5.0), format!("mean TTFTs are {found:?}"))
    }
    let product = |one: &AttemptRecord| ttft_means(&counted(std::slice::from_ref(one)));
    let over_both = |one: &AttemptRecord| {
        let all: Vec<f64> = one
            .generations
            .iter()
            .filter_map(|one| Some(GenerationQuantities::of(one)?.ttft?.as_secs_f64()))
            .collect();
        vec![all.iter().sum::<f64>() / all.len() as f64]
    };
    prove::<Means>(check, &product, &[("one mean over cold and warm", &over_both)]);
}

fn ttft_means(report: &Report) -> Vec<f64> {
    let ttft = |tally: &chimera_core::report::Tally| {
        tally.figure(Quantity::Ttft).and_then(|figure| figure.spread).map(|spread| spread.mean)
    };
    report.cells.iter().filter_map(|row| ttft(&row.tally)).collect()
}

#[test]
fn f07_warm_ups_enter_no_figure() {
    type Tokens = dyn Fn(&AttemptRecord) -> u64;
    fn check(tokens: &Tokens) -> Finding {
        let mut warm_up = generation(0, 500, 9_000);
        warm_up.opened.phase = Phase::Warmup;
        let found = tokens(&record(0, [warm_up, generation(1, 101, 1_000)]));
        expect(found == 101, format!("{found} tokens are in the figures"))
    }
    let product = |one: &AttemptRecord| {
        let tally = &counted(std::slice::from_ref(one)).cells[0].tally;
        let spread = tally.figure(Quantity::OutputTokens).and_then(|figure| figure.spread);
        spread.map_or(0, |spread| (spread.mean * tally.generations.ok as f64).round() as u64)
    };
    let first_call_too = |one: &AttemptRecord| {
        let counters = one.generations.iter().filter_map(|one| one.closed.as_ref()?.server?.tokens);
        counters.sum()
    };
    prove::<Tokens>(check, &product, &[("the first call counts like any other", &first_call_too)]);
}

#[test]
fn f07_a_warm_generation_that_met_a_load_makes_its_record_invalid() {
    type Trusted = dyn Fn(&AttemptRecord) -> bool;
    fn check(trusted: &Trusted) -> Finding {
        expect(trusted(&record(0, [waiting(0, 300)])), "a warm load of 300 ms is refused")?;
        expect(!trusted(&record(0, [waiting(0, 2_900)])), "a reload of 2.9 s passes for warm")
    }
    let product = |one: &AttemptRecord| {
        judge(&Evidence::of(one, Asked::default()), &Rules::default()).invalid.is_empty()
    };
    let by_label = |one: &AttemptRecord| one.generations.iter().all(|one| one.opened.start == Start::Warm);
    prove::<Trusted>(check, &product, &[("warm is what was meant to be warm", &by_label)]);
}
