//! Sets up a node between the two scripted parties, offers attempts and puts records together.

use std::time::Duration;

use chimera_agent_node::config::{Config, Endpoint, GpuChoice, ProbeChoice, SlotConfig};
use chimera_agent_node::gpu::ProbeFactory;
use chimera_agent_node::{Node, Parts, Shutdown, Timing};
use chimera_core::axis::CellSpec;
use chimera_core::id::{AttemptId, AttemptNumber, Digest, NodeId, SweepId, TrialId};
use chimera_core::option::{OptionValue, Options};
use chimera_core::record::{Assembler, AttemptRecord};
use chimera_core::seed::Seed;
use chimera_core::sweep::ModelName;
use chimera_core::unit::{Bytes, Nanos};
use chimera_core::workload::{Endpoint as Route, Limits, Prompt, PromptCache, Start, TextStorage, Workload};
use chimera_proto::convert::{Offer, decode_entries};
use chimera_proto::v1::{self, session_request::Kind as Out, session_response::Kind as In};

use super::coordinator::{Coordinator, PATIENCE, Session};
use super::server::Server;

/// A node on its stage.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) coordinator: Coordinator,
    pub(crate) shutdown: Shutdown,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) probes: Option<ProbeFactory>,
    node: Option<tokio::task::JoinHandle<()>>,
}

pub(crate) fn config(server: &str, coordinator: &str, folder: &std::path::Path) -> Config {
    Config {
        node: NodeId::new("test-node").unwrap(),
        coordinator: coordinator.to_owned(),
        data_dir: folder.to_owned(),
        slots: vec![SlotConfig { endpoint: Endpoint::parse(server).unwrap(), gpus: GpuChoice::Auto }],
        probe: ProbeChoice::None,
        nvml_library: None,
        spool_quota: Bytes(64 << 20),
        sample_hz: 10,
        drain_seconds: 5,
        reconnect_max_seconds: 1,
        insecure_network: false,
    }
}

pub(crate) fn timing() -> Timing {
    Timing {
        reconnect_first: Duration::from_millis(50),
        reconnect_max: Duration::from_millis(100),
        refused: Duration::from_millis(300),
        inventory: Duration::from_millis(500),
        flush: Duration::from_secs(2),
        ..Timing::default()
    }
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::set_with(Server::start().await).await
    }

    pub(crate) async fn set_with(server: Server) -> Self {
        let coordinator = Coordinator::start().await;
        let folder = tempfile::tempdir().unwrap();
        let mut stage =
            Self { server, coordinator, shutdown: Shutdown::new(), folder, probes: None, node: None };
        stage.start_node();
        stage
    }

    pub(crate) fn start_node(&mut self) {
        let config = config(&self.server.address, &self.coordinator.address, self.folder.path());
        let node =
            Node::build(config, Parts { probes: self.probes.clone(), timing: Some(timing()) }).unwrap();
        self.shutdown = Shutdown::new();
        self.node = Some(tokio::spawn(node.serve(self.shutdown.clone())));
    }

    /// Ends the node as `kill -9` would, as far as a task can.
    pub(crate) async fn kill_node(&mut self) {
        let node = self.node.take().unwrap();
        node.abort();
        let _ = node.await;
    }

    /// Waits for the end of the node.
    pub(crate) async fn ended(&mut self) {
        tokio::time::timeout(PATIENCE, self.node.take().unwrap()).await.expect("the node goes on").unwrap();
    }

    /// Runs one offer in a fresh session and returns its record.
    pub(crate) async fn run(&mut self, offer: &Offer) -> AttemptRecord {
        let mut session = self.coordinator.welcome(Vec::new()).await;
        session.send(In::Offer(offer.into())).await;
        session.accepted().await;
        session.record().await
    }
}

impl Session {
    pub(crate) async fn accepted(&mut self) {
        let frame = self.frame().await;
        assert!(matches!(frame, Some(Out::Accepted(_))), "{frame:?}");
    }

    /// Reads batches to the end of an attempt, checks their numbers and chain, and acknowledges all.
    pub(crate) async fn record(&mut self) -> AttemptRecord {
        let mut assembler = Assembler::default();
        let mut chain = Digest([0; 32]);
        let mut seq = 0;
        loop {
            match self.frame().await.expect("the session ended inside an attempt") {
                Out::Batch(batch) => {
                    seq += 1;
                    assert_eq!((batch.seq, &batch.digest[..]), (seq, &Digest::of(&batch.payload).0[..]));
                    chain = chain.chain(Digest::of(&batch.payload));
                    let entries = decode_entries(&batch.payload).unwrap();
                    entries.into_iter().for_each(|entry| assembler.push(entry).unwrap());
                    self.ack(batch.attempt, seq, false).await;
                }
                Out::End(end) => {
                    assert_eq!((end.last_seq, &end.chain[..]), (seq, &chain.0[..]));
                    self.ack(end.attempt, seq, true).await;
                    return assembler.finish().unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    pub(crate) async fn ack(&self, attempt: Option<v1::AttemptId>, acked_seq: u64, complete: bool) {
        self.send(In::Ack(v1::Ack { attempt, acked_seq, complete })).await;
    }
}

pub(crate) fn attempt(trial: u32) -> AttemptId {
    let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal: trial };
    AttemptId { trial, number: AttemptNumber::FIRST }
}

/// One measured generation of `tiny`, no warm-up, short limits.
pub(crate) fn offer(trial: u32) -> Offer {
    let mut options = Options::default();
    options.set("num_ctx", OptionValue::Integer(2048)).unwrap();
    options.set("num_predict", OptionValue::Integer(4)).unwrap();
    Offer {
        attempt: attempt(trial),
        slot: 0,
        cell: CellSpec { model: ModelName::new("tiny").unwrap(), options },
        cell_index: 0,
        block: 0,
        workload: Workload {
            endpoint: Route::Chat,
            system: None,
            prompts: vec![Prompt { text: "why?".to_owned() }, Prompt { text: "how?".to_owned() }],
            generations: 1,
            warmups: 0,
            concurrency: 1,
            start: Start::Warm,
            cache: PromptCache::Bust,
            texts: TextStorage::Full,
            think: None,
            limits: Limits {
                load: Nanos::from_secs(5),
                first_token: Nanos::from_millis(700),
                stall: Nanos::from_millis(400),
                generation: Nanos::from_secs(5),
                attempt: Nanos::from_secs(20),
            },
        },
        seed: Seed(7),
    }
}
