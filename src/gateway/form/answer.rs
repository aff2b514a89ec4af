//! The response to a form upload, made of the node's response to the PUT.

use bytes::Bytes;
use http::StatusCode;
use http::response::Parts;

use crate::gateway::context::NodeRecord;
use crate::gateway::forwarding::Forwarding;

/// Changes the node's response to the PUT into the response to the form, and returns its body. None if the node's response is
/// forwarded: the request is not a form, or the node has not stored the file. It is the last change of the header section.
///
/// # Errors
/// Pingora's, if the gateway makes an invalid header value.
pub fn answer(
    forwarding: &Forwarding<'_>,
    record: &NodeRecord,
    answer: &mut Parts,
) -> pingora::Result<Option<Bytes>> {
    let form = forwarding.admitted.form.as_ref();
    let Some((form, put)) = form.and_then(|form| Some((form, form.put()?))) else {
        return Ok(None);
    };
    if !answer.status.is_success() {
        if form.is_unsized() {
            warn_of_missing_length(forwarding, record, answer.status);
        }
        return Ok(None);
    }
    let (address, dialect) = (
        forwarding.admitted.permit.address(),
        forwarding.admitted.response_dialect,
    );
    let document = put
        .success
        .apply(answer, &forwarding.context.head, address, dialect)?;
    Ok(Some(document.unwrap_or_default()))
}

/// The operator can change this, the client cannot.
fn warn_of_missing_length(forwarding: &Forwarding<'_>, record: &NodeRecord, status: StatusCode) {
    let wants_length = matches!(
        status,
        StatusCode::LENGTH_REQUIRED | StatusCode::NOT_IMPLEMENTED
    );
    if let (true, Some((node, _))) = (wants_length, forwarding.context.node_of(record)) {
        tracing::warn!(
            request_id = &*forwarding.context.request_id,
            node,
            "the node takes no file of a form without a Content-Length: set form_files = \"sized\""
        );
    }
}
