//! The header fields of a request, and those that a signature covers.

use http::header::{CONTENT_TYPE, HeaderMap};

use super::failure::AuthFailure;
use crate::dialect::{Syntax, vendor_header};

/// The digest of the body that V2 signs (RFC 1864).
pub const CONTENT_MD5: &str = "content-md5";

/// A header field: its name in lower case, its value without the whitespace around it (RFC 9110, section 5.5).
pub type Field<'r> = (&'r str, &'r [u8]);

/// The fields of a header map.
pub fn fields_of(headers: &HeaderMap) -> impl Iterator<Item = Field<'_>> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// The value of a field as text; none where it is not ASCII.
pub fn text_of(value: &[u8]) -> Option<&str> {
    let ascii = value.is_ascii().then_some(value)?;
    std::str::from_utf8(ascii).ok()
}

/// The header fields that a signature covers, found in one pass over all fields.
#[derive(Debug, Default)]
pub struct Fields<'r> {
    /// `Authorization`.
    pub authorization: Option<&'r [u8]>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'r [u8]>,
    /// `Content-MD5`.
    pub content_md5: Option<&'r [u8]>,
    /// `Content-Type`.
    pub content_type: Option<&'r [u8]>,
    /// `Date`.
    pub date: Option<&'r [u8]>,
    /// `Host`.
    pub host: Option<&'r [u8]>,
    /// Every vendor's own fields (`x-amz-…`), sorted by name; values of one name in their order.
    pub vendor: Vec<Field<'r>>,
}

/// The vendor's headers whose value is a list, without the prefix (Amazon S3 API Reference: "PutObjectAcl",
/// "GetObjectAttributes", "ListObjectsV2"). Several fields of the same name are one list (RFC 9110, section 5.3), which is signed
/// joined with commas. Sorted.
const LISTS: &[&str] = &[
    "grant-full-control",
    "grant-read",
    "grant-read-acp",
    "grant-write",
    "grant-write-acp",
    "object-attributes",
    "optional-object-attributes",
];

/// Whether several fields with this vendor's name are one list: metadata, and what the API reference calls a list.
fn takes_list(name: &str) -> bool {
    let list = |rest: &str| rest.starts_with("meta-") || LISTS.binary_search(&rest).is_ok();
    vendor_header(name).is_some_and(list)
}

impl<'r> Fields<'r> {
    /// Finds them. A header with a single value may not appear twice: the verifier and a node could read different values.
    ///
    /// # Errors
    /// [`AuthFailure::DuplicateHeader`].
    pub(super) fn of(headers: &[Field<'r>]) -> Result<Self, AuthFailure> {
        let mut fields = Self::default();
        let duplicate = |name: &str| Err(AuthFailure::DuplicateHeader(name.to_owned()));
        for (at, &(name, value)) in headers.iter().enumerate() {
            let found = match name {
                "authorization" => &mut fields.authorization,
                "content-encoding" => &mut fields.content_encoding,
                CONTENT_MD5 => &mut fields.content_md5,
                "content-type" => &mut fields.content_type,
                "date" => &mut fields.date,
                "host" => &mut fields.host,
                "content-length"
                | "expect"
                | "if-modified-since"
                | "if-unmodified-since"
                | "range"
                | "transfer-encoding" => {
                    if headers[..at].iter().any(|earlier| earlier.0 == name) {
                        return duplicate(name);
                    }
                    continue;
                }
                name => {
                    if vendor_header(name).is_some() {
                        fields.vendor.push((name, value));
                    }
                    continue;
                }
            };
            if found.replace(value).is_some() {
                return duplicate(name);
            }
        }
        // A stable sort: the values of one name stay in their order.
        fields.vendor.sort_by_key(|(name, _)| *name);
        let mut pairs = fields.vendor.windows(2);
        match pairs.find(|pair| pair[0].0 == pair[1].0 && !takes_list(pair[0].0)) {
            Some(pair) => duplicate(pair[0].0),
            None => Ok(fields),
        }
    }

    /// The value of a vendor's header that may appear once.
    pub fn vendor(&self, name: &str) -> Option<&'r [u8]> {
        let found = self.vendor.iter().find(|field| field.0 == name);
        found.map(|(_, value)| *value)
    }

    /// Refuses a header of another vendor than that of the syntax: the signature does not cover it.
    ///
    /// # Errors
    /// [`AuthFailure::ForeignHeader`].
    pub fn check_foreign(&self, syntax: &Syntax) -> Result<(), AuthFailure> {
        let is_vendors = |name: &str| name.starts_with(syntax.header_prefix);
        match self.vendor.iter().find(|(name, _)| !is_vendors(name)) {
            Some((name, _)) => Err(AuthFailure::ForeignHeader((*name).to_owned())),
            None => Ok(()),
        }
    }
}

/// Which of Content-MD5 and Content-Type the signature covers. Version 2 always covers both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentHeaders {
    content_type: bool,
    content_md5: bool,
}

impl ContentHeaders {
    /// Both.
    pub const SIGNED: Self = Self {
        content_type: true,
        content_md5: true,
    };

    /// Neither.
    pub const NONE: Self = Self {
        content_type: false,
        content_md5: false,
    };

    /// Adds the header with this lower-case name, if it is one of the two.
    #[must_use]
    pub(super) fn and(self, name: &str) -> Self {
        Self {
            content_type: self.content_type || name == CONTENT_TYPE.as_str(),
            content_md5: self.content_md5 || name == CONTENT_MD5,
        }
    }

    /// Whether this lower-case name is one of the two, and covered.
    pub fn cover(self, name: &str) -> bool {
        (self.content_type && name == CONTENT_TYPE.as_str())
            || (self.content_md5 && name == CONTENT_MD5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m10_lists_and_metadata_alone_may_repeat() {
        let view = |name: &'static str| {
            let headers = [("host", &b"h"[..]), (name, b"one"), (name, b"two")];
            Fields::of(&headers).map(|_| ())
        };
        for name in [
            "authorization",
            "content-encoding",
            "content-length",
            "content-md5",
            "content-type",
            "date",
            "expect",
            "host",
            "if-modified-since",
            "if-unmodified-since",
            "range",
            "transfer-encoding",
            "x-amz-date",
            "x-wos-acl",
        ] {
            assert_eq!(view(name), Err(AuthFailure::DuplicateHeader(name.into())));
        }
        for name in [
            "x-amz-meta-a",
            "x-amz-grant-read",
            "x-wos-object-attributes",
            "accept",
        ] {
            assert_eq!(view(name), Ok(()), "{name}");
        }
        assert!(LISTS.is_sorted_by(|a, b| a < b));
    }
}
