//! Quantiles by nearest rank: always a value that was measured.

/// The value that a share of the samples does not exceed; `NaN` without samples.
pub fn of(samples: &[f64], share: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
