//! The A/A noise floor: what the same machinery calls the difference between two cells that are the same.

use super::decision::{Comparison, Decision};
use super::family::{CompareError, CompareRules, Family, compare};
use super::pairing::Figure;
use crate::stats::Scale;

/// How far apart equal things look.
#[derive(Debug, Clone, PartialEq)]
pub struct NoiseFloor {
    /// The largest effect that some pair of equal cells could not exclude: a share for ratios (0.012 is 1.2 %), an
    /// amount for differences. Smaller effects are greyed out, whatever their p. Absent when no pair had enough blocks.
    pub floor: Option<f64>,
    /// The pairs of equal cells. A difference shown here is a warning about the whole sweep.
    pub twins: Vec<Comparison>,
}

/// Compares cells that are the same (effective duplicates, or a sentinel that runs twice in a block) exactly as other
/// cells are compared. `rules` are those of the sweep; its family is replaced by the pairs of `twins`.
///
/// # Errors
/// [`CompareError`].
pub fn noise_floor(
    figures: &[Figure],
    twins: &[(u32, u32)],
    rules: &CompareRules,
) -> Result<NoiseFloor, CompareError> {
    let rules = CompareRules { family: Family::Pairs(twins.to_vec()), ..rules.clone() };
    let twins = compare(figures, &rules)?;
    let ends = twins.iter().filter_map(|twin| twin.decision.effect());
    let sizes =
        ends.flat_map(|(_, interval)| [interval.low, interval.high]).map(|end| size(end, rules.scale));
    Ok(NoiseFloor { floor: sizes.max_by(f64::total_cmp), twins })
}

/// How far a value is from "no effect"; 1/1.02 is as far as 1.02.
fn size(value: f64, scale: Scale) -> f64 {
    match scale {
        Scale::Ratio => value.ln().abs().exp_m1(),
        Scale::Difference => value.abs(),
    }
}

impl NoiseFloor {
    /// Whether an effect is no larger than what equal cells may show; absent when the floor or the effect is unknown.
    #[must_use]
    pub fn covers(&self, decision: &Decision, scale: Scale) -> Option<bool> {
        let (estimate, _) = decision.effect()?;
        Some(size(estimate, scale) <= self.floor?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pairing::Pairing;
    use super::*;
    use crate::seed::Seed;
    use crate::stats::{SampleSize, standard_normal};

    #[test]
    fn effects_below_the_floor_are_told_from_those_above() {
        let mut stream = Seed(6).stream();
        let mut figures = Vec::new();
        for block in 0..12 {
            for (cell, value) in [(0, 100.0), (1, 100.0), (2, 100.1), (3, 90.0)] {
                let value = value * (0.01 * standard_normal(&mut stream)).exp();
                figures.push(Figure { cell, slot: 0, block, value });
            }
        }
        let rules = CompareRules {
            scale: Scale::Ratio,
            pairing: Pairing::Block,
            size: SampleSize::Planned,
            family: Family::Against(0),
        };
        let noise = noise_floor(&figures, &[(0, 1)], &rules).unwrap();
        let floor = noise.floor.unwrap();
        assert!((0.005..0.03).contains(&floor), "{noise:?}");
        let found = compare(&figures, &rules).unwrap();
        assert_eq!(noise.covers(&found[1].decision, Scale::Ratio), Some(true), "{found:?}");
        assert_eq!(noise.covers(&found[2].decision, Scale::Ratio), Some(false), "{found:?}");
        assert!((size(1.0 / 1.02, Scale::Ratio) - size(1.02, Scale::Ratio)).abs() < 1e-12);
    }

    #[test]
    fn without_twins_there_is_no_floor() {
        let rules = CompareRules {
            scale: Scale::Ratio,
            pairing: Pairing::Block,
            size: SampleSize::Planned,
            family: Family::AllPairs,
        };
        let noise = noise_floor(&[], &[(0, 1)], &rules).unwrap();
        assert_eq!((noise.floor, noise.twins[0].decision), (None, Decision::NotEnough { n: 0, needed: 12 }));
    }
}
