//! The commands as people and programs see them: what they print, where, and with which exit status.

mod admin;
mod configuration;
mod curl;
#[cfg(feature = "embedded")]
mod demo;
mod help;
mod keys;
mod log_lines;
mod presign;
mod sign;
#[cfg(feature = "embedded")]
mod sockets;
mod version_4;
mod warnings;
mod why_and_who;

use std::process::{Command, Output};

use support::signer::{Request, Word, now};

/// The command without keys in its environment.
fn countersign(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .args(arguments)
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env_remove("AWS_SESSION_TOKEN");
    command
}

/// Runs a command to its end: its exit code, standard output and standard error.
fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the binary that cargo built");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

/// Runs a command that must fail: status 1, nothing on standard output, and one line on standard error, which it gives.
fn fails(arguments: &[&str]) -> String {
    let (code, stdout, stderr) = run(&mut countersign(arguments));
    assert_eq!(
        (code, stdout.as_str()),
        (Some(1), ""),
        "{arguments:?}: {stderr}"
    );
    let line = stderr.strip_suffix('\n').expect("a line");
    assert!(
        !line.is_empty() && !line.contains('\n'),
        "{arguments:?}: {stderr}"
    );
    line.to_owned()
}

fn signed(word: Word, method: &str, target: &str) -> Request {
    Request::new(word, method, target).date(&now()).signed()
}

#[test]
fn help_lists_the_commands() {
    let (code, stdout, stderr) = run(&mut countersign(&["--help"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let listed: Vec<&str> = stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .map_while(|line| line.split_whitespace().next())
        .collect();
    let demo: &[&str] = if cfg!(feature = "embedded") {
        &["demo"]
    } else {
        &[]
    };
    assert_eq!(
        listed,
        [&["serve"], demo, &["check", "sign", "help"]].concat()
    );
    for command in listed.iter().filter(|command| **command != "help") {
        let (code, stdout, _) = run(&mut countersign(&[command, "--help"]));
        assert_eq!(code, Some(0));
        assert!(
            stdout.contains(&format!("Usage: countersign {command}")),
            "{stdout}"
        );
        // A secret in the environment is no default to show.
        let (_, shown, _) =
            run(countersign(&[command, "--help"]).env("AWS_SECRET_ACCESS_KEY", "canary"));
        assert!(!shown.contains("canary"));
    }
    let (code, stdout, _) = run(&mut countersign(&["--version"]));
    assert_eq!(
        (code, stdout),
        (
            Some(0),
            format!("countersign {}\n", env!("CARGO_PKG_VERSION"))
        )
    );
}

#[test]
fn what_is_no_command_is_told_where_the_help_is() {
    for arguments in [
        &[][..],
        &["sreve"],
        &["serve"],
        &["check"],
        &["sign"],
        &["serve", "--config"],
        &["check", "--conf", "x"],
    ] {
        let (code, stdout, stderr) = run(&mut countersign(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.contains("--help"), "{arguments:?}: {stderr}");
    }
}
