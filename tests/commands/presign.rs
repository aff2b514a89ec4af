//! `countersign sign --presign`: URLs that carry their own signature.

use std::collections::BTreeMap;

use super::sign::{curl_request, in_version_2, request, warned, words};
use support::gateway::Gateway;
use support::rec::{Answer, Rec};
use support::signer::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Signing, Word, decode, unix_time};

/// The query of a presigned URL without its credentials, and these.
fn presigned(word: Word, url: &str) -> (String, BTreeMap<String, String>) {
    let (base, query) = url.split_once('?').expect("a query");
    let mut credentials = BTreeMap::new();
    let mut rest = Vec::new();
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some((name, value))
                if [word.access_key_parameter(), "Expires", "Signature"].contains(&name) =>
            {
                credentials.insert(name.to_owned(), decode(value));
            }
            _ => rest.push(pair),
        }
    }
    let question = if rest.is_empty() { "" } else { "?" };
    (format!("{base}{question}{}", rest.join("&")), credentials)
}

#[test]
fn a_presigned_url_is_good_for_as_long_as_it_says() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let host = gateway.address();
    let mut served = 0;
    for word in Word::BOTH {
        for (duration, seconds) in [("15m", 900), ("7d", 604_800), ("1h 30s", 3630)] {
            for (method, target) in [
                ("GET", "/bucket01/key"),
                ("PUT", "/bucket01/k%20y?acl"),
                ("GET", "/bucket01/key?versionId=a%2Bb&uploads"),
            ] {
                let url = format!("http://{host}{target}");
                let before = unix_time(seconds);
                let arguments = ["--dialect", words(word), "--presign", duration];
                let request_line = [method, url.as_str()];
                let all = [&["--version", "v2"], &arguments[..], &request_line].concat();
                let (text, warning) = warned(&all);
                // No operation has an upload's parameter in a GET of an object.
                assert_eq!(warning.is_empty(), !target.contains("uploads"), "{warning}");
                let after = unix_time(seconds);
                let (bare, credentials) = presigned(word, &text);
                assert_eq!(bare, url);
                assert_eq!(credentials[word.access_key_parameter()], ACCESS_KEY_ID);
                let expires: u64 = credentials["Expires"].parse().expect("a number");
                assert!((before..=after).contains(&expires), "{expires}");
                let unsigned = request(word, method, &url, []);
                let signing = Signing {
                    date: expires.to_string(),
                    ..unsigned.signing()
                };
                assert_eq!(
                    credentials["Signature"],
                    signing.signature(SECRET_ACCESS_KEY)
                );
                if !target.contains("uploads") {
                    assert_eq!(
                        gateway.exchange(&request(word, method, &text, [])).status,
                        200,
                        "{text}"
                    );
                    served += 1;
                }
            }
        }
    }
    assert_eq!(node.requests().len(), served);
    let (expired, _) = warned(&[
        "--version",
        "v2",
        "--presign",
        "0s",
        "GET",
        &format!("http://{host}/bucket01/key"),
    ]);
    let (_, credentials) = presigned(Word::Aws, &expired);
    assert!(credentials["Expires"].parse::<u64>().expect("a number") <= unix_time(0));
}

/// Headers that are signed go with the URL in every other format.
#[test]
fn a_presigned_url_can_sign_headers_too() {
    let node = Rec::start(Answer::Ok);
    let gateway = Gateway::in_front_of(node.address());
    let url = format!("http://{}/bucket01/key", gateway.address());
    let arguments = [
        "--presign",
        "15m",
        "-H",
        "Content-Type: text/plain",
        "-H",
        "x-amz-meta-a: it's",
        "PUT",
        &url,
    ];
    let command = in_version_2(&[&["--format", "curl"], &arguments[..]].concat());
    let from_curl = curl_request(Word::Aws, &command);
    let json: serde_json::Value = serde_json::from_str(&in_version_2(
        &[&["--format", "json"], &arguments[..]].concat(),
    ))
    .expect("JSON");
    let fields: BTreeMap<String, String> =
        serde_json::from_value(json["headers"].clone()).expect("a map");
    let from_json = request(
        Word::Aws,
        "PUT",
        json["url"].as_str().expect("a URL"),
        fields,
    );
    for own in [from_curl, from_json] {
        assert_eq!(gateway.exchange(&own).status, 200);
        let mut without = own.clone();
        without.headers.truncate(1);
        assert_eq!(gateway.exchange(&without).status, 403);
    }
    let lines = in_version_2(&[&["--format", "headers"], &arguments[..]].concat());
    assert_eq!(lines, "content-type: text/plain\nx-amz-meta-a: it's");
}
