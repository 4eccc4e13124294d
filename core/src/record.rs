//! The record of one attempt, put together from its entries.

use std::collections::BTreeMap;

use crate::entry::{
    ARRIVALS_MAX, Arrival, AttemptClosed, AttemptOpened, Entry, GenerationClosed, GenerationOpened,
    LoadObserved, Note,
};
use crate::gpu::GpuSample;
use crate::id::AttemptId;
use crate::outcome::{AttemptOutcome, ValidityReason};

/// Most generations of one attempt, warm-ups included.
pub const GENERATIONS_MAX: usize = 20_000;

/// The durable result of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct AttemptRecord {
    /// Circumstances.
    pub opened: AttemptOpened,
    /// Loads in order.
    pub loads: Vec<LoadObserved>,
    /// Generations in order of their ordinal.
    pub generations: Vec<GenerationRecord>,
    /// GPU samples in order of arrival.
    pub gpu_samples: Vec<GpuSample>,
    /// Notes in order.
    pub notes: Vec<Note>,
    /// The end; absent for the partial of an attempt whose node is gone.
    pub closed: Option<AttemptClosed>,
}

impl AttemptRecord {
    /// The attempt.
    #[must_use]
    pub fn attempt(&self) -> &AttemptId {
        &self.opened.attempt
    }

    /// Whether the attempt ran to its planned end.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.outcome == AttemptOutcome::Completed)
    }

    /// Reasons not to trust the record, sorted, without doubles.
    #[must_use]
    pub fn findings(&self) -> Vec<ValidityReason> {
        let mut reasons: Vec<_> = self.notes.iter().filter_map(|note| note.reason).collect();
        reasons.sort_unstable();
        reasons.dedup();
        reasons
    }
}

/// One generation of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerationRecord {
    /// As it was sent.
    pub opened: GenerationOpened,
    /// Its lines in order.
    pub arrivals: Vec<Arrival>,
    /// Its end; absent when the attempt ended first.
    pub closed: Option<GenerationClosed>,
}

/// Why entries do not make a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// The first entry is not `Opened`, or it comes twice.
    #[error("a record begins with exactly one opening entry")]
    Opening,
    /// An entry follows the closing one.
    #[error("an entry follows the closing entry")]
    AfterClosing,
    /// A generation was opened twice.
    #[error("generation {0} was opened twice")]
    OpenedTwice(u32),
    /// Lines or an end of a generation that is not open.
    #[error("generation {0} is not open")]
    NotOpen(u32),
    /// More generations or lines than accepted.
    #[error("more than {limit} {what} in one record")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// Folds entries into a record.
#[derive(Debug, Default)]
pub struct Assembler {
    opened: Option<AttemptOpened>,
    loads: Vec<LoadObserved>,
    generations: BTreeMap<u32, GenerationRecord>,
    gpu_samples: Vec<GpuSample>,
    notes: Vec<Note>,
    closed: Option<AttemptClosed>,
}

impl Assembler {
    /// Takes the next entry.
    ///
    /// # Errors
    /// [`AssembleError`] when the entry cannot follow the ones before it.
    pub fn push(&mut self, entry: Entry) -> Result<(), AssembleError> {
        if self.closed.is_some() {
            return Err(AssembleError::AfterClosing);
        }
        match (entry, self.opened.is_some()) {
            (Entry::Opened(opened), false) => self.opened = Some(opened),
            (Entry::Opened(_), true) | (_, false) => return Err(AssembleError::Opening),
            (Entry::Loaded(load), true) => self.loads.push(load),
            (Entry::GenerationOpened(opened), true) => self.open_generation(opened)?,
            (Entry::Arrivals(lines), true) => self.add_arrivals(lines.ordinal, &lines.arrivals)?,
            (Entry::GenerationClosed(closed), true) => self.close_generation(closed)?,
            (Entry::GpuSamples(samples), true) => self.gpu_samples.extend(samples),
            (Entry::Note(note), true) => self.notes.push(note),
            (Entry::Closed(closed), true) => self.closed = Some(closed),
        }
        Ok(())
    }

    /// The record so far.
    ///
    /// # Errors
    /// [`AssembleError::Opening`] when no entry was taken.
    pub fn finish(self) -> Result<AttemptRecord, AssembleError> {
        Ok(AttemptRecord {
            opened: self.opened.ok_or(AssembleError::Opening)?,
            loads: self.loads,
            generations: self.generations.into_values().collect(),
            gpu_samples: self.gpu_samples,
            notes: self.notes,
            closed: self.closed,
        })
    }

    fn open_generation(&mut self, opened: GenerationOpened) -> Result<(), AssembleError> {
        if self.generations.len() >= GENERATIONS_MAX {
            return Err(AssembleError::TooMany { what: "generations", limit: GENERATIONS_MAX });
        }
        let ordinal = opened.ordinal;
        let fresh = GenerationRecord { opened, arrivals: Vec::new(), closed: None };
        match self.generations.insert(ordinal, fresh) {
            None => Ok(()),
            Some(_) => Err(AssembleError::OpenedTwice(ordinal)),
        }
    }

    fn add_arrivals(&mut self, ordinal: u32, lines: &[Arrival]) -> Result<(), AssembleError> {
        let generation = self.open(ordinal)?;
        if generation.arrivals.len() + lines.len() > ARRIVALS_MAX {
            return Err(AssembleError::TooMany { what: "lines of a generation", limit: ARRIVALS_MAX });
        }
        generation.arrivals.extend_from_slice(lines);
        Ok(())
    }

    fn close_generation(&mut self, closed: GenerationClosed) -> Result<(), AssembleError> {
        let generation = self.open(closed.ordinal)?;
        generation.closed = Some(closed);
        Ok(())
    }

    fn open(&mut self, ordinal: u32) -> Result<&mut GenerationRecord, AssembleError> {
        self.generations
            .get_mut(&ordinal)
            .filter(|generation| generation.closed.is_none())
            .ok_or(AssembleError::NotOpen(ordinal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Arrivals, ClockSource};
    use crate::id::{AttemptNumber, SweepId, TrialId};
    use crate::unit::{Nanos, UnixNanos};

    fn opened() -> Entry {
        let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal: 0 };
        Entry::Opened(AttemptOpened {
            attempt: AttemptId { trial, number: AttemptNumber::FIRST },
            started_at: UnixNanos(0),
            server_version: None,
            dialect: "0.33".into(),
            model_digest: None,
            clock: ClockSource::Virtual,
            daemon_version: "0".into(),
            clock_offset: None,
            idle: Vec::new(),
        })
    }

    fn closed() -> Entry {
        Entry::Closed(AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: Nanos(9) })
    }

    #[test]
    fn a_record_needs_its_opening_and_ends_with_its_closing() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.push(closed()), Err(AssembleError::Opening));
        assembler.push(opened()).unwrap();
        assert_eq!(assembler.push(opened()), Err(AssembleError::Opening));
        assembler.push(closed()).unwrap();
        assert_eq!(assembler.push(closed()), Err(AssembleError::AfterClosing));
        assert!(assembler.finish().unwrap().complete());
    }

    #[test]
    fn lines_of_an_unknown_generation_are_refused() {
        let mut assembler = Assembler::default();
        assembler.push(opened()).unwrap();
        let lines = Entry::Arrivals(Arrivals { ordinal: 3, arrivals: Vec::new() });
        assert_eq!(assembler.push(lines), Err(AssembleError::NotOpen(3)));
        assert_eq!(Assembler::default().finish(), Err(AssembleError::Opening));
    }
}
