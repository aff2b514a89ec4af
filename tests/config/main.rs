//! The configuration file: what is accepted, what is refused, and in which words.

mod many;
mod refused;
mod resign;
mod schema;
mod secrets;

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::address::{BucketNames, DotSegments, NameRules};
use countersign::cluster::{FormFiles, Forward};
use countersign::config::Settings;
use countersign::dialect::DialectName;
use countersign::logs::{AccessLog, LogFormat, LogLevel};
use countersign::runtime::options::AnswerAs;
use countersign::sig::{Diagnostics, Region, Version};
use countersign::socket_address::SocketAddress;

/// A configuration with a place for a line in each table.
const BASE: &str = r#"[server]
[log]
[signature]
[[listener]]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
[credentials]
[[credentials.key]]
access_key_id = "AK"
secret_access_key = "SECRET"
[[cluster]]
name = "main"
nodes = ["127.0.0.1:9000"]
"#;

/// Where the text is said to stand; there is no such file.
const FILE: &str = "x.toml";

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text, Path::new(FILE)).map_err(|errors| errors.to_string())
}

/// `BASE` with a line in one of its tables: in place of the line with the same key, or right behind the header.
fn base_with(header: &str, line: &str) -> String {
    let mut lines: Vec<&str> = BASE.lines().collect();
    let top = lines.iter().position(|own| *own == header).unwrap();
    let key = line.split([' ', '.']).next().unwrap();
    let same = lines[top + 1..]
        .iter()
        .take_while(|own| !own.starts_with('['))
        .position(|own| own.split(' ').next() == Some(key));
    match same {
        Some(at) => lines[top + 1 + at] = line,
        None => lines.insert(top + 1, line),
    }
    lines.join("\n")
}

/// A file of this test run, with its content.
fn written(name: &str, content: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn shipped() -> Vec<(PathBuf, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("conf");
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| (path.clone(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// The one reference to the environment in a shipped file, and the variable's name.
fn reference(text: &str) -> (&str, &str) {
    let start = text.find("{ env = \"COUNTERSIGN_").unwrap();
    let end = start + text[start..].find('}').unwrap() + 1;
    let reference = &text[start..end];
    (reference, reference.split('"').nth(1).unwrap())
}

#[test]
fn every_shipped_file_parses_once_its_secret_is_set() {
    let files = shipped();
    assert_eq!(files.len(), 2);
    for (path, text) in files {
        let text = text.replace(reference(&text).0, "\"a secret of the test's own\"");
        let settings = Settings::parse(&text, &path).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(settings.keys.len(), 1, "{}", path.display());
    }
}

#[test]
fn what_is_not_written_has_its_default() {
    let settings = parse(
        r#"
        listener = [{ address = "127.0.0.1:8080" }]
        credentials.key = [{ access_key_id = "AK", secret_access_key = "SECRET" }]
        cluster = [{ name = "main", nodes = ["127.0.0.1:9000"] }]
        "#,
    )
    .unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(settings.server.threads, cores);
    assert_eq!(settings.server.grace_period, Duration::from_secs(30));
    assert_eq!(settings.log.level, LogLevel::Info);
    assert_eq!(settings.log.format, LogFormat::Text);
    assert_eq!(settings.log.access, AccessLog::On);
    let [listener] = &settings.listeners[..] else {
        panic!("{settings:?}")
    };
    let address: SocketAddr = "127.0.0.1:8080".parse().unwrap();
    assert_eq!(listener.address, SocketAddress::Tcp(address));
    assert!(listener.hosts.domains.is_empty());
    assert!(listener.hosts.custom_domains.is_empty());
    assert_eq!(listener.dialects, [DialectName::Aws, DialectName::Wos]);
    assert_eq!(listener.answer_as, AnswerAs::Request);
    assert_eq!(listener.header_timeout, Duration::from_secs(30));
    assert_eq!(listener.idle_timeout, Duration::from_secs(60));
    assert_eq!(listener.body_timeout, Duration::from_secs(30));
    assert_eq!(listener.min_rate.bytes, 256);
    assert_eq!(listener.min_rate.window, Duration::from_secs(60));
    assert_eq!(listener.limits.connections, 16_384);
    assert_eq!(listener.limits.per_network, None);
    assert_eq!(settings.admin, None);
    assert_eq!(settings.signature.versions, [Version::V2, Version::V4]);
    assert_eq!(settings.signature.region, Region::Named("us-east-1".into()));
    assert_eq!(settings.signature.max_clock_skew, Duration::from_secs(900));
    let week = Duration::from_secs(604_800);
    assert_eq!(settings.signature.max_presigned_lifetime, week);
    assert_eq!(settings.signature.diagnostics, Diagnostics::Off);
    let identity = &settings.keys[0].identity;
    assert_eq!((&*identity.principal, &identity.domains), ("AK", &None));
    assert_eq!(settings.keys[0].secret_access_key.expose(), "SECRET");
    assert!(settings.keys[0].session_token.is_none());
    assert_eq!(settings.cluster.dialect, DialectName::Aws);
    assert_eq!(settings.cluster.forward, Forward::Trusted);
    assert_eq!(settings.cluster.connect_timeout, Duration::from_secs(5));
    assert_eq!(settings.cluster.read_timeout, Duration::from_secs(60));
    assert_eq!(settings.cluster.upstream_keepalive, 128);
    assert_eq!(settings.cluster.form_files, FormFiles::Chunked);
    assert_eq!(settings.cluster.names, NameRules::default());
    assert_eq!(settings.cluster.names.bucket_names, BucketNames::S3);
    assert_eq!(settings.cluster.names.dot_segments, DotSegments::Refuse);
}

#[test]
fn what_is_written_is_what_is_true() {
    let settings = Settings::parse(
        r#"
        [server]
        threads = 3
        grace_period = "1500ms"
        [log]
        level = "trace"
        format = "json"
        access = false
        [[listener]]
        address = "unix:s3.sock"
        domains = ["S3.Example.com", "b.example"]
        custom_domains = ["static_1.example.net"]
        dialects = ["wos"]
        answer_as = "wos"
        header_timeout = "1s"
        idle_timeout = "2s"
        body_timeout = "3s"
        min_rate = 0
        min_rate_window = "4s"
        max_connections = 5
        max_connections_per_network = 6
        [[listener]]
        address = "[::1]:8080"
        domains = ["b.example"]
        [admin]
        address = "127.0.0.1:9090"
        [signature]
        versions = ["v4"]
        region = "*"
        max_clock_skew = "5m 1s"
        max_presigned_lifetime = "1h"
        diagnostics = true
        [[credentials.key]]
        access_key_id = "AK"
        secret_access_key = "SECRET"
        session_token = "TOKEN"
        principal = "alice"
        domains = ["B.example"]
        [[cluster]]
        name = "main"
        dialect = "wos"
        nodes = ["127.0.0.1:9000", "[::1]:9000", "unix:/run/node.sock"]
        forward = "passthrough"
        connect_timeout = "4s"
        read_timeout = "5s"
        upstream_keepalive = 0
        bucket_names = "relaxed"
        dot_segments = "forward"
        "#,
        Path::new("/etc/countersign/x.toml"),
    )
    .unwrap();
    assert_eq!(settings.server.threads, 3);
    assert_eq!(settings.server.grace_period, Duration::from_millis(1500));
    assert_eq!(settings.log.level, LogLevel::Trace);
    assert_eq!(settings.log.format, LogFormat::Json);
    assert_eq!(settings.log.access, AccessLog::Off);
    let [first, second] = &settings.listeners[..] else {
        panic!("{settings:?}")
    };
    assert_eq!(first.address.to_string(), "unix:/etc/countersign/s3.sock");
    assert_eq!(first.hosts.domains, ["s3.example.com", "b.example"]);
    assert_eq!(first.hosts.custom_domains, ["static_1.example.net"]);
    assert_eq!(first.dialects, [DialectName::Wos]);
    assert_eq!(first.answer_as, AnswerAs::Dialect(DialectName::Wos));
    let timeouts = [first.header_timeout, first.idle_timeout, first.body_timeout];
    assert_eq!(timeouts, [1, 2, 3].map(Duration::from_secs));
    assert_eq!(first.min_rate.bytes, 0);
    assert_eq!(first.min_rate.window, Duration::from_secs(4));
    assert_eq!(first.limits.connections, 5);
    assert_eq!(first.limits.per_network, Some(6));
    assert_eq!(second.address.to_string(), "[::1]:8080");
    assert_eq!(settings.admin, Some("127.0.0.1:9090".parse().unwrap()));
    assert_eq!(settings.signature.versions, [Version::V4]);
    assert_eq!(settings.signature.region, Region::Any);
    assert_eq!(settings.signature.max_clock_skew, Duration::from_secs(301));
    let hour = Duration::from_secs(3600);
    assert_eq!(settings.signature.max_presigned_lifetime, hour);
    let token = settings.keys[0].session_token.as_ref();
    assert_eq!(token.map(|token| token.expose().as_str()), Some("TOKEN"));
    assert_eq!(settings.signature.diagnostics, Diagnostics::On);
    let identity = &settings.keys[0].identity;
    assert_eq!(identity.principal, "alice");
    assert_eq!(identity.domains, Some(vec!["b.example".to_owned()]));
    let nodes: Vec<_> = settings
        .cluster
        .nodes
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        nodes,
        ["127.0.0.1:9000", "[::1]:9000", "unix:/run/node.sock"]
    );
    assert_eq!(settings.cluster.dialect, DialectName::Wos);
    assert_eq!(settings.cluster.forward, Forward::Passthrough);
    assert_eq!(settings.cluster.connect_timeout, Duration::from_secs(4));
    assert_eq!(settings.cluster.read_timeout, Duration::from_secs(5));
    assert_eq!(settings.cluster.upstream_keepalive, 0);
    assert_eq!(settings.cluster.names.bucket_names, BucketNames::Relaxed);
    assert_eq!(settings.cluster.names.dot_segments, DotSegments::Forward);
}

/// The good side of every limit; [`refused`] has the other one.
#[test]
fn every_limit_can_be_reached() {
    let socket = "s".repeat(107);
    let label = "l".repeat(63);
    let name = format!("{label}.{label}.{label}.{}", "l".repeat(61));
    assert_eq!(name.len(), 253);
    let rows: &[(&str, &str)] = &[
        ("[server]", "threads = 0"),
        ("[server]", "threads = 1024"),
        ("[server]", "threads = 0x10"),
        ("[server]", "grace_period = \"1ms\""),
        ("[server]", "grace_period = \"1h\""),
        ("[log]", "level = \"error\""),
        ("[log]", "level = \"warn\""),
        ("[log]", "level = \"debug\""),
        ("[[listener]]", &format!("address = \"unix:{socket}\"")),
        ("[[listener]]", &format!("domains = [\"{name}\"]")),
        ("[[listener]]", "domains = []"),
        ("[[listener]]", "custom_domains = []"),
        ("[[listener]]", "dialects = [\"wos\", \"aws\"]"),
        ("[[listener]]", "answer_as = \"aws\""),
        ("[[listener]]", "header_timeout = \"1h\""),
        ("[[listener]]", "idle_timeout = \"1h\""),
        ("[[listener]]", "body_timeout = \"1h\""),
        ("[[listener]]", "min_rate = 0"),
        ("[[listener]]", "min_rate = 1048576"),
        ("[[listener]]", "min_rate_window = \"1h\""),
        ("[[listener]]", "max_connections = 1"),
        ("[[listener]]", "max_connections = 1048576"),
        ("[[listener]]", "max_connections_per_network = 0"),
        ("[[listener]]", "max_connections_per_network = 1048576"),
        ("[signature]", "max_clock_skew = \"1day\""),
        ("[signature]", "versions = [\"v2\"]"),
        ("[signature]", "versions = [\"v4\", \"v2\"]"),
        ("[signature]", "max_presigned_lifetime = \"1s\""),
        ("[signature]", "max_presigned_lifetime = \"7days\""),
        ("[signature]", "region = \"default-region\""),
        ("[credentials]", "store = \"inline\""),
        ("[[credentials.key]]", "access_key_id = \"!\""),
        (
            "[[credentials.key]]",
            &format!("access_key_id = \"{}\"", "~".repeat(128)),
        ),
        ("[[credentials.key]]", "secret_access_key = \"s\""),
        ("[[credentials.key]]", "principal = \"!\""),
        (
            "[[credentials.key]]",
            &format!("principal = \"{}\"", "~".repeat(128)),
        ),
        ("[[cluster]]", &format!("name = \"{}\"", "m".repeat(64))),
        (
            "[[cluster]]",
            "nodes = [\"127.0.0.1:1\", \"127.0.0.1:65535\"]",
        ),
        ("[[cluster]]", &format!("nodes = [\"unix:{socket}\"]")),
        ("[[cluster]]", "connect_timeout = \"1h\""),
        ("[[cluster]]", "read_timeout = \"1h\""),
        ("[[cluster]]", "upstream_keepalive = 65536"),
        ("[[cluster]]", "form_files = \"chunked\""),
        ("[[cluster]]", "form_files = \"sized\""),
    ];
    assert_eq!(rows.len(), 44);
    for (header, line) in rows {
        if let Err(errors) = parse(&base_with(header, line)) {
            panic!("{header} {line}: {errors}");
        }
    }
}

/// As nginx, HAProxy and Go read them.
#[test]
fn a_listener_may_have_a_name_or_a_port_alone() {
    for (written, address) in [
        (":8080", "0.0.0.0:8080"),
        ("localhost:8080", "127.0.0.1:8080"),
        ("[::]:8080", "[::]:8080"),
        ("[::1]:0", "[::1]:0"),
    ] {
        let expected: SocketAddr = address.parse().unwrap();
        for header in ["[[listener]]", "[admin]"] {
            let settings = parse(&base_with(header, &format!("address = {written:?}"))).unwrap();
            let found = match (header, &settings.listeners[0].address) {
                ("[admin]", _) => settings.admin,
                (_, SocketAddress::Tcp(address)) => Some(*address),
                (_, SocketAddress::Unix(_)) => None,
            };
            assert_eq!(found, Some(expected), "{header} {written}");
        }
    }
    let text = base_with("[[listener]]", "address = \"no-such-host.invalid:80\"");
    let error = parse(&text).unwrap_err();
    let start =
        "x.toml:5:11: listener[0].address: \"no-such-host.invalid:80\" cannot be resolved: ";
    assert!(error.starts_with(start), "{error}");
}

#[test]
fn a_node_may_have_a_name() {
    let text = base_with("[[cluster]]", "nodes = [\"localhost:9000\"]");
    let nodes = parse(&text).unwrap().cluster.nodes;
    assert!(!nodes.is_empty());
    for node in nodes {
        let SocketAddress::Tcp(address) = node else {
            panic!("{node}")
        };
        assert!(address.ip().is_loopback());
        assert_eq!(address.port(), 9000);
    }
    let text = base_with("[[cluster]]", "nodes = [\"no-such-host.invalid:9000\"]");
    let error = parse(&text).unwrap_err();
    let start = "x.toml:14:10: cluster[0].nodes[0]: cannot resolve \"no-such-host.invalid:9000\": ";
    assert!(error.starts_with(start), "{error}");
}
