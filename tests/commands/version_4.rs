//! `countersign sign --version v4`: the headers, the URL and the body are what the tests' own signer makes.

use std::fs;
use std::path::PathBuf;

use super::sign::{request, sign, words};
use super::{countersign, run};
use support::gateway::Gateway;
use support::rec::{Answer, Rec};
use support::signer::{DOMAIN, Request, SECRET_ACCESS_KEY, Word};
use support::signer_v4::{EMPTY_SHA256, hex, hmac_sha256, sha256_hex};

/// A file of the test's own.
fn file(name: &str, content: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("a file");
    path
}

/// The request that `--format headers` prints, with its `Authorization` taken off.
fn printed(word: Word, method: &str, url: &str, arguments: &[&str]) -> (Request, String) {
    let all = [
        &[
            "--version",
            "v4",
            "--dialect",
            words(word),
            "--format",
            "headers",
        ],
        arguments,
        &[method, url],
    ]
    .concat();
    let lines = sign(&all);
    let fields = lines.lines().map(|line| {
        let (name, value) = line.split_once(": ").expect("a field");
        (name.to_owned(), value.to_owned())
    });
    let (authorization, others): (Vec<_>, Vec<_>) =
        fields.partition(|(name, _)| name == "authorization");
    let request = request(word, method, url, others);
    (request, authorization[0].1.clone())
}

/// The printed signature is the one of the tests' own signer; gives it, with its chain's key, time and scope.
fn assert_signed(request: &Request, authorization: &str) -> (Vec<u8>, String, String, String) {
    let date = format!("{}date", request.word.header_prefix());
    let stamp = request.field(&date).expect("a date").to_owned();
    let signing = request.signing_v4(&stamp);
    assert_eq!(authorization, request.authorization_v4(&signing));
    let key = signing.key(SECRET_ACCESS_KEY);
    (
        key,
        stamp,
        signing.scope.join("/"),
        signing.signature(SECRET_ACCESS_KEY),
    )
}

#[test]
fn version_4_is_signed_in_the_header() {
    for word in Word::BOTH {
        for target in [
            "/bucket01/key",
            "/bucket01?uploads",
            "/bucket01?prefix=a/b&delimiter=/",
            "/bucket01/a*b~c",
        ] {
            let url = format!("http://{DOMAIN}{target}");
            let (request, authorization) = printed(word, "GET", &url, &[]);
            assert_signed(&request, &authorization);
            let mode = format!("{}content-sha256", word.header_prefix());
            assert_eq!(request.field(&mode), Some(EMPTY_SHA256));
            let (request, authorization) = printed(
                word,
                "GET",
                &url,
                &["--session-token", "t", "-H", "Content-Type: a/b"],
            );
            assert_signed(&request, &authorization);
            let token = format!("{}security-token", word.header_prefix());
            assert_eq!(request.field(&token), Some("t"));
        }
    }
}

#[test]
fn what_is_signed_in_version_4_is_served() {
    let rec = Rec::start(Answer::Ok);
    let gateway = Gateway::start(&support::gateway::Config::new(rec.address()));
    for word in Word::BOTH {
        let url = format!("http://{DOMAIN}/bucket01/a%20b?versionId=x");
        let (request, authorization) = printed(word, "GET", &url, &[]);
        let request = request.header("Authorization", &authorization);
        assert_eq!(gateway.exchange(&request).status, 200);
        let presigned = sign(&[
            "--version",
            "v4",
            "--dialect",
            words(word),
            "--presign",
            "5m",
            "GET",
            &url,
        ]);
        let request = super::sign::request(word, "GET", &presigned, []);
        assert_eq!(gateway.exchange(&request).status, 200);
    }
}

/// One chunk: its framing, and its signature behind the one before.
struct Chain {
    word: Word,
    key: Vec<u8>,
    stamp: String,
    scope: String,
    previous: String,
}

impl Chain {
    fn next(&mut self, label: &str, middle: &str, content: &[u8]) -> String {
        let Self {
            word,
            key,
            stamp,
            scope,
            previous,
        } = self;
        let algorithm = word.algorithm();
        let digest = sha256_hex(content);
        let text = format!("{algorithm}-{label}\n{stamp}\n{scope}\n{previous}\n{middle}{digest}");
        *previous = hex(&hmac_sha256(key, text));
        previous.clone()
    }
}

#[test]
fn a_body_is_written_in_the_chunks_of_its_mode() {
    let content = "a".repeat(65_536 + 4_464);
    let body = file("sign-v4-body", content.as_bytes());
    let chunks = [&content[..65_536], &content[65_536..], ""];
    for word in Word::BOTH {
        let prefix = word.header_prefix();
        for (payload, signed, trailer) in [
            ("signed-chunks", true, false),
            ("signed-chunks-trailer", true, true),
            ("unsigned-trailer", false, true),
        ] {
            let output = file(&format!("sign-v4-{}-{payload}", words(word)), b"");
            let url = format!("http://{DOMAIN}/bucket01/key");
            let arguments = [
                "--payload",
                payload,
                "--body",
                body.to_str().expect("UTF-8"),
                "--output",
                output.to_str().expect("UTF-8"),
            ];
            let (request, authorization) = printed(word, "PUT", &url, &arguments);
            let (key, stamp, scope, seed) = assert_signed(&request, &authorization);
            assert_eq!(request.field("content-encoding"), Some("aws-chunked"));
            assert_eq!(
                request.field(&format!("{prefix}decoded-content-length")),
                Some("70000")
            );
            let mut chain = Chain {
                word,
                key,
                stamp,
                scope,
                previous: seed,
            };
            let mut wire = String::new();
            for chunk in chunks {
                wire += &format!("{:x}", chunk.len());
                if signed {
                    let signature =
                        chain.next("PAYLOAD", &format!("{EMPTY_SHA256}\n"), chunk.as_bytes());
                    wire += &format!(";chunk-signature={signature}");
                }
                wire += "\r\n";
                if !chunk.is_empty() {
                    wire += &format!("{chunk}\r\n");
                }
            }
            if trailer {
                // Python: base64.b64encode(zlib.crc32(b"a" * 70000).to_bytes(4, "big"))
                let line = format!("{prefix}checksum-crc32:EiniBA==");
                wire += &format!("{line}\r\n");
                if signed {
                    let signature = chain.next("TRAILER", "", format!("{line}\n").as_bytes());
                    wire += &format!("{prefix}trailer-signature:{signature}\r\n");
                }
                let named = request
                    .field(&format!("{prefix}trailer"))
                    .map(str::to_owned);
                assert_eq!(named, Some(format!("{prefix}checksum-crc32")));
            }
            wire += "\r\n";
            assert_eq!(
                fs::read_to_string(&output).expect("written"),
                wire,
                "{payload}"
            );
        }
        for (payload, text) in [
            ("signed", sha256_hex(&content)),
            ("unsigned", "UNSIGNED-PAYLOAD".into()),
        ] {
            let url = format!("http://{DOMAIN}/bucket01/key");
            let arguments = [
                "--payload",
                payload,
                "--body",
                body.to_str().expect("UTF-8"),
            ];
            let (request, authorization) = printed(word, "PUT", &url, &arguments);
            assert_signed(&request, &authorization);
            assert_eq!(
                request.field(&format!("{prefix}content-sha256")),
                Some(text.as_str())
            );
        }
    }
}

#[test]
fn what_does_not_go_together_is_told() {
    let url = format!("http://{DOMAIN}/bucket01/key");
    for (arguments, told) in [
        (
            &["--version", "v2", "--payload", "unsigned"][..],
            "--payload and --output are for --version v4 without --presign",
        ),
        (
            &[
                "--version",
                "v4",
                "--presign",
                "1m",
                "--payload",
                "unsigned",
            ],
            "--payload and --output are for --version v4 without --presign",
        ),
        (
            &["--version", "v4", "--payload", "signed-chunks"],
            "a body in chunks needs --body and --output",
        ),
        (
            &["--version", "v4", "--output", "x"],
            "--output is for the payload modes in chunks: every other body is sent as it is",
        ),
        (
            &["--version", "v4", "--body", "/no/such/file"],
            "cannot read /no/such/file: No such file or directory (os error 2)",
        ),
        (
            &["--version", "v4", "-H", "x-amz-date: today"],
            "the vendor's date header must be written as 20130524T000000Z",
        ),
    ] {
        let keys = ["sign", "--access-key-id", "a", "--secret-access-key", "b"];
        let (code, stdout, stderr) = run(countersign(&keys).args(arguments).args(["PUT", &url]));
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
}
