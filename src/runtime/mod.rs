//! What a running gateway shares: the configuration in use, what it was told, and the ids of requests.

pub mod active_config;
pub mod options;
pub mod request_id;

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::cluster::SpentConnections;
use crate::logs::Log;
use crate::metrics::{Metrics, ReloadOutcome};
use active_config::{ActiveConfig, Reload};

/// What every connection and every request needs.
pub struct Runtime {
    /// The configuration in use.
    pub live: ArcSwap<ActiveConfig>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Every metric.
    pub metrics: Metrics,
    /// Random for each process: it tells gateways apart and says nothing about them.
    pub host_id: String,
    /// The access log.
    pub log: Log,
    /// Connections to nodes that are not to be used again.
    pub spent: SpentConnections,
}

impl Runtime {
    /// Reads the configuration again, and uses it if it is right.
    pub fn reload(&self, reload: &Reload) {
        match self.live.load().reloaded(reload, &self.metrics) {
            Ok(next) => {
                self.live.store(Arc::new(next));
                self.metrics.reload(ReloadOutcome::Applied);
                tracing::info!("the configuration has been read again and is in use");
            }
            Err(error) => {
                self.metrics.reload(ReloadOutcome::Kept);
                tracing::error!(%error, "the configuration has been read again and is not used; the old one stays");
            }
        }
    }
}
