//! E, F and H for signature version 4: what a signed list of headers and parameters does not change. One path, one query and
//! one Host are verified and forwarded, whatever else could have been meant.

use crate::path::keys;
use crate::scene::{BUCKET, Forward, Scene, Style, added, with_raw};
use crate::support::rec::Recorded;
use crate::support::signer::{DOMAIN, Request, Word};
use crate::support::signer_v4::{SigningV4, canonical_query, stamp_at};

/// Where the credentials stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    Header,
    Query,
}

impl Placed {
    const BOTH: [Self; 2] = [Self::Header, Self::Query];

    fn sign(self, request: Request) -> Request {
        self.sign_as(request, |_| {})
    }

    /// Signed over what `change` makes of the right text.
    fn sign_as(self, request: Request, change: impl FnOnce(&mut SigningV4)) -> Request {
        let stamp = stamp_at(0);
        let request = match self {
            Self::Header => request.prepared_v4(&stamp),
            Self::Query => request.parameters_v4(&stamp, "600"),
        };
        let mut signing = request.signing_v4(&stamp);
        change(&mut signing);
        match self {
            Self::Header => request.signed_v4_as(&signing),
            Self::Query => request.presigned_v4_as(&signing),
        }
    }

    /// Signed for one target and sent with another, each without credentials.
    fn swap(self, word: Word, signed: &str, sent: &str) -> Request {
        let (path, query) = signed.split_once('?').unwrap_or((signed, ""));
        self.sign_as(Request::new(word, "GET", sent), |own| {
            own.uri = Request::new(word, "GET", path)
                .signing_v4(&own.timestamp)
                .uri;
            let credentials = own.query.split('&').filter(|pair| pair.starts_with("X-"));
            let credentials: Vec<&str> = credentials.collect();
            own.query = canonical_query(&format!("{query}&{}", credentials.join("&")));
        })
    }
}

fn scene(forward: Forward) -> Scene {
    Scene::configured(forward, |config| {
        let signature = "[signature]\nversions = [\"v2\", \"v4\"]\nregion = \"us-east-1\"\n";
        config.section("signature", signature)
    })
}

/// Each forward mode with each place of the credentials, in both dialects.
fn everywhere(test: impl Fn(&mut Scene, Placed, Word)) {
    for forward in Forward::BOTH {
        let mut scene = scene(forward);
        for placed in Placed::BOTH {
            for word in Word::BOTH {
                test(&mut scene, placed, word);
            }
        }
    }
}

/// The request is served, and the node has got the target that was sent: `target`, and where it verifies, the credentials.
fn passes(scene: &mut Scene, request: &Request, target: &str) -> Recorded {
    let target = match scene.forward {
        Forward::Trusted => target,
        Forward::Passthrough => &request.target,
    };
    scene.passes_bytes(&request.bytes(), &request.method, target)
}

/// Signed and served as it is.
fn goes_through(scene: &mut Scene, placed: Placed, request: Request) {
    let target = request.target.clone();
    passes(scene, &placed.sign(request), &target);
}

fn get(word: Word, target: &str) -> Request {
    Request::new(word, "GET", target)
}

const MISMATCH: (u16, &str) = (403, "SignatureDoesNotMatch");

#[test]
fn e1_dot_segments_are_refused_though_version_4_signs_them() {
    everywhere(|scene, placed, word| {
        for style in Style::BOTH {
            for key in [
                ".",
                "..",
                "../b2/k",
                "a/./b",
                "a/../../b2/k",
                "%2e%2E/k",
                "..%2fk",
                "..%5Ck",
                "a%2f..%2Fk",
            ] {
                for method in ["GET", "PUT", "DELETE"] {
                    let request = placed.sign(style.request(word, method, key));
                    scene.refuses(&request, 400, "InvalidURI");
                }
            }
            for key in [
                "a//b",
                "a/",
                "...",
                "a..",
                "..a/b",
                "%252e%252e%252fk",
                "a%5Cb",
            ] {
                goes_through(scene, placed, style.request(word, "GET", key));
            }
        }
    });
}

#[test]
fn e2_an_encoded_path_is_no_way_around_the_bucket_though_version_4_signs_it() {
    everywhere(|scene, placed, word| {
        for path in [
            "/%62ucket01/private/x",
            "/bucket0%31",
            "/bucket01%2Fprivate/x",
            "/bucket01%5Cprivate/x",
            "/%2Fbucket01/x",
        ] {
            let sent = placed.sign(get(word, path));
            scene.refuses(&sent, 400, "InvalidBucketName");
            let decoded = placed.swap(word, "/bucket01/private/x", path);
            scene.refuses(&decoded, 400, "InvalidBucketName");
        }
    });
}

#[test]
fn e3_a_key_that_version_4_signs_is_decoded_by_nobody() {
    let spellings = [
        "/bucket01/a/b",
        "/bucket01/a%2Fb",
        "/bucket01/a%252Fb",
        "/bucket01/a%25252Fb",
    ];
    everywhere(|scene, placed, word| {
        for signed in spellings {
            for sent in spellings {
                let request = placed.swap(word, signed, sent);
                if signed == sent {
                    passes(scene, &request, sent);
                } else {
                    scene.refuses(&request, MISMATCH.0, MISMATCH.1);
                }
            }
        }
    });
}

#[test]
fn e4_every_key_goes_on_as_it_was_signed() {
    let keys = keys();
    for forward in Forward::BOTH {
        let mut scene = scene(forward);
        for placed in Placed::BOTH {
            for key in &keys {
                let request = get(Word::Aws, &format!("/{BUCKET}/{key}"));
                if key.contains("%00") {
                    scene.refuses(&placed.sign(request), 400, "InvalidURI");
                } else {
                    goes_through(&mut scene, placed, request);
                }
            }
        }
    }
}

#[test]
fn e4_no_key_is_taken_for_another() {
    everywhere(|scene, placed, word| {
        for (one, other) in [
            ("a+b", "a%20b"),
            ("a%2Bb", "a%20b"),
            ("caf%C3%A9", "cafe%CC%81"),
            ("%FF", "%EF%BF%BD"),
            ("%FE", "%FF"),
            ("KEY", "key"),
            ("a//b", "a/b"),
            ("a/", "a"),
        ] {
            let (one, other) = (format!("/{BUCKET}/{one}"), format!("/{BUCKET}/{other}"));
            for (signed, sent) in [(&one, &other), (&other, &one)] {
                let request = placed.swap(word, signed, sent);
                scene.refuses(&request, MISMATCH.0, MISMATCH.1);
            }
        }
    });
}

#[test]
fn e5_version_4_signs_no_byte_that_a_target_may_not_hold() {
    everywhere(|scene, placed, word| {
        for byte in [
            b' ', b'\t', 0, 0x0b, 0x7f, 0x80, 0xe9, 0xff, b'"', b'<', b'>', b'\\', b'^', b'`',
            b'{', b'|', b'}',
        ] {
            for signed in [
                format!("/bucket01/k%{byte:02X}k"),
                "/bucket01/kSTAND-INk".to_owned(),
            ] {
                let request = placed.swap(word, &signed, "/bucket01/kSTAND-INk");
                let bytes = with_raw(&request, "STAND-IN", &[byte]);
                scene.refuses_bytes(&bytes, "GET", 400, "InvalidURI");
            }
        }
    });
}

#[test]
fn e6_a_fragment_is_refused_though_version_4_signs_it() {
    everywhere(|scene, placed, word| {
        for (signed, sent) in [
            ("/bucket01/secret", "/bucket01/secret#.jpg"),
            ("/bucket01/secret%23.jpg", "/bucket01/secret#.jpg"),
            ("/bucket01/secret#.jpg", "/bucket01/secret#.jpg"),
            ("/bucket01/secret?acl", "/bucket01/secret?acl#x"),
        ] {
            scene.refuses(&placed.swap(word, signed, sent), 400, "InvalidURI");
        }
    });
}

#[test]
fn e7_the_signature_over_a_normalised_path_is_another_one() {
    everywhere(|scene, placed, word| {
        for (normalised, sent) in [
            ("/bucket01/a/b", "/bucket01//a//b"),
            ("/bucket01/a/b", "/bucket01/a//b"),
            ("/bucket01/a", "/bucket01/a/"),
            ("/bucket01/k", "/bucket01/%252e/k"),
        ] {
            scene.refuses(&placed.swap(word, normalised, sent), MISMATCH.0, MISMATCH.1);
            passes(scene, &placed.sign(get(word, sent)), sent);
        }
    });
}

/// Select an operation on an object with GET, or are known to some store; most are signed by no client of version 2.
#[rustfmt::skip]
const SELECTORS: [&str; 14] = [
    "acl", "attributes", "legal-hold", "retention", "tagging", "torrent", "uploadId=x", "versionId=x", "encryption",
    "policyStatus", "publicAccessBlock", "session", "newfeature", "response-content-type=text%2Fhtml",
];

#[test]
fn f1_version_4_signs_every_parameter() {
    everywhere(|scene, placed, word| {
        for method in ["GET", "HEAD", "PUT", "DELETE"] {
            let signed = placed.sign(Request::new(word, method, "/bucket01/k"));
            for parameter in SELECTORS {
                let half = method == "PUT" && parameter == "uploadId=x";
                let (status, code) = if half {
                    (400, "InvalidArgument")
                } else {
                    MISMATCH
                };
                scene.refuses(&added(&signed, parameter), status, code);
                let with = Request::new(word, method, &format!("/bucket01/k?{parameter}"));
                if half {
                    continue;
                }
                let mut taken = placed.sign(with);
                taken.target = taken.target.replacen(&format!("{parameter}&"), "", 1);
                taken.target = taken.target.replacen(&format!("?{parameter}"), "", 1);
                scene.refuses(&taken, MISMATCH.0, MISMATCH.1);
            }
        }
    });
}

#[test]
fn f2_f3_f9_a_parameter_stands_once_though_version_4_signs_both() {
    everywhere(|scene, placed, word| {
        for query in [
            "acl&acl",
            "acl=&acl",
            "%61cl&acl",
            "acl&ACL",
            "versionId=A&versionId=B",
            "versionId=B&versionId=A",
            "prefix=b&prefix=a",
            "newfeature&newfeature",
        ] {
            let request = placed.sign(get(word, &format!("/bucket01/k?{query}")));
            scene.refuses(&request, 400, "InvalidArgument");
            let (first, _) = query.split_once('&').expect("two parameters");
            let request = placed.swap(
                word,
                &format!("/bucket01/k?{first}"),
                &format!("/bucket01/k?{query}"),
            );
            scene.refuses(&request, 400, "InvalidArgument");
        }
    });
}

#[test]
fn f4_an_encoded_separator_separates_nothing_for_version_4() {
    everywhere(|scene, placed, word| {
        for (signed, sent) in [
            ("acl", "prefix=x%26acl"),
            ("prefix=x&acl", "prefix=x%26acl"),
            ("prefix=x%26acl", "prefix=x&acl"),
            ("versionId=B", "x=%26versionId%3DB"),
            ("versionId=A", "versionId%3DA"),
            ("acl", "acl%26x"),
        ] {
            let at = |query: &str| format!("/bucket01/k?{query}");
            let request = placed.swap(word, &at(signed), &at(sent));
            scene.refuses(&request, MISMATCH.0, MISMATCH.1);
        }
        for query in ["versionId=A%26B", "versionId=A%3DB"] {
            goes_through(scene, placed, get(word, &format!("/bucket01/k?{query}")));
        }
    });
}

#[test]
fn f5_a_name_that_version_4_signs_is_decoded_once() {
    everywhere(|scene, placed, word| {
        // The same request to whoever decodes, and forwarded as it came.
        for (signed, sent) in [
            ("acl", "%61cl"),
            ("versionId=A", "version%49d=A"),
            ("versionId=A", "versionId=%41"),
        ] {
            let sent = format!("/bucket01/k?{sent}");
            passes(
                scene,
                &placed.swap(word, &format!("/bucket01/k?{signed}"), &sent),
                &sent,
            );
            scene.refuses(
                &placed.swap(word, "/bucket01/k", &sent),
                MISMATCH.0,
                MISMATCH.1,
            );
        }
        for name in [
            "ACL",
            "Acl",
            "%41cl",
            "versionid=A",
            "UPLOADS",
            "uploadID=A",
        ] {
            let request = placed.sign(get(word, &format!("/bucket01/k?{name}")));
            scene.refuses(&request, 400, "InvalidArgument");
        }
        for query in ["%2561cl", "acl%20", "%20acl", "acl%2B"] {
            let signed = placed.swap(word, "/bucket01/k?acl", &format!("/bucket01/k?{query}"));
            scene.refuses(&signed, MISMATCH.0, MISMATCH.1);
        }
        for query in ["%ff", "acl%C0%80", "%", "%6", "acl%zz"] {
            let request = placed.swap(word, "/bucket01/k", &format!("/bucket01/k?{query}"));
            scene.refuses(&request, 400, "InvalidURI");
        }
    });
}

#[test]
fn f6_an_empty_value_and_none_are_one_meaning_to_version_4() {
    everywhere(|scene, placed, word| {
        for (signed, sent) in [
            ("acl", "acl="),
            ("acl=", "acl"),
            ("versionId=", "versionId"),
        ] {
            let sent = format!("/bucket01/k?{sent}");
            passes(
                scene,
                &placed.swap(word, &format!("/bucket01/k?{signed}"), &sent),
                &sent,
            );
        }
        for (signed, sent) in [
            ("acl", "acl=x"),
            ("versionId=x", "versionId="),
            ("versionId=x", "versionId"),
        ] {
            let at = |query: &str| format!("/bucket01/k?{query}");
            scene.refuses(
                &placed.swap(word, &at(signed), &at(sent)),
                MISMATCH.0,
                MISMATCH.1,
            );
        }
    });
}

#[test]
fn f7_a_semicolon_is_data_to_version_4() {
    everywhere(|scene, placed, word| {
        for query in ["versionId=1;acl", "prefix=;", "versionId=1;acl=2"] {
            goes_through(scene, placed, get(word, &format!("/bucket01/k?{query}")));
        }
        for signed in ["acl", "versionId=1", "versionId=1&acl"] {
            let request = placed.swap(
                word,
                &format!("/bucket01/k?{signed}"),
                "/bucket01/k?versionId=1;acl",
            );
            scene.refuses(&request, MISMATCH.0, MISMATCH.1);
        }
        // The list of signed headers, its semicolon as it is.
        let request = get(word, "/bucket01/k").header("Content-Type", "a/b");
        let presigned = Placed::Query.sign(request);
        let raw = Request {
            target: presigned
                .target
                .replace("content-type%3Bhost", "content-type;host"),
            ..presigned.clone()
        };
        assert_ne!(raw.target, presigned.target);
        passes(scene, &raw, "/bucket01/k");
    });
}

#[test]
fn f8_a_plus_is_never_a_blank_to_version_4() {
    let spellings = ["a+b", "a%20b", "a%252Bb"];
    everywhere(|scene, placed, word| {
        let at = |value: &str| format!("/bucket01/k?versionId={value}");
        for signed in spellings {
            for sent in spellings {
                let request = placed.swap(word, &at(signed), &at(sent));
                if signed != sent {
                    scene.refuses(&request, MISMATCH.0, MISMATCH.1);
                }
            }
        }
        for (signed, sent) in [("%EF%BF%BD", "%FF"), ("%FE", "%FF"), ("%FF", "%EF%BF%BD")] {
            scene.refuses(
                &placed.swap(word, &at(signed), &at(sent)),
                MISMATCH.0,
                MISMATCH.1,
            );
        }
    });
}

#[test]
fn f10_a_parameter_that_nobody_knows_selects_nothing() {
    everywhere(|scene, placed, word| {
        // Signed, it goes on as it came, and it is no operation of its own; unsigned it goes nowhere.
        goes_through(scene, placed, get(word, "/bucket01/k?newfeature"));
        let unsigned = added(&placed.sign(get(word, "/bucket01/k")), "newfeature");
        scene.refuses(&unsigned, MISMATCH.0, MISMATCH.1);
        let both = placed.sign(get(word, "/bucket01/k?newfeature&acl&tagging"));
        scene.refuses(&both, 400, "InvalidArgument");
    });
}

#[test]
fn f11_the_query_of_version_4_is_bounded_and_well_formed() {
    let numbered = |count: usize| -> String {
        let pairs: Vec<String> = (0..count).map(|n| format!("p{n}=v")).collect();
        pairs.join("&")
    };
    everywhere(|scene, placed, word| {
        for query in ["", "&", "&&&&", "=", "=x", "acl&", "&acl", "acl&&x"] {
            let request = placed.sign(get(word, &format!("/bucket01/k?{query}")));
            if placed == Placed::Header {
                scene.refuses(&request, 400, "InvalidURI");
            }
        }
        let own = if placed == Placed::Query { 6 } else { 0 };
        goes_through(
            scene,
            placed,
            get(word, &format!("/bucket01/k?{}", numbered(100 - own))),
        );
        let more = placed.sign(get(word, &format!("/bucket01/k?{}", numbered(101 - own))));
        scene.refuses(&more, 400, "InvalidArgument");
    });
}

#[test]
fn h1_h3_version_4_signs_the_host_that_was_sent() {
    everywhere(|scene, placed, word| {
        let key = "/bucket01/k";
        for sent in [
            DOMAIN,
            "s3.example.com:80",
            "s3.example.com:8080",
            "S3.Example.COM",
            "elsewhere.test",
        ] {
            for signed in [
                DOMAIN,
                "s3.example.com:80",
                "s3.example.com:443",
                "s3.example.com:8080",
                "elsewhere.test",
            ] {
                let request = placed.sign_as(get(word, key).host(sent), |own| {
                    own.headers = own
                        .headers
                        .replace(&format!("host:{sent}\n"), &format!("host:{signed}\n"));
                });
                // Only clients of WOS sign a default port that they do not send.
                let default = [":80", ":443"]
                    .iter()
                    .any(|port| format!("{sent}{port}") == signed);
                if sent == signed || (word == Word::Wos && default) {
                    let recorded = passes(scene, &request, key);
                    assert_eq!(recorded.header("host"), Some(sent));
                } else {
                    scene.refuses(&request, MISMATCH.0, MISMATCH.1);
                }
            }
        }
    });
}

#[test]
fn h2_a_request_without_a_host_is_refused_though_its_signature_lists_one() {
    everywhere(|scene, placed, word| {
        let mut request = placed.sign(get(word, "/bucket01/k"));
        request.headers.remove(0);
        scene.refuses(&request, 400, "InvalidRequest");
    });
}

#[test]
fn h4_two_styles_of_one_resource_share_nothing_under_version_4() {
    everywhere(|scene, placed, word| {
        let path = get(word, "/bucket01/key");
        let virtual_host = get(word, "/key").virtual_host("bucket01");
        for (signed, sent) in [(&path, &virtual_host), (&virtual_host, &path)] {
            let own = placed.sign(signed.clone());
            let mut other = own.clone();
            other.headers[0] = sent.headers[0].clone();
            scene.refuses(&other, MISMATCH.0, MISMATCH.1);
            other.target = own.target.replacen(&signed.target, &sent.target, 1);
            scene.refuses(&other, MISMATCH.0, MISMATCH.1);
        }
        // The whole resource as version 2 names it is not what version 4 signs.
        let resource = placed.sign_as(virtual_host, |own| own.uri = "/bucket01/key".into());
        scene.refuses(&resource, MISMATCH.0, MISMATCH.1);
    });
}

#[test]
fn d7_inside_its_window_a_request_may_be_sent_again() {
    for forward in Forward::BOTH {
        let mut scene = scene(forward);
        for placed in Placed::BOTH {
            let request = placed.sign(Request::new(Word::Aws, "DELETE", "/bucket01/k"));
            for _ in 0..2 {
                passes(&mut scene, &request, "/bucket01/k");
            }
        }
    }
}
