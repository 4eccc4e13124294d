//! The figure of one trial: what cells and GPUs are compared by. One number per record, because generations of one attempt
//! are not independent.

use super::Quantity;
use super::attempt;
use super::energy;
use super::generation::{GenerationQuantities, rate};
use crate::record::AttemptRecord;
use crate::stats::Direction;
use crate::unit::Nanos;

/// Figures that trials are compared by. Rates are pooled over the generations of the attempt, times are their mean.
pub const COMPARABLE: [Quantity; 10] = [
    Quantity::DecodeRate,
    Quantity::DecodeRateWall,
    Quantity::PrefillRate,
    Quantity::OutputRate,
    Quantity::Ttft,
    Quantity::TtftWarm,
    Quantity::E2e,
    Quantity::Prefill,
    Quantity::Tpot,
    Quantity::EnergyPerToken,
];

/// The figure of a record that counts; absent when it cannot be measured, or when it is none of [`COMPARABLE`]. Above 0
/// and finite.
#[must_use]
pub fn trial_figure(record: &AttemptRecord, quantity: Quantity) -> Option<f64> {
    let found: Vec<GenerationQuantities> =
        record.generations.iter().filter_map(GenerationQuantities::of).collect();
    let seconds = |span: Option<Nanos>| span.map(Nanos::as_secs_f64);
    let figure = match quantity {
        Quantity::DecodeRate => pooled(&found, GenerationQuantities::steps, |one| one.decode),
        Quantity::DecodeRateWall => pooled(&found, GenerationQuantities::steps, |one| one.text_span),
        Quantity::PrefillRate => pooled(&found, |one| one.prompt_tokens, |one| one.prefill),
        Quantity::OutputRate => rate(attempt::tokens(record), attempt::load_window(record)?.length()),
        Quantity::Ttft => mean(found.iter().filter_map(|one| seconds(one.ttft))),
        Quantity::TtftWarm => mean(found.iter().filter_map(|one| seconds(one.ttft_warm))),
        Quantity::E2e => mean(found.iter().map(|one| one.e2e.as_secs_f64())),
        Quantity::Prefill => mean(found.iter().filter_map(|one| seconds(one.prefill))),
        Quantity::Tpot => mean(found.iter().filter_map(GenerationQuantities::tpot)),
        Quantity::EnergyPerToken => joules_per_token(record),
        _ => None,
    };
    figure.filter(|figure| figure.is_finite() && *figure > 0.0)
}

/// In which direction a figure is better.
#[must_use]
pub const fn better(quantity: Quantity) -> Direction {
    match quantity {
        Quantity::DecodeRate | Quantity::DecodeRateWall | Quantity::PrefillRate | Quantity::OutputRate => {
            Direction::Higher
        }
        _ => Direction::Lower,
    }
}

fn pooled(
    found: &[GenerationQuantities],
    count: impl Fn(&GenerationQuantities) -> Option<u64>,
    span: impl Fn(&GenerationQuantities) -> Option<Nanos>,
) -> Option<f64> {
    let both = found.iter().filter_map(|one| Some((count(one)?, span(one)?.0)));
    let (count, span) = both.fold((0_u64, 0_u64), |(count, span), (n, nanos)| {
        (count.saturating_add(n), span.saturating_add(nanos))
    });
    rate(count, Nanos(span))
}

fn mean(rows: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = rows.fold((0.0, 0_u64), |(sum, n), row| (sum + row, n + 1));
    (n > 0).then(|| sum / n as f64)
}

fn joules_per_token(record: &AttemptRecord) -> Option<f64> {
    let joules = energy::total(&energy::over(&record.gpu_samples, attempt::load_window(record)?))?;
    let tokens = attempt::tokens(record);
    (tokens > 0).then(|| joules / tokens as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::scene::{ms, record, sample_generation};

    fn two() -> AttemptRecord {
        let generations = [1_000, 2_000].map(|sent| {
            let mut generation = sample_generation();
            generation.opened.sent_at = ms(sent);
            generation
        });
        record(0, generations)
    }

    #[test]
    fn every_figure_by_hand() {
        // Two generations of 5 tokens: eval 32 ms, text 40 ms, prompt 50 tokens in 100 ms, ttft 120, e2e 165 ms.
        let close = |quantity, expected: f64| {
            let found = trial_figure(&two(), quantity).unwrap();
            assert!((found - expected).abs() < 1e-9, "{} is {found}, not {expected}", quantity.name());
        };
        close(Quantity::DecodeRate, 125.0);
        close(Quantity::DecodeRateWall, 100.0);
        close(Quantity::PrefillRate, 500.0);
        close(Quantity::OutputRate, 10.0 / 1.165);
        close(Quantity::Ttft, 0.120);
        close(Quantity::TtftWarm, 0.100);
        close(Quantity::E2e, 0.165);
        close(Quantity::Tpot, 0.010);
    }

    #[test]
    fn what_was_not_measured_has_no_figure() {
        assert!(COMPARABLE.iter().all(|quantity| trial_figure(&record(0, []), *quantity).is_none()));
        assert_eq!(trial_figure(&two(), Quantity::EnergyPerToken), None);
        assert_eq!(trial_figure(&two(), Quantity::PeakMemory), None);
    }
}
