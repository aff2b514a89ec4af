//! What goes on to a node: the request as it was verified, without what could steer the node past the check.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use pingora::http::RequestHeader;
use pingora::{ErrorType, OrErr};

use super::admit::Target;
use crate::cluster::{ClusterOptions, Forward};
use crate::policy::Permit;
use crate::sig::Placement;
use crate::sig::dialect::{Dialect, Form, vendor_header};
use crate::sig::presigned::is_credential;

const PRINCIPAL: HeaderName = HeaderName::from_static("x-countersign-principal");
const ACCESS_KEY_ID: HeaderName = HeaderName::from_static("x-countersign-access-key-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-countersign-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whether a header field of a client goes on to the nodes: the fields of HTTP and of S3 that a node has to see. A list
/// of what may pass, because what other fields do to a node (forwarded hosts, trust headers, path overrides) is not ours
/// to know. No field that concerns one connection alone is on it (RFC 9110, section 7.6.1): Pingora frames the body anew.
/// `name` is lower-case.
fn passes(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-charset"
            | "accept-encoding"
            | "accept-language"
            | "access-control-request-headers"
            | "access-control-request-method"
            | "authorization"
            | "cache-control"
            | "content-disposition"
            | "content-encoding"
            | "content-language"
            | "content-length"
            | "content-md5"
            | "content-type"
            | "date"
            | "expect"
            | "expires"
            | "host"
            | "if-match"
            | "if-modified-since"
            | "if-none-match"
            | "if-range"
            | "if-unmodified-since"
            | "origin"
            | "pragma"
            | "range"
            | "referer"
            | "traceparent"
            | "tracestate"
            | "user-agent"
    ) || vendor_header(name).is_some()
}

/// What the gateway adds to a request: four fields.
const OWN_FIELDS: usize = 4;

/// Turns the client's request into the node's.
///
/// # Errors
/// Pingora's, where a value of ours is no header value; the configuration and the check leave none.
pub fn rewrite(
    request: &mut RequestHeader,
    permit: &Permit,
    cluster: &ClusterOptions,
    request_id: &str,
    peer: Option<&HeaderValue>,
) -> pingora::Result<()> {
    match cluster.forward {
        Forward::Passthrough => pass_on(request, request_id, peer),
        Forward::Trusted => compose(request, permit, cluster, request_id, peer),
    }
}

/// Leaves behind what Pingora keeps besides the fields, of the request that it is to copy for each node: the names as
/// the client spelled them, which no node gets to see in the trusted mode.
pub fn forget_spelling(request: &mut RequestHeader, cluster: &ClusterOptions) {
    // Only the origin form survives: it stands in the URI byte for byte.
    if cluster.forward == Forward::Trusted && request.raw_path().starts_with(b"/") {
        *request = RequestHeader::from(taken(request));
    }
}

/// The parts of a request, which is left empty.
fn taken(request: &mut RequestHeader) -> Parts {
    let (nothing, ()) = http::Request::new(()).into_parts();
    Parts::from(std::mem::replace(request, RequestHeader::from(nothing)))
}

/// Takes the strangers away; everything else stays as it came, the case of the names included.
fn pass_on(
    request: &mut RequestHeader,
    request_id: &str,
    peer: Option<&HeaderValue>,
) -> pingora::Result<()> {
    let strangers: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| !passes(name.as_str()))
        .cloned()
        .collect();
    for name in &strangers {
        request.remove_header(name);
    }
    if let Some(target) = origin_form(request) {
        request.set_raw_path(target.as_bytes())?;
    }
    if let Some(peer) = peer {
        request.insert_header(FORWARDED_FOR, peer)?;
    }
    request.insert_header(REQUEST_ID, request_id)
}

/// Makes a request of what passes: without credentials, with who signed, in the cluster's dialect. Pingora's second map,
/// of the names as they were spelled, is left behind: to keep two maps in step costs more than all the rest.
fn compose(
    request: &mut RequestHeader,
    permit: &Permit,
    cluster: &ClusterOptions,
    request_id: &str,
    peer: Option<&HeaderValue>,
) -> pingora::Result<()> {
    let verified = permit.verified();
    let form = verified.dialect().form;
    let spoken = Dialect::named(cluster.dialect).forms[0];
    let target = match verified.placement() {
        Placement::Query => Some(without_credentials(Target::of(request), form)),
        Placement::Header => origin_form(request),
    };
    let mut parts = taken(request);
    let headers = &mut parts.headers;
    headers.remove(AUTHORIZATION);
    headers.reserve(OWN_FIELDS);
    let strangers: Vec<HeaderName> = headers
        .keys()
        .filter(|name| !passes(name.as_str()))
        .cloned()
        .collect();
    for name in strangers {
        headers.remove(name);
    }
    if form.header_prefix != spoken.header_prefix {
        *headers = translated(headers, form.header_prefix, spoken.header_prefix)?;
    }
    let identity = verified.identity();
    headers.insert(PRINCIPAL, value_of(&identity.principal)?);
    headers.insert(ACCESS_KEY_ID, value_of(&identity.access_key_id)?);
    headers.insert(REQUEST_ID, value_of(request_id)?);
    if let Some(peer) = peer {
        headers.insert(FORWARDED_FOR, peer.clone());
    }
    *request = RequestHeader::from(parts);
    match target {
        Some(target) => request.set_raw_path(target.as_bytes()),
        None => Ok(()),
    }
}

/// The target in origin form, where it came in another.
fn origin_form(request: &RequestHeader) -> Option<String> {
    if request.raw_path().starts_with(b"/") {
        return None;
    }
    let target = Target::of(request);
    Some(match target.query {
        Some(query) => format!("{}?{query}", target.path),
        None => target.path.to_owned(),
    })
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

fn value_of(text: &str) -> pingora::Result<HeaderValue> {
    HeaderValue::from_str(text).or_err(ErrorType::InvalidHTTPHeader, "a value of the gateway's own")
}

/// The target without the three credential parameters; every other byte stays.
fn without_credentials(target: Target<'_>, form: &Form) -> String {
    let Target { path, query } = target;
    let mut target = path.to_owned();
    let mut separator = '?';
    for pair in query.into_iter().flat_map(|query| query.split('&')) {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        if !is_credential(form, &name) {
            target.push(separator);
            target.push_str(pair);
            separator = '&';
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sig::dialect::AWS;

    #[test]
    fn only_what_is_listed_passes() {
        for name in ["host", "range", "x-amz-acl", "x-wos-meta-a", "content-md5"] {
            assert!(passes(name), "{name}");
        }
        for name in [
            "x-forwarded-host",
            "forwarded",
            "x-original-url",
            "x-rewrite-url",
            "proxy_path",
            "x_amz_acl",
            "x-amz_acl",
            "x-countersign-principal",
            "x-seaweedfs-principal",
            "x-minio-replication-ssec",
            "x-copy-from",
            "x-object-manifest",
            "x-envoy-original-path",
            "x-accel-redirect",
            "cookie",
            "connection",
            "http2-settings",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ] {
            assert!(!passes(name), "{name}");
        }
    }

    #[test]
    fn credentials_leave_the_query_and_nothing_else_changes() {
        let target = |path, query| {
            let query = Some(query);
            without_credentials(Target { path, query }, AWS.forms[0])
        };
        assert_eq!(
            target("/b/k", "AWSAccessKeyId=a&Expires=1&Signature=s%3D"),
            "/b/k"
        );
        assert_eq!(
            target(
                "/b/k%2F+",
                "prefix=a%20+b&AWSAccessKeyId=a&acl&Expires=1&x=%41&Signature=s"
            ),
            "/b/k%2F+?prefix=a%20+b&acl&x=%41"
        );
        assert_eq!(
            target(
                "/b/k",
                "Signatur%65=s&%41WSAccessKeyId=a&Expires=1&versionId="
            ),
            "/b/k?versionId="
        );
    }

    #[test]
    fn the_absolute_form_becomes_the_origin_form() {
        let target = |text: &str| {
            let mut request = RequestHeader::build("GET", text.as_bytes(), None).unwrap();
            pass_on(&mut request, "id1", None).unwrap();
            String::from_utf8(request.raw_path().to_vec()).unwrap()
        };
        assert_eq!(target("http://h/b/k%2F?acl"), "/b/k%2F?acl");
        assert_eq!(target("http://h"), "/");
        assert_eq!(target("/b/http://h/k"), "/b/http://h/k");
    }
}
