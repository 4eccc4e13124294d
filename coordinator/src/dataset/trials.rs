//! Table `trials`: one row per attempt, and one for a trial of which no attempt was made.

use chimera_core::axis::CellSpec;
use chimera_core::option::OptionValue;
use chimera_core::plan::PlannedTrial;

use super::column::{
    Column, Kind, Row, Table, Value, decimal_or_null, filled, integer, integer_or_null, maybe, text,
    text_or_null,
};
use crate::driver::snapshot::SweepEntry;
use crate::gateway::judge::verdict;
use crate::records::Attempt;

/// The table.
pub const TABLE: Table =
    Table { name: "trials", row: "an attempt, or a trial of which none was made", columns: COLUMNS };

const COLUMNS: &[Column] = &[
    filled("sweep", Kind::Text, "the sweep"),
    filled("trial", Kind::Integer, "position of the trial in the plan, from 0"),
    filled("block", Kind::Integer, "repetition, from 0"),
    filled("cell", Kind::Integer, "index of the cell in the plan, from 0"),
    filled("cell_label", Kind::Text, "model and options of the cell"),
    filled("model", Kind::Text, "name of the model"),
    filled("options", Kind::Text, "options of the cell as name=value, or 'server defaults'"),
    maybe("num_ctx", Kind::Integer, "context length in tokens; null = not sent"),
    maybe("num_predict", Kind::Integer, "token budget; null = not sent"),
    maybe("num_gpu", Kind::Integer, "layers on the GPU, -1 = the server decides; null = not sent"),
    maybe("temperature", Kind::Decimal, "sampling temperature; null = not sent"),
    filled(
        "role",
        Kind::Text,
        "why the trial is in the plan: measured, or sentinel, serial, solo: in no figure of its cell",
    ),
    maybe("attempt", Kind::Integer, "number of the attempt, from 1; null = none was made"),
    maybe("node", Kind::Text, "node of the attempt"),
    maybe("slot", Kind::Integer, "slot of the attempt on its node, from 0"),
    maybe("gpu_uuids", Kind::Text, "GPUs of the slot when the sweep was planned, separated by commas"),
    maybe("state", Kind::Text, "state of the attempt, such as complete, invalid, failed, abandoned"),
    filled("counted", Kind::Boolean, "whether the attempt is the one that counts for its trial"),
    maybe("outcome", Kind::Text, "how the attempt ended, in its node's words; null = no whole record"),
    maybe("cause", Kind::Text, "what happened, when it is not completed"),
    filled("findings", Kind::Text, "reasons not to trust the record, separated by commas; empty = none"),
    maybe("server_version", Kind::Text, "version of the model server"),
    maybe("dialect", Kind::Text, "table of facts that was used for that version"),
    maybe("model_digest", Kind::Text, "digest of the model's manifest"),
    maybe("clock", Kind::Text, "clock of the arrivals"),
    maybe("daemon_version", Kind::Text, "version of the node daemon"),
    maybe(
        "started_unix_ns",
        Kind::Integer,
        "wall clock of the node at the start of the attempt: a label, in no duration",
    ),
    maybe("ended_at_ns", Kind::Integer, "end of the attempt, from its start"),
    maybe(
        "clock_offset_ns",
        Kind::Integer,
        "the node's wall clock at the start of the attempt less the coordinator's; null = not known",
    ),
    maybe("clock_bound_ns", Kind::Integer, "the true offset lies within this of clock_offset_ns"),
];

/// The row of an attempt.
pub(super) fn row(entry: &SweepEntry, attempt: &Attempt) -> Row {
    let Attempt { id, view, record } = attempt;
    let mut row = trial_values(entry, id.trial.ordinal);
    let opened = record.as_ref().map(|record| &record.opened);
    let offset = opened.and_then(|opened| opened.clock_offset);
    let closed = record.as_ref().and_then(|record| record.closed.as_ref());
    let findings = record.as_ref().map(|record| verdict(Some(entry), record).reasons()).unwrap_or_default();
    let findings: Vec<&str> = findings.iter().map(|reason| reason.name()).collect();
    let slot = entry.plan.slots.iter().find(|slot| slot.id == view.slot);
    let gpus: Option<Vec<&str>> = slot.map(|slot| slot.gpus.iter().map(|gpu| gpu.as_str()).collect());
    row.extend([
        integer(id.number.get()),
        text(view.slot.node.as_str()),
        integer(view.slot.index),
        text_or_null(gpus.map(|gpus| gpus.join(","))),
        text(view.state.name()),
        Value::Boolean(view.counts),
        text_or_null(closed.map(|closed| closed.outcome.to_string())),
        text_or_null(closed.and_then(|closed| closed.cause.clone())),
        text(findings.join(",")),
        text_or_null(opened.and_then(|opened| opened.server_version.clone())),
        text_or_null(opened.map(|opened| opened.dialect.clone())),
        text_or_null(opened.and_then(|opened| opened.model_digest.clone())),
        text_or_null(opened.map(|opened| opened.clock.name())),
        text_or_null(opened.map(|opened| opened.daemon_version.clone())),
        integer_or_null(opened.map(|opened| opened.started_at.0)),
        integer_or_null(closed.map(|closed| closed.at.0)),
        integer_or_null(offset.map(|offset| offset.offset_ns)),
        integer_or_null(offset.map(|offset| offset.bound_ns)),
    ]);
    row
}

/// The row of a trial of which no attempt was made.
pub(super) fn empty_row(entry: &SweepEntry, ordinal: u32) -> Row {
    let mut row = trial_values(entry, ordinal);
    let rest = COLUMNS.iter().skip(row.len()).map(|column| match column.name {
        "counted" => Value::Boolean(false),
        "findings" => text(""),
        _ => Value::Null,
    });
    row.extend(rest);
    row
}

/// What the plan says about a trial: the first columns of its row. Empty for a trial that the plan does not have, which
/// the writer refuses.
fn trial_values(entry: &SweepEntry, ordinal: u32) -> Row {
    let planned = entry.plan.trials.get(ordinal as usize);
    let cell = planned.and_then(|planned| entry.plan.cells.get(planned.cell as usize));
    let (Some(planned), Some(cell)) = (planned, cell) else { return Vec::new() };
    let PlannedTrial { cell: index, block, role, slot: _, seed: _ } = planned;
    let CellSpec { model, options } = cell;
    let temperature = match options.get("temperature") {
        Some(OptionValue::Float(number)) => Some(number.get()),
        _ => None,
    };
    vec![
        text(entry.plan.sweep.as_str()),
        integer(ordinal),
        integer(*block),
        integer(*index),
        text(cell.to_string()),
        text(model.as_str()),
        text(options.to_string()),
        integer_or_null(options.integer("num_ctx")),
        integer_or_null(options.integer("num_predict")),
        integer_or_null(options.integer("num_gpu")),
        decimal_or_null(temperature),
        text(role.name()),
    ]
}
