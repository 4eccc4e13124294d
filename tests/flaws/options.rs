//! Did the options do anything, did the prompt fit, was an answer an answer?

use std::collections::BTreeSet;

use chimera_core::entry::{LoadCause, LoadObserved};
use chimera_core::outcome::GenerationOutcome;
use chimera_core::plan::PlanWarning;
use chimera_core::quantity::Quantity;
use chimera_core::record::{AttemptRecord, GenerationRecord};
use chimera_core::report::{RecordInput, Warning};
use chimera_core::sweep::Sweep;
use chimera_core::unit::Nanos;
use chimera_core::validity::{Asked, Evidence, Rules, judge};

use crate::proof::{Finding, expect, prove, same};
use crate::scene::{
    LAYERS, counted, generation, node, plan, pooled, record, report, server, slot_id, sweep, sweep_text,
};

#[test]
fn f09_cells_that_a_server_runs_alike_are_told_before_they_run() {
    /// Cells that are alike, by number.
    type Alike = dyn Fn(&Sweep) -> Vec<Vec<u32>>;
    fn check(alike: &Alike) -> Finding {
        let of = |axes: &str| alike(&sweep(&sweep_text("", axes)));
        let found = of("num_gpu = [40, 60, 80, 120, 999]\nnum_ctx = 2048");
        expect(
            found == [vec![0, 1, 2, 3, 4]],
            format!("{LAYERS} layers, five names for all of them: {found:?}"),
        )?;
        let found = of("num_ctx = [8192, 16384, 32768]\nnum_gpu = 20");
        expect(found == [vec![0, 1, 2]], format!("contexts above the trained one: {found:?}"))?;
        let found = of("num_gpu = [10, 20, 30]\nnum_ctx = 2048");
        expect(found.is_empty(), format!("unlike placements are called alike: {found:?}"))
    }
    let product = |sweep: &Sweep| {
        let told = plan(sweep, 1).warnings(sweep, &[node("rack", 1)]);
        let alike = |told: PlanWarning| {
            if let PlanWarning::EffectiveDuplicates(of) = told { Some(of.cells) } else { None }
        };
        told.into_iter().filter_map(alike).collect()
    };
    let as_written = |sweep: &Sweep| {
        let plan = plan(sweep, 1);
        let unlike: BTreeSet<String> = plan.cells.iter().map(ToString::to_string).collect();
        if unlike.len() == plan.cells.len() { Vec::new() } else { vec![vec![0]] }
    };
    prove::<Alike>(check, &product, &[("cells differ because their names do", &as_written)]);
}

#[test]
fn f09_the_context_that_is_told_is_the_one_the_server_used() {
    /// Contexts of the first row, and whether a difference to the one asked for is told.
    type Contexts = dyn Fn(&AttemptRecord) -> (Vec<u32>, bool);
    fn check(contexts: &Contexts) -> Finding {
        let mut raised = record(0, [generation(0, 101, 1_000)]);
        raised.loads.push(load(2_048));
        let found = contexts(&raised);
        expect(found == (vec![2_048], true), format!("512 was asked for, 2048 used: {found:?}"))
    }
    let product = |one: &AttemptRecord| {
        let report =
            report("num_ctx = [512, 1024]", &[RecordInput::Counted { slot: slot_id(), record: one }]);
        let differs =
            |told: &chimera_core::report::Told| matches!(told.warning, Warning::ContextDiffers { .. });
        (report.cells[0].tally.context_lengths.clone(), report.warnings.iter().any(differs))
    };
    let as_asked = |_: &AttemptRecord| (vec![512], false);
    prove::<Contexts>(check, &product, &[("the folder is named for what was asked", &as_asked)]);
}

fn load(context: u32) -> LoadObserved {
    LoadObserved {
        at: Nanos(0),
        cause: LoadCause::NotLoaded,
        elapsed: Some(Nanos::from_millis(500)),
        context_length: Some(context),
        size: None,
        size_vram: None,
        process_memory: None,
        digest: None,
    }
}

#[test]
fn f11_a_prompt_that_cannot_fit_is_told_before_it_runs() {
    type Warned = dyn Fn(&Sweep) -> bool;
    fn check(warned: &Warned) -> Finding {
        let with = |letters: usize, context: u32| {
            let text = sweep_text("", &format!("num_ctx = {context}"));
            warned(&sweep(&text.replace("Why?", &"why ".repeat(letters / 4))))
        };
        expect(with(11_000, 2_048), "11,000 letters and 100 tokens in a context of 2,048, and no word")?;
        expect(!with(11_000, 8_192), "what fits is warned of")
    }
    let product = |sweep: &Sweep| {
        let told = plan(sweep, 1).warnings(sweep, &[node("rack", 1)]);
        told.iter().any(|told| matches!(told, PlanWarning::PromptLikelyOverContext { .. }))
    };
    let budget_alone = |sweep: &Sweep| {
        let cells = plan(sweep, 1).cells;
        cells.iter().any(|cell| cell.options.integer("num_predict") > cell.options.integer("num_ctx"))
    };
    prove::<Warned>(check, &product, &[("nobody counts the prompt", &budget_alone)]);
}

#[test]
fn f11_a_prompt_that_fills_the_context_makes_its_record_invalid() {
    type Trusted = dyn Fn(&AttemptRecord) -> bool;
    fn check(trusted: &Trusted) -> Finding {
        let of = |prompt: u64| {
            let mut one = record(0, [generation(0, 101, 1_000)]);
            one.loads.push(load(2_048));
            server(&mut one.generations[0]).prompt_tokens = Some(prompt);
            trusted(&one)
        };
        expect(of(1_900), "a prompt that fits is refused")?;
        expect(!of(2_048), "a prompt of exactly the context passes for whole")
    }
    let product = |one: &AttemptRecord| {
        judge(&Evidence::of(one, Asked::default()), &Rules::default()).invalid.is_empty()
    };
    let answered = |one: &AttemptRecord| {
        let status = |one: &GenerationRecord| one.closed.as_ref().and_then(|closed| closed.http_status);
        one.generations.iter().all(|one| status(one) == Some(200))
    };
    prove::<Trusted>(check, &product, &[("an answer with status 200 is fine", &answered)]);
}

#[test]
fn f05_an_answer_without_a_budget_is_told_before_it_runs() {
    type Warned = dyn Fn(&Sweep) -> bool;
    fn check(warned: &Warned) -> Finding {
        let text = sweep_text("", "num_ctx = 2048");
        expect(!warned(&sweep(&text)), "a budget of 100 tokens, and a warning")?;
        expect(warned(&sweep(&text.replace("num_predict = 100", ""))), "answers of any length, and no word")
    }
    let product = |sweep: &Sweep| {
        let told = plan(sweep, 1).warnings(sweep, &[node("rack", 1)]);
        told.iter().any(|told| matches!(told, PlanWarning::BudgetNotSent { .. }))
    };
    prove::<Warned>(check, &product, &[("answers are as long as they are", &|_: &Sweep| false)]);
}

#[test]
fn f05_an_answer_that_loops_enters_no_rate() {
    type Rate = dyn Fn(&[GenerationRecord]) -> Option<f64>;
    fn check(rate: &Rate) -> Finding {
        let mut looping = generation(1, 8_179, 200_000);
        looping.closed.as_mut().expect("an end").outcome = GenerationOutcome::RepeatAbort;
        same("the rate beside a loop", rate(&[generation(0, 101, 1_000), looping]), Some(100.0))
    }
    let product = |set: &[GenerationRecord]| {
        pooled(&counted(&[record(0, set.to_vec())]).cells[0].tally, Quantity::DecodeRate)
    };
    let whatever_came = |set: &[GenerationRecord]| {
        let counters = || set.iter().filter_map(|one| one.closed.as_ref()?.server);
        let steps: u64 = counters().filter_map(|server| server.tokens).map(|tokens| tokens - 1).sum();
        let seconds: f64 = counters().filter_map(|server| server.eval).map(Nanos::as_secs_f64).sum();
        Some(steps as f64 / seconds)
    };
    prove::<Rate>(check, &product, &[("tokens are tokens", &whatever_came)]);
}
