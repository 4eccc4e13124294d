//! The report of a sweep, computed from its stored records now.

use std::sync::Arc;

use chimera_core::id::SweepId;
use chimera_core::node::NodeFacts;
use chimera_core::report::{Labels, Report, ReportBuilder, ReportContext, UncountedReason};
use chimera_core::scheduler::attempt::{AttemptState, AttemptView};
use chimera_core::scheduler::view::SweepView;
use chimera_core::unit::UnixNanos;
use chimera_proto::v1;
use futures_util::StreamExt;

use super::Stream;
use super::refusal::Refusal;
use crate::clock::wall;
use crate::driver::DriverHandle;
use crate::driver::snapshot::{Snapshot, SweepEntry};
use crate::records::{Attempt, Attempts, WalkError, attempts_of, walk};
use crate::store::Store;

/// Largest part of a report on the wire.
const PART_BYTES: usize = 256 * 1024;

/// The report as JSON.
pub(super) async fn json(driver: &DriverHandle, store: &Store, id: &SweepId) -> Result<Vec<u8>, Refusal> {
    let snapshot = driver.fresh().await?;
    let views = attempts_of(driver, id).await?;
    let written = compute(store, &snapshot, id, views, |report| serde_json::to_vec(&report)).await;
    let written = written.map_err(walk_refusal)?.ok_or_else(|| Refusal::UnknownSweep(id.clone()))?;
    Ok(written?)
}

/// The report of a sweep from its records and a state of the fleet, handed to `finish` on the thread that made it; none
/// for a sweep that the state does not have.
pub(crate) async fn compute<T: Send + 'static>(
    store: &Store,
    snapshot: &Snapshot,
    id: &SweepId,
    views: Vec<AttemptView>,
    finish: impl FnOnce(Report) -> T + Send + 'static,
) -> Result<Option<T>, WalkError> {
    let Some((view, entry)) = snapshot.sweep(id) else { return Ok(None) };
    let (view, entry) = (view.clone(), entry.clone());
    let nodes = nodes_of(&entry, snapshot, &views);
    let make = move |attempts| finish(build(&entry, &view, &nodes, attempts));
    walk(store, id, views, make).await.map(Some)
}

/// Cuts a report into parts for the wire.
pub(super) fn stream(json: Vec<u8>) -> Stream<v1::FetchReportResponse> {
    let parts: Vec<_> = json
        .chunks(PART_BYTES)
        .map(|part| Ok(v1::FetchReportResponse { report_json: part.to_vec() }))
        .collect();
    futures_util::stream::iter(parts).boxed()
}

fn walk_refusal(error: WalkError) -> Refusal {
    match error {
        WalkError::Store(error) => error.into(),
        WalkError::Gone(gone) => gone.into(),
        WalkError::Died(died) => died.into(),
    }
}

fn build(entry: &SweepEntry, view: &SweepView, nodes: &[NodeFacts], mut attempts: Attempts) -> Report {
    let context = ReportContext {
        sweep: &entry.sweep,
        plan: &entry.plan,
        state: view.state,
        counts: view.trials,
        nodes,
        labels: labels(entry),
    };
    let mut builder = ReportBuilder::new(context);
    builder.expect(entry.forecast.clone(), view.ended.map(|ended| ended.since(view.submitted)));
    while let Some(attempt) = attempts.blocking_recv() {
        add(&mut builder, &attempt);
    }
    builder.finish()
}

fn add(builder: &mut ReportBuilder<'_>, attempt: &Attempt) {
    let Attempt { id, view, record } = attempt;
    match (record, uncounted(view)) {
        (Some(record), None) if view.counts => builder.add_counted(&view.slot, record),
        // A counted record was whole when it was admitted: its loss is shown, not hidden.
        (None, None) if view.counts => {
            tracing::error!(attempt = %id, "the record of a counted attempt cannot be put together");
            builder.add_uncounted(&view.slot, id, None, &UncountedReason::Quarantined);
        }
        (record, Some(how)) => builder.add_uncounted(&view.slot, id, record.as_ref(), &how),
        (_, None) => {}
    }
}

/// Why an attempt does not count; none for one that does, that still runs, or that never ran.
fn uncounted(view: &AttemptView) -> Option<UncountedReason> {
    if view.counts {
        return None;
    }
    match view.state {
        AttemptState::Complete | AttemptState::LateComplete => Some(UncountedReason::Surplus),
        AttemptState::Invalid(findings) => Some(UncountedReason::Invalid(findings.iter().collect())),
        AttemptState::Failed(class) => Some(UncountedReason::Failed(class)),
        AttemptState::Abandoned(_) => Some(UncountedReason::Abandoned),
        AttemptState::Stopped => Some(UncountedReason::Cancelled),
        AttemptState::Quarantined => Some(UncountedReason::Quarantined),
        AttemptState::Rejected(_)
        | AttemptState::Offered
        | AttemptState::Running
        | AttemptState::Disconnected
        | AttemptState::Uploading
        | AttemptState::Stopping => None,
    }
}

/// The nodes of the plan as they were then, and nodes that came later and ran something as they are now.
fn nodes_of(entry: &SweepEntry, snapshot: &Snapshot, views: &[AttemptView]) -> Vec<NodeFacts> {
    let mut nodes = entry.nodes.clone();
    for view in views {
        if nodes.iter().all(|known| known.id != view.slot.node) {
            nodes.extend(snapshot.node(&view.slot.node).map(|node| node.facts.clone()));
        }
    }
    nodes.into_iter().map(Arc::unwrap_or_clone).collect()
}

fn labels(entry: &SweepEntry) -> Labels {
    Labels {
        created_at: rfc3339(wall()),
        submitted_at: rfc3339(entry.submitted),
        ended_at: entry.ended.and_then(rfc3339),
        made_by: Some(concat!("chimera-coordinator ", env!("CARGO_PKG_VERSION")).to_owned()),
    }
}

fn rfc3339(at: UnixNanos) -> Option<String> {
    jiff::Timestamp::from_nanosecond(at.0.into()).ok().map(|stamp| stamp.to_string())
}
