//! Which of a client's header fields go on to the nodes.

use crate::sig::dialect::vendor_header;

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
