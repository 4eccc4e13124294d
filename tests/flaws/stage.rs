//! One sweep on a simulated server, run once for every test on the wire: coordinator, node and command are processes of
//! their own, and a proxy keeps what node and server said to each other.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;

use chimera_coordinator::DATABASE_FILE;
use chimera_core::entry::Phase;
use chimera_core::record::{AttemptRecord, GenerationRecord};
use chimera_tests::figures::seen::{self, Trial};
use chimera_tests::http::Exchange;
use chimera_tests::proxy::RecordingProxy;
use chimera_tests::{NodePlan, Rig, Simulated, StoredSweep, stored_sweeps};
use serde_json::Value;

/// Decode rate of the simulated model; sampling takes 0.5 % of every step besides.
pub(crate) const DECODE_RATE: f64 = 400.0;
/// Tokens of every answer: the model never ends by itself.
pub(crate) const BUDGET: u64 = 24;
/// Words with letters that a careless program mangles.
pub(crate) const WORDS: &str = "Größe – it’s 3 µs at 25 °C, 東京";
/// The system text.
pub(crate) const PERSONA: &str = "You are an analyst. Answer in one sentence – it’s enough.";

/// Every step lasts as long as the last, letters are spread over tokens, and the fourth chat loses its final record.
const FLEET: &str = r#"
seed = 3
jitter_percent = 0.0
[[model]]
name = "steady"
decode_tok_s = 400.0
load_ms = 300.0
warm_load_ms = 1.0
answer_tokens = 0
layers = 16
context_length = 8192
voice = "multilingual"
[[host]]
name = "rack"
[[host.gpu]]
speed_factor = 1.0
[[host.gpu.server]]
[[host.gpu.server.fault]]
nth = 4
path = "/api/chat"
action = { kind = "no_final_record" }
"#;

fn sweep_file() -> String {
    format!(
        r#"
name = "flaws"
description = "{WORDS}"
seed = 7
repetitions = 2
[options]
num_predict = {BUDGET}
num_gpu = 17
top_k = 30
repeat_penalty = 1.15
[workload]
system = "{PERSONA}"
prompts = ["Why is the sky blue?", "How does a heat pump work?"]
generations = 2
warmups = 1
cache = "allow"
texts = "full"
[workload.limits]
stall = "10s"
[axes]
model = "steady"
num_ctx = [1024, 2048]
temperature = [0.2, 0.8]
"#
    )
}

/// What is left of the sweep.
pub(crate) struct Stage {
    /// Its report as JSON.
    pub(crate) report: Value,
    /// The same as Markdown, byte for byte.
    pub(crate) markdown: Vec<u8>,
    /// Its trials, as they are in the figures.
    pub(crate) trials: Vec<Trial>,
    /// What the coordinator stored.
    pub(crate) stored: StoredSweep,
    /// What node and server said to each other.
    exchanges: Vec<Exchange>,
    /// The server, still there.
    server: String,
    _servers: Simulated,
}

/// The sweep, run at the first look.
pub(crate) static STAGE: LazyLock<Stage> = LazyLock::new(Stage::run);

impl Stage {
    fn run() -> Self {
        let servers = Simulated::start(FLEET);
        let server = servers.urls().remove(0);
        let proxy = RecordingProxy::start(&server);
        let rig = Rig::new();
        let mut coordinator = rig.coordinator();
        let mut node = rig.node(&NodePlan::new("rack", std::slice::from_ref(&proxy.url)));
        rig.wait_for_slots(1);
        let name = rig.submit(&sweep_file());
        assert_eq!(rig.finish(&name)["state"], "done");
        let report = rig.report(&name);
        let markdown = rig.chimera(&["report", &name, "--format", "md"]).out.into_bytes();
        for daemon in [&mut node, &mut coordinator] {
            daemon.process.signal("TERM");
            let status = daemon.process.wait();
            assert!(status.success(), "{status}: {}", daemon.process.output());
        }
        let stored =
            stored_sweeps(&rig.data_dir().join(DATABASE_FILE)).remove(&name).expect("the sweep is stored");
        let trials = seen::trials(&stored, &rig.data_dir().join("datasets").join(&name));
        let exchanges = proxy.exchanges();
        Self { report, markdown, trials, stored, exchanges, server, _servers: servers }
    }

    /// Every chat that was asked for, in order.
    pub(crate) fn chats(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(|exchange| exchange.call == "POST /api/chat")
    }

    /// The bodies of them.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.chats().map(Exchange::asked).collect()
    }

    /// The records of all attempts.
    pub(crate) fn records(&self) -> impl Iterator<Item = &AttemptRecord> {
        self.stored.records.values()
    }

    /// All measured generations of all attempts.
    pub(crate) fn measured(&self) -> impl Iterator<Item = &GenerationRecord> {
        let all = self.records().flat_map(|record| &record.generations);
        all.filter(|one| one.opened.phase == Phase::Measured)
    }

    /// Asks the server for a chat and gives the status and the body of its answer.
    pub(crate) fn ask(&self, body: &Value) -> (u16, String) {
        let body = body.to_string();
        let address = self.server.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).expect("the server is there");
        let head = format!(
            "POST /api/chat HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).expect("the server listens");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("the server answers");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.expect("a status"), answer)
    }
}
