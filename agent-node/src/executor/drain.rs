//! After an attempt that left work behind: everything is unloaded before the slot takes the next offer.
//!
//! An unload is answered at once and takes effect when the running requests have ended; a short request could be
//! answered by another parallel slot of the server while a cancelled prefill still runs (docs/ollama.md, 6).

use std::time::Duration;

use super::SlotWorker;
use super::loading::unload_all;
use crate::ollama::api::ApiError;

/// Tries before the slot is given free anyway; the next attempt checks and loads from scratch.
const TRIES: u32 = 5;
/// Pause between tries.
const PAUSE: Duration = Duration::from_secs(5);

impl SlotWorker {
    /// Waits until the server works on nothing of this slot any more.
    pub(super) async fn drain(&mut self) {
        self.loaded = None;
        for _ in 0..TRIES {
            match unload_all(&self.api).await {
                // A server that is gone works on nothing.
                Ok(()) | Err(ApiError::Exchange(_)) => return,
                Err(error) => {
                    tracing::warn!(slot = self.index, %error, "the model server does not drain; trying again");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
        tracing::error!(slot = self.index, endpoint = %self.api.endpoint, "the model server did not drain; restart it");
    }
}
