//! What is refused, and in which words.

use std::path::Path;

use countersign::cli::check;
use countersign::config::Settings;

use super::{FILE, base_with, parse, written};

#[test]
fn every_broken_line_has_its_error() {
    let table = include_str!("broken.txt");
    let lines: Vec<&str> = table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .collect();
    let rows = lines.chunks_exact(3);
    assert_eq!((rows.len(), rows.remainder().len()), (114, 0));
    for row in rows {
        let errors = parse(&base_with(row[0], row[1])).expect_err(row[1]);
        assert_eq!(
            errors,
            format!("{FILE}:{}", row[2]),
            "{} {}",
            row[0],
            row[1]
        );
    }
}

#[test]
fn the_file_as_a_whole_can_be_wrong() {
    let key = "[[credentials.key]]\naccess_key_id = \"AK\"\nsecret_access_key = \"SECRET\"\n";
    let listener = "[[listener]]\naddress = \"127.0.0.1:8080\"\n";
    let cluster = "[[cluster]]\nname = \"main\"\nnodes = [\"127.0.0.1:9000\"]\n";
    let rows: &[(&str, &[&str])] = &[
        (
            "",
            &[
                "1:1: credentials.key: missing; write at least one [[credentials.key]]",
                "1:1: cluster: missing; write one [[cluster]]",
                "1:1: listener: missing; write at least one [[listener]]",
            ],
        ),
        (
            &format!("{key}{key}{listener}{listener}{cluster}{cluster}"),
            &[
                "5:17: credentials.key[1].access_key_id: is the same id as credentials.key[0].access_key_id; remove one",
                "10:11: listener[1].address: is the same address as listener[0].address; change one",
                "14:1: cluster[1]: this version supports one [[cluster]]; remove this one",
            ],
        ),
        (
            &format!("{key}{listener}{cluster}[admin]\naddress = \"127.0.0.1:8080\"\n"),
            &["10:11: admin.address: is the same address as listener[0].address; change one"],
        ),
        (
            &format!("{key}[[listener]]\n{cluster}[admin]\n"),
            &[
                "4:1: listener[0].address: missing; write \"ip:port\" or \"unix:/path\"",
                "8:1: admin.address: missing; write \"ip:port\"",
            ],
        ),
        (
            &format!("{listener}[[credentials.key]]\n[[cluster]]\n"),
            &[
                "3:1: credentials.key[0].access_key_id: missing; write the access key id that clients sign with",
                "3:1: credentials.key[0].secret_access_key: missing; write the secret, { env = \"NAME\" } or { file = \"path\" }",
                "4:1: cluster[0].name: missing; write a name for metrics and logs",
                "4:1: cluster[0].nodes: missing; write at least one \"host:port\", \"ip:port\" or \"unix:/path\"",
            ],
        ),
        (
            "listener = 1\n[[server]]\n[cluster]\n[credentials]\nkey = []\n[[route]]\n[[policy]]\n[routes]\n",
            &[
                "1:12: listener: must be an array of tables, each headed [[listener]], not an integer",
                "2:1: server: must be a table, not an array",
                "3:1: cluster: must be an array of tables, each headed [[cluster]], not a table",
                "5:7: credentials.key: is empty; write at least one element",
                "6:3: route: this version does not support it; remove it",
                "7:3: policy: this version does not support it; remove it",
                "8:2: routes: unknown key; known here: admin, cluster, credentials, listener, log, server, signature",
            ],
        ),
        // One fault does not hide another, and none is reported twice.
        (
            &format!(
                "{key}domains = [\"s3.example\"]\n[[listener]]\nadress = 1\ndomains = [\"s3.example\", 1]\n{cluster}threads = 1\n"
            ),
            &[
                "6:1: listener[0].adress: unknown key; did you mean \"address\"?",
                "7:26: listener[0].domains[1]: must be a string, a host name, not an integer",
                "11:1: cluster[0].threads: unknown key; known here: addressing, bucket_names, connect_timeout, dialect, dot_segments, form_files, forward, host, name, node_keys, nodes, read_timeout, sign_with, upstream_keepalive",
            ],
        ),
        // What is not TOML is not looked at further.
        (
            "a = \nx = 'a\n",
            &[
                "1:5: string values must be quoted, expected literal string",
                "2:7: invalid literal string, expected `'`",
            ],
        ),
    ];
    assert_eq!(rows.len(), 8);
    for (text, errors) in rows {
        let errors: Vec<String> = errors
            .iter()
            .map(|error| format!("{FILE}:{error}"))
            .collect();
        assert_eq!(parse(text).unwrap_err(), errors.join("\n"), "{text}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let nowhere = Path::new("no/such/x.toml");
    let error =
        "no/such/x.toml: cannot read the configuration: No such file or directory (os error 2)";
    assert_eq!(Settings::load(nowhere).unwrap_err().to_string(), error);
    assert_eq!(check::run(nowhere).unwrap_err().to_string(), error);
    let binary = written("binary/x.toml", b"# \xff\n");
    let errors = Settings::load(&binary).unwrap_err().to_string();
    assert_eq!(
        errors,
        format!(
            "{}: cannot read the configuration: stream did not contain valid UTF-8",
            binary.display()
        )
    );
}
