//! What a sweep took, in one line: as it was, and as it was forecast.

use chimera_core::report::{Expense, Report, Versus};

use crate::number::fixed;

/// `12.4 min (forecast 11.9), 0.420 kWh (forecast 0.400), 12.30 EUR (forecast 11.80)`; none when nothing is known.
pub(crate) fn line(report: &Report) -> Option<String> {
    let expense = &report.expense;
    let mut parts = vec![time(expense.seconds), energy(expense.kwh).map(|text| text + &share(expense))];
    let hours = expense.gpu_hours.iter().map(|(model, hours)| held(*hours, model));
    parts.extend(hours);
    parts.extend(expense.cost.iter().map(|cost| amount(cost.amount, 2, &cost.currency)));
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let mut told = (!parts.is_empty()).then(|| parts.join(", "))?;
    let why = expense.cost.iter().flat_map(|cost| &cost.lacking);
    why.for_each(|why| told.push_str(&format!("; cost unknown: {why}")));
    Some(told)
}

fn time(seconds: Versus) -> Option<String> {
    let (divisor, unit) = match largest(seconds) {
        7_200.0.. => (3_600.0, "h"),
        120.0.. => (60.0, "min"),
        _ => (1.0, "s"),
    };
    amount(scaled(seconds, divisor), 1, unit)
}

fn energy(kwh: Versus) -> Option<String> {
    if largest(kwh) >= 0.1 { amount(kwh, 3, "kWh") } else { amount(scaled(kwh, 1e-3), 2, "Wh") }
}

/// Time for which GPUs were held.
fn held(hours: Versus, model: &str) -> Option<String> {
    let (divisor, unit) = if largest(hours) >= 1.0 { (1.0, "h") } else { (1.0 / 60.0, "min") };
    amount(scaled(hours, divisor), 2, &format!("{unit} of {model}"))
}

fn largest(found: Versus) -> f64 {
    found.actual.into_iter().chain(found.forecast).fold(0.0, f64::max)
}

fn scaled(found: Versus, divisor: f64) -> Versus {
    let by = |value: Option<f64>| value.map(|value| value / divisor);
    Versus { forecast: by(found.forecast), actual: by(found.actual) }
}

fn amount(found: Versus, decimals: usize, unit: &str) -> Option<String> {
    let forecast = found.forecast.map(|value| format!("forecast {}", fixed(Some(value), decimals)));
    match (found.actual, forecast) {
        (None, None) => None,
        (None, Some(forecast)) => Some(format!("{forecast} {unit}")),
        (actual, None) => Some(format!("{} {unit}", fixed(actual, decimals))),
        (actual, Some(forecast)) => Some(format!("{} {unit} ({forecast})", fixed(actual, decimals))),
    }
}

/// Energy that some attempts could not tell is missing in the sum, and that is said.
fn share(expense: &Expense) -> String {
    let (known, all) = (expense.energy_attempts, expense.attempts);
    if expense.kwh.actual.is_none() || known == all {
        return String::new();
    }
    format!(" in {known} of {all} attempts")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chimera_core::report::Cost;

    use super::*;
    use crate::fixture;

    fn versus(forecast: impl Into<Option<f64>>, actual: impl Into<Option<f64>>) -> Versus {
        Versus { forecast: forecast.into(), actual: actual.into() }
    }

    fn told(expense: Expense) -> Option<String> {
        line(&Report { expense, ..fixture::empty() })
    }

    #[test]
    fn what_it_took_stands_beside_what_was_forecast() {
        let expense = Expense {
            seconds: versus(714.0, 744.0),
            kwh: versus(0.4, 0.42),
            gpu_hours: BTreeMap::from([("L4".to_owned(), versus(None, 0.1))]),
            attempts: 48,
            energy_attempts: 47,
            cost: Some(Cost {
                currency: "EUR".to_owned(),
                amount: versus(11.8, None),
                lacking: vec!["the energy is not known".to_owned()],
            }),
            ..Expense::default()
        };
        assert_eq!(
            told(expense).as_deref(),
            Some(
                "12.4 min (forecast 11.9), 0.420 kWh (forecast 0.400) in 47 of 48 attempts, 6.00 min of L4, \
                 forecast 11.80 EUR; cost unknown: the energy is not known"
            )
        );
    }

    #[test]
    fn nothing_known_is_no_line() {
        assert_eq!(told(Expense::default()), None);
        let small = Expense { kwh: versus(None, 0.000_5), ..Expense::default() };
        assert_eq!(told(small).as_deref(), Some("0.50 Wh"));
    }
}
