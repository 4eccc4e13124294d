//! Where an attempt's entries go. Writing one never waits: what the batcher cannot take at once is kept by its writer.

use std::collections::VecDeque;

use chimera_core::entry::{CAUSE_MAX_BYTES, Entry, Note};
use chimera_core::outcome::ValidityReason;
use chimera_core::unit::Nanos;
use tokio::sync::mpsc;

use crate::clock::NodeClock;

/// Entries on their way to the batcher.
pub(crate) const QUEUE_MAX: usize = 1_024;
/// Most entries that one writer keeps back; arrivals are joined, so this is far more than any generation makes.
const PENDING_MAX: usize = 4_096;

/// The sink of one attempt's entries, and its zero of time.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Entry>,
    clock: NodeClock,
    start: Nanos,
}

/// One writer of entries.
#[derive(Debug)]
pub(crate) struct Outlet {
    queue: mpsc::Sender<Entry>,
    pending: VecDeque<Entry>,
}

impl Recorder {
    /// A recorder whose attempt starts now, and the other end of its queue.
    pub(crate) fn start(clock: NodeClock) -> (Self, mpsc::Receiver<Entry>) {
        let (queue, entries) = mpsc::channel(QUEUE_MAX);
        (Self { queue, clock, start: clock.now() }, entries)
    }

    /// Offset of now from the start of the attempt.
    pub(crate) fn now(&self) -> Nanos {
        self.offset(self.clock.now())
    }

    /// Offset of a reading of the node's clock.
    pub(crate) fn offset(&self, reading: Nanos) -> Nanos {
        reading.saturating_sub(self.start)
    }

    /// The node's clock.
    pub(crate) fn clock(&self) -> NodeClock {
        self.clock
    }

    /// A writer for one task or thread.
    pub(crate) fn outlet(&self) -> Outlet {
        Outlet { queue: self.queue.clone(), pending: VecDeque::new() }
    }

    /// Writes an entry, waiting for room. Not for the measuring path.
    pub(crate) async fn write(&self, entry: Entry) {
        // The batcher ends early only when the spool is broken; then nothing can be written any more.
        let _ = self.queue.send(entry).await;
    }

    /// Writes a note. Not for the measuring path.
    pub(crate) async fn note(&self, reason: Option<ValidityReason>, text: &str) {
        self.write(Entry::Note(self.noted(reason, text))).await;
    }

    /// A note of this moment.
    pub(crate) fn noted(&self, reason: Option<ValidityReason>, text: &str) -> Note {
        Note { at: self.now(), reason, text: cut(text, CAUSE_MAX_BYTES).to_owned() }
    }
}

impl Outlet {
    /// Writes an entry without waiting. Returns false when more was kept back than is allowed: it is lost.
    pub(crate) fn push(&mut self, entry: Entry) -> bool {
        self.hand_over();
        let full = self.pending.len() >= PENDING_MAX;
        match (self.pending.back_mut(), entry) {
            (Some(Entry::Arrivals(last)), Entry::Arrivals(next)) if last.ordinal == next.ordinal => {
                last.arrivals.extend(next.arrivals);
                true
            }
            (Some(_), _) if full => false,
            (_, entry) => {
                self.pending.push_back(entry);
                self.hand_over();
                true
            }
        }
    }

    /// Waits until everything is handed over.
    pub(crate) async fn settle(&mut self) {
        for entry in self.pending.drain(..) {
            // As in `Recorder::write`: no receiver means a broken spool.
            let _ = self.queue.send(entry).await;
        }
    }

    fn hand_over(&mut self) {
        while !self.pending.is_empty() {
            let Ok(permit) = self.queue.try_reserve() else { return };
            if let Some(entry) = self.pending.pop_front() {
                permit.send(entry);
            }
        }
    }
}

/// The longest beginning of `text` that has at most `max` bytes.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use chimera_core::entry::{Arrival, ArrivalKind, Arrivals};

    fn line(ordinal: u32) -> Entry {
        let arrival = Arrival {
            at: Nanos(1),
            bound: false,
            kind: ArrivalKind::Content,
            text_bytes: 1,
            tokens: None,
            created_at: None,
        };
        Entry::Arrivals(Arrivals { ordinal, arrivals: vec![arrival] })
    }

    #[tokio::test]
    async fn a_full_queue_never_makes_a_writer_wait_and_nothing_is_lost() {
        let (recorder, mut entries) = Recorder::start(NodeClock::start());
        let mut outlet = recorder.outlet();
        for _ in 0..QUEUE_MAX + 500 {
            assert!(outlet.push(line(0)));
        }
        let reader = tokio::spawn(async move {
            let mut lines = 0;
            while let Some(Entry::Arrivals(next)) = entries.recv().await {
                lines += next.arrivals.len();
            }
            lines
        });
        outlet.settle().await;
        drop((outlet, recorder));
        assert_eq!(reader.await.unwrap(), QUEUE_MAX + 500);
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("aé", 3), "aé");
    }
}
