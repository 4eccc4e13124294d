//! The records of a sweep, one at a time, handed to a thread that may take its time: reports and datasets are computed
//! off the runtime, and never hold more than [`AHEAD`] records.

use chimera_core::id::{AttemptId, SweepId, TrialId};
use chimera_core::record::AttemptRecord;
use chimera_core::scheduler::attempt::AttemptView;
use tokio::sync::mpsc;
use tokio::task::JoinError;

use crate::driver::DriverHandle;
use crate::driver::request::{DriverGone, Request};
use crate::gateway::assemble::{NoRecord, assemble};
use crate::store::{Store, StoreError};

/// Records read ahead of the consumer.
const AHEAD: usize = 2;

/// One attempt of a sweep.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Its name.
    pub(crate) id: AttemptId,
    /// What the scheduler says about it.
    pub(crate) view: AttemptView,
    /// What is stored of it; absent when nothing is, or when it contradicts itself.
    pub(crate) record: Option<AttemptRecord>,
}

/// Attempts as they come.
pub(crate) type Attempts = mpsc::Receiver<Attempt>;

/// Why the records could not be walked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The driver has gone.
    #[error(transparent)]
    Gone(#[from] DriverGone),
    /// The consumer's thread died.
    #[error("a thread died")]
    Died(#[from] JoinError),
}

/// Every attempt of a sweep that the scheduler knows, in order of trial and number.
pub(crate) async fn attempts_of(
    driver: &DriverHandle,
    sweep: &SweepId,
) -> Result<Vec<AttemptView>, DriverGone> {
    Ok(in_order(driver.ask(|reply| Request::Attempts { sweep: sweep.clone(), reply }).await?))
}

/// Attempts in order of trial and number.
pub(crate) fn in_order(mut views: Vec<AttemptView>) -> Vec<AttemptView> {
    views.sort_by_key(|view| (view.ordinal, view.number));
    views
}

/// Feeds the records of `views` to `consume`, which runs on its own thread, and returns what that makes of them.
pub(crate) async fn walk<T: Send + 'static>(
    store: &Store,
    sweep: &SweepId,
    views: Vec<AttemptView>,
    consume: impl FnOnce(Attempts) -> T + Send + 'static,
) -> Result<T, WalkError> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let consumer = tokio::task::spawn_blocking(move || consume(receiver));
    for view in views {
        let trial = TrialId { sweep: sweep.clone(), ordinal: view.ordinal };
        let id = AttemptId { trial, number: view.number };
        let record = record_of(store, &id).await?;
        if sender.send(Attempt { id, view, record }).await.is_err() {
            // The consumer has made up its mind early; its result says why.
            break;
        }
    }
    drop(sender);
    Ok(consumer.await?)
}

async fn record_of(store: &Store, attempt: &AttemptId) -> Result<Option<AttemptRecord>, StoreError> {
    match assemble(store, attempt).await {
        Ok(assembled) => Ok(Some(assembled.record)),
        Err(NoRecord::Store(error)) => Err(error),
        Err(NoRecord::Contradiction(contradiction)) => {
            tracing::debug!(%attempt, %contradiction, "an attempt has no record");
            Ok(None)
        }
    }
}
