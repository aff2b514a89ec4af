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

use super::authorization::DialectForm;
use super::dialect::{Form, signed_somewhere};
use super::failure::AuthFailure;
use super::request::{CONTENT_MD5, Field, Fields, Parameter, RequestView};
use super::{Placement, VerifyOptions, Version, freshness, presigned};
use crate::address::{Address, Style};

/// The bytes of a StringToSign that most are shorter than.
const USUAL_LENGTH: usize = 512;

/// Parameters that V2 does not sign and that change nothing but which part of a listing is shown. Sorted.
///
/// Every other parameter that the signature does not cover is refused: whoever holds a signed URL could add it.
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

/// Whether the parameter with this decoded name may stand in a request without being signed.
pub fn ordinary(name: &str) -> bool {
    ORDINARY_PARAMETERS.binary_search(&name).is_ok()
}

/// A sub-resource: a parameter of the query string that V2 signs.
#[derive(Debug)]
struct SubResource<'v> {
    name: &'v str,
    /// Decoded once, as V2 clients sign it (botocore `HmacV1Auth.canonical_resource`).
    value: Option<Cow<'v, [u8]>>,
}

/// How a sub-resource that was sent as `name=` is written. Both mean the same request: Go clients send `?uploads=` and
/// sign `uploads`, others sign what they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EmptyValue {
    NameAlone,
    AsSent,
}

/// How a path-style path of a bucket alone, sent without a slash at its end, is written. Both mean the same request:
/// rclone signs `/bucket` as sent, botocore and the vendors' documents `/bucket/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BucketAlone {
    AsSent,
    WithSlash,
}

/// A spelling of one and the same StringToSign that real clients use.
#[derive(Debug, Clone, Copy)]
pub struct Spelling(EmptyValue, BucketAlone);

impl Spelling {
    /// What a client most likely signed.
    pub const USUAL: Self = Self(EmptyValue::NameAlone, BucketAlone::AsSent);
    const ALL: [Self; 4] = [
        Self::USUAL,
        Self(EmptyValue::AsSent, BucketAlone::AsSent),
        Self(EmptyValue::NameAlone, BucketAlone::WithSlash),
        Self(EmptyValue::AsSent, BucketAlone::WithSlash),
    ];
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
        DialectForm { dialect, form }: DialectForm,
    ) -> Result<Self, AuthFailure> {
        let path_style = address.style() == Style::Path;
        let mut sub_resources = Vec::new();
        for parameter in &view.parameters {
            if !dialect.signs(form, &parameter.name) {
                continue;
            }
            // A name that only its prefix makes a sub-resource may hold anything: `?x-wos-a%3D1` would be signed as
            // `?x-wos-a=1` is.
            if parameter.name.contains(['&', '=']) {
                return Err(AuthFailure::AmbiguousSubResource);
            }
            sub_resources.push(SubResource {
                name: &parameter.name,
                value: signed_value(parameter)?,
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
        if self.bucket_alone && spelling.1 == BucketAlone::WithSlash {
            text.push(b'/');
        }
        for (at, sub_resource) in self.sub_resources.iter().enumerate() {
            text.push(if at == 0 { b'?' } else { b'&' });
            text.extend_from_slice(sub_resource.name.as_bytes());
            match &sub_resource.value {
                None => {}
                Some(value) if value.is_empty() && spelling.0 == EmptyValue::NameAlone => {}
                Some(value) => {
                    text.push(b'=');
                    text.extend_from_slice(value);
                }
            }
        }
    }
}

/// The decoded value of a sub-resource. `?acl=%26versionId%3DB` would be signed as `?acl=&versionId=B` is: refused, and
/// so is a name of another dialect, since the scheme's word is not signed and the signature would hold behind that too.
fn signed_value<'v>(parameter: &'v Parameter<'_>) -> Result<Option<Cow<'v, [u8]>>, AuthFailure> {
    if parameter.raw_value.is_none() {
        return Ok(None);
    }
    let value = parameter.value();
    let hides_another = value.split(|&byte| byte == b'&').skip(1).any(|part| {
        let name = part.split(|&byte| byte == b'=').next().unwrap_or(part);
        std::str::from_utf8(name).is_ok_and(signed_somewhere)
    });
    if hides_another {
        return Err(AuthFailure::AmbiguousSubResource);
    }
    Ok(Some(value))
}

/// Refuses a header of another vendor than the form's, which nothing would sign.
///
/// # Errors
/// [`AuthFailure::ForeignHeader`].
pub fn check_foreign(fields: &Fields<'_>, form: &Form) -> Result<(), AuthFailure> {
    let foreign = fields
        .vendor
        .iter()
        .find(|(name, _)| !name.starts_with(form.header_prefix));
    match foreign {
        Some((name, _)) => Err(AuthFailure::ForeignHeader((*name).to_owned())),
        None => Ok(()),
    }
}

/// Checks everything that needs no key, but for the sub-resources, and gives the text of the StringToSign's date line.
///
/// # Errors
/// Rules 16, 17, 21, 23, 24 and 27 of [`AuthFailure`].
pub fn check<'v>(
    view: &'v RequestView<'_>,
    dialect: DialectForm,
    expires: Option<&'v str>,
    now: SystemTime,
    options: &VerifyOptions,
) -> Result<&'v [u8], AuthFailure> {
    check_foreign(&view.fields, dialect.form)?;
    check_payload_mode(&view.fields, dialect.form)?;
    match expires {
        Some(expires) => {
            freshness::check_expires(expires, now)?;
            Ok(expires.as_bytes())
        }
        None => header_date(view, dialect.form, now, options),
    }
}

/// Refuses a body that only version 4 can vouch for.
fn check_payload_mode(fields: &Fields<'_>, form: &Form) -> Result<(), AuthFailure> {
    let mode = fields.vendor(form.v4.content_sha256_header);
    if let Some(mode) = mode.filter(|mode| mode.starts_with(b"STREAMING-")) {
        return Err(AuthFailure::PayloadMode(
            String::from_utf8_lossy(mode).into(),
        ));
    }
    let chunked = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"aws-chunked");
    let encoding = fields.content_encoding;
    if encoding.is_some_and(|value| value.split(|&byte| byte == b',').any(chunked)) {
        return Err(AuthFailure::PayloadMode("aws-chunked".into()));
    }
    Ok(())
}

/// Checks the date of a request signed in the header, and gives the text of the StringToSign's date line: empty where
/// the vendor's date header stands among the signed headers.
fn header_date<'v>(
    view: &'v RequestView<'_>,
    form: &Form,
    now: SystemTime,
    options: &VerifyOptions,
) -> Result<&'v [u8], AuthFailure> {
    let no_date = || AuthFailure::NoDate(Placement::Header);
    let vendor_date = view.fields.vendor(form.date_header);
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
    DialectForm { dialect, form }: DialectForm,
    placement: Placement,
) -> Option<&'v str> {
    let in_query = placement == Placement::Query;
    // The cheapest question first: every presigned request has three credentials.
    let covered = |parameter: &&Parameter<'_>| {
        let name = &*parameter.name;
        (in_query && presigned::is_credential(form, Version::V2, name))
            || dialect.signs(form, name)
            || ordinary(name)
            || (in_query && mirrors_signed_header(view, form, parameter))
    };
    let uncovered = view.parameters.iter().find(|parameter| !covered(parameter));
    uncovered.map(|parameter| &*parameter.name)
}

/// Whether a parameter repeats a signed header, name and value: botocore writes the signed headers into the URLs
/// that it presigns (`HmacV1QueryAuth`), and whoever uses the URL has to send them.
fn mirrors_signed_header(view: &RequestView<'_>, form: &Form, parameter: &Parameter<'_>) -> bool {
    let name = &*parameter.name;
    let signed = name == CONTENT_TYPE.as_str()
        || name == CONTENT_MD5
        || name.starts_with(form.header_prefix);
    let mut values = view.values(name);
    signed
        && values
            .next()
            .is_some_and(|value| *value == *parameter.value())
        && values.next().is_none()
}

/// The text that is signed. `Display` is the text in its usual spelling.
#[derive(Debug)]
pub struct StringToSign<'v> {
    method: &'v str,
    content_md5: &'v [u8],
    content_type: &'v [u8],
    date: &'v [u8],
    headers: &'v [Field<'v>],
    resource: CanonicalizedResource<'v>,
}

impl<'v> StringToSign<'v> {
    /// Collects what is signed: every vendor's header among the rest, which [`check_foreign`] has seen to be the form's
    /// own. `date` is the text of the fourth line: the Date header, `Expires` in the query form, or nothing where the
    /// vendor's date header stands among the others.
    ///
    /// # Errors
    /// [`AuthFailure::AmbiguousSubResource`].
    pub fn of(
        view: &'v RequestView<'_>,
        address: &'v Address,
        chosen: DialectForm,
        date: &'v [u8],
    ) -> Result<Self, AuthFailure> {
        let fields = &view.fields;
        let line = |value: Option<&'v [u8]>| value.map_or(&b""[..], <[u8]>::trim_ascii);
        Ok(Self {
            method: view.method,
            content_md5: line(fields.content_md5),
            content_type: line(fields.content_type),
            date,
            headers: &fields.vendor,
            resource: CanonicalizedResource::of(view, address, chosen)?,
        })
    }

    /// The spellings of this text that differ from each other; the usual one is first.
    pub fn spellings(&self) -> impl Iterator<Item = Spelling> + use<'_, 'v> {
        let empty_value = self
            .resource
            .sub_resources
            .iter()
            .any(|own| own.value.as_ref().is_some_and(|value| value.is_empty()));
        Spelling::ALL.into_iter().filter(move |spelling| {
            (empty_value || spelling.0 == Spelling::USUAL.0)
                && (self.resource.bucket_alone || spelling.1 == Spelling::USUAL.1)
        })
    }

    /// The text as bytes, in one piece: to take in a piece costs a hash more than to take in some more bytes.
    pub fn to_bytes(&self, spelling: Spelling) -> Vec<u8> {
        let mut text = Vec::with_capacity(USUAL_LENGTH);
        text.extend_from_slice(self.method.as_bytes());
        for line in [self.content_md5, self.content_type, self.date] {
            text.push(b'\n');
            text.extend_from_slice(line);
        }
        text.push(b'\n');
        for same_name in self.headers.chunk_by(|one, next| one.0 == next.0) {
            let mut separator = b':';
            text.extend_from_slice(same_name[0].0.as_bytes());
            for (_, value) in same_name {
                text.push(separator);
                text.extend_from_slice(value.trim_ascii());
                separator = b',';
            }
            text.push(b'\n');
        }
        self.resource.write(spelling, &mut text);
        text
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
