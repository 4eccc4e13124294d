//! `chimera dev` on the simulated fleet: what it leaves, and whether every number follows from what was recorded.

use std::path::Path;
use std::sync::OnceLock;

use chimera_tests::figures::{compare, seen};
use chimera_tests::{DevRun, chimera, fleet_file, run_dev, stored_sweeps};
use serde_json::Value;
use tempfile::TempDir;

/// How many times faster than life the simulated fleet goes.
const SPEED: f64 = 10.0;

/// A sweep that differs from the sample in everything that changes which figures there are: cold starts, the raw route,
/// cached prompts.
const COLD: &str = r#"
name = "cold"
seed = 3
repetitions = 3
[options]
num_ctx = 512
num_predict = 24
[workload]
endpoint = "generate"
prompts = ["One, two, three, four."]
generations = 2
start = "cold"
cache = "allow"
[axes]
model = "quick:1b"
num_gpu = [4, 99]
"#;

/// Warm-ups, parallel streams and a model that thinks.
const PARALLEL: &str = r#"
name = "parallel"
repetitions = 2
placement = "each-gpu"
[options]
num_predict = 32
num_ctx = 1024
[workload]
prompts = ["Why is the sky blue?", "Why is grass green?"]
system = "Be brief."
generations = 5
warmups = 1
concurrency = 2
[axes]
model = ["thinker:1b", "quick:1b"]
"#;

/// The folder of all runs in this file, and the first one: the sample, with JSON.
fn sample() -> &'static (TempDir, DevRun) {
    static RUN: OnceLock<(TempDir, DevRun)> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let run = dev_run(folder.path(), "sample", &[]);
        (folder, run)
    })
}

fn dev_run(folder: &Path, data: &str, arguments: &[&str]) -> DevRun {
    DevRun::new(&folder.join(data), &fleet_file(folder, SPEED), arguments)
}

fn with_sweep(sweep: &str, arguments: &[&str]) -> (TempDir, DevRun) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("sweep.toml");
    std::fs::write(&file, sweep).expect("a sweep file");
    let file = file.display().to_string();
    let run = dev_run(folder.path(), "data", &[&[file.as_str()], arguments].concat());
    (folder, run)
}

#[test]
fn a_run_ends_well_says_so_and_leaves_its_files() {
    let run = &sample().1;
    let kinds: Vec<&str> = run.documents.iter().filter_map(|document| document["kind"].as_str()).collect();
    assert_eq!((kinds[0], kinds[1], kinds[kinds.len() - 1]), ("found", "plan", "finished"));
    assert!(kinds[2..kinds.len() - 1].iter().all(|kind| matches!(*kind, "progress" | "notice")), "{kinds:?}");
    for which in ["markdown", "json", "csv", "sweep"] {
        let length = std::fs::metadata(run.file(which)).expect("the file is there").len();
        assert!(length > 0, "{which} is empty");
    }
    for table in ["trials", "generations", "tokens", "gpu_samples"] {
        let path = run.file("dataset").join(format!("{table}.parquet"));
        assert!(path.is_file(), "{}", path.display());
    }
    assert_books(&run.report(), 48, 96);
}

#[test]
fn a_report_computed_later_is_the_same() {
    let run = &sample().1;
    let data_dir = run.data_dir.display().to_string();
    let later = chimera(&["report", run.sweep(), "--data-dir", &data_dir, "--output", "json"]).well().json();
    let without_labels = |mut report: Value| {
        report["header"]["labels"] = Value::Null;
        report
    };
    assert_eq!(without_labels(later), without_labels(run.report()));
}

#[test]
fn every_figure_of_the_sample_follows_from_the_records() {
    let compared = assert_recomputes(&sample().1, true);
    // 4 cells and 16 rows per slot, with two dozen figures each.
    assert!(compared > 20 * 20, "only {compared} figures");
}

/// The comparison that the other tests rest on has teeth: a number that is off by a millionth is noticed.
#[test]
fn a_number_that_is_slightly_wrong_is_noticed() {
    let run = &sample().1;
    let stored = stored_sweeps(&run.database()).remove("sample").expect("the sweep is stored");
    let trials = seen::trials(&stored, &run.file("dataset"));
    for path in ["pooled", "spread/mean", "spread/p50", "interval/low"]
        .map(|path| format!("/cells/0/tally/figures/0/{path}"))
    {
        let mut report = run.report();
        let number = report.pointer_mut(&path).unwrap_or_else(|| panic!("no {path}"));
        *number = Value::from(number.as_f64().expect("a number") * (1.0 + 5e-6));
        let compared = std::panic::catch_unwind(|| compare::assert_report(&report, &trials, true));
        assert!(compared.is_err(), "nobody noticed that {path} is wrong");
    }
}

#[test]
fn cold_starts_and_cached_prompts_recompute_too() {
    let (_folder, run) = with_sweep(COLD, &[]);
    assert_recomputes(&run, false);
    let report = run.report();
    let rows = report["cells"].as_array().expect("cells");
    assert!(rows.iter().all(|row| row["start"] == "cold"), "{rows:#?}");
    for absent in ["ttft_warm", "prefill_rate"] {
        assert_eq!(figure(&rows[0], absent), &Value::Null, "{absent} of cold starts with a cache");
    }
    assert_books(&report, 24, 48);
}

#[test]
fn parallel_streams_warm_ups_and_thinking_recompute_too() {
    let (_folder, run) = with_sweep(PARALLEL, &["--seed", "5"]);
    assert_recomputes(&run, true);
    let report = run.report();
    assert_ne!(figure(&report["cells"][0], "thinking_first"), &Value::Null, "the model thinks");
    assert_books(&report, 16, 80);
}

#[test]
fn the_same_seed_makes_the_same_plan() {
    let digest = |run: &DevRun| run.document("plan")["digest"].clone();
    let (_first, first) = with_sweep(PARALLEL, &["--seed", "5"]);
    let (_again, again) = with_sweep(PARALLEL, &["--seed", "5"]);
    let (_other, other) = with_sweep(PARALLEL, &["--seed", "6"]);
    assert_eq!(digest(&first), digest(&again));
    assert_ne!(digest(&first), digest(&other));
    assert_eq!(first.report()["header"]["plan_digest"], digest(&first));
    assert_eq!(other.document("plan")["seed"], "0000000000000006");
}

#[test]
fn a_second_run_in_the_same_folder_gets_the_next_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = dev_run(folder.path(), "data", &[]);
    let second = dev_run(folder.path(), "data", &[]);
    assert_eq!((first.sweep(), second.sweep()), ("sample", "sample-2"));
    assert_ne!(first.file("dataset"), second.file("dataset"));
    for run in [&first, &second] {
        assert_books(&run.report(), 48, 96);
    }
    // The journal holds both, and each report can still be had.
    assert_eq!(stored_sweeps(&first.database()).into_keys().collect::<Vec<_>>(), ["sample", "sample-2"]);
}

#[test]
fn people_read_where_everything_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let fleet = fleet_file(folder.path(), SPEED);
    let told = run_dev(&folder.path().join("data"), &fleet, &["--name", "mine"]).well();
    for words in [
        "Simulated fleet",
        "48 = 4 cells × 4 slots × 3 blocks",
        "mine done: all 48 trials counted",
        "adds up",
    ] {
        assert!(told.out.contains(words), "'{words}' is not in:\n{}", told.out);
    }
    let last_words = told.out.lines().filter_map(|line| line.split_whitespace().last());
    let data = folder.path().join("data").display().to_string();
    let named: Vec<&str> = last_words.filter(|word| word.starts_with(&data)).collect();
    assert!(named.len() >= 5 && named.iter().all(|path| Path::new(path).exists()), "{named:?}");
}

/// Recomputes every figure of a run's report from the records in its coordinator's database.
fn assert_recomputes(run: &DevRun, fresh_heads: bool) -> usize {
    let stored = stored_sweeps(&run.database()).remove(run.sweep()).expect("the sweep is stored");
    assert!(stored.plan.is_intact());
    assert_eq!(stored.ended.len(), stored.records.len(), "every record is acknowledged as complete");
    let trials = seen::trials(&stored, &run.file("dataset"));
    assert!(trials.len() > stored.plan.trials.len() / 2, "only {} trials are in the figures", trials.len());
    compare::assert_report(&run.report(), &trials, fresh_heads)
}

/// Asserts that the books of a report add up, and to what was planned. On a busy machine a record may be excluded, such
/// as one whose GPU was not sampled for a second: then its trial runs again, and there are more generations.
fn assert_books(report: &Value, trials: u64, generations: u64) {
    let books = &report["conservation"];
    assert_eq!(books["holds"], true, "{books:#}");
    assert_eq!((&books["trials"]["admitted"], &books["trials"]["counted"]), (&trials.into(), &trials.into()));
    let number = |value: &Value| value.as_u64().expect("a count");
    let [inside, outside] = ["generations", "other_generations"].map(|part| number(&books[part]["sent"]));
    assert!(inside + outside >= generations && inside <= generations, "{books:#}");
    assert_eq!(books["generations"]["ok"], inside, "nothing fails on a fleet without faults");
    let nodes = books["nodes"].as_array().expect("nodes");
    let of_nodes: u64 = nodes.iter().map(|node| number(&node["generations"])).sum();
    assert_eq!(of_nodes, inside + outside, "the nodes together are the fleet");
}

fn figure<'r>(row: &'r Value, name: &str) -> &'r Value {
    let figures = row["tally"]["figures"].as_array().expect("figures");
    figures.iter().find(|figure| figure["quantity"] == name).unwrap_or(&Value::Null)
}
