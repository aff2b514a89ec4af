//! Connections to nodes: the only maker of `HttpPeer`, and it needs a [`Permit`].

use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use super::spent::SINGLE;
use super::{Attempt, Cluster, ClusterOptions};
use crate::clock::instant;
use crate::policy::Permit;
use crate::socket_address::SocketAddress;

/// What a connection is for.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// When it is asked for.
    pub now: Instant,
    /// Whether the request has a body. Where it has none, the guard of the client's connection alone waits for the node, with a
    /// timer that is there already.
    pub has_body: bool,
    /// Whether the connection serves this request alone.
    pub single_use: bool,
    /// How many requests are under way.
    pub requests: usize,
}

/// How long a connection to a node is kept for further requests at most. Below the 60 s or more after which common servers
/// close an idle one: a request must not meet that.
const UPSTREAM_SPAN: Duration = Duration::from_secs(50);
/// From when the spans are counted: the same for every configuration, since the pool of connections outlives a reload.
static STARTED: LazyLock<Instant> = LazyLock::new(instant);

impl Cluster {
    /// The next node for a permitted request: round-robin over the requests, and for one request each node once. None
    /// when every node was tried.
    ///
    /// A claim opens no connection, nor does a signature that holds. This does not compile:
    ///
    /// ```compile_fail,E0308
    /// use countersign::{cluster::{Attempt, Cluster, Exchange}, sig::{Claim, Verified}};
    /// fn open(cluster: &Cluster, claim: &Claim<'_>, verified: &Verified, attempt: &mut Attempt, exchange: Exchange) {
    ///     cluster.peer(claim, attempt, exchange);
    ///     cluster.peer(verified, attempt, exchange);
    /// }
    /// ```
    ///
    /// and this, its twin, does:
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
        // Connections of an earlier span are left to the nodes and to the pool's limit. That costs nothing, where a timer for
        // each idle connection would cost every request as much as half the check of its signature.
        peer(node, &self.options, exchange).map(Box::new)
    }
}

/// What all answers together may take of the gateway's memory in each place on their way to clients that do not take them.
const ANSWERS: usize = 8 * 1024 * 1024;
/// The most of it for one answer: what Pingora reads at once.
const LARGEST_SHARE: usize = 64 * 1024;
/// The least, with however many answers: less costs more than it saves.
const SMALLEST_SHARE: usize = 4 * 1024;

/// Lets the node send only so much ahead of the client where many requests are under way. Pingora reads as much of an
/// answer as has arrived, and keeps up to ten such pieces for a client that takes none; only the system can make it less.
/// Each size has connections of its own, since the system wants to know it ahead of the connection.
fn limit_read_ahead(peer: &mut HttpPeer, requests: usize) {
    let share = (ANSWERS / requests.max(1)).max(SMALLEST_SHARE);
    if share < LARGEST_SHARE {
        let size = share.ilog2();
        peer.options.tcp_recv_buf = Some(1 << size);
        peer.group_key |= u64::from(size) << SIZE_SHIFT;
    }
}

/// Where the size of what is read stands in the key of the pool; below it stands the span.
const SIZE_SHIFT: u32 = 56;

/// The span that a time belongs to.
fn span(now: Instant) -> u64 {
    now.duration_since(*STARTED).as_secs() / UPSTREAM_SPAN.as_secs()
}

/// A node for one request: to make it takes less than to copy one. None for a path that no socket can have, which the
/// configuration lets nobody name.
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
    // The gateway sends on what stands on a list of its own; hop-by-hop fields and upgrades do not. Pingora's look at the
    // same fields would come first and cost as much as the check of the signature.
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
    fn no_connection_is_taken_up_again_after_a_whole_span() {
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
