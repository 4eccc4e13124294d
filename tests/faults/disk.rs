//! A disk that is full: nothing acknowledged is lost, and everything goes on once there is room.

use chimera_tests::{NodePlan, PATIENCE, Rig, Simulated, audit};

use crate::ledger::{SlotLedger, ledger};
use crate::sweeps::{fleet, sweep_of};
use crate::tmpfs::SmallDisk;

/// Texts that do not compress away: enough bytes to fill what is left.
const TOKENS: u32 = 1_000;

#[test]
fn a_coordinator_on_a_full_disk_waits_and_loses_nothing() {
    let rig = Rig::new();
    let Some(disk) = SmallDisk::mount(&rig.data_dir(), 8, "a coordinator on a full disk") else { return };
    let servers = Simulated::start(&fleet(&["", ""]));
    let mut coordinator = rig.coordinator();
    let _node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(2);
    let name = rig.submit(&sweep_of("full", 4, 1, TOKENS));
    disk.fill(16 * 1024);
    coordinator.process.wait_for("the disk is full: nothing is acknowledged", PATIENCE);
    let refused = rig.path().join("refused.toml");
    std::fs::write(&refused, sweep_of("other", 1, 1, 10)).unwrap();
    let told = rig.chimera(&["sweep", "run", "--detach", refused.to_str().unwrap()]);
    assert!(told.code == 1 && told.err.contains("disk"), "{told:?}");
    disk.free();
    coordinator.process.wait_for("the disk takes writes again", PATIENCE);
    let progress = rig.finish(&name);
    assert_eq!(progress["trials"]["counted"], 8, "{progress}");
    assert!(ledger(&rig, &name).values().all(SlotLedger::spotless));
    assert_eq!(audit(&rig.data_dir(), &name).partials, 0);
    coordinator.process.kill();
}

#[test]
fn a_node_on_a_full_disk_says_so_and_its_trials_run_again() {
    let rig = Rig::new();
    let Some(disk) = SmallDisk::mount(&rig.spool_of("rack"), 4, "a node on a full disk") else { return };
    let servers = Simulated::start(&fleet(&[""]));
    let _coordinator = rig.coordinator();
    let mut node = rig.node(&NodePlan::new("rack", &servers.urls()));
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep_of("spool", 2, 1, TOKENS));
    node.process.wait_for("attempt begins", PATIENCE);
    disk.fill(0);
    node.process.wait_for("the spool of the node cannot hold the record", PATIENCE);
    node.process.wait_for("No space left on device", PATIENCE);
    disk.free();
    let progress = rig.finish(&name);
    assert_eq!(
        (&progress["trials"]["counted"], &progress["trials"]["admitted"]),
        (&2.into(), &2.into()),
        "{progress}"
    );
    assert!(progress["attempts"].as_u64().unwrap() > 2, "the full disk hit nothing: {progress}");
    assert_eq!(audit(&rig.data_dir(), &name).counted, 2);
    node.process.kill();
}
