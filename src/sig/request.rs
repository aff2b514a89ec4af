//! The request as it stands on the wire.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderMap};
use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::dialect::vendor_header;
use super::failure::AuthFailure;
use super::query_headers::{Effect, Plus, QueryHeader, query_headers};
use super::split::{split, split_once};
use crate::address::percent_encoding_holds;

/// The most query parameters of one request. The largest S3 call has about twenty.
pub const MAX_QUERY_PARAMETERS: usize = 100;

/// The digest of the body that V2 signs (RFC 1864).
pub const CONTENT_MD5: &str = "content-md5";

/// A header field: its name in lower case, its value without the blanks around it (RFC 9110, section 5.5).
pub type Field<'r> = (&'r str, &'r [u8]);

/// The fields of a header map.
pub fn fields_of(headers: &HeaderMap) -> impl Iterator<Item = Field<'_>> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// The value of a field as text; none where it is not ASCII.
pub(crate) fn text_of(value: &[u8]) -> Option<&str> {
    let ascii = value.is_ascii().then_some(value)?;
    std::str::from_utf8(ascii).ok()
}

/// One parameter of the query string.
#[derive(Debug, Clone)]
pub struct Parameter<'r> {
    /// The name, percent-decoded once.
    pub name: Cow<'r, str>,
    /// The name as it was sent.
    pub raw_name: &'r str,
    /// The value as it was sent; none where there was no `=`.
    pub raw_value: Option<&'r str>,
}

impl Parameter<'_> {
    /// The value, percent-decoded once; `+` stays `+`.
    pub fn value(&self) -> Cow<'_, [u8]> {
        let raw = self.raw_value.unwrap_or("");
        match is_plain(raw) {
            true => raw.as_bytes().into(),
            false => percent_decode_str(raw).into(),
        }
    }
}

/// Whether nothing in a text is percent-encoded. Most texts are plain, and to see that costs less than to decode them.
pub(super) fn is_plain(raw: &str) -> bool {
    memchr(b'%', raw.as_bytes()).is_none()
}

/// Which of the headers that say what the body is the signature covers. Version 2 always covers both.
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

    /// With the one that has this name, where it is one of the two. It is lower-case.
    #[must_use]
    pub(super) fn and(self, name: &str) -> Self {
        Self {
            content_type: self.content_type || name == CONTENT_TYPE.as_str(),
            content_md5: self.content_md5 || name == CONTENT_MD5,
        }
    }

    /// Whether the name is one of the two and covered. It is lower-case.
    pub fn cover(self, name: &str) -> bool {
        (self.content_type && name == CONTENT_TYPE.as_str())
            || (self.content_md5 && name == CONTENT_MD5)
    }
}

/// Raw method, raw path, raw query, every header value. Nothing in it was decoded and encoded again.
#[derive(Debug)]
pub struct RequestView<'r> {
    /// The method as it was sent.
    pub method: &'r str,
    /// The path of the request target as it was sent.
    pub path: &'r str,
    /// The query string as it was sent, without `?`.
    pub query: Option<&'r str>,
    /// The parameters of the query string, in order.
    pub parameters: Vec<Parameter<'r>>,
    /// Every header field; those of one name in the order in which they came.
    pub headers: Vec<Field<'r>>,
    /// The fields that the signature concerns.
    pub fields: Fields<'r>,
    /// The parameters of a presigned request that stand for headers, in their order.
    pub query_headers: Vec<QueryHeader<'r>>,
}

/// The header fields that a signature concerns, found in one pass over all of them.
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

/// The vendor's headers whose value is a list, by the name behind the prefix (Amazon S3 API Reference: "PutObjectAcl",
/// "GetObjectAttributes", "ListObjectsV2"). Several lines of one are one list (RFC 9110, section 5.3), which a signature joins
/// with commas. Sorted.
const LISTS: &[&str] = &[
    "grant-full-control",
    "grant-read",
    "grant-read-acp",
    "grant-write",
    "grant-write-acp",
    "object-attributes",
    "optional-object-attributes",
];

/// Whether several lines of a vendor's header are one list: metadata, and what the API reference says to be one.
fn takes_list(name: &str) -> bool {
    let list = |rest: &str| rest.starts_with("meta-") || LISTS.binary_search(&rest).is_ok();
    vendor_header(name).is_some_and(list)
}

impl<'r> Fields<'r> {
    /// Finds them. A second value of what has a single one would let the gateway and the node read different ones.
    ///
    /// # Errors
    /// [`AuthFailure::DuplicateHeader`].
    fn of(headers: &[Field<'r>]) -> Result<Self, AuthFailure> {
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

    /// The value of a vendor's field that may stand once.
    pub fn vendor(&self, name: &str) -> Option<&'r [u8]> {
        let found = self.vendor.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| *value)
    }
}

impl<'r> RequestView<'r> {
    /// Views a request.
    ///
    /// # Errors
    /// [`AuthFailure::MalformedQuery`] and [`AuthFailure::TooManyParameters`] where the query string has no single
    /// reading; [`AuthFailure::DuplicateParameter`] and [`AuthFailure::DuplicateHeader`] where something that may stand
    /// once stands twice.
    pub fn of(
        method: &'r str,
        path: &'r str,
        query: Option<&'r str>,
        headers: impl IntoIterator<Item = Field<'r>>,
    ) -> Result<Self, AuthFailure> {
        let parameters = query.map_or(Ok(Vec::new()), parse_query)?;
        let headers: Vec<_> = headers.into_iter().collect();
        let fields = Fields::of(&headers)?;
        let query_headers = query_headers(&parameters, &headers)?;
        Ok(Self {
            method,
            path,
            query,
            parameters,
            headers,
            fields,
            query_headers,
        })
    }

    /// The values of the fields with this name, in any case of letters, in their order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let own = |field: &&Field<'_>| field.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(own).map(|field| field.1)
    }

    /// Whether there is a field with this name, in any case of letters.
    pub fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The parameter that is the header with this lower-case name; none where the request has the header itself.
    pub fn query_header(&self, name: &str) -> Option<&QueryHeader<'r>> {
        let own = |own: &&QueryHeader<'_>| own.effect == Effect::Header && own.name == name;
        self.query_headers.iter().find(own)
    }

    /// The parameter that a list of signed headers means by this lower-case name, where the request has no such header.
    pub(super) fn signed_in_query(&self, name: &str) -> Option<&QueryHeader<'r>> {
        let own = |own: &&QueryHeader<'_>| own.effect != Effect::Repeated && own.name == name;
        self.query_headers.iter().find(own)
    }

    /// Content-MD5, from the header or from the parameter that stands for it.
    pub fn content_md5(&self) -> Option<Cow<'r, [u8]>> {
        let in_query = || Some(self.query_header(CONTENT_MD5)?.value(Plus::Plus).into());
        self.fields.content_md5.map(Cow::Borrowed).or_else(in_query)
    }

    /// The parameter with exactly this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter<'r>> {
        self.parameters.iter().find(|own| own.name == name)
    }
}

/// Rules 1, 2 and 3, one after the other over the whole query string.
fn parse_query(query: &str) -> Result<Vec<Parameter<'_>>, AuthFailure> {
    if !percent_encoding_holds(query) {
        return Err(AuthFailure::MalformedQuery(
            "a '%' is not followed by two hexadecimal digits",
        ));
    }
    let mut parameters: Vec<Parameter<'_>> = Vec::with_capacity(4);
    for pair in split(query, b'&') {
        // An empty piece (`?`, `&&`, `&` at an end) is no parameter, and nothing is signed of it.
        if pair.is_empty() {
            continue;
        }
        let (raw_name, raw_value) = match split_once(pair, b'=') {
            Some((name, value)) => (name, Some(value)),
            None => (pair, None),
        };
        if raw_name.is_empty() {
            return Err(AuthFailure::MalformedQuery("a parameter has no name"));
        }
        let name = match is_plain(raw_name) {
            true => raw_name.into(),
            false => percent_decode_str(raw_name)
                .decode_utf8()
                .map_err(|_not_utf8| {
                    AuthFailure::MalformedQuery("a parameter's name is not UTF-8")
                })?,
        };
        // One more than there may be is enough to know.
        if parameters.len() <= MAX_QUERY_PARAMETERS {
            parameters.push(Parameter {
                name,
                raw_name,
                raw_value,
            });
        }
    }
    if parameters.len() > MAX_QUERY_PARAMETERS {
        return Err(AuthFailure::TooManyParameters);
    }
    // In any case of letters: a node that ignores case would see two.
    let repeated = parameters.iter().enumerate().find(|(at, parameter)| {
        parameters[..*at]
            .iter()
            .any(|earlier| earlier.name.eq_ignore_ascii_case(&parameter.name))
    });
    match repeated {
        Some((_, parameter)) => Err(AuthFailure::DuplicateParameter(
            parameter.name.clone().into_owned(),
        )),
        None => Ok(parameters),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &str) -> Result<Vec<String>, AuthFailure> {
        Ok(parse_query(query)?
            .iter()
            .map(|parameter| parameter.name.clone().into_owned())
            .collect())
    }

    #[test]
    fn names_are_decoded_once_and_values_stay() {
        assert_eq!(names("%61cl").unwrap(), ["acl"]);
        assert_eq!(names("%2561cl").unwrap(), ["%61cl"]);
        assert_eq!(names("a+b=1;acl").unwrap(), ["a+b"]);
        assert_eq!(names("?acl").unwrap(), ["?acl"]);
        let parsed = parse_query("uploads&versionId=&k=a%2Bb+c=d").unwrap();
        let values: Vec<_> = parsed.iter().map(|parameter| parameter.raw_value).collect();
        assert_eq!(values, [None, Some(""), Some("a%2Bb+c=d")]);
        assert_eq!(parsed[2].value(), b"a+b+c=d".as_slice());
    }

    #[test]
    fn an_ambiguous_query_is_refused() {
        for (query, parameters) in [
            ("", &[][..]),
            ("&", &[]),
            ("a&&b", &["a", "b"]),
            ("a&", &["a"]),
            ("&&a", &["a"]),
        ] {
            assert_eq!(names(query).unwrap(), parameters, "{query}");
        }
        for query in ["=", "=x", "a&=", "a&=&b"] {
            let refused = names(query).unwrap_err();
            assert!(
                matches!(refused, AuthFailure::MalformedQuery(_)),
                "{query}: {refused:?}"
            );
        }
        for query in ["%", "a=%4", "%zz", "%ff"] {
            let refused = names(query).unwrap_err();
            assert!(
                matches!(refused, AuthFailure::MalformedQuery(_)),
                "{query}: {refused:?}"
            );
        }
        for query in [
            "acl&acl",
            "acl&acl=",
            "acl&ACL",
            "acl&%61cl",
            "versionId=A&versionid=B",
        ] {
            let refused = names(query).unwrap_err();
            assert!(
                matches!(refused, AuthFailure::DuplicateParameter(_)),
                "{query}: {refused:?}"
            );
        }
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let query = |count: usize| {
            let pairs: Vec<String> = (0..count).map(|n| format!("p{n}")).collect();
            names(&pairs.join("&"))
        };
        assert_eq!(
            query(MAX_QUERY_PARAMETERS).unwrap().len(),
            MAX_QUERY_PARAMETERS
        );
        assert_eq!(
            query(MAX_QUERY_PARAMETERS + 1),
            Err(AuthFailure::TooManyParameters)
        );
    }

    #[test]
    fn m10_lists_and_metadata_alone_may_repeat() {
        let view = |name: &'static str| {
            let headers = [("host", &b"h"[..]), (name, b"one"), (name, b"two")];
            RequestView::of("GET", "/", None, headers).map(|_| ())
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
