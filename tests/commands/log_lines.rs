//! The log: one access line for each request, in both formats.

use std::collections::BTreeMap;

use serde_json::Value;

use super::signed;
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::signer::{ACCESS_KEY_ID, Request, Word, unix_time};
use support::wire::Response;

const ANSWER: &str =
    "HTTP/1.1 200 OK\r\nx-amz-request-id: NODE-7\r\nContent-Length: 5\r\n\r\nhello";

const SERVED: &[&str] = &[
    "time",
    "request_id",
    "peer",
    "method",
    "path",
    "bucket",
    "key",
    "operation",
    "dialect",
    "version",
    "access_key_id",
    "identity",
    "principal",
    "placement",
    "status",
    "outcome",
    "received",
    "sent",
    "duration_us",
    "verification_us",
    "node",
    "node_us",
    "node_request_id",
];

/// The names and values of a line in the order in which they stand.
fn fields(format: &str, line: &str) -> Vec<(String, Value)> {
    if format == "json" {
        let order: Vec<&str> = line
            .split("\":")
            .filter_map(|part| part.rsplit('"').next())
            .collect();
        let mut values: BTreeMap<String, Value> =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let known = order
            .into_iter()
            .filter_map(|name| values.remove_entry(name));
        return known.collect();
    }
    let mut fields = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (name, after) = rest
            .split_once('=')
            .unwrap_or_else(|| panic!("no field at {rest:?} in {line}"));
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let mut end = 0;
                while !quoted[end..].starts_with('"') {
                    end += if quoted[end..].starts_with('\\') {
                        2
                    } else {
                        1
                    };
                }
                (
                    serde_json::from_str(&after[..end + 2]).expect("a quoted value"),
                    quoted[end + 1..].trim_start_matches(' '),
                )
            }
            None => {
                let (value, next) = after.split_once(' ').unwrap_or((after, ""));
                let number = value.parse::<u64>().ok().filter(|_| {
                    name.ends_with("_us") || ["status", "rule", "received", "sent"].contains(&name)
                });
                (number.map_or_else(|| Value::from(value), Value::from), next)
            }
        };
        fields.push((name.to_owned(), value));
        rest = next;
    }
    fields
}

fn gateway(node: &Rec, format: &str) -> Gateway {
    Gateway::start(
        &Config::new(node.address()).section("log", &format!("[log]\nformat = \"{format}\"")),
    )
}

/// The access line of a response.
fn line_of(gateway: &Gateway, format: &str, response: &Response) -> Vec<(String, Value)> {
    let id = response
        .header("x-amz-request-id")
        .or(response.header("x-wos-request-id"))
        .expect("a request id");
    let line = gateway.await_log(id);
    let fields = fields(format, &line);
    assert_eq!(fields[1], ("request_id".to_owned(), Value::from(id)));
    assert_eq!(gateway.log().matches(id).count(), 1, "one line");
    fields
}

fn names(fields: &[(String, Value)]) -> Vec<&str> {
    fields.iter().map(|(name, _)| name.as_str()).collect()
}

fn assert_values(fields: &[(String, Value)], wanted: &[(&str, Value)]) {
    for (name, value) in wanted {
        let found = fields.iter().find(|(own, _)| own == name);
        assert_eq!(
            found.map(|(_, value)| value),
            Some(value),
            "{name} in {fields:?}"
        );
    }
}

#[test]
fn a_served_request_has_every_field() {
    for format in ["text", "json"] {
        let node = Rec::start(Answer::raw(ANSWER));
        let gateway = gateway(&node, format);
        let upload = signed(Word::Aws, "PUT", "/bucket01/a%20b/%C3%A9%22x").body("0123456789");
        let response = gateway.exchange(&upload);
        assert_eq!(response.status, 200);
        let fields = line_of(&gateway, format, &response);
        assert_eq!(names(&fields), SERVED);
        assert_values(
            &fields,
            &[
                ("peer", "127.0.0.1".into()),
                ("method", "PUT".into()),
                ("path", "/bucket01/a%20b/%C3%A9%22x".into()),
                ("bucket", "bucket01".into()),
                ("key", "a%20b/%C3%A9%22x".into()),
                ("operation", "PutObject".into()),
                ("dialect", "aws".into()),
                ("version", "v2".into()),
                ("access_key_id", ACCESS_KEY_ID.into()),
                ("identity", "verified".into()),
                ("principal", "alice".into()),
                ("placement", "header".into()),
                ("status", 200.into()),
                ("outcome", "forwarded".into()),
                ("received", 10.into()),
                ("sent", 5.into()),
                ("node", node.address().into()),
                ("node_request_id", "NODE-7".into()),
            ],
        );
        let time = fields[0].1.as_str().expect("a text");
        assert!(
            time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z'),
            "{time}"
        );
        for (name, value) in fields.iter().filter(|(name, _)| name.ends_with("_us")) {
            assert!(value.is_u64(), "{name}");
        }
    }
}

#[test]
fn a_presigned_request_shows_its_query_without_the_signature() {
    for format in ["text", "json"] {
        let node = Rec::start(Answer::raw(ANSWER));
        let gateway = gateway(&node, format);
        let expires = unix_time(60);
        let presigned = Request::new(Word::Wos, "GET", "/key?versionId=a%2Bb")
            .virtual_host("bucket01")
            .presigned(expires);
        let response = gateway.exchange(&presigned);
        assert_eq!(response.status, 200);
        let fields = line_of(&gateway, format, &response);
        let query = format!(
            "versionId=a%2Bb&WOSAccessKeyId={ACCESS_KEY_ID}&Expires={expires}&Signature=***"
        );
        assert_values(
            &fields,
            &[
                ("path", "/key".into()),
                ("query", query.into()),
                ("bucket", "bucket01".into()),
                ("key", "key".into()),
                ("dialect", "wos".into()),
                ("placement", "query".into()),
            ],
        );
        let mut expected = SERVED.to_vec();
        expected.insert(5, "query");
        assert_eq!(names(&fields), expected);
    }
}

#[test]
fn a_refused_request_says_what_is_known_of_it() {
    for format in ["text", "json"] {
        let node = Rec::start(Answer::Ok);
        let gateway = gateway(&node, format);
        let claimed: &[&str] = &[
            "time",
            "request_id",
            "peer",
            "method",
            "path",
            "bucket",
            "key",
            "operation",
            "dialect",
            "version",
            "access_key_id",
            "identity",
            "placement",
            "status",
            "outcome",
            "code",
            "rule",
            "reason",
            "received",
            "sent",
            "duration_us",
            "verification_us",
        ];
        let mut wrong = signed(Word::Aws, "PUT", "/bucket01/key").body("hello");
        wrong.target = "/bucket01/other".into();
        let response = gateway.exchange(&wrong);
        let fields = line_of(&gateway, format, &response);
        assert_eq!(names(&fields), claimed);
        assert_values(
            &fields,
            &[
                ("access_key_id", ACCESS_KEY_ID.into()),
                ("status", 403.into()),
                ("outcome", "refused".into()),
                ("identity", "claimed".into()),
                ("code", "SignatureDoesNotMatch".into()),
                ("rule", 32.into()),
                ("reason", "SignatureMismatch".into()),
                ("received", 5.into()),
                ("sent", response.body.len().into()),
            ],
        );
        let response = gateway.exchange(&Request::new(Word::Aws, "GET", "/bucket01"));
        let fields = line_of(&gateway, format, &response);
        let unknown = [
            "dialect",
            "version",
            "access_key_id",
            "identity",
            "placement",
        ];
        let unclaimed: Vec<&str> = claimed
            .iter()
            .copied()
            .filter(|name| !unknown.contains(name))
            .collect();
        assert_eq!(names(&fields), unclaimed);
        assert_values(
            &fields,
            &[
                ("key", "".into()),
                ("code", "AccessDenied".into()),
                ("rule", 6.into()),
                ("reason", "NotSigned".into()),
                ("operation", "ListObjects".into()),
            ],
        );
        let mut connection = gateway.connect();
        connection.send("GET / HTTP/1.1\nHost: x\n\n");
        let fields = line_of(&gateway, format, &connection.receive());
        assert_eq!(
            names(&fields),
            [
                "time",
                "request_id",
                "peer",
                "status",
                "outcome",
                "code",
                "reason",
                "fault"
            ]
        );
        assert_values(
            &fields,
            &[
                ("status", 400.into()),
                ("reason", "WireLineEnd".into()),
                (
                    "fault",
                    "A line of the request header does not end with CRLF.".into(),
                ),
            ],
        );
    }
}

/// Every line of a JSON log is an object, those that are no access lines too.
#[test]
fn a_json_log_is_json_to_its_last_line() {
    let node = Rec::start(Answer::raw("no answer\r\n\r\n"));
    let gateway = gateway(&node, "json");
    assert_eq!(
        gateway
            .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
            .status,
        502
    );
    gateway.signal("HUP");
    gateway.await_log("reloaded");
    let (status, log) = gateway.stop();
    assert!(status.success());
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    assert_eq!(lines.len(), 5, "{log}");
    let levels: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["level"].as_str())
        .collect();
    assert_eq!(levels, ["WARN", "INFO", "INFO", "INFO"], "{log}");
    assert_eq!(lines[0]["node"], node.address());
    // The answer is sent before its line is written, so the signal may come in between.
    let access = lines.iter().find(|line| line["status"] == 502);
    let access = access.expect("an access line");
    assert_eq!(lines[0]["request_id"], access["request_id"]);
}

#[test]
fn levels_and_access_lines_have_a_switch_each() {
    for (settings, access, info) in [
        ("level = \"info\"", true, true),
        ("level = \"error\"", true, false),
        ("access = false", false, true),
        ("level = \"error\"\naccess = false", false, false),
        ("level = \"trace\"", true, true),
    ] {
        let node = Rec::start(Answer::Ok);
        let config = Config::new(node.address()).section("log", &format!("[log]\n{settings}"));
        let gateway = Gateway::start(&config);
        assert_eq!(
            gateway
                .exchange(&signed(Word::Aws, "GET", "/bucket01/key"))
                .status,
            200
        );
        let (status, log) = gateway.stop();
        assert!(status.success());
        assert_eq!(
            (log.contains("status=200"), log.contains("INFO")),
            (access, info),
            "{settings}:\n{log}"
        );
    }
}
