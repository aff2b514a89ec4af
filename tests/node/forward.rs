//! One request as a gateway forwards it: sent piece by piece, with an eye on the answer.

use std::time::Duration;

use bytes::Bytes;
use countersign::clock::instant;
use countersign::node::{
    AnswerHead, Connection, Exchange, NodeFault, RequestBody, Silence, give_back, take,
};
use countersign::socket_address::SocketAddress;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Endless;

const PATIENCE: Duration = Duration::from_secs(60);
const HEAD: Bytes = Bytes::from_static(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");

/// What came of it: whether the connection had been used before, the interim answers, the status and the body.
type Told = (bool, usize, u16, Vec<u8>);

async fn forward(address: &SocketAddress, pieces: &[&'static str]) -> Result<Told, NodeFault> {
    let connection = match take(address, instant()) {
        Some(connection) => connection,
        None => Connection::open(address.clone(), PATIENCE).await?,
    };
    let reused = connection.is_reused();
    let mut exchange = connection.start(HEAD, RequestBody::Chunks, false);
    let (head, interim) = send(&mut exchange, pieces).await?;
    let mut receiver = exchange.receiver();
    let (mut silence, mut body) = (Silence::of(PATIENCE), Vec::new());
    while let Some(piece) = receiver.piece(&mut silence).await? {
        body.extend_from_slice(&piece);
    }
    // None where the node closes or answered early, or where anything stands behind its answer.
    if let Some(connection) = exchange.into_connection() {
        give_back(connection, 128, instant());
    }
    Ok((reused, interim, head.status.as_u16(), body))
}

/// Sends the request until there is a final answer, be it early.
async fn send(
    exchange: &mut Exchange,
    pieces: &[&'static str],
) -> Result<(AnswerHead, usize), NodeFault> {
    let (mut sender, mut receiver) = exchange.split();
    let mut pieces = pieces.iter();
    let mut interim = 0;
    // The node need not answer before it has the whole request: until then nobody loses patience with it.
    let (mut silence, mut answer, mut endless) =
        (Silence::of(PATIENCE), Silence::of(PATIENCE), Endless);
    loop {
        if sender.is_done() {
            let head = receiver.head(&mut answer).await?;
            if !head.status.is_informational() {
                return Ok((head, interim));
            }
            interim += 1;
            continue;
        }
        // The first piece leaves together with the head.
        if !sender.holds_piece() {
            let piece = pieces.next();
            let last = pieces.len() == 0;
            sender.push(piece.copied().unwrap_or_default().into(), last)?;
        }
        tokio::select! {
            sent = sender.flush(&mut silence) => if let Err(fault) = sent {
                // It may have answered before it went.
                let head = receiver.head(&mut answer).await.map_err(|_| fault)?;
                return Ok((head, interim));
            },
            head = receiver.head(&mut endless) => match head? {
                head if head.status.is_informational() => interim += 1,
                head => return Ok((head, interim)),
            },
        }
    }
}

async fn until(stream: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    while !read.ends_with(end) {
        read.push(stream.read_u8().await.expect("more of the request"));
    }
    read
}

#[tokio::test]
async fn requests_follow_each_other_on_a_connection_until_one_is_answered_early() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = SocketAddress::Tcp(listener.local_addr().expect("bound"));
    let node = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        for _ in 0..2 {
            let request = until(&mut stream, b"\r\n0\r\n\r\n").await;
            assert!(request.ends_with(b"\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n"));
            let answer = b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
            stream.write_all(answer).await.expect("room");
        }
        until(&mut stream, b"hello\r\n").await;
        let answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
        stream.write_all(answer).await.expect("room");
        // The gateway ends the connection.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("the end");
        listener
    });
    for reused in [false, true] {
        let told = forward(&address, &["hello", ", world"])
            .await
            .expect("an answer");
        assert_eq!(told, (reused, 1, 200, b"ok".to_vec()));
    }
    // The last piece is one that the node does not wait for.
    let connection = take(&address, instant()).expect("it waits");
    let mut exchange = connection.start(HEAD, RequestBody::Chunks, false);
    let (mut sender, mut receiver) = exchange.split();
    sender.push("hello".into(), false).expect("room");
    sender.flush(&mut Endless).await.expect("the node takes it");
    let head = receiver.head(&mut Endless).await.expect("an early answer");
    assert_eq!(head.status, 403);
    while receiver
        .piece(&mut Endless)
        .await
        .expect("a body")
        .is_some()
    {}
    assert!(exchange.into_connection().is_none());
    node.await.expect("the node saw what it should");
}
