//! L9: clients that go on, and too slowly.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::{Forward, Scene, get, signed};
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};
use support::signer::{Request, Word};
use support::wire::{Connection, SAFETY_NET};

const MEBIBYTE: usize = 1024 * 1024;
/// More than three windows of [`FLOOR`].
const SOME_WINDOWS: Duration = Duration::from_millis(1000);
/// Far above what a byte now and then is, far below what a test's client sends that does nothing else.
const FLOOR: &str = "min_rate = 20000\nmin_rate_window = \"300ms\"\nbody_timeout = \"1h\"";

fn dropped(count: usize) -> String {
    format!("countersign_connections_dropped_total{{reason=\"slow\"}} {count}\n")
}

/// For so long, and at least once, no connection is dropped for slowness.
fn nobody_is_cut(gateway: &Gateway, time: Duration) {
    let start = Instant::now();
    loop {
        let metrics = gateway.admin_get("/metrics").text();
        assert!(metrics.contains(&dropped(0)));
        if start.elapsed() >= time {
            return;
        }
    }
}

fn with_a_floor(rec: Rec) -> Scene {
    Scene::with(Forward::Trusted, rec, |config| {
        config.line("listener", FLOOR)
    })
}

/// An upload of many bytes, and its first ones.
fn uploads() -> [Vec<u8>; 2] {
    let sized = signed(Word::Aws, "PUT", "/bucket01/key").header("Content-Length", "1000000");
    let chunked = signed(Word::Aws, "PUT", "/bucket01/key").header("Transfer-Encoding", "chunked");
    [sized.bytes(), [&chunked.bytes()[..], b"f4240\r\n"].concat()]
}

#[test]
fn l9_a_dripping_upload_is_cut() {
    let scene = with_a_floor(Rec::start(Answer::Ok));
    for (at, upload) in uploads().into_iter().enumerate() {
        let mut stream = TcpStream::connect(scene.gateway.address()).expect("the gateway listens");
        // The pace: a byte each time that no answer has come.
        let pace = Some(Duration::from_millis(5));
        stream.set_read_timeout(pace).expect("above zero");
        stream.write_all(&upload).expect("an open connection");
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
        let answer = String::from_utf8_lossy(&answer[..count]);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(answer.contains("<Code>RequestTimeout</Code>"), "{answer}");
        scene.rec.await_closed(at + 1);
        assert_eq!(scene.rec.requests().len(), 0);
        scene.gateway.await_metric(&dropped(at + 1));
    }
    scene.still_serves();
}

/// Nobody has said that a client with a floor must be fast.
#[test]
fn l9_an_upload_above_the_floor_goes_on() {
    let scene = with_a_floor(Rec::start(Answer::Ok));
    let mut connection = scene.gateway.connect();
    let upload = signed(Word::Aws, "PUT", "/bucket01/key").header("Transfer-Encoding", "chunked");
    connection.send(upload.bytes());
    // For longer than some windows, and each time with bytes enough for most of a second.
    let piece = [&b"4000\r\n"[..], &[b'x'; 0x4000], b"\r\n"].concat();
    let (start, mut pieces) = (Instant::now(), 0);
    while start.elapsed() < SOME_WINDOWS {
        connection.send(&piece);
        pieces += 1;
        nobody_is_cut(&scene.gateway, Duration::ZERO);
    }
    connection.send("0\r\n\r\n");
    assert_eq!(connection.receive().status, 200);
    assert_eq!(scene.rec.requests()[0].body.len(), pieces * 0x4000);
}

#[test]
fn l9_a_slow_reader_is_cut() {
    let size = 64 * MEBIBYTE;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + size, b'x');
    let floor = FLOOR.replace("20000", "1048576");
    let scene = Scene::with(
        Forward::Trusted,
        Rec::start(Answer::Raw(answer)),
        |config| config.line("listener", &floor),
    );
    let mut stream = TcpStream::connect(scene.gateway.address()).expect("the gateway listens");
    stream
        .set_read_timeout(Some(SAFETY_NET))
        .expect("above zero");
    stream
        .write_all(&get().bytes())
        .expect("an open connection");
    let mut read = 0;
    // The pace: a few bytes for each look at the metrics.
    while scene
        .gateway
        .admin_get("/metrics")
        .text()
        .contains(&dropped(0))
    {
        read += stream.read(&mut [0; 128]).expect("the answer");
        assert!(read < size / 8, "it was served");
    }
    scene.gateway.await_metric(&dropped(1));
    scene.gateway.await_log("outcome=aborted");
    scene.rec.await_closed(1);
}

/// A node that takes its time is no fault of the client, be it ahead of a body, within it or behind it.
#[test]
fn l9_the_time_of_the_node_does_not_count() {
    const BODY: usize = 8 * MEBIBYTE;
    let node = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = node.local_addr().expect("bound").to_string();
    let (go_on, told) = mpsc::channel();
    let node = thread::spawn(move || {
        let (stream, _) = node.accept().expect("the gateway");
        let mut stream = Connection::from(stream);
        let head = stream.read_head();
        assert!(head.header("expect").is_some());
        let pause = || told.recv().expect("the test goes on");
        pause();
        stream.send("HTTP/1.1 100 Continue\r\n\r\n");
        pause();
        stream.read_body(BODY);
        pause();
        stream.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
        pause();
        stream.send("llo");
        stream.drain();
    });
    let config = Config::new(&address).line("listener", FLOOR);
    let gateway = Gateway::start(&config);
    let upload = signed(Word::Aws, "PUT", "/bucket01/key")
        .header("Content-Length", &BODY.to_string())
        .header("Expect", "100-continue");
    let address = gateway.address().to_owned();
    let client = thread::spawn(move || {
        let mut connection = Connection::open(&address);
        assert_eq!(connection.exchange(&upload).status, 100);
        connection.send(vec![b'x'; BODY]);
        let answer = connection.receive();
        assert_eq!((answer.status, answer.text()), (200, "hello".to_owned()));
    });
    for _pause in 0..4 {
        nobody_is_cut(&gateway, SOME_WINDOWS);
        go_on.send(()).expect("the node waits");
    }
    client.join().expect("it is served");
    nobody_is_cut(&gateway, Duration::ZERO);
    drop(gateway);
    node.join().expect("the node does not panic");
}

/// Without a floor a byte now and then is enough.
#[test]
fn l9_zero_is_any_pace() {
    let scene = Scene::with(Forward::Trusted, Rec::start(Answer::Ok), |config| {
        config.line("listener", "min_rate = 0\nmin_rate_window = \"10ms\"")
    });
    let mut connection = scene.gateway.connect();
    let upload: Request = signed(Word::Aws, "PUT", "/bucket01/key").header("Content-Length", "20");
    connection.send(upload.bytes());
    for _ in 0..20 {
        nobody_is_cut(&scene.gateway, Duration::from_millis(15));
        connection.send("x");
    }
    assert_eq!(connection.receive().status, 200);
}
