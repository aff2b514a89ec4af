//! The configuration in use, and its reload. A request uses one configuration from its start to its end.

use std::sync::Arc;

use thiserror::Error;

use super::options::{AnswerAs, ListenerOptions};
use super::request_id::unguessable;
use crate::cluster::{Cluster, ClusterOptions};
use crate::credentials::{CredentialStore, StoreFailure};
use crate::dialect::{Dialect, DialectName};
use crate::error::Refusal;
use crate::metrics::{Metrics, NodeMetrics};
use crate::secret::Secret;
use crate::sig::{Identity, VerifyOptions, VerifyingKey};

/// The options that a reload can change.
pub struct ReloadableOptions {
    /// How requests are verified.
    pub signature: VerifyOptions,
    /// The keys.
    pub store: Arc<dyn CredentialStore>,
    /// The nodes.
    pub cluster: ClusterOptions,
    /// The listeners; a reload cannot change their addresses.
    pub listeners: Vec<ListenerOptions>,
}

/// Reads the configuration again. The error is for the user: one or more lines.
pub type Reload = Box<dyn Fn() -> Result<ReloadableOptions, String> + Send + Sync>;

/// Why a reload failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReloadFailure {
    /// The configuration could not be read.
    #[error("{0}")]
    Unread(String),
    /// The addresses of the listeners have changed.
    #[error("the addresses of the listeners have changed, which takes a restart")]
    Addresses,
}

/// The configuration in use.
pub struct ActiveConfig {
    /// How requests are verified.
    pub signature: VerifyOptions,
    /// The keys.
    pub store: Arc<dyn CredentialStore>,
    /// Used in place of an unknown key, so that refusing an unknown key takes as long as refusing a wrong signature.
    pub dummy_key: VerifyingKey,
    /// The nodes.
    pub cluster: Cluster,
    /// The metrics of the nodes, in the same order.
    pub node_metrics: Vec<NodeMetrics>,
    /// The listeners, in the order of their sockets.
    pub listeners: Vec<Arc<Listener>>,
}

impl ActiveConfig {
    /// Prepares a configuration.
    pub fn new(options: ReloadableOptions, metrics: &Metrics) -> Self {
        let cluster = Cluster::new(options.cluster);
        Self {
            node_metrics: cluster
                .labels()
                .iter()
                .map(|node| metrics.of_node(node))
                .collect(),
            cluster,
            signature: options.signature,
            store: options.store,
            dummy_key: dummy_key(),
            listeners: options
                .listeners
                .into_iter()
                .enumerate()
                .map(|(at, options)| Arc::new(Listener::new(at, options)))
                .collect(),
        }
    }

    /// The listener of this configuration that corresponds to one of an earlier configuration; none if there is none. It has the
    /// same index and the same address: with port 0 several listeners may have the same address.
    pub fn successor(&self, earlier: &Listener) -> Option<&Listener> {
        let listener = self.listeners.get(earlier.index)?;
        (listener.options.address == earlier.options.address).then_some(&**listener)
    }

    /// Makes the next configuration.
    ///
    /// # Errors
    /// [`ReloadFailure`]; this one stays in use.
    pub fn reloaded(&self, reload: &Reload, metrics: &Metrics) -> Result<Self, ReloadFailure> {
        let mut options = reload().map_err(ReloadFailure::Unread)?;
        // The file descriptors are divided at the start.
        options.cluster.upstream_keepalive = self.cluster.options().upstream_keepalive;
        let addresses = self.listeners.iter().map(|old| &old.options.address);
        if !addresses.eq(options.listeners.iter().map(|new| &new.address)) {
            return Err(ReloadFailure::Addresses);
        }
        Ok(Self::new(options, metrics))
    }

    /// The key with this access key id, or the dummy key.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`].
    pub async fn key_of(&self, access_key_id: &str) -> Result<VerifyingKey, Refusal> {
        self.key_or_dummy(self.store.resolve(access_key_id).await)
    }

    /// The same without I/O; none if the store needs I/O.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`].
    pub fn known_key(&self, access_key_id: &str) -> Option<Result<VerifyingKey, Refusal>> {
        let answer = self.store.known(access_key_id)?;
        Some(self.key_or_dummy(answer))
    }

    fn key_or_dummy(
        &self,
        answer: Result<VerifyingKey, StoreFailure>,
    ) -> Result<VerifyingKey, Refusal> {
        match answer {
            Ok(key) => Ok(key),
            // The signature does not match this key, and the check takes as long as for any other key.
            Err(StoreFailure::Unknown) => Ok(self.dummy_key.clone()),
            Err(StoreFailure::Unavailable) => Err(Refusal::StoreUnavailable),
        }
    }
}

/// A running listener.
#[derive(Debug)]
pub struct Listener {
    /// Its options.
    pub options: ListenerOptions,
    /// The dialects accepted here, the preferred one first.
    pub dialects: Vec<&'static Dialect>,
    /// Its index in the list of listeners.
    index: usize,
}

impl Listener {
    /// Prepares a listener. `index` is its index in the list of listeners.
    pub fn new(index: usize, options: ListenerOptions) -> Self {
        let dialects = options
            .dialects
            .iter()
            .map(|name| Dialect::named(*name))
            .collect();
        Self {
            options,
            dialects,
            index,
        }
    }

    /// The dialect of the response to a request in the dialect `request`, if that is known.
    pub fn response_dialect(&self, request: Option<DialectName>) -> DialectName {
        match self.options.answer_as {
            AnswerAs::Dialect(name) => name,
            AnswerAs::Request => request.unwrap_or(self.dialects[0].name),
        }
    }
}

fn dummy_key() -> VerifyingKey {
    let identity = Identity {
        access_key_id: String::new(),
        principal: String::new(),
        domains: None,
    };
    VerifyingKey::new(identity, &Secret::new(unguessable()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::InlineStore;
    use crate::socket_address::SocketAddress;

    fn options(node: u16, upstream_keepalive: usize) -> ReloadableOptions {
        ReloadableOptions {
            signature: VerifyOptions::default(),
            store: Arc::new(InlineStore::new(&[])),
            cluster: ClusterOptions {
                nodes: vec![SocketAddress::Tcp(([127, 0, 0, 1], node).into())],
                upstream_keepalive,
                ..ClusterOptions::default()
            },
            listeners: Vec::new(),
        }
    }

    #[test]
    fn a_reload_changes_the_nodes_and_not_how_many_idle_connections_they_have() {
        let metrics = Metrics::new();
        let reload: Reload = Box::new(|| Ok(options(2, 8)));
        let config = ActiveConfig::new(options(1, 4), &metrics);
        let config = config.reloaded(&reload, &metrics).unwrap();
        let options = config.cluster.options();
        assert_eq!(options.nodes, self::options(2, 8).cluster.nodes);
        assert_eq!(options.upstream_keepalive, 4);
    }
}
