//! C9, J6, J10, J14: frames around the object, and the frames of HTTP around those.

use super::{Scene, object, upload};
use support::refusal::assert_refused;
use support::scene::Forward;
use support::signer::{Request, Word, now};
use support::upload::{Framing, STREAMING, UNSIGNED, UNSIGNED_CHUNKS_TRAILER, Upload};

#[test]
fn c9_frames_are_never_stored_as_data() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            for target in [
                "/bucket01/key",
                "/bucket01/key?partNumber=1&uploadId=u",
                "/bucket01/a%20b/%C3%A9",
            ] {
                scene.commits(target, &upload(mode).target(target).signed());
            }
        }
    }
}

/// The words of another vendor around the same frames, towards a node that speaks AWS's.
#[test]
fn c9_frames_of_wos_are_never_stored_as_data() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = upload(mode).word(Word::Wos).signed();
            let recorded = scene.commits(mode, &right);
            if scene.forward == Forward::Trusted {
                let left = |name: &str| name.to_ascii_lowercase().starts_with("x-wos-");
                assert!(!recorded.head.headers.iter().any(|(name, _)| left(name)));
            }
            let mut wrong = right.clone();
            wrong.frames[1].data[1000] ^= 1;
            let (status, code) = match mode {
                UNSIGNED_CHUNKS_TRAILER => (400, "BadDigest"),
                _ => (403, "SignatureDoesNotMatch"),
            };
            scene.never_completes((mode, &wrong), status, code);
        }
    }
}

#[test]
fn c9_the_token_of_the_frames_alone_leaves_content_encoding() {
    for scene in Scene::both_closing() {
        let plain = scene.forward == Forward::Trusted;
        for mode in STREAMING {
            for (sent, stored) in [
                (Some("aws-chunked"), None),
                (Some("AWS-Chunked"), None),
                (Some("aws-chunked,aws-chunked"), None),
                (Some("aws-chunked, gzip"), Some("gzip")),
                (Some("gzip,aws-chunked"), Some("gzip")),
                (Some("gzip, br , aws-chunked"), Some("gzip, br")),
                (Some("gzip"), Some("gzip")),
                (None, None),
            ] {
                let mut upload = upload(mode).without("content-encoding");
                if let Some(coding) = sent {
                    upload = upload.header("content-encoding", coding);
                }
                let recorded = scene.commits(mode, &upload.signed());
                let expected = if plain { stored } else { sent };
                assert_eq!(recorded.header("content-encoding"), expected, "{sent:?}");
            }
        }
    }
}

/// HTTP's own chunks around the frames: the object arrives with its length, which the frames announce.
#[test]
fn c9_a_body_in_chunks_of_http_is_the_same_body() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            for size in [7, 10_000, 1 << 20] {
                let length = if size == 7 { 20_000 } else { 200_000 };
                let upload = Upload::new(mode, object(length)).signed();
                scene.commits(mode, &upload.framing(Framing::Chunked(size)));
            }
        }
        // Without frames nobody knows the length: it goes on in HTTP's chunks.
        for upload in [
            Upload::declared(object(200_000)),
            Upload::new(UNSIGNED, object(200_000)),
        ] {
            let chunked = upload.signed().framing(Framing::Chunked(10_000));
            let recorded = scene.commits("plain", &chunked);
            assert_eq!(recorded.header("transfer-encoding"), Some("chunked"));
            assert_eq!(recorded.header("content-length"), None);
        }
    }
}

/// Frames that no signed header announces are not taken off, so they may not pass for an object.
#[test]
fn c9_frames_that_version_2_announces_are_refused() {
    let frames = Upload::new(UNSIGNED_CHUNKS_TRAILER, object(1000))
        .signed()
        .body();
    for scene in Scene::both_closing() {
        let v2 = Request::new(Word::Aws, "PUT", "/bucket01/key")
            .header("Content-Encoding", "aws-chunked")
            .header("x-amz-decoded-content-length", "1000")
            .date(&now())
            .signed()
            .body(frames.clone());
        let response = scene.gateway.exchange(&v2);
        assert_refused("version 2", &response, 501, "NotImplemented");
        scene.rec.assert_untouched();
        // Nor those that version 4 announces in the wrong place.
        let announced = Upload::new(UNSIGNED, frames.clone())
            .header("content-encoding", "gzip,aws-chunked")
            .signed();
        scene.refuses(("unsigned", &announced), 400, "InvalidArgument");
    }
}

#[test]
fn j6_the_chunks_of_http_are_read_strictly_or_framed_anew() {
    for scene in Scene::both_closing() {
        let head = Upload::new(UNSIGNED, object(5))
            .signed()
            .framing(Framing::Chunked(5));
        for body in [
            &b"\r\n\r\n"[..],
            b"5;\nhello\r\n0\r\n\r\n",
            b"5\nhello\n0\n\n",
        ] {
            let mut connection = scene.gateway.connect();
            connection.send([&head.head_bytes()[..], body].concat());
            connection.finish_sending();
            // The client's answer may get lost with its end; what counts is what the node has seen: nothing whole, or one
            // message in the gateway's own framing.
            connection.drain();
            scene.rec.await_settled();
            for seen in scene.rec.requests() {
                let text = String::from_utf8_lossy(&seen.body);
                assert!(matches!(&*text, "" | "hello"), "{body:?}: {text}");
            }
            scene.rec.clear();
        }
    }
}

/// A decoder that has nothing to give yet does not end the message.
#[test]
fn j10_a_body_may_come_byte_by_byte() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let upload = Upload::new(mode, object(300)).signed();
            let mut connection = scene.gateway.connect();
            connection.send(upload.head_bytes());
            for byte in upload.body() {
                connection.send([byte]);
            }
            let response = connection.receive();
            scene.committed(mode, &upload, &response);
            // Each byte in a chunk of its own is read by itself, whatever the network makes of the segments.
            let chunked = upload.framing(Framing::Chunked(1));
            scene.commits(mode, &chunked);
        }
    }
}

#[test]
fn j14_a_trailer_of_http_goes_nowhere() {
    for scene in Scene::both_closing() {
        for mode in STREAMING.into_iter().chain([UNSIGNED]) {
            let upload = upload(mode).signed().framing(Framing::Chunked(70_000));
            let mut bytes = upload.bytes();
            bytes.truncate(bytes.len() - 2);
            bytes.extend_from_slice(b"x-amz-acl: public-read\r\n\r\n");
            let mut connection = scene.gateway.connect();
            connection.send(&bytes);
            let response = connection.receive();
            let recorded = scene.committed(mode, &upload, &response);
            assert_eq!(recorded.header("x-amz-acl"), None);
            assert_eq!(recorded.header("trailer"), None);
        }
    }
}
