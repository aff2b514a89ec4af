//! Signing mechanisms: which one a parameter or a scheme belongs to, and whether it is accepted.

use super::Version;
use super::failure::{AuthFailure, Unaccepted};
use crate::dialect::{SYNTAXES, Syntax};

/// The parameter with the time until which a presigned request is valid, in seconds since 1970.
pub const EXPIRES: &str = "Expires";
/// The parameter with the signature, in base64.
pub const SIGNATURE: &str = "Signature";

/// The signing mechanism that a query parameter belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// HMAC-SHA1 in the query.
    V2,
    /// HMAC-SHA256 in the query, with the parameters of this syntax.
    V4(&'static Syntax),
}

/// The mechanism that a parameter belongs to. Case is ignored: a node may ignore it too.
pub fn mechanism(name: &str) -> Option<Mechanism> {
    let access_key = |syntax: &&Syntax| syntax.access_key_parameter.eq_ignore_ascii_case(name);
    if name.eq_ignore_ascii_case(SIGNATURE) || SYNTAXES.iter().any(access_key) {
        return Some(Mechanism::V2);
    }
    let marks = |syntax: &&&Syntax| {
        let names = &syntax.v4.parameters;
        [
            names.algorithm,
            names.credential,
            names.signed_headers,
            names.signature,
        ]
        .iter()
        .any(|mark| mark.eq_ignore_ascii_case(name))
    };
    SYNTAXES
        .iter()
        .find(marks)
        .map(|syntax| Mechanism::V4(syntax))
}

/// Whether the parameter carries credentials of this syntax, so that it has to be removed with them.
pub fn is_credential(syntax: &Syntax, version: Version, name: &str) -> bool {
    match version {
        Version::V2 => name == syntax.access_key_parameter || name == EXPIRES || name == SIGNATURE,
        // Each appears once, whatever its case, and a signed request has no other use for them.
        Version::V4 => {
            let parameters = syntax.v4.parameters.all();
            parameters
                .iter()
                .any(|parameter| parameter.eq_ignore_ascii_case(name))
        }
    }
}

/// Refuses a version that is switched off.
///
/// # Errors
/// [`AuthFailure::UnsupportedVersion`].
pub fn accept(version: Version, versions: &[Version]) -> Result<(), AuthFailure> {
    if versions.contains(&version) {
        return Ok(());
    }
    Err(AuthFailure::UnsupportedVersion(Unaccepted::SwitchedOff(
        version,
    )))
}

/// Why an algorithm name is not accepted; none where it is a dialect's, or does not look like one of version 4.
pub fn refused_algorithm(word: &str) -> Option<Unaccepted> {
    if SYNTAXES.iter().any(|syntax| syntax.v4.algorithm == word) {
        return None;
    }
    if word.starts_with("AWS4-ECDSA-") {
        return Some(Unaccepted::Asymmetric);
    }
    let like_v4 = |syntax: &&Syntax| word.starts_with(syntax.v4.algorithm);
    (word.starts_with("AWS4-") || SYNTAXES.iter().any(like_v4)).then_some(Unaccepted::Algorithm)
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
            "X-AMZ-Signature",
            "X-Amz-SignedHeaders",
        ] {
            assert_eq!(mechanism(name), Some(Mechanism::V4(SYNTAXES[0])), "{name}");
            let wos = format!("x-wos-{}", &name[6..]);
            assert_eq!(mechanism(&wos), Some(Mechanism::V4(SYNTAXES[1])), "{wos}");
        }
        for name in [
            "Expires",
            "acl",
            "x-wos-process",
            "X-Amz-",
            "X-Amz-Date",
            "X-Amz-Expires",
            "é",
        ] {
            assert_eq!(mechanism(name), None, "{name}");
        }
    }
}
