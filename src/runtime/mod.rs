//! The shared state of a running gateway: the configuration in use, the options, and request ids.

pub mod active_config;
pub mod options;
pub mod request_id;

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::logs::Log;
use crate::metrics::{Metrics, ReloadOutcome};
use active_config::{ActiveConfig, Reload};

/// The state that all connections and requests share.
pub struct Runtime {
    /// The configuration in use.
    pub live: ArcSwap<ActiveConfig>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The metrics.
    pub metrics: Metrics,
    /// The value of `HostId` in error documents: random for each process, so that it identifies a gateway and reveals nothing.
    pub host_id: String,
    /// The access log.
    pub log: Log,
}

impl Runtime {
    /// Reloads the configuration. If it is invalid, the one in use stays.
    pub fn reload(&self, reload: &Reload) {
        match self.live.load().reloaded(reload, &self.metrics) {
            Ok(next) => {
                self.live.store(Arc::new(next));
                self.metrics.reload(ReloadOutcome::Applied);
                tracing::info!("the configuration has been reloaded");
            }
            Err(error) => {
                self.metrics.reload(ReloadOutcome::Kept);
                tracing::error!(%error, "the configuration could not be reloaded; the old one stays in use");
            }
        }
    }
}
