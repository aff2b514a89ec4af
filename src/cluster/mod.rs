//! Clusters: the nodes behind the gateway. The only maker of `HttpPeer`, and it needs a [`Permit`].

mod resign;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pingora::upstreams::peer::{HttpPeer, HttpUpstreamRequestPolicy};

use crate::policy::Permit;
use crate::sig::dialect::DialectName;
use crate::sig::node_key::NodeKey;
use resign::NodeKeys;
pub use resign::{Addressing, ClientNodeKey, NodeCredentials, PayloadSigning, SignWith};

/// Where a node listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeAddress {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(String),
}

impl std::fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

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

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The cluster's name.
    pub name: String,
    /// Whose words the nodes speak.
    pub dialect: DialectName,
    /// The nodes; at least one.
    pub nodes: Vec<NodeAddress>,
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
    /// The longest time to connect to a node.
    pub connect_timeout: Duration,
    /// The longest silence of a node.
    pub read_timeout: Duration,
    /// The idle connections to nodes that are kept for further requests.
    pub upstream_keepalive: usize,
}

/// How long an idle connection to a node is kept. Below the 60 s or more after which common servers close one.
const UPSTREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// A running cluster.
#[derive(Debug)]
pub struct Cluster {
    options: ClusterOptions,
    peers: Vec<HttpPeer>,
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
    /// Prepares the peers of a cluster.
    pub fn new(options: ClusterOptions) -> Self {
        let peers = options
            .nodes
            .iter()
            .map(|node| peer(node, &options))
            .collect();
        Self {
            labels: options.nodes.iter().map(ToString::to_string).collect(),
            keys: NodeKeys::of(&options),
            options,
            peers,
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
    /// use countersign::{cluster::{Attempt, Cluster}, sig::{Claim, Verified}};
    /// fn open(cluster: &Cluster, claim: &Claim<'_>, verified: &Verified, attempt: &mut Attempt) {
    ///     cluster.peer(claim, attempt);
    ///     cluster.peer(verified, attempt);
    /// }
    /// ```
    ///
    /// and this, its twin, does:
    ///
    /// ```
    /// use countersign::{cluster::{Attempt, Cluster}, policy::Permit};
    /// fn open(cluster: &Cluster, permit: &Permit, attempt: &mut Attempt) {
    ///     cluster.peer(permit, attempt);
    /// }
    /// ```
    pub fn peer(&self, _permit: &Permit, attempt: &mut Attempt) -> Option<Box<HttpPeer>> {
        if attempt.tried == self.peers.len() {
            return None;
        }
        let first = *attempt
            .first
            .get_or_insert_with(|| self.next.fetch_add(1, Ordering::Relaxed) % self.peers.len());
        let peer = &self.peers[(first + attempt.tried) % self.peers.len()];
        attempt.tried += 1;
        Some(Box::new(peer.clone()))
    }

    /// The key that signs this caller's requests anew; none where requests are not signed anew.
    pub fn key(&self, permit: &Permit) -> Option<&NodeKey> {
        let keys = self.keys.as_ref()?;
        Some(keys.of_client(&permit.verified().identity().access_key_id))
    }

    /// Whether a node is left that the request has not tried.
    pub fn has_untried(&self, attempt: &Attempt) -> bool {
        attempt.tried < self.peers.len()
    }

    /// The place in [`Cluster::labels`] of the node that the latest attempt went to.
    pub fn latest(&self, attempt: &Attempt) -> Option<usize> {
        let latest = attempt.first? + attempt.tried.checked_sub(1)?;
        Some(latest % self.labels.len())
    }

    /// The addresses of the nodes.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }
}

fn peer(node: &NodeAddress, options: &ClusterOptions) -> HttpPeer {
    let mut peer = match node {
        NodeAddress::Tcp(address) => HttpPeer::new(address, false, String::new()),
        NodeAddress::Unix(path) => HttpPeer::new_uds(path, false, String::new())
            .expect("the configuration checked the socket's path"),
    };
    peer.options.connection_timeout = Some(options.connect_timeout);
    peer.options.total_connection_timeout = Some(options.connect_timeout);
    peer.options.read_timeout = Some(options.read_timeout);
    peer.options.write_timeout = Some(options.read_timeout);
    peer.options.idle_timeout = Some(UPSTREAM_IDLE_TIMEOUT);
    // The gateway sends on what stands on a list of its own; hop-by-hop fields and upgrades do not. Pingora's look at the
    // same fields would come first and cost as much as the check of the signature.
    peer.options.http_upstream_request_policy = HttpUpstreamRequestPolicy::preserve();
    peer
}
