//! The canonical request of version 4, rule by rule: what clients sign for one request, and what they must not get away
//! with. Each signature is made by the tests' own signer.

#[path = "version_4/canonical.rs"]
mod canonical;
#[path = "version_4/dates.rs"]
mod dates;
mod line;
#[path = "version_4/random.rs"]
mod random;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::sig::payload::PayloadClaim;
use countersign::sig::{AuthFailure, Region, Version};
use line::{Line, Stop};
use support::signer::{Request, SECRET_ACCESS_KEY, Word};
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

#[test]
fn g6_expect_may_be_signed_or_not() {
    for word in Word::BOTH {
        let request = || get(word, "/bucket01/key").header("Expect", "100-continue");
        accepted(&signed(request(), |_| {}));
        let with_expect = |own: &mut SigningV4| {
            own.headers = format!("expect:100-continue\n{}", own.headers);
            own.signed_headers = format!("expect;{}", own.signed_headers);
        };
        accepted(&signed(request(), with_expect));
        mismatch(&signed(get(word, "/bucket01/key"), with_expect));
    }
}

/// Only PutObject and UploadPart take a body in chunks; every other operation refuses one that is signed and right.
#[test]
fn b3_no_other_operation_takes_a_body_in_chunks() {
    let mut taken = 0;
    for (method, target) in OPERATIONS {
        for word in Word::BOTH {
            let prefix = word.header_prefix();
            for mode in [
                "UNSIGNED-PAYLOAD-TRAILER",
                &format!("{}-PAYLOAD", word.algorithm()),
            ] {
                let request = Request::new(word, method, target)
                    .header(
                        &format!("{prefix}content-sha256"),
                        &format!("STREAMING-{mode}"),
                    )
                    .header(&format!("{prefix}meta-snowball-auto-extract"), "true");
                let answer = line().check(&signed(request, |_| {})).map(|_| ());
                match *target {
                    "/bucket01/key" | "/bucket01/key?partNumber=1&uploadId=x"
                        if *method == "PUT" =>
                    {
                        assert_eq!(answer, Ok(()), "{method} {target}");
                        taken += 1;
                    }
                    _ => assert_eq!(
                        answer,
                        Err(Stop::Auth(AuthFailure::MisplacedChunks)),
                        "{method} {target}"
                    ),
                }
            }
        }
    }
    assert_eq!(taken, 8);
}

#[rustfmt::skip]
const OPERATIONS: &[(&str, &str)] = &[
    ("GET", "/"), ("GET", "/bucket01"), ("HEAD", "/bucket01"), ("PUT", "/bucket01"), ("DELETE", "/bucket01"),
    ("GET", "/bucket01/key"), ("HEAD", "/bucket01/key"), ("PUT", "/bucket01/key"), ("DELETE", "/bucket01/key"),
    ("GET", "/bucket01?list-type=2"), ("GET", "/bucket01?versions"), ("GET", "/bucket01?uploads"), ("POST", "/bucket01?delete"),
    ("PUT", "/bucket01?acl"), ("PUT", "/bucket01?policy"), ("PUT", "/bucket01?cors"), ("PUT", "/bucket01?lifecycle"),
    ("PUT", "/bucket01?tagging"), ("PUT", "/bucket01?versioning"), ("PUT", "/bucket01?encryption"), ("PUT", "/bucket01?website"),
    ("PUT", "/bucket01?object-lock"), ("PUT", "/bucket01?storagePolicy"), ("POST", "/bucket01/key?uploads"),
    ("PUT", "/bucket01/key?partNumber=1&uploadId=x"), ("POST", "/bucket01/key?uploadId=x"), ("DELETE", "/bucket01/key?uploadId=x"),
    ("PUT", "/bucket01/key?acl"), ("PUT", "/bucket01/key?tagging"), ("PUT", "/bucket01/key?legal-hold"),
    ("PUT", "/bucket01/key?retention"), ("PUT", "/bucket01/key?renameObject"), ("POST", "/bucket01/key?restore"),
    ("POST", "/bucket01/key?select"), ("POST", "/bucket01/key?append&position=0"),
];
