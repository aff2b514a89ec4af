//! Two readers of the same bytes: the room's, and hyper's. Where the room reads an answer, hyper reads the same one; where
//! they differ, the room refuses, for one of the reasons in [`Stricter`].
//!
//! `cargo test --test node -- --ignored` throws for longer, `FUZZ_TURNS=1000000` for as long as one likes.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use countersign::node::{FaultKind, MAX_FIELDS, Malformed};
use http::{HeaderMap, Request};
use http_body_util::Empty;
use hyper::body::Body;
use hyper::client::conn::http1::Builder;
use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::AsyncWriteExt;

use super::{Answer, asked, pair, read, settled};
use support::dice::{Dice, turns};

/// Why the room refuses what hyper reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stricter {
    /// Empty lines in front of a status line: they are what an answer before left over.
    EmptyLines,
    /// 101 is nothing that a gateway has asked for.
    Upgrade,
    /// RFC 9112, section 6.3: it "ought to be handled as an error".
    LengthAndChunks,
    /// Without chunks at the end of the codings hyper reads until the end of the connection, whatever the coding; and it
    /// takes several codings that end with chunks for chunks.
    Coding,
    /// hyper looks at no length where there is no body, or chunks. The client would get it.
    UnreadLength,
    /// A length that no body has.
    HugeLength,
    /// hyper has no limit for interim answers.
    Interim,
    /// More digits than any chunk's size needs.
    ChunkDigits,
    /// Controls in an extension, or too much of blanks and extensions.
    ChunkExtension,
    /// Trailers are read by the letter: hyper takes a lone line feed for the end of a line, and more and longer ones.
    Trailer,
}

/// The reason for which the room refuses what hyper reads as this; none where there is none, which is a fault.
fn reason(kind: FaultKind, bytes: &[u8], is_head: bool, read: &Answer) -> Option<Stricter> {
    let FaultKind::Malformed(malformed) = kind else {
        return None;
    };
    let all = |wanted: &str| {
        let fields = read.headers.iter().filter(|(name, _)| name == wanted);
        fields.map(|(_, value)| &value[..]).collect::<Vec<_>>()
    };
    let (codings, lengths) = (all("transfer-encoding"), all("content-length"));
    let is_chunked = codings.len() == 1 && codings[0].eq_ignore_ascii_case(b"chunked");
    let text = String::from_utf8_lossy(bytes).replace('\r', "");
    let has_interim = ["HTTP/1.1 1", "HTTP/1.0 1"]
        .iter()
        .any(|line| text.contains(line));
    let is_unread =
        has_interim || matches!(read.status, 204 | 304) || !codings.is_empty() || is_head;
    match malformed {
        Malformed::StatusLine if text.starts_with('\n') || text.contains("\n\n\n") => {
            Some(Stricter::EmptyLines)
        }
        Malformed::Upgrade if read.status == 101 => Some(Stricter::Upgrade),
        Malformed::LengthAndChunks if is_chunked && !lengths.is_empty() => {
            Some(Stricter::LengthAndChunks)
        }
        Malformed::Coding if !codings.is_empty() && !is_chunked => Some(Stricter::Coding),
        Malformed::Length | Malformed::Lengths if is_unread => Some(Stricter::UnreadLength),
        Malformed::Length if lengths.iter().any(|value| value.len() > 18) => {
            Some(Stricter::HugeLength)
        }
        Malformed::TooManyInterim if has_interim => Some(Stricter::Interim),
        Malformed::ChunkSize if is_chunked => Some(Stricter::ChunkDigits),
        Malformed::ChunkExtension if is_chunked => Some(Stricter::ChunkExtension),
        Malformed::Trailer if is_chunked => Some(Stricter::Trailer),
        _ => None,
    }
}

/// A connection whose other end has sent this and closed, once it was written to.
struct Said<'b> {
    rest: &'b [u8],
    is_asked: bool,
    waker: Option<Waker>,
}

impl Read for Said<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut room: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_asked {
            self.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (here, rest) = self.rest.split_at(room.remaining().min(self.rest.len()));
        room.put_slice(here);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

impl Write for Said<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let fields = headers.iter();
    fields
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect()
}

/// What hyper reads.
async fn by_hyper(bytes: &[u8], is_head: bool) -> Option<Answer> {
    let said = Said {
        rest: bytes,
        is_asked: false,
        waker: None,
    };
    let mut builder = Builder::new();
    builder
        .max_headers(MAX_FIELDS)
        .allow_spaces_after_header_name_in_responses(true);
    let (mut sender, connection) = builder.handshake(said).await.ok()?;
    let mut connection = pin!(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    if is_head {
        *request.method_mut() = http::Method::HEAD;
    }
    let mut answer = pin!(sender.send_request(request));
    let mut is_over = false;
    let mut go_on = |cx: &mut Context<'_>| {
        if !is_over {
            is_over = connection.as_mut().poll(cx).is_ready();
        }
    };
    let answer = poll_fn(|cx| {
        go_on(cx);
        answer.as_mut().poll(cx)
    });
    let (head, mut rest) = answer.await.ok()?.into_parts();
    let mut body = Vec::new();
    loop {
        let frame = poll_fn(|cx| {
            go_on(cx);
            Pin::new(&mut rest).poll_frame(cx)
        });
        match frame.await {
            Some(frame) => body.extend(frame.ok()?.into_data().unwrap_or_default()),
            None => break,
        }
    }
    let reason = head.extensions.get::<hyper::ext::ReasonPhrase>();
    // No words at all are the usual ones of a status that has none.
    let is_usual = |reason: &[u8]| reason.is_empty() && head.status.canonical_reason().is_none();
    let reason = reason.filter(|reason| !is_usual(reason.as_bytes()));
    Some(Answer {
        interim: Vec::new(),
        status: head.status.as_u16(),
        reason: reason.map(|reason| Bytes::copy_from_slice(reason.as_bytes())),
        headers: fields(&head.headers),
        body,
    })
}

#[rustfmt::skip]
const SEEDS: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nServer: a\r\nETag: \"9b2cf535\"\r\nContent-Length: 12\r\nx-amz-meta-a: b\r\n\r\nhello, world",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;a=\"b\"\r\n, world\r\n0\r\nX-Sum: a\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Type: application/xml\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n<Error/>\r\n0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\n\r\nhello, world",
    b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello",
];

const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b";",
    b"0",
    b"00000000000000000000",
    b"5",
    b"+",
    b"-",
    b"x",
    b"\xe9",
    b"\x7f",
    b"Content-Length: 5\r\n",
    b"Content-Length: 6\r\n",
    b"content-length: 5, 5\r\n",
    b"Content-Length: 18446744073709551615\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: gzip\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Connection: close\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 ",
    b"HTTP/2.0 ",
    b"204 ",
    b"X-A: b\r\n c\r\n",
    b"X-A : b\r\n",
    b"X A: b\r\n",
    b": b\r\n",
    b"0\r\n\r\n",
    b"5\r\nhello\r\n",
    b"ffffffffffffffff\r\n",
    b"10000000000000000\r\n",
];

/// One answer, read by both: by the room in two parts, by hyper at once.
async fn differ(bytes: &[u8], cut: usize, is_head: bool) -> Result<bool, Stricter> {
    let (connection, mut node) = pair();
    let mut exchange = asked(connection, &mut node, is_head).await;
    let (first, second) = bytes.split_at(cut);
    let own = {
        let mut reading = pin!(read(&mut exchange));
        node.write_all(first).await.expect("room for an answer");
        let early = settled(&mut reading).await;
        node.write_all(second).await.expect("room for an answer");
        drop(node);
        match early {
            Some(own) => own,
            None => reading.await,
        }
    };
    let hyper = by_hyper(bytes, is_head).await;
    match (own, hyper) {
        (Err(_), None) => Ok(false),
        (Ok(own), Some(hyper)) => {
            let own = Answer {
                interim: Vec::new(),
                ..own
            };
            // hyper keeps no reason but ASCII.
            let is_ascii = own.reason.as_ref().is_none_or(|reason| reason.is_ascii());
            let hyper = match is_ascii {
                true => hyper,
                false => Answer {
                    reason: own.reason.clone(),
                    ..hyper
                },
            };
            assert_eq!(own, hyper, "{}", bytes.escape_ascii());
            Ok(true)
        }
        (Ok(own), None) => panic!("{} is read as {own:?}", bytes.escape_ascii()),
        (Err(fault), Some(hyper)) => match reason(fault.kind, bytes, is_head, &hyper) {
            Some(reason) => Err(reason),
            None => panic!("{}: {fault}; hyper reads {hyper:?}", bytes.escape_ascii()),
        },
    }
}

async fn throw(turns: u64) {
    let mut dice = Dice(0x5851_f42d_4c95_7f2d);
    let (mut both, mut neither) = (0, 0);
    let mut stricter = BTreeMap::new();
    for seed in SEEDS {
        let cut = dice.below(seed.len());
        assert_eq!(
            differ(seed, cut, false).await,
            Ok(true),
            "{}",
            seed.escape_ascii()
        );
    }
    for _ in 0..turns {
        let seed = SEEDS[dice.below(SEEDS.len())];
        let other = SEEDS[dice.below(SEEDS.len())];
        let bytes = dice.mutated(seed, WORDS, other);
        let cut = dice.below(bytes.len() + 1);
        match differ(&bytes, cut, dice.below(8) == 0).await {
            Ok(true) => both += 1,
            Ok(false) => neither += 1,
            Err(reason) => *stricter.entry(reason).or_insert(0) += 1,
        }
    }
    println!("both {both}, neither {neither}, {stricter:?}");
    assert!(
        both > turns / 10 && neither > turns / 10,
        "{both} {neither}"
    );
    assert!(stricter.len() >= 3, "{stricter:?}");
}

#[tokio::test]
async fn what_is_read_is_what_hyper_reads() {
    throw(turns(4_000)).await;
}

#[tokio::test]
#[ignore = "it takes a minute or two"]
async fn what_is_read_is_what_hyper_reads_for_longer() {
    throw(turns(300_000)).await;
}
