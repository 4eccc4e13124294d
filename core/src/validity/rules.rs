//! The limits of the rules, and what follows when one is passed. They hold before the first trial runs.

use crate::outcome::ValidityReason;
use crate::unit::{Bytes, Milliwatts, Nanos};

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The record is kept and shown, its trial runs once more, and it enters no figure.
    Invalidate,
    /// The record stays in the figures, and the report says what was found.
    Mark,
}

/// Limits and effects. The defaults are those of every sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Reasons that are shown and leave no record out; every other one invalidates.
    pub marked: Vec<ValidityReason>,
    /// Largest share of samples inside measured windows with clocks lowered by heat, 0 to 1.
    pub thermal_share_max: f64,
    /// Largest share of them with clocks lowered by a power brake or another hardware slowdown, 0 to 1.
    pub brake_share_max: f64,
    /// Largest share of them with clocks lowered by the power limit, 0 to 1.
    pub power_cap_share_max: f64,
    /// What a larger share at the power limit means, whatever `marked` says. Most GPUs work at their limit under load: that is their speed.
    pub power_cap: Effect,
    /// The beginning of the measured windows in which clocks may not be still rising.
    pub settle: Nanos,
    /// Largest share by which the median clock of that beginning may lie below the median of the rest, 0 to 1.
    pub unsettled_share_max: f64,
    /// Longest stretch of a measured window without a sample: the gap over which energy is not integrated either.
    pub sample_gap_max: Nanos,
    /// Least memory of a foreign process that counts; one whose memory is not told counts always.
    pub foreign_memory_min: Bytes,
    /// Largest difference of two readings of the power limit.
    pub power_limit_change_max: Milliwatts,
    /// Largest lag of an arrival behind the server's own stamp, beyond the smallest lag of the attempt.
    pub client_lag_max: Nanos,
    /// Load time of a warm generation, as the server counts it, from which it was a reload.
    pub reload_min: Nanos,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            marked: Vec::new(),
            thermal_share_max: 0.10,
            brake_share_max: 0.10,
            power_cap_share_max: 0.10,
            power_cap: Effect::Mark,
            settle: Nanos::from_secs(1),
            unsettled_share_max: 0.15,
            sample_gap_max: Nanos::from_secs(3),
            foreign_memory_min: Bytes(64 * 1024 * 1024),
            power_limit_change_max: Milliwatts(1_000),
            client_lag_max: Nanos::from_secs(2),
            reload_min: Nanos::from_secs(1),
        }
    }
}

impl Rules {
    /// What a finding of that reason means.
    #[must_use]
    pub fn effect(&self, reason: ValidityReason) -> Effect {
        if self.marked.contains(&reason) { Effect::Mark } else { Effect::Invalidate }
    }
}
