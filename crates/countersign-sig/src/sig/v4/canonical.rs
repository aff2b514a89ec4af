//! The canonical request and the StringToSign of version 4.
//!
//! ```text
//! CanonicalRequest = VERB \n CanonicalUri \n CanonicalQueryString \n CanonicalHeaders \n SignedHeaders \n PayloadHash
//! StringToSign     = algorithm \n timestamp \n scope \n hex(sha256(CanonicalRequest))
//! ```
//! Source: Amazon S3 API Reference, "Calculating a signature", tasks 1 and 2. Each text is written whole before it is
//! hashed: each update of a hash has a cost of its own.

use std::fmt;

use sha2::{Digest, Sha256};

use super::SignedHeaders;
use super::spelling::{Path, Payload, Port, Query, Spelling, Values};
use crate::dialect::{HostRule, Syntax, vendor_header};
use crate::sig::encode::hex;
use crate::sig::headers::CONTENT_MD5;
use crate::sig::percent::{compare_encoded, is_encoded, write_encoded};
use crate::sig::query::Parameter;
use crate::sig::query_headers::Plus;
use crate::sig::request::RequestView;
use crate::sig::signing_key::{HMAC_SHA256_LENGTH, SigningKey};
use crate::sig::target::with_blanks;

/// The payload hash of a request that declares nothing of its body.
pub const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// A capacity, in bytes, that suffices for most canonical requests.
pub(super) const USUAL_LENGTH: usize = 512;

/// The canonical request. `Display` gives it as AWS specifies it.
#[derive(Debug)]
pub struct CanonicalRequest<'v> {
    pub(super) view: &'v RequestView<'v>,
    pub(super) signed_headers: SignedHeaders<'v>,
    /// The query parameter with the signature itself, in a presigned request.
    pub(super) left_out: Option<&'static str>,
    pub(super) host_rule: HostRule,
    /// The payload mode that the request declares.
    pub(super) payload: &'v [u8],
    pub(super) payload_signed: PayloadSigned,
}

/// Whether the signer knew the header that declares the payload mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadSigned {
    /// Yes: its value is the last line.
    Yes,
    /// Perhaps not: the sender of a presigned request may have added it, so that the last line is `UNSIGNED-PAYLOAD`.
    Perhaps,
}

impl CanonicalRequest<'_> {
    /// Appends the canonical request to `text`. Gives the first header of the vendor, metadata excepted, whose value has other
    /// spaces there than it was sent with.
    pub fn write(&self, spelling: Spelling, text: &mut Vec<u8>) -> Option<&str> {
        text.extend_from_slice(self.view.method.as_bytes());
        text.push(b'\n');
        match spelling.path {
            Path::AsSent => text.extend_from_slice(self.view.path.as_bytes()),
            Path::Rfc3986 => write_encoded(self.view.path, b"/", text),
        }
        text.push(b'\n');
        self.write_query(spelling.query, text);
        text.push(b'\n');
        let collapsed = self.write_headers(spelling, text);
        text.push(b'\n');
        text.extend_from_slice(self.signed_headers.text().as_bytes());
        text.push(b'\n');
        text.extend_from_slice(match spelling.payload {
            Payload::Declared => self.payload,
            Payload::Unsigned => UNSIGNED_PAYLOAD.as_bytes(),
        });
        collapsed
    }

    /// The key's signature over the StringToSign that `over` makes of the hash of this text, and what [`Self::write`] gives.
    /// Both texts are written into `buffer`, which is cleared first.
    pub(super) fn mac<'c>(
        &self,
        spelling: Spelling,
        key: &SigningKey,
        over: impl FnOnce([u8; 32]) -> StringToSign<'c>,
        buffer: &mut Vec<u8>,
    ) -> ([u8; HMAC_SHA256_LENGTH], Option<&str>) {
        buffer.clear();
        let collapsed = self.write(spelling, buffer);
        let text = over(Sha256::digest(&*buffer).into());
        buffer.clear();
        text.write(buffer);
        (key.mac(buffer), collapsed)
    }

    fn signed_parameters(&self) -> impl Iterator<Item = &Parameter<'_>> {
        let signed =
            |parameter: &&Parameter<'_>| self.left_out.is_none_or(|name| parameter.name != name);
        self.view.parameters.iter().filter(signed)
    }

    /// Every parameter but the signature, sorted by name as it is written; each name appears once.
    fn write_query(&self, query: Query, text: &mut Vec<u8>) {
        if query == Query::Blanks {
            return self.write_with_blanks(text);
        }
        let mut parameters: Vec<&Parameter<'_>> = self.signed_parameters().collect();
        match query {
            Query::Rfc3986 => {
                parameters.sort_unstable_by(|a, b| compare_encoded(a.raw_name, b.raw_name));
            }
            Query::AsSent | Query::Blanks => {
                parameters.sort_unstable_by_key(|parameter| parameter.raw_name)
            }
        }
        for (at, parameter) in parameters.into_iter().enumerate() {
            if at > 0 {
                text.push(b'&');
            }
            let value = parameter.raw_value.unwrap_or("");
            match query {
                Query::Rfc3986 => {
                    write_encoded(parameter.raw_name, b"", text);
                    text.push(b'=');
                    write_encoded(value, b"", text);
                }
                Query::AsSent | Query::Blanks => {
                    text.extend_from_slice(parameter.raw_name.as_bytes());
                    text.push(b'=');
                    text.extend_from_slice(value.as_bytes());
                }
            }
        }
    }

    /// The same with a space for each `+`.
    fn write_with_blanks(&self, text: &mut Vec<u8>) {
        let written = |parameter: &Parameter<'_>| {
            let value = with_blanks(parameter.raw_value.unwrap_or(""));
            (
                with_blanks(parameter.raw_name).into_owned(),
                value.into_owned(),
            )
        };
        let mut parameters: Vec<_> = self.signed_parameters().map(written).collect();
        parameters.sort_unstable();
        for (at, (name, value)) in parameters.iter().enumerate() {
            if at > 0 {
                text.push(b'&');
            }
            text.extend_from_slice(name.as_bytes());
            text.push(b'=');
            text.extend_from_slice(value.as_bytes());
        }
    }

    /// One line for each name; none for a name that the request does not have, so that the signature does not match.
    fn write_headers(&self, spelling: Spelling, text: &mut Vec<u8>) -> Option<&str> {
        let (mut before, mut collapsed) = ("", None);
        self.each_signed(spelling.plus(), |name, value| {
            if name != before || spelling.values == Values::AsSent {
                if !before.is_empty() {
                    text.push(b'\n');
                }
                text.extend_from_slice(name.as_bytes());
                text.push(b':');
            } else {
                text.push(b',');
            }
            before = name;
            match spelling.values {
                Values::Collapsed if is_collapsed(value) => text.extend_from_slice(value),
                Values::Collapsed => {
                    write_collapsed(value, text);
                    let steers = vendor_header(name).is_some_and(|rest| !rest.starts_with("meta-"));
                    collapsed = collapsed.or(steers.then_some(name));
                }
                Values::AsSent => text.extend_from_slice(value),
            }
            if name == "host" {
                text.extend_from_slice(match spelling.port {
                    Port::AsSent => b"",
                    Port::Https => b":443",
                    Port::Http => b":80",
                });
            }
        });
        if !before.is_empty() {
            text.push(b'\n');
        }
        collapsed
    }

    /// Calls `each` with the name and the value of every signed header: in the order of the names, the values of one name in
    /// theirs. A header that the request does not have may be in its query string.
    fn each_signed<'s>(&'s self, plus: Plus, mut each: impl FnMut(&'s str, &[u8])) {
        let fields = &self.view.fields;
        // Sorted as the names are, so the search for a name starts where the one before was found.
        let mut vendors = fields.vendor.as_slice();
        for name in self.signed_headers.names() {
            let known = match name {
                "host" => fields.host,
                "content-type" => fields.content_type,
                "date" => fields.date,
                CONTENT_MD5 => fields.content_md5,
                _ => {
                    if let Some(at) = vendors.iter().position(|field| field.0 == name) {
                        each(name, vendors[at].1);
                        vendors = &vendors[at + 1..];
                        while let Some(((next, value), behind)) = vendors.split_first()
                            && *next == name
                        {
                            each(name, value);
                            vendors = behind;
                        }
                        continue;
                    }
                    let mut values = self.view.values(name);
                    let first = values.next();
                    if let Some(first) = first {
                        each(name, first);
                        values.for_each(|value| each(name, value));
                        continue;
                    }
                    None
                }
            };
            if let Some(value) = known {
                each(name, value);
            } else if let Some(header) = self.view.signed_in_query(name) {
                each(name, &header.value(plus));
            }
        }
    }

    /// An estimate of the length of the text, in bytes; at least 1.
    pub(super) fn length(&self) -> usize {
        let mut text = Vec::with_capacity(USUAL_LENGTH);
        self.write(Spelling::USUAL, &mut text);
        text.len()
    }

    /// Every variant that differs from the usual one and from the others. They are tried if the usual one does not match.
    pub fn other_spellings(&self) -> Vec<Spelling> {
        let paths = match is_encoded(self.view.path, b"/") {
            false => &[Path::AsSent, Path::Rfc3986][..],
            true => &[Path::AsSent][..],
        };
        // A `+` is a space to some nodes and a plus sign to others, so it may not be signed as `%2B`.
        let queries = match self.has_plus() {
            true => &[Query::AsSent, Query::Blanks][..],
            false if self.query_differs() => &[Query::AsSent, Query::Rfc3986][..],
            false => &[Query::AsSent][..],
        };
        let values = match self.values_differ() {
            true => &[Values::Collapsed, Values::AsSent][..],
            false => &[Values::Collapsed][..],
        };
        let ports = match self.host_rule == HostRule::DefaultPort && !self.host_has_port() {
            true => &[Port::AsSent, Port::Https, Port::Http][..],
            false => &[Port::AsSent][..],
        };
        let payloads = match self.payload_signed {
            PayloadSigned::Perhaps => &[Payload::Declared, Payload::Unsigned][..],
            PayloadSigned::Yes => &[Payload::Declared][..],
        };
        let mut spellings = Vec::new();
        for &payload in payloads {
            for &own_values in values {
                // Clients that add the port also write values unchanged, so only these are combined.
                let ports = match own_values == Values::Collapsed && values.len() > 1 {
                    true => &ports[..1],
                    false => ports,
                };
                for &port in ports {
                    for &path in paths {
                        spellings.extend(queries.iter().map(|&query| Spelling {
                            path,
                            query,
                            values: own_values,
                            port,
                            payload,
                        }));
                    }
                }
            }
        }
        spellings.retain(|spelling| *spelling != Spelling::USUAL);
        spellings
    }

    fn has_plus(&self) -> bool {
        let query = self.view.query.unwrap_or("");
        memchr::memchr(b'+', query.as_bytes()).is_some()
    }

    fn query_differs(&self) -> bool {
        let encoded = |parameter: &Parameter<'_>| {
            is_encoded(parameter.raw_name, b"")
                && is_encoded(parameter.raw_value.unwrap_or(""), b"")
        };
        !self.signed_parameters().all(encoded)
    }

    fn values_differ(&self) -> bool {
        let (mut before, mut differ) = ("", false);
        self.each_signed(Plus::Plus, |name, value| {
            differ |= name == before || !is_collapsed(value);
            before = name;
        });
        differ
    }

    fn host_has_port(&self) -> bool {
        let host = self.view.fields.host;
        // After the bracket of an IPv6 address, if there is one.
        host.is_none_or(|host| {
            let bracket = memchr::memrchr(b']', host).unwrap_or(0);
            memchr::memchr(b':', &host[bracket..]).is_some()
        })
    }

    /// The canonical request as AWS specifies it, as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let spelling = match self.has_plus() {
            true => Spelling {
                query: Query::AsSent,
                ..Spelling::DOCUMENTED
            },
            false => Spelling::DOCUMENTED,
        };
        let mut text = Vec::with_capacity(USUAL_LENGTH);
        self.write(spelling, &mut text);
        text
    }
}

impl fmt::Display for CanonicalRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether a value is what [`write_collapsed`] makes of it.
fn is_collapsed(value: &[u8]) -> bool {
    // Most values have no space and no tab, and these are the least bytes of a header value; for a short text the minimum
    // is found faster than either byte.
    let least = value.iter().fold(u8::MAX, |least, &byte| least.min(byte));
    least > b' '
        || (memchr::memchr(b'\t', value).is_none()
            && value.trim_ascii().len() == value.len()
            && !value.windows(2).any(|pair| pair == b"  "))
}

fn write_collapsed(value: &[u8], text: &mut Vec<u8>) {
    let parts = value
        .split(|&byte| is_blank(byte))
        .filter(|part| !part.is_empty());
    for (at, part) in parts.enumerate() {
        if at > 0 {
            text.push(b' ');
        }
        text.extend_from_slice(part);
    }
}

/// The StringToSign. `Display` gives it as AWS specifies it.
#[derive(Debug)]
pub struct StringToSign<'c> {
    pub(super) algorithm: &'static str,
    pub(super) timestamp: &'c str,
    pub(super) scope: &'c str,
    pub(super) request: [u8; 32],
}

impl<'c> StringToSign<'c> {
    /// Appends the StringToSign to `text`.
    pub fn write(&self, text: &mut Vec<u8>) {
        for line in [self.algorithm, self.timestamp, self.scope] {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        text.extend_from_slice(&hex(&self.request));
    }
}

impl fmt::Display for StringToSign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// Signs a request by the vendor's rules, for senders. `payload` is the last line of the canonical request.
pub(in crate::sig) fn sign(
    view: &RequestView<'_>,
    signed_headers: &SignedHeaders<'_>,
    payload: &str,
    syntax: &'static Syntax,
    key: &SigningKey,
    timestamp: &str,
    scope: &str,
) -> [u8; HMAC_SHA256_LENGTH] {
    let canonical = CanonicalRequest {
        view,
        signed_headers: signed_headers.clone(),
        left_out: None,
        host_rule: syntax.v4.host_rule,
        payload: payload.as_bytes(),
        payload_signed: PayloadSigned::Yes,
    };
    let over = |request| StringToSign {
        algorithm: syntax.v4.algorithm,
        timestamp,
        scope,
        request,
    };
    let mut buffer = Vec::with_capacity(USUAL_LENGTH);
    canonical
        .mac(Spelling::of(syntax), key, over, &mut buffer)
        .0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many texts are tried for a request whose signature is wrong, at least and at most.
    #[test]
    fn k6_the_spellings_of_a_request_are_few_and_each_is_another_text() {
        let tried = |path: &str, query: &str, value: &str, rule, payload_signed| {
            let headers = [
                ("host", &b"s3.example.com"[..]),
                ("x-wos-meta-a", value.as_bytes()),
            ];
            let view = RequestView::of("GET", path, Some(query), headers).unwrap();
            let request = CanonicalRequest {
                view: &view,
                signed_headers: SignedHeaders::to_sign(&view, &[]),
                left_out: None,
                host_rule: rule,
                payload: b"mode",
                payload_signed,
            };
            let text = |spelling| {
                let mut text = Vec::new();
                request.write(spelling, &mut text);
                text
            };
            let others = request.other_spellings();
            let all = std::iter::once(Spelling::USUAL).chain(others).map(text);
            let all: Vec<Vec<u8>> = all.collect();
            let different: std::collections::BTreeSet<&Vec<u8>> = all.iter().collect();
            assert_eq!(different.len(), all.len());
            all.len()
        };
        let (aws, wos) = (HostRule::AsSent, HostRule::DefaultPort);
        let (yes, perhaps) = (PayloadSigned::Yes, PayloadSigned::Perhaps);
        assert_eq!(tried("/b/k", "a=%2F", "a b", aws, yes), 1);
        assert_eq!(tried("/b/k*", "a=%2F", "a b", aws, yes), 2);
        assert_eq!(tried("/b/k*", "a=/", "a  b", aws, yes), 8);
        assert_eq!(tried("/b/k*", "a=/+", "a  b", aws, yes), 8);
        assert_eq!(tried("/b/k", "a=%2F", "a b", wos, yes), 3);
        assert_eq!(tried("/b/k*", "a=/", "a  b", wos, perhaps), 32);
    }
}
