//! The canonical request of version 4, rule by rule: what clients sign for one request, and what they must not get away
//! with. Each signature is made by the tests' own signer.

#[path = "support/line.rs"]
mod line;
mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::address::HostNames;
use countersign::secret::Secret;
use countersign::sig::dialect::{AWS, Dialect, WOS};
use countersign::sig::payload::PayloadClaim;
use countersign::sig::signer::v4::ScopedCredentials;
use countersign::sig::signer::{SigningCredentials, Unsigned, sign_header_v4, sign_query_v4};
use countersign::sig::{AuthFailure, Region, Version};
use http::{HeaderMap, HeaderValue};
use line::{Line, Stop};
use support::signer::{ACCESS_KEY_ID, DOMAIN, Request, SECRET_ACCESS_KEY, Word, encode};
use support::signer_v4::{EMPTY_SHA256, REGION, SigningV4, UNSIGNED, stamp_of};

/// 2026-11-22 10:00:00 UTC: the time in every case.
const NOW: u64 = 1_795_341_600;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

fn line() -> Line {
    Line::new(now())
}

fn get(word: Word, target: &str) -> Request {
    Request::new(word, "GET", target)
}

/// Signed in the header over what `change` makes of the specification's own text.
fn signed(request: Request, change: impl FnOnce(&mut SigningV4)) -> Request {
    let request = request.prepared_v4(&stamp_of(NOW));
    let mut signing = request.signing_v4(&stamp_of(NOW));
    change(&mut signing);
    request.signed_v4_as(&signing)
}

/// The same in the query.
fn presigned(request: Request, change: impl FnOnce(&mut SigningV4)) -> Request {
    let request = request.parameters_v4(&stamp_of(NOW), "600");
    let mut signing = request.signing_v4(&stamp_of(NOW));
    change(&mut signing);
    request.presigned_v4_as(&signing)
}

fn accepted(request: &Request) {
    let permit = line()
        .check(request)
        .unwrap_or_else(|stop| panic!("{stop:?}\n{request:#?}"));
    assert_eq!(permit.verified().version(), Version::V4);
}

fn mismatch(request: &Request) {
    let stop = line()
        .check(request)
        .expect_err("another request was signed");
    assert_eq!(
        stop,
        Stop::Auth(AuthFailure::SignatureMismatch(None)),
        "{request:#?}"
    );
}

#[test]
fn a_request_as_the_specification_has_it_is_accepted() {
    for word in Word::BOTH {
        for target in [
            "/",
            "/bucket01",
            "/bucket01/",
            "/bucket01/key",
            "/bucket01/a//b/",
            "/bucket01/a%20b%2Bc%C3%A9",
            "/bucket01?list-type=2&prefix=a%2Fb&delimiter=%2F",
            "/bucket01/key?tagging",
            "/bucket01/key?tagging=",
            "/bucket01/key?versionId=x&response-content-type=a%2Fb%3Bc",
            "/bucket01?prefix=&marker=&a=b%3Dc",
            "/bucket01?Z=1&a=2&%C3%A9=3&-=4&~=5&B=6&0=7",
        ] {
            accepted(&signed(get(word, target), |_| {}));
            accepted(&presigned(get(word, target), |_| {}));
        }
    }
}

#[test]
fn every_part_is_signed() {
    for word in Word::BOTH {
        let request = || get(word, "/bucket01/key?versionId=1").header("Content-Type", "a/b");
        let changes: [fn(&mut SigningV4); 13] = [
            |own| own.method = "HEAD".into(),
            |own| own.uri = "/bucket01/key2".into(),
            |own| own.query = own.query.replace("versionId=1", "versionId=2"),
            |own| own.headers = own.headers.replace("a/b", "a/c"),
            |own| own.headers = own.headers.replace("s3.example.com", "s4.example.com"),
            |own| own.headers.push_str("x:\n"),
            |own| own.payload = EMPTY_SHA256.replace('e', "f"),
            |own| own.algorithm = "AWS4-HMAC-SHA1".into(),
            |own| own.seed = "AWS".into(),
            |own| own.timestamp = stamp_of(NOW - 1),
            |own| own.scope[0] = "20261121".into(),
            |own| own.scope[1] = "eu-west-1".into(),
            |own| own.scope[2] = "sts".into(),
        ];
        for change in changes {
            // What is written stays as it is; only what is signed changes.
            let right = request().prepared_v4(&stamp_of(NOW));
            let signing = right.signing_v4(&stamp_of(NOW));
            let mut other = signing.clone();
            change(&mut other);
            assert_ne!(signing, other);
            let authorization = right.authorization_v4(&signing);
            let wrong = authorization.replace(
                &signing.signature(SECRET_ACCESS_KEY),
                &other.signature(SECRET_ACCESS_KEY),
            );
            mismatch(&right.clone().header("Authorization", &wrong));
            accepted(&right.header("Authorization", &authorization));
        }
    }
}

#[test]
fn one_spelling_of_a_signature_counts() {
    let request = get(Word::Aws, "/bucket01/key").prepared_v4(&stamp_of(NOW));
    let signing = request.signing_v4(&stamp_of(NOW));
    let right = signing.signature(SECRET_ACCESS_KEY);
    let authorization = request.authorization_v4(&signing);
    for wrong in [
        right.to_ascii_uppercase(),
        right[1..].to_owned(),
        format!("{right}0"),
        format!("0x{right}"),
        "0".repeat(64),
        String::new(),
        right.replacen(|digit: char| digit.is_ascii_digit(), "%30", 1),
    ] {
        let value = authorization.replace(&right, &wrong);
        mismatch(&request.clone().header("Authorization", &value));
    }
    let presigned = presigned(get(Word::Aws, "/bucket01/key"), |_| {});
    let (rest, signature) = presigned.target.rsplit_once('=').expect("a signature");
    let target = format!("{rest}={}", signature.to_ascii_uppercase());
    mismatch(&Request {
        target,
        ..presigned.clone()
    });
}

/// What is sent, and the two texts that may be signed for it: as sent, and as RFC 3986 has it.
const PATHS: &[(&str, &str)] = &[
    ("/bucket01/a*b", "/bucket01/a%2Ab"),
    ("/bucket01/a%7Eb", "/bucket01/a~b"),
    ("/bucket01/a%2ab", "/bucket01/a%2Ab"),
    (
        "/bucket01/!'();:@&=$,",
        "/bucket01/%21%27%28%29%3B%3A%40%26%3D%24%2C",
    ),
    ("/bucket01/a+b", "/bucket01/a%2Bb"),
    ("/bucket01/%61", "/bucket01/a"),
    ("/bucket01/a%2fb", "/bucket01/a%2Fb"),
    ("/bucket01/%25%ff", "/bucket01/%25%FF"),
];

#[test]
fn e4_a_path_is_signed_as_sent_or_as_rfc_3986_has_it() {
    for word in Word::BOTH {
        for (sent, encoded) in PATHS {
            accepted(&signed(get(word, sent), |own| own.uri = (*sent).into()));
            accepted(&signed(get(word, sent), |own| own.uri = (*encoded).into()));
            accepted(&presigned(get(word, sent), |own| own.uri = (*sent).into()));
            // Sent as RFC 3986 has it, it has no second spelling.
            mismatch(&signed(get(word, encoded), |own| own.uri = (*sent).into()));
        }
        for (sent, other) in [
            ("/bucket01/a%2Fb", "/bucket01/a/b"),
            ("/bucket01/a/b", "/bucket01/a%2Fb"),
            ("/bucket01/a%252Fb", "/bucket01/a%2Fb"),
            ("/bucket01/a%2Bb", "/bucket01/a%20b"),
            ("/bucket01/a+b", "/bucket01/a%20b"),
            ("/bucket01/a%20b", "/bucket01/a+b"),
            ("/bucket01/a//b", "/bucket01/a/b"),
            ("/bucket01/A", "/bucket01/a"),
            ("/bucket01/e%CC%81", "/bucket01/%C3%A9"),
            ("/bucket01/%FF", "/bucket01/%EF%BF%BD"),
        ] {
            mismatch(&signed(get(word, sent), |own| own.uri = other.into()));
            mismatch(&presigned(get(word, sent), |own| own.uri = other.into()));
        }
    }
}

/// Every byte in a key, raw where a target may hold it, and encoded.
#[test]
fn e4_a_key_of_any_byte_is_signed_and_none_is_taken_for_another() {
    for byte in 1..=254u8 {
        let encoded = format!("/bucket01/x%{byte:02X}");
        let own = signed(get(Word::Aws, &encoded), |_| {});
        accepted(&own);
        let other = format!("/bucket01/x%{:02X}", byte + 1);
        mismatch(&Request {
            target: other,
            ..own
        });
    }
}

#[test]
fn e7_a_path_is_never_normalised() {
    for (sent, normalised) in [
        ("/bucket01//key", "/bucket01/key"),
        ("/bucket01/a/", "/bucket01/a"),
        ("//bucket01/key", "/bucket01/key"),
    ] {
        let request = signed(get(Word::Aws, sent), |own| own.uri = normalised.into());
        assert!(line().check(&request).is_err(), "{sent}");
    }
}

#[test]
fn parameters_are_sorted_as_they_are_written() {
    for word in Word::BOTH {
        // As sent, in the order of the bytes that were sent: the name with a capital first.
        let sent = "/bucket01?prefix=a/b*&Zed=%7e";
        accepted(&signed(get(word, sent), |own| {
            own.query = "Zed=%7e&prefix=a/b*".into()
        }));
        accepted(&signed(get(word, sent), |own| {
            own.query = "Zed=~&prefix=a%2Fb%2A".into()
        }));
        mismatch(&signed(get(word, sent), |own| {
            own.query = "prefix=a/b*&Zed=%7e".into()
        }));
        mismatch(&signed(get(word, sent), |own| {
            own.query = "Zed=%7e&prefix=a%2Fb%2A".into()
        }));
        mismatch(&signed(get(word, sent), |own| own.query = "Zed=~".into()));
        // Encoded, the first of these two comes before the second; as sent, behind it.
        let sent = "/bucket01?a%7Ec=1&a%2Dc=2";
        accepted(&signed(get(word, sent), |own| {
            own.query = "a-c=2&a~c=1".into()
        }));
        accepted(&signed(get(word, sent), |own| {
            own.query = "a%2Dc=2&a%7Ec=1".into()
        }));
        // `;` is data.
        let sent = "/bucket01?prefix=1;acl";
        accepted(&signed(get(word, sent), |own| {
            own.query = "prefix=1%3Bacl".into()
        }));
        mismatch(&signed(get(word, sent), |own| {
            own.query = "acl=&prefix=1".into()
        }));
    }
}

#[test]
fn f6_a_parameter_without_a_value_has_an_empty_one() {
    for word in Word::BOTH {
        for sent in ["/bucket01?uploads", "/bucket01?uploads="] {
            accepted(&signed(get(word, sent), |own| {
                own.query = "uploads=".into()
            }));
            mismatch(&signed(get(word, sent), |own| own.query = "uploads".into()));
            mismatch(&signed(get(word, sent), |own| own.query = String::new()));
        }
    }
}

#[test]
fn f8_a_plus_is_never_a_blank_and_bytes_are_never_replaced() {
    for word in Word::BOTH {
        for (sent, other) in [
            ("/bucket01?prefix=a+b", "prefix=a%20b"),
            ("/bucket01?prefix=a%20b", "prefix=a+b"),
            // To some nodes a plus is a blank, so it cannot stand for its own escape.
            ("/bucket01?prefix=a+b", "prefix=a%2Bb"),
            ("/bucket01?prefix=%FF", "prefix=%EF%BF%BD"),
            ("/bucket01?prefix=%FF", "prefix=%FE"),
            ("/bucket01?prefix=a%26acl", "acl=&prefix=a"),
        ] {
            mismatch(&signed(get(word, sent), |own| own.query = other.into()));
        }
        accepted(&signed(get(word, "/bucket01?prefix=a+b"), |own| {
            own.query = "prefix=a+b".into()
        }));
    }
}

#[test]
fn f9_a_parameter_that_stands_twice_is_refused_though_it_is_signed() {
    let request = signed(get(Word::Aws, "/bucket01?prefix=b&prefix=a"), |own| {
        own.query = "prefix=a&prefix=b".into();
    });
    let stop = line().check(&request).expect_err("a duplicate");
    assert_eq!(stop.rule(), Some(3));
}

#[test]
fn g2_values_are_signed_with_single_blanks_or_as_sent() {
    for word in Word::BOTH {
        let name = format!("{}meta-a", word.header_prefix());
        for (sent, collapsed) in [
            ("a  b   c", "a b c"),
            ("a\tb", "a b"),
            ("a \t b", "a b"),
            ("  a  ", "a"),
            ("", ""),
        ] {
            let request = || get(word, "/bucket01/key").header(&name, sent);
            accepted(&signed(request(), |own| {
                assert!(own.headers.contains(&format!("{name}:{collapsed}\n")))
            }));
            accepted(&signed(request(), |own| {
                let as_sent = format!("{name}:{}\n", sent.trim());
                own.headers = own
                    .headers
                    .replace(&format!("{name}:{collapsed}\n"), &as_sent);
            }));
        }
        let request = get(word, "/bucket01/key").header(&name, "a b");
        mismatch(&signed(request, |own| {
            own.headers = own.headers.replace("a b", "ab")
        }));
        // No break space is no blank.
        let request = get(word, "/bucket01/key").header(&name, "a\u{a0}\u{a0}b");
        mismatch(&signed(request, |own| {
            own.headers = own.headers.replace("\u{a0}\u{a0}", "\u{a0}")
        }));
    }
}

#[test]
fn several_values_stand_on_one_line_or_on_a_line_each() {
    for word in Word::BOTH {
        let name = format!("{}meta-a", word.header_prefix());
        let request = || {
            get(word, "/bucket01/key")
                .header(&name, "1")
                .header(&name, "2")
        };
        let lines = |own: &mut SigningV4, text: &str| {
            own.headers = own.headers.replace(&format!("{name}:1,2\n"), text);
        };
        accepted(&signed(request(), |_| {}));
        accepted(&signed(request(), |own| {
            lines(own, &format!("{name}:1\n{name}:2\n"))
        }));
        mismatch(&signed(request(), |own| {
            lines(own, &format!("{name}:2\n{name}:1\n"))
        }));
        mismatch(&signed(request(), |own| lines(own, &format!("{name}:1\n"))));
        mismatch(&signed(request(), |own| {
            lines(own, &format!("{name}:1;2\n"))
        }));
    }
}

#[test]
fn h3_only_clients_of_wos_sign_a_default_port_that_they_do_not_send() {
    for port in [":443", ":80"] {
        let request = |word| {
            signed(get(word, "/bucket01/key"), |own| {
                own.headers = own.headers.replace(DOMAIN, &format!("{DOMAIN}{port}"));
            })
        };
        accepted(&request(Word::Wos));
        mismatch(&request(Word::Aws));
        // What was sent with a port was signed with that port.
        let host = format!("{DOMAIN}{port}");
        accepted(&signed(get(Word::Wos, "/bucket01/key").host(&host), |_| {}));
        mismatch(&signed(
            get(Word::Wos, "/bucket01/key").host(&host),
            |own| {
                own.headers = own.headers.replace(port, "");
            },
        ));
    }
    mismatch(&signed(get(Word::Wos, "/bucket01/key"), |own| {
        own.headers = own.headers.replace(DOMAIN, &format!("{DOMAIN}:8080"));
    }));
}

/// The WOS SDKs for Go and Java: the time of signing stands in `Date`, which is signed, and no `x-wos-date`.
#[test]
fn d6_the_time_of_signing_may_stand_in_the_date_header() {
    let http_date = httpdate::fmt_http_date(now());
    for word in Word::BOTH {
        let mode = format!("{}content-sha256", word.header_prefix());
        for date in [stamp_of(NOW), http_date.clone()] {
            for in_signed_headers in [true, false] {
                let request = get(word, "/bucket01/key")
                    .header("Date", &date)
                    .header(&mode, UNSIGNED);
                let mut signing = request.signing_v4(&stamp_of(NOW));
                if in_signed_headers {
                    let mut names = request.names_to_sign();
                    names.push("date".into());
                    names.sort();
                    signing.headers = request.canonical_headers(&names);
                    signing.signed_headers = names.join(";");
                }
                let request = request.signed_v4_as(&signing);
                accepted(&request);
                // The vendor's header wins, and it is not signed here.
                let later = stamp_of(NOW + 60);
                let name = format!("{}date", word.header_prefix());
                assert_eq!(
                    line()
                        .check(&request.header(&name, &later))
                        .map(|_| ())
                        .map_err(|stop| stop.rule()),
                    Err(Some(28))
                );
            }
        }
    }
}

#[test]
fn components_are_separated_with_or_without_blanks() {
    for word in Word::BOTH {
        let request = get(word, "/bucket01/key").prepared_v4(&stamp_of(NOW));
        let value = request.authorization_v4(&request.signing_v4(&stamp_of(NOW)));
        for separator in [", ", ",", " ,  ", ",\t"] {
            accepted(
                &request
                    .clone()
                    .header("Authorization", &value.replace(", ", separator)),
            );
        }
    }
}

#[test]
fn a_presigned_request_says_its_payload_mode_or_nothing() {
    let hash = "a".repeat(64);
    for word in Word::BOTH {
        let name = format!("{}content-sha256", word.header_prefix());
        let claim = |request: &Request| {
            let permit = line()
                .check(request)
                .unwrap_or_else(|stop| panic!("{stop:?}\n{request:#?}"));
            permit.verified().payload().clone()
        };
        let put = || Request::new(word, "PUT", "/bucket01/key");
        assert!(matches!(
            claim(&presigned(put(), |_| {})),
            PayloadClaim::Unsigned
        ));
        // Signed, it is the last line.
        let request = presigned(put().header(&name, &hash), |own| {
            assert_eq!(own.payload, hash)
        });
        assert!(matches!(claim(&request), PayloadClaim::Sha256([0xaa, ..])));
        // Added by whoever sends the URL, it binds the body though nobody signed it.
        let added = presigned(put(), |_| {}).header(&name, &hash);
        assert!(matches!(claim(&added), PayloadClaim::Sha256([0xaa, ..])));
        // In a parameter.
        let target = format!(
            "/bucket01/key?{}Content-Sha256={hash}",
            word.parameter_prefix()
        );
        let request = presigned(Request::new(word, "PUT", &target), |own| {
            own.payload = hash.clone()
        });
        assert!(matches!(claim(&request), PayloadClaim::Sha256([0xaa, ..])));
        mismatch(&presigned(put().header(&name, &hash), |own| {
            own.payload = UNSIGNED.into()
        }));
    }
}

#[test]
fn any_region_is_accepted_where_the_setting_says_so() {
    let mut anywhere = line();
    anywhere.options.region = Region::Any;
    for region in ["us-east-1", "default-region", "eu_1.x"] {
        let request = signed(get(Word::Wos, "/bucket01/key"), |own| {
            own.scope[1] = region.into()
        });
        assert!(anywhere.check(&request).is_ok(), "{region}");
        let stopped = line()
            .check(&request)
            .map(|_| ())
            .map_err(|stop| stop.rule());
        assert_eq!(
            stopped,
            if region == REGION {
                Ok(())
            } else {
                Err(Some(22))
            }
        );
    }
}

/// The gateway's own signer against the tests' one.
#[test]
fn our_signer_gives_what_the_tests_signer_gives() {
    let credentials = SigningCredentials {
        access_key_id: ACCESS_KEY_ID.into(),
        secret_access_key: Secret::new(SECRET_ACCESS_KEY.into()),
    };
    let hosts = HostNames {
        domains: vec![DOMAIN.into()],
        custom_domains: Vec::new(),
    };
    let rows: [(Word, &'static Dialect); 2] = [(Word::Aws, &AWS), (Word::Wos, &WOS)];
    for (word, dialect) in rows {
        for (path, query) in [
            ("/bucket01/a*~%2F b", None),
            ("/bucket01/key", Some("tagging")),
            ("/bucket01/key", Some("versionId=a/b&Z=%7e")),
        ] {
            let path = &path.replace(' ', "%20");
            // Clients of WOS sign the blanks within a value as they are, which this signer does not.
            let value = match word {
                Word::Aws => "x  y",
                Word::Wos => "x y",
            };
            let meta = format!("{}meta-a", word.header_prefix());
            let mut headers = HeaderMap::new();
            headers.insert("content-type", HeaderValue::from_static("a/b"));
            headers.insert(
                http::HeaderName::try_from(&meta).expect("a name"),
                HeaderValue::from_static(value),
            );
            let unsigned = Unsigned {
                method: "PUT",
                host: DOMAIN,
                path,
                query,
                headers: headers.clone(),
                hosts: &hosts,
            };
            let scoped = ScopedCredentials {
                credentials: &credentials,
                session_token: None,
                region: REGION,
            };
            let (ours, _) =
                sign_header_v4(&unsigned, dialect, &scoped, UNSIGNED, now()).expect("signed");
            let target = query.map_or(path.clone(), |query| format!("{path}?{query}"));
            let request = Request::new(word, "PUT", &target)
                .header("Content-Type", "a/b")
                .header(&meta, value);
            let mode = format!("{}content-sha256", word.header_prefix());
            let theirs = request
                .clone()
                .header(&mode, UNSIGNED)
                .signed_v4_at(&stamp_of(NOW));
            assert_eq!(
                ours["authorization"],
                theirs.field("authorization").expect("signed")
            );
            assert!(!ours.contains_key("host"));
            let query = sign_query_v4(&unsigned, dialect, &scoped, Duration::from_secs(600), now())
                .expect("signed");
            // A presigned request signs the vendor's headers, and leaves the others to whoever sends it.
            let mut presigned = Request {
                target: format!("{path}?{query}"),
                ..request
            };
            accepted(&presigned);
            presigned.target = presigned.target.replace(&encode(REGION), "eu-1");
            assert!(line().check(&presigned).is_err());
        }
    }
}
