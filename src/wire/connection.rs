//! What is known of one connection from a client.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;

use super::Activity;
use super::head::RequestHead;
use crate::clock::instant;
use crate::error::WireFault;
use crate::metrics::DroppedConnection;
use crate::runtime::Runtime;
use crate::runtime::active_config::{ActiveConfig, Listener};
use crate::runtime::options::MinRate;

/// What the connections share for the pieces of bodies that they read. A piece can be in seven places on its way to a node
/// that does not take it.
const PIECES: usize = 8 * 1024 * 1024;
/// The most of a body that is read at once: more would not fit into Pingora's buffer.
const LARGEST_PIECE: usize = 64 * 1024;
/// With however many connections: smaller pieces cost more than they save.
const SMALLEST_PIECE: usize = 4 * 1024;

/// What is awaited on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadState {
    /// A request header from the client.
    Header,
    /// The body of a request, or the rest of it.
    Body,
    /// The head of a form: the same, in small pieces.
    Form,
    /// Our answer; the request has been read to its end.
    Answer,
    /// Nothing more: the node has been silent for too long.
    Nothing,
}

/// One connection from a client: where it came in, from whom, and what is awaited on it.
pub struct Connection {
    runtime: Arc<Runtime>,
    /// The listener as it was when it took the connection.
    listener: Arc<Listener>,
    peer: Option<HeaderValue>,
    state: AtomicU8,
    opened: Instant,
    /// When what is awaited is late, in nanoseconds since the connection was opened.
    due: AtomicU64,
    /// The fields of the header that Pingora is about to read.
    head: Mutex<Option<RequestHead>>,
    /// Why the end of a body could not be found.
    broken: OnceLock<WireFault>,
    activity: Arc<Activity>,
    answer_to: AnswerTo,
}

/// Records bytes that were no request, and gives the whole answer to them, which ends the connection.
pub type AnswerTo = fn(&Connection, WireFault) -> Vec<u8>;

/// In place of a time: the one that was said last stands.
const UNCHANGED: u64 = u64::MAX;
/// In place of a time: it starts now.
const RESTART: u64 = u64::MAX - 1;

/// Until when something is awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// For its whole time.
    FromNow,
    /// Until then.
    At(Instant),
}

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
            // Written once for all requests of the connection.
            peer: peer.and_then(|peer| HeaderValue::from_str(&peer.to_string()).ok()),
            state: AtomicU8::new(ReadState::Header as u8),
            opened: instant(),
            due: AtomicU64::new(RESTART),
            head: Mutex::new(None),
            broken: OnceLock::new(),
            activity,
            answer_to,
        }
    }

    /// Whether it is idle.
    pub fn activity(&self) -> &Activity {
        &self.activity
    }

    /// The listener that took the connection, as a configuration has it; one that the configuration has no more stays as it
    /// was.
    pub fn listener<'l>(&'l self, active: &'l ActiveConfig) -> &'l Listener {
        active.successor(&self.listener).unwrap_or(&self.listener)
    }

    /// Handles a request of the connection: [`Connection::current`] is this one until it has ended.
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

    /// How long a request header may take to arrive.
    pub fn header_timeout(&self) -> Duration {
        self.listener(&self.runtime.live.load())
            .options
            .header_timeout
    }

    /// How long the connection may be idle.
    pub fn idle_timeout(&self) -> Duration {
        self.listener(&self.runtime.live.load())
            .options
            .idle_timeout
    }

    /// How long the client may be silent in a body, or take nothing of an answer.
    pub fn body_timeout(&self) -> Duration {
        self.listener(&self.runtime.live.load())
            .options
            .body_timeout
    }

    /// How slow the client may be with a body or an answer.
    pub fn min_rate(&self) -> MinRate {
        self.listener(&self.runtime.live.load()).options.min_rate
    }

    /// Records that the client is too slow, and gives the error that ends what it does.
    pub fn is_too_slow(&self) -> io::Error {
        let metrics = &self.runtime.metrics;
        metrics.connection_dropped(DroppedConnection::Slow);
        io::Error::new(
            io::ErrorKind::TimedOut,
            "the client is slower than min_rate",
        )
    }

    /// How long a node may be silent.
    pub fn node_timeout(&self) -> Duration {
        self.runtime.live.load().cluster.options().read_timeout
    }

    /// The most of a body that may be read at once: the less, the more connections there are, so that a thousand uploads
    /// to slow nodes stay within 256 MiB.
    pub fn piece(&self) -> usize {
        let connections = self.runtime.metrics.connections.get();
        (PIECES / connections.max(1)).clamp(SMALLEST_PIECE, LARGEST_PIECE)
    }

    /// The client's IP address; a Unix socket's client has none.
    pub fn peer(&self) -> Option<&HeaderValue> {
        self.peer.as_ref()
    }

    /// A header was read: its body is awaited, and whoever handles the request fetches its fields.
    pub fn put_head(&self, head: RequestHead) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
        self.set_state(ReadState::Body);
    }

    /// Takes the fields of the request that has begun; none where none was read.
    pub fn take_head(&self) -> Option<RequestHead> {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        head.take()
    }

    /// The body under way is none that has an end.
    pub fn break_body(&self, fault: WireFault) {
        // Once broken, the connection has no other body.
        let _first = self.broken.set(fault);
    }

    /// Why the body under way is broken, if it is.
    pub fn body_fault(&self) -> Option<WireFault> {
        self.broken.get().copied()
    }

    /// What is awaited now.
    pub fn state(&self) -> ReadState {
        let state = self.state.load(Ordering::Relaxed);
        [
            ReadState::Header,
            ReadState::Body,
            ReadState::Form,
            ReadState::Answer,
            ReadState::Nothing,
        ][usize::from(state)]
    }

    /// From now on something else is awaited.
    pub fn set_state(&self, state: ReadState) {
        self.state.store(state as u8, Ordering::Relaxed);
        self.restart_timer();
    }

    /// The time for what is awaited starts again: the node has said something.
    pub fn restart_timer(&self) {
        self.due.store(RESTART, Ordering::Relaxed);
    }

    /// The node is awaited until then: for whoever knows the time, since to look at the clock costs more than all of this.
    pub fn await_node_until(&self, due: Instant) {
        let due = due.saturating_duration_since(self.opened).as_nanos();
        let due = u64::try_from(due).unwrap_or(RESTART);
        self.state.store(ReadState::Answer as u8, Ordering::Relaxed);
        self.due.store(due, Ordering::Relaxed);
    }

    /// Whether the time for what is awaited starts again. It is said once.
    pub fn take_timer(&self) -> Option<Deadline> {
        // One task alone looks, the connection's own: nothing is lost between the two steps.
        let due = self.due.load(Ordering::Relaxed);
        self.due.store(UNCHANGED, Ordering::Relaxed);
        match due {
            UNCHANGED => None,
            RESTART => Some(Deadline::FromNow),
            due => Some(Deadline::At(self.opened + Duration::from_nanos(due))),
        }
    }

    /// What every connection shares.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Records a fault and gives the whole answer to it, which ends the connection.
    pub fn refuse(&self, fault: WireFault) -> Vec<u8> {
        (self.answer_to)(self, fault)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.runtime.metrics.connections.dec();
    }
}
