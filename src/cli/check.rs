//! `countersign check`: prints the effective settings of a configuration file, or its faults.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use thiserror::Error;

use crate::config::{ConfigErrors, Settings};

/// Print the effective settings of a configuration file, or every error in it
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[command(after_help = "\
Examples:
  countersign check --config /etc/countersign.toml
  countersign check --config new.toml && mv new.toml /etc/countersign.toml && kill -HUP PID
  countersign check --schema

The exit status is 0 if the file is valid, and 1 if not. Secrets are printed as ***.")]
pub struct Check {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the JSON schema of the configuration file instead, with every key, its type, range and default
    #[arg(long)]
    schema: bool,
}

impl Check {
    /// Prints the settings or the schema.
    ///
    /// # Errors
    /// [`CheckFailure`].
    pub fn run(&self) -> Result<(), CheckFailure> {
        match &self.config {
            Some(config) => run(config),
            None => print(&Settings::schema()),
        }
    }
}

/// Why nothing is printed.
#[derive(Debug, Error)]
pub enum CheckFailure {
    /// The configuration has faults: one line per fault.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// Standard output cannot be written to.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// The effective settings of a configuration file as TOML, with secrets as `***`.
///
/// # Errors
/// Every fault of the file.
pub fn run(config: &Path) -> Result<(), CheckFailure> {
    let settings = Settings::load(config)?;
    print(&settings.to_toml())
}

fn print(text: &str) -> Result<(), CheckFailure> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
