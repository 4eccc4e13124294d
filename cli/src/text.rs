//! Words and numbers for people.

use std::time::Duration;

use chimera_core::unit::{Bytes, Nanos};

/// `text` without anything that a terminal would obey: control characters and marks that reorder text. Names and
/// messages come from servers, and a model name may hold an escape sequence.
#[must_use]
pub fn clean(text: &str) -> String {
    text.chars().filter_map(inert).collect()
}

fn inert(c: char) -> Option<char> {
    let reorders =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    match c {
        '\n' | '\t' | '\r' => Some(' '),
        c if c.is_control() || reorders => None,
        c => Some(c),
    }
}

/// A span of time as people say it: `0.4 s`, `12 s`, `3m 05s`, `2h 07m`.
#[must_use]
pub fn span(nanos: Nanos) -> String {
    let seconds = nanos.0 / 1_000_000_000;
    match seconds {
        0..10 => format!("{:.1} s", nanos.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Seconds as [`span`]; negative and absurd ones are cut.
#[must_use]
pub fn span_of_seconds(seconds: f64) -> String {
    let span_found = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX);
    span(Nanos(u64::try_from(span_found.as_nanos()).unwrap_or(u64::MAX)))
}

/// A size in GiB, or MiB when small.
#[must_use]
pub fn size(bytes: Bytes) -> String {
    let gib = bytes.mib() as f64 / 1024.0;
    match gib {
        0.0..1.0 => format!("{} MiB", bytes.mib()),
        1.0..10.0 => format!("{gib:.1} GiB"),
        _ => format!("{gib:.0} GiB"),
    }
}

/// `1 trial`, `2 trials`.
#[must_use]
pub fn count(number: impl Into<u64>, word: &str) -> String {
    let number = number.into();
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {word}{ending}", grouped(number))
}

/// A whole number with a thin group sign from five digits on: `12 345`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    if digits.len() < 5 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// A wall clock reading in UTC: `2026-11-22 08:55:04Z`.
#[must_use]
pub fn wall_clock(unix_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(unix_ns))
        .map_or_else(|_| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_inert() {
        assert_eq!(clean("a\u{1b}[31mb\u{9b}2Jc\u{202e}d\ne\u{7}"), "a[31mb2Jcd e");
    }

    #[test]
    fn spans_sizes_and_counts_read_well() {
        assert_eq!(span(Nanos::from_millis(400)), "0.4 s");
        assert_eq!(span(Nanos::from_secs(185)), "3m 05s");
        assert_eq!(span(Nanos::from_secs(7_620)), "2h 07m");
        assert_eq!(span_of_seconds(f64::MAX), span(Nanos(u64::MAX)));
        assert_eq!(size(Bytes(80 << 30)), "80 GiB");
        assert_eq!(size(Bytes(300 << 20)), "300 MiB");
        assert_eq!(count(1_u32, "trial"), "1 trial");
        assert_eq!(count(12_345_u32, "trial"), "12\u{2009}345 trials");
        assert_eq!(wall_clock(1_795_337_704_000_000_000), "2026-11-22 08:55:04Z");
    }
}
