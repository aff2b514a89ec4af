//! The request as it was received.

use std::borrow::Cow;

use super::failure::AuthFailure;
use super::headers::{CONTENT_MD5, Field, Fields};
use super::query::{Parameter, parse_query};
use super::query_headers::{Effect, Plus, QueryHeader, query_headers};

/// A request as it was received: raw method, raw path, raw query, every header value. Nothing in it was decoded and encoded
/// again.
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
    /// The fields that a signature covers.
    pub fields: Fields<'r>,
    /// The query parameters of a presigned request that are read as headers, in their order.
    pub query_headers: Vec<QueryHeader<'r>>,
}

impl<'r> RequestView<'r> {
    /// Reads a request; the result borrows from it.
    ///
    /// # Errors
    /// [`AuthFailure::MalformedQuery`] and [`AuthFailure::TooManyParameters`] for a query string that is ambiguous or too long;
    /// [`AuthFailure::DuplicateParameter`] and [`AuthFailure::DuplicateHeader`] where something that may appear once appears
    /// twice.
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

    /// The values of the fields with this name, whatever its case, in their order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'r [u8]> {
        let has_name = |field: &&Field<'_>| field.0.eq_ignore_ascii_case(name);
        self.headers.iter().filter(has_name).map(|field| field.1)
    }

    /// Whether there is a field with this name, whatever its case.
    pub fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// The query parameter that is read as the header with this lower-case name; none where the request has the header itself.
    pub fn query_header(&self, name: &str) -> Option<&QueryHeader<'r>> {
        let is_it =
            |header: &&QueryHeader<'_>| header.effect == Effect::Header && header.name == name;
        self.query_headers.iter().find(is_it)
    }

    /// The query parameter that this lower-case name in a list of signed headers refers to, if the request has no such header.
    pub(super) fn signed_in_query(&self, name: &str) -> Option<&QueryHeader<'r>> {
        let is_it =
            |header: &&QueryHeader<'_>| header.effect != Effect::Repeated && header.name == name;
        self.query_headers.iter().find(is_it)
    }

    /// Content-MD5, from the header or from the query parameter that is read as it.
    pub fn content_md5(&self) -> Option<Cow<'r, [u8]>> {
        let in_query = || Some(self.query_header(CONTENT_MD5)?.value(Plus::Plus).into());
        self.fields.content_md5.map(Cow::Borrowed).or_else(in_query)
    }

    /// The parameter with exactly this name.
    pub fn parameter(&self, name: &str) -> Option<&Parameter<'r>> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name)
    }
}
