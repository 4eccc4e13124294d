//! Seals sweeps that have ended, and learns from them for forecasts. Level-triggered: it looks for what is ended and not sealed, at the start and whenever
//! it is woken, so a crash at any point only makes it do the same again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chimera_core::id::SweepId;
use chimera_core::plan::{Lesson, Lessons};
use chimera_core::record::AttemptRecord;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::DatasetError;
use crate::clock::wall;
use crate::driver::DriverHandle;
use crate::driver::request::{DriverGone, Request};
use crate::driver::snapshot::{Snapshot, SweepEntry};
use crate::gateway::judge::verdict;
use crate::records::{Attempt, Attempts, WalkError, attempts_of, walk};
use crate::store::row::{DatasetRow, ExperienceRow};
use crate::store::{Store, StoreError};

/// Folder of all datasets in the data directory.
const DATASETS: &str = "datasets";
/// Most sweeps that are learned from at a time.
const LEARN_MAX: usize = 64;
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
        // Sweeps that an older build sealed, or of which learning failed.
        let untaught = self.driver.fresh().await.map(|snapshot| untaught(&snapshot)).unwrap_or_default();
        for (id, entry) in untaught {
            self.learn(&id, entry).await;
        }
        all
    }

    /// Learns from a sweep. A failure is told, and tried again at the next seal or start: forecasts go without it.
    async fn learn(&self, id: &SweepId, entry: Arc<SweepEntry>) {
        if let Err(error) = self.try_learn(id, entry).await {
            tracing::error!(sweep = %id, error = &error as &dyn std::error::Error, "a sweep has taught nothing yet");
        }
    }

    async fn try_learn(&self, id: &SweepId, entry: Arc<SweepEntry>) -> Result<(), SealError> {
        let views = attempts_of(&self.driver, id).await?;
        let lessons = walk(&self.store, id, views, move |attempts| lessons_of(&entry, attempts)).await?;
        self.store.put_experience(ExperienceRow::of(id, &lessons)).await?;
        Ok(self.driver.send(Request::Learned { sweep: id.clone(), lessons }).await?)
    }

    async fn seal(&self, id: &SweepId, entry: Arc<SweepEntry>) -> Result<String, SealError> {
        let folder = format!("{DATASETS}/{id}");
        let target = self.data_dir.join(Path::new(&folder));
        let (views, learned) = (attempts_of(&self.driver, id).await?, entry.clone());
        walk(&self.store, id, views, move |attempts| super::write(&target, &entry, attempts)).await??;
        let row = DatasetRow { sweep: id.clone(), folder: folder.clone(), sealed: wall() };
        self.store.put_dataset(row).await?;
        // Before it is told as sealed: the next plan then rests on it.
        self.learn(id, learned).await;
        self.driver.send(Request::Sealed { sweep: id.clone(), folder: folder.clone() }).await?;
        Ok(folder)
    }
}

/// What the records of a sweep teach: those that count and are trusted.
fn lessons_of(entry: &SweepEntry, mut attempts: Attempts) -> Vec<Lesson> {
    let mut lessons = Lessons::new(entry.nodes.iter().map(Arc::as_ref));
    while let Some(Attempt { view, record, .. }) = attempts.blocking_recv() {
        let trusted =
            |record: &AttemptRecord| record.complete() && verdict(Some(entry), record).invalid.is_empty();
        if let Some(record) = record.filter(|record| view.counts && trusted(record)) {
            lessons.add(&entry.plan, &entry.sweep, &view.slot, &record);
        }
    }
    lessons.finish()
}

fn untaught(snapshot: &Snapshot) -> Vec<(SweepId, Arc<SweepEntry>)> {
    let sealed = snapshot.sweeps.iter().filter(|(_, entry)| entry.dataset.is_some());
    let fresh = sealed.filter(|(id, _)| !snapshot.experience.knows(id));
    let mut found: Vec<_> = fresh.map(|(id, entry)| (id.clone(), entry.clone())).collect();
    found.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.submitted));
    found.truncate(LEARN_MAX);
    found
}

fn unsealed(snapshot: &Snapshot) -> Vec<(SweepId, Arc<SweepEntry>)> {
    let ended = snapshot.view.sweeps.iter().filter(|sweep| sweep.state.ended());
    let entries = ended.filter_map(|sweep| Some((sweep.id.clone(), snapshot.sweeps.get(&sweep.id)?.clone())));
    entries.filter(|(_, entry)| entry.dataset.is_none()).collect()
}
