//! Lines of a file, with a bound on each: a file without line ends must not fill the memory.

use std::io::{self, BufRead, Read};

/// Longest accepted line.
pub const LINE_MAX_BYTES: u64 = 1 << 20;

/// One line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line; `ended` tells whether a line end came after it.
    Text { bytes: Vec<u8>, ended: bool },
    /// A line longer than [`LINE_MAX_BYTES`].
    TooLong,
}

/// Reads the next line; none at the end of the file.
pub(super) fn next_line(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut bytes = Vec::new();
    // One byte for the line end, one to tell a line at the bound from a longer one.
    reader.by_ref().take(LINE_MAX_BYTES + 2).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let ended = bytes.pop_if(|last| *last == b'\n').is_some();
    if bytes.len() as u64 <= LINE_MAX_BYTES {
        return Ok(Some(Line::Text { bytes, ended }));
    }
    if !ended {
        skip_line(reader)?;
    }
    Ok(Some(Line::TooLong))
}

fn skip_line(reader: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let (used, done) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        reader.consume(used);
        if done {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], ended: bool) -> Option<Line> {
        Some(Line::Text { bytes: bytes.to_vec(), ended })
    }

    #[test]
    fn lines_end_at_line_ends_and_the_last_may_lack_one() {
        let mut reader = &b"ab\n\ncd"[..];
        assert_eq!(next_line(&mut reader).unwrap(), text(b"ab", true));
        assert_eq!(next_line(&mut reader).unwrap(), text(b"", true));
        assert_eq!(next_line(&mut reader).unwrap(), text(b"cd", false));
        assert_eq!(next_line(&mut reader).unwrap(), None);
    }

    #[test]
    fn a_long_line_is_skipped_and_the_next_one_read() {
        let most = vec![b'x'; LINE_MAX_BYTES as usize];
        for over in [1, 2, 3, 100_000] {
            let long = vec![b'y'; most.len() + over];
            let file = [&most[..], b"\n", &long, b"\nz\n"].concat();
            let mut reader = &file[..];
            assert_eq!(next_line(&mut reader).unwrap(), text(&most, true));
            assert_eq!(next_line(&mut reader).unwrap(), Some(Line::TooLong), "{over}");
            assert_eq!(next_line(&mut reader).unwrap(), text(b"z", true));
        }
    }
}
