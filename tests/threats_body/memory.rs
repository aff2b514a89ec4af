//! C14, L8: what uploads and answers hold of the gateway's memory while nobody takes their bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use support::gateway::{Config, Gateway};
use support::signer::{Request, Word, now};
use support::upload::{Framing, UNSIGNED, Upload, sha256};

/// Connections that do nothing, so that there are about a thousand.
const IDLE: usize = 900;
const UPLOADS: usize = 100;
/// More than the buffers of the kernel take on both ways.
const LENGTH: usize = 128 << 20;
/// A thousand uploads at once stay below 256 MiB.
const PER_UPLOAD: u64 = 256 * 1024;

/// A node that takes connections and reads nothing, so that every buffer on the way fills up.
#[test]
fn c14_uploads_that_the_node_does_not_take_hold_little() {
    let node = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = node.local_addr().expect("a bound socket").to_string();
    let config =
        Config::new(&address).section("signature", "[signature]\nversions = [\"v2\", \"v4\"]\n");
    for mode in [UNSIGNED, &sha256("x")] {
        let gateway = Gateway::start(&config);
        let idle: Vec<_> = (0..IDLE).map(|_| gateway.connect()).collect();
        gateway.await_metric(&format!("countersign_connections {IDLE}\n"));
        let head = Upload::new(mode, "").signed();
        let head = head.framing(Framing::Announced(LENGTH)).head_bytes();
        let blocked = |count: usize| -> Vec<TcpStream> {
            let uploads: Vec<_> = (0..count)
                .map(|_| {
                    let stream = TcpStream::connect(gateway.address()).expect("it accepts");
                    let head = head.clone();
                    thread::spawn(move || fill(stream, &head))
                })
                .collect();
            let ended = uploads.into_iter().map(thread::JoinHandle::join);
            ended.map(|upload| upload.expect("it blocks")).collect()
        };
        // What the first ones need is needed once.
        let first = blocked(10);
        let before = gateway.peak_memory();
        let open = blocked(UPLOADS);
        let held = (gateway.peak_memory() - before) / UPLOADS as u64;
        assert!(held < PER_UPLOAD, "{mode}: {held} bytes for each upload");
        drop((first, open, idle));
    }
}

/// Sends until nothing more is taken.
fn fill(mut stream: TcpStream, head: &[u8]) -> TcpStream {
    let patience = Some(Duration::from_secs(1));
    stream
        .set_write_timeout(patience)
        .expect("a timeout above zero");
    stream.write_all(head).expect("a header fits everywhere");
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..LENGTH / piece.len() {
        if let Err(error) = stream.write_all(&piece) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
            return stream;
        }
    }
    panic!("the node takes nothing, and everything was sent");
}

/// So many that each has the smallest share.
const OTHERS: usize = 1100;
const DOWNLOADS: usize = 300;
/// What the gateway holds of an answer, and of the request besides in a build for tests.
const PER_DOWNLOAD: u64 = (128 + 64) * 1024;

/// A node whose answers have no end, for clients that take none.
#[test]
fn l8_answers_that_the_client_does_not_take_hold_little() {
    let hard = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: hard,
        maximum: hard,
    };
    setrlimit(Resource::Nofile, raised).expect("up to the hard limit");
    let listener = small(None);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    listener.bind(&any.into()).expect("a free port");
    listener.listen(1024).expect("bound");
    let listener = TcpListener::from(listener);
    let node = listener.local_addr().expect("bound").to_string();
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    thread::spawn(move || answer_without_end(&listener, &counted));
    let config = Config::new(&node).line("listener", "body_timeout = \"1h\"");
    let gateway = Gateway::start(&config);
    let address: SocketAddr = gateway.address().parse().expect("an address");
    let request = Request::new(Word::Aws, "GET", "/bucket01/key");
    let request = request.date(&now()).signed().bytes();
    let blocked = |count: usize| -> Vec<Socket> {
        let clients: Vec<_> = (0..count)
            .map(|_| {
                let mut client = small(Some(address));
                client.write_all(&request).expect("it reads");
                client
            })
            .collect();
        // Until every buffer on the way is full: nothing moves for a while.
        let (mut known, mut since) = (0, Instant::now());
        while since.elapsed() < Duration::from_secs(3) {
            assert_eq!(gateway.admin_get("/healthz").status, 200);
            let moved = sent.load(Ordering::Relaxed);
            if moved != known {
                (known, since) = (moved, Instant::now());
            }
        }
        clients
    };
    let others = blocked(OTHERS);
    let before = gateway.peak_memory();
    let open = blocked(DOWNLOADS);
    let metrics = gateway.admin_get("/metrics").text();
    let all = format!("countersign_requests_in_flight {}\n", OTHERS + DOWNLOADS);
    assert!(metrics.contains(&all), "{metrics}");
    let held = (gateway.peak_memory() - before) / DOWNLOADS as u64;
    assert!(held < PER_DOWNLOAD, "{held} bytes for each download");
    drop((others, open));
}

/// A socket whose buffers take little, so that the gateway's are full soon.
fn small(connected_to: Option<SocketAddr>) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.set_send_buffer_size(65536).expect("a small buffer");
    if let Some(address) = connected_to {
        socket.connect(&address.into()).expect("it accepts");
    }
    socket
}

/// Sends each connection more than all buffers hold, and counts what is taken.
fn answer_without_end(listener: &TcpListener, sent: &AtomicUsize) {
    listener.set_nonblocking(true).expect("a socket");
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
    let piece = [b'x'; 16 * 1024];
    let mut connections: Vec<TcpStream> = Vec::new();
    loop {
        if let Ok((mut connection, _)) = listener.accept() {
            // The header of the request comes in one piece.
            connection.set_nonblocking(false).expect("a socket");
            assert_ne!(connection.read(&mut [0; 4096]).expect("a header"), 0);
            connection.write_all(head).expect("it fits everywhere");
            connection.set_nonblocking(true).expect("a socket");
            connections.push(connection);
        }
        for connection in &mut connections {
            if let Ok(count) = connection.write(&piece) {
                sent.fetch_add(count, Ordering::Relaxed);
            }
        }
        thread::yield_now();
    }
}
