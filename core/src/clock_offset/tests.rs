//! Two clocks with a known offset and drift: what is told of them must hold.

use super::*;
use proptest::prelude::*;

/// A node whose monotonic clock began at the coordinator's `origin` and runs fast by `ppm`; its wall clock is its
/// monotonic clock plus `wall`.
#[derive(Debug, Clone, Copy)]
struct World {
    origin: i64,
    ppm: i64,
    wall: i64,
}

impl World {
    /// The node's monotonic clock `at` ns after the origin.
    fn node(&self, at: u64) -> Nanos {
        let drift = i128::from(at) * i128::from(self.ppm) / 1_000_000;
        Nanos(u64::try_from(i128::from(at) + drift).unwrap())
    }

    fn coordinator(&self, at: u64) -> UnixNanos {
        UnixNanos(self.origin + i64::try_from(at).unwrap())
    }

    fn node_wall(&self, at: u64) -> UnixNanos {
        UnixNanos(i64::try_from(self.node(at).0).unwrap() + self.wall)
    }

    fn true_offset(&self, at: u64) -> i64 {
        self.node_wall(at).0 - self.coordinator(at).0
    }
}

fn world() -> impl Strategy<Value = World> {
    let drift = i64::try_from(DRIFT_PPM).unwrap();
    // The drift is rounded down to a nanosecond here, so the very edge is left to the rounding.
    let drift = 1 - drift..drift;
    let wall = 1_700_000_000_000_000_000_i64..1_800_000_000_000_000_000;
    (wall.clone(), drift, wall).prop_map(|(origin, ppm, wall)| World { origin, ppm, wall })
}

/// Wait before a heartbeat, way there, way back: ns.
fn trips() -> impl Strategy<Value = Vec<(u64, u64, u64)>> {
    let way = || prop_oneof![0..2_000_000_u64, 0..3_000_000_000_u64];
    proptest::collection::vec((0..20_000_000_000_u64, way(), way()), 1..40)
}

fn feed(world: World, trips: &[(u64, u64, u64)]) -> (RoundTrips, u64) {
    let (mut seen, mut at) = (RoundTrips::default(), 0);
    for (wait, there, back) in trips {
        let sent = at + wait;
        at = sent + there + back;
        seen.add(world.node(sent), world.coordinator(sent + there), world.node(at));
    }
    (seen, at)
}

proptest! {
    /// However unequal the two ways are, and however late it is asked for.
    #[test]
    fn the_true_offset_lies_within_the_bound(world in world(), trips in trips(), later in 0..600_000_000_000_u64) {
        let (seen, last) = feed(world, &trips);
        let now = last + later;
        let told = seen.offset(world.node(now), world.node_wall(now)).unwrap();
        let off = (i128::from(world.true_offset(now)) - i128::from(told.offset_ns)).unsigned_abs();
        // The two readings of the test are whole nanoseconds.
        prop_assert!(off <= u128::from(told.bound_ns) + 2, "{off} ns off, {told:?}");
    }

    #[test]
    fn no_more_round_trips_are_kept_than_allowed_and_none_is_lost_without_a_step(world in world(), trips in trips()) {
        let (seen, _) = feed(world, &trips);
        prop_assert_eq!(seen.latest.len(), trips.len().min(ROUND_TRIPS_MAX));
    }

    #[test]
    fn an_order_that_is_told_is_true(
        a in world(), b in world(), trips in trips(), gap in -5_000_000_000_i64..5_000_000_000,
    ) {
        // Both nodes stamp something on the coordinator's axis, `gap` apart.
        let a = World { origin: b.origin, ..a };
        let (seen_a, last_a) = feed(a, &trips);
        let (seen_b, last_b) = feed(b, &trips);
        let at_a = last_a.max(last_b) + 5_000_000_000;
        let at_b = at_a.checked_add_signed(gap).unwrap();
        let stamp = |world: World, seen: &RoundTrips, at: u64| Stamp {
            at: world.node_wall(at),
            clock: seen.offset(world.node(at), world.node_wall(at)).unwrap().widened(Nanos(2)),
        };
        let (first, second) = (stamp(a, &seen_a, at_a), stamp(b, &seen_b, at_b));
        match order(&first, &second) {
            Order::Earlier => prop_assert!(gap > 0),
            Order::Later => prop_assert!(gap < 0),
            Order::CannotTell => {
                let bounds = first.clock.bound_ns + second.clock.bound_ns;
                prop_assert!(gap.unsigned_abs() <= 2 * bounds, "{gap} ns apart, bounds {bounds} ns");
            }
        }
        prop_assert_eq!(order(&first, &second) == Order::Earlier, order(&second, &first) == Order::Later);
    }
}

#[test]
fn the_best_round_trip_tells_and_its_bound_is_half_of_it_and_the_drift_since() {
    let mut seen = RoundTrips::default();
    assert_eq!(seen.offset(Nanos(1), UnixNanos(1)), None);
    seen.add(Nanos(0), UnixNanos(1_000_000_200), Nanos(400));
    seen.add(Nanos(1_000), UnixNanos(1_000_050_900), Nanos(101_000));
    let told = seen.offset(Nanos(1_000_000), UnixNanos(1_002_000_000)).unwrap();
    assert_eq!(told, ClockOffset { offset_ns: 1_000_000, bound_ns: 200 + 100, age: Nanos(1_000_000) });
}

#[test]
fn a_step_of_the_coordinators_clock_is_believed_at_once() {
    let mut seen = RoundTrips::default();
    seen.add(Nanos(0), UnixNanos(5_000), Nanos(10));
    seen.add(Nanos(1_000_000), UnixNanos(9_001_000_000), Nanos(1_000_900));
    let told = seen.offset(Nanos(1_001_000), UnixNanos(9_001_000_550)).unwrap();
    assert_eq!((told.offset_ns, told.age), (0, Nanos(1_000)));
}

#[test]
fn a_step_of_the_nodes_wall_clock_moves_the_offset_with_it() {
    let mut seen = RoundTrips::default();
    seen.add(Nanos(100), UnixNanos(1_100), Nanos(100));
    let told = |wall| seen.offset(Nanos(100), UnixNanos(wall)).unwrap().offset_ns;
    assert_eq!((told(1_100), told(3_600_000_001_100)), (0, 3_600_000_000_000));
}

#[test]
fn an_answer_from_before_its_question_is_left_out() {
    let mut seen = RoundTrips::default();
    seen.add(Nanos(10), UnixNanos(0), Nanos(9));
    assert_eq!(seen, RoundTrips::default());
}

#[test]
fn stamps_closer_than_their_bounds_are_not_ordered() {
    let stamp = |at, bound_ns| Stamp {
        at: UnixNanos(at),
        clock: ClockOffset { offset_ns: 0, bound_ns, age: Nanos::ZERO },
    };
    let told = |apart| order(&stamp(0, 300), &stamp(apart, 200));
    assert_eq!((told(500), told(-500)), (Order::CannotTell, Order::CannotTell));
    assert_eq!((told(501), told(-501)), (Order::Earlier, Order::Later));
    let ahead =
        Stamp { at: UnixNanos(1_000), clock: ClockOffset { offset_ns: 1_000, bound_ns: 1, age: Nanos(0) } };
    assert_eq!(order(&ahead, &stamp(0, 0)), Order::CannotTell);
}
