//! The response to a refused request: the S3 error document, and whether the connection closes.

use bytes::Bytes;
use http::StatusCode;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, ErrorType};

use super::client::Client;
use super::forwarding::Failure;
use crate::answer::{Answer, ErrorDocument};
use crate::dialect::{Dialect, DialectName};
use crate::error::Refusal;
use crate::node::{FaultKind, NodeFault};
use crate::wire::target::Target;

const XML: &str = "application/xml";
const METHODS: &str = "GET, HEAD, PUT, POST, DELETE";

fn request_id_header(dialect: DialectName) -> &'static HeaderName {
    &Dialect::named(dialect).syntaxes[0].request_id_header
}

/// Responds with an error document. The connection closes unless the request has been read to its end.
///
/// # Errors
/// Pingora's, if the client is gone.
pub async fn refuse(
    client: &mut Client<'_>,
    answer: &Answer,
    dialect: DialectName,
    request_id: &str,
    host_id: &str,
) -> pingora::Result<()> {
    let resource = Target::of(client.request()).path.to_owned();
    let document = ErrorDocument {
        answer,
        resource: &resource,
        request_id,
        host_id,
    };
    let body = Bytes::from(document.to_xml(dialect));
    let mut header = ResponseHeader::build(answer.status, Some(6))?;
    header.insert_header(CONTENT_TYPE, XML)?;
    header.insert_header(CONTENT_LENGTH, body.len())?;
    header.insert_header(request_id_header(dialect), request_id)?;
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        header.insert_header(ALLOW, METHODS)?;
    }
    let whole = client.drain().await;
    if !whole {
        client.close_after();
    }
    client.answer(header, body).await?;
    if !whole {
        client.linger().await;
    }
    Ok(())
}

/// The error document of a refusal.
pub fn document(
    request: &RequestHeader,
    refusal: &Refusal,
    dialect: DialectName,
    request_id: &str,
    host_id: &str,
) -> Vec<u8> {
    let document = ErrorDocument {
        answer: &refusal.answer(dialect),
        resource: Target::of(request).path,
        request_id,
        host_id,
    };
    document.to_xml(dialect)
}

/// A complete response as bytes, for an invalid request header. It closes the connection.
pub fn raw(answer: &Answer, dialect: DialectName, request_id: &str, host_id: &str) -> Vec<u8> {
    let document = ErrorDocument {
        answer,
        resource: "",
        request_id,
        host_id,
    };
    let body = document.to_xml(dialect);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut whole = format!(
        "HTTP/1.1 {status}\r\n{CONTENT_TYPE}: {XML}\r\n{CONTENT_LENGTH}: {}\r\n{}: {request_id}\r\n{CONNECTION}: close\r\n\r\n",
        body.len(),
        request_id_header(dialect),
    )
    .into_bytes();
    whole.extend_from_slice(&body);
    whole
}

/// The refusal for a failure after the check; none if the client is gone.
pub fn refusal_of(client: &mut Client<'_>, failure: &Failure) -> Option<Refusal> {
    let error = match failure {
        Failure::Refused(refusal) => return Some(refusal.clone()),
        Failure::Node(fault) => return Some(of_node(fault)),
        Failure::Own(_) => return Some(Refusal::Internal),
        Failure::Client(error) => error,
    };
    match error.etype() {
        // The client sends nothing because it waits for the node's `100 Continue`.
        ErrorType::ReadTimedout if client.waits_for_continue() => Some(Refusal::NodeSilent),
        ErrorType::ReadTimedout => Some(Refusal::ClientSilent),
        ErrorType::ReadError if is_late(error) => Some(Refusal::ClientSilent),
        _ => None,
    }
}

/// The refusal for a fault of a node.
fn of_node(fault: &NodeFault) -> Refusal {
    match fault.kind {
        FaultKind::Refused | FaultKind::ConnectTimeout | FaultKind::Connect(_) => Refusal::NoNode,
        FaultKind::Silent | FaultKind::WriteTimeout => Refusal::NodeSilent,
        FaultKind::Misuse(_) => Refusal::Internal,
        FaultKind::Closed(_)
        | FaultKind::BrokenOff(_)
        | FaultKind::Malformed(_)
        | FaultKind::Premature
        | FaultKind::Write(_) => Refusal::NodeFailed,
    }
}

/// Whether the guard has stopped a client that sends too slowly.
fn is_late(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}
