//! Selects a node and makes its `HttpPeer`. Only this file makes one, and it needs a [`Permit`].

use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use super::spent::SINGLE;
use super::{Attempt, Cluster, ClusterOptions};
use crate::clock::instant;
use crate::policy::Permit;
use crate::socket_address::SocketAddress;

/// What a request needs of its connection to a node.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// The time of the attempt.
    pub now: Instant,
    /// Whether the request has a body. Without one, only the guard of the client's connection waits for the node, with its own
    /// timer, so that Pingora's read timeout is not needed.
    pub has_body: bool,
    /// Whether the connection must not be used for another request.
    pub single_use: bool,
    /// The number of requests in flight.
    pub requests: usize,
}

/// The longest time for which an idle connection to a node is reused. Common servers close an idle connection after 60 s or
/// more; a request must not be sent while the node closes the connection.
const UPSTREAM_SPAN: Duration = Duration::from_secs(50);
/// The start of the first span: the same for every configuration, because the connection pool outlives a reload.
static STARTED: LazyLock<Instant> = LazyLock::new(instant);

impl Cluster {
    /// The next node for a permitted request: round-robin over the requests, and each node at most once for one request. None
    /// when every node has been tried.
    ///
    /// A [`Claim`](crate::sig::Claim) or a [`Verified`](crate::sig::Verified) is not enough. This does not compile:
    ///
    /// ```compile_fail,E0308
    /// use countersign::{cluster::{Attempt, Cluster, Exchange}, sig::{Claim, Verified}};
    /// fn open(cluster: &Cluster, claim: &Claim<'_>, verified: &Verified, attempt: &mut Attempt, exchange: Exchange) {
    ///     cluster.peer(claim, attempt, exchange);
    ///     cluster.peer(verified, attempt, exchange);
    /// }
    /// ```
    ///
    /// but this does:
    ///
    /// ```
    /// use countersign::{cluster::{Attempt, Cluster, Exchange}, policy::Permit};
    /// fn open(cluster: &Cluster, permit: &Permit, attempt: &mut Attempt, exchange: Exchange) {
    ///     cluster.peer(permit, attempt, exchange);
    /// }
    /// ```
    pub fn peer(
        &self,
        _permit: &Permit,
        attempt: &mut Attempt,
        exchange: Exchange,
    ) -> Option<Box<HttpPeer>> {
        let nodes = &self.options.nodes;
        if attempt.tried == nodes.len() {
            return None;
        }
        let first = *attempt
            .first
            .get_or_insert_with(|| self.next.fetch_add(1, Ordering::Relaxed) % nodes.len());
        let node = &nodes[(first + attempt.tried) % nodes.len()];
        attempt.tried += 1;
        // Connections of an earlier span are not reused; the node or the limit of the pool closes them. A timer for each idle
        // connection would cost each request about half as much as verifying its signature (`benches/wrk`).
        peer(node, &self.options, exchange).map(Box::new)
    }
}

/// The bytes of one read of every response together. A response is buffered in several places if its client does not read.
const RESPONSES: usize = 8 * 1024 * 1024;
/// The largest share of one response: Pingora's read size.
const LARGEST_SHARE: usize = 64 * 1024;
/// The smallest share, however many responses there are: smaller reads cost more than they save.
const SMALLEST_SHARE: usize = 4 * 1024;

/// Limits how far a response is read ahead of a slow client when many requests are in flight. Pingora reads what has arrived,
/// and queues up to ten reads for a client that does not read; only a smaller socket buffer limits their size. The buffer size
/// is set before connecting, so each size has its own group of pooled connections.
fn limit_read_ahead(peer: &mut HttpPeer, requests: usize) {
    let share = (RESPONSES / requests.max(1)).max(SMALLEST_SHARE);
    if share < LARGEST_SHARE {
        let size = share.ilog2();
        peer.options.tcp_recv_buf = Some(1 << size);
        peer.group_key |= u64::from(size) << SIZE_SHIFT;
    }
}

/// The position of the buffer size in the group key of the pool; the bits below hold the span.
const SIZE_SHIFT: u32 = 56;

/// The number of the span of a time.
fn span(now: Instant) -> u64 {
    now.duration_since(*STARTED).as_secs() / UPSTREAM_SPAN.as_secs()
}

/// The peer of one request; making one is cheaper than cloning one (`benches/wrk`). None for an invalid socket path, which the
/// configuration does not allow.
fn peer(node: &SocketAddress, options: &ClusterOptions, exchange: Exchange) -> Option<HttpPeer> {
    let mut peer = match node {
        SocketAddress::Tcp(address) => HttpPeer::new(address, false, String::new()),
        SocketAddress::Unix(path) => HttpPeer::new_uds(path, false, String::new()).ok()?,
    };
    peer.group_key = span(exchange.now);
    peer.options.connection_timeout = Some(options.connect_timeout);
    peer.options.total_connection_timeout = Some(options.connect_timeout);
    peer.options.read_timeout = Some(options.read_timeout).filter(|_| exchange.has_body);
    peer.options.write_timeout = Some(options.read_timeout);
    // The gateway forwards only fields on its own list, and so no hop-by-hop fields and upgrades. Pingora's check of these
    // fields would cost as much as verifying the signature (`benches/wrk`).
    peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
    limit_read_ahead(&mut peer, exchange.requests);
    if exchange.single_use {
        peer.group_key = SINGLE;
    }
    Some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_connection_is_reused_after_a_whole_span() {
        for seconds in 0..120 {
            let now = *STARTED + Duration::from_secs(seconds);
            assert_ne!(span(now), span(now + UPSTREAM_SPAN), "{seconds}");
        }
        assert_eq!(span(*STARTED), span(*STARTED + UPSTREAM_SPAN / 2));
    }

    #[test]
    fn the_more_requests_the_less_a_node_may_send_ahead() {
        for (requests, size) in [
            (0, None),
            (128, None),
            (129, Some(32 * 1024)),
            (256, Some(32 * 1024)),
            (257, Some(16 * 1024)),
            (513, Some(8 * 1024)),
            (1024, Some(8 * 1024)),
            (1025, Some(4 * 1024)),
            (100_000, Some(4 * 1024)),
        ] {
            let mut peer = HttpPeer::new("127.0.0.1:1", false, String::new());
            peer.group_key = 7;
            limit_read_ahead(&mut peer, requests);
            assert_eq!(peer.options.tcp_recv_buf, size, "{requests}");
            assert_eq!(peer.group_key == 7, size.is_none(), "{requests}");
        }
    }
}
