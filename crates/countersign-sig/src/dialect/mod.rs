//! The dialects of the S3 protocol: one file for each vendor holds everything in which vendors differ.
//!
//! A new vendor is a file, a variant of [`DialectName`] and an entry of [`DIALECTS`].

mod aws;
mod wos;

use http::HeaderName;
use strum::{EnumCount, VariantNames};

pub use aws::DIALECT as AWS;
pub use wos::DIALECT as WOS;

/// The vendor whose dialect of S3 a request, a response or a storage node uses.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    strum::EnumCount,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DialectName {
    /// Amazon S3.
    Aws,
    /// Wangsu (ChinaNetCenter, CDNetworks) object storage.
    Wos,
}

impl V4Parameters {
    /// Every name.
    pub fn all(&self) -> [&'static str; 8] {
        [
            self.algorithm,
            self.credential,
            self.date,
            self.expires,
            self.signed_headers,
            self.signature,
            self.security_token,
            self.content_sha256,
        ]
    }
}

impl DialectName {
    /// The name of every dialect in the configuration and in metrics, in the order of [`DIALECTS`].
    pub const WORDS: [&'static str; Self::COUNT] = {
        let mut names = [""; Self::COUNT];
        names.copy_from_slice(Self::VARIANTS);
        names
    };

    /// The name in the configuration and in metrics.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The names that a vendor's clients use to sign: schemes, headers, parameters.
#[derive(Debug)]
pub struct Syntax {
    /// Version 2: the scheme of the Authorization header, `AWS` at Amazon.
    pub scheme: &'static str,
    /// The names of version 4.
    pub v4: V4Names,
    /// The prefix of the vendor's header names, lower-case, with the hyphen: `x-amz-` at Amazon.
    pub header_prefix: &'static str,
    /// The vendor's date header.
    pub date_header: &'static str,
    /// The response header with the id of the request.
    pub request_id_header: HeaderName,
    /// Version 2: the query parameter, and the form field, with the AccessKeyId.
    pub access_key_parameter: &'static str,
}

/// No two syntaxes have the same scheme (a test holds the table to it), so comparing that is enough.
impl PartialEq for Syntax {
    fn eq(&self, other: &Self) -> bool {
        self.scheme == other.scheme
    }
}

impl Eq for Syntax {}

/// The names of version 4 (HMAC-SHA256) of a vendor.
#[derive(Debug)]
pub struct V4Names {
    /// The algorithm name, `AWS4-HMAC-SHA256` at Amazon: the scheme of the Authorization header and the first line of the
    /// StringToSign.
    pub algorithm: &'static str,
    /// The prefix of the secret in the derivation of the signing key, `AWS4` at Amazon.
    pub key_seed: &'static str,
    /// The service of the credential scope, `s3` at Amazon.
    pub service: &'static str,
    /// The last component of the credential scope, `aws4_request` at Amazon.
    pub terminator: &'static str,
    /// The header with the payload mode, `x-amz-content-sha256` at Amazon.
    pub content_sha256_header: &'static str,
    /// The header with the session token.
    pub security_token_header: &'static str,
    /// The parameters of a presigned request.
    pub parameters: V4Parameters,
    /// Which spellings of the Host the vendor's clients sign.
    pub host_rule: HostRule,
    /// How the vendor's clients write the values of signed headers.
    pub value_rule: ValueRule,
}

/// The query parameters of a presigned request, in their exact spelling.
#[derive(Debug)]
pub struct V4Parameters {
    /// The algorithm name.
    pub algorithm: &'static str,
    /// `AccessKeyId/date/region/service/terminator`.
    pub credential: &'static str,
    /// The time of signing.
    pub date: &'static str,
    /// The lifetime in seconds from the time of signing.
    pub expires: &'static str,
    /// The names of the signed headers.
    pub signed_headers: &'static str,
    /// The signature: the one parameter that is not signed.
    pub signature: &'static str,
    /// The session token.
    pub security_token: &'static str,
    /// The payload mode.
    pub content_sha256: &'static str,
}

/// How the values of signed headers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueRule {
    /// As AWS specifies: trimmed, runs of spaces collapsed to one, the values of one name joined on one line.
    Collapsed,
    /// Unchanged, each value on a separate line (WOS SDKs for Go and Java).
    AsSent,
}

/// Which spellings of the Host header clients sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRule {
    /// The value that they send.
    AsSent,
    /// That, or the same with the default port, which they sign but do not send (WOS SDK for Go).
    DefaultPort,
}

/// Whether the names of sub-resources are case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseRule {
    /// They are: `acl` alone.
    Sensitive,
    /// They are not: `acl`, `ACL` and `Acl`.
    Insensitive,
}

/// A version of the signing process.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, strum::EnumCount,
)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// HMAC-SHA1.
    V2,
    /// HMAC-SHA256.
    V4,
}

impl Version {
    /// The name in the configuration and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V4 => "v4",
        }
    }
}

/// Everything in which one vendor differs from another.
#[derive(Debug)]
pub struct Dialect {
    /// The name of the dialect.
    pub name: DialectName,
    /// The syntaxes that a client of this vendor may sign with; the first is the vendor's own.
    pub syntaxes: &'static [&'static Syntax],
    /// The sub-resources that version 2 signs. Sorted, in the spelling of the vendor's clients.
    pub sub_resources: &'static [&'static str],
    /// How names of sub-resources are compared.
    pub case_rule: CaseRule,
    /// Whether parameters that start with the header prefix are signed as sub-resources.
    pub prefixed_parameters: PrefixedParameters,
    /// The version that is signed with by default.
    pub usual_version: Version,
    /// The region that the vendor's nodes expect by default.
    pub default_region: &'static str,
    /// Whether the vendor's nodes accept bodies in signed chunks.
    pub takes_signed_chunks: bool,
    /// The status of the answer to an AbortMultipartUpload.
    pub abort_status: u16,
    /// How XML documents are written.
    pub documents: Documents,
    /// The parts of answers to refused requests in which vendors differ.
    pub texts: Texts,
}

/// How a vendor writes its XML documents.
#[derive(Debug)]
pub struct Documents {
    /// The namespaces of the root element; the first is the one that is written. Error documents have no namespace.
    pub namespaces: &'static [&'static str],
    /// Whether the XML declaration says `standalone="yes"`.
    pub standalone: bool,
    /// Which id comes first in an error document.
    pub first_id: FirstId,
}

/// Which of the two ids in an error document comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstId {
    /// `RequestId`.
    Request,
    /// `HostId`.
    Host,
}

/// The parts of answers to refused requests in which vendors differ. Each text is a `Message` element.
#[derive(Debug)]
pub struct Texts {
    /// Whether the document names the `Authorization` header in `ArgumentName`.
    pub authorization_is_named: bool,
    /// The scheme of the Authorization header is not known.
    pub unsupported_authorization: &'static str,
    /// An Authorization header of version 2 does not have exactly one space.
    pub authorization_spaces: &'static str,
    /// Its credential has no colon between AccessKeyId and signature.
    pub authorization_colon: &'static str,
    /// A request of version 2 has no date.
    pub no_date: &'static str,
    /// The date of a request is too far from the server's.
    pub clock_skew: ClockSkew,
    /// The AccessKeyId is unknown.
    pub unknown_access_key_id: &'static str,
    /// The signature is not the one that the key gives.
    pub signature_mismatch: &'static str,
    /// The date of the credential scope is not that of the request; none for the text of S3, which names both dates.
    pub credential_date: Option<&'static str>,
    /// The body does not match Content-MD5.
    pub content_md5_mismatch: ContentMd5Mismatch,
    /// The HTTP status for a malformed Host header.
    pub bad_host_status: u16,
}

/// How a vendor answers a request whose date is too far from the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockSkew {
    /// 403 RequestTimeTooSkewed, with both times.
    RequestTimeTooSkewed,
    /// 400 ExpiredToken, with this text.
    ExpiredToken(&'static str),
}

/// How a vendor answers a body that does not match Content-MD5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentMd5Mismatch {
    /// 400 BadDigest, with both digests.
    BadDigest,
    /// 403 SignatureDoesNotMatch.
    SignatureDoesNotMatch,
}

/// Whether a query parameter that starts with the header prefix counts as a sub-resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrefixedParameters {
    /// It is signed.
    Signed,
    /// It is not.
    Unsigned,
}

/// Every dialect, in the order of the variants of [`DialectName`].
pub static DIALECTS: [&Dialect; DialectName::COUNT] = [&aws::DIALECT, &wos::DIALECT];

/// The own syntax of every vendor, for checks that concern all vendors.
pub static SYNTAXES: [&Syntax; DialectName::COUNT] = {
    let mut syntaxes = [DIALECTS[0].syntaxes[0]; DialectName::COUNT];
    let mut at = 0;
    while at < syntaxes.len() {
        syntaxes[at] = DIALECTS[at].syntaxes[0];
        at += 1;
    }
    syntaxes
};

impl Dialect {
    /// The dialect with this name.
    pub fn named(name: DialectName) -> &'static Dialect {
        DIALECTS[name as usize]
    }

    /// Whether version 2 signs the query parameter with this decoded name.
    pub fn signs(&self, syntax: &Syntax, name: &str) -> bool {
        let listed = match self.case_rule {
            CaseRule::Sensitive => self.sub_resources.binary_search(&name).is_ok(),
            CaseRule::Insensitive => self
                .sub_resources
                .iter()
                .any(|listed| listed.eq_ignore_ascii_case(name)),
        };
        listed
            || (self.prefixed_parameters == PrefixedParameters::Signed
                && starts_with_ignoring_case(name, syntax.header_prefix))
    }
}

/// The dialect of a request, and which of its syntaxes the request is signed with.
#[derive(Debug, Clone, Copy)]
pub struct ChosenSyntax {
    /// The dialect.
    pub dialect: &'static Dialect,
    /// The syntax, one of those of the dialect.
    pub syntax: &'static Syntax,
}

impl PartialEq for ChosenSyntax {
    fn eq(&self, other: &Self) -> bool {
        self.dialect.name == other.dialect.name && self.syntax == other.syntax
    }
}

impl Eq for ChosenSyntax {}

/// The first of the accepted dialects that has a syntax for which `says` holds.
pub fn choose(
    accepted: &[&'static Dialect],
    says: impl Fn(&Syntax) -> bool,
) -> Option<ChosenSyntax> {
    accepted.iter().find_map(|dialect| {
        let syntax = dialect.syntaxes.iter().find(|syntax| says(syntax))?;
        Some(ChosenSyntax { dialect, syntax })
    })
}

/// Whether version 2 signs the query parameter with this decoded name in any dialect.
pub fn signed_somewhere(name: &str) -> bool {
    let mut syntaxes = DIALECTS
        .iter()
        .flat_map(|row| row.syntaxes.iter().map(move |syntax| (row, syntax)));
    syntaxes.any(|(row, syntax)| row.signs(syntax, name))
}

/// The name of a header without the prefix of its vendor; none for a header of HTTP. `name` is lower-case.
pub fn vendor_header(name: &str) -> Option<&str> {
    // Most headers are not a vendor's, and every vendor's prefix starts with this letter.
    if !name.starts_with('x') {
        return None;
    }
    SYNTAXES
        .iter()
        .find_map(|syntax| name.strip_prefix(syntax.header_prefix))
}

/// Whether `text` starts with `prefix`; ASCII letters are compared without regard to case.
pub fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.as_bytes()
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_unique() {
        for dialect in DIALECTS {
            let names = dialect.sub_resources;
            assert!(
                names.is_sorted_by(|a, b| a < b),
                "{}",
                dialect.name.as_str()
            );
            assert_eq!(Dialect::named(dialect.name).name, dialect.name);
        }
        assert_eq!(aws::DIALECT.sub_resources.len(), 35);
        assert_eq!(wos::DIALECT.sub_resources.len(), 42);
    }

    #[test]
    fn words_and_prefixes_do_not_clash() {
        for (at, syntax) in SYNTAXES.iter().enumerate() {
            assert!(syntax.header_prefix.starts_with('x') && syntax.header_prefix.ends_with('-'));
            assert_eq!(
                syntax.header_prefix,
                syntax.header_prefix.to_ascii_lowercase()
            );
            assert_eq!(syntax.date_header, format!("{}date", syntax.header_prefix));
            assert_eq!(
                syntax.request_id_header.as_str(),
                format!("{}request-id", syntax.header_prefix)
            );
            let of_header = [
                (syntax.v4.content_sha256_header, "content-sha256"),
                (syntax.v4.security_token_header, "security-token"),
            ];
            for (name, rest) in of_header {
                assert_eq!(name.strip_prefix(syntax.header_prefix), Some(rest));
            }
            for name in syntax.v4.parameters.all() {
                assert!(
                    starts_with_ignoring_case(name, syntax.header_prefix),
                    "{name}"
                );
            }
            for other in &SYNTAXES[at + 1..] {
                assert_ne!(syntax.scheme, other.scheme);
                assert!(!other.header_prefix.starts_with(syntax.header_prefix));
                assert!(!syntax.header_prefix.starts_with(other.header_prefix));
            }
        }
    }

    #[test]
    fn each_row_has_its_case_rule() {
        assert!(AWS.signs(&aws::SYNTAX, "uploads"));
        assert!(!AWS.signs(&aws::SYNTAX, "UPLOADS"));
        assert!(!AWS.signs(&aws::SYNTAX, "x-amz-anything"));
        assert!(wos::DIALECT.signs(&wos::SYNTAX, "UPLOADS"));
        assert!(wos::DIALECT.signs(&wos::SYNTAX, "X-Wos-Anything"));
        assert!(!wos::DIALECT.signs(&wos::SYNTAX, "uploadz"));
    }
}
