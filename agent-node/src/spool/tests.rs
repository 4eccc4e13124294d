use super::*;
use chimera_core::id::{AttemptNumber, SweepId, TrialId};

fn attempt(ordinal: u32) -> AttemptId {
    let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal };
    AttemptId { trial, number: AttemptNumber::FIRST }
}

fn open(folder: &Path, mib: u64) -> Spool {
    Spool::open(folder, Size(mib * 1024 * 1024), NodeClock::start()).unwrap()
}

fn reopen(folder: &Path) -> Spool {
    // The thread of the last handle lets go of the folder's lock as soon as the handle is gone.
    open(folder, 16)
}

#[tokio::test]
async fn batches_are_read_back_and_chained() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), 16);
    spool.begin(&attempt(0)).await.unwrap();
    spool.append(&attempt(0), Bytes::from_static(b"one"), false).await.unwrap();
    spool.append(&attempt(0), Bytes::from_static(b"two"), true).await.unwrap();
    let chain = Digest([0; 32]).chain(Digest::of(b"one")).chain(Digest::of(b"two"));
    assert_eq!(spool.holdings(), [Holding { attempt: attempt(0), last_seq: 2, chain, ended: true }]);
    assert_eq!(spool.read(&attempt(0), 2).await.unwrap(), "two");
    assert!(matches!(spool.read(&attempt(0), 3).await, Err(SpoolError::NotHeld(_))));
    assert!(matches!(spool.read(&attempt(0), 0).await, Err(SpoolError::NotHeld(_))));
}

#[tokio::test]
async fn a_restart_keeps_what_ended_and_moves_the_rest_aside() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), 16);
    for ordinal in [0, 1] {
        spool.begin(&attempt(ordinal)).await.unwrap();
        spool.append(&attempt(ordinal), Bytes::from_static(b"x"), ordinal == 1).await.unwrap();
    }
    drop(spool);
    fs::write(folder.path().join("notes.txt"), "not ours").unwrap();
    fs::write(folder.path().join("odd.spool"), "not ours either").unwrap();
    let spool = reopen(folder.path());
    let held: Vec<_> = spool.holdings().into_iter().map(|holding| holding.attempt).collect();
    assert_eq!(held, [attempt(1)]);
    assert!(folder.path().join("kept/s.0.1.spool").exists());
    assert!(folder.path().join("notes.txt").exists() && folder.path().join("odd.spool").exists());
}

#[tokio::test]
async fn released_attempts_are_kept_aside_and_discarded_ones_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), 16);
    for ordinal in [0, 1] {
        spool.begin(&attempt(ordinal)).await.unwrap();
        spool.append(&attempt(ordinal), Bytes::from_static(b"x"), true).await.unwrap();
    }
    spool.release(&attempt(0)).await.unwrap();
    spool.discard(&attempt(1)).await.unwrap();
    spool.discard(&attempt(1)).await.unwrap();
    assert!(spool.holdings().is_empty());
    assert!(folder.path().join("kept/s.0.1.spool").exists());
    assert!(!folder.path().join("s.1.1.spool").exists());
}

#[tokio::test]
async fn a_full_spool_refuses_batches_but_never_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), 2);
    spool.begin(&attempt(0)).await.unwrap();
    let payload = Bytes::from(vec![7; 400_000]);
    spool.append(&attempt(0), payload.clone(), false).await.unwrap();
    spool.append(&attempt(0), payload.clone(), false).await.unwrap();
    assert!(matches!(spool.append(&attempt(0), payload.clone(), false).await, Err(SpoolError::Full { .. })));
    assert!(matches!(spool.begin(&attempt(1)).await, Err(SpoolError::Full { .. })));
    spool.append(&attempt(0), payload, true).await.unwrap();
    assert_eq!(spool.holding(&attempt(0)).unwrap().last_seq, 3);
}

#[tokio::test]
async fn a_second_daemon_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path(), 16);
    let second = Spool::open(folder.path(), Size(16 << 20), NodeClock::start());
    assert!(matches!(second, Err(SpoolError::InUse(_))));
}

#[tokio::test]
async fn changes_wake_a_follower() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(folder.path(), 16);
    let mut changes = spool.changes();
    changes.mark_unchanged();
    spool.begin(&attempt(0)).await.unwrap();
    tokio::time::timeout(std::time::Duration::from_secs(5), changes.changed()).await.unwrap().unwrap();
}
