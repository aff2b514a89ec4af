//! E1–E6: the path that is verified, the path that is forwarded and the path that a store resolves are one.

use crate::scene::{BUCKET, Forward, Placement, Style, both, usual, with_raw};
use support::signer::{Request, Word, now};

/// A GET of a path, in path style, whose signature covers another path.
fn signed_for(signed: &str, sent: &str) -> Request {
    let signing = Request::new(Word::Aws, "GET", signed)
        .date(&now())
        .signing();
    Request::new(Word::Aws, "GET", sent)
        .date(&signing.date)
        .signed_as(&signing)
}

#[test]
fn e1_dot_segments_are_refused_and_nothing_is_normalised() {
    let refused = [
        ".",
        "..",
        "./k",
        "../b2/k",
        "a/..",
        "a/./b",
        "a/../../b2/k",
        "%2e",
        "%2e%2e/k",
        "%2E%2e%2fk",
        "%2e./k",
        "..%2fk",
        "..%5Ck",
        "%5c..%5ck",
        "a%2f..%2Fk",
    ];
    let verbatim = [
        "a//b",
        "a/",
        "a///",
        "...",
        ".a",
        "a.",
        "..a",
        "a..",
        "a../b",
        "a/..b",
        "%252e%252e%252fk",
        "%252e/k",
        "a%5Cb",
        "%2e%2e%2e",
    ];
    for scene in both() {
        for placement in Placement::BOTH {
            for style in Style::BOTH {
                let request = |method, key| placement.sign(style.request(Word::Aws, method, key));
                for key in refused {
                    for method in ["GET", "PUT", "DELETE", "HEAD"] {
                        scene.refuses(&request(method, key), 400, "InvalidURI");
                    }
                }
                for key in verbatim {
                    scene.passes(&request("GET", key));
                }
            }
            // An empty first segment: no bucket in path style, a key like any other in virtual-host style.
            for rest in ["/b/k", "/", "//"] {
                let in_path = Request::new(Word::Aws, "GET", &format!("/{rest}"));
                scene.refuses(&placement.sign(in_path), 400, "InvalidBucketName");
                let key = Style::VirtualHost.request(Word::Aws, "GET", rest);
                scene.passes(&placement.sign(key));
            }
        }
        // A backslash as it is stands in no URI.
        scene.refuses(
            &signed_for("/bucket01/..\\k", "/bucket01/..\\k"),
            400,
            "InvalidURI",
        );
        // What a store would make of the path is not what is verified.
        for (resolved, sent) in [
            ("/bucket01/a/b", "/bucket01/a//b"),
            ("/bucket01/a//b", "/bucket01/a/b"),
            ("/bucket01/a", "/bucket01/a/"),
            ("/bucket01/%2e%2e%2fk", "/bucket01/%252e%252e%252fk"),
            ("/k", "/bucket01/%252e%252e%252fk"),
        ] {
            let request = signed_for(resolved, sent);
            scene.refuses(&request, 403, "SignatureDoesNotMatch");
        }
        for (resolved, sent) in [
            ("/b2/k", "/bucket01/../b2/k"),
            ("/bucket01/k", "/bucket01/./k"),
            ("/k", "/bucket01/%2e%2e%2fk"),
        ] {
            scene.refuses(&signed_for(resolved, sent), 400, "InvalidURI");
        }
    }
}

#[test]
fn e2_an_encoded_path_is_no_way_around_the_bucket() {
    for scene in both() {
        for path in [
            "/%62ucket01/private/x",
            "/bucket0%31",
            "/bucket01%2Fprivate/x",
            "/bucket01..x/private/x",
            "/b/x",
            "/bucket01@private/x",
            "/bucket01:80/x",
            "/bucket01%2f",
            "/bucket01%5Cprivate/x",
            "/%2Fbucket01/x",
            "/bucket01%00/x",
            "/bucket01%/x",
        ] {
            let code = if path.contains("%00") || path.contains("%/") {
                "InvalidURI"
            } else {
                "InvalidBucketName"
            };
            for signed in [path, "/bucket01/private/x"] {
                scene.refuses(&signed_for(signed, path), 400, code);
            }
        }
        // The key that rules are applied to, and that is logged, is the one that was sent.
        for key in ["private%2Fx", "%70rivate/x", "private/x"] {
            let path = format!("/{BUCKET}/{key}");
            scene.passes(&signed_for(&path, &path));
            let line = scene.gateway.await_log(&format!(" key={key} "));
            assert!(line.contains(" bucket=bucket01 "), "{line}");
            assert!(line.contains(" operation=GetObject "), "{line}");
        }
    }
}

#[test]
fn e3_a_key_is_decoded_by_nobody() {
    let spellings = [
        "/bucket01/a/b",
        "/bucket01/a%2Fb",
        "/bucket01/a%2fb",
        "/bucket01/a%252Fb",
        "/bucket01/a%25252Fb",
    ];
    for scene in both() {
        for signed in spellings {
            for sent in spellings {
                let request = signed_for(signed, sent);
                if signed == sent {
                    scene.passes(&request);
                } else {
                    scene.refuses(&request, 403, "SignatureDoesNotMatch");
                }
            }
        }
    }
}

/// Keys that are hard to carry, percent-encoded as far as a target must be.
pub fn keys() -> Vec<String> {
    let mut keys: Vec<String> = (0..=255u8)
        .flat_map(|byte| [format!("k%{byte:02X}k"), format!("k%{byte:02x}")])
        .collect();
    keys.extend(URI_CHARACTERS.chars().flat_map(|c| {
        let alone = (c != '.').then(|| c.to_string());
        [Some(format!("k{c}k")), alone].into_iter().flatten()
    }));
    keys.extend(
        [
            "a+b",
            "a%20b",
            "a%2Bb",
            "a*b",
            "a~b",
            "!'()",
            "%21%27%28%29%2A",
            "a%7Eb",
            "a%7eb",
            "caf%C3%A9",
            "cafe%CC%81",
            "caf%c3%a9",
            "%E6%96%87%E4%BB%B6",
            "%F0%9F%A6%80",
            "%ff",
            "%FF%FE",
            "%C3",
            "%ED%A0%80",
            "%0D%0A%0D%0AGET%20/%20HTTP/1.1",
            "k%3Fuploads",
            "k%26acl",
            "k%23fragment",
            "k&acl",
            "k=acl;x",
            "http://elsewhere.test/k",
        ]
        .map(String::from),
    );
    keys.extend(["x".repeat(1024), "%C3%A9".repeat(512), "+/".repeat(512)]);
    keys
}

/// The characters of a path (RFC 3986, section 3.3) but `%`.
const URI_CHARACTERS: &str =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/[]";

#[test]
fn e4_the_key_that_was_signed_is_the_key_that_is_forwarded() {
    let keys = keys();
    for scene in both() {
        for (placement, style) in [
            (Placement::Header, Style::Path),
            (Placement::Header, Style::VirtualHost),
            (Placement::Query, Style::Path),
            (Placement::Query, Style::VirtualHost),
        ] {
            for key in &keys {
                let request = placement.sign(style.request(Word::Aws, "GET", key));
                if key.contains("%00") {
                    scene.refuses(&request, 400, "InvalidURI");
                } else {
                    scene.passes(&request);
                }
            }
        }
    }
}

#[test]
fn e4_one_key_has_one_spelling() {
    let scene = usual(Forward::Trusted);
    let mut pairs: Vec<(String, String)> = URI_CHARACTERS
        .chars()
        .filter(|c| *c != '/')
        .map(|c| (format!("k{c}k"), format!("k%{:02X}k", u32::from(c))))
        .collect();
    pairs.extend(
        [
            ("a+b", "a%20b"),
            ("a%2Bb", "a%20b"),
            ("caf%C3%A9", "cafe%CC%81"),
            ("caf%C3%A9", "caf%c3%a9"),
            ("%ff", "%EF%BF%BD"),
            ("%FE", "%FF"),
            ("KEY", "key"),
        ]
        .map(|(one, other)| (one.to_owned(), other.to_owned())),
    );
    for (one, other) in pairs {
        let (one, other) = (format!("/{BUCKET}/{one}"), format!("/{BUCKET}/{other}"));
        for (signed, sent) in [(&one, &other), (&other, &one)] {
            let request = signed_for(signed, sent);
            scene.refuses(&request, 403, "SignatureDoesNotMatch");
        }
    }
}

/// The bytes that stand in a request target as they are (RFC 3986, section 2), but `#`.
fn is_uri_byte(byte: u8) -> bool {
    byte == b'?' || byte == b'%' || URI_CHARACTERS.as_bytes().contains(&byte)
}

#[test]
fn e5_a_byte_that_no_target_may_hold_is_refused_and_never_encoded() {
    for scene in both() {
        for byte in (0..=255u8).filter(|byte| !is_uri_byte(*byte)) {
            // The signature is over what a lenient parser would make of the byte.
            let made = [
                format!("/bucket01/k%{byte:02X}k"),
                format!("/bucket01/k%{byte:02x}k"),
                "/bucket01/k".to_owned(),
            ];
            for signed in made {
                let request = signed_for(&signed, "/bucket01/kSTAND-INk");
                let code = match byte {
                    // The line ends here.
                    b'\n' | b'\r' => "InvalidRequest",
                    _ => "InvalidURI",
                };
                let bytes = with_raw(&request, "STAND-IN", &[byte]);
                scene.refuses(&bytes, 400, code);
            }
        }
        for (line, signed, code) in [
            (
                "GET /bucket01/é x HTTP/1.1",
                "/bucket01/%C3%A9%20x",
                "InvalidURI",
            ),
            (
                "GET /bucket01/k HTTP/1.1 HTTP/1.1",
                "/bucket01/k%20HTTP/1.1",
                "InvalidURI",
            ),
            ("GET  /bucket01/k HTTP/1.1", "/bucket01/k", "InvalidURI"),
            ("GET /bucket01/k  HTTP/1.1", "/bucket01/k", "InvalidURI"),
            ("GET /bucket01/k\tHTTP/1.1", "/bucket01/k", "InvalidRequest"),
            ("GET\t/bucket01/k HTTP/1.1", "/bucket01/k", "InvalidRequest"),
            ("GET /bucket01/k HTTP/1.1 ", "/bucket01/k", "InvalidRequest"),
            (" GET /bucket01/k HTTP/1.1", "/bucket01/k", "InvalidRequest"),
            ("GET /bucket01/k", "/bucket01/k", "InvalidRequest"),
            (
                "GET /bucket01/\"<>\" HTTP/1.1",
                "/bucket01/%22%3C%3E%22",
                "InvalidURI",
            ),
        ] {
            let request = signed_for(signed, signed);
            let right = format!("GET {signed} HTTP/1.1");
            let bytes = with_raw(&request, &right, line.as_bytes());
            scene.refuses(&bytes, 400, code);
        }
    }
}

#[test]
fn e6_a_fragment_is_refused_and_never_dropped() {
    for scene in both() {
        for (signed, sent) in [
            ("/bucket01/secret", "/bucket01/secret#.jpg"),
            ("/bucket01/secret%23.jpg", "/bucket01/secret#.jpg"),
            ("/bucket01/secret#.jpg", "/bucket01/secret#.jpg"),
            ("/bucket01/secret", "/bucket01/secret#"),
            ("/bucket01/secret?acl", "/bucket01/secret?acl#x"),
            ("/bucket01/secret", "/bucket01/secret#?acl"),
        ] {
            scene.refuses(&signed_for(signed, sent), 400, "InvalidURI");
        }
    }
}
