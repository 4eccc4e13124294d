//! The slots of this node and what each does now. Answers offers and stops; never waits for a model server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chimera_core::id::AttemptId;
use chimera_core::scheduler::event::RejectReason;
use chimera_core::workload::{Endpoint as Route, Start, Workload};
use chimera_proto::convert::{HELD_MAX, Offer};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::cancel::{Cancel, CancelCause};
use crate::spool::{Spool, SpoolError};

/// A stop is acknowledged after the drain, but at the latest after this: the coordinator waits 15 s.
const STOP_ACK_LIMIT: Duration = Duration::from_secs(10);
/// Lost attempts that wait to be told; more than there are slots.
const LOST_MAX: usize = 64;

/// An attempt for a slot.
#[derive(Debug)]
pub(crate) struct Assignment {
    pub(crate) offer: Offer,
    pub(crate) cancel: Cancel,
}

/// Why an offer is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: RejectReason,
    pub(crate) detail: String,
}

/// What a slot does.
#[derive(Debug, Clone)]
struct Work {
    attempt: AttemptId,
    cancel: Cancel,
    /// Raised when the attempt has closed its record.
    ended: CancellationToken,
    /// Raised when the slot is free again.
    free: CancellationToken,
}

#[derive(Debug)]
struct Slot {
    work: Mutex<Option<Work>>,
    inbox: mpsc::Sender<Assignment>,
}

/// The slots of a node.
#[derive(Debug)]
pub(crate) struct Bench {
    slots: Vec<Slot>,
    spool: Spool,
    stopping: AtomicBool,
    busy: watch::Sender<usize>,
    lost: mpsc::Sender<AttemptId>,
}

/// The other ends of a bench: one inbox per slot, and attempts whose record could not be written.
pub(crate) struct BenchEnds {
    pub(crate) inboxes: Vec<mpsc::Receiver<Assignment>>,
    pub(crate) lost: mpsc::Receiver<AttemptId>,
}

impl Bench {
    /// A bench of `count` free slots.
    pub(crate) fn new(count: usize, spool: Spool) -> (Self, BenchEnds) {
        let (senders, inboxes): (Vec<_>, Vec<_>) = (0..count).map(|_| mpsc::channel(1)).unzip();
        let slots = senders.into_iter().map(|inbox| Slot { work: Mutex::default(), inbox }).collect();
        let (lost, told) = mpsc::channel(LOST_MAX);
        let bench =
            Self { slots, spool, stopping: AtomicBool::new(false), busy: watch::Sender::new(0), lost };
        (bench, BenchEnds { inboxes, lost: told })
    }

    /// Takes an offer, or says why not. Taking the same one twice is taking it once.
    pub(crate) async fn offer(&self, offer: Offer) -> Result<(), Refusal> {
        if self.spool.holding(&offer.attempt).is_some() {
            return Ok(());
        }
        let refuse = |reason, detail: &str| Err(Refusal { reason, detail: detail.to_owned() });
        if self.stopping.load(Ordering::Acquire) {
            return refuse(RejectReason::Stopping, "the node is stopping");
        }
        let Some(slot) = self.slots.get(usize::from(offer.slot)) else {
            return refuse(RejectReason::Unsupported, "there is no such slot");
        };
        if let Some(detail) = unsupported(&offer.workload) {
            return refuse(RejectReason::Unsupported, detail);
        }
        if self.spool.holdings().len() >= HELD_MAX {
            return refuse(RejectReason::SpoolFull, "the node holds as many attempts as a hello can name");
        }
        let cancel = Cancel::default();
        if let Some(attempt) = slot.occupy(&offer.attempt, &cancel) {
            let detail = format!("the slot is busy with, or drains after, attempt {attempt}");
            return Err(Refusal { reason: RejectReason::SlotBusy, detail });
        }
        self.busy.send_modify(|count| *count += 1);
        if let Err(error) = self.spool.begin(&offer.attempt).await {
            self.free(offer.slot);
            return Err(Refusal { reason: RejectReason::SpoolFull, detail: told(&error) });
        }
        let index = offer.slot;
        if slot.inbox.try_send(Assignment { offer, cancel }).is_err() {
            self.free(index);
            return refuse(RejectReason::Stopping, "the slot has stopped");
        }
        Ok(())
    }

    /// Stops an attempt and drops its record; returns when both are done.
    pub(crate) async fn stop(&self, attempt: &AttemptId) {
        if let Some(work) = self.work_on(attempt) {
            work.cancel.raise(CancelCause::Stopped);
            // After the drain the slot can take an offer at once; a long drain must not look like a wedged node.
            if tokio::time::timeout(STOP_ACK_LIMIT, work.free.cancelled()).await.is_err() {
                work.ended.cancelled().await;
            }
        }
        if let Err(error) = self.spool.discard(attempt).await {
            tracing::error!(%attempt, error = told(&error), "a stopped attempt could not be removed from the spool");
        }
    }

    /// Takes no more offers.
    pub(crate) fn refuse_offers(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Asks every running attempt to end.
    pub(crate) fn cancel_all(&self, cause: CancelCause) {
        for work in self.slots.iter().filter_map(|slot| slot.lock().clone()) {
            work.cancel.raise(cause);
        }
    }

    /// Returns when no attempt runs and no slot drains.
    pub(crate) async fn idle(&self) {
        // The sender lives in `self`, so the wait cannot fail.
        let _ = self.busy.subscribe().wait_for(|count| *count == 0).await;
    }

    /// Whether a slot runs or drains.
    pub(crate) fn is_busy(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|slot| slot.lock().is_some())
    }

    /// Whether an attempt is on a slot.
    pub(crate) fn runs(&self, attempt: &AttemptId) -> bool {
        self.work_on(attempt).is_some_and(|work| !work.ended.is_cancelled())
    }

    /// An attempt has closed its record; its slot may still drain.
    pub(crate) fn ended(&self, slot: u16) {
        if let Some(work) = self.slots.get(usize::from(slot)).and_then(|slot| slot.lock().clone()) {
            work.ended.cancel();
        }
    }

    /// A slot can take an offer again.
    pub(crate) fn free(&self, slot: u16) {
        if let Some(work) = self.slots.get(usize::from(slot)).and_then(Slot::clear) {
            work.ended.cancel();
            work.free.cancel();
            self.busy.send_modify(|count| *count = count.saturating_sub(1));
        }
    }

    /// A record could not be written: what there is of it is dropped, and the coordinator is told.
    pub(crate) async fn lost(&self, attempt: AttemptId) {
        if let Err(error) = self.spool.discard(&attempt).await {
            tracing::error!(%attempt, error = told(&error), "a broken record could not be removed from the spool");
        }
        // Without a session nobody needs to be told: the next one begins with what is held.
        let _ = self.lost.try_send(attempt);
    }

    fn work_on(&self, attempt: &AttemptId) -> Option<Work> {
        self.slots.iter().find_map(|slot| slot.lock().clone().filter(|work| work.attempt == *attempt))
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Work>> {
        // A value is replaced as a whole, so it is whole even after a panic of another thread.
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Occupies a free slot; else tells who has it.
    fn occupy(&self, attempt: &AttemptId, cancel: &Cancel) -> Option<AttemptId> {
        let mut work = self.lock();
        if let Some(work) = work.as_ref() {
            return Some(work.attempt.clone());
        }
        *work = Some(Work {
            attempt: attempt.clone(),
            cancel: cancel.clone(),
            ended: CancellationToken::new(),
            free: CancellationToken::new(),
        });
        None
    }

    fn clear(&self) -> Option<Work> {
        self.lock().take()
    }
}

/// Why a workload cannot be run here, if so.
fn unsupported(workload: &Workload) -> Option<&'static str> {
    let cold = workload.start == Start::Cold;
    if cold && workload.concurrency > 1 {
        Some("cold generations unload the model first, so they run one at a time: use concurrency 1")
    } else if workload.system.is_some() && workload.endpoint == Route::Generate {
        Some("a raw prompt has no system text: use the chat endpoint")
    } else {
        None
    }
}

/// An error with its causes, on one line.
pub(crate) fn told(error: &SpoolError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    format!("{error}{source}")
}
