//! How a connection comes to be, and why not.

use std::time::Duration;

use bytes::Bytes;
use countersign::node::{Connection, FaultKind, RequestBody};
use countersign::socket_address::SocketAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use super::Endless;
use super::read;

const HEAD: Bytes = Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n");
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn a_connection_is_opened_over_both_kinds_of_sockets_or_says_why_not() {
    let soon = Duration::from_secs(20);
    let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = SocketAddress::Tcp(tcp.local_addr().expect("bound"));
    let connection = Connection::open(address.clone(), soon)
        .await
        .expect("it listens");
    let (mut node, _) = tcp.accept().await.expect("a connection");
    assert_eq!(connection.address(), &address);
    let mut exchange = connection.start(HEAD, RequestBody::Nothing, false);
    exchange
        .sender()
        .flush(&mut Endless)
        .await
        .expect("the node takes it");
    let mut request = vec![0; HEAD.len()];
    node.read_exact(&mut request).await.expect("the request");
    node.write_all(OK).await.expect("room");
    assert_eq!(read(&mut exchange).await.expect("an answer").status, 200);
    assert!(exchange.into_connection().is_some());
    drop(tcp);
    let fault = Connection::open(address, soon)
        .await
        .expect_err("nobody listens");
    assert_eq!(fault.kind, FaultKind::Refused);

    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("node.sock");
    let path = path.to_str().expect("UTF-8");
    let fault = Connection::open(super::address(path), soon)
        .await
        .expect_err("no such socket");
    assert_eq!(fault.kind, FaultKind::Connect(std::io::ErrorKind::NotFound));
    let unix = UnixListener::bind(path).expect("a path");
    let connection = Connection::open(super::address(path), soon)
        .await
        .expect("it listens");
    assert!(!connection.is_reused());
    unix.accept().await.expect("a connection");
}

/// The system takes as many connections as the queue holds, and lets the others wait.
#[tokio::test]
async fn a_node_that_takes_no_connection_is_given_up() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
    let socket = socket.expect("a socket");
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a port");
    socket.listen(0).expect("it listens");
    let address = socket
        .local_addr()
        .expect("bound")
        .as_socket()
        .expect("of IP");
    let address = SocketAddress::Tcp(address);
    let mut taken = Vec::new();
    let fault = loop {
        match Connection::open(address.clone(), Duration::from_millis(50)).await {
            Ok(connection) => taken.push(connection),
            Err(fault) => break fault,
        }
        assert!(taken.len() < 16);
    };
    assert_eq!(fault.kind, FaultKind::ConnectTimeout);
}
