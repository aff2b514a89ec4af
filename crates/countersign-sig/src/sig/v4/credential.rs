//! The credential of version 4, `AccessKeyId/date/region/service/terminator`, and the list of the signed headers.

use std::borrow::Cow;

use crate::dialect::V4Names;
use crate::sig::failure::ScopeFault;
use crate::sig::headers::ContentHeaders;
use crate::sig::request::RequestView;
use crate::sig::signing_key::{CredentialScope, SigningKey};
use crate::sig::verifying_key::VerifyingKey;

/// The most names of signed headers: as many as a request has header fields.
pub const MAX_SIGNED_HEADERS: usize = 100;
/// A capacity that suffices for the signed headers of most requests.
const USUAL_SIGNED_HEADERS: usize = 16;
/// The longest region, in characters. The longest of AWS has 14.
pub const MAX_REGION_LENGTH: usize = 64;

/// The length of the day in a timestamp, `YYYYMMDD`.
const DAY_LENGTH: usize = 8;

/// The regions that are accepted in a credential scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Region {
    /// Every region.
    Any,
    /// This one.
    Named(String),
}

impl Region {
    /// The text in the configuration.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Any => "*",
            Self::Named(name) => name,
        }
    }
}

/// Whether a text is a valid region.
pub fn is_region(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=MAX_REGION_LENGTH).contains(&text.len()) && text.bytes().all(fits)
}

/// The credential of a request. Nothing in it is verified yet.
#[derive(Debug)]
pub struct Credential<'v> {
    text: Cow<'v, str>,
    /// The positions of the four slashes.
    slashes: [usize; 4],
}

impl<'v> Credential<'v> {
    /// Reads a credential of exactly five components.
    pub fn of(text: Cow<'v, str>) -> Option<Self> {
        let (mut slashes, mut found) = ([0; 4], 0);
        for (at, byte) in text.bytes().enumerate() {
            if byte == b'/' {
                *slashes.get_mut(found)? = at;
                found += 1;
            }
        }
        (found == slashes.len()).then_some(Self { text, slashes })
    }

    /// The AccessKeyId; it may be empty.
    pub fn access_key_id(&self) -> &str {
        &self.text[..self.slashes[0]]
    }

    /// The scope as one text.
    pub fn scope_text(&self) -> &str {
        &self.text[self.slashes[0] + 1..]
    }

    /// The components of the scope.
    pub fn scope(&self) -> CredentialScope<'_> {
        let [_, second, third, last] = self.slashes;
        CredentialScope {
            date: &self.text[self.slashes[0] + 1..second],
            region: &self.text[second + 1..third],
            service: &self.text[third + 1..last],
            terminator: &self.text[last + 1..],
        }
    }

    /// The signing key of this scope.
    pub(in crate::sig) fn signing_key(&self, seed: &'static str, key: &VerifyingKey) -> SigningKey {
        key.signing_key(seed, self.scope_text(), || self.scope())
    }

    /// Compares the scope with the day of the request, the accepted region and the names of the syntax, in the order of AWS.
    ///
    /// # Errors
    /// [`ScopeFault`].
    pub fn check_scope(
        &self,
        names: &V4Names,
        timestamp: &str,
        region: &Region,
    ) -> Result<(), ScopeFault> {
        let scope = self.scope();
        if timestamp.get(..DAY_LENGTH) != Some(scope.date) {
            return Err(ScopeFault::Date {
                provided: scope.date.to_owned(),
                request_time: timestamp.to_owned(),
            });
        }
        let region_holds = match region {
            Region::Any => is_region(scope.region),
            Region::Named(name) => name == scope.region,
        };
        if !region_holds {
            return Err(ScopeFault::Region {
                provided: scope.region.to_owned(),
                expected: region.as_str().to_owned(),
            });
        }
        if scope.service != names.service {
            return Err(ScopeFault::Service {
                provided: scope.service.to_owned(),
                expected: names.service,
            });
        }
        if scope.terminator != names.terminator {
            return Err(ScopeFault::Terminator {
                provided: scope.terminator.to_owned(),
                expected: names.terminator,
            });
        }
        Ok(())
    }
}

/// The bytes of a lower-case header name (RFC 9110, section 5.6.2).
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// The list of the signed headers: lower-case names, sorted, each once, separated by `;`.
#[derive(Debug, Clone)]
pub struct SignedHeaders<'v> {
    text: Cow<'v, str>,
    /// The end of each name: the list is read more than once.
    ends: Vec<usize>,
    content: ContentHeaders,
}

impl<'v> SignedHeaders<'v> {
    /// Reads the list. `authorization` cannot sign itself.
    pub fn of(text: Cow<'v, str>) -> Option<Self> {
        let mut content = ContentHeaders::NONE;
        let mut ends = Vec::with_capacity(USUAL_SIGNED_HEADERS);
        let (mut rest, mut before) = (&*text, "");
        while ends.len() < MAX_SIGNED_HEADERS {
            // A `;` is not a byte of a name, so one search finds the end and checks what precedes it.
            let end = rest.bytes().position(|byte| !TOKEN[usize::from(byte)]);
            let (name, behind) = rest.split_at(end.unwrap_or(rest.len()));
            // Each name is greater than the one before, the first than the empty one: no name twice, none empty.
            if before >= name || name == "authorization" {
                return None;
            }
            content = content.and(name);
            ends.push(text.len() - behind.len());
            if behind.is_empty() {
                return Some(Self {
                    text,
                    ends,
                    content,
                });
            }
            (rest, before) = (behind.strip_prefix(';')?, name);
        }
        None
    }

    /// The Host, every header of the vendor, and those of `content` that the request has: the headers that a gateway may sign
    /// again, because the client signed them or the gateway set them.
    pub fn to_sign(view: &RequestView<'_>, content: &[&str]) -> SignedHeaders<'static> {
        let vendors = view.fields.vendor.iter().map(|(name, _)| *name);
        let content = content.iter().copied().filter(|name| view.has(name));
        let mut names: Vec<&str> = std::iter::once("host")
            .chain(vendors)
            .chain(content)
            .collect();
        names.sort_unstable();
        names.dedup();
        let ends = names.iter().scan(0, |start, name| {
            let end = *start + name.len();
            *start = end + 1;
            Some(end)
        });
        let content = names.iter().copied();
        SignedHeaders {
            ends: ends.collect(),
            content: content.fold(ContentHeaders::NONE, ContentHeaders::and),
            text: names.join(";").into(),
        }
    }

    /// The list as it was sent.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let name = &self.text[start..end];
            start = end + 1;
            name
        })
    }

    /// Which of Content-MD5 and Content-Type are on the list.
    pub fn content_headers(&self) -> ContentHeaders {
        self.content
    }

    /// Whether a name is on the list.
    pub fn contains(&self, name: &str) -> bool {
        self.names().any(|signed| signed == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::AWS;

    #[test]
    fn a_credential_has_five_components() {
        let text = "AKID/20130524/us-east-1/s3/aws4_request";
        let credential = Credential::of(text.into()).unwrap();
        assert_eq!(credential.access_key_id(), "AKID");
        assert_eq!(
            credential.scope_text(),
            "20130524/us-east-1/s3/aws4_request"
        );
        assert_eq!(credential.scope().to_string(), credential.scope_text());
        for text in [
            "",
            "AKID",
            "AKID/20130524/us-east-1/s3",
            "A/B/20130524/us-east-1/s3/aws4_request",
        ] {
            assert!(Credential::of(text.into()).is_none(), "{text}");
        }
        let empty = Credential::of("////".into()).unwrap();
        assert_eq!((empty.access_key_id(), empty.scope_text()), ("", "///"));
    }

    #[test]
    fn each_component_of_the_scope_is_compared() {
        let here = Region::Named("us-east-1".into());
        let check = |scope: &str, region: &Region| {
            let credential = Credential::of(format!("AK/{scope}").into()).unwrap();
            credential.check_scope(&AWS.syntaxes[0].v4, "20130524T000000Z", region)
        };
        let right = "20130524/us-east-1/s3/aws4_request";
        assert_eq!(check(right, &here), Ok(()));
        assert_eq!(check("20130524/eu-1/s3/aws4_request", &Region::Any), Ok(()));
        for date in [
            "20130523",
            "20130525",
            "2013052",
            "",
            "20130524T",
            "２０１３0524",
        ] {
            let refused = check(&format!("{date}/eu/sts/x"), &here);
            assert!(matches!(refused, Err(ScopeFault::Date { .. })), "{date}");
        }
        for region in ["eu-1", "", "*", "US-EAST-1"] {
            let refused = check(&format!("20130524/{region}/sts/x"), &here);
            assert!(
                matches!(refused, Err(ScopeFault::Region { .. })),
                "{region}"
            );
        }
        for region in ["", "*", "a b", "é", &"a".repeat(MAX_REGION_LENGTH + 1)] {
            let refused = check(&format!("20130524/{region}/s3/aws4_request"), &Region::Any);
            assert!(
                matches!(refused, Err(ScopeFault::Region { .. })),
                "{region}"
            );
        }
        for service in ["sts", "s3tables", "s3express", "S3", "", "wos"] {
            let refused = check(&format!("20130524/us-east-1/{service}/x"), &here);
            assert!(
                matches!(refused, Err(ScopeFault::Service { .. })),
                "{service}"
            );
        }
        for terminator in ["aws5_request", "", "AWS4_REQUEST", "wos_request"] {
            let refused = check(&format!("20130524/us-east-1/s3/{terminator}"), &here);
            assert!(
                matches!(refused, Err(ScopeFault::Terminator { .. })),
                "{terminator}"
            );
        }
    }

    #[test]
    fn the_list_of_signed_headers_has_one_spelling() {
        for text in ["host", "host;range;x-amz-date", "content-type;date;host"] {
            assert!(SignedHeaders::of(text.into()).is_some(), "{text}");
        }
        for text in [
            "",
            ";",
            "host;",
            ";host",
            "host;;x-amz-date",
            "x-amz-date;host",
            "host;host",
            "Host",
            "host;X-Amz-Date",
            "host; x-amz-date",
            "host,x-amz-date",
            "authorization;host",
            "host:;x",
            "host\u{e9}",
        ] {
            assert!(SignedHeaders::of(text.into()).is_none(), "{text}");
        }
    }

    #[test]
    fn k6_the_list_of_signed_headers_is_no_longer_than_a_header() {
        let list = |count| {
            let names: Vec<String> = (0..count).map(|at| format!("x-amz-{at:03}")).collect();
            SignedHeaders::of(names.join(";").into())
        };
        assert!(list(MAX_SIGNED_HEADERS).is_some());
        assert!(list(MAX_SIGNED_HEADERS + 1).is_none());
    }
}
