//! The commands.

pub mod check;
#[cfg(feature = "embedded")]
mod demo;
mod serve;
mod sign;

use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Checks the signature of every object-storage request before a storage node sees it.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Run the gateway in front of a storage node of its own, to try it out
    #[cfg(feature = "embedded")]
    Demo(demo::Demo),
    /// Print the settings that a configuration file resolves to, or everything that is wrong with it
    Check {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Sign a request as a client would
    Sign(Box<sign::Sign>),
}

/// Anything that ends a command: one or more lines for a person.
pub type Failure = Box<dyn std::error::Error>;

/// Runs the command that the process was called with.
///
/// # Errors
/// What went wrong, ready to be printed.
pub fn run() -> Result<(), Failure> {
    match Arguments::parse().command {
        Command::Serve { config } => serve::run(&config),
        #[cfg(feature = "embedded")]
        Command::Demo(demo) => demo.run(),
        Command::Check { config } => Ok(check::run(&config)?),
        Command::Sign(sign) => sign.run(),
    }
}

/// Where a gateway listens: one line each, for people and for programs.
fn announcement(addresses: &crate::gateway::Addresses) -> String {
    let listeners = addresses.listeners.iter();
    let listeners = listeners.map(|listener| format!("listening on {listener}\n"));
    let admin = addresses.admin.iter();
    let admin = admin.map(|admin| format!("admin on {admin}\n"));
    listeners.chain(admin).collect()
}

/// Writes to standard output. A gateway serves all the same where nobody reads that.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
