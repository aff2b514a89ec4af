//! `countersign serve`

use std::path::Path;
use std::sync::Arc;

use super::{Failure, announcement, say};
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::credentials::InlineStore;
use crate::logs;
use crate::runtime::active_config::ReloadableOptions;
use crate::server::{self, RunOptions};

/// Runs the gateway that a file describes, until it is told to stop.
///
/// # Errors
/// What is wrong with the file, or an address that cannot be listened on.
pub fn run(config: &Path) -> Result<(), Failure> {
    let settings = Settings::load(config)?;
    let at_start = Fixed::of(&settings);
    let log = logs::start(settings.log);
    let options = RunOptions {
        server: settings.server,
        admin: settings.admin,
        live: live(settings),
    };
    let running = server::start(options, Arc::new(SystemClock), log.log())?;
    let (config, addresses) = (config.to_owned(), running.addresses.clone());
    let reload = move || {
        let settings = Settings::load(&config).map_err(|error| error.to_string())?;
        let changed = Fixed::of(&settings).unlike(&at_start);
        if !changed.is_empty() {
            tracing::warn!(settings = %changed.join(", "), "changed in the configuration, and in use only after a restart");
        }
        Ok(live(settings))
    };
    running.run(Box::new(reload), move || say(&announcement(&addresses)));
    Ok(())
}

/// The settings that a running gateway cannot take anew, as they are printed, each with its name. The addresses of the
/// listeners are not among them: a file where they have changed is not used at all.
#[derive(PartialEq, Eq)]
struct Fixed(Vec<(&'static str, String)>);

impl Fixed {
    fn of(settings: &Settings) -> Self {
        let Settings {
            server,
            log,
            listeners: _,
            admin,
            signature: _,
            keys: _,
            cluster,
        } = settings;
        Self(vec![
            ("server", format!("{server:?}")),
            ("log", format!("{log:?}")),
            ("admin", format!("{admin:?}")),
            (
                "cluster.upstream_keepalive",
                cluster.upstream_keepalive.to_string(),
            ),
        ])
    }

    fn unlike(&self, other: &Self) -> Vec<&'static str> {
        let both = self.0.iter().zip(&other.0);
        let changed = both.filter(|(one, other)| one != other);
        changed.map(|((name, _), _)| *name).collect()
    }
}

/// The settings that a running gateway can take anew; the others stay as they were at the start.
fn live(settings: Settings) -> ReloadableOptions {
    ReloadableOptions {
        store: Arc::new(InlineStore::new(&settings.keys)),
        signature: settings.signature,
        cluster: settings.cluster,
        listeners: settings.listeners,
    }
}
