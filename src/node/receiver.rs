//! The answer that comes in.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::chunks::{Chunks, Taken};
use super::fault::{FaultKind, Malformed, Misuse, NodeFault};
use super::framing::Framing;
use super::head::{self, AnswerHead, MAX_HEAD_BYTES};
use super::patience::Patience;
use super::progress::Progress;
use super::stream::ReadSide;

/// The most interim answers (1xx) to one request. More are no answer but a flood.
pub const MAX_INTERIM_ANSWERS: u8 = 32;
/// The largest piece of a body, and the most that is read at once.
pub const MAX_PIECE: usize = 64 * 1024;
/// The least that is read at once: smaller pieces cost more than they save.
const MIN_PIECE: usize = 4 * 1024;
/// How much is read at once while a head is awaited. Most heads fit, and small bodies with them.
const HEAD_PIECE: usize = 4096;

/// What has come of an answer.
#[derive(Debug)]
pub(super) struct Inbox {
    /// What was read and is not yet taken. It has room only while something is in it.
    buffer: BytesMut,
    /// How much of it is known to hold no end of a head.
    searched: usize,
    stage: Stage,
    is_head: bool,
    interim: u8,
    /// Whether the connection can go on behind the answer, as far as that is known: an interim one may speak of it too.
    goes_on: bool,
    /// The largest piece of the body.
    most: usize,
}

/// What comes next.
#[derive(Debug)]
enum Stage {
    Head,
    Length(u64),
    Chunks(Chunks),
    Close,
    End,
    /// The answer cannot end well any more.
    Broken,
}

impl Inbox {
    pub(super) fn new(is_head: bool) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            stage: Stage::Head,
            is_head,
            interim: 0,
            goes_on: true,
            most: MAX_PIECE,
        }
    }

    /// Pieces of the body have so many bytes at most.
    pub(super) fn limit_pieces(&mut self, most: usize) {
        self.most = most.clamp(MIN_PIECE, MAX_PIECE);
    }

    /// Whether the answer has ended, with nothing behind it, and the node stays in step.
    pub(super) fn is_in_step(&self) -> bool {
        matches!(self.stage, Stage::End) && self.goes_on && self.buffer.is_empty()
    }

    /// The next head, where it has come whole.
    fn take_head(&mut self) -> Result<Option<AnswerHead>, Malformed> {
        if !head::can_begin(&self.buffer) {
            return Err(Malformed::StatusLine);
        }
        let Some(length) = head::length(&self.buffer, self.searched) else {
            self.searched = self.buffer.len();
            return match self.searched {
                MAX_HEAD_BYTES.. => Err(Malformed::HeadTooLong),
                _ => Ok(None),
            };
        };
        if length > MAX_HEAD_BYTES {
            return Err(Malformed::HeadTooLong);
        }
        self.searched = 0;
        let bytes = self.buffer.split_to(length).freeze();
        let parsed = head::parse(&bytes, self.is_head)?;
        self.goes_on &= parsed.goes_on;
        if parsed.head.status.is_informational() {
            self.interim += 1;
            if self.interim > MAX_INTERIM_ANSWERS {
                return Err(Malformed::TooManyInterim);
            }
            return Ok(Some(parsed.head));
        }
        self.stage = match parsed.head.framing {
            Framing::Nothing | Framing::Length(0) => Stage::End,
            Framing::Length(length) => Stage::Length(length),
            Framing::Chunks => Stage::Chunks(Chunks::new()),
            Framing::Close => Stage::Close,
        };
        Ok(Some(parsed.head))
    }

    /// The next piece of the body, of what has been read.
    fn take_piece(&mut self) -> Result<Taken, FaultKind> {
        let here = self.buffer.len().min(self.most);
        match &mut self.stage {
            Stage::End => Ok(Taken::End),
            Stage::Head | Stage::Broken => Err(FaultKind::Misuse(Misuse::OutOfTurn)),
            Stage::Chunks(chunks) => {
                let taken = chunks.take(&mut self.buffer, self.most);
                let taken = taken.map_err(FaultKind::Malformed)?;
                if taken == Taken::End {
                    self.stage = Stage::End;
                }
                Ok(taken)
            }
            _ if here == 0 => Ok(Taken::More),
            Stage::Close => Ok(Taken::Piece(self.buffer.split_to(here).freeze())),
            Stage::Length(left) => {
                let here = usize::try_from(*left).unwrap_or(here).min(here);
                *left -= here as u64;
                if *left == 0 {
                    self.stage = Stage::End;
                }
                Ok(Taken::Piece(self.buffer.split_to(here).freeze()))
            }
        }
    }

    /// How much to read at once.
    fn room(&self) -> usize {
        match self.stage {
            Stage::Head => HEAD_PIECE,
            // One byte more: a read that does not fill its room says that nothing is left, which saves the next one.
            Stage::Length(left) => usize::try_from(left)
                .unwrap_or(self.most)
                .saturating_add(1)
                .min(self.most),
            _ => self.most,
        }
    }
}

/// The half of an exchange that reads the answer.
#[derive(Debug)]
pub struct Receiver<'e> {
    pub(super) side: ReadSide<'e>,
    pub(super) inbox: &'e mut Inbox,
    pub(super) progress: &'e Progress,
}

impl Receiver<'_> {
    /// The next head: interim ones, then the final one. It may be awaited while the request is being sent; given up, it
    /// loses nothing.
    ///
    /// # Errors
    /// There is no such answer.
    pub async fn head(&mut self, patience: &mut impl Patience) -> Result<AnswerHead, NodeFault> {
        poll_fn(|cx| self.poll_head(cx, patience)).await
    }

    /// The next piece of the final answer's body, of up to [`MAX_PIECE`] bytes; none behind the last one. Given up, it
    /// loses nothing.
    ///
    /// # Errors
    /// The answer breaks off, or is malformed.
    pub async fn piece(
        &mut self,
        patience: &mut impl Patience,
    ) -> Result<Option<Bytes>, NodeFault> {
        poll_fn(|cx| self.poll_piece(cx, patience)).await
    }

    /// [`Receiver::head`] for a task that polls.
    ///
    /// # Errors
    /// See there.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        patience: &mut impl Patience,
    ) -> Poll<Result<AnswerHead, NodeFault>> {
        loop {
            if !matches!(self.inbox.stage, Stage::Head) {
                return Poll::Ready(Err(self.broken(FaultKind::Misuse(Misuse::OutOfTurn))));
            }
            match self.inbox.take_head() {
                Ok(Some(head)) => {
                    if !head.status.is_informational() && !self.progress.is_sent() {
                        // It answered early, and may leave the rest of the request unread.
                        self.inbox.goes_on = false;
                    }
                    return Poll::Ready(Ok(head));
                }
                Ok(None) => {}
                Err(malformed) => {
                    return Poll::Ready(Err(self.broken(FaultKind::Malformed(malformed))));
                }
            }
            if ready!(self.poll_read(cx, patience))? == 0 {
                return Poll::Ready(Err(self.broken(self.ended(None))));
            }
        }
    }

    /// [`Receiver::piece`] for a task that polls.
    ///
    /// # Errors
    /// See there.
    pub fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        patience: &mut impl Patience,
    ) -> Poll<Result<Option<Bytes>, NodeFault>> {
        loop {
            match self.inbox.take_piece() {
                Ok(Taken::Piece(piece)) => return Poll::Ready(Ok(Some(piece))),
                Ok(Taken::End) => return Poll::Ready(Ok(None)),
                Ok(Taken::More) => {}
                Err(kind) => return Poll::Ready(Err(self.broken(kind))),
            }
            if ready!(self.poll_read(cx, patience))? == 0 {
                if matches!(self.inbox.stage, Stage::Close) {
                    self.inbox.stage = Stage::End;
                    return Poll::Ready(Ok(None));
                }
                return Poll::Ready(Err(self.broken(self.ended(None))));
            }
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        patience: &mut impl Patience,
    ) -> Poll<Result<usize, NodeFault>> {
        let room = self.inbox.room();
        match self.side.poll_read(cx, &mut self.inbox.buffer, room) {
            Poll::Ready(Ok(count)) => {
                if count > 0 {
                    self.progress.set_begun();
                }
                patience.renew();
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => {
                Poll::Ready(Err(self.broken(self.ended(Some(error.kind())))))
            }
            Poll::Pending if patience.poll_spent(cx).is_ready() => {
                Poll::Ready(Err(self.broken(FaultKind::Silent)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// The connection has ended where the answer had not.
    fn ended(&self, error: Option<std::io::ErrorKind>) -> FaultKind {
        match self.progress.is_begun() {
            true => FaultKind::BrokenOff(error),
            false => FaultKind::Closed(error),
        }
    }

    fn broken(&mut self, kind: FaultKind) -> NodeFault {
        self.inbox.stage = Stage::Broken;
        self.progress.fault(kind)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixStream;

    use super::super::patience::Silence;
    use super::super::stream::Stream;
    use super::*;

    #[tokio::test]
    async fn nothing_is_held_while_nothing_is_there() {
        let (own, mut node) = UnixStream::pair().unwrap();
        let (mut stream, mut inbox) = (Stream::Unix(own), Inbox::new(false));
        let progress = Progress::new(false);
        let mut receiver = Receiver {
            side: stream.split().0,
            inbox: &mut inbox,
            progress: &progress,
        };
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
        for (sent, waits_for_head) in [("", true), (head, false), ("hello", false)] {
            node.write_all(sent.as_bytes()).await.unwrap();
            tokio::task::yield_now().await;
            poll_fn(|cx| {
                if !waits_for_head && sent == head {
                    assert!(
                        receiver
                            .poll_head(cx, &mut Silence::of(Duration::from_secs(60)))
                            .is_ready()
                    );
                }
                // Until it waits.
                while match waits_for_head {
                    true => receiver
                        .poll_head(cx, &mut Silence::of(Duration::from_secs(60)))
                        .is_ready(),
                    false => receiver
                        .poll_piece(cx, &mut Silence::of(Duration::from_secs(60)))
                        .is_ready(),
                } {}
                assert_eq!(receiver.inbox.buffer.capacity(), 0, "{sent}");
                Poll::Ready(())
            })
            .await;
        }
    }
}
