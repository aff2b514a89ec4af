//! What a running gateway is told and may be told anew: one request sees one configuration from its start to its end.

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

/// What can change while the gateway runs.
pub struct ReloadableOptions {
    /// How requests are verified.
    pub signature: VerifyOptions,
    /// The keys.
    pub store: Arc<dyn CredentialStore>,
    /// The nodes.
    pub cluster: ClusterOptions,
    /// The listeners; their addresses stay.
    pub listeners: Vec<ListenerOptions>,
}

/// Reads the configuration again. The error is for a person: one or more lines.
pub type Reload = Box<dyn Fn() -> Result<ReloadableOptions, String> + Send + Sync>;

/// Why a configuration that was read again is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReloadFailure {
    /// It could not be read.
    #[error("{0}")]
    Unread(String),
    /// A socket would have to be opened or closed.
    #[error("the addresses of the listeners have changed, which takes a restart")]
    Addresses,
}

/// The configuration that requests are handled with.
pub struct ActiveConfig {
    /// How requests are verified.
    pub signature: VerifyOptions,
    /// The keys.
    pub store: Arc<dyn CredentialStore>,
    /// Stands in for a key that does not exist, so that its refusal takes as long as that of one that does.
    pub dummy_key: VerifyingKey,
    /// The nodes.
    pub cluster: Cluster,
    /// Their counters, in the same order.
    pub node_metrics: Vec<NodeMetrics>,
    /// The listeners, in the order of their sockets.
    pub listeners: Vec<Arc<Listener>>,
}

impl ActiveConfig {
    /// Makes a configuration ready for use.
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

    /// What has become of a listener of an earlier configuration; none where it is gone. With port 0 an address alone says not
    /// which one it is, so it has its place, too.
    pub fn successor(&self, earlier: &Listener) -> Option<&Listener> {
        let listener = self.listeners.get(earlier.at)?;
        (listener.options.address == earlier.options.address).then_some(&**listener)
    }

    /// Makes the configuration that is to follow this one.
    ///
    /// # Errors
    /// [`ReloadFailure`]; this one stays in use.
    pub fn reloaded(&self, reload: &Reload, metrics: &Metrics) -> Result<Self, ReloadFailure> {
        let options = reload().map_err(ReloadFailure::Unread)?;
        let addresses = self.listeners.iter().map(|own| &own.options.address);
        if !addresses.eq(options.listeners.iter().map(|new| &new.address)) {
            return Err(ReloadFailure::Addresses);
        }
        Ok(Self::new(options, metrics))
    }

    /// The key that an AccessKeyId resolves to.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`].
    pub async fn key_of(&self, access_key_id: &str) -> Result<VerifyingKey, Refusal> {
        self.key_or_dummy(self.store.resolve(access_key_id).await)
    }

    /// The key that the store knows without asking anybody, if it does.
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
            // It fails as any other key does, and takes as long.
            Err(StoreFailure::Unknown) => Ok(self.dummy_key.clone()),
            Err(StoreFailure::Unavailable) => Err(Refusal::StoreUnavailable),
        }
    }
}

/// A running listener.
#[derive(Debug)]
pub struct Listener {
    /// What it was told.
    pub options: ListenerOptions,
    /// The dialects accepted here, the preferred one first.
    pub dialects: Vec<&'static Dialect>,
    /// Its place among the listeners.
    at: usize,
}

impl Listener {
    /// Prepares a listener. `at` is its place among the listeners.
    pub fn new(at: usize, options: ListenerOptions) -> Self {
        let dialects = options
            .dialects
            .iter()
            .map(|name| Dialect::named(*name))
            .collect();
        Self {
            options,
            dialects,
            at,
        }
    }

    /// Whose words an answer uses, for a request that spoke in `asked`.
    pub fn response_dialect(&self, asked: Option<DialectName>) -> DialectName {
        match self.options.answer_as {
            AnswerAs::Dialect(name) => name,
            AnswerAs::Request => asked.unwrap_or(self.dialects[0].name),
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
