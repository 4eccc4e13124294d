//! Why an operator's call is refused, and the one place where a refusal becomes a status.

use chimera_core::id::{NodeId, SweepId};
use chimera_core::plan::{PlanError, RefusalReason, SlotRefusal};
use chimera_proto::convert::Invalid;
use tonic::Status;

use crate::driver::request::{DriverGone, SubmitError};
use crate::store::StoreError;

/// Why a call is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// A field breaks a limit.
    #[error(transparent)]
    Invalid(Invalid),
    /// There is no such sweep.
    #[error("there is no sweep '{0}': see 'chimera sweep list'")]
    UnknownSweep(SweepId),
    /// There is no such node.
    #[error("there is no node '{0}': see 'chimera nodes list'")]
    UnknownNode(NodeId),
    /// The sweep is not admitted.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The sweep has no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The disk takes no writes.
    #[error("the coordinator's disk is full: free some space in its data directory, then submit again")]
    DiskFull,
    /// Too many operators watch.
    #[error("too many operators watch: close one, or raise limits.watchers")]
    TooManyWatchers,
    /// Too many reports are computed.
    #[error("too many reports are being computed: try again in a while, or raise limits.reports")]
    TooManyReports,
    /// The store failed.
    #[error("the coordinator's store has failed: see its log")]
    Store(#[from] StoreError),
    /// The report cannot be written as JSON.
    #[error("the report cannot be written as JSON: this is a bug, please report it")]
    Json(#[from] serde_json::Error),
    /// A task of the coordinator died.
    #[error("a task of the coordinator died: see its log")]
    Died(#[from] tokio::task::JoinError),
    /// No seed could be drawn.
    #[error("the system gave no random numbers: name a seed in the sweep")]
    NoEntropy,
    /// The coordinator is going down.
    #[error("the coordinator is stopping: try again later")]
    Stopping,
}

impl From<DriverGone> for Refusal {
    fn from(DriverGone: DriverGone) -> Self {
        Self::Stopping
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::Invalid(_) => Self::invalid_argument(text),
            Refusal::UnknownSweep(_) | Refusal::UnknownNode(_) => Self::not_found(text),
            Refusal::Submit(error) => submit_status(&error),
            Refusal::Plan(error) => plan_status(&error),
            Refusal::DiskFull | Refusal::TooManyWatchers | Refusal::TooManyReports => {
                Self::resource_exhausted(text)
            }
            Refusal::Store(_) | Refusal::Json(_) | Refusal::Died(_) | Refusal::NoEntropy => {
                tracing::error!(error = &refusal as &dyn std::error::Error, "a call failed");
                Self::internal(text)
            }
            Refusal::Stopping => Self::unavailable(text),
        }
    }
}

fn submit_status(error: &SubmitError) -> Status {
    match error {
        SubmitError::Plan(plan) => plan_status(plan),
        SubmitError::RequestIdReused { .. } | SubmitError::NoName { .. } => {
            Status::already_exists(error.to_string())
        }
        SubmitError::TooManySweeps { .. } => Status::resource_exhausted(error.to_string()),
    }
}

/// What a changed sweep would cure is the caller's fault. What only a changed fleet would cure is not: no nodes, or a
/// model server that does not answer, may be another story in a moment.
fn plan_status(error: &PlanError) -> Status {
    let unreachable =
        |refusal: &SlotRefusal| matches!(refusal.reason, RefusalReason::ServerUnreachable { .. });
    match error {
        PlanError::NoNodes => Status::failed_precondition(error.to_string()),
        PlanError::NoSlot { refusals, .. } if refusals.iter().any(unreachable) => {
            Status::failed_precondition(error.to_string())
        }
        _ => Status::invalid_argument(error.to_string()),
    }
}
