//! What earlier sweeps teach: shown with a plan, kept with a sweep, found again after a restart.

use chimera_proto::v1;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};

use crate::world::node::Node;
use crate::world::{World, samples};

async fn planned(world: &World, sweep: v1::Sweep) -> v1::Forecast {
    let request = v1::PlanSweepRequest { sweep: Some(sweep) };
    world.operator().await.plan_sweep(request).await.unwrap().into_inner().plan.unwrap().forecast.unwrap()
}

/// The forecast once it rests on these sweeps: learning follows sealing by a moment.
async fn taught(world: &World, sweep: v1::Sweep, sources: &[&str]) -> v1::Forecast {
    let asked = async {
        loop {
            let forecast = planned(world, sweep.clone()).await;
            if forecast.sources == sources {
                return forecast;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, asked).await.expect("nothing was learned")
}

async fn run(world: &World, node: &mut Node, name: &str) -> String {
    let sweep = world.submit(samples::sweep(name, 1), name).await.unwrap();
    node.run_one().await;
    world.sweep_until(&sweep, |status| status.dataset.is_some()).await;
    sweep
}

async fn database(folder: &std::path::Path) -> SqliteConnection {
    let path = folder.join(chimera_coordinator::DATABASE_FILE);
    sqlx::sqlite::SqliteConnectOptions::new().filename(path).connect().await.unwrap()
}

#[tokio::test]
async fn a_sealed_sweep_teaches_the_next_plan_and_the_report_tells_both() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    let before = planned(&world, samples::sweep("first", 1)).await;
    assert_eq!(before.seconds, None);
    assert_eq!(before.lacking, ["no earlier record of gemma3:latest on Simulated (simulated)"]);
    run(&world, &mut node, "first").await;

    let forecast = taught(&world, samples::sweep("second", 2), &["first"]).await;
    // One load of 250 ns, then two attempts of 2 s each, all of which is overhead, prefill and decoding.
    let seconds = forecast.seconds.unwrap();
    assert!((seconds - 4.0).abs() < 0.01, "{forecast:?}");
    assert_eq!(forecast.kwh, None);
    assert_eq!(forecast.lacking, ["no earlier energy of gemma3:latest on Simulated (simulated)"]);
    assert!((forecast.gpu_hours[0].hours * 3_600.0 - seconds).abs() < 1e-6);

    let second = run(&world, &mut node, "second").await;
    let expense = world.report(&second).await.expense;
    assert!((expense.seconds.forecast.unwrap() - 2.0).abs() < 0.01, "{expense:?}");
    assert!(expense.seconds.actual.is_some());
    let held = expense.gpu_hours["Simulated"];
    assert!((held.actual.unwrap() * 3_600.0 - 2.0).abs() < 1e-9, "{expense:?}");
    assert_eq!((expense.attempts, expense.timed_attempts, expense.energy_attempts), (1, 1, 0));

    // The forecast of a submission is what it was then, also after a restart; what was learned is still known.
    drop(node);
    world.stop().await;
    let world = World::start(folder.path()).await;
    let again = world.report(&second).await.expense;
    assert_eq!(again.seconds.forecast, expense.seconds.forecast);
    assert_eq!(again.sources, ["first"]);
    let _node = Node::join(&world, "lab-1").await;
    let third = taught(&world, samples::sweep("third", 1), &["first", "second"]).await;
    assert!(third.seconds.is_some(), "{third:?}");
}

#[tokio::test]
async fn sweeps_that_an_older_build_sealed_are_learned_from_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let mut node = Node::join(&world, "lab-1").await;
    run(&world, &mut node, "first").await;
    drop(node);
    world.stop().await;
    let mut old = database(folder.path()).await;
    sqlx::raw_sql("DROP TABLE experience; PRAGMA user_version = 2").execute(&mut old).await.unwrap();
    old.close().await.unwrap();

    let world = World::start(folder.path()).await;
    let _node = Node::join(&world, "lab-1").await;
    let second = taught(&world, samples::sweep("second", 1), &["first"]).await;
    assert!(second.seconds.is_some(), "{second:?}");
}
