//! What the rules may see of a record. Nothing in here is a rate, a latency or a token count of an answer: windows say
//! where in the trace something was measured, not how long anything took.

use std::collections::BTreeMap;

use crate::entry::{ClockSource, Note, Phase};
use crate::gpu::GpuSample;
use crate::id::GpuUuid;
use crate::node::NodeFacts;
use crate::plan::Plan;
use crate::quantity::attempt::Window;
use crate::record::{AttemptRecord, GenerationRecord};
use crate::unit::{Bytes, Nanos};
use crate::workload::Start;

/// What the cell asks of the server's placement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// Layers to put on GPUs; absent or -1 when the server decides.
    pub num_gpu: Option<i64>,
    /// Layers of the model that can go there, where that is known.
    pub layers: Option<u32>,
}

impl Asked {
    /// What the cell of a record's trial asks for. The model is known by its digest, whichever node told of it.
    #[must_use]
    pub fn of<'n>(
        plan: &Plan,
        nodes: impl IntoIterator<Item = &'n NodeFacts>,
        record: &AttemptRecord,
    ) -> Self {
        let trial = plan.trials.get(record.attempt().trial.ordinal as usize);
        let cell = trial.and_then(|trial| plan.cells.get(trial.cell as usize));
        let digest = record.opened.model_digest.as_deref();
        let mut models = nodes.into_iter().flat_map(|node| &node.slots).flat_map(|slot| &slot.server.models);
        Self {
            num_gpu: cell.and_then(|cell| cell.options.integer("num_gpu")),
            layers: models.find(|model| Some(model.digest.as_str()) == digest).and_then(|model| model.layers),
        }
    }
}

/// What the rules may see of a record.
#[derive(Debug, Clone)]
pub struct Evidence<'r> {
    /// Whether another system recorded this.
    pub(super) imported: bool,
    /// Where measured generations lie.
    pub(super) windows: Vec<Window>,
    /// Samples per GPU, in order of time.
    pub(super) samples: BTreeMap<&'r GpuUuid, Vec<&'r GpuSample>>,
    /// Measured generations.
    pub(super) calls: Vec<Call>,
    /// What the server showed after each load.
    pub(super) shown: Vec<Shown<'r>>,
    /// Digest of the model at the beginning.
    pub(super) digest: Option<&'r str>,
    /// What the node noted.
    pub(super) notes: &'r [Note],
    /// What was asked for.
    pub(super) asked: Asked,
}

/// A measured generation, without what it measured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Number in the attempt.
    pub(super) ordinal: u32,
    /// Cold or warm, as intended.
    pub(super) start: Start,
    /// When it was sent.
    pub(super) sent_at: Nanos,
    /// Every wait of the server's scheduler, load included.
    pub(super) load: Option<Nanos>,
    /// Tokens of the prompt.
    pub(super) prompt_tokens: Option<u64>,
    /// Least and largest lag of an arrival behind the server's stamp, in ns; the clocks' offset is in both.
    pub(super) lag: Option<(i128, i128)>,
}

/// What the server showed after a load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown<'r> {
    /// Offset of the load.
    pub(super) at: Nanos,
    /// Context length in tokens.
    pub(super) context_length: Option<u32>,
    /// Memory of the model, and its part on GPUs.
    pub(super) placed: Option<(Bytes, Bytes)>,
    /// Digest of the model.
    pub(super) digest: Option<&'r str>,
}

impl<'r> Evidence<'r> {
    /// The evidence in a record.
    #[must_use]
    pub fn of(record: &'r AttemptRecord, asked: Asked) -> Self {
        let measured = record.generations.iter().filter(|one| one.opened.phase == Phase::Measured);
        let shown = record.loads.iter().map(|load| Shown {
            at: load.at,
            context_length: load.context_length,
            placed: load.size.zip(load.size_vram),
            digest: load.digest.as_deref(),
        });
        Self {
            imported: record.opened.clock == ClockSource::Imported,
            windows: measured.clone().filter_map(window).collect(),
            samples: by_gpu(&record.gpu_samples),
            calls: measured.map(|one| call(record, one)).collect(),
            shown: shown.collect(),
            digest: record.opened.model_digest.as_deref(),
            notes: &record.notes,
            asked,
        }
    }

    /// First send to last end.
    pub(super) fn span(&self) -> Option<Window> {
        let both = |a: Window, b: &Window| Window { from: a.from.min(b.from), to: a.to.max(b.to) };
        let (first, rest) = self.windows.split_first()?;
        Some(rest.iter().fold(*first, both))
    }

    /// Whether an offset lies in a measured window.
    pub(super) fn inside(&self, at: Nanos) -> bool {
        self.windows.iter().any(|window| (window.from..=window.to).contains(&at))
    }
}

fn by_gpu(samples: &[GpuSample]) -> BTreeMap<&GpuUuid, Vec<&GpuSample>> {
    let mut by_gpu: BTreeMap<&GpuUuid, Vec<&GpuSample>> = BTreeMap::new();
    for sample in samples {
        by_gpu.entry(&sample.uuid).or_default().push(sample);
    }
    by_gpu.values_mut().for_each(|of_one| of_one.sort_by_key(|sample| sample.at));
    by_gpu
}

fn window(generation: &GenerationRecord) -> Option<Window> {
    let from = generation.opened.sent_at;
    let length = generation.closed.as_ref()?.ended_at;
    Some(Window { from, to: Nanos(from.0.saturating_add(length.0)) })
}

fn call(record: &AttemptRecord, generation: &GenerationRecord) -> Call {
    let server = generation.closed.as_ref().and_then(|closed| closed.server);
    Call {
        ordinal: generation.opened.ordinal,
        start: generation.opened.start,
        sent_at: generation.opened.sent_at,
        load: server.and_then(|server| server.load),
        prompt_tokens: server.and_then(|server| server.prompt_tokens),
        lag: lag(record, generation),
    }
}

/// The wall clock at the start of the attempt plus offsets of the monotonic one: a step of this clock changes nothing.
fn lag(record: &AttemptRecord, generation: &GenerationRecord) -> Option<(i128, i128)> {
    let sent = i128::from(record.opened.started_at.0) + i128::from(generation.opened.sent_at.0);
    let lags = generation
        .arrivals
        .iter()
        .filter_map(|line| Some(sent + i128::from(line.at.0) - i128::from(line.created_at?.0)));
    lags.map(|lag| (lag, lag)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}
