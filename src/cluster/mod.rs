//! Clusters: the nodes behind the gateway.

mod peer;
mod reach;
mod resign;
mod spent;

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crate::address::NameRules;
use crate::dialect::DialectName;
use crate::policy::Permit;
use crate::sig::node_key::NodeKey;
use crate::socket_address::SocketAddress;
pub use peer::Exchange;
pub use reach::MAX_PROBES;
use resign::NodeKeys;
pub use resign::{Addressing, ClientNodeKey, NodeCredentials, PayloadSigning, SignWith};
pub use spent::SpentConnections;

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
    pub fn retry_same_node(&mut self) {
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
