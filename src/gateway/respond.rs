//! The one way out for a refusal: the S3 error document, and what becomes of the connection.

use bytes::Bytes;
use http::StatusCode;
use http::header::{ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::{Error, ErrorSource, ErrorType};

use super::client::Client;
use crate::answer::{Answer, ErrorDocument};
use crate::dialect::{Dialect, DialectName};
use crate::error::{Refusal, WireFault};
use crate::wire::target::Target;

const XML: &str = "application/xml";
const METHODS: &str = "GET, HEAD, PUT, POST, DELETE";

fn request_id_header(dialect: DialectName) -> &'static HeaderName {
    &Dialect::named(dialect).syntaxes[0].request_id_header
}

/// Answers a request and gives whether the connection can serve another one.
///
/// # Errors
/// Pingora's, where the client is gone.
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
pub fn refusal_of(client: &mut Client<'_>, error: &Error) -> Option<Refusal> {
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
            ReadTimedout if !client.body_is_done() && !client.waits_for_continue() => {
                Refusal::ClientSilent
            }
            ReadTimedout | WriteTimedout => Refusal::NodeSilent,
            _ => Refusal::NodeFailed,
        }),
        ErrorSource::Downstream => match error.etype() {
            // The client is silent as it has to be: it waits for the node's leave.
            ReadTimedout if client.waits_for_continue() => Some(Refusal::NodeSilent),
            ReadTimedout => Some(Refusal::ClientSilent),
            ReadError if is_late(error) => Some(Refusal::ClientSilent),
            _ => None,
        },
        ErrorSource::Internal | ErrorSource::Unset => {
            let fault = error.root_cause().downcast_ref::<WireFault>();
            Some(fault.map_or(Refusal::Internal, |fault| Refusal::Wire(*fault)))
        }
    }
}

/// Whether the guard has put an end to what the client sent too slowly.
fn is_late(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::TimedOut)
}
