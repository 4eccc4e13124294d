//! The one printer of failures: message, causes, remedy.

use std::error::Error;

use super::Failure;
use crate::screen::{Screen, Tone};
use crate::view::{Document, Problem};

/// Prints `failure` to stderr, in the form that the person asked for.
pub fn print_failure(screen: &Screen, failure: &Failure, exit_code: u8) {
    let found = problem(failure, exit_code);
    if screen.is_json() {
        screen.complain(&serde_json::to_string(&Document::Error(found)).unwrap_or_default());
        return;
    }
    screen.complain(&text(screen, &found));
}

/// `failure` as plain values.
#[must_use]
pub fn problem(failure: &Failure, exit_code: u8) -> Problem {
    Problem { exit_code, message: failure.to_string(), causes: causes(failure), remedy: failure.remedy() }
}

/// Layers of the transport that say nothing a person could use; their causes do.
const SAYS_NOTHING: [&str; 2] = ["transport error", "tcp connect error"];

/// Causes, outermost first. Some libraries print their source within themselves: what is said already is left out.
fn causes(failure: &Failure) -> Vec<String> {
    let mut said = failure.to_string();
    let mut causes = Vec::new();
    let mut next = failure.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !said.contains(&words) && !SAYS_NOTHING.contains(&words.as_str()) {
            causes.push(words.clone());
            said = words;
        }
        next = cause.source();
    }
    causes
}

fn text(screen: &Screen, problem: &Problem) -> String {
    let mut text = format!("{} {}", screen.err_paint(Tone::Bad, "error:"), problem.message);
    for cause in &problem.causes {
        let indented = cause.replace('\n', "\n         ");
        text.push_str(&format!("\n  cause: {indented}"));
    }
    if let Some(remedy) = &problem.remedy {
        text.push_str(&format!("\n   {} {remedy}", screen.err_paint(Tone::Strong, "help:")));
    }
    text
}
