//! What a request is about: the bucket, the object key, and the operation.
//!
//! The [`Address`] is made once, from the same bytes that are verified and forwarded. The bucket that was signed, the
//! bucket that was authorised and the bucket that is forwarded are this one value.

mod operation;
mod upload;

use core::net::Ipv6Addr;
use std::sync::Arc;

use http::Method;
use percent_encoding::percent_decode_str;
use thiserror::Error;

pub use operation::{Level, Operation, SELECTORS, selector};

/// The shortest bucket name (Amazon S3 User Guide, "Bucket naming rules").
pub const MIN_BUCKET_LENGTH: usize = 3;
/// The longest bucket name: 255 bytes, as the older naming rules allowed; today's rules allow 63.
pub const MAX_BUCKET_LENGTH: usize = 255;

/// Which host names stand for what on one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct HostNames {
    /// Base names: `domain` is path style, `bucket.domain` is virtual-host style. Lower-case.
    pub domains: Vec<String>,
    /// Host names that are buckets themselves. Lower-case.
    pub custom_domains: Vec<String>,
}

/// Where the bucket's name stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `/bucket/key` on any host.
    Path,
    /// `/key` on `bucket.domain`.
    VirtualHost,
    /// `/key` on a host name that is the bucket's own name.
    CustomDomain,
}

/// Whether the request names an object to copy from (`x-amz-copy-source`): it turns a PUT into a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopySource {
    /// The header is there.
    Present,
    /// The header is not there.
    Absent,
}

/// Why a request has no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AddressFailure {
    /// HTTP/1.1 wants exactly one Host (RFC 9112, section 3.2), and V2 signatures take the bucket from it.
    #[error("the request has no Host header")]
    MissingHost,
    /// More than one Host: two readers could take two of them.
    #[error("the request has more than one Host header")]
    SeveralHosts,
    /// The request target names another authority than the Host (RFC 9112, section 3.2.2).
    #[error("the Host header does not name the authority of the request target")]
    OtherAuthority,
    /// The Host is not a host name, an IP address, or either with a port.
    #[error("the Host header is not a host name with an optional port")]
    BadHost,
    /// The path does not start with `/`, has a broken percent-encoding, or a NUL.
    #[error("the path is not a valid URI path")]
    BadPath,
    /// The bucket's name cannot be one.
    #[error("the bucket name is not valid")]
    BadBucketName,
    /// The path has a `.` or `..` segment after one decoding: a store that resolves it serves another object.
    #[error("the path has a '.' or '..' segment")]
    DotSegment,
    /// Two parameters select two different operations.
    #[error("the parameters '{0}' and '{1}' select two operations")]
    ConflictingParameters(&'static str, &'static str),
    /// A part of an upload is named by both its `uploadId` and its `partNumber`.
    #[error("a part upload needs both 'uploadId' and 'partNumber'")]
    IncompletePart,
}

/// The bucket, the key and the operation of one request. A clone costs next to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `bucket/key`, `bucket`, or nothing: one piece of memory for both names.
    names: Arc<str>,
    /// The length of the bucket's name, if there is one.
    bucket: Option<usize>,
    style: Style,
    domain: Option<usize>,
    operation: Operation,
}

impl Address {
    /// Reads the address of a request.
    ///
    /// `host` is the Host header's value with its port, `path` the raw path, `names` the decoded names of the query
    /// parameters.
    ///
    /// # Errors
    /// [`AddressFailure`] when the request is about no single bucket and key.
    pub fn of<'n>(
        method: &Method,
        host: &str,
        path: &str,
        names: impl Iterator<Item = &'n str>,
        copy_source: CopySource,
        hosts: &HostNames,
    ) -> Result<Self, AddressFailure> {
        let (style, domain, host_bucket) = of_host(host, hosts)?;
        let rest = path.strip_prefix('/').ok_or(AddressFailure::BadPath)?;
        check_segments(rest)?;
        let (bucket, key) = match &host_bucket {
            Some(bucket) => (Some(&**bucket), rest),
            None if rest.is_empty() => (None, rest),
            None => match memchr::memchr(b'/', rest.as_bytes()) {
                Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
                None => (Some(rest), ""),
            },
        };
        if let Some(bucket) = bucket {
            check_bucket(bucket)?;
        }
        let level = match (bucket, key.is_empty()) {
            (None, _) => Level::Service,
            (Some(_), true) => Level::Bucket,
            (Some(_), false) => Level::Object,
        };
        let operation = operation::select(method, level, names, copy_source)?;
        Ok(Self {
            names: match (bucket, level) {
                // A path of the path style is the text already.
                (Some(_), Level::Object) if host_bucket.is_none() => rest.into(),
                (Some(bucket), Level::Object) => format!("{bucket}/{key}").into(),
                (bucket, _) => bucket.unwrap_or("").into(),
            },
            bucket: bucket.map(str::len),
            style,
            domain,
            operation,
        })
    }

    /// The bucket's name; none for a request to the service.
    pub fn bucket(&self) -> Option<&str> {
        Some(&self.names[..self.bucket?])
    }

    /// The object's key as it was sent, percent-encoding kept; none for a request to a bucket or the service.
    pub fn key(&self) -> Option<&str> {
        self.names.get(self.bucket? + 1..)
    }

    /// The same bucket and operation with the key in another spelling.
    #[must_use]
    pub fn with_key(&self, key: &str) -> Self {
        let bucket = self.bucket().unwrap_or("");
        Self {
            names: format!("{bucket}/{key}").into(),
            ..self.clone()
        }
    }

    /// Where the bucket's name stood.
    pub fn style(&self) -> Style {
        self.style
    }

    /// The same bucket, key and operation with the bucket's name elsewhere.
    pub fn in_style(&self, style: Style) -> Self {
        Self {
            style,
            ..self.clone()
        }
    }

    /// The index in [`HostNames::domains`] of the domain that the Host belongs to.
    pub fn domain(&self) -> Option<usize> {
        self.domain
    }

    /// The operation that the method, the level and the parameters select.
    pub fn operation(&self) -> Operation {
        self.operation
    }
}

/// The host name without its port.
fn name_of(host: &str) -> Result<&str, AddressFailure> {
    let (name, port) = if host.starts_with('[') {
        let end = host.find(']').ok_or(AddressFailure::BadHost)?;
        let inner = &host[1..end];
        inner
            .parse::<Ipv6Addr>()
            .map_err(|_not_an_address| AddressFailure::BadHost)?;
        (&host[..=end], &host[end + 1..])
    } else {
        let end = memchr::memchr(b':', host.as_bytes()).unwrap_or(host.len());
        (&host[..end], &host[end..])
    };
    let port_holds = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some(digits) => digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()),
    };
    let name_holds = host.starts_with('[')
        || (!name.is_empty()
            // No label is empty.
            && !name.starts_with('.')
            && !name.ends_with('.')
            && !name.as_bytes().windows(2).any(|pair| pair == b"..")
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')));
    if name_holds && port_holds {
        Ok(name)
    } else {
        Err(AddressFailure::BadHost)
    }
}

type HostReading = (Style, Option<usize>, Option<String>);

/// What the Host says: the style, the domain it belongs to, and the bucket it names.
fn of_host(host: &str, hosts: &HostNames) -> Result<HostReading, AddressFailure> {
    // The whole value first: a configured name needs no further look.
    if let Some(index) = position(&hosts.domains, host) {
        return Ok((Style::Path, Some(index), None));
    }
    let name = name_of(host)?;
    if let Some(index) = position(&hosts.domains, name) {
        return Ok((Style::Path, Some(index), None));
    }
    if let Some(index) = position(&hosts.custom_domains, name) {
        let bucket = hosts.custom_domains[index].clone();
        return Ok((Style::CustomDomain, None, Some(bucket)));
    }
    // The longest domain wins, so that `a.s3.example.com` is bucket `a` even where `example.com` is a domain too.
    let longest = hosts
        .domains
        .iter()
        .enumerate()
        .filter_map(|(index, domain)| Some((index, label_before(name, domain)?)))
        .min_by_key(|(_, label)| label.len());
    match longest {
        Some((index, label)) => Ok((
            Style::VirtualHost,
            Some(index),
            Some(label.to_ascii_lowercase()),
        )),
        None => Ok((Style::Path, None, None)),
    }
}

fn position(names: &[String], name: &str) -> Option<usize> {
    // Clients write it as it is configured, nearly always.
    let same = |own: &String| own == name || own.eq_ignore_ascii_case(name);
    names.iter().position(same)
}

/// What stands before `.domain`, at a label boundary.
fn label_before<'h>(name: &'h str, domain: &str) -> Option<&'h str> {
    let split = name.len().checked_sub(domain.len() + 1)?;
    let (label, rest) = (name.get(..split)?, name.get(split + 1..)?);
    (name.as_bytes()[split] == b'.' && rest.eq_ignore_ascii_case(domain)).then_some(label)
}

fn check_bucket(name: &str) -> Result<(), AddressFailure> {
    let holds = (MIN_BUCKET_LENGTH..=MAX_BUCKET_LENGTH).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !name.as_bytes().windows(2).any(|pair| pair == b"..");
    if holds {
        Ok(())
    } else {
        Err(AddressFailure::BadBucketName)
    }
}

/// Refuses what a store may resolve to another path. One decoding, as a store does; `\` counts as a separator because
/// some stores keep keys as file names.
fn check_segments(path: &str) -> Result<(), AddressFailure> {
    // Nothing to decode and no dot: no segment can be `.` or `..`.
    if memchr::memchr2(b'%', b'.', path.as_bytes()).is_none() {
        return Ok(());
    }
    if !percent_encoding_holds(path) {
        return Err(AddressFailure::BadPath);
    }
    let decoded: std::borrow::Cow<'_, [u8]> = percent_decode_str(path).into();
    if decoded.contains(&0) {
        return Err(AddressFailure::BadPath);
    }
    let dots = decoded
        .split(|byte| matches!(byte, b'/' | b'\\'))
        .any(|segment| segment == b"." || segment == b"..");
    if dots {
        Err(AddressFailure::DotSegment)
    } else {
        Ok(())
    }
}

/// Every `%` is followed by two hexadecimal digits (RFC 3986, section 2.1).
pub fn percent_encoding_holds(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'%', bytes).all(|at| {
        bytes
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> HostNames {
        HostNames {
            domains: vec!["s3.example.com".into(), "example.com".into()],
            custom_domains: vec!["static.example.net".into()],
        }
    }

    fn at(
        host: &str,
        path: &str,
    ) -> Result<(Style, Option<String>, Option<String>), AddressFailure> {
        let names = std::iter::empty();
        let address = Address::of(
            &Method::GET,
            host,
            path,
            names,
            CopySource::Absent,
            &hosts(),
        )?;
        Ok((
            address.style(),
            address.bucket().map(String::from),
            address.key().map(String::from),
        ))
    }

    #[test]
    fn each_host_and_path_has_one_reading() {
        use AddressFailure::{BadBucketName, BadHost, BadPath, DotSegment};
        use Style::{CustomDomain, Path, VirtualHost};
        let some = |style, bucket: &str, key: &str| {
            let full = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Ok((style, full(bucket), full(key)))
        };
        let table = [
            ("s3.example.com", "/", some(Path, "", "")),
            ("s3.example.com", "/bucket", some(Path, "bucket", "")),
            ("s3.example.com", "/bucket/", some(Path, "bucket", "")),
            (
                "S3.Example.COM:8080",
                "/bucket/a//b",
                some(Path, "bucket", "a//b"),
            ),
            (
                "10.0.0.1:9000",
                "/bucket/k%2Fk",
                some(Path, "bucket", "k%2Fk"),
            ),
            ("[::1]:9000", "/bucket/k", some(Path, "bucket", "k")),
            ("elsewhere.test", "/bucket/k", some(Path, "bucket", "k")),
            (
                "bucket.s3.example.com",
                "/k",
                some(VirtualHost, "bucket", "k"),
            ),
            (
                "BUCKET.s3.example.com",
                "/",
                some(VirtualHost, "bucket", ""),
            ),
            (
                "b.with.dots.s3.example.com",
                "/k",
                some(VirtualHost, "b.with.dots", "k"),
            ),
            ("xs3.example.com", "/k", some(VirtualHost, "xs3", "k")),
            ("xs3example.com", "/bucket", some(Path, "bucket", "")),
            (
                "s3.example.com.s3.example.com",
                "/k",
                some(VirtualHost, "s3.example.com", "k"),
            ),
            (
                "static.example.net:80",
                "/k",
                some(CustomDomain, "static.example.net", "k"),
            ),
            (
                "xn--bcher-kva.s3.example.com",
                "/k",
                some(VirtualHost, "xn--bcher-kva", "k"),
            ),
            ("bucket..s3.example.com", "/k", Err(BadHost)),
            (".s3.example.com", "/k", Err(BadHost)),
            ("s3.example.com.", "/k", Err(BadHost)),
            ("a/b.s3.example.com", "/k", Err(BadHost)),
            ("a%2fb.s3.example.com", "/k", Err(BadHost)),
            ("user@s3.example.com", "/k", Err(BadHost)),
            ("s3.example.com:port", "/k", Err(BadHost)),
            ("[::1", "/k", Err(BadHost)),
            ("[::1]x", "/k", Err(BadHost)),
            ("", "/k", Err(BadHost)),
            ("ab.s3.example.com", "/k", Err(BadBucketName)),
            ("s3.example.com", "//b/k", Err(BadBucketName)),
            ("s3.example.com", "/b%75cket/k", Err(BadBucketName)),
            ("s3.example.com", "/bucket%2Fk", Err(BadBucketName)),
            ("s3.example.com", "/bu..cket/k", Err(BadBucketName)),
            ("s3.example.com", "bucket/k", Err(BadPath)),
            ("s3.example.com", "/bucket/%zz", Err(BadPath)),
            ("s3.example.com", "/bucket/k%", Err(BadPath)),
            ("s3.example.com", "/bucket/%00", Err(BadPath)),
            ("s3.example.com", "/bucket/../k", Err(DotSegment)),
            ("s3.example.com", "/bucket/a/./k", Err(DotSegment)),
            ("s3.example.com", "/bucket/%2e%2E/k", Err(DotSegment)),
            ("s3.example.com", "/bucket/..%2fk", Err(DotSegment)),
            ("s3.example.com", "/bucket/%5c..%5ck", Err(DotSegment)),
            ("s3.example.com", "/bucket/..\\k", Err(DotSegment)),
            ("bucket.s3.example.com", "/..", Err(DotSegment)),
            ("s3.example.com", "/..", Err(DotSegment)),
            (
                "s3.example.com",
                "/bucket/%252e%252e%252fk",
                some(Path, "bucket", "%252e%252e%252fk"),
            ),
            ("s3.example.com", "/bucket/...", some(Path, "bucket", "...")),
        ];
        for (host, path, expected) in table {
            assert_eq!(at(host, path), expected, "{host} {path}");
        }
    }
}
