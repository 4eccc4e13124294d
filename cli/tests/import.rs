//! Recordings of the earlier system through the real program: in, and out again as figures.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions around tests fail as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Largest accepted relative difference to figures of an independent program.
const AGREEMENT: f64 = 1e-9;

fn chimera(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_chimera");
    Command::new(program).args(arguments).env_remove("CHIMERA_COORDINATOR").output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Twenty-two calls, thirteen runs, three agents, two single calls, all invented. The figures beside them were computed by a
/// program of its own, in another language.
fn invented() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recording")
}

struct Store(tempfile::TempDir);

impl Store {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Output {
        chimera(&[arguments, &["--data-dir", text(self.0.path())]].concat())
    }

    #[track_caller]
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn bad(&self, arguments: &[&str], words: &[&str]) {
        let output = self.run(arguments);
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {complaint}");
        words.iter().for_each(|word| assert!(complaint.contains(word), "'{word}' is not in: {complaint}"));
    }

    #[track_caller]
    fn figures(&self, folder: &Path) -> Value {
        self.good(&["import", text(folder), "--name", "old"]);
        serde_json::from_str(&self.good(&["report", "old", "--format", "aggregates"])).unwrap()
    }
}

/// The largest relative difference of two numbers at the same place; keys, nulls, texts and kinds of numbers are equal.
#[track_caller]
fn difference(place: &str, found: &Value, expected: &Value) -> f64 {
    match (found, expected) {
        (Value::Object(left), Value::Object(right)) => {
            assert!(left.keys().eq(right.keys()), "{place}: {:?}, not {:?}", left.keys(), right.keys());
            let pairs = left.iter().map(|(key, value)| (format!("{place}/{key}"), value, &right[key]));
            pairs.map(|(place, left, right)| difference(&place, left, right)).fold(0.0, f64::max)
        }
        (Value::Array(left), Value::Array(right)) => {
            assert_eq!(left.len(), right.len(), "{place}");
            left.iter().zip(right).map(|(left, right)| difference(place, left, right)).fold(0.0, f64::max)
        }
        (Value::Number(left), Value::Number(right)) => {
            assert_eq!(left.is_f64(), right.is_f64(), "{place}: {left} and {right}");
            let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            let size = left.abs().max(right.abs());
            let apart = if size > 0.0 { (left - right).abs() / size } else { 0.0 };
            assert!(apart <= AGREEMENT, "{place}: {left}, not {right}");
            apart
        }
        (found, expected) => {
            assert_eq!(found, expected, "{place}");
            0.0
        }
    }
}

fn expected(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn figures_of_an_invented_recording_agree_with_another_program() {
    let figures = Store::new().figures(&invented());
    difference("", &figures, &expected(&invented().join("expected.json")));
}

#[test]
fn figures_of_the_recorded_studies_agree_with_those_published_with_them() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let (runs, figures) = (shared.join("recorded-runs"), shared.join("expected/per-config.json"));
    if !runs.is_dir() || !figures.is_file() {
        eprintln!("NOT CHECKED: the recorded studies are not in {}", shared.display());
        return;
    }
    let worst = difference("", &Store::new().figures(&runs), &expected(&figures));
    eprintln!("largest relative difference: {worst:e}");
}

/// Four calls and all runs of the invented recording, with the calls changed.
fn spoilt(change: impl FnOnce(&mut Vec<String>)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(invented().join("runs.jsonl"), folder.path().join("runs.jsonl")).unwrap();
    let calls = fs::read_to_string(invented().join("calls.jsonl")).unwrap();
    let mut lines: Vec<String> = calls.lines().take(4).map(str::to_owned).collect();
    change(&mut lines);
    fs::write(folder.path().join("calls.jsonl"), lines.join("\n") + "\n").unwrap();
    folder
}

#[test]
fn one_wrong_line_keeps_everything_out_and_is_told() {
    let folder = spoilt(|lines| lines[2] = lines[2].replace("\"stage\"", "\"stge\""));
    let store = Store::new();
    let arguments = ["import", text(folder.path()), "--name", "old"];
    store.bad(
        &arguments,
        &[
            "nothing was imported, because 1 line cannot be taken",
            "calls.jsonl:3:",
            "unknown field `stge`",
            "--keep-going",
        ],
    );
    assert!(!store.0.path().join("coordinator").exists(), "a store was made for nothing");
}

#[test]
fn with_keep_going_the_rest_is_there_and_the_report_says_what_is_not() {
    let folder = spoilt(|lines| {
        lines[1] = "{".to_owned();
        lines[3] = lines[0].clone();
    });
    let store = Store::new();
    let arguments = ["import", text(folder.path()), "--name", "old", "--keep-going"];
    let said = store.good(&arguments);
    for words in ["calls.jsonl: 2 rows", "agent-aggregates.jsonl: not there, skipped", "Left out 2 lines"] {
        assert!(said.contains(words), "'{words}' is not in: {said}");
    }
    assert!(said.contains("calls.jsonl:2:1: the line ends before its object does"), "{said}");
    assert!(said.contains("was in calls.jsonl:1 already"), "{said}");
    let json: Value =
        serde_json::from_str(&store.good(&[&arguments[..], &["--output", "json"]].concat())).unwrap();
    assert_eq!((&json["kind"], &json["left_out"]), (&Value::from("imported"), &Value::from(2)));
    assert_eq!((&json["already_there"], &json["rows"]["calls.jsonl"]), (&true.into(), &2.into()));
    assert!(store.good(&["report", "old"]).contains("2 lines left out"));
}

#[test]
fn the_same_rows_are_imported_once_and_a_name_is_not_taken_twice() {
    let store = Store::new();
    let folder = invented();
    let arguments = ["import", text(&folder), "--name", "old"];
    store.good(&arguments);
    assert!(store.good(&arguments).contains("there already"));
    let other = spoilt(|_| {});
    store.bad(&["import", text(other.path()), "--name", "old"], &["another import named 'old'", "--name"]);
    store.bad(&["import", text(&folder), "--name", "No Name"], &["is not a name"]);
    store.bad(&["report", "older", "--format", "aggregates"], &["there is no import named 'older'"]);
}

#[test]
fn every_form_of_a_report_says_where_its_figures_come_from() {
    let store = Store::new();
    store.good(&["import", text(&invented()), "--name", "old"]);
    for (format, words) in [
        ("terminal", ["Provenance: imported", "UPSTREAM_RATE", "OVERLAP_INDEX", "it is no speedup"]),
        ("md", ["Provenance: imported", "upstream\\_rate", "## Absent", "no speedup"]),
        ("csv", ["old,imported,toy-pairs/loop/homo", "upstream_rate", "overlap_index", ",cold,ttft,ms,"]),
        ("json", ["\"provenance\": \"imported\"", "upstream_rate", "overlap_index", "\"absent\""]),
    ] {
        let report = store.good(&["report", "old", "--format", format]);
        words
            .iter()
            .for_each(|word| assert!(report.contains(word), "{format}: '{word}' is not in: {report}"));
        assert!(!report.contains("decode_rate"), "{format}: {report}");
    }
}
