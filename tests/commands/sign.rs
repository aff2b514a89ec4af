//! `countersign sign`: what it prints is what the tests' own signer signs, and a gateway accepts it.

use std::collections::BTreeMap;
use std::process::Command;

use super::{countersign, run};
use support::gateway::Gateway;
use support::rec::{Answer, Rec};
use support::signer::{ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY, Word};

pub(super) const KEYS: [&str; 4] = [
    "--access-key-id",
    ACCESS_KEY_ID,
    "--secret-access-key",
    SECRET_ACCESS_KEY,
];

/// Prints with the keys as options, and without a warning.
pub(super) fn sign(arguments: &[&str]) -> String {
    let (line, warnings) = warned(arguments);
    assert_eq!(warnings, "", "{arguments:?}");
    line
}

/// Prints with the keys as options; gives the line, and what stands on standard error.
pub(super) fn warned(arguments: &[&str]) -> (String, String) {
    let (code, stdout, stderr) = run(countersign(&["sign"]).args(KEYS).args(arguments));
    assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    (
        stdout.strip_suffix('\n').expect("a line").to_owned(),
        stderr,
    )
}

/// The same in version 2.
pub(super) fn in_version_2(arguments: &[&str]) -> String {
    sign(&[&["--version", "v2"], arguments].concat())
}

pub(super) fn words(word: Word) -> &'static str {
    match word {
        Word::Aws => "aws",
        Word::Wos => "wos",
    }
}

/// The request that a URL and `name: value` lines describe.
pub(super) fn request(
    word: Word,
    method: &str,
    url: &str,
    headers: impl IntoIterator<Item = (String, String)>,
) -> Request {
    let rest = url
        .strip_prefix("http://")
        .expect("the scheme that was given");
    let slash = rest.find('/').expect("a path");
    let mut request = Request::new(word, method, &rest[slash..]).host(&rest[..slash]);
    request.headers.extend(headers);
    request
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line
        .split_once(": ")
        .unwrap_or_else(|| panic!("no field: {line}"));
    (name.to_owned(), value.to_owned())
}

/// The signature in the header is the one that the tests' own signer makes of the request.
fn assert_signed(request: &Request) {
    let own = Request {
        headers: request
            .headers
            .iter()
            .filter(|(name, _)| name != "authorization")
            .cloned()
            .collect(),
        ..request.clone()
    };
    let own = own.signed();
    let authorization = |request: &Request| {
        request
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .cloned()
    };
    assert_eq!(
        authorization(request).map(|(_, value)| value),
        authorization(&own).map(|(_, value)| value)
    );
}

/// The words of a command line, as the shell hands them to curl.
fn shell_words(command: &str) -> Vec<String> {
    let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; {command}");
    let output = Command::new("sh")
        .args(["-c", &script])
        .output()
        .expect("a POSIX shell");
    assert!(output.status.success(), "{command}");
    String::from_utf8(output.stdout)
        .expect("UTF-8")
        .lines()
        .map(str::to_owned)
        .collect()
}

/// What curl would send: the method, the fields and the URL.
pub(super) fn curl_request(word: Word, command: &str) -> Request {
    assert!(
        command.starts_with("curl ") && !command.contains('\n'),
        "{command}"
    );
    let mut arguments = shell_words(command).into_iter();
    let (mut method, mut headers, mut url) = ("GET".to_owned(), Vec::new(), None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-gsS" | "-i" => {}
            "-I" => method = "HEAD".into(),
            "-X" => method = arguments.next().expect("a method"),
            "-H" => headers.push(field(&arguments.next().expect("a field"))),
            other => assert_eq!(url.replace(other.to_owned()), None, "{command}"),
        }
    }
    request(word, &method, &url.expect("a URL"), headers)
}

#[test]
fn every_format_says_the_same_signed_request() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let host = gateway.address();
    for word in Word::BOTH {
        let meta = format!("{}meta-a", word.header_prefix());
        let odd = format!("{meta}: it's \"$HOME\" `x` \\ a");
        let dialect = ["--dialect", words(word)];
        for (method, target, headers) in [
            ("GET", "/bucket01/key", vec![]),
            ("POST", "/bucket01/objectkey?uploads", vec![]),
            (
                "PUT",
                "/bucket01/a%20b%2Fc'd?partNumber=1&uploadId=x",
                vec![
                    "Content-Type: text/plain",
                    // Of no bytes (RFC 1321, appendix A.5).
                    "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==",
                ],
            ),
            (
                "PUT",
                "/bucket01/key",
                vec![odd.as_str(), "Cache-Control: no-store"],
            ),
            ("HEAD", "/bucket01/key?versionId=a%2Bb", vec![]),
            ("PUT", "/bucket01/a[1]%7B2%7D$HOME;!&'~", vec![]),
            (
                "DELETE",
                "/bucket01/key",
                vec!["Date: Thu, 01 Jan 2099 00:00:00 GMT"],
            ),
            ("GET", "/", vec![]),
        ] {
            let url = format!("http://{host}{target}");
            let fresh = !headers.iter().any(|header| header.starts_with("Date: "));
            let mut arguments = dialect.to_vec();
            arguments.extend([method, url.as_str()]);
            for header in &headers {
                arguments.extend(["-H", header]);
            }
            let with = |format: &str| {
                let own = ["--version", "v2", "--format", format];
                let (line, warnings) = warned(&[&own, &arguments[..]].concat());
                assert_eq!(warnings.is_empty(), fresh, "{warnings}");
                line
            };
            let lines = with("headers");
            let from_headers = request(word, method, &url, lines.lines().map(field));
            let from_curl = curl_request(word, &with("curl"));
            let json: serde_json::Value = serde_json::from_str(&with("json")).expect("JSON");
            assert_eq!(
                (json["method"].as_str(), json["url"].as_str()),
                (Some(method), Some(url.as_str()))
            );
            let fields: BTreeMap<String, String> =
                serde_json::from_value(json["headers"].clone()).expect("a map");
            let from_json = request(word, method, &url, fields);
            for request in [&from_headers, &from_curl, &from_json] {
                assert_eq!(
                    (request.method.as_str(), request.target.as_str()),
                    (method, target)
                );
                for header in &headers {
                    let (name, value) = field(header);
                    assert!(
                        request
                            .headers
                            .contains(&(name.to_ascii_lowercase(), value)),
                        "{header} in {request:?}"
                    );
                }
                assert_signed(request);
                assert_eq!(
                    gateway.exchange(request).status == 200,
                    fresh,
                    "{request:?}"
                );
            }
        }
    }
    // Each of seven, in three formats and two dialects.
    assert_eq!(node.requests().len(), 7 * 3 * 2);
}

#[test]
fn curl_is_the_default_and_the_keys_come_from_the_environment_too() {
    let url = "http://127.0.0.1:9/bucket01/key";
    let mut command = countersign(&["sign", "--version", "v2", "GET", url]);
    let (code, stdout, stderr) = run(command
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert!(stdout.starts_with("curl -gsS -i -X GET -H '"), "{stdout}");
    assert_signed(&curl_request(Word::Aws, stdout.trim_end()));
    // What is given with an option wins.
    let mut command = countersign(&["sign", "--version", "v2", "GET", url]);
    let (_, stdout, _) = run(command
        .args(KEYS)
        .env("AWS_ACCESS_KEY_ID", "other")
        .env("AWS_SECRET_ACCESS_KEY", "other"));
    assert_signed(&curl_request(Word::Aws, stdout.trim_end()));
    assert!(sign(&["HEAD", url]).starts_with("curl -gsS -I -H '"));
}

#[test]
fn a_host_below_a_domain_names_the_bucket() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let url = format!("http://bucket01.{DOMAIN}/key?acl");
    for word in Word::BOTH {
        for format in ["headers", "json"] {
            let text = in_version_2(&[
                "--dialect",
                words(word),
                "--domain",
                DOMAIN,
                "--format",
                format,
                "GET",
                &url,
            ]);
            let mut own = if format == "headers" {
                request(word, "GET", &url, text.lines().map(field))
            } else {
                let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let fields: BTreeMap<String, String> =
                    serde_json::from_value(json["headers"].clone()).expect("a map");
                request(word, "GET", &url, fields)
            };
            own.bucket = Some("bucket01".into());
            assert_signed(&own);
            assert_eq!(gateway.exchange(&own).status, 200);
        }
    }
}

/// Fields of one name are signed as one value.
#[test]
fn a_repeated_header_is_sent_as_it_is_signed() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let url = format!("http://{}/bucket01/key", gateway.address());
    let arguments = [
        "-H",
        "x-amz-meta-a: 1",
        "-H",
        "x-amz-meta-a: 2",
        "PUT",
        &url,
    ];
    for format in ["headers", "curl", "json"] {
        let text = in_version_2(&[&["--format", format], &arguments[..]].concat());
        let own = match format {
            "headers" => request(Word::Aws, "PUT", &url, text.lines().map(field)),
            "curl" => curl_request(Word::Aws, &text),
            _ => {
                let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                let fields: BTreeMap<String, String> =
                    serde_json::from_value(json["headers"].clone()).expect("a map");
                request(Word::Aws, "PUT", &url, fields)
            }
        };
        assert_signed(&own);
        assert_eq!(gateway.exchange(&own).status, 200, "{format}");
    }
}

#[test]
fn a_mistake_is_named_in_one_line() {
    let url = "http://127.0.0.1:9/bucket01/key";
    for (arguments, named) in [
        (
            &["GET", "/bucket01/key"][..],
            "not an absolute URL: /bucket01/key",
        ),
        (&["GET", "127.0.0.1"], "not an absolute URL: 127.0.0.1"),
        (&["GET", "http://a b/"], "not a URL: http://a b/"),
        (
            &["GET", "http://user:password@host/bucket01/key"],
            "user name",
        ),
        (
            &["GET", "http://host/bucket01/a#b"],
            "a '#' ends what is sent; write it as %23",
        ),
        (
            &["GET", "ftp://host/bucket01/a"],
            "the scheme must be http or https",
        ),
        (&["GET", "http://a/b\nc"], "a control character"),
        (&["G ET", url], "not a method: G ET"),
        (&["get", url], "not a method: get; did you mean GET?"),
        (
            &["G`id`'T", url],
            "not a method: G`id`'T; write GET, HEAD, PUT, POST or DELETE",
        ),
        (&["PATCH", url], "not a method: PATCH"),
        (
            &["GET", url, "-H", "Host: other"],
            "the header 'host' comes from the URL",
        ),
        (
            &["GET", url, "-H", "Authorization: AWS a:b"],
            "the header 'authorization' is what is computed here",
        ),
        (
            &["GET", url, "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"],
            "the header 'x-amz-content-sha256' is made by --payload",
        ),
        (
            &["GET", url, "--domain", "s3.example:80"],
            "--domain s3.example:80: not a host name",
        ),
        (
            &["--version", "v2", "GET", url, "--region", "x"],
            "--region is for --version v4",
        ),
        (
            &["--presign", "1m", "GET", url, "--body", "/dev/null"],
            "--body has no effect here",
        ),
        (
            &[
                "PUT",
                url,
                "--session-token",
                "a",
                "-H",
                "x-amz-security-token: b",
            ],
            "the header 'x-amz-security-token' and a session token",
        ),
        (&["GET", url, "-H", "x-amz-acl"], "not a header: x-amz-acl"),
        (
            &["GET", url, "-H", "x amz acl: private"],
            "not a header name: x amz acl",
        ),
        (&["GET", url, "-H", "x-amz-acl: a\nb"], "not a header value"),
        (&["GET", url, "--format", "url"], "--presign"),
    ] {
        let line = super::fails(&[&["sign"], &KEYS[..], arguments].concat());
        assert!(line.contains(named), "{named} in {line}");
        assert!(!line.contains("password"), "{line}");
    }
}

#[test]
fn a_misuse_names_the_option_and_no_secret() {
    let url = "http://127.0.0.1:9/bucket01/key";
    for (arguments, named) in [
        (&["GET", url][..], "--access-key-id"),
        (
            &["--access-key-id", "AK", "GET", url],
            "--secret-access-key",
        ),
        (
            &["--secret-access-key", "canary", "GET", url],
            "--access-key-id",
        ),
        (
            &[
                "--access-key-id",
                "AK",
                "--secret-acces-key",
                "canary",
                "GET",
                url,
            ],
            "--secret-access-key",
        ),
        (
            &[
                "--access-key-id",
                "AK",
                "--secret-access-key",
                "canary",
                "GET",
            ],
            "<URL>",
        ),
        (
            &[
                "--access-key-id",
                "AK",
                "--secret-access-key",
                "canary",
                "--presign",
                "soon",
                "GET",
                url,
            ],
            "--presign",
        ),
        (
            &[
                "--access-key-id",
                "AK",
                "--secret-access-key",
                "canary",
                "--dialect",
                "oss",
                "GET",
                url,
            ],
            "--dialect",
        ),
        (
            &[
                "--access-key-id",
                "AK",
                "--secret-access-key",
                "canary",
                "--format",
                "xml",
                "GET",
                url,
            ],
            "--format",
        ),
    ] {
        let (code, stdout, stderr) = run(countersign(&["sign"]).args(arguments));
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(
            stderr.contains(named) && !stderr.contains("canary"),
            "{named} in {stderr}"
        );
    }
    for empty in [
        ["--access-key-id", "", "--secret-access-key", "canary"],
        ["--access-key-id", "AK", "--secret-access-key", ""],
    ] {
        let (code, stdout, stderr) = run(countersign(&["sign"]).args(empty).args(["GET", url]));
        assert!(code != Some(0) && stdout.is_empty(), "{empty:?}: {stdout}");
        assert!(
            stderr.contains("empty") || stderr.contains("value is required"),
            "{stderr}"
        );
    }
}
