//! Every answer that is odd, in bytes, and what is made of it. Each one comes in two parts, cut at each place in turn.
//!
//! What has one meaning and is sent by real nodes is read. What another reader could take otherwise is refused: RFC 9112,
//! sections 2.2, 4, 5, 6.3, 7.1 and 9.3; RFC 9110, sections 8.6 and 15.

use std::pin::pin;

use countersign::node::{FaultKind, MAX_FIELDS, MAX_HEAD_BYTES, MAX_INTERIM_ANSWERS, Malformed};
use tokio::io::AsyncWriteExt;

use super::{Answer, asked, pair, read, settled};

/// What is made of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is read, and the connection can be used again.
    Kept(u16, &'static str),
    /// It is read, and the connection is left.
    Left(u16, &'static str),
    /// The same, where the node ends the connection behind the bytes.
    Ended(u16, &'static str),
    Refused(Malformed),
    /// The node ends the connection behind the bytes.
    BrokenOff,
    Closed,
}

use Malformed as M;
use Outcome::{BrokenOff, Closed, Ended, Kept, Left, Refused};

/// Answers to GET.
#[rustfmt::skip]
const GET: &[(&str, Outcome)] = &[
    // Lengths.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Kept(200, "")),
    ("HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: \t5 \t\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 005\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 00000000000000000000005\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5,05\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", Refused(M::Lengths)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!", Refused(M::Lengths)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Lengths)),
    ("HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5 5\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5.0\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5;\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5,\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: ,5\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: \u{665}\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551621\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nhello", BrokenOff),
    ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", BrokenOff),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", BrokenOff),
    // What stands behind an answer is no answer to anything.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!", Left(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", Left(200, "")),

    // Length and chunks.
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(M::LengthAndChunks)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", Refused(M::LengthAndChunks)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Coding)),

    // Transfer codings.
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding:\tCHUNKED \r\n\r\n0\r\n\r\n", Kept(200, "")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked;x=1\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(M::Coding)),
    ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Refused(M::Coding)),

    // Chunks. More of them is in the tests of src/node/chunks.rs.
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b;c\r\nhello\r\n001 \t\r\n!\r\n0\r\nX-Sum: a\r\n\r\n", Kept(200, "hello!")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nbehind", Left(200, "")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", BrokenOff),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", BrokenOff),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n", BrokenOff),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", BrokenOff),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", Refused(M::ChunkSize)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", Refused(M::ChunkSize)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", Refused(M::ChunkSize)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", Refused(M::ChunkSize)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", Refused(M::ChunkSize)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;\nhello\r\n0\r\n\r\n", Refused(M::ChunkExtension)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n", Refused(M::ChunkEnd)),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n", Refused(M::Trailer)),

    // The end of the connection.
    ("HTTP/1.1 200 OK\r\n\r\nhello", Ended(200, "hello")),
    ("HTTP/1.1 200 OK\r\n\r\n", Ended(200, "")),
    ("HTTP/1.0 200 OK\r\n\r\nhello", Ended(200, "hello")),
    ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nhello", Ended(200, "hello")),
    ("", Closed),
    ("H", BrokenOff),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", BrokenOff),
    ("HTTP/1.1 103 Early Hints\r\n\r\n", BrokenOff),

    // Which connections go on.
    ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", Left(200, "hello")),
    ("HTTP/1.1 200 OK\r\nConnection: a, CLOSE ,b\r\nContent-Length: 5\r\n\r\nhello", Left(200, "hello")),
    ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", Left(200, "hello")),
    ("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nConnection: xclose\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Left(200, "")),
    ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", Left(200, "hello")),
    ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\nContent-Length: 5\r\n\r\nhello", Left(200, "hello")),

    // Statuses with rules of their own.
    ("HTTP/1.1 204 No Content\r\n\r\n", Kept(204, "")),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Kept(204, "")),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Left(204, "")),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", Left(204, "")),
    ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", Left(204, "")),
    ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Left(204, "")),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Kept(304, "")),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello", Left(304, "")),
    ("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Kept(304, "")),
    ("HTTP/1.1 304 Not Modified\r\nContent-Length: five\r\n\r\n", Refused(M::Length)),
    ("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", Kept(205, "")),
    ("HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello", Kept(205, "hello")),
    ("HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Kept(205, "")),
    ("HTTP/1.1 205 Reset Content\r\n\r\n", Ended(205, "")),
    ("HTTP/1.1 999 X\r\nContent-Length: 5\r\n\r\nhello", Kept(999, "hello")),

    // Interim answers. What one says of a body is nothing; only numbers that contradict each other are refused.
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 103 Early Hints\r\nContent-Length: five\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Length)),
    ("HTTP/1.1 103 Early Hints\r\nConnection: close\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Left(200, "hello")),
    ("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 X\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Kept(204, "")),
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", Refused(M::Upgrade)),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n", Refused(M::Upgrade)),

    // Status lines.
    ("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 All \u{e9} well\r\nContent-Length: 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1  200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.1 20 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.1 2000 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.1 -20 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.1 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.1 200 O\0K\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.1 200 O\rK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("HTTP/0.9 200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("ICY 200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("<html>hello</html>", Refused(M::StatusLine)),
    ("\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Refused(M::StatusLine)),
    ("\x16\x03\x01\x02", Refused(M::StatusLine)),

    // Lines and fields.
    ("HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length:\t 5\r\nX-Empty:\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Latin: \u{e9}\r\n\r\nhello", Kept(200, "hello")),
    ("HTTP/1.1 200 OK\r\nX-Fold: a\r\n b\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nContent-Length:\r\n 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\n Content-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX(Y): a\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX\u{e9}: a\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX: a\x7fb\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX: a\r\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
    ("HTTP/1.1 200 OK\r\nX\0: a\r\nContent-Length: 5\r\n\r\nhello", Refused(M::Field)),
];

/// Answers to HEAD.
#[rustfmt::skip]
const HEAD: &[(&str, Outcome)] = &[
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Kept(200, "")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Left(200, "")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Kept(200, "")),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\n", Kept(200, "")),
    ("HTTP/1.1 200 OK\r\n\r\n", Kept(200, "")),
    ("HTTP/1.0 200 OK\r\n\r\n", Left(200, "")),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n", Kept(404, "")),
    ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", Refused(M::Lengths)),
    ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Kept(204, "")),
    ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Kept(200, "")),
];

/// What is made of an answer that comes in two parts.
async fn outcome(bytes: &[u8], cut: usize, is_head: bool, expected: Outcome) {
    let case = || format!("{:?} cut at {cut}", bytes.escape_ascii().to_string());
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, is_head).await;
    let ends = matches!(expected, Ended(..) | BrokenOff | Closed);
    let (first, second) = bytes.split_at(cut);
    let seen = {
        let mut reading = pin!(read(&mut exchange));
        node.write_all(first).await.expect("room for an answer");
        let seen = settled(&mut reading).await;
        match seen {
            Some(seen) => {
                // Nothing that is yet to come can change it, unless it stands behind the answer.
                node.write_all(second).await.ok();
                seen
            }
            None => {
                node.write_all(second).await.expect("room for an answer");
                if ends {
                    drop(node);
                }
                reading.await
            }
        }
    };
    let seen = seen.map(|Answer { status, body, .. }| (status, body));
    match expected {
        Kept(status, body) | Left(status, body) | Ended(status, body) => {
            assert_eq!(seen, Ok((status, body.into())), "{}", case());
        }
        Refused(malformed) => {
            let kind = seen.map_err(|fault| fault.kind);
            assert_eq!(kind, Err(FaultKind::Malformed(malformed)), "{}", case());
        }
        BrokenOff | Closed => {
            let fault = seen.expect_err(&case());
            let closed = expected == Closed;
            let kind = match closed {
                true => FaultKind::Closed(None),
                false => FaultKind::BrokenOff(None),
            };
            assert_eq!(
                (fault.kind, fault.answer_begun),
                (kind, !closed),
                "{}",
                case()
            );
        }
    }
    let kept = exchange.into_connection().is_some();
    // What stands behind an answer and comes later is seen when the connection is taken out again.
    if cut == bytes.len() || !matches!(expected, Left(..)) {
        assert_eq!(kept, matches!(expected, Kept(..)), "{}", case());
    }
}

#[tokio::test]
async fn every_answer_is_the_same_wherever_it_is_cut() {
    for (table, is_head) in [(GET, false), (HEAD, true)] {
        for (bytes, expected) in table {
            for cut in 0..=bytes.len() {
                outcome(bytes.as_bytes(), cut, is_head, *expected).await;
            }
        }
    }
}

/// At the limit an answer is read; beyond it, it is refused, wherever it is cut.
#[tokio::test]
async fn a_head_has_limits() {
    let line = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
    let sized = |length: usize| {
        let rest = length - line.len() - "X: \r\n\r\n".len();
        format!("{line}X: {}\r\n\r\n", "a".repeat(rest))
    };
    let fields = |count: usize| format!("{line}{}\r\n", "X: a\r\n".repeat(count - 1));
    let interim = |count: u8| {
        let interim = "HTTP/1.1 102 Processing\r\n\r\n".repeat(count.into());
        format!("{interim}{line}\r\n")
    };
    for (bytes, expected) in [
        (sized(MAX_HEAD_BYTES), Kept(200, "")),
        (sized(MAX_HEAD_BYTES + 1), Refused(M::HeadTooLong)),
        (sized(2 * MAX_HEAD_BYTES), Refused(M::HeadTooLong)),
        (fields(MAX_FIELDS), Kept(200, "")),
        (fields(MAX_FIELDS + 1), Refused(M::TooManyFields)),
        (interim(MAX_INTERIM_ANSWERS), Kept(200, "")),
        (interim(MAX_INTERIM_ANSWERS + 1), Refused(M::TooManyInterim)),
    ] {
        for cut in [0, 1, 4096, bytes.len() - 1, bytes.len()] {
            outcome(bytes.as_bytes(), cut.min(bytes.len()), false, expected).await;
        }
    }
    // An endless line is not waited for.
    let endless = [line, "X: ", &"a".repeat(MAX_HEAD_BYTES)].concat();
    outcome(
        endless.as_bytes(),
        endless.len(),
        false,
        Refused(M::HeadTooLong),
    )
    .await;
}

#[tokio::test]
async fn the_fields_and_the_reason_are_those_that_came() {
    for (line, reason) in [
        ("200 OK", None),
        ("200", Some(&b""[..])),
        ("200 ", Some(b"")),
        ("200 ok", Some(b"ok")),
        ("200 OK ", Some(b"OK ")),
        ("404 Not Found", None),
        ("404 OK", Some(b"OK")),
        ("299 ", None),
        ("299", None),
        ("299 \u{e9}", Some("\u{e9}".as_bytes())),
    ] {
        let (connection, mut node) = pair();
        let mut exchange = asked(connection, &mut node, false).await;
        let answer = format!(
            "HTTP/1.1 {line}\r\nContent-Length: 0\r\nETag: \t\"a\" \r\nX-B: 1\r\nx-b: \u{e9}\r\nX-B:\r\n\r\n"
        );
        node.write_all(answer.as_bytes()).await.expect("room");
        let answer = read(&mut exchange).await.expect("an answer");
        assert_eq!(answer.reason.as_deref(), reason, "{line}");
        let field = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let expected = [
            field("content-length", "0"),
            field("etag", "\"a\""),
            field("x-b", "1"),
            field("x-b", "\u{e9}"),
            field("x-b", ""),
        ];
        assert_eq!(answer.headers, expected);
    }
}
