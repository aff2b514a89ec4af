//! How fast a client sends or takes, while it is waited for.

use std::time::{Duration, Instant};

use crate::clock::instant;
use crate::runtime::options::MinRate;

/// One direction of a connection: how much came or went, and how long the client was waited for. The time in which nobody
/// waits for the client, but for a node, does not count. Where the client is never waited for, no clock is looked at.
#[derive(Debug, Default)]
pub struct RateMeter {
    waits_since: Option<Instant>,
    waited: Duration,
    bytes: u64,
}

impl RateMeter {
    /// The client has to send or take something now.
    pub fn wait(&mut self) {
        self.waits_since.get_or_insert_with(instant);
    }

    /// The client need not have done anything until now: it may have waited for us.
    pub fn excuse(&mut self) {
        self.waits_since = None;
    }

    /// The client has sent or taken so many bytes. True where it is too slow: it was waited for during a whole window, and
    /// in the average came below the least rate.
    #[must_use]
    pub fn is_too_slow(&mut self, bytes: usize, least: impl FnOnce() -> MinRate) -> bool {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let Some(since) = self.waits_since.take() else {
            return false;
        };
        self.ended(instant().saturating_duration_since(since), least())
    }

    fn ended(&mut self, wait: Duration, least: MinRate) -> bool {
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

    /// The bytes that come after each wait, in milliseconds; whether the last of them is too slow.
    fn last(events: &[(u64, u64)], least: MinRate) -> bool {
        let mut rate_meter = RateMeter::default();
        events.iter().fold(false, |_earlier, (wait, bytes)| {
            rate_meter.bytes += bytes;
            rate_meter.ended(Duration::from_millis(*wait), least)
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
            // One pause may be longer than a window where there was enough before and behind it.
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
        assert!(!rate_meter.ended(Duration::from_secs(10), LEAST));
        assert!(!rate_meter.ended(Duration::from_secs(9), LEAST));
        assert!(rate_meter.ended(Duration::from_secs(1), LEAST));
    }

    #[test]
    fn who_is_not_waited_for_is_not_slow() {
        let mut rate_meter = RateMeter::default();
        for _ in 0..3 {
            assert!(!rate_meter.is_too_slow(0, || unreachable!("no clock, no settings")));
        }
        rate_meter.wait();
        rate_meter.excuse();
        assert!(!rate_meter.is_too_slow(1, || unreachable!("excused")));
        let any = MinRate {
            bytes: u64::MAX,
            window: Duration::ZERO,
        };
        rate_meter.wait();
        assert!(rate_meter.is_too_slow(1, || any));
    }
}
