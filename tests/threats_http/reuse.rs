//! L1: a connection to a node is used again only if both messages on it have ended cleanly.

use std::io::{ErrorKind, Read};
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};

use super::{Forward, Scene, Word, get, signed};
use support::gateway::{Config, Gateway};
use support::peer::node;
use support::rec::{Answer, Rec};

const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const EARLY: &str = "HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 5\r\n\r\nearly";

/// The node had no reason to read on: what it has left of the body would be its next request.
#[test]
fn l1_an_answer_ahead_of_the_body_ends_the_nodes_connection() {
    let node = Rec::scripted([Answer::Early(EARLY.into()), Answer::raw(HELLO)]);
    let scene = Scene::in_front_of(Forward::Trusted, node);
    let bytes = signed(Word::Aws, "PUT", "/bucket01/key")
        .body(vec![b'x'; 200_000])
        .bytes();
    let (start, rest) = bytes.split_at(bytes.len() / 2);
    let mut connection = scene.gateway.connect();
    connection.send(start);
    assert_eq!(connection.receive().status, 507);
    connection.send(rest);
    scene.rec.await_requests(1);
    connection.drain();
    let response = scene.gateway.exchange(&get());
    assert_eq!((response.status, response.text().as_str()), (200, "hello"));
    assert_eq!(scene.rec.requests()[1].connection, 1);
}

/// The answer is seen before the end of the body, however fast the client sends it and the node takes it.
#[test]
fn l1_an_early_answer_is_seen_in_the_middle_of_a_fast_upload() {
    let address = node(|mut peer| {
        while let Some(head) = peer.head() {
            let upload = head.line.starts_with("PUT");
            if upload {
                peer.send(EARLY);
            }
            let body = head.framing(support::wire::Framing::None);
            if peer.body(body).is_none() {
                return;
            }
            if !upload {
                let number = peer.number;
                peer.send(format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}"
                ));
            }
        }
    });
    let gateway = Gateway::start(&Config::new(&address));
    let upload = signed(Word::Aws, "PUT", "/bucket01/key").body(vec![b'x'; 32 * 1024 * 1024]);
    let mut connection = gateway.connect();
    connection.send(upload.bytes());
    assert_eq!(connection.receive().status, 507);
    assert!(connection.closes());
    let response = gateway.exchange(&get());
    assert_eq!((response.status, response.text().as_str()), (200, "1"));
}

/// However many of them are in the pool, the next request is served at its first try.
#[test]
fn l1_many_spent_connections_cost_nobody_an_answer() {
    const UPLOADS: usize = 24;
    let begun = Barrier::new(UPLOADS);
    let served = Arc::new(Mutex::new(Vec::new()));
    let numbers = Arc::clone(&served);
    let address = node(move |mut peer| {
        while let Some(head) = peer.head() {
            if head.line.starts_with("PUT") {
                peer.send(EARLY);
                let body = head.framing(support::wire::Framing::None);
                if peer.body(body).is_none() {
                    return;
                }
                // None ends before the others, so that each has a connection of its own.
                begun.wait();
            } else {
                numbers.lock().unwrap().push(peer.number);
                peer.send(HELLO);
            }
        }
    });
    let gateway = Gateway::start(&Config::new(&address));
    let bytes = signed(Word::Aws, "PUT", "/bucket01/key")
        .body("x".repeat(100_000))
        .bytes();
    let (start, rest) = bytes.split_at(bytes.len() - 1);
    let mut uploads: Vec<_> = (0..UPLOADS).map(|_| gateway.connect()).collect();
    for upload in &mut uploads {
        upload.send(start);
        assert_eq!(upload.receive().status, 507);
    }
    for mut upload in uploads {
        upload.send(rest);
        upload.drain();
    }
    for _ in 0..3 {
        assert_eq!(gateway.exchange(&get()).status, 200);
    }
    let served = served.lock().unwrap();
    assert!(served.iter().all(|number| *number >= UPLOADS), "{served:?}");
}

/// What stands behind an answer is nobody's, whenever it comes.
#[test]
fn l1_extra_bytes_behind_an_answer_are_never_the_next_one() {
    let extra = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled";
    for first in [
        format!("{HELLO}{extra}"),
        format!("HTTP/1.1 204 No Content\r\n\r\n{extra}"),
        format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n{extra}"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{extra}"),
        format!("{HELLO}x"),
    ] {
        let node = Rec::scripted([Answer::raw(&first), Answer::raw(HELLO)]);
        let scene = Scene::in_front_of(Forward::Trusted, node);
        let mut connection = scene.gateway.connect();
        connection.exchange(&get());
        let response = connection.exchange(&get());
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "hello"),
            "{first}"
        );
        assert_eq!(scene.rec.requests()[1].connection, 1, "{first}");
    }
    // Later, while the connection is idle.
    let (tell, told) = mpsc::channel::<()>();
    let (say, said) = mpsc::channel();
    let told = Mutex::new(told);
    let say = Mutex::new(say);
    let address = node(move |mut peer| {
        while peer.request().is_some() {
            peer.send(HELLO);
            if peer.number == 0 {
                told.lock().unwrap().recv().unwrap();
                peer.send(extra);
                say.lock().unwrap().send(true).unwrap();
                // The gateway ends the connection and sends nothing more on it.
                let end = peer.stream().read(&mut [0]);
                let ended = match end {
                    Ok(count) => count == 0,
                    Err(error) => error.kind() == ErrorKind::ConnectionReset,
                };
                return say.lock().unwrap().send(ended).unwrap();
            }
        }
    });
    let gateway = Gateway::start(&Config::new(&address));
    let mut connection = gateway.connect();
    assert_eq!(connection.exchange(&get()).text(), "hello");
    tell.send(()).unwrap();
    assert!(said.recv().unwrap());
    assert_eq!(connection.exchange(&get()).text(), "hello");
    assert!(said.recv().unwrap());
}

/// A node that announces a body behind 204 may send it, where nobody reads it.
#[test]
fn l1_a_body_that_may_still_come_ends_the_nodes_connection() {
    for framing in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let first = format!("HTTP/1.1 204 No Content\r\n{framing}\r\n\r\n");
        let node = Rec::scripted([Answer::raw(&first), Answer::raw(HELLO)]);
        let scene = Scene::in_front_of(Forward::Trusted, node);
        let mut connection = scene.gateway.connect();
        assert_eq!(connection.exchange(&get()).status, 204);
        assert_eq!(connection.exchange(&get()).text(), "hello");
        assert_eq!(scene.rec.requests()[1].connection, 1, "{framing}");
    }
    // One that announces none is kept.
    let first = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    let node = Rec::scripted([Answer::raw(first), Answer::raw(HELLO)]);
    let scene = Scene::in_front_of(Forward::Trusted, node);
    let mut connection = scene.gateway.connect();
    assert_eq!(connection.exchange(&get()).status, 204);
    assert_eq!(connection.exchange(&get()).text(), "hello");
    assert_eq!(scene.rec.requests()[1].connection, 0);
}
