//! The commands against a coordinator without nodes: what they print, in both forms, and how they end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions around tests fail as tests do")]

use std::process::Output;
use std::time::Duration;

use chimera_coordinator::{Config, Coordinator, Parts};
use serde_json::Value;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// A coordinator in this process.
struct Running {
    url: String,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Running {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let config = Config { listen, data_dir: folder.path().to_owned(), ..Config::default() };
        let coordinator = Coordinator::build(config, Parts::default()).await.unwrap();
        let url = format!("http://{}", coordinator.local_addr());
        let stop = CancellationToken::new();
        let serving = coordinator.serve(stop.clone().cancelled_owned());
        let task = tokio::spawn(async move {
            serving.await.unwrap();
        });
        Self { url, stop, task, _folder: folder }
    }

    async fn chimera(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chimera"));
        command.args(["--coordinator", &self.url]).args(arguments).kill_on_drop(true);
        tokio::time::timeout(Duration::from_secs(30), command.output()).await.unwrap().unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(30), self.task).await.unwrap().unwrap();
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_fleet_says_what_to_do() {
    let running = Running::start().await;
    let nodes = running.chimera(&["nodes", "list"]).await;
    assert_eq!(
        (nodes.status.code(), out(&nodes).contains("chimera-node")),
        (Some(0), true),
        "{}",
        err(&nodes)
    );
    let sweeps = running.chimera(&["sweep", "list"]).await;
    assert_eq!((sweeps.status.code(), out(&sweeps).contains("chimera sweep run")), (Some(0), true));
    let json = running.chimera(&["nodes", "list", "--output", "json"]).await;
    assert_eq!(out(&json), "{\"kind\":\"nodes\",\"nodes\":[]}\n");
    let json = running.chimera(&["sweep", "list", "--output", "json"]).await;
    assert_eq!(out(&json), "{\"kind\":\"sweeps\",\"sweeps\":[]}\n");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_names_are_told() {
    let running = Running::start().await;
    let lines: [&[&str]; 7] = [
        &["sweep", "show", "nightly"],
        &["sweep", "watch", "nightly"],
        &["sweep", "cancel", "nightly"],
        &["report", "nightly"],
        &["nodes", "show", "gpu-a"],
        &["nodes", "drain", "gpu-a"],
        &["nodes", "undrain", "gpu-a"],
    ];
    for line in lines {
        let output = running.chimera(line).await;
        let complaint = err(&output);
        assert_eq!(output.status.code(), Some(1), "{line:?}: {complaint}");
        assert!(complaint.contains("there is no ") && complaint.contains(" list"), "{line:?}: {complaint}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_fits_no_slot_is_refused_or_warned_of() {
    let running = Running::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.toml");
    std::fs::write(&file, include_str!("../src/sample.toml")).unwrap();
    let output = running.chimera(&["--output", "json", "sweep", "plan", file.to_str().unwrap()]).await;
    let said = if output.status.success() { out(&output) } else { err(&output) };
    let document: Value = serde_json::from_str(said.trim()).unwrap();
    match output.status.code() {
        Some(0) => assert!(!document["warnings"].as_array().unwrap().is_empty(), "{document}"),
        Some(1 | 2) => assert_eq!(document["kind"], "error", "{document}"),
        other => panic!("{other:?}: {document}"),
    }
    running.stop().await;
}
