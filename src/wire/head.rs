//! The fields of a request header as the guard has read them.

use std::fmt;
use std::ops::Range;

use http::header::{EXPECT, HeaderMap};

use crate::sig::{Field, fields_of};

/// The fields of a request header. The guard reads them, once for all: Pingora sees those alone that steer HTTP itself, the
/// check sees every one, and a node gets what is composed of them.
#[derive(Default)]
pub struct RequestHead {
    /// The header as it came.
    text: Vec<u8>,
    /// The names in lower case, one behind the other.
    names: String,
    spans: Vec<Span>,
    body_length: Option<u64>,
    target_is_raw: bool,
}

/// Where a field stands.
pub struct Span {
    /// The name, in the names.
    pub name: Range<usize>,
    /// The whole line with its end, in the text.
    pub line: Range<usize>,
    /// The value without the blanks around it, in the text.
    pub value: Range<usize>,
    /// Whether Pingora has to see it.
    pub is_framing: bool,
}

impl RequestHead {
    /// The fields of a whole header, the length of the body that it announces, and whether its target has characters that
    /// stand in no URI.
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

    /// The fields of a request that the gateway has made itself.
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

    /// The same for a request with a body of this length; none where nothing announces its end.
    #[must_use]
    pub fn with_body_length(self, body_length: Option<u64>) -> Self {
        Self {
            body_length,
            ..self
        }
    }

    /// The length of the header that was read, its empty line included.
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// The length of the body: 0 where nothing announces one (RFC 9112, section 6.3), none where it comes in chunks of
    /// HTTP's.
    pub fn body_length(&self) -> Option<u64> {
        self.body_length
    }

    /// Whether the target has characters in UTF-8 that are to be percent-encoded.
    pub fn target_is_raw(&self) -> bool {
        self.target_is_raw
    }

    /// How many fields there are.
    pub fn count(&self) -> usize {
        self.spans.len()
    }

    /// Every field, in the order in which they came.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> + Clone {
        self.spans.iter().map(|span| self.field(span))
    }

    /// Every field, its name as it was sent.
    pub fn as_sent(&self) -> impl Iterator<Item = (&[u8], Field<'_>)> {
        self.spans.iter().map(|span| {
            let field = self.field(span);
            (&self.text[span.line.start..][..field.0.len()], field)
        })
    }

    /// Whether the client waits for `100 Continue`.
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

    /// The first value of the field with this name, in any case of letters.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields();
        let own = fields.find(|field| field.0.eq_ignore_ascii_case(name));
        own.map(|field| field.1)
    }

    /// Forgets the fields with this name, which is in lower case.
    pub fn remove(&mut self, name: &str) {
        let names = &self.names;
        self.spans.retain(|span| &names[span.name.clone()] != name);
    }

    /// Leaves of `bytes`, which start with this header, what Pingora has to see of it, and what stands behind it. Gives how
    /// many bytes that are.
    pub fn strip_to_framing(&self, bytes: &mut [u8]) -> usize {
        // The empty line and what is behind it stay with the last field.
        let end = self.length().saturating_sub(b"\r\n".len());
        let mut kept = self.spans.first().map_or(end, |span| span.line.start);
        let lines = self.spans.iter().filter(|span| span.is_framing);
        for line in lines.map(|span| span.line.clone()) {
            let length = line.len();
            bytes.copy_within(line, kept);
            kept += length;
        }
        let behind = bytes.len() - end;
        bytes.copy_within(end.., kept);
        kept + behind
    }
}

impl fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Credentials stand in it.
        f.debug_struct("RequestHead").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn pingora_sees_what_steers_and_what_is_behind() {
        let header = "PUT /b/k HTTP/1.1\r\nHost: h\r\nconnection:close\r\nX-Amz-Meta-A: b\r\n\
                      Content-LENGTH: 5 \r\nA:\r\nExpect: 100-continue\r\nB: c\r\n\r\n";
        let left = "PUT /b/k HTTP/1.1\r\nconnection:close\r\nContent-LENGTH: 5 \r\n\
                    Expect: 100-continue\r\n\r\n";
        for behind in ["", "hello", "hello\r\n\r\n", "GET / HTTP/1.1\r\n"] {
            let mut bytes = [header, behind].concat().into_bytes();
            let head = parse::read(&bytes).unwrap().unwrap();
            assert_eq!(head.length(), header.len());
            let kept = head.strip_to_framing(&mut bytes);
            bytes.truncate(kept);
            assert_eq!(String::from_utf8(bytes).unwrap(), [left, behind].concat());
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
