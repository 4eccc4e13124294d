//! HTTP/1.1 taken apart after the fact, from the bytes that a proxy kept.

use serde_json::Value;

use crate::proxy::Tape;

/// One request and its answer.
#[derive(Debug)]
pub struct Exchange {
    /// Place of its first byte in the order of everything that the proxy read.
    pub order: u64,
    /// Method and path, such as `POST /api/chat`.
    pub call: String,
    /// Body of the request.
    pub request: Vec<u8>,
    /// Status of the answer; absent when none came.
    pub status: Option<u16>,
    /// Body of the answer, as it was cut into chunks; one piece where it was not chunked.
    pub answer: Vec<Vec<u8>>,
}

impl Exchange {
    /// The body of the request as JSON; null where it is none.
    #[must_use]
    pub fn asked(&self) -> Value {
        serde_json::from_slice(&self.request).unwrap_or_default()
    }

    /// The lines of the answer as JSON.
    ///
    /// # Panics
    /// When a line is no JSON.
    #[must_use]
    pub fn lines(&self) -> Vec<Value> {
        let body = self.answer.concat();
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect()
    }
}

/// What stands before a body.
struct Head {
    first: String,
    length: usize,
    chunked: bool,
}

/// The exchanges of a connection in order.
pub(crate) fn exchanges(tape: &Tape) -> Vec<Exchange> {
    let (asked, answered) = (joined(&tape.asked), joined(&tape.answered));
    let (mut asked, mut answered) = (asked.as_slice(), answered.as_slice());
    let whole = asked.len();
    let mut found = Vec::new();
    while let Some((head, rest)) = head(asked) {
        let order = order_at(&tape.asked, whole - asked.len());
        let (body, rest) = rest.split_at(head.length.min(rest.len()));
        asked = rest;
        let call = head.first.rsplit_once(' ').map_or(head.first.as_str(), |(call, _)| call).to_owned();
        let mut exchange = Exchange { order, call, request: body.to_vec(), status: None, answer: Vec::new() };
        answered = take_answer(answered, &mut exchange);
        found.push(exchange);
    }
    found
}

fn joined(reads: &[(u64, Vec<u8>)]) -> Vec<u8> {
    reads.iter().flat_map(|(_, bytes)| bytes).copied().collect()
}

fn order_at(reads: &[(u64, Vec<u8>)], offset: usize) -> u64 {
    let mut passed = 0;
    let at = reads.iter().find(|(_, bytes)| {
        passed += bytes.len();
        passed > offset
    });
    at.map_or(u64::MAX, |(order, _)| *order)
}

/// Takes the next answer from the bytes of a server, and gives what follows it.
fn take_answer<'b>(bytes: &'b [u8], exchange: &mut Exchange) -> &'b [u8] {
    let Some((head, mut rest)) = head(bytes) else { return &[] };
    exchange.status = head.first.split(' ').nth(1).and_then(|status| status.parse().ok());
    if !head.chunked {
        let (body, rest) = rest.split_at(head.length.min(rest.len()));
        exchange.answer.push(body.to_vec());
        return rest;
    }
    while let Some((size, after)) = chunk_size(rest) {
        rest = after.get(size + 2..).unwrap_or_default();
        if size == 0 {
            break;
        }
        exchange.answer.extend(after.get(..size).map(<[u8]>::to_vec));
    }
    rest
}

fn chunk_size(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).ok()?, 16).ok()?;
    Some((size, &bytes[end + 2..]))
}

fn head(bytes: &[u8]) -> Option<(Head, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = text.lines();
    let mut head = Head { first: lines.next().unwrap_or_default().to_owned(), length: 0, chunked: false };
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => head.length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => head.chunked = value.contains("chunked"),
            _ => {}
        }
    }
    Some((head, &bytes[end + 4..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_with_two_calls_is_taken_apart() {
        let asked =
            b"GET /api/ps HTTP/1.1\r\nHost: a\r\n\r\nPOST /api/chat HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}";
        let answered = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]HTTP/1.1 404 Not Found\r\n\
            Transfer-Encoding: chunked\r\n\r\n4\r\n{}\n1\r\n2\r\n0\n\r\n0\r\n\r\n";
        let tape = Tape {
            asked: vec![(3, asked[..40].to_vec()), (5, asked[40..].to_vec())],
            answered: vec![(4, answered.to_vec())],
        };
        let found = exchanges(&tape);
        let told: Vec<_> = found.iter().map(|one| (one.order, one.call.as_str(), one.status)).collect();
        assert_eq!(told, [(3, "GET /api/ps", Some(200)), (3, "POST /api/chat", Some(404))]);
        assert_eq!((found[1].request.as_slice(), found[1].answer.len()), (&b"{}"[..], 2));
        assert_eq!(found[1].lines(), [serde_json::json!({}), serde_json::json!(10)]);
    }
}
