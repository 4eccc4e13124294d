//! Looks at the GPUs of a slot while an attempt runs: on a thread of its own, because calls into a driver block, and
//! never on the measuring path. It also watches the wall clock for steps and the model server's process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chimera_core::entry::Entry;
use chimera_core::gpu::{GpuProcess, GpuSample};
use chimera_core::id::GpuUuid;
use chimera_core::outcome::ValidityReason;
use chimera_core::unit::{Bytes, Nanos};
use tokio::sync::watch;

use crate::clock::StepDetector;
use crate::gpu::owner::Owner;
use crate::gpu::{GpuProbe, ProbeError, XidEvent, XidSource};
use crate::recorder::{Outlet, Recorder};

/// Samples are handed on once a second.
const HAND_ON: Duration = Duration::from_secs(1);
/// Longest wait for a look that blocks when the sampler is stopped.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Most Xid events taken in one look; the next one takes more.
const XIDS_PER_LOOK: u32 = 16;
/// Xid events of one GPU that are noted one by one; all are counted.
const XIDS_NOTED: u32 = 32;

/// What a slot looks with, kept from attempt to attempt: opening a probe loads a library, and finding the owner reads
/// every open file of the host.
pub(crate) struct Eyes {
    /// Reads GPUs.
    pub(crate) probe: Box<dyn GpuProbe>,
    /// Knows whose processes are on them.
    pub(crate) owner: Owner,
}

/// A running sampler.
#[derive(Debug)]
pub(crate) struct Sampler {
    memory: watch::Receiver<OwnMemory>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Eyes>,
}

/// What a sampler needs.
struct Post {
    gpus: Vec<GpuUuid>,
    recorder: Recorder,
    hz: u32,
    memory: watch::Sender<OwnMemory>,
}

/// Memory of the slot's server on each of its GPUs, by their latest samples.
pub(crate) type OwnMemory = BTreeMap<GpuUuid, (Nanos, Option<Bytes>)>;

struct Watch<'e> {
    probe: &'e dyn GpuProbe,
    owner: &'e mut Owner,
    xids: Box<dyn XidSource + 'e>,
    xid_counts: BTreeMap<GpuUuid, u32>,
    memory: watch::Sender<OwnMemory>,
    gpus: Vec<GpuUuid>,
    recorder: Recorder,
    outlet: Outlet,
    steps: StepDetector,
    collected: Vec<GpuSample>,
    last: BTreeMap<GpuUuid, GpuSample>,
    failed: bool,
}

impl Sampler {
    /// Starts looking at `gpus`, `hz` times a second. `None` when the system has no thread left.
    pub(crate) fn start(eyes: Eyes, gpus: Vec<GpuUuid>, recorder: &Recorder, hz: u32) -> Option<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let unseen = gpus.iter().map(|gpu| (gpu.clone(), (Nanos::ZERO, None))).collect();
        let (told, memory) = watch::channel(unseen);
        let post = Post { gpus, recorder: recorder.clone(), hz, memory: told };
        let stopped = Arc::clone(&stop);
        let named = thread::Builder::new().name("gpu-sampler".to_owned());
        let thread = named.spawn(move || look_on(eyes, post, &stopped)).ok()?;
        Some(Self { memory, stop, thread })
    }

    /// Follows the memory of the slot's server.
    pub(crate) fn memory(&self) -> watch::Receiver<OwnMemory> {
        self.memory.clone()
    }

    /// Stops and gives the eyes back; `None` when the probe hangs in the driver or has panicked.
    pub(crate) async fn stop(self) -> Option<Eyes> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let joined = tokio::task::spawn_blocking(move || self.thread.join().ok());
        tokio::time::timeout(STOP_LIMIT, joined).await.ok()?.ok()?
    }
}

fn look_on(mut eyes: Eyes, post: Post, stop: &AtomicBool) -> Eyes {
    let Post { gpus, recorder, hz, memory } = post;
    let Eyes { probe, owner } = &mut eyes;
    owner.begin(recorder.clock().now());
    let watch = Watch {
        probe: probe.as_ref(),
        owner,
        xids: probe.listen(&gpus),
        xid_counts: BTreeMap::new(),
        memory,
        gpus,
        outlet: recorder.outlet(),
        steps: StepDetector::new(recorder.clock().reading()),
        recorder,
        collected: Vec::new(),
        last: BTreeMap::new(),
        failed: false,
    };
    watch.run(stop, hz);
    eyes
}

impl Watch<'_> {
    fn run(mut self, stop: &AtomicBool, hz: u32) {
        let period = Duration::from_secs(1) / hz.max(1);
        let per_entry = HAND_ON.as_millis().checked_div(period.as_millis()).unwrap_or(1).max(1);
        let mut ticks = 0;
        while !stop.load(Ordering::Relaxed) {
            let began = self.recorder.now();
            self.tick();
            ticks += 1;
            if ticks % per_entry == 0 {
                self.hand_on();
            }
            let took = Duration::from_nanos(self.recorder.now().saturating_sub(began).0);
            thread::park_timeout(period.saturating_sub(took));
        }
        self.tick();
        self.hand_on();
    }

    fn tick(&mut self) {
        if let Some(step) = self.steps.check(self.recorder.clock().reading()) {
            let text = format!("the wall clock stepped by {:.3} s", step as f64 / 1e9);
            self.note(Some(ValidityReason::ClockStepped), &text);
        }
        if let Some(text) = self.owner.look(self.recorder.clock().now()) {
            self.note(Some(ValidityReason::ServerRestarted), &text);
        }
        self.hear_xids();
        for gpu in self.gpus.clone() {
            match self.probe.sample(&gpu) {
                Ok(sample) => self.take(sample),
                Err(error) => self.fail(&error),
            }
        }
    }

    fn take(&mut self, mut sample: GpuSample) {
        sample.at = self.recorder.now();
        if let Some(processes) = &mut sample.processes {
            self.owner.tell(processes);
        }
        if self.xids.hears(&sample.uuid) {
            sample.xid_events = Some(self.xid_counts.get(&sample.uuid).copied().unwrap_or(0));
        }
        let own = own_memory(&sample);
        self.memory.send_modify(|memory| {
            memory.insert(sample.uuid.clone(), (sample.at, own));
        });
        let last = self.last.get(&sample.uuid);
        for (reason, text) in findings(last, &sample) {
            self.note(Some(reason), &text);
        }
        self.last.insert(sample.uuid.clone(), sample.clone());
        self.collected.push(sample);
    }

    fn hear_xids(&mut self) {
        for _ in 0..XIDS_PER_LOOK {
            let Some(XidEvent { gpu, number }) = self.xids.next() else { return };
            let number = number.map_or_else(|| "of unknown number".to_owned(), |number| number.to_string());
            let count = self.xid_counts.entry(gpu.clone()).or_default();
            *count = count.saturating_add(1);
            if *count <= XIDS_NOTED {
                self.note(Some(ValidityReason::Xid), &format!("GPU {gpu} reported Xid {number}"));
            }
        }
    }

    fn fail(&mut self, error: &ProbeError) {
        if !std::mem::replace(&mut self.failed, true) {
            let reason = matches!(error, ProbeError::Lost(_)).then_some(ValidityReason::GpuLost);
            self.note(reason, &format!("a GPU could not be sampled: {error}"));
        }
    }

    fn note(&mut self, reason: Option<ValidityReason>, text: &str) {
        let note = Entry::Note(self.recorder.noted(reason, text));
        self.outlet.push(note);
    }

    fn hand_on(&mut self) {
        let samples = std::mem::take(&mut self.collected);
        if !samples.is_empty() {
            self.outlet.push(Entry::GpuSamples(samples));
        }
    }
}

/// Memory of the server's processes; absent when one of the processes may be the server's or not, or when none is: a
/// driver inside a container lists nothing.
fn own_memory(sample: &GpuSample) -> Option<Bytes> {
    let processes = sample.processes.as_ref()?;
    let of_server: Vec<&GpuProcess> = processes.iter().filter(|one| one.own != Some(false)).collect();
    if of_server.is_empty() || of_server.iter().any(|one| one.own.is_none()) {
        return None;
    }
    let sum: Option<u64> = of_server.iter().map(|one| one.memory.map(|memory| memory.0)).sum();
    sum.map(Bytes)
}

/// What a sample says about trust, next to the one before.
fn findings(last: Option<&GpuSample>, now: &GpuSample) -> Vec<(ValidityReason, String)> {
    let mut found = Vec::new();
    if now.lost && !last.is_some_and(|last| last.lost) {
        found.push((ValidityReason::GpuLost, format!("GPU {} fell off the bus", now.uuid)));
    }
    let before = last.and_then(|last| last.ecc_uncorrected);
    if let (Some(before), Some(after)) = (before, now.ecc_uncorrected)
        && after > before
    {
        let text = format!("GPU {} counted {} uncorrected memory errors", now.uuid, after - before);
        found.push((ValidityReason::Ecc, text));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::NodeClock;
    use crate::gpu::simulated::SimulatedProbe;
    use crate::gpu::{ProbeFactory, blank_sample};
    use chimera_core::unit::Milliwatts;
    use std::sync::atomic::AtomicU64;

    fn uuid() -> GpuUuid {
        GpuUuid::new("GPU-1").unwrap()
    }

    fn eyes(probe: Box<dyn GpuProbe>) -> Eyes {
        let elsewhere = crate::config::Endpoint::parse("http://gpu-7").unwrap();
        Eyes { probe, owner: Owner::of(&elsewhere) }
    }

    fn failing_gpu() -> ProbeFactory {
        let looks = AtomicU64::new(0);
        SimulatedProbe::factory(
            Vec::new(),
            Arc::new(move |gpu| {
                let look = looks.fetch_add(1, Ordering::Relaxed);
                let ecc = Some(u64::from(look > 2));
                Some(GpuSample {
                    power: Some(Milliwatts(9)),
                    ecc_uncorrected: ecc,
                    lost: look > 4,
                    ..blank_sample(gpu)
                })
            }),
        )
    }

    #[tokio::test]
    async fn samples_and_findings_are_recorded_and_the_probe_comes_back() {
        let (recorder, mut entries) = Recorder::start(NodeClock::start());
        let sampler = Sampler::start(eyes(failing_gpu()()), vec![uuid()], &recorder, 100).unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(sampler.stop().await.is_some());
        drop(recorder);
        let (mut samples, mut reasons) = (Vec::new(), Vec::new());
        while let Some(entry) = entries.recv().await {
            match entry {
                Entry::GpuSamples(some) => samples.extend(some),
                Entry::Note(note) => reasons.extend(note.reason),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(reasons, [ValidityReason::Ecc, ValidityReason::GpuLost]);
        assert!(samples.len() > 6 && samples.windows(2).all(|pair| pair[0].at < pair[1].at));
    }

    #[tokio::test]
    async fn a_gpu_that_is_not_there_is_told_once() {
        let (recorder, mut entries) = Recorder::start(NodeClock::start());
        let none = SimulatedProbe::factory(Vec::new(), Arc::new(|_| None));
        let sampler = Sampler::start(eyes(none()), vec![uuid()], &recorder, 100).unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        sampler.stop().await.unwrap();
        drop(recorder);
        assert!(matches!(entries.recv().await, Some(Entry::Note(note)) if note.text.contains("GPU-1")));
        assert_eq!(entries.recv().await, None);
    }
}
