//! A sweep on a real Ollama, through real processes: every number of the report against what the server itself said, as
//! a proxy between node and server kept it.
//!
//! | question | file |
//! |---|---|
//! | what runs? | `stage` |
//! | what did the server say? | `answers` |

#[path = "real_ollama/answers.rs"]
mod answers;
#[path = "real_ollama/stage.rs"]
mod stage;

use std::collections::BTreeSet;

use answers::Answer;
use chimera_core::entry::{ArrivalKind, LoadObserved};
use chimera_core::id::Digest;
use chimera_core::record::GenerationRecord;
use chimera_tests::figures::compare;
use chimera_tests::http::Exchange;
use serde_json::{Value, json};
use stage::Stage;

#[test]
fn every_number_is_what_the_server_said() {
    let Some(mut stage) = Stage::run("a sweep on a real Ollama") else { return };
    let answers = answers::of_generations(&stage.exchanges);
    the_books_add_up(&stage);
    every_generation_was_recorded_as_it_went_over_the_wire(&stage, &answers);
    the_report_follows_from_what_the_server_said(&mut stage, &answers);
    loads_are_what_the_server_did(&stage);
    nothing_else_was_asked_of_the_server(&stage);
}

/// 2 contexts × 2 temperatures × 3 blocks, 2 measured generations each.
fn the_books_add_up(stage: &Stage) {
    let books = &stage.report["conservation"];
    assert_eq!(books["holds"], true, "{books:#}");
    assert_eq!(
        (&books["trials"]["admitted"], &books["trials"]["counted"]),
        (&json!(12), &json!(12)),
        "{books:#}"
    );
    assert_eq!(books["generations"], json!({"sent": 24, "ok": 24, "not_ok": {}}));
    let last = stage.progress.last().expect("progress was told");
    assert_eq!((&last["state"], &last["trials"]["counted"]), (&json!("done"), &json!(12)), "{last:#}");
}

fn every_generation_was_recorded_as_it_went_over_the_wire(stage: &Stage, answers: &[Answer]) {
    let mut met = BTreeSet::new();
    for ((trial, _), record) in &stage.stored.records {
        let planned = stage.stored.plan.trials[*trial as usize];
        let cell = &stage.stored.plan.cells[planned.cell as usize];
        for generation in &record.generations {
            let answer = answers::of(answers, generation);
            assert!(met.insert(answer.order), "one answer for two generations");
            assert_eq!(answer.options["seed"], generation.opened.seed);
            for (name, value) in cell.options.iter() {
                assert_eq!(answer.options[name].as_f64(), value.to_string().parse().ok(), "{name} of {cell}");
            }
            assert_eq!(generation.opened.prompt_digest, Digest::of(answer.prompt.as_bytes()));
            assert_counters(generation, answer);
            assert_lines(generation, answer);
        }
    }
    assert_eq!(met.len(), answers.len(), "every answer of the server belongs to one generation");
}

/// The final record, field by field.
fn assert_counters(generation: &GenerationRecord, answer: &Answer) {
    let closed = generation.closed.as_ref().expect("it ended");
    let server = closed.server.expect("with a final record");
    let recorded =
        [server.total, server.load, server.prompt, server.eval].map(|span| span.map(|span| span.0));
    let counts = [server.prompt_tokens, server.tokens];
    let said = |name: &str| answer.last[name].as_u64();
    let durations = ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration"].map(said);
    assert_eq!(recorded, durations, "{:#}", answer.last);
    assert_eq!(counts, ["prompt_eval_count", "eval_count"].map(said), "{:#}", answer.last);
    assert_eq!(server.created_at.map(|stamp| stamp.0), answers::stamp(&answer.last), "{:#}", answer.last);
    assert_eq!(
        closed.done_reason.map(chimera_core::entry::DoneReason::name),
        answer.last["done_reason"].as_str()
    );
    assert_eq!(closed.http_status, answer.status);
}

/// Every line with text, and the text itself.
fn assert_lines(generation: &GenerationRecord, answer: &Answer) {
    let with_text = generation.arrivals.iter().filter(|line| line.kind == ArrivalKind::Content);
    let recorded: Vec<_> =
        with_text.map(|line| (line.text_bytes as usize, line.created_at.map(|at| at.0))).collect();
    let said: Vec<_> = answer.lines.iter().map(|line| (line.text.len(), line.stamp)).collect();
    assert_eq!(recorded, said);
    let text: String = answer.lines.iter().map(|line| line.text.as_str()).collect();
    let closed = generation.closed.as_ref().expect("it ended");
    assert_eq!((closed.answer.as_deref(), closed.answer_bytes), (Some(text.as_str()), text.len() as u64));
    assert_eq!(closed.answer_digest, Digest::of(text.as_bytes()));
    assert!(generation.arrivals.is_sorted_by_key(|line| line.at), "lines are in order of time");
}

/// Figures that come from the server's counters are recomputed from the proxy's copy of them; those of our clock from
/// the stored stamps, which nobody else has.
fn the_report_follows_from_what_the_server_said(stage: &mut Stage, answers: &[Answer]) {
    for trial in &mut stage.trials {
        let record = &stage.stored.records[&trial.attempt];
        let measured = record.generations.iter().filter(|found| found.opened.phase.name() == "measured");
        for (seen, generation) in trial.generations.iter_mut().zip(measured) {
            let last = &answers::of(answers, generation).last;
            let seconds = |name: &str| last[name].as_f64().map(|nanoseconds| nanoseconds / 1e9);
            seen.total = seconds("total_duration");
            seen.load = seconds("load_duration");
            seen.prompt = seconds("prompt_eval_duration");
            seen.eval = seconds("eval_duration");
            seen.tokens = last["eval_count"].as_f64();
            seen.prompt_tokens = last["prompt_eval_count"].as_f64();
        }
    }
    let compared = compare::assert_report(&stage.report, &stage.trials, true);
    assert!(compared >= 8 * 15, "4 cells and 4 rows per slot, but only {compared} figures");
}

/// Loads as the node recorded them, as the proxy saw them, as the server logged them, and as the plan foretold them.
fn loads_are_what_the_server_did(stage: &Stage) {
    let loads = recorded_loads(stage);
    let asked: Vec<(usize, &Exchange)> =
        stage.exchanges.iter().enumerate().filter(|(_, exchange)| answers::is_load(exchange)).collect();
    assert_eq!(loads.len(), asked.len(), "loads: recorded and asked for");
    assert_eq!(
        loads.len(),
        stage.server_log.matches("msg=\"loaded runners\"").count(),
        "loads: recorded and logged"
    );
    // On a busy machine a record may not be trusted; then its trial runs again, which no plan foretells.
    if stage.stored.records.len() == stage.trials.len() {
        assert_eq!(stage.plan["reloads"], loads.len(), "loads: foretold by the plan and recorded");
    }
    for (load, (place, exchange)) in loads.iter().zip(asked) {
        let shown = answers::next_shown(&stage.exchanges[place..]);
        assert_eq!(load.context_length.map(u64::from), shown["context_length"].as_u64(), "{shown:#}");
        assert_eq!(
            shown["context_length"],
            exchange.asked()["options"]["num_ctx"],
            "no context was raised or cut"
        );
        assert_eq!(load.size.map(|bytes| bytes.0), shown["size"].as_u64());
        assert_eq!(load.size_vram.map(|bytes| bytes.0), shown["size_vram"].as_u64());
        assert_eq!(load.digest.as_deref(), shown["digest"].as_str());
    }
    for row in stage.report["cells"].as_array().expect("cells") {
        let options: Vec<&str> =
            row["options"].as_array().expect("options").iter().filter_map(Value::as_str).collect();
        let lengths = row["tally"]["context_lengths"].as_array().expect("context lengths");
        assert_eq!(lengths.len(), 1, "{row:#}");
        assert!(
            options.contains(&format!("num_ctx={}", lengths[0]).as_str()),
            "{options:?} ran with {lengths:?}"
        );
    }
}

/// Loads that did something, in the order in which they were made.
fn recorded_loads(stage: &Stage) -> Vec<&LoadObserved> {
    let mut records: Vec<_> = stage.stored.records.values().collect();
    records.sort_by_key(|record| record.opened.started_at.0);
    records.into_iter().flat_map(|record| &record.loads).filter(|load| load.elapsed.is_some()).collect()
}

/// A node asks for facts, loads, unloads and generates; nothing that changes the server's models.
fn nothing_else_was_asked_of_the_server(stage: &Stage) {
    let calls: BTreeSet<&str> = stage.exchanges.iter().map(|exchange| exchange.call.as_str()).collect();
    let known = [
        "GET /api/ps",
        "GET /api/tags",
        "GET /api/version",
        "POST /api/chat",
        "POST /api/generate",
        "POST /api/show",
    ];
    assert!(calls.iter().all(|call| known.contains(call)), "{calls:?}");
    assert!(stage.exchanges.iter().all(|exchange| exchange.status == Some(200)), "{:#?}", stage.exchanges);
}
