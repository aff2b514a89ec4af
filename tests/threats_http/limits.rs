//! J12, J13: how long a client may take, and how much it may send.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Forward, Scene, assert_refused, get, signed};
use support::rec::{Answer, Rec};
use support::signer::Word;

const MEBIBYTE: u64 = 1024 * 1024;
/// As many connections as a default limit of 1024 file descriptors leaves room for.
const MANY: usize = 500;

fn impatient(rec: Rec) -> Scene {
    let timeouts = "header_timeout = \"300ms\"\nidle_timeout = \"600ms\"\nbody_timeout = \"300ms\"";
    Scene::with(Forward::Trusted, rec, |config| {
        config.line("listener", timeouts)
    })
}

#[test]
fn j12_a_header_has_a_deadline() {
    let scene = impatient(Rec::start(Answer::Ok));
    let whole = get().bytes();
    for part in [1, whole.len() / 2, whole.len() - 1] {
        for earlier in [0, 1] {
            let mut connection = scene.gateway.connect();
            for _ in 0..earlier {
                assert_eq!(connection.exchange(&get()).status, 200);
            }
            scene.rec.clear();
            connection.send(&whole[..part]);
            assert_refused(
                "half a header",
                &connection.receive(),
                408,
                "RequestTimeout",
            );
            assert!(connection.closes());
            scene.rec.assert_untouched();
        }
    }
}

/// A byte now and then moves no deadline.
#[test]
fn j12_a_dripping_header_has_the_same_deadline() {
    let scene = impatient(Rec::start(Answer::Ok));
    let mut stream = TcpStream::connect(scene.gateway.address()).expect("the gateway listens");
    stream
        .set_read_timeout(Some(Duration::from_millis(10)))
        .expect("a timeout above zero");
    stream
        .write_all(b"GET /bucket01/key HTTP/1.1\r\nX-Drip: ")
        .expect("an open connection");
    let mut answer = [0; 4096];
    let count = loop {
        match stream.read(&mut answer) {
            Ok(count) => break count,
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
                "{error}"
            ),
        }
        stream.write_all(b"x").expect("an open connection");
    };
    assert!(
        answer[..count].starts_with(b"HTTP/1.1 408 "),
        "{}",
        String::from_utf8_lossy(&answer[..count])
    );
    scene.rec.assert_untouched();
}

#[test]
fn j12_idle_connections_are_closed() {
    let scene = impatient(Rec::start(Answer::Ok));
    let mut connections: Vec<_> = (0..MANY).map(|_| scene.gateway.connect()).collect();
    let mut used = scene.gateway.connect();
    assert_eq!(used.exchange(&get()).status, 200);
    connections.push(used);
    for connection in &mut connections {
        assert!(connection.closes(), "bytes on an idle connection");
    }
    scene.still_serves();
}

#[test]
fn j12_a_body_must_not_stall() {
    let scene = impatient(Rec::start(Answer::Ok));
    let sized = signed(Word::Aws, "PUT", "/bucket01/key")
        .header("Content-Length", "10")
        .body("hello");
    let chunked = signed(Word::Aws, "PUT", "/bucket01/key")
        .header("Transfer-Encoding", "chunked")
        .body("5\r\nhel");
    for (at, upload) in [sized, chunked].iter().enumerate() {
        let mut connection = scene.gateway.connect();
        connection.send(upload.bytes());
        assert_refused(
            "a stalled body",
            &connection.receive(),
            400,
            "RequestTimeout",
        );
        assert!(connection.closes());
        scene.rec.await_closed(at + 1);
        assert_eq!(scene.rec.requests().len(), 0);
    }
    scene.still_serves();
}

#[test]
fn j12_a_client_that_does_not_read_is_cut() {
    let size = 64 * MEBIBYTE as usize;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + size, b'x');
    let scene = impatient(Rec::scripted([Answer::Ok, Answer::Raw(answer)]));
    scene.still_serves();
    let before = scene.gateway.peak_memory();
    let mut connection = scene.gateway.connect();
    connection.send(get().bytes());
    scene.rec.await_closed(1);
    scene.gateway.await_log("outcome=aborted");
    let grown = scene.gateway.peak_memory() - before;
    assert!(
        grown < 16 * MEBIBYTE,
        "{grown} bytes for an answer that nobody reads"
    );
}

/// A signed request whose header has a line, a size and a number of fields.
fn sized(line: usize, size: usize, fields: usize) -> Vec<u8> {
    let mut head = String::from_utf8(get().bytes()).expect("ASCII");
    head.truncate(head.len() - 2);
    let first = "X-Line: ";
    head += &format!("{first}{}\r\n", "x".repeat(line - first.len()));
    let mut present = head.matches("\r\n").count() - 1;
    while present < fields {
        let left = size.saturating_sub(head.len() + 2);
        // The last field takes what is left, the others their share.
        let length = if present + 1 == fields {
            left
        } else {
            left / (fields - present)
        };
        head += &format!(
            "X: {}\r\n",
            "x".repeat(length.saturating_sub("X: \r\n".len()).min(16_000))
        );
        present += 1;
    }
    head += "\r\n";
    head.into_bytes()
}

#[test]
fn j13_each_limit_of_a_header_holds_on_both_sides() {
    const LINE: usize = 16 * 1024;
    const SIZE: usize = 64 * 1024;
    let scene = Scene::new(Forward::Trusted);
    for (line, size, fields) in [(LINE, 0, 4), (100, SIZE, 20), (100, 0, 100)] {
        let bytes = sized(line, size, fields);
        assert!(size == 0 || bytes.len() == size);
        let mut connection = scene.gateway.connect();
        connection.send(bytes);
        assert_eq!(connection.receive().status, 200, "{line} {size} {fields}");
        assert_eq!(connection.exchange(&get()).status, 200, "the next request");
    }
    scene.rec.await_requests(6);
    scene.rec.clear();
    for (line, size, fields) in [
        (LINE + 1, 0, 4),
        (100, SIZE + 1, 20),
        (100, 0, 101),
        (LINE + 1, SIZE + 1, 101),
    ] {
        let bytes = sized(line, size, fields);
        scene.refuses_and_closes(
            (&format!("{line} {size} {fields}"), bytes),
            400,
            "RequestHeaderSectionTooLarge",
        );
    }
    // A target and a line without an end.
    let target = signed(Word::Aws, "GET", &format!("/bucket01/{}", "k".repeat(LINE)));
    scene.refuses_and_closes(
        ("target", target.bytes()),
        400,
        "RequestHeaderSectionTooLarge",
    );
    scene.refuses_and_closes(
        ("no end", "G".repeat(SIZE)),
        400,
        "RequestHeaderSectionTooLarge",
    );
    scene.refuses_and_closes(
        (
            "no end",
            "X: y\r\n"
                .repeat(SIZE)
                .replacen("X: y", "GET / HTTP/1.1", 1),
        ),
        400,
        "RequestHeaderSectionTooLarge",
    );
}

#[test]
fn j13_many_large_headers_at_once_take_bounded_memory() {
    let scene = Scene::new(Forward::Trusted);
    let before = scene.gateway.peak_memory();
    let start = format!(
        "GET /bucket01/key HTTP/1.1\r\n{}",
        "X-Pad: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n".repeat(990)
    );
    let mut connections: Vec<_> = (0..MANY).map(|_| scene.gateway.connect()).collect();
    for connection in &mut connections {
        connection.send(&start);
    }
    for connection in &mut connections {
        connection.send("X-Pad: x\r\n".repeat(1000));
    }
    for connection in &mut connections {
        let response = connection.receive();
        assert_refused("too large", &response, 400, "RequestHeaderSectionTooLarge");
        assert!(connection.closes());
    }
    let grown = scene.gateway.peak_memory() - before;
    assert!(
        grown < MANY as u64 * 128 * 1024,
        "{grown} bytes for {MANY} headers"
    );
    scene.rec.assert_untouched();
    scene.still_serves();
}

/// A header that is not whole is held, and nothing else with it.
#[test]
fn l8_half_a_header_holds_little_more_than_itself() {
    const PER_HEADER: u64 = 70 * 1024;
    let scene = Scene::new(Forward::Trusted);
    let field = format!("X-Pad: {}\r\n", "x".repeat(624));
    let half = format!("GET /bucket01/key HTTP/1.1\r\n{}", field.repeat(97));
    assert!((60_000..65_536).contains(&half.len()), "{}", half.len());
    let held_by = |count: usize| -> Vec<_> {
        let mut connections: Vec<_> = (0..count).map(|_| scene.gateway.connect()).collect();
        for connection in &mut connections {
            connection.send(&half);
        }
        // One thread serves in the order of what has come.
        for _ in 0..20 {
            scene.still_serves();
        }
        connections
    };
    let first = held_by(20);
    let before = scene.gateway.peak_memory();
    let connections = held_by(MANY);
    let held = (scene.gateway.peak_memory() - before) / MANY as u64;
    assert!(held < PER_HEADER, "{held} bytes for half a header");
    assert!(held > half.len() as u64 / 2, "they were not read: {held}");
    drop((first, connections));
}

/// What uploads hold while their clients wait is some buffers each, not their bodies.
#[test]
fn j13_many_uploads_at_once_take_bounded_memory() {
    const UPLOADS: usize = 64;
    const PIECES: usize = 32;
    let scene = Scene::new(Forward::Trusted);
    scene.still_serves();
    let before = scene.gateway.peak_memory();
    let piece = vec![b'x'; 64 * 1024];
    let size = (PIECES * piece.len()).to_string();
    let upload = signed(Word::Aws, "PUT", "/bucket01/key").header("Content-Length", &size);
    let mut connections: Vec<_> = (0..UPLOADS).map(|_| scene.gateway.connect()).collect();
    for connection in &mut connections {
        connection.send(upload.bytes());
    }
    scene.rec.await_heads(1 + UPLOADS);
    for _ in 0..PIECES {
        for connection in &mut connections {
            connection.send(&piece);
        }
    }
    for connection in &mut connections {
        assert_eq!(connection.receive().status, 200);
    }
    assert_eq!(scene.rec.requests().len(), 1 + UPLOADS);
    let grown = scene.gateway.peak_memory() - before;
    assert!(
        grown < UPLOADS as u64 * 768 * 1024,
        "{grown} bytes for {UPLOADS} uploads"
    );
}
