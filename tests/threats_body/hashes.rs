//! C10 to C12, C17, C18: the hash, the checksums and the MD5 of a body that comes as it is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use super::trailers::CHECKSUMS;
use super::{Scene, object, upload};
use support::refusal::assert_refused;
use support::signer::{Request, Word, now};
use support::upload::{Framing, SIGNED_CHUNKS, STREAMING, UNSIGNED, Upload, checksum, sha256};

fn md5(data: &[u8]) -> String {
    STANDARD.encode(Md5::digest(data))
}

#[test]
fn c10_the_declared_hash_is_the_hash_of_the_body() {
    for scene in Scene::both_closing() {
        for length in [1, 1000, 200_000] {
            scene.commits("right", &Upload::declared(object(length)).signed());
            let wrong = Upload::new(&sha256(object(length + 1)), object(length)).signed();
            let case = length.to_string();
            scene.never_completes((&case, &wrong), 400, "XAmzContentSHA256Mismatch");
            // In HTTP's chunks the end of the message is the last chunk.
            let chunked = wrong.framing(Framing::Chunked(50_000));
            scene.never_completes((&case, &chunked), 400, "XAmzContentSHA256Mismatch");
        }
    }
}

#[test]
fn c10_a_hash_has_one_spelling() {
    let right = sha256(object(1000));
    for scene in Scene::both_closing() {
        for hash in [
            &right[1..],
            &format!("{right}0"),
            "unsigned-payload",
            "UNSIGNED-PAYLOAD-TRAILER",
            "STREAMING-AWS4-HMAC-SHA256",
            "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        ] {
            let wrong = Upload::new(hash, object(1000)).signed();
            let response = scene.send((hash, &wrong));
            assert_eq!(response.status / 100, 4, "{hash}: {}", response.text());
            scene.rec.assert_untouched();
        }
    }
}

#[test]
fn c11_the_hash_of_nothing_is_no_leave_for_a_body() {
    for scene in Scene::both_closing() {
        for length in [1, 100_000] {
            let wrong = Upload::new(&sha256(""), object(length)).signed();
            scene.never_completes(("a body", &wrong), 400, "XAmzContentSHA256Mismatch");
        }
        scene.commits("nothing", &Upload::declared("").signed());
        // Nor is the hash of something one for nothing.
        let nothing = Upload::new(&sha256("x"), "").signed();
        scene.refuses(("nothing", &nothing), 400, "XAmzContentSHA256Mismatch");
    }
}

#[test]
fn c12_version_4_in_the_header_declares_its_payload() {
    for scene in Scene::both_closing() {
        let mut silent = Upload::declared(object(1000)).signed();
        let start = silent.head.find("x-amz-content-sha256:").expect("a field");
        let end = start + silent.head[start..].find("\r\n").expect("a line") + 2;
        silent.head.replace_range(start..end, "");
        let response = scene.send(("silent", &silent));
        assert!(matches!(response.status, 400 | 403), "{}", response.text());
        scene.rec.assert_untouched();
    }
}

#[test]
fn c17_content_md5_is_that_of_the_object() {
    let data = object(200_000);
    for scene in Scene::both_closing() {
        for mode in STREAMING.into_iter().chain([UNSIGNED]) {
            let with = |value: &str| upload(mode).header("content-md5", value).signed();
            let recorded = scene.commits(mode, &with(&md5(&data)));
            assert_eq!(recorded.header("content-md5"), Some(md5(&data).as_str()));
            scene.never_completes((mode, &with(&md5(b"x"))), 400, "BadDigest");
            for malformed in ["x", "", "AAAA", &md5(&data)[1..]] {
                scene.refuses((malformed, &with(malformed)), 400, "InvalidDigest");
            }
        }
        // Version 2 has no other word for its body.
        let v2 = |value: &str, body: &[u8]| {
            Request::new(Word::Aws, "PUT", "/bucket01/key")
                .header("Content-MD5", value)
                .date(&now())
                .signed()
                .body(body)
                .bytes()
        };
        assert_eq!(scene.send(("v2", &v2(&md5(&data), &data))).status, 200);
        scene.rec.clear();
        scene.never_completes(("v2", &v2(&md5(b"x"), &data)), 400, "BadDigest");
        scene.never_completes(("v2, nothing", &v2(&md5(b"x"), b"")), 400, "BadDigest");
        scene.never_completes(("v2, malformed", &v2("x", &data)), 400, "InvalidDigest");
    }
}

#[test]
fn c17_a_checksum_header_is_checked_and_goes_on() {
    let data = object(200_000);
    for scene in Scene::both_closing() {
        for mode in [SIGNED_CHUNKS, UNSIGNED] {
            for name in CHECKSUMS {
                let right = checksum(name, &data);
                let with = |value: &str| upload(mode).header(name, value).signed();
                let recorded = scene.commits(name, &with(&right));
                assert_eq!(recorded.header(name), Some(right.as_str()));
                let other = checksum(name, b"x");
                scene.never_completes((name, &with(&other)), 400, "BadDigest");
            }
        }
    }
}

/// The signature comes before everything that is said of the body.
#[test]
fn c18_a_wrong_signature_is_refused_before_a_byte_of_the_body() {
    const FIVE_GIB: usize = 5 << 30;
    for scene in Scene::both_closing() {
        for mode in STREAMING.into_iter().chain([UNSIGNED]) {
            let mut upload = upload(mode).decoded_length(None);
            if mode != UNSIGNED {
                upload = upload.decoded_length(Some("5368000000"));
            }
            upload.secret_access_key = "another".into();
            let wrong = upload.signed().framing(Framing::Announced(FIVE_GIB));
            let waiting = wrong.clone().unsigned_header("expect", "100-continue");
            let mut connection = scene.gateway.connect();
            connection.send(waiting.head_bytes());
            assert_refused(mode, &connection.receive(), 403, "SignatureDoesNotMatch");
            assert!(connection.closes(), "{mode}: no 100, and nothing is read");
            scene.rec.assert_untouched();
        }
    }
}

/// Without Expect the client sends at once: it has its answer before the bound of what is read behind a refusal.
#[test]
fn c18_a_wrong_signature_is_refused_within_the_drain() {
    const FIVE_GIB: usize = 5 << 30;
    for scene in Scene::both_closing() {
        let mut upload = Upload::new(UNSIGNED, object(1));
        upload.secret_access_key = "another".into();
        let wrong = upload.signed().framing(Framing::Announced(FIVE_GIB));
        for sent in [0, 1000, 512 * 1024] {
            let mut connection = scene.gateway.connect();
            connection.send(wrong.head_bytes());
            connection.send(object(sent));
            let response = connection.receive();
            assert_refused("sending", &response, 403, "SignatureDoesNotMatch");
            assert_eq!(response.header("connection"), Some("close"));
            connection.finish_sending();
            assert!(connection.closes());
            scene.rec.assert_untouched();
        }
    }
}
