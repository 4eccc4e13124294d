//! Attempts: their names, where nodes stand with them, how they end.

use chimera_core::id::{AttemptId, AttemptNumber, SweepId, TrialId};
use chimera_core::outcome::{AttemptOutcome, FailureClass, GenerationOutcome, ValidityReason};
use chimera_core::scheduler::event::{HeldAttempt, HeldState, LeaveReason, RejectReason};

use super::twins::twins;
use super::{Invalid, check};
use crate::v1;

twins! {
    GenerationOutcome = GenerationOutcome {
        Ok, Truncated, RepeatAbort, ServerError, ModelMissing, OutOfMemory, Overloaded, Stalled, Timeout, Cancelled,
        ProtocolError,
    }
    ValidityReason = ValidityReason {
        ForeignProcess, ThrottledThermal, ThrottledPower, ClocksUnsettled, PowerLimitChanged, Ecc, Xid, GpuLost,
        SampleGap, PlacementMismatch, ReloadInWindow, PromptTruncated, ClientStalled, ServerRestarted, ClockStepped,
        ModelChanged,
    }
    HeldState = HeldState { Running, Ended }
    LeaveReason = LeaveReason { Closed, Silent, OutboxFull, Goodbye }
    RejectReason = RejectReason { SlotBusy, SpoolFull, Stopping, Unsupported }
}

impl From<AttemptOutcome> for v1::AttemptOutcome {
    fn from(outcome: AttemptOutcome) -> Self {
        match outcome {
            AttemptOutcome::Completed => Self::Completed,
            AttemptOutcome::Failed(FailureClass::Config) => Self::FailedConfig,
            AttemptOutcome::Failed(FailureClass::Transient) => Self::FailedTransient,
            AttemptOutcome::Failed(FailureClass::Crash) => Self::FailedCrash,
            AttemptOutcome::Failed(FailureClass::Infra) => Self::FailedInfra,
            AttemptOutcome::Cancelled => Self::Cancelled,
        }
    }
}

impl TryFrom<v1::AttemptOutcome> for AttemptOutcome {
    type Error = Invalid;

    fn try_from(wire: v1::AttemptOutcome) -> Result<Self, Invalid> {
        match wire {
            v1::AttemptOutcome::Unspecified => Err(Invalid::new("", "not set")),
            v1::AttemptOutcome::Completed => Ok(Self::Completed),
            v1::AttemptOutcome::FailedConfig => Ok(Self::Failed(FailureClass::Config)),
            v1::AttemptOutcome::FailedTransient => Ok(Self::Failed(FailureClass::Transient)),
            v1::AttemptOutcome::FailedCrash => Ok(Self::Failed(FailureClass::Crash)),
            v1::AttemptOutcome::FailedInfra => Ok(Self::Failed(FailureClass::Infra)),
            v1::AttemptOutcome::Cancelled => Ok(Self::Cancelled),
        }
    }
}

impl From<&AttemptId> for v1::AttemptId {
    fn from(attempt: &AttemptId) -> Self {
        let AttemptId { trial: TrialId { sweep, ordinal }, number } = attempt;
        Self { sweep: sweep.to_string(), trial: *ordinal, number: number.get() }
    }
}

impl TryFrom<v1::AttemptId> for AttemptId {
    type Error = Invalid;

    fn try_from(wire: v1::AttemptId) -> Result<Self, Invalid> {
        let v1::AttemptId { sweep, trial, number } = wire;
        let sweep = check::named("sweep", SweepId::new(&sweep))?;
        let number =
            AttemptNumber::new(number).ok_or_else(|| Invalid::new("number", "attempts count from 1"))?;
        Ok(Self { trial: TrialId { sweep, ordinal: trial }, number })
    }
}

impl From<&HeldAttempt> for v1::HeldAttempt {
    fn from(held: &HeldAttempt) -> Self {
        let HeldAttempt { attempt, state, last_seq, chain } = held;
        Self {
            attempt: Some(attempt.into()),
            state: v1::HeldState::from(*state).into(),
            last_seq: *last_seq,
            chain: chain.map(|chain| chain.0.to_vec()).unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::HeldAttempt> for HeldAttempt {
    type Error = Invalid;

    fn try_from(wire: v1::HeldAttempt) -> Result<Self, Invalid> {
        let v1::HeldAttempt { attempt, state, last_seq, chain } = wire;
        Ok(Self {
            attempt: check::required("attempt", attempt)?,
            state: check::variant::<v1::HeldState, _>("state", state)?,
            last_seq,
            chain: check::digest_or_absent("chain", &chain)?,
        })
    }
}
