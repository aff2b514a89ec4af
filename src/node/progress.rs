//! How far an exchange has come.

use std::sync::atomic::{AtomicBool, Ordering};

use super::fault::{FaultKind, NodeFault};

/// What each half of an exchange has to know of the other. Both are in one task; what they share is atomic so that the task
/// can go on in another thread.
#[derive(Debug)]
pub(super) struct Progress {
    sent: AtomicBool,
    begun: AtomicBool,
    reused: bool,
}

impl Progress {
    /// An exchange that is about to begin.
    pub(super) fn new(reused: bool) -> Self {
        Self {
            sent: AtomicBool::new(false),
            begun: AtomicBool::new(false),
            reused,
        }
    }

    /// The whole request has been sent.
    pub(super) fn set_sent(&self) {
        self.sent.store(true, Ordering::Relaxed);
    }

    /// Whether it has.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// Something of an answer has come.
    pub(super) fn set_begun(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether something has.
    pub(super) fn is_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// What was wrong, with what is known besides.
    pub(super) fn fault(&self, kind: FaultKind) -> NodeFault {
        NodeFault {
            kind,
            answer_begun: self.is_begun(),
            reused: self.reused,
        }
    }
}
