//! The coordinator is killed while three nodes work; it comes back on the same port and data directory.

use std::time::Duration;

use chimera_tests::LogTail;
use chimera_tests::until;
use chimera_tests::{Daemon, PATIENCE, Rig};

use crate::luck::Luck;
use crate::stage::{KILLS, Sweeps, moments, pass_some, servers};

/// Kills come within this time after the first node is back.
const SPAN: Duration = Duration::from_millis(700);
/// One kill in this many comes at once, in the middle of the start.
const EARLY: u64 = 8;

#[test]
fn killed_fifty_times_it_counts_every_trial_once() {
    let (_servers, plans) = servers();
    let rig = Rig::new();
    let mut coordinator = rig.coordinator();
    let nodes: Vec<Daemon> = plans.iter().map(|plan| rig.node(plan)).collect();
    let mut logs: Vec<LogTail> = nodes.iter().map(|node| LogTail::new(&node.log)).collect();
    let (mut luck, mut moments) =
        (vec![Luck::default(), Luck::default(), Luck::default()], moments("coordinator"));
    rig.wait_for_slots(plans.len());
    let mut sweeps = Sweeps::new("each-gpu");
    for _ in 0..KILLS {
        sweeps.keep_busy(&rig);
        pass_some(&mut moments, SPAN);
        coordinator.process.kill();
        if moments.below(EARLY) == 0 {
            let mut early = rig.coordinator_at(&rig.data_dir());
            pass_some(&mut moments, Duration::from_millis(150));
            early.process.kill();
        }
        read(&mut logs, &mut luck);
        coordinator = rig.coordinator();
        let back = || read(&mut logs, &mut luck).then_some(());
        until("a node that comes back", PATIENCE, back).unwrap();
    }
    sweeps.check(&rig);
    read(&mut logs, &mut luck);
    for (node, luck) in nodes.iter().zip(&luck) {
        eprintln!(
            "{}: {} resumed, {} resent, {} unheard, {} ends again",
            node.log.display(),
            luck.resumed,
            luck.resent,
            luck.unheard,
            luck.ends_again
        );
    }
    let total = |count: fn(&Luck) -> u32| luck.iter().map(count).sum::<u32>();
    assert!(total(|luck| luck.resumed) > 0, "no kill hit a running attempt");
    assert!(
        total(|luck| luck.unheard + luck.resent + luck.ends_again) > 0,
        "no kill hit between commit and answer"
    );
}

/// Follows the logs; says whether a session was opened meanwhile.
fn read(logs: &mut [LogTail], luck: &mut [Luck]) -> bool {
    let mut opened = false;
    for (log, luck) in logs.iter_mut().zip(luck) {
        let lines = log.lines();
        opened |= lines.iter().any(|line| line.contains("session open"));
        luck.read(&lines);
    }
    opened
}
