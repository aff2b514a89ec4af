//! G1–G3, G5–G7: the header fields that are verified are the ones that the node reads.

use crate::scene::{Forward, Placement, Style, both, raw_values, with_raw};
use support::signer::{Request, SECRET_ACCESS_KEY, Word, now, signature};

const VIEWS: [(Placement, Style); 4] = [
    (Placement::Header, Style::Path),
    (Placement::Header, Style::VirtualHost),
    (Placement::Query, Style::Path),
    (Placement::Query, Style::VirtualHost),
];

fn put(word: Word) -> Request {
    Style::Path
        .request(word, "PUT", "k")
        .date(&now())
        .body("body")
}

/// A PUT whose signature covers some header fields and that is sent with others.
fn signed_for(word: Word, signed: &[(&str, &str)], sent: &[(&str, &str)]) -> Request {
    let with = |fields: &[(&str, &str)]| {
        fields.iter().fold(put(word), |request, (name, value)| {
            request.header(name, value)
        })
    };
    let signing = with(signed).signing();
    let mut request = with(sent);
    request.headers[1].1.clone_from(&signing.date);
    request.signed_as(&signing)
}

/// The signature over a text that no `String` can hold.
fn signed_over(request: Request, text: &[u8]) -> Request {
    let signature = signature(SECRET_ACCESS_KEY, text);
    let value = format!(
        "{} {}:{signature}",
        request.word.scheme(),
        request.access_key_id
    );
    request.header("Authorization", &value)
}

#[test]
fn g1_metadata_may_repeat_and_is_signed_joined() {
    for scene in both() {
        for word in Word::BOTH {
            let name = format!("{}meta-a", word.header_prefix());
            let upper = name.to_uppercase();
            let two = [(name.as_str(), "1"), (&upper, "2")];
            let joined = [(name.as_str(), "1,2")];
            for fields in [&two[..], &joined] {
                scene.passes(&signed_for(word, &two, fields));
            }
            for signed in [
                &[][..],
                &[(name.as_str(), "1")],
                &[(&name, "2")],
                &[(&name, "2"), (&name, "1")],
                &[(&name, "2,1")],
                &[(&name, "1, 2")],
            ] {
                let request = signed_for(word, signed, &two);
                scene.refuses(&request, 403, "SignatureDoesNotMatch");
            }
        }
    }
}

#[test]
fn g1_every_other_field_of_meaning_stands_once() {
    for scene in both() {
        for word in Word::BOTH {
            let prefix = word.header_prefix();
            let mut names: Vec<String> = [
                "acl",
                "content-sha256",
                "copy-source",
                "copy-source-if-match",
                "metadata-directive",
                "server-side-encryption",
                "storage-class",
                "tagging",
                "zzz",
            ]
            .map(|rest| format!("{prefix}{rest}"))
            .into();
            names.extend(
                [
                    "Content-Encoding",
                    "Content-MD5",
                    "Content-Type",
                    "Date",
                    "If-Modified-Since",
                    "If-Unmodified-Since",
                    "Range",
                ]
                .map(String::from),
            );
            for name in &names {
                for values in [["a", "b"], ["a", "a"], ["", "a"]] {
                    let [one, other] = values.map(|value| (name.as_str(), value));
                    for signed in [&[][..], &[one], &[other], &[one, other]] {
                        // Its first Date is there already.
                        let sent = if name == "Date" {
                            &[other][..]
                        } else {
                            &[one, other]
                        };
                        let request = signed_for(word, signed, sent);
                        let refusal = scene.refuses(&request, 400, "InvalidArgument");
                        let told = format!("The header '{}' stands more", name.to_lowercase());
                        let text = refusal.text().replace("&apos;", "'");
                        assert!(text.contains(&told), "{text}");
                    }
                }
            }
            for (name, value, status, code) in [
                ("Content-Length", "4", 400, "InvalidRequest"),
                ("Content-Length", "5", 400, "InvalidRequest"),
                ("Transfer-Encoding", "chunked", 501, "NotImplemented"),
            ] {
                let twice = [(name, "4"), (name, value)];
                scene.refuses(&signed_for(word, &[], &twice), status, code);
            }
        }
    }
}

#[test]
fn g2_blanks_around_a_value_go_and_all_others_stay() {
    let values = [
        "",
        " ",
        "plain",
        "  before",
        "after  ",
        "\tboth\t",
        "two  spaces",
        "a\tb",
        "a , b",
        "\"quoted  text\"",
        "caf\u{e9}",
        "a\u{a0}b",
        "Upper And lower",
    ];
    for scene in both() {
        for word in Word::BOTH {
            let name = format!("{}meta-a", word.header_prefix());
            for value in values {
                let sent = [(name.as_str(), value), ("Content-Type", value)];
                let plain = value.trim_matches([' ', '\t']);
                let signed = [(name.as_str(), plain), ("Content-Type", plain)];
                scene.passes(&signed_for(word, &signed, &sent));
                // Runs of blanks are not one blank, case stays, and nothing becomes something.
                for other in [
                    value.split_whitespace().collect::<Vec<_>>().join(" "),
                    value.to_lowercase(),
                    format!("{plain}x"),
                    plain.replace('\u{e9}', "e"),
                ] {
                    if other.trim() != plain {
                        let signed = [(name.as_str(), other.as_str()), ("Content-Type", plain)];
                        let request = signed_for(word, &signed, &sent);
                        scene.refuses(&request, 403, "SignatureDoesNotMatch");
                    }
                }
            }
        }
        // Folded lines and blanks before the colon have two readings.
        let request = signed_for(
            Word::Aws,
            &[("x-amz-meta-a", "one two")],
            &[("x-amz-meta-a", "one STAND-IN")],
        );
        for raw in [
            "\r\n two",
            "\r\n\ttwo",
            "\n two",
            "\r two",
            "\0two",
            "\x0btwo",
            "\x7f",
        ] {
            let bytes = with_raw(&request, "STAND-IN", raw.as_bytes());
            scene.refuses(&bytes, 400, "InvalidRequest");
        }
        for field in [
            "x-amz-acl : private",
            "x-amz-acl\t: private",
            "x-amz-acl",
            ": private",
        ] {
            let request = signed_for(Word::Aws, &[], &[("STAND", "IN")]);
            let bytes = with_raw(&request, "STAND: IN", field.as_bytes());
            scene.refuses(&bytes, 400, "InvalidRequest");
        }
    }
}

#[test]
fn g3_a_value_that_is_not_utf8_is_signed_like_any_other() {
    for scene in both() {
        for (placement, style) in VIEWS {
            let request = placement.sign(style.request(Word::Aws, "PUT", "k"));
            for name in [
                "x-amz-meta-x",
                "x-amz-copy-source",
                "content-type",
                "content-md5",
            ] {
                for raw in [&b"\xff"[..], b"a\xa0b", b"\xc3\x28"] {
                    let added = request.clone().header(name, "STAND-IN");
                    let bytes = with_raw(&added, "STAND-IN", raw);
                    scene.refuses(&bytes, 403, "SignatureDoesNotMatch");
                }
            }
        }
        // Signed as the bytes they are, they are bytes like any others, NBSP at an end too.
        for raw in [&b"\xff"[..], b"a\xa0b", b"\xa0a\xa0"] {
            let request = Style::Path
                .request(Word::Aws, "GET", "k")
                .date(&now())
                .header("x-amz-meta-x", "STAND-IN");
            let text = request.signing().string_to_sign();
            let (before, after) = text.split_once("STAND-IN").expect("the stand-in");
            let text = [before.as_bytes(), raw, after.as_bytes()].concat();
            let bytes = with_raw(&signed_over(request, &text), "STAND-IN", raw);
            let recorded = scene.passes_as(&bytes, "/bucket01/k");
            assert_eq!(raw_values(&recorded.head, "x-amz-meta-x"), [raw]);
        }
        // Where text is needed, there is none.
        for (name, status, code) in [
            ("Date", 403, "AccessDenied"),
            ("x-amz-date", 403, "AccessDenied"),
            ("Authorization", 400, "InvalidArgument"),
        ] {
            let request = Style::Path.request(Word::Aws, "GET", "k");
            let request = match name {
                "Authorization" => request.date(&now()),
                _ => request.header("Authorization", "AWS AKIAIOSFODNN7EXAMPLE:c2lnbmF0dXJl"),
            };
            let bytes = with_raw(&request.header(name, "STAND-IN"), "STAND-IN", b"\xff");
            scene.refuses(&bytes, status, code);
        }
    }
}

#[test]
fn g5_an_underscore_is_no_hyphen_and_odd_names_end_here() {
    let dropped = [
        "x_amz_acl",
        "X_AMZ_COPY_SOURCE",
        "x-amz_acl",
        "x_amz-acl",
        "x_wos_acl",
        "content_md5",
        "content_type",
        "if_none_match",
        "transfer_encoding",
        "x_countersign_principal",
        "x-countersign-principal",
        "x-countersign-access-key-id",
        "x_forwarded_for",
        "x.amz.acl",
        "x-amz",
        "x-amzacl",
        "amz-acl",
        "-x-amz-acl",
        "'x-amz-acl",
        "!#$%&'*+.^`|~",
    ];
    for scene in both() {
        let principal = match scene.forward {
            Forward::Trusted => vec![b"alice".to_vec()],
            Forward::Passthrough => Vec::new(),
        };
        for (placement, style) in VIEWS {
            let mut request = placement.sign(style.request(Word::Aws, "PUT", "k"));
            for name in dropped {
                request = request.header(name, "public-read");
            }
            let recorded = scene.passes_without(&request, &dropped);
            let values = raw_values(&recorded.head, "x-countersign-principal");
            assert_eq!(values, principal);
            let text = String::from_utf8_lossy(&recorded.head.raw).into_owned();
            assert!(!text.contains("public-read"), "{text}");
        }
        // Behind the prefix an underscore is a part of a name that is signed.
        for name in ["x-amz-meta-a_b", "x-amz-server_side-encryption"] {
            scene.passes(&signed_for(Word::Aws, &[(name, "v")], &[(name, "v")]));
            let other = name.replace('_', "-");
            for signed in [&[][..], &[(other.as_str(), "v")]] {
                let request = signed_for(Word::Aws, signed, &[(name, "v")]);
                scene.refuses(&request, 403, "SignatureDoesNotMatch");
            }
        }
        // What nobody signs, since it is in another vendor's words.
        for (word, name) in [(Word::Aws, "x-wos-acl"), (Word::Wos, "x-amz-acl")] {
            let request = signed_for(word, &[], &[(name, "public-read")]);
            let refusal = scene.refuses(&request, 403, "AccessDenied");
            assert_eq!(refusal.element("HeadersNotSigned").as_deref(), Some(name));
        }
    }
}

#[test]
fn g5_a_header_has_100_fields_and_64_kib_at_most() {
    let filled = |count: usize, length: usize| {
        let value = "x".repeat(length);
        // Host, Date, Content-Length and Authorization are there already.
        let names: Vec<String> = (0..count - 4)
            .map(|n| format!("x-amz-meta-{n:03}"))
            .collect();
        let fields: Vec<(&str, &str)> = names
            .iter()
            .map(|name| (name.as_str(), value.as_str()))
            .collect();
        signed_for(Word::Aws, &fields, &fields)
    };
    for scene in both() {
        scene.passes(&filled(100, 1));
        scene.passes(&filled(7, 16 * 1024 - "x-amz-meta-000: ".len()));
        for (request, message) in [
            (
                filled(101, 1),
                "The request header has more than 100 fields.",
            ),
            (
                filled(257, 1),
                "The request header has more than 100 fields.",
            ),
            (
                filled(5, 16 * 1024 + 1 - "x-amz-meta-000: ".len()),
                "A line of the request header is longer than 16384 bytes.",
            ),
            (
                filled(9, 15_000),
                "The request header is larger than 65536 bytes.",
            ),
            (
                filled(100, 2_000),
                "The request header is larger than 65536 bytes.",
            ),
        ] {
            let refusal = scene.refuses(&request, 400, "RequestHeaderSectionTooLarge");
            assert_eq!(refusal.element("Message").as_deref(), Some(message));
        }
    }
}

#[test]
fn g6_the_one_expectation_is_100_continue() {
    for scene in both() {
        for value in ["100-continue", "100-Continue", " 100-CONTINUE "] {
            let request = signed_for(Word::Aws, &[], &[("Expect", value)]);
            let bytes = request.bytes();
            let (head, body) = bytes.split_at(bytes.len() - 4);
            let recorded = scene.passes_in_two(head, body, "/bucket01/k");
            assert_eq!(
                raw_values(&recorded.head, "expect"),
                [value.trim().as_bytes()]
            );
        }
        for (values, status, code) in [
            (&["foo"][..], 417, "ExpectationFailed"),
            (&["foo", ""], 417, "ExpectationFailed"),
            (&["100-continue;a"], 417, "ExpectationFailed"),
            (&["100-continue, foo"], 417, "ExpectationFailed"),
            (&["100-continue", "foo"], 417, "ExpectationFailed"),
            (&["foo", "100-continue"], 417, "ExpectationFailed"),
            (&["100-continue", "100-continue"], 400, "InvalidArgument"),
        ] {
            let fields: Vec<(&str, &str)> = values.iter().map(|value| ("Expect", *value)).collect();
            let bytes = signed_for(Word::Aws, &[], &fields).bytes();
            // The client waits for leave, and gets the refusal first.
            let head = &bytes[..bytes.len() - 4];
            scene.refuses(head, status, code);
        }
        // A refusal comes before any 100, so that the body is never sent.
        let fields = [("Expect", "100-continue"), ("x-amz-acl", "private")];
        let bytes = signed_for(Word::Aws, &[], &fields).bytes();
        scene.refuses(&bytes[..bytes.len() - 4], 403, "SignatureDoesNotMatch");
    }
}

#[test]
fn g7_connection_names_nothing_that_was_signed() {
    let signed = [
        ("Content-MD5", "hBotaJrYa9FhFEdFPCLG/A=="),
        ("Content-Type", "text/plain"),
        ("If-None-Match", "*"),
        ("x-amz-acl", "private"),
        ("x-amz-copy-source-if-match", "\"e\""),
        ("x-amz-server-side-encryption", "AES256"),
    ];
    for scene in both() {
        for option in [
            "if-none-match",
            "If-None-Match",
            "x-amz-acl",
            "x-amz-copy-source-if-match",
            "x-amz-server-side-encryption",
            "content-md5",
            "content-type",
            "content-length",
            "authorization",
            "date",
            "host",
            "x-countersign-principal",
            "X-Forwarded-For",
            "close, x-amz-acl",
            "keep-alive,x-amz-acl,te",
            "keep-alive\t,\tx-amz-acl",
            "close x-amz-acl",
            "close;x-amz-acl",
            "x-amz-acl, close",
        ] {
            let fields = [&signed[..], &[("Connection", option)]].concat();
            let request = signed_for(Word::Aws, &fields, &fields);
            scene.refuses(&request, 400, "InvalidRequest");
            // On two lines, too.
            let fields = [&[("Connection", "keep-alive")], &fields[..]].concat();
            let request = signed_for(Word::Aws, &fields, &fields);
            scene.refuses(&request, 400, "InvalidRequest");
        }
        // The words of HTTP itself take nothing away, and do not go on.
        for fields in [
            &[("Connection", "close")][..],
            &[("Connection", "keep-alive"), ("Keep-Alive", "timeout=5")],
            &[("Connection", "Keep-Alive, TE"), ("TE", "trailers")],
            &[("Connection", "Upgrade"), ("Upgrade", "h2c")],
            &[("Connection", "upgrade"), ("Upgrade", "websocket")],
            &[("Connection", "x-unknown"), ("x-unknown", "x")],
            &[("Connection", "")],
            &[("Connection", ", ,")],
            &[("Proxy-Connection", "x-amz-acl")],
            &[("Proxy-Authorization", "Basic eA==")],
            &[("Trailer", "x-amz-acl")],
        ] {
            let all = [&signed[..], fields].concat();
            let request = signed_for(Word::Aws, &all, &all);
            let dropped: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
            scene.passes_without(&request, &dropped);
        }
    }
}
