//! Which of a client's header fields go on to the nodes.

use http::header::{self, HeaderName};

use super::FORWARDED_FOR;
use crate::sig::dialect::vendor_header;

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

#[cfg(test)]
mod tests {
    use super::*;

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
