//! What a request of version 2 declares of its body.

use super::failure::AuthFailure;
use super::payload::{PayloadClaim, PayloadMode, has_no_body};
use super::request::RequestView;
use crate::dialect::Syntax;

/// What a request declares of its body, in a header of the vendor, which version 2 signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Declared {
    /// Nothing.
    Nothing,
    /// `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// Its SHA-256.
    Sha256([u8; 32]),
}

impl From<Declared> for PayloadClaim {
    fn from(declared: Declared) -> Self {
        match declared {
            Declared::Nothing => Self::NotDeclared,
            Declared::Unsigned => Self::Unsigned,
            Declared::Sha256(hash) => Self::Sha256(hash),
        }
    }
}

/// Reads what the request declares.
///
/// # Errors
/// Rules 17 and 19 of [`AuthFailure`]: a payload mode of version 4 alone, or one that is not valid.
pub fn declared(view: &RequestView<'_>, syntax: &Syntax) -> Result<Declared, AuthFailure> {
    let fields = &view.fields;
    let name = syntax.v4.content_sha256_header;
    let text = fields.vendor(name);
    if let Some(mode) = text.filter(|mode| mode.starts_with(b"STREAMING-")) {
        return Err(AuthFailure::PayloadMode(
            String::from_utf8_lossy(mode).into(),
        ));
    }
    let declared = match text.and_then(|text| PayloadMode::of(text, syntax.v4.algorithm)) {
        Some(PayloadMode::Unsigned) => Declared::Unsigned,
        Some(PayloadMode::Sha256(hash)) => Declared::Sha256(hash),
        _ => Declared::Nothing,
    };
    let chunked = |token: &[u8]| token.trim_ascii().eq_ignore_ascii_case(b"aws-chunked");
    let framed = |value: &[u8]| value.split(|&byte| byte == b',').any(chunked);
    match text {
        // A declared body is taken as declared, whatever Content-Encoding says.
        _ if declared == Declared::Nothing && fields.content_encoding.is_some_and(framed) => {
            Err(AuthFailure::PayloadMode("aws-chunked".into()))
        }
        Some(text) if declared == Declared::Nothing && !has_no_body(view.method) => {
            Err(AuthFailure::bad_payload_mode(name, text))
        }
        _ => Ok(declared),
    }
}
