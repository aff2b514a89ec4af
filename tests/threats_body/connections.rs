//! J9, J11, and what else happens to the connections: early answers, nodes and clients that die, a real node behind.

use std::collections::BTreeMap;
use std::path::Path;

use countersign::embedded::{Node, NodeOptions};

use super::{Scene, object, upload};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, CLOSING_OK, Cue, Rec};
use support::refusal::assert_refused;
use support::scene::Forward;
use support::signer::{DOMAIN, Request, Word, now};
use support::upload::{
    Framing, SIGNED_CHUNKS, STREAMING, SignedUpload, UNSIGNED, UNSIGNED_CHUNKS_TRAILER, Upload,
    sha256,
};

const EARLY_OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Each mode, right and wrong in a way that only the last bytes tell.
fn right_and_wrong() -> Vec<(&'static str, SignedUpload, SignedUpload, &'static str)> {
    let mut cases = Vec::new();
    for mode in STREAMING {
        let right = upload(mode).signed();
        let mut wrong = right.clone();
        let code = if mode == UNSIGNED_CHUNKS_TRAILER {
            wrong.trailer[0] = "x-amz-checksum-crc32:AAAAAA==".into();
            "BadDigest"
        } else {
            let last = wrong.frames.len() - 1;
            wrong.frames[last].extension = format!(";chunk-signature={}", "0".repeat(64));
            "SignatureDoesNotMatch"
        };
        cases.push((mode, right, wrong, code));
    }
    let right = Upload::declared(object(200_000)).signed();
    let wrong = Upload::new(&sha256("x"), object(200_000)).signed();
    cases.push(("declared", right, wrong, "XAmzContentSHA256Mismatch"));
    cases
}

/// What the gateway says of itself after a body that failed: refused, and no fault of the node.
#[test]
fn a_failed_proof_is_the_clients_fault() {
    for scene in Scene::both_closing() {
        let mut codes = BTreeMap::new();
        for (case, _, wrong, code) in right_and_wrong() {
            let status = if code == "SignatureDoesNotMatch" {
                403
            } else {
                400
            };
            let response = scene.never_completes((case, &wrong), status, code);
            assert_eq!(response.header("connection"), Some("close"), "{case}");
            let line = scene.gateway.await_log(&format!("code={code}"));
            assert!(line.contains("outcome=refused"), "{line}");
            assert!(line.contains("access_key_id=AKIA"), "{line}");
            *codes.entry(code).or_insert(0) += 1;
        }
        for (code, count) in codes {
            scene.gateway.await_refusals(code, count);
        }
        let failures = format!(
            "countersign_node_failures_total{{node=\"{}\"}} 0",
            scene.rec.address()
        );
        scene.gateway.await_metric(&failures);
        assert!(!scene.gateway.log().contains("a node failed"));
    }
}

/// A node that says yes before it has everything cannot have kept it, and the client is not told so.
#[test]
fn a_success_ahead_of_the_proof_is_none() {
    for forward in Forward::BOTH {
        for (case, right, wrong, _) in right_and_wrong() {
            for upload in [right, wrong] {
                let scene = Scene::in_front_of(forward, Rec::start(Answer::Early(EARLY_OK.into())));
                let bytes = upload.bytes();
                let mut connection = scene.gateway.connect();
                connection.send(&bytes[..bytes.len() / 2]);
                scene.rec.await_heads(1);
                let response = connection.receive();
                assert_refused(case, &response, 502, "BadGateway");
                assert!(connection.closes());
                scene.rec.assert_nothing_complete(case);
            }
        }
    }
}

/// A node that says no early is heard at once, and a body that fails behind it changes nothing.
#[test]
fn a_refusal_ahead_of_the_proof_is_heard() {
    let early = "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 5\r\n\r\nearly";
    for forward in Forward::BOTH {
        for (case, _, wrong, _) in right_and_wrong() {
            let scene = Scene::in_front_of(forward, Rec::start(Answer::Early(early.into())));
            let bytes = wrong.bytes();
            let (start, rest) = bytes.split_at(bytes.len() / 2);
            let mut connection = scene.gateway.connect();
            connection.send(start);
            let response = connection.receive();
            assert_eq!(
                (response.status, response.text().as_str()),
                (507, "early"),
                "{case}"
            );
            connection.send(rest);
            assert!(connection.closes(), "{case}");
            scene.rec.assert_nothing_complete(case);
        }
    }
}

#[test]
fn j9_an_expectation_is_met_by_the_node() {
    for scene in Scene::both_closing() {
        for (case, right, wrong, code) in right_and_wrong() {
            for (upload, status) in [(right, 200), (wrong, 400)] {
                let upload = upload.unsigned_header("expect", "100-continue");
                let mut connection = scene.gateway.connect();
                connection.send(upload.head_bytes());
                assert_eq!(connection.receive().status, 100, "{case}");
                connection.send(upload.body_bytes());
                let response = connection.receive();
                if status == 200 {
                    scene.committed(case, &upload, &response);
                    continue;
                }
                let status = if code == "SignatureDoesNotMatch" {
                    403
                } else {
                    400
                };
                assert_refused(case, &response, status, code);
                assert!(connection.closes());
                scene.rec.assert_nothing_complete(case);
                scene.rec.clear();
            }
        }
        for expectation in ["100-continue, x", "y 100-continue", "foo"] {
            let odd = upload(SIGNED_CHUNKS)
                .signed()
                .unsigned_header("expect", expectation);
            scene.refuses((expectation, &odd), 417, "ExpectationFailed");
        }
    }
}

/// What waits for its body to be asked for and has none, or has one where none belongs.
#[test]
fn j9_an_expectation_of_a_read_desynchronises_nobody() {
    for scene in Scene::both_closing() {
        for method in ["GET", "HEAD"] {
            let with_body = Upload::new(UNSIGNED, object(5))
                .method(method)
                .signed()
                .unsigned_header("expect", "100-continue");
            let mut connection = scene.gateway.connect();
            connection.send(with_body.bytes());
            // There is no leave to send it, and no node sees any of it.
            let response = connection.try_receive(method).expect("an answer");
            assert_eq!(response.status, 400, "{method}");
            scene.rec.assert_untouched();
            let next = scene.gateway.exchange(&scene.next());
            assert_eq!(next.status, 200);
            scene.rec.clear();
        }
    }
}

/// The pooled connection dies just when the upload has gone out on it: the second attempt starts with a fresh proof.
#[test]
fn j11_an_upload_that_is_sent_again_is_proven_again() {
    for forward in Forward::BOTH {
        for mode in STREAMING.into_iter().chain(["declared", UNSIGNED]) {
            let upload = match mode {
                "declared" => Upload::declared(object(10_000)),
                mode => Upload::new(mode, object(10_000)).chunks_of(8192),
            };
            let mut tampered = upload.signed();
            match &mut tampered.plain {
                Some(plain) => plain[9_999] ^= 1,
                None => tampered.frames[1].data[1000] ^= 1,
            }
            for right in [true, false] {
                let answers = [Answer::Ok, Answer::Die(Cue::Head), Answer::raw(CLOSING_OK)];
                let scene = Scene::in_front_of(forward, Rec::scripted(answers));
                assert_eq!(scene.gateway.exchange(&scene.next()).status, 200);
                scene.rec.clear();
                if right {
                    let recorded = scene.commits(mode, &upload.signed());
                    assert_eq!(recorded.connection, 1, "{mode}");
                } else if mode != UNSIGNED {
                    let status = scene.send((mode, &tampered)).status;
                    assert!(matches!(status, 400 | 403), "{mode}: {status}");
                    scene.rec.assert_nothing_complete(mode);
                }
            }
        }
    }
}

#[test]
fn a_node_that_dies_within_a_body_is_502() {
    for forward in Forward::BOTH {
        for mode in STREAMING {
            let scene = Scene::in_front_of(
                forward,
                Rec::scripted([Answer::Die(Cue::Body(300_000)), Answer::raw(CLOSING_OK)]),
            );
            let upload = Upload::new(mode, object(2 << 20)).signed();
            let mut connection = scene.gateway.connect();
            connection.send(upload.bytes());
            let response = connection.receive();
            assert_refused(mode, &response, 502, "BadGateway");
            scene.rec.assert_nothing_complete(mode);
            let failures = format!(
                "countersign_node_failures_total{{node=\"{}\"}} 1",
                scene.rec.address()
            );
            scene.gateway.await_metric(&failures);
        }
    }
}

#[test]
fn a_client_that_stalls_within_a_chunk_is_told_so() {
    for scene in Scene::both_closing() {
        let rec = &scene.rec;
        let config = Config::new(rec.address())
            .section("cluster", &scene.forward.cluster(rec.address()))
            .line("listener", "body_timeout = \"300ms\"")
            .section("signature", "[signature]\nversions = [\"v2\", \"v4\"]\n");
        let gateway = Gateway::start(&config);
        for mode in STREAMING {
            let bytes = upload(mode).signed().bytes();
            let mut connection = gateway.connect();
            connection.send(&bytes[..bytes.len() - 1]);
            assert_refused(mode, &connection.receive(), 400, "RequestTimeout");
            assert!(connection.closes());
            rec.assert_nothing_complete(mode);
        }
    }
}

/// Every file below a directory, with its length and its content's hash.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory of the node's") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(content) = std::fs::read(&path) {
                // What the node takes away in this moment is gone.
                found.insert(path.display().to_string(), sha256(content));
            }
        }
    }
    found
}

/// With a real store behind: what fails leaves it as it was, what holds is there byte for byte.
#[test]
fn a_failed_proof_leaves_a_real_node_unchanged() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let node = Node::start(NodeOptions {
        root: root.path().into(),
        address: "127.0.0.1:0".parse().expect("an address"),
        auth: None,
        domains: vec![DOMAIN.into()],
    })
    .expect("a free port");
    node.create_bucket("bucket01").expect("a new bucket");
    let config = Config::new(node.address())
        .section("cluster", &Forward::Trusted.cluster(node.address()))
        .section("signature", "[signature]\nversions = [\"v2\", \"v4\"]\n");
    let gateway = Gateway::start(&config);
    let before = files(root.path());
    let send = |upload: &SignedUpload| {
        let mut connection = gateway.connect();
        connection.send(upload.bytes());
        connection.receive()
    };
    for (case, _, wrong, code) in right_and_wrong() {
        for framing in [Framing::Length, Framing::Chunked(50_000)] {
            let response = send(&wrong.clone().framing(framing));
            assert_eq!(response.element("Code").as_deref(), Some(code), "{case}");
        }
    }
    // The node drops what was cut; nothing of it may stay behind, however long that takes.
    let settled = || files(root.path()) == before;
    let deadline = std::time::Instant::now() + support::wire::SAFETY_NET;
    while !settled() && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(files(root.path()), before);
    for (case, right, _, _) in right_and_wrong() {
        for framing in [Framing::Length, Framing::Chunked(50_000)] {
            let response = send(&right.clone().framing(framing));
            assert_eq!(response.status, 200, "{case}: {}", response.text());
            let get = Request::new(Word::Aws, "GET", "/bucket01/key")
                .date(&now())
                .signed();
            let stored = gateway.exchange(&get);
            assert!(stored.body == right.data, "{case}");
            assert_eq!(stored.header("content-encoding"), None, "{case}");
        }
    }
}
