//! Simulated model servers in the test's own process: they stay when daemons die.

use std::net::Ipv4Addr;

use chimera_simulator::{Fleet, RunningFleet};
use tokio::runtime::{Builder, Runtime};

/// A running simulated fleet. Dropping it stops it.
pub struct Simulated {
    fleet: Option<RunningFleet>,
    runtime: Option<Runtime>,
}

impl Simulated {
    /// Starts the fleet that `toml` describes.
    ///
    /// # Panics
    /// When it describes none, or a port cannot be had.
    #[must_use]
    pub fn start(toml: &str) -> Self {
        let fleet = Fleet::parse(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let running = runtime.block_on(fleet.start(Ipv4Addr::LOCALHOST.into())).expect("simulated servers");
        Self { fleet: Some(running), runtime: Some(runtime) }
    }

    /// Addresses of the servers, in the order of the description.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.fleet.iter().flat_map(RunningFleet::slots).map(|slot| slot.url.clone()).collect()
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        drop(self.fleet.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
