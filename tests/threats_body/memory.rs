//! C14: what uploads hold of the gateway's memory while nobody takes their bytes.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use super::support::gateway::{Config, Gateway};
use super::support::upload::{Framing, UNSIGNED, Upload, sha256};

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
