//! The request target in the spelling that was verified.
//!
//! A signature may hold over another spelling of the target than the one that was sent (`+` for `%2B`, `%61cl` for `acl`, a
//! space for `+`). The spelling that was signed is to be forwarded: a node might read the other one differently.

use std::borrow::Cow;

use super::percent::{is_encoded, write_encoded};
use super::split::split_once;

/// The spelling of the target over which the signature holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedTarget {
    /// The path.
    pub path: PathSpelling,
    /// The query string.
    pub query: QuerySpelling,
}

/// How the path was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathSpelling {
    /// As it was sent, byte for byte.
    AsSent,
    /// Percent-encoded anew (RFC 3986, section 2.3); a slash stays a slash.
    Rfc3986,
    /// As it was sent, with a slash added to a path-style path that names only a bucket.
    BucketSlash,
}

/// How the parameters of the query string were signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuerySpelling {
    /// As they were sent, byte for byte.
    AsSent,
    /// Percent-encoded anew (RFC 3986, section 2.3).
    Rfc3986,
    /// The same, with a space for each `+` (WHATWG URL, "application/x-www-form-urlencoded").
    Blanks,
    /// Version 2: the sub-resources decoded, a `+` as a space. An empty value was signed with its `=`, or without.
    Decoded(EmptyValue),
}

/// Whether a sub-resource that was sent as `name=` was signed with its `=`. Both mean the same request: Go clients send
/// `?uploads=` and sign `uploads`, others sign what they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyValue {
    /// `name`
    NameAlone,
    /// `name=`
    AsSent,
}

/// Whether the signature covers a parameter. Version 4 covers each, version 2 the sub-resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// It does.
    Signed,
    /// It does not: an ordinary parameter of a listing.
    Unsigned,
}

impl VerifiedTarget {
    /// The target as it was sent.
    pub const AS_SENT: Self = Self {
        path: PathSpelling::AsSent,
        query: QuerySpelling::AsSent,
    };

    /// The path as it was signed.
    pub fn path<'r>(self, sent: &'r str) -> Cow<'r, str> {
        match self.path {
            PathSpelling::AsSent => sent.into(),
            PathSpelling::Rfc3986 => encoded(sent, b"/"),
            PathSpelling::BucketSlash => format!("{sent}/").into(),
        }
    }

    /// A parameter, sent as `pair`, as it was signed. Its name is always decoded once and encoded again: a node that does not
    /// decode names would not take `%61cl` for `acl`.
    pub fn parameter(self, pair: &str, coverage: Coverage) -> Cow<'_, str> {
        let (name, value) = match split_once(pair, b'=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        let written_name = match self.query {
            QuerySpelling::Blanks => with_blanks(name),
            QuerySpelling::Rfc3986 => encoded(name, b""),
            // The name alone: bytes that were signed raw stay raw.
            QuerySpelling::AsSent | QuerySpelling::Decoded(_) => unescaped(name),
        };
        let written_value = value.and_then(|value| match (self.query, coverage) {
            (QuerySpelling::AsSent, _) | (QuerySpelling::Decoded(_), Coverage::Unsigned) => {
                Some(value.into())
            }
            (QuerySpelling::Rfc3986, _) => Some(encoded(value, b"")),
            (QuerySpelling::Decoded(EmptyValue::NameAlone), _) if value.is_empty() => None,
            (QuerySpelling::Blanks | QuerySpelling::Decoded(_), _) => Some(with_blanks(value)),
        });
        match (&written_name, &written_value) {
            (Cow::Borrowed(_), None) if value.is_none() => pair.into(),
            (Cow::Borrowed(_), Some(Cow::Borrowed(_))) => pair.into(),
            (name, None) => name.clone().into_owned().into(),
            (name, Some(value)) => format!("{name}={value}").into(),
        }
    }
}

/// A text percent-encoded anew; the bytes of `kept` stay.
fn encoded<'r>(text: &'r str, kept: &[u8]) -> Cow<'r, str> {
    if is_encoded(text, kept) {
        return text.into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    write_encoded(text, kept, &mut bytes);
    // The result is ASCII.
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// [`encoded`], with each `+` as a space.
pub(super) fn with_blanks(text: &str) -> Cow<'_, str> {
    match memchr::memchr(b'+', text.as_bytes()) {
        None => encoded(text, b""),
        Some(_) => encoded(&text.replace('+', "%20"), b"").into_owned().into(),
    }
}

/// A text in which unreserved characters are decoded; what is written raw stays.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    match memchr::memchr(b'%', text.as_bytes()) {
        None => text.into(),
        Some(_) => encoded(text, b"+"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_written_as_it_was_signed() {
        use Coverage::{Signed, Unsigned};
        use EmptyValue::{AsSent, NameAlone};
        use QuerySpelling::{Blanks, Decoded, Rfc3986};
        let written = |query, pair: &str, coverage| {
            let target = VerifiedTarget {
                path: PathSpelling::AsSent,
                query,
            };
            target.parameter(pair, coverage).into_owned()
        };
        for (query, coverage, sent, signed) in [
            (QuerySpelling::AsSent, Signed, "acl", "acl"),
            (QuerySpelling::AsSent, Signed, "%61cl", "acl"),
            (QuerySpelling::AsSent, Signed, "%61cl=%7e+", "acl=%7e+"),
            (QuerySpelling::AsSent, Signed, "a%2Bb+c", "a%2Bb+c"),
            (Rfc3986, Signed, "%61cl=%7e*", "acl=~%2A"),
            (Rfc3986, Signed, "a=b=c", "a=b%3Dc"),
            (Rfc3986, Signed, "a=", "a="),
            (Blanks, Signed, "a=b+c%2Bd", "a=b%20c%2Bd"),
            (Blanks, Signed, "a+b", "a%20b"),
            (Decoded(NameAlone), Signed, "uploads=", "uploads"),
            (Decoded(AsSent), Signed, "uploads=", "uploads="),
            (
                Decoded(NameAlone),
                Signed,
                "versionId=a+%26%3d%23",
                "versionId=a%20%26%3D%23",
            ),
            (Decoded(NameAlone), Signed, "%61cl", "acl"),
            (
                Decoded(NameAlone),
                Unsigned,
                "prefix=a+b%7e",
                "prefix=a+b%7e",
            ),
            (Decoded(NameAlone), Unsigned, "pref%69x=a+b", "prefix=a+b"),
        ] {
            assert_eq!(written(query, sent, coverage), signed, "{sent} {query:?}");
        }
        let target = VerifiedTarget::AS_SENT;
        for pair in ["acl", "a=b", "a=+%7e", "="] {
            assert!(
                matches!(target.parameter(pair, Signed), Cow::Borrowed(_)),
                "{pair}"
            );
        }
    }

    #[test]
    fn a_path_is_written_as_it_was_signed() {
        let written = |path, sent: &str| {
            let target = VerifiedTarget {
                path,
                query: QuerySpelling::AsSent,
            };
            target.path(sent).into_owned()
        };
        assert_eq!(written(PathSpelling::AsSent, "/b/a+%7e"), "/b/a+%7e");
        assert_eq!(written(PathSpelling::Rfc3986, "/b/a+%7e%2f"), "/b/a%2B~%2F");
        assert_eq!(written(PathSpelling::BucketSlash, "/b"), "/b/");
    }
}
