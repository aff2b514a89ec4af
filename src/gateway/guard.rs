//! A client's connection that lets a request header through only once it has been checked, and in time.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, Stream,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connection::Connection;
use super::wire;
use crate::error::WireFault;

/// What is still read of a refused request, so that the client sees the answer before the connection ends.
const MAX_LINGER_BYTES: usize = 1024 * 1024;
/// How long it is read.
const LINGER: Duration = Duration::from_secs(2);

/// A connection from a client. While a request header is expected, its bytes are checked as they pass; a fault is
/// answered here, and the HTTP parser behind sees the end of the connection.
pub struct GuardedStream {
    inner: Stream,
    connection: Arc<Connection>,
    /// What has arrived of a header that is not complete.
    partial: Vec<u8>,
    deadline: Option<Pin<Box<Sleep>>>,
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
            partial: Vec::new(),
            deadline: None,
            refusing: None,
        }
    }

    /// Looks at bytes that arrived while a header is expected.
    fn inspect(&mut self, new: &[u8]) -> Result<(), WireFault> {
        let from = self.partial.len();
        let bytes = if from == 0 {
            new
        } else {
            self.partial.extend_from_slice(new);
            &self.partial
        };
        match wire::header_length(bytes, from) {
            Some(length) => {
                wire::check(&bytes[..length])?;
                self.partial = Vec::new();
                self.deadline = None;
                self.connection.header_arrived();
            }
            None => {
                wire::check_partial(bytes)?;
                if from == 0 {
                    self.partial = new.to_vec();
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, fault: WireFault) {
        self.partial = Vec::new();
        self.deadline = None;
        self.refusing = Some(Refusing {
            answer: self.connection.refuse(fault),
            written: 0,
            shut_down: false,
            drained: 0,
            until: Box::pin(sleep(LINGER)),
        });
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
        if this.refusing.is_none() {
            if !this.connection.header_expected() {
                return Pin::new(&mut this.inner).poll_read(cx, buf);
            }
            let late = this
                .deadline
                .as_mut()
                .is_some_and(|end| end.as_mut().poll(cx).is_ready());
            if late {
                this.refuse(WireFault::Timeout);
            } else {
                let before = buf.filled().len();
                ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
                if buf.filled().len() == before {
                    return Poll::Ready(Ok(()));
                }
                match this.inspect(&buf.filled()[before..]) {
                    Ok(()) => {
                        if !this.partial.is_empty() && this.deadline.is_none() {
                            let timeout = this.connection.header_timeout();
                            this.deadline = Some(Box::pin(sleep(timeout)));
                        }
                        return Poll::Ready(Ok(()));
                    }
                    Err(fault) => {
                        buf.set_filled(before);
                        this.refuse(fault);
                    }
                }
            }
        }
        match &mut this.refusing {
            Some(refusing) => refusing.poll(&mut this.inner, cx).map(Ok),
            None => Poll::Ready(Ok(())),
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
