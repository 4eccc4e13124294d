//! How a node is asked to end: first it drains, then it stops.

use tokio_util::sync::CancellationToken;

/// A request to end, in two steps. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    drain: CancellationToken,
    stop: CancellationToken,
}

impl Shutdown {
    /// Nothing is asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a drain: no new offers are taken, running attempts finish.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Asks for a stop: running attempts are ended as failed by nobody's fault.
    pub fn stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Returns when a drain was asked for.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Returns when a stop was asked for.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }
}
