//! What is counted of one node, and what is known of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use prometheus::IntCounter;

use super::NodeConnection;
use crate::clock::instant;

/// The counters of one node, and how the last attempt at it went.
#[derive(Debug, Clone)]
pub struct NodeMetrics {
    new: IntCounter,
    reused: IntCounter,
    failures: IntCounter,
    last: Arc<LastAttempt>,
}

/// How the last attempt at a node went.
#[derive(Debug)]
struct LastAttempt {
    /// From when the seconds are counted.
    since: Instant,
    /// The second, counted from 1, in which the node answered last; 0 where it has not.
    answered: AtomicU64,
    /// Whether an attempt has failed since.
    failed: AtomicBool,
}

impl NodeMetrics {
    /// The counters of connections made and reused, and of attempts that failed; no attempt has been made yet.
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

    /// Counts an attempt at the node that failed.
    pub fn failure(&self) {
        self.failures.inc();
        self.last.failed.store(true, Ordering::Relaxed);
    }

    /// The node has answered, and the answer has been passed on.
    pub fn answered(&self, now: Instant) {
        let second = now.duration_since(self.last.since).as_secs() + 1;
        self.last.answered.store(second, Ordering::Relaxed);
        self.last.failed.store(false, Ordering::Relaxed);
    }

    /// Whether the node has answered within this time and no attempt at it has failed since.
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
        // A look at the clock that is older than the answer.
        assert!(lately(0) && lately(14) && !lately(17));
    }
}
