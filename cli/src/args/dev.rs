//! `chimera dev`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  chimera dev                                  a sample on what this machine has
  chimera dev my-sweep.toml --name first-try   your own sweep
  chimera dev --ollama http://gpu-box:11434    a real Ollama elsewhere (without GPU readings)
  chimera dev --simulate fleet.toml --serve    your own simulated fleet; stays up after the sweep

Ctrl-C once cancels the sweep and prints the report of what ran; twice exits at once.";

/// Start a whole fleet on this machine, run a sweep, print its report.
///
/// A coordinator and its nodes run inside this process, on loopback, with free ports. The model servers are, in this
/// order: those given with --ollama; the one in the environment variable OLLAMA_HOST; the one that answers on
/// 127.0.0.1:11434 within 300 ms; else a simulated fleet of three hosts with four unlike GPUs, whose figures are of no
/// real device and are marked so. GPUs are read through NVML where this machine has a driver.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct DevArgs {
    /// Sweep file (TOML) to run [default: a small sample that fits what was found].
    #[arg(value_name = "SWEEP")]
    pub sweep: Option<PathBuf>,
    /// Address of a real Ollama server; may be repeated, one slot each [default: OLLAMA_HOST, then 127.0.0.1:11434].
    #[arg(long, value_name = "URL", conflicts_with = "simulate")]
    pub ollama: Vec<String>,
    /// What OLLAMA_HOST says; read here, so that the environment is read in one place.
    #[arg(long, value_name = "HOST", env = "OLLAMA_HOST", hide = true)]
    pub ollama_host: Option<String>,
    /// Simulate, even where an Ollama answers: the fleet of this file (TOML), or the default one without a file.
    #[arg(long, value_name = "FLEET.toml")]
    pub simulate: Option<Option<PathBuf>>,
    /// Folder for journal, spools, dataset and reports. Sweeps of earlier runs stay readable in it.
    #[arg(long, value_name = "DIR", default_value = super::DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Seed of orders, prompts and sampling; the same seed makes the same plan [default: the
    /// one in the sweep file, else drawn and recorded].
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Price file (TOML; `chimera schema prices` tells its form): also tell the cost.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Keep the fleet up after the sweep, until Ctrl-C.
    #[arg(long)]
    pub serve: bool,
    /// Name of the sweep, 1 to 63 of a-z, 0-9 and '-' [default: the one in the sweep file].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}
