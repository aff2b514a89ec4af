//! The clock: only this module reads the time of the system.

mod timer;

use std::time::{Instant, SystemTime};

pub use timer::{Deadline, Timer};

/// A source of the time. Other code takes `now` as an argument.
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
