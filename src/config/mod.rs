//! The configuration: one TOML file, read as a whole. It is either valid, or refused with every fault in it.
//!
//! ```text
//! conf/countersign.toml ─ document: parsed TOML ─ resolve: checked settings ─▶ Settings ─▶ the options of each room
//! ```
//!
//! A setting has the same name in the file and in the code. Only `cli` uses this room.
//!
//! Each section of the file is a list of its keys (`section`), and each key has a name, a description, a kind and a field of
//! the options. Reading, the names in errors, what `check` prints and the schema come from this list. Only a key that depends
//! on something else has its own code: an address, a secret, two keys that need each other.

mod address;
mod cluster;
mod credentials;
mod document;
mod fault;
mod kind;
mod listener;
mod once;
mod ranges;
mod resolve;
mod secret;
mod section;
mod sign_with;
mod value;

use std::net::SocketAddr;
use std::path::Path;

use crate::cluster::ClusterOptions;
use crate::credentials::InlineKey;
use crate::logs::LogOptions;
use crate::runtime::options::{ListenerOptions, ServerOptions};
use crate::secret::Secret;
use crate::sig::VerifyOptions;
pub use address::{ListenFault, is_host_name, listen_address};
pub use fault::{ConfigErrors, Fault, Position};
pub use ranges::is_visible;
pub use secret::{read_secret, secret_fault};

/// Every setting, with its default where the file has none.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[server]`.
    pub server: ServerOptions,
    /// `[log]`.
    pub log: LogOptions,
    /// `[[listener]]`; at least one.
    pub listeners: Vec<ListenerOptions>,
    /// `[admin]`; none where there is no admin listener.
    pub admin: Option<SocketAddr>,
    /// `[signature]`.
    pub signature: VerifyOptions,
    /// `[[credentials.key]]`; at least one, with unique access key ids.
    pub keys: Vec<InlineKey>,
    /// `[[cluster]]`.
    pub cluster: ClusterOptions,
}

impl Settings {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// Every fault of the file, or the reason why it cannot be read.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let text = std::fs::read_to_string(path)
            .map(Secret::new)
            .map_err(|error| ConfigErrors::unreadable(path, &error))?;
        Self::parse(text.expose(), path)
    }

    /// Reads the text of a configuration. Errors name `file`, and relative paths are relative to its directory.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigErrors> {
        let directory = file.parent().unwrap_or(Path::new(""));
        document::read(text, |root| resolve::settings(root, directory))
            .map_err(|faults| ConfigErrors::new(file, faults))
    }

    /// The JSON schema (draft 2020-12) of a configuration file: every key with its type, range and default.
    pub fn schema() -> String {
        let schema = resolve::root()
            .schema()
            .with("$schema", "https://json-schema.org/draft/2020-12/schema")
            .with("title", "The configuration of Countersign");
        let text = serde_json::to_string_pretty(&schema)
            .expect("strings, numbers and tables of them can always be written as JSON");
        text + "\n"
    }

    /// The settings as a configuration file, with `***` for each secret.
    pub fn to_toml(&self) -> String {
        toml::to_string(&resolve::root().value(self))
            .expect("strings, numbers and tables of them can always be written as TOML")
    }
}
