//! Clusters: the nodes behind the gateway.

mod connect;
mod reach;
mod resign;

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use crate::address::NameRules;
use crate::dialect::DialectName;
use crate::policy::Permit;
use crate::sig::node_key::NodeKey;
use crate::socket_address::SocketAddress;
pub use connect::Node;
pub use reach::MAX_PROBES;
use resign::NodeKeys;
pub use resign::{Addressing, ClientNodeKey, NodeCredentials, PayloadSigning, SignWith};

/// How verified requests are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// Unchanged, with the client's signature: the nodes verify it themselves.
    Passthrough,
    /// Without credentials, with the verified identity in headers that the gateway adds.
    Trusted,
    /// Signed again with a key of the gateway.
    Resign,
}

/// How the file of a form upload is sent to nodes if the form is too long to be read whole: a form does not state the length of
/// its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormFiles {
    /// With `Transfer-Encoding: chunked`.
    Chunked,
    /// With a Content-Length, for nodes that accept no other PUT. Such a form must end with its file and the closing boundary.
    Sized,
}

/// `[[cluster]]`.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The cluster's name.
    pub name: String,
    /// The dialect of the nodes.
    pub dialect: DialectName,
    /// The nodes; at least one.
    pub nodes: Vec<SocketAddress>,
    /// How requests are forwarded.
    pub forward: Forward,
    /// How requests are re-signed; present with [`Forward::Resign`] only.
    pub sign_with: Option<SignWith>,
    /// The keys at the nodes of single clients. At most one for each client.
    pub node_keys: Vec<ClientNodeKey>,
    /// Where the bucket name is in requests to nodes.
    pub addressing: Addressing,
    /// The Host in requests to nodes, without a bucket name; none for the client's Host.
    pub host: Option<String>,
    /// How the files of long form uploads are sent.
    pub form_files: FormFiles,
    /// The longest time to connect to a node.
    pub connect_timeout: Duration,
    /// The longest time in which a node sends no byte.
    pub read_timeout: Duration,
    /// The most idle keep-alive connections to nodes.
    pub upstream_keepalive: usize,
    /// Which bucket names and keys the nodes accept.
    pub names: NameRules,
}

/// Without a name and without nodes, which have no default.
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

/// Which nodes one request has tried.
#[derive(Debug, Clone, Copy, Default)]
pub struct TriedNodes {
    /// The place of the first one; none before that.
    first: Option<usize>,
    /// How many were tried.
    count: usize,
}

impl Cluster {
    /// Creates a cluster.
    pub fn new(options: ClusterOptions) -> Self {
        Self {
            labels: options.nodes.iter().map(ToString::to_string).collect(),
            keys: NodeKeys::of(&options),
            options,
            next: AtomicUsize::new(0),
        }
    }

    /// The options of the cluster.
    pub fn options(&self) -> &ClusterOptions {
        &self.options
    }

    /// The key that re-signs the requests of this client; none where requests are not re-signed.
    pub fn key(&self, permit: &Permit) -> Option<&NodeKey> {
        let keys = self.keys.as_ref()?;
        Some(keys.of_client(&permit.verified().identity().access_key_id))
    }

    /// Whether a node accepts a connection within this time; nothing is sent on it. With more than [`MAX_PROBES`] nodes, `round`
    /// selects the nodes to try.
    pub async fn is_reachable(&self, within: Duration, round: usize) -> bool {
        let within = within.min(self.options.connect_timeout);
        reach::any(&self.options.nodes, within, round).await
    }

    /// The addresses of the nodes.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }
}
