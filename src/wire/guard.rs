//! A client's connection that lets a request header through only once it has been checked, and in time.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};

use super::chunks::Chunks;
use super::connection::{Connection, Deadline, ReadState};
use super::fault_response::FaultResponse;
use super::rate_meter::RateMeter;
use super::timer::Timer;
use super::{PIECE, parse};
use crate::clock::instant;
use crate::error::WireFault;

/// How much of an answer is gathered, so that the header and a small document leave in one packet.
const GATHERED: usize = 4096;

/// A connection from a client. A request header is held back until it is complete and checked, so that the HTTP parser
/// behind reads it once and as a whole; a fault is answered here, and the parser sees the end of the connection.
///
/// It takes the place of Pingora's own stream around a socket, whose buffers and clocks nothing here needs.
pub struct GuardedStream<S> {
    inner: BufWriter<S>,
    connection: Arc<Connection>,
    /// What was read and not passed on.
    held: BytesMut,
    /// How much of it was searched for the end of a header.
    searched: usize,
    /// How much of it is still a header's, where a body in chunks follows.
    header: usize,
    /// The framing of the body, where it comes in chunks.
    chunks: Chunks,
    /// When what is awaited is late; none while nothing is.
    due: Option<Instant>,
    /// Wakes us at `due` or before: it is set anew once it has fired, not for each request.
    timer: Option<Timer>,
    /// Fires when the client has taken nothing for too long of what is being written; none while it takes it.
    unread: Option<Timer>,
    /// How fast the client sends a body.
    sends: RateMeter,
    /// How fast it takes an answer.
    takes: RateMeter,
    fault_response: Option<FaultResponse>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> GuardedStream<S> {
    /// Guards a connection.
    pub fn new(inner: S, connection: Arc<Connection>) -> Self {
        Self {
            inner: BufWriter::with_capacity(GATHERED, inner),
            connection,
            held: BytesMut::new(),
            searched: 0,
            header: 0,
            chunks: Chunks::None,
            due: None,
            timer: None,
            unread: None,
            sends: RateMeter::default(),
            takes: RateMeter::default(),
            fault_response: None,
        }
    }

    /// Waits for a request header that is complete and checked, and holds it. False where none will come: the client is
    /// gone, has been silent for too long, or has been answered already.
    ///
    /// Nothing of what handles a request is there yet: a connection that is idle, or in the middle of a header, takes as
    /// little memory as can be.
    pub async fn header(&mut self) -> bool {
        poll_fn(|cx| match self.poll_header(cx) {
            // The end of an answer may still be here.
            Poll::Pending => self.poll_gathered(cx).map(|_broken| false),
            ready => ready,
        })
        .await
    }

    fn poll_header(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(fault_response) = &mut self.fault_response {
            return fault_response.poll(&mut self.inner, cx).map(|()| false);
        }
        loop {
            match self.search() {
                Ok(true) => return Poll::Ready(true),
                Ok(false) => {}
                Err(fault) => return self.refuse(fault, cx).map(|_ended| false),
            }
            let idle = self.held.is_empty();
            let Poll::Ready(read) = self.poll_hold(cx) else {
                ready!(self.poll_deadline(cx));
                if idle {
                    return Poll::Ready(false);
                }
                return self.refuse(WireFault::Timeout, cx).map(|_ended| false);
            };
            if !matches!(read, Ok(1..)) {
                return Poll::Ready(false);
            }
            if idle {
                // From here on the header has a time of its own.
                self.due = None;
                if !self.connection.activity().begin() {
                    return Poll::Ready(false);
                }
            }
        }
    }

    /// Looks for a complete header in what is held, and checks what there is of it.
    fn search(&mut self) -> Result<bool, WireFault> {
        if self.searched == self.held.len() {
            return Ok(false);
        }
        // A whole header mostly comes at once. Of one in many pieces the end alone is looked for in every piece, so that it
        // is checked once.
        let is_whole =
            self.searched == 0 || parse::header_length(&self.held, self.searched).is_some();
        let head = if is_whole {
            parse::read(&self.held)?
        } else {
            None
        };
        let Some(head) = head else {
            let before = std::mem::replace(&mut self.searched, self.held.len());
            return parse::check_partial(&self.held, before).map(|()| false);
        };
        let behind = self.held.len() - head.length();
        let left = head.strip_to_framing(&mut self.held);
        self.held.truncate(left);
        self.searched = 0;
        self.due = None;
        self.chunks = Chunks::of(head.body_length());
        // What is here of a body in chunks comes through its check. All else goes on with the header: the parser sees what
        // is behind the body, and that ends the connection.
        self.header = match head.body_length() {
            None => left - behind,
            Some(_) => 0,
        };
        self.connection.put_head(head);
        Ok(true)
    }

    /// Holds what can be read at once, and gives how much that was.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
        match self.held.is_empty() {
            true => self.held = BytesMut::from(piece.filled()),
            false => self.held.extend_from_slice(piece.filled()),
        }
        Poll::Ready(Ok(piece.filled().len()))
    }

    /// The end of the time for the first byte of a header, for the rest of one, or for the next sign of the node.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match (self.due, self.connection.take_timer()) {
            (Some(due), None) => due,
            (_, Some(Deadline::At(due))) => *self.due.insert(due),
            (_, None | Some(Deadline::FromNow)) => {
                let now = instant();
                let time = match (self.connection.state(), self.held.is_empty()) {
                    (ReadState::Answer, _) => self.connection.node_timeout(),
                    (_, true) => {
                        self.connection.activity().rest(now);
                        self.connection.idle_timeout()
                    }
                    (_, false) => self.connection.header_timeout(),
                };
                *self.due.insert(now + time)
            }
        };
        loop {
            let timer = match &mut self.timer {
                Some(timer) if timer.at <= due => timer,
                timer => timer.insert(Timer::at(due, instant())),
            };
            if timer.is_set(cx) {
                return Poll::Pending;
            }
            ready!(timer.poll(cx));
            let late = timer.at == due;
            self.timer = None;
            if late {
                return Poll::Ready(());
            }
        }
    }

    /// Reads a piece of a body.
    fn poll_body(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let most = self.connection.piece();
        if buf.remaining() <= most {
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
        } else {
            let mut piece = ReadBuf::new(buf.initialize_unfilled_to(most));
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
            let count = piece.filled().len();
            buf.advance(count);
        }
        let checked = self.chunks.check(&buf.filled()[before..], &self.connection);
        if checked.is_err() {
            buf.set_filled(before);
        }
        Poll::Ready(checked)
    }

    /// Puts an end to a body that comes too slowly.
    fn paced(&mut self, read: Poll<io::Result<()>>, count: usize) -> Poll<io::Result<()>> {
        match read {
            Poll::Pending => {
                self.sends.wait();
                Poll::Pending
            }
            Poll::Ready(Ok(())) => {
                let least = || self.connection.min_rate();
                if self.sends.is_too_slow(count, least) {
                    return Poll::Ready(Err(self.connection.is_too_slow()));
                }
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }

    /// Passes on what is held, as far as it is as it should be.
    fn pass_on(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut count = self.held.len().min(buf.remaining());
        if self.header > 0 {
            // The parser gets to read the header also where what follows it is at fault.
            count = count.min(self.header);
            self.header -= count;
        } else {
            self.chunks.check(&self.held[..count], &self.connection)?;
        }
        buf.put_slice(&self.held[..count]);
        self.held.advance(count);
        if self.held.is_empty() {
            // An idle connection holds no memory.
            self.held = BytesMut::new();
        }
        Ok(())
    }

    /// The client's body has no end that could be found: what comes is left, so that the client sees the answer.
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.held = BytesMut::new();
        let mut scratch = [0; PIECE];
        loop {
            let mut piece = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
            let left = self.chunks.leave(piece.filled().len());
            if left.is_break() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Nothing more can be read now. What is gathered of an answer leaves before the connection waits: there is no telling
    /// when more of it comes.
    fn poll_gathered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.inner.buffer().is_empty() {
            return Poll::Pending;
        }
        match Pin::new(&mut self.inner).poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }

    /// The request has been read to its end: what the client sends now is for later, but that it is gone must be seen,
    /// and that the node is silent for too long.
    fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty()
            && let Poll::Ready(read) = self.poll_hold(cx)
            && read? == 0
        {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_deadline(cx));
        self.connection.set_state(ReadState::Nothing);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn refuse(&mut self, fault: WireFault, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.held = BytesMut::new();
        let fault_response = FaultResponse::with(self.connection.refuse(fault));
        let fault_response = self.fault_response.insert(fault_response);
        fault_response.poll(&mut self.inner, cx).map(Ok)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(fault_response) = &mut this.fault_response {
            return fault_response.poll(&mut this.inner, cx).map(Ok);
        }
        let read = match this.connection.state() {
            ReadState::Body | ReadState::Form if this.chunks.are_broken() => this.poll_leave(cx),
            ReadState::Header => match this.poll_header(cx) {
                Poll::Ready(true) => Poll::Ready(this.pass_on(buf)),
                Poll::Ready(false) => Poll::Ready(Ok(())),
                Poll::Pending => Poll::Pending,
            },
            ReadState::Body if this.held.is_empty() => {
                let before = buf.filled().len();
                let read = this.poll_body(cx, buf);
                this.paced(read, buf.filled().len() - before)
            }
            ReadState::Form if this.held.is_empty() => {
                let read = this.poll_hold(cx).map_ok(|_count| ());
                match this.paced(read, this.held.len()) {
                    Poll::Ready(Ok(())) => Poll::Ready(this.pass_on(buf)),
                    other => other,
                }
            }
            ReadState::Body | ReadState::Form => Poll::Ready(this.pass_on(buf)),
            ReadState::Answer => this.poll_answered(cx),
            ReadState::Nothing => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        };
        if read.is_pending() {
            return this.poll_gathered(cx);
        }
        read
    }
}

impl<S> GuardedStream<S> {
    /// Puts an end to a write that the client does not take, or takes too slowly. Pingora bounds the one for bodies, and not
    /// for headers. `count` are the bytes that were written.
    fn in_time<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        count: impl FnOnce(&T) -> usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        // The client may have waited for what is written here before it sends on.
        self.sends.excuse();
        if let Poll::Ready(written) = written {
            self.unread = None;
            let count = written.as_ref().map_or(0, count);
            if self.takes.is_too_slow(count, || self.connection.min_rate()) {
                return Poll::Ready(Err(self.connection.is_too_slow()));
            }
            return Poll::Ready(written);
        }
        self.takes.wait();
        let unread = self.unread.get_or_insert_with(|| {
            let now = instant();
            Timer::at(now + self.connection.body_timeout(), now)
        });
        ready!(unread.poll(cx));
        self.unread = None;
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.in_time(written, |count| *count, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.in_time(flushed, |()| 0, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, bufs);
        self.in_time(written, |count| *count, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

impl<S: fmt::Debug> fmt::Debug for GuardedStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStream")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

// What Pingora asks of a stream besides. Nothing asks it of a client's stream: the digests stay empty.

#[async_trait]
impl<S: AsyncWrite + Unpin + Send> Shutdown for GuardedStream<S> {
    async fn shutdown(&mut self) {
        // A client that is gone already is as good as shut down.
        let _gone = self.inner.shutdown().await;
    }
}

impl<S: AsRawFd + AsyncWrite> UniqueID for GuardedStream<S> {
    fn id(&self) -> UniqueIDType {
        self.inner.get_ref().as_raw_fd()
    }
}

impl<S> Ssl for GuardedStream<S> {}

#[async_trait]
impl<S> Peek for GuardedStream<S> {}

impl<S> GetTimingDigest for GuardedStream<S> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<S> GetProxyDigest for GuardedStream<S> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl<S> GetSocketDigest for GuardedStream<S> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
