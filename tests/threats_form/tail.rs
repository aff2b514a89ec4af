//! M8: what follows the file of a form, whatever the size of the file.

use countersign::embedded::{Node, NodeOptions};

use crate::{Scene, form, path, signers};
use support::form::{BUCKET, Form};
use support::gateway::Gateway;
use support::rec::{Answer, CLOSING_OK, Rec};
use support::scene::Forward;
use support::signer::{DOMAIN, Request, Word};
use support::wire::Connection;

/// The most bytes behind a file that are read, from the line end before its boundary on: `docs/forms.md`.
const MAX_TAIL: usize = 20 * 1024;
/// Forms that are held whole, and forms that stream; among them the vendor's example with a picture.
const SIZES: [usize; 5] = [0, 5, 40_000, 117_000, 300_000];

pub fn part(form: &Form, name: &str, value: &str) -> String {
    let boundary = &form.boundary;
    format!("\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
}

/// The form with this text behind its file, and the closing line.
pub fn followed(form: Form, tail: &str) -> Form {
    let end = tail.to_owned() + &form.closing();
    form.end(&end)
}

/// A field behind the file that makes all that follows it so long.
fn tail_of(form: &Form, length: usize) -> String {
    let rest = part(form, "x", "").len() + form.closing().len();
    part(form, "x", &"x".repeat(length - rest))
}

pub fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|at| (at % 253) as u8).collect()
}

/// Amazon S3 API Reference, "POST Object": "Sample request" and "Examples: Browser-based upload using HTTP POST": the
/// button of the page stands behind the file.
#[test]
fn m8_fields_behind_a_file_of_any_size() {
    for scene in Scene::both_closing() {
        for size in SIZES {
            for (word, version) in signers() {
                let form = Form::new(word, version, "k").file(bytes(size)).signed();
                let submit = part(&form, "submit", "Upload to Amazon S3");
                scene.stores("submit", &followed(form, &submit));
            }
            let form = form("k").file(bytes(size)).signed();
            let boundary = form.boundary.clone();
            let several = part(&form, "key", "other") + &part(&form, "acl", "public-read");
            let named = part(&form, "a\"; filename=\"a.txt", "x") + &part(&form, "b", "");
            for tail in [several, named, part(&form, "b", "\r\n--\r\n")] {
                scene.stores(&tail, &followed(form.clone(), &tail));
            }
            for end in ["--", "--\r\n\r\n", "--\r\nThe epilogue.\n"] {
                let end = format!("\r\n--{boundary}{end}");
                scene.stores(&end, &form.clone().end(&end));
            }
        }
    }
}

#[test]
fn m8_what_follows_the_file_is_bounded() {
    for scene in Scene::both_closing() {
        for size in [5, 117_000] {
            let form = form("k").file(bytes(size)).signed();
            let fits = followed(form.clone(), &tail_of(&form, MAX_TAIL));
            scene.stores("20 KiB", &fits);
            for length in [MAX_TAIL + 1, 200_000] {
                let longer = followed(form.clone(), &tail_of(&form, length));
                let bytes = longer.bytes();
                let response = match longer.is_held() {
                    true => scene.refuses(("longer", &bytes), 400, "MalformedPOSTRequest"),
                    false => scene.breaks_off(("longer", &bytes), 400, "MalformedPOSTRequest"),
                };
                assert!(crate::message(&response).contains("20480 bytes follow its file"));
            }
        }
    }
}

#[test]
fn m8_the_node_waits_for_the_last_byte_of_the_form() {
    for scene in Scene::both_closing() {
        let form = form("k").file(bytes(117_000)).signed();
        let submit = part(&form, "submit", "Upload to Amazon S3");
        let form = followed(form, &submit);
        let bytes = form.bytes();
        let file = bytes.len() - form.end.len();
        for at in (file - 3..bytes.len()).step_by(7) {
            let mut connection = scene.gateway.connect();
            connection.send(&bytes[..at]);
            scene.rec.await_heads(1);
            connection.finish_sending();
            connection.drain();
            scene.rec.assert_nothing_complete(&format!("{at} bytes"));
            scene.rec.clear();
        }
        // Every byte behind the file by itself.
        let mut connection = scene.gateway.connect();
        connection.send(&bytes[..file]);
        for byte in &bytes[file..] {
            connection.send([*byte]);
        }
        assert!(connection.receive().status < 300);
        let recorded = scene.rec.await_requests(1).remove(0);
        let whole = match scene.forward {
            Forward::Trusted => &form.file,
            Forward::Passthrough => &form.body(),
        };
        assert!(recorded.body == *whole);
        scene.rec.clear();
    }
}

/// The embedded node keeps what it takes for whole: neither a header of chunks nor a cut message is.
#[test]
fn m8_a_store_keeps_whole_files_alone() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let node = Node::start(NodeOptions {
        root: root.path().into(),
        address: "127.0.0.1:0".parse().expect("an address"),
        auth: None,
        domains: vec![DOMAIN.into()],
    });
    let node = node.expect("a free port");
    node.create_bucket(BUCKET).expect("a writable directory");
    let gateway = Gateway::in_front_of(node.address());
    let stored = |key: &str| {
        let mut node = Connection::open(node.address());
        let read = node.exchange(&Request::new(Word::Aws, "GET", &path(key)));
        (read.status, read.body)
    };
    for size in SIZES {
        let key = format!("right{size}");
        let right = form(&key).file(bytes(size)).signed();
        let submit = part(&right, "submit", "Upload");
        let answer = gateway.exchange(&followed(right, &submit).request());
        assert_eq!(answer.status, 204, "{}", answer.text());
        assert!(stored(&key) == (200, bytes(size)), "{size}");
        let key = format!("broken{size}");
        let broken = form(&key).file(bytes(size)).signed();
        for tail in [part(&broken, "file", "x"), tail_of(&broken, MAX_TAIL + 1)] {
            let answer = gateway.exchange(&followed(broken.clone(), &tail).request());
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
        assert_eq!(stored(&key).0, 404, "{size}");
    }
}

#[test]
fn m8_a_node_that_wants_a_length_gets_one() {
    let scene = Scene::with(
        Forward::Trusted,
        Rec::start(Answer::raw(CLOSING_OK)),
        |config| config.line("cluster", "form_files = \"sized\""),
    );
    for size in SIZES {
        let form = form("k").file(bytes(size)).signed();
        let response = scene.send(("last", &form));
        assert_eq!(response.status, 204, "{}", response.text());
        let recorded = scene.rec.await_requests(1).remove(0);
        assert_eq!(recorded.head.all("content-length"), [size.to_string()]);
        assert_eq!(recorded.header("transfer-encoding"), None);
        assert!(recorded.body == form.file);
        scene.rec.clear();
        let submit = part(&form, "submit", "Upload");
        let (tail, bare) = (followed(form.clone(), &submit), form.closing());
        let bare = form.clone().end(bare.trim_end());
        for form in [tail, bare] {
            if form.is_held() {
                assert_eq!(scene.send(("held", &form)).status, 204);
                scene.rec.await_requests(1);
                scene.rec.clear();
            } else {
                let response = scene.breaks_off(("late", &form), 400, "MalformedPOSTRequest");
                assert!(crate::message(&response).contains("in front of the file"));
            }
        }
    }
    let long = form("k").file(bytes(300_000)).signed();
    let chunks = crate::length::chunked(&long, 8192);
    scene.refuses(("chunks", &chunks), 411, "MissingContentLength");
}

#[test]
fn m8_an_operator_learns_that_a_node_wants_a_length() {
    let refusal = "HTTP/1.1 411 Length Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let scene = Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(refusal)));
    let held = form("k").signed();
    assert_eq!(scene.send(("held", &held)).status, 411);
    let long = form("k").file(bytes(117_000)).signed();
    assert_eq!(scene.send(("long", &long)).status, 411);
    let log = scene.gateway.await_log("set form_files = ");
    assert_eq!(log.matches("set form_files = ").count(), 1, "{log}");
}

#[test]
fn m8_a_form_is_signed_anew_without_a_length() {
    let scene = Scene::with(
        Forward::Trusted,
        Rec::start(Answer::raw(CLOSING_OK)),
        |config| {
            let sign_with = "sign_with = { access_key_id = \"NODE\", secret_access_key = \"s\", payload = \"signed-chunks\" }\nform_files = \"chunked\"";
            let cluster = config.text_of("cluster").replace(
                "forward = \"trusted\"",
                &format!("forward = \"resign\"\n{sign_with}"),
            );
            config.section("cluster", &cluster)
        },
    );
    let form = form("k").file(bytes(117_000)).signed();
    let submit = part(&form, "submit", "Upload");
    let response = scene.send(("resign", &followed(form.clone(), &submit).bytes()));
    assert_eq!(response.status, 204, "{}", response.text());
    let recorded = scene.rec.await_requests(1).remove(0);
    // Frames have to be announced with the length of what is in them.
    let hash = recorded.header("x-amz-content-sha256");
    assert_eq!(hash, Some("UNSIGNED-PAYLOAD"));
    assert_eq!(recorded.head.all("transfer-encoding"), ["chunked"]);
    assert!(recorded.body == form.file);
}
