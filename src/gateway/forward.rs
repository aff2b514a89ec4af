//! What goes on to a node: the request as it was verified, without what could steer the node past the check.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use pingora::http::RequestHeader;

use super::admit::Target;
use crate::cluster::{ClusterOptions, Forward};
use crate::policy::Permit;
use crate::sig::Placement;
use crate::sig::dialect::{Dialect, Form, vendor_header};
use crate::sig::presigned::is_credential;

const PRINCIPAL: &str = "x-countersign-principal";
const ACCESS_KEY_ID: &str = "x-countersign-access-key-id";
const REQUEST_ID: &str = "x-countersign-request-id";
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Whether a header field of a client goes on to the nodes: the fields of HTTP and of S3 that a node has to see. A list
/// of what may pass, because what other fields do to a node (forwarded hosts, trust headers, path overrides) is not ours
/// to know. `name` is lower-case.
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
            | "transfer-encoding"
            | "user-agent"
    ) || vendor_header(name).is_some()
}

/// Turns the client's request into the node's: takes away what must not pass, and adds what is the gateway's to say.
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
    let strangers: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| !passes(name.as_str()))
        .cloned()
        .collect();
    for name in &strangers {
        request.remove_header(name);
    }
    if cluster.forward == Forward::Trusted {
        trust(request, permit, cluster)?;
    }
    origin_form(request)?;
    if let Some(peer) = peer {
        request.insert_header(FORWARDED_FOR, peer)?;
    }
    request.insert_header(REQUEST_ID, request_id)
}

/// Puts the absolute form of a target into the origin form that nodes expect.
fn origin_form(request: &mut RequestHeader) -> pingora::Result<()> {
    if request.raw_path().starts_with(b"/") {
        return Ok(());
    }
    let target = Target::of(request);
    let target = match target.query {
        Some(query) => format!("{}?{query}", target.path),
        None => target.path.to_owned(),
    };
    request.set_raw_path(target.as_bytes())
}

/// Takes the credentials away, says who signed, and speaks the cluster's dialect.
fn trust(
    request: &mut RequestHeader,
    permit: &Permit,
    cluster: &ClusterOptions,
) -> pingora::Result<()> {
    let verified = permit.verified();
    let form = verified.dialect().form;
    request.remove_header(&AUTHORIZATION);
    let target = Target::of(request);
    if let (Placement::Query, Some(query)) = (verified.placement(), target.query) {
        let target = without_credentials(target.path, query, form);
        request.set_raw_path(target.as_bytes())?;
    }
    let spoken = Dialect::named(cluster.dialect).forms[0];
    if form.header_prefix != spoken.header_prefix {
        translate_names(request, form, spoken)?;
    }
    let identity = verified.identity();
    request.insert_header(PRINCIPAL, identity.principal.as_str())?;
    request.insert_header(ACCESS_KEY_ID, identity.access_key_id.as_str())
}

fn translate_names(request: &mut RequestHeader, from: &Form, to: &Form) -> pingora::Result<()> {
    let own: Vec<HeaderName> = request
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with(from.header_prefix))
        .cloned()
        .collect();
    for name in own {
        let values: Vec<HeaderValue> = request.headers.get_all(&name).iter().cloned().collect();
        let rest = &name.as_str()[from.header_prefix.len()..];
        let translated = format!("{}{rest}", to.header_prefix);
        request.remove_header(&name);
        for value in values {
            request.append_header(translated.clone(), value)?;
        }
    }
    Ok(())
}

/// The target without the three credential parameters; every other byte stays.
fn without_credentials(path: &str, query: &str, form: &Form) -> String {
    let mut target = path.to_owned();
    let mut separator = '?';
    for pair in query.split('&') {
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
        ] {
            assert!(!passes(name), "{name}");
        }
    }

    #[test]
    fn credentials_leave_the_query_and_nothing_else_changes() {
        let target = |path: &str, query: &str| without_credentials(path, query, AWS.forms[0]);
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
            origin_form(&mut request).unwrap();
            String::from_utf8(request.raw_path().to_vec()).unwrap()
        };
        assert_eq!(target("http://h/b/k%2F?acl"), "/b/k%2F?acl");
        assert_eq!(target("http://h"), "/");
        assert_eq!(target("/b/http://h/k"), "/b/http://h/k");
    }
}
