//! The stream of a client connection. It passes a request header on only once it is complete and checked, and enforces the
//! deadlines and the minimum rate.

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
use super::connection::{Connection, ReadState};
use super::fault_response::FaultResponse;
use super::rate_meter::RateMeter;
use super::{PIECE, parse};
use crate::clock::{Deadline, Timer, instant};
use crate::error::WireFault;

/// The write buffer: a response header and a small document are sent in one packet.
const WRITE_BUFFER: usize = 4096;

/// The stream of a client connection. A request header is withheld until it is complete and checked, so that Pingora's parser
/// reads it once and as a whole. An invalid header is answered here, and the parser sees the end of the connection.
///
/// It replaces Pingora's own stream, whose buffers and timestamps are not needed here.
pub struct GuardedStream<S> {
    inner: BufWriter<S>,
    connection: Arc<Connection>,
    /// The bytes that were read and not passed on.
    buffered: BytesMut,
    /// How many of them were searched for the end of a header.
    searched: usize,
    /// How many of them still belong to the header, where a chunked body follows.
    header: usize,
    /// The framing of the body, where it is chunked.
    chunks: Chunks,
    /// The deadline for the state of the connection; none while there is no deadline.
    due: Option<Instant>,
    /// Wakes the task at `due` or earlier. It is set again once it has fired, and not for each request.
    timer: Deadline,
    /// Fires when the client has read nothing of a pending write for `body_timeout`; none while no write is pending.
    write_timer: Option<Timer>,
    /// The rate at which the client sends a body.
    send_rate: RateMeter,
    /// The rate at which the client reads a response.
    read_rate: RateMeter,
    fault_response: Option<FaultResponse>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> GuardedStream<S> {
    /// Wraps the socket of a connection.
    pub fn new(inner: S, connection: Arc<Connection>) -> Self {
        Self {
            inner: BufWriter::with_capacity(WRITE_BUFFER, inner),
            connection,
            buffered: BytesMut::new(),
            searched: 0,
            header: 0,
            chunks: Chunks::None,
            due: None,
            timer: Deadline::default(),
            write_timer: None,
            send_rate: RateMeter::default(),
            read_rate: RateMeter::default(),
            fault_response: None,
        }
    }

    /// Waits for a request header, checks it and buffers it. False if none comes: the client has closed the connection, has timed
    /// out, or has got the response to an invalid header.
    ///
    /// The state of a request does not exist yet, so that an idle connection and an incomplete header use little memory
    /// (`benches/connections`).
    pub async fn header(&mut self) -> bool {
        poll_fn(|cx| match self.poll_header(cx) {
            // The end of the previous response may still be in the write buffer.
            Poll::Pending => self.poll_write_buffer(cx).map(|_failed| false),
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
            let idle = self.buffered.is_empty();
            let Poll::Ready(read) = self.poll_fill(cx) else {
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
                // The first byte: from here on `header_timeout` applies.
                self.due = None;
                if !self.connection.activity().begin() {
                    return Poll::Ready(false);
                }
            }
        }
    }

    /// Looks for a complete header in the buffer, and checks what there is of it.
    fn search(&mut self) -> Result<bool, WireFault> {
        if self.searched == self.buffered.len() {
            return Ok(false);
        }
        // A header mostly arrives in one read. Of a header in several reads, each read is only searched for its end, so that the
        // header is parsed once.
        let is_complete =
            self.searched == 0 || parse::header_length(&self.buffered, self.searched).is_some();
        let head = if is_complete {
            parse::read(&self.buffered)?
        } else {
            None
        };
        let Some(head) = head else {
            let before = std::mem::replace(&mut self.searched, self.buffered.len());
            return parse::check_partial(&self.buffered, before).map(|()| false);
        };
        let rest = self.buffered.len() - head.length();
        let left = head.strip_to_framing(&mut self.buffered);
        self.buffered.truncate(left);
        self.searched = 0;
        self.due = None;
        self.chunks = Chunks::of(head.body_length());
        // Bytes of a chunked body go through the check of its framing. Otherwise all bytes are passed on with the header: the
        // parser sees bytes after the body, and closes the connection because of them.
        self.header = match head.body_length() {
            None => left - rest,
            Some(_) => 0,
        };
        self.connection.put_head(head);
        Ok(true)
    }

    /// Reads once into the buffer, and returns the number of bytes.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
        match self.buffered.is_empty() {
            true => self.buffered = BytesMut::from(piece.filled()),
            false => self.buffered.extend_from_slice(piece.filled()),
        }
        Poll::Ready(Ok(piece.filled().len()))
    }

    /// Ready once the deadline has passed: for the first byte of a header, or for the rest of one.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let restart = self.connection.take_restart();
        let due = match self.due {
            Some(due) if !restart => due,
            _ => {
                let now = instant();
                let time = if self.buffered.is_empty() {
                    self.connection.activity().rest(now);
                    self.connection.idle_timeout()
                } else {
                    self.connection.header_timeout()
                };
                *self.due.insert(now + time)
            }
        };
        self.timer.poll(due, cx)
    }

    /// Reads a part of a body, and checks its framing.
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

    /// Fails a read of a body where the client is slower than `min_rate`.
    fn check_rate(&mut self, read: Poll<io::Result<()>>, count: usize) -> Poll<io::Result<()>> {
        match read {
            Poll::Pending => {
                self.send_rate.start_wait();
                Poll::Pending
            }
            Poll::Ready(Ok(())) => {
                let least = || self.connection.min_rate();
                if self.send_rate.is_too_slow(count, least) {
                    return Poll::Ready(Err(self.connection.too_slow()));
                }
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }

    /// Passes buffered bytes on, and checks the framing of the body in them.
    fn pass_on(&mut self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
        let mut count = self.buffered.len().min(buf.remaining());
        if self.header > 0 {
            // The header is passed on first, even if the body after it has a fault.
            count = count.min(self.header);
            self.header -= count;
        } else {
            self.chunks
                .check(&self.buffered[..count], &self.connection)?;
        }
        buf.put_slice(&self.buffered[..count]);
        self.buffered.advance(count);
        if self.buffered.is_empty() {
            // An idle connection must not keep a buffer.
            self.buffered = BytesMut::new();
        }
        Ok(())
    }

    /// After a fault in the framing of a body: reads and discards what the client sends, so that it gets the response (a lingering
    /// close).
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.buffered = BytesMut::new();
        let mut scratch = [0; PIECE];
        loop {
            let mut piece = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
            let discarded = self.chunks.discard(piece.filled().len());
            if discarded.is_break() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Sends what is in the write buffer before the connection waits for bytes to read: the rest of the response may take long.
    fn poll_write_buffer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.inner.buffer().is_empty() {
            return Poll::Pending;
        }
        match Pin::new(&mut self.inner).poll_flush(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            _ => Poll::Pending,
        }
    }

    /// While the connection waits for the response: buffers what the client sends, and detects that the client has closed the
    /// connection.
    fn poll_response(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.buffered.is_empty()
            && let Poll::Ready(read) = self.poll_fill(cx)
            && read? == 0
        {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
    }

    fn refuse(&mut self, fault: WireFault, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.buffered = BytesMut::new();
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
            ReadState::Body | ReadState::Form if this.chunks.are_invalid() => this.poll_discard(cx),
            ReadState::Header => match this.poll_header(cx) {
                Poll::Ready(true) => Poll::Ready(this.pass_on(buf)),
                Poll::Ready(false) => Poll::Ready(Ok(())),
                Poll::Pending => Poll::Pending,
            },
            ReadState::Body if this.buffered.is_empty() => {
                let before = buf.filled().len();
                let read = this.poll_body(cx, buf);
                this.check_rate(read, buf.filled().len() - before)
            }
            ReadState::Form if this.buffered.is_empty() => {
                let read = this.poll_fill(cx).map_ok(|_count| ());
                match this.check_rate(read, this.buffered.len()) {
                    Poll::Ready(Ok(())) => Poll::Ready(this.pass_on(buf)),
                    other => other,
                }
            }
            ReadState::Body | ReadState::Form => Poll::Ready(this.pass_on(buf)),
            ReadState::Answer => this.poll_response(cx),
        };
        if read.is_pending() {
            return this.poll_write_buffer(cx);
        }
        read
    }
}

impl<S> GuardedStream<S> {
    /// Fails a write if the client reads nothing for `body_timeout`, or is slower than `min_rate`. Pingora has a timeout for
    /// bodies, but none for headers. `count` returns the bytes that were written.
    fn check_write<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        count: impl FnOnce(&T) -> usize,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        // The client may have waited for these bytes before it sends more.
        self.send_rate.cancel_wait();
        if let Poll::Ready(written) = written {
            self.write_timer = None;
            let count = written.as_ref().map_or(0, count);
            if self
                .read_rate
                .is_too_slow(count, || self.connection.min_rate())
            {
                return Poll::Ready(Err(self.connection.too_slow()));
            }
            return Poll::Ready(written);
        }
        self.read_rate.start_wait();
        let timer = self.write_timer.get_or_insert_with(|| {
            let now = instant();
            Timer::at(now + self.connection.body_timeout(), now)
        });
        ready!(timer.poll(cx));
        self.write_timer = None;
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
        self.check_write(written, |count| *count, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.check_write(flushed, |()| 0, cx)
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
        self.check_write(written, |count| *count, cx)
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

// The other traits that Pingora requires of a stream. It does not use the digests of a client's stream, so they are empty.

#[async_trait]
impl<S: AsyncWrite + Unpin + Send> Shutdown for GuardedStream<S> {
    async fn shutdown(&mut self) {
        // Fails only if the client has closed the connection already.
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
