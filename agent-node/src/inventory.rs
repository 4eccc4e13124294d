//! What this node says about itself, kept up to date: host, slots, GPUs, model servers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chimera_core::gpu::Gpu;
use chimera_core::id::GpuUuid;
use chimera_core::node::{HostFacts, ModelFacts, NodeFacts, ProbeKind, ServerFacts, SlotFacts};
use chimera_core::unit::{Bytes, Milliwatts};
use chimera_proto::v1;
use prost::Message;
use tokio::sync::watch;

use crate::bench::Bench;
use crate::clock::NodeClock;
use crate::config::{Config, SlotConfig};
use crate::gpu::{self, ProbeFactory};
use crate::idle;
use crate::ollama::api::{Api, ApiError, Listed, Shape};

/// Most models whose details are asked for in one round; the rest follows in the next ones.
const SHOWS_PER_ROUND: usize = 32;
/// Most details that are remembered.
const SHAPES_MAX: usize = 8_192;
/// Largest encoded facts: a quarter of a frame stays for the rest of a hello.
const FACTS_MAX_BYTES: usize = chimera_proto::FRAME_MAX_BYTES / 4 * 3;

/// What the probe said at the last look.
struct Seen {
    gpus: Vec<Gpu>,
    probe: ProbeKind,
    note: Option<String>,
}

/// Collects the facts of a node.
pub(crate) struct Inventory {
    config: Config,
    host: HostFacts,
    probes: ProbeFactory,
    apis: Vec<Api>,
    /// Details by digest: they do not change.
    shapes: BTreeMap<String, Shape>,
    /// Idle power of the GPUs where it was seen: once, so that the facts stay as they are.
    idle: BTreeMap<GpuUuid, Milliwatts>,
    facts: watch::Sender<Arc<NodeFacts>>,
}

impl Inventory {
    /// Looks at the host and its GPUs; model servers are asked later.
    pub(crate) fn new(config: &Config, host: HostFacts, probes: ProbeFactory, clock: NodeClock) -> Self {
        let apis = config.slots.iter().map(|slot| Api { endpoint: slot.endpoint.clone(), clock }).collect();
        let server =
            ServerFacts { version: None, models: Vec::new(), error: Some("not asked yet".to_owned()) };
        let seen = look(&probes);
        let slots = config
            .slots
            .iter()
            .enumerate()
            .map(|(index, slot)| slot_facts(index, slot, &seen, server.clone()));
        let first = NodeFacts { id: config.node.clone(), host: host.clone(), slots: slots.collect() };
        let facts = watch::Sender::new(Arc::new(first));
        Self {
            config: config.clone(),
            host,
            probes,
            apis,
            shapes: BTreeMap::new(),
            idle: BTreeMap::new(),
            facts,
        }
    }

    /// Follows the facts.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<NodeFacts>> {
        self.facts.subscribe()
    }

    /// Refreshes the facts every `period` until nobody follows them.
    pub(crate) async fn run(mut self, bench: Arc<Bench>, period: Duration) {
        loop {
            self.look_at_idle(&bench).await;
            tokio::select! {
                () = tokio::time::sleep(period) => self.refresh(&bench).await,
                () = self.facts.closed() => return,
            }
        }
    }

    /// Looks again at everything that is idle: a busy slot is not disturbed.
    pub(crate) async fn refresh(&mut self, bench: &Bench) {
        let probes = Arc::clone(&self.probes);
        let Ok(seen) = tokio::task::spawn_blocking(move || look(&probes)).await else { return };
        let before = Arc::clone(&self.facts.borrow());
        let mut slots = Vec::with_capacity(before.slots.len());
        for (index, old) in before.slots.iter().enumerate() {
            if bench.is_busy(index) {
                slots.push(old.clone());
                continue;
            }
            let server = self.ask(index).await;
            let mut slot = slot_facts(index, &self.config.slots[index], &seen, server);
            self.add_idle(&mut slot.gpus);
            slots.push(slot);
        }
        let mut facts = NodeFacts { id: self.config.node.clone(), host: self.host.clone(), slots };
        shorten(&mut facts);
        self.publish(facts);
    }

    /// Looks once at what the GPUs of an unused slot draw.
    async fn look_at_idle(&mut self, bench: &Bench) {
        let mut facts = NodeFacts::clone(&self.facts.borrow());
        for (index, slot) in facts.slots.iter_mut().enumerate() {
            let unknown = slot.gpus.iter().any(|gpu| gpu.idle_power.is_none() && gpu.mig != Some(true));
            if !unknown || bench.is_busy(index) {
                continue;
            }
            if let Some(seen) = idle::power(bench, index, &self.apis[index], &self.probes, &slot.gpus).await {
                self.idle.extend(seen);
                self.add_idle(&mut slot.gpus);
            }
        }
        self.publish(facts);
    }

    fn add_idle(&self, gpus: &mut [Gpu]) {
        for gpu in gpus {
            gpu.idle_power = self.idle.get(&gpu.uuid).copied();
        }
    }

    fn publish(&self, facts: NodeFacts) {
        self.facts.send_if_modified(|known| {
            let changed = **known != facts;
            if changed {
                *known = Arc::new(facts);
            }
            changed
        });
    }

    async fn ask(&mut self, slot: usize) -> ServerFacts {
        let api = self.apis[slot].clone();
        match self.ask_server(&api).await {
            Ok(facts) => facts,
            Err(error) => ServerFacts { version: None, models: Vec::new(), error: Some(error.to_string()) },
        }
    }

    async fn ask_server(&mut self, api: &Api) -> Result<ServerFacts, ApiError> {
        let version = api.version().await?;
        let listed = api.models().await?;
        self.learn_shapes(api, &listed).await;
        let models = listed.into_iter().map(|model| self.model_facts(model)).collect();
        Ok(ServerFacts { version: Some(version), models, error: None })
    }

    async fn learn_shapes(&mut self, api: &Api, listed: &[Listed]) {
        if self.shapes.len() > SHAPES_MAX {
            self.shapes.clear();
        }
        let unknown =
            listed.iter().filter(|model| !self.shapes.contains_key(&model.digest)).take(SHOWS_PER_ROUND);
        let unknown: Vec<&Listed> = unknown.collect();
        for model in unknown {
            match api.shape(&model.name).await {
                Ok(shape) => drop(self.shapes.insert(model.digest.clone(), shape)),
                Err(error) => tracing::debug!(model = model.name, %error, "no details of a model"),
            }
        }
    }

    fn model_facts(&self, listed: Listed) -> ModelFacts {
        let shape = self.shapes.get(&listed.digest).copied().unwrap_or_default();
        ModelFacts {
            name: listed.name,
            digest: listed.digest,
            size: listed.size.map(Bytes),
            family: listed.details.family,
            parameters: listed.details.parameter_size,
            quantization: listed.details.quantization_level,
            layers: shape.layers,
            context_length: shape.context_length,
        }
    }
}

fn look(probes: &ProbeFactory) -> Seen {
    let mut probe = probes();
    match probe.inventory() {
        Ok(gpus) => Seen { gpus, probe: probe.kind(), note: probe.note() },
        Err(error) => Seen { gpus: Vec::new(), probe: ProbeKind::None, note: Some(error.to_string()) },
    }
}

fn slot_facts(index: usize, slot: &SlotConfig, seen: &Seen, server: ServerFacts) -> SlotFacts {
    let (gpus, missing) = gpu::pinned(&slot.gpus, &seen.gpus);
    SlotFacts {
        // A configuration has at most 64 slots.
        index: u16::try_from(index).unwrap_or(u16::MAX),
        endpoint: slot.endpoint.to_string(),
        gpus,
        probe: seen.probe,
        probe_note: seen.note.clone().or(missing),
        server,
    }
}

/// Leaves out models until the facts fit a frame; a slot that lost some says so.
fn shorten(facts: &mut NodeFacts) {
    while v1::NodeFacts::from(&*facts).encoded_len() > FACTS_MAX_BYTES {
        let Some(longest) = facts.slots.iter_mut().max_by_key(|slot| slot.server.models.len()) else {
            return;
        };
        let kept = longest.server.models.len() / 2;
        if kept == 0 {
            return;
        }
        longest.server.models.truncate(kept);
        longest.server.error =
            Some(format!("only the first {kept} models are listed: the facts would not fit a frame"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_shortened_to_a_frame() {
        let model = ModelFacts {
            name: "m".repeat(200),
            digest: "d".repeat(64),
            size: None,
            family: None,
            parameters: None,
            quantization: None,
            layers: None,
            context_length: None,
        };
        let server = ServerFacts { version: None, models: vec![model; 4_096], error: None };
        let slot = SlotFacts {
            index: 0,
            endpoint: "http://h:1".into(),
            gpus: Vec::new(),
            probe: ProbeKind::None,
            probe_note: None,
            server,
        };
        let id = chimera_core::id::NodeId::new("a").unwrap();
        let mut facts = NodeFacts { id, host: crate::host::read(), slots: vec![slot] };
        shorten(&mut facts);
        assert!(v1::NodeFacts::from(&facts).encoded_len() <= FACTS_MAX_BYTES);
        assert_eq!(facts.slots[0].server.models.len(), 2_048);
        assert!(facts.slots[0].server.error.is_some());
    }
}
