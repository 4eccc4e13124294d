//! How far a node's wall clock is from the coordinator's, and how sure that is. It places what several hosts did on one
//! axis and never enters a duration.
//!
//! A node sends a heartbeat and gets back what the coordinator's wall clock read in between. That reading was made at
//! some moment of the round trip, nobody knows which: the middle is off by half the round trip at most, however
//! unequal the two ways are. Since then both clocks may have drifted apart.

use std::collections::VecDeque;

use crate::unit::{Nanos, UnixNanos};

/// Round trips that are remembered.
pub const ROUND_TRIPS_MAX: usize = 16;
/// How fast two clocks may drift apart, in parts per million: NTP allows a clock 15, a bare crystal does with 50. A clock
/// that is being slewed faster breaks the bound.
pub const DRIFT_PPM: u64 = 100;

/// A node's wall clock beside the coordinator's at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClockOffset {
    /// The node's wall clock less the coordinator's, in nanoseconds: above 0 when the node's is ahead.
    pub offset_ns: i64,
    /// The true offset lies within this of `offset_ns`, in nanoseconds.
    pub bound_ns: u64,
    /// Time since the round trip that tells it was begun.
    pub age: Nanos,
}

impl ClockOffset {
    /// This offset with a bound that is wider by `by`.
    #[must_use]
    pub const fn widened(self, by: Nanos) -> Self {
        Self { bound_ns: self.bound_ns.saturating_add(by.0), ..self }
    }
}

/// A heartbeat that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RoundTrip {
    sent: Nanos,
    back: Nanos,
    received: UnixNanos,
}

impl RoundTrip {
    /// The coordinator's wall clock less the node's monotonic clock, were it read in the middle.
    fn between(&self) -> i128 {
        i128::from(self.received.0) - (i128::from(self.sent.0) + i128::from(self.back.0)) / 2
    }

    /// How far that may be off at `now`: half the round trip, and the drift since it began.
    fn bound(&self, now: Nanos) -> u64 {
        let half = self.back.saturating_sub(self.sent).0.div_ceil(2);
        let drift = (u128::from(self.age(now).0) * u128::from(DRIFT_PPM)).div_ceil(1_000_000);
        half.saturating_add(u64::try_from(drift).unwrap_or(u64::MAX))
    }

    fn age(&self, now: Nanos) -> Nanos {
        now.saturating_sub(self.sent)
    }

    /// Whether both can be true at `now`. If not, a clock was stepped between them.
    fn agrees(&self, other: &Self, now: Nanos) -> bool {
        let apart = (self.between() - other.between()).unsigned_abs();
        apart <= u128::from(self.bound(now)) + u128::from(other.bound(now))
    }
}

/// Round trips of one node, the latest [`ROUND_TRIPS_MAX`]. They are kept against its monotonic clock, so a step of its
/// wall clock does not age them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoundTrips {
    latest: VecDeque<RoundTrip>,
}

impl RoundTrips {
    /// Takes an answered heartbeat: sent and answered on the node's monotonic clock, received on the coordinator's wall
    /// clock. One that came back before it was sent is left out. Older ones that it contradicts are forgotten: a clock
    /// was stepped since.
    pub fn add(&mut self, sent: Nanos, received: UnixNanos, back: Nanos) {
        if back < sent {
            return;
        }
        let next = RoundTrip { sent, back, received };
        self.latest.retain(|earlier| earlier.agrees(&next, back));
        if self.latest.len() == ROUND_TRIPS_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back(next);
    }

    /// The offset when the node's clocks read `now` and `wall`, by the round trip with the smallest bound then; absent
    /// before the first one.
    #[must_use]
    pub fn offset(&self, now: Nanos, wall: UnixNanos) -> Option<ClockOffset> {
        let best = self.latest.iter().min_by_key(|trip| trip.bound(now))?;
        let offset = i128::from(wall.0) - (best.between() + i128::from(now.0));
        Some(ClockOffset {
            offset_ns: i64::try_from(offset).ok()?,
            bound_ns: best.bound(now),
            age: best.age(now),
        })
    }
}

/// A stamp of a node's wall clock with the node's offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// What the node's wall clock read.
    pub at: UnixNanos,
    /// The offset of that clock.
    pub clock: ClockOffset,
}

impl Stamp {
    fn on_the_coordinators_axis(&self) -> i128 {
        i128::from(self.at.0) - i128::from(self.clock.offset_ns)
    }
}

/// Which of two stamps came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// The first one.
    Earlier,
    /// The second one.
    Later,
    /// They are closer to each other than their clocks are known.
    CannotTell,
}

/// The order of two stamps of different nodes. A claim that their bounds do not carry is refused.
#[must_use]
pub fn order(a: &Stamp, b: &Stamp) -> Order {
    let ahead = b.on_the_coordinators_axis() - a.on_the_coordinators_axis();
    let bounds = i128::from(a.clock.bound_ns) + i128::from(b.clock.bound_ns);
    if ahead > bounds {
        Order::Earlier
    } else if -ahead > bounds {
        Order::Later
    } else {
        Order::CannotTell
    }
}

#[cfg(test)]
mod tests;
