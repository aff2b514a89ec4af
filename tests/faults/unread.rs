//! A client that takes no answers.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::signed;
use support::gateway::{Config, Gateway};
use support::rec::{Answer, Rec};

/// The bytes of one answer's header.
const HEADER: usize = 32 * 1024;
/// More answers than the kernel holds for a client with a small window.
const ANSWERS: usize = 2_000;

/// The answer to HEAD is a header alone: nothing of a body has to be written for the client to be late.
#[test]
fn a_client_that_takes_no_header_is_left() {
    let field = "a".repeat(HEADER);
    let answer = format!("HTTP/1.1 200 OK\r\nx-amz-meta-a: {field}\r\nContent-Length: 1\r\n\r\n");
    let node = Rec::start(Answer::raw(&answer));
    let config = Config::new(node.address()).line("listener", "body_timeout = \"1s\"");
    let gateway = Gateway::start(&config);
    let mut client = client_of(&gateway);
    for answered in 1..=ANSWERS {
        // One at a time, since requests in one piece end the connection.
        let sent = client.write_all(&signed("HEAD", "/bucket01/key").bytes());
        if sent.is_err() || !is_answered(&gateway, answered) {
            gateway.await_metric("countersign_connections 0\n");
            assert!(answered > 1, "the connection ended for another reason");
            return;
        }
    }
    panic!("the kernel took every answer");
}

/// Nor does a body that is larger than all that the kernels hold keep the connection, or the node's.
#[test]
fn a_client_that_takes_no_body_is_left() {
    let size = 32 * 1024 * 1024;
    let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
    answer.resize(answer.len() + size, b'x');
    let node = Rec::start(Answer::Raw(answer));
    let config = Config::new(node.address()).line("listener", "body_timeout = \"300ms\"");
    let gateway = Gateway::start(&config);
    let mut client = client_of(&gateway);
    client
        .write_all(&signed("GET", "/bucket01/key").bytes())
        .expect("it reads");
    gateway.await_metric("countersign_connections 0\n");
    node.await_closed(1);
}

/// A connection with a small window.
fn client_of(gateway: &Gateway) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small window");
    let address: SocketAddr = gateway.address().parse().expect("an address");
    socket.connect(&address.into()).expect("it accepts");
    // The kernel accepts before the gateway does.
    gateway.await_metric("countersign_connections 1\n");
    socket.into()
}

/// Waits for an answer to be written, or for the end of the connection.
fn is_answered(gateway: &Gateway, count: usize) -> bool {
    let name = "countersign_requests_total";
    let labels = "dialect=\"aws\",operation=\"HeadObject\",outcome=\"forwarded\",version=\"v2\"";
    let written = format!("{name}{{{labels}}} {count}\n");
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        let metrics = gateway.admin_get("/metrics").text();
        if metrics.contains("countersign_connections 0\n") {
            return false;
        }
        if metrics.contains(&written) {
            return true;
        }
    }
    panic!("the client was waited for without end");
}
