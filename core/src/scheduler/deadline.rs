//! Deadlines by key: at most one per key, the earliest first, removed as soon as they are not needed, so that a driver
//! is never woken for nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::unit::Moment;

/// A set of deadlines. Every operation is O(log n).
#[derive(Debug, Clone)]
pub(super) struct Deadlines<K> {
    at: BTreeMap<K, Moment>,
    order: BTreeSet<(Moment, K)>,
}

impl<K: Ord + Clone> Deadlines<K> {
    pub(super) const fn new() -> Self {
        Self { at: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Sets the deadline of `key`, replacing an earlier one.
    pub(super) fn set(&mut self, key: K, at: Moment) {
        if let Some(former) = self.at.insert(key.clone(), at) {
            self.order.remove(&(former, key.clone()));
        }
        self.order.insert((at, key));
    }

    /// Removes the deadline of `key`; says whether there was one.
    pub(super) fn clear(&mut self, key: &K) -> bool {
        let Some(at) = self.at.remove(key) else {
            return false;
        };
        self.order.remove(&(at, key.clone()))
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Moment> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Removes and returns the earliest key whose deadline is not after `now`.
    pub(super) fn pop_due(&mut self, now: Moment) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.at.remove(&key);
        Some(key)
    }

    pub(super) fn contains(&self, key: &K) -> bool {
        self.at.contains_key(key)
    }

    pub(super) fn len(&self) -> usize {
        self.at.len()
    }

    pub(super) fn remove_all(&mut self) {
        self.at.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_deadline_and_the_earliest_comes_first() {
        let mut deadlines = Deadlines::new();
        deadlines.set('a', Moment(5));
        deadlines.set('b', Moment(3));
        deadlines.set('a', Moment(9));
        assert_eq!(deadlines.next(), Some(Moment(3)));
        assert_eq!(deadlines.pop_due(Moment(3)), Some('b'));
        assert_eq!(deadlines.pop_due(Moment(8)), None);
        assert!(deadlines.clear(&'a') && !deadlines.clear(&'a'));
        assert_eq!(deadlines.next(), None);
    }
}
