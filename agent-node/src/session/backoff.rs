//! How long to wait before the next dial. Pure: randomness is an argument.

use std::time::Duration;

/// Full jitter over a window that doubles.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    max: Duration,
    window: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, window: first }
    }

    /// The next wait: `random` of `u64::MAX` parts of the window, which then doubles.
    pub(super) fn next(&mut self, random: u64) -> Duration {
        let wait = self.window.mul_f64(random as f64 / u64::MAX as f64);
        self.window = (self.window * 2).min(self.max);
        wait
    }

    /// A session was stable: begin anew.
    pub(super) fn reset(&mut self) {
        self.window = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_doubles_to_its_maximum_and_is_reset() {
        let mut backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));
        let longest: Vec<u64> = (0..6).map(|_| backoff.next(u64::MAX).as_secs()).collect();
        assert_eq!(longest, [5, 10, 20, 40, 60, 60]);
        backoff.reset();
        assert_eq!(backoff.next(u64::MAX / 2).as_millis(), 2_500);
        assert_eq!(backoff.next(0), Duration::ZERO);
    }
}
