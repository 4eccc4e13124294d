//! What is wrong with a line is told with its place and its field, and a line that is wrong spoils no other.

use std::path::Path;

use chimera_core::import::RecordingFile;
use serde_json::{Value, json};

use super::folder::sources;
use super::intake::Intake;
use super::{ImportError, SHOWN_MAX};

fn call(id: &str) -> Value {
    json!({
        "call_id": id, "run_id": "d/c/r1", "config_id": "d/c", "dataset": "d", "study": "s", "phase": null,
        "implementation": "rust", "runtime": "loop", "topology": "dual", "scenario": "solo", "repetition": 1,
        "agent": "A", "agent_label": "a", "port": 11434, "model": "toy:1b", "options": {"num_ctx": 512},
        "stage": "report", "call_index": 0, "prompt_chars": 9, "response_chars": null, "tokens_generated": 10,
        "ttft_ms": 12.5, "throughput_tok_s": 50.0, "total_ms": 400.0, "prompt_eval_ms": 8.0, "eval_ms": 200.0,
        "load_ms": 90.0, "agent_end_utc": null, "t_start_s": 0.0
    })
}

fn run(agents: &Value) -> Value {
    json!({
        "run_id": "d/c/r1", "config_id": "d/c", "dataset": "d", "study": "s", "implementation": "rust",
        "runtime": "loop", "topology": "dual", "scenario": "solo", "repetition": 1, "wall_s": 9.5, "agents": agents
    })
}

fn agent(name: &str) -> Value {
    json!({"agent": name, "model": "toy:1b", "options": {}, "execution_s": 9.0})
}

fn with(mut row: Value, field: &str, value: impl Into<Value>) -> String {
    row[field] = value.into();
    row.to_string()
}

fn without(mut row: Value, field: &str) -> String {
    row.as_object_mut().unwrap().remove(field);
    row.to_string()
}

/// Reads `text` as the only file of a recording; what is wrong with it, and how many rows were taken.
fn read(file: RecordingFile, text: impl AsRef<[u8]>) -> (Vec<String>, u64) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(file.file_name()), text).unwrap();
    let intake = intake(folder.path());
    (intake.faults.first.iter().map(ToString::to_string).collect(), intake.rows())
}

fn intake(folder: &Path) -> Intake {
    let mut intake = Intake::new(sources(folder).unwrap().there);
    for row in intake.by_ref() {
        row.unwrap();
    }
    intake
}

/// Between two good lines stands `line`, and it is the only one that is refused, for this reason.
#[track_caller]
fn refused(file: RecordingFile, line: &str, expected: &str) {
    let (good, other) = match file {
        RecordingFile::Calls => (call("1").to_string(), call("2").to_string()),
        _ => (run(&json!([agent("X")])).to_string(), run(&json!([agent("Y")])).to_string()),
    };
    let (faults, rows) = read(file, format!("{good}\n{line}\n{other}\n"));
    assert_eq!((faults.len(), rows), (1, 2), "{faults:?}");
    assert!(faults[0].starts_with(&format!("{file}:2:")), "{faults:?}");
    assert!(faults[0].ends_with(expected), "{}\nnot\n{expected}", faults[0]);
}

#[test]
fn fields_are_told_that_are_unknown_missing_twice_or_of_another_type() {
    let bad = |line: String, expected: &str| refused(RecordingFile::Calls, &line, expected);
    bad(with(call("3"), "tokns", 1), ": unknown field `tokns`: the schema of this file does not have it");
    bad(without(call("3"), "eval_ms"), ": missing field `eval_ms`");
    bad(with(call("3"), "eval_ms", "fast"), ": field `eval_ms`: invalid type: string \"fast\", expected f64");
    bad(
        with(call("3"), "tokens_generated", 1.5),
        ": field `tokens_generated`: invalid type: floating point `1.5`, expected u64",
    );
    bad(
        with(call("3"), "tokens_generated", -1),
        ": field `tokens_generated`: invalid value: integer `-1`, expected u64",
    );
    let twice = call("3").to_string().replacen('{', "{\"call_id\":\"x\",", 1);
    bad(twice, ": duplicate field `call_id`");
    let twice = call("3").to_string().replace("{\"num_ctx\":512}", "{\"num_ctx\":1,\"num_ctx\":2}");
    bad(twice, ": duplicate option `num_ctx`");
    bad(
        with(call("3"), "options", json!({"stop": [1]})),
        ": field `stop`: an option must be a number, a text, true or false",
    );
}

#[test]
fn texts_are_told_that_are_no_json_objects() {
    let bad = |line: &str, expected: &str| refused(RecordingFile::Calls, line, expected);
    bad("", ": the line is empty");
    bad("[1]", ":1: the line is no JSON object");
    bad("{\"call_id\":", ": the line ends before its object does");
    bad("{\"call_id\" 3}", ": not JSON: expected `:`");
    let text = call("3").to_string();
    for (word, shown) in [("NaN", "NaN"), ("Infinity", "Infinity"), ("-Infinity", "Infinity")] {
        let line = text.replace("\"ttft_ms\":12.5", &format!("\"ttft_ms\":{word}"));
        let expected =
            format!(": field `ttft_ms`: {shown} is no number in JSON; write null for what was not recorded");
        bad(&line, &expected);
    }
    bad(
        &text.replace("12.5", "1e999"),
        ": field `ttft_ms`: the number is too large; write null for what was not recorded",
    );
    bad(&format!("{text} {text}"), ": not JSON: trailing characters");
}

#[test]
fn a_file_that_was_cut_off_is_told_from_a_broken_line() {
    let text = format!("{}\n{}", call("1"), &call("2").to_string()[..200]);
    let (faults, rows) = read(RecordingFile::Calls, text);
    assert_eq!(rows, 1);
    assert_eq!(faults, ["calls.jsonl:2:200: the file ends in the middle of this line: it was cut off"]);
    assert_eq!(read(RecordingFile::Calls, call("1").to_string()), (vec![], 1));
}

#[test]
fn bytes_are_told_that_are_no_text_and_lines_that_are_too_long() {
    let (faults, _) = read(RecordingFile::Calls, b"{\"a\":\xff}\n");
    assert_eq!(faults, ["calls.jsonl:1:6: the line is not UTF-8 text"]);
    let (faults, _) = read(RecordingFile::Calls, "\u{feff}{}\n");
    assert!(faults[0].contains("byte order mark"), "{faults:?}");
    let long = with(call("3"), "stage", "x".repeat(1 << 20));
    refused(RecordingFile::Calls, &long, ":2: the line is longer than 1048576 bytes");
    let hostile = "{\"\\u001b[2J\":1}";
    let (faults, _) = read(RecordingFile::Calls, hostile);
    assert!(!faults[0].contains('\u{1b}'), "{faults:?}");
}

#[test]
fn figures_are_told_that_cannot_be() {
    let bad = |line: String, expected: &str| refused(RecordingFile::Calls, &line, expected);
    bad(with(call("3"), "load_ms", -0.5), ":2: field `load_ms` is -0.5: a duration cannot be negative");
    bad(
        with(call("3"), "throughput_tok_s", -1),
        ": field `throughput_tok_s` is -1: a rate cannot be negative",
    );
    bad(
        with(call("3"), "tokens_generated", 5_000_000_000_u64),
        ": field `tokens_generated` is 5000000000: no recording has more than 1000000000",
    );
    bad(
        with(call("3"), "tokens_generated", 0),
        ": field `throughput_tok_s` is 50, yet `tokens_generated` is 0",
    );
    bad(with(call("3"), "agent", ""), ": field `agent` is empty");
}

#[test]
fn runs_are_told_that_cannot_be() {
    let bad = |line: String, expected: &str| refused(RecordingFile::Runs, &line, expected);
    let two = || run(&json!([agent("A"), agent("B")]));
    bad(
        with(two(), "wall_s", 0),
        ": field `wall_s` is 0: a run takes time; write null for what was not recorded",
    );
    bad(with(two(), "agents", json!([])), ": field `agents` is empty: a run has at least one agent");
    bad(with(two(), "agents", json!([agent("A"), agent("A")])), ": field `agents` names agent 'A' twice");
    let mut slow = agent("B");
    slow["execution_s"] = json!(-2);
    bad(
        run(&json!([agent("A"), slow])).to_string(),
        ": field `agents[1].execution_s` is -2: a duration cannot be negative",
    );
}

#[test]
fn rows_are_told_that_contradict_earlier_ones() {
    let bad = |line: String, expected: &str| refused(RecordingFile::Calls, &line, expected);
    bad(call("1").to_string(), ":2: call_id '1' was in calls.jsonl:1 already");
    bad(
        with(call("3"), "runtime", Value::Null),
        ": field `runtime` is null, but 'loop' for the same config_id 'd/c' in calls.jsonl:1",
    );
    bad(
        with(call("3"), "config_id", "d/other"),
        ": field `config_id` is 'd/other', but 'd/c' for the same run_id 'd/c/r1' in calls.jsonl:1",
    );
    let again = run(&json!([agent("X")])).to_string();
    refused(RecordingFile::Runs, &again, ": run_id 'd/c/r1' agent 'X' was in runs.jsonl:1 already");
}

#[test]
fn many_faults_are_counted_and_the_first_ones_told() {
    let (faults, _) = read(RecordingFile::Calls, "x\n".repeat(50));
    assert_eq!(faults.len(), SHOWN_MAX);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("calls.jsonl"), "x\n".repeat(50)).unwrap();
    let list = intake(folder.path()).faults.to_string();
    assert!(list.starts_with("  calls.jsonl:1:1: ") && list.ends_with("\n  and 30 more"), "{list}");
}

#[test]
fn folders_without_a_recording_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(sources(folder.path()), Err(ImportError::NoRecording { .. })));
    std::fs::create_dir(folder.path().join("runs.jsonl")).unwrap();
    assert!(matches!(sources(folder.path()), Err(ImportError::NoPlainFile { .. })));
    assert!(matches!(sources(&folder.path().join("none")), Err(ImportError::Read { .. })));
}
