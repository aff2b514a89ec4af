//! The commands of the command line.

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
  countersign demo                                       a gateway to try out, with a built-in storage node
  countersign check --config /etc/countersign.toml       the effective settings, or every error of a file
  countersign serve --config /etc/countersign.toml       run the gateway
  countersign sign GET http://127.0.0.1:8080/bucket/key  a signed request, as a command for curl

'countersign COMMAND --help' shows more examples."
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
  kill -HUP PID   reloads the file; if it has an error, the old configuration stays in use
  kill PID        stops once the requests in flight have ended, at the latest after grace_period

[server], [log], [admin], upstream_keepalive and the addresses of the listeners take a restart.")]
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Run the gateway with a built-in storage node, to try it out
    #[cfg(feature = "embedded")]
    Demo(demo::Demo),
    Check(check::Check),
    /// Sign a request as a client would
    Sign(Box<sign::Sign>),
}

/// The error of a command: one or more lines for the user.
pub type Failure = Box<dyn std::error::Error>;

/// Runs the command of the process's arguments.
///
/// # Errors
/// The error to print.
pub fn run() -> Result<(), Failure> {
    let ended = match Arguments::parse().command {
        Command::Serve { config } => serve::run(&config),
        #[cfg(feature = "embedded")]
        Command::Demo(demo) => demo.run(),
        Command::Check(check) => check.run().map_err(Into::into),
        Command::Sign(sign) => sign.run(),
    };
    ended.map_err(|failure| match failure.downcast::<clap::Error>() {
        // Printed, and with the exit status, as clap does for its own usage errors.
        Ok(usage) => usage.exit(),
        Err(other) => other,
    })
}

/// A usage error that clap cannot detect from the declaration of the arguments.
fn usage_error(command: &str, kind: ErrorKind, message: &str) -> Failure {
    let mut arguments = Arguments::command();
    arguments.build();
    match arguments.find_subcommand_mut(command) {
        Some(subcommand) => subcommand.error(kind, message).into(),
        None => arguments.error(kind, message).into(),
    }
}

/// The addresses of a gateway, one line each, for users and for scripts.
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
/// Standard output cannot be written to.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("cannot write to standard output: {error}").into())
}

/// Writes to standard error; an error of the write is ignored.
pub fn complain(text: impl std::fmt::Display) {
    let _unread = writeln!(std::io::stderr().lock(), "{text}");
}

/// Writes to standard output; an error of the write is ignored, because the gateway can serve without it.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _unread = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
