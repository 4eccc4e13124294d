//! The single place that reads clocks. Durations come from the monotonic clock; the wall clock only labels.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use chimera_core::unit::{Nanos, UnixNanos};

/// A step of the wall clock that is worth a note. Between two readings 100 ms apart a clock that is only slewed (at
/// most 500 ppm) moves by 50 µs.
const STEP_NOTED_NS: u64 = 50_000_000;
/// Two clocks count as read at one moment when they were read within this time.
const PAIR_SPREAD_NS: u64 = 1_000_000;
/// Tries to read them so.
const PAIR_TRIES: u32 = 8;

/// The node's monotonic clock: nanoseconds since the daemon started.
#[derive(Debug, Clone, Copy)]
pub struct NodeClock {
    origin: Instant,
}

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Monotonic clock.
    pub monotonic: Nanos,
    /// Wall clock.
    pub wall: UnixNanos,
    /// How far apart they may have been read.
    pub spread: Nanos,
}

impl NodeClock {
    /// A clock that reads 0 now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Time since the clock was started.
    #[must_use]
    pub fn now(&self) -> Nanos {
        Nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// The wall clock: a label, never part of a duration.
    #[must_use]
    pub fn wall(&self) -> UnixNanos {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_nanos());
        UnixNanos(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// Both clocks at one moment. A pause between the two reads would look like a step, so such a pair is read again.
    #[must_use]
    pub fn reading(&self) -> Reading {
        let pair = || {
            let (monotonic, wall) = (self.now(), self.wall());
            Reading { monotonic, wall, spread: self.now().saturating_sub(monotonic) }
        };
        let mut best = pair();
        for _ in 1..PAIR_TRIES {
            if best.spread.0 <= PAIR_SPREAD_NS {
                break;
            }
            let next = pair();
            best = if next.spread < best.spread { next } else { best };
        }
        best
    }
}

/// Finds steps of the wall clock by comparing how far both clocks moved.
#[derive(Debug)]
pub struct StepDetector {
    last: Reading,
}

impl StepDetector {
    /// Begins at `first`.
    #[must_use]
    pub fn new(first: Reading) -> Self {
        Self { last: first }
    }

    /// How far the wall clock stepped since the last reading, in nanoseconds; `None` when it did not.
    pub fn check(&mut self, now: Reading) -> Option<i64> {
        let wall = now.wall.0.saturating_sub(self.last.wall.0);
        let monotonic = now.monotonic.saturating_sub(self.last.monotonic).0;
        self.last = now;
        let step = wall.saturating_sub(i64::try_from(monotonic).unwrap_or(i64::MAX));
        (step.unsigned_abs() >= STEP_NOTED_NS).then_some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(monotonic_ms: u64, wall_ms: i64) -> Reading {
        Reading {
            monotonic: Nanos::from_millis(monotonic_ms),
            wall: UnixNanos(wall_ms * 1_000_000),
            spread: Nanos::ZERO,
        }
    }

    #[test]
    fn a_step_is_told_from_a_drift() {
        let mut detector = StepDetector::new(reading(0, 1_000_000));
        assert_eq!(detector.check(reading(100, 1_000_100)), None);
        assert_eq!(detector.check(reading(200, 1_000_249)), None);
        assert_eq!(detector.check(reading(300, 1_003_349)), Some(3_000_000_000));
        assert_eq!(detector.check(reading(400, 1_000_349)), Some(-3_100_000_000));
        assert_eq!(detector.check(reading(500, 1_000_449)), None);
    }

    #[test]
    fn the_clock_does_not_run_backwards() {
        let clock = NodeClock::start();
        let first = clock.now();
        assert!(clock.now() >= first);
    }
}
