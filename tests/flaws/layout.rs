//! What runs when, and against what is it held?

use std::collections::BTreeMap;
use std::path::Path;

use chimera_cli::sweep_file;
use chimera_core::compare::{CompareRules, Decision, Family, Figure, Pairing, compare};
use chimera_core::plan::{PlannedTrial, TrialRole};
use chimera_core::record::AttemptRecord;
use chimera_core::report::Warning;
use chimera_core::seed::Seed;
use chimera_core::stats::{DriftVerdict, SampleSize, Scale, drift, standard_normal};
use chimera_core::sweep::Sweep;

use crate::proof::{Finding, expect, prove};
use crate::scene::{counted, generation, plan, record, sweep, sweep_text};

/// Trials in the order in which they run.
type Order = dyn Fn(&Sweep) -> Vec<PlannedTrial>;

/// The measured trials of the product's plan on one slot.
fn planned(sweep: &Sweep) -> Vec<PlannedTrial> {
    plan(sweep, 1).trials.into_iter().filter(|trial| trial.role == TrialRole::Measured).collect()
}

/// The planned trials, sorted as nested loops would run them.
fn sorted<K: Ord>(sweep: &Sweep, key: impl Fn(&PlannedTrial) -> K) -> Vec<PlannedTrial> {
    let mut trials = planned(sweep);
    trials.sort_by_key(key);
    trials
}

fn rules(pairing: Pairing, family: Family) -> CompareRules {
    CompareRules { scale: Scale::Ratio, pairing, size: SampleSize::Planned, family }
}

/// What is claimed of cells that are equal, when every trial runs at `speed(place in the run)` and scatters by 1 %.
fn claims(trials: &[PlannedTrial], speed: impl Fn(usize, bool) -> f64) -> usize {
    let mut stream = Seed(5).stream();
    let mut last = None;
    let mut figures = Vec::new();
    for (place, trial) in trials.iter().enumerate() {
        let opens_a_block = last.replace(trial.block) != Some(trial.block);
        let value = 100.0 * speed(place, opens_a_block) * (0.01 * standard_normal(&mut stream)).exp();
        figures.push(Figure { cell: trial.cell, slot: 0, block: trial.block, value });
    }
    let found = compare(&figures, &rules(Pairing::SlotAndBlock, Family::AllPairs)).expect("few pairs");
    found.iter().filter(|comparison| comparison.decision.direction().is_some()).count()
}

#[test]
fn f08_what_the_order_does_is_not_taken_for_an_effect() {
    fn check(order: &Order) -> Finding {
        let sweep = sweep(&sweep_text("repetitions = 24", "temperature = [0.2, 0.4, 0.6, 0.8]"));
        let trials = order(&sweep);
        let half = trials.len() / 2;
        let first_pays = claims(&trials, |_, first| if first { 0.6 } else { 1.0 });
        expect(
            first_pays == 0,
            format!("{first_pays} claims, because the first call of a block meets a load"),
        )?;
        let broken = claims(&trials, |place, _| if place < half { 0.53 } else { 1.0 });
        expect(broken == 0, format!("{broken} claims, because the machine changed half way"))
    }
    let nested = |sweep: &Sweep| sorted(sweep, |trial| (trial.block, trial.cell));
    let one_cell_after_the_other = |sweep: &Sweep| sorted(sweep, |trial| (trial.cell, trial.block));
    prove::<Order>(
        check,
        &planned,
        &[
            ("nested loops, the innermost value first in every block", &nested),
            ("all repetitions of a cell, then the next cell", &one_cell_after_the_other),
        ],
    );
}

#[test]
fn f08_every_block_runs_every_cell_once() {
    fn check(order: &Order) -> Finding {
        let sweep = sweep(&sweep_text("repetitions = 6", "temperature = [0.2, 0.4, 0.6, 0.8]"));
        let mut blocks: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        order(&sweep).iter().for_each(|trial| blocks.entry(trial.block).or_default().push(trial.cell));
        for (block, cells) in &mut blocks {
            cells.sort_unstable();
            expect(*cells == [0, 1, 2, 3], format!("block {block} runs cells {cells:?}"))?;
        }
        expect(blocks.len() == 6, format!("{} blocks", blocks.len()))
    }
    // A study that was cut short after three quarters.
    let cut_short = |sweep: &Sweep| {
        let trials = sorted(sweep, |trial| (trial.cell, trial.block));
        trials[..trials.len() * 3 / 4].to_vec()
    };
    prove::<Order>(check, &planned, &[("one cell after the other, cut short", &cut_short)]);
}

#[test]
fn f08_a_machine_that_changed_is_found_before_anything_is_compared() {
    type Drifts = dyn Fn(&[(u32, f64)]) -> bool;
    fn check(drifts: &Drifts) -> Finding {
        let run = |early: f64| -> Vec<(u32, f64)> {
            let wobble = |block: u32| f64::from(block * 7 % 5) / 2.0;
            (0..24).map(|block| (block, if block < 12 { early } else { 75.0 } + wobble(block))).collect()
        };
        expect(drifts(&run(39.6)), "39.6 tok/s in the first half, 75 in the second, and nobody notices")?;
        expect(!drifts(&run(75.0)), "a steady machine is said to drift")
    }
    let product = |figures: &[(u32, f64)]| {
        matches!(drift(figures, Scale::Ratio, Seed(1)), DriftVerdict::Drifting { .. })
    };
    prove::<Drifts>(check, &product, &[("nobody looks at the order", &|_: &[(u32, f64)]| false)]);
}

#[test]
fn f10_cells_that_share_a_load_run_together() {
    /// Contexts in the order in which a slot meets them.
    type Contexts = dyn Fn(&Sweep) -> Vec<i64>;
    fn check(contexts: &Contexts) -> Finding {
        let axes = "num_ctx = [1024, 2048, 4096]\ntemperature = [0.2, 0.4, 0.8]";
        let sweep = sweep(&sweep_text("repetitions = 4", axes));
        let met = contexts(&sweep);
        let loads = 1 + met.windows(2).filter(|pair| pair[0] != pair[1]).count();
        expect(met.len() == 36 && loads <= 12, format!("{loads} loads for {} trials", met.len()))?;
        // The plan says beforehand what its order costs.
        expect(plan(&sweep, 1).reloads().total <= 12, "the plan tells of more loads")
    }
    fn of(sweep: &Sweep, trials: &[PlannedTrial]) -> Vec<i64> {
        let cells = plan(sweep, 1).cells;
        trials.iter().filter_map(|trial| cells[trial.cell as usize].options.integer("num_ctx")).collect()
    }
    let product = |sweep: &Sweep| of(sweep, &planned(sweep));
    let context_innermost = |sweep: &Sweep| {
        let trials = sorted(sweep, |trial| (trial.block, trial.cell % 3, trial.cell / 3));
        of(sweep, &trials)
    };
    prove::<Contexts>(check, &product, &[("the context changes from call to call", &context_innermost)]);
}

#[test]
fn f13_figures_of_two_days_are_not_compared() {
    /// The effect of cell 0 against cell 1, if one is told.
    type Effect = dyn Fn(&[Figure]) -> Option<f64>;
    fn figures(apart: u32) -> Vec<Figure> {
        // The same client; on the second day the whole machine is 15 % faster.
        let day = |block: u32| if block < 12 { 99.0 } else { 114.0 };
        let mut stream = Seed(9).stream();
        let mut figure = |cell, block| {
            let value = day(block) * (0.005 * standard_normal(&mut stream)).exp();
            Figure { cell, slot: 0, block, value }
        };
        (0..12)
            .flat_map(|block| [(0, block + apart), (1, block)])
            .map(|(cell, block)| figure(cell, block))
            .collect()
    }
    fn check(effect: &Effect) -> Finding {
        let found = effect(&figures(12));
        expect(found.is_none(), format!("another day is worth {found:?}"))?;
        let found = effect(&figures(0));
        expect(found.is_some_and(|ratio| (ratio - 1.0).abs() < 0.01), format!("the same day: {found:?}"))
    }
    let product = |figures: &[Figure]| {
        let rules = rules(Pairing::SlotAndBlock, Family::Pairs(vec![(0, 1)]));
        let found = compare(figures, &rules).expect("one pair");
        found[0].decision.effect().map(|(ratio, _)| ratio)
    };
    let mean_by_mean = |figures: &[Figure]| {
        let mean = |cell| {
            let own = || figures.iter().filter(move |figure| figure.cell == cell);
            own().map(|figure| figure.value).sum::<f64>() / own().count() as f64
        };
        Some(mean(0) / mean(1))
    };
    prove::<Effect>(check, &product, &[("the mean of one day over the mean of another", &mean_by_mean)]);
}

#[test]
fn f13_unlike_servers_in_one_row_are_called_out() {
    type Warned = dyn Fn(&[AttemptRecord]) -> bool;
    fn check(warned: &Warned) -> Finding {
        let of = |version: &str| {
            let mut one = record(0, [generation(0, 101, 1_000)]);
            one.opened.server_version = Some(version.to_owned());
            one
        };
        expect(warned(&[of("0.24.0"), of("0.33.0")]), "two versions, and no warning")?;
        expect(!warned(&[of("0.33.0"), of("0.33.0")]), "one version, and a warning")
    }
    let product = |records: &[AttemptRecord]| {
        let told = counted(records).warnings;
        told.iter().any(|told| matches!(told.warning, Warning::ServerVersionsDiffer { .. }))
    };
    let not_recorded = move |records: &[AttemptRecord]| {
        let mut records = records.to_vec();
        records.iter_mut().for_each(|record| record.opened.server_version = None);
        product(&records)
    };
    prove::<Warned>(check, &product, &[("the version is not recorded", &not_recorded)]);
}

#[test]
fn f22_all_cells_of_a_block_make_the_same_calls() {
    fn check(order: &Order) -> Finding {
        let sweep = sweep(&sweep_text("repetitions = 4", "temperature = [0.2, 0.8]"));
        let mut seeds: BTreeMap<u32, Vec<Seed>> = BTreeMap::new();
        order(&sweep).iter().for_each(|trial| seeds.entry(trial.block).or_default().push(trial.seed));
        let alike = |of_block: &Vec<Seed>| of_block.windows(2).all(|pair| pair[0] == pair[1]);
        expect(seeds.values().all(alike), "prompts and samples differ between the cells of a block")?;
        let mut firsts: Vec<u64> = seeds.values().map(|of_block| of_block[0].0).collect();
        firsts.sort_unstable();
        firsts.dedup();
        expect(firsts.len() == 4, "blocks repeat each other")
    }
    let each_its_own = |sweep: &Sweep| {
        let mut trials = planned(sweep);
        trials.iter_mut().for_each(|trial| trial.seed = trial.seed.nth(u64::from(trial.cell)));
        trials
    };
    prove::<Order>(check, &planned, &[("each variant draws its own work", &each_its_own)]);
}

#[test]
fn f22_a_workload_of_nothing_is_an_error() {
    type Accepts = dyn Fn(&str) -> bool;
    fn check(accepts: &Accepts) -> Finding {
        let whole = sweep_text("", "");
        expect(accepts(&whole), "a good file is refused")?;
        for (text, empty) in
            [("prompts = [\"Why?\"]", "prompts = []"), ("[\"Why?\"]", "[\"\"]"), ("\"gemma3:latest\"", "[]")]
        {
            expect(!accepts(&whole.replace(text, empty)), format!("{empty} is taken for work"))?;
        }
        Ok(())
    }
    let product = |text: &str| sweep_file::parse(text, Path::new("sweep.toml")).is_ok();
    let well_formed = |text: &str| text.parse::<toml::Table>().is_ok();
    prove::<Accepts>(check, &product, &[("nothing to read is no error", &well_formed)]);
}

#[test]
fn f22_a_ratio_has_one_sign_whoever_prints_it() {
    /// The effect of the first cell against the second, and the words for it.
    type Told = dyn Fn(&[Figure], (u32, u32)) -> (f64, &'static str);
    fn check(told: &Told) -> Finding {
        let slower = |block| Figure { cell: 1, slot: 0, block, value: 90.0 + f64::from(block % 3) };
        let faster = |block| Figure { cell: 0, value: 100.0 + f64::from(block % 4), ..slower(block) };
        let figures: Vec<Figure> = (0..12).flat_map(|block| [faster(block), slower(block)]).collect();
        let ((there, up), (back, down)) = (told(&figures, (0, 1)), told(&figures, (1, 0)));
        expect((there * back - 1.0).abs() < 1e-12, format!("{there} one way, {back} the other"))?;
        expect((up, down) == ("higher", "lower"), format!("{up} one way, {down} the other"))
    }
    let product = |figures: &[Figure], pair| {
        let found =
            compare(figures, &rules(Pairing::SlotAndBlock, Family::Pairs(vec![pair]))).expect("one pair");
        match found[0].decision {
            Decision::Difference { direction, estimate, .. } => (estimate, direction.name()),
            _ => (f64::NAN, "not told"),
        }
    };
    // Two programs that took the difference the other way round.
    let own_sign = move |figures: &[Figure], (a, b): (u32, u32)| product(figures, (a.min(b), a.max(b)));
    prove::<Told>(check, &product, &[("the sign depends on the program", &own_sign)]);
}
