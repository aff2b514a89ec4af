//! The request that goes out, both directions at once, what a node does wrong, and what is left when a wait is given up.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use countersign::node::{Exchange, FaultKind, Misuse, Patience, RequestBody, Silence};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::{Endless, asked, pair, read, settled};

const HEAD: Bytes = Bytes::from_static(b"PUT / HTTP/1.1\r\n\r\n");
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
/// More than a socket holds.
const MUCH: usize = 4 * 1024 * 1024;

async fn received(node: &mut UnixStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    node.read_exact(&mut bytes).await.expect("the request");
    bytes
}

#[tokio::test]
async fn a_body_leaves_as_its_head_announces_it() {
    let pieces: [&[u8]; 3] = [b"hello", b"", b", world of sixteen"];
    let sized = b"hello, world of sixteen".to_vec();
    let chunked = b"5\r\nhello\r\n12\r\n, world of sixteen\r\n0\r\n\r\n".to_vec();
    for (body, expected) in [
        (RequestBody::Length(sized.len() as u64), sized),
        (RequestBody::Chunks, chunked),
    ] {
        for end_alone in [false, true] {
            let (connection, mut node) = pair();
            let mut exchange = connection.start(HEAD, body, false);
            let mut sender = exchange.sender();
            for (at, piece) in pieces.into_iter().enumerate() {
                let last = at + 1 == pieces.len() && !end_alone;
                sender.push(Bytes::from_static(piece), last).expect("room");
                assert!(!sender.is_done());
                sender.flush(&mut Endless).await.expect("the node takes it");
                assert!(sender.is_flushed());
            }
            if end_alone {
                sender.push(Bytes::new(), true).expect("room");
                sender.flush(&mut Endless).await.expect("the node takes it");
            }
            assert!(sender.is_done(), "{body:?}");
            let expected = [&HEAD[..], &expected].concat();
            assert_eq!(received(&mut node, expected.len()).await, expected);
            node.write_all(OK).await.expect("room");
            assert_eq!(read(&mut exchange).await.expect("an answer").body, b"hello");
            assert!(exchange.into_connection().is_some());
        }
    }
}

#[tokio::test]
async fn a_body_that_is_not_as_announced_costs_the_connection() {
    for (body, piece, last, misuse) in [
        (RequestBody::Nothing, "x", true, Misuse::BodyTooLong),
        (RequestBody::Length(2), "xyz", true, Misuse::BodyTooLong),
        (RequestBody::Length(2), "x", true, Misuse::BodyTooShort),
    ] {
        let (connection, mut node) = pair();
        let mut exchange = connection.start(HEAD, body, false);
        let mut sender = exchange.sender();
        let fault = sender
            .push(piece.into(), last)
            .expect_err("too much or too little");
        assert_eq!(fault.kind, FaultKind::Misuse(misuse));
        sender.flush(&mut Endless).await.expect("the head goes");
        assert!(!sender.is_done());
        node.write_all(OK).await.expect("room");
        assert!(read(&mut exchange).await.is_ok());
        assert!(exchange.into_connection().is_none());
    }
}

/// A request with a body that the node has read half of.
async fn half_sent(body: RequestBody) -> (Exchange, UnixStream) {
    let (connection, mut node) = pair();
    let mut exchange = connection.start(HEAD, body, false);
    let mut sender = exchange.sender();
    sender.push("he".into(), false).expect("room");
    sender.flush(&mut Endless).await.expect("the node takes it");
    let head = received(&mut node, HEAD.len()).await;
    assert_eq!(head, HEAD);
    (exchange, node)
}

#[tokio::test]
async fn an_early_answer_is_read_and_its_connection_left() {
    // The rest of the body is sent behind the answer, or never.
    for whole in [true, false] {
        let (mut exchange, mut node) = half_sent(RequestBody::Length(5)).await;
        node.write_all(OK).await.expect("room");
        let head = exchange.receiver().head(&mut Endless).await;
        assert_eq!(head.expect("an early answer").status, 200);
        if whole {
            let mut sender = exchange.sender();
            sender.push("llo".into(), true).expect("room");
            sender.flush(&mut Endless).await.expect("the node takes it");
            assert!(sender.is_done());
        }
        let piece = exchange.receiver().piece(&mut Endless).await;
        assert_eq!(piece.expect("a body").as_deref(), Some(&b"hello"[..]));
        assert_eq!(exchange.receiver().piece(&mut Endless).await, Ok(None));
        assert!(exchange.into_connection().is_none());
    }
}

/// An interim answer in the middle of a body is none: what waits goes on, and the connection is kept.
#[tokio::test]
async fn a_body_is_sent_while_the_answer_is_awaited() {
    let (connection, mut node) = pair();
    let mut exchange = connection.start(HEAD, RequestBody::Chunks, false);
    let piece = Bytes::from(vec![b'x'; MUCH]);
    let told = tokio::spawn(async move {
        let line = format!("{MUCH:x}\r\n");
        received(&mut node, HEAD.len() + line.len() + 7).await;
        node.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await
            .expect("room");
        let rest = received(&mut node, MUCH - 7 + b"\r\n0\r\n\r\n".len()).await;
        assert!(rest.ends_with(b"x\r\n0\r\n\r\n"));
        node.write_all(OK).await.expect("room");
        node
    });
    let (mut sender, mut receiver) = exchange.split();
    sender.push(piece, true).expect("room");
    let mut statuses = Vec::new();
    let (mut own, mut others) = (Endless, Endless);
    while statuses.last() != Some(&200) {
        // Both waits are given up whenever the other one ends.
        tokio::select! {
            sent = sender.flush(&mut own), if !sender.is_flushed() => sent.expect("it goes"),
            head = receiver.head(&mut others) => {
                statuses.push(head.expect("an answer").status.as_u16());
            }
        }
    }
    assert_eq!(statuses, [100, 200]);
    assert!(
        receiver
            .piece(&mut Endless)
            .await
            .expect("a body")
            .is_some()
    );
    assert!(
        receiver
            .piece(&mut Endless)
            .await
            .expect("its end")
            .is_none()
    );
    assert!(exchange.into_connection().is_some());
    told.await.expect("the node");
}

/// Every wait is given up at each place where it can be, and the same exchange comes out.
#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let answer = b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\n, \r\n0\r\nA: b\r\n\r\n";
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, false).await;
    let (mut statuses, mut body, mut sent) = (Vec::new(), Vec::new(), 0);
    loop {
        let mut receiver = exchange.receiver();
        if statuses.last() != Some(&200) {
            match settled(pin!(receiver.head(&mut Endless))).await {
                Some(head) => statuses.push(head.expect("an answer").status.as_u16()),
                None => {
                    node.write_all(&answer[sent..=sent]).await.expect("room");
                    sent += 1;
                }
            }
            continue;
        }
        match settled(pin!(receiver.piece(&mut Endless))).await {
            Some(piece) => match piece.expect("a body") {
                Some(piece) => body.extend_from_slice(&piece),
                None => break,
            },
            None => {
                node.write_all(&answer[sent..=sent]).await.expect("room");
                sent += 1;
            }
        }
    }
    assert_eq!((statuses, sent), (vec![103, 200], answer.len()));
    assert_eq!(body, b"hello, ");
    assert!(exchange.into_connection().is_some());

    // A write that the node takes little by little.
    let (connection, mut node) = pair();
    let mut exchange = connection.start(HEAD, RequestBody::Length(MUCH as u64), false);
    let mut sender = exchange.sender();
    let bytes: Bytes = (0..MUCH).map(|at| (at % 251) as u8).collect();
    sender.push(bytes.clone(), true).expect("room");
    let (mut taken, mut given_up) = (Vec::new(), 0);
    let mut room = vec![0; 10_007];
    while taken.len() < HEAD.len() + MUCH {
        match settled(pin!(sender.flush(&mut Endless))).await {
            Some(sent) => sent.expect("the node takes it"),
            None => given_up += 1,
        }
        let count = node.read(&mut room).await.expect("the request");
        taken.extend_from_slice(&room[..count]);
    }
    assert!(given_up > 10, "{given_up}");
    assert!(taken == [HEAD, bytes].concat());
    assert!(sender.is_done());
}

#[tokio::test]
async fn a_wait_has_an_end() {
    let span = Duration::from_millis(20);
    // For an answer, from its first byte to its last.
    for sent in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
    ] {
        let (connection, mut node) = pair();
        let mut exchange = asked(connection, &mut node, false).await;
        node.write_all(sent.as_bytes()).await.expect("room");
        let mut silence = Silence::of(span);
        let mut receiver = exchange.receiver();
        let fault = match receiver.head(&mut silence).await {
            Ok(_) => loop {
                match receiver.piece(&mut silence).await {
                    Ok(piece) => assert!(piece.is_some()),
                    Err(fault) => break fault,
                }
            },
            Err(fault) => fault,
        };
        assert_eq!(
            (fault.kind, fault.answer_begun),
            (FaultKind::Silent, !sent.is_empty())
        );
        assert!(exchange.into_connection().is_none());
    }
    // For a request.
    let (connection, _node) = pair();
    let mut exchange = connection.start(HEAD, RequestBody::Length(MUCH as u64), false);
    let mut sender = exchange.sender();
    sender.push(vec![0; MUCH].into(), true).expect("room");
    let fault = sender
        .flush(&mut Silence::of(span))
        .await
        .expect_err("nobody reads");
    assert_eq!(fault.kind, FaultKind::WriteTimeout);
}

/// Counts how often it is asked, and how often something happened.
#[derive(Default)]
struct Counting(usize, usize);

impl Patience for Counting {
    fn poll_spent(&mut self, _cx: &mut std::task::Context<'_>) -> Poll<()> {
        self.0 += 1;
        Poll::Pending
    }

    fn renew(&mut self) {
        self.1 += 1;
    }
}

#[tokio::test]
async fn patience_is_asked_only_where_a_wait_blocks() {
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, false).await;
    node.write_all(OK).await.expect("room");
    // The driver has seen it.
    poll_fn(|cx| {
        let mut receiver = exchange.receiver();
        let head = pin!(receiver.head(&mut Endless)).poll(cx);
        head.map(|head| assert_eq!(head.expect("an answer").status, 200))
    })
    .await;
    let mut counting = Counting::default();
    let mut receiver = exchange.receiver();
    while receiver
        .piece(&mut counting)
        .await
        .expect("a body")
        .is_some()
    {}
    assert_eq!((counting.0, counting.1), (0, 0));
}

#[tokio::test]
async fn a_node_that_is_gone_is_told_from_one_that_breaks_off() {
    // A request that cannot be sent.
    let (connection, node) = pair();
    drop(node);
    let mut exchange = connection.start(HEAD, RequestBody::Nothing, false);
    let fault = exchange
        .sender()
        .flush(&mut Endless)
        .await
        .expect_err("nobody is there");
    assert!(matches!(fault.kind, FaultKind::Write(_)), "{fault}");
    assert!(!fault.is_stale(), "it was a new connection");

    // A kept connection that the node ends once it has the request.
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, false).await;
    node.write_all(OK).await.expect("room");
    read(&mut exchange).await.expect("an answer");
    let connection = exchange.into_connection().expect("in order");
    assert!(connection.is_reused());
    let mut exchange = asked(connection, &mut node, false).await;
    drop(node);
    let fault = read(&mut exchange).await.expect_err("no answer");
    assert_eq!(fault.kind, FaultKind::Closed(None));
    assert!(fault.is_stale());

    // One that answers, and does not read on.
    let (mut exchange, mut node) = half_sent(RequestBody::Chunks).await;
    received(&mut node, b"2\r\nhe\r\n".len()).await;
    node.write_all(OK).await.expect("room");
    drop(node);
    let mut sender = exchange.sender();
    sender.push("llo".into(), true).expect("room");
    let fault = sender.flush(&mut Endless).await.expect_err("nobody reads");
    assert!(matches!(fault.kind, FaultKind::Write(_)), "{fault}");
    assert_eq!(
        read(&mut exchange).await.expect("what it said before").body,
        b"hello"
    );
    assert!(exchange.into_connection().is_none());
}

/// The tasks of a gateway may go on in another thread.
#[tokio::test]
async fn an_exchange_can_be_sent_to_another_thread() {
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, false).await;
    let answer = tokio::spawn(async move { read(&mut exchange).await });
    node.write_all(OK).await.expect("room");
    let answer = answer.await.expect("no panic");
    assert_eq!(answer.expect("an answer").body, b"hello");
}

#[tokio::test]
async fn an_answer_is_read_in_turn() {
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, false).await;
    let fault = exchange
        .receiver()
        .piece(&mut Endless)
        .await
        .expect_err("no head yet");
    assert_eq!(fault.kind, FaultKind::Misuse(Misuse::OutOfTurn));

    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, false).await;
    node.write_all(OK).await.expect("room");
    read(&mut exchange).await.expect("an answer");
    let fault = exchange
        .receiver()
        .head(&mut Endless)
        .await
        .expect_err("only one");
    assert_eq!(fault.kind, FaultKind::Misuse(Misuse::OutOfTurn));
    assert!(exchange.into_connection().is_none());
}

#[tokio::test]
async fn a_large_answer_comes_in_large_pieces() {
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, false).await;
    let sent = tokio::spawn(async move {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
        node.write_all(head.as_bytes()).await.expect("it is read");
        node.write_all(&vec![7; MUCH]).await.expect("it is read");
        node
    });
    let mut receiver = exchange.receiver();
    assert_eq!(
        receiver.head(&mut Endless).await.expect("an answer").length,
        Some(MUCH as u64)
    );
    let mut length = 0;
    while let Some(piece) = receiver.piece(&mut Endless).await.expect("a body") {
        assert!(piece.len() <= countersign::node::MAX_PIECE);
        assert!(piece.iter().all(|byte| *byte == 7));
        length += piece.len();
    }
    assert_eq!(length, MUCH);
    assert!(exchange.into_connection().is_some());
    sent.await.expect("the node");
}

/// More than what is read at once with the head.
#[tokio::test]
async fn a_byte_behind_a_large_answer_is_seen_with_it() {
    for (behind, kept) in [("", true), ("!", false)] {
        let (connection, mut node) = pair();
        let mut exchange = asked(connection, &mut node, false).await;
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n";
        let answer = [head, &"x".repeat(10_000), behind].concat();
        node.write_all(answer.as_bytes()).await.expect("room");
        assert_eq!(
            read(&mut exchange).await.expect("an answer").body.len(),
            10_000
        );
        assert_eq!(exchange.into_connection().is_some(), kept);
    }
}
