//! Numbers for people: one scale and one number of decimals per column, so that a column can be read down.

use chimera_core::quantity::Unit;

/// What is shown for an absent figure.
pub(crate) const ABSENT: &str = "–";

/// The scale of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scale {
    /// Unit after scaling, for the header.
    pub(crate) sign: &'static str,
    divisor: f64,
    decimals: usize,
}

impl Scale {
    /// The scale at which the largest of `values` has one to three digits before the point, and about four digits in all.
    pub(crate) fn fitting(unit: Unit, values: &[Option<f64>]) -> Self {
        let largest = values.iter().flatten().map(|value| value.abs()).fold(0.0, f64::max);
        let (sign, divisor) = step(unit, largest);
        Self { sign, divisor, decimals: decimals(largest / divisor, unit) }
    }

    /// The number at this scale, without unit.
    pub(crate) fn show(self, value: Option<f64>) -> String {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            return ABSENT.to_owned();
        };
        let text = format!("{:.*}", self.decimals, value / self.divisor);
        // A small negative number that rounds to zero is shown as zero.
        if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }
}

fn step(unit: Unit, largest: f64) -> (&'static str, f64) {
    const KIB: f64 = 1024.0;
    let steps: &[(&str, f64)] = match unit {
        Unit::Seconds => &[("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)],
        Unit::Joules => &[("kJ", 1e3), ("J", 1.0), ("mJ", 1e-3)],
        Unit::JoulesPerToken => &[("J/tok", 1.0), ("mJ/tok", 1e-3)],
        Unit::Bytes => &[("GiB", KIB * KIB * KIB), ("MiB", KIB * KIB)],
        Unit::Share => &[("%", 0.01)],
        Unit::TokensPerSecond => &[("tok/s", 1.0)],
        Unit::PerSecond => &[("1/s", 1.0)],
        Unit::Tokens => &[("tok", 1.0)],
        Unit::TokensPerJoule => &[("tok/J", 1.0)],
    };
    // Energies and memory keep their common unit a little longer: 2400 J reads better than 2.400 kJ.
    let from = if matches!(unit, Unit::Joules | Unit::Bytes) { 10.0 } else { 1.0 };
    let fits = steps.iter().find(|(_, divisor)| largest / divisor >= from);
    let smallest = steps.last().copied().unwrap_or(("", 1.0));
    let all_zero = steps.first().copied().filter(|_| largest == 0.0);
    all_zero.or_else(|| fits.copied()).unwrap_or(smallest)
}

fn decimals(largest: f64, unit: Unit) -> usize {
    let most = if unit == Unit::Tokens || unit == Unit::Share { 1 } else { 3 };
    let fitting = match largest {
        1_000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        // No memory at all, as of a model on the CPU: nothing behind the point.
        0.0 if unit == Unit::Bytes => 0,
        _ => 3,
    };
    fitting.min(most)
}

/// A whole number, or `–`.
pub(crate) fn whole<N: ToString>(value: Option<N>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| value.to_string())
}

/// A number with the given decimals, or `–`.
pub(crate) fn fixed(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| format!("{value:.decimals$}"))
}

/// A share in percent, or `–`.
pub(crate) fn percent(share: Option<f64>) -> String {
    fixed(share.map(|share| 100.0 * share), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unit: Unit, values: &[f64]) -> (&'static str, Vec<String>) {
        let values: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        let scale = Scale::fitting(unit, &values);
        (scale.sign, values.iter().map(|value| scale.show(*value)).collect())
    }

    #[test]
    fn a_column_has_one_unit_and_one_precision() {
        assert_eq!(shown(Unit::Seconds, &[0.0123, 0.5]), ("ms", vec!["12.3".into(), "500.0".into()]));
        assert_eq!(shown(Unit::Seconds, &[0.000_04]), ("µs", vec!["40.00".into()]));
        assert_eq!(shown(Unit::Seconds, &[12.345, -0.001]), ("s", vec!["12.35".into(), "0.00".into()]));
        assert_eq!(shown(Unit::TokensPerSecond, &[1234.5]), ("tok/s", vec!["1234".into()]));
        assert_eq!(shown(Unit::Bytes, &[3.0 * 1024.0 * 1024.0]), ("MiB", vec!["3.000".into()]));
        assert_eq!(shown(Unit::Bytes, &[0.0, 0.0]), ("GiB", vec!["0".into(), "0".into()]));
        assert_eq!(shown(Unit::Share, &[0.25]), ("%", vec!["25.0".into()]));
    }

    #[test]
    fn absent_is_a_dash() {
        let scale = Scale::fitting(Unit::Joules, &[None]);
        assert_eq!((scale.show(None), scale.show(Some(f64::NAN))), ("–".to_owned(), "–".to_owned()));
    }
}
