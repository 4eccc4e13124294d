//! An attempt as the scheduler keeps it: its states, the legal moves between them, and its compact row.

use super::budget::Charge;
use super::event::RejectReason;
use super::key::SlotKey;
use super::trial::RowLink;
use crate::id::{AttemptNumber, Incarnation, NodeId, SlotId};
use crate::outcome::{FailureClass, ValidityReason};

/// Why an offer did not become an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OfferEnd {
    /// The node refused it.
    Refused(RejectReason),
    /// The node did not answer in time.
    TimedOut,
    /// The session ended first and the node came back without it.
    NeverArrived,
}

impl OfferEnd {
    /// The name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused(reason) => reason.name(),
            Self::TimedOut => "timed_out",
            Self::NeverArrived => "never_arrived",
        }
    }
}

/// Why an attempt was given up while it ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AbandonCause {
    /// Its node did not come back within its grace.
    GraceOver,
    /// Its node came back as another process.
    DaemonRestarted,
    /// Its node came back as the same process and does not hold it.
    NotHeld,
    /// Its node stopped it without being asked to.
    StoppedByNode,
    /// It did not end within the time that its workload allows, though its node is alive.
    Overdue,
}

impl AbandonCause {
    /// The name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GraceOver => "grace_over",
            Self::DaemonRestarted => "daemon_restarted",
            Self::NotHeld => "not_held",
            Self::StoppedByNode => "stopped_by_node",
            Self::Overdue => "overdue",
        }
    }
}

/// A set of validity reasons, as one bit each in the order of [`ValidityReason::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Findings(u16);

const _: () = assert!(ValidityReason::ALL.len() <= 16);

impl Findings {
    /// The set of `reasons`.
    #[must_use]
    pub fn of(reasons: &[ValidityReason]) -> Self {
        let bit = |reason: &ValidityReason| ValidityReason::ALL.iter().position(|known| known == reason);
        Self(reasons.iter().filter_map(bit).fold(0, |bits, position| bits | 1 << position))
    }

    /// The reasons, in the order of reports.
    pub fn iter(self) -> impl Iterator<Item = ValidityReason> {
        let all = ValidityReason::ALL.into_iter().enumerate();
        all.filter(move |(position, _)| self.0 & (1 << position) != 0).map(|(_, reason)| reason)
    }

    /// Whether there is no reason: the record is valid.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// State of an attempt. The upper half is *live*; the lower half is final, but for a whole record that arrives late.
///
/// ```text
///   ──> Offered ──accepted──> Running ──────────record durable──────────> Complete
///         │  │                 │  ▲ │                                     Invalid
///         │  └──session over──┐│  │ │                                     Failed
///         │                   ▼▼  │ same process holds it
///         │              Disconnected ──back with the end in its spool──> Uploading ──> (as Running)
///         │                   │   ▲───────────────session over──────────────┘
///         │                   └──grace over, or other process──> Abandoned ──whole record──> LateComplete
///         │                      Running, Uploading ──overdue──> Abandoned
///         └──refused, 10 s, or never arrived──> Rejected ────────────────────whole record──> LateComplete
///
///   any live ──stop wanted──> Stopping ──stopped, session over or 15 s──> Stopped ──whole record──> LateComplete
///   any but the complete ones ──contradicting data──> Quarantined
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptState {
    /// Offered to its node, which has not answered.
    Offered,
    /// Its node executes it.
    Running,
    /// Its node has no session; it waits within the grace.
    Disconnected,
    /// It has ended; its node still sends the record.
    Uploading,
    /// Its node was told to stop it.
    Stopping,
    /// Its record is durable, whole and valid. It counts unless a lower attempt of the trial is complete too.
    Complete,
    /// Given up, but its whole and valid record arrived later. Counts like [`Self::Complete`].
    LateComplete,
    /// Its record is durable and whole, but not trusted.
    Invalid(Findings),
    /// It ended without a result.
    Failed(FailureClass),
    /// It was never taken.
    Rejected(OfferEnd),
    /// It was given up.
    Abandoned(AbandonCause),
    /// It was stopped because it was not wanted any more.
    Stopped,
    /// Its data contradicts itself.
    Quarantined,
}

impl AttemptState {
    /// Whether the attempt may still run or send, in the scheduler's eyes.
    #[must_use]
    pub const fn live(self) -> bool {
        matches!(self, Self::Offered | Self::Running | Self::Disconnected | Self::Uploading | Self::Stopping)
    }

    /// Whether a whole and valid record is durable.
    #[must_use]
    pub const fn complete(self) -> bool {
        matches!(self, Self::Complete | Self::LateComplete)
    }

    /// Whether a whole record is durable, trusted or not.
    #[must_use]
    pub const fn durable(self) -> bool {
        self.complete() || matches!(self, Self::Invalid(_) | Self::Failed(_))
    }

    /// Whether the record may still arrive though the attempt is over.
    #[must_use]
    pub const fn may_turn_up(self) -> bool {
        matches!(
            self,
            Self::Abandoned(_) | Self::Stopped | Self::Rejected(OfferEnd::TimedOut | OfferEnd::NeverArrived)
        )
    }

    /// The name in logs and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Running => "running",
            Self::Disconnected => "disconnected",
            Self::Uploading => "uploading",
            Self::Stopping => "stopping",
            Self::Complete => "complete",
            Self::LateComplete => "late_complete",
            Self::Invalid(_) => "invalid",
            Self::Failed(_) => "failed",
            Self::Rejected(_) => "rejected",
            Self::Abandoned(_) => "abandoned",
            Self::Stopped => "stopped",
            Self::Quarantined => "quarantined",
        }
    }

    /// The table of legal moves: whether an attempt in this state may become `next`. All others are illegal.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Self::Offered, Self::Running | Self::Rejected(_)) => true,
            (Self::Offered | Self::Running | Self::Uploading, Self::Disconnected) => true,
            (Self::Running | Self::Uploading, Self::Abandoned(AbandonCause::Overdue)) => true,
            (
                Self::Offered | Self::Running | Self::Uploading,
                Self::Abandoned(AbandonCause::StoppedByNode),
            ) => true,
            (
                Self::Disconnected,
                Self::Running | Self::Uploading | Self::Abandoned(_) | Self::Rejected(OfferEnd::NeverArrived),
            ) => true,
            (Self::Stopping, Self::Stopped) => true,
            (
                Self::Offered | Self::Running | Self::Disconnected | Self::Uploading,
                Self::Stopping | Self::Stopped,
            ) => true,
            (from, Self::Complete | Self::Invalid(_) | Self::Failed(_)) => from.live(),
            (from, Self::LateComplete) => from.may_turn_up(),
            (from, Self::Quarantined) => from.live() || from.may_turn_up(),
            _ => false,
        }
    }
}

/// An attempt in a sweep's table of attempts. 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) ordinal: u32,
    pub(super) number: AttemptNumber,
    /// Where it was offered.
    pub(super) slot: SlotKey,
    /// Row of the trial's previous attempt.
    pub(super) previous: RowLink,
    pub(super) state: AttemptState,
    pub(super) charge: Charge,
    /// Whether its node took it, as far as known.
    pub(super) accepted: bool,
}

/// A live attempt, for the check that a node speaks only of attempts that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveAttempt {
    /// The node that holds it.
    pub node: NodeId,
    /// The slot, by its position on the node.
    pub slot: u16,
    /// The node's session; absent while it has none.
    pub incarnation: Option<Incarnation>,
    /// Where it stands.
    pub state: AttemptState,
}

/// An attempt, for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// The trial, by its position in the plan.
    pub ordinal: u32,
    /// Its number.
    pub number: AttemptNumber,
    /// Where it ran.
    pub slot: SlotId,
    /// Where it stands.
    pub state: AttemptState,
    /// What it is charged to.
    pub charge: Charge,
    /// Whether it is the one attempt of its trial that counts.
    pub counts: bool,
}

impl AttemptView {
    /// Whether its record is whole and valid and yet does not count: another attempt of the trial does, or the trial
    /// had ended otherwise.
    #[must_use]
    pub const fn surplus(&self) -> bool {
        self.state.complete() && !self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_a_set_in_the_order_of_reports() {
        let findings = Findings::of(&[ValidityReason::Xid, ValidityReason::Ecc, ValidityReason::Xid]);
        assert_eq!(findings.iter().collect::<Vec<_>>(), [ValidityReason::Ecc, ValidityReason::Xid]);
        assert!(Findings::of(&[]).is_empty());
        assert_eq!(Findings::of(&ValidityReason::ALL).iter().count(), ValidityReason::ALL.len());
    }

    #[test]
    fn a_row_stays_small() {
        assert!(size_of::<Row>() <= 32, "{}", size_of::<Row>());
    }

    #[test]
    fn final_states_only_move_for_a_late_record() {
        let abandoned = AttemptState::Abandoned(AbandonCause::GraceOver);
        assert!(abandoned.may_become(AttemptState::LateComplete));
        assert!(!abandoned.may_become(AttemptState::Running));
        assert!(!AttemptState::Complete.may_become(AttemptState::Quarantined));
        assert!(!AttemptState::Stopping.may_become(AttemptState::Running));
    }
}
