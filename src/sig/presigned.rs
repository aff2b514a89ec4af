//! Credentials in the query string: `AWSAccessKeyId`, `Expires` and `Signature`.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::Version;
use super::authorization::{DialectForm, choose};
use super::dialect::{Dialect, FORMS, Form};
use super::failure::AuthFailure;
use super::request::RequestView;

/// The absolute time, in seconds since 1970, until which a presigned request holds.
pub const EXPIRES: &str = "Expires";
/// The signature in base64.
pub const SIGNATURE: &str = "Signature";

/// Which way of signing a query parameter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// HMAC-SHA1 in the query.
    V2,
    /// HMAC-SHA256 in the query.
    V4,
}

/// The mechanism that a parameter belongs to, judged in whatever case: a name in another case must not hide.
pub fn mechanism(name: &str) -> Option<Mechanism> {
    let access_key = |form: &&Form| form.access_key_parameter.eq_ignore_ascii_case(name);
    if name.eq_ignore_ascii_case(SIGNATURE) || FORMS.iter().any(access_key) {
        return Some(Mechanism::V2);
    }
    let v4 = FORMS.iter().any(|form| {
        let (prefix, rest) = match name.split_at_checked(form.header_prefix.len()) {
            Some(parts) => parts,
            None => return false,
        };
        prefix.eq_ignore_ascii_case(form.header_prefix)
            && ["Algorithm", "Credential", "Signature", "SignedHeaders"]
                .iter()
                .any(|own| own.eq_ignore_ascii_case(rest))
    });
    v4.then_some(Mechanism::V4)
}

/// Whether the parameter carries the credentials of this form, so that it is gone once they are taken away.
pub fn is_credential(form: &Form, name: &str) -> bool {
    name == form.access_key_parameter || name == EXPIRES || name == SIGNATURE
}

/// What the query string says.
#[derive(Debug)]
pub struct Presigned<'v> {
    /// The dialect whose access key parameter it uses.
    pub dialect: DialectForm,
    /// The AccessKeyId, decoded; not empty.
    pub access_key_id: Cow<'v, str>,
    /// The value of `Expires` as it was sent: digits need no encoding.
    pub expires: &'v str,
    /// The signature, decoded once.
    pub signature: Cow<'v, str>,
}

/// Reads the credentials of the query string.
///
/// # Errors
/// Rules 7, 8, 11 and 12 of [`AuthFailure`].
pub fn parse<'v>(
    view: &'v RequestView<'_>,
    accepted: &[&'static Dialect],
    versions: &[Version],
) -> Result<Presigned<'v>, AuthFailure> {
    // What is no UTF-8 is no access key id and no signature either way.
    let value = |name: &str| {
        let raw = view.parameter(name)?.raw_value.unwrap_or("");
        Some(percent_decode_str(raw).decode_utf8_lossy())
    };
    let present = |form: &Form| view.parameter(form.access_key_parameter).is_some();
    let Some(dialect) = choose(accepted, present) else {
        let known = FORMS.iter().any(|form| present(form));
        return Err(if known {
            AuthFailure::UnsupportedScheme
        } else {
            AuthFailure::IncompleteQuery
        });
    };
    if !versions.contains(&Version::V2) {
        return Err(AuthFailure::UnsupportedVersion);
    }
    let access_key_id = value(dialect.form.access_key_parameter).unwrap_or_default();
    if access_key_id.is_empty() {
        return Err(AuthFailure::EmptyAccessKeyId);
    }
    let expires = view
        .parameter(EXPIRES)
        .and_then(|parameter| parameter.raw_value);
    let (Some(expires), Some(signature)) = (expires, value(SIGNATURE)) else {
        return Err(AuthFailure::IncompleteQuery);
    };
    Ok(Presigned {
        dialect,
        access_key_id,
        expires,
        signature,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_seen_in_any_case() {
        for name in [
            "AWSAccessKeyId",
            "awsaccesskeyid",
            "WOSAccessKeyId",
            "Signature",
            "signature",
        ] {
            assert_eq!(mechanism(name), Some(Mechanism::V2), "{name}");
        }
        for name in [
            "X-Amz-Algorithm",
            "x-amz-credential",
            "X-WOS-Signature",
            "X-Amz-SignedHeaders",
        ] {
            assert_eq!(mechanism(name), Some(Mechanism::V4), "{name}");
        }
        for name in ["Expires", "acl", "x-wos-process", "X-Amz-", "é"] {
            assert_eq!(mechanism(name), None, "{name}");
        }
    }
}
