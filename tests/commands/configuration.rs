//! `countersign serve` and `countersign check` over files that are right and files that are not.

use std::net::TcpListener;
use std::path::PathBuf;

use countersign::config::Settings;
use tempfile::TempDir;

use super::{countersign, fails, run};
use support::gateway::{Config, Gateway};
use support::signer::SECRET_ACCESS_KEY;

/// A file with this text, in a directory that is gone when the first is dropped.
fn file(text: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("countersign.toml");
    std::fs::write(&path, text).expect("a writable directory");
    (directory, path.to_str().expect("UTF-8").to_owned())
}

fn config() -> Config {
    Config::new("127.0.0.1:9000")
}

fn listening(address: &str) -> Config {
    config().section(
        "listener",
        &format!("[[listener]]\naddress = \"{address}\""),
    )
}

#[test]
fn what_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let missing = directory.path().join("missing.toml");
    for path in [
        missing,
        directory.path().to_owned(),
        PathBuf::from("/dev/null/countersign.toml"),
    ] {
        let path = path.to_str().expect("UTF-8");
        for command in ["serve", "check"] {
            let line = fails(&[command, "--config", path]);
            assert!(
                line.starts_with(&format!("{path}: cannot read the configuration: ")),
                "{line}"
            );
        }
    }
    let not_text = directory.path().join("binary.toml");
    std::fs::write(&not_text, [0xff, 0xfe]).expect("a writable directory");
    let line = fails(&["serve", "--config", not_text.to_str().expect("UTF-8")]);
    assert!(line.contains("binary.toml: "), "{line}");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let whole = config().text();
    let line_of = |part: &str| {
        whole
            .lines()
            .position(|line| line.contains(part))
            .expect("a line")
            + 1
    };
    for (right, wrong, path, said) in [
        (
            "grace_period = \"1s\"",
            "grace_perid = \"1s\"",
            "server.grace_perid",
            "grace_period",
        ),
        ("[[listener]]", "[[listner]]", "listner", "listener"),
        ("\"trusted\"", "\"trustd\"", "cluster[0].forward", "trusted"),
        ("\"1s\"", "\"1 parsec\"", "server.grace_period", "1 parsec"),
        (
            "[\"v2\", \"v4\"]",
            "[\"v2\", \"v9\"]",
            "signature.versions",
            "v9",
        ),
        ("\"inline\"", "\"sqlite\"", "credentials.store", "sqlite"),
        (
            "nodes = [\"127.0.0.1:9000\"]",
            "nodes = []",
            "cluster[0].nodes",
            "",
        ),
    ] {
        let text = whole.replacen(right, wrong, 1);
        assert_ne!(text, whole, "{right}");
        let (_directory, file) = file(&text);
        for command in ["serve", "check"] {
            let line = fails(&[command, "--config", &file]);
            assert!(
                line.starts_with(&format!("{file}:{}:", line_of(right))),
                "{line}"
            );
            assert!(
                line.contains(&format!(" {path}")) && line.contains(said),
                "{path}, {said}: {line}"
            );
        }
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = config()
        .section("server", "[server]\nthreads = -1\ngrace_perid = \"1s\"")
        .section("log", "[log]\nlevel = \"loud\"\nformat = \"xml\"")
        .text();
    let (_directory, file) = file(&text);
    let mut seen = Vec::new();
    for command in ["check", "serve"] {
        let (code, stdout, stderr) = run(&mut countersign(&[command, "--config", &file]));
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
        let lines: Vec<&str> = stderr.lines().collect();
        assert_eq!(lines.len(), 4, "{stderr}");
        for (line, place) in lines.iter().zip(["2:", "3:", "5:", "6:"]) {
            assert!(line.starts_with(&format!("{file}:{place}")), "{line}");
        }
        seen.push(stderr);
    }
    assert_eq!(seen[0], seen[1]);
}

/// A secret of the environment is in no schema.
#[test]
fn check_prints_the_schema_alone() {
    let asked = ["check", "--schema"];
    let (code, stdout, stderr) = run(countersign(&asked).env("AWS_SECRET_ACCESS_KEY", "canary"));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout, Settings::schema());
    assert!(!stdout.contains("canary"));
    let (_directory, path) = file(&config().text());
    let (code, stdout, _) = run(&mut countersign(&["check", "--schema", "--config", &path]));
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
}

#[test]
fn check_prints_what_holds_and_no_secret() {
    let (_directory, path) = file(&config().text());
    let (code, stdout, stderr) = run(&mut countersign(&["check", "--config", &path]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(!stdout.contains(SECRET_ACCESS_KEY), "{stdout}");
    let table: toml::Table = stdout.parse().expect("TOML");
    // What was written, and what holds where nothing was.
    assert_eq!(table["server"]["grace_period"].as_str(), Some("1s"));
    assert_eq!(table["listener"][0]["header_timeout"].as_str(), Some("30s"));
    assert_eq!(table["cluster"][0]["read_timeout"].as_str(), Some("1m"));
    assert_eq!(table["signature"]["max_clock_skew"].as_str(), Some("15m"));
    assert_eq!(
        table["credentials"]["key"][0]["secret_access_key"].as_str(),
        Some("***")
    );
    // It is not started with the stars for a secret.
    let (_directory, printed) = file(&stdout);
    let line = fails(&["serve", "--config", &printed]);
    assert!(
        line.contains(
            "credentials.key[0].secret_access_key: *** is what check prints in place of a secret"
        ),
        "{line}"
    );
}

#[test]
fn secrets_come_from_the_environment_and_from_files() {
    let key = |secret: &str| {
        let credentials = config()
            .text_of("credentials")
            .replace(&format!("\"{SECRET_ACCESS_KEY}\""), secret);
        config().section("credentials", &credentials).text()
    };
    let (_directory, path) = file(&key("{ env = \"COUNTERSIGN_TEST_SECRET\" }"));
    let line = fails(&["check", "--config", &path]);
    assert!(
        line.contains("COUNTERSIGN_TEST_SECRET is not set"),
        "{line}"
    );
    let (code, stdout, _) =
        run(countersign(&["check", "--config", &path]).env("COUNTERSIGN_TEST_SECRET", "canary"));
    assert!(code == Some(0) && !stdout.contains("canary"), "{stdout}");
    let (directory, path) = file(&key("{ file = \"secret\" }"));
    let line = fails(&["check", "--config", &path]);
    assert!(
        line.contains("credentials.key[0].secret_access_key.file: cannot read the file"),
        "{line}"
    );
    std::fs::write(directory.path().join("secret"), "canary\n").expect("a writable directory");
    let (code, stdout, _) = run(&mut countersign(&["check", "--config", &path]));
    assert!(code == Some(0) && !stdout.contains("canary"), "{stdout}");
}

#[test]
fn a_taken_address_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken
        .local_addr()
        .map(|address| (taken, address.to_string()))
        .expect("a bound socket");
    let admin = config().section("admin", &format!("[admin]\naddress = \"{}\"", taken.1));
    for config in [listening(&taken.1), admin] {
        let (_directory, path) = file(&config.text());
        let line = fails(&["serve", "--config", &path]);
        assert_eq!(
            line,
            format!(
                "cannot listen on {}: Address already in use (os error 98)",
                taken.1
            )
        );
    }
    let (_directory, path) = file(&listening("192.0.2.1:80").text());
    let line = fails(&["serve", "--config", &path]);
    assert!(
        line.starts_with("cannot listen on 192.0.2.1:80: "),
        "{line}"
    );
    let (_directory, path) = file(&listening("unix:/nowhere/at/all.sock").text());
    let line = fails(&["serve", "--config", &path]);
    assert!(
        line.starts_with("cannot listen on unix:/nowhere/at/all.sock: "),
        "{line}"
    );
}

/// What is left behind where only the second listener cannot listen stands in nobody's way.
#[test]
fn a_start_that_fails_halfway_can_be_repeated() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("s3.sock");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("a bound socket");
    let config = listening(&format!("unix:{}", socket.display())).line(
        "listener",
        &format!("[[listener]]\naddress = \"{address}\""),
    );
    let (_other, path) = file(&config.text());
    fails(&["serve", "--config", &path]);
    drop(taken);
    let gateway = Gateway::start(&config);
    assert_eq!(
        gateway.listeners(),
        [format!("unix:{}", socket.display()), address.to_string()]
    );
    assert!(gateway.stop().0.success());
    assert!(!socket.exists());
}
