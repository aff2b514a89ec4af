//! The response of a node, translated for the client.

use bytes::Bytes;
use http::response::Parts;
use pingora::http::ResponseHeader;

use super::client::Client;
use super::context::NodeRecord;
use super::forwarding::Forwarding;
use super::relay::{self, Relay};
use super::{form, respond};
use crate::cluster::Forward;
use crate::error::Refusal;
use crate::node::AnswerHead;
use crate::sig::headers::text_of;

/// The state of a response.
#[derive(Debug)]
pub enum Answer {
    /// Its head has not been received.
    Awaited,
    /// Its head has been sent to the client, and its body is being translated.
    Passing(Relay),
    /// It has been sent to the client.
    Done,
}

/// What the client gets for the head of a response.
pub struct Reply {
    /// The header.
    pub header: ResponseHeader,
    /// The body, if the gateway has made it.
    pub document: Option<Bytes>,
    /// The next state.
    pub next: Answer,
}

/// Translates the head of a response for the client.
///
/// # Errors
/// Pingora's, if a value of the gateway is no header value; none is.
pub fn reply(
    forwarding: &Forwarding<'_>,
    client: &mut Client<'_>,
    record: &mut NodeRecord,
    head: AnswerHead,
) -> pingora::Result<Reply> {
    let (mut answer, ()) = http::Response::new(()).into_parts();
    (answer.status, answer.headers) = (head.status, head.headers);
    let (method, version) = (&client.request().method, client.request().version);
    let framed = relay::frame(&mut answer, head.framing, head.length, version);
    let reason = head.reason.as_deref().and_then(text_of);
    if answer.status.is_informational() {
        return Ok(Reply {
            header: header(answer, reason)?,
            document: None,
            next: Answer::Awaited,
        });
    }
    let dialect = forwarding.admitted.response_dialect;
    let options = forwarding.context.live.cluster.options();
    let (request_id, host_id) = (&forwarding.context.request_id, &forwarding.runtime.host_id);
    let request = client.request();
    let own_refusal: &dyn Fn() -> Vec<u8> =
        &|| respond::document(request, &Refusal::OwnKey, dialect, request_id, host_id);
    let (mut relay, node_request_id) = relay::head(
        &mut answer,
        dialect,
        options.dialect,
        method,
        forwarding.admitted.permit.address().operation(),
        relay::Identity {
            request_id: request_id.value()?,
            host_id,
        },
        (options.forward == Forward::Resign).then_some(own_refusal),
    )?;
    record.node_request_id = node_request_id;
    let document = form::answer(forwarding, record, &mut answer)?;
    // The response to the PUT of a form has no body that the client of the form could use.
    if framed.no_body || document.is_some() {
        relay = Relay::Nothing;
    }
    // HTTP/1.0 has no chunks: the body ends with the connection.
    if framed.until_close || *forwarding.stopping.borrow() {
        client.close_after();
    }
    Ok(Reply {
        header: header(answer, reason)?,
        document,
        next: Answer::Passing(relay),
    })
}

fn header(answer: Parts, reason: Option<&str>) -> pingora::Result<ResponseHeader> {
    let mut header = ResponseHeader::from(answer);
    if reason.is_some() {
        header.set_reason_phrase(reason)?;
    }
    Ok(header)
}

impl Answer {
    /// Whether the client gets nothing of the node's body.
    pub fn is_replaced(&self) -> bool {
        matches!(self, Self::Passing(Relay::Nothing))
    }

    /// Whether all of it has been sent.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

/// Counts and logs that a node refuses the gateway's own signature. The client cannot mend that, the operator can.
pub fn note_own_key_refused(forwarding: &Forwarding<'_>, record: &NodeRecord, code: &str) {
    let Some((node, metrics)) = forwarding.context.node_of(record) else {
        return;
    };
    metrics.failure();
    tracing::error!(
        request_id = &*forwarding.context.request_id,
        node,
        code,
        "the node does not accept the gateway's own signature: look at sign_with, node_keys and the clock"
    );
}
