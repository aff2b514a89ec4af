//! The client of one request: what is read from it and written to it, whichever protocol it speaks.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, EXPECT};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use tokio::time::timeout;

use crate::clock::instant;
use crate::error::Refusal;
use crate::wire::{LINGER, MAX_LINGER_BYTES};

/// The largest request body that is read to its end, so that its connection can be kept after a refusal.
const MAX_DRAIN_BYTES: u64 = 64 * 1024;

/// A piece of a request body.
pub struct Piece {
    /// Its bytes; none at the end.
    pub bytes: Bytes,
    /// Whether it is the last one.
    pub last: bool,
}

/// The client of one request.
pub struct Client<'s>(pub &'s mut Session);

impl Client<'_> {
    /// The head of the request, as the HTTP parser has read it: in HTTP/1, of its fields those that frame it, and no others.
    pub fn request(&self) -> &RequestHeader {
        self.0.req_header()
    }

    /// Lets a client that waits for `100 Continue` send its body.
    pub async fn allow_body(&mut self) {
        if self.expects() {
            // If the client is gone by now, the read finds out.
            let _sent = self.0.as_mut().write_continue_response().await;
        }
    }

    /// The client has been told to send its body: no node has to do it again.
    pub fn forget_expectation(&mut self) {
        self.0.req_header_mut().remove_header(&EXPECT);
    }

    /// What is read of the body from now on comes once more when a node is asked: up to 64 KiB of it.
    pub fn keep_what_is_read(&mut self) {
        self.0.as_mut().enable_retry_buffering();
    }

    /// Reads the next piece of the body.
    ///
    /// # Errors
    /// [`Refusal::ClientSilent`], also where the client is gone.
    pub async fn next_piece(&mut self) -> Result<Piece, Refusal> {
        let read = self.0.as_mut().read_request_body().await;
        let read = read.map_err(|_silent_or_gone| Refusal::ClientSilent)?;
        Ok(Piece {
            last: read.is_none() || self.0.is_body_done(),
            bytes: read.unwrap_or_default(),
        })
    }

    /// Whether the body has been read to its end.
    pub fn body_is_done(&mut self) -> bool {
        self.0.is_body_done()
    }

    /// Whether the client has asked for leave to send its body and has not got it.
    pub fn waits_for_continue(&self) -> bool {
        self.expects() && self.0.response_written().is_none()
    }

    fn expects(&self) -> bool {
        self.request().headers.contains_key(EXPECT)
    }

    /// Answers the request with a document, which the answer to a HEAD has not got.
    ///
    /// # Errors
    /// Pingora's, where the client is gone.
    pub async fn answer(&mut self, header: ResponseHeader, document: Bytes) -> pingora::Result<()> {
        let head_only = self.request().method == Method::HEAD;
        let header = Box::new(header);
        self.0.write_response_header(header, head_only).await?;
        if !head_only {
            self.0.write_response_body(Some(document), true).await?;
        }
        Ok(())
    }

    /// The connection ends with this request.
    pub fn close_after(&mut self) {
        self.0.set_keepalive(None);
    }

    /// Reads a small body to its end, and says whether it has. A client that waits for `100 Continue` has sent nothing, and
    /// will not.
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

    /// Reads on for a while behind an answer that ends the connection: closing at once would reset it, and the client would
    /// lose the answer.
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

    /// The bytes of the bodies that were read from the client and written to it.
    pub fn body_bytes(&self) -> (u64, u64) {
        (
            self.0.body_bytes_read() as u64,
            self.0.body_bytes_sent() as u64,
        )
    }

    /// The status of the answer; 0 where there was none.
    pub fn status(&self) -> u16 {
        let written = self.0.response_written();
        written.map_or(0, |answer| answer.status.as_u16())
    }
}
