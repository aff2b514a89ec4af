//! The request that goes out.

use std::future::poll_fn;
use std::io::{IoSlice, Write};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};

use super::fault::{FaultKind, Misuse, NodeFault};
use super::patience::Patience;
use super::progress::Progress;
use super::stream::WriteSide;

/// How the body of a request is framed, as its head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestBody {
    /// There is none.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// In chunks (RFC 9112, section 7.1).
    Chunks,
}

/// The longest line of a chunk: the digits of a size, and the line's end.
const MAX_LINE: usize = 16 + 2;

/// What of a request waits to be sent: at most the head and one piece of the body, neither of them copied.
#[derive(Debug)]
pub(super) struct Outbox {
    head: Bytes,
    /// The line in front of a chunk, and what of it is still to be sent.
    line: [u8; MAX_LINE],
    line_from: u8,
    line_to: u8,
    piece: Bytes,
    /// What stands behind a piece.
    tail: &'static [u8],
    body: Open,
}

/// What of the body is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Length(u64),
    Chunks,
    /// Nothing: what waits is the end of the request.
    Whole,
    /// The request cannot end well any more.
    Spoiled,
}

impl Outbox {
    pub(super) fn new(head: Bytes, body: RequestBody) -> Self {
        Self {
            head,
            line: [0; MAX_LINE],
            line_from: 0,
            line_to: 0,
            piece: Bytes::new(),
            tail: b"",
            body: match body {
                RequestBody::Nothing | RequestBody::Length(0) => Open::Whole,
                RequestBody::Length(length) => Open::Length(length),
                RequestBody::Chunks => Open::Chunks,
            },
        }
    }

    fn line(&self) -> &[u8] {
        let (from, to) = (usize::from(self.line_from), usize::from(self.line_to));
        self.line.get(from..to).unwrap_or_default()
    }

    fn holds_piece(&self) -> bool {
        self.line_from < self.line_to || !self.piece.is_empty() || !self.tail.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.head.is_empty() && !self.holds_piece()
    }

    fn push(&mut self, piece: Bytes, last: bool) -> Result<(), Misuse> {
        if self.holds_piece() {
            return Err(Misuse::Unflushed);
        }
        match self.body {
            Open::Whole if piece.is_empty() => {}
            Open::Whole | Open::Spoiled => return Err(Misuse::BodyTooLong),
            Open::Length(left) => {
                let left = left
                    .checked_sub(piece.len() as u64)
                    .ok_or(Misuse::BodyTooLong)?;
                if last && left > 0 {
                    return Err(Misuse::BodyTooShort);
                }
                self.piece = piece;
                self.body = if left == 0 {
                    Open::Whole
                } else {
                    Open::Length(left)
                };
            }
            Open::Chunks => {
                if !piece.is_empty() {
                    self.set_line(piece.len());
                }
                self.tail = match (piece.is_empty(), last) {
                    (true, true) => b"0\r\n\r\n",
                    (true, false) => b"",
                    (false, true) => b"\r\n0\r\n\r\n",
                    (false, false) => b"\r\n",
                };
                self.piece = piece;
                if last {
                    self.body = Open::Whole;
                }
            }
        }
        Ok(())
    }

    /// The line in front of a chunk of this size.
    fn set_line(&mut self, size: usize) {
        let mut room = &mut self.line[..];
        // There is room for every size.
        let _written = write!(room, "{size:x}\r\n");
        let left = room.len();
        (self.line_from, self.line_to) = (0, (MAX_LINE - left) as u8);
    }

    /// Nothing of it can be sent any more.
    fn spoil(&mut self) {
        *self = Self::new(Bytes::new(), RequestBody::Nothing);
        self.body = Open::Spoiled;
    }

    /// So much of it has been sent.
    fn advance(&mut self, sent: usize) {
        let mut left = sent - advance(&mut self.head, sent);
        let here = left.min(self.line().len());
        self.line_from += here as u8;
        left -= here;
        left -= advance(&mut self.piece, left);
        self.tail = &self.tail[left.min(self.tail.len())..];
    }
}

/// Takes so much off the front at most, and the whole allocation where nothing is left.
fn advance(part: &mut Bytes, most: usize) -> usize {
    let here = part.len().min(most);
    if here < part.len() {
        part.advance(here);
    } else {
        *part = Bytes::new();
    }
    here
}

/// The half of an exchange that sends the request.
#[derive(Debug)]
pub struct Sender<'e> {
    pub(super) side: WriteSide<'e>,
    pub(super) outbox: &'e mut Outbox,
    pub(super) progress: &'e Progress,
}

impl Sender<'_> {
    /// Whether nothing waits to be sent.
    pub fn is_flushed(&self) -> bool {
        self.outbox.is_empty()
    }

    /// Whether a piece of the body waits: the next one would be too early. The first one may be taken in while the head
    /// still waits, and leaves together with it.
    pub fn holds_piece(&self) -> bool {
        self.outbox.holds_piece()
    }

    /// The fault of a node that reports success before it has the whole request.
    pub fn premature(&self) -> NodeFault {
        self.progress.fault(FaultKind::Premature)
    }

    /// Whether the whole request has been sent.
    pub fn is_done(&self) -> bool {
        self.progress.is_sent()
    }

    /// Takes the next piece of the body, or with `last` the last one, which may be empty. It leaves with [`Sender::flush`];
    /// where the head still waits, together with it.
    ///
    /// # Errors
    /// [`Misuse`]: more or less than the head announces, or a piece while another one waits. The connection does not come
    /// back.
    pub fn push(&mut self, piece: Bytes, last: bool) -> Result<(), NodeFault> {
        self.outbox.push(piece, last).map_err(|misuse| {
            self.outbox.body = Open::Spoiled;
            self.progress.fault(FaultKind::Misuse(misuse))
        })
    }

    /// Sends what waits. Given up half way, it goes on where it was.
    ///
    /// # Errors
    /// The node takes no more. It may have answered before: what it said is yet to be read.
    pub async fn flush(&mut self, patience: &mut impl Patience) -> Result<(), NodeFault> {
        poll_fn(|cx| self.poll_flush(cx, patience)).await
    }

    /// The same for a task that polls.
    ///
    /// # Errors
    /// See [`Sender::flush`].
    pub fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        patience: &mut impl Patience,
    ) -> Poll<Result<(), NodeFault>> {
        while !self.outbox.is_empty() {
            let outbox = &*self.outbox;
            let parts = [&outbox.head[..], outbox.line(), &outbox.piece, outbox.tail];
            let mut slices = [IoSlice::new(b""); 4];
            let mut count = 0;
            for part in parts.into_iter().filter(|part| !part.is_empty()) {
                slices[count] = IoSlice::new(part);
                count += 1;
            }
            match self.side.poll_write(cx, &slices[..count]) {
                Poll::Ready(Ok(sent)) => {
                    self.outbox.advance(sent);
                    patience.renew();
                }
                Poll::Ready(Err(error)) => {
                    self.outbox.spoil();
                    let kind = FaultKind::Write(error.kind());
                    return Poll::Ready(Err(self.progress.fault(kind)));
                }
                Poll::Pending if patience.poll_spent(cx).is_ready() => {
                    self.outbox.spoil();
                    return Poll::Ready(Err(self.progress.fault(FaultKind::WriteTimeout)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.outbox.body == Open::Whole {
            self.progress.set_sent();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that waits, sent so many bytes at a time.
    fn sent(outbox: &mut Outbox, at_once: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !outbox.is_empty() {
            let parts = [&outbox.head[..], outbox.line(), &outbox.piece, outbox.tail];
            let whole = parts.concat();
            let count = at_once.min(whole.len());
            all.extend_from_slice(&whole[..count]);
            outbox.advance(count);
        }
        all
    }

    #[test]
    fn a_request_leaves_whole_however_little_is_taken_at_once() {
        let piece = |length| Bytes::from(vec![b'x'; length]);
        for at_once in 1..40 {
            let mut outbox = Outbox::new("head".into(), RequestBody::Chunks);
            outbox.push(piece(0x1f), false).unwrap();
            let mut all = sent(&mut outbox, at_once);
            for (length, last) in [(0, false), (0x10, false), (1, true)] {
                outbox.push(piece(length), last).unwrap();
                all.extend(sent(&mut outbox, at_once));
            }
            let x = "x".repeat(31);
            let expected = format!("head1f\r\n{x}\r\n10\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", &x[..16]);
            assert_eq!(String::from_utf8(all).unwrap(), expected);
            assert_eq!(outbox.body, Open::Whole);

            let mut outbox = Outbox::new("head".into(), RequestBody::Chunks);
            outbox.push(Bytes::new(), true).unwrap();
            assert_eq!(sent(&mut outbox, at_once), b"head0\r\n\r\n");

            let mut outbox = Outbox::new("head".into(), RequestBody::Length(5));
            outbox.push("he".into(), false).unwrap();
            assert_eq!(sent(&mut outbox, at_once), b"headhe");
            outbox.push("llo".into(), true).unwrap();
            assert_eq!(sent(&mut outbox, at_once), b"llo");
            assert_eq!(outbox.body, Open::Whole);
            // The end may be told behind it.
            outbox.push(Bytes::new(), true).unwrap();
        }
        let mut outbox = Outbox::new(Bytes::new(), RequestBody::Chunks);
        outbox.set_line(usize::MAX);
        assert_eq!(outbox.line(), b"ffffffffffffffff\r\n");
    }

    #[test]
    fn a_body_is_as_long_as_its_head_says() {
        for (body, pieces, misuse) in [
            (
                RequestBody::Nothing,
                &[("x", false)][..],
                Misuse::BodyTooLong,
            ),
            (
                RequestBody::Length(1),
                &[("xy", false)],
                Misuse::BodyTooLong,
            ),
            (
                RequestBody::Length(1),
                &[("x", false), ("y", true)],
                Misuse::BodyTooLong,
            ),
            (RequestBody::Length(2), &[("x", true)], Misuse::BodyTooShort),
            (RequestBody::Length(2), &[("", true)], Misuse::BodyTooShort),
            (
                RequestBody::Chunks,
                &[("x", true), ("y", true)],
                Misuse::BodyTooLong,
            ),
        ] {
            let mut outbox = Outbox::new("head".into(), body);
            let (last, before) = pieces.split_last().unwrap();
            for (piece, end) in before {
                outbox.push((*piece).into(), *end).unwrap();
                sent(&mut outbox, 64);
            }
            assert_eq!(
                outbox.push(last.0.into(), last.1),
                Err(misuse),
                "{pieces:?}"
            );
        }
        for body in [RequestBody::Length(2), RequestBody::Chunks] {
            let mut outbox = Outbox::new("head".into(), body);
            outbox.push("x".into(), false).unwrap();
            assert_eq!(outbox.push("y".into(), true), Err(Misuse::Unflushed));
        }
    }
}
