//! The parameters of the query string.

use std::borrow::Cow;

use memchr::memchr;
use percent_encoding::percent_decode_str;

use super::failure::{AuthFailure, MAX_QUERY_PARAMETERS};
use super::split::{split, split_once};
use crate::address::percent_encoding_holds;

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
    /// The value, percent-decoded once; a `+` stays.
    pub fn value(&self) -> Cow<'_, [u8]> {
        let raw = self.raw_value.unwrap_or("");
        match is_plain(raw) {
            true => raw.as_bytes().into(),
            false => percent_decode_str(raw).into(),
        }
    }
}

/// Whether nothing in a text is percent-encoded, so that it need not be decoded; most texts are so.
pub(super) fn is_plain(raw: &str) -> bool {
    memchr(b'%', raw.as_bytes()).is_none()
}

/// Rules 1, 2 and 3, one after the other over the whole query string.
pub(super) fn parse_query(query: &str) -> Result<Vec<Parameter<'_>>, AuthFailure> {
    if !percent_encoding_holds(query) {
        return Err(AuthFailure::MalformedQuery(
            "a '%' is not followed by two hexadecimal digits",
        ));
    }
    let mut parameters: Vec<Parameter<'_>> = Vec::with_capacity(4);
    for pair in split(query, b'&') {
        // An empty piece (`?`, `&&`, `&` at an end) is no parameter, and is not signed.
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
        // One more than the limit is enough to know.
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
    // Case is ignored: a node that ignores it would see two.
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
}
