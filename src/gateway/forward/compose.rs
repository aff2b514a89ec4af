//! A node's request made of what passes of the client's.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use pingora::http::RequestHeader;
use pingora::{ErrorType, OkOrErr, OrErr};

use super::passing::passes;
use super::target::{Aim, Spelling, insert_host};
use super::{FORWARDED_FOR, Own, REQUEST_ID};
use crate::cluster::ClusterOptions;
use crate::policy::Permit;
use crate::sig::dialect::{Dialect, vendor_header};

const PRINCIPAL: HeaderName = HeaderName::from_static("x-countersign-principal");
const ACCESS_KEY_ID: HeaderName = HeaderName::from_static("x-countersign-access-key-id");

/// What is added to a request: the fields of the gateway's own.
const OWN_FIELDS: usize = 4;

/// Without credentials, with who signed, in the cluster's dialect.
///
/// # Errors
/// Pingora's, where a value of ours is no header value.
pub fn trusted(
    request: &mut RequestHeader,
    permit: &Permit,
    options: &ClusterOptions,
    own: Own<'_>,
) -> pingora::Result<()> {
    let aim = Aim::of(request, permit, options, Spelling::AsSent, own.node);
    let (changed, host) = (aim.changed(request.raw_path()), aim.host);
    let mut parts = taken(request);
    let headers = &mut parts.headers;
    leave_what_passes(headers, permit, options, own, |rest| !is_proof(rest))?;
    let identity = permit.verified().identity();
    for (name, value) in [
        (PRINCIPAL, identity.principal_value()),
        (ACCESS_KEY_ID, identity.access_key_id_value()),
    ] {
        let value = value.or_err(ErrorType::InvalidHTTPHeader, "a name of the identity's")?;
        headers.insert(name, value.clone());
    }
    insert_host(headers, host.as_deref()).or_err(ErrorType::InvalidHTTPHeader, "the host")?;
    *request = RequestHeader::from(parts);
    match changed {
        Some(target) => request.set_raw_path(target.as_bytes()),
        None => Ok(()),
    }
}

/// The parts of a request, which is left empty. Pingora's second map, of the names as they were spelled, is left behind: to
/// keep two maps in step costs more than all the rest.
pub fn taken(request: &mut RequestHeader) -> Parts {
    let (nothing, ()) = http::Request::new(()).into_parts();
    Parts::from(std::mem::replace(request, RequestHeader::from(nothing)))
}

/// Whether a vendor's field proves the request to whoever verifies it, and says nothing to a node that trusts the gateway.
/// The payload mode would steer how the node reads the body.
pub fn is_proof(rest: &str) -> bool {
    matches!(rest, "content-sha256" | "decoded-content-length")
}

/// Removes the fields with these names.
pub fn remove(headers: &mut HeaderMap, names: impl Fn(&str) -> bool) {
    // Mostly there is none: no list of them is made.
    while let Some(name) = headers.keys().find(|name| names(name.as_str())).cloned() {
        headers.remove(name);
    }
}

/// Leaves the fields that pass, under the names that the nodes know them by and for the body that they get, and adds the
/// gateway's own. Of the vendor's those stay that `vendors` takes, by the name behind the prefix; a session token never
/// does.
///
/// # Errors
/// Pingora's, where a value of ours is no header value.
pub fn leave_what_passes(
    headers: &mut HeaderMap,
    permit: &Permit,
    options: &ClusterOptions,
    own: Own<'_>,
    vendors: impl Fn(&str) -> bool,
) -> pingora::Result<()> {
    let stays = |name: &str| match vendor_header(name) {
        Some(rest) => rest != "security-token" && vendors(rest),
        None => name != "authorization" && passes(name),
    };
    remove(headers, |name| !stays(name));
    headers.reserve(OWN_FIELDS);
    let received = permit.verified().dialect().form.header_prefix;
    let spoken = Dialect::named(options.dialect).forms[0].header_prefix;
    if received != spoken {
        *headers = translated(headers, received, spoken)?;
    }
    own.body.unframe(headers);
    headers.insert(REQUEST_ID, own.request_id.value()?);
    if let Some(peer) = own.peer {
        headers.insert(FORWARDED_FOR, peer.clone());
    }
    Ok(())
}

/// The fields with one vendor's prefix under another's.
fn translated(headers: &HeaderMap, from: &str, to: &str) -> pingora::Result<HeaderMap> {
    let mut translated = HeaderMap::with_capacity(headers.len() + OWN_FIELDS);
    for (name, value) in headers {
        let name = match name.as_str().strip_prefix(from) {
            Some(rest) => HeaderName::try_from(format!("{to}{rest}"))
                .or_err(ErrorType::InvalidHTTPHeader, "a translated name")?,
            None => name.clone(),
        };
        translated.append(name, value.clone());
    }
    Ok(translated)
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
