//! Signatures: who says they signed a request, and whether that holds. Pure: bytes and a time in, a verdict out.
//!
//! ```text
//! RequestView ─ claim ─▶ Claim ─ verify(VerifyingKey) ─▶ Verified
//! ```
//!
//! The rules are numbered and checked in order; see [`AuthFailure`].

pub mod authorization;
pub mod claim;
pub mod claimed;
pub mod diagnosis;
pub mod encode;
pub mod failure;
pub mod form;
pub mod freshness;
pub mod headers;
mod hmac_sha1;
pub mod mechanism;
pub mod node_key;
pub mod payload;
mod percent;
pub mod presigned;
pub mod query;
pub mod query_headers;
pub mod request;
pub mod signer;
pub mod signing_key;
mod split;
pub mod target;
pub mod v2;
pub mod v2_payload;
pub mod v4;
pub mod verifying_key;

use std::time::Duration;

use http::header::AUTHORIZATION;

pub use crate::dialect::Version;
use crate::dialect::{self, DialectName};
pub use claim::{Claim, Verified, claim};
pub use failure::AuthFailure;
pub use headers::{Field, fields_of};
pub use request::RequestView;
pub use target::VerifiedTarget;
pub use v4::Region;
pub use verifying_key::{Identity, KnownIdentity, VerifyingKey};

/// The longest AccessKeyId. AWS issues 20 characters and documents at most 128 (IAM API Reference, "AccessKey").
pub const MAX_ACCESS_KEY_ID_LENGTH: usize = 128;

/// Whether [`AuthFailure::SignatureMismatch`] carries what has to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Diagnostics {
    /// It does not.
    Off,
    /// It does; never the computed signature.
    On,
}

/// How requests are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyOptions {
    /// The signature versions that are accepted.
    pub versions: Vec<Version>,
    /// How far the date of a request may be from `now`, in the past and in the future.
    pub max_clock_skew: Duration,
    /// The accepted regions, in version 4.
    pub region: Region,
    /// The longest lifetime of a presigned request, in version 4.
    pub max_presigned_lifetime: Duration,
    /// Whether a mismatch carries the StringToSign and the canonical request.
    pub diagnostics: Diagnostics,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            versions: vec![Version::V2, Version::V4],
            max_clock_skew: Duration::from_secs(15 * 60),
            region: Region::Named("us-east-1".to_owned()),
            max_presigned_lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            diagnostics: Diagnostics::Off,
        }
    }
}

/// Where the credentials of a request are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In the Authorization header.
    Header,
    /// In the query string.
    Query,
    /// In the form fields of a POST upload.
    Form,
}

/// Detects the dialect of a request, even of one that cannot be verified: by the Authorization header, else by the query
/// string, else by the names of headers. None where no name in it is a vendor's.
pub fn detect_dialect<'r>(
    headers: impl Iterator<Item = Field<'r>> + Clone,
    query: Option<&str>,
) -> Option<DialectName> {
    let scheme = headers.clone().find(|field| field.0 == AUTHORIZATION);
    let scheme = scheme.map_or(&b""[..], |field| field.1);
    let query = query.unwrap_or("");
    let says: [&dyn Fn(&dialect::Syntax) -> bool; 3] = [
        &|syntax| scheme.starts_with(syntax.scheme.as_bytes()),
        &|syntax| {
            query.contains(syntax.access_key_parameter)
                || query.contains(syntax.v4.parameters.credential)
        },
        &|syntax| {
            let mut names = headers.clone().map(|field| field.0);
            names.any(|name| name.starts_with(syntax.header_prefix))
        },
    ];
    let named = |says: &&dyn Fn(&dialect::Syntax) -> bool| {
        let row = dialect::DIALECTS.iter().find(|row| says(row.syntaxes[0]))?;
        Some(row.name)
    };
    says.iter().find_map(named)
}
