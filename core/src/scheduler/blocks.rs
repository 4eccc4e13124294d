//! Blocks of a sweep with a stop rule: admitted one after the other, until it has seen enough.
//!
//! ```text
//!   first look ──all trials terminal──> asked ──Continue──> one more block ──all trials terminal──> asked …
//!                                         └──Enough, or no block is left──> the sweep ends
//! ```
//!
//! The scheduler never sees a figure: it asks ([`Command::JudgeBlocks`]), and the answer is an event of the journal. A
//! sweep without a stop rule has all of its blocks admitted from the beginning.

use super::Scheduler;
use super::command::Command;
use super::event::BlocksVerdict;
use super::key::{LaneKey, SweepKey, next_key};
use crate::id::SweepId;
use crate::plan::Plan;
use crate::sweep::Sweep;

/// How far a sweep has come in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocks {
    /// Blocks whose trials are admitted, from the first on.
    pub(super) opened: u32,
    /// Blocks of the plan.
    planned: u32,
    /// Whether the question is out.
    pub(super) asked: bool,
    /// Whether enough was seen.
    enough: bool,
}

impl Blocks {
    /// Of a sweep of which nothing has run yet. A rule that cannot work is refused when the plan is made; without one
    /// every block is admitted.
    pub(super) fn of(sweep: &Sweep, plan: &Plan) -> Self {
        let planned = plan.trials.last().map_or(0, |trial| trial.block + 1);
        let rule = sweep.design.stop.and_then(|stop| stop.rule(planned).ok());
        let opened = rule.map_or(planned, |rule| rule.first_look().min(planned));
        Self { opened, planned, asked: false, enough: false }
    }

    /// Number of the plan's trials that stand in opened blocks: trials are planned block by block.
    pub(super) fn trials(self, plan: &Plan) -> u32 {
        next_key(plan.trials.partition_point(|trial| trial.block < self.opened))
    }

    /// Whether a block is left that may still be needed.
    pub(super) const fn are_left(self) -> bool {
        self.opened < self.planned && !self.enough
    }
}

impl Scheduler {
    /// Asks whether the blocks so far are enough. Asked once: the answer comes, or the coordinator restarts.
    pub(super) fn ask_for_verdict(&mut self, sweep: SweepKey) {
        let run = self.run_mut(sweep);
        if !std::mem::replace(&mut run.blocks.asked, true) {
            self.send_question(sweep);
        }
    }

    /// Asks again what a former life of the coordinator asked.
    pub(super) fn repeat_questions(&mut self) {
        let asked: Vec<SweepKey> =
            self.open.iter().copied().filter(|sweep| self.run(*sweep).blocks.asked).collect();
        asked.into_iter().for_each(|sweep| self.send_question(sweep));
    }

    fn send_question(&mut self, sweep: SweepKey) {
        let run = self.run(sweep);
        let question = Command::JudgeBlocks { sweep: run.id.clone(), blocks: run.blocks.opened };
        self.commands.push_back(question);
    }

    /// The answer. One that was not asked for, or that is about other blocks, changes nothing.
    pub(super) fn judged(&mut self, id: &SweepId, blocks: u32, verdict: BlocksVerdict) {
        let open = self.run_ids.get(id).copied().filter(|sweep| self.open.contains(sweep));
        let awaited = |sweep: &SweepKey| {
            let run = self.run(*sweep);
            run.blocks.asked && run.blocks.opened == blocks && run.may_go_on()
        };
        let Some(sweep) = open.filter(awaited) else { return };
        let run = self.run_mut(sweep);
        run.blocks.asked = false;
        match verdict {
            BlocksVerdict::Continue => {
                run.open_block();
                let lanes = next_key(run.lanes.len());
                self.touched.extend((0..lanes).map(|lane| LaneKey { sweep, lane }));
            }
            BlocksVerdict::Enough => run.blocks.enough = true,
        }
        self.close_if_over(sweep);
    }
}
