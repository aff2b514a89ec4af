//! The request as it stands on the wire.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::dialect::vendor_header;
use super::failure::AuthFailure;
use super::split::{split, split_once};
use crate::address::percent_encoding_holds;

/// The most query parameters of one request. The largest S3 call has about twenty.
pub const MAX_QUERY_PARAMETERS: usize = 100;

/// Header fields with a single value: a second one would let the gateway and the node read different ones.
/// Vendor headers (`x-amz-…`) are single-valued too, except metadata.
const SINGLE_VALUED: &[HeaderName] = &[
    http::header::AUTHORIZATION,
    http::header::CONTENT_ENCODING,
    http::header::CONTENT_LENGTH,
    http::header::CONTENT_TYPE,
    http::header::DATE,
    http::header::EXPECT,
    http::header::HOST,
    http::header::IF_MODIFIED_SINCE,
    http::header::IF_UNMODIFIED_SINCE,
    http::header::RANGE,
    http::header::TRANSFER_ENCODING,
];
/// The digest of the body that V2 signs (RFC 1864).
pub const CONTENT_MD5: &str = "content-md5";

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
    /// Every header field.
    pub headers: &'r HeaderMap,
    /// The fields that the signature concerns.
    pub fields: Fields<'r>,
}

/// The header fields that a signature concerns, found in one pass over all of them.
#[derive(Debug, Default)]
pub struct Fields<'r> {
    /// `Authorization`.
    pub authorization: Option<&'r HeaderValue>,
    /// `Content-Encoding`.
    pub content_encoding: Option<&'r HeaderValue>,
    /// `Content-MD5`.
    pub content_md5: Option<&'r HeaderValue>,
    /// `Content-Type`.
    pub content_type: Option<&'r HeaderValue>,
    /// `Date`.
    pub date: Option<&'r HeaderValue>,
    /// `Host`.
    pub host: Option<&'r HeaderValue>,
    /// Every vendor's own fields (`x-amz-…`), sorted by name; values of one name in their order.
    pub vendor: Vec<(&'r str, &'r HeaderValue)>,
}

impl<'r> Fields<'r> {
    fn of(headers: &'r HeaderMap) -> Self {
        let mut fields = Self::default();
        for (name, value) in headers {
            match name.as_str() {
                "authorization" => fields.authorization = Some(value),
                "content-encoding" => fields.content_encoding = Some(value),
                CONTENT_MD5 => fields.content_md5 = Some(value),
                "content-type" => fields.content_type = Some(value),
                "date" => fields.date = Some(value),
                "host" => fields.host = Some(value),
                name if vendor_header(name).is_some() => fields.vendor.push((name, value)),
                _ => {}
            }
        }
        // A stable sort: a header map gives the values of one name in the order in which they came.
        fields.vendor.sort_by_key(|(name, _)| *name);
        fields
    }

    /// The value of a vendor's field that may stand once.
    pub fn vendor(&self, name: &str) -> Option<&'r HeaderValue> {
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
        headers: &'r HeaderMap,
    ) -> Result<Self, AuthFailure> {
        let parameters = query.map_or(Ok(Vec::new()), parse_query)?;
        check_single_values(headers)?;
        Ok(Self {
            method,
            path,
            query,
            parameters,
            headers,
            fields: Fields::of(headers),
        })
    }

    /// The parameter with exactly this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter<'r>> {
        self.parameters.iter().find(|own| own.name == name)
    }
}

fn check_single_values(headers: &HeaderMap) -> Result<(), AuthFailure> {
    // As many names as values: nothing stands twice.
    if headers.keys_len() == headers.len() {
        return Ok(());
    }
    let repeated = headers.keys().find(|name| {
        let text = name.as_str();
        let single = SINGLE_VALUED.contains(name)
            || text == CONTENT_MD5
            || vendor_header(text).is_some_and(|rest| !rest.starts_with("meta-"));
        single && headers.get_all(*name).iter().nth(1).is_some()
    });
    match repeated {
        Some(name) => Err(AuthFailure::DuplicateHeader(name.as_str().to_owned())),
        None => Ok(()),
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
        for query in ["", "&", "a&&b", "=", "=x", "a&"] {
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
    fn only_metadata_may_repeat() {
        let view = |name: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("one"));
            headers.append(name, HeaderValue::from_static("two"));
            RequestView::of("GET", "/", None, &headers).map(|_| ())
        };
        for name in [
            "authorization",
            "date",
            "content-type",
            "content-md5",
            "range",
            "x-amz-date",
            "x-wos-acl",
        ] {
            assert_eq!(view(name), Err(AuthFailure::DuplicateHeader(name.into())));
        }
        assert_eq!(view("x-amz-meta-a"), Ok(()));
        assert_eq!(view("accept"), Ok(()));
    }
}
