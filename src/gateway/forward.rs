//! What goes on to a node: the request as it was verified, without what could steer the node past the check.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use pingora::http::RequestHeader;
use pingora::{ErrorType, OrErr};

use super::admit::Target;
use crate::cluster::{ClusterOptions, Forward};
use crate::policy::Permit;
use crate::sig::dialect::{Dialect, Form, vendor_header};
use crate::sig::presigned::is_credential;
use crate::sig::{Placement, Version};

const PRINCIPAL: HeaderName = HeaderName::from_static("x-countersign-principal");
const ACCESS_KEY_ID: HeaderName = HeaderName::from_static("x-countersign-access-key-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-countersign-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whether a header field of a client goes on to the nodes: the fields of HTTP and of S3 that a node has to see. A list
/// of what may pass, because what other fields do to a node (forwarded hosts, trust headers, path overrides) is not ours
/// to know. No field that concerns one connection alone is on it (RFC 9110, section 7.6.1): Pingora frames the body anew.
/// `name` is lower-case.
pub fn passes(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-charset"
            | "accept-encoding"
            | "accept-language"
            | "access-control-request-headers"
            | "access-control-request-method"
            | "amz-sdk-invocation-id"
            | "amz-sdk-request"
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
        Forward::Trusted => {
            *request = compose(request, permit, cluster, request_id, peer)?;
            Ok(())
        }
    }
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
    if !request.raw_path().starts_with(b"/") {
        let target = Target::of(request);
        let target = match target.query {
            Some(query) => format!("{}?{query}", target.path),
            None => target.path.to_owned(),
        };
        request.set_raw_path(target.as_bytes())?;
    }
    if let Some(peer) = peer {
        request.insert_header(FORWARDED_FOR, peer)?;
    }
    request.insert_header(REQUEST_ID, request_id)
}

/// Makes a request of what passes: without credentials, with who signed, in the cluster's dialect. Composed anew, because
/// that costs less than to take fields out of Pingora's two maps and to put others in.
fn compose(
    request: &RequestHeader,
    permit: &Permit,
    cluster: &ClusterOptions,
    request_id: &str,
    peer: Option<&HeaderValue>,
) -> pingora::Result<RequestHeader> {
    let verified = permit.verified();
    let form = verified.dialect().form;
    let spoken = Dialect::named(cluster.dialect).forms[0];
    let mut headers = HeaderMap::with_capacity(request.headers.len() + OWN_FIELDS);
    for (name, value) in &request.headers {
        if !passes(name.as_str()) || is_proof(name.as_str(), form) {
            continue;
        }
        let vendors_own = name.as_str().strip_prefix(form.header_prefix);
        let name = match vendors_own.filter(|_| form.header_prefix != spoken.header_prefix) {
            Some(rest) => HeaderName::try_from(format!("{}{rest}", spoken.header_prefix))
                .or_err(ErrorType::InvalidHTTPHeader, "a translated name")?,
            None => name.clone(),
        };
        headers.append(name, value.clone());
    }
    let identity = verified.identity();
    headers.insert(PRINCIPAL, value_of(&identity.principal)?);
    headers.insert(ACCESS_KEY_ID, value_of(&identity.access_key_id)?);
    headers.insert(REQUEST_ID, value_of(request_id)?);
    if let Some(peer) = peer {
        headers.insert(FORWARDED_FOR, peer.clone());
    }
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = request.method.clone();
    parts.version = request.version;
    parts.headers = headers;
    // The origin form stands in the URI byte for byte.
    parts.uri = request.uri.clone();
    let mut composed = RequestHeader::from(parts);
    let target = Target::of(request);
    match (verified.placement(), target.query) {
        (Placement::Query, Some(query)) => {
            composed.set_raw_path(
                without_credentials(target.path, query, form, verified.version()).as_bytes(),
            )?;
        }
        _ if composed.raw_path() == request.raw_path() => {}
        (_, query) => {
            let query = query.map_or(String::new(), |query| format!("?{query}"));
            composed.set_raw_path(format!("{}{query}", target.path).as_bytes())?;
        }
    }
    Ok(composed)
}

/// Whether a header proves the request to whoever verifies it, and says nothing to a node that trusts the gateway. The
/// payload mode would steer how the node reads the body.
fn is_proof(name: &str, form: &Form) -> bool {
    name == AUTHORIZATION.as_str()
        || name == form.v4.content_sha256_header
        || name == form.v4.security_token_header
}

fn value_of(text: &str) -> pingora::Result<HeaderValue> {
    HeaderValue::from_str(text).or_err(ErrorType::InvalidHTTPHeader, "a value of the gateway's own")
}

/// The target without the parameters of the signature; every other byte stays.
fn without_credentials(path: &str, query: &str, form: &Form, version: Version) -> String {
    let mut target = path.to_owned();
    let mut separator = '?';
    for pair in query.split('&') {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
        if !is_credential(form, version, &name) {
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
        let target =
            |path: &str, query: &str| without_credentials(path, query, AWS.forms[0], Version::V2);
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
