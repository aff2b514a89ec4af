//! The commands.

mod check;
#[cfg(feature = "embedded")]
mod demo;
mod serve;
mod sign;

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
    Sign(sign::Sign),
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

/// Says where a gateway listens: one line each, on standard output, for people and for programs.
fn announce(addresses: &crate::gateway::Addresses) {
    for listener in &addresses.listeners {
        println!("listening on {listener}");
    }
    if let Some(admin) = &addresses.admin {
        println!("admin on {admin}");
    }
}
