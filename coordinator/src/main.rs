//! `chimera-coordinator`: the daemon that decides. Exit codes: 0 stopped as wished, 1 failed, 2 wrong
//! usage, 130 stopped at once by a second Ctrl-C.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use chimera_coordinator::{Config, Coordinator, Parts};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Schedules benchmark trials on the nodes of a fleet, keeps their records, and answers `chimera`.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Flags {
    /// Configuration file (TOML). Without one, the defaults hold.
    #[arg(long, value_name = "FILE", env = "CHIMERA_COORDINATOR_CONFIG")]
    config: Option<PathBuf>,
    /// Address and port to listen on; overrides the file.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Folder of the journal and the records; overrides the file.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

fn main() -> ExitCode {
    // Wrong flags end the process here, with exit code 2.
    let flags = Flags::parse();
    let config = match configure(flags) {
        Ok(config) => config,
        Err(error) => return fail(&error, 2),
    };
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, 1),
    }
}

fn configure(flags: Flags) -> anyhow::Result<Config> {
    let Flags { config, listen, data_dir } = flags;
    let mut config = config.as_deref().map_or_else(|| Ok(Config::default()), Config::read)?;
    config.listen = listen.unwrap_or(config.listen);
    config.data_dir = data_dir.unwrap_or(config.data_dir);
    config.check()?;
    trace(&config.log)?;
    Ok(config)
}

/// Logs go to standard error; `RUST_LOG` overrides the configuration.
fn trace(level: &str) -> anyhow::Result<()> {
    let filter = match EnvFilter::try_from_default_env() {
        Ok(filter) => filter,
        Err(_) => EnvFilter::try_new(level)
            .with_context(|| format!("log = \"{level}\" is not a filter: use 'info'"))?,
    };
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_ansi(colours).with_writer(std::io::stderr).with_env_filter(filter).init();
    Ok(())
}

#[tokio::main]
async fn run(config: Config) -> anyhow::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let coordinator = Coordinator::build(config, Parts::default()).await?;
    let asked = async {
        tokio::select! {
            _ = interrupt.recv() => tracing::info!("interrupted: a second Ctrl-C stops at once"),
            _ = terminate.recv() => tracing::info!("asked to terminate"),
        }
        tokio::spawn(second_signal(interrupt));
    };
    coordinator.serve(asked).await?;
    Ok(())
}

/// What is acknowledged is durable at any moment, so stopping at once loses nothing but order.
async fn second_signal(mut interrupt: tokio::signal::unix::Signal) {
    interrupt.recv().await;
    std::process::exit(130);
}

/// Prints an error with its causes on one line each.
fn fail(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("chimera-coordinator: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {}", cause.to_string().trim_end().replace('\n', "\n           "));
    }
    ExitCode::from(code)
}
