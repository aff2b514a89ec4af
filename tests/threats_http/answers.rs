//! L12, L13, L14, M18: what of a node's answer reaches the client, when, and how it is framed.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc;

use super::{Forward, Scene, Word, assert_refused, get, signed};
use support::gateway::{Config, Gateway};
use support::peer::{Peer, node};
use support::rec::{Answer, Rec};
use support::signer::Request;
use support::wire::{Connection, SAFETY_NET};

/// The most interim answers to one request, as documented.
const MAX_INTERIM: usize = 32;

#[test]
fn l12_interim_answers_are_bounded() {
    let interim = "HTTP/1.1 102 Processing\r\n\r\n";
    let end = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let answer = |count: usize| Answer::Raw([&interim.repeat(count), end].concat().into_bytes());
    let scene = Scene::in_front_of(
        Forward::Trusted,
        Rec::scripted([answer(MAX_INTERIM), answer(0)]),
    );
    let mut connection = scene.gateway.connect();
    connection.send(get().bytes());
    for _ in 0..MAX_INTERIM {
        assert_eq!(connection.receive().status, 102);
    }
    assert_eq!(connection.receive().status, 200);
    // Each request has its own.
    assert_eq!(connection.exchange(&get()).status, 200);

    for count in [MAX_INTERIM + 1, 100_000] {
        let scene = Scene::in_front_of(Forward::Trusted, Rec::scripted([answer(count), answer(0)]));
        let mut connection = scene.gateway.connect();
        connection.send(get().bytes());
        let mut told = 0;
        let refusal = loop {
            match connection.receive() {
                interim if interim.status == 102 => told += 1,
                last => break last,
            }
        };
        assert!(told <= MAX_INTERIM, "{told} of {count}");
        assert_refused("a flood", &refusal, 502, "BadGateway");
        assert!(connection.closes());
        scene.rec.await_closed(1);
        scene.still_serves();
        assert_eq!(scene.rec.requests().last().expect("one").connection, 1);
    }
}

/// A client that sees each byte as it comes.
struct Watching(TcpStream);

impl Watching {
    fn get(gateway: &Gateway) -> Self {
        let mut stream = TcpStream::connect(gateway.address()).expect("the gateway listens");
        stream
            .set_read_timeout(Some(SAFETY_NET))
            .expect("a timeout above zero");
        stream.write_all(&get().bytes()).expect("a request");
        Self(stream)
    }

    /// Reads until what has come ends so.
    fn sees(&mut self, end: &str) -> String {
        let mut seen = Vec::new();
        while !seen.ends_with(end.as_bytes()) {
            let mut byte = [0];
            let count = self.0.read(&mut byte).expect("more of the answer");
            assert_eq!(count, 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
        String::from_utf8(seen).expect("ASCII")
    }
}

/// A gateway in front of a node that sends the next piece of its answer when the test says so, and then closes.
fn piecemeal() -> (mpsc::Sender<&'static str>, Gateway) {
    let (say, said) = mpsc::channel::<&'static str>();
    let said = Mutex::new(said);
    let address = node(move |mut peer| {
        peer.request();
        for piece in said.lock().expect("one connection").iter() {
            peer.send(piece);
        }
    });
    (say, Gateway::start(&Config::new(&address)))
}

#[test]
fn l13_the_header_and_each_piece_leave_as_they_come() {
    for framing in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "x-amz-meta-a: b",
    ] {
        let (say, gateway) = piecemeal();
        let mut client = Watching::get(&gateway);
        let header = format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n");
        say.send(header.leak()).expect("the node listens");
        // Nothing of the body is there, and nothing will come before the client has the header.
        let header = client.sees("\r\n\r\n");
        let is_chunked = !framing.starts_with("Content");
        assert_eq!(header.contains("chunked"), is_chunked, "{header}");
        for piece in ["1", "2", "3"] {
            let sent = match framing.starts_with("Transfer") {
                true => format!("1\r\n{piece}\r\n"),
                false => piece.to_owned(),
            };
            say.send(sent.leak()).expect("the node listens");
            client.sees(piece);
        }
    }
}

/// What has come of an answer is not lost with its node.
#[test]
fn l13_what_a_dying_node_has_said_arrives() {
    let (say, gateway) = piecemeal();
    let mut client = Watching::get(&gateway);
    say.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        .expect("the node listens");
    drop(say);
    let mut seen = Vec::new();
    if let Err(error) = client.0.read_to_end(&mut seen) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    assert!(seen.ends_with(b"\r\n\r\nhello"), "{}", seen.escape_ascii());
}

/// What a node says of an answer's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framed {
    Length,
    Nothing,
    Chunks,
    Close,
}

const FRAMED: [Framed; 4] = [
    Framed::Length,
    Framed::Nothing,
    Framed::Chunks,
    Framed::Close,
];
const STATUSES: [u16; 7] = [200, 204, 205, 206, 304, 404, 500];
const METHODS: [&str; 4] = ["GET", "HEAD", "PUT", "DELETE"];

/// The answer of a node that keeps to its framing: no body where HTTP has none.
fn answer(method: &str, status: u16, framed: Framed) -> String {
    let (field, body) = match framed {
        Framed::Length => ("Content-Length: 5\r\n", "hello"),
        Framed::Nothing => ("Content-Length: 0\r\n", ""),
        Framed::Chunks => ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        Framed::Close => ("", "hello"),
    };
    let body = if is_bodiless(method, status) {
        ""
    } else {
        body
    };
    format!("HTTP/1.1 {status} X\r\n{field}\r\n{body}")
}

/// RFC 9112, section 6.3.
fn is_bodiless(method: &str, status: u16) -> bool {
    method == "HEAD" || matches!(status, 204 | 304)
}

/// Answers by the request's key: `method-status-framing`.
fn by_key(mut peer: Peer) {
    while let Some((head, _)) = peer.request() {
        let mut words = head.line.split(' ');
        let (method, target) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let key = target.rsplit('/').next().unwrap_or_default();
        let mut numbers = key
            .split('-')
            .filter_map(|number| number.parse::<usize>().ok());
        let (Some(status), Some(framed)) = (numbers.next(), numbers.next()) else {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsync");
            continue;
        };
        let framed = FRAMED[framed];
        peer.send(answer(method, status as u16, framed));
        if framed == Framed::Close && !is_bodiless(method, status as u16) {
            return;
        }
    }
}

#[test]
fn l14_every_answer_is_framed_for_its_client() {
    let address = node(by_key);
    let mut tried = 0;
    for forward in Forward::BOTH {
        let gateway =
            Gateway::start(&Config::new(&address).section("cluster", &forward.cluster(&address)));
        for method in METHODS {
            for status in STATUSES {
                for (at, framed) in FRAMED.into_iter().enumerate() {
                    for version in ["HTTP/1.1", "HTTP/1.0"] {
                        let case = format!("{forward:?} {method} {status} {framed:?} {version}");
                        let mut request =
                            signed(Word::Aws, method, &format!("/bucket01/{status}-{at}"))
                                .header("Connection", "keep-alive");
                        if method == "PUT" {
                            request = request.body("hello");
                        }
                        one_answer(&gateway, &request, status, framed, version, &case);
                        tried += 1;
                    }
                }
            }
        }
    }
    assert_eq!(tried, 2 * 4 * 7 * 4 * 2);
}

fn one_answer(
    gateway: &Gateway,
    request: &Request,
    status: u16,
    framed: Framed,
    version: &str,
    case: &str,
) {
    let bytes = String::from_utf8(request.bytes()).expect("ASCII");
    let mut connection: Connection = gateway.connect();
    connection.send(bytes.replacen("HTTP/1.1", version, 1));
    let received = connection.try_receive(&request.method);
    let answer = received.unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(answer.status, status, "{case}");
    let length = answer.head.all("content-length");
    let coding = answer.head.all("transfer-encoding");
    let is_new = version == "HTTP/1.1";
    let expected: (&[&str], &[&str]) = match (is_bodiless(&request.method, status), framed) {
        // RFC 9110, section 8.6: never in 204; what the body would have elsewhere.
        (true, _) if status == 204 => (&[], &[]),
        (true, Framed::Length) => (&["5"], &[]),
        (true, Framed::Nothing) => (&["0"], &[]),
        (true, _) => (&[], &[]),
        // RFC 9110, section 15.3.6: 205 has no content.
        (false, _) if status == 205 => (&["0"], &[]),
        (false, Framed::Length) => (&["5"], &[]),
        (false, Framed::Nothing) => (&["0"], &[]),
        (false, Framed::Chunks | Framed::Close) if is_new => (&[], &["chunked"]),
        // RFC 9112, section 6.1: HTTP/1.0 knows no chunks.
        (false, Framed::Chunks | Framed::Close) => (&[], &[]),
    };
    assert_eq!((&length[..], &coding[..]), expected, "{case}");
    let has_body =
        !is_bodiless(&request.method, status) && status != 205 && framed != Framed::Nothing;
    assert_eq!(answer.text(), if has_body { "hello" } else { "" }, "{case}");
    let kept = answer.header("connection") == Some("keep-alive");
    let until_close = has_body && expected.0.is_empty() && expected.1.is_empty();
    assert_eq!(kept, !until_close, "{case}");
    if kept {
        // The connection is in step.
        let next = connection.exchange(&get());
        assert_eq!((next.status, next.text().as_str()), (200, "sync"), "{case}");
    }
}

/// A proxy may not let through what has no single end.
#[test]
fn l14_faulty_framing_is_502() {
    for answer in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello",
    ] {
        let scene = Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(answer)));
        let mut connection = scene.gateway.connect();
        assert_refused(answer, &connection.exchange(&get()), 502, "BadGateway");
        assert!(connection.closes(), "{answer}");
        scene.rec.await_closed(1);
    }
    // The same length said twice has one meaning, and is said once.
    for lengths in [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5, 5",
        "Content-Length: 05",
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nhello");
        let scene = Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(&answer)));
        let response = scene.gateway.exchange(&get());
        assert_eq!(
            (response.status, response.head.all("content-length")),
            (200, vec!["5"]),
            "{lengths}"
        );
        assert_eq!(response.text(), "hello");
    }
    // An interim answer has no framing of its own.
    let interim = "HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nHTTP/1.1 103 Early Hints\r\n\
                   Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let scene = Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(interim)));
    let mut connection = scene.gateway.connect();
    connection.send(get().bytes());
    for _ in 0..2 {
        let hints = connection.receive();
        assert_eq!((hints.status, hints.head.headers.len()), (103, 0));
    }
    assert_eq!(connection.receive().status, 200);
}

const ERROR: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>m</Message>\
    <RequestId>tx00000NODE</RequestId><HostId>host-of-the-node</HostId></Error>";

#[test]
fn m18_an_error_of_the_node_has_one_id() {
    let fields = "x-amz-request-id: tx00000NODE\r\nx-amz-id-2: host-of-the-node\r\nContent-Type: application/xml\r\n";
    let sized = format!(
        "HTTP/1.1 404 Not Found\r\n{fields}Content-Length: {}\r\n\r\n",
        ERROR.len()
    );
    let chunked = format!("HTTP/1.1 404 Not Found\r\n{fields}Transfer-Encoding: chunked\r\n\r\n");
    let pieces: String = ERROR.chars().map(|c| format!("1\r\n{c}\r\n")).collect();
    let late = format!(
        "HTTP/1.1 200 OK\r\n{fields}Content-Length: {}\r\n\r\n",
        ERROR.len()
    );
    for forward in Forward::BOTH {
        for (answer, request) in [
            (format!("{sized}{ERROR}"), get()),
            (format!("{chunked}{pieces}0\r\n\r\n"), get()),
            (
                format!("{sized}{ERROR}"),
                signed(Word::Wos, "GET", "/bucket01/key"),
            ),
            (sized.clone(), signed(Word::Aws, "HEAD", "/bucket01/key")),
            (
                format!("{late}{ERROR}"),
                signed(Word::Aws, "POST", "/bucket01/key?uploadId=u").body("x"),
            ),
        ] {
            let scene = Scene::in_front_of(forward, Rec::start(Answer::raw(&answer)));
            let mut connection = scene.gateway.connect();
            for _ in 0..2 {
                let response = connection.exchange(&request);
                let prefix = request.word.header_prefix();
                let id = response
                    .header(&format!("{prefix}request-id"))
                    .expect("an id")
                    .to_owned();
                assert_eq!(id.len(), 32);
                if request.method == "HEAD" {
                    assert_eq!(response.header("x-amz-id-2").map(str::len), Some(32));
                    continue;
                }
                assert!(!response.text().contains("NODE"), "{}", response.text());
                assert_eq!(response.element("RequestId"), Some(id));
                assert_eq!(response.element("Code").as_deref(), Some("NoSuchKey"));
                let host = response.element("HostId").expect("one");
                assert!(host.len() == 32 && host != "host-of-the-node", "{host}");
                if response.status == 404 {
                    assert_eq!(response.header(&format!("{prefix}id-2")), Some(&*host));
                }
            }
            let line = scene.gateway.await_log("outcome=forwarded");
            assert!(line.contains("node_request_id=tx00000NODE"), "{line}");
        }
    }
}

/// What the gateway does not know stays as it is: objects, and what is no document.
#[test]
fn m18_objects_and_other_bodies_keep_what_they_say() {
    for (status, kind) in [
        ("200 OK", "application/xml"),
        ("500 X", "text/html"),
        ("500 X", "application/json"),
    ] {
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{ERROR}",
            ERROR.len()
        );
        let scene = Scene::in_front_of(Forward::Trusted, Rec::start(Answer::raw(&answer)));
        assert_eq!(
            scene.gateway.exchange(&get()).text(),
            ERROR,
            "{status} {kind}"
        );
    }
}
