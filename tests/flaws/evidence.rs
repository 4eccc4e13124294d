//! Is it an effect, and who saw to it?

use chimera_core::compare::{Better, CompareRules, Family, Figure, Pairing, compare, ranking};
use chimera_core::quantity::Quantity;
use chimera_core::record::AttemptRecord;
use chimera_core::seed::Seed;
use chimera_core::stats::{
    Sample, SampleSize, Scale, geometric_mean_interval, standard_normal, student_quantile,
};
use chimera_core::validity::{Asked, Evidence, Finding as Found, Rules, judge};

use crate::proof::{Finding, expect, prove, same};
use crate::scene::{counted, generation, pooled, record, sample};

#[test]
fn f12_no_interval_is_printed_below_the_rows_that_it_needs() {
    /// A 95 % interval, if one is printed.
    type Interval = dyn Fn(&[f64]) -> Option<(f64, f64)>;
    fn check(interval: &Interval) -> Finding {
        let rows = |n: u32| -> Vec<f64> { (0..n).map(|n| 99.0 + f64::from(n % 3) / 4.0).collect() };
        for n in [1, 2, 3, 5] {
            let found = interval(&rows(n));
            expect(found.is_none(), format!("{n} rows, and the interval is {found:?}"))?;
        }
        let found = interval(&rows(10));
        expect(found.is_some_and(|(low, high)| low < 99.25 && high > 99.25), format!("10 rows: {found:?}"))
    }
    let product = |rows: &[f64]| {
        let found = geometric_mean_interval(rows, SampleSize::Planned).ok()?;
        Some((found.interval.low, found.interval.high))
    };
    let from_two_on = |rows: &[f64]| {
        let rows = Sample::new(rows.to_vec());
        let half =
            student_quantile(rows.len().checked_sub(1)?, 0.975)? * rows.sd()? / (rows.len() as f64).sqrt();
        Some((rows.mean()? - half, rows.mean()? + half))
    };
    prove::<Interval>(check, &product, &[("any two rows have an interval", &from_two_on)]);
}

#[test]
fn f12_the_best_of_27_equal_cells_is_not_a_winner() {
    type Winner = dyn Fn(&[Figure]) -> Option<u32>;
    fn check(winner: &Winner) -> Finding {
        let found = winner(&figures(1.0));
        expect(found.is_none(), format!("27 equal cells, and cell {found:?} wins"))?;
        let found = winner(&figures(1.05));
        expect(found == Some(13), format!("cell 13 is 5 % faster, and the winner is {found:?}"))
    }
    /// Twenty-seven cells in twelve blocks; cell 13 has a speed of its own.
    fn figures(own: f64) -> Vec<Figure> {
        let mut stream = Seed(27).stream();
        let places = (0..12).flat_map(|block| (0..27).map(move |cell| (block, cell)));
        places
            .map(|(block, cell)| {
                let speed = if cell == 13 { own } else { 1.0 };
                let value = 98.0 * speed * (0.01 * standard_normal(&mut stream)).exp();
                Figure { cell, slot: 0, block, value }
            })
            .collect()
    }
    let product = |figures: &[Figure]| {
        let (scale, pairing) = (Scale::Ratio, Pairing::SlotAndBlock);
        let rules = CompareRules { scale, pairing, size: SampleSize::Planned, family: Family::AllPairs };
        let found = compare(figures, &rules).expect("351 pairs");
        let ranked = ranking(figures, &found, scale, Better::Higher).cells;
        let first: Vec<u32> = ranked.iter().filter(|cell| cell.group == 1).map(|cell| cell.cell).collect();
        if let [alone] = first.as_slice() { Some(*alone) } else { None }
    };
    let largest_mean = |figures: &[Figure]| {
        let mean =
            |cell: &u32| figures.iter().filter(|one| one.cell == *cell).map(|one| one.value).sum::<f64>();
        (0..27).max_by(|a, b| mean(a).total_cmp(&mean(b)))
    };
    prove::<Winner>(check, &product, &[("the largest mean wins", &largest_mean)]);
}

#[test]
fn f12_a_percentile_needs_the_rows_that_it_speaks_of() {
    type Percentile = dyn Fn(&[f64], f64) -> Option<f64>;
    fn check(percentile: &Percentile) -> Finding {
        let three = [14.2, 14.9, 15.58];
        for p in [0.95, 0.99] {
            let found = percentile(&three, p);
            expect(found.is_none(), format!("p{} of three rows is {found:?}", p * 100.0))?;
        }
        let hundred: Vec<f64> = (0..100).map(f64::from).collect();
        same("p99 of a hundred rows", percentile(&hundred, 0.99), Some(98.01))
    }
    let product = |rows: &[f64], p: f64| Sample::new(rows.to_vec()).printed_quantile(p);
    let at_any_n = |rows: &[f64], p: f64| Sample::new(rows.to_vec()).quantile(p);
    let largest = |rows: &[f64], _: f64| Sample::new(rows.to_vec()).max();
    prove::<Percentile>(check, &product, &[("at any n", &at_any_n), ("the largest row", &largest)]);
}

/// A record of 1,101 tokens at a rate, with a look at the GPU every second.
fn watched(trial: u32, rate: u64, foreign: bool) -> AttemptRecord {
    let mut watched = record(trial, [generation(0, 1_101, 1_100_000 / rate)]);
    watched.gpu_samples = (0..=30).map(|second| sample(1_000 * second, foreign)).collect();
    watched
}

#[test]
fn f14_a_gpu_that_somebody_else_used_is_in_no_figure_and_a_slow_one_is() {
    type Rate = dyn Fn(&[AttemptRecord]) -> Option<f64>;
    fn check(rate: &Rate) -> Finding {
        let shared = [watched(0, 110, false), watched(2, 110, false), watched(4, 44, true)];
        same("the rate without the shared GPU", rate(&shared), Some(110.0))?;
        // Slow and alone: that is a result. A record is never left out for what it measured.
        let slow = [watched(0, 110, false), watched(2, 110, false), watched(4, 44, false)];
        same("the rate with the slow record", rate(&slow), Some(3.0 * 1_100.0 / 45.0))
    }
    let product = |records: &[AttemptRecord]| pooled(&counted(records).cells[0].tally, Quantity::DecodeRate);
    let nobody_looked = move |records: &[AttemptRecord]| {
        let mut records = records.to_vec();
        records.iter_mut().for_each(|record| record.gpu_samples.clear());
        product(&records)
    };
    let by_value = move |records: &[AttemptRecord]| {
        let rate = |record: &&AttemptRecord| product(&[(*record).clone()]).is_none_or(|rate| rate > 100.0);
        let kept: Vec<AttemptRecord> = records.iter().filter(rate).cloned().collect();
        product(&kept)
    };
    prove::<Rate>(
        check,
        &product,
        &[("nobody looked at the GPU", &nobody_looked), ("what is slow must be disturbed", &by_value)],
    );
}

#[test]
fn f21_a_cause_is_told_only_with_what_was_measured_of_it() {
    /// Causes that are told, and rules that are said not to have been checked.
    type Causes = dyn Fn(&AttemptRecord) -> (Vec<String>, usize);
    fn check(causes: &Causes) -> Finding {
        let (told, _) = causes(&watched(0, 44, true));
        let words = told.join("; ");
        expect(
            words.contains("process 999") && words.contains("1024 MiB"),
            format!("the cause is '{words}'"),
        )?;
        let (told, _) = causes(&watched(0, 44, false));
        expect(told.is_empty(), format!("slow for no measured reason, and the cause is {told:?}"))?;
        let mut unseen = watched(0, 44, false);
        unseen.gpu_samples.clear();
        let (told, not_checked) = causes(&unseen);
        expect(told.is_empty() && not_checked >= 5, format!("{told:?}, {not_checked} rules not checked"))
    }
    let product = |one: &AttemptRecord| {
        let verdict = judge(&Evidence::of(one, Asked::default()), &Rules::default());
        (verdict.invalid.iter().map(Found::told).collect(), verdict.not_checked.len())
    };
    let a_story = |one: &AttemptRecord| {
        let slow = pooled(&counted(std::slice::from_ref(one)).cells[0].tally, Quantity::DecodeRate);
        let slow = slow.is_none_or(|rate| rate < 100.0);
        (slow.then(|| "memory fragmentation by process 999 (1024 MiB)".to_owned()).into_iter().collect(), 0)
    };
    prove::<Causes>(check, &product, &[("every slow run has a story", &a_story)]);
}
