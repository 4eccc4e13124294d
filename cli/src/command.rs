//! What each command does. One file per command.

mod completions;
mod import;
mod nodes;
mod report;
mod schema;
mod simulate;
mod sweep;

use crate::args::{Cli, Command};
use crate::client::Client;
use crate::dev;
use crate::error::{Ending, Failure};
use crate::screen::Screen;

pub use report::{fetch, priced, rendered};
pub use simulate::read_fleet;
pub use sweep::{checked_name, ending_of, read_prices, read_sweep};

/// Runs a parsed command line.
///
/// # Errors
/// [`Failure`] with its exit code and remedy.
pub async fn run(cli: Cli, screen: &Screen) -> Result<Ending, Failure> {
    let Cli { global, command } = cli;
    match command {
        Command::Dev(args) => dev::run(args, screen).await,
        Command::Sweep(command) => sweep::run(command, global.coordinator(), screen).await,
        Command::Nodes(command) => {
            nodes::run(command, &Client::connect(global.coordinator()).await?, screen).await
        }
        Command::Report(args) => report::run(args, global.coordinator(), screen).await,
        Command::Import(args) => import::run(args, screen).await,
        Command::Simulate(args) => simulate::run(args, screen).await,
        Command::Schema { kind } => schema::run(kind, screen),
        Command::Completions(args) => completions::run(&args, screen),
    }
}
