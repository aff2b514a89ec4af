//! The request to a node, made of those parts of the client's request that are forwarded.

use std::borrow::Cow;

use http::header::{HeaderName, HeaderValue};
use pingora::http::RequestHeader;
use pingora::{ErrorType, OkOrErr, OrErr};

use super::fields::NodeFields;
use super::passing::listed;
use super::target::{TargetEncoding, UpstreamTarget};
use super::{FORWARDED_FOR, ForwardInfo, REQUEST_ID};
use crate::cluster::ClusterOptions;
use crate::dialect::{Dialect, vendor_header};
use crate::policy::Permit;
use crate::wire::head::RequestHead;

const PRINCIPAL: &str = "x-countersign-principal";
const ACCESS_KEY_ID: &str = "x-countersign-access-key-id";

/// The number of fields that the gateway adds.
const OWN_FIELDS: usize = 5;

/// The target and the fields of a request to a node.
pub struct Composed<'r> {
    /// Path and query.
    pub target: Cow<'r, str>,
    /// The fields, without those of the framing and of the connection.
    pub fields: NodeFields<'r>,
}

/// The request without credentials and with the verified identity, in the cluster's dialect.
///
/// # Errors
/// Pingora's, if a value of the gateway is not a valid header value.
pub fn trusted<'r>(
    request: &'r RequestHeader,
    head: &'r RequestHead,
    permit: &'r Permit,
    options: &ClusterOptions,
    info: ForwardInfo<'r>,
) -> pingora::Result<Composed<'r>> {
    let encoding = TargetEncoding::AsSent;
    let upstream = UpstreamTarget::of(request, head, permit, options, encoding, info.node);
    let mut fields = what_passes(head, permit, options, info, |rest| !is_proof(rest))?;
    let identity = permit.verified().identity();
    for (name, value) in [
        (PRINCIPAL, identity.principal_value()),
        (ACCESS_KEY_ID, identity.access_key_id_value()),
    ] {
        let value = value.or_err(ErrorType::InvalidHTTPHeader, "a name of the identity's")?;
        fields.add(name, value.as_bytes());
    }
    let target = upstream.on_the_wire(request.raw_path());
    if let Some(host) = upstream.host {
        fields.set_text("host", host)?;
    }
    Ok(Composed { target, fields })
}

/// Whether a vendor's field is needed only to verify the signature. A node that trusts the gateway does not get it: the payload
/// mode would change how the node reads the body.
fn is_proof(rest: &str) -> bool {
    matches!(rest, "content-sha256" | "decoded-content-length")
}

/// The forwarded fields with their names in the cluster's dialect, changed for the body that the node gets, and the fields
/// of the gateway. `vendors` selects the vendor's fields by the name after the prefix; a session token is never forwarded.
///
/// # Errors
/// Pingora's, if a value of the gateway is not a valid header value.
pub fn what_passes<'r>(
    head: &'r RequestHead,
    permit: &'r Permit,
    options: &ClusterOptions,
    info: ForwardInfo<'r>,
    vendors: impl Fn(&str) -> bool,
) -> pingora::Result<NodeFields<'r>> {
    let verified = permit.verified();
    let own_prefix = verified.dialect().syntax.header_prefix;
    let nodes_prefix = Dialect::named(options.dialect).syntaxes[0].header_prefix;
    let mut fields = NodeFields::with_capacity(head.count() + OWN_FIELDS);
    let mut add = |name: &'r str, value: &'r [u8]| match vendor_header(name) {
        Some("security-token") => {}
        Some(rest) if !vendors(rest) => {}
        Some(rest) if own_prefix != nodes_prefix && name.starts_with(own_prefix) => {
            fields.add(format!("{nodes_prefix}{rest}"), value);
        }
        Some(_) => fields.add(name, value),
        None if !listed(name) || name == "authorization" => {}
        None if name == "expect" && !head.expects() => {}
        None => fields.add(name, value),
    };
    for (name, value) in head.fields() {
        add(name, value);
    }
    for parameter in verified.query_headers() {
        if let Some(value) = &parameter.value {
            // They come from the query, so the guard has not checked them.
            let name = HeaderName::from_bytes(parameter.name.as_bytes());
            name.or_err(ErrorType::InvalidHTTPHeader, "a name in the query")?;
            let checked = HeaderValue::from_bytes(value);
            checked.or_err(ErrorType::InvalidHTTPHeader, "a value in the query")?;
            add(&parameter.name, value);
        }
    }
    fields.join_repeated();
    info.body.unframe(&mut fields);
    fields.add(REQUEST_ID, info.request_id.as_bytes());
    if let Some(peer) = info.peer {
        fields.add(FORWARDED_FOR, peer.as_bytes());
    }
    Ok(fields)
}
