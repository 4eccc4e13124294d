//! What both kinds of kills share: three simulated servers, sweeps one after the other, the check at the end.

use std::time::Duration;

use chimera_core::seed::{Seed, Stream};
use chimera_tests::Simulated;
use chimera_tests::audit;
use chimera_tests::{NodePlan, Rig};

/// Kills of each kind.
pub(crate) const KILLS: u32 = 50;
/// Log of a node that tells what it sends and what is acknowledged.
pub(crate) const CHATTY: &str = "info,chimera_agent_node::session=debug";

/// Three hosts with one server each.
const FLEET: &str = r#"
seed = 5
[[model]]
name = "steady"
decode_tok_s = 600.0
load_ms = 20.0
warm_load_ms = 1.0
answer_tokens = 0
[[host]]
name = "a"
[[host.gpu]]
[[host.gpu.server]]
[[host]]
name = "b"
[[host.gpu]]
[[host.gpu.server]]
[[host]]
name = "c"
[[host.gpu]]
[[host.gpu.server]]
dialect = "0.24"
"#;

/// Sweeps that are submitted one after the other, so that there is always work to interrupt.
pub(crate) struct Sweeps {
    placement: &'static str,
    submitted: Vec<String>,
}

impl Sweeps {
    pub(crate) fn new(placement: &'static str) -> Self {
        Self { placement, submitted: Vec::new() }
    }

    /// Submits another sweep when the last one is sealed. The coordinator must be up.
    pub(crate) fn keep_busy(&mut self, rig: &Rig) {
        let datasets = rig.data_dir().join("datasets");
        if self.submitted.last().is_none_or(|last| datasets.join(last).is_dir()) {
            let name = format!("kills-{}", self.submitted.len());
            self.submitted.push(rig.submit(&sweep(&name, self.placement)));
        }
    }

    /// Waits for the end of all and checks each from outside and inside.
    pub(crate) fn check(&self, rig: &Rig) {
        for name in &self.submitted {
            let progress = rig.finish(name);
            let trials = &progress["trials"];
            assert_eq!(trials["admitted"], trials["counted"], "{name}: {progress}");
            let report = rig.report(name);
            let books = &report["conservation"];
            assert_eq!(books["holds"], true, "{books}");
            assert_eq!(books["trials"]["pending"], 0, "{books}");
            assert_eq!(books["trials"]["admitted"], books["trials"]["counted"], "{books}");
            let found = audit(&rig.data_dir(), name);
            assert_eq!(found.counted as u64, trials["admitted"].as_u64().unwrap(), "{name}: {found:?}");
            assert_eq!(found.counted, found.trials, "{name}: {found:?}");
            eprintln!("{name}: {found:?}, {}", books["line"]);
        }
    }
}

/// Trials of a fifth of a second in several batches. Texts are stored: bytes that no second attempt can repeat.
pub(crate) fn sweep(name: &str, placement: &str) -> String {
    format!(
        r#"
name = "{name}"
repetitions = 15
placement = "{placement}"
[options]
num_ctx = 2048
num_predict = 100
[workload]
prompts = ["Why is the sky blue?", "How do tides work?"]
generations = 3
warmups = 0
texts = "full"
[axes]
model = "steady"
temperature = [0.2, 0.5, 0.8]
"#
    )
}

/// The plans of three nodes on three servers.
pub(crate) fn servers() -> (Simulated, Vec<NodePlan>) {
    let servers = Simulated::start(FLEET);
    let names = ["node-a", "node-b", "node-c"];
    let plan = |(name, url): (&str, String)| NodePlan { log: CHATTY, ..NodePlan::new(name, &[url]) };
    let plans = names.into_iter().zip(servers.urls()).map(plan).collect();
    (servers, plans)
}

/// The moments of a test: from `CHIMERA_SEED`, or always the same.
pub(crate) fn moments(purpose: &str) -> Stream {
    let seed = std::env::var("CHIMERA_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2_026);
    eprintln!("CHIMERA_SEED={seed}");
    Seed(seed).child(purpose).stream()
}

/// Lets a random part of `span` pass: the moment of a kill.
pub(crate) fn pass_some(moments: &mut Stream, span: Duration) {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    std::thread::sleep(Duration::from_nanos(moments.below(nanos)));
}
