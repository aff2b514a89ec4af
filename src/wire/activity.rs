//! Whether a connection is idle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// In place of a time: a request is being read or answered.
const BUSY: u64 = 0;
/// In place of a time: the connection has been told to go.
const GONE: u64 = u64::MAX;

/// Since when a connection has been idle: between two requests, or before the first byte of its first one.
#[derive(Debug)]
pub struct Activity {
    base: Instant,
    /// Nanoseconds since `base`, at least 1; or [`BUSY`] or [`GONE`].
    idle_since: AtomicU64,
}

impl Activity {
    /// Idle from now on. Times are counted from `base`, which has to be the same for all that are compared.
    pub fn idle(base: Instant, now: Instant) -> Self {
        let activity = Self {
            base,
            idle_since: AtomicU64::new(BUSY),
        };
        activity.rest(now);
        activity
    }

    /// The connection is idle from now on.
    pub fn rest(&self, now: Instant) {
        let since = now.saturating_duration_since(self.base).as_nanos();
        let since = u64::try_from(since).unwrap_or(GONE - 1).clamp(1, GONE - 1);
        self.idle_since.store(since, Ordering::Relaxed);
    }

    /// A request begins. False where the connection has made room for another one by now: then it is not to be served.
    pub fn begin(&self) -> bool {
        let begun = |since| (since != GONE).then_some(BUSY);
        self.idle_since
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, begun)
            .is_ok()
    }

    /// Since when it is idle; none while it is not.
    pub fn idle_since(&self) -> Option<u64> {
        let since = self.idle_since.load(Ordering::Relaxed);
        (since != BUSY && since != GONE).then_some(since)
    }

    /// Tells the connection to go, unless it has begun a request since.
    pub fn dismiss(&self, since: u64) -> bool {
        self.idle_since
            .compare_exchange(since, GONE, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }
}
