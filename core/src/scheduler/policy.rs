//! The scheduler's limits, in one place.

use super::lease::LEASE_TTL;
use crate::unit::Nanos;

/// Limits of the scheduler. They are part of a recording: a replay needs the same values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a node may take to accept or refuse an offer.
    pub offer_timeout: Nanos,
    /// How much longer than its workload allows an execution may last before it is given up.
    pub attempt_slack: Nanos,
    /// How long a node may take to stop an attempt before it counts as wedged.
    pub stop_timeout: Nanos,
    /// How long the attempts of a node without a session wait for it.
    pub disconnect_grace: Nanos,
    /// Offers of one trial that may be refused, 1 to 255.
    pub offer_budget: u8,
    /// Attempts of one trial that may fail transiently, 1 to 255.
    pub transient_budget: u8,
    /// Attempts of one trial that may crash a server or a daemon, 1 to 255.
    pub crash_budget: u8,
    /// Attempts of one trial that may end through nobody's fault, 1 to 255.
    pub infra_budget: u8,
    /// Attempts of one trial whose record may be invalid, 1 to 255.
    pub invalid_budget: u8,
    /// Upper end of the first wait before a retry; doubles with each.
    pub backoff_first: Nanos,
    /// Upper end of every wait before a retry.
    pub backoff_max: Nanos,
    /// Span in which silent nodes are counted together for the mass-disconnect guard.
    pub mass_window: Nanos,
    /// Fewest silent nodes that the mass-disconnect guard acts on.
    pub mass_nodes_min: usize,
    /// How long the mass-disconnect guard holds back reassignment at most.
    pub mass_grace: Nanos,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            offer_timeout: Nanos::from_secs(10),
            attempt_slack: Nanos::from_secs(300),
            stop_timeout: Nanos::from_secs(15),
            disconnect_grace: Nanos::from_secs(600),
            offer_budget: 32,
            transient_budget: 3,
            crash_budget: 2,
            infra_budget: 10,
            invalid_budget: 2,
            backoff_first: Nanos::from_secs(1),
            backoff_max: Nanos::from_secs(60),
            mass_window: LEASE_TTL,
            mass_nodes_min: 3,
            mass_grace: Nanos::from_secs(1_800),
        }
    }
}
