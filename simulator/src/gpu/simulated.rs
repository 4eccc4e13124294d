//! A simulated GPU: shared by the servers that load it and by whoever reads it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    gpu::{
        activity::{Activity, ActivityGuard, Crowd, MemoryGuard, Work},
        physics::{Demand, Physics},
        snapshot::{GpuLost, GpuProcess, GpuSnapshot},
    },
    spec::{
        fault::{GpuEvent, GpuFault},
        gpu::GpuSpec,
    },
};

/// Reported utilisation, 0 to 1, below which a GPU without work lets its clocks fall.
const RESTING_BELOW: f64 = 0.05;

/// One simulated GPU. All methods may be called from any thread at any time.
#[derive(Debug)]
pub struct SimulatedGpu {
    spec: GpuSpec,
    speed: f64,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    advanced_to: Instant,
    physics: Physics,
    activities: Vec<Activity>,
    memory: Vec<GpuProcess>,
    next_activity: u64,
    next_pid: u32,
    /// Events not yet begun, soonest last.
    events: Vec<GpuEvent>,
    lost: bool,
    brake: Option<(f64, Instant)>,
    foreign: Option<(f64, u32, Instant)>,
    ecc_corrected: u64,
    ecc_uncorrected: u64,
}

/// How one run goes on at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Clock factor, 0 to 1.
    pub(crate) clock: f64,
    /// Who shares the GPU.
    pub(crate) crowd: Crowd,
}

impl SimulatedGpu {
    /// A resting GPU whose events count from `started`. `speed` is how much faster than life heat moves.
    #[must_use]
    pub fn new(spec: GpuSpec, speed: f64, started: Instant) -> Self {
        let mut events = spec.events.clone();
        events.sort_by_key(|event| std::cmp::Reverse(event.at_ms));
        let state = State {
            advanced_to: started,
            physics: Physics::resting(&spec),
            activities: Vec::new(),
            memory: Vec::new(),
            next_activity: 1,
            next_pid: 4_000,
            events,
            lost: false,
            brake: None,
            foreign: None,
            ecc_corrected: 0,
            ecc_uncorrected: 0,
        };
        Self { spec, speed, started, state: Mutex::new(state) }
    }

    /// What the GPU is.
    #[must_use]
    pub const fn spec(&self) -> &GpuSpec {
        &self.spec
    }

    /// A reading at `now`. Readings must not go back in time: an earlier `now` gives the latest state again.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn snapshot(&self, now: Instant) -> Result<GpuSnapshot, GpuLost> {
        let mut state = self.locked();
        self.advance(&mut state, now);
        if state.lost {
            return Err(GpuLost { uuid: self.spec.uuid.clone() });
        }
        Ok(self.read(&state))
    }

    /// Begins a piece of work of a process. `None` when the device is lost.
    pub(crate) fn begin(self: &Arc<Self>, pid: u32, work: Work) -> Option<ActivityGuard> {
        let mut state = self.locked();
        self.advance(&mut state, Instant::now());
        if state.lost {
            return None;
        }
        let id = state.next_activity;
        state.next_activity += 1;
        state.activities.push(Activity { id, pid, work });
        drop(state);
        Some(ActivityGuard { gpu: Arc::clone(self), id })
    }

    pub(crate) fn end_activity(&self, id: u64) {
        let mut state = self.locked();
        self.advance(&mut state, Instant::now());
        state.activities.retain(|activity| activity.id != id);
    }

    /// How a run goes on now. `None` when the device is lost.
    pub(crate) fn pace(&self, run: u64, pid: u32) -> Option<Pace> {
        let mut state = self.locked();
        self.advance(&mut state, Instant::now());
        if state.lost {
            return None;
        }
        let foreign = state.foreign.map_or(0.0, |(load, _, _)| load);
        let crowd = Crowd::around(&state.activities, run, pid, foreign);
        Some(Pace { clock: state.physics.clock_factor, crowd })
    }

    /// Memory nobody holds, bytes.
    pub(crate) fn free_bytes(&self) -> u64 {
        let mut state = self.locked();
        self.advance(&mut state, Instant::now());
        let used: u64 = state.memory.iter().map(|process| process.memory_bytes).sum();
        self.spec.vram_bytes.saturating_sub(used)
    }

    /// Starts a process that holds memory until the guard is dropped.
    pub(crate) fn spawn_process(self: &Arc<Self>, name: &str, memory_bytes: u64) -> MemoryGuard {
        let mut state = self.locked();
        let pid = state.next_pid;
        state.next_pid = state.next_pid.wrapping_add(7);
        state.memory.push(GpuProcess { pid, name: name.to_owned(), memory_bytes });
        drop(state);
        MemoryGuard { gpu: Arc::clone(self), pid }
    }

    pub(crate) fn release_memory(&self, pid: u32) {
        self.locked().memory.retain(|process| process.pid != pid);
    }

    /// A poisoned lock holds a state that is still consistent: every change is one assignment.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the state to `now`, stopping at every event and every end of one on the way.
    fn advance(&self, state: &mut State, now: Instant) {
        while let Some(border) = self.next_border(state).filter(|border| *border <= now) {
            self.glide(state, border);
            self.cross(state, border);
        }
        self.glide(state, now);
        let demand = state.demand();
        state.physics.settle_clock(&self.spec, demand);
    }

    fn next_border(&self, state: &State) -> Option<Instant> {
        let begin = state.events.last().map(|event| self.started + Duration::from_millis(event.at_ms));
        let brake = state.brake.map(|(_, until)| until);
        let foreign = state.foreign.map(|(_, _, until)| until);
        [begin, brake, foreign].into_iter().flatten().min()
    }

    fn glide(&self, state: &mut State, to: Instant) {
        let seconds = to.saturating_duration_since(state.advanced_to).as_secs_f64();
        if seconds > 0.0 {
            let demand = state.demand();
            state.physics.advance(&self.spec, demand, seconds, self.speed);
            state.advanced_to = to;
        }
    }

    fn cross(&self, state: &mut State, at: Instant) {
        state.brake = state.brake.filter(|(_, until)| *until > at);
        if let Some((_, pid, _)) = state.foreign.take_if(|(_, _, until)| *until <= at) {
            state.memory.retain(|process| process.pid != pid);
        }
        while let Some(event) =
            state.events.pop_if(|event| self.started + Duration::from_millis(event.at_ms) <= at)
        {
            state.begin_event(event.action, at);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "readings are far below the limits and never negative"
    )]
    fn read(&self, state: &State) -> GpuSnapshot {
        let physics = &state.physics;
        // A driver holds the clocks through the pause between two requests.
        let resting = state.demand().power <= 0.0 && physics.utilisation < RESTING_BELOW;
        let clock = f64::from(self.spec.sm_clock_mhz) * physics.clock_factor;
        GpuSnapshot {
            uuid: self.spec.uuid.clone(),
            name: self.spec.name.clone(),
            driver_version: self.spec.driver_version.clone(),
            vbios: self.spec.vbios.clone(),
            sm_clock_mhz: if resting { self.spec.idle_sm_clock_mhz } else { clock.round() as u32 },
            max_sm_clock_mhz: self.spec.sm_clock_mhz,
            memory_clock_mhz: self.spec.memory_clock_mhz,
            temperature_c: physics.temperature_c,
            power_mw: (physics.power_w * 1_000.0).round() as u64,
            power_limit_mw: (self.spec.power_limit_w * 1_000.0).round() as u64,
            energy_mj: (physics.energy_j * 1_000.0) as u64,
            utilization_percent: (physics.utilisation * 100.0).round() as u32,
            memory_utilization_percent: (physics.traffic * 100.0).round() as u32,
            memory_used_bytes: state.memory.iter().map(|process| process.memory_bytes).sum(),
            memory_total_bytes: self.spec.vram_bytes,
            throttle_reasons: physics.reasons,
            ecc_corrected: state.ecc_corrected,
            ecc_uncorrected: state.ecc_uncorrected,
            pcie_generation: self.spec.pcie_generation,
            pcie_width: self.spec.pcie_width,
            processes: state.memory.clone(),
        }
    }
}

impl State {
    fn demand(&self) -> Demand {
        let brake = self.brake.map_or(1.0, |(factor, _)| factor);
        let foreign = self.foreign.map_or(0.0, |(load, _, _)| load);
        Demand::of(self.activities.iter().map(|activity| activity.work), foreign, brake)
    }

    fn begin_event(&mut self, fault: GpuFault, at: Instant) {
        match fault {
            GpuFault::Lost => {
                self.lost = true;
                self.activities.clear();
            }
            GpuFault::Throttle { factor, for_ms } => {
                self.brake = Some((factor.clamp(0.05, 1.0), at + Duration::from_millis(for_ms)));
            }
            GpuFault::EccError { corrected, uncorrected } => {
                self.ecc_corrected += corrected;
                self.ecc_uncorrected += uncorrected;
            }
            GpuFault::ForeignProcess { pid, memory_bytes, load, for_ms } => {
                self.foreign = Some((load.clamp(0.0, 1.0), pid, at + Duration::from_millis(for_ms)));
                self.memory.push(GpuProcess { pid, name: "python3".to_owned(), memory_bytes });
            }
        }
    }
}
