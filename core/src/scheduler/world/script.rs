//! What a seed does to its fleet: when nodes start, which sweeps are submitted, and which faults strike when.

use std::sync::Arc;

use super::{Happening, World, sample};
use crate::node::NodeFacts;
use crate::plan::Plan;
use crate::scheduler::event::{Event, LeaveReason};
use crate::scheduler::policy::Policy;
use crate::seed::{Seed, Stream};
use crate::sweep::Sweep;
use crate::unit::{Moment, Nanos};

/// One act of a script.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// A node's process starts, unless it is up.
    Start { node: usize },
    /// A node's process dies.
    Crash { node: usize },
    /// A node's process stops in order and starts again.
    Goodbye { node: usize },
    /// A node's connection is cut; it dials again at once.
    Cut { node: usize },
    /// A node's network is gone.
    Partition { node: usize },
    /// A node's network is back.
    Heal { node: usize },
    /// A node stops to obey stops.
    Wedge { node: usize },
    /// It obeys again.
    Unwedge { node: usize },
    /// A node's spool is full, or has room again.
    Fill { node: usize, full: bool },
    /// An operator drains a node.
    Drain { node: usize },
    /// An operator takes it back.
    Undrain { node: usize },
    /// A sweep is submitted.
    Submit { sweep: Arc<Sweep>, plan: Arc<Plan> },
    /// A sweep is cancelled.
    Cancel { sweep: crate::id::SweepId },
    /// The coordinator dies.
    CrashCoordinator,
    /// The coordinator starts.
    StartCoordinator,
}

/// A drawn script.
#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) policy: Policy,
    pub(super) nodes: Vec<Arc<NodeFacts>>,
    pub(super) acts: Vec<(Moment, Act)>,
    /// When the faults stop.
    pub(super) calm_at: Moment,
}

const ROUGH: Nanos = Nanos::from_secs(400);

impl Script {
    pub(super) fn draw(seed: Seed) -> Self {
        let mut chance = seed.child("script").stream();
        let nodes: Vec<Arc<NodeFacts>> =
            (0..2 + chance.below(4)).map(|node| sample::node(node, &mut chance)).collect();
        let policy = Policy {
            disconnect_grace: Nanos::from_secs(60),
            mass_grace: Nanos::from_secs(150),
            attempt_slack: Nanos::from_secs(15),
            ..Policy::default()
        };
        let mut script = Self { policy, nodes, acts: Vec::new(), calm_at: Moment(ROUGH.0) };
        script.start_nodes(&mut chance);
        script.submit(seed, &mut chance);
        let faults = chance.below(24);
        for _ in 0..faults {
            script.fault(&mut chance);
        }
        script
    }

    pub(super) fn trials(&self) -> u64 {
        let planned =
            |act: &Act| if let Act::Submit { plan, .. } = act { plan.trials.len() as u64 } else { 0 };
        self.acts.iter().map(|(_, act)| planned(act)).sum()
    }

    fn push(&mut self, at: Nanos, act: Act) {
        self.acts.push((Moment(at.0), act));
    }

    fn start_nodes(&mut self, chance: &mut Stream) {
        for node in 0..self.nodes.len() {
            // The last node sometimes joins in the middle.
            let late = node > 1 && chance.below(4) == 0;
            let wait = if late { chance.below(200_000) } else { chance.below(3_000) };
            self.push(Nanos::from_millis(wait), Act::Start { node });
        }
    }

    fn submit(&mut self, seed: Seed, chance: &mut Stream) {
        for number in 0..1 + chance.below(3) {
            let (sweep, plan) = sample::sweep(number, seed, chance, &self.nodes);
            let at = Nanos::from_secs(chance.below(100));
            if chance.below(5) == 0 {
                let cancel = Nanos(at.0 + Nanos::from_secs(1 + chance.below(120)).0);
                self.push(cancel, Act::Cancel { sweep: plan.sweep.clone() });
            }
            self.push(at, Act::Submit { sweep, plan });
        }
    }

    fn fault(&mut self, chance: &mut Stream) {
        let node = chance.below(self.nodes.len() as u64) as usize;
        let at = Nanos::from_secs(1 + chance.below(380));
        let until = |chance: &mut Stream, most: u64| Nanos(at.0 + Nanos::from_secs(1 + chance.below(most)).0);
        match chance.below(12) {
            0 => self.push(at, Act::Crash { node }),
            1 => self.push(at, Act::Goodbye { node }),
            2 | 3 => self.push(at, Act::Cut { node }),
            4 => self.span(at, until(chance, 50), Act::Partition { node }, Act::Heal { node }),
            5 | 6 => self.span(at, until(chance, 200), Act::Partition { node }, Act::Heal { node }),
            7 => self.span(at, until(chance, 60), Act::Wedge { node }, Act::Unwedge { node }),
            8 => self.span(
                at,
                until(chance, 60),
                Act::Fill { node, full: true },
                Act::Fill { node, full: false },
            ),
            9 => self.span(at, until(chance, 90), Act::Drain { node }, Act::Undrain { node }),
            10 => self.span(at, until(chance, 100), Act::CrashCoordinator, Act::StartCoordinator),
            _ => {
                let healed = until(chance, 100);
                for node in 0..self.nodes.len() {
                    self.span(at, healed, Act::Partition { node }, Act::Heal { node });
                }
            }
        }
    }

    fn span(&mut self, from: Nanos, until: Nanos, begin: Act, end: Act) {
        self.push(from, begin);
        self.push(until, end);
    }
}

impl World {
    /// The script acts.
    pub(super) fn act(&mut self, act: Act) -> Result<(), String> {
        match act {
            Act::Start { node } => self.start(node),
            Act::Crash { node } => self.crash(node, 5),
            Act::Goodbye { node } => return self.goodbye(node),
            Act::Cut { node } => {
                self.cut(node);
                self.redial(node);
            }
            Act::Partition { node } => {
                self.nodes[node].partitioned = true;
                self.cut(node);
                self.redial(node);
            }
            Act::Heal { node } => self.nodes[node].partitioned = false,
            Act::Wedge { node } => self.nodes[node].stuck = true,
            Act::Unwedge { node } => self.unwedge(node),
            Act::Fill { node, full } => self.nodes[node].full = full,
            Act::CrashCoordinator => self.crash_coordinator(),
            Act::StartCoordinator => return self.start_coordinator(),
            Act::Drain { .. } | Act::Undrain { .. } | Act::Submit { .. } | Act::Cancel { .. } => {
                return self.operate(act);
            }
        }
        Ok(())
    }

    /// What people do. While the coordinator is down their command fails, and they try again.
    fn operate(&mut self, act: Act) -> Result<(), String> {
        if !self.coordinator_up {
            self.later(Nanos::from_secs(5), Happening::Act(act));
            return Ok(());
        }
        match act {
            // An operator who still tries to drain when the faults are over would be a fault.
            Act::Drain { .. } if !self.rough => Ok(()),
            Act::Drain { node } => {
                let node = self.name_of(node);
                self.feed(Event::DrainRequested { node, reason: "test".to_owned() })
            }
            Act::Undrain { node } => {
                let node = self.name_of(node);
                self.feed(Event::UndrainRequested { node })
            }
            Act::Submit { sweep, plan } => self.feed(Event::SweepSubmitted { sweep, plan }),
            Act::Cancel { sweep } => self.feed(Event::SweepCancelled { sweep }),
            _ => Ok(()),
        }
    }

    fn start(&mut self, node: usize) {
        let entry = &mut self.nodes[node];
        if !entry.up {
            entry.up = true;
            entry.epoch += 1;
        }
        self.nodes[node].full = false;
        self.redial(node);
    }

    /// A node dials again within the first reconnect delay. Nodes lose their session when the coordinator does.
    pub(super) fn redial(&mut self, node: usize) {
        let epoch = self.nodes[node].epoch;
        let wait = Nanos::from_millis(self.chance.below(5_000));
        self.later(wait, Happening::Dial { node, epoch });
    }

    fn goodbye(&mut self, node: usize) -> Result<(), String> {
        let session = self.nodes[node].session;
        self.crash(node, 3);
        match session {
            Some(incarnation) if self.coordinator_up => {
                let node = self.name_of(node);
                self.feed(Event::NodeLeft { node, incarnation, reason: LeaveReason::Goodbye })
            }
            _ => Ok(()),
        }
    }

    /// A wedged node gets well by a restart of its daemon.
    fn unwedge(&mut self, node: usize) {
        if std::mem::replace(&mut self.nodes[node].stuck, false) {
            self.crash(node, 1);
        }
    }
}
