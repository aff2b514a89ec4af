//! The one room that asks the system for the time.

use std::time::{Instant, SystemTime};

/// Where the time comes from. Everything else takes `now` as an argument.
pub trait Clock: Send + Sync + 'static {
    /// The time of day, for the freshness of signatures and for logs.
    fn now(&self) -> SystemTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A point in monotonic time, for durations and deadlines only.
pub fn instant() -> Instant {
    Instant::now()
}
