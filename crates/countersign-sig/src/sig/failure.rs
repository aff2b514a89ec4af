//! Why a request is not authentic.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::diagnosis::Diagnosis;
use super::{Placement, Version};

/// The most query parameters of one request. The largest S3 call has about twenty.
pub const MAX_QUERY_PARAMETERS: usize = 100;

/// One rule that a request breaks. The rules are checked in the order of [`AuthFailure::rule`]; the first one broken
/// is the answer. `docs/verification.md` prints the same numbers.
#[derive(Debug, Clone, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantNames)]
pub enum AuthFailure {
    /// Rule 1.
    #[error("the query string is malformed: {0}")]
    MalformedQuery(&'static str),
    /// Rule 2.
    #[error("the query string has more than {MAX_QUERY_PARAMETERS} parameters")]
    TooManyParameters,
    /// Rule 3.
    #[error("the query parameter '{0}' stands more than once")]
    DuplicateParameter(String),
    /// Rule 4.
    #[error("the header '{0}' stands more than once")]
    DuplicateHeader(String),
    /// Rule 5.
    #[error("the request is signed in two ways at once")]
    SeveralMechanisms,
    /// Rule 6.
    #[error("the request is not signed")]
    NotSigned,
    /// Rule 7.
    #[error("the authorization scheme is not one that is accepted here")]
    UnsupportedScheme,
    /// Rule 8.
    #[error("the signature version is not one that is accepted here")]
    UnsupportedVersion(Unaccepted),
    /// Rule 9, version 2.
    #[error("the Authorization header does not have exactly one space")]
    AuthorizationSpaces,
    /// Rule 10, version 2.
    #[error("the Authorization header has no 'AccessKeyId:signature'")]
    AuthorizationColon,
    /// Rule 11, version 4.
    #[error("the Authorization header has not exactly Credential, SignedHeaders and Signature")]
    AuthorizationComponents,
    /// Rule 12.
    #[error("the query string has not all of the parameters that a signature takes")]
    IncompleteQuery(Version),
    /// Rule 13, version 4.
    #[error("the credential is not AccessKeyId/date/region/service/terminator")]
    MalformedCredential(Placement),
    /// Rule 14.
    #[error("the access key id is empty")]
    EmptyAccessKeyId,
    /// Rule 15, version 4.
    #[error("SignedHeaders is no sorted list of lower-case header names")]
    MalformedSignedHeaders(Placement),
    /// Rule 16.
    #[error("the header '{0}' is of another dialect than the signature, so nothing signs it")]
    ForeignHeader(String),
    /// Rule 17, version 2.
    #[error("the payload mode '{0}' needs signature version 4")]
    PayloadMode(String),
    /// Rule 18, version 4 in the header.
    #[error("the header '{0}' is missing")]
    MissingPayloadMode(&'static str),
    /// Rule 19.
    #[error("the value '{value}' of the header '{name}' is no payload mode")]
    BadPayloadMode {
        /// The header, or the parameter that says the same.
        name: &'static str,
        /// Its value as sent.
        value: String,
    },
    /// Rule 20, version 4.
    #[error(
        "a body in chunks is for PutObject and UploadPart alone, signed in the Authorization header"
    )]
    MisplacedChunks,
    /// Rule 21.
    #[error("there is no valid date")]
    NoDate(Placement),
    /// Rule 22, version 4.
    #[error("the credential scope is not the one that is accepted here")]
    CredentialScope(Placement, ScopeFault),
    /// Rule 23.
    #[error("the date is too far from the time here")]
    ClockSkew {
        /// The date as the client sent it.
        request_time: String,
        /// The time here.
        server_time: SystemTime,
        /// The largest difference allowed.
        max_clock_skew: Duration,
    },
    /// Rule 24, version 2.
    #[error("Expires is not a number of seconds since 1970")]
    BadExpires,
    /// Rule 25, version 4.
    #[error("the life of the presigned request is not from 1 to {longest} seconds")]
    BadLifetime {
        /// The longest life, in seconds.
        longest: u64,
    },
    /// Rule 26, version 4.
    #[error("the presigned request is not yet valid")]
    NotYetValid {
        /// The time of signing.
        signed_at: SystemTime,
        /// The time here.
        server_time: SystemTime,
    },
    /// Rule 27.
    #[error("the request has expired")]
    Expired {
        /// The end of its life.
        expires: SystemTime,
        /// The time here.
        server_time: SystemTime,
    },
    /// Rule 28, version 4: the names, with a comma between.
    #[error("the headers '{0}' are not signed")]
    UnsignedHeaders(String),
    /// Rule 29, version 2.
    #[error("a sub-resource's name or value, once decoded, reads as another sub-resource")]
    AmbiguousSubResource,
    /// Rule 30: the store knows no such key. Reported here so that the rules are one list.
    #[error("the access key id is unknown")]
    UnknownAccessKeyId,
    /// Rule 31.
    #[error("the session token is not the one of the access key")]
    SecurityToken,
    /// Rule 32.
    #[error("the signature does not match")]
    SignatureMismatch(Option<Box<Diagnosis>>),
    /// Rule 33, version 2.
    #[error("the query parameter '{0}' is not covered by the signature")]
    UncoveredParameter(String),
    /// Rule 34, version 4.
    #[error(
        "the header '{0}' has a run of blanks or a tab, which the signature does not tell from one blank"
    )]
    BlankRun(String),
}

/// Why a signature version is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unaccepted {
    /// It is switched off.
    SwitchedOff(Version),
    /// It is version 4A, the asymmetric one (`AWS4-ECDSA-P256-SHA256`).
    Asymmetric,
    /// There is no such algorithm.
    Algorithm,
}

/// The component of a credential scope that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeFault {
    /// The day is not the one of the request.
    Date {
        /// The day of the credential.
        provided: String,
        /// The time of the request.
        request_time: String,
    },
    /// The region is another one.
    Region {
        /// The region of the credential.
        provided: String,
        /// The region here.
        expected: String,
    },
    /// The service is another one.
    Service {
        /// The service of the credential.
        provided: String,
        /// The dialect's.
        expected: &'static str,
    },
    /// The last component is another one.
    Terminator {
        /// The terminator of the credential.
        provided: String,
        /// The dialect's.
        expected: &'static str,
    },
}

impl AuthFailure {
    /// Rule 19.
    pub(super) fn bad_payload_mode(name: &'static str, value: &[u8]) -> Self {
        let value = String::from_utf8_lossy(value).into();
        Self::BadPayloadMode { name, value }
    }

    /// The number of the rule.
    pub fn rule(&self) -> u8 {
        match self {
            Self::MalformedQuery(_) => 1,
            Self::TooManyParameters => 2,
            Self::DuplicateParameter(_) => 3,
            Self::DuplicateHeader(_) => 4,
            Self::SeveralMechanisms => 5,
            Self::NotSigned => 6,
            Self::UnsupportedScheme => 7,
            Self::UnsupportedVersion(_) => 8,
            Self::AuthorizationSpaces => 9,
            Self::AuthorizationColon => 10,
            Self::AuthorizationComponents => 11,
            Self::IncompleteQuery(_) => 12,
            Self::MalformedCredential(_) => 13,
            Self::EmptyAccessKeyId => 14,
            Self::MalformedSignedHeaders(_) => 15,
            Self::ForeignHeader(_) => 16,
            Self::PayloadMode(_) => 17,
            Self::MissingPayloadMode(_) => 18,
            Self::BadPayloadMode { .. } => 19,
            Self::MisplacedChunks => 20,
            Self::NoDate(_) => 21,
            Self::CredentialScope(..) => 22,
            Self::ClockSkew { .. } => 23,
            Self::BadExpires => 24,
            Self::BadLifetime { .. } => 25,
            Self::NotYetValid { .. } => 26,
            Self::Expired { .. } => 27,
            Self::UnsignedHeaders(_) => 28,
            Self::AmbiguousSubResource => 29,
            Self::UnknownAccessKeyId => 30,
            Self::SecurityToken => 31,
            Self::SignatureMismatch(_) => 32,
            Self::UncoveredParameter(_) => 33,
            Self::BlankRun(_) => 34,
        }
    }
}
