//! `chimera simulate`.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use chimera_simulator::{Dialect, Fleet, ServerSpec, SimulatedSlot};

use crate::args::{DialectArg, SimulateArgs};
use crate::error::{Ending, Failure};
use crate::interrupt::Interrupts;
use crate::screen::Screen;
use crate::view::{Document, SimulatedServer, Simulation};

/// How long servers may take to stop.
const STOP: Duration = Duration::from_secs(2);

pub(super) async fn run(args: SimulateArgs, screen: &Screen) -> Result<Ending, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let mut fleet = match &args.fleet {
        Some(path) => read_fleet(path)?,
        None => Fleet::default_fleet(),
    };
    set_dialect(&mut fleet, args.dialect);
    set_ports(&mut fleet, args.port_base)?;
    let running = fleet.start(Ipv4Addr::LOCALHOST.into()).await.map_err(Failure::Simulator)?;
    let document = Document::Simulation(Simulation { servers: running.slots().iter().map(server).collect() });
    screen.show(|| snippet(running.slots()), &document)?;
    interrupts.next().await;
    running.shutdown(STOP).await;
    // Ctrl-C is the wished end here, as it is of `dev --serve`.
    Ok(Ending::Done)
}

/// Reads a fleet file.
///
/// # Errors
/// When the file cannot be read or describes no fleet.
pub fn read_fleet(path: &Path) -> Result<Fleet, Failure> {
    let read = |source| Failure::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(read)?;
    Fleet::parse(&text).map_err(|source| Failure::FleetFile { path: path.to_owned(), source })
}

fn servers(fleet: &mut Fleet) -> impl Iterator<Item = &mut ServerSpec> {
    fleet.hosts.iter_mut().flat_map(|host| &mut host.gpus).flat_map(|gpu| &mut gpu.servers)
}

fn set_dialect(fleet: &mut Fleet, dialect: Option<DialectArg>) {
    let Some(dialect) = dialect else { return };
    let wanted = match dialect {
        DialectArg::V0_24 => Dialect::V0_24,
        DialectArg::V0_33 => Dialect::V0_33,
    };
    for server in servers(fleet) {
        server.dialect = wanted;
        // A version of the other dialect would be a lie.
        server.version = String::new();
    }
}

fn set_ports(fleet: &mut Fleet, base: Option<u16>) -> Result<(), Failure> {
    let Some(base) = base else { return Ok(()) };
    for (number, server) in servers(fleet).enumerate() {
        let port = u16::try_from(number).ok().and_then(|number| base.checked_add(number));
        server.port = port.ok_or_else(|| Failure::Argument {
            problem: format!("ports from {base} on do not reach for all servers"),
            remedy: "choose a smaller --port-base".to_owned(),
        })?;
    }
    Ok(())
}

fn server(slot: &SimulatedSlot) -> SimulatedServer {
    SimulatedServer {
        host: slot.host.clone(),
        gpu: slot.gpu.spec().name.clone(),
        gpu_uuid: slot.gpu.spec().uuid.clone(),
        url: slot.url.clone(),
    }
}

/// The servers as node configurations, one per simulated host. A node elsewhere cannot read the simulated GPUs.
fn snippet(slots: &[SimulatedSlot]) -> String {
    let mut text = String::from(
        "# Simulated Ollama servers; Ctrl-C stops them. One chimera-node configuration per host:\n",
    );
    let mut host = "";
    for slot in slots {
        // Writing to a String cannot fail.
        if slot.host != host {
            host = &slot.host;
            let _ = write!(text, "\nnode = \"{host}\"\nprobe = \"none\"\n");
        }
        let gpu = &slot.gpu.spec().name;
        let _ = write!(
            text,
            "\n[[slots]]  # {gpu}, Ollama {}\nendpoint = \"{}\"\ngpus = []\n",
            slot.version, slot.url
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::exit_code;

    #[test]
    fn dialect_and_ports_reach_every_server() {
        let mut fleet = Fleet::default_fleet();
        set_dialect(&mut fleet, Some(DialectArg::V0_24));
        set_ports(&mut fleet, Some(21_000)).unwrap();
        let found: Vec<(Dialect, u16)> =
            servers(&mut fleet).map(|server| (server.dialect, server.port)).collect();
        let ports: Vec<u16> = found.iter().map(|(_, port)| *port).collect();
        assert_eq!(ports, [21_000, 21_001, 21_002, 21_003]);
        assert!(found.iter().all(|(dialect, _)| *dialect == Dialect::V0_24));
    }

    #[test]
    fn ports_that_do_not_reach_are_usage() {
        let refused = set_ports(&mut Fleet::default_fleet(), Some(65_534)).unwrap_err();
        assert_eq!(exit_code(&Err(refused)), 2);
    }

    #[test]
    fn a_missing_and_a_wrong_fleet_file_are_usage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fleet.toml");
        assert_eq!(exit_code(&Err(read_fleet(&path).unwrap_err())), 2);
        std::fs::write(&path, "banana = 1").unwrap();
        assert_eq!(exit_code(&Err(read_fleet(&path).unwrap_err())), 2);
    }

    #[tokio::test]
    async fn the_snippet_is_a_node_configuration() {
        let running = Fleet::default_fleet().start(Ipv4Addr::LOCALHOST.into()).await.unwrap();
        let text = snippet(running.slots());
        assert_eq!(text.matches("[[slots]]").count(), 4);
        assert_eq!(text.matches("\nnode = ").count(), 3);
        let first = text.split("\nnode = \"sim-b\"").next().unwrap();
        chimera_agent_node::config::Config::from_toml(first).unwrap();
        assert!(running.shutdown(STOP).await);
    }
}
