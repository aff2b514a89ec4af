//! `countersign check`: what a configuration file says.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use thiserror::Error;

use crate::config::{ConfigErrors, Settings};

/// Print the settings that a configuration file resolves to, or everything that is wrong with it
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
#[command(after_help = "\
Examples:
  countersign check --config /etc/countersign.toml
  countersign check --config new.toml && mv new.toml /etc/countersign.toml && kill -HUP PID
  countersign check --schema

The exit status is 0 where the file is right, and 1 where it is not. Secrets are printed as ***.")]
pub struct Check {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the JSON schema of configuration files instead, with every key, its type, range and default
    #[arg(long)]
    schema: bool,
}

impl Check {
    /// Prints what was asked for.
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
    print(&settings.to_toml())
}

fn print(text: &str) -> Result<(), CheckFailure> {
    Ok(io::stdout().write_all(text.as_bytes())?)
}
