//! Which header fields of a client are forwarded to nodes.

use super::FORWARDED_FOR;
use crate::address::{Address, Style};
use crate::dialect::vendor_header;
use crate::error::Refusal;
use crate::sig::target::{PathSpelling, unescaped};
use crate::sig::{RequestView, Verified};

/// Whether a header field of a client is forwarded to nodes: the fields of HTTP and of S3 that a node needs. It is a list of
/// allowed fields, because the gateway cannot know what other fields do at a node (forwarded hosts, trust headers, path
/// overrides). It has no hop-by-hop field (RFC 9110, section 7.6.1): the gateway adds the framing of the body. `name` is in
/// lower case.
pub fn passes(name: &str) -> bool {
    vendor_header(name).is_some() || listed(name)
}

/// Whether a node can get a field with this name, from the client or from the gateway. `name` is in lower case.
pub fn carries(name: &str) -> bool {
    passes(name) || name == FORWARDED_FOR || name.starts_with("x-countersign-")
}

/// Whether a field without a vendor's prefix is forwarded. `name` is in lower case.
pub fn listed(name: &str) -> bool {
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
    )
}

/// The hop-by-hop fields (RFC 9110, section 7.6.1), with those of framing and upgrade.
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

/// The prefixes of fields that a node may trust because a proxy sets them, or that change how it reads the request: the
/// client's identity or address, the host, path or method (RFC 7239; nginx, Envoy, Swift, Ceph, MinIO, SeaweedFS).
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

/// Whether a field that the signature covers is forwarded to nodes that verify it: all but the hop-by-hop fields and those
/// that a node may trust. `name` is in lower case. Some servers read `_` as `-` (RFC 3875, section 4.1.18), so a name with
/// `_` is not forwarded.
pub fn passes_signed(name: &str) -> bool {
    passes(name)
        || !(name.contains('_')
            || HOP_BY_HOP.contains(&name)
            || TRUSTED.iter().any(|start| name.starts_with(start)))
}

/// Checks that nodes which verify the signature read the request as the gateway does. It is forwarded unchanged, so a variant
/// that nodes may read otherwise is refused.
///
/// # Errors
/// [`Refusal`], with the variant to use.
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
