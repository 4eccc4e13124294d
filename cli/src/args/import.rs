//! `chimera import`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  chimera import recorded-runs --name tr115
  chimera import recorded-runs --name tr115 --keep-going     leave out lines that are wrong, and list them
  chimera report tr115 --data-dir ./chimera-data
  chimera report tr115 --format aggregates -o aggregates.json";

/// Import recordings of the earlier system.
///
/// Reads calls.jsonl, runs.jsonl, agent-aggregates.jsonl and tr108-sweep.jsonl; a file that is not there is skipped.
/// All rows are imported or none: a line that is wrong is told with its file, line and field. Figures of an import are
/// marked as imported, and stand under names of their own where the earlier system meant something else.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// Folder with the files.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Name to import under, 1 to 63 of a-z, 0-9 and '-'.
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// Folder of `chimera dev` or of a stopped coordinator; made when it is missing. Refused while a coordinator uses it.
    #[arg(long, value_name = "DIR", default_value = super::DEFAULT_DATA_DIR)]
    pub data_dir: PathBuf,
    /// Import the rest when lines are wrong, and list what was left out.
    #[arg(long)]
    pub keep_going: bool,
}
