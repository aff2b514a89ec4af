//! What is known of one connection from a client.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Gateway;
use super::observe;
use super::respond;
use crate::error::{Refusal, WireFault};

/// One connection from a client: where it came in, from whom, and whether a request header is expected on it next.
pub struct Connection {
    gateway: Arc<Gateway>,
    listener: usize,
    peer: Option<IpAddr>,
    header_expected: AtomicBool,
}

impl Connection {
    /// A new connection. `peer` is the client's IP address; a Unix socket's client has none.
    pub fn new(gateway: Arc<Gateway>, listener: usize, peer: Option<IpAddr>) -> Self {
        gateway.metrics.connections.inc();
        Self {
            gateway,
            listener,
            peer,
            header_expected: AtomicBool::new(true),
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

    /// How long the connection may be idle before its first request.
    pub fn idle_timeout(&self) -> Duration {
        self.gateway.live.load().listeners[self.listener]
            .options
            .idle_timeout
    }

    /// The client's IP address; a Unix socket's client has none.
    pub fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// Whether the next bytes are a request header's.
    pub fn header_expected(&self) -> bool {
        self.header_expected.load(Ordering::Relaxed)
    }

    /// A whole header has arrived; what follows is its body.
    pub fn header_arrived(&self) {
        self.header_expected.store(false, Ordering::Relaxed);
    }

    /// The request has ended; what follows is the next one's header.
    pub fn expect_header(&self) {
        self.header_expected.store(true, Ordering::Relaxed);
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
