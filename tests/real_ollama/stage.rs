//! One sweep on a real Ollama, run once: server, proxy, coordinator, node and command are processes of their own.

use std::process::Command;
use std::time::Duration;

use chimera_coordinator::DATABASE_FILE;
use chimera_tests::figures::seen::{self, Trial};
use chimera_tests::http::Exchange;
use chimera_tests::proxy::RecordingProxy;
use chimera_tests::{NodePlan, Rig, StoredSweep, binary, real_ollama, run, stored_sweeps};
use serde_json::Value;

/// Longest wait for the sweep: it needs seconds, on a machine that may be busy.
const SWEEP_LIMIT: Duration = Duration::from_secs(300);

/// One thread, because threads that share cores with other work are several times slower than one.
const SWEEP: &str = r#"
name = "real"
description = "Two context lengths at two temperatures on a real server."
seed = 11
repetitions = 3

[options]
num_predict = 24
num_thread = 1

[workload]
prompts = ["Why is the sky blue?", "How does a heat pump work?"]
generations = 2
warmups = 1

[axes]
model = "tiny:latest"
num_ctx = [256, 512]
temperature = [0, 0.8]
"#;

/// What is left of the sweep.
pub(crate) struct Stage {
    /// Its plan, as `sweep run` told it.
    pub(crate) plan: Value,
    /// Its progress, as `sweep run` told it.
    pub(crate) progress: Vec<Value>,
    /// Its report.
    pub(crate) report: Value,
    /// Its trials, as they are in the figures.
    pub(crate) trials: Vec<Trial>,
    /// What the coordinator stored.
    pub(crate) stored: StoredSweep,
    /// What node and server said to each other.
    pub(crate) exchanges: Vec<Exchange>,
    /// What the server logged.
    pub(crate) server_log: String,
}

impl Stage {
    /// Runs the sweep; absent where there is no real Ollama, after saying so.
    pub(crate) fn run(what_is_skipped: &str) -> Option<Self> {
        let rig = Rig::new();
        let ollama = real_ollama(rig.path(), &["tiny"], what_is_skipped)?;
        let proxy = RecordingProxy::start(&ollama.url);
        let mut coordinator = rig.coordinator();
        let plan = NodePlan {
            keys: "probe = \"none\"\n".to_owned(),
            ..NodePlan::new("real-a", std::slice::from_ref(&proxy.url))
        };
        let mut node = rig.node(&plan);
        rig.wait_for_slots(1);
        let mut documents = followed(&rig);
        let report = rig.report("real");
        assert_eq!(rig.finish("real")["state"], "done");
        for daemon in [&mut node, &mut coordinator] {
            daemon.process.signal("TERM");
            let status = daemon.process.wait();
            assert!(status.success(), "{status}: {}", daemon.process.output());
        }
        let stored =
            stored_sweeps(&rig.data_dir().join(DATABASE_FILE)).remove("real").expect("the sweep is stored");
        let trials = seen::trials(&stored, &rig.data_dir().join("datasets/real"));
        let (plan, progress) = (documents.remove(0), documents);
        Some(Self {
            plan,
            progress,
            report,
            trials,
            stored,
            exchanges: proxy.exchanges(),
            server_log: ollama.log(),
        })
    }
}

/// What `sweep run` prints until the sweep has ended.
fn followed(rig: &Rig) -> Vec<Value> {
    let file = rig.path().join("sweep.toml");
    std::fs::write(&file, SWEEP).expect("a sweep file");
    let mut command = Command::new(binary("chimera"));
    command.args(["--coordinator", &rig.url(), "--output", "json", "sweep", "run"]).arg(&file);
    run(command, SWEEP_LIMIT).well().documents()
}
