//! `chimera schema` and `chimera completions`.

use clap::{Args, ValueEnum};

/// What has a JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// A sweep file.
    Sweep,
    /// A price file.
    Prices,
    /// A report as JSON.
    Report,
    /// What commands print with --output json.
    Output,
}

/// Print a completion script for a shell.
///
/// For example: chimera completions bash > ~/.local/share/bash-completion/completions/chimera
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
