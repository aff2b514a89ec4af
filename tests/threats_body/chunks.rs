//! C1 to C3, C14 to C16: the chain of chunks.

use super::{Scene, object, upload};
use support::upload::{
    Framing, SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, STREAMING, SignedUpload,
    UNSIGNED_CHUNKS_TRAILER, Upload,
};

const SIGNED: [&str; 2] = [SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER];

#[test]
fn c1_a_bit_of_a_chunk_is_changed() {
    for scene in Scene::both_closing() {
        for mode in SIGNED {
            let upload = Upload::new(mode, object(3 << 20)).chunks_of(1 << 20);
            let right = upload.signed();
            scene.commits(mode, &right);
            let mut wrong = right;
            wrong.frames[1].data[500_000] ^= 1;
            let response = scene.never_completes((mode, &wrong), 403, "SignatureDoesNotMatch");
            assert_eq!(response.header("connection"), Some("close"));
        }
    }
}

/// What is changed of an upload, and its name.
type Change<'c> = (&'c str, &'c dyn Fn(&mut SignedUpload));

#[test]
fn c2_the_chain_of_signatures_is_broken() {
    let zero = format!(";chunk-signature={}", "0".repeat(64));
    let changes: [Change; 5] = [
        ("all zero", &|upload| {
            for frame in &mut upload.frames {
                frame.extension.clone_from(&zero);
            }
        }),
        ("the first one zero", &|upload| {
            upload.frames[0].extension.clone_from(&zero);
        }),
        ("two chunks of one size swapped", &|upload| {
            upload.frames.swap(0, 1);
        }),
        ("a chunk twice", &|upload| {
            let copy = upload.frames[0].clone();
            upload.frames.insert(0, copy);
            upload.frames.remove(3);
        }),
        ("the data of two chunks swapped", &|upload| {
            let (one, other) = upload.frames.split_at_mut(1);
            std::mem::swap(&mut one[0].data, &mut other[0].data);
        }),
    ];
    for scene in Scene::both_closing() {
        for mode in SIGNED {
            for (case, change) in &changes {
                let mut upload = upload(mode).signed();
                change(&mut upload);
                scene.never_completes((case, &upload), 403, "SignatureDoesNotMatch");
            }
        }
    }
}

#[test]
fn c2_a_chunk_says_no_signature_or_more_than_one() {
    for scene in Scene::both_closing() {
        for mode in SIGNED {
            let right = upload(mode).signed();
            let signature = &right.frames[0].extension;
            for extension in [
                String::new(),
                ";".into(),
                ";chunk-signature=".into(),
                signature.replace("chunk-signature", "chunk-signatur"),
                format!("{signature};a=b"),
                format!(";a=b{signature}"),
                format!("{signature}{signature}"),
                signature[..signature.len() - 1].into(),
                signature.replacen(&signature[17..], &signature[17..].to_ascii_uppercase(), 1),
            ] {
                let mut wrong = right.clone();
                wrong.frames[0].extension.clone_from(&extension);
                // As S3: something that stands for the signature is no signature; nothing, or more behind it, no frame.
                let value = extension.split_once('=').map_or("", |(_, value)| value);
                let named = extension.starts_with(";chunk-signature=");
                let (status, code) = match value.is_empty() || (named && value.contains(';')) {
                    true => (400, "IncompleteBody"),
                    false => (403, "SignatureDoesNotMatch"),
                };
                scene.never_completes((&extension, &wrong), status, code);
            }
        }
    }
}

#[test]
fn c2_a_chunk_is_dropped() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let mut wrong = upload(mode).signed();
            let dropped = wrong.frames.remove(1);
            scene.never_completes((mode, &wrong), 400, "IncompleteBody");
            // With its length made up for by the last one.
            let last = wrong.frames.len() - 2;
            wrong.frames[last].data.extend_from_slice(&dropped.data);
            wrong.frames[last].size = format!("{:x}", wrong.frames[last].data.len());
            let (status, code) = match mode {
                UNSIGNED_CHUNKS_TRAILER => (400, "BadDigest"),
                _ => (403, "SignatureDoesNotMatch"),
            };
            scene.never_completes((mode, &wrong), status, code);
        }
    }
}

#[test]
fn c3_the_last_chunk_is_wrong_or_missing() {
    for scene in Scene::both_closing() {
        for mode in SIGNED {
            let right = upload(mode).signed();
            let last = right.frames.len() - 1;
            let mut wrong = right.clone();
            wrong.frames[last].extension = format!(";chunk-signature={}", "0".repeat(64));
            scene.never_completes(("wrong", &wrong), 403, "SignatureDoesNotMatch");
            let mut borrowed = right.clone();
            borrowed.frames[last].extension = right.frames[0].extension.clone();
            scene.never_completes(("another's", &borrowed), 403, "SignatureDoesNotMatch");
        }
        for mode in STREAMING {
            // The announced length of the object is reached, and nothing comes behind it.
            let mut missing = upload(mode).signed();
            missing.frames.pop();
            missing.trailer.clear();
            scene.never_completes(
                (&format!("missing, {mode}"), &missing),
                400,
                "IncompleteBody",
            );
        }
    }
}

/// Of an object without a byte the header alone would be the whole message.
#[test]
fn c3_an_empty_object_is_proven_before_the_node_hears_of_it() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = Upload::new(mode, "").signed();
            scene.commits(mode, &right);
            let expecting = right.clone().unsigned_header("Expect", "100-continue");
            let mut connection = scene.gateway.connect();
            connection.send(expecting.head_bytes());
            assert_eq!(connection.receive().status, 100);
            connection.send(expecting.body_bytes());
            let response = connection.receive();
            scene.committed(mode, &expecting, &response);
        }
        for mode in SIGNED {
            let mut wrong = Upload::new(mode, "").signed();
            wrong.frames[0].extension = format!(";chunk-signature={}", "0".repeat(64));
            scene.never_completes((mode, &wrong), 403, "SignatureDoesNotMatch");
        }
        let mut wrong = Upload::new(UNSIGNED_CHUNKS_TRAILER, "").signed();
        wrong.trailer[0] = "x-amz-checksum-crc32:AAAAAQ==".into();
        scene.never_completes(("the checksum", &wrong), 400, "BadDigest");
        // More frames than an empty object can have.
        let mut long = Upload::new(UNSIGNED_CHUNKS_TRAILER, "").signed();
        long.frames[0].size = "0".repeat(100_000);
        scene.never_completes(("a long size", &long), 400, "IncompleteBody");
    }
}

#[test]
fn c14_no_chunk_makes_the_gateway_hold_it() {
    for scene in Scene::both_closing() {
        let before = scene.gateway.peak_memory();
        for mode in STREAMING {
            for size in ["ffffffff", "7fffffffffffffff", &"0".repeat(1 << 20)] {
                let mut wrong = upload(mode).signed();
                wrong.frames[0].size = size.to_owned();
                let case = format!("{mode} {}", &size[..8]);
                let digits = size.len() <= 16;
                let (status, code) = match mode != UNSIGNED_CHUNKS_TRAILER && digits {
                    true => (403, "InvalidChunkSizeError"),
                    false => (400, "IncompleteBody"),
                };
                scene.never_completes((&case, &wrong), status, code);
            }
        }
        // One chunk of more than a signature may cover at once.
        let mut large = Upload::new(SIGNED_CHUNKS, object(100_000))
            .decoded_length(Some("17825792"))
            .signed()
            .framing(Framing::Announced(18_000_000));
        large.frames[0].size = "1100000".into();
        scene.never_completes(("17 MiB", &large), 403, "InvalidChunkSizeError");
        let grown = scene.gateway.peak_memory() - before;
        assert!(grown < 8 << 20, "{grown} bytes");
        // Nor many of one byte.
        let tiny = Upload::new(UNSIGNED_CHUNKS_TRAILER, object(1 << 20)).chunks_of(1);
        scene.never_completes(
            ("a million chunks", &tiny.signed()),
            403,
            "InvalidChunkSizeError",
        );
    }
}

#[test]
fn c15_the_size_of_a_chunk_has_one_spelling() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = upload(mode).signed();
            for size in [
                "0x10000",
                "+10000",
                "1_0000",
                " 10000",
                "-10000",
                "",
                "10000000000010000",
                "1000g",
            ] {
                let mut wrong = right.clone();
                wrong.frames[0].size = size.into();
                let case = format!("{mode} {size:?}");
                scene.never_completes((&case, &wrong), 400, "IncompleteBody");
            }
            // A blank behind it is one of those that S3 takes around the parts of a signed header.
            let mut blank = right.clone();
            blank.frames[0].size = "10000 ".into();
            if mode == UNSIGNED_CHUNKS_TRAILER {
                scene.never_completes(("a blank", &blank), 400, "IncompleteBody");
            } else {
                scene.commits("a blank", &blank);
            }
            // Leading zeros and capitals are digits.
            let mut zeros = right.clone();
            zeros.frames[0].size = "0010000".into();
            let plain = scene.commits("leading zeros", &zeros);
            assert!(!plain.body.is_empty());
            let mut capitals = Upload::new(mode, object(0xabcd)).signed();
            capitals.frames[0].size = "ABCD".into();
            scene.commits("capitals", &capitals);
        }
    }
}

#[test]
fn c15_a_line_ends_with_both_of_its_bytes() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = upload(mode).signed();
            let head = right.head_bytes();
            let body = right.body();
            let first = body.iter().position(|byte| *byte == b'\n').expect("a line");
            // The line feed alone, a line feed within the extension, and neither behind the data.
            let mut bare = body.clone();
            bare.remove(first - 1);
            bare.push(b'\n');
            let mut within = body.clone();
            within[first - 1] = b'\n';
            let mut unseparated = body.clone();
            let behind = first + 1 + right.frames[0].data.len();
            unseparated[behind] = b'x';
            for (case, changed) in [("bare", bare), ("within", within), ("behind", unseparated)] {
                assert_eq!(changed.len(), body.len());
                let bytes = [&head[..], &changed].concat();
                let mut connection = scene.gateway.connect();
                connection.send(&bytes);
                let response = connection.receive();
                assert_eq!(response.status, 400, "{case}: {}", response.text());
                scene.rec.assert_nothing_complete(case);
            }
        }
    }
}

#[test]
fn c16_a_chunk_that_is_not_the_last_has_8_kib() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let small = Upload::new(mode, object(100_000)).chunks_of(8191);
            scene.never_completes((mode, &small.signed()), 403, "InvalidChunkSizeError");
            let enough = Upload::new(mode, object(100_000)).chunks_of(8192);
            scene.commits(mode, &enough.signed());
        }
    }
}
