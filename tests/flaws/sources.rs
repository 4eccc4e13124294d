//! Where does a number come from?

use std::sync::Arc;

use chimera_core::compare::{MeasuredRatio, speedup};
use chimera_core::id::{Digest, SweepId};
use chimera_core::import::{Ledger, Row, RunRow};
use chimera_core::node::NodeFacts;
use chimera_core::outcome::FailureClass;
use chimera_core::plan::Plan;
use chimera_core::quantity::Quantity;
use chimera_core::record::AttemptRecord;
use chimera_core::report::{RecordInput, Report, UncountedReason};
use chimera_core::seed::Seed;
use chimera_core::stats::SampleSize;

use crate::proof::{Finding, expect, prove, same};
use crate::scene::{counted, generation, node, pooled, record, report, slot_id, sweep, sweep_text};

fn decode_rate(report: &Report) -> Option<f64> {
    pooled(&report.cells[0].tally, Quantity::DecodeRate)
}

#[test]
fn f17_no_record_wins_for_being_the_first() {
    type Rate = dyn Fn(&[AttemptRecord]) -> Option<f64>;
    fn check(rate: &Rate) -> Finding {
        let (fast, slow) = (record(0, [generation(0, 101, 1_000)]), record(2, [generation(0, 101, 4_000)]));
        same("both", rate(&[fast.clone(), slow.clone()]), Some(40.0))?;
        same("both, the other way round", rate(&[slow, fast]), Some(40.0))
    }
    let product = |records: &[AttemptRecord]| decode_rate(&counted(records));
    let first = |records: &[AttemptRecord]| decode_rate(&counted(&records[..1]));
    prove::<Rate>(check, &product, &[("the first to use a name wins", &first)]);
}

#[test]
fn f17_attempts_that_failed_give_no_figure_and_are_listed() {
    /// The rate, and the attempts that are listed as failed.
    type Told = dyn Fn(&[AttemptRecord]) -> (Option<f64>, usize);
    fn check(told: &Told) -> Finding {
        let failed: Vec<AttemptRecord> = (0..4).map(|n| record(2 * n, [generation(0, 101, 7_000)])).collect();
        let (rate, listed) = told(&failed);
        expect(rate.is_none() && listed == 4, format!("four failures give {rate:?}, and {listed} are listed"))
    }
    let product = |failed: &[AttemptRecord]| {
        let input = |record| RecordInput::Uncounted {
            slot: slot_id(),
            attempt: AttemptRecord::attempt(record).clone(),
            record: Some(record),
            how: UncountedReason::Failed(FailureClass::Transient),
        };
        let inputs: Vec<RecordInput<'_>> = failed.iter().map(input).collect();
        let report = report("temperature = [0.2, 0.8]", &inputs);
        (decode_rate(&report), report.failed.listed.len())
    };
    let what_there_is = |failed: &[AttemptRecord]| (decode_rate(&counted(failed)), 0);
    prove::<Told>(check, &product, &[("a failure with a number is a number", &what_there_is)]);
}

fn run_row(text: &str) -> RunRow {
    serde_json::from_str(text).expect("a run as it is recorded")
}

fn run_text(run: &str, wall: &str) -> String {
    let agent = "{\"agent\":\"a\",\"model\":\"gemma3:latest\",\"options\":{},\"execution_s\":9.5}";
    format!(
        "{{\"run_id\":\"{run}\",\"config_id\":\"c\",\"dataset\":\"d\",\"study\":\"s\",\"implementation\":\"i\",\
         \"topology\":\"t\",\"scenario\":\"o\",\"repetition\":1,\"wall_s\":{wall},\"agents\":[{agent}]}}"
    )
}

#[test]
fn f17_two_imported_rows_of_one_name_contradict_each_other() {
    type Admits = dyn Fn(&[RunRow]) -> bool;
    fn check(admits: &Admits) -> Finding {
        let rows = |second: &str| [run_row(&run_text("r1", "54.3")), run_row(&run_text(second, "101.3"))];
        expect(admits(&rows("r2")), "two runs are refused")?;
        expect(!admits(&rows("r1")), "one run with two wall times is taken")
    }
    let product = |rows: &[RunRow]| {
        let mut ledger = Ledger::default();
        (1..).zip(rows).all(|(line, row)| ledger.admit(&Row::Run(Box::new(row.clone())), line).is_ok())
    };
    prove::<Admits>(check, &product, &[("the first file to use a key wins", &|_: &[RunRow]| true)]);
}

#[test]
fn f18_equal_input_gives_an_equal_plan_in_whatever_order_it_was_found() {
    type Plans = dyn Fn(&[Arc<NodeFacts>]) -> Digest;
    fn check(plans: &Plans) -> Finding {
        let (there, back) = ([node("a", 2), node("b", 2)], [node("b", 2), node("a", 2)]);
        expect(plans(&there) == plans(&back), "the order of discovery is in the plan")?;
        expect(plans(&there) != plans(&there[..1]), "another fleet has the same plan")
    }
    let product = |nodes: &[Arc<NodeFacts>]| {
        let sweep = sweep(&sweep_text("repetitions = 3", "temperature = [0.2, 0.8]"));
        Plan::expand(SweepId::new("flaws").expect("a name"), &sweep, Seed(7), nodes).expect("a plan").digest
    };
    let as_found = |nodes: &[Arc<NodeFacts>]| {
        let names: Vec<String> = nodes.iter().map(|node| node.id.to_string()).collect();
        Digest::of(names.concat().as_bytes())
    };
    prove::<Plans>(check, &product, &[("in the order of the file system", &as_found)]);
}

#[test]
fn f18_equal_records_give_an_equal_report_in_whatever_order_they_arrive() {
    type Page = dyn Fn(&[AttemptRecord]) -> String;
    fn check(page: &Page) -> Finding {
        let there: Vec<AttemptRecord> =
            (0..6).map(|n| record(n, [generation(0, 101 + u64::from(n), 997 + 13 * u64::from(n))])).collect();
        let back: Vec<AttemptRecord> = there.iter().rev().cloned().collect();
        expect(page(&there) == page(&back), "the order of arrival is in the report")
    }
    let product =
        |records: &[AttemptRecord]| serde_json::to_string(&counted(records)).expect("a report as JSON");
    let as_they_came = |records: &[AttemptRecord]| {
        let one =
            |record: &AttemptRecord| format!("{:?}", decode_rate(&counted(std::slice::from_ref(record))));
        records.iter().map(one).collect()
    };
    prove::<Page>(check, &product, &[("rows as they came", &as_they_came)]);
}

#[test]
fn f20_what_a_model_writes_changes_no_figure() {
    type Page = dyn Fn(&[AttemptRecord]) -> String;
    fn check(page: &Page) -> Finding {
        let with = |answer: &str| {
            let mut one = record(0, [generation(0, 101, 1_000)]);
            one.generations[0].closed.as_mut().expect("an end").answer = Some(answer.to_owned());
            page(&[one])
        };
        let plain = with("The sky is blue.");
        let claims = with("| throughput | 999.25 tok/s | TTFT improved by 68 % over 5 runs |");
        expect(plain == claims, "a number that a model wrote is in the report")
    }
    let product =
        |records: &[AttemptRecord]| serde_json::to_string(&counted(records)).expect("a report as JSON");
    let harvested = move |records: &[AttemptRecord]| {
        let answers = records.iter().flat_map(|record| &record.generations);
        let answers = answers.filter_map(|one| one.closed.as_ref()?.answer.as_deref());
        let numbers: String =
            answers.flat_map(str::chars).filter(|c| c.is_ascii_digit() || *c == '.').collect();
        product(records) + &numbers
    };
    prove::<Page>(check, &product, &[("numbers are harvested from answers", &harvested)]);
}

#[test]
fn f23_without_samples_there_is_no_value() {
    type Speedup = dyn Fn(&[(u32, f64)], &[(u32, f64)]) -> Option<f64>;
    fn check(speedup: &Speedup) -> Finding {
        let wall = [(0, 20.0), (1, 21.0)];
        for (serial, at_once) in [(&[][..], &[][..]), (&wall[..], &[][..]), (&[][..], &wall[..])] {
            same("a speedup of nothing", speedup(serial, at_once), None)?;
        }
        Ok(())
    }
    let product =
        |serial: &[(u32, f64)], at_once: &[(u32, f64)]| match speedup(serial, at_once, SampleSize::Planned) {
            MeasuredRatio::Measured(estimate) => Some(estimate.value),
            MeasuredRatio::NotMeasured | MeasuredRatio::NotEnough { .. } => None,
        };
    let by_default =
        move |serial: &[(u32, f64)], at_once: &[(u32, f64)]| Some(product(serial, at_once).unwrap_or(1.0));
    prove::<Speedup>(check, &product, &[("a speedup of 1 until something is known", &by_default)]);
}

#[test]
fn f23_an_empty_sweep_has_rows_and_no_figures() {
    type Figures = dyn Fn(&[AttemptRecord]) -> Vec<Option<f64>>;
    fn check(figures: &Figures) -> Finding {
        let found = figures(&[]);
        expect(
            found.iter().all(Option::is_none) && found.len() == 2,
            format!("two empty cells have {found:?}"),
        )
    }
    let product = |records: &[AttemptRecord]| {
        let cells = counted(records).cells;
        cells
            .iter()
            .map(|cell| cell.tally.figures.first().and_then(|figure| figure.headline()))
            .collect::<Vec<_>>()
    };
    let zeros = move |records: &[AttemptRecord]| {
        product(records).into_iter().map(|figure: Option<f64>| Some(figure.unwrap_or_default())).collect()
    };
    prove::<Figures>(check, &product, &[("nothing is 0", &zeros)]);
}

#[test]
fn f23_every_figure_names_how_it_was_put_together() {
    /// Figures of a report that no formula explains.
    type Unexplained = dyn Fn(&Report) -> Vec<&'static str>;
    fn check(unexplained: &Unexplained) -> Finding {
        let missing = unexplained(&counted(&[record(0, [generation(0, 101, 1_000)])]));
        expect(missing.is_empty(), format!("no formula for {missing:?}"))
    }
    fn without(report: &Report) -> Vec<&'static str> {
        let told = |quantity: Quantity| {
            report.formulas.iter().any(|one| one.quantity == quantity && !one.formula.is_empty())
        };
        let figures = report.cells.iter().flat_map(|cell| &cell.tally.figures);
        figures
            .map(|figure| figure.quantity)
            .filter(|quantity| !told(*quantity))
            .map(Quantity::name)
            .collect()
    }
    let numbers_alone = |report: &Report| without(&Report { formulas: Vec::new(), ..report.clone() });
    prove::<Unexplained>(check, &without, &[("a mean here, a sum there, and no word", &numbers_alone)]);
}

#[test]
fn f23_recorded_numbers_are_read_to_the_last_bit() {
    type Reads = dyn Fn(&str) -> f64;
    fn check(reads: &Reads) -> Finding {
        let mut stream = Seed(60).stream();
        for _ in 0..2_000 {
            let text = format!("{}.{:017}", stream.below(100), stream.below(100_000_000_000_000_000));
            // The standard library rounds correctly.
            let exact: f64 = text.parse().expect("a number");
            let found = reads(&text);
            expect(
                found.to_bits() == exact.to_bits(),
                format!("{text} is read as {found:e}, not {exact:e}"),
            )?;
        }
        Ok(())
    }
    let product = |text: &str| run_row(&run_text("r1", text)).wall_s.expect("a wall time");
    let in_two_steps = |text: &str| {
        let (whole, part) = text.split_once('.').expect("a point");
        let digits: u64 = format!("{whole}{part}").parse().expect("digits");
        digits as f64 / 10_f64.powi(part.len() as i32)
    };
    prove::<Reads>(check, &product, &[("digits first, the point later", &in_two_steps)]);
}
