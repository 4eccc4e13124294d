//! A line that is wrong, and a list of such lines that does not grow without end.

use std::fmt;

use chimera_core::import::RecordingFile;

use crate::text::clean;

/// Most faults that are told in words; all are counted.
pub const SHOWN_MAX: usize = 20;
/// Longest problem in words, in characters: it may quote a line.
const WORDS_MAX: usize = 300;

/// Something wrong in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its file.
    pub file: RecordingFile,
    /// Its line, from 1.
    pub line: u64,
    /// Where in the line, in bytes from 1, when one place is to blame.
    pub column: Option<usize>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        let words: String = clean(&self.problem).chars().take(WORDS_MAX).collect();
        write!(f, ": {words}")
    }
}

/// Faults: how many, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FaultList {
    /// The first [`SHOWN_MAX`].
    pub first: Vec<Fault>,
    /// All of them.
    pub count: u64,
}

impl FaultList {
    pub(super) fn push(&mut self, fault: Fault) {
        self.count += 1;
        if self.first.len() < SHOWN_MAX {
            self.first.push(fault);
        }
    }
}

impl fmt::Display for FaultList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.first.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}  {fault}")?;
        }
        match self.count.saturating_sub(self.first.len() as u64) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
