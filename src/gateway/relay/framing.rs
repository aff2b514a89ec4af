//! The framing of a response body for the client (RFC 9112, section 6.3).

use http::header::{CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING};
use http::response::Parts;
use http::{HeaderName, StatusCode, Version};

use crate::node::Framing;

/// The framing of a response, besides its fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Framed {
    /// The body ends with the client's connection.
    pub until_close: bool,
    /// The client does not get the body.
    pub no_body: bool,
}

/// Sets the framing fields of a response. `framing` and `length` are those of the node's response, `version` is that of the
/// client's request.
pub fn frame(
    answer: &mut Parts,
    framing: Framing,
    length: Option<u64>,
    version: Version,
) -> Framed {
    let mut framed = Framed::default();
    let status = answer.status;
    let (length, chunks) = match framing {
        // They have no Content-Length (RFC 9110, section 8.6).
        _ if status.is_informational() || status == StatusCode::NO_CONTENT => (None, false),
        // The length that the body would have.
        Framing::Nothing => (length, false),
        // It has no content (RFC 9110, section 15.3.6), and some clients would not read one.
        _ if status == StatusCode::RESET_CONTENT => {
            framed.no_body = true;
            (Some(0), false)
        }
        Framing::Length(length) => (Some(length), false),
        // HTTP/1.0 has no chunks (RFC 9112, section 6.1).
        Framing::Chunks | Framing::Close => {
            framed.until_close = version == Version::HTTP_10;
            (None, !framed.until_close)
        }
    };
    match length {
        Some(length) => {
            let mut digits = itoa::Buffer::new();
            say(answer, &CONTENT_LENGTH, digits.format(length));
        }
        None => drop(answer.headers.remove(&CONTENT_LENGTH)),
    }
    match chunks {
        true => say(answer, &TRANSFER_ENCODING, "chunked"),
        false => drop(answer.headers.remove(&TRANSFER_ENCODING)),
    }
    framed
}

/// Sets a field and removes others with the same name. Mostly there is nothing to change.
fn say(answer: &mut Parts, name: &HeaderName, value: &str) {
    let mut said = answer.headers.get_all(name).iter();
    let said_so = said.next().map(HeaderValue::as_bytes) == Some(value.as_bytes());
    if said_so && said.next().is_none() {
        return;
    }
    // Digits and `chunked` are valid header values.
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers.insert(name.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_has_one_end_for_its_client() {
        use Framing::{Chunks, Close, Length, Nothing};
        let (old, new) = (Version::HTTP_10, Version::HTTP_11);
        for (status, framing, length, version, fields, until_close, no_body) in [
            (
                200,
                Length(5),
                Some(5),
                new,
                "content-length: 5",
                false,
                false,
            ),
            (
                200,
                Length(5),
                Some(5),
                old,
                "content-length: 5",
                false,
                false,
            ),
            (
                200,
                Chunks,
                None,
                new,
                "transfer-encoding: chunked",
                false,
                false,
            ),
            (200, Chunks, None, old, "", true, false),
            (
                200,
                Close,
                None,
                new,
                "transfer-encoding: chunked",
                false,
                false,
            ),
            (200, Close, None, old, "", true, false),
            (
                200,
                Nothing,
                Some(5),
                new,
                "content-length: 5",
                false,
                false,
            ),
            (200, Nothing, None, new, "", false, false),
            (
                304,
                Nothing,
                Some(5),
                new,
                "content-length: 5",
                false,
                false,
            ),
            (204, Nothing, Some(5), new, "", false, false),
            (103, Nothing, Some(5), new, "", false, false),
            (
                205,
                Length(5),
                Some(5),
                new,
                "content-length: 0",
                false,
                true,
            ),
            (205, Chunks, None, new, "content-length: 0", false, true),
            (205, Close, None, old, "content-length: 0", false, true),
        ] {
            for sent in [
                &[][..],
                &[("content-length", "5")],
                &[("content-length", "05"), ("content-length", "5, 5")],
                &[("transfer-encoding", "chunked")],
                &[("transfer-encoding", "Chunked")],
            ] {
                let (mut answer, ()) = http::Response::new(()).into_parts();
                answer.status = StatusCode::from_u16(status).unwrap();
                for (name, value) in sent {
                    answer
                        .headers
                        .append(*name, HeaderValue::from_static(value));
                }
                let framed = frame(&mut answer, framing, length, version);
                let expected = Framed {
                    until_close,
                    no_body,
                };
                assert_eq!(framed, expected, "{status} {framing:?}");
                let mut left: Vec<_> = answer.headers.iter().collect();
                left.dedup();
                let left: Vec<_> = left
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                    .collect();
                assert_eq!(
                    left.join("\n").to_lowercase(),
                    fields,
                    "{status} {framing:?}"
                );
            }
        }
    }
}
