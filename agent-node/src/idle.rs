//! What GPUs draw with nothing on them: looked at off the measuring path, on slots that nobody uses.

use std::collections::BTreeMap;
use std::time::Duration;

use chimera_core::gpu::{Gpu, GpuSample};
use chimera_core::id::GpuUuid;
use chimera_core::unit::Milliwatts;

use crate::bench::Bench;
use crate::gpu::{GpuProbe, ProbeFactory};
use crate::ollama::api::Api;

/// Looks of one reading, and the pause between two: 2 s in all, or more.
const LOOKS: u32 = 21;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// Power of one GPU over the looks so far, in mW.
type Sums = BTreeMap<GpuUuid, u64>;

/// Mean power of the slot's GPUs over 2 s in which no attempt is on the slot, its server has nothing loaded, and nothing
/// uses them; `None` when that does not hold all the time, or when a GPU does not tell.
pub(crate) async fn power(
    bench: &Bench,
    slot: usize,
    api: &Api,
    probes: &ProbeFactory,
    gpus: &[Gpu],
) -> Option<BTreeMap<GpuUuid, Milliwatts>> {
    if gpus.is_empty() || !unused(bench, slot, api).await {
        return None;
    }
    let uuids: Vec<GpuUuid> = gpus.iter().map(|gpu| gpu.uuid.clone()).collect();
    let open = std::sync::Arc::clone(probes);
    // Calls into a driver block.
    let mut probe = tokio::task::spawn_blocking(move || open()).await.ok()?;
    let mut sums = Sums::new();
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if bench.is_busy(slot) {
            return None;
        }
        let wanted = uuids.clone();
        let looked = tokio::task::spawn_blocking(move || (add(probe.as_ref(), &wanted, sums), probe)).await;
        let (added, back) = looked.ok()?;
        (sums, probe) = (added?, back);
    }
    if !unused(bench, slot, api).await {
        return None;
    }
    let mean = |sum: u64| u32::try_from(sum / u64::from(LOOKS)).ok().map(Milliwatts);
    sums.into_iter().map(|(uuid, sum)| Some((uuid, mean(sum)?))).collect()
}

async fn unused(bench: &Bench, slot: usize, api: &Api) -> bool {
    // A server that does not answer may have anything loaded.
    let loaded = api.running().await.map_or(true, |running| !running.is_empty());
    !loaded && !bench.is_busy(slot)
}

fn add(probe: &dyn GpuProbe, gpus: &[GpuUuid], mut sums: Sums) -> Option<Sums> {
    for gpu in gpus {
        let power = idle_power(&probe.sample(gpu).ok()?)?;
        *sums.entry(gpu.clone()).or_default() += u64::from(power.0);
    }
    Some(sums)
}

/// The power of a GPU that nothing uses.
fn idle_power(sample: &GpuSample) -> Option<Milliwatts> {
    let used = sample.utilisation_percent.is_some_and(|percent| percent > 0)
        || sample.processes.as_ref().is_some_and(|processes| !processes.is_empty())
        || sample.mig == Some(true)
        || sample.lost;
    sample.power.filter(|_| !used)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::blank_sample;
    use chimera_core::gpu::GpuProcess;

    #[test]
    fn only_a_gpu_that_nothing_uses_is_idle() {
        let gpu = GpuUuid::new("GPU-1").unwrap();
        let resting = GpuSample {
            power: Some(Milliwatts(60_000)),
            utilisation_percent: Some(0),
            processes: Some(Vec::new()),
            ..blank_sample(&gpu)
        };
        assert_eq!(idle_power(&resting), Some(Milliwatts(60_000)));
        let process = GpuProcess { pid: 1, memory: None, own: None };
        for used in [
            GpuSample { utilisation_percent: Some(1), ..resting.clone() },
            GpuSample { processes: Some(vec![process]), ..resting.clone() },
            GpuSample { mig: Some(true), ..resting.clone() },
            GpuSample { lost: true, ..resting.clone() },
            GpuSample { power: None, ..resting },
        ] {
            assert_eq!(idle_power(&used), None, "{used:?}");
        }
    }
}
