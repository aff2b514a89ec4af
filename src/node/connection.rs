//! A connection to a node with nothing under way, and the exchange that takes it and gives it back.

use std::time::Duration;

use bytes::Bytes;

use super::fault::NodeFault;
use super::patience::Silence;
use super::progress::Progress;
use super::receiver::{Inbox, Receiver};
use super::sender::{Outbox, RequestBody, Sender};
use super::stream::Stream;
use crate::clock::Deadline;
use crate::socket_address::SocketAddress;

/// A connection to a node on which nothing is under way: new, or behind an exchange that has ended well. It holds a socket
/// and no buffer.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    address: SocketAddress,
    reused: bool,
    /// The timer of the latest exchange: most exchanges need no other one.
    deadline: Deadline,
}

impl Connection {
    /// Opens a connection, in this time at most.
    ///
    /// # Errors
    /// The node does not take it.
    pub async fn open(address: SocketAddress, within: Duration) -> Result<Self, NodeFault> {
        match Stream::connect(&address, within).await {
            Ok(stream) => Ok(Self::of(stream, address)),
            Err(kind) => Err(NodeFault {
                kind,
                answer_begun: false,
                reused: false,
            }),
        }
    }

    /// A connection that somebody else has opened.
    pub fn of(stream: Stream, address: SocketAddress) -> Self {
        Self {
            stream,
            address,
            reused: false,
            deadline: Deadline::default(),
        }
    }

    /// The address of the node. Connections to the same address are interchangeable.
    pub fn address(&self) -> &SocketAddress {
        &self.address
    }

    /// Whether it has served a request.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether a request can be sent on it: the node has neither ended it nor said something unasked.
    pub(super) fn is_quiet(&self) -> bool {
        self.stream.is_quiet()
    }

    /// Begins an exchange. `head` is the whole head of the request, as it stands on the wire, and `body` the framing that it
    /// announces; `is_head` says that the method is HEAD. Nothing is sent yet.
    pub fn start(self, head: Bytes, body: RequestBody, is_head: bool) -> Exchange {
        Exchange {
            progress: Progress::new(self.reused),
            connection: self,
            outbox: Outbox::new(head, body),
            inbox: Inbox::new(is_head),
        }
    }
}

/// One request and its answer. Dropped, it ends the connection.
#[derive(Debug)]
pub struct Exchange {
    connection: Connection,
    outbox: Outbox,
    inbox: Inbox,
    progress: Progress,
}

impl Exchange {
    /// Pieces of the answer's body have so many bytes at most, and [`super::MAX_PIECE`] in any case: for whoever holds many.
    pub fn limit_pieces(&mut self, most: usize) {
        self.inbox.limit_pieces(most);
    }

    /// Both directions, which can be awaited at once.
    pub fn split(&mut self) -> (Sender<'_>, Receiver<'_>) {
        let (read, write) = self.connection.stream.split();
        let sender = Sender {
            side: write,
            outbox: &mut self.outbox,
            progress: &self.progress,
        };
        let receiver = Receiver {
            side: read,
            inbox: &mut self.inbox,
            progress: &self.progress,
        };
        (sender, receiver)
    }

    /// The request alone.
    pub fn sender(&mut self) -> Sender<'_> {
        self.split().0
    }

    /// The answer alone.
    pub fn receiver(&mut self) -> Receiver<'_> {
        self.split().1
    }

    /// How long the node may be silent: the timer is that of the connection.
    pub fn silence(&mut self, longest: Duration) -> Silence {
        Silence::with(std::mem::take(&mut self.connection.deadline), longest)
    }

    /// Keeps the timer for the next exchange.
    pub fn keep_timer(&mut self, silence: Silence) {
        self.connection.deadline = silence.into_deadline();
    }

    /// Whether the connection has served a request before.
    pub fn is_reused(&self) -> bool {
        self.connection.reused
    }

    /// The connection, where it can serve another request: the request was sent whole before the answer came, the answer
    /// was read to its end with nothing behind it, and the node keeps the connection (RFC 9112, section 9.3) and is in
    /// step. Whoever has told it to close, or knows that it has left something unread, drops the exchange instead.
    ///
    /// An exchange by itself cannot wait for further requests. This does not compile:
    ///
    /// ```compile_fail,E0308
    /// use countersign::node::{Exchange, give_back};
    /// fn put_back(exchange: Exchange, now: std::time::Instant) {
    ///     give_back(exchange, 128, now);
    /// }
    /// ```
    ///
    /// and this, its twin, does:
    ///
    /// ```
    /// use countersign::node::{Exchange, give_back};
    /// fn put_back(exchange: Exchange, now: std::time::Instant) {
    ///     if let Some(connection) = exchange.into_connection() {
    ///         give_back(connection, 128, now);
    ///     }
    /// }
    /// ```
    pub fn into_connection(self) -> Option<Connection> {
        let is_whole = self.progress.is_sent() && self.inbox.is_in_step();
        is_whole.then_some(Connection {
            reused: true,
            ..self.connection
        })
    }
}
