//! Looks into a coordinator's data directory behind its back: is every trial counted exactly once, by a record whose
//! batches are whole and its own?

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chimera_core::id::Digest;
use chimera_core::record::{Assembler, AttemptRecord};
use chimera_proto::convert::decode_entries;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Row as _, SqliteConnection};

use crate::parquet_rows::{boolean, integer, parquet_rows, text};

/// Trial and attempt.
type Key = (i64, i64);

/// One stored batch.
struct Chunk {
    seq: i64,
    digest: Vec<u8>,
    payload: Vec<u8>,
}

/// What an audit found. A contradiction is a panic.
#[derive(Debug, Default)]
pub struct Audit {
    /// Trials of the plan.
    pub trials: usize,
    /// Trials with exactly one counted attempt.
    pub counted: usize,
    /// Attempts with a complete record.
    pub records: usize,
    /// Attempts of which only a part is stored.
    pub partials: usize,
}

/// Audits the store and the sealed dataset of a sweep.
///
/// # Panics
/// With what contradicts itself.
#[must_use]
pub fn audit(data_dir: &Path, sweep: &str) -> Audit {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (chunks, ends) = runtime.block_on(stored(&data_dir.join("fleet.sqlite"), sweep));
    let mut audit = Audit::default();
    for (key, chunks) in &chunks {
        let record = record_of(sweep, *key, chunks);
        match ends.get(key) {
            Some(end) => {
                check_end(*key, chunks, end);
                assert!(record.closed.is_some(), "{key:?} is complete without a closing entry");
                audit.records += 1;
            }
            None => audit.partials += 1,
        }
    }
    let lost: Vec<&Key> = ends.keys().filter(|key| !chunks.contains_key(key)).collect();
    assert!(lost.is_empty(), "complete records without batches: {lost:?}");
    audit_dataset(data_dir, sweep, &ends, &mut audit);
    audit
}

/// The dataset names at most one counted attempt per trial, each with a complete record in the store.
fn audit_dataset(data_dir: &Path, sweep: &str, ends: &BTreeMap<Key, (i64, Vec<u8>)>, audit: &mut Audit) {
    let folder = data_dir.join("datasets").join(sweep);
    let rows = parquet_rows(&folder.join("trials.parquet"));
    let (mut trials, mut counted) = (BTreeSet::new(), BTreeSet::new());
    for row in &rows {
        let trial = integer(row, "trial").expect("a row has a trial");
        trials.insert(trial);
        if boolean(row, "counted") {
            let key = (trial, integer(row, "attempt").expect("a counted row has an attempt"));
            assert!(counted.insert(trial), "trial {trial} is counted twice");
            assert!(ends.contains_key(&key), "{key:?} is counted without a complete record");
            assert_eq!(text(row, "outcome"), Some("completed"), "{key:?}");
        }
    }
    let generations = parquet_rows(&folder.join("generations.parquet"));
    let mut seen = BTreeSet::new();
    for row in &generations {
        let key = ["trial", "attempt", "generation"].map(|column| integer(row, column));
        assert!(seen.insert(key), "generation {key:?} stands twice in the dataset");
    }
    (audit.trials, audit.counted) = (trials.len(), counted.len());
}

async fn stored(path: &Path, sweep: &str) -> (BTreeMap<Key, Vec<Chunk>>, BTreeMap<Key, (i64, Vec<u8>)>) {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection: SqliteConnection = options.connect().await.expect("the store");
    let chunks =
        sqlx::query("SELECT trial, attempt, seq, digest, payload FROM chunks WHERE sweep = ? ORDER BY seq")
            .bind(sweep)
            .fetch_all(&mut connection)
            .await
            .expect("batches");
    let ends = sqlx::query("SELECT trial, attempt, last_seq, chain FROM attempts WHERE sweep = ?")
        .bind(sweep)
        .fetch_all(&mut connection)
        .await
        .expect("ends");
    let mut by_attempt: BTreeMap<Key, Vec<Chunk>> = BTreeMap::new();
    for row in &chunks {
        let chunk = Chunk { seq: row.get(2), digest: row.get(3), payload: row.get(4) };
        by_attempt.entry(key(row)).or_default().push(chunk);
    }
    (by_attempt, ends.iter().map(|row| (key(row), (row.get(2), row.get(3)))).collect())
}

fn key(row: &SqliteRow) -> Key {
    (row.get(0), row.get(1))
}

/// Puts the batches together; they follow each other without a gap and say whose they are.
fn record_of(sweep: &str, key: Key, chunks: &[Chunk]) -> AttemptRecord {
    let mut assembler = Assembler::default();
    for (expected, chunk) in (1..).zip(chunks) {
        assert_eq!(chunk.seq, expected, "{key:?}: a batch is missing");
        assert_eq!(Digest::of(&chunk.payload).0[..], chunk.digest, "{key:?}: batch {expected} is damaged");
        for entry in decode_entries(&chunk.payload).expect("entries") {
            assembler.push(entry).unwrap_or_else(|error| panic!("{key:?}: batch {expected}: {error}"));
        }
    }
    let record = assembler.finish().expect("a record");
    let own = record.attempt();
    let found = (own.trial.sweep.as_str(), i64::from(own.trial.ordinal), i64::from(own.number.get()));
    assert_eq!(found, (sweep, key.0, key.1), "a batch of another attempt");
    record
}

fn check_end(key: Key, chunks: &[Chunk], (last_seq, chain): &(i64, Vec<u8>)) {
    let computed =
        chunks.iter().fold(Digest([0; 32]), |chain, chunk| chain.chain(Digest::of(&chunk.payload)));
    assert_eq!(chunks.last().map(|chunk| chunk.seq), Some(*last_seq), "{key:?}");
    assert_eq!(computed.0[..], *chain, "{key:?}: another chain");
}
