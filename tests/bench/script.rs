//! Records of attempts, made before anything is measured: an opening, batches of lines, an end.

use chimera_core::entry::{
    Arrival, ArrivalKind, Arrivals, AttemptClosed, AttemptOpened, ClockSource, Entry, FinalRecord,
    GenerationClosed, GenerationOpened, Phase,
};
use chimera_core::id::{AttemptId, Digest};
use chimera_core::outcome::{AttemptOutcome, GenerationOutcome};
use chimera_core::unit::{Nanos, UnixNanos};
use chimera_core::workload::Start;
use chimera_proto::convert::encode_entries;
use chimera_proto::v1;
use prost::bytes::Bytes;

/// Wall clock at the start of every record.
const STARTED: i64 = 1_700_000_000_000_000_000;
/// Time between two lines, give or take.
const LINE_NS: u64 = 10_000_000;

/// A payload with its digest.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The entries.
    pub payload: Bytes,
    /// Their digest.
    pub digest: Digest,
}

impl Sealed {
    fn of(entries: &[Entry]) -> Self {
        let payload = encode_entries(entries).expect("valid entries");
        Self { digest: Digest::of(&payload), payload: payload.into() }
    }

    /// The frame that carries it.
    pub fn wire(&self, attempt: &AttemptId, seq: u64) -> v1::Batch {
        let (digest, payload) = (self.digest.0.to_vec(), self.payload.clone());
        v1::Batch { attempt: Some(attempt.into()), seq, digest, payload }
    }
}

/// `batches` payloads of `lines` lines each, of generation 0.
pub fn lines(batches: u64, lines: u64) -> Vec<Sealed> {
    let batch = |number: u64| {
        let arrivals = (number * lines..(number + 1) * lines).map(line).collect();
        Sealed::of(&[Entry::Arrivals(Arrivals { ordinal: 0, arrivals })])
    };
    (0..batches).map(batch).collect()
}

/// A whole record: its opening, batches from [`lines`], its end. `count` is the number of lines in them.
pub fn record(attempt: &AttemptId, middle: &[Sealed], count: u64) -> Vec<Sealed> {
    let closed = AttemptClosed { outcome: AttemptOutcome::Completed, cause: None, at: moment(count + 2) };
    let head = Sealed::of(&[Entry::Opened(opened(attempt)), Entry::GenerationOpened(generation())]);
    let tail = Sealed::of(&[Entry::GenerationClosed(ended(count)), Entry::Closed(closed)]);
    [vec![head], middle.to_vec(), vec![tail]].concat()
}

/// Lines come at uneven times and are stamped by a server whose clock is uneven, too: equal differences would be
/// smaller on the wire than real ones.
fn line(number: u64) -> Arrival {
    let uneven = |salt: u64| (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt) % (LINE_NS / 2);
    let stamp = (moment(number + 1).0 + uneven(5)).cast_signed();
    Arrival {
        at: Nanos(moment(number + 1).0 + uneven(3)),
        bound: false,
        kind: ArrivalKind::Content,
        text_bytes: 1 + (number % 7) as u32,
        tokens: None,
        created_at: Some(UnixNanos(STARTED + stamp)),
    }
}

fn moment(number: u64) -> Nanos {
    Nanos(number * LINE_NS)
}

fn opened(attempt: &AttemptId) -> AttemptOpened {
    AttemptOpened {
        attempt: attempt.clone(),
        started_at: UnixNanos(STARTED),
        server_version: Some("0.33.0".to_owned()),
        dialect: "0.33".to_owned(),
        model_digest: Some("ab".repeat(32)),
        clock: ClockSource::Virtual,
        daemon_version: "0.1.0".to_owned(),
        clock_offset: None,
        idle: Vec::new(),
    }
}

fn generation() -> GenerationOpened {
    GenerationOpened {
        ordinal: 0,
        phase: Phase::Measured,
        start: Start::Warm,
        stream: 0,
        agent: "main".to_owned(),
        step: "prompt".to_owned(),
        seed: 1,
        prompt: 0,
        prompt_digest: Digest::of(b"why"),
        prompt_head: None,
        sent_at: Nanos(1_000),
        connect: Nanos(10),
    }
}

fn ended(count: u64) -> GenerationClosed {
    let server = FinalRecord {
        total: Some(moment(count + 1)),
        load: Some(Nanos(1_000_000)),
        prompt_tokens: Some(8),
        prompt: Some(Nanos(1_000_000)),
        tokens: Some(count),
        eval: Some(moment(count)),
        created_at: None,
    };
    GenerationClosed {
        ordinal: 0,
        outcome: GenerationOutcome::Ok,
        cause: None,
        http_status: Some(200),
        ended_at: moment(count + 2),
        server: Some(server),
        done_reason: None,
        answer_digest: Digest::of(b"because"),
        answer_bytes: 16,
        answer: None,
    }
}
