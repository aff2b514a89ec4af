//! The head of an HTTP/2 request (RFC 9113, section 8.3), made from the fields that the HTTP/2 session has read.

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Version};
use pingora::http::RequestHeader;

use super::head::RequestHead;
use super::parse::number;
use crate::error::WireFault;

/// The connection-specific fields, which HTTP/2 does not have (RFC 9113, section 8.2.2).
const CONNECTION_SPECIFIC: [HeaderName; 5] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Makes the head of a request, with `:authority` as its Host. `has_body` is false if the stream has ended with the header.
///
/// # Errors
/// [`WireFault`], where the same header would be refused in HTTP/1.1. [`WireFault::RequestLine`] for a request of another
/// protocol, because the guard has not checked its bytes.
pub fn head(request: &RequestHeader, has_body: bool) -> Result<RequestHead, WireFault> {
    if request.version != Version::HTTP_2 {
        return Err(WireFault::RequestLine);
    }
    let mut fields = request.headers.clone();
    if fields.len() > WireFault::MAX_FIELDS {
        return Err(WireFault::TooManyFields);
    }
    let bytes = |(name, value): (&HeaderName, &HeaderValue)| {
        // As written in HTTP/1.1: with a colon, a space and CR LF.
        name.as_str().len() + value.len() + b": \r\n".len()
    };
    if fields.iter().map(bytes).sum::<usize>() > WireFault::MAX_HEADER_BYTES {
        return Err(WireFault::HeaderTooLarge);
    }
    let trailers = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"trailers");
    let is_connection_specific = CONNECTION_SPECIFIC
        .iter()
        .any(|name| fields.contains_key(name))
        || fields.get_all(TE).iter().any(|value| !trailers(value));
    if is_connection_specific {
        return Err(WireFault::Field);
    }
    set_host(&mut fields, request)?;
    let length = length(&fields)?;
    Ok(RequestHead::of(&fields).with_body_length(match has_body {
        true => length,
        false => Some(0),
    }))
}

/// Sets the Host to `:authority`. If the request has both, they must be equal (RFC 9113, section 8.3.1).
fn set_host(fields: &mut HeaderMap, request: &RequestHeader) -> Result<(), WireFault> {
    let Some(authority) = request.uri.authority() else {
        return Ok(());
    };
    let mut hosts = fields.get_all(HOST).iter();
    if hosts.any(|host| {
        !host
            .as_bytes()
            .eq_ignore_ascii_case(authority.as_str().as_bytes())
    }) {
        return Err(WireFault::Target);
    }
    let host = HeaderValue::from_str(authority.as_str()).map_err(|_no_value| WireFault::Target)?;
    fields.insert(HOST, host);
    Ok(())
}

/// The Content-Length, if there is one.
fn length(fields: &HeaderMap) -> Result<Option<u64>, WireFault> {
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let first = lengths.next().map(|length| number(length.as_bytes()));
    match lengths.next() {
        None => first.transpose(),
        Some(_) => Err(WireFault::ContentLength),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str, fields: &[(&'static str, &str)]) -> RequestHeader {
        let mut request = http::Request::builder().version(Version::HTTP_2).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0.into()
    }

    #[test]
    fn the_authority_is_the_host_and_the_fields_are_those_of_the_request() {
        let request = request(
            "https://bucket.s3.example.com/k?acl",
            &[
                ("authorization", "AWS a:b"),
                ("x-amz-meta-a", "1"),
                ("x-amz-meta-a", "2"),
                ("content-length", "5"),
            ],
        );
        let head = head(&request, true).unwrap();
        assert_eq!(head.value("host"), Some(&b"bucket.s3.example.com"[..]));
        assert_eq!(head.value("authorization"), Some(&b"AWS a:b"[..]));
        let metadata = head.fields().filter(|(name, _)| *name == "x-amz-meta-a");
        assert!(metadata.map(|(_, value)| value).eq([&b"1"[..], b"2"]));
        assert_eq!(head.body_length(), Some(5));
    }

    #[test]
    fn what_the_guard_should_have_read_is_refused() {
        for version in [Version::HTTP_10, Version::HTTP_11] {
            let mut request = request("https://h/", &[]);
            request.set_version(version);
            let refused = head(&request, false);
            assert_eq!(refused.err(), Some(WireFault::RequestLine), "{version:?}");
        }
    }

    #[test]
    fn a_body_that_announces_no_length_has_none_and_no_body_has_length_0() {
        let request = request("https://h/", &[]);
        assert_eq!(head(&request, true).unwrap().body_length(), None);
        assert_eq!(head(&request, false).unwrap().body_length(), Some(0));
    }

    #[test]
    fn what_http_1_refuses_is_refused() {
        let long = "x".repeat(WireFault::MAX_HEADER_BYTES);
        for (fields, fault) in [
            (&[("host", "another")][..], WireFault::Target),
            (&[("connection", "close")], WireFault::Field),
            (&[("transfer-encoding", "chunked")], WireFault::Field),
            (&[("te", "gzip")], WireFault::Field),
            (&[("content-length", "5, 5")], WireFault::ContentLength),
            (
                &[("content-length", "5"), ("content-length", "5")],
                WireFault::ContentLength,
            ),
            (&[("a", &long)], WireFault::HeaderTooLarge),
            (
                &[("a", ""); WireFault::MAX_FIELDS + 1],
                WireFault::TooManyFields,
            ),
        ] {
            let refused = head(&request("https://h/", fields), true);
            assert_eq!(refused.err(), Some(fault), "{fault}");
        }
        for fields in [
            &[("host", "H")][..],
            &[("te", "trailers")],
            &[("a", ""); WireFault::MAX_FIELDS],
        ] {
            assert!(head(&request("https://h/", fields), true).is_ok());
        }
    }
}
