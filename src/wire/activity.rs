//! Whether a connection is idle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Instead of a time: a request is being read or answered.
const BUSY: u64 = 0;
/// Instead of a time: the connection is being closed to make room.
const DISMISSED: u64 = u64::MAX;

/// The idle state of a connection. It is idle between two requests, and before the first byte of its first one.
#[derive(Debug)]
pub struct Activity {
    base: Instant,
    /// Nanoseconds since `base`, at least 1; or [`BUSY`] or [`DISMISSED`].
    idle_since: AtomicU64,
}

impl Activity {
    /// A connection that is idle from now on. `base` must be the same for all connections that are compared.
    pub fn idle(base: Instant, now: Instant) -> Self {
        let activity = Self {
            base,
            idle_since: AtomicU64::new(BUSY),
        };
        activity.rest(now);
        activity
    }

    /// Marks the connection as idle from now on.
    pub fn rest(&self, now: Instant) {
        let since = now.saturating_duration_since(self.base).as_nanos();
        let since = u64::try_from(since)
            .unwrap_or(DISMISSED - 1)
            .clamp(1, DISMISSED - 1);
        self.idle_since.store(since, Ordering::Relaxed);
    }

    /// Marks the connection as busy with a request. False if it has been dismissed: then the request must not be served.
    pub fn begin(&self) -> bool {
        let begun = |since| (since != DISMISSED).then_some(BUSY);
        self.idle_since
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, begun)
            .is_ok()
    }

    /// The start of the idle time, in nanoseconds; none while it is not idle.
    pub fn idle_since(&self) -> Option<u64> {
        let since = self.idle_since.load(Ordering::Relaxed);
        (since != BUSY && since != DISMISSED).then_some(since)
    }

    /// Marks the connection as dismissed, unless it has begun a request after `since`.
    pub fn dismiss(&self, since: u64) -> bool {
        self.idle_since
            .compare_exchange(since, DISMISSED, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}
