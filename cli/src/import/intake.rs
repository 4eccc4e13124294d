//! The lines of a recording, one after the other: each is taken, or is a fault.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Take};
use std::path::PathBuf;

use chimera_coordinator::ImportedRow;
use chimera_core::id::Digest;
use chimera_core::import::{Ledger, RecordingFile, check};

use super::error::ImportError;
use super::fault::{Fault, FaultList};
use super::folder::open;
use super::lines::{Line, next_line};
use super::parse::{Problem, parse};

/// Reads files line by line. As an iterator it gives the rows that are taken; faults are collected.
#[derive(Debug)]
pub(super) struct Intake {
    waiting: std::vec::IntoIter<(RecordingFile, PathBuf)>,
    reading: Option<Reading>,
    ledger: Ledger,
    /// What was not taken.
    pub(super) faults: FaultList,
    /// How many were taken; a file without a row is there with 0.
    pub(super) kept: BTreeMap<RecordingFile, u64>,
    /// Over the texts of all rows that were taken, and the names of their files.
    pub(super) digest: Digest,
}

#[derive(Debug)]
struct Reading {
    file: RecordingFile,
    path: PathBuf,
    reader: BufReader<Take<File>>,
    line: u64,
}

impl Intake {
    pub(super) fn new(files: Vec<(RecordingFile, PathBuf)>) -> Self {
        Self {
            waiting: files.into_iter(),
            reading: None,
            ledger: Ledger::default(),
            faults: FaultList::default(),
            kept: BTreeMap::new(),
            digest: Digest::of(b"chimera import 1"),
        }
    }

    /// All rows that were taken.
    pub(super) fn rows(&self) -> u64 {
        self.kept.values().sum()
    }

    fn next_file(&mut self) -> Result<bool, ImportError> {
        let Some((file, path)) = self.waiting.next() else { return Ok(false) };
        self.kept.insert(file, 0);
        self.digest = self.digest.chain(Digest::of(file.file_name().as_bytes()));
        self.reading = Some(Reading { reader: open(&path)?, file, path, line: 0 });
        Ok(true)
    }

    /// The next row of the open file; none at its end.
    fn next_row(&mut self) -> Result<Option<ImportedRow>, ImportError> {
        while let Some(reading) = self.reading.as_mut() {
            let line = next_line(&mut reading.reader)
                .map_err(|source| ImportError::Read { path: reading.path.clone(), source })?;
            let Some(line) = line else { break };
            reading.line += 1;
            let (file, number) = (reading.file, reading.line);
            match self.take(file, number, line) {
                Ok(row) => return Ok(Some(row)),
                Err(Problem { column, words: problem }) => {
                    self.faults.push(Fault { file, line: number, column, problem });
                }
            }
        }
        self.reading = None;
        Ok(None)
    }

    fn take(&mut self, file: RecordingFile, line: u64, found: Line) -> Result<ImportedRow, Problem> {
        let (row, text) = parse(file, found)?;
        check(&row).map_err(|error| Problem::of_line(error.to_string()))?;
        self.ledger.admit(&row, line).map_err(|error| Problem::of_line(error.to_string()))?;
        *self.kept.entry(file).or_default() += 1;
        self.digest = self.digest.chain(Digest::of(text.as_bytes()));
        Ok(ImportedRow { file, line, text })
    }
}

impl Iterator for Intake {
    type Item = Result<ImportedRow, ImportError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_row() {
                Ok(Some(row)) => return Some(Ok(row)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
            match self.next_file() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
