//! The target of a request (RFC 9112, section 3.2).

use percent_encoding::{CONTROLS, percent_encode};
use pingora::http::RequestHeader;
use pingora::protocols::http::authority::{RawTargetAuthority, raw_target_authority};

/// A request target (RFC 9112, section 3.2), split into its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'r> {
    /// The authority of the absolute form.
    pub authority: Option<&'r str>,
    /// The raw path.
    pub path: &'r str,
    /// The raw query string, without `?`.
    pub query: Option<&'r str>,
}

impl<'r> Target<'r> {
    /// The target of a request, byte for byte as received.
    pub fn of(request: &'r RequestHeader) -> Self {
        let raw = request.raw_path();
        // Nearly always the origin form, which the URI has parsed already.
        if let Some(parsed) = request.uri.path_and_query()
            && raw.starts_with(b"/")
            && std::ptr::eq(parsed.as_str().as_bytes(), raw)
        {
            return Self {
                authority: None,
                path: parsed.path(),
                query: parsed.query(),
            };
        }
        let text = |bytes| std::str::from_utf8(bytes).unwrap_or("");
        let (authority, origin) = match raw_target_authority(raw) {
            RawTargetAuthority::Absolute {
                authority,
                path_and_query,
                ..
            } => match path_and_query {
                b"" => (Some(text(authority)), "/"),
                // An empty path is `/` (RFC 9112, section 3.2.1).
                [b'?', query @ ..] => {
                    return Self {
                        authority: Some(text(authority)),
                        path: "/",
                        query: Some(text(query)),
                    };
                }
                origin => (Some(text(authority)), text(origin)),
            },
            _ => (None, text(raw)),
        };
        match memchr::memchr(b'?', origin.as_bytes()) {
            Some(at) => Self {
                authority,
                path: &origin[..at],
                query: Some(&origin[at + 1..]),
            },
            None => Self {
                authority,
                path: origin,
                query: None,
            },
        }
    }
}

/// Percent-encodes the characters of a target that a URI cannot contain. This is done first, so that all later code sees ASCII.
///
/// # Errors
/// Pingora's error for an invalid target, which the guard does not let through.
pub fn encode_target(request: &mut RequestHeader) -> pingora::Result<()> {
    let encoded = percent_encode(request.raw_path(), CONTROLS).to_string();
    request.set_raw_path(encoded.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_target_is_divided_and_encoded() {
        for (raw, encoded, expected) in [
            ("/b/k?acl", "/b/k?acl", (None, "/b/k", Some("acl"))),
            ("/b/k?", "/b/k?", (None, "/b/k", Some(""))),
            ("/b/é", "/b/%C3%A9", (None, "/b/%C3%A9", None)),
            (
                "/b/k?é=漢%e6",
                "/b/k?%C3%A9=%E6%BC%A2%e6",
                (None, "/b/k", Some("%C3%A9=%E6%BC%A2%e6")),
            ),
            ("http://h", "http://h", (Some("h"), "/", None)),
            (
                "http://b.h?location",
                "http://b.h?location",
                (Some("b.h"), "/", Some("location")),
            ),
            ("http://h?", "http://h?", (Some("h"), "/", Some(""))),
            (
                "http://h/é?é",
                "http://h/%C3%A9?%C3%A9",
                (Some("h"), "/%C3%A9", Some("%C3%A9")),
            ),
            ("b/k", "b/k", (None, "b/k", None)),
        ] {
            let mut request = RequestHeader::build("GET", raw.as_bytes(), None).unwrap();
            encode_target(&mut request).unwrap();
            assert_eq!(request.raw_path(), encoded.as_bytes());
            let target = Target::of(&request);
            let divided = (target.authority, target.path, target.query);
            assert_eq!(divided, expected, "{raw}");
        }
    }
}
