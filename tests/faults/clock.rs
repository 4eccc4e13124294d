//! The wall clock of a host is set while an attempt runs: durations stay right, and the record says what happened.

use std::path::{Path, PathBuf};
use std::process::Command;

use chimera_tests::{PATIENCE, Rig, Simulated};

use crate::ledger::ledger;
use crate::sweeps::{MEASURING, fleet, sweep_of, talkative};

/// Compiles the small library that moves a process's wall clock. `None` says loudly what is skipped.
fn step_library(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/step_clock.c");
    let library = folder.join("libstep_clock.so");
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).output();
    if compiled.is_ok_and(|output| output.status.success()) {
        return Some(library);
    }
    eprintln!("SKIPPED: a stepped clock: no C compiler; get one with apt-get install gcc libc6-dev");
    None
}

#[test]
fn a_clock_that_is_set_shows_in_the_record_and_in_no_duration() {
    let rig = Rig::new();
    let Some(library) = step_library(rig.path()) else { return };
    let step = rig.path().join("step");
    let servers = Simulated::start(&fleet(&[""]));
    let _coordinator = rig.coordinator();
    let plan = talkative(&servers);
    let variables = [
        ("LD_PRELOAD", library.to_string_lossy().into_owned()),
        ("CHIMERA_STEP_FILE", step.display().to_string()),
    ];
    let mut node = rig.node_with(&plan, &variables);
    rig.wait_for_slots(1);
    let name = rig.submit(&sweep_of("step", 1, 2, 600));
    node.process.wait_for(MEASURING, PATIENCE);
    std::fs::write(&step, "").unwrap();
    let progress = rig.finish(&name);
    assert_eq!(progress["trials"]["counted"], 1, "{progress}");
    let slot = &ledger(&rig, &name)[&0];
    assert!(slot.attempts[0].findings.contains("clock_stepped"), "{slot:?}");
    assert!(slot.attempts[0].state.starts_with("invalid") && slot.attempts[1].counted, "{slot:?}");
    let longest = slot.generations.iter().filter_map(|one| one.ttft_ms).fold(0.0, f64::max);
    assert!(longest < 60_000.0, "an hour got into a duration: {slot:?}");
}
