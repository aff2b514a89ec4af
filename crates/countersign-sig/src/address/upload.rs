//! The object that a POST upload (an HTML form) writes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Address, AddressFailure, Operation, PathFault, Style, check_segments};

/// What is encoded in the path of an object: all but the unreserved characters (RFC 3986, section 2.3) and `/`.
const BUT_FOR_SLASHES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

impl Address {
    /// The address of the object that a POST upload to this bucket writes. `key` is the form's `key` field, not encoded; it is
    /// percent-encoded here as in the path of a PUT (RFC 3986; `/` stays).
    ///
    /// # Errors
    /// As for a path with this key: [`AddressFailure::BadPath`], [`AddressFailure::DotSegment`].
    pub fn of_upload(&self, key: &str) -> Result<Self, AddressFailure> {
        let key = utf8_percent_encode(key, BUT_FOR_SLASHES).to_string();
        check_segments(&key, self.dot_segments)?;
        let bucket = self.bucket().filter(|_| !key.is_empty());
        let bucket = bucket.ok_or(AddressFailure::BadPath(PathFault::NoKey))?;
        Ok(Self {
            names: format!("{bucket}/{key}").into(),
            operation: Operation::PutObject,
            ..self.clone()
        })
    }

    /// The path of a request for this address, in the addressing style of the address.
    pub fn path(&self) -> String {
        let key = self.key().unwrap_or_default();
        match (self.bucket(), self.style) {
            (Some(bucket), Style::Path) => format!("/{bucket}/{key}"),
            _ => format!("/{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::super::{CopySource, HostNames, NameRules};
    use super::*;

    #[test]
    fn the_key_of_a_form_becomes_what_a_path_has() {
        let bucket = |host: &str, path: &str| {
            let names = std::iter::empty();
            Address::of(
                &Method::POST,
                host,
                path,
                names,
                CopySource::Absent,
                &hosts(),
                NameRules::default(),
            )
            .unwrap()
        };
        let bucket_address = bucket("s3.example.com", "/bucket");
        for (key, path) in [
            ("k", "/bucket/k"),
            ("a/b//c/", "/bucket/a/b//c/"),
            ("/k", "/bucket//k"),
            ("a b+c%d", "/bucket/a%20b%2Bc%25d"),
            ("~-._é?&=#", "/bucket/~-._%C3%A9%3F%26%3D%23"),
            ("..%2fk", "/bucket/..%252fk"),
            ("\r\n\"", "/bucket/%0D%0A%22"),
        ] {
            let address = bucket_address.of_upload(key).unwrap();
            assert_eq!(address.path(), path);
            assert_eq!(address.operation(), Operation::PutObject);
            // As a PUT of that path would read it.
            let names = std::iter::empty();
            let put = Address::of(
                &Method::PUT,
                "s3.example.com",
                path,
                names,
                CopySource::Absent,
                &hosts(),
                NameRules::default(),
            );
            assert_eq!(put, Ok(address));
        }
        for (key, failure) in [
            ("..", AddressFailure::DotSegment),
            ("../other/k", AddressFailure::DotSegment),
            ("a/./b", AddressFailure::DotSegment),
            ("a/..;x/b", AddressFailure::DotSegment),
            (".. /b", AddressFailure::DotSegment),
            ("a\\..\\b", AddressFailure::DotSegment),
            ("a\0b", AddressFailure::BadPath(PathFault::Nul)),
            ("", AddressFailure::BadPath(PathFault::NoKey)),
        ] {
            assert_eq!(bucket_address.of_upload(key), Err(failure), "{key:?}");
        }
        let virtual_host = bucket("bucket.s3.example.com", "/");
        assert_eq!(virtual_host.of_upload("a b").unwrap().path(), "/a%20b");
        assert!(bucket("s3.example.com", "/").of_upload("k").is_err());
    }

    fn hosts() -> HostNames {
        HostNames {
            domains: vec!["s3.example.com".into()],
            custom_domains: Vec::new(),
        }
    }
}
