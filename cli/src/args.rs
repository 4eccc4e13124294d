//! The command line, as types. Every text a person reads with `--help` stands in this folder.

mod dev;
mod import;
mod nodes;
mod report;
mod schema;
mod simulate;
mod sweep;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use dev::DevArgs;
pub use import::ImportArgs;
pub use nodes::NodesCommand;
pub use report::{ReportArgs, ReportFormat};
pub use schema::{CompletionsArgs, SchemaKind};
pub use simulate::{DialectArg, SimulateArgs};
pub use sweep::{RunArgs, SweepCommand};

/// Where a coordinator listens unless it is told otherwise.
pub const DEFAULT_COORDINATOR: &str = "http://127.0.0.1:7600";

/// Where `chimera dev` keeps its files unless it is told otherwise.
pub const DEFAULT_DATA_DIR: &str = "./chimera-data";

const EXAMPLES: &str = "\
Start here (no GPU, no root, no configuration needed):
  chimera dev                        a fleet on this machine, a sample sweep, a report

Then, with a coordinator and nodes:
  chimera nodes list                 which GPUs there are
  chimera sweep plan sweep.toml      what would run, and for how long
  chimera sweep run sweep.toml       run it and follow it
  chimera report NAME                the report, at any time

Exit codes:
  0 done   1 failed   2 the command or a file is wrong   3 a gate is not met   130 interrupted";

/// Benchmark LLM agents on a fleet of GPUs that serve models with Ollama.
///
/// A sweep names models, options, a workload and GPUs. The coordinator makes an ordered plan of trials from it, node
/// daemons run them one at a time on each GPU, and the report says what was measured, how sure it is, and what could
/// not be measured.
#[derive(Debug, Parser)]
#[command(name = "chimera", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Address of the coordinator.
    #[arg(long, global = true, value_name = "URL", env = "CHIMERA_COORDINATOR", default_value = DEFAULT_COORDINATOR)]
    pub coordinator: String,
    /// What to print: text for people, or JSON for programs (`chimera schema output` tells its shapes).
    #[arg(long, global = true, value_name = "text|json", value_enum, hide_possible_values = true)]
    #[arg(default_value_t = OutputForm::Text)]
    pub output: OutputForm,
    /// Print without colours. The environment variable NO_COLOR does the same.
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Log to stderr what goes on; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

impl GlobalArgs {
    /// Address of the coordinator; an empty variable is as good as none.
    #[must_use]
    pub fn coordinator(&self) -> &str {
        if self.coordinator.trim().is_empty() { DEFAULT_COORDINATOR } else { &self.coordinator }
    }
}

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// Aligned text for people.
    Text,
    /// One JSON document, or one per line where progress is followed.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "clap shows the words of a variant instead of the longer ones of its arguments"
)]
pub enum Command {
    Dev(DevArgs),
    /// Plan, run and follow sweeps.
    #[command(subcommand)]
    Sweep(SweepCommand),
    /// See the nodes of the fleet, take them out and back in.
    #[command(subcommand)]
    Nodes(NodesCommand),
    Report(ReportArgs),
    Import(ImportArgs),
    Simulate(SimulateArgs),
    /// Print a JSON Schema.
    Schema {
        /// Of what.
        #[arg(value_enum)]
        kind: SchemaKind,
    },
    Completions(CompletionsArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_work_before_and_after_the_command() {
        for line in [
            ["chimera", "--output", "json", "nodes", "list"],
            ["chimera", "nodes", "list", "--output", "json"],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.global.output, OutputForm::Json);
        }
    }

    #[test]
    fn every_command_and_option_explains_itself() {
        fn walk(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {} has no help",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Cli::command());
    }
}
