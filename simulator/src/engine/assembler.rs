//! Tokens into lines: characters and stop strings may span several tokens.

use crate::engine::voice::Piece;

/// What one more token led to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing to show yet: a character or a stop string may still be completed.
    Held(Hold),
    /// Text to show, with the tokens it is made of.
    Show(Shown),
    /// Only bytes that are no text.
    Broken,
    /// A stop string is complete; the text before it, if any.
    Stopped(Option<Shown>),
}

/// Why a token was held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The rest of a character is missing.
    Character,
    /// A stop string may be coming.
    StopString,
}

/// Text with its tokens.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) pieces: Vec<Piece>,
}

/// Collects tokens until they can be shown.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    stops: Vec<String>,
    pending: Vec<Piece>,
}

impl Assembler {
    /// An assembler that looks for stop strings; empty ones are ignored.
    pub(crate) fn new(stops: &[String]) -> Self {
        Self { stops: stops.iter().filter(|stop| !stop.is_empty()).cloned().collect(), pending: Vec::new() }
    }

    /// Takes one token.
    pub(crate) fn push(&mut self, piece: Piece) -> Step {
        self.pending.push(piece);
        let joined = self.pending.concat();
        if let Some(at) = self.stops.iter().filter_map(|stop| find(&joined, stop.as_bytes())).min() {
            return Step::Stopped(self.flush_before(&joined, at));
        }
        if self.stops.iter().any(|stop| ends_with_part(&joined, stop.as_bytes())) {
            return Step::Held(Hold::StopString);
        }
        if ends_within_character(&joined) {
            return Step::Held(Hold::Character);
        }
        self.finish().map_or(Step::Broken, Step::Show)
    }

    /// Shows what is left at the end of the answer; cut-off bytes are dropped.
    pub(crate) fn finish(&mut self) -> Option<Shown> {
        let joined = self.pending.concat();
        let pieces = std::mem::take(&mut self.pending);
        let text = valid_prefix(&joined);
        (!text.is_empty()).then(|| Shown { text: text.to_owned(), pieces })
    }

    fn flush_before(&mut self, joined: &[u8], at: usize) -> Option<Shown> {
        let mut length = 0;
        let mut pieces = std::mem::take(&mut self.pending);
        pieces.retain(|piece| {
            length += piece.len();
            length <= at
        });
        let text = valid_prefix(joined.get(..at).unwrap_or_default()).to_owned();
        (!text.is_empty()).then_some(Shown { text, pieces })
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn ends_with_part(joined: &[u8], stop: &[u8]) -> bool {
    (1..stop.len()).any(|length| stop.get(..length).is_some_and(|part| joined.ends_with(part)))
}

/// Whether the last character lacks bytes. Lone continuation bytes are no character at all.
fn ends_within_character(joined: &[u8]) -> bool {
    for (back, byte) in (1..).zip(joined.iter().rev().take(4)) {
        let needed = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => 1,
        };
        return back < needed;
    }
    false
}

fn valid_prefix(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            std::str::from_utf8(valid).unwrap_or_default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(stops: &[&str], text: &str) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut assembler = Assembler::new(&stops);
        let mut shown = Vec::new();
        for byte in text.bytes() {
            match assembler.push(vec![byte]) {
                Step::Show(line) => shown.push(line.text),
                Step::Stopped(line) => {
                    shown.extend(line.map(|line| line.text));
                    return (shown, true);
                }
                Step::Held(_) | Step::Broken => {}
            }
        }
        shown.extend(assembler.finish().map(|line| line.text));
        (shown, false)
    }

    #[test]
    fn characters_are_shown_whole() {
        assert_eq!(lines(&[], "a🦙日").0, ["a", "🦙", "日"]);
    }

    #[test]
    fn a_partial_stop_string_is_held_and_shown_in_one_line() {
        let (shown, stopped) = lines(&["STOPPED"], "c STOPpI defSTOPPED never");
        assert!(stopped);
        assert_eq!(shown, ["c", " ", "STOPp", "I", " ", "d", "e", "f"]);
    }

    #[test]
    fn lone_continuation_bytes_are_dropped() {
        let mut assembler = Assembler::new(&[]);
        assert_eq!(assembler.push(vec![0x9f]), Step::Broken);
        assert_eq!(assembler.finish(), None);
    }
}
