//! What this node knows of the coordinator's clock: written by the session, read by whoever labels a record.

use chimera_core::clock_offset::{ClockOffset, RoundTrips};
use chimera_core::unit::{Nanos, UnixNanos};
use tokio::sync::watch;

use crate::clock::NodeClock;

/// Takes answered heartbeats. They outlast a session: the clocks do not change with it.
#[derive(Debug, Default)]
pub(crate) struct Heartbeats(watch::Sender<RoundTrips>);

/// Tells the offset of this node's wall clock.
#[derive(Debug, Clone)]
pub(crate) struct Offset(watch::Receiver<RoundTrips>);

impl Heartbeats {
    /// A heartbeat was answered.
    pub(super) fn answered(&self, sent: Nanos, received: UnixNanos, back: Nanos) {
        self.0.send_modify(|trips| trips.add(sent, received, back));
    }

    /// Tells what the heartbeats say.
    pub(crate) fn offset(&self) -> Offset {
        Offset(self.0.subscribe())
    }
}

impl Offset {
    /// The offset now; absent before the first answered heartbeat.
    pub(crate) fn now(&self, clock: NodeClock) -> Option<ClockOffset> {
        let read = clock.reading();
        Some(self.0.borrow().offset(read.monotonic, read.wall)?.widened(read.spread))
    }
}
