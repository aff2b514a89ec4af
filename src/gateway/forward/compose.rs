//! A node's request made anew of what passes of the client's. That costs less than to take fields out of Pingora's two
//! maps and to put others in.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use pingora::http::RequestHeader;
use pingora::{ErrorType, OrErr};

use super::passing::passes;
use super::target::{Aim, Spelling, insert_host};
use super::{FORWARDED_FOR, Own, REQUEST_ID};
use crate::cluster::ClusterOptions;
use crate::gateway::admit::Target;
use crate::policy::Permit;
use crate::sig::dialect::{Dialect, vendor_header};

const PRINCIPAL: HeaderName = HeaderName::from_static("x-countersign-principal");
const ACCESS_KEY_ID: HeaderName = HeaderName::from_static("x-countersign-access-key-id");

/// What is added to a request: the fields of the gateway's own and those of a new signature.
const OWN_FIELDS: usize = 8;

/// Without credentials, with who signed, in the cluster's dialect.
///
/// # Errors
/// Pingora's, where a value of ours is no header value.
pub fn trusted(
    request: &RequestHeader,
    permit: &Permit,
    options: &ClusterOptions,
    own: Own<'_>,
) -> pingora::Result<RequestHeader> {
    let target = Target::of(request);
    let aim = Aim::of(target, &request.headers, permit, options, Spelling::AsSent);
    let mut headers = fields(request, permit, options, own, |rest| !is_proof(rest))?;
    let identity = permit.verified().identity();
    headers.insert(PRINCIPAL, value_of(&identity.principal)?);
    headers.insert(ACCESS_KEY_ID, value_of(&identity.access_key_id)?);
    insert_host(&mut headers, &aim).or_err(ErrorType::InvalidHTTPHeader, "the host")?;
    composed(request, headers, &aim)
}

/// Whether a vendor's field proves the request to whoever verifies it, and says nothing to a node that trusts the gateway.
/// The payload mode would steer how the node reads the body.
fn is_proof(rest: &str) -> bool {
    rest == "content-sha256"
}

/// The fields that pass, under the names that the nodes know them by and for the body that they get, and the gateway's
/// own. Of the vendor's those go
/// on that `vendors` takes, by the name behind the prefix; a session token never does.
///
/// # Errors
/// Pingora's, where a value of ours is no header value.
pub fn fields(
    request: &RequestHeader,
    permit: &Permit,
    options: &ClusterOptions,
    own: Own<'_>,
    vendors: impl Fn(&str) -> bool,
) -> pingora::Result<HeaderMap> {
    let form = permit.verified().dialect().form;
    let spoken = Dialect::named(options.dialect).forms[0];
    let mut headers = HeaderMap::with_capacity(request.headers.len() + OWN_FIELDS);
    for (name, value) in &request.headers {
        if !passes(name.as_str()) || name == AUTHORIZATION {
            continue;
        }
        let vendors_own = name.as_str().strip_prefix(form.header_prefix);
        if vendor_header(name.as_str())
            .is_some_and(|rest| rest == "security-token" || !vendors(rest))
        {
            continue;
        }
        let name = match vendors_own.filter(|_| form.header_prefix != spoken.header_prefix) {
            Some(rest) => HeaderName::try_from(format!("{}{rest}", spoken.header_prefix))
                .or_err(ErrorType::InvalidHTTPHeader, "a translated name")?,
            None => name.clone(),
        };
        headers.append(name, value.clone());
    }
    own.body.unframe(&mut headers);
    headers.insert(REQUEST_ID, value_of(own.request_id)?);
    if let Some(peer) = own.peer {
        headers.insert(FORWARDED_FOR, peer.clone());
    }
    Ok(headers)
}

/// The request of these fields to that target.
///
/// # Errors
/// Pingora's, where the target is none.
pub fn composed(
    request: &RequestHeader,
    headers: HeaderMap,
    aim: &Aim<'_>,
) -> pingora::Result<RequestHeader> {
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = request.method.clone();
    parts.version = request.version;
    parts.headers = headers;
    // The origin form stands in the URI byte for byte.
    parts.uri = request.uri.clone();
    let mut composed = RequestHeader::from(parts);
    if let Some(target) = aim.changed(request.raw_path()) {
        composed.set_raw_path(target.as_bytes())?;
    }
    Ok(composed)
}

/// A value of the gateway's own.
///
/// # Errors
/// Pingora's, where it is no header value.
pub fn value_of(text: &str) -> pingora::Result<HeaderValue> {
    HeaderValue::from_str(text).or_err(ErrorType::InvalidHTTPHeader, "a value of the gateway's own")
}
