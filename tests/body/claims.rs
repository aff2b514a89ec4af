//! What headers and signatures claim of a body without chunks, and of the data of one with chunks.

use countersign::body::{
    BodyFailure, BodyOptions, ForwardedEncoding, Framing, MAX_HELD, Unwrapping, VerifyOrder,
};
use http::HeaderValue;

use super::scene::{Mode, Request, algorithm, data, feed, signed};
use support::chunks::{ALGORITHMS, checksum, content_md5, hex, sha256};
use support::signer::Word;

pub fn plain_modes(body: &[u8]) -> [Mode; 3] {
    [Mode::None, Mode::Unsigned, Mode::Sha256(sha256(body))]
}

#[test]
fn a_right_body_goes_on_in_every_mode() {
    for length in [0, 1, 100, 1000, MAX_HELD, 3 * MAX_HELD + 1] {
        let body = data(length);
        for mode in plain_modes(&body) {
            Request::new(mode).accepts(&body, &body);
            let request = Request::new(mode).header("content-md5", &content_md5(&body));
            request.accepts(&body, &body);
            let small = ALGORITHMS.iter().filter(|_| length <= 1000);
            for name in small {
                let header = format!("x-amz-checksum-{name}");
                let request = Request::new(mode).header(&header, &checksum(name, &body));
                request.accepts(&body, &body);
                let mut endless = request.header("content-md5", &content_md5(&body));
                endless.content_length = Some(None);
                endless.accepts(&body, &body);
            }
        }
    }
}

#[test]
fn c10_another_body_than_the_hashed_one() {
    for length in [1, 100, MAX_HELD + 1] {
        let body = data(length);
        let mut other = body.clone();
        other[length / 2] ^= 1;
        let request = Request::new(Mode::Sha256(sha256(&body)));
        let refused = BodyFailure::PayloadHash {
            declared: hex(&sha256(&body)),
            received: hex(&sha256(&other)),
        };
        assert_eq!(request.refusal(&other), refused);
    }
}

#[test]
fn c11_the_hash_of_nothing_is_a_hash_like_others() {
    let request = Request::new(Mode::Sha256(sha256(b"")));
    request.accepts(b"", b"");
    assert!(matches!(
        request.refusal(b"x"),
        BodyFailure::PayloadHash { .. }
    ));
    let request = Request::new(Mode::Sha256(sha256(b"x")));
    assert!(matches!(
        request.refusal(b""),
        BodyFailure::PayloadHash { .. }
    ));
}

#[test]
fn c13_another_length_than_the_announced_one() {
    for mode in plain_modes(b"hello") {
        for (announced, body) in [(4, "hello"), (6, "hello"), (0, "h"), (1, "")] {
            let mut request = Request::new(mode).header("content-md5", &content_md5(b"hello"));
            request.content_length = Some(Some(announced));
            let refusal = request.refusal(body.as_bytes());
            assert!(
                matches!(refusal, BodyFailure::Length { declared, .. } if declared == announced),
                "{refusal:?}"
            );
        }
    }
}

#[test]
fn c17_content_md5() {
    let body = data(1000);
    for mode in plain_modes(&body) {
        let wrong = content_md5(b"another");
        let request = Request::new(mode).header("content-md5", &wrong);
        let refused = BodyFailure::ContentMd5 {
            declared: wrong,
            received: content_md5(&body),
        };
        assert_eq!(request.refusal(&body), refused);
        let right = content_md5(&body);
        let longer = format!("{right}{right}");
        for malformed in [
            "",
            "x",
            &right[1..],
            &right[..22],
            &hex(&[7; 16]),
            &longer,
            "\u{e9}",
        ] {
            let request = Request::new(mode).header("content-md5", malformed);
            let refusal = request.refusal(&body);
            assert!(
                matches!(refusal, BodyFailure::BadContentMd5(_)),
                "{malformed}: {refusal:?}"
            );
        }
    }
    // It is the data's, not that of the framing.
    let (request, framed) = signed(20_000);
    let right = request
        .clone()
        .header("content-md5", &content_md5(&data(20_000)));
    right.accepts(&framed, &data(20_000));
    let wrong = request.header("content-md5", &content_md5(&framed));
    assert!(matches!(
        wrong.refusal(&framed),
        BodyFailure::ContentMd5 { .. }
    ));
}

#[test]
fn a_checksum_in_the_header_is_checked() {
    let body = data(300);
    let (framed_request, framed) = signed(300);
    for name in ALGORITHMS {
        for word in Word::BOTH {
            let header = format!("{}checksum-{name}", word.header_prefix());
            let mut request = Request::new(Mode::Unsigned);
            request.word = word;
            let with = |value: &str| request.clone().header(&header, value);
            with(&checksum(name, &body)).accepts(&body, &body);
            let refused = BodyFailure::Checksum(algorithm(name));
            assert_eq!(with(&checksum(name, b"other")).refusal(&body), refused);
            let right = checksum(name, &body);
            for malformed in [
                "",
                "x",
                &right[1..],
                &format!("{right}-3"),
                &right.replace('=', ""),
            ] {
                if *malformed == right {
                    continue; // without padding anyhow
                }
                let refused = BodyFailure::BadChecksum(header.clone());
                assert_eq!(
                    with(malformed).refusal(&body),
                    refused,
                    "{name} {malformed}"
                );
            }
        }
        let header = format!("x-amz-checksum-{name}");
        let right = framed_request
            .clone()
            .header(&header, &checksum(name, &body));
        right.accepts(&framed, &body);
        let wrong = framed_request
            .clone()
            .header(&header, &checksum(name, &framed));
        assert_eq!(
            wrong.refusal(&framed),
            BodyFailure::Checksum(algorithm(name))
        );
    }
}

#[test]
fn two_checksums_are_one_too_many() {
    let body = data(10);
    let request = Request::new(Mode::Unsigned)
        .header("x-amz-checksum-crc32", &checksum("crc32", &body))
        .header("x-amz-checksum-sha1", &checksum("sha1", &body));
    assert_eq!(request.refusal(&body), BodyFailure::SeveralChecksums);
    let request = Request::new(Mode::Unsigned).header("x-amz-checksum-crc16", "AAA=");
    let refused = BodyFailure::UnknownChecksum("x-amz-checksum-crc16".into());
    assert_eq!(request.refusal(&body), refused);
}

#[test]
fn a_checksum_of_the_object_is_none_of_the_body() {
    let document = b"<CompleteMultipartUpload/>";
    for value in ["AAAAAA==", "AAAAAA==-2"] {
        let mut request = Request::new(Mode::Sha256(sha256(document)))
            .header("x-amz-checksum-crc32", value)
            .header("x-amz-checksum-type", "COMPOSITE");
        request.method = "POST";
        request.query = Some("uploadId=1");
        request.accepts(document, document);
        // The part of an upload is a body like others.
        request.method = "PUT";
        request.query = Some("partNumber=1&uploadId=1");
        assert!(matches!(
            request.refusal(document),
            BodyFailure::Checksum(_) | BodyFailure::BadChecksum(_)
        ));
    }
    for (name, value) in [
        ("algorithm", "CRC32"),
        ("mode", "ENABLED"),
        ("type", "FULL_OBJECT"),
    ] {
        let request = Request::new(Mode::None).header(&format!("x-amz-checksum-{name}"), value);
        request.accepts(b"x", b"x");
        let plan = request.plan(1, Framing::Plain).expect("a plan");
        assert!(plan.nothing_to_prove());
    }
}

#[test]
fn a_body_has_a_most() {
    for (announced, endless) in [(Some(11), false), (None, true)] {
        for mode in plain_modes(b"01234567890") {
            let mut request = Request::new(mode);
            request.content_length = Some(announced);
            request.options.max_body = 11;
            request.accepts(b"01234567890", b"01234567890");
            request.options.max_body = 10;
            let refusal = request.refusal(b"01234567890");
            assert!(
                matches!(refusal, BodyFailure::TooLarge { max: 10, .. }),
                "{endless} {refusal:?}"
            );
        }
    }
    let (mut request, body) = signed(11);
    request.options.max_body = 11;
    request.accepts(&body, &data(11));
    request.options.max_body = 10;
    let refused = BodyFailure::TooLarge {
        proposed: 11,
        max: 10,
    };
    assert_eq!(request.refusal(&body), refused);
    assert_eq!(BodyOptions::default().max_body, 5 * 1024 * 1024 * 1024);
}

/// A4: the header field asks for a framing that the signature does not.
#[test]
fn a4_the_claim_alone_says_whether_a_body_is_framed() {
    let (framed_request, framed) = signed(100);
    for value in [
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ] {
        let request = Request::new(Mode::Unsigned).header("x-amz-content-sha256", value);
        request.accepts(&framed, &framed);
    }
    let request = framed_request.header("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    request.accepts(&framed, &data(100));
}

/// C9: framing is never stored as data where it is named, and its name goes with it.
#[test]
fn c9_the_encoding_goes_with_the_framing() {
    let removed = |value: &'static str, left: Option<&'static str>| {
        let request = signed(10).0.header("content-encoding", value);
        let plan = request.plan(10_000, Framing::Plain).expect("a plan");
        let left = left.map(HeaderValue::from_static);
        let forwarded = match &left {
            None => ForwardedEncoding::Removed,
            Some(value) => ForwardedEncoding::Value(value),
        };
        assert_eq!(plan.forwarded_encoding(), forwarded, "{value}");
        assert_eq!(plan.unwraps(), Unwrapping::Chunks);
        assert_eq!(plan.forwarded_length(), Some(10));
        let plan = request.plan(10_000, Framing::AsReceived).expect("a plan");
        assert_eq!(plan.forwarded_encoding(), ForwardedEncoding::AsReceived);
        assert_eq!(plan.unwraps(), Unwrapping::None);
        assert_eq!(plan.forwarded_length(), Some(10_000));
        for mode in [Mode::None, Mode::Unsigned] {
            let request = Request::new(mode).header("content-encoding", value);
            let refused = BodyFailure::UndeclaredChunks(value.into());
            assert_eq!(request.refusal(b"x"), refused);
        }
        // A signed hash says what the body is: the token is a name without a thing, and goes.
        let hashed = Request::new(Mode::Sha256(sha256(b"x"))).header("content-encoding", value);
        hashed.accepts(b"x", b"x");
        let plan = hashed.plan(1, Framing::Plain).expect("a plan");
        assert_eq!(plan.forwarded_encoding(), forwarded, "{value}");
        let plan = hashed.plan(1, Framing::AsReceived).expect("a plan");
        assert_eq!(plan.forwarded_encoding(), ForwardedEncoding::AsReceived);
    };
    removed("aws-chunked", None);
    removed("AWS-Chunked", None);
    removed(",aws-chunked ,", None);
    removed("aws-chunked,aws-chunked", None);
    removed("gzip,aws-chunked", Some("gzip"));
    removed("aws-chunked, br , gzip", Some("br, gzip"));
    for value in ["gzip", "x-aws-chunked", "aws-chunkedx"] {
        let request = signed(10).0.header("content-encoding", value);
        let plan = request.plan(10_000, Framing::Plain).expect("a plan");
        assert_eq!(plan.forwarded_encoding(), ForwardedEncoding::AsReceived);
        Request::new(Mode::Unsigned)
            .header("content-encoding", value)
            .accepts(b"x", b"x");
    }
}

#[test]
fn an_empty_body_is_proven_before_the_header_goes_on() {
    let moment = |request: &Request, length: usize, framing: Framing| {
        request
            .plan(length, framing)
            .expect("a plan")
            .verify_order()
    };
    let empty = Request::new(Mode::Sha256(sha256(b"")));
    assert_eq!(moment(&empty, 0, Framing::Plain), VerifyOrder::BeforeHeader);
    assert_eq!(
        moment(&empty, 0, Framing::AsReceived),
        VerifyOrder::BeforeHeader
    );
    assert_eq!(
        moment(&empty, 1, Framing::Plain),
        VerifyOrder::WhileForwarded
    );
    // The framing of nothing is something, until it is taken off.
    let (framed, body) = signed(0);
    assert_eq!(
        moment(&framed, body.len(), Framing::Plain),
        VerifyOrder::BeforeHeader
    );
    assert_eq!(
        moment(&framed, body.len(), Framing::AsReceived),
        VerifyOrder::WhileForwarded
    );
    let mut endless = empty;
    endless.content_length = Some(None);
    assert_eq!(
        moment(&endless, 0, Framing::Plain),
        VerifyOrder::WhileForwarded
    );
}

#[test]
fn a_verifier_is_needed_where_something_is_claimed() {
    let needs = |request: Request| {
        !request
            .plan(3, Framing::Plain)
            .expect("a plan")
            .nothing_to_prove()
    };
    assert!(!needs(Request::new(Mode::None)));
    assert!(!needs(Request::new(Mode::Unsigned)));
    assert!(needs(Request::new(Mode::Sha256([0; 32]))));
    assert!(needs(
        Request::new(Mode::None).header("content-md5", &content_md5(b"x"))
    ));
    assert!(needs(
        Request::new(Mode::None).header("x-amz-checksum-crc32", "AAAAAA==")
    ));
    let mut endless = Request::new(Mode::None);
    endless.content_length = Some(None);
    assert!(needs(endless));
    let framed = Request::framed(Mode::UnsignedTrailer, 0, None);
    assert!(
        !framed
            .plan(5, Framing::Plain)
            .expect("a plan")
            .nothing_to_prove()
    );
}

/// J11: the second attempt at a body knows nothing of the first.
#[test]
fn j11_each_attempt_has_a_verifier_of_its_own() {
    let (request, body) = signed(20_000);
    let plan = request.plan(body.len(), Framing::Plain).expect("a plan");
    let mut broken = body.clone();
    broken[9000] ^= 1;
    let refused = Err(BodyFailure::ChunkSignature);
    for _ in 0..2 {
        assert_eq!(feed(&plan, &[&body]), Ok(data(20_000)));
        assert_eq!(
            feed(&plan, &[&body[..5000], &body[5000..]]),
            Ok(data(20_000))
        );
        assert_eq!(feed(&plan, &[&broken]), refused);
        assert_eq!(
            feed(&plan.clone(), &[&body[..5000]]),
            Err(BodyFailure::Length {
                declared: body.len() as u64,
                received: 5000,
            })
        );
    }
}
