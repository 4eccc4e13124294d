//! `chimera dev` end to end: the real program on a fast simulated fleet.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions around tests fail as tests do")]

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;

/// Longest wait for a whole run.
const RUN: Duration = Duration::from_secs(120);

/// The default fleet, twenty times faster than life.
fn fast_fleet(folder: &Path) -> String {
    let fleet = chimera_simulator::Fleet { speed: 20.0, ..chimera_simulator::Fleet::default_fleet() };
    let path = folder.join("fleet.toml");
    std::fs::write(&path, toml::to_string(&fleet).unwrap()).unwrap();
    path.display().to_string()
}

async fn chimera(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimera"));
    command.args(arguments).env_remove("OLLAMA_HOST").env_remove("CHIMERA_COORDINATOR").kill_on_drop(true);
    tokio::time::timeout(RUN, command.output()).await.unwrap().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_look_runs_everything_and_leaves_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fast_fleet(folder.path());
    let data_dir = folder.path().join("data").display().to_string();
    let output = chimera(&["dev", "--simulate", &fleet, "--data-dir", &data_dir]).await;
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    for words in [
        "Simulated fleet",
        "No figure below is of a real device",
        "48 = 4 cells × 4 slots × 3 blocks",
        "sample done",
    ] {
        assert!(out.contains(words), "'{words}' is missing in:\n{out}");
    }
    assert!(!out.contains('\u{1b}'), "colours without a terminal");
    let reports = Path::new(&data_dir).join("reports/sample");
    for file in ["report.md", "report.json", "report.csv", "sweep.toml"] {
        assert!(std::fs::metadata(reports.join(file)).unwrap().len() > 0, "{file}");
    }
    assert_conserved(&reports.join("report.json"));
    let again = chimera(&["report", "sample", "--data-dir", &data_dir, "--output", "json"]).await;
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    let report: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(report["header"]["sweep"], "sample");
    let near = chimera(&["report", "smaple", "--data-dir", &data_dir]).await;
    assert_eq!(near.status.code(), Some(1));
    assert!(text(&near.stderr).contains("did you mean 'sample'?"), "{}", text(&near.stderr));
}

fn assert_conserved(path: &Path) {
    let report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let trials = &report["conservation"]["trials"];
    assert_eq!((&trials["admitted"], &trials["counted"]), (&48.into(), &48.into()), "{trials}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_one_json_document_per_line() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fast_fleet(folder.path());
    let data_dir = folder.path().join("data").display().to_string();
    let line = [
        "dev",
        "--simulate",
        &fleet,
        "--data-dir",
        &data_dir,
        "--output",
        "json",
        "--name",
        "mine",
        "--seed",
        "7",
    ];
    let output = chimera(&line).await;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    let documents: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = documents.iter().filter_map(|document| document["kind"].as_str()).collect();
    assert_eq!((kinds[0], kinds[1], *kinds.last().unwrap()), ("found", "plan", "finished"));
    assert!(kinds[2..kinds.len() - 1].iter().all(|kind| *kind == "progress"), "{kinds:?}");
    assert_eq!(documents[1]["seed"], "0000000000000007");
    let finished = documents.last().unwrap();
    assert_eq!(
        (&finished["status"]["sweep"], &finished["status"]["state"]),
        (&"mine".into(), &"done".into())
    );
    assert!(finished["files"]["dataset"].is_string(), "{finished}");
}
