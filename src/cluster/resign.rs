//! What a cluster is told about signing anew, and its keys, ready to sign.

use super::ClusterOptions;
use crate::dialect::{Dialect, DialectName};
use crate::secret::Secret;
use crate::sig::Version;
use crate::sig::node_key::NodeKey;

/// How requests are signed anew.
#[derive(Debug, Clone)]
pub struct SignWith {
    /// Whose words the signature uses.
    pub dialect: DialectName,
    /// The version of the signature process.
    pub version: Version,
    /// The region of the credential scope; version 2 has none.
    pub region: String,
    /// The key of every client that has none of its own.
    pub credentials: NodeCredentials,
    /// What version 4 says about a body whose hash the client has not declared.
    pub payload: PayloadSigning,
}

/// What version 4 says about a body of which nobody knows the hash before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadSigning {
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: each chunk carries a signature.
    SignedChunks,
}

/// A key at the nodes.
#[derive(Debug, Clone)]
pub struct NodeCredentials {
    /// The AccessKeyId.
    pub access_key_id: String,
    /// The SecretAccessKey.
    pub secret_access_key: Secret<String>,
}

/// The key at the nodes that one client's requests are signed with.
#[derive(Debug, Clone)]
pub struct ClientNodeKey {
    /// The AccessKeyId that the client signs with.
    pub client: String,
    /// The key at the nodes.
    pub credentials: NodeCredentials,
}

/// Where the bucket's name stands towards the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// Where the client put it.
    AsReceived,
    /// In the path.
    Path,
    /// In the Host; in the path where a name cannot stand in a Host.
    VirtualHost,
}

/// The keys of a cluster.
#[derive(Debug)]
pub struct NodeKeys {
    common: NodeKey,
    /// Sorted by the client's AccessKeyId.
    of_clients: Vec<(String, NodeKey)>,
}

impl NodeKeys {
    /// Prepares the keys; none where requests are not signed anew.
    pub fn of(options: &ClusterOptions) -> Option<Self> {
        let sign_with = options.sign_with.as_ref()?;
        let ready = |credentials: &NodeCredentials| {
            NodeKey::new(
                &credentials.access_key_id,
                &credentials.secret_access_key,
                Dialect::named(sign_with.dialect),
                &sign_with.region,
            )
        };
        let mut of_clients: Vec<_> = options
            .node_keys
            .iter()
            .map(|own| (own.client.clone(), ready(&own.credentials)))
            .collect();
        of_clients.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(Self {
            common: ready(&sign_with.credentials),
            of_clients,
        })
    }

    /// The client's own key, or the common one.
    pub fn of_client(&self, access_key_id: &str) -> &NodeKey {
        let found = self
            .of_clients
            .binary_search_by(|(client, _)| client.as_str().cmp(access_key_id));
        found.map_or(&self.common, |at| &self.of_clients[at].1)
    }
}
