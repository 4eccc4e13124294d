//! How an attempt ended. Pure.

use chimera_core::outcome::{AttemptOutcome, FailureClass, GenerationOutcome, attempt_outcome};
use chimera_core::sweep::ModelName;
use chimera_core::unit::Nanos;

use super::generation::Ended;
use crate::cancel::CancelCause;
use crate::config::Endpoint;

/// The end of an attempt, as its last entry will say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: AttemptOutcome,
    pub(super) cause: Option<String>,
    /// Whether the server may still work on a request of it.
    pub(super) disturbed: bool,
}

impl Verdict {
    pub(super) fn failed(outcome: AttemptOutcome, cause: String) -> Self {
        Self { outcome, cause: Some(cause), disturbed: false }
    }

    pub(super) fn model_missing(model: &ModelName, endpoint: &Endpoint) -> Self {
        let cause = format!("{endpoint} does not have the model '{model}'; run: ollama pull {model}");
        Self::failed(AttemptOutcome::Failed(FailureClass::Config), cause)
    }

    pub(super) fn load_late(limit: Nanos) -> Self {
        let cause = format!("the model was not loaded within {limit}");
        Self { disturbed: true, ..Self::failed(AttemptOutcome::Failed(FailureClass::Transient), cause) }
    }

    pub(super) fn cancelled(cause: Option<CancelCause>, disturbed: bool) -> Self {
        let (outcome, text) = match cause {
            Some(CancelCause::Stopped) | None => (AttemptOutcome::Cancelled, "stopped by the coordinator"),
            Some(CancelCause::Shutdown) => {
                (AttemptOutcome::Failed(FailureClass::Infra), "the node was stopped")
            }
            Some(CancelCause::AttemptLimit) => {
                (AttemptOutcome::Failed(FailureClass::Transient), "the time limit of the attempt passed")
            }
            Some(CancelCause::Spool) => {
                (AttemptOutcome::Failed(FailureClass::Infra), "the spool of the node cannot hold the record")
            }
        };
        Self { disturbed, ..Self::failed(outcome, text.to_owned()) }
    }
}

/// The end of an attempt whose measured generations ended like this.
pub(super) fn of(ended: &[Ended], planned: u32, cancelled: Option<CancelCause>) -> Verdict {
    let disturbed = ended.iter().any(|one| one.disturbed);
    if cancelled.is_some() {
        return Verdict::cancelled(cancelled, disturbed);
    }
    if let Some(excess) = ended.iter().find_map(|one| one.excess.clone()) {
        // The numbers would be those of another prompt or a shorter answer, and another try cannot help.
        return Verdict {
            disturbed,
            ..Verdict::failed(AttemptOutcome::Failed(FailureClass::Config), excess)
        };
    }
    let outcome = outcome_of(ended, planned);
    let cause =
        ended.iter().find_map(|one| one.cause.clone()).filter(|_| outcome != AttemptOutcome::Completed);
    Verdict { outcome, cause, disturbed }
}

fn outcome_of(ended: &[Ended], planned: u32) -> AttemptOutcome {
    let outcomes: Vec<GenerationOutcome> = ended.iter().map(|one| one.outcome).collect();
    let judged = attempt_outcome(&outcomes);
    let all_refused = !ended.is_empty() && ended.iter().all(|one| one.error_status == Some(400));
    if all_refused {
        // The server says that the request itself is wrong: another try cannot help.
        AttemptOutcome::Failed(FailureClass::Config)
    } else if judged == AttemptOutcome::Completed && (ended.len() as u64) < u64::from(planned) {
        AttemptOutcome::Failed(FailureClass::Transient)
    } else {
        judged
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::outcome::Ending;

    fn ended(ending: Ending) -> Ended {
        Ended::of(&ending, None)
    }

    fn outcome(ends: &[Ending], planned: u32) -> AttemptOutcome {
        let ends: Vec<Ended> = ends.iter().cloned().map(ended).collect();
        of(&ends, planned, None).outcome
    }

    #[test]
    fn an_attempt_is_complete_when_all_ran_and_one_is_ok() {
        let bad = Ending::CleanEnd { equal_lines: 0 };
        assert_eq!(outcome(&[Ending::Final, bad.clone()], 2), AttemptOutcome::Completed);
        assert_eq!(outcome(&[Ending::Final], 2), AttemptOutcome::Failed(FailureClass::Transient));
        assert_eq!(outcome(&[bad], 1), AttemptOutcome::Failed(FailureClass::Transient));
    }

    #[test]
    fn a_request_that_the_server_refuses_is_not_tried_again() {
        let refused = Ending::Status(400, "the input length exceeds the context length".into());
        assert_eq!(outcome(std::slice::from_ref(&refused), 1), AttemptOutcome::Failed(FailureClass::Config));
        assert_eq!(outcome(&[refused, Ending::Final], 2), AttemptOutcome::Completed);
        let missing = Ending::Status(404, "model 'x' not found".into());
        assert_eq!(outcome(&[missing], 5), AttemptOutcome::Failed(FailureClass::Config));
    }

    #[test]
    fn the_cause_of_a_cancel_decides_whom_it_is_charged_to() {
        let ends = [ended(Ending::Cancelled)];
        assert_eq!(of(&ends, 1, Some(CancelCause::Stopped)).outcome, AttemptOutcome::Cancelled);
        let node = of(&ends, 1, Some(CancelCause::Shutdown));
        assert_eq!((node.outcome, node.disturbed), (AttemptOutcome::Failed(FailureClass::Infra), true));
        let late = of(&ends, 1, Some(CancelCause::AttemptLimit));
        assert_eq!(late.outcome, AttemptOutcome::Failed(FailureClass::Transient));
    }
}
