//! A node's request made of what passes of the client's.

use http::header::{AUTHORIZATION, EXPECT, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use pingora::http::RequestHeader;
use pingora::{ErrorType, OkOrErr, OrErr};

use super::passing::listed;
use super::target::{TargetEncoding, UpstreamTarget, insert_host};
use super::{FORWARDED_FOR, ForwardInfo, REQUEST_ID};
use crate::cluster::ClusterOptions;
use crate::dialect::{Dialect, vendor_header};
use crate::policy::Permit;
use crate::wire::head::RequestHead;

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
    head: &RequestHead,
    permit: &Permit,
    options: &ClusterOptions,
    own: ForwardInfo<'_>,
) -> pingora::Result<()> {
    let upstream = UpstreamTarget::of(
        request,
        head,
        permit,
        options,
        TargetEncoding::AsSent,
        own.node,
    );
    let (target, host) = (upstream.changed(request.raw_path()), upstream.host);
    let mut headers = what_passes(head, permit, options, own, |rest| !is_proof(rest))?;
    let identity = permit.verified().identity();
    for (name, value) in [
        (PRINCIPAL, identity.principal_value()),
        (ACCESS_KEY_ID, identity.access_key_id_value()),
    ] {
        let value = value.or_err(ErrorType::InvalidHTTPHeader, "a name of the identity's")?;
        headers.insert(name, value.clone());
    }
    insert_host(&mut headers, host.as_deref()).or_err(ErrorType::InvalidHTTPHeader, "the host")?;
    compose(request, headers, target.as_deref())
}

/// Whether a vendor's field proves the request to whoever verifies it, and says nothing to a node that trusts the gateway.
/// The payload mode would steer how the node reads the body.
fn is_proof(rest: &str) -> bool {
    matches!(rest, "content-sha256" | "decoded-content-length")
}

/// The fields that pass, under the names that the nodes know them by and for the body that they get, and the gateway's
/// own. Of the vendor's those stay that `vendors` takes, by the name behind the prefix; a session token never does.
///
/// # Errors
/// Pingora's, where a value of ours is no header value.
pub fn what_passes(
    head: &RequestHead,
    permit: &Permit,
    options: &ClusterOptions,
    own: ForwardInfo<'_>,
    vendors: impl Fn(&str) -> bool,
) -> pingora::Result<HeaderMap> {
    let own_prefix = permit.verified().dialect().syntax.header_prefix;
    let nodes_prefix = Dialect::named(options.dialect).syntaxes[0].header_prefix;
    let verified = permit.verified();
    let in_query = verified.query_headers().iter().filter_map(|own| {
        let value = own.value.as_deref()?;
        Some((own.name.as_str(), value))
    });
    let mut headers = HeaderMap::with_capacity(head.count() + OWN_FIELDS);
    for (name, value) in head.fields().chain(in_query) {
        let name = match vendor_header(name) {
            Some("security-token") => continue,
            Some(rest) if !vendors(rest) => continue,
            Some(rest) if own_prefix != nodes_prefix && name.starts_with(own_prefix) => {
                HeaderName::try_from(format!("{nodes_prefix}{rest}"))
            }
            Some(_) => HeaderName::from_bytes(name.as_bytes()),
            None => match listed(name) {
                Some(name) if name == AUTHORIZATION || (name == EXPECT && !head.expects()) => {
                    continue;
                }
                Some(name) => Ok(name),
                None => continue,
            },
        };
        let name = name.or_err(ErrorType::InvalidHTTPHeader, "a name that was received")?;
        headers.append(name, header_value(value)?);
    }
    join_repeated(&mut headers)?;
    own.body.unframe(&mut headers);
    headers.insert(REQUEST_ID, own.request_id.value()?);
    if let Some(peer) = own.peer {
        headers.insert(FORWARDED_FOR, peer.clone());
    }
    Ok(headers)
}

/// Metadata and lists may stand on several lines, which a signature joins; a node reads the joined value, too.
fn join_repeated(headers: &mut HeaderMap) -> pingora::Result<()> {
    if headers.keys_len() == headers.len() {
        return Ok(());
    }
    let vendors = |name: &&HeaderName| vendor_header(name.as_str()).is_some();
    let names: Vec<HeaderName> = headers.keys().filter(vendors).cloned().collect();
    for name in names {
        let values: Vec<&[u8]> = headers
            .get_all(&name)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        if values.len() > 1 {
            let joined = HeaderValue::from_bytes(&values.join(&b","[..]))
                .or_err(ErrorType::InvalidHTTPHeader, "a joined value")?;
            headers.insert(name, joined);
        }
    }
    Ok(())
}

/// A value as it was received.
///
/// # Errors
/// Pingora's, where it is no header value; the guard lets none such in.
pub fn header_value(value: &[u8]) -> pingora::Result<HeaderValue> {
    HeaderValue::from_bytes(value).or_err(ErrorType::InvalidHTTPHeader, "a value that was received")
}

/// Makes a request one of these fields, to another target where there is one. Pingora's second map, of the names as they
/// were spelled, is left behind: to keep two maps in step costs more than all the rest.
///
/// # Errors
/// Pingora's, where the target is none.
pub fn compose(
    request: &mut RequestHeader,
    headers: HeaderMap,
    target: Option<&str>,
) -> pingora::Result<()> {
    let (nothing, ()) = http::Request::new(()).into_parts();
    let nothing = RequestHeader::from(nothing);
    // The origin form stands in the URI byte for byte.
    let mut parts = Parts::from(std::mem::replace(request, nothing));
    parts.headers = headers;
    *request = RequestHeader::from(parts);
    match target {
        Some(target) => request.set_raw_path(target.as_bytes()),
        None => Ok(()),
    }
}

/// A value of the gateway's own.
///
/// # Errors
/// Pingora's, where it is no header value.
pub fn value_of(text: &str) -> pingora::Result<HeaderValue> {
    HeaderValue::from_str(text).or_err(ErrorType::InvalidHTTPHeader, "a value of the gateway's own")
}
