//! One attempt to send a request to a node: the request is sent and the response is read at the same time, in one loop.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use pingora::Result as PingoraResult;

use super::answer::{self, Answer, Reply};
use super::client::Client;
use super::context::NodeRecord;
use super::forwarding::{Failure, Forwarding};
use super::payload::Payload;
use crate::body::End;
use crate::clock::instant;
use crate::node::{
    AnswerHead, Exchange, FaultKind, NodeFault, Patience, Receiver, Sender, Silence,
};
use crate::wire::connection::ReadState;

/// One attempt. Dropping it closes the connection to the node.
pub struct Attempt<'a, 's> {
    forwarding: &'a Forwarding<'a>,
    client: &'a mut Client<'s>,
    record: &'a mut NodeRecord,
    payload: Payload<'a>,
    started: Instant,
    upload: Upload,
    answer: Answer,
    /// How long the node may send nothing, and for how long it may read nothing.
    reads: Silence,
    writes: Silence,
}

/// The state of the request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upload {
    /// The client has more of it to send.
    Open,
    /// All of it has been read from the client.
    Whole,
    /// The node does not read the rest of it.
    GivenUp,
}

/// What happens next.
enum Event {
    /// A piece of the body; none at its end.
    Client(PingoraResult<Option<Bytes>>),
    /// What was queued has been sent to the node.
    Sent(Result<(), NodeFault>),
    Head(Result<AnswerHead, NodeFault>),
    /// A piece of the answer's body; none at its end.
    Piece(Result<Option<Bytes>, NodeFault>),
}

impl<'a, 's> Attempt<'a, 's> {
    /// An attempt for which nothing has been sent.
    pub fn new(
        forwarding: &'a Forwarding<'a>,
        client: &'a mut Client<'s>,
        record: &'a mut NodeRecord,
        payload: Payload<'a>,
        started: Instant,
        exchange: &mut Exchange,
    ) -> Self {
        let patience = forwarding.context.live.cluster.options().read_timeout;
        Self {
            forwarding,
            client,
            record,
            payload,
            started,
            upload: Upload::Open,
            answer: Answer::Awaited,
            reads: exchange.silence(patience),
            writes: Silence::of(patience),
        }
    }

    /// Sends the request and answers the client.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn run(mut self, exchange: &mut Exchange) -> Result<(), Failure> {
        let (mut sender, mut receiver) = exchange.split();
        // What was read before the node was chosen, or for an earlier attempt, is sent first.
        let (kept, last) = (self.client.kept(), self.client.body_is_done());
        if last || kept.is_some() {
            self.push(&mut sender, kept.unwrap_or_default(), last)?;
        }
        while self.upload == Upload::Open || !sender.is_flushed() || !self.answer.is_done() {
            match self.next(&mut sender, &mut receiver).await {
                Event::Client(piece) => {
                    let piece = piece.map_err(Failure::Client)?;
                    let last = piece.is_none() || self.client.body_is_done();
                    self.push(&mut sender, piece.unwrap_or_default(), last)?;
                }
                Event::Sent(Ok(())) => {}
                Event::Sent(Err(fault)) => self.stop_sending(fault)?,
                Event::Head(head) => {
                    let reply = self.head(head?, &sender)?;
                    self.answer = reply.next;
                    let written = self.client.write_head(reply.header).await;
                    written.map_err(Failure::Client)?;
                    if let Some(document) = reply.document {
                        self.client.write(document).await.map_err(Failure::Client)?;
                    }
                }
                Event::Piece(piece) => {
                    let piece = match piece {
                        // The client gets nothing of this body, so its response is complete.
                        Err(_broken) if self.answer.is_replaced() => None,
                        piece => piece?,
                    };
                    let (piece, end) = self.piece(piece);
                    self.client.write(piece).await.map_err(Failure::Client)?;
                    if end == End::Last {
                        self.client.finish().await.map_err(Failure::Client)?;
                        self.answer = Answer::Done;
                    }
                }
            }
        }
        if self.upload == Upload::GivenUp {
            Box::pin(self.client.linger()).await;
        }
        exchange.keep_timer(self.reads);
        Ok(())
    }

    /// Waits for what happens next.
    async fn next(&mut self, sender: &mut Sender<'_>, receiver: &mut Receiver<'_>) -> Event {
        // A client that waits for 100 Continue sends nothing until the node has sent that.
        let is_awaited = self.upload != Upload::Open
            || matches!(self.answer, Answer::Passing(_))
            || self.client.waits_for_continue();
        let mut reads = Awaited(is_awaited.then_some(&mut self.reads));
        let (upload, answer, writes) = (self.upload, &self.answer, &mut self.writes);
        let mut from_client = pin!(self.client.next(upload == Upload::Whole));
        let mut from_node = |cx: &mut Context<'_>| match answer {
            Answer::Awaited => receiver.poll_head(cx, &mut reads).map(Event::Head),
            Answer::Passing(_) => receiver.poll_piece(cx, &mut reads).map(Event::Piece),
            Answer::Done => Poll::Pending,
        };
        let poll = |cx: &mut Context<'_>| {
            if upload == Upload::Open {
                // An early response is noticed at once, however fast the client sends.
                if let Poll::Ready(event) = from_node(cx) {
                    return Poll::Ready(event);
                }
                if !sender.holds_piece()
                    && let Poll::Ready(piece) = from_client.as_mut().poll(cx)
                {
                    return Poll::Ready(Event::Client(piece));
                }
            }
            if !sender.is_flushed()
                && let Poll::Ready(sent) = sender.poll_flush(cx, writes)
            {
                return Poll::Ready(Event::Sent(sent));
            }
            if upload == Upload::Open {
                return Poll::Pending;
            }
            if let Poll::Ready(event) = from_node(cx) {
                return Poll::Ready(event);
            }
            if upload == Upload::Whole
                && let Poll::Ready(gone) = from_client.as_mut().poll(cx)
            {
                return Poll::Ready(Event::Client(gone));
            }
            Poll::Pending
        };
        std::future::poll_fn(poll).await
    }

    /// Queues a piece of the body for the node.
    fn push(&mut self, sender: &mut Sender<'_>, piece: Bytes, last: bool) -> Result<(), Failure> {
        let end = if last { End::Last } else { End::More };
        let passed = self.payload.push(piece, end).map_err(Failure::Refused)?;
        // The timeout of the node starts again.
        self.reads.renew();
        if last {
            self.upload = Upload::Whole;
            self.forwarding
                .context
                .connection
                .set_state(ReadState::Answer);
        }
        Ok(sender.push(passed, last)?)
    }

    /// The node reads no more. It may have responded before that, and its response is still to be read.
    fn stop_sending(&mut self, fault: NodeFault) -> Result<(), Failure> {
        match fault.kind {
            FaultKind::Write(_) => {
                self.upload = Upload::GivenUp;
                Ok(())
            }
            _ => Err(Failure::Node(fault)),
        }
    }

    /// Handles the head of a response.
    fn head(&mut self, head: AnswerHead, sender: &Sender<'_>) -> Result<Reply, Failure> {
        if !head.status.is_informational() {
            self.record.duration = Some(instant() - self.started);
            if head.status.is_success() && self.payload.is_unproven() {
                // It has not the end of the body, so it cannot have stored it, and the client must not believe that it has.
                return Err(Failure::Node(sender.premature()));
            }
            if !sender.is_done() {
                self.client.close_after();
            }
        }
        let reply = answer::reply(self.forwarding, self.client, self.record, head);
        reply.map_err(Failure::Own)
    }

    /// Translates a piece of the response body for the client; none at its end.
    fn piece(&mut self, piece: Option<Bytes>) -> (Bytes, End) {
        let end = match piece {
            Some(_) => End::More,
            None => End::Last,
        };
        let piece = piece.unwrap_or_default();
        let Answer::Passing(relay) = &mut self.answer else {
            return (piece, end);
        };
        let (passed, code) = relay.push(piece, end);
        if let Some(code) = code {
            answer::note_own_key_refused(self.forwarding, self.record, code);
        }
        (passed, end)
    }
}

/// The timeout of the node while it is the node that is waited for; no timeout otherwise.
struct Awaited<'p>(Option<&'p mut Silence>);

impl Patience for Awaited<'_> {
    fn poll_spent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.0 {
            Some(silence) => silence.poll_spent(cx),
            None => Poll::Pending,
        }
    }

    fn renew(&mut self) {
        if let Some(silence) = &mut self.0 {
            silence.renew();
        }
    }
}
