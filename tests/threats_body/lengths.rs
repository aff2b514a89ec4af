//! C4, C5, C13: how long a body is said to be.

use std::time::{Duration, Instant};

use super::{Scene, object, upload};
use support::upload::{Framing, STREAMING, Upload};

#[test]
fn c4_the_announced_length_of_the_object_is_its_length() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = upload(mode);
            scene.commits(mode, &right.signed());
            for length in ["200001", "199999", "1", "0"] {
                let wrong = right.clone().decoded_length(Some(length)).signed();
                let case = format!("{mode} {length}");
                scene.never_completes((&case, &wrong), 400, "IncompleteBody");
            }
        }
    }
}

#[test]
fn c4_a_length_is_a_number() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            for length in [
                "-1",
                "+200000",
                "200000,200000",
                "0x30d40",
                "2e5",
                "9223372036854775808",
                "18446744073709551616",
                "200 000",
                "",
            ] {
                let wrong = upload(mode).decoded_length(Some(length)).signed();
                let response = scene.send((length, &wrong));
                // This one is a number, and too large.
                let status = if length == "9223372036854775808" {
                    400
                } else {
                    411
                };
                assert_eq!(response.status, status, "{length:?}: {}", response.text());
                scene.rec.assert_untouched();
            }
            let absent = upload(mode).decoded_length(None).signed();
            scene.refuses((mode, &absent), 411, "MissingContentLength");
        }
    }
}

#[test]
fn c4_an_object_has_at_most_5_gib() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let large = upload(mode).decoded_length(Some("5368709121")).signed();
            let large = large.framing(Framing::Announced(5_400_000_000));
            scene.refuses((mode, &large), 400, "EntityTooLarge");
        }
        let large = Upload::new("UNSIGNED-PAYLOAD", object(1)).signed();
        let large = large.framing(Framing::Announced(5_368_709_121));
        scene.refuses(("plain", &large), 400, "EntityTooLarge");
    }
}

/// The client goes away in the middle: the message never ends, and nobody waits for it.
#[test]
fn c5_a_stream_that_is_cut_ends_at_once() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = upload(mode).signed();
            let (head, body) = (right.head_bytes(), right.body());
            let first = body.iter().position(|byte| *byte == b'\n').expect("a line");
            let behind = first + 1 + right.frames[0].data.len();
            let trailer = body.len() - 2;
            for (case, cut) in [
                ("within the size", 2),
                ("within the line's end", first),
                ("within the data", first + 1000),
                ("behind the data", behind),
                ("within the data's line end", behind + 1),
                ("before the end of the trailer", trailer),
                ("before the last byte", body.len() - 1),
            ] {
                let mut connection = scene.gateway.connect();
                connection.send([&head[..], &body[..cut]].concat());
                connection.finish_sending();
                let start = Instant::now();
                connection.drain();
                assert!(start.elapsed() < Duration::from_secs(1), "{mode} {case}");
                scene.rec.assert_nothing_complete(case);
            }
        }
    }
}

#[test]
fn c13_what_follows_the_last_chunk_is_no_part_of_anything() {
    for scene in Scene::both_closing() {
        for mode in STREAMING {
            let right = upload(mode).signed();
            // Within the announced length.
            for rest in [
                &b"r"[..],
                b"\r\n0\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            ] {
                let body = [&right.body()[..], rest].concat();
                let head = right.clone().framing(Framing::Announced(body.len()));
                let bytes = [head.head_bytes(), body].concat();
                scene.never_completes((mode, &bytes), 400, "IncompleteBody");
            }
            // Behind it: never a second message for the node.
            let bytes = [&right.bytes()[..], b"GET /bucket01/admin HTTP/1.1\r\n\r\n"].concat();
            let mut connection = scene.gateway.connect();
            connection.send(&bytes);
            connection.finish_sending();
            let response = connection.receive();
            scene.committed(mode, &right, &response);
            connection.drain();
            assert!(scene.rec.requests().is_empty());
        }
    }
}

/// The announced length is all that is read of a plain body; what is missing is waited for and never made up.
#[test]
fn c13_a_plain_body_has_the_length_that_is_announced() {
    for scene in Scene::both_closing() {
        for upload in [
            Upload::declared(object(100_000)),
            Upload::new("UNSIGNED-PAYLOAD", object(100_000)),
        ] {
            let short = upload.signed().framing(Framing::Announced(100_001));
            let mut connection = scene.gateway.connect();
            connection.send(short.bytes());
            connection.finish_sending();
            connection.drain();
            scene.rec.assert_nothing_complete("too short");
        }
        let long = Upload::declared(object(100_000)).signed();
        let long = long.framing(Framing::Announced(99_999));
        scene.never_completes(("too long", &long), 400, "XAmzContentSHA256Mismatch");
    }
}
