//! M13 to M17: what SDKs and S3's own reader take. Its answers stand in OpenStack Swift's `test/s3api/test_input_errors.py`,
//! which runs against it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign::body::BodyFailure;

use super::chunks::{SMALL, chain_of};
use super::claims::plain_modes;
use super::scene::{Mode, Request, algorithm, data, signed};
use support::chunks::{self, checksum, unsigned, unsigned_chunk};

/// What is said of the data's length is proven where nothing frames it, too.
#[test]
fn m15_a_decoded_length_without_frames_is_that_of_the_body() {
    for mode in plain_modes(b"hello") {
        let with = |value: &str| Request::new(mode).header("x-amz-decoded-content-length", value);
        let body = b"hello";
        with("5").accepts(body, body);
        with("5").endless().accepts(body, body);
        for (other, declared) in [("4", 4), ("6", 6), ("0", 0)] {
            let refused = BodyFailure::Length {
                declared,
                received: 5,
            };
            assert_eq!(with(other).refusal(body), refused);
            assert_eq!(with(other).endless().refusal(body), refused);
        }
        let refused = BodyFailure::BadDecodedLength("five".into());
        assert_eq!(with("five").refusal(body), refused);
    }
}

/// What the SDK says that it sends is what it sends.
#[test]
fn m13_the_algorithm_that_is_named_is_the_one_that_is_sent() {
    let body = data(10);
    let sum = checksum("crc32", &body);
    let sdk = "x-amz-sdk-checksum-algorithm";
    let own = "x-amz-checksum-algorithm";
    let plain = || Request::new(Mode::Unsigned);
    let sent = || plain().header("x-amz-checksum-crc32", &sum);
    for name in [sdk, own] {
        for word in ["CRC32", "crc32", "Crc32"] {
            sent().header(name, word).accepts(&body, &body);
        }
        for word in ["CRC32C", "SHA256", "CRC", "", "x"] {
            let refused = BodyFailure::OtherChecksumNamed(name.into());
            assert_eq!(sent().header(name, word).refusal(&body), refused);
        }
    }
    // Named and not sent. The vendor's other header asks for something else then.
    let refused = BodyFailure::NamedChecksumMissing(sdk.into());
    assert_eq!(plain().header(sdk, "CRC32").refusal(&body), refused);
    plain().header(own, "CRC32").accepts(&body, &body);
    // The trailer is as good a place.
    let trailer = Request::framed(Mode::UnsignedTrailer, 10, Some("x-amz-checksum-crc32"));
    let framed = unsigned(&body, 10, &format!("x-amz-checksum-crc32:{sum}\r\n\r\n"));
    trailer.clone().header(sdk, "CRC32").accepts(&framed, &body);
    let refused = BodyFailure::OtherChecksumNamed(sdk.into());
    assert_eq!(trailer.header(sdk, "SHA1").refusal(&framed), refused);
    // Two checksums are told before that.
    let two = sent().header("x-amz-checksum-sha1", &checksum("sha1", &body));
    let refusal = two.header(sdk, "SHA256").refusal(&body);
    assert_eq!(refusal, BodyFailure::SeveralChecksums);
    // A copy, the start of an upload in parts and its end send no data whose checksum that would be.
    let copies = plain().header("x-amz-copy-source", "/b/k");
    let mut starts = plain();
    starts.method = "POST";
    starts.query = Some("uploads");
    let mut completes = plain().header("x-amz-checksum-crc32", "AAAAAA==-2");
    completes.method = "POST";
    completes.query = Some("uploadId=1");
    for request in [copies, starts, completes] {
        for name in [sdk, own] {
            request.clone().header(name, "SHA256").accepts(b"", b"");
        }
    }
}

/// For `data(length)`: XXHASH64, XXHASH3 and XXHASH128 as botocore 1.44 puts them in these headers (awscrt 0.38).
const XXHASHES: &[(usize, [&str; 3])] = &[
    (
        0,
        ["70bbN1HY6Zk=", "LQaABTjTlMI=", "maoG0wFHmNhgAcMkRo1Jfw=="],
    ),
    (
        1,
        ["6TSoStsFJ2g=", "xEvf9AdO7Ns=", "ps1ek5IAD2rES9/0B07s2w=="],
    ),
    (
        3,
        ["5ce7RTO8Zd0=", "X0KZ/BYcnLs=", "47VfV5RaF89fQpn8Fhycuw=="],
    ),
    (
        8,
        ["iEoXNhS4G40=", "OhwtfIWviPg=", "4eRDKmIhf+TP1QxhyLuYwQ=="],
    ),
    (
        16,
        ["RLbvL7hBafc=", "g1XjpvYXcNs=", "cpUGMYJ2B+KEKBLMhw3K4g=="],
    ),
    (
        17,
        ["VgPmDFJ1mbY=", "nvNBqZ3jcyg=", "aFvEWLN9BX/AbiM993KSFw=="],
    ),
    (
        100,
        ["asHlgDIWZZc=", "AE5PkhpkvRw=", "2pXvFv2VZvMpsgul8D7AHg=="],
    ),
    (
        128,
        ["en/hRke5q5I=", "hcYXTH/0xGs=", "FHkvw6+I3GwFMhoLZNZ7QQ=="],
    ),
    (
        129,
        ["C6Jd/W6JH88=", "7HZCtDG6Plo=", "3V50rGtF9U68MLYzgrCaOw=="],
    ),
    (
        240,
        ["ASlH8NpqJ7E=", "N1o4TZV/6GU=", "ZbW+htpVQOfJK2jhb4O7tg=="],
    ),
    (
        241,
        ["jWQ/I78oCOE=", "AujNlUIcbQI=", "HaHLYby4oqEC6M2VQhxtAg=="],
    ),
    (
        256,
        ["8zlEND7oWCQ=", "RPXZDazeRjo=", "lsNshdAOW8VE9dkNrN5GOg=="],
    ),
    (
        1000,
        ["8wbwSqiLVNM=", "M+9wP7KyDtE=", "GL9BvIIp4ncz73A/srIO0Q=="],
    ),
    (
        1024,
        ["E44mxlBIzik=", "5deLr6RbKqU=", "0Kwfe5O/V7nl14uvpFsqpQ=="],
    ),
    (
        1025,
        ["z9c67dLWo50=", "6VxCKI8oGG4=", "KILrygTskVzpXEIojygYbg=="],
    ),
    (
        70_000,
        ["/LDDn7zCqvM=", "ww68S+e5TLs=", "ue5kcThyIpbDDrxL57lMuw=="],
    ),
];

#[test]
fn m13_the_xxhashes_are_the_vendors() {
    for (length, sums) in XXHASHES {
        let body = data(*length);
        for (name, sum) in ["xxhash64", "xxhash3", "xxhash128"].iter().zip(sums) {
            let header = format!("x-amz-checksum-{name}");
            let with = |value: &str| Request::new(Mode::Unsigned).header(&header, value);
            with(sum).accepts(&body, &body);
            let mut other = body.clone();
            other.push(0);
            let refused = BodyFailure::Checksum(algorithm(name));
            assert_eq!(with(sum).refusal(&other), refused, "{name}");
            // The other byte order is another checksum.
            let mut bytes = STANDARD.decode(sum).expect("base64");
            bytes.reverse();
            assert_eq!(with(&STANDARD.encode(bytes)).refusal(&body), refused);
            let malformed = BodyFailure::BadChecksum(header.clone());
            assert_eq!(with(&sum[4..]).refusal(&body), malformed);
            // In the trailer.
            let request = Request::framed(Mode::UnsignedTrailer, *length, Some(&header));
            let trailer = format!("{header}:{sum}\r\n\r\n");
            request.accepts(&unsigned(&body, 8192, &trailer), &body);
        }
    }
}

/// S3 holds chunks without a signature to the same size.
#[test]
fn m17_only_the_last_unsigned_chunk_is_small() {
    for (sizes, refused) in [
        (&[8192, 8192, 1][..], None),
        (&[8191], None),
        (&[8191, 1], Some((2, 8191))),
        (&[8192, 1, 8192], Some((3, 1))),
    ] {
        let payload = data(sizes.iter().sum());
        let request = Request::framed(Mode::UnsignedTrailer, payload.len(), None);
        let mut rest = payload.as_slice();
        let mut body = Vec::new();
        for size in sizes {
            let (piece, behind) = rest.split_at(*size);
            body.extend(unsigned_chunk(piece));
            rest = behind;
        }
        body.extend_from_slice(b"0\r\n\r\n");
        match refused {
            None => request.accepts(&body, &payload),
            Some((chunk, size)) => {
                let min = 8192;
                let refused = BodyFailure::ChunkTooSmall { chunk, size, min };
                assert_eq!(request.refusal(&body), refused);
                request.with_small_chunks().accepts(&body, &payload);
            }
        }
    }
}

#[test]
fn m17_blanks_in_the_header_of_a_signed_chunk() {
    let (request, right) = chain_of(2);
    let payload: Vec<u8> = (0..2).flat_map(|at| vec![at; SMALL]).collect();
    for at in 0..3 {
        let header = right[at].iter().position(|byte| *byte == b'\r');
        let header = header.expect("a header");
        let whole = String::from_utf8(right[at][..header].to_vec()).expect("ASCII");
        let (size, provided) = whole.split_once(";chunk-signature=").expect("a signature");
        for line in [
            format!("{size} ; chunk-signature={provided}"),
            format!("{size};chunk-signature = {provided} "),
            format!("{size}\t;\tchunk-signature\t=\t{provided}\t"),
            format!("{size};chunk-signature={provided}{}", " ".repeat(20)),
        ] {
            let mut body = right.clone();
            body[at].splice(..header, line.bytes());
            request.clone().endless().accepts(&body.concat(), &payload);
        }
        // Not before the size or inside it.
        for line in [
            format!(" {whole}"),
            format!("0 {whole}"),
            format!("\t{whole}"),
        ] {
            let mut body = right.clone();
            body[at].splice(..header, line.bytes());
            let refusal = request.clone().endless().refusal(&body.concat());
            assert!(
                matches!(refusal, BodyFailure::MalformedChunk(_)),
                "{line:?}"
            );
        }
    }
}

/// The CR LF behind the last chunk may be missing, and may stand more than once.
#[test]
fn m17_a_body_ends_with_its_last_chunk() {
    let (signed, framed) = signed(10);
    let unsigned = Request::framed(Mode::UnsignedTrailer, 10, None);
    let plain = chunks::unsigned(&data(10), 10, "\r\n");
    for (request, body) in [(&signed, &framed), (&unsigned, &plain)] {
        let bare = &body[..body.len() - 2];
        for ends in [0, 1, 2, 3, 512] {
            let body = [bare, "\r\n".repeat(ends).as_bytes()].concat();
            request.accepts(&body, &data(10));
            request.clone().endless().accepts(&body, &data(10));
        }
    }
}
