//! What operators are shown: sweeps, nodes and plans.

use std::collections::BTreeMap;
use std::sync::Arc;

use chimera_core::axis::CellSpec;
use chimera_core::clock_offset::ClockOffset;
use chimera_core::id::{AttemptId, Digest, NodeId, SlotId, SweepId};
use chimera_core::node::NodeFacts;
use chimera_core::plan::{EffectiveDuplicates, Forecast, Plan, PlanSummary, PlanWarning};
use chimera_core::scheduler::view::{NodeState, NodeView, SlotView, SweepState, SweepView, TrialCounts};
use chimera_core::seed::Seed;
use chimera_core::sweep::Sweep;
use chimera_core::unit::{Moment, Nanos, UnixNanos};

use super::node::slot_index;
use super::twins::twins;
use super::{Invalid, Within, check};
use crate::v1;

twins! {
    SweepState = SweepState { Running, Cancelling, Done, Cancelled }
    NodeState = NodeState { Ready, Draining, Drained, Disconnected, Lost, Wedged }
}

/// A sweep and its progress, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepProgress {
    /// The sweep.
    pub sweep: SweepId,
    /// Its state.
    pub state: SweepState,
    /// Its trials.
    pub trials: TrialCounts,
    /// Attempts made so far.
    pub attempts: u64,
    /// Wall clock at its submission.
    pub submitted: UnixNanos,
    /// Time from its submission to now or to its end.
    pub elapsed: Nanos,
    /// Why nothing of it can run at present, if so.
    pub waiting: Option<String>,
    /// Words of its author.
    pub description: String,
    /// Folder of its sealed files on the coordinator's host, once sealed.
    pub dataset: Option<String>,
    /// Blocks whose trials are admitted.
    pub blocks_opened: u32,
}

/// A node and what it does, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeProgress {
    /// What it said about itself last.
    pub facts: NodeFacts,
    /// Its state.
    pub state: NodeState,
    /// Live attempts by slot.
    pub busy: BTreeMap<u16, AttemptId>,
    /// Why it is in this state; words for people.
    pub note: String,
    /// Time in this state.
    pub in_state: Nanos,
    /// Offset of its wall clock to the coordinator's, by its last heartbeat.
    pub clock: Option<ClockOffset>,
}

/// Cells that the server will treat alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlikeCells {
    /// Indices into [`PlanOutline::cells`].
    pub cells: Vec<u32>,
    /// Why they are alike.
    pub reason: String,
}

/// A plan in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanOutline {
    /// Name the sweep would get.
    pub sweep: SweepId,
    /// Seed used.
    pub seed: Seed,
    /// Digest of the plan.
    pub digest: Digest,
    /// Cells in order, with their full options.
    pub cells: Vec<CellSpec>,
    /// Slots that match.
    pub slots: Vec<SlotId>,
    /// Blocks.
    pub blocks: u32,
    /// Trials.
    pub trials: u32,
    /// Measured generations over all trials.
    pub generations: u64,
    /// Expected model loads over all slots.
    pub reloads: u64,
    /// What it is expected to take.
    pub forecast: Forecast,
    /// Warnings, each with its remedy.
    pub warnings: Vec<String>,
    /// Cells that the server will treat alike.
    pub effective_duplicates: Vec<AlikeCells>,
    /// Trials that repeat a cell.
    pub sentinel_trials: u32,
    /// Trials that make the calls of a cell in another way.
    pub control_trials: u32,
    /// Blocks before a stop rule first looks.
    pub first_look: Option<u32>,
}

impl PlanOutline {
    /// The outline of a plan that was made from `sweep` for `nodes`.
    #[must_use]
    pub fn of(plan: &Plan, sweep: &Sweep, nodes: &[Arc<NodeFacts>], forecast: Forecast) -> Self {
        let Plan { sweep: id, seed, cells, slots, trials, digest } = plan;
        let summary = PlanSummary::of(plan, sweep);
        let narrow = |trials: usize| u32::try_from(trials).unwrap_or(u32::MAX);
        Self {
            sweep: id.clone(),
            seed: *seed,
            digest: *digest,
            cells: cells.clone(),
            slots: slots.iter().map(|slot| slot.id.clone()).collect(),
            blocks: summary.blocks,
            trials: narrow(trials.len()),
            generations: summary.generations,
            reloads: summary.reloads.total.saturating_add(summary.cold_loads),
            forecast,
            warnings: plan.warnings(sweep, nodes).iter().map(PlanWarning::to_string).collect(),
            effective_duplicates: plan.effective_duplicates(nodes).iter().map(AlikeCells::from).collect(),
            sentinel_trials: narrow(summary.sentinel_trials),
            control_trials: narrow(summary.control_trials),
            first_look: summary.first_look,
        }
    }
}

impl From<&EffectiveDuplicates> for AlikeCells {
    fn from(alike: &EffectiveDuplicates) -> Self {
        let EffectiveDuplicates { model, cells, options, slots: _ } = alike;
        let reason = format!("{model} runs alike whatever {} says", options.join(" and "));
        Self { cells: cells.clone(), reason }
    }
}

impl From<&TrialCounts> for v1::TrialCounts {
    fn from(counts: &TrialCounts) -> Self {
        let TrialCounts { admitted, pending, running, counted, failed, cancelled, quarantined } = *counts;
        Self { admitted, pending, running, counted, failed, cancelled, quarantined }
    }
}

impl TryFrom<v1::TrialCounts> for TrialCounts {
    type Error = Invalid;

    fn try_from(wire: v1::TrialCounts) -> Result<Self, Invalid> {
        let v1::TrialCounts { admitted, pending, running, counted, failed, cancelled, quarantined } = wire;
        let sum: u64 = [pending, counted, failed, cancelled, quarantined].into_iter().map(u64::from).sum();
        if sum != u64::from(admitted) {
            return Err(Invalid::new("admitted", format!("{admitted} is not the sum of all states, {sum}")));
        }
        if running > pending {
            return Err(Invalid::new("running", format!("{running} is more than the {pending} pending")));
        }
        Ok(Self { admitted, pending, running, counted, failed, cancelled, quarantined })
    }
}

/// A sweep as operators see it at `now`. The wall clock of its submission, its author's words and its sealed folder are
/// not the scheduler's to know.
#[must_use]
pub fn sweep_status(
    view: &SweepView,
    now: Moment,
    submitted_at: UnixNanos,
    description: &str,
    dataset: Option<&str>,
) -> v1::SweepStatus {
    let SweepView { id, state, trials, attempts, submitted, ended, waiting, blocks_opened, blocks_asked: _ } =
        view;
    v1::SweepStatus::from(&SweepProgress {
        sweep: id.clone(),
        state: *state,
        trials: *trials,
        attempts: *attempts,
        submitted: submitted_at,
        elapsed: ended.unwrap_or(now).since(*submitted),
        waiting: waiting.clone(),
        description: description.to_owned(),
        dataset: dataset.map(str::to_owned),
        blocks_opened: *blocks_opened,
    })
}

impl From<&SweepProgress> for v1::SweepStatus {
    fn from(progress: &SweepProgress) -> Self {
        let SweepProgress {
            sweep,
            state,
            trials,
            attempts,
            submitted,
            elapsed,
            waiting,
            description,
            dataset,
            blocks_opened,
        } = progress;
        Self {
            sweep: sweep.to_string(),
            state: v1::SweepState::from(*state).into(),
            trials: Some(trials.into()),
            attempts: *attempts,
            submitted_unix_ns: submitted.0,
            elapsed_ns: elapsed.0,
            waiting: waiting.clone(),
            description: description.clone(),
            dataset: dataset.clone(),
            blocks_opened: *blocks_opened,
        }
    }
}

impl TryFrom<v1::SweepStatus> for SweepProgress {
    type Error = Invalid;

    fn try_from(wire: v1::SweepStatus) -> Result<Self, Invalid> {
        let v1::SweepStatus {
            sweep,
            state,
            trials,
            attempts,
            submitted_unix_ns,
            elapsed_ns,
            waiting,
            description,
            dataset,
            blocks_opened,
        } = wire;
        Ok(Self {
            sweep: check::named("sweep", SweepId::new(&sweep))?,
            state: check::variant::<v1::SweepState, _>("state", state)?,
            trials: check::required("trials", trials)?,
            attempts,
            submitted: UnixNanos(submitted_unix_ns),
            elapsed: Nanos(elapsed_ns),
            waiting,
            description,
            dataset,
            blocks_opened,
        })
    }
}

/// A node as operators see it at `now`, with what it told of its clock.
#[must_use]
pub fn node_status(view: &NodeView, now: Moment, clock: Option<&ClockOffset>) -> v1::NodeStatus {
    let NodeView { id: _, state, facts, slots, since, note } = view;
    let live = |slot: &SlotView| slot.attempt.as_ref().map(|attempt| busy_slot(slot.id.index, attempt));
    v1::NodeStatus {
        facts: Some(facts.as_ref().into()),
        state: v1::NodeState::from(*state).into(),
        busy: slots.iter().filter_map(live).collect(),
        note: note.clone(),
        in_state_ns: now.since(*since).0,
        clock_offset: clock.map(v1::ClockOffset::from),
    }
}

fn busy_slot(slot: u16, attempt: &AttemptId) -> v1::BusySlot {
    v1::BusySlot { slot: slot.into(), attempt: Some(attempt.into()) }
}

impl From<&NodeProgress> for v1::NodeStatus {
    fn from(progress: &NodeProgress) -> Self {
        let NodeProgress { facts, state, busy, note, in_state, clock } = progress;
        Self {
            facts: Some(facts.into()),
            state: v1::NodeState::from(*state).into(),
            busy: busy.iter().map(|(slot, attempt)| busy_slot(*slot, attempt)).collect(),
            note: note.clone(),
            in_state_ns: in_state.0,
            clock_offset: clock.as_ref().map(v1::ClockOffset::from),
        }
    }
}

impl TryFrom<v1::NodeStatus> for NodeProgress {
    type Error = Invalid;

    fn try_from(wire: v1::NodeStatus) -> Result<Self, Invalid> {
        let v1::NodeStatus { facts, state, busy, note, in_state_ns, clock_offset } = wire;
        let read = |(index, slot)| read_busy(slot).map_err(|invalid| invalid.at(index).within("busy"));
        Ok(Self {
            facts: check::required("facts", facts)?,
            state: check::variant::<v1::NodeState, _>("state", state)?,
            busy: busy.into_iter().enumerate().map(read).collect::<Result<_, _>>()?,
            note,
            in_state: Nanos(in_state_ns),
            clock: clock_offset.map(ClockOffset::from),
        })
    }
}

fn read_busy(wire: v1::BusySlot) -> Result<(u16, AttemptId), Invalid> {
    let v1::BusySlot { slot, attempt } = wire;
    Ok((slot_index("slot", slot)?, check::required("attempt", attempt)?))
}

impl From<&AlikeCells> for v1::CellGroup {
    fn from(alike: &AlikeCells) -> Self {
        let AlikeCells { cells, reason } = alike;
        Self { cells: cells.clone(), reason: reason.clone() }
    }
}

impl TryFrom<v1::CellGroup> for AlikeCells {
    type Error = Invalid;

    fn try_from(wire: v1::CellGroup) -> Result<Self, Invalid> {
        let v1::CellGroup { cells, reason } = wire;
        Ok(Self { cells, reason })
    }
}

impl From<&PlanOutline> for v1::PlanSummary {
    fn from(plan: &PlanOutline) -> Self {
        let PlanOutline {
            sweep,
            seed,
            digest,
            cells,
            slots,
            blocks,
            trials,
            generations,
            reloads,
            forecast,
            warnings,
            effective_duplicates,
            sentinel_trials,
            control_trials,
            first_look,
        } = plan;
        Self {
            sweep: sweep.to_string(),
            seed: seed.0,
            digest: digest.0.to_vec(),
            cells: cells.iter().map(v1::CellSpec::from).collect(),
            slots: slots.iter().map(SlotId::to_string).collect(),
            blocks: *blocks,
            trials: *trials,
            generations: *generations,
            reloads: *reloads,
            forecast_seconds: forecast.seconds,
            forecast: Some(forecast.into()),
            warnings: warnings.clone(),
            effective_duplicates: effective_duplicates.iter().map(v1::CellGroup::from).collect(),
            sentinel_trials: *sentinel_trials,
            control_trials: *control_trials,
            first_look: *first_look,
        }
    }
}

impl TryFrom<v1::PlanSummary> for PlanOutline {
    type Error = Invalid;

    fn try_from(wire: v1::PlanSummary) -> Result<Self, Invalid> {
        let v1::PlanSummary {
            sweep,
            seed,
            digest,
            cells,
            slots,
            blocks,
            trials,
            generations,
            reloads,
            forecast_seconds,
            warnings,
            effective_duplicates,
            forecast,
            sentinel_trials,
            control_trials,
            first_look,
        } = wire;
        // An older build tells the time alone.
        let seconds_only = Forecast { seconds: forecast_seconds, ..Forecast::default() };
        let slot = |(index, text): (usize, &String)| {
            slot_id(text).map_err(|invalid| invalid.at(index).within("slots"))
        };
        Ok(Self {
            sweep: check::named("sweep", SweepId::new(&sweep))?,
            seed: Seed(seed),
            digest: check::digest("digest", &digest)?,
            slots: slots.iter().enumerate().map(slot).collect::<Result<_, _>>()?,
            blocks,
            trials,
            generations,
            reloads,
            forecast: forecast.map_or(Ok(seconds_only), Forecast::try_from).within("forecast")?,
            warnings,
            effective_duplicates: alike(effective_duplicates, cells.len())?,
            sentinel_trials,
            control_trials,
            first_look,
            cells: check::each("cells", cells)?,
        })
    }
}

fn slot_id(text: &str) -> Result<SlotId, Invalid> {
    let refusal = || Invalid::new("", "a slot is written node/index");
    let (node, index) = text.split_once('/').ok_or_else(refusal)?;
    let index: u32 = index.parse().map_err(|_| refusal())?;
    Ok(SlotId { node: check::named("", NodeId::new(node))?, index: slot_index("", index)? })
}

fn alike(wire: Vec<v1::CellGroup>, cells: usize) -> Result<Vec<AlikeCells>, Invalid> {
    let groups: Vec<AlikeCells> = check::each("effective_duplicates", wire)?;
    match groups.iter().position(|group| group.cells.iter().any(|cell| *cell as usize >= cells)) {
        None => Ok(groups),
        Some(index) => {
            Err(Invalid::new("cells", "there is no such cell").at(index).within("effective_duplicates"))
        }
    }
}
