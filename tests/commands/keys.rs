//! Where the commands get a key from, and that no secret has to be an argument, which everybody on the machine can read.

use std::fs;
use std::path::PathBuf;

use super::{countersign, fails, run};

const URL: &str = "http://127.0.0.1:9/bucket01/key";

/// A file of this test run.
fn file(name: &str, content: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("a file");
    path
}

/// The Authorization of version 2, which says only who signed: it is the same for the same secret and date.
fn authorization(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let fixed = [
        "--version",
        "v2",
        "--format",
        "json",
        "-H",
        "Date: Thu, 01 Jan 2099 00:00:00 GMT",
        "GET",
        URL,
    ];
    let mut command = countersign(&["sign"]);
    command.args(arguments).args(fixed);
    let (code, stdout, stderr) = run(command.envs(environment.iter().copied()));
    assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    let json: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let value = |name: &str| json["headers"][name].as_str().unwrap_or("").to_owned();
    value("authorization") + " " + &value("x-amz-security-token")
}

#[test]
fn a_secret_is_taken_from_an_argument_a_file_or_the_environment_in_this_order() {
    let path = file("cli-secret", "s1\n");
    let path = path.to_str().expect("UTF-8");
    let own = |secret| ["--access-key-id", "AK", "--secret-access-key", secret];
    let (one, other) = (
        authorization(&own("s1"), &[]),
        authorization(&own("s2"), &[]),
    );
    assert_ne!(one, other);
    assert!(one.starts_with("AWS AK:"), "{one}");
    let environment = [("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "s2")];
    assert_eq!(authorization(&[], &environment), other);
    assert_eq!(authorization(&own("s1"), &environment), one);
    assert_eq!(authorization(&["--secret-file", path], &environment), one);
    let from_file = ["--access-key-id", "AK", "--secret-file", path];
    assert_eq!(authorization(&from_file, &[]), one);
}

/// A token belongs to a key: the one in the environment goes with the key there alone.
#[test]
fn a_session_token_goes_with_its_key() {
    let environment = [
        ("AWS_ACCESS_KEY_ID", "AK"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_SESSION_TOKEN", "token"),
    ];
    assert!(authorization(&[], &environment).ends_with(" token"));
    let other = authorization(&["--access-key-id", "OTHER"], &environment);
    assert!(other.ends_with(' '), "{other}");
    let given = ["--access-key-id", "OTHER", "--session-token", "own"];
    assert!(authorization(&given, &environment).ends_with(" own"));
    // An empty variable is none, as for the vendor's tools.
    let empty = [environment[0], environment[1], ("AWS_SESSION_TOKEN", "")];
    assert!(authorization(&[], &empty).ends_with(' '));
}

#[test]
fn half_a_key_says_what_is_missing_and_where_it_can_come_from() {
    let demo: &[&[&str]] = match cfg!(feature = "embedded") {
        true => &[&["demo"]],
        false => &[],
    };
    for command in [&[&["sign", "GET", URL][..]], demo].concat() {
        for (variable, told) in [
            (
                "AWS_ACCESS_KEY_ID",
                "the secret access key is missing; set AWS_SECRET_ACCESS_KEY, or write --secret-file FILE or --secret-access-key SECRET",
            ),
            (
                "AWS_SECRET_ACCESS_KEY",
                "the access key id is missing; set AWS_ACCESS_KEY_ID, or write --access-key-id ID",
            ),
        ] {
            let (code, stdout, stderr) = run(countersign(command).env(variable, "canary"));
            assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
            assert!(
                stderr.contains(told) && stderr.contains("--help") && !stderr.contains("canary"),
                "{told} in {stderr}"
            );
        }
    }
}

#[test]
fn what_cannot_be_a_key_is_an_error_that_quotes_no_secret() {
    let lines = file("cli-two-lines", "canary\nmore\n");
    let nothing = file("cli-nothing", "\n");
    let (lines, nothing) = (
        lines.to_str().expect("UTF-8"),
        nothing.to_str().expect("UTF-8"),
    );
    let id = ["sign", "--access-key-id", "AK"];
    for (arguments, told) in [
        (
            &["--secret-file", "/no/such"][..],
            "cannot read the secret file /no/such: ",
        ),
        (&["--secret-file", lines], "has a control character"),
        (&["--secret-file", nothing], "the secret is empty"),
        (
            &["--secret-access-key", ""],
            "--secret-access-key: the secret is empty",
        ),
        (
            &["--secret-access-key", "canary\n"],
            "has a control character",
        ),
        (
            &[
                "--secret-access-key",
                "canary",
                "--session-token",
                "canary\n",
            ],
            "--session-token: the secret has a control character",
        ),
    ] {
        let line = fails(&[&id[..], arguments, &["GET", URL]].concat());
        assert!(line.contains(told) && !line.contains("canary"), "{line}");
    }
    let line = fails(&[
        "sign",
        "--access-key-id",
        "a b",
        "--secret-access-key",
        "canary",
        "GET",
        URL,
    ]);
    assert!(line.contains("visible ASCII characters"), "{line}");
    let both = [
        "--secret-file",
        "x",
        "--secret-access-key",
        "canary",
        "GET",
        URL,
    ];
    let (code, _, stderr) = run(countersign(&id).args(both));
    assert!(
        code == Some(2) && stderr.contains("cannot be used with"),
        "{stderr}"
    );
    assert!(!stderr.contains("canary"), "{stderr}");
}
