//! An answer that breaks off behind its head: whatever had come of it leaves for the client before the connection is cut,
//! every time, however it came and however large it is.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::seen::{Seen, connect};
use super::{put, signed};
use support::gateway::{Config, Gateway};
use support::peer::node;
use support::wire::SAFETY_NET;

/// How often each answer is broken off.
const RUNS: usize = 100;
/// More than the gateway reads at once.
const LARGE: usize = 150_000;

/// How an answer breaks off.
#[derive(Clone, Copy, Debug)]
enum Break {
    /// The connection ends.
    End,
    /// The connection is reset.
    Reset,
    /// What comes next is no chunk.
    NoChunk,
}

/// The head and the framed beginning of a body, and the body as far as it comes.
fn answer(size: usize, chunked: bool, pieces: usize) -> (Vec<u8>, Vec<u8>) {
    let part: Vec<u8> = (0..size).map(|at| b'a' + (at % 23) as u8).collect();
    let framing = match chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {}", size + 1),
    };
    let mut bytes = format!("HTTP/1.1 200 OK\r\nETag: a\r\n{framing}\r\n\r\n").into_bytes();
    if chunked {
        for piece in part.chunks(size.div_ceil(pieces).max(1)) {
            bytes.extend(format!("{:x}\r\n", piece.len()).bytes());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
    } else {
        bytes.extend_from_slice(&part);
    }
    (bytes, part)
}

/// Every byte up to the end, but for the values that are another answer's each time; and the body.
fn received(client: &mut BufReader<TcpStream>) -> (String, Vec<u8>) {
    let mut raw = Vec::new();
    if let Err(error) = client.read_to_end(&mut raw) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    let seen = Seen::read(&mut &raw[..], "GET").expect("a head");
    assert!(!seen.is_whole, "{seen:?}");
    let fields = seen.head.headers.iter();
    let own = |name: &str| {
        !matches!(
            name.to_ascii_lowercase().as_str(),
            "date" | "x-amz-request-id"
        )
    };
    let fields: String = fields
        .filter(|(name, _)| own(name))
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    (format!("{}\n{fields}", seen.head.line), seen.body)
}

#[test]
fn what_came_of_a_broken_answer_reaches_the_client_every_time() {
    let plan = Mutex::new((Vec::new(), Break::End));
    let plan: &'static Mutex<(Vec<u8>, Break)> = Box::leak(Box::new(plan));
    let address = node(move |mut peer| {
        if peer.request().is_none() {
            return;
        }
        let (bytes, how) = plan.lock().unwrap().clone();
        peer.send(bytes);
        match how {
            Break::End => {}
            Break::Reset => {
                let linger = SockRef::from(peer.stream()).set_linger(Some(Duration::ZERO));
                linger.expect("a TCP socket");
            }
            Break::NoChunk => {
                peer.send("no chunk\r\n");
                // The gateway ends the connection.
                assert!(peer.request().is_none());
            }
        }
    });
    let gateway = Gateway::start(&Config::new(&address));
    let mut runs = 0;
    for (size, chunked, pieces, how) in [
        (0, false, 1, Break::End),
        (0, true, 1, Break::End),
        (0, true, 1, Break::NoChunk),
        (1, false, 1, Break::End),
        (1, true, 1, Break::Reset),
        (3_000, false, 1, Break::Reset),
        (3_000, true, 100, Break::NoChunk),
        (LARGE, false, 1, Break::End),
        (LARGE, true, 7, Break::NoChunk),
        (LARGE, true, 7, Break::End),
    ] {
        let (bytes, part) = answer(size, chunked, pieces);
        *plan.lock().unwrap() = (bytes, how);
        let mut first = None;
        for run in 0..RUNS {
            let mut client = connect(gateway.address());
            let request = signed("GET", "/bucket01/key").bytes();
            client.get_mut().write_all(&request).expect("it reads");
            let (head, body) = received(&mut client);
            let case = format!("{size} {chunked} {pieces} {how:?}, run {run}");
            assert!(head.starts_with("HTTP/1.1 200 OK\n"), "{case}: {head}");
            assert_eq!(body.len(), part.len(), "{case}");
            assert!(body == part, "{case}");
            assert_eq!(*first.get_or_insert_with(|| head.clone()), head, "{case}");
            runs += 1;
        }
    }
    let failed = format!("countersign_node_failures_total{{node=\"{address}\"}} {runs}\n");
    gateway.await_metric(&failed);
}

/// Also where the client has not sent all of its body yet, and where it goes on doing so.
#[test]
fn what_came_of_a_broken_early_answer_reaches_the_client_every_time() {
    for (size, goes_on) in [(1, false), (1, true), (LARGE, false), (LARGE, true)] {
        let (bytes, part) = answer(size, false, 1);
        let bytes = String::from_utf8(bytes).expect("letters");
        let bytes = bytes.replacen("200 OK", "507 X", 1);
        let address = node(move |mut peer| {
            if peer.head().is_some() {
                peer.send(&bytes);
                // To close ahead of the body would reset the connection, with some of this on the way.
                let ended = peer.stream().shutdown(Shutdown::Write);
                ended.expect("it is open");
                while !peer.read_some().is_empty() {}
            }
        });
        let gateway = Gateway::start(&Config::new(&address));
        let put = put(vec![b'x'; 2 * LARGE]).bytes();
        let (start, rest) = put.split_at(put.len() / 2);
        for run in 0..RUNS / 4 {
            let mut client = connect(gateway.address());
            client.get_mut().write_all(start).expect("it reads");
            if goes_on {
                // The gateway may have left by then.
                let _gone = client.get_mut().write_all(rest);
            }
            let (head, body) = received(&mut client);
            assert!(head.starts_with("HTTP/1.1 507 X\n"), "{head}");
            let length = body.len();
            assert!(body == part, "{goes_on}, run {run}: {length} of {size}");
        }
    }
}

/// Also where the client takes it later than it comes: the cut waits for that.
#[test]
fn what_came_of_a_broken_answer_waits_for_a_client_that_is_late() {
    let (bytes, part) = answer(LARGE, true, 200);
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let address = node(move |mut peer| {
        if peer.request().is_some() {
            peer.send(&bytes);
            drop(peer);
            tell.lock().unwrap().send(()).expect("the test waits");
        }
    });
    let gateway = Gateway::start(&Config::new(&address));
    for run in 0..10 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_recv_buffer_size(4096).expect("a small window");
        let server: SocketAddr = gateway.address().parse().expect("an address");
        socket.connect(&server.into()).expect("it accepts");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(SAFETY_NET)).expect("a time");
        let mut client = BufReader::new(stream);
        let request = signed("GET", "/bucket01/key").bytes();
        client.get_mut().write_all(&request).expect("it reads");
        told.recv_timeout(SAFETY_NET).expect("it is sent");
        let (_, body) = received(&mut client);
        assert!(body == part, "run {run}: {} of {LARGE}", body.len());
    }
}
