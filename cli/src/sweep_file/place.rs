//! Where in a sweep file something stands, and the list of what is wrong there.

use std::ops::Range;
use std::path::Path;

use super::error::{ERRORS_MAX, ErrorPlace, SweepFileError, SweepFileErrors, SweepFileFault};

/// Collects errors while a file is read.
pub(super) struct Report<'a> {
    text: &'a str,
    origin: &'a Path,
    errors: Vec<SweepFileError>,
    omitted: usize,
}

impl<'a> Report<'a> {
    pub(super) const fn new(text: &'a str, origin: &'a Path) -> Self {
        Self { text, origin, errors: Vec::new(), omitted: 0 }
    }

    /// The sweep file itself.
    pub(super) const fn origin(&self) -> &'a Path {
        self.origin
    }

    /// The text of the sweep file between two bytes.
    pub(super) fn source(&self, span: &Range<usize>) -> &'a str {
        self.text.get(span.clone()).unwrap_or("")
    }

    /// Notes what is wrong with the bytes `span`, which `path` names.
    pub(super) fn refuse(&mut self, span: &Range<usize>, path: &str, fault: SweepFileFault) {
        if self.errors.len() == ERRORS_MAX {
            self.omitted += 1;
            return;
        }
        let (line, column) = line_and_column(self.text, span.start);
        let place = ErrorPlace { line, column, path: path.to_owned() };
        self.errors.push(SweepFileError { file: self.origin.to_owned(), place: Some(place), fault });
    }

    /// The result, or all errors in the order of the file.
    pub(super) fn finish<T>(mut self, read: Option<T>) -> Result<T, SweepFileErrors> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => {
                self.errors.sort_by_key(|error| error.place.as_ref().map(|place| (place.line, place.column)));
                Err(SweepFileErrors { errors: self.errors, omitted: self.omitted })
            }
        }
    }
}

/// Line and column from 1; the column counts characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let offset =
        (0..=offset.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset)).unwrap_or(0);
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "a = 1\nü = 'é' # x\n";
        assert_eq!(line_and_column(text, 0), (1, 1));
        assert_eq!(line_and_column(text, 6), (2, 1));
        assert_eq!(line_and_column(text, 7), (2, 1));
        assert_eq!(line_and_column(text, text.find('#').unwrap()), (2, 9));
        assert_eq!(line_and_column(text, 999), (3, 1));
    }
}
