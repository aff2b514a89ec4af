//! A timer that need not be asked while it has not rung.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use pingora::prelude::sleep as fast_sleep;

/// Rings once. A timer of Pingora's, since tokio looks at the clock twice more in each pause while it has one of its own.
pub struct Alarm {
    /// When it rings.
    pub at: Instant,
    ringing: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    /// What it rings; none before it was polled.
    bell: Option<Arc<Bell>>,
}

/// Wakes a task and says that it has: whoever is polled for another reason need not look at the clock.
struct Bell {
    task: Waker,
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Alarm {
    /// Sets an alarm.
    pub fn at(at: Instant, now: Instant) -> Self {
        let ringing = Box::pin(fast_sleep(at.saturating_duration_since(now)));
        Self {
            at,
            ringing,
            bell: None,
        }
    }

    /// Whether it is yet to ring, and for this task: then there is no need to ask it.
    pub fn is_set(&self, cx: &Context<'_>) -> bool {
        let set = |bell: &Arc<Bell>| {
            !bell.rung.load(Ordering::Acquire) && bell.task.will_wake(cx.waker())
        };
        self.bell.as_ref().is_some_and(set)
    }

    /// Whether it has rung; if not, it wakes the task once it does.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let bell = self.bell.insert(Arc::new(Bell {
            task: cx.waker().clone(),
            rung: AtomicBool::new(false),
        }));
        let waker = Waker::from(Arc::clone(bell));
        self.ringing.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
