//! Leases: who has been heard of lately. Used by the shell that owns the sessions; what it concludes enters the journal
//! as [`super::event::Event::NodeLeft`] with [`super::event::LeaveReason::Silent`], so a replay never asks a clock.

use std::collections::BTreeMap;

use super::deadline::Deadlines;
use crate::id::{Incarnation, NodeId};
use crate::unit::{Moment, Nanos};

/// Span between two HTTP/2 pings, on both ends.
pub const PING: Nanos = Nanos::from_secs(10);
/// How long the answer to a ping may take before the connection is closed.
pub const PING_TIMEOUT: Nanos = Nanos::from_secs(5);
/// Span between two heartbeats of a node.
pub const HEARTBEAT: Nanos = Nanos::from_secs(10);
/// How long a session lives after the last sign of life.
pub const LEASE_TTL: Nanos = Nanos::from_secs(30);
/// Longest wait before the first attempt to reconnect.
pub const FIRST_RECONNECT_MAX: Nanos = Nanos::from_secs(5);

// A node that loses its connection must be able to notice it and to come back inside its lease; otherwise each cut
// cable would cost a lease. This is the rule that Kubernetes has for its node leases.
const _: () = assert!(LEASE_TTL.0 > PING.0 + PING_TIMEOUT.0 + FIRST_RECONNECT_MAX.0);
const _: () = assert!(LEASE_TTL.0 > 2 * HEARTBEAT.0, "one lost heartbeat must not end a lease");

/// The leases of all open sessions. Every operation is O(log n); pure: time is an argument.
#[derive(Debug, Clone)]
pub struct Leases {
    ttl: Nanos,
    sessions: BTreeMap<NodeId, Incarnation>,
    ends: Deadlines<NodeId>,
}

impl Default for Leases {
    fn default() -> Self {
        Self::new(LEASE_TTL)
    }
}

impl Leases {
    /// No sessions; leases last `ttl`.
    #[must_use]
    pub const fn new(ttl: Nanos) -> Self {
        Self { ttl, sessions: BTreeMap::new(), ends: Deadlines::new() }
    }

    /// A session begins; it replaces an older one of the node. An older incarnation than the present one is ignored.
    pub fn open(&mut self, node: &NodeId, incarnation: Incarnation, now: Moment) {
        if self.sessions.get(node).is_none_or(|present| *present <= incarnation) {
            self.sessions.insert(node.clone(), incarnation);
            self.ends.set(node.clone(), now.after(self.ttl));
        }
    }

    /// A sign of life. It renews the lease of that session only: a late heartbeat of an older session of the same node
    /// must not keep the newer one alive, so the name alone is never enough.
    pub fn heard(&mut self, node: &NodeId, incarnation: Incarnation, now: Moment) {
        if self.sessions.get(node) == Some(&incarnation) {
            self.ends.set(node.clone(), now.after(self.ttl));
        }
    }

    /// A session is over for another reason.
    pub fn close(&mut self, node: &NodeId, incarnation: Incarnation) {
        if self.sessions.get(node) == Some(&incarnation) {
            self.sessions.remove(node);
            self.ends.clear(node);
        }
    }

    /// Removes and returns the sessions whose lease is over at `now`, earliest first, ties by node id.
    pub fn expired(&mut self, now: Moment) -> Vec<(NodeId, Incarnation)> {
        let due = std::iter::from_fn(|| self.ends.pop_due(now));
        let nodes: Vec<NodeId> = due.collect();
        nodes.into_iter().filter_map(|node| self.sessions.remove_entry(&node)).collect()
    }

    /// When the next lease ends; absent when there is no session.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.ends.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeId {
        NodeId::new(name).unwrap()
    }

    #[test]
    fn a_lease_ends_at_its_deadline_and_not_before() {
        let mut leases = Leases::new(Nanos(30));
        leases.open(&node("b"), Incarnation(1), Moment(0));
        leases.open(&node("a"), Incarnation(2), Moment(0));
        leases.heard(&node("b"), Incarnation(1), Moment(10));
        assert_eq!(leases.expired(Moment(29)), []);
        assert_eq!(leases.expired(Moment(30)), [(node("a"), Incarnation(2))]);
        assert_eq!(leases.next_deadline(), Some(Moment(40)));
        assert_eq!(leases.expired(Moment(99)), [(node("b"), Incarnation(1))]);
        assert_eq!(leases.next_deadline(), None);
    }

    #[test]
    fn an_older_session_renews_and_closes_nothing() {
        let mut leases = Leases::new(Nanos(30));
        leases.open(&node("a"), Incarnation(1), Moment(0));
        leases.open(&node("a"), Incarnation(2), Moment(5));
        leases.heard(&node("a"), Incarnation(1), Moment(20));
        leases.close(&node("a"), Incarnation(1));
        leases.open(&node("a"), Incarnation(1), Moment(21));
        assert_eq!(leases.expired(Moment(35)), [(node("a"), Incarnation(2))]);
    }
}
