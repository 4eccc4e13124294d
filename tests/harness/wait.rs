//! Waiting for a level, never for an edge, and never for ever.

use std::time::{Duration, Instant};

/// A condition did not come true in time.
#[derive(Debug)]
pub struct WaitError {
    what: String,
    waited: Duration,
}

impl std::fmt::Display for WaitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "waited {:?} in vain for {}", self.waited, self.what)
    }
}

impl std::error::Error for WaitError {}

/// Asks `level` every 20 ms until it answers, at most for `limit`.
///
/// # Errors
/// [`WaitError`] when the limit passes first.
pub fn until<T>(what: &str, limit: Duration, mut level: impl FnMut() -> Option<T>) -> Result<T, WaitError> {
    let start = Instant::now();
    loop {
        if let Some(answer) = level() {
            return Ok(answer);
        }
        if start.elapsed() >= limit {
            return Err(WaitError { what: what.to_owned(), waited: start.elapsed() });
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
