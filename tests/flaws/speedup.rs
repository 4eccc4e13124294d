//! Is side by side faster, and is it slower for each?

use chimera_core::compare::{CONTENTION_LIMIT, MeasuredRatio, contention, speedup};
use chimera_core::design::{Controls, Design};
use chimera_core::import::{Recording, Row, summarise};
use chimera_core::plan::{PlannedTrial, TrialRole};
use chimera_core::stats::SampleSize;
use chimera_core::sweep::Sweep;

use crate::proof::{Finding, expect, prove, same};
use crate::scene::{plan, sweep, sweep_text};

/// Two calls, once one after the other and once side by side, in seconds and tok/s.
struct Pair {
    /// Both, one after the other; absent when that was not run.
    serial_wall: Option<f64>,
    /// Both, side by side.
    wall: f64,
    /// Each, as it lasted side by side.
    durations: [f64; 2],
    /// Decode rate alone.
    solo: f64,
    /// Decode rate of each side by side.
    rates: f64,
}

/// Two jobs of 10 s at a server that runs one at a time: the second waits.
const QUEUE: Pair =
    Pair { serial_wall: Some(20.0), wall: 20.0, durations: [10.0, 20.0], solo: 110.0, rates: 110.0 };
/// Two jobs of 10 s that share a GPU in slices, without any gain.
const SLICES: Pair =
    Pair { serial_wall: Some(20.0), wall: 20.0, durations: [20.0, 20.0], solo: 110.0, rates: 55.0 };
/// Two jobs of 10 s that disturb each other: side by side is slower than one after the other.
const SLOWER: Pair =
    Pair { serial_wall: Some(20.0), wall: 25.0, durations: [25.0, 25.0], solo: 110.0, rates: 39.6 };
/// The same, and nobody ran them one after the other.
const NO_SERIAL: Pair = Pair { serial_wall: None, ..SLOWER };

/// Twelve blocks that repeat one figure, moved by what each block does to everything.
fn blocks(figure: f64) -> Vec<(u32, f64)> {
    (0..12).map(|block| (block, figure * (1.0 + 0.02 * f64::from(block % 3)))).collect()
}

fn measured(ratio: MeasuredRatio) -> Option<f64> {
    if let MeasuredRatio::Measured(estimate) = ratio { Some(estimate.value) } else { None }
}

#[test]
fn f01_concurrent_durations_are_never_summed_into_a_speedup() {
    type Speedup = dyn Fn(&Pair) -> Option<f64>;
    fn check(speedup: &Speedup) -> Finding {
        same("the speedup of a serial queue", speedup(&QUEUE), Some(1.0))?;
        same("the speedup of slices", speedup(&SLICES), Some(1.0))?;
        same("the speedup of a slowdown", speedup(&SLOWER), Some(0.8))?;
        same("the speedup that nobody measured", speedup(&NO_SERIAL), None)
    }
    let product = |pair: &Pair| {
        let serial = pair.serial_wall.map(blocks).unwrap_or_default();
        measured(speedup(&serial, &blocks(pair.wall), SampleSize::Planned))
    };
    let overlap = |pair: &Pair| Some(pair.durations.iter().sum::<f64>() / pair.wall);
    prove::<Speedup>(check, &product, &[("the sum of durations under concurrency over the wall", &overlap)]);
}

#[test]
fn f01_the_serial_control_makes_the_same_calls_in_the_same_block() {
    type Trials = dyn Fn(&Sweep) -> Vec<PlannedTrial>;
    fn check(trials: &Trials) -> Finding {
        let sweep = controlled();
        let all = trials(&sweep);
        for trial in all.iter().filter(|trial| trial.role == TrialRole::Measured) {
            let twin = |other: &&PlannedTrial| {
                other.role == TrialRole::Serial
                    && (other.cell, other.block, other.slot) == (trial.cell, trial.block, trial.slot)
            };
            let control = all.iter().find(twin).ok_or_else(|| format!("{trial:?} has no control"))?;
            let work = control.role.workload(&sweep.workload);
            let calls =
                (work.generations, &work.prompts) == (sweep.workload.generations, &sweep.workload.prompts);
            expect(control.seed == trial.seed && calls && work.concurrency == 1, format!("{control:?}"))?;
        }
        expect(all.iter().any(|trial| trial.role == TrialRole::Serial), "no control at all")
    }
    let product = |sweep: &Sweep| plan(sweep, 2).trials;
    // Serial runs of another day: other seeds, other blocks.
    let another_day = |sweep: &Sweep| {
        let mut trials = plan(sweep, 2).trials;
        for control in trials.iter_mut().filter(|trial| trial.role == TrialRole::Serial) {
            control.block += sweep.repetitions;
        }
        trials
    };
    let none = |sweep: &Sweep| plan(&Sweep { design: Design::default(), ..sweep.clone() }, 2).trials;
    prove::<Trials>(
        check,
        &product,
        &[("serial runs of another day", &another_day), ("no serial runs", &none)],
    );
}

fn controlled() -> Sweep {
    let mut sweep = sweep(&sweep_text("repetitions = 6", "temperature = [0.2, 0.8]"));
    sweep.workload.concurrency = 2;
    sweep.design = Design { controls: Controls { serial: true, solo: true }, ..Design::default() };
    sweep
}

#[test]
fn f01_an_imported_ratio_is_called_overlap_and_never_speedup() {
    type Page = dyn Fn(&Recording) -> String;
    fn check(page: &Page) -> Finding {
        let page = page(&recording());
        expect(page.contains("\"overlap_index\":1.5"), "the ratio is not told")?;
        expect(!page.contains("speedup\":"), "it is called a speedup")
    }
    let product =
        |recording: &Recording| serde_json::to_string(&summarise(recording)).expect("a summary as JSON");
    let flawed = move |recording: &Recording| product(recording).replace("overlap_index", "speedup");
    prove::<Page>(check, &product, &[("the ratio keeps its old name", &flawed)]);
}

/// One run of two agents of 10 and 20 s in a wall of 20 s.
fn recording() -> Recording {
    let agent = |name: &str, seconds: f64| serde_json::json!({"agent": name, "model": "gemma3:latest", "options": {}, "execution_s": seconds});
    let run = serde_json::json!({
        "run_id": "r", "config_id": "c", "dataset": "d", "study": "s", "implementation": "i", "topology": "t",
        "scenario": "o", "repetition": 1, "wall_s": 20.0, "agents": [agent("a", 10.0), agent("b", 20.0)],
    });
    let mut recording = Recording::default();
    recording.push(Row::Run(serde_json::from_value(run).expect("a run as it is recorded")));
    recording
}

#[test]
fn f02_contention_is_a_slower_rate_and_not_a_low_overlap() {
    type Flag = dyn Fn(&Pair) -> bool;
    fn check(flag: &Flag) -> Finding {
        // In the queue nobody is slowed down. 1.5 is where the old flag is a coin toss.
        let nearly = Pair { durations: [9.9, 20.0], ..QUEUE };
        expect(!flag(&nearly), "a queue at full rate is flagged")?;
        expect(flag(&SLOWER), "36 % of the solo rate is not flagged")
    }
    let product = |pair: &Pair| {
        contention(&blocks(pair.solo), &blocks(pair.rates), SampleSize::Planned).exceeds(CONTENTION_LIMIT)
    };
    let low_overlap = |pair: &Pair| pair.durations.iter().sum::<f64>() / pair.wall < 1.5;
    prove::<Flag>(check, &product, &[("overlap below 1.5", &low_overlap)]);
}

#[test]
fn f02_a_flag_needs_the_whole_interval_above_the_limit() {
    type Flag = dyn Fn(&[(u32, f64)], &[(u32, f64)]) -> bool;
    fn check(flag: &Flag) -> Finding {
        let noisy: Vec<(u32, f64)> = (0..12).map(|n| (n, if n % 2 == 0 { 60.0 } else { 140.0 })).collect();
        expect(!flag(&blocks(110.0), &noisy), "noise is flagged")?;
        expect(flag(&blocks(110.0), &blocks(90.0)), "110 against 90 in every block is not flagged")
    }
    let product = |solo: &[(u32, f64)], at_once: &[(u32, f64)]| {
        contention(solo, at_once, SampleSize::Planned).exceeds(CONTENTION_LIMIT)
    };
    let any_point = |solo: &[(u32, f64)], at_once: &[(u32, f64)]| {
        solo.iter().zip(at_once).any(|((_, alone), (_, beside))| alone / beside > CONTENTION_LIMIT)
    };
    prove::<Flag>(check, &product, &[("one slow run is enough", &any_point)]);
}
