//! The coordinator's monotonic axis: it begins with the journal, goes on after a restart from the last journaled moment,
//! and never follows the wall clock.

use std::time::SystemTime;

use chimera_core::unit::{Moment, Nanos, UnixNanos};
use tokio::time::{Duration, Instant};

/// Reads the axis. Copies agree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    base: Moment,
    started: Instant,
}

impl Clock {
    /// An axis that goes on from `base` now.
    pub(crate) fn from(base: Moment) -> Self {
        Self { base, started: Instant::now() }
    }

    /// Now.
    pub(crate) fn now(&self) -> Moment {
        let elapsed = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.base.after(Nanos(elapsed))
    }

    /// When `moment` comes, for a timer. A moment that has passed is now.
    pub(crate) fn instant(&self, moment: Moment) -> Instant {
        let ahead = Duration::from_nanos(moment.since(self.base).0);
        self.started.checked_add(ahead).unwrap_or_else(|| self.started + FAR)
    }
}

/// Stands for "never" where a timer needs an end.
const FAR: Duration = Duration::from_secs(365 * 24 * 3_600);

/// The wall clock: a label for people, part of no decision.
pub(crate) fn wall() -> UnixNanos {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_axis_goes_on_from_its_base() {
        let clock = Clock::from(Moment(1_000));
        assert!(clock.now() >= Moment(1_000));
        let soon = Moment(2_000_000);
        tokio::time::sleep_until(clock.instant(soon)).await;
        assert!(clock.now() >= soon);
        assert!(clock.instant(Moment(u64::MAX)) > Instant::now());
    }
}
