//! What a generation says, line by line. Pure: bytes and times in, arrivals and an ending out.

use chimera_core::entry::{ANSWER_MAX_BYTES, ARRIVALS_MAX, Arrival, ArrivalKind, DoneReason, FinalRecord};
use chimera_core::id::Digest;
use chimera_core::unit::Nanos;
use sha2::Digest as _;

use super::outcome::Ending;
use crate::ollama::dialect::Dialect;
use crate::ollama::line::{self, Line, Piece};
use crate::ollama::lines::LineSplitter;
use crate::recorder::cut;

/// A generation as it is read.
pub(super) struct Transcript {
    dialect: &'static Dialect,
    keep_text: bool,
    splitter: LineSplitter,
    repeats: Repeats,
    hasher: sha2::Sha256,
    lines: usize,
    /// Length of the answer in bytes.
    pub(super) answer_bytes: u64,
    /// Beginning of the answer, where texts are stored.
    pub(super) answer: String,
    /// The final record.
    pub(super) last: Option<(FinalRecord, Option<DoneReason>)>,
    /// Whether any text came.
    pub(super) spoke: bool,
}

/// Counts equal lines as the server's repeat guard does.
#[derive(Debug, Default)]
struct Repeats {
    text: String,
    count: u32,
}

/// What one read brought.
#[derive(Debug, Default)]
pub(super) struct Brought {
    /// Lines, all at the time of the read.
    pub(super) arrivals: Vec<Arrival>,
    /// How the generation ended, if it did.
    pub(super) ending: Option<Ending>,
}

impl Transcript {
    pub(super) fn new(dialect: &'static Dialect, keep_text: bool) -> Self {
        Self {
            dialect,
            keep_text,
            splitter: LineSplitter::default(),
            repeats: Repeats::default(),
            hasher: sha2::Sha256::new(),
            lines: 0,
            answer_bytes: 0,
            answer: String::new(),
            last: None,
            spoke: false,
        }
    }

    /// Takes the body bytes of one read that returned `at` after the send. All lines completed by it share that time;
    /// for all but the last one it is only an upper bound.
    pub(super) fn take(&mut self, at: Nanos, parts: &[impl AsRef<[u8]>]) -> Brought {
        let mut splitter = std::mem::take(&mut self.splitter);
        let mut brought = Brought::default();
        let mut shared = 0;
        let too_long = parts.iter().find_map(|part| {
            let each = |bytes: &[u8]| {
                if brought.ending.is_none() {
                    shared += 1;
                    self.take_line(at, bytes, &mut brought);
                }
            };
            splitter.push(part.as_ref(), each).err()
        });
        self.splitter = splitter;
        if let Some(too_long) = too_long.filter(|_| brought.ending.is_none()) {
            brought.ending = Some(Ending::Protocol(too_long.to_string()));
        }
        mark_bounds(&mut brought.arrivals, shared);
        brought
    }

    /// The end of the stream: what it means when no final record came.
    pub(super) fn finish(&mut self) -> Ending {
        match self.splitter.finish() {
            None => Ending::CleanEnd { equal_lines: self.repeats.count },
            Some(rest) => match line::parse(&rest, self.dialect) {
                Ok(Line::Error(text)) => Ending::ErrorLine(text),
                _ => Ending::Cut("the stream ended inside a line".to_owned()),
            },
        }
    }

    /// SHA-256 of the answer.
    pub(super) fn digest(&self) -> Digest {
        Digest(self.hasher.clone().finalize().into())
    }

    fn take_line(&mut self, at: Nanos, bytes: &[u8], brought: &mut Brought) {
        match line::parse(bytes, self.dialect) {
            Err(error) => brought.ending = Some(Ending::Protocol(error.to_string())),
            Ok(Line::Error(text)) => brought.ending = Some(Ending::ErrorLine(text)),
            Ok(Line::Piece(piece)) => self.take_piece(at, &piece, brought),
            Ok(Line::Final(record, reason, piece)) => {
                if piece.kind != ArrivalKind::Empty {
                    self.take_piece(at, &piece, brought);
                }
                self.last = Some((record, reason));
                brought.ending.get_or_insert(Ending::Final);
            }
        }
    }

    fn take_piece(&mut self, at: Nanos, piece: &Piece<'_>, brought: &mut Brought) {
        self.lines += 1;
        if self.lines > ARRIVALS_MAX {
            brought.ending = Some(Ending::Protocol(format!("more than {ARRIVALS_MAX} lines")));
            return;
        }
        if piece.kind != ArrivalKind::Empty {
            self.spoke = true;
            self.repeats.take(&piece.text);
        }
        if piece.kind == ArrivalKind::Content {
            self.take_text(&piece.text);
        }
        brought.arrivals.push(Arrival {
            at,
            bound: false,
            kind: piece.kind,
            text_bytes: u32::try_from(piece.text.len()).unwrap_or(u32::MAX),
            tokens: piece.tokens,
            created_at: piece.created_at,
        });
    }

    fn take_text(&mut self, text: &str) {
        self.hasher.update(text.as_bytes());
        self.answer_bytes += text.len() as u64;
        if self.keep_text && self.answer.len() < ANSWER_MAX_BYTES {
            self.answer.push_str(cut(text, ANSWER_MAX_BYTES - self.answer.len()));
        }
    }
}

impl Repeats {
    fn take(&mut self, text: &str) {
        let text = text.trim();
        if self.count > 0 && self.text == text {
            self.count += 1;
        } else {
            self.count = 1;
            text.clone_into(&mut self.text);
        }
    }
}

/// Marks all lines but the last one of a read. The last line of the read is no arrival when it is the final record or
/// an error: then every arrival is a bound.
fn mark_bounds(arrivals: &mut [Arrival], shared: usize) {
    for (index, arrival) in arrivals.iter_mut().enumerate() {
        arrival.bound = index + 1 < shared;
    }
}

#[cfg(test)]
#[path = "transcript_tests.rs"]
mod tests;
