//! Progress of a sweep, pushed. The reader sets the pace: whoever reads slowly sees fewer states, never old ones.

use std::sync::Arc;
use std::time::Duration;

use chimera_core::id::SweepId;
use chimera_proto::v1;
use futures_util::StreamExt;
use futures_util::stream::unfold;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::refusal::Refusal;
use super::{Operator, Stream};
use crate::driver::snapshot::Snapshot;

/// Shortest span between two states of one watcher.
const EVERY: Duration = Duration::from_millis(100);

struct Watcher {
    operator: Operator,
    id: SweepId,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    last: Option<(v1::SweepStatus, Instant)>,
    /// The place among the watchers, free again when the stream is dropped.
    _place: OwnedSemaphorePermit,
}

/// The state now, then whenever it changes, until the sweep has ended.
pub(super) fn stream(
    operator: Operator,
    id: SweepId,
    place: OwnedSemaphorePermit,
) -> Stream<v1::WatchSweepResponse> {
    let snapshots = operator.driver.watch();
    let watcher = Watcher { operator, id, snapshots, last: None, _place: place };
    unfold(Some(watcher), |watcher| async move {
        let mut watcher = watcher?;
        match watcher.next().await {
            Ok(Some(status)) => Some((Ok(v1::WatchSweepResponse { status: Some(status) }), Some(watcher))),
            Ok(None) => None,
            Err(refusal) => Some((Err(Status::from(refusal)), None)),
        }
    })
    .boxed()
}

impl Watcher {
    /// The next state that differs; none after the one in which the sweep has ended.
    async fn next(&mut self) -> Result<Option<v1::SweepStatus>, Refusal> {
        let stop = self.operator.stop.clone();
        loop {
            if let Some((last, at)) = &self.last {
                if is_ended(last) {
                    return Ok(None);
                }
                let due = *at + EVERY;
                tokio::select! {
                    () = stop.cancelled() => return Err(Refusal::Stopping),
                    changed = self.snapshots.changed() => changed.map_err(|_| Refusal::Stopping)?,
                }
                sleep_until(due).await;
            }
            let snapshot = self.snapshots.borrow_and_update().clone();
            let status = self.operator.status(&snapshot, &self.id)?;
            if self.last.as_ref().is_none_or(|(last, _)| differs(last, &status)) {
                self.last = Some((status.clone(), Instant::now()));
                return Ok(Some(status));
            }
        }
    }
}

fn is_ended(status: &v1::SweepStatus) -> bool {
    matches!(status.state(), v1::SweepState::Done | v1::SweepState::Cancelled)
}

/// Whether something but the time has changed.
fn differs(last: &v1::SweepStatus, next: &v1::SweepStatus) -> bool {
    let timeless = |status: &v1::SweepStatus| v1::SweepStatus { elapsed_ns: 0, ..status.clone() };
    timeless(last) != timeless(next)
}
