//! Which requests are form uploads.

use http::Method;
use http::header::CONTENT_TYPE;

use crate::address::Address;
use crate::sig::{AuthFailure, RequestView};
use crate::wire::head::RequestHead;

const MEDIA_TYPE: &[u8] = b"multipart/form-data";

/// Whether nodes would read a request as a form upload.
pub fn is_upload(method: &Method, address: &Address, head: &RequestHead) -> bool {
    method == Method::POST
        && address.bucket().is_some()
        && address.key().is_none()
        && head.fields().any(|(name, value)| {
            let start = value.get(..MEDIA_TYPE.len());
            name == CONTENT_TYPE
                && start.is_some_and(|start| start.eq_ignore_ascii_case(MEDIA_TYPE))
        })
}

/// Refuses a form upload with credentials, parameters or vendor's header fields outside of the form: the policy does not cover
/// them.
///
/// # Errors
/// [`AuthFailure`]: only the fields of a form sign it.
pub fn check_outside(view: &RequestView<'_>) -> Result<(), AuthFailure> {
    if view.fields.authorization.is_some() {
        return Err(AuthFailure::SeveralMechanisms);
    }
    if let Some(parameter) = view.parameters.first() {
        let signed = |name: &str| crate::sig::mechanism::mechanism(name).is_some();
        if view
            .parameters
            .iter()
            .any(|parameter| signed(&parameter.name))
        {
            return Err(AuthFailure::SeveralMechanisms);
        }
        return Err(AuthFailure::UncoveredParameter(
            parameter.name.clone().into_owned(),
        ));
    }
    match view.fields.vendor.first() {
        Some((name, _)) => Err(AuthFailure::ForeignHeader((*name).to_owned())),
        None => Ok(()),
    }
}
