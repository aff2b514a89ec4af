//! The answer to a form upload, made of the node's answer to the PUT.

use http::StatusCode;
use pingora::http::ResponseHeader;

use crate::gateway::client::Client;
use crate::gateway::context::Context;
use crate::gateway::relay::Relay;

/// Makes the node's answer to the PUT of a form the answer to the form. Last of all that is done to an answer's header: one
/// with a document is sent from here.
///
/// # Errors
/// Pingora's, where the client is gone.
pub async fn answer(
    client: &mut Client<'_>,
    answer: &mut ResponseHeader,
    context: &mut Context,
) -> pingora::Result<()> {
    let Some(admitted) = &context.admitted else {
        return Ok(());
    };
    let success = admitted.form.as_ref().and_then(|form| form.success());
    let Some(success) = success else {
        return Ok(());
    };
    if !answer.status.is_success() {
        warn_of_missing_length(answer, context);
        return Ok(());
    }
    let document = success.apply(
        answer,
        &context.head,
        admitted.permit.address(),
        admitted.response_dialect,
    )?;
    context.attempt.relay = Relay::Nothing;
    if let Some(document) = document {
        // The answer to a PUT has no body that could become this one. What Pingora sends behind it comes too late.
        client.answer(answer.clone(), document).await?;
    }
    Ok(())
}

/// The client cannot help it: the operator can.
fn warn_of_missing_length(answer: &ResponseHeader, context: &Context) {
    let form = context.admitted.as_ref();
    let form = form.and_then(|admitted| admitted.form.as_ref());
    let is_unsized = form.is_some_and(|form| form.is_unsized());
    let wants_length = matches!(
        answer.status,
        StatusCode::LENGTH_REQUIRED | StatusCode::NOT_IMPLEMENTED
    );
    if let (true, true, Some((node, _))) = (is_unsized, wants_length, context.node()) {
        tracing::warn!(
            request_id = &*context.request_id,
            node,
            "the node takes no file of a form without a Content-Length: set form_files = \"sized\""
        );
    }
}
