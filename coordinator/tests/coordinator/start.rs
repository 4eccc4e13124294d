//! What a coordinator refuses at its start, with a text that helps.

use chimera_coordinator::{Config, Coordinator, LockError, Parts, StartError, StoreError};
use sqlx::{ConnectOptions, Connection};

use crate::world::{World, config};

async fn refused(config: Config) -> StartError {
    Coordinator::build(config, Parts::default()).await.expect_err("it started")
}

#[tokio::test]
async fn a_second_coordinator_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::start(folder.path()).await;
    let error = refused(config(folder.path())).await;
    assert!(matches!(error, StartError::Lock(LockError::Held { .. })), "{error}");
    assert!(error.to_string().contains("another coordinator"));
    world.stop().await;
    World::start(folder.path()).await.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let world = World::start(first.path()).await;
    let error = refused(Config { listen: world.address, ..config(second.path()) }).await;
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
    assert!(error.to_string().contains(&world.address.to_string()));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refused(config(&file.join("below"))).await;
    assert!(error.to_string().contains("set data_dir"), "{error}");
}

#[tokio::test]
async fn a_database_of_a_newer_build_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    World::start(folder.path()).await.stop().await;
    let path = folder.path().join(chimera_coordinator::DATABASE_FILE);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut connection = options.connect().await.unwrap();
    sqlx::query("PRAGMA user_version = 99").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let error = refused(config(folder.path())).await;
    assert!(matches!(error, StartError::Store(StoreError::NewerSchema { found: 99, .. })), "{error}");
}

#[tokio::test]
async fn plaintext_on_the_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let listen = ([0, 0, 0, 0], 0).into();
    let error = refused(Config { listen, ..config(folder.path()) }).await;
    assert!(error.to_string().contains("ssh -L"), "{error}");
    let open = Config { listen, insecure_network: true, ..config(folder.path()) };
    World::start_with(open, Parts::default()).await.stop().await;
}
