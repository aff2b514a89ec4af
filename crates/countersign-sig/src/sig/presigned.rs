//! Credentials in the query string: `AWSAccessKeyId`, `Expires` and `Signature` of version 2, `X-Amz-…` of version 4.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::failure::{AuthFailure, Unaccepted};
use super::mechanism::{EXPIRES, SIGNATURE, accept, refused_algorithm};
use super::query::is_plain;
use super::request::RequestView;
use super::v4::Presented;
use super::{Placement, Version};
use crate::dialect::{ChosenSyntax, Dialect, SYNTAXES, Syntax, choose};

/// The credentials of a presigned request of version 2.
#[derive(Debug)]
pub struct PresignedV2<'v> {
    /// The dialect that has its AccessKeyId parameter.
    pub dialect: ChosenSyntax,
    /// The AccessKeyId, decoded; not empty.
    pub access_key_id: Cow<'v, str>,
    /// The value of `Expires` as it was sent: digits need no encoding.
    pub expires: &'v str,
    /// The signature, decoded once.
    pub signature: Cow<'v, str>,
}

/// The value of a parameter, decoded once. Invalid UTF-8 is replaced: no AccessKeyId and no signature has any.
fn value<'v>(view: &'v RequestView<'_>, name: &str) -> Option<Cow<'v, str>> {
    let raw = view.parameter(name)?.raw_value.unwrap_or("");
    Some(match is_plain(raw) {
        true => raw.into(),
        false => percent_decode_str(raw).decode_utf8_lossy(),
    })
}

/// Reads the credentials of version 2.
///
/// # Errors
/// Rules 7, 8, 12 and 14 of [`AuthFailure`].
pub fn parse_v2<'v>(
    view: &'v RequestView<'_>,
    accepted: &[&'static Dialect],
    versions: &[Version],
) -> Result<PresignedV2<'v>, AuthFailure> {
    let present = |syntax: &Syntax| view.parameter(syntax.access_key_parameter).is_some();
    let Some(dialect) = choose(accepted, present) else {
        let known = SYNTAXES.iter().any(|syntax| present(syntax));
        return Err(if known {
            AuthFailure::UnsupportedScheme
        } else {
            AuthFailure::IncompleteQuery(Version::V2)
        });
    };
    accept(Version::V2, versions)?;
    let expires = view
        .parameter(EXPIRES)
        .and_then(|parameter| parameter.raw_value);
    let (Some(expires), Some(signature)) = (expires, value(view, SIGNATURE)) else {
        return Err(AuthFailure::IncompleteQuery(Version::V2));
    };
    let access_key_id = value(view, dialect.syntax.access_key_parameter).unwrap_or_default();
    if access_key_id.is_empty() {
        return Err(AuthFailure::EmptyAccessKeyId);
    }
    Ok(PresignedV2 {
        dialect,
        access_key_id,
        expires,
        signature,
    })
}

/// Reads the credentials of version 4 from the parameters of `syntax`.
///
/// # Errors
/// Rules 7, 8 and 12 to 15 of [`AuthFailure`].
pub fn parse_v4<'v>(
    view: &'v RequestView<'_>,
    syntax: &'static Syntax,
    accepted: &[&'static Dialect],
    versions: &[Version],
) -> Result<(ChosenSyntax, Presented<'v>), AuthFailure> {
    let dialect =
        choose(accepted, |accepted| accepted == syntax).ok_or(AuthFailure::UnsupportedScheme)?;
    accept(Version::V4, versions)?;
    let names = &syntax.v4.parameters;
    let value = |name| value(view, name);
    let algorithm = value(names.algorithm);
    if let Some(word) = algorithm
        .as_deref()
        .filter(|word| *word != syntax.v4.algorithm)
    {
        let unaccepted = refused_algorithm(word).unwrap_or(Unaccepted::Algorithm);
        return Err(AuthFailure::UnsupportedVersion(unaccepted));
    }
    let all = [
        value(names.credential),
        value(names.signed_headers),
        value(names.signature),
    ];
    let dated = view.parameter(names.date).is_some() && view.parameter(names.expires).is_some();
    let (true, Some(_), [Some(credential), Some(signed_headers), Some(signature)]) =
        (dated, algorithm, all)
    else {
        return Err(AuthFailure::IncompleteQuery(Version::V4));
    };
    let presented = Presented::of(Placement::Query, credential, signed_headers, signature)?;
    Ok((dialect, presented))
}
