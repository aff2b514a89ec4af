//! A2, A5, A8, G8: nothing that the client has not signed is signed for it, and nothing of its credentials goes on.

use crate::scene::{Addressing, BUCKET, Resigning, SignWith};
use support::signer::{DOMAIN, Request, Word, now, unix_time};

/// Headers that change what a PUT does.
const STEERING: [&str; 17] = [
    "copy-source",
    "copy-source-range",
    "acl",
    "grant-read",
    "meta-x",
    "tagging",
    "storage-class",
    "website-redirect-location",
    "server-side-encryption",
    "server-side-encryption-customer-key",
    "object-lock-mode",
    "bypass-governance-retention",
    "metadata-directive",
    "request-payer",
    "expected-bucket-owner",
    "mfa",
    "zzz",
];

/// Of `body`, in digits that the gateway itself does not write.
const HASH_OF_BODY: &str = "230D8358DC8E8890B4C58DEEB62912EE2F20357AE92A5CC861B98E68FE31ACB5";

fn put(word: Word) -> Request {
    Request::new(word, "PUT", &format!("/{BUCKET}/k")).body("body")
}

/// With a header of the vendor's; a copy has no body.
fn steered(word: Word, name: &str) -> Request {
    let field = format!("{}{name}", word.header_prefix());
    let request = put(word).header(&field, "/bucket02/secret");
    Request {
        body: request.body.clone().filter(|_| name != "copy-source"),
        ..request
    }
}

#[test]
fn a2_no_header_is_signed_that_the_client_has_not_signed() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        for word in Word::BOTH {
            for name in STEERING {
                for prefix in ["x-amz-", "x-wos-", "X-AMZ-", "X-Wos-"] {
                    let own = prefix.eq_ignore_ascii_case(word.header_prefix());
                    let code = if own {
                        "SignatureDoesNotMatch"
                    } else {
                        "AccessDenied"
                    };
                    let field = format!("{prefix}{name}");
                    let value = "/bucket02/secret";
                    let in_header = put(word).date(&now()).signed().header(&field, value);
                    scene.refuses(&in_header, 403, code);
                    let in_query = put(word).presigned(unix_time(600)).header(&field, value);
                    scene.refuses(&in_query, 403, code);
                }
                // With the client's signature over it, the node gets it in its own words, and signed.
                let signed = steered(word, name).date(&now()).signed();
                let (recorded, read) = scene.passes(&signed);
                let field = format!("{}{name}", sign_with.word.header_prefix());
                assert_eq!(recorded.header(&field), Some("/bucket02/secret"));
                assert!(read.signed_headers.contains(&field), "{field}");
            }
        }
        // What no version-2 signature covers may go on, and gets no signature either.
        let unsigned = put(Word::Aws)
            .date(&now())
            .signed()
            .header("If-None-Match", "*")
            .header("Cache-Control", "no-store");
        let (recorded, read) = scene.passes(&unsigned);
        for name in ["if-none-match", "cache-control"] {
            assert!(recorded.header(name).is_some(), "{name}");
            assert!(!read.signed_headers.contains(&name.to_owned()), "{name}");
        }
    }
}

#[test]
fn a5_no_session_token_and_no_credentials_go_on() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        for word in Word::BOTH {
            let field = format!("{}security-token", word.header_prefix());
            let signed = put(word).header(&field, "junk").date(&now()).signed();
            scene.refuses(&signed, 400, "InvalidToken");
            let unsigned = put(word).date(&now()).signed().header(&field, "junk");
            scene.refuses(&unsigned, 400, "InvalidToken");
            // The client's own date and payload hash are parts of its signature, too.
            let prefix = word.header_prefix();
            let dated = put(word)
                .header(&format!("{prefix}date"), &now())
                .header("Date", "nonsense")
                .header(&format!("{prefix}content-sha256"), HASH_OF_BODY)
                .signed();
            let (recorded, _) = scene.passes(&dated);
            let text = String::from_utf8_lossy(&recorded.head.raw).into_owned();
            assert!(
                !text.contains("nonsense") && !text.contains(HASH_OF_BODY),
                "{text}"
            );
            for signed in [
                put(word).date(&now()).signed(),
                put(word).presigned(unix_time(600)),
            ] {
                let (recorded, _) = scene.passes(&signed);
                let text = String::from_utf8_lossy(&recorded.head.raw).into_owned();
                assert!(!text.contains(&signed.access_key_id), "{text}");
                let given = signed.signing().signature(&signed.secret_access_key);
                assert!(!text.contains(&given), "{text}");
                assert!(!text.contains("Expires"), "{text}");
            }
        }
    }
}

#[test]
fn a8_fields_that_steer_a_node_do_not_go_on() {
    let scene = Resigning::new(SignWith::AWS_V4, Addressing::AsReceived);
    let names = [
        "X-SeaweedFS-Principal",
        "X-Minio-Replication-Ssec",
        "X-Copy-From",
        "X-Symlink-Target",
        "X-Object-Manifest",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Envoy-Original-Path",
        "X-Original-Url",
        "X-Rewrite-Url",
        "x-countersign-principal",
        "x-countersign-access-key-id",
        "X_Amz_Acl",
        "x-amz_acl",
        "Cookie",
        "Forwarded",
    ];
    let mut request = put(Word::Aws)
        .header("X-Forwarded-For", "10.9.8.7")
        .header("x-countersign-request-id", "forged");
    for name in names {
        request = request.header(name, "forged");
    }
    let (recorded, _) = scene.passes(&request.date(&now()).signed());
    for name in names {
        assert_eq!(recorded.header(name), None, "{name}");
    }
    assert_eq!(recorded.head.all("x-forwarded-for"), ["127.0.0.1"]);
    let ids = recorded.head.all("x-countersign-request-id");
    assert!(ids.len() == 1 && ids[0] != "forged", "{ids:?}");
}

#[test]
fn g8_fields_of_one_connection_do_not_go_on_and_break_nothing() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let request = put(Word::Aws)
            .header("TE", "trailers")
            .header("Trailer", "x-amz-acl")
            .header("Keep-Alive", "timeout=5")
            .header("Proxy-Authorization", "Basic eA==");
        let (recorded, _) = scene.passes(&request.date(&now()).signed());
        for name in [
            "te",
            "trailer",
            "keep-alive",
            "proxy-authorization",
            "connection",
        ] {
            assert_eq!(recorded.header(name), None, "{name}");
        }
    }
}

#[test]
fn metadata_on_several_lines_goes_on_joined() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let request = put(Word::Aws)
            .header("x-amz-meta-a", "1")
            .header("X-Amz-Meta-A", "2")
            .header("x-amz-meta-b", "caf\u{e9}");
        let (recorded, _) = scene.passes(&request.date(&now()).signed());
        let prefix = sign_with.word.header_prefix();
        assert_eq!(recorded.head.all(&format!("{prefix}meta-a")), ["1,2"]);
        assert_eq!(
            recorded.header(&format!("{prefix}meta-b")),
            Some("caf\u{e9}")
        );
    }
}

/// A parameter with the prefix of another vendor than the nodes' would be lost on them.
#[test]
fn a_vendors_parameter_reaches_that_vendors_nodes_alone() {
    let request = || Request::new(Word::Wos, "GET", &format!("/{BUCKET}/k?x-wos-process=a/b"));
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        for signed in [
            request().date(&now()).signed(),
            request().presigned(unix_time(600)),
        ] {
            if sign_with.word == Word::Wos {
                let (recorded, _) = scene.passes(&signed);
                assert_eq!(recorded.target(), "/bucket01/k?x-wos-process=a%2Fb");
            } else {
                scene.refuses(&signed, 501, "NotImplemented");
            }
        }
        // One that repeats a signed header, as botocore's presigned URLs do, goes on as that header.
        let mirrored = Request::new(Word::Aws, "PUT", &format!("/{BUCKET}/k?x-amz-acl=private"))
            .header("x-amz-acl", "private")
            .presigned(unix_time(600));
        let field = format!("{}acl", sign_with.word.header_prefix());
        // M2, M3: so does one that stands in the query alone, in either version.
        let mut hoisted = mirrored.clone();
        hoisted.headers.retain(|(name, _)| name != "x-amz-acl");
        let put = Request::new(Word::Aws, "PUT", &format!("/{BUCKET}/k?x-amz-acl=private"));
        for signed in [mirrored, hoisted, put.presigned_v4(600)] {
            let (recorded, _) = scene.passes(&signed);
            assert_eq!(recorded.header(&field), Some("private"));
            assert_eq!(recorded.target(), format!("/{BUCKET}/k"));
        }
    }
}

/// The absolute form names the same target.
#[test]
fn the_absolute_form_is_signed_as_the_origin_form() {
    let scene = Resigning::new(SignWith::AWS_V4, Addressing::AsReceived);
    let mut request = Request::new(Word::Aws, "GET", "/bucket01/k?acl")
        .date(&now())
        .signed();
    request.target = format!("http://{DOMAIN}{}", request.target);
    let (recorded, _) = scene.passes(&request);
    assert_eq!(recorded.target(), "/bucket01/k?acl");
}

/// A2 for version 4, whose signature says itself what it covers.
#[test]
fn a2_version_4_leaves_no_vendors_header_unsigned() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        for word in Word::BOTH {
            for name in STEERING {
                for prefix in ["x-amz-", "X-Wos-"] {
                    let field = format!("{prefix}{name}");
                    for signed in [put(word).signed_v4(), put(word).presigned_v4(600)] {
                        let smuggled = signed.header(&field, "/bucket02/secret");
                        scene.refuses(&smuggled, 403, "AccessDenied");
                    }
                }
                let signed = steered(word, name);
                for signed in [signed.clone().signed_v4(), signed.presigned_v4(600)] {
                    let (recorded, read) = scene.passes(&signed);
                    let field = format!("{}{name}", sign_with.word.header_prefix());
                    assert_eq!(recorded.header(&field), Some("/bucket02/secret"));
                    assert!(read.signed_headers.contains(&field), "{field}");
                }
            }
        }
    }
}

/// A type that the client has not signed goes on without the gateway's signature, where the version leaves that open.
#[test]
fn a2_what_says_what_the_body_is_is_signed_only_where_it_was_signed() {
    let md5 = "hBotaJrYa9FhFEdFPCLG/A==";
    for sign_with in [SignWith::AWS_V4, SignWith::ALL[2]] {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        for (name, value) in [("content-type", "text/html"), ("content-md5", md5)] {
            let signed = put(Word::Aws).header(name, value).signed_v4();
            let (_, read) = scene.passes(&signed);
            assert!(read.signed_headers.contains(&name.to_owned()), "{name}");
            for unsigned in [put(Word::Aws).signed_v4(), put(Word::Aws).presigned_v4(600)] {
                let (recorded, read) = scene.passes(&unsigned.header(name, value));
                assert_eq!(recorded.header(name), Some(value));
                assert!(!read.signed_headers.contains(&name.to_owned()), "{name}");
            }
            // Version 2 always covers both.
            let (_, read) = scene.passes(&put(Word::Aws).header(name, value).date(&now()).signed());
            assert!(read.signed_headers.contains(&name.to_owned()), "{name}");
        }
    }
}

/// A5: a token that belongs to the client's key is checked, and stays with the gateway in every mode but passthrough.
#[test]
fn a5_a_valid_session_token_does_not_go_on_either() {
    use support::gateway::{Config, Gateway};
    use support::rec::{Answer, Rec};
    let trusted = |node: &str| Config::new(node).text_of("cluster").to_owned();
    for sign_with in [None, Some(SignWith::AWS_V4), Some(SignWith::ALL[3])] {
        let rec = Rec::start(Answer::Ok);
        let cluster = match sign_with {
            Some(sign_with) => sign_with.cluster(rec.address(), ""),
            None => trusted(rec.address()),
        };
        let config = crate::scene::both_versions(Config::new(rec.address()))
            .line("credentials", "session_token = \"THE/TOKEN+1\"")
            .section("cluster", &cluster);
        let gateway = Gateway::start(&config);
        for word in Word::BOTH {
            let field = format!("{}security-token", word.header_prefix());
            let with_token = put(word).header(&field, "THE/TOKEN+1");
            let mut in_query = put(word);
            let name = match word {
                Word::Aws => "X-Amz-Security-Token",
                Word::Wos => "X-Wos-Security-Token",
            };
            in_query.target += &format!("?{name}=THE%2FTOKEN%2B1");
            // M2: in version 2 a token in the query alone is signed as the header.
            let mut hoisted = with_token.clone().presigned(unix_time(600));
            hoisted.headers.retain(|(name, _)| *name != field);
            hoisted.target += &format!("&{field}=THE%2FTOKEN%2B1");
            for signed in [
                with_token.clone().date(&now()).signed(),
                with_token.clone().signed_v4(),
                in_query.presigned_v4(600),
                hoisted,
            ] {
                let response = gateway.exchange(&signed);
                assert_eq!(response.status, 200, "{}", response.text());
                let recorded = rec.requests().remove(0);
                let text = String::from_utf8_lossy(&recorded.head.raw).to_lowercase();
                for leak in [
                    "token",
                    "x-amz-signature",
                    "x-wos-credential",
                    "signedheaders=content",
                ] {
                    assert!(!text.contains(leak), "{leak}: {text}");
                }
                if let Some(sign_with) = sign_with {
                    sign_with.node().reads(&recorded);
                }
                rec.clear();
            }
        }
    }
}
