//! What can be wrong with a node.

use std::fmt;
use std::io;

use thiserror::Error;

/// Why a request has no answer, or not the whole of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeFault {
    /// What was wrong.
    pub kind: FaultKind,
    /// Whether anything of an answer had come.
    pub answer_begun: bool,
    /// Whether the connection had served a request before.
    pub reused: bool,
}

impl NodeFault {
    /// Whether the connection had gone stale, as far as that can be seen: it had waited for this request, and ended without
    /// a byte. That says nothing against the node. The node may still have got the request: whether it can be sent again is
    /// a matter of its method (RFC 9110, section 9.2.2).
    pub fn is_stale(&self) -> bool {
        let ended = matches!(self.kind, FaultKind::Closed(_) | FaultKind::Write(_));
        self.reused && !self.answer_begun && ended
    }
}

impl fmt::Display for NodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = if self.reused { "used" } else { "new" };
        write!(f, "{} ({connection} connection)", self.kind)
    }
}

impl std::error::Error for NodeFault {}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// Nobody listens there.
    #[error("the node refuses connections")]
    Refused,
    /// It did not take the connection in time.
    #[error("the node does not take a connection in time")]
    ConnectTimeout,
    /// There is no connection for another reason.
    #[error("no connection to the node: {0}")]
    Connect(io::ErrorKind),
    /// It ended the connection, or the connection failed, before anything of an answer had come.
    #[error("the node closed the connection without an answer{}", Because(.0))]
    Closed(Option<io::ErrorKind>),
    /// The same in the middle of an answer.
    #[error("the answer breaks off{}", Because(.0))]
    BrokenOff(Option<io::ErrorKind>),
    /// It answers what is no answer.
    #[error("the answer is malformed: {0}")]
    Malformed(Malformed),
    /// It was waited for in vain.
    #[error("the node is silent")]
    Silent,
    /// It does not take the request in time.
    #[error("the node does not take the request in time")]
    WriteTimeout,
    /// It does not take the request. It may have answered before.
    #[error("the request cannot be sent: {0}")]
    Write(io::ErrorKind),
    /// It reports success before it has the whole request.
    #[error("the node reports success before it has the whole request")]
    Premature,
    /// The gateway's own mistake.
    #[error("{0}")]
    Misuse(Misuse),
}

/// What makes an answer none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Malformed {
    #[error("no status line of HTTP/1")]
    StatusLine,
    #[error("a faulty field")]
    Field,
    #[error("too many fields")]
    TooManyFields,
    #[error("the head is too long")]
    HeadTooLong,
    #[error("Content-Length is no number")]
    Length,
    #[error("two different lengths")]
    Lengths,
    #[error("a transfer coding other than chunked")]
    Coding,
    #[error("both a length and chunks")]
    LengthAndChunks,
    #[error("101 without an upgrade")]
    Upgrade,
    #[error("too many interim answers")]
    TooManyInterim,
    #[error("a faulty chunk size")]
    ChunkSize,
    #[error("a faulty chunk extension")]
    ChunkExtension,
    #[error("a chunk does not end where it should")]
    ChunkEnd,
    #[error("a faulty trailer section")]
    Trailer,
}

/// A mistake of whoever uses the exchange. The connection does not come back from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Misuse {
    #[error("the body of the request is longer than announced")]
    BodyTooLong,
    #[error("the body of the request is shorter than announced")]
    BodyTooShort,
    #[error("a piece of the request's body was sent before the last one had left")]
    Unflushed,
    #[error("the answer was read out of turn")]
    OutOfTurn,
}

/// The cause, where there is one.
struct Because<'a>(&'a Option<io::ErrorKind>);

impl fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(kind) => write!(f, ": {kind}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_stale_where_it_ended_without_a_byte() {
        let fault = NodeFault {
            kind: FaultKind::Closed(None),
            answer_begun: false,
            reused: true,
        };
        assert!(fault.is_stale());
        let kind = FaultKind::Write(io::ErrorKind::BrokenPipe);
        assert!(NodeFault { kind, ..fault }.is_stale());
        for other in [
            NodeFault {
                reused: false,
                ..fault
            },
            NodeFault {
                answer_begun: true,
                ..fault
            },
            NodeFault {
                kind: FaultKind::Silent,
                ..fault
            },
        ] {
            assert!(!other.is_stale(), "{other}");
        }
    }

    #[test]
    fn a_fault_says_what_was_wrong() {
        let says = |kind| {
            let fault = NodeFault {
                kind,
                answer_begun: false,
                reused: false,
            };
            fault.to_string()
        };
        assert_eq!(
            says(FaultKind::Malformed(Malformed::Length)),
            "the answer is malformed: Content-Length is no number (new connection)"
        );
        assert_eq!(
            says(FaultKind::BrokenOff(Some(io::ErrorKind::ConnectionReset))),
            "the answer breaks off: connection reset (new connection)"
        );
        assert_eq!(
            says(FaultKind::Closed(None)),
            "the node closed the connection without an answer (new connection)"
        );
    }
}
