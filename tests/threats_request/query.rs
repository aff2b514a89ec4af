//! F2–F8, F10, F11: the query string has one reading, and the signature covers that one.

use crate::scene::{Forward, Placement, Style, added, both, configured, usual};
use support::signer::{Request, SECRET_ACCESS_KEY, Word, now, signature};
use support::wire::Response;

/// A request for `/bucket01/k` whose signature covers one query and that is sent with another.
fn signed_for(word: Word, method: &str, signed: &str, sent: &str) -> Request {
    let target = |query: &str| match query {
        "" => "/bucket01/k".to_owned(),
        query => format!("/bucket01/k?{query}"),
    };
    let signing = Request::new(word, method, &target(signed))
        .date(&now())
        .signing();
    Request::new(word, method, &target(sent))
        .date(&signing.date)
        .signed_as(&signing)
}

fn get(signed: &str, sent: &str) -> Request {
    signed_for(Word::Aws, "GET", signed, sent)
}

fn message(response: &Response) -> String {
    let text = response.element("Message").expect("a message");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

#[test]
fn f2_f3_a_parameter_stands_once() {
    let twice = [
        ("acl", "acl&acl"),
        ("acl", "acl=&acl"),
        ("acl", "acl&prefix=a&acl="),
        ("acl", "%61cl&acl"),
        ("ACL", "acl&ACL"),
        ("tagging", "tagging&tagging"),
        ("uploads", "uploads&uploads"),
        ("versionId", "versionId=A&versionId=B"),
        ("versionId", "versionId=B&versionId=A"),
        ("versionId", "versionId=A&versionId=A"),
        ("versionID", "versionId=A&versionID=B"),
        (
            "response-content-type",
            "response-content-type=a&response-content-type=b",
        ),
        ("prefix", "prefix=a&prefix=b"),
        ("newfeature", "newfeature&newfeature"),
    ];
    for scene in both() {
        for word in Word::BOTH {
            for (name, sent) in twice {
                // The signature covers none of it, each one of the two, or both.
                let (one, other) = sent.split_once('&').expect("two parameters");
                for signed in ["", one, other, sent] {
                    for method in ["GET", "PUT"] {
                        let request = signed_for(word, method, signed, sent);
                        let refusal = scene.refuses(&request, 400, "InvalidArgument");
                        let told = format!("The query parameter '{name}' stands more than once.");
                        assert_eq!(message(&refusal), told);
                    }
                }
            }
        }
        // The credentials too: whichever of two was verified, the other one would go on.
        let presigned = Placement::Query.sign(Style::Path.request(Word::Aws, "GET", "k"));
        for name in ["AWSAccessKeyId", "Expires", "Signature"] {
            for other in [name.to_owned(), name.to_lowercase()] {
                let request = added(&presigned, &format!("{other}=1"));
                scene.refuses(&request, 400, "InvalidArgument");
            }
        }
    }
}

#[test]
fn f4_an_encoded_separator_separates_nothing() {
    for scene in both() {
        for (signed, sent, status, code) in [
            ("acl", "prefix=x%26acl", 403, "SignatureDoesNotMatch"),
            ("acl", "prefix=x%3Dacl", 403, "SignatureDoesNotMatch"),
            (
                "versionId=B",
                "x=%26versionId%3DB",
                403,
                "SignatureDoesNotMatch",
            ),
            ("", "x=%26versionId%3DB", 403, "AccessDenied"),
            ("versionId=A", "versionId%3DA", 403, "SignatureDoesNotMatch"),
            ("", "versionId%3DA", 403, "AccessDenied"),
            ("", "acl%26versionId=A", 403, "AccessDenied"),
            ("acl", "acl%26x", 403, "SignatureDoesNotMatch"),
            // The text of these two is the same; so the second is no request at all.
            (
                "acl=&versionId=B",
                "acl=%26versionId%3DB",
                400,
                "InvalidArgument",
            ),
            (
                "versionId=A&website",
                "versionId=A%26website",
                400,
                "InvalidArgument",
            ),
            (
                "versionId=A%26website",
                "versionId=A%26website",
                400,
                "InvalidArgument",
            ),
            (
                "uploadId=x&uploads",
                "uploadId=x%26uploads",
                400,
                "InvalidArgument",
            ),
        ] {
            scene.refuses(&get(signed, sent), status, code);
        }
        // An ampersand that separates nothing is data.
        for query in ["versionId=A%26B", "versionId=A%3DB", "versionId=A=B"] {
            scene.passes(&get(query, query));
        }
        scene.passes(&added(
            &Placement::Header.sign(Style::Path.request(Word::Aws, "GET", "")),
            "prefix=x%26acl",
        ));
    }
}

#[test]
fn f4_an_encoded_separator_in_a_name_separates_nothing() {
    let scene = usual(Forward::Trusted);
    for (signed, sent) in [
        ("x-wos-a&x-wos-b", "x-wos-a%26x-wos-b"),
        ("x-wos-a=1", "x-wos-a%3D1"),
        ("x-wos-a=1&x-wos-b=2", "x-wos-a%3D1%26x-wos-b=2"),
        ("x-wos-a&x-wos-b", "x-wos-a=%26x-wos-b"),
    ] {
        // What a signer writes who decodes names, and one who does not.
        let mut signing = signed_for(Word::Wos, "GET", signed, signed).signing();
        for resource in [signed, sent].map(|query| format!("/bucket01/k?{query}")) {
            signing.resource = resource;
            let request = Request::new(Word::Wos, "GET", &format!("/bucket01/k?{sent}"))
                .date(&signing.date)
                .signed_as(&signing);
            scene.refuses(&request, 400, "InvalidArgument");
        }
    }
}

#[test]
fn f5_names_are_decoded_once_and_compared_by_the_dialects_rule() {
    for scene in both() {
        // An encoded letter is that letter, for the signature and for the node.
        for (signed, sent) in [
            ("acl", "%61cl"),
            ("acl", "a%63%6C"),
            ("versionId=A", "version%49d=A"),
            ("versionId=A", "%76ersionId=%41"),
        ] {
            let request = get(signed, sent);
            match scene.forward {
                Forward::Trusted => drop(scene.passes(&request)),
                // A node that does not decode names would see another one.
                Forward::Passthrough => drop(scene.refuses(&request, 400, "InvalidArgument")),
            }
            scene.refuses(&get("", sent), 403, "SignatureDoesNotMatch");
        }
        let presigned = Placement::Query.sign(Style::Path.request(Word::Aws, "GET", "k"));
        let hidden = Request {
            target: presigned
                .target
                .replace("AWSAccessKeyId", "AWSAccessKey%49d")
                .replace("Signature", "%53ignature"),
            ..presigned
        };
        match scene.forward {
            Forward::Trusted => {
                scene.passes_as(&hidden, "/bucket01/k");
            }
            Forward::Passthrough => {
                scene.refuses(&hidden, 400, "InvalidArgument");
            }
        }
        // Under AWS words case counts: these are other names, and unknown ones.
        for name in [
            "ACL",
            "Acl",
            "%41cl",
            "%2561cl",
            "acl%00",
            "acl%20",
            "%20acl",
            "acl+",
            "acl%2B",
            "versionid=A",
            "VersionId=A",
            "uploadID=A",
            "UPLOADS",
            "Prefix=a",
            "List-Type=2",
        ] {
            scene.refuses(&get("", name), 403, "AccessDenied");
            let signed = name.to_lowercase().replace("%41", "a");
            if ["acl", "uploads"].contains(&signed.as_str()) {
                scene.refuses(&get(&signed, name), 403, "SignatureDoesNotMatch");
            }
        }
        // Marks of another way to sign are seen in any case.
        for name in [
            "x-amz-signature=a",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "signature=a",
            "%53ignature=a",
        ] {
            scene.refuses(&get("", name), 400, "InvalidArgument");
        }
        for name in ["%ff", "acl%C0%80", "%C1%A1cl", "%", "%6", "acl%zz", "acl=%"] {
            scene.refuses(&get("", name), 400, "InvalidURI");
        }
    }
}

#[test]
fn f5_a_spelling_that_the_nodes_do_not_know_is_refused() {
    let get = |signed, sent| signed_for(Word::Wos, "GET", signed, sent);
    for scene in both() {
        for (name, known) in [
            ("ACL", "acl"),
            ("versionid", "versionId"),
            ("TAGGING", "tagging"),
        ] {
            let refusal = scene.refuses(&get(name, name), 400, "InvalidArgument");
            let told = format!("The parameter '{name}' must be spelled '{known}'.");
            assert_eq!(message(&refusal), told);
            scene.refuses(&get("", name), 403, "SignatureDoesNotMatch");
            scene.refuses(&get(known, name), 403, "SignatureDoesNotMatch");
            scene.refuses(&get(name, known), 403, "SignatureDoesNotMatch");
        }
        scene.refuses(&get("", "ENCRYPTION"), 403, "AccessDenied");
    }
    for forward in Forward::BOTH {
        let scene = configured(forward, |config| {
            let section = config
                .text()
                .split("[[cluster]]")
                .nth(1)
                .map(|rest| format!("[[cluster]]{}", rest.replace("\"aws\"", "\"wos\"")));
            config.section(
                "cluster",
                &section.expect("the cluster is the last section"),
            )
        });
        for name in ["ACL", "versionid", "TAGGING"] {
            scene.passes(&get(name, name));
            scene.refuses(&get("", name), 403, "SignatureDoesNotMatch");
        }
    }
}

#[test]
fn f6_an_empty_value_and_none_are_one_meaning() {
    for scene in both() {
        for word in Word::BOTH {
            for name in ["acl", "uploads", "versionId"] {
                let method = if name == "uploads" { "POST" } else { "GET" };
                let empty = format!("{name}=");
                let resource = |query: &str| format!("/bucket01/k?{query}");
                let ask = |signed: &str, sent: &str, holds: bool| {
                    let mut signing = signed_for(word, method, sent, sent).signing();
                    signing.resource = resource(signed);
                    let request = Request::new(word, method, &resource(sent))
                        .date(&signing.date)
                        .signed_as(&signing);
                    let target = match scene.forward {
                        Forward::Trusted => resource(signed),
                        Forward::Passthrough => request.target.clone(),
                    };
                    if holds {
                        scene.passes_as(&request, &target);
                    } else {
                        scene.refuses(&request, 403, "SignatureDoesNotMatch");
                    }
                };
                ask(name, name, true);
                ask(&empty, &empty, true);
                // Go clients send `?uploads=` and sign `uploads`; nobody does the opposite.
                ask(name, &empty, true);
                ask(&empty, name, false);
                ask(name, &format!("{name}=x"), false);
                ask(&format!("{name}=x"), &empty, false);
            }
        }
    }
}

#[test]
fn f7_a_semicolon_is_data() {
    for scene in both() {
        let list = Placement::Header.sign(Style::Path.request(Word::Aws, "GET", ""));
        for query in ["prefix=1;acl", "prefix=1;acl=2;versionId=3", "prefix=;"] {
            scene.passes(&added(&list, query));
        }
        scene.passes(&get("versionId=1;acl", "versionId=1;acl"));
        for (signed, sent) in [
            ("acl", "versionId=1;acl"),
            ("versionId=1", "versionId=1;acl"),
            ("versionId=1&acl", "versionId=1;acl"),
        ] {
            scene.refuses(&get(signed, sent), 403, "SignatureDoesNotMatch");
        }
        for name in ["a=1;acl", "acl;x", ";acl", "acl;", ";"] {
            scene.refuses(&get("", name), 403, "AccessDenied");
        }
    }
}

#[test]
fn f8_l2_m4_a_plus_is_a_blank_and_never_an_escaped_plus_and_a_byte_is_that_byte() {
    let name = "response-content-disposition";
    let spellings = ["a+b", "a%20b", "a%2Bb", "a%252Bb"];
    for scene in both() {
        for signed in spellings {
            for sent in spellings {
                let request = get(&format!("{name}={signed}"), &format!("{name}={sent}"));
                let blank = |text: &str| text == "a+b" || text == "a%20b";
                if signed == sent || (blank(signed) && blank(sent)) {
                    scene.passes(&request);
                } else {
                    scene.refuses(&request, 403, "SignatureDoesNotMatch");
                }
            }
        }
        // U+FFFD is no stand-in for what is not UTF-8, nor for itself.
        let values: [(&str, &[u8]); 4] = [
            ("%FF", b"\xff"),
            ("%FE", b"\xfe"),
            ("%EF%BF%BD", "\u{fffd}".as_bytes()),
            ("%C3%28", b"\xc3("),
        ];
        for (signed, bytes) in values {
            for (sent, _) in values {
                let target = format!("/bucket01/k?versionId={sent}");
                let request = Request::new(Word::Aws, "GET", &target).date(&now());
                let head = format!(
                    "GET\n\n\n{}\n/bucket01/k?versionId=",
                    request.signing().date
                );
                let signature = signature(SECRET_ACCESS_KEY, [head.as_bytes(), bytes].concat());
                let value = format!("AWS {}:{signature}", request.access_key_id);
                let request = request.header("Authorization", &value);
                if signed == sent {
                    scene.passes(&request);
                } else {
                    scene.refuses(&request, 403, "SignatureDoesNotMatch");
                }
            }
        }
    }
}

#[test]
fn f10_an_unknown_parameter_is_refused() {
    for scene in both() {
        for word in Word::BOTH {
            for placement in Placement::BOTH {
                for style in Style::BOTH {
                    for (method, rest) in [("GET", ""), ("GET", "k"), ("PUT", "k"), ("HEAD", "k")] {
                        for name in ["newfeature", "newfeature=1", "n%65wfeature"] {
                            let request = style.request(word, method, rest);
                            let plain = placement.sign(request.clone());
                            scene.refuses(&added(&plain, name), 403, "AccessDenied");
                            // A signer does not know it either, so its signature is the same.
                            let signed = placement.sign(added(&request, name));
                            scene.refuses(&signed, 403, "AccessDenied");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn f11_the_query_string_is_bounded_and_well_formed() {
    let numbered = |count: usize| -> String {
        let pairs: Vec<String> = (0..count).map(|n| format!("p{n}=v")).collect();
        pairs.join("&")
    };
    let filled = |length: usize| format!("prefix={}", "x".repeat(length));
    for scene in both() {
        for query in ["=", "=x", "acl&=", "&=", "=&acl"] {
            let mut request = get("", "");
            request.target += &format!("?{query}");
            let refusal = scene.refuses(&request, 400, "InvalidURI");
            let told = "The query string is malformed: a parameter has no name.";
            assert_eq!(message(&refusal), told);
        }
        for query in ["?acl", "acl?x", "acl?", "?"] {
            scene.refuses(&get("", query), 403, "AccessDenied");
        }
        scene.refuses(&get("", &numbered(100)), 403, "AccessDenied");
        scene.refuses(&get("", &numbered(101)), 400, "InvalidArgument");
        for query in [numbered(10_000), filled(1 << 20), "&".repeat(20_000)] {
            let code = "RequestHeaderSectionTooLarge";
            scene.refuses(&get("", &query), 400, code);
        }
        // The longest line is 16 KiB: what fits goes on, one byte more does not.
        let list = Placement::Header.sign(Style::Path.request(Word::Aws, "GET", ""));
        let line = "GET /bucket01/?prefix= HTTP/1.1".len();
        let most = filled(16 * 1024 - line);
        scene.passes(&added(&list, &most));
        let more = added(&list, &(most + "x"));
        scene.refuses(&more, 400, "RequestHeaderSectionTooLarge");
    }
}
