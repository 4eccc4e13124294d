//! Ending an attempt early, and why.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

/// Why an attempt is ended early. The first cause stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CancelCause {
    /// The coordinator does not want it any more.
    Stopped,
    /// The node stops.
    Shutdown,
    /// Its time limit passed.
    AttemptLimit,
    /// The spool cannot hold its record.
    Spool,
}

/// A request to end an attempt early. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel {
    token: CancellationToken,
    cause: Arc<OnceLock<CancelCause>>,
    /// Read on the measuring path, where the token's lock has no place.
    raised: Arc<AtomicBool>,
}

impl Cancel {
    /// Asks for the end.
    pub(crate) fn raise(&self, cause: CancelCause) {
        // A second cause comes too late to be the reason.
        let _ = self.cause.set(cause);
        self.raised.store(true, Ordering::Release);
        self.token.cancel();
    }

    /// Whether the end was asked for.
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    /// Why, if it was.
    pub(crate) fn cause(&self) -> Option<CancelCause> {
        self.cause.get().copied()
    }

    /// Returns when the end is asked for.
    pub(crate) async fn raised(&self) {
        self.token.cancelled().await;
    }
}
