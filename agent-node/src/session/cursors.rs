//! What to send next: a position per attempt over what the spool holds. Pure. Live and repeated sending are the same.

use std::collections::BTreeMap;

use chimera_core::id::AttemptId;

use crate::spool::Holding;

/// Most batches sent and not acknowledged, over all attempts.
pub(super) const WINDOW: u64 = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    sent: u64,
    acked: u64,
    end_sent: bool,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// A batch.
    Batch(AttemptId, u64),
    /// The end of an attempt.
    End(Holding),
}

/// Positions of one session.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    positions: BTreeMap<AttemptId, Option<Cursor>>,
}

impl Cursors {
    /// The coordinator has batches up to `acked`: go on behind them.
    pub(super) fn resume(&mut self, attempt: AttemptId, acked: u64) {
        self.positions.insert(attempt, Some(Cursor { sent: acked, acked, end_sent: false }));
    }

    /// Nothing more of this attempt is wanted.
    pub(super) fn mute(&mut self, attempt: AttemptId) {
        self.positions.insert(attempt, None);
    }

    /// Batches up to `seq` are durable there.
    pub(super) fn acked(&mut self, attempt: &AttemptId, seq: u64) {
        if let Some(Some(cursor)) = self.positions.get_mut(attempt) {
            cursor.acked = cursor.acked.max(seq.min(cursor.sent));
        }
    }

    /// The attempt is no longer held.
    pub(super) fn forget(&mut self, attempt: &AttemptId) {
        self.positions.remove(attempt);
    }

    /// What to send next of `holdings`, if the window has room for it.
    pub(super) fn next(&self, holdings: Vec<Holding>) -> Option<Next> {
        let open = self.in_flight() < WINDOW;
        holdings.into_iter().find_map(|holding| {
            let cursor = match self.positions.get(&holding.attempt) {
                Some(None) => return None,
                Some(Some(cursor)) => *cursor,
                None => Cursor::default(),
            };
            if cursor.sent < holding.last_seq {
                open.then(|| Next::Batch(holding.attempt, cursor.sent + 1))
            } else {
                (holding.ended && !cursor.end_sent).then_some(Next::End(holding))
            }
        })
    }

    /// It was sent.
    pub(super) fn sent(&mut self, next: &Next) {
        let attempt = match next {
            Next::Batch(attempt, _) | Next::End(Holding { attempt, .. }) => attempt,
        };
        let entry = self.positions.entry(attempt.clone()).or_insert_with(|| Some(Cursor::default()));
        match (entry, next) {
            (Some(cursor), Next::Batch(_, seq)) => cursor.sent = *seq,
            (Some(cursor), Next::End(_)) => cursor.end_sent = true,
            (None, _) => {}
        }
    }

    fn in_flight(&self) -> u64 {
        self.positions.values().flatten().map(|cursor| cursor.sent - cursor.acked).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chimera_core::id::{AttemptNumber, Digest, SweepId, TrialId};

    fn attempt(ordinal: u32) -> AttemptId {
        let trial = TrialId { sweep: SweepId::new("s").unwrap(), ordinal };
        AttemptId { trial, number: AttemptNumber::FIRST }
    }

    fn holding(ordinal: u32, last_seq: u64, ended: bool) -> Holding {
        Holding { attempt: attempt(ordinal), last_seq, chain: Digest([0; 32]), ended }
    }

    fn step(cursors: &mut Cursors, holdings: &[Holding]) -> Option<Next> {
        let next = cursors.next(holdings.to_vec())?;
        cursors.sent(&next);
        Some(next)
    }

    #[test]
    fn batches_come_in_order_and_the_end_comes_once() {
        let mut cursors = Cursors::default();
        let held = [holding(0, 2, true)];
        assert_eq!(step(&mut cursors, &held), Some(Next::Batch(attempt(0), 1)));
        assert_eq!(step(&mut cursors, &held), Some(Next::Batch(attempt(0), 2)));
        assert_eq!(step(&mut cursors, &held), Some(Next::End(held[0].clone())));
        assert_eq!(step(&mut cursors, &held), None);
    }

    #[test]
    fn sending_resumes_behind_what_is_acknowledged() {
        let mut cursors = Cursors::default();
        cursors.resume(attempt(0), 7);
        assert_eq!(step(&mut cursors, &[holding(0, 9, false)]), Some(Next::Batch(attempt(0), 8)));
        cursors.resume(attempt(1), 5);
        assert_eq!(step(&mut cursors, &[holding(1, 3, true)]), Some(Next::End(holding(1, 3, true))));
        cursors.mute(attempt(0));
        assert_eq!(step(&mut cursors, &[holding(0, 9, true)]), None);
    }

    #[test]
    fn the_window_bounds_what_is_not_acknowledged() {
        let mut cursors = Cursors::default();
        let held = [holding(0, 200, false), holding(1, 0, true)];
        (0..WINDOW).for_each(|_| assert!(matches!(step(&mut cursors, &held), Some(Next::Batch(..)))));
        assert_eq!(step(&mut cursors, &held), Some(Next::End(held[1].clone())));
        assert_eq!(step(&mut cursors, &held), None);
        cursors.acked(&attempt(0), 1);
        assert_eq!(step(&mut cursors, &held), Some(Next::Batch(attempt(0), WINDOW + 1)));
        cursors.acked(&attempt(0), 10_000);
        assert_eq!(cursors.in_flight(), 0);
    }
}
