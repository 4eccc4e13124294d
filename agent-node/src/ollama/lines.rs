//! Splits a stream of bytes into lines. Pure; bounded.

/// Longest accepted line, in bytes.
pub(crate) const LINE_MAX_BYTES: usize = 1024 * 1024;

/// A line is longer than [`LINE_MAX_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than 1 MiB")]
pub(crate) struct LineTooLong;

/// Keeps the beginning of a line until its end arrives.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    partial: Vec<u8>,
}

impl LineSplitter {
    /// Takes bytes and hands each completed line, without its end, to `take`. Blank lines are left out.
    pub(crate) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), LineTooLong> {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            if self.partial.is_empty() {
                deliver(line, &mut take)?;
            } else {
                self.partial.extend_from_slice(line);
                let whole = std::mem::take(&mut self.partial);
                deliver(&whole, &mut take)?;
            }
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > LINE_MAX_BYTES { Err(LineTooLong) } else { Ok(()) }
    }

    /// What remains when the stream has ended: error answers come without an end of line.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.partial);
        (!rest.trim_ascii().is_empty()).then_some(rest)
    }
}

fn deliver(line: &[u8], take: &mut impl FnMut(&[u8])) -> Result<(), LineTooLong> {
    if line.len() > LINE_MAX_BYTES {
        return Err(LineTooLong);
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.is_empty() {
        take(line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Vec<u8>>) {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, |line| lines.push(line.to_vec())).unwrap();
        }
        (lines, splitter.finish())
    }

    #[test]
    fn the_limit_holds_at_the_limit_and_one_past_it() {
        let mut line = vec![b'x'; LINE_MAX_BYTES];
        assert_eq!(LineSplitter::default().push(&line, |_| ()), Ok(()));
        line.push(b'\n');
        assert_eq!(LineSplitter::default().push(&line, |_| ()), Ok(()));
        line.insert(0, b'x');
        assert_eq!(LineSplitter::default().push(&line, |_| ()), Err(LineTooLong));
        assert_eq!(LineSplitter::default().push(&line[..=LINE_MAX_BYTES], |_| ()), Err(LineTooLong));
    }

    #[test]
    fn blank_lines_and_carriage_returns_are_left_out() {
        let (lines, rest) = split(&[b"a\r\n\n\nb\n", b"c"]);
        assert_eq!(lines, [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(rest, Some(b"c".to_vec()));
    }

    proptest! {
        #[test]
        fn the_cuts_do_not_matter(text in "[a-c\u{e9}\n]{0,60}", cuts in proptest::collection::vec(0_usize..60, 0..8)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(split(&chunks), split(&[bytes]));
        }
    }
}
