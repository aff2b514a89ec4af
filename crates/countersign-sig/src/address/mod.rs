//! What a request is about: the bucket, the object key, and the operation.
//!
//! The [`Address`] is made once, from the same bytes that are verified and forwarded. The bucket that was signed, the
//! bucket that was authorised and the bucket that is forwarded are this one value.

mod host;
mod names;
mod operation;
mod upload;

use std::sync::Arc;

use http::Method;
use thiserror::Error;

use host::of_host;
pub use host::without_root;
pub use names::{
    BucketNames, DotSegments, MAX_BUCKET_LENGTH, MIN_BUCKET_LENGTH, MIN_RELAXED_BUCKET_LENGTH,
    NameRules, percent_encoding_holds,
};
use names::{check_bucket, check_segments};
pub use operation::{Content, Level, Operation, SELECTORS, selector};

/// Which host names stand for what on one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
pub enum AddressFailure {
    /// HTTP/1.1 requires exactly one Host (RFC 9112, section 3.2), and V2 signatures take the bucket from it.
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
    /// The Host ends with the dot of the DNS root, and has to be forwarded unchanged to nodes that verify the signature
    /// themselves.
    #[error("the Host header ends with a dot")]
    RootHost,
    /// The path is not valid.
    #[error("the path is not a valid URI path: {0}")]
    BadPath(PathFault),
    /// The bucket name is not valid.
    #[error("the bucket name is not valid")]
    BadBucketName(BucketNames),
    /// The path has a segment that is `.` or `..` after percent-decoding, or that some stores take for one: a store that
    /// resolves it would serve another object.
    #[error("the path has a '.' or '..' segment")]
    DotSegment,
    /// Two parameters select two different operations.
    #[error("the parameters '{0}' and '{1}' select two operations")]
    ConflictingParameters(&'static str, &'static str),
    /// Only one of `uploadId` and `partNumber` is given; a part is named by both.
    #[error("a part upload needs both 'uploadId' and 'partNumber'")]
    IncompletePart,
}

/// What is wrong with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathFault {
    /// It does not begin with a slash.
    #[error("it does not begin with '/'")]
    NoSlash,
    /// A `%` is not followed by two hexadecimal digits (RFC 3986, section 2.1).
    #[error("a '%' is not followed by two hexadecimal digits")]
    PercentEncoding,
    /// It has a NUL, which ends a string for many stores.
    #[error("it has a NUL (%00)")]
    Nul,
    /// The form of a POST upload has no key.
    #[error("it names no object")]
    NoKey,
}

/// The bucket, the key and the operation of one request. A clone shares the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// `bucket/key`, `bucket`, or nothing: one allocation for both names.
    names: Arc<str>,
    /// The length of the bucket's name, if there is one.
    bucket: Option<usize>,
    style: Style,
    domain: Option<usize>,
    host_has_root: bool,
    operation: Operation,
    dot_segments: DotSegments,
}

impl Address {
    /// Reads the address of a request.
    ///
    /// `host` is the Host header's value with its port, `path` the raw path, `names` the decoded names of the query
    /// parameters. `rules` are those of the cluster that the request is for.
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
        rules: NameRules,
    ) -> Result<Self, AddressFailure> {
        let reading = of_host(host, hosts)?;
        let host_bucket = reading.bucket;
        let rest = path.strip_prefix('/');
        let rest = rest.ok_or(AddressFailure::BadPath(PathFault::NoSlash))?;
        check_segments(rest, rules.dot_segments)?;
        let (bucket, key) = match &host_bucket {
            Some(bucket) => (Some(&**bucket), rest),
            None if rest.is_empty() => (None, rest),
            None => match memchr::memchr(b'/', rest.as_bytes()) {
                Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
                None => (Some(rest), ""),
            },
        };
        let renamed = match bucket {
            Some(bucket) => check_bucket(bucket, rules.bucket_names)?,
            None => None,
        };
        let bucket = renamed.as_deref().or(bucket);
        let level = match (bucket, key.is_empty()) {
            (None, _) => Level::Service,
            (Some(_), true) => Level::Bucket,
            (Some(_), false) => Level::Object,
        };
        let operation = operation::select(method, level, names, copy_source)?;
        Ok(Self {
            names: match (bucket, level) {
                // A path of the path style is the text already.
                (Some(_), Level::Object) if host_bucket.is_none() && renamed.is_none() => {
                    rest.into()
                }
                (Some(bucket), Level::Object) => format!("{bucket}/{key}").into(),
                (bucket, _) => bucket.unwrap_or("").into(),
            },
            bucket: bucket.map(str::len),
            style: reading.style,
            domain: reading.domain,
            host_has_root: reading.root,
            operation,
            dot_segments: rules.dot_segments,
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

    /// Whether the Host ends with the dot of the DNS root: the same host, but not every storage node treats it alike.
    pub fn host_has_root(&self) -> bool {
        self.host_has_root
    }

    /// The operation that the method, the level and the parameters select.
    pub fn operation(&self) -> Operation {
        self.operation
    }
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
            NameRules::default(),
        )?;
        Ok((
            address.style(),
            address.bucket().map(String::from),
            address.key().map(String::from),
        ))
    }

    #[test]
    fn each_host_and_path_has_one_reading() {
        use AddressFailure::{BadHost, DotSegment};
        const BAD_NAME: AddressFailure = AddressFailure::BadBucketName(BucketNames::S3);
        let bad_path = |fault| Err(AddressFailure::BadPath(fault));
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
            ("s3.example.com.", "/bucket", some(Path, "bucket", "")),
            (
                "bucket.s3.example.com.:80",
                "/k",
                some(VirtualHost, "bucket", "k"),
            ),
            ("s3.example.com..", "/k", Err(BadHost)),
            ("a/b.s3.example.com", "/k", Err(BadHost)),
            ("a%2fb.s3.example.com", "/k", Err(BadHost)),
            ("user@s3.example.com", "/k", Err(BadHost)),
            ("s3.example.com:port", "/k", Err(BadHost)),
            ("[::1", "/k", Err(BadHost)),
            ("[::1]x", "/k", Err(BadHost)),
            ("", "/k", Err(BadHost)),
            ("ab.s3.example.com", "/k", Err(BAD_NAME)),
            ("s3.example.com", "//b/k", Err(BAD_NAME)),
            ("s3.example.com", "/b%75cket/k", Err(BAD_NAME)),
            ("s3.example.com", "/bucket%2Fk", Err(BAD_NAME)),
            ("s3.example.com", "/bu..cket/k", Err(BAD_NAME)),
            ("s3.example.com", "bucket/k", bad_path(PathFault::NoSlash)),
            (
                "s3.example.com",
                "/bucket/%zz",
                bad_path(PathFault::PercentEncoding),
            ),
            (
                "s3.example.com",
                "/bucket/k%",
                bad_path(PathFault::PercentEncoding),
            ),
            ("s3.example.com", "/bucket/%00", bad_path(PathFault::Nul)),
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
