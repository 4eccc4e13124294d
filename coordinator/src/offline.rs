//! The report of a sweep without a coordinator, or beside the one that runs: the journal is replayed in memory, the
//! report is computed as the coordinator would, and nothing is written.

use std::path::Path;

use chimera_core::id::SweepId;
use chimera_core::report::Report;
use chimera_core::scheduler::policy::Policy;
use tokio::task::JoinError;

use crate::driver::{Past, RecoverError, past};
use crate::operator::report;
use crate::records::WalkError;
use crate::store::{Store, StoreError};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be replayed.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The store has no such sweep.
    #[error("there is no sweep '{sweep}' in the store")]
    Unknown {
        /// Its name as given.
        sweep: String,
        /// Those that there are, by name.
        known: Vec<String>,
    },
    /// The thread that computed it died.
    #[error("a thread died: this is a bug, please report it")]
    Died(#[from] JoinError),
}

/// Computes the report of a sweep from the store in `folder`, as of the last entry of its journal.
///
/// # Errors
/// [`OfflineError`] when the store cannot be read, or does not know the sweep.
pub async fn stored_report(folder: &Path, sweep: &str) -> Result<Report, OfflineError> {
    let (store, rest) = Store::look(folder).await?;
    let report = of_past(&store, &past(&store, Policy::default()).await?, sweep).await;
    // What was read while somebody else began to write may be torn: that is said before anything else.
    rest.check()?;
    report
}

async fn of_past(store: &Store, past: &Past, sweep: &str) -> Result<Report, OfflineError> {
    let unknown = || OfflineError::Unknown {
        sweep: sweep.to_owned(),
        known: past.snapshot.sweeps.keys().map(ToString::to_string).collect(),
    };
    let id = SweepId::new(sweep).map_err(|_| unknown())?;
    let views = past.attempts(&id);
    match report::compute(store, &past.snapshot, &id, views, |report| report).await {
        Ok(report) => report.ok_or_else(unknown),
        Err(WalkError::Store(error)) => Err(error.into()),
        Err(WalkError::Died(died)) => Err(died.into()),
        // There is no driver that could have gone.
        Err(WalkError::Gone(_)) => Err(StoreError::Stopped.into()),
    }
}
