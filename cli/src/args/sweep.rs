//! `chimera sweep …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Plan, run and follow sweeps.
#[derive(Debug, Clone, Subcommand)]
#[expect(
    missing_docs,
    reason = "clap shows the words of a variant instead of the longer ones of its arguments"
)]
pub enum SweepCommand {
    /// Tell what a sweep file would run on the present fleet. Changes nothing.
    Plan {
        /// Sweep file (TOML; `chimera schema sweep` tells its form).
        file: PathBuf,
        /// Price file (TOML; `chimera schema prices` tells its form): also tell the cost.
        #[arg(long, value_name = "FILE")]
        prices: Option<PathBuf>,
    },
    Run(RunArgs),
    /// List all sweeps, oldest first.
    #[command(visible_alias = "ls")]
    List,
    /// Show one sweep: its plan and its progress.
    Show {
        /// Name of the sweep.
        name: String,
    },
    /// Follow a sweep to its end. Ctrl-C detaches; the sweep goes on.
    Watch {
        /// Name of the sweep.
        name: String,
    },
    /// Cancel a sweep. Finished trials stay; running ones are stopped.
    Cancel {
        /// Name of the sweep.
        name: String,
    },
}

const EXAMPLES: &str = "\
Examples:
  chimera sweep run sweep.toml
  chimera sweep run sweep.toml --name nightly --detach
  chimera sweep run sweep.toml --request-id \"$CI_JOB_ID\"   a repeated CI job submits once

Ctrl-C once detaches: the sweep goes on, and `chimera sweep watch NAME` follows it again.
Exit code 0 when every trial is counted, 1 when some are not.";

/// Submit a sweep and follow it to its end.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// Sweep file (TOML; `chimera schema sweep` tells its form).
    pub file: PathBuf,
    /// Name of the sweep, 1 to 63 of a-z, 0-9 and '-'; a number is appended when it is taken [default: the one in
    /// the file].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Price file (TOML; `chimera schema prices` tells its form): also tell the cost.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Submit and return at once.
    #[arg(short, long)]
    pub detach: bool,
    /// The same id submits once, however often it is sent: 1 to 64 characters, or `auto` for a random one.
    #[arg(long, value_name = "ID", default_value = "auto")]
    pub request_id: String,
}
