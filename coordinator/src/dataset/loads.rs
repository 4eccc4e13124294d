//! Table `loads`: one row per load, and per look at a model that was loaded already, with what the server then used.

use chimera_core::entry::LoadObserved;
use chimera_core::id::AttemptId;
use chimera_core::record::AttemptRecord;

use super::column::{Column, Kind, Row, Table, filled, integer, integer_or_null, maybe, text, text_or_null};

/// The table.
pub const TABLE: Table =
    Table { name: "loads", row: "a load, or a look at a model that was loaded already", columns: COLUMNS };

const COLUMNS: &[Column] = &[
    filled("sweep", Kind::Text, "the sweep"),
    filled("trial", Kind::Integer, "the trial"),
    filled("attempt", Kind::Integer, "the attempt"),
    filled("load", Kind::Integer, "position in the attempt, from 0"),
    filled("at_ns", Kind::Integer, "when the load was requested, from the start of the attempt"),
    filled(
        "cause",
        Kind::Text,
        "not_loaded, options_changed, auto_after_explicit, cold_start, or already_loaded: nothing was done",
    ),
    maybe("elapsed_ns", Kind::Integer, "from the load's request to its answer; null = nothing was loaded"),
    maybe(
        "context_length",
        Kind::Integer,
        "context length that the server shows for the loaded model, in tokens",
    ),
    maybe("size_bytes", Kind::Integer, "memory of the loaded model"),
    maybe("size_vram_bytes", Kind::Integer, "its part on GPUs"),
    maybe("digest", Kind::Text, "digest of the model's manifest"),
    maybe(
        "process_memory_bytes",
        Kind::Integer,
        "memory that the driver sees the server's processes use on the slot's GPUs; null = nothing was loaded, or it does not tell whose",
    ),
];

/// The rows of a record.
pub(super) fn rows<'a>(attempt: &'a AttemptId, record: &'a AttemptRecord) -> impl Iterator<Item = Row> + 'a {
    record.loads.iter().enumerate().map(move |(position, load)| row(attempt, position, load))
}

fn row(attempt: &AttemptId, position: usize, load: &LoadObserved) -> Row {
    let LoadObserved { at, cause, elapsed, context_length, size, size_vram, digest, process_memory } = load;
    vec![
        text(attempt.trial.sweep.as_str()),
        integer(attempt.trial.ordinal),
        integer(attempt.number.get()),
        integer(position),
        integer(at.0),
        text(cause.name()),
        integer_or_null(elapsed.map(|span| span.0)),
        integer_or_null(*context_length),
        integer_or_null(size.map(|bytes| bytes.0)),
        integer_or_null(size_vram.map(|bytes| bytes.0)),
        text_or_null(digest.clone()),
        integer_or_null(process_memory.map(|bytes| bytes.0)),
    ]
}
