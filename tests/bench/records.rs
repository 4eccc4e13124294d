//! Records, read from the store of a coordinator that has stopped.

use std::collections::BTreeMap;
use std::path::Path;

use chimera_coordinator::DATABASE_FILE;
use chimera_core::record::{Assembler, AttemptRecord};
use chimera_proto::convert::decode_entries;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};

/// The records of a sweep, by trial and attempt.
pub async fn of(folder: &Path, sweep: &str) -> Vec<AttemptRecord> {
    let options = SqliteConnectOptions::new().filename(folder.join(DATABASE_FILE)).read_only(true);
    let mut store = options.connect().await.expect("a store");
    let sql = "SELECT trial, attempt, payload FROM chunks WHERE sweep = ? ORDER BY trial, attempt, seq";
    let rows = sqlx::query(sql).bind(sweep).fetch_all(&mut store).await.expect("batches");
    let mut records: BTreeMap<(i64, i64), Assembler> = BTreeMap::new();
    for row in rows {
        let assembler = records.entry((row.get(0), row.get(1))).or_default();
        for entry in decode_entries(row.get(2)).expect("entries") {
            assembler.push(entry).expect("an entry that fits");
        }
    }
    records.into_values().map(|assembler| assembler.finish().expect("a record")).collect()
}
