//! How long a node may be silent.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::clock::{Deadline, instant};

/// What ends a wait for a node. It belongs to the attempt: one for all its reads, and one for its writes.
pub trait Patience {
    /// Asked when a read or a write would block. Ready where the node is not waited for any longer.
    fn poll_spent(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// The node has sent or taken something.
    fn renew(&mut self);
}

/// So long from when the node is waited for, and anew whenever it has sent or taken something.
#[derive(Debug)]
pub struct Silence {
    longest: Duration,
    /// When the wait that is under way is over; none while nobody waits.
    due: Option<Instant>,
    deadline: Deadline,
}

impl Silence {
    /// So long at most.
    pub fn of(longest: Duration) -> Self {
        Self::with(Deadline::default(), longest)
    }

    /// The same, with a timer that has served before.
    pub(super) fn with(deadline: Deadline, longest: Duration) -> Self {
        Self {
            longest,
            due: None,
            deadline,
        }
    }

    /// The timer, for the next request.
    pub(super) fn into_deadline(self) -> Deadline {
        self.deadline
    }
}

impl Patience for Silence {
    fn poll_spent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let longest = self.longest;
        let due = *self.due.get_or_insert_with(|| instant() + longest);
        self.deadline.poll(due, cx)
    }

    fn renew(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn silence_is_counted_from_the_latest_sign_of_life() {
        let span = Duration::from_millis(20);
        let mut silence = Silence::of(span);
        let started = instant();
        poll_fn(|cx| silence.poll_spent(cx)).await;
        assert!(started.elapsed() >= span);

        let mut silence = Silence::of(span);
        let mut polled = 0;
        poll_fn(|cx| {
            // The timer wakes the task; by then the node has done something.
            polled += 1;
            if polled == 2 {
                silence.renew();
            }
            silence.poll_spent(cx)
        })
        .await;
        assert!(started.elapsed() >= 3 * span);
        assert!(polled >= 3, "{polled}");
    }
}
