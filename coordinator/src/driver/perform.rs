//! Commands become frames; nothing here waits.

use std::sync::atomic::Ordering;

use chimera_core::id::{AttemptId, Incarnation, NodeId, SweepId};
use chimera_core::scheduler::attempt::AttemptState;
use chimera_core::scheduler::command::Command;
use chimera_core::scheduler::event::Event;
use chimera_core::unit::{Moment, UnixNanos};
use chimera_proto::convert::{self, Beside};
use chimera_proto::v1;
use chimera_proto::v1::session_response::Kind;

use super::Driver;
use super::request::{Joined, Then};
use super::snapshot::{Catalog, SweepEntry};

impl Driver {
    /// Performs every command that the scheduler has, in order.
    pub(super) fn perform_all(&mut self, wall: UnixNanos) {
        while let Some(command) = self.scheduler.poll() {
            match command {
                Command::Offer { attempt, node, incarnation, slot } => {
                    self.offer(&attempt, &node, incarnation, slot);
                }
                Command::Stop { attempt, node, incarnation } => {
                    let stop = v1::Stop { attempt: Some((&attempt).into()) };
                    self.send(&node, incarnation, Kind::Stop(stop));
                }
                Command::CloseSession { node, incarnation } => {
                    // The roster has cut an older session when the newer one opened; then there is nothing to do.
                    let _ = self.roster.close(&node, incarnation);
                    self.leases.close(&node, incarnation);
                }
                Command::SweepEnded { sweep } => self.sweep_ended(&sweep, wall),
                Command::JudgeBlocks { sweep, blocks } => self.blocks_ended(&sweep, blocks),
            }
        }
    }

    fn offer(&mut self, attempt: &AttemptId, node: &NodeId, incarnation: Incarnation, slot: u16) {
        match compose_offer(&self.catalog, attempt, slot) {
            Some(offer) => {
                tracing::debug!(%attempt, %node, slot, "offered");
                self.send(node, incarnation, Kind::Offer(offer));
            }
            // The scheduler names trials of submitted plans only. Its offer times out, which is visible and bounded.
            None => tracing::error!(%attempt, "an offer names a trial that no plan has"),
        }
    }

    /// A node that cannot take a frame has left: the next turn says so to the scheduler.
    fn send(&mut self, node: &NodeId, incarnation: Incarnation, kind: Kind) {
        if let Err(reason) = self.roster.send(node, incarnation, kind) {
            let step = self.left(node, incarnation, reason);
            self.pending.extend(step);
        }
    }

    fn sweep_ended(&mut self, sweep: &SweepId, wall: UnixNanos) {
        tracing::info!(%sweep, "a sweep ended");
        self.catalog.ended(sweep, wall);
        // The sealer looks at the snapshot, so that must be there first.
        self.publish();
        self.wakes.seal.notify_one();
    }

    fn blocks_ended(&mut self, sweep: &SweepId, blocks: u32) {
        tracing::debug!(%sweep, blocks, "blocks are over and are looked at");
        // As for the sealer: whoever looks reads the snapshot.
        self.publish();
        self.wakes.judge.notify_one();
    }

    /// Opens the session of a node that joined, so that offers find it.
    pub(super) fn open_session(&mut self, then: Then, now: Moment) -> Then {
        if let Then::Open { node, incarnation, ends, .. } = &then {
            tracing::info!(%node, session = incarnation.0, "a node joined");
            ends.heard.store(now.0, Ordering::Relaxed);
            self.roster.open(node.clone(), *incarnation, ends.clone());
            self.leases.open(node, *incarnation, now);
        }
        then
    }

    /// Tells whoever waits. They may have gone: what happened stands all the same.
    pub(super) fn answer(&mut self, then: Then) {
        match then {
            Then::Nothing => {}
            Then::Tell(done) => _ = done.send(()),
            Then::Open { node, incarnation, held, reply, .. } => {
                let own = held.into_iter().filter(|attempt| self.was_offered_to(attempt, &node)).collect();
                drop(reply.send(Joined { incarnation, own }));
            }
            Then::Admitted { row, reply } => {
                let entry = self.catalog.get(&row.sweep).cloned();
                self.catalog.add_submission(row);
                if let Some(entry) = entry {
                    drop(reply.send(Ok(entry)));
                }
            }
        }
    }

    /// The object rule: a node may speak of an attempt only if it was offered to it, however long ago.
    fn was_offered_to(&self, attempt: &AttemptId, node: &NodeId) -> bool {
        self.scheduler
            .attempt(attempt)
            .is_some_and(|known| known.slot.node == *node && known.state != AttemptState::Quarantined)
    }
}

/// Keeps a submitted sweep with the nodes that it was planned against and its forecast.
pub(super) fn note_sweep(catalog: &mut Catalog, event: &Event, beside: Beside, wall: UnixNanos) {
    if let Event::SweepSubmitted { sweep, plan } = event {
        let (sweep, plan, Beside { nodes, forecast }) = (sweep.clone(), plan.clone(), beside);
        let (submitted, ended, dataset) = (wall, None, None);
        catalog.add_sweep(SweepEntry { sweep, plan, nodes, forecast, submitted, ended, dataset });
    }
}

fn compose_offer(catalog: &Catalog, attempt: &AttemptId, slot: u16) -> Option<v1::Offer> {
    let entry = catalog.get(&attempt.trial.sweep)?;
    let trial = entry.plan.trials.get(attempt.trial.ordinal as usize)?;
    let offer = convert::Offer {
        attempt: attempt.clone(),
        slot,
        cell: entry.plan.cells.get(trial.cell as usize)?.clone(),
        cell_index: trial.cell,
        block: trial.block,
        workload: trial.role.workload(&entry.sweep.workload),
        seed: trial.seed,
    };
    Some(v1::Offer::from(&offer))
}
