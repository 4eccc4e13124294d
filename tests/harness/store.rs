//! What a coordinator has stored, read from its database by the test itself.

use std::collections::BTreeMap;
use std::path::Path;

use chimera_core::plan::Plan;
use chimera_core::record::{Assembler, AttemptRecord};
use chimera_core::scheduler::event::{BlocksVerdict, Event};
use chimera_core::sweep::Sweep;
use chimera_proto::convert::decode_entries;
use chimera_proto::convert::decode_event;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Row};

/// A sweep in the store.
#[derive(Debug)]
pub struct StoredSweep {
    /// What was asked for.
    pub sweep: Sweep,
    /// What was to run.
    pub plan: Plan,
    /// The record of every attempt that left one, by trial and number.
    pub records: BTreeMap<(u32, u32), AttemptRecord>,
    /// Attempts whose record is complete and acknowledged, by trial and number.
    pub ended: Vec<(u32, u32)>,
}

/// Reads every sweep of a database that no coordinator uses any more, by name.
///
/// # Panics
/// When it cannot be read, or a record cannot be put together.
#[must_use]
pub fn stored_sweeps(database: &Path) -> BTreeMap<String, StoredSweep> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(read(database)).unwrap_or_else(|error| panic!("{}: {error}", database.display()))
}

async fn read(database: &Path) -> Result<BTreeMap<String, StoredSweep>, sqlx::Error> {
    let mut connection = SqliteConnectOptions::new().filename(database).connect().await?;
    let mut sweeps = journaled(&mut connection).await?;
    for (key, record) in records(&mut connection).await? {
        let (sweep, trial, attempt) = key;
        let stored =
            sweeps.get_mut(&sweep).unwrap_or_else(|| panic!("records of an unknown sweep '{sweep}'"));
        stored.records.insert((trial, attempt), record);
    }
    for row in sqlx::query("SELECT sweep, trial, attempt FROM attempts").fetch_all(&mut connection).await? {
        let sweep: String = row.try_get(0)?;
        let stored = sweeps.get_mut(&sweep).unwrap_or_else(|| panic!("an end of an unknown sweep '{sweep}'"));
        stored.ended.push((row.try_get(1)?, row.try_get(2)?));
    }
    Ok(sweeps)
}

async fn journaled(connection: &mut SqliteConnection) -> Result<BTreeMap<String, StoredSweep>, sqlx::Error> {
    let mut sweeps = BTreeMap::new();
    for event in events(connection).await? {
        if let Event::SweepSubmitted { sweep, plan } = event {
            let plan = Plan::clone(&plan);
            let (name, sweep) = (plan.sweep.to_string(), Sweep::clone(&sweep));
            sweeps.insert(name, StoredSweep { sweep, plan, records: BTreeMap::new(), ended: Vec::new() });
        }
    }
    Ok(sweeps)
}

/// What was found of the blocks of sweeps with a stop rule, in the order of the journal: blocks and verdict. The
/// coordinator may be up.
///
/// # Panics
/// When the database cannot be read.
#[must_use]
pub fn judged_blocks(database: &Path) -> Vec<(u32, BlocksVerdict)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let events = async {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let mut connection = options.connect().await?;
        events(&mut connection).await
    };
    let events = runtime.block_on(events).unwrap_or_else(|error| panic!("{}: {error}", database.display()));
    let judged = |event| match event {
        Event::BlocksJudged { blocks, verdict, .. } => Some((blocks, verdict)),
        _ => None,
    };
    events.into_iter().filter_map(judged).collect()
}

async fn events(connection: &mut SqliteConnection) -> Result<Vec<Event>, sqlx::Error> {
    let rows = sqlx::query("SELECT payload FROM journal ORDER BY seq").fetch_all(connection).await?;
    let event =
        |row: &sqlx::sqlite::SqliteRow| Ok(decode_event(row.try_get(0)?).expect("a journal of this version"));
    rows.iter().map(event).collect()
}

type Records = BTreeMap<(String, u32, u32), AttemptRecord>;

async fn records(connection: &mut SqliteConnection) -> Result<Records, sqlx::Error> {
    let sql = "SELECT sweep, trial, attempt, payload FROM chunks ORDER BY sweep, trial, attempt, seq";
    let mut assemblers: BTreeMap<(String, u32, u32), Assembler> = BTreeMap::new();
    for row in sqlx::query(sql).fetch_all(connection).await? {
        let assembler = assemblers.entry((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)).or_default();
        for entry in decode_entries(row.try_get(3)?).expect("entries of this version") {
            assembler.push(entry).expect("entries in order");
        }
    }
    let whole = |(key, assembler): (_, Assembler)| (key, assembler.finish().expect("a record"));
    Ok(assemblers.into_iter().map(whole).collect())
}
