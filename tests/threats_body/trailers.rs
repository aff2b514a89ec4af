//! C6 to C8: what comes behind the object.

use super::{Scene, object, upload};
use support::upload::{SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER, checksum};

const WITH_TRAILER: [&str; 2] = [SIGNED_CHUNKS_TRAILER, UNSIGNED_CHUNKS_TRAILER];
pub const CHECKSUMS: [&str; 7] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-checksum-sha512",
    "x-amz-checksum-md5",
];
const CRC32: &str = "x-amz-checksum-crc32";

#[test]
fn c6_the_checksum_of_a_trailer_is_checked() {
    for scene in Scene::both_closing() {
        for mode in WITH_TRAILER {
            for name in CHECKSUMS {
                let right = upload(mode)
                    .trailing(name)
                    .header("x-amz-sdk-checksum-algorithm", &algorithm_of(name));
                let recorded = scene.commits(name, &right.signed());
                // Whatever is in a trailer never becomes a header.
                assert_eq!(recorded.header(name), None);
                let other = checksum(name, &object(199_999));
                let wrong = upload(mode).trailer_of(name, &[(name, &other)]);
                scene.never_completes((name, &wrong.signed()), 400, "BadDigest");
            }
        }
    }
}

/// As SDKs name it.
pub fn algorithm_of(name: &str) -> String {
    name.trim_start_matches("x-amz-checksum-")
        .to_ascii_uppercase()
}

/// Name and value.
type Line<'l> = (&'l str, &'l str);

#[test]
fn c6_what_is_announced_comes_and_what_comes_is_announced() {
    let value = checksum(CRC32, &object(200_000));
    let sha1 = checksum("x-amz-checksum-sha1", &object(200_000));
    for scene in Scene::both_closing() {
        for mode in WITH_TRAILER {
            let cases: [(&str, &str, &[Line]); 5] = [
                ("not sent", CRC32, &[]),
                (
                    "another sent",
                    CRC32,
                    &[("x-amz-checksum-crc32c", value.as_str())],
                ),
                (
                    "more sent",
                    CRC32,
                    &[
                        (CRC32, value.as_str()),
                        ("x-amz-checksum-sha1", sha1.as_str()),
                    ],
                ),
                (
                    "twice",
                    CRC32,
                    &[(CRC32, value.as_str()), (CRC32, value.as_str())],
                ),
                ("empty", CRC32, &[(CRC32, "")]),
            ];
            for (case, announced, lines) in cases {
                let wrong = upload(mode).trailer_of(announced, lines).signed();
                scene.never_completes(
                    (&format!("{mode}: {case}"), &wrong),
                    400,
                    "MalformedTrailerError",
                );
            }
        }
        // A trailer in the mode that has none.
        let mut wrong = upload(SIGNED_CHUNKS).signed();
        wrong.trailer.push(format!("{CRC32}:{value}"));
        let response = scene.send(("in the wrong mode", &wrong));
        assert_eq!(response.status, 400, "{}", response.text());
        scene.rec.assert_nothing_complete("in the wrong mode");
    }
}

#[test]
fn c6_a_checksum_stands_in_one_place() {
    let value = checksum(CRC32, &object(200_000));
    let other = checksum(CRC32, &object(199_999));
    for scene in Scene::both_closing() {
        for mode in WITH_TRAILER {
            for (case, value) in [("the same", &value), ("another", &other)] {
                let both = upload(mode).header(CRC32, value).signed();
                let response = scene.send((case, &both));
                assert_eq!(response.status, 400, "{case}: {}", response.text());
                scene.rec.assert_nothing_complete(case);
            }
        }
    }
}

#[test]
fn c7_the_trailer_is_signed() {
    for scene in Scene::both_closing() {
        let right = upload(SIGNED_CHUNKS_TRAILER).signed();
        scene.commits("right", &right);
        let mut wrong = right.clone();
        wrong.trailer[1] = format!("x-amz-trailer-signature:{}", "0".repeat(64));
        scene.never_completes(("zero", &wrong), 403, "SignatureDoesNotMatch");
        let mut changed = right.clone();
        changed.trailer[0] = format!("{CRC32}:AAAAAA==");
        scene.never_completes(("changed", &changed), 403, "SignatureDoesNotMatch");
        let mut absent = right.clone();
        absent.trailer.pop();
        let response = scene.send(("absent", &absent));
        assert!(
            matches!(response.status, 400 | 403),
            "{}: {}",
            response.status,
            response.text()
        );
        scene.rec.assert_nothing_complete("absent");
    }
}

/// The trailer signed with the word for chunks, as an older page printed it.
#[test]
fn c7_the_word_for_chunks_does_not_sign_a_trailer() {
    for scene in Scene::both_closing() {
        let mut borrowed = upload(SIGNED_CHUNKS_TRAILER).signed();
        let line = format!("{}\n", borrowed.trailer[0]);
        let signature = borrowed.chain.chunk(line.as_bytes());
        borrowed.trailer[1] = format!("x-amz-trailer-signature:{signature}");
        scene.never_completes(
            ("the chunk's word", &borrowed),
            403,
            "SignatureDoesNotMatch",
        );
    }
}

#[test]
fn c8_a_trailer_smuggles_nothing() {
    let value = checksum(CRC32, &object(200_000));
    for scene in Scene::both_closing() {
        for mode in WITH_TRAILER {
            for name in [
                "x-amz-acl",
                "host",
                "content-length",
                "x-amz-content-sha256",
                "x-amz-meta-a",
            ] {
                let lines = [(CRC32, value.as_str()), (name, "x")];
                for announced in [CRC32.to_owned(), format!("{CRC32},{name}")] {
                    let wrong = upload(mode).trailer_of(&announced, &lines).signed();
                    let response = scene.send((name, &wrong));
                    assert_eq!(response.status, 400, "{name}: {}", response.text());
                    scene.rec.assert_nothing_complete(name);
                    scene.rec.clear();
                }
            }
            let line = format!("{CRC32}:{value}");
            for (case, lines) in [
                (
                    "a bare line feed",
                    vec![format!("{line}\nx-amz-acl:public-read")],
                ),
                (
                    "a bare return",
                    vec![format!("{line}\rx-amz-acl:public-read")],
                ),
                (
                    "a continued line",
                    vec![line.clone(), " public-read".into()],
                ),
                ("no colon", vec![line.clone(), "x-amz-acl".into()]),
                ("no name", vec![line.clone(), ":x".into()]),
                (
                    "a long line",
                    vec![format!("{line}{}", "x".repeat(100_000))],
                ),
                ("many lines", vec![line.clone(); 10_000]),
            ] {
                let mut wrong = upload(mode).signed();
                let signature = wrong.trailer.split_off(1);
                wrong.trailer = [lines, signature].concat();
                let response = scene.send((case, &wrong));
                assert_eq!(response.status, 400, "{case}: {}", response.text());
                scene.rec.assert_nothing_complete(case);
                scene.rec.clear();
            }
        }
    }
}
