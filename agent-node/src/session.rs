//! The session with the coordinator: dial, register, follow the spool, answer offers and stops, dial again.
//!
//! Every frame after the welcome is a hint: what is not acknowledged is sent again by the next session. Measuring never
//! waits for any of this.

mod backoff;
mod cursors;
mod dial;
mod link;
mod round_trips;

use std::sync::Arc;
use std::time::Duration;

use chimera_core::id::AttemptId;
use chimera_core::node::NodeFacts;
use chimera_proto::v1;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::bench::Bench;
use crate::clock::NodeClock;
use crate::config::Config;
use crate::spool::Spool;
use backoff::Backoff;
use link::{Link, LinkEnd};

pub(crate) use round_trips::{Heartbeats, Offset};

/// Waits of a node; the defaults are what a fleet needs, tests shorten them.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Window of the first wait before dialling again.
    pub reconnect_first: Duration,
    /// Largest window.
    pub reconnect_max: Duration,
    /// A session that lasted this long resets the window.
    pub stable: Duration,
    /// Wait after a refusal.
    pub refused: Duration,
    /// Time between two looks at host and model servers.
    pub inventory: Duration,
    /// Longest wait at the end for acknowledgements.
    pub flush: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            reconnect_first: Duration::from_secs(5),
            reconnect_max: Duration::from_secs(60),
            stable: Duration::from_secs(60),
            refused: Duration::from_secs(60),
            inventory: Duration::from_secs(30),
            flush: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// The usual waits, with what the configuration says about them.
    pub(crate) fn of(config: &Config) -> Self {
        let usual = Self::default();
        let reconnect_max = Duration::from_secs(config.reconnect_max_seconds);
        Self { reconnect_first: usual.reconnect_first.min(reconnect_max), reconnect_max, ..usual }
    }
}

/// All that a session needs.
pub(crate) struct Session {
    pub(crate) coordinator: String,
    pub(crate) nonce: u64,
    pub(crate) clock: NodeClock,
    pub(crate) spool: Spool,
    pub(crate) bench: Arc<Bench>,
    pub(crate) facts: watch::Receiver<Arc<NodeFacts>>,
    pub(crate) lost: mpsc::Receiver<AttemptId>,
    /// What they tell of the coordinator's clock.
    pub(crate) heartbeats: Heartbeats,
    pub(crate) timing: Timing,
    /// Raised when the node has nothing more to run: flush and say goodbye.
    pub(crate) finish: CancellationToken,
}

impl Session {
    /// Keeps a session open until the node finishes.
    pub(crate) async fn run(mut self) {
        let mut backoff = Backoff::new(self.timing.reconnect_first, self.timing.reconnect_max);
        while !self.finish.is_cancelled() {
            let wait = match self.one().await {
                Ok(LinkEnd::Finished) => return,
                Ok(LinkEnd::Lost { why, lasted }) => {
                    if lasted >= self.timing.stable {
                        backoff.reset();
                    }
                    let wait = backoff.next(random());
                    tracing::warn!(why, ?wait, "the session is lost; dialling again");
                    wait
                }
                Err(error) if error.is_refusal() => {
                    tracing::error!(%error, wait = ?self.timing.refused, "no session; trying again slowly");
                    self.timing.refused
                }
                Err(error) => {
                    let wait = backoff.next(random());
                    tracing::warn!(%error, ?wait, "no session; dialling again");
                    wait
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.finish.cancelled() => {}
            }
        }
    }

    async fn one(&mut self) -> Result<LinkEnd, dial::DialError> {
        let facts = v1::NodeFacts::from(&**self.facts.borrow_and_update());
        let held = self.spool.holdings();
        let hello = dial::hello(self.nonce, facts, &held);
        let opened = tokio::select! {
            opened = dial::open(&self.coordinator, hello) => opened?,
            () = self.finish.cancelled() => return Ok(LinkEnd::Finished),
        };
        let incarnation = opened.welcome.incarnation;
        tracing::info!(coordinator = self.coordinator, incarnation, held = held.len(), "session open");
        Ok(Link::new(self, opened, &held).await.run().await)
    }
}

/// Random bits for the jitter; without a source of them every wait is the longest one.
fn random() -> u64 {
    getrandom::u64().unwrap_or(u64::MAX)
}
