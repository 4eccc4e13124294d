//! Wall-clock stamps: RFC 3339 in UTC with trailing zeros cut, strictly increasing within a stream.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// Nanoseconds since the epoch.
pub(crate) type UnixNs = i128;

/// The wall clock now.
pub(crate) fn unix_now() -> UnixNs {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i128::try_from(elapsed.as_nanos()).unwrap_or(i128::MAX)
}

/// A stamp as the server writes it.
pub(crate) fn rfc3339(at: UnixNs) -> String {
    Timestamp::from_nanosecond(at).unwrap_or(Timestamp::MAX).to_string()
}

/// Gives stamps that never repeat and never go back, whatever the wall clock does.
#[derive(Debug, Default)]
pub(crate) struct StampClock {
    last: UnixNs,
}

impl StampClock {
    /// The next stamp.
    pub(crate) fn next(&mut self) -> String {
        self.last = unix_now().max(self.last + 1);
        rfc3339(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailing_zeros_are_cut() {
        assert_eq!(rfc3339(1_795_330_540_981_920_000), "2026-11-22T06:55:40.98192Z");
        assert_eq!(rfc3339(1_795_330_540_112_000_000), "2026-11-22T06:55:40.112Z");
        assert_eq!(rfc3339(1_795_330_540_112_805_221), "2026-11-22T06:55:40.112805221Z");
    }

    #[test]
    fn stamps_increase() {
        let mut clock = StampClock { last: unix_now() + 1_000_000_000 };
        let first = clock.last;
        let _ = clock.next();
        assert_eq!(clock.last, first + 1);
    }
}
