//! What the scheduler shows: snapshots for people. Cheap to make: counters are kept, not counted.

use std::sync::Arc;

use crate::id::{AttemptId, NodeId, SlotId, SweepId};
use crate::node::NodeFacts;
use crate::unit::Moment;

/// State of a node.
///
/// ```text
///   joined ──> Ready ──drain──> Draining ──last attempt ended──> Drained
///     ▲          │  ▲─────────────undrain─────────────────────────┘
///     │       left  │ joined again
///     └────── Disconnected ──grace over──> Lost ──joined──> Ready
///
///   any with a session ──stop not confirmed in time──> Wedged ──stopped, or back without it──> as before
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeState {
    /// Takes offers.
    Ready,
    /// Finishes what it runs.
    Draining,
    /// Runs nothing and takes nothing.
    Drained,
    /// No session; its attempts wait for it within their grace.
    Disconnected,
    /// No session and no grace left.
    Lost,
    /// It did not stop an attempt in time: it takes nothing until it does.
    Wedged,
}

impl NodeState {
    /// The name in the CLI and in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Disconnected => "disconnected",
            Self::Lost => "lost",
            Self::Wedged => "wedged",
        }
    }

    /// The table of legal moves: whether a node in this state may become `next`. All others are illegal.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Ready | Self::Draining | Self::Drained | Self::Wedged, Self::Disconnected) => true,
            (
                Self::Disconnected | Self::Lost | Self::Wedged,
                Self::Ready | Self::Draining | Self::Drained,
            ) => true,
            (Self::Disconnected, Self::Lost) => true,
            (Self::Ready, Self::Draining | Self::Drained) | (Self::Draining | Self::Drained, Self::Ready) => {
                true
            }
            (Self::Draining, Self::Drained) => true,
            // A stop can be pending for an attempt that takes no slot, so any node can get wedged, and one that is
            // drained can be told to stop something that it turns out to hold.
            (
                Self::Ready | Self::Draining | Self::Drained | Self::Disconnected | Self::Lost,
                Self::Wedged,
            ) => true,
            (Self::Drained, Self::Draining) => true,
            _ => false,
        }
    }
}

/// State of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SweepState {
    /// It has trials to run.
    Running,
    /// It was cancelled and waits for running attempts to stop.
    Cancelling,
    /// Every trial is terminal.
    Done,
    /// It was cancelled and every trial is terminal.
    Cancelled,
}

impl SweepState {
    /// The name in the CLI and in labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing will happen any more.
    #[must_use]
    pub const fn ended(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }
}

/// A slot of a node, as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotView {
    /// The slot.
    pub id: SlotId,
    /// The live attempt on it.
    pub attempt: Option<AttemptId>,
}

/// A node, as the scheduler sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeView {
    /// The node.
    pub id: NodeId,
    /// Its state.
    pub state: NodeState,
    /// What it said about itself last.
    pub facts: Arc<NodeFacts>,
    /// Its slots.
    pub slots: Vec<SlotView>,
    /// Since when it is in this state.
    pub since: Moment,
    /// Why it is drained, disconnected, lost or wedged; words for people.
    pub note: String,
}

/// Trials of a sweep by state. I7: they sum up to `admitted`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrialCounts {
    /// Trials of the plan whose blocks are admitted: all of them, but where a stop rule admits block by block.
    pub admitted: u32,
    /// Not terminal; `running` of them have a live attempt.
    pub pending: u32,
    /// Have a live attempt.
    pub running: u32,
    /// One attempt counts.
    pub counted: u32,
    /// Gave up.
    pub failed: u32,
    /// Cancelled.
    pub cancelled: u32,
    /// Quarantined.
    pub quarantined: u32,
}

impl TrialCounts {
    /// I7: counted + failed + cancelled + quarantined + pending = admitted.
    #[must_use]
    pub const fn conserved(&self) -> bool {
        self.counted + self.failed + self.cancelled + self.quarantined + self.pending == self.admitted
    }
}

/// A sweep, as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SweepView {
    /// The sweep.
    pub id: SweepId,
    /// Its state.
    pub state: SweepState,
    /// Its trials.
    pub trials: TrialCounts,
    /// Attempts made so far, failed and abandoned ones included.
    pub attempts: u64,
    /// When it was submitted.
    pub submitted: Moment,
    /// When its last trial became terminal.
    pub ended: Option<Moment>,
    /// Why nothing of it can run at present, if so; words for people.
    pub waiting: Option<String>,
    /// Blocks whose trials are admitted.
    pub blocks_opened: u32,
    /// Whether those blocks wait to be looked at, because the design has a stop rule.
    pub blocks_asked: bool,
}

/// The whole fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetView {
    /// Nodes, sorted by id.
    pub nodes: Vec<NodeView>,
    /// Sweeps in order of submission.
    pub sweeps: Vec<SweepView>,
}
