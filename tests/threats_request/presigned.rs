//! Headers in the query string of a presigned URL: what it says for a header is that header (M2, M3, M5).

use crate::scene::{BUCKET, Forward, Placement, Scene, added, both};
use crate::version_4::{Placed, both_versions};
use support::rec::Recorded;
use support::signer::{Request, Word, encode, unix_time};

/// A request in version 2 whose URL has the headers that are signed, and that is sent without them.
fn hoisted_v2(word: Word, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::new(word, "PUT", &format!("/{BUCKET}/k"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut request = request.presigned(unix_time(600));
    request.headers.truncate(1);
    for (name, value) in headers {
        request.target += &format!("&{name}={}", encode(value));
    }
    request
}

/// The request passes; in trusted mode the node's target has nothing of the signature left.
fn passes(scene: &Scene, request: &Request, left: &str) -> Recorded {
    let target = match scene.forward {
        Forward::Trusted => left,
        Forward::Passthrough => &request.target,
    };
    scene.passes_as(request, target)
}

/// What the node has as this header: it is there where the gateway composes the request.
fn assert_header(scene: &Scene, recorded: &Recorded, name: &str, value: &str) {
    let expected = (scene.forward == Forward::Trusted).then_some(value);
    assert_eq!(recorded.header(name), expected, "{name}");
}

#[test]
fn m2_version_2_signs_a_header_of_the_query_as_the_header() {
    for scene in both() {
        for word in Word::BOTH {
            let own = |rest: &str| format!("{}{rest}", word.header_prefix());
            let (acl, meta) = (own("acl"), own("meta-a"));
            let headers = [
                (acl.as_str(), "private"),
                (&meta, "b c+d é"),
                ("content-type", "text/plain"),
            ];
            let request = hoisted_v2(word, &headers);
            let recorded = passes(&scene, &request, &format!("/{BUCKET}/k"));
            assert_header(&scene, &recorded, "x-amz-acl", "private");
            assert_header(&scene, &recorded, "x-amz-meta-a", "b c+d é");
            assert_header(&scene, &recorded, "content-type", "text/plain");
            // Added by whoever holds the URL.
            for name in [&own("copy-source"), &own("grant-read"), "content-md5"] {
                let smuggled = added(&request, &format!("{name}=x"));
                scene.refuses(&smuggled, 403, "SignatureDoesNotMatch");
            }
        }
    }
}

#[test]
fn m2_a_body_is_held_to_the_md5_of_the_query() {
    for scene in both() {
        // MD5 of "hello".
        let request = hoisted_v2(Word::Aws, &[("content-md5", "XUFAKrxLKna5cZ2REBfFkg==")]);
        let right = request.clone().body("hello");
        let recorded = passes(&scene, &right, &format!("/{BUCKET}/k"));
        assert_eq!(recorded.body, b"hello");
        assert_header(&scene, &recorded, "content-md5", "XUFAKrxLKna5cZ2REBfFkg==");
        let mut client = scene.gateway.connect();
        let answer = client.exchange(&request.body("jello"));
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(
            answer.text().contains("<Code>BadDigest</Code>"),
            "{}",
            answer.text()
        );
        assert!(
            scene.rec.requests().is_empty(),
            "the node has a whole request"
        );
        scene.rec.clear();
    }
}

/// M5: the AWS SDK for JavaScript 2 writes `Content-Type`, and repeats ordinary headers that version 2 does not sign.
#[test]
fn m5_a_repeated_header_is_compared_without_case() {
    for scene in both() {
        let put = || {
            let request = Request::new(Word::Aws, "PUT", &format!("/{BUCKET}/k"));
            request
                .header("Content-Type", "image/png")
                .header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
                .header("Cache-Control", "no-store")
                .header("x-amz-acl", "private")
                .presigned(unix_time(600))
        };
        let repeated = "Content-Type=image%2Fpng&Content-MD5=1B2M2Y8AsgTpgAmY7PhCfg%3D%3D&Cache-Control=no-store&x-amz-acl=private";
        let request = added(&put(), repeated);
        let recorded = passes(&scene, &request, &format!("/{BUCKET}/k"));
        assert_eq!(recorded.header("content-type"), Some("image/png"));
        assert_eq!(recorded.header("cache-control"), Some("no-store"));
        for (other, status, code) in [
            ("Content-Type=text%2Fhtml", 400, "InvalidArgument"),
            ("x-amz-acl=public-read", 400, "InvalidArgument"),
            ("Cache-Control=public", 403, "AccessDenied"),
            ("Content-Language=de", 403, "AccessDenied"),
        ] {
            let request = added(&put(), other);
            scene.refuses(&request, status, code);
        }
    }
}

#[test]
fn m3_version_4_hands_on_what_the_query_says_for_a_header() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        for word in Word::BOTH {
            let own = word.header_prefix();
            let target = format!(
                "/{BUCKET}/k?{own}meta-foo=bar%20baz&{own}server-side-encryption=AES256&content-type=a%2Fb"
            );
            let request = Placed::Query.sign(Request::new(word, "PUT", &target).body("hello"));
            let recorded = passes(&scene, &request, &format!("/{BUCKET}/k"));
            assert_header(&scene, &recorded, "x-amz-meta-foo", "bar baz");
            assert_header(&scene, &recorded, "x-amz-server-side-encryption", "AES256");
            assert_header(&scene, &recorded, "content-type", "a/b");
            // The same as a header that is not signed stays refused, and two values are two requests.
            let name = format!("{own}meta-foo");
            let same = request.clone().header(&name, "bar baz");
            scene.refuses(&same, 403, "AccessDenied");
            let other = request.clone().header(&name, "other");
            scene.refuses(&other, 400, "InvalidArgument");
        }
    }
}

/// A name that the list of signed headers has, sent in the query alone.
#[test]
fn m2_version_4_finds_a_signed_header_in_the_query() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        let target = format!("/{BUCKET}/k?x-amz-acl=private");
        let request = Request::new(Word::Aws, "PUT", &target).header("x-amz-acl", "private");
        let mut request = Placed::Query.sign(request);
        request.headers.retain(|(name, _)| name != "x-amz-acl");
        let recorded = passes(&scene, &request, &format!("/{BUCKET}/k"));
        assert_header(&scene, &recorded, "x-amz-acl", "private");
    }
}

#[test]
fn m3_what_s3_ignores_in_a_url_goes_no_further() {
    let scene = both_versions(Forward::Trusted);
    let ignored =
        "x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32&x-amz-tagging=a%3Db";
    let target = format!("/{BUCKET}/k?{ignored}&x-id=PutObject");
    let request = Placed::Query.sign(Request::new(Word::Aws, "PUT", &target).body("hello"));
    let recorded = passes(&scene, &request, &format!("/{BUCKET}/k?x-id=PutObject"));
    assert_eq!(recorded.body, b"hello");
    for name in [
        "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-tagging",
    ] {
        assert_eq!(recorded.header(name), None, "{name}");
    }
}

/// The AWS SDK for JavaScript 3 asks for the checksum of an answer in the URL that it presigns.
#[test]
fn m3_what_asks_for_a_checksum_is_no_checksum() {
    let scene = both_versions(Forward::Trusted);
    let target = format!("/{BUCKET}/k?x-amz-checksum-mode=ENABLED");
    let request = Placed::Query.sign(Request::new(Word::Aws, "GET", &target));
    let recorded = passes(&scene, &request, &format!("/{BUCKET}/k"));
    assert_header(&scene, &recorded, "x-amz-checksum-mode", "ENABLED");
}

/// A header of the query steers what the request is about, wherever the nodes read it.
#[test]
fn m3_a_copy_source_in_the_query_makes_a_copy() {
    for forward in Forward::BOTH {
        let scene = both_versions(forward);
        let target = format!("/{BUCKET}/k?x-amz-copy-source=%2F{BUCKET}%2Fother");
        let request = Placed::Query.sign(Request::new(Word::Aws, "PUT", &target));
        let recorded = passes(&scene, &request, &format!("/{BUCKET}/k"));
        assert_header(
            &scene,
            &recorded,
            "x-amz-copy-source",
            &format!("/{BUCKET}/other"),
        );
        scene.gateway.await_metric("operation=\"CopyObject\"");
    }
}

#[test]
fn m2_no_line_break_gets_into_a_header() {
    for scene in both() {
        let target = format!("/{BUCKET}/k?x-amz-meta-a=b%0D%0Ax-amz-acl:public-read");
        let request = Placement::Query.sign(Request::new(Word::Aws, "PUT", &target));
        scene.refuses(&request, 400, "InvalidURI");
    }
}

/// Never headers: what frames a body in chunks, the Host, the length, the credentials, and the gateway's own.
#[test]
fn m3_what_frames_a_body_is_no_header_of_the_query() {
    let scene = both_versions(Forward::Trusted);
    for name in [
        "x-amz-decoded-content-length",
        "x-amz-trailer",
        "host",
        "content-length",
        "content-encoding",
        "authorization",
        "x-countersign-principal",
    ] {
        let left = format!("/{BUCKET}/k?{name}=5");
        let request = Placed::Query.sign(Request::new(Word::Aws, "PUT", &left).body("hello"));
        let recorded = passes(&scene, &request, &left);
        assert_eq!(recorded.body, b"hello", "{name}");
        let there = recorded.head.headers.iter().filter(|(own, value)| {
            own.eq_ignore_ascii_case(name) && value == "5" && name != "content-length"
        });
        assert_eq!(there.count(), 0, "{name}");
    }
}
