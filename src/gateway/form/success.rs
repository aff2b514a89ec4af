//! The response to a form whose file is stored.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, LOCATION, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderValue, StatusCode, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use pingora::{ErrorType, OrErr};
use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::BytesText;

use crate::address::Address;
use crate::answer::xml_text;
use crate::dialect::{Dialect, DialectName};
use crate::sig::form::FormFields;
use crate::sig::headers::text_of;
use crate::wire::head::RequestHead;

/// The characters that are percent-encoded in the query of a redirect and in tags: all but the unreserved ones.
pub(super) const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The response that a form asks for (Amazon S3 API Reference, "POST Object": "Form fields"). Like S3, the gateway ignores
/// values that are not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Success {
    /// 200 or 204 without a body.
    Status(StatusCode),
    /// 201 with a document.
    Document,
    /// 303 with this Location.
    Redirect(String),
}

impl Success {
    /// Reads the fields.
    pub fn of(fields: &FormFields) -> Self {
        let redirect = fields
            .value("success_action_redirect")
            .or_else(|| fields.value("redirect"));
        if let Some(place) = redirect.filter(|place| is_place(place)) {
            return Self::Redirect(place.to_owned());
        }
        match fields.value("success_action_status") {
            Some("200") => Self::Status(StatusCode::OK),
            Some("201") => Self::Document,
            _ => Self::Status(StatusCode::NO_CONTENT),
        }
    }

    /// Changes the response to the PUT into the response to the form, and returns its body if it has one.
    ///
    /// # Errors
    /// Pingora's, if the gateway makes an invalid header value.
    pub fn apply(
        &self,
        answer: &mut Parts,
        form: &RequestHead,
        address: &Address,
        dialect: DialectName,
    ) -> pingora::Result<Option<Bytes>> {
        let etag = answer.headers.get(ETAG);
        let etag = etag
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let host = form.value(HOST.as_str()).and_then(text_of);
        let object = format!("http://{}{}", host.unwrap_or_default(), address.path());
        answer.headers.remove(&TRANSFER_ENCODING);
        answer.headers.remove(&CONTENT_TYPE);
        answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(0));
        match self {
            Self::Status(status) => {
                answer.status = *status;
                answer.headers.insert(LOCATION, location(&object)?);
                if *status == StatusCode::NO_CONTENT {
                    answer.headers.remove(&CONTENT_LENGTH);
                }
                Ok(None)
            }
            Self::Redirect(place) => {
                answer.status = StatusCode::SEE_OTHER;
                let place = with_object(place, address, &etag);
                answer.headers.insert(LOCATION, location(&place)?);
                Ok(None)
            }
            Self::Document => {
                let document = document(&object, address, &etag, dialect);
                answer.status = StatusCode::CREATED;
                answer.headers.insert(LOCATION, location(&object)?);
                let xml = HeaderValue::from_static("application/xml");
                answer.headers.insert(CONTENT_TYPE, xml);
                answer.headers.insert(CONTENT_LENGTH, document.len().into());
                Ok(Some(document.into()))
            }
        }
    }
}

fn location(place: &str) -> pingora::Result<HeaderValue> {
    HeaderValue::from_str(place).or_err(ErrorType::InvalidHTTPHeader, "the place of an object")
}

/// Whether a URL is allowed for a redirect: an absolute http or https URL in visible ASCII.
fn is_place(text: &str) -> bool {
    let place = text.split('#').next().unwrap_or_default();
    let uri = place.parse::<Uri>().ok();
    let named = uri.filter(|uri| uri.authority().is_some());
    text.bytes().all(|byte| byte.is_ascii_graphic())
        && named.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")))
}

/// The URL with the bucket, the key and the ETag in its query.
fn with_object(place: &str, address: &Address, etag: &str) -> String {
    let (place, fragment) = match place.split_once('#') {
        Some((place, fragment)) => (place, format!("#{fragment}")),
        None => (place, String::new()),
    };
    let separator = if place.contains('?') { '&' } else { '?' };
    let encoded = |text: &str| utf8_percent_encode(text, QUERY).to_string();
    let bucket = encoded(address.bucket().unwrap_or_default());
    let key = encoded(&key_of(address));
    let etag = encoded(etag);
    format!("{place}{separator}bucket={bucket}&key={key}&etag={etag}{fragment}")
}

/// The key as in the form.
fn key_of(address: &Address) -> String {
    let encoded = address.key().unwrap_or_default();
    percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

fn document(object: &str, address: &Address, etag: &str, dialect: DialectName) -> Vec<u8> {
    let standalone = match Dialect::named(dialect).documents.standalone {
        true => " standalone=\"yes\"",
        false => "",
    };
    let start = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"{standalone}?>\n");
    let key = key_of(address);
    let elements = [
        ("Location", object),
        ("Bucket", address.bucket().unwrap_or_default()),
        ("Key", &key),
        ("ETag", etag),
    ];
    let mut writer = Writer::new(start.into_bytes());
    let written = writer
        .create_element("PostResponse")
        .write_inner_content(|inner| {
            for (name, text) in elements {
                let text = BytesText::from_escaped(partial_escape(xml_text(text)));
                inner.create_element(name).write_text_content(text)?;
            }
            Ok(())
        });
    written.expect("a Vec takes every write");
    writer.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(written: &[(&str, &str)]) -> Success {
        let owned = written
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Success::of(&FormFields::of(owned, Some("")).unwrap())
    }

    #[test]
    fn what_cannot_be_interpreted_is_absent() {
        let nothing = Success::Status(StatusCode::NO_CONTENT);
        assert_eq!(success(&[]), nothing);
        for (status, expected) in [
            ("200", Success::Status(StatusCode::OK)),
            ("201", Success::Document),
            ("204", nothing.clone()),
            ("500", nothing.clone()),
            ("", nothing.clone()),
            ("201 ", nothing.clone()),
        ] {
            assert_eq!(success(&[("success_action_status", status)]), expected);
        }
        for place in ["http://a.test/x?y=1#z", "https://a.test"] {
            let redirect = Success::Redirect(place.into());
            assert_eq!(success(&[("success_action_redirect", place)]), redirect);
            assert_eq!(success(&[("redirect", place)]), redirect);
            let both = [
                ("success_action_status", "201"),
                ("success_action_redirect", place),
            ];
            assert_eq!(success(&both), redirect);
        }
        for place in [
            "javascript:alert(1)",
            "/relative",
            "//a.test/",
            "a.test",
            "ftp://a.test/",
            "http://",
            "http://a.test/\r\nX: y",
            "http://a.test/é",
            "",
        ] {
            assert_eq!(
                success(&[("success_action_redirect", place)]),
                nothing,
                "{place}"
            );
        }
    }
}
