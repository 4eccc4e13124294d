//! Sessions and frames. A session is a FIFO in each direction; a cut loses what is under way, and the coordinator may
//! notice it late, even after the node has registered again.

use super::{Happening, World};
use crate::id::{AttemptId, Incarnation};
use crate::outcome::{AttemptOutcome, ValidityReason};
use crate::scheduler::command::Command;
use crate::scheduler::event::{Event, LeaveReason, RejectReason};
use crate::unit::{Moment, Nanos};

/// What a node sends.
#[derive(Debug, Clone)]
pub(super) enum Frame {
    Accept(AttemptId),
    Reject(AttemptId, RejectReason),
    Stopped(AttemptId),
    Ended(AttemptId, AttemptOutcome, Vec<ValidityReason>),
    Contradiction(AttemptId),
}

impl World {
    /// When a frame sent now arrives: after every earlier one of its session.
    fn arrival(&mut self, incarnation: Incarnation, to_node: bool) -> Moment {
        let sent = self.now.after(Nanos::from_millis(1 + self.chance.below(400)));
        let newest = self.lines.entry((incarnation, to_node)).or_default();
        *newest = sent.max(newest.after(Nanos(1)));
        *newest
    }

    /// A node sends a frame, if it has a session. Some are sent twice: a resend after a lost acknowledgement.
    pub(super) fn send(&mut self, node: usize, frame: Frame) {
        let Some(incarnation) = self.nodes[node].session else { return };
        let copies = if self.chance_of(5) { 2 } else { 1 };
        for _ in 0..copies {
            let at = self.arrival(incarnation, false);
            self.at(at, Happening::ToCoordinator { node, incarnation, frame: frame.clone() });
        }
    }

    /// The driver performs a command: a frame to the node, or the end of a session.
    pub(super) fn perform(&mut self, command: Command) {
        let (node, incarnation) = match &command {
            Command::Offer { node, incarnation, .. } | Command::Stop { node, incarnation, .. } => {
                (node, *incarnation)
            }
            Command::JudgeBlocks { sweep, blocks } => return self.judge(sweep, *blocks),
            // The world's nodes drop an older session by themselves when they dial.
            Command::CloseSession { .. } | Command::SweepEnded { .. } => return,
        };
        let Some(node) = self.index_of(node) else { return };
        let at = self.arrival(incarnation, true);
        self.at(at, Happening::ToNode { node, incarnation, command });
    }

    /// A frame reaches the coordinator, unless its session was cut under way.
    pub(super) fn arrive(
        &mut self,
        node: usize,
        incarnation: Incarnation,
        frame: Frame,
    ) -> Result<(), String> {
        if !self.coordinator_up || (self.nodes[node].session != Some(incarnation) && !self.lingers(&frame)) {
            return Ok(());
        }
        let id = self.name_of(node);
        let event = match frame {
            Frame::Accept(attempt) => Event::AttemptAccepted { attempt, node: id, incarnation },
            Frame::Reject(attempt, reason) => {
                Event::AttemptRejected { attempt, node: id, incarnation, reason }
            }
            Frame::Stopped(attempt) => Event::AttemptStopped { attempt, node: id, incarnation },
            Frame::Ended(attempt, outcome, findings) => {
                self.feed(Event::AttemptEnded { attempt: attempt.clone(), outcome, findings })?;
                // The acknowledgement may be lost: the node then sends the record again at its next session.
                if self.nodes[node].session == Some(incarnation) && !self.chance_of(15) {
                    self.nodes[node].spool.remove(&attempt);
                }
                return Ok(());
            }
            Frame::Contradiction(attempt) => Event::AttemptQuarantined { attempt },
        };
        self.feed(event)
    }

    /// Frames of a dead session that were already read by the coordinator are still fed to the scheduler at times.
    fn lingers(&mut self, frame: &Frame) -> bool {
        !matches!(frame, Frame::Ended(..)) && self.chance_of(30)
    }

    /// A session ends without a word.
    pub(super) fn cut(&mut self, node: usize) {
        let Some(incarnation) = self.nodes[node].session.take() else { return };
        if !self.coordinator_up {
            return;
        }
        // A closed socket is seen at once, a silent one when the lease is over.
        let silent = self.chance.below(2) == 0;
        let (reason, wait) = if silent { (LeaveReason::Silent, 30_000) } else { (LeaveReason::Closed, 50) };
        let id = self.name_of(node);
        self.later(Nanos::from_millis(wait), Happening::Notice { node: id, incarnation, reason });
    }

    /// A node registers.
    pub(super) fn dial(&mut self, node: usize, epoch: u64) -> Result<(), String> {
        let entry = &self.nodes[node];
        if !entry.up || entry.epoch != epoch || entry.session.is_some() {
            return Ok(());
        }
        if entry.partitioned || !self.coordinator_up {
            self.later(Nanos::from_secs(3), Happening::Dial { node, epoch });
            return Ok(());
        }
        self.incarnations += 1;
        let incarnation = Incarnation(self.incarnations);
        self.nodes[node].session = Some(incarnation);
        let (facts, nonce, held) =
            (self.facts_of(node), self.nodes[node].nonce(node), self.nodes[node].held());
        self.feed(Event::NodeJoined { facts, incarnation, nonce, held })?;
        self.upload_spool(node);
        Ok(())
    }
}
