//! Reports from a store that is only read.

use std::collections::BTreeMap;
use std::path::Path;

use chimera_coordinator::{Imports, OfflineError, stored_report};
use chimera_core::report::{Labels, Report};

use crate::world::node::Node;
use crate::world::{World, samples};

/// Every file of a folder with its bytes.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// A report as it comes out of its JSON, without the moment at which it was made.
fn timeless(report: &Report) -> Report {
    let mut report: Report = serde_json::from_slice(&serde_json::to_vec(report).unwrap()).unwrap();
    let labels = std::mem::take(&mut report.header.labels);
    report.header.labels = Labels { created_at: None, ..labels };
    report
}

async fn one_trial(world: &World, node: &mut Node) -> String {
    let sweep = world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    node.run_one().await;
    world.sweep_until(&sweep, |status| status.dataset.is_some()).await;
    sweep
}

#[tokio::test]
async fn a_stopped_coordinators_store_is_read_without_a_trace() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = one_trial(&world, &mut node).await;
    let asked = world.report(&sweep).await;
    drop(node);
    world.stop().await;

    let before = bytes(folder.path());
    let read = stored_report(folder.path(), &sweep).await.unwrap();
    assert_eq!(timeless(&read), timeless(&asked));
    Imports::look(folder.path()).await.unwrap().close().await.unwrap();
    assert_eq!(bytes(folder.path()), before);
}

#[tokio::test]
async fn a_store_is_read_beside_its_coordinator() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 2), "r1").await.unwrap();
    node.run_one().await;
    let before = bytes(folder.path());
    let read = stored_report(folder.path(), &sweep).await.unwrap();
    assert_eq!(read.header.state, "running");
    assert_eq!(read.conservation.trials.counted, 1);
    let after = bytes(folder.path());
    for file in ["fleet.sqlite", "fleet.sqlite-wal"] {
        assert!(after[file].starts_with(&before[file]), "{file}");
    }
    // The coordinator goes on and sees the rest.
    node.run_one().await;
    world.sweep_until(&sweep, |status| status.dataset.is_some()).await;
    world.stop().await;
}

#[tokio::test]
async fn a_killed_coordinators_store_is_read_from_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::spawn(folder.path());
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = one_trial(&world, &mut node).await;
    drop(node);
    world.kill().await;
    let before = bytes(folder.path());
    assert!(!before["fleet.sqlite-wal"].is_empty());
    let read = stored_report(folder.path(), &sweep).await.unwrap();
    assert_eq!((read.header.state.as_str(), read.conservation.trials.counted), ("done", 1));
    let after = bytes(folder.path());
    for file in ["fleet.sqlite", "fleet.sqlite-wal"] {
        assert_eq!(after[file], before[file], "{file}");
    }
}

#[tokio::test]
async fn an_unknown_sweep_is_told_with_those_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let _node = Node::join(&world, "lab-1").await;
    world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    match stored_report(folder.path(), "nigth").await {
        Err(OfflineError::Unknown { known, .. }) => assert_eq!(known, ["night"]),
        other => panic!("{other:?}"),
    }
    assert!(matches!(stored_report(&folder.path().join("none"), "night").await, Err(OfflineError::Store(_))));
}
