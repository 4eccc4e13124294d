//! Every command line that a document shows is one that the program takes.

use std::process::Command;
use std::time::Duration;

use chimera_cli::args::Cli;
use chimera_tests::{Document, binary, run, shell_words};
use clap::Parser as _;
use clap::error::ErrorKind;

use crate::documents;

/// Programs whose lines are checked.
const PROGRAMS: [&str; 3] = ["chimera", "chimera-coordinator", "chimera-node"];
/// Longest wait for the help text of a daemon.
const HELP_LIMIT: Duration = Duration::from_secs(20);

/// A command line with the place that it comes from.
struct Line {
    origin: String,
    words: Vec<String>,
    /// Whether it stands in running text, which may name a command without its arguments.
    in_text: bool,
}

/// Lines of shell blocks, and code in running text, that begin with one of the programs.
fn lines() -> Vec<Line> {
    let mut found = Vec::new();
    for document in documents() {
        let path = document.path.display().to_string();
        for block in document.blocks().into_iter().filter(|block| block.language == "sh") {
            for (offset, line) in block.text.lines().enumerate() {
                found.extend(command(&format!("{path}:{}", block.line + offset), line, false));
            }
        }
        for (number, text) in prose(&document) {
            found.extend(command(&format!("{path}:{number}"), &text, true));
        }
    }
    found
}

/// Code in running text, by line: what stands between two backticks outside blocks.
fn prose(document: &Document) -> Vec<(usize, String)> {
    let mut in_block = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(document.text.lines()) {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let code = line.split('`').skip(1).step_by(2);
            // A name alone is a name, not a command line.
            found.extend(code.filter(|code| code.contains(' ')).map(|code| (number, code.to_owned())));
        }
    }
    found
}

fn command(origin: &str, line: &str, in_text: bool) -> Option<Line> {
    // `cargo run --release --bin chimera -- dev` is `chimera dev`.
    let own =
        line.split_once("--bin chimera -- ").map_or(line.to_owned(), |(_, rest)| format!("chimera {rest}"));
    let words = shell_words(&own);
    let known = words.first().is_some_and(|program| PROGRAMS.contains(&program.as_str()));
    known.then(|| Line { origin: origin.to_owned(), words, in_text })
}

#[test]
fn every_command_line_is_accepted() {
    let lines = lines();
    let mut accepted = 0;
    for Line { origin, words, in_text } in lines.iter().filter(|line| line.words[0] == "chimera") {
        // `[SWEEP]` and the like stand for what may be left out.
        let given = words.iter().filter(|word| !word.starts_with('['));
        let wordy = given.map(|word| if word == "URL" { "http://127.0.0.1:1" } else { word });
        if let Err(complaint) = Cli::try_parse_from(wordy) {
            let names_only = *in_text && complaint.kind() == ErrorKind::MissingRequiredArgument;
            let helps = !complaint.use_stderr()
                || complaint.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            assert!(names_only || helps, "{origin}: {}\n{complaint}", words.join(" "));
        }
        accepted += 1;
    }
    assert!(accepted >= 20, "only {accepted} command lines were found");
}

/// The parsers of the daemons are private to their binaries: their flags are looked for in what `--help` prints.
#[test]
fn every_flag_of_a_daemon_is_one_that_it_has() {
    let mut checked = 0;
    for Line { origin, words, .. } in lines().iter().filter(|line| line.words[0] != "chimera") {
        let mut command = Command::new(binary(&words[0]));
        command.arg("--help");
        let help = run(command, HELP_LIMIT).well().out;
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            assert!(help.contains(flag.as_str()), "{origin}: {} has no {flag}", words[0]);
            checked += 1;
        }
    }
    assert!(checked >= 3, "only {checked} flags were found");
}
