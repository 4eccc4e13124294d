//! `chimera simulate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  chimera simulate                                   three hosts, four unlike GPUs
  chimera simulate --dialect 0.24 --port-base 21000  the older protocol, on ports 21000, 21001, …
  curl -s http://127.0.0.1:21000/api/tags            they answer as Ollama does";

/// Start simulated Ollama servers on this machine.
///
/// They speak Ollama's protocol over HTTP, with loads, queues, prompt caches and token timing calibrated on recorded
/// runs. Addresses are printed as slots of a node configuration. Everything stops with Ctrl-C.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct SimulateArgs {
    /// The fleet (TOML) [default: three hosts, four unlike GPUs].
    #[arg(value_name = "FLEET.toml")]
    pub fleet: Option<PathBuf>,
    /// Let every server speak this generation of the protocol [default: what the fleet says].
    #[arg(long, value_enum)]
    pub dialect: Option<DialectArg>,
    /// First port; servers take this one and those after it [default: free ports].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    pub port_base: Option<u16>,
}

/// Generation of the Ollama protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DialectArg {
    /// As v0.24: the engine inside the server process.
    #[value(name = "0.24")]
    V0_24,
    /// As v0.33: a separate engine process.
    #[value(name = "0.33")]
    V0_33,
}
