//! The rate at which a client sends or reads, over the time in which the gateway waits for it.

use std::time::{Duration, Instant};

use crate::clock::instant;
use crate::runtime::options::MinRate;

/// One direction of a connection: the bytes transferred, and the time for which the gateway waited for the client. Time spent
/// waiting for a node does not count. The clock is read only when the gateway waits for the client.
#[derive(Debug, Default)]
pub struct RateMeter {
    waiting_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl RateMeter {
    /// Starts a wait: the client has to send or read something now.
    pub fn start_wait(&mut self) {
        self.waiting_since.get_or_insert_with(instant);
    }

    /// Cancels a wait: the client may have waited for the gateway.
    pub fn cancel_wait(&mut self) {
        self.waiting_since = None;
    }

    /// Counts bytes that the client has sent or read. True if it is too slow: the waits add up to a whole window, and the
    /// average rate over them is below the minimum.
    #[must_use]
    pub fn is_too_slow(&mut self, bytes: usize, least: impl FnOnce() -> MinRate) -> bool {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let Some(since) = self.waiting_since.take() else {
            return false;
        };
        self.end_wait(instant().saturating_duration_since(since), least())
    }

    fn end_wait(&mut self, wait: Duration, least: MinRate) -> bool {
        self.waited += wait;
        if self.waited < least.window {
            return false;
        }
        let Self { waited, bytes, .. } = std::mem::take(self);
        u128::from(bytes) * 1_000_000_000 < u128::from(least.bytes) * waited.as_nanos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: MinRate = MinRate {
        bytes: 100,
        window: Duration::from_secs(10),
    };

    /// Takes waits in milliseconds, each with the bytes that follow it. Whether the client is too slow after the last one.
    fn last(events: &[(u64, u64)], least: MinRate) -> bool {
        let mut rate_meter = RateMeter::default();
        events.iter().fold(false, |_earlier, (wait, bytes)| {
            rate_meter.bytes += bytes;
            rate_meter.end_wait(Duration::from_millis(*wait), least)
        })
    }

    #[test]
    fn the_average_over_a_window_counts() {
        for (events, slow) in [
            (&[(9_999, 0)][..], false),
            (&[(10_000, 999)], true),
            (&[(10_000, 1000)], false),
            (&[(5_000, 999), (5_000, 0)], true),
            (&[(5_000, 0), (5_000, 1000)], false),
            // A single wait may be longer than the window if enough was sent before it.
            (&[(1, 3000), (29_999, 0)], false),
            (&[(1, 2999), (29_999, 0)], true),
        ] {
            assert_eq!(last(events, LEAST), slow, "{events:?}");
            assert!(!last(events, MinRate { bytes: 0, ..LEAST }), "{events:?}");
        }
    }

    #[test]
    fn a_window_does_not_help_the_next_one() {
        let mut rate_meter = RateMeter {
            bytes: 1_000_000,
            ..RateMeter::default()
        };
        assert!(!rate_meter.end_wait(Duration::from_secs(10), LEAST));
        assert!(!rate_meter.end_wait(Duration::from_secs(9), LEAST));
        assert!(rate_meter.end_wait(Duration::from_secs(1), LEAST));
    }

    #[test]
    fn a_client_that_is_not_waited_for_is_not_slow() {
        let mut rate_meter = RateMeter::default();
        for _ in 0..3 {
            assert!(!rate_meter.is_too_slow(0, || unreachable!("no clock, no settings")));
        }
        rate_meter.start_wait();
        rate_meter.cancel_wait();
        assert!(!rate_meter.is_too_slow(1, || unreachable!("excused")));
        let any = MinRate {
            bytes: u64::MAX,
            window: Duration::ZERO,
        };
        rate_meter.start_wait();
        assert!(rate_meter.is_too_slow(1, || any));
    }
}
