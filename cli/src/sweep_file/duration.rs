//! Durations such as `500ms`, `30s`, `5m` or `1h`.

use chimera_core::unit::Nanos;

use super::error::SweepFileFault;
use super::place::Report;
use super::table::Entry;

/// Longest accepted duration: a week.
const LONGEST: Nanos = Nanos::from_secs(7 * 24 * 3_600);

/// Reads the value of a key, and refuses what is no duration.
pub(super) fn read(entry: &Entry<'_>, report: &mut Report<'_>) -> Option<Nanos> {
    let text = entry.text(report)?;
    let span = parse(text);
    if span.is_none() {
        entry.refuse(SweepFileFault::Duration { found: text.chars().take(40).collect() }, report);
    }
    span
}

/// Reads a whole number with its unit; `None` for anything else, 0, and more than a week.
fn parse(text: &str) -> Option<Nanos> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let millis = match text.get(digits..)?.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let span = Nanos::from_millis(number.checked_mul(millis)?);
    (span > Nanos::ZERO && span <= LONGEST).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_an_end() {
        for (text, millis) in
            [("1ms", 1), ("500 ms", 500), ("30s", 30_000), ("5m", 300_000), ("168h", 604_800_000)]
        {
            assert_eq!(parse(text), Some(Nanos::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "30",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "1d",
            "169h",
            "1 s s",
            "99999999999999999999h",
            "٣s",
            "1h30m",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
