//! M12 to M17: what S3 takes and what it refuses of a body. Its answers to these requests stand in OpenStack Swift's
//! `test/s3api/test_input_errors.py`, which runs against it.

use super::trailers::{CHECKSUMS, algorithm_of};
use super::{Scene, object, upload};
use support::scene::Forward;
use support::signer::{Request, Word, now, unix_time};
use support::upload::{
    SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, STREAMING, UNSIGNED, UNSIGNED_CHUNKS_TRAILER, Upload,
    checksum, sha256,
};

const SDK: &str = "x-amz-sdk-checksum-algorithm";
const CRC32: &str = "x-amz-checksum-crc32";

#[test]
fn m12_a_hashed_body_goes_on_without_the_token_of_frames_that_it_does_not_have() {
    for scene in Scene::both_closing() {
        for (sent, stored) in [
            ("aws-chunked", None),
            ("AWS-Chunked", None),
            ("gzip, aws-chunked", Some("gzip")),
        ] {
            for data in [object(1000), Vec::new()] {
                let hashed = Upload::declared(data.clone()).header("content-encoding", sent);
                let recorded = scene.commits(sent, &hashed.signed());
                let expected = match scene.forward {
                    Forward::Trusted => stored,
                    Forward::Passthrough => Some(sent),
                };
                assert_eq!(recorded.header("content-encoding"), expected, "{sent}");
            }
            // Where no hash is signed it may be framed.
            let open = Upload::new(UNSIGNED, object(1000)).header("content-encoding", sent);
            for open in [open.signed(), open.presigned(None)] {
                let response = scene.never_completes((sent, &open), 400, "InvalidArgument");
                let name = response.element("ArgumentName");
                assert_eq!(name.as_deref(), Some("Content-Encoding"));
            }
        }
    }
}

#[test]
fn m12_a_length_that_is_none_is_a_missing_one() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let wrong = upload(mode).decoded_length(Some("not an int")).signed();
            scene.refuses((mode, &wrong), 411, "MissingContentLength");
        }
    }
}

/// For `object(200_000)` and `object(199_999)`: as botocore 1.44 puts them in these headers (awscrt 0.38).
const XXHASHES: [(&str, &str, &str); 3] = [
    ("x-amz-checksum-xxhash64", "FoIOOB00TUo=", "HG/tEqw5S6s="),
    ("x-amz-checksum-xxhash3", "77LAzCJqi0o=", "nfb956nfjvc="),
    (
        "x-amz-checksum-xxhash128",
        "QXSK54sWPojvssDMImqLSg==",
        "HXkDwRcZH+Kd9v3nqd+O9w==",
    ),
];

#[test]
fn m13_xxhash_in_header_and_trailer() {
    for scene in Scene::both_closing() {
        for (name, right, other) in XXHASHES {
            for mode in [SIGNED_CHUNKS, UNSIGNED] {
                let with = |value: &str| upload(mode).header(name, value).signed();
                scene.commits(name, &with(right));
                scene.never_completes((name, &with(other)), 400, "BadDigest");
                scene.refuses((name, &with(&other[1..])), 400, "InvalidRequest");
            }
            for mode in [SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER] {
                let with = |value: &str| upload(mode).trailer_of(name, &[(name, value)]).signed();
                scene.commits(name, &with(right));
                scene.never_completes((name, &with(other)), 400, "BadDigest");
            }
        }
    }
}

#[test]
fn m13_the_algorithm_that_is_named_is_sent() {
    let data = object(200_000);
    for scene in Scene::both_closing() {
        for name in CHECKSUMS {
            let sent = || upload(UNSIGNED).header(name, &checksum(name, &data));
            // What an upload in parts says beside it passes.
            let right = sent()
                .header(SDK, &algorithm_of(name))
                .header("x-amz-checksum-type", "COMPOSITE");
            let recorded = scene.commits(name, &right.signed());
            assert_eq!(recorded.header("x-amz-checksum-type"), Some("COMPOSITE"));
            let wrong = sent().header(SDK, "CRC16").signed();
            let response = scene.never_completes((name, &wrong), 400, "InvalidRequest");
            let told = response.element("Message").unwrap_or_default();
            assert_eq!(told, format!("Value for {SDK} header is invalid."));
        }
        let none = upload(UNSIGNED).header(SDK, "CRC32").signed();
        let response = scene.never_completes(("none", &none), 400, "InvalidRequest");
        let told = response.element("Message").unwrap_or_default();
        assert_eq!(
            told,
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
        );
        // One that asks for a checksum of what is to come is no name of one that is sent.
        let starts = Upload::declared("")
            .method("POST")
            .target("/bucket01/key?uploads")
            .header("x-amz-checksum-algorithm", "SHA512")
            .header("x-amz-checksum-type", "FULL_OBJECT");
        scene.commits("uploads", &starts.signed());
    }
}

/// Version 2 signs the header like every one of the vendor's, so what it says is claimed.
#[test]
fn m15_version_2_claims_a_body_with_the_headers_that_it_signs() {
    let data = object(100_000);
    for scene in Scene::both_closing() {
        for word in Word::BOTH {
            let name = format!("{}content-sha256", word.header_prefix());
            let put = |value: &str, body: &[u8]| {
                let request = Request::new(word, "PUT", "/bucket01/key").header(&name, value);
                (request, body.to_vec())
            };
            let sent = |(request, body): (Request, Vec<u8>)| {
                let presigned = request.clone().presigned(unix_time(600));
                let signed = request.date(&now()).signed();
                [signed, presigned].map(|request| request.body(body.clone()).bytes())
            };
            let hash = sha256(&data);
            for value in [&hash, &hash.to_ascii_uppercase(), UNSIGNED] {
                for bytes in sent(put(value, &data)) {
                    assert_eq!(scene.send((value, &bytes)).status, 200, "{value}");
                    let seen = scene.rec.await_requests(1);
                    assert!(seen[0].body == data);
                    scene.rec.clear();
                }
            }
            for other in [&data[1..], b""] {
                for bytes in sent(put(&hash, other)) {
                    scene.never_completes(("another", &bytes), 400, "XAmzContentSHA256Mismatch");
                }
            }
            for value in ["", "unsigned-payload", &hash[1..], "x"] {
                for bytes in sent(put(value, &data)) {
                    scene.never_completes((value, &bytes), 400, "InvalidArgument");
                }
            }
            for mode in STREAMING {
                for bytes in sent(put(mode, &data)) {
                    scene.never_completes((mode, &bytes), 501, "NotImplemented");
                }
            }
            // The length of the data and the algorithm of its checksum are said by headers that it signs, too.
            let prefix = word.header_prefix();
            for (rest, value, code) in [
                ("decoded-content-length", "99999", "IncompleteBody"),
                ("sdk-checksum-algorithm", "CRC32", "InvalidRequest"),
                (
                    "trailer",
                    &format!("{prefix}checksum-crc32"),
                    "MalformedTrailerError",
                ),
            ] {
                let (request, body) = put(UNSIGNED, &data);
                let request = request.header(&format!("{prefix}{rest}"), value);
                for bytes in sent((request, body)) {
                    scene.never_completes((rest, &bytes), 400, code);
                }
            }
        }
    }
}

#[test]
fn m16_a_hash_where_there_is_no_body_claims_nothing() {
    for scene in Scene::both_closing() {
        for method in ["GET", "HEAD", "DELETE"] {
            for hash in [sha256("not the body"), sha256("x").to_ascii_uppercase()] {
                let asks = Upload::new(&hash, "").method(method);
                let md5 = asks
                    .clone()
                    .header("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==");
                for sent in [asks.signed(), md5.signed(), asks.presigned(Some(&hash))] {
                    let mut connection = scene.gateway.connect();
                    connection.send(sent.bytes());
                    let response = connection.try_receive(method).expect("an answer");
                    assert_eq!(response.status, 200, "{method}: {}", response.text());
                    scene.rec.clear();
                }
            }
        }
        // With one it is a claim like others.
        let hash = sha256("not the body");
        for data in ["", "body"] {
            let put = Upload::new(&hash, data).signed();
            scene.never_completes(("PUT", &put), 400, "XAmzContentSHA256Mismatch");
        }
    }
}

#[test]
fn m16_the_digits_of_a_hash_have_two_cases() {
    let data = object(1000);
    let hash = sha256(&data);
    let mixed = format!("{}{}", hash[..32].to_ascii_uppercase(), &hash[32..]);
    for scene in Scene::both_closing() {
        for hash in [&hash.to_ascii_uppercase(), &mixed] {
            scene.commits("signed", &Upload::new(hash, data.clone()).signed());
            let presigned = Upload::new(UNSIGNED, data.clone()).presigned(Some(hash));
            scene.commits("presigned", &presigned);
            let wrong = Upload::new(hash, object(999)).signed();
            scene.never_completes(("wrong", &wrong), 400, "XAmzContentSHA256Mismatch");
        }
        // A signature has one.
        let mut capitals = Upload::declared(data.clone()).signed();
        let at = capitals.head.find("Signature=").expect("the signature") + 10;
        capitals.head[at..at + 64].make_ascii_uppercase();
        scene.refuses(("signature", &capitals), 403, "SignatureDoesNotMatch");
    }
}

#[test]
fn m16_an_upload_without_a_length_is_told_so() {
    for scene in Scene::both_closing() {
        for target in ["/bucket01/key", "/bucket01/key?partNumber=1&uploadId=u"] {
            for mode in [sha256("body"), SIGNED_CHUNKS.into()] {
                let (head, _) = Upload::new(&mode, "body").target(target).head_and_chain();
                let bytes = format!("{head}\r\n").into_bytes();
                let case = format!("{target} {mode}");
                scene.never_completes((&case, &bytes), 411, "MissingContentLength");
            }
        }
    }
}

#[test]
fn m17_every_end_of_a_trailer_that_has_one_meaning() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = upload(mode).signed();
            let head = right.head_bytes();
            assert!(head.ends_with(b"\r\n\r\n"));
            let body = right.body();
            let bare = &body[..body.len() - 2];
            for ends in [0, 2, 3] {
                let body = [bare, "\r\n".repeat(ends).as_bytes()].concat();
                let mut sent = right.clone();
                sent = sent.framing(support::upload::Framing::Announced(body.len()));
                let bytes = [sent.head_bytes(), body.clone()].concat();
                let response = scene.send((mode, &bytes));
                assert_eq!(response.status, 200, "{mode} {ends}: {}", response.text());
                let seen = scene.rec.await_requests(1);
                let expected = match scene.forward {
                    Forward::Trusted => &right.data,
                    Forward::Passthrough => &body,
                };
                assert!(seen[0].body == *expected, "{mode} {ends}");
                scene.rec.clear();
            }
        }
        for mode in [SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER] {
            let value = checksum(CRC32, &object(200_000));
            for list in ["x-amz-checksum-crc32,", "x-amz-checksum-crc32, "] {
                let sent = upload(mode).trailer_of(list.trim(), &[(CRC32, &value)]);
                scene.commits(list, &sent.signed());
            }
            let two = format!("{CRC32}, x-amz-checksum-sha256");
            let sent = upload(mode).trailer_of(&two, &[(CRC32, &value)]).signed();
            let response = scene.never_completes(("two", &sent), 400, "InvalidRequest");
            let told = response.element("Message").unwrap_or_default();
            assert_eq!(
                told,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
            );
        }
        // One where none can come.
        let nowhere = upload(UNSIGNED).header("x-amz-trailer", CRC32).signed();
        scene.never_completes(("nowhere", &nowhere), 400, "MalformedTrailerError");
    }
}

#[test]
fn m17_blanks_around_a_chunks_signature() {
    for scene in Scene::both_closing() {
        for mode in [SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER] {
            let right = upload(mode).signed();
            for (before, after) in [(" ; chunk-signature=", ""), (";chunk-signature = ", " ")] {
                let mut spaced = right.clone();
                for frame in &mut spaced.frames {
                    let own = frame.extension.trim_start_matches(";chunk-signature=");
                    frame.extension = format!("{before}{own}{after}");
                }
                scene.commits(mode, &spaced);
            }
        }
    }
}
