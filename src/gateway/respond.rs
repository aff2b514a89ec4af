//! The one way out for a refusal: the S3 error document, and what becomes of the connection.

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{Method, StatusCode};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};
use tokio::time::timeout;

use crate::clock::instant;
use crate::error::{Answer, ErrorDocument, Refusal};
use crate::sig::dialect::{Dialect, DialectName};
use crate::wire::target::Target;
use crate::wire::{LINGER, MAX_LINGER_BYTES};

/// The largest request body that is read to its end, so that its connection can be kept after a refusal.
pub const MAX_DRAIN_BYTES: u64 = 64 * 1024;

const XML: &str = "application/xml";
const METHODS: &str = "GET, HEAD, PUT, POST, DELETE";

fn request_id_header(dialect: DialectName) -> &'static str {
    Dialect::named(dialect).forms[0].request_id_header
}

/// Answers a request and gives whether the connection can serve another one.
///
/// # Errors
/// Pingora's, where the client is gone.
pub async fn refuse(
    session: &mut Session,
    answer: &Answer,
    dialect: DialectName,
    request_id: &str,
    host_id: &str,
) -> pingora::Result<()> {
    let resource = Target::of(session.req_header()).path.to_owned();
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
    let whole = drain(session).await;
    if !whole {
        session.set_keepalive(None);
    }
    let head_only = session.req_header().method == Method::HEAD;
    session
        .write_response_header(Box::new(header), head_only)
        .await?;
    if !head_only {
        session.write_response_body(Some(body), true).await?;
    }
    if !whole {
        linger(session).await;
    }
    Ok(())
}

/// The document of a refusal in these words.
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

/// Reads a small body to its end. A client that waits for `100 Continue` has sent nothing, and will not.
async fn drain(session: &mut Session) -> bool {
    if session.is_body_done() {
        return true;
    }
    let header = session.req_header();
    let announced = header
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if header.headers.contains_key(EXPECT)
        || announced.is_none_or(|length| length > MAX_DRAIN_BYTES)
    {
        return false;
    }
    session.set_total_drain_timeout(Some(LINGER));
    session.drain_request_body().await.is_ok()
}

/// Reads on for a while behind an answer that ends the connection: closing at once would reset it, and the client would
/// lose the answer.
async fn linger(session: &mut Session) {
    if session.req_header().headers.contains_key(EXPECT) {
        return;
    }
    let until = instant() + LINGER;
    let mut read = 0;
    while read < MAX_LINGER_BYTES {
        let left = until.saturating_duration_since(instant());
        match timeout(left, session.read_request_body()).await {
            Ok(Ok(Some(piece))) => read += piece.len(),
            _ => return,
        }
    }
}

/// A whole answer as bytes, for a request that never became one. It ends the connection.
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

/// The refusal that answers a failure behind the check; none where the client is gone.
pub fn refusal_of(session: &mut Session, error: &Error) -> Option<Refusal> {
    use ErrorType::{
        ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, ReadError, ReadTimedout,
        SocketError, WriteTimedout,
    };
    match error.esource() {
        ErrorSource::Upstream => Some(match error.etype() {
            ConnectError | ConnectNoRoute | ConnectRefused | ConnectTimedout | SocketError => {
                Refusal::NoNode
            }
            // While the body is on its way the node waits, as we do, for the client.
            ReadTimedout if !session.is_body_done() && !waits_for_continue(session) => {
                Refusal::ClientSilent
            }
            ReadTimedout | WriteTimedout => Refusal::NodeSilent,
            _ => Refusal::NodeFailed,
        }),
        ErrorSource::Downstream => match error.etype() {
            // The client is silent as it has to be: it waits for the node's leave.
            ReadTimedout if waits_for_continue(session) => Some(Refusal::NodeSilent),
            ReadTimedout => Some(Refusal::ClientSilent),
            ReadError if is_late(error) => Some(Refusal::ClientSilent),
            _ => None,
        },
        ErrorSource::Internal | ErrorSource::Unset => Some(Refusal::Internal),
    }
}

/// Whether the guard has put an end to what the client sent too slowly.
fn is_late(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}

/// Whether the client has asked for leave to send its body and has not got it.
fn waits_for_continue(session: &Session) -> bool {
    session.req_header().headers.contains_key(EXPECT) && session.response_written().is_none()
}
