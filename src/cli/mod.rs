//! The commands.

pub mod check;
#[cfg(feature = "embedded")]
mod demo;
mod key;
mod serve;
mod shell;
mod sign;

use std::io::Write;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

/// Checks the signature of every object-storage request before a storage node sees it.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    arg_required_else_help = true,
    after_help = "\
Examples:
  countersign demo                                       a gateway to try out, with a storage node of its own
  countersign check --config /etc/countersign.toml       what a configuration says, or every fault of it
  countersign serve --config /etc/countersign.toml       the gateway
  countersign sign GET http://127.0.0.1:8080/bucket/key  a signed request, as a command for curl

'countersign COMMAND --help' has more of each."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway
    #[command(after_help = "\
Examples:
  countersign serve --config /etc/countersign.toml
  kill -HUP PID   reads the file again; a file with a fault leaves the old configuration in use
  kill PID        stops once the requests in flight have ended, within grace_period

[server], [log], [admin], upstream_keepalive and the addresses of the listeners take a restart.")]
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Run the gateway in front of a storage node of its own, to try it out
    #[cfg(feature = "embedded")]
    Demo(demo::Demo),
    Check(check::Check),
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
    let ended = match Arguments::parse().command {
        Command::Serve { config } => serve::run(&config),
        #[cfg(feature = "embedded")]
        Command::Demo(demo) => demo.run(),
        Command::Check(check) => check.run().map_err(Into::into),
        Command::Sign(sign) => sign.run(),
    };
    ended.map_err(|failure| match failure.downcast::<clap::Error>() {
        // Printed, and with an exit status, as every other misuse.
        Ok(misuse) => misuse.exit(),
        Err(other) => other,
    })
}

/// A misuse of a command that its declaration alone does not tell.
fn misuse(command: &str, kind: ErrorKind, message: &str) -> Failure {
    let mut arguments = Arguments::command();
    arguments.build();
    match arguments.find_subcommand_mut(command) {
        Some(own) => own.error(kind, message).into(),
        None => arguments.error(kind, message).into(),
    }
}

/// Where a gateway listens: one line each, for people and for programs.
fn announcement(addresses: &crate::server::Addresses) -> String {
    let listeners = addresses.listeners.iter();
    let listeners = listeners.map(|listener| format!("listening on {listener}\n"));
    let admin = addresses.admin.iter();
    let admin = admin.map(|admin| format!("admin on {admin}\n"));
    listeners.chain(admin).collect()
}

/// Writes the result of a command to standard output.
///
/// # Errors
/// Standard output takes nothing more, and so nobody has the result.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("cannot write to standard output: {error}").into())
}

/// Writes to standard error. Where nobody reads that, nothing is lost by it.
pub fn complain(text: impl std::fmt::Display) {
    let _unread = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes to standard output. A gateway serves all the same where nobody reads that.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
