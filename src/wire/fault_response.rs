//! The response to an invalid request header, written by the connection's guard.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::{LINGER, MAX_LINGER_BYTES};

/// A response that is being written before the connection closes.
pub struct FaultResponse {
    answer: Vec<u8>,
    written: usize,
    shut_down: bool,
    drained: usize,
    until: Pin<Box<Sleep>>,
}

impl FaultResponse {
    /// A response to write.
    pub fn with(answer: Vec<u8>) -> Self {
        Self {
            answer,
            written: 0,
            shut_down: false,
            drained: 0,
            until: Box::pin(sleep(LINGER)),
        }
    }

    /// Writes the response, shuts down the write side, and then reads and discards what the client still sends, up to
    /// [`MAX_LINGER_BYTES`] and [`LINGER`].
    pub fn poll<S: AsyncRead + AsyncWrite + Unpin>(
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
