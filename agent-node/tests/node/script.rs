//! What the scripted model server does with one generation.

use std::time::Duration;

/// One step on the wire.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Bytes as they are, in one write.
    Bytes(Vec<u8>),
    /// Nothing, for a while.
    Pause(Duration),
    /// The connection is reset.
    Reset,
    /// Nothing until the other side leaves.
    Hang,
}

/// The head of a stream.
pub(crate) fn head() -> Act {
    let text = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    Act::Bytes(text.into())
}

/// One HTTP chunk.
pub(crate) fn chunk(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let mut bytes = format!("{:x}\r\n", text.len()).into_bytes();
    bytes.extend_from_slice(text);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A content line of the chat route.
pub(crate) fn line(text: &str) -> String {
    let json = serde_json::json!({
        "model": "tiny", "created_at": "2026-11-22T08:00:00.1234567Z",
        "message": {"role": "assistant", "content": text}, "done": false,
    });
    format!("{json}\n")
}

/// The final record.
pub(crate) fn last(tokens: u64) -> String {
    let json = serde_json::json!({
        "model": "tiny", "created_at": "2026-11-22T08:00:01Z", "message": {"role": "assistant", "content": ""},
        "done": true, "done_reason": "length", "total_duration": 9_000_000, "load_duration": 1_000_000,
        "prompt_eval_count": 25, "prompt_eval_duration": 2_000_000, "eval_count": tokens, "eval_duration": 3_000_000,
    });
    format!("{json}\n")
}

/// The clean end of a stream.
pub(crate) fn end() -> Act {
    Act::Bytes(b"0\r\n\r\n".to_vec())
}

/// Content lines and the final record, 2 ms apart, as a healthy server sends them.
pub(crate) fn good(lines: usize) -> Vec<Act> {
    let mut acts = vec![head()];
    for index in 0..lines {
        acts.push(Act::Bytes(chunk(line(&format!("t{index} ")))));
        acts.push(Act::Pause(Duration::from_millis(2)));
    }
    acts.extend([Act::Bytes(chunk(last(lines as u64))), end()]);
    acts
}

/// An answer without a stream.
pub(crate) fn status(code: u16, body: &str) -> Vec<Act> {
    let text = format!(
        "HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    vec![Act::Bytes(text.into())]
}
