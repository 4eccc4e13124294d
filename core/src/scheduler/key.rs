//! Positions in the scheduler's tables. Keys are made by pushing; no row is ever removed from a table, so a key that
//! exists is valid for the life of the scheduler. They are dense, which keeps a trial at a few bytes.

/// Position of a node, in order of first registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeKey(pub(super) u32);

/// Position of a slot, in order of first mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotKey(pub(super) u32);

/// Position of a sweep, in order of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SweepKey(pub(super) u32);

/// An attempt: its sweep and its row there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AttemptKey {
    pub(super) sweep: SweepKey,
    pub(super) row: u32,
}

/// A lane of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LaneKey {
    pub(super) sweep: SweepKey,
    pub(super) lane: u32,
}

impl NodeKey {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl SlotKey {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl SweepKey {
    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The key of the next row of a table of `len` rows. Tables hold fewer than 2^32 rows: a sweep is limited to
/// [`crate::plan::TRIALS_MAX`] trials with bounded budgets, and nodes to what a network can hold.
pub(super) fn next_key(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
