//! A port that is taken.

use std::net::TcpListener;

use chimera_tests::{Rig, chimera};

#[test]
fn a_taken_port_is_named_and_the_folder_stays_free() {
    let rig = Rig::new();
    let port: u16 = rig.url().rsplit(':').next().unwrap().parse().unwrap();
    let taken = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut coordinator = rig.coordinator_at(&rig.data_dir());
    assert_eq!(coordinator.process.wait().code(), Some(1));
    let said = coordinator.process.output();
    assert!(said.contains(&port.to_string()) && said.contains("in use"), "{said}");
    drop(taken);
    let _second = rig.coordinator();
    assert_eq!(rig.chimera(&["sweep", "list"]).code, 0);
}

#[test]
fn simulated_servers_say_which_port_is_taken() {
    let taken = (0..).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap());
    // A port base that leaves room above it.
    let taken = taken.into_iter().find(|listener| listener.local_addr().unwrap().port() < 60_000).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let told = chimera(&["simulate", "--port-base", &port]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.err.contains(&port) && told.err.contains("--port-base"), "{}", told.err);
}
