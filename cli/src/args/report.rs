//! `chimera report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  chimera report nightly
  chimera report nightly --format md -o report.md
  chimera report nightly --format csv | duckdb -c \"from read_csv('/dev/stdin')\"
  chimera report sample --data-dir ./chimera-data     without a running coordinator
  chimera report old --format aggregates              of `chimera import`";

/// Print the report of a sweep.
///
/// The report is computed from the records at the moment it is asked for, so a running sweep has one too.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Name of the sweep, or of an import (with --data-dir).
    pub name: String,
    /// Form of the report [default: terminal; json with --output json].
    #[arg(short, long, value_enum)]
    pub format: Option<ReportFormat>,
    /// Read the store of `chimera dev` or of a coordinator in this folder, instead of asking a coordinator. Nothing is
    /// written, and a coordinator may use it meanwhile. Imports are only read from here [default for aggregates:
    /// ./chimera-data].
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Price file (TOML; `chimera schema prices` tells its form): also tell the cost.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Write to this file instead of stdout.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text that fits the terminal.
    Terminal,
    /// Markdown.
    Md,
    /// The whole report as data (`chimera schema report`).
    Json,
    /// One row per cell, slot and figure.
    Csv,
    /// Of an import: all figures per configuration as JSON, in the form in which earlier studies exchange them.
    Aggregates,
}
