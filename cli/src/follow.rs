//! Follows a sweep over a connection that may break: the coordinator can restart while a sweep runs.

use std::time::Duration;

use crate::client::{Client, ClientError, Watch};
use crate::error::Failure;
use crate::progress::Progress;
use crate::screen::Screen;
use crate::view::SweepView;

/// Connections tried before giving up; with the pauses below this is about a minute.
const TRIES: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Follows one sweep.
#[derive(Debug)]
pub struct Follower<'s> {
    client: Client,
    sweep: String,
    progress: Progress<'s>,
    watch: Option<Watch>,
    failed_tries: u32,
    last: Option<SweepView>,
}

impl<'s> Follower<'s> {
    /// Follows `sweep`.
    #[must_use]
    pub fn new(client: Client, sweep: &str, screen: &'s Screen) -> Self {
        let progress = Progress::start(screen);
        Self { client, sweep: sweep.to_owned(), progress, watch: None, failed_tries: 0, last: None }
    }

    /// What is shown meanwhile.
    #[must_use]
    pub const fn progress(&self) -> &Progress<'s> {
        &self.progress
    }

    /// Shows progress until the sweep has ended, and gives its end. May be dropped and called again.
    ///
    /// # Errors
    /// When there is no such sweep, or the coordinator stays away.
    pub async fn to_end(&mut self) -> Result<SweepView, Failure> {
        loop {
            match self.step().await {
                Ok(Some(view)) => {
                    self.progress.update(&view)?;
                    self.failed_tries = 0;
                    self.last = Some(view);
                }
                Ok(None) => self.watch = None,
                Err(error) => self.pause_after(error).await?,
            }
            if let Some(view) = self.last.as_ref().filter(|view| view.ended) {
                self.progress.finish();
                return Ok(view.clone());
            }
        }
    }

    async fn step(&mut self) -> Result<Option<SweepView>, ClientError> {
        let watch = match self.watch.take() {
            Some(watch) => watch,
            None => self.client.watch(&self.sweep).await?,
        };
        // Kept in self while waiting, so that a dropped call loses nothing.
        self.watch.insert(watch).next().await
    }

    /// A stream that ends before the sweep does is one more failed try, so that this loop ends.
    async fn pause_after(&mut self, error: ClientError) -> Result<(), Failure> {
        self.watch = None;
        self.failed_tries += 1;
        if !error.passes() || self.failed_tries > TRIES {
            return Err(error.into());
        }
        if self.failed_tries == 1 {
            self.progress.notice(&format!("{error}; trying again for about a minute"))?;
        }
        let doubled = FIRST_PAUSE.saturating_mul(1 << self.failed_tries.min(6));
        tokio::time::sleep(doubled.min(LONGEST_PAUSE)).await;
        Ok(())
    }
}
