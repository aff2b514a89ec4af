//! L1, M16: a body where the operation has none reaches no node, not one byte of it.

use crate::scene::{BUCKET, Forward, Scene, both, configured};
use support::gateway::Config;
use support::signer::{Request, Word, now, unix_time};

/// What a node that does not read the body of a GET would take for the next request.
const SECOND: &str = "PUT /bucket01/victim HTTP/1.1\r\nHost: s3.example.com\r\nx-countersign-principal: root\r\n\
                      Content-Length: 0\r\n\r\n";

/// By the API references: operations whose "Request Body" is "The request does not have a request body." The third is the
/// name behind the vendor's prefix of a header that makes the request a copy.
#[rustfmt::skip]
const BODILESS: &[(&str, &str, &str)] = &[
    ("GET", "/", ""), ("GET", "/bucket01", ""), ("HEAD", "/bucket01", ""), ("DELETE", "/bucket01", ""),
    ("GET", "/bucket01?uploads", ""), ("GET", "/bucket01?location", ""), ("DELETE", "/bucket01?policy", ""),
    ("GET", "/bucket01/k", ""), ("HEAD", "/bucket01/k", ""), ("DELETE", "/bucket01/k", ""),
    ("GET", "/bucket01/k?acl", ""), ("DELETE", "/bucket01/k?tagging", ""), ("POST", "/bucket01/k?uploads", ""),
    ("GET", "/bucket01/k?uploadId=u", ""), ("DELETE", "/bucket01/k?uploadId=u", ""),
    ("PUT", "/bucket01/k", "copy-source"), ("PUT", "/bucket01/k?partNumber=1&uploadId=u", "copy-source"),
];
/// The others: with a document or an object, or with neither.
#[rustfmt::skip]
const WITH_BODY: &[(&str, &str)] = &[
    ("PUT", "/bucket01"), ("PUT", "/bucket01?acl"), ("PUT", "/bucket01?versioning"), ("POST", "/bucket01?delete"),
    ("PUT", "/bucket01/k"), ("PUT", "/bucket01/k?partNumber=1&uploadId=u"), ("POST", "/bucket01/k?uploadId=u"),
    ("PUT", "/bucket01/k?tagging"), ("PUT", "/bucket01/k?acl"), ("POST", "/bucket01/k?restore"),
];

#[derive(Clone, Copy, Debug)]
enum Signed {
    V2Header,
    V2Query,
    V4Header,
    V4Query,
}

impl Signed {
    const ALL: [Self; 4] = [Self::V2Header, Self::V2Query, Self::V4Header, Self::V4Query];

    /// Signed without a word about the body.
    fn sign(self, request: Request) -> Request {
        let prefix = request.word.header_prefix();
        match self {
            Self::V2Header => request.date(&now()).signed(),
            Self::V2Query => request.presigned(unix_time(600)),
            Self::V4Header => request
                .header(&format!("{prefix}content-sha256"), "UNSIGNED-PAYLOAD")
                .signed_v4(),
            Self::V4Query => request.presigned_v4(600),
        }
    }
}

/// The three modes; the third makes of the first the one that signs anew.
fn scenes() -> Vec<Scene> {
    let resigning = |config: Config| {
        let cluster = config
            .text_of("cluster")
            .replace("forward = \"trusted\"", "forward = \"resign\"");
        config.section("cluster", &cluster).line(
            "cluster",
            "sign_with = { access_key_id = \"GATEWAY\", secret_access_key = \"secret-of-the-gateway\" }",
        )
    };
    let [trusted, passthrough] = both();
    let resign = configured(Forward::Trusted, resigning);
    vec![trusted, passthrough, resign]
}

fn request(word: Word, method: &str, target: &str, header: &str) -> Request {
    let request = Request::new(word, method, target);
    match header {
        "" => request,
        name => request.header(
            &format!("{}{name}", word.header_prefix()),
            &format!("/{BUCKET}/source"),
        ),
    }
}

fn framed(signed: &Request, framing: &str, body: &str) -> Vec<u8> {
    let bare = Request {
        body: None,
        ..signed.clone()
    };
    let mut head = bare.bytes();
    head.truncate(head.len() - 2);
    [&head, framing.as_bytes(), b"\r\n", body.as_bytes()].concat()
}

#[test]
fn l1_a_body_where_the_operation_has_none_is_refused() {
    let with_length = format!("Content-Length: {}\r\n", SECOND.len());
    let chunk = format!("{:x}\r\n{SECOND}\r\n0\r\n\r\n", SECOND.len());
    for scene in scenes() {
        for word in Word::BOTH {
            for signed in Signed::ALL {
                for (method, target, header) in BODILESS {
                    let own = signed.sign(request(word, method, target, header));
                    for (framing, body) in [
                        (with_length.as_str(), SECOND),
                        ("Content-Length: 1\r\n", "x"),
                        ("Content-Length: 01\r\n", "x"),
                        ("Transfer-Encoding: chunked\r\n", chunk.as_str()),
                        ("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
                    ] {
                        let bytes = framed(&own, framing, body);
                        let told = scene.refuses(&bytes, 400, "UnexpectedContent");
                        if *method != "HEAD" {
                            let message = told.element("Message").unwrap_or_default();
                            assert!(message.contains(" has no body; send it without one."));
                        }
                    }
                }
            }
        }
    }
}

/// A listener that prefers WOS verifies the names of AWS as those of WOS, and responds in the dialect of the verification also
/// where it refuses the request for its body.
#[test]
fn a_verified_request_is_refused_in_the_dialect_of_its_verification() {
    let prefers_wos = |config: Config| {
        let listener = config.text_of("listener");
        let listener = listener.replace("[\"aws\", \"wos\"]", "[\"wos\", \"aws\"]");
        config.section("listener", &listener)
    };
    let scene = configured(Forward::Trusted, prefers_wos);
    for signed in Signed::ALL {
        let signed = signed.sign(request(Word::Aws, "GET", "/bucket01/k", ""));
        let response = scene.send(framed(&signed, "Content-Length: 1\r\n", "x"));
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(response.header("x-wos-request-id").is_some());
        assert!(response.header("x-amz-request-id").is_none());
    }
}

#[test]
fn l1_no_body_is_no_body_however_it_is_framed() {
    for scene in scenes() {
        for signed in Signed::ALL {
            for (method, target, header) in BODILESS {
                let own = signed.sign(request(Word::Aws, method, target, header));
                for (framing, body) in [
                    ("", ""),
                    ("Content-Length: 0\r\n", ""),
                    ("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                ] {
                    let response = scene.send(framed(&own, framing, body));
                    let told = response.text();
                    assert_eq!(response.status, 200, "{method} {target} {framing}: {told}");
                    let recorded = scene.recorded();
                    assert_eq!(recorded.header("transfer-encoding"), None);
                    assert_eq!(recorded.body, b"");
                }
            }
        }
    }
}

#[test]
fn l1_what_has_a_body_keeps_it() {
    for scene in scenes() {
        for signed in Signed::ALL {
            for (method, target) in WITH_BODY {
                let own = signed.sign(Request::new(Word::Aws, method, target));
                for (framing, body, content) in [
                    ("Content-Length: 5\r\n", "<a/>\n", "<a/>\n"),
                    ("Content-Length: 0\r\n", "", ""),
                    (
                        "Transfer-Encoding: chunked\r\n",
                        "4\r\n<a/>\r\n0\r\n\r\n",
                        "<a/>",
                    ),
                ] {
                    let response = scene.send(framed(&own, framing, body));
                    assert_eq!(response.status, 200, "{method} {target} {framing}");
                    let recorded = scene.rec.requests();
                    assert_eq!(recorded.len(), 1);
                    assert_eq!(recorded[0].body, content.as_bytes());
                    scene.rec.clear();
                }
            }
        }
    }
}

#[test]
fn l1_an_operation_that_is_not_known_is_refused_whatever_it_has() {
    for scene in scenes() {
        for signed in Signed::ALL {
            for (method, target) in [
                ("PUT", "/"),
                ("POST", "/"),
                ("DELETE", "/"),
                ("POST", "/bucket01/k"),
                ("DELETE", "/bucket01/k?uploads"),
            ] {
                let own = signed.sign(Request::new(Word::Aws, method, target));
                for (framing, body) in [("", ""), ("Content-Length: 1\r\n", "x")] {
                    let bytes = framed(&own, framing, body);
                    scene.refuses(&bytes, 405, "MethodNotAllowed");
                }
            }
        }
    }
}

/// What S3 answers to a method that a resource has not (Amazon S3 API Reference, "List of error codes").
#[test]
fn m16_a_method_that_the_resource_has_not_is_405() {
    for scene in scenes() {
        for word in Word::BOTH {
            for signed in Signed::ALL {
                for (method, target) in [
                    ("HEAD", "/"),
                    ("PUT", "/"),
                    ("POST", "/"),
                    ("DELETE", "/"),
                    ("POST", "/bucket01"),
                    ("POST", "/bucket01/k"),
                    ("HEAD", "/bucket01?acl"),
                    ("HEAD", "/bucket01/k?acl"),
                    ("POST", "/bucket01?versioning"),
                    ("DELETE", "/bucket01?versioning"),
                ] {
                    let own = signed.sign(Request::new(word, method, target));
                    let told = scene.refuses(&own, 405, "MethodNotAllowed");
                    assert_eq!(told.header("allow"), Some("GET, HEAD, PUT, POST, DELETE"));
                }
            }
        }
    }
}
