//! A forecast for people, in one value that wraps.

use crate::text;
use crate::view::{CostView, ForecastView};

/// `about 1h 06m, 0.420 kWh, 12.30 EUR (from nightly)`, or why not.
#[must_use]
pub fn forecast(view: &ForecastView) -> String {
    let Some(seconds) = view.seconds else {
        return format!("unknown: {}", lacking(&view.lacking));
    };
    let mut parts = vec![format!("about {}", text::span_of_seconds(seconds))];
    parts.extend(view.kwh.map(energy));
    parts.extend(view.cost.as_ref().and_then(amount));
    let mut told = parts.join(", ");
    if !view.sources.is_empty() {
        told.push_str(&format!(" (from {})", view.sources.join(", ")));
    }
    if view.kwh.is_none() {
        told.push_str(&format!("; energy unknown: {}", lacking(&view.lacking)));
    }
    if let Some(why) = view.cost.as_ref().and_then(|cost| cost.lacking.as_ref()) {
        told.push_str(&format!("; cost unknown: {why}"));
    }
    told
}

fn energy(kwh: f64) -> String {
    if kwh >= 0.1 { format!("{kwh:.3} kWh") } else { format!("{:.2} Wh", kwh * 1e3) }
}

fn amount(cost: &CostView) -> Option<String> {
    cost.amount.map(|amount| format!("{amount:.2} {}", cost.currency))
}

fn lacking(reasons: &[String]) -> String {
    if reasons.is_empty() { "no earlier record of these cells".to_owned() } else { reasons.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_told_and_what_is_not_says_why() {
        let cost = |amount, lacking| Some(CostView { currency: "EUR".to_owned(), amount, lacking });
        let known = ForecastView {
            seconds: Some(4_000.0),
            kwh: Some(0.42),
            sources: vec!["nightly".to_owned()],
            cost: cost(Some(12.3), None),
            ..ForecastView::default()
        };
        assert_eq!(forecast(&known), "about 1h 06m, 0.420 kWh, 12.30 EUR (from nightly)");
        let why = vec!["no earlier energy of m on H100".to_owned()];
        let half = ForecastView {
            kwh: None,
            lacking: why,
            cost: cost(None, Some("the energy is not known".to_owned())),
            ..known
        };
        assert_eq!(
            forecast(&half),
            "about 1h 06m (from nightly); energy unknown: no earlier energy of m on H100; \
             cost unknown: the energy is not known"
        );
        let unknown = ForecastView {
            lacking: vec!["no earlier record of m on H100".to_owned()],
            ..ForecastView::default()
        };
        assert_eq!(forecast(&unknown), "unknown: no earlier record of m on H100");
    }
}
