//! The sweep files and fleet files of these tests.

use chimera_tests::{NodePlan, Simulated};

/// What a node with a plan of [`talkative`] logs once a generation is on its way.
pub(crate) const MEASURING: &str = "a batch is sent";

/// A node on those servers that logs each batch.
pub(crate) fn talkative(servers: &Simulated) -> NodePlan {
    let log = "info,chimera_agent_node::session=debug";
    NodePlan { log, ..NodePlan::new("rack", &servers.urls()) }
}

/// A model that decodes 400 tokens in a second on every simulated GPU.
const MODEL: &str = r#"
seed = 3
[[model]]
name = "steady"
decode_tok_s = 400.0
load_ms = 20.0
warm_load_ms = 1.0
answer_tokens = 0
"#;

/// One host with a server for each text, which holds the server's keys and faults as TOML.
pub(crate) fn fleet(servers: &[&str]) -> String {
    let gpu = |keys: &&str| format!("[[host.gpu]]\nspeed_factor = 1.0\n[[host.gpu.server]]\n{keys}\n");
    let gpus: String = servers.iter().map(gpu).collect();
    format!("{MODEL}[[host]]\nname = \"rack\"\n{gpus}")
}

/// A sweep of one cell on every slot: three generations of 40 tokens per trial, short limits.
pub(crate) fn sweep(name: &str, repetitions: u32) -> String {
    sweep_of(name, repetitions, 3, 40)
}

/// The same with other numbers.
pub(crate) fn sweep_of(name: &str, repetitions: u32, generations: u32, tokens: u32) -> String {
    format!(
        r#"
name = "{name}"
repetitions = {repetitions}
placement = "each-gpu"
[options]
num_ctx = 4096
num_predict = {tokens}
[workload]
prompts = ["Why is the sky blue?"]
generations = {generations}
warmups = 0
texts = "full"
[workload.limits]
load = "1s"
first_token = "8s"
stall = "3s"
generation = "30s"
attempt = "5m"
[axes]
model = "steady"
"#
    )
}
