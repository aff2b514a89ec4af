//! Re-signing: its options, and the keys of a cluster.

use super::ClusterOptions;
use crate::dialect::{Dialect, DialectName};
use crate::secret::Secret;
use crate::sig::Version;
use crate::sig::node_key::NodeKey;

/// How requests are re-signed.
#[derive(Debug, Clone)]
pub struct SignWith {
    /// The dialect of the signature.
    pub dialect: DialectName,
    /// The signature version.
    pub version: Version,
    /// The region of the credential scope; version 2 has none.
    pub region: String,
    /// The key for every client without an entry in `node_keys`.
    pub credentials: NodeCredentials,
    /// How version 4 signs a body whose hash the client has not declared.
    pub payload: PayloadSigning,
}

/// How version 4 signs a body whose hash is not known before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadSigning {
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// `STREAMING-AWS4-HMAC-SHA256-PAYLOAD`: each chunk has a signature.
    SignedChunks,
}

/// An access key at the nodes.
#[derive(Debug, Clone)]
pub struct NodeCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret<String>,
}

/// The key at the nodes for the requests of one client.
#[derive(Debug, Clone)]
pub struct ClientNodeKey {
    /// The access key id that the client signs with.
    pub client: String,
    /// The key at the nodes.
    pub credentials: NodeCredentials,
}

/// Where the bucket name is in requests to nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Addressing {
    /// In the same place as in the client's request.
    AsReceived,
    /// In the path.
    Path,
    /// In the Host; in the path if the name cannot be part of a host name.
    VirtualHost,
}

/// The access keys of a cluster.
#[derive(Debug)]
pub struct NodeKeys {
    common: NodeKey,
    /// Sorted by the access key id of the client.
    of_clients: Vec<(String, NodeKey)>,
}

impl NodeKeys {
    /// Prepares the keys; none where requests are not re-signed.
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
            .map(|key| (key.client.clone(), ready(&key.credentials)))
            .collect();
        of_clients.sort_by(|(one, _), (other, _)| one.cmp(other));
        Some(Self {
            common: ready(&sign_with.credentials),
            of_clients,
        })
    }

    /// The key of the client, or the common key.
    pub fn of_client(&self, access_key_id: &str) -> &NodeKey {
        let found = self
            .of_clients
            .binary_search_by(|(client, _)| client.as_str().cmp(access_key_id));
        found.map_or(&self.common, |at| &self.of_clients[at].1)
    }
}
