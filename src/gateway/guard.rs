//! A client's connection that lets a request header through only once it has been checked, and in time.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Instant;

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::prelude::sleep as fast_sleep;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};

use super::chunks::Chunks;
use super::connection::{Awaited, Connection, Deadline};
use super::received::Received;
use super::refusing::Refusing;
use super::wire;
use crate::clock::instant;
use crate::error::WireFault;

/// How much is read at once while a header or the head of a form is awaited. Most headers fit.
pub const PIECE: usize = 4096;
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
    /// Wakes us at `due` or before: it is set anew once it has rung, not for each request.
    alarm: Option<Alarm>,
    /// Rings when the client has taken nothing for too long of what is being written; none while it takes it.
    unread: Option<Alarm>,
    refusing: Option<Refusing>,
}

/// Rings once. A timer of Pingora's, since tokio looks at the clock twice more in each pause while it has one of its own.
struct Alarm {
    at: Instant,
    ringing: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    /// What it rings; none before it was polled.
    bell: Option<Arc<Bell>>,
}

/// Wakes a task and says that it has: whoever is polled for another reason need not look at the clock.
struct Bell {
    task: Waker,
    rung: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.task.wake_by_ref();
    }
}

impl Alarm {
    fn at(at: Instant, now: Instant) -> Self {
        let ringing = Box::pin(fast_sleep(at.saturating_duration_since(now)));
        Self {
            at,
            ringing,
            bell: None,
        }
    }

    /// Whether it is yet to ring, and for this task: then there is no need to ask it.
    fn is_set(&self, cx: &Context<'_>) -> bool {
        let set = |bell: &Arc<Bell>| {
            !bell.rung.load(Ordering::Acquire) && bell.task.will_wake(cx.waker())
        };
        self.bell.as_ref().is_some_and(set)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let bell = self.bell.insert(Arc::new(Bell {
            task: cx.waker().clone(),
            rung: AtomicBool::new(false),
        }));
        let waker = Waker::from(Arc::clone(bell));
        self.ringing.as_mut().poll(&mut Context::from_waker(&waker))
    }
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
            alarm: None,
            unread: None,
            refusing: None,
        }
    }

    /// Reads until a header is complete, and passes it on.
    fn poll_header(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A whole header mostly comes at once: then it goes straight to the parser.
        if self.held.is_empty() {
            let before = buf.filled().len();
            let Poll::Ready(read) = Pin::new(&mut self.inner).poll_read(cx, buf) else {
                // Idle for too long: the parser sees the end of the connection.
                return self.poll_deadline(cx).map(Ok);
            };
            read?;
            let new = &mut buf.filled_mut()[before..];
            if new.is_empty() {
                return Poll::Ready(Ok(()));
            }
            // Idle until now: from here on the header has a time of its own.
            self.due = None;
            match wire::read(new) {
                Ok(Some(received)) => {
                    let mut left = received.leave_what_steers(new);
                    if received.body_length().is_none() {
                        // What is here of the body comes through its check.
                        let header = left - (new.len() - received.length());
                        self.held.extend_from_slice(&new[header..left]);
                        left = header;
                    }
                    buf.set_filled(before + left);
                    self.hand_over(received, 0);
                    return Poll::Ready(Ok(()));
                }
                Ok(None) => {
                    self.held.extend_from_slice(new);
                    buf.set_filled(before);
                }
                Err(fault) => {
                    buf.set_filled(before);
                    return self.refuse(fault, cx);
                }
            }
        }
        loop {
            match self.search() {
                Ok(true) => return Poll::Ready(self.pass_on(buf)),
                Ok(false) => {}
                Err(fault) => return self.refuse(fault, cx),
            }
            let Poll::Ready(read) = self.poll_hold(cx) else {
                ready!(self.poll_deadline(cx));
                return self.refuse(WireFault::Timeout, cx);
            };
            if read? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Looks for a complete header in what is held, and checks what there is of it.
    fn search(&mut self) -> Result<bool, WireFault> {
        if self.searched == self.held.len() {
            return Ok(false);
        }
        // The end alone is looked for in every piece, so that a header in many pieces is checked once.
        if wire::header_length(&self.held, self.searched).is_none() {
            let before = std::mem::replace(&mut self.searched, self.held.len());
            return wire::check_partial(&self.held, before).map(|()| false);
        }
        let Some(received) = wire::read(&self.held)? else {
            return Ok(false);
        };
        let behind = self.held.len() - received.length();
        let left = received.leave_what_steers(&mut self.held);
        self.held.truncate(left);
        self.searched = 0;
        self.due = None;
        self.hand_over(received, left - behind);
        Ok(true)
    }

    /// A header was read, of which this many bytes are held.
    fn hand_over(&mut self, received: Received, header: usize) {
        self.chunks = Chunks::of(received.body_length());
        self.header = header;
        self.connection.hand_over(received);
    }

    /// Holds what can be read at once, and gives how much that was.
    fn poll_hold(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let mut piece = ReadBuf::uninit(&mut piece);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
        self.held.extend_from_slice(piece.filled());
        Poll::Ready(Ok(piece.filled().len()))
    }

    /// The end of the time for the first byte of a header, for the rest of one, or for the next sign of the node.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match (self.due, self.connection.awaited_anew()) {
            (Some(due), None) => due,
            (_, Some(Deadline::At(due))) => *self.due.insert(due),
            (_, None | Some(Deadline::FromNow)) => {
                let time = match (self.connection.awaited(), self.held.is_empty()) {
                    (Awaited::Answer, _) => self.connection.node_timeout(),
                    (_, true) => self.connection.idle_timeout(),
                    (_, false) => self.connection.header_timeout(),
                };
                *self.due.insert(instant() + time)
            }
        };
        loop {
            let alarm = match &mut self.alarm {
                Some(alarm) if alarm.at <= due => alarm,
                alarm => alarm.insert(Alarm::at(due, instant())),
            };
            if alarm.is_set(cx) {
                return Poll::Pending;
            }
            ready!(alarm.poll(cx));
            let late = alarm.at == due;
            self.alarm = None;
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
        self.connection.await_next(Awaited::Nothing);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn refuse(&mut self, fault: WireFault, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.held = BytesMut::new();
        let refusing = Refusing::with(self.connection.refuse(fault));
        let refusing = self.refusing.insert(refusing);
        refusing.poll(&mut self.inner, cx).map(Ok)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(refusing) = &mut this.refusing {
            return refusing.poll(&mut this.inner, cx).map(Ok);
        }
        let read = match this.connection.awaited() {
            Awaited::Body | Awaited::Form if this.chunks.are_broken() => this.poll_leave(cx),
            Awaited::Header => this.poll_header(cx, buf),
            Awaited::Body if this.held.is_empty() => this.poll_body(cx, buf),
            Awaited::Form if this.held.is_empty() => match this.poll_hold(cx) {
                Poll::Ready(read) => Poll::Ready(read.and_then(|_count| this.pass_on(buf))),
                Poll::Pending => Poll::Pending,
            },
            Awaited::Body | Awaited::Form => Poll::Ready(this.pass_on(buf)),
            Awaited::Answer => this.poll_answered(cx),
            Awaited::Nothing => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        };
        if read.is_pending() {
            return this.poll_gathered(cx);
        }
        read
    }
}

impl<S> GuardedStream<S> {
    /// Puts an end to a write that the client does not take. Pingora bounds that for bodies, and not for headers.
    fn in_time<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.unread = None;
            return written;
        }
        let unread = self.unread.get_or_insert_with(|| {
            let now = instant();
            Alarm::at(now + self.connection.body_timeout(), now)
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
        self.in_time(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        self.in_time(flushed, cx)
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
        self.in_time(written, cx)
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
