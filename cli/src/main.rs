//! `chimera`: the command. All it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    chimera_cli::main()
}
