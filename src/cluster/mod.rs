//! Clusters: the nodes behind the gateway. The only maker of `HttpPeer`, and it needs a [`Permit`].

mod reach;
mod resign;
mod spent;

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use crate::address::NameRules;
use crate::clock::instant;
use crate::policy::Permit;
use crate::sig::dialect::DialectName;
use crate::sig::node_key::NodeKey;
use crate::socket_address::SocketAddress;
pub use reach::MAX_PROBES;
use resign::NodeKeys;
pub use resign::{Addressing, ClientNodeKey, NodeCredentials, PayloadSigning, SignWith};
pub use spent::{SINGLE, SpentConnections};

/// How verified requests are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// As they came, signature included: the nodes verify for themselves.
    Passthrough,
    /// Without credentials, with the verified identity in headers of the gateway's own.
    Trusted,
    /// Signed anew with a key of the gateway's own.
    Resign,
}

/// How the file of a form upload goes on to the nodes where the form is too long to be read whole: nothing in a form says
/// how long its file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormFiles {
    /// With `Transfer-Encoding: chunked`.
    Chunked,
    /// With a Content-Length, for nodes that take no other PUT. Such a form has to end with its file and the closing line.
    Sized,
}

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The cluster's name.
    pub name: String,
    /// Whose words the nodes speak.
    pub dialect: DialectName,
    /// The nodes; at least one.
    pub nodes: Vec<SocketAddress>,
    /// How requests are forwarded.
    pub forward: Forward,
    /// How requests are signed anew; there exactly with [`Forward::Resign`].
    pub sign_with: Option<SignWith>,
    /// The clients whose requests are signed with a key of their own. No client twice.
    pub node_keys: Vec<ClientNodeKey>,
    /// Where the bucket's name stands towards the nodes.
    pub addressing: Addressing,
    /// The Host towards the nodes, without a bucket in front; none for the client's own.
    pub host: Option<String>,
    /// How the files of long form uploads go on.
    pub form_files: FormFiles,
    /// The longest time to connect to a node.
    pub connect_timeout: Duration,
    /// The longest silence of a node.
    pub read_timeout: Duration,
    /// The idle connections to nodes that are kept for further requests.
    pub upstream_keepalive: usize,
    /// Which names of buckets and keys the nodes take.
    pub names: NameRules,
}

/// Without a name and without nodes, which every cluster has of its own.
impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            name: String::new(),
            dialect: DialectName::Aws,
            nodes: Vec::new(),
            forward: Forward::Trusted,
            sign_with: None,
            node_keys: Vec::new(),
            addressing: Addressing::AsReceived,
            host: None,
            form_files: FormFiles::Chunked,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            upstream_keepalive: 128,
            names: NameRules::default(),
        }
    }
}

/// How long a connection to a node is kept for further requests at most. Below the 60 s or more after which common servers
/// close an idle one: a request must not meet that.
const UPSTREAM_SPAN: Duration = Duration::from_secs(50);
/// From when the spans are counted: the same for every configuration, since the pool of connections outlives a reload.
static STARTED: LazyLock<Instant> = LazyLock::new(instant);

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    options: ClusterOptions,
    labels: Vec<String>,
    keys: Option<NodeKeys>,
    next: AtomicUsize,
}

/// What one request has tried so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attempt {
    first: Option<usize>,
    tried: usize,
}

impl Attempt {
    /// The latest attempt does not count: its node is to be tried once more.
    pub fn once_more(&mut self) {
        self.tried = self.tried.saturating_sub(1);
    }
}

impl Cluster {
    /// Prepares a cluster.
    pub fn new(options: ClusterOptions) -> Self {
        Self {
            labels: options.nodes.iter().map(ToString::to_string).collect(),
            keys: NodeKeys::of(&options),
            options,
            next: AtomicUsize::new(0),
        }
    }

    /// How the cluster is reached.
    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    /// The next node for a permitted request: round-robin over the requests, and for one request each node once. None
    /// when every node was tried.
    ///
    /// A claim opens no connection, nor does a signature that holds. This does not compile:
    ///
    /// ```compile_fail,E0308
    /// use std::time::Instant;
    /// use countersign::{cluster::{Attempt, Cluster}, sig::{Claim, Verified}};
    /// fn open(cluster: &Cluster, claim: &Claim<'_>, verified: &Verified, attempt: &mut Attempt) {
    ///     cluster.peer(claim, attempt, Instant::now());
    ///     cluster.peer(verified, attempt, Instant::now());
    /// }
    /// ```
    ///
    /// and this, its twin, does:
    ///
    /// ```
    /// use std::time::Instant;
    /// use countersign::{cluster::{Attempt, Cluster}, policy::Permit};
    /// fn open(cluster: &Cluster, permit: &Permit, attempt: &mut Attempt) {
    ///     cluster.peer(permit, attempt, Instant::now());
    /// }
    /// ```
    pub fn peer(
        &self,
        _permit: &Permit,
        attempt: &mut Attempt,
        now: Instant,
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
        peer(node, &self.options, span(now)).map(Box::new)
    }

    /// The key that signs this caller's requests anew; none where requests are not signed anew.
    pub fn key(&self, permit: &Permit) -> Option<&NodeKey> {
        let keys = self.keys.as_ref()?;
        Some(keys.of_client(&permit.verified().identity().access_key_id))
    }

    /// Whether a node is left that the request has not tried.
    pub fn has_untried(&self, attempt: &Attempt) -> bool {
        attempt.tried < self.options.nodes.len()
    }

    /// The place in [`Cluster::labels`] of the node that the latest attempt went to.
    pub fn latest(&self, attempt: &Attempt) -> Option<usize> {
        let latest = attempt.first? + attempt.tried.checked_sub(1)?;
        Some(latest % self.labels.len())
    }

    /// Whether a node takes a connection within this time; nothing is sent on it. `round` chooses which nodes are tried where
    /// there are more than [`MAX_PROBES`].
    pub async fn is_reachable(&self, within: Duration, round: usize) -> bool {
        let within = within.min(self.options.connect_timeout);
        reach::any(&self.options.nodes, within, round).await
    }

    /// The addresses of the nodes.
    pub fn labels(&self) -> &[String] {
        &self.labels
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
pub fn narrow(peer: &mut HttpPeer, requests: usize) {
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
fn peer(node: &SocketAddress, options: &ClusterOptions, span: u64) -> Option<HttpPeer> {
    let mut peer = match node {
        SocketAddress::Tcp(address) => HttpPeer::new(address, false, String::new()),
        SocketAddress::Unix(path) => HttpPeer::new_uds(path, false, String::new()).ok()?,
    };
    peer.group_key = span;
    peer.options.connection_timeout = Some(options.connect_timeout);
    peer.options.total_connection_timeout = Some(options.connect_timeout);
    peer.options.read_timeout = Some(options.read_timeout);
    peer.options.write_timeout = Some(options.read_timeout);
    // The gateway sends on what stands on a list of its own; hop-by-hop fields and upgrades do not. Pingora's look at the
    // same fields would come first and cost as much as the check of the signature.
    peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
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
            narrow(&mut peer, requests);
            assert_eq!(peer.options.tcp_recv_buf, size, "{requests}");
            assert_eq!(peer.group_key == 7, size.is_none(), "{requests}");
        }
    }
}
