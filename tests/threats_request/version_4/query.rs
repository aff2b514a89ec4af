//! F1–F11: the query that version 4 signs.

use super::{MISMATCH, Placed, everywhere, get, goes_through, passes};
use crate::scene::{Forward, added};
use support::signer::Request;

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
        // The same request to whoever decodes, and forwarded as it was signed.
        for (signed, sent) in [
            ("acl", "%61cl"),
            ("versionId=A", "version%49d=A"),
            ("versionId=A", "versionId=%41"),
        ] {
            let sent = format!("/bucket01/k?{sent}");
            let request = placed.swap(word, &format!("/bucket01/k?{signed}"), &sent);
            let escaped_name = !sent.ends_with("=%41");
            if scene.forward == Forward::Passthrough && escaped_name {
                // A node that does not decode names would see another one.
                scene.refuses(&request, 400, "InvalidArgument");
            } else {
                passes(scene, &request, &sent);
            }
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
            let request = placed.swap(word, &format!("/bucket01/k?{signed}"), &sent);
            passes(scene, &request, &sent);
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
fn f8_m4_a_plus_is_a_blank_where_one_was_signed_and_never_an_escaped_plus() {
    let spellings = ["a+b", "a%20b", "a%252Bb"];
    everywhere(|scene, placed, word| {
        let at = |value: &str| format!("/bucket01/k?versionId={value}");
        for signed in spellings {
            for sent in spellings {
                let request = placed.swap(word, &at(signed), &at(sent));
                if (signed, sent) == ("a%20b", "a+b") {
                    passes(scene, &request, &at("a%20b"));
                } else if signed != sent || sent == "a+b" {
                    // The signer writes `%2B` for the `+` that it is to sign.
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
        for query in ["=", "=x", "acl&=", "&=", "=&acl"] {
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
