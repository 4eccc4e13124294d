//! What happens at a start: the journal goes through the same `handle` as it did when it was written.

use std::sync::Arc;

use chimera_core::id::{Incarnation, SweepId};
use chimera_core::scheduler::Scheduler;
use chimera_core::scheduler::attempt::AttemptView;
use chimera_core::scheduler::command::Command;
use chimera_core::scheduler::event::Event;
use chimera_core::scheduler::lease::Leases;
use chimera_core::scheduler::policy::Policy;
use chimera_core::unit::{Moment, Nanos};
use chimera_proto::convert::{Beside, Invalid, decode_beside, decode_event};
use tokio::sync::{mpsc, watch};

use super::perform::note_sweep;
use super::request::DriverHandle;
use super::roster::Roster;
use super::snapshot::{Catalog, Snapshot};
use super::{Driver, REQUEST_QUEUE, Wakes};
use crate::clock::Clock;
use crate::records::in_order;
use crate::store::row::JournalRow;
use crate::store::{Store, StoreError};

/// Why the journal cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is not an event that this build understands.
    #[error(
        "entry {number} of the journal cannot be replayed: the database was written by another build or is damaged; \
         start the build that wrote it, or restore a backup"
    )]
    Entry {
        /// Its position, from 1.
        number: u64,
        /// What is wrong with it.
        source: Invalid,
    },
}

/// What a driver is made with.
#[derive(Debug, Clone)]
pub(crate) struct DriverParts {
    /// The scheduler's limits. A replay needs the values of the recording.
    pub(crate) policy: Policy,
    /// How long a session lives after the last sign of life.
    pub(crate) lease_ttl: Nanos,
    /// Most sweeps that have not ended.
    pub(crate) running_sweeps_max: usize,
}

/// State rebuilt from the journal.
struct Recovered {
    scheduler: Scheduler,
    catalog: Catalog,
    incarnation: Incarnation,
    last: Moment,
    entries: u64,
}

/// Makes a driver that goes on where the journal ends. It has not yet told the scheduler that it restarted.
pub(crate) async fn recover(
    store: Store,
    parts: DriverParts,
    wakes: Wakes,
) -> Result<(Driver, DriverHandle, Clock), RecoverError> {
    let mut recovered = replay(&store, parts.policy).await?;
    for row in store.submissions().await? {
        recovered.catalog.add_submission(row);
    }
    for row in store.datasets().await? {
        recovered.catalog.sealed(&row.sweep, row.folder);
    }
    for (sweep, lessons) in store.experience().await? {
        recovered.catalog.learn(&sweep, &lessons);
    }
    for name in store.import_names().await? {
        recovered.catalog.add_import(name);
    }
    let Recovered { scheduler, catalog, incarnation, last, entries } = recovered;
    tracing::info!(entries, "the journal was replayed");
    let clock = Clock::from(last);
    let first = Snapshot {
        view: scheduler.view(),
        at: last,
        sweeps: catalog.sweeps(),
        experience: catalog.experience(),
    };
    let (requests, inbox) = mpsc::channel(REQUEST_QUEUE);
    let (snapshots, watch) = watch::channel(Arc::new(first));
    let driver = Driver {
        scheduler,
        store,
        clock,
        leases: Leases::new(parts.lease_ttl),
        roster: Roster::default(),
        catalog,
        incarnation,
        requests: inbox,
        snapshots,
        wakes,
        running_sweeps_max: parts.running_sweeps_max,
        pending: Vec::new(),
        publish_at: None,
    };
    Ok((driver, DriverHandle::new(requests, watch), clock))
}

/// What a journal says, without a driver that goes on from it.
#[derive(Debug)]
pub(crate) struct Past {
    /// The fleet after the last entry.
    pub(crate) snapshot: Snapshot,
    scheduler: Scheduler,
}

impl Past {
    /// Every attempt of a sweep, in order of trial and number; none for an unknown sweep.
    pub(crate) fn attempts(&self, sweep: &SweepId) -> Vec<AttemptView> {
        in_order(self.scheduler.attempts(sweep).collect())
    }
}

/// Replays the journal of a store that may be only looked at.
pub(crate) async fn past(store: &Store, policy: Policy) -> Result<Past, RecoverError> {
    let Recovered { scheduler, catalog, last, .. } = replay(store, policy).await?;
    let (sweeps, experience) = (catalog.sweeps(), catalog.experience());
    let snapshot = Snapshot { view: scheduler.view(), at: last, sweeps, experience };
    Ok(Past { snapshot, scheduler })
}

async fn replay(store: &Store, policy: Policy) -> Result<Recovered, RecoverError> {
    let mut recovered = Recovered {
        scheduler: Scheduler::new(policy),
        catalog: Catalog::default(),
        incarnation: Incarnation(0),
        last: Moment(0),
        entries: 0,
    };
    let mut after = 0;
    loop {
        let (last, rows) = store.journal_after(after).await?;
        if rows.is_empty() {
            return Ok(recovered);
        }
        for row in rows {
            recovered.apply(row)?;
        }
        after = last;
    }
}

impl Recovered {
    fn apply(&mut self, row: JournalRow) -> Result<(), RecoverError> {
        self.entries += 1;
        let broken = |source| RecoverError::Entry { number: self.entries, source };
        let event = decode_event(&row.payload).map_err(broken)?;
        let submitted = matches!(event, Event::SweepSubmitted { .. });
        let beside = if submitted { decode_beside(&row.payload).map_err(broken)? } else { Beside::default() };
        if let Event::NodeJoined { incarnation, .. } = &event {
            self.incarnation = self.incarnation.max(*incarnation);
        }
        note_sweep(&mut self.catalog, &event, beside, row.wall);
        self.last = self.last.max(row.moment);
        self.scheduler.handle(row.moment, event);
        // The commands were performed when the event was new; only their traces in the catalog are made again.
        while let Some(command) = self.scheduler.poll() {
            if let Command::SweepEnded { sweep } = command {
                self.catalog.ended(&sweep, row.wall);
            }
        }
        Ok(())
    }
}
