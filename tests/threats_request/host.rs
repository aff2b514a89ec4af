//! H1–H4: one Host, one authority, one bucket.

use crate::scene::{Forward, Placement, Scene, both, configured, usual, with_raw};
use support::signer::{DOMAIN, Request, Word, now};

/// A request to a Host whose signature is over the bucket that is read there, if any.
fn to(word: Word, host: &str, bucket: Option<&str>, target: &str) -> Request {
    let mut request = Request::new(word, "GET", target).host(host).date(&now());
    request.bucket = bucket.map(str::to_owned);
    request.signed()
}

fn signed(host: &str, bucket: Option<&str>, target: &str) -> Request {
    to(Word::Aws, host, bucket, target)
}

/// The request with another request line, and other lines in the place of its Host.
fn reworded(request: &Request, line: &str, hosts: &str) -> Vec<u8> {
    let right = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\n",
        request.target, request.headers[0].1
    );
    with_raw(request, &right, format!("{line}\r\n{hosts}").as_bytes())
}

const KEY: &str = "/bucket01/k";

#[test]
fn h1_there_is_one_host() {
    for scene in both() {
        let request = signed(DOMAIN, None, KEY);
        let line = format!("GET {KEY} HTTP/1.1");
        for (hosts, code) in [
            (
                "Host: s3.example.com\r\nHost: s3.example.com\r\n",
                "InvalidRequest",
            ),
            (
                "Host: s3.example.com\r\nhost: bucket02.s3.example.com\r\n",
                "InvalidRequest",
            ),
            (
                "Host: bucket02.s3.example.com\r\nHOST: s3.example.com\r\n",
                "InvalidRequest",
            ),
            ("Host: s3.example.com\r\nHost:\r\n", "InvalidRequest"),
            ("Host: user@s3.example.com\r\n", "InvalidURI"),
            (
                "Host: bucket01.s3.example.com@s3.example.com\r\n",
                "InvalidURI",
            ),
            (
                "Host: s3.example.com:80@bucket01.s3.example.com\r\n",
                "InvalidURI",
            ),
        ] {
            scene.refuses(reworded(&request, &line, hosts), 400, code);
        }
    }
}

#[test]
fn h1_the_absolute_form_names_the_host_again() {
    for scene in both() {
        for (host, bucket, path) in [
            (DOMAIN, None, "/bucket01/k"),
            (
                DOMAIN,
                None,
                "/bucket01/a%2Fb//c?versionId=A%20&prefix=http://x/y",
            ),
            (DOMAIN, None, "/"),
            ("s3.example.com:8080", None, "/bucket01/k"),
            ("bucket01.s3.example.com", Some("bucket01"), "/k?acl"),
        ] {
            let request = signed(host, bucket, path);
            let same = format!("Host: {host}\r\n");
            for scheme in ["http", "https"] {
                let line = format!("GET {scheme}://{host}{path} HTTP/1.1");
                scene.passes_as(reworded(&request, &line, &same), path);
            }
            // Presigned, the node gets the origin form too.
            let mut presigned = Request::new(Word::Aws, "GET", path).host(host);
            presigned.bucket = request.bucket.clone();
            let presigned = Placement::Query.sign(presigned);
            let line = format!("GET http://{host}{} HTTP/1.1", presigned.target);
            let target = match scene.forward {
                Forward::Trusted => path,
                Forward::Passthrough => &presigned.target,
            };
            scene.passes_as(reworded(&presigned, &line, &same), target);
            // Another authority, whichever of the two the signature is for.
            for other in [
                "elsewhere.test",
                "bucket02.s3.example.com",
                "s3.example.com:81",
                "user@s3.example.com",
                "s3.example.com@elsewhere.test",
                "elsewhere.test@s3.example.com",
                "",
            ] {
                let line = format!("GET http://{other}{path} HTTP/1.1");
                let bytes = reworded(&request, &line, &same);
                if other.contains('@') || other.is_empty() {
                    scene.refuses(&bytes, 400, "InvalidURI");
                    continue;
                }
                scene.refuses(&bytes, 400, "InvalidRequest");
                if let Some(other_bucket) = other.strip_suffix(".s3.example.com") {
                    let request = signed(host, Some(other_bucket), path);
                    let bytes = reworded(&request, &line, &same);
                    scene.refuses(&bytes, 400, "InvalidRequest");
                }
            }
        }
        let request = signed(DOMAIN, None, KEY);
        let same = format!("Host: {DOMAIN}\r\n");
        for target in [
            "http:/bucket01/k",
            "http:/\\s3.example.com/bucket01/k",
            "http:///bucket01/k",
            "http://",
            "http:s3.example.com/bucket01/k",
        ] {
            let bytes = reworded(&request, &format!("GET {target} HTTP/1.1"), &same);
            scene.refuses(&bytes, 400, "InvalidURI");
        }
        // Neither the origin form nor the absolute one.
        for (target, code) in [
            ("bucket01/k", "InvalidURI"),
            ("s3.example.com:80", "InvalidURI"),
            ("?acl", "InvalidURI"),
            ("*", "InvalidURI"),
            ("//s3.example.com/bucket01/k", "InvalidBucketName"),
        ] {
            for resource in [target, KEY, "/"] {
                let request = signed(DOMAIN, None, resource);
                let bytes = reworded(&request, &format!("GET {target} HTTP/1.1"), &same);
                scene.refuses(&bytes, 400, code);
            }
        }
    }
}

#[test]
fn h2_a_request_without_a_host_is_refused() {
    for scene in both() {
        for (word, of_empty) in [(Word::Aws, 400), (Word::Wos, 403)] {
            let request = to(word, DOMAIN, None, KEY);
            for version in ["1.1", "1.0"] {
                for target in [KEY.to_owned(), format!("http://{DOMAIN}{KEY}")] {
                    let line = format!("GET {target} HTTP/{version}");
                    let bytes = reworded(&request, &line, "");
                    scene.refuses(&bytes, 400, "InvalidRequest");
                }
                let line = format!("GET {KEY} HTTP/{version}");
                for empty in ["Host:\r\n", "Host: \t \r\n", "Host: :80\r\n"] {
                    let bytes = reworded(&request, &line, empty);
                    scene.refuses(&bytes, of_empty, "InvalidURI");
                }
            }
        }
        // HTTP/1.0 with a Host is served, and its connection ends.
        let request = signed(DOMAIN, None, KEY);
        let line = format!("GET {KEY} HTTP/1.0");
        let bytes = reworded(&request, &line, &format!("Host: {DOMAIN}\r\n"));
        let recorded = scene.passes_as(&bytes, KEY);
        assert_eq!(recorded.header("host"), Some(DOMAIN));
    }
}

#[test]
fn h3_a_port_changes_neither_the_bucket_nor_the_host_that_goes_on() {
    for scene in both() {
        for port in ["", ":80", ":443", ":8080", ":65535"] {
            let host = format!("{DOMAIN}{port}");
            let recorded = scene.passes(&signed(&host, None, KEY));
            assert_eq!(recorded.header("host"), Some(host.as_str()));
            let host = format!("bucket01.{DOMAIN}{port}");
            scene.passes(&signed(&host, Some("bucket01"), "/k"));
            // The port is no part of the bucket, and no other reading is tried.
            for other in [None, Some(&host[..]), Some("bucket01.s3.example.com")] {
                let request = signed(&host, other, "/k");
                scene.refuses(&request, 403, "SignatureDoesNotMatch");
            }
        }
        for port in [
            ":", ":0", ":65536", ":99999", ":x", ":80x", ":-1", ":+80", ":1234567", ":80:80",
            ": 80", ":0x50",
        ] {
            let host = format!("{DOMAIN}{port}");
            scene.refuses(&signed(&host, None, KEY), 400, "InvalidURI");
        }
    }
}

/// A listener with two domains, one within the other, and two hosts that are buckets.
fn several_domains(forward: Forward) -> Scene {
    configured(forward, |config| {
        config.section(
            "listener",
            "[[listener]]\naddress = \"127.0.0.1:0\"\ndialects = [\"aws\", \"wos\"]\n\
             domains = [\"s3.example.com\", \"example.org\", \"s3.example.org\"]\n\
             custom_domains = [\"static.example.net\", \"www.example.org\"]\n",
        )
    })
}

/// A Host, the bucket that it names, and the buckets that a careless reader would see instead.
type Reading = (
    &'static str,
    Option<&'static str>,
    &'static [Option<&'static str>],
);

#[test]
fn h4_a_host_names_one_bucket_or_none() {
    let hosts: [Reading; 24] = [
        (
            "s3.example.com",
            None,
            &[Some("s3.example.com"), Some("s3")],
        ),
        ("S3.Example.COM", None, &[Some("s3.example.com")]),
        (
            "bucket01.s3.example.com",
            Some("bucket01"),
            &[None, Some("bucket01.s3.example.com")],
        ),
        (
            "BUCKET01.S3.EXAMPLE.COM",
            Some("bucket01"),
            &[None, Some("BUCKET01")],
        ),
        (
            "b.with.dots.s3.example.com",
            Some("b.with.dots"),
            &[None, Some("dots"), Some("b")],
        ),
        ("under_score.s3.example.com", Some("under_score"), &[None]),
        (
            "xn--bcher-kva.s3.example.com",
            Some("xn--bcher-kva"),
            &[None, Some("b\u{fc}cher")],
        ),
        (
            "s3.example.com.s3.example.com",
            Some("s3.example.com"),
            &[None],
        ),
        // A label boundary stands before the domain.
        ("xs3.example.com", None, &[Some("x"), Some("xs3")]),
        (
            "bucket01xs3.example.com",
            None,
            &[Some("bucket01x"), Some("bucket01")],
        ),
        (
            "bucket01-s3.example.com",
            None,
            &[Some("bucket01-"), Some("bucket01")],
        ),
        ("example.com", None, &[Some("example.com")]),
        (
            "s3.example.com.evil.test",
            None,
            &[Some("s3.example.com"), Some("evil")],
        ),
        (
            "bucket01.s3.example.com.evil.test",
            None,
            &[Some("bucket01")],
        ),
        // The longest domain counts.
        (
            "bucket01.s3.example.org",
            Some("bucket01"),
            &[None, Some("bucket01.s3")],
        ),
        ("s3.example.org", None, &[Some("s3")]),
        ("bucket01.example.org", Some("bucket01"), &[None]),
        (
            "bucket01.xs3.example.org",
            Some("bucket01.xs3"),
            &[None, Some("bucket01")],
        ),
        // A host of one's own is the bucket; what stands before it is not.
        (
            "static.example.net",
            Some("static.example.net"),
            &[None, Some("static")],
        ),
        (
            "STATIC.example.net",
            Some("static.example.net"),
            &[None, Some("STATIC.example.net")],
        ),
        (
            "www.example.org",
            Some("www.example.org"),
            &[None, Some("www")],
        ),
        (
            "x.static.example.net",
            None,
            &[
                Some("x.static.example.net"),
                Some("static.example.net"),
                Some("x"),
            ],
        ),
        // Nor is any other host a bucket.
        (
            "cname.example.net",
            None,
            &[Some("cname.example.net"), Some("cname")],
        ),
        ("127.0.0.1", None, &[Some("127.0.0.1"), Some("127")]),
    ];
    for forward in Forward::BOTH {
        let scene = several_domains(forward);
        let mut number = 0;
        for word in Word::BOTH {
            for (host, bucket, others) in hosts {
                for port in ["", ":8080"] {
                    number += 1;
                    let host = format!("{host}{port}");
                    let target = match bucket {
                        Some(_) => format!("/k{number}"),
                        None => format!("/bucket02/k{number}"),
                    };
                    let request = to(word, &host, bucket, &target);
                    let capitals = bucket.is_some_and(|bucket| !host.starts_with(bucket));
                    if capitals && forward == Forward::Passthrough {
                        // Some nodes would read another name.
                        scene.refuses(&request, 400, "InvalidRequest");
                        continue;
                    }
                    scene.passes(&request);
                    let line = scene.gateway.await_log(&format!(" key=k{number} "));
                    let read = format!(" bucket={} ", bucket.unwrap_or("bucket02"));
                    assert!(line.contains(&read), "{host}: {line}");
                    for other in others {
                        let request = to(word, &host, *other, &target);
                        scene.refuses(&request, 403, "SignatureDoesNotMatch");
                    }
                }
            }
        }
        // A list of a bucket in its Host, and the service where there is none.
        scene.passes(&signed(
            "bucket01.s3.example.com",
            Some("bucket01"),
            "/?uploads",
        ));
        scene.passes(&signed(
            "static.example.net",
            Some("static.example.net"),
            "/",
        ));
        scene.passes(&signed("example.org", None, "/"));
        scene.passes(&signed("[::1]:8080", None, KEY));
    }
}

#[test]
fn h4_a_host_that_names_no_one_bucket_is_refused() {
    let bad_hosts = [
        "s3.example.com..",
        "bucket01.s3.example.com..",
        ".s3.example.com",
        "bucket01..s3.example.com",
        "bucket01.s3..example.com",
        "..",
        "a/b.s3.example.com",
        "bucket01%2fk.s3.example.com",
        "bucket01\\k.s3.example.com",
        "bucket01?.s3.example.com",
        "bucket01#.s3.example.com",
        "bucket01 .s3.example.com",
        "bucket01,s3.example.com",
        "bucket01;s3.example.com",
        "bucket01.s3.example.com,s3.example.com",
        "b\u{fc}cher.s3.example.com",
        "*.s3.example.com",
        "bucket01+.s3.example.com",
        "bucket01=.s3.example.com",
        "\"bucket01\".s3.example.com",
        "[::1",
        "[::1]x",
        "[::1].s3.example.com",
        "::1",
        "[bucket01].s3.example.com",
        "[v1.bucket01]",
        ".static.example.net.",
        "http://s3.example.com",
        "s3.example.com/bucket01",
    ];
    let bad_buckets = ["ab.s3.example.com", "x.example.org", "-.s3.example.com"];
    for forward in Forward::BOTH {
        let scene = several_domains(forward);
        for (word, status) in [(Word::Aws, 400), (Word::Wos, 403)] {
            for host in bad_hosts {
                for (bucket, target) in [(None, KEY), (Some("bucket01"), "/k")] {
                    let refusal =
                        scene.refuses(&to(word, host, bucket, target), status, "InvalidURI");
                    let told = refusal
                        .element("Message")
                        .map(|text| text.replace("&apos;", "'"));
                    let what = "Couldn't parse the specified URI: the Host header is not a host name or an IP \
                                address, alone or with a port from 1 to 65535.";
                    assert_eq!(told.as_deref(), Some(what));
                }
            }
            let long = format!("{}.s3.example.com", "x".repeat(256));
            for host in bad_buckets.into_iter().chain([long.as_str()]) {
                let bucket = host.split('.').next();
                for (bucket, target) in [(None, KEY), (bucket, "/k")] {
                    scene.refuses(&to(word, host, bucket, target), 400, "InvalidBucketName");
                }
            }
        }
        // Brackets hold an IPv6 address alone.
        for host in ["[127.0.0.1]", "[]", "[:]", "[::1%eth0]"] {
            scene.refuses(&signed(host, None, KEY), 400, "InvalidURI");
        }
    }
}

#[test]
fn h4_two_styles_of_one_resource_share_a_signature_and_nothing_else() {
    let scene = usual(Forward::Trusted);
    // V2 signs /bucket01/k for both, and both mean it.
    let path = signed(DOMAIN, None, "/bucket01/k");
    let virtual_host = signed("bucket01.s3.example.com", Some("bucket01"), "/k");
    let swap = |from: &Request, to: &Request| {
        let mut request = to.clone();
        request.headers[1..].clone_from_slice(&from.headers[1..]);
        request
    };
    scene.passes(&swap(&path, &virtual_host));
    scene.passes(&swap(&virtual_host, &path));
    // The path is read in one style, never in both.
    for (host, target) in [
        ("bucket01.s3.example.com", "/bucket01/k"),
        ("bucket02.s3.example.com", "/bucket01/k"),
        ("bucket02.s3.example.com", "/k"),
        ("bucket01.s3.example.com", "//k"),
        (DOMAIN, "/bucket02/k"),
    ] {
        let elsewhere = signed(host, None, target);
        scene.refuses(&swap(&path, &elsewhere), 403, "SignatureDoesNotMatch");
    }
}
