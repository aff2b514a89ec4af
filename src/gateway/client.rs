//! The client of one request: reads its body and writes the response, in every protocol version.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{Method, Version};
use pingora::Error;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use tokio::time::timeout;

use crate::clock::instant;
use crate::error::Refusal;
use crate::wire::{LINGER, MAX_LINGER_BYTES};

/// The largest request body that is read to its end after a refusal, so that the connection can be reused.
const MAX_DRAIN_BYTES: u64 = 64 * 1024;

/// A part of a request body.
pub struct Piece {
    /// Its bytes; none at the end.
    pub bytes: Bytes,
    /// Whether it is the last one.
    pub last: bool,
}

/// The client of one request.
pub struct Client<'s>(pub &'s mut Session);

impl Client<'_> {
    /// The head of the request as Pingora's parser has read it: in HTTP/1 it has only the framing fields.
    pub fn request(&self) -> &RequestHeader {
        self.0.req_header()
    }

    /// The same, mutable.
    pub fn request_mut(&mut self) -> &mut RequestHeader {
        self.0.req_header_mut()
    }

    /// Sets Pingora's options for this request: the timeout of its body, and the handling of interim and early responses.
    pub fn begin(&mut self, body_timeout: Duration) {
        self.0.set_read_timeout(Some(body_timeout));
        // HTTP/1.0 has no interim responses (RFC 9110, section 15.2).
        let old = self.request().version == Version::HTTP_10;
        self.0.set_ignore_info_resp(old);
        // Pingora would treat an interim response as a response before the end of the body.
        self.0.set_close_on_response_before_downstream_finish(false);
    }

    /// Whether the request has a body.
    pub fn has_body(&mut self) -> bool {
        !self.0.as_mut().is_body_empty()
    }

    /// Sends `100 Continue` to a client that waits for it.
    pub async fn allow_body(&mut self) {
        if self.expects() {
            // If the client is gone, the next read fails.
            let _sent = self.0.as_mut().write_continue_response().await;
        }
    }

    /// Removes the expectation once the client has got `100 Continue`: the node does not get it.
    pub fn forget_expectation(&mut self) {
        self.0.req_header_mut().remove_header(&EXPECT);
    }

    /// Buffers what is read of the body from now on, up to 64 KiB, so that an attempt at a node can send it (again).
    pub fn keep_what_is_read(&mut self) {
        self.0.as_mut().enable_retry_buffering();
    }

    /// Reads the next part of the body.
    ///
    /// # Errors
    /// [`Refusal::ClientSilent`], also if the client is gone.
    pub async fn next_piece(&mut self) -> Result<Piece, Refusal> {
        let read = self.0.as_mut().read_request_body().await;
        let read = read.map_err(|_silent_or_gone| Refusal::ClientSilent)?;
        Ok(Piece {
            last: read.is_none() || self.0.is_body_done(),
            bytes: read.unwrap_or_default(),
        })
    }

    /// The body that was read since [`Client::keep_what_is_read`], if any.
    pub fn kept(&self) -> Option<Bytes> {
        self.0.as_ref().get_retry_buffer()
    }

    /// Whether the buffer has everything that was read of the body.
    pub fn keeps_all(&self) -> bool {
        !self.0.as_ref().retry_buffer_truncated()
    }

    /// Reads the next part of the body; none at its end. With `whole` the body is complete, and this waits until the client is
    /// gone. Cancel-safe.
    ///
    /// # Errors
    /// Pingora's.
    pub async fn next(&mut self, whole: bool) -> pingora::Result<Option<Bytes>> {
        let done = self.0.as_mut().read_body_or_idle(whole).await;
        done.map_err(Error::into_down)
    }

    /// Whether the body has been read to its end.
    pub fn body_is_done(&mut self) -> bool {
        self.0.is_body_done()
    }

    /// Whether the client waits for `100 Continue`.
    pub fn waits_for_continue(&self) -> bool {
        self.expects() && self.0.response_written().is_none()
    }

    fn expects(&self) -> bool {
        self.request().headers.contains_key(EXPECT)
    }

    /// Responds with a document; without it to a HEAD.
    ///
    /// # Errors
    /// Pingora's, if the client is gone.
    pub async fn answer(&mut self, header: ResponseHeader, document: Bytes) -> pingora::Result<()> {
        let head_only = self.request().method == Method::HEAD;
        let header = Box::new(header);
        self.0.write_response_header(header, head_only).await?;
        if !head_only {
            self.0.write_response_body(Some(document), true).await?;
        }
        Ok(())
    }

    /// Writes the header section of a response. It is sent together with the first part of the body, if that follows at once.
    ///
    /// # Errors
    /// Pingora's, if the client is gone.
    pub async fn write_head(&mut self, header: ResponseHeader) -> pingora::Result<()> {
        let done = self.0.write_response_header(Box::new(header), false).await;
        done.map_err(Error::into_down)
    }

    /// Writes a part of a response body. An empty one writes nothing.
    ///
    /// # Errors
    /// Pingora's, if the client is gone.
    pub async fn write(&mut self, piece: Bytes) -> pingora::Result<()> {
        if piece.is_empty() {
            return Ok(());
        }
        let done = self.0.write_response_body(Some(piece), false).await;
        done.map_err(Error::into_down)
    }

    /// Ends the response.
    ///
    /// # Errors
    /// Pingora's, if the client is gone.
    pub async fn finish(&mut self) -> pingora::Result<()> {
        let written = self.0.response_written();
        if written.is_some_and(|answer| answer.headers.contains_key(CONTENT_LENGTH)) {
            // It has ended with its last byte.
            return Ok(());
        }
        let done = self.0.write_response_body(None, true).await;
        done.map_err(Error::into_down)
    }

    /// Ends the connection behind a response that is incomplete: what was written of it is sent first. Then the gateway reads on
    /// for a while where the client is still sending: to close the socket at once would reset the connection, and the client
    /// could lose what it has not read.
    pub async fn cut(&mut self) {
        // A client that reads nothing, or has disconnected, loses the rest.
        let _lost = timeout(LINGER, self.0.as_mut().shutdown()).await;
        if !self.0.is_body_done() {
            self.linger().await;
        }
    }

    /// Whether the header section of a final response has been written.
    pub fn is_answered(&self) -> bool {
        let written = self.0.response_written();
        written.is_some_and(|answer| !answer.status.is_informational())
    }

    /// Closes the connection after this request.
    pub fn close_after(&mut self) {
        self.0.set_keepalive(None);
    }

    /// Reads a small body to its end, and returns whether it could. A client that waits for `100 Continue` has sent no body,
    /// and will not send one.
    pub async fn drain(&mut self) -> bool {
        if self.0.is_body_done() {
            return true;
        }
        let length = self.request().headers.get(CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if self.expects() || length.is_none_or(|length| length > MAX_DRAIN_BYTES) {
            return false;
        }
        self.0.set_total_drain_timeout(Some(LINGER));
        self.0.drain_request_body().await.is_ok()
    }

    /// Reads on for a while after the last response of a connection (a lingering close): closing at once would reset the
    /// connection, and the client could lose the response.
    pub async fn linger(&mut self) {
        if self.expects() {
            return;
        }
        let until = instant() + LINGER;
        let mut read = 0;
        while read < MAX_LINGER_BYTES {
            let left: Duration = until.saturating_duration_since(instant());
            match timeout(left, self.0.read_request_body()).await {
                Ok(Ok(Some(piece))) => read += piece.len(),
                _ => return,
            }
        }
    }

    /// The bytes of the request body that were read, and of the response body that were written.
    pub fn body_bytes(&self) -> (u64, u64) {
        (
            self.0.body_bytes_read() as u64,
            self.0.body_bytes_sent() as u64,
        )
    }

    /// The status of the response; 0 if there was none.
    pub fn status(&self) -> u16 {
        let written = self.0.response_written();
        written.map_or(0, |answer| answer.status.as_u16())
    }
}
