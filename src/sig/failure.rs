//! Why a request is not authentic.

use std::time::{Duration, SystemTime};

use thiserror::Error;

use super::diagnosis::Diagnosis;

/// One rule that a request breaks. The rules are checked in the order of [`AuthFailure::rule`]; the first one broken
/// is the answer. `docs/verification.md` prints the same numbers.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuthFailure {
    /// Rule 1.
    #[error("the query string is malformed: {0}")]
    MalformedQuery(&'static str),
    /// Rule 2.
    #[error("the query string has more than {max} parameters", max = super::request::MAX_QUERY_PARAMETERS)]
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
    UnsupportedVersion,
    /// Rule 9.
    #[error("the Authorization header does not have exactly one space")]
    AuthorizationSpaces,
    /// Rule 10.
    #[error("the Authorization header has no 'AccessKeyId:signature'")]
    AuthorizationColon,
    /// Rule 11.
    #[error("the access key id is empty")]
    EmptyAccessKeyId,
    /// Rule 12.
    #[error("the query string has not all of the access key id, Expires and Signature")]
    IncompleteQuery,
    /// Rule 13.
    #[error("the header '{0}' is of another dialect than the signature, so nothing signs it")]
    ForeignHeader(String),
    /// Rule 14.
    #[error("the access key has no security token, but the request carries one")]
    SecurityToken,
    /// Rule 15.
    #[error("the payload mode '{0}' needs signature version 4")]
    PayloadMode(String),
    /// Rule 16.
    #[error("there is no valid date")]
    NoDate,
    /// Rule 17.
    #[error("the date is too far from the time here")]
    ClockSkew {
        /// The date as the client sent it.
        request_time: String,
        /// The time here.
        server_time: SystemTime,
        /// The largest difference allowed.
        max_clock_skew: Duration,
    },
    /// Rule 18.
    #[error("Expires is not a number of seconds since 1970")]
    BadExpires,
    /// Rule 19.
    #[error("the request has expired")]
    Expired {
        /// The value of `Expires`.
        expires: SystemTime,
        /// The time here.
        server_time: SystemTime,
    },
    /// Rule 20.
    #[error("a sub-resource's name or value, once decoded, reads as another sub-resource")]
    AmbiguousSubResource,
    /// Rule 21: the store knows no such key. Reported here so that the rules are one list.
    #[error("the access key id is unknown")]
    UnknownAccessKeyId,
    /// Rule 22.
    #[error("the signature does not match")]
    SignatureMismatch(Option<Box<Diagnosis>>),
    /// Rule 23.
    #[error("the query parameter '{0}' is not covered by the signature")]
    UncoveredParameter(String),
}

impl AuthFailure {
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
            Self::UnsupportedVersion => 8,
            Self::AuthorizationSpaces => 9,
            Self::AuthorizationColon => 10,
            Self::EmptyAccessKeyId => 11,
            Self::IncompleteQuery => 12,
            Self::ForeignHeader(_) => 13,
            Self::SecurityToken => 14,
            Self::PayloadMode(_) => 15,
            Self::NoDate => 16,
            Self::ClockSkew { .. } => 17,
            Self::BadExpires => 18,
            Self::Expired { .. } => 19,
            Self::AmbiguousSubResource => 20,
            Self::UnknownAccessKeyId => 21,
            Self::SignatureMismatch(_) => 22,
            Self::UncoveredParameter(_) => 23,
        }
    }
}
