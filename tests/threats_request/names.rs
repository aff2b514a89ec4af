//! L5, M7, M11, M20, M21: the names in a target and in the Host, and what some node reads in them.

use crate::scene::{
    BUCKET, Forward, Placement, Scene, Style, added, both, configured, usual, with_raw,
};
use support::signer::{DOMAIN, Request, Word, now};

/// What some store takes for a `.` or `..` segment.
#[rustfmt::skip]
const DOTS: &[&str] = &[
    "..;/x", "a/..;/x", "..;a=b/x", ".;/x", "%2e%2e;/x", "..%3b/x", "%2e%2e%3Bx/y",
    "%c0%ae%c0%ae/x", "%C0%AE%C0%AE", "%c0%ae/x", ".%c0%ae/x", "%c0%2e%c0%2e/x", "%e0%80%ae%e0%80%ae/x",
    "%f0%80%80%ae%f0%80%80%ae/x", "..%c0%afx", "a%c1%9c..%c1%9cx",
    "..%20/x", "..%09/x", "..%0a/x", "..%20%20", "..%3f/x", "..%23/x", "..%5cx", "..%20;/x",
];
/// Ordinary keys that look like one of them.
#[rustfmt::skip]
const ORDINARY: &[&str] = &[
    "a..b", "...", "a..", "..a", ";", "a;b", ";..", "a..;b", "..a;b", "%20..", "a%20", "%252e%252e%252fx",
    "%ef%bc%8e%ef%bc%8e/x", "%ff", "%c0%80",
];

fn with_cluster(forward: Forward, line: &str) -> Scene {
    configured(forward, |config| config.line("cluster", line))
}

#[test]
fn l5_what_some_store_takes_for_dots_is_refused() {
    for scene in both() {
        for placement in Placement::BOTH {
            for style in Style::BOTH {
                let request = |method, key| placement.sign(style.request(Word::Aws, method, key));
                for key in DOTS {
                    let told = scene.refuses(&request("GET", key), 400, "InvalidURI");
                    let message = told.element("Message").unwrap_or_default();
                    assert!(message.contains("or that some stores read so"), "{message}");
                    scene.refuses(&request("PUT", key), 400, "InvalidURI");
                }
                for key in ORDINARY {
                    scene.passes(&request("GET", key));
                }
            }
        }
        // A NUL ends a name for some, and `%u002e` is no percent-encoding.
        for key in ["..%00/x", "%u002e%u002e/x", "%%32e/x"] {
            let request = Placement::Header.sign(Style::Path.request(Word::Aws, "GET", key));
            let told = scene.refuses(&request, 400, "InvalidURI");
            let message = told.element("Message").unwrap_or_default();
            assert!(message.contains("the path is not valid, "), "{message}");
        }
    }
}

#[test]
fn l5_m20_dot_segments_go_on_where_the_nodes_keep_keys_as_they_are() {
    for forward in Forward::BOTH {
        let scene = with_cluster(forward, "dot_segments = \"forward\"");
        for style in Style::BOTH {
            for key in DOTS
                .iter()
                .chain(&["..", ".", "../k", "a/../../b", "%2e%2e"])
            {
                scene.passes(&Placement::Header.sign(style.request(Word::Aws, "GET", key)));
            }
        }
        // The bucket is one nonetheless, and what no store reads stays refused.
        for (target, code) in [
            ("/../bucket01/k", "InvalidBucketName"),
            ("/%2e%2e/k", "InvalidBucketName"),
            ("/bucket01/..%00", "InvalidURI"),
        ] {
            let request = Request::new(Word::Aws, "GET", target);
            scene.refuses(&Placement::Header.sign(request), 400, code);
        }
    }
}

#[test]
fn l5_m21_a_host_with_a_port_that_is_none_is_told() {
    let what = "the Host header is not a host name or an IP address, alone or with a port from 1 to 65535.";
    for scene in both() {
        for (word, status) in [(Word::Aws, 400), (Word::Wos, 403)] {
            for host in [
                "s3.example.com:",
                "s3.example.com:0",
                "s3.example.com:65536",
                "s3.example.com:99999",
                "h:80:80",
                "s3.example.com.:",
                "[::1]:0",
                "[::1]:",
            ] {
                let request = Request::new(word, "GET", "/bucket01/k").host(host);
                let request = request.date(&now()).signed();
                let told = scene.refuses(&request, status, "InvalidURI");
                let message = told.element("Message").unwrap_or_default();
                assert!(message.ends_with(what), "{host}: {message}");
            }
        }
    }
}

#[test]
fn m7_a_selector_counts_where_it_selects_something() {
    for scene in both() {
        // MinIO's clients list with the metadata of users; the parameter is one of WOS's selectors.
        for query in [
            "list-type=2&metadata=true&prefix=",
            "delimiter=%2F&encoding-type=url&list-type=2&max-keys=1000&metadata=true&prefix=",
            "metadata=true&versions",
            "delete&location",
            "restore&list-type=2",
        ] {
            let request = Request::new(Word::Aws, "GET", &format!("/{BUCKET}?{query}"));
            let signed = request.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
            scene.passes_as(&signed.signed_v4(), &format!("/{BUCKET}?{query}"));
        }
        for (query, status, code) in [
            ("metadata=true", 405, "MethodNotAllowed"),
            ("delete&restore", 405, "MethodNotAllowed"),
            ("list-type=2&versions", 400, "InvalidArgument"),
            ("acl&cors&metadata", 400, "InvalidArgument"),
        ] {
            let request = Request::new(Word::Aws, "GET", &format!("/{BUCKET}?{query}"));
            scene.refuses(&request.signed_v4(), status, code);
        }
    }
}

#[test]
fn m11_an_absolute_target_without_a_path_is_the_root() {
    for scene in both() {
        let host = format!("{BUCKET}.{DOMAIN}");
        for (query, right) in [
            ("?location", "/?location"),
            ("?uploads&prefix=a", "/?uploads&prefix=a"),
            ("", "/"),
        ] {
            let signed = Style::VirtualHost.request(Word::Aws, "GET", &right[1..]);
            let signed = Placement::Header.sign(signed);
            for authority in [&host, &host.to_uppercase()] {
                let line = format!("GET http://{authority}{query} HTTP/1.1");
                let bytes = with_raw(&signed, &format!("GET {right} HTTP/1.1"), line.as_bytes());
                scene.passes_as(&bytes, right);
            }
        }
    }
}

#[test]
fn m11_the_root_of_the_dns_is_no_part_of_a_name() {
    let scene = usual(Forward::Trusted);
    for (host, bucket, target, to_node) in [
        ("s3.example.com.", None, "/bucket01/k", "s3.example.com"),
        (
            "S3.EXAMPLE.com.:8080",
            None,
            "/bucket01/k",
            "S3.EXAMPLE.com:8080",
        ),
        (
            "bucket01.s3.example.com.",
            Some("bucket01"),
            "/k",
            "bucket01.s3.example.com",
        ),
        (
            "bucket01.s3.example.com.:80",
            Some("bucket01"),
            "/k",
            "bucket01.s3.example.com:80",
        ),
    ] {
        let mut request = Request::new(Word::Aws, "GET", target).host(host);
        request.bucket = bucket.map(str::to_owned);
        for signed in [
            request.clone().date(&now()).signed(),
            request.clone().signed_v4(),
        ] {
            let recorded = scene.passes_as(&signed, target);
            assert_eq!(recorded.header("host"), Some(to_node));
        }
        // Another bucket's signature is none of this one.
        request.bucket = Some("bucket02".into());
        scene.refuses(&request.date(&now()).signed(), 403, "SignatureDoesNotMatch");
    }
    // Whoever verifies it gets it as it came, and may read another bucket in it, or none.
    let scene = usual(Forward::Passthrough);
    for host in ["s3.example.com.", "bucket01.s3.example.com.:80", "h.test."] {
        let request = Request::new(Word::Aws, "GET", "/bucket01/k").host(host);
        let told = scene.refuses(&request.signed_v4(), 400, "InvalidURI");
        let message = told.element("Message").unwrap_or_default();
        assert!(message.contains("send it without the dot"), "{message}");
    }
}

#[test]
fn m11_an_empty_piece_of_a_query_is_no_parameter() {
    for scene in both() {
        for (query, kept) in [
            ("?", ""),
            ("?&", ""),
            ("?&&&", ""),
            ("?acl&", "?acl"),
            ("?&acl", "?acl"),
            ("?&&acl&&versionId=A&&", "?acl&versionId=A"),
        ] {
            let target = format!("/{BUCKET}/k{query}");
            let to_node = match scene.forward {
                Forward::Trusted => format!("/{BUCKET}/k{kept}"),
                Forward::Passthrough => target.clone(),
            };
            // Both versions sign the parameters that there are.
            let right = Request::new(Word::Aws, "GET", &format!("/{BUCKET}/k{kept}"));
            for signed in [
                right.clone().date(&now()).signed(),
                right.clone().signed_v4(),
            ] {
                let sent = Request {
                    target: target.clone(),
                    ..signed
                };
                scene.passes_as(&sent, &to_node);
            }
            let presigned = right.clone().presigned_v4(600);
            let sent = added(&presigned, "");
            let to_node = match scene.forward {
                Forward::Trusted => format!("/{BUCKET}/k{kept}"),
                Forward::Passthrough => sent.target.clone(),
            };
            scene.passes_as(&sent, &to_node);
        }
    }
}

#[test]
fn m11_a_content_length_goes_on_in_one_spelling() {
    for scene in both() {
        for written in ["05", "5", "0000000000000000000000005"] {
            let request = Style::Path.request(Word::Aws, "PUT", "k").body("hello");
            let request = Placement::Header.sign(request.header("Content-Length", written));
            let target = request.target.clone();
            let recorded = scene.passes_as(&request, &target);
            assert_eq!(recorded.header("content-length"), Some("5"), "{written}");
            assert_eq!(recorded.body, b"hello");
        }
    }
}

#[test]
fn m20_raw_utf_8_is_its_percent_form() {
    for scene in both() {
        for (raw, form) in [
            ("/bucket01/é", "/bucket01/%C3%A9"),
            (
                "/bucket01/文件/😀.jpg",
                "/bucket01/%E6%96%87%E4%BB%B6/%F0%9F%98%80.jpg",
            ),
            ("/bucket01/é%C3%A9", "/bucket01/%C3%A9%C3%A9"),
            ("/bucket01/k?versionId=é", "/bucket01/k?versionId=%C3%A9"),
            (
                "/bucket01/?prefix=é&delimiter=%2F",
                "/bucket01/?prefix=%C3%A9&delimiter=%2F",
            ),
        ] {
            let request = Request::new(Word::Aws, "GET", form);
            for signed in [
                request.clone().date(&now()).signed(),
                request.clone().signed_v4(),
            ] {
                for scheme in ["", "http://s3.example.com"] {
                    let line = format!("GET {scheme}{raw} HTTP/1.1");
                    let bytes = with_raw(&signed, &format!("GET {form} HTTP/1.1"), line.as_bytes());
                    scene.passes_as(&bytes, form);
                }
            }
            // It is no other key than that: the signature of another one does not hold.
            let other = Request::new(Word::Aws, "GET", "/bucket01/other");
            let other = other.date(&now()).signed();
            let line = format!("GET {raw} HTTP/1.1");
            let bytes = with_raw(&other, "GET /bucket01/other HTTP/1.1", line.as_bytes());
            scene.refuses(&bytes, 403, "SignatureDoesNotMatch");
        }
        // What is presigned has its credentials beside it.
        let presigned = Request::new(Word::Aws, "GET", "/bucket01/%C3%A9").presigned_v4(600);
        let raw = Request {
            target: presigned.target.replace("%C3%A9", "é"),
            ..presigned.clone()
        };
        let to_node = match scene.forward {
            Forward::Trusted => "/bucket01/%C3%A9",
            Forward::Passthrough => &presigned.target,
        };
        scene.passes_as(&raw, to_node);
        let line = scene.gateway.await_log(" path=/bucket01/%C3%A9 ");
        assert!(line.contains(" key=%C3%A9 "), "{line}");
        // What is no UTF-8 stands for nothing.
        for raw in [
            &b"\xff"[..],
            b"\xc3",
            b"\xc0\xae\xc0\xae",
            b"\xed\xa0\x80",
            b"\xc3\xa9\xfe",
        ] {
            let request = Request::new(Word::Aws, "GET", "/bucket01/STAND-IN");
            let bytes = with_raw(&request.date(&now()).signed(), "STAND-IN", raw);
            scene.refuses(&bytes, 400, "InvalidURI");
        }
    }
}

#[test]
fn m20_relaxed_nodes_have_other_bucket_names() {
    let names = [
        "ab",
        "tenant:bucket",
        "T_1:Bucket_01",
        ":bucket",
        "tenant%3Abucket",
        "a_",
    ];
    for scene in both() {
        for name in names {
            for target in [format!("/{name}"), format!("/{name}/k")] {
                let request = Request::new(Word::Aws, "GET", &target);
                let told = scene.refuses(&request.signed_v4(), 400, "InvalidBucketName");
                let message = told.element("Message").unwrap_or_default();
                assert!(message.contains("a name has 3 to 255 letters"), "{message}");
            }
        }
    }
    for forward in Forward::BOTH {
        let scene = with_cluster(forward, "bucket_names = \"relaxed\"");
        for name in names.into_iter().chain(["bucket01", "Older_Name"]) {
            for target in [
                format!("/{name}/"),
                format!("/{name}/k"),
                format!("/{name}/?acl"),
            ] {
                let request = Request::new(Word::Aws, "GET", &target);
                let version_2 = request.clone().date(&now()).signed();
                scene.passes_as(&version_2, &target);
                // What version 4 signs has the colon encoded, and that goes on.
                let to_node = match forward {
                    Forward::Trusted => target.replace(':', "%3A"),
                    Forward::Passthrough => target.clone(),
                };
                scene.passes_as(&request.signed_v4(), &to_node);
            }
        }
        let line = scene.gateway.await_log(" path=/tenant%3Abucket/k ");
        assert!(line.contains(" bucket=tenant:bucket key=k "), "{line}");
        scene.passes(
            &Placement::Header.sign(Request::new(Word::Aws, "GET", "/k").virtual_host("ab")),
        );
        for target in [
            "/a/k",
            "/a:b:cd/k",
            "/t%2Fb/k",
            "/te.nant:bucket/k",
            "/bu..cket/k",
            "/tenant:/k",
            "/../k",
        ] {
            let request = Request::new(Word::Aws, "GET", target);
            let code = match target {
                "/../k" => "InvalidURI",
                _ => "InvalidBucketName",
            };
            scene.refuses(&request.signed_v4(), 400, code);
        }
    }
}
