//! The Authorization header: `AWS AccessKeyId:signature` in version 2, and in version 4
//! `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`; other vendors have other schemes.

use memchr::{memchr, memchr2, memrchr};

use super::failure::AuthFailure;
use super::headers::text_of;
use super::mechanism::{accept, refused_algorithm};
use super::split::split;
use super::v4::Presented;
use super::{Placement, Version};
use crate::dialect::{ChosenSyntax, Dialect, SYNTAXES, choose};

/// What the Authorization header says.
#[derive(Debug)]
pub enum Authorization<'v> {
    /// Version 2.
    V2 {
        /// The AccessKeyId; not empty.
        access_key_id: &'v str,
        /// The signature; not empty.
        signature: &'v str,
    },
    /// Version 4.
    V4(Presented<'v>),
}

/// Reads the header's value: the dialect that has its scheme, and the credentials.
///
/// # Errors
/// Rules 7 to 11 and 13 to 15 of [`AuthFailure`].
pub fn parse<'v>(
    value: &'v [u8],
    accepted: &[&'static Dialect],
    versions: &[Version],
) -> Result<(ChosenSyntax, Authorization<'v>), AuthFailure> {
    let Some(text) = text_of(value) else {
        return Err(AuthFailure::UnsupportedScheme);
    };
    let (scheme, rest) = match memchr(b' ', text.as_bytes()) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    if let Some(dialect) = choose(accepted, |syntax| syntax.scheme == scheme) {
        accept(Version::V2, versions)?;
        return Ok((dialect, parse_v2(rest)?));
    }
    if let Some(dialect) = choose(accepted, |syntax| syntax.v4.algorithm == scheme) {
        accept(Version::V4, versions)?;
        return Ok((dialect, Authorization::V4(parse_v4(rest.unwrap_or(""))?)));
    }
    Err(refused_scheme(scheme, rest))
}

fn parse_v2(rest: Option<&str>) -> Result<Authorization<'_>, AuthFailure> {
    let credentials = rest
        .filter(|rest| !rest.is_empty() && memchr2(b' ', b'\t', rest.as_bytes()).is_none())
        .ok_or(AuthFailure::AuthorizationSpaces)?;
    // The last colon: base64 has none, an AccessKeyId may have some.
    let colon = memrchr(b':', credentials.as_bytes()).ok_or(AuthFailure::AuthorizationColon)?;
    let (access_key_id, signature) = (&credentials[..colon], &credentials[colon + 1..]);
    if signature.is_empty() {
        return Err(AuthFailure::AuthorizationColon);
    }
    if access_key_id.is_empty() {
        return Err(AuthFailure::EmptyAccessKeyId);
    }
    Ok(Authorization::V2 {
        access_key_id,
        signature,
    })
}

/// The three components come in any order, separated by a comma with or without spaces (the WOS SDKs send none).
fn parse_v4(rest: &str) -> Result<Presented<'_>, AuthFailure> {
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for component in split(rest, b',') {
        let component = component.trim_ascii();
        let (place, value) = if let Some(value) = component.strip_prefix("Credential=") {
            (&mut credential, value)
        } else if let Some(value) = component.strip_prefix("SignedHeaders=") {
            (&mut signed_headers, value)
        } else if let Some(value) = component.strip_prefix("Signature=") {
            (&mut signature, value)
        } else {
            return Err(AuthFailure::AuthorizationComponents);
        };
        if place.replace(value).is_some() {
            return Err(AuthFailure::AuthorizationComponents);
        }
    }
    let (Some(credential), Some(signed_headers), Some(signature)) =
        (credential, signed_headers, signature)
    else {
        return Err(AuthFailure::AuthorizationComponents);
    };
    Presented::of(
        Placement::Header,
        credential.into(),
        signed_headers.into(),
        signature.into(),
    )
}

fn refused_scheme(scheme: &str, rest: Option<&str>) -> AuthFailure {
    if let Some(unaccepted) = refused_algorithm(scheme) {
        AuthFailure::UnsupportedVersion(unaccepted)
    } else if rest.is_none() && SYNTAXES.iter().all(|syntax| syntax.v4.algorithm != scheme) {
        AuthFailure::AuthorizationSpaces
    } else {
        AuthFailure::UnsupportedScheme
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::Unaccepted;
    use super::*;
    use crate::dialect::{AWS, DialectName, WOS};

    const VERSIONS: &[Version] = &[Version::V2, Version::V4];
    const V4: &str = "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range, Signature=00ff";

    fn read(
        text: &'static str,
        accepted: &[&'static Dialect],
    ) -> Result<(DialectName, &'static str), AuthFailure> {
        let (chosen, read) = parse(text.as_bytes(), accepted, VERSIONS)?;
        let word = match read {
            Authorization::V2 { .. } => chosen.syntax.scheme,
            Authorization::V4(_) => chosen.syntax.v4.algorithm,
        };
        Ok((chosen.dialect.name, word))
    }

    #[test]
    fn the_word_chooses_the_first_accepted_dialect_that_has_it() {
        let v4 = "AWS4-HMAC-SHA256";
        assert_eq!(
            read("AWS ak:sig", &[&AWS, &WOS]),
            Ok((DialectName::Aws, "AWS"))
        );
        assert_eq!(
            read("WOS ak:sig", &[&AWS, &WOS]),
            Ok((DialectName::Wos, "WOS"))
        );
        assert_eq!(read("AWS ak:sig", &[&WOS]), Ok((DialectName::Wos, "AWS")));
        assert_eq!(read(V4, &[&AWS, &WOS]), Ok((DialectName::Aws, v4)));
        assert_eq!(read(V4, &[&WOS]), Ok((DialectName::Wos, v4)));
        for text in [
            "WOS ak:sig",
            "WOS-HMAC-SHA256 Credential=x",
            "WOS-HMAC-SHA256",
        ] {
            assert_eq!(
                read(text, &[&AWS]),
                Err(AuthFailure::UnsupportedScheme),
                "{text}"
            );
        }
    }

    #[test]
    fn a_version_that_is_switched_off_is_named() {
        for (text, off, on) in [
            ("AWS ak:sig", Version::V2, Version::V4),
            (V4, Version::V4, Version::V2),
        ] {
            let refused = parse(text.as_bytes(), &[&AWS], &[on]).unwrap_err();
            let expected = AuthFailure::UnsupportedVersion(Unaccepted::SwitchedOff(off));
            assert_eq!(refused, expected, "{text}");
        }
    }

    #[test]
    fn the_last_colon_divides() {
        let (_, read) = parse(b"AWS tenant:user:c2ln", &[&AWS], VERSIONS).unwrap();
        assert!(matches!(
            read,
            Authorization::V2 {
                access_key_id: "tenant:user",
                signature: "c2ln"
            }
        ));
    }

    #[test]
    fn the_components_of_version_4_stand_in_any_order() {
        for text in [
            V4,
            "AWS4-HMAC-SHA256 Credential=AK/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range,Signature=00ff",
            "AWS4-HMAC-SHA256 Signature=00ff ,\tSignedHeaders=host;range,  Credential=AK/20130524/us-east-1/s3/aws4_request",
        ] {
            let (_, read) = parse(text.as_bytes(), &[&AWS], VERSIONS).unwrap();
            let Authorization::V4(read) = read else {
                panic!("{text}")
            };
            assert_eq!(read.credential.access_key_id(), "AK");
            assert_eq!(read.signed_headers.text(), "host;range");
            assert_eq!(read.signature, "00ff");
            assert_eq!(read.placement, Placement::Header);
        }
    }

    #[test]
    fn every_other_header_breaks_one_rule() {
        use AuthFailure::{
            AuthorizationColon, AuthorizationComponents, AuthorizationSpaces, EmptyAccessKeyId,
            MalformedCredential, MalformedSignedHeaders, UnsupportedScheme, UnsupportedVersion,
        };
        use Unaccepted::{Algorithm, Asymmetric};
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
            ("aws4-hmac-sha256 Credential=x", UnsupportedScheme),
            (
                "AWS4-HMAC-SHA256,Credential=x",
                UnsupportedVersion(Algorithm),
            ),
            (
                "AWS4-HMAC-SHA256-PAYLOAD Credential=x",
                UnsupportedVersion(Algorithm),
            ),
            ("AWS4-HMAC-SHA1 Credential=x", UnsupportedVersion(Algorithm)),
            (
                "WOS-HMAC-SHA256x Credential=x",
                UnsupportedVersion(Algorithm),
            ),
            (
                "AWS4-ECDSA-P256-SHA256 Credential=x",
                UnsupportedVersion(Asymmetric),
            ),
            ("AWS4-HMAC-SHA256", AuthorizationComponents),
            ("AWS4-HMAC-SHA256 ", AuthorizationComponents),
            ("AWS4-HMAC-SHA256 garbage", AuthorizationComponents),
            ("AWS4-HMAC-SHA256 Credential=x", AuthorizationComponents),
            (
                "AWS4-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=0,",
                AuthorizationComponents,
            ),
            (
                "AWS4-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=0,a=b",
                AuthorizationComponents,
            ),
            (
                "AWS4-HMAC-SHA256 Credential=x,Credential=x,SignedHeaders=host,Signature=0",
                AuthorizationComponents,
            ),
            (
                "AWS4-HMAC-SHA256 credential=x,SignedHeaders=host,Signature=0",
                AuthorizationComponents,
            ),
            (
                "AWS4-HMAC-SHA256 Credential=x,SignedHeaders=host,Signature=0",
                MalformedCredential(Placement::Header),
            ),
            (
                "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=host,Signature=0",
                EmptyAccessKeyId,
            ),
            (
                "AWS4-HMAC-SHA256 Credential=x////,SignedHeaders=,Signature=0",
                MalformedSignedHeaders(Placement::Header),
            ),
        ] {
            assert_eq!(read(text, &[&AWS, &WOS]).unwrap_err(), broken, "{text:?}");
        }
    }
}
