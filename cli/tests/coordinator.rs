//! The commands against a coordinator without nodes: what they print, in both forms, and how they end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions around tests fail as tests do")]

use std::process::Output;
use std::time::Duration;

use chimera_coordinator::{Config, Coordinator, Parts};
use chimera_proto::v1::fleet_service_client::FleetServiceClient;
use chimera_proto::v1::{self, session_request::Kind};
use serde_json::Value;
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
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

/// Registers a node whose server has `tiny`, a model of 3 layers; it lasts as long as the frames are held.
async fn join(url: &str) -> mpsc::Sender<v1::SessionRequest> {
    let model = v1::ModelFacts {
        name: "tiny:latest".to_owned(),
        digest: "d1".to_owned(),
        layers: Some(3),
        context_length: Some(2_048),
        ..v1::ModelFacts::default()
    };
    let server = v1::ServerFacts { version: Some("0.33.0".to_owned()), models: vec![model], error: None };
    let slot = v1::SlotFacts {
        endpoint: "http://127.0.0.1:11434".to_owned(),
        probe: v1::ProbeKind::None.into(),
        server: Some(server),
        ..v1::SlotFacts::default()
    };
    let host =
        v1::HostFacts { hostname: "lab".to_owned(), arch: "x86_64".to_owned(), ..v1::HostFacts::default() };
    let facts = v1::NodeFacts { id: "lab-1".to_owned(), host: Some(host), slots: vec![slot] };
    let hello = v1::Hello { protocol_min: 1, protocol_max: 1, facts: Some(facts), ..v1::Hello::default() };
    let (frames, requests) = mpsc::channel(4);
    frames.send(v1::SessionRequest { kind: Some(Kind::Hello(hello)) }).await.unwrap();
    let channel = tonic::transport::Endpoint::from_shared(url.to_owned()).unwrap().connect().await.unwrap();
    let mut client = FleetServiceClient::new(channel);
    let mut answers = client.session(ReceiverStream::new(requests)).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some(), "no welcome");
    tokio::spawn(async move { while let Ok(Some(_)) = answers.message().await {} });
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_all_that_is_wrong_with_a_sweep_and_a_run_is_refused() {
    let running = Running::start().await;
    let node = join(&running.url).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sweep.toml");
    let sweep = format!(
        "name = \"crooked\"\n[options]\nnum_ctx = 512\nnum_predict = 64\n[workload]\nprompts = [\"{}\"]\n\
         [axes]\nmodel = \"tiny\"\nnum_gpu = [99, 50, -1]\n[[cells]]\nmodel = \"tiny\"\nnum_gpu = 2\nnum_predict = 1024\n",
        "word ".repeat(600)
    );
    std::fs::write(&file, sweep).unwrap();
    let file = file.to_str().unwrap();
    let plan = running.chimera(&["--output", "json", "sweep", "plan", file]).await;
    assert!(plan.status.success(), "{}", err(&plan));
    let document: Value = serde_json::from_str(out(&plan).trim()).unwrap();
    let warnings: Vec<&str> =
        document["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for words in [
        "cells 1, 2 of tiny differ in num_gpu only as written",
        "tiny leaves num_gpu to the server in cell 3 and sets it in cell 1",
        "the prompt of cell 1 (one of 3) probably does not fit: about 750 tokens",
        "will be refused: the budget of cell 4 can not fit, num_predict 1024 is above the context of 512",
    ] {
        assert!(
            warnings.iter().any(|warning| warning.starts_with(words)),
            "'{words}' is not in {warnings:?}"
        );
    }
    let run = running.chimera(&["sweep", "run", file]).await;
    let complaint = err(&run);
    assert!(!run.status.success(), "{complaint}");
    assert!(
        complaint.contains("cell 4 (tiny num_ctx=512") && complaint.contains("lower num_predict"),
        "{complaint}"
    );
    assert_eq!(
        out(&running.chimera(&["--output", "json", "sweep", "list"]).await),
        "{\"kind\":\"sweeps\",\"sweeps\":[]}\n"
    );
    drop(node);
    running.stop().await;
}
