//! Plans: shown, and submitted.

use std::sync::Arc;

use chimera_core::id::Digest;
use chimera_core::plan::{Forecast, Plan};
use chimera_core::seed::Seed;
use chimera_core::sweep::Sweep;
use chimera_proto::convert::{PlanOutline, check};
use chimera_proto::v1;
use prost::Message;

use super::refusal::Refusal;
use crate::driver::DriverHandle;
use crate::driver::free_name;
use crate::driver::request::{Request, Submit};
use crate::driver::snapshot::{Snapshot, SweepEntry, plannable};
use crate::store::DiskState;

/// Longest request id, in bytes.
const REQUEST_ID_MAX: usize = 64;

/// Expands a sweep against the present fleet, off the runtime's threads: a plan may hold a million trials.
pub(super) async fn outline(snapshot: Arc<Snapshot>, sweep: Sweep) -> Result<PlanOutline, Refusal> {
    let seed = sweep.seed.map_or_else(draw_seed, Ok)?;
    let expand = move || {
        let nodes = plannable(&snapshot.view);
        let id = free_name(&sweep.name, |id| snapshot.sweeps.contains_key(id))?;
        let plan = Plan::expand(id, &sweep, seed, &nodes)?;
        let forecast = Forecast::of(&plan, &sweep, nodes.iter().map(Arc::as_ref), &snapshot.experience);
        Ok(PlanOutline::of(&plan, &sweep, &nodes, forecast))
    };
    tokio::task::spawn_blocking(expand).await?
}

/// The outline of an admitted sweep with the forecast of its submission, off the runtime's threads as well.
pub(super) async fn outline_of(entry: Arc<SweepEntry>) -> Result<PlanOutline, Refusal> {
    let outline = move || {
        let forecast = entry.forecast.clone().unwrap_or_default();
        PlanOutline::of(&entry.plan, &entry.sweep, &entry.nodes, forecast)
    };
    Ok(tokio::task::spawn_blocking(outline).await?)
}

/// Submits a sweep. The same request id with the same sweep submits once.
pub(super) async fn submit(
    driver: &DriverHandle,
    disk: DiskState,
    request: v1::SubmitSweepRequest,
) -> Result<Arc<SweepEntry>, Refusal> {
    let v1::SubmitSweepRequest { sweep, request_id } = request;
    let request_id = check::text("request_id", request_id, 1..=REQUEST_ID_MAX).map_err(Refusal::Invalid)?;
    let spec_digest = Digest::of(&sweep.as_ref().map(Message::encode_to_vec).unwrap_or_default());
    let sweep: Arc<Sweep> = Arc::new(check::required("sweep", sweep).map_err(Refusal::Invalid)?);
    if disk == DiskState::Full {
        return Err(Refusal::DiskFull);
    }
    let Seed(drawn_seed) = draw_seed()?;
    let submit =
        |reply| Request::Submit(Box::new(Submit { sweep, spec_digest, request_id, drawn_seed, reply }));
    Ok(driver.ask(submit).await??)
}

fn draw_seed() -> Result<Seed, Refusal> {
    getrandom::u64().map(Seed).map_err(|_| Refusal::NoEntropy)
}
