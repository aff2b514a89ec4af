//! Signature version 2: the HMAC-SHA1 family.
//!
//! ```text
//! StringToSign = VERB \n Content-MD5 \n Content-Type \n Date \n CanonicalizedHeaders CanonicalizedResource
//! Signature    = base64(hmac-sha1(SecretAccessKey, StringToSign))
//! ```
//! Source: Amazon S3 Developer Guide, "Signing and authenticating REST requests"; Wangsu object storage API, "Request
//! authentication".

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use http::header::CONTENT_TYPE;
use percent_encoding::percent_decode_str;

use super::failure::AuthFailure;
use super::headers::{CONTENT_MD5, Field};
use super::hmac_sha1::HmacSha1;
use super::mechanism::is_credential;
use super::query::Parameter;
use super::query_headers::{Effect, Plus, QueryHeader};
use super::request::RequestView;
use super::target::{EmptyValue, PathSpelling, QuerySpelling, VerifiedTarget, with_blanks};
use super::v2_payload::{Declared, declared};
use super::verifying_key::VerifyingKey;
use super::{Placement, VerifyOptions, Version, freshness};
use crate::address::{Address, Style};
use crate::dialect::{ChosenSyntax, Syntax, signed_somewhere};
use crate::secret::Secret;

/// A capacity, in bytes, that suffices for most StringToSigns.
const USUAL_LENGTH: usize = 512;

/// Parameters that version 2 does not sign, and that only choose the part of a listing that is returned. Sorted.
///
/// Every other parameter that the signature does not cover is refused: whoever has a signed URL could add it.
const ORDINARY_PARAMETERS: &[&str] = &[
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "marker",
    "max-buckets",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "x-id",
];

/// Whether the parameter with this decoded name may be unsigned.
pub fn ordinary(name: &str) -> bool {
    ORDINARY_PARAMETERS.binary_search(&name).is_ok()
}

/// A sub-resource: a query parameter that version 2 signs.
#[derive(Debug)]
struct SubResource<'v> {
    name: &'v str,
    /// Decoded once, as V2 clients sign it (botocore `HmacV1Auth.canonical_resource`).
    value: Option<Cow<'v, [u8]>>,
    /// Whether it may also be read as a header.
    header: MayBeHeader,
}

/// Whether a sub-resource has the name of a header of the vendor, in a dialect that signs such parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MayBeHeader {
    Yes,
    No,
}

/// How a path-style path that names only a bucket, sent without a slash at its end, is signed. Both mean the same request:
/// rclone signs `/bucket` as sent, botocore and the vendors' documents `/bucket/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BucketAlone {
    AsSent,
    WithSlash,
}

/// What a parameter with the vendor's prefix is signed as in a presigned request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Prefixed {
    /// As the header of that name: botocore and the AWS SDK for JavaScript 2.
    Headers,
    /// As a sub-resource, in a dialect that signs such parameters (WOS).
    SubResources,
}

/// One of the variants of the same StringToSign that real clients sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelling {
    empty_value: EmptyValue,
    bucket_alone: BucketAlone,
    prefixed: Prefixed,
}

impl Spelling {
    /// What a client most likely signed.
    pub const USUAL: Self = Self {
        empty_value: EmptyValue::NameAlone,
        bucket_alone: BucketAlone::AsSent,
        prefixed: Prefixed::Headers,
    };
}

/// `/bucket` from the Host where it names one, the path as sent, and the sorted sub-resources.
#[derive(Debug)]
struct CanonicalizedResource<'v> {
    host_bucket: Option<&'v str>,
    path: &'v str,
    bucket_alone: bool,
    sub_resources: Vec<SubResource<'v>>,
}

impl<'v> CanonicalizedResource<'v> {
    fn of(
        view: &'v RequestView<'_>,
        address: &'v Address,
        ChosenSyntax { dialect, syntax }: ChosenSyntax,
    ) -> Result<Self, AuthFailure> {
        let path_style = address.style() == Style::Path;
        let mut sub_resources = Vec::new();
        for (at, parameter) in view.parameters.iter().enumerate() {
            if !dialect.signs(syntax, &parameter.name) {
                continue;
            }
            // A name that is a sub-resource by its prefix alone may contain anything: `?x-wos-a%3D1` would be signed as
            // `?x-wos-a=1` is, and a `+` is a space to some nodes.
            if parameter.name.contains(['&', '=', '+']) {
                return Err(AuthFailure::AmbiguousSubResource);
            }
            let stands_for_header = view
                .query_headers
                .iter()
                .any(|header| header.parameter == at);
            sub_resources.push(SubResource {
                name: &parameter.name,
                value: signed_value(parameter)?,
                header: match stands_for_header {
                    true => MayBeHeader::Yes,
                    false => MayBeHeader::No,
                },
            });
        }
        sub_resources.sort_unstable_by_key(|sub_resource| sub_resource.name);
        Ok(Self {
            host_bucket: address.bucket().filter(|_| !path_style),
            path: view.path,
            bucket_alone: path_style
                && address.bucket().is_some()
                && address.key().is_none()
                && !view.path.ends_with('/'),
            sub_resources,
        })
    }

    fn write(&self, spelling: Spelling, text: &mut Vec<u8>) {
        if let Some(bucket) = self.host_bucket {
            text.push(b'/');
            text.extend_from_slice(bucket.as_bytes());
        }
        text.extend_from_slice(self.path.as_bytes());
        if self.bucket_alone && spelling.bucket_alone == BucketAlone::WithSlash {
            text.push(b'/');
        }
        let mut separator = b'?';
        for sub_resource in &self.sub_resources {
            if sub_resource.header == MayBeHeader::Yes && spelling.prefixed == Prefixed::Headers {
                continue;
            }
            text.push(separator);
            separator = b'&';
            text.extend_from_slice(sub_resource.name.as_bytes());
            match &sub_resource.value {
                None => {}
                Some(value)
                    if value.is_empty() && spelling.empty_value == EmptyValue::NameAlone => {}
                Some(value) => {
                    text.push(b'=');
                    text.extend_from_slice(value);
                }
            }
        }
    }
}

/// The decoded value of a sub-resource, with a `+` as a space: as a plus sign it would be signed as `%2B` is, which some
/// nodes read differently. A value that could be read as further sub-resources is refused: `?acl=%26versionId%3DB` would be
/// signed as `?acl=&versionId=B` is. So are names of other dialects: the scheme is not signed, and may be exchanged.
fn signed_value<'v>(parameter: &'v Parameter<'_>) -> Result<Option<Cow<'v, [u8]>>, AuthFailure> {
    if parameter.raw_value.is_none() {
        return Ok(None);
    }
    let value = match memchr::memchr(b'+', parameter.raw_value.unwrap_or("").as_bytes()) {
        None => parameter.value(),
        Some(_) => percent_decode_str(&with_blanks(parameter.raw_value.unwrap_or("")))
            .collect::<Vec<u8>>()
            .into(),
    };
    let hides_another = value.split(|&byte| byte == b'&').skip(1).any(|part| {
        let name = part.split(|&byte| byte == b'=').next().unwrap_or(part);
        std::str::from_utf8(name).is_ok_and(signed_somewhere)
    });
    if hides_another {
        return Err(AuthFailure::AmbiguousSubResource);
    }
    Ok(Some(value))
}

/// Checks everything that needs no key, except the sub-resources, and gives the date line of the StringToSign.
///
/// # Errors
/// Rules 16, 17, 19, 21, 23, 24 and 27 of [`AuthFailure`].
pub fn check<'v>(
    view: &'v RequestView<'_>,
    dialect: ChosenSyntax,
    expires: Option<&'v str>,
    now: SystemTime,
    options: &VerifyOptions,
) -> Result<(&'v [u8], Declared), AuthFailure> {
    view.fields.check_foreign(dialect.syntax)?;
    let declared = declared(view, dialect.syntax)?;
    let date = match expires {
        Some(expires) => {
            freshness::check_expires(expires, now)?;
            expires.as_bytes()
        }
        None => header_date(view, dialect.syntax, now, options)?,
    };
    Ok((date, declared))
}

/// Checks the date of a request that is signed in the header, and gives the date line of the StringToSign: empty if the
/// request has the vendor's date header, which is signed as a header.
fn header_date<'v>(
    view: &'v RequestView<'_>,
    syntax: &Syntax,
    now: SystemTime,
    options: &VerifyOptions,
) -> Result<&'v [u8], AuthFailure> {
    let no_date = || AuthFailure::NoDate(Placement::Header);
    let vendor_date = view.fields.vendor(syntax.date_header);
    let date = match vendor_date {
        Some(_) => vendor_date,
        None => view.fields.date,
    };
    let text = date.ok_or_else(no_date)?.trim_ascii();
    let time = freshness::parse_date(text).ok_or_else(no_date)?;
    freshness::check_skew(text, time, now, options.max_clock_skew)?;
    Ok(if vendor_date.is_some() { b"" } else { text })
}

/// The first parameter that the signature does not cover and that may change what the request does.
pub fn uncovered_parameter<'v>(
    view: &'v RequestView<'_>,
    ChosenSyntax { dialect, syntax }: ChosenSyntax,
    placement: Placement,
) -> Option<&'v str> {
    let in_query = placement == Placement::Query;
    // The cheapest check first: every presigned request has three such parameters.
    let covered = |(at, parameter): &(usize, &Parameter<'_>)| {
        let name = &*parameter.name;
        (in_query && is_credential(syntax, Version::V2, name))
            || dialect.signs(syntax, name)
            || ordinary(name)
            || view
                .query_headers
                .iter()
                .any(|header| header.parameter == *at)
    };
    let mut parameters = view.parameters.iter().enumerate();
    let uncovered = parameters.find(|parameter| !covered(parameter));
    uncovered.map(|(_, parameter)| &*parameter.name)
}

/// The text that is signed. `Display` gives its usual variant.
#[derive(Debug)]
pub struct StringToSign<'v> {
    method: &'v str,
    content_md5: Cow<'v, [u8]>,
    content_type: Cow<'v, [u8]>,
    date: &'v [u8],
    headers: &'v [Field<'v>],
    /// The vendor's headers that are sent as query parameters, sorted.
    query_headers: Vec<(&'v str, Vec<u8>)>,
    resource: CanonicalizedResource<'v>,
}

impl<'v> StringToSign<'v> {
    /// Collects what is signed, every vendor's headers included; rule 16 leaves only those of the request's own vendor. `date`
    /// is the fourth line: the Date header, `Expires` of a presigned request, or nothing if there is the vendor's date header.
    ///
    /// # Errors
    /// [`AuthFailure::AmbiguousSubResource`].
    pub fn of(
        view: &'v RequestView<'_>,
        address: &'v Address,
        chosen: ChosenSyntax,
        date: &'v [u8],
    ) -> Result<Self, AuthFailure> {
        let fields = &view.fields;
        let line = |value: Option<&'v [u8]>, name| match value {
            Some(value) => value.trim_ascii().into(),
            None => view
                .query_header(name)
                .map_or(Cow::default(), |header| header.value(Plus::Blank).into()),
        };
        let mut query_headers: Vec<_> = view
            .query_headers
            .iter()
            .filter(|header| {
                header.effect != Effect::Repeated
                    && header.name.starts_with(chosen.syntax.header_prefix)
            })
            .map(|header| (&*header.name, header.value(Plus::Blank)))
            .collect();
        query_headers.sort_unstable();
        Ok(Self {
            method: view.method,
            content_md5: line(fields.content_md5, CONTENT_MD5),
            content_type: line(fields.content_type, CONTENT_TYPE.as_str()),
            date,
            headers: &fields.vendor,
            query_headers,
            resource: CanonicalizedResource::of(view, address, chosen)?,
        })
    }

    /// The variants of this text that differ from each other, the usual one first.
    pub fn spellings(&self) -> impl Iterator<Item = Spelling> + use<> {
        let sub_resources = &self.resource.sub_resources;
        let empty = |sub_resource: &SubResource<'_>| {
            sub_resource
                .value
                .as_ref()
                .is_some_and(|value| value.is_empty())
        };
        let empty_values = match sub_resources.iter().any(empty) {
            true => &[EmptyValue::NameAlone, EmptyValue::AsSent][..],
            false => &[EmptyValue::NameAlone],
        };
        let buckets = match self.resource.bucket_alone {
            true => &[BucketAlone::AsSent, BucketAlone::WithSlash][..],
            false => &[BucketAlone::AsSent],
        };
        let signed = sub_resources
            .iter()
            .any(|sub_resource| sub_resource.header == MayBeHeader::Yes);
        let prefixes = match signed {
            true => &[Prefixed::Headers, Prefixed::SubResources][..],
            false => &[Prefixed::Headers],
        };
        prefixes.iter().flat_map(move |&prefixed| {
            buckets.iter().flat_map(move |&bucket_alone| {
                empty_values.iter().map(move |&empty_value| Spelling {
                    empty_value,
                    bucket_alone,
                    prefixed,
                })
            })
        })
    }

    /// The variant of this text for which the key's signature is the one provided.
    pub(super) fn confirmed_by(&self, key: &VerifyingKey, provided: &str) -> Option<Spelling> {
        let mut spellings = self.spellings();
        spellings.find(|spelling| key.confirms(&self.to_bytes(*spelling), provided))
    }

    /// The request target as it is signed in a variant.
    pub fn target(&self, spelling: Spelling) -> VerifiedTarget {
        VerifiedTarget {
            path: match (self.resource.bucket_alone, spelling.bucket_alone) {
                (true, BucketAlone::WithSlash) => PathSpelling::BucketSlash,
                _ => PathSpelling::AsSent,
            },
            query: QuerySpelling::Decoded(spelling.empty_value),
        }
    }

    /// Whether the parameter of this query header is signed as a sub-resource in a variant, and so is not a header.
    pub fn is_sub_resource(&self, spelling: Spelling, query_header: &QueryHeader<'_>) -> bool {
        let is_it = |sub_resource: &SubResource<'_>| {
            sub_resource.header == MayBeHeader::Yes
                && sub_resource.name.eq_ignore_ascii_case(&query_header.name)
        };
        spelling.prefixed == Prefixed::SubResources && self.resource.sub_resources.iter().any(is_it)
    }

    /// The text as bytes, in one piece: each update of a hash has a cost of its own.
    pub fn to_bytes(&self, spelling: Spelling) -> Vec<u8> {
        let mut text = Vec::with_capacity(USUAL_LENGTH);
        text.extend_from_slice(self.method.as_bytes());
        for line in [&*self.content_md5, &*self.content_type, self.date] {
            text.push(b'\n');
            text.extend_from_slice(line);
        }
        text.push(b'\n');
        if self.query_headers.is_empty() || spelling.prefixed == Prefixed::SubResources {
            write_headers(self.headers.iter().copied(), &mut text);
        } else {
            let in_query = self
                .query_headers
                .iter()
                .map(|(name, value)| (*name, &**value));
            let mut all: Vec<Field<'_>> = self.headers.iter().copied().chain(in_query).collect();
            all.sort_by_key(|(name, _)| *name);
            write_headers(all.into_iter(), &mut text);
        }
        self.resource.write(spelling, &mut text);
        text
    }
}

/// Signs a text: `base64(hmac-sha1(secret, StringToSign))`. For clients; a verifier compares only.
pub fn sign_v2(secret: &Secret<String>, text: &StringToSign<'_>) -> String {
    let signature = HmacSha1::of(secret).sign(&text.to_bytes(Spelling::USUAL));
    String::from_utf8_lossy(&signature).into()
}

/// Writes the CanonicalizedHeaders: sorted, the values of one name joined with commas.
fn write_headers<'h>(headers: impl Iterator<Item = Field<'h>>, text: &mut Vec<u8>) {
    let mut before = "";
    for (name, value) in headers {
        if name == before {
            text.push(b',');
        } else {
            if !before.is_empty() {
                text.push(b'\n');
            }
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
        }
        text.extend_from_slice(value.trim_ascii());
        before = name;
    }
    if !before.is_empty() {
        text.push(b'\n');
    }
}

impl fmt::Display for StringToSign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes(Spelling::USUAL)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::DIALECTS;

    #[test]
    fn no_sub_resource_is_an_ordinary_parameter() {
        for name in DIALECTS.iter().flat_map(|dialect| dialect.sub_resources) {
            assert!(!ordinary(name), "{name}");
        }
    }

    #[test]
    fn the_ordinary_parameters_are_sorted_and_select_nothing_but_a_listing() {
        assert!(ORDINARY_PARAMETERS.is_sorted_by(|a, b| a < b));
        let selecting: Vec<_> = ORDINARY_PARAMETERS
            .iter()
            .filter(|name| crate::address::selector(name).is_some())
            .collect();
        assert_eq!(selecting, [&"list-type"]);
    }
}
