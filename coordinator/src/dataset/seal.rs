//! Seals sweeps that have ended. Level-triggered: it looks for what is ended and not sealed, at the start and whenever
//! it is woken, so a crash at any point only makes it do the same again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chimera_core::id::SweepId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::DatasetError;
use crate::clock::wall;
use crate::driver::DriverHandle;
use crate::driver::request::{DriverGone, Request};
use crate::driver::snapshot::{Snapshot, SweepEntry};
use crate::records::{WalkError, attempts_of, walk};
use crate::store::row::DatasetRow;
use crate::store::{Store, StoreError};

/// Folder of all datasets in the data directory.
const DATASETS: &str = "datasets";
/// First and longest wait after a sweep could not be sealed.
const RETRY_WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Writes datasets.
#[derive(Debug)]
pub(crate) struct Sealer {
    /// The driver, which knows what has ended.
    pub(crate) driver: DriverHandle,
    /// The store, which has the records.
    pub(crate) store: Store,
    /// The data directory.
    pub(crate) data_dir: PathBuf,
    /// Wakes it.
    pub(crate) wake: Arc<Notify>,
}

/// Why a sweep could not be sealed.
#[derive(Debug, thiserror::Error)]
enum SealError {
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    #[error(transparent)]
    Walk(#[from] WalkError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Gone(#[from] DriverGone),
}

impl Sealer {
    /// Seals until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut wait = RETRY_WAIT.0;
        loop {
            let sealed = tokio::select! {
                () = stop.cancelled() => return,
                sealed = self.seal_all() => sealed,
            };
            let retry = if sealed { Duration::MAX } else { wait };
            wait = if sealed { RETRY_WAIT.0 } else { (wait * 2).min(RETRY_WAIT.1) };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(retry) => {}
            }
        }
    }

    /// Seals what is ended and not sealed; says whether that worked for all.
    async fn seal_all(&self) -> bool {
        let mut all = true;
        for (id, entry) in unsealed(&self.driver.snapshot()) {
            match self.seal(&id, entry).await {
                Ok(folder) => tracing::info!(sweep = %id, folder, "a sweep is sealed"),
                Err(error) => {
                    all = false;
                    tracing::error!(sweep = %id, error = &error as &dyn std::error::Error, "a sweep is not sealed yet");
                }
            }
        }
        all
    }

    async fn seal(&self, id: &SweepId, entry: Arc<SweepEntry>) -> Result<String, SealError> {
        let folder = format!("{DATASETS}/{id}");
        let target = self.data_dir.join(Path::new(&folder));
        let views = attempts_of(&self.driver, id).await?;
        walk(&self.store, id, views, move |attempts| super::write(&target, &entry, attempts)).await??;
        let row = DatasetRow { sweep: id.clone(), folder: folder.clone(), sealed: wall() };
        self.store.put_dataset(row).await?;
        self.driver.send(Request::Sealed { sweep: id.clone(), folder: folder.clone() }).await?;
        Ok(folder)
    }
}

fn unsealed(snapshot: &Snapshot) -> Vec<(SweepId, Arc<SweepEntry>)> {
    let ended = snapshot.view.sweeps.iter().filter(|sweep| sweep.state.ended());
    let entries = ended.filter_map(|sweep| Some((sweep.id.clone(), snapshot.sweeps.get(&sweep.id)?.clone())));
    entries.filter(|(_, entry)| entry.dataset.is_none()).collect()
}
