//! `countersign check`: what a configuration file says.

use std::io::{self, Write};
use std::path::Path;

use thiserror::Error;

use crate::config::{ConfigErrors, Settings};

/// Why a configuration is not printed.
#[derive(Debug, Error)]
pub enum CheckFailure {
    /// It is not right. One line per fault.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// Standard output takes nothing.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// Prints the resolved settings of a configuration file as TOML, secrets as `***`.
///
/// # Errors
/// Every fault of the file.
pub fn run(config: &Path) -> Result<(), CheckFailure> {
    let settings = Settings::load(config)?;
    Ok(io::stdout().write_all(settings.to_toml().as_bytes())?)
}
