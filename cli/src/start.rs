//! From process start to exit code.

use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use crate::args::Cli;
use crate::command;
use crate::error::{Ending, Failure, exit_code, print_failure};
use crate::screen::Screen;
use crate::view::{Document, Problem};

/// How long tasks that are left over at the end may take.
const TASKS_END: Duration = Duration::from_secs(2);

/// Runs the command of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(complaint) => return refuse(&complaint, &arguments),
    };
    start_log(cli.global.verbose);
    let screen = Screen::of_process(&cli.global);
    let result = run_to_end(cli, &screen);
    let code = exit_code(&result);
    if let Err(failure) = &result {
        print_failure(&screen, failure, code);
    }
    ExitCode::from(code)
}

fn run_to_end(cli: Cli, screen: &Screen) -> Result<Ending, Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::Runtime)?;
    let result = runtime.block_on(command::run(cli, screen));
    runtime.shutdown_timeout(TASKS_END);
    match result {
        // `chimera … | head` is no failure: who reads has read enough.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Ending::Done),
        result => result,
    }
}

/// Help and version go to stdout with 0, complaints to stderr with 2: as clap decides.
fn refuse(complaint: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let code = u8::try_from(complaint.exit_code()).unwrap_or(2);
    if complaint.use_stderr() && wants_json(arguments) {
        let problem = refusal(complaint, code);
        eprintln!("{}", serde_json::to_string(&Document::Error(problem)).unwrap_or_default());
    } else {
        // A closed stdout or stderr is no reason for another code.
        let _ = complaint.print();
    }
    ExitCode::from(code)
}

fn refusal(complaint: &clap::Error, exit_code: u8) -> Problem {
    let rendered = complaint.render().to_string();
    let message = rendered.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    Problem { exit_code, message, causes: Vec::new(), remedy: Some("chimera --help".to_owned()) }
}

/// The command line could not be parsed, so its wish for JSON is looked up by hand.
fn wants_json(arguments: &[OsString]) -> bool {
    let pair = |pair: &[OsString]| pair[0] == "--output" && pair[1] == "json";
    arguments.windows(2).any(pair) || arguments.iter().any(|argument| argument == "--output=json")
}

fn start_log(verbose: u8) {
    let default = match verbose {
        0 => "off",
        1 => "info",
        _ => "debug,h2=info,hyper=info,tower=info",
    };
    let filter = match std::env::var("RUST_LOG") {
        Ok(wish) if verbose > 0 => EnvFilter::new(wish),
        _ => EnvFilter::new(default),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Fails only when a log is there already, as in tests.
    let _ = log.with_ansi(std::io::stderr().is_terminal()).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_for_json_is_seen_in_a_broken_line() {
        let line = |text: &str| text.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(wants_json(&line("chimera --output json banana")));
        assert!(wants_json(&line("chimera banana --output=json")));
        assert!(!wants_json(&line("chimera banana --output text")));
    }

    #[test]
    fn a_refused_line_names_its_fault() {
        let complaint = Cli::try_parse_from(["chimera", "swep"]).unwrap_err();
        let problem = refusal(&complaint, 2);
        assert!(problem.message.contains("swep"), "{problem:?}");
        assert_eq!(complaint.exit_code(), 2);
    }
}
