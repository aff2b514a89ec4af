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

/// Runs the gateway with a configuration file until a signal stops it.
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
        live: reloadable(settings),
    };
    let running = server::start(options, Arc::new(SystemClock), log.log())?;
    let (config, addresses) = (config.to_owned(), running.addresses.clone());
    let reload = move || {
        let settings = Settings::load(&config).map_err(|error| error.to_string())?;
        let changed = Fixed::of(&settings).differences(&at_start);
        if !changed.is_empty() {
            tracing::warn!(settings = %changed.join(", "), "these settings have changed, and take effect only after a restart");
        }
        Ok(reloadable(settings))
    };
    running.run(Box::new(reload), move || say(&announcement(&addresses)));
    Ok(())
}

/// The settings that a reload cannot change, each with its name and its debug output. The addresses of the listeners are not
/// among them: a file with other addresses is refused as a whole.
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

    fn differences(&self, other: &Self) -> Vec<&'static str> {
        let both = self.0.iter().zip(&other.0);
        let changed = both.filter(|(one, other)| one != other);
        changed.map(|((name, _), _)| *name).collect()
    }
}

/// The settings that a reload can change.
fn reloadable(settings: Settings) -> ReloadableOptions {
    ReloadableOptions {
        store: Arc::new(InlineStore::new(&settings.keys)),
        signature: settings.signature,
        cluster: settings.cluster,
        listeners: settings.listeners,
    }
}
