//! `countersign serve`

use std::path::Path;
use std::sync::Arc;

use super::{Failure, announcement, say};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::credentials::InlineStore;
use crate::gateway::{self, LiveOptions, RunOptions};
use crate::logs;

/// Runs the gateway that a file describes, until it is told to stop.
///
/// # Errors
/// What is wrong with the file, or an address that cannot be listened on.
pub fn run(config: &Path) -> Result<(), Failure> {
    let settings = Settings::load(config)?;
    let log = logs::start(settings.log);
    let options = RunOptions {
        server: settings.server,
        admin: settings.admin,
        live: live(settings),
    };
    let running = gateway::start(options, Arc::new(SystemClock), log.log())?;
    let (config, addresses) = (config.to_owned(), running.addresses.clone());
    let reload = move || {
        Settings::load(&config)
            .map(live)
            .map_err(|error| error.to_string())
    };
    running.run(Box::new(reload), move || say(&announcement(&addresses)));
    Ok(())
}

/// The settings that a running gateway can take anew; the others stay as they were at the start.
fn live(settings: Settings) -> LiveOptions {
    LiveOptions {
        store: Arc::new(InlineStore::new(&settings.keys)),
        signature: settings.signature,
        cluster: settings.cluster,
        listeners: settings.listeners,
    }
}
