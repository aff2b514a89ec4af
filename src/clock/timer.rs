//! A timer that is polled only once it has fired.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Instant;

use pingora::prelude::sleep as fast_sleep;

use super::instant;

/// Fires once. Uses Pingora's timer: with a tokio timer, tokio reads the clock twice more each time it waits.
pub struct Timer {
    /// When it fires.
    pub at: Instant,
    sleep: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    /// The waker of the latest poll; none before the first one.
    waker: Option<Arc<TimerWaker>>,
}

/// Wakes a task and records it, so that a task that is polled for another reason need not read the clock.
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

    /// Whether it has not fired yet and will wake this task: then it need not be polled.
    pub fn is_set(&self, cx: &Context<'_>) -> bool {
        let set = |waker: &Arc<TimerWaker>| {
            !waker.fired.load(Ordering::Acquire) && waker.task.will_wake(cx.waker())
        };
        self.waker.as_ref().is_some_and(set)
    }

    /// Ready once it has fired; until then registers the task to be woken.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let waker = self.waker.insert(Arc::new(TimerWaker {
            task: cx.waker().clone(),
            fired: AtomicBool::new(false),
        }));
        let waker = Waker::from(Arc::clone(waker));
        self.sleep.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// A deadline that moves often, mostly into the future: its timer is set again only once it has fired, not for each move.
#[derive(Default)]
pub struct Deadline {
    timer: Option<Timer>,
}

impl Deadline {
    /// Ready once `due` has passed; until then registers the task to be woken.
    pub fn poll(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let timer = match &mut self.timer {
                Some(timer) if timer.at <= due => timer,
                timer => timer.insert(Timer::at(due, instant())),
            };
            if timer.is_set(cx) {
                return Poll::Pending;
            }
            ready!(timer.poll(cx));
            let late = timer.at == due;
            self.timer = None;
            if late {
                return Poll::Ready(());
            }
        }
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.timer.as_ref().map(|timer| timer.at);
        f.debug_struct("Deadline").field("timer", &at).finish()
    }
}
