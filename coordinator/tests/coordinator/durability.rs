//! What was acknowledged is there after a crash; what was not comes again.

use chimera_proto::v1;

use crate::world::node::Node;
use crate::world::{World, samples};

#[tokio::test]
async fn acknowledged_batches_survive_a_crash_and_the_sweep_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 2), "r1").await.unwrap();
    let attempt = node.take_offer().await;
    let payloads = samples::payloads(&attempt);
    node.batch(&attempt, 1, &payloads[0]).await;
    node.batch(&attempt, 2, &payloads[1]).await;
    node.ack_until(|ack| ack.acked_seq == 2).await;
    let before = node.welcome.incarnation;
    world.kill().await;

    let world = World::start(folder.path()).await;
    let mut node = Node::rejoin(&world, "lab-1", &attempt, v1::HeldState::Ended).await;
    assert!(node.welcome.incarnation > before, "incarnations never go back");
    let resume = v1::Resume { attempt: Some((&attempt).into()), acked_seq: 2 };
    assert_eq!(node.welcome.resume, [resume]);
    node.batch(&attempt, 3, &payloads[2]).await;
    node.end(&attempt, &payloads).await;
    node.ack_until(|ack| ack.complete).await;
    node.run_one().await;
    let status = world.sweep_until(&sweep, |status| status.state() == v1::SweepState::Done).await;
    assert_eq!(status.trials.unwrap().counted, 2);
}

#[tokio::test]
async fn a_complete_record_is_complete_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    let attempt = node.run_one().await;
    let done = world.sweep_until(&sweep, |status| status.state() == v1::SweepState::Done).await;
    world.stop().await;

    let world = World::start(folder.path()).await;
    let after = world.status(&sweep).await;
    assert_eq!((after.trials, after.attempts), (done.trials, done.attempts));
    assert_eq!(after.submitted_unix_ns, done.submitted_unix_ns);
    let mut node = Node::rejoin(&world, "lab-1", &attempt, v1::HeldState::Ended).await;
    node.end(&attempt, &samples::payloads(&attempt)).await;
    assert!(node.ack().await.complete);
    assert_eq!(world.status(&sweep).await.trials, done.trials);
}

#[tokio::test]
async fn a_restart_in_the_middle_gives_an_equal_report() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 1), "r1").await.unwrap();
    node.run_one().await;
    world.sweep_until(&sweep, |status| status.state() == v1::SweepState::Done).await;
    let before = world.report(&sweep).await;
    world.kill().await;
    let world = World::start(folder.path()).await;
    let after = world.report(&sweep).await;
    assert_eq!((before.cells, before.conservation), (after.cells, after.conservation));
}

#[tokio::test]
async fn an_orderly_stop_leaves_no_write_ahead_log() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let node = Node::join(&world, "lab-1").await;
    let stopped = world.stop().await;
    drop(node);
    assert_eq!(stopped, chimera_coordinator::Stopped::Drained);
    let log = folder.path().join("fleet.sqlite-wal");
    assert!(std::fs::metadata(&log).map_or(true, |file| file.len() == 0));
}

/// Kills the real program again and again while a record comes in; what was acknowledged must be there each time.
#[tokio::test]
async fn nothing_acknowledged_is_lost_however_often_the_program_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::spawn(folder.path());
    let mut node = Node::join(&world, "lab-1").await;
    let sweep = world.submit(samples::sweep("night", 4), "r1").await.unwrap();
    for round in 0..4 {
        let attempt = node.take_offer().await;
        let payloads = samples::payloads(&attempt);
        let mut acked = 0;
        for (seq, payload) in (1..).zip(&payloads) {
            node.batch(&attempt, seq, payload).await;
            // In some rounds the program dies between the commit and the acknowledgement.
            if (round + seq) % 2 == 0 {
                acked = node.ack_until(|ack| ack.acked_seq >= seq).await.acked_seq;
            }
        }
        world.kill().await;
        world = World::spawn(folder.path());
        node = Node::rejoin(&world, "lab-1", &attempt, v1::HeldState::Ended).await;
        let resume = node.welcome.resume[0].acked_seq;
        assert!((acked..=3).contains(&resume), "acknowledged {acked}, resumes at {resume}");
        node.deliver(&attempt).await;
    }
    let status = world.sweep_until(&sweep, |status| status.state() == v1::SweepState::Done).await;
    assert_eq!((status.trials.unwrap().counted, status.attempts), (4, 4));
    world.kill().await;
}
