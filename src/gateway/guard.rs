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
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::prelude::sleep as fast_sleep;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connection::{Awaited, Connection, Deadline};
use super::wire;
use crate::clock::instant;
use crate::error::WireFault;

/// What is still read of a refused request, so that the client sees the answer before the connection ends.
const MAX_LINGER_BYTES: usize = 1024 * 1024;
/// How long it is read.
const LINGER: Duration = Duration::from_secs(2);
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

/// The answer to a fault on its way out.
struct Refusing {
    answer: Vec<u8>,
    written: usize,
    shut_down: bool,
    drained: usize,
    until: Pin<Box<Sleep>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> GuardedStream<S> {
    /// Guards a connection.
    pub fn new(inner: S, connection: Arc<Connection>) -> Self {
        Self {
            inner: BufWriter::with_capacity(GATHERED, inner),
            connection,
            held: BytesMut::new(),
            searched: 0,
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
                    let left = received.leave_what_steers(new);
                    buf.set_filled(before + left);
                    self.connection.hand_over(received);
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
                Ok(true) => {
                    self.pass_on(buf);
                    return Poll::Ready(Ok(()));
                }
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
        let left = received.leave_what_steers(&mut self.held);
        self.held.truncate(left);
        self.searched = 0;
        self.due = None;
        self.connection.hand_over(received);
        Ok(true)
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
        let most = self.connection.piece();
        if buf.remaining() <= most {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let mut piece = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut piece))?;
        let count = piece.filled().len();
        buf.advance(count);
        Poll::Ready(Ok(()))
    }

    fn pass_on(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.held.len().min(buf.remaining());
        buf.put_slice(&self.held[..count]);
        self.held.advance(count);
        if self.held.is_empty() {
            // An idle connection holds no memory.
            self.held = BytesMut::new();
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
        let refusing = self.refusing.insert(Refusing {
            answer: self.connection.refuse(fault),
            written: 0,
            shut_down: false,
            drained: 0,
            until: Box::pin(sleep(LINGER)),
        });
        refusing.poll(&mut self.inner, cx).map(Ok)
    }
}

impl Refusing {
    /// Writes the answer, ends our side, and reads what the client still sends, within the bounds.
    fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while self.written < self.answer.len() {
            if self.until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            match ready!(Pin::new(&mut *stream).poll_write(cx, &self.answer[self.written..])) {
                Ok(0) | Err(_) => return Poll::Ready(()),
                Ok(count) => self.written += count,
            }
        }
        if !self.shut_down {
            if ready!(Pin::new(&mut *stream).poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            self.shut_down = true;
        }
        let mut scratch = [0; 4096];
        while self.drained < MAX_LINGER_BYTES && self.until.as_mut().poll(cx).is_pending() {
            let mut piece = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut piece)) {
                Ok(()) if !piece.filled().is_empty() => self.drained += piece.filled().len(),
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(())
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
        match this.connection.awaited() {
            Awaited::Header => this.poll_header(cx, buf),
            Awaited::Body if this.held.is_empty() => this.poll_body(cx, buf),
            Awaited::Form if this.held.is_empty() => {
                ready!(this.poll_hold(cx))?;
                this.pass_on(buf);
                Poll::Ready(Ok(()))
            }
            Awaited::Body | Awaited::Form => {
                this.pass_on(buf);
                Poll::Ready(Ok(()))
            }
            Awaited::Answer => this.poll_answered(cx),
            Awaited::Nothing => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
        }
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
