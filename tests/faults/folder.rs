//! Data directories that cannot be used: taken, not a folder, not writable.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use chimera_tests::{NodePlan, Rig, binary};

/// A user without any rights.
const NOBODY: u32 = 65_534;

#[test]
fn a_second_coordinator_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let (rig, other) = (Rig::new(), Rig::new());
    let _first = rig.coordinator();
    let mut second = other.coordinator_at(&rig.data_dir());
    let status = second.process.wait();
    let said = second.process.output();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("another coordinator uses the data directory") && said.contains("stop it"),
        "{said}"
    );
    assert_eq!(rig.chimera(&["sweep", "list"]).code, 0);
}

#[test]
fn a_second_node_on_the_same_spool_is_refused() {
    let rig = Rig::new();
    let plan = NodePlan::new("twin", &["http://127.0.0.1:9".to_owned()]);
    let mut first = rig.node(&plan);
    first.process.wait_for("no session", chimera_tests::PATIENCE);
    let mut second = rig.node(&plan);
    let status = second.process.wait();
    let said = second.process.output();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("another process uses the spool folder"), "{said}");
}

#[test]
fn a_file_in_place_of_the_folder_is_named() {
    let rig = Rig::new();
    let file = rig.path().join("file");
    fs::write(&file, "").unwrap();
    let mut coordinator = rig.coordinator_at(&file.join("below"));
    assert_eq!(coordinator.process.wait().code(), Some(1));
    let said = coordinator.process.output();
    assert!(said.contains("cannot create the data directory") && said.contains("set data_dir"), "{said}");
    fs::write(rig.spool_of("lost"), "").unwrap();
    let mut node = rig.node(&NodePlan::new("lost", &["http://127.0.0.1:9".to_owned()]));
    assert_eq!(node.process.wait().code(), Some(1));
    let said = node.process.output();
    assert!(said.contains("cannot open the spool folder") && said.contains("permissions"), "{said}");
}

/// Root may write everywhere, so the program is started as a user who may not.
#[test]
fn a_folder_that_may_not_be_written_is_named() {
    let rig = Rig::new();
    let locked = rig.path().join("locked");
    fs::create_dir(&locked).unwrap();
    for folder in [rig.path(), &locked] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let coordinator = reachable_copy("chimera-coordinator");
    let mut command = Command::new(coordinator.path().join("chimera-coordinator"));
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(&locked);
    if running_as_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    fs::set_permissions(rig.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write to the data directory") && said.contains("set data_dir"), "{said}");
    assert!(said.contains("ermission denied"), "{said}");
}

/// A store at rest is read by a user who may write nothing, and stays as it is.
#[test]
fn a_report_needs_no_right_to_write() {
    let rig = Rig::new();
    let mut coordinator = rig.coordinator();
    coordinator.process.signal("TERM");
    assert!(coordinator.process.wait().success());
    let store = rig.data_dir();
    let files = || {
        let entries = fs::read_dir(&store).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
    };
    let before: BTreeMap<PathBuf, Vec<u8>> = files();
    before.keys().for_each(|file| fs::set_permissions(file, fs::Permissions::from_mode(0o444)).unwrap());
    for folder in [rig.path(), &store] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    }
    let chimera = reachable_copy("chimera");
    let mut command = Command::new(chimera.path().join("chimera"));
    command.args(["report", "night", "--data-dir"]).arg(&store);
    if running_as_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    for folder in [rig.path(), &store] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("there is no sweep 'night'"), "{said}");
    assert_eq!(files(), before);
}

/// The build folder may be closed to other users. The copy is made by another process: one that this process writes
/// cannot be started while a thread beside forks.
fn reachable_copy(program: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(Command::new("cp").arg(binary(program)).arg(folder.path()).status().unwrap().success());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn running_as_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
