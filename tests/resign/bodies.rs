//! What the node is told of a body, and what it gets: a hash that was declared is carried over, framing is taken off, and
//! the gateway's own frames are put on where it is told to.

use sha2::{Digest, Sha256};

use crate::scene::{Addressing, BUCKET, Resigning, SignWith};
use support::rec::{Answer, Cue};
use support::signer::{Request, Word, now};
use support::signer_v4::UNSIGNED as UNSIGNED_PAYLOAD;
use support::upload::{Framing, SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, STREAMING, Upload, checksum};
use support::verifier::Signed;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const IN_CHUNKS: SignWith = SignWith {
    payload: "signed-chunks",
    ..SignWith::AWS_V4
};

fn hash(data: &[u8]) -> String {
    Sha256::digest(data)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn put(data: &[u8]) -> Request {
    Request::new(Word::Aws, "PUT", &format!("/{BUCKET}/k")).body(data)
}

/// Bytes that no chunk boundary divides evenly.
fn data(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_declared_hash_is_carried_over_and_nothing_else_is_made_up() {
    for sign_with in [SignWith::AWS_V4, IN_CHUNKS, SignWith::ALL[2]] {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let body = data(100_000);
        let otherwise = match sign_with.payload {
            "unsigned" => UNSIGNED_PAYLOAD,
            _ => SIGNED_CHUNKS,
        };
        for (request, payload) in [
            (put(&body).signed_v4(), hash(&body)),
            (
                put(&body).unsigned_payload().signed_v4(),
                otherwise.to_owned(),
            ),
            (put(&body).presigned_v4(600), otherwise.to_owned()),
            (put(&body).date(&now()).signed(), otherwise.to_owned()),
            (put(b"").date(&now()).signed(), EMPTY.to_owned()),
            (put(b"").unsigned_payload().signed_v4(), EMPTY.to_owned()),
            (put(b"").signed_v4(), EMPTY.to_owned()),
        ] {
            let (_, read) = scene.passes(&request);
            assert_eq!(
                read.payload.as_deref(),
                Some(&*payload),
                "{}",
                request.target
            );
            assert!(read.content == *request.body.as_ref().expect("a body"));
        }
        // A document is never framed.
        let delete =
            Request::new(Word::Aws, "POST", &format!("/{BUCKET}/?delete")).body("<Delete/>");
        let (_, read) = scene.passes(&delete.date(&now()).signed());
        assert_eq!(read.payload.as_deref(), Some(UNSIGNED_PAYLOAD));
        // Nor is what has no length that could be told before.
        let mut chunked = put(b"")
            .header("Transfer-Encoding", "chunked")
            .date(&now())
            .signed();
        chunked.body = Some(b"4\r\nbody\r\n0\r\n\r\n".to_vec());
        let (_, read) = scene.passes(&chunked);
        assert_eq!(read.payload.as_deref(), Some(UNSIGNED_PAYLOAD));
        assert_eq!(read.content, b"body");
    }
}

#[test]
fn an_upload_in_any_mode_reaches_a_node_that_takes_plain_objects_alone() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::Path);
        for mode in STREAMING {
            for length in [1, 65_536, 200_001] {
                let upload = Upload::new(mode, data(length))
                    .header("x-amz-meta-m", "v")
                    .signed();
                let (recorded, read) = scene.passes(&upload);
                assert!(
                    read.content == upload.data && recorded.body == upload.data,
                    "{mode}"
                );
                assert_eq!(
                    recorded.header("content-length"),
                    Some(&*length.to_string())
                );
                for (name, value) in &recorded.head.headers {
                    assert!(!value.contains("aws-chunked"), "{mode}: {name}");
                    let framing = [
                        "trailer",
                        "decoded-content-length",
                        "sdk-checksum-algorithm",
                    ];
                    assert!(
                        !framing.iter().any(|own| name.ends_with(own)),
                        "{mode}: {name}"
                    );
                }
            }
            // An empty object is settled before the node is asked.
            let upload = Upload::new(mode, "").signed();
            let (_, read) = scene.passes(&upload);
            let payload = (sign_with.version == Signed::V4).then_some(EMPTY);
            assert_eq!(
                (read.payload.as_deref(), &*read.content),
                (payload, &b""[..])
            );
        }
    }
}

#[test]
fn an_upload_in_any_mode_reaches_a_node_that_wants_signed_chunks() {
    let scene = Resigning::new(IN_CHUNKS, Addressing::VirtualHost);
    for mode in STREAMING.into_iter().chain([UNSIGNED_PAYLOAD]) {
        for length in [1, 8192, 65_535, 65_536, 65_537, 131_072, 300_000] {
            let upload = Upload::new(mode, data(length))
                .header("content-language", "de")
                .signed();
            let (recorded, read) = scene.passes(&upload);
            assert_eq!(read.payload.as_deref(), Some(SIGNED_CHUNKS), "{mode}");
            assert!(read.content == upload.data, "{mode} {length}");
            assert_eq!(recorded.header("content-encoding"), None);
        }
    }
    // The coding of the object stays behind that of the frames.
    let upload = Upload::new(SIGNED_CHUNKS, data(70_000)).without("content-encoding");
    let upload = upload
        .header("content-encoding", "aws-chunked,gzip")
        .signed();
    let (recorded, _) = scene.passes(&upload);
    assert_eq!(recorded.header("content-encoding"), Some("gzip"));
    // Version 2 and a part of an upload, too.
    let part = Request::new(
        Word::Wos,
        "PUT",
        &format!("/{BUCKET}/k?partNumber=1&uploadId=u"),
    );
    let part = part.body(data(100_000)).date(&now()).signed();
    let (_, read) = scene.passes(&part);
    assert_eq!(read.payload.as_deref(), Some(SIGNED_CHUNKS));
    assert!(read.content == data(100_000));
}

/// A body that is not as signed never completes, in whatever way it goes on.
#[test]
fn what_is_not_proven_does_not_complete_at_the_node() {
    for sign_with in [SignWith::AWS_V4, IN_CHUNKS, SignWith::ALL[1]] {
        for mode in [SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER] {
            for length in [100, 65_536, 200_000] {
                let scene = Resigning::new(sign_with, Addressing::AsReceived);
                let mut upload = Upload::new(mode, data(length)).signed();
                let last = upload.frames.len() - 2;
                *upload.frames[last].data.last_mut().expect("data") ^= 1;
                let mut connection = scene.gateway.connect();
                connection.send(upload.bytes());
                let refusal = connection.receive();
                assert_eq!(refusal.status, 403, "{}", refusal.text());
                scene.rec.await_closed(1);
                assert!(
                    scene.rec.requests().is_empty(),
                    "{sign_with:?} {mode} {length}"
                );
            }
        }
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let body = data(150_000);
        let mut wrong = put(&body).signed_v4();
        wrong.body.as_mut().expect("a body")[149_999] ^= 1;
        let mut connection = scene.gateway.connect();
        connection.send(wrong.bytes());
        let refusal = connection.receive();
        let code = refusal.element("Code");
        assert_eq!(code.as_deref(), Some("XAmzContentSHA256Mismatch"));
        scene.rec.await_closed(1);
        assert!(scene.rec.requests().is_empty(), "{sign_with:?}");
    }
}

/// J11: a pooled connection that has died is replaced, and the second attempt is signed and framed from its beginning.
#[test]
fn j11_a_second_attempt_is_signed_and_framed_anew() {
    for sign_with in [SignWith::AWS_V4, IN_CHUNKS, SignWith::ALL[1]] {
        for request in [
            put(&data(10_000)).date(&now()).signed(),
            put(&data(10_000)).signed_v4(),
        ] {
            let answers = [Answer::Ok, Answer::Die(Cue::Head), Answer::Ok];
            let scene = Resigning::scripted(sign_with, answers);
            let mut connection = scene.gateway.connect();
            let first = Request::new(Word::Aws, "GET", "/bucket01/k")
                .date(&now())
                .signed();
            assert_eq!(connection.exchange(&first).status, 200);
            assert_eq!(connection.exchange(&request).status, 200);
            let seen = scene.rec.requests();
            assert_eq!((seen.len(), seen[1].connection), (2, 1));
            let read = scene.node.reads(&seen[1]);
            assert!(read.content == data(10_000));
        }
    }
    let framed = Upload::new(SIGNED_CHUNKS, data(10_000)).signed();
    let scene = Resigning::scripted(
        IN_CHUNKS,
        [Answer::Ok, Answer::Die(Cue::Body(100)), Answer::Ok],
    );
    let mut connection = scene.gateway.connect();
    let first = Request::new(Word::Aws, "GET", "/bucket01/k")
        .date(&now())
        .signed();
    assert_eq!(connection.exchange(&first).status, 200);
    connection.send(framed.bytes());
    assert_eq!(connection.receive().status, 200);
    let seen = scene.rec.requests();
    assert!(scene.node.reads(&seen[1]).content == framed.data);
}

#[test]
fn checksums_of_the_object_go_on_signed() {
    for sign_with in SignWith::ALL {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let body = data(1000);
        let name = "x-amz-checksum-crc32c";
        let request = put(&body).header(name, &checksum(name, &body)).signed_v4();
        let (recorded, read) = scene.passes(&request);
        let field = format!("{}checksum-crc32c", sign_with.word.header_prefix());
        assert_eq!(
            recorded.header(&field),
            request.headers[1].1.as_str().into()
        );
        assert!(read.signed_headers.contains(&field));
    }
}

/// HTTP's own chunks around the client's.
#[test]
fn frames_in_http_chunks_come_out_with_a_length() {
    for sign_with in [SignWith::AWS_V4, IN_CHUNKS] {
        let scene = Resigning::new(sign_with, Addressing::AsReceived);
        let upload = Upload::new(SIGNED_CHUNKS_TRAILER, data(100_000)).signed();
        let upload = upload.framing(Framing::Chunked(5000));
        let (recorded, read) = scene.passes(&upload);
        assert!(read.content == upload.data);
        assert_eq!(recorded.header("transfer-encoding"), None);
    }
}
