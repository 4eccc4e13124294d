//! `chimera-node`: the daemon on a GPU host. Exit status: 0 ended as asked, 1 cannot run, 2 wrong configuration.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chimera_agent_node::config::Config;
use chimera_agent_node::{Node, Parts, Shutdown, StartError};
use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Runs benchmark attempts against the model servers of this host.
#[derive(Debug, Parser)]
#[command(name = "chimera-node", version)]
struct Args {
    /// Configuration file; without one, the defaults hold.
    #[arg(long, env = "CHIMERA_NODE_CONFIG")]
    config: Option<PathBuf>,
    /// URL of the coordinator, instead of the configured one.
    #[arg(long, env = "CHIMERA_COORDINATOR")]
    coordinator: Option<String>,
    /// Check the configuration and end.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    init_tracing();
    let config = match read_config(&args) {
        Ok(config) => config,
        Err(error) => return end(&error, 2),
    };
    if args.check {
        return ExitCode::SUCCESS;
    }
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if matches!(error.downcast_ref(), Some(StartError::Config(_))) => end(&error, 2),
        Err(error) => end(&error, 1),
    }
}

fn read_config(args: &Args) -> anyhow::Result<Config> {
    let mut config = match &args.config {
        Some(path) => Config::load(path)?,
        None => Config::from_toml("")?,
    };
    if let Some(coordinator) = &args.coordinator {
        config.coordinator.clone_from(coordinator);
        config.check()?;
    }
    Ok(config)
}

fn run(config: Config) -> anyhow::Result<()> {
    let node = Node::build(config, Parts::default())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        tokio::spawn(follow_signals(
            signal(SignalKind::terminate()).context("no SIGTERM")?,
            signal(SignalKind::interrupt()).context("no SIGINT")?,
            shutdown.clone(),
        ));
        node.serve(shutdown).await;
        anyhow::Ok(())
    })
}

/// The first signal drains, the second stops.
async fn follow_signals(mut terminate: Signal, mut interrupt: Signal, shutdown: Shutdown) {
    for count in 0_u32.. {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        if count == 0 { shutdown.drain() } else { shutdown.stop() }
    }
}

fn init_tracing() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_ansi(colours).with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Prints an error with its causes, on one line.
fn end(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(code)
}
