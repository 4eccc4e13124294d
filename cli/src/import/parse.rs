//! One line into a row, or the place and the reason why not.

use chimera_core::import::{RecordingFile, Row};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::lines::{LINE_MAX_BYTES, Line};

/// What is wrong with a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// Where, in bytes from 1, when one place is to blame.
    pub(super) column: Option<usize>,
    /// What.
    pub(super) words: String,
}

impl Problem {
    fn at(column: usize, words: impl Into<String>) -> Self {
        Self { column: Some(column), words: words.into() }
    }

    pub(super) fn of_line(words: impl Into<String>) -> Self {
        Self { column: None, words: words.into() }
    }
}

/// Reads a line of `file`; the text of the line comes back with its row.
pub(super) fn parse(file: RecordingFile, line: Line) -> Result<(Row, String), Problem> {
    let (bytes, ended) = match line {
        Line::TooLong => {
            return Err(Problem::of_line(format!("the line is longer than {LINE_MAX_BYTES} bytes")));
        }
        Line::Text { bytes, ended } => (bytes, ended),
    };
    let text = String::from_utf8(bytes)
        .map_err(|error| Problem::at(error.utf8_error().valid_up_to() + 1, "the line is not UTF-8 text"))?;
    check_form(&text)?;
    let row = match file {
        RecordingFile::Calls => read(&text, ended).map(Row::Call),
        RecordingFile::Runs => read(&text, ended).map(Row::Run),
        RecordingFile::AgentAggregates => read(&text, ended).map(Row::Agent),
        RecordingFile::Tr108Sweep => read(&text, ended).map(Row::SingleCall),
    };
    Ok((row?, text))
}

fn check_form(text: &str) -> Result<(), Problem> {
    if text.starts_with('\u{feff}') {
        return Err(Problem::at(1, "the file begins with a byte order mark: save it as UTF-8 without one"));
    }
    match text.trim_start().chars().next() {
        Some('{') => Ok(()),
        Some(_) => Err(Problem::at(1, "the line is no JSON object")),
        None => Err(Problem::of_line("the line is empty")),
    }
}

fn read<T: DeserializeOwned>(text: &str, ended: bool) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let column = error.column();
        match error.classify() {
            Category::Eof if ended => Problem::at(column, "the line ends before its object does"),
            Category::Eof => Problem::at(column, "the file ends in the middle of this line: it was cut off"),
            Category::Data => Problem::at(column, of_field(text, column, &reason(&error))),
            Category::Syntax | Category::Io => Problem::at(column, of_syntax(text, column, &reason(&error))),
        }
    })
}

/// The message of serde without its own place, which counts lines from the start of this text, and without the list of
/// all fields.
fn reason(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let words = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words);
    let known = words.starts_with("unknown field").then(|| words.split_once(", expected")).flatten();
    match known {
        Some((unknown, _)) => format!("{unknown}: the schema of this file does not have it"),
        None => words.to_owned(),
    }
}

/// Names the field of a wrong value, which serde does not.
fn of_field(text: &str, column: usize, reason: &str) -> String {
    let names_one = ["missing field", "unknown field", "duplicate field", "duplicate option"];
    match field_before(text, column) {
        Some(field) if !names_one.iter().any(|start| reason.starts_with(start)) => {
            format!("field `{field}`: {reason}")
        }
        _ => reason.to_owned(),
    }
}

fn of_syntax(text: &str, column: usize, reason: &str) -> String {
    let start = column.saturating_sub(2);
    let near = text.get(start..).unwrap_or_default();
    let word =
        ["NaN", "Infinity", "inf"].into_iter().find(|word| near.find(word).is_some_and(|place| place <= 1));
    match (word, field_before(text, column)) {
        (Some(word), Some(field)) => {
            format!("field `{field}`: {word} is no number in JSON; write null for what was not recorded")
        }
        (None, Some(field)) if reason == "number out of range" => {
            format!("field `{field}`: the number is too large; write null for what was not recorded")
        }
        _ => format!("not JSON: {reason}"),
    }
}

/// The last name of a field that begins before `column`: a text followed by a colon.
fn field_before(text: &str, column: usize) -> Option<&str> {
    let before = text.get(..column.min(text.len()))?;
    let mut found = None;
    let mut opened: Option<usize> = None;
    let mut escaped = false;
    for (place, byte) in before.bytes().enumerate() {
        match (opened, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                opened = None;
                if text[place + 1..].trim_start().starts_with(':') {
                    found = text.get(start + 1..place);
                }
            }
            (None, b'"') => opened = Some(place),
            _ => {}
        }
    }
    found
}
