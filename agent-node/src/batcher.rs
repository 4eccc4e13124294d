//! Entries become numbered batches: flushed at 128 lines, 250 ms or 32 KiB, and never below 256 bytes except the last.
//! (h2 closes connections that carry many tiny unread frames; a batch that is too small waits for more.)

use std::time::Duration;

use bytes::Bytes;
use chimera_core::entry::{Arrivals, AttemptClosed, Entry, GenerationClosed, Note};
use chimera_core::gpu::GpuSample;
use chimera_core::id::AttemptId;
use chimera_core::outcome::{AttemptOutcome, FailureClass};
use chimera_core::unit::Nanos;
use chimera_proto::convert::{ARRIVALS_PER_ENTRY, encode_entries};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::spool::{Spool, SpoolError};

/// Lines that make a batch due.
const LINES_DUE: usize = 128;
/// Estimated bytes that make a batch due.
const BYTES_DUE: usize = 32 * 1024;
/// Age that makes a batch due.
const AGE_DUE: Duration = Duration::from_millis(250);
/// Smallest payload, except the last.
const PAYLOAD_MIN_BYTES: usize = 256;

/// Told when the spool has no room, so that the attempt is ended.
pub(crate) type OnFull = Box<dyn Fn() + Send + Sync>;

/// Entries that wait for their batch.
#[derive(Debug, Default)]
struct Pack {
    entries: Vec<Entry>,
    lines: usize,
    bytes: usize,
}

impl Pack {
    fn push(&mut self, entry: Entry) {
        self.bytes += weight(&entry);
        match (self.entries.last_mut(), entry) {
            (Some(Entry::Arrivals(last)), Entry::Arrivals(next)) if joinable(last, &next) => {
                self.lines += next.arrivals.len();
                last.arrivals.extend(next.arrivals);
            }
            (_, entry) => {
                if let Entry::Arrivals(lines) = &entry {
                    self.lines += lines.arrivals.len();
                }
                self.entries.push(entry);
            }
        }
    }

    fn due(&self) -> bool {
        self.lines >= LINES_DUE || self.bytes >= BYTES_DUE
    }

    /// The payload; `None` when it is too small and more will come.
    fn payload(&mut self, last: bool) -> Option<Bytes> {
        if self.entries.is_empty() {
            return None;
        }
        let payload = encode(&self.entries);
        if payload.len() < PAYLOAD_MIN_BYTES && !last {
            return None;
        }
        *self = Self::default();
        Some(Bytes::from(payload))
    }
}

/// Whether the lines fit one entry of the wire.
fn joinable(last: &Arrivals, next: &Arrivals) -> bool {
    last.ordinal == next.ordinal && last.arrivals.len() + next.arrivals.len() <= ARRIVALS_PER_ENTRY
}

/// Writes an attempt's batches until its closing entry is durable.
pub(crate) async fn run(
    spool: Spool,
    attempt: AttemptId,
    mut entries: mpsc::Receiver<Entry>,
    on_full: OnFull,
) -> Result<(), SpoolError> {
    let mut pack = Pack::default();
    let mut flush_at = Instant::now() + AGE_DUE;
    let mut full = false;
    loop {
        let received = timeout_at(flush_at, entries.recv()).await;
        let closing = match received {
            Ok(None) => return Ok(()),
            Ok(Some(entry)) => take(&mut pack, entry, full),
            Err(_elapsed) => false,
        };
        let aged = Instant::now() >= flush_at;
        if !(closing || aged || pack.due()) {
            continue;
        }
        flush_at = Instant::now() + AGE_DUE;
        let Some(payload) = pack.payload(closing) else { continue };
        match spool.append(&attempt, payload, closing).await {
            Ok(()) if closing => return Ok(()),
            Ok(()) => {}
            Err(SpoolError::Full { .. }) if !closing => {
                full = true;
                on_full();
            }
            Err(error) => return Err(error),
        }
    }
}

/// Packs an entry; returns whether it was the closing one. After a batch was refused the record has a hole, so nothing
/// but the end is taken, and the end says why.
fn take(pack: &mut Pack, entry: Entry, full: bool) -> bool {
    let closing = matches!(entry, Entry::Closed(_));
    match entry {
        Entry::Closed(closed) if full => pack.push(Entry::Closed(AttemptClosed {
            outcome: AttemptOutcome::Failed(FailureClass::Infra),
            cause: Some("the spool of the node was full; a part of the record is missing".to_owned()),
            at: closed.at,
        })),
        _ if full => {}
        Entry::Arrivals(Arrivals { ordinal, arrivals }) => {
            for part in arrivals.chunks(ARRIVALS_PER_ENTRY) {
                pack.push(Entry::Arrivals(Arrivals { ordinal, arrivals: part.to_vec() }));
            }
        }
        entry => pack.push(entry),
    }
    closing
}

/// The bytes of entries. An entry that the wire refuses is replaced by a note that says so: the rest is kept.
fn encode(entries: &[Entry]) -> Vec<u8> {
    if let Ok(bytes) = encode_entries(entries) {
        return bytes;
    }
    let checked: Vec<Entry> = entries.iter().map(|entry| if_valid(entry.clone())).collect();
    encode_entries(&checked).unwrap_or_default()
}

fn if_valid(entry: Entry) -> Entry {
    match encode_entries(std::slice::from_ref(&entry)) {
        Ok(_) => entry,
        Err(invalid) => {
            let text = format!("an entry was left out of the record because the wire refuses it: {invalid}");
            Entry::Note(Note { at: Nanos::ZERO, reason: None, text })
        }
    }
}

/// About how many bytes an entry takes on the wire; on the safe side.
fn weight(entry: &Entry) -> usize {
    match entry {
        Entry::Arrivals(lines) => lines.arrivals.len() * 16,
        Entry::GenerationClosed(GenerationClosed { answer, cause, .. }) => {
            128 + answer.as_ref().map_or(0, String::len) + cause.as_ref().map_or(0, String::len)
        }
        Entry::GpuSamples(samples) => samples.iter().map(sample_weight).sum(),
        Entry::Note(note) => 32 + note.text.len(),
        Entry::Opened(_) | Entry::Loaded(_) | Entry::GenerationOpened(_) | Entry::Closed(_) => 256,
    }
}

fn sample_weight(sample: &GpuSample) -> usize {
    160 + sample.processes.as_ref().map_or(0, Vec::len) * 20
}

#[cfg(test)]
mod tests {
    use super::*;
    use chimera_core::entry::{Arrival, ArrivalKind};
    use chimera_core::id::{AttemptNumber, SweepId, TrialId};
    use chimera_proto::convert::decode_entries;

    fn lines(ordinal: u32, count: usize) -> Entry {
        let arrival = Arrival {
            at: Nanos(1_000_000),
            bound: false,
            kind: ArrivalKind::Content,
            text_bytes: 4,
            tokens: None,
            created_at: None,
        };
        Entry::Arrivals(Arrivals { ordinal, arrivals: vec![arrival; count] })
    }

    #[test]
    fn lines_of_one_generation_are_joined_until_the_batch_is_due() {
        let mut pack = Pack::default();
        (0..127).for_each(|_| pack.push(lines(0, 1)));
        assert!(!pack.due());
        pack.push(lines(1, 1));
        assert!(pack.due());
        let payload = pack.payload(false).unwrap();
        assert_eq!(decode_entries(&payload).unwrap(), [lines(0, 127), lines(1, 1)]);
        assert!(pack.entries.is_empty() && !pack.due());
    }

    #[test]
    fn a_small_payload_waits_unless_it_is_the_last() {
        let mut pack = Pack::default();
        pack.push(lines(0, 3));
        assert_eq!(pack.payload(false), None);
        assert!(pack.payload(true).is_some());
    }

    #[test]
    fn after_a_refusal_only_the_end_is_taken() {
        let mut pack = Pack::default();
        assert!(!take(&mut pack, lines(0, 3), true));
        let closed = AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: Nanos(9) };
        assert!(take(&mut pack, Entry::Closed(closed), true));
        let [Entry::Closed(closed)] = pack.entries.as_slice() else { panic!("{:?}", pack.entries) };
        assert_eq!(closed.outcome, AttemptOutcome::Failed(FailureClass::Infra));
    }

    #[tokio::test]
    async fn a_spool_that_fills_up_ends_the_attempt_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let quota = chimera_core::unit::Bytes(2 * 1024 * 1024);
        let spool = Spool::open(folder.path(), quota, crate::clock::NodeClock::start()).unwrap();
        let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal: 0 };
        let attempt = AttemptId { trial, number: AttemptNumber::FIRST };
        spool.begin(&attempt).await.unwrap();
        let (queue, entries) = mpsc::channel(16);
        let told = std::sync::Arc::new(tokio::sync::Notify::new());
        let full = std::sync::Arc::clone(&told);
        let on_full = Box::new(move || full.notify_one());
        let running = tokio::spawn(run(spool.clone(), attempt.clone(), entries, on_full));
        let note = || Entry::Note(Note { at: Nanos::ZERO, reason: None, text: "x".repeat(4_000) });
        let write = async {
            for _ in 0..1_000 {
                queue.send(note()).await.unwrap();
            }
        };
        tokio::select! {
            () = write => panic!("the spool never filled up"),
            () = told.notified() => {}
        }
        let closed = AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: Nanos(9) };
        queue.send(Entry::Closed(closed)).await.unwrap();
        running.await.unwrap().unwrap();
        let holding = spool.holding(&attempt).unwrap();
        assert!(holding.ended);
        let last = decode_entries(&spool.read(&attempt, holding.last_seq).await.unwrap()).unwrap();
        let Some(Entry::Closed(closed)) = last.last() else { panic!("{last:?}") };
        assert_eq!(closed.outcome, AttemptOutcome::Failed(FailureClass::Infra));
    }

    #[test]
    fn many_lines_at_once_are_split_for_the_wire() {
        let mut pack = Pack::default();
        take(&mut pack, lines(0, 20_000), false);
        assert!(pack.due() && pack.entries.len() == 3);
        assert!(!encode(&pack.entries).is_empty());
    }

    #[test]
    fn an_entry_that_the_wire_refuses_becomes_a_note() {
        let long = Note { at: Nanos(1), reason: None, text: "x".repeat(5_000) };
        let payload = encode(&[Entry::Note(long), lines(0, 1)]);
        let entries = decode_entries(&payload).unwrap();
        assert!(matches!(&entries[0], Entry::Note(note) if note.text.contains("left out")));
        assert_eq!(entries[1], lines(0, 1));
    }
}
