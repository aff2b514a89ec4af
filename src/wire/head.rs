//! The header fields of a request, as the guard has read them.

use std::fmt;
use std::ops::Range;

use http::header::{EXPECT, HeaderMap};

use crate::sig::{Field, fields_of};

/// The header fields of a request. Only the guard parses them. Pingora sees only the framing fields, verification sees all of
/// them, and requests to nodes are composed from them.
#[derive(Default)]
pub struct RequestHead {
    /// The header section as received.
    text: Vec<u8>,
    /// The names in lower case, concatenated.
    names: String,
    spans: Vec<Span>,
    body_length: Option<u64>,
    target_is_raw: bool,
}

/// The position of a field.
pub struct Span {
    /// The name, in `names`.
    pub name: Range<usize>,
    /// The whole line with its end, in `text`.
    pub line: Range<usize>,
    /// The value without the whitespace around it, in `text`.
    pub value: Range<usize>,
    /// Whether Pingora has to see the field.
    pub is_framing: bool,
}

impl RequestHead {
    /// The fields of a complete header section. `body_length` is the length of the body, none where it is chunked.
    /// `target_is_raw` is true if the target has characters that a URI cannot contain.
    pub fn new(
        text: Vec<u8>,
        names: String,
        spans: Vec<Span>,
        body_length: Option<u64>,
        target_is_raw: bool,
    ) -> Self {
        Self {
            text,
            names,
            spans,
            body_length,
            target_is_raw,
        }
    }

    /// The fields of a request that was not read as HTTP/1.1 text.
    pub fn of(headers: &HeaderMap) -> Self {
        let mut head = Self::default();
        for (name, value) in fields_of(headers) {
            let names = head.names.len();
            let start = head.text.len();
            head.names.push_str(name);
            head.text.extend_from_slice(name.as_bytes());
            head.text.extend_from_slice(value);
            let end = head.text.len();
            head.spans.push(Span {
                name: names..head.names.len(),
                line: start..end,
                value: start + name.len()..end,
                is_framing: false,
            });
        }
        head
    }

    /// The same head with this body length; none for an unknown length.
    #[must_use]
    pub fn with_body_length(self, body_length: Option<u64>) -> Self {
        Self {
            body_length,
            ..self
        }
    }

    /// The length of the header section in bytes, with its empty line.
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// The length of the body: 0 without framing fields (RFC 9112, section 6.3), none with `Transfer-Encoding: chunked`.
    pub fn body_length(&self) -> Option<u64> {
        self.body_length
    }

    /// Whether the target has UTF-8 characters to percent-encode.
    pub fn target_is_raw(&self) -> bool {
        self.target_is_raw
    }

    /// The number of fields.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// All fields, in the order of the header section.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.spans.iter().map(|span| self.field(span))
    }

    /// All fields, each with its name as sent.
    pub fn as_sent(&self) -> impl Iterator<Item = (&[u8], Field<'_>)> {
        self.spans.iter().map(|span| {
            let field = self.field(span);
            (&self.text[span.line.start..][..field.0.len()], field)
        })
    }

    /// Whether the client expects `100 Continue`.
    pub fn expects(&self) -> bool {
        let expects = |span: &Span| span.is_framing && self.field(span).0 == EXPECT;
        self.spans.iter().any(expects)
    }

    fn field(&self, span: &Span) -> Field<'_> {
        (
            &self.names[span.name.clone()],
            &self.text[span.value.clone()],
        )
    }

    /// The first value of the field with this name, which is compared without regard to case.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields();
        let first = fields.find(|field| field.0.eq_ignore_ascii_case(name));
        first.map(|field| field.1)
    }

    /// Removes the fields with this name, which is in lower case.
    pub fn remove(&mut self, name: &str) {
        let names = &self.names;
        self.spans.retain(|span| &names[span.name.clone()] != name);
    }

    /// Removes from `bytes`, which start with this header section, the fields that Pingora does not have to see. The bytes after
    /// the header section stay. Returns the new length.
    pub fn strip_to_framing(&self, bytes: &mut [u8]) -> usize {
        // The empty line and the bytes after it follow the last field.
        let end = self.length().saturating_sub(b"\r\n".len());
        let mut kept = self.spans.first().map_or(end, |span| span.line.start);
        let lines = self.spans.iter().filter(|span| span.is_framing);
        for line in lines.map(|span| span.line.clone()) {
            let length = line.len();
            bytes.copy_within(line, kept);
            kept += length;
        }
        let rest = bytes.len() - end;
        bytes.copy_within(end.., kept);
        kept + rest
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It contains credentials.
        f.debug_struct("RequestHead").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn pingora_sees_the_framing_fields_and_the_body() {
        let header = "PUT /b/k HTTP/1.1\r\nHost: h\r\nconnection:close\r\nX-Amz-Meta-A: b\r\n\
                      Content-LENGTH: 5 \r\nA:\r\nExpect: 100-continue\r\nB: c\r\n\r\n";
        let left = "PUT /b/k HTTP/1.1\r\nconnection:close\r\nContent-LENGTH: 5 \r\n\
                    Expect: 100-continue\r\n\r\n";
        for body in ["", "hello", "hello\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            let mut bytes = [header, body].concat().into_bytes();
            let head = parse::read(&bytes).unwrap().unwrap();
            assert_eq!(head.length(), header.len());
            let kept = head.strip_to_framing(&mut bytes);
            bytes.truncate(kept);
            assert_eq!(String::from_utf8(bytes).unwrap(), [left, body].concat());
        }
        for (header, left) in [
            ("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"),
            (
                "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
        ] {
            let mut bytes = header.as_bytes().to_vec();
            let head = parse::read(&bytes).unwrap().unwrap();
            let kept = head.strip_to_framing(&mut bytes);
            assert_eq!(&bytes[..kept], left.as_bytes(), "{header:?}");
        }
    }

    #[test]
    fn fields_are_trimmed_and_in_order_and_their_names_in_lower_case() {
        let header = b"GET / HTTP/1.1\r\nHost:h:80\r\nX-Amz-META-a: \t b \tc\t \r\nB:\r\n\
                       x-amz-meta-A: \xe9:\r\n\r\n";
        let mut head = parse::read(header).unwrap().unwrap();
        let expected: [(&str, &[u8]); 4] = [
            ("host", b"h:80"),
            ("x-amz-meta-a", b"b \tc"),
            ("b", b""),
            ("x-amz-meta-a", b"\xe9:"),
        ];
        assert!(head.fields().eq(expected));
        let spelled = head.as_sent().map(|(as_sent, _)| as_sent);
        assert!(spelled.eq([&b"Host"[..], b"X-Amz-META-a", b"B", b"x-amz-meta-A"]));
        assert_eq!(head.value("X-AMZ-meta-A"), Some(&b"b \tc"[..]));
        head.remove("x-amz-meta-a");
        assert!(head.fields().eq([expected[0], expected[2]]));
        assert_eq!(head.value("x-amz-meta-a"), None);
        assert_eq!(format!("{head:?}"), "RequestHead { .. }");
    }
}
