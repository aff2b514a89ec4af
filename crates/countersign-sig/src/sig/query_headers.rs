//! Headers in the query string of a presigned URL.
//!
//! SDKs move headers into the URLs that they presign ("hoisting" in the AWS SDKs), and S3 reads a parameter with the vendor's
//! prefix as the header of that name. So does this crate: such a parameter is a header for the operation and the body, and is
//! to be forwarded as a header. botocore and the AWS SDK for JavaScript 2 hoist in version 2, and sign the headers; the AWS SDK
//! for JavaScript 3 hoists in version 4, and signs the parameters.

use std::borrow::Cow;

use http::header::{CONTENT_TYPE, HeaderValue};

use super::Version;
use super::failure::AuthFailure;
use super::headers::{CONTENT_MD5, Field};
use super::mechanism::{Mechanism, mechanism};
use super::query::Parameter;
use super::target::with_blanks;
use crate::dialect::{DIALECTS, Dialect, SYNTAXES, Syntax};

/// Names without the vendor's prefix that are never read as headers: those of a body in chunks.
const NEVER: &[&str] = &["content-sha256", "decoded-content-length", "trailer"];
/// Names without the prefix that S3 ignores as parameters: the AWS SDK for JavaScript 3 hoists the checksum of an empty body.
const IGNORED: &[&str] = &["sdk-checksum-algorithm", "tagging"];
/// The prefix of the checksums, which S3 ignores as parameters too.
const CHECKSUM_PREFIX: &str = "checksum-";
/// What follows that prefix and is not a checksum (Amazon S3 API Reference, "GetObject", "CreateMultipartUpload").
const NO_CHECKSUMS: &[&str] = &["algorithm", "mode", "type"];

/// Headers of HTTP that the AWS SDK for JavaScript 2 repeats in its URLs. S3 reads only the header.
const REPEATED: &[&str] = &[
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
];

/// A query parameter that is read as a header.
#[derive(Debug, Clone)]
pub struct QueryHeader<'r> {
    /// The name of the header, lower-case.
    pub name: Cow<'r, str>,
    /// The value as it was sent, percent-encoded.
    pub raw_value: &'r str,
    /// The index of the parameter in the query string.
    pub parameter: usize,
    /// How it is read.
    pub effect: Effect,
}

/// How a parameter that may be a header is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// As the header.
    Header,
    /// Not: the request has the header too, with the same value.
    Repeated,
    /// Not: S3 ignores it.
    Ignored,
}

/// A query parameter of a verified presigned request that is read as a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedQueryHeader {
    /// The name of the header, lower-case.
    pub name: String,
    /// The value of the header; none where the request has the header itself, or where S3 ignores the parameter.
    pub value: Option<Vec<u8>>,
}

/// What a `+` in a value means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plus {
    /// A plus sign.
    Plus,
    /// A space.
    Blank,
}

impl QueryHeader<'_> {
    /// The value of the header: decoded once, without the whitespace around it (RFC 9110, section 5.5).
    pub fn value(&self, plus: Plus) -> Vec<u8> {
        let text = match plus {
            Plus::Plus => self.raw_value.into(),
            Plus::Blank => with_blanks(self.raw_value),
        };
        let decoded: Cow<'_, [u8]> = percent_encoding::percent_decode_str(&text).into();
        decoded.trim_ascii().to_vec()
    }

    /// Whether the header has this value.
    fn is(&self, value: &[u8]) -> bool {
        [Plus::Plus, Plus::Blank]
            .iter()
            .any(|plus| self.value(*plus) == value)
    }
}

/// The parameters of a presigned request that are read as headers, in their order; empty where the query is not signed.
///
/// # Errors
/// [`AuthFailure::MalformedQuery`] for a value that a header cannot have; [`AuthFailure::DuplicateHeader`] if `headers` has the
/// same name with another value.
pub fn query_headers<'r>(
    parameters: &[Parameter<'r>],
    headers: &[Field<'_>],
) -> Result<Vec<QueryHeader<'r>>, AuthFailure> {
    // Most requests have no such parameter.
    if !parameters
        .iter()
        .any(|parameter| may_be_header(&parameter.name))
    {
        return Ok(Vec::new());
    }
    let Some((syntax, version)) = signed_in(parameters) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for (at, parameter) in parameters.iter().enumerate() {
        let Some(name) = header_name(&parameter.name, syntax, version) else {
            continue;
        };
        let mut query_header = QueryHeader {
            effect: effect(&name, syntax),
            name: name.into(),
            raw_value: parameter.raw_value.unwrap_or(""),
            parameter: at,
        };
        if HeaderValue::from_bytes(&query_header.value(Plus::Plus)).is_err() {
            return Err(AuthFailure::MalformedQuery(
                "a parameter that stands for a header has a control character",
            ));
        }
        let mut values = headers.iter().filter(|field| field.0 == query_header.name);
        let value = values.next().map(|field| field.1);
        let repeats = value.is_some_and(|value| query_header.is(value)) && values.next().is_none();
        if repeats {
            query_header.effect = Effect::Repeated;
        } else if REPEATED.contains(&&*query_header.name) {
            // An ordinary parameter, which the signature has to cover.
            continue;
        } else if value.is_some() {
            return Err(AuthFailure::DuplicateHeader(query_header.name.into_owned()));
        }
        found.push(query_header);
    }
    Ok(found)
}

fn may_be_header(name: &str) -> bool {
    name.starts_with(['x', 'X', 'c', 'C'])
}

/// The syntax and the version of the signature in the query string, if there is one.
fn signed_in(parameters: &[Parameter<'_>]) -> Option<(&'static Syntax, Version)> {
    parameters
        .iter()
        .find_map(|parameter| match mechanism(&parameter.name)? {
            Mechanism::V4(syntax) => Some((syntax, Version::V4)),
            Mechanism::V2 => {
                let access_key = |syntax: &&&Syntax| parameter.name == syntax.access_key_parameter;
                let syntax = SYNTAXES.iter().find(access_key)?;
                Some((*syntax, Version::V2))
            }
        })
}

/// The lower-case name of the header that a parameter is read as; none for an ordinary parameter.
fn header_name(name: &str, syntax: &Syntax, version: Version) -> Option<String> {
    let lower = name.to_ascii_lowercase();
    let v4 = &syntax.v4;
    let stands = match lower.strip_prefix(syntax.header_prefix) {
        // In version 4 it is one of the signing parameters.
        Some(_) if lower == v4.security_token_header => version == Version::V2,
        Some(rest) => {
            let same = |known: &&str| known.eq_ignore_ascii_case(name);
            let parameter = |dialect: &&Dialect| dialect.sub_resources.iter().any(same);
            !NEVER.contains(&rest)
                && !v4.parameters.all().iter().any(same)
                && !DIALECTS.iter().any(parameter)
        }
        None => {
            lower == CONTENT_TYPE.as_str()
                || lower == CONTENT_MD5
                || REPEATED.contains(&lower.as_str())
        }
    };
    stands.then_some(lower)
}

fn effect(name: &str, syntax: &Syntax) -> Effect {
    let rest = name.strip_prefix(syntax.header_prefix).unwrap_or("");
    let checksum = rest.strip_prefix(CHECKSUM_PREFIX);
    match IGNORED.contains(&rest)
        || checksum.is_some_and(|algorithm| !NO_CHECKSUMS.contains(&algorithm))
    {
        true => Effect::Ignored,
        false => Effect::Header,
    }
}
