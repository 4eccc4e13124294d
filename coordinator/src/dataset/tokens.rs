//! Table `tokens`: one row per line of a stream. A line is not always one token.

use chimera_core::entry::{Arrival, ArrivalKind};
use chimera_core::id::AttemptId;
use chimera_core::record::GenerationRecord;

use super::column::{Column, Kind, Row, Table, Value, filled, integer, integer_or_null, maybe, text};

/// The table.
pub const TABLE: Table = Table { name: "tokens", row: "a line of a stream", columns: COLUMNS };

const COLUMNS: &[Column] = &[
    filled("sweep", Kind::Text, "the sweep"),
    filled("trial", Kind::Integer, "the trial"),
    filled("attempt", Kind::Integer, "the attempt"),
    filled("generation", Kind::Integer, "the generation"),
    filled("line", Kind::Integer, "position of the line, from 0"),
    filled("at_ns", Kind::Integer, "when the line was there, from the send"),
    filled(
        "bound",
        Kind::Boolean,
        "whether at_ns is only an upper bound: a later line of the same read shares its time",
    ),
    filled("kind", Kind::Text, "content, thinking or empty"),
    filled("text_bytes", Kind::Integer, "length of the text in bytes"),
    maybe("tokens", Kind::Integer, "tokens in the line, where the server tells"),
    maybe("created_unix_ns", Kind::Integer, "the server's own stamp of the line"),
];

/// The rows of a generation.
pub(super) fn rows<'a>(
    attempt: &'a AttemptId,
    generation: &'a GenerationRecord,
) -> impl Iterator<Item = Row> + 'a {
    let ordinal = generation.opened.ordinal;
    generation.arrivals.iter().enumerate().map(move |(line, arrival)| row(attempt, ordinal, line, arrival))
}

fn row(attempt: &AttemptId, generation: u32, line: usize, arrival: &Arrival) -> Row {
    let Arrival { at, bound, kind, text_bytes, tokens, created_at } = arrival;
    vec![
        text(attempt.trial.sweep.as_str()),
        integer(attempt.trial.ordinal),
        integer(attempt.number.get()),
        integer(generation),
        integer(line),
        integer(at.0),
        Value::Boolean(*bound),
        text(kind_name(*kind)),
        integer(*text_bytes),
        integer_or_null(*tokens),
        integer_or_null(created_at.map(|stamp| stamp.0)),
    ]
}

const fn kind_name(kind: ArrivalKind) -> &'static str {
    match kind {
        ArrivalKind::Content => "content",
        ArrivalKind::Thinking => "thinking",
        ArrivalKind::Empty => "empty",
    }
}
