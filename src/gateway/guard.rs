//! A client's connection that lets a request header through only once it has been checked, and in time.

use std::fmt;
use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Buf, BytesMut};
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::connection::{Awaited, Connection};
use super::wire;
use crate::clock::instant;
use crate::error::WireFault;

/// What is still read of a refused request, so that the client sees the answer before the connection ends.
const MAX_LINGER_BYTES: usize = 1024 * 1024;
/// How long it is read.
const LINGER: Duration = Duration::from_secs(2);
/// How much is read at once while a header or the head of a form is awaited. Most headers fit.
pub const PIECE: usize = 4096;

/// A connection from a client. A request header is held back until it is complete and checked, so that the HTTP parser
/// behind reads it once and as a whole; a fault is answered here, and the parser sees the end of the connection.
pub struct GuardedStream {
    inner: Stream,
    connection: Arc<Connection>,
    /// What was read and not passed on.
    held: BytesMut,
    /// How much of it was searched for the end of a header.
    searched: usize,
    /// When what is awaited is late; none while nothing is.
    due: Option<Instant>,
    /// Wakes us at `due` or before: it is moved once it has fired, not for each request.
    alarm: Option<Pin<Box<Sleep>>>,
    refusing: Option<Refusing>,
}

/// The answer to a fault on its way out.
struct Refusing {
    answer: Vec<u8>,
    written: usize,
    shut_down: bool,
    drained: usize,
    until: Pin<Box<Sleep>>,
}

impl GuardedStream {
    /// Guards a connection.
    pub fn new(inner: Stream, connection: Arc<Connection>) -> Self {
        Self {
            inner,
            connection,
            held: BytesMut::new(),
            searched: 0,
            due: None,
            alarm: None,
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
            let new = &buf.filled()[before..];
            if new.is_empty() {
                return Poll::Ready(Ok(()));
            }
            // Idle until now: from here on the header has a time of its own.
            self.due = None;
            match wire::check(new) {
                Ok(Some(_length)) => {
                    self.connection.await_next(Awaited::Body);
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
        wire::check(&self.held)?;
        self.searched = 0;
        self.due = None;
        self.connection.await_next(Awaited::Body);
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

    /// The end of the time for the first byte of a header, or for the rest of one.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = match self.due {
            Some(due) => due,
            None => {
                let time = match self.held.is_empty() {
                    true => self.connection.idle_timeout(),
                    false => self.connection.header_timeout(),
                };
                *self.due.insert(Instant::from_std(instant()) + time)
            }
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if alarm.deadline() > due {
            alarm.as_mut().reset(due);
        }
        ready!(alarm.as_mut().poll(cx));
        if alarm.deadline() < due {
            alarm.as_mut().reset(due);
            return alarm.as_mut().poll(cx);
        }
        Poll::Ready(())
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

    /// The request has been read to its end: what the client sends now is for later, but that it is gone must be seen.
    fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.held.is_empty() && ready!(self.poll_hold(cx))? == 0 {
            return Poll::Ready(Ok(()));
        }
        Poll::Pending
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
    fn poll(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<()> {
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

impl AsyncRead for GuardedStream {
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
            Awaited::Body if this.held.is_empty() => Pin::new(&mut this.inner).poll_read(cx, buf),
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
        }
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

impl fmt::Debug for GuardedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStream")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

// What Pingora asks of a stream is the inner stream's.

#[async_trait]
impl Shutdown for GuardedStream {
    async fn shutdown(&mut self) {
        self.inner.shutdown().await;
    }
}

impl UniqueID for GuardedStream {
    fn id(&self) -> UniqueIDType {
        self.inner.id()
    }
}

impl Ssl for GuardedStream {}

#[async_trait]
impl Peek for GuardedStream {}

impl GetTimingDigest for GuardedStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        self.inner.get_timing_digest()
    }

    fn get_read_pending_time(&self) -> Duration {
        self.inner.get_read_pending_time()
    }

    fn get_write_pending_time(&self) -> Duration {
        self.inner.get_write_pending_time()
    }
}

impl GetProxyDigest for GuardedStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.inner.get_proxy_digest()
    }
}

impl GetSocketDigest for GuardedStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        self.inner.get_socket_digest()
    }
}
