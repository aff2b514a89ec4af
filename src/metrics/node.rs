//! The counters of one node, and the result of the latest attempt at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

use super::NodeConnection;
use crate::clock::instant;

/// The counters of one node, and the result of the latest attempt at it.
#[derive(Debug, Clone)]
pub struct NodeMetrics {
    new: IntCounter,
    reused: IntCounter,
    failures: IntCounter,
    last: Arc<LastAttempt>,
}

/// The result of the latest attempt at a node.
#[derive(Debug)]
struct LastAttempt {
    /// The start of second 1.
    since: Instant,
    /// The second of the node's latest response, counted from 1; 0 if there was none.
    answered: AtomicU64,
    /// Whether an attempt has failed since then.
    failed: AtomicBool,
}

impl NodeMetrics {
    /// With these counters of new connections, reused connections and failed attempts. No attempt has been made yet.
    pub(super) fn new(new: IntCounter, reused: IntCounter, failures: IntCounter) -> Self {
        Self {
            new,
            reused,
            failures,
            last: Arc::new(LastAttempt {
                since: instant(),
                answered: AtomicU64::new(0),
                failed: AtomicBool::new(false),
            }),
        }
    }

    /// Counts a connection to the node.
    pub fn connection(&self, connection: NodeConnection) {
        match connection {
            NodeConnection::New => self.new.inc(),
            NodeConnection::Reused => self.reused.inc(),
        }
    }

    /// Counts a failed attempt.
    pub fn failure(&self) {
        self.failures.inc();
        self.last.failed.store(true, Ordering::Relaxed);
    }

    /// Records that a response of the node was passed on.
    pub fn answered(&self, now: Instant) {
        let second = now.duration_since(self.last.since).as_secs() + 1;
        self.last.answered.store(second, Ordering::Relaxed);
        self.last.failed.store(false, Ordering::Relaxed);
    }

    /// Whether the node has answered within `time` and no attempt has failed since.
    pub fn has_answered_within(&self, time: Duration, now: Instant) -> bool {
        let second = self.last.answered.load(Ordering::Relaxed);
        let age = (now.duration_since(self.last.since).as_secs() + 1).checked_sub(second);
        second > 0
            && age.is_none_or(|age| age <= time.as_secs())
            && !self.last.failed.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_a_node_has_answered_lately_until_an_attempt_fails() {
        let counter = || IntCounter::new("a", "b").unwrap();
        let node = NodeMetrics::new(counter(), counter(), counter());
        let (start, second) = (instant(), Duration::from_secs(1));
        let lately = |after: u32| node.has_answered_within(10 * second, start + after * second);
        assert!(!lately(0));
        node.answered(start);
        assert!(lately(0) && lately(9) && !lately(12));
        node.failure();
        assert!(!lately(0));
        node.answered(start + 5 * second);
        // Also with a time that was read before the response.
        assert!(lately(0) && lately(14) && !lately(17));
    }
}
