//! The client's side: signs a request as the dialects define it.

pub mod v4;

use std::time::SystemTime;

use http::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

use super::failure::AuthFailure;
use super::headers::fields_of;
use super::mechanism::{EXPIRES, SIGNATURE};
use super::request::RequestView;
use super::v2::{StringToSign, sign_v2};
use crate::address::{
    Address, AddressFailure, BucketNames, CopySource, DotSegments, HostNames, NameRules,
};
use crate::dialect::{ChosenSyntax, Dialect, Syntax};
use crate::secret::Secret;
pub use v4::{Signed, Signer, sign_header_v4, sign_query_v4};

/// All but the unreserved characters (RFC 3986, section 2.3) are encoded.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The key that a client signs with.
#[derive(Debug)]
pub struct SigningCredentials {
    /// The AccessKeyId.
    pub access_key_id: String,
    /// The SecretAccessKey.
    pub secret_access_key: Secret<String>,
}

/// A request to be signed.
#[derive(Debug)]
pub struct Unsigned<'r> {
    /// The method.
    pub method: &'r str,
    /// The value of the Host header.
    pub host: &'r str,
    /// The raw path.
    pub path: &'r str,
    /// The raw query string.
    pub query: Option<&'r str>,
    /// Further headers.
    pub headers: HeaderMap,
    /// Which host names stand for buckets.
    pub hosts: &'r HostNames,
}

impl Unsigned<'_> {
    /// The request with these headers.
    fn view<'v>(&'v self, headers: &'v HeaderMap) -> Result<RequestView<'v>, AuthFailure> {
        RequestView::of(self.method, self.path, self.query, fields_of(headers))
    }
}

/// Why a request cannot be signed.
#[derive(Debug, Error)]
pub enum SignError {
    /// The URL names no bucket and key.
    #[error(transparent)]
    Address(#[from] AddressFailure),
    /// The query string or the headers are ambiguous.
    #[error(transparent)]
    Request(#[from] AuthFailure),
    /// The AccessKeyId cannot be written in a header.
    #[error("the access key id has characters that cannot stand in a header")]
    AccessKeyId,
    /// A value cannot be written in a header.
    #[error("the value of the header '{0}' has characters that cannot stand in one")]
    HeaderValue(&'static str),
    /// The vendor's date header is set, but is not a time of signing.
    #[error("the vendor's date header must be written as 20130524T000000Z")]
    Timestamp,
}

/// Signs in the header with version 2: adds `Date` if no date is set, and `Authorization`.
///
/// # Errors
/// [`SignError`].
pub fn sign_header(
    request: &Unsigned<'_>,
    dialect: &'static Dialect,
    credentials: &SigningCredentials,
    now: SystemTime,
) -> Result<HeaderMap, SignError> {
    let syntax = dialect.syntaxes[0];
    let mut headers = request.headers.clone();
    if !headers.contains_key(syntax.date_header) && !headers.contains_key(DATE) {
        let date = httpdate::fmt_http_date(now);
        headers.insert(
            DATE,
            HeaderValue::from_str(&date).expect("an HTTP date is ASCII"),
        );
    }
    let date = match headers.contains_key(syntax.date_header) {
        true => Vec::new(),
        false => headers[DATE].as_bytes().trim_ascii().to_vec(),
    };
    let signature = sign(request, &headers, dialect, syntax, &date, credentials)?;
    let value = format!(
        "{} {}:{signature}",
        syntax.scheme, credentials.access_key_id
    );
    let value = HeaderValue::from_str(&value).map_err(|_invalid| SignError::AccessKeyId)?;
    headers.insert(AUTHORIZATION, value);
    Ok(headers)
}

/// Presigns with version 2, valid until `expires` (seconds since 1970); gives the whole query string.
///
/// # Errors
/// [`SignError`].
pub fn sign_query(
    request: &Unsigned<'_>,
    dialect: &'static Dialect,
    credentials: &SigningCredentials,
    expires: u64,
) -> Result<String, SignError> {
    let syntax = dialect.syntaxes[0];
    let expires = expires.to_string();
    let signature = sign(
        request,
        &request.headers,
        dialect,
        syntax,
        expires.as_bytes(),
        credentials,
    )?;
    let credentials_query = format!(
        "{}={}&{EXPIRES}={expires}&{SIGNATURE}={}",
        syntax.access_key_parameter,
        utf8_percent_encode(&credentials.access_key_id, VALUE),
        utf8_percent_encode(&signature, VALUE),
    );
    Ok(match request.query {
        Some(query) => format!("{query}&{credentials_query}"),
        None => credentials_query,
    })
}

fn sign(
    request: &Unsigned<'_>,
    headers: &HeaderMap,
    dialect: &'static Dialect,
    syntax: &'static Syntax,
    date: &[u8],
    credentials: &SigningCredentials,
) -> Result<String, SignError> {
    let view = request.view(headers)?;
    let method = http::Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
    let names = view.parameters.iter().map(|parameter| &*parameter.name);
    let address = Address::of(
        &method,
        request.host,
        request.path,
        names,
        CopySource::Absent,
        request.hosts,
        // The signer accepts every name; whoever receives the request has rules of its own.
        NameRules {
            bucket_names: BucketNames::Relaxed,
            dot_segments: DotSegments::Forward,
        },
    )?;
    view.fields.check_foreign(syntax)?;
    let chosen = ChosenSyntax { dialect, syntax };
    let text = StringToSign::of(&view, &address, chosen, date)?;
    Ok(sign_v2(&credentials.secret_access_key, &text))
}
