//! Which of a client's header fields go on to the nodes.

use http::header::{self, HeaderName};

use super::FORWARDED_FOR;
use crate::address::{Address, Style};
use crate::dialect::vendor_header;
use crate::error::Refusal;
use crate::sig::target::{PathSpelling, unescaped};
use crate::sig::{RequestView, Verified};

const AMZ_SDK_INVOCATION_ID: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");
const AMZ_SDK_REQUEST: HeaderName = HeaderName::from_static("amz-sdk-request");
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Whether a header field of a client goes on to the nodes: the fields of HTTP and of S3 that a node has to see. A list
/// of what may pass, because what other fields do to a node (forwarded hosts, trust headers, path overrides) is not ours
/// to know. No field that concerns one connection alone is on it (RFC 9110, section 7.6.1): Pingora frames the body anew.
/// `name` is lower-case.
pub fn passes(name: &str) -> bool {
    vendor_header(name).is_some() || listed(name).is_some()
}

/// Whether a node can get a field with this name, from the client or from the gateway. `name` is lower-case.
pub fn carries(name: &str) -> bool {
    passes(name) || name == FORWARDED_FOR.as_str() || name.starts_with("x-countersign-")
}

/// The name of a field that passes and is no vendor's own. `name` is lower-case.
pub fn listed(name: &str) -> Option<HeaderName> {
    Some(match name {
        "accept" => header::ACCEPT,
        "accept-charset" => header::ACCEPT_CHARSET,
        "accept-encoding" => header::ACCEPT_ENCODING,
        "accept-language" => header::ACCEPT_LANGUAGE,
        "access-control-request-headers" => header::ACCESS_CONTROL_REQUEST_HEADERS,
        "access-control-request-method" => header::ACCESS_CONTROL_REQUEST_METHOD,
        "amz-sdk-invocation-id" => AMZ_SDK_INVOCATION_ID,
        "amz-sdk-request" => AMZ_SDK_REQUEST,
        "authorization" => header::AUTHORIZATION,
        "cache-control" => header::CACHE_CONTROL,
        "content-disposition" => header::CONTENT_DISPOSITION,
        "content-encoding" => header::CONTENT_ENCODING,
        "content-language" => header::CONTENT_LANGUAGE,
        "content-length" => header::CONTENT_LENGTH,
        "content-md5" => CONTENT_MD5,
        "content-type" => header::CONTENT_TYPE,
        "date" => header::DATE,
        "expect" => header::EXPECT,
        "expires" => header::EXPIRES,
        "host" => header::HOST,
        "if-match" => header::IF_MATCH,
        "if-modified-since" => header::IF_MODIFIED_SINCE,
        "if-none-match" => header::IF_NONE_MATCH,
        "if-range" => header::IF_RANGE,
        "if-unmodified-since" => header::IF_UNMODIFIED_SINCE,
        "origin" => header::ORIGIN,
        "pragma" => header::PRAGMA,
        "range" => header::RANGE,
        "referer" => header::REFERER,
        "traceparent" => TRACEPARENT,
        "tracestate" => TRACESTATE,
        "user-agent" => header::USER_AGENT,
        _ => return None,
    })
}

/// The fields that concern one connection alone (RFC 9110, section 7.6.1), and those with which a proxy says how it frames
/// or upgrades it.
const HOP_BY_HOP: &[&str] = &[
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
];

/// The starts of the names that a node may trust because a proxy sets them, or that steer how it reads the request: who is
/// asking, through which address, for which host, path or method (RFC 7239; nginx, Envoy, Swift, Ceph, MinIO, SeaweedFS).
const TRUSTED: &[&str] = &[
    "client-ip",
    "forwarded",
    "front-end-https",
    "true-client-ip",
    "via",
    "x-accel-",
    "x-auth-",
    "x-client-",
    "x-cluster-",
    "x-copy-from",
    "x-countersign-",
    "x-envoy-",
    "x-forwarded",
    "x-host",
    "x-http-",
    "x-method-override",
    "x-minio-",
    "x-object-manifest",
    "x-original-",
    "x-proxy-",
    "x-real-",
    "x-remote-",
    "x-rewrite-",
    "x-rgw-",
    "x-seaweedfs-",
    "x-service-token",
    "x-static-large-object",
    "x-symlink-target",
    "x-url-scheme",
    "x-user",
];

/// Whether a field that the signature covers goes on to nodes that verify it: every one does, but for those of one
/// connection and those that a node may trust. `name` is lower-case. A `_` is a `-` to some servers (RFC 3875, section
/// 4.1.18), so a name that has one may be any other.
pub fn passes_signed(name: &str) -> bool {
    passes(name)
        || !(name.contains('_')
            || HOP_BY_HOP.contains(&name)
            || TRUSTED.iter().any(|start| name.starts_with(start)))
}

/// Whether nodes that verify the signature of a request read it as the gateway does: it goes on as it came, so what was
/// verified in another spelling must not have two readings.
///
/// # Errors
/// [`Refusal`], which says how to write it.
pub fn check_as_sent(
    verified: &Verified,
    view: &RequestView<'_>,
    address: &Address,
) -> Result<(), Refusal> {
    for parameter in &view.parameters {
        let known = unescaped(parameter.raw_name);
        if known != parameter.raw_name {
            return Err(Refusal::ParameterSpelling {
                sent: parameter.raw_name.to_owned(),
                known: known.into_owned(),
            });
        }
    }
    if verified.target().path == PathSpelling::Rfc3986 && view.path.contains('+') {
        return Err(Refusal::PlusInPath);
    }
    if address.style() != Style::Path
        && let (Some(bucket), Some(host)) = (address.bucket(), view.fields.host)
        && host.iter().take(bucket.len()).any(u8::is_ascii_uppercase)
    {
        return Err(Refusal::HostCapitals);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m6_a_signed_field_passes_unless_it_is_of_one_connection_or_trusted() {
        for name in [
            "amz-sdk-retry",
            "cookie",
            "priority",
            "x-amzn-trace-id",
            "x-amz-acl",
            "range",
        ] {
            assert!(passes_signed(name), "{name}");
        }
        for name in HOP_BY_HOP {
            assert!(!passes_signed(name), "{name}");
        }
        for name in [
            "x-forwarded-for",
            "forwarded",
            "x-countersign-principal",
            "x-http-method-override",
            "x_amz_acl",
            "proxy_path",
        ] {
            assert!(!passes_signed(name), "{name}");
        }
    }

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
}
