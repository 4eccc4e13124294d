//! How a generation, an attempt and a trial can end. Closed lists: every end is named, none is a free text.

use std::fmt;

/// How one generation ended. Only [`Self::Ok`] enters a rate; all are counted and listed with their cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GenerationOutcome {
    /// A final record with `done: true` came and its counters make sense.
    Ok,
    /// The stream ended without a final record.
    Truncated,
    /// The server's repeat guard ended the stream: 31 equal lines, then a clean end without a final record.
    RepeatAbort,
    /// The server reported an error, before or inside the stream.
    ServerError,
    /// The server does not have the model.
    ModelMissing,
    /// The server ran out of memory for the model or its context.
    OutOfMemory,
    /// The server's queue was full (503).
    Overloaded,
    /// No line came for longer than the declared stall limit.
    Stalled,
    /// The declared time limit of the generation, or of its first token, passed.
    Timeout,
    /// The operator or the coordinator cancelled it.
    Cancelled,
    /// The server spoke something else than the protocol: garbage, a line over the limit, impossible counters.
    ProtocolError,
}

impl GenerationOutcome {
    /// Every outcome, in the order of reports.
    pub const ALL: [Self; 11] = [
        Self::Ok,
        Self::Truncated,
        Self::RepeatAbort,
        Self::ServerError,
        Self::ModelMissing,
        Self::OutOfMemory,
        Self::Overloaded,
        Self::Stalled,
        Self::Timeout,
        Self::Cancelled,
        Self::ProtocolError,
    ];

    /// The name in reports, files and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Truncated => "truncated",
            Self::RepeatAbort => "repeat_abort",
            Self::ServerError => "server_error",
            Self::ModelMissing => "model_missing",
            Self::OutOfMemory => "out_of_memory",
            Self::Overloaded => "overloaded",
            Self::Stalled => "stalled",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::ProtocolError => "protocol_error",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

impl fmt::Display for GenerationOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Whom a failed attempt is charged to, and how often it may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// The request cannot work here (model missing, does not fit): no retry.
    Config,
    /// The server failed in a way that may pass: up to 3 attempts, another node first.
    Transient,
    /// The server or the daemon died: up to 2 attempts on distinct nodes, then the trial is quarantined.
    Crash,
    /// Nobody's fault (node lost, drained, coordinator restarted): up to 10 attempts.
    Infra,
}

impl FailureClass {
    /// The name in reports and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Transient => "transient",
            Self::Crash => "crash",
            Self::Infra => "infra",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How an attempt ended, as its node says in the last entry of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// Every planned generation was run to its own end and at least one is ok.
    Completed,
    /// The attempt could not do its work.
    Failed(FailureClass),
    /// It was cancelled and has stopped.
    Cancelled,
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Completed => f.write_str("completed"),
            Self::Failed(class) => write!(f, "failed ({class})"),
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

/// Decides how an attempt ended from the outcomes of its measured generations. A cancelled attempt never gets here.
///
/// A model that is missing or does not fit is a fault of the request, whatever else worked. Otherwise one good
/// generation makes the attempt a result: the others are counted and listed, not hidden by a retry.
#[must_use]
pub fn attempt_outcome(generations: &[GenerationOutcome]) -> AttemptOutcome {
    use GenerationOutcome as G;
    let any = |wanted: G| generations.contains(&wanted);
    if any(G::ModelMissing) || any(G::OutOfMemory) {
        AttemptOutcome::Failed(FailureClass::Config)
    } else if any(G::Ok) {
        AttemptOutcome::Completed
    } else if any(G::Cancelled) {
        AttemptOutcome::Cancelled
    } else {
        AttemptOutcome::Failed(FailureClass::Transient)
    }
}

/// The one terminal state of a trial. I7: their counts and the pending ones sum up to the admitted trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrialEnd {
    /// One attempt is complete and counts.
    Counted,
    /// Its retry budget is used up, or its request cannot work.
    Failed,
    /// Its sweep was cancelled first.
    Cancelled,
    /// It crashed daemons on distinct nodes, or its data contradicted itself.
    Quarantined,
}

impl TrialEnd {
    /// The name in reports and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Quarantined => "quarantined",
        }
    }
}

impl fmt::Display for TrialEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A reason why a record is not trusted, found from the GPU trace and the node's notes, never from the measured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValidityReason {
    /// A process that is not the slot's server used the GPU.
    ForeignProcess,
    /// Clocks were lowered by heat.
    ThrottledThermal,
    /// Clocks were lowered by the power limit.
    ThrottledPower,
    /// Clocks had not settled when measuring began.
    ClocksUnsettled,
    /// The power limit changed during the attempt.
    PowerLimitChanged,
    /// ECC errors were counted during the attempt.
    Ecc,
    /// The driver reported an Xid event.
    Xid,
    /// The GPU fell off the bus.
    GpuLost,
    /// Two samples lay too far apart to judge.
    SampleGap,
    /// The model's layers are not where the cell asked for them.
    PlacementMismatch,
    /// The model was reloaded between measured generations.
    ReloadInWindow,
    /// The prompt was cut to the context.
    PromptTruncated,
    /// This daemon read too late: arrival lags the server's own stamps.
    ClientStalled,
    /// The server process changed during the attempt.
    ServerRestarted,
    /// The wall clock stepped during the attempt.
    ClockStepped,
    /// The model's digest changed during the attempt.
    ModelChanged,
}

impl ValidityReason {
    /// Every reason, in the order of reports.
    pub const ALL: [Self; 16] = [
        Self::ForeignProcess,
        Self::ThrottledThermal,
        Self::ThrottledPower,
        Self::ClocksUnsettled,
        Self::PowerLimitChanged,
        Self::Ecc,
        Self::Xid,
        Self::GpuLost,
        Self::SampleGap,
        Self::PlacementMismatch,
        Self::ReloadInWindow,
        Self::PromptTruncated,
        Self::ClientStalled,
        Self::ServerRestarted,
        Self::ClockStepped,
        Self::ModelChanged,
    ];

    /// The name in reports, sweep files and labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForeignProcess => "foreign_process",
            Self::ThrottledThermal => "throttled_thermal",
            Self::ThrottledPower => "throttled_power",
            Self::ClocksUnsettled => "clocks_unsettled",
            Self::PowerLimitChanged => "power_limit_changed",
            Self::Ecc => "ecc",
            Self::Xid => "xid",
            Self::GpuLost => "gpu_lost",
            Self::SampleGap => "sample_gap",
            Self::PlacementMismatch => "placement_mismatch",
            Self::ReloadInWindow => "reload_in_window",
            Self::PromptTruncated => "prompt_truncated",
            Self::ClientStalled => "client_stalled",
            Self::ServerRestarted => "server_restarted",
            Self::ClockStepped => "clock_stepped",
            Self::ModelChanged => "model_changed",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl fmt::Display for ValidityReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use GenerationOutcome as G;

    #[test]
    fn names_round_trip() {
        assert!(G::ALL.iter().all(|outcome| G::from_name(outcome.name()) == Some(*outcome)));
        assert!(
            ValidityReason::ALL
                .iter()
                .all(|reason| ValidityReason::from_name(reason.name()) == Some(*reason))
        );
        assert_eq!(G::from_name("fine"), None);
    }

    #[test]
    fn one_good_generation_makes_a_result() {
        assert_eq!(attempt_outcome(&[G::Truncated, G::Ok]), AttemptOutcome::Completed);
        assert_eq!(attempt_outcome(&[G::Ok, G::ModelMissing]), AttemptOutcome::Failed(FailureClass::Config));
        assert_eq!(attempt_outcome(&[G::Stalled]), AttemptOutcome::Failed(FailureClass::Transient));
        assert_eq!(attempt_outcome(&[]), AttemptOutcome::Failed(FailureClass::Transient));
    }
}
