//! `chimera completions`.

use clap::CommandFactory as _;

use crate::args::{Cli, CompletionsArgs};
use crate::error::{Ending, Failure};
use crate::screen::Screen;

pub(super) fn run(args: &CompletionsArgs, screen: &Screen) -> Result<Ending, Failure> {
    screen.print(&script(args.shell))?;
    Ok(Ending::Done)
}

fn script(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "chimera", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_shell_has_a_script() {
        for shell in clap_complete::Shell::value_variants() {
            let script = script(*shell);
            assert!(script.contains("chimera") && script.contains("undrain"), "{shell}");
        }
    }
}
