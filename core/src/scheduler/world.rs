//! A simulated fleet in virtual time: one scheduler under test, scripted nodes with spools, sessions that lose, delay
//! and repeat, partitions, crashes on both sides. One seed decides everything, so a failing seed is a test case.
//!
//! `sample` builds fleets and sweeps, `script` draws what goes wrong, `node` is a node daemon, `wire` carries frames,
//! `oracle` knows the rules independently of the scheduler's own tables, `luck` counts what a run really exercised.

mod luck;
mod node;
mod oracle;
pub(crate) mod sample;
mod script;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Scheduler;
use super::command::Command;
use super::event::{BlocksVerdict, Event, LeaveReason};
use super::mutant::Mutant;
use super::policy::Policy;
use crate::id::{AttemptId, Incarnation, NodeId, SweepId};
use crate::seed::{Seed, Stream};
use crate::unit::{Moment, Nanos};
use luck::Luck;
use node::{Job, SimNode};
use oracle::Oracle;
use script::{Act, Script};
use wire::Frame;

/// Longest look at a sweep's blocks once the faults have stopped, and while they strike.
const JUDGED_WITHIN: Nanos = Nanos::from_secs(3);
const SLOW_LOOK: Nanos = Nanos::from_secs(90);

/// Something that happens at a moment of virtual time.
#[derive(Debug, Clone)]
enum Happening {
    /// The script acts.
    Act(Act),
    /// A frame reaches the coordinator.
    ToCoordinator { node: usize, incarnation: Incarnation, frame: Frame },
    /// A command reaches a node.
    ToNode { node: usize, incarnation: Incarnation, command: Command },
    /// A node gets round to an offer.
    Take { node: usize, epoch: u64, attempt: AttemptId, slot: u16 },
    /// An execution ends.
    Finish { node: usize, epoch: u64, attempt: AttemptId },
    /// A node dials.
    Dial { node: usize, epoch: u64 },
    /// The coordinator notices that a session is over.
    Notice { node: NodeId, incarnation: Incarnation, reason: LeaveReason },
    /// Somebody has looked at a sweep's blocks.
    Judged { sweep: SweepId, blocks: u32, verdict: BlocksVerdict },
    /// The scheduler's deadline.
    Deadline,
}

/// How a run of the world went.
#[derive(Debug)]
struct Outcome {
    luck: Luck,
    commands: Vec<Command>,
}

/// The simulated fleet.
struct World {
    now: Moment,
    queue: BTreeMap<(Moment, u64), Happening>,
    pushed: u64,
    chance: Stream,
    policy: Policy,
    mutant: Option<Mutant>,
    scheduler: Scheduler,
    /// Whether the coordinator's process is up.
    coordinator_up: bool,
    journal: Vec<(Moment, Event)>,
    commands: Vec<Command>,
    incarnations: u64,
    nodes: Vec<SimNode>,
    /// Arrival of the newest frame per session and direction: frames of one session never overtake each other.
    lines: BTreeMap<(Incarnation, bool), Moment>,
    /// Whether faults still happen.
    rough: bool,
    oracle: Oracle,
    luck: Luck,
}

/// Runs one seed to its end.
fn run(seed: Seed, mutant: Option<Mutant>) -> Result<Outcome, String> {
    let script = Script::draw(seed);
    let mut world = World::new(seed, &script, mutant);
    world.run_until(script.calm_at)?;
    world.calm();
    let end = world.now.after(world.bound(&script));
    world.run_until(end)?;
    world.check_end()?;
    Ok(Outcome { luck: world.luck, commands: world.commands })
}

impl World {
    fn new(seed: Seed, script: &Script, mutant: Option<Mutant>) -> Self {
        let policy = script.policy.clone();
        let mut world = Self {
            now: Moment::default(),
            queue: BTreeMap::new(),
            pushed: 0,
            chance: seed.child("world").stream(),
            scheduler: Scheduler::new(policy.clone()).with_mutant(mutant),
            policy,
            mutant,
            coordinator_up: true,
            journal: Vec::new(),
            commands: Vec::new(),
            incarnations: 0,
            nodes: script.nodes.iter().cloned().map(SimNode::new).collect(),
            lines: BTreeMap::new(),
            rough: true,
            oracle: Oracle::default(),
            luck: Luck::default(),
        };
        for (at, act) in &script.acts {
            world.at(*at, Happening::Act(act.clone()));
        }
        world
    }

    fn at(&mut self, at: Moment, happening: Happening) {
        self.pushed += 1;
        self.queue.insert((at.max(self.now), self.pushed), happening);
    }

    fn later(&mut self, span: Nanos, happening: Happening) {
        self.at(self.now.after(span), happening);
    }

    fn run_until(&mut self, end: Moment) -> Result<(), String> {
        loop {
            let due = if self.coordinator_up { self.scheduler.next_deadline() } else { None };
            let next = self.queue.first_key_value().map(|((at, _), _)| *at);
            let deadline_first = due.is_some_and(|due| next.is_none_or(|next| due < next));
            let Some(at) = (if deadline_first { due } else { next }) else { return Ok(()) };
            if at > end {
                self.now = end;
                return Ok(());
            }
            self.now = self.now.max(at);
            let happening = if deadline_first { Happening::Deadline } else { self.pop() };
            self.happen(happening).map_err(|what| format!("at {}: {what}", Nanos(self.now.0)))?;
        }
    }

    fn pop(&mut self) -> Happening {
        self.queue.pop_first().map_or(Happening::Deadline, |(_, happening)| happening)
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Act(act) => self.act(act),
            Happening::ToCoordinator { node, incarnation, frame } => self.arrive(node, incarnation, frame),
            Happening::ToNode { node, incarnation, command } => {
                self.obey(node, incarnation, command);
                Ok(())
            }
            Happening::Take { node, epoch, attempt, slot } => {
                self.take(node, epoch, attempt, slot);
                Ok(())
            }
            Happening::Finish { node, epoch, attempt } => {
                self.finish(node, epoch, &attempt);
                Ok(())
            }
            Happening::Dial { node, epoch } => self.dial(node, epoch),
            Happening::Notice { node, incarnation, reason } => {
                if self.coordinator_up {
                    self.feed(Event::NodeLeft { node, incarnation, reason })?;
                }
                Ok(())
            }
            Happening::Judged { sweep, blocks, verdict } if self.coordinator_up => {
                self.feed(Event::BlocksJudged { sweep, blocks, verdict })
            }
            Happening::Judged { .. } => Ok(()),
            Happening::Deadline => self.feed(Event::DeadlinePassed),
        }
    }

    /// Looks at a sweep's blocks for a while. Now and then the answer comes twice, and the second one says otherwise.
    fn judge(&mut self, sweep: &SweepId, blocks: u32) {
        for _ in 0..1 + u64::from(self.chance_of(20)) {
            let enough = self.chance.below(100) < 12;
            let verdict = if enough { BlocksVerdict::Enough } else { BlocksVerdict::Continue };
            let longest = if self.chance_of(30) { SLOW_LOOK } else { JUDGED_WITHIN };
            let wait = Nanos(self.chance.below(longest.0));
            self.later(wait, Happening::Judged { sweep: sweep.clone(), blocks, verdict });
        }
    }

    /// What a driver does: journal, handle, perform.
    fn feed(&mut self, event: Event) -> Result<(), String> {
        self.journal.push((self.now, event.clone()));
        self.oracle.before(&self.scheduler, &event);
        self.scheduler.handle(self.now, event.clone());
        let commands: Vec<Command> = std::iter::from_fn(|| self.scheduler.poll()).collect();
        self.oracle.after(&self.scheduler, self.now, &event, &commands, &mut self.luck)?;
        for command in commands {
            self.commands.push(command.clone());
            self.perform(command);
        }
        Ok(())
    }

    /// The coordinator dies: sessions and frames are gone, the journal stays.
    fn crash_coordinator(&mut self) {
        self.coordinator_up = false;
        for node in 0..self.nodes.len() {
            self.cut(node);
            self.redial(node);
        }
        let own = |happening: &Happening| {
            matches!(happening, Happening::Notice { .. } | Happening::Judged { .. } | Happening::Deadline)
        };
        self.queue.retain(|_, happening| !own(happening));
    }

    /// The coordinator starts again from its journal; the replay must come out the same.
    fn start_coordinator(&mut self) -> Result<(), String> {
        if self.coordinator_up {
            return Ok(());
        }
        self.coordinator_up = true;
        self.luck.restarts_with_live += u64::from(self.oracle.live(&self.scheduler) > 0);
        let replayed = self.replay()?;
        self.scheduler = replayed;
        self.feed(Event::Restarted)
    }

    fn replay(&self) -> Result<Scheduler, String> {
        let mut replayed = Scheduler::new(self.policy.clone()).with_mutant(self.mutant);
        let mut commands = Vec::new();
        for (at, event) in &self.journal {
            replayed.handle(*at, event.clone());
            commands.extend(std::iter::from_fn(|| replayed.poll()));
        }
        if commands != self.commands {
            return Err("the replay gave other commands".to_owned());
        }
        if replayed.view() != self.scheduler.view()
            || replayed.next_deadline() != self.scheduler.next_deadline()
        {
            return Err("the replay gave another view".to_owned());
        }
        Ok(replayed)
    }

    /// Faults stop: everything that is down comes up, everything that was asked to be out is back.
    fn calm(&mut self) {
        self.rough = false;
        self.at(self.now, Happening::Act(Act::StartCoordinator));
        for node in 0..self.nodes.len() {
            self.at(self.now, Happening::Act(Act::Heal { node }));
            self.at(self.now, Happening::Act(Act::Start { node }));
            self.at(self.now, Happening::Act(Act::Unwedge { node }));
            self.at(self.now, Happening::Act(Act::Undrain { node }));
        }
    }

    /// I8: after the faults have stopped every sweep ends within this span. Whatever hangs is given up after the
    /// longest of the guards; then the trials run, at worst all on one slot, each after the longest wait.
    /// Questions about blocks are answered within seconds.
    fn bound(&self, script: &Script) -> Nanos {
        let guards = self.policy.mass_grace.0 + self.policy.disconnect_grace.0 + self.policy.stop_timeout.0;
        let each =
            node::LONGEST.0 + 2 * self.policy.backoff_max.0 + self.policy.offer_timeout.0 + JUDGED_WITHIN.0;
        Nanos(guards + Nanos::from_secs(60).0 + each * script.trials())
    }

    fn check_end(&mut self) -> Result<(), String> {
        self.scheduler.check_invariants().map_err(|violation| violation.to_string())?;
        self.replay()?;
        self.oracle.check_all_ended(&self.scheduler, &mut self.luck)?;
        let held = self.nodes.iter().find_map(SimNode::busy_with);
        match held {
            Some(attempt) => {
                Err(format!("I8: {attempt} still runs on its node though every sweep has ended"))
            }
            None => Ok(()),
        }
    }

    fn name_of(&self, node: usize) -> NodeId {
        self.nodes[node].facts.id.clone()
    }

    fn index_of(&self, id: &NodeId) -> Option<usize> {
        self.nodes.iter().position(|node| node.facts.id == *id)
    }

    fn chance_of(&mut self, percent: u64) -> bool {
        self.rough && self.chance.below(100) < percent
    }

    fn facts_of(&self, node: usize) -> Arc<crate::node::NodeFacts> {
        Arc::clone(&self.nodes[node].facts)
    }

    fn job_of(&mut self, attempt: &AttemptId) -> Job {
        Job::draw(&mut self.chance, attempt, self.rough)
    }
}
