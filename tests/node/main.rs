//! The room towards one node: what is read of an answer, what is sent of a request, and which connections are used again.

mod exchange;
mod forward;
mod idle;
mod open;
mod oracle;
mod table;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign::node::{Connection, Exchange, NodeFault, Patience, RequestBody, Stream};
use countersign::socket_address::SocketAddress;
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

/// Waits for ever: the test ends the wait.
struct Endless;

impl Patience for Endless {
    fn poll_spent(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn renew(&mut self) {}
}

/// The address of the connections that a test makes itself.
fn address(path: &str) -> SocketAddress {
    SocketAddress::Unix(path.to_owned())
}

/// A connection, and the node's end of it.
fn pair() -> (Connection, UnixStream) {
    let (own, node) = UnixStream::pair().expect("two sockets");
    (Connection::of(Stream::Unix(own), address("node")), node)
}

/// A request without a body that the node has read.
async fn asked(connection: Connection, node: &mut UnixStream, is_head: bool) -> Exchange {
    let head = Bytes::from_static(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut request = vec![0; head.len()];
    let mut exchange = connection.start(head, RequestBody::Nothing, is_head);
    exchange
        .sender()
        .flush(&mut Endless)
        .await
        .expect("the node takes it");
    node.read_exact(&mut request).await.expect("the request");
    exchange
}

/// All that one answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    interim: Vec<u16>,
    status: u16,
    reason: Option<Bytes>,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

/// Reads an answer to its end.
async fn read(exchange: &mut Exchange) -> Result<Answer, NodeFault> {
    let mut receiver = exchange.receiver();
    let mut interim = Vec::new();
    let head = loop {
        let head = receiver.head(&mut Endless).await?;
        if !head.status.is_informational() {
            break head;
        }
        interim.push(head.status.as_u16());
    };
    let mut body = Vec::new();
    while let Some(piece) = receiver.piece(&mut Endless).await? {
        assert!(!piece.is_empty());
        body.extend_from_slice(&piece);
    }
    let fields = head.headers.iter();
    Ok(Answer {
        interim,
        status: head.status.as_u16(),
        reason: head.reason,
        headers: fields
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect(),
        body,
    })
}

/// Lets a future go on for as long as it has something to do; none where it then waits.
async fn settled<T>(future: impl Future<Output = T> + Unpin) -> Option<T> {
    let mut future = pin!(future);
    // The driver is asked for news each time.
    for _ in 0..3 {
        tokio::select! {
            biased;
            value = &mut future => return Some(value),
            () = tokio::task::yield_now() => {}
        }
    }
    None
}
