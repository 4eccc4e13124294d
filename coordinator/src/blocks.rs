//! Looks whether sweeps with a stop rule have seen enough, between two blocks. Level-triggered like the sealer: it looks
//! at what the snapshot asks for, at the start and whenever it is woken. It is the one place where a stored figure leads
//! to an event; the verdict is in the journal, so a replay never looks again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chimera_core::enough::judge_blocks;
use chimera_core::id::{AttemptNumber, SweepId};
use chimera_core::quantity::trial::trial_figure;
use chimera_core::scheduler::attempt::AttemptView;
use chimera_core::scheduler::event::{BlocksVerdict, Event};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::driver::DriverHandle;
use crate::driver::request::DriverGone;
use crate::driver::snapshot::{Snapshot, SweepEntry};
use crate::records::{Attempts, WalkError, attempts_of, walk};
use crate::store::Store;

/// Wait after records could not be read.
const RETRY_WAIT: Duration = Duration::from_secs(1);

/// Looks at blocks.
#[derive(Debug)]
pub(crate) struct BlockJudge {
    driver: DriverHandle,
    store: Store,
    wake: Arc<Notify>,
    /// Figures of open sweeps with a stop rule. A record is read once: after it only the next block's are new.
    seen: BTreeMap<SweepId, Figures>,
}

/// The figure of every counted attempt, by trial; absent where it cannot be measured.
type Figures = BTreeMap<u32, (AttemptNumber, Option<f64>)>;

/// Why blocks could not be looked at.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Walk(#[from] WalkError),
    #[error(transparent)]
    Gone(#[from] DriverGone),
}

impl BlockJudge {
    /// A judge that has seen nothing yet.
    pub(crate) const fn new(driver: DriverHandle, store: Store, wake: Arc<Notify>) -> Self {
        Self { driver, store, wake, seen: BTreeMap::new() }
    }

    /// Looks until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let all = tokio::select! {
                () = stop.cancelled() => return,
                all = self.look_at_all() => all,
            };
            let retry = if all { Duration::MAX } else { RETRY_WAIT };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(retry) => {}
            }
        }
    }

    /// Answers every open question; says whether that worked for all.
    async fn look_at_all(&mut self) -> bool {
        let snapshot = self.driver.snapshot();
        self.seen
            .retain(|id, _| snapshot.view.sweeps.iter().any(|view| view.id == *id && !view.state.ended()));
        let mut all = true;
        for (id, blocks, entry) in questions(&snapshot) {
            match self.look(&id, blocks, entry).await {
                Ok(verdict) => tracing::info!(sweep = %id, blocks, ?verdict, "blocks were looked at"),
                Err(error) => {
                    all = false;
                    tracing::error!(sweep = %id, error = &error as &dyn std::error::Error, "blocks could not be looked at yet");
                }
            }
        }
        all
    }

    async fn look(
        &mut self,
        id: &SweepId,
        blocks: u32,
        entry: Arc<SweepEntry>,
    ) -> Result<BlocksVerdict, LookError> {
        let views = attempts_of(&self.driver, id).await?;
        let seen = self.seen.entry(id.clone()).or_default();
        let counted: Vec<AttemptView> = views.into_iter().filter(|view| view.counts).collect();
        let fresh: Vec<AttemptView> = counted.iter().filter(|view| !is_seen(seen, view)).cloned().collect();
        let quantity = entry.sweep.design.compare.quantity;
        let found = walk(&self.store, id, fresh, move |attempts| figures(attempts, quantity)).await?;
        seen.extend(found);
        let known = seen.iter().filter_map(|(ordinal, (_, figure))| Some((*ordinal, (*figure)?))).collect();
        let verdict = judge_blocks(&entry.sweep, &entry.plan, blocks, &known);
        self.driver.happened(Event::BlocksJudged { sweep: id.clone(), blocks, verdict }, None).await?;
        Ok(verdict)
    }
}

/// A lower attempt may have taken the place of the one that counted before.
fn is_seen(seen: &Figures, view: &AttemptView) -> bool {
    seen.get(&view.ordinal).is_some_and(|(number, _)| *number == view.number)
}

fn figures(mut attempts: Attempts, quantity: chimera_core::quantity::Quantity) -> Figures {
    let mut found = Figures::new();
    while let Some(attempt) = attempts.blocking_recv() {
        let figure = attempt.record.as_ref().and_then(|record| trial_figure(record, quantity));
        found.insert(attempt.view.ordinal, (attempt.view.number, figure));
    }
    found
}

fn questions(snapshot: &Snapshot) -> Vec<(SweepId, u32, Arc<SweepEntry>)> {
    let asked = snapshot.view.sweeps.iter().filter(|view| view.blocks_asked);
    asked
        .filter_map(|view| {
            Some((view.id.clone(), view.blocks_opened, snapshot.sweeps.get(&view.id)?.clone()))
        })
        .collect()
}
