//! Nodes are killed while they work; each comes back as another process on the same spool.

use std::time::Duration;

use chimera_tests::until;
use chimera_tests::{Daemon, NodePlan, PATIENCE, Rig};
use chimera_tests::{LogTail, field};

use crate::stage::{KILLS, Sweeps, moments, pass_some, servers};

/// Kills come within this time after an attempt has begun on the node.
const SPAN: Duration = Duration::from_millis(250);
/// Attempts from this number on are spared: the third loss would quarantine their trial, which is another test. One loss is
/// kept in hand, because a node has taken an offer for a moment before it says that the attempt begins.
const SPARED_FROM: u32 = 2;

/// A node that can be killed.
struct Victim {
    plan: NodePlan,
    daemon: Daemon,
    log: LogTail,
    /// Number of the attempt that it began last, until that ended.
    running: Option<u32>,
    /// Attempts that had ended and were not acknowledged when it was killed.
    recovered: u32,
}

impl Victim {
    fn start(rig: &Rig, plan: &NodePlan) -> Self {
        let daemon = rig.node(plan);
        let log = LogTail::new(&daemon.log);
        Self { plan: plan.clone(), daemon, log, running: None, recovered: 0 }
    }

    fn follow(&mut self) {
        for line in self.log.lines() {
            if line.contains("attempt begins") {
                let number = field(&line, "attempt").and_then(|id| id.rsplit('.').next()?.parse().ok());
                self.running = Some(number.unwrap_or(1));
            } else if line.contains("attempt ended") {
                self.running = None;
            } else if line.contains("session open") {
                let held = field(&line, "held").and_then(|held| held.parse::<u32>().ok());
                self.recovered += held.unwrap_or_default();
            }
        }
    }

    fn killed(&mut self, rig: &Rig) {
        self.daemon.process.kill();
        self.follow();
        self.daemon = rig.node(&self.plan);
        self.log = LogTail::new(&self.daemon.log);
        self.running = None;
    }

    /// Partials of attempts that a kill interrupted.
    fn partials(&self, rig: &Rig) -> usize {
        let files = std::fs::read_dir(rig.spool_of(&self.plan.name).join("kept")).unwrap();
        files.count()
    }
}

#[test]
fn killed_fifty_times_they_leave_every_trial_counted_once() {
    let (_servers, plans) = servers();
    let rig = Rig::new();
    let coordinator = rig.coordinator();
    let mut victims: Vec<Victim> = plans.iter().map(|plan| Victim::start(&rig, plan)).collect();
    rig.wait_for_slots(plans.len());
    let (mut sweeps, mut moments) = (Sweeps::new("any"), moments("node"));
    let mut while_running = 0;
    for _ in 0..KILLS {
        sweeps.keep_busy(&rig);
        let chosen = usize::try_from(moments.below(victims.len() as u64)).unwrap();
        let victim = &mut victims[chosen];
        while_running +=
            u32::from(kill(&rig, victim, || sweeps.keep_busy(&rig), |span| pass_some(&mut moments, span)));
    }
    sweeps.check(&rig);
    victims.iter_mut().for_each(Victim::follow);
    let recovered: u32 = victims.iter().map(|victim| victim.recovered).sum();
    let partials: usize = victims.iter().map(|victim| victim.partials(&rig)).sum();
    eprintln!(
        "{while_running} kills hit a running attempt, {recovered} records came back from a spool, {partials} files kept"
    );
    assert!(while_running > KILLS / 4, "only {while_running} kills hit a running attempt");
    drop(coordinator);
}

/// Waits until the node works on an attempt that may be lost, lets a moment pass, kills it, and starts it again. Says
/// whether an attempt was running.
fn kill(rig: &Rig, victim: &mut Victim, mut keep_busy: impl FnMut(), mut pass: impl FnMut(Duration)) -> bool {
    loop {
        let began = until("an attempt to interrupt", PATIENCE, || {
            keep_busy();
            victim.follow();
            victim.running.filter(|number| *number < SPARED_FROM)
        });
        began.unwrap();
        pass(SPAN);
        victim.follow();
        if victim.running.is_none_or(|number| number < SPARED_FROM) {
            let running = victim.running.is_some();
            victim.killed(rig);
            return running;
        }
    }
}
