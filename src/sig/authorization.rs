//! The Authorization header of the HMAC-SHA1 form: `WORD AccessKeyId:signature`.

use http::HeaderValue;
use memchr::{memchr, memchr2, memrchr};

use super::Version;
use super::dialect::{Dialect, FORMS, Form};
use super::failure::AuthFailure;

/// What the Authorization header says.
#[derive(Debug, PartialEq, Eq)]
pub struct Authorization<'v> {
    /// The dialect whose word it uses.
    pub dialect: DialectForm,
    /// The AccessKeyId; not empty.
    pub access_key_id: &'v str,
    /// The signature; not empty.
    pub signature: &'v str,
}

/// A row of the dialect table and the form of it that a request uses.
#[derive(Debug, Clone, Copy)]
pub struct DialectForm {
    /// The row.
    pub dialect: &'static Dialect,
    /// The form.
    pub form: &'static Form,
}

impl PartialEq for DialectForm {
    fn eq(&self, other: &Self) -> bool {
        self.dialect.name == other.dialect.name && self.form == other.form
    }
}

impl Eq for DialectForm {}

/// The first of the accepted dialects that has a form for which `says` holds.
pub fn choose(accepted: &[&'static Dialect], says: impl Fn(&Form) -> bool) -> Option<DialectForm> {
    accepted.iter().find_map(|dialect| {
        let form = dialect.forms.iter().find(|form| says(form))?;
        Some(DialectForm { dialect, form })
    })
}

/// Reads the header's value.
///
/// # Errors
/// Rules 7 to 11 of [`AuthFailure`].
pub fn parse<'v>(
    value: &'v HeaderValue,
    accepted: &[&'static Dialect],
    versions: &[Version],
) -> Result<Authorization<'v>, AuthFailure> {
    let text = value
        .to_str()
        .map_err(|_not_visible_ascii| AuthFailure::UnsupportedScheme)?;
    let (scheme, rest) = match memchr(b' ', text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let Some(dialect) = choose(accepted, |form| form.scheme == scheme) else {
        return Err(refused_scheme(scheme, rest));
    };
    if !versions.contains(&Version::V2) {
        return Err(AuthFailure::UnsupportedVersion);
    }
    let credentials = rest
        .filter(|rest| !rest.is_empty() && memchr2(b' ', b'\t', rest.as_bytes()).is_none())
        .ok_or(AuthFailure::AuthorizationSpaces)?;
    // The last colon: base64 has none, an access key id may.
    let colon = memrchr(b':', credentials.as_bytes()).ok_or(AuthFailure::AuthorizationColon)?;
    let (access_key_id, signature) = (&credentials[..colon], &credentials[colon + 1..]);
    if signature.is_empty() {
        return Err(AuthFailure::AuthorizationColon);
    }
    if access_key_id.is_empty() {
        return Err(AuthFailure::EmptyAccessKeyId);
    }
    Ok(Authorization {
        dialect,
        access_key_id,
        signature,
    })
}

fn refused_scheme(scheme: &str, rest: Option<&str>) -> AuthFailure {
    let names_v4 = |form: &&Form| scheme.starts_with(form.v4_algorithm);
    if scheme.starts_with("AWS4-") || FORMS.iter().any(names_v4) {
        AuthFailure::UnsupportedVersion
    } else if rest.is_none() {
        AuthFailure::AuthorizationSpaces
    } else {
        AuthFailure::UnsupportedScheme
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{AWS, DialectName, WOS};
    use super::*;

    fn read(
        text: &'static str,
        accepted: &[&'static Dialect],
    ) -> Result<(DialectName, &'static str), AuthFailure> {
        let value = Box::leak(Box::new(HeaderValue::from_static(text)));
        let read = parse(value, accepted, &[Version::V2])?;
        Ok((read.dialect.dialect.name, read.dialect.form.scheme))
    }

    #[test]
    fn the_word_chooses_the_first_accepted_dialect_that_has_it() {
        assert_eq!(
            read("AWS ak:sig", &[&AWS, &WOS]),
            Ok((DialectName::Aws, "AWS"))
        );
        assert_eq!(
            read("WOS ak:sig", &[&AWS, &WOS]),
            Ok((DialectName::Wos, "WOS"))
        );
        assert_eq!(read("AWS ak:sig", &[&WOS]), Ok((DialectName::Wos, "AWS")));
        assert_eq!(
            read("WOS ak:sig", &[&AWS]),
            Err(AuthFailure::UnsupportedScheme)
        );
    }

    #[test]
    fn the_last_colon_divides() {
        let value = HeaderValue::from_static("AWS tenant:user:c2ln");
        let read = parse(&value, &[&AWS], &[Version::V2]).unwrap();
        assert_eq!(
            (read.access_key_id, read.signature),
            ("tenant:user", "c2ln")
        );
    }

    #[test]
    fn every_other_header_breaks_one_rule() {
        use AuthFailure::{
            AuthorizationColon, AuthorizationSpaces, EmptyAccessKeyId, UnsupportedScheme,
            UnsupportedVersion,
        };
        for (text, broken) in [
            ("", AuthorizationSpaces),
            ("AWS", AuthorizationSpaces),
            ("AWS ", AuthorizationSpaces),
            ("AWS  ak:sig", AuthorizationSpaces),
            ("AWS ak:sig x", AuthorizationSpaces),
            ("AWS\tak:sig", AuthorizationSpaces),
            ("AWS aksig", AuthorizationColon),
            ("AWS ak:", AuthorizationColon),
            ("AWS :", AuthorizationColon),
            ("AWS :sig", EmptyAccessKeyId),
            ("AWSX ak:sig", UnsupportedScheme),
            ("aws ak:sig", UnsupportedScheme),
            ("Bearer x", UnsupportedScheme),
            ("AWS4-HMAC-SHA256 Credential=x", UnsupportedVersion),
            ("AWS4-HMAC-SHA256,Credential=x", UnsupportedVersion),
            ("AWS4-HMAC-SHA256-PAYLOAD Credential=x", UnsupportedVersion),
            ("AWS4-ECDSA-P256-SHA256 Credential=x", UnsupportedVersion),
            ("AWS4-HMAC-SHA1 Credential=x", UnsupportedVersion),
            ("WOS-HMAC-SHA256 Credential=x", UnsupportedVersion),
            ("aws4-hmac-sha256 Credential=x", UnsupportedScheme),
        ] {
            assert_eq!(read(text, &[&AWS, &WOS]).unwrap_err(), broken, "{text:?}");
        }
    }
}
