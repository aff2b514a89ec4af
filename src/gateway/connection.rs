//! What is known of one connection from a client.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use http::HeaderValue;

use super::Gateway;
use super::observe;
use super::respond;
use crate::error::{Refusal, WireFault};

/// What is awaited on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// A request header from the client.
    Header,
    /// The body of a request, or the rest of it.
    Body,
    /// The head of a form: the same, in small pieces.
    Form,
    /// Our answer; the request has been read to its end.
    Answer,
}

/// One connection from a client: where it came in, from whom, and what is awaited on it.
pub struct Connection {
    gateway: Arc<Gateway>,
    listener: usize,
    peer: Option<HeaderValue>,
    awaited: AtomicU8,
}

impl Connection {
    /// A new connection. `peer` is the client's IP address; a Unix socket's client has none.
    pub fn new(gateway: Arc<Gateway>, listener: usize, peer: Option<IpAddr>) -> Self {
        gateway.metrics.connections.inc();
        Self {
            gateway,
            listener,
            // Written once for all requests of the connection.
            peer: peer.and_then(|peer| HeaderValue::from_str(&peer.to_string()).ok()),
            awaited: AtomicU8::new(Awaited::Header as u8),
        }
    }

    /// The place in the configuration of the listener that took the connection.
    pub fn listener(&self) -> usize {
        self.listener
    }

    /// How long a request header may take to arrive.
    pub fn header_timeout(&self) -> Duration {
        self.gateway.live.load().listeners[self.listener]
            .options
            .header_timeout
    }

    /// How long the connection may be idle.
    pub fn idle_timeout(&self) -> Duration {
        self.gateway.live.load().listeners[self.listener]
            .options
            .idle_timeout
    }

    /// The client's IP address; a Unix socket's client has none.
    pub fn peer(&self) -> Option<&HeaderValue> {
        self.peer.as_ref()
    }

    /// What is awaited now.
    pub fn awaited(&self) -> Awaited {
        let awaited = self.awaited.load(Ordering::Relaxed);
        [
            Awaited::Header,
            Awaited::Body,
            Awaited::Form,
            Awaited::Answer,
        ][usize::from(awaited)]
    }

    /// From now on something else is awaited.
    pub fn await_next(&self, awaited: Awaited) {
        self.awaited.store(awaited as u8, Ordering::Relaxed);
    }

    /// Records a fault and gives the whole answer to it, which ends the connection.
    pub fn refuse(&self, fault: WireFault) -> Vec<u8> {
        let refusal = Refusal::Wire(fault);
        let words = self.gateway.live.load().listeners[self.listener].words(None);
        let request_id = super::context::request_id();
        let answer = refusal.answer(words);
        observe::wire_fault(&self.gateway, self, &request_id, &answer);
        respond::raw(&answer, words, &request_id, &self.gateway.host_id)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.gateway.metrics.connections.dec();
    }
}
