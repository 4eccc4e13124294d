//! Table `generations`: one row per generation, warm-ups included, with what the server and the node recorded, and the
//! quantities that follow.

use chimera_core::entry::{DoneReason, GenerationOpened};
use chimera_core::id::AttemptId;
use chimera_core::quantity::generation::GenerationQuantities;
use chimera_core::record::GenerationRecord;

use super::column::{
    Column, Kind, Row, Table, decimal_or_null, filled, integer, integer_or_null, maybe, text, text_or_null,
};

/// The table.
pub const TABLE: Table =
    Table { name: "generations", row: "a generation, warm-ups included", columns: COLUMNS };

const COLUMNS: &[Column] = &[
    filled("sweep", Kind::Text, "the sweep"),
    filled("trial", Kind::Integer, "the trial"),
    filled("attempt", Kind::Integer, "the attempt"),
    filled("generation", Kind::Integer, "position in the attempt, from 0, warm-ups included"),
    filled("phase", Kind::Text, "measured, or warmup: recorded and discarded"),
    filled("start", Kind::Text, "cold or warm, as intended"),
    filled("stream", Kind::Integer, "parallel stream, from 0"),
    filled("agent", Kind::Text, "agent; main for a plain workload"),
    filled("step", Kind::Text, "step of the agent; prompt for a plain workload"),
    filled("seed", Kind::Integer, "sampling seed that was sent"),
    filled("prompt", Kind::Integer, "index of the prompt in the workload"),
    filled("prompt_sha256", Kind::Text, "SHA-256 of the prompt as it was sent"),
    maybe("prompt_head", Kind::Text, "head put before the prompt so that no cache knows it"),
    filled(
        "sent_at_ns",
        Kind::Integer,
        "moment the request was fully written, from the start of the attempt",
    ),
    filled("connect_ns", Kind::Integer, "time to connect; in no other figure"),
    maybe("outcome", Kind::Text, "how it ended; null = the attempt ended first"),
    maybe("cause", Kind::Text, "what happened, when it is not ok"),
    maybe("http_status", Kind::Integer, "HTTP status, if a response came"),
    maybe("ended_at_ns", Kind::Integer, "end, from the send"),
    maybe("done_reason", Kind::Text, "why the server ended it"),
    maybe("answer_sha256", Kind::Text, "SHA-256 of the answer"),
    maybe("answer_bytes", Kind::Integer, "length of the answer"),
    maybe("answer", Kind::Text, "the answer, where texts are stored"),
    maybe("server_total_ns", Kind::Integer, "the server's total_duration"),
    maybe("server_load_ns", Kind::Integer, "the server's load_duration"),
    maybe("server_prompt_tokens", Kind::Integer, "the server's prompt_eval_count, cached tokens included"),
    maybe("server_prompt_ns", Kind::Integer, "the server's prompt_eval_duration"),
    maybe("server_tokens", Kind::Integer, "N: the server's eval_count, hidden tokens included"),
    maybe("server_eval_ns", Kind::Integer, "the server's eval_duration: N - 1 steps"),
    maybe("server_final_unix_ns", Kind::Integer, "the server's stamp of the final line"),
    maybe("e2e_ns", Kind::Integer, "send to final record"),
    maybe("ttft_ns", Kind::Integer, "send to the first text of the answer"),
    maybe("thinking_first_ns", Kind::Integer, "send to the first text of the thinking"),
    maybe("load_ns", Kind::Integer, "load as it enters figures"),
    maybe("prefill_ns", Kind::Integer, "prompt_eval_duration as it enters figures"),
    maybe("decode_ns", Kind::Integer, "eval_duration as it enters figures; null when N < 2"),
    maybe("queue_ns", Kind::Integer, "first text - load - prefill; may be negative"),
    maybe(
        "server_residual_ns",
        Kind::Integer,
        "the server's total - load - prefill - decode; may be negative",
    ),
    maybe("ttft_warm_ns", Kind::Integer, "prefill of a warm generation"),
    maybe("text_span_ns", Kind::Integer, "first to last line with text"),
    maybe("tpot_ns", Kind::Decimal, "text span / (N - 1)"),
    maybe("decode_rate", Kind::Decimal, "(N - 1) / decode, in tokens per second"),
    maybe("decode_rate_wall", Kind::Decimal, "(N - 1) / text span, in tokens per second"),
    maybe(
        "prefill_rate",
        Kind::Decimal,
        "prompt tokens / prefill, in tokens per second; wrong where a cache helped",
    ),
];

/// The row of a generation. Quantities are null unless it is measured, ended ok and has a final record.
pub(super) fn row(attempt: &AttemptId, generation: &GenerationRecord) -> Row {
    let mut row = opened_values(attempt, &generation.opened);
    row.extend(closed_values(generation));
    row.extend(server_values(generation));
    row.extend(quantities(generation));
    row
}

fn opened_values(attempt: &AttemptId, opened: &GenerationOpened) -> Row {
    vec![
        text(attempt.trial.sweep.as_str()),
        integer(attempt.trial.ordinal),
        integer(attempt.number.get()),
        integer(opened.ordinal),
        text(opened.phase.name()),
        text(opened.start.name()),
        integer(opened.stream),
        text(opened.agent.as_str()),
        text(opened.step.as_str()),
        integer(opened.seed),
        integer(opened.prompt),
        text(opened.prompt_digest.to_string()),
        text_or_null(opened.prompt_head.clone()),
        integer(opened.sent_at.0),
        integer(opened.connect.0),
    ]
}

fn closed_values(generation: &GenerationRecord) -> Row {
    let closed = generation.closed.as_ref();
    vec![
        text_or_null(closed.map(|closed| closed.outcome.name())),
        text_or_null(closed.and_then(|closed| closed.cause.clone())),
        integer_or_null(closed.and_then(|closed| closed.http_status)),
        integer_or_null(closed.map(|closed| closed.ended_at.0)),
        text_or_null(closed.and_then(|closed| closed.done_reason).map(DoneReason::name)),
        text_or_null(closed.map(|closed| closed.answer_digest.to_string())),
        integer_or_null(closed.map(|closed| closed.answer_bytes)),
        text_or_null(closed.and_then(|closed| closed.answer.clone())),
    ]
}

fn server_values(generation: &GenerationRecord) -> Row {
    let server = generation.closed.as_ref().and_then(|closed| closed.server).unwrap_or_default();
    vec![
        integer_or_null(server.total.map(|span| span.0)),
        integer_or_null(server.load.map(|span| span.0)),
        integer_or_null(server.prompt_tokens),
        integer_or_null(server.prompt.map(|span| span.0)),
        integer_or_null(server.tokens),
        integer_or_null(server.eval.map(|span| span.0)),
        integer_or_null(server.created_at.map(|stamp| stamp.0)),
    ]
}

fn quantities(generation: &GenerationRecord) -> Row {
    let all = GenerationQuantities::of(generation);
    let all = all.as_ref();
    let span = |pick: fn(&GenerationQuantities) -> Option<chimera_core::unit::Nanos>| {
        integer_or_null(all.and_then(pick).map(|span| span.0))
    };
    vec![
        span(|all| Some(all.e2e)),
        span(|all| all.ttft),
        span(|all| all.thinking_first),
        span(|all| all.load),
        span(|all| all.prefill),
        span(|all| all.decode),
        integer_or_null(all.and_then(|all| all.queue)),
        integer_or_null(all.and_then(|all| all.server_residual)),
        span(|all| all.ttft_warm),
        span(|all| all.text_span),
        decimal_or_null(all.and_then(GenerationQuantities::tpot).map(|seconds| seconds * 1e9)),
        decimal_or_null(all.and_then(GenerationQuantities::decode_rate)),
        decimal_or_null(all.and_then(GenerationQuantities::decode_rate_wall)),
        decimal_or_null(all.and_then(GenerationQuantities::prefill_rate)),
    ]
}
