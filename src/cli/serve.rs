//! `countersign serve`

use std::path::Path;
use std::sync::Arc;

use super::{Failure, announce};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::credentials::InlineStore;
use crate::gateway::{self, RunOptions};
use crate::logs;

/// Runs the gateway that a file describes, until it is told to stop.
///
/// # Errors
/// What is wrong with the file, or an address that cannot be listened on.
pub fn run(config: &Path) -> Result<(), Failure> {
    serve(Settings::load(config)?)
}

/// Runs a gateway until it is told to stop.
pub fn serve(settings: Settings) -> Result<(), Failure> {
    let log = logs::start(settings.log);
    let options = RunOptions {
        server: settings.server,
        listeners: settings.listeners,
        admin: settings.admin,
        signature: settings.signature,
        cluster: settings.cluster,
        log_format: settings.log.format,
    };
    let store = Arc::new(InlineStore::new(&settings.keys));
    let running = gateway::start(options, store, Arc::new(SystemClock), log.dropped_lines())?;
    announce(&running.addresses);
    running.run();
    Ok(())
}
