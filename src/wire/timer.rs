//! A timer that need not be polled while it has not fired.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use pingora::prelude::sleep as fast_sleep;

/// Fires once. A timer of Pingora's, since tokio looks at the clock twice more in each pause while it has one of its own.
pub struct Timer {
    /// When it fires.
    pub at: Instant,
    sleep: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    /// What it wakes; none before it was polled.
    waker: Option<Arc<TimerWaker>>,
}

/// Wakes a task and says that it has: whoever is polled for another reason need not look at the clock.
struct TimerWaker {
    task: Waker,
    fired: AtomicBool,
}

impl Wake for TimerWaker {
    fn wake(self: Arc<Self>) {
        self.fired.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Timer {
    /// Sets a timer.
    pub fn at(at: Instant, now: Instant) -> Self {
        let sleep = Box::pin(fast_sleep(at.saturating_duration_since(now)));
        Self {
            at,
            sleep,
            waker: None,
        }
    }

    /// Whether it is yet to ring, and for this task: then there is no need to ask it.
    pub fn is_set(&self, cx: &Context<'_>) -> bool {
        let set = |waker: &Arc<TimerWaker>| {
            !waker.fired.load(Ordering::Acquire) && waker.task.will_wake(cx.waker())
        };
        self.waker.as_ref().is_some_and(set)
    }

    /// Whether it has fired; if not, it wakes the task once it does.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = self.waker.insert(Arc::new(TimerWaker {
            task: cx.waker().clone(),
            fired: AtomicBool::new(false),
        }));
        let waker = Waker::from(Arc::clone(waker));
        self.sleep.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
