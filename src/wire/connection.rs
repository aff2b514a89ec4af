//! The state of one client connection.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use http::HeaderValue;

use super::Activity;
use super::head::RequestHead;
use crate::error::WireFault;
use crate::metrics::DroppedConnection;
use crate::runtime::Runtime;
use crate::runtime::active_config::{ActiveConfig, Listener};
use crate::runtime::options::MinRate;

/// The bytes of one read from every connection together. A part of a body can be in several buffers on its way to a node that
/// does not read it.
const PIECES: usize = 8 * 1024 * 1024;
/// The largest read of a body: the size of Pingora's buffer.
const LARGEST_PIECE: usize = 64 * 1024;
/// The smallest read of a body, however many connections there are: smaller reads cost more than they save.
const SMALLEST_PIECE: usize = 4 * 1024;

/// What a connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadState {
    /// A request header.
    Header,
    /// A request body, or the rest of it.
    Body,
    /// The fields of a form before its file: as `Body`, with small reads.
    Form,
    /// The response; the request has been read to its end.
    Answer,
}

/// A client connection: its listener, its client, and what it is waiting for.
pub struct Connection {
    runtime: Arc<Runtime>,
    /// The listener, with its settings from when the connection was accepted.
    listener: Arc<Listener>,
    peer: Option<HeaderValue>,
    state: AtomicU8,
    /// Whether the timeout of `state` starts again.
    restart: AtomicBool,
    /// The head of the request that Pingora is about to read.
    head: Mutex<Option<RequestHead>>,
    /// The fault in the framing of a body, if there was one.
    broken: OnceLock<WireFault>,
    activity: Arc<Activity>,
    answer_to: AnswerTo,
}

/// Records an invalid request header, and returns the complete response to it. The connection closes after the response.
pub type AnswerTo = fn(&Connection, WireFault) -> Vec<u8>;

tokio::task_local! {
    static CURRENT: Arc<Connection>;
}

impl Connection {
    /// A new connection. `peer` is the client's IP address; a Unix socket's client has none.
    pub fn new(
        runtime: Arc<Runtime>,
        listener: Arc<Listener>,
        peer: Option<IpAddr>,
        activity: Arc<Activity>,
        answer_to: AnswerTo,
    ) -> Self {
        runtime.metrics.connections.inc();
        Self {
            runtime,
            listener,
            // Formatted once for all requests of the connection.
            peer: peer.and_then(|peer| HeaderValue::from_str(&peer.to_string()).ok()),
            state: AtomicU8::new(ReadState::Header as u8),
            restart: AtomicBool::new(true),
            head: Mutex::new(None),
            broken: OnceLock::new(),
            activity,
            answer_to,
        }
    }

    /// The idle state.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The listener of the connection with its settings in `active`; with its old settings if `active` does not have it any more.
    pub fn listener<'l>(&'l self, active: &'l ActiveConfig) -> &'l Listener {
        active.successor(&self.listener).unwrap_or(&self.listener)
    }

    /// Runs the future of a request; in it, [`Connection::current`] is this connection.
    pub async fn handling<F: Future>(self: Arc<Self>, request: F) -> F::Output {
        CURRENT.scope(self, request).await
    }

    /// The connection whose request is being handled.
    ///
    /// # Panics
    /// Outside of [`Connection::handling`].
    pub fn current() -> Arc<Self> {
        CURRENT.with(Arc::clone)
    }

    /// The listener's `header_timeout`.
    pub fn header_timeout(&self) -> Duration {
        self.listener(&self.runtime.live.load())
            .options
            .header_timeout
    }

    /// The listener's `idle_timeout`.
    pub fn idle_timeout(&self) -> Duration {
        self.listener(&self.runtime.live.load())
            .options
            .idle_timeout
    }

    /// The listener's `body_timeout`.
    pub fn body_timeout(&self) -> Duration {
        self.listener(&self.runtime.live.load())
            .options
            .body_timeout
    }

    /// The listener's `min_rate` and its window.
    pub fn min_rate(&self) -> MinRate {
        self.listener(&self.runtime.live.load()).options.min_rate
    }

    /// Counts the connection as too slow, and returns the error that closes it.
    pub fn too_slow(&self) -> io::Error {
        let metrics = &self.runtime.metrics;
        metrics.connection_dropped(DroppedConnection::Slow);
        io::Error::new(
            io::ErrorKind::TimedOut,
            "the client is slower than min_rate",
        )
    }

    /// The read size for a body. It shrinks as the number of connections grows, so that a thousand uploads to slow nodes use less
    /// than 256 MiB (`benches/bodies`).
    pub fn piece(&self) -> usize {
        let connections = self.runtime.metrics.connections.get();
        (PIECES / connections.max(1)).clamp(SMALLEST_PIECE, LARGEST_PIECE)
    }

    /// The client's IP address; a Unix socket's client has none.
    pub fn peer(&self) -> Option<&HeaderValue> {
        self.peer.as_ref()
    }

    /// Stores the head of a new request for its handler, and starts to wait for the body.
    pub fn put_head(&self, head: RequestHead) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
        self.set_state(ReadState::Body);
    }

    /// Takes the head of the request; none where the guard has read none, as in HTTP/2.
    pub fn take_head(&self) -> Option<RequestHead> {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        head.take()
    }

    /// Records a fault in the framing of the current body.
    pub fn break_body(&self, fault: WireFault) {
        // The connection has no further body after a fault.
        let _first = self.broken.set(fault);
    }

    /// The fault in the framing of the current body, if there is one.
    pub fn body_fault(&self) -> Option<WireFault> {
        self.broken.get().copied()
    }

    /// What the connection is waiting for.
    pub fn state(&self) -> ReadState {
        let state = self.state.load(Ordering::Relaxed);
        [
            ReadState::Header,
            ReadState::Body,
            ReadState::Form,
            ReadState::Answer,
        ][usize::from(state)]
    }

    /// Sets what the connection is waiting for, and restarts the timer.
    pub fn set_state(&self, state: ReadState) {
        self.state.store(state as u8, Ordering::Relaxed);
        self.restart.store(true, Ordering::Relaxed);
    }

    /// Whether the timeout starts again; true once for each change of the state.
    pub fn take_restart(&self) -> bool {
        // Only the task of the connection calls this, so no change is lost between the two steps.
        let restart = self.restart.load(Ordering::Relaxed);
        self.restart.store(false, Ordering::Relaxed);
        restart
    }

    /// The shared state of the gateway.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Records a fault, and returns the complete response to it. The connection closes after the response.
    pub fn refuse(&self, fault: WireFault) -> Vec<u8> {
        (self.answer_to)(self, fault)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.runtime.metrics.connections.dec();
    }
}
