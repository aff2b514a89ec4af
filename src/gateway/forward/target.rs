//! The target and the Host of a request to a node.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::header::HOST;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use pingora::http::RequestHeader;

use crate::address::{Address, Style, without_root};
use crate::cluster::{Addressing, ClusterOptions};
use crate::dialect::{
    ChosenSyntax, Dialect, SYNTAXES, Syntax, starts_with_ignoring_case, vendor_header,
};
use crate::policy::Permit;
use crate::sig::headers::text_of;
use crate::sig::mechanism::is_credential;
use crate::sig::target::Coverage;
use crate::sig::{Placement, Verified, VerifiedTarget, Version};
use crate::wire::head::RequestHead;
use crate::wire::target::Target;

/// Everything but the unreserved characters of RFC 3986 (section 2.3).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// The same without the slashes of a path.
const PATH: &AsciiSet = &VALUE.remove(b'/');
/// The longest bucket name that can be part of a Host (RFC 1035, section 2.3.4).
const MAX_HOST_BUCKET_LENGTH: usize = 63;

/// The percent-encoding of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetEncoding {
    /// As the client sent it.
    AsSent,
    /// Decoded once and encoded as in RFC 3986, section 2.3. So every node computes the same canonical path, whether it decodes
    /// and encodes the path or takes it as sent. The key is the same, byte for byte.
    Canonical,
}

/// The target and the Host of a request to a node.
#[derive(Debug, PartialEq, Eq)]
pub struct UpstreamTarget<'r> {
    /// The raw path.
    pub path: Cow<'r, str>,
    /// The raw query string, without `?`.
    pub query: Option<Cow<'r, str>>,
    /// The Host; none if it is that of the client.
    pub host: Option<String>,
    /// Where the bucket name is.
    pub style: Style,
}

impl<'r> UpstreamTarget<'r> {
    /// The target of a permitted request at the nodes of a cluster.
    pub fn of(
        request: &'r RequestHeader,
        head: &RequestHead,
        permit: &Permit,
        options: &ClusterOptions,
        spelling: TargetEncoding,
        node: &str,
    ) -> Self {
        let target = Target::of(request);
        let address = permit.address();
        let style = style(address, options);
        let query = target
            .query
            .and_then(|query| node_query(query, head, permit, options, spelling));
        Self {
            path: node_path(
                target.path,
                address,
                permit.verified().target(),
                style,
                spelling,
            ),
            query,
            host: node_host(address, style, options)
                .or_else(|| lower_host(head, address))
                .or_else(|| known_host(head, address, node))
                .or_else(|| rootless_host(head, address)),
            style,
        }
    }

    /// Path and query. `raw` is the received target.
    pub fn on_the_wire(&self, raw: &'r [u8]) -> Cow<'r, str> {
        let query = self.query.as_deref();
        let length = self.path.len() + query.map_or(0, |query| 1 + query.len());
        let borrowed =
            matches!(self.path, Cow::Borrowed(_)) && !matches!(self.query, Some(Cow::Owned(_)));
        // The borrowed parts are parts of the received target.
        if borrowed
            && length == raw.len()
            && let Ok(raw) = std::str::from_utf8(raw)
        {
            return raw.into();
        }
        match query {
            Some(query) => format!("{}?{query}", self.path).into(),
            None => self.path.clone(),
        }
    }
}

fn style(address: &Address, options: &ClusterOptions) -> Style {
    match (options.addressing, address.bucket(), &options.host) {
        (Addressing::Path, ..) => Style::Path,
        (Addressing::VirtualHost, Some(bucket), _) if fits_host(bucket) => Style::VirtualHost,
        (Addressing::VirtualHost, ..) => Style::Path,
        // The bucket name was in the client's Host: it is put before the Host of the nodes.
        (Addressing::AsReceived, Some(bucket), Some(_)) if address.style() != Style::Path => {
            if fits_host(bucket) {
                Style::VirtualHost
            } else {
                Style::Path
            }
        }
        (Addressing::AsReceived, ..) => address.style(),
    }
}

/// Whether a bucket name can be part of a Host: the rules of S3 since 2018 (Amazon S3 User Guide, "Bucket naming rules").
/// SDKs leave other names in the path too.
fn fits_host(bucket: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    bucket.len() <= MAX_HOST_BUCKET_LENGTH
        && bucket.split('.').all(label)
        && bucket.parse::<Ipv4Addr>().is_err()
}

fn node_host(address: &Address, style: Style, options: &ClusterOptions) -> Option<String> {
    let host = options.host.as_ref()?;
    Some(match (style, address.bucket()) {
        (Style::VirtualHost, Some(bucket)) => format!("{bucket}.{host}"),
        _ => host.clone(),
    })
}

/// The client's Host in lower case, if it names a bucket: version 2 signs the bucket name in lower case, and not every node
/// reads it so.
fn lower_host(head: &RequestHead, address: &Address) -> Option<String> {
    if address.style() == Style::Path {
        return None;
    }
    let host = head.value(HOST.as_str()).and_then(text_of)?;
    let capitals = host.bytes().any(|byte| byte.is_ascii_uppercase());
    capitals.then(|| {
        let host = host.to_ascii_lowercase();
        without_root(&host).unwrap_or(host)
    })
}

/// The client's Host without the dot at its end, if it has one: a node that does not support the dot would read another
/// bucket or none.
fn rootless_host(head: &RequestHead, address: &Address) -> Option<String> {
    if !address.host_has_root() {
        return None;
    }
    let host = head.value(HOST.as_str()).and_then(text_of)?;
    without_root(host)
}

/// The node's address, if the client's Host is neither a name of the listener nor an IP address: version 2 does not sign the
/// Host, and a node may read any name as a bucket name (a CNAME), which is not the bucket that was checked.
fn known_host(head: &RequestHead, address: &Address, node: &str) -> Option<String> {
    if address.style() != Style::Path || address.domain().is_some() {
        return None;
    }
    let host = head.value(HOST.as_str()).and_then(text_of)?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let ip = host.parse::<SocketAddr>().is_ok() || bare.parse::<IpAddr>().is_ok();
    (!ip).then(|| match node.strip_prefix("unix:") {
        Some(_) => "localhost".to_owned(),
        None => node.to_owned(),
    })
}

/// The path as it was signed, with or without the bucket name as `style` requires.
fn node_path<'r>(
    path: &'r str,
    address: &Address,
    verified: VerifiedTarget,
    style: Style,
    spelling: TargetEncoding,
) -> Cow<'r, str> {
    let came_in_path = address.style() == Style::Path;
    let bucket = address.bucket().unwrap_or("");
    let path = verified.path(path);
    let moved = match (came_in_path, style == Style::Path) {
        (true, false) => {
            // Of `/bucket`, `/bucket/` and `/bucket/key`.
            let behind = 1 + bucket.len();
            match path {
                path if path.len() <= behind => "/".into(),
                Cow::Borrowed(path) => path[behind..].into(),
                Cow::Owned(path) => path[behind..].to_owned().into(),
            }
        }
        (false, true) => format!("/{bucket}{path}").into(),
        _ => path,
    };
    match spelling {
        TargetEncoding::AsSent => moved,
        TargetEncoding::Canonical => {
            let mut path = respelled(&moved, PATH);
            // Some signers of version 2 sign a slash after a bucket without a key but do not send it.
            let alone =
                style == Style::Path && address.bucket().is_some() && address.key().is_none();
            if alone && !path.ends_with('/') {
                path.push('/');
            }
            path.into()
        }
    }
}

/// The query without the parameters of the client's signature; none if it is empty.
fn node_query<'r>(
    query: &'r str,
    head: &RequestHead,
    permit: &Permit,
    options: &ClusterOptions,
    spelling: TargetEncoding,
) -> Option<Cow<'r, str>> {
    let verified = permit.verified();
    let nodes = Dialect::named(options.dialect);
    let written = |pair: &'r str| {
        // Empty parameters (`?`, `&&`) are removed: not every node ignores them.
        if pair.is_empty() {
            return None;
        }
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        let name = percent_decode_str(name).decode_utf8_lossy();
        let repeats_header = spelling == TargetEncoding::Canonical
            && is_foreign(&name, nodes.syntaxes[0])
            && head.value(&name).is_some();
        if repeats_header || is_of_signature(verified, &name) || is_query_header(verified, &name) {
            return None;
        }
        let coverage = coverage(verified, &name);
        let signed = verified.target().parameter(pair, coverage);
        Some(match spelling {
            TargetEncoding::AsSent => signed,
            TargetEncoding::Canonical => respelled_pair(&signed, &name, coverage, nodes).into(),
        })
    };
    let unchanged = |pair| matches!(written(pair), Some(Cow::Borrowed(same)) if same == pair);
    if query.split('&').all(unchanged) {
        return Some(query.into());
    }
    joined(query.len(), query.split('&').filter_map(written)).map(Cow::Owned)
}

/// Whether the client's signature covers a parameter with this decoded name.
fn coverage(verified: &Verified, name: &str) -> Coverage {
    let ChosenSyntax { dialect, syntax } = verified.dialect();
    match verified.version() == Version::V4 || dialect.signs(syntax, name) {
        true => Coverage::Signed,
        false => Coverage::Unsigned,
    }
}

/// Whether a parameter is forwarded as a header field, or not at all.
pub fn is_query_header(verified: &Verified, name: &str) -> bool {
    let headers = verified.query_headers();
    headers
        .iter()
        .any(|header| header.name.eq_ignore_ascii_case(name))
}

/// The pairs with `&` between them; none if there are no pairs.
fn joined<'p>(capacity: usize, pairs: impl Iterator<Item = Cow<'p, str>>) -> Option<String> {
    let mut query = String::with_capacity(capacity);
    for pair in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&pair);
    }
    Some(query).filter(|query| !query.is_empty())
}

/// A parameter in the canonical encoding of RFC 3986. A `+` that the client's signature covers is a plus sign. In the listing
/// parameters that version 2 does not sign it is a space, as forms write it and nodes read it.
fn respelled_pair(pair: &str, name: &str, coverage: Coverage, nodes: &Dialect) -> String {
    let (raw_name, value) = match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    };
    let mut respelled_pair = respelled(raw_name, VALUE);
    // `?uploads=` becomes `?uploads`: version 2 signs it without the equals sign.
    let shown = value.filter(|value| !value.is_empty() || !nodes.signs(nodes.syntaxes[0], name));
    if let Some(value) = shown {
        respelled_pair.push('=');
        respelled_pair.push_str(&match coverage {
            Coverage::Signed => respelled(value, VALUE),
            Coverage::Unsigned => respelled(&value.replace('+', "%20"), VALUE),
        });
    }
    respelled_pair
}

fn respelled(text: &str, set: &'static AsciiSet) -> String {
    let bytes: Cow<'_, [u8]> = percent_decode_str(text).into();
    percent_encode(&bytes, set).to_string()
}

/// Whether the parameter belongs to the client's signature: credentials or a session token. The parameters of version 4 have no
/// other use, also if the signature is in the header.
pub fn is_of_signature(verified: &Verified, name: &str) -> bool {
    is_presign(name)
        || (verified.placement() == Placement::Query
            && is_credential(verified.dialect().syntax, verified.version(), name))
}

/// Whether the name is a parameter of a presigned request of version 4, of any vendor.
fn is_presign(name: &str) -> bool {
    let mut names = SYNTAXES.iter().flat_map(|form| form.v4.parameters.all());
    name.starts_with(['x', 'X']) && names.any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a parameter name has the prefix of another vendor than that of `syntax`.
pub fn is_foreign(name: &str, syntax: &Syntax) -> bool {
    vendor_header(&name.to_ascii_lowercase()).is_some()
        && !starts_with_ignoring_case(name, syntax.header_prefix)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::address::{BucketNames, CopySource, HostNames, NameRules};

    #[test]
    fn the_parameters_of_version_4_are_known_in_any_case_and_no_other_is() {
        for name in [
            "X-Amz-Signature",
            "x-amz-credential",
            "X-WOS-Security-Token",
            "X-Amz-Expires",
            "x-wos-content-sha256",
        ] {
            assert!(is_presign(name), "{name}");
        }
        for name in [
            "x-amz-acl",
            "x-wos-process",
            "Expires",
            "x-id",
            "xX-Amz-Date",
            "",
        ] {
            assert!(!is_presign(name), "{name}");
        }
    }

    #[test]
    fn each_path_is_moved_and_spelled() {
        use Style::{CustomDomain, Path, VirtualHost};
        use TargetEncoding::{AsSent, Canonical};
        let hosts = HostNames {
            domains: vec!["s3.example.com".into()],
            custom_domains: vec!["static.example.net".into()],
        };
        let moved = |host: &str, path: &'static str, style, spelling| {
            let names = std::iter::empty();
            let absent = CopySource::Absent;
            let rules = NameRules {
                bucket_names: BucketNames::Relaxed,
                ..NameRules::default()
            };
            let address =
                Address::of(&Method::GET, host, path, names, absent, &hosts, rules).unwrap();
            let as_sent = VerifiedTarget::AS_SENT;
            node_path(path, &address, as_sent, style, spelling).into_owned()
        };
        let base = "s3.example.com";
        let bucket = "bucket.s3.example.com";
        for (host, path, style, spelling, expected) in [
            (base, "/", Path, Canonical, "/"),
            (base, "/bucket", Path, AsSent, "/bucket"),
            (base, "/bucket", Path, Canonical, "/bucket/"),
            (base, "/bucket", VirtualHost, AsSent, "/"),
            (base, "/bucket/", VirtualHost, Canonical, "/"),
            (base, "/bucket/a%2f+", VirtualHost, AsSent, "/a%2f+"),
            (base, "/bucket/a%2f+", VirtualHost, Canonical, "/a/%2B"),
            (base, "/bucket//k", VirtualHost, Canonical, "//k"),
            (
                base,
                "/bucket/%7e%2a~*",
                Path,
                Canonical,
                "/bucket/~%2A~%2A",
            ),
            (bucket, "/", Path, AsSent, "/bucket/"),
            (bucket, "/", VirtualHost, Canonical, "/"),
            (bucket, "/%c3%a9", Path, Canonical, "/bucket/%C3%A9"),
            (bucket, "//k", Path, AsSent, "/bucket//k"),
            (
                "static.example.net",
                "/k",
                Path,
                AsSent,
                "/static.example.net/k",
            ),
            ("static.example.net", "/k", CustomDomain, AsSent, "/k"),
            (base, "/t:bucket/k", Path, AsSent, "/t:bucket/k"),
            (base, "/t:bucket/k", Path, Canonical, "/t%3Abucket/k"),
            (base, "/t%3abucket", Path, Canonical, "/t%3Abucket/"),
            (base, "/t%3abucket/", Path, Canonical, "/t%3Abucket/"),
        ] {
            let path = moved(host, path, style, spelling);
            assert_eq!(path, expected, "{host} {style:?} {spelling:?}");
        }
    }
}
